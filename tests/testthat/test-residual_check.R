# What the data cannot say about a model with a residual structure.

test_that("random terms in the span of the fixed effects are refused beside a residual structure", {
  set.seed(1)
  d <- data.frame(time = rep(1:4, 10), g = gl(10, 4), y = rnorm(40), one = factor(1))
  d$f <- d$site <- factor(d$time)
  V <- kronecker(diag(10), diag(0.5, 4) + 0.5)
  # K'y does not depend on the effects of `site`: the restricted likelihood is the same for all their variances
  K <- qr.Q(qr(model.matrix(~ f, d)), complete = TRUE)[, -(1:4)]
  expect_lt(max(abs(crossprod(K, model.matrix(~ 0 + site, d)))), 1e-12)
  refused <- function(random, ...) {
    told <- tryCatch(lmm(update(y ~ f, random), d, ...), error = identity)
    expect_s3_class(told, "lmm_error_unidentified")
    expect_match(conditionMessage(told), "cannot be distinguished from the fixed effects")
  }
  terms <- list(~ . + exp(time | site), ~ . + ar1(0 + f | one), ~ . + gau(time | site))
  for (random in terms) for (REML in c(TRUE, FALSE)) {
    refused(random, REML = REML)
    refused(random, REML = REML, residual = ~ ar1(time | g))
    refused(random, REML = REML, residual = ~ us(time | g))
    refused(random, REML = REML, residual = ~ known(g, V))
    refused(random, REML = REML, variance = ~ time)
  }
  refused(~ . + exp(time | site) + (1 | g), residual = ~ ar1(time | g))
})
