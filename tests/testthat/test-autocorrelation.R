# Autocorrelation and semivariogram of residuals.

test_that("autocorrelations and semivariograms are those of nlme, with the subjects of the structure as groups", {
  ovary <- as.data.frame(nlme::Ovary)
  fit <- lmm(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time) + (1 | Mare), ovary, residual = ~ ar1(1 | Mare))
  peer <- nlme::lme(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), ovary, random = ~ 1 | Mare,
                    correlation = nlme::corAR1())
  for (type in c("pearson", "response")) {
    expect_equal(ACF(fit, maxLag = 8, resType = type)$ACF, nlme::ACF(peer, maxLag = 8, resType = type)$ACF,
                 tolerance = 1e-3)
  }
  rats <- as.data.frame(nlme::BodyWeight)
  fit <- lmm(weight ~ Time * Diet + (Time | Rat), rats, residual = ~ exp(Time | Rat))
  peer <- nlme::lme(weight ~ Time * Diet, nlme::BodyWeight, random = ~Time,
                    correlation = nlme::corExp(form = ~Time))
  own <- Variogram(fit)
  theirs <- nlme::Variogram(peer)
  expect_equal(own$variog, theirs$variog, tolerance = 1e-3)
  expect_identical(own$n.pairs, as.vector(theirs$n.pairs))
  curve <- attr(own, "modelVariog")
  range <- variance_components(fit)["range", "estimate"]
  expect_equal(curve$variog, 1 - exp(-curve$dist / range), tolerance = 1e-10)
})

test_that("normalized residuals of a simulated process are uncorrelated within the limits", {
  set.seed(1)
  d <- data.frame(id = factor(rep(1:60, each = 12)), t = rep(1:12, 60))
  d$y <- as.vector(replicate(60, arima.sim(list(ar = 0.7), 12)))
  d <- d[sample(nrow(d)), ]
  fit <- lmm(y ~ 1, d, residual = ~ ar1(t | id))
  raw <- ACF(fit, maxLag = 4)
  white <- ACF(fit, maxLag = 4, resType = "normalized")
  expect_equal(raw$ACF, 0.7^(0:4), tolerance = 0.15)
  expect_true(all(abs(white$ACF[-1]) < acf_limits(white, 0.999)[-1]))
  expect_identical(attr(white, "n.used"), 60L * (12:8))
  v <- Variogram(fit, resType = "response")
  expect_equal(attr(v, "modelVariog")$variog[1:3],
               sigma(fit)^2 * (1 - variance_components(fit)["rho", "estimate"]^(1:3)), tolerance = 1e-10)
})

test_that("structures without one curve have none; several coordinates and nuggets have one", {
  d <- plain_orthodont()
  curve <- function(residual, ...) attr(Variogram(lmm(distance ~ age, d, residual = residual), ...), "modelVariog")
  expect_null(curve(~ us(age | Subject)))
  expect_null(curve(~ ar1h(visit | Subject), resType = "response"))
  expect_equal(curve(~ cs(age | Subject))$dist, 1:3)
  expect_equal(curve(~ toep(visit | Subject), resType = "normalized")$variog, rep(1, 3))
  set.seed(1)
  s <- data.frame(lon = runif(40), lat = runif(40))
  s$y <- drop(t(chol(exp(-as.matrix(dist(s)) / 0.4) + 0.3 * diag(40))) %*% rnorm(40))
  fit <- suppressMessages(lmm(y ~ 1, s, residual = ~ exp(lon + lat, nugget = TRUE)))
  v <- Variogram(fit)
  p <- variance_components(fit)
  curve <- attr(v, "modelVariog")
  expect_equal(curve$variog, 1 - (1 - p["nugget", "estimate"]) * exp(-curve$dist / p["range", "estimate"]),
               tolerance = 1e-10)
  expect_equal(sum(v$n.pairs), choose(40, 2))
  expect_equal(max(Variogram(fit, nint = 5, maxDist = 0.5)$dist) < 0.5, TRUE)
  expect_equal(Variogram(fit, form = ~ lon + lat)$variog, v$variog)
  expect_error(Variogram(fit, maxDist = 0), class = "lmm_error_input")
  expect_error(Variogram(fit, ~ lon), "`distance` must contain", class = "lmm_error_input")
  rows <- sum(v$n.pairs)
  expect_equal(Variogram(fit, rep(1:2, length.out = rows))$dist, 1:2)
  expect_equal(Variogram(fit, rep(1, rows))$n.pairs, rows)
})

test_that("they can be drawn", {
  fit <- lmm(distance ~ age, plain_orthodont(), residual = ~ ar1(visit | Subject))
  on_paper({
    expect_s3_class(plot(ACF(fit), main = "own title"), "ACF")
    expect_s3_class(plot(Variogram(fit)), "Variogram")
    plot(Variogram(lmm(distance ~ age, plain_orthodont(), residual = ~ us(age | Subject))))
  })
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(ACF(fit)), "ggplot")
  expect_s3_class(ggplot2::autoplot(Variogram(fit)), "ggplot")
})

test_that("the first letters of a kind of residuals will do, as in nlme", {
  fit <- lmm(distance ~ age, as.data.frame(nlme::Orthodont), residual = ~ar1(1 | Subject))
  expect_identical(nlme::ACF(fit, resType = "n"), nlme::ACF(fit, resType = "normalized"))
  expect_identical(nlme::Variogram(fit, resType = "r"), nlme::Variogram(fit, resType = "response"))
  expect_error(nlme::ACF(fit, resType = "x"), class = "lmm_error_input")
})
