# Quantiles of residuals in one pass over pieces of rows.

set_chunks <- function(size) {
  space <- environment(scaled_residual_quantiles)
  old <- get("chunk_rows", space)
  set_locked("chunk_rows", size, space)
  old
}

test_that("quantiles in pieces are those of all residuals", {
  old <- set_chunks(400L)
  on.exit(set_chunks(old))
  set.seed(4)
  for (n in c(4001, 4002, 4003, 4005)) {
    d <- data.frame(g = gl(20, 1, n), x = rnorm(n), w = runif(n, 0.1, 3))
    d$y <- exp(rnorm(n)) + d$x + sort(rnorm(20))[d$g]
    for (fit in list(lmm(y ~ x + (1 | g), d), lmm(y ~ x + (1 | g), d, weights = w, offset = sin(x)))) {
      streamed <- streamed_quantiles(fit, n)
      expect_equal(streamed, quantile(residuals(fit, type = "scaled"), names = FALSE), tolerance = 1e-10)
      expect_equal(unname(summary(fit)$residuals), streamed)
    }
  }
})

test_that("residuals that the bounds do not divide are sorted as a whole", {
  old <- set_chunks(400L)
  on.exit(set_chunks(old))
  set.seed(5)
  d <- data.frame(g = gl(4, 500), w = rep(c(0, 0, 0, 1), 500))
  d$y <- rnorm(2000) + rnorm(4)[d$g]
  fit <- lmm(y ~ 1 + (1 | g), d, weights = w)                        # three of four residuals are 0
  expect_null(streamed_quantiles(fit, 2000))
  expect_equal(unname(summary(fit)$residuals), quantile(residuals(fit, type = "scaled"), names = FALSE),
               tolerance = 1e-10)
})

test_that("a rank is found in the cell that holds it", {
  set.seed(6)
  x <- rnorm(1000)
  bounds <- c(-1, -0.5, -0.1, 0.1, 0.5, 1)
  cell <- findInterval(x, bounds) + 1L
  inside <- c(2L, 4L, 6L)
  found <- ranked_value(1:1000, tabulate(cell, 7), sort(x[cell %in% inside]), inside)
  expect_equal(found, ifelse(sort(cell) %in% inside, sort(x), NA))
})
