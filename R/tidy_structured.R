# tidy() of the parameters of a fit with a residual structure.

# Rows in the order of confint(): random effects, parameters of the structure by their own names, residual.
tidy_structured <- function(fit, scales, limits, level) {
  scale <- if (scales == "sdcor") "sd" else "variance"
  random <- variance_parameters(fit)
  last <- nrow(random)
  word <- if (scales == "sdcor") c("sd__", "cor__") else c("var__", "cov__")
  label <- ifelse(is.na(random$var2), random$var1, paste0(random$var1, ".", random$var2))
  own_name <- !random$kind %in% c("variance", "correlation")
  term <- ifelse(own_name, label, paste0(word[1L + random$correlation], label))
  own <- scaled_residual_parameters(fit, scale)
  shared <- !fit$cross_products$owns_scale
  out <- data.frame(effect = "ran_pars", group = c(random$grp[-last], rep("Residual", NROW(own) + shared)),
                    term = c(term[-last], own$name, if (shared) paste0(word[1L], "Observation")),
                    estimate = structured_estimates(fit, scale), stringsAsFactors = FALSE)
  if (limits != "none") {
    found <- structured_row_limits(fit, scale, if (limits == "default") "Wald" else limits, level)
    out[c("conf.low", "conf.high")] <- list(found[, 1L], found[, 2L])
  }
  out
}

# On the scale of variances, limits of standard deviations are squared where a method has no others; covariances of
# random effects then have none.
structured_row_limits <- function(fit, scale, method, level) {
  direct <- scale == "sd" || method %in% c("Wald", "chisq")
  found <- stats::confint(fit, "theta_", level = level, method = method, quiet = TRUE,
                          scale = if (direct) scale else "sd")
  if (direct) return(found)
  random <- variance_parameters(fit)
  correlation <- random$correlation[-nrow(random)]
  own <- scaled_residual_parameters(fit, "sd")
  root <- c(!correlation, own$root, if (!fit$cross_products$owns_scale) TRUE)
  found[root, ] <- found[root, ]^2
  found[which(correlation), ] <- NA_real_
  found
}
