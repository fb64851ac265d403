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

test_that("factors with levels that do not occur, and text, are compared as by the peer", {
  skip_if_not_installed("multcomp")
  skip_if_not_installed("lme4")
  d <- transform(behavior_data(), a = as.character(f))
  d <- d[d$f != "b", ]
  fits <- suppressMessages(list(lmm(y ~ f + x + (1 | g), d), lme4::lmer(y ~ f + x + (1 | g), d)))
  texts <- list(lmm(y ~ a + x + (1 | g), d), lme4::lmer(y ~ a + x + (1 | g), d))
  for (pair in list(lapply(fits, multcomp::glht, multcomp::mcp(f = "Tukey")),
                    lapply(texts, multcomp::glht, multcomp::mcp(a = "Tukey")))) {
    expect_identical(names(coef(pair[[1]])), c("c - a", "d - a", "d - c"))
    expect_equal(coef(pair[[1]]), coef(pair[[2]]), tolerance = 1e-5)
    expect_equal(vcov(pair[[1]]), as.matrix(vcov(pair[[2]])), tolerance = 1e-4)
  }
})
