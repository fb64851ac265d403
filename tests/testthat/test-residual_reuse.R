# The rows of the last fit are kept ready in the session. A fit that was saved and read again is another object, so its
# rows are made ready anew: its answers are what those of the fit itself must be.
answers_of <- function(fit) {
  suppressMessages(list(anova(fit, ddf = "Kenward-Roger"), anova(fit), vcov(fit), confint(fit, method = "Wald"),
                        variance_components(fit), logLik(fit, REML = FALSE), ranef(fit)))
}

read_again <- function(fit) unserialize(serialize(fit, NULL))

test_that("answers do not depend on which fit was used before", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)[-c(3, 17, 40, 41, 77), ]
  d$visit <- factor(d$age)
  d$w <- rep_len(c(0.5, 1, 2), nrow(d))
  fits <- suppressMessages(list(
    lmm(distance ~ age * Sex, d, residual = ~ us(visit | Subject)),
    lmm(distance ~ age * Sex, d, residual = ~ us(visit | Subject), weights = w),
    lmm(distance ~ age * Sex + (1 | Subject), d, residual = ~ ar1(visit | Subject)),
    lmm(distance ~ age * Sex, d, residual = ~ ar1(visit | Subject), fixed = c(sigma = 2)),
    lmm(distance ~ age * Sex, d, residual = ~ ar1(visit | Subject), fixed = c(sigma = 3))))
  alone <- lapply(fits, function(fit) answers_of(read_again(fit)))
  for (k in c(5:1, 2, 4, 1, 3)) expect_identical(answers_of(fits[[k]]), alone[[k]], label = paste("fit", k))
})

test_that("a fit and its refit with another criterion share their rows, not the criterion", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)
  d$visit <- factor(d$age)
  fit <- lmm(distance ~ age + Sex, d, residual = ~ us(visit | Subject))
  before <- anova(fit)
  ml <- suppressMessages(update(fit, REML = FALSE))
  peer <- nlme::gls(distance ~ age + Sex, d, nlme::corSymm(form = ~ 1 | Subject), nlme::varIdent(form = ~ 1 | visit),
                    method = "ML")
  expect_equal(as.numeric(logLik(ml)), as.numeric(logLik(peer)), tolerance = 1e-6)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(update(peer, method = "REML"))), tolerance = 1e-6)
  expect_identical(anova(fit), before)
})
