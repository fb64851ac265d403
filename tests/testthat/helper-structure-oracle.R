# Residual structures by dense n x n formulas in plain R. Derivatives of R by a complex step, so that they are exact:
# R(psi) is written for complex psi. No code is shared with the package.

oracle_lags <- function(p, q = p) outer(p, q, function(a, b) abs(a - b))

# R of one subject at `position` (visits 0, 1, ...), up to sigma^2; `d` visits in all.
oracle_matrix <- function(word, psi, position, d, bands = d - 1L) {
  n <- length(position)
  h <- oracle_lags(position)
  whole <- function(C) C[position + 1L, position + 1L, drop = FALSE]
  lower <- function(values, diagonal) {
    C <- matrix(0 + 0i, d, d)
    at <- which(if (diagonal) lower.tri(C, TRUE) else lower.tri(C), arr.ind = TRUE)
    at <- at[at[, 1L] - at[, 2L] <= bands, , drop = FALSE]
    C[at] <- values
    C[at[, 2:1, drop = FALSE]] <- values
    C
  }
  by_lag <- function(values) {
    C <- diag(d) + 0i
    for (k in seq_along(values)) C[oracle_lags(seq_len(d)) == k] <- values[k]
    whole(C)
  }
  several <- function(inner) {
    s <- sqrt(psi[seq_len(d)])[position + 1L]
    outer(s, s) * oracle_matrix(inner, psi[-seq_len(d)], position, d, bands)
  }
  x <- h / psi[1L]
  one <- diag(n)
  switch(word, iid = one + 0i, ar1 = ifelse(h == 0, 1 + 0i, psi[1L]^h), exp = exp(-x), gau = exp(-x^2),
    sph = ifelse(Re(x) < 1, 1 - 1.5 * x + 0.5 * x^3, 0), lin = ifelse(Re(x) < 1, 1 - x, 0), ratio = 1 / (1 + x^2),
    arma = ifelse(h == 0, 1 + 0i, psi[2L] * psi[1L]^pmax(h - 1, 0)), us = whole(lower(psi, TRUE)),
    diag = whole(diag(psi, d)),
    cs = one + psi[1L] * matrix(1, n, n), corr = whole(lower(psi, FALSE) + diag(d)), toep = by_lag(psi),
    cs_own = psi[1L] * one + psi[2L] * matrix(1, n, n), toep_own = psi[1L] * one + by_lag(psi[-1L]) - one,
    csh0 = psi[1L] * (1 - one) + one,
    ad = whole(outer(seq_len(d), seq_len(d),
                     Vectorize(function(a, b) if (a == b) 1 + 0i else prod(psi[min(a, b):(max(a, b) - 1L)])))),
    csh = several("csh0"), toeph = several("toep"), ar1h = several("ar1"), adh = several("ad"))
}

# list(V, D, DD): V up to sigma^2 and its derivatives in psi (then random effects' entries are added by the caller).
oracle_residual <- function(R, psi) {
  step <- 1e-30
  V <- Re(R(psi + 0i))
  first <- function(psi) lapply(seq_along(psi), function(k) {
    at <- psi + 0i
    at[k] <- at[k] + 1i * step
    Im(R(at)) / step
  })
  second <- lapply(seq_along(psi), function(k) {
    h <- 1e-5 * max(abs(psi[k]), 1e-2)
    up <- first(replace(psi, k, psi[k] + h))
    down <- first(replace(psi, k, psi[k] - h))
    Map(function(a, b) (a - b) / (2 * h), up, down)
  })
  list(V = V, D = first(psi), DD = second)
}

# What the engine's information should be, for directions D of V at sigma^2 = 1.
structure_information <- function(V, D, X, y, sigma2) {
  Vi <- solve(V)
  phi <- solve(crossprod(X, Vi %*% X))
  P <- Vi - Vi %*% X %*% phi %*% t(X) %*% Vi
  Py <- as.vector(P %*% y)
  k <- length(D)
  pair <- function(f) matrix(outer(seq_len(k), seq_len(k), Vectorize(f)), k, k)
  list(phi = phi, r2 = sum(y * Py), log_det = as.numeric(determinant(V)$modulus),
       log_det_x = -as.numeric(determinant(phi)$modulus),
       t = pair(function(i, j) sum((P %*% D[[i]]) * t(P %*% D[[j]]))), t_ml = pair(function(i, j) sum((Vi %*% D[[i]]) *
                                                                                   t(Vi %*% D[[j]]))),
       ai = pair(function(i, j) sum((D[[i]] %*% Py) * (P %*% (D[[j]] %*% Py)))) / sigma2,
       p = lapply(D, function(d) -t(X) %*% Vi %*% d %*% Vi %*% X),
       q = lapply(D, function(a) lapply(D, function(b) t(X) %*% Vi %*% a %*% Vi %*% b %*% Vi %*% X)),
       score = function(DD) sum(P * DD) -
         sum(Py * (DD %*% Py)) / sigma2, r = function(DD) t(X) %*% Vi %*% DD %*% Vi %*% X)
}
