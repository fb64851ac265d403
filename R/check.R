# Checks of arguments, made once, at the door.

# Returns the formula; text is one in the environment `env`.
check_formula <- function(formula, env = parent.frame()) {
  if (missing(formula)) {
    lmm_abort("input", "`formula` is missing.", what = "formula", fix = "Write lmm(y ~ x + (1 | group), data).")
  }
  formula <- force_argument(formula, "formula")
  if (is.character(formula)) formula <- formula_of_text(formula, env)
  if (inherits(formula, "formula")) return(formula)
  lmm_abort("input", paste0("`formula` must be a formula, not ", kind_of(formula), "."),
            what = "formula", value = class(formula),
            fix = if (is.data.frame(formula)) "The formula comes first, then `data`."
                  else "Write y ~ x + (1 | group).")
}

formula_of_text <- function(text, env, name = "formula") {
  parsed <- if (length(text) == 1L && !is.na(text)) tryCatch(str2lang(text), error = function(e) NULL)
  if (is.call(parsed) && identical(parsed[[1L]], quote(`~`))) return(stats::as.formula(parsed, env))
  lmm_abort("formula", paste0("`", name, "` is text that cannot be read as a formula: ", describe_value(text), "."), what = name,
            value = text, fix = "Write a formula without quotation marks: y ~ x + (1 | group).")
}

# Returns the data frame, or NULL when the variables are to be found in the formula's environment.
check_data <- function(data) {
  if (missing(data)) return(NULL)
  data <- force_argument(data, "data")
  if (is.null(data)) return(NULL)
  if (!is.data.frame(data)) {
    lmm_abort("input", paste0("`data` must be a data frame, not ", kind_of(data), "."), what = "data",
              value = class(data),
              fix = if (inherits(data, "formula")) "The formula comes first, then `data`."
                    else if (!is.function(data)) "Convert it with as.data.frame().")
  }
  if (!length(data)) lmm_abort("data", "`data` has no columns.", what = "data")
  if (.row_names_info(data, 2L) == 0L) lmm_abort("data", "`data` has 0 rows.", what = "data", value = 0L)
  data
}

# Evaluates a promise; a failure is the user's argument, hence reported as one of ours.
force_argument <- function(value, name) {
  tryCatch(value, error = function(e) {
    if (inherits(e, "lmm_condition")) stop(e)
    lmm_abort("input", paste0("`", name, "` cannot be evaluated: ", conditionMessage(e), "."), what = name)
  })
}

# The same for arguments of the function that calls.
force_arguments <- function(names, env = parent.frame()) {
  for (name in names) force_argument(get(name, envir = env, inherits = FALSE), name)
}

check_fit <- function(fit, name = "fit") {
  if (inherits(fit, "lmm_fit")) return(fit)
  lmm_abort("input", paste0("`", name, "` must be a fit made by lmm(), not ", kind_of(fit), "."), what = name, value = class(fit))
}

check_flag <- function(x, name) {
  if (isTRUE(x) || isFALSE(x)) return(x)
  lmm_abort("input", paste0("`", name, "` must be TRUE or FALSE, not ", describe_value(x), "."),
            what = name, value = x)
}

check_number <- function(x, name, lower = -Inf, upper = Inf, whole = FALSE) {
  ok <- is.numeric(x) && length(x) == 1L && !is.na(x) && x >= lower && x <= upper && (!whole || x == round(x))
  if (ok) return(x)
  range <- if (lower > -Inf || upper < Inf) paste0(" between ", lower, " and ", upper) else ""
  lmm_abort("input", paste0("`", name, "` must be one ", if (whole) "whole ", "number", range, ", not ",
                            describe_value(x), "."), what = name, value = x)
}

# A confidence level: neither 0, an interval that holds nothing, nor 1, one that holds everything; not in percent.
check_level <- function(x, name = "level") {
  if (is.numeric(x) && length(x) == 1L && !is.na(x) && x > 0 && x < 1) return(x)
  lmm_abort("input", paste0("`", name, "` must be one number between 0 and 1, not ", describe_value(x), "."), what = name, value = x,
            fix = if (is.numeric(x) && length(x) == 1L && isTRUE(x > 1 && x < 100)) paste0("For ", x, " per cent write ", x / 100, "."))
}

check_choice <- function(x, choices, name) {
  if (is.character(x) && length(x) == 1L && x %in% choices) return(x)
  lmm_abort("input", paste0("`", name, "` must be ", if (length(choices) > 1L) "one of ",
                            enumerate(quote_level(choices), 20L), ", not ", describe_value(x), "."),
            what = name, value = x)
}

# Names of the user's arguments must be written out; what is left over in `...` is a mistake.
check_arguments <- function(given, allowed) {
  if (is.null(given)) return(invisible())
  unknown <- given[nzchar(given) & !given %in% allowed]
  if (!length(unknown)) return(invisible())
  near <- allowed[startsWith(allowed, unknown[1L])]
  if (!length(near)) near <- nearest_name(unknown[1L], allowed)
  lmm_abort("input", paste0("unknown argument ", enumerate(quote_name(unknown)), "."), what = unknown,
            fix = if (length(near)) paste0("Did you mean `", near[1L], "`?")
                  else paste0("The arguments are ", enumerate(quote_name(setdiff(allowed, "...")), 20L), "."))
}

check_control <- function(control) {
  if (inherits(control, "lmm_control")) return(control)
  lmm_abort("input", paste0("`control` must be made by lmm_control(), not ", describe_value(control), "."),
            what = "control", value = class(control))
}

check_dots_empty <- function(...) {
  if (...length() == 0L) return(invisible())
  given <- ...names()
  if (is.null(given)) given <- character(...length())
  given[is.na(given) | !nzchar(given)] <- "(unnamed)"
  lmm_abort("input", paste0("unknown argument ", enumerate(quote_name(given)), "."), what = given)
}

# One of the four standard rules, given as a function or by its name.
check_na_action <- function(na.action) {
  rules <- c("na.omit", "na.exclude", "na.fail", "na.pass")
  if (is.null(na.action)) {
    na.action <- getOption("na.action")
    if (is.null(na.action)) return("na.omit")
  }
  if (is.character(na.action)) return(check_choice(na.action, rules, "na.action"))
  for (rule in rules) if (identical(na.action, getExportedValue("stats", rule))) return(rule)
  lmm_abort("input", "`na.action` must be na.omit, na.exclude, na.fail or na.pass.", what = "na.action",
            value = na.action)
}

describe_value <- function(x) {
  if (is.null(x)) return("NULL")
  if (length(x) == 1L && is.atomic(x)) {
    if (is.character(x)) quote_level(x) else format(x)
  } else {
    paste(kind_of(x), "of length", length(x))
  }
}
