# The contract of multcomp::modelparm(), and the peer where the package is there.

test_that("coefficients and covariance for multcomp are those of the fit, without what has no estimate", {
  d <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + I(2 * x) + f + (1 | g), d))
  parts <- henderson:::modelparm.lmm_fit(fit)
  expect_identical(parts$coef, fixef(fit, add.dropped = FALSE))
  expect_identical(parts$vcov, vcov(fit, complete = FALSE))
  expect_identical(parts$estimable, unname(!is.na(fixef(fit))))
  expect_identical(parts$df, 0)
  robust <- henderson:::modelparm.lmm_fit(fit, vcov. = function(m) vcov(m, type = "CR0", cluster = ~g), df = 11)
  expect_equal(robust$vcov, vcov(fit, type = "CR0", cluster = ~g, complete = FALSE))
  expect_identical(robust$df, 11)
  expect_error(henderson:::modelparm.lmm_fit(fit, vcov. = diag(2)), class = "lmm_error_input")
  expect_error(henderson:::modelparm.lmm_fit(fit, df = -1), class = "lmm_error_input")
})

test_that("simultaneous comparisons are those of the peer", {
  skip_if_not_installed("multcomp")
  skip_if_not_installed("lme4")
  formula <- y ~ f * x + (x | g)
  d <- behavior_data()
  fits <- list(lmm(formula, d), lme4::lmer(formula, d))
  all_pairs <- lapply(fits, function(m) suppressWarnings(multcomp::glht(m, multcomp::mcp(f = "Tukey"))))
  expect_equal(coef(all_pairs[[1]]), coef(all_pairs[[2]]), tolerance = 1e-4)
  expect_equal(vcov(all_pairs[[1]]), as.matrix(vcov(all_pairs[[2]])), tolerance = 1e-3)
  equations <- lapply(fits, function(m) multcomp::glht(m, c("fb - fc = 0", "x = 0.5")))
  expect_equal(coef(equations[[1]]), coef(equations[[2]]), tolerance = 1e-4)
})
