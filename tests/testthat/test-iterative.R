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
