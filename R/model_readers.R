# Calls that read new data: what an expression took from the rows of the fit is written into them.

# By label the call of each variable, and of `(weights)` and `(offset)`, which may be numbers.
column_readers <- function(columns, source) {
  readers <- c(lapply(columns$calls, fix_inner_bases, source),
               lapply(columns$arguments,
                      function(call) tryCatch(fix_inner_bases(call, source), error = function(e) call)))
  readers <- predict_calls(readers, columns$values[names(readers)])
  for (label in names(columns$probe$values)) {
    readers[[label]] <- independent_reader(readers[[label]], columns$values[[label]], columns$probe, source)
  }
  readers
}

# Of the calls for the grouping variables and for the residual structure those that are not plain names.
expression_calls <- function(groups, residual, columns) {
  labels <- c(unlist(lapply(groups, function(group) vapply(group$parts, `[[`, "", "label"))),
              vapply(residual_calls(residual), variable_label, ""))
  Filter(is.call, columns$readers[unique(labels)])
}

# poly(x, 2) becomes poly(x, 2, coefs = ...), and so on.
predict_calls <- function(calls, values) {
  for (i in seq_along(calls)) {
    if (is.call(calls[[i]])) calls[[i]] <- repeatable_call(values[[i]], calls[[i]])
  }
  calls
}

# Functions whose result for a row depends on the other rows, and which makepredictcall() knows.
basis_functions <- c("scale", "poly", "polym", "bs", "ns")

# log(scale(x) + 5) gives for new data what it gave for the old only if scale(x) inside it is told center and scale.
fix_inner_bases <- function(call, source) {
  if (!is.call(call) || !any(basis_functions %in% all.names(call))) return(call)
  for (i in seq_along(call)[-1L]) {
    inner <- call[[i]]
    if (missing(inner) || !is.call(inner) || !any(basis_functions %in% all.names(inner))) next
    fixed <- fix_inner_bases(inner, source)
    if (function_name(inner) %in% basis_functions) {
      fixed <- repeatable_call(evaluate_call(inner, source, deparse_line(inner)), fixed)
    }
    call[[i]] <- fixed
  }
  if (function_name(call) == "poly") call <- poly_of_vector(call, source)
  call
}

# makepredictcall() knows scale(x), but not base::scale(x).
repeatable_call <- function(value, call) {
  head <- call[[1L]]
  if (function_name(call) == "scale") call[[1L]] <- quote(scale)
  call <- stats::makepredictcall(value, call)
  call[[1L]] <- head
  call
}

# poly() of a matrix of one column, as scale() makes, cannot be evaluated for new data.
poly_of_vector <- function(call, source) {
  x <- evaluate_variable(call[[2L]], source)
  if (length(dim(x)) == 2L && ncol(x) == 1L) call[[2L]] <- call("as.vector", call[[2L]])
  call
}

# ns of splines::ns(x, 3).
function_name <- function(call) {
  head <- call[[1L]]
  if (is.call(head) && length(head) == 3L && is.symbol(head[[3L]])) as.character(head[[3L]]) else call_head(call)
}

# A call whose value does not depend on the other rows, if there is one: the call itself, the call with constants for
# what it takes from all rows, a linear function of its variable, or the call with such calls for its arguments.
# `value`: of the call, in all rows.
independent_reader <- function(call, value, probe, source) {
  expected <- comparable(part_of(value, probe$rows))
  independent <- function(call) gives_same_values(call, expected, probe, source$env)
  if (independent(call)) return(call)
  for (change in list(with_constants, linear_reader, with_independent_arguments)) {
    changed <- change(call, value, probe, source)
    if (!identical(changed, call) && independent(changed)) return(changed)
  }
  call
}

with_independent_arguments <- function(call, value, probe, source) {
  if (call_head(call) %in% opaque_calls) return(call)
  for (i in seq_along(call)[-1L]) {
    if (missing_part(call, i) || !is.call(call[[i]]) || !any(variables_of(call[[i]]) %in% names(probe$data))) next
    inner <- keeping_generator(evaluate_quietly(call[[i]], source$data, source$env))
    if (is.atomic(inner) && NROW(inner) == source$n) call[[i]] <- independent_reader(call[[i]], inner, probe, source)
  }
  call
}

# Calls into which nothing is written.
opaque_calls <- c("~", "function", "$", "@", "::", ":::")

# x - mean(x) becomes x - 50.3: constants for the parts whose value does not have a row for each row.
with_constants <- function(call, value, probe, source, most = 1e4) {
  is_summary <- function(value, n) is.atomic(value) && length(value) && NROW(value) != n
  fix <- function(e, inner = TRUE) {
    if (call_head(e) %in% opaque_calls || !any(variables_of(e) %in% names(probe$data))) return(e)
    if (inner && is_summary(evaluate_quietly(e, probe$data, source$env), length(probe$rows))) {
      value <- evaluate_quietly(e, source$data, source$env)
      if (is_summary(value, source$n) && length(value) <= most) return(value)
    }
    for (i in seq_along(e)[-1L]) if (!missing_part(e, i) && is.call(e[[i]])) e[[i]] <- fix(e[[i]])
    e
  }
  keeping_generator(fix(call, FALSE))
}

missing_part <- function(call, i) identical(call[[i]], quote(expr = ))

# The linear function of its only variable that a function such as a standardization is on the rows of the fit.
linear_reader <- function(call, value, probe, source) {
  name <- intersect(variables_of(call), names(probe$data))
  if (length(name) != 1L || !is_plain_number(value) || NCOL(value) != 1L || NROW(value) != source$n) return(call)
  x <- find_value(name, list(source$data, source$env))$value
  if (!is_plain_number(x) || NCOL(x) != 1L) return(call)
  x <- plain_numeric(x)
  value <- plain_numeric(value)
  known <- which(is.finite(x) & is.finite(value))
  ends <- known[c(which.min(x[known]), which.max(x[known]))]
  if (length(ends) < 2L || x[ends[1L]] == x[ends[2L]]) return(call)
  slope <- diff(value[ends]) / diff(x[ends])
  line <- value[ends[1L]] + slope * (x[known] - x[ends[1L]])
  if (any(abs(value[known] - line) > 1e-10 * max(abs(value[known])))) return(call)
  call("+", value[ends[1L]], call("*", slope, call("-", as.name(name), x[ends[1L]])))
}
