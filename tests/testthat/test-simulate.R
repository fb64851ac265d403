d <- behavior_data()
slope <- lmm(y ~ x + (x | g), d)

test_that("responses are a data frame with the state of the generator, and the caller's stream goes on", {
  s <- simulate(slope, 3, seed = 42)
  expect_identical(dim(s), c(96L, 3L))
  expect_identical(names(s), paste0("sim_", 1:3))
  expect_identical(as.numeric(attr(s, "seed")), 42)
  expect_identical(simulate(slope, 3, seed = 42), s)
  set.seed(1)
  a <- runif(1)
  set.seed(1)
  simulate(slope, 1, seed = 7)
  expect_identical(runif(1), a)
  set.seed(5)
  free <- simulate(slope, 1)
  assign(".Random.seed", attr(free, "seed"), envir = globalenv())
  expect_identical(simulate(slope, 1), free)
})

test_that("random numbers are drawn in the documented order", {
  s <- simulate(slope, 2, seed = 9)
  set.seed(9)
  u <- matrix(rnorm(24 * 2), 24)
  e <- matrix(rnorm(96 * 2), 96)
  L <- getME(slope, "Lambda")$g
  Z <- as.matrix(model.matrix(slope, "random"))
  b <- kronecker(diag(12), L) %*% u
  expected <- predict(slope, re.form = NA) + sigma(slope) * (Z %*% b + e)
  expect_equal(as.matrix(s), expected, ignore_attr = TRUE, tolerance = 1e-10)
})

test_that("simulated responses are those of package lme4", {
  skip_if_not_installed("lme4")
  peer <- suppressMessages(lme4::lmer(y ~ x + (x | g) + (1 | h), d, control = lme4::lmerControl(optimizer = "bobyqa")))
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), d))
  expect_equal(as.matrix(simulate(fit, 3, seed = 3)), as.matrix(simulate(peer, 3, seed = 3)), tolerance = 1e-3)
  expect_equal(as.matrix(simulate(fit, 3, seed = 3, re.form = NULL)),
               as.matrix(simulate(peer, 3, seed = 3, re.form = NULL)), tolerance = 1e-3)
})

test_that("what is conditioned on stays", {
  kept <- simulate(slope, 400, seed = 1, use.u = TRUE)
  expect_lt(max(abs(rowMeans(kept) - fitted(slope))), 6 * sigma(slope) / 20)
  expect_equal(simulate(slope, 2, seed = 1, re.form = NULL), simulate(slope, 2, seed = 1, use.u = TRUE))
  # the intercepts stay, the slopes are drawn from their own part of Lambda u
  part <- simulate(slope, 2, seed = 1, re.form = ~ (1 | g))
  set.seed(1)
  u <- matrix(rnorm(24 * 2), 24)
  e <- matrix(rnorm(96 * 2), 96)
  slopes <- (kronecker(diag(12), getME(slope, "Lambda")$g) %*% u)[seq(2, 24, 2), ]
  expect_equal(as.matrix(part),
               predict(slope, re.form = ~ (1 | g)) + sigma(slope) * (d$x * slopes[as.integer(d$g), ] + e),
               ignore_attr = TRUE, tolerance = 1e-10)
})

test_that("the covariance matrix of the responses is that of the model", {
  fit <- lmm(y ~ x + (x || g), d[1:48, ])
  s <- as.matrix(simulate(fit, 20000, seed = 2))
  Z <- as.matrix(model.matrix(fit, "random"))
  V <- sigma(fit)^2 * diag(48) + Z %*% (rep(diag(VarCorr(fit)$g), 6) * t(Z))
  error <- (cov(t(s)) - V) / sqrt((outer(diag(V), diag(V)) + V^2) / 20000)
  expect_lt(max(abs(error)), 6)
})

test_that("weights divide the residual variance, and weight zero gives none", {
  d$w <- rep(c(0, 1, 100), 32)
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  s <- as.matrix(simulate(fit, 2000, seed = 3, use.u = TRUE))
  expect_true(all(is.na(s[d$w == 0, ])))
  sds <- apply(s, 1, sd)
  expect_equal(mean(sds[d$w == 1]), sigma(fit), tolerance = 0.02)
  expect_equal(mean(sds[d$w == 100]), sigma(fit) / 10, tolerance = 0.02)
  expect_no_error(refit(fit, s[, 1]))
  expect_identical(dim(refit(fit, s)$beta), c(2L, 2000L))
})

test_that("new rows share the effects of a new level", {
  new <- data.frame(x = 0, g = c("g01", "new", "new", "other"))
  fit <- lmm(y ~ x + (1 | g), d)
  expect_error(simulate(fit, newdata = new), class = "lmm_error_newdata")
  s <- as.matrix(simulate(fit, 4000, seed = 4, newdata = new, allow.new.levels = TRUE))
  C <- cov(t(s))
  expect_equal(C[2, 3], VarCorr(fit)$g[1, 1], tolerance = 0.1)
  expect_lt(abs(C[2, 4]), 0.1)
  expect_equal(diag(C), rep(VarCorr(fit)$g[1, 1] + sigma(fit)^2, 4), tolerance = 0.1, ignore_attr = TRUE)
})

test_that("exact fits and transformed responses can be simulated", {
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), transform(d, y = 2 + 3 * x + as.integer(g))))
  drawn <- as.matrix(simulate(exact, 200, seed = 1)) - 3 * d$x
  expect_lt(max(abs(drawn - apply(drawn, 2, ave, d$g))), 1e-6)      # no residual: new effects of the groups alone
  expect_equal(mean(apply(drawn[match(levels(d$g), d$g), ], 2, var)), VarCorr(exact)$g[1], tolerance = 0.15)
  squared <- lmm(I(y^2) ~ x + (1 | g), d)
  expect_lt(abs(mean(as.matrix(simulate(squared, 200, seed = 1))) - mean(d$y^2)), 1)
  expect_error(simulate(slope, 0), class = "lmm_error_input")
})

test_that("new data have the draws of lme4: of the levels that they have, new ones last", {
  skip_if_not_installed("lme4")
  d <- behavior_data()
  d$h <- factor(paste0("h", (as.integer(d$g) + d$t) %% 3))
  same <- function(formula, newdata, new = FALSE) {
    fit <- suppressMessages(lmm(formula, d))
    ours <- simulate(fit, 2, seed = 5, newdata = newdata, allow.new.levels = new)
    theirs <- simulate(as_lmer(fit), 2, seed = 5, newdata = newdata, allow.new.levels = new)
    expect_equal(unname(as.matrix(ours)), unname(as.matrix(theirs)), tolerance = 1e-8)
  }
  few <- d[d$g %in% levels(d$g)[c(2, 5, 6, 7)], ][c(20:3, 30:25), ]
  for (formula in list(y ~ x + (1 | g), y ~ x + (x | g), y ~ x + (x || g), y ~ x + (1 | g) + (1 | h),
                       y ~ x + (1 | h / g))) {
    same(formula, few)
    same(formula, d)
    other <- transform(few, g = as.character(g), h = as.character(h))
    other$g[c(2, 9)] <- c("zz", "0")
    other$h[4] <- "h11"
    same(formula, other, TRUE)
  }
})
