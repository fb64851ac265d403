# Functions of the parameters.

test_that("the published intraclass correlations and the coefficient of variation", {
  expect_published(quantity(example_fit("pulp"), "icc")$estimate, "pulp", "icc")
  sires <- quantity(example_fit("sires"), "icc", "cv")
  expect_published(sires["icc", "estimate"], "sires", "icc")
  expect_published(sires["cv", "estimate"], "sires", "cv")
})

test_that("words of a formula", {
  data <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | f:t), data))
  S <- fit$estimates$covariance
  q <- quantity(fit, ~ var(g), ~ var(g, x), ~ sd(g, x), ~ cov(g, 1, x), ~ cor(g, 1, x), ~ var(f:t), ~ sigma, ~ sigma2, ~ total, ~ beta(x), h2 = ~ 4 * var(g) / total)
  g <- S[[match("g", vapply(fit$frame$random, `[[`, "", "name"))]]
  ft <- S[[match("f:t", vapply(fit$frame$random, `[[`, "", "name"))]]
  total <- g[1, 1] + ft[1] + sigma(fit)^2
  expect_equal(q$estimate, c(g[1, 1], g[2, 2], sqrt(g[2, 2]), g[1, 2], cov2cor(g)[1, 2], ft[1], sigma(fit), sigma(fit)^2, total,
                             fixef(fit)[["x"]], 4 * g[1, 1] / total))
  expect_identical(rownames(q)[11], "h2")
  expect_error(quantity(fit, ~ var(nosuch)), class = "lmm_error_input")
  expect_error(quantity(fit, ~ c(1, 2)), class = "lmm_error_input")
  expect_error(quantity(fit), class = "lmm_error_input")
})

test_that("standard errors by the delta method", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  natural <- variance_components(fit)
  sd <- variance_components(fit, "sd")
  q <- quantity(fit, ~ var(g), ~ var(g, x), ~ cov(g, 1, x), ~ sigma2)
  expect_equal(q$se, natural$se, tolerance = 1e-8)
  q <- quantity(fit, ~ sd(g), ~ sd(g, x), ~ cor(g, 1, x), ~ sigma)
  expect_equal(q$se, sd$se, tolerance = 1e-8)
  expect_equal(quantity(fit, ~ beta(x))$se, sqrt(vcov(fit)["x", "x"]), tolerance = 1e-10)
  V <- vcov_components(fit)
  s <- natural$estimate[c(1, 4)]
  g <- c(s[2], -s[1]) / sum(s)^2
  icc <- quantity(fit, ~ var(g) / (var(g) + sigma2))
  expect_equal(icc$se, sqrt(drop(g %*% V[c(1, 4), c(1, 4)] %*% g)), tolerance = 1e-8)
  logit <- quantity(fit, ~ var(g) / (var(g) + sigma2), link = "logit")
  expect_equal(qlogis(logit$upper), qlogis(icc$estimate) + qnorm(0.975) * icc$se / (icc$estimate * (1 - icc$estimate)))
})

test_that("chi-square limits of variances and standard deviations, refused for ratios", {
  fit <- example_fit("sires")
  q <- quantity(fit, ~ var(sire), ~ sd(sire), ~ total, method = "chisq")
  limits <- confint(fit, 1, method = "chisq", scale = "variance")
  expect_equal(unlist(q[1, c("lower", "upper")]), limits[1, ], ignore_attr = TRUE, tolerance = 1e-8)
  expect_equal(unlist(q[2, c("lower", "upper")]), sqrt(limits[1, ]), ignore_attr = TRUE, tolerance = 1e-8)
  # balanced one-way layout: the total is a combination of the two mean squares
  ms <- c(1397.7875, 463.79286)
  weight <- c(1, 7) / 8
  expect_equal(q$df[3], sum(weight * ms)^2 / sum((weight * ms)^2 / c(4, 35)), tolerance = 1e-4)
  expect_error(quantity(fit, "icc", method = "chisq"), class = "lmm_error_input")
})

test_that("profile limits agree with those of confint() and satisfy the likelihood equation", {
  fit <- lmm(y ~ x + (x | g), behavior_data(), REML = FALSE)
  q <- quantity(fit, ~ sd(g, x), ~ cor(g, 1, x), ~ sigma, method = "profile")
  limits <- confint(fit, c(".sig02", ".sig03", ".sigma"))
  expect_equal(as.matrix(q[c("lower", "upper")]), limits, ignore_attr = TRUE, tolerance = 1e-5)
  pulp <- example_fit("pulp")
  share <- quantity(pulp, "icc", method = "profile")
  expect_identical(share$lower, 0)
  ratio <- share$upper / (1 - share$upper)
  model <- oracle_model(package_data("pulp")$bright, matrix(1, 20), list(matrix(1, 20)), list(as.integer(package_data("pulp")$operator)))
  at <- oracle_profile(model, sqrt(ratio), TRUE)
  expect_equal(at$value - deviance(pulp), qchisq(0.95, 1), tolerance = 1e-6)
  expect_error(quantity(pulp, "cv", method = "profile"), class = "lmm_error_input")
})

test_that("bootstrap limits of a quantity", {
  fit <- example_fit("pulp")
  icc <- function(p) p$covariance$operator[1] / (p$covariance$operator[1] + p$sigma^2)
  draws <- bootstrap(fit, icc, nsim = 80, seed = 3)
  q <- quantity(fit, "icc", method = "boot", nsim = 80, seed = 3)
  expect_equal(unlist(q[c("lower", "upper")]), confint(draws)[1, ], ignore_attr = TRUE)
  y <- literal_draws(fit, 7, seed = 3)[[7]]
  again <- suppressMessages(refit(fit, y))
  expect_equal(draws$t[7], VarCorr(again)$operator[1] / (VarCorr(again)$operator[1] + sigma(again)^2), tolerance = 1e-7, ignore_attr = TRUE)
  expect_output(print(draws), "80 refits")
})
