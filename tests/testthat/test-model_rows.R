# Rows keep the names they have in the data, as for stats::lm().

same_row_names <- function(data, ..., label) {
  fit <- suppressMessages(lmm(y ~ x + (1 | g), data, ...))
  plain <- lm(y ~ x, data, ...)
  testthat::expect_identical(names(fitted(fit)), names(fitted(plain)), label = paste(label, "fitted"))
  testthat::expect_identical(names(residuals(fit)), names(residuals(plain)), label = paste(label, "residuals"))
  testthat::expect_identical(names(predict(fit)), names(predict(plain)), label = paste(label, "predict"))
  testthat::expect_identical(rownames(model.frame(fit)), rownames(model.frame(plain)),
                             label = paste(label, "model.frame"))
  testthat::expect_identical(rownames(simulate(fit)), rownames(simulate(plain)), label = paste(label, "simulate"))
  testthat::expect_identical(names(na.action(model.frame(fit))), names(na.action(plain)),
                             label = paste(label, "na.action"))
  fit
}

test_that("labels of rows are those of the data: gaps, other orders, names, rows taken twice, missing values", {
  d <- behavior_data()
  gaps <- d[-(1:5), ]
  fit <- same_row_names(gaps, label = "gaps")
  expect_identical(names(fitted(fit))[1:3], c("6", "7", "8"))
  same_row_names(d[order(d$x), ], label = "order")
  same_row_names(gaps, subset = c(1:40, 1:3, 1:3), label = "gaps, twice")
  same_row_names(d, subset = c(1:40, 1:3, 1:3), label = "twice")
  missing <- within(gaps, y[c(3, 90)] <- NA)
  same_row_names(missing, label = "missing")
  same_row_names(missing, na.action = na.exclude, label = "excluded")
  same_row_names(missing, subset = which(missing$t > 3), na.action = na.exclude, label = "subset and missing")
  named <- structure(d, row.names = paste0("r", 1:96))
  same_row_names(named[-3, ], label = "names")
  same_row_names(named, subset = c(5:60, 5), label = "names, twice")
})

test_that("a variable outside the model frame is found for the rows used, whatever their names", {
  d <- behavior_data()
  set.seed(2)
  d$school <- factor(sample(rep(1:8, 12)))
  missing <- within(d[-(1:5), ], y[c(3, 90)] <- NA)
  row.names(missing)[7] <- "500"
  fit <- suppressMessages(lmm(y ~ x + (1 | g), missing))
  used <- missing[!is.na(missing$y), ]
  by_value <- vcov(fit, type = "CR2", cluster = used$school)
  expect_equal(vcov(fit, type = "CR2", cluster = ~ school), by_value, tolerance = 1e-12)
  for (data in list(d, missing, structure(d, row.names = paste0("r", 1:96)))) {
    twice <- c(11:90, 11:13, 11:13)
    fit <- suppressMessages(lmm(y ~ x + (1 | g), data, subset = twice))
    fit <- list(fit = fit, rows = if (anyNA(data$y)) twice[!is.na(data$y[twice])] else twice)
    expect_equal(vcov(fit$fit, type = "CR1", cluster = ~ school),
                 vcov(fit$fit, type = "CR1", cluster = data$school[fit$rows]), tolerance = 1e-12)
  }
})

test_that("no text is made of the row names of long data", {
  n <- 3e5
  set.seed(1)
  d <- data.frame(y = rnorm(n + 5), g = rep(1:10, length.out = n + 5))[-(1:5), ]
  fit <- suppressMessages(lmm(y ~ 1 + (1 | g), d))
  expect_identical(attr(fit$rows$data, "row.names"), attr(d, "row.names"))
  expect_type(attr(fit$rows$data, "row.names"), "integer")
})

test_that("what is wrong with the rows that are left says why others are not there", {
  arms <- data.frame(arm = gl(2, 30, labels = c("ctl", "trt")), grp = c(rep(NA, 30), rep(paste0("t", 1:6), each = 5)),
                     y = sin(1:60))
  arms$z <- as.numeric(arms$arm)
  arms$w <- replace(rep(1, 60), 1:30, NA)
  arms$one <- c(rep(c("a", "b"), 15), rep("c", 30))
  cases <- list(
    quote(read_frame(y ~ arm + (1 | grp), arms)), quote(read_frame(y ~ 1 + (arm | grp), arms)),
    quote(read_frame(y ~ 1 + (z | grp), arms)), quote(read_frame(z ~ 1 + (1 | grp), arms)),
    quote(read_frame(y ~ z + (1 | one), transform(arms, y = replace(y, 1:30, NA)))),
    quote(read_frame(y ~ arm + (1 | one), arms, weights = quote(w)))
  )
  for (case in cases) {
    e <- tryCatch(eval(case), error = identity)
    expect_s3_class(e, "lmm_error")
    expect_match(conditionMessage(e), "30 rows dropped: missing `(grp|y|weights)`")
    expect_match(e$fix, if (grepl("`grp`", conditionMessage(e))) "give `grp` a value there .*\"none\""
                        else "without values of `(y|weights)` there, `(one|arm)` cannot be used")
  }
  e <- tryCatch(read_frame(y ~ arm + (1 | one), arms, subset = quote(arm == "ctl")), error = identity)
  expect_match(conditionMessage(e), "only 1 level.*30 of 60 rows selected by `subset`")
  expect_match(e$fix, "Remove it from the formula")
})
