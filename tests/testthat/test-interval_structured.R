# Limits of the parameters of residual structures.

test_that("variances and ranges have chi-square limits with 2 (estimate / se)^2 df, others normal ones", {
  d <- irregular_data()
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), variance = ~ x)
  own <- variance_components(fit)
  df <- 2 * (own$estimate / own$se)^2
  chisq <- cbind(df * own$estimate / qchisq(0.975, df), df * own$estimate / qchisq(0.025, df))
  normal <- own$estimate + outer(own$se, qnorm(c(0.025, 0.975)))
  positive <- rownames(own) %in% c("var_(Intercept)|id", "range", "sigma^2")
  truth <- normal
  truth[positive, ] <- chisq[positive, ]
  for (method in c("Wald", "chisq")) {
    expect_equal(unname(confint(fit, "theta_", method = method)), truth, tolerance = 1e-10)
  }
  sd <- confint(fit, "theta_", scale = "sd")
  expect_equal(unname(sd[c(1, 4), ]), sqrt(truth[c(1, 4), ]), tolerance = 1e-10)
  expect_equal(unname(sd[2:3, ]), truth[2:3, ], tolerance = 1e-10)
  test <- coef(summary(fit))
  expect_equal(unname(confint(fit, "beta_")), unname(test[, 1] + test[, 2] * outer(qt(0.975, test[, "df"]), c(-1, 1))),
               tolerance = 1e-8)
})

test_that("bootstrap limits are percentiles of refits", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  limits <- confint(fit, c("rho", "age"), method = "boot", nsim = 19, seed = 1)
  draws <- bootstrap(fit, nsim = 19, seed = 1)
  expect_equal(unname(limits[1, ]), unname(confint(draws)["rho", ]))
  expect_equal(unname(limits[2, ]), unname(confint(draws)["age", ]))
  expect_error(confint(fit, "tau"), "There are", class = "lmm_error_input")
})

# With a fraction of a degree of freedom a chi-square variable is almost always far below its mean: its upper quantile
# is below it too, and the quotient would exclude the estimate.
test_that("chi-square limits contain the estimate however poorly it is determined", {
  for (z in 10^seq(-3, 1, 0.25)) {
    limits <- chisq_limits(2, 2 / z, 0.95)
    expect_true(is.finite(limits[1]) && limits[1] <= 2, label = format(z))
    expect_true(is.na(limits[2]) || limits[2] >= 2, label = format(z))
    own <- residual_limits(data.frame(estimate = 2, kind = "range"), 2 / z, 0.95)
    expect_equal(as.vector(own), as.vector(limits), label = format(z))
  }
  df <- 2 * 3^2                                      # PROC MIXED's formula where it is determined
  expect_equal(as.vector(chisq_limits(2, 2 / 3, 0.95)), df * 2 / qchisq(c(0.975, 0.025), df), tolerance = 1e-12)
})

test_that("random correlations beside a residual structure have the limits and reasons that they have without it", {
  set.seed(2)
  d <- data.frame(g = factor(sample(12, 120, TRUE)), x = rnorm(120))
  d$t <- ave(seq_len(120), d$g, FUN = seq_along)
  d$y <- 1 + 0.5 * d$x + rnorm(12)[d$g] + rnorm(120)
  plain <- lmm(y ~ x + (x | g), d)
  same <- lmm(y ~ x + (x | g), d, residual = ~ ar1(t | g), fixed = c(rho = 0))
  expect_equal(confint(same, "cor_x.(Intercept)|g", method = "Wald", scale = "sd"),
               confint(plain, "cor_x.(Intercept)|g", method = "Wald", scale = "sd"), tolerance = 1e-3,
               ignore_attr = TRUE)
  limits <- confint(lmm(y ~ x + (x | g), d, residual = ~ ar1(t | g)), "cor_x.(Intercept)|g", method = "Wald")
  expect_true(all(abs(limits) < 1))
  d$y <- 1 + 0.5 * d$x + (rnorm(12)[d$g]) * (1 + d$x / 3) + rnorm(120)
  fits <- suppressMessages(list(lmm(y ~ x + (x | g), d),
                                lmm(y ~ x + (x | g), d, residual = ~ ar1(t | g), fixed = c(rho = 0))))
  expect_true(isSingular(fits[[1L]]))
  tables <- lapply(fits, variance_components, scale = "sd")
  at <- "cor_x.(Intercept)|g"
  for (table in tables) {
    expect_identical(table[at, "se"], NA_real_)
    expect_identical(table[at, "reason"], "the correlation is on its boundary")
  }
})
