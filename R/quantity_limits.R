# Standard errors and limits of functions of the parameters.

# By the delta method: slopes in the variances, covariances and fixed effects.
quantity_errors <- function(fit, functions, own, information) {
  parameters <- variance_parameters(fit)
  C <- vcov_components(fit, "variance", information)
  value <- variance_estimates(fit, "variance", parameters)
  free <- which(!is.na(diag(C)))
  kept <- which(fit_estimable(fit))
  V <- fit_vcov(fit)
  vapply(functions, function(f) {
    at <- function(k, step) f(shifted_state(own, parameters, k, step))
    g <- vapply(free, function(k) slope_at(function(step) at(k, step), sqrt(C[k, k]), value[k], !parameters$correlation[k]), 0)
    h <- vapply(seq_along(kept), function(j) slope_at(function(step) {
      own$beta[kept[j]] <- own$beta[kept[j]] + step
      f(own)
    }, sqrt(V[j, j]), 0, FALSE), 0)
    variance <- sum(g * (C[free, free, drop = FALSE] %*% g)) + sum(h * (V %*% h))
    if (variance > 0) sqrt(variance) else NA_real_
  }, 0)
}

shifted_state <- function(state, parameters, k, step) {
  t <- parameters$term[k]
  if (t == 0L) {
    state$sigma <- sqrt(state$sigma^2 + step)
    return(state)
  }
  i <- parameters$row[k]
  j <- parameters$col[k]
  state$covariance[[t]][i, j] <- state$covariance[[t]][i, j] + step
  if (i != j) state$covariance[[t]][j, i] <- state$covariance[[t]][i, j]
  state
}

# Slope by five points a hundredth of the standard error apart, closer where a variance would change too much.
slope_at <- function(f, se, value, is_variance) {
  h <- se / 100
  if (is_variance) h <- min(h, value / 100)
  (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
}

delta_limits <- function(estimate, se, level, link) {
  z <- stats::qnorm((1 + level) / 2)
  unname(switch(link,
    identity = estimate + outer(se, c(-z, z)),
    log = estimate * exp(outer(se / estimate, c(-z, z))),
    logit = stats::plogis(stats::qlogis(estimate) + outer(se / (estimate * (1 - estimate)), c(-z, z)))))
}

# Chi-square limits; a quantity that doubles when all variances are multiplied by four is a standard deviation.
chisq_quantities <- function(fit, functions, own, estimate, se, level) {
  scaled <- own
  scaled$covariance <- lapply(own$covariance, `*`, 4)
  scaled$sigma <- 2 * own$sigma
  degree <- vapply(functions, function(f) f(scaled), 0) / estimate
  bad <- !(abs(degree - 4) < 1e-6 * 4 | abs(degree - 2) < 1e-6 * 2)
  if (any(bad)) {
    lmm_abort("input", paste0(enumerate(quote_name(names(functions)[bad])), " is neither a variance nor a standard deviation: ",
                              "it has no chi-square limits."), what = names(functions)[bad], fix = "Use another method.")
  }
  power <- ifelse(abs(degree - 2) < 1e-6 * 2, 1, 2)
  variance <- ifelse(power == 1, estimate^2, estimate)
  se <- ifelse(power == 1, 2 * estimate * se, se)
  df <- 2 * (variance / se)^2
  limits <- chisq_limits(variance, se, level, df)
  limits[power == 1, ] <- sqrt(limits[power == 1, , drop = FALSE])
  structure(limits, df = df)
}

boot_quantities <- function(fit, functions, estimate, level, nsim, seed, threads) {
  draws <- bootstrap(fit, function(state) vapply(functions, function(f) check_value(f(state)), 0), nsim, seed, threads)$t
  t(vapply(seq_along(functions), function(k) bootstrap_limits(estimate[[k]], draws[, k], level, "perc"), numeric(2L)))
}
