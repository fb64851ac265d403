# Tables of databases as sources of rows.

#' Rows of a database
#'
#' A table or query of a database as a source of rows for [lmm()] and [cross_products()], which process it in place:
#' the database groups and sums, and sends cells instead of rows. From SQLite, which runs inside R, rows are read one
#' after another in chunks. Only `SELECT` is sent, in one to three queries; nothing is written, and no temporary table
#' is made.
#'
#' Arithmetic, comparisons, `log`, `exp`, `sqrt`, `abs`, `ifelse`, `%in%`, `is.na`, `scale()` and `poly()` are computed
#' by the database. The arguments of any other function become keys: the function is evaluated in R on their distinct
#' values. What counts as one level of a grouping variable is what the database takes to be equal: with a collation that
#' ignores case, `"a"` and `"A"` are one.
#'
#' @param con a connection of package 'DBI', or a lazy table of 'dbplyr' (`dplyr::tbl()` and what follows it), which
#'   [lmm()] also takes by itself.
#' @param table name of a table, or `DBI::Id()`.
#' @param query text of a `SELECT`, in place of `table`.
#' @param rows rows of a chunk, or cells fetched at a time.
#' @param ... not used; an argument that sql_rows() does not know is an error.
#' @return An object of class `sql_rows`.
#' @section Conditions:
#' `lmm_error_input`: no connection, or neither table nor query. When it is read: `lmm_error_data` where the database
#' stops with an error, a column contains text among numbers, or rows have changed between two queries;
#' `lmm_error_formula` for a function of all rows; `lmm_error_numeric` for too many cells.
#' @seealso [cross_products()], [chunks()], [lmm()].
#' @concept database
#' @concept SQL
#' @concept PostgreSQL
#' @concept SQLite
#' @concept dbplyr
#' @concept larger than memory
#' @concept big data
#' @examplesIf requireNamespace("RSQLite", quietly = TRUE)
#' con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
#' DBI::dbWriteTable(con, "runs", penicillin)
#' lmm(yield ~ treat + (1 | blend), sql_rows(con, "runs"))
#' lmm(yield ~ treat + (1 | blend), sql_rows(con, query = "SELECT * FROM runs WHERE yield > 80"))
#' DBI::dbDisconnect(con)
#' @export
sql_rows <- function(con, table = NULL, query = NULL, rows = 1e5, ...) {
  con <- force_argument(con, "con")
  check_number(rows, "rows", lower = 1, whole = TRUE)
  if (inherits(con, c("tbl_lazy", "tbl_sql"))) return(lazy_rows(con, rows))
  if (!inherits(con, "DBIConnection")) {
    lmm_abort("input", paste0("`con` must be a connection or a lazy table, not ", kind_of(con), "."), what = "con",
              value = class(con),
              fix = "Write sql_rows(DBI::dbConnect(...), \"table\").")
  }
  if (is.null(table) == is.null(query)) lmm_abort("input", "give either `table` or `query`.",
                                                  what = c("table", "query"))
  if (is.null(query)) query <- paste("SELECT * FROM", as.character(DBI::dbQuoteIdentifier(con, table)))
  check_text(query, "query")
  if (!grepl("^[[:space:](]*(select|with|values|table)\\b", query, ignore.case = TRUE)) {
    lmm_abort("input", "`query` must be a SELECT.", what = "query", value = query)
  }
  new_sql_rows(con, sub("[;[:space:]]+$", "", query), rows)
}

lazy_rows <- function(table, rows) {
  if (!requireNamespace("dbplyr",
                        quietly = TRUE)) lmm_abort("input", "package 'dbplyr' is needed to read a lazy table.",
                                                   what = "dbplyr")
  new_sql_rows(dbplyr::remote_con(table), as.character(dbplyr::sql_render(table)), rows)
}

new_sql_rows <- function(con, query,
                         rows) structure(list(con = con, query = query, rows = rows, dialect = sql_dialect(con)),
                                         class = "sql_rows")

#' @export
print.sql_rows <- function(x, ...) {
  cat("Rows of a database (", x$dialect$name, "):\n", x$query, "\n", sep = "")
  invisible(x)
}

# ---- dialects ----

# What differs between databases: the word for doubles, the natural logarithm, how the first rows are asked for, whether
# NaN is a value.
sql_dialects <- list(
  sqlite = list(classes = "SQLiteConnection", double = "REAL", ln = "LN", limit = "LIMIT %d", nan = FALSE),
  postgres = list(classes = c("PqConnection", "PostgreSQLConnection", "PostgreSQL"), double = "DOUBLE PRECISION",
                  ln = "LN", limit = "LIMIT %d", nan = TRUE),
  redshift = list(classes = c("RedshiftConnection", "Redshift"), double = "DOUBLE PRECISION", ln = "LN",
                  limit = "LIMIT %d", nan = TRUE),
  duckdb = list(classes = "duckdb_connection", double = "DOUBLE", ln = "LN", limit = "LIMIT %d", nan = TRUE),
  mysql = list(classes = c("MariaDBConnection", "MySQLConnection", "MySQL", "MariaDB"), double = "DOUBLE", ln = "LN",
               limit = "LIMIT %d", nan = FALSE),
  mssql = list(classes = c("Microsoft SQL Server"), double = "FLOAT", ln = "LOG", top = "TOP %d", nan = FALSE),
  oracle = list(classes = c("Oracle", "OraConnection"), double = "BINARY_DOUBLE", ln = "LN",
                limit = "FETCH FIRST %d ROWS ONLY", nan = TRUE),
  snowflake = list(classes = "Snowflake", double = "DOUBLE", ln = "LN", limit = "LIMIT %d", nan = TRUE),
  hive = list(classes = c("Hive", "Spark SQL", "spark_connection"), double = "DOUBLE", ln = "LN", limit = "LIMIT %d",
              nan = TRUE),
  impala = list(classes = "Impala", double = "DOUBLE", ln = "LN", limit = "LIMIT %d", nan = TRUE),
  hana = list(classes = "HDB", double = "DOUBLE", ln = "LN", limit = "LIMIT %d", nan = FALSE),
  standard = list(classes = character(), double = "DOUBLE PRECISION", ln = "LN", limit = "LIMIT %d", nan = FALSE))

sql_dialect <- function(con) {
  known <- vapply(sql_dialects, function(dialect) inherits(con, dialect$classes), NA)
  name <- if (any(known)) names(sql_dialects)[known][1L] else "standard"
  c(list(name = name), sql_dialects[[name]])
}

# ---- queries ----

# Every query goes through here: `work` gets each block of its result. An error of the database becomes one of ours, and
# no result stays open.
sql_fetch <- function(source, sql, work, progress = FALSE) {
  result <- sql_try(DBI::dbSendQuery(source$con, sql), sql)
  on.exit(try(suppressWarnings(DBI::dbClearResult(result)), silent = TRUE))
  total <- 0
  repeat {
    block <- sql_try(DBI::dbFetch(result, n = source$rows), sql)
    if (!is.data.frame(block)) abort_sql("no rows came back", sql)
    if (nrow(block)) work(block)
    total <- total + nrow(block)
    if (progress && nrow(block)) cat(thousands(total, scientific = FALSE), "fetched\n")
    if (nrow(block) < source$rows) break
  }
  total
}

sql_get <- function(source, sql) {
  parts <- list()
  sql_fetch(source, sql, function(block) parts[[length(parts) + 1L]] <<- block)
  if (length(parts)) do.call(rbind, parts)
}

sql_try <- function(expr, sql) {
  tryCatch(withCallingHandlers(expr, warning = function(w) {
    if (grepl("mixed type", conditionMessage(w), fixed = TRUE)) abort_mixed(conditionMessage(w))
    invokeRestart("muffleWarning")
  }), error = function(e) {
    if (inherits(e, "lmm_condition") || is_time_limit(conditionMessage(e))) stop(e)
    abort_sql(conditionMessage(e), sql)
  })
}

abort_sql <- function(text, sql) {
  lmm_abort("data", paste0("the database stopped: ", one_line(text)), what = "data", value = sql,
            fix = paste("Nothing was fitted or written. If the connection is closed or the server gone, connect",
                        "again; the query is in the field `value` of this condition."))
}

abort_mixed <- function(text) {
  column <- sub("^Column `(.*)`: .*", "\\1", text)
  lmm_abort("data", paste0("column ", quote_name(column),
                           " contains values of several types, such as text among numbers."), what = column,
            fix = "CAST it in a query, or leave the other values out: sql_rows(con, query = ).")
}

# Some columns of the rows as chunks that can be read again. SQLite has types of values, not of columns: its integers
# are read as doubles.
sql_chunks <- function(source, columns = NULL) {
  sql <- source$query
  if (!is.null(columns)) {
    names <- sql_names(source, columns)
    values <- if (source$dialect$name != "sqlite") names else
      paste0("CASE WHEN typeof(", names, ") = 'integer' AND abs(", names, ") < 9007199254740992 THEN CAST(", names,
             " AS REAL) ELSE ", names, " END AS ", names)
    sql <- paste0("SELECT ", paste(values, collapse = ", "), " FROM (", source$query, ") q")
  }
  structure(list(kind = "query", x = source, sql = sql, read = NULL, rows = source$rows,
                 passes = new.env(parent = emptyenv())), class = "lmm_chunks")
}

query_pass <- function(source) {
  result <- sql_try(DBI::dbSendQuery(source$x$con, source$sql), source$sql)
  done <- FALSE
  list(get = function() {
    if (done) return(NULL)
    block <- sql_try(DBI::dbFetch(result, n = source$rows), source$sql)
    if (!is.data.frame(block)) abort_sql("no rows came back", source$sql)
    done <<- nrow(block) < source$rows
    block
  }, close = function() try(suppressWarnings(DBI::dbClearResult(result)), silent = TRUE))
}

sql_names <- function(source, names) as.character(DBI::dbQuoteIdentifier(source$con, names))

# Numbers with 17 digits, in the form of a double.
sql_number <- function(x) sub(",", ".", sprintf("%.16e", x), fixed = TRUE)

sql_double <- function(source, text) paste0("CAST(", text, " AS ", source$dialect$double, ")")

# The first complete rows: the types of the columns, and near which numbers the variables lie.
sql_head <- function(source, columns, n = 1000L) {
  names <- sql_names(source, columns)
  top <- source$dialect$top
  sql <- paste0("SELECT ", if (!is.null(top)) paste0(sprintf(top, n), " "), paste(names, collapse = ", "), " FROM (",
                source$query, ") q WHERE ",
                paste(names, "IS NOT NULL", collapse = " AND "),
                if (is.null(top)) paste0(" ", sprintf(source$dialect$limit, n)))
  head <- sql_get(source, sql)
  if (is.null(head)) lmm_abort("data", paste0("there are no rows with values of ", enumerate(quote_name(columns)), "."),
                               what = columns, value = 0L)
  head
}

# Names of the columns, from a query without rows.
sql_columns <- function(source) {
  result <- sql_try(DBI::dbSendQuery(source$con, paste0("SELECT * FROM (", source$query, ") q WHERE 1 = 0")),
                    source$query)
  on.exit(try(suppressWarnings(DBI::dbClearResult(result)), silent = TRUE))
  names(sql_try(DBI::dbFetch(result, n = 1L), source$query))
}
