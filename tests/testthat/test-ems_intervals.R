balanced <- function() {
  set.seed(7)
  d <- expand.grid(rep = 1:3, op = gl(3, 1), part = gl(10, 1))
  d$y <- 5 + rnorm(10, sd = 2)[d$part] + rnorm(3, sd = 0.6)[d$op] + rnorm(30, sd = 0.2)[interaction(d$part, d$op)] +
    rnorm(90, sd = 0.3)
  d
}
table_of <- function(e, ..., method = "MLS", level = 0.95) ems_quantity(e, list(...), method, level, seed = 1)

test_that("modified large-sample limits of one mean square are its chi-square limits", {
  e <- ems(bw ~ 1 + (1 | sire), sires)
  ms <- e$table["Residual", "Mean Sq"]
  found <- table_of(e, ~ sigma2, level = 0.9)
  expect_equal(c(found$lower, found$upper), 35 * ms / qchisq(c(0.95, 0.05), 35), tolerance = 1e-10)
  expect_equal(table_of(e, ~ sigma)$upper, sqrt(35 * ms / qchisq(0.025, 35)), tolerance = 1e-10)
})

test_that("limits of shares and ratios with one random effect are the exact ones of the F ratio", {
  e <- ems(bw ~ 1 + (1 | sire), sires)
  expect_equal(table_of(e, "icc")$upper, e$icc[["upper"]], tolerance = 1e-8)
  ratio <- e$table["sire", "Mean Sq"] / e$table["Residual", "Mean Sq"]
  exact <- (ratio / qf(c(0.9, 0.1), 4, 35) - 1) / 8                            # Burdick and Graybill 1992
  found <- table_of(e, ~ var(sire) / sigma2, level = 0.8)
  expect_equal(c(found$lower, found$upper), pmax(exact, 0), tolerance = 1e-8)
})

test_that("sums have the limits of Graybill and Wang, and a difference is 0 where the F test says so", {
  basis <- list(ms = c(3, 5), df = c(4, 9), inverse = diag(2))
  G <- 1 - c(4, 9) / qchisq(0.975, c(4, 9))
  H <- c(4, 9) / qchisq(0.025, c(4, 9)) - 1
  expect_equal(mls_limits(c(2, 1), basis, 0.95), c(11 - sqrt(sum((G * c(6, 5))^2)), 11 + sqrt(sum((H * c(6, 5))^2))),
               tolerance = 1e-12)
  for (df in list(c(3, 20), c(8, 8), c(30, 2))) {
    F <- qf(0.95, df[1], df[2])
    edge <- list(ms = c(F, 1), df = df, inverse = diag(2))
    expect_equal(mls_limits(c(1, -1), edge, 0.9)[1], 0, tolerance = 1e-9)
    edge$ms <- c(1, qf(0.95, df[2], df[1]))
    expect_equal(mls_limits(c(1, -1), edge, 0.9)[2], 0, tolerance = 1e-9)
  }
})

test_that("generalized limits of one variance are its chi-square limits, of a ratio those of F", {
  e <- ems(bw ~ 1 + (1 | sire), sires)
  found <- ems_quantity(e, list(~ sigma2, ~ var(sire) / sigma2), "generalized", 0.8, nsim = 1e5, seed = 1)
  ms <- e$table$`Mean Sq`
  expect_equal(c(found$lower[1], found$upper[1]), 35 * ms[2] / qchisq(c(0.9, 0.1), 35), tolerance = 0.01)
  expect_equal(found$upper[2], (ms[1] / ms[2] / qf(0.1, 4, 35) - 1) / 8, tolerance = 0.02)
})

test_that("Satterthwaite's limits are those of the combination of mean squares", {
  e <- ems(y ~ 1 + (1 | part) + (1 | op) + (1 | part:op), balanced())
  ms <- e$table$`Mean Sq`
  df <- e$table$Df
  c <- c(1, 0, -1, 0) / 9
  v <- sum(c * ms)
  f <- v^2 / sum((c * ms)^2 / df)
  found <- table_of(e, ~ var(part), method = "Satterthwaite")
  expect_equal(unlist(found),
               c(estimate = v, se = sqrt(2 / f) * v, df = f, lower = f * v / qchisq(0.975, f),
                 upper = f * v / qchisq(0.025, f)), tolerance = 1e-8)
})

test_that("limits do not depend on the unit and are cut off where no value can be", {
  d <- balanced()
  e <- ems(y ~ 1 + (1 | part) + (1 | op) + (1 | part:op), d)
  d$y <- d$y * 1e6
  big <- ems(y ~ 1 + (1 | part) + (1 | op) + (1 | part:op), d)
  asked <- list(~ var(part), ~ total, ~ var(op) + var(`part:op`), ~ var(part) / total, ~ sd(part) / sqrt(total),
                ~ var(op) - var(`part:op`))
  one <- ems_quantity(e, asked, "MLS", 0.95)
  two <- ems_quantity(big, asked, "MLS", 0.95)
  unit <- c(1e12, 1e12, 1e12, 1, 1, 1e12)
  expect_equal(two$lower, one$lower * unit, tolerance = 1e-7)
  expect_equal(two$upper, one$upper * unit, tolerance = 1e-7)
  expect_true(all(one$lower[1:5] >= 0) && all(one$upper[4:5] <= 1))
  expect_lt(one$lower[6], one$estimate[6])
  expect_equal(one$upper[5]^2, one$upper[4], tolerance = 1e-8)
  expect_error(ems_quantity(e, list(~ log(sigma2)), "MLS", 0.95), "generalized", class = "lmm_error_input")
  expect_error(ems_quantity(e, list(~ sigma2 / total), "Satterthwaite", 0.95), class = "lmm_error_input")
})

test_that("a gauge study is divided into repeatability, reproducibility and parts", {
  d <- balanced()
  fit <- lmm(y ~ 1 + (1 | part) + (1 | op) + (1 | part:op), d)
  g <- gauge_rr(fit, "part", tolerance = 12)
  v <- c(VarCorr(fit)$part, VarCorr(fit)$op, VarCorr(fit)$`part:op`, sigma(fit)^2)
  gauge <- sum(v[2:4])
  expect_equal(g$table$variance, c(gauge, v[4], v[2] + v[3], v[2:3], v[1], sum(v)), tolerance = 1e-6)
  expect_equal(g$table$study[1], 100 * sqrt(gauge / sum(v)), tolerance = 1e-6)
  expect_equal(g$table$tolerance[1], 100 * 6 * sqrt(gauge) / 12, tolerance = 1e-6)
  expect_identical(g$ndc[["estimate"]], floor(sqrt(2 * v[1] / gauge)))
  expect_equal(as.data.frame(gauge_rr(ems(fit), "part"))$variance, g$table$variance, tolerance = 1e-5)
  expect_identical(nrow(as.data.frame(g)), 7L)
  expect_output(print(g), "Number of distinct categories: ")
  expect_error(gauge_rr(fit, "parts"), class = "lmm_error_input")
  expect_error(gauge_rr(lmm(y ~ 1 + (1 | part), d), "part"), class = "lmm_error_input")
})
