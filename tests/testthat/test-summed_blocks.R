# Rows are summed from the variables themselves, in any number of threads.

rows_of_kinds <- function(n = 400) {
  set.seed(41)
  f <- factor(sample(c("a", "b", "c"), n, TRUE), levels = c("c", "a", "b", "no"))
  d <- data.frame(g = sample(25, n, TRUE), f = f,
                  text = sample(c("u", "v"), n, TRUE), yes = sample(c(TRUE, FALSE), n, TRUE), count = rpois(n, 4),
                  x = rnorm(n), day = as.Date("2020-01-01") + sample(300, n, TRUE), w = runif(n), o = rnorm(n))
  d$m <- cbind(a = rnorm(n), b = rnorm(n))
  d$y <- rnorm(25)[d$g] + d$x + rnorm(n)
  d$h <- factor(sample(6, n, TRUE))
  d
}

kinds <- list(
  y ~ x + count + (1 | g), y ~ f * x + text + (x | g), y ~ 0 + f:text + (1 | g), y ~ yes + day + m + (yes | g),
  y ~ m:f + count:x + (0 + f | g), y ~ poly(x, 2) + log(count + 1) + (1 | g) + (1 | h), y ~ 1 + (f || g),
  y ~ 0 + x + (1 | g), y ~ f + (1 | g / h), count ~ x + offset(o) + (1 | g))

framed <- function(formula, data, ...) {
  suppressMessages(model_frame(model_spec(formula, TRUE), data, ...))
}

test_that("variables give the numbers that matrices of the design give, to the last bit", {
  d <- rows_of_kinds()
  for (formula in kinds) {
    read <- framed(formula, d, weights = quote(w), offset = quote(2 * o))
    constants <- list(x = read$frame$x_constant, z = lapply(read$frame$random, function(term) term$z_constant))
    expected <- engine_cross_products(engine_layout(read$frame), constants, 1L,
                                      function(k) design(read$frame, read$rows))
    expect_identical(summed_blocks(read$frame, read$rows), expected, label = deparse(formula))
  }
})

test_that("neither the number of threads nor who cuts the chunks changes a bit", {
  d <- rows_of_kinds()
  for (formula in kinds[c(1, 2, 4, 6, 7)]) {
    read <- framed(formula, d)
    sums <- lapply(1:3, function(threads) {
      summed_blocks(read$frame, read$rows, lmm_control(threads = threads, chunk_rows = 30))
    })
    constants <- list(x = read$frame$x_constant, z = lapply(read$frame$random, function(term) term$z_constant))
    cut <- engine_cross_products(engine_layout(read$frame), constants, 14L, function(k) {
      design(read$frame, read$rows, c((k - 1) * 30 + 1, min(k * 30, 400)))
    })
    expect_identical(sums[[2]], sums[[1]], label = deparse(formula))
    expect_identical(sums[[3]], sums[[1]], label = deparse(formula))
    expect_identical(cut, sums[[1]], label = deparse(formula))
  }
})

test_that("chunks give the fit to all rows at once", {
  d <- rows_of_kinds()
  whole <- lmm(y ~ f * x + count + (x | g), d)
  parts <- lmm(y ~ f * x + count + (x | g), d, control = lmm_control(chunk_rows = 23, threads = 2))
  expect_equal(fixef(parts), fixef(whole), tolerance = 1e-10)
  expect_equal(as.numeric(logLik(parts)), as.numeric(logLik(whole)), tolerance = 1e-12)
  expect_equal(refit(parts, d$y + d$x)$optimum$value, refit(whole, d$y + d$x)$optimum$value, tolerance = 1e-12)
})

test_that("the data are not copied", {
  skip_if_not(capabilities("profmem"))
  n <- 3e5
  set.seed(42)
  d <- data.frame(g = sample.int(300L, n, TRUE), x = rnorm(n), y = rnorm(n))
  lmm(y ~ x + (1 | g), d[1:1000, ])
  log <- tempfile()
  on.exit(unlink(log))
  utils::Rprofmem(log, threshold = 8e5)
  lmm(y ~ x + (1 | g), d)
  utils::Rprofmem(NULL)
  expect_length(grep("^[0-9]+ *:", readLines(log)), 0L)
})

test_that("threads come from the control, the option or the system, and a wrong number is refused", {
  old <- options(henderson.threads = 3L)
  on.exit(options(old))
  expect_identical(lmm_control()$threads, 3L)
  expect_identical(lmm_control(threads = 1)$threads, 1L)
  options(henderson.threads = NULL)
  expect_true(lmm_control()$threads %in% 1:2)
  expect_lte(lmm_control()$threads, engine_cores())
  expect_error(lmm_control(threads = 0), class = "lmm_error_input")
  options(henderson.threads = "many")
  expect_error(lmm_control(), class = "lmm_error_input")
})
