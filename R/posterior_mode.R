# The mode of the log target in its coordinates, by Newton's method with differences: the result shapes a proposal and
# need not be exact.

difference_step <- 1e-3

# Gradient and Hessian of the log target at one point.
target_derivatives <- function(target, x, h = difference_step) {
  d <- length(x)
  pairs <- if (d > 1L) t(utils::combn(d, 2L)) else matrix(0L, 0L, 2L)
  step <- function(...) {
    out <- x
    for (j in c(...)) out[abs(j)] <- out[abs(j)] + sign(j) * h
    out
  }
  points <- rbind(x, do.call(rbind, lapply(seq_len(d), function(j) rbind(step(j), step(-j)))),
                  if (d > 1L) do.call(rbind, lapply(seq_len(nrow(pairs)),
                                                    function(k) rbind(step(pairs[k, 1L], pairs[k, 2L]),
                                                                      step(-pairs[k, 1L], -pairs[k, 2L])))))
  f <- target(points)
  up <- f[2L * seq_len(d)]
  down <- f[2L * seq_len(d) + 1L]
  H <- diag((up - 2 * f[1L] + down) / h^2, d)
  for (k in seq_len(nrow(pairs))) {
    i <- pairs[k, 1L]
    j <- pairs[k, 2L]
    both <- f[2L * d + 2L * k + 0:1]
    H[i, j] <- H[j, i] <- (both[1L] + both[2L] - up[i] - down[i] - up[j] - down[j] + 2 * f[1L]) / (2 * h^2)
  }
  list(value = f[1L], gradient = (up - down) / (2 * h), hessian = H)
}

# Inverse of a negative Hessian with eigenvalues at least `least` of the largest.
positive_inverse <- function(H, least = 1e-3) {
  e <- eigen(-H, symmetric = TRUE)
  values <- pmax(abs(e$values), least * max(abs(e$values)))
  list(vectors = e$vectors, sd = 1 / sqrt(values), matrix = e$vectors %*% (t(e$vectors) / values))
}

posterior_mode <- function(target, start, most = 60L) {
  x <- start
  for (iteration in seq_len(most)) {
    at <- target_derivatives(target, x)
    if (!all(is.finite(at$gradient)) || !all(is.finite(at$hessian))) break
    inverse <- positive_inverse(at$hessian)
    step <- as.vector(inverse$matrix %*% at$gradient)
    step <- step * min(1, 3 / max(abs(step)))
    shares <- 2^-(0:7)
    values <- target(t(x + outer(step, shares)))
    best <- which.max(values)
    if (!(values[best] > at$value)) break
    x <- x + shares[best] * step
    decrement <- values[best] - at$value
    if (decrement < 1e-4) break
  }
  at <- target_derivatives(target, x)
  list(x = x, value = at$value, hessian = at$hessian)
}

# Standard deviations of a term's effects, relative to sigma, that the engine's columns have for 1.
term_units <- function(plan, t) column_units(plan$fit, t, plan$terms[[t]]$rows)

column_units <- function(fit, t, rows) {
  sqrt(rowSums(as.matrix(fit_blocks(fit)$z_basis[[t]])^2))[rows] * residual_unit(fit)
}

# The standard deviation of the residuals, relative to the sigma of the plan: 1 unless a residual structure has the
# variances.
residual_unit <- function(fit) {
  if (!isTRUE(fit_blocks(fit)$owns_scale)) return(1)
  variance <- fit_psi(fit)[posterior_table(fit)$kind == "variance"]
  if (length(variance)) sqrt(mean(variance)) else 1
}

# Where the variances of the random effects are small and all else is as in the fit.
base_points <- function(plan, n) {
  out <- matrix(0, n, plan$d)
  at <- nrow(plan$coordinates) + seq_len(residual_size(plan))
  if (length(at)) out[, at] <- rep(residual_start(plan), each = n)
  for (t in which(!vapply(plan$terms, function(term) is.null(term$special), NA))) {
    at <- which(plan$coordinates$term == t & plan$coordinates$kind != "sd")
    out[, at] <- rep(start_of_special(plan, t), each = n)
  }
  out
}

# Coordinates of the fit; variances near zero and correlations near one are moved inside.
fit_coordinates <- function(plan) {
  fit <- plan$fit
  sigma <- if (is.na(plan$sigma)) fit_sigma(fit) else plan$sigma
  x <- numeric(plan$d)
  for (t in seq_along(plan$terms)) {
    S <- as.matrix(fit_covariance(fit)[[t]])
    special <- plan$terms[[t]]$special
    if (is.null(special) && plan$terms[[t]]$q == 1L) S <- S[1L, 1L, drop = FALSE]
    sd <- pmax(sqrt(pmax(0, diag(S)[plan$terms[[t]]$rows])) / sigma, term_units(plan, t) * sqrt(0.05))
    own <- plan$coordinates$term == t
    at <- own & plan$coordinates$kind == "sd"
    log_sd <- if (is.null(special$factors)) log(sd) else factor_deviations(special, sd)
    x[which(at)] <- log_sd[plan$coordinates$row[at]]
    if (!is.null(special)) x[which(own & plan$coordinates$kind != "sd")] <- start_of_special(plan, t)
    at <- which(own & plan$coordinates$kind == "cor")
    if (length(at)) x[at] <- atanh(partial_correlations(S))[cbind(plan$coordinates$row[at], plan$coordinates$col[at])]
  }
  if (!is.null(plan$residual)) x[nrow(plan$coordinates) + seq_len(plan$residual$size)] <- residual_start(plan)
  if (plan$search_sigma) x[plan$d] <- log(sigma)
  x
}

# Partial correlations of the vine, at most 0.95 in size; 0 where a variance is zero.
partial_correlations <- function(S) {
  q <- nrow(S)
  scale <- sqrt(pmax(diag(S), 0))
  R <- S / outer(scale, scale)
  R[!is.finite(R)] <- 0
  R <- 0.95 * R
  diag(R) <- 1
  L <- t(chol(R))
  out <- matrix(0, q, q)
  for (i in seq_len(q)) for (j in seq_len(i - 1L)) out[i, j] <- L[i, j] / sqrt(1 - sum(L[i, seq_len(j - 1L)]^2))
  out[] <- pmax(-0.95, pmin(0.95, out))
  out
}
