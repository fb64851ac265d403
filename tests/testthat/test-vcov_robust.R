test_that("types of covariance are found by name", {
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  expect_identical(vcov(fit), vcov(fit, type = "model"))
  expect_identical(vcov(fit, type = "Kenward-Roger"), vcov(fit, type = "kenward-roger"))
  expect_true(all(diag(vcov(fit, type = "kenward-roger")) >= diag(vcov(fit)) * (1 - 1e-12)))
  expect_error(vcov(fit, type = "CR9"), "kenward-roger", class = "lmm_error_input")
  expect_error(vcov(fit, cluster = ~g), "cluster", class = "lmm_error_input")
})

test_that("columns without estimate are NA in every type", {
  d <- transform(behavior_data(), x2 = x)
  fit <- suppressMessages(lmm(y ~ x + x2 + (1 | g), d))
  for (type in c("model", "kenward-roger")) {
    V <- vcov(fit, type = type)
    expect_identical(dim(V), c(3L, 3L))
    expect_true(all(is.na(V["x2", ])))
    expect_identical(dim(vcov(fit, type = type, complete = FALSE)), c(2L, 2L))
  }
})
