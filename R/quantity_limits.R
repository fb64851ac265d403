# Standard errors and limits of functions of the parameters.

# By the delta method: slopes in the variances, covariances and fixed effects.
quantity_errors <- function(fit, functions, own, information) {
  if (fit_is_exact(fit)) return(rep(NA_real_, length(functions)))
  found <- component_errors(fit, "variance", information)
  parameters <- found$parameters
  value <- variance_estimates(fit, "variance", parameters)
  free <- which(!is.na(found$se))
  kept <- which(fit_estimable(fit))
  of_beta <- transformed_errors(diag(length(kept)), fit_vcov(fit))
  step <- c(found$se[free], of_beta$se)
  correlation <- block_diagonal(list(found$correlation[free, free, drop = FALSE], of_beta$correlation))
  vapply(functions, function(f) {
    g <- vapply(seq_along(free), function(i) {
      k <- free[i]
      slope_at(function(step) f(shifted_state(own, parameters, k, step)), step[i], value[k], !parameters$correlation[k])
    }, 0)
    h <- vapply(kept, function(j) slope_at(function(step) {
      own$beta[j] <- own$beta[j] + step
      f(own)
    }, step[length(free) + match(j, kept)], 0, FALSE), 0)
    change <- c(g, h) * step                                        # by a standard error of each parameter
    size <- max(abs(change), 0)
    variance <- sum(change / size * (correlation %*% (change / size)))
    if (isTRUE(variance > 0)) size * sqrt(variance) else NA_real_
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
  df <- 2 * (estimate / se / ifelse(power == 1, 2, 1))^2
  limits <- chisq_limits(ifelse(power == 1, estimate^2, estimate), level = level, df = df)
  limits[power == 1, ] <- sqrt(limits[power == 1, , drop = FALSE])
  structure(limits, df = df)
}

boot_quantities <- function(fit, functions, estimate, level, nsim, seed, threads) {
  draws <- bootstrap(fit, function(state) vapply(functions, function(f) check_value(f(state)), 0), nsim, seed, threads)$t
  t(vapply(seq_along(functions), function(k) bootstrap_limits(estimate[[k]], draws[, k], level, "perc"), numeric(2L)))
}
