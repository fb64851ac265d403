# Prediction of the mean of several future observations.

#' Prediction interval of a mean of new observations
#'
#' The mean of the responses in the rows of `newdata`, which stand for new observations, with its standard error and
#' a prediction interval. Observations of the same level share its random effects; for the mean of three observations of
#' one new level, give one row and `k = 3`, or three rows.
#'
#' With means `x` of the fixed part and `m` of the known random effects, and the means `z_j` of the rows of each new
#' level over all `n` rows, the variance is that of the prediction error of `x'beta + m'b`, plus `sum_j z_j' Sigma z_j`,
#' plus `sigma^2 sum(1 / weights) / n^2`; its degrees of freedom are those of the whole variance, see [predictable()].
#' What the estimation of the variances adds, which [predict()][predict.lmm_fit()] takes into account for known levels,
#' is not part of it.
#'
#' With a residual structure the residuals of new rows of one subject are correlated, and those of known subjects are
#' predicted as by [predict()][predict.lmm_fit()].
#'
#' @param fit a fit made by [lmm()] that keeps its rows.
#' @param newdata a data frame with a row for each future observation.
#' @param re.form `NULL`: levels that the fit has are those of the fit; `NA`: all are new ones.
#' @param weights prior weights of the observations: a number, or one per row.
#' @param ddf,level method for degrees of freedom (`"Satterthwaite"`, `"Kenward-Roger"`, `"residual"` or `"asymptotic"`)
#'   and level.
#' @param k number of observations that each row of `newdata` stands for.
#' @param ... not used.
#' @return A data frame with one row and columns `fit`, `se` (of the prediction error), `df`, `lower` and `upper`, in
#'   the unit of the response.
#' @section Conditions:
#' `lmm_error_newdata` as for [predict()][predict.lmm_fit()]; `lmm_error_input`: rows with missing values, weights that
#' are not positive.
#' @seealso [predict.lmm_fit()] for single observations, [tolerance_interval()].
#' @concept future observations
#' @concept mean of new observations
#' @concept prediction interval
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' predict_mean(fit, data.frame(operator = "new"), k = 5)
#' predict_mean(fit, data.frame(operator = rep("a", 5)))
#' @export
predict_mean <- function(fit, newdata, re.form = NULL, weights = 1, ddf = "Satterthwaite", level = 0.95, k = 1, ...) {
  check_fit(fit)
  check_number(k, "k", lower = 1, upper = 1e6, whole = TRUE)
  fit_rows(fit, "predict_mean()")
  refuse_iterative(fit, "predict_mean() is")
  if (missing(ddf)) ddf <- default_ddf(fit)
  check_not_exact(fit, "a prediction interval")
  refuse_indefinite(fit, paste("Use predict(re.form = NA, interval = \"prediction\") for one new observation, or refit",
                               "with bounded = TRUE."))
  known <- wanted_columns(fit, re.form)
  newdata <- repeated_rows(newdata, k)
  if (length(weights) > 1L) weights <- rep(weights, each = k)
  rows <- new_rows(fit_frame(fit), newdata, NULL, TRUE, stats::na.pass, residual = TRUE)
  d <- design(fit_frame(fit), rows)
  if (!rows$n || !all(complete_rows(d, fit_term_groups(fit)))) {
    lmm_abort("input", "`newdata` must have rows, and no missing values.", what = "newdata")
  }
  weights <- simulation_numbers(weights, "weights", rows, newdata, .Machine$double.xmin)
  inference <- prediction_inference(fit, ddf_method(ddf))
  fit <- inference$info$fit
  dense <- needs_dense(fit) || needs_relation(fit)
  test <- if (dense) dense_mean(inference, rows, d, known, weights, re.form)
          else sparse_mean(inference, rows, d, known, weights)
  value <- test$fit
  reach <- stats::qt((1 + level) / 2, test$df) * test$se
  data.frame(fit = value, se = test$se, df = test$df, lower = value - reach, upper = value + reach)
}

repeated_rows <- function(newdata, k) {
  if (k == 1 || !is.data.frame(newdata)) return(newdata)
  newdata[rep(seq_len(nrow(newdata)), each = k), , drop = FALSE]
}

# list(fit, se, df)
sparse_mean <- function(inference, rows, d, known, weights) {
  fit <- inference$info$fit
  means <- level_means(fit, rows, d, known)
  x <- matrix(colMeans(d$X[, inference$info$kept, drop = FALSE]), 1L)
  c(list(fit = mean(mean_response(fit, rows, known))),
    prediction_test(inference, x, lapply(means, `[[`, "known"), mean_extra(fit, means, sum(1 / weights) / rows$n^2)))
}

# For each term the means over all rows of z in each known level (a matrix like the modes) and in each new one.
level_means <- function(fit, rows, d, known) {
  codes <- simulation_codes(fit, rows)[fit_term_groups(fit)]
  Map(function(Z, code, modes, known) {
    n <- nrow(modes)
    sums <- rowsum(Z, code$code) / rows$n
    at <- as.integer(rownames(sums))
    old <- modes * 0
    old[at[at <= n], ] <- sums[at <= n, , drop = FALSE] * rep(known, each = sum(at <= n))
    new <- sums * ifelse(outer(at <= n, known), 0, 1)
    list(known = old, new = new)
  }, d$Z, codes, fit_modes(fit), known)
}

# What new levels and residuals add to the variance, relative to sigma^2, and its slopes.
mean_extra <- function(fit, means, residual) {
  variance <- Map(function(mean, S) sum((mean$new %*% S) * mean$new), means, fit_covariance(fit))
  slopes <- Map(function(mean, basis, term) natural_slopes(crossprod(mean$new %*% basis), is_diagonal(term)), means,
                fit_blocks(fit)$z_basis, fit_random(fit))
  list(variance = sum(unlist(variance)) / fit_sigma(fit)^2 + residual, slope = c(unlist(slopes), residual))
}
