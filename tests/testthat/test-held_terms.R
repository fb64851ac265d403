# Parameters of random terms that are held at known values, against likelihoods with dense matrices.

# 24 subjects at 5 times, some rows missing.
held_data <- function() {
  set.seed(12)
  d <- expand.grid(time = 1:5, id = factor(1:24))
  common <- as.vector(replicate(24, as.vector(stats::arima.sim(list(ar = 0.7), 5))))
  d$x <- stats::rnorm(120)
  d$f <- factor(d$time)
  d$y <- 2 + d$x + common + rep(stats::rnorm(24), each = 5) + stats::rnorm(120, sd = 0.6)
  d[-c(3, 17, 18, 44, 91), ]
}

# The largest log-likelihood of y ~ x, by REML, over the free ones of the logarithms of standard deviations and the
# inverse hyperbolic tangent of rho. V = var R(rho)[time, time] + intercept + sigma2 I within subjects.
dense_largest <- function(d, V, start) {
  X <- cbind(1, d$x)
  same <- outer(d$id, d$id, "==")
  minus <- function(free) {
    U <- tryCatch(chol(V(free, d) * same), error = function(e) NULL)
    if (is.null(U)) return(1e10)
    Q <- qr(backsolve(U, X, transpose = TRUE))
    r <- qr.resid(Q, backsolve(U, d$y, transpose = TRUE))
    sum(log(diag(U))) + sum(log(abs(diag(qr.R(Q))))) + sum(r^2) / 2 + (nrow(d) - 2) / 2 * log(2 * pi)
  }
  first <- stats::nlminb(start, minus, control = list(rel.tol = 1e-12))
  -stats::nlminb(first$par, minus, control = list(rel.tol = 1e-15))$objective
}

ar1_of <- function(rho, d) rho^abs(outer(d$time, d$time, "-"))

test_that("a correlation of a structure is held", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("cor_ar1|id" = 0.5))
  expect_equal(cov2cor(fit$estimates$covariance[[1L]])[2L, 1L], 0.5, tolerance = 1e-12)
  dense <- dense_largest(d, function(v, d) exp(2 * v[1L]) * ar1_of(0.5, d) + exp(2 * v[2L]) * diag(nrow(d)), c(0, 0))
  expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
  expect_equal(attr(logLik(fit), "df"), attr(logLik(lmm(y ~ x + ar1(0 + f | id), d)), "df") - 1)
  expect_output(print(fit), "Held, not estimated: cor_ar1\\|id")
})

test_that("a standard deviation of a structure is held, alone and beside sigma", {
  d <- held_data()
  for (name in c("sd_ar1|id", "var_ar1|id")) {
    fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = stats::setNames(if (name == "sd_ar1|id") 1.3 else 1.69, name))
    dense <- dense_largest(d, function(v, d) 1.69 * ar1_of(tanh(v[1L]), d) + exp(2 * v[2L]) * diag(nrow(d)), c(0.5, 0))
    expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
    expect_equal(sqrt(fit$estimates$covariance[[1L]][1L, 1L]), 1.3, tolerance = 1e-12)
  }
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3, sigma = 0.6))
  dense <- dense_largest(d, function(v, d) 1.69 * ar1_of(tanh(v[1L]), d) + 0.36 * diag(nrow(d)), 0.5)
  expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
  expect_equal(sigma(fit), 0.6)
})

test_that("what is held at its estimate changes nothing but the parameters that are counted", {
  d <- held_data()
  free <- lmm(y ~ x + ar1(0 + f | id), d)
  at <- variance_components(free, scale = "sd")$estimate
  for (k in list(1L, 2L, 1:2, 2:3)) {
    held <- lmm(y ~ x + ar1(0 + f | id), d, fixed = stats::setNames(at, c("sd_ar1|id", "cor_ar1|id", "sigma"))[k])
    expect_equal(c(logLik(held)), c(logLik(free)), tolerance = 1e-10)
    expect_equal(fixef(held), fixef(free), tolerance = 1e-7)
    expect_equal(vcov(held), vcov(free), tolerance = 1e-6)
    expect_equal(attr(logLik(held), "df"), attr(logLik(free), "df") - length(k))
  }
})

test_that("units of y scale held standard deviations", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3))
  d$y <- 1e6 * d$y
  large <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3e6))
  expect_equal(c(logLik(large)), c(logLik(fit)) - (nrow(d) - 2) * log(1e6), tolerance = 1e-10)
  expect_equal(anova(large, ddf = "Kenward-Roger")$`F value`, anova(fit, ddf = "Kenward-Roger")$`F value`,
               tolerance = 1e-7)
})

test_that("a random intercept beside a residual structure is held", {
  d <- held_data()
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ ar1(time | id), fixed = c("sd_(Intercept)|id" = 0.8))
  dense <- dense_largest(d, function(v, d) 0.64 + exp(2 * v[1L]) * ar1_of(tanh(v[2L]), d), c(0, 0.5))
  expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
  both <- lmm(y ~ x + (1 | id), d, residual = ~ ar1(time | id), fixed = c("sd_(Intercept)|id" = 0.8, rho = 0.4))
  dense <- dense_largest(d, function(v, d) 0.64 + exp(2 * v[1L]) * ar1_of(0.4, d), 0)
  expect_equal(c(logLik(both)), dense, tolerance = 1e-9)
})

test_that("a range is held, and several variances one by one", {
  d <- held_data()
  fit <- lmm(y ~ x + exp(time | f) + (1 | id), d, fixed = c("range|exp(f)" = 2))
  free <- lmm(y ~ x + exp(time | f) + (1 | id), d)
  expect_lte(c(logLik(fit)), c(logLik(free)) + 1e-9)
  fit <- lmm(y ~ x + hetar1(0 + f | id), d, fixed = c("sd_f2|id" = 1.2, "cor_hetar1|id" = 0.6))
  S <- fit$estimates$covariance[[1L]]
  expect_equal(S[2L, 2L], 1.44, tolerance = 1e-10)
  expect_equal(cov2cor(S)[1L, 3L], 0.36, tolerance = 1e-10)
})

test_that("everything after the fit works with what is held", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3))
  expect_output(print(summary(fit)), "Held, not estimated")
  expect_identical(rownames(confint(fit, ddf = "Satterthwaite")), c("cor_ar1|id", "var", "(Intercept)", "x"))
  expect_equal(sigma(fit)^2, variance_components(fit)$estimate[2L])
  expect_match(capture.output(print(fit)), "Residual", all = FALSE)
  limits <- confint(fit, "cor_ar1|id", ddf = "Satterthwaite")
  expect_true(limits[1L] < limits[2L])
  again <- refit(fit, 2 * d$y)
  expect_equal(sqrt(again$estimates$covariance[[1L]][1L, 1L]), 1.3, tolerance = 1e-12)
  expect_s3_class(anova(fit, lmm(y ~ x + ar1(0 + f | id), d), refit = FALSE), "anova")
  expect_equal(nrow(predict(fit, d[1:3, ], se.fit = TRUE) |> as.data.frame()), 3L)
})

test_that("all parameters of a structure are held, and everything else is estimated", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3, "cor_ar1|id" = 0.6))
  dense <- dense_largest(d, function(v, d) 1.69 * ar1_of(0.6, d) + exp(2 * v) * diag(nrow(d)), 0)
  expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
  expect_equal(nrow(variance_components(fit)), 1L)
  limits <- confint(fit, "var")
  expect_true(limits[1L] < sigma(fit)^2 && sigma(fit)^2 < limits[2L])
})

test_that("what cannot be held is refused by name", {
  d <- held_data()
  refused <- function(fixed, pattern, formula = y ~ x + ar1(0 + f | id), ...) {
    expect_error(lmm(formula, d, fixed = fixed, ...), pattern, class = "lmm_error_input")
  }
  refused(c("cor_ar1|id" = 1), "cannot hold `cor_ar1\\|id` at 1")
  refused(c("sd_ar1|id" = 0), "is above 0 here")
  refused(c("sd_ar1|id" = NA_real_), "cannot hold")
  refused(c("sd_ar1|id" = 1, "var_ar1|id" = 1), "twice")
  refused(c("rho" = 0.5), "sd_ar1|id")
  refused(c("cor_toep2|id" = 0.5), "take part in it", formula = y ~ x + toep(0 + f | id))
  refused(c("sd_x|id" = 1), "one column or with a structure", formula = y ~ x + (1 + x | id),
          residual = ~ ar1(time | id))
})
