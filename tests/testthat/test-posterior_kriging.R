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
  expect_equal(unname(plain), unname(predict(fit, new[1:3, ], kriging = FALSE)), tolerance = 0.05)
  expect_equal(predict(draws, used)[1:5], predict(draws)[1:5])     # rows of the fit have their fitted values
})

test_that("each draw predicts by its own parameters, effects and residuals, whatever the order of rows", {
  set.seed(1)
  d <- expand.grid(t = c(1, 2, 4, 7), id = factor(1:8))
  d$x <- rnorm(32)
  d$o <- 5 * rnorm(32)
  d$w <- runif(32, 0.5, 2)
  d$arm <- factor(ifelse(as.integer(d$id) < 5, "a", "b"))
  series <- t(chol(exp(-as.matrix(dist(c(1, 2, 4, 7))) / 2))) %*% matrix(rnorm(32), 4)
  d$y <- d$o + d$x + rnorm(8)[d$id] + as.vector(series)
  d <- d[sample(32), ]
  d$y[6] <- NA
  new <- data.frame(t = c(3, 7.5, 2.5, 5), id = c("8", "2", "2", "1"), x = c(0.5, -1, 0, 1), o = 1:4,
                    w = c(1, 2, 0.7, 1))
  new$arm <- d$arm[match(new$id, d$id)]
  for (by in c(FALSE, TRUE)) {
    fit <- suppressMessages(lmm(y ~ x + offset(o) + (1 | id), d, weights = w,
                                residual = if (by) ~ exp(t | id, by = arm) else ~ exp(t | id)))
    draws <- suppressWarnings(posterior(fit, 200, prior_half_t(3, 4), seed = 1, random = TRUE))
    found <- predict(draws, new, weights = new$w, draws = TRUE)
    expect_identical(predict(draws, new, draws = TRUE), found)        # the fit's weights are a variable of new data
    p <- as.data.frame(draws)
    used <- d[!is.na(d$y), ]
    all <- rbind(used[c("t", "id", "x", "o", "arm", "w")], new)
    old <- seq_len(nrow(used))
    same <- outer(as.character(all$id), as.character(all$id), "==")
    expected <- t(vapply(c(1, 57, 200), function(i) {
      range <- if (by) unlist(p[i, paste0("range|", all$arm)]) else p$range[i]
      scale <- if (by) unlist(p[i, paste0("sd|", all$arm)]) else p$sigma[i]
      scale <- rep_len(scale, nrow(all)) / sqrt(all$w)
      R <- same * outer(scale, scale) * exp(-abs(outer(all$t, all$t, "-")) / range)
      b <- unlist(p[i, paste0("r_id[", all$id, ",(Intercept)]")])
      eta <- all$o + p[["(Intercept)"]][i] + p$x[i] * all$x + b
      eta[-old] + drop(R[-old, old] %*% solve(R[old, old], used$y - eta[old]))
    }, numeric(4)))
    expect_equal(unname(found)[c(1, 57, 200), ], unname(expected), tolerance = 1e-8, label = paste("by", by))
  }
})

test_that("a new row of weight 0 has the prediction of predict(fit), without limits", {
  set.seed(1)
  d <- expand.grid(t = c(1, 2, 4, 7), id = factor(1:8))
  d$y <- rnorm(32)
  d$w <- runif(32, 0.5, 2)
  fit <- suppressMessages(lmm(y ~ 1, d, weights = w, residual = ~ exp(t | id), fixed = c(sigma = 1, range = 3)))
  draws <- posterior(fit, 2000, seed = 1)
  new <- data.frame(t = c(3, 7.5, 5), id = c("8", "2", "1"))
  w <- c(0, 2, 1)
  own <- predict(fit, new, weights = w, interval = "prediction", ddf = "asymptotic")
  limits <- predict(draws, new, weights = w, interval = "prediction", seed = 1)
  expect_identical(unname(is.na(limits)), unname(is.na(own)))
  expect_equal(limits[, "fit"], own[, "fit"], tolerance = 0.1)
  expect_equal(predict(draws, new, weights = w)[[1]], limits[[1, "fit"]], tolerance = 1e-12)
  expect_equal(limits[[1, "fit"]], predict(draws, new[1, ], weights = 1)[[1]], tolerance = 1e-12)
  expect_error(predict(draws, new, weights = c(1, -1, 1)), "`weights`", class = "lmm_error_input")
  # Other weights of the rows of the fit.
  width <- function(...) apply(predict(draws, interval = "prediction", seed = 1, ...), 1, function(x) x[3] - x[2])
  expect_lt(max(width(weights = 1e6)), min(width()))
})
