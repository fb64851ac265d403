# Parameters as functions of a point of the profile, and the profile with one of them held, see profile_structured.R.

# What functions of the parameters are given, at a point: list(covariance, natural, residual, sigma, beta).
state_at <- function(context, x) {
  at <- point_parts(context, x)
  fit <- context$fit
  natural <- relative_naturals(context$frame, at$theta, context$basis)
  factors <- triangular_factors(fit, at$theta)
  covariance <- Map(function(term, own, L, B, like) {
    S <- if (is_special(term)) special_covariance(term, own, B) else tcrossprod(B %*% L)
    like[] <- S * at$sigma^2
    like
  }, fit_random(fit), natural, factors, context$basis, fit_covariance(fit))
  out <- list(covariance = stats::setNames(covariance, fit_term_names(fit)),
              natural = absolute_naturals(natural, context$frame, at$sigma), sigma = at$sigma, beta = fit_beta(fit))
  if (is_structured(fit)) {
    own <- free_parameters(fit_frame(fit)$residual)
    out$residual <- stats::setNames(at$psi * ifelse(absolute_kinds(own$kind, fit), at$sigma^2, 1), own$name)
  }
  out
}

# Lower triangular factors of the terms that are not special, from the engine's theta.
triangular_factors <- function(fit, theta) {
  end <- 0L
  lapply(fit_random(fit), function(term) {
    own <- theta[end + seq_len(term_size(term))]
    end <<- end + term_size(term)
    if (!is_special(term)) term_factor(term, own)
  })
}

term_factor <- function(term, theta) {
  if (is_diagonal(term)) return(diag(theta, term$q))
  L <- matrix(0, term$q, term$q)
  L[lower.tri(L, TRUE)] <- theta
  L
}

# All variance parameters of a state on the scale of standard deviations, in the order of confint().
state_parameters <- function(fit, state, parameters) {
  random <- variance_parameters(fit)
  value <- parameter_values(random, state$covariance, state$sigma)
  single <- which(random$kind %in% c("range", "loading", "specific"))
  for (at in split(single, random$term[single])) {
    t <- random$term[at[1L]]
    own <- state$natural[[t]][match(own_key(random[at, ]), parameter_keys(fit_random(fit)[[t]]))]
    value[at] <- ifelse(random$kind[at] == "specific", sqrt(own), own)
  }
  residual <- unname(state$residual)
  last <- nrow(random)
  value[last] <- value[last] * sigma_at_zero(fit, residual)
  kind <- parameters$kind[is.na(parameters$term)]
  if (length(kind)) residual[kind == "variance"] <- sqrt(residual[kind == "variance"])
  c(value[-last], residual, if (!isTRUE(fit_blocks(fit)$owns_scale)) value[last])
}

# The point functions of quantity_profile.R, for a function of the state.
structured_point <- function(context, f) {
  list(value = function(x) f(state_at(context, x)), criterion = context_criterion(context),
       derivatives = context_derivatives(context), held = function(x) numeric(), range = c(-Inf, Inf))
}

# profile_value() with a variance parameter held: each point from the one before, and by halves where that fails.
structured_profile_value <- function(base, index, values, from) {
  if (is.null(from)) from <- base$start
  point <- structured_point(base$context, identity)
  point$value <- parameter_function(base, index)
  x <- off_flat_point(base, from$theta)
  found <- lapply(values, function(value) {
    own <- reached_point(point, x, value, base$se[index])
    if (is.null(own)) return(list(x = x, value = Inf, converged = FALSE))
    x <<- own$x
    list(x = own$x, value = own$value, converged = TRUE)
  })
  theta <- matrix(vapply(found, `[[`, x, "x"), length(x))
  flat_profile(base, index, list(
    value = vapply(found, `[[`, 0, "value"), theta = theta, converged = vapply(found, `[[`, NA, "converged"),
    sigma = apply(theta, 2L, function(x) point_parts(base$context, x)$sigma)))
}

# As profile_limit(), at once where that succeeds, see direct_limit(); a correlation of two effects may have a ceiling.
structured_limit <- function(base, index, side, z) {
  if (!base$parameters$correlation[index]) {
    point <- structured_point(base$context, identity)
    point$value <- parameter_function(base, index)
    point$range <- c(base$parameters$lower[index], base$parameters$upper[index])
    at_once <- direct_limit(point, base$context$x, base$value, side, z)
    if (!is.null(at_once)) return(at_once)
  }
  profile_limit(base, index, side, z)
}

reached_point <- function(point, x, value, unit, halves = 4L) {
  own <- held_quantity(point, x, value, unit)
  if (!is.null(own) || halves == 0L) return(own)
  half <- reached_point(point, x, (point$value(x) + value) / 2, unit, halves - 1L)
  if (!is.null(half)) reached_point(point, half$x, value, unit, halves - 1L)
}

# A variance parameter, as in confint(), as a function of the point.
parameter_function <- function(base, index) {
  context <- base$context
  own <- base$parameters[index, ]
  size <- length(context$x)
  sigma <- if (is.null(context$sigma)) function(x) exp(x[size]) else function(x) context$sigma
  if (own$term %in% 0L) return(shown_sigma_function(context, sigma))
  if (!is.na(own$term)) return(random_parameter_function(context, own, sigma))
  j <- index - match(NA, base$parameters$term) + 1L
  root <- own$kind == "variance"
  squared <- absolute_kinds(context$kind[j], context$fit)
  function(x) {
    psi <- chart_inverse(context$kind[j], x[context$psi[j]], context$unit[j])$psi
    if (squared) psi <- psi * sigma(x)^2
    if (root) sqrt(psi) else psi
  }
}

# sigma as users see it, see residual_origin.R.
shown_sigma_function <- function(context, sigma) {
  shift <- sigma_shift(fit_frame(context$fit)$residual)
  if (is.null(shift)) return(sigma)
  function(x) sigma(x) * exp(log_shift(shift, chart_inverse(context$kind, x[context$psi], context$unit)$psi))
}

random_parameter_function <- function(context, own, sigma) {
  random <- fit_random(context$fit)
  term <- random[[own$term]]
  basis <- context$basis[[own$term]]
  ends <- cumsum(vapply(random, term_size, 0))
  at <- ends[own$term] - term_size(term) + seq_len(term_size(term))
  place <- match(own_key(own), parameter_keys(term))
  table <- if (is_special(term)) term_table(term)
  scale <- if (is_special(term)) natural_scale(table, basis)[place]
  entry <- function(S) {
    if (own$kind == "variance") return(sqrt(S[own$row, own$row]))
    S[own$row, own$col] / sqrt(S[own$row, own$row] * S[own$col, own$col])
  }
  function(x) {
    if (!is_special(term)) return(entry(tcrossprod(basis %*% term_factor(term, x[at]))) *
                                    if (own$kind == "variance") sigma(x) else 1)
    natural <- natural_of_theta(term, x[at])
    if (own$kind %in% c("rho", "variance")) {
      S <- basis %*% covariance_at_natural(term, natural)$sigma %*% t(basis)
      return(entry(S) * if (own$kind == "variance") sigma(x) else 1)
    }
    value <- natural[place] * scale * sigma(x)^(2 * table$scale[place])
    if (own$kind == "specific") sqrt(value) else value
  }
}

# The criterion is even in a zero factor: a search starts beside it.
off_flat_point <- function(base, x) {
  theta <- base$context$theta
  x[theta] <- ifelse(abs(x[theta]) < 1e-4 * max(abs(x[theta]), 1), 0.05, x[theta])
  x
}

# profile_value() for a coefficient: the model without its column, for the response less the column times each value.
structured_coefficient <- function(fit, j) {
  model <- structured_model(fit_blocks(fit), FALSE)
  kept <- fit_blocks(fit)$x$kept
  column <- model$design$X[, kept[j]]
  y <- model$design$y
  model$design$X <- model$design$X[, kept[-j], drop = FALSE]
  constant <- model$constants$x                      # the combination of columns that is 1 in each row
  if (!is.null(constant)) model$constants["x"] <- list(if (constant[kept[j]] == 0) constant[kept[-j]])
  start <- list(theta = fit_optimum(fit)$theta, psi = fit_psi(fit))
  function(values) {
    control <- fit_control(fit)
    options <- c(list(max_evaluations = control$max_evaluations, decrement = control$decrement, more = FALSE,
                      memory_limit = control$memory_limit), start)
    found <- lapply(values, function(value) {
      model$design$y <- y - column * value
      own <- structured_search(model, options, fit_frame(fit))
      options[c("theta", "psi")] <<- own$optimum[c("theta", "psi")]
      own
    })
    pick <- function(of, size) matrix(vapply(found, of, numeric(size)), size)
    beta <- matrix(0, length(kept), length(values))
    beta[-j, ] <- pick(function(own) own$solution$beta, length(kept) - 1L)
    beta[j, ] <- values
    sigma <- sqrt(drop(pick(function(own) own$solution$sigma2, 1L)))
    list(value = drop(pick(function(own) own$solution$value, 1L)), beta = beta, sigma = sigma,
         theta = coefficient_points_x(fit, found, sigma),
         converged = vapply(found, function(own) own$optimum$status == "converged", NA))
  }
}

# The refits as points of profile_context().
coefficient_points_x <- function(fit, found, sigma) {
  kind <- fit_blocks(fit)$parameters$kind
  unit <- psi_units(fit, fit_psi(fit))
  free <- !fit_blocks(fit)$owns_scale && !holds_sigma(fit_frame(fit))
  do.call(cbind, Map(function(own, sigma) {
    c(own$optimum$theta, chart_of(kind, own$optimum$psi, unit), if (free) log(sigma))
  }, found, sigma))
}

structured_beta <- function(context, x) {
  at <- point_parts(context, x)
  drop(engine_result(structured_solution(context_model(context, at$sigma), at$theta, at$psi))$beta)
}
