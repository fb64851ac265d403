# Satterthwaite's chi-square limits of variances, as PROC MIXED prints them.

interval_chisq <- function(fit, wanted, level, scale, information) {
  out <- interval_wald(fit, seq_along(all_estimates(fit)), level, scale, information)
  parameters <- variance_parameters(fit)
  estimate <- variance_estimates(fit, "variance", parameters)
  se <- component_errors(fit, "variance", information)$se
  own <- which(parameters$kind %in% c("variance", "specific"))
  limits <- chisq_limits(estimate[own], se[own], level)
  out[own, ] <- if (scale == "sd") sqrt(limits) else limits
  out[wanted, , drop = FALSE]
}

# `df` degrees of freedom of a variance with this standard error.
chisq_limits <- function(estimate, se, level, df = 2 * (estimate / se)^2) {
  tail <- (1 - level) / 2
  out <- cbind(df * estimate / stats::qchisq(tail, df, lower.tail = FALSE), df * estimate / stats::qchisq(tail, df))
  # With hardly any degrees of freedom the upper quantile is below the mean, df, and the limit would be above the
  # estimate.
  out[which(out[, 1L] > estimate), 1L] <- 0
  out[is.na(df) | estimate < 0, ] <- NA_real_       # what is negative is no multiple of a chi-square
  out[!is.finite(out)] <- NA_real_                  # with hardly any degrees of freedom a limit has no value
  unname(out)
}
