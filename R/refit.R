# The same model for other responses.

#' @rdname refit
#' @export
refit.lmm_fit <- function(object, newresp, ..., weights = NULL, threads = NULL, progress = FALSE) {
  check_refit_dots(...)
  if (is.null(threads)) threads <- engine_threads(fit_control(object))
  rows <- fit_rows(object, "refit()")
  if (missing(newresp) || is.null(newresp)) return(fit_again(object, rows))
  if (is.function(newresp) || is.matrix(newresp) || is.list(newresp) && length(newresp) > 1L) {
    return(refit_many(object, newresp, weights, threads, progress))
  }
  if (!is.null(weights)) lmm_abort("input", "`weights` are for many responses.", what = "weights",
                                   fix = "Use update(fit, weights = ).")
  Y <- response_matrix(newresp, rows)
  name <- colnames(Y)
  if (length(name) && !grepl("^sim_[0-9]+$", name)) object <- with_response_name(object, name)      # not of simulate()
  rows <- replace_response(fit_frame(object), fit_stored_rows(object), Y[, 1L])
  check_response_varies(rows, fit_frame(object)$response)
  fit_again(object, rows)
}

# A matrix, a data frame, or a function that returns one block of columns after the other.
refit_many <- function(fit, newresp, weights, threads, progress) {
  if (has_special(fit)) return(refit_each(fit, newresp, weights))
  responses <- if (is.function(newresp)) newresp else response_columns(newresp, fit_stored_rows(fit), missing = TRUE)
  if (is.function(weights) != is.function(newresp) && !is.null(weights)) {
    lmm_abort("input", "`weights` must be a function where `newresp` is one, and only there.", what = "weights")
  }
  if (!is.null(weights) && !is.function(weights)) {
    weights <- check_weight_columns(weights, dim(responses), fit_stored_rows(fit))
  }
  base <- unclass(fit)[c("call", "spec", "frame", "rows", "control", "conditions", "origin", "cross_products")]
  base$conditions <- Filter(function(condition) !inherits(condition, outcome_classes), base$conditions)
  fit_responses(base, responses, weights, threads, progress)
}

replace_response <- function(frame, rows, y) {
  if (!is.null(rows$weights)) y[rows$weights == 0 & !is.finite(y)] <- 0
  rows$y <- y
  rows$data[[frame$response]] <- y
  rows$own <- union(rows$own, "response")
  rows
}

# Responses as columns, one row per row of the fit. Values are also taken for all rows of the data, from which
# those that the fit left out are dropped.
response_matrix <- function(newresp, rows) {
  Y <- response_columns(newresp, rows)
  limits <- c(min(Y), max(Y))
  if (all(is.finite(limits))) check_magnitude(max(abs(limits)), "newresp", "response", rows$n)
  bad <- if (!all(is.finite(limits))) which(!is.finite(rowSums(Y - Y)))
  if (length(bad) && !is.null(rows$weights)) bad <- bad[rows$weights[bad] > 0]
  if (length(bad)) {
    lmm_abort("data", paste0("`newresp` has missing or infinite values (", row_text(bad), ")."), what = "newresp",
              where = bad)
  }
  dimnames(Y) <- list(NULL, colnames(Y))
  Y
}

# The same whatever the values are; with `missing` text and the like are refused, but not what has no values.
response_columns <- function(newresp, rows, missing = FALSE) {
  Y <- if (is.data.frame(newresp)) bind_columns(newresp) else if (is.list(newresp)) newresp else as.matrix(newresp)
  if (!is.numeric(Y) && !is.logical(Y)) {
    lmm_abort("input", paste0("`newresp` must be numeric, not ", kind_of(newresp), "."), what = "newresp")
  }
  if (storage.mode(Y) != "double") storage.mode(Y) <- "double"
  if (!ncol(Y)) lmm_abort("input", "`newresp` has no columns.", what = "newresp")
  left_out <- attr(rows$data, "na.action")
  if (nrow(Y) == rows$n + length(left_out) && length(left_out)) Y <- Y[-as.integer(left_out), , drop = FALSE]
  if (nrow(Y) != rows$n) {
    lmm_abort("input", paste0("`newresp` has ", count_of(nrow(Y), "value"), " per response, the fit has ",
                              count_of(rows$n, "row"), "."), what = "newresp", value = nrow(Y))
  }
  if (!is.null(rownames(Y)) && missing) rownames(Y) <- NULL
  Y
}

# as.matrix() works on each column by itself, which takes longer than fitting it.
bind_columns <- function(data) {
  if (!all(vapply(data, is.numeric, NA))) return(as.list(data))
  matrix(unlist(data, use.names = FALSE), ncol = length(data), dimnames = list(NULL, names(data)))
}

# The same rows, possibly with another response or criterion, through the steps of lmm().
fit_again <- function(fit, rows, reml = fit_spec(fit)$reml, blocks = NULL, start = NULL) {
  frame <- fit_frame(fit)
  frame$spec$reml <- reml
  if (is.null(blocks)) blocks <- summed_blocks(frame, rows, fit_control(fit))
  conditions <- Filter(function(condition) !inherits(condition, outcome_classes), fit_conditions(fit))
  control <- fit_control(fit)
  if (!is.null(start)) control$restarts <- 0L
  optimum <- find_optimum(frame, blocks, reml, start, control)
  out <- new_lmm_fit(fit_call(fit), frame, rows, blocks, optimum, fit_control(fit), conditions)
  out$origin <- fit_origin(fit)
  if (is.null(rows)) out[c("row_prints", "cells")] <- fit[c("row_prints", "cells")]
  if (identical(rows$y, fit_stored_rows(fit)$y)) out$data <- fit_data(fit)
  else if ("response" %in% rows$own && !is.null(fit_data(fit))) out$data <- with_own_response(out, fit_data(fit))
  out
}

# Conditions about the outcome of a fit belong to that outcome only.
outcome_classes <- c("lmm_message_boundary", "lmm_message_optima", "lmm_warning_convergence", "lmm_warning_precision",
                     "lmm_message_solver")

# A fit by maximum likelihood from the cross-products alone.
refit_ml <- function(fit) {
  if (!isTRUE(fit_spec(fit)$reml)) return(fit)
  out <- fit_again(fit, fit_stored_rows(fit), reml = FALSE, blocks = fit_blocks(fit))
  out$call$REML <- FALSE
  out
}

refitML.lmm_fit <- function(x, ...) refit_ml(x)
