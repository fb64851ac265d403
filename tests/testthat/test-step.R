test_that("backward elimination takes away what is not needed", {
  fit <- example_fit("irrigation_full")
  path <- backward(fit)
  expect_identical(rownames(path$fixed), c("irrigation:variety", "irrigation", "variety"))
  expect_identical(path$fixed$Eliminated, c(1, 2, 3))
  expect_equal(path$random["(1 | field)", "LRT"], 6.1118, tolerance = 1e-5)
  expect_identical(deparse(formula(path$model)), "yield ~ (1 | field)")
  expect_identical(printed(path), c(
    "Backward reduced random-effect table:", "",
    "            Eliminated npar  logLik    AIC    LRT Df Pr(>Chisq)",
    "<none>                   10 -22.698 65.395",
    "(1 | field)          0    9 -25.753 69.507 6.1118  1    0.01343 *",
    "---", "Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1", "",
    "Backward reduced fixed-effect table:", "Degrees of freedom method: Satterthwaite", "",
    "                   Eliminated Sum Sq Mean Sq NumDF DenDF F value Pr(>F)",
    "irrigation:variety          1 1.5500 0.51667     3     4  0.2452 0.8612",
    "irrigation                  2 1.6605 0.55350     3     4  0.3882 0.7685",
    "variety                     3 2.2500 2.25000     1     7  1.5782 0.2493", "",
    "Model found:", "yield ~ (1 | field)"))
})

test_that("`alpha` is both limits, and checked", {
  fit <- example_fit("irrigation_full")
  expect_equal(backward(fit, alpha = 0.01)$random, backward(fit, alpha.random = 0.01, alpha.fixed = 0.01)$random)
  expect_equal(backward(fit, alpha = 0.9)$fixed, backward(fit, alpha.random = 0.9, alpha.fixed = 0.9)$fixed)
  for (alpha in list("a", NA, 2, c(0.1, 0.2))) expect_error(backward(fit, alpha = alpha), class = "lmm_error_input",
                                                            "`alpha`")
})

test_that("random terms go first, a slope before its intercept", {
  d <- behavior_data()
  set.seed(3)
  d$y <- 2 + 0.5 * d$x + rnorm(12)[d$g] + 0.7 * rnorm(96)
  fit <- suppressMessages(lmm(y ~ x + f + (x | g) + (1 | h), d))
  path <- backward(fit)
  expect_identical(path$random$Eliminated, c(NA, 1, 2, 0))
  expect_setequal(rownames(path$random)[2:3], c("(1 | h)", "x in (x | g)"))
  expect_identical(deparse(formula(path$model)), "y ~ x + (1 | g)")
  expect_identical(rownames(path$fixed), c("f", "x"))
  kept <- backward(fit, keep = "f", reduce.random = FALSE)
  expect_true("f" %in% attr(terms(kept$model), "term.labels"))
  expect_identical(length(kept$model$frame$random), 2L)
})

test_that("after a reduction the random terms are written as they would be fitted", {
  d <- behavior_data()
  set.seed(1)
  d$k <- factor(sample(rep(c("u", "v"), 48)))
  d$m <- factor(sample(rep(c("r", "s", "t"), 32)))
  for (right in c("(x | g)", "(0 + x | g) + (1 | g)", "(x + t | g)", "(x || g)", "(0 + x + t || g)", "(0 + k | g)",
                  "(0 + k + x | g)",
                  "(k + x | g) + (1 | h)", "(0 + k + m | g)", "(k || g)", "(1 | g/k)", "(x * t | g)")) {
    fit <- suppressMessages(lmm(as.formula(paste("y ~ x +", right)), d))
    ways <- reductions(fit)
    for (k in seq_along(ways)) {
      left <- reduced_texts(fit, ways[[k]])
      label <- paste(right, "to", paste(left, collapse = " + "))
      again <- if (length(left)) suppressMessages(lmm(as.formula(paste("y ~ x +", paste(left, collapse = " + "))), d))
               else lm(y ~ x, d)
      expect_equal(reduction_table(fit, ways)$logLik[k + 1], as.numeric(logLik(again, REML = TRUE)), tolerance = 1e-8,
                   label = label)
      expect_lte(as.numeric(logLik(again, REML = TRUE)), as.numeric(logLik(fit)) + 1e-7, label = label)    # nested
    }
  }
  labels <- function(formula) vapply(reductions(suppressMessages(lmm(formula, d))), `[[`, "", "label")
  expect_identical(labels(y ~ x + (k || g)), "k in (0 + k | g)")
  expect_identical(labels(y ~ x + (x || g)), c("(1 | g)", "x in (0 + x | g)"))
})

test_that("smaller models have the rows of the fit, also where it lost some or the data are gone", {
  d <- behavior_data()
  d$t[1:3] <- NA
  fit <- suppressMessages(lmm(y ~ x + t + (1 | g), d))
  smaller <- lmm(y ~ x + (1 | g), d[-(1:3), ])
  expect_message(found <- backward(fit)$model, NA)
  expect_equal(fixef(found), fixef(smaller))
  expect_identical(formula(found), y ~ x + (1 | g), ignore_formula_env = TRUE)
  expect_identical(nobs(found), 93)
  known <- AIC(update(smaller, REML = FALSE))
  expect_equal(drop1(fit, test = "Chisq")["t", "AIC"], known)
  expect_equal(unname(predict(found, d[5:9, ])), unname(predict(smaller, d[5:9, ])))
  d$y <- rnorm(96)                                          # no business of the fit's
  expect_warning(expect_equal(drop1(fit, test = "Chisq")["t", "AIC"], known), NA)
  made <- local({
    d <- behavior_data(seed = 2)
    lmm(log(y + 10) ~ poly(x, 2) + f + offset(t / 100) + (1 | g), d)
  })
  expect_warning(table <- drop1(made, test = "Chisq"), NA)
  again <- behavior_data(seed = 2)
  by_hand <- lmm(log(y + 10) ~ f + offset(t / 100) + (1 | g), again, REML = FALSE)
  expect_equal(table["poly(x, 2)", "AIC"], AIC(by_hand))
})

test_that("lmerTest's step() finds the elimination", {
  skip_if_not_installed("lmerTest")
  fit <- example_fit("irrigation_full")
  for (part in c("random",
                 "fixed")) expect_identical(lmerTest::step(fit, ddf = "Kenward-Roger")[[part]],
                   backward(fit, "Kenward-Roger")[[part]])
})

test_that("lmerTest's get_model() finds the model that is left", {
  skip_if_not_installed("lmerTest")
  found <- backward(lmm(yield ~ irrigation * variety + (1 | field), irrigation))
  expect_identical(lmerTest::get_model(found), found$model)
})
