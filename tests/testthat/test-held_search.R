# lmm(fixed = ): where the search goes when standard deviations end at 0, and what it is told about itself.

# -2 log L of (x + ... | g) by the dense formulas: standard deviations and correlations, column by column, then sigma.
search_data <- function(seed, columns = 2L) {
  set.seed(seed)
  d <- data.frame(g = factor(sample(rep(1:10, length.out = 60))), x = rnorm(60), z = rnorm(60))
  d$y <- 3 + 0.5 * d$x + rnorm(10)[d$g] + rnorm(60)
  d
}

search_criterion <- function(d, columns, held) {
  Z <- cbind(1, d$x, d$z)[, seq_len(columns)]
  model <- oracle_model(d$y, cbind(1, d$x), list(Z), list(as.integer(d$g)))
  function(sd, sigma, free = NULL) {
    R <- diag(columns)
    R[rbind(held[, 1:2], held[, 2:1])] <- held[, 3]
    if (!is.null(free)) R[cbind(c(free[1], free[2]), c(free[2], free[1]))] <- free[3]
    if (min(eigen(R, TRUE, TRUE)$values) < 0) return(1e10)
    oracle_criterion(model, list(outer(sd, sd) * R), sigma^2)
  }
}

test_that("refits whose standard deviations end at 0 converge, one message each, and no dense search finds better", {
  d <- search_data(1)
  fit <- suppressMessages(lmm(y ~ x + (x | g), d, fixed = c("cor_x.(Intercept)|g" = 0.4)))
  none <- 0
  for (y in simulate(fit, 25, seed = 2)) {
    told <- list()
    again <- withCallingHandlers(refit(fit, y), condition = function(c) {
      told[[length(told) + 1L]] <<- class(c)[1L]
      if (inherits(c, "message")) invokeRestart("muffleMessage")
    })
    d$y <- y
    f <- search_criterion(d, 2L, cbind(2, 1, 0.4))
    S <- VarCorr(again)$g
    zero <- diag(S) == 0
    expect_identical(unlist(told), if (any(zero)) "lmm_message_boundary")
    if (!any(zero)) expect_equal(S[1, 2] / sqrt(S[1, 1] * S[2, 2]), 0.4, tolerance = 1e-10)
    none <- none + any(zero)
    expect_lt(again$optimum$evaluations, 200)
    value <- -2 * logLik(again)[1]
    expect_equal(value, f(sqrt(diag(S)), sigma(again)), tolerance = 1e-10)
    starts <- list(c(1, 1, 1), c(1, 0, 1), c(0, 1, 1), c(0.2, 0.2, 1))
    dense <- min(vapply(starts, function(p) nlminb(p, function(p) f(p[1:2], p[3]), lower = c(0, 0, 1e-3))$objective, 0))
    expect_lt(value, dense + 1e-6)
  }
  expect_gt(none, 2)
  expect_no_warning(draws <- bootstrap(fit, function(state) state$sigma, nsim = 20, seed = 1))
  expect_false(anyNA(draws$t))
})

test_that("three columns with held correlations: no dense search finds better", {
  held <- rbind(c(2, 1, 0.2), c(3, 2, -0.4))
  for (seed in 1:8) {
    d <- search_data(seed, 3L)
    fit <- suppressMessages(lmm(y ~ x + (x + z | g), d, fixed = c("cor_x.(Intercept)|g" = 0.2, "cor_z.x|g" = -0.4)))
    f <- search_criterion(d, 3L, held)
    p <- function(q) f(q[1:3], q[5], c(3, 1, q[4]))
    starts <- list(c(1, 1, 1, 0, 1), c(1, 0, 0.5, 0, 1), c(1, 0.5, 0, 0, 1), c(0.3, 0.3, 0.3, 0, 1))
    dense <- min(vapply(starts, function(q) nlminb(q, p, lower = c(0, 0, 0, -1, 1e-3),
                                                   upper = c(Inf, Inf, Inf, 1, Inf))$objective, 0))
    expect_lt(-2 * logLik(fit)[1], dense + 1e-6)
    S <- VarCorr(fit)$g
    R <- suppressWarnings(stats::cov2cor(S))[cbind(held[, 1], held[, 2])]
    expect_equal(R[is.finite(R)], held[is.finite(R), 3], tolerance = 1e-10)
    expect_identical(fit$optimum$status, "converged")
  }
})

test_that("lmm_control() is obeyed: evaluations, decrement, restarts, progress", {
  d <- search_data(3)
  held <- function(...) lmm(y ~ x + (1 | g), d, fixed = c(g = 0.7), control = lmm_control(...))
  full <- held()
  expect_lt(held(decrement = 1e-2)$optimum$evaluations, full$optimum$evaluations)
  expect_identical(held(restarts = 0)$optimum$starts, 1L)
  expect_match(paste(capture.output(held(progress = TRUE)), collapse = "\n"), "evaluation +1 .*evaluation +2 ")
  expect_warning(cut <- held(max_evaluations = 2, restarts = 0), "too_many_evaluations",
                 class = "lmm_warning_convergence")
  expect_lte(cut$optimum$evaluations, 2)
  expect_equal(c(VarCorr(cut)$g), 0.49, tolerance = 1e-10)         # never an estimate
})

test_that("small held standard deviations are met and not told as estimates of 0", {
  d <- search_data(4)
  for (sd in c(1e-4, 1e-8, 1e-12)) {
    expect_no_message(fit <- lmm(y ~ x + (x | g), d, fixed = c("sd_x|g" = sd, "cor_x.(Intercept)|g" = 0.3)))
    S <- VarCorr(fit)$g
    expect_equal(sqrt(S[2, 2]), sd, tolerance = 1e-9)
    expect_equal(-2 * logLik(fit)[1], search_criterion(d, 2L, cbind(2, 1, 0.3))(sqrt(diag(S)), sigma(fit)),
                 tolerance = 1e-10)
    expect_no_message(fit <- lmm(y ~ x + (1 | g), d, fixed = c(g = sd)))
    expect_equal(sqrt(c(VarCorr(fit)$g)), sd, tolerance = 1e-9)
  }
})

test_that("without residual variation the held standard deviation keeps its value", {
  d <- search_data(5)
  d$y <- c(2, 5, 1, 4, 8, 3, 2, 6, 7, 4)[d$g]
  expect_warning(fit <- lmm(y ~ 1 + (1 | g), d, fixed = c(g = 3)), "residual variance is zero",
                 class = "lmm_warning_precision")
  expect_equal(c(VarCorr(fit)$g), 9, tolerance = 1e-9)
  expect_equal(sigma(fit), 0)
  d$y <- 2 + d$x
  expect_error(lmm(y ~ x + (1 | g), d, fixed = c(g = 3)), "no estimates were found", class = "lmm_error_numeric")
})
