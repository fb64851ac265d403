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
    expect_equal(rep(found$penalty$value, found$penalty$count), sort(unname(colSums(Z^2)), decreasing = TRUE) / values[1], tolerance = 1e-8)
  }
})

test_that("no maximum is missed", {
  fit <- lmm(y ~ x + (0 + x | g), behavior_data()[-(1:20), ])
  spectrum <- term_spectrum(fit, 1L)
  spectrum$penalty <- spectrum[c("value", "count")]
  spectrum$nu <- spectrum$n - spectrum$p
  set.seed(1)
  rest <- spectrum$nu - sum(spectrum$count)
  W <- chisq_columns(2000, spectrum$count)
  v <- rchisq(2000, rest)
  fast <- highest_ratio(W, v, rowSums(W) + v, spectrum, search_grid(spectrum, rest))
  slow <- highest_ratio(W, v, rowSums(W) + v, spectrum, seq(-12, 15, length.out = 2001))
  expect_lt(max(abs(fast - slow)), 2e-3)
  expect_lt(mean(abs(fast - slow)), 2e-5)
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
  restricted <- (n - 2) * (1 + log(2 * pi * rss / (n - 2))) + as.numeric(determinant(crossprod(X))$modulus) - refit(reml, Y)$criterion
  full <- n * (1 + log(2 * pi * rss / n)) - refit(ml, Y)$criterion
  both <- n * (1 + log(2 * pi * colSums(qr.resid(qr(X[, 1]), Y)^2) / n)) - refit(ml, Y)$criterion
  draws <- list(rlrt(reml, nsim = 4000, seed = 1)$draws, lrt(ml, nsim = 4000, seed = 1)$draws, lrt(ml, fixed = "x", nsim = 4000, seed = 1)$draws)
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
  expect_equal(lrt(single, nsim = 500, seed = 1)$draws, lrt(lmm(y ~ x + (0 + x | g), data), nsim = 500, seed = 1)$draws, tolerance = 1e-7)
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
  expect_output(print(rlrt(two, "g", nsim = 100, seed = 1)), "none of 100 draws")
})
