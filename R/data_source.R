# What lmm() and cross_products() take for `data`.

# A data frame, NULL (variables where the formula was made), or a source of rows; an error has the line that makes one
# of what was given.
check_source <- function(data, cells = FALSE) {
  if (missing(data)) return(NULL)
  data <- force_argument(data, "data")
  if (inherits(data, c("tbl_lazy", "tbl_sql"))) return(sql_rows(data))
  if (inherits(data, c("sql_rows", "lmm_chunks"))) return(data)
  if (inherits(data, "cross_products")) {
    if (cells) return(whole_cells(data, "data"))
    lmm_abort("input", "`data` is a table of cross-products already.", what = "data", fix = "Tables are added by `+`.")
  }
  advice <- source_advice(data)
  if (!is.null(advice)) lmm_abort("input", paste0("`data` is ", advice[1L], "."), what = "data", value = class(data),
                                  fix = advice[2L])
  if (is.null(data) && !cells) lmm_abort("input", "`data` is missing.", what = "data",
                                         fix = "Give a data frame, chunks() or sql_rows().")
  check_data(data)
}

# What it is and what to write for it, where it is a source but not one that says how it is to be read.
source_advice <- function(data) {
  if (is.data.frame(data)) return(NULL)
  if (inherits(data, "DBIConnection")) return(c("a connection",
                                                paste("Name the table or the query: sql_rows(con, \"table\") or",
                                                      "sql_rows(con, query = \"SELECT ...\").")))
  if (inherits(data, "DBIResult")) return(c("the result of a query", "Write chunks(result)."))
  if (is.character(data) && length(data)) {
    if (any(grepl("^\\s*select\\b", data, ignore.case = TRUE))) return(c("text of a query",
                                                                         paste("Write sql_rows(con, query = \"SELECT",
                                                                               "...\") with the connection.")))
    csv <- grepl("[.]csv", data[1L], ignore.case = TRUE)
    return(c("text", paste0("For files write chunks(files", if (!csv) ", read = a function that reads one", ").")))
  }
  if (inherits(data, "connection")) return(c("a connection", paste("Read it first, for example by read.csv(), or use",
                                                                  "chunks(\"file.csv\") with the name of the file.")))
  if (is.function(data)) return(c("a function", "If it returns one chunk of rows at each call write chunks(f)."))
  if (inherits(data, c("Dataset", "ArrowTabular", "RecordBatchReader",
                       "arrow_dplyr_query"))) return(c("a table of arrow", "Write chunks(data)."))
  if (is.list(data) && length(data) && !is.object(data) && all(vapply(data, is.data.frame,
                                                                      NA))) return(c("a list of data frames",
                                                                        "Write chunks(data)."))
  NULL
}

# list(frame, rows) from rows or from cross-products.
framed_source <- function(spec, data, call, na.action, contrasts, caller, fixed, bounded, control) {
  if (is.null(data) || is.data.frame(data)) {
    return(model_frame(spec, data, call$weights, call$offset, call$subset, na.action, contrasts, caller, fixed, bounded,
                       control$memory_limit))
  }
  if (inherits(data, "cross_products")) {
    given <- c("weights", "offset", "subset",
               "na.action")[c("weights", "offset", "subset", "na.action") %in% names(call)]
    if (length(given)) {
      lmm_abort("input", paste0("`", given[1L], "` belongs to the rows, of which only cross-products are given."),
                what = given,
                fix = paste0("Give it to cross_products(..., ", given[1L], " = )."))
    }
  } else {
    refuse_cells_residual(spec)
    given <- cells_arguments(call, caller)
    data <- read_cells(data, spec, given$arguments, given$caller, check_na_action(na.action))
  }
  cells_model_frame(spec, data, contrasts, fixed, bounded, control$memory_limit)
}
