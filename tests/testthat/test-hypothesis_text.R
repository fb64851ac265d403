# Hypotheses as equations: the same as the rows that they mean.

slopes <- lmm(y ~ t * Treatment + (1 | rat), rats)
shares <- c("Estimate", "df", "t value", "Pr(>|t|)")

test_that("an equation is the row that it means", {
  names <- names(fixef(slopes))
  row <- function(...) {
    values <- c(...)
    replace(numeric(length(names)), match(names(values), names), values)
  }
  same <- function(text, L, rhs = 0) {
    expect_equal(unclass(contest(slopes, text, joint = FALSE))[shares],
                 unclass(contest(slopes, L, rhs = rhs, joint = FALSE))[shares], label = text)
  }
  same("t = 0", row(t = 1))
  same("t = 8", row(t = 1), 8)
  same("2 * t - 3 = 5", row(t = 2), 8)
  same(paste0("t:", names[3], " - t = 0"), row(setNames(c(1, -1), c(names[5], "t"))))
  same(paste0("(Intercept) / 2 == ", names[3], " + 1"), row(setNames(c(0.5, -1), c("(Intercept)", names[3]))), 1)
  same(paste0("`", names[5], "` = -(t - 1)"), row(setNames(c(1, 1), c(names[5], "t"))), 1)
})

test_that("several equations are tested together", {
  names <- names(fixef(slopes))
  text <- paste(names[3:4], "= 0")
  expect_equal(contest(slopes, text)[["F value"]], contest(slopes, diag(6)[3:4, ])[["F value"]])
  expect_identical(rownames(contest(slopes, text, joint = FALSE)), text)
})

test_that("names with operators in them are read as names", {
  d <- transform(penicillin, x = seq_len(nrow(penicillin)))
  fit <- lmm(yield ~ x + I(x^2) + (1 | blend), d)
  expect_equal(contest(fit, "I(x^2) - x = 0", joint = FALSE)$Estimate, unname(fixef(fit)[3] - fixef(fit)[2]))
})

test_that("names in backticks and names with an equals sign are read as names", {
  d <- transform(rats, ff = t > 1)
  names(d)[match(c("t"), names(d))] <- "x y"
  d$`f f` <- d$rat %in% unique(d$rat)[1:9]
  fit <- lmm(y ~ `f f` + ff * `x y` + I(`x y` == max(`x y`)) + (1 | rat), d)
  names <- names(fixef(fit))
  expect_identical(names[-1], c("`f f`TRUE", "ffTRUE", "`x y`", "I(`x y` == max(`x y`))TRUE", "ffTRUE:`x y`"))
  same <- function(text, values, rhs = 0) {
    row <- replace(numeric(length(names)), match(names(values), names), values)
    expect_equal(unclass(contest(fit, text, joint = FALSE))[shares],
                 unclass(contest(fit, row, rhs = rhs, joint = FALSE))[shares], label = text)
  }
  for (j in names) for (text in c(j, gsub("`", "", j), paste0("`", gsub("`", "", j), "`"))) {
    same(paste(text, "= 0"), setNames(1, j))
  }
  same("2 * `x y` - `f f`TRUE == ffTRUE:`x y` + 3", c("`x y`" = 2, "`f f`TRUE" = -1, "ffTRUE:`x y`" = -1), 3)
  expect_error(contest(fit, "`x z` = 0"), class = "lmm_error_input", "`x z` in")
  expect_error(contest(fit, "`x y`:ffTRUE = 0"), class = "lmm_error_input", "an interaction in .*`ffTRUE:`x y``")
  draws <- posterior(fit, draws = 50, seed = 1)
  expect_identical(unname(attr(contest(draws, "`x y` - 1 = 0"), "draws")[[1]]), unname(draws[["`x y`"]]))
  slope <- unname(fixef(fit)["`x y`"])
  expect_identical(quantity(fit, ~ beta(`x y`), ~ beta("`x y`"), ~ beta("x y"), method = "delta")$estimate,
                   rep(slope, 3))
  expect_identical(quantity(fit, ~ beta(ffTRUE:`x y`), method = "delta")$estimate,
                   unname(fixef(fit)["ffTRUE:`x y`"]))
})

test_that("what is no linear equation is refused with the reason", {
  expect_error(contest(slopes, "t * t = 0"), class = "lmm_error_input", "not a linear equation")
  expect_error(contest(slopes, "tt = 0"), class = "lmm_error_input", "`tt` in")
  expect_error(contest(slopes, "exp(t) = 1"), class = "lmm_error_input", "not a linear equation")
  expect_error(contest(slopes, "t = 1 = 2"), class = "lmm_error_input")
  expect_error(contest(slopes, "t - = 0"), class = "lmm_error_input")
  expect_error(contest(slopes, "t ="), class = "lmm_error_input")
  expect_error(contest(slopes, "t"), class = "lmm_error_input")
  expect_error(contest(slopes, NA_character_), class = "lmm_error_input")
  expect_error(contest(slopes, "t = 1", rhs = 2), class = "lmm_error_input", "rhs")
})

test_that("tables of hypotheses print few digits", {
  printed <- capture.output(contest(slopes, "t = 0", joint = FALSE))
  expect_true(max(nchar(gsub("[^0-9]", "", strsplit(printed[2], " +")[[1]]))) <= 6)
})

test_that("an interaction in another order, or with a letter wrong, is answered with the one that was meant", {
  crossed <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  expect_error(contest(crossed, "varietyv2:irrigationi3 = 0"), "Did you mean `irrigationi3:varietyv2`?", fixed = TRUE,
               class = "lmm_error_input")
  expect_error(contest(crossed, "irrigation3 : varietyv2 = 0"), "Did you mean `irrigationi3:varietyv2`?", fixed = TRUE,
               class = "lmm_error_input")
  expect_error(contest(crossed, "alpha:beta = 0"), "The coefficients are", class = "lmm_error_input")
})
