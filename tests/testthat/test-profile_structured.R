# Profiles of residual structures and structured random effects against -2 log L from dense matrices, minimized by
# optim() over everything but one parameter.

# -2 log L at V(p), beta profiled out, or held in one coefficient.
dense_criterion <- function(V, y, X, reml = FALSE) {
  root <- tryCatch(chol(V), error = function(e) NULL)
  if (is.null(root)) return(1e10)
  A <- backsolve(root, cbind(X, y), transpose = TRUE)
  own <- qr(A[, seq_len(ncol(X)), drop = FALSE])
  out <- 2 * sum(log(diag(root))) + sum(qr.resid(own, A[, ncol(A)])^2)
  if (reml) out + 2 * sum(log(abs(diag(qr.R(own))))) else out
}

# The minimum with parameter k of p held at `value`; the others move freely in units of `step`.
dense_profile <- function(f, p, k, value, step) {
  free <- seq_along(p)[-k]
  g <- function(x) f(replace(replace(p, free, p[free] + x * step[free]), k, value))
  if (!length(free)) return(f(replace(p, k, value)))
  x <- numeric(length(free))
  for (turn in 1:3) x <- optim(x, g, method = "BFGS", control = list(reltol = 1e-14, maxit = 500))$par
  g(x)
}

# Each limit of `limits` (a row for each p) is where -2 log L has risen by the quantile of chi-square.
expect_profile_limits <- function(limits, f, p, step, tolerance = 1e-4) {
  lowest <- dense_profile(function(q) f(q[-1]), c(0, p), 1, 0, c(1, step))
  for (k in seq_len(nrow(limits))) for (value in limits[k, ][is.finite(limits[k, ])]) {
    expect_equal(dense_profile(f, p, k, value, step) - lowest, qchisq(0.95, 1), tolerance = tolerance,
                 label = paste(rownames(limits)[k], value))
  }
}

test_that("exponential correlation beside a random intercept: variance parameters by ML and REML, coefficients by ML", {
  d <- irregular_data()
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w)
  same <- outer(d$id, d$id, "==")
  h <- abs(outer(d$t, d$t, "-"))
  w <- sqrt(outer(d$w, d$w))
  V <- function(p) same * (p[1]^2 + p[3]^2 * exp(-h / max(p[2], 1e-8)) / w)
  X <- cbind(1, d$x)
  for (reml in c(FALSE, TRUE)) {
    limits <- confint(fit, "theta_", method = "profile", criterion = if (reml) "REML" else "ML")
    expect_identical(rownames(limits), c("sd_(Intercept)|id", "range", "sigma"))
    p <- variance_components(if (reml) fit else update(fit, REML = FALSE), "sd")$estimate
    limits[1, limits[1, ] == 0] <- NA
    expect_profile_limits(limits, function(p) dense_criterion(V(p), d$y, X, reml), p, c(0.3, 1, 0.2))
  }
  ml <- update(fit, REML = FALSE)
  p <- c(fixef(ml)[["x"]], variance_components(ml, "sd")$estimate)
  limits <- confint(fit, "x", method = "profile")
  expect_profile_limits(limits, function(p) dense_criterion(V(p[-1]), d$y - p[1] * d$x, X[, 1, drop = FALSE]), p,
                        c(0.1, 0.3, 1, 0.2))
  expect_equal(confint(fit, "sigma^2", method = "profile"), confint(fit, "sigma", method = "profile"))
  expect_equal(confint(fit, "x", method = "profile", ddf = "Satterthwaite"), confint(fit, "x"))
})

test_that("unstructured and by group: entries and their standard deviations", {
  d <- plain_orthodont()[-c(2, 9, 30), ]
  d <- d[d$age < 13, ]
  fit <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  at <- residual_parameters(fit)
  S <- function(p) {
    M <- matrix(0, 3, 3)
    M[cbind(at$row, at$col)] <- M[cbind(at$col, at$row)] <- ifelse(at$row == at$col, p^2, p)
    M[d$visit, d$visit] * outer(d$Subject, d$Subject, "==")
  }
  p <- variance_components(fit, "sd")$estimate
  limits <- confint(fit, "theta_", method = "profile", criterion = "REML")
  order <- c(1, 2, 6, 3, 4, 5)
  limits[2, 2] <- NA                          # from there the oracle has no start
  expect_profile_limits(limits[order[1:3], ], function(q) {
    dense_criterion(S(replace(p, order, q)), d$distance, cbind(1, d$age), TRUE)
  }, p[order], rep(0.3, 6))
})

test_that("structured random effects, alone and beside a residual structure", {
  d <- repeated_data()
  t <- as.integer(d$when)
  same <- outer(d$id, d$id, "==")
  fit <- lmm(y ~ x + ar1(0 + when | id), d)
  V <- function(p) same * p[1]^2 * p[2]^abs(outer(t, t, "-")) + p[3]^2 * diag(120)
  p <- variance_components(update(fit, REML = FALSE), "sd")$estimate
  limits <- confint(fit, "theta_", method = "profile", oldNames = FALSE)
  expect_profile_limits(limits, function(p) dense_criterion(V(p), d$y, cbind(1, d$x)), p, c(0.3, 0.1, 0.1))
  beside <- lmm(y ~ x + ar1(0 + when | id), d, variance = ~ rep)
  both <- confint(beside, "theta_", method = "profile")
  expect_identical(rownames(both), rownames(variance_components(beside, "sd")))
  s <- function(g) exp(g * d$rep)
  p <- variance_components(update(beside, REML = FALSE), "sd")$estimate
  expect_profile_limits(both, function(p) {
    dense_criterion(same * p[1]^2 * p[2]^abs(outer(t, t, "-")) + diag(p[4]^2 * s(p[3])^2), d$y, cbind(1, d$x))
  }, p, c(0.3, 0.1, 0.1, 0.1))
})

test_that("limits are those of the same model without a structure", {
  d <- plain_orthodont()
  plain <- lmm(distance ~ age + (age | Subject), d)
  fit <- lmm(distance ~ age + (age | Subject), d, residual = ~ exp(age | Subject), fixed = c(range = 1e-3))
  expect_equal(confint(fit, method = "profile"), confint(plain, oldNames = FALSE, quiet = TRUE), tolerance = 1e-5)
  one <- lmm(distance ~ age + (1 | Subject), d)
  homdiag <- lmm(distance ~ age + homdiag(1 | Subject), d)
  expect_equal(confint(homdiag, method = "profile", oldNames = FALSE, quiet = TRUE),
               confint(one, oldNames = FALSE, quiet = TRUE), tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("profile() has all parameters at every point, and can be drawn", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  p <- profile(fit, steps = 4)
  expect_identical(levels(p$.par), c("rho", "sigma", "(Intercept)", "age"))
  for (name in levels(p$.par)) expect_true(all(diff(p[p$.par == name, name]) > 0), label = name)
  own <- p[p$.par == "rho", ]
  expect_true(all(diff(own$.zeta) > 0) && all(diff(own$rho) > 0))
  same <- outer(d$Subject, d$Subject, "==")
  V <- function(rho, sigma) sigma^2 * same * rho^abs(outer(d$visit, d$visit, "-"))
  lowest <- deviance(update(fit, REML = FALSE))
  for (i in c(1, 3, nrow(own))) {
    value <- dense_criterion(V(own$rho[i], own$sigma[i]), d$distance, cbind(1, d$age)) + nrow(d) * log(2 * pi)
    expect_equal(value - lowest, own$.zeta[i]^2, tolerance = 1e-6)
    W <- solve(V(own$rho[i], own$sigma[i]))
    X <- cbind(1, d$age)
    beta <- drop(solve(crossprod(X, W %*% X), crossprod(X, W %*% d$distance)))
    expect_equal(unlist(own[i, c("(Intercept)", "age")]), beta, tolerance = 1e-6, ignore_attr = TRUE)
  }
  expect_equal(confint(p)["rho", ], confint(fit, "rho", method = "profile")["rho", ])
  for (type in c("zeta", "density", "pairs")) on_paper(plot(p, type = type))
  expect_error(confint(fit, method = "profile", scale = "variance"), "Wald", class = "lmm_error_input")
})
