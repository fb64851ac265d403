# Where the search ends at the edge: variances of 0, a residual variance of 0.

test_that("an estimate of 0 takes few evaluations, and is that of the model without the variance", {
  set.seed(1)
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  Y <- matrix(rnorm(20 * 200), 20)
  again <- refit(fit, Y)
  expect_gt(sum(again$singular), 60)
  expect_lte(mean(again$evaluations[again$singular]), 6)
  expect_lte(max(again$evaluations), 12)
  none <- apply(Y[, again$singular], 2L, function(y) -2 * c(logLik(lm(y ~ treat, penicillin), REML = TRUE)))
  # lm() has no log|X'X|, whose value does not depend on y.
  expect_equal(diff(again$criterion[again$singular]), diff(none), tolerance = 1e-8)

  d <- data.frame(x = rep(0:9, 18), g = gl(18, 10))
  Y <- matrix(rnorm(180 * 200), 180) + matrix(rnorm(18 * 200), 18)[d$g, ]
  again <- refit(suppressMessages(lmm(y ~ x + (x | g), cbind(d, y = Y[, 1]))), Y)
  expect_gt(sum(again$singular), 60)
  expect_lte(median(again$evaluations), 14)
  expect_true(all(again$converged))
})

test_that("as many coefficients as nearly all rows allow: the limit at a residual variance of 0", {
  d <- mk()
  set.seed(1)
  for (i in 1:90) d[[paste0("z", i)]] <- rnorm(96)
  expect_message(fit <- lmm(reformulate(c(paste0("z", 1:90), "(1 | g)"), "y"), d), "residual variance is estimated as 0")
  # K'y with K'X = 0 has the covariance matrix s2 (I + r K'ZZ'K); r to infinity, eigenvalues e:
  # sum log e + nu (1 + log(2 pi s2)) + log|X'X|, s2 = mean(z^2 / e).
  X <- as.matrix(cbind(1, d[paste0("z", 1:90)]))
  K <- qr.Q(qr(X), complete = TRUE)[, 92:96]
  s <- svd(crossprod(K, model.matrix(~ 0 + g, d)), nu = 5)
  e <- s$d[1:5]^2
  z <- crossprod(s$u, crossprod(K, d$y))
  limit <- sum(log(e)) + 5 * (1 + log(2 * pi * mean(z^2 / e))) + 2 * sum(log(abs(diag(qr.R(qr(X))))))
  expect_equal(-2 * c(logLik(fit)), limit, tolerance = 1e-8)
  expect_equal(VarCorr(fit)$g[1], mean(z^2 / e), tolerance = 1e-5)
  expect_true(all(is.finite(coef(summary(fit)))))
  expect_true(all(is.finite(as.matrix(as.data.frame(anova(fit))))))
})

test_that("a likelihood without bound is told as such", {
  d <- mk()
  d <- d[d$t <= 2, ]
  set.seed(5)
  d$z <- rnorm(24)
  d$z2 <- rnorm(24)
  expect_warning(lmm(y ~ x + (x + z + z2 | g), d, REML = FALSE), "falls without bound", class = "lmm_warning_convergence")
})

test_that("crossed factors that fit y exactly with a correlation of 1 have no residual variance", {
  d <- mk()
  set.seed(2)
  a <- rnorm(12)
  b <- rnorm(8)
  d$y <- a[d$g] + b[d$h] + d$x * a[d$g]
  expect_warning(fit <- lmm(y ~ x + (x | g) + (1 | h), d), "residual variance is zero", class = "lmm_warning_precision")
  expect_equal(sqrt(diag(VarCorr(fit)$g)), c("(Intercept)" = sd(a), x = sd(a)), tolerance = 1e-2)
})

test_that("correlations that no level shows are named as the reason", {
  set.seed(8)
  d <- data.frame(g = gl(20, 6), f = factor(rep(c("a", "b"), each = 60)))
  d$y <- c(1, 2)[d$f] * rnorm(20)[d$g] + rnorm(120)
  e <- tryCatch(lmm(y ~ f + (0 + f | g), d), error = identity)
  expect_s3_class(e, "lmm_error_unidentified")
  expect_match(conditionMessage(e), "write (0 + f || g).", fixed = TRUE)
  expect_s3_class(suppressMessages(lmm(y ~ f + (0 + f || g), d)), "lmm_fit")
})
