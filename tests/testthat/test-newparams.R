test_that("responses at other parameters are those of lme4, number by number", {
  skip_if_not_installed("lme4")
  d <- lme4::sleepstudy
  ours <- lmm(Reaction ~ Days + (Days | Subject), d)
  theirs <- lme4::lmer(Reaction ~ Days + (Days | Subject), d)
  full <- list(beta = c(`(Intercept)` = 240, Days = 4), theta = c(2, 0.1, 0.3), sigma = 20)
  theta <- setNames(full$theta, names(lme4::getME(theirs, "theta")))
  expect_equal(simulate(ours, 2, seed = 3, newparams = full)$sim_2,
               simulate(theirs, 2, seed = 3, newparams = replace(full, "theta", list(theta)))$sim_2, tolerance = 1e-10)
})

test_that("parameters have values by position or by name, and what is not named keeps its own", {
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), behavior_data()))
  same <- with_parameters(fit, list(beta = unname(fixef(fit)), theta = getME(fit, "theta"), sigma = sigma(fit)))
  expect_equal(unclass(VarCorr(same)), unclass(VarCorr(fit)))
  one <- with_parameters(fit, c(x = 3, `sd_x|g` = 2, `cor_x.(Intercept)|g` = 0.5))
  S <- VarCorr(fit)$g
  expect_equal(fixef(one), replace(fixef(fit), "x", 3))
  expect_equal(VarCorr(one)$g, matrix(c(S[1], sqrt(S[1]), sqrt(S[1]), 4), 2), ignore_attr = TRUE)
  expect_equal(VarCorr(one)$h[1], VarCorr(fit)$h[1])
  expect_equal(with_parameters(fit, list(`var_(Intercept)|h` = 9))$estimates$covariance[[2]][1], 9)
  expect_equal(with_parameters(fit, list(h = 3))$estimates$covariance[[2]][1], 9)
  louder <- with_parameters(fit, c(sigma = 2 * sigma(fit)))                     # theta is relative to sigma
  expect_equal(unname(unlist(fit_covariance(louder))), 4 * unname(unlist(fit_covariance(fit))), tolerance = 1e-8)
  expect_equal(fixef(with_parameters(fit, list(beta = c(x = 7))))[["x"]], 7)
})

test_that("what is no parameter, or no value of one, is refused", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  for (bad in list(c(z = 1), list(beta = 1:3), list(theta = 1), c(sigma = -1), c(`sd_x|g` = -1),
                   c(`cor_x.(Intercept)|g` = 2), "a", c(1, 2),
                   c(x = NA), list(x = 1:2), list(beta = c(z = 1)), TRUE)) {
    expect_error(simulate(fit, newparams = bad), class = "lmm_error_input")
  }
  expect_error(simulate(fit, newparams = c(X = 1)), "Did you mean `x`", class = "lmm_error_input")
  expect_error(simulate(fit, weights = 1), class = "lmm_error_input")

})

test_that("weights and an offset of new rows enter their variance and mean", {
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  new <- data.frame(x = 0, g = "new")[rep(1, 4000), ]
  y <- simulate(fit, 1, seed = 1, newdata = new, allow.new.levels = TRUE,
                newparams = c(`sd_(Intercept)|g` = 0, sigma = 1),
                weights = rep(c(1, 100), 2000), offset = rep(c(0, 50), 2000))$sim_1 - fixef(fit)[[1]]
  expect_equal(mean(y[c(FALSE, TRUE)]), 50, tolerance = 1e-3)
  expect_equal(sd(y[c(FALSE, TRUE)]), 0.1, tolerance = 0.05)
  expect_equal(sd(y[c(TRUE, FALSE)]), 1, tolerance = 0.05)
})

test_that("a formula with parameters needs no fit and no response", {
  design <- expand.grid(x = 0:9, g = factor(1:300))
  p <- c(`(Intercept)` = 5, x = 1, `sd_(Intercept)|g` = 2, `sd_x|g` = 0.5, `cor_x.(Intercept)|g` = -0.5, sigma = 0.1)
  y <- matrix(simulate_lmm(~ x + (x | g), design, p, seed = 1)$sim_1, 10)
  line <- solve(crossprod(cbind(1, 0:9)), t(cbind(1, 0:9)) %*% y)
  expect_equal(rowMeans(line), c(5, 1), tolerance = 0.1)
  expect_equal(cov(t(line)), matrix(c(4, -0.5, -0.5, 0.25), 2), tolerance = 0.15)
  theta <- list(beta = c(5, 1), theta = c(20, -2.5, sqrt(25 - 6.25)), sigma = 0.1)
  expect_equal(simulate_lmm(z ~ x + (x | g), design, theta, seed = 1), simulate_lmm(~ x + (x | g), design, p, seed = 1),
               tolerance = 1e-10)
  expect_error(simulate_lmm(~ x + (x | g), design, p[-2]), "`x`", class = "lmm_error_input")
  expect_error(simulate_lmm(~ x + (x | g), design, p[-3]), "sd_\\(Intercept\\)", class = "lmm_error_input")
  expect_error(simulate_lmm(log(z) ~ x + (x | g), design, p), class = "lmm_error_input")
  expect_error(simulate_lmm(~ x + (x | g), newparams = p), class = "lmm_error_input")
  state <- .Random.seed
  simulate_lmm(~ x + (x | g), design, p, seed = 2)
  expect_identical(.Random.seed, state)
})
