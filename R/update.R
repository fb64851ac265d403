# Fitting the model behind a fit again, in another form.

#' Update a fit
#'
#' Fits the model again with another formula or other arguments.
#'
#' The data, other variables, functions and the values of arguments such as `relationship` and `fixed` are looked up
#' where the fit was made, which may be inside a function, then where `update()` is called. If the variables or values
#' used are no longer what they were when the model was fitted, a warning names them. Data that exist only inside a
#' function stay with the fit, as do weights, offset and the choice of rows; they also serve where the expression for
#' the data is not a name (`data[[i]]`). The response of a fit made by [refit()] replaces that in the data. If no
#' data are found, as may happen when a fit is read from a file, the rows kept in the fit are used as far as they have
#' the variables needed. The function in which a fit was made is not written to a file with it: after [readRDS()] a new
#' term can use only variables of the data, or what exists where `update()` is called.
#'
#' Random terms are removed whatever the order in which they are written, and by parts: of `(x || g)` by `- (0 + x | g)`
#' or `- (1 | g)`, of `(1 | a/b)` by `- (1 | a:b)`. A part of `(x | g)` cannot be removed by itself, since it has
#' correlations with the rest.
#'
#' A fit from [cross_products()] or [chunks()] is updated within the variables and keys that the cross-products contain,
#' and keeps their rows: rows dropped because a variable was missing stay dropped when that variable is no
#' longer in the model, and a message says so.
#' `update(fit, data = table + new)` fits its model to more data.
#'
#' @param object a fit made by [lmm()].
#' @param formula. changes to the formula, as for [stats::update.formula()], or text that can be read as a formula.
#' @param ... other arguments of [lmm()] to be changed; `NULL` drops one.
#' @param evaluate fit the model, or return the call?
#' @return A fit, or a call.
#' @section Conditions:
#' Those of [lmm()]; `lmm_warning_data` where variables or the values of arguments have changed since the fit;
#' `lmm_error_input` where the data are gone and the rows kept in the fit do not have the variables needed, or the value
#' of an argument is gone; `lmm_error_formula` where a part of a term with correlations is to be removed;
#' `lmm_error_input` where `weights`, `offset` or `subset` is given (`NULL` included) for a fit from cross-products
#' without new data; `lmm_message_formula` where a term to be removed is not in the model.
#' @seealso [refit()] for another response, [anova][anova.lmm_fit] to compare two fits.
#' @concept change a formula
#' @concept model building
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' update(fit, . ~ . - treat)
#' update(fit, REML = FALSE)
#' @export
update.lmm_fit <- function(object, formula., ..., evaluate = TRUE) {
  changes <- as.list(substitute(list(...)))[-1L]
  formula <- stats::formula(object)
  if (!missing(formula.)) formula <- updated_formula(object, formula., parent.frame())
  call <- fit_call(object)
  if (!missing(formula.)) call <- fitting_arguments(object, call, formula)
  for (name in names(changes)) call[name] <- if (is.null(changes[[name]])) NULL else changes[name]
  call$formula <- call("~", formula[[2L]], formula[[3L]])
  if (!check_flag(evaluate, "evaluate")) return(call)
  if (is_cells_fit(object)) return(update_cells_fit(object, call, formula, names(changes), parent.frame()))
  fit <- evaluate_update(object, call, formula, names(changes), parent.frame())
  if (!any(c("data", "weights", "offset", "subset", "na.action") %in% names(changes))) warn_if_changed(object, fit)
  warn_of_arguments(object, fit, setdiff(names(call), names(changes)))
  fit
}

# The call runs in a scope of its own whose parent is the caller of update(), so that the fitter finds there
# what is neither in the data nor where the formula was written.
evaluate_update <- function(object, call, formula, changes, caller) {
  shown <- call
  prepared <- prepare_update(object, call, formula, changes, caller)
  call <- prepared$call
  call[[1L]] <- lmm
  call$formula <- prepared$formula
  fit <- tryCatch(eval(call, prepared$scope), lmm_error_input = function(e) {
    if ("fixed" %in% changes) stop(e)
    shown["fixed"] <<- call["fixed"] <<- list(held_that_stay(object, e))
    eval(call, prepared$scope)
  })
  shown$formula <- fit_call(fit)$formula
  fit$call <- shown
  fit$data <- NULL
  if (!is.null(fit_stored_rows(fit))) fit$rows$own <- kept_own(object, fit, setdiff(prepared$own, changes))
  if ("response" %in% replaced_parts(fit)) fit <- with_written_response(fit, prepared$written)
  place <- function(name) {
    own <- if (!name %in% changes) argument_place(object, name)
    if (is.null(own)) caller else own
  }
  arguments <- setdiff(names(shown), c("", "formula", "data"))
  fit$origin <- new_origin(environment(prepared$formula), place("data"), fit_control(fit)$keep_rows,
                           lapply(stats::setNames(arguments, arguments), place))
  remember_data(fit, prepared$scope$.data)
}

# A call that finds its data and variables in `scope`, and the formula with its environment.
prepare_update <- function(object, call, formula, changes, caller) {
  scope <- new.env(parent = caller)
  own <- if (!"data" %in% changes) replaced_parts(object)
  written <- NULL
  if ("response" %in% own && identical(formula[[2L]], fit_spec(object)$formula[[2L]])) {
    written <- formula[[2L]]
    formula[[2L]] <- as.name(fit_frame(object)$response)
  }
  data <- if ("data" %in% changes) eval(call$data, caller) else find_data(object, call$data, formula, caller)
  if (!"data" %in% changes) data <- with_kept_response(object, data, formula, caller)
  formula <- reachable_formula(formula, data, object, caller)
  places <- c(environment(formula), fit_places(object)$call, caller)
  call <- located_arguments(object, call, changes, caller)
  for (name in setdiff(c("weights", "offset", "subset"), changes)) {
    needed <- all.vars(call[[name]])
    replaced <- name %in% own || "response" %in% own && fit_frame(object)$response %in% needed
    if (replaced || !all_found(needed, data, places)) {
      call[name] <- list(if (name == "subset") kept_subset(object, data) else kept_column(object, name, data))
      next
    }
    for (one in setdiff(needed, names(data))) assign(one, find_value(one, places)$value, envir = scope)
  }
  if (!is.null(data)) {
    scope$.data <- data
    call$data <- quote(.data)
  }
  list(call = call, formula = formula, scope = scope, own = own, written = written)
}

# The column `log(y)` that refit() has filled is shown as the response that it stands for, log(y).
with_written_response <- function(fit, written) {
  if (!is.call(written)) return(fit)
  frame <- with_response(fit_frame(fit), fit_frame(fit)$response, written)
  fit$frame <- frame
  fit$spec[c("formula", "fixed")] <- frame$spec[c("formula", "fixed")]
  if (is.call(fit_call(fit)$formula)) fit$call$formula[[2L]] <- written
  fit
}

# What was meant for the old formula: where the search began, contrasts of factors that are gone.
fitting_arguments <- function(fit, call, formula) {
  call$start <- NULL
  if (!is.call(call$contrasts) || !identical(call$contrasts[[1L]], quote(list))) return(call)
  text <- deparse_line(formula)
  gone <- Filter(function(name) !name %in% all.vars(formula) && !grepl(name, text, fixed = TRUE),
                 names(fit_frame(fit)$contrasts))
  keep <- !names(call$contrasts) %in% gone
  call$contrasts <- if (sum(keep) > 1L) call$contrasts[keep]
  call
}

# What `fixed` still holds when an error has said which of its names the new model lacks.
held_that_stay <- function(fit, e) {
  held <- all_held(fit)
  lost <- held$given %in% e$what
  if (!any(lost) || !grepl("is not a variance parameter of the model", conditionMessage(e), fixed = TRUE)) stop(e)
  if (!all(lost)) as.call(c(quote(c), as.list(stats::setNames(held$asked, held$given)[!lost])))
}

# One of many responses is a column of none of the data: it is in the rows of its fit. Without data, variables that
# are found elsewhere say how many rows there are.
with_kept_response <- function(fit, data, formula, caller) {
  name <- fit_frame(fit)$response
  if (is.null(data) && length(replaced_parts(fit))) {
    places <- c(environment(formula), fit_places(fit), caller)
    size <- max(vapply(setdiff(all.vars(formula), name), function(name) NROW(find_value(name, places)$value), 0L))
    return(with_own_response(fit, data.frame(row.names = seq_len(size))))
  }
  if (is.null(data) || !identical(formula[[2L]], as.name(name)) || name %in% c(names(data), fit_frame(fit)$outside) ||
      is.null(fit_stored_rows(fit)$data[[name]])) return(data)
  with_own_response(fit, data)
}

# Which of `own` the updated fit still has.
kept_own <- function(old, new, own) {
  if (is.null(own) || fit_frame(old)$response == fit_frame(new)$response) own else setdiff(own, "response")
}

# Weights or offset of the rows of the fit, NA in the other rows of `data`; else what was asked, for the fitter to
# complain about.
kept_column <- function(fit, name, data) {
  value <- fit_stored_rows(fit)$data[[paste0("(", name, ")")]]
  if (is.null(value) || is.null(data) || identical(nrow(data), nrow(fit_stored_rows(fit)$data))) {
    return(if (is.null(value) || is.null(data)) fit_call(fit)[[name]] else value)
  }
  at <- positions_in(row_labels(fit_stored_rows(fit)), data)
  if (anyNA(at) || any(at > nrow(data)) || is.matrix(value)) return(fit_call(fit)[[name]])
  replace(rep(value[NA_integer_], nrow(data)), at, value)
}

# The rows of `data` that the fit chose, those with missing values included.
kept_subset <- function(fit, data) {
  rows <- fit_stored_rows(fit)
  left_out <- attr(rows$data, "na.action")
  labels <- character(rows$n + length(left_out))
  chosen <- if (length(left_out)) seq_along(labels)[-as.integer(left_out)] else seq_along(labels)
  labels[chosen] <- row_labels(rows)
  labels[-chosen] <- names(left_out)
  at <- if (is.null(rows) || is.null(data)) NA else positions_in(labels, data)
  if (anyNA(at) || any(at > .row_names_info(data, 2L))) fit_call(fit)$subset else at
}

warn_if_changed <- function(old, new) {
  if (is.null(old$rows) || is.null(new$rows)) return(invisible())
  a <- old$rows$data
  b <- new$rows$data
  rows <- shared_rows(a, b)
  shared <- intersect(names(a), names(b))
  fitted <- Filter(uses_fitted, variance_variables(fit_frame(old)$residual))              # columns that are no data
  shared <- setdiff(shared, vapply(fitted, variable_label, ""))
  changed <- shared[!vapply(shared, function(name) same_values(a[[name]], b[[name]], rows), NA)]
  size <- c(data_size(a), data_size(b))
  of_the_fit <- isTRUE(rows$a) && size[2L] == nrow(a)       # no data but the rows that the fit has used
  if (!length(changed) && length(rows$a) > 0L && (size[1L] == size[2L] || of_the_fit || !is.null(old$call$subset))) {
    return(invisible())
  }
  name <- if (is.symbol(old$call$data)) quote_name(as.character(old$call$data)) else "the data"
  lmm_warn("data", paste0(name, " has changed since the fit",
                          if (length(changed)) paste0(": variable ", enumerate(quote_name(changed)))
                          else if (size[1L] != size[2L]) paste0(": ", size[2L], " rows for ", size[1L]), "."),
           what = changed, fix = "The update used the data as they are now.")
}

# The same for the arguments `given` that are values: a matrix of relationships, what `fixed` holds.
warn_of_arguments <- function(old, new, given) {
  before <- argument_record(old)
  after <- argument_record(new)
  differs <- function(name) {
    shared <- intersect(names(before[[name]]), names(after[[name]]))
    length(shared) > 0L && !identical(before[[name]][shared], after[[name]][shared])
  }
  changed <- Filter(differs, intersect(given, names(before)))
  if (!length(changed)) return(invisible())
  lmm_warn("data", paste0(enumerate(quote_name(changed)), " of the fit ",
                          if (length(changed) == 1L) "has" else "have", " changed since the fit was made."),
           what = changed, fix = "The update used the current values.")
}

# What a fit keeps of its arguments, as lists with the names of what is compared.
argument_record <- function(fit) {
  held <- all_held(fit)
  spec <- fit_spec(fit)
  terms <- lapply(spec$random, function(term) term[setdiff(names(term), c("label", "lhs"))])
  parts <- lapply(spec$residual$parts, function(part) part[setdiff(names(part), c("positions", "subject"))])
  list(REML = list(value = fit_is_reml(fit)), contrasts = fit_frame(fit)$contrasts,
       na.action = list(value = fit_frame(fit)$na_action), fixed = stats::setNames(as.list(held$asked), held$given),
       residual = stats::setNames(parts, vapply(parts, `[[`, "", "word")),
       relationship = stats::setNames(terms, vapply(spec$random, `[[`, "", "label")))
}

# Rows that a model frame was made from, those with missing values included.
data_size <- function(frame) .row_names_info(frame, 2L) + length(attr(frame, "na.action"))

# Positions of the rows that two model frames share, by row name; NULL when they have the same rows.
shared_rows <- function(a, b) {
  a <- attr(a, "row.names")
  b <- attr(b, "row.names")
  if (identical(a, b)) return(list(a = TRUE, b = TRUE))
  both <- intersect(as.character(a), as.character(b))
  list(a = match(both, a), b = match(both, b))
}

same_values <- function(x, y, rows) {
  if (identical(x, y)) return(TRUE)
  if (is.data.frame(x) || is.list(x)) return(FALSE)
  pick <- function(v, i) if (is.matrix(v)) v[i, , drop = FALSE] else v[i]
  x <- pick(x, rows$a)
  y <- pick(y, rows$b)
  if (is.factor(x)) x <- as.character(x)
  if (is.factor(y)) y <- as.character(y)
  identical(as.vector(x), as.vector(y))
}

#' @importFrom stats family
#' @export
family.lmm_fit <- function(object, ...) stats::gaussian()
