test_that("a fit prints in the known layout", {
  local_reproducible_output(width = 80)
  shown <- capture.output(print(example_fit("pulp")))
  expect_identical(shown[c(1, 2, 4:12)], c(
    "Linear mixed model fit by REML ['lmm_fit']",
    "Formula: bright ~ 1 + (1 | operator)",
    "REML criterion at convergence: 18.6262",
    "Random effects:",
    " Groups   Name        Std.Dev.",
    " operator (Intercept) 0.2609  ",
    " Residual             0.3260  ",
    "Number of obs: 20, groups:  operator, 4",
    "Fixed Effects:",
    "(Intercept)  ",
    "       60.4  "))
})

test_that("the print of a fit stays short with hundreds of coefficients", {
  local_reproducible_output(width = 80)
  set.seed(1)
  data <- data.frame(y = rnorm(600), g = gl(30, 20))
  data$M <- matrix(rnorm(600 * 500), 600)
  fit <- suppressMessages(lmm(y ~ M + (1 | g), data))
  shown <- capture.output(print(fit))
  expect_lt(length(shown), 60)
  expect_match(shown, "more; see fixef()", fixed = TRUE, all = FALSE)
  values <- format(fixef(fit), digits = max(3L, getOption("digits") - 3L))
  room <- 6 * (80 %/% (max(nchar(names(values)), nchar(values)) + 2))               # six lines
  expect_output(print(fit), paste("... and", 501 - room, "more; see fixef()"), fixed = TRUE)
  names <- sprintf("a_quite_long_variable_name_number_%03d", 1:60)
  data[names] <- rnorm(600 * 60)
  fit <- suppressMessages(lmm(reformulate(c(names, "(1 | g)"), "y"), data))
  shown <- capture.output(print(fit))
  expect_lt(length(shown), 60)
  expect_match(shown, "number_060", all = FALSE)
  expect_match(shown, "(1 | g)", fixed = TRUE, all = FALSE)
  expect_match(capture.output(print(summary(fit))), names[60], all = FALSE)
})

test_that("str, format and dput end", {
  fit <- example_fit("penicillin")
  expect_match(format(fit), "^<lmm_fit: yield ~ treat")
  shown <- capture.output(str(fit))
  expect_identical(shown[1], format(fit))
  expect_identical(sub("^ \\$ ([a-z_]+) *:.*", "\\1", grep("^ \\$", shown, value = TRUE)), names(fit))
  expect_lt(length(shown), 20)
  expect_gt(length(capture.output(dput(fit))), 10)
})

test_that("a fit survives a file, and another session gets the same results", {
  fit <- example_fit("penicillin")
  file <- temporary_file()
  saveRDS(fit, file)
  again <- readRDS(file)
  expect_identical(again$estimates, fit$estimates)
  expect_identical(predict(again, penicillin), predict(fit, penicillin))
  expect_identical(capture.output(print(summary(again))), capture.output(print(summary(fit))))
  expect_identical(simulate(again, 2, seed = 1), simulate(fit, 2, seed = 1))
  expect_equal(fixef(update(again, REML = FALSE)), fixef(update(fit, REML = FALSE)))
  pointers <- rapply(unclass(fit), function(x) typeof(x) == "externalptr", how = "unlist")
  expect_false(any(pointers))
})

test_that("a fit made in a function does not carry its variables into a file", {
  make <- function() {
    ballast <- rnorm(1e5)
    data <- behavior_data()
    fit <- lmm(y ~ x + (1 | g), data)
    list(fit = fit, ballast = ballast)
  }
  expect_lt(length(serialize(make()$fit, NULL)), 1e5)
})

test_that("a fit that holds no rows says so", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin, control = lmm_control(keep_rows = FALSE))
  expect_error(residuals(fit), "needs the rows", class = "lmm_error_input")
  expect_error(predict(fit), "needs the rows", class = "lmm_error_input")
  expect_error(refit(fit, penicillin$yield), "needs the rows", class = "lmm_error_input")
  expect_equal(predict(fit, penicillin), predict(example_fit("penicillin")), ignore_attr = TRUE)
  expect_no_error(capture.output(print(fit), print(summary(fit))))
  expect_equal(ranef(fit), ranef(example_fit("penicillin")))
})

test_that("relative factors and covariance matrices agree", {
  for (seed in c(3, 4, 7, 9, 10, 45)) {
    fit <- fit_design(random_design(seed))
    for (k in seq_along(fit_factors(fit))) {
      L <- fit_factors(fit)[[k]]
      expect_equal(sigma(fit)^2 * tcrossprod(L), unname(fit_covariance(fit)[[k]]), tolerance = 1e-8)
      expect_equal(unname(tcrossprod(fit_covariance_factors(fit)[[k]])), unname(fit_covariance(fit)[[k]]),
      tolerance = 1e-8)
    }
  }
})

test_that("a search that is cut short says so, in the fit and in its print", {
  hard <- transform(behavior_data(), k = factor(rep(1:5, length.out = 96)))
  expect_warning(fit <- lmm(y ~ x + (x | g) + (1 | k), hard, control = lmm_control(max_evaluations = 2, restarts = 0)),
                 "too_many_evaluations.*lmm_control", class = "lmm_warning_convergence")
  expect_identical(fit$optimum$status, "too_many_evaluations")
  expect_match(capture.output(print(fit)), "ended without reaching the optimum", all = FALSE)
})

test_that("memory is asked for only where crossed factors may need it", {
  frame <- function(...) list(groups = lapply(list(...), function(n) list(levels = seq_len(n))))
  expect_identical(set_memory_limit(lmm_control(), frame(1e5))$memory_limit, 1e300)
  expect_identical(set_memory_limit(lmm_control(), frame(3000, 2000))$memory_limit, 1e300)
  limit <- set_memory_limit(lmm_control(), frame(3000, 2001))$memory_limit
  expect_true(limit > 1e6 && limit < 1e14)
  expect_identical(set_memory_limit(lmm_control(memory_limit = 5), frame(3000, 2001))$memory_limit, 5)
})

test_that("a search that starts where it ended stays there", {
  d <- transform(behavior_data(), x = 3 + 100 * x, k = factor(rep(1:6, 16)))
  d$y <- d$y + c(1, -1, 2, 0, -2, 1)[d$k]
  for (formula in list(y ~ x + (x | g), y ~ x + (x || g), y ~ x + (1 | k) + (x | g), y ~ x + (0 + x | g) + (1 | g))) {
    fit <- suppressMessages(lmm(formula, d))
    again <- suppressMessages(lmm(formula, d, start = getME(fit, "theta"), control = lmm_control(restarts = 0)))
    if (!isSingular(fit)) expect_lte(again$optimum$evaluations, 3, label = deparse(formula))
    expect_equal(logLik(again), logLik(fit), tolerance = 1e-10)
  }
})

test_that("limits that an exact fit does not have are explained once, whatever function is asked for them", {
  d <- data.frame(g = gl(6, 4), x = rep(1:4, 6))
  d$y <- 2 + 3 * d$x
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), d))
  said <- function(value) {
    counted <- 0L
    withCallingHandlers(value, lmm_message_limits = function(m) {
      if (grepl("residual variance is zero", conditionMessage(m), fixed = TRUE)) counted <<- counted + 1L
      invokeRestart("muffleMessage")
    })
    counted
  }
  expect_identical(said(confint(exact)), 1L)
  expect_identical(said(confint(exact, method = "Wald", ddf = "Satterthwaite")), 1L)
  expect_identical(said(confint(exact, quiet = TRUE)), 0L)
  expect_identical(said(quantity(exact, "icc", ~ sd(g))), 1L)
  expect_identical(said(predict(exact, d[1:2, ], interval = "prediction")), 1L)
  expect_identical(said(predict(exact, d[1:2, ])), 0L)
  expect_identical(said(tolerance_interval(exact, d[1:2, ])), 1L)
  expect_identical(said(tidy(exact, conf.int = TRUE)), 1L)
  expect_identical(said(tidy(exact)), 0L)
  expect_identical(said(nlme::intervals(exact)), 1L)
  expect_identical(said(ranef(exact, pev = TRUE)), 1L)
  skip_if_not_installed("emmeans")
  expect_identical(said(emmeans::emmeans(exact, ~ x)), 1L)
})
