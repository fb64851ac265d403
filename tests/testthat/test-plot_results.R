test_that("one call shows the panel of an analyst, and a layout of the user is used", {
  fit <- example_fit("irrigation_full")
  shown <- on_paper(plot(fit))
  expect_identical(names(shown), c("residuals", "qq", "scale", "ranef"))
  b <- ranef(fit)$field[[1]]
  expect_equal(shown$ranef$y, sort(b / sqrt(mean(b^2))))
  on_paper({
    graphics::par(mfrow = c(1, 2))
    plot(fit)
    expect_identical(graphics::par("mfrow"), c(1L, 2L))
  })
  expect_identical(names(on_paper(plot(fit, which = 2))), "qq")
  expect_error(on_paper(plot(fit, which = 7)), class = "lmm_error_input")
  expect_error(on_paper(plot(lmm(yield ~ treat + (1 | blend), penicillin, control = lmm_control(keep_rows = FALSE)))),
               class = "lmm_error_input")
})

test_that("standardized residuals are computed once for all panels, and not for random effects alone", {
  fit <- example_fit("irrigation_full")
  times <- 0
  r <- function() {
    times <<- times + 1
    standard_residuals(fit)
  }
  shown <- residual_panels(fit, c("residuals", "qq", "scale"), row_labels(fit_stored_rows(fit)), r())
  expect_identical(times, 1)
  expect_equal(shown$scale$y, unname(sqrt(abs(rstandard(fit)))))
  expect_identical(names(residual_panels(fit, "ranef", "", stop())), "ranef")
})

test_that("a legend covers no line, and a limit beyond the margin has an arrow", {
  left <- function(at) on_paper({
    graphics::plot(0:1, 0:1)
    legend_beside(at, c("one", "two"), lty = 1:2)$rect[c("left", "w")]
  })
  width <- left(0)$w
  for (at in list(0.95, c(0.9, 0.5), c(0.99, 0.6))) {
    box <- left(at)
    expect_false(any(at > box$left & at < box$left + box$w))
  }
  expect_equal(left(0)$left, left(0.1)$left)
  fit <- lmm(yield ~ irrigation + variety + (1 | field), irrigation)
  strokes <- function(...) length(grep(" l$", page_of(plot(variance_components(fit), ...))))
  expect_gt(strokes(xlim = c(0, 80)), strokes(xlim = c(0, 500)))
})

test_that("what is not a graphical parameter is refused by all plots", {
  fit <- example_fit("irrigation_full")
  many <- refit(fit, simulate(fit, 3, seed = 1))
  resampled <- bootstrap(fit, nsim = 9, seed = 1)
  plots <- list(
    function(...) plot(fit, ...), function(...) plot(ranef(fit), ...), function(...) qqnorm(fit, ...),
    function(...) plot(variance_components(fit), ...), function(...) plot_effects(fit, "variety", ...),
    function(...) plot_shrinkage(fit, ...), function(...) plot(many, ...), function(...) plot(resampled, ...),
    function(...) hist(resampled, ...), function(...) plot(ems(fit), ...))
  for (k in seq_along(plots)) {
    expect_error(on_paper(plots[[k]](foo = 1)), "unknown argument `foo`", class = "lmm_error_input", label = k)
    expect_no_condition(on_paper(plots[[k]](col.axis = "blue", las = 2, cex.lab = 0.8)))
  }
})

test_that("arguments of the user go before those of the plot", {
  fit <- example_fit("irrigation_full")
  page <- page_of(plot(fit, type = "qq", xlab = "myaxis", main = "mytitle", id = 2, labels = sprintf("r%02d", 1:16)))
  expect_true(any(grepl("(myaxis)", page, fixed = TRUE)) && any(grepl("(mytitle)", page, fixed = TRUE)))
  expect_identical(sum(grepl("\\(r[0-9]{2}\\)", page)), 2L)
  far <- sprintf("(r%02d)", order(-abs(rstandard(fit)))[1:2])
  for (name in far) expect_true(any(grepl(name, page, fixed = TRUE)), label = name)
  for (draw in list(function(...) plot(profile(fit, "theta_"), ...), function(...) plot(ranef(fit), ...),
                    function(...) plot(bootstrap(fit, sigma, nsim = 20, seed = 1), ...),
                    function(...) plot(rlrt(fit), ...), function(...) plot(ems(fit), ...))) {
    expect_true(any(grepl("(myaxis)", page_of(draw(xlab = "myaxis")), fixed = TRUE)))
  }
})

test_that("many points are counted in cells, all of them", {
  set.seed(1)
  x <- rnorm(30000)
  y <- x + rnorm(30000)
  cells <- cell_counts(x, y, c(20L, 10L))
  expect_identical(sum(cells$n), 30000L)
  expect_equal(cells$width, c(diff(range(x)) / 20, diff(range(y)) / 10))
  one <- cell_counts(c(1, 1, 2), c(0, 0, 0), c(2L, 2L))
  expect_identical(one$n, c(2L, 1L))
  expect_lt(length(page_of({
    graphics::plot.new()
    draw_cloud(x, y)
  })), 30000)
})

test_that("formulas of lme4 and nlme make trellis objects", {
  skip_if_not_installed("lattice")
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d)
  p <- plot(fit, resid(.) ~ fitted(.) | g, id = 0.05, xlab = "f")
  expect_s3_class(p, "trellis")
  expect_identical(p$xlab, "f")
  expect_identical(dim(p), 12L)
  expect_equal(sort(unlist(lapply(p$panel.args, `[[`, "y"))), sort(unname(residuals(fit))))
  expect_s3_class(plot(fit, g ~ resid(., "pearson")), "trellis")
  expect_s3_class(plot(fit, y ~ fitted(.), abline = c(0, 1)), "trellis")
  expect_s3_class(plot(fit, ~ resid(.)), "trellis")
  on_paper(print(p))
  expect_error(plot(fit, resid(.) ~ nosuch), class = "lmm_error_input")
  expect_error(plot(fit, resid(.) ~ c(1, 2)), class = "lmm_error_input")
  d$y[1:3] <- NA
  expect_s3_class(plot(suppressMessages(lmm(y ~ x + (1 | g), d, na.action = na.exclude)), resid(.) ~ fitted(.) | g),
                  "trellis")
})

test_that("results of tests, bootstraps and studies are drawn from their numbers", {
  fit <- example_fit("pulp")
  b <- bootstrap(fit, nsim = 30, seed = 1)
  expect_equal(on_paper(plot(b, which = ".sigma")), list(.sigma = b$t[, ".sigma"]))
  expect_error(on_paper(plot(b, which = "nosuch")), class = "lmm_error_input")
  exact <- on_paper(plot(rlrt(fit)))
  expect_equal(mean(exact > rlrt(fit)$statistic), rlrt(fit)$p.value, tolerance = 0.02)
  expect_equal(mean(exact == 0), pf(1, 3, 16), tolerance = 0.01)
  one <- rlrt(lmm(bright ~ 1 + (1 | operator), pulp[-1, ]), nsim = 200, seed = 1)
  expect_identical(on_paper(plot(one)), one$draws)
  expect_equal(on_paper(plot(ems(fit)))$lower, unname(confint(ems(fit))[, 1]))
})

test_that("effects are the estimated means of contest(), averaged over other factors", {
  fit <- example_fit("irrigation_full")
  shown <- on_paper(plot_effects(fit, "irrigation"))
  L <- cbind(1, rbind(0, diag(3)), 0.5, rbind(0, diag(3)) / 2)
  expect_equal(shown[c("estimate", "lower", "upper")], contest(fit, L, joint = FALSE)[c("Estimate", "lower", "upper")],
               ignore_attr = TRUE, tolerance = 1e-8)
  expect_identical(nrow(on_paper(plot_effects(fit, c("irrigation", "variety")))), 8L)
  d <- behavior_data()
  slope <- lmm(y ~ x + I(x^2) + t + (1 | g), d)
  shown <- on_paper(plot_effects(slope, "x", points = 5, rug = TRUE))
  expect_equal(shown$estimate, as.vector(cbind(1, shown$x, shown$x^2, mean(d$t)) %*% fixef(slope)), tolerance = 1e-8)
  expect_error(plot_effects(slope, "g"), class = "lmm_error_input")
})

test_that("effects of times keep class and units, and those of 64-bit integers are effects of numbers", {
  d <- data.frame(x = rep(0:5, 8), g = gl(8, 6))
  set.seed(1)
  d$y <- d$x + rnorm(8)[d$g] + rnorm(48)
  right <- on_paper(plot_effects(lmm(y ~ x + (1 | g), d), "x", points = 6))
  same <- function(t) {
    d$t <- t
    shown <- on_paper(plot_effects(lmm(y ~ t + (1 | g), d), "t", points = 6, rug = TRUE))
    expect_equal(shown[c("estimate", "lower", "upper")], right[c("estimate", "lower", "upper")], tolerance = 1e-7)
    shown$t
  }
  times <- list(as.difftime(as.numeric(d$x), units = "days"), as.Date("2024-01-01") + d$x,
                as.POSIXct("2024-01-01", tz = "UTC") + 3600 * d$x, structure(60 * d$x, units = "secs",
                                                                             class = c("hms", "difftime")))
  for (t in times) expect_equal(same(t), t[1:6])
  wide <- structure(d$x * 2^-1074, class = "integer64")           # bits of a double
  expect_equal(same(wide), 0:5)
  other <- d
  other$t <- wide                                         # transform() needs 'bit64' here
  shown <- on_paper(plot_effects(lmm(y ~ t + (1 | g), other), "t"))
  expect_identical(range(shown$t), c(0, 5))
  d$dt <- times[[1L]] + (d$x > 2)
  fit <- lmm(y ~ x + dt + (1 | g), d)
  expect_equal(on_paper(plot_effects(fit, "x", points = 6))$estimate,
               as.vector(cbind(1, 0:5, mean(as.numeric(d$dt))) %*% fixef(fit)), tolerance = 1e-7)
  expect_identical(levels(factor(on_paper(plot_effects(fit, c("x", "dt")))$dt)), c("0", "3", "6"))
  expect_condition_of(plot_effects(fit, "x", points = 1e9), "lmm_error_input", "between 2 and 100000")
})

test_that("shrinkage compares the model with least squares in each level", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (x | g), d)
  shown <- on_paper(plot_shrinkage(fit))
  own <- coef(lm(y ~ x, d, subset = g == levels(d$g)[3])) - fixef(fit)
  expect_equal(unname(unlist(shown[3, 2:3])), unname(own), tolerance = 1e-8)
  expect_equal(unname(as.matrix(shown[4:5])), unname(as.matrix(ranef(fit)$g)))
  one <- on_paper(plot_shrinkage(example_fit("pulp")))
  expect_equal(one[[2]], as.vector(tapply(pulp$bright, pulp$operator, mean)) - 60.4, tolerance = 1e-8)
  expect_error(plot_shrinkage(fit, "h"), class = "lmm_error_input")
})

test_that("each group is left out in turn", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d)
  found <- group_influence(fit)
  without <- lmm(y ~ x + (1 | g), d[d$g != levels(d$g)[2], ])
  expect_equal(unlist(found[2, names(fixef(fit))]), fixef(without), tolerance = 1e-7)
  expect_equal(found$sigma[2], sigma(without), tolerance = 1e-7)
  change <- fixef(fit) - fixef(without)
  expect_equal(found$cook[2], as.numeric(change %*% solve(vcov(fit), change)) / 2, tolerance = 1e-6)
  on_paper(plot(found))
  expect_error(group_influence(fit, "h"), class = "lmm_error_input")
})

test_that("names beside points do not overlap", {
  on_paper({
    graphics::plot(0:1, 0:1)
    y <- spread_apart(c(0.1, 0.11, 0.9), c(0.9, 0.9, 0.9), 0.05, 0.1)
    expect_equal(sort(y), c(0.85, 0.9, 0.9))
    expect_equal(spread_apart(c(0.1, 0.1), c(0.1, 0.1), 0.05, 0.1), c(0.1, 0.15))
  })
})

test_that("ggplot2 draws the same numbers", {
  skip_if_not_installed("ggplot2")
  fit <- example_fit("irrigation_full")
  p <- ggplot2::autoplot(fit)
  expect_s3_class(p, "ggplot")
  expect_equal(p$data$y[p$data$panel == "Residuals"], unname(residuals(fit, "pearson")))
  design <- expand.grid(x = 0:3, g = factor(1:4))
  power <- power_study(~ x + (1 | g), design, c(`(Intercept)` = 0, x = 1, g = 1, sigma = 1),
                       effects = list(x = c(0, 1)), nsim = 4, seed = 1)
  on_paper({
    for (x in list(fit, ranef(fit), bootstrap(fit, sigma, nsim = 10, seed = 1), rlrt(fit), ems(fit), power,
                   profile(fit, "sigma"), group_influence(fit))) {
      print(ggplot2::autoplot(x))
    }
    plot(power)
  })
})

test_that("contrasts and variance components are drawn with their limits", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  table <- contest(fit, diag(4), joint = FALSE)
  shown <- on_paper(plot(table))
  expect_equal(shown$lower, table$lower)
  components <- variance_components(fit)
  shown <- on_paper(plot(components))
  expect_equal(shown["sigma^2", "upper"], components["sigma^2", "estimate"] * 12 / qchisq(0.025, 12), tolerance = 1e-6)
  expect_error(plot(contest(fit, diag(4))), "joint = FALSE", class = "lmm_error_input")
  expect_error(plot(summary(fit)), "plot_effects", class = "lmm_error_input")
  on_paper(hist(rlrt(fit)))
})

test_that("effects include the offset, and are those of the rows in the fit", {
  d <- cells_data()
  d$h <- factor(replace(d$h, nrow(d), "a"))
  d$o <- d$o + 5
  shown <- function(fit, ...) suppressMessages(on_paper(plot_effects(fit, ...)))
  b <- lmm(y ~ x + h + (1 | g), d, offset = o)
  plain <- lmm(I(y - o) ~ x + h + (1 | g), d)
  for (fit in list(b, lmm(y ~ x + h + offset(o) + (1 | g), d))) {
    for (v in c("x", "h")) {
      own <- shown(plain, v)
      own[c("estimate", "lower", "upper")] <- own[c("estimate", "lower", "upper")] + mean(d$o)
      expect_equal(shown(fit, v), own, tolerance = 1e-6)
    }
  }
  # an offset that depends on the variable shown
  fit <- lmm(y ~ x + offset(2 * x + o) + (1 | g), d)
  own <- shown(fit, "x")
  expect_equal(own$estimate, vapply(own$x, function(x) mean(predict(fit, data.frame(x, o = d$o), re.form = NA)), 0),
               tolerance = 1e-8)
  fit <- lmm(y ~ x + offset(2 * x) + (1 | g), chunks(split(d, rep_len(1:3, nrow(d)))))
  own <- shown(fit, "x")
  expect_equal(own$estimate, unname(predict(fit, own["x"], re.form = NA)), tolerance = 1e-8)
  expect_error(shown(lmm(y ~ x + h + (1 | g), chunks(list(d)), offset = o), "x"), "offset", class = "lmm_error_input")
  # rows and levels that are not in the fit
  d$y[3] <- NA
  part <- suppressMessages(lmm(y ~ x + h + (1 | g), d, subset = h != "a" & x > 45))
  alone <- lmm(y ~ x + h + (1 | g), droplevels(d[!is.na(d$y) & d$h != "a" & d$x > 45, ]))
  for (v in c("x", "h")) expect_equal(shown(part, v), shown(alone, v), tolerance = 1e-6)
  small <- suppressMessages(lmm(y ~ x + h + (1 | g), d, subset = h != "a", control = lmm_control(keep_rows = FALSE)))
  expect_identical(levels(shown(small, "h")$h), c("b", "c", "d", "e"))
})
