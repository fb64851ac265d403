# The parametric bootstrap: streams of random numbers, processes, the session it leaves behind. Limits: test-interval.R.

test_that("each response comes from its own stream, as simulate() draws there", {
  d <- behavior_data()
  d$w <- rep(c(1, 4), 48)
  fits <- list(lmm(y ~ x + offset(t / 10) + (x || g), d, weights = w),
               suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d)))
  for (fit in fits) {
    draws <- bootstrap(fit, nsim = 30, seed = 11)
    literal <- t(vapply(literal_draws(fit, 30, 11), function(y) {
      again <- suppressMessages(refit(fit, y))
      c(as.data.frame(VarCorr(again))$sdcor, fixef(again))
    }, draws$t0))
    expect_equal(is.na(draws$t), is.na(literal), ignore_attr = TRUE)
    # beside a variance of 0 the last digits are lost
    flat <- which(is.na(literal) | abs(literal) < 1e-3)
    expect_equal(draws$t[-flat], literal[-flat], tolerance = 1e-4)
    expect_equal(draws$t[, ".sigma"], literal[, match(".sigma", colnames(draws$t))], tolerance = 1e-7,
                 ignore_attr = TRUE)
  }
})

test_that("any number of processes or of replicates gives the same replicates", {
  fit <- example_fit("pulp")
  one <- bootstrap(fit, nsim = 100, seed = 1)
  expect_identical(bootstrap(fit, nsim = 100, seed = 1, threads = 4), one)
  expect_identical(bootstrap(fit, nsim = 100, seed = 1, threads = 3)$t, one$t)
  expect_identical(bootstrap(fit, nsim = 37, seed = 1)$t, one$t[1:37, ])
  set.seed(1)
  a <- bootstrap(fit, nsim = 60, threads = 1)
  after <- .Random.seed
  set.seed(1)
  b <- bootstrap(fit, nsim = 60, threads = 2)
  expect_identical(a, b)
  expect_identical(.Random.seed, after)
  expect_identical(bootstrap(fit, nsim = 60, seed = a$seed), a)
  set.seed(2)
  expect_false(identical(bootstrap(fit, nsim = 60)$t, a$t))
})

test_that("a seed means the same to every function that draws", {
  large <- example_fit("penicillin_ml")
  small <- example_fit("penicillin_null_ml")
  test <- bootstrap_test(large, small, nsim = 60, seed = 4)
  expect_identical(bootstrap_test(large, small, nsim = 60, seed = 4, threads = 2), test)
  tables <- lapply(1:2, function(threads) anova(small, large, test = "bootstrap", nsim = 60, seed = 4,
                                                threads = threads))
  expect_identical(tables[[1]], tables[[2]])
  expect_equal(tables[[1]]$`Pr(boot)`[2], test$test["PBtest", "p.value"])
  expect_equal(tables[[1]]$`MC error`[2], attr(test$test, "mc.error"))
  draws <- bootstrap(large, nsim = 60, seed = 4)
  limits <- confint(large, method = "boot", nsim = 60, seed = 4)
  expect_equal(limits, confint(draws), ignore_attr = TRUE)
  expect_identical(confint(large, method = "boot", nsim = 60, seed = 4, threads = 2), limits)
  share <- lapply(1:2, function(threads) quantity(large, "icc", method = "boot", nsim = 60, seed = 4,
                                                  threads = threads))
  expect_identical(share[[1]], share[[2]])
})

test_that("the caller's generator is left as it was, whatever its kind", {
  fit <- example_fit("pulp")
  kind <- RNGkind()
  on.exit(suppressWarnings(do.call(RNGkind, as.list(kind))))
  expected <- bootstrap(fit, nsim = 5, seed = 3)
  for (generator in c("Wichmann-Hill", "Mersenne-Twister", "L'Ecuyer-CMRG")) {
    suppressWarnings(RNGkind(generator, "Ahrens-Dieter", "Rounding"))
    set.seed(8)
    before <- .Random.seed
    expect_identical(bootstrap(fit, nsim = 5, seed = 3), expected)
    expect_identical(.Random.seed, before)
    expect_identical(RNGkind()[1:2], c(generator, "Ahrens-Dieter"))
    bootstrap(fit, nsim = 5)
    expect_identical(RNGkind()[1:2], c(generator, "Ahrens-Dieter"))
    expect_false(identical(.Random.seed, before))            # the seed was drawn from here
  }
  rm(".Random.seed", envir = globalenv())
  stream_normals(random_streams(2, 3), 5)                    # a session that has drawn nothing
  expect_false(exists(".Random.seed", globalenv()))
  expect_identical(RNGkind()[1:2], c("L'Ecuyer-CMRG", "Ahrens-Dieter"))
})

test_that("an error in a process is the error of the call; wrong arguments are named", {
  skip_on_os("windows")
  work <- function(block) if (2 %in% block) lmm_abort("numeric", "as in the engine.") else list(block)
  expect_error(in_processes(list(1, 2, 3), work, 2), "as in the engine", class = "lmm_error_numeric")
  expect_identical(in_processes(list(1, 3), work, 2), list(list(1), list(3)))
  killed <- function(block) if (block == 2) tools::pskill(Sys.getpid(), 9L) else list(block)
  expect_error(in_processes(list(1, 2), killed, 2), "fewer `threads`", class = "lmm_error_numeric")
  fit <- example_fit("pulp")
  expect_error(bootstrap(fit, nsim = 5, threads = 0), "`threads`", class = "lmm_error_input")
  expect_error(bootstrap(fit, nsim = 5, threads = 1.5), "`threads`", class = "lmm_error_input")
  expect_error(bootstrap(fit, nsim = 2.5), "`nsim`", class = "lmm_error_input")
  expect_error(bootstrap(fit, nsim = 5, seed = "a"), "`seed`", class = "lmm_error_input")
  expect_error(bootstrap(fit, nsim = 5, seed = 1.5), "`seed`", class = "lmm_error_input")
  expect_error(confint(fit, method = "boot", nsim = 5, threads = 1.5), "`threads`", class = "lmm_error_input")
  expect_output(bootstrap(fit, nsim = 60, seed = 1, progress = TRUE), "50 of 60 refits.*60 of 60 refits")
})

test_that("refits that do not converge are counted in one warning", {
  fit <- example_fit("pulp")
  refits <- list(converged = c(TRUE, FALSE, NA, TRUE)[c(1, 2, 4)])
  expect_warning(warn_not_converged(list(refits), 3), "1 of 3 refits did not converge",
                 class = "lmm_warning_convergence")
  expect_no_warning(bootstrap(fit, nsim = 50, seed = 1))
})

test_that("a variance that is not there: zero ratios count", {
  set.seed(5)
  d <- data.frame(g = factor(rep(1:6, each = 4)), h = factor(rep(1:4, 6)), y = rnorm(24))
  large <- suppressMessages(lmm(y ~ 1 + (1 | g) + (1 | h), d, REML = FALSE))
  small <- suppressMessages(lmm(y ~ 1 + (1 | g), d, REML = FALSE))
  test <- bootstrap_test(large, small, nsim = 100, seed = 1)
  expect_gt(mean(test$reference == 0), 0.3)
  expect_equal(test$test["LRT", "stat"], 0, tolerance = 1e-8)
  expect_identical(test$test["PBtest", "p.value"], 1)
  exact <- suppressWarnings(lmm(y ~ 1 + (1 | g), transform(d, y = as.integer(g)), REML = FALSE))
  expect_error(simulated_ratios(exact, exact, 5, 1, 1, FALSE), class = "lmm_error_input")
})

test_that("the print has bias and standard error of the replicates", {
  draws <- structure(list(t0 = c(a = 2, b = 0), t = cbind(a = c(1, 2, 6), b = c(NA, 1, 3)), nsim = 3, seed = 1,
                          singular = c(TRUE, FALSE, FALSE)),
                     class = "lmm_bootstrap")
  shown <- capture.output(print(draws, digits = 4))
  expect_identical(shown[1], "Parametric bootstrap with 3 refits (1 at the boundary)")
  numbers <- scan(text = sub("^[ab]", "", shown[4:5]), quiet = TRUE)
  expect_equal(numbers, c(2, 1, sd(c(1, 2, 6)), 0, 2, sd(c(1, 3))), tolerance = 1e-3)
})
