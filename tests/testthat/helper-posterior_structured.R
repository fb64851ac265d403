# Dense oracles of the posterior of models with covariance structures.

# Columns: derivatives of the functions' values in each coordinate.
numeric_jacobian <- function(f, x, h = 1e-5) {
  columns <- lapply(seq_along(x), function(k) {
    e <- replace(numeric(length(x)), k, h)
    (f(x + e) - f(x - e)) / (2 * h)
  })
  do.call(cbind, columns)
}

# log p(y | V): the coefficients integrated over a flat prior.
dense_marginal <- function(y, X, V) {
  W <- solve(V)
  A <- crossprod(X, W %*% X)
  r <- y - X %*% solve(A, crossprod(X, W %*% y))
  -0.5 * (c(determinant(V)$modulus) + c(determinant(A)$modulus) + sum(r * (W %*% r)) +
            (length(y) - ncol(X)) * log(2 * pi))
}

# The log target at points near the estimates less the dense log density of the shown parameters with the Jacobian of
# the coordinates: a constant. `log_density(shown)`: likelihood and prior; `natural(shown)`: the parameters that the
# prior is a density of.
target_differences <- function(fit, prior, log_density, natural = unname, points = 4, size = 0.05) {
  plan <- posterior_plan(fit, match_priors(prior, fit), 1L)
  start <- fit_coordinates(plan)
  x <- matrix(replicate(points, start + size * rnorm(length(start))), points, byrow = TRUE)
  shown <- function(z) {
    state <- decode_points(plan, t(z))
    unlist(state_columns(plan, state, if (is.null(state$sigma)) 1 else state$sigma))
  }
  dense <- apply(x, 1L, function(z) {
    J <- numeric_jacobian(function(z) natural(shown(z)), z)
    log_density(shown(z)) + c(determinant(J)$modulus)
  })
  log_target(plan, x)$log - dense
}

log_half_t <- function(s, scale, df = 3) log(2) + dt(s / scale, df, log = TRUE) - log(scale)
