d <- behavior_data()
m <- lmm(y ~ x + (1 | g), d)

test_that("formula and arguments can be changed", {
  expect_equal(update(m, . ~ . + t)$estimates, lmm(y ~ x + t + (1 | g), d)$estimates, tolerance = 1e-9)
  expect_equal(update(m, . ~ . - x)$estimates, lmm(y ~ 1 + (1 | g), d)$estimates, tolerance = 1e-9)
  expect_equal(update(m, . ~ . - (1 | g) + (x | g))$estimates, lmm(y ~ x + (x | g), d)$estimates, tolerance = 1e-9)
  expect_equal(update(m, REML = FALSE)$estimates, lmm(y ~ x + (1 | g), d, REML = FALSE)$estimates)
  part <- update(m, subset = t > 2)
  expect_identical(nobs(part), nobs(lmm(y ~ x + (1 | g), d, subset = t > 2)))
  expect_equal(nobs(update(part, subset = NULL)), 96)
  expect_identical(update(m, . ~ . + t, evaluate = FALSE), quote(lmm(formula = y ~ x + (1 | g) + t, data = d)))
  expect_identical(update(m, REML = FALSE)$call$REML, FALSE)
})

test_that("data are found where the formula was written", {
  make <- function() {
    dd <- behavior_data(seed = 5)
    f0 <- y ~ x + (1 | g)
    lmm(f0, dd)
  }
  local_fit <- make()
  expect_equal(fixef(update(local_fit, . ~ . + t)), fixef(lmm(y ~ x + t + (1 | g), behavior_data(seed = 5))))
  expect_equal(fixef(update(update(local_fit, . ~ . + t), . ~ . - t)), fixef(local_fit))
  weighted <- function(dat) {
    ww <- rep(1:2, 48)
    lmm(y ~ x + (1 | g), dat, weights = ww)
  }
  expect_equal(fixef(update(weighted(d), . ~ . + t)), fixef(lmm(y ~ x + t + (1 | g), d, weights = rep(1:2, 48))))
})

test_that("changed data are used with a warning", {
  data <- d
  fit <- lmm(y ~ x + (1 | g), data)
  before <- capture.output(print(summary(fit)))
  data$y <- rev(data$y)
  expect_identical(capture.output(print(summary(fit))), before)
  expect_warning(again <- update(fit), "`data` has changed since the fit: variable `y`", class = "lmm_warning_data")
  expect_equal(fixef(again), fixef(lmm(y ~ x + (1 | g), data)))
  expect_warning(update(fit, . ~ . + t), "has changed", class = "lmm_warning_data")
  expect_no_warning(update(fit, data = d))
  data <- d
  data$t[1:3] <- NA
  expect_no_warning(suppressMessages(update(fit, . ~ . + t)))
})

test_that("the rows of the fit serve when the data are gone, as far as they go", {
  data <- d
  fit <- lmm(y ~ x + t + (1 | g), data)
  fit$data <- NULL
  rm(data)
  environment(fit$spec$formula) <- globalenv()
  lonely <- function() update(fit, . ~ . - t)
  environment(lonely) <- list2env(list(fit = fit, update = update), parent = globalenv())
  expect_equal(fixef(lonely()), fixef(m))
  wanting <- function() update(fit, . ~ . + not_there)
  environment(wanting) <- environment(lonely)
  expect_error(wanting(), "no variable `not_there`", class = "lmm_error_input")
})

test_that("names that are no names, long formulas and transformed responses survive an update", {
  odd <- d
  names(odd)[1:2] <- c("my y", "a-b (x)")
  odd[["gr p"]] <- odd$g
  fit <- lmm(`my y` ~ `a-b (x)` + (1 | `gr p`), odd)
  expect_equal(unname(fixef(update(fit, . ~ . + t))), unname(fixef(update(m, . ~ . + t))))
  expect_equal(predict(fit, odd[1:2, ]), predict(m)[1:2])
  squared <- lmm(I(y^2) ~ x + (1 | g), d)
  expect_identical(formula(update(squared, . ~ . + t))[[2]], quote(I(y^2)))
  dot <- lmm(y ~ . + (1 | g), d[c("y", "x", "t", "g")])
  expect_equal(fixef(update(dot, . ~ . - t)), fixef(m))
})

test_that("an update works when the fitter's name is not on the search path", {
  fit <- henderson::lmm(y ~ x + (1 | g), d)
  expect_identical(update(fit, REML = FALSE)$call[[1]], quote(henderson::lmm))
  masked <- function() {
    lmm <- function(...) "not this one"
    update(fit, REML = FALSE)
  }
  expect_s3_class(masked(), "lmm_fit")
})

test_that("formula, terms, family and model frame are those of the fit", {
  expect_identical(deparse(formula(m)), "y ~ x + (1 | g)")
  expect_identical(attr(terms(m), "term.labels"), "x")
  expect_identical(family(m)$family, "gaussian")
  expect_identical(names(model.frame(m)), c("y", "x", "g"))
})

test_that("a fit made by with() can be updated there", {
  d <- behavior_data()
  fit <- with(d, {
    m <- lmm(y ~ x + (1 | g))
    update(m, . ~ . + t)
  })
  expect_equal(fixef(fit), fixef(lmm(y ~ x + t + (1 | g), d)))
})

test_that("an update from the rows that a fit has kept does not take them for other data", {
  d <- behavior_data()
  d$x[4] <- NA
  fit <- suppressMessages(with(d, lmm(y ~ x + t + (1 | g))))
  expect_equal(fixef(update(fit, . ~ . - x)), fixef(lmm(y ~ t + (1 | g), d)))         # what with() made is still there
  fit <- unserialize(serialize(fit, NULL))
  expect_no_warning(small <- update(fit, . ~ . - x))
  expect_equal(fixef(small), fixef(lmm(y ~ t + (1 | g), d[-4, ])))
})

test_that("weights that lived in a function are found for a subset too", {
  fit <- local({
    d <- behavior_data()
    prior <- seq_len(nrow(d))
    lmm(y ~ x + (1 | g), d, weights = prior, subset = t > 2)
  })
  d <- transform(behavior_data(), prior = seq_len(96))
  expect_no_warning(ml <- update(fit, REML = FALSE))
  expect_equal(fixef(ml), fixef(lmm(y ~ x + (1 | g), d, weights = prior, subset = t > 2, REML = FALSE)))
})

# Arguments are values of names in the function that made the fit; the same names are something else where update() is
# called.
test_that("arguments are looked up where the fit was made", {
  d <- behavior_data()
  groups <- sort(unique(as.character(d$g)))
  n <- length(groups)
  related <- 0.5^abs(outer(seq_len(n), seq_len(n), "-"))
  dimnames(related) <- list(groups, groups)
  order <- 0.4^abs(outer(seq_len(96), seq_len(96), "-"))
  d$three <- gl(3, 1, 96)
  made <- list(
    function(own) lmm(y ~ x + (1 | g), d, relationship = list(g = own)),
    function(own) lmm(y ~ x, d, residual = ~ known(own, scale = TRUE)),
    function(own) lmm(y ~ x, d, residual = ~ ar1(t | g), fixed = own),
    function(own) lmm(y ~ x + three + (1 | g), d, contrasts = list(three = own)),
    function(own) lmm(y ~ x, d, residual = ~ ar(t | g, p = own)),
    function(own) lmm(y ~ x + (1 | g), d, REML = own),
    function(own) lmm(y ~ x, d, residual = own),
    function(own) (function(...) lmm(y ~ x, d, ...))(fixed = own, residual = ar1(t | g)))
  values <- list(related, order, c(rho = 0.3), "contr.sum", 2, FALSE, ~ ar1(t | g), c(rho = 0.2))
  others <- list(diag(n), diag(96), c(rho = 0.7), "contr.helmert", 1, TRUE, ~ cs(t | g), c(rho = 0.6))
  dimnames(others[[1L]]) <- dimnames(related)
  for (k in seq_along(made)) {
    fit <- suppressMessages(made[[k]](values[[k]]))
    fewer <- made[[k]]
    body(fewer) <- do.call(substitute, list(body(fewer), list(x = 1)))
    own <- others[[k]]
    expect_no_warning(suppressMessages(new <- update(fit, . ~ . - x)))
    right <- suppressMessages(fewer(values[[k]]))
    expect_equal(c(logLik(new), fixef(new)), c(logLik(right), fixef(right)), tolerance = 1e-8)
    expect_equal(fixef(suppressMessages(update(new, . ~ . + x)))[names(fixef(fit))], fixef(fit), tolerance = 1e-6)
  }
})

test_that("arguments that have changed since the fit are reported, those that are gone are asked for", {
  d <- behavior_data()
  held <- c(rho = 0.3)
  fit <- lmm(y ~ x, d, residual = ~ ar1(t | g), fixed = held)
  held <- c(rho = 0.5)
  expect_warning(new <- update(fit), "`fixed` of the fit has changed since the fit was made",
                 class = "lmm_warning_data")
  expect_equal(logLik(new), logLik(lmm(y ~ x, d, residual = ~ ar1(t | g), fixed = c(rho = 0.5))))
  fit <- local({
    only_here <- c(rho = 0.3)
    lmm(y ~ x, d, residual = ~ ar1(t | g), fixed = only_here)
  })
  fit <- unserialize(serialize(fit, NULL))
  expect_error(update(fit, . ~ . - x, data = d), "`fixed` of the fit, `only_here`, cannot be evaluated again",
               class = "lmm_error_input")
  expect_equal(logLik(update(fit, . ~ . - x, data = d, fixed = c(rho = 0.3))),
               logLik(lmm(y ~ 1, d, residual = ~ ar1(t | g), fixed = c(rho = 0.3))))
})

test_that("a transformed response that refit() has replaced keeps its name", {
  first <- lmm(log(yield) ~ treat + (1 | blend), penicillin)
  again <- refit(first, sqrt(penicillin$yield))
  direct <- lmm(sqrt(yield) ~ 1 + (1 | blend), penicillin)
  smaller <- update(again, . ~ . - treat)
  expect_identical(deparse(formula(smaller)), "log(yield) ~ (1 | blend)")
  expect_equal(logLik(smaller), logLik(direct), ignore_attr = TRUE)
  expect_equal(logLik(update(smaller, . ~ . + treat)), logLik(again), ignore_attr = TRUE)
  expect_equal(fixef(update(smaller, sqrt(yield) ~ .)), fixef(direct))
})

test_that("columns of the fitted values are no data, and data whose name only looks like them are", {
  d <- as.data.frame(nlme::Orthodont)
  d$pre.fitted <- sin(seq_len(108))
  fit <- suppressMessages(lmm(distance ~ age + pre.fitted + (1 | Subject), d, variance = ~ power(fitted)))
  expect_silent(suppressMessages(update(fit, . ~ . - pre.fitted)))
  d$pre.fitted <- 2 * d$pre.fitted
  expect_warning(suppressMessages(update(fit, . ~ . + Sex)), "variable `pre.fitted`", class = "lmm_warning_data")
})
