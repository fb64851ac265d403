# Are fits compared exactly where each row has the same response, weight and offset in both?

comparison_data <- function(seed, n = 40) {
  set.seed(seed)
  d <- data.frame(g = factor(sample(letters[1:5], n, TRUE)), x = rnorm(n), z = rnorm(n), w = runif(n, 1, 3),
                  o = rnorm(n))
  d$y <- d$x + rnorm(5)[d$g] + rnorm(n)
  d
}

# Does a table of criteria by maximum likelihood exist?
compared <- function(a, b) {
  tryCatch({
    anova(a, b, refit = FALSE)
    TRUE
  }, lmm_error_input = function(e) FALSE)
}

quiet_ml <- function(...) suppressMessages(lmm(..., REML = FALSE))

renamed <- function(d) {
  rownames(d) <- NULL
  d
}

# What leaves every row as it is, and what gives the response, weights or offset of one row to another.
same_ways <- list(
  order = function(d) d[rev(seq_len(nrow(d))), ],
  shuffled = function(d) d[sample(nrow(d)), ],
  new_names = function(d) renamed(d[sample(nrow(d)), ]),
  text = function(d) transform(d, g = as.character(g)),
  levels = function(d) transform(d[sample(nrow(d)), ], g = factor(g, rev(levels(g)))),
  named = function(d) {
    rownames(d) <- paste0("row", seq_len(nrow(d)))
    d[sample(nrow(d)), ]
  }
)
other_ways <- list(
  response = function(d) transform(d, y = y[c(2:nrow(d), 1)]),
  two_rows = function(d) {
    at <- which(d$g != d$g[1])[1]
    d$y[c(1, at)] <- d$y[c(at, 1)]
    d
  },
  weights = function(d) transform(d, w = rev(w)),
  offset = function(d) transform(d, o = rev(o)),
  shuffled_response = function(d) {
    d <- renamed(d[sample(nrow(d)), ])
    transform(d, y = sample(y))
  },
  unit = function(d) transform(d, y = 2 * y)
)

test_that("rows in another order are the same rows, responses in other rows are not", {
  for (seed in 1:4) for (kept in list(c(TRUE, TRUE), c(TRUE, FALSE), c(FALSE, FALSE))) {
    d <- comparison_data(seed)
    fit <- function(formula, data, keep) {
      quiet_ml(formula, data, weights = w, offset = o, control = lmm_control(keep_rows = keep))
    }
    large <- fit(y ~ x + (1 | g), d, kept[1])
    for (way in names(same_ways)) {
      small <- fit(y ~ 1 + (1 | g), same_ways[[way]](d), kept[2])
      expect_true(compared(small, large), label = paste("same rows:", way, seed, kept[2]))
    }
    for (way in names(other_ways)) {
      small <- fit(y ~ 1 + (1 | g), other_ways[[way]](d), kept[2])
      expect_false(compared(small, large), label = paste("other rows:", way, seed, kept[2]))
    }
  }
})

test_that("equal responses in different rows are not taken for the same rows", {
  d <- transform(comparison_data(5), y = rep(c(1, 2, 4, 3), 10) + 0)
  d$x[3] <- d$z[7] <- NA
  a <- quiet_ml(y ~ x + (1 | g), d)
  b <- quiet_ml(y ~ z + (1 | g), d)
  expect_identical(nobs(a), nobs(b))
  expect_false(compared(a, b))                                       # rows 3 and 7 have the same response
  first <- quiet_ml(y ~ 1 + (1 | g), d, subset = 1:20)
  second <- quiet_ml(y ~ 1 + (1 | g), d, subset = 21:40)
  expect_false(compared(first, second))
  whole <- comparison_data(6)
  some <- whole[11:30, ]
  expect_true(compared(quiet_ml(y ~ 1 + (1 | g), some), quiet_ml(y ~ x + (1 | g), whole, subset = 11:30)))
  expect_true(compared(quiet_ml(y ~ 1 + (1 | g), renamed(some)), quiet_ml(y ~ x + (1 | g), whole, subset = 30:11)))
})

test_that("responses that move within groups are noticed where the data are there to tell", {
  d <- renamed(comparison_data(7))
  moved <- d
  moved$y <- ave(d$y, d$g, FUN = rev)
  a <- quiet_ml(y ~ x + (1 | g), d)
  expect_false(compared(a, quiet_ml(y ~ z + (1 | g), moved)))
  expect_false(compared(a, quiet_ml(y ~ x + (1 | g), moved)))
  expect_true(compared(a, quiet_ml(y ~ z + (1 | g), d[40:1, ])))
  shuffled <- renamed(d[sample(40), ])
  expect_true(compared(a, quiet_ml(y ~ z + (1 | g), shuffled)))
})

test_that("the data of one of the fits are enough to tell", {
  d <- renamed(comparison_data(11))
  a <- quiet_ml(y ~ log(x + 9) + (1 | g), d)
  d <- renamed(d[order(d$x), ])                                       # what `a` was fitted to is gone
  expect_true(compared(a, quiet_ml(y ~ z + (1 | g), d)))
  moved <- transform(d, y = ave(y, g, FUN = rev))
  expect_false(compared(a, quiet_ml(y ~ z + (1 | g), moved)))
  gone <- list(quiet_ml(y ~ x + (1 | g), d), quiet_ml(y ~ z + (1 | g), renamed(d[40:1, ])))
  gone <- lapply(gone, function(fit) unserialize(serialize(fit, NULL)))
  gone[[1]]$data <- gone[[2]]$data <- NULL
  rm(d)
  expect_false(compared(gone[[1]], gone[[2]]))                        # neither can tell
})

test_that("a response by another name is the same response where all values are equal", {
  d <- transform(comparison_data(8), copy = y)
  a <- quiet_ml(y ~ x + (1 | g), d)
  expect_true(compared(a, quiet_ml(copy ~ 1 + (1 | g), d)))
  expect_error(anova(a, quiet_ml(exp(y) ~ 1 + (1 | g), d)), "different responses", class = "lmm_error_input")
})

test_that("rows of weight zero do not count", {
  d <- transform(comparison_data(9), v = rep(c(0, 1, 1, 1), 10))
  a <- quiet_ml(y ~ x + (1 | g), d, weights = v)
  expect_true(compared(quiet_ml(y ~ 1 + (1 | g), d, subset = v > 0), a))
  e <- d
  e$y[d$v == 0] <- 99
  expect_true(compared(quiet_ml(y ~ 1 + (1 | g), e, weights = v), a))
})

test_that("tables of criteria, lrtest() and bootstrap_test() look at rows too", {
  d <- comparison_data(10)
  a <- lmm(y ~ x + (1 | g), d)
  b <- lmm(y ~ x + (1 | g), transform(d, y = rev(y)))
  for (criterion in list(AIC, BIC)) {
    expect_error(criterion(a, b), "different values of the response", class = "lmm_error_input")
    expect_error(criterion(a, lmm(y ~ x + (1 | g), d[-1, ])), "n = 40 and n = 39", class = "lmm_error_input")
    expect_error(criterion(a, lm(y ~ x, d[-1, ])), "class \"lm\"", class = "lmm_error_input")
    expect_silent(criterion(a, suppressMessages(lmm(y ~ x + (1 | g) + (0 + z | g), d[40:1, ]))))
    expect_warning(criterion(a, lmm(y ~ 1 + (1 | g), d)), "different fixed effects", class = "lmm_warning_data")
    expect_warning(criterion(a, lmm(y ~ x + (1 | g), d, REML = FALSE)), "restricted and full",
                   class = "lmm_warning_data")
    expect_warning(criterion(a, lm(y ~ x, d)), "restricted and full", class = "lmm_warning_data")
    expect_silent(criterion(update(a, REML = FALSE), lm(y ~ x, d)))
  }
  expect_error(bootstrap_test(a, update(b, . ~ . - x), nsim = 2), "different values", class = "lmm_error_input")
  skip_if_not_installed("lmtest")
  expect_error(lmtest::lrtest(a, b), "different values", class = "lmm_error_input")
})

test_that("tests that go through rows do not depend on their order", {
  set.seed(13)
  d <- transform(comparison_data(13), v = rep(c(1, 2, 0, 1), 10))
  large <- lmm(y ~ x + z + (1 | g), d, weights = w, offset = o)
  small <- lmm(y ~ x + (1 | g), d, weights = w, offset = o)
  by_f <- anova(small, large, test = "F")
  drawn <- suppressMessages(anova(small, large, test = "bootstrap", nsim = 19, seed = 1))
  tested <- bootstrap_test(large, small, nsim = 19, seed = 1)
  for (way in names(same_ways)) {
    moved <- same_ways[[way]](d)
    again <- lmm(y ~ x + (1 | g), moved, weights = w, offset = o)
    expect_equal(unlist(anova(again, large, test = "F")), unlist(by_f), tolerance = 1e-8, label = way)
    other <- lmm(y ~ x + z + (1 | g), moved, weights = w, offset = o)
    expect_equal(bootstrap_test(other, small, nsim = 19, seed = 1)$reference, tested$reference, tolerance = 1e-5,
                 label = way)
    expect_equal(suppressMessages(anova(small, other, test = "bootstrap", nsim = 19, seed = 1)), drawn,
                 tolerance = 1e-6, ignore_attr = TRUE)
  }
  kept <- lmm(y ~ x + (1 | g), d, subset = v > 0, weights = v)
  whole <- lmm(y ~ x + z + (1 | g), d, weights = v)
  expect_equal(unlist(anova(kept, whole, test = "F")), unlist(anova(update(whole, . ~ . - z), whole, test = "F")),
               tolerance = 1e-8)
})
