test_that("backward elimination takes away what is not needed", {
  fit <- example_fit("irrigation_full")
  path <- backward(fit)
  expect_identical(rownames(path$fixed), c("irrigation:variety", "irrigation", "variety"))
  expect_identical(path$fixed$Eliminated, c(1, 2, 3))
  expect_equal(path$random["(1 | field)", "LRT"], 6.1118, tolerance = 1e-5)
  expect_identical(deparse(formula(path$model)), "yield ~ (1 | field)")
  old <- options(width = 80, digits = 7, show.signif.stars = TRUE, useFancyQuotes = FALSE)
  shown <- sub("[[:space:]]+$", "", gsub("[\u2018\u2019]", "'", capture.output(print(path))))
  options(old)
  expect_identical(shown, c(
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

test_that("terms lose one effect at a time", {
  change <- function(formula) {
    terms <- model_spec(formula, TRUE)$random
    unlist(lapply(smaller_terms(terms[[1]]), function(x) c(x$label, x$text)))
  }
  expect_identical(change(y ~ 1 + (1 | g)), "(1 | g)")
  expect_identical(change(y ~ 1 + (x | g)), c("x in (x | g)", "(1 | g)"))
  expect_identical(change(y ~ 1 + (0 + x | g)), "(0 + x | g)")
  expect_identical(change(y ~ 1 + (x + z | g)), c("x in (x + z | g)", "(1 + z | g)", "z in (x + z | g)", "(1 + x | g)"))
})

test_that("rows lost with a term are refused", {
  d <- behavior_data()
  d$t[1:3] <- NA
  fit <- suppressMessages(lmm(y ~ x + t + (1 | g), d))
  expect_error(suppressMessages(backward(fit)), "rows in use", class = "lmm_error_data")
})
