# Data and small tools of the tests of variance components.

# Hemmerle and Hartley (1973) Technometrics 15, 819-831, as printed in the examples of PROC VARCOMP.
hemmerle_hartley <- function() {
  data.frame(a = factor(rep(1:3, c(5, 6, 5))), b = factor(c(1, 1, 1, 2, 2, 1, 1, 1, 2, 2, 2, 1, 1, 2, 2, 2)),
             y = c(237, 254, 246, 178, 179, 208, 178, 187, 146, 145, 141, 186, 183, 142, 125, 136))
}

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
