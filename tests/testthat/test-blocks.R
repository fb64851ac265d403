test_that("the leading factor is the one with most levels, the remainder holds the others", {
  none <- blocks(lmm(yield ~ treat + (1 | blend), penicillin))
  expect_identical(none$remainder_kind, "none")
  expect_identical(none$roots, 1)          # balanced: every blend has the same design
  set.seed(1)
  d <- data.frame(a = factor(rep(1:12, each = 10)), b = factor(rep(1:10, 12)), x = rnorm(120))
  d$y <- rnorm(12)[d$a] + rnorm(10)[d$b] + rnorm(120)
  crossed <- blocks(lmm(y ~ x + (1 | b) + (x | a), d))
  expect_identical(crossed$factors$factor, c("a", "b"))
  expect_identical(crossed$factors$columns, c(2L, 1L))
  expect_identical(crossed$remainder_columns, 10)
  expect_identical(crossed$remainder_kind, "dense")
  expect_identical(crossed$remainder_entries, 55)
  expect_identical(capture.output(print(crossed)), c(
    paste0("leading    a: 12 blocks of 2 x 2, ", crossed$roots, " of them different"),
    "remainder  b (10 x 1): dense factor with 55 entries, 440 bytes", "fixed      2 columns and the response: dense"))
})

test_that("nested factors with many levels leave a sparse remainder that does not fill in", {
  d <- data.frame(a = rep(1:500, each = 8), b = rep(1:2000, each = 2))
  set.seed(2)
  d$y <- rnorm(500)[d$a] + rnorm(2000)[d$b] + rnorm(4000)
  nested <- blocks(lmm(y ~ 1 + (1 | a) + (1 | b), d))
  expect_identical(nested$remainder_kind, "sparse")
  expect_identical(nested$remainder_entries, 500)
})

test_that("anything but a fit is refused", {
  expect_error(blocks(1), class = "lmm_error_input")
})
