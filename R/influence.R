# Leverages and what is computed from them: standardized residuals and Cook's distances.

#' Leverages, standardized residuals and Cook's distances
#'
#' `hatvalues()` gives the diagonal of the matrix that maps the response to the fitted values, including random
#' effects, at the estimated variance parameters: the weight of an observation in its own fitted value.
#'
#' With `h` the leverage and `e` the Pearson residual, `rstudent()` and `rstandard()` are `e / (sigma sqrt(1 - h))`,
#' with the residual standard deviation of all rows (as in lme4, which calls this studentized), and `cooks.distance()`
#' is `(e / (1 - h))^2 h / (sigma^2 p)`, with `p` the rank of the fixed-effect matrix. They show how fitted values
#' change with a single response; to see what a whole group does to the estimates, leave it out with
#' `update(fit, subset = )`.
#'
#' With a residual structure the fitted values are `(1 - R P) y` with `P = V^-1 - V^-1 X Phi X'V^-1`, and the residuals
#' `R P y` have the covariance matrix `R P R`: the leverage is the diagonal of `1 - R P` (which may be below 0), and
#' `rstandard()` divides each residual by its own standard deviation, as SAS does. `cooks.distance()` is then that of
#' the fixed effects when the row is left out at these variance parameters, `(P y)_i^2 / P_ii^2 (V^-1 - P)_ii / p`.
#'
#' @param model a fit made by [lmm()] that keeps its rows.
#' @param ... not used.
#' @param data for a fit from cross-products, which does not keep its rows: its rows again, as a data frame, [chunks()]
#'   or a table of a database, which are read chunk by chunk.
#' @return A vector, one element per row used; per row of the data if the fit was made with `na.action = na.exclude`. A
#'   row of weight zero has leverage 0. Cook's distance is `NA` in a model without fixed effects.
#' @section Conditions:
#' `lmm_error_input` for a fit that does not keep its rows, unless they are given by `data`. All are `NA` where the
#' residual variance is zero. `lmm_error_solver`: a fit by the iterative solver has no leverages;
#' `residuals(fit, "scaled")` are its Pearson residuals in units of sigma.
#' @references Demidenko and Stukel (2005) Statistics in Medicine 24, 893-909.
#' @seealso [group_influence()] for the influence of groups, [residuals][residuals.lmm_fit],
#'   [plot][plot.lmm_fit].
#' @concept leverage
#' @concept Cook's distance
#' @concept outlier
#' @concept hat values
#' @concept influence
#' @concept diagnostics
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' hatvalues(fit)
#' plot(hatvalues(fit), rstandard(fit))
#' @name influence
NULL

#' @rdname influence
#' @importFrom stats hatvalues
#' @export
hatvalues.lmm_fit <- function(model, ..., data = NULL) {
  refuse_iterative(model, leverages_are)
  if (!is.null(data)) return(streamed_influence(model, data, function(h, residual) h))
  rows <- fit_rows(model, "hatvalues()")
  if (is_structured(model)) return(pad_rows(row_diagnostics(model)$leverage, rows))
  announce_leverages(model, rows)
  pad_rows(row_leverage(model, rows), rows)
}

leverages_are <- "leverages, which standardized residuals and Cook's distances need, are"

# Each row of crossed factors is a solution with their factor. Some rows tell how long all of them take.
announce_leverages <- function(fit, rows, patience = 60, some = 400L) {
  if (length(fit_groups(fit)) < 2L || rows$n * other_columns(fit_frame(fit)) < 1e8) return(invisible())
  seconds <- function(k) elapsed_time(engine_prediction_variance(fit, design(fit_frame(fit), rows, c(1L, k))))
  all <- rows$n * (seconds(some) - seconds(1L)) / (some - 1)
  if (all > patience) tell_time(all, paste0("the leverages of ", count_of(rows$n, "row")))
}

row_leverage <- function(fit, rows) {
  h <- prediction_variance(fit, rows, all_columns(fit)) / fit_sigma(fit)^2
  if (is.null(rows$weights)) h else h * rows$weights
}

# From leverages and scaled residuals of rows that are given again.
streamed_influence <- function(fit, source, value) {
  refuse_iterative(fit, leverages_are)
  refuse_structured(fit, "influence of rows given by `data` is")
  stream_rows(fit, source, function(rows) {
    residual <- (rows$y - mean_response(fit, rows, all_columns(fit))) / fit_sigma(fit)
    if (!is.null(rows$weights)) residual <- residual * sqrt(rows$weights)
    value(row_leverage(fit, rows), if (fit_is_exact(fit)) residual * NA_real_ else residual)
  })
}

#' @rdname influence
#' @importFrom stats rstandard
#' @export
rstandard.lmm_fit <- function(model, ..., data = NULL) {
  if (!is.null(data)) return(streamed_influence(model, data, standardized))
  if (is_structured(model)) return(stats::residuals(model, type = "conditional_studentized"))
  standardized(hatvalues(model), stats::residuals(model, type = "scaled"))
}

standardized <- function(h, residual) {
  out <- residual / sqrt(pmax(1 - h, 0))
  out[is_one(h)] <- NA_real_
  out
}

#' @rdname influence
#' @importFrom stats rstudent
#' @export
rstudent.lmm_fit <- function(model, ..., data = NULL) stats::rstandard(model, ..., data = data)

#' @rdname influence
#' @importFrom stats cooks.distance
#' @export
cooks.distance.lmm_fit <- function(model, ..., data = NULL) {
  p <- fit_rank(model)
  if (!is.null(data)) return(streamed_influence(model, data, function(h, residual) cooks_distances(h, residual, p)))
  if (is_structured(model)) return(pad_rows(row_diagnostics(model)$cook, fit_rows(model, "cooks.distance()")))
  cooks_distances(hatvalues(model), stats::residuals(model, type = "scaled"), p)
}

cooks_distances <- function(h, residual, p) {
  out <- (residual / (1 - h))^2 * h / p
  out[is_one(h) | p == 0L] <- NA_real_
  out
}

# The row determines its own fitted value: nothing is left of its residual.
is_one <- function(h) !is.na(h) & h > 1 - 10 * .Machine$double.eps
