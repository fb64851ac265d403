d <- behavior_data()
group_of <- function(g, formula = y ~ x + (1 | g)) {
  d$g <- g
  read <- read_frame(formula, d)
  c(read$frame$groups[[1L]], list(codes = read$rows$codes[[1L]], conditions = read$frame$conditions))
}

test_that("every type of grouping variable is read as factor() would", {
  number <- as.integer(d$g)
  kinds <- list(
    number, number + 100L, -number, number * 1000000L, as.double(number), as.character(d$g),
    factor(d$g, ordered = TRUE),
    factor(d$g, levels = c("zz", rev(levels(d$g)))), as.Date("2020-01-01") + number, rep(c(TRUE, FALSE), 48),
    matrix(number, ncol = 1), factor(number)
  )
  for (g in kinds) {
    read <- group_of(g)
    expect_identical(read$levels, sub("e\\+0.", "000000", levels(factor(g))), label = class(g)[1L])
    expect_identical(read$codes, as.integer(factor(g)))
    expect_length(read$conditions, 0L)
  }
})

test_that("missing values that are levels count, the string \"NA\" too", {
  text <- as.character(d$g)
  text[text == "g01"] <- "NA"
  expect_true("NA" %in% group_of(text)$levels)
  gaps <- d$g
  gaps[1:3] <- NA
  read <- group_of(addNA(gaps))
  expect_identical(read$levels[13L], "<NA>")
  expect_length(read$codes, 96L)
  data <- transform(d, g = addNA(gaps))
  frame <- read_frame(y ~ x + (1 | g), data)$frame
  expect_identical(new_rows(frame, data[1:4, ])$codes$g, c(13L, 13L, 13L, 1L))
})

test_that("a non-integer number as group is noted", {
  read <- group_of(as.integer(d$g) + 0.1)
  expect_s3_class(read$conditions[[1L]], "lmm_warning_data")
  expect_match(conditionMessage(read$conditions[[1L]]), "non-integer.*`g` \\(12 distinct values\\)")
})

test_that("interactions drop empty cells and are ordered as factor(a):factor(b)", {
  set.seed(2)
  a <- sample(letters[1:4], 96, TRUE)
  b <- sample(10:14, 96, TRUE)
  data <- transform(d, a = a, b = b)
  read <- read_frame(y ~ x + (1 | a:b), data)
  expected <- droplevels(factor(a):factor(b))
  expect_identical(read$frame$groups[[1L]]$levels, levels(expected))
  expect_identical(read$rows$codes[[1L]], as.integer(expected))
  nested <- read_frame(y ~ x + (1 | a/b), data)
  expect_identical(names(nested$frame$groups), c("b:a", "a"))
  expect_identical(nested$frame$groups[[1L]]$levels, levels(droplevels(factor(b):factor(a))))
})

test_that("level names that hold a colon are matched by cell", {
  data <- transform(d, a = rep(c("a:b", "a"), 48), b = rep(c("c", "b:c"), each = 48))
  read <- read_frame(y ~ x + (1 | a:b), data)
  expect_length(unique(read$frame$groups[[1L]]$levels), 4L)
  expect_identical(new_rows(read$frame, data)$codes[[1L]], read$rows$codes[[1L]])
})

test_that("the order of levels does not depend on the locale", {
  data <- transform(d, g = c("b", "A", "a", "B")[d$f], ch = c("b", "A", "a", "B")[(d$t + d$t %/% 5) %% 4 + 1])
  read <- read_frame(y ~ ch + (1 | g), data)
  expect_identical(read$frame$groups$g$levels, c("A", "B", "a", "b"))
  expect_identical(read$frame$x_names[-1L], c("chB", "cha", "chb"))
})

test_that("expressions may be grouping factors", {
  read <- read_frame(y ~ x + (1 | paste(g, f)) + (1 | factor(t)), d)
  expect_identical(lengths(lapply(read$frame$groups, `[[`, "levels")), c(`paste(g, f)` = 48L, `factor(t)` = 8L))
  expect_identical(new_rows(read$frame, d[1:3, ])$codes[[1L]], read$rows$codes[[1L]][1:3])
})

test_that("all ways of reading integers agree", {
  set.seed(9)
  near <- sample(5L, 96, TRUE) + 41L
  far <- near * 40000000L
  expect_identical(read_small_integers(near)$codes, match(near, sort(unique(near))))
  expect_null(read_small_integers(far))
  expect_identical(read_group(far, "g")$codes, read_group(near, "g")$codes)
  expect_identical(level_text(c(1e5, 2, 0.5, 1e-20, NA, 2^53 - 1, -0)),
                   c("100000", "2", "0.5", "1e-20", NA, "9007199254740991", "0"))
})

test_that("names of levels do not depend on options for printing, nor on the other rows", {
  time <- as.POSIXct("2024-01-05", tz = "UTC") + c(0, 0.25, 3600)
  values <- list(c(123456.5, 3, 1e5, 1e-5), as.Date("2024-01-05") + 0:3, as.difftime(c(1.5, 2, 1e5), units = "mins"),
                 time, I(c(0.5, 1e5)))
  plain <- lapply(values, level_text)
  expect_identical(plain[[1L]][1:3], c("123456.5", "3", "100000"))
  expect_identical(plain[[4L]], c("2024-01-05", "2024-01-05 00:00:00.25", "2024-01-05 01:00:00"))
  for (option in list(list(OutDec = ","), list(scipen = -5), list(scipen = 50), list(digits = 3),
                      list(digits.secs = 3))) {
    old <- options(option)
    expect_identical(lapply(values, level_text), plain)
    options(old)
  }
  expect_identical(lapply(values, function(x) level_text(x[1L])), lapply(plain, `[`, 1L))
  d <- data.frame(k = rep(c(123456.5, 3, 4, 5), each = 5), x = sin(1:20))
  frame <- suppressWarnings(read_frame(x ~ 1 + (1 | k), d)$frame)
  old <- options(OutDec = ",", scipen = -5)
  on.exit(options(old))
  expect_identical(new_rows(frame, d[c(1, 20), ])$codes$k, c(4L, 3L))
})

test_that("text and names of unknown encoding, as read from a file, are sorted and matched in any locale", {
  skip_if_not_installed("callr")
  read_and_fit <- function() {
    letters <- enc2native(c("\u00e9", "\u00df", "a", "\u65e5"))
    Encoding(letters) <- "unknown"
    d <- data.frame(y = sin(1:48) + rep(1:4, 12), x = cos(1:48), g = rep(letters, 12),
                    f = rep(c(letters[1], "b"), each = 24))
    conditions <- 0
    fits <- withCallingHandlers(list(
      henderson::lmm(y ~ x + f + (1 | g), d),
      henderson::lmm(stats::as.formula(paste("y ~", letters[1], "* f + (1 | g) + (1 | g:f)")),
                     stats::setNames(d, c("y", letters[1], "g", "f"))),
      henderson::lmm(stats::as.formula(paste("y ~ x + (1 |", letters[4], ") + (1 | f:", letters[4], ")")),
                     stats::setNames(d, c("y", "x", letters[4], "f")))
    ), condition = function(c) if (!inherits(c, "lmm_condition")) conditions <<- conditions + 1)
    shown <- utils::capture.output(warned <- tryCatch({ print(summary(fits[[2]])); FALSE }, warning = function(w) TRUE))
    marked <- d
    marked$g <- enc2utf8(marked$g)
    list(same = max(abs(predict(fits[[1]], marked[5:9, ]) - fitted(fits[[1]])[5:9])),
    levels = length(henderson::ranef(fits[[3]])[[2]][[1]]),
         conditions = conditions, warned = warned)
  }
  found <- callr::r(read_and_fit, libpath = .libPaths(), env = c(LC_ALL = "C.UTF-8", LANG = "C.UTF-8"))
  expect_identical(found, list(same = 0, levels = 4L, conditions = 0, warned = FALSE))
})

test_that("text that is not valid in the encoding of the session is fitted as a factor is", {
  skip_if_not_installed("callr")
  fit_both <- function() {
    library(henderson)
    text <- vapply(list(c(77, 252, 108), c(97, 98), c(201, 116), 66), function(x) rawToChar(as.raw(x)), "")
    d <- data.frame(k = rep(text, each = 6), f = gl(4, 6), x = sin(1:24), v = gl(3, 2, 24), s = gl(6, 1, 24),
                    y = cos(1:24)^2 + 1:4 / 9)
    same <- function(formula, ..., data = d) {
      fits <- lapply(list(k = quote(k), f = quote(f)), function(name) {
        put <- function(e) if (inherits(e, "formula")) as.formula(do.call(substitute, list(e, list(k = name)))) else e
        suppressMessages(do.call(lmm, c(list(put(formula), data), lapply(list(...), put))))
      })
      stopifnot(isTRUE(all.equal(c(logLik(fits$k)), c(logLik(fits$f)))))
      shown <- utils::capture.output(print(fits$k), print(summary(fits$k)), print(anova(fits$k, type = 3)))
      stopifnot(isTRUE(all.equal(unname(predict(fits$k, d)), unname(predict(fits$f, d)))))
      fits$k
    }
    fit <- same(y ~ x + (1 | k))
    stopifnot(setequal(rownames(ranef(fit)$k), text))
    for (formula in list(y ~ x + k + (1 | v), y ~ x + (1 | v:k), y ~ x + (0 + k || v))) same(formula)
    same(y ~ x, residual = ~ ar1(1 | k))
    same(y ~ x, variance = ~ k)
    same(y ~ x, residual = ~ diag(k | s))
    same(y ~ x + k + (1 | v), data = chunks(list(d[1:12, ], d[13:24, ])))
    same(y ~ x + (1 | k), data = chunks(list(d[1:12, ], d[13:24, ])))
    contest(lmm(y ~ x + k + (1 | v), d), "x = 0")
    TRUE
  }
  for (locale in c("C.UTF-8", "C")) {
    expect_true(callr::r(fit_both, libpath = .libPaths(), env = c(LC_ALL = locale, LANG = locale)), label = locale)
  }
})
