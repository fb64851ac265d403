test_that("all plots are drawn and bad names refused", {
  draws <- posterior(lmm(yield ~ treat + (1 | blend), penicillin), 400,
                     list(prior_half_t(3, 5), fixed = prior_normal(0, 100)), seed = 1)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (type in c("density", "trace", "intervals", "pairs", "prior")) expect_invisible(plot(draws, type))
  expect_invisible(plot(draws, which = "r_blend[Blend1,(Intercept)]"))
  expect_error(plot(draws, "violin"), class = "lmm_error_input")
  expect_error(plot(draws, which = "tau"), class = "lmm_error_input")
})

test_that("the prior drawn beside a posterior is the marginal prior", {
  slopes <- lmm(y ~ t + (t | rat), transform(rats, t = log(1 + (age - 45) / 10)))
  about <- attr(posterior(slopes, 100, list(prior_inverse_wishart(diag(c(4, 9)), 5), residual = prior_flat()), seed = 1,
                          random = FALSE), "about")
  x <- seq(0.5, 12, by = 0.5)
  own <- prior_curve(about, "sd__t.rat", x)
  set.seed(1)
  sd <- sqrt(replicate(4000, solve(stats::rWishart(1, 5, solve(5 * diag(c(4, 9))))[, , 1])[2, 2]))
  cdf <- vapply(x, function(q) integrate(function(u) prior_curve(about, "sd__t.rat", u)$y, 1e-3, q)$value, 0)
  expect_lt(max(abs(ecdf(sd)(x) - cdf)), 0.03)
  expect_true(own$proper)
})
