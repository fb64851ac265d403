large <- lmm(yield ~ treat + (1 | blend), penicillin)
small <- suppressMessages(lmm(yield ~ treat + (1 | blend), penicillin, fixed = c(blend = 0)))
prior <- list(blend = prior_half_normal(4), residual = prior_jeffreys())

test_that("marginal likelihoods agree with an independent integral", {
  y <- penicillin$yield
  X <- model.matrix(large)
  same <- outer(as.integer(penicillin$blend), as.integer(penicillin$blend), `==`)
  density <- function(sd, sigma) {                             # of y, the coefficients integrated out
    V <- diag(sigma^2, 20) + sd^2 * same
    A <- crossprod(X, solve(V, X))
    r <- y - X %*% solve(A, crossprod(X, solve(V, y)))
    exp(as.numeric(-8 * log(2 * pi) - determinant(V)$modulus / 2 - determinant(A)$modulus / 2 -
                   crossprod(r, solve(V, r)) / 2))
  }
  scale <- density(0, 5)
  integral <- function(f) integrate(Vectorize(function(u) f(exp(u)) / scale), log(1.5), log(20),
                                    rel.tol = 1e-7)$value * scale   # 1 / sigma
  one <- log(integral(function(sigma) density(0, sigma)))
  two <- log(integral(function(sigma) integrate(Vectorize(function(sd) density(sd, sigma) / scale * 2 *
                                                          dnorm(sd, 0, 4)), 0, 40, rel.tol = 1e-6)$value * scale))
  a <- posterior(large, 100, prior, seed = 1)
  b <- posterior(small, 100, prior["residual"], seed = 1)
  expect_equal(marginal_likelihood(b)$log, one, tolerance = 1e-6)
  expect_equal(marginal_likelihood(a)$log, two, tolerance = 1e-5)
  own <- bayes_factor(a, b)
  expect_equal(own$log_bf, two - one, tolerance = 1e-4)
  expect_equal(own$probability, 1 / (1 + exp(one - two)), tolerance = 1e-4)
})

test_that("weights give the marginal likelihood of several variances within their error", {
  wide <- suppressMessages(lmm(yield ~ 1 + (1 | treat) + (1 | blend), penicillin))
  narrow <- suppressMessages(lmm(yield ~ 1 + (1 | treat) + (1 | blend), penicillin, fixed = c(treat = 1e-6)))
  prior <- list(prior_half_normal(3), residual = prior_jeffreys())
  one <- marginal_likelihood(posterior(wide, 4000, prior, seed = 2))
  plan <- posterior_plan(wide, match_priors(prior, wide))
  f <- function(a) vapply(a, function(a) {
    b <- seq(-12, 4, length.out = 161)
    grid <- as.matrix(expand.grid(b, seq(-1, 4, length.out = 81)))
    sum(exp(log_target(plan, cbind(a, grid))$log - one$log)) * 0.1 * (5 / 80)
  }, 0)
  a <- seq(-12, 4, length.out = 81)
  expect_lt(abs(log(sum(f(a)) * 0.2)), 5 * one$se + 1e-3)
  expect_lt(one$se, 0.05)
})

test_that("an arbitrary constant makes no Bayes factor", {
  a <- posterior(large, 100, seed = 1)
  expect_error(bayes_factor(a, posterior(small, 100, seed = 1)), class = "lmm_error_input")
  expect_error(bayes_factor(a, 3), class = "lmm_error_input")
  other <- lmm(yield ~ 1 + (1 | blend), penicillin)
  expect_error(bayes_factor(a, posterior(other, 100, seed = 1)), class = "lmm_error_input")
  expect_false(marginal_likelihood(a)$proper)
})
