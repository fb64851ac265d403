# An intercept and a covariate far from its origin nearly cancel within a level: independent effects of both have a
# second maximum, at which both variances are large.

far_years <- function() {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  d
}

test_that("columns that cancel are found in one term and in several, with and without bounds", {
  d <- far_years()
  for (f in list(y ~ year + (year || g), y ~ year + (1 | g) + (0 + year | g))) for (bounded in c(TRUE, FALSE)) {
    fit <- suppressMessages(lmm(f, d, bounded = bounded))
    expect_equal(c(logLik(fit)), -99.6168, tolerance = 1e-6)    # dense evaluation at the optimum found from c(10000, 5)
    expect_equal(coef(summary(fit))["year", "Pr(>|t|)"], 0.0049, tolerance = 0.02)
  }
  d$h <- factor(rep_len(1:7, 120))
  dense <- suppressMessages(lmm(y ~ year + (year || g) + (1 | h), d))
  free <- suppressMessages(lmm(y ~ year + (year || g) + (1 | h), d, bounded = FALSE))
  expect_gte(c(logLik(free)), c(logLik(dense)) - 1e-6)
  many <- suppressMessages(lmm(cbind(y, -2 * y) ~ year + (year || g), d, bounded = FALSE))
  for (i in 1:2) expect_equal(c(logLik(many[[i]])), -99.6168 - (i - 1) * 118 * log(2), tolerance = 1e-6)
})

test_that("the iterative solver finds the maximum at which columns cancel", {
  set.seed(1)
  d <- expand.grid(t = 0:9, id = factor(1:60))
  d$item <- factor(sample(40, 600, TRUE))
  d$x <- 50 + 10 * rnorm(600)
  u <- rnorm(60)
  v <- rnorm(60)
  d$y <- u[d$id] + 0.3 * v[d$id] * (d$x - 50) + rnorm(40)[d$item] + rnorm(600)
  for (f in list(y ~ x + (x || id) + (1 | item), y ~ x + (1 | id) + (0 + x | id) + (1 | item))) {
    direct <- suppressMessages(lmm(f, d))
    iterative <- suppressMessages(lmm(f, d, control = lmm_control(solver = "iterative")))
    expect_equal(c(logLik(iterative)), c(logLik(direct)), tolerance = 1e-5)
    expect_equal(coef(summary(iterative)), coef(summary(direct)), tolerance = 1e-3)
  }
  # Far origins are beyond what the iterative solver can evaluate; the maximum that it has found stays.
  u <- rnorm(60)
  d$y <- u[d$id] + rnorm(40)[d$item] + rnorm(600) + 0.05 * d$t
  d$x <- 18000 + d$t
  fit <- suppressMessages(lmm(y ~ x + (x || id) + (1 | item), d, control = lmm_control(solver = "iterative")))
  expect_identical(fit$optimum$status, "converged")
  expect_equal(c(logLik(fit)), c(logLik(suppressMessages(lmm(y ~ x + (x || id) + (1 | item), d)))), tolerance = 1e-4)
})
