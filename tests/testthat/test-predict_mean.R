test_that("the mean of one observation has the variance of predict()", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  for (group in c("new", as.character(behavior_data()$g[1]))) {
    new <- data.frame(x = 1.5, g = group)
    one <- predict(fit, new, allow.new.levels = TRUE, interval = "prediction", ddf = "asymptotic")
    mean <- predict_mean(fit, new, ddf = "asymptotic")
    expect_equal(unname(unlist(mean[c("fit", "lower", "upper")])), unname(one[1, ]), tolerance = 1e-5)
  }
})

test_that("the mean of k observations has the variance of the balanced one-way layout", {
  fit <- lmm(bright ~ 1 + (1 | operator), pulp)
  ms <- ems(fit)$table$`Mean Sq`
  # the mean of a new operator: MS (1/20 + 1/5)
  found <- predict_mean(fit, data.frame(operator = rep("new", 5)))
  expect_equal(found$se^2, ms[1] / 20 + ms[1] / 5, tolerance = 1e-6)
  expect_equal(found$df, 3, tolerance = 1e-4)
  two <- predict_mean(fit, data.frame(operator = rep(c("n1", "n2"), each = 5)))
  expect_equal(two$se^2, ms[1] / 20 + ms[1] / 10, tolerance = 1e-6)
  expect_equal(two$fit, 60.4)
  # the whole study again, with other operators
  all <- predict_mean(fit, pulp, re.form = NA)
  expect_equal(all$se^2, ms[1] / 20 * 2, tolerance = 1e-6)
  weighted <- predict_mean(fit, data.frame(operator = "new"), weights = 4)
  expect_equal(weighted$se^2, ms[1] / 20 + VarCorr(fit)$operator[1] + ms[2] / 4, tolerance = 1e-6)
})

test_that("levels of the fit keep their effects, by the dense formulas", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  d <- behavior_data()[c(1, 1, 5), ]
  d$x <- 1:3
  C <- vcov(fit, full = TRUE)
  at <- match(as.character(d$g), levels(behavior_data()$g))
  m <- numeric(nrow(C))
  for (i in 1:3) m[(at[i] - 1) * 2 + 1:2] <- m[(at[i] - 1) * 2 + 1:2] + c(1, d$x[i]) / 3
  m[length(m) - 1:0] <- c(1, 2)
  found <- predict_mean(fit, d)
  expect_equal(found$se^2, as.numeric(m %*% C %*% m) + sigma(fit)^2 / 3, tolerance = 1e-7)
  expect_equal(found$fit, mean(predict(fit, d)))
  expect_true(is.finite(predict_mean(fit, d, ddf = "Kenward-Roger")$df))
  expect_identical(predict_mean(fit, d, ddf = "asymptotic")$df, Inf)
  d$x[1] <- NA
  expect_error(predict_mean(fit, d), class = "lmm_error_input")
  expect_error(predict_mean(fit, behavior_data()[1, ], weights = 0), class = "lmm_error_input")
})

test_that("`k` is the number of observations of each row", {
  fit <- lmm(bright ~ 1 + (1 | operator), pulp)
  mean_squares <- anova(lm(bright ~ operator, pulp))[["Mean Sq"]]
  between <- (mean_squares[1] - mean_squares[2]) / 5
  found <- predict_mean(fit, data.frame(operator = "new"), k = 3)
  expect_equal(found$se^2, mean_squares[1] / 20 + between + mean_squares[2] / 3, tolerance = 1e-8)
  expect_equal(found$fit, mean(pulp$bright))
  weighted <- predict_mean(fit, data.frame(operator = c("new", "a")), weights = c(1, 2), k = 2)
  each <- data.frame(operator = rep(c("new", "a"), each = 2))
  expect_equal(weighted, predict_mean(fit, each, weights = c(1, 1, 2, 2)))
  expect_error(predict_mean(fit, data.frame(operator = "new"), k = 1.5), class = "lmm_error_input")
})
