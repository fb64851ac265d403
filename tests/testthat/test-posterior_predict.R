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
