# The oracle: textbook formulas of the linear mixed model with dense n x n matrices.
#
#   y = X beta + Z b + e,  b ~ N(0, B),  e ~ N(0, sigma2 W^-1),  V = Z B Z' + sigma2 W^-1
#
# It shares no code with the package and is slow on purpose: what it returns is what "correct" means.
# Rows of weight zero carry no information and are left out at once.

# Z: list of n x q matrices, one per random term; codes: list of integer vectors (level of each row);
# structure: "unstructured" or "diagonal" per term.
oracle_model <- function(y, X, Z, codes, structure = rep("unstructured", length(Z)), weights = NULL) {
  y <- as.vector(y)
  w <- if (is.null(weights)) rep(1, length(y)) else as.vector(weights)
  keep <- w > 0
  X <- as.matrix(X)[keep, , drop = FALSE]
  independent <- oracle_independent_columns(X)
  terms <- Map(function(z, code, kind) {
    z <- unname(as.matrix(z)); code <- as.integer(code)
    levels <- max(code)
    list(q = ncol(z), levels = levels, structure = kind,
         Z = oracle_expand(z[keep, , drop = FALSE], code[keep], levels))
  }, Z, codes, structure)
  list(y = y[keep], X = unname(X), independent = independent, p = length(independent), w = w[keep],
       n = sum(keep), keep = keep, terms = unname(terms))
}

# Columns of X that are not combinations of earlier ones.
oracle_independent_columns <- function(X) {
  kept <- integer(0)
  for (j in seq_len(ncol(X))) {
    rest <- if (length(kept)) qr.resid(qr(X[, kept, drop = FALSE], tol = 1e-14), X[, j]) else X[, j]
    if (sqrt(sum(rest^2)) > 1e-7 * sqrt(sum(X[, j]^2))) kept <- c(kept, j)
  }
  kept
}

# The n x (levels * q) matrix of one term, levels slowest, columns fastest.
oracle_expand <- function(z, code, levels) {
  q <- ncol(z)
  full <- matrix(0, nrow(z), levels * q)
  for (i in seq_len(nrow(z))) full[i, (code[i] - 1) * q + seq_len(q)] <- z[i, ]
  full
}

oracle_Z <- function(model) do.call(cbind, lapply(model$terms, `[[`, "Z"))

# B: covariance matrix of all random effects; Sigma = list of q x q matrices.
oracle_B <- function(model, Sigma) {
  blocks <- Map(function(term, S) kronecker(diag(term$levels), as.matrix(S)), model$terms, Sigma)
  size <- vapply(blocks, nrow, 0L)
  B <- matrix(0, sum(size), sum(size))
  at <- 0L
  for (k in seq_along(blocks)) {
    i <- at + seq_len(size[k])
    B[i, i] <- blocks[[k]]
    at <- at + size[k]
  }
  B
}

oracle_V <- function(model, Sigma, sigma2) {
  V <- sigma2 * diag(1 / model$w, nrow = model$n)
  for (k in seq_along(model$terms)) {
    Z <- model$terms[[k]]$Z
    V <- V + Z %*% kronecker(diag(model$terms[[k]]$levels), as.matrix(Sigma[[k]])) %*% t(Z)
  }
  V
}

# Moore-Penrose inverse of a symmetric matrix.
oracle_ginv <- function(A, tol = 1e-12) {
  if (!length(A)) return(A)
  d <- sqrt(pmax(diag(A), 0)); d[d == 0] <- 1
  e <- eigen(A / outer(d, d), symmetric = TRUE)
  keep <- e$values > tol * max(e$values)
  G <- e$vectors[, keep, drop = FALSE] %*% (t(e$vectors[, keep, drop = FALSE]) / e$values[keep])
  G / outer(d, d)
}

oracle_log_det <- function(A) if (length(A)) as.numeric(determinant(A, logarithm = TRUE)$modulus) else 0

# A basis K of the error contrasts: K'X = 0, orthonormal, n x (n - p).
oracle_K <- function(model) {
  X <- model$X[, model$independent, drop = FALSE]
  if (!ncol(X)) return(diag(model$n))
  qr.Q(qr(X), complete = TRUE)[, -seq_len(ncol(X)), drop = FALSE]
}

# -2 log (restricted) likelihood with every constant, at given parameters.
oracle_criterion <- function(model, Sigma, sigma2, reml = TRUE) {
  V <- oracle_V(model, Sigma, sigma2)
  X <- model$X[, model$independent, drop = FALSE]
  U <- chol(V)
  Xs <- backsolve(U, X, transpose = TRUE)
  ys <- backsolve(U, model$y, transpose = TRUE)
  r <- if (ncol(X)) qr.resid(qr(Xs), ys) else ys
  value <- 2 * sum(log(diag(U))) + sum(r^2) + model$n * log(2 * pi)
  if (reml) value <- value - model$p * log(2 * pi) + oracle_log_det(crossprod(Xs))
  value
}

# The same through the contrasts: K'y ~ N(0, K'VK). Differs by log|X'X| only, because K is orthonormal.
oracle_criterion_K <- function(model, Sigma, sigma2) {
  K <- oracle_K(model)
  M <- t(K) %*% oracle_V(model, Sigma, sigma2) %*% K
  Ky <- t(K) %*% model$y
  X <- model$X[, model$independent, drop = FALSE]
  as.numeric(ncol(K) * log(2 * pi) + oracle_log_det(M) + t(Ky) %*% solve(M, Ky) + oracle_log_det(crossprod(X)))
}

# P = K (K'VK)^-1 K'
oracle_P <- function(model, Sigma, sigma2) {
  K <- oracle_K(model)
  K %*% solve(t(K) %*% oracle_V(model, Sigma, sigma2) %*% K, t(K))
}

# Derivatives V_i of V in its natural parameters: the free elements of each Sigma (column-wise lower
# triangle; the diagonal only for a diagonal structure), then sigma2.
oracle_dV <- function(model) {
  out <- list()
  for (term in model$terms) {
    for (j in seq_len(term$q)) for (i in j:term$q) {
      if (i != j && term$structure == "diagonal") next
      E <- matrix(0, term$q, term$q)
      E[i, j] <- E[j, i] <- 1
      out[[length(out) + 1L]] <- term$Z %*% kronecker(diag(term$levels), E) %*% t(term$Z)
    }
  }
  c(out, list(diag(1 / model$w, nrow = model$n)))
}

# Estimating equations: left side minus right side, one per natural parameter; zero at an interior optimum.
# REML: tr[P V_i] = y' P V_i P y; ML: tr[V^-1 V_i] = y' P V_i P y.
oracle_equations <- function(model, Sigma, sigma2, reml = TRUE) {
  P <- oracle_P(model, Sigma, sigma2)
  left <- if (reml) P else solve(oracle_V(model, Sigma, sigma2))
  Py <- P %*% model$y
  vapply(oracle_dV(model), function(Vi) sum(left * Vi) - as.numeric(t(Py) %*% Vi %*% Py), 0)
}

# Size of the terms that cancel in the estimating equations.
oracle_equation_scale <- function(model, Sigma, sigma2, reml = TRUE) {
  left <- if (reml) oracle_P(model, Sigma, sigma2) else solve(oracle_V(model, Sigma, sigma2))
  vapply(oracle_dV(model), function(Vi) sqrt(sum((left %*% Vi)^2)) + abs(sum(left * Vi)), 0)
}

# Everything that follows from the parameters.
oracle_solution <- function(model, Sigma, sigma2, reml = TRUE) {
  V <- oracle_V(model, Sigma, sigma2)
  Vi <- solve(V)
  X <- model$X
  Z <- oracle_Z(model)
  B <- oracle_B(model, Sigma)
  Phi <- oracle_ginv(t(X) %*% Vi %*% X)
  Xi <- X[, model$independent, drop = FALSE]
  vcov <- if (ncol(Xi)) solve(t(Xi) %*% Vi %*% Xi) else matrix(0, 0, 0)
  beta <- rep(NA_real_, ncol(X))
  beta[model$independent] <- vcov %*% (t(Xi) %*% Vi %*% model$y)
  fixed <- as.vector(X %*% (Phi %*% (t(X) %*% Vi %*% model$y)))
  BZV <- B %*% t(Z) %*% Vi
  b <- as.vector(BZV %*% (model$y - fixed))
  list(V = V, beta = beta, vcov = vcov, b = b, fixed = fixed, fitted = fixed + as.vector(Z %*% b),
       conditional_variance = B - BZV %*% Z %*% B,
       prediction_error = B - BZV %*% Z %*% B + BZV %*% X %*% Phi %*% t(X) %*% t(BZV),
       prediction_cross = -BZV %*% Xi %*% vcov,
       criterion = oracle_criterion(model, Sigma, sigma2, reml))
}

# ---- estimation ----

oracle_n_theta <- function(term) if (term$structure == "diagonal") term$q else term$q * (term$q + 1L) / 2L

# theta -> list of relative Cholesky factors (lower, filled column by column)
oracle_factors <- function(model, theta) {
  at <- 0L
  lapply(model$terms, function(term) {
    k <- oracle_n_theta(term)
    value <- theta[at + seq_len(k)]
    at <<- at + k
    L <- matrix(0, term$q, term$q)
    if (term$structure == "diagonal") diag(L) <- value else L[lower.tri(L, diag = TRUE)] <- value
    L
  })
}

# Profiled criterion and its gradient in theta, with sigma2 at its optimum given theta.
oracle_profile <- function(model, theta, reml) {
  L <- oracle_factors(model, theta)
  Sigma <- lapply(L, tcrossprod)
  nu <- model$n - if (reml) model$p else 0
  H <- oracle_V(model, Sigma, 1)
  U <- chol(H)
  Hi <- chol2inv(U)
  Xi <- model$X[, model$independent, drop = FALSE]
  HX <- Hi %*% Xi
  XHX <- crossprod(Xi, HX)
  P <- if (ncol(Xi)) Hi - HX %*% solve(XHX, t(HX)) else Hi
  Py <- as.vector(P %*% model$y)
  sigma2 <- sum(model$y * Py) / nu
  value <- 2 * sum(log(diag(U))) + nu * (1 + log(2 * pi * sigma2)) + if (reml) oracle_log_det(XHX) else 0
  left <- if (reml) P else Hi
  gradient <- unlist(Map(function(term, Lk) {
    # d Sigma = dL L' + L dL', so the slope in L is 2 (sum of the level blocks of Z' M Z) L
    M <- crossprod(term$Z, left %*% term$Z) - tcrossprod(crossprod(term$Z, Py)) / sigma2
    G <- matrix(0, term$q, term$q)
    for (l in seq_len(term$levels)) {
      i <- (l - 1) * term$q + seq_len(term$q)
      G <- G + M[i, i]
    }
    D <- 2 * G %*% Lk
    if (term$structure == "diagonal") diag(D) else D[lower.tri(D, diag = TRUE)]
  }, model$terms, L))
  list(value = value, gradient = gradient, sigma2 = sigma2, Sigma = Sigma)
}

# REML / ML estimates from several starts. Returns parameters, criterion and the solution.
oracle_fit <- function(model, reml = TRUE, starts = c(1, 0.1, 5)) {
  if (model$p == 0) reml <- FALSE
  # Columns of Z in units of their own root mean square, so that a start of 1 means the same for all.
  scale <- unlist(lapply(model$terms, function(term) {
    size <- sqrt(rowSums(matrix(colSums(term$Z^2), nrow = term$q)) / model$n)
    size[size == 0] <- 1
    identity_theta <- if (term$structure == "diagonal") size else
      matrix(size, term$q, term$q)[lower.tri(diag(term$q), diag = TRUE)]
    1 / identity_theta
  }))
  start <- unlist(lapply(model$terms, function(term) {
    L <- diag(term$q)
    if (term$structure == "diagonal") diag(L) else L[lower.tri(L, diag = TRUE)]
  }))
  slant <- ifelse(start == 0, 0.2, 0)
  best <- NULL
  for (s in starts) {
    run <- nlminb(s * start + slant * (s == starts[length(starts)]),
                  objective = function(t) oracle_profile(model, t * scale, reml)$value,
                  gradient = function(t) oracle_profile(model, t * scale, reml)$gradient * scale,
                  control = list(rel.tol = 1e-15, x.tol = 1e-12, iter.max = 1000, eval.max = 2000))
    if (is.null(best) || run$objective < best$objective) best <- run
  }
  at <- oracle_profile(model, best$par * scale, reml)
  Sigma <- lapply(at$Sigma, `*`, at$sigma2)
  c(list(theta = best$par * scale, Sigma = Sigma, sigma2 = at$sigma2, reml = reml),
    oracle_solution(model, Sigma, at$sigma2, reml))
}

# Residuals of the marginal model in units of their own covariance: (symmetric root of V)^-1 (y - X beta).
oracle_marginal_scaled <- function(model, solution) {
  e <- eigen(solution$V, symmetric = TRUE)
  as.vector(e$vectors %*% (t(e$vectors) %*% (model$y - solution$fixed) / sqrt(e$values)))
}
