# The search of the iterative solver where it is hard: large ratios, nearly nested factors, small variances beside large
# ones, factors of some hundred levels. The functions of helper-iterative.R compare with the direct solver.

test_that("large variances of nearly nested factors do not hide those of the others", {
  set.seed(1)
  n <- 2e4
  worker <- rep(seq_len(n / 5), each = 5)
  at <- sample(1200, n, TRUE)
  moved <- function(home, share) factor(ifelse(runif(n) < share, sample(300, n, TRUE), home %% 300 + 1))
  for (d in list(data.frame(u = factor(worker), m = moved(worker, 0.1)),
                 data.frame(u = factor(at), m = moved(at, 0.01)))) {
    for (s in c(1, 30, 300)) {
      d$y <- rnorm(nlevels(d$u), sd = s)[d$u] + rnorm(nlevels(d$m))[d$m] + rnorm(n)
      a <- withCallingHandlers(iterative(y ~ 1 + (1 | u) + (1 | m), d),
                               lmm_warning_precision = function(w) invokeRestart("muffleWarning"))
      expect_agree(a, direct(y ~ 1 + (1 | u) + (1 | m), d), 0.02)
    }
  }
})

test_that("any start leads to the maximum, one at zero too", {
  d <- crossed_data()
  other <- direct(y ~ x + (1 | u) + (1 | m), d)
  for (start in list(c(0, 0), c(100, 1e-8), c(1e-12, 50))) {
    own <- lmm_control(solver = "iterative")
    expect_agree(suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), d, start = start, control = own)), other)
  }
})

test_that("a search that ends early warns and gives a fit", {
  own <- lmm_control(solver = "iterative", max_evaluations = 2L)
  expect_warning(a <- suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), crossed_data(), control = own)),
                 class = "lmm_warning_convergence")
  expect_false(fit_optimum(a)$status == "converged")
  expect_length(fit_singular(a), 2L)
})

test_that("several factors of few levels have a finite criterion", {
  d <- crossed_data(n = 20000, levels = c(u = 3000, m = 1000, a = 60, b = 60, c = 60), sd = c(0.5, 0.5, 1, 1, 1))
  f <- y ~ x + (1 | u) + (1 | m) + (1 | a) + (1 | b) + (1 | c)
  expect_agree(iterative(f, d), direct(f, d))
})

test_that("slopes with little variance beside a large variance of the intercepts", {
  d <- crossed_data(n = 3e4, levels = c(u = 3000, m = 900), sd = c(0.4, 0.5))
  d$brand <- factor(as.integer(d$m) %% 120)
  for (slope in c(0, 0.01, 0.05)) {
    own <- d
    own$y <- d$y + rnorm(120, sd = 2)[d$brand] + rnorm(120, sd = slope)[d$brand] * d$x
    f <- y ~ x + (1 | u) + (1 | m) + (x | brand)
    expect_agree(iterative(f, own), direct(f, own), 0.02)
  }
  f <- y ~ x + (1 | u) + (x | m)
  expect_agree(iterative(f, d), direct(f, d), 0.02)
})

test_that("a factor of some hundred levels needs no more probes", {
  d <- crossed_data(n = 3e4, levels = c(u = 3000, m = 900, shop = 70, brand = 200), sd = c(0.4, 0.5, 1, 0.7))
  a <- iterative(y ~ x + (1 | u) + (1 | m) + (1 | shop) + (1 | brand), d)
  expect_agree(a, direct(y ~ x + (1 | u) + (1 | m) + (1 | shop) + (1 | brand), d), 0.02)
  expect_lt(fit_optimum(a)$monte_carlo$probes, 64L)
})
