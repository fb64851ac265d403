# Prediction error variances of all effects beside a residual structure.

# Covariance of (b_hat - b, term by term with columns fastest; beta_hat): D (W'R^-1 W + (1, 0))^-1 D' sigma^2 with
# W = (Z Lambda, X) and D = (Lambda, 1).
structured_joint_covariance <- function(fit) {
  rows <- fit_rows(fit, "the joint covariance matrix of all effects")
  used <- used_rows(rows)
  X <- design(fit_frame(fit), rows)$X[used, fit_blocks(fit)$x$kept, drop = FALSE]
  root <- sparse_residual_blocks(fit, rows, used)$inverse_root
  factors <- lapply(fit_covariance_factors(fit), `/`, fit_sigma(fit))
  A <- sparse_random_design(fit, rows, factors = factors)
  q <- if (is.null(A)) 0L else ncol(A)
  check_dense_size(q + ncol(X), 4L)
  W <- if (q) cbind(as.matrix(root %*% A[used, , drop = FALSE]), as.matrix(root %*% X)) else as.matrix(root %*% X)
  C <- crossprod(W) + diag(rep(c(1, 0), c(q, ncol(X))), q + ncol(X))
  size <- sqrt(diag(C))
  inverse <- solve(C / outer(size, size)) / outer(size, size)
  D <- block_diagonal(c(Map(function(L, group, b) {
    related <- if (is_related(group)) related_effects(group$precision, diag(nrow(b))) else diag(nrow(b))
    kronecker(related, L)
  }, factors, fit_groups(fit)[fit_term_groups(fit)], fit_modes(fit)), list(diag(ncol(X)))))
  fit_sigma(fit)^2 * D %*% inverse %*% t(D)
}

structured_prediction_errors <- function(fit) by_group(fit, structured_variances(fit, unit_design(fit)))
