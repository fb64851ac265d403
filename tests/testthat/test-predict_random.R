d <- behavior_data()
m <- lmm(y ~ x + (x | g) + offset(x / 3), d)

test_that("the random part of a prediction is z'b, its standard error that of the modes", {
  Z <- cbind(1, d$x)
  b <- as.matrix(ranef(m)$g)
  expect_equal(unname(predict(m, random.only = TRUE)), unname(rowSums(Z * b[as.character(d$g), ])))
  expect_equal(predict(m, random.only = TRUE), predict(m) - predict(m, re.form = NA), tolerance = 1e-8)
  new <- data.frame(x = c(0, 2), g = c("g01", "new"))
  expect_equal(unname(predict(m, new, random.only = TRUE, allow.new.levels = TRUE)), c(b["g01", 1], 0))
  se <- predict(m, new, random.only = TRUE, allow.new.levels = TRUE, se.fit = TRUE)$se.fit
  V <- as.matrix(vcov(m, full = TRUE))
  at <- which(endsWith(rownames(V), "g01.(Intercept)"))
  z <- c(1, 2)
  expect_equal(unname(se), sqrt(c(V[at, at], c(z %*% VarCorr(m)$g %*% z))), tolerance = 1e-6)
  expect_equal(unname(predict(m, re.form = NA, random.only = TRUE)), numeric(nrow(d)))
  expect_error(predict(m, random.only = TRUE, interval = "confidence"), "random.only", class = "lmm_error_input")
  expect_error(predict(m, random.only = NA), class = "lmm_error_input")
})

test_that("the random part agrees with lme4", {
  skip_if_not_installed("lme4")
  fit <- lmm(Petal.Width ~ Sepal.Length + (1 | Species), iris)
  peer <- lme4::lmer(Petal.Width ~ Sepal.Length + (1 | Species), iris)
  expect_equal(predict(fit, random.only = TRUE), predict(peer, random.only = TRUE), tolerance = 1e-4)
})
