test_that("a term is dropped only where the hierarchy allows it", {
  fit <- example_fit("irrigation_full")
  table <- drop1(fit)
  expect_identical(rownames(table), "irrigation:variety")
  expect_equal(as.data.frame(table), as.data.frame(anova(fit)["irrigation:variety", ]), ignore_attr = "heading",
               tolerance = 1e-8)
  expect_error(drop1(fit, ~ variety), "variety", class = "lmm_error_input")
  expect_identical(rownames(drop1(example_fit("irrigation_additive"), ~ variety)), "variety")
  expect_output(print(table),
                paste("Single term deletions using Satterthwaite's method:\n\nModel:\nyield ~ irrigation * variety +",
                      "\\(1 | field\\)"))
})

test_that("likelihood ratio tests are those of two fits", {
  d <- behavior_data()
  fit <- lmm(y ~ x + f + (1 | g), d)
  table <- drop1(fit, test = "Chisq")
  expect_identical(rownames(table), c("<none>", "x", "f"))
  pair <- suppressMessages(anova(fit, lmm(y ~ f + (1 | g), d)))
  expect_equal(table["x", "LRT"], pair$Chisq[2])
  expect_equal(table["x", "Pr(Chi)"], pair$`Pr(>Chisq)`[2])
  expect_equal(table[["AIC"]][1:2], rev(pair$AIC))
  expect_identical(names(drop1(fit, test = "none")), c("npar", "AIC"))
  flat <- suppressMessages(lmm(y ~ x + f + (1 | g), transform(d, y = y - ave(y, g))))
  expect_silent(drop1(flat, test = "Chisq"))                # a variance of 0 is no news
})

test_that("published numbers are reproduced", {
  skip_if_not_installed("lme4")
  table <- drop1(lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy), test = "Chisq")
  expect_equal(round(table["Days", "LRT"], 3), 23.537)
  expect_equal(signif(table["Days", "Pr(Chi)"], 4), 1.226e-06)
  expect_equal(round(table["<none>", "AIC"], 1), 1763.9)
})

test_that("a single term has the same test in drop1() and anova()", {
  skip_if_not_installed("lmerTest")
  d <- subset(as.data.frame(nlme::Wheat2), latitude > 16)      # not balanced: the degrees of freedom depend on the rows
  fit <- lmm(yield ~ variety + (1 | Block), d)
  expect_equal(as.data.frame(drop1(fit)), as.data.frame(anova(fit)), ignore_attr = TRUE)
  peer <- lmerTest::lmer(yield ~ variety + (1 | Block), d)
  expect_equal(drop1(fit)$DenDF, drop1(peer)$DenDF, tolerance = 1e-4)
})

test_that("a term that takes no column away has no likelihood ratio test", {
  d <- behavior_data()
  d$twice <- 2 * d$x
  table <- drop1(suppressMessages(lmm(y ~ x + twice + (1 | g), d)), test = "Chisq")
  expect_equal(table$npar, c(NA, 0, 0))
  expect_identical(table$`Pr(Chi)`, rep(NA_real_, 3))
})

test_that("step() of stats is told what to use instead", {
  expect_error(stats::step(example_fit("penicillin"), trace = 0), "backward", class = "lmm_error_input")
})

test_that("without degrees of freedom, or by the likelihood, in abbreviated words", {
  fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  expect_identical(drop1(fit, ddf = NULL), drop1(fit, test = "none"))
  expect_identical(drop1(fit, ddf = "lme4"), drop1(fit, test = "none"))
  expect_identical(drop1(fit, test = "Chi"), drop1(fit, test = "Chisq"))
  expect_identical(drop1(fit, ddf = NULL, test = "Chi"), drop1(fit, test = "Chisq"))
  expect_error(drop1(fit, ddf = NULL, test = "F"), class = "lmm_error_input")
  for (test in c("Chisq", "none")) {
    expect_error(drop1(fit, test = test, ddf = "KR"), "`ddf` is for F tests", class = "lmm_error_input")
    expect_error(drop1(fit, test = test, information = "observed"), "information", class = "lmm_error_input")
  }
})

test_that("add1() takes names or a formula, with AIC of the models that have the terms", {
  d <- transform(behavior_data(), z = cos(seq_len(96)), v = sin(3 * seq_len(96)))
  fit <- lmm(y ~ x + (1 | g), d, REML = FALSE)
  table <- add1(fit, ~ . + z + v + x:z)
  expect_equal(table["z", "AIC"], AIC(update(fit, . ~ . + z)))
  expect_equal(table["v", "AIC"], AIC(update(fit, . ~ . + v)))
  expect_identical(rownames(table), c("<none>", "z", "v"))
  expect_equal(add1(fit, ~ z + v), add1(fit, c("z", "v")))
  expect_identical(rownames(add1(fit, ~ . + x:z)), c("<none>", "x:z"))
  expect_error(add1(fit, ~ . + (1 | f)), class = "lmm_error_formula", "`scope` has a random term")
  expect_error(add1(fit, ~ .), class = "lmm_error_input", "no term that is not already in the model")
  expect_error(add1(fit, 3), class = "lmm_error_input", "`scope`")
})

test_that("a dropped term stays a variable of the residual structure and of the variance function", {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  d$half <- factor(rep(1:2, 54))
  models <- list(list(~ us(age | Subject), NULL, "age"), list(~ exp(age | Subject), NULL, "age"),
                 list(~ cs(age | Sex/Subject), NULL, "Sex"), list(~ ar1(age | Subject, by = Sex), NULL, "Sex"),
                 list(NULL, ~ Sex, "Sex"), list(NULL, ~ power(age), "age"), list(NULL, ~ power(age | Sex), "Sex"))
  for (model in models) {
    f <- if (is.null(model[[1]])) distance ~ age + Sex + (1 | Subject) else distance ~ age + Sex
    fit <- suppressMessages(lmm(f, d, residual = model[[1]], variance = model[[2]]))
    table <- drop1(fit, model[[3]], test = "Chisq")
    less <- suppressMessages(update(fit, as.formula(paste(". ~ . -", model[[3]])), REML = FALSE))
    expect_equal(table[model[[3]], "AIC"], AIC(less), tolerance = 1e-7)
    expect_equal(table[model[[3]], "LRT"], 2 * as.numeric(logLik(update(fit, REML = FALSE)) - logLik(less)),
                 tolerance = 1e-5)
  }
  set.seed(3)
  d$distance <- d$distance + ifelse(d$half == "1", 3, 0) * rnorm(108)
  fit <- lmm(distance ~ age + Sex + half + (1 | Subject), d, variance = ~ half)
  chosen <- lmerTest::get_model(backward(fit, reduce.random = FALSE))
  expect_equal(as.numeric(logLik(chosen)), as.numeric(logLik(update(fit, . ~ . - half))), tolerance = 1e-8)
  expect_output(print(chosen), "half")
})

test_that("add1() compares with the response of a refit and wants the same rows", {
  set.seed(1)
  d <- data.frame(y = rnorm(60), x = rnorm(60), z = rnorm(60), g = gl(10, 6))
  new <- 2 * rnorm(60) + rnorm(10)[d$g]
  fit <- refit(suppressMessages(lmm(y ~ x + (1 | g), d, REML = FALSE)), new)
  with_z <- lmm(new ~ x + z + (1 | g), d, REML = FALSE)
  table <- add1(fit, "z", test = "Chisq")
  expect_equal(table["z", "AIC"], AIC(with_z))
  lost <- as.numeric(2 * (logLik(with_z) - logLik(lmm(new ~ x + (1 | g), d, REML = FALSE))))
  expect_equal(table["z", "LRT"], lost, tolerance = 1e-6)
  expect_equal(table["z", "Pr(>Chi)"], pchisq(lost, 1, lower.tail = FALSE), tolerance = 1e-6)
  expect_equal(add1(fit, "z", k = log(60))["z", "AIC"], stats::AIC(with_z, k = log(60)))
  d$z[3] <- NA
  gap <- suppressMessages(lmm(y ~ x + (1 | g), d))
  expect_error(suppressMessages(add1(gap, "z")), "would change the number of rows from 60 to 59",
               class = "lmm_error_data")
})

test_that("likelihood ratios of add1() and drop1() do not depend on k", {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex, REML = FALSE)
  larger <- lmm(distance ~ age + Sex + (1 | Subject), d, variance = ~ Sex, REML = FALSE)
  lost <- as.numeric(2 * (logLik(larger) - logLik(fit)))
  for (k in c(2, log(108))) {
    expect_equal(add1(fit, "Sex", test = "Chisq", k = k)["Sex", "LRT"], lost, tolerance = 1e-6)
  }
})

test_that("dropped and added terms leave a variance function of the fitted values as it was", {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  set.seed(1)
  d$distance <- d$distance + rnorm(108) * (d$distance / 25)^4
  fit <- lmm(distance ~ age + Sex + (1 | Subject), d, variance = ~ power(fitted))
  table <- drop1(fit, "Sex", test = "Chisq")
  d$own <- as.numeric(fitted(fit))
  with <- lmm(distance ~ age + Sex + (1 | Subject), d, REML = FALSE, variance = ~ power(own))
  without <- lmm(distance ~ age + (1 | Subject), d, REML = FALSE, variance = ~ power(own))
  expect_equal(table$AIC, c(AIC(with), AIC(without)), tolerance = 1e-7)
  expect_equal(table["Sex", "LRT"], as.numeric(2 * (logLik(with) - logLik(without))), tolerance = 1e-5)
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ power(fitted))
  d$own <- as.numeric(fitted(fit))
  with <- update(with, data = d)
  without <- update(without, data = d)
  table <- add1(fit, "Sex", test = "Chisq")
  expect_equal(table$AIC, c(AIC(without), AIC(with)), tolerance = 1e-7)
  expect_equal(table["Sex", "LRT"], as.numeric(2 * (logLik(with) - logLik(without))), tolerance = 1e-5)
})
