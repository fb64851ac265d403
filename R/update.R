# Fitting the model behind a fit again, in another form.

#' Update a fit
#'
#' Fits the model again with another formula or other arguments.
#'
#' Data and other variables are looked up where the formula was written, then where `update()` is called. If the
#' variables used are no longer what they were when the model was fitted, a warning says so. If the data are
#' nowhere to be found, the rows kept in the fit are used as far as they have the variables needed.
#'
#' @param object a fit made by [lmm()].
#' @param formula. changes to the formula, as for [stats::update.formula()].
#' @param ... other arguments of [lmm()] to be changed; `NULL` drops one.
#' @param evaluate fit the model, or return the call?
#' @return A fit, or a call.
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' update(fit, . ~ . - treat)
#' update(fit, REML = FALSE)
#' @export
update.lmm_fit <- function(object, formula., ..., evaluate = TRUE) {
  changes <- as.list(substitute(list(...)))[-1L]
  formula <- stats::formula(object)
  if (!missing(formula.)) formula <- stats::update.formula(formula, formula.)
  call <- object$call
  for (name in names(changes)) call[name] <- if (is.null(changes[[name]])) NULL else changes[name]
  call$formula <- call("~", formula[[2L]], formula[[3L]])
  if (!check_flag(evaluate, "evaluate")) return(call)
  fit <- evaluate_update(object, call, formula, changed_data = "data" %in% names(changes), parent.frame())
  if (!any(c("data", "weights", "offset", "subset", "na.action") %in% names(changes))) warn_if_changed(object, fit)
  fit
}

# The call runs in a scope of its own whose parent is the caller of update(), so that the fitter finds there
# what is neither in the data nor where the formula was written.
evaluate_update <- function(object, call, formula, changed_data, caller) {
  scope <- new.env(parent = caller)
  shown <- call
  call[[1L]] <- lmm
  call$formula <- formula
  if (!is.null(call$data)) {
    found <- if (changed_data) list(value = eval(call$data, caller))
             else find_data(call$data, list(environment(formula), caller))
    if (is.null(found)) {
      found <- kept_data(object, formula, call$data)
      for (name in c("subset", "weights", "offset")) {
        if (!is.null(call[[name]])) call[name] <- list(found$value[[paste0("(", name, ")")]])
      }
    }
    scope$.data <- found$value
    call$data <- quote(.data)
  }
  fit <- eval(call, scope)
  shown$formula <- fit$call$formula
  fit$call <- shown
  fit
}

# Evaluates the expression given as `data` where it gives a data frame.
find_data <- function(expr, environments) {
  for (env in environments) {
    value <- tryCatch(eval(expr, env), error = function(e) NULL)
    if (is.data.frame(value)) return(list(value = value))
  }
  NULL
}

# The rows kept in the fit, if they have all that the formula needs.
kept_data <- function(fit, formula, expr) {
  missing <- setdiff(all.vars(formula), names(fit$rows$data))
  missing <- Filter(function(name) !exists(name, envir = environment(formula), mode = "numeric"), missing)
  if (!length(missing)) return(list(value = fit$rows$data))
  lmm_abort("input", paste0("the data of the fit, ", quote_name(deparse_line(expr)), ", cannot be found, and the rows ",
                            "kept in the fit have no variable ", enumerate(quote_name(missing)), "."),
            what = deparse_line(expr), fix = "Give the data: update(fit, ..., data = ).")
}

warn_if_changed <- function(old, new) {
  if (is.null(old$rows) || is.null(new$rows)) return(invisible())
  a <- old$rows$data
  b <- new$rows$data
  rows <- shared_rows(a, b)
  shared <- intersect(names(a), names(b))
  changed <- shared[!vapply(shared, function(name) same_values(a[[name]], b[[name]], rows), NA)]
  if (!length(changed) && length(rows$a) > 0L) return(invisible())
  name <- if (is.symbol(old$call$data)) quote_name(as.character(old$call$data)) else "the data"
  lmm_warn("data", paste0(name, " has changed since the fit",
                          if (length(changed)) paste0(": variable ", enumerate(quote_name(changed))), "."),
           what = changed, fix = "The update used the data as they are now.")
}

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

#' @importFrom stats formula
#' @export
formula.lmm_fit <- function(x, ...) {
  if (!"." %in% all.vars(x$spec$formula)) return(x$spec$formula)
  written <- stats::formula(x$frame$terms)
  for (term in x$spec$random) {
    written[[3L]] <- call("+", written[[3L]], call("(", str2lang(term$label)))
  }
  structure(written, .Environment = environment(x$spec$formula))
}

#' @importFrom stats terms
#' @export
terms.lmm_fit <- function(x, ...) x$frame$terms

#' @importFrom stats family
#' @export
family.lmm_fit <- function(object, ...) stats::gaussian()
