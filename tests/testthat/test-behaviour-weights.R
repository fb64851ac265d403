# Weights, offsets and the treatment of missing values.

d <- mk()
intercepts <- y ~ x + (1 | g)

test_that("weights", {
  w <- rep(c(0.5, 1, 2), 32)
  spoil <- function(value) transform(d, w = replace(rep(1, 96), 1:5, value))
  refuses(lmm(intercepts, spoil(-1), weights = w), "data", "`weights` has 5 negative values \\(rows 1-5\\)")
  refuses(lmm(intercepts, spoil(Inf), weights = w), "data", "`weights` has 5 infinite values \\(rows 1-5\\)")
  m <- accepts(lmm(intercepts, spoil(NA), weights = w), messages = "na", text = "5 rows dropped: missing `weights`")
  same(m, lmm(intercepts, d[-(1:5), ]))
  zero <- accepts(lmm(intercepts, spoil(0), weights = w))
  expect_equal(fixef(zero), fixef(m))
  expect_equal(logLik(zero), logLik(m), ignore_attr = TRUE)
  refuses(lmm(intercepts, d, weights = 1:3), "data", "`weights` has length 3, data has 96 rows")
  refuses(lmm(intercepts, d, weights = rep(0, 96)), "data", "`weights` are all 0")
  refuses(lmm(intercepts, d, weights = f), "data", "`weights` must be a numeric vector, not a factor")
  refuses(lmm(intercepts, d, weights = rep(NA_real_, 96)), "data", "all 96 values of `weights` are missing")
  refuses(lmm(intercepts, d, weights = nosuch), "input", "`nosuch`.*`weights`")
  refuses(lmm(intercepts, transform(d, w = 1e308), weights = w), "data", "`weights` overflows")
  refuses(lmm(intercepts, transform(d, w = 1e-200), weights = w), "data", "`weights` underflows")
  plain <- accepts(lmm(intercepts, d, weights = w))
  for (unit in c(1e-8, 1e8)) {
    m <- accepts(lmm(intercepts, transform(d, w2 = unit * w), weights = w2))
    has_numbers(m, beta = unname(fixef(plain)), sigma = sigma(plain) * sqrt(unit), sd = sqrt(VarCorr(plain)$g[1L]),
                tol = 1e-8)
  }
})

test_that("weights over 16 orders of magnitude", {
  weighted <- transform(d, w = 10^seq(-8, 8, length.out = 96))
  m <- accepts(lmm(intercepts, weighted, weights = w), messages = "boundary")
  one <- lm(y ~ x, weighted, weights = w)                 # the variance between groups is estimated as 0
  has_numbers(m, as.numeric(logLik(one, REML = TRUE)), unname(coef(one)), sigma = sigma(one), sd = 0, tol = 1e-9)
})

test_that("the unit of the weights changes sigma and nothing else, also far from 1 and for covariates far from 0", {
  years <- transform(d, x = x + 2000, w = rep(c(1, 2, 3), 32))
  slopes <- y ~ x + I(x^2) + I(2 * x) + (x | g)
  one <- suppressMessages(lmm(slopes, years, weights = w))
  for (unit in c(1e-140, 1e-24, 1e24, 1e140)) {
    other <- suppressMessages(lmm(slopes, transform(years, w = unit * w), weights = w))
    expect_equal(fixef(other), fixef(one), tolerance = 1e-8)
    expect_equal(sigma(other) / sqrt(unit), sigma(one), tolerance = 1e-8)
    expect_equal(VarCorr(other)$g, VarCorr(one)$g, tolerance = 1e-8, ignore_attr = TRUE)
    expect_equal(coef(summary(other)), coef(summary(one)), tolerance = 1e-7)
  }
})

test_that("weights are values found where the fit is called, never functions", {
  wrapper <- function(dat) {
    ww <- rep(1:2, 48)
    lmm(y ~ x + (1 | g), dat, weights = ww)
  }
  m <- accepts(wrapper(d))
  same(m, lmm(intercepts, transform(d, v = rep(1:2, 48)), weights = v))
  expect_length(fixef(accepts(update(m, . ~ . + t))), 3L)
  passed_on <- function(formula, data, w) lmm(formula, data, weights = w)
  same(passed_on(intercepts, d, rep(1:2, 48)), m)
  refuses(lmm(intercepts, d, weights = sqrt), "input", "`sqrt`")
})

test_that("offsets", {
  refuses(lmm(intercepts, d, offset = 1:3), "data", "`offset` has length 3, data has 96 rows")
  refuses(lmm(intercepts, d, offset = f), "data", "`offset` must be a numeric vector, not a factor")
  refuses(lmm(intercepts, d, offset = replace(t, 3, Inf)), "data", "`offset` has 1 infinite value \\(row 3\\)")
  refuses(lmm(y ~ x + offset(y) + (1 | g), d), "data", "`y` minus offset is constant")
  m <- accepts(lmm(intercepts, transform(d, o = replace(t, 3, NA)), offset = o), messages = "na",
               text = "1 row dropped: missing `offset`")
  expect_equal(nobs(m), 95)
  shifted <- lmm(intercepts, transform(d, y = y - t))
  for (m in list(lmm(intercepts, d, offset = t), lmm(y ~ x + offset(t) + (1 | g), d),
                 lmm(y ~ x + offset(2 * t) + (1 | g), d, offset = -t))) {
    expect_equal(fixef(m), fixef(shifted), tolerance = 1e-10)
    expect_equal(logLik(m), logLik(shifted), tolerance = 1e-10, ignore_attr = TRUE)
    expect_equal(unname(predict(m, d)), unname(fitted(m)))
  }
})

test_that("rules for missing values", {
  holes <- transform(d, y = replace(y, 1:3, NA))
  refuses(lmm(intercepts, holes, na.action = na.pass), "data", "na.action=na.pass leaves 3 missing values in `y`")
  refuses(lmm(intercepts, holes, na.action = na.fail), "data", "3 missing values in `y`")
  refuses(lmm(intercepts, holes, na.action = function(x) x), "input", "`na.action`")
  m <- accepts(lmm(intercepts, holes, na.action = na.exclude), messages = "na")
  expect_length(fitted(m), 96L)
  expect_identical(unname(which(is.na(residuals(m)))), 1:3)
  expect_length(fitted(suppressMessages(lmm(intercepts, holes))), 93L)
  old <- options(na.action = "na.fail")
  on.exit(options(old))
  refuses(lmm(intercepts, holes), "data", "na.action=na.fail")
  is_reference_0(accepts(lmm(intercepts, d)))
})

test_that("global options change the coding, not the model", {
  old <- options(contrasts = c("contr.sum", "contr.poly"), OutDec = ",", digits = 3, warn = 2)
  on.exit(options(old))
  m <- accepts(lmm(y ~ f + (1 | g), d))
  expect_identical(names(fixef(m)), c("(Intercept)", "f1", "f2", "f3"))
  is_reference_0(accepts(lmm(intercepts, d)))
  options(contrasts = c("contr.treatment", "contr.poly"))
  expect_equal(unname(predict(m, d)), unname(fitted(m)))
  same(m, lmm(y ~ f + (1 | g), d, contrasts = list(f = "contr.sum")))
})

test_that(
  "one row per level with unequal weights: a residual variance of 0 is 0, and the rest is its limit, least squares", {
  d <- behavior_data()
  d$row <- factor(seq_len(96))
  set.seed(1)
  d$w <- runif(96)
  condition <- only_condition(fit <- lmm(y ~ x + (1 | row), d, weights = w))
  expect_s3_class(condition, "lmm_message_boundary")
  expect_match(conditionMessage(condition), "residual variance is estimated as 0")
  ols <- summary(lm(y ~ x, d))
  expect_identical(sigma(fit), 0)
  expect_equal(attr(VarCorr(fit)$row, "stddev"), ols$sigma, tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(summary(fit)$coefficients[, c(1, 2, 4)], ols$coefficients[, 1:3], tolerance = 1e-6)
  expect_equal(anova(fit, ddf = "Kenward-Roger")$DenDF, 94, tolerance = 1e-6)
  set.seed(2)
  d$y <- d$y + rnorm(96, 0, 3 / sqrt(d$w))         # now the weights tell it from the rows' variance
  fit <- lmm(y ~ x + (1 | row), d, weights = w)
  expect_length(fit$conditions, 0)
  expect_gt(sigma(fit), 1)
})
