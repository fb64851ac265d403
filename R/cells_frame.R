# The model frame of a formula whose variables and keys are in a table of cells, and the rows that stand for its cells.

# list(frame, rows), as model_frame() gives them. The rows have the cross-products of the data but are not those of the
# data: for each cell its mean, and the rows of a root of its cross-products, in which the constant is 0. `constant`,
# `observed` (rows of data, in the row of the mean) and `log_weight` tell the engine so.
cells_model_frame <- function(spec, table, contrasts = NULL, fixed = NULL, bounded = TRUE, memory_limit = NULL) {
  refuse_cells_residual(spec)
  terms <- fixed_terms(without_dot_of(spec, table), NULL)
  spec <- without_dot(spec, terms)
  variables <- formula_variables(terms, spec)
  check_same_offsets(variables, table)
  derived <- derived_keys(variables, table)
  pieces <- asked_pieces(terms, spec, variables, table, derived)
  rows <- cell_rows(table, pieces, derived, variables)
  columns <- cells_variables(variables, rows, table)
  terms <- complete_terms(terms, columns)
  saying_what_was_dropped(table, {
    planned <- planned_model(terms, spec, rows, columns, contrasts, table$plan$na_rule, memory_limit)
    rows <- planned$rows
    frame <- planned$frame
    in_terms <- hold_in_terms(frame, fixed, NULL)
    frame$random <- in_terms$random
    frame$held <- held_parameters(in_terms$fixed, frame)
    if (!bounded) frame$bounded <- FALSE
    frame$conditions <- once(c(table$notes, missing_note(table, spec$formula), planned$conditions))
    check_cells_response(rows, columns$response)
    check_identifiable(frame, rows)
  })
  list(frame = frame, rows = rows)
}

# An error about the rows that are left says which are not.
saying_what_was_dropped <- function(table, expr) {
  if (!table$dropped) return(expr)
  tryCatch(expr, lmm_error = function(e) {
    e <- extend_condition(e, conditionMessage(missing_note(table)[[1L]]), e$fix)
    stop(e)
  })
}

refuse_cells_residual <- function(spec) {
  if (is.null(spec$residual)) return(invisible())
  lmm_abort("input", if (length(
    spec$random)) "a residual covariance structure needs the rows of the data: it is not available from cross-products."
            else "a model without random terms is not available from cross-products.", what = "residual",
            fix = if (length(spec$random)) "Give lmm() the rows as a data frame." else NULL)
}

# `.` is every variable of the table that the formula does not use elsewhere.
without_dot_of <- function(spec, table) {
  if (!"." %in% all.vars(spec$fixed[[3L]])) return(spec)
  elsewhere <- c(all.vars(spec$fixed[[2L]]), unlist(lapply(spec$random, function(term) all.vars(term$group))))
  labels <- setdiff(attr(table$plan$terms, "term.labels"), elsewhere)
  labels <- Filter(function(label) !any(all.vars(str2lang(label)) %in% elsewhere), labels)
  if (!length(labels)) lmm_abort("formula", "`.` stands for no variable: all are used elsewhere.", what = ".")
  spec$fixed[[3L]] <- replace_dot(spec$fixed[[3L]], Reduce(function(a, b) call("+", a, b), lapply(labels, str2lang)))
  bars <- split_bars(spec$formula[[3L]])$bars
  spec$formula[[3L]] <- Reduce(function(a, b) call("+", a, b), bars, spec$fixed[[3L]])
  spec
}

# What the table lacks; the rows that a model of other variables would have are lost too.
missing_note <- function(table, formula = NULL) {
  if (!table$dropped) return(NULL)
  counts <- table$missing
  known <- if (length(counts)) paste0(": missing ", enumerate(if (length(counts) == 1L) shown_label(names(counts)) else
    paste0(vapply(names(counts), shown_label, ""), " (",
           thousands(counts, trim = TRUE, scientific = FALSE), ")")))
  absent <- if (!is.null(formula)) Filter(function(name) !in_formula(name, formula), names(counts))
  fix <- if (length(absent)) paste0(enumerate(vapply(absent, shown_label, "")),
                                    if (length(absent) > 1L) " are" else " is", " not in the model: ",
                                    "a fit to the original data would keep rows in which nothing else is missing.")
  list(lmm_condition("message", "na", paste0(count_of(table$dropped, "row"), " dropped", known, "."),
                     what = names(counts), value = counts, fix = fix))
}

# Weights and offsets, "(weights)", belong to every formula.
in_formula <- function(label, formula) {
  own <- tryCatch(all.vars(str2lang(label)), error = function(e) label)      # a name with spaces is no expression
  startsWith(label, "(") || all(own %in% all.vars(formula))
}

# Offsets are taken from the response when the cells are made.
check_same_offsets <- function(variables, table) {
  response <- names(variables$calls)[1L]
  given <- table$plan$offsets
  asked <- variables$offsets
  if ("(offset)" %in% given) asked <- c(asked, "(offset)")
  if (response == table$plan$response && setequal(given, asked)) return(invisible())
  if (response != table$plan$response && !length(given) && !length(asked)) return(invisible())
  lmm_abort("input", paste0("the offset belongs to the response, which the cross-products contain as ",
                            paste(c(table$plan$response, given), collapse = " - "), "."), what = "offset",
            fix = "Make the cross-products with the formula that has the offset.")
}

# ---- what the cells hold ----

# Variables that are functions of keys are evaluated on the values of the keys: list of values, one for each cell, by
# label.
derived_keys <- function(variables, table) {
  known <- names(table$keys)
  labels <- setdiff(names(variables$calls)[-1L],
                    c(known, names(table$plan$pieces), variables$offsets, matrix_labels(table)))
  labels <- Filter(function(label) length(variables_of(variables$calls[[label]])) &&
    all(variables_of(variables$calls[[label]]) %in% c(known, table$plan$constants)), labels)
  if (!length(labels)) return(list())
  data <- structure(lapply(table$keys, key_column), class = "data.frame", row.names = .set_row_names(length(table$n)))
  source <- list(data = data, env = constants_of(table), n = length(table$n), notes = new.env())
  lapply(variables$calls[labels], evaluate_variable, source)
}

key_column <- function(key) key$values[key$codes]

constants_of <- function(table) list2env(as.list(table$plan$constant_values), parent = table$plan$env)

# Labels of matrices such as poly(x, 2), whose columns are variables of the table.
matrix_labels <- function(table) {
  labels <- names(Filter(function(kind) length(kind$columns), table$plan$kinds))
  Filter(function(label) paste0(label, "[1]") %in% names(table$plan$pieces), labels)
}

# The products that a model needs, by name; an error says which the table lacks.
asked_pieces <- function(terms, spec, variables, table, derived) {
  kinds <- table$plan$kinds
  keys <- c(names(table$keys), names(derived))
  labels <- setdiff(names(variables$calls), c(keys, variables$offsets))
  unknown <- setdiff(labels, c(names(kinds)))
  if (length(unknown)) abort_not_in_cells(unknown, table)
  values <- lapply(stats::setNames(labels, labels), function(label) empty_like(kinds[[label]]))
  pieces <- needed_pieces(terms, spec, values, keys, names(variables$calls)[1L])
  absent <- setdiff(names(pieces), names(table$plan$pieces))
  if (length(absent)) abort_not_in_cells(absent, table)
  pieces
}

empty_like <- function(kind) {
  if (length(kind$columns)) matrix(0, 0L, length(kind$columns), dimnames = list(NULL, kind$columns)) else numeric()
}

abort_not_in_cells <- function(names, table) {
  lmm_abort("input", paste0("the cross-products do not contain ", enumerate(quote_name(names)), " (variables: ",
                            enumerate(names(table$plan$pieces), 10L),
                            "; keys: ", enumerate(names(table$keys), 10L), ")."), what = names,
            fix = "Make them with a formula that has all terms: cross_products(y ~ x * z + f + (x | g), data).")
}

# ---- rows ----

cell_rows <- function(table, pieces, derived, variables) {
  which <- match(names(pieces), names(table$plan$pieces))
  found <- engine_result(engine_cell_rows(table$n, table$w, table$mean, table$square, table$shift, which, table$stable),
                         NULL)
  cell <- found$cell
  sums <- list(constant = found$constant, values = found$values, names = names(pieces),
               keys = c(names(table$keys), names(derived)))
  by_cell <- c(lapply(table$keys, key_column), derived)
  data <- lapply(by_cell[intersect(names(by_cell), names(variables$calls))], take_rows, cell)
  for (label in setdiff(names(variables$calls),
                        c(names(data), variables$offsets))) data[[label]] <- variable_column(label, sums, table)
  for (label in variables$offsets) data[[label]] <- numeric(length(cell))
  first <- sums$constant == 1
  y <- if (length(which)) found$values[, 1L] else numeric(length(cell))
  near <- y
  if (length(which)) near[first] <- table$mean[which[1L], cell[first]]
  weights <- rep(1, length(cell))
  weights[first] <- table$w[cell[first]]
  observed <- numeric(length(cell))
  observed[first] <- table$n[cell[first]]
  data <- structure(data[names(variables$calls)], class = "data.frame", row.names = .set_row_names(length(cell)),
                    sums = sums)
  list(data = data, cell = cell, y = y, near = near, origin = table$shift[which[1L]], offset = NULL,
       weights = weights, codes = NULL, n = length(cell), constant = sums$constant, observed = observed,
       log_weight = table$log_weight, cells = table)
}

# The columns of one variable, where they are among the sums.
variable_column <- function(label, sums, table) {
  columns <- table$plan$kinds[[label]]$columns
  names <- if (length(columns)) paste0(label, "[", seq_along(columns), "]") else label
  out <- sums$values[, match(names, sums$names), drop = FALSE]
  if (!length(columns)) return(out[, 1L])
  dimnames(out) <- list(NULL, columns)
  out
}

# What model_frame() knows of the variables, for the frame.
cells_variables <- function(variables, rows, table) {
  plan <- table$plan
  readers <- variables$calls
  known <- intersect(names(readers), names(plan$readers))
  readers[known] <- plan$readers[known]
  offsets <- if (names(variables$calls)[1L] == plan$response) plan$offsets
  extra <- setdiff(names(plan$readers), names(readers))
  readers[extra] <- plan$readers[extra]
  c(variables[c("calls", "roles")], list(
    values = as.list(rows$data), n = rows$n, response = names(variables$calls)[1L], offsets = offsets,
    readers = readers, env = plan$env,
    records = records_for(variables, plan$records), probe = NULL, outside = character(), constants = plan$constants,
    constant_values = plan$constant_values, arguments = plan$arguments))
}

# The records of the variables that a formula uses, with the roles that they have in it.
records_for <- function(variables, records) {
  calls <- variables$calls[-1L]
  names <- intersect(unlist(lapply(calls, variables_of)), names(records))
  inside <- unlist(lapply(Filter(is.call, calls), variables_of))
  lapply(records[names], function(record) replace(record, "role", variable_role(record$name, variables$roles, inside)))
}

# The response must vary.
check_cells_response <- function(rows, label) {
  first <- rows$constant == 1
  if (any(rows$y[!first] != 0)) return(invisible())
  n <- sum(rows$observed)
  check_response_varies(list(y = if (n > 1) rep(rows$y[first], length.out = max(2L, sum(first))) else rows$y[first]),
                        label)
}
