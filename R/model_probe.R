# Does the value of an expression depend on which rows are there? No list of functions can tell. The expression is
# evaluated again on some rows of the fit, in which it must give the values that it gave among all.

probe_size <- 60L

# Some of the rows used, or NULL where all variables are plain columns: `rows` and `used` are their positions among the
# rows of the data and among those used, of which there are `n`; `data` the variables that expressions need; `values` of
# the expressions, by label.
probe_rows <- function(columns, chosen, source) {
  calls <- c(columns$calls[names(columns$calls) != columns$response], columns$arguments)
  calls <- Filter(is.call, calls)
  if (!length(calls)) return(NULL)
  used <- spread_positions(chosen$n)
  rows <- if (is.null(chosen$keep)) used else chosen$keep[used]
  names <- setdiff(unique(unlist(lapply(calls, variables_of))), columns$constants)
  found <- lapply(stats::setNames(names, names), function(name) find_value(name, list(source$data, source$env))$value)
  found <- Filter(function(x) NROW(x) == source$n, found)
  list(rows = rows, used = used, n = c(source$n, chosen$n), data = lapply(found, part_of, rows),
       values = lapply(chosen$data[names(calls)], function(x) comparable(part_of(x, used))))
}

# Positions that are spread evenly over the rows, but neither at equal distances nor all of them.
spread_positions <- function(n) {
  size <- if (n > 2L * probe_size) probe_size else max(1L, (2L * n) %/% 3L)
  sort(unique(1 + floor(n * ((seq_len(size) * (sqrt(5) - 1) / 2) %% 1))))
}

part_of <- function(x, rows) if (length(dim(x)) == 2L) x[rows, , drop = FALSE] else x[rows]

# A value without what does not matter for the model: levels by name, times as numbers.
comparable <- function(x) {
  if (is.factor(x)) return(as.character(x))
  if (length(dim(x)) == 2L) matrix(as.vector(unclass(x)), nrow(x)) else as.vector(unclass(x))
}

# Is the call evaluated on parts of the probe what it was among all rows? The parts are the whole probe and, for each
# variable, the rows with its lower and with its upper values, which another extreme, order or set of levels shows in. A
# part in which the call has no value says nothing, if it is not the whole.
gives_same_values <- function(call, expected, probe, env) {
  data <- probe$data[intersect(names(probe$data), variables_of(call))]
  parts <- c(list(seq_along(probe$rows)), unlist(lapply(unname(data), halves), recursive = FALSE))
  keeping_generator({
    for (k in seq_along(parts)) {
      value <- evaluate_quietly(call, lapply(data, part_of, parts[[k]]), env)
      same <- if (is.null(value)) k > 1L else has_same_values(value, part_of(expected, parts[[k]]), expected)
      if (!same) return(FALSE)
    }
  })
  TRUE
}

# Rows with the lower and with the upper half of the values of a variable.
halves <- function(x) {
  if (length(dim(x)) == 2L) x <- x[, 1L]
  if (!is.atomic(x)) return(NULL)
  code <- match(x, in_order(unique(x)))
  low <- code <= max(code, na.rm = TRUE) %/% 2L
  Filter(length, list(which(low), which(!low)))
}

# To a precision at which no difference between rows is lost in rounding.
has_same_values <- function(value, expected, all) {
  value <- comparable(value)
  if (!is.numeric(expected) || !is.numeric(value)) return(identical(as.character(value), as.character(expected)))
  if (length(value) != length(expected) || !identical(is.na(as.vector(value)),
                                                      is.na(as.vector(expected)))) return(FALSE)
  known <- which(is.finite(value) & is.finite(expected))
  if (!all(as.vector(value)[-known] == as.vector(expected)[-known], na.rm = TRUE) && length(known)) return(FALSE)
  finite <- all[is.finite(all)]
  scale <- max(abs(finite - mean(finite)), 1e-8 * abs(finite), 0)
  all(abs(value[known] - expected[known]) <= 1e-6 * scale)
}

# NULL where a call cannot be evaluated.
evaluate_quietly <- function(call, data, env) {
  suppressWarnings(suppressMessages(tryCatch(with_usual_numbers(eval(call, data, env)), error = function(e) NULL)))
}

# A second evaluation must not take random numbers from the session.
keeping_generator <- function(expr) {
  before <- generator_state()
  on.exit(if (!identical(generator_state(), before)) restore_generator(before))
  expr
}

depends_on_rows <- function(call, label, frame, env) {
  if (!is.null(frame$probe$dependent)) return(label %in% frame$probe$dependent)
  expected <- frame$probe$values[[label]]
  is.call(call) && !is.null(expected) && !gives_same_values(call, expected, frame$probe, env)
}

# The probe of a fit that keeps no rows: the labels of what depends on them.
without_rows <- function(frame) {
  if (is.null(frame$probe)) return(frame)
  env <- constants_environment(frame)
  readers <- expression_readers(frame)
  frame$probe <- list(dependent = Filter(function(label) depends_on_rows(readers[[label]], label, frame, env),
                      names(readers)))
  frame
}

# The calls that read expressions, by label.
expression_readers <- function(frame) {
  calls <- c(do.call(c, lapply(c(list(frame), frame$random), plan_calls)), frame$readers, frame$offset,
             list(`(weights)` = frame$weights))
  Filter(is.call, calls[!duplicated(names(calls))])
}

# A value in new data that depends on which rows are there is noted, unless the rows are those of the fit.
note_row_dependence <- function(call, label, value, frame, source) {
  if (!depends_on_rows(call, label, frame, source$env)) return(invisible())
  expected <- frame$probe$values[[label]]
  at <- list(frame$probe$rows, frame$probe$used)[frame$probe$n == source$n]
  same <- vapply(at, function(rows) has_same_values(part_of(value, rows), expected, expected), NA)
  if (any(same)) return(invisible())
  note(source, list(lmm_condition("warning", "data", paste0(
    quote_name(label),
    paste(" depends on the other rows of the data, or has changed since the fit: evaluated again on some rows of the",
          "fit, it has different "),
    "values than it had among all rows. Results for new rows are not those of the fitted model."), what = label,
    fix = paste("Compute the variable in the data, or use scale(), poly(), ns() or bs(), which keep the constants",
                "that they compute from the rows."))))
}

# Constants as they were when the model was fitted.
constants_environment <- function(frame) {
  env <- attr(frame$terms, ".Environment")
  if (length(frame$constant_values)) list2env(frame$constant_values, parent = env) else env
}

# Variables of a terms object but for the response and the offsets.
plan_calls <- function(plan) {
  predvars <- attr(plan$terms, "predvars")
  if (!is.null(predvars)) names(predvars) <- c("", variable_labels(plan$terms))
  labels <- unique(vapply(plan$coding$pieces, `[[`, "", "label"))
  lapply(structure(labels, names = labels), function(label) predvars[[label]])
}
