# NIST StRD one-way layouts: both variance components to the digits that the stored doubles allow.

test_that("exact arithmetic is exact", {
  expect_identical(as_double(big(123456789)), 123456789)
  a <- big_times(big(2^53 - 1), big(2^52 + 1))          # 2^105 + 2^53 - 2^52 - 1
  expect_identical(as_double(big_minus(a, big_times(big(2^52), big(2^53)))), 2^52 - 1)
  expect_identical(as_double(big_sum_of_squares(c(3, -4, 2^40))), 2^80 + 25)
  expect_identical(as_double(big_minus(big_sum_of_squares(c(3, -4, 2^40)), big_times(big(2^40), big(2^40)))), 25)
  y <- c(1, 3, 2, 6)
  expect_equal(exact_one_way(y, c(1, 1, 2, 2)), c(between = (4 - 5) / 2, within = 5), tolerance = 1e-15)
  expect_equal(exact_one_way(y + 2^40, c(1, 1, 2, 2)), c(between = (4 - 5) / 2, within = 5), tolerance = 1e-15)
})

digits_of <- function(value, truth) stats::setNames(log_relative_error(value, truth), names(truth))

nist_estimates <- function(data) {
  fit <- suppressMessages(lmm(y ~ 1 + (1 | treatment), data))
  c(between = fit$estimates$covariance[[1]][1, 1], within = sigma(fit)^2)
}

test_that("variance components have the digits that the stored doubles allow", {
  for (name in nist_names()) {
    data <- nist_data(name)
    certified <- nist_certified(name)
    limit <- digits_of(exact_one_way(data$y, data$treatment), certified)
    reached <- digits_of(nist_estimates(data), certified)
    for (part in names(limit)) {
      # Fifteen certified digits are compared in doubles: beyond 14.3 the last bit decides.
      expect_gte(reached[[part]], min(limit[[part]], 14.3) - 0.3, label = paste(name, part))
    }
  }
})

test_that("variance components are those of the stored doubles themselves", {
  for (name in nist_names()) {
    data <- nist_data(name)
    digits <- digits_of(nist_estimates(data), exact_one_way(data$y, data$treatment))
    expect_true(all(digits > 10), label = paste(name, paste(format(digits, digits = 3), collapse = " ")))
  }
})

test_that("thirteen leading digits leave four", {
  data <- nist_data("SmLs07")
  reached <- digits_of(nist_estimates(data), nist_certified("SmLs07"))
  expect_gte(reached[["within"]], 4.2)
  expect_gte(reached[["between"]], 3.9)
})
