# The covariance matrix R of the residuals of some rows, on the scale of the response, by dense formulas in R.

# Rows `index` of `rows`; rows of different subjects are uncorrelated.
residual_covariance <- function(fit, rows, index = seq_len(rows$n)) {
  weight <- row_weights(rows)[index]
  if (!is_structured(fit)) return(diag(fit_sigma(fit)^2 / weight, length(index)))
  model <- residual_rows(fit$frame$residual, rows$data, rows$n)
  C <- structure_matrix(model, fit_psi(fit), index) * outer(model$subject[index], model$subject[index], "==")
  fit_sigma(fit)^2 * C / sqrt(outer(weight, weight))
}

# The engine's R(psi) of these rows as if they were one subject, in units of sigma^2.
structure_matrix <- function(model, psi, index) {
  part <- function(x) x[index, , drop = FALSE]
  structure_at(model, psi, part(model$positions), part(model$w), model$subject_group[model$subject[index]])
}

# The same for rows by their positions, variance covariates and groups; with `slopes` a list, R and its derivatives.
structure_at <- function(model, psi, positions, w, group, slopes = FALSE) {
  engine_result(engine_residual_matrix(model, psi, positions, w, group, slopes))
}

# Rows in blocks that are uncorrelated with each other: list of row numbers.
residual_blocks <- function(fit, rows) {
  if (!is_structured(fit)) return(as.list(seq_len(rows$n)))
  subject <- residual_rows(fit$frame$residual, rows$data, rows$n)$subject
  split(seq_len(rows$n), subject)
}

# Lower Cholesky factor of R of each block, applied to or taken out of values by row.
colored_rows <- function(fit, rows, x, invert = FALSE) {
  x <- as.matrix(x)
  for (own in residual_blocks(fit, rows)) {
    L <- t(chol(residual_covariance(fit, rows, own)))
    x[own, ] <- if (invert) forwardsolve(L, x[own, , drop = FALSE]) else L %*% x[own, , drop = FALSE]
  }
  x
}
