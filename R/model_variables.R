# Variables of the formula: which there are, where each is found, what it evaluates to.

# The terms object of the fixed part. `.` stands for every column that is not used elsewhere: neither the
# response nor part of a grouping expression.
fixed_terms <- function(spec, data) {
  fixed <- spec$fixed
  if (!"." %in% all.vars(fixed[[3L]])) return(parse_terms(fixed))
  if (is.null(data)) lmm_abort("formula", "`.` in the formula needs `data`.", what = ".")
  elsewhere <- c(all.vars(fixed[[2L]]), unlist(lapply(spec$random, function(term) all.vars(term$group))))
  columns <- setdiff(names(data), elsewhere)
  if (!length(columns)) lmm_abort("formula", "`.` stands for no column: all are used elsewhere.", what = ".")
  if ("." %in% names(data)) {
    lmm_abort("data", "`data` has a column named `.`, which in a formula stands for all columns.", what = ".",
              fix = "Rename the column.")
  }
  sum <- Reduce(function(a, b) call("+", a, b), lapply(columns, as.name))
  fixed[[3L]] <- replace_dot(fixed[[3L]], sum)
  parse_terms(structure(fixed, .Environment = environment(spec$fixed)))
}

# `.` where the operators of formulas reach; as the argument of a function it would be a sum of columns.
replace_dot <- function(e, sum, bare = TRUE) {
  if (identical(e, quote(.))) return(if (bare) sum else call("(", sum))
  if (!is.call(e)) return(e)
  if (!call_head(e) %in% formula_operators) {
    if (!"." %in% all.vars(e)) return(e)
    lmm_abort("formula", paste0("`.` inside a function: ", quote_name(deparse_line(e)), "."), what = ".",
              fix = "Write the names of the variables.")
  }
  for (i in seq_along(e)[-1L]) e[[i]] <- replace_dot(e[[i]], sum, i == 2L && is_sum(e))
  e
}

# Every variable once, named by its label (the column name of the model frame): `calls`, and the `roles` it
# plays. The response comes first.
formula_variables <- function(terms, spec) {
  calls <- as.list(attr(terms, "variables"))[-1L]
  role <- rep("fixed", length(calls))
  role[attr(terms, "offset")] <- "offset"
  role[1L] <- "response"
  for (term in spec$random) {
    slopes <- c(slope_calls(term), term$positions_calls)
    parts <- group_parts(term$group)
    calls <- c(calls, slopes, parts)
    role <- c(role, rep("slope", length(slopes)), rep("group", length(parts)))
  }
  residual <- residual_calls(spec$residual)
  calls <- c(calls, residual)
  role <- c(role, rep("residual", length(residual)))
  labels <- vapply(calls, variable_label, "")
  check_reserved(labels)
  check_response_once(labels, terms)
  first <- !duplicated(labels)
  list(calls = structure(calls[first], names = labels[first]), roles = roles_of(role, labels, first),
       offsets = labels[attr(terms, "offset")])
}

# The roles of each variable, by its label.
roles_of <- function(role, labels, first) {
  if (!all(first)) return(split(role, factor(labels, labels[first])))
  names(role) <- labels
  as.list(role)
}

# Names that model frames use for the arguments.
check_reserved <- function(labels) {
  plain <- gsub("`", "", labels, fixed = TRUE)
  taken <- plain[plain %in% c("(weights)", "(offset)")]
  if (!length(taken)) return(invisible())
  lmm_abort("data", paste0("the name ", quote_name(taken[1L]),
                           " stands for the argument and cannot be that of a variable."),
            what = taken, fix = "Rename the column.")
}

check_response_once <- function(labels, terms) {
  factors <- attr(terms, "factors")
  if (sum(labels == labels[1L]) == 1L && (!length(factors) || !any(factors[1L, ] > 0L))) return(invisible())
  lmm_abort("formula", paste0("response ", quote_name(labels[1L]), " is also on the right of `~`."), what = labels[1L],
            fix = "Remove it there.")
}

slope_calls <- function(term) {
  if (is_intercept_only(term$lhs)) return(NULL)
  parsed <- parse_terms(term$lhs)
  if (!is.null(attr(parsed, "offset"))) {
    lmm_abort("formula", paste0("offset() has no meaning in the random term (", term$label, ")."), what = term$label)
  }
  as.list(attr(parsed, "variables"))[-1L]
}

variable_label <- function(call) if (is.symbol(call)) as.character(call) else deparse_line(call)

variable_labels <- function(terms) vapply(as.list(attr(terms, "variables"))[-1L], variable_label, "")

# all.vars() without what is not looked up: b of a$b, u of function(u) u + 1.
variables_of <- function(call) {
  if (!any(c("$", "@", "function") %in% all.names(call))) return(all.vars(call))
  bare <- function(e) {
    if (!is.call(e)) return(e)
    if (call_head(e) %in% c("$", "@")) return(bare(e[[2L]]))
    if (call_head(e) == "function") {
      return(as.call(lapply(c("list", setdiff(variables_of(e[[3L]]), names(e[[2L]]))), as.name)))
    }
    e[-1L] <- lapply(as.list(e[-1L]), bare)
    e
  }
  all.vars(bare(call))
}

# `values` of all variables, by label. `outside` and `constants` name the variables that are not columns of
# `data`: the former are as long as the data, hence must be found in new data too.
evaluate_variables <- function(variables, source) {
  needed <- unique(unlist(lapply(variables$calls, variables_of)))
  elsewhere <- needed[!needed %in% names(source$data)]
  note(source, duplicate_columns(needed, names(source$data)))
  found <- lapply(elsewhere, check_found, variables, source)
  values <- lapply(variables$calls, evaluate_variable, source)
  n <- if (is.null(source$n)) NROW(values[[1L]]) else source$n
  like_data <- vapply(found, NROW, 0L) == n
  c(variables, list(values = values, n = n, response = names(values)[1L], outside = elsewhere[like_data],
                    constants = elsewhere[!like_data], constant_values = kept_constants(elsewhere, found, like_data)))
}

# What `k` was in I(x * k), for new data: it may have changed by then.
kept_constants <- function(names, values, like_data) {
  keep <- !like_data & vapply(values, function(x) is.atomic(x) && !is.null(x) && length(x) <= 1e4, NA)
  stats::setNames(values[keep], names[keep])
}

duplicate_columns <- function(needed, names) {
  if (!anyDuplicated(names)) return(NULL)
  twice <- intersect(needed, names[duplicated(names)])
  if (!length(twice)) return(NULL)
  list(lmm_condition("warning", "data", paste0("`data` has several columns named ", enumerate(quote_name(twice)),
                                               "; the first is used."), what = twice))
}

check_found <- function(name, variables, source) {
  found <- find_value(name, list(source$env))
  if (!is.null(found)) return(found$value)
  if (is_function_argument(name, variables, source)) return(NULL)
  in_role <- function(role) {
    calls <- variables$calls[vapply(variables$roles, function(r) role %in% r, NA)]
    name %in% unlist(lapply(calls, variables_of))
  }
  role <- if (in_role("group")) " (grouping factor)" else if (in_role("response")) " (response)" else ""
  where <- if (is.null(source$data)) "; no `data` were given" else
    paste0(" in `data` (columns: ", enumerate(names(source$data), 10L), ")")
  near <- nearest_name(name, names(source$data))
  lmm_abort("formula", paste0("variable ", quote_name(name), role, " not found", where, "."), what = name,
            fix = if (length(near)) paste0("Did you mean ", quote_name(near), "?"))
}

# As contr.sum is in C(f, contr.sum): a function that stands inside calls, which can do with it.
is_function_argument <- function(name, variables, source) {
  calls <- Filter(function(call) name %in% variables_of(call), variables$calls)
  if (any(vapply(calls, is.symbol, NA)) || !exists(name, envir = source$env, mode = "function")) return(FALSE)
  values <- lapply(calls, function(call) {
    tryCatch(eval(call, source$data, source$env), error = function(e) NULL, warning = function(w) NULL)
  })
  all(vapply(values, function(value) is.atomic(value) && length(value) > 0L, NA))
}

evaluate_variable <- function(call, source, label = NULL) {
  if (is.symbol(call)) {
    return(plain_value(find_value(as.character(call), list(source$data, source$env))$value))
  }
  plain_column(evaluate_call(call, source, if (is.null(label)) deparse_line(call) else label))
}

# A call that fails or warns is reported with its text, as a condition of ours; warnings are noted. Those about
# NaN are left to the check of the values. poly() and others refuse missing values; they get the complete rows.
evaluate_call <- function(call, source, label) {
  noted <- character()
  value <- tryCatch(
    withCallingHandlers(with_usual_numbers(eval(call, source$data, source$env)), warning = function(w) {
      noted <<- c(noted, conditionMessage(w))
      invokeRestart("muffleWarning")
    }),
    error = function(e) evaluate_complete(call, source, e, label)
  )
  for (text in setdiff(noted, gettext("NaNs produced", domain = "R"))) {
    note(source, list(lmm_condition("warning", "data", paste0(quote_name(label), ": ", text, "."), what = label)))
  }
  value
}

# The call on the rows where its variables are not missing, the others filled up with NA.
evaluate_complete <- function(call, source, error, label) {
  names <- variables_of(call)
  columns <- lapply(names, function(name) find_value(name, list(source$data, source$env))$value)
  names(columns) <- names
  like_data <- Filter(function(x) is.atomic(x) && NROW(x) == source$n && anyNA(x), columns)
  missing <- Reduce(`|`, lapply(like_data, is_missing_row))
  if (!length(like_data) || all(missing)) abort_evaluation(label, error, call, source$env)
  data <- lapply(columns, function(x) if (NROW(x) == source$n) take_rows(x, which(!missing)) else x)
  value <- tryCatch(suppressWarnings(with_usual_numbers(eval(call, data, source$env))),
                    error = function(e) abort_evaluation(label, e, call, source$env))
  index <- replace(rep(NA_integer_, source$n), !missing, seq_len(sum(!missing)))
  filled <- take_rows(value, index)
  for (name in setdiff(names(attributes(value)), c("dim", "dimnames", "names"))) {
    attr(filled, name) <- attr(value, name)
  }
  filled
}

# A function that does not exist is a mistake of the formula, all else one of the data.
abort_evaluation <- function(label, error, call, env) {
  functions <- if (any(c("::", ":::", "$", "function") %in% all.names(call))) character()
               else setdiff(all.names(call), all.vars(call))
  absent <- functions[!vapply(functions, exists, NA, envir = env, mode = "function")]
  lmm_abort(if (length(absent)) "formula" else "data",
            paste0(quote_name(label), " cannot be evaluated: ", conditionMessage(error), "."), what = c(label, absent))
}

# weights= and offset= become columns "(weights)" and "(offset)". A name is looked up among values only, never
# among functions: stats::weights() is not meant.
add_arguments <- function(columns, arguments, source) {
  for (name in names(arguments)) {
    value <- if (!is.null(arguments[[name]])) evaluate_argument(arguments[[name]], name, source)
    if (is.null(value)) next
    label <- paste0("(", name, ")")
    columns$values[[label]] <- value
    columns$roles[[label]] <- "argument"
    if (name == "offset") columns$offsets <- c(columns$offsets, label)
    columns <- add_constants(columns, arguments[[name]], source)
  }
  names(arguments) <- paste0("(", names(arguments), ")")
  columns$arguments <- arguments[names(arguments) %in% names(columns$values)]
  columns
}

# What `k` was in weights = k * w, as it is kept for variables of the formula.
add_constants <- function(columns, expr, source) {
  resolved <- resolve_dots(expr, source$caller)
  used <- if (is.language(resolved$expr)) variables_of(resolved$expr)
  names <- setdiff(used, c(names(source$data), columns$constants))
  found <- lapply(stats::setNames(names, names),
                  function(name) find_value(name, list(source$env, resolved$caller))$value)
  kept <- kept_constants(names, found, vapply(found, NROW, 0L) == columns$n)
  columns$constants <- c(columns$constants, names(kept))
  columns$constant_values <- c(columns$constant_values, kept)
  columns
}

evaluate_argument <- function(expr, name, source) {
  resolved <- resolve_dots(expr, source$caller)
  expr <- resolved$expr
  source$caller <- resolved$caller
  if (!is.language(expr)) return(plain_column(expr))
  found <- as.list(source$data)
  for (variable in setdiff(variables_of(expr), names(source$data))) {
    value <- find_value(variable, list(source$env, source$caller))
    if (is.null(value)) {
      near <- nearest_name(variable, names(source$data))
      lmm_abort("input", paste0("variable ", quote_name(variable), ", given as `", name, "`, not found."),
                what = c(name, variable), fix = if (length(near)) paste0("Did you mean ", quote_name(near), "?"))
    }
    found[[variable]] <- value$value
  }
  value <- tryCatch(plain_column(with_usual_numbers(eval(expr, found, source$env))), error = function(e) {
    lmm_abort("input", paste0("`", name, "` cannot be evaluated: ", conditionMessage(e), "."), what = name)
  })
  if (inherits(value, "varFunc")) {
    lmm_abort("input", paste0("`", name, "` is a variance function of 'nlme'."), what = name,
              fix = "Use variance = ~ group, variance = ~ power(x), or another formula; see ?lmm.")
  }
  value
}

# The first value of that name, not a function, in data or in an environment and what encloses it.
find_value <- function(name, places) {
  for (place in places) {
    if (!is.environment(place)) {
      value <- if (length(place)) .subset2(place, name)
      if (!is.null(value)) return(list(value = value))
      next
    }
    while (!identical(place, emptyenv())) {
      value <- get0(name, envir = place, inherits = FALSE)
      if (!is.null(value) && !is.function(value)) return(list(value = value))
      place <- parent.env(place)
    }
  }
  NULL
}

# The terms with what is needed to evaluate them for new data: predvars, classes, a small environment.
complete_terms <- function(terms, columns) {
  calls <- as.list(attr(terms, "variables"))
  labels <- variable_labels(terms)
  attr(terms, "predvars") <- as.call(c(calls[1L], columns$readers[labels]))
  attr(terms, "dataClasses") <- vapply(columns$values[labels], stats::.MFclass, "")
  attr(terms, ".Environment") <- columns$env
  terms
}
