test_that("power in a balanced design is that of the noncentral F distribution", {
  design <- expand.grid(treat = factor(1:3), block = factor(1:8))
  found <- power_study(~ treat + (1 | block), design,
                       c(`(Intercept)` = 0, treat2 = 0, treat3 = 1.5, block = 1, sigma = 1), test = "treat",
                       effects = list(treat3 = c(0, 1.5)), nsim = 80, seed = 1, level = 0.999)
  exact <- vapply(c(0, 1.5), function(d) {
    mean <- c(0, 0, d)
    pf(qf(0.95, 2, 14), 2, 14, 8 * sum((mean - mean(mean))^2), lower.tail = FALSE)
  }, 0)
  expect_true(all(found$lower < exact & exact < found$upper))
  expect_identical(found$failed, c(0L, 0L))
  expect_equal(found$lower[2], binom.test(round(found$power[2] * 80), 80, conf.level = 0.999)$conf.int[1])
})

test_that("designs, fits and tests of all kinds are taken; replicates do not depend on what else is asked", {
  design <- function(n) expand.grid(x = 0:3, g = factor(seq_len(n)))
  p <- c(`(Intercept)` = 0, x = 1, g = 1, sigma = 2)
  all <- power_study(~ x + (1 | g), list(small = design(4), large = design(8)), p, effects = list(x = c(0.5, 1)),
                     nsim = 10, seed = 2)
  expect_identical(all$design, rep(c("small", "large"), each = 2))
  expect_identical(names(all), c("design", "x", "power", "lower", "upper", "nsim", "failed"))
  one <- power_study(~ x + (1 | g), design(8), p, test = "x", nsim = 10, seed = 2)
  expect_equal(one$power, all$power[4])
  fit <- template_fit(y ~ x + (1 | g), design(8), p)
  expect_equal(power_study(fit, test = "x", nsim = 10, seed = 2)$power, one$power)
  expect_equal(power_study(fit, design(8), test = function(fit) contest(fit, c(0, 1), joint = FALSE)[["Pr(>|t|)"]],
               nsim = 10, seed = 2)$power, one$power)
  expect_output(print(all), "Power of the test of x at level 0.05")
  expect_identical(class(as.data.frame(all)), "data.frame")
  expect_error(power_study(~ x + (1 | g), design(8), p), class = "lmm_error_input")
  expect_error(power_study(~ x + (1 | g), design(8), p, test = "z"), class = "lmm_error_input")
  expect_error(power_study(~ x + (1 | g), design(8), p, effects = 3), class = "lmm_error_input")
  expect_error(power_study(~ x + (1 | g), 3, p, test = "x"), class = "lmm_error_input")
})
