# Fits without a factorization: where data come from, settings, seeds, pictures, refusals.

test_that("every door gives the same fit: data frame, chunks, cross-products, SQLite", {
  d <- crossed_data(n = 3000, levels = c(u = 200, m = 80))
  f <- y ~ x + (1 | u) + (1 | m)
  a <- iterative(f, d)
  doors <- list(chunks(split(d, rep(1:5, each = 600))), suppressMessages(cross_products(f, d)))
  for (data in doors) {
    b <- iterative(f, data)
    expect_identical(b$optimum$solver, "iterative")
    expect_equal(b$optimum$theta, a$optimum$theta, tolerance = 1e-8)
    expect_equal(fixef(b), fixef(a), tolerance = 1e-8)
  }
  skip_if_not_installed("RSQLite")
  con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(con))
  DBI::dbWriteTable(con, "d", transform(d, u = as.character(u), m = as.character(m)))
  tables <- list(sql_rows(con, "d"))
  if (requireNamespace("dbplyr", quietly = TRUE)) tables <- c(tables, list(dplyr::tbl(con, "d")))
  for (data in tables) {                              # levels in another order have other signs
    b <- iterative(f, data)
    expect_identical(b$optimum$solver, "iterative")
    expect_equal(b$optimum$theta, a$optimum$theta, tolerance = 1e-3)
  }
})

test_that("settings of the solver of the wrong kind are refused; only the default of `solver` means auto", {
  for (wrong in expression(lmm_control(probes = -1), lmm_control(probes = 0), lmm_control(probes = NA),
                           lmm_control(probes = 4.5), lmm_control(probes = "a"), lmm_control(probe_seed = NA),
                           lmm_control(probe_seed = 1.5), lmm_control(solver = "foo"), lmm_control(solver = NA),
                           lmm_control(solver = c("direct", "iterative")), lmm_control(solver = character())))
    expect_error(eval(wrong), class = "lmm_error_input", info = deparse(wrong))
  expect_identical(lmm_control(probes = 16L)$solver, "auto")
})

test_that("over seeds the errors are as large as they are said to be", {
  d <- crossed_data(n = 5000, levels = c(u = 300, m = 120, dept = 12), sd = c(0.5, 0.7, 0.4))
  f <- y ~ x + (1 | u) + (1 | m) + (1 | dept)
  exact <- variance_components(direct(f, d))$estimate
  z <- vapply(1:5, function(seed) {
    own <- variance_components(iterative(f, d, probe_seed = seed))
    (own$estimate - exact) / own$mc.error
  }, exact)
  expect_lt(max(sqrt(rowMeans(z^2))), 1)
})

test_that("degrees of freedom are those of the direct solver with the average information", {
  d <- crossed_data(n = 3000, levels = c(u = 120, m = 25))
  d$z <- rnorm(25)[d$m]
  f <- y ~ x + z + (1 | u) + (1 | m)
  own <- coef(summary(iterative(f, d, probes = 64L)))[, "df"]
  theirs <- coef(summary(direct(f, d), ddf_method("Satterthwaite", information = "average")))[, "df"]
  expect_lt(min(own), 30)
  expect_equal(own, theirs, tolerance = 1e-3)
})

test_that("panels show Pearson residuals in units of sigma and say so", {
  d <- crossed_data(n = 1000, levels = c(u = 60, m = 30))
  d$w <- runif(1000, 0.5, 2)
  a <- iterative(y ~ x + (1 | u) + (1 | m), d, weights = w)
  page <- page_of(shown <- plot(a))
  expect_identical(shown$qq$y, sort(unname(residuals(a, "scaled"))))
  expect_equal(shown$scale$y, sqrt(abs(unname(residuals(a, "pearson")) / sigma(a))))
  expect_true(any(grepl("(Pearson residual / sigma)", page, fixed = TRUE)))
  expect_true(any(grepl("(root of |Pearson residual / sigma|)", page, fixed = TRUE)))
  expect_false(any(grepl("standardized", page, fixed = TRUE)))
  on_paper(qqnorm(a))
  skip_if_not_installed("lattice")
  expect_s3_class(plot(a, resid(.) ~ fitted(.), id = 0.05), "trellis")
  expect_identical(lattice::qqmath(a)$ylab, "Pearson residual / sigma")
  skip_if_not_installed("ggplot2")
  expect_match(ggplot2::autoplot(a)$labels$caption, "Pearson residual / sigma")
  expect_identical(ggplot2::autoplot(a, type = "qq")$labels$y, "Pearson residual / sigma")
  expect_null(ggplot2::autoplot(direct(y ~ x + (1 | u) + (1 | m), d))$labels$caption)
})

test_that("leverages, objects of 'lme4' and residual structures are refused by class", {
  d <- crossed_data(n = 800, levels = c(u = 40, m = 20))
  d$t <- seq_len(800)
  f <- y ~ x + (1 | u) + (1 | m)
  a <- iterative(f, d)
  own <- lmm_control(solver = "iterative")
  for (ask in expression(rstandard(a), rstudent(a), hatvalues(a), cooks.distance(a), rstandard(a, data = d),
                         hatvalues(a, data = d), as_lmer(a), influence(a),
                         lmm(f, d, residual = ~ ar1(t | u), control = own),
                         lmm(f, d, variance = ~ power(x^2), control = own),
                         lmm(y ~ x + cs(0 + x | u) + (1 | m), d, control = own))) {
    expect_error(eval(ask), class = "lmm_error_solver", info = deparse(ask))
    expect_error(eval(ask), "solver = \"direct\"", info = deparse(ask))
  }
})

test_that("no message about time comes before a refusal", {
  a <- iterative(y ~ x + (1 | u) + (1 | m), crossed_data(n = 14000, levels = c(u = 5000, m = 2000)))
  expect_message(check_joint_size(7000, Inf), class = "lmm_message_time")
  first <- a$rows$data[1, ]
  for (ask in expression(vcov(a, full = TRUE), vcov(a, type = "CR2", cluster = ~u),
                         predict(a, first, interval = "prediction", ddf = "Kenward-Roger")))
    expect_no_message(expect_error(eval(ask), class = "lmm_error_solver", info = deparse(ask)))
})
