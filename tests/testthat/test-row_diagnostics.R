# Leverages, studentized residuals, deletion of rows and of groups, tests of random terms and prediction errors beside a
# residual structure: dense formulas, refits, and the same models without a structure.

ar1_mixed <- function() {
  d <- irregular_data()
  d$visit <- rep(1:6, 12)
  d <- d[-c(4, 20), ]
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w)
  p <- variance_components(fit)$estimate
  same <- outer(d$id, d$id, "==")
  R <- p[3] * same * exp(-abs(outer(d$t, d$t, "-")) / p[2]) / sqrt(outer(d$w, d$w))
  list(d = d, fit = fit, R = R, V = R + p[1] * same, X = cbind(1, d$x), p = p)
}

test_that("leverages, conditional studentized residuals and Cook's distances are those of dense formulas", {
  m <- ar1_mixed()
  W <- solve(m$V)
  phi <- solve(crossprod(m$X, W %*% m$X))
  P <- W - W %*% m$X %*% phi %*% t(m$X) %*% W
  y <- m$d$y
  expect_equal(unname(hatvalues(m$fit)), 1 - diag(m$R %*% P), tolerance = 1e-8)
  e <- drop(m$R %*% P %*% y)
  expect_equal(unname(residuals(m$fit)), e, tolerance = 1e-8)
  studentized <- e / sqrt(diag(m$R %*% P %*% m$R))
  expect_equal(unname(residuals(m$fit, "conditional_studentized")), studentized, tolerance = 1e-7)
  expect_equal(unname(rstandard(m$fit)), studentized, tolerance = 1e-7)
  beta <- fixef(m$fit)
  cook <- vapply(seq_along(y), function(i) {
    Vi <- solve(m$V[-i, -i])
    X <- m$X[-i, ]
    change <- solve(crossprod(X, Vi %*% X), crossprod(X, Vi %*% y[-i])) - beta
    drop(crossprod(change, crossprod(m$X, W %*% m$X) %*% change)) / 2
  }, 0)
  expect_equal(unname(cooks.distance(m$fit)), cook, tolerance = 1e-6)
  # the numbers of least squares, and of independent residuals written as a structure
  ols <- lmm(y ~ x, m$d)
  peer <- lm(y ~ x, m$d)
  expect_equal(hatvalues(ols), hatvalues(peer), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(rstandard(ols), rstandard(peer), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(cooks.distance(ols), cooks.distance(peer), tolerance = 1e-8, ignore_attr = TRUE)
  plain <- lmm(y ~ x + (1 | id), m$d, weights = w)
  tiny <- lmm(y ~ x + (1 | id), m$d, weights = w, residual = ~ exp(t | id), fixed = c(range = 1e-6))
  for (f in list(hatvalues, rstandard)) expect_equal(f(tiny), f(plain), tolerance = 1e-5)
})

test_that("group_influence() leaves out subjects or levels", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  found <- group_influence(fit)
  expect_identical(attr(found, "factor"), "Subject")
  without <- update(fit, subset = Subject != "M05")
  at <- found[found$group == "M05", ]
  expect_equal(unlist(at[c("rho", "sigma", "(Intercept)", "age")]),
               c(variance_components(without, "sd")$estimate, fixef(without)), tolerance = 1e-5, ignore_attr = TRUE)
  change <- fixef(without) - fixef(fit)
  expect_equal(at$cook, drop(change %*% solve(vcov(fit), change)) / 2, tolerance = 1e-5)
  on_paper(plot(found))
})

test_that("ranova() compares with the model without the term", {
  m <- ar1_mixed()
  table <- ranova(m$fit)
  smaller <- lmm(y ~ x, m$d, residual = ~ exp(t | id), weights = w)
  expect_equal(table$LRT[2], as.numeric(2 * (logLik(m$fit) - logLik(smaller))), tolerance = 1e-6)
  expect_identical(table$Df[2], 1L)
  expect_equal(table$logLik[2], as.numeric(logLik(smaller)), tolerance = 1e-8)
  expect_error(ranova(smaller), "no random effects", class = "lmm_error_input")
  d <- plain_orthodont()
  slope <- suppressMessages(lmm(distance ~ Sex * age + (age | Subject), d, variance = ~ Sex))
  table <- suppressMessages(ranova(slope))
  intercept <- lmm(distance ~ Sex * age + (1 | Subject), d, variance = ~ Sex)
  expect_equal(table$logLik[2], as.numeric(logLik(intercept)), tolerance = 1e-7)
})

test_that("the covariance matrix of the parameters on the scale of standard deviations follows by the delta method", {
  m <- ar1_mixed()
  us <- lmm(distance ~ age, plain_orthodont(), residual = ~ us(age | Subject))
  for (fit in list(m$fit, us)) {
    C <- vcov_components(fit, "sd")
    own <- variance_components(fit, "sd")
    expect_identical(rownames(C), rownames(own))
    expect_equal(unname(sqrt(diag(C))), own$se, tolerance = 1e-8)
    sd <- startsWith(rownames(own), "sd") | rownames(own) == "sigma"
    D <- diag(ifelse(sd, 1 / (2 * own$estimate), 1))
    expect_equal(unname(C), unname(D %*% vcov_components(fit) %*% D), tolerance = 1e-8)
  }
})

test_that("prediction error variances and the joint covariance matrix are those of Henderson's equations", {
  m <- ar1_mixed()
  Z <- outer(as.integer(m$d$id), 1:12, "==") * 1
  Ri <- solve(m$R)
  W <- cbind(Z, m$X)
  C <- solve(crossprod(W, Ri %*% W) + diag(rep(c(1 / m$p[1], 0), c(12, 2))))
  expect_equal(unname(vcov(m$fit, full = TRUE)), C, tolerance = 1e-7)
  b <- as.data.frame(ranef(m$fit, pev = TRUE))
  expect_equal(b$pev, diag(C)[1:12], tolerance = 1e-7)
  expect_equal(reliability(m$fit)$reliability, mean(1 - diag(C)[1:12] / m$p[1]), tolerance = 1e-7)
  plain <- lmm(distance ~ age + (age | Subject), plain_orthodont())
  tiny <- lmm(distance ~ age + (age | Subject), plain_orthodont(), residual = ~ exp(age | Subject),
              fixed = c(range = 1e-3))
  expect_equal(reliability(tiny), reliability(plain), tolerance = 1e-5)
  expect_equal(vcov(tiny, full = TRUE), vcov(plain, full = TRUE), tolerance = 1e-5)
})
