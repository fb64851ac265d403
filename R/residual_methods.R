# Methods of fits with a residual structure that differ from those of fits with independent residuals.

# Residuals: Pearson ones in units of each row's own standard deviation, normalized ones with the correlation taken
# out by the Cholesky factor of R, in the order of the positions of a subject's rows.
structured_residuals <- function(fit, type, scaled) {
  rows <- fit_rows(fit, "residuals()")
  type <- switch(type, conditional = "response", conditional_pearson = "pearson", type)
  marginal <- startsWith(type, "marginal")
  r <- rows$y - mean_response(fit, rows, all_columns(fit, !marginal))
  if (type %in% c("pearson", "deviance", "scaled") || scaled && !marginal) r <- r / residual_sd(fit, rows)
  if (type == "conditional_studentized") {
    sd <- row_diagnostics(fit)$sd
    r <- ifelse(sd > 0, r / sd, ifelse(used_rows(rows), NA_real_, 0))
  }
  if (type == "normalized") r <- as.vector(colored_rows(fit, rows, r, invert = TRUE))
  if (marginal && type != "marginal") r <- structured_marginal(fit, rows, r, type)
  pad_rows(r, rows)
}

# Standard deviation of the residual of each row.
residual_sd <- function(fit, rows) {
  if (!is_structured(fit)) return(fit_sigma(fit) / sqrt(row_weights(rows)))
  model <- rows_residual(fit, rows)
  fit_sigma(fit) * sqrt(as.vector(position_variances(fit, model, matrix(fit_psi(fit)))) / row_weights(rows))
}

# Marginal residuals in units of V, block by block of rows that V connects: by its symmetric root, its Cholesky factor,
# its diagonal, or the diagonal of what the estimation of beta leaves. Nothing is left of a row of weight zero, whose
# variance is infinite.
structured_marginal <- function(fit, rows, r, type) {
  X <- design(fit_frame(fit), rows)$X[, fit_blocks(fit)$x$kept, drop = FALSE]
  model <- rows_residual(fit, rows)
  A <- sparse_random_design(fit, rows, factors = fit_covariance_factors(fit))
  used <- used_rows(rows)
  r[!used] <- if (type %in% c("marginal_scaled", "marginal_cholesky")) 0 else NA_real_
  for (own in connected_rows(fit, rows)) {
    own <- own[used[own]]
    if (!length(own)) next
    V <- residual_covariance(fit, rows, own, model)
    if (!is.null(A)) V <- V + as.matrix(Matrix::tcrossprod(A[own, , drop = FALSE]))
    e <- if (type == "marginal_scaled") eigen(V, symmetric = TRUE)
    r[own] <- switch(type,
      marginal_scaled = e$vectors %*% (crossprod(e$vectors, r[own]) / sqrt(e$values)),
      marginal_cholesky = forwardsolve(t(chol(V)), r[own]),
      marginal_pearson = r[own] / sqrt(diag(V)),
      r[own] / sqrt(diag(V) - row_variances(X[own, , drop = FALSE], fit_vcov(fit))))
  }
  r
}

# Rows joined by a subject or by a level of a grouping factor: list of row numbers.
connected_rows <- function(fit, rows) {
  subject <- residual_rows(fit_frame(fit)$residual, rows$data, rows$n)$subject
  codes <- c(list(subject), Map(function(code, group) if (is_related(group)) rep(1L, rows$n) else code, rows$codes,
                                fit_groups(fit)))
  part <- seq_len(rows$n)
  repeat {
    before <- part
    for (code in codes) part <- stats::ave(part, code, FUN = min)
    if (identical(part, before)) return(split(seq_len(rows$n), part))
  }
}
