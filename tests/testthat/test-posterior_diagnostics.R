test_that("effective sizes and R-hat are those of package 'posterior'", {
  skip_if_not_installed("posterior")
  set.seed(4)
  e <- matrix(rnorm(4000), ncol = 4)
  ar <- apply(e, 2, function(x) as.numeric(stats::filter(x, 0.7, "recursive")))
  far <- ar + rep(0:3, each = 1000)
  for (X in list(e, ar, far, exp(ar))) {
    expect_equal(ess_bulk(X), posterior::ess_bulk(X), tolerance = 0.01)
    expect_equal(ess_tail(X), posterior::ess_tail(X), tolerance = 0.01)
    expect_equal(ess_mean(X), posterior::ess_mean(X), tolerance = 0.01)
    expect_equal(chain_rhat(X), posterior::rhat(X), tolerance = 1e-3)
  }
})

test_that("the shape of the tail of weights is that of a Pareto distribution", {
  set.seed(7)
  for (k in c(0.3, 0.8)) {
    shapes <- replicate(40, pareto_shape(-k * log(runif(10000))))
    expect_lt(abs(mean(shapes) - k), 4.5 * sd(shapes) / sqrt(40))
  }
})

test_that("the effective size of an autoregression is that of theory", {
  set.seed(5)
  X <- matrix(stats::filter(rnorm(40000), 0.6, "recursive"), ncol = 4)
  expect_equal(ess_mean(X) / length(X), (1 - 0.6) / (1 + 0.6), tolerance = 0.1)
})

test_that("the shortest interval and pMCMC are what they say", {
  set.seed(6)
  x <- rexp(1e5)
  expect_equal(hpd_limits(x, 0.95), c(0, qexp(0.95)), tolerance = 0.02)
  expect_equal(posterior_p(c(-1, 1, 2, 3)), 0.5)
  expect_equal(posterior_p(1:10), 0.1)
})

test_that("a chain may be long", {
  set.seed(9)
  expect_gt(ess_bulk(matrix(rnorm(1e5))), 8e4)
})
