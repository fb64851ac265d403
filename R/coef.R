# Fixed-effect estimates, their covariance, and the coefficients of each level.

#' Coefficients of a fit
#'
#' `fixef()` gives the fixed-effect estimates, `vcov()` their covariance matrix, `coef()` the coefficients
#' of each level of each grouping factor: fixed effect plus conditional mode.
#'
#' A coefficient whose column of the fixed-effect matrix is a combination of earlier columns cannot be estimated.
#' It is `NA` in `fixef()` and in the rows of `vcov()`, as for [stats::lm()].
#'
#' @param object a fit made by [lmm()].
#' @param add.dropped keep coefficients that cannot be estimated (aliased), as `NA`?
#' @param complete keep rows and columns of coefficients that cannot be estimated (aliased), as `NA`?
#' @param full the joint covariance matrix of the prediction errors of all random effects and of the
#'   fixed-effect estimates, at the estimated variance parameters, instead of that of the latter only?
#'   Its order is: random terms as in [VarCorr()], within a term level by level, then the fixed effects.
#' @param type covariance matrix of the fixed-effect estimates: of the `"model"`; `"kenward-roger"`, adjusted for small
#'   samples; `"CR0"` to `"CR3"`, robust against any dependence within the clusters that `cluster = ~ g` names. See
#'   [ddf_methods()].
#' @param ... for `vcov()` options of the type: `cluster`, `information`; `data`, the rows of a fit from cross-products
#'   (a data frame, [chunks()], a table of a database), for clusters that the table of cells does not distinguish.
#'   Otherwise not used.
#' @return `fixef()` a named vector, in units of the response divided by those of the column. `vcov()` a symmetric
#'   matrix with a row per coefficient, or with `full = TRUE` a row per random effect and estimable coefficient; of the
#'   model it is `(X' V^-1 X)^-1`, and the full one the inverse of the matrix of Henderson's mixed model equations.
#'   `coef()` a list of data frames, one per grouping factor, with a row per level and a column per coefficient.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, or a robust one without `cluster`, or clusters that do not fit the rows;
#' `lmm_error_data`: fewer than two clusters. With `type = "kenward-roger"` a fit by maximum likelihood is refitted by
#' REML (`lmm_message_refit`). `lmm_error_solver`: `full = TRUE` or a cluster-robust type for a fit by the iterative
#' solver.
#' @references Henderson (1975) Biometrics 31, 423-447. Kenward and Roger (1997) Biometrics 53, 983-997. Bell and
#'   McCaffrey (2002) Survey Methodology 28, 169-181.
#' @seealso [ranef][ranef.lmm_fit], [summary.lmm_fit], [ddf_methods()] for tests with cluster-robust standard
#'   errors, [contest()].
#' @concept fixed effects
#' @concept BLUE
#' @concept robust
#' @concept sandwich
#' @concept cluster-robust standard errors
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' fixef(fit)
#' coef(fit)$blend
#' sqrt(diag(vcov(fit)))
#' @name coefficients
NULL

#' @rdname coefficients
#' @method fixef lmm_fit
#' @export
fixef.lmm_fit <- function(object, add.dropped = TRUE, ...) {
  beta <- fit_beta(object)
  if (add.dropped) beta else beta[!is.na(beta)]
}

#' @importFrom nlme fixef
#' @export
nlme::fixef

#' @rdname coefficients
#' @export
coef.lmm_fit <- function(object, ...) {
  beta <- fit_beta(object)
  modes <- group_modes(object)
  random_only <- setdiff(unlist(lapply(modes, colnames)), names(beta))
  fixed <- c(stats::setNames(numeric(length(random_only)), random_only), beta)
  structure(lapply(modes, function(b) {
    out <- matrix(fixed, nrow(b), length(fixed), byrow = TRUE, dimnames = list(rownames(b), names(fixed)))
    for (j in seq_len(ncol(b))) {
      name <- colnames(b)[j]
      out[, name] <- out[, name] + b[, j]
    }
    as.data.frame(out, optional = TRUE)
  }), class = "coef.lmm_fit")
}

#' @export
print.coef.lmm_fit <- function(x, ...) {
  print(unclass(x), ...)
  invisible(x)
}

#' @rdname coefficients
#' @export
vcov.lmm_fit <- function(object, complete = TRUE, full = FALSE, type = "model", ...) {
  check_flag(complete, "complete")
  if (check_flag(full, "full")) {
    check_dots_empty(...)
    return(named_joint_covariance(object))
  }
  vcov <- typed_vcov(object, type, ...)
  beta <- fit_beta(object)
  if (!complete || !anyNA(beta)) return(vcov)
  out <- matrix(NA_real_, length(beta), length(beta), dimnames = list(names(beta), names(beta)))
  estimable <- !is.na(beta)
  out[estimable, estimable] <- vcov
  out
}

named_joint_covariance <- function(fit) {
  refuse_iterative(fit, "the joint covariance matrix of all effects is")
  check_joint_size(sum(lengths(fit_modes(fit))) + fit_rank(fit))
  joint <- engine_joint_covariance(fit)
  labels <- unlist(Map(function(b, name) {
    paste(name, rep(rownames(b), each = ncol(b)), rep(colnames(b), nrow(b)), sep = ".")
  }, fit_modes(fit), fit_term_names(fit)), use.names = FALSE)
  labels <- c(labels, names(fit_beta(fit))[fit_estimable(fit)])
  dimnames(joint) <- list(labels, labels)
  joint
}

# The matrix, its factor and R's copy.
check_joint_size <- function(size, limit = available_memory()) {
  if (24 * size^2 > limit) {
    lmm_abort("numeric", paste0("the joint covariance matrix of ", count_of(size, "effect"), " needs about ",
                                gigabytes(24 * size^2), " of memory."), what = "full", value = size,
              fix = "ranef(fit, pev = TRUE) gives variances of random effects, vcov(fit) those of fixed effects.")
  }
  seconds <- size^3 / 5e9
  if (seconds > 60) tell_time(seconds, "the joint covariance matrix")
}

#' @importFrom stats sigma
#' @export
sigma.lmm_fit <- function(object, ...) fit_shown_sigma(object)
