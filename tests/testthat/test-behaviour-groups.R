# Grouping factors and random terms: types, levels, nesting, terms that the data cannot tell apart.

d <- mk()
intercepts <- y ~ x + (1 | g)
put_g <- function(value) {
  d$g <- value
  d
}

test_that("too few levels or observations", {
  refuses(lmm(intercepts, put_g(factor("a"))), "unidentified",
          "grouping factor `g` has 1 level; its variance cannot be estimated")
  refuses(lmm(intercepts, put_g(factor(1:96))), "unidentified",
          "`g` has one observation per level: its variance is confounded with the residual")
  refuses(lmm(y ~ x + (1 | g/t), d), "unidentified", "`t:g` has one observation per level")
  refuses(lmm(y ~ x + (0 + h | g), d), "unidentified", "0 \\+ h \\| g")
  pairs <- d[d$t <= 2, ]
  m <- accepts(lmm(y ~ x + (x | g), pairs), messages = "boundary", text = "correlation of .* is estimated as -1")
  has_numbers(m, -30.9245871, sd = c(1.086316, 0.3191891), tol = 2e-6)
  expect_equal(attr(VarCorr(m)$g, "correlation")[2L, 1L], -1)
  set.seed(5)
  pairs$z <- rnorm(24)
  accepts(lmm(y ~ x + (x + z | g), pairs), messages = "boundary")
  partial <- d
  partial$y[9:96] <- NA
  refuses(lmm(intercepts, partial), "unidentified", "`g` has 1 level")
})

test_that("unused levels of a fixed factor", {
  wide <- transform(d, f = factor(f, levels = c("zz", levels(f), "yy")))
  m <- accepts(lmm(y ~ f + (1 | g), wide), messages = "rank", text = "`f`: 2 unused levels dropped")
  expect_identical(names(fixef(m)), c("(Intercept)", "fb", "fc", "fd"))
  same(m, lmm(y ~ f + (1 | g), d))
})

test_that("types of grouping variables", {
  accepts(lmm(intercepts, put_g(rep(c(TRUE, FALSE), 48))), messages = "boundary")
  m <- accepts(lmm(intercepts, put_g(as.integer(d$g) + 0.1)), warnings = "data",
               text = "non-integer numeric grouping variable `g` \\(12 distinct values\\)")
  is_reference_0(m)
  number <- as.integer(d$g)
  for (g in list(factor(d$g, ordered = TRUE), number, as.double(number), number - 6L, number * 100000000L,
                 as.character(d$g),
                 as.Date("2020-01-01") + number, as.difftime(number, units = "mins"), matrix(number, 96, 1),
                 as.POSIXct("2020-01-01", tz = "UTC") + number, factor(d$g, levels = c("none", rev(levels(d$g)))))) {
    is_reference_0(accepts(lmm(intercepts, put_g(g))))
  }
  for (level in c("NA", "", "a:b", "a b", "\u00fc\u4e2d")) {
    m <- accepts(lmm(intercepts, put_g(sub("g01", level, as.character(d$g), fixed = TRUE))))
    is_reference_0(m)
    expect_true(level %in% rownames(ranef(m)$g))
    expect_equal(unname(predict(m, transform(d[1, ], g = level))), unname(fitted(m)[1]))
  }
  m <- accepts(lmm(intercepts, put_g(replace(d$g, 1:3, NA))), messages = "na", text = "3 rows dropped: missing `g`")
  has_numbers(m, -128.31895)
  m <- accepts(lmm(intercepts, put_g(addNA(replace(d$g, 1:8, NA)))))
  is_reference_0(m)
  refuses(lmm(intercepts, put_g(NA)), "data", "all 96 values of `g` are missing")
})

test_that("what cannot group", {
  refuses(lmm(intercepts, put_g(matrix(as.integer(d$g), 96, 2))), "data", "grouping variable `g` is a matrix")
  refuses(lmm(intercepts, put_g(complex(real = as.integer(d$g), imaginary = 0))), "data",
          "`g` .*unsupported type complex")
  refuses(lmm(intercepts, put_g(as.raw(as.integer(d$g)))), "data", "`g` .*unsupported type raw")
  refuses(lmm(intercepts, put_g(as.list(d$g))), "data", "grouping variable `g` is a list")
  refuses(lmm(intercepts, put_g(replace(as.double(d$g), 1, Inf))), "data", "`g` has infinite values")
  refuses(lmm(y ~ x + (1 | mean), d), "formula", "variable `mean` \\(grouping factor\\) not found")
  refuses(lmm(y ~ x + (1 | unique(g)), d), "data", "`unique\\(g\\)` has length 12, data has 96 rows")
})

test_that("nesting and terms written twice", {
  set.seed(7)
  twice <- d[rep(1:96, 2), ]
  twice$y <- twice$y + 0.1 * rnorm(192)
  twice <- twice[!(twice$g %in% c("g01", "g02") & twice$h %in% 1:3), ]
  m <- accepts(lmm(y ~ x + (1 | g/h), twice))
  expect_equal(unname(ngrps(m)), c(90, 12))
  same(m, lmm(y ~ x + (1 | g) + (1 | g:h), twice))
  m <- accepts(lmm(y ~ x + (1 | g/k), transform(d, k = rep(1:4, 24))))
  expect_equal(ngrps(m), c(`k:g` = 48, g = 12))
  colon <- transform(d, a = rep(c("p:q", "p"), 48), b = rep(c("r", "q:r"), each = 48))
  expect_equal(unname(ngrps(accepts(lmm(y ~ x + (1 | a:b), colon)))), 4)
  refuses(lmm(y ~ x + (1 | g) + (1 | g), d), "formula", "term \\(1 \\| g\\) appears twice")
  refuses(lmm(y ~ x + (x | g) + (1 + x | g), d), "formula", "appears twice")
  refuses(lmm(y ~ x + (1 | g:f) + (1 | f:g), d), "formula", "appears twice")
  refuses(lmm(y ~ x + (1 | g) + (1 | (g)), d), "formula", "appears twice")
  refuses(lmm(y ~ x + (x | g) + (1 | g), d), "unidentified",
          c("\\(x \\| g\\), \\(1 \\| g\\)", "two random effects for `g`"))
  refuses(lmm(y ~ x + (x | g) + (0 + x | g), d), "unidentified", "`x` has two random effects for `g`")
  d$block <- substr(d$g, 2, 3)                                   # another name of g
  refuses(lmm(y ~ x + (1 | g) + (1 | block:g), d), "unidentified",
          "\\(1 \\| g\\), \\(1 \\| block:g\\) both have an intercept for the same groups")
  refuses(lmm(y ~ x + (1 | block) + (x | g), d), "unidentified", "both have an intercept for the same groups")
  refuses(lmm(y ~ f + (1 | g) + (0 + f | g), d), "unidentified", "both have an intercept for the same groups")
  expect_s3_class(suppressMessages(lmm(y ~ f + (1 | g) + (0 + f || g), d)), "lmm_fit")
  expect_s3_class(lmm(y ~ x + (1 | block) + (0 + x | g), d), "lmm_fit")
  refuses(lmm(y ~ x + (1 | g) + (1 | k), transform(d, k = factor(as.integer(g)))), "unidentified", "1 \\| g.*1 \\| k")
  refuses(lmm(y ~ x + (1 | g) + (0 + f | g), d), "unidentified", "0 \\+ f \\| g")
})

test_that("slopes", {
  m <- accepts(lmm(y ~ x + (x || g), d))
  has_numbers(m, -127.54333, sd = c(0.9974085, 0.3885688))
  same(m, lmm(y ~ x + (1 | g) + (0 + x | g), d))
  same(lmm(y ~ x + (x | g), d), lmm(y ~ x + us(1 + x | g), d))
  zero <- transform(d, z = 0)
  refuses(lmm(y ~ x + (z | g), zero), "unidentified", "`z`")
  refuses(lmm(y ~ x + (z | g), transform(d, z = 2)), "unidentified", "`z` .*is constant")
  set.seed(3)
  level <- transform(d, z = rnorm(12)[g])
  m <- accepts(lmm(y ~ x + z + (z | g), level))
  dense <- oracle_model(d$y, model.matrix(~ x + z, level), list(model.matrix(~z, level)), list(as.integer(d$g)))
  has_numbers(m, -oracle_fit(dense)$criterion / 2, tol = 1e-8)
  two <- transform(d, z = rep(0:1, 6)[g])
  refuses(lmm(y ~ x + z + (z | g), two), "unidentified", "z \\| g")
  refuses(lmm(y ~ x + (x2 | g), transform(d, x2 = 1:96 > 500)), "unidentified", "x2")
  refuses(lmm(y ~ x + (x + x2 | g), transform(d, x2 = 3 - 2 * x)), "unidentified", "`x2`")
  refuses(lmm(y ~ x + (nosuch | g), d), "formula", "variable `nosuch` not found")
})

test_that("one value far out does not hide what the other levels say of a slope", {
  far <- transform(d, x = replace(x, 3, 1e6))
  m <- accepts(lmm(y ~ x + (x | g), far))
  model <- oracle_model(far$y, cbind(1, far$x), list(cbind(1, far$x)), list(as.integer(far$g)))
  S <- m$estimates$covariance[[1]]
  value <- oracle_criterion(model, list(S), sigma(m)^2)
  expect_equal(-2 * as.numeric(logLik(m)), value, tolerance = 1e-7)
  for (a in list(c(0.97, 1), c(1.03, 1), c(1, 0.97), c(1, 1.03))) {
    expect_gt(oracle_criterion(model, list(S * tcrossprod(a)), sigma(m)^2), value + 1e-3)
  }
  refuses(lmm(y ~ x + (x | g), transform(d, x = replace(x, 3, 1e12))), "numeric",
          c("not finite .*double precision", "Level \"g01\" of `g` outweighs the others"))
})

test_that("a grouping expression without variables is evaluated", {
  e <- transform(d, position = gl(12, 8))
  fit <- lmm(y ~ x + (1 | gl(12, 8)), e)
  expect_equal(logLik(fit), logLik(lmm(y ~ x + (1 | position), e)))
  expect_equal(fitted(fit), fitted(lmm(y ~ x + (1 | position), e)))
  expect_equal(logLik(lmm(y ~ x + (1 | gl(12, 8)), e, subset = x > 0)),
               logLik(lmm(y ~ x + (1 | position), e, subset = x > 0)))
  expect_equal(predict(fit, e), predict(fit))
  refuses(predict(fit, e[1:3, ]), "newdata", "`gl\\(12, 8\\)` has length 96, data has 3 rows")
  refuses(lmm(y ~ x + (1 | gl(12, 7)), e), "data", "has length 84, data has 96 rows")
  refuses(lmm(y ~ x + (1 | factor(1)), e), "data", "has length 1")
})

test_that("only a group gets the advice of a level for rows to which it does not apply", {
  e <- transform(d, k = gl(2, 48, labels = c("p", "q")), w = c(1 + seq_len(48) / 48, rep(NA, 48)),
                 part = factor(rep(c(1:8, NA), c(rep(6, 8), 48))))
  left <- function(expr) conditionMessage(tryCatch(suppressMessages(expr), lmm_error = identity))
  expect_match(left(lmm(y ~ k + (1 | g) + (1 | part), e)),
               "give `part` a value there \\(for a group .*\"none\"\\), or leave it")
  for (text in list(left(lmm(y ~ k + (1 | g), e, weights = w)), left(lmm(y ~ k + (1 | g), e, offset = w)),
                    left(lmm(y ~ k + w + (1 | g), e)), left(lmm(w ~ k + (1 | g), e)))) {
    expect_match(text, "left out: without values of `(w|weights|offset)` there, `k` cannot be used")
    expect_no_match(text, "none")
  }
  expect_match(left(lmm(y ~ k + (1 | g) + (1 | part), e, weights = w)),
               "give `part` .*, or leave it out of the model; without values of `weights` there, `k` cannot be used")
})

test_that("misuse of the bar", {
  refuses(lmm(y ~ x + (1 | g * h), d), "unidentified", "`g:h` has one observation per level")
  refuses(lmm(y ~ x + (1 | 1), d), "formula", "grouping expression `1`.* is a constant")
  refuses(lmm(y ~ x + (1 | "g"), d), "formula", "is a constant")
  refuses(lmm(y ~ x + (0 | g), d), "formula", "random term \\(0 \\| g\\) has no columns")
  refuses(lmm(y ~ x + 1 | g, d), "formula", c("unparenthesised `\\|`", "\\(x \\+ 1 \\| g\\)"))
  refuses(lmm(y ~ x + (1 | g) | h, d), "formula", "unparenthesised `\\|`")
  refuses(lmm(y ~ x + (1 | g) + x | h, d), "formula", c("unparenthesised `\\|`", "Write y ~ ... \\+ \\(x \\| h\\)"))
  refuses(lmm(y ~ x + (1 | nosuch), d), "formula", "variable `nosuch` \\(grouping factor\\) not found in `data`")
  refuses(lmm(y ~ x + (1 | G), d), "formula", "Did you mean `g`")
  refuses(lmm(y ~ x + (1 | g) * f, d), "formula", "random terms may only be added")
  refuses(lmm(y ~ x - (1 | g), d), "formula", "random terms may only be added")
  refuses(lmm(y ~ x + (1 | g):f, d), "formula", "random terms may only be added")
  refuses(lmm(y ~ x + (1 | g | h), d), "formula", "two `\\|` in one term")
  refuses(lmm(y ~ x + (. | g), d), "formula", "`.` cannot be used")
  refuses(lmm(y ~ x + (1 | g - h), d), "formula", "`-` has no meaning")
  expect_equal(fixef(lmm(y ~ x, d)), coef(lm(y ~ x, d)), tolerance = 1e-10)      # least squares, to compare with
  refuses(lmm(y ~ x + ou(x | g), d), "formula", "`ou\\(\\)` is not available.*Write exp\\(x \\| g\\)")
  expect_equal(unname(ngrps(accepts(lmm(y ~ x + (1 | paste(g, f)), d)))), 48)
  same(lmm(y ~ x + ((1 | g)), d), lmm(intercepts, d))
})

test_that("fixed effects that leave nothing to a grouping factor", {
  small <- mk(2, 6)
  small$trt <- factor(c("A", "B"))[small$g]
  text <- c("each level of `trt` contains one level of `g`",
            "variance of `g` is not identified; no test of `trt` is possible")
  refuses(lmm(y ~ trt + (1 | g), small), "unidentified", text)
  refuses(lmm(y ~ x + trt + (x | g), small), "unidentified", text)
  refuses(lmm(y ~ 0 + trt + (1 | g), transform(small, trt = as.character(trt))), "unidentified", text)
  refuses(lmm(y ~ g + (1 | g), d), "unidentified", "`g` is a fixed effect as well as a grouping factor")
  refuses(lmm(y ~ z + I(z^2) + (1 | g), transform(mk(3, 6), z = c(1, 2, 4)[g])), "unidentified", "1 \\| g")
  four <- transform(mk(4, 6), trt = as.integer(g))   # orthogonal to the last digit: what they leave is rounding
  refuses(lmm(y ~ poly(trt, 3) + (1 | g), four), "unidentified", "1 \\| g")
  refuses(lmm(y ~ poly(trt, 3) + (1 | g), four, REML = FALSE), "unidentified", "1 \\| g")
  refuses(lmm(y ~ poly(trt, 3) + (1 | g) + (1 | h), four), "unidentified", "1 \\| g")
  refuses(lmm(y ~ x + poly(trt, 3):x + (0 + x | g), four), "unidentified", "x \\| g")
  left <- lapply(c(y ~ poly(trt, 2) + (1 | g), y ~ trt + I(trt^2) + (1 | g)), function(formula) {
    accepts(lmm(formula, four, REML = FALSE), messages = "boundary")
  })
  same(left[[1]], left[[2]])
  accepts(lmm(y ~ trt + (1 | g), transform(d, trt = c("A", "B")[1 + (as.integer(g) > 6)])))
  accepts(lmm(y ~ x + g:x + (1 | g), d))
  accepts(lmm(y ~ f + (1 | k), transform(d, k = c("p", "q", "r", "s")[(t + as.integer(g)) %% 4 + 1])),
          messages = "boundary")
})

test_that("a factor that no memory holds is refused before it is allocated", {
  set.seed(1)
  n <- 2e5
  wide <- data.frame(y = rnorm(n), a = sample(5e4, n, TRUE), b = sample(5e4, n, TRUE))
  started <- proc.time()[["elapsed"]]
  refuses(lmm(y ~ 1 + (1 | a) + (1 | b), wide, control = lmm_control(memory_limit = 1e9, solver = "direct")), "numeric",
          "needs? about [0-9.]+ GB")
  expect_lt(proc.time()[["elapsed"]] - started, 30)
})
