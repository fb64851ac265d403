# Limits of the rows of variance parameters in tidy().

# Limits by another method. On the scale of variances those of standard deviations are squared, and covariances of
# random effects have none, where a method gives no limits of variances.
row_limits_by <- function(fit, scales, limits, level) {
  direct <- scales == "sdcor" || limits %in% c("Wald", "chisq")
  found <- do.call(stats::confint, c(list(fit, "theta_", level = level, method = c(limits), quiet = TRUE,
                                          scale = if (scales == "vcov" && direct) "variance" else "sd"),
                                     attr(limits, "arguments")))
  if (direct) return(found)
  kind <- row_kinds(fit)
  root <- kind %in% c("variance", "specific")
  found[root, ] <- found[root, ]^2
  found[kind == "correlation", ] <- NA_real_
  found
}

# Kinds of the parameters in the rows of confint().
row_kinds <- function(fit) {
  random <- variance_parameters(fit)$kind
  if (!is_structured(fit)) return(random)
  own <- residual_parameters(fit)$kind
  c(random[-length(random)], ifelse(own == "variance", own, "residual"),
    if (!fit_blocks(fit)$owns_scale) "variance")
}

# Limits of the rows of tidy_parameters(); a component that may be negative has none by the profile.
parameter_row_limits <- function(fit, scales, level) {
  parameters <- variance_parameters(fit)
  if (!fit_is_bounded(fit) || has_special(fit)) {
    limits <- stats::confint(fit, "theta_", level, "Wald", scale = if (scales == "sdcor") "sd" else "variance",
                             quiet = TRUE)
    return(unname(limits))
  }
  limits <- unname(stats::confint(fit, "theta_", level, criterion = "REML", quiet = TRUE))
  if (scales == "sdcor") return(limits)
  limits <- limits^2
  limits[parameters$correlation, ] <- covariance_limits(fit, parameters[parameters$correlation, ], level)
  limits
}

# Limits of covariances, as quantity() finds them.
covariance_limits <- function(fit, parameters, level) {
  if (!nrow(parameters)) return(matrix(NA_real_, 0L, 2L))
  entries <- lapply(seq_len(nrow(parameters)), function(k) {
    force(k)
    function(state) state$covariance[[parameters$term[k]]][parameters$row[k], parameters$col[k]]
  })
  as.matrix(do.call(quantity, c(list(fit), entries, list(level = level)))[c("lower", "upper")])
}
