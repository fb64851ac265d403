# The criterion and what is made of it.

#' Log-likelihood and information criteria
#'
#' `logLik()` gives the criterion that was optimized, or the other one at the same relative variance parameters
#' with the residual variance at its optimum for that criterion.
#'
#' The number of parameters `df` and of observations `nobs` that [stats::AIC()] and [stats::BIC()] use follow
#' one of three conventions:
#' \describe{
#'   \item{`"lme4"`}{all fixed effects and variance parameters; all rows}
#'   \item{`"nlme"`}{the same parameters; for REML the rows minus the rank of the fixed-effect matrix}
#'   \item{`"SAS"`}{for REML only the variance parameters, and those on the boundary never; the number of levels
#'     of the grouping factor in which all others are nested, otherwise of the first random term; with `residual =`, the
#'     number of its subjects, including those without a response but excluding those with no row because of `subset`,
#'     a weight of 0 or a missing covariate. As in SAS, the number of rows (for REML minus the rank) is used in
#'     `AICC()`.}
#' }
#' The numbers of a row of weight zero do not enter the likelihood, so it is not counted.
#'
#' With `V` the covariance matrix of `y`, `y - X beta = r` and `p` the rank of `X`, `-2 log L` is
#' `n log(2 pi) + log |V| + r' V^-1 r`, and for REML `(n - p) log(2 pi) + log |V| + log |X' V^-1 X| + r' V^-1 r` with
#' the estimable columns of `X`, in the user's units. Restricted likelihoods under different codings therefore differ by
#' a constant.
#'
#' @param object a fit made by [lmm()].
#' @param REML which criterion? `NULL`: the one that was optimized.
#' @param compat convention for `df` and `nobs`.
#' @param k penalty per parameter.
#' @param ... further fits for `AIC()` and `BIC()`.
#' @return `logLik()` an object of class `logLik`, a number with attributes `df`, `nobs` and `nall`, and for a fit by
#'   the iterative solver `mc.error`, twice its Monte Carlo error (that of `deviance()`, `AIC()` and `BIC()` is twice as
#'   large); `deviance()` minus twice the log-likelihood; `AIC()` and `BIC()` a number, or for several fits a data frame
#'   with a row for each. A fit whose residual variance is zero has no likelihood: `NA`.
#' @section Conditions:
#' An unknown `compat`, a `k` that is not a number, or fits with different rows or responses in one table are errors of
#' class `lmm_error_input`. `lmm_warning_data`: restricted likelihoods in a table that are not comparable.
#' @references Patterson and Thompson (1971) Biometrika 58, 545-554. Harville (1977) JASA 72, 320-338.
#' @seealso [AICC()], [anova][anova.lmm_fit] for tests between two fits, [REMLcrit()].
#' @concept AIC
#' @concept BIC
#' @concept information criterion
#' @concept model selection
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' logLik(fit)
#' logLik(fit, REML = FALSE)
#' AIC(fit)
#' BIC(fit, compat = "SAS")
#' @export
logLik.lmm_fit <- function(object, REML = NULL, compat = c("lme4", "nlme", "SAS"), ...) {
  compat <- check_choice(compat[1L], c("lme4", "nlme", "SAS"), "compat")
  is_reml <- which_criterion(object, REML)
  n <- fit_nobs(object)
  restricted <- n - if (is_reml) fit_rank(object) else 0L
  df <- fit_rank(object) + n_variance_parameters(object)
  if (compat == "SAS") {
    others <- n_variance_parameters(object) - length(fit_theta(object))
    df <- inner_parameters(object) + others + if (is_reml) 0L else fit_rank(object)
  }
  structure(-criterion_at_optimum(object, is_reml) / 2, nall = n,
            nobs = switch(compat, lme4 = n, nlme = restricted, SAS = n_subjects(object)),
            df = df, restricted = restricted, compat = compat,
            mc.error = if (fit_is_iterative(object)) criterion_error(object) / 2,
            class = c(if (fit_is_iterative(object)) "lmm_log_likelihood", "logLik"))
}

#' @export
print.lmm_log_likelihood <- function(x, digits = getOption("digits"), ...) {
  NextMethod()
  cat("Monte Carlo error of the log-likelihood: ", format(signif(attr(x, "mc.error"), 2L)), "\n", sep = "")
  invisible(x)
}

which_criterion <- function(fit, REML) {
  if (is.null(REML)) return(fit_is_reml(fit))
  check_flag(REML, "REML") && fit_rank(fit) > 0L
}

n_theta <- function(fit) length(fit_theta(fit))

# -2 log likelihood, restricted or not, at the estimated relative parameters, sigma at its best for either (where
# parameters are held, at the estimate of the fit).
# With nu the divisor of sigma^2 (n or n - p) both are: log determinants + nu (1 + log 2 pi sigma^2).
criterion_at_optimum <- function(fit, REML) {
  fitted_by <- fit_is_reml(fit)
  if (REML == fitted_by || fit_rank(fit) == 0L || fit_is_exact(fit)) return(fit_criterion(fit))
  n <- fit_nobs(fit)
  p <- fit_rank(fit)
  nu <- n - c(ML = 0, REML = p)
  sigma2 <- fit_sigma(fit)^2 * nu[[if (fitted_by) "REML" else "ML"]] / nu
  likelihood_part <- nu * (1 + log(2 * pi * sigma2))
  if (!is.null(fit_held(fit))) likelihood_part <- nu * log(2 * pi * fit_sigma(fit)^2)      # sigma stays as it is
  difference <- likelihood_part[["REML"]] + fit_log_det_x(fit) - likelihood_part[["ML"]]
  fit_criterion(fit) + if (REML) difference else -difference
}

# Variance parameters of the random terms that are not on the boundary: a q x q covariance matrix of rank r
# has q r - r (r - 1) / 2 of them.
inner_parameters <- function(fit) {
  if (!fit_is_bounded(fit)) return(n_theta(fit))
  sum(0, unlist(mapply(function(L, term, singular, natural) {
    if (!singular) return(term_size(term))
    if (is_special(term)) return(sum(!at_bound(term, natural)))
    size <- sqrt(rowSums(L^2))
    rank <- if (is_diagonal(term) || !any(size > 0)) sum(size > 0)
            else qr(t(L / ifelse(size > 0, size, 1)), tol = 1e-6)$rank
    if (is_diagonal(term)) rank else sum(size > 0) * rank - rank * (rank - 1L) / 2L
  }, fit_covariance_factors(fit), fit_random(fit), fit_singular(fit), fit_natural(fit), SIMPLIFY = FALSE)))
}

# SAS's number of subjects.
n_subjects <- function(fit) {
  if (!is.null(fit_frame(fit)$residual$all_subjects)) return(fit_frame(fit)$residual$all_subjects)
  if (length(fit_groups(fit))) ngrps(fit)[[subject_group(fit)]] else fit_nobs(fit)
}

# SAS's subjects are the levels of the factor in which all others are nested, else those of the first random term.
subject_group <- function(fit) {
  levels <- ngrps(fit)
  top <- which.min(levels)
  codes <- with_cell_rows(fit)$rows$codes
  nested <- length(levels) == 1L || !is.null(codes) && all(vapply(codes, is_constant_within, NA, x = codes[[top]]))
  if (nested) top else match(fit_spec(fit)$random[[1L]]$group_name, names(levels), 1L)
}

#' @rdname logLik.lmm_fit
#' @export
deviance.lmm_fit <- function(object, REML = NULL, ...) criterion_at_optimum(object, which_criterion(object, REML))

#' @rdname logLik.lmm_fit
#' @export
AIC.lmm_fit <- function(object, ..., k = 2, compat = c("lme4", "nlme", "SAS")) {
  check_number(k, "k")
  criterion_table_of(list(object, ...), match.call(), compat, function(ll) -2 * ll[1L] + k * attr(ll, "df"), "AIC")
}

#' @rdname logLik.lmm_fit
#' @export
BIC.lmm_fit <- function(object, ..., compat = c("lme4", "nlme", "SAS")) {
  criterion_table_of(list(object, ...), match.call(), compat,
                     function(ll) -2 * ll[1L] + log(attr(ll, "nobs")) * attr(ll, "df"), "BIC")
}

# One fit: a number. Several: the data frame that stats::AIC() gives.
criterion_table_of <- function(fits, call, compat, criterion, name) {
  if (length(fits) > 1L) check_criteria(fits)
  lls <- lapply(fits, function(fit) if (inherits(fit, "lmm_fit")) logLik(fit, compat = compat) else logLik(fit))
  value <- vapply(lls, function(ll) as.numeric(criterion(ll)), 0)
  if (length(fits) == 1L) return(value)
  call$k <- call$compat <- NULL
  out <- data.frame(df = vapply(lls, attr, 0, "df"), value, row.names = make.unique(as.character(call)[-1L]))
  names(out)[2L] <- name
  out
}

# Criteria are compared between fits to the same responses; other classes of fits are asked for their responses.
check_criteria <- function(fits) {
  ours <- vapply(fits, inherits, NA, "lmm_fit")
  own <- fits[ours]
  for (other in own[-1L]) check_same_rows(own[[1L]], other)
  for (other in fits[!ours]) check_other_response(own[[1L]], other)
  reml <- vapply(own, fit_is_reml, NA)
  if (!any(reml)) return(invisible())
  fixed <- lapply(own[reml], function(fit) sort(fit_frame(fit)$x_names))
  what <- if (!all(reml) || !all(ours)) "restricted and full likelihoods"
          else if (length(unique(fixed)) > 1L) "restricted likelihoods of fits with different fixed effects"
  if (is.null(what)) return(invisible())
  lmm_warn("data", paste0(what, " are not comparable."), what = "REML",
           fix = "Refit by maximum likelihood: update(fit, REML = FALSE).")
}

# A model that has other rows or responses; one that does not tell is taken as it is.
check_other_response <- function(fit, other) {
  y <- tryCatch(stats::model.response(stats::model.frame(other)), error = function(e) NULL)
  n <- if (is.null(y)) tryCatch(stats::nobs(other), error = function(e) NA) else NROW(y)
  same <- is.na(n) || n == fit_nobs(fit)
  rows <- fit_stored_rows(fit)
  if (same && is.numeric(y) && !is.null(rows)) same <- identical(sort(as.vector(y)), sort(rows$y[used_rows(rows)]))
  if (same) return(invisible())
  lmm_abort("input", paste0("a fit of class ", quote_level(class(other)[1L]),
                            " has other rows or values of the response."),
            what = class(other)[1L], fix = "Fit all models to the same complete rows.")
}

#' @rdname AICC
#' @export
AICC.lmm_fit <- function(object, compat = c("lme4", "nlme", "SAS"), ...) AICC(logLik(object, compat = compat))

#' @export
AICC.logLik <- function(object, ...) {
  df <- attr(object, "df")
  n <- attr(object, "nobs")
  if (identical(attr(object, "compat"), "SAS")) n <- max(attr(object, "restricted"), df + 2)
  if (n <= df + 1) return(NA_real_)
  -2 * as.numeric(object) + 2 * df * n / (n - df - 1)
}

#' @export
nobs.lmm_fit <- function(object, ...) fit_nobs(object)

#' @export
df.residual.lmm_fit <- function(object, ...) fit_nobs(object) - fit_rank(object) - n_variance_parameters(object)

#' @export
extractAIC.lmm_fit <- function(fit, scale = 0, k = 2, ...) {
  check_number(k, "k")
  ll <- logLik(refit_ml(fit))
  c(attr(ll, "df"), -2 * as.numeric(ll) + k * attr(ll, "df"))
}

# What the head of a printed fit shows: the criterion itself, or for maximum likelihood the usual five numbers.
criterion_table <- function(fit) {
  if (fit_is_reml(fit)) return(c(REML = fit_criterion(fit)))
  c(AIC = AIC(fit), BIC = BIC(fit), logLik = as.numeric(logLik(fit)), `-2*log(L)` = deviance(fit),
    df.resid = df.residual(fit))
}
