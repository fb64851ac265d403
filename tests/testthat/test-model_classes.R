# Containers and classes of variables.

d <- behavior_data()

test_that("an array of one dimension and a column of a matrix are vectors in every place", {
  d$w <- rep(1:2, 48)
  fitted_to <- function(data) lmm(y ~ x * f + (x:t | g) + offset(t / 10), data, weights = w, subset = t < 9)
  right <- fitted_to(d)
  for (name in c("y", "x", "t", "w", "g", "f")) {
    as_array <- d
    as_array[[name]] <- array(if (is.factor(d[[name]])) as.character(d[[name]]) else d[[name]], 96, list(NULL))
    fit <- fitted_to(as_array)
    expect_equal(logLik(fit), logLik(right))
    expect_equal(fixef(fit), fixef(right))
    expect_equal(predict(fit, as_array[5:9, ]), predict(right, d[5:9, ]))
    expect_equal(predict(right, as_array[5:9, ]), predict(right, d[5:9, ]))
    expect_equal(simulate(right, seed = 1, newdata = as_array[5:9, ]), simulate(right, seed = 1, newdata = d[5:9, ]))
    if (name %in% c("y", "x", "t", "w")) {
      column <- d
      column[[name]] <- as.matrix(d[[name]])
      fit <- fitted_to(column)
      expect_equal(logLik(fit), logLik(right))
      expect_equal(predict(fit, column[5:9, ]), predict(right, d[5:9, ]))
    }
  }
})

test_that("group means by tapply() interact as vectors do", {
  means <- tapply(d$y, d$g, mean)
  d$m <- means[as.character(d$g)]
  plain <- transform(d, m = as.vector(m))
  for (formula in list(y ~ x * m + (1 | g), y ~ m:x + (1 | g), y ~ poly(m, 2) * x + (1 | g), y ~ x + (x:m | g),
                       y ~ x + (m:x || g))) {
    a <- suppressMessages(lmm(formula, d))
    b <- suppressMessages(lmm(formula, plain))
    expect_equal(logLik(a), logLik(b))
    expect_equal(predict(a, d[1:9, ]), fitted(b)[1:9])
  }
  counts <- table(d$g)[d$g]
  d$n <- counts + d$t
  expect_equal(fixef(lmm(y ~ n + (1 | g), d)), fixef(lmm(y ~ n + (1 | g), transform(d, n = as.vector(n)))))
})

test_that("64-bit integers are grouping variables, whether double precision holds them or not", {
  skip_if_not_installed("bit64")
  number <- as.integer(d$g)
  right <- lmm(y ~ x + (1 | g), transform(d, g = factor(number)))
  small <- big <- d
  small$g <- bit64::as.integer64(number)
  big$g <- bit64::as.integer64("9223372036854775700") + number
  for (data in list(small, big)) {
    fit <- lmm(y ~ x + (1 | g), data)
    expect_equal(logLik(fit), logLik(right))
    expect_identical(rownames(ranef(fit)$g), as.character(sort(unique(data$g))))
    expect_equal(predict(fit, data[5:30, ]), predict(right)[5:30])
    expect_error(predict(fit, transform(data[1:2, ], g = g - 50L)), class = "lmm_error_newdata")
    missing <- data
    missing$g[c(2, 40)] <- NA
    expect_message(fit <- lmm(y ~ x + (1 | g), missing), "2 rows dropped: missing `g`")
    expect_equal(nobs(fit), 94)
  }
  expect_equal(predict(right, small[1:3, ]), predict(right)[1:3])
  nested <- lmm(y ~ x + (1 | g:f), big)
  expect_equal(logLik(nested), logLik(lmm(y ~ x + (1 | g:f), d)))
})

test_that("64-bit integers are numbers where double precision holds them, otherwise refused", {
  skip_if_not_installed("bit64")
  whole <- transform(d, t = as.numeric(t), y = round(y * 10))
  wide <- whole
  for (name in c("y", "t")) wide[[name]] <- bit64::as.integer64(whole[[name]])
  expect_equal(fixef(lmm(y ~ t + I(t^2) + (1 | g), wide)), fixef(lmm(y ~ t + I(t^2) + (1 | g), whole)))
  expect_equal(predict(lmm(y ~ t + (1 | g), whole), wide[1:3, ]), fitted(lmm(y ~ t + (1 | g), wide))[1:3])
  wide$t <- wide$t + bit64::as.integer64("9223372036854770000")
  for (formula in list(y ~ t + (1 | g), y ~ x + (t | g), t ~ x + (1 | g), y ~ x + offset(t) + (1 | g))) {
    expect_condition_of(lmm(formula, wide), "lmm_error_data", "64-bit integers beyond 2\\^53")
  }
})

test_that("the bits of 64-bit integers are read as 'bit64' reads them", {
  skip_if_not_installed("bit64")
  text <- c("9223372036854775807", "-9223372036854775807", "0", "-1", "4294967296", "4294967295", "2147483648",
            "-2147483648",
            "-4294967296", "999999999", "1000000000", "123456789012345678", NA, "-999999999999999999",
            "9007199254740993")
  x <- bit64::as.integer64(text)
  expect_identical(as.character(factor_of_wide(x)), text)
  set.seed(1)
  one <- function() bit64::as.integer64(sample(2^31, 500, TRUE))
  x <- one() * one() * bit64::as.integer64(sample(c(-1, 1), 500, TRUE))
  expect_identical(levels(factor_of_wide(x)), as.character(sort(unique(x))))
  small <- bit64::as.integer64(c(NA, round(runif(500, -2^52, 2^52))))
  expect_identical(number_of_wide(small, piece = 100), as.double(small))
  expect_s3_class(number_of_wide(bit64::as.integer64("9007199254740993")), "factor")
})

test_that("arguments that are 64-bit integers are numbers, in vectors, matrices, lists and data frames", {
  skip_if_not_installed("bit64")
  wide <- bit64::as.integer64
  fit <- lmm(y ~ t + (1 | g), d)
  expect_identical(predictable(fit, wide(c(1, 2))), predictable(fit, c(1, 2)))
  expect_identical(contest(fit, wide(0:1), rhs = wide(3)), contest(fit, c(0, 1), rhs = 3))
  expect_identical(contest(fit, structure(wide(c(0, 1, 1, 2)), dim = c(2, 2))),
                   contest(fit, matrix(c(0, 1, 1, 2), 2)))
  b <- stats::setNames(wide(1), levels(d$g)[1])
  expect_identical(predictable(fit, c(1, 0), list(g = b)),
                   predictable(fit, c(1, 0), list(g = stats::setNames(1, names(b)))))
  expect_identical(dim(simulate(fit, wide(2))), c(96L, 2L))
  y <- round(10 * d$y)
  expect_identical(fixef(refit(fit, wide(y))), fixef(refit(fit, y)))
  expect_identical(fixef(refit(fit, data.frame(a = wide(y), b = d$y))), fixef(refit(fit, data.frame(a = y, b = d$y))))
  expect_identical(vcov(fit, type = "CR0", cluster = wide(as.integer(d$g))), vcov(fit, type = "CR0", cluster = d$g))
  expect_error(contest(fit, c(0, 1), rhs = wide("9007199254740993")), class = "lmm_error_input")
  kept <- augment(fit, data = transform(d, t = wide(t)))
  expect_s3_class(kept$t, "integer64")
})

test_that("data with 64-bit integers are converted for other packages", {
  skip_if_not_installed("bit64")
  skip_if_not_installed("lme4")
  whole <- transform(d, t = as.numeric(t), w = rep(1:2, 48))
  data <- transform(whole, t = bit64::as.integer64(t), w = bit64::as.integer64(w))
  fit <- lmm(y ~ t + (1 | g), data, weights = w)
  right <- lmm(y ~ t + (1 | g), whole, weights = w)
  expect_equal(logLik(as_lmer(fit)), logLik(as_lmer(right)))
  expect_equal(cooks.distance(influence(fit, "g")), cooks.distance(influence(right, "g")))
  skip_if_not_installed("pbkrtest")
  tests <- lapply(list(lmm(y ~ t + (1 | g), data), lmm(y ~ t + (1 | g), whole)), function(m) {
    pbkrtest::KRmodcomp(m, update(m, . ~ . - t))$stats$p.value
  })
  expect_equal(tests[[1L]], tests[[2L]])
})
