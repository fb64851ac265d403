# What a table of cells needs of each row: the keys (grouping variables and factors) and the products of numeric
# variables.

# The plan by which every chunk is read, made from the first chunk: which calls are evaluated, what their values are
# used for. `whole`: the chunk holds all rows, so that calls mean what they mean in lmm().
cells_plan <- function(spec, data, arguments, caller, na_rule, whole, variables = NULL, more_keys = character()) {
  terms <- fixed_terms(spec, data)
  spec <- without_dot(spec, terms)
  if (is.null(variables)) variables <- formula_variables(terms, spec)
  plan <- list(spec = spec, terms = terms, variables = variables, arguments = arguments, caller = caller,
               na_rule = na_rule)
  source <- cells_source(plan, data)
  columns <- cells_columns(plan, source, whole)
  chosen <- list(data = columns$values, n = columns$n, keep = NULL)
  if (whole) columns$probe <- probe_rows(columns, chosen, source)
  columns$env <- small_environment(source$env, columns)
  plan$readers <- if (whole) column_readers(columns, source) else c(variables$calls, columns$arguments)
  plan$records <- variable_records(columns, source)
  kept <- c("outside", "constants", "constant_values", "env", "response", "offsets")
  plan[kept] <- columns[kept]
  plan$spec <- detach_spec(spec, terms, columns$env)
  plan$notes <- source$notes$conditions
  plan$kinds <- lapply(columns$values[names(variables$calls)], value_kind)
  plan$keys <- union(key_labels(variables, columns$values), more_keys)
  plan$orders <- lapply(stats::setNames(plan$keys, plan$keys), function(label) {
    if (label %in% more_keys) "first" else key_order(variables$calls[[label]], variables$roles[[label]], source)
  })
  plan$pieces <- needed_pieces(terms, spec, columns$values, plan$keys, columns$response)
  plan
}

# `.` written out.
without_dot <- function(spec, terms) {
  if (!"." %in% all.vars(spec$fixed)) return(spec)
  detach_spec(spec, terms, environment(spec$formula))
}

cells_source <- function(plan, data) {
  calls <- c(plan$variables$calls, plan$arguments)
  data <- plain_columns(data, unlist(lapply(calls, all.names)))
  source <- new_source(data, plan$spec, plan$caller)
  if (length(plan$constant_values)) source$env <- list2env(plan$constant_values, parent = source$env)
  source
}

# Values of all variables and arguments in the rows of a chunk.
cells_columns <- function(plan, source, whole) {
  columns <- evaluate_variables(plan$variables, source)
  refuse_cells_responses(columns$values[[1L]], names(plan$variables$calls)[1L])
  if (!whole && length(columns$outside)) {
    lmm_abort("formula", paste0("variable ", quote_name(columns$outside[1L]), " is not a column of the chunks."),
              what = columns$outside,
              fix = "Only constants may be defined outside the data.")
  }
  source$n <- columns$n
  columns <- add_arguments(columns, plan$arguments[c("weights", "offset")], source)
  check_columns(columns, source)
  columns
}

refuse_cells_responses <- function(y, label) {
  if (NCOL(y) <= 1L || !is.numeric(y)) return(invisible())
  lmm_abort("input", paste0("several responses (", quote_name(label),
                            ") are not read into one table of cross-products."), what = label,
            fix = "Make a table for each response, or give lmm() the rows as a data frame.")
}

# Grouping variables, and what is not a number.
key_labels <- function(variables, values) {
  labels <- names(variables$calls)[-1L]
  used <- lapply(variables$roles[labels], setdiff, "offset")
  is_key <- vapply(labels, function(label) "group" %in%
                   used[[label]] || length(used[[label]]) && is_categorical(values[[label]]), NA)
  labels[is_key]
}

# Class, and the names of the columns of a matrix.
value_kind <- function(x) {
  list(class = stats::.MFclass(x), kind = variable_kind(x), columns = if (has_columns(x)) piece_names(x))
}

# A matrix of one column without a name, as scale(x) is, is a vector.
has_columns <- function(x) length(dim(x)) == 2L && (ncol(x) > 1L || !is.null(colnames(x)))

piece_names <- function(x) if (is.null(colnames(x))) as.character(seq_len(ncol(x))) else colnames(x)

# ---- products ----

# The products of numeric variables that the terms are made of, each a list of pieces (label, column; column 0 of a
# vector), by their names. The response comes first.
needed_pieces <- function(terms, spec, values, keys, response) {
  plans <- c(list(terms),
             lapply(Filter(function(term) !is_intercept_only(term$lhs), spec$random),
                    function(term) parse_terms(term$lhs)))
  sets <- unlist(lapply(plans, numeric_sets, keys), recursive = FALSE)
  single <- as.list(unique(unlist(sets)))
  products <- unlist(lapply(c(single, sets),
                            function(labels) expand_pieces(labels, lapply(values[labels], piece_columns_of))),
                            recursive = FALSE)
  products <- c(list(list(list(label = response, column = 0L))), products)
  names <- vapply(products, product_name, "")
  stats::setNames(products, names)[!duplicated(names)]
}

piece_columns_of <- function(x) if (has_columns(x)) seq_len(ncol(x)) else 0L

# For each term the labels of its variables that are no keys.
numeric_sets <- function(terms, keys) {
  use <- attr(terms, "factors")
  if (!length(use)) return(list())
  labels <- variable_labels(terms)
  sets <- lapply(seq_len(ncol(use)), function(j) setdiff(labels[use[, j] > 0L], keys))
  Filter(length, sets)
}

# All products of one column of each.
expand_pieces <- function(labels, columns) {
  if (!length(labels)) return(list())
  grid <- do.call(expand.grid, c(unname(columns), list(KEEP.OUT.ATTRS = FALSE)))
  lapply(seq_len(nrow(grid)), function(i) {
    lapply(seq_along(labels), function(j) list(label = labels[j], column = grid[i, j]))
  })
}

# The same name whatever the order of the pieces.
product_name <- function(pieces) {
  text <- vapply(pieces, function(piece) if (piece$column > 0L) paste0(piece$label, "[", piece$column,
                                                                       "]") else piece$label, "")
  paste(in_order(text), collapse = ":")
}

# The columns of doubles of a chunk, one for each product, the response without offsets first.
product_values <- function(plan, values, n) {
  column <- function(piece) {
    x <- values[[piece$label]]
    plain_numeric(if (piece$column > 0L) unclass(x)[, piece$column] else x)
  }
  out <- lapply(plan$pieces, function(pieces) Reduce(`*`, lapply(pieces, column)))
  for (label in plan$offsets) out[[1L]] <- out[[1L]] - plain_numeric(values[[label]])
  out
}
