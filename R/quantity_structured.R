# Functions of the parameters of fits with a residual structure or structured random effects. States are those of
# profile_states.R, slopes and curvature those of the criterion in the point of profile_structured.R.

# As theta_space() of other fits.
structured_space <- function(fit, information = "observed") {
  context <- profile_context(fit)
  own <- fit_state(fit)
  list(state = own, group = "g", cheap = length(context$x) <= 6L && fit_nobs(fit) <= 5000,
       errors = function(functions) structured_delta(context, functions, own, information),
       range = function(f) structured_range(context, f),
       profile = function(f, level, range) structured_profile_limits(context, f, level, range))
}

# Standard errors: the information of the point, and the covariance matrix of the fixed effects.
structured_delta <- function(context, functions, own, information) {
  fit <- context$fit
  C <- 2 * information_inverse(point_information(context, information))
  kept <- fit_estimable(fit)
  phi <- fit_vcov(fit)
  vapply(functions, function(f) {
    g <- differences(function(x) f(state_at(context, x)), context$x, f(own))$gradient
    h <- vapply(which(kept), function(j) {
      step <- sqrt(phi[sum(kept[seq_len(j)]), sum(kept[seq_len(j)])]) / 100
      at <- function(by) f(replace(own, "beta", list(replace(own$beta, j, own$beta[[j]] + by))))
      if (step > 0) (at(step) - at(-step)) / (2 * step) else 0
    }, 0)
    variance <- sum(g * (C %*% g)) + sum(h * (phi %*% h))
    if (isTRUE(variance > 0)) sqrt(variance) else NA_real_
  }, 0)
}

# Twice the information of the coordinates: the observed one is the Hessian, the others are those of the natural
# parameters. Residual parameters at their edges are taken as known, as variance_components() does.
point_information <- function(context, information) {
  H <- if (information != "observed") natural_information(context, information)
       else context_derivatives(context)(context$x, fit_criterion(context$fit))$hessian
  if (!length(context$psi)) return(H)
  known <- context$psi[structured_edges(fit_optimum(context$fit), fit_blocks(context$fit))]
  H[known, ] <- H[, known] <- 0
  H
}

# The natural parameters are absolute: log sigma, the last coordinate, changes all of them that have a unit.
natural_information <- function(context, information) {
  at <- point_parts(context, context$x)
  model <- if (is.null(context$sigma)) context$model else context_model(context, context$sigma)
  found <- engine_result(structured_information(model, at$theta, at$psi), context$frame)
  M <- if (information == "average") found$ai else if (model$reml) found$t else found$t_ml
  random <- matrix(found$jacobian, ncol = length(at$theta))
  if (!is_structured(context$fit)) random <- random %*% tcrossprod(tangent_directions(random)$theta)
  J <- bordered_jacobian(block_diagonal(list(random, diag(at$chart$first, length(at$psi)))))
  last <- ncol(J)
  J[, last] <- 2 * natural_powers(context) * found$psi
  if (!is.null(context$sigma)) J <- J[, -last, drop = FALSE]
  crossprod(J, M %*% J)
}

# Powers of sigma^2 in the units of the natural parameters of random effects and residuals, and of sigma^2 itself.
natural_powers <- function(context) {
  random <- lapply(fit_random(context$fit), function(term) {
    if (is_special(term)) term_table(term)$scale else rep(1, nrow(term_entries(term)))
  })
  residual <- if (is_structured(context$fit)) as.numeric(absolute_kinds(context$kind, context$fit))
  c(unlist(random), residual, 1)
}

structured_profile_limits <- function(context, f, level, range) {
  if (!length(context$x)) return(c(NA_real_, NA_real_))                 # nothing is estimated
  check_free_of_beta(f, context$fit)
  point <- structured_point(context, if (is.null(attr(f, "plain"))) f else attr(f, "plain"))
  point$range <- range
  z <- stats::qnorm((1 + level) / 2)
  lowest <- fit_criterion(context$fit)
  report_errors(vapply(c(-1, 1), function(side) {
    at_once <- direct_limit(point, context$x, lowest, side, z)
    if (is.null(at_once)) quantity_limit(point, context$x, lowest, side, z) else at_once
  }, 0), attr(f, "group"))
}

# The range of a quantity by its values at points far from the estimate, in two units of the response.
structured_range <- function(context, f) {
  size <- length(context$x)
  wide <- ifelse(seq_len(size) %in% context$psi & rep_len(chart_sizes(context), size) == 1, 3, 1)
  states <- lapply(seq_len(40L), function(draw) {
    side <- 2 * (((draw * (2L * seq_len(size) + 1L) * 40503L) %/% 4096L) %% 2L) - 1
    x <- context$x + side * wide * (1 + draw / 20)
    x[context$theta] <- (context$x[context$theta] + 0.1) * 10^side[context$theta]
    state_at(context, x)
  })
  beta <- lapply(states, function(state) replace(state, "beta", list(-state$beta)))
  ranges <- vapply(list(c(states, beta), lapply(states, structured_unit, context$fit)), function(states) {
    values_range(vapply(states, function(state) {
      value <- tryCatch(suppressWarnings(f(state))[1L], error = function(e) NA_real_)
      if (is.finite(value)) value else NA_real_
    }, 0))
  }, numeric(2L))
  out <- c(min(ranges[1L, ]), max(ranges[2L, ]))
  if (out[1L] < 0 && is.infinite(out[2L])) c(-Inf, Inf) else out
}

# 1 for coordinates of residual parameters on a scale without bounds, else 0.
chart_sizes <- function(context) {
  out <- numeric(length(context$x))
  out[context$psi] <- as.numeric(chart_scale(context$kind) != "identity")
  out
}

# The same state for the response in another unit.
structured_unit <- function(state, fit, unit = 1e6) {
  out <- in_other_unit(state, unit)
  if (!is.null(state$natural)) out$natural <- rescaled_naturals(state$natural, fit, unit)
  if (is.null(state$residual)) return(out)
  own <- free_parameters(fit_frame(fit)$residual)
  out$residual <- state$residual * ifelse(own$kind %in% c("variance", "covariance"), unit^2, 1)
  if (isTRUE(fit_blocks(fit)$owns_scale)) out$sigma <- 1
  out
}

rescaled_naturals <- function(natural, fit, unit) {
  Map(function(own, term) if (!is.null(own)) own * unit^(2 * term_table(term)$scale), natural, fit_random(fit))
}

# ---- words ----

# A function of the state: all variance parameters by the names of confint(), on both scales.
parameter_word_values <- function(fit) {
  parameters <- profiled_parameters(fit)
  root <- parameters$kind %in% c("variance", "specific")
  keep <- parameters$kind != "correlation"
  names <- lapply(c(sd = "sd", variance = "variance"), function(scale) {
    all_parameter_names(fit, FALSE, scale)[seq_len(nrow(parameters))]
  })
  function(state) {
    sd <- state_parameters(fit, state, parameters)
    variance <- ifelse(root, sd^2, sd)
    c(stats::setNames(as.list(sd), names$sd), stats::setNames(as.list(variance[keep]), names$variance[keep]))
  }
}

# R(psi) of a state for rows at `positions`, on the scale of the response.
state_residual_matrix <- function(fit, state, positions, w, group) {
  own <- free_parameters(fit_frame(fit)$residual)
  psi <- unname(state$residual) / ifelse(absolute_kinds(own$kind, fit), state$sigma^2, 1)
  model <- fit_blocks(fit)$model$residual
  model <- model[setdiff(names(model), c("subject", "subject_group", "positions", "w"))]
  state$sigma^2 * structure_at(model, as.double(psi), positions, w, group)
}

# Mean over the rows of the variance of a residual of weight 1.
mean_residual_variance <- function(fit, state) {
  if (!is_structured(fit)) return(state$sigma^2 * mean_residual_share(fit))
  rows <- fit_blocks(fit)$model$residual
  group <- rows$subject_group[rows$subject]
  place <- if (several_visit_variances(fit) || has_known_residual(fit)) rows$positions else 0 * rows$positions
  key <- do.call(paste, c(as.data.frame(place), as.data.frame(rows$w), list(group)))
  first <- which(!duplicated(key))
  weights <- fit_stored_rows(fit)$weights
  share <- if (is.null(weights)) rep(1, length(key)) else ifelse(weights > 0, 1 / weights, 0)
  count <- as.vector(rowsum(share, match(key, key[first])))
  variance <- unlist(lapply(split(seq_along(first), (seq_along(first) - 1L) %/% 100L), function(at) {
    own <- first[at]
    diag(state_residual_matrix(fit, state, rows$positions[own, , drop = FALSE], rows$w[own, , drop = FALSE],
                               group[own]))
  }))
  sum(variance * count) / sum(share > 0)
}

# The entry of the residual covariance matrix over visits; without visits the mean residual variance.
structured_residual_entry <- function(fit, state, columns) {
  if (!length(columns)) return(mean_residual_variance(fit, state))
  plan <- fit_frame(fit)$residual
  d <- if (length(plan$parts) == 1L) visit_count(plan) else 0L
  if (!d || length(plan$by_levels) > 1L || length(variance_variables(plan))) {
    lmm_abort("input", "entries of the residual covariance matrix need one structure over visits.", what = columns,
              fix = "Write var(Residual) for the mean residual variance.")
  }
  at <- vapply(columns, function(x) find_word(visit_names(plan)[seq_len(d)], x, "visit"), 0L)
  at <- rep_len(at, 2L)
  state_residual_matrix(fit, state, matrix(as.double(seq_len(d) - 1L)), matrix(0, d, 0L), rep(1L, d))[at[1L], at[2L]]
}
