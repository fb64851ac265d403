# What a fit from cross-products is asked about its rows, and rows that are not the same when they are read again.

cells_fit <- function(d, formula = y ~ x + h + (x | g)) lmm(formula, cross_products(formula, d))

test_that("clusters that the table does not tell apart come from rows that are given again", {
  d <- cells_data()
  fits <- list(lmm(y ~ x + h + (x | g), d), cells_fit(d))
  parts <- chunks(split(d, rep_len(1:3, nrow(d))))
  for (type in c("CR0", "CR1", "CR2", "CR3")) {
    expected <- vcov(fits[[1L]], type = type, cluster = ~a)
    for (data in list(d, parts)) {
      expect_equal(vcov(fits[[2L]], type = type, cluster = ~a, data = data), expected, tolerance = 1e-8, label = type)
    }
  }
  both <- vcov(fits[[2L]], type = "CR2", cluster = ~ a:h, data = d)
  expect_equal(both, vcov(fits[[1L]], type = "CR2", cluster = ~ a:h), tolerance = 1e-8)
  finer <- lmm(y ~ x + h + (x | g), cross_products(y ~ x + h + (x | g) + (1 | a), d))
  expect_equal(vcov(finer, type = "CR2", cluster = ~a), vcov(fits[[1L]], type = "CR2", cluster = ~a), tolerance = 1e-8)
  for (cluster in list(~g, ~ g:a)) {                  # of which the table has a part already
    expect_equal(vcov(fits[[2L]], type = "CR1", cluster = cluster, data = d),
                 vcov(fits[[1L]], type = "CR1", cluster = cluster), tolerance = 1e-8)
  }
  f <- y ~ x + (x | g)
  expect_equal(as.matrix(anova(cells_fit(d, f), ddf = "cluster-robust", cluster = ~a, data = d)),
               as.matrix(anova(lmm(f, d), ddf = "cluster-robust", cluster = ~a)), tolerance = 1e-6)
  a <- "not this"
  refused <- function(...) expect_error(vcov(..., type = "CR1", cluster = ~a), class = "lmm_error_input")
  expect_match(conditionMessage(refused(fits[[2L]])), "levels of `a`")
  refused(fits[[1L]], data = d)
  expect_error(vcov(fits[[2L]], type = "CR1", cluster = d$a, data = d), class = "lmm_error_input")
  expect_error(vcov(fits[[2L]], type = "CR1", cluster = ~a, data = d[-1L, ]), class = "lmm_error_data")
  for (name in c("y", "x", "g")) {      # as many rows, but others
    moved <- d
    moved[[name]] <- rev(moved[[name]])
    expect_error(vcov(fits[[2L]], type = "CR1", cluster = ~a, data = moved), "cross-products differ",
                 class = "lmm_error_data")
  }
  moved <- d[rev(seq_len(nrow(d))), ]
  expect_equal(vcov(fits[[2L]], type = "CR1", cluster = ~a, data = moved),
               vcov(fits[[1L]], type = "CR1", cluster = ~a), tolerance = 1e-8)
})

test_that("leverages and distances of rows that are given again", {
  d <- cells_data()
  d$x[4] <- NA
  for (weights in list(NULL, d$w)) {
    d$weight <- if (is.null(weights)) 1 else weights
    a <- suppressMessages(lmm(y ~ x + h + (x | g), d, weights = weight, na.action = na.exclude))
    b <- suppressMessages(lmm(y ~ x + h + (x | g),
                              cross_products(y ~ x + h + (x | g), d, weights = weight)))
    for (f in list(hatvalues, rstandard, rstudent, cooks.distance)) {
      for (data in list(d, chunks(list(d[1:100, ], d[101:301, ])))) {
        expect_equal(unname(f(b, data = data)), unname(f(a)), tolerance = 1e-8)
      }
      expect_error(f(b), "hatvalues\\(\\), .*accept the rows again", class = "lmm_error_input")
    }
  }
})

test_that("rows that change between two passes are an error, and no fit", {
  d <- cells_data()
  changing <- function(change) {
    at <- pass <- 0
    chunks(function(reset = FALSE) {
      if (reset) {
        at <<- 0
        pass <<- pass + 1
        return(invisible())
      }
      if (at == 3) return(NULL)
      at <<- at + 1
      part <- d[(at - 1) * 100 + 1:100, ]
      if (pass > 2) change(part, at) else part
    })
  }
  fit <- function(change) tryCatch(lmm(y ~ poly(x, 2) + (1 | g), changing(change)), error = identity)
  expect_s3_class(fit(function(part, at) part), "lmm_fit")
  fewer <- fit(function(part, at) if (at == 2) part[-1L, ] else part)
  expect_s3_class(fewer, "lmm_error_data")
  expect_match(conditionMessage(fewer), "rows changed while they were read: 300 .* 299")
  expect_s3_class(fit(function(part, at) rbind(part, part[1L, ])), "lmm_error_data")
  expect_s3_class(fit(function(part, at) part[names(part) != "x"]), "lmm_error")
})

test_that("origins far from the data cost no digits that the rows keep", {
  d <- cells_data()
  d$far <- d$x + 1e8
  d$high <- d$y + 1e6
  d$seconds <- 1.7e9 + 1000 * d$x
  d$day <- as.Date("2024-01-01") + round(d$x)
  parts <- split(d, rep_len(1:4, nrow(d)))
  pairs <- list(list(y ~ far + (1 | g), y ~ x + (1 | g)), list(high ~ x + (x | g), y ~ x + (x | g)),
                list(y ~ seconds + (1 | g), y ~ I(1000 * x) + (1 | g)), list(y ~ day + (1 | g), y ~ round(x) + (1 | g)))
  for (pair in pairs) {
    near <- lmm(pair[[2L]], d)
    for (fit in list(lmm(pair[[1L]], cross_products(pair[[1L]], d)), lmm(pair[[1L]], chunks(parts)))) {
      expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(near)), tolerance = 1e-9)
      expect_equal(fixef(fit)[[2L]], fixef(near)[[2L]], tolerance = 1e-6)
    }
  }
  skip_if_not_installed("RSQLite")
  con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(con))
  DBI::dbWriteTable(con, "t", transform(d, g = as.character(g), day = as.character(day)))
  for (pair in pairs[1:3]) {
    fit <- lmm(pair[[1L]], sql_rows(con, "t"))
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(lmm(pair[[2L]], d))), tolerance = 1e-9)
  }
})

test_that("a day more costs what the day holds, whatever came before", {
  d <- cells_data(3000)
  days <- split(d, rep_len(1:30, nrow(d)))
  table <- cross_products(y ~ x + (1 | g), days[[1L]])
  cells <- size <- rows <- numeric(30)
  real <- engine_add_rows
  for (k in 2:30) {
    replaced("engine_add_rows", function(table, n, ...) {
      rows[k] <<- rows[k] + n
      real(table, n, ...)
    }, table <- table + cross_products(table, days[[k]]))
    cells[k] <- length(table$n)
    size[k] <- length(serialize(table, NULL))
  }
  expect_identical(rows[-1L], vapply(unname(days[-1L]), nrow, 0L) + 0)
  expect_identical(range(cells[-1L]), c(15, 15))
  expect_lt(max(size) - min(size[-1L]), 200)
})

test_that("weights and offset of chunks and databases are read again with the rows", {
  d <- cells_data()
  d$w <- d$w * ifelse(d$a > 2, 10, 0.1)
  parts <- chunks(split(d, rep_len(1:3, nrow(d))))
  sources <- list(parts)
  if (requireNamespace("RSQLite", quietly = TRUE)) {
    con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
    on.exit(DBI::dbDisconnect(con))
    DBI::dbWriteTable(con, "d", d)
    sources <- c(sources, list(sql_rows(con, "d")))
  }
  k <- 3
  own <- function(data) list(lmm(y ~ x + (1 | g), data, weights = w, offset = o),
                             lmm(y ~ x + offset(o) + (1 | g), data, weights = k * w / mean(w)),
                             lmm(y ~ x + (1 | g), data, weights = w, offset = k * o - mean(o)))
  rows <- own(d)
  for (source in sources) {
    fits <- own(source)
    for (i in seq_along(rows)) {
      label <- paste(class(source)[1L], i)
      for (type in c("response", "pearson", "scaled", "marginal")) {
        expect_equal(residuals(fits[[i]], type, data = d), residuals(rows[[i]], type), tolerance = 1e-7,
                     label = paste(label, type))
      }
      for (f in list(hatvalues, rstandard, cooks.distance)) {
        expect_equal(f(fits[[i]], data = d), f(rows[[i]]), tolerance = 1e-6, label = label)
      }
      expect_equal(fitted(fits[[i]], data = d), fitted(rows[[i]]), tolerance = 1e-7)
      expect_equal(predict(fits[[i]], d[1:3, ], interval = "prediction"),
                   predict(rows[[i]], d[1:3, ], interval = "prediction"), tolerance = 1e-6)
      expect_equal(simulate(fits[[i]], 1, seed = 1, newdata = d[1:3, ], re.form = NULL),
                   simulate(rows[[i]], 1, seed = 1, newdata = d[1:3, ], re.form = NULL), tolerance = 1e-6)
    }
  }
})

test_that("intervals by the Kenward-Roger method say that they need the rows", {
  d <- cells_data()
  fit <- lmm(y ~ x + (1 | g), cross_products(y ~ x + (1 | g), d))
  expect_error(predict(fit, d[1:3, ], interval = "prediction", ddf = "Kenward-Roger"),
               "an interval by the Kenward-Roger method needs", class = "lmm_error_input")
  expect_error(predictable(fit, c(1, 0), list(g = c("1" = 1))), "predictable\\(\\) needs", class = "lmm_error_input")
})
