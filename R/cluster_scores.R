# The rows A_c'T_c of a cluster for the cluster-robust covariances CR2 and CR3, see df_cluster_robust.R.

# (1 - H)'^-1 T with H = X M T', which is 1 outside the span of X and T. A column that only this cluster determines
# makes it singular: that direction has no residual.
jackknife_scores <- function(own, M) {
  Q <- qr.Q(qr(cbind(own$X, own$T), LAPACK = TRUE))
  X <- crossprod(Q, own$X)
  T <- crossprod(Q, own$T)
  Q %*% crossprod(pseudo_inverse(diag(ncol(Q)) - X %*% M %*% t(T)), T)
}

# A T with A R A' = V for the covariance R of the residuals: A = V (R V)^(-1/2). By a dense decomposition, or where that
# is too large in the Krylov space of each column of T.
unbiased_scores <- function(own, M, K, dense = length(own$e) <= dense_cluster) {
  residual <- function(v) {                 # R v for R = V - H V - V H' + X M K M X'
    Xv <- M %*% crossprod(own$X, v)
    own$times(v) - own$VT %*% Xv + own$X %*% (M %*% (K %*% Xv - crossprod(own$VT, v)))
  }
  root <- function(values) ifelse(values > 1e-10 * max(values), 1 / sqrt(abs(values)), 0)
  if (!dense) return(apply(own$T, 2L, lanczos, own$times, residual, root))
  one <- diag(length(own$e))
  unbiasing(own$times(one), residual(one)) %*% own$T
}

# D'(D R D')^(-1/2) D with V = D'D.
unbiasing <- function(V, R) {
  D <- tryCatch(chol(V), error = function(e) abort_within())
  B <- D %*% R %*% t(D)
  e <- eigen((B + t(B)) / 2, symmetric = TRUE)
  keep <- e$values > 1e-10 * max(e$values)
  U <- e$vectors[, keep, drop = FALSE]
  t(D) %*% (U %*% (t(U) / sqrt(e$values[keep]))) %*% D
}

abort_within <- function() {
  lmm_abort("numeric",
            paste("the covariance matrix within a cluster is singular in double precision: the variance of a random",
                  "effect is too large beside that of the residual."),
            what = "cluster", fix = "Use type = \"CR1\" or \"CR3\".")
}
