# lmm(fixed = ): what is held beside a standard deviation that is estimated as 0.

test_that("a response without residual has a residual variance of 0, and what is held beside it stays", {
  d <- behavior_data()
  d$y <- as.integer(d$g) + as.integer(d$h)^2
  expect_warning(fit <- lmm(y ~ 1 + (1 | g) + (1 | h), d, fixed = c(g = 3)), "residual variance is zero",
                 class = "lmm_warning_precision")
  expect_equal(c(VarCorr(fit)$g), 9, tolerance = 1e-9)
  # the effects are known but for their mean
  expect_equal(c(VarCorr(fit)$h), var(seq_len(nlevels(d$h))^2), tolerance = 1e-5)
  expect_equal(sigma(fit), 0)
})

test_that("profile limits of a quantity are refused where a correlation is held beside a standard deviation of 0", {
  set.seed(1)
  d <- data.frame(g = gl(12, 20), x = rnorm(240))
  d$y <- rnorm(12)[d$g] + rnorm(240)
  fit <- suppressMessages(lmm(y ~ x + (x | g), d, fixed = c("cor_x.(Intercept)|g" = 0.2)))
  expect_identical(attr(VarCorr(fit)$g, "stddev")[["x"]], 0)
  expect_error(quantity(fit, "total sd", method = "profile"), "correlation is fixed", class = "lmm_error_input")
})
