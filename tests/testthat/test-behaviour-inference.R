# Inference at the edges: units, boundaries, hypotheses, size. Every row also with warnings as errors.

strictly <- function(expr) {
  old <- options(warn = 2)
  on.exit(options(old))
  expr
}

# What an analyst asks for: coefficient table and F tests, as plain numbers.
tests_of <- function(fit, ddf, type = 3) {
  list(t = coef(summary(fit, ddf = ddf))[, c("df", "t value", "Pr(>|t|)"), drop = FALSE],
       F = as.matrix(anova(fit, type = type, ddf = ddf)[c("NumDF", "DenDF", "F value", "Pr(>F)")]))
}

test_that("reference tests of a random slope", {
  d <- mk()
  fit <- lmm(y ~ x + (x | g), d)
  kr <- strictly(tests_of(fit, "Kenward-Roger"))$t["x", ]
  expect_equal(unname(kr), c(10.61371, 3.109134, 0.01034815), tolerance = 1e-6)
  expect_equal(unname(tests_of(fit, "Satterthwaite")$t["x", c(1, 3)]), c(11.8114, 0.00873434), tolerance = 1e-5)
})

test_that("tests do not depend on units", {
  d <- mk()
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    one <- tests_of(lmm(y ~ x + (x | g), d), ddf)
    for (scale in c(1e6, 1e-9)) {
      scaled <- strictly(accepts(tests_of(lmm(y ~ x + (x | g), transform(d, y = y * scale)), ddf)))
      expect_equal(scaled, one, tolerance = 1e-7)
    }
    moved <- strictly(accepts(tests_of(lmm(y ~ x + (x | g), transform(d, x = 1e3 * (x + 100))), ddf)))
    expect_equal(moved$t["x", ], one$t["x", ], tolerance = 1e-6)
    expect_equal(moved$F, one$F, tolerance = 1e-6)
  }
})

test_that("at and near the boundary df are finite, and continuous as the variance goes to zero", {
  d <- mk()
  set.seed(3)
  d$noise <- rnorm(96)
  for (ddf in c("Kenward-Roger", "Satterthwaite")) {
    fit <- suppressMessages(lmm(y ~ x + (1 | g), transform(d, y = noise)))
    expect_true(all(is.finite(unlist(strictly(tests_of(fit, ddf))))))
  }
  # The between-group part of a response without groups is shrunk until the variance is estimated as zero.
  means <- ave(d$noise, d$g)
  df_at <- function(share) {
    d$y <- d$noise - means + share * means
    fit <- suppressMessages(lmm(y ~ x + (1 | g), d))
    c(VarCorr(fit)$g[1] / sigma(fit)^2, tests_of(fit, "Kenward-Roger")$t["x", "df"])
  }
  share <- 3
  lowest <- 0
  for (step in 1:45) {                                 # the share at which the ratio of variances reaches zero
    middle <- (share + lowest) / 2
    if (df_at(middle)[1] > 0) share <- middle else lowest <- middle
  }
  above <- df_at(share)
  below <- df_at(lowest)
  expect_identical(below[1], 0)
  expect_gt(above[1], 0)
  expect_lt(above[1], 1e-4)
  expect_equal(above[2], below[2], tolerance = 1e-3)
})

test_that("a hypothesis of the wrong width is refused", {
  fit <- lmm(y ~ x + (1 | g), mk())
  strictly(refuses(contest(fit, L = c(1, 0, 0)), "input", "`L` has 3 columns, model has 2 coefficients"))
  strictly(refuses(contest(fit, L = matrix(1, 3, 1)), "input", "`L` has 1 column, model has 2 coefficients"))
  strictly(refuses(contest(fit, L = c(1, NA)), "input", "`L` has missing"))
  strictly(refuses(contest(fit, L = "x"), "input", "`L` must be"))
})

test_that("dependent rows count once", {
  fit <- lmm(y ~ x + (1 | g), mk())
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    both <- strictly(accepts(contest(fit, L = rbind(c(0, 1), c(0, 2)), ddf = ddf), messages = "rank",
                             text = "2 rows, rank 1"))
    expect_equal(both, contest(fit, L = c(0, 1), ddf = ddf), tolerance = 1e-10)
  }
  strictly(refuses(contest(fit, L = rbind(c(0, 1), c(0, 2)), rhs = c(1, 3)), "input", "contradict"))
})

test_that("a profile that ends at zero", {
  d <- mk()
  set.seed(3)
  d$y <- rnorm(96)
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d))
  limits <- strictly(accepts(confint(fit, method = "profile", quiet = TRUE)))
  expect_identical(limits[".sig01", 1], 0)
  model <- oracle_model(d$y, model.matrix(~ x, d), list(matrix(1, 96)), list(as.integer(d$g)))
  lowest <- oracle_fit(model, FALSE)$criterion
  # -2 log L at the upper limit, minimized over sigma; and at the limits of sigma, over the standard deviation of g
  drop_at <- function(f, interval) optimize(f, interval, tol = 1e-10)$objective - lowest
  sd <- limits[".sig01", 2]
  expect_equal(drop_at(function(s) oracle_criterion(model, list(matrix(sd^2)), s^2, FALSE), c(0.5, 2)), qchisq(0.95, 1),
               tolerance = 1e-6)
  for (sigma in limits[".sigma", ]) {
    expect_equal(drop_at(function(s) oracle_criterion(model, list(matrix(s^2)), sigma^2, FALSE), c(0, 2)),
                 qchisq(0.95, 1), tolerance = 1e-6)
  }
})

test_that("balanced blocks have the classical analysis of variance", {
  set.seed(12)
  d <- expand.grid(trt = factor(letters[1:4]), blk = factor(1:7))
  d$y <- rnorm(28) + rnorm(7)[d$blk] + 0.5 * as.integer(d$trt)
  fit <- lmm(y ~ trt + (1 | blk), d)
  expect_gt(VarCorr(fit)$blk[1], 0)
  classical <- summary(aov(y ~ trt + Error(blk), d))[["Error: Within"]][[1]]["trt", ]
  for (ddf in c("Kenward-Roger", "Satterthwaite", "containment")) {
    table <- strictly(accepts(anova(fit, ddf = ddf)))
    expect_equal(table$DenDF, 18, tolerance = 1e-10)
    expect_equal(table$`F value`, classical$`F value`, tolerance = 1e-10)
    expect_equal(table$`Pr(>F)`, classical$`Pr(>F)`, tolerance = 1e-9)
  }
})

test_that("twenty thousand rows cost neither time nor memory; five hundred agree with the dense formulas", {
  big <- mk(2000, 10)
  fit <- lmm(y ~ x + (1 | g), big)
  gc(reset = TRUE)
  seconds <- system.time(large <- strictly(accepts(tests_of(fit, "Kenward-Roger"))))[["user.self"]]
  expect_lt(seconds, 10)
  expect_lt(sum(gc()[, 6]), 1000)
  expect_true(all(is.finite(unlist(large))))
  d <- mk(50, 10)
  d$w <- rep(c(1, 2, 5, 1, 3), 100)
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  model <- oracle_model(d$y, model.matrix(~ x, d), list(matrix(1, 500)), list(as.integer(d$g)), weights = d$w)
  kr <- oracle_kr(model, list(matrix(VarCorr(fit)$g[1])), sigma(fit)^2)
  expected <- oracle_kr_test(kr, matrix(c(0, 1), 1))
  table <- anova(fit, ddf = "Kenward-Roger")
  expect_equal(c(table$DenDF, table$`F value`), c(expected$df, expected$f), tolerance = 1e-7)
  expect_equal(as.matrix(vcov(fit, type = "kenward-roger")), kr$adjusted, tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("type 3 does not depend on contrasts or the order of levels", {
  d <- mk()[-c(2, 7, 30, 31, 64), ]
  tests <- function(data, ddf, ...) tests_of(lmm(y ~ f * x + (1 | g), data, ...), ddf)$F
  for (ddf in c("Kenward-Roger", "Satterthwaite")) {
    plain <- tests(d, ddf)
    for (contrast in c("contr.sum", "contr.helmert", "contr.poly", "contr.SAS")) {
      expect_equal(strictly(accepts(tests(d, ddf, contrasts = list(f = contrast)))), plain, tolerance = 1e-8)
    }
    expect_equal(tests(transform(d, f = factor(f, c("c", "a", "d", "b"))), ddf), plain, tolerance = 1e-8)
    expect_equal(tests(transform(d, f = as.character(f)), ddf), plain, tolerance = 1e-8)
  }
})
