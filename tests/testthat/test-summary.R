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

# Published tables with df and p: the printout has their layout as soon as the columns are there.
test_that("the table with degrees of freedom and p-values has the published layout", {
  local_reproducible_output(width = 80)
  x <- summary(example_fit("penicillin"), ddf = NULL)
  table <- coef(x)
  # Satterthwaite's degrees of freedom of a randomized block design, published to three decimals
  x$coefficients <- coefficient_table(table[, 1], table[, 2], df = c(11.075, 12, 12, 12))
  shown <- capture.output(print(x))
  from <- grep("^Fixed effects", shown)
  expect_identical(shown[from + 1:7], c(
    "            Estimate Std. Error     df t value Pr(>|t|)    ",
    "(Intercept)   84.000      2.475 11.075  33.941 1.51e-12 ***",
    "treatB         1.000      2.745 12.000   0.364   0.7219    ",
    "treatC         5.000      2.745 12.000   1.822   0.0935 .  ",
    "treatD         2.000      2.745 12.000   0.729   0.4802    ",
    "---",
    "Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1"))
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
