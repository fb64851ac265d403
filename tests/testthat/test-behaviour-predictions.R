# Predictions for new data: levels, missing values, types, names.

d <- mk()
m0 <- lmm(y ~ x + (1 | g), d)

test_that("new levels, missing values, missing variables", {
  refuses(predict(m0, data.frame(x = 1, g = "new")), "newdata",
          "level \"new\" of `g` was not in the fit; use allow.new.levels=TRUE for the population value")
  expect_equal(unname(accepts(predict(m0, data.frame(x = 1, g = "new"), allow.new.levels = TRUE))), 2.277442,
               tolerance = 1e-6)
  p <- accepts(predict(m0, data.frame(x = c(1, NA), g = c("g01", "g02"))))
  expect_equal(unname(p), c(1.35688, NA), tolerance = 1e-5)
  expect_equal(unname(predict(m0, data.frame(x = 1:2, g = c("g01", NA)))), c(1.35688, NA), tolerance = 1e-5)
  refuses(predict(m0, data.frame(g = "g01")), "newdata", "`newdata` lacks variable `x`")
  refuses(predict(m0, data.frame(x = 1)), "newdata", "`newdata` lacks variable `g`")
  expect_equal(unname(accepts(predict(m0, data.frame(x = 1), re.form = NA))), 2.277442, tolerance = 1e-6)
  expect_equal(unname(accepts(predict(m0, data.frame(x = 1), re.form = ~0))), 2.277442, tolerance = 1e-6)
  new <- predict(m0, data.frame(x = 1, g = c("g01", "new")), allow.new.levels = TRUE, se.fit = TRUE)
  expect_gt(new$se.fit[[2L]], sqrt(VarCorr(m0)$g[1L]))
})

test_that("types of newdata and of its columns", {
  m <- lmm(y ~ f + (1 | g), d)
  cell <- unname(predict(m)[d$f == "b" & d$g == "g03"][1L])
  for (f in list(factor("b"), factor("b", levels = c("d", "b", "a", "c")), "b")) {
    expect_equal(unname(accepts(predict(m, data.frame(f = f, g = factor("g03"))))), cell)
  }
  refuses(predict(m, data.frame(f = "zzz", g = "g03")), "newdata", "level \"zzz\" of factor `f` was not in the fit")
  refuses(predict(m, data.frame(f = 2, g = "g03")), "newdata", "`f`")
  refuses(predict(m0, list(x = 1, g = "g01")), "newdata", "`newdata` must be a data frame, not a list")
  refuses(predict(m0, as.matrix(d[1:2])), "newdata", "must be a data frame, not a matrix")
  refuses(predict(m0, data.frame(x = "1", g = "g01")), "newdata", "`x` was numeric in the fit, but is character")
  refuses(predict(m0, data.frame(x = factor(1), g = "g01")), "newdata", "`x` was numeric in the fit, but is a factor")
  expect_length(accepts(predict(m0, d[0, ])), 0L)
  helmert <- d
  contrasts(helmert$f) <- contr.helmert(4)
  m <- lmm(y ~ f + (1 | g), helmert)
  expect_equal(predict(m, transform(d[1:3, ], f = as.character(f))), predict(m)[1:3])
  for (kind in c("tibble", "data.table")) {
    if (!requireNamespace(kind, quietly = TRUE)) next
    other <- if (kind == "tibble") tibble::as_tibble(d) else data.table::as.data.table(d)
    expect_equal(unname(accepts(predict(m0, other))), unname(fitted(m0)))
  }
  columns <- d
  columns$z <- cbind(a = d$x, b = d$t)
  m <- lmm(y ~ z + (1 | g), columns)
  expect_equal(predict(m, columns[1:2, ]), predict(m)[1:2])
  columns$z <- columns$z[, 1L]
  refuses(predict(m, columns[1:2, ]), "newdata", "`z` had 2 columns in the fit, but has 1")
})

test_that("re.form, rows left out, many levels", {
  m <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), d))
  refuses(predict(m, d[1:2, ], re.form = ~ (1 | f)), "newdata", "`re.form` term \\(1 \\| f\\) is not in the model")
  expect_length(accepts(predict(m, d[1:2, c("x", "g")], re.form = ~ (1 | g))), 2L)
  refuses(predict(m0, d[1:2, ], re.form = ~ (x | g)), "newdata", "\\(x \\| g\\)")
  refuses(predict(m0, d[1:2, ], re.form = "g"), "input", "`re.form`")
  holes <- lmm(y ~ x + (1 | g), transform(d, y = replace(y, 1:3, NA))) |> suppressMessages()
  p <- accepts(predict(holes, mk()))
  expect_length(p, 96L)
  expect_true(all(is.finite(p)))
  many <- mk(150, 4)
  m <- lmm(y ~ x + (1 | g), many)
  expect_equal(unname(predict(m, many[600:1, ])), rev(unname(fitted(m))))
  expect_equal(unname(predict(m, transform(many, g = as.character(g))[7:3, ])), unname(fitted(m)[7:3]))
})

test_that("infinite covariates", {
  p <- accepts(predict(m0, transform(d, x = Inf)))
  expect_true(all(p == Inf))
  p <- accepts(predict(lmm(y ~ x + (x | g), d), transform(d, x = -Inf)))
  expect_false(any(is.finite(p)))
  p <- accepts(predict(m0, data.frame(x = c(1, NA, Inf), g = "g01"), se.fit = TRUE))
  expect_identical(is.finite(unname(p$se.fit)), c(TRUE, FALSE, FALSE))
})

test_that("level names that hold colons, and variables outside the data", {
  colon <- transform(d, a = paste0(g, ":", f), b = rep(c("p:q", "r"), 48))
  m <- lmm(y ~ x + (1 | a:b), colon)
  expect_equal(unname(predict(m, colon[96:1, ])), rev(unname(fitted(m))))
  k <- 3
  m <- lmm(y ~ I(x * k) + (1 | g), d)
  k <- 100
  expect_equal(unname(predict(m, d)), unname(fitted(m)))
  outside <- d$x
  m <- lmm(y ~ outside + (1 | g), d)
  refuses(predict(m, d[1:2, ]), "newdata", "lacks variable `outside`")
  m <- suppressMessages(lmm(y ~ x + x2 + (1 | g), transform(d, x2 = 2 * x)))
  expect_equal(predict(m, transform(d, x2 = 2 * x)), predict(m0))
  p <- accepts(predict(m, transform(d[1:2, ], x2 = 0)), warnings = "newdata", text = "`x2` was a combination")
  expect_true(all(is.na(p)))
})

test_that("variables that are computed from all rows", {
  m <- lmm(y ~ I(x - mean(x)) + (1 | g), d)
  expect_equal(accepts(predict(m, d[1:3, ])), predict(m)[1:3])
  m <- lmm(y ~ rank(x) + (1 | g), d)
  accepts(predict(m, d[1:3, ]), warnings = "newdata", text = "`rank\\(x\\)` depends on the other rows of the data")
  accepts(predict(m))
  m <- lmm(y ~ scale(x) + log(x + 10) + (1 | g), d)
  expect_equal(accepts(predict(m, d[1:3, ])), predict(m)[1:3])
})

test_that("constants of a formula are what they were", {
  k <- 2
  m <- lmm(y ~ I(x * k) + (1 | g), d)
  before <- predict(m, d[1:3, ])
  expect_equal(before, predict(m)[1:3])
  k <- 1000
  expect_identical(accepts(predict(m, d[1:3, ])), before)
  rm(k)
  expect_identical(accepts(predict(m, d[1:3, ])), before)
})

test_that("levels of confidence are not in percent", {
  m <- lmm(y ~ x + (1 | g), d)
  for (level in list(0, 1, 95, NA, "a", c(0.9, 0.95), -0.5)) {
    refuses(predict(m, d[1:3, ], interval = "prediction", level = level), "input",
            "`level` must be one number between 0 and 1")
    for (method in c("profile", "Wald", "chisq")) refuses(confint(m, level = level, method = method), "input",
                                                          "`level`")
    refuses(quantity(m, "icc", level = level), "input", "`level`")
    refuses(ems(m, level = level), "input", "`level`")
    refuses(contest(m, c(0, 1), conf.level = level, joint = FALSE), "input", "`conf.level`")
    refuses(tidy(m, conf.int = TRUE, conf.level = level), "input", "`conf.level`")
  }
  refuses(confint(m, level = 95), "input", "For 95 percent write 0.95")
})

test_that("arguments of predict(), simulate(), refit() and extractors that are no values", {
  m <- lmm(y ~ x + (1 | g), d)
  refuses(predict(m, nosuch), "input", "`newdata` cannot be evaluated")
  refuses(simulate(m, newdata = nosuch), "input", "`newdata` cannot be evaluated")
  for (seed in list("a", NA, 2^40, 1.5, c(1, 2))) refuses(simulate(m, 1, seed = seed), "input", "`seed`")
  for (nsim in list(0, -1, 1.5, "a", NA)) refuses(simulate(m, nsim), "input", "`nsim`")
  drawn <- accepts(simulate(m, 2, seed = 1, newdata = data.frame(x = 1, g = c("new", NA, "g01")),
                            allow.new.levels = TRUE))
  expect_identical(unname(is.na(drawn[[1]])), c(FALSE, FALSE, FALSE))
  refuses(refit(m, d$y * 1e200), "data", "variance of `newresp` overflows")
  refuses(refit(m, d$y * 1e-200), "data", "variance of `newresp` underflows")
  refuses(refit(m, replace(d$y, 3, Inf)), "data", "row 3")
  refuses(refit(m, matrix(0, 96, 0)), "input", "no columns")
  many <- accepts(refit(m, cbind(1, d$y)))
  numbers <- Filter(is.double, unclass(many))
  expect_false(any(vapply(numbers, function(x) any(is.nan(x)), NA)))
  expect_equal(many$sigma, c(NA, sigma(m)))
  refuses(ranef(m, condVar = NA), "input", "`condVar`")
  refuses(VarCorr(m, sigma = "a"), "input", "`sigma`")
  refuses(vcov(m, complete = NA), "input", "`complete`")
  refuses(AIC(m, k = "a"), "input", "`k`")
  refuses(tidy(m, conf.int = NA), "input", "`conf.int`")
  refuses(quantity(m, ~ nosuch), "input", c("cannot be evaluated: object 'nosuch' not found", "var\\(g\\)"))
  refuses(quantity(m, function(state) stop("no value")), "input", "cannot be evaluated: no value")
})
