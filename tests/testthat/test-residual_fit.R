test_that("a covariate far from its origin does not lead the search of a structured model astray", {
  d <- expand.grid(year = 2001:2012, g = factor(1:10))
  set.seed(1)
  d$y <- rnorm(10)[d$g] + (1 + rnorm(10))[d$g] * (d$year - 2006) + rnorm(120, sd = 0.2)
  d$s <- gl(2, 60)
  plain <- as.numeric(logLik(suppressMessages(lmm(y ~ year + (year || g), d))))
  value <- function(...) as.numeric(logLik(suppressWarnings(suppressMessages(lmm(data = d, ...)))))
  model <- y ~ year + (year || g)
  expect_equal(value(model, residual = ~ ar1(year | g), fixed = c(rho = 0)), plain, tolerance = 1e-7)
  for (own in list(list(residual = ~ ar1(year | g)), list(variance = ~ s), list(residual = ~ cs(year | g)),
                   list(residual = ~ exp(year | g)), list(residual = ~ diag(year | g)))) {
    found <- do.call(value, c(list(model), own))
    expect_gte(found, plain - 1e-5)
    if (identical(own$residual, ~ cs(year | g))) next                    # not identified from that start
    expect_gte(found, do.call(value, c(list(model, start = c(10000, 5)), own)) - 1e-5)
  }
  terms <- y ~ year + (1 | g) + (0 + year | g)
  expect_equal(value(terms, residual = ~ ar1(year | g)), value(model, residual = ~ ar1(year | g)), tolerance = 1e-8)
})
