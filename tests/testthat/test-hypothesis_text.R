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
