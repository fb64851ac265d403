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

test_that("standard errors and degrees of freedom are those of the dense formulas", {
  tested <- 0
  for (seed in c(1:13, 15:27)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    Sigma <- design_covariance(case, fit)
    if (!fit$estimates$rank || anyNA(fixef(fit)) || any(getME(fit, "singular"))) next
    least <- min(vapply(Sigma, function(S) min(eigen(as.matrix(S), TRUE, TRUE)$values) / sigma(fit)^2, 0))
    if (least < 0.03) next
    model <- oracle_of_design(case)
    set.seed(seed)
    weights <- lapply(fit$estimates$b, function(b) b * 0 + rnorm(length(b)))
    names(weights) <- vapply(fit$frame$random, `[[`, "", "name")
    order <- stacked_order(case, fit, model)
    m <- numeric(length(order))
    m[order] <- unlist(lapply(weights, t))
    k <- rnorm(model$p)
    psi <- oracle_psi(model, Sigma, sigma(fit)^2)
    step <- inner_steps(model, Sigma, sigma(fit)^2)
    row <- predictable(fit, k, weights)
    expect_equal(row$`Std. Error`^2, oracle_prediction_variance(model, psi, k, m), tolerance = 1e-8, label = paste("variance of design", seed))
    criterion <- function(x) {
      at <- oracle_from_psi(model, x)
      oracle_criterion(model, at$Sigma, at$sigma2, getME(fit, "is_REML"))
    }
    A <- 2 * solve(numeric_hessian(criterion, psi, step))
    g <- numeric_gradient(function(x) oracle_prediction_variance(model, x, k, m), psi, step)
    expect_equal(row$df, 2 * row$`Std. Error`^4 / as.numeric(g %*% A %*% g), tolerance = 1e-5, label = paste("df of design", seed))
    tested <- tested + 1
  }
  expect_gt(tested, 10)
})

test_that("without random effects it is a test of the fixed effects", {
  fit <- lmm(y ~ x + f + (x | g), behavior_data())
  for (ddf in c("Satterthwaite", "residual", "asymptotic")) {
    expect_equal(predictable(fit, c(x = 1), ddf = ddf), contest(fit, c(x = 1), joint = FALSE, ddf = ddf), tolerance = 1e-8)
  }
})

test_that("narrow inference about a balanced one-way layout is that of fixed effects", {
  fit <- example_fit("pulp")
  all <- setNames(rep(1 / 4, 4), letters[1:4])
  row <- predictable(fit, 1, list(operator = all))
  expect_equal(row$Estimate, mean(pulp$bright))
  expect_equal(row$`Std. Error`, sigma(fit) / sqrt(20), tolerance = 1e-9)
  expect_equal(row$df, 16, tolerance = 1e-6)
  one <- predictable(fit, 1, list(operator = c(a = 1)))
  expect_equal(one$Estimate, 60.27806, tolerance = 1e-6)
  expect_lt(one$`Std. Error`, predictable(fit, 1)$`Std. Error`)
})

test_that("bad arguments are refused", {
  fit <- example_fit("pulp")
  expect_error(predictable(fit, 1, list(nobody = c(a = 1))), "operator", class = "lmm_error_input")
  expect_error(predictable(fit, 1, list(operator = c(z = 1))), "\"z\"", class = "lmm_error_input")
  expect_error(predictable(fit, 1, list(operator = 1)), "named", class = "lmm_error_input")
  expect_error(predictable(fit, 1, ddf = "Kenward-Roger"), "Satterthwaite", class = "lmm_error_input")
  expect_error(predictable(fit, rbind(1, 2)), "one row", class = "lmm_error_input")
})
