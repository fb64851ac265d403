# What the engine says at a point, by dense matrices: V relative to sigma^2, beta integrated out.
dense_values <- function(fit, plan, state, i, sigma = NULL, prior = NULL) {
  X <- model.matrix(fit)[, plan$labels$fixed, drop = FALSE]
  y <- getME(fit, "y") - getME(fit, "offset")
  V <- diag(1 / weights(fit))
  for (t in seq_along(plan$terms)) {
    s <- state$terms[[t]]$s[i, ]
    R <- diag(length(s))
    if (plan$terms[[t]]$triangle) {
      R[lower.tri(R)] <- vapply(state_correlations(plan, state, t), `[`, 0, i)
      R[upper.tri(R)] <- t(R)[upper.tri(R)]
    }
    Z <- term_design(fit, t)
    V <- V + Z %*% kronecker(diag(ncol(Z) / length(s)), R * outer(s, s)) %*% t(Z)
  }
  W <- solve(V)
  Q <- if (is.null(prior)) 0 * diag(ncol(X)) else sigma^2 * diag(1 / prior$sd^2, ncol(X))
  m <- if (is.null(prior)) numeric(ncol(X)) else prior$mean
  A <- crossprod(X, W %*% X) + Q
  beta <- as.vector(solve(A, crossprod(X, W %*% y) + Q %*% m))
  r <- y - X %*% beta
  list(log_det = as.numeric(determinant(V)$modulus + determinant(A)$modulus),
       r2 = sum(r * (W %*% r)) + sum((beta - m) * (Q %*% (beta - m))),
       beta = beta, scale = sqrt(diag(solve(A))))
}

expect_dense <- function(fit, prior = prior_flat(), normal = NULL) {
  plan <- posterior_plan(fit, match_priors(prior, fit))
  set.seed(3)
  x <- matrix(rnorm(4 * plan$d, sd = 0.8), 4) + rep(fit_coordinates(plan), each = 4)
  state <- decode_points(plan, x)
  own <- engine_values(plan, engine_points(plan, state), state$sigma, coefficients = TRUE)
  for (i in 1:4) {
    truth <- dense_values(fit, plan, state, i, state$sigma[i], normal)
    expect_equal(own$log_det[i], truth$log_det, tolerance = 1e-9)
    expect_equal(own$r2[i], truth$r2, tolerance = 1e-9)
    expect_equal(own$beta[, i], truth$beta, tolerance = 1e-8)
    expect_equal(own$scale[, i], unname(truth$scale), tolerance = 1e-8)
  }
  list(plan = plan, state = state, own = own)
}

set.seed(2)
d <- data.frame(g = gl(7, 6), h = factor(rep(1:6, 7)), x = rnorm(42, 5), w = runif(42, 0.5, 2))
d$z <- rnorm(42)
d$y <- 3 + d$x + rnorm(7)[d$g] + rnorm(7)[d$g] * d$x + rnorm(6)[d$h] + rnorm(42)

test_that("points are those of dense formulas", {
  expect_dense(suppressMessages(lmm(y ~ x + (1 | g), d)))
  expect_dense(suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d, weights = w)))
  expect_dense(suppressMessages(lmm(y ~ x + (x || g), d)))
  expect_dense(suppressMessages(lmm(y ~ x + offset(z) + (x + z | g), d)))
  expect_dense(suppressMessages(lmm(y ~ x + (1 | g) + (0 + x | g), d, fixed = c(g = 0.7, sigma = 1.2))))
  normal <- list(mean = c(1, 2), sd = c(3, 0.5))
  expect_dense(suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), d)),
               list(prior_flat(), fixed = prior_normal(normal$mean, normal$sd)), normal)
})

test_that("draws of the effects have the moments of dense formulas", {
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d, weights = w))
  at <- expect_dense(fit)
  n <- 20000
  set.seed(5)
  points <- engine_points(at$plan, at$state)[, 1, drop = FALSE]
  sigma <- rep(1.3, n)
  effects <- effect_draws(at$plan, points, rep(1L, n), sigma, TRUE)
  X <- model.matrix(fit)
  Z <- as.matrix(model.matrix(fit, "random"))
  C <- cbind(X, Z)
  S <- function(t) {
    s <- at$state$terms[[t]]$s[1, ]
    R <- diag(length(s))
    if (length(s) > 1) R[1, 2] <- R[2, 1] <- state_correlations(at$plan, at$state, t)[[1]][1]
    R * outer(s, s)
  }
  prior <- as.matrix(Matrix::bdiag(matrix(0, 2, 2), kronecker(diag(7), solve(S(1))), kronecker(diag(6), solve(S(2)))))
  A <- crossprod(C, weights(fit) * C) + prior
  mean <- solve(A, crossprod(C, weights(fit) * getME(fit, "y")))
  covariance <- sigma[1]^2 * solve(A)
  order <- c(1:2, 2 + c(seq(1, 13, 2), seq(2, 14, 2)), 17:22)      # columns after levels
  expect_lt(max(abs(colMeans(effects) - mean[order]) / sqrt(diag(covariance)[order] / n)), 4.5)
  expect_lt(max(abs(cov(effects) - covariance[order, order]) / sqrt(outer(diag(covariance)[order],
                                                                          diag(covariance)[order]))), 5.5 / sqrt(n))
  expect_identical(colnames(effects), c("(Intercept)", "x", at$plan$labels$random))
})

# Determinant of the derivative of (standard deviations, free correlations) by (log s, z).
test_that("Jacobians are those of numerical differentiation", {
  for (q in 1:4) {
    term <- list(q = q, triangle = q > 1, held_sd = rep(NA_real_, q), held_cor = matrix(NA_real_, q, q))
    if (q == 4) term$held_cor[3, 1] <- 0.3
    at <- if (q > 1) vine_order(q) else matrix(0L, 0L, 2L)
    free <- at[is.na(term$held_cor[at]), , drop = FALSE]
    set.seed(q)
    x <- rnorm(q + nrow(free), sd = 0.5)
    plan <- list(terms = list(term), search_sigma = FALSE, free_sigma = TRUE,
                 free_sd = rep(c(TRUE, FALSE), c(q, nrow(free))),
                 coordinates = data.frame(kind = rep(c("sd", "cor"), c(q, nrow(free))), term = rep(1L, q + nrow(free)),
                                          row = c(seq_len(q), free[, 1]), col = c(seq_len(q), free[, 2])))
    values <- function(x) {
      state <- decode_points(plan, matrix(x, 1))
      if (q == 1) return(state$terms[[1]]$s[1, ])
      R <- diag(q)
      R[lower.tri(R)] <- vapply(state_correlations(plan, state, 1L), `[`, 0, 1)
      c(state$terms[[1]]$s[1, ], R[free])
    }
    J <- vapply(seq_along(x), function(j) {
      h <- replace(numeric(length(x)), j, 1e-5)
      (values(x + h) - values(x - h)) / 2e-5
    }, numeric(length(x)))
    own <- coordinate_jacobian(plan, decode_points(plan, matrix(x, 1)))
    expect_equal(own, as.numeric(determinant(as.matrix(J))$modulus), tolerance = 1e-7)
    if (q == 4) {
      state <- decode_points(plan, matrix(x, 1))
      R <- diag(4)
      R[lower.tri(R)] <- vapply(state_correlations(plan, state, 1L), `[`, 0, 1)
      expect_equal(R[3, 1], 0.3)
      R[upper.tri(R)] <- t(R)[upper.tri(R)]
      expect_equal(as.numeric(determinant(R)$modulus), state$terms[[1]]$log_det)
    }
  }
})

test_that("LKJ and Wishart densities have their constants", {
  expect_equal(exp(lkj_constant(1, 2)), 2)
  expect_equal(exp(lkj_constant(2, 2)), integrate(function(r) 1 - r^2, -1, 1)$value)
  # volume of the correlation matrices of order 3: pi^2 / 2
  set.seed(4)
  r <- matrix(runif(3e5, -1, 1), ncol = 3)
  det <- 1 + 2 * r[, 1] * r[, 2] * r[, 3] - rowSums(r^2)
  expect_equal(exp(lkj_constant(1, 3)), pi^2 / 2)
  expect_equal(exp(lkj_constant(2, 3)), 8 * mean(pmax(det, 0)), tolerance = 0.02)
  expect_equal(wishart_constant(matrix(2), 3), 1.5 * log(6) - 1.5 * log(2) - lgamma(1.5))
})
