# The call that a fit keeps, and update(), when lmm() is reached through something else.

d <- behavior_data()
d$w <- rep(1:2, 48)
form <- y ~ x + (1 | g)
plain <- lmm(y ~ x + (1 | g), d)
larger <- lmm(y ~ x + t + (1 | g), d)

expect_updates <- function(fit, expected = larger) {
  new <- testthat::expect_no_warning(update(fit, . ~ . + t))
  testthat::expect_equal(fixef(new), fixef(expected)[names(fixef(new))], tolerance = 1e-10)
  testthat::expect_equal(logLik(new), logLik(expected), tolerance = 1e-10)
  invisible(new)
}

test_that("through `...` the call says what was written, and update() finds it", {
  f <- function(...) lmm(...)
  outer <- function(...) f(...)
  for (fit in list(f(y ~ x + (1 | g), d), outer(form, d), outer(data = d, formula = form))) {
    expect_identical(as.list(fit$call)[c("formula", "data")], list(formula = quote(y ~ x + (1 | g)), data = quote(d)))
    expect_identical(fit$call[[1]], quote(lmm))
    expect_updates(fit)
  }
  fit <- f(form, d, weights = w, subset = t > 2, REML = FALSE)
  expect_identical(fit$call, quote(lmm(formula = y ~ x + (1 | g), data = d, REML = FALSE, weights = w, subset = t > 2)))
  direct <- lmm(form, d, weights = w, subset = t > 2, REML = FALSE)
  expect_equal(logLik(fit), logLik(direct))
  expect_updates(fit, update(direct, . ~ . + t))
  expect_equal(f(form, d, )$call, f(form, d)$call)
  own <- f(y ~ 1 + (1 | g), d, REML = FALSE)
  expect_match(paste(capture.output(anova(own, f(form, d, REML = FALSE))), collapse = "\n"), "Data: d\nModels")
  expect_output(print(own), "Data: d")
  expect_error(outer(form, d, weight = w), "unknown argument `weight`", class = "lmm_error_input")
})

test_that("inside functions, with data and weights that live there", {
  inner <- function(...) {
    local_data <- d[-(1:3), ]
    lmm(..., data = local_data)
  }
  expect_updates(inner(form), lmm(y ~ x + t + (1 | g), d[-(1:3), ]))
  named <- function(formula, frame, case_weights) lmm(formula, data = frame, weights = case_weights)
  fit <- named(form, d, d$w)
  expect_identical(fit$call$data, quote(frame))
  expect_updates(fit, lmm(y ~ x + t + (1 | g), d, weights = w))
  held <- function() {
    wanted <- form
    lmm(wanted, d)
  }
  expect_identical(held()$call$formula, quote(y ~ x + (1 | g)))
  expect_updates(held())
})

test_that("rows chosen by what is gone are chosen again", {
  above <- function(least, data, ...) lmm(form, data, subset = t > least, ...)
  fit <- above(2, d)
  expect_identical(fit$call$subset, quote(t > least))
  new <- expect_updates(fit, lmm(y ~ x + t + (1 | g), d, subset = t > 2))
  expect_identical(new$call$subset, quote(t > least))
  missing <- within(d[-(1:5), ], y[c(4, 50)] <- NA)
  expected <- suppressMessages(lmm(y ~ x + t + (1 | g), missing, subset = t > 2, na.action = na.exclude))
  again <- suppressMessages(update(above(2, missing, na.action = na.exclude), . ~ . + t))
  expect_identical(names(fitted(again)), names(fitted(expected)))
  expect_equal(fitted(again), fitted(expected))
  # `least` is still there
  expect_equal(nobs(update(fit, . ~ . + t, data = d[1:40, ])), sum(d$t[1:40] > 2))
  gone <- unserialize(serialize(fit, NULL))
  expect_error(suppressMessages(update(gone, . ~ . + t, data = d[1:5, ])), class = "lmm_error_input")
})

test_that("do.call(), lapply(), Map(), pipes", {
  by_value <- do.call(lmm, list(form, d))
  expect_identical(by_value$call[[1]], quote(lmm))
  expect_updates(by_value)
  expect_updates(do.call("lmm", list(form, quote(d))))
  fits <- lapply(list(form, update(form, . ~ . + t)), lmm, data = d)
  expect_identical(fits[[1]]$call, quote(lmm(formula = y ~ x + (1 | g), data = d)))
  expect_updates(fits[[1]])
  expect_equal(logLik(fits[[2]]), logLik(larger))
  by_data <- lapply(list(d, d[-1, ]), function(part) lmm(form, part))
  expect_updates(by_data[[2]], lmm(y ~ x + t + (1 | g), d[-1, ]))
  expect_updates(Map(lmm, list(form), list(d))[[1]])
  expect_updates(d |> lmm(formula = form))
  expect_identical(henderson::lmm(form, d)$call[[1]], quote(henderson::lmm))
})

test_that("a fit made in a wrapper works without it", {
  f <- function(...) lmm(...)
  fit <- f(form, d)
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(fit, file)
  read <- in_new_process(function(paths, file) {
    .libPaths(paths)
    library(henderson)
    fit <- readRDS(file)
    list(stats::logLik(stats::update(fit, . ~ . + t)), anova(fit), stats::predict(fit, data.frame(x = 1, g = "g01")))
  }, list(file))
  expect_equal(as.numeric(read[[1]]), as.numeric(logLik(larger)), tolerance = 1e-10)
  expect_equal(read[[2]], anova(plain), ignore_attr = TRUE)
})

test_that("a function inside one with `...` passes its arguments on", {
  K <- diag(12)
  dimnames(K) <- list(levels(factor(d$g)), levels(factor(d$g)))
  first <- function(...) lapply(1, function(i) lmm(..., data = d))[[1L]]
  second <- function(...) sapply(1, function(i) tryCatch(lmm(form, d, ...), warning = identity), simplify = FALSE)[[1L]]
  outer <- function(...) lapply(1, function(i) first(form, ...))[[1L]]
  same <- function(fit, expected) {
    expect_identical(as.numeric(logLik(fit)), as.numeric(logLik(expected)))
    expect_identical(fit$call[names(fit$call) != "data"], expected$call[names(expected$call) != "data"])
    expect_equal(logLik(update(fit, . ~ . + t)), logLik(update(expected, . ~ . + t)), tolerance = 1e-10)
  }
  same(first(form, weights = w, subset = t > 2), lmm(form, data = d, weights = w, subset = t > 2))
  same(first(form, fixed = c(sigma = 1)), lmm(form, data = d, fixed = c(sigma = 1)))
  for (f in list(second, outer)) {
    same(f(variance = ~t), lmm(form, d, variance = ~t))
    same(f(weights = w, REML = FALSE), lmm(form, d, weights = w, REML = FALSE))
    same(f(relationship = list(g = K)), lmm(form, d, relationship = list(g = K)))
    same(f(residual = ~ ar1(1 | g)), lmm(form, d, residual = ~ ar1(1 | g)))
  }
})
