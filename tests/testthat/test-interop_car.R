skip_if_not_installed("car")

unbalanced <- function() {
  d <- behavior_data()
  set.seed(5)
  d$h <- factor(sample(c("u", "v", "w"), nrow(d), TRUE))
  d[-sample(nrow(d), 17), ]
}

test_that("Wald tests of terms and hypotheses are those of the peer", {
  skip_if_not_installed("lme4")
  skip_if_not_installed("pbkrtest")
  d <- unbalanced()
  for (formula in list(y ~ f * h + h * x + (1 | g), y ~ 0 + f + x + (x | g))) {
    fit <- lmm(formula, d)
    peer <- lme4::lmer(formula, d)
    for (type in 2:3) for (test in c("Chisq", "F")) {
      ours <- car::Anova(fit, type = type, test.statistic = test)
      theirs <- car::Anova(peer, type = type, test.statistic = test)
      expect_identical(dimnames(ours), dimnames(theirs))
      expect_equal(as.matrix(ours), as.matrix(theirs), tolerance = 1e-3)
    }
    for (test in c("Chisq", "F")) {
      expect_equal(as.matrix(car::linearHypothesis(fit, c("fb = fc", "x = 0"), test = test)),
                   as.matrix(car::linearHypothesis(peer, c("fb = fc", "x = 0"), test = test)), tolerance = 1e-3)
    }
    expect_equal(car::linearHypothesis(fit, "x = 0.4")$Chisq, car::linearHypothesis(peer, "x = 0.4")$Chisq, tolerance = 1e-3)
  }
  fit <- lmm(y ~ f + h + x + (1 | g), d)
  peer <- lme4::lmer(y ~ f + h + x + (1 | g), d)
  expect_equal(car::vif(fit), car::vif(peer), tolerance = 1e-4)
  expect_equal(car::deltaMethod(fit, "x / fb")$SE, car::deltaMethod(peer, "x / fb")$SE, tolerance = 1e-3)
})

test_that("type II without larger terms is a test of the term's own coefficients, with any covariance matrix", {
  d <- unbalanced()
  fit <- lmm(y ~ f + x + (1 | g), d)
  for (V in list(vcov(fit), vcov(fit, type = "CR1", cluster = ~g))) {
    b <- fixef(fit)[2:4]
    expect_equal(car::Anova(fit, vcov. = V)$Chisq[1], sum(b * solve(V[2:4, 2:4], b)))
    expect_equal(car::linearHypothesis(fit, "x = 0.3", vcov. = V)$Chisq[2], unname((fixef(fit)["x"] - 0.3)^2 / V["x", "x"]))
  }
})

test_that("what cannot be tested is refused", {
  fit <- suppressMessages(lmm(y ~ x + I(2 * x) + f + (1 | g), behavior_data()))
  expect_identical(car::Anova(fit)$Df, c(1L, 0L, 3L))
  expect_error(car::Anova(fit, type = 3), class = "lmm_error_unidentified")
  expect_error(car::Anova(fit, type = 4), class = "lmm_error_input")
  expect_error(car::Anova(fit, test.statistic = "F", vcov. = diag(5)), class = "lmm_error_input")
  expect_error(car::Anova(fit, vcov. = diag(3)), class = "lmm_error_input")
  expect_error(car::linearHypothesis(fit, "x = 0"), class = "lmm_error_unidentified")
})
