# Likelihood intervals: roots of the likelihood equation on the exact profile.

interval_profile <- function(fit, wanted, level, reml) {
  base <- profile_base(fit, reml)
  z <- stats::qnorm((1 + level) / 2)
  fixed <- if (any(wanted > nrow(base$parameters))) fixed_base(base)
  t(vapply(wanted, function(index) {
    own <- if (index > nrow(base$parameters)) fixed else base
    if (is.na(own$se[index])) return(c(NA_real_, NA_real_))
    c(profile_limit(own, index, -1, z), profile_limit(own, index, 1, z))
  }, numeric(2L)))
}

# Fixed effects are profiled by maximum likelihood, whatever the criterion.
fixed_base <- function(base) if (base$reml) profile_base(base$fit, FALSE) else base

# The value on one side (-1 below, 1 above) of the estimate at which -2 log L has risen by z^2.
profile_limit <- function(base, index, side, z) {
  estimate <- base$estimate[index]
  bound <- parameter_bound(base, index, side)
  zeta <- profile_root(base, index)
  if (is.na(estimate) || isTRUE(side * (estimate - bound) >= -1e-7 * base$se[index])) return(bound)
  if (!reaches_level(base, index, bound, z)) return(bound)
  inner <- list(at = estimate, value = 0)
  step <- side * base$se[index] * z
  for (doubling in seq_len(200L)) {
    at <- estimate + step
    if (is.finite(bound) && side * (at - bound) >= 0) at <- (inner$at + bound) / 2
    outer <- list(at = at, value = abs(zeta(at)))
    if (!is.finite(outer$value)) return(NA_real_)
    if (outer$value >= z) return(limit_between(zeta, inner, outer, z))
    inner <- outer
    step <- 1.6 * (at - estimate)
  }
  if (is.finite(bound)) bound else NA_real_
}

# Root of |zeta| = z between a point below and one above: false position, with bisection when it stalls.
limit_between <- function(zeta, low, high, z) {
  for (iteration in seq_len(100L)) {
    width <- high$at - low$at
    at <- low$at + width * (z - low$value) / (high$value - low$value)
    if (iteration > 3L && iteration %% 3L == 0L) at <- low$at + width / 2
    here <- list(at = at, value = abs(zeta(at)))
    gap <- here$value^2 - z^2
    if (abs(gap) <= 1e-9 * z^2 || abs(width) <= 1e-13 * max(abs(at), abs(width))) return(at)
    if (gap > 0) high <- here else low <- here
  }
  at
}

# Square root of the rise of -2 log L as a function of the parameter; remembers the point nearest to the one asked for.
profile_root <- function(base, index) {
  known <- list(list(at = base$estimate[index], theta = base$fit$optimum$theta, sigma = fit_sigma(base$fit)))
  function(value) {
    distance <- vapply(known, function(point) abs(point$at - value), 0)
    found <- profile_value(base, index, value, known[[which.min(distance)]])
    if (isTRUE(found$converged) && index <= nrow(base$parameters)) {
      known[[length(known) + 1L]] <<- list(at = value, theta = found$theta[, 1L], sigma = found$sigma[1L])
    }
    sqrt(max(0, found$value[1L] - base$value))
  }
}

# Does the profile reach the level before the parameter reaches its bound? The way there is followed in steps, each from
# the solution of the one before. At a residual standard deviation of 0 the likelihood is 0.
reaches_level <- function(base, index, bound, z) {
  if (!is.finite(bound) || base$parameters$term[index] == 0L) return(TRUE)
  found <- profile_value(base, index, path_to_bound(base, index, bound))
  rise <- found$value - base$value
  any(rise[found$converged] >= z^2)
}

path_to_bound <- function(base, index, bound) {
  estimate <- base$estimate[index]
  estimate + (near_bound(base, index, bound) - estimate) * c(0.5, 0.8, 0.95, 0.99, 1)
}

parameter_bound <- function(base, index, side) {
  k <- nrow(base$parameters)
  if (index > k) return(side * Inf)
  if (base$parameters$correlation[index]) return(side)
  if (side < 0) 0 else Inf
}

# The criterion is even in a standard deviation, so that the error made here is of second order.
near_bound <- function(base, index, bound) {
  if (index > nrow(base$parameters)) return(bound)
  if (base$parameters$correlation[index]) return(bound * (1 - 1e-7))
  1e-6 * max(base$estimate[index], base$se[index])
}
