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

# The random effects' directions Z K Z' and their part of V, up to sigma^2. `K`: matrices of related levels.
oracle_random <- function(fit, d, K = list()) {
  D <- list()
  V <- 0
  for (t in seq_along(fit$frame$random)) {
    group <- fit$frame$groups[[fit$frame$random[[t]]$group]]$name
    own <- as.character(d[[group]])
    D[[t]] <- if (is.null(K[[group]])) outer(own, own, "==") * 1 else K[[group]][own, own]
    V <- V + VarCorr(fit)[[t]][1L] / sigma(fit)^2 * D[[t]]
  }
  list(D = D, V = V)
}

# Structures of one variance, which each group of subjects has for itself.
one_variance <- c("ar1", "arma", "corr", "ad", "exp", "gau", "sph", "lin", "ratio")

# R(psi) over all rows as a function of psi, in the order of the fit's parameters.
oracle_function <- function(word, d, position, visits, groups = NULL, bands = visits - 1L) {
  own <- NULL
  function(psi) {
    n <- nrow(d)
    out <- matrix(0 + 0i, n, n)
    G <- if (is.null(groups)) rep(1L, n) else as.integer(groups)
    k <- length(psi) / max(G)
    for (s in unique(d$id)) {
      at <- which(d$id == s)
      own <- psi[(G[at[1L]] - 1L) * k + seq_len(k)]
      scale <- 1
      if (max(G) > 1L && word %in% one_variance) {
        scale <- own[k]
        own <- own[-k]
      }
      out[at, at] <- scale * oracle_matrix(word, own, position[at], visits, bands)
    }
    out / sqrt(outer(d$weight, d$weight))
  }
}

# sigma^2 R as a function of psi and sigma^2, where covariances are not relative to sigma^2, near sigma^2 = 1.
natural_function <- function(R, kinds) {
  function(par) {
    s2 <- par[length(par)]
    psi <- par[-length(par)]
    own <- which(kinds == "covariance")
    psi[own] <- psi[own] / s2
    s2 * R(psi)
  }
}

expect_oracle <- function(fit, d, R, label, K = list()) {
  psi <- fit$optimum$psi
  own <- fit$cross_products$owns_scale
  residual <- if (own) oracle_residual(R, psi) else oracle_residual(
    natural_function(R, fit$cross_products$parameters$kind), c(psi, 1))
  random <- oracle_random(fit, d, K)
  V <- residual$V + random$V
  s2 <- sigma(fit)^2
  X <- stats::model.matrix(~ x + arm, d)
  D <- c(random$D, residual$D)
  # The random effects' columns are scaled in the engine; its parameters follow.
  scale <- c(vapply(fit$cross_products$z_basis, function(b) b[1L]^2, 0), rep(1, length(D) - length(random$D)))
  D <- Map(`*`, D, scale)
  o <- structure_information(V, D, X, d$y, s2)
  info <- c(structured_derivatives(fit, known = FALSE), list(fit = fit))
  k <- seq_along(D)
  nu <- nrow(d) - ncol(X)
  criterion <- o$log_det + o$log_det_x + nu * log(2 * pi * s2) + o$r2 / s2
  expect_equal(deviance(fit), criterion, tolerance = 1e-9, label = paste(label, "criterion"))
  expect_equal(as.matrix(vcov(fit)), s2 * o$phi, tolerance = 1e-8, ignore_attr = TRUE, label = paste(label, "vcov"))
  B <- fit$cross_products$x$basis
  back <- function(m) t(B) %*% m %*% B
  expect_equal(info$t[k, k], o$t, tolerance = 1e-7, label = paste(label, "t"))
  expect_equal(info$t_ml[k, k], o$t_ml, tolerance = 1e-7, label = paste(label, "t_ml"))
  expect_equal(info$ai[k, k], o$ai, tolerance = 1e-7, label = paste(label, "ai"))
  p <- ncol(X)
  pairs <- information_pairs(info)
  for (i in k) {
    expect_equal(info$p[[i]], back(o$p[[i]]), tolerance = 1e-7, label = paste(label, "P", i))
    for (j in k) expect_equal(pairs[(i - 1) * p + 1:p, (j - 1) * p + 1:p],
                              back(o$q[[i]][[j]]), tolerance = 1e-7, label = paste(label, "Q", i, j))
  }
  expect_weighted(info, o, back, label)
  expect_second(fit, residual, o, info, back, length(random$D), label)
}

# sum W_ij Q_ij, which large structures have without the single Q_ij.
expect_weighted <- function(info, o, back, label) {
  size <- length(info$p)
  k <- seq_along(o$q)
  root <- outer(seq_len(size), seq_len(size), function(i, j) sin(i * j))
  W <- crossprod(root)
  sum <- Reduce(`+`, lapply(k, function(i) Reduce(`+`, lapply(k, function(j) W[i, j] * back(o$q[[i]][[j]])))))
  expect_equal(weighted_pairs(info, W), sum, tolerance = 1e-7, ignore_attr = TRUE, label = paste(label, "weighted Q"))
}

# R_ij and the curvature; the oracle's second derivatives are differences.
expect_second <- function(fit, residual, o, info, back, u, label) {
  for (i in seq_along(residual$D)) for (j in seq_len(i)) {
    DD <- residual$DD[[i]][[j]]
    R <- info$r[[(u + i) * (u + i - 1) / 2 + u + j]]
    expected <- back(o$r(DD))
    if (!length(R)) R <- expected * 0
    size <- max(abs(back(o$p[[u + i]])), abs(back(o$p[[u + j]])))
    expect_lt(max(abs(R - expected)), 1e-5 * size + 1e-4 * max(abs(expected)), label = paste(label, "R", i, j))
    expect_lt(abs(info$bent[u + i, u + j] - o$score(DD)),
              1e-5 * sqrt(info$t[u + i, u + i] * info$t[u + j, u + j]) + 1e-4 * abs(o$score(DD)),
              label = paste(label, "curvature", i, j))
  }
}
