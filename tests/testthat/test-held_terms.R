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
  expect_output(print(fit), "Fixed, not estimated: cor_ar1\\|id")
  cells <- lmm(y ~ x + ar1(0 + f | id), cross_products(y ~ x + ar1(0 + f | id), d), fixed = c("cor_ar1|id" = 0.5))
  expect_equal(c(logLik(cells)), dense, tolerance = 1e-9)
})

test_that("a standard deviation of a structure is held beside sigma", {
  d <- held_data()
  for (name in c("sd_ar1|id", "var_ar1|id")) {
    value <- if (name == "sd_ar1|id") 1.3 else 1.69
    fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = stats::setNames(c(value, 0.6), c(name, "sigma")))
    dense <- dense_largest(d, function(v, d) 1.69 * ar1_of(tanh(v[1L]), d) + 0.36 * diag(nrow(d)), 0.5)
    expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
    expect_equal(sigma(fit), 0.6)
    expect_equal(sqrt(fit$estimates$covariance[[1L]][1L, 1L]), 1.3, tolerance = 1e-12)
  }
})

test_that("what is held at its estimate changes nothing but the parameters that are counted", {
  d <- held_data()
  free <- lmm(y ~ x + ar1(0 + f | id), d)
  at <- variance_components(free, scale = "sd")$estimate
  for (k in list(2L, c(1L, 3L), 2:3)) {
    held <- lmm(y ~ x + ar1(0 + f | id), d, fixed = stats::setNames(at, c("sd_ar1|id", "cor_ar1|id", "sigma"))[k])
    expect_equal(c(logLik(held)), c(logLik(free)), tolerance = 1e-10)
    expect_equal(fixef(held), fixef(free), tolerance = 1e-7)
    expect_equal(vcov(held), vcov(free), tolerance = 1e-6)
    expect_equal(attr(logLik(held), "df"), attr(logLik(free), "df") - length(k))
  }
})

test_that("units of y scale held standard deviations", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3, sigma = 0.6))
  d$y <- 1e6 * d$y
  large <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3e6, sigma = 6e5))
  expect_equal(c(logLik(large)), c(logLik(fit)) - (nrow(d) - 2) * log(1e6), tolerance = 1e-10)
  expect_equal(anova(large, ddf = "Kenward-Roger")$`F value`, anova(fit, ddf = "Kenward-Roger")$`F value`,
               tolerance = 1e-7)
})

test_that("a random intercept beside a residual structure is held", {
  d <- held_data()
  held <- c("sd_(Intercept)|id" = 0.8, sigma = 1.1)
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ ar1(time | id), fixed = held)
  dense <- dense_largest(d, function(v, d) 0.64 + 1.21 * ar1_of(tanh(v), d), 0.5)
  expect_equal(c(logLik(fit)), dense, tolerance = 1e-9)
  both <- lmm(y ~ x + (1 | id), d, residual = ~ ar1(time | id), fixed = c(held, rho = 0.4))
  dense <- dense_largest(d, function(v, d) 0.64 + 1.21 * ar1_of(0.4, d) + 0 * v, 0)
  expect_equal(c(logLik(both)), dense, tolerance = 1e-9)
  expect_output(print(as.data.frame(VarCorr(both))), "Residual")
  expect_true(all(is.infinite(coef(summary(both, ddf = "Kenward-Roger"))[, "df"])))
})

test_that("standard errors of other terms are theirs where all parameters of a term are held", {
  d <- held_data()
  d$g <- factor(d$time %% 3)
  fit <- lmm(y ~ x + ar1(0 + f | id) + (1 | g), d, fixed = c("sd_ar1|id" = 1.2, "cor_ar1|id" = 0.6, sigma = 0.6))
  own <- variance_components(fit)
  same <- outer(d$id, d$id, "==")
  V <- 1.44 * ar1_of(0.6, d) * same + 0.36 * diag(nrow(d))
  Z <- stats::model.matrix(~ 0 + g, d)
  X <- cbind(1, d$x)
  minus <- function(v) {
    S <- solve(V + v * tcrossprod(Z))
    A <- crossprod(X, S %*% X)
    P <- S - S %*% X %*% solve(A, crossprod(X, S))
    drop(c(-determinant(S)$modulus + determinant(A)$modulus + crossprod(d$y, P %*% d$y)))
  }
  at <- own$estimate[1L]
  h <- 1e-3 * at
  bend <- (minus(at + h) - 2 * minus(at) + minus(at - h)) / h^2
  expect_equal(own$se[1L], sqrt(2 / bend), tolerance = 1e-4)
})

test_that("a range is held, and several variances one by one", {
  d <- held_data()
  fit <- lmm(y ~ x + exp(time | f) + (1 | id), d, fixed = c("range|exp(f)" = 2))
  free <- lmm(y ~ x + exp(time | f) + (1 | id), d)
  expect_lte(c(logLik(fit)), c(logLik(free)) + 1e-9)
  fit <- lmm(y ~ x + hetar1(0 + f | id), d, fixed = c("sd_f2|id" = 1.2, "cor_hetar1|id" = 0.6, sigma = 0.6))
  S <- fit$estimates$covariance[[1L]]
  expect_equal(S[2L, 2L], 1.44, tolerance = 1e-10)
  expect_equal(cov2cor(S)[1L, 3L], 0.36, tolerance = 1e-10)
})

test_that("everything after the fit works with what is held", {
  d <- held_data()
  fit <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("cor_ar1|id" = 0.5))
  expect_output(print(summary(fit)), "Fixed, not estimated: cor_ar1")
  expect_identical(rownames(confint(fit, ddf = "Satterthwaite")), c(".sig01", ".sigma", "(Intercept)", "x"))
  again <- refit(fit, 2 * d$y)
  expect_equal(cov2cor(again$estimates$covariance[[1L]])[2L, 1L], 0.5, tolerance = 1e-12)
  expect_s3_class(anova(fit, lmm(y ~ x + ar1(0 + f | id), d), refit = FALSE), "anova")
  expect_equal(nrow(predict(fit, d[1:3, ], se.fit = TRUE) |> as.data.frame()), 3L)
  expect_null(update(fit, . ~ . - ar1(0 + f | id) + (1 | id))$call$fixed)
  scale <- lmm(y ~ x + ar1(0 + f | id), d, fixed = c("sd_ar1|id" = 1.3, sigma = 0.6))
  expect_true(is.na(ranova(scale)[2L, "Pr(>Chisq)"]))
})

test_that("what cannot be held is refused by name", {
  d <- held_data()
  refused <- function(fixed, pattern, formula = y ~ x + ar1(0 + f | id), ...) {
    expect_error(lmm(formula, d, fixed = fixed, ...), pattern, class = "lmm_error_input")
  }
  refused(c("cor_ar1|id" = 1), "`cor_ar1\\|id` cannot be fixed at 1")
  refused(c("sd_ar1|id" = 0, sigma = 1), "must be positive")
  refused(c("sd_ar1|id" = 1e200, sigma = 1), "double precision")
  refused(c("sd_ar1|id" = NA_real_), "cannot be fixed")
  refused(c("sd_ar1|id" = 1), "only together with sigma")
  refused(c("sd_ar1|id" = 1, sigma = 0), "sigma")
  refused(c("sd_ar1|id" = 1, "var_ar1|id" = 1), "twice")
  refused(c("rho" = 0.5), "sd_ar1|id")
  refused(c("cor_toep2|id" = 0.5), "of toep\\(0 \\+ f \\| id\\)", formula = y ~ x + toep(0 + f | id))
  refused(c("sd_x|id" = 1), "one column or with a structure.*sd_x", formula = y ~ x + (1 + x | id),
          residual = ~ ar1(time | id))
})
