skip_if_not_installed("lmtest")

test_that("coeftest() has the tests of the summary, or those of the covariance matrix given", {
  fit <- lmm(y ~ x + f + (1 | g), behavior_data())
  table <- coef(summary(fit, ddf = "Kenward-Roger"))
  mine <- lmtest::coeftest(fit, ddf = "Kenward-Roger")
  expect_equal(unclass(mine)[, 1:4], table[, c("Estimate", "Std. Error", "t value", "Pr(>|t|)")], ignore_attr = TRUE)
  V <- vcov(fit, type = "CR1", cluster = ~g)
  z <- fixef(fit) / sqrt(diag(V))
  expect_equal(lmtest::coeftest(fit, vcov. = V)[, 4], 2 * pnorm(-abs(z)))
  expect_equal(lmtest::coeftest(fit, vcov. = function(m) V, df = 11)[, 4], 2 * pt(-abs(z), 11))
  expect_error(lmtest::coeftest(fit, vcov. = diag(2)), class = "lmm_error_input")
  expect_error(lmtest::coeftest(fit, df = 1:2), class = "lmm_error_input")
  expect_output(print(mine), "t test of coefficients")
})

test_that("lrtest() compares by maximum likelihood", {
  fit <- lmm(y ~ x + f + (1 | g), behavior_data())
  small <- update(fit, . ~ . - f)
  expect_message(table <- lmtest::lrtest(fit, small), class = "lmm_message_refit")
  expect_equal(table$Chisq[2], 2 * as.numeric(logLik(update(fit, REML = FALSE)) - logLik(update(small, REML = FALSE))),
               tolerance = 1e-7)
  expect_equal(table$`Pr(>Chisq)`[2], pchisq(table$Chisq[2], 3, lower.tail = FALSE))
  expect_equal(suppressMessages(lmtest::lrtest(fit, . ~ . - f)), table, ignore_attr = TRUE)
  expect_equal(suppressMessages(lmtest::lrtest(fit))$Df[2], -4)
})

test_that("intervals have the degrees of freedom of each coefficient", {
  fit <- lmm(y ~ x + f + (1 | g), behavior_data()[-(1:5), ])
  rows <- contest(fit, diag(5), joint = FALSE, conf.level = 0.9)
  expect_equal(unname(lmtest::coefci(fit, level = 0.9)), unname(as.matrix(rows[c("lower", "upper")])))
  expect_equal(confint(lmtest::coeftest(fit), level = 0.9), lmtest::coefci(fit, level = 0.9))
  expect_identical(dimnames(lmtest::coefci(fit, c("x", "fc"))), list(c("x", "fc"), c("2.5 %", "97.5 %")))
  V <- vcov(fit, type = "CR2", cluster = ~g)
  normal <- fixef(fit)["x"] + c(-1, 1) * qnorm(0.975) * sqrt(V["x", "x"])
  expect_equal(lmtest::coefci(fit, 2, vcov. = vcov, type = "CR2", cluster = ~g)[1, ], normal, ignore_attr = TRUE)
  expect_equal(lmtest::coefci(fit, "x", vcov. = V, df = 7)[1, ],
               fixef(fit)["x"] + c(-1, 1) * qt(0.975, 7) * sqrt(V["x", "x"]), ignore_attr = TRUE)
  expect_null(df.residual(lmtest::coeftest(fit)))
  expect_identical(df.residual(lmtest::coeftest(fit, df = 7)), 7)
  expect_error(lmtest::coefci(fit, "z"), "`fb`", class = "lmm_error_input")
  expect_error(lmtest::coefci(fit, 6), class = "lmm_error_input")
  expect_error(lmtest::coefci(fit, level = 95), class = "lmm_error_input")
})

test_that("arguments that would have no effect are refused", {
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  expect_error(lmtest::coeftest(fit, vcov. = vcov(fit), ddf = "Kenward-Roger"), "`ddf`", class = "lmm_error_input")
  expect_error(lmtest::coeftest(fit, vcov. = vcov(fit), cluster = ~g), "cluster", class = "lmm_error_input")
  expect_error(lmtest::coeftest(fit, save = TRUE), "save", class = "lmm_error_input")
})

test_that("models by formula have the rows and the offset of the fit", {
  d <- transform(behavior_data(), o = t / 3, w = rep(1:3, 32))
  d$x[c(2, 40:43)] <- NA
  rownames(d) <- paste0("r", rev(seq_len(96)))
  complete <- d[!is.na(d$x), ]
  log_lik <- function(formula) as.numeric(logLik(suppressMessages(lmm(formula, complete, weights = w, REML = FALSE))))
  fit <- suppressMessages(lmm(y ~ x + f + offset(o) + (1 | g), d, weights = w))
  null <- suppressMessages(lmtest::lrtest(fit))
  expect_equal(null$LogLik, c(log_lik(y ~ x + f + offset(o) + (1 | g)), log_lik(y ~ 1 + offset(o) + (1 | g))),
               tolerance = 1e-8)
  expect_identical(null$Df[2], -4)
  chain <- suppressMessages(lmtest::lrtest(fit, . ~ . - x, . ~ . - f))
  expect_equal(chain$LogLik[2:3], c(log_lik(y ~ f + offset(o) + (1 | g)), log_lik(y ~ 1 + offset(o) + (1 | g))),
               tolerance = 1e-8)
  within <- suppressMessages(local({
    own <- d
    prior <- d$w
    lmm(y ~ x + f + offset(o) + (1 | g), own, weights = prior)
  }))
  expect_equal(suppressMessages(lmtest::lrtest(within, . ~ . - x))$LogLik, chain$LogLik[1:2], tolerance = 1e-8)
})
