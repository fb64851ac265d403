fit <- lmm(y ~ x + (1 | g), behavior_data())

test_that("tests have the columns of 'broom'", {
  one <- tidy(contest(fit, c(x = 1), joint = FALSE))
  table <- coef(summary(fit))["x", ]
  expect_equal(one$estimate, table[["Estimate"]])
  expect_equal(one$std.error, table[["Std. Error"]])
  expect_equal(one$p.value, table[["Pr(>|t|)"]])
  expect_equal(one$conf.high - one$estimate, qt(0.975, one$df) * one$std.error)
  joint <- tidy(contest(fit, diag(2)))
  expect_identical(names(joint), c("term", "statistic", "num.df", "den.df", "p.value"))
  expect_identical(joint$num.df, 2L)
  narrow <- tidy(predictable(fit, c(1, 0), list(g = c(g01 = 1))))
  expect_equal(narrow$estimate, coef(fit)$g["g01", "(Intercept)"])
})

test_that("quantities, components and exact tests are tidied", {
  q <- quantity(fit, icc = ~ var(g) / total, "total sd")
  out <- tidy(q)
  expect_identical(out$term, rownames(q))
  expect_equal(out$conf.low, q$lower)
  parts <- tidy(variance_components(fit))
  expect_equal(parts$estimate, c(VarCorr(fit)$g[1], sigma(fit)^2))
  expect_identical(parts$group, c("g", "Residual"))
  exact <- rlrt(fit, seed = 1)
  expect_equal(tidy(exact)[["p.value"]], exact$p.value)
  expect_error(tidy(q, 3), class = "lmm_error_input")
})

test_that("a bootstrap is one of package 'boot'", {
  b <- bootstrap(fit, nsim = 40, seed = 1)
  out <- tidy(b, conf.int = TRUE, conf.level = 0.9)
  expect_equal(out$std.error, unname(apply(b$t, 2, sd)))
  expect_equal(out$conf.low, unname(confint(b, level = 0.9)[, 1]))
  expect_output(print(b), "Parametric bootstrap")
  skip_if_not_installed("boot")
  ci <- suppressWarnings(boot::boot.ci(b, index = 2, type = c("norm", "basic", "perc"), conf = 0.8))
  limits <- bootstrap_row <- unname(2 * b$t0[2] - mean(b$t[, 2]) + c(-1, 1) * qnorm(0.9) * sd(b$t[, 2]))
  expect_equal(as.vector(ci$normal)[2:3], limits, tolerance = 1e-6)
  test <- bootstrap_test(fit, update(fit, . ~ . - x), nsim = 20, seed = 1)
  expect_equal(tidy(test)[["p.value"]], test$test$p.value)
})

test_that("augment() of random effects gives quantiles and limits", {
  out <- augment(ranef(fit))
  expect_setequal(names(out), c("grp", "variable", "level", "estimate", "qq", "std.error", "lb", "ub"))
  expect_identical(order(out$estimate), order(out$qq))
  expect_equal(out$ub - out$estimate, qnorm(0.95) * out$std.error)
})
