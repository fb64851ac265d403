# Limits of fixed effects: the dense likelihood has risen there by what the level asks for.

# -2 log L of a dense model minimized over its covariance matrices and the residual variance (or with that known).
lowest_criterion <- function(model, sigma = NULL) {
  sizes <- vapply(model$terms, function(term) term$q * (term$q + 1) / 2, 0)
  at <- function(p) {
    Sigma <- Map(function(term, own) {
      L <- matrix(0, term$q, term$q)
      L[lower.tri(L, TRUE)] <- own
      tcrossprod(L)
    }, model$terms, split(p[seq_len(sum(sizes))], rep(seq_along(sizes), sizes)))
    oracle_criterion(model, Sigma, if (is.null(sigma)) exp(2 * p[sum(sizes) + 1]) else sigma^2, reml = FALSE)
  }
  scale <- sd(model$y)
  starts <- lapply(c(0.05, 0.4, 1), function(size) {
    c(unlist(lapply(model$terms, function(term) diag(size * scale, term$q)[lower.tri(diag(term$q), TRUE)])),
      if (is.null(sigma)) log(scale / 2))
  })
  min(vapply(starts, function(start) {
    for (i in 1:3) {
      found <- stats::nlminb(start, at,
                             control = list(rel.tol = 1e-15, x.tol = 1e-12, eval.max = 4000, iter.max = 4000))
      start <- found$par
    }
    found$objective
  }, 0))
}

# Rises of the dense criterion at both limits of the coefficient of column j.
rises_at <- function(limits, y, X, j, Z, codes, weights = NULL, sigma = NULL) {
  at <- function(y, X) lowest_criterion(oracle_model(y, X, Z, codes, weights = weights), sigma)
  vapply(limits, function(b) at(y - b * X[, j], X[, -j, drop = FALSE]), 0) - at(y, X)
}

test_that("limits satisfy the likelihood equation of the dense model, weighted, crossed, singular or with sigma known",
          {
  z2 <- qchisq(0.95, 1)
  d <- behavior_data()
  d$w <- rep(c(0.3, 1, 2.5), length.out = nrow(d))
  X <- model.matrix(~x, d)
  g <- as.integer(d$g)
  h <- as.integer(d$h)
  one <- X[, 1, drop = FALSE]

  crossed <- suppressMessages(confint(lmm(y ~ x + (1 | g) + (1 | h), d, weights = w), "beta_"))
  for (j in 1:2) {
    expect_equal(rises_at(crossed[j, ], d$y, X, j, list(one, one), list(g, h), d$w), c(z2, z2), tolerance = 1e-6,
                 ignore_attr = TRUE)
  }
  slopes <- confint(lmm(y ~ x + (x | g), d, weights = w), "beta_")
  expect_equal(rises_at(slopes[2, ], d$y, X, 2, list(X), list(g), d$w), c(z2, z2), tolerance = 1e-6, ignore_attr = TRUE)
  known <- confint(lmm(y ~ x + (1 | g), d, fixed = c(sigma = 1.3)), "beta_")
  expect_equal(rises_at(known[2, ], d$y, X, 2, list(one), list(g), sigma = 1.3), c(z2, z2), tolerance = 1e-6,
               ignore_attr = TRUE)

  set.seed(3)
  d$y <- rnorm(96)
  expect_silent(singular <- confint(suppressMessages(lmm(y ~ x + (x | g), d)), "beta_", quiet = TRUE))
  for (j in 1:2) {
    expect_equal(rises_at(singular[j, ], d$y, X, j, list(X), list(g)), c(z2, z2), tolerance = 1e-6, ignore_attr = TRUE)
  }
})

test_that("the direct search and the way along the profile end at the same limits", {
  d <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + I(2 * x) + t + (x | g) + (1 | h), d, REML = FALSE))
  z <- qnorm(0.975)
  limits <- coefficient_limits(fit, 1:4, z)
  expect_identical(is.na(limits), matrix(c(FALSE, FALSE, TRUE, FALSE), 4, 2))
  base <- profile_base(fit)
  walked <- t(vapply(c(1, 2, 4), function(k) {
    vapply(c(-1, 1), function(side) profile_limit(base, nrow(base$parameters) + k, side, z), 0)
  }, c(0, 0)))
  expect_equal(limits[-3, ], walked, tolerance = 1e-8)
  # with a standard deviation held there is no direct search
  held <- suppressMessages(lmm(y ~ x + (x | g), d, fixed = c("sd_x|g" = 0.3), REML = FALSE))
  expect_true(all(is.na(coefficient_search(held, 1L, z)$value)))
  free <- lmm(y ~ x + (x | g), d, REML = FALSE)
  at <- suppressMessages(lmm(y ~ x + (x | g), d, REML = FALSE,
                             fixed = c("sd_x|g" = as.data.frame(VarCorr(free))$sdcor[2])))
  expect_true(all(abs(confint(at, "x") - confint(free, "x")) < 0.1 * diff(confint(free, "x")[1, ])))
})

test_that("points of the profile are where zeta says", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d, REML = FALSE)
  p <- as.data.frame(profile(fit, "x", steps = 3L))
  expect_equal(as.data.frame(profile(fit, c("x", "x"), steps = 3L)), p)
  cutoff <- sqrt(qchisq(0.99, 4))
  expect_equal(p$.zeta, cutoff * (-3:3) / 3)
  one <- matrix(1, 96)
  for (i in c(1, 2, 6, 7)) {
    at <- oracle_model(d$y - p$x[i] * d$x, one, list(one), list(as.integer(d$g)))
    expect_equal(oracle_criterion(at, list(p$.sig01[i]^2), p$.sigma[i]^2, FALSE) - deviance(fit), p$.zeta[i]^2,
                 tolerance = 1e-7)
    expect_equal(lowest_criterion(at) - deviance(fit), p$.zeta[i]^2, tolerance = 1e-6)
  }
})

test_that("units of data have no say in the limits", {
  d <- behavior_data()
  limits <- confint(lmm(y ~ x + (x | g) + (1 | h), d), "beta_") |> suppressMessages()
  scaled <- confint(lmm(y2 ~ x2 + (x2 | g) + (1 | h), transform(d, y2 = 1e6 * y, x2 = 1e-5 * x)),
                    "beta_") |> suppressMessages()
  expect_equal(scaled / c(1e6, 1e11), limits, tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("a likelihood without upper bound has no limits and says so at once", {
  set.seed(29)
  d <- data.frame(g = gl(6, 2), x = rnorm(12), z = rnorm(12))
  d$y <- d$x + rnorm(12)
  fit <- suppressWarnings(suppressMessages(lmm(y ~ x + I(x^2) + (x + z | g), d)))
  expect_warning(lmm(y ~ x + I(x^2) + (x + z | g), d, REML = FALSE), "without bound", class = "lmm_warning_convergence")
  expect_warning(limits <- confint(fit), "likelihood has no upper bound", class = "lmm_warning_convergence")
  expect_true(all(is.na(limits)))
  expect_error(profile(fit), "no upper bound", class = "lmm_error_unidentified")
})
