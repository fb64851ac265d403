# The oracle for tests of fixed effects: Kenward and Roger (1997) and Satterthwaite's method from dense n x n matrices;
# derivatives for the latter by Richardson extrapolation of the oracle's own criterion.

# Natural parameters in the order of oracle_dV(): free elements of each Sigma, then sigma2.
oracle_psi <- function(model, Sigma, sigma2) {
  c(unlist(Map(function(term, S) {
    S <- as.matrix(S)
    if (term$structure == "diagonal") diag(S) else S[lower.tri(S, diag = TRUE)]
  }, model$terms, Sigma)), sigma2)
}

oracle_from_psi <- function(model, psi) {
  at <- 0L
  Sigma <- lapply(model$terms, function(term) {
    k <- oracle_n_theta(term)
    value <- psi[at + seq_len(k)]
    at <<- at + k
    S <- matrix(0, term$q, term$q)
    if (term$structure == "diagonal") {
      diag(S) <- value
    } else {
      S[lower.tri(S, diag = TRUE)] <- value
      S <- S + t(S) - diag(diag(S), term$q)
    }
    S
  })
  list(Sigma = Sigma, sigma2 = psi[length(psi)])
}

# Everything dense at the parameters: Phi, P_i, Q_ij, T, AI; X without dependent columns.
oracle_information <- function(model, Sigma, sigma2) {
  V <- oracle_V(model, Sigma, sigma2)
  Vi <- solve(V)
  X <- model$X[, model$independent, drop = FALSE]
  Phi <- solve(t(X) %*% Vi %*% X)
  P <- Vi - Vi %*% X %*% Phi %*% t(X) %*% Vi
  dV <- oracle_dV(model)
  k <- length(dV)
  first <- lapply(dV, function(D) -t(X) %*% Vi %*% D %*% Vi %*% X)
  Q <- lapply(dV, function(D) lapply(dV, function(E) t(X) %*% Vi %*% D %*% Vi %*% E %*% Vi %*% X))
  trace <- function(M) outer(seq_len(k), seq_len(k), Vectorize(function(i, j) sum((M %*% dV[[i]]) * t(M %*% dV[[j]]))))
  Py <- as.vector(P %*% model$y)
  AI <- outer(seq_len(k), seq_len(k), Vectorize(function(i, j) as.numeric(t(Py) %*% dV[[i]] %*% P %*% dV[[j]] %*% Py)))
  list(Phi = Phi, P = first, Q = Q, T = trace(P), T_ml = trace(Vi), AI = AI,
       beta = as.vector(Phi %*% t(X) %*% Vi %*% model$y))
}

oracle_kr <- function(model, Sigma, sigma2, information = "expected") {
  at <- oracle_information(model, Sigma, sigma2)
  W <- if (information == "expected") 2 * oracle_ginv(at$T) else solve(at$AI - at$T / 2)
  k <- length(at$P)
  middle <- 0
  for (i in seq_len(k)) for (j in seq_len(k)) {
    middle <- middle + W[i, j] * (at$Q[[i]][[j]] - at$P[[i]] %*% at$Phi %*% at$P[[j]])
  }
  c(at, list(W = W, adjusted = at$Phi + 2 * at$Phi %*% middle %*% at$Phi))
}

# Kenward and Roger's F test of L beta = 0, as in their paper: E*, V*, rho.
oracle_kr_test <- function(kr, L) {
  q <- nrow(L)
  Theta <- t(L) %*% solve(L %*% kr$Phi %*% t(L)) %*% L
  k <- length(kr$P)
  A1 <- A2 <- 0
  for (i in seq_len(k)) for (j in seq_len(k)) {
    U <- Theta %*% kr$Phi %*% kr$P[[i]] %*% kr$Phi
    W <- Theta %*% kr$Phi %*% kr$P[[j]] %*% kr$Phi
    A1 <- A1 + kr$W[i, j] * sum(diag(U)) * sum(diag(W))
    A2 <- A2 + kr$W[i, j] * sum(diag(U %*% W))
  }
  B <- (A1 + 6 * A2) / (2 * q)
  g <- ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
  d <- 3 * q + 2 * (1 - g)
  E <- 1 / (1 - A2 / q)
  V <- 2 / q * (1 + g / d * B) / ((1 - (q - g) / d * B)^2 * (1 - (q + 2 - g) / d * B))
  rho <- V / (2 * E^2)
  df <- 4 + (q + 2) / (q * rho - 1)
  scale <- df / (E * (df - 2))
  f <- as.numeric(t(L %*% kr$beta) %*% solve(L %*% kr$adjusted %*% t(L)) %*% L %*% kr$beta) / q
  list(df = df, f = scale * f, scale = scale)
}

# ---- numerical derivatives ----

richardson <- function(f, h, levels = 5) {
  D <- matrix(0, levels, levels)
  for (i in seq_len(levels)) {
    D[i, 1] <- f(h / 2^(i - 1))
    for (j in seq_len(i - 1)) D[i, j + 1] <- D[i, j] + (D[i, j] - D[i - 1, j]) / (4^j - 1)
  }
  D[levels, levels]
}

numeric_gradient <- function(f, x, step) {
  vapply(seq_along(x), function(i) {
    e <- replace(numeric(length(x)), i, step[i])
    richardson(function(h) (f(x + h * e) - f(x - h * e)) / (2 * h), 1)
  }, 0) / step
}

numeric_hessian <- function(f, x, step) {
  H <- matrix(0, length(x), length(x))
  for (i in seq_along(x)) for (j in seq_len(i)) {
    a <- replace(numeric(length(x)), i, step[i])
    b <- replace(numeric(length(x)), j, step[j])
    H[i, j] <- H[j, i] <- richardson(function(h) {
      (f(x + h * (a + b)) - f(x + h * (a - b)) - f(x - h * (a - b)) + f(x - h * (a + b))) / (4 * h^2)
    }, 1) / (step[i] * step[j])
  }
  H
}

# Steps that stay inside the parameter space, as large as that allows: rounding is divided by their square.
inner_steps <- function(model, Sigma, sigma2, fraction = 0.3) {
  size <- unlist(Map(function(term, S) {
    S <- as.matrix(S)
    least <- min(eigen(S / outer(sqrt(diag(S)), sqrt(diag(S))))$values)
    cell <- outer(sqrt(diag(S)), sqrt(diag(S))) * least
    if (term$structure == "diagonal") diag(S) else cell[lower.tri(cell, diag = TRUE)]
  }, model$terms, Sigma))
  fraction * c(size, sigma2)
}

# Satterthwaite's degrees of freedom of a row l, by numerical derivatives throughout.
oracle_satterthwaite <- function(model, Sigma, sigma2, L, reml = TRUE) {
  psi <- oracle_psi(model, Sigma, sigma2)
  step <- inner_steps(model, Sigma, sigma2)
  criterion <- function(x) {
    at <- oracle_from_psi(model, x)
    oracle_criterion(model, at$Sigma, at$sigma2, reml)
  }
  A <- 2 * solve(numeric_hessian(criterion, psi, step))
  X <- model$X[, model$independent, drop = FALSE]
  phi <- function(x) {
    at <- oracle_from_psi(model, x)
    solve(t(X) %*% solve(oracle_V(model, at$Sigma, at$sigma2), X))
  }
  apply(L, 1, function(l) {
    variance <- function(x) as.numeric(t(l) %*% phi(x) %*% l)
    g <- numeric_gradient(variance, psi, step)
    2 * variance(psi)^2 / as.numeric(t(g) %*% A %*% g)
  })
}

# Covariance matrices of a fit in the order of the design's terms.
design_covariance <- function(case, fit) {
  lapply(fit$estimates$covariance[term_positions(case, fit)], unname)
}

relative_difference <- function(a, b) max(abs(a - b)) / max(abs(b), 1e-300)
