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
    expect_equal(car::linearHypothesis(fit, "x = 0.4")$Chisq, car::linearHypothesis(peer, "x = 0.4")$Chisq,
                 tolerance = 1e-3)
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
    expect_equal(car::linearHypothesis(fit, "x = 0.3", vcov. = V)$Chisq[2],
                 unname((fixef(fit)["x"] - 0.3)^2 / V["x", "x"]))
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
  expect_error(car::linearHypothesis(fit, "fe = 0"), "`fb`", class = "lmm_error_input")
  expect_error(car::linearHypothesis(fit, c("fb", "fc"), rhs = 1:3), "`rhs`", class = "lmm_error_input")
  expect_error(car::linearHypothesis(fit, "fb = 0", rhs = 1), class = "lmm_error_input")
  expect_error(car::linearHypothesis(fit), "empty", class = "lmm_error_input")
  expect_error(car::linearHypothesis(fit, "fb", vcov. = diag(2)), class = "lmm_error_input")
  for (call in list(car::Anova, function(...) car::linearHypothesis(..., "fb = 0"))) {
    expect_error(call(fit, ddf = "Satterthwaite"), "F tests", class = "lmm_error_input")
    expect_error(call(fit, cluster = ~g), "cluster", class = "lmm_error_input")
  }
})

test_that("hypotheses are printed, may be redundant, and have any right-hand side", {
  fit <- lmm(y ~ f + x + (1 | g), behavior_data())
  b <- fixef(fit)
  V <- vcov(fit, type = "CR0", cluster = ~g)
  one <- car::linearHypothesis(fit, "fb = fc", vcov. = V)
  l <- c(0, 1, -1, 0, 0)
  expect_equal(one$Chisq[2], sum(l * b)^2 / drop(l %*% V %*% l))
  expect_output(print(one), "fb - fc = 0")
  expect_message(twice <- car::linearHypothesis(fit, c("fb = fc", "2 * fc - 2 * fb = 0"), vcov. = V),
                 class = "lmm_message_rank")
  expect_equal(as.matrix(twice), as.matrix(one))
  shifted <- car::linearHypothesis(fit, c("fb", "x + 1"), rhs = c(-1e-5, 1.5))
  delta <- b[c("fb", "x")] - c(-1e-5, 0.5)
  expect_equal(shifted$Chisq[2], sum(delta * solve(vcov(fit)[c("fb", "x"), c("fb", "x")], delta)))
  expect_identical(car::matchCoefs(fit, "^f"), c("fb", "fc", "fd"))
})

test_that("F tests take any method and its options", {
  fit <- lmm(y ~ f + x + (1 | g), behavior_data())
  L <- diag(5)[2:4, ]
  robust <- contest(fit, L, ddf = "cluster-robust", cluster = ~g, type = "CR2")
  ours <- car::Anova(fit, test.statistic = "F", ddf = "cluster-robust", cluster = ~g, type = 2)
  expect_equal(unlist(ours["f", ], use.names = FALSE),
               unlist(robust[c("F value", "NumDF", "DenDF", "Pr(>F)")], use.names = FALSE))
  same <- car::linearHypothesis(fit, c("fb", "fc", "fd"), test = "F", ddf = "cluster-robust", cluster = ~g)
  expect_equal(same$F[2], robust$`F value`)
  skip_if_not_installed("clubSandwich")
  skip_if_not_installed("lme4")
  theirs <- clubSandwich::Wald_test(fit, clubSandwich::constrain_zero(2:4), vcov = "CR2")
  expect_equal(c(same$F[2], same$Res.Df[2], same$`Pr(>F)`[2]), c(theirs$Fstat, theirs$df_denom, theirs$p_val),
               tolerance = 1e-4)
})

test_that("a covariance matrix without full rank, or without value, gives no test and says so", {
  d <- transform(behavior_data(), few = factor(as.integer(g) %% 3))
  fit <- lmm(y ~ f * x + (1 | g), d)
  V <- vcov(fit, type = "CR0", cluster = d$few)
  expect_warning(table <- car::Anova(fit, vcov. = V), "`f`, `x`, `f:x`", class = "lmm_warning_precision")
  expect_true(all(is.na(table$Chisq)))
  robust <- function() car::Anova(fit, test.statistic = "F", ddf = "cluster-robust", cluster = ~few)
  expect_warning(expect_warning(table <- robust(), "no F test of `f`, `x`", class = "lmm_warning_precision"),
                 "no p-value for `f:x`", class = "lmm_warning_precision")
  expect_true(all(is.na(table$`Pr(>F)`)))
  expect_warning(none <- car::linearHypothesis(fit, c("fb", "fc", "fd"), vcov. = V), class = "lmm_warning_precision")
  expect_identical(none$Chisq, c(NA_real_, NA_real_))
  expect_equal(car::linearHypothesis(fit, "fb", vcov. = V)$Chisq[2], fixef(fit)[["fb"]]^2 / V["fb", "fb"])
  exact <- suppressWarnings(suppressMessages(lmm(as.numeric(f) ~ f + (1 | g), d)))
  expect_identical(car::Anova(exact)$Chisq, NA_real_)
  expect_identical(car::Anova(exact)$Df, 3L)
})
