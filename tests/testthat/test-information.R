test_that("both ways to the information agree, and its coordinates are orthonormal", {
  d <- behavior_data()
  d$w <- rep(1:3, 32)
  for (formula in c(y ~ x + f + (1 | g), y ~ 0 + x + f + (x || g), y ~ 0 + f + x + (x | g), y ~ 0 + x + (1 | g), y ~ f * x + (1 | g) + (1 | h))) {
    fit <- suppressMessages(lmm(formula, d, weights = w))
    full <- fit_information(fit)
    expect_equal(full$phi, fit_information(fit, full = FALSE)$phi, tolerance = 1e-9)
    expect_equal(full$inverse %*% full$basis, diag(ncol(full$phi)), tolerance = 1e-12)
    Q <- model.matrix(fit) %*% full$basis
    expect_equal(crossprod(Q, d$w * Q), diag(ncol(Q)) * sum(diag(crossprod(Q, d$w * Q))) / ncol(Q), tolerance = 1e-9)
    expect_equal(unname(full$sigma2 * full$basis %*% full$phi %*% t(full$basis)), unname(vcov(fit)), tolerance = 1e-9)
  }
})

test_that("matrices are those of the dense formulas", {
  for (seed in c(2, 3, 4, 6, 7, 9, 11, 21)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    info <- fit_information(fit)
    model <- oracle_of_design(case)
    truth <- oracle_information(model, design_covariance(case, fit), sigma(fit)^2)
    user <- function(M) info$basis %*% M %*% t(info$basis)
    expect_lt(relative_difference(user(info$phi) * info$sigma2, truth$Phi), 1e-8)
    # sigma^2 is the last parameter of both, whatever the order and coordinates of the others
    k <- nrow(info$t)
    last <- length(truth$P)
    expect_lt(relative_difference(t(info$inverse) %*% info$p[[k]] %*% info$inverse / info$sigma2^2, truth$P[[last]]), 1e-7)
    expect_lt(abs(info$t[k, k] / info$sigma2^2 / truth$T[last, last] - 1), 1e-8)
    expect_lt(abs(info$t_ml[k, k] / info$sigma2^2 / truth$T_ml[last, last] - 1), 1e-8)
    expect_lt(abs(info$ai[k, k] / info$sigma2^2 / truth$AI[last, last] - 1), 1e-7)
  }
})

test_that("what would be too expensive is refused with what to use instead", {
  fit <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), behavior_data()))
  space <- environment(derivatives_at)
  on.exit(set_locked("information_columns", 2e4, space))
  set_locked("information_columns", 5, space)
  expect_error(summary(fit), "information about the variance parameters is too expensive.*asymptotic", class = "lmm_error_numeric")
  expect_true(all(is.finite(coef(summary(fit, ddf = "asymptotic"))[, "t value"])))
})

test_that("an inverse leaves out what has no information, whatever the units", {
  A <- diag(c(4, 0, 1e-20))
  expect_equal(information_inverse(A), diag(c(0.25, 0, 1e20)))
  B <- matrix(c(1, 1, 1, 1), 2) * outer(c(1, 1e-6), c(1, 1e-6))
  expect_equal(B %*% information_inverse(B) %*% B, B)
})
