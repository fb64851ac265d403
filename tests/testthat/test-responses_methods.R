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

# Some models of responses a and b, in which what is said of `b` is compared with the fit of `b` alone.
single_and_many <- function() {
  set.seed(9)
  d <- data.frame(g = gl(12, 8), x = rnorm(96), f = gl(2, 1, 96, c("u", "v")), t = rep(1:8, 12), w = runif(96, 0.5, 2))
  d$p <- (d$t + 1) %/% 2
  Y <- replicate(2, 1 + 0.3 * d$x + rnorm(12)[d$g] + rnorm(96) * ifelse(d$f == "u", 1, 2))
  colnames(Y) <- c("a", "b")
  Y[4, 2] <- NA
  d$alone <- Y[, 2]
  fit <- function(...) suppressMessages(list(many = lmm(Y ~ x + f + (1 | g), d, ...),
                                             one = lmm(alone ~ x + f + (1 | g), d, ...)))
  list(fit(), fit(fixed = c(sigma = 1)), fit(fixed = c("sd_(Intercept)|g" = 0.5), weights = w), fit(bounded = FALSE),
       fit(variance = ~f), fit(residual = ~ ar1(t | g), weights = w), fit(residual = ~ us(f | g:p)),
       fit(residual = ~ ar1(t | g), fixed = c(rho = 0.2)), fit(variance = ~f, fixed = c(sigma = 1), REML = FALSE))
}

test_that("with fixed parameters, structures and variance functions tests and parameters are those of one fit", {
  for (fits in single_and_many()) {
    many <- fits$many
    one <- fits$one
    label <- deparse(one$call)[1L]
    of_b <- function(table) as.data.frame(table)[as.data.frame(table)$response == "b", ]
    same <- function(new, old) {
      expect_equal(unlist(new, use.names = FALSE), unlist(old, use.names = FALSE), tolerance = 1e-5, label = label)
    }
    expect_equal(attr(logLik(many), "df")[[2L]], attr(logLik(one), "df"))
    same(c(AIC(many)[["b"]], BIC(many)[["b"]]), c(AIC(one), BIC(one)))
    for (ddf in c("Satterthwaite", if (many$spec$reml) "Kenward-Roger", "residual")) {
      same(of_b(anova(many, ddf = ddf))[["Pr(>F)"]], anova(one, ddf = ddf)[["Pr(>F)"]])
      same(of_b(contest(many, c(0, 1, 1), ddf = ddf))[c("DenDF", "F value")],
           as.data.frame(contest(one, c(0, 1, 1), ddf = ddf))[c("DenDF", "F value")])
      same(of_b(tidy(many, "fixed", conf.int = TRUE, ddf = ddf))[c("std.error", "df", "conf.low")],
           as.data.frame(tidy(one, "fixed", conf.int = TRUE, ddf = ddf))[c("std.error", "df", "conf.low")])
    }
    for (scales in c("sdcor", "vcov")) {
      own <- as.data.frame(tidy(one, "ran_pars", scales = scales))
      same(of_b(tidy(many, "ran_pars", scales = scales))$estimate, own$estimate)
      expect_identical(of_b(tidy(many, "ran_pars", scales = scales))$term, own$term)
    }
    expect_identical(nrow(VarCorr(many)), 2L * nrow(own))
    same(as.data.frame(many[2])$criterion, -2 * as.numeric(logLik(one)))
    expect_output(print(summary(many)), "Quartiles")
    columns <- c("estimate", "se", "lower", "upper")
    same(of_b(quantity(many, ~ var(g)))[columns], as.data.frame(quantity(one, ~ var(g), method = "delta"))[columns])
  }
})

test_that("the fit of one of many responses is updated with its response", {
  for (fits in single_and_many()[c(1, 5)]) {
    b <- 1
    one <- suppressMessages(update(fits$many[["b"]], . ~ . - f))
    expect_identical(attr(one$rows$data, "na.action"), attr(fits$one$rows$data, "na.action"))
    expect_identical(attr(fits$many[["b"]]$rows$data, "na.action"), attr(fits$one$rows$data, "na.action"))
    expect_equal(as.numeric(logLik(one)), as.numeric(logLik(suppressMessages(update(fits$one, . ~ . - f)))),
                 tolerance = 1e-8)
  }
})

test_that("a variance function of the fitted values is refused for many responses", {
  d <- as.data.frame(nlme::Orthodont)
  expect_error(lmm(cbind(distance, 2 * distance) ~ age + (1 | Subject), d, variance = ~ power(fitted)), "fitted values",
               class = "lmm_error_input")
})
