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
  sizes <- power_study(~ x + (1 | g), list(`8` = design(8), `4` = design(4)), p, test = "x", nsim = 10, seed = 2)
  expect_equal(on_paper(plot(sizes))$x, c(4, 8))
  expect_equal(on_paper(plot(sizes))$power, rev(sizes$power))
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

# The rows of the fit, given as `data`, are the design of the fit.
test_that("a fit for other rows keeps everything that belongs to the model", {
  d <- behavior_data()
  d$w <- rep(c(0.5, 1, 4), 32)
  groups <- unique(as.character(d$g))
  K <- 0.6^abs(outer(seq_along(groups), seq_along(groups), "-"))
  dimnames(K) <- list(groups, groups)
  d$three <- gl(3, 1, 96)
  same <- function(fit, newparams = c(x = 0.2)) {
    study <- function(...) power_study(fit, ..., newparams = newparams, test = "x", nsim = 15, seed = 3)
    own <- suppressMessages(study())
    expect_equal(expect_no_message(study(data = d)), own)
    expect_true(own$power > 0)
  }
  same(local({
    related <- K
    lmm(y ~ x + (1 | g), d, relationship = list(g = related))
  }), NULL)
  same(lmm(y ~ x + (1 | g), d, weights = w))
  same(lmm(y ~ x, d, residual = ~ ar1(t | g), variance = ~ three, REML = FALSE))
  same(lmm(y ~ x + (1 | g), d, residual = ~ ar1(t | g), fixed = c(rho = 0.3), weights = w))
  same(lmm(y ~ x + three, d, contrasts = list(three = "contr.sum"), offset = t))
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  expect_message(one <- power_study(fit, d[names(d) != "w"], test = "x", nsim = 5, seed = 3), "weights",
                 class = "lmm_message_weights")
  expect_equal(one, power_study(fit, transform(d, w = 1), test = "x", nsim = 5, seed = 3))
  visits <- lmm(y ~ x, d, residual = ~ us(t | g))
  expect_error(power_study(visits, transform(d, t = t + 1), test = "x", nsim = 2), "visit", class = "lmm_error")
})

test_that("the power for other values of a covariate of the variance function does not depend on its origin", {
  set.seed(3)
  d <- expand.grid(year = 0:9, g = factor(1:12))
  d$x <- rep(c(0, 1, 1, 0), length.out = nrow(d))
  d$y <- 2 * rnorm(12)[d$g] + exp(0.1 * d$year) * rnorm(nrow(d))
  design <- transform(d, year = year + 10)
  power <- vapply(c(0, -14.5, 1990), function(origin) {
    place <- function(data) transform(data, at = year + origin)
    fit <- lmm(y ~ x + (1 | g), place(d), variance = ~ at)
    power_study(fit, data = place(design), newparams = c(x = 1), test = "x", nsim = 40, seed = 3)$power
  }, 0)
  expect_equal(power[-1], power[c(1, 1)])
  near <- lmm(y ~ x + (1 | g), d, variance = ~ year)
  same_years <- power_study(near, newparams = c(x = 1), test = "x", nsim = 40, seed = 3)$power
  expect_gt(same_years, power[1] + 0.2)                        # ten years later the residuals are e times as large
})
