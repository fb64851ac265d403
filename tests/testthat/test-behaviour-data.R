# Bad and hard data: units, offsets, collinearity, exact fits, values that are no numbers.

d <- mk()
with_d <- function(...) transform(d, ...)
intercepts <- y ~ x + (1 | g)
slopes <- y ~ x + (x | g)

test_that("reference fits", {
  is_reference_0(accepts(lmm(intercepts, d)))
  is_reference_1(accepts(lmm(slopes, d)))
  has_numbers(accepts(lmm(intercepts, d, REML = FALSE)), -129.9030369, c(1.82170885, 0.455595783),
              c(0.28829931, 0.095063521), 0.79983574, 0.956545)
  has_numbers(accepts(lmm(intercepts, d[-(1:5), ])), -126.5771604, c(1.83768567, 0.442820758), c(0.3001151, 0.10014166),
              0.8202333, 0.9917497)
})

test_that("origin and unit of the response", {
  m <- accepts(lmm(intercepts, with_d(y = y + 1e9)))
  expect_lt(abs(fixef(m)[[1L]] - (1e9 + 1.82168445)), 1e-6)
  has_numbers(m, -131.6387323, se = c(0.30116218, 0.095650484), sigma = 0.80461474, sd = 1.0024846)
  expect_equal(fixef(m)[[2L]], 0.455758029, tolerance = 1e-6)
  plain <- lmm(intercepts, d)
  for (unit in c(1e-140, 1e-9, 1e6, 1e150)) {
    m <- accepts(lmm(intercepts, transform(d, y = y * unit)))
    has_numbers(m, beta = unname(fixef(plain)) * unit, sigma = sigma(plain) * unit, tol = 1e-8)
    expect_equal(getME(m, "theta"), getME(plain, "theta"), tolerance = 1e-8)
    expect_equal(coef(summary(m))[, -(1:2)], coef(summary(plain))[, -(1:2)], tolerance = 1e-7)
  }
  refuses(lmm(intercepts, with_d(y = y * 1e160)), "data",
          "variance of `y` overflows double precision \\(max abs value 4.68e\\+160\\); divide `y` by a constant")
  refuses(lmm(intercepts, with_d(y = y * 1e-160)), "data", "variance of `y` underflows .* multiply `y`")
})

test_that("origin and unit of a covariate", {
  has_numbers(accepts(lmm(slopes, with_d(x = x * 1e6))), -141.1208464, sd = c(1.0010244, 3.940435e-7), cor = -0.274035)
  has_numbers(accepts(lmm(slopes, with_d(x = x * 1e-9))), sigma = 0.7194356, sd = c(1.0010244, 3.940435e8),
              cor = -0.274035)
  m <- accepts(lmm(slopes, with_d(x = x + 100)))
  has_numbers(m, -127.3053359, sigma = 0.7194356, sd = c(39.690343, 0.3940435), cor = -0.999706)
  expect_equal(coef(summary(m))[2L, c("Estimate", "Std. Error")], c(0.456124931, 0.14541112), tolerance = 1e-7,
               ignore_attr = TRUE)
  for (origin in c(1e6, 1e8)) {
    m <- accepts(lmm(slopes, transform(d, x = x + origin)))
    has_numbers(m, -127.3053359, sigma = 0.7194356, tol = 1e-5)
    expect_equal(coef(summary(m))[2L, 1:2], c(0.456124931, 0.14541112), tolerance = 1e-5, ignore_attr = TRUE)
    expect_equal(VarCorr(m)$g[2L, 2L], 0.3940435^2, tolerance = 1e-5)
  }
  m <- accepts(lmm(intercepts, with_d(x = x + 1e8)))
  expect_equal(fixef(m)[["x"]], 0.455758029, tolerance = 1e-6)
  refuses(lmm(intercepts, with_d(x = x * 1e160)), "data", "`x` overflows .*divide `x`")
})

test_that("collinear and constant columns", {
  set.seed(99)
  near <- with_d(x2 = x + 1e-5 * rnorm(96))
  m <- accepts(lmm(y ~ x + x2 + (1 | g), near), messages = "precision", text = "`x` and `x2`")
  has_numbers(m, -121.4831523)
  expect_equal(unname(fixef(m)[-1L]), c(1212.334, -1211.877), tolerance = 1e-5)
  m <- accepts(lmm(y ~ x + x2 + (1 | g), with_d(x2 = x)), messages = "rank", text = "`x2` = `x`")
  expect_identical(fixef(m)[["x2"]], NA_real_)
  same(m, lmm(intercepts, d))
  expect_equal(fixef(m)[["x"]], 0.455758029, tolerance = 1e-8)
  m <- accepts(lmm(y ~ x + z + (1 | g), with_d(z = 1)), messages = "rank",
               text = "`z` is constant and duplicates the intercept")
  same(m, lmm(intercepts, d))
  m <- accepts(lmm(y ~ x + z + (1 | g), with_d(z = 0)), messages = "rank", text = "`z` is zero")
  m <- accepts(lmm(y ~ x + t + z + (1 | g), with_d(z = 2 * x - t + 3)), messages = "rank",
               text = "`z` is a combination of `\\(Intercept\\)`, `x`, `t`")
  same(m, lmm(y ~ x + t + (1 | g), d))
  m <- accepts(lmm(y ~ f + k + (1 | g), with_d(k = f)), messages = "rank", text = "3 columns are dropped")
  same(m, lmm(y ~ f + (1 | g), d))
})

test_that("exact fits, constant responses, extreme ratios", {
  set.seed(1)
  wide <- with_d(y = 1e6 * rnorm(12)[g] + 1e-3 * rnorm(96) + x)
  m <- accepts(lmm(intercepts, wide))
  has_numbers(m, 278.5108988, sigma = 9.52304731e-4, sd = 810727.570)
  expect_equal(coef(summary(m))[2L, 1:2], c(0.999985592, 1.13494547e-4), tolerance = 1e-6, ignore_attr = TRUE)
  m <- accepts(lmm(intercepts, with_d(y = 2 + 3 * x)), warnings = "precision",
               text = paste("residual variance is zero to working precision: `y` is an exact linear function of the",
                            "fixed effects"))
  expect_equal(unname(fixef(m)), c(2, 3), tolerance = 1e-14)
  expect_true(all(is.na(vcov(m))) && is.na(logLik(m)) && all(is.na(coef(summary(m))[, -1L])))
  set.seed(11)
  m <- accepts(lmm(intercepts, with_d(y = 2 + 3 * x + rnorm(12)[g])), warnings = "precision", text = "random effects")
  has_numbers(m, sd = 0.940068)
  expect_equal(fixef(m)[["x"]], 3, tolerance = 1e-10)
  expect_silent(capture.output(print(m), print(summary(m)), predict(m, d[1:2, ]), residuals(m), ranef(m)))
  refuses(lmm(intercepts, with_d(y = 0)), "data", "response `y` is constant \\(0\\)")
  refuses(lmm(intercepts, with_d(y = 5)), "data", "response `y` is constant \\(5\\)")
  has_numbers(accepts(lmm(intercepts, with_d(y = c(1, rep(0, 95))))), 76.587266)
})

test_that("infinite and missing values", {
  spoil <- function(name, rows, value) {
    d[[name]][rows] <- value
    d
  }
  refuses(lmm(intercepts, spoil("y", 3, Inf)), "data", "response `y` has 1 infinite value \\(row 3\\)")
  e <- refuses(lmm(intercepts, spoil("x", 4:5, -Inf)), "data", "`x` has 2 infinite values \\(rows 4-5\\)")
  expect_identical(as.integer(e$where), 4:5)
  expect_identical(e$what, "x")
  refuses(lmm(intercepts, with_d(y = NA_real_)), "data", "no complete rows: all 96 values of `y` are missing")
  refuses(lmm(intercepts, with_d(x = NA)), "data", "all 96 values of `x` are missing")
  m <- accepts(lmm(intercepts, spoil("y", 2, NaN)), messages = "na", text = "1 row dropped: missing `y`")
  expect_equal(nobs(m), 95)
  accepts(lmm(intercepts, spoil("t", 1:96, Inf)))
  half <- d
  half$x[1:48] <- NA
  half$y[49:96] <- NA
  refuses(lmm(intercepts, half), "data", c("no complete rows", "`y` \\(48\\)", "`x` \\(48\\)"))
})

test_that("responses that are no numeric vectors", {
  put <- function(value) {
    d$y <- value
    d
  }
  refuses(lmm(intercepts, put(complex(real = d$y, imaginary = 1))), "data",
          "response `y` is complex; a numeric vector is needed")
  m <- accepts(lmm(intercepts, put(d$y > 2)), warnings = "data",
               text = "logical response `y` treated as 0/1; a Gaussian model may not be intended")
  dense <- oracle_model(as.numeric(d$y > 2), model.matrix(~x, d), list(matrix(1, 96, 1)), list(as.integer(d$g)))
  has_numbers(m, -oracle_fit(dense)$criterion / 2)
  refuses(lmm(intercepts, put(as.Date("2020-01-01") + 1:96)), "data", "response `y` is a Date; use as.numeric\\(y\\)")
  refuses(lmm(intercepts, put(as.POSIXct("2020-01-01", tz = "UTC") + 1:96)), "data", "`y` is a POSIXct")
  refuses(lmm(intercepts, put(as.list(d$y))), "data", "`y` is a list column")
  refuses(lmm(intercepts, put(d$f)), "data", "response `y` is a factor")
  refuses(lmm(intercepts, put(as.character(d$y))), "data", "response `y` is character")
  expect_s3_class(lmm(y ~ t + (1 | g), put(cbind(d$y, d$x))), "lmm_responses")
  same(accepts(lmm(y ~ t + (1 | g), put(matrix(d$y, ncol = 1)))), lmm(y ~ t + (1 | g), d))
  is_reference_0(accepts(lmm(intercepts, put(ts(d$y)))))
})

test_that("tiny values, outliers, few rows", {
  refuses(lmm(intercepts, with_d(x = x * 1e-310)), "data", c("`x`", "denormal"))
  has_numbers(accepts(lmm(intercepts, transform(d, x = replace(x, 3, 1e10)))), -161.91078)
  refuses(lmm(y ~ 1 + (1 | g), d[1, ]), "unidentified", "1 observation")
  refuses(lmm(y ~ 1 + (1 | g), d[0, ]), "data", "0 rows")
  m <- accepts(lmm(y ~ 1 + (1 | g), data.frame(y = c(1, 2, 3), g = c("a", "a", "b"))))
  has_numbers(m, -3.2433422, sigma = 0.7071068, sd = 0.8660254, tol = 1e-7)
  set.seed(1)
  many <- cbind(d, setNames(as.data.frame(matrix(rnorm(96 * 97), 96)), paste0("z", 1:97)))
  refuses(lmm(reformulate(c(paste0("z", 1:97), "(1 | g)"), "y"), many), "unidentified",
          "98 fixed-effect columns, 96 rows")
})

test_that("certified one-way layouts", {
  stored <- nist_data("SmLs07")
  m <- accepts(lmm(y ~ 1 + (1 | treatment), stored))
  certified <- nist_certified("SmLs07")
  expect_gt(log_relative_error(sigma(m)^2, certified[["within"]]), 4.2)
  expect_gt(log_relative_error(VarCorr(m)$treatment[1L], certified[["between"]]), 3.9)
  m <- accepts(lmm(y ~ 1 + (1 | treatment), nist_data("AtmWtAg")))
  expect_equal(sigma(m)^2, 2.28155932973858e-10, tolerance = 1e-10)
  expect_equal(coef(summary(m))[, "df"], 1, tolerance = 1e-6)
})

test_that("a function of all values that a missing one makes missing is named as it is written", {
  d <- behavior_data()
  d$x[c(3, 8)] <- NA
  expect_error(lmm(y ~ I(x - mean(x)) + (1 | g), d), "`I(x - mean(x))`", fixed = TRUE, class = "lmm_error_data")
  d$x <- NA_real_
  expect_error(lmm(y ~ x + (1 | g), d), "all 96 values of `x`", fixed = TRUE, class = "lmm_error_data")
})
