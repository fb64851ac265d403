# Variance of the prediction error of k'beta + m'b from dense matrices, as a function of the natural parameters.
oracle_prediction_variance <- function(model, psi, k, m) {
  at <- oracle_from_psi(model, psi)
  V <- oracle_V(model, at$Sigma, at$sigma2)
  G <- oracle_B(model, at$Sigma)
  Z <- oracle_Z(model)
  X <- model$X[, model$independent, drop = FALSE]
  Vi <- solve(V)
  left <- k - as.vector(t(X) %*% Vi %*% Z %*% G %*% m)
  as.numeric(t(m) %*% (G - G %*% t(Z) %*% Vi %*% Z %*% G) %*% m + t(left) %*% solve(t(X) %*% Vi %*% X, left))
}

# The same by its coefficients of y.
oracle_predictor <- function(model, psi, k, m) {
  at <- oracle_from_psi(model, psi)
  Vi <- solve(oracle_V(model, at$Sigma, at$sigma2))
  ZGm <- oracle_Z(model) %*% (oracle_B(model, at$Sigma) %*% m)
  X <- model$X[, model$independent, drop = FALSE]
  as.vector(Vi %*% (ZGm + X %*% solve(t(X) %*% Vi %*% X, k - t(X) %*% Vi %*% ZGm)))
}

# Slopes of a vector in each parameter, a row each: central differences, extrapolated three times.
predictor_slopes <- function(f, psi, step) {
  t(vapply(seq_along(psi), function(i) {
    central <- function(h) {
      e <- replace(numeric(length(psi)), i, h * step[i])
      (f(psi + e) - f(psi - e)) / (2 * h * step[i])
    }
    d <- lapply(2^-(0:3), central)
    for (order in 1:3) d <- Map(function(wide, narrow) narrow + (narrow - wide) / (4^order - 1), d[-length(d)], d[-1])
    d[[1]]
  }, f(psi)))
}

# A random design whose parameters lie inside their space, with random coefficients k and m; NULL for others.
interior_prediction <- function(seed) {
  case <- random_design(seed)
  fit <- fit_design(case)
  Sigma <- design_covariance(case, fit)
  if (!fit$estimates$rank || anyNA(fixef(fit)) || any(getME(fit, "singular"))) return(NULL)
  least <- min(vapply(Sigma, function(S) min(eigen(as.matrix(S), TRUE, TRUE)$values) / sigma(fit)^2, 0))
  if (least < 0.03) return(NULL)
  model <- oracle_of_design(case)
  set.seed(seed)
  weights <- lapply(fit$estimates$b, function(b) b * 0 + rnorm(length(b)))
  names(weights) <- vapply(fit$frame$random, `[[`, "", "name")
  order <- stacked_order(case, fit, model)
  m <- numeric(length(order))
  m[order] <- unlist(lapply(weights, t))
  list(fit = fit, model = model, Sigma = Sigma, weights = weights, m = m, k = rnorm(model$p),
       psi = oracle_psi(model, Sigma, sigma(fit)^2), step = inner_steps(model, Sigma, sigma(fit)^2))
}

test_that("standard errors and degrees of freedom are those of the dense formulas", {
  tested <- 0
  for (seed in c(1:13, 15:27)) {
    it <- interior_prediction(seed)
    if (is.null(it)) next
    row <- predictable(it$fit, it$k, it$weights)
    variance <- function(psi) oracle_prediction_variance(it$model, psi, it$k, it$m)
    expect_equal(row$`Std. Error`^2, variance(it$psi), tolerance = 1e-8, label = paste("variance of design", seed))
    criterion <- function(psi) {
      at <- oracle_from_psi(it$model, psi)
      oracle_criterion(it$model, at$Sigma, at$sigma2, getME(it$fit, "is_REML"))
    }
    A <- 2 * solve(numeric_hessian(criterion, it$psi, it$step))
    g <- numeric_gradient(variance, it$psi, it$step)
    expect_equal(row$df, 2 * row$`Std. Error`^4 / as.numeric(g %*% A %*% g), tolerance = 1e-5,
                 label = paste("df of design", seed))
    tested <- tested + 1
  }
  expect_gt(tested, 10)
})

test_that("Kenward and Roger: what estimated parameters add to the error, and the bias of its variance, by differences",
          {
  tested <- 0
  for (seed in c(1:13, 29:41)) {
    it <- interior_prediction(seed)
    if (is.null(it)) next
    stopifnot(getME(it$fit, "is_REML"))
    row <- predictable(it$fit, it$k, it$weights, ddf = "Kenward-Roger")
    variance <- function(psi) oracle_prediction_variance(it$model, psi, it$k, it$m)
    C <- oracle_kr(it$model, it$Sigma, sigma(it$fit)^2)$W
    slopes <- predictor_slopes(function(psi) oracle_predictor(it$model, psi, it$k, it$m), it$psi, it$step)
    added <- sum(C * (slopes %*% oracle_V(it$model, it$Sigma, sigma(it$fit)^2) %*% t(slopes)))
    bias <- sum(C * numeric_hessian(variance, it$psi, it$step)) / 2
    expect_equal(row$`Std. Error`^2, variance(it$psi) + added - bias, tolerance = 1e-6,
                 label = paste("variance of design", seed))
    g <- numeric_gradient(variance, it$psi, it$step)
    expect_equal(row$df, 2 * variance(it$psi)^2 / as.numeric(g %*% C %*% g), tolerance = 1e-6,
                 label = paste("df of design", seed))
    tested <- tested + 1
  }
  expect_gt(tested, 10)
})

test_that("Kenward and Roger's adjustment does not depend on units and origins", {
  d <- behavior_data()
  one <- predictable(lmm(y ~ x + (x | g), d), c(1, 2), list(g = rbind(g03 = c(`(Intercept)` = 1, x = 2))),
                     ddf = "Kenward-Roger")
  moved <- transform(d, x = (x - 7) * 1e6, y = y * 1e3)
  two <- predictable(lmm(y ~ x + (x | g), moved), c(1, -5e6), list(g = rbind(g03 = c(`(Intercept)` = 1, x = -5e6))),
                     ddf = "Kenward-Roger")
  expect_equal(unlist(two[c(1, 2, 5, 6)]), 1e3 * unlist(one[c(1, 2, 5, 6)]), tolerance = 1e-7)
  expect_equal(two$df, one$df, tolerance = 1e-7)
})

test_that(
  "a fit by maximum likelihood is refitted for Kenward and Roger, estimate included; boundaries and no fixed effects", {
  d <- behavior_data()
  m <- list(g = c(g02 = 1))
  expect_message(ml <- predictable(lmm(y ~ x + (1 | g), d, REML = FALSE), c(1, 0), m, ddf = "Kenward-Roger"),
                 class = "lmm_message_refit")
  expect_equal(ml, predictable(lmm(y ~ x + (1 | g), d), c(1, 0), m, ddf = "Kenward-Roger"), tolerance = 1e-7)
  set.seed(5)
  flat <- suppressMessages(lmm(y ~ x + (1 | g), transform(d, y = rnorm(96))))
  expect_true(getME(flat, "singular"))
  row <- predictable(flat, c(1, 0), m, ddf = "Kenward-Roger")
  expect_true(all(is.finite(unlist(row))))
  # the variance is estimated as zero, not known to be
  expect_gt(row$`Std. Error`, predictable(flat, c(1, 0), m)$`Std. Error`)
  none <- lmm(y ~ 0 + (1 | g), d)
  v <- VarCorr(none)$g[1]
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic")) {
    row <- suppressMessages(predictable(none, numeric(0), m, ddf = ddf))
    expect_equal(row$Estimate, 8 * v / (8 * v + sigma(none)^2) * mean(d$y[d$g == "g02"]), tolerance = 1e-9)
    if (ddf != "Kenward-Roger") expect_equal(row$`Std. Error`^2, 1 / (1 / v + 8 / sigma(none)^2), tolerance = 1e-9)
  }
})

test_that("without random effects it is a test of the fixed effects", {
  fit <- lmm(y ~ x + f + (x | g), behavior_data())
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic")) {
    expect_equal(predictable(fit, c(x = 1), ddf = ddf), contest(fit, c(x = 1), joint = FALSE, ddf = ddf),
                 tolerance = 1e-8)
  }
})

test_that("narrow inference about a balanced one-way layout is that of fixed effects", {
  fit <- example_fit("pulp")
  all <- setNames(rep(1 / 4, 4), letters[1:4])
  row <- predictable(fit, 1, list(operator = all))
  expect_equal(row$Estimate, mean(pulp$bright))
  expect_equal(row$`Std. Error`, sigma(fit) / sqrt(20), tolerance = 1e-9)
  expect_equal(row$df, 16, tolerance = 1e-6)
  expect_equal(predictable(fit, 1, list(operator = all), ddf = "Kenward-Roger"), row, tolerance = 1e-9)
  one <- predictable(fit, 1, list(operator = c(a = 1)))
  expect_equal(one$Estimate, 60.27806, tolerance = 1e-6)
  expect_lt(one$`Std. Error`, predictable(fit, 1)$`Std. Error`)
})

test_that("bad arguments are refused", {
  fit <- example_fit("pulp")
  expect_error(predictable(fit, 1, list(nobody = c(a = 1))), "operator", class = "lmm_error_input")
  expect_error(predictable(fit, 1, list(operator = c(z = 1))), "\"z\"", class = "lmm_error_input")
  expect_error(predictable(fit, 1, list(operator = 1)), "named", class = "lmm_error_input")
  expect_error(predictable(fit, 1, ddf = "containment"), "Kenward-Roger", class = "lmm_error_input")
  expect_error(predictable(fit, rbind(1, 2)), "one row", class = "lmm_error_input")
})

test_that("relationships of many levels are refused where dense matrices would be needed", {
  set.seed(1)
  d <- data.frame(g = factor(rep(letters[1:12], each = 6)), x = rnorm(72))
  d$y <- rnorm(12)[d$g] + rnorm(12)[d$g] * d$x + rnorm(72)
  K <- matrix(0.4, 12, 12, dimnames = list(letters[1:12], letters[1:12])) + diag(0.6, 12)
  fit <- lmm(y ~ x + (x | g), d, relationship = list(g = K))
  expect_true(needs_relation(fit))
  expect_error(needs_relation(fit, most = 50), "dense matrices with 72 rows", class = "lmm_error_numeric")
  expect_false(needs_relation(lmm(y ~ x + (x | g), d), most = 50))
})

test_that("levels of a term that is correlated across levels have their names", {
  set.seed(4)
  names <- letters[1:8]
  d <- data.frame(g = factor(rep(names, each = 5)), x = rnorm(40), lon = rep(cos(1:8), each = 5),
                  lat = rep(sin(1:8 * 2), each = 5))
  K <- 0.6 * exp(-abs(outer(1:8, 1:8, "-"))) + diag(0.4, 8)
  dimnames(K) <- list(names, names)
  d$y <- as.vector(3 * t(chol(K)) %*% rnorm(8))[d$g] + d$x + rnorm(40)
  low <- structure(tcrossprod(matrix(rnorm(24), 8)), dimnames = list(names, names))
  fits <- list(g = lmm(y ~ x + (1 | g), d, relationship = list(g = K)),
               g = suppressMessages(lmm(y ~ x + (1 | g), d, relationship = list(g = low))),
               `exp(g)` = suppressMessages(lmm(y ~ x + exp(lon + lat | g), d)))
  for (i in seq_along(fits)) {
    fit <- fits[[i]]
    X <- cbind(1, d$x)
    Z <- outer(as.character(d$g), names, "==") + 0
    G <- if (i < 3) list(K, low)[[i]] * as.data.frame(VarCorr(fit))$vcov[1] else getME(fit, "Sigma")[[1]]
    V <- Z %*% G %*% t(Z) + sigma(fit)^2 * diag(40)
    beta <- solve(t(X) %*% solve(V, X), t(X) %*% solve(V, d$y))
    k <- c(1, 0.5)
    m <- c(0, 1, 0, -0.5, 0, 0, 0, 0)
    weight <- solve(V, Z %*% G %*% m)                         # l'y predicts m'b + k'beta
    share <- solve(V, X) %*% solve(t(X) %*% solve(V, X), k - t(X) %*% weight)
    l <- weight + share
    variance <- sum(m * (G %*% m)) - 2 * sum(l * (Z %*% G %*% m)) + sum(l * (V %*% l))
    found <- predictable(fit, k, setNames(list(c(b = 1, d = -0.5)), names(fits)[i]))
    expect_equal(found$Estimate, sum(k * beta) + sum(m * (G %*% t(Z) %*% solve(V, d$y - X %*% beta))),
                 tolerance = 1e-6)
    expect_equal(found$`Std. Error`, sqrt(variance), tolerance = 1e-6)
    expect_error(predictable(fit, k, setNames(list(c(z = 1)), names(fits)[i])), "unknown: \"z\"",
                 class = "lmm_error_input")
  }
  alone <- predictable(fits[[1]], k, list(g = c(b = 1)))
  expect_equal(alone$Estimate, unname(predict(fits[[1]], data.frame(x = 0.5, g = "b"))), tolerance = 1e-8)
})
