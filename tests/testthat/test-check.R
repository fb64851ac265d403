test_that("arguments are checked by kind", {
  expect_condition_of(check_flag(NA, "REML"), "lmm_error_input", "`REML` must be TRUE or FALSE, not NA")
  expect_condition_of(check_flag(c(TRUE, FALSE), "REML"), "lmm_error_input", "length 2")
  expect_condition_of(check_number("a", "level", 0, 1), "lmm_error_input", "`level`.*between 0 and 1")
  expect_condition_of(check_number(1.5, "n", whole = TRUE), "lmm_error_input", "whole number")
  expect_condition_of(check_choice("KR", c("a", "b"), "method"), "lmm_error_input", '"a", "b", not "KR"')
  expect_identical(check_choice("a", c("a", "b"), "method"), "a")
})

test_that("unknown and abbreviated arguments are named", {
  call <- quote(lmm(y ~ x, d, contro = 1))
  expect_condition_of(check_arguments(names(call), c("formula", "control")), "lmm_error_input",
                      "`contro`.*\\n.*`control`")
  expect_silent(check_arguments(c("", "", "data"), c("formula", "data")))
  expect_condition_of(check_dots_empty(nonsense = 1), "lmm_error_input", "nonsense")
  expect_silent(check_dots_empty())
})

test_that("data must be a data frame with rows", {
  take <- function(data) check_data(data)
  expect_null(take())
  expect_condition_of(take(as.matrix(cars)), "lmm_error_input", "not a matrix")
  expect_condition_of(take(as.list(cars)), "lmm_error_input", "not a list")
  expect_condition_of(take(globalenv()), "lmm_error_input", "not an environment")
  expect_condition_of(take(df), "lmm_error_input", "not a function")
  expect_condition_of(take(no_such_data), "lmm_error_input", "no_such_data")
  expect_condition_of(take(cars[0, ]), "lmm_error_data", "0 rows")
  expect_condition_of(take(data.frame()), "lmm_error_data", "no columns")
})

test_that("na.action is one of the four rules", {
  expect_identical(check_na_action(stats::na.exclude), "na.exclude")
  expect_identical(check_na_action("na.fail"), "na.fail")
  expect_condition_of(check_na_action(mean), "lmm_error_input", "na.action")
})
