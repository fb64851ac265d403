# Predictions from draws with a residual structure use the residuals of the subject.

test_that("with known variances, draws of new rows have the mean and variance of universal kriging", {
  set.seed(1)
  d <- expand.grid(t = c(1, 2, 4, 7), id = factor(1:8))
  d$x <- rnorm(32)
  d$w <- runif(32, 0.5, 2)
  d$y <- 1 + d$x + rnorm(8)[d$id] + as.vector(replicate(8, t(chol(exp(-as.matrix(dist(c(1, 2, 4, 7))) / 3))) %*%
                                                          rnorm(4)))
  d$y[6] <- NA
  fit <- suppressMessages(lmm(y ~ x + (1 | id), d, residual = ~ exp(t | id), weights = w,
                              fixed = c(sigma = 1.1, id = 0.8, range = 3)))
  draws <- posterior(fit, 20000, seed = 1, random = TRUE)
  new <- data.frame(t = c(3, 7.5, 2, 5), id = c("1", "2", "2", "9"), x = c(0.5, -1, 0, 1), w = c(1, 2, 1, 1))
  used <- d[!is.na(d$y), ]
  all <- rbind(used[c("t", "id", "x", "w")], new)
  same <- outer(as.character(all$id), as.character(all$id), "==")
  V <- same * (0.8^2 + 1.1^2 * exp(-abs(outer(all$t, all$t, "-")) / 3) / sqrt(outer(all$w, all$w)))
  old <- seq_len(nrow(used))
  X <- cbind(1, all$x)
  W <- solve(V[old, old])
  Q <- solve(crossprod(X[old, ], W %*% X[old, ]))
  beta <- Q %*% crossprod(X[old, ], W %*% used$y)
  C <- V[old, -old]
  mean <- X[-old, ] %*% beta + crossprod(C, W %*% (used$y - X[old, ] %*% beta))
  u <- X[-old, ] - crossprod(C, W %*% X[old, ])
  variance <- diag(V)[-old] - colSums(C * (W %*% C)) + rowSums((u %*% Q) * u)
  drawn <- predict(draws, new, allow.new.levels = TRUE, interval = "prediction", weights = new$w, draws = TRUE,
                   seed = 2)
  expect_lt(max(abs(colMeans(drawn) - mean) / sqrt(variance / 20000)), 4.5)
  expect_lt(max(abs(apply(drawn, 2, var) / variance - 1)), 4.5 * sqrt(2 / 20000))
  expect_equal(unname(predict(fit, new, allow.new.levels = TRUE)), unname(apply(drawn, 2, median)), tolerance = 0.05)
  # Without the residuals: those of the effects alone.
  plain <- predict(draws, new[1:3, ], kriging = FALSE)
  expect_gt(max(abs(plain - predict(draws, new[1:3, ]))), 0.05)
  expect_equal(unname(plain), unname(predict(fit, new[1:3, ], kriging = FALSE)), tolerance = 0.05)
  expect_equal(predict(draws, used)[1:5], predict(draws)[1:5])     # rows of the fit have their fitted values
})
