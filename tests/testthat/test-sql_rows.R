skip_if_not_installed("RSQLite")
skip_if_not_installed("dbplyr")

sqlite_with <- function(..., file = ":memory:", flags = RSQLite::SQLITE_RWC) {
  con <- DBI::dbConnect(RSQLite::SQLite(), file, flags = flags)
  tables <- list(...)
  for (name in names(tables)) DBI::dbWriteTable(con, name, tables[[name]])
  con
}

plain_rows <- function(d) transform(d, g = as.integer(as.character(g)))

test_that("SQLite gives the fit to the rows, for every kind of model", {
  d <- plain_rows(cells_data())
  d$x[3:9] <- NA
  d$h[60] <- NA
  con <- sqlite_with(t = d)
  on.exit(DBI::dbDisconnect(con))
  for (model in cells_models()) expect_same_fit(call_lmm(model, sql_rows(con, "t", rows = 77)), call_lmm(model, d))
})

test_that("queries, lazy tables and hostile names work; only SELECT is sent", {
  d <- plain_rows(cells_data())
  d[["x\"; DROP TABLE t; --"]] <- d$x
  d$select <- d$z
  file <- tempfile(fileext = ".sqlite")
  DBI::dbDisconnect(sqlite_with(t = d, file = file))
  con <- sqlite_with(file = file, flags = RSQLite::SQLITE_RO)
  on.exit(DBI::dbDisconnect(con))
  f <- y ~ `x"; DROP TABLE t; --` + select + (1 | g)
  expect_same_fit(lmm(f, sql_rows(con, "t")), lmm(f, d))
  expect_same_fit(lmm(f, sql_rows(con, query = "SELECT * FROM t WHERE z > 0.5;")), lmm(f, d[d$z > 0.5, ]))
  expect_same_fit(lmm(f, dplyr::filter(dplyr::tbl(con, "t"), z > 0.5)), lmm(f, d[d$z > 0.5, ]))
  expect_identical(DBI::dbListTables(con), "t")
  for (wrong in list(quote(sql_rows(con)), quote(sql_rows(con, "t", query = "SELECT 1")),
                     quote(sql_rows(con, query = "DROP TABLE t")), quote(sql_rows(d, "t")))) {
    expect_error(eval(wrong), class = "lmm_error_input")
  }
  expect_error(lmm(y ~ x + (1 | g), con), "sql_rows\\(con, \"table\"\\)", class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), "SELECT * FROM t"), "sql_rows", class = "lmm_error_input")
  expect_output(print(sql_rows(con, "t")), "sqlite")
})

test_that("what SQLite holds and R does not is an error", {
  d <- plain_rows(cells_data())
  con <- sqlite_with(t = d)
  fit <- function(f = y ~ x + (1 | g)) lmm(f, sql_rows(con, "t", rows = 50))
  DBI::dbExecute(con, "UPDATE t SET x = 'abc' WHERE rowid = 200")
  expect_error(fit(), "`x` contains values of several types", class = "lmm_error_data")
  DBI::dbExecute(con, "UPDATE t SET x = 9223372036854775807 WHERE rowid = 200")
  expect_s3_class(suppressMessages(fit()), "lmm_fit")
  expect_error(fit(y ~ nothing + (1 | g)), "nothing", class = "lmm_error_formula")
  expect_error(lmm(y ~ x + (1 | g), sql_rows(con, "absent")), "the database stopped", class = "lmm_error_data")
  expect_error(fit(y ~ rank(x) + (1 | g)), class = "lmm_error_formula")
  source <- sql_rows(con, "t")
  DBI::dbDisconnect(con)
  expect_error(lmm(y ~ x + (1 | g), source), "the database stopped", class = "lmm_error_data")
})

test_that("the result of a query is a chunked source", {
  d <- plain_rows(cells_data())
  con <- sqlite_with(t = d)
  on.exit(DBI::dbDisconnect(con))
  result <- DBI::dbSendQuery(con, "SELECT * FROM t")
  expect_same_fit(lmm(y ~ x + (1 | g), chunks(result, rows = 40)), lmm(y ~ x + (1 | g), d))
  expect_error(lmm(y ~ x + (1 | g), chunks(result)), class = "lmm_error_data")
  DBI::dbClearResult(result)
  fit <- lmm(y ~ x + (1 | g), sql_rows(con, "t"))
  expect_equal(unname(residuals(fit, data = sql_rows(con, "t", rows = 40))), unname(residuals(lmm(y ~ x + (1 | g), d))),
               tolerance = 1e-9)
})

# ---- the text for databases that are not at hand ----

# The query for a simulated connection, whose first rows are those of `d`.
query_for <- function(con, formula, d, arguments = list(), dialect = sql_dialect(con)) {
  source <- list(con = con, query = "SELECT * FROM t", rows = 1e5, dialect = dialect)
  spec <- model_spec(formula)
  plan <- cells_plan(spec, d, arguments, environment(), "na.omit", FALSE)
  plan[c("shift", "decimal", "nan_is_value")] <- list(rep(1.5, length(plan$pieces)), character(), FALSE)
  plan$sql <- sql_texts(plan, source, names(d))
  c(sql_group_by(plan, source), sql_about_means(plan, source))
}

test_that("eleven dialects are written as they should be", {
  simulated <- list(sqlite = dbplyr::simulate_sqlite(), postgres = dbplyr::simulate_postgres(),
                    mysql = dbplyr::simulate_mysql(), mssql = dbplyr::simulate_mssql(),
                    oracle = dbplyr::simulate_oracle(), snowflake = dbplyr::simulate_snowflake(),
                    redshift = dbplyr::simulate_redshift(),
                    hive = dbplyr::simulate_hive(), impala = dbplyr::simulate_impala(), hana = dbplyr::simulate_hana(),
                    odbc = dbplyr::simulate_odbc())
  d <- plain_rows(cells_data())[c("y", "x", "g", "w", "z")]
  plain <- list(con = structure(list(), class = "DBIConnection"))
  for (name in names(simulated)) {
    source <- list(con = simulated[[name]], dialect = sql_dialect(simulated[[name]]))
    expect_identical(source$dialect$name, if (name == "odbc") "standard" else name)
    double <- source$dialect$double
    expect_identical(sql_value(quote(log(2)), source, "x", list()),
                     paste0(source$dialect$ln, "(CAST(2.0000000000000000e+00 AS ", double, "))"))
  }
})

test_that("the query of one pass and of the pass about the means", {
  local_edition(3)
  con <- DBI::ANSI()
  d <- plain_rows(cells_data())[c("y", "x", "g", "w")]
  expect_snapshot(cat(query_for(con, y ~ x + (1 | g), d), sep = "\n"))
  expect_snapshot(cat(query_for(con, y ~ log(x) + offset(w) + (x | g), d,
                                list(weights = quote(w), subset = quote(x > 1 & !is.na(w)))), sep = "\n"))
})

test_that("the query of each dialect", {
  local_edition(3)
  d <- plain_rows(cells_data())[c("y", "x", "g", "w")]
  query <- function(name) query_for(DBI::ANSI(), y ~ log(x) + (1 | g), d, list(weights = quote(w)),
                                    c(list(name = name), sql_dialects[[name]]))[1L]
  expect_snapshot(cat(paste0(names(sql_dialects), ": ", vapply(names(sql_dialects), query, "")), sep = "\n"))
})

test_that("only what means the same in a database is translated", {
  source <- list(con = DBI::ANSI(), dialect = sql_dialects$standard)
  value <- function(e) sql_value(e, source, c("x", "z"), list(k = 2))
  for (e in expression(x %% 2, round(x), sin(x), log(x, 2), unknown(x), x == 1, q,
                       as.integer(x))) expect_null(value(e), label = deparse(e))
  for (e in expression(x, -x, x * k, (x + z)^2, x^1.5, I(x / z), sqrt(abs(x)), log10(x),
                       ifelse(x > 1 | z %in% c(1, 2), x, 0))) expect_type(value(e), "character")
  condition <- function(e) sql_condition(e, source, c("x", "f"), list())
  expect_identical(condition(quote(f == "it's")), "\"f\" = 'it''s'")
  expect_identical(condition(quote(f %in% c("a", "b"))), "\"f\" IN ('a', 'b')")
  expect_null(condition(quote(grepl("a", f))))
})
