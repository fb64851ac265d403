test_that("conditional modes and their print are the published ones", {
  local_reproducible_output(width = 80)
  expect_identical(capture.output(print(ranef(example_fit("pulp")))), c(
    "$operator", "  (Intercept)", "a  -0.1219403", "b  -0.2591231", "c   0.1676679", "d   0.2133955", "",
    "with conditional variances for \"operator\" "))
  expect_false(any(grepl("conditional", capture.output(print(ranef(example_fit("pulp"), condVar = FALSE))))))
})

test_that("conditional variances have the shape that users know", {
  d <- behavior_data()
  one <- ranef(lmm(y ~ x + (x | g), d))
  expect_identical(dim(attr(one$g, "postVar")), c(2L, 2L, 12L))
  two <- ranef(lmm(y ~ x + (1 | g) + (0 + x | g), d))
  expect_identical(lapply(attr(two$g, "postVar"), dim), list(g = c(1L, 1L, 12L), g.1 = c(1L, 1L, 12L)))
  expect_identical(names(two$g), c("(Intercept)", "x"))
})

test_that("the long form has one row per level and column", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  long <- as.data.frame(ranef(fit))
  expect_identical(names(long), c("grpvar", "term", "grp", "condval", "condsd"))
  expect_identical(nrow(long), 24L)
  expect_equal(long$condval[13:24], ranef(fit)$g$x)
  expect_equal(long$condsd[13:24], sqrt(attr(ranef(fit)$g, "postVar")[2, 2, ]))
  expect_identical(levels(long$grp), row.names(ranef(fit)$g)[order(ranef(fit)$g[[1]])])
  expect_identical(names(as.data.frame(ranef(fit, condVar = FALSE))), c("grpvar", "term", "grp", "condval"))
})

test_that("factors can be chosen and columns dropped", {
  fit <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), behavior_data()))
  expect_identical(names(ranef(fit)), c("g", "h"))
  expect_identical(names(ranef(fit, whichel = "h")), "h")
  expect_error(ranef(fit, whichel = "nosuch"), class = "lmm_error_input")
  expect_identical(names(ranef(fit, drop = TRUE)$g), levels(behavior_data()$g))
  expect_equal(as.data.frame(ranef(fit, drop = TRUE)), as.data.frame(ranef(fit)))
})
