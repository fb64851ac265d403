# Variance functions: powers with a constant, of the fitted values, by group.

test_that("variance functions agree with nlme's", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Dialyzer)
  f <- rate ~ (pressure + I(pressure^2)) * QB
  pairs <- list(
    list(quote(~ power(pressure)), nlme::varPower(form = ~ pressure)),
    list(quote(~ pressure), nlme::varExp(form = ~ pressure)),
    list(quote(~ power(pressure | QB)), nlme::varPower(form = ~ pressure | QB)),
    list(quote(~ QB + power(pressure)),
         nlme::varComb(nlme::varIdent(form = ~ 1 | QB), nlme::varPower(form = ~ pressure))),
    list(quote(~ power(fitted)), nlme::varPower()))
  for (pair in pairs) {
    fit <- lmm(f, d, variance = eval(pair[[1]]))
    expect_equal(as.numeric(logLik(fit)),
                 as.numeric(logLik(nlme::gls(f, d, weights = pair[[2]]))), tolerance = 1e-7, info = deparse(pair[[1]]))
  }
})

test_that("a constant and a power are those of the dense criterion", {
  set.seed(3)
  d <- data.frame(x = runif(200, 0, 5), g = rep(c("a", "b"), 100))
  d$y <- d$x + (1 + d$x^1.5) * rnorm(200)
  own <- function(s, const, power) {
    v <- (s * (const + d$x^power))^2
    fit <- stats::lm.wfit(cbind(1, d$x), d$y, 1 / v)
    sum(log(v)) + sum(fit$residuals^2 / v) + 2 * sum(log(abs(diag(qr.R(fit$qr))))) + 198 * log(2 * pi)
  }
  fit <- lmm(y ~ x, d, variance = ~ constpower(x))
  psi <- residual_parameters(fit)
  at <- c(sigma(fit), psi$estimate)
  expect_equal(deviance(fit), do.call(own, as.list(at)), tolerance = 1e-9)
  for (k in 1:3) for (step in c(0.99, 1.01)) expect_gt(do.call(own, as.list(replace(at, k, at[k] * step))),
                                                       deviance(fit))
})

test_that("powers of the fitted values settle where nlme does, also beside random effects and a range", {
  skip_if_not_installed("nlme")
  b <- as.data.frame(nlme::BodyWeight)
  power <- lmm(weight ~ Time * Diet + (Time | Rat), b, variance = ~ power(fitted))
  both <- lmm(weight ~ Time * Diet + (Time | Rat), b, variance = ~ power(fitted), residual = ~ exp(Time | Rat))
  reference <- nlme::lme(weight ~ Time * Diet, b, random = ~ Time | Rat, weights = nlme::varPower())
  expect_equal(as.numeric(logLik(power)), as.numeric(logLik(reference)), tolerance = 1e-6)
  reference <- nlme::lme(weight ~ Time * Diet, b, random = ~ Time | Rat, weights = nlme::varPower(),
                         correlation = nlme::corExp(form = ~ Time))
  expect_equal(as.numeric(logLik(both)), as.numeric(logLik(reference)), tolerance = 1e-6)
  expect_equal(residual_parameters(both)$estimate, c(4.886387, 0.5943424), tolerance = 1e-3)
  expect_identical(residual_parameters(both)$name, c("range", "power(fitted)"))
})

test_that("a constant of the variance function that vanishes is at its boundary", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Dialyzer)
  f <- rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB
  expect_message(fit <- lmm(f, d, variance = ~ constpower(pressure)), "`const` is estimated as 0",
                 class = "lmm_message_boundary")
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(lmm(f, d, variance = ~ power(pressure)))), tolerance = 1e-6)
})

test_that("a criterion with kinks is searched from several ranges", {
  skip_if_not_installed("nlme")
  b <- as.data.frame(nlme::BodyWeight)
  fit <- suppressMessages(lmm(weight ~ Time * Diet + (Time | Rat), b, residual = ~ lin(Time | Rat),
                              variance = ~ power(fitted)))
  expect_gt(as.numeric(logLik(fit)), -563.3945)      # nlme's
})
