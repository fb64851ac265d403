# Leverages, standard deviations of residuals and deletion of rows in models with a residual structure: with
# P = V^-1 - V^-1 X Phi X'V^-1 the residuals given the random effects are R P y, and the fitted values (1 - R P) y.

# list(leverage, sd, cook) of each row; 0 for rows of weight zero.
row_diagnostics <- function(fit) {
  rows <- fit_rows(fit, "hatvalues()")
  model <- dense_model(list(info = fit_information(fit, FALSE)))
  used <- which(used_rows(rows))
  phi <- matrix(model$info$phi, ncol(model$X))
  p <- ncol(model$X)
  out <- matrix(0, rows$n, 3L)
  for (unit in unique(model$unit)) {
    index <- which(model$unit == unit)
    out[used[index], ] <- unit_diagnostics(unit_solver(unit, model), phi, p)
  }
  list(leverage = out[, 1L], sd = sqrt(pmax(out[, 2L], 0)) * fit_sigma(fit), cook = out[, 3L] / fit_sigma(fit)^2)
}

# Columns (RP)_ii subtracted from 1, (RPR)_ii, and Cook's distance of the fixed effects after row i is left out.
unit_diagnostics <- function(unit, phi, p) {
  n <- unit$rows$n
  R <- unit$V$residual
  inverse <- unit$solve(diag(n))
  W <- inverse %*% unit$X
  shared <- W %*% phi %*% t(W)
  P <- inverse - shared
  RP <- R %*% P
  alone <- diag(P) < 1e-10 * diag(inverse)                 # the row determines a coefficient of its own
  deleted <- drop(inverse %*% unit$e) / diag(P)
  cook <- if (p) deleted^2 * diag(shared) / p else rep(NA_real_, n)
  cbind(1 - diag(RP), ifelse(alone, 0, rowSums(RP * R)), ifelse(alone, NA_real_, cook))
}
