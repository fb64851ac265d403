# Exact factors of a normal sample of size n by integration: the probability over mean and variance that mean + k sd (or
# mean -+ k sd) covers a proportion `content` is `level`. Conditionally on the mean z, the variance is a chi-square.
exact_factor <- function(n, content, level, two_sided) {
  reach <- function(z) {
    if (!two_sided) return(qnorm(content) - z)
    uniroot(function(r) pnorm(z + r) - pnorm(z - r) - content, c(0, abs(z) + 10), tol = 1e-12)$root
  }
  coverage <- function(k) {
    covers <- function(z) {
      r <- vapply(z, reach, 0)
      ifelse(r <= 0, 1, pchisq((n - 1) * r^2 / k^2, n - 1, lower.tail = FALSE)) * dnorm(z, sd = 1 / sqrt(n))
    }
    integrate(covers, -8 / sqrt(n), 8 / sqrt(n), rel.tol = 1e-9)$value
  }
  uniroot(function(k) coverage(k) - level, c(0.5, 100), tol = 1e-8)$root
}

test_that("tolerance factors of normal samples are those of numerical integration", {
  for (at in list(c(10, 0.95, 0.95), c(10, 0.90, 0.95), c(20, 0.99, 0.95), c(7, 0.9, 0.99))) {
    exact <- exact_factor(at[1], at[2], at[3], FALSE)
    expect_equal(tolerance_factor(at[1], at[1] - 1, at[2], at[3], "upper"), exact, tolerance = 1e-5)
    expect_equal(tolerance_factor(at[1], at[1] - 1, at[2], at[3], "lower"), exact, tolerance = 1e-5)
  }
  for (at in list(c(10, 0.95, 0.95), c(30, 0.99, 0.95), c(3, 0.9, 0.99))) {
    expect_equal(tolerance_factor(at[1], at[1] - 1, at[2], at[3], "two"), exact_factor(at[1], at[2], at[3], TRUE),
                 tolerance = 1e-6)
  }
})

test_that("two-sided tolerance factors are the published ones", {
  # Berthouex and Brown, Statistics for Environmental Engineers, table 21.1: confidence 0.95, two decimals.
  n <- c(4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 60)
  table <- cbind(c(5.37, 4.29, 3.73, 3.39, 3.16, 2.99, 2.86, 2.67, 2.49, 2.32, 2.22, 2.15, 2.06, 1.96),
                 c(6.34, 5.08, 4.42, 4.02, 3.75, 3.55, 3.39, 3.17, 2.96, 2.76, 2.64, 2.55, 2.45, 2.34),
                 c(8.22, 6.60, 5.76, 5.24, 4.89, 4.63, 4.44, 4.16, 3.89, 3.62, 3.46, 3.35, 3.22, 3.07))
  found <- sapply(c(0.9, 0.95, 0.99), function(content) tolerance_factor(n, n - 1, content, 0.95, "two"))
  expect_lt(max(abs(found - table)), 0.00501)
})

test_that("factors of a known mean or variance are the limits", {
  expect_equal(tolerance_factor(Inf, 20, 0.95, 0.95, "two"), qnorm(0.975) * sqrt(20 / qchisq(0.05, 20)),
               tolerance = 1e-8)
  expect_equal(tolerance_factor(5, Inf, 0.95, 0.95, "two"), sqrt(qchisq(0.95, 1, qnorm(0.975)^2 / 5)), tolerance = 1e-3)
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
  expect_equal(found$upper, 60.4 + sqrt(v) * tolerance_factor(n, f, 0.9, 0.95, "two"), tolerance = 1e-5)
  expect_identical(tolerance_interval(fit, side = "lower")$upper, Inf)
})

test_that("limits of independent observations are exact", {
  set.seed(5)
  d <- data.frame(x = rnorm(20), z = rep(0:1, 10))
  fit <- lmm(x ~ 1, d)
  for (side in c("lower", "upper", "two")) {
    found <- tolerance_interval(fit, content = 0.9, side = side)
    k <- exact_factor(20, 0.9, 0.95, side == "two")
    if (side != "upper") expect_equal(found$lower, mean(d$x) - k * sd(d$x), tolerance = 1e-5)
    if (side != "lower") expect_equal(found$upper, mean(d$x) + k * sd(d$x), tolerance = 1e-5)
  }
  expect_equal(found$df, 19)
  least <- lm(x ~ z, d)                                       # the mean of 10 rows, 18 degrees of freedom
  k <- qt(0.95, 18, qnorm(0.9) * sqrt(10)) / sqrt(10)
  expect_equal(tolerance_interval(lmm(x ~ z, d), data.frame(z = 1), content = 0.9, side = "upper")$upper,
               sum(coef(least)) + k * sigma(least), tolerance = 1e-6)
  known <- tolerance_interval(lmm(x ~ 1, d, fixed = c(sigma = 2)), side = "upper")
  expect_equal(known$df, Inf)
  expect_equal(known$upper, mean(d$x) + 2 * (qnorm(0.95) + qnorm(0.95) / sqrt(20)), tolerance = 1e-6)
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

test_that("future observations have the weights of the new rows, or 1 with a message", {
  d <- behavior_data()
  d$w <- 25
  plain <- tolerance_interval(lmm(y ~ x + (1 | g), d), d[1:2, ])
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  expect_equal(expect_silent(tolerance_interval(fit, d[1:2, ])), plain, tolerance = 1e-5)
  expect_equal(tolerance_interval(fit, data.frame(x = d$x[1:2]), weights = 25), plain, tolerance = 1e-5)
  expect_message(one <- tolerance_interval(fit, data.frame(x = d$x[1:2])), "weights", class = "lmm_message_weights")
  expect_equal(one$sd^2, rep(VarCorr(fit)$g[1L] + sigma(fit)^2, 2L))
  mean <- lmm(y ~ 1 + (1 | g), d, weights = w)
  expect_message(tolerance_interval(mean), "weights", class = "lmm_message_weights")
})

test_that("the error for a fit without random terms does not speak of a residual structure", {
  d <- behavior_data()
  expect_error(blocks(lmm(y ~ 1, d)), "a fit without random terms", class = "lmm_error_input")
  expect_error(tolerance_interval(lmm(y ~ 1, d, residual = ~ ar1(1 | g))), "a residual structure",
               class = "lmm_error_input")
})
