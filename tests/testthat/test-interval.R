# confint(): table, Wald, chi-square and bootstrap limits.

test_that("rows and columns are named as users expect", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  limits <- confint(fit, method = "Wald")
  expect_identical(dimnames(limits),
                   list(c(".sig01", ".sig02", ".sig03", ".sigma", "(Intercept)", "x"), c("2.5 %", "97.5 %")))
  expect_identical(rownames(confint(fit, method = "Wald", oldNames = FALSE))[1:4],
                   c("sd_(Intercept)|g", "sd_x|g", "cor_x.(Intercept)|g", "sigma"))
  expect_identical(rownames(confint(fit, method = "chisq", scale = "variance"))[1:4],
                   c("var_(Intercept)|g", "var_x|g", "cov_x.(Intercept)|g", "sigma^2"))
  expect_identical(colnames(confint(fit, method = "Wald", level = 0.9)), c("5 %", "95 %"))
})

test_that("parameters are chosen by number, old or new name, or kind", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  all <- confint(fit, method = "Wald")
  expect_identical(confint(fit, 2:4, method = "Wald"), all[2:4, ])
  expect_identical(confint(fit, c("x", ".sigma"), method = "Wald"), all[c("x", ".sigma"), ])
  expect_identical(confint(fit, "sd_x|g", method = "Wald"), all[".sig02", , drop = FALSE])
  expect_identical(confint(fit, "beta_", method = "Wald"), all[5:6, ])
  expect_identical(confint(fit, "theta_", method = "Wald"), all[1:4, ])
  expect_error(confint(fit, "nosuch", method = "Wald"), class = "lmm_error_input")
  expect_error(confint(fit, 9, method = "Wald"), class = "lmm_error_input")
  expect_error(confint(fit, method = "walt"), class = "lmm_error_input")
  expect_error(confint(fit, lvl = 0.9), class = "lmm_error_input")
})

test_that("Wald limits follow their definitions", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  limits <- confint(fit, method = "Wald")
  se <- variance_components(fit, "sd")$se
  estimate <- variance_components(fit, "sd")$estimate
  z <- qnorm(0.975)
  expect_equal(unname(log(limits[1:2, 2])), log(estimate[1:2]) + z * se[1:2] / estimate[1:2])
  expect_equal(unname(atanh(limits[3, 1])), atanh(estimate[3]) - z * se[3] / (1 - estimate[3]^2))
  expect_equal(unname(limits["x", ]), unname(fixef(fit)["x"]) + c(-z, z) * sqrt(vcov(fit)["x", "x"]))
  natural <- confint(fit, method = "Wald", scale = "variance")
  table <- variance_components(fit)
  expect_equal(unname(natural[1:4, 1]), table$estimate - z * table$se)
})

test_that("Satterthwaite's chi-square limits are the published ones", {
  fit <- example_fit("sires")
  limits <- confint(fit, method = "chisq", scale = "variance")
  expect_published(limits[1, 1], "sires", "chisq_lo:sire")
  expect_published(limits[1, 2], "sires", "chisq_hi:sire")
  expect_published(limits[2, 1], "sires", "chisq_lo:Residual")
  expect_published(limits[2, 2], "sires", "chisq_hi:Residual")
  expect_published(variance_components(fit)$df[1], "sires", "satterthwaite_df:sire")
  expect_equal(confint(fit, 1:2, method = "chisq"), sqrt(limits[1:2, ]), ignore_attr = TRUE)
})

test_that("bootstrap limits: percentiles of refits, the same for the same seed", {
  fit <- example_fit("pulp")
  set.seed(99)
  before <- .Random.seed
  limits <- confint(fit, method = "boot", nsim = 60, seed = 1)
  expect_identical(.Random.seed, before)
  expect_identical(confint(fit, method = "boot", nsim = 60, seed = 1), limits)
  refits <- lapply(literal_draws(fit, 60, seed = 1), function(y) suppressMessages(refit(fit, y)))
  sigmas <- unname(sort(vapply(refits, sigma, 0)))
  p <- c(0.025, 0.975) * 61
  k <- trunc(p)
  weight <- (qnorm(p / 61) - qnorm(k / 61)) / (qnorm((k + 1) / 61) - qnorm(k / 61))
  expect_equal(unname(limits[".sigma", ]), sigmas[k] + weight * (sigmas[k + 1] - sigmas[k]), tolerance = 1e-8)
  basic <- confint(fit, method = "boot", nsim = 60, seed = 1, boot.type = "basic")
  expect_equal(basic[, 1], 2 * c(sqrt(VarCorr(fit)$operator[1]), sigma(fit), fixef(fit)) - limits[, 2],
               ignore_attr = TRUE)
  expect_identical(capture.output(progress <- confint(fit, method = "boot", nsim = 60, seed = 1, progress = TRUE)),
                   c("50 of 60 refits", "60 of 60 refits"))
  expect_identical(progress, limits)
})

test_that("lme4 and boot give the same limits from the same responses", {
  skip_if_not_installed("lme4")
  skip_if_not_installed("boot")
  fit <- example_fit("pulp")
  other <- lme4::lmer(bright ~ 1 + (1 | operator), pulp)
  values <- function(m) c(as.data.frame(lme4::VarCorr(m))$sdcor, lme4::fixef(m))
  t <- do.call(rbind, lapply(literal_draws(fit, 50, seed = 1),
                             function(y) values(suppressMessages(lme4::refit(other, y)))))
  draws <- structure(list(t0 = values(other), t = t, R = 50, call = quote(boot())), class = "boot")
  theirs <- t(vapply(1:3, function(k) boot::boot.ci(draws, type = "perc", index = k)$percent[4:5], numeric(2)))
  expect_equal(confint(fit, method = "boot", nsim = 50, seed = 1), theirs, tolerance = 1e-5, ignore_attr = TRUE)
})

test_that("weights count in the bootstrap", {
  data <- transform(behavior_data(), w = rep(c(1, 100, 0), 32))
  fit <- lmm(y ~ x + (1 | g), data, weights = w)
  draws <- bootstrap(fit, nsim = 200, seed = 1)
  expect_equal(unname(mean(draws$t[, ".sigma"])), sigma(fit), tolerance = 0.05)
  expect_equal(unname(sd(draws$t[, "x"])), sqrt(vcov(fit)["x", "x"]), tolerance = 0.15)
})

test_that("models without fixed effects, with aliased columns and exact fits have limits too", {
  data <- behavior_data()
  none <- lmm(y ~ 0 + (1 | g), data)
  for (method in c("profile", "Wald", "chisq")) expect_identical(dim(confint(none, method = method)), c(2L, 2L))
  expect_identical(dim(confint(none, method = "boot", nsim = 5)), c(2L, 2L))
  alias <- suppressMessages(lmm(y ~ x + I(2 * x) + (1 | g), data))
  plain <- lmm(y ~ x + (1 | g), data)
  for (method in c("profile", "Wald", "chisq")) {
    limits <- confint(alias, method = method)
    expect_identical(unname(is.na(limits[, 1])), c(FALSE, FALSE, FALSE, FALSE, TRUE))
    expect_equal(limits[-5, ], confint(plain, method = method), tolerance = 1e-6)
  }
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), transform(data, y = 2 + 3 * x)))
  expect_true(all(is.na(confint(exact))))
})
