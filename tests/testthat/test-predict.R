d <- behavior_data()
m <- lmm(y ~ x + (1 | g), d)
slope <- lmm(y ~ x + (x | g), d)

test_that("predictions of the rows of the fit are its fitted values, also as new data", {
  expect_identical(predict(m), fitted(m))
  expect_equal(predict(slope, d), fitted(slope))
  expect_equal(predict(slope, d[96:1, ]), rev(fitted(slope)))
  big <- behavior_data(150, 4)
  fit <- lmm(y ~ x + (1 | g), big)
  expect_equal(unname(predict(fit, big[600:1, ])), rev(unname(fitted(fit))))
})

test_that("published predictions are reached", {
  pulp_fit <- example_fit("pulp")
  p <- predict(pulp_fit, data.frame(operator = c("a", "b", "c", "d")))
  expect_printed(p[[1]], "60.27806", 5, "operator a")
  expect_printed(p[[4]], "60.61340", 5, "operator d")
  expect_identical(names(p), as.character(1:4))
})

test_that("new levels are refused or predicted as the population", {
  new <- data.frame(x = 1, g = "new")
  expect_error(predict(m, new), "\"new\" of `g` was not in the fit", class = "lmm_error_newdata")
  expect_equal(predict(m, new, allow.new.levels = TRUE), predict(m, new, re.form = NA))
  expect_equal(unname(predict(m, data.frame(x = 1), re.form = NA)), 2.277442, tolerance = 1e-6)
  expect_equal(unname(predict(m, data.frame(x = 1), re.form = ~0)), 2.277442, tolerance = 1e-6)
})

test_that("missing and infinite values give NA or infinity in their place", {
  expect_equal(unname(predict(m, data.frame(x = c(1, NA), g = c("g01", "g02")))), c(1.35688, NA), tolerance = 1e-5)
  expect_length(predict(m, transform(d, x = Inf)), 96)
  expect_true(all(is.na(predict(m, transform(d, x = Inf), se.fit = TRUE)$se.fit)))
  missing <- suppressMessages(lmm(y ~ x + (1 | g), transform(d, y = replace(y, 1:3, NA))))
  expect_true(all(is.finite(predict(missing, behavior_data()))))
})

test_that("re.form chooses terms and columns", {
  crossed <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), transform(d, y = y + as.integer(h) / 2)))
  fixed <- predict(crossed, re.form = NA)
  b <- ranef(crossed)
  expect_equal(predict(crossed, re.form = ~ (1 | h)), fixed + b$h[as.character(d$h), 1], ignore_attr = TRUE)
  expect_equal(predict(crossed, d[1:4, c("x", "h")], re.form = ~ (1 | h)), predict(crossed, re.form = ~ (1 | h))[1:4])
  expect_equal(predict(crossed, re.form = ~ (1 | h) + (1 | g)), fitted(crossed))
  expect_error(predict(crossed, d[1:2, ], re.form = ~ (1 | f)), "(1 | f) is not in the model", fixed = TRUE,
               class = "lmm_error_newdata")
  expect_error(predict(crossed, re.form = ~ (1 | f)), "is not in the model", class = "lmm_error_newdata")
  expect_error(predict(crossed, re.form = "g"), class = "lmm_error_input")
  s <- ranef(slope)$g
  fixed <- predict(slope, re.form = NA)
  expect_equal(predict(slope, re.form = ~ (1 | g)), fixed + s[as.character(d$g), 1], ignore_attr = TRUE)
  expect_equal(predict(slope, re.form = ~ (0 + x | g)), fixed + d$x * s[as.character(d$g), 2], ignore_attr = TRUE)
  expect_error(predict(slope, re.form = ~ (f | g)), class = "lmm_error_newdata")
  nested <- suppressMessages(lmm(y ~ x + (1 | g / k), transform(d, k = rep(1:4, 24))))
  expect_equal(predict(nested, re.form = ~ (1 | g:k) + (1 | g)), fitted(nested))
  expect_equal(predict(nested, re.form = ~ (1 | k:g) + (1 | g)), fitted(nested))
})

test_that("standard errors are those of the dense formulas", {
  for (seed in 1:42) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    truth <- oracle_solution(oracle, fit_covariance(fit)[term_positions(case, fit)], sigma(fit)^2)
    Z <- oracle_Z(oracle)
    X <- oracle$X[, oracle$independent, drop = FALSE]
    variance <- rowSums((Z %*% truth$prediction_error) * Z)
    if (oracle$p > 0) {
      variance <- variance + rowSums((X %*% truth$vcov) * X) + 2 * rowSums((Z %*% truth$prediction_cross) * X)
    }
    se <- unname(predict(fit, se.fit = TRUE)$se.fit)[oracle$keep]
    expect_equal(se^2, variance, tolerance = 1e-8, label = paste(seed, case$kind))
    if (oracle$p == 0) next
    fixed <- unname(predict(fit, re.form = NA, se.fit = TRUE)$se.fit)[oracle$keep]
    expect_equal(fixed^2, rowSums((X %*% truth$vcov) * X), tolerance = 1e-8, label = paste(seed, case$kind, "fixed"))
  }
})

test_that("a new level brings the variance of its random effects", {
  new <- data.frame(x = c(1, -2), g = c("new", "newer"))
  known <- predict(slope, new, re.form = NA, se.fit = TRUE)$se.fit
  both <- predict(slope, new, allow.new.levels = TRUE, se.fit = TRUE)$se.fit
  z <- cbind(1, new$x)
  expect_equal(unname(both^2 - known^2), rowSums((z %*% VarCorr(slope)$g) * z), tolerance = 1e-10)
  one_known <- predict(slope, data.frame(x = 1, g = c("g01", "new")), allow.new.levels = TRUE, se.fit = TRUE)
  expect_lt(one_known$se.fit[[1]], one_known$se.fit[[2]])
})

test_that("intervals count what they should", {
  p <- predict(slope, se.fit = TRUE)
  predict <- function(...) stats::predict(..., ddf = "asymptotic")
  conf <- predict(slope, interval = "confidence", level = 0.9)
  expect_identical(colnames(conf), c("fit", "lwr", "upr"))
  expect_equal(conf[, "upr"] - conf[, "fit"], qnorm(0.95) * p$se.fit)
  pred <- predict(slope, interval = "prediction")
  expect_equal(pred[, "upr"] - pred[, "fit"], qnorm(0.975) * sqrt(p$se.fit^2 + sigma(slope)^2))
  heavy <- predict(slope, interval = "prediction", weights = 4)
  expect_equal(heavy[, "upr"] - heavy[, "fit"], qnorm(0.975) * sqrt(p$se.fit^2 + sigma(slope)^2 / 4))
  # conditioning on nothing leaves the whole variance of a new observation
  x <- data.frame(x = c(0, 1))
  pop <- predict(slope, x, re.form = NA, interval = "prediction")
  z <- cbind(1, x$x)
  whole <- rowSums((z %*% VarCorr(slope)$g) * z) + sigma(slope)^2 + predict(slope, x, re.form = NA,
                                                                            se.fit = TRUE)$se.fit^2
  expect_equal(unname(pop[, "upr"] - pop[, "fit"]), unname(qnorm(0.975) * sqrt(whole)))
  fresh <- predict(slope, cbind(x, g = "new"), allow.new.levels = TRUE, interval = "prediction")
  expect_equal(fresh, pop)
  expect_error(predict(slope, interval = "prediction", weights = -1), class = "lmm_error_input")
  expect_error(predict(slope, interval = "prediction", level = 2), class = "lmm_error_input")
  expect_error(predict(slope, nosuch = 1), "nosuch", class = "lmm_error_input")
})

test_that("an offset is part of the prediction", {
  shifted <- transform(d, o = t / 2, z = y + t / 2)
  by_argument <- lmm(z ~ x + (1 | g), shifted, offset = o)
  by_term <- lmm(z ~ x + offset(o) + (1 | g), shifted)
  for (fit in list(by_argument, by_term)) {
    expect_equal(predict(fit), predict(m) + d$t / 2, tolerance = 1e-9)
    expect_equal(predict(fit, shifted[5:9, ]), (predict(m) + d$t / 2)[5:9], tolerance = 1e-9)
  }
})

test_that("rows are predicted in pieces with the same result", {
  small <- predict(slope, se.fit = TRUE, interval = "prediction")
  pieces <- with_chunk_rows(7L, predict(slope, se.fit = TRUE, interval = "prediction"))
  expect_equal(pieces, small)
  # the last digits are those of the BLAS, which may sum pieces in another order
  expect_equal(with_chunk_rows(7L, residuals(slope)), residuals(slope), tolerance = 1e-13)
})

test_that("a fit that is exact has predictions without uncertainty", {
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), transform(d, y = 2 + 3 * x)))
  expect_equal(unname(predict(exact, data.frame(x = 1, g = "g01"))), 5)
  expect_true(is.na(predict(exact, se.fit = TRUE)$se.fit[[1]]))
})

test_that("a row outside the space of a rank-deficient fit has no prediction", {
  twice <- transform(d, x2 = 2 * x + 1)
  fit <- suppressMessages(lmm(y ~ x + x2 + (1 | g), twice))
  expect_no_warning(inside <- predict(fit, twice[1:3, ]))
  expect_equal(inside, predict(m)[1:3])
  twice$x2[2] <- 0
  expect_warning(p <- predict(fit, twice[1:3, ], se.fit = TRUE), "row 2 of `newdata`", class = "lmm_warning_newdata")
  expect_identical(unname(is.na(p$fit)), c(FALSE, TRUE, FALSE))
  expect_identical(unname(is.na(p$se.fit)), c(FALSE, TRUE, FALSE))
})

test_that("the type of a prediction makes no difference, but must be one", {
  fit <- example_fit("penicillin")
  expect_identical(predict(fit, type = "link"), predict(fit))
  expect_error(predict(fit, type = "terms"), class = "lmm_error_input")
})

test_that("na.exclude gives a value for each row of the data, whatever the fit did", {
  d <- as.data.frame(nlme::Orthodont)
  d$distance[c(3, 50)] <- NA
  omit <- suppressMessages(lmm(distance ~ age + (1 | Subject), d))
  exclude <- suppressMessages(lmm(distance ~ age + (1 | Subject), d, na.action = na.exclude))
  expect_length(predict(omit), 106L)
  expect_identical(predict(omit, na.action = na.exclude), predict(exclude))
  expect_identical(unname(which(is.na(predict(omit, na.action = na.exclude)))), c(3L, 50L))
  limits <- predict(omit, na.action = "na.exclude", interval = "confidence", se.fit = TRUE)
  expect_identical(lapply(limits[1:2], NROW), list(fit = 108L, se.fit = 108L))
})

test_that("a missing group is a new one where these are allowed", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  new <- data.frame(treat = c("A", "B"), blend = NA)
  expect_true(all(is.na(predict(fit, new))))
  expect_equal(predict(fit, new, allow.new.levels = TRUE), predict(fit, new, re.form = NA))
  expect_equal(predict(fit, new, allow.new.levels = TRUE, interval = "prediction"),
               predict(fit, transform(new, blend = "none"), allow.new.levels = TRUE, interval = "prediction"))
  drawn <- simulate(fit, 2, seed = 1, newdata = new, allow.new.levels = TRUE)
  expect_identical(drawn, simulate(fit, 2, seed = 1, newdata = transform(new, blend = "x"), allow.new.levels = TRUE))
})

test_that("constants of the weights and the offset are kept for new data", {
  d <- cells_data()
  make <- function() {
    k <- 3
    lmm(y ~ x + (1 | g), d, weights = k * w, offset = o / k)
  }
  fit <- make()
  expect_equal(predict(fit, d[1:3, ]), predict(fit)[1:3], tolerance = 1e-10, ignore_attr = TRUE)
  other <- lmm(y ~ x + (1 | g), transform(d, w = 3 * w, o = o / 3), weights = w, offset = o)
  expect_equal(expect_silent(predict(fit, d[1:3, ], interval = "prediction")),
               predict(other, transform(d[1:3, ], w = 3 * w, o = o / 3), interval = "prediction"), tolerance = 1e-7)
})
