# What cluster-robust covariances need of a fit with a residual structure: V = A A' + R with R in blocks by subject.

# As marginal_parts(); `R` relative to sigma^2, sparse, and the subject of each row. A is NULL without random effects.
structured_marginal_parts <- function(info) {
  fit <- info$fit
  rows <- fit_rows(fit, "a cluster-robust covariance")
  used <- used_rows(rows)
  d <- design(fit_frame(fit), rows)
  X <- d$X[, info$kept, drop = FALSE]
  e <- (d$y - as.vector(X %*% info$estimate))[used] / fit_sigma(fit)
  X <- X[used, , drop = FALSE] %*% info$basis
  A <- sparse_random_design(fit, rows, factors = lapply(fit_covariance_factors(fit), `/`, fit_sigma(fit)))
  if (!is.null(A)) A <- A[used, , drop = FALSE]
  blocks <- sparse_residual_blocks(fit, rows, used)
  T <- solved_marginal(blocks$inverse_root, A, X)
  list(used = which(used), X = X, T = T, e = e, A = A, w = rep(1, sum(used)), R = blocks$R,
       subject = rows_residual(fit, rows)$subject[used])
}

# R / sigma^2 and the inverse of its lower Cholesky factor, both sparse, for the rows in use.
sparse_residual_blocks <- function(fit, rows, used) {
  model <- rows_residual(fit, rows)
  place <- cumsum(used)
  parts <- lapply(split(which(used), model$subject[used]), function(own) {
    R <- residual_covariance(fit, rows, own, model) / fit_sigma(fit)^2
    at <- expand.grid(i = place[own], j = place[own])
    root <- backsolve(chol(R), diag(length(own)), transpose = TRUE)
    list(i = at$i, j = at$j, R = as.vector(R), root = as.vector(root))
  })
  join <- function(name) unlist(lapply(parts, `[[`, name), use.names = FALSE)
  whole <- function(x) Matrix::sparseMatrix(join("i"), join("j"), x = x, dims = rep(sum(used), 2L))
  list(R = whole(join("R")), inverse_root = Matrix::drop0(whole(join("root"))))
}

# V^-1 X for V = A A' + R, by the whitened rows.
solved_marginal <- function(inverse_root, A, X) {
  white <- as.matrix(inverse_root %*% X)
  if (!is.null(A)) {
    A <- inverse_root %*% A
    inner <- Matrix::Cholesky(Matrix::forceSymmetric(Matrix::crossprod(A) + Matrix::Diagonal(ncol(A))))
    white <- white - as.matrix(A %*% Matrix::solve(inner, Matrix::crossprod(A, white)))
  }
  as.matrix(Matrix::crossprod(inverse_root, white))
}

# Rows of one subject are correlated whatever the clusters say.
check_whole_subjects <- function(cluster, parts) {
  if (is.null(parts$subject) || is_constant_within(cluster, parts$subject)) return(invisible())
  lmm_abort("input", "a cluster must contain whole subjects of the residual structure: one is in several clusters.",
            what = "cluster", fix = "Use the subjects, or a factor in whose levels they are nested.")
}
