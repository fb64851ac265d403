# Exact tests of a variance.

test_that("the published restricted likelihood ratio and its p-value", {
  test <- rlrt(example_fit("irrigation_full"))
  expect_published(test$statistic, "irrigation_full", "exact_rlrt")
  expect_lt(abs(test$p.value - as.numeric(published("irrigation_full", "exact_rlrt_p")$value)), 0.003)
  expect_identical(test$mc.error, 0)                                 # balanced: no simulation
  # the same as an F test
  F <- ems(example_fit("irrigation_full"))$tests["field", ]
  expect_equal(test$p.value, F$`Pr(>F)`, tolerance = 1e-8)
})

test_that("the spectrum is that of Z'(I - P)Z", {
  data <- droplevels(transform(behavior_data()[-c(1:20, 50:53), ], w = runif(72, 0.5, 2)))
  fit <- lmm(y ~ x + (1 | g) + (0 + x | g), data, weights = w)
  X <- sqrt(data$w) * model.matrix(~x, data)
  for (k in 1:2) {
    Z <- sqrt(data$w) * model.matrix(~ 0 + g, data) * (if (k == 1) 1 else data$x)
    values <- eigen(crossprod(qr.resid(qr(X), Z)), symmetric = TRUE)$values
    values <- values[values > 1e-9 * values[1]]
    found <- term_spectrum(fit, k)
    expect_equal(rep(found$value, found$count), values / values[1], tolerance = 1e-8)
    expect_equal(rep(found$penalty$value, found$penalty$count),
                 sort(unname(colSums(Z^2)), decreasing = TRUE) / values[1], tolerance = 1e-8)
  }
})

test_that("the spectrum of many different levels, which is counted, is that of the dense matrix", {
  set.seed(4)
  data <- data.frame(g = factor(rep(1:320, times = sample(2:9, 320, TRUE))))
  data <- transform(data, x = rnorm(nrow(data)), w = runif(nrow(data), 0.5, 2), y = rnorm(nrow(data)))
  fit <- suppressMessages(lmm(y ~ x + (1 | g), data, weights = w))
  X <- sqrt(data$w) * model.matrix(~x, data)
  Z <- sqrt(data$w) * model.matrix(~ 0 + g, data)
  values <- eigen(crossprod(qr.resid(qr(X), Z)), symmetric = TRUE)$values
  values <- values[values > 1e-9 * values[1]]
  found <- term_spectrum(fit, 1L)
  expect_identical(length(values), 319L)
  expect_equal(rep(found$value, found$count), values / values[1], tolerance = 1e-9)
})

# Chi-squares with one degree of freedom in the order in which the draws use R's uniform numbers (polar method).
polar_chisq <- function(K) {
  out <- numeric()
  while (length(out) < K) {
    repeat {
      u <- 2 * runif(2) - 1
      s <- sum(u^2)
      if (s < 1 && s > 0) break
    }
    out <- c(out, -2 * log(s) / s * u^2)
  }
  out[seq_len(K)]
}

test_that("each draw is the highest point of the criterion for R's random numbers", {
  fit <- lmm(y ~ x + (0 + x | g), behavior_data()[-(1:20), ])
  spectrum <- term_spectrum(fit, 1L)
  expect_true(all(spectrum$count == 1L))
  K <- length(spectrum$value)
  nu <- spectrum$n - spectrum$p
  lambda <- c(0, exp(seq(-12, 12, length.out = 4001)))
  set.seed(3)
  truth <- replicate(150, {
    w <- polar_chisq(K)
    v <- rchisq(1, nu - K)
    D <- v + colSums(w / (1 + outer(spectrum$value, lambda)))
    max(nu * log((sum(w) + v) / D) - colSums(log1p(outer(spectrum$value, lambda))))
  })
  draws <- rlrt(fit, nsim = 150, seed = 3)$draws
  expect_lt(max(abs(draws - truth)), 1e-4)                  # the points of the grid are a little lower
  expect_true(all(draws >= truth - 1e-10))
  set.seed(3)
  expect_identical(rlrt(fit, nsim = 150)$draws, draws)
  expect_identical(rlrt(fit, nsim = 700, seed = 3)$draws[1:150], draws)
})

test_that("p-values agree with those of RLRsim", {
  skip_if_not_installed("RLRsim")
  data <- droplevels(behavior_data()[-c(1:25, 40:44), ])
  fit <- lmm(y ~ x + (1 | g), data)
  X <- model.matrix(~x, data)
  Z <- model.matrix(~ 0 + g, data)
  ours <- rlrt(fit, nsim = 20000, seed = 5)$draws
  theirs <- RLRsim::RLRTSim(X, Z, sqrt.Sigma = diag(ncol(Z)), nsim = 20000, seed = 6)
  ours_ml <- lrt(fit, fixed = "x", nsim = 20000, seed = 7)$draws
  theirs_ml <- RLRsim::LRTSim(X, Z, q = 1, sqrt.Sigma = diag(ncol(Z)), nsim = 20000, seed = 8)
  for (at in c(0.5, 1.5, 3, 5)) {
    p <- c(mean(theirs > at), mean(theirs_ml > at))
    expect_lt(abs(mean(ours > at) - p[1]), 4.5 * sqrt(2 * p[1] * (1 - p[1]) / 20000))
    expect_lt(abs(mean(ours_ml > at) - p[2]), 4.5 * sqrt(2 * p[2] * (1 - p[2]) / 20000))
  }
})

test_that("a simulation can be interrupted", {
  fit <- lmm(y ~ x + (1 | g), behavior_data()[-(1:20), ])
  rlrt(fit, nsim = 10)                 # compiled by now: R's compiler would swallow the limit
  stopped <- tryCatch({
    setTimeLimit(elapsed = 0.3, transient = TRUE)
    rlrt(fit, nsim = 5e7)
  }, error = conditionMessage, finally = setTimeLimit())
  expect_match(stopped, "time limit")
})

test_that("the null distribution is that of refits", {
  data <- droplevels(behavior_data()[-c(3:40, 60:75), ])
  n <- nrow(data)
  X <- model.matrix(~x, data)
  set.seed(9)
  Y <- matrix(rnorm(n * 4000), n)
  reml <- lmm(y ~ x + (1 | g), data)
  ml <- lmm(y ~ x + (1 | g), data, REML = FALSE)
  rss <- colSums(qr.resid(qr(X), Y)^2)
  restricted <- (n - 2) * (1 + log(2 * pi * rss / (n - 2))) +
    as.numeric(determinant(crossprod(X))$modulus) - refit(reml, Y)$criterion
  full <- n * (1 + log(2 * pi * rss / n)) - refit(ml, Y)$criterion
  both <- n * (1 + log(2 * pi * colSums(qr.resid(qr(X[, 1]), Y)^2) / n)) - refit(ml, Y)$criterion
  draws <- list(rlrt(reml, nsim = 4000, seed = 1)$draws, lrt(ml, nsim = 4000, seed = 1)$draws,
                lrt(ml, fixed = "x", nsim = 4000, seed = 1)$draws)
  truth <- list(restricted, full, both)
  for (k in 1:3) for (q in c(0.7, 0.9, 0.95)) {
    at <- quantile(truth[[k]], q)
    expect_lt(abs(mean(draws[[k]] <= at) - q), 4.5 * sqrt(q * (1 - q) / 2000), label = paste("test", k, "quantile", q))
  }
})

test_that("scale of Z and unit of y do not matter, nor the criterion of the fit; the seed does", {
  data <- behavior_data()[-(1:20), ]
  data$x2 <- 1e4 * data$x
  fit <- lmm(y ~ x + (1 | g) + (0 + x | g), data)
  scaled <- lmm(I(1e-6 * y) ~ x2 + (1 | g) + (0 + x2 | g), data)
  a <- rlrt(fit, 2, nsim = 500, seed = 1)
  b <- rlrt(scaled, 2, nsim = 500, seed = 1)
  expect_equal(b$statistic, a$statistic, tolerance = 1e-7)
  expect_equal(b$draws, a$draws, tolerance = 1e-7)
  ml <- rlrt(update(fit, REML = FALSE), "0 + x | g", nsim = 500, seed = 1)
  expect_equal(ml$statistic, a$statistic, tolerance = 1e-8)
  expect_identical(ml$draws, a$draws)
  expect_false(identical(rlrt(fit, 2, nsim = 500, seed = 2)$draws, a$draws))
  single <- lmm(y ~ x2 + (0 + x2 | g), data)
  expect_equal(lrt(single, nsim = 500, seed = 1)$draws, lrt(lmm(y ~ x + (0 + x | g), data), nsim = 500, seed = 1)$draws,
               tolerance = 1e-7)
})

test_that("a variance of zero has p-value 1; misuse is explained", {
  data <- behavior_data()
  data$y <- data$y - ave(data$y, data$g)
  expect_identical(rlrt(suppressMessages(lmm(y ~ x + (1 | g), data)))$p.value, 1)
  fit <- lmm(y ~ x + (x | g), behavior_data())
  expect_error(rlrt(fit), class = "lmm_error_input")
  two <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), behavior_data()))
  expect_error(rlrt(two), "several random terms", class = "lmm_error_input")
  expect_error(rlrt(two, "k"), class = "lmm_error_input")
  expect_error(lrt(two, "g"), class = "lmm_error_input")
  expect_error(lrt(lmm(y ~ x + (1 | g), behavior_data()), fixed = "z"), class = "lmm_error_input")
  expect_error(rlrt(two, "g", nsim = 0), "`nsim`", class = "lmm_error_input")
  expect_error(rlrt(two, "g", nsim = 1e15), "smaller `nsim`", class = "lmm_error_numeric")
  expect_output(print(rlrt(two, "g", nsim = 100, seed = 1)), "none of 100 draws")
})

test_that("a known residual variance gives the ratio another null distribution", {
  d <- data.frame(g = gl(6, 4), y = as.vector(scale(sin(1:24 * 2.4))) + rep(c(0.9, -0.6, 0.2, 0.8, -1, -0.3), each = 4))
  fit <- lmm(y ~ 1 + (1 | g), d, fixed = c(sigma = 1))
  found <- rlrt(fit)
  w <- 4 * 5 * var(tapply(d$y, d$g, mean))                       # between sum of squares: chi-square with 5 df
  expect_equal(found$statistic[[1]], w - 5 - 5 * log(w / 5), tolerance = 1e-6)
  expect_equal(found$p.value, pchisq(w, 5, lower.tail = FALSE), tolerance = 1e-8)
  expect_equal(one_known_p(w - 5 - 5 * log(w / 5), 5), pchisq(w, 5, lower.tail = FALSE), tolerance = 1e-8)
  set.seed(1)
  draws <- matrix(rchisq(300, rep(c(2, 3, 1), each = 100)), 100)
  mu <- c(1, 0.3, 0.01)
  best <- apply(draws, 1, function(w) {
    f <- function(l) sum(w * exp(l) * mu / (1 + exp(l) * mu)) - sum(c(2, 3, 1) * log1p(exp(l) * mu))
    max(0, vapply(seq(-14, 13, 3), function(from) optimize(f, from + c(0, 3), maximum = TRUE, tol = 1e-9)$objective, 0))
  })
  expect_equal(known_maxima(draws, mu, c(2, 3, 1)), best, tolerance = 1e-8)
  expect_error(lrt(fit), class = "lmm_error_input")
  expect_error(rlrt(lmm(y ~ 1 + (1 | g), d, fixed = c(`sd_(Intercept)|g` = 1))), class = "lmm_error_input")
  unbalanced <- rlrt(lmm(y ~ 1 + (1 | g), d[-(1:3), ], fixed = c(sigma = 1)), seed = 1)
  expect_gt(unbalanced$mc.error, 0)
})

test_that("the print of tests by simulation wraps long formulas", {
  set.seed(1)
  d <- data.frame(y = rnorm(60), g = gl(10, 6),
                  matrix(rnorm(60 * 20), 60, dimnames = list(NULL, paste0("covariate_", 1:20))))
  fit <- suppressMessages(lmm(reformulate(c(names(d)[-(1:2)], "(1 | g)"), "y"), d))
  for (test in list(rlrt(fit, nsim = 20, seed = 1), lrt(fit, nsim = 20, seed = 1))) {
    printed <- capture.output(print(test))
    expect_lte(max(nchar(printed)), getOption("width"))
    expect_match(paste(printed, collapse = " "), "covariate_20")
  }
})
