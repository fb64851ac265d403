# The delegate itself needs no package but lme4: a generic of the test stands for those of others.
skip_if_not_installed("lme4")

peek <- function(model, ...) UseMethod("peek")
peek.lmm_fit <- henderson:::through(as_lmer)
peek.default <- function(model, other = NULL, tag) {
  list(class(model), class(other), substitute(model), if (missing(tag)) "none" else substitute(tag))
}

test_that("every fit in a call arrives as an object of lme4, and the rest as it was written", {
  fit <- example_fit("penicillin")
  one <- "lmerMod"
  expect_identical(unclass(peek(fit)[[1]])[1], one)
  expect_identical(peek(fit)[[3]], quote(fit))
  expect_identical(peek(fit, tag = a + b)[[4]], quote(a + b))
  both <- peek(model = fit, update(fit, REML = FALSE))
  expect_identical(c(both[[1]][1], both[[2]][1]), c(one, one))
  expect_identical(do.call(peek, list(fit))[[1]][1], one)
  expect_identical(lapply(list(fit), function(m) peek(m))[[1]][[1]][1], one)
  wrapper <- function(m, ...) peek(m, ...)
  expect_identical(wrapper(fit, tag = a)[[1]][1], one)
  expect_identical(peek(update(fit, REML = FALSE))[[1]][1], one)
})

test_that("a fit in the dots of a function, or not in the first place, arrives as an object of lme4 too", {
  fit <- example_fit("penicillin")
  fits <- list(a = fit)
  one <- "lmerMod"
  dots <- function(...) peek(...)
  expect_identical(dots(fit)[[1]][1], one)
  expect_identical(dots(fits$a)[[1]][1], one)
  expect_identical(dots(tag = a + b, fit)[[1]][1], one)
  expect_identical(dots(model = fit, other = fits$a)[[2]][1], one)
  expect_identical(dots(fit, tag = there_is_no_such_thing)[[4]], quote(..2))
  twice <- function(...) dots(...)
  expect_identical(twice(fit)[[1]][1], one)
  expect_identical(peek(tag = a, model = fits$a)[[1]][1], one)
  expect_identical(peek(tag = a, mod = fits$a)[[1]][1], one)
  expect_identical(sapply(fits, function(m, ...) peek(m, ...)[[1]][1]), c(a = one))
  expect_silent(dots(fit, tag = there_is_no_such_thing))
})

test_that("influence() finds lme4's", {
  fit <- lmm(y ~ x + (1 | g), behavior_data(groups = 5, n = 4))
  peer <- lme4::lmer(y ~ x + (1 | g), behavior_data(groups = 5, n = 4))
  expect_equal(cooks.distance(influence(fit, groups = "g")), cooks.distance(influence(peer, groups = "g")),
               tolerance = 1e-3)
})

test_that("influence() names groups that are no variables of the data", {
  fit <- lmm(y ~ x + (1 | g), behavior_data(groups = 5, n = 4))
  expect_error(influence(fit, "zz"), class = "lmm_error_input", "`groups` must be names of variables.*`g`")
  expect_error(influence(fit, groups = 3), class = "lmm_error_input", "`groups`")
  expect_error(influence(fit, no_such_name), class = "lmm_error_input", "`groups` cannot be evaluated")
})

test_that("influence() finds functions and variables where the model was fitted, and keeps its subset", {
  data(sleepstudy, package = "lme4", envir = environment())
  made <- function() {
    w <- rep(1:2, 90)
    twice <- function(x) x^2
    early <- sleepstudy$Days > 1
    list(lmm(Reaction ~ Days + (1 | Subject), sleepstudy, weights = w),
         lmm(Reaction ~ twice(Days) + (1 | Subject), sleepstudy),
         lmm(Reaction ~ Days + (1 | Subject), sleepstudy, subset = early, weights = w))
  }
  ours <- made()
  written <- transform(sleepstudy, w = rep(1:2, 90), square = Days^2)
  late <- written[written$Days > 1, ]
  theirs <- list(lme4::lmer(Reaction ~ Days + (1 | Subject), written, weights = w),
                 lme4::lmer(Reaction ~ square + (1 | Subject), written),
                 lme4::lmer(Reaction ~ Days + (1 | Subject), late, weights = w))
  assign("twice", sqrt, envir = globalenv())
  assign("w", rep(c(1, 50), 90), envir = globalenv())
  on.exit(rm(list = c("twice", "w"), envir = globalenv()))
  for (k in 1:3) {
    expect_equal(cooks.distance(influence(ours[[k]], "Subject")),
                 cooks.distance(influence(theirs[[k]], "Subject", data = if (k == 3) late else written)),
                 tolerance = 1e-3, ignore_attr = TRUE)
  }
})

test_that("a generic that a version of a package lacks does no harm", {
  expect_no_error(henderson:::register_methods("stats", list(there_is_no_such_function = identity)))
})

test_that("robust tests of clubSandwich are those of our own methods", {
  skip_if_not_installed("clubSandwich")
  fit <- lmm(y ~ x + f + (1 | g), behavior_data()[-(1:7), ])
  V <- clubSandwich::vcovCR(fit, type = "CR2")
  expect_equal(as.matrix(V), vcov(fit, type = "CR2", cluster = ~g), tolerance = 1e-6, ignore_attr = TRUE)
  ours <- coef(summary(fit, ddf = "cluster-robust", cluster = ~g, type = "CR2"))
  theirs <- clubSandwich::coef_test(fit, vcov = "CR2")
  expect_equal(theirs$SE, unname(ours[, "Std. Error"]), tolerance = 1e-6)
  expect_equal(theirs$df_Satt, unname(ours[, "df"]), tolerance = 1e-5)
})
