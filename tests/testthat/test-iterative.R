# Crossed fits without a factorization, against the direct solver on the same data.

test_that("estimates are those of the direct solver: intercepts, ML, weights, no fixed effects, either factor larger", {
  d <- crossed_data()
  d$w <- runif(nrow(d), 0.2, 3)
  expect_agree(iterative(y ~ x + (1 | u) + (1 | m), d), direct(y ~ x + (1 | u) + (1 | m), d))
  expect_agree(iterative(y ~ x + (1 | u) + (1 | m), d, REML = FALSE),
               direct(y ~ x + (1 | u) + (1 | m), d, REML = FALSE))
  expect_agree(iterative(y ~ x + (1 | u) + (1 | m), d, weights = w), direct(y ~ x + (1 | u) + (1 | m), d, weights = w))
  expect_agree(iterative(y ~ 0 + (1 | u) + (1 | m), d), direct(y ~ 0 + (1 | u) + (1 | m), d))
})

test_that("several columns in the leading and in other terms, diagonal or not", {
  d <- crossed_data(slope = c(0.3, 0.4))
  for (f in c(y ~ x + (x | u) + (1 | m), y ~ x + (1 | u) + (x | m), y ~ x + (x | u) + (x | m),
              y ~ x + (x || u) + (x || m)))
    expect_agree(iterative(f, d), direct(f, d))
})

test_that("three and four factors, crossed and nested, with few levels and many", {
  d <- crossed_data(levels = c(u = 400, m = 150, dept = 12), sd = c(0.5, 0.7, 0.4))
  d$brand <- factor(as.integer(d$m) %% 25)
  d$city <- factor(as.integer(d$u) %% 90)
  d$y <- d$y + rnorm(25, sd = 0.6)[d$brand] + rnorm(90, sd = 0.5)[d$city]
  for (f in c(y ~ x + (1 | u) + (1 | m) + (1 | dept), y ~ x + (1 | u) + (1 | m) + (1 | brand),
              y ~ x + (1 | u) + (1 | city) + (1 | m) + (1 | brand)))
    expect_agree(iterative(f, d), direct(f, d))
})

test_that("variances of zero, small ones and large ratios", {
  f <- y ~ x + (1 | u) + (1 | m)
  for (sd in list(c(0.5, 0), c(0, 0.7), c(0.5, 0.02), c(30, 3), c(1, 300))) {
    d <- crossed_data(sd = sd, seed = 4)
    expect_agree(iterative(f, d), direct(f, d))
  }
  d <- crossed_data(levels = c(u = 400, m = 150, dept = 10), sd = c(0.5, 0.7, 0))
  expect_agree(iterative(y ~ x + (1 | u) + (1 | m) + (1 | dept), d), direct(y ~ x + (1 | u) + (1 | m) + (1 | dept), d))
  d <- crossed_data(slope = c(0, 0), seed = 7)
  a <- iterative(y ~ x + (1 | u) + (x | m), d)
  b <- direct(y ~ x + (1 | u) + (x | m), d)
  expect_lt(abs(deviance(a) - deviance(b)), 4 * criterion_error(a) + 1e-4)
})

test_that("a factor of few levels has a Monte Carlo error below a percent of its standard error", {
  d <- crossed_data(levels = c(u = 400, m = 150, dept = 12), sd = c(0.5, 0.7, 0.4))
  components <- variance_components(iterative(y ~ x + (1 | u) + (1 | m) + (1 | dept), d))
  expect_true(all(components$mc.error < 0.01 * components$se))
})

test_that("either factor may lead", {
  d <- crossed_data()
  f <- y ~ x + (1 | u) + (1 | m)
  framed <- model_frame(model_spec(f, TRUE), d)
  control <- set_memory_limit(lmm_control(solver = "iterative"), NULL)
  found <- lapply(1:2, function(lead) {
    framed$frame$lead <- lead
    iterative_fit(framed$frame, summed_blocks(framed$frame, framed$rows), TRUE, NULL, control)
  })
  error <- 3 * sqrt(diag(found[[1L]]$monte_carlo$covariance) + diag(found[[2L]]$monte_carlo$covariance))[1:2]
  expect_lt(max(abs(found[[1L]]$optimum$theta^2 - found[[2L]]$optimum$theta^2) / (2 * error)), 1)
  expect_false(identical(found[[1L]]$optimum$theta, found[[2L]]$optimum$theta))
  expect_equal(found[[1L]]$solution$beta, found[[2L]]$solution$beta, tolerance = 1e-4)
})

test_that("disconnected parts, a band, workers who hardly move, near nesting", {
  set.seed(2)
  n <- 6000
  part <- sample(20, n, TRUE)
  parts <- data.frame(u = factor(part * 100 + sample(20, n, TRUE)), m = factor(part * 100 + sample(8, n, TRUE)))
  at <- sample(400, n, TRUE)
  band <- data.frame(u = factor(at), m = factor(pmin(150, pmax(1, round(at * 150 / 400) + sample(-2:2, n, TRUE)))))
  worker <- rep(seq_len(1200), each = 5)
  moves <- data.frame(u = factor(worker), m = factor(ifelse(runif(n) < 0.1, sample(60, n, TRUE), worker %% 60 + 1)))
  near <- data.frame(u = factor(at), m = factor(ifelse(runif(n) < 0.01, sample(150, n, TRUE), at %% 150 + 1)))
  for (d in list(parts, band, moves, near)) {
    d$y <- rnorm(nlevels(d$u))[d$u] + rnorm(nlevels(d$m))[d$m] + rnorm(n)
    expect_agree(iterative(y ~ 1 + (1 | u) + (1 | m), d), direct(y ~ 1 + (1 | u) + (1 | m), d), 0.02)
  }
})

test_that("a fit is the same on every run and for any number of threads, and leaves R's random numbers alone", {
  d <- crossed_data(n = 40000, levels = c(u = 2000, m = 200))
  f <- y ~ x + (1 | u) + (1 | m)
  set.seed(9)
  before <- .Random.seed
  first <- iterative(f, d)
  expect_identical(.Random.seed, before)
  for (threads in 1:3) expect_identical(iterative(f, d, threads = threads)$estimates, first$estimates)
  other <- iterative(f, d, probe_seed = 5)
  expect_false(identical(other$estimates$covariance, first$estimates$covariance))
  expect_lt(max(abs(variance_components(other)$estimate -
                    variance_components(first)$estimate) / variance_components(first)$se), 0.005)
})

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
                         quantity(a, "sigma"), predict(a, interval = "prediction"))) {
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

test_that("confounded factors and exact fits stop with a class", {
  d <- crossed_data(n = 2000, levels = c(u = 100, m = 50))
  d$copy <- d$m
  expect_error(iterative(y ~ x + (1 | u) + (1 | m) + (1 | copy), d), class = "lmm_error_unidentified")
  d$y <- rnorm(100)[d$u] + rnorm(50)[d$m]
  expect_error(iterative(y ~ x + (1 | u) + (1 | m), d), class = "lmm_error_solver")
})

test_that("auto takes the direct solver for small models and bands, the iterative one for many crossed levels", {
  set.seed(3)
  n <- 60000
  at <- sample(20000, n, TRUE)
  band <- data.frame(u = factor(at), m = factor(pmax(1, at %/% 2 + sample(0:1, n, TRUE))))
  wide <- data.frame(u = factor(sample(9000, n, TRUE)), m = factor(sample(8000, n, TRUE)))
  widest <- data.frame(u = factor(sample(7e4, 4e5, TRUE)), m = factor(sample(6e4, 4e5, TRUE)), y = rnorm(4e5))
  band$y <- wide$y <- rnorm(n)
  control <- set_memory_limit(lmm_control(memory_limit = 4e9), NULL)
  chosen <- function(d) {
    spec <- model_spec(y ~ 1 + (1 | u) + (1 | m), TRUE)
    framed <- model_frame(spec, d)
    chosen_solver(framed$frame, summed_blocks(framed$frame, framed$rows), control)
  }
  expect_identical(chosen(band), "direct")
  expect_identical(chosen(wide), "iterative")
  expect_identical(chosen(widest), "iterative")
  expect_identical(lmm(y ~ 1 + (1 | u) + (1 | m), crossed_data(n = 500, levels = c(u = 40, m = 20)))$optimum$solver,
                   "direct")
})

test_that("probes are doubled until the error is small, and a warning says where it is not", {
  d <- crossed_data(n = 3000, levels = c(u = 900, m = 800), sd = c(0.3, 0.3))
  a <- iterative(y ~ 1 + (1 | u) + (1 | m), d, probes = 4L)
  expect_true(a$optimum$monte_carlo$share <= 0.02 || a$optimum$monte_carlo$probes == 256L)
  optimum <- list(solver = "iterative", monte_carlo = list(probes = 256L, share = 0.05))
  expect_true(any(vapply(iterative_conditions(optimum), inherits, NA, "lmm_warning_precision")))
})

test_that("an interrupt stops a fit within two seconds", {
  skip_on_os("windows")
  skip_on_cran()
  d <- crossed_data(n = 30000, levels = c(u = 9000, m = 8000))
  control <- lmm_control(solver = "iterative", probes = 512L)
  system(paste0("(sleep 1.5; kill -INT ", Sys.getpid(), ") > /dev/null 2>&1 &"))
  sent <- proc.time()[["elapsed"]] + 1.5
  ended <- tryCatch({
    repeat suppressMessages(lmm(y ~ x + (x | u) + (x | m), d, control = control))
  }, interrupt = function(i) proc.time()[["elapsed"]])
  expect_lt(ended - sent, 2)
  expect_identical(iterative(y ~ 1 + (1 | u) + (1 | m),
                             crossed_data(n = 500, levels = c(u = 40, m = 20)))$optimum$solver, "iterative")
})

test_that("a million rows take less than 5 seconds of the processor and half a gigabyte", {
  skip_if_not(nzchar(Sys.getenv("HENDERSON_TIMING")), "HENDERSON_TIMING is not set: a timing")
  d <- crossed_data(n = 1e6, levels = c(u = 1e5, m = 1e4))
  time <- system.time(iterative(y ~ x + (1 | u) + (1 | m), d))
  expect_lt(time[["user.self"]] + time[["sys.self"]], 5)
  peak <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  expect_lt(as.numeric(gsub("[^0-9]", "", peak)) / 2^20, 0.5)
})
