# What is asked of single rows of a fit that does not hold them: the rows are given again, and worked through chunk by
# chunk.

# `source`: a data frame, chunks() or a table of a database. Calls value(rows) for the rows of each chunk, which are
# read as new data are, with the response and the weights; binds the values, or hands each chunk with its values to
# `write`.
stream_rows <- function(fit, source, value, write = NULL, response = TRUE) {
  source <- check_source(source)
  if (inherits(source, "sql_rows")) source <- sql_chunks(source)
  check_writer(write)
  parts <- list()
  count <- 0
  each_chunk(if (is.data.frame(source)) chunks(source) else source, function(chunk, where) {
    own <- unname(value(streamed_rows(fit, chunk, response)))
    if (is.data.frame(source)) names(own) <- row_names_of(chunk, seq_along(own))
    count <<- count + NROW(own)
    if (is.null(write)) parts[[length(parts) + 1L]] <<- own else write_chunk(write, chunk, own, where)
  })
  if (is.null(write)) unlist(parts) else invisible(count)
}

check_writer <- function(write) {
  if (is.null(write) || is.function(write)) return(invisible())
  lmm_abort("input", paste0("`write` must be a function of a chunk and its values, not ", kind_of(write), "."),
            what = "write",
            fix = "Write function(chunk, values) ...")
}

write_chunk <- function(write, chunk, values, where) {
  tryCatch(write(chunk, values), error = function(e) {
    if (inherits(e, "lmm_condition") || is_time_limit(conditionMessage(e))) stop(e)
    lmm_abort("data", paste0("`write` failed in ", where, ": ", one_line(conditionMessage(e))), what = "write",
              where = where,
              fix = "What was written before this chunk is not undone.")
  })
}

# The rows of a chunk as those of a fit: a value is missing where a variable is.
streamed_rows <- function(fit, chunk, response = TRUE) {
  rows <- new_rows(fit_frame(fit), chunk, NULL, FALSE, stats::na.pass)
  if (!response) return(rows)
  call <- fit_frame(fit)$spec$formula[[2L]]
  source <- newdata_source(fit_frame(fit), chunk, variables_of(call))
  absent <- setdiff(variables_of(call), c(names(chunk), fit_frame(fit)$constants))
  if (length(absent)) {
    lmm_abort("newdata", paste0("`data` lacks ", enumerate(quote_name(absent)), " of the response."), what = absent,
              fix = "Give the rows of the fit, with its response.")
  }
  rows$y <- plain_numeric(evaluate_variable(call, source))
  weights <- fit_frame(fit)$weights
  if (is.language(weights)) {
    source <- newdata_source(fit_frame(fit), chunk, variables_of(weights))
    rows$weights <- plain_numeric(evaluate_variable(weights, source, "weights"))
  }
  rows
}

# Residuals of rows that are given again, of types that need no other row.
streamed_residuals <- function(fit, type, source, write) {
  types <- c("response", "pearson", "scaled", "deviance", "working", "marginal", "conditional", "conditional_pearson")
  if (!type %in% types) {
    lmm_abort("input", paste0("residuals of type ", quote_level(type),
                              " need all rows at once; they are not computed from `data`."), what = "type",
              fix = paste0("Types that are: ", enumerate(quote_level(types), 10L), "."))
  }
  stream_rows(fit, source, function(rows) {
    r <- rows$y - mean_response(fit, rows, all_columns(fit, type != "marginal"))
    if (type %in% c("pearson", "deviance", "scaled",
                    "conditional_pearson") && !is.null(rows$weights)) r <- r * sqrt(rows$weights)
    if (!type %in% c("scaled",
                     "conditional_pearson")) r else if (fit_is_exact(fit)) rep(NA_real_,
                                                                               length(r)) else r / fit_sigma(fit)
  }, write)
}

# Predictions for chunks of new data, bound as they are for one data frame.
stream_predictions <- function(source, each, write) {
  source <- check_source(source)
  if (inherits(source, "sql_rows")) source <- sql_chunks(source)
  parts <- list()
  count <- 0
  each_chunk(if (is.data.frame(source)) chunks(source) else source, function(chunk, where) {
    own <- each(chunk)
    count <<- count + nrow(chunk)
    if (is.null(write)) parts[[length(parts) + 1L]] <<- own else write_chunk(write, chunk, own, where)
  })
  if (!is.null(write)) return(invisible(count))
  if (!length(parts)) return(numeric())
  bind <- function(parts) if (is.matrix(parts[[1L]])) do.call(rbind, parts) else unlist(parts)
  if (!is.list(parts[[1L]])) return(bind(parts))
  lapply(stats::setNames(names(parts[[1L]]), names(parts[[1L]])), function(name) {
    if (name == "residual.scale") parts[[1L]][[name]] else bind(lapply(parts, `[[`, name))
  })
}
