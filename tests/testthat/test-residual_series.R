# Time series of any order and Matern correlations.

expect_as_gls <- function(fit, reference, parameters = NULL) {
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(reference)), tolerance = 1e-8)
  expect_equal(unname(fixef(fit)), unname(if (inherits(reference, "gls")) coef(reference) else nlme::fixef(reference)),
               tolerance = 1e-4)
  expect_equal(sigma(fit), reference$sigma, tolerance = 1e-4)
  if (!is.null(parameters)) expect_equal(residual_parameters(fit)$estimate, parameters, tolerance = 1e-3,
                                         ignore_attr = TRUE)
}

test_that("AR(p), MA(q) and ARMA(p, q) agree with nlme, random effects included", {
  skip_if_not_installed("nlme")
  o <- as.data.frame(nlme::Ovary)
  f <- follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)
  series <- function(p, q) nlme::corARMA(form = ~ 1 | Mare, p = p, q = q)
  of <- function(g) coef(g$modelStruct$corStruct, unconstrained = FALSE)
  ar <- nlme::gls(f, o, correlation = series(2, 0))
  expect_as_gls(lmm(f, o, residual = ~ ar(1 | Mare, p = 2)), ar, of(ar))
  ma <- nlme::gls(f, o, correlation = series(0, 2))
  expect_as_gls(lmm(f, o, residual = ~ ma(1 | Mare, q = 2)), ma, of(ma))
  mixed <- nlme::lme(f, o, random = ~ 1 | Mare, correlation = series(1, 1))
  expect_as_gls(lmm(update(f, . ~ . + (1 | Mare)), o, residual = ~ arma(1 | Mare, p = 1, q = 1)), mixed, of(mixed))
  # The same process in SAS's parameters
  expect_equal(logLik(lmm(f, o, residual = ~ arma(1 | Mare))),
               logLik(lmm(f, o, residual = ~ arma(1 | Mare, p = 1, q = 1))), tolerance = 1e-8)
})

test_that("autocorrelations of a process are those of the theory", {
  o <- as.data.frame(nlme::Ovary)
  fit <- lmm(follicles ~ 1, o, residual = ~ arma(1 | Mare, p = 1, q = 2))
  psi <- residual_parameters(fit)$estimate
  R <- subject_covariance(fit, 1) / sigma(fit)^2
  theory <- stats::ARMAacf(ar = psi[1], ma = psi[2:3], lag.max = 5)
  expect_equal(unname(R[1, 1:6]), unname(theory), tolerance = 1e-8)
})

matern_oracle <- function(h, range, shape) {
  out <- 2^(1 - shape) / gamma(shape) * (h / range)^shape * besselK(h / range, shape)
  out[h == 0] <- 1
  out
}

test_that("the Matern correlation and its derivatives are those of the Bessel function", {
  set.seed(4)
  d <- data.frame(a = runif(60), b = runif(60), g = rep(1:3, 20), x = rnorm(60))
  h <- as.matrix(dist(d[c("a", "b")])) * outer(d$g, d$g, "==")
  V <- (0.2 * diag(60) + 0.8 * matern_oracle(h, 0.3, 1.5)) * outer(d$g, d$g, "==")
  d$y <- d$x + as.vector(t(chol(V)) %*% rnorm(60))
  X <- cbind(1, d$x)
  criterion <- function(s2, range, share, shape) {
    V <- s2 * ((1 - share) * matern_oracle(h, range, shape) + share * diag(60)) * outer(d$g, d$g, "==")
    W <- solve(V)
    beta <- solve(t(X) %*% W %*% X, t(X) %*% W %*% d$y)
    e <- d$y - X %*% beta
    as.numeric(determinant(V)$modulus + determinant(t(X) %*% W %*% X)$modulus + t(e) %*% W %*% e + 58 * log(2 * pi))
  }
  for (shape in c(0.5, 1.5, 0.8)) {
    fit <- suppressMessages(lmm(y ~ x, d, residual = bquote(~ matern(a + b | g, shape = .(shape), nugget = TRUE))))
    psi <- residual_parameters(fit)$estimate
    expect_equal(deviance(fit), criterion(sigma(fit)^2, psi[1], psi[2], shape), tolerance = 1e-8)
    for (factor in c(0.98, 1.02)) expect_gt(criterion(sigma(fit)^2, psi[1] * factor, psi[2], shape),
                                            deviance(fit) - 1e-8)
  }
  # shape 1/2 is exponential
  expect_equal(logLik(lmm(y ~ x, d, residual = ~ matern(a + b | g, shape = 0.5, nugget = TRUE))),
               logLik(lmm(y ~ x, d, residual = ~ exp(a + b | g, nugget = TRUE))), tolerance = 1e-8)
})
