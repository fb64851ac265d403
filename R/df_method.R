# Degrees of freedom: the interface. A method is one file, df_<name>.R, with S3 methods for its class:
#   coef_covariance(method, info)              covariance of the estimates, in the coordinates of `info`
#   denominator_df(method, info, hypothesis)   list(df, scale): scale * F ~ F(rows, df)
#   row_df(method, info, hypothesis)           df of each row alone
# and, where needed, set_options(), method_fit(), needs_information() and prepare_method(), which sets psi_covariance
# and theta_covariance: the covariance matrices of the natural parameters and of theta.

ddf_classes <- c(Satterthwaite = "df_satterthwaite", `Kenward-Roger` = "df_kenward_roger",
                 containment = "df_containment", `between-within` = "df_between_within", residual = "df_residual",
                 asymptotic = "df_asymptotic", `inner-outer` = "df_inner_outer", `cluster-robust` = "df_cluster_robust")

#' Methods for denominator degrees of freedom
#'
#' `ddf_methods()` lists the methods that [summary()][summary.lmm_fit()], [anova()][anova.lmm_fit()], [contest()] and
#' 'emmeans' accept as `ddf`; upper and lower case are equivalent, and unique abbreviations are enough; `"KR"`
#' is Kenward-Roger. `ddf_method()` makes a method with options, which can be given as `ddf` in place of a name.
#'
#' @section Methods:
#' \describe{
#'   \item{`"Satterthwaite"`}{`2 v^2 / Var(v)` for the estimated variance `v` of a contrast, with the observed
#'     information of the variance parameters (Giesbrecht and Burns 1985; Fai and Cornelius 1996 for several rows). A
#'     variance estimated as zero does not enter: the result is that of the model without the term.}
#'   \item{`"Kenward-Roger"`}{adjusted covariance matrix of the estimates and a scaled F statistic (Kenward and Roger
#'     1997), in natural parameters (variances and covariances). `information = "expected"` (default) or `"observed"`,
#'     the choice of SAS. `type = "linear"` (default) omits the second derivatives of the covariance matrix, so
#'     that the result does not depend on the parametrization; `"full"` includes them. Without a residual structure both
#'     are the same, since the covariance matrix is linear in its parameters. A fit by maximum likelihood is refitted by
#'     REML, with a message; all numbers then belong to that fit. Prior weights are taken into account.}
#'   \item{`"containment"`}{SAS: the smallest rank that a random effect whose name contains the fixed effect adds to
#'     `(X Z)`; without such a random effect the residual `n - rank(X Z)`. In `(x | g)` the random effects are `g` and
#'     `x:g`; the intercept is contained in all of them. Effects with fewer variables come first. A recoding, such as
#'     `factor(a)`, counts as the variable `a`.}
#'   \item{`"between-within"`}{SAS: `n - rank X` split into a part between and a part within subjects; an effect whose
#'     columns change within a subject gets the latter. Where several sets of factors change within subjects, the part
#'     within is split further by the interactions of subject and set. `subject` names the grouping factor; by default
#'     the one in which the others are nested, else that of the first random term. Without random effects, the subjects
#'     are those of `residual =`, as in package 'mmrm' (SAS uses the between-subject degrees of freedom for all effects
#'     if the structure is `TYPE=UN`).}
#'   \item{`"inner-outer"`}{nlme: each coefficient is tested at the innermost grouping level within whose groups its
#'     column varies, a term at that of its innermost column. Needs nested grouping factors.}
#'   \item{`"residual"`}{`n - rank X`.}
#'   \item{`"asymptotic"`}{infinite: normal and chi-square distributions.}
#'   \item{`"cluster-robust"`}{sandwich covariance matrix by clusters: `cluster`, a formula such as `~ school`,
#'     `~ school:class` (their combinations) or `~ floor(id / 100)`, or a vector with a value for each row, and `type`,
#'     one of `"CR0"`, `"CR1"`, `"CR2"` (default), `"CR3"`; degrees of freedom by Satterthwaite's method, for several
#'     rows an approximate Hotelling test (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018). The random effects
#'     need not be nested in the clusters; with a residual structure a cluster must contain whole subjects.}
#' }
#' For `"containment"`, `"between-within"` and `"inner-outer"` a contrast that involves several effects gets the
#' smallest of their degrees of freedom; a test of a term, as in [anova()][anova.lmm_fit()], has those of the term.
#'
#' @param name a name, see `ddf_methods()`.
#' @param ... options of the method: `information`, `type` (Kenward-Roger), `subject` (between-within), `cluster`,
#'   `type` and `data` (cluster-robust; `data` as in [vcov()][vcov.lmm_fit]).
#' @return `ddf_methods()` a character vector, `ddf_method()` an object of class `df_method`.
#' @section Conditions:
#' A name or an option that does not exist is an error of class `lmm_error_input` that lists those that do; so is
#' `"inner-outer"` for crossed grouping factors, and `"cluster-robust"` without `cluster`.
#' `lmm_warning_precision`: an estimate on which all clusters agree exactly has a cluster-robust standard error of zero,
#' and no test; a hypothesis with too many rows for the number of clusters has no test either.
#' @references Kenward and Roger (1997) Biometrics 53, 983-997. Fai and Cornelius (1996) J. Statist. Comput. Simul. 54,
#'   363-378. Bell and McCaffrey (2002) Survey Methodology 28, 169-181. Pustejovsky and Tipton (2018) J. Bus. Econ.
#'   Statist. 36, 672-683. Giesbrecht and Burns (1985) Biometrics 41, 477-486. Pinheiro and Bates (2000), section 2.4.2.
#' @seealso [anova][anova.lmm_fit], [summary.lmm_fit] and [contest()], which take `ddf`; [vcov][coefficients]
#'   for the covariance matrices; `vignette("degrees-of-freedom", "henderson")`.
#' @concept Kenward-Roger
#' @concept Satterthwaite
#' @concept degrees of freedom
#' @concept containment
#' @concept between-within
#' @concept small sample
#' @concept robust
#' @concept cluster-robust tests
#' @examples
#' ddf_methods()
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' anova(fit, ddf = ddf_method("Kenward-Roger", information = "observed"))
#' @export
ddf_methods <- function(...) names(ddf_classes)

#' @rdname ddf_methods
#' @export
ddf_method <- function(name = "Satterthwaite", ...) find_method(name, list(...))

find_method <- function(name, options) {
  if (inherits(name, "df_method")) return(name)
  at <- if (is.character(name) && length(name) == 1L && !is.na(name)) method_number(name) else NA
  if (is.na(at)) check_choice(name, names(ddf_classes), "ddf")
  method <- structure(list(name = names(ddf_classes)[at]), class = c(ddf_classes[[at]], "df_method"))
  set_options(method, options)
}

# Letters count, and so many of them that the word is the only one.
method_number <- function(name) {
  key <- function(x) gsub("[^a-z]", "", tolower(x))
  at <- match(name, names(ddf_classes))
  if (!is.na(at)) at else if (key(name) == "kr") 2L else pmatch(key(name), key(names(ddf_classes)))
}

# Checks the options of a method and stores them; a method without options refuses all.
set_options <- function(method, options) UseMethod("set_options")

#' @export
set_options.df_method <- function(method, options) {
  check_options(options, character())
  method
}

# Stops at options that are not allowed, given twice or without a name.
check_options <- function(options, allowed) {
  names <- if (is.null(names(options))) character(length(options)) else names(options)
  wrong <- !names %in% allowed | duplicated(names)
  if (any(wrong)) abort_unknown(names[wrong], c(allowed, user_arguments()))
}

# Words for a heading.
method_phrase <- function(method) {
  if (inherits(method, c("df_satterthwaite", "df_kenward_roger"))) paste0(method$name, "'s method", method$note)
  else paste(method$name, "degrees of freedom")
}

#' @export
print.df_method <- function(x, ...) {
  options <- setdiff(names(x), "name")
  options <- options[vapply(x[options], is.character, NA)]
  cat("<ddf: ", x$name, if (length(options)) paste0(", ", options, " = ", quote_level(unlist(x[options]))), ">\n",
      sep = "")
  invisible(x)
}

coef_covariance <- function(method, info) UseMethod("coef_covariance")

#' @export
coef_covariance.df_method <- function(method, info) info$phi

denominator_df <- function(method, info, hypothesis) UseMethod("denominator_df")

# Methods that know only rows: the smallest.
#' @export
denominator_df.df_method <- function(method, info, hypothesis) {
  list(df = min(row_df(method, info, hypothesis)), scale = 1)
}

row_df <- function(method, info, hypothesis) UseMethod("row_df")

# The fit to be tested; methods that are made for REML refit.
method_fit <- function(method, fit) UseMethod("method_fit")

#' @export
method_fit.df_method <- function(method, fit) fit

needs_information <- function(method) UseMethod("needs_information")

#' @export
needs_information.df_method <- function(method) FALSE

# Stores in the method what all its answers share.
prepare_method <- function(method, info) UseMethod("prepare_method")

#' @export
prepare_method.df_method <- function(method, info) method

# Degrees of freedom of coefficients (columns of X) -> of the rows of a hypothesis: the smallest of those involved. A
# test of a term has those of the term, although its rows of type 1 or 2 may involve coefficients of other terms.
involved_df <- function(method, info, hypothesis) {
  if (!is.null(hypothesis$term)) {
    own <- fit_frame(info$fit)$x_assign[info$kept] == hypothesis$term
    by_column <- if (is.null(method$term_df)) method$coefficient_df else method$term_df
    return(rep(min(by_column[own]), nrow(hypothesis$user)))
  }
  apply(hypothesis$user, 1L, function(l) {
    involved <- abs(l) > 1e-10 * max(abs(l))
    if (any(involved)) min(method$coefficient_df[involved]) else NA_real_
  })
}

with_information_note <- function(method, fits) {
  average <- vapply(fits, function(fit) fit_is_iterative(fit) || has_average_information(fit), NA)
  if (any(average)) method$note <- " with average information"
  method
}

# A fit made ready for tests: list(info, method, covariance).
new_inference <- function(fit, ddf, ...) {
  method <- find_method(ddf, list(...))
  fit <- method_fit(method, fit)
  info <- fit_information(fit, needs_information(method))
  if (anyNA(info$phi) || !length(info$phi)) return(list(info = info, method = method, covariance = info$phi))
  method <- prepare_method(method, info)
  method <- with_information_note(method, list(fit))
  list(info = info, method = method, covariance = coef_covariance(method, info))
}

# Covariance of the estimable coefficients on the user's scale.
user_covariance <- function(inference) {
  info <- inference$info
  out <- info$sigma2 * info$basis %*% inference$covariance %*% t(info$basis)
  none <- row_variances(info$basis, inference$covariance, info$phi) == 0
  out[none, ] <- 0
  out[, none] <- 0
  dimnames(out) <- list(names(info$estimate), names(info$estimate))
  (out + t(out)) / 2
}
