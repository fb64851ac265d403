# What the data say: variables evaluated, rows chosen, levels and contrasts recorded. Returns
# list(frame, rows): `frame` is small and reads new data the same way, `rows` holds the data themselves.
#
# `weights`, `offset` and `subset` are expressions; they are looked up in `data`, then in the formula's
# environment, then in `caller`.
model_frame <- function(spec, data = NULL, weights = NULL, offset = NULL, subset = NULL, na.action = NULL,
                        contrasts = NULL, caller = parent.frame(), fixed = NULL, bounded = TRUE, memory_limit = NULL) {
  na_rule <- check_na_action(na.action)
  spec <- reaching_residual(spec, data)
  read <- read_variables(spec, data)
  terms <- read$terms
  variables <- read$variables
  data <- plain_columns(data, unlist(lapply(c(variables$calls, list(weights, offset, subset)), all.names)))
  source <- new_source(data, spec, caller)
  columns <- evaluate_variables(variables, source)
  source$n <- columns$n
  columns <- add_arguments(columns, list(weights = weights, offset = offset), source)
  many <- set_responses_aside(columns)
  columns <- many$columns
  check_columns(columns, source)
  chosen <- choose_rows(columns, evaluate_subset(subset, source), na_rule, source)
  columns$env <- small_environment(source$env, columns)
  columns$records <- variable_records(columns, source)
  columns$probe <- probe_rows(columns, chosen, source)
  columns$readers <- column_readers(columns, source)
  saying_what_was_left_out(chosen, columns, source$n, {
    rows <- read_rows(chosen, columns)
    check_values(rows, columns)
    planned <- planned_model(complete_terms(terms, columns), spec, rows, columns, contrasts, na_rule, memory_limit)
    rows <- planned$rows
    frame <- planned$frame
    if (has_fitted_variance(spec$residual)) rows$data <- with_fitted_columns(spec$residual, rows$data, rows$y)
    in_terms <- hold_in_terms(frame, fixed, spec$residual)
    frame$random <- in_terms$random
    held <- split_held(in_terms$fixed, spec$residual, frame)
    frame$residual <- plan_residual(spec$residual, rows$data, columns$values, held$residual,
                                    any(names(held$random) %in% scale_names), counted_rows(columns, chosen))
    frame$held <- held_parameters(held$random, frame)
    if (!bounded) frame$bounded <- FALSE
    frame$conditions <- once(c(source$notes$conditions, planned$conditions))
    rows <- rows[c("data", "y", "offset", "weights", "codes", "n")]
    check_identifiable(frame, rows)
  })
  list(frame = frame, rows = rows, many = many_rows(many, chosen$keep))
}

# The matrices that the terms ask of the rows: the frame that describes them, the rows with the codes of their groups.
planned_model <- function(terms, spec, rows, columns, contrasts, na_rule, memory_limit) {
  attr(rows$data, "terms") <- terms
  check_model_size(terms, spec$random, rows, memory_limit)
  check_contrasts(contrasts, rows$data)
  plan <- matrix_plan(terms, rows$data, contrasts)
  random <- random_plans(spec$random, rows$data, columns)
  rows$codes <- lapply(random$groups, `[[`, "codes")
  list(frame = new_model_frame(spec, plan, random, columns, na_rule), rows = rows,
       conditions = c(plan$conditions, random$conditions))
}

# Where variables are looked for, and the notes taken meanwhile (conditions that are signalled later).
new_source <- function(data, spec, caller) {
  list(data = data, env = environment(spec$formula), caller = caller,
       n = if (!is.null(data)) .row_names_info(data, 2L), notes = new.env())
}

# list(terms, variables) of a specification: fixed_terms() and formula_variables().
read_variables <- function(spec, data) {
  known <- identical(bare_formula(spec$formula), last_formula$text) && depends_on_text(spec)
  if (known && !is.null(last_formula$variables)) return(last_formula$variables)
  terms <- fixed_terms(spec, data)
  out <- list(terms = terms, variables = formula_variables(terms, spec))
  if (known) {
    environment(terms) <- emptyenv()
    last_formula$variables <- list(terms = terms, variables = out$variables)
  }
  out
}

# The spec with one environment for all variables that are not in the data: where the formula was made or, in front of
# that, what `residual` and `variance` mean where they were made.
reaching_residual <- function(spec, data) {
  check_fitted_word(spec$residual, names(data))
  places <- spec$residual$places
  if (is.null(places)) return(spec)
  spec$residual$places <- NULL
  home <- environment(spec$formula)
  calls <- list(residual = structure_calls(spec$residual), variance = variance_variables(spec$residual))
  found <- list()
  for (part in names(calls)) {
    own <- meant_elsewhere(calls[[part]], names(data), places[[part]], home)
    twice <- intersect(names(own), c(all.names(spec$formula), names(found)))
    differ <- Filter(function(name) !identical(found[[name]], own[[name]]), twice)
    if (length(differ)) abort_two_meanings(differ[1L], part)
    found[names(own)] <- own
  }
  if (length(found)) environment(spec$formula) <- environment(spec$fixed) <- list2env(found, parent = home)
  spec
}

# Variables and functions of `calls` that are others in the environment `place` than in `home`, as a list.
meant_elsewhere <- function(calls, columns, place, home) {
  if (identical(place, home)) return(list())
  variables <- setdiff(unlist(lapply(calls, variables_of)), columns)
  functions <- unlist(lapply(calls, function(call) setdiff(all.names(call), all.vars(call))))
  value <- function(name, env) {
    if (name %in% variables) return(find_value(name, list(env))$value)
    if (exists(name, envir = env, mode = "function")) get(name, envir = env, mode = "function")
  }
  names <- unique(c(variables, functions))
  found <- lapply(stats::setNames(names, names), value, place)
  Filter(Negate(is.null), found[!vapply(names, function(name) identical(found[[name]], value(name, home)), NA)])
}

abort_two_meanings <- function(name, argument) {
  lmm_abort("formula", paste0(quote_name(name), " has different values where `", argument, "` was made and where the",
                              " formula was made."), what = c(argument, name),
            fix = "Make it a column of the data, or use two different names.")
}

# One condition per cause: a factor may be used in several places.
once <- function(conditions) {
  if (length(conditions) < 2L) return(conditions)
  conditions[!duplicated(vapply(conditions, conditionMessage, ""))]
}

new_model_frame <- function(spec, fixed, random, columns, na_rule) {
  env <- attr(fixed$terms, ".Environment")
  structure(list(
    spec = detach_spec(spec, fixed$terms, env), terms = fixed$terms, xlevels = fixed$xlevels,
    contrasts = fixed$contrasts, coding = fixed$coding,
    x_names = fixed$columns, x_assign = fixed$assign, x_constant = fixed$constant,
    response = columns$response, offset = columns$readers[columns$offsets], weights = columns$readers[["(weights)"]],
    na_action = na_rule, readers = expression_calls(random$groups, spec$residual, columns), probe = columns$probe,
    variables = columns$records,
    random = random$terms,
    groups = lapply(random$groups, `[`, c("name", "expr", "levels", "parts", "cells", "precision")),
    outside = columns$outside, constants = columns$constants, constant_values = columns$constant_values
  ), class = "model_frame")
}

# A formula made in a function would carry that function's variables (the data, as a rule) into the fit and
# its file. Kept are the functions and the constants that the formula names, and what those functions name.
small_environment <- function(env, columns) {
  if (is_lasting_environment(env)) return(env)
  anchor <- env
  while (!is_lasting_environment(anchor)) anchor <- parent.env(anchor)
  small <- new.env(parent = anchor)
  names <- unique(unlist(lapply(c(columns$calls, columns$arguments), all.names)))
  names <- names[!names %in% columns$outside]
  wanted <- function(name, value) is.function(value) || name %in% columns$constants
  copy_values(names, env, small, wanted)
  small
}

copy_values <- function(names, env, small, wanted) {
  for (name in names[!names %in% ls(small, all.names = TRUE)]) {
    value <- get0(name, envir = env, inherits = TRUE)
    if (is.null(value) || !wanted(name, value) || identical(get0(name, envir = parent.env(small)), value)) next
    inner <- if (is.function(value) && !is.primitive(value) && identical(environment(value), env)) {
      value <- utils::removeSource(value)
      environment(value) <- small
      setdiff(all.names(body(value)), names(formals(value)))
    }
    assign(name, value, envir = small)
    if (length(inner)) copy_values(inner, env, small, function(name, value) TRUE)
  }
}

is_lasting_environment <- function(env) {
  identical(env, globalenv()) || identical(env, emptyenv()) || isNamespace(env) || identical(env, baseenv()) ||
    !is.null(attr(env, "name"))
}

# The spec with the small environment in place of the formula's own; `.` written out.
detach_spec <- function(spec, terms, env) {
  if ("." %in% all.vars(spec$fixed)) {
    spec$fixed[[3L]] <- stats::formula(terms)[[3L]]
    bars <- split_bars(spec$formula[[3L]])$bars
    spec$formula[[3L]] <- Reduce(function(a, b) call("+", a, b), bars, spec$fixed[[3L]])
  }
  in_environment(spec, env)
}

check_contrasts <- function(contrasts, data) {
  if (is.null(contrasts)) return(invisible())
  if (!is.list(contrasts) || is.null(names(contrasts)) || !all(nzchar(names(contrasts)))) {
    lmm_abort("input", "`contrasts` must be a list with the names of factors.", what = "contrasts",
              fix = "Write contrasts = list(f = \"contr.sum\").")
  }
  for (name in names(contrasts)) {
    x <- data[[name]]
    if (is.factor(x) || is.character(x) || is.logical(x)) next
    near <- nearest_name(name, names(data))
    lmm_abort("input", paste0("`contrasts` names ", quote_name(name), ", which is not ",
                              if (is.null(x)) "in the formula." else "a factor."), what = c("contrasts", name),
              fix = if (length(near) && is.null(x)) paste0("Did you mean ", quote_name(near), "?"))
  }
}
