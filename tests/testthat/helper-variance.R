# Data and small tools of the tests of variance components.

# Hessian by central differences, extrapolated once.
numDeriv_hessian <- function(f, x) {
  one <- function(h) {
    k <- length(x)
    step <- h * pmax(abs(x), 1e-3)
    e <- diag(step, k)
    H <- matrix(0, k, k)
    for (i in seq_len(k)) for (j in seq_len(k)) {
      H[i, j] <- (f(x + e[, i] + e[, j]) - f(x + e[, i] - e[, j]) - f(x - e[, i] + e[, j]) + f(x - e[, i] - e[, j])) /
        (4 * step[i] * step[j])
    }
    H
  }
  (4 * one(1e-3) - one(2e-3)) / 3
}

# One published number of an example.
published <- function(model, quantity) {
  rows <- reference_outputs(model)
  rows[rows$quantity == quantity, ]
}

expect_published <- function(value, model, quantity) {
  row <- published(model, quantity)
  expect_printed(value, row$value, row$digits, paste(model, quantity))
}
