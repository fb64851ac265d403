# Calls whose values depend on which rows are there (poly, scale, splines, x - mean(x)) are given their constants in a
# pass of their own, after which each chunk gives the values that all rows together would have.

# Functions whose values for a row depend on that row alone.
row_functions <- c("+", "-", "*", "/", "^", "%%", "%/%", "(", "I", "==", "!=", "<", ">", "<=", ">=", "&", "|", "!",
                   "xor", "ifelse", "%in%", "is.na",
                   "abs", "sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "round",
                   "floor", "ceiling", "trunc",
                   "sign", "as.numeric", "as.double", "as.integer", "as.character", "as.logical", "as.factor", "factor",
                   "ordered", "relevel",
                   "interaction", "paste", "paste0", "substr", "substring", "nchar", "toupper", "tolower", "pmin",
                   "pmax", "offset", "c", ":", "as.Date",
                   "format", "is.finite", "unclass", "as.vector")

# Functions whose values depend on other rows, whatever the first chunk looks like: one of one time, or of each subject
# once, does not show it.
whole_functions <- c("mean", "median", "sum", "prod", "max", "min", "range", "sd", "var", "mad", "quantile", "ave",
                     "rank", "order", "sort", "rev", "cumsum", "cumprod", "cummax", "cummin", "diff", "duplicated",
                     "unique", "seq_along", "which", "which.min", "which.max", "tapply", "table", "tabulate", "length",
                     "NROW", "nrow", "anyDuplicated", "row_number", "lag")

# Whose codes are those of the levels that are there: as.numeric(factor(x)).
code_functions <- c("as.numeric", "as.double", "as.integer", "unclass", "as.vector", "c")
level_functions <- c("factor", "as.factor", "ordered", "interaction", "relevel")

# The variables with such calls settled. `collect(names)` returns all values of some variables as a data frame.
settle_calls <- function(variables, first, spec, caller, collect) {
  variables$calls <- settled_calls(variables$calls, variables$roles, first, spec, caller, collect)
  variables
}

settled_calls <- function(all, roles, first, spec, caller, collect) {
  source <- new_source(plain_columns(first, unlist(lapply(all, all.names))), spec, caller)
  calls <- Filter(function(call) is.call(call) && !is_row_wise_call(call), all)
  if (!length(calls)) return(all)
  columns <- evaluate_variables(list(calls = calls, roles = roles[names(calls)], offsets = character()), source)
  chosen <- list(data = columns$values, n = columns$n, keep = NULL)
  columns$response <- ""
  probe <- probe_rows(columns, chosen, source)
  alone <- vapply(names(calls), function(label) {
    !needs_all_rows(calls[[label]], source$env) && gives_same_values(calls[[label]],
    comparable(part_of(columns$values[[label]], probe$rows)), probe, source$env)
  }, NA)
  for (label in names(calls)[!alone]) all[[label]] <- settled_call(calls[[label]], label, columns$constants, spec,
                                                                   caller, collect)
  all
}

# Weights, offset and subset with such calls settled. Their variables may be where the user called from.
settle_arguments <- function(arguments, first, spec, caller, collect) {
  unsettled <- Filter(function(expr) is.call(expr) && !is_row_wise_call(expr), arguments)
  if (!length(unsettled)) return(arguments)
  names <- setdiff(unlist(lapply(unsettled, variables_of)), names(first))
  env <- environment(spec$formula)
  found <- lapply(stats::setNames(names, names), function(name) find_value(name, list(env, caller))$value)
  environment(spec$formula) <- list2env(Filter(Negate(is.null), found), parent = env)
  labels <- paste(names(unsettled), "=", vapply(unsettled, deparse_line, ""))
  roles <- stats::setNames(rep(list("argument"), length(labels)), labels)
  arguments[names(unsettled)] <- settled_calls(stats::setNames(unsettled, labels), roles, first, spec, caller, collect)
  arguments
}

is_row_wise_call <- function(call) all(called_functions(call) %in% row_functions) && !takes_codes(call)

needs_all_rows <- function(call, env) {
  lacks_constants(call) || takes_codes(call) || any(functions_within(call, env) %in% whole_functions)
}

# The functions that a call uses, and those in the bodies of the user's own.
functions_within <- function(call, env) {
  names <- called_functions(call)
  own <- Filter(function(f) is.function(f) && !is.primitive(f) && !isNamespace(environment(f)),
                lapply(names, get0, envir = env, mode = "function"))
  c(names, unlist(lapply(own, function(f) all.names(body(f)))))
}

takes_codes <- function(call, inside = FALSE) {
  if (!is.call(call)) return(FALSE)
  head <- function_name(call)
  if (inside && head %in% level_functions) return(TRUE)
  inside <- head %in% code_functions || inside && head == "("
  any(vapply(as.list(call)[-1L], takes_codes, NA, inside))
}

# Bases that take their constants from the rows.
basis_constants <- list(scale = c("center", "scale"), poly = "coefs", polym = "coefs",
                        ns = c("knots", "Boundary.knots"), bs = c("knots", "Boundary.knots"))

lacks_constants <- function(call) {
  if (!is.call(call)) return(FALSE)
  needed <- basis_constants[[function_name(call)]]
  if (!is.null(needed) && !all(needed %in% names(call)) && !isTRUE(call$raw)) return(TRUE)
  if (function_name(call) == "cut" && length(call) > 2L && is.numeric(call[[3L]])) return(TRUE)
  any(vapply(as.list(call)[-1L], lacks_constants, NA))
}

called_functions <- function(call) setdiff(all.names(call), variables_of(call))

# Without operators: "(rank)", or nothing.
functions_in_words <- function(call) {
  own <- grep("^[[:alpha:].]", called_functions(call), value = TRUE)
  if (length(own)) paste0(" (", enumerate(own), ")")
}

settled_call <- function(call, label, constants, spec, caller, collect) {
  data <- collect(setdiff(variables_of(call), constants))
  source <- new_source(data, spec, caller)
  columns <- evaluate_variables(list(calls = stats::setNames(list(call), label), roles = list(), offsets = character()),
                                source)
  columns$response <- ""
  columns$probe <- probe_rows(columns, list(data = columns$values, n = columns$n, keep = NULL), source)
  reader <- column_readers(columns, source)[[label]]
  if (gives_same_values(reader, columns$probe$values[[label]], columns$probe, source$env)) return(reader)
  lmm_abort("formula", paste0(quote_name(label), " depends on all rows together", functions_in_words(call),
                              ": it cannot be computed chunk by chunk."), what = label,
            fix = "Compute it as a column of the data first, and use the name of the column.")
}

# All values of some columns of the chunks.
collect_columns <- function(source, names, most = 5e7) {
  parts <- list()
  rows <- 0
  each_chunk(source, function(chunk, where) {
    lacking <- setdiff(names, names(chunk))
    if (length(lacking)) lmm_abort("formula",
                                   paste0("variable ", quote_name(lacking[1L]), " is not a column of ", where, "."),
                                   what = lacking)
    part <- lapply(stats::setNames(names, names), function(name) plain_column(chunk[[name]]))
    parts[[length(parts) + 1L]] <<- structure(part, class = "data.frame", row.names = .set_row_names(nrow(chunk)))
    rows <<- rows + nrow(chunk)
    if (rows * length(names) > most) abort_collecting(names)
  })
  do.call(rbind, parts)
}

abort_collecting <- function(names) {
  lmm_abort("numeric",
            paste0("the constants of a function of ", enumerate(quote_name(names)),
                   " take more values than fit in memory."), what = names,
            fix = paste("Give the constants: scale(x, center = , scale = ), poly(x, 2, coefs = ), ns(x, knots = ,",
                        "Boundary.knots = )."))
}
