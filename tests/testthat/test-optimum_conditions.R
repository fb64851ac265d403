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

test_that("where the residual covariance becomes singular the reason is that of the structure", {
  warned <- function(expr) {
    told <- tryCatch(suppressMessages(expr), lmm_warning_convergence = identity)
    expect_s3_class(told, "lmm_warning_convergence")
    conditionMessage(told)
  }
  # no subjects: few of them are not the reason
  wheat <- as.data.frame(nlme::Wheat2)
  text <- warned(lmm(yield ~ variety, wheat, REML = FALSE, residual = ~ lin(latitude + longitude, nugget = TRUE)))
  expect_match(text, "With several coordinates, lin\\(\\)(.|\n)*sph\\(\\)")
  expect_no_match(text, "too few subjects")
  # it is indefinite in the plane indeed
  grid <- as.matrix(dist(expand.grid(1:12, 1:12)))
  expect_lt(min(eigen(pmax(1 - grid / 5.3, 0), TRUE, TRUE)$values), 0)
  d <- plain_orthodont()
  text <- warned(lmm(distance ~ age, d, residual = ~ sph(age, nugget = TRUE)))
  expect_match(text, "perfectly correlated")
  expect_no_match(text, "too few subjects")
  frame <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))$frame
  told <- singular_residual_warning(list(psi = 1 - 1e-9), frame$residual)
  expect_match(conditionMessage(told), "`rho` approaches 1.*fixed = c\\(rho = 0.99\\)")
})

test_that("lin() of several coordinates is told to have many local maxima, as the dense formula shows", {
  wheat <- as.data.frame(nlme::Wheat2)
  expect_message(fit <- lmm(yield ~ variety, wheat, residual = ~ lin(latitude + longitude)), "many local maxima",
                 class = "lmm_message_optima")
  D <- as.matrix(dist(wheat[c("latitude", "longitude")]))
  X <- model.matrix(~ variety, wheat)
  value <- function(range) {
    L <- tryCatch(chol(pmax(1 - D / range, 0)), error = function(e) NULL)
    if (is.null(L)) return(NA)
    q <- qr(backsolve(L, X, transpose = TRUE))
    s2 <- sum(qr.resid(q, backsolve(L, wheat$yield, transpose = TRUE))^2) / 168
    -(168 * (log(2 * pi * s2) + 1) + 2 * sum(log(diag(L))) + 2 * sum(log(abs(diag(qr.R(q)))))) / 2
  }
  expect_equal(c(logLik(fit)), value(residual_parameters(fit)$estimate), tolerance = 1e-8)
  expect_true(anyNA(vapply(seq(10, 40, by = 0.5), value, 0)))           # not positive definite
  values <- vapply(seq(39, 45, by = 0.01), value, 0)
  inner <- values[-c(1, length(values))]
  expect_gt(sum(inner > values[seq_along(inner)] & inner > values[-(1:2)], na.rm = TRUE), 5)
  expect_gt(max(values, na.rm = TRUE), c(logLik(fit)) + 0.5)
  # on a line there is none, nor where the range is given
  given <- lmm(yield ~ variety, wheat, residual = ~ lin(latitude + longitude), fixed = c(range = 42))
  expect_length(given$conditions, 0L)
  expect_equal(c(logLik(given)), value(42), tolerance = 1e-8)
  line <- lmm(distance ~ age, plain_orthodont(), residual = ~ lin(age | Subject))
  expect_false(any(vapply(line$conditions, inherits, NA, "lmm_message_optima")))
})
