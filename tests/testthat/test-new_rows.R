d <- behavior_data()
fit_frame <- read_frame(y ~ x + f + (x | g), d)$frame
new_error <- function(newdata, pattern, ..., class = "newdata", frame = fit_frame) {
  expect_condition_of(new_rows(frame, newdata, ...), paste0("lmm_error_", class), pattern)
}

test_that("levels are matched by name", {
  big <- behavior_data(150, 4)
  frame <- read_frame(y ~ x + (1 | g), big)$frame
  expect_identical(new_rows(frame, big[600:1, ])$codes$g, rev(as.integer(big$g)))
  one <- new_rows(fit_frame, data.frame(x = 1, f = factor("b"), g = factor("g03")))
  expect_equal(design(fit_frame, one)$X, matrix(c(1, 1, 1, 0, 0), 1))
  expect_identical(one$codes$g, 3L)
  text <- new_rows(fit_frame, data.frame(x = 1, f = "b", g = "g03"))
  expect_equal(design(fit_frame, text)$X, design(fit_frame, one)$X)
})

test_that("what new data lack is named", {
  new_error(data.frame(g = "g01", f = "a"), "lacks variable `x`")
  new_error(data.frame(x = 1, f = "a"), "`g`.*\\n.*re.form = NA")
  new_error(list(x = 1, g = "g01"), "must be a data frame, not a list")
  new_error(data.frame(x = 1, f = "zz", g = "g01"), "level \"zz\" of factor `f`")
  new_error(data.frame(x = "1", f = "a", g = "g01"), "`x` was numeric in the fit, but is character")
  new_error(data.frame(x = 1, f = "a", g = "new"), "level \"new\" of `g`.*allow.new.levels=TRUE")
  new_error(d, "\\(1 \\| f\\) is not in the model", re.form = ~ (1 | f))
  new_error(d, "re.form", re.form = "all", class = "input")
})

test_that("nothing is picked up from elsewhere", {
  x <- rep(1, 3)
  new_error(data.frame(f = "a", g = rep("g01", 3)), "lacks variable `x`")
})

test_that("a missing level is a new one where new levels are allowed", {
  rows <- new_rows(fit_frame, data.frame(x = c(1, NA, 2), f = "a", g = c("new", "g01", NA)), allow.new.levels = TRUE)
  expect_identical(rows$codes$g, c(0L, 1L, 0L))
  expect_identical(new_rows(fit_frame, data.frame(x = 1, f = "a", g = c("g02", NA)))$codes$g, c(2L, NA))
  expect_identical(is.na(design(fit_frame, rows)$X[, 2]), c(FALSE, TRUE, FALSE))
  left <- new_rows(fit_frame, rows$data, allow.new.levels = TRUE, na.action = na.omit)
  expect_identical(left$n, 2L)
  expect_identical(as.integer(attr(left$data, "na.action")), 2L)
  strict <- new_rows(fit_frame, rows$data[c(2L, 3L), ], na.action = na.omit)
  expect_identical(strict$n, 0L)
  new_error(rows$data, "na.fail", allow.new.levels = TRUE, na.action = na.fail)
})

test_that("grouping columns are needed only for the terms asked for", {
  population <- new_rows(fit_frame, data.frame(x = 1, f = "a"), re.form = NA)
  expect_identical(population$codes$g, 0L)
  expect_identical(new_rows(fit_frame, data.frame(x = 1, f = "a"), re.form = ~ 0)$codes$g, 0L)
  frame <- read_frame(y ~ 1 + (x | g) + (1 | h:f), d)$frame
  rows <- new_rows(frame, data.frame(h = "2", f = "b"), re.form = ~ (1 | f:h))
  expect_identical(unname(unlist(rows$codes)[c("g", "h:f")]), c(0L, 2L))
  expect_identical(design(frame, rows)$Z[[1L]][1, ], c(1, NA))
})

test_that("bases of polynomials and splines are those of the fit", {
  frames <- list(y ~ poly(x, 2) + (poly(x, 3) | g), y ~ splines::ns(x, 3) + (splines::ns(x, 2) | g),
                 y ~ scale(x) + (scale(x) | g), y ~ splines::bs(x, 4) + (1 | g))
  for (formula in frames) {
    read <- read_frame(formula, d)
    whole <- design(read$frame, read$rows)
    new <- design(read$frame, new_rows(read$frame, d[5:1, ]))
    expect_equal(new$X, whole$X[5:1, ], tolerance = 1e-12)
    expect_equal(new$Z[[1L]], whole$Z[[1L]][5:1, , drop = FALSE], tolerance = 1e-12)
  }
})

test_that("a one-column matrix and a vector are the same variable", {
  scaled <- transform(d, x = 0)
  scaled$x <- scale(d$x)
  for (formula in list(y ~ x + (1 | g), y ~ poly(x, 2) + (1 | g))) {
    read <- read_frame(formula, scaled)
    vector <- transform(d, x = as.vector(scaled$x))[1:5, ]
    expect_equal(design(read$frame, new_rows(read$frame, scaled[1:5, ])),
                 design(read$frame, new_rows(read$frame, vector)))
  }
})

test_that("offsets are read from new data", {
  with_offset <- transform(d, o = x^2)
  frame <- read_frame(y ~ x + offset(o) + (1 | g), with_offset, offset = quote(2 * o))$frame
  expect_equal(new_rows(frame, with_offset[3:1, ])$offset, 3 * with_offset$o[3:1])
  new_error(d, "lacks variable `o`", frame = frame)
  numbers <- read_frame(y ~ x + (1 | g), d, offset = with_offset$o)$frame
  new_error(d, "`offset`.*numbers", frame = numbers)
})

test_that("no rows give no rows, infinite values pass", {
  expect_identical(dim(design(fit_frame, new_rows(fit_frame, d[0, ]))$X), c(0L, 5L))
  expect_identical(design(fit_frame, new_rows(fit_frame, transform(d, x = Inf)))$X[1:2, 2], c(Inf, Inf))
})

test_that("a cell that the fit did not have is a new level", {
  frame <- read_frame(y ~ x + (1 | g/f), d[!(d$g == "g01" & d$f == "a"), ])$frame
  new_error(d[1:2, ], "level \"a:g01\" of `f:g`", frame = frame)
  expect_identical(new_rows(frame, d[1:2, ], allow.new.levels = TRUE)$codes[["f:g"]][1L], 0L)
})
