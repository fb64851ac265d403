d <- behavior_data()
m <- lmm(y ~ x + (x | g), d)

test_that("a refit is a fit to the new response", {
  z <- simulate(m, 1, seed = 1)[[1]]
  again <- refit(m, z)
  direct <- lmm(z ~ x + (x | g), transform(d, z = z))
  expect_s3_class(again, "lmm_fit")
  expect_equal(again$estimates, direct$estimates, tolerance = 1e-9)
  expect_equal(residuals(again), residuals(direct), tolerance = 1e-9)
  expect_equal(refit(m)$estimates, m$estimates)
})

test_that("many responses at once are many fits", {
  Y <- simulate(m, 6, seed = 2)
  many <- refit(m, Y)
  for (j in 1:6) {
    one <- refit(m, Y[[j]])
    expect_equal(many$beta[, j], fixef(one), tolerance = 1e-9)
    expect_equal(many$sigma[j], sigma(one), tolerance = 1e-9)
    expect_equal(many$criterion[j], deviance(one), tolerance = 1e-9)
  }
  expect_equal(tidy(refit(m, as.matrix(Y))), tidy(many))
  pieces <- lmm(y ~ x + (x | g), d, control = lmm_control(chunk_rows = 7))
  expect_equal(refit(pieces, Y)$criterion, many$criterion, tolerance = 1e-9)
  Y[[2]] <- as.character(Y[[2]])
  expect_error(refit(m, Y), "numeric", class = "lmm_error_input")
})

# Above 256 random effects the start comes from moments of the response.
test_that("neither results nor evaluations depend on the order of the responses", {
  set.seed(31)
  n <- 3000
  rows <- data.frame(a = sample(250, n, TRUE), b = sample(60, n, TRUE), x = rnorm(n))
  rows$y <- rows$x + 3 * rnorm(250)[rows$a] + 0.02 * rnorm(60)[rows$b] + rnorm(n)
  other <- 5 * rnorm(60)[rows$b] + 0.1 * rnorm(250)[rows$a] + 20 * rnorm(n)
  fit <- lmm(y ~ x + (1 | a) + (1 | b), rows)
  for (known in list(fit, lmm(y ~ x + (1 | a) + (1 | b), rows, fixed = c(a = 3)))) {
    first <- refit(known, cbind(rows$y, other))
    last <- refit(known, cbind(other, rows$y))
    for (part in c("theta", "beta", "covariance")) expect_identical(last[[part]][, 2:1], first[[part]])
    for (part in c("sigma", "criterion", "evaluations")) expect_identical(last[[part]][2:1], first[[part]])
    expect_identical(refit(known, cbind(other))$evaluations, last$evaluations[1])
  }
  expect_identical(refit(fit, cbind(other, rows$y))$evaluations[2], fit$optimum$evaluations)
})

test_that("an offset stays, and a transformed response is replaced on its own scale", {
  shifted <- transform(d, z = y + t)
  fit <- lmm(z ~ x + offset(t) + (1 | g), shifted)
  expect_equal(unname(refit(fit, cbind(shifted$z))$beta[, 1]), unname(fixef(fit)), tolerance = 1e-8)
  expect_equal(fixef(refit(fit, shifted$z)), fixef(fit))
  squared <- lmm(I(y^2) ~ x + (1 | g), d)
  expect_equal(fixef(refit(squared, d$y^2)), fixef(squared), tolerance = 1e-8)
})

test_that("responses that do not fit are refused", {
  expect_error(refit(m, 1:3), "3 values", class = "lmm_error_input")
  expect_error(refit(m, c(NA, d$y[-1])), "row 1", class = "lmm_error_data")
  expect_error(refit(m, letters[rep(1, 96)]), class = "lmm_error_input")
})

test_that("maximum likelihood needs only the cross-products", {
  expect_equal(refit_ml(m)$estimates, lmm(y ~ x + (x | g), d, REML = FALSE)$estimates, tolerance = 1e-9)
  expect_false(refit_ml(m)$spec$reml)
  without_rows <- lmm(y ~ x + (x | g), d, control = lmm_control(keep_rows = FALSE))
  expect_equal(extractAIC(without_rows), extractAIC(m), tolerance = 1e-10)
})

test_that("one simulated response gives a fit, as a vector does", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  drawn <- simulate(fit, 1, seed = 2)
  expect_equal(logLik(refit(fit, drawn)), logLik(refit(fit, drawn[[1]])))
  expect_s3_class(refit(fit, drawn), "lmm_fit")
  expect_length(refit(fit, simulate(fit, 2, seed = 2))$sigma, 2)
  expect_length(refit(fit, as.matrix(drawn))$sigma, 1)
  expect_error(refit(fit, rep(2, 20)), "`yield` is constant", class = "lmm_error_data")
})
