# Crossed data, and fits of them by both solvers.

crossed_data <- function(n = 6000, levels = c(u = 400, m = 150), sd = c(0.5, 0.7), slope = numeric(length(levels)),
                         seed = 1) {
  set.seed(seed)
  d <- data.frame(x = rnorm(n))
  d$y <- 1 + d$x / 2 + rnorm(n)
  for (k in seq_along(levels)) {
    code <- sample(c(seq_len(levels[k]), sample(levels[k], n - levels[k], TRUE)))
    d[[names(levels)[k]]] <- factor(code)
    d$y <- d$y + rnorm(levels[k], sd = sd[k])[code] + rnorm(levels[k], sd = slope[k])[code] * d$x
  }
  d
}

iterative <- function(formula, data, ..., probes = 16L, probe_seed = 1L, threads = 1) {
  control <- lmm_control(solver = "iterative", probes = probes, probe_seed = probe_seed, threads = threads)
  suppressMessages(lmm(formula, data, ..., control = control))
}

direct <- function(formula, data,
                   ...) suppressMessages(lmm(formula, data, ..., control = lmm_control(solver = "direct")))

# Largest difference of two fits' variance parameters in standard errors; what has none must agree itself.
errors_apart <- function(a, b) {
  components <- suppressMessages(variance_components(b, information = "average"))
  gap <- abs(variance_components(a)$estimate - components$estimate)
  none <- is.na(components$se)
  expect_equal(variance_components(a)$estimate[none], components$estimate[none], tolerance = 1e-3)
  max(gap[!none] / components$se[!none])
}

expect_agree <- function(a, b, most = 0.005) {
  expect_lt(errors_apart(a, b), most)
  expect_identical(fit_singular(a), fit_singular(b))
  size <- sqrt(diag(vcov(b)))
  expect_lt(max(abs(fixef(a) - fixef(b)) / size, 0), 1e-3)
  expect_equal(sqrt(diag(vcov(a))), size, tolerance = 1e-3)
  for (k in seq_along(fit_modes(b))) expect_lt(max(abs(fit_modes(a)[[k]] -
                                                   fit_modes(b)[[k]])), 2e-3 * fit_sigma(b) +
                                                     2e-3 * max(abs(fit_modes(b)[[k]])))
  expect_lt(abs(deviance(a) - deviance(b)), 4 * criterion_error(a) + 1e-4)
}
