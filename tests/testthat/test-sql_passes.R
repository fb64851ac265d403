# Three PostgreSQL servers on loopback: a coordinator and two shards. They run for this file only.

skip_on_cran()
skip_if_not_installed("RPostgres")
skip_if_not_installed("dbplyr")
servers <- start_postgres(3L)
skip_if(is.null(servers), "no PostgreSQL server can be started here")
con <- connect_postgres(servers[[1L]])

# The queries that a fit sends to the server.
queries_of <- function(expr) {
  sent <- character()
  real <- sql_fetch
  replaced("sql_fetch", function(source, sql, ...) {
    sent <<- c(sent, sql)
    real(source, sql, ...)
  }, expr)
  sent
}

plain_rows <- function(d) transform(d, g = as.integer(as.character(g)))

test_that("PostgreSQL gives the fit to the rows, for every kind of model", {
  d <- plain_rows(cells_data())
  d$x[3:9] <- NA
  d$h[60] <- NA
  d$flag <- d$z > 0.5
  DBI::dbWriteTable(con, "t", d)
  more <- list(list(y ~ flag + I(a > 3) + x + (1 | g)), list(y ~ round(x) + cut(a, c(0, 2, 5)) + (1 | h)))
  for (model in c(cells_models(), more)) expect_same_fit(call_lmm(model, sql_rows(con, "t", rows = 33)),
                                                         call_lmm(model, d), 1e-8)
  lazy <- dplyr::filter(dplyr::tbl(con, "t"), z > 0.3)
  expect_same_fit(suppressMessages(lmm(y ~ x + (1 | g), lazy)), suppressMessages(lmm(y ~ x + (1 | g), d[d$z > 0.3, ])),
                  1e-8)
  expect_message(lmm(y ~ x + h + (1 | g), sql_rows(con, "t")), "8 rows dropped: missing")
})

test_that("a second pass is sent exactly where digits were lost", {
  d <- plain_rows(cells_data())
  d$between <- d$y + 1e6 * d$g
  d$head_far <- d$y + ifelse(seq_len(nrow(d)) <= 1, 0, 1e9)
  DBI::dbWriteTable(con, "far", d)
  # queries that sum
  sends <- function(f) sum(grepl("AS lmm_s1", queries_of(lmm(f, sql_rows(con, "far"))), fixed = TRUE))
  expect_identical(sends(y ~ x + (1 | g)), 1L)
  expect_identical(sends(between ~ x + (1 | g)), 2L)
  expect_same_fit(lmm(between ~ x + (1 | g), sql_rows(con, "far")), lmm(between ~ x + (1 | g), d), 1e-8)
  # The cells themselves: with a variance of the levels of 1e13 residual variances the last digits of the estimates
  # depend on where a search ends.
  f <- between ~ x + (x | g)
  tables <- list(cross_products(f, sql_rows(con, "far")), cross_products(f, d))
  expect_equal(tables[[1L]]$mean + tables[[1L]]$shift, tables[[2L]]$mean + tables[[2L]]$shift, tolerance = 1e-15)
  expect_equal(tables[[1L]]$square, tables[[2L]]$square, tolerance = 1e-9)
  fits <- list(lmm(f, tables[[1L]]), lmm(f, d))
  expect_equal(as.numeric(logLik(fits[[1L]])), as.numeric(logLik(fits[[2L]])), tolerance = 1e-10)
  expect_lte(max(abs(fixef(fits[[1L]]) - fixef(fits[[2L]])) / sqrt(diag(vcov(fits[[2L]])))), 1e-8)
  expect_same_fit(lmm(between ~ x + (1 | g), sql_rows(con, "far"), weights = w),
                  lmm(between ~ x + (1 | g), d, weights = w), 1e-8)
})

test_that("types that overflow, decimals, NaN and infinite values", {
  d <- plain_rows(cells_data())
  DBI::dbWriteTable(con, "kinds", d)
  DBI::dbExecute(con, "ALTER TABLE kinds ADD big bigint, ADD small int, ADD exact numeric(20, 1), ADD letter char(9)")
  DBI::dbExecute(con, paste("UPDATE kinds SET big = 9000000000000000000 + a * 100000000000000, small = 2000000000 +",
                            "a, exact = 1000000000000.4 + round(y::numeric, 1), letter = h"))
  d$small <- 2e9 + d$a
  d$letter <- sprintf("%-9s", d$h)
  expect_same_fit(lmm(y ~ small + (1 | letter), sql_rows(con, "kinds")), lmm(y ~ small + (1 | letter), d), 1e-7)
  expect_s3_class(suppressWarnings(lmm(y ~ (1 | big), sql_rows(con, "kinds"))), "lmm_fit")
  # decimals are shifted before they become doubles: the digits after the point survive
  near <- lmm(I(round(y, 1)) ~ x + (1 | g), d)
  exact <- lmm(exact ~ x + (1 | g), sql_rows(con, "kinds"))
  expect_equal(sigma(exact), sigma(near), tolerance = 1e-6)
  DBI::dbExecute(con, "UPDATE kinds SET x = 'NaN' WHERE g = 3")
  d$x[d$g == 3] <- NA
  expect_same_fit(suppressMessages(lmm(y ~ x + (1 | g), sql_rows(con, "kinds"))),
                  suppressMessages(lmm(y ~ x + (1 | g), d)), 1e-8)
  DBI::dbExecute(con, "UPDATE kinds SET x = 'Infinity' WHERE g = 4")
  expect_error(lmm(y ~ x + (1 | g), sql_rows(con, "kinds")), "`x` has infinite values", class = "lmm_error_data")
})

test_that("read-only transactions suffice; errors of the server are classed and leave nothing open", {
  DBI::dbExecute(con, "BEGIN READ ONLY")
  expect_s3_class(suppressMessages(lmm(y ~ x + (1 | g), sql_rows(con, "t"))), "lmm_fit")
  DBI::dbExecute(con, "COMMIT")
  expect_error(lmm(y ~ I(1 / (a - a)) + (1 | g), sql_rows(con, "t")), class = "lmm_error_data")
  expect_identical(DBI::dbGetQuery(con, "SELECT 1 AS one")$one, 1L)
  # a column dropped, and rows changed, between two passes
  d <- plain_rows(cells_data())
  d$y <- d$y + 1e6 * d$g
  DBI::dbWriteTable(con, "moving", d)
  change_before <- function(sql) {
    real <- sql_about_means
    change <- function(plan, source, ...) {
      DBI::dbExecute(con, sql)
      real(plan, source, ...)
    }
    replaced("sql_about_means", change, tryCatch(lmm(y ~ x + (1 | g), sql_rows(con, "moving")), error = identity))
  }
  e <- change_before("DELETE FROM moving WHERE x > 60")
  expect_s3_class(e, "lmm_error_data")
  expect_match(conditionMessage(e), "rows changed while they were read")
  e <- change_before("ALTER TABLE moving DROP COLUMN x")
  expect_s3_class(e, "lmm_error_data")
})

test_that("shards sum for the coordinator where the partition key is among the keys", {
  d <- plain_rows(cells_data())[c("g", "x", "y", "z")]
  shards <- lapply(servers[2:3], connect_postgres)
  Map(function(shard, part) DBI::dbWriteTable(shard, "d", part,
                                              field.types = c(g = "integer", x = "float8", y = "float8", z = "float8")),
      shards, list(d[d$g < 8, ], d[d$g >= 8, ]))
  for (shard in shards) DBI::dbExecute(shard, "ANALYZE d")
  DBI::dbExecute(con, "CREATE EXTENSION postgres_fdw")
  DBI::dbExecute(con, "CREATE TABLE dist (g integer NOT NULL, x float8, y float8, z float8) PARTITION BY RANGE (g)")
  for (k in 1:2) {
    DBI::dbExecute(con, paste0("CREATE SERVER s", k,
                               " FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost', port '",
                               servers[[k + 1L]]$port, "', dbname 'postgres', use_remote_estimate 'true')"))
    DBI::dbExecute(con, paste0("CREATE USER MAPPING FOR tester SERVER s", k, " OPTIONS (user 'tester')"))
    DBI::dbExecute(con, paste0("CREATE FOREIGN TABLE dist", k, " PARTITION OF dist FOR VALUES FROM (",
                               c("MINVALUE", "8")[k], ") TO (", c("8", "MAXVALUE")[k], ") SERVER s", k,
                               " OPTIONS (table_name 'd')"))
  }
  DBI::dbExecute(con, "SET enable_partitionwise_aggregate = on")
  sent <- queries_of(fit <- lmm(y ~ x + z + (1 | g), sql_rows(con, "dist")))
  expect_same_fit(fit, lmm(y ~ x + z + (1 | g), d), 1e-8)
  plan <- DBI::dbGetQuery(con, paste("EXPLAIN", grep("GROUP BY", sent, value = TRUE)[1L]))[[1L]]
  expect_identical(sum(grepl("Relations: Aggregate on", plan)), 2L)
  # where the shards are not cut by a key, each sums for itself
  each <- lapply(shards, function(shard) cross_products(y ~ x + z + (1 | g), sql_rows(shard, "d")))
  expect_same_fit(lmm(y ~ x + z + (1 | g), each[[1L]] + each[[2L]]), lmm(y ~ x + z + (1 | g), d), 1e-8)
  for (shard in shards) DBI::dbDisconnect(shard)
})

test_that("a server that dies, between two fetches or before a query, leaves an error and no fit", {
  real <- sql_add
  die <- function(reading, block, ...) {
    out <- real(reading, block, ...)
    stop_postgres(servers[1L])
    out
  }
  e <- replaced("sql_add", die, tryCatch(lmm(y ~ x + (1 | g / h), sql_rows(con, "t", rows = 5)), error = identity))
  expect_s3_class(e, "lmm_error_data")
  e <- tryCatch(lmm(y ~ x + (1 | g), sql_rows(con, query = "SELECT * FROM t")), error = identity)
  expect_s3_class(e, "lmm_error_data")
  expect_match(conditionMessage(e), "the database stopped")
})

try(DBI::dbDisconnect(con), silent = TRUE)
stop_postgres(servers)
