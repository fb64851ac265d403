# Answers of a fit without a factorization: tests, intervals, predictions, Monte Carlo errors, and what is refused.

test_that(
  "tests of fixed effects and standard errors of variances are those of the direct solver with average information", {
  d <- crossed_data()
  d$z <- rnorm(150)[d$m]
  f <- y ~ x + z + (1 | u) + (1 | m)
  a <- iterative(f, d)
  b <- direct(f, d)
  expect_equal(variance_components(a)$se, variance_components(b, information = "average")$se, tolerance = 1e-3)
  expect_equal(coef(summary(a))[, "df"], coef(summary(b))[, "df"], tolerance = 0.05)        # observed against average
  expect_equal(coef(summary(a, "Kenward-Roger"))[, 1:2], coef(summary(b, "Kenward-Roger"))[, 1:2], tolerance = 1e-4)
  expect_equal(anova(a)$`F value`, anova(b)$`F value`, tolerance = 1e-3)
  expect_match(summary(a)$method, "average information")
})

test_that("Satterthwaite's degrees of freedom are those of the formula with the average information", {
  d <- crossed_data(n = 3000, levels = c(u = 120, m = 60))
  d$z <- rnorm(60)[d$m]
  a <- iterative(y ~ z + (1 | u) + (1 | m), d)
  b <- direct(y ~ z + (1 | u) + (1 | m), d)
  info <- derivatives_at(b)
  info$t <- info$t_ml <- info$ai
  own <- derivatives_at(a)
  for (part in c("phi", "psi", "ai", "q", "jacobian")) expect_equal(own[[part]], info[[part]], tolerance = 1e-4)
  expect_equal(own$p, info$p, tolerance = 1e-4)
})

test_that("predictions have standard errors, and approximate conditional variances are near", {
  d <- crossed_data(slope = c(0, 0.4))
  f <- y ~ x + (1 | u) + (x | m)
  a <- iterative(f, d)
  b <- direct(f, d)
  new <- d[c(1:20, 500, 900), ]
  expect_equal(predict(a, new), predict(b, new), tolerance = 1e-3)
  expect_equal(predict(a, new, se.fit = TRUE)$se.fit, predict(b, new, se.fit = TRUE)$se.fit, tolerance = 2e-3)
  expect_equal(predict(a, new, re.form = NA, se.fit = TRUE)$se.fit, predict(b, new, re.form = NA, se.fit = TRUE)$se.fit,
               tolerance = 2e-3)
  expect_equal(as.data.frame(ranef(a))$condsd, as.data.frame(ranef(b))$condsd, tolerance = 0.02)
  expect_message(own <- ranef(a, pev = TRUE), "approximate", class = "lmm_message_approximate")
  expect_true(attr(own$u, "approximate"))
  expect_message(own_reliability <- suppressMessages(reliability(a), "lmm_message_approximate"), "`cullis` is NA",
                 class = "lmm_message_solver")
  expect_true(attr(own_reliability, "approximate"))
  expect_true(all(is.na(own_reliability$cullis)))
  expect_error(predictable(a, c(1, 0), list(u = c("1" = 1))), "iterative solver", class = "lmm_error_solver")
  expect_error(predict_mean(a, new), "predict_mean() is not available", fixed = TRUE, class = "lmm_error_solver")
  expect_equal(predictable(a, c(1, 0)), contest(a, c(1, 0), joint = FALSE))
  expect_null(attr(ranef(b)$u, "approximate"))
  expect_equal(as.data.frame(own)$pev, as.data.frame(ranef(b, pev = TRUE))$pev, tolerance = 0.04)
  expect_equal(fitted(a), fitted(b), tolerance = 1e-3)
})

test_that("a factor that fills up is announced or refused where all effects are factored together", {
  d <- crossed_data()
  fit <- direct(y ~ x + (1 | u) + (1 | m), d)
  expect_silent(check_factor_size(fit, "reliability()"))
  expect_message(check_factor_size(fit, "reliability()", 1e-3), "reliability() may take about", fixed = TRUE,
                 class = "lmm_message_time")
  fit$control$memory_limit <- 1e5
  expect_error(check_factor_size(fit, "reliability()", 1e-3), "150 random effects.* GB of memory",
               class = "lmm_error_numeric")
  d <- data.frame(g = rep(1:1000, each = 4), y = rnorm(4000))                # neighbours: a factor that stays sparse
  d$h <- pmin(900, ceiling(0.9 * d$g) + 0:1)
  expect_silent(check_factor_size(direct(y ~ 1 + (1 | g) + (1 | h), d), "reliability()", 1e-3))
})

test_that("leverages that take long are announced by the time of some of them", {
  fit <- direct(y ~ x + (1 | u) + (1 | m), crossed_data())
  rows <- fit_stored_rows(fit)
  expect_silent(announce_leverages(fit, rows))
  rows$n <- 1e9                                              # as if there were so many
  expect_message(announce_leverages(fit, rows, patience = 0, some = 6000L), "leverages of 1,000,000,000 rows may take",
                 class = "lmm_message_time")
})

test_that("the Monte Carlo error is told: message, VarCorr(), tidy(), summary(), logLik()", {
  d <- crossed_data()
  f <- y ~ x + (1 | u) + (1 | m)
  expect_message(a <- lmm(f, d, control = lmm_control(solver = "iterative")), class = "lmm_message_solver")
  expect_identical(a$optimum$solver, "iterative")
  expect_output(print(a), "iterative solver: 16 probes")
  expect_output(print(summary(a)), "MC error")
  expect_output(print(summary(a)), "Monte Carlo error of -2\\*log\\(L\\)")
  table <- as.data.frame(VarCorr(a))
  expect_true(all(table$mc.error > 0 & table$mc.error < 0.02 * table$sdcor))
  pars <- tidy(a, "ran_pars", scales = "vcov")
  expect_equal(pars$mc.error, 2 * table$sdcor * table$mc.error, tolerance = 1e-6)
  expect_gt(attr(logLik(a), "mc.error"), 0)
  expect_output(print(logLik(a)), "Monte Carlo error of the log-likelihood")
  expect_identical(glance(a)$mc.error, attr(logLik(a), "mc.error"))
  expect_true(all(is.na(augment(a)$.hat)))
  expect_null(as.data.frame(VarCorr(direct(f, d)))$mc.error)
  expect_output(suppressMessages(lmm(f, d, control = lmm_control(solver = "iterative", progress = TRUE))),
                "passes .* probes .* decrement .* Monte Carlo error / standard error")
})

test_that("a likelihood ratio that the Monte Carlo error leaves open has no p-value", {
  expect_warning(p <- decided_p(c(NA, 0.05, 0.2), c(NA, 3.8, 1.6), c(NA, 1, 1), c(0, 0.3, 0.3)),
                 class = "lmm_warning_precision")
  expect_identical(p, c(NA, NA, 0.2))
  d <- crossed_data()
  small <- iterative(y ~ 1 + (1 | u) + (1 | m), d, REML = FALSE)
  large <- iterative(y ~ x + (1 | u) + (1 | m), d, REML = FALSE)
  expect_lt(anova(small, large)$`Pr(>Chisq)`[2L], 1e-6)
})

test_that("what needs a factorization is refused by class, with the name of the other solver", {
  a <- iterative(y ~ x + (1 | u) + (1 | m), crossed_data(n = 2000, levels = c(u = 60, m = 30)))
  for (ask in expression(profile(a), confint(a, method = "profile"), vcov(a, full = TRUE), rlrt(a, "m"), blocks(a),
                         vcov_components(a, information = "observed"),
                         quantity(a, "sigma"))) {
    expect_error(eval(ask), class = "lmm_error_solver", info = deparse(ask))
    expect_error(eval(ask), "solver = \"direct\"", info = deparse(ask))
  }
  expect_identical(dim(confint(a)), c(5L, 2L))
  d <- crossed_data(n = 500, levels = c(u = 40, m = 20))
  own <- lmm_control(solver = "iterative")
  expect_error(lmm(y ~ x + (1 | u), d, control = own), class = "lmm_error_solver")
  expect_error(lmm(y ~ x + (1 | u) + (1 | m), d, bounded = FALSE, control = own), class = "lmm_error_solver")
  expect_error(lmm(y ~ x + (1 | u) + (1 | m), d, fixed = c(sigma = 1), control = own), class = "lmm_error_solver")
  expect_error(lmm_control(solver = "magic"), class = "lmm_error_input")
  expect_error(lmm_control(probes = 1), class = "lmm_error_input")
})

test_that("refits, updates and simulations of a fit are by the same solver", {
  d <- crossed_data(n = 2000, levels = c(u = 100, m = 50))
  a <- iterative(y ~ x + (1 | u) + (1 | m), d)
  b <- direct(y ~ x + (1 | u) + (1 | m), d)
  Y <- as.matrix(simulate(a, 2, seed = 1))
  expect_equal(suppressMessages(refit(a, Y))$beta, refit(b, Y)$beta, tolerance = 1e-3)
  expect_equal(suppressMessages(refit(a, Y))$sigma, refit(b, Y)$sigma, tolerance = 1e-3)
  expect_identical(suppressMessages(refit(a, Y[, 1L]))$optimum$solver, "iterative")
})

test_that("intervals of predictions are those of the direct solver, for known and new levels", {
  d <- crossed_data(n = 3000, levels = c(u = 120, m = 25), slope = c(0, 0.3))
  new <- rbind(d[1:4, c("u", "m", "x")], data.frame(u = c("new", "1"), m = c("2", "new"), x = c(0, 3)))
  zero <- crossed_data(n = 3000, levels = c(u = 120, m = 25), sd = c(0.5, 0), seed = 4)
  for (case in list(list(y ~ x + (1 | u) + (x | m), d), list(y ~ 0 + (1 | u) + (1 | m), d),
                    list(y ~ x + (1 | u) + (1 | m), zero))) {
    a <- iterative(case[[1L]], case[[2L]], probes = 64L)
    b <- direct(case[[1L]], case[[2L]])
    for (interval in c("confidence", "prediction")) for (ddf in c("Satterthwaite", "asymptotic", "residual")) {
      limits <- function(fit, re.form) predict(fit, new, re.form, TRUE, interval = interval, ddf = ddf)
      expect_equal(limits(a, NULL), limits(b, NULL), tolerance = 2e-3)
      expect_equal(limits(a, NA), limits(b, NA), tolerance = 2e-3)
    }
  }
  expect_error(predict(a, new[1, ], interval = "prediction", ddf = "Kenward-Roger"), "Use ddf = \"Satterthwaite\"",
               class = "lmm_error_solver")
  d <- crossed_data(n = 3000, levels = c(u = 120, m = 25), seed = 3)
  d$v <- rnorm(25)[d$m] * (1 + d$x / 4) + rnorm(120)[d$u] + rnorm(3000, sd = 4)
  thin <- iterative(v ~ x + (1 | u) + (x | m), d)
  expect_true(fit_singular(thin)[2L])
  expect_error(predict(thin, d[1, ], interval = "prediction"), "Use ddf = \"asymptotic\"", class = "lmm_error_solver")
  expect_equal(predict(thin, d[1:3, ], interval = "prediction", ddf = "asymptotic")[, "upr"],
               predict(direct(v ~ x + (1 | u) + (x | m), d), d[1:3, ], interval = "prediction",
                       ddf = "asymptotic")[, "upr"], tolerance = 1e-3)
})

test_that("every likelihood ratio that the Monte Carlo error leaves open has no p-value", {
  d <- crossed_data(n = 1000, levels = c(u = 40, m = 20), sd = c(0.5, 0.12))
  d$z <- rnorm(1000)
  a <- iterative(y ~ x + z + (1 | u) + (1 | m), d, REML = FALSE)
  b <- iterative(y ~ x + (1 | u) + (1 | m), d, REML = FALSE)
  exact <- suppressMessages(ranova(a, mixture = TRUE))
  a$optimum$monte_carlo$criterion <- 5
  open <- function(expr) {
    expect_warning(table <- suppressMessages(expr), "too large to decide", class = "lmm_warning_precision")
    table
  }
  table <- suppressWarnings(ranova(a, mixture = TRUE), "lmm_warning_precision")
  expect_identical(is.na(table$`Pr(>Chisq)`), c(TRUE, FALSE, TRUE))
  expect_identical(is.na(table$`Pr(mixture)`), c(TRUE, FALSE, TRUE))
  expect_equal(table$LRT, exact$LRT)
  expect_false(anyNA(exact$`Pr(>Chisq)`[-1L]))
  expect_identical(is.na(open(drop1(a, test = "Chisq"))$`Pr(Chi)`), c(TRUE, FALSE, TRUE))
  expect_true(is.na(open(anova(a, b))$`Pr(>Chisq)`[2L]))
  expect_identical(is.na(open(bootstrap_test(a, b, nsim = 19, seed = 1))$test["LRT", "p.value"]), TRUE)
  expect_true(is.na(open(anova(a, b, test = "bootstrap", nsim = 39, seed = 1))$`Pr(boot)`[2L]))
  b$optimum$monte_carlo$criterion <- 5
  expect_true(is.na(open(add1(b, ~ . + z, test = "Chisq"))$`Pr(>Chi)`[2L]))
  steps <- open(backward(a, reduce.fixed = FALSE))
  expect_identical(length(steps$model$frame$random), 2L)          # an undecided term stays
  skip_if_not_installed("lmtest")
  expect_true(is.na(open(lmtest::lrtest(a, b))$`Pr(>Chisq)`[2L]))
})

test_that("backward elimination can leave one grouping factor, for the direct solver", {
  d <- crossed_data(n = 1000, levels = c(u = 40, m = 20), sd = c(0.5, 0), seed = 4)
  a <- iterative(y ~ x + (1 | u) + (1 | m), d)
  left <- suppressMessages(backward(a))$model
  expect_identical(names(ranef(left)), "u")
  expect_identical(left$optimum$solver, "direct")
})

test_that("functions with several fits name the solver once", {
  d <- crossed_data(n = 1000, levels = c(u = 40, m = 20))
  a <- iterative(y ~ x + (1 | u) + (1 | m), d)
  b <- iterative(y ~ 1 + (1 | u) + (1 | m), d)
  told <- function(expr) sum(vapply(capture_messages(expr), startsWith, NA, "iterative solver"))
  expect_identical(told(anova(a, b)), 1L)
  expect_identical(told(add1(b, ~ . + x, test = "Chisq")), 1L)
  skip_if_not_installed("lmtest")
  expect_identical(told(lmtest::lrtest(a, b)), 1L)
})
