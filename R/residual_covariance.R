# The covariance matrix R of the residuals of some rows, on the scale of the response, by dense formulas in R.

# Rows `index` of `rows`; rows of different subjects are uncorrelated.
residual_covariance <- function(fit, rows, index = seq_len(rows$n), model = rows_residual(fit, rows)) {
  weight <- row_weights(rows)[index]
  if (!is_structured(fit)) return(diag(fit_sigma(fit)^2 / weight, length(index)))
  C <- structure_matrix(model, fit_psi(fit), index) * outer(model$subject[index], model$subject[index], "==")
  fit_sigma(fit)^2 * C / sqrt(outer(weight, weight))
}

# Variances of residuals relative to sigma^2, at positions `at` x points: a column of `psi` for each point.
position_variances <- function(fit, model, psi, at = seq_along(model$subject)) {
  R <- engine_residual_variances(model, psi, model$positions[at, , drop = FALSE], model$w[at, , drop = FALSE],
                                 model$subject_group[model$subject][at])
  engine_result(R, fit_frame(fit))
}

# The residual structure on the rows of the fit, or on new rows; NULL for independent residuals.
rows_residual <- function(fit, rows) {
  if (!is_structured(fit)) return(NULL)
  if (is.null(rows$residual)) residual_rows(fit_frame(fit)$residual, rows$data, rows$n) else rows$residual
}

# Rows in blocks that are uncorrelated with each other: list of row numbers.
residual_blocks <- function(fit, rows, model = rows_residual(fit, rows)) {
  if (is.null(model)) as.list(seq_len(rows$n)) else split(seq_len(rows$n), model$subject)
}

# Lower Cholesky factor of R of each block, its rows in the order of their positions, applied to or taken out of values
# by row. A row of weight zero has no residual (NA), and 0 is left of one.
colored_rows <- function(fit, rows, x, invert = FALSE) {
  x <- as.matrix(x)
  model <- rows_residual(fit, rows)
  place <- if (!is.null(model)) order_of_rows(as.data.frame(model$positions))
  used <- used_rows(rows)
  x[!used, ] <- if (invert) 0 else NA_real_
  for (own in residual_blocks(fit, rows, model)) {
    own <- own[used[own]]
    if (!length(own)) next
    if (length(own) > 1L) own <- own[order(place[own])]
    L <- t(residual_root(residual_covariance(fit, rows, own, model)))
    x[own, ] <- if (invert) forwardsolve(L, x[own, , drop = FALSE]) else L %*% x[own, , drop = FALSE]
  }
  x
}

residual_root <- function(R) {
  tryCatch(chol(R), error = function(e) {
    lmm_abort("input", paste("the residual covariance matrix of a subject is not positive definite at these values of",
                             "the parameters."), what = "residual",
              fix = "Correlations lie between -1 and 1, variances and ranges above 0.")
  })
}

# The place of each row among all when they are sorted.
order_of_rows <- function(columns) {
  out <- integer(nrow(columns))
  out[do.call(order, unname(as.list(columns)))] <- seq_len(nrow(columns))
  out
}
