# Residual parameters that are fixed at known values.

test_that("a fixed correlation is that of the fit, and its maximum the estimate", {
  d <- plain_orthodont()
  free <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  rho <- residual_parameters(free)$estimate
  at <- function(value) lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(rho = value))
  held <- at(rho)
  expect_equal(as.numeric(logLik(held)), as.numeric(logLik(free)), tolerance = 1e-10)
  expect_identical(attr(logLik(held), "df"), attr(logLik(free), "df") - 1L)
  expect_lt(logLik(at(rho - 0.1)), logLik(free))
  expect_output(print(held), "fixed at known values: rho = ")
  R <- subject_covariance(at(0.5), 1)
  expect_equal(unname(R[1, ] / R[1, 1]), 0.5^(0:3), tolerance = 1e-12)
  expect_error(lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(roh = 0.5)), "rho",
               class = "lmm_error_input")
})

test_that("sigma may be fixed beside a correlation", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(sigma = 2, rho = 0.3))
  V <- kronecker(diag(27), 4 * 0.3^abs(outer(1:4, 1:4, "-")))
  o <- order(d$Subject, d$visit)
  X <- cbind(1, d$age)[o, ]
  expect_equal(unname(as.matrix(vcov(fit))), unname(solve(t(X) %*% solve(V, X))), tolerance = 1e-9)
})

test_that("a covariance of compound symmetry is held in the units of the response", {
  d <- as.data.frame(nlme::Orthodont)
  X <- stats::model.matrix(~ age, d)
  same <- outer(d$Subject, d$Subject, "==") * 1
  criterion <- function(variance, covariance) {
    V <- variance * diag(nrow(d)) + covariance * same
    A <- crossprod(X, solve(V, X))
    r <- d$distance - X %*% solve(A, crossprod(X, solve(V, d$distance)))
    as.numeric(determinant(V)$modulus + determinant(A)$modulus + crossprod(r, solve(V, r))) +
      (nrow(d) - ncol(X)) * log(2 * pi)
  }
  for (held in c(-0.3, 0, 0.5, 2)) {
    fit <- lmm(distance ~ age, d, residual = ~ cs(age | Subject), fixed = c(cov = held))
    found <- stats::optimize(function(x) criterion(exp(x), held), log(c(max(0.5, -4.2 * held), 30)), tol = 1e-9)
    expect_equal(deviance(fit), found$objective, tolerance = 1e-9)
    expect_equal(residual_parameters(fit)$estimate, exp(found$minimum), tolerance = 1e-5)
  }
})
