# Points of a posterior with a residual structure: the size of a typical residual, where the search begins, what is
# shown of a draw, and the tails of the density.

# For typical_size(): means of the linear columns of the variance function, and for each other factor the share of the
# rows that it has and their geometric mean of x.
typical_rows <- function(fit, table) {
  w <- fit_blocks(fit)$model$residual$w
  linear <- sum(table$kind == "log_ratio")
  plan <- fit_frame(fit)$residual
  all <- plan_parameters(plan)
  count <- sum(all$kind == "log_ratio")
  held <- replace(numeric(nrow(all)), plan$held$index, plan$held$value)
  rest <- w[, -seq_len(count), drop = FALSE]
  if (count == 0L) rest <- w
  list(mean = colMeans(w[, seq_len(count), drop = FALSE]), all = all, held = held,
       free = setdiff(seq_len(nrow(all)), plan$held$index),
       share = colMeans(rest >= 0), x = apply(rest, 2L, function(x) exp(mean(log(x[x > 0])))),
       reference = if (is.null(plan$variance_reference)) numeric(ncol(rest)) else plan$variance_reference)
}

# The standard deviation of a residual of typical rows, relative to sigma: the prior of `residual` is that of it, so
# that it does not depend on the origin of the variance function. A vector with an entry for each point.
typical_size <- function(own, psi) {
  origin <- own$origin
  all <- matrix(origin$held, nrow(psi), length(origin$held), byrow = TRUE)
  all[, origin$free] <- psi
  kind <- origin$all$kind
  out <- as.vector(all[, kind == "log_ratio", drop = FALSE] %*% origin$mean) / 2
  for (j in which(kind == "constant")) {
    k <- origin$all$row[j]
    at <- function(x) log_constant_power(all[, j], all[, j + 1L], log(x))
    out <- out + origin$share[k] * at(origin$x[k]) - if (origin$reference[k] > 0) at(origin$reference[k]) else 0
  }
  for (j in which(kind == "proportion")) {
    k <- origin$all$row[j]
    out <- out + origin$share[k] * log1p((all[, j] * origin$x[k])^2) / 2
  }
  for (block in own$blocks) {
    if (isTRUE(block$relative)) out <- out + log1p(psi[, block$pair]) / 2
  }
  exp(out)
}

# Coordinates of the estimates, inside the domain.
residual_start <- function(plan) {
  own <- plan$residual
  psi <- fit_psi(plan$fit)
  alone <- own$table$kind == "variance" & !seq_along(psi) %in% unlist(lapply(own$blocks, `[[`, "sd"))
  psi[alone] <- pmax(psi[alone], 1e-3 * max(psi[alone], 0))
  x <- numeric(own$size)
  distances <- position_distances(fit_blocks(plan$fit)$model$residual)
  for (block in own$blocks) {
    sd <- sqrt(pmax(psi[block$sd], 1e-6 * max(psi[block$sd], 0)))
    x[block$sd] <- log(sd)
    at <- if (block$type %in% c("series", "single", "held_series")) block$at else block$pair
    x[at] <- switch(block$type, series = series_start(block, psi), held_series = psi[block$at],
                    single = single_start(own, block$at, psi[block$at], distances),
                    matrix = matrix_start(block, psi, sd), pairs = pairs_start(block, psi, sd),
                    common = common_start(block, psi), shifted = numeric())
    if (block$type == "common" && length(block$sd)) x[block$sd] <- log(sum(psi[block$at])) / 2
  }
  x
}

common_start <- function(block, psi) {
  v <- if (length(block$sd)) psi[block$sd] else block$base
  atanh(inside(psi[block$pair] / (v + psi[block$pair])))
}

# Partial autocorrelations, from the last coefficient to the first.
series_start <- function(block, psi) {
  phi <- block$sign * psi[block$at]
  r <- numeric(length(phi))
  for (k in rev(seq_along(phi))) {
    r[k] <- inside(phi[k], 0.9)
    before <- phi[seq_len(k - 1L)]
    phi <- (before + r[k] * rev(before)) / (1 - r[k]^2)
  }
  atanh(r)
}

inside <- function(r, most = 0.97) pmax(-most, pmin(most, r))

single_start <- function(own, j, psi, distances) {
  kind <- own$table$kind[j]
  if (kind == "variance") return(log(psi) / 2)
  if (kind == "range" && distances[2L] > 0 && is.finite(distances[2L]))
    psi <- max(distances[1L] / 3, min(psi, 2 * distances[2L]))
  if (kind == "correlation") psi <- if (j %in% own$mirrored) abs(inside(psi)) else inside(psi)
  if (kind == "share") psi <- pmax(0.03, pmin(0.97, psi))
  x <- own$origin$x[own$table$row[j]]                    # of a factor of the variance function
  if (kind == "exponent") psi <- max(psi, 0.05)
  if (kind == "proportion") psi <- max(psi, 1e-3 / x)
  if (kind == "constant") psi <- max(psi, 1e-3 * min(x, 1e3)^0.5)
  chart_of(kind, psi, own$unit[j])
}

matrix_start <- function(block, psi, sd) {
  order <- vine_order(block$q)
  R <- diag(block$q)
  R[order] <- R[order[, 2:1, drop = FALSE]] <- psi[block$pair]
  if (length(sd) && block$scaled) R <- R / outer(sd, sd)
  diag(R) <- 1
  atanh(partial_correlations(R))[order]
}

# Values as they are shown: standard deviations in place of variances, covariances in the unit of the response.
# A list of vectors. `sigma`: that of the fit.
residual_columns <- function(plan, psi, sigma) {
  own <- plan$residual
  absolute <- absolute_kinds(own$table$kind, plan$fit)
  out <- lapply(seq_len(own$size), function(j) {
    value <- psi[, j] * if (absolute[j]) sigma^2 else 1
    if (own$root[j]) sqrt(value) else value
  })
  stats::setNames(out, own$names)
}

# The sigma that is shown for that of the fit, a value for each row of psi.
shown_draws <- function(plan, psi, sigma) {
  shift <- sigma_shift(fit_frame(plan$fit)$residual)
  if (is.null(shift)) return(sigma)
  rep_len(sigma, nrow(psi)) * exp(apply(psi, 1L, function(own) log_shift(shift, own)))
}

# ---- tails ----

# The plan with what the density does far out (`tails`), and with `mirrored` correlations, whose sign the data do not
# tell.
with_tails <- function(plan) {
  if (plan$d == 0L || (is.null(plan$residual) && !any(plan$coordinates$kind == "range"))) return(plan)
  if (!is.null(plan$residual)) plan$residual$mirrored <- mirrored_correlations(plan)
  plan$tails <- far_slopes(plan, function(x) log_target(plan, x)$log, fit_coordinates(plan))
  plan
}

# Correlations r with the same density at -r: an AR(1) of visits an even number of steps apart.
mirrored_correlations <- function(plan) {
  own <- plan$residual
  start <- fit_coordinates(plan)
  single <- vapply(own$blocks, function(b) {
    if (b$type == "single" && own$table$kind[b$at] == "correlation") b$at else 0L
  }, 0L)
  Filter(function(j) {
    at <- nrow(plan$coordinates) + j
    near <- replace(start, at, 0.4)
    value <- log_target(plan, rbind(near, replace(near, at, -0.4)))$log
    isTRUE(abs(value[1L] - value[2L]) < 1e-9 * (1 + abs(value[1L])))
  }, single[single > 0L])
}

# Does the density fall far out, in each coordinate without bounds and in the scale of all residuals? By the log target
# itself, the other coordinates held where the search begins. Returns its slopes in the logs of positive parameters, by
# name: a moment of order k exists if the slope is below -k.
far_slopes <- function(plan, target, start) {
  directions <- open_directions(plan)
  slopes <- numeric()
  for (k in seq_along(directions$vector)) for (side in c(-1, 1)) {
    slope <- if (side > 0) directions$prior[[k]] else NA_real_
    if (is.na(slope)) slope <- far_slope(target, start, side * directions$vector[[k]])
    if (side > 0 && directions$positive[k]) slopes[[directions$name[k]]] <- slope
    if (isTRUE(slope < if (directions$positive[k]) -0.02 else -0.5)) next
    abort_improper(paste0("its density does not decrease, or decreases too slowly, as ", quote_name(directions$name[k]),
                          " goes to ",
                          if (side > 0) "infinity." else if (directions$positive[k]) "0." else "minus infinity."),
                   directions$name[k],
                   paste("Give it a more informative prior, such as prior_half_t(3, scale) for a standard",
                         "deviation or prior_normal(0, sd) for a coefficient of the variance function."))
  }
  slopes
}

# The flattest slope between the last points of a ray before the target is no longer finite: beyond them, and at the
# last of them, double precision ends.
far_slope <- function(target, start, direction, steps = seq(2, 90, by = 2)) {
  value <- target(rep(start, each = length(steps)) + outer(steps, direction))
  last <- utils::tail(which(cumall(is.finite(value))), 5L)
  if (length(last) < 2L) return(-Inf)
  max(diff(value[last]) / diff(steps[last]))
}

cumall <- function(x) cumsum(!x) == 0L

# list(vector, name, positive, prior): directions in the coordinates; `prior` is the slope of a proper prior of a range,
# which decides alone: the likelihood of a long range is rounding.
open_directions <- function(plan) {
  first <- nrow(plan$coordinates)
  kind <- plan$residual$table$kind
  open <- which(!kind %in% bounded_kinds)
  range <- which(plan$coordinates$kind == "range")
  at <- c(range, first + open)
  slope <- function(prior) if (isTRUE(prior$proper)) prior_slope(prior) else NA_real_
  out <- list(vector = lapply(at, function(j) replace(numeric(plan$d), j, 1)),
              name = c(plan$labels$variances[coordinate_rows(plan)][range], plan$residual$names[open]),
              positive = c(rep(TRUE, length(range)), kind[open] %in% positive_kinds),
              prior = c(vapply(plan$coordinates$term[range], function(t) slope(plan$priors$range[[t]]), 0),
                        vapply(open, function(j) slope(if (kind[j] == "range") plan$residual$prior[[j]]), 0)))
  if (!any(kind == "variance")) return(out)
  scale <- replace(numeric(plan$d), c(which(plan$free_sd), first + which(kind == "variance")), 1)
  list(vector = c(out$vector, list(scale)), name = c(out$name, "residual"), positive = c(out$positive, TRUE),
       prior = c(out$prior, NA_real_))
}

# Of the log density of log x, far out.
prior_slope <- function(prior) {
  log <- prior$log(exp(c(60, 64)))
  if (log[2L] == -Inf) -Inf else (log[2L] - log[1L]) / 4 + 1
}
