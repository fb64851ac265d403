# Which columns of a rank-deficient X have no estimate: those of stats::lm().

rank_data <- function(seed) {
  set.seed(seed)
  n <- 60
  d <- data.frame(g = factor(rep(1:10, each = 6)), f = factor(sample(letters[1:4], n, TRUE)),
                  h = factor(sample(c("u", "v", "w"), n, TRUE)), x = rnorm(n, 3), w = rnorm(n), z = 2, zero = 0)
  d$y <- rnorm(n) + rnorm(10)[d$g]
  d$x2 <- 2 * d$x
  d$xc <- d$x + 1
  d$s <- d$x + d$x2 + 1
  d$lin <- d$x - 3 * d$w
  d$v <- c(1, 2, 3, 0)[d$f]                # constant within levels of f
  d$v2 <- c(1, 2, 3, 7)[d$f]
  d$k <- factor(c("p", "q", "p", "q")[d$f])
  d$big <- d$x + 1e6
  d
}

# Names without an estimate, and estimates by generalized least squares in the columns that have one.
expect_columns_of_lm <- function(right, d) {
  fit <- suppressMessages(lmm(as.formula(paste("y ~", right, "+ (1 | g)")), d))
  beta <- fixef(fit, add.dropped = TRUE)
  testthat::expect_identical(is.na(beta), is.na(coef(lm(as.formula(paste("y ~", right)), d))), label = right)
  X <- model.matrix(as.formula(paste("~", right)), d)[, !is.na(beta), drop = FALSE]
  V <- VarCorr(fit)$g[1] * outer(d$g, d$g, "==") + diag(sigma(fit)^2, nrow(d))
  U <- chol(V)
  expected <- qr.coef(qr(backsolve(U, X, transpose = TRUE), tol = 1e-14), backsolve(U, d$y, transpose = TRUE))
  testthat::expect_equal(unname(beta[!is.na(beta)]), expected, tolerance = 1e-6, label = right)
}

test_that("aliased columns are those of lm(), the others estimated in the columns that are left", {
  right <- c("z + f", "0 + v + f", "0 + v2 + f", "v + f", "f + v", "0 + f + v", "0 + x + x2", "x + x2 + f",
             "0 + x2 + x + f",
             "xc + x", "0 + xc + x", "0 + z + x + xc", "s + x + x2", "0 + s + x + x2", "k + f", "f + k", "0 + k + f",
             "0 + f + k",
             "0 + k + v + f", "f * h + interaction(f, h)", "0 + interaction(f, h) + f", "0 + f:h", "0 + f + h + f:h",
             "f * h + x + lin + w", "0 + lin + f + x + w", "0 + lin + w + x + z", "z", "0 + z", "zero", "0 + zero + x",
             "0 + v + h + f", "0 + x + v + f", "0 + big + v + f", "big + x", "0 + f + big + x", "0 + I(v * 1e6) + f",
             "poly(x, 2) + x", "0 + poly(x, 2) + f + x", "0 + h + k + f", "0 + x:f + x", "x:f + x", "0 + x:f + f + x",
             "0 + z + f:x + x", "-1 + v + k", "0 + I(v - v2) + v + v2 + f", "0 + I(f == 'a') + f",
             "0 + I(1 * (f != 'd')) + f")
  for (seed in 1:3) for (one in right) expect_columns_of_lm(one, rank_data(seed))
})

test_that("the choice is the same where a column comes before the factor that makes up the constant", {
  right <- c("0 + z + f", "0 + xc + x + f", "0 + x + xc + f", "0 + s + x + x2 + f", "0 + zero + z + f",
             "0 + z + zero + f + h",
             "0 + big + z + f", "0 + big + x + f", "0 + I(z * 1e5) + f", "0 + z + h + f", "0 + I(z / 1e5) + h + f + z")
  for (seed in 1:3) for (one in right) expect_columns_of_lm(one, rank_data(seed))
})
