inner_outer <- function(fit) coef(summary(fit, ddf = "inner-outer"))[, "df"]

test_that("published degrees of freedom of lme() are reproduced", {
  fit <- example_fit("wateruse_diag")
  expect_identical(unname(inner_outer(fit)), c(227, 227, 227))
  out <- reference_outputs("wateruse_diag")
  table <- coef(summary(fit, ddf = "inner-outer"))
  for (name in rownames(table)) {
    at <- match(paste0("t:", name), out$quantity)
    expect_equal(table[name, "t value"], as.numeric(out$value[at]), tolerance = 1e-5)
  }
})

test_that("degrees of freedom are those of lme()", {
  d <- transform(as.data.frame(nlme::Oats), N = factor(nitro), Block = factor(as.character(Block)))
  fixed <- list(yield ~ N + Variety, yield ~ N * Variety, yield ~ nitro + Variety, yield ~ 0 + nitro + Variety)
  for (f in fixed) {
    peer <- nlme::lme(f, d, ~ 1 | Block / Variety)
    fit <- lmm(stats::update(f, . ~ . + (1 | Block / Variety)), d)
    expect_equal(inner_outer(fit), summary(peer)$tTable[, "DF"], label = deparse(f))
  }
  expect_identical(unname(inner_outer(lmm(y ~ x + f + (1 | g), behavior_data()))), rep(96 - 12 - 4, 5))
})

test_that("a term has the degrees of freedom of its own columns, as anova() of lme()", {
  d <- as.data.frame(nlme::Dialyzer)
  fixed <- rate ~ (pressure + I(pressure^2)) * QB
  peer <- nlme::lme(fixed, d, ~ 1 | Subject)
  fit <- lmm(stats::update(fixed, . ~ . + (1 | Subject)), d)
  for (type in 1:3) expect_equal(anova(fit, type = type, ddf = "inner-outer")$DenDF, anova(peer)$denDF[-1L],
                                 label = type)
  d <- as.data.frame(nlme::Oats)
  d$M <- cbind(outer = as.integer(d$Block)^2, inner = d$nitro)
  peer <- nlme::lme(yield ~ M * Variety, d, ~ 1 | Block / Variety)
  fit <- lmm(yield ~ M * Variety + (1 | Block / Variety), d)
  expect_equal(anova(fit, type = 1, ddf = "inner-outer")$DenDF, anova(peer)$denDF[-1L])
  expect_equal(inner_outer(fit), summary(peer)$tTable[, "DF"])
})

test_that("crossed factors are refused", {
  expect_error(summary(lmm(y ~ x + (1 | g) + (1 | h), behavior_data()), ddf = "inner-outer"), "not nested",
               class = "lmm_error_input")
})
