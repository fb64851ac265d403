skip_if_not_installed("lme4")

d <- transform(behavior_data(), w = rep(c(1, 2, 0.5), 32))
fit <- lmm(y ~ x + f + (1 | g), d)
weighted <- lmm(y ~ x + f + (1 | g), d, weights = w)
ours <- function(fit, ddf) coef(summary(fit, ddf = ddf))

# An exported function of a package that is not among those suggested.
of_package <- function(package, name) {
  skip_if_not_installed(package)
  getExportedValue(package, name)
}

test_that("degrees of freedom of 'insight' are our own, also with weights in any unit", {
  skip_if_not_installed("insight")
  for (model in list(fit, weighted, update(weighted, weights = 100 * w))) {
    for (type in c("satterthwaite", "kenward", "kr")) {
      ddf <- if (type == "satterthwaite") type else "Kenward-Roger"
      expect_equal(as.vector(insight::get_df(model, type = type)), unname(ours(model, ddf)[, "df"]))
      expect_equal(attr(insight::get_df(model, type = type), "se"), unname(ours(model, ddf)[, "Std. Error"]))
    }
  }
  expect_equal(insight::get_df(fit), insight::get_df(as_lmer(fit)))
})

test_that("Kenward and Roger's method of 'parameters' has our numbers, or refuses weights", {
  skip_if_not_installed("parameters")
  table <- ours(fit, "KR")
  p <- parameters::p_value_kenward(fit)
  expect_equal(p$p, unname(table[, "Pr(>|t|)"]))
  expect_equal(parameters::se_kenward(fit)$SE, unname(table[, "Std. Error"]), tolerance = 1e-5)
  expect_equal(as.vector(parameters::dof_kenward(fit)), unname(table[, "df"]), tolerance = 1e-4)
  ci <- parameters::ci_kenward(fit, ci = 0.9)
  expect_equal(ci$CI_low, unname(table[, 1] - qt(0.95, table[, "df"]) * table[, 2]), tolerance = 1e-4)
  expect_equal(parameters::p_value_kenward(weighted)$p, unname(ours(weighted, "KR")[, "Pr(>|t|)"]))
  method <- "kenward"
  for (call in expression(parameters::dof_kenward(weighted), parameters::se_kenward(weighted),
                          parameters::ci_kenward(weighted))) {
    value <- tryCatch(eval(call), lmm_error_input = identity)        # recent versions ask our methods
    if (!inherits(value, "lmm_error_input")) {
      value <- if (is.data.frame(value)) value[[ncol(value)]] else as.vector(value)
      expect_equal(value, as.vector(unname(switch(as.character(call[[1]])[3],
                                           dof_kenward = ours(weighted, "KR")[, "df"],
        se_kenward = ours(weighted, "KR")[, "Std. Error"],
        ci_kenward = ours(weighted, "KR")[, 1] + qt(0.975, ours(weighted, "KR")[, "df"]) * ours(weighted, "KR")[, 2]))))
    }
  }
  expect_error(parameters::model_parameters(weighted, ci_method = method), "weights", class = "lmm_error_input")
  expect_error(parameters::model_parameters(weighted, ci_method = "kr", effects = "fixed"), class = "lmm_error_input")
  expect_no_error(parameters::model_parameters(weighted, ci_method = "satterthwaite", effects = "fixed"))
})

test_that("other packages are refused Kenward and Roger's method for weights, however it is asked for", {
  skip_if_not_installed("lmerTest")
  skip_if_not_installed("pbkrtest")
  expect_error(lmerTest::ls_means(weighted, ddf = "Kenward-Roger"), "lmerTest", class = "lmm_error_input")
  expect_error(do.call(lmerTest::ls_means, list(weighted, ddf = "Kenward-Roger")), class = "lmm_error_input")
  expect_no_error(lmerTest::ls_means(weighted, ddf = "Satterthwaite"))
  expect_no_error(lmerTest::ls_means(fit, ddf = "Kenward-Roger"))
  Effect <- of_package("effects", "Effect")
  expect_error(Effect("x", weighted, KR = TRUE), class = "lmm_error_input")
})

test_that("several models are compared by 'performance'", {
  skip_if_not_installed("performance")
  small <- update(fit, . ~ . - x)
  table <- performance::compare_performance(fit, small)
  expect_identical(table$Name, c("fit", "small"))
  peers <- performance::compare_performance(fit = as_lmer(fit), small = as_lmer(small))
  expect_equal(table$AIC, peers$AIC)
  expect_s3_class(performance::test_wald(small, fit), "data.frame")
  expect_true(performance::check_convergence(fit))
})

test_that("standardize() fits the standardized data", {
  skip_if_not_installed("datawizard")
  model <- lmm(y ~ x + (1 | g), d)
  z <- transform(d, y = (y - mean(y)) / sd(y), x = (x - mean(x)) / sd(x))
  out <- datawizard::standardize(model)
  expect_s3_class(out, "lmm_fit")
  expect_equal(fixef(out), fixef(lmm(y ~ x + (1 | g), z)))
  expect_equal(fixef(datawizard::standardize(weighted))[["x"]],
               lme4::fixef(datawizard::standardize(as_lmer(weighted)))[["x"]], tolerance = 1e-4)
})

test_that("the grid of 'ggeffects' has the population in place of the first group", {
  grid <- structure(data.frame(x = 1:3, f = "f1", g = "g01"), constant.values = list(f = "f1", g = "g01"))
  out <- henderson:::population_grid(fit, grid, "x [1:3]")
  expect_identical(out$g, numeric(3))
  expect_identical(attr(out, "constant.values")$g, "0 (population-level)")
  expect_identical(henderson:::population_grid(fit, grid, c("x", "g [g01]")), grid)
})

test_that("ggpredict() predicts for the population, or stops", {
  ggpredict <- of_package("ggeffects", "ggpredict")
  model <- lmm(y ~ x + (1 | g), d)
  for (type in c("fixed", "random")) {
    out <- tryCatch(suppressMessages(as.data.frame(ggpredict(model, "x [0, 1]", type = type))),
                    lmm_error_input = identity)
    if (inherits(out, "lmm_error_input")) expect_match(conditionMessage(out), "as_lmer")
    else expect_equal(out$predicted, unname(cumsum(fixef(model))))
  }
})

test_that("'insight' is told the criterion and the search of the fit, not those of a fit of 'lme4'", {
  find_algorithm <- of_package("insight", "find_algorithm")
  expect_identical(find_algorithm(fit), list(algorithm = "REML", optimizer = "Newton"))
  expect_identical(find_algorithm(update(fit, REML = FALSE))$algorithm, "ML")
})
