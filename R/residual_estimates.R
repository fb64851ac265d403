# The estimates of a residual structure by name, with standard errors.

# Data frame of the natural parameters: name, kind, group, visits `a` and `b`, estimate in the user's units.
residual_parameters <- function(fit) {
  out <- free_parameters(fit_frame(fit)$residual)
  if (is.null(out)) return(NULL)
  out$estimate <- fit_psi(fit) * ifelse(absolute_kinds(out$kind, fit), fit_sigma(fit)^2, 1)
  out
}

# Covariances that the engine holds relative to sigma^2.
absolute_kinds <- function(kind, fit) kind %in% c("covariance", "variance") & !fit_blocks(fit)$owns_scale

# Covariance matrix of (random effects' natural parameters, psi, sigma^2) in the user's units; zeros for a sigma^2
# that is known.
structured_covariance <- function(fit, information = "observed") {
  if (has_average_information(fit)) information <- "average"
  info <- structured_derivatives(fit)
  info$fit <- fit
  own <- seq_len(ncol(info$jacobian))
  J <- bordered_jacobian(info$jacobian)
  expected <- if (fit_is_reml(fit)) info$t else info$t_ml
  M <- switch(information, expected = expected, average = info$ai, observed_curvature(info))
  H <- crossprod(J, M %*% J)
  if (information == "observed") H[own, own] <- H[own, own] + info$curvature
  A <- natural_units(fit) %*% J
  A %*% (2 * information_inverse(H)) %*% t(A)
}

# The map from the engine's natural parameters to the user's.
natural_units <- function(fit) {
  maps <- natural_maps(fit)
  kind <- fit_blocks(fit)$parameters$kind
  random <- rep(TRUE, sum(vapply(maps, nrow, 0L)))
  unit <- ifelse(c(random, absolute_kinds(kind, fit), TRUE), fit_sigma(fit)^2, 1)
  out <- block_diagonal(c(maps, list(diag(length(kind))), list(matrix(1)))) * unit
  shift <- sigma_shift(fit_frame(fit)$residual)
  if (is.null(shift)) return(out)
  k <- nrow(out)
  variance <- (fit_sigma(fit) * sigma_at_zero(fit))^2
  if (!is.finite(variance)) variance <- 0                  # too large for double precision: no standard error
  out[k, k] <- variance
  out[k, k - 1L - length(kind) + seq_along(kind)] <- 2 * shift_slope(shift, fit_psi(fit)) * variance
  out
}

# Standard errors by parameter: list(se, residual, parameters), on the scale of variances or of standard deviations.
structured_errors <- function(fit, scale = "variance", information = "observed") {
  C <- structured_covariance(fit, information)
  k <- nrow(C)
  parameters <- variance_parameters(fit)
  at <- c(if (length(fit_random(fit))) parameter_positions(fit, parameters[parameters$term > 0L, ]), k)
  own <- C[at, at, drop = FALSE]
  if (scale == "sd") {
    D <- sd_slopes(fit, parameters)
    own <- D %*% own %*% t(D)
  }
  r <- length(fit_psi(fit))
  residual <- sqrt(pmax(0, diag(C)[k - 1L - r + seq_len(r)]))
  list(se = sqrt(pmax(diag(own), 0)), residual = residual, parameters = parameters)
}

# variance_components() of a fit with a residual structure: its parameters stand before the residual variance.
structured_components <- function(fit, scale, information) {
  structure(with_held_components(free_components(fit, scale, information), fit, scale),
            class = c("variance_components", "data.frame"))
}

# Without those that are fixed at known values: the rows are those of structured_names().
free_components <- function(fit, scale, information) {
  found <- structured_errors(fit, scale, information)
  parameters <- found$parameters
  random <- data.frame(parameters[c("grp", "var1", "var2")], estimate = variance_estimates(fit, scale, parameters),
                       se = found$se, row.names = parameter_names(parameters, old = FALSE, scale = scale))
  last <- nrow(random)
  out <- rbind(random[-last, ], residual_component_rows(fit, scale, found$residual),
               if (!fit_blocks(fit)$owns_scale) random[last, ])
  z <- out$estimate / out$se
  kind <- profiled_parameters(fit)$kind
  variance <- kind %in% c("variance", "specific") & is.na(out$var2)
  known <- is.finite(out$se) & out$se > 0
  out$df <- ifelse(variance & known, 2 * (if (scale == "sd") z / 2 else z)^2, NA_real_)
  out$reason <- ifelse(known, NA_character_, "the parameter is on its boundary or not identified")
  own <- seq_len(last - 1L)
  reason <- boundary_reasons(fit, parameters, scale, found$se)[own]
  out$reason[own] <- ifelse(is.na(reason), out$reason[own], reason)
  if (holds_sigma(fit_frame(fit))) out$reason[nrow(out)] <- "the parameter is fixed at a known value"
  out$se[!is.na(out$reason)] <- NA_real_
  out
}

# Residual parameters with variances as standard deviations where the scale is "sd".
scaled_residual_parameters <- function(fit, scale) {
  own <- residual_parameters(fit)
  if (is.null(own)) return(NULL)
  own$root <- scale == "sd" & own$kind == "variance"
  own$estimate[own$root] <- sqrt(own$estimate[own$root])
  own$name <- residual_names(own, fit, scale)
  own
}

# Names of residual parameters on a scale. A name that a fixed effect has is told apart.
residual_names <- function(own, fit, scale) {
  name <- ifelse(scale == "sd" & own$kind == "variance", sub("^var", "sd", own$name), own$name)
  prefix <- ifelse(own$kind %in% variance_kinds, "variance:", "residual:")
  ifelse(name %in% names(fit_beta(fit)), paste0(prefix, name), name)
}

# Names and estimates of the variance parameters in the order of variance_components(), without standard errors.
structured_names <- function(fit, scale) {
  random <- parameter_names(variance_parameters(fit), old = FALSE, scale = scale)
  last <- length(random)
  c(random[-last], scaled_residual_parameters(fit, scale)$name, if (!fit_blocks(fit)$owns_scale) random[last])
}

structured_estimates <- function(fit, scale) {
  random <- variance_estimates(fit, scale)
  last <- length(random)
  c(random[-last], scaled_residual_parameters(fit, scale)$estimate, if (!fit_blocks(fit)$owns_scale) random[last])
}

residual_component_rows <- function(fit, scale, se) {
  own <- scaled_residual_parameters(fit, scale)
  if (is.null(own)) return(NULL)
  se[own$root] <- se[own$root] / (2 * own$estimate[own$root])
  data.frame(grp = "Residual", var1 = own$name, var2 = NA_character_, estimate = own$estimate, se = se,
             row.names = own$name)
}

# vcov_components() of a fit with a residual structure; `scale` by the delta method.
structured_component_covariance <- function(fit, scale, information) {
  scale <- check_choice(scale, c("variance", "sd"), "scale")
  C <- structured_covariance(fit, check_choice(information, c("observed", "expected", "average"), "information"))
  random <- variance_parameters(fit)
  r <- length(fit_psi(fit))
  at <- c(parameter_positions(fit, random[random$term > 0L, ]), nrow(C) - 1L - r + seq_len(r), nrow(C))
  C <- C[at, at, drop = FALSE]
  own <- scaled_residual_parameters(fit, scale)
  if (scale == "sd") {
    D <- sd_slopes(fit, random)
    last <- nrow(D)
    D <- block_diagonal(list(D[-last, -last, drop = FALSE],
                             diag(ifelse(own$root, 1 / (2 * own$estimate), 1), r), D[last, last, drop = FALSE]))
    C <- D %*% C %*% t(D)
  }
  names <- structured_names(fit, scale)
  own <- seq_along(names)                             # without a sigma^2 that the structure holds
  structure(C[own, own, drop = FALSE], dimnames = list(names, names))
}
