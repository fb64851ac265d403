# Where a fit was made: the environment of its formula, and that of the call of lmm(). They are remembered for as long
# as the session lasts and the fit exists, but are not part of it: a fit that is saved would take along all that lived
# in a function.

# NULL where both last as long as the session. Else an environment with a weak reference to them, which is empty in a
# file. (In a list, utils::object.size() would follow it.) A fit without rows keeps nothing alive: it knows the places
# as long as others do.
new_origin <- function(formula_env, caller, keep, arguments = list()) {
  places <- list(formula = formula_env, call = if (is.environment(caller)) caller else formula_env)
  passing <- Filter(function(env) !is_lasting_environment(env), c(places, arguments))
  if (!length(passing)) return(NULL)
  token <- new.env(parent = emptyenv())
  token$places <- weak_reference(if (keep) token else passing[[1L]], c(places, list(arguments = arguments)))
  token
}

# By name the environments in which the other arguments of the call were written, which for a wrapper's `...` is where
# the wrapper was called.
written_places <- function(call, caller) {
  given <- setdiff(names(call), c("", "formula", "data", "weights", "offset", "subset"))
  given <- Filter(function(name) !identical(call[[name]], quote(expr = )), given)
  lapply(stats::setNames(given, given), function(name) resolve_dots(call[[name]], caller)$caller)
}

# list(formula, call): the environments, NULL for one that is not known any more.
fit_places <- function(fit) {
  stored <- environment(fit_spec(fit)$formula)
  if (is.null(fit_origin(fit))) return(list(formula = stored, call = if (is_lasting_environment(stored)) stored))
  places <- weak_value(fit_origin(fit)$places)
  if (is.null(places)) list(formula = stored, call = NULL) else places[c("formula", "call")]
}

# Where an argument other than the formula and the data was written; NULL if that is not known any more.
argument_place <- function(fit, name) {
  places <- if (is.null(fit_origin(fit))) fit_places(fit) else weak_value(fit_origin(fit)$places)
  place <- places$arguments[[name]]
  if (is.null(place)) places$call else place
}

# ---- what update() looks up ----

# The data of a fit: by the expression given for them, where the fit was made and where `caller` is; else as the fit
# remembers them; else its rows. An expression such as x[[i]] may mean something else by now.
find_data <- function(fit, expr, formula, caller = NULL) {
  own <- if ("response" %in% replaced_parts(fit)) fit_frame(fit)$response
  data <- data_with(setdiff(all.vars(formula), own), fit, expr, caller)
  if (is.null(own) || is.null(data)) data else with_own_response(fit, data)
}

# What is not in the data of a fit: the "response" and "weights" that refit() has put in their place.
replaced_parts <- function(fit) fit_stored_rows(fit)$own

# The data of a fit that have the variables `needed`.
data_with <- function(needed, fit, expr, caller) {
  places <- fit_places(fit)
  known <- fit_data(fit)
  has_all <- !is.null(known) && all_found(needed, known, c(places, caller))
  if (has_all && (!is.symbol(expr) || is.null(places$call))) return(known)
  for (env in if (!is.null(expr)) c(places[c("call", "formula")], caller)) {
    value <- if (is.environment(env)) tryCatch(eval(expr, env), error = function(e) NULL)
    if (is.data.frame(value)) return(value)
  }
  if (!is.null(known)) return(known)
  places <- c(places, caller)
  if (is.null(expr) && all_found(needed, NULL, places)) return(NULL)
  rows <- fit_stored_rows(fit)$data
  if (all_found(needed, rows, places)) return(rows)
  shown <- if (is.null(expr)) "" else paste0(", ", quote_name(deparse_line(expr)), ",")
  unknown <- Filter(function(name) !all_found(name, rows, places), needed)
  lmm_abort("input", paste0("the data of the fit", shown,
                            " cannot be found, and the rows kept in the fit have no variable ",
                            enumerate(quote_name(unknown)), "."),
            what = unknown, fix = "Give the data: update(fit, ..., data = ).")
}

# The response of the fit in its rows of `data`, NA in others; the rows of the fit where these cannot be told.
with_own_response <- function(fit, data) {
  rows <- fit_stored_rows(fit)
  name <- fit_frame(fit)$response
  at <- positions_in(row_labels(rows), data)
  if (anyNA(at) || any(at > nrow(data))) return(rows$data)
  value <- rows$data[[name]]
  data[[name]] <- replace(rep(value[NA_integer_], nrow(data)), at, value)
  data
}

all_found <- function(names, data, places) {
  all(vapply(names, function(name) name %in% names(data) || !is.null(find_value(name, places)), NA))
}

# The formula, in its own environment where that has all it needs. Else in one in front of it, with the variables and
# functions that the other places have; last come the constants that the fit has kept.
reachable_formula <- function(formula, data, fit, caller) {
  env <- environment(formula)
  places <- c(fit_places(fit), caller)
  found <- list()
  for (name in setdiff(all.vars(formula), c(names(data), "."))) {
    if (!is.null(find_value(name, list(env)))) next
    value <- find_value(name, c(places, list(fit_frame(fit)$constant_values)))
    if (!is.null(value)) found[[name]] <- value$value
  }
  for (name in setdiff(all.names(formula), all.vars(formula))) {
    if (exists(name, envir = env, mode = "function")) next
    place <- Find(function(place) is.environment(place) && exists(name, envir = place, mode = "function"), places)
    if (!is.null(place)) found[[name]] <- get(name, envir = place, mode = "function")
  }
  if (length(found)) environment(formula) <- list2env(found, parent = env)
  formula
}

# The arguments of a call that are evaluated, as values: they were written where the fit was made. The expressions of
# variables stay; bare calls for the residuals become formulas, which know where they were written.
located_arguments <- function(fit, call, changes, caller) {
  given <- setdiff(names(call), c("", "formula", "data", "weights", "offset", "subset", changes))
  for (name in Filter(function(name) needs_place(call[[name]]), given)) {
    call[name] <- list(argument_value(fit, name, call[[name]], caller))
  }
  call
}

# An expression of constants and functions of R itself has one value everywhere.
needs_place <- function(expr) {
  if (!is.language(expr)) return(FALSE)
  functions <- setdiff(all.names(expr), all.vars(expr))
  length(all.vars(expr)) > 0L || !all(functions %in% c("c", "list", "-", "+", "lmm_control"))
}

argument_value <- function(fit, name, expr, caller) {
  place <- argument_place(fit, name)
  if (name %in% c("residual", "variance") && is_bare_residual(expr)) {
    if (inherits(expr, "formula")) return(expr)
    if (call_head(expr) != "~") expr <- call("~", expr)
    return(structure(expr, class = "formula", .Environment = if (is.null(place)) caller else place))
  }
  for (env in c(place, fit_places(fit)$formula, caller)) {
    value <- tryCatch(list(eval(expr, env)), error = function(e) e)
    if (!inherits(value, "error")) return(value[[1L]])
  }
  lmm_abort("input", paste0("`", name, "` of the fit, ", quote_name(deparse_line(expr)),
                            ", cannot be evaluated again: ", one_line(conditionMessage(value))), what = name,
            fix = paste0("Give it: update(fit, ..., ", name, " = )."))
}

# Data that their expression will not lead to later, because they live in a function, stay with the fit.
remember_data <- function(fit, data) {
  expr <- fit_call(fit)$data
  lasting <- is.null(data) || is.symbol(expr) &&
    identical(get0(as.character(expr), envir = globalenv(), mode = "list"), data)
  if (!lasting && !is.null(fit_stored_rows(fit))) fit$data <- data
  fit
}
