# NIST StRD one-way layouts through databases: the digits that the rows in memory reach.

nist_source <- function(name) {
  d <- nist_data(name)
  transform(d, treatment = as.integer(treatment))
}

# No digit less than the fit to the rows has, to the accuracy with which digits can be counted.
expect_nist_digits <- function(name, source, label) {
  d <- nist_data(name)
  truth <- exact_one_way(d$y, d$treatment)
  digits <- function(data) {
    fit <- suppressMessages(suppressWarnings(lmm(y ~ 1 + (1 | treatment), data)))
    log_relative_error(c(fit$estimates$covariance[[1L]][1L, 1L], sigma(fit)^2), truth)
  }
  reached <- digits(source)
  in_memory <- digits(d)
  expect_true(all(reached > 10 | reached > in_memory - 1),
              label = paste(label, name, paste(format(c(reached, in_memory), digits = 3), collapse = " ")))
}

test_that("variance components have the digits of the stored doubles through SQLite", {
  skip_if_not_installed("RSQLite")
  con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(con))
  for (name in nist_names()) {
    DBI::dbWriteTable(con, name, nist_source(name))
    expect_nist_digits(name, sql_rows(con, name), "SQLite")
  }
})

test_that(paste("variance components have the digits of the stored doubles through PostgreSQL, and those of the",
                "decimals from numeric columns"), {
  skip_on_cran()
  skip_if_not_installed("RPostgres")
  servers <- start_postgres(1L)
  skip_if(is.null(servers), "no PostgreSQL server can be started here")
  on.exit(stop_postgres(servers))
  con <- connect_postgres(servers[[1L]])
  on.exit(DBI::dbDisconnect(con), add = TRUE, after = FALSE)
  for (name in nist_names()) {
    d <- nist_source(name)
    table <- tolower(name)
    # Text of 17 digits: some drivers write numbers with 15.
    DBI::dbExecute(con, paste0("CREATE TABLE ", table, " (treatment int, y float8, exact numeric(40, 12))"))
    values <- paste0("(", d$treatment, ", ", format(d$y, digits = 17, trim = TRUE), ", ",
                     format(signif(d$y, 15), digits = 15, trim = TRUE), ")")
    DBI::dbExecute(con, paste0("INSERT INTO ", table, " VALUES ", paste(values, collapse = ", ")))
    expect_nist_digits(name, sql_rows(con, table), "PostgreSQL")
    fit <- suppressMessages(suppressWarnings(lmm(exact ~ 1 + (1 | treatment), sql_rows(con, table))))
    digits <- log_relative_error(c(fit$estimates$covariance[[1L]][1L, 1L], sigma(fit)^2), nist_certified(name))
    # The decimals are shifted as decimals, and only then become doubles.
    expect_true(all(digits > 9.5), label = paste("numeric", name, paste(format(digits, digits = 3), collapse = " ")))
  }
})
