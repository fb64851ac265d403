# Package 'multcomp': simultaneous tests and intervals of linear functions of the fixed effects.

#' Simultaneous tests with multcomp
#'
#' `multcomp::glht(fit, multcomp::mcp(treat = "Tukey"))` and `glht(fit, L)` work on fits. As for fits of 'lme4', the
#' reference distribution is the normal one unless `df` is given; for degrees of freedom of each comparison use
#' 'emmeans', see [emmeans_support].
#'
#' Where columns of the model matrix are dropped, `glht()` does not accept equations (nor for fits of `lm()`): use
#' `mcp()` or a matrix with a column for every coefficient.
#'
#' @param model a fit made by [lmm()].
#' @param coef.,vcov. coefficients and their covariance matrix, or functions of the fit that give them, such as
#'   `vcov. = function(fit) vcov(fit, type = "kenward-roger")`.
#' @param df degrees of freedom of a multivariate t distribution; `NULL` or 0 for the normal one.
#' @param ... not used.
#' @return What 'multcomp' expects: an object of class `modelparm`.
#' @section Conditions:
#' A covariance matrix that does not fit the coefficients, or negative `df`, is an error of class `lmm_error_input`.
#' @references Hothorn, Bretz and Westfall (2008) Biometrical Journal 50, 346-363.
#' @seealso [emmeans_support], [contest()].
#' @concept Tukey
#' @concept Dunnett
#' @concept post hoc tests
#' @concept multiple comparisons
#' @concept simultaneous confidence intervals
#' @examplesIf requireNamespace("multcomp", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' summary(multcomp::glht(fit, multcomp::mcp(treat = "Tukey")))
#' @name multcomp_support
#' @exportS3Method multcomp::modelparm
modelparm.lmm_fit <- function(model, coef. = fixef, vcov. = NULL, df = NULL, ...) {
  beta <- if (is.function(coef.)) coef.(model) else coef.
  V <- covariance_of(model, vcov.)
  estimable <- !is.na(beta)
  if (nrow(V) == length(beta)) V <- V[estimable, estimable, drop = FALSE]
  if (nrow(V) != sum(estimable)) abort_covariance(nrow(V), sum(estimable))
  if (is.null(df)) df <- 0
  check_number(df, "df", lower = 0)
  structure(list(coef = beta[estimable], vcov = V, df = df, estimable = unname(estimable)), class = "modelparm")
}

# Of the estimable coefficients, `size` of them where that is not to be checked later; `given`: a matrix, a function of
# the fit, or NULL.
covariance_of <- function(fit, given, size = NULL) {
  V <- if (is.null(given)) vcov(fit, complete = FALSE) else if (is.function(given)) given(fit) else given
  if (!is.null(given) && (!is.numeric(V <- as.matrix(V)) || nrow(V) != ncol(V))) {
    lmm_abort("input", "`vcov.` must be a square numeric matrix, or a function of the fit that gives one.",
              what = "vcov.")
  }
  kept <- fit_estimable(fit)
  if (nrow(V) == length(kept)) V <- V[kept, kept, drop = FALSE]
  if (!is.null(size) && nrow(V) != size) abort_covariance(nrow(V), size)
  V
}

abort_covariance <- function(rows, coefficients) {
  lmm_abort("input", paste0("the covariance matrix has ", count_of(rows, "row"), " for ",
                            count_of(coefficients, "coefficient"), "."),
            what = "vcov.", value = rows)
}
