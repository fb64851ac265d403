# The session around a fit: time limits, forks, locales, masked functions, a package that is not attached.
# A limit is in elapsed time; what passes until it is obeyed is measured in processor time, which other work on the
# machine does not lengthen. So at most limit + 2 s. R's compiler, when a limit passes while it is at work, swallows the
# error: it is off.

test_that("a time limit stops a long fit, and the next fit is right", {
  result <- in_new_process(function(paths, limit) {
    .libPaths(paths)
    set.seed(1)
    n <- 6e4
    q <- 6000
    crossed <- data.frame(y = rnorm(n), x = rnorm(n), a = factor(sample(q, n, TRUE)), b = factor(sample(q, n, TRUE)))
    small <- data.frame(y = c(1, 2, 3), g = c("a", "a", "b"))
    started <- sum(proc.time()[1:2])
    stopped <- tryCatch({
      setTimeLimit(elapsed = limit, transient = TRUE)
      henderson::lmm(y ~ x + (1 | a) + (1 | b), crossed)
      "finished"
    }, error = conditionMessage, interrupt = function(i) "interrupted")
    setTimeLimit()
    seconds <- sum(proc.time()[1:2]) - started
    list(stopped = stopped, seconds = seconds,
         next_fit = as.numeric(stats::logLik(henderson::lmm(y ~ 1 + (1 | g), small))))
  }, list(limit = 2), env = c(R_ENABLE_JIT = "0"))
  expect_lt(result$seconds, 4)
  expect_match(result$stopped, "time limit|interrupted|finished")
  expect_equal(result$next_fit, -3.2433422, tolerance = 1e-7)
})

# What becomes of an expression with a second of time, and its processor time.
limited_to_a_second <- function(expr) {
  started <- sum(proc.time()[1:2])
  text <- tryCatch({
    setTimeLimit(elapsed = 1, transient = TRUE)
    expr
    "finished"
  }, error = conditionMessage)
  setTimeLimit()
  list(text = text, seconds = sum(proc.time()[1:2]) - started)
}
environment(limited_to_a_second) <- globalenv()   # it goes to a process of its own

test_that("so it does refits, the bootstrap and exact tests, and they can be done again", {
  result <- in_new_process(function(paths, limited) {
    .libPaths(paths)
    set.seed(1)
    d <- data.frame(y = rnorm(4000), x = rnorm(4000), a = factor(sample(300, 4000, TRUE)),
                    b = factor(sample(300, 4000, TRUE)))
    fit <- suppressMessages(henderson::lmm(y ~ x + (1 | a) + (1 | b), d, REML = FALSE))
    small <- suppressMessages(henderson::lmm(y ~ 1 + (1 | a) + (1 | b), d, REML = FALSE))
    one <- suppressMessages(henderson::lmm(y + as.integer(a) %% 2 ~ x + (1 | a), d))
    many <- matrix(rnorm(4000 * 3000), 4000)
    wide <- many[, rep(1:3000, 4)]                # one thread needs more than a second for one chunk of rows
    work <- list(refit = limited(henderson::refit(fit, many)), rows = limited(henderson::refit(one, wide, threads = 1)),
                 bootstrap = limited(henderson::bootstrap(fit, nsim = 1e5, seed = 1)),
                 test = limited(henderson::bootstrap_test(fit, small, nsim = 1e5, seed = 1)),
                 exact = limited(henderson::rlrt(one, nsim = 1e8, seed = 1)))
    list(work = work,
         again = identical(henderson::bootstrap(small, nsim = 2, seed = 1)$t,
                           henderson::bootstrap(small, nsim = 2, seed = 1)$t))
  }, args = list(limited = limited_to_a_second), timeout = 120, env = c(R_ENABLE_JIT = "0"))
  for (name in names(result$work)) {
    expect_match(result$work[[name]]$text, "time limit", label = name)
    expect_lt(result$work[[name]]$seconds, 3, label = name)
  }
  expect_true(result$again)
})

test_that("so it does fits with many random or fixed columns", {
  result <- in_new_process(function(paths, limited) {
    .libPaths(paths)
    set.seed(1)
    n <- 12000
    d <- data.frame(y = rnorm(n), f = factor(rep_len(1:20, n)), g = gl(300, n / 300), k = factor(sample(1500, n, TRUE)))
    list(random = limited(henderson::lmm(y ~ 1 + (f | g), d)), fixed = limited(henderson::lmm(y ~ k + (1 | g), d)))
  }, args = list(limited = limited_to_a_second), timeout = 120, env = c(R_ENABLE_JIT = "0"))
  for (name in names(result)) {
    expect_match(result[[name]]$text, "time limit", label = name)
    expect_lt(result[[name]]$seconds, 3, label = name)
  }
})

test_that("forks agree with the parent bit for bit", {
  testthat::skip_on_os("windows")
  result <- in_new_process(function(paths, mk_data) {
    .libPaths(paths)
    one <- function(i) henderson::lmm(y ~ x + (1 | g), mk_data[[i]])$estimates
    list(parallel::mclapply(1:4, one, mc.cores = 2), lapply(1:4, one))
  }, list(lapply(1:4, function(i) mk(seed = i))))
  expect_identical(result[[1L]], result[[2L]])
})

test_that("results do not depend on the locale", {
  d <- mk()
  d$g <- rep(c("a", "B", "b", "A", "\u00e9", "E", "e", "z", "Z", "_", "1", "10"), each = 8)
  here <- lmm(y ~ x + (1 | g), d)
  for (locale in c("C", "C.UTF-8")) {
    there <- in_new_process(function(paths, d) {
      .libPaths(paths)
      m <- henderson::lmm(y ~ x + (1 | g), d)
      broken <- tryCatch(henderson::lmm(y ~ x + (1 | nosuch), d), error = function(e) class(e)[1L])
      list(m$estimates, broken, utils::capture.output(print(m)))
    }, list(d), env = c(LC_ALL = locale))
    expect_equal(there[[1L]]$beta, here$estimates$beta, tolerance = 1e-10)
    expect_equal(sort(there[[1L]]$b[[1L]]), sort(here$estimates$b[[1L]]), tolerance = 1e-10)
    expect_identical(there[[2L]], "lmm_error_formula")
  }
})

test_that("masked functions and constants", {
  d <- mk()
  m <- local({
    T <- 0
    F <- 1
    pi <- 3
    c <- function(...) stop("masked")
    model.frame <- terms <- list <- lapply <- function(...) stop("masked")
    lmm(y ~ x + (1 | g), d)
  })
  is_reference_0(m)
  masked <- in_new_process(function(paths, d) {
    .libPaths(paths)
    names <- c("c", "list", "terms", "model.frame", "lapply", "is.null", "getCall", "eval")
    for (name in names) assign(name, function(...) stop("masked"), envir = globalenv())
    assign("T", 0, envir = globalenv())
    fit <- get("lmm", asNamespace("henderson"))
    formula <- y ~ x + (x | g)
    environment(formula) <- globalenv()
    m <- fit(formula, d)
    capture <- utils::capture.output(print(m), print(summary(m)))
    stats::predict(m, d)
    m$estimates$beta
  }, list(d))
  expect_equal(unname(masked), c(1.82476779, 0.45612493), tolerance = 1e-7)
})

test_that("the engine's exported functions take anything without a crash", {
  d <- mk(6, 8)
  fits <- suppressMessages(list(lmm(y ~ x + (x | g), d), lmm(y ~ x + (1 | g) + (1 | f), d)))
  calls <- list(engine_arguments(fits[[1]]), engine_arguments(fits[[2]]))
  outcome <- in_new_process(function(paths, calls, broken) {
    .libPaths(paths)
    engine <- asNamespace("henderson")
    one <- function(seed) {
      set.seed(seed)
      arguments <- calls[[sample(2, 1)]]
      name <- sample(names(arguments), 1)
      given <- arguments[[name]]
      read <- given$read
      if (!is.null(read)) given$read <- function(k) if (stats::runif(1) < 0.5) broken(read(k)) else read(k)
      place <- sample(setdiff(seq_along(given), match("read", names(given))), 1)
      given[place] <- list(broken(given[[place]]))
      value <- tryCatch(suppressWarnings(do.call(engine[[name]], unname(given))), error = identity)
      if (inherits(value, "error") || is.list(value) && !is.null(value$engine_error)) "refused" else "taken"
    }
    table(vapply(1:500, one, ""))
  }, list(calls, broken), timeout = 300)
  expect_identical(sum(outcome), 500L)
  expect_gt(outcome[["refused"]], 250)
})

test_that("package not attached, conditions as errors", {
  d <- mk()
  result <- in_new_process(function(paths, d) {
    .libPaths(paths)
    options(warn = 2)
    m <- tryCatch(henderson::lmm(y ~ x + (1 | g), d), warning = stop, message = stop)
    list(henderson::fixef(m), summary(m)$coefficients, predict(m, d[1:2, ]), utils::capture.output(print(m)),
         length(stats::simulate(m, 2, seed = 1)), henderson::VarCorr(m), "package:henderson" %in% search())
  }, list(d))
  expect_equal(unname(result[[1L]]), c(1.82168445, 0.455758029), tolerance = 1e-7)
  expect_false(result[[7L]])
})

test_that("no option for printing numbers changes what is computed", {
  before <- options(scipen = 0)
  on.exit(options(before))
  d <- behavior_data()
  make <- function() list(lmm(y ~ I(x * 100000) + (1 | I(t * 100000)), d),
                          lmm(y ~ x, d, residual = ~ ou(I(t * 100000) | g), variance = ~ power(I((abs(x) + 1) * 1e5))))
  fits <- make()
  answers <- function(fits) lapply(fits, function(fit) {
    list(predict(fit, d[1:3, ]), anova(fit, type = 2)[["F value"]], fixef(fit),
         if (requireNamespace("emmeans", quietly = TRUE)) as.data.frame(emmeans::emmeans(fit, ~1))$emmean)
  })
  right <- answers(fits)
  for (penalty in c(-5, 999)) {
    options(scipen = penalty)
    expect_equal(answers(fits), right)
    expect_equal(answers(make()), right)
    expect_s3_class(ems(bright ~ 1 + (1 | operator), pulp, type = 1), "ems")
  }
})

test_that("no option for printing numbers changes a name, of coefficients, levels, visits or limits", {
  before <- options(OutDec = ".", scipen = 0, digits = 7)
  on.exit(options(before))
  d <- transform(behavior_data(), w = t / 10, big = t * 1e5)
  d <- d[d$t < 4, ]
  make <- function() list(
    lmm(y ~ factor(w) + cut(x, c(-9, -0.25, 0.5, 9)) + (1 | cut(t + x, c(-9, 1.5, 2.5, 3.25, 9))) + (1 | g), d),
    lmm(y ~ format(w / 3) + (x | g), d), lmm(y ~ x, d, residual = ~ diag(w | g)),
    lmm(y ~ x, d, residual = ~ diag(big | g)), lmm(y ~ x + (1 | g), d, variance = ~ factor(w)),
    lmm(y ~ factor(w) + (1 | g), chunks(list(d[1:20, ], d[21:nrow(d), ]))))
  names_of <- function(fits) lapply(fits, function(fit) {
    list(names(fixef(fit)), lapply(ranef(fit), dimnames), dimnames(confint(fit, method = "Wald", quiet = TRUE)),
         as.data.frame(VarCorr(fit))[1:3])
  })
  fits <- suppressMessages(make())
  right <- names_of(fits)
  expect_identical(right[[3]][[3]][[1]][1:3], c("var(0.1)", "var(0.2)", "var(0.3)"))
  expect_identical(right[[4]][[3]][[1]][1], "var(100000)")
  for (option in list(list(OutDec = ","), list(scipen = -9), list(scipen = 99), list(digits = 3))) {
    options(option)
    again <- suppressMessages(make())
    expect_identical(names_of(again), right)
    options(OutDec = ".", scipen = 0, digits = 7)
    for (k in c(1, 2, 5, 6)) expect_equal(predict(again[[k]], d[1:3, ]), predict(fits[[k]], d[1:3, ]))
  }
})
