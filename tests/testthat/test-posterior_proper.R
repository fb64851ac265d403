set.seed(9)
levels_of <- function(n, m = 4) {
  d <- data.frame(g = gl(n, m))
  d$y <- rnorm(n * m) + rnorm(n)[d$g]
  d
}
refused <- function(fit, ...) expect_error(posterior(fit, ...), class = "lmm_error_improper")

test_that("two levels are too few for a flat prior, three are enough", {
  two <- suppressMessages(lmm(y ~ 1 + (1 | g), levels_of(2)))
  error <- refused(two)
  expect_match(conditionMessage(error), "3 levels")
  expect_match(conditionMessage(error), "prior_half_t")
  expect_s3_class(posterior(two, 100, list(g = prior_half_t(3, 1), residual = prior_flat()), seed = 1), "lmm_posterior")
  expect_s3_class(posterior(suppressMessages(lmm(y ~ 1 + (1 | g), levels_of(3))), 100, seed = 1), "lmm_posterior")
})

test_that("density 1 / sd of a random term is refused by default, and what 'MCMCglmm' takes", {
  fit <- suppressMessages(lmm(y ~ 1 + (1 | g), levels_of(8)))
  refused(fit, prior = prior_jeffreys())
  refused(fit, prior = prior_mcmcglmm())
  refused(fit, prior = prior_inverse_wishart(1, 0))
  refused(fit, prior = prior_density(function(p) -sum(log(p$sd)), zero = -1, infinity = 1))
  expect_s3_class(posterior(fit, 100, list(prior_flat(), residual = prior_jeffreys()), seed = 1), "lmm_posterior")
})

test_that("fixed effects between levels use up their rank", {
  d <- levels_of(4)
  d$x <- c(1, 2, 4, 7)[d$g]
  d$z <- c(1, 0, 0, 3)[d$g]
  refused(suppressMessages(lmm(y ~ x + z + (1 | g), d)))
  expect_s3_class(posterior(suppressMessages(lmm(y ~ x + (1 | g), d)), 100, seed = 1), "lmm_posterior")
})

test_that("ranks are those of the matrices", {
  d <- levels_of(5)
  d$h <- factor(rep(1:4, 5))
  d$x <- rnorm(20)
  for (formula in list(y ~ 1 + (1 | g) + (1 | h), y ~ x + (x | g), y ~ h + (1 | g) + (0 + x | h))) {
    fit <- suppressMessages(lmm(formula, d))
    plan <- posterior_plan(fit, match_priors(prior_flat(), fit))
    rules <- propriety(plan)
    X <- model.matrix(fit)
    Z <- lapply(seq_along(plan$terms), function(t) term_design(fit, t))
    free <- plan$coordinates[plan$free_sd, ]
    ranks <- vapply(rules$sets, function(set) {
      parts <- lapply(set, function(j) Z[[free$term[j]]][, seq(free$row[j], ncol(Z[[free$term[j]]]),
                                                         by = plan$terms[[free$term[j]]]$q)])
      qr(cbind(X, do.call(cbind, parts)))$rank - qr(X)$rank
    }, 0)
    expect_equal(rules$ranks, ranks)
  }
})

test_that("inverse Wishart matrices need degrees of freedom", {
  d <- levels_of(8, 6)
  d$x <- rnorm(48)
  fit <- suppressMessages(lmm(y ~ x + (x | g), d))
  refused(fit, prior = prior_inverse_wishart(diag(2), 0))
  refused(fit, prior = prior_inverse_wishart(diag(2), -1))
})

test_that("moments that do not exist are said not to", {
  fit <- suppressMessages(lmm(bright ~ 1 + (1 | operator), pulp))
  table <- summary(posterior(fit, 200, seed = 1))
  expect_identical(table["sd__(Intercept).operator", "sd"], Inf)
  expect_identical(table["(Intercept)", "sd"], Inf)
  expect_true(is.finite(table["sd__(Intercept).operator", "mean"]))
  expect_true(is.finite(table["sigma", "sd"]))
  expect_output(print(table), "does not exist")
})

test_that("models that have no posterior here are refused by name", {
  expect_error(posterior(lmm(yield ~ treat + (1 | blend), penicillin, bounded = FALSE)),
               class = "lmm_error_unsupported")
  expect_error(posterior(3), class = "lmm_error_input")
})
