# Laws of transformation: the same data written differently give the same model.

data <- law_data()
formulas <- law_formulas()
quiet <- function(formula, data, ...) suppressMessages(lmm(formula, data, ...))
plain <- lapply(formulas, function(f) law_numbers(quiet(f, data)))

test_that("the fits that the laws are tried on are inside the parameter space", {
  for (name in names(formulas)) expect_false(isSingular(quiet(formulas[[name]], data)), label = name)
})

test_that("L1 the order of the rows does not matter", {
  set.seed(41)
  for (name in names(formulas)) {
    order <- sample(nrow(data))
    expect_law(law_numbers(quiet(formulas[[name]], data[order, ]), order), plain[[name]], 1e-8, name)
  }
})

test_that("L2 names, order and type of the levels do not matter", {
  set.seed(42)
  permuted <- function(f) factor(f, levels = sample(levels(f)))
  variants <- list(
    permuted = transform(data, g = permuted(g), h = permuted(h), k = permuted(k)),
    character = transform(data, g = as.character(g), h = as.character(h), k = as.character(k)),
    integer = transform(data, g = 100L - as.integer(g), h = as.integer(h) * 7L, k = as.integer(k)),
    unused = transform(data, g = factor(g, levels = c("zz", levels(g), "yy"))),
    ordered = transform(data, g = factor(g, ordered = TRUE)))
  for (v in names(variants)) for (name in names(formulas)) {
    expect_law(law_numbers(quiet(formulas[[name]], variants[[v]])), plain[[name]], 1e-8, paste(v, name))
  }
  b <- ranef(quiet(y ~ x + (x | g), data))$g
  turned <- ranef(quiet(y ~ x + (x | g), variants$permuted))$g
  expect_equal(turned[rownames(b), ], b, tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("L3 the order of terms does not matter", {
  pairs <- list(list(y ~ x + f + (1 | g) + (1 | h), y ~ f + x + (1 | h) + (1 | g)),
                list(y ~ x + (1 | g) + (0 + x | g), y ~ x + (0 + x | g) + (1 | g)),
                list(y ~ x + (x | g) + (1 | h), y ~ (1 | h) + x + (x | g)),
                list(y ~ x + (1 | g) + (1 | g:k), y ~ x + (1 | g:k) + (1 | g)),
                list(y ~ x + (1 | g:k), y ~ x + (1 | k:g)))
  for (pair in pairs) {
    parts <- c("loglik", "fixef", "se", "sigma", "fitted")
    expect_law(law_numbers(quiet(pair[[2]], data)), law_numbers(quiet(pair[[1]], data)), 1e-8, deparse(pair[[2]]),
    parts)
  }
})

test_that("L4 the unit and the origin of y do not matter", {
  for (reml in c(TRUE, FALSE)) {
    for (name in c("intercept", "slope", "crossed", "nested")) {
      fit <- quiet(formulas[[name]], data, REML = reml)
      df <- nobs(fit) - if (reml) getME(fit, "p") else 0
      for (b in c(1e-9, 1e-3, -1, 1e6, 1e100)) for (a in c(0, 100, 1e6)) {
        digits <- max(1e-8, 1e-13 * abs(a * b))        # what y itself loses when a is added
        if (digits > 1e-6) next
        turned <- transform(data, y = (y - 3) / b + a)
        back <- law_unit_of_y(law_numbers(quiet(formulas[[name]], turned, REML = reml)), 3 - a * b, b, df)
        expect_law(back, law_numbers(fit), digits, paste(name, "unit", b, "origin", a))
      }
    }
  }
})

test_that("L5 the unit and the origin of x do not matter, also in a random slope", {
  origins <- c(0, 100, 2000, 1e6)
  units <- c(1e-6, 1e-3, 1e3, 1e6)
  for (name in c("intercept", "slope", "crossed_slope")) {
    base <- plain[[name]]
    for (a in origins) for (b in units) {
      lost <- 1e-15 * max(1, a / b)         # a + b x is rounded to 2^-53 of its size
      if (lost > 1e-8) next
      label <- paste(name, "x ->", a, "+", b, "x")
      got <- law_numbers(quiet(formulas[[name]], transform(data, x = a + b * x)))
      got$loglik <- got$loglik + log(b)
      got$fixef["x"] <- got$fixef["x"] * b
      got$se["x"] <- got$se["x"] * b
      tolerance <- max(1e-6, 100 * lost)
      expect_law(got, base, tolerance, label, c("loglik", "sigma", "fitted"))
      for (part in c("fixef", "se")) expect_law(list(x = got[[part]]["x"]), list(x = base[[part]]["x"]), tolerance,
      paste(label, part))
      if (name == "intercept") next
      # Sigma of (1, x) follows from Sigma of (1, a + b x).
      A <- rbind(c(1, a), c(0, b))
      Sigma <- A %*% got$covariance$g %*% t(A)
      expect_lte(law_distance(Sigma[2, 2], base$covariance$g[2, 2]), tolerance, label = label)
    }
  }
})

test_that("L6 the coding of factors does not matter", {
  reference <- quiet(y ~ f + x + (1 | g), data)
  codings <- list(contr.sum = contr.sum, contr.helmert = contr.helmert, contr.SAS = contr.SAS, contr.poly = contr.poly)
  for (name in names(codings)) {
    fit <- quiet(y ~ f + x + (1 | g), data, contrasts = list(f = codings[[name]]))
    shift <- as.numeric(determinant(crossprod(model.matrix(fit)))$modulus -
                        determinant(crossprod(model.matrix(reference)))$modulus)
    got <- law_numbers(fit)
    got$loglik <- got$loglik + shift / 2
    expect_law(got, plain$factor, 1e-8, name, c("loglik", "sigma", "covariance", "fitted"))
  }
  turned <- transform(data, f = factor(f, levels = rev(levels(f))))
  expect_law(law_numbers(quiet(y ~ f + x + (1 | g), turned)), plain$factor, 1e-8, "levels reversed",
             c("loglik", "sigma", "covariance", "fitted"))
  without <- law_numbers(quiet(y ~ 0 + f + x + (1 | g), data))
  expect_law(without, plain$factor, 1e-8, "cell means", c("loglik", "sigma", "covariance", "fitted"))
})

test_that("L7 columns of an unstructured term may be replaced by their combinations", {
  parts <- c("loglik", "fixef", "se", "sigma", "fitted")
  for (formula in list(y ~ x + (I(x - 5) | g), y ~ x + (poly(x, 1) | g), y ~ x + (0 + I(1 + x) + I(1 - x) | g),
                       y ~ x + (scale(x) | g), y ~ x + (I(1e5 * x - 3) | g))) {
    expect_law(law_numbers(quiet(formula, data)), plain$slope, 1e-7, deparse(formula), parts)
  }
  cells <- transform(data, f = factor(rep_len(c("u", "v"), nrow(data))))
  expect_law(law_numbers(quiet(y ~ x + (0 + f | g), cells)), law_numbers(quiet(y ~ x + (f | g), cells)), 1e-7,
             "(0 + f | g) and (f | g)", parts)
})

test_that("L8 a row of weight zero is no row, weights of one are no weights", {
  for (name in names(formulas)) {
    out <- c(3, 17, 50)
    weighted <- law_numbers(quiet(formulas[[name]], transform(data, w = replace(w, out, 0)), weights = w))
    dropped <- law_numbers(quiet(formulas[[name]], data[-out, ], weights = w))
    weighted$fitted <- weighted$fitted[-out]
    expect_law(weighted, dropped, 1e-9, name)
    expect_law(law_numbers(quiet(formulas[[name]], transform(data, w = 1), weights = w)), plain[[name]], 1e-9, name)
  }
})

test_that("L9 a common factor of the weights goes into sigma", {
  for (name in names(formulas)) {
    base <- law_numbers(quiet(formulas[[name]], data, weights = w))
    for (c in c(1e-8, 1e-3, 1e3, 1e8)) {
      got <- law_numbers(quiet(formulas[[name]], transform(data, w = c * w), weights = w))
      got$sigma <- got$sigma / sqrt(c)
      expect_law(got, base, 1e-8, paste(name, "weights times", c))
    }
  }
})

test_that("L10 adding X c to y adds c to the coefficients and nothing else", {
  for (name in names(formulas)) {
    got <- law_numbers(quiet(formulas[[name]], transform(data, y = y + 5 - 2 * x)))
    got$fixef[c("(Intercept)", "x")] <- got$fixef[c("(Intercept)", "x")] - c(5, -2)
    expect_law(got, plain[[name]], 1e-8, name, c("loglik", "fixef", "se", "sigma", "covariance"))
  }
})

test_that("L11 two ways to write a model are one model", {
  more <- transform(data, one = "1", o = 2 + 0.3 * t)
  parts <- c("loglik", "fixef", "se", "sigma", "fitted")
  same <- list(list(y ~ x + (1 | g), y ~ x + (1 | g:one)),
               list(y ~ x + (1 | g / k), y ~ x + (1 | g) + (1 | g:k)),
               list(y ~ x + (x || g), y ~ x + (1 | g) + (0 + x | g)),
               list(y ~ x + (1 | g), y ~ 1 + x + (1 | factor(as.character(g)))),
               list(y ~ x * f + (1 | g), y ~ x + f + x:f + (1 | g)))
  for (pair in same) {
    expect_law(law_numbers(quiet(pair[[2]], more)), law_numbers(quiet(pair[[1]], more)), 1e-10, deparse(pair[[2]]),
    parts)
  }
  for (name in c("intercept", "slope", "crossed")) {
    written <- law_numbers(quiet(update(formulas[[name]], . ~ . + offset(o)), more))
    argument <- law_numbers(quiet(formulas[[name]], more, offset = o))
    by_hand <- law_numbers(quiet(formulas[[name]], transform(more, y = y - o)))
    by_hand$fitted <- by_hand$fitted + more$o
    expect_law(written, by_hand, 1e-10, paste(name, "offset() in the formula"))
    expect_law(argument, by_hand, 1e-10, paste(name, "offset ="))
  }
})

test_that("L12 chunks of rows, the container of the data and the start of the search do not matter", {
  for (name in names(formulas)) {
    for (rows in c(1, 7, 50)) {
      control <- lmm_control(chunk_rows = rows)
      expect_law(law_numbers(quiet(formulas[[name]], data,
                             control = control)), plain[[name]], 1e-9, paste(name, "chunks of", rows))
    }
    fit <- quiet(formulas[[name]], data)
    start <- 3 * getME(fit, "theta") + 0.1
    expect_law(law_numbers(quiet(formulas[[name]], data, start = start)), plain[[name]], 1e-7, paste(name, "start"))
  }
  x <- data$x; y <- data$y; g <- data$g
  expect_law(law_numbers(quiet(y ~ x + (1 | g), list2DF(list(y = y, x = x, g = g)))), plain$intercept, 1e-12, "list2DF")
})

test_that("L13 the laws hold where the fit is singular", {
  flat <- transform(data, y = residuals(lm(y ~ x * g + h + f, data)) + 1 + x / 2)
  for (name in c("intercept", "slope", "crossed")) {
    fit <- quiet(formulas[[name]], flat)
    expect_true(isSingular(fit), label = name)
    base <- law_numbers(fit)
    order <- rev(seq_len(nrow(flat)))
    expect_law(law_numbers(quiet(formulas[[name]], flat[order, ]),
               order), base, 1e-7, name, c("loglik", "fixef", "se", "sigma", "fitted"))
    df <- nobs(fit) - getME(fit, "p")
    back <- law_unit_of_y(law_numbers(quiet(formulas[[name]], transform(flat, y = 1e6 * y))), 0, 1e-6, df)
    expect_law(back, base, 1e-7, name, c("loglik", "fixef", "se", "sigma", "fitted"))
  }
})

test_that("L14 the laws hold for models that are too large for exact second derivatives", {
  set.seed(43)
  n <- 2500
  large <- data.frame(g = factor(sample(300, n, TRUE)), h = factor(sample(60, n, TRUE)), x = rnorm(n))
  large$y <- 1 + large$x + rnorm(300)[large$g] + rnorm(60)[large$h] + 0.3 * rnorm(300)[large$g] * large$x + rnorm(n)
  parts <- c("loglik", "sigma", "fitted")
  for (formula in list(y ~ x + (1 | g) + (1 | h), y ~ x + (x | g) + (1 | h))) {
    fit <- quiet(formula, large)
    base <- law_numbers(fit)
    order <- sample(n)
    expect_law(law_numbers(quiet(formula, large[order, ]), order), base, 1e-8, deparse(formula))
    back <- law_unit_of_y(law_numbers(quiet(formula, transform(large, y = 1e6 * y + 7e6))), -7, 1e-6, nobs(fit) - 2)
    expect_law(back, base, 1e-8, deparse(formula))
    expect_law(law_numbers(quiet(formula, transform(large, x = x + 2000))), base, 1e-8, deparse(formula), parts)
    reversed <- transform(large, g = factor(g, levels = rev(levels(g))), h = as.character(h))
    expect_law(law_numbers(quiet(formula, reversed)), base, 1e-8, deparse(formula))
    expect_law(law_numbers(quiet(formula, large, control = lmm_control(chunk_rows = 999))), base, 1e-9,
               deparse(formula))
  }
})
