test_that("tolerance factors are the published ones of normal samples", {
  # Krishnamoorthy and Mathew (2009), tables B1 and B2: one-sided factors exact; two-sided ones beside Howe's approximation
  expect_equal(tolerance_factor(10, 9, 0.95, 0.95, "upper"), 2.911, tolerance = 2e-4)
  expect_equal(tolerance_factor(10, 9, 0.90, 0.95, "lower"), 2.355, tolerance = 2e-4)
  expect_equal(tolerance_factor(20, 19, 0.99, 0.95, "upper"), 3.295, tolerance = 2e-4)
  expect_equal(tolerance_factor(10, 9, 0.95, 0.95, "two"), 3.379, tolerance = 2e-3)
  expect_equal(tolerance_factor(30, 29, 0.99, 0.95, "two"), 3.350, tolerance = 2e-3)
})

test_that("the total variance and its degrees of freedom are those of the balanced one-way layout", {
  fit <- lmm(bright ~ 1 + (1 | operator), pulp)
  e <- ems(fit)
  ms <- e$table$`Mean Sq`
  v <- ms[1] / 5 + 4 / 5 * ms[2]
  f <- v^2 / ((ms[1] / 5)^2 / 3 + (4 / 5 * ms[2])^2 / 16)
  n <- v / (ms[1] / 20)
  found <- tolerance_interval(fit, content = 0.9)
  expect_equal(unname(unlist(found[c("fit", "sd", "df")])), c(60.4, sqrt(v), f), tolerance = 1e-5)
  expect_equal(found$upper, 60.4 + qnorm(0.95) * sqrt(v * (1 + 1 / n) * f / qchisq(0.05, f)), tolerance = 1e-6)
  expect_identical(tolerance_interval(fit, side = "lower")$upper, Inf)
})

test_that("rows with covariates have their own mean, variance and degrees of freedom", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  found <- tolerance_interval(fit, data.frame(x = c(0, 2)))
  S <- VarCorr(fit)$g
  C <- vcov_components(fit)
  for (i in 1:2) {
    z <- c(1, c(0, 2)[i])
    v <- as.numeric(t(z) %*% S %*% z) + sigma(fit)^2
    a <- c(z[1]^2, z[2]^2, 2 * z[1] * z[2], 1)
    expect_equal(found$sd[i], sqrt(v), tolerance = 1e-10)
    expect_equal(found$df[i], 2 * v^2 / as.numeric(t(a) %*% C %*% a), tolerance = 1e-8)
    expect_equal(found$fit[i], sum(z * fixef(fit)))
  }
  expect_error(tolerance_interval(fit), class = "lmm_error_input")
  expect_error(tolerance_interval(fit, data.frame(x = 1), content = 95), class = "lmm_error_input")
  expect_error(tolerance_interval(fit, data.frame(z = 1)), class = "lmm_error_newdata")
})
