fit <- lmm(yield ~ treat + (1 | blend), penicillin)
draws <- posterior(fit, 4000, seed = 1)

test_that("predictions are linear in the draws", {
  new <- data.frame(treat = c("A", "C"), blend = c("Blend2", "Blend5"))
  value <- predict(draws, new, draws = TRUE)
  expect_equal(value[, 2], draws[["(Intercept)"]] + draws$treatC + draws[["r_blend[Blend5,(Intercept)]"]],
  ignore_attr = TRUE)
  expect_equal(unname(predict(draws, new)), unname(apply(value, 2, median)))
  expect_equal(predict(draws, new, re.form = NA, draws = TRUE)[, 1], draws[["(Intercept)"]], ignore_attr = TRUE)
  expect_equal(length(predict(draws)), 20L)
})

test_that("a new level and a new observation have the spread of the model", {
  new <- data.frame(treat = "A", blend = "new")
  expect_error(predict(draws, new), class = "lmm_error_newdata")
  value <- predict(draws, new, allow.new.levels = TRUE, draws = TRUE, seed = 1)[, 1]
  anew <- value - draws[["(Intercept)"]]
  expect_gt(ks.test(anew / draws[["sd__(Intercept).blend"]], "pnorm")$p.value, 1e-4)
  one <- predict(draws, new, allow.new.levels = TRUE, interval = "prediction", draws = TRUE, seed = 1)[, 1]
  expect_gt(ks.test((one - draws[["(Intercept)"]]) / sqrt(draws[["sd__(Intercept).blend"]]^2 +
            draws$sigma^2), "pnorm")$p.value, 1e-4)
  limits <- predict(draws, new, allow.new.levels = TRUE, interval = "prediction", seed = 1)
  expect_identical(colnames(limits), c("fit", "lwr", "upr"))
})

test_that("simulated responses follow the draws", {
  new <- simulate(draws, 400, seed = 2)
  expect_identical(dim(new), c(20L, 400L))
  expect_identical(new, simulate(draws, 400, seed = 2))
  expect_lt(abs(mean(as.matrix(new)) - mean(penicillin$yield)), 1.5)
  kept <- simulate(draws, 400, seed = 2, re.form = NULL)
  blend <- tapply(rowMeans(kept), penicillin$blend, mean)
  expect_gt(cor(blend, ranef(fit)$blend[[1]]), 0.99)
  expect_error(simulate(posterior(fit, 100, random = FALSE, seed = 1), 2, re.form = NULL), class = "lmm_error_input")
})

test_that("correlated new effects have the correlation of the draws", {
  slopes <- lmm(y ~ t + (t | rat), transform(rats, t = log(1 + (age - 45) / 10)))
  own <- posterior(slopes, 4000, seed = 4, random = FALSE)
  set.seed(1)
  anew <- new_effects(own, 1L, 1L, seq_len(nrow(own)))
  s <- as.data.frame(own)
  z1 <- anew[[1]][, 1] / s[[1]]
  z2 <- anew[[2]][, 1] / s[[2]]
  expect_lt(abs(mean(z1 * z2 - s[[3]])), 4.5 * sd(z1 * z2) / sqrt(4000))
})

test_that("effects are drawn from their conditional distribution where there are as many as rows", {
  set.seed(2)
  d <- data.frame(a = factor(sample(1:8, 18, TRUE)), b = factor(sample(1:7, 18, TRUE)), x = rnorm(18))
  d$y <- rnorm(18) + rnorm(8)[d$a]
  fit <- suppressMessages(lmm(y ~ 1 + (1 | a) + (0 + x | a) + (1 | b) + (0 + x | b), d))
  handle <- engine_posterior_open(engine_layout(fit_frame(fit)), fit_blocks(fit), 1e9)
  q <- sum(vapply(fit_modes(fit), length, 0L))
  ratio <- c(1.1, 0.7, 0.9, 0.6)
  s <- 0.8
  n <- q + 1L                                    # no noise, then one unit of noise for each effect
  scale <- engine_posterior_effects(handle, matrix(ratio), 1L, s, matrix(0, 1L, 1L), matrix(0, q, 1L), NULL, 1L)$beta
  drawn <- engine_posterior_effects(handle, matrix(ratio), rep(1L, n), rep(s, n), matrix(0, 1L, n),
                                    cbind(0, diag(q)), NULL, 1L)
  Z <- lapply(fit_random(fit), function(term) {
    g <- d[[fit_groups(fit)[[term$group]]$name]]
    model.matrix(~ 0 + g) * if (term$columns == "x") d$x else 1
  })
  G <- s^2 * diag(rep(ratio^2, vapply(Z, ncol, 0L)))
  Z <- do.call(cbind, Z)
  V <- Z %*% G %*% t(Z) + s^2 * diag(18)
  mean <- drop(G %*% t(Z) %*% solve(V, d$y - drop(scale)))
  noise <- drawn$b[, -1L] - drawn$b[, 1L]
  expect_equal(drawn$b[, 1L], mean, tolerance = 1e-7)
  expect_equal(tcrossprod(noise), G - G %*% t(Z) %*% solve(V, Z %*% G), tolerance = 1e-6)
})

test_that("a row with a missing value is predicted as NA", {
  d <- behavior_data()
  draws <- posterior(lmm(y ~ x + (1 | g), d), draws = 100, seed = 1)
  new <- d[1:3, ]
  new$x[2] <- NA
  for (interval in c("none", "prediction")) {
    found <- as.matrix(predict(draws, new, interval = interval, seed = 1))
    expect_equal(is.na(found[, 1]), c(FALSE, TRUE, FALSE), ignore_attr = TRUE)
    expect_equal(predict(draws, new)[-2], predict(draws, d[c(1, 3), ]))
  }
})
