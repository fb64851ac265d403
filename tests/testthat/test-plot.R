test_that("plots of residuals show residuals", {
  fit <- example_fit("irrigation_full")
  shown <- on_paper(plot(fit))
  expect_equal(shown$residuals, data.frame(x = unname(fitted(fit)), y = unname(residuals(fit, "pearson"))))
  shown <- on_paper(plot(fit, type = c("scale", "qq"), col = 2))
  expect_equal(shown$scale$y, unname(sqrt(abs(rstandard(fit)))))
  expect_equal(shown$qq$y, unname(sort(rstandard(fit))))
  expect_equal(shown$qq$x, sort(qqnorm(rstandard(fit), plot.it = FALSE)$x))
  expect_error(on_paper(plot(fit, type = "nosuch")), "must be one of", class = "lmm_error_input")
})

test_that("plots of random effects show modes with their intervals", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  shown <- on_paper(plot(ranef(fit), level = 0.9))
  long <- as.data.frame(ranef(fit))
  expect_equal(shown$condval, long$condval)
  expect_equal(shown$upper - shown$condval, qnorm(0.95) * long$condsd)
  bare <- on_paper(plot(ranef(fit, condVar = FALSE), type = "qq", main = "modes"))
  expect_identical(bare$lower, bare$condval)
  expect_error(on_paper(plot(ranef(fit), level = 2)), class = "lmm_error_input")
})

test_that("a plot leaves the device as it was", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  on_paper({
    before <- graphics::par(c("mfrow", "mai"))
    plot(fit, type = c("residuals", "qq"))
    plot(ranef(fit))
    expect_equal(graphics::par(c("mfrow", "mai")), before)
  })
})

test_that("levels are named where there is room for their names, and lines stand where they should", {
  few <- page_of(plot(ranef(example_fit("penicillin"))))
  for (level in levels(penicillin$blend)) expect_true(any(grepl(paste0("(", level, ")"), few, fixed = TRUE)),
                                                      label = level)
  set.seed(1)
  d <- data.frame(g = factor(sprintf("level%03d", rep(1:300, each = 3))))
  d$y <- rnorm(300)[d$g] + rnorm(900)
  expect_false(any(grepl("level", page_of(plot(ranef(lmm(y ~ 1 + (1 | g), d)))), fixed = TRUE)))
  dotted <- function(type) sum(grepl("\\[ *[0-9.]+.*\\] 0 d",
                                     page_of(plot(example_fit("irrigation_full"), type = type))))
  expect_gt(dotted("residuals"), 0)       # zero
  expect_gt(dotted("qq"), 0)              # through the quartiles
  expect_identical(dotted("scale"), 0L)
})

test_that("what cannot be plotted says what can be", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  expect_error(plot(coef(fit)), "plot\\(ranef\\(fit\\)\\)", class = "lmm_error_input")
})

test_that("a fit without random effects has no panel for them unless it is asked for", {
  fit <- lmm(distance ~ age, as.data.frame(nlme::Orthodont), residual = ~ cs(1 | Subject))
  expect_named(on_paper(plot(fit)), c("residuals", "qq", "scale"))
  expect_named(on_paper(plot(fit, type = "ranef")), "ranef")
})
