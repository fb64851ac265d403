test_that("fixed effects carry names, and NA where a column is not needed", {
  d <- behavior_data()
  d$x2 <- d$x
  fit <- suppressMessages(lmm(y ~ x + x2 + (1 | g), d))
  plain <- lmm(y ~ x + (1 | g), d)
  expect_identical(names(fixef(fit)), c("(Intercept)", "x", "x2"))
  expect_true(is.na(fixef(fit)[["x2"]]))
  expect_equal(fixef(fit, add.dropped = FALSE), fixef(plain), tolerance = 1e-10)
  expect_equal(vcov(fit, complete = FALSE), vcov(plain), tolerance = 1e-10)
  expect_identical(dim(vcov(fit)), c(3L, 3L))
  expect_true(all(is.na(vcov(fit)["x2", ])))
  expect_equal(vcov(fit)[1:2, 1:2], vcov(plain), tolerance = 1e-10)
})

test_that("coef adds the modes to the fixed effects", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  b <- ranef(fit)$g
  expect_equal(coef(fit)$g[["x"]], fixef(fit)[["x"]] + b$x)
  expect_equal(row.names(coef(fit)$g), row.names(b))
  expect_identical(names(coef(fit)$g), names(fixef(fit)))
  expect_identical(capture.output(print(coef(fit))), capture.output(print(list(g = coef(fit)$g))))
})

test_that("coef knows columns without a fixed effect, and several terms of a factor", {
  fit <- lmm(y ~ 1 + (1 | g) + (0 + x | g), behavior_data())
  expect_identical(names(coef(fit)$g), c("x", "(Intercept)"))
  expect_equal(coef(fit)$g$x, ranef(fit)$g$x)
  expect_equal(coef(fit)$g[["(Intercept)"]], fixef(fit)[[1]] + ranef(fit)$g[[1]])
})

test_that("methods work without fixed effects", {
  fit <- lmm(y ~ 0 + (1 | g), behavior_data())
  expect_identical(length(fixef(fit)), 0L)
  expect_identical(dim(vcov(fit)), c(0L, 0L))
  expect_identical(dim(coef(summary(fit, ddf = NULL))), c(0L, 3L))
  expect_equal(coef(fit)$g, as.data.frame(ranef(fit, condVar = FALSE)$g))
  expect_identical(getME(fit, "devcomp")$cmp[["ldRX2"]], 0)
  expect_output(print(fit), "No fixed effect coefficients")
  expect_output(print(summary(fit)), "Number of obs: 96")
})

test_that("the full covariance matrix has the names and the blocks of its parts", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  joint <- vcov(fit, full = TRUE)
  expect_equal(joint[c("(Intercept)", "x"), c("(Intercept)", "x")], vcov(fit), tolerance = 1e-9)
  expect_identical(rownames(joint)[1:3], c("g.g01.(Intercept)", "g.g01.x", "g.g02.(Intercept)"))
  expect_equal(joint, t(joint))
})

test_that("columns with random effects only stand first for every factor, at 0 where it has none of them, as in lme4", {
  skip_if_not_installed("lme4")
  d <- behavior_data()
  for (formula in list(y ~ 1 + (x | g) + (1 | h), y ~ x + (0 + t | g) + (1 | h), y ~ 0 + x + (1 | g))) {
    ours <- coef(suppressMessages(lmm(formula, d)))
    theirs <- coef(suppressMessages(suppressWarnings(lme4::lmer(formula, d))))
    for (g in names(theirs)) {
      expect_identical(dimnames(ours[[g]]), dimnames(theirs[[g]]))
      expect_equal(as.matrix(ours[[g]]), as.matrix(theirs[[g]]), tolerance = 1e-3)
    }
  }
})
