# Tables of cells from databases: our own SELECT ... GROUP BY around the user's query.

sql_cells <- function(source, spec, arguments, caller, na_rule, options) {
  if (!requireNamespace("DBI", quietly = TRUE)) lmm_abort("input", "package 'DBI' is needed to read a database.",
                                                          what = "DBI")
  if (source$dialect$name == "sqlite") return(chunk_cells(sqlite_chunks(source, spec, arguments), spec, arguments,
                                                          caller, na_rule, options))
  plan <- sql_plan(source, spec, arguments, caller, na_rule, options)
  sql_two_passes(plan, source, options)
}

# Of SQLite rows are read: that is faster than its own GROUP BY, and needs no shift.
sqlite_chunks <- function(source, spec, arguments) {
  columns <- sql_columns(source)
  if ("." %in% all.vars(spec$fixed[[3L]])) return(sql_chunks(source, columns))
  calls <- c(list(spec$formula), arguments)
  sql_chunks(source, used_columns(columns, calls))
}

used_columns <- function(columns, calls) {
  wanted <- unique(unlist(lapply(calls, variables_of)))
  env <- environment(calls[[1L]])
  found <- vapply(wanted, function(name) name %in% columns || !is.null(find_value(name, list(env))), NA)
  if (all(found)) intersect(columns, wanted) else columns
}

# ---- what is asked of the database ----

# The plan with `sql`: texts of the keys, the products, the weights and the conditions.
sql_plan <- function(source, spec, arguments, caller, na_rule, options) {
  columns <- sql_columns(source)
  calls <- c(list(spec$formula), arguments)
  wanted <- if ("." %in% all.vars(spec$fixed[[3L]])) columns else used_columns(columns, calls)
  head <- sql_head(source, wanted)
  plan <- if (is.null(options$like)) sql_new_plan(source, head, spec, arguments, caller, na_rule,
                                                  columns) else sql_plan_like(options$like, caller)
  plan$max_cells <- options$max_cells
  plan$shift <- if (is.null(options$like)) first_shift(product_values(plan, head_values(plan, head),
                                                                      nrow(head))) else options$like$shift
  plan$nan_is_value <- source$dialect$nan
  plan$decimal <- sql_decimal(source, names(head))
  plan$sql <- sql_texts(plan, source, columns)
  plan
}

sql_new_plan <- function(source, head, spec, arguments, caller, na_rule, columns) {
  terms <- fixed_terms(spec, head)
  spec <- without_dot(spec, terms)
  variables <- formula_variables(terms, spec)
  if (!is_row_wise(spec)) variables <- settle_calls(variables, head, spec, caller,
                                                    function(names) sql_collect(source, names))
  plan <- cells_plan(spec, head, arguments, caller, na_rule, FALSE, variables)
  labels <- setdiff(names(variables$calls), c(plan$keys, plan$offsets, plan$response))
  as_keys <- c(plan$keys, Filter(function(label) is.null(sql_columns_of(label, plan, source, columns)), labels))
  raw <- setdiff(unique(unlist(lapply(variables$calls[as_keys], variables_of))), plan$constants)
  plan <- cells_plan(spec, head, arguments, caller, na_rule, FALSE, variables, c(as_keys, raw))
  plan$derived <- setdiff(plan$keys, raw)
  plan$keys <- raw
  plan
}

sql_plan_like <- function(table, caller) plan_like(table, caller)

head_values <- function(plan, head) {
  source <- cells_source(plan, head)
  cells_columns(plan, source, FALSE)$values
}

# SQL of the columns of one variable, or NULL where it is not on the white list.
sql_columns_of <- function(label, plan, source, columns) {
  if (label %in% plan$derived) return(NULL)
  call <- plan$variables$calls[[label]]
  poly <- sql_poly(call, source, columns, plan$constant_values)
  if (!is.null(poly)) poly else
    if (!length(plan$kinds[[label]]$columns) ||
      function_name_of(call) == "scale") sql_value(call, source, columns, plan$constant_values)
}

function_name_of <- function(call) if (is.call(call)) function_name(call) else ""

sql_texts <- function(plan, source, columns) {
  values <- lapply(seq_along(plan$pieces), function(j) sql_product(plan$pieces[[j]], j, plan, source, columns))
  constants <- plan$constant_values
  weights <- plan$arguments$weights
  weight <- if (!is.null(weights)) sql_needed(sql_value(weights, source, columns, constants), weights, "weights")
  subset <- plan$arguments$subset
  chosen <- if (!is.null(subset)) sql_needed(sql_condition(subset, source, columns, constants), subset, "subset")
  keys <- sql_names(source, plan$keys)
  list(keys = keys, values = unlist(values), weight = weight, chosen = chosen,
       needed = sql_needed_values(plan, source, columns))
}

# What must not be missing in a row, by the name of the variable: columns, or expressions of them.
sql_needed_values <- function(plan, source, columns) {
  arguments <- Filter(Negate(is.null), plan$arguments[c("weights", "offset")])
  calls <- c(plan$variables$calls, arguments)
  as_keys <- c(plan$derived, plan$keys)
  found <- Map(function(call, label) {
    names <- intersect(variables_of(call), columns)
    if (is.symbol(call) || label %in% as_keys) return(stats::setNames(sql_names(source, names), names))
    text <- if (label %in% names(plan$variables$calls)) sql_columns_of(label, plan, source,
                                                                       columns)[1L] else
                                                                         sql_value(call, source, columns,
                                                                                   plan$constant_values)
    if (!length(text)) stats::setNames(sql_names(source, names), names)
    else stats::setNames(text, if (length(names) == 1L) names else label)
  }, calls, names(calls))
  found <- unlist(unname(found))
  found[!duplicated(found)]
}

sql_needed <- function(text, call, name) {
  if (!is.null(text)) return(text)
  lmm_abort("formula", paste0("`", name, "` (", deparse_line(call), ") cannot be computed by the database."),
            what = name,
            fix = "Make it a column of the query: sql_rows(con, query = ).")
}

# A product less its shift. Decimal columns are shifted before they become doubles.
sql_product <- function(pieces, j, plan, source, columns) {
  shift <- plan$shift[j]
  only <- if (length(pieces) == 1L && j > 1L) pieces[[1L]]$label
  if (j == 1L && !length(plan$offsets)) only <- pieces[[1L]]$label
  if (!is.null(only) && only %in% plan$decimal) {
    return(sql_double(source, paste0("(", sql_names(source, only), " - ", sql_decimal_number(shift), ")")))
  }
  texts <- vapply(pieces, function(piece) {
    own <- sql_columns_of(piece$label, plan, source, columns)
    sql_needed(own[max(1L, piece$column)], plan$variables$calls[[piece$label]], piece$label)
  }, "")
  text <- paste(texts, collapse = " * ")
  for (label in if (j == 1L) plan$offsets) {
    call <- if (label == "(offset)") plan$arguments$offset else plan$variables$calls[[label]]
    text <- paste0(text, " - ", sql_needed(sql_value(call, source, columns, plan$constant_values), call, "offset"))
  }
  paste0("(", text, ") - ", sql_double(source, sql_number(shift)))
}

sql_decimal_number <- function(x) if (x < 0) paste0("(", format(x, scientific = FALSE, digits = 15L),
                                                    ")") else format(x, scientific = FALSE, digits = 15L)

# Columns of exact decimals, as far as the driver tells.
sql_decimal <- function(source, columns) {
  if (source$dialect$name != "postgres") return(character())
  sql <- paste0("SELECT ", paste(sql_names(source, columns), collapse = ", "), " FROM (", source$query,
                ") q WHERE 1 = 0")
  result <- sql_try(DBI::dbSendQuery(source$con, sql), sql)
  on.exit(try(suppressWarnings(DBI::dbClearResult(result)), silent = TRUE))
  info <- tryCatch(DBI::dbColumnInfo(result), error = function(e) NULL)
  types <- if (!is.null(info$.typname)) info$.typname else info$sclass
  columns[which(types == "numeric" & !is.null(info$.typname))]
}

# All values of some columns: each combination as often as it occurs.
sql_collect <- function(source, names, most = 5e7) {
  shown <- sql_names(source, names)
  sql <- paste0("SELECT ", paste(shown, collapse = ", "), ", ", sql_double(source, "COUNT(*)"), " AS lmm_n FROM (",
                source$query, ") q WHERE ",
                paste(shown, "IS NOT NULL", collapse = " AND "), " GROUP BY ", paste(shown, collapse = ", "))
  found <- sql_get(source, sql)
  count <- found[[length(found)]]
  if (sum(count) * length(names) > most) abort_collecting(names)
  out <- found[rep(seq_len(nrow(found)), count), seq_along(names), drop = FALSE]
  stats::setNames(structure(as.list(out), class = "data.frame", row.names = .set_row_names(sum(count))), names)
}
