# Limits of confint() with degrees of freedom, and the message where limits without them disagree with the tests.

few_groups <- function() lmm(yield ~ irrigation + variety + (1 | field), package_data("irrigation"))

test_that("limits of fixed effects are estimate and t quantile times standard error, by any method", {
  fit <- few_groups()
  for (ddf in c("Satterthwaite", "Kenward-Roger", "containment", "between-within", "inner-outer", "residual",
                "asymptotic")) {
    table <- summary(fit, ddf = ddf)$coefficients
    half <- qt(0.95, table[, "df"]) * table[, "Std. Error"]
    by_hand <- cbind(table[, "Estimate"] - half, table[, "Estimate"] + half)
    for (method in c("profile", "Wald", "chisq")) {
      expect_equal(confint(fit, "beta_", level = 0.9, method = method, ddf = ddf), by_hand, ignore_attr = TRUE,
                   tolerance = 1e-12)
    }
  }
  robust <- ddf_method("cluster-robust", cluster = ~ field)
  tests <- contest(fit, c(irrigationi4 = 1), joint = FALSE, ddf = robust)
  expect_equal(unname(confint(fit, "irrigationi4", ddf = robust)[1, ]), unlist(tests[c("lower", "upper")]),
               ignore_attr = TRUE)
})

test_that("a balanced split plot: the limits of the analysis of variance by hand", {
  data <- package_data("irrigation")
  means <- tapply(data$yield, data$field, mean)
  method <- data$irrigation[match(names(means), data$field)]
  whole <- lm(means ~ method)
  se <- summary(whole)$coefficients["methodi4", "Std. Error"]
  limits <- confint(few_groups(), "irrigationi4", ddf = "Satterthwaite")
  expect_equal(as.vector(limits), coef(whole)[["methodi4"]] + c(-1, 1) * qt(0.975, 4) * se, tolerance = 1e-7)
})

test_that("a value lies inside the limits exactly where the test does not reject it", {
  fit <- few_groups()
  limits <- confint(fit, "varietyv2", ddf = "Satterthwaite")
  p <- vapply(limits, function(value) contest(fit, c(varietyv2 = 1), rhs = value, joint = FALSE)$`Pr(>|t|)`, 0)
  expect_equal(p, c(0.05, 0.05), tolerance = 1e-10)
})

test_that("with ddf, limits of variance parameters are those of the restricted likelihood", {
  data <- package_data("irrigation")
  fit <- few_groups()
  limits <- confint(fit, "theta_", ddf = "KR")
  expect_identical(limits, confint(fit, "theta_", criterion = "REML"))
  X <- model.matrix(~ irrigation + variety, data)
  model <- oracle_model(data$yield, X, list(X[, 1, drop = FALSE]), list(as.integer(data$field)))
  # -2 log restricted likelihood by dense matrices, the residual variance free
  for (value in limits[1, ]) {
    lowest <- optimize(function(log_s) oracle_criterion(model, list(matrix(value^2)), exp(2 * log_s), TRUE), c(-3, 3),
                       tol = 1e-9)
    expect_equal(lowest$objective - deviance(fit), qchisq(0.95, 1), tolerance = 1e-6)
  }
  expect_identical(confint(fit, "theta_", ddf = "KR", criterion = "ML"), confint(fit, "theta_", quiet = TRUE))
})

test_that("published limits of nlme by the inner-outer degrees of freedom", {
  skip_if_not_installed("nlme")
  rail <- lmm(travel ~ 1 + (1 | Rail), as.data.frame(nlme::Rail))
  expect_equal(as.vector(confint(rail, "beta_", method = "Wald", ddf = "inner-outer")), c(44.33921, 88.66079),
               tolerance = 1e-6)
})

test_that("plain limits stay those of lme4, and one message names the call that agrees with the tests", {
  crop <- few_groups()
  told <- capture_messages(limits <- confint(crop))
  expect_length(told, 1L)
  expect_match(told, "confint(crop, ddf = \"Satterthwaite\")", fixed = TRUE)
  expect_match(told, "4 to 7 degrees of freedom", fixed = TRUE)
  expect_match(told, "underestimates `sd_(Intercept)|field`, `sigma`", fixed = TRUE)
  expect_message(confint(crop, method = "Wald"), "method = \"Wald\", ddf", class = "lmm_message_limits")
  expect_message(confint(crop, "theta_"), "maximum likelihood", class = "lmm_message_limits")
  expect_silent(confint(crop, quiet = TRUE))
  expect_silent(confint(crop, ddf = "Satterthwaite"))
  expect_silent(confint(crop, ".sig01", method = "Wald"))
  expect_identical(confint(crop, quiet = TRUE), limits)
  # the limits themselves are those of the likelihood ratio, refits with the coefficient fixed at them
  data <- package_data("irrigation")
  full <- deviance(lmm(yield ~ irrigation + variety + (1 | field), data, REML = FALSE))
  for (value in limits["varietyv2", ]) {
    held <- lmm(yield ~ irrigation + (1 | field), transform(data, yield = yield - value * (variety == "v2")),
                REML = FALSE)
    expect_equal(deviance(held) - full, qchisq(0.95, 1), tolerance = 1e-6)
  }
})

test_that("with many degrees of freedom nothing is said", {
  set.seed(1)
  data <- data.frame(g = gl(60, 5), x = rnorm(300))
  data$y <- data$x + rnorm(60)[data$g] + rnorm(300)
  expect_silent(confint(lmm(y ~ x + (1 | g), data)))
  # 25 degrees of freedom are few, 26 are not
  expect_gt(qt(0.975, 25), 1.05 * qnorm(0.975))
  expect_lt(qt(0.975, 26), 1.05 * qnorm(0.975))
})

test_that("words of other packages: conf.level, signames, quiet, bootstrap, beginnings of words", {
  fit <- few_groups()
  plain <- confint(fit, level = 0.9, method = "Wald", quiet = TRUE)
  expect_identical(confint(fit, conf.level = 0.9, method = "wald", quiet = TRUE), plain)
  expect_identical(rownames(confint(fit, method = "Wald", signames = FALSE, quiet = TRUE)),
                   rownames(confint(fit, method = "Wald", oldNames = FALSE, quiet = TRUE)))
  expect_identical(confint(fit, method = "bootstrap", nsim = 20, seed = 1),
                   confint(fit, method = "boot", nsim = 20, seed = 1))
  expect_identical(contest(fit, c(varietyv2 = 1), joint = FALSE, level = 0.9),
                   contest(fit, c(varietyv2 = 1), joint = FALSE, conf.level = 0.9))
  expect_identical(predictable(fit, c(1, 0, 0, 0, 0), level = 0.9),
                   predictable(fit, c(1, 0, 0, 0, 0), conf.level = 0.9))
  expect_identical(tidy(fit, conf.int = TRUE, level = 0.9), tidy(fit, conf.int = TRUE, conf.level = 0.9))
  expect_identical(predict(fit, interval = "pred", conf.level = 0.9),
                   predict(fit, interval = "prediction", level = 0.9))
  expect_identical(names(profile(fit, 1, signames = FALSE)), names(profile(fit, 1, oldNames = FALSE)))
  expect_error(confint(fit, level = 0.9, conf.level = 0.9), "same argument", class = "lmm_error_input")
  expect_error(confint(fit, method = "b", ddf = "KR", nsim = 5), "no degrees of freedom", class = "lmm_error_input")
  expect_error(confint(fit, ddf = "nosuch"), "`ddf` must be one of", class = "lmm_error_input")
})

test_that("normal bootstrap limits: estimate less bias, normal quantile of the standard deviation", {
  fit <- few_groups()
  draws <- bootstrap(fit, nsim = 40, seed = 2)
  by_hand <- 2 * draws$t0 - colMeans(draws$t) + outer(apply(draws$t, 2, sd), qnorm(c(0.025, 0.975)))
  expect_equal(confint(fit, method = "boot", boot.type = "norm", nsim = 40, seed = 2), by_hand, ignore_attr = TRUE)
  expect_equal(confint(draws, type = "norm"), by_hand, ignore_attr = TRUE)
})

test_that("tidy() has the same limits", {
  fit <- few_groups()
  limits <- confint(fit, ddf = "Kenward-Roger")
  table <- tidy(fit, conf.int = TRUE, ddf = "Kenward-Roger")
  expect_equal(as.matrix(table[c("conf.low", "conf.high")]), limits[c(3:7, 1:2), ], ignore_attr = TRUE)
  slopes <- lmm(y ~ x + (x | g), behavior_data())
  natural <- tidy(slopes, "ran_pars", "vcov", conf.int = TRUE)
  sd <- confint(slopes, c(1, 2, 4), criterion = "REML", quiet = TRUE)
  expect_equal(as.matrix(natural[c(1, 2, 4), c("conf.low", "conf.high")]), sd^2, ignore_attr = TRUE)
  covariance <- quantity(slopes, ~ cov(g, 1, x))
  expect_equal(unlist(natural[3, c("conf.low", "conf.high")]), unlist(covariance[c("lower", "upper")]),
               ignore_attr = TRUE)
})
