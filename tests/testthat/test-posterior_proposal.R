# A skewed target in two dimensions whose mode and moments are known: x1 = log of a gamma variable, x2 normal given x1.
target <- function(x) dgamma(exp(x[, 1]), 3, log = TRUE) + x[, 1] + dnorm(x[, 2], 0.5 * x[, 1], 1, log = TRUE)

test_that("proposals have the densities of their draws", {
  set.seed(1)
  mode <- posterior_mode(target, c(0, 0))
  expect_equal(mode$x, c(log(3), log(3) / 2), tolerance = 1e-3)
  split <- split_t(target, mode)
  pilot <- proposal_sample(target, split, 4000)
  refined <- mixture_proposal(mapped_t(pilot$x, exp(pilot$log_weight)), split)
  for (proposal in list(split, refined)) {
    x <- proposal$draw(2e5)
    inside <- function(x) abs(x[, 1] - 1) < 0.6 & abs(x[, 2] - 0.4) < 0.5
    grid <- as.matrix(expand.grid(seq(0.4, 1.6, length.out = 202)[-1] - 0.6 / 201,
                                  seq(-0.1, 0.9, length.out = 202)[-1] - 0.5 / 201))
    mass <- mean(exp(proposal$log(grid))) * 1.2
    expect_lt(abs(mean(inside(x)) - mass), 4.5 * sqrt(mass / 2e5) + 1e-5)
    w <- exp(target(x) - proposal$log(x))
    expect_lt(abs(mean(w) - 1), 4.5 * sd(w) / sqrt(length(w)))
    expect_lt(max(w), 50)
  }
})

test_that("both kinds of chains have the moments of the target", {
  set.seed(2)
  found <- fit_proposal(target, c(0, 0))
  expect_gt(found$share, 0.8)
  for (chains in list(independence_chains(target, found, 2000, 4), hamiltonian_chains(target, found, 500, 4))) {
    X <- matrix(chains$x[, 1], ncol = 4)
    expect_lt(abs(mean(X) - digamma(3)), 4.5 * sqrt(trigamma(3) / ess_mean(X)))
    expect_lt(abs(mean(chains$x[, 2]) - digamma(3) / 2), 4.5 * sqrt((1 + trigamma(3) / 4) / ess_mean(X)))
  }
})

test_that("a polynomial surrogate leaves nearly equal weights", {
  set.seed(3)
  mode <- posterior_mode(target, c(0, 0))
  tail <- laplace_t(mode)
  points <- tail$draw(150)
  surrogate <- fit_surrogate(mode, points,
                             list(log = target(points), beta = matrix(0, 0, 150), spread = matrix(0, 0, 150)), tail)
  x <- cbind(log(rgamma(2000, 3)), 0)
  x[, 2] <- 0.5 * x[, 1] + rnorm(2000)
  expect_gt(effective_share(target(x) - surrogate(x)$log), 0.9)
})
