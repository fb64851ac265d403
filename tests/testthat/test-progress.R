# The bar of long work.

lines_of <- function(seconds, total, show = TRUE) {
  now <- 0
  out <- character()
  bar <- progress_bar(total, "Refits", show, clock = function() now, write = function(...) out <<- c(out, paste0(...)))
  for (k in seq_len(total)) {
    now <- now + seconds
    bar(k)
  }
  out
}

test_that("work of less than two seconds shows nothing", {
  expect_length(lines_of(0.01, 100), 0)
  expect_length(lines_of(1, 100, show = FALSE), 0)
  expect_length(lines_of(10, 1), 0)
})

test_that("the bar has the part done and the time left, and is cleared", {
  out <- lines_of(1, 100)
  expect_match(out[1], "Refits \\[ {20}\\] 2 percent, 2 min left")
  expect_match(out[49], "\\[={10} {10}\\] 50 percent, 50 s left")
  expect_match(out[length(out)], "^\r +\r$")
  expect_length(unique(nchar(out[-length(out)])), 1)
  expect_match(lines_of(500, 100)[1], "13.8 h left", fixed = TRUE)
})

test_that("results do not depend on whether a bar is shown", {
  fit <- lmm(bright ~ 1 + (1 | operator), pulp)
  quiet <- bootstrap(fit, nsim = 40, seed = 1, progress = FALSE)
  expect_output(loud <- bootstrap(fit, nsim = 40, seed = 1, progress = TRUE), "40 of 40 refits")
  expect_identical(loud$t, quiet$t)
})

test_that("one option shows or hides all bars", {
  old <- options(henderson.progress = TRUE)
  on.exit(options(old))
  expect_true(shows_progress())
  options(henderson.progress = FALSE)
  expect_false(shows_progress())
  options(henderson.progress = NULL)
  expect_identical(shows_progress(), interactive())
})

test_that("limits by the profile are counted by a bar", {
  fit <- lmm(distance ~ age + (age | Subject), as.data.frame(nlme::Orthodont))
  suppressMessages(trace("progress_bar", quote(options(bars_seen = c(getOption("bars_seen"), paste(total, what)))),
                         print = FALSE, where = asNamespace("henderson")))
  on.exit({
    suppressMessages(untrace("progress_bar", where = asNamespace("henderson")))
    options(bars_seen = NULL)
  })
  limits <- confint(fit, "theta_", quiet = TRUE)
  expect_true("8 Limits" %in% getOption("bars_seen"))
  expect_equal(limits[1L, ], confint(fit, ".sig01", quiet = TRUE)[1L, ])
})

test_that("a calculation of more than two seconds shows its time where bars are shown, and clears the line", {
  skip_on_cran()
  set.seed(1)
  n <- 25000
  d <- data.frame(u = factor(sample(4000, n, TRUE)), m = factor(sample(2600, n, TRUE)))
  d$y <- rnorm(4000)[d$u] + rnorm(2600)[d$m] + rnorm(n)
  old <- options(henderson.progress = TRUE)
  on.exit(options(old))
  seconds <- system.time(said <- capture.output(
    fit <- lmm(y ~ 1 + (1 | u) + (1 | m), d, control = lmm_control(solver = "direct")), type = "message"))[["elapsed"]]
  skip_if(seconds < 3, "a machine that is too fast")
  expect_match(said, "\rComputing: evaluation [0-9]+ of the criterion, [0-9]+ s")
  expect_match(said, "\r +\r$")
  options(henderson.progress = FALSE)
  expect_false(any(grepl("Computing", capture.output(refit(fit, rev(d$y)), type = "message"))))
})
