# Likelihood intervals: roots of the likelihood equation on the exact profile.

interval_profile <- function(fit, wanted, level, reml) {
  z <- stats::qnorm((1 + level) / 2)
  limits <- matrix(NA_real_, length(wanted), 2L)
  k <- variance_count(fit)
  own <- without <- NULL
  for (fixed in unique(wanted > k)) {
    if (reml || is.null(own)) own <- fit_by(fit, reml && !fixed)
    at <- which((wanted > k) == fixed)
    if (has_no_minimum(own)) without <- own
    else limits[at, ] <- if (fixed) coefficient_limits(own, wanted[at] - k, z) else variance_limits(own, wanted[at], z)
  }
  if (!is.null(without)) lmm_warn("convergence", no_minimum_text(without), what = "sigma", value = 0,
                                  fix = no_minimum_fix(without))
  limits
}

variance_limits <- function(fit, wanted, z) {
  base <- profile_base(fit, wanted)
  limit <- if (is.null(base$context)) profile_limit else structured_limit
  sides <- expand.grid(side = c(-1, 1), index = wanted)
  found <- lapply_with_bar(seq_len(nrow(sides)), function(k) {
    index <- sides$index[k]
    if (is.na(base$se[index])) NA_real_ else limit(base, index, sides$side[k], z)
  }, "Limits")
  matrix(as.double(unlist(found)), ncol = 2L, byrow = TRUE)
}

# The value on one side (-1 below, 1 above) of the estimate at which -2 log L has risen by z^2. Three points on the way
# to where it would be if the profile were a parabola, then further out; bounds are looked at when they come near.
profile_limit <- function(base, index, side, z) {
  estimate <- base$estimate[index]
  bound <- parameter_bound(base, index, side)
  if (is.na(estimate) || isTRUE(side * (estimate - bound) >= -1e-7 * base$se[index])) return(bound)
  zeta <- profile_root(base, index)
  seen <- list(at = estimate, value = 0)
  ahead <- estimate + side * base$se[index] * z * c(0.35, 0.7, 1)
  reached <- !is.finite(bound)
  for (trial in seq_len(200L)) {
    inside <- side * (ahead - bound) < 0
    if (!all(inside) && !reached) {
      if (!reaches_level(base, index, bound, z)) return(bound)
      reached <- TRUE
    }
    inner <- seen$at[length(seen$at)]
    ahead <- if (any(inside)) ahead[inside] else (inner + bound) / 2
    value <- zeta(ahead)
    past <- which(!(value < z))[1L]
    if (!is.na(past) && !is.finite(value[past])) return(NA_real_)
    seen <- list(at = c(seen$at, ahead), value = c(seen$value, value))
    if (!is.na(past)) return(limit_between(zeta, length(seen$at) - length(ahead) + past - 0:1, seen, z))
    ahead <- further_out(seen, z)
  }
  if (is.finite(bound)) bound else NA_real_
}

# A little beyond the point where the level seems to be, and not too far from the last.
further_out <- function(seen, z) {
  start <- seen$at[1L]
  last <- seen$at[length(seen$at)] - start
  guess <- (inverse_interpolation(seen$at, seen$value, z) - start) / last
  start + last * if (is.finite(guess)) min(2.5, max(1.25, 1.05 * guess)) else 1.6
}

# Root of zeta = z. `between`: positions among the points seen of one above the level and one below. The inverse of zeta
# is nearly straight: points come from the polynomial through the last ones, or from bisection when these do not help.
limit_between <- function(zeta, between, seen, z) {
  high <- seen$at[between[1L]]
  low <- seen$at[between[2L]]
  before <- Inf
  for (iteration in seq_len(100L)) {
    at <- inverse_interpolation(seen$at, seen$value, z)
    if (!isTRUE((at - low) * (at - high) < 0)) at <- low + (high - low) / 2
    value <- zeta(at)
    gap <- value^2 - z^2
    if (is.na(gap)) return(NA_real_)
    if (abs(gap) <= 1e-9 * z^2 || abs(high - low) <= 1e-13 * max(abs(at), abs(high - low))) break
    seen <- list(at = c(seen$at, at), value = c(seen$value, value))
    if (gap > 0) high <- at else low <- at
    if (abs(gap) > before / 4) {
      middle <- low + (high - low) / 2
      value <- zeta(middle)
      if (is.na(value)) return(NA_real_)
      seen <- list(at = c(seen$at, middle), value = c(seen$value, value))
      if (value >= z) high <- middle else low <- middle
    }
    before <- abs(gap)
  }
  at
}

# Where a function is z, by the polynomial through the (at most five) points nearest to that level: Neville's scheme.
inverse_interpolation <- function(at, value, z) {
  use <- order(abs(value - z))[seq_len(min(5L, length(at)))]
  at <- at[use]
  value <- value[use]
  for (k in seq_len(length(at) - 1L)) {
    i <- seq_len(length(at) - 1L)
    at <- ((z - value[i + k]) * at[i] - (z - value[i]) * at[i + 1L]) / (value[i] - value[i + k])
  }
  at
}

# Square root of the rise of -2 log L as a function of the parameter, for values one after the other; remembers the
# point nearest to the first.
profile_root <- function(base, index) {
  known <- list(if (is.null(base$start)) list(theta = fit_optimum(base$fit)$theta, sigma = fit_sigma(base$fit))
                else base$start)
  place <- base$estimate[index]
  fixed <- if (index > nrow(base$parameters)) {
    held_coefficient(base$fit, match(index - nrow(base$parameters), fit_blocks(base$fit)$x$kept))
  }
  function(values) {
    if (!is.null(fixed)) return(sqrt(pmax(0, fixed(values)$value - base$value)))
    found <- profile_value(base, index, values, known[[which.min(abs(place - values[1L]))]])
    good <- which(found$converged)
    known <<- c(known, lapply(good, function(i) list(theta = found$theta[, i], sigma = found$sigma[i])))
    place <<- c(place, values[good])
    sqrt(pmax(0, found$value - base$value))
  }
}

# Does the profile reach the level before the parameter reaches its bound? The way there is followed in steps, each from
# the solution of the one before. At a residual standard deviation of 0 the likelihood is 0.
reaches_level <- function(base, index, bound, z) {
  if (!is.finite(bound) || base$parameters$term[index] %in% 0L) return(TRUE)
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
  if (!is.null(base$context)) return(base$parameters[[if (side < 0) "lower" else "upper"]][index])
  if (base$parameters$correlation[index]) return(side)
  if (side < 0) 0 else Inf
}

# The criterion is even in a standard deviation, so that the error made here is of second order.
near_bound <- function(base, index, bound) {
  if (index > nrow(base$parameters)) return(bound)
  if (!is.null(base$context)) return(bound + (base$estimate[index] - bound) * 1e-6)
  if (base$parameters$correlation[index]) return(bound * (1 - 1e-7))
  1e-6 * max(base$estimate[index], base$se[index])
}
