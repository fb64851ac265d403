# Published summaries (origin: reference/README.md) without the columns of degrees of freedom and p-values.

test_that("the summary of the penicillin data has the published lines", {
  local_reproducible_output(width = 80)
  fit <- lmm(yield ~ treat + (1 | blend), data = penicillin)
  expect_identical(capture.output(print(summary(fit, ddf = NULL))), c(
    "Linear mixed model fit by REML ['lmm_fit']",
    "Formula: yield ~ treat + (1 | blend)",
    "   Data: penicillin",
    "",
    "REML criterion at convergence: 103.8",
    "",
    "Scaled residuals: ",
    "    Min      1Q  Median      3Q     Max ",
    "-1.4152 -0.5017 -0.1644  0.6830  1.2836 ",
    "",
    "Random effects:",
    " Groups   Name        Variance Std.Dev.",
    " blend    (Intercept) 11.79    3.434   ",
    " Residual             18.83    4.340   ",
    "Number of obs: 20, groups:  blend, 5",
    "",
    "Fixed effects:",
    "            Estimate Std. Error t value",
    "(Intercept)   84.000      2.475  33.941",
    "treatB         1.000      2.745   0.364",
    "treatC         5.000      2.745   1.822",
    "treatD         2.000      2.745   0.729",
    "",
    "Correlation of Fixed Effects:",
    "       (Intr) treatB treatC",
    "treatB -0.555              ",
    "treatC -0.555  0.500       ",
    "treatD -0.555  0.500  0.500"))
})

test_that("long names are abbreviated as published", {
  local_reproducible_output(width = 80)
  shown <- capture.output(print(summary(example_fit("rats"), ddf = NULL)))
  expect_identical(tail(shown, 4), c(
    "            (Intr) t:Trtmntc t:Trtmnth",
    "t:Tretmntcn -0.327                    ",
    "t:Tretmnthg -0.340  0.111             ",
    "t:Tretmntlw -0.351  0.115     0.119   "))
  shown <- capture.output(print(summary(example_fit("irrigation_full"), ddf = NULL)))
  expect_identical(tail(shown, 8), c(
    "            (Intr) irrgt2 irrgt3 irrgt4 vrtyv2 irr2:2 irr3:2",
    "irrigation2 -0.707                                          ",
    "irrigation3 -0.707  0.500                                   ",
    "irrigation4 -0.707  0.500  0.500                            ",
    "varietyv2   -0.240  0.170  0.170  0.170                     ",
    "irrgtn2:vr2  0.170 -0.240 -0.120 -0.120 -0.707              ",
    "irrgtn3:vr2  0.170 -0.120 -0.240 -0.120 -0.707  0.500       ",
    "irrgtn4:vr2  0.170 -0.120 -0.120 -0.240 -0.707  0.500  0.500"))
  expect_true("-0.7448 -0.5509  0.0000  0.5509  0.7448 " %in% shown)
  expect_true("irrigationi2:varietyv2" %in% rownames(coef(summary(example_fit("irrigation_full")))))
})

test_that("printed tables of coefficients are those of the chapter", {
  expect_identical(printed(summary(example_fit("pulp")))[1],
                   "Linear mixed model fit by REML. t-tests use Satterthwaite's method ['lmm_fit']")
  published <- list(
    pulp = c(
      "            Estimate Std. Error      df t value Pr(>|t|)",
      "(Intercept)  60.4000     0.1494  3.0000   404.2 3.34e-08 ***",
      "---",
      "Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1"),
    penicillin = c(
      "            Estimate Std. Error     df t value Pr(>|t|)",
      "(Intercept)   84.000      2.475 11.075  33.941 1.51e-12 ***",
      "treatB         1.000      2.745 12.000   0.364   0.7219",
      "treatC         5.000      2.745 12.000   1.822   0.0935 .",
      "treatD         2.000      2.745 12.000   0.729   0.4802"),
    rats = c(
      "               Estimate Std. Error       df t value Pr(>|t|)",
      "(Intercept)     68.6074     0.3312  89.0275  207.13   <2e-16 ***",
      "t:Treatmentcon   7.3138     0.2808 247.2762   26.05   <2e-16 ***",
      "t:Treatmenthig   6.8711     0.2276 247.7097   30.19   <2e-16 ***",
      "t:Treatmentlow   7.5069     0.2252 247.5196   33.34   <2e-16 ***"),
    irrigation_full = c(
      "                       Estimate Std. Error     df t value Pr(>|t|)",
      "(Intercept)              38.500      3.026  4.487  12.725 0.000109 ***",
      "irrigationi2              1.200      4.279  4.487   0.280 0.791591",
      "irrigationi3              0.700      4.279  4.487   0.164 0.877156",
      "irrigationi4              3.500      4.279  4.487   0.818 0.454584",
      "varietyv2                 0.600      1.452  4.000   0.413 0.700582",
      "irrigationi2:varietyv2   -0.400      2.053  4.000  -0.195 0.855020",
      "irrigationi3:varietyv2   -0.200      2.053  4.000  -0.097 0.927082",
      "irrigationi4:varietyv2    1.200      2.053  4.000   0.584 0.590265"))
  for (model in names(published)) {
    shown <- printed(summary(example_fit(model)))
    expect_identical(shown[match("Fixed effects:",
                                 shown) + seq_along(published[[model]])], published[[model]], label = model)
  }
})

test_that("maximum likelihood fits show five numbers", {
  local_reproducible_output(width = 80)
  fit <- example_fit("penicillin_ml")
  shown <- capture.output(print(summary(fit, ddf = NULL)))
  expect_identical(shown[1], "Linear mixed model fit by maximum likelihood  ['lmm_fit']")
  expect_match(shown, "^ +AIC +BIC +logLik -2\\*log\\(L\\) +df\\.resid $", all = FALSE)
  at <- grep("df.resid", shown)
  expect_equal(scan(text = shown[at + 1], quiet = TRUE),
               c(round(c(AIC(fit), BIC(fit), logLik(fit), deviance(fit)), 1), df.residual(fit)))
})

test_that("weights, offset, subset and data are shown as written", {
  d <- behavior_data()
  d$w <- rep(1:2, 48)
  fit <- lmm(y ~ x + (1 | g), d, weights = w, offset = t / 10, subset = t > 1)
  shown <- capture.output(print(fit))
  expect_true(all(c("   Data: d", "Weights: w", " Offset: t/10", " Subset: t > 1") %in% shown))
  fit <- do.call(lmm, list(y ~ x + (1 | g), d))
  expect_lt(length(capture.output(print(summary(fit, ddf = NULL)))), 30)
})

test_that("correlations are shown for up to twelve coefficients, or when asked for", {
  d <- behavior_data()
  d$M <- matrix(rnorm(96 * 13), 96)
  x <- summary(suppressMessages(lmm(y ~ M + (1 | g), d)), ddf = NULL)
  expect_output(print(x), "Correlation matrix not shown by default, as p = 14 > 12")
  expect_output(print(x, correlation = TRUE), "Correlation of Fixed Effects:")
  expect_false(any(grepl("Correlation", capture.output(print(x, correlation = FALSE)))))
  expect_output(print(summary(example_fit("penicillin"), ddf = NULL), symbolic.cor = TRUE), "legend")
})

test_that("aliased coefficients are counted and conditions are repeated", {
  d <- behavior_data()
  d$x2 <- d$x
  fit <- suppressMessages(lmm(y ~ x + x2 + (1 | g), d))
  shown <- capture.output(print(summary(fit, ddf = NULL)))
  expect_true("Fixed effects: (1 not defined because of singularities)" %in% shown)
  expect_match(shown[grep("fit warnings", shown) + 1], "x2")
  expect_identical(rownames(coef(summary(fit))), c("(Intercept)", "x"))
})

test_that("correlations are shown or not as summary() or print() is told", {
  fit <- example_fit("penicillin")
  shows <- function(...) any(grepl("Correlation of Fixed Effects", capture.output(print(...))))
  expect_true(shows(summary(fit)))
  expect_false(shows(summary(fit, correlation = FALSE)))
  expect_true(shows(summary(fit, correlation = FALSE), correlation = TRUE))
  expect_false(shows(summary(fit), correlation = FALSE))
  expect_error(summary(fit, correlation = "no"), "must be TRUE or FALSE", class = "lmm_error_input")
  expect_error(summary(fit, corelation = FALSE), "corelation", class = "lmm_error_input")
})

test_that("ddf = \"lme4\" asks for no tests, in the words of lmerTest", {
  fit <- example_fit("penicillin")
  expect_identical(summary(fit, ddf = "lme4"), summary(fit, ddf = NULL))
  expect_error(summary(fit, ddf = NULL, type = "CR2"), "type", class = "lmm_error_input")
})

test_that("a title that does not fit is wrapped between words, as lmerTest wraps its own", {
  fit <- lmm(yield ~ irrigation + variety + (1 | field), irrigation)
  by_containment <- capture.output(print(summary(fit, ddf = "containment")))
  expect_identical(by_containment[1:2],
                   c("Linear mixed model fit by REML. t-tests use containment degrees of freedom", "  [lmm_fit]"))
  skip_if_not_installed("lmerTest")
  peer <- lmerTest::lmer(yield ~ irrigation + variety + (1 | field), irrigation, REML = FALSE)
  ours <- capture.output(print(summary(update(fit, REML = FALSE))))
  expect_identical(sub("lmm_fit", "lmerModLmerTest", ours[1:2]), capture.output(print(summary(peer)))[1:2])
})

test_that("the covariance matrix of a summary is that of its standard errors", {
  s <- summary(example_fit("penicillin"), ddf = "Kenward-Roger")
  expect_equal(sqrt(diag(vcov(s))), coef(s)[, "Std. Error"])
  expect_equal(vcov(s), vcov(example_fit("penicillin"), type = "kenward-roger"))
})

test_that("a summary holds the criteria under the names of lme4", {
  skip_if_not_installed("lme4")
  for (REML in c(TRUE, FALSE)) {
    ours <- summary(lmm(yield ~ treat + (1 | blend), penicillin, REML = REML))
    theirs <- summary(lme4::lmer(yield ~ treat + (1 | blend), penicillin, REML = REML))
    expect_equal(unname(ours$AICtab), unname(theirs$AICtab), tolerance = 1e-6)
    expect_equal(as.numeric(ours$logLik), as.numeric(theirs$logLik), tolerance = 1e-6)
    expect_identical(attr(ours$logLik, "df"), attr(theirs$logLik, "df"))
  }
})
