# The front end alone: what a call of lmm() reads, without a fit.

read_frame <- function(formula, data = NULL, ..., caller = parent.frame()) {
  model_frame(model_spec(formula), data, ..., caller = caller)
}

# Every condition of an expression, the first error included, as "class: text".
conditions_of <- function(expr) {
  seen <- list()
  keep <- function(condition) seen[[length(seen) + 1L]] <<- condition
  tryCatch(withCallingHandlers(expr,
    warning = function(w) { keep(w); invokeRestart("muffleWarning") },
    message = function(m) { keep(m); invokeRestart("muffleMessage") }
  ), error = keep)
  seen
}

# The one condition that an expression gives.
only_condition <- function(expr) {
  seen <- conditions_of(expr)
  if (length(seen) != 1L) stop(length(seen), " conditions: ",
                               paste(vapply(seen, conditionMessage, ""), collapse = "; "))
  seen[[1L]]
}

expect_condition_of <- function(expr, class, pattern = NULL) {
  condition <- only_condition(expr)
  expect_s3_class(condition, class)
  expect_s3_class(condition, "lmm_condition")
  if (!is.null(pattern)) expect_match(conditionMessage(condition), pattern)
  invisible(condition)
}
