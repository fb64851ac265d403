# Dense formulas for structured random effects, without any code of the package: covariance matrices of the structures
# written down by hand, derivatives by differences of high order, everything else by n x n matrices.

dense_sigma <- list(
  homdiag = function(psi, q) psi[1] * diag(q),
  homcs = function(psi, q) psi[1] * diag(q) + psi[2] * (matrix(1, q, q) - diag(q)),
  cs = function(psi, q) {
    R <- matrix(psi[q + 1], q, q)
    diag(R) <- 1
    R * sqrt(outer(psi[1:q], psi[1:q]))
  },
  ar1 = function(psi, q) psi[1] * psi[2]^abs(outer(1:q, 1:q, "-")),
  hetar1 = function(psi, q) psi[q + 1]^abs(outer(1:q, 1:q, "-")) * sqrt(outer(psi[1:q], psi[1:q])),
  homtoep = function(psi, q) toeplitz(psi),
  toep = function(psi, q) toeplitz(c(1, psi[-(1:q)])) * sqrt(outer(psi[1:q], psi[1:q])),
  fa = function(psi, q) tcrossprod(psi[1:q]) + diag(psi[q + 1:q]),
  rr = function(psi, q) tcrossprod(psi[1:q])
)

# d Sigma / d psi_k and d2 Sigma / d psi_k d psi_l: central differences of sixth order.
dense_slope <- function(f, psi, k) {
  h <- 2e-3 * max(abs(psi[k]), 0.05)
  at <- function(m) {
    psi[k] <- psi[k] + m * h
    f(psi)
  }
  (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)
}

# Everything at natural parameters psi (absolute), sigma^2: list(value, beta, phi, H, I, and functions).
dense_oracle <- function(y, X, Z, levels, f, psi, sigma2, reml = TRUE, weights = rep(1, length(y)), more = NULL) {
  same <- outer(levels, levels, "==")
  k <- length(psi)
  part <- function(S) Z %*% S %*% t(Z) * same
  V <- sigma2 * diag(1 / weights) + part(f(psi)) + if (is.null(more)) 0 else more
  first <- lapply(seq_len(k), function(i) part(dense_slope(f, psi, i)))
  second <- lapply(seq_len(k), function(i) lapply(seq_len(k), function(j) {
    part(dense_slope(function(at) dense_slope(f, at, j), psi, i))
  }))
  D <- c(first, list(diag(1 / weights)))
  Vi <- solve(V)
  phi <- solve(crossprod(X, Vi %*% X))
  beta <- phi %*% crossprod(X, Vi %*% y)
  P <- Vi - Vi %*% X %*% phi %*% t(X) %*% Vi
  Q <- if (reml) P else Vi
  n <- length(y)
  d <- as.numeric(determinant(V)$modulus)
  value <- d + drop(crossprod(y, P %*% y)) + (n - reml * ncol(X)) * log(2 * pi) +
    if (reml) as.numeric(determinant(crossprod(X, Vi %*% X))$modulus) else 0
  Py <- P %*% y
  trace <- function(A, B) sum(A * t(B))
  QD <- lapply(D, function(A) Q %*% A)
  gradient <- vapply(D, function(A) trace(Q, A) - drop(crossprod(Py, A %*% Py)), 0)
  bend <- function(i, j) if (i > k || j > k) 0 * V else second[[i]][[j]]
  K <- k + 1
  expected <- outer(1:K, 1:K, Vectorize(function(i, j) trace(QD[[i]], QD[[j]])))
  observed <- outer(1:K, 1:K, Vectorize(function(i, j) {
    2 * drop(crossprod(Py, D[[i]] %*% P %*% D[[j]] %*% Py)) - expected[i, j] + trace(Q, bend(i, j)) -
      drop(crossprod(Py, bend(i, j) %*% Py))
  }))
  XVi <- t(X) %*% Vi
  list(value = value, beta = drop(beta), phi = phi, gradient = gradient, expected = expected, observed = observed,
       p = lapply(D, function(A) -XVi %*% A %*% t(XVi)),
       q = function(i, j) XVi %*% D[[i]] %*% Vi %*% D[[j]] %*% t(XVi),
       r = function(i, j) XVi %*% bend(i, j) %*% t(XVi))
}

# Adjusted covariance matrix of Kenward and Roger with W the inverse of half the information.
dense_adjusted <- function(o, full) {
  W <- 2 * solve(o$expected)
  middle <- 0
  for (i in seq_along(o$p)) for (j in seq_along(o$p)) {
    middle <- middle + W[i, j] * (o$q(i, j) - o$p[[i]] %*% o$phi %*% o$p[[j]] - full * o$r(i, j) / 4)
  }
  o$phi + 2 * o$phi %*% middle %*% o$phi
}

dense_satterthwaite <- function(o, l, information = o$observed) {
  g <- vapply(o$p, function(P) -drop(t(l) %*% o$phi %*% P %*% o$phi %*% l), 0)
  2 * drop(t(l) %*% o$phi %*% l)^2 / drop(t(g) %*% (2 * solve(information)) %*% g)
}

# Levels of 4 unequally frequent columns in groups, none of which needs all.
structured_data <- function(f, psi, q = 4, groups = 40, seed = 1) {
  set.seed(seed)
  d <- data.frame(g = factor(rep(seq_len(groups), each = 9)))
  d$t <- factor(sample(seq_len(q), nrow(d), TRUE, prob = c(6, 4, 2, 1)[seq_len(q)]))
  d$x <- rnorm(nrow(d))
  d$w <- runif(nrow(d), 0.5, 2)
  b <- matrix(rnorm(groups * q), groups) %*% chol(f(psi, q))
  d$y <- 1 + 0.5 * d$x + b[cbind(as.integer(d$g), as.integer(d$t))] + rnorm(nrow(d)) / sqrt(d$w)
  d
}
