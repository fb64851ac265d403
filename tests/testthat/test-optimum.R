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
  expect_message(fit <- lmm(reformulate(c(paste0("z", 1:90), "(1 | g)"), "y"), d),
                 "residual variance is estimated as 0")
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
  expect_warning(lmm(y ~ x + (x + z + z2 | g), d, REML = FALSE), "falls without bound",
                 class = "lmm_warning_convergence")
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

# The best of several starts over many decades, for a fit by default.
best_of_starts <- function(fit, data, starts) {
  values <- vapply(starts, function(start) {
    c(logLik(suppressMessages(update(fit, start = start, control = lmm_control(restarts = 0)))))
  }, 0)
  max(values)
}

test_that("the origin of a covariate in a diagonal term does not hide the optimum", {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  fit <- suppressMessages(lmm(y ~ year + (year || g), d))
  expect_equal(c(logLik(fit)), -99.6168, tolerance = 1e-6)      # dense evaluation at the optimum found from c(10000, 5)
  expect_equal(coef(summary(fit))["year", "Pr(>|t|)"], 0.0049, tolerance = 0.02)

  for (origin in c(0, 3, 1e3, 1e5)) for (seed in 1:3) {
    set.seed(seed)
    d$x <- (d$year - 2006) / 3 + origin
    d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$x - origin * (seed > 1)) + rnorm(120)
    d$y <- d$y - origin * (seed == 1)
    fit <- suppressMessages(lmm(y ~ x + (x || g), d))
    starts <- list(c(0.01, 0.01), c(1, 1), c(1 + origin, 1), c(10 * origin + 1, 10), c(1, 1 / (1 + origin)))
    expect_gte(c(logLik(fit)), best_of_starts(fit, d, starts) - 1e-6)
  }
})

test_that("without an intercept the mean of the response is the random effects'", {
  set.seed(2)
  d <- data.frame(x = rnorm(60), g = gl(12, 5), h = gl(5, 1, 60))
  d$y <- 1e4 + rnorm(12)[d$g] + rnorm(60)
  fit <- suppressMessages(lmm(y ~ 0 + x + (1 | g) + (1 | h), d))
  expect_gte(c(logLik(fit)), best_of_starts(fit, d, list(c(1e4, 0.1), c(0.1, 1e4), c(1e3, 1e3), c(1, 1))) - 1e-6)
})

test_that("searches that end at different optima are told once", {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  told <- list()
  withCallingHandlers(fit <- lmm(y ~ year + (year || g), d), lmm_message_optima = function(m) {
    told <<- c(told, list(m))
    invokeRestart("muffleMessage")
  })
  expect_length(told, 1L)
  expect_match(conditionMessage(told[[1L]]), "depend on the starting values")
  expect_equal(told[[1L]]$value, 324.4163 - 99.6168, tolerance = 1e-3)
})

test_that("crossed random effects that fit every row have a limit at a residual variance of 0", {
  set.seed(1)
  d <- data.frame(g = gl(8, 3), h = factor(sample(6, 24, TRUE)), x = rnorm(24))
  d$y <- rnorm(8)[d$g] + rnorm(8)[d$g] * d$x + rnorm(6)[d$h] + rnorm(6)[d$h] * d$x + 0.01 * rnorm(24)
  expect_message(fit <- lmm(y ~ x + (x || g) + (x || h), d), "residual variance is estimated as 0",
                 class = "lmm_message_boundary")
  expect_equal(c(logLik(fit)), -29.41985, tolerance = 1e-6)          # best of dense searches, sigma to 0
  expect_identical(sigma(fit), 0)
  # K'y is normal with the covariance matrix K'ZDZ'K: its density at the estimates, then changed a little
  X <- cbind(1, d$x)
  K <- qr.Q(qr(X), complete = TRUE)[, -(1:2)]
  Zg <- model.matrix(~ 0 + g, d)
  Zh <- model.matrix(~ 0 + h, d)
  minus <- function(v) {
    V <- crossprod(K, (v[1] * tcrossprod(Zg) + v[2] * tcrossprod(Zg * d$x) + v[3] * tcrossprod(Zh) + v[4] *
                       tcrossprod(Zh * d$x)) %*% K)
    z <- crossprod(K, d$y)
    22 * log(2 * pi) + c(determinant(V)$modulus) + sum(z * solve(V, z)) + c(determinant(crossprod(X))$modulus)
  }
  v <- c(diag(VarCorr(fit)$g), diag(VarCorr(fit)$h))
  expect_equal(-2 * c(logLik(fit)), minus(v), tolerance = 1e-6)
  for (k in 1:4) for (factor in c(0.9, 1.1)) expect_gt(minus(replace(v, k, v[k] * factor)), minus(v))
  expect_true(all(is.finite(coef(summary(fit)))))
  expect_true(all(is.finite(vcov(fit))))
  V <- v[1] * tcrossprod(Zg) + v[2] * tcrossprod(Zg * d$x) + v[3] * tcrossprod(Zh) + v[4] * tcrossprod(Zh * d$x)
  expect_equal(unname(vcov(fit)), solve(crossprod(X, solve(V, X))), tolerance = 1e-5)
  expect_true(all(is.finite(unlist(ranef(fit)))))
  expect_true(all(predict(fit, se.fit = TRUE)$se.fit < 1e-3))
})

test_that("a coefficient without error is not tested", {
  # The second row of each pair has a coefficient of its own. Of the first rows those with small weights vary least: the
  # residual variance is 0, the four first rows have equal variances, and the coefficients are differences without
  # error.
  first <- c(0.01, -0.02, 1, -1)
  d <- data.frame(g = gl(4, 2), w = c(0.01, 1, 0.1, 1, 10, 1, 100, 1), y = rep(first, each = 2L))
  for (k in 1:4) d[[letters[k]]] <- as.numeric(seq_len(8) == 2 * k)
  d$y <- d$y + d$a + 2 * d$b + 3 * d$c + 4 * d$d
  expect_message(fit <- lmm(y ~ a + b + c + d + (1 | g), d, weights = w), "residual variance is estimated as 0")
  expect_warning(table <- coef(summary(fit)), "no t test of .a., .b., .c., .d.: no random effect",
                 class = "lmm_warning_precision")
  expect_equal(unname(table[, "Estimate"]), c(mean(first), 1:4), tolerance = 1e-6)
  expect_true(all(is.na(table[-1L, "t value"])))
  expect_equal(table[1L, "Std. Error"], sd(first) / 2, tolerance = 1e-6)
  expect_equal(table[1L, "t value"], 2 * mean(first) / sd(first), tolerance = 1e-5)
  expect_true(all(is.na(suppressWarnings(anova(fit))[["F value"]])))
})

test_that("a constant of any size in the response changes the intercept alone", {
  set.seed(1)
  d <- data.frame(g = gl(12, 8), h = gl(4, 2, 96), x = rnorm(96))
  y <- d$x / 2 + rnorm(12)[d$g] + rnorm(96)
  for (formula in list(y ~ x + (1 | g), y ~ 0 + h + x + (x | g), y ~ x + (1 | g) + (1 | h))) {
    for (shift in c(1e8, -1e12)) {
      d$y <- y + shift
      far <- suppressMessages(lmm(formula, d))
      d$y <- d$y - shift                  # the same digits
      near <- suppressMessages(lmm(formula, d))
      expect_equal(fixef(far)[["x"]], fixef(near)[["x"]], tolerance = 1e-13)
      expect_equal(sigma(far), sigma(near), tolerance = 1e-12)
      expect_equal(as.data.frame(VarCorr(far))$vcov, as.data.frame(VarCorr(near))$vcov, tolerance = 1e-8)
      expect_equal(c(logLik(far)), c(logLik(near)), tolerance = 1e-12)
      expect_equal(unname(fixef(far)[1L] - fixef(near)[1L]), shift, tolerance = 1e-13)
    }
  }
  weights <- rexp(96)
  offset <- 1e9 * sin(1:96)
  d$y <- 1e6 + y
  expect_equal(fixef(lmm(I(y + offset) ~ x + (1 | g), d, offset = offset, weights = weights)),
               fixef(lmm(y ~ x + (1 | g), d, weights = weights)), tolerance = 1e-7)
  d$y <- 1e6 + 1e-9 * y
  fit <- lmm(y ~ x + (1 | g), d)
  scaled <- lmm(I((y - 1e6) * 1e9) ~ x + (1 | g), d)
  expect_equal(1e9 * sigma(fit), sigma(scaled), tolerance = 1e-10)
  expect_equal(1e9 * fixef(fit)[["x"]], fixef(scaled)[["x"]], tolerance = 1e-10)
})

test_that("an exact fit by the fixed effects stays one, wherever the response lies", {
  set.seed(1)
  d <- data.frame(g = gl(12, 8), x = rnorm(96))
  for (origin in c(0, 5, 1e6, 1e12)) {
    d$y <- origin + 2 * d$x
    expect_warning(lmm(y ~ x + (1 | g), d), "exact linear function of the fixed effects",
                   class = "lmm_warning_precision")
  }
})

# -2 log L at the estimates of a fit, from V itself.
dense_criterion_of <- function(fit, d, w) {
  X <- model.matrix(fit)
  V <- diag(1 / w) * sigma(fit)^2
  for (term in fit$frame$random) {
    S <- fit$estimates$covariance[[match(term$label, vapply(fit$frame$random, `[[`, "", "label"))]]
    z <- model.matrix(stats::as.formula(paste("~", sub("[|].*", "", term$label))), d)
    g <- as.integer(factor(d[[fit$frame$groups[[term$group]]$name]]))
    V <- V + (z %*% S %*% t(z)) * outer(g, g, "==")
  }
  L <- t(chol(V))
  A <- forwardsolve(L, cbind(X, d$y))
  qx <- qr(A[, seq_len(ncol(X)), drop = FALSE])
  r2 <- sum(qr.resid(qx, A[, ncol(A)])^2)
  n <- nrow(X)
  p <- ncol(X)
  2 * sum(log(diag(L))) + r2 + (n - p) * log(2 * pi) + 2 * sum(log(abs(diag(qr.R(qx)))))
}

# Crossed factors with nearly as many effects as rows, weights over six decades: list(fit, data), or NULL where the
# residual variance is 0 or the model is refused.
six_decades_fit <- function(seed) {
  set.seed(seed)
  n <- c(9, 14, 30)[seed %% 3 + 1]
  d <- data.frame(g = gl(n %/% 3, 3, n), k = factor(sample(n %/% 2, n, TRUE)), h = factor(sample(n %/% 3, n, TRUE)),
                  x = rnorm(n) + 50)
  d$y <- rnorm(nlevels(d$g))[d$g] + rnorm(nlevels(d$h))[d$h] * d$x + rnorm(n) * 0.1
  d$w <- 10^runif(n, -3, 3)
  fit <- suppressWarnings(suppressMessages(tryCatch(lmm(y ~ x + (1 | g) + (1 | k) + (1 + x || h), d, weights = w),
                                                    lmm_error = function(e) NULL)))
  if (!is.null(fit) && sigma(fit) > 0 && !fit$optimum$zero_sigma) list(fit = fit, data = d)
}

test_that("weights over six decades cost no digits where effects are as many as rows", {
  compared <- 0
  for (seed in c(6, 11, 28, 30, 33, 45, 61, 70, 77, 79, 85, 117, 135, 141, 162, 174)) {   # sums lose 1e-6 to 3e-4
    own <- six_decades_fit(seed)
    if (is.null(own)) next
    expect_equal(-2 * c(logLik(own$fit)), dense_criterion_of(own$fit, own$data, own$data$w), tolerance = 1e-8)
    compared <- compared + 1
  }
  expect_gte(compared, 15)
})

test_that("rows take the place of sums before eight digits are lost", {
  own <- six_decades_fit(93)   # by sums 7e-9
  expect_equal(-2 * c(logLik(own$fit)), dense_criterion_of(own$fit, own$data, own$data$w), tolerance = 2e-9)
})

test_that("arguments of lmm_control() that do not exist are answered with its own", {
  expect_error(lmm(yield ~ (1 | blend), penicillin, control = lmm_control(start = 1)), "max_evaluations",
               class = "lmm_error_input")
})

# Design 1721 of bench/optima.R: 446 random effects, 201 rows, a covariate that varies in its tenth digit, weights over
# six decades. In sums of products the likelihood lost its second decimal, and the optimum, 5.2 higher, was missed. The
# value is that of 60-digit arithmetic at these estimates (dense Cholesky factorization, mpmath 1.3).
test_that("a crossed model with few rows has the likelihood of 60-digit arithmetic", {
  script <- test_path("..", "..", "bench", "optima_designs.R")
  skip_if(!file.exists(script), "needs the source tree")
  designs <- new.env()
  sys.source(script, designs)
  design <- designs$random_design(1721)
  fit <- suppressMessages(lmm(designs$design_formula(design), design$data, weights = w, REML = FALSE))
  expect_equal(-2 * c(logLik(fit)), 5834.64191993644, tolerance = 1e-12)
})

test_that("rows that a few effects fit exactly have no likelihood, however few they are", {
  for (n in 7:9) {
    set.seed(2)
    d <- data.frame(g = gl(3, 3)[1:n], x = rnorm(n))
    d$y <- rnorm(3)[d$g] + d$x * rnorm(3)[d$g]
    expect_warning(fit <- lmm(y ~ x + (x || g), d), class = "lmm_warning_precision")
    expect_true(is.na(logLik(fit)))
  }
  d <- data.frame(g = c(1, 1, 2, 3, 4), y = c(0.1, 0.1, 2, 2.4, 5.3))
  expect_warning(fit <- lmm(y ~ 1 + (1 | g), d), class = "lmm_warning_precision")
  expect_true(is.na(logLik(fit)))
})

test_that("a structured term beside columns that nearly cancel does not hide their variances", {
  set.seed(1)
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  d$f <- factor(d$year)
  for (reml in c(TRUE, FALSE)) {
    nested <- suppressMessages(lmm(y ~ year + (year || g), d, REML = reml))
    fit <- suppressMessages(lmm(y ~ year + (year || g) + ar1(0 + f | g), d, REML = reml))
    expect_gte(as.numeric(logLik(fit)), as.numeric(logLik(nested)) - 1e-6)
  }
})
