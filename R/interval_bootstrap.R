# Limits from the parametric bootstrap.

interval_bootstrap <- function(fit, wanted, level, nsim, type, seed, threads, progress) {
  refuse_indefinite(fit, "Use method = \"Wald\" or \"chisq\", or refit with bounded = TRUE.")
  draws <- bootstrap(fit, NULL, nsim, seed, threads, progress)
  t(vapply(wanted, function(k) bootstrap_limits(draws$t0[[k]], draws$t[, k], level, type), numeric(2L)))
}

# Percentile limits, or basic ones (these mirrored at the estimate), or normal ones around the estimate less its bias.
bootstrap_limits <- function(estimate, draws, level, type) {
  draws <- draws[!is.na(draws)]
  if (!length(draws)) return(c(NA_real_, NA_real_))
  tail <- (1 - level) / 2
  if (type == "norm") return(2 * estimate - mean(draws) + stats::qnorm(c(tail, 1 - tail)) * stats::sd(draws))
  limits <- normal_quantiles(draws, c(tail, 1 - tail))
  if (type == "perc") limits else 2 * estimate - rev(limits)
}

# Order statistics at (R + 1) p, between two of them by interpolation on the normal scale (Davison and Hinkley,
# equation 5.8); the extremes where R is too small.
normal_quantiles <- function(draws, p) {
  sorted <- sort(draws)
  R <- length(sorted)
  vapply(p, function(p) {
    k <- trunc((R + 1) * p * (1 + 4 * .Machine$double.eps))
    if (k < 1) return(sorted[1L])
    if (k >= R) return(sorted[R])
    at <- stats::qnorm(c(p, k / (R + 1), (k + 1) / (R + 1)))
    sorted[k] + (at[1L] - at[2L]) / (at[3L] - at[2L]) * (sorted[k + 1L] - sorted[k])
  }, 0)
}
