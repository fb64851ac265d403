# Parametric bootstrap tests.

test_that("the ratios are those of literal refits, and the seed fixes them", {
  large <- example_fit("penicillin_ml")
  small <- example_fit("penicillin_null_ml")
  test <- bootstrap_test(large, small, nsim = 25, seed = 1)
  literal <- vapply(literal_draws(small, 25, seed = 1), function(y) {
    data <- transform(package_data("penicillin"), yield = y)
    suppressMessages(deviance(lmm(yield ~ 1 + (1 | blend), data,
                                  REML = FALSE)) - deviance(lmm(yield ~ treat + (1 | blend), data, REML = FALSE)))
  }, 0)
  expect_equal(test$reference, literal, tolerance = 1e-7)
  expect_identical(bootstrap_test(large, small, nsim = 25, seed = 1), test)
  expect_equal(bootstrap_test(example_fit("penicillin"), small, nsim = 25, seed = 1)$reference, test$reference,
               tolerance = 1e-7)
  expect_output(print(test), "PBtest")
})

test_that("the table follows the definitions", {
  test <- bootstrap_test(example_fit("penicillin_ml"), example_fit("penicillin_null_ml"), nsim = 400, seed = 2)
  t <- deviance(example_fit("penicillin_null_ml")) - deviance(example_fit("penicillin_ml"))
  ref <- test$reference
  expect_equal(test$test["LRT", "p.value"], pchisq(t, 3, lower.tail = FALSE))
  expect_equal(test$test["PBtest", "p.value"], (1 + sum(ref >= t)) / (1 + length(ref)))
  expect_equal(test$test["Bartlett", "stat"], 3 * t / mean(ref))
  expect_equal(test$test["Gamma", "p.value"],
               pgamma(t, mean(ref)^2 / var(ref), mean(ref) / var(ref), lower.tail = FALSE))
  ddf <- test$test["F", "ddf"]
  expect_equal(ddf / (ddf - 2), mean(ref) / 3)
  # the exact F test of the balanced block design has p = 0.3387
  expect_lt(abs(test$test["PBtest", "p.value"] - 0.3387), 0.12)
})

test_that("pbkrtest's reference values give its table", {
  skip_if_not_installed("pbkrtest")
  skip_if_not_installed("lme4")
  large <- lme4::lmer(yield ~ treat + (1 | blend), penicillin, REML = FALSE)
  small <- lme4::lmer(yield ~ 1 + (1 | blend), penicillin, REML = FALSE)
  theirs <- suppressMessages(pbkrtest::PBmodcomp(large, small, nsim = 20, seed = 1))
  table <- ratio_table(theirs$test["LRT", "stat"], 3, theirs$ref)
  summary <- summary(theirs)$test
  expect_true(all(theirs$ref > 0))
  for (row in c("LRT", "PBtest", "Gamma", "Bartlett")) expect_equal(table[row, "p.value"], summary[row, "p.value"],
                                                                    tolerance = 1e-6)
})

test_that("models that are not nested in this order are refused", {
  expect_error(bootstrap_test(example_fit("penicillin_null_ml"), example_fit("penicillin_ml"), nsim = 5),
               class = "lmm_error_input")
  expect_error(bootstrap_test(example_fit("penicillin_ml"), example_fit("pulp"), nsim = 5), class = "lmm_error_input")
})
