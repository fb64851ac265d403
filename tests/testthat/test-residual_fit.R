test_that("a covariate far from its origin does not lead the search of a structured model astray", {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  d$s <- gl(2, 60)
  plain <- as.numeric(logLik(suppressMessages(lmm(y ~ year + (year || g), d))))
  value <- function(...) as.numeric(logLik(suppressWarnings(suppressMessages(lmm(data = d, ...)))))
  model <- y ~ year + (year || g)
  expect_equal(value(model, residual = ~ ar1(year | g), fixed = c(rho = 0)), plain, tolerance = 1e-7)
  for (own in list(list(residual = ~ ar1(year | g)), list(variance = ~ s), list(residual = ~ cs(year | g)),
                   list(residual = ~ exp(year | g)), list(residual = ~ diag(year | g)))) {
    found <- do.call(value, c(list(model), own))
    expect_gte(found, plain - 1e-5)
    if (identical(own$residual, ~ cs(year | g))) next                    # not identified from that start
    expect_gte(found, do.call(value, c(list(model, start = c(10000, 5)), own)) - 1e-5)
  }
  terms <- y ~ year + (1 | g) + (0 + year | g)
  expect_equal(value(terms, residual = ~ ar1(year | g)), value(model, residual = ~ ar1(year | g)), tolerance = 1e-8)
})

test_that("the maximum with a covariate far from its origin is that of a dense likelihood", {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  X <- cbind(1, 2001:2012)
  minus <- function(par) {                            # log sd of intercept, slope and residual, Fisher's z of rho
    v <- exp(2 * par[1:3])
    V <- X %*% diag(v[1:2]) %*% t(X) + v[3] * tanh(par[4])^abs(outer(1:12, 1:12, "-"))
    R <- chol(V)
    A <- backsolve(R, X, transpose = TRUE)
    Y <- backsolve(R, matrix(d$y, 12), transpose = TRUE)
    fixed <- qr(A)                                    # all groups have the same rows
    left <- sum(qr.resid(fixed, rowSums(Y) / sqrt(10))^2) + sum((Y - rowMeans(Y))^2)
    (118 * log(2 * pi) + 20 * sum(log(diag(R))) + 2 * log(abs(prod(sqrt(10) * diag(qr.R(fixed))))) + left) / 2
  }
  best <- min(vapply(list(c(7, 0, -1, 0), c(8, 0.5, -2, 0.1), c(7.5, 0, -1.5, -0.1)), function(start) {
    stats::nlminb(start, minus)$objective
  }, 0))
  fit <- suppressMessages(lmm(y ~ year + (year || g), d, residual = ~ ar1(year | g)))
  expect_equal(as.numeric(logLik(fit)), -best, tolerance = 1e-4)
})

test_that("more residual parameters than rows are refused at once", {
  set.seed(1)
  d <- data.frame(id = factor(rep(1:16, each = 6)), lon = runif(96), x = rnorm(96), y = rnorm(96))
  expect_error(lmm(y ~ x, d, residual = ~us(lon | id)), "4,656 parameters for 96 visits, and the data have 96 rows",
               class = "lmm_error_unidentified")
})

test_that("a level for each row beside a structure that can have a nugget is named as the nugget, and fitted as such", {
  set.seed(1)
  d <- expand.grid(t = 1:6, id = factor(1:20))
  d$obs <- factor(seq_len(nrow(d)))
  d$y <- as.vector(replicate(20, 2 * arima.sim(list(ar = 0.7), 6))) + rnorm(120)
  for (residual in list(~ ar1(t | id), ~ exp(t | id))) {
    expect_error(lmm(y ~ 1 + (1 | obs), d, residual = residual), "is its nugget.*nugget = TRUE",
                 class = "lmm_error_unidentified")
  }
  expect_error(lmm(y ~ 1 + (1 | obs), d, residual = ~us(t | id)), "confounded", class = "lmm_error_unidentified")
  fit <- lmm(y ~ 1, d, residual = ~ar1(t | id, nugget = TRUE), REML = FALSE)
  value <- function(x) {
    one <- exp(x[1L]) * (tanh(x[2L])^abs(outer(1:6, 1:6, "-"))) + exp(x[3L]) * diag(6)
    V <- kronecker(diag(20), one)
    r <- d$y - fixef(fit)
    -0.5 * drop(120 * log(2 * pi) + c(determinant(V)$modulus) + crossprod(r, solve(V, r)))
  }
  best <- optim(c(1, 0.8, 0), value, control = list(fnscale = -1, maxit = 2000, reltol = 1e-14))
  expect_equal(as.numeric(logLik(fit)), best$value, tolerance = 1e-7)
})
