test_that("a table of cells gives the fit that the rows give", {
  d <- cells_data()
  d$x[3:9] <- NA
  d$g[20] <- NA
  d$y[50] <- NaN
  d$h[60] <- NA
  for (model in cells_models()) {
    table <- call_model("cross_products", model, d)
    expect_same_fit(suppressMessages(lmm(model[[1L]], table)), call_lmm(model, d))
  }
})

test_that("any model inside the variables and keys of a table is fitted from it", {
  d <- cells_data()
  table <- cross_products(y ~ x * z + h + (x | g) + (1 | a), d)
  for (f in list(y ~ 1 + (1 | g), y ~ x + (1 | h), z ~ x + (1 | g), y ~ h * x + (1 | a), y ~ z:x + (x || g),
                 y ~ log(a) + cut(a, c(0, 2, 5)) + (1 | g:h))) {
    expect_same_fit(suppressMessages(lmm(f, table)), suppressMessages(lmm(f, d)))
  }
  expect_error(lmm(y ~ x + w + (1 | g), table), "do not contain `w`", class = "lmm_error_input")
  expect_error(lmm(y ~ I(x^2) + (1 | g), table), class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), table, weights = w), class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), table, residual = ~ ar1(x | g)), class = "lmm_error_input")
  expect_error(lmm(y ~ x, table), class = "lmm_error_input")
})

test_that("tables of any parts in any order add up to the table of all", {
  d <- cells_data()
  f <- y ~ x * z + h + (x | g)
  whole <- cross_products(f, d, weights = w)
  set.seed(2)
  for (parts in list(split(d, sample(4, nrow(d), TRUE)), split(d, d$h), list(d[1L, ], d[-1L, ]))) {
    tables <- lapply(parts, function(part) cross_products(f, part, weights = w))
    sum <- Reduce(`+`, tables)
    reverse <- Reduce(`+`, rev(tables))
    for (name in c("n", "w", "log_weight")) expect_equal(sum[[name]], reverse[[name]], tolerance = 1e-13)
    expect_equal(sum$mean + sum$shift, reverse$mean + reverse$shift, tolerance = 1e-12)
    expect_equal(sum$square, reverse$square, tolerance = 1e-10)
    expect_same_fit(lmm(f, sum), lmm(f, d, weights = w))
  }
  file <- tempfile()
  saveRDS(whole, file)
  expect_equal(fixef(lmm(f, readRDS(file))), fixef(lmm(f, whole)), tolerance = 1e-14)
})

test_that("thirty days added one by one are one fit of all", {
  d <- cells_data(900)
  days <- split(d, rep_len(1:30, nrow(d)))
  table <- cross_products(y ~ x + h + (x | g), days[[1L]])
  fit <- lmm(y ~ x + h + (x | g), table)
  for (day in days[-1L]) table <- table + cross_products(table, day)
  expect_same_fit(update(fit, data = table), lmm(y ~ x + h + (x | g), d), 1e-10)
})

test_that("tables that say different things are not added", {
  d <- cells_data()
  base <- cross_products(y ~ poly(x, 2) + (1 | g), d)
  other <- list(cross_products(y ~ poly(x, 2) + (1 | h), d), cross_products(y ~ poly(x, 2) + z + (1 | g), d),
                cross_products(y ~ poly(x, 2) + (1 | g), d, weights = w),
                cross_products(y ~ poly(x, 2) + offset(o) + (1 | g), d),
                cross_products(y ~ poly(x, 2) + (1 | g), d[1:200, ]))
  for (table in other) expect_error(base + table, class = "lmm_error_input")
  expect_error(base + 1, class = "lmm_error_input")
  text <- transform(d, g = as.numeric(as.character(g)))
  expect_error(base + cross_products(base, text), "is a number in the second table", class = "lmm_error_data")
  # the constants of the first table serve the others
  both <- cross_products(y ~ poly(x, 2) + (1 | g), d) + cross_products(base, d)
  expect_identical(sum(both$n), 2 * nrow(d) + 0)
})

test_that("the digits of certified data are kept", {
  # Simon and Lesage (1989): 9 treatments, 21 and 201 replicates, values 1e6 and 1e12 away from 0 (NIST StRD SmLs04 to
  # SmLs08)
  simon <- function(origin, replicates) {
    y <- outer(seq_len(replicates), 1:9,
               function(i, j) origin + c(4, 1:9)[1 + j] / 10 * 0 + ifelse(j %% 2 == 1, 0.4,
                                                                          0.3) + 0.1 * (j > 6) +
                                                                          ifelse(i == 1, 0,
                                                                                 ifelse(i %% 2 == 0, -0.1, 0.1)))
    data.frame(y = as.vector(y), t = factor(rep(1:9, each = replicates)))
  }
  for (origin in c(0, 1e6)) {
    d <- simon(origin, 21)
    a <- lmm(y ~ (1 | t), d)
    b <- lmm(y ~ (1 | t), cross_products(y ~ (1 | t), d))
    expect_equal(as.data.frame(VarCorr(b))$vcov, as.data.frame(VarCorr(a))$vcov, tolerance = 1e-9)
  }
})

test_that("a summary tells how small cells are, and min_rows stops at them", {
  d <- cells_data()
  expect_output(print(summary(cross_products(y ~ x + (1 | g/h), d))), "Privacy: .* fewer than 5 rows")
  expect_error(cross_products(y ~ x + (1 | g/h), d, min_rows = 5), class = "lmm_error_data")
  expect_error(cross_products(y ~ x + (1 | g/h), d, max_cells = 10), class = "lmm_error_numeric")
  expect_output(print(cross_products(y ~ x + (1 | g), d)), "301 rows in 15 cells")
  # nothing of any row is in a table
  expect_lt(length(serialize(cross_products(y ~ x + (1 | g), cells_data(20000)), NULL)), 40000)
})

test_that("wrong tables and sources are refused with what to do", {
  d <- cells_data()
  table <- cross_products(y ~ x + (1 | g), d)
  for (name in c("n", "mean", "plan", "keys")) {
    bad <- table
    bad[[name]] <- bad[[name]][-1L]
    expect_error(lmm(y ~ x + (1 | g), bad), class = "lmm_error_input")
  }
  expect_error(cross_products(y ~ x + (1 | g)), class = "lmm_error_input")
  expect_error(cross_products(y ~ x + (1 | g), table), class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), "file.csv"), "chunks\\(files\\)", class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), list(d, d)), "chunks\\(data\\)", class = "lmm_error_input")
  expect_error(cross_products(y ~ x + (1 | g), transform(d, x = replace(x, 3, Inf))), class = "lmm_error_data")
  expect_error(cross_products(y ~ x + (1 | g), d, weights = -w), class = "lmm_error_data")
  expect_error(cross_products(y ~ x + (1 | g), d, subset = x > 1e9), class = "lmm_error_data")
})

test_that("every kind of random term is fitted from a table; several responses are refused by name", {
  d <- cells_data()
  table <- cross_products(y ~ x * z + h + (x | g) + (1 | a), d)
  for (f in list(y ~ x + homdiag(0 + x | g), y ~ x + cs(1 + x | g), y ~ x + ar1(0 + h | g))) {
    expect_equal(as.numeric(logLik(lmm(f, table))), as.numeric(logLik(lmm(f, d))), tolerance = 1e-10)
  }
  expect_error(cross_products(cbind(y, z) ~ x + (1 | g), d), "several responses", class = "lmm_error_input")
})
