# Taking terms away by update().

updated <- function(fit, change) suppressMessages(deparse(formula(update(fit, change))))

d <- behavior_data()

test_that("parts of a diagonal term can be taken away", {
  fit <- suppressMessages(lmm(y ~ x + (x + t || g), d))
  expect_identical(updated(fit, . ~ . - (0 + x | g)), "y ~ x + (t || g)")
  expect_identical(updated(fit, . ~ . - (0 + t | g) - (0 + x | g)), "y ~ x + (1 | g)")
  expect_identical(updated(fit, . ~ . - (1 | g)), "y ~ x + (0 + x + t || g)")
  expect_identical(updated(fit, . ~ . - (x || g)), "y ~ x + (0 + t | g)")
  expect_identical(updated(fit, . ~ . - (x || g) - x), "y ~ (0 + t | g)")
  expect_identical(updated(fit, . ~ . - (x + t || g) + (1 | g)), "y ~ x + (1 | g)")
  expect_identical(updated(fit, . ~ . - (t + x || g) + (1 | g)), "y ~ x + (1 | g)")
  two <- lmm(y ~ x + (x || g), d)
  one <- update(two, . ~ . - (0 + x | g))
  expect_equal(logLik(one), logLik(lmm(y ~ x + (1 | g), d)))
})

test_that("parts of a nested term can be taken away, and terms written in another way", {
  fit <- suppressMessages(lmm(y ~ x + (1 | g/f), d))
  expect_identical(updated(fit, . ~ . - (1 | f:g)), "y ~ x + (1 | g)")
  expect_identical(updated(fit, . ~ . - (1 | g)), "y ~ x + (1 | f:g)")
  expect_identical(updated(fit, . ~ . - (1 | g/f) + (1 | g)), "y ~ x + (1 | g)")
  slope <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d))
  expect_identical(updated(slope, . ~ . - (1 + x | g)), "y ~ x + (1 | h)")
  expect_identical(updated(slope, . ~ . - (x + 1 | g)), "y ~ x + (1 | h)")
  expect_identical(updated(slope, . ~ . - ((1 | h) + x)), "y ~ (x | g)")
  expect_identical(updated(slope, . ~ . - (x | g) + (x || g)), "y ~ x + (1 | h) + (x || g)")
})

test_that("a part of a term with correlations is refused, and what is not there is reported", {
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d))
  for (change in c(. ~ . - (0 + x | g), . ~ . - (1 | g), . ~ . - (x || g))) {
    expect_error(update(fit, change), "is a part of `\\(x \\| g\\)`", class = "lmm_error_formula")
  }
  absent <- list(list(. ~ . - (1 | f), "(1 | f)"), list(. ~ . - (0 + t | g), "(0 + t | g)"), list(. ~ . - t, "t"),
                 list(. ~ . - x:f, "x:f"), list(. ~ . - offset(t), "offset(t)"), list(. ~ . - poly(x, 2), "poly(x, 2)"),
                 list(. ~ . - (x | h), "(x | h)"))
  for (case in absent) {
    caught <- list()
    again <- withCallingHandlers(update(fit, case[[1]]), lmm_message_formula = function(m) {
      caught <<- c(caught, list(m))
      tryInvokeRestart("muffleMessage")
    }, lmm_message = function(m) tryInvokeRestart("muffleMessage"))
    expect_length(caught, 1)
    expect_true(case[[2]] %in% caught[[1]]$what, label = case[[2]])
    expect_equal(logLik(again), logLik(fit))
  }
  expect_no_message(update(fit, . ~ . - x), class = "lmm_message_formula")
  diagonal <- suppressMessages(lmm(y ~ x + (x || g), d))
  expect_message(update(diagonal, . ~ . - (x | g)), "it has `\\(x \\|\\| g\\)`", class = "lmm_message_formula")
})

test_that("fixed terms are known in any order, and an offset can be taken away", {
  fit <- lmm(y ~ x * f + (1 | g), d)
  expect_no_message(again <- update(fit, . ~ . - f:x), class = "lmm_message_formula")
  expect_identical(attr(terms(again), "term.labels"), c("x", "f"))
  expect_message(update(again, . ~ . - f * x), "`f:x`", class = "lmm_message_formula")
  off <- lmm(y ~ x + offset(t) + (1 | g), d)
  expect_no_message(bare <- update(off, . ~ . - offset(t)), class = "lmm_message_formula")
  expect_equal(fixef(bare), fixef(lmm(y ~ x + (1 | g), d)))
  expect_identical(updated(off, . ~ . - (offset(t) + x)), "y ~ (1 | g)")
})

test_that("what is added and taken away again leaves the model as it is", {
  fit <- lmm(y ~ x + (1 | g), d)
  for (change in c(. ~ . + t - t, . ~ . - t + t, . ~ . + (1 | h) - (1 | h), . ~ . - (1 | g) + (1 | g))) {
    expect_no_message(again <- update(fit, change), class = "lmm_message_formula")
  }
  expect_identical(updated(fit, . ~ . + t - t), "y ~ x + (1 | g)")
  expect_identical(updated(fit, . ~ . + (1 | h) - (1 | h)), "y ~ x + (1 | g)")
  expect_identical(updated(fit, . ~ . - (1 | g) + (1 | g)), "y ~ x + (1 | g)")
})

test_that("formulas can be text, and nothing but formulas", {
  fit <- lmm("y ~ x + (1 | g)", d)
  expect_equal(fixef(fit), fixef(lmm(y ~ x + (1 | g), d)))
  expect_identical(updated(fit, ". ~ . - x"), "y ~ (1 | g)")
  made <- function() {
    k <- 2
    lmm("y ~ x + I(x^k) + (1 | g)", d)
  }
  expect_equal(unname(fixef(made())), unname(fixef(lmm(y ~ x + I(x^2) + (1 | g), d))))
  expect_error(lmm("y ~ x + (1 | g", d), "cannot be read as a formula", class = "lmm_error_formula")
  expect_error(lmm(c("y ~ x", "z"), d), "cannot be read as a formula", class = "lmm_error_formula")
  expect_error(update(fit, NA), "`formula.` must be a formula", class = "lmm_error_input")
  expect_error(update(fit, 1:3), "`formula.` must be a formula", class = "lmm_error_input")
})

test_that("a bar alone needs no parentheses where it has one meaning", {
  expect_equal(logLik(lmm(y ~ 1 | g, d)), logLik(lmm(y ~ 1 + (1 | g), d)))
  fit <- lmm(y ~ x + (x | g), d)
  expect_equal(predict(fit, d[1:4, ], re.form = ~ 1 | g), predict(fit, d[1:4, ], re.form = ~ (1 | g)))
  expect_equal(predict(fit, d[1:4, ], re.form = ~ x | g), predict(fit, d[1:4, ]))
})
