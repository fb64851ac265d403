# Variables and functions of an update are found where the fit was made, then where update() is called.

origin_data <- function() {
  set.seed(3)
  d <- data.frame(g = gl(6, 8), x = rep(1:8, 6))
  d$y <- d$x + (1:6 - 3.5)[d$g] + rnorm(48)
  d
}

squared <- function() fixef(lmm(y ~ x + I(x^2) + (1 | g), origin_data()))

# The same numbers, whatever the coefficient is called.
expect_squared <- function(fit, label = NULL) expect_equal(unname(fixef(fit)), unname(squared()), tolerance = 1e-9,
                                                           label = label)

test_that("what is local where the fit was made goes before what is global", {
  made <- function() {
    power <- 2
    vector <- origin_data()$x^2
    square <- function(x) x^power
    d <- origin_data()
    list(fit = lmm(y ~ x + (1 | g), d), here = environment())
  }
  power <- 3
  vector <- rnorm(48)
  square <- function(x) stop("not this one")
  fit <- made()$fit
  expect_squared(update(fit, . ~ . + I(x^power)), "constant")
  expect_squared(update(fit, . ~ . + vector), "vector")
  expect_squared(update(fit, . ~ . + square(x)), "function")
  expect_squared(update(fit, y ~ x + I(x^power) + (1 | g)), "formula written anew")
  expect_squared(update(update(fit, . ~ . + I(x^power)), REML = TRUE), "update of an update")
  expect_squared(update(update(fit, REML = FALSE), . ~ . + vector, REML = TRUE), "added later")
  expect_equal(nobs(update(fit, subset = vector > 4)), sum(origin_data()$x > 2))
  expect_equal(unique(weights(update(fit, weights = power + 0 * x))), 2)
  inside <- function() {
    k <- 2
    m <- lmm(y ~ x + (1 | g), origin_data())
    update(m, . ~ . + I(x^k))
  }
  expect_squared(inside(), "inside")
})

test_that("what is only known where update() is called is found there", {
  fit <- local({
    d <- origin_data()
    lmm(y ~ x + (1 | g), d)
  })
  updated <- function(fit) {
    local_power <- 2
    raise <- function(x) x^local_power
    list(update(fit, . ~ . + I(x^local_power)), update(fit, . ~ . + raise(x)),
         update(update(fit, . ~ . + raise(x)), . ~ .))
  }
  for (new in updated(fit)) expect_squared(new)
})

test_that("the environment of the formula is the one it was written in", {
  made <- function() {
    fit <- lmm(y ~ x + (1 | g), origin_data())
    c(identical(environment(formula(fit)), environment()),
      identical(environment(formula(update(fit, . ~ . - x))), environment()))
  }
  expect_identical(made(), c(TRUE, TRUE))
  elsewhere <- new.env()
  f <- y ~ x + (1 | g)
  environment(f) <- elsewhere
  expect_identical(environment(formula(lmm(f, origin_data()))), elsewhere)
})

test_that("the data of each fit are found again, whatever made the fits", {
  d <- origin_data()
  parts <- split(d, as.integer(d$g) > 3)
  parts <- lapply(parts, droplevels)
  truth <- lapply(parts, function(p) fixef(lmm(y ~ 1 + (1 | g), p)))
  loop <- list()
  for (i in seq_along(parts)) loop[[i]] <- lmm(y ~ x + (1 | g), parts[[i]])
  wrapper <- function(...) lmm(y ~ x + (1 | g), ...)
  ways <- list(
    lambda = lapply(parts, function(p) lmm(y ~ x + (1 | g), p)),
    argument = lapply(parts, lmm, formula = y ~ x + (1 | g)), loop = loop,
    do.call = lapply(parts, function(p) do.call(lmm, list(y ~ x + (1 | g), p))), wrapper = lapply(parts, wrapper),
    Map = Map(function(p, k) lmm(y ~ x + (1 | g), data = p), parts, 1:2))
  if (nzchar(system.file(package = "purrr"))) {
    ways$purrr <- getExportedValue("purrr", "map")(parts, ~ lmm(y ~ x + (1 | g), data = .x))
  }
  for (way in names(ways)) {
    found <- lapply(ways[[way]], function(fit) fixef(update(fit, . ~ . - x)))
    expect_equal(unname(found), unname(truth), label = way)
  }
})

test_that("a local data set goes before a global one of the same name, and may gain variables", {
  d <- origin_data()
  f <- y ~ x + (1 | g)
  made <- function() {
    d <- origin_data()[1:24, ]
    fit <- lmm(f, d)
    d$square <- d$x^2
    list(nobs(update(fit, . ~ . - x)), fixef(update(fit, . ~ . + square)))
  }
  found <- made()
  expect_equal(found[[1]], 24)
  expect_equal(unname(found[[2]]), unname(fixef(lmm(y ~ x + I(x^2) + (1 | g), origin_data()[1:24, ]))))
})

test_that("a constant that is gone is taken from the fit", {
  here <- new.env(parent = globalenv())
  here$power <- 2
  here$d <- origin_data()
  here$lmm <- lmm
  fit <- eval(quote(lmm(y ~ x + I(x^power) + (1 | g), d)), here)
  rm("power", envir = here)
  expect_squared(update(fit, REML = TRUE))
})

test_that("a saved fit does not take along what lived beside it, and can still be updated", {
  made <- function(size) {
    d <- origin_data()
    junk <- rnorm(size)
    power <- 2
    lmm(y ~ x + I(x^power) + (1 | g), d)
  }
  small <- made(1)
  large <- made(1e5)
  expect_lt(abs(length(serialize(large, NULL)) - length(serialize(small, NULL))), 1000)
  for (fit in list(summary(large), VarCorr(large), anova(large))) expect_lt(length(serialize(fit, NULL)), 50000)
  file <- tempfile(fileext = ".rds")
  saveRDS(large, file)
  read <- readRDS(file)
  expect_squared(update(read, REML = TRUE))
  expect_equal(fixef(update(read, . ~ . - I(x^power))), fixef(lmm(y ~ x + (1 | g), origin_data())))
  expect_equal(predict(read, origin_data()[1:3, ]), predict(large, origin_data()[1:3, ]))
  expect_equal(small, made(1))
  expect_gt(unclass(utils::object.size(small)), 0)
})

test_that("a fit without rows keeps no function alive", {
  gone <- FALSE
  fit <- (function() {
    watched <- environment()
    reg.finalizer(watched, function(e) gone <<- TRUE)
    lmm(y ~ x + (1 | g), origin_data(), control = lmm_control(keep_rows = FALSE))
  })()
  invisible(gc())
  invisible(gc())
  expect_true(gone)
  expect_output(print(fit), "lmm_fit")
})

test_that("influence() works for fits made in functions, and for those read from files", {
  skip_if_not_installed("lme4")
  made <- function() {
    s <- origin_data()
    fit <- lmm(y ~ 1 + (1 | g), s)
    list(fit = fit, distance = cooks.distance(influence(fit, "g")))
  }
  s <- "not a data frame"
  found <- made()
  s <- origin_data()
  truth <- cooks.distance(influence(lme4::lmer(y ~ 1 + (1 | g), s), "g"))
  expect_equal(found$distance, truth, tolerance = 1e-4)
  s <- transform(s, y = rev(y))                   # another data set of that name where influence() is called
  expect_equal(cooks.distance(influence(found$fit, "g")), truth, tolerance = 1e-4)
  expect_equal(cooks.distance(influence(unserialize(serialize(found$fit, NULL)), "g")), truth, tolerance = 1e-4)
})
