proper <- list(prior_half_t(3, 2), prior_half_cauchy(2), prior_half_normal(2), prior_pc(3, 0.1),
               prior_inverse_wishart(2, 3), prior_inverse_wishart(1, 1, lower = 0.01))

test_that("densities of standard deviations integrate to one and fit their random numbers", {
  set.seed(1)
  for (prior in proper) {
    mass <- function(a, b) integrate(function(u) exp(prior$log(exp(u)) + u), log(a), log(b), rel.tol = 1e-8,
                                     subdivisions = 1000)$value
    low <- max(1e-9, prior$lower * (1 + 1e-9))
    expect_equal(mass(low, 1) + mass(1, 1e9), 1, tolerance = 1e-5, label = prior$label)
    x <- prior$draw(20000)
    expect_lt(abs(mean(x < 1.5) - mass(low, 1.5)), 4.5 * 0.5 / sqrt(20000), label = prior$label)
  }
})

test_that("the relative form of a prior is its density", {
  for (prior in list(prior_flat(), prior_flat("variance"), prior_jeffreys(), prior_inverse_wishart(2, 3),
                     prior_inverse_wishart(1, 0))) {
    s <- c(0.1, 1, 7)
    sigma <- 2.5
    part <- prior$parts(s)
    expect_equal(part$level - prior$power * log(sigma) - part$rate / (2 * sigma^2), prior$log(s * sigma),
                 label = prior$label)
  }
})

test_that("exponents are those of the densities", {
  for (prior in c(proper[1:2], list(prior_flat(), prior_flat("variance"), prior_jeffreys()))) {
    slope <- function(x) (prior$log(x * 1.001) - prior$log(x)) / log(1.001)
    expect_equal(slope(1e-7), prior$zero, tolerance = 1e-3)
    expect_equal(-slope(1e7), prior$infinity, tolerance = 1e-3)
  }
})

test_that("an inverse gamma prior of the variance is that of MCMCglmm", {
  prior <- prior_inverse_wishart(2, 3)
  v <- c(0.3, 1, 4)
  shape <- 3 / 2
  rate <- 3 * 2 / 2
  expect_equal(exp(prior$log(sqrt(v))), 2 * sqrt(v) * rate^shape / gamma(shape) * v^(-shape - 1) * exp(-rate / v))
})

test_that("parameters outside their range are refused", {
  expect_error(prior_half_t(3), class = "lmm_error_input")
  expect_error(prior_half_t(-1, 2), class = "lmm_error_input")
  expect_error(prior_half_normal(Inf), class = "lmm_error_input")
  expect_error(prior_pc(3, 1.5), class = "lmm_error_input")
  expect_error(prior_lkj(0), class = "lmm_error_input")
  expect_error(prior_inverse_wishart(1), class = "lmm_error_input")
  expect_error(prior_inverse_wishart(-1, 2), class = "lmm_error_input")
  expect_error(prior_inverse_wishart(matrix(c(1, 2, 2, 1), 2), 2), class = "lmm_error_input")
  expect_error(prior_flat("nothing"), class = "lmm_error_input")
  expect_error(prior_normal("a", 1), class = "lmm_error_input")
  expect_error(prior_density(3), class = "lmm_error_input")
  expect_output(print(prior_flat()), "improper")
})
