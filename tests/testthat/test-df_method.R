test_that("methods are found by beginnings, in any case", {
  for (name in c("Satterthwaite", "satterthwaite", "Kenward-Roger", "kenward-roger", "KENWARD", "containment", "between-within",
                 "residual", "asymptotic")) {
    expect_s3_class(do.call(ddf_method, list(name)), "df_method")
  }
  expect_error(ddf_method("kenwood"), "one of \"Satterthwaite\", \"Kenward-Roger\", \"containment\"", class = "lmm_error_input")
  expect_error(ddf_method(3), class = "lmm_error_input")
  expect_error(ddf_method("Satterthwaite", information = "observed"), "information", class = "lmm_error_input")
  expect_error(ddf_method("Kenward-Roger", information = "none"), "expected", class = "lmm_error_input")
  expect_error(ddf_method("cluster-robust"), "cluster", class = "lmm_error_input")
  expect_output(print(ddf_method("Kenward-Roger")), "information = \"expected\"")
  expect_true(all(c("Satterthwaite", "Kenward-Roger", "containment", "between-within", "residual", "asymptotic") %in% ddf_methods()))
})

test_that("every method works everywhere", {
  fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  for (name in setdiff(ddf_methods(), "cluster-robust")) {
    expect_true(all(is.finite(coef(summary(fit, ddf = name))[, "Pr(>|t|)"])), label = name)
    expect_true(all(is.finite(anova(fit, ddf = name)$`Pr(>F)`)), label = name)
    expect_true(is.finite(contest(fit, c(varietyv2 = 1), ddf = name)$`Pr(>F)`), label = name)
  }
})

test_that("without fixed effects there is nothing to test, and nothing fails", {
  fit <- lmm(y ~ 0 + (1 | g), behavior_data())
  for (name in c("Satterthwaite", "Kenward-Roger", "residual")) {
    expect_identical(nrow(coef(summary(fit, ddf = name))), 0L)
    expect_identical(nrow(anova(fit, ddf = name)), 0L)
  }
  expect_output(print(anova(fit)))
  expect_identical(nrow(anova(lmm(y ~ 1 + (1 | g), behavior_data()))), 0L)
})

test_that("residual and asymptotic degrees of freedom are what they say", {
  fit <- lmm(y ~ x + f + (1 | g), behavior_data())
  expect_identical(unname(coef(summary(fit, ddf = "residual"))[, "df"]), rep(91, 5))
  table <- coef(summary(fit, ddf = "asymptotic"))
  expect_equal(table[, "Pr(>|t|)"], 2 * pnorm(-abs(table[, "t value"])))
})
