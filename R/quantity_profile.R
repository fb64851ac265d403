# Likelihood intervals of functions of the variance parameters.

# Limits by the criterion of the fit: theta and log(sigma) move freely, the quantity is held.
profile_quantity <- function(f, fit, level, range = quantity_range(f, fit)) {
  refuse_unbounded(fit, "profiles are", "Use method = \"delta\", or refit with bounded = TRUE.")
  check_free_of_beta(f, fit)
  if (fit_shown_sigma(fit) == 0) {
    lmm_abort("input", "profile limits of quantities are not available where the residual variance is estimated as 0.",
              what = "method",
              fix = "Use confint() for the parameters themselves, or another method.")
  }
  point <- quantity_point(fit, if (is.null(attr(f, "plain"))) f else attr(f, "plain"))
  point$held <- held_gaps(fit)
  x0 <- c(fit_optimum(fit)$theta, log(fit_sigma(fit)))
  if (anyNA(point$held(x0))) {
    lmm_abort("input", paste("profile limits of quantities are not available where a correlation is fixed and one of",
                             "its standard deviations is estimated as 0."),
              what = "method", fix = "Fit the model without this column, or use method = \"boot\".")
  }
  point$range <- range
  z <- stats::qnorm((1 + level) / 2)
  report_errors(vapply(c(-1, 1), function(side) {
    at_once <- direct_limit(point, x0, fit_criterion(fit), side, z)
    if (is.null(at_once)) quantity_limit(point, x0, fit_criterion(fit), side, z) else at_once
  }, 0), attr(f, "group"))
}

# Is a profile worth its time where no method was asked for?
profile_is_cheap <- function(fit) {
  fit_is_bounded(fit) && fit_shown_sigma(fit) > 0 && length(fit_theta(fit)) < 10L && !has_no_minimum(fit) &&
    (length(fit_groups(fit)) == 1L ||
     sum(lengths(fit_modes(fit))) <= 1000L) && !anyNA(held_gaps(fit)(c(fit_optimum(fit)$theta, log(fit_sigma(fit)))))
}

is_free_of_beta <- function(f, fit) {
  own <- fit_state(fit)
  moved <- own
  moved$beta <- 1.1 * own$beta + 1
  isTRUE(all.equal(f(own), f(moved), tolerance = 1e-12))
}

check_free_of_beta <- function(f, fit) {
  if (!is_free_of_beta(f, fit)) {
    lmm_abort("input", "profile limits are available for functions of the variance parameters only.", what = "method",
              fix = "Use method = \"delta\" or \"boot\".")
  }
}

# The quantity and -2 log L as functions of x = (theta, log sigma).
quantity_point <- function(fit, f) {
  names <- fit_term_names(fit)
  basis <- fit_blocks(fit)$z_basis
  shapes <- fit_covariance(fit)
  beta <- fit_beta(fit)
  value <- function(x) {
    sigma <- exp(x[length(x)])
    inner <- lapply(unstack_factors(fit, x[-length(x)]), function(L) tcrossprod(L) * sigma^2)
    covariance <- shapes
    for (t in seq_along(shapes)) covariance[[t]][] <- basis[[t]] %*% tcrossprod(inner[[t]], basis[[t]])
    names(covariance) <- names
    f(list(covariance = covariance, sigma = sigma, beta = beta, inner = inner))
  }
  criteria <- quantity_criteria(fit)
  list(value = value, criterion = function(x) criteria(matrix(x)),
       derivatives = function(x, value) difference_slopes(criteria(difference_points(x)), value, length(x)))
}

# -2 log L at the columns of x, which are near each other.
quantity_criteria <- function(fit) {
  nu <- fit_nobs(fit) - if (fit_is_reml(fit)) fit_rank(fit) else 0L
  point <- free_point(fit)
  function(x) {
    last <- nrow(x)
    at <- criteria_at(fit, x[-last, , drop = FALSE], point)
    ratio <- at[2L, ] / exp(2 * x[last, ])
    at[1L, ] + nu * (ratio - 1 - log(ratio))
  }
}

# What is missing at x to the held parameters, standard deviations relative to their values. One held at 0 is an entry
# of its factor with either sign.
held_gaps <- function(fit) {
  held <- fit_held(fit)
  if (is.null(held)) return(function(x) numeric())
  parameters <- data.frame(held[c("term", "row", "col")])
  scale <- ifelse(held$row == held$col & held$value > 0, held$value, 1)
  function(x) {
    sigma <- exp(x[length(x)])
    factors <- unstack_factors(fit, x[-length(x)])
    covariance <- Map(function(L, B) tcrossprod(B %*% L) * sigma^2, factors, fit_blocks(fit)$z_basis)
    now <- parameter_values(parameters, covariance, sigma)
    for (k in which(held$value == 0 & held$row == held$col)) now[k] <- factors[[held$term[k]]][held$row[k], held$row[k]]
    (now - held$value) / scale
  }
}

# Follows the profile away from the estimate. Where the next value cannot be reached the step is halved; a profile that
# ends before the level is reached ends at a bound of the quantity.
quantity_limit <- function(point, x0, lowest, side, z) {
  estimate <- point$value(x0)
  unit <- quantity_unit(point, x0)
  if (!moves_freely(point, x0, unit)) return(NA_real_)
  start <- off_flat(x0)
  path <- list(list(at = estimate, x = start))
  zeta <- function(at) {
    nearest <- which.min(vapply(path, function(known) abs(known$at - at), 0))
    found <- held_quantity(point, path[[nearest]]$x, at, unit)
    if (is.null(found)) return(NA_real_)
    path[[length(path) + 1L]] <<- list(at = at, x = found$x)
    sqrt(max(0, found$value - lowest))
  }
  inner <- list(at = estimate, value = 0)
  step <- side * unit / 4
  positive <- point$range[1L] == 0
  for (trial in seq_len(100L)) {
    at <- inner$at + step
    if (positive && at <= inner$at / 10) at <- inner$at / 10
    if (positive && at <= 5e-3 * min(unit, estimate)) return(0)
    value <- zeta(at)
    if (is.na(value)) {
      step <- step / 4
      if (abs(step) < 1e-5 * unit) return(near_end(inner$at, point$range))
      next
    }
    if (value >= z) return(limit_between(zeta, 1:2, list(at = c(at, inner$at), value = c(value, inner$value)), z))
    inner <- list(at = at, value = value)
    step <- 1.5 * step
  }
  NA_real_
}

# A profile that ends next to the end of the range ends there.
near_end <- function(at, range) {
  ends <- range[is.finite(range)]
  close <- which(abs(at - ends) < 1e-3 * max(abs(ends), abs(at)))
  if (length(close)) ends[close[1L]] else at
}

# How much the quantity moves when the parameters do.
quantity_unit <- function(point, x0) {
  near <- vapply(seq_along(x0), function(i) point$value(x0 + replace(numeric(length(x0)), i, 0.3)), 0)
  max(abs(near - point$value(x0)), 1e-8 * abs(point$value(x0)))
}

# Can the quantity change while the held parameters stay?
moves_freely <- function(point, x0, unit) {
  if (!length(point$held(x0))) return(TRUE)
  A <- constraint_slopes(point, x0, unit)
  rest <- qr.resid(qr(A[, -1L, drop = FALSE]), A[, 1L])
  sum(rest^2) > 1e-8 * sum(A[, 1L]^2)
}

constraint_slopes <- function(point, x, unit) {
  f <- function(x) c(point$value(x) / unit, point$held(x))
  vapply(seq_along(f(x)), function(k) differences(function(x) f(x)[k], x, f(x)[k])$gradient, numeric(length(x)))
}

# The criterion is even in a zero factor: a search has to start beside it.
off_flat <- function(x) {
  theta <- seq_len(length(x) - 1L)
  x[theta] <- ifelse(abs(x[theta]) < 1e-4 * max(abs(x[theta]), 1), 0.05, x[theta])
  x
}

# Minimum of the criterion with the quantity, and what the model holds, held: Newton steps of the Lagrangian. NULL when
# there is none.
held_quantity <- function(point, x, target, unit) {
  f <- function(x) c((point$value(x) - target) / unit, point$held(x))
  penalty <- 0
  gap <- f(x)
  value <- point$criterion(x)
  reached <- function(tol) all(abs(gap) < tol)
  for (iteration in seq_len(30L)) {
    step <- lagrangian_step(point$derivatives(x, value), f, x, gap)
    if (is.null(step)) return(NULL)
    if (reached(1e-10) && step$decrement < 1e-10) return(list(x = x, value = value))
    penalty <- pmax(penalty, 2 * abs(step$multiplier))
    merit <- value + sum(penalty * abs(gap))
    length <- 1
    repeat {
      next_x <- x + length * step$step
      next_gap <- f(next_x)
      next_value <- if (all(is.finite(next_gap))) point$criterion(next_x) else Inf
      if (isTRUE(next_value + sum(penalty * abs(next_gap)) <= merit + 1e-10 * max(1, abs(merit)))) break
      length <- length / 2
      if (length < 1e-6) return(if (reached(1e-7) && step$decrement < 1e-6 *
                                    max(1, abs(value))) list(x = x, value = value))
    }
    x <- next_x
    gap <- next_gap
    value <- next_value
  }
  if (reached(1e-8) && step$decrement < 1e-6 * max(1, abs(value))) list(x = x, value = value)
}

# `d`: gradient and Hessian of the criterion at x.
lagrangian_step <- function(d, f, x, gap) {
  bends <- lapply(seq_along(gap), function(k) differences(function(x) f(x)[k], x, gap[k]))
  A <- vapply(bends, `[[`, numeric(length(x)), "gradient")
  if (!all(is.finite(A)) || !all(is.finite(d$hessian))) return(NULL)
  q <- qr(A)
  if (q$rank < length(gap)) return(NULL)
  multiplier <- -qr.coef(q, d$gradient)
  H <- d$hessian
  for (k in seq_along(gap)) H <- H + multiplier[k] * bends[[k]]$hessian
  across <- -as.vector(qr.qy(q, c(forwardsolve(t(qr.R(q)), gap[q$pivot]), numeric(length(x) - length(gap)))))
  if (length(gap) == length(x)) return(list(step = across, multiplier = multiplier, decrement = 0))
  N <- qr.Q(q, complete = TRUE)[, -seq_along(gap), drop = FALSE]
  e <- eigen(crossprod(N, H %*% N), symmetric = TRUE)
  slope <- as.vector(crossprod(e$vectors, crossprod(N, d$gradient + H %*% across)))
  curve <- pmax(abs(e$values), 1e-6 * max(abs(e$values), 1e-6))
  along <- as.vector(N %*% (e$vectors %*% (-slope / curve)))
  list(step = across + along, multiplier = multiplier, decrement = sum(slope^2 / curve))
}

# Gradient and Hessian by central differences.
differences <- function(f, x, centre) difference_slopes(apply(difference_points(x), 2L, f), centre, length(x))

# The points around x, as columns: up, down, twice up, twice down in each coordinate, then up and down in pairs of
# them.
difference_points <- function(x, h = 1e-3) {
  unit <- diag(h, length(x))
  pairs <- difference_pairs(length(x))
  both <- unit[, pairs[, 1L], drop = FALSE] + unit[, pairs[, 2L], drop = FALSE]
  x + cbind(unit, -unit, 2 * unit, -2 * unit, both, -both)
}

difference_pairs <- function(k) which(lower.tri(diag(k)), arr.ind = TRUE)

difference_slopes <- function(values, centre, k, h = 1e-3) {
  pick <- function(block) values[(block - 1L) * k + seq_len(k)]
  up <- pick(1L)
  down <- pick(2L)
  H <- diag((up - 2 * centre + down) / h^2, k)
  pairs <- difference_pairs(k)
  if (nrow(pairs)) {
    both <- rowSums(matrix(values[-seq_len(4L * k)], nrow(pairs)))
    i <- pairs[, 1L]
    j <- pairs[, 2L]
    H[pairs] <- H[pairs[, 2:1, drop = FALSE]] <- (both - up[i] - up[j] - down[i] - down[j] + 2 * centre) / (2 * h^2)
  }
  list(gradient = (8 * (up - down) - (pick(3L) - pick(4L))) / (12 * h), hessian = H)
}
