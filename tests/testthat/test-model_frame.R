d <- behavior_data()
texts <- function(read) vapply(read$frame$conditions, conditionMessage, "")

test_that("the frame and the rows hold what the others rely on", {
  read <- read_frame(y ~ x + (x | g) + (1 | h), d)
  expect_s3_class(read$frame, "model_frame")
  expect_identical(read$frame$x_names, c("(Intercept)", "x"))
  expect_equal(read$frame$x_assign, 0:1)
  expect_identical(vapply(read$frame$random, `[[`, "", "label"), c("x | g", "1 | h"))
  expect_identical(read$frame$random[[1L]]$columns, c("(Intercept)", "x"))
  expect_identical(read$frame$groups$g$levels, levels(d$g))
  expect_identical(read$rows$codes$g, as.integer(d$g))
  expect_identical(read$rows$y, d$y)
  expect_identical(read$rows$n, 96L)
  expect_identical(names(read$rows$data), c("y", "x", "g", "h"))
  expect_length(read$frame$conditions, 0L)
})

test_that("terms are ordered by decreasing number of levels, ties as lme4 has them", {
  expect_identical(term_order(c(3L, 3L, 6L)), c(3L, 2L, 1L))
  expect_identical(term_order(c(3L, 3L, 3L)), 1:3)
  read <- read_frame(y ~ 1 + (1 | h) + (0 + x | g) + (1 | g), d)
  expect_identical(vapply(read$frame$random, `[[`, "", "name"), c("g", "g.1", "h"))
})

test_that("rows with missing values are dropped with one message", {
  gaps <- d
  gaps$g[1:3] <- NA
  read <- read_frame(y ~ x + (1 | g), gaps)
  expect_identical(texts(read), "3 rows dropped: missing `g`.\n")
  expect_s3_class(read$frame$conditions[[1L]], "lmm_message_na")
  expect_identical(read$rows$n, 93L)
  expect_identical(attr(read$rows$data, "row.names"), 4:96)
  gaps$x[3:4] <- NaN
  expect_identical(texts(read_frame(y ~ poly(x, 2) + (1 | g), gaps)), "4 rows dropped: missing `x` (2), `g` (3).\n")
  gaps$w <- replace(rep(1, 96), 7, NA)
  expect_identical(texts(read_frame(y ~ 1 + (1 | h), gaps, weights = quote(w))), "1 row dropped: missing `weights`.\n")
  excluded <- read_frame(y ~ x + (1 | g), gaps, na.action = stats::na.exclude)
  expect_s3_class(attr(excluded$rows$data, "na.action"), "exclude")
  expect_condition_of(read_frame(y ~ x + (1 | g), gaps, na.action = na.pass), "lmm_error_data",
                      "na.pass leaves 2 missing values in `x`")
  expect_condition_of(read_frame(y ~ x + (1 | g), gaps, na.action = na.fail), "lmm_error_data", "na.fail")
})

test_that("functions that refuse missing values get the complete rows", {
  gaps <- transform(d, x = replace(x, 3, NA))
  read <- read_frame(y ~ poly(x, 2) + (splines::ns(x, 3) | g), gaps)
  complete <- read_frame(y ~ poly(x, 2) + (splines::ns(x, 3) | g), d[-3, ])
  expect_equal(design(read$frame, read$rows), design(complete$frame, complete$rows))
  expect_identical(texts(read), "1 row dropped: missing `x`.\n")
})

test_that("subset takes conditions and row numbers", {
  n_of <- function(expr) read_frame(y ~ x + (1 | g), d, subset = expr)$rows$n
  expect_identical(n_of(quote(t > 2)), 72L)
  expect_identical(n_of(1:50), 50L)
  expect_identical(n_of(-(1:5)), 91L)
  expect_condition_of(n_of(quote(t > 99)), "lmm_error_data", "selects no rows")
  expect_condition_of(n_of(c(TRUE, FALSE, TRUE)), "lmm_error_data", "length 3")
  expect_condition_of(n_of("a"), "lmm_error_input", "subset")
  expect_condition_of(n_of(1:97), "lmm_error_input", "between 1 and 96")
  some <- transform(d, s = replace(t > 2, 1:2, NA))
  expect_identical(texts(read_frame(y ~ x + (1 | g), some, subset = quote(s))),
                   "2 rows left out: `subset` is missing.\n")
})

test_that("columns called like arguments or functions are not picked up unless asked", {
  odd <- d
  odd[c("c", "T", "list", "weights", "offset", "data", "subset")] <- list(d$x, d$t, 1, 9, 9, 1, 0)
  read <- read_frame(y ~ c + T + (1 | g), odd)
  expect_null(read$rows$weights)
  expect_null(read$rows$offset)
  expect_identical(read$rows$n, 96L)
  expect_identical(read_frame(y ~ c + (1 | g), odd, weights = quote(weights))$rows$weights, rep(9, 96))
})

test_that("arguments are found in data, the formula's environment and the caller", {
  formula <- y ~ x + (1 | g)
  environment(formula) <- globalenv()
  inner <- function(dat) {
    weights <- rep(1:2, 48)
    read_frame(formula, dat, weights = quote(weights), caller = environment())
  }
  expect_identical(inner(d)$rows$weights, rep(c(1, 2), 48))
  no_data <- with(d, read_frame(y ~ x + (1 | g)))
  expect_identical(no_data$rows$y, d$y)
  expect_identical(no_data$frame$outside, c("y", "x", "g"))
  wrapper <- function(...) second(...)
  second <- function(...) lmm(y ~ x + (1 | g), ...)
  weighted <- transform(d, w = t)
  fit <- wrapper(weighted, weights = w, subset = t > 1)
  expect_identical(fit$rows$weights, as.double(d$t[d$t > 1]))
})

test_that("unknown variables are named, with the columns and the nearest name", {
  expect_condition_of(read_frame(y ~ nosuch + (1 | g), d), "lmm_error_formula",
                      "`nosuch` not found in `data` \\(columns: y, x, f")
  expect_condition_of(read_frame(y ~ x + (1 | nosuch), d), "lmm_error_formula", "`nosuch` \\(grouping factor\\)")
  expect_condition_of(read_frame(y ~ xx + (1 | g), d), "lmm_error_formula", "Did you mean `x`")
  expect_condition_of(read_frame(y ~ s(x) + (1 | g), d), "lmm_error_formula", "could not find function")
  no_t <- d[names(d) != "t"]                       # and t() is not meant
  expect_condition_of(read_frame(y ~ t + (1 | g), no_t), "lmm_error_formula", "`t` not found")
  short <- 1:3
  expect_condition_of(read_frame(y ~ short + (1 | g), d), "lmm_error_data", "`short` has length 3, data has 96 rows")
})

test_that("only what is looked up counts as a variable", {
  expect_identical(variables_of(quote(a$b + splines::ns(t, k))), c("a", "t", "k"))
  expect_identical(variables_of(quote(sapply(x, function(u) u + v))), c("x", "v"))
  other <- list(z = d$x)
  read <- read_frame(y ~ other$z + sapply(x, function(u) u^2) + (1 | g), d)
  expect_identical(design(read$frame, read$rows)$X[, 2:3], cbind(d$x, d$x^2))
  odd <- transform(d, n = 1:96)
  names(odd)[7L] <- "x"
  expect_match(texts(read_frame(y ~ x + (1 | g), odd)), "several columns named `x`")
})

test_that("terms objects and formulas without environment are formulas", {
  bare <- y ~ x + (1 | g)
  environment(bare) <- NULL
  expect_identical(read_frame(bare, d)$frame$x_names, c("(Intercept)", "x"))
  expect_identical(read_frame(stats::terms(y ~ x + (1 | g)), d)$frame$x_names, c("(Intercept)", "x"))
})

test_that("the response stands on the left only", {
  expect_condition_of(read_frame(y ~ y + (1 | g), d), "lmm_error_formula", "`y` is also on the right")
  expect_condition_of(read_frame(y ~ x + (y | g), d), "lmm_error_formula", "`y` is also on the right")
})

test_that("a dot is all columns used nowhere else", {
  read <- read_frame(y ~ . + (1 | g), d[c("y", "x", "t", "g")])
  expect_identical(read$frame$x_names, c("(Intercept)", "x", "t"))
  expect_equal(read$frame$spec$formula, y ~ x + t + (1 | g), ignore_formula_env = TRUE)
  expect_condition_of(read_frame(y ~ . + (1 | g)), "lmm_error_formula", "needs `data`")
})

test_that("offsets of formula and argument are added", {
  with_offset <- transform(d, o = x^2)
  read <- read_frame(y ~ x + offset(o) + (1 | g), with_offset, offset = quote(2 * o))
  expect_equal(read$rows$offset, 3 * with_offset$o)
  expect_equal(design(read$frame, read$rows)$y, d$y - 3 * with_offset$o)
})

test_that("warnings of functions in the formula are passed on as ours", {
  text <- transform(d, x = replace(as.character(x), 1, "a"))
  classes <- vapply(read_frame(y ~ as.numeric(x) + (1 | g), text)$frame$conditions, function(x) class(x)[1L], "")
  expect_identical(classes, c("lmm_warning_data", "lmm_message_na"))
})

test_that("masked functions do no harm", {
  evil <- new.env()
  evil$T <- 0
  evil$F <- 1
  evil$c <- evil$list <- evil$model.frame <- evil$terms <- function(...) stop("masked")
  evil$pi <- 3
  formula <- y ~ poly(x, 2) + (x | g)
  environment(formula) <- evil
  expect_identical(read_frame(formula, d)$frame$x_names, c("(Intercept)", "poly(x, 2)1", "poly(x, 2)2"))
})

test_that("contrasts= must name factors of the formula", {
  expect_condition_of(read_frame(y ~ x + (1 | g), d, contrasts = list(zz = "contr.sum")), "lmm_error_input", "`zz`")
  expect_condition_of(read_frame(y ~ x + (1 | g), d, contrasts = list(x = "contr.sum")), "lmm_error_input",
                      "not a factor")
  expect_condition_of(read_frame(y ~ f + (1 | g), d, contrasts = list(f = "contr.no")), "lmm_error_input", "contr.no")
  expect_condition_of(read_frame(y ~ f + (1 | g), d, contrasts = "contr.sum"), "lmm_error_input", "must be a list")
})

test_that("the frame carries no data of the function that wrote the formula", {
  make <- function() {
    here <- d
    ballast <- rnorm(1e5)
    k <- 2
    power <- function(x) x^k
    read_frame(y ~ power(x) + poly(x, k) + (1 | g), here)
  }
  environment(make) <- list2env(list(d = d, read_frame = read_frame), parent = globalenv())
  frame <- make()$frame
  expect_lt(length(serialize(frame, NULL)), 2e4)
  expect_setequal(ls(attr(frame$terms, ".Environment")), c("k", "power"))
})

test_that("data frames of other packages are read and left as they are", {
  skip_if_not_installed("data.table")
  skip_if_not_installed("tibble")
  table <- data.table::as.data.table(d)
  before <- data.table::copy(table)
  expect_equal(read_frame(y ~ x + (1 | g), table, subset = quote(t > 1))$rows$n, 84L)
  expect_identical(table, before)
  tibble <- tibble::as_tibble(d)
  expect_equal(read_frame(y ~ x + (1 | g), tibble)$rows$y, d$y)
  tibble$nested <- tibble::tibble(a = 1:96)
  expect_condition_of(read_frame(y ~ nested + (1 | g), tibble), "lmm_error_data", "`nested` is a data frame")
})

test_that("functions may be arguments in a formula", {
  d <- irrigation
  peer <- lm(yield ~ C(irrigation, contr.sum), d)
  fit <- lmm(yield ~ C(irrigation, contr.sum) + (1 | field), d)
  expect_equal(fixef(fit), coef(peer))                     # balanced
  expect_equal(predict(fit, d[1:3, ]), predict(fit)[1:3])
  own <- local({
    halves <- function(n) contr.helmert(n) / 2
    lmm(yield ~ C(irrigation, halves) + (1 | field), d)
  })
  expect_equal(fixef(own)[-1], 2 * coef(lm(yield ~ C(irrigation, contr.helmert), d))[-1], ignore_attr = TRUE)
  expect_equal(predict(own, d[1:3, ]), predict(fit)[1:3])
  # a function that the call cannot use is no variable
  for (formula in list(yield ~ log(t) + (1 | field), yield ~ I(mean) + (1 | field), yield ~ sum + (1 | field))) {
    expect_condition_of(lmm(formula, d), "lmm_error_formula", "not found in `data`")
  }
})
