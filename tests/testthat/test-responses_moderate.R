# Responses with too little variance between groups: the fit is that of a linear model, for which Smyth's formulas are
# exact.
alternating <- function(m, d0 = 6, s0 = 2) {
  set.seed(11)
  g <- rep(1:10, each = 4)
  X <- cbind(1, rep(0:1, 20), rnorm(40))
  s <- sqrt(s0 / (rchisq(m, d0) / d0))
  Y <- sapply(s, function(s) {
    e <- rnorm(40)
    s * (e - 0.95 * ave(e, g))
  })
  list(data = data.frame(g = factor(g), a = X[, 2], x = X[, 3]), Y = Y)
}

test_that("without variance between groups tests are moderated t tests of a linear model", {
  made <- alternating(60)
  d <- made$data
  d$Y <- made$Y
  fits <- lmm(Y ~ a + x + (1 | g), d)
  expect_true(all(fits$singular))
  moderated <- moderate_variance(fits)
  ordinary <- lapply(1:60, function(j) summary(lm(made$Y[, j] ~ a + x, d)))
  s2 <- vapply(ordinary, function(s) s$sigma^2, 0)
  # moments of log s^2, solved by uniroot()
  e <- log(s2) - digamma(37 / 2) + log(37 / 2)
  target <- var(e) - trigamma(37 / 2)
  d0 <- 2 * uniroot(function(y) trigamma(y) - target, c(0.01, 1e4), tol = 1e-13)$root
  s02 <- exp(mean(e) + digamma(d0 / 2) - log(d0 / 2))
  expect_equal(moderated$prior$df, d0, tolerance = 1e-7)
  expect_equal(moderated$prior$sigma2, s02, tolerance = 1e-7)
  posterior <- (d0 * s02 + 37 * s2) / (d0 + 37)
  expect_equal(moderated$prior$moderated, posterior, tolerance = 1e-7)
  table <- as.data.frame(tidy(moderated, "fixed"))
  x <- table[table$term == "x", ]
  raw <- vapply(ordinary, function(s) s$coefficients["x", "t value"], 0)
  expect_equal(x$df, rep(d0 + 37, 60), tolerance = 1e-7)
  expect_equal(x$statistic, raw * sqrt(s2 / posterior), tolerance = 1e-7)
  expect_equal(anova(moderated)[["F value"]][2 * 1:60], x$statistic^2, tolerance = 1e-7)
  joint <- contest(moderated, rbind(c(0, 1, 0), c(0, 0, 1)))
  expect_equal(joint$DenDF, rep(d0 + 37, 60), tolerance = 1e-6)
})

test_that("contrasts between groups of a balanced design are not moderated, those within are", {
  set.seed(12)
  d <- expand.grid(w = factor(1:4), g = factor(1:12))
  d$b <- factor(as.integer(d$g) %% 2)
  Y <- matrix(rnorm(48 * 30), 48) * rep(sqrt(5 / rchisq(30, 5)), each = 48) + 2 * matrix(rnorm(12 * 30), 12)[d$g, ]
  d$Y <- Y
  fits <- lmm(Y ~ b + w + (1 | g), d)
  moderated <- moderate_variance(fits)
  inside <- which(!fits$singular)
  before <- anova(fits)
  after <- anova(moderated)
  b <- before$term == "b" & before$response %in% as.character(inside)
  expect_equal(after$DenDF[b], before$DenDF[b], tolerance = 1e-6)
  expect_equal(after[["F value"]][b], before[["F value"]][b], tolerance = 1e-6)
  w <- before$term == "w" & before$response %in% as.character(inside)
  prior <- moderated$prior
  expect_equal(after$DenDF[w], before$DenDF[w] + prior$df, tolerance = 1e-6)
  expect_equal(after[["F value"]][w], before[["F value"]][w] * exp(-prior$log_ratio[inside]), tolerance = 1e-6)
  expect_output(print(moderated), "Moderated residual variances")
  expect_equal(anova(moderated[inside])$DenDF, after$DenDF[after$response %in% as.character(inside)])
})

test_that("equal variances have an infinite prior", {
  set.seed(13)
  s2 <- rchisq(50, 40) / 40
  expect_identical(variance_prior(0 * s2 + 3, rep(40, 50))$df, Inf)
  for (x in c(1e-6, 0.3, 4, 1e8)) expect_equal(trigamma(inverse_trigamma(x)), x, tolerance = 1e-6)
})

test_that("what cannot be moderated is refused", {
  expect_error(moderate_variance(1), "many responses", class = "lmm_error_input")
  d <- response_data(2)
  expect_error(moderate_variance(lmm(Y ~ x + (1 | g), d)), "three", class = "lmm_error_input")
  d <- response_data(4)
  moderated <- moderate_variance(lmm(Y ~ x + (1 | g), d))
  expect_error(anova(moderated, ddf = "Kenward-Roger"), "Satterthwaite", class = "lmm_error_input")
})
