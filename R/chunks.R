# Rows in pieces: lists, files, functions, results of queries, record batches.

#' Rows in chunks
#'
#' A source of rows that are never in memory all at once, for [cross_products()] and [lmm()]. Every chunk is a data
#' frame with the same columns. Text and factors may have other values in each chunk; the type of a column must be the
#' same in all. The levels of a factor keep their declared order, which must be the same in all chunks; those of text
#' and of `factor(x)` are sorted, as they are in all rows together.
#'
#' Package 'bit', which 'bit64' attaches, also has a function of this name. If it is attached after this package, write
#' `henderson::chunks()`.
#'
#' @param x one of
#'   * a list of data frames;
#'   * names of files: each is read by `read`, or a CSV file without `read` by [utils::read.csv()] in pieces of `rows`
#'     rows;
#'   * a function that returns the next chunk at each call, and `NULL` at the end. If it has an argument `reset`, it is
#'     called with `reset = TRUE` before each pass (the convention of `biglm::bigglm()`); without one its rows can be
#'     read once only;
#'   * the result of `DBI::dbSendQuery()`, read once in pieces of `rows` rows;
#'   * a dataset, table or reader of record batches of package 'arrow'.
#' @param read a function of a file name that returns a data frame, such as `data.table::fread`.
#' @param rows rows of a chunk, where `x` does not say.
#' @param ... not used; an argument that chunks() does not know is an error.
#' @return An object of class `lmm_chunks`.
#' @section Conditions:
#' `lmm_error_input`: any other kind of `x`. While chunks are read: `lmm_error_data` for a chunk that is not a data
#' frame, whose columns are missing or have another type, or that cannot be read; `lmm_error_input` where a source that
#' can be read once only is needed twice.
#' @seealso [cross_products()], [sql_rows()], [lmm()].
#' @concept larger than memory
#' @concept big data
#' @concept CSV files
#' @concept Parquet
#' @concept streaming
#' @examples
#' halves <- split(penicillin, penicillin$blend %in% c("Blend1", "Blend2"))
#' lmm(yield ~ treat + (1 | blend), chunks(halves))
#' # Files, here written first; each is read when it is needed
#' files <- file.path(tempdir(), c("one.csv", "two.csv"))
#' Map(function(data, file) write.csv(data, file, row.names = FALSE), halves, files)
#' lmm(yield ~ treat + (1 | blend), chunks(files, read = read.csv))
#' @export
chunks <- function(x, read = NULL, rows = 1e5, ...) {
  x <- force_argument(x, "x")
  check_number(rows, "rows", lower = 1, whole = TRUE)
  if (!is.null(read) && !is.function(read)) {
    lmm_abort("input", paste0("`read` must be a function of a file name, not ", kind_of(read), "."), what = "read",
              fix = "Write read = read.csv.")
  }
  if (inherits(x, "lmm_chunks")) return(x)
  kind <- chunk_kind(x)
  if (kind == "files") check_files(x, read)
  structure(list(kind = kind, x = x, read = read, rows = rows, passes = new.env(parent = emptyenv())),
            class = "lmm_chunks")
}

chunk_kind <- function(x) {
  if (is.data.frame(x)) return("frame")
  if (is.function(x)) return("function")
  if (is.character(x) && length(x) && !anyNA(x)) return("files")
  if (inherits(x, "DBIResult")) return("result")
  if (inherits(x, c("Dataset", "ArrowTabular", "Table", "RecordBatchReader", "RecordBatch",
                    "arrow_dplyr_query"))) return("arrow")
  if (is.list(x) && length(x) && all(vapply(x, is.data.frame, NA))) return("list")
  lmm_abort("input", paste0(paste("`x` must be a list of data frames, names of files, a function or a result of a",
                                  "query, not "), kind_of(x), "."), what = "x",
            value = class(x),
            fix = if (inherits(x, c("tbl_lazy",
                                    "DBIConnection"))) "A table of a database needs no chunks: see sql_rows().")
}

check_files <- function(files, read) {
  absent <- files[!file.exists(files)]
  if (length(absent) && !any(grepl("^[a-z]+://", absent))) {
    lmm_abort("input", paste0("there is no file ", enumerate(quote_level(absent)), "."), what = absent)
  }
  if (is.null(read) && !all(grepl("[.]csv([.](gz|bz2|xz))?$", files, ignore.case = TRUE))) {
    lmm_abort("input", "`read` is missing: only CSV files are read without it.", what = "read",
              fix = "Write chunks(files, read = data.table::fread).")
  }
}

#' @export
print.lmm_chunks <- function(x, ...) {
  words <- switch(x$kind, frame = , list = paste(count_of(length(x$x), "data frame"), "in a list"),
                  files = count_of(length(x$x), "file"),
                  `function` = "a function", result = "the result of a query", query = "a database",
                  arrow = "record batches")
  cat("Rows in chunks from ", words, "\n", sep = "")
  invisible(x)
}

# ---- one pass ----

# Calls work(data, where) for each chunk, in order, until it returns "enough".
each_chunk <- function(source, work) {
  begin_pass(source)
  pass <- switch(source$kind, frame = list_pass(list(source$x)), list = list_pass(source$x), files = file_pass(source),
                 `function` = function_pass(source), result = result_pass(source), arrow = arrow_pass(source),
                 query = query_pass(source))
  on.exit(if (!is.null(pass$close)) pass$close())
  number <- 0L
  repeat {
    chunk <- reading_chunk(pass, number + 1L, source)
    if (is.null(chunk)) break
    number <- number + 1L
    where <- if (is.null(pass$where)) paste("chunk", number) else pass$where()
    chunk <- check_chunk(chunk, where)
    if (.row_names_info(chunk, 2L) > 0L && identical(naming_chunk(where, work(chunk, where)), "enough")) break
  }
  number
}

is_read_once <- function(source) {
  source$kind == "result" || source$kind == "function" && !"reset" %in% names(formals(args(source$x))) ||
    source$kind == "arrow" && inherits(source$x, "RecordBatchReader")
}

begin_pass <- function(source) {
  if (is_read_once(source) && isTRUE(source$passes$begun)) abort_second_pass(source)
  source$passes$begun <- TRUE
}

abort_second_pass <- function(source) {
  lmm_abort("input", "these chunks can be read once only, and have been read.", what = "data",
            fix = switch(source$kind,
                         `function` =
                           "Give the function an argument `reset`: called with reset = TRUE it starts again.",
                         result = paste("Send the query again. poly(), scale() and splines need a second pass, or",
                                        "their constants: see help(cross_products)."),
                         "Make the reader again."))
}

# An error of the source becomes one of ours that names the chunk.
reading_chunk <- function(pass, number, source) {
  tryCatch(pass$get(), error = function(e) {
    if (inherits(e, "lmm_condition") || is_time_limit(conditionMessage(e))) stop(e)
    lmm_abort("data", paste0("chunk ", number, " cannot be read: ", one_line(conditionMessage(e))), what = "data",
              where = paste("chunk", number),
              fix = if (source$kind == "result") paste("The connection may be closed, or the server gone: nothing was",
                                                       "fitted. Connect and send the query again."))
  })
}

# Errors about rows say in which chunk they are.
naming_chunk <- function(where, expr) {
  tryCatch(expr, lmm_error_data = function(e) {
    if (!grepl(where, conditionMessage(e), fixed = TRUE)) e <- extend_condition(e, paste0("This is in ", where, "."))
    stop(e)
  })
}

check_chunk <- function(chunk, where) {
  if (is.data.frame(chunk)) return(chunk)
  lmm_abort("data", paste0(where, " is ", kind_of(chunk), "; a data frame is needed."), what = where,
            value = class(chunk))
}

list_pass <- function(frames) {
  at <- 0L
  list(get = function() {
    at <<- at + 1L
    if (at <= length(frames)) frames[[at]]
  })
}

file_pass <- function(source) {
  at <- 0L
  inner <- NULL
  list(get = function() {
    repeat {
      chunk <- if (!is.null(inner)) inner$get()
      if (!is.null(chunk)) return(chunk)
      if (!is.null(inner)) inner$close()
      inner <<- NULL
      at <<- at + 1L
      if (at > length(source$x)) return(NULL)
      if (!is.null(source$read)) return(source$read(source$x[at]))
      inner <<- csv_pass(source$x[at], source$rows)
    }
  }, where = function() paste0("file ", quote_level(basename(source$x[at]))),
  close = function() if (!is.null(inner)) inner$close())
}

# A CSV file in pieces; what is text in the first piece stays text.
csv_pass <- function(file, rows) {
  con <- file(file, "r")
  names <- NULL
  classes <- NA
  done <- FALSE
  list(get = function() {
    if (done) return(NULL)
    chunk <- if (is.null(names)) utils::read.csv(con, nrows = rows)
             else if (length(line <- readLines(con, 1L))) {
               pushBack(line, con)
               utils::read.csv(con, header = FALSE, nrows = rows, col.names = names, colClasses = classes,
                               check.names = FALSE)
             }
    if (is.null(names) && !is.null(chunk)) {
      names <<- names(chunk)
      classes <<- vapply(chunk, function(x) if (is.character(x)) "character" else NA_character_, "")
    }
    done <<- is.null(chunk) || nrow(chunk) < rows
    chunk
  }, close = function() try(close(con), silent = TRUE))
}

function_pass <- function(source) {
  f <- source$x
  if ("reset" %in% names(formals(args(f)))) {
    f(reset = TRUE)
    return(list(get = function() f(reset = FALSE)))
  }
  list(get = f)
}

result_pass <- function(source) {
  list(get = function() {
    chunk <- DBI::dbFetch(source$x, n = source$rows)
    if (!is.data.frame(chunk) || nrow(chunk)) chunk
  })
}

# Record batches of package 'arrow', by the methods of their objects.
arrow_pass <- function(source) {
  x <- source$x
  if (inherits(x, "RecordBatch")) return(list_pass(list(as.data.frame(x))))
  if (inherits(x, "arrow_dplyr_query")) x <- get("as_record_batch_reader", envir = asNamespace("arrow"))(x)
  reader <- if (inherits(x, "RecordBatchReader")) x else x$NewScan()$Finish()$ToRecordBatchReader()
  list(get = function() {
    batch <- reader$read_next_batch()
    if (!is.null(batch)) as.data.frame(batch)
  })
}
