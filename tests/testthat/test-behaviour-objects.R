# The fit as an object: saved, updated, printed, made inside functions.

d <- mk()
intercepts <- y ~ x + (1 | g)

everything <- function(m, d) {
  list(predict(m, d), fixef(m), ranef(m), VarCorr(m), logLik(m), coef(summary(m)), fitted(m), residuals(m),
       fixef(update(m, . ~ . + t)), simulate(m, seed = 1), predict(m, d[1:3, ], se.fit = TRUE), anova(m), confint(m))
}

test_that("a saved fit is the same in a new session, and holds no pointer", {
  m <- lmm(intercepts, d)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(list(m = m, d = d), file)
  there <- in_new_process(function(paths, file, everything) {
    .libPaths(paths)
    library(henderson)
    saved <- readRDS(file)
    environment(everything) <- globalenv()
    everything(saved$m, saved$d)
  }, list(file, everything))
  expect_identical(there, everything(m, d))
  pointers <- rapply(unclass(m), function(x) typeof(x) == "externalptr", how = "unlist")
  expect_false(any(pointers))
  big <- function() {
    unrelated <- rnorm(1e6)
    lmm(y ~ x + (1 | g), mk())
  }
  expect_lt(length(serialize(big(), NULL)), 1e5)
})

test_that("a fit says which version made it", {
  expect_identical(lmm(intercepts, d)$version, as.character(packageVersion("henderson")))
})

test_that("fits made inside functions can be updated outside", {
  inside <- function() {
    own <- mk(seed = 5)
    form <- y ~ x + (1 | g)
    lmm(form, own)
  }
  m <- inside()
  u <- accepts(update(m, . ~ . + t))
  expect_equal(fixef(u), fixef(lmm(y ~ x + t + (1 | g), mk(seed = 5))), tolerance = 1e-8)
  expect_silent(capture.output(print(m), print(summary(m)), print(anova(m))))
  by_f <- lapply(split(d, d$f), function(part) lmm(y ~ x + (1 | g), part))
  expect_equal(nobs(accepts(update(by_f[[2L]], . ~ . + t))), 24)
  m <- local({
    rhs <- "x + (1 | g)"
    own <- d
    lmm(as.formula(paste("y ~", rhs)), data = own, REML = FALSE)
  })
  expect_length(fixef(accepts(update(m, . ~ . - x))), 1L)
})

test_that("do.call() with the data in the call", {
  m <- accepts(do.call(lmm, list(intercepts, d)))
  is_reference_0(m)
  expect_lt(length(capture.output(print(m), print(summary(m)))), 60L)
  expect_length(fixef(accepts(update(m, . ~ . + t))), 3L)
  e <- refuses(do.call(lmm, list(y ~ x + (1 | nosuch), d)), "formula", "`nosuch`")
  expect_lt(nchar(paste(deparse(conditionCall(e)), collapse = "")), 200L)
  is_reference_0(accepts(do.call("lmm", list(formula = quote(y ~ x + (1 | g)), data = quote(d)))))
})

test_that("fits that cannot be compared", {
  a <- lmm(intercepts, d)
  expect_error(suppressMessages(anova(a, lmm(y ~ 1 + (1 | g), d[-1, ]))), "96.*95|95.*96", class = "lmm_error")
  expect_error(suppressMessages(anova(a, lmm(log(y + 10) ~ 1 + (1 | g), d))), "response", class = "lmm_error")
})

test_that("data changed after the fit", {
  d <- mk()
  m <- lmm(y ~ x + (1 | g), d)
  before <- coef(summary(m))
  accepts(update(m))
  d$t <- rev(d$t)
  accepts(update(m, . ~ . + t))
  d$y <- d$y + rep(c(0, 1), 48)
  expect_identical(coef(summary(m)), before)
  accepts(update(m), warnings = "data", text = "`d` has changed since the fit", stored = FALSE)
  d <- mk()[1:90, ]
  accepts(update(m), warnings = "data", text = "`d` has changed since the fit", stored = FALSE)
  accepts(update(m, data = d))
  rm(d)
  is_reference_0(accepts(update(m, . ~ .)))
})

test_that("inputs are never modified", {
  before <- mk()
  lmm(intercepts, d)
  expect_identical(d, before)
  own <- list(y = d$y + 0, x = d$x + 0, w = rep(c(1, 2), 48))
  kept <- lapply(own, `+`, 0)
  with(own, lmm(y ~ x + (1 | d$g), weights = w))
  expect_identical(own, kept)
  testthat::skip_if_not_installed("data.table")
  table <- data.table::as.data.table(d)
  copy <- data.table::copy(table)
  m <- lmm(intercepts, table)
  predict(m, table)
  expect_identical(table, copy)
})

test_that("prints are short and end", {
  m <- lmm(intercepts, d)
  f <- function() m
  for (show in list(print, str, format, dput, summary)) expect_silent(capture.output(show(m)))
  expect_lt(length(capture.output(print(m))), 60L)
  set.seed(1)
  n <- 1500
  big <- data.frame(y = rnorm(n), g = rep(1:50, 30), f = factor(sample(1:500, n, TRUE)))
  expect_lt(length(capture.output(print(suppressMessages(lmm(y ~ f + (1 | g), big))))), 60L)
  many <- cbind(big, setNames(as.data.frame(matrix(rnorm(n * 500), n)), paste0("z", 1:500)))
  m <- suppressMessages(lmm(reformulate(c(paste0("z", 1:500), "(1 | g)"), "y"), many))
  expect_lt(length(capture.output(print(m))), 60L)
  expect_length(fixef(m), 501L)
  expect_length(format(m), 1L)
})

test_that("update() reaches every argument", {
  m <- lmm(intercepts, d, weights = t)
  expect_null(update(m, weights = NULL)$rows$weights)
  expect_equal(nobs(update(m, subset = t > 2)), 72)
  expect_false(update(m, REML = FALSE)$spec$reml)
  expect_identical(formula(update(m, log(y + 10) ~ .))[[2L]], quote(log(y + 10)))
  two <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), d))
  is_reference_0(accepts(update(two, . ~ . - (1 | h))))
  expect_true(is.call(update(m, . ~ . + t, evaluate = FALSE)))
})
