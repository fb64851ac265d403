# Profiles of fits with a residual structure or structured random effects. A point is x = (theta, psi, log sigma): theta
# in the engine's coordinates, psi on a scale without bounds, log sigma where the residual variance is a parameter. The
# criterion has its exact gradient and Hessian in x, and any parameter is a function of x that can be held.

# What profile_base() gives of other fits, and `context`, see profile_context().
structured_profile_base <- function(fit, wanted = integer()) {
  context <- profile_context(fit)
  parameters <- profiled_parameters(fit)
  k <- nrow(parameters)
  estimate <- all_estimates(fit)
  out <- list(fit = fit, reml = fit_is_reml(fit), parameters = parameters, estimate = estimate, context = context,
              se = c(profile_steps(fit, parameters, estimate[seq_len(k)]), fixed_errors(fit)),
              value = fit_criterion(fit), start = list(theta = context$x, sigma = fit_sigma(fit)),
              ceiling = rep(Inf, k))
  out$parameters$correlation <- out$parameters$kind == "correlation" & !is.na(out$parameters$term)
  out$ceiling <- correlation_ceilings(out, wanted)
  out
}

# Data frame of the variance parameters in the order of confint(): term (0 for sigma), kind, correlation, bounds.
profiled_parameters <- function(fit) {
  random <- as.data.frame(unclass(variance_parameters(fit))[c("term", "row", "col", "kind")])
  own <- if (is_structured(fit)) scaled_residual_parameters(fit, "sd")
  last <- nrow(random)
  residual <- if (!is.null(own)) data.frame(term = NA_integer_, row = NA_integer_, col = NA_integer_, kind = own$kind)
  out <- rbind(random[-last, ], residual, if (!isTRUE(fit_blocks(fit)$owns_scale)) random[last, ])
  out$correlation <- out$kind %in% c("correlation", "rho")
  positive <- out$kind %in% c("variance", "specific", "range", "exponent", "constant", "proportion", "share")
  out$lower <- ifelse(out$correlation, -1, ifelse(positive, 0, -Inf))
  out$upper <- ifelse(out$correlation | out$kind == "share", 1, Inf)
  out
}

# Standard errors for the first steps, a guess where there is none; NA for what the fit holds.
profile_steps <- function(fit, parameters, estimate) {
  information <- if (information_is_expensive(fit)) "average" else "observed"
  se <- if (is_structured(fit)) free_components(fit, "sd", information)$se
        else component_errors(fit, "sd", information)$se
  guess <- ifelse(parameters$correlation, 0.3, pmax(abs(estimate) / 3, ifelse(estimate == 0, fit_sigma(fit) / 4, 0)))
  out <- ifelse(is.na(se) | se == 0, guess, se)
  if (holds_sigma(fit_frame(fit))) out[!is.na(parameters$term) & parameters$term == 0L] <- NA_real_
  out
}

# The model as the engine's structured criterion takes it, at the estimates: list(frame, model, basis, x, psi, ...).
profile_context <- function(fit) {
  frame <- fit_frame(fit)
  blocks <- fit_blocks(fit)
  theta <- fit_optimum(fit)$theta
  if (!is_structured(fit)) {
    rows <- fit_rows(fit, "a profile")
    frame$residual <- plan_residual(residual_spec(variance = NULL, residual = quote(iid(1))), rows$data, rows$data)
    blocks <- structured_blocks(frame, rows)
    theta <- internal_start(fit_theta(fit), frame, blocks)
  }
  psi <- if (is_structured(fit)) fit_psi(fit) else numeric()
  out <- list(fit = fit, frame = frame, model = structured_model(blocks, fit_is_reml(fit)), basis = blocks$z_basis,
              theta = seq_along(theta), psi = length(theta) + seq_along(psi), kind = blocks$parameters$kind,
              sigma = if (blocks$owns_scale) 1 else if (holds_sigma(frame)) held_sigma(frame),
              unit = psi_units(fit, psi))
  out$x <- c(theta, chart_of(out$kind, psi, out$unit), if (is.null(out$sigma)) log(fit_sigma(fit)))
  out
}

# Sizes of residual parameters that are not on a scale of their own.
psi_units <- function(fit, psi) {
  if (!length(psi)) return(numeric())
  se <- structured_errors(fit)$residual / ifelse(absolute_kinds(fit_blocks(fit)$parameters$kind, fit),
                                                 fit_sigma(fit)^2, 1)
  ifelse(is.finite(se) & se > 0, se, pmax(abs(psi), 0.1))
}

chart_kinds <- c(variance = "log", range = "log", exponent = "log", constant = "log", proportion = "log",
                 correlation = "fisher", share = "logit")

chart_scale <- function(kind) {
  out <- unname(chart_kinds[kind])
  ifelse(is.na(out), "identity", out)
}

chart_of <- function(kind, psi, unit) {
  near <- .Machine$double.eps
  scale <- chart_scale(kind)
  ifelse(scale == "log", log(pmax(psi, 1e-300)),
         ifelse(scale == "fisher", atanh(pmax(pmin(psi, 1 - near), near - 1)),
                ifelse(scale == "logit", stats::qlogis(pmax(pmin(psi, 1 - near), near)), psi / unit)))
}

# list(psi, first, second): psi and its derivatives in its chart.
chart_inverse <- function(kind, x, unit) {
  scale <- chart_scale(kind)
  pick <- function(log, fisher, logit, identity) {
    ifelse(scale == "log", log, ifelse(scale == "fisher", fisher, ifelse(scale == "logit", logit, identity)))
  }
  e <- exp(pmin(x, 700))
  r <- tanh(x)
  p <- stats::plogis(x)
  list(psi = pick(e, r, p, x * unit), first = pick(e, 1 - r^2, p * (1 - p), unit),
       second = pick(e, -2 * r * (1 - r^2), p * (1 - p) * (1 - 2 * p), 0))
}

# list(theta, psi, sigma) of a point.
point_parts <- function(context, x) {
  chart <- chart_inverse(context$kind, x[context$psi], context$unit)
  list(theta = x[context$theta], psi = chart$psi, chart = chart,
       sigma = if (is.null(context$sigma)) exp(x[length(x)]) else context$sigma)
}

context_model <- function(context, sigma) replace(context$model, "sigma", sigma)

# -2 log L at a point; infinite where there is none.
context_criterion <- function(context) {
  function(x) {
    at <- point_parts(context, x)
    if (!all(is.finite(c(at$theta, at$psi))) || !is.finite(at$sigma) || at$sigma <= 0) return(Inf)
    found <- structured_solution(context_model(context, at$sigma), at$theta, at$psi)
    if (is.null(found$engine_error)) found$value else Inf
  }
}

# Its gradient and Hessian, from those in natural parameters at a known sigma.
context_derivatives <- function(context) {
  function(x, value) {
    at <- point_parts(context, x)
    found <- structured_information(context_model(context, at$sigma), at$theta, at$psi)
    if (!is.null(found$engine_error)) return(list(gradient = NA_real_, hessian = matrix(NA_real_)))
    own <- seq_along(found$trace)
    slope <- found$trace - found$quadratic
    H <- 2 * found$ai - (if (context$model$reml) found$t else found$t_ml) + found$curvature
    J <- block_diagonal(list(matrix(found$jacobian, ncol = length(at$theta)), diag(at$chart$first, length(at$psi))))
    gradient <- drop(slope %*% J)
    hessian <- crossprod(J, H[own, own, drop = FALSE] %*% J) +
      block_diagonal(list(matrix(found$theta_curvature, length(at$theta)),
                          diag(slope[length(slope) - length(at$psi) + seq_along(at$psi)] * at$chart$second,
                               length(at$psi))))
    if (!is.null(context$sigma)) return(list(gradient = gradient, hessian = hessian))
    fit <- context$fit
    nu <- fit_nobs(fit) - if (fit_is_reml(fit)) fit_rank(fit) else 0L
    ratio <- found$r2 / at$sigma^2
    cross <- 2 * drop(found$quadratic %*% J)
    list(gradient = c(gradient, 2 * (nu - ratio)), hessian = rbind(cbind(hessian, cross), c(cross, 4 * ratio)))
  }
}
