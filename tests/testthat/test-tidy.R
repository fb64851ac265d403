d <- behavior_data()
m <- lmm(y ~ x + (x | g), d)

test_that("tidy has a row for each estimate", {
  out <- tidy(m)
  expect_identical(out$term, c("(Intercept)", "x", "sd__(Intercept)", "sd__x", "cor__(Intercept).x", "sd__Observation"))
  expect_identical(out$effect, rep(c("fixed", "ran_pars"), c(2, 4)))
  expect_equal(out$estimate[1:2], unname(fixef(m)))
  expect_equal(out$estimate[6], sigma(m))
  expect_equal(out$std.error[1:2], unname(sqrt(diag(vcov(m)))))
  variances <- tidy(m, effects = "ran_pars", scales = "vcov")
  expect_identical(variances$term[3], "cov__(Intercept).x")
  expect_equal(variances$estimate[4], sigma(m)^2)
  limits <- tidy(m, effects = "fixed", conf.int = TRUE)
  expect_equal(limits$conf.high - limits$estimate, qt(0.975, limits$df) * limits$std.error)
  expect_identical(limits$conf.low > 0 | limits$conf.high < 0, limits$p.value < 0.05)
  robust <- tidy(m, effects = "fixed", conf.int = TRUE, ddf = "cluster-robust", cluster = ~g, type = "CR1")
  expect_equal(robust$std.error, unname(sqrt(diag(vcov(m, type = "CR1", cluster = ~g)))))
  none <- tidy(m, effects = "fixed", conf.int = TRUE, ddf = NULL)
  expect_equal(none$conf.high - none$estimate, qnorm(0.975) * none$std.error)
  expect_false("p.value" %in% names(none))
  modes <- tidy(m, effects = "ran_vals")
  expect_identical(nrow(modes), 24L)
  expect_equal(modes$estimate[1:12], ranef(m)$g[[1]])
  expect_error(tidy(m, effects = "nosuch"), class = "lmm_error_input")
})

test_that("glance is one row, also without fixed effects", {
  expect_identical(nrow(glance(m)), 1L)
  expect_equal(glance(m)$AIC, AIC(m))
  expect_equal(glance(m)$REMLcrit, REMLcrit(m))
  none <- lmm(y ~ 0 + (1 | g), d)
  expect_identical(nrow(glance(none)), 1L)
  expect_identical(nrow(tidy(none)), 2L)
})

test_that("augment adds fitted values and residuals", {
  out <- augment(m)
  expect_equal(out$.fitted + out$.resid, d$y)
  expect_equal(out$.fixed, unname(predict(m, re.form = NA)))
  expect_identical(names(augment(m, data = d))[1:6], names(d))
  new <- augment(m, newdata = transform(d[1:3, ], g = c("g01", "g02", "new")))
  expect_equal(new$.fixed, fixef(m)[[1]] + fixef(m)[[2]] * d$x[1:3])
  b <- as.matrix(ranef(m)$g[c("g01", "g02"), ])
  expect_equal(new$.fitted, new$.fixed + c(b[, 1] + b[, 2] * d$x[1:2], 0), ignore_attr = TRUE)
  expect_error(augment(m, data = d[1:3, ]), class = "lmm_error_input")
})

test_that("augment() of fits with missing values: the rows used, or those of the data", {
  d <- as.data.frame(nlme::Orthodont)
  d$distance[3] <- NA
  whole <- suppressMessages(lmm(distance ~ age + (1 | Subject), d, na.action = na.exclude))
  used <- augment(whole)
  expect_identical(nrow(used), 107L)
  expect_equal(used$.fitted + used$.resid, d$distance[-3L])
  for (rule in list(na.exclude, na.omit)) {
    fit <- suppressMessages(lmm(distance ~ age + (1 | Subject), d, na.action = rule))
    all <- augment(fit, data = d)
    expect_identical(all$.fitted, unname(fitted(whole)))
    expect_identical(all[c("distance", "age")], d[c("distance", "age")], ignore_attr = TRUE)
    expect_false(".rownames" %in% names(all))
  }
  expect_error(augment(whole, data = d[1:5, ]), class = "lmm_error_input")
})

test_that("arguments and columns are those of 'broom.mixed'", {
  expect_identical(names(tidy(m, effects = "ran_pars")), c("effect", "group", "term", "estimate"))
  expect_false("group" %in% names(tidy(m, effects = "fixed")))
  expect_equal(tidy(m, effects = "fixed", ddf.method = "Kenward-Roger")$df,
               unname(coef(summary(m, ddf = "KR"))[, "df"]))
  wald <- tidy(m, conf.int = TRUE, conf.method = "Wald")
  limits <- confint(m, "theta_", method = "Wald")
  expect_equal(wald$conf.low[3:6], unname(limits[, 1]))
  expect_equal(wald$conf.high[1:2], tidy(m, conf.int = TRUE)$conf.high[1:2])
  profile <- tidy(m, conf.int = TRUE, conf.method = "profile")
  expect_equal(profile$conf.low,
               unname(confint(m, quiet = TRUE)[c("(Intercept)", "x", ".sig01", ".sig02", ".sig03", ".sigma"), 1]))
  variances <- tidy(m, effects = "ran_pars", scales = "vcov", conf.int = TRUE, conf.method = "profile")
  expect_equal(variances$conf.high[c(1, 2, 4)], profile$conf.high[c(3, 4, 6)]^2)
  expect_equal(is.na(variances$conf.low), c(FALSE, FALSE, TRUE, FALSE))
  expect_equal(tidy(m, effects = "ran_pars", scales = "vcov", conf.int = TRUE, conf.method = "Wald")$conf.low,
               unname(confint(m, "theta_", method = "Wald", scale = "variance")[, 1]))
  coefs <- tidy(m, effects = "ran_coefs")
  expect_equal(coefs$estimate[coefs$term == "x"], coef(m)$g$x)
  modes <- tidy(m, effects = "ran_vals", conf.int = TRUE)
  expect_equal(modes$conf.high - modes$estimate, qnorm(0.975) * modes$std.error)
  ratio <- tidy(m, effects = "fixed", conf.int = TRUE, exponentiate = TRUE)
  plain <- tidy(m, effects = "fixed", conf.int = TRUE)
  expect_equal(ratio[c("estimate", "conf.low", "conf.high")],
               as.data.frame(lapply(plain[c("estimate", "conf.low", "conf.high")], exp)), ignore_attr = TRUE)
  expect_error(tidy(m, conf.int = TRUE, conf.method = "nosuch"), class = "lmm_error_input")
})

test_that("augment() has leverages, distances, weights and row names", {
  w <- rep(c(1, 2), 48)
  fit <- lmm(y ~ x + (1 | g), transform(d, w = w, row.names = paste0("r", seq_len(96))), weights = w)
  out <- augment(fit)
  expect_equal(out$.hat, unname(hatvalues(fit)))
  expect_equal(out$.cooksd, unname(cooks.distance(fit)))
  expect_equal(out$.std.resid, unname(rstandard(fit)))
  expect_equal(out$.weights, w)
  expect_identical(out$.rownames[1:2], c("r1", "r2"))
  expect_false("(weights)" %in% names(out))
})

test_that("results are tibbles where that package is installed", {
  skip_if_not_installed("tibble")
  for (out in list(tidy(m), glance(m), augment(m), augment(m, newdata = d[1:2, ]))) expect_s3_class(out, "tbl_df")
})

test_that("parameters of a residual structure have their own names and limits on their own scale", {
  skip_if_not_installed("nlme")
  teeth <- as.data.frame(nlme::Orthodont)
  fit <- lmm(distance ~ age + (1 | Subject), teeth, residual = ~ exp(age | Subject), variance = ~Sex)
  out <- tidy(fit, effects = "ran_pars", conf.int = TRUE)
  expect_identical(out$term, c("sd__(Intercept)", "range", "SexFemale", "sd__Observation"))
  expect_true(all(out$conf.low < out$estimate & out$estimate < out$conf.high))
  squares <- tidy(fit, effects = "ran_pars", conf.int = TRUE, scales = "vcov")
  for (column in c("estimate", "conf.low", "conf.high")) {
    expect_equal(squares[[column]][c(1, 4)], out[[column]][c(1, 4)]^2)
    expect_equal(squares[[column]][2:3], out[[column]][2:3])
  }
  profile <- confint(fit, "theta_", method = "profile", quiet = TRUE)
  expect_equal(tidy(fit, "ran_pars", conf.int = TRUE, conf.method = "profile")$conf.low, unname(profile[, 1]))
  expect_equal(tidy(fit, "ran_pars", "vcov", conf.int = TRUE, conf.method = "profile")$conf.low,
               unname(profile[, 1])^c(2, 1, 1, 2))

  visits <- lmm(distance ~ age, teeth, residual = ~ us(age | Subject))
  expect_identical(tidy(visits, "ran_pars")$term[1:3], c("sd(8)", "cov(10,8)", "cov(12,8)"))
  R <- nlme::getVarCov(visits)
  rows <- as.data.frame(VarCorr(visits))
  expect_equal(rows$sdcor[rows$var1 == "cov(12,10)"], cov2cor(as.matrix(R[[1]]))[2, 3], ignore_attr = TRUE)
})

test_that("limits of a structured random term stay on the scale of their parameter", {
  skip_if_not_installed("nlme")
  teeth <- rbind(as.data.frame(nlme::Orthodont), as.data.frame(nlme::Orthodont))
  set.seed(1)
  teeth$distance <- teeth$distance + stats::rnorm(nrow(teeth))
  fit <- lmm(distance ~ age + ar1(0 + factor(age) | Subject), teeth)
  for (scales in c("sdcor", "vcov")) for (method in c("profile", "Wald")) {
    out <- tidy(fit, "ran_pars", scales, conf.int = TRUE, conf.method = method)
    expect_identical(out$term[2], "cor__ar1")
    expect_true(all(out$conf.low < out$estimate & out$estimate < out$conf.high), label = paste(scales, method))
  }
})

test_that("limits by the bootstrap take its seed and its number of replicates", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  out <- suppressMessages(tidy(fit, conf.int = TRUE, conf.method = "boot", nsim = 30, seed = 2))
  expect_equal(as.matrix(out[out$effect == "fixed", c("conf.low", "conf.high")]),
               suppressMessages(confint(fit, "beta_", method = "boot", nsim = 30, seed = 2)), ignore_attr = TRUE)
  expect_error(tidy(fit, conf.int = TRUE, nsim = 30), "nsim", class = "lmm_error_input")
})
