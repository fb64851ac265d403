# Data that cannot be used, the class of the error and what its text must say.

changed <- function(...) {
  d <- behavior_data()
  new <- list(...)
  for (name in names(new)) d[[name]] <- new[[name]]
  d
}
d <- behavior_data()
y <- d$y
base <- y ~ x + (1 | g)

bad_data <- list(
  list(changed(y = y * 1e160), "data", "variance of `y` overflows.*4\\.68e\\+160.*divide `y`"),
  list(changed(y = y * 1e-160), "data", "variance of `y` underflows"),
  list(changed(x = d$x * 1e-310), "data", "`x`.*denormal"),
  list(changed(x = d$x * 1e200), "data", "`x` overflows"),
  list(changed(y = 0), "data", "`y` is constant \\(0\\)"),
  list(changed(y = replace(y, 3, Inf)), "data", "response `y` has 1 infinite value \\(row 3\\)"),
  list(changed(x = replace(d$x, 4:6, -Inf)), "data", "variable `x` has 3 infinite values \\(rows 4-6\\)"),
  list(changed(y = NA_real_), "data", "no complete rows: all 96 values of `y` are missing"),
  list(changed(y = NA), "data", "all 96 values of `y`"),
  list(changed(y = as.character(y)), "data", "`y` is character"),
  list(changed(y = NA_character_), "data", "`y` is character"),
  list(changed(y = factor(y > 2)), "data", "`y` is a factor"),
  list(changed(y = complex(real = y, imaginary = 1)), "data", "`y` is complex"),
  list(changed(y = as.Date("2020-01-01") + 1:96), "data", "`y` is a Date; use as.numeric\\(y\\)"),
  list(changed(y = as.difftime(y, units = "secs")), "data", "`y` is a difftime"),
  list(changed(y = as.list(y)), "data", "`y` is a list column"),
  list(changed(x = as.list(d$x)), "data", "`x` is a list column"),
  list(changed(x = complex(real = d$x, imaginary = 1)), "data", "`x` has the unsupported type complex"),
  list(changed(x = as.POSIXlt(Sys.time() + 1:96)), "data", "`x` is a list"),
  list(changed(x = factor("a")), "data", "`x` has only 1 level \\(\"a\"\\)"),
  list(changed(x = "a"), "data", "`x` has only 1 level"),
  list(changed(g = matrix(as.integer(d$g), 96, 2)), "data", "`g` is a matrix"),
  list(changed(g = as.list(d$g)), "data", "`g` is a list"),
  list(changed(g = complex(real = as.integer(d$g), imaginary = 0)), "data", "unsupported type complex"),
  list(changed(g = NA), "data", "all 96 values of `g`"),
  list(changed(g = replace(as.numeric(d$g), 1, Inf)), "data", "`g` has infinite values"),
  list(changed(g = factor("a")), "unidentified", "`g` has 1 level"),
  list(changed(g = factor(1:96)), "unidentified", "`g` has one observation per level"),
  list(changed(x = as.character(d$x)), "unidentified", "96 fixed-effect columns, 96 rows.*\\n.*`x` has 96 levels"),
  list(d[1, ], "unidentified", "1 observation"),
  list(d[1:2, ], "unidentified", "2 fixed-effect columns, 2 rows")
)

test_that("unusable data are named", {
  for (case in bad_data) {
    e <- only_condition(read_frame(base, case[[1L]]))
    expect_identical(class(e)[1L], paste0("lmm_error_", case[[2L]]), label = case[[3L]])
    expect_match(conditionMessage(e), case[[3L]])
  }
})

test_that("types that can be read are read", {
  plain <- read_frame(base, d)$rows$y
  for (response in list(matrix(y, ncol = 1), ts(y), I(y), scale(y, FALSE, FALSE))) {
    expect_equal(read_frame(base, changed(y = response))$rows$y, plain)
  }
  logical <- read_frame(base, changed(y = y > 2))
  expect_identical(logical$rows$y, as.double(y > 2))
  expect_s3_class(logical$frame$conditions[[1L]], "lmm_warning_data")
  for (x in list(as.Date("2020-01-01") + d$t, as.POSIXct("2020-01-01") + d$t, as.difftime(d$t, units = "mins"),
                 I(d$x))) {
    read <- read_frame(base, changed(x = x))
    expect_equal(design(read$frame, read$rows)$X[, 2], as.double(x))
  }
})

test_that("random slopes without variation are refused", {
  expect_condition_of(read_frame(y ~ x + (z | g), changed(z = 0)), "lmm_error_unidentified", "`z`.*constant \\(0\\)")
  expect_condition_of(read_frame(y ~ x + (z | g), changed(z = 5)), "lmm_error_unidentified", "`z`.*constant \\(5\\)")
  expect_condition_of(read_frame(y ~ x + (0 + z | g), changed(z = 0)), "lmm_error_unidentified", "`z`")
  expect_silent(read_frame(y ~ x + (0 + z | g), changed(z = 5)))
})

test_that("one observation per level can be told from the residual when weights differ", {
  lone <- changed(g = factor(1:96), w = rep(1:2, 48))
  expect_silent(read_frame(base, lone, weights = quote(w)))
  few <- changed(w = rep(c(1, rep(0, 7)), 12))
  expect_condition_of(read_frame(base, few, weights = quote(w)), "lmm_error_unidentified", "one observation")
})

test_that("weights and offsets are checked", {
  weighted <- function(w) only_condition(read_frame(base, changed(w = w), weights = quote(w)))
  expect_match(conditionMessage(weighted(rep(c(-1, 1), c(5, 91)))), "`weights` has 5 negative values \\(rows 1-5\\)")
  expect_match(conditionMessage(weighted(0)), "all 0")
  expect_match(conditionMessage(weighted(replace(rep(1, 96), 2, Inf))), "`weights` has 1 infinite value \\(row 2\\)")
  expect_match(conditionMessage(weighted("a")), "numeric")
  expect_condition_of(read_frame(base, d, weights = 1:3), "lmm_error_data", "`weights` has length 3, data has 96 rows")
  expect_condition_of(read_frame(base, d, offset = 1:3), "lmm_error_data", "`offset` has length 3")
  expect_condition_of(read_frame(base, d, offset = quote(g)), "lmm_error_data", "`offset`.*factor")
  expect_condition_of(read_frame(base, d, weights = quote(nosuch)), "lmm_error_input", "nosuch")
})

test_that("values that a transformation makes unusable are named with their rows", {
  small <- changed(y = replace(abs(y), 1, 0))
  expect_condition_of(read_frame(log(y) ~ x + (1 | g), small), "lmm_error_data", "log\\(y\\) is -Inf in row 1")
  e <- expect_condition_of(read_frame(y ~ sqrt(x) + (1 | g), d), "lmm_error_data", "sqrt\\(x\\) is NaN in 42 rows")
  expect_identical(as.integer(e$where), which(d$x < 0)[1:5])
})
