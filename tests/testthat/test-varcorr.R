test_that("variance components print as published", {
  local_reproducible_output(width = 80)
  expect_identical(capture.output(print(VarCorr(example_fit("pulp")))), c(
    " Groups   Name        Std.Dev.",
    " operator (Intercept) 0.26093 ",
    " Residual             0.32596 "))
  expect_identical(capture.output(print(VarCorr(example_fit("rats")), comp = c("Variance", "Std.Dev."), digits = 4)), c(
    " Groups   Name        Variance Std.Dev.",
    " rat      (Intercept) 3.565    1.888   ",
    " Residual             1.445    1.202   "))
})

test_that("the intraclass correlation of the pulp data is the published one", {
  parts <- as.data.frame(VarCorr(example_fit("pulp")))
  expect_printed(parts$vcov[1] / sum(parts$vcov), "0.3905354", 7, "intraclass correlation")
})

test_that("correlations are shown with two decimals and listed after the variances", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  v <- VarCorr(fit)
  expect_equal(attr(v$g, "stddev"), sqrt(diag(v$g)))
  expect_equal(attr(v$g, "correlation")[1, 2], v$g[1, 2] / sqrt(v$g[1, 1] * v$g[2, 2]))
  expect_equal(attr(v, "sc"), sigma(fit))
  long <- as.data.frame(v)
  expect_identical(long$grp, c("g", "g", "g", "Residual"))
  expect_identical(long$var2, c(NA, NA, "x", NA))
  expect_equal(long$sdcor[3], attr(v$g, "correlation")[1, 2])
  expect_identical(as.data.frame(v, order = "lower.tri")$var2, c(NA, "x", NA, NA))
  expect_match(capture.output(print(v, digits = 4)), "-0.27", all = FALSE)
})

test_that("a diagonal term has no correlations, two terms on a factor have two names", {
  d <- behavior_data()
  diagonal <- lmm(y ~ x + (x || g), d)
  expect_identical(nrow(as.data.frame(VarCorr(diagonal))), 3L)
  expect_false(any(grepl("Corr", capture.output(print(VarCorr(diagonal))))))
  two <- lmm(y ~ x + (1 | g) + (0 + x | g), d)
  expect_identical(as.data.frame(VarCorr(two))$grp, c("g", "g.1", "Residual"))
  expect_equal(as.data.frame(VarCorr(two))$vcov, as.data.frame(VarCorr(diagonal))$vcov, tolerance = 1e-7)
})

test_that("a variance of zero has no correlation, and none is beyond one", {
  S <- matrix(c(1, 0, 0, 0), 2)
  expect_identical(as_correlation(S), matrix(c(1, NA, NA, 1), 2))
  S <- tcrossprod(c(1, 1 / 3))
  expect_lte(max(abs(as_correlation(S * (1 + 1e-15)))), 1)
})

test_that("sigma multiplies the standard deviations", {
  fit <- example_fit("pulp")
  expect_equal(VarCorr(fit, sigma = 2)$operator[1, 1], 4 * VarCorr(fit)$operator[1, 1])
  expect_equal(attr(VarCorr(fit, sigma = 2), "sc"), 2 * sigma(fit))
})
