# How a search ended, as it is told.

test_that("a search that stopped where the likelihood still rises is no other maximum", {
  # one row for each time: at sigma = 0 the series alone fits, but a residual variance raises the likelihood
  set.seed(3)
  d <- data.frame(g = gl(50, 6), t = rep(1:6, 50), f = factor(1:6))
  d$y <- unlist(lapply(1:50, function(i) stats::arima.sim(list(ar = 0.6), 6, sd = 0.8))) + rnorm(300)
  ends <- character()
  fit <- withCallingHandlers(lmm(y ~ 1 + ar1(0 + f | g), d), lmm_message = function(m) {
    ends <<- c(ends, class(m)[1L])
    invokeRestart("muffleMessage")
  })
  expect_false("lmm_message_optima" %in% ends)
  Y <- matrix(d$y, 6)
  minus <- function(s2, v, rho) {
    S <- solve(v * rho^abs(outer(1:6, 1:6, "-")) + diag(s2, 6))
    mu <- sum(S %*% Y) / (50 * sum(S))
    (299 * log(2 * pi) - 50 * c(determinant(S)$modulus) + log(50 * sum(S)) + sum((Y - mu) * (S %*% (Y - mu)))) / 2
  }
  edge <- optim(c(2, 0.3), function(p) minus(0, p[1], p[2]), method = "L-BFGS-B", lower = c(0.1, -0.9),
                upper = c(9, 0.9))
  expect_lt(minus(1e-3, edge$par[1], edge$par[2]), edge$value)      # the edge is no maximum
  best <- optim(c(1, 1, 0.5), function(p) minus(p[1], p[2], p[3]), method = "L-BFGS-B", lower = c(0, 0.1, -0.9),
                upper = c(9, 9, 0.99), control = list(factr = 10))
  expect_equal(c(logLik(fit)), -best$value, tolerance = 1e-7)
})
