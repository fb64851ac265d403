# Functions of a matrix too large to be decomposed.

# metric(f(N) v) for N v = step(metric(v)), with N symmetric in the inner product u'metric(v), in the Krylov space of v
# to rounding error. `f`: a function of eigenvalues. Lanczos' vectors `Q` are orthonormal in the metric, MQ is the
# metric of them.
lanczos <- function(v, metric, step, f, most = length(v)) {
  Mv <- as.vector(metric(v))
  start <- size <- sqrt(sum(v * Mv))
  if (size == 0) return(Mv)
  Q <- MQ <- matrix(0, length(v), 0L)
  alpha <- beta <- numeric()
  for (k in seq_len(most)) {
    Q <- cbind(Q, v / size)
    MQ <- cbind(MQ, Mv / size)
    v <- as.vector(step(MQ[, k]))
    alpha[k] <- sum(v * MQ[, k])
    for (again in 1:2) v <- v - as.vector(Q %*% crossprod(MQ, v))
    Mv <- as.vector(metric(v))
    size <- beta[k] <- sqrt(max(0, sum(v * Mv)))
    done <- k == most || size <= 1e-13 * max(alpha)
    if (done || k %% 10L == 0L) {
      e <- eigen(tridiagonal(alpha, beta, k), symmetric = TRUE)
      y <- as.vector(e$vectors %*% (f(e$values) * e$vectors[1L, ]))
      if (done || abs(y[k]) + abs(y[max(k - 1L, 1L)]) <= 1e-13 * max(abs(y))) break
    }
  }
  start * as.vector(MQ %*% y)
}

tridiagonal <- function(diagonal, off, k) {
  out <- diag(diagonal[1:k], k)
  if (k > 1L) {
    i <- seq_len(k - 1L)
    out[cbind(i, i + 1L)] <- out[cbind(i + 1L, i)] <- off[i]
  }
  out
}
