test_that("conditions carry class, fields and the places", {
  e <- tryCatch(lmm_abort("data", "wrong", what = "y", where = 11:20, value = 3, fix = "Mend it."), error = identity)
  expect_s3_class(e, c("lmm_error_data", "lmm_error", "lmm_condition", "error", "condition"), exact = TRUE)
  expect_identical(conditionMessage(e), "wrong\n  Mend it.")
  expect_identical(as.integer(e$where), 11:15)
  expect_identical(attr(e$where, "count"), 10L)
  expect_identical(e[c("what", "value", "fix")], list(what = "y", value = 3, fix = "Mend it."))
  expect_warning(lmm_warn("data", "odd"), "odd", class = "lmm_warning_data")
  expect_message(lmm_inform("lmm_message_na", "gone"), "gone", class = "lmm_message_na")
})

test_that("noted conditions are signalled in order, once each, with the user's call", {
  noted <- list(lmm_condition("message", "na", "a"), lmm_condition("warning", "data", "b"))
  seen <- conditions_of(signal_conditions(noted, quote(lmm(y ~ x))))
  expect_identical(vapply(seen, function(x) class(x)[1L], ""), c("lmm_message_na", "lmm_warning_data"))
  expect_identical(conditionCall(seen[[2L]]), quote(lmm(y ~ x)))
})

test_that("the call shown is the user's", {
  fit_it <- function(...) lmm(...)
  e <- tryCatch(lmm(~ x, cars), error = identity)
  expect_identical(conditionCall(e), quote(lmm(~x, cars)))
  e <- tryCatch(fit_it(~ x, cars), error = identity)
  expect_identical(conditionCall(e)[[1L]], quote(lmm))
  expect_identical(shown_call(call("lmm", quote(y ~ x), w = 1:100, REML = TRUE)),
                   quote(lmm(y ~ x, w = ..., REML = TRUE)))
})

test_that("words for messages", {
  expect_identical(row_text(3L), "row 3")
  expect_identical(row_text(c(1:5, 9L)), "rows 1-5, 9")
  expect_identical(row_text(seq(1L, 99L, 2L)), "rows 1, 3, 5, 7, 9, ...")
  expect_identical(enumerate(letters[1:7]), "a, b, c, d, e, and 2 more")
  expect_identical(count_of(1, "row"), "1 row")
  expect_identical(count_of(1e5, "row"), "100,000 rows")
  expect_identical(nearest_name("Dayz", c("Subject", "Days")), "Days")
  expect_null(nearest_name("nosuch", c("y", "x", "f")))
  expect_null(nearest_name("g", c("x", "y")))
  expect_identical(kind_of(cars), "a data frame")
  expect_identical(kind_of(1:3), "a numeric vector")
})

test_that("long formulas in headings fit the screen", {
  data <- behavior_data()
  for (i in 1:12) data[[sprintf("a_long_name_%02d", i)]] <- sin(i * seq_len(96))
  small <- lmm(y ~ x + (1 | g), data, REML = FALSE)
  large <- lmm(stats::reformulate(c("x", names(data)[startsWith(names(data), "a_long")], "(1 | g)"), "y"), data,
               REML = FALSE)
  for (shown in list(anova(small, large), ranova(large), drop1(large))) {
    lines <- capture.output(print(shown))
    expect_lte(max(nchar(lines)), 80L)
    expect_true(any(grepl("^ {4}", lines)))
  }
  expect_identical(wrapped(c("short", "a b"), 80L), c("short", "a b"))
})

test_that("a function of another package with the name of one of ours is named as the reason", {
  chunks <- function(from, to) if (missing(to)) stop("'to' must be scalar")
  expect_error(lmm(yield ~ treat + (1 | blend), chunks(penicillin)), "write henderson::chunks()", fixed = TRUE,
               class = "lmm_error_input")
  expect_error(lmm(yield ~ treat + (1 | blend), stop("no data")), "no data", class = "lmm_error_input")
})

test_that("two letters in the wrong order are one mistake", {
  expect_identical(nearest_name("jiont", c("joint", "fit", "rhs")), "joint")
  expect_identical(nearest_name("lvel", c("fit", "level")), "level")
  expect_null(nearest_name("ab", c("ba", "cd")))
})
