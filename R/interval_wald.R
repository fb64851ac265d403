# Normal limits.

interval_wald <- function(fit, wanted, level, scale, information) {
  z <- stats::qnorm((1 + level) / 2)
  parameters <- variance_parameters(fit)
  k <- nrow(parameters)
  out <- matrix(NA_real_, k + length(fit_beta(fit)), 2L)
  out[k + seq_along(fit_beta(fit)), ] <- fit_beta(fit) + outer(fixed_errors(fit), c(-z, z))
  if (any(wanted <= k)) {
    estimate <- variance_estimates(fit, scale, parameters)
    se <- component_errors(fit, scale, information)$se
    out[seq_len(k), ] <- if (scale == "sd") wald_sd(estimate, se, parameters$kind,
                                                    z) else estimate + outer(se, c(-z, z))
  }
  out[wanted, , drop = FALSE]
}

# Standard errors of all fixed effects; NA where there is no estimate.
fixed_errors <- function(fit) {
  se <- rep(NA_real_, length(fit_beta(fit)))
  se[fit_estimable(fit)] <- sqrt(diag(fit_vcov(fit)))
  se
}

# Log scale for standard deviations and ranges, Fisher's z for correlations.
wald_sd <- function(estimate, se, kind, z) {
  correlation <- kind %in% c("correlation", "rho")
  out <- estimate * exp(outer(se / estimate, c(-z, z)))
  fisher <- atanh(pmax(-1, pmin(1, estimate))) + outer(se / (1 - estimate^2), c(-z, z))
  out[correlation, ] <- tanh(fisher[correlation, , drop = FALSE])
  out[kind == "loading", ] <- (estimate + outer(se, c(-z, z)))[kind == "loading", ]
  out[is.na(se), ] <- NA_real_
  out
}
