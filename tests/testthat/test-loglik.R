test_that("criteria are those of the dense formulas, whichever was optimized", {
  for (seed in c(1, 4, 6, 11, 16, 20, 30)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    Sigma <- fit_covariance(fit)[term_positions(case, fit)]
    s2 <- sigma(fit)^2
    other <- s2 * if (case$reml) (oracle$n - oracle$p) / oracle$n else oracle$n / (oracle$n - oracle$p)
    both <- list(own = list(reml = case$reml, s2 = s2), other = list(reml = !case$reml, s2 = other))
    for (at in both) {
      expect_equal(deviance(fit, REML = at$reml),
                   oracle_criterion(oracle, lapply(Sigma, `*`, at$s2 / s2), at$s2, at$reml), tolerance = 1e-9)
    }
    expect_equal(deviance(fit), -2 * as.numeric(logLik(fit)))
    expect_equal(REMLcrit(fit), deviance(fit, REML = TRUE))
  }
})

test_that("information criteria of maximum likelihood fits are the published ones", {
  for (name in c("irrigation_additive", "irrigation_full")) {
    fit <- update(example_fit(name), REML = FALSE)
    published <- reference_outputs(name)
    number <- function(q) published[published$quantity == q, ]
    expect_printed(AIC(fit), number("lrt_aic")$value, number("lrt_aic")$digits, paste(name, "AIC"))
    expect_printed(BIC(fit), number("lrt_bic")$value, number("lrt_bic")$digits, paste(name, "BIC"))
    expect_printed(logLik(fit), number("lrt_loglik")$value, number("lrt_loglik")$digits, paste(name, "logLik"))
    expect_printed(deviance(fit), number("lrt_deviance")$value, number("lrt_deviance")$digits, paste(name, "deviance"))
    expect_equal(attr(logLik(fit), "df"), as.numeric(number("lrt_npar")$value))
    expect_equal(AIC(fit), stats::AIC(logLik(fit)))
    expect_equal(BIC(fit), stats::BIC(logLik(fit)))
  }
})

test_that("the conventions of other systems are available", {
  fit <- example_fit("wateruse_diag")
  # nlme 3.1: 276.5142 and 300.761 (seven parameters, N - p)
  expect_printed(AIC(fit, compat = "nlme"), "276.5142", 4, "AIC")
  expect_printed(BIC(fit, compat = "nlme"), "300.761", 3, "BIC")
  # SAS counts neither fixed effects (REML) nor variances at zero: one variance and the residual
  expect_equal(AIC(fit, compat = "SAS"), deviance(fit) + 2 * 2)
  expect_equal(BIC(fit, compat = "SAS"), deviance(fit) + log(10) * 2)
  expect_equal(AICC(fit, compat = "SAS"), deviance(fit) + 4 * 236 / (236 - 3))
  expect_equal(AICC(fit), AIC(fit) + 2 * 7 * 8 / (239 - 8))
  split_plot <- example_fit("irrigation_full")
  expect_equal(attr(logLik(split_plot, compat = "SAS"), "nobs"), 8L)
  expect_error(AIC(fit, compat = "Stata"), class = "lmm_error_input")
})

test_that("subjects in the sense of SAS are the levels that hold all others", {
  d <- behavior_data()
  d$k <- rep(1:4, 24)
  nested <- suppressMessages(lmm(y ~ x + (1 | g / k), d))
  expect_equal(n_subjects(nested), 12L)
  crossed <- suppressMessages(lmm(y ~ x + (1 | h) + (1 | g), d))
  expect_equal(n_subjects(crossed), 8L)
})

test_that("parameters on the boundary are not counted by SAS", {
  pairs <- behavior_data()
  # a correlation of -1: rank 1, two parameters
  one <- suppressMessages(lmm(y ~ x + (x | g), pairs[pairs$t <= 2, ]))
  expect_equal(attr(VarCorr(one)$g, "correlation")[2, 1], -1)
  expect_equal(AIC(one, compat = "SAS"), deviance(one) + 2 * 3)
  half <- suppressMessages(lmm(y ~ x + (x || g), transform(behavior_data(), y = y - ave(y, g))))
  expect_identical(unname(diag(VarCorr(half)$g) > 0), c(FALSE, TRUE))
  expect_equal(AIC(half, compat = "SAS"), deviance(half) + 2 * 2)
  expect_equal(inner_parameters(lmm(y ~ x + (x | g), behavior_data())), 3)
})

test_that("several fits give a table", {
  d <- behavior_data()
  a <- lmm(y ~ x + (1 | g), d)
  b <- lmm(y ~ x + (x | g), d)
  table <- AIC(a, b)
  expect_identical(dimnames(table), list(c("a", "b"), c("df", "AIC")))
  expect_equal(table$AIC, c(AIC(a), AIC(b)))
  expect_identical(names(BIC(a, b)), c("df", "BIC"))
})

test_that("rows of weight zero are not observations", {
  d <- behavior_data()
  d$w <- rep(c(0, 1), c(5, 91))
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  left_out <- lmm(y ~ x + (1 | g), d[-(1:5), ])
  expect_identical(nobs(fit), nobs(left_out))
  expect_equal(logLik(fit), logLik(left_out), tolerance = 1e-10)
  expect_equal(as.numeric(logLik(fit)), -126.5771604, tolerance = 1e-9)   # dense reference
  expect_equal(df.residual(fit), 91 - 4)
})

test_that("extractAIC uses maximum likelihood", {
  fit <- example_fit("penicillin")
  expect_equal(extractAIC(fit), c(6, AIC(example_fit("penicillin_ml"))), tolerance = 1e-8)
  expect_identical(fit$spec$reml, TRUE)
})

test_that("an exact fit has no likelihood", {
  d <- behavior_data()
  d$y <- 2 + 3 * d$x
  fit <- suppressWarnings(lmm(y ~ x + (1 | g), d))
  expect_true(is.na(logLik(fit)) && is.na(AIC(fit)) && is.na(deviance(fit, REML = FALSE)) && is.na(AICC(fit)))
  expect_true(all(is.na(coef(summary(fit))[, "Std. Error"])))
  expect_output(print(summary(fit)), "NA")
})
