test_that("leverages are the diagonal of the dense matrix that gives the fitted values", {
  for (seed in c(1:12, 16, 20)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    sigma2 <- sigma(fit)^2
    P <- oracle_P(oracle, fit_covariance(fit)[term_positions(case, fit)], sigma2)
    h <- 1 - sigma2 * diag(P) / oracle$w
    expect_equal(unname(hatvalues(fit))[oracle$keep], h, tolerance = 1e-7, label = case$kind)
    e <- sqrt(oracle$w) * (oracle$y - unname(fitted(fit))[oracle$keep]) / sigma(fit)
    expect_equal(unname(rstandard(fit))[oracle$keep], e / sqrt(1 - h), tolerance = 1e-6, label = case$kind)
    p <- qr(oracle$X)$rank
    if (p) expect_equal(unname(cooks.distance(fit))[oracle$keep], (e / (1 - h))^2 * h / p, tolerance = 1e-6,
                        label = case$kind)
    if (case$weighted) expect_true(all(hatvalues(fit)[case$data$w == 0] == 0))
  }
})

test_that("the fitted value of a row moves by its leverage times the change of its response", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (x | g), d)
  # the fitted values at held parameters, from the dense formulas
  model <- oracle_model(d$y, model.matrix(~x, d), list(model.matrix(~x, d)), list(as.integer(d$g)))
  P <- oracle_P(model, fit_covariance(fit), sigma(fit)^2)
  fitted_of <- function(y) y - sigma(fit)^2 * as.vector(P %*% y)
  moved <- replace(d$y, 7, d$y[7] + 1)
  expect_equal(fitted_of(moved)[7] - fitted_of(d$y)[7], hatvalues(fit)[[7]], tolerance = 1e-8)
})

test_that("they agree with lme4 and have its names", {
  skip_if_not_installed("lme4")
  d <- behavior_data()
  d$w <- rep(c(0.5, 1, 2), 32)
  fit <- lmm(y ~ x + f + (x | g), d, weights = w)
  peer <- lme4::lmer(y ~ x + f + (x | g), d, weights = w)
  expect_equal(hatvalues(fit), hatvalues(peer), tolerance = 1e-4)
  expect_equal(rstudent(fit), rstudent(peer), tolerance = 1e-4)
  expect_equal(cooks.distance(fit), cooks.distance(peer), tolerance = 1e-3)
})

test_that("rows left out, models without fixed effects and exact fits give NA", {
  d <- behavior_data()
  d$y[c(2, 5)] <- NA
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d, na.action = na.exclude))
  expect_identical(unname(which(is.na(hatvalues(fit)))), c(2L, 5L))
  expect_length(cooks.distance(fit), 96)
  none <- lmm(y ~ 0 + (1 | g), behavior_data())
  expect_true(all(is.na(cooks.distance(none))))
  expect_false(anyNA(rstudent(none)))
  expect_error(hatvalues(fit, nonsense = 1), "nonsense", class = "lmm_error_input")
})

test_that("a row that determines its own fitted value has no standardized residual", {
  d <- behavior_data()
  d$own <- as.numeric(seq_len(96) == 3)
  fit <- lmm(y ~ x + own + (1 | g), d)
  expect_equal(hatvalues(fit)[[3]], 1)
  expect_identical(unname(which(is.na(rstudent(fit)))), 3L)
  expect_identical(unname(which(is.na(cooks.distance(fit)))), 3L)
})
