# Questions of one fit asked of many responses.

many <- function() {
  set.seed(1)
  d <- data.frame(g = gl(8, 5), x = rnorm(40), a = rnorm(40), b = 3 + rnorm(8)[gl(8, 5)] + rnorm(40))
  d$b[3] <- NA
  suppressMessages(lmm(cbind(a, b) ~ x + (1 | g), d))
}

test_that("likelihoods and criteria are those of the fits of single responses", {
  fits <- many()
  for (name in c("a", "b")) {
    one <- suppressMessages(fits[[name]])
    expect_equal(unclass(logLik(fits))[[name]], as.numeric(logLik(one)), tolerance = 1e-10)
    expect_equal(AIC(fits)[[name]], AIC(one), tolerance = 1e-10)
    expect_equal(AIC(fits, k = 3)[[name]], AIC(one, k = 3), tolerance = 1e-10)
    expect_equal(BIC(fits)[[name]], BIC(one), tolerance = 1e-10)
  }
  expect_identical(names(AIC(fits)), c("a", "b"))
  overview <- glance(fits)
  expect_equal(overview$AIC, unname(AIC(fits)))
  expect_identical(overview$nobs, c(40L, 39L))
  expect_output(print(logLik(fits)), "df: 4")
  structured <- lmm(cbind(distance, 2 * distance) ~ age, as.data.frame(nlme::Orthodont),
                    residual = ~ ar1(age | Subject))
  expect_equal(AIC(structured)[[2]], AIC(structured[[2]]), tolerance = 1e-8)
})

test_that("coefficients, limits and variance parameters have a row for each response", {
  fits <- many()
  expect_identical(coef(fits), fixef(fits))
  one <- suppressMessages(fits[["b"]])
  limits <- confint(fits, "x", level = 0.9)
  expect_identical(limits$response, c("a", "b"))
  expect_equal(unlist(limits[2, c("conf.low", "conf.high")], use.names = FALSE),
               as.vector(confint(one, "x", level = 0.9, ddf = "Satterthwaite")), tolerance = 1e-8)
  expect_identical(confint(fits, 2, level = 0.9), limits)
  expect_error(confint(fits, "z"), "must name coefficients", class = "lmm_error_input")
  components <- VarCorr(fits)
  expect_equal(components$vcov, components$sdcor^2)
  expect_equal(components$sdcor[components$response == "b"], as.data.frame(VarCorr(one))$sdcor, tolerance = 1e-8)
})

test_that("a name after $ is a whole one, and other questions name the fit of one response", {
  fits <- many()
  expect_s3_class(suppressMessages(fits$b), "lmm_fit")
  expect_null(fits$bet)
  expect_identical(dim(fits$beta), c(2L, 2L))
  asked <- list(vcov, ranef, fitted, residuals, predict, simulate, profile, model.frame, model.matrix, terms, deviance,
                df.residual, augment, ngrps, REMLcrit, drop1, function(x) update(x, . ~ 1), function(x) getME(x, "X"),
                function(x) refit(x, 1))
  for (f in asked) expect_error(f(fits), "x[[1]]", fixed = TRUE, class = "lmm_error_input")
})

test_that("a method of one response is named by itself, not by its arguments", {
  d <- behavior_data()
  many <- lmm(cbind(y, 2 * y) ~ x + (1 | g), d)
  expect_error(getME(many, "theta"), "getME() is not available", fixed = TRUE, class = "lmm_error_input")
})
