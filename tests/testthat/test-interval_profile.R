# Likelihood intervals and the profile object.

# -2 log L by dense matrices, minimized from several starts with one of (sd, sd, cor, sigma) or (sd, sigma) held.
dense_profile <- function(model, starts, held, value, reml = FALSE) {
  two <- length(starts[[1]]) == 4
  criterion <- function(p) {
    S <- if (two) matrix(c(p[1]^2, prod(p[1:3]), prod(p[1:3]), p[2]^2), 2) else matrix(p[1]^2)
    oracle_criterion(model, list(S), p[length(p)]^2, reml)
  }
  lower <- if (two) c(0, 0, -1 + 1e-9, 1e-4) else c(0, 1e-4)
  upper <- if (two) c(Inf, Inf, 1 - 1e-9, Inf) else c(Inf, Inf)
  min(vapply(starts, function(start) {
    stats::nlminb(start[-held], function(q) criterion(append(q, value, held - 1)), lower = lower[-held],
                  upper = upper[-held],
                  control = list(rel.tol = 1e-14, eval.max = 2000, iter.max = 2000))$objective
  }, 0))
}

test_that("limits satisfy the likelihood equation of the dense model", {
  data <- behavior_data()
  data <- data[-c(1:5, 20:24), ]
  X <- model.matrix(~x, data)
  z2 <- qchisq(0.95, 1)
  one <- oracle_model(data$y, X, list(X[, 1, drop = FALSE]), list(as.integer(data$g)))
  for (reml in c(FALSE, TRUE)) {
    fit <- lmm(y ~ x + (1 | g), data, REML = reml)
    limits <- confint(fit, "theta_", criterion = if (reml) "REML" else "ML")
    start <- list(c(limits[1, 1], sigma(fit)), c(1, 1))
    for (k in 1:2) for (j in 1:2) {
      rise <- dense_profile(one, start, k, limits[k, j], reml) - deviance(fit)
      expect_equal(rise, z2, tolerance = 1e-6, label = paste("rise at limit", k, j))
    }
  }
  two <- oracle_model(data$y, X, list(X), list(as.integer(data$g)))
  fit <- lmm(y ~ x + (x | g), data, REML = FALSE)
  limits <- confint(fit, "theta_")
  starts <- list(c(1, 0.4, -0.3, 0.7), c(0.7, 0.2, 0.3, 0.8), c(1.4, 0.6, -0.8, 0.6))
  for (k in 1:4) for (j in 1:2) {
    expect_equal(dense_profile(two, starts, k, limits[k, j]) - deviance(fit), z2, tolerance = 1e-6,
                 label = paste("rise at limit", k, j))
  }
})

test_that("limits of fixed effects satisfy the likelihood equation", {
  data <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), data))
  limits <- confint(fit, "x")
  full <- suppressMessages(deviance(lmm(y ~ x + (x | g) + (1 | h), data, REML = FALSE)))
  for (value in limits) {
    held <- suppressMessages(lmm(y ~ 1 + (x | g) + (1 | h), transform(data, y = y - value * x), REML = FALSE))
    expect_equal(deviance(held) - full, qchisq(0.95, 1), tolerance = 1e-6)
  }
})

test_that("published profile limits", {
  fit <- example_fit("pulp")
  limits <- confint(fit)
  for (name in rownames(limits)) {
    expect_published(limits[name, 1], "pulp", paste0("profile_lo:", name))
    expect_published(limits[name, 2], "pulp", paste0("profile_hi:", name))
  }
})

test_that("a variance of zero: limit 0, no conditions", {
  data <- behavior_data()
  set.seed(3)
  data$y <- rnorm(96)
  fit <- suppressMessages(lmm(y ~ x + (1 | g), data))
  expect_silent(limits <- confint(fit, method = "profile", quiet = TRUE))
  expect_identical(limits[[".sig01", "2.5 %"]], 0)
  model <- oracle_model(data$y, model.matrix(~x, data), list(matrix(1, 96)), list(as.integer(data$g)))
  rise <- dense_profile(model, list(c(0.3, 1), c(0.01, 0.9)), 1,
                        limits[1, 2]) - suppressMessages(deviance(update(fit, REML = FALSE)))
  expect_equal(rise, qchisq(0.95, 1), tolerance = 1e-6)
})

test_that("a singular fit: intervals are never shorter than the likelihood allows", {
  data <- behavior_data()
  data <- data[data$t <= 2, ]
  fit <- suppressMessages(lmm(y ~ x + (x | g), data, REML = FALSE))
  expect_silent(limits <- confint(fit, "theta_", quiet = TRUE))
  X <- model.matrix(~x, data)
  model <- oracle_model(data$y, X, list(X), list(as.integer(data$g)))
  starts <- list(c(1, 0.3, -0.5, 0.5), c(1, 0.3, -0.99, 0.3), c(1, 1, 0.9, 0.2), c(1.5, 0.8, -0.9, 0.4))
  inner <- list(c(1, 1), c(1, 2), c(2, 2), c(4, 1), c(4, 2))
  for (at in inner) {
    rise <- dense_profile(model, starts, at[1], limits[at[1], at[2]]) - deviance(fit)
    expect_equal(rise, qchisq(0.95, 1), tolerance = 1e-6, label = paste("rise at limit", paste(at, collapse = " ")))
  }
  expect_identical(limits[[2, 1]], 0)
  expect_identical(unname(limits[3, ]), c(-1, 1))
})

test_that("units and origins of the data do not matter", {
  data <- behavior_data()
  limits <- confint(lmm(y ~ x + (x | g), data))
  scaled <- confint(lmm(y2 ~ x2 + (x2 | g), transform(data, y2 = 1e-5 * y, x2 = 1e3 * x)))
  unit <- c(1e-5, 1e-8, 1, 1e-5, 1e-5, 1e-8)
  expect_equal(scaled / unit, limits, tolerance = 1e-7, ignore_attr = TRUE)
  moved <- confint(lmm(y ~ x2 + (x2 | g), transform(data, x2 = x + 100)))
  expect_equal(moved[c(2, 4, 6), ], limits[c(2, 4, 6), ], tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("lme4 has the same limits where its optimizer finds the optimum", {
  skip_if_not_installed("lme4")
  space <- new.env()
  data("sleepstudy", package = "lme4", envir = space)
  limits <- confint(lmm(Reaction ~ Days + (Days | Subject), space$sleepstudy))
  theirs <- suppressWarnings(confint(lme4::lmer(Reaction ~ Days + (Days | Subject), space$sleepstudy), quiet = TRUE))
  if (packageVersion("lme4") < "2.0") theirs <- theirs[c(1, 3, 2, 4:6), ]
  expect_equal(limits, theirs, tolerance = 1e-4, ignore_attr = TRUE)
})

test_that("the profile object holds points of the profile and draws", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  p <- profile(fit)
  expect_s3_class(p, "lmm_profile")
  expect_identical(levels(p$.par), rownames(confint(fit, method = "Wald")))
  ml <- update(fit, REML = FALSE)
  for (name in levels(p$.par)) {
    rows <- as.data.frame(p)[p$.par == name, ]
    expect_true(all(diff(rows$.zeta) >= 0) && all(diff(rows[[name]]) > 0), label = name)
    expect_true(any(rows$.zeta == 0))
  }
  # every point is a set of parameters with the likelihood that zeta says
  data <- behavior_data()
  X <- model.matrix(~x, data)
  model <- oracle_model(data$y, X, list(X), list(as.integer(data$g)))
  for (i in seq(1, nrow(p), by = 7)) {
    at <- as.data.frame(p)[i, ]
    S <- matrix(c(at$.sig01^2, at$.sig01 * at$.sig02 * at$.sig03, at$.sig01 * at$.sig02 * at$.sig03, at$.sig02^2), 2)
    V <- oracle_V(model, list(S), at$.sigma^2)
    r <- data$y - X %*% c(at$`(Intercept)`, at$x)
    if (at$.par == ".sig03" && abs(at$.sig03) > 0.7) next           # flat: the variance of x has gone to zero
    value <- as.numeric(determinant(V)$modulus + t(r) %*% solve(V, r) + 96 * log(2 * pi))
    expect_equal(value - deviance(ml), at$.zeta^2, tolerance = 1e-5, label = paste("point", i))
  }
  expect_equal(confint(p), confint(fit), tolerance = 1e-8)
  expect_equal(confint(p, "x", level = 0.9), confint(fit, "x", level = 0.9), tolerance = 1e-8)
  expect_identical(class(p[1:3, ]), "data.frame")
  # fixed effects are profiled by maximum likelihood, whatever the criterion
  restricted <- profile(fit, "x", criterion = "REML")
  expect_equal(restricted[c(".zeta", "x")], p[p$.par == "x", c(".zeta", "x")], tolerance = 1e-6, ignore_attr = TRUE)
  shown <- capture.output(print(p))
  expect_identical(shown[1], paste0("Profile of the likelihood (ML), ", nrow(p), " points"))
  row <- scan(text = sub("^x", "", shown[grep("^x ", shown)]), quiet = TRUE)
  expect_equal(row, c(fixef(ml)[["x"]], confint(fit, "x")), tolerance = 1e-5)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (type in c("zeta", "density", "pairs")) expect_silent(plot(p, type = type))
  expect_silent(pairs(p))
  expect_identical(plot(p, which = "x"), plot(p)["x"])
  expect_identical(names(plot(p, "density", which = c(1, 3))), levels(p$.par)[c(1, 3)])
  expect_silent(pairs(p, which = 1:2))
  for (wrong in list("nosuch", 99, character(), TRUE)) expect_error(plot(p, which = wrong), "which",
                                                                    class = "lmm_error_input")
})

test_that("the implied densities are smooth, and have the mass that the profile covers", {
  p <- profile(lmm(bw ~ 1 + (1 | sire), sires), criterion = "REML", which = "theta_")
  for (name in levels(p$.par)) {
    curve <- profile_curve(p, name)
    points <- density_points(curve, 801L)
    expect_identical(sum(diff(sign(diff(points$density))) != 0), 1L, label = paste("turns of the density of", name))
    mass <- sum((points$density[-1] + points$density[-801]) / 2) * diff(points$value[1:2])
    expect_equal(mass, diff(pnorm(range(curve$rows$zeta))), tolerance = 1e-3)
    expect_equal(curve$forward(curve$rows$value), curve$rows$zeta)
    expect_equal(curve$back(curve$rows$zeta), curve$rows$value)
  }
  # steps that a cubic spline overshoots are followed without going down
  f <- rising_spline(c(0, 1, 2, 3), c(0, 0.001, 1, 1.001))
  expect_true(all(diff(f(seq(0, 3, 0.01))) >= 0))
})

test_that("contours that leave the profiles are interrupted, not closed by a line", {
  p <- profile(lmm(bw ~ 1 + (1 | sire), sires))
  curves <- plot_data_profile(p, "pairs")
  contours <- pair_data(p, curves, ".sig01", ".sigma", 0.99, zeta = FALSE)$contours
  expect_true(anyNA(contours[[1]]$x))
  steps <- abs(diff(contours[[1]]$x)) / diff(range(contours[[1]]$x, na.rm = TRUE))
  expect_lt(max(steps, na.rm = TRUE), 0.15)
})

# Rise of -2 log L at a held correlation of the columns of (x | g), maximized over the rest by the dense formulas.
rise_at_correlation <- function(model, r, lowest) {
  f <- function(p) {
    s <- exp(p[1:2])
    oracle_criterion(model, list(matrix(c(s[1]^2, r * prod(s), r * prod(s), s[2]^2), 2)), exp(2 * p[3]), reml = FALSE)
  }
  starts <- list(c(-2, -1, 0), c(-1, -3, 0), c(-4, -1, 0), c(-3, -3, 0))
  min(vapply(starts, function(start) stats::nlminb(start, f, lower = c(-9, -9, -3),
                                                   control = list(rel.tol = 1e-13))$objective, 0)) - lowest
}

test_that("a correlation estimated as -1 has a profile of its own", {
  d <- behavior_data()
  set.seed(26)
  d$y <- rnorm(96)
  fit <- suppressMessages(lmm(y ~ x + (x | g), d, REML = FALSE))
  expect_equal(as.data.frame(VarCorr(fit))$sdcor[3], -1)
  X <- model.matrix(~x, d)
  model <- oracle_model(d$y, X, list(X), list(as.integer(d$g)))
  for (level in c(0.5, 0.8)) {
    limit <- confint(fit, ".sig03", level = level)
    expect_identical(limit[[1]], -1)
    expect_lt(limit[[2]], 1)
    expect_equal(rise_at_correlation(model, limit[[2]], deviance(fit)), qchisq(level, 1), tolerance = 1e-5)
  }
  # where one of the variances is zero any correlation will do: the rise to that model is a ceiling
  p <- profile(fit, ".sig03")
  without <- suppressMessages(lmm(y ~ x + (0 + x | g), d, REML = FALSE))
  expect_equal(max(p$.zeta)^2, deviance(without) - deviance(fit), tolerance = 1e-5)
  expect_identical(confint(fit, ".sig03")[1, ], c(`2.5 %` = -1, `97.5 %` = 1))
  expect_true(all(diff(p$.sig03) > 0))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (type in c("zeta", "density", "pairs")) expect_silent(plot(profile(fit), type = type))
})

test_that("the ceiling of a correlation is known also where the way to it is steep", {
  d <- behavior_data()
  set.seed(2)
  d$y <- rnorm(96)
  fit <- suppressMessages(lmm(y ~ x + (x | g), d, REML = FALSE))
  base <- profile_base(fit, 3L)
  without <- suppressMessages(lmm(y ~ x + (0 + x | g), d, REML = FALSE))
  expect_equal(base$ceiling[3] - base$value, deviance(without) - deviance(fit), tolerance = 1e-5)
})

test_that("the residual standard deviation is followed where the estimate is at the boundary", {
  d <- behavior_data(12, 8, 1)[c(1, 1, 2, 3, 9, 10, 17, 18, 19), ]
  m <- lmm(y ~ x + (1 | g), d, REML = FALSE) |> suppressMessages()
  oracle <- oracle_model(d$y, model.matrix(~ x, d), list(matrix(1, 9, 1)), list(as.integer(factor(d$g))))
  lowest <- function(sigma) optimize(function(sd) oracle_criterion(oracle, list(sd^2), sigma^2, FALSE), c(0, 5),
                                     tol = 1e-9)$objective
  limits <- confint(m, ".sigma")
  for (limit in limits) expect_equal(lowest(limit) - lowest(sigma(m)), qchisq(0.95, 1), tolerance = 1e-6)
  rows <- as.data.frame(profile(m, which = ".sigma"))
  expect_false(is.unsorted(rows$.zeta, strictly = TRUE))
})

test_that("every parameter of a model with thousands of levels has limits", {
  set.seed(8)
  d <- data.frame(g = sample(700, 2500, TRUE), h = sample(500, 2500, TRUE), x = rnorm(2500))
  d$y <- d$x + rnorm(700)[d$g] + 0.5 * rnorm(500)[d$h] + rnorm(2500)
  formula <- y ~ x + (1 | g) + (1 | h)
  fit <- lmm(formula, d, REML = FALSE)
  limits <- confint(fit)
  names <- c("g", "h", "sigma")
  for (k in 1:3) for (j in 1:2) {
    held <- lmm(formula, d, REML = FALSE, fixed = stats::setNames(limits[k, j], names[k]))
    expect_equal(deviance(held) - deviance(fit), qchisq(0.95, 1), tolerance = 1e-6,
                 label = paste("rise at limit", k, j))
  }
  for (j in 1:2) {
    held <- lmm(y ~ 1 + (1 | g) + (1 | h), d, offset = limits["x", j] * x, REML = FALSE)
    expect_equal(deviance(held) - deviance(fit), qchisq(0.95, 1), tolerance = 1e-6)
  }
})
