test_that("degrees of freedom are those of the dense formulas with numerical derivatives", {
  tested <- 0
  for (seed in c(1:13, 15:26, 29:34)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    if (!fit$estimates$rank || any(getME(fit, "singular"))) next
    Sigma <- design_covariance(case, fit)
    least <- min(vapply(Sigma, function(S) min(eigen(as.matrix(S), TRUE, TRUE)$values) / sigma(fit)^2, 0))
    if (least < 0.03) next                 # differences would step over the boundary
    model <- oracle_of_design(case)
    at <- oracle_information(model, Sigma, sigma(fit)^2)
    A <- 2 * solve(2 * at$AI - if (getME(fit, "is_REML")) at$T else at$T_ml)
    closed <- vapply(seq_len(model$p), function(j) {
      g <- vapply(at$P, function(P) -(at$Phi %*% P %*% at$Phi)[j, j], 0)
      2 * at$Phi[j, j]^2 / c(g %*% A %*% g)
    }, 0)
    expect_lt(relative_difference(coef(summary(fit))[, "df"], closed), 1e-8, label = paste("design", seed, case$kind))
    truth <- oracle_satterthwaite(model, Sigma, sigma(fit)^2, diag(model$p), getME(fit, "is_REML"))
    expect_lt(relative_difference(coef(summary(fit))[, "df"], truth), 1e-6, label = paste("design", seed, case$kind))
    tested <- tested + 1
  }
  expect_gt(tested, 12)
})

test_that("a variance of zero leaves the model without the term", {
  d <- transform(behavior_data(), k = factor(rep(1:6, 16)))
  d$y <- d$y - ave(d$y, d$k) + mean(d$y)
  fit <- suppressMessages(lmm(y ~ x + f + (1 | g) + (1 | k), d))
  expect_identical(unname(getME(fit, "singular")), c(FALSE, TRUE))
  without <- lmm(y ~ x + f + (1 | g), d)
  expect_equal(coef(summary(fit)), coef(summary(without)), tolerance = 1e-7)
  expect_equal(anova(fit), anova(without), tolerance = 1e-7)
})

test_that("without any variance the degrees of freedom are those of regression", {
  set.seed(3)
  d <- transform(behavior_data(), y = rnorm(96))
  fit <- suppressMessages(lmm(y ~ x + f + (1 | g), d))
  expect_true(isSingular(fit))
  expect_equal(unname(coef(summary(fit))[, "df"]), rep(96 - 5, 5), tolerance = 1e-8)
  expect_equal(unname(coef(summary(fit))[, "Pr(>|t|)"]), unname(coef(summary(lm(y ~ x + f, d)))[, 4]), tolerance = 1e-8)
})

test_that("published degrees of freedom of a random slope are reproduced", {
  row <- contest(lmm(y ~ x + (x | g), behavior_data()), c(0, 1), joint = FALSE)
  expect_equal(row$df, 11.8114, tolerance = 1e-5)
  expect_equal(row$`Pr(>|t|)`, 0.00873434, tolerance = 1e-4)
})

test_that("units of response, covariates and weights do not matter", {
  d <- transform(behavior_data(), w = rep(c(0.5, 1, 2), 32))
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    base <- coef(summary(lmm(y ~ x + f + (x | g), d), ddf = ddf))
    weighted <- coef(summary(lmm(y ~ x + f + (x | g), d, weights = w), ddf = ddf))
    same <- function(fit, to = base) {
      new <- coef(summary(fit, ddf = ddf))
      expect_lt(relative_difference(new[, c("df", "t value")], to[, c("df", "t value")]), 1e-8)
    }
    for (unit in c(1e-9, 1e-8, 1e6)) same(lmm(y ~ x + f + (x | g), transform(d, y = y * unit)))
    for (unit in c(1e-6, 1e6)) same(lmm(y ~ x + f + (x | g), transform(d, x = x * unit)))
    for (unit in c(1e-8, 1e8)) same(lmm(y ~ x + f + (x | g), transform(d, w = w * unit), weights = w), weighted)
  }
  slope <- function(shift) coef(summary(lmm(y ~ x + (x | g), transform(d, x = x + shift))))["x", ]
  expect_equal(slope(100), slope(0), tolerance = 1e-8)
  expect_equal(slope(1e6), slope(0), tolerance = 1e-5)
})

test_that("a one-way layout has one degree of freedom less than groups", {
  one <- lmm(y ~ 1 + (1 | instrument), setNames(nist_data("AtmWtAg"), c("instrument", "y")))
  expect_equal(coef(summary(one))[, "df"], 1, tolerance = 1e-8)
})

test_that("degrees of freedom of several rows give F the mean of the squares of their t", {
  for (df in list(c(3, 8), c(2.5, 4, 100), c(5, Inf))) {
    q <- length(df)
    ddf <- combined_df(df, q)
    mean_square <- vapply(df, function(k) if (is.infinite(k)) 1 else integrate(function(t) t^2 * dt(t, k), -Inf, Inf,
                                                                               rel.tol = 1e-9)$value, 0)
    expect_equal(ddf / (ddf - 2), mean(mean_square), tolerance = 1e-5)
  }
  expect_identical(combined_df(c(7, 7, 7), 3), 7)
  # a square without a mean: F has none either
  for (df in list(c(2, 50), c(1.2, 3))) expect_identical(combined_df(df, 2), 2)
})
