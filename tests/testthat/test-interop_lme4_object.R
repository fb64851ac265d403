skip_if_not_installed("lme4")

# lme4 computes everything here from theta and the data alone.
expect_same_fit <- function(fit) {
  peer <- as_lmer(fit)
  expect_s4_class(peer, "lmerMod")
  expect_equal(lme4::fixef(peer), fixef(fit, add.dropped = FALSE), tolerance = 1e-6)
  expect_equal(as.data.frame(lme4::VarCorr(peer))$vcov, as.data.frame(VarCorr(fit))$vcov, tolerance = 1e-6)
  expect_equal(as.matrix(vcov(peer)), vcov(fit, complete = FALSE), tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(unname(fitted(peer)), unname(fitted(fit)), tolerance = 1e-6)
  expect_equal(as.numeric(logLik(peer)), as.numeric(logLik(fit)), tolerance = 1e-7)
  invisible(peer)
}

test_that("fits are the same as objects of lme4", {
  d <- behavior_data()
  d$w <- runif(nrow(d), 0.5, 2)
  d$x[3] <- NA
  for (formula in list(y ~ x + (x | g), y ~ x * f + (x || g) + (1 | h), y ~ x + I(2 * x) + (0 + x | h) + (1 | g),
                       log(y + 10) ~ poly(t, 2) + offset(t / 3) + (1 | g / f), y ~ 0 + f + (1 | g))) {
    for (reml in c(TRUE, FALSE)) expect_same_fit(suppressMessages(lmm(formula, d, REML = reml)))
    expect_same_fit(suppressMessages(lmm(formula, d, weights = w, subset = t > 1, offset = t / 10)))
  }
})

test_that("data that live in a function are found, and the object can be fitted again", {
  fit <- local({
    own <- behavior_data()
    prior <- rep(1:2, nrow(own) / 2)
    lmm(y ~ x + (1 | g), own, weights = prior, subset = t > 1)
  })
  peer <- expect_same_fit(fit)
  expect_equal(lme4::fixef(update(peer, . ~ . - x)), fixef(update(fit, . ~ . - x)), tolerance = 1e-5)
  expect_equal(lme4::fixef(lme4::refit(peer, model.frame(fit)$y)), fixef(fit), tolerance = 1e-3)      # lme4's search
  expect_lt(max(abs(solve(peer@optinfo$derivs$Hessian, peer@optinfo$derivs$gradient))), 1e-3)
})

test_that("what lme4 cannot hold is refused", {
  d <- behavior_data()
  expect_error(as_lmer(lm(y ~ x, d)), class = "lmm_error_input")
  expect_error(as_lmer(lmm(y ~ x + (1 | g), d, fixed = c(sigma = 1))), "fixed variance",
               class = "lmm_error_input")
  expect_error(as_lmer(lmm(y ~ x + (1 | g), d, weights = rep(0:1, c(2, 94)))), "weight zero", class = "lmm_error_input")
  expect_error(as_lmer(suppressMessages(lmm(y ~ x + (f || g), d))), "terms", class = "lmm_error_input")
  fit <- lmm(y ~ x + (1 | g), d)
  d$y <- 2 * d$y
  expect_error(as_lmer(fit), "criterion", class = "lmm_error_input")
})

test_that("coefficients mean the same: text keeps the order of its levels, other contrasts are noticed", {
  d <- behavior_data()
  d$text <- rep(c("b", "B", "a", "A"), 24)
  fit <- lmm(y ~ text * x + (1 | g), d)
  peer <- expect_same_fit(fit)
  expect_identical(names(lme4::fixef(update(peer, . ~ . - x:text)))[2:4], names(fixef(fit))[2:4])
  expect_same_fit(suppressMessages(lmm(y ~ x + (0 + text | g), transform(d, y = y + rnorm(48)[interaction(g, text)]))))
  ml <- lmm(y ~ f + (1 | g), d, REML = FALSE)
  local({
    old <- options(contrasts = c("contr.sum", "contr.poly"))
    on.exit(options(old))
    expect_error(as_lmer(ml), "coded", class = "lmm_error_input")
    expect_same_fit(lmm(y ~ f + (1 | g), d, REML = FALSE))
  })
})
