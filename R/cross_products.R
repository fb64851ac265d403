# Tables of cells: what a mixed model needs of the data, as plain, additive data.

#' Cross-products of data that need not be in memory
#'
#' Reduces rows to a table of cells: for each combination of the values of all keys (grouping variables and factors) the
#' number of rows, the sum of weights, and the means and centered cross-products of the numeric variables and the
#' response. Any mixed model in these variables and keys is fitted to the table by [lmm()] with the estimates that the
#' rows give. Tables of parts of the data are added by `+`: days, files, sites that may not exchange rows.
#'
#' Functions whose values depend on all rows (`poly()`, `scale()`, splines, `x - mean(x)`) are given their constants by
#' a first pass over the data. Parts of the data have different constants: give the first table as `formula` to the
#' later ones, which then use its constants, or write the constants into the formula. Functions of grouping variables
#' and factors are evaluated on their values. The same holds for `weights`, `offset` and `subset`; expressions
#' without constants of this kind (`rank(x)`, `!duplicated(id)`) are errors for rows in chunks. Row numbers in `subset`
#' refer to the rows of all chunks together.
#'
#' @param formula the largest model of interest, as for [lmm()]; or a table made before, whose variables, functions and
#'   constants are to be used.
#' @param data a data frame, [chunks()], a table of a database ([sql_rows()], or a lazy table of 'dbplyr').
#' @param weights,offset,subset,na.action as for [lmm()]; expressions in the columns of the data.
#' @param min_rows stop if a cell has fewer rows than this. A cell with one row is that row: a table that leaves a site
#'   should have none.
#' @param max_cells stop if there are more cells than this.
#' @param progress print a line for each chunk?
#' @param ... not used; an argument that cross_products() does not know is an error.
#' @return An object of class `cross_products`: plain data that survives [saveRDS()]. `summary()` shows cells and their
#'   sizes; `+` adds two tables; `update(fit, data = table)` fits the model of a fit to another table.
#' @section Conditions:
#' Those of [lmm()]; `lmm_error_input` for tables that cannot be added, with what differs; `lmm_error_data` for cells
#' smaller than `min_rows`; `lmm_error_numeric` for more than `max_cells` cells.
#' @references Chan, Golub and LeVeque (1983) American Statistician 37, 242-247.
#' @seealso [chunks()] and [sql_rows()] for data that are not in memory, [lmm()], [update.lmm_fit()].
#' @concept larger than memory
#' @concept big data
#' @concept distributed data
#' @concept federated analysis
#' @concept sufficient statistics
#' @concept privacy
#' @examples
#' # Three sites that exchange no rows
#' sites <- split(penicillin, c(1, 1, 2, 2, 3)[penicillin$blend])
#' tables <- lapply(sites, function(rows) cross_products(yield ~ treat + (1 | blend), rows))
#' all <- Reduce(`+`, tables)
#' summary(all)
#' fit <- lmm(yield ~ treat + (1 | blend), all)
#' anova(fit)
#' @export
cross_products <- function(formula, data, weights, offset, subset, na.action, min_rows = 1, max_cells = 1e7,
                           progress = FALSE, ...) {
  check_arguments(given_names(sys.call(), parent.frame()), names(formals(cross_products)))
  call <- match.call(expand.dots = TRUE)
  check_number(min_rows, "min_rows", lower = 1)
  check_number(max_cells, "max_cells", lower = 1)
  check_flag(progress, "progress")
  data <- check_source(if (!missing(data)) force_argument(data, "data"))
  formula <- force_argument(formula, "formula")
  like <- if (inherits(formula, "cross_products")) whole_cells(formula, "formula")
  spec <- if (is.null(like)) model_spec(check_formula(formula, parent.frame()), TRUE) else like$plan$spec
  refuse_cells_residual(spec)
  given <- cells_arguments(call, parent.frame())
  arguments <- if (is.null(like)) given$arguments else like$plan$arguments
  na_rule <- if (is.null(like)) check_na_action(if (missing(na.action)) NULL else na.action) else like$plan$na_rule
  options <- list(max_cells = max_cells, progress = progress, like = like)
  out <- read_cells(data, spec, arguments, given$caller, na_rule, options)
  check_cell_sizes(out, min_rows)
  out
}

# The expressions for weights, offset and subset as they were written, and where.
cells_arguments <- function(call, caller) {
  found <- lapply(c(weights = "weights", offset = "offset", subset = "subset"),
                  function(name) resolve_dots(call[[name]], caller))
  written <- Filter(function(one) !identical(one$caller, caller), found)
  list(arguments = lapply(found, `[[`, "expr"), caller = if (length(written)) written[[1L]]$caller else caller)
}

# Dispatches on the kind of source.
read_cells <- function(source, spec, arguments, caller, na_rule, options = list(max_cells = 1e7, progress = FALSE)) {
  if (inherits(source, "sql_rows")) return(sql_cells(source, spec, arguments, caller, na_rule, options))
  if (is.data.frame(source)) frame_cells(source, spec, arguments, caller, na_rule, options)
  else chunk_cells(source, spec, arguments, caller, na_rule, options)
}

frame_cells <- function(data, spec, arguments, caller, na_rule, options) {
  whole <- is.null(options$like)
  plan <- if (whole) cells_plan(spec, data, arguments, caller, na_rule, TRUE) else plan_like(options$like, caller)
  plan$max_cells <- options$max_cells
  reading <- new_reading(plan, options$like$shift, TRUE)
  read_chunk(reading, data, "`data`", whole)
  finish_reading(reading)
}

chunk_cells <- function(source, spec, arguments, caller, na_rule, options) {
  reading <- NULL
  seen <- 0
  plan <- if (!is.null(options$like)) plan_like(options$like, caller)
  settle <- is.null(plan) && !is_row_wise(spec, arguments)
  make <- function(chunk) chunk_plan(source, chunk, spec, arguments, caller, na_rule, settle)
  if (settle && !is_read_once(source)) plan <- make(first_chunk(source))
  count <- each_chunk(source, function(chunk, where) {
    if (is.null(reading)) {
      if (is.null(plan)) plan <<- make(chunk)
      plan$max_cells <<- options$max_cells
      reading <<- new_reading(plan, options$like$shift)
    }
    read_chunk(reading, chunk, where)
    seen <<- reading$seen
    if (options$progress) cat(sprintf("%s: %s rows so far\n", where,
                                      thousands(reading$rows, scientific = FALSE)))
  })
  if (is.null(reading)) lmm_abort("data", "the chunks have no rows.", what = "data", value = count)
  if (!is.null(plan$collected)) check_unchanged(plan$collected, seen, "pass over the chunks")
  finish_reading(reading)
}

# Does no variable need constants from all rows?
is_row_wise <- function(spec, arguments = NULL) {
  calls <- c(list(spec$formula), arguments)
  all(unlist(lapply(calls, called_functions)) %in% c(row_functions, "~", "|", "||", "/")) &&
    !any(vapply(calls, takes_codes, NA))
}

# The plan of the first chunk, after a pass for the constants of functions that need them.
chunk_plan <- function(source, first, spec, arguments, caller, na_rule, settle) {
  terms <- fixed_terms(spec, first)
  spec <- without_dot(spec, terms)
  variables <- formula_variables(terms, spec)
  collected <- NULL
  if (settle) {
    collect <- function(names) {
      data <- collect_columns(source, names)
      collected <<- .row_names_info(data, 2L)
      data
    }
    variables <- settle_calls(variables, first, spec, caller, collect)
    arguments <- settle_arguments(arguments, first, spec, caller, collect)
  }
  plan <- cells_plan(spec, first, arguments, caller, na_rule, FALSE, variables)
  plan$collected <- collected
  plan
}

# Constants and sums must be those of the same rows.
check_unchanged <- function(first, now, what) {
  if (first == now) return(invisible())
  lmm_abort("data", paste0("the rows changed while they were read: ", format(first, scientific = FALSE),
                           " in the first ", what, ", ", format(now, scientific = FALSE), " in the next."),
            what = "data", value = c(first, now), fix = "Read them inside one transaction, or from a copy.")
}

first_chunk <- function(source) {
  first <- NULL
  each_chunk(source, function(chunk, where) {
    first <<- chunk
    "enough"
  })
  if (is.null(first)) lmm_abort("data", "the chunks have no rows.", what = "data")
  first
}

# A table's plan for more rows.
plan_like <- function(table, caller) {
  plan <- table$plan
  plan$caller <- caller
  plan$keys <- names(table$keys)
  plan$variables$calls[names(plan$readers)] <- plan$readers
  plan$variables$calls <- plan$variables$calls[names(plan$kinds)]
  for (name in c("weights", "offset")) {
    reader <- plan$readers[[paste0("(", name, ")")]]
    if (!is.null(reader)) plan$arguments[[name]] <- reader
  }
  plan
}

check_cell_sizes <- function(table, min_rows) {
  small <- sum(table$n < min_rows)
  if (!small) return(invisible())
  lmm_abort("data", paste0(count_of(small, "cell has", "cells have"), " fewer than ", min_rows, " rows (the smallest ",
                           min(table$n), ")."), what = "min_rows",
            value = small,
            fix = "Use coarser or fewer grouping variables and factors. Leaving small cells out would bias the fit.")
}
