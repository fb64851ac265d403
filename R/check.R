# Checks of arguments, made once, where a function is entered.

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
  lmm_abort("formula", paste0("`", name, "` is text that cannot be read as a formula: ", describe_value(text), "."),
            what = name,
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
    if (inherits(e, "lmm_condition") || is_time_limit(conditionMessage(e))) stop(e)
    lmm_abort("input", paste0("`", name, "` cannot be evaluated: ", one_line(conditionMessage(e))), what = name,
              fix = masking_text(e))
  })
}

# An error of a function that has the name of one of ours, which signals conditions of its own: another package was
# attached later, as 'bit64' with its chunks().
masking_text <- function(e) {
  head <- conditionCall(e)[1L]
  name <- if (is.call(head) && is.symbol(head[[1L]])) as.character(head[[1L]])
  if (!length(name) || !name %in% getNamespaceExports(topenv())) return(NULL)
  paste0("A function ", quote_name(name), " of another package masks the one of henderson: write henderson::", name,
         "().")
}

# The same for arguments of the function that calls.
force_arguments <- function(names, env = parent.frame()) {
  name <- NULL
  tryCatch(for (name in names) get(name, envir = env, inherits = FALSE),
           error = function(e) force_argument(stop(e), name))
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

# In 'nlme' `level` is a level of grouping.
level_of_nlme <- paste("For values without random effects (level = 0 of 'nlme') write predict(fit, re.form = NA);",
                       "for those of an outer grouping factor, re.form = ~ (1 | g).")

# A confidence level: neither 0, an interval that holds nothing, nor 1, one that holds everything; not in percent.
check_level <- function(x, name = "level") {
  if (is.numeric(x) && length(x) == 1L && !is.na(x) && x > 0 && x < 1) return(x)
  lmm_abort("input", paste0("`", name, "` must be one number between 0 and 1, not ", describe_value(x), "."),
            what = name, value = x,
            fix = if (is.numeric(x) && all(x %in% 0:1) && "re.form" %in% user_arguments()) level_of_nlme
                  else if (is.numeric(x) && length(x) == 1L &&
                           isTRUE(x > 1 && x < 100)) paste0("For ", x, " percent write ", x / 100, "."))
}

check_flag_or_null <- function(x, name) if (!is.null(x)) check_flag(x, name)

check_digits <- function(x, name = "digits") check_number(x, name, 1, 22)

check_count <- function(x, name) check_number(x, name, 1, .Machine$integer.max, whole = TRUE)

check_texts <- function(x, name) {
  if (is.character(x) && length(x) && !anyNA(x)) return(x)
  lmm_abort("input", paste0("`", name, "` must be a character string, not ", describe_value(x), "."), what = name,
            value = x)
}

check_text <- function(x, name) {
  if (is.character(x) && length(x) == 1L && !is.na(x)) return(x)
  lmm_abort("input", paste0("`", name, "` must be one character string, not ", describe_value(x), "."), what = name,
            value = x)
}

# NULL, or names for so many rows.
check_row_names <- function(x, rows) {
  if (is.null(x) || (is.character(x) || is.numeric(x)) && is.null(dim(x)) && length(x) == rows && !anyNA(x) &&
      !anyDuplicated(x)) return(x)
  lmm_abort("input", paste0("`row.names` must be NULL or ", count_of(rows, "different name"), ", not ",
                            describe_value(x), "."), what = "row.names",
            value = x)
}

# Levels of confidence, at least one.
check_levels_of <- function(x, name = "levels") {
  if (is.numeric(x) && length(x) && !anyNA(x) && all(x > 0 & x < 1)) return(x)
  lmm_abort("input", paste0("`", name, "` must be numbers between 0 and 1, not ", describe_value(x), "."), what = name,
            value = x)
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
  if (length(unknown)) abort_unknown(unknown, allowed)
}

check_dots_empty <- function(...) {
  if (...length() > 0L) abort_unknown(...names(), user_arguments(), ...length())
}

abort_unknown <- function(given, allowed, count = length(given)) {
  if (is.null(given)) given <- character(count)
  named <- given[!is.na(given) & nzchar(given)]
  allowed <- setdiff(allowed, "...")
  near <- if (length(named)) meant_argument(named[1L], allowed)
  advice <- if (length(named)) advice_on_argument(named[1L], allowed)
  shown <- c(quote_name(named), if (length(named) < length(given)) "(unnamed)")
  lmm_abort("input", paste0("unknown argument ", enumerate(shown), "."),
            what = c(named, if (length(named) < length(given)) "(unnamed)"),
            fix = if (!is.null(advice)) advice
                  else if (length(near)) paste0("Did you mean `", near, "`?")
                  else if (length(allowed)) paste0("The arguments are ", enumerate(quote_name(allowed), 20L), "."))
}

# Names that other functions have for the same argument.
argument_synonyms <- list(
  nsim = c("R", "B", "nboot", "n.boot", "nrep", "nreps", "n.sim", "draws", "times", "iterations", "reps"),
  level = c("conf.level", "conf", "confidence", "cl"), conf.level = c("level", "conf", "confidence"),
  ddf = c("df", "df.method", "dfmethod", "mode", "lmer.df", "tests"),
  threads = c("ncpus", "cores", "ncores", "mc.cores", "workers", "parallel"),
  re.form = c("ReForm", "REForm", "REform", "re_formula", "include_ranef", "random.effects"),
  newdata = c("data", "newdat", "new"),
  method = c("type", "boot.type"), type = c("method", "which", "types"), parm = c("which", "parameters", "pars"),
  which = c("parm", "pars"),
  REML = c("reml", "ML"), fixed = c("known", "hold", "parms"), effects = "component",
  newresp = c("response", "y", "newresponse"),
  L = c("K", "contrast", "hypothesis", "linfct"), nsim = "n", name = c("part", "which"))

# Arguments of other packages that have no counterpart, with what to call.
arguments_elsewhere <- c(
  newparams = "simulate(fit, newparams = ) and simulate_lmm() take other parameters.",
  FUN = "bootstrap(fit, FUN) takes a function of a fit, confint() its result.",
  prof.scale = "quantity(fit, ~ var(g)) has profile limits of a variance.",
  family = "Only normal responses are available.", cl = "Use `threads` for the number of processes.")

# Arguments of other functions that fit models.
arguments_of_fitters <- c(
  method = "Use REML = FALSE for maximum likelihood, REML = TRUE for restricted maximum likelihood.",
  random = "Random terms belong in the formula: y ~ x + (1 | g).",
  covariance = "For a residual covariance matrix use residual = ~ us(visit | subject).",
  ddf = "Choose the method when you test: summary(fit, ddf = ), anova(fit, ddf = ).")
arguments_of_fitters[c("cor", "corr", "correlation", "rcov", "residuals", "repeated")] <-
  "For correlated residuals use residual = ~ ar1(time | subject), or another structure."

advice_on_argument <- function(name, allowed) {
  if ("REML" %in% allowed && name %in% names(arguments_of_fitters)) return(arguments_of_fitters[[name]])
  if (name == "level" && "write" %in% allowed) return(level_of_nlme)
  if (name %in% names(arguments_elsewhere)) arguments_elsewhere[[name]]
}

# The argument that a user meant by a name that there is not, or NULL.
meant_argument <- function(name, allowed) {
  same <- names(argument_synonyms)[vapply(argument_synonyms, function(others) name %in% others, NA)]
  for (candidate in list(allowed[tolower(allowed) == tolower(name)], intersect(same, allowed),
                         allowed[startsWith(allowed, name)])) {
    if (length(candidate)) return(candidate[1L])
  }
  nearest_name(name, allowed)
}

check_control <- function(control) {
  if (inherits(control, "lmm_control")) return(control)
  lmm_abort("input", paste0("`control` must be made by lmm_control(), not ", describe_value(control), "."),
            what = "control", value = class(control))
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
  if (!is.atomic(x) && !is.list(x)) return(kind_of(x))
  if (length(x) != 1L || is.list(x)) return(paste(kind_of(x), "of length", length(x)))
  if (is.character(x) && !is.na(x)) quote_level(valid_text(x)) else format(x)
}

is_time_limit <- function(text) {
  limits <- c("reached elapsed time limit", "reached session elapsed time limit", "reached CPU time limit",
              "reached session CPU time limit")
  any(startsWith(text, vapply(limits, gettext, "", domain = "R")))
}

one_line <- function(text) {
  sub("[.]?$", ".", gsub("[[:space:]]+", " ", trimws(readable_text(text))))
}

# The arguments of the function that the user called: the innermost one that was not called from the package.
user_arguments <- function() {
  parents <- sys.parents()
  for (i in rev(seq_len(sys.nframe()))) {
    if (!identical(sys.call(i)[[1L]], quote(guard))) next
    caller <- parents[parents[i]]
    if (caller == 0L || !identical(topenv(sys.frame(caller)), topenv()))
      return(names(formals(sys.function(parents[i]))))
  }
  character()
}
