#' henderson: linear mixed models from cross-products
#'
#' [lmm()] fits a linear mixed model by restricted or full maximum likelihood.
#' The data enter only through cross-products of the random-effects columns,
#' the fixed-effects columns and the response, so the size of a fit depends on
#' the model, not on the number of rows. The fit is plain R data: it survives
#' `saveRDS()` and needs neither the original data nor an environment later.
#'
#' Start with `vignette("introduction", package = "henderson")`.
#'
#' @useDynLib henderson, .registration = TRUE
#' @importFrom Rcpp evalCpp
#' @importFrom stats AIC anova BIC coef confint deviance df.residual extractAIC family fitted formula logLik
#' @importFrom stats model.frame model.matrix nobs predict residuals sigma simulate terms update vcov weights
#' @importFrom utils str
#' @keywords internal
"_PACKAGE"
