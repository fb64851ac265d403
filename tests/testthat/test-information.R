test_that("both ways to the information agree, and its coordinates are orthonormal", {
  d <- behavior_data()
  d$w <- rep(1:3, 32)
  for (formula in c(y ~ x + f + (1 | g), y ~ 0 + x + f + (x || g), y ~ 0 + f + x + (x | g), y ~ 0 + x + (1 | g),
                    y ~ f * x + (1 | g) + (1 | h))) {
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
    expect_lt(relative_difference(t(info$inverse) %*% info$p[[k]] %*% info$inverse / info$sigma2^2,
              truth$P[[last]]), 1e-7)
    expect_lt(abs(info$t[k, k] / info$sigma2^2 / truth$T[last, last] - 1), 1e-8)
    expect_lt(abs(info$t_ml[k, k] / info$sigma2^2 / truth$T_ml[last, last] - 1), 1e-8)
    expect_lt(abs(info$ai[k, k] / info$sigma2^2 / truth$AI[last, last] - 1), 1e-7)
  }
})

# A fit to crossed factors, and what counts as too many effects for the time of a test.
crossed_fit <- function() {
  d <- behavior_data()
  d$y <- d$y + 0.8 * cos(as.integer(d$h))
  lmm(y ~ x + f + (1 | g) + (1 | h), d)
}

set_information_columns <- function(columns) set_locked("information_columns", columns, environment(derivatives_at))

test_that("what would be too expensive is refused where it is asked for, with what to use instead", {
  fit <- crossed_fit()
  on.exit(set_information_columns(2e4))
  set_information_columns(5)
  refuse <- function(expr) {
    expect_error(expr, "information about the variance parameters is too expensive.*asymptotic",
                 class = "lmm_error_numeric")
  }
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    refuse(summary(fit, ddf = ddf))
    refuse(anova(fit, ddf = ddf))
    refuse(contest(fit, c(0, 1, 0, 0, 0), ddf = ddf))
    refuse(tidy(fit, ddf = ddf))
    refuse(drop1(fit, ddf = ddf))
  }
  refuse(variance_components(fit, information = "observed"))
  refuse(confint(fit, method = "Wald", information = "expected"))
})

test_that("large crossed fits have asymptotic tests by default, with one message", {
  fit <- crossed_fit()
  small <- update(fit, . ~ . - f)
  L <- c(0, 1, 0, 0, 0)
  tests <- list(
    summary = function(...) coef(summary(fit, ...)), anova = function(...) anova(fit, ...),
    tidy = function(...) tidy(fit, ...),
    contest = function(...) contest(fit, L, ...), rows = function(...) contest(fit, L, joint = FALSE, ...),
    drop1 = function(...) drop1(fit, ...), predictable = function(...) predictable(fit, L, ...),
    F = function(...) anova(small, fit, test = "F", ...),
    means = function(...) plot_effects(fit, "x", points = 3, ...),
    future = function(...) predict_mean(fit, model.frame(fit)[1:2, ], ...))
  components <- list(variances = function(...) variance_components(fit, ...),
                     covariance = function(...) vcov_components(fit, ...),
                     Wald = function(...) confint(fit, "theta_", method = "Wald", ...),
                     chisq = function(...) confint(fit, "theta_", method = "chisq", ...))
  pdf(NULL)
  on.exit(dev.off())
  expected <- c(lapply(tests, function(f) f(ddf = "asymptotic")),
                lapply(components, function(f) f(information = "average")))
  on.exit(set_information_columns(2e4), add = TRUE)
  set_information_columns(5)
  for (name in names(expected)) {
    told <- 0
    value <- withCallingHandlers(c(tests, components)[[name]](), lmm_message_size = function(m) {
      told <<- told + 1
      tryInvokeRestart("muffleMessage")
    })
    expect_equal(value, expected[[name]], tolerance = 1e-8, label = name)
    expect_identical(told, 1, label = name)
  }
  expect_message(found <- tolerance_interval(fit, model.frame(fit)[1:2, ]), "average", class = "lmm_message_size")
  C <- vcov_components(fit, information = "average")
  expect_equal(found$df, rep(2 * found$sd[1]^4 / sum(C), 2), tolerance = 1e-6)     # the total is the sum of all three
  expect_no_message(summary(fit, ddf = "asymptotic"))
  expect_no_message(anova(fit, ddf = NULL))
})

test_that("average information is the same by either way", {
  formulas <- list(y ~ x + (x | g) + (1 | h), y ~ x + (x || g) + (1 | h) + (1 | f))
  for (formula in formulas) for (reml in c(TRUE, FALSE)) {
    d <- behavior_data()
    d$y <- d$y + 0.8 * cos(as.integer(d$h)) + 0.5 * (as.integer(d$f) %% 3)
    fit <- suppressMessages(lmm(formula, d, REML = reml))
    dense <- derivatives_at(fit)
    set_information_columns(5)
    sparse <- tryCatch(derivatives_at(fit, average = TRUE), finally = set_information_columns(2e4))
    for (part in c("ai", "phi", "psi", "jacobian",
                   "curvature")) expect_equal(sparse[[part]], dense[[part]], tolerance = 1e-7, label = part)
  }
})

test_that("an inverse leaves out what has no information, whatever the units", {
  A <- diag(c(4, 0, 1e-20))
  expect_equal(information_inverse(A), diag(c(0.25, 0, 1e20)))
  B <- matrix(c(1, 1, 1, 1), 2) * outer(c(1, 1e-6), c(1, 1e-6))
  expect_equal(B %*% information_inverse(B) %*% B, B)
})
