fit <- lmm(y ~ x + (x | g), behavior_data())

of_package <- function(package, name) {
  skip_if_not_installed(package)
  getExportedValue(package, name)
}

test_that("simulations for 'DHARMa' are conditional or not, as asked for", {
  draw <- function(...) {
    set.seed(1)
    henderson:::simulations_dharma(fit, 5, ...)
  }
  expect_equal(draw(), data.matrix(simulate(fit, 5, seed = 1, re.form = NULL)), ignore_attr = TRUE)
  expect_equal(draw("unconditional"), data.matrix(simulate(fit, 5, seed = 1)), ignore_attr = TRUE)
  expect_equal(draw("user-specified", re.form = ~(1 | g)), data.matrix(simulate(fit, 5, seed = 1, re.form = ~(1 | g))),
               ignore_attr = TRUE)
  expect_s3_class(draw(type = "refit"), "data.frame")
  expect_error(draw("conditional", re.form = NA), class = "lmm_error_input")
  d <- behavior_data()
  d$y[3:5] <- NA
  for (action in c("na.omit", "na.exclude")) {
    some <- suppressMessages(lmm(y ~ x + (1 | g), d, na.action = action))
    expect_false(anyNA(henderson:::simulations_dharma(some, 2)))
    expect_equal(nrow(henderson:::simulations_dharma(some, 2)), nobs(some))
  }
})

test_that("simulated residuals of 'DHARMa' are those of the peer", {
  skip_if_not_installed("lme4")
  simulateResiduals <- of_package("DHARMa", "simulateResiduals")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)
  for (which in c("conditional", "unconditional")) {
    mine <- suppressWarnings(simulateResiduals(fit, simulateREs = which, seed = 1))
    theirs <- suppressWarnings(simulateResiduals(as_lmer(fit), simulateREs = which, seed = 1))
    expect_equal(mine$scaledResiduals, theirs$scaledResiduals, tolerance = 1e-6)
  }
})

test_that("model selection by 'MuMIn' keeps random terms and shows coefficients", {
  d <- behavior_data()
  full <- lmm(y ~ x + f + (1 | g), d, REML = FALSE, na.action = "na.fail")
  table <- of_package("MuMIn", "model.sel")(full, update(full, . ~ . - f))
  expect_equal(sort(table$x), sort(c(fixef(full)[["x"]], fixef(update(full, . ~ . - f))[["x"]])))
  all <- suppressMessages(getExportedValue("MuMIn", "dredge")(full, fixed = "x"))
  expect_equal(sort(all$AICc), sort(c(AICC(full), AICC(update(full, . ~ . - f)))))
  skip_if_not_installed("lme4")
  r2 <- getExportedValue("MuMIn", "r.squaredGLMM")
  expect_equal(r2(full), r2(as_lmer(full)))
})

test_that("changed coefficients change predictions and parameters, and 'marginaleffects' uses them", {
  other <- henderson:::with_coefficients(fit, c(x = 0))
  expect_equal(predict(fit) - predict(other), fixef(fit)[["x"]] * behavior_data()$x, ignore_attr = TRUE)
  expect_equal(henderson:::predict_marginaleffects(fit, behavior_data()[3:4, ])$estimate, unname(predict(fit)[3:4]))
  skip_if_not_installed("marginaleffects", "1.0.0")
  skip_if(getRversion() < "4.4.0")
  slopes <- suppressWarnings(getExportedValue("marginaleffects", "avg_slopes")(fit, variables = "x"))
  expect_equal(slopes$estimate, fixef(fit)[["x"]], tolerance = 1e-5)
  expect_equal(slopes$std.error, sqrt(vcov(fit)["x", "x"]), tolerance = 1e-4)
})

test_that("'sandwich' stops and names what to call", {
  bread <- of_package("sandwich", "bread")
  expect_error(bread(fit), "cluster", class = "lmm_error_input")
})
