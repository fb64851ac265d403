# What the methods of a fit do on fits that are out of the ordinary: a number, NA with a reason, or a condition of ours.

d <- mk()

# Numbers, of which none is NaN or infinite.
expect_sober <- function(x) {
  x <- unlist(x)
  expect_false(any(is.nan(x) | is.infinite(x)))
}

test_that("methods on a fit whose residual variance is zero", {
  set.seed(11)
  d$y <- 2 + 3 * d$x + rnorm(12)[d$g]
  fits <- suppressWarnings(list(lmm(y ~ x + (1 | g), d), lmm(y ~ x + (1 | g), transform(d, y = 2 + 3 * x))))
  for (m in fits) {
    refuses(profile(m), "unidentified", "residual variance is zero: a profile")
    refuses(rlrt(m), "unidentified", "residual variance is zero: a likelihood ratio test")
    refuses(lrt(m), "unidentified", "residual variance is zero")
    refuses(drop1(m, test = "Chisq"), "unidentified", "residual variance is zero")
    refuses(backward(m), "unidentified", "residual variance is zero")
    refuses(bootstrap(m, nsim = 5), "unidentified", "residual variance is zero")
    refuses(bootstrap_test(m, m, nsim = 5), "unidentified", "residual variance is zero")
    for (method in c("delta", "boot", "profile")) {
      q <- accepts(quantity(m, "icc", "total sd", method = method), messages = "limits")
      expect_sober(q)
      expect_true(all(is.na(q[c("se", "lower", "upper")])))
    }
    expect_true(is.na(logLik(m, compat = "SAS")))
    table <- accepts(ems(m))
    expect_sober(table$table)
    expect_sober(table$tests[1:4])
    expect_sober(table$icc)
    expect_true(all(is.na(table$icc[c("lower", "upper")])))
  }
  expect_equal(quantity(fits[[1L]], "icc")$estimate, 1)
})

test_that("crossed effects without a residual are found as their limits", {
  set.seed(4)
  a <- rnorm(12)
  b <- rnorm(8)
  m <- accepts(lmm(y ~ 1 + (1 | g) + (1 | h), transform(d, y = a[g] + b[h])), warnings = "precision")
  # balanced and without residual: the mean squares of g and h are J var(a) and I var(b)
  has_numbers(m, beta = mean(a) + mean(b), sd = c(sd(a), sd(b)), tol = 1e-6)
  expect_equal(sigma(m), 0)
})

test_that("inference has no units: responses and covariates near the ends of double precision", {
  formula <- y ~ x + (x | g)
  m <- lmm(formula, d)
  coefficients <- coef(summary(m))
  for (change in list(c(1e-140, 1), c(1e140, 1), c(1, 1e-140), c(1, 1e140))) {
    m1 <- accepts(lmm(formula, transform(d, y = y * change[1L], x = x * change[2L])))
    table <- accepts(coef(summary(m1)))
    expect_equal(table[, 3:5], coefficients[, 3:5], tolerance = 1e-6)
    expect_equal(accepts(contest(m1, c(x = 1), ddf = "Kenward-Roger"))[, 4:6],
                 contest(m, c(x = 1), ddf = "Kenward-Roger")[, 4:6],
                 tolerance = 1e-6)
    expect_equal(accepts(variance_components(m1))$df, variance_components(m)$df, tolerance = 1e-6)
    size <- c(change[1L], change[1L] / change[2L], 1, change[1L], change[1L], change[1L] / change[2L])
    expect_equal(accepts(confint(m1, method = "chisq", quiet = TRUE)) / size, confint(m, method = "chisq"),
                 tolerance = 1e-6)
    expect_equal(accepts(confint(m1, method = "Wald", quiet = TRUE)) / size, confint(m, method = "Wald"),
                 tolerance = 1e-6)
    expect_equal(accepts(quantity(m1, "icc", "cv")), quantity(m, "icc", "cv"), tolerance = 1e-6)
    expect_equal(accepts(quantity(m1, ~ total, method = "chisq"))$df, quantity(m, ~ total, method = "chisq")$df,
                 tolerance = 1e-6)
    C <- accepts(vcov_components(m1))
    expect_sober(C)
    expect_match(attr(C, "reason"), "is outside the range of double precision")
  }
})

test_that("the other likelihood, and all that needs it, where the intercept lies far from the data", {
  moved <- transform(d, x = x + 1e10)
  m <- lmm(y ~ x + (1 | g), moved)
  reference <- lmm(y ~ x + (1 | g), d)
  expect_equal(logLik(m, REML = FALSE)[1L], logLik(reference, REML = FALSE)[1L], tolerance = 1e-6)
  expect_sober(accepts(glance(m))[c("logLik", "AIC", "BIC")])
  expect_equal(getME(m, "devcomp")$cmp[["ldRX2"]], getME(reference, "devcomp")$cmp[["ldRX2"]], tolerance = 1e-6)
})

test_that("ems() with a mean square between groups of zero, and with a ratio of 1e16", {
  balanced <- accepts(ems(lmm(y ~ 1 + (1 | g), transform(d, y = as.numeric(t)))), messages = "boundary")
  expect_equal(unname(balanced$icc), rep(-1 / 7, 3))        # the least correlation of 8 values in a group
  table <- accepts(ems(lmm(y ~ x + (1 | g), transform(d, y = replace(y, 1:8, y[1:8] + 1e8)))))
  expect_sober(table$icc)
  expect_equal(unname(table$icc[["lower"]]), 1, tolerance = 1e-10)
  d$x <- array(d$x, 96)
  expect_sober(accepts(ems(y ~ x + (1 | g), d))$table)
})

test_that("without fixed effects every method has an answer", {
  m <- lmm(y ~ 0 + (1 | g), d)
  for (ddf in c("Satterthwaite", "Kenward-Roger", "containment", "between-within", "inner-outer", "residual",
                "asymptotic")) {
    accepts(summary(m, ddf = ddf))
    accepts(anova(m, ddf = ddf))
  }
  accepts(summary(m, ddf = ddf_method("cluster-robust", cluster = ~ g)))
  refuses(contest(m, diag(0)), "input", "no fixed effects to test")
  refuses(quantity(m, "cv"), "input", c("coefficient of variation", "no fixed effects"))
  expect_equal(quantity(lmm(y ~ 0 + f + (1 | g), d), "cv"), quantity(lmm(y ~ f + (1 | g), d), "cv"), tolerance = 1e-6)
})

test_that("plots of profiles leave out what has no profile", {
  d$x <- d$t
  p <- profile(suppressMessages(lmm(y ~ x + (x | g), d)))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (type in c("zeta", "density", "pairs")) accepts(plot(p, type))
  p$.zeta[p$.par == ".sig03"] <- 0
  for (type in c("zeta", "density", "pairs")) {
    accepts(plot(p, type), messages = "boundary", text = "`.sig03` has no profile to draw")
  }
})

test_that("values that are not numbers are predicted as missing", {
  m <- lmm(y ~ x + (1 | g), d)
  new <- transform(d[1:3, ], x = c(NaN, NA, 1))
  expect_identical(is.nan(accepts(predict(m, new))), structure(c(FALSE, FALSE, FALSE), names = 1:3))
  out <- accepts(predict(m, new, se.fit = TRUE, interval = "prediction"))
  expect_sober(out)
  expect_identical(unname(is.na(out$fit[, "lwr"])), c(TRUE, TRUE, FALSE))
  # the slope is positive
  expect_identical(unname(accepts(predict(m, transform(d, x = Inf * sign(x)), re.form = NA))), Inf * sign(d$x))
})

test_that("AICC has no value where its denominator is not positive", {
  m <- lmm(y ~ 1 + (1 | g), data.frame(y = c(1, 2, 3, 5), g = c("a", "a", "b", "b")))
  expect_identical(AICC(m), NA_real_)
})

test_that("kinds of things are called by their names", {
  refuses(lmm(y ~ x + (1 | g), transform(d, y = array(y, c(96, 1, 1)))), "data", "is an array")
  d$when <- as.POSIXlt(as.POSIXct("2020-01-01", tz = "UTC") + d$t)
  refuses(lmm(y ~ when + (1 | g), d), "data", c("`when`", "as.POSIXct"))
  refuses(lmm(y ~ x + (1 | when), d), "data", c("`when`", "as.POSIXct"))
  refuses(lmm(when ~ x + (1 | g), d), "data", c("`when`", "as.POSIXct"))
  d$x <- Matrix::Matrix(d$x)
  refuses(lmm(y ~ x + (1 | g), d), "data", "`x` is an object of class dgeMatrix")
})

test_that("a residual variance estimated as 0 has no standard error, and the others have those of the model without it",
          {
  d$k <- factor(1:96)
  d$w <- rep(1:2, 48)
  m <- suppressMessages(lmm(y ~ x + (1 | k), d, weights = w))
  one <- lm(y ~ x, d)                                      # the limit: one variance, the same for all rows
  components <- accepts(variance_components(m))
  expect_equal(components$estimate, c(sigma(one)^2, 0), tolerance = 1e-6)
  expect_equal(components$se, c(sigma(one)^2 * sqrt(2 / 94), NA), tolerance = 1e-4)
  expect_match(components$reason[2L], "residual variance is estimated as 0")
  for (method in c("Wald", "chisq")) {
    limits <- accepts(confint(m, method = method))
    expect_sober(limits)
    expect_identical(unname(is.na(limits[, 1L])), c(FALSE, TRUE, FALSE, FALSE))
  }
  q <- accepts(quantity(m, ~ sigma, "total sd", "icc"))
  expect_equal(q$estimate, c(0, sigma(one), 1), tolerance = 1e-6)
  refuses(quantity(m, "total sd", method = "profile"), "input", "residual variance is estimated as 0")
  table <- accepts(coef(summary(m)))
  expect_equal(table[, 1:2], coef(summary(one))[, 1:2], tolerance = 1e-5)
  expect_equal(table[, "df"], c(`(Intercept)` = 94, x = 94), tolerance = 1e-3)
})

test_that("where a ratio of variances is beyond double precision, methods say so", {
  set.seed(1)
  d$y <- 1e10 * rnorm(12)[d$g] + 1e-3 * rnorm(96) + d$x
  m <- accepts(lmm(y ~ x + (1 | g), d))
  expect_equal(fixef(m)[["x"]], 1, tolerance = 1e-3)
  refuses(vcov(m, type = "CR2", cluster = ~ g), "numeric", c("covariance matrix within a cluster", "CR1"))
  expect_sober(accepts(vcov(m, type = "CR1", cluster = ~ g)))
  joint <- outcome(contest(m, diag(2)))
  expect_null(joint$error)
  for (w in joint$warnings) expect_s3_class(w, "lmm_warning_precision")
  expect_sober(joint$value)
  expect_sober(accepts(contest(m, c(x = 1), joint = FALSE)))
})

test_that("cluster-robust tests have no units", {
  reference <- coef(summary(lmm(y ~ x + (1 | g), d), ddf = "cluster-robust", cluster = ~ g))
  for (unit in c(1e-140, 1e140)) {
    m <- lmm(y ~ x + (1 | g), transform(d, x = x * unit))
    expect_equal(coef(summary(m, ddf = "cluster-robust", cluster = ~ g))[, 3:5], reference[, 3:5], tolerance = 1e-6)
  }
})

test_that("simulated responses of rows without a mean are missing, not NaN", {
  m <- lmm(y ~ x + (1 | g), d)
  drawn <- accepts(simulate(m, 2, seed = 1, newdata = data.frame(x = c(NaN, 1), g = "g01")))
  expect_identical(drawn[1, 1], NA_real_)
  expect_false(anyNA(drawn[2, ]))
})

test_that("tests after a search that was lost are missing, without further warnings", {
  set.seed(1)
  for (i in 1:90) d[[paste0("z", i)]] <- rnorm(96)
  m <- suppressMessages(suppressWarnings(lmm(reformulate(c(paste0("z", 1:90), "(1 | g)"), "y"), d)))
  table <- accepts(coef(summary(m, ddf = "KR")))
  expect_false(any(is.nan(table)))
  table <- accepts(anova(m, ddf = "KR"))
  expect_false(any(vapply(table, function(x) any(is.nan(x)), NA)))
})
