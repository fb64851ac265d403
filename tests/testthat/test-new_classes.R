# Variables of new data in the classes and units of the fit: converted where nothing is lost, otherwise refused.

d <- behavior_data()
d$n <- d$t * 2L
with_x <- function(data, value) {
  data$x <- value
  data
}
fit_of <- function(value, formula = y ~ x + (1 | g)) suppressMessages(lmm(formula, with_x(d, value)))
answer <- function(fit, x, rows = c(4, 9, 30)) {
  new <- d[rows, ]
  new$x <- if (is.factor(x) ||
               inherits(x, c("Date", "POSIXct"))) x[rows] else structure(x[rows], class = oldClass(x),
                                                                         units = attr(x, "units"))
  tryCatch(unname(predict(fit, new)), lmm_error_newdata = function(e) "refused")
}

numbers <- as.numeric(d$n)
kinds <- list(
  number = numbers, integer = d$n,
  labelled = structure(numbers, class = c("haven_labelled", "vctrs_vctr", "double"), labels = c(low = 2)),
  asis = I(numbers), date = as.Date("2024-01-01") + numbers, time = as.POSIXct(as.Date("2024-01-01") + numbers),
  utc = as.POSIXct("2024-01-01", tz = "UTC") + 86400 * numbers,
  zone = as.POSIXct("2024-01-01", tz = "America/New_York") + 86400 * numbers,
  days = as.difftime(numbers, units = "days"), hours = as.difftime(24 * numbers, units = "hours"),
  clock = structure(86400 * numbers, units = "secs", class = c("hms", "difftime")),
  month = structure(2024 + numbers / 12, class = "yearmon"),
  meters = structure(numbers, units = "m", class = "units"),
  feet = structure(numbers / 0.3048, units = "ft", class = "units"),
  factor = factor(numbers), ordered = factor(numbers, ordered = TRUE), text = as.character(numbers), truth = numbers > 8
)

# Which classes of new data mean the same as that of the fit.
same_meaning <- list(c("number", "integer", "labelled", "asis"), c("date", "time", "utc"), c("days", "hours", "clock"),
                     c("factor", "text", "ordered"))
allowed <- function(a, b) a == b || any(vapply(same_meaning, function(set) all(c(a, b) %in% set), NA)) ||
  (a == "zone" && b %in% c("time", "utc")) || (b == "zone" && a %in% c("time", "utc")) ||
  a %in% c("factor", "ordered", "text") && b %in% c("number", "integer", "labelled", "asis")     # levels by their names

test_that("each class against each: the right value or a refusal, never another number", {
  for (a in names(kinds)) {
    fit <- fit_of(kinds[[a]])
    right <- unname(fitted(fit)[c(4, 9, 30)])
    for (b in names(kinds)) {
      value <- answer(fit, kinds[[b]])
      if (identical(value, "refused")) expect_false(allowed(a, b), label = paste("refused:", b, "for", a))
      else if (a == "time" && b == "zone" || b == "time" && a == "zone" || a == "utc" && b == "zone" || a == "zone" &&
               b == "utc") {
        expect_equal(value, right + 5 / 24 * fixef(fit)[[2L]] * (if (a == "zone") -
                                                                 1 else 1) *
                                                                   (if (a %in% c("time", "utc", "zone")) 86400 else 1))
      } else {
        expect_true(allowed(a, b), label = paste("accepted:", b, "for", a))
        expect_equal(value, right, label = paste(b, "for", a))
      }
    }
  }
})

test_that("the same in slopes, expressions, offsets and groups", {
  formulas <- list(y ~ f + (x | g), y ~ f + I(as.numeric(x) / 2) + (1 | g), y ~ f + offset(as.numeric(x)) + (1 | g),
                   y ~ f + (1 | x))
  for (formula in formulas) for (a in c("number", "date", "utc", "zone", "days", "clock", "meters")) {
    fit <- suppressWarnings(fit_of(kinds[[a]], formula))
    right <- unname(fitted(fit)[c(4, 9, 30)])
    for (b in c(a, "number", "date", "time", "hours", "month", "feet", "factor", "truth")) {
      value <- answer(fit, kinds[[b]])
      if (a == b) expect_equal(value, right, label = paste(deparse(formula[[3]]), b, "for", a))
      if (identical(value, "refused") || a == "zone" || b == "zone") next
      expect_equal(value, right, label = paste(deparse(formula[[3]]), b, "for", a))
    }
  }
})

test_that("a Date and a time of another zone or hour are no instants of each other: refused with the cure", {
  fit <- fit_of(kinds$date)
  message_of <- function(fit, x) conditionMessage(tryCatch(predict(fit, with_x(d[1:2, ], x)), error = identity))
  expect_match(message_of(fit, as.POSIXct("2024-01-03", tz = "America/New_York")),
               "as.Date\\(x, tz = \"America/New_York\"\\)")
  expect_match(message_of(fit, as.POSIXct("2024-01-03 10:00", tz = "UTC")), "with times of day")
  expect_match(message_of(fit, 19724), "was a Date in the fit, but is numeric")
  expect_match(message_of(fit_of(kinds$zone), as.Date("2024-01-03")),
               "as.POSIXct\\(format\\(x\\), tz = \"America/New_York\"\\)")
  expect_match(message_of(fit_of(d$n), as.difftime(2, units = "mins")), "was numeric in the fit, but is a difftime")
  new <- d[1:2, ]
  new$x <- as.POSIXlt(kinds$time[1:2])
  expect_equal(predict(fit_of(kinds$time), new), fitted(fit_of(kinds$time))[1:2])
})

test_that("the zone of the session does not matter", {
  old <- Sys.getenv("TZ", unset = NA)
  on.exit(if (is.na(old)) Sys.unsetenv("TZ") else Sys.setenv(TZ = old))
  for (zone in c("UTC", "Asia/Tokyo", "America/New_York")) {
    Sys.setenv(TZ = zone)
    expect_equal(answer(fit_of(kinds$date), kinds$time), unname(fitted(fit_of(kinds$date))[c(4, 9, 30)]))
    expect_equal(answer(fit_of(kinds$time), kinds$date), unname(fitted(fit_of(kinds$time))[c(4, 9, 30)]))
  }
})

test_that("codes of factors in expressions are those of the fit", {
  formula <- y ~ as.numeric(f) + (as.integer(f) | g)
  fit <- suppressMessages(lmm(formula, d))
  right <- fitted(fit)[5:9]
  new <- d[5:9, ]
  for (f in list(droplevels(new$f), as.character(new$f), factor(new$f, rev(levels(d$f))),
                 factor(new$f, ordered = TRUE))) {
    expect_equal(predict(fit, transform(new, f = f)), right)
  }
  expect_equal(predict(fit, transform(new[1, ], f = as.character(f))), right[1])
  text <- lmm(y ~ as.numeric(x) + (1 | g), with_x(d, as.character(d$n)))
  expect_equal(predict(text, with_x(new, factor(new$n))), predict(text)[5:9])
  number <- lmm(y ~ as.numeric(n) + factor(n > 4) + (1 | g), d)
  expect_equal(predict(number, transform(new, n = factor(n))), predict(number)[5:9])
  expect_equal(predict(number, transform(new, n = as.character(n))), predict(number)[5:9])
})

test_that("0 and 1 are FALSE and TRUE; a column of missing values is of any class", {
  fit <- fit_of(d$n > 8)
  expect_equal(answer(fit, as.numeric(d$n > 8)), unname(fitted(fit)[c(4, 9, 30)]))
  expect_equal(answer(fit, as.character(d$n > 8)), unname(fitted(fit)[c(4, 9, 30)]))
  expect_identical(answer(fit, d$n), "refused")
  for (x in kinds) expect_identical(answer(fit_of(x), rep(NA, 96)), rep(NA_real_, 3L))
})

test_that("units of package 'units' are converted by it", {
  skip_if_not_installed("units")
  set_units <- getExportedValue("units", "set_units")
  meters <- set_units(numbers, "m")
  fit <- fit_of(meters)
  expect_equal(answer(fit, set_units(meters, "ft")), unname(fitted(fit)[c(4, 9, 30)]))
  expect_identical(answer(fit, set_units(numbers, "kg")), "refused")
  expect_identical(answer(fit, numbers), "refused")
})

test_that("in the grids of 'emmeans' numbers stand for times", {
  skip_if_not_installed("emmeans")
  right <- as.data.frame(emmeans::emmeans(fit_of(numbers, y ~ x + f + (1 | g)), ~ f))
  for (kind in c("date", "utc", "days", "meters")) {
    expect_equal(as.data.frame(emmeans::emmeans(fit_of(kinds[[kind]], y ~ x + f + (1 | g)),
                               ~ f))$emmean, right$emmean, tolerance = 1e-6)
  }
})

test_that("a column scaled by other constants than in the fit is told", {
  scaled <- d
  scaled$x <- scale(d$x)
  scaled$p <- poly(d$t, 2)
  fit <- lmm(y ~ x + p + (1 | g), scaled)
  expect_silent(expect_equal(predict(fit, scaled), fitted(fit)))
  expect_silent(expect_equal(predict(fit, scaled[3:9, ]), fitted(fit)[3:9]))
  new <- d[3:20, ]
  new$x <- scale(new$x, attr(scaled$x, "scaled:center"), attr(scaled$x, "scaled:scale"))
  new$p <- predict(scaled$p, new$t)
  expect_silent(expect_equal(predict(fit, new), fitted(fit)[3:20]))
  new$x <- scale(d$x[3:20])
  expect_warning(predict(fit, new), "`x` of `newdata` was made by scale\\(\\)", class = "lmm_warning_newdata")
  new$x <- as.vector(scaled$x)[3:20]
  new$p <- poly(new$t, 2)
  expect_warning(predict(fit, new), "`p` of `newdata`", class = "lmm_warning_newdata")
})
