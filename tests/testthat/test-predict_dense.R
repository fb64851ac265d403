# Predictions with a residual structure or structured random effects, and their errors, by dense n x n formulas.

# First derivatives by central differences of fourth order, a column for each parameter.
dense_jacobian <- function(f, p, h = 2e-3 * pmax(abs(p), 0.05)) {
  value <- vapply(seq_along(p), function(k) {
    at <- function(by) f(replace(p, k, p[k] + by * h[k]))
    (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h[k])
  }, f(p))
  matrix(value, ncol = length(p))
}

# A target x'beta + ... with covariance cov(p) with y and variance own(p): list(fit, se at known parameters, adjusted
# se, df) from V(p) and the covariance matrix C of the parameters p.
dense_prediction <- function(y, X, x, p, C, V, cov, own) {
  at <- function(p) {
    W <- solve(V(p))
    phi <- solve(crossprod(X, W %*% X))
    h <- x - drop(crossprod(X, W %*% cov(p)))
    l <- drop(W %*% (cov(p) + X %*% (phi %*% h)))
    list(l = l, v = own(p) - sum(cov(p) * (W %*% cov(p))) + sum(h * (phi %*% h)))
  }
  L <- dense_jacobian(function(p) at(p)$l, p)
  g <- dense_jacobian(function(p) at(p)$v, p)
  v <- at(p)$v
  list(fit = sum(at(p)$l * y), known = sqrt(v), se = sqrt(v + 2 * max(0, sum(C * (t(L) %*% V(p) %*% L)))),
       df = 2 * v^2 / drop(g %*% C %*% t(g)))
}

# Limits of the mean and of a new observation against the oracle.
expect_dense_prediction <- function(fit, new, X, x, V, cov, own, own_new, ...) {
  p <- variance_components(fit)$estimate
  C <- unclass(vcov_components(fit))
  y <- as.vector(getME(fit, "y"))
  mean <- dense_prediction(y, X, x, p, C, V, cov, own)
  one <- dense_prediction(y, X, x, p, C, V, cov, own_new)
  half <- function(limits) unname((limits[, "upr"] - limits[, "lwr"]) / 2)
  found <- predict(fit, new, se.fit = TRUE, ...)
  expect_equal(unname(found$fit), mean$fit, tolerance = 1e-8)
  expect_equal(unname(found$se.fit), mean$known, tolerance = 1e-7)
  expect_equal(half(predict(fit, new, interval = "confidence", ...)), qt(0.975, max(mean$df, 1)) * mean$se,
               tolerance = 1e-4)
  beyond <- sqrt((qt(0.975, max(mean$df, 3)) * mean$se)^2 + qnorm(0.975)^2 * max(one$se^2 - mean$se^2, 0))
  expect_equal(half(predict(fit, new, interval = "prediction", ...)),
               max(qt(0.975, max(one$df, 1)) * one$se, beyond), tolerance = 1e-4)
}

test_that("a new time of a known subject: exponential correlation beside a random intercept, with weights", {
  d <- irregular_data()
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w)
  X <- cbind(1, d$x)
  same <- outer(d$id, d$id, "==")
  own <- d$id == "3"
  R <- function(p) p[3] * same * exp(-abs(outer(d$t, d$t, "-")) / p[2]) / sqrt(outer(d$w, d$w))
  cov_r <- function(p) p[3] * own * exp(-abs(d$t - 9) / p[2]) / sqrt(d$w)
  expect_dense_prediction(fit, data.frame(x = 2, t = 9, id = "3", w = 1), X, c(1, 2),
                          function(p) p[1] * same + R(p), function(p) p[1] * own + cov_r(p),
                          function(p) p[1] + sum(cov_r(p) * solve(R(p), cov_r(p))), function(p) p[1] + p[3])
})

# Goldberger's predictor of a residual of another weight than 1, and its variance; V has the variances of the rows.
test_that("residuals are predicted in the variance of the new rows' weights, for means too", {
  d <- irregular_data()
  fit <- lmm(y ~ x, d, residual = ~ exp(t | id), weights = w)
  new <- data.frame(x = 2, t = c(9, 9, 2.5), id = c("3", "3", "4"), w = c(4, 0.25, 2))
  range <- residual_parameters(fit)$estimate[1L]
  share <- 1 / c(4, 0.25, 2)
  V <- outer(d$id, d$id, "==") * exp(-abs(outer(d$t, d$t, "-")) / range) / sqrt(outer(d$w, d$w))
  C <- outer(d$id, new$id, "==") * exp(-abs(outer(d$t, new$t, "-")) / range) * outer(1 / sqrt(d$w), sqrt(share))
  X <- cbind(1, d$x)
  a <- solve(V, C)
  h <- t(cbind(1, new$x)) - crossprod(X, a)
  se <- sigma(fit) * sqrt(colSums(C * a) + colSums(h * solve(crossprod(X, solve(V, X)), h)) - colSums(C * a))
  right <- drop(cbind(1, new$x) %*% fixef(fit) + crossprod(a, d$y - X %*% fixef(fit)))
  found <- expect_silent(predict(fit, new, se.fit = TRUE))
  expect_equal(unname(found$fit), right, tolerance = 1e-8)
  expect_equal(unname(found$se.fit), se, tolerance = 1e-7)
  expect_equal(unname(predict(fit, new, interval = "confidence")[, "fit"]), right, tolerance = 1e-8)
  expect_equal(unname(predict(fit, new[c("x", "t", "id")], weights = new$w)), right, tolerance = 1e-8)
  expect_message(one <- predict(fit, new[c("x", "t", "id")]), "weights", class = "lmm_message_weights")
  expect_equal(one, predict(fit, transform(new, w = 1)))
  expect_equal(unname(predict(fit, transform(new, w = 0))), unname(one))
})

test_that("a row of weight 0 is no observation of its subject", {
  d <- irregular_data()
  gone <- c(2, which(d$id == "5"))
  d$own <- replace(d$w, gone, 0)
  fit <- lmm(y ~ x, d, residual = ~ exp(t | id), weights = own)
  deleted <- lmm(y ~ x, d[-gone, ], residual = ~ exp(t | id), weights = w)
  expect_equal(predict(fit, transform(d[gone, ], own = 3)), predict(deleted, transform(d[gone, ], w = 3)),
               tolerance = 1e-7)
  expect_equal(predict(fit, d[gone, ]), predict(deleted, transform(d[gone, ], w = 1)), tolerance = 1e-7)
  expect_equal(predict(fit, d[gone, ], interval = "prediction", weights = 2),
               predict(deleted, d[gone, ], interval = "prediction", weights = 2), tolerance = 1e-5)
  expect_equal(unname(predict(fit)), unname(predict(fit, interval = "prediction", weights = 1)[, "fit"]))
  expect_equal(unname(predict(fit, d[-gone, ])), unname(fitted(fit)[-gone]))
})

test_that("a missing visit: unstructured and compound symmetry without random effects", {
  d <- plain_orthodont()[-c(2, 9, 30), ]
  missing <- plain_orthodont()[2, ]
  X <- model.matrix(~ Sex * age, d)
  x <- drop(model.matrix(~ Sex * age, missing))
  same <- outer(d$Subject, d$Subject, "==")
  own <- d$Subject == missing$Subject
  visit <- (d$age - 6) / 2
  new_visit <- (missing$age - 6) / 2
  check <- function(residual, S) {
    fit <- lmm(distance ~ Sex * age, d, residual = residual)
    V <- function(p) same * S(p)[visit, visit]
    cov <- function(p) own * S(p)[visit, new_visit]
    expect_dense_prediction(fit, missing, X, x, V, cov, function(p) sum(cov(p) * solve(V(p), cov(p))),
                            function(p) S(p)[new_visit, new_visit])
  }
  check(~ cs(age | Subject), function(p) p[1] + p[2] * diag(4))
  fit <- lmm(distance ~ Sex * age, d, residual = ~ us(age | Subject))
  at <- residual_parameters(fit)
  check(~ us(age | Subject), function(p) {
    S <- matrix(0, 4, 4)
    S[cbind(at$row, at$col)] <- S[cbind(at$col, at$row)] <- p
    S
  })
})

test_that("crossed random effects beside an autoregressive residual", {
  set.seed(4)
  d <- expand.grid(t = 1:6, id = factor(1:9))
  d$item <- factor(paste0("i", (d$t * 3 + as.integer(d$id)) %% 5))
  d$x <- rnorm(54)
  d$y <- d$x + 2 * rnorm(9)[d$id] + 2 * rnorm(5)[d$item] + as.vector(replicate(9, arima.sim(list(ar = 0.4), 6)))
  d <- d[-c(5, 12), ]
  fit <- lmm(y ~ x + (1 | id) + (1 | item), d, residual = ~ ar1(t | id))
  X <- cbind(1, d$x)
  A <- outer(d$id, d$id, "==")
  B <- outer(d$item, d$item, "==")
  rho <- function(p, h) sign(p[3])^h * abs(p[3])^h
  R <- function(p) p[4] * A * rho(p, abs(outer(d$t, d$t, "-")))
  a <- d$id == "1"
  b <- d$item == "i2"
  cov_r <- function(p) p[4] * a * rho(p, abs(d$t - 5))
  expect_dense_prediction(fit, data.frame(x = 0.5, t = 5, id = "1", item = "i2"), X, c(1, 0.5),
                          function(p) p[1] * A + p[2] * B + R(p), function(p) p[1] * a + p[2] * b + cov_r(p),
                          function(p) p[1] + p[2] + sum(cov_r(p) * solve(R(p), cov_r(p))),
                          function(p) p[1] + p[2] + p[4])
})

test_that("kriging with a nugget over one block of all rows", {
  set.seed(1)
  d <- data.frame(lon = runif(40), lat = runif(40))
  h <- as.matrix(dist(d[1:2]))
  d$y <- 2 + d$lon + drop(t(chol(exp(-(h / 0.4)^2) + 0.3 * diag(40))) %*% rnorm(40))
  fit <- lmm(y ~ lon, d, residual = ~ gau(lon + lat, nugget = TRUE))
  p <- variance_components(fit)
  expect_identical(rownames(p)[1:2], c("range", "nugget"))
  new <- data.frame(lon = 0.3, lat = 0.6)
  near <- function(p, h) p[3] * (1 - p[2]) * exp(-(h / p[1])^2)
  V <- function(p) near(p, h) + p[3] * p[2] * diag(40)
  cov <- function(p) near(p, sqrt((d$lon - 0.3)^2 + (d$lat - 0.6)^2))
  expect_dense_prediction(fit, new, cbind(1, d$lon), c(1, 0.3), V, cov, function(p) sum(cov(p) * solve(V(p), cov(p))),
                          function(p) p[3])
  # universal kriging with weights written out, and the plain mean
  W <- solve(V(p$estimate))
  e <- d$y - predict(fit, d, re.form = NA)
  expect_equal(predict(fit, new) - predict(fit, new, kriging = FALSE), sum(cov(p$estimate) * (W %*% e)),
               tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("structured random effects without a residual structure", {
  d <- repeated_data()
  fit <- lmm(y ~ x + ar1(0 + when | id), d)
  t <- as.integer(d$when)
  same <- outer(d$id, d$id, "==")
  own <- d$id == "5"
  G <- function(p) p[1] * p[2]^abs(outer(1:4, 1:4, "-"))
  expect_dense_prediction(fit, data.frame(x = 1, when = "3", id = "5"), cbind(1, d$x), c(1, 1),
                          function(p) same * G(p)[t, t] + p[3] * diag(120), function(p) own * G(p)[t, 3],
                          function(p) p[1], function(p) p[1] + p[3])
})

test_that("each new row has the residual variance of its own group, visit and weight", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ Sex * age + (1 | Subject), d, variance = ~ Sex)
  half <- function(limits) unname((limits[, "upr"] - limits[, "lwr"]) / 2)
  new <- data.frame(Sex = c("Male", "Female"), age = 12, Subject = c("M01", "F01"))
  p <- variance_components(fit)$estimate
  level <- d$Sex == "Female"
  s2 <- p[3] * exp(2 * p[2] * level)
  expect_equal(unname(diag(subject_covariance(fit, "F01"))[1L]), p[3] * exp(2 * p[2]), tolerance = 1e-10)
  wide <- half(predict(fit, new, interval = "prediction", ddf = "asymptotic"))
  se <- predict(fit, new, se.fit = TRUE)$se.fit
  expect_equal(wide, unname(qnorm(0.975) * sqrt(se^2 + p[3] * exp(2 * p[2] * (new$Sex == "Female")))), tolerance = 1e-8)
  us <- lmm(distance ~ Sex * age, d, residual = ~ us(age | Subject))
  ages <- data.frame(Sex = "Male", age = c(8, 10, 12, 14), Subject = "new")
  wide <- half(predict(us, ages, interval = "prediction", ddf = "asymptotic"))
  se <- predict(us, ages, se.fit = TRUE)$se.fit
  expect_equal(wide, unname(qnorm(0.975) * sqrt(se^2 + diag(subject_covariance(us, "M01")))), tolerance = 1e-8)
})

test_that("compound symmetry needs no visit of the fit, and a separable product predicts missing plots", {
  d <- plain_orthodont()
  cs <- lmm(distance ~ Sex * age, d, residual = ~ cs(age | Subject))
  mixed <- lmm(distance ~ Sex * age + (1 | Subject), d)
  new <- data.frame(Sex = "Male", age = c(9, 11.5), Subject = c("M01", "M02"))
  expect_equal(predict(cs, new), predict(mixed, new), tolerance = 1e-6)
  expect_equal(predict(cs, new, interval = "prediction"), predict(mixed, new, interval = "prediction"),
               tolerance = 1e-4)
  set.seed(3)
  g <- expand.grid(col = 1:8, row = 1:10)
  h <- function(x) abs(outer(x, x, "-"))
  g$y <- 5 + drop(t(chol(0.6^h(g$col) * 0.4^h(g$row))) %*% rnorm(80))
  out <- c(5, 40)
  fit <- lmm(y ~ 1, g[-out, ], residual = ~ ar1(col):ar1(row))
  p <- variance_components(fit)$estimate
  V <- p[3] * p[1]^h(g$col) * p[2]^h(g$row)
  expect_equal(unname(predict(fit, g[out, ])),
               drop(fixef(fit) + V[out, -out] %*% solve(V[-out, -out], g$y[-out] - fixef(fit))), tolerance = 1e-8)
})

test_that("rows of the fit have their fitted values, kriging = TRUE the observations themselves", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ Sex * age, d, residual = ~ ar1(visit | Subject))
  expect_equal(predict(fit, d), fitted(fit), tolerance = 1e-12, ignore_attr = TRUE)
  expect_equal(unname(predict(fit, d, kriging = TRUE)), d$distance, tolerance = 1e-10)
  new <- data.frame(Sex = "Male", age = 16, visit = 5, Subject = c("M01", "other"))
  found <- predict(fit, new)
  rho <- variance_components(fit)["rho", "estimate"]
  mean <- sum(fixef(fit) * c(1, 0, 16, 0))
  last <- residuals(fit)[d$Subject == "M01" & d$visit == 4]
  male <- predict(fit, new, re.form = NA)
  expect_equal(unname(found), unname(male + c(rho * last, 0)), tolerance = 1e-10)
  expect_equal(predict(fit, new, kriging = FALSE), male)
  expect_equal(predict(fit, new[c("Sex", "age")]), male)          # no subject, no residual
  expect_error(predict(fit, new[c("Sex", "age")], kriging = TRUE), "lacks variable", class = "lmm_error_newdata")
  expect_error(predict(lmm(distance ~ age, d, residual = ~ us(age | Subject)), data.frame(age = 9, Subject = "M01")),
               "not a visit of the fit", class = "lmm_error_newdata")
  expect_error(predict(fit, new, kriging = 2), class = "lmm_error_input")
  expect_error(predict(fit, transform(new, visit = "5")), "was a number in the fit", class = "lmm_error_newdata")
})

test_that("combinations of effects and means of new rows agree with independent residuals written as a structure", {
  d <- plain_orthodont()
  plain <- lmm(distance ~ age + (1 | Subject), d)
  residual <- lmm(distance ~ age + (1 | Subject), d, residual = ~ exp(age | Subject), fixed = c(range = 1e-3))
  random <- lmm(distance ~ age + homdiag(1 | Subject), d)
  m <- list(Subject = c(M01 = 1, F02 = -0.5))
  new <- data.frame(age = c(9, 11, 9, 11, 9), Subject = c("M01", "M01", "new", "new", "other"))
  for (fit in list(residual, random)) {
    for (ddf in c("Satterthwaite", "Kenward-Roger", "residual")) {
      expect_equal(predictable(fit, c(1, 10), m, ddf = ddf), predictable(plain, c(1, 10), m, ddf = ddf),
                   tolerance = 1e-6)
    }
    for (re.form in list(NULL, NA)) {
      expect_equal(predict_mean(fit, new, re.form), predict_mean(plain, new, re.form), tolerance = 1e-6)
    }
    expect_equal(predict(fit, new, allow.new.levels = TRUE, interval = "prediction"),
                 predict(plain, new, allow.new.levels = TRUE, interval = "prediction"), tolerance = 1e-5)
  }
})

test_that("the mean of the next two visits counts that their residuals are correlated", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  p <- variance_components(fit)$estimate
  rho <- p[1]
  next_two <- predict_mean(fit, data.frame(age = c(16, 18), visit = 5:6, Subject = "M01"), ddf = "asymptotic")
  same <- outer(d$Subject, d$Subject, "==")
  V <- p[2] * same * rho^abs(outer(d$visit, d$visit, "-"))
  X <- cbind(1, d$age)
  W <- solve(V)
  phi <- solve(crossprod(X, W %*% X))
  c <- p[2] * (d$Subject == "M01") * (rho^(5 - d$visit) + rho^(6 - d$visit)) / 2
  h <- c(1, 17) - drop(crossprod(X, W %*% c))
  own <- p[2] * (1 + rho) / 2
  expect_equal(next_two$se, sqrt(own - sum(c * (W %*% c)) + sum(h * (phi %*% h))), tolerance = 1e-8)
  expect_equal(next_two$fit, drop(c(1, 17) %*% fixef(fit) + crossprod(c, W %*% (d$distance - X %*% fixef(fit)))),
               tolerance = 1e-8)
})

test_that("intervals at known variance parameters need no dense matrices, and fits without rows predict means", {
  d <- irregular_data()
  fit <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w)
  new <- data.frame(x = 1, t = c(2, 9, 9), id = c("3", "3", "new"), w = c(1, 2, 1))
  half <- function(...) {
    limits <- predict(fit, new, allow.new.levels = TRUE, ..., ddf = "asymptotic")
    unname(limits[, "upr"] - limits[, "lwr"]) / 2
  }
  rows <- prediction_rows(fit, new, NULL, TRUE, na.pass)
  target <- list(use = all_columns(fit), left_out = all_columns(fit, FALSE), residual = c(1, 1 / 2, 1),
                 kriging = kriging_plan(fit, rows, FALSE, NULL, new, "prediction"))
  dense <- dense_predictions(interval_inference(fit, "asymptotic"), rows, target)
  expect_equal(half(interval = "prediction", kriging = FALSE), qnorm(0.975) * dense$se, tolerance = 1e-8)
  se <- predict(fit, new, allow.new.levels = TRUE, se.fit = TRUE, kriging = FALSE)$se.fit
  expect_equal(half(interval = "confidence", kriging = FALSE), unname(qnorm(0.975) * se), tolerance = 1e-8)
  bare <- lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w, control = lmm_control(keep_rows = FALSE))
  expect_equal(predict(bare, new[1:2, ]), predict(fit, new[1:2, ], kriging = FALSE), tolerance = 1e-10)
  expect_error(predict(bare, new[1:2, ], kriging = TRUE), "keep_rows", class = "lmm_error_input")
})

test_that("levels of a known relationship beside a residual structure: predictions, errors and residuals", {
  set.seed(1)
  n <- 20
  A <- cov2cor(crossprod(matrix(rnorm(n * 30), 30)))
  dimnames(A) <- list(paste0("a", 1:n), paste0("a", 1:n))
  d <- data.frame(id = rep(rownames(A), each = 6), t = 1:6, x = rnorm(6 * n))
  u <- t(chol(A)) %*% matrix(rnorm(2 * n), n)
  at <- match(d$id, rownames(A))
  d$y <- d$x + 2 * u[at, 1] + d$x * u[at, 2] + as.vector(replicate(n, arima.sim(list(ar = 0.5), 6)))
  d <- d[d$id != "a20", ]
  fit <- lmm(y ~ x + (x | id), d, residual = ~ ar1(t | id), relationship = list(id = A))
  S <- VarCorr(fit)$id[, ]
  p <- c(variance_components(fit)["rho", "estimate"], sigma(fit)^2)
  X <- cbind(1, d$x)
  R <- p[2] * outer(d$id, d$id, "==") * p[1]^abs(outer(d$t, d$t, "-"))
  V <- A[d$id, d$id] * (X %*% S %*% t(X)) + R
  W <- solve(V)
  phi <- solve(crossprod(X, W %*% X))
  z <- c(1, 0.5)
  for (level in c("a3", "a20")) {                          # a20 has no records
    c <- A[d$id, level] * drop(X %*% S %*% z) + p[2] * (d$id == level) * p[1]^abs(d$t - 7)
    h <- z - drop(crossprod(X, W %*% c))
    mean <- sum(fixef(fit) * z) + sum(c * (W %*% (d$y - X %*% fixef(fit))))
    se <- sqrt(A[level, level] * sum(z * (S %*% z)) + p[2] - sum(c * (W %*% c)) + sum(h * (phi %*% h)))
    own <- predict(fit, data.frame(x = 0.5, t = 7, id = level), interval = "prediction", ddf = "asymptotic")
    expect_equal(unname(own[1, ]), mean + c(0, -1, 1) * qnorm(0.975) * se, tolerance = 1e-7)
  }
  P <- W - W %*% X %*% phi %*% t(X) %*% W
  expect_equal(unname(hatvalues(fit)), 1 - diag(R %*% P), tolerance = 1e-7)
  expect_equal(unname(residuals(fit, "marginal_cholesky")), drop(forwardsolve(t(chol(V)), d$y - X %*% fixef(fit))),
               tolerance = 1e-7)
  Z <- model.matrix(~ 0 + factor(id, rownames(A)), d)
  Z <- cbind(Z, Z * d$x)[, order(rep(1:n, 2))]
  C <- crossprod(cbind(Z, X), solve(R, cbind(Z, X)))
  C[1:(2 * n), 1:(2 * n)] <- C[1:(2 * n), 1:(2 * n)] + kronecker(solve(A), solve(S))
  expect_equal(unname(vcov(fit, full = TRUE)), unname(solve(C)), tolerance = 1e-7)
  m <- replace(numeric(2 * n + 2), c(39, 5, 41), c(1, -1, 1))
  own <- predictable(fit, c(1, 0), list(id = c(a20 = 1, a3 = -1)), ddf = "asymptotic")
  expect_equal(own$`Std. Error`, sqrt(drop(m %*% solve(C, m))), tolerance = 1e-7)
})
