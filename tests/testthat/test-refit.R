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

# The same model of data with the response in a column.
test_that("the response of a refit is the one that update(), drop1() and as_lmer() use", {
  Y <- as.matrix(simulate(m, 2, seed = 3))
  colnames(Y) <- c("height", "x")
  own <- transform(d, height = Y[, 1], other = Y[, 2])
  column <- lmm(height ~ x + (x | g), own)
  log_fit <- lmm(log(y + 100) ~ x + (x | g), d)
  in_function <- local({
    own <- d
    lmm(y ~ x + (x | g), own)
  })
  variables <- with(d, lmm(y ~ x + (x | g)))
  for (again in list(refit(m, Y[, 1]), refit(m, Y)[["height"]], refit(m, own["height"]), refit(log_fit, Y[, 1]),
                     refit(in_function, Y[, 1]), unserialize(serialize(refit(in_function, Y[, 1]), NULL)),
                     refit(variables, Y[, 1]))) {
    expect_no_warning(small <- update(again, . ~ . - x))
    expect_equal(logLik(small), logLik(update(column, . ~ . - x)), tolerance = 1e-8)
    expect_equal(logLik(update(small, . ~ . + x)), logLik(column), tolerance = 1e-8)
    expect_equal(drop1(again, test = "Chisq")$LRT, drop1(column, test = "Chisq")$LRT, tolerance = 1e-5)
    if (!requireNamespace("lme4", quietly = TRUE)) next
    expect_equal(as.numeric(logLik(as_lmer(again))), as.numeric(logLik(column)), tolerance = 1e-8)
  }
  expect_identical(formula(refit(m, Y)[["height"]])[[2]], quote(height))
  expect_identical(formula(refit(m, Y)[["x"]])[[2]], quote(y))               # the name of a covariate
  expect_equal(logLik(update(refit(m, Y)[["x"]], . ~ . - x)), logLik(lmm(other ~ 1 + (x | g), own)), tolerance = 1e-8)
})

test_that("so are its weights, in the rows that are used", {
  Y <- as.matrix(simulate(m, 2, seed = 4))
  Y[5, 2] <- NA
  W <- matrix(1 + (1:192) %% 5, 96)
  own <- transform(d, z = Y[, 2], w = W[, 2])
  again <- refit(m, Y, weights = W)[[2]]
  expect_equal(logLik(again), logLik(lmm(z ~ x + (x | g), own, weights = w)), tolerance = 1e-8)
  expect_no_warning(small <- suppressMessages(update(again, . ~ . - x)))
  expect_equal(logLik(small), logLik(lmm(z ~ 1 + (x | g), own, weights = w)), tolerance = 1e-8)
  part <- lmm(y ~ x + (1 | g), d, subset = t > 2)
  drawn <- simulate(part, 1, seed = 5)[[1]]
  expect_equal(logLik(update(refit(part, drawn), . ~ . - x)),
               logLik(lmm(drawn ~ 1 + (1 | g), subset(d, t > 2))), tolerance = 1e-8)
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
