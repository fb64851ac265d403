# The checks around every exported function and method: zzz.R puts guard() around their bodies. Arguments are evaluated
# before anything is computed, a fit is looked at before it is used, and what fails nevertheless leaves as a condition
# of this package.

# `rules`: a list made by argument_rules().
guard <- function(expr, rules) {
  frame <- parent.frame()
  if (is.null(admitted$fit)) on.exit(admitted$fit <- admitted$other <- NULL)
  tryCatch({
    if (!is.null(rules$level)) take_level(frame, rules$level)
    given <- rules$arguments[!eval(rules$missing, frame)]
    force_arguments(given, frame)
    for (name in given) admit_in_frame(frame, name, rules$texts)
    if (!is.null(rules$dots)) eval(as.call(list(admit_dots, quote(...), .allowed = rules$dots)), frame)
    if (length(given) && given[1L] == rules$arguments[1L]) admit_fit(frame, given[1L])
    expr
  }, error = function(e) refuse_error(e, frame, rules$arguments))
}

# 64-bit integers become numbers, except in data, which the fit keeps as they are.
admit_in_frame <- function(frame, name, texts) {
  value <- get(name, envir = frame, inherits = FALSE)
  plain <- if (name == "data" || name == "newdata") value else without_wide(value)
  admit_argument(plain, name, texts)
  if (!identical(plain, value)) assign(name, plain, envir = frame)
}

admit_argument <- function(value, name, texts = NULL) {
  if (is.character(value) && !all(validEnc(value))) {
    lmm_abort("input", paste0("`", name, "` contains text that is not valid in its encoding: ", describe_value(value),
                              "."), what = name)
  }
  check <- if (name %in% texts) check_texts else argument_checks[[name]]
  if (!is.null(check)) check(value, name)
}

# The confidence level, given in `...` by the name that other functions have for it. `own`: the name in this function.
take_level <- function(frame, own) {
  other <- setdiff(level_names, own)
  at <- match(other, eval(quote(...names()), frame))
  if (is.na(at)) return(invisible())
  if (!is_missing(frame, own)) {
    lmm_abort("input", "`level` and `conf.level` are the same argument; give one of them.", what = other)
  }
  assign(own, check_level(eval(call("...elt", at), frame), other), envir = frame)
}

# Arguments without a meaning here that other packages may give, and those that are passed on.
admit_dots <- function(..., .allowed) {
  if (...length() == 0L) return(invisible())
  given <- if (is.null(...names())) character(...length()) else ...names()
  left <- is.na(given) | !given %in% .allowed
  if (any(left)) abort_unknown(given[left], c(user_arguments(), .allowed))
  for (k in seq_along(given)) admit_argument(force_argument(...elt(k), given[k]), given[k])
}

is_missing <- function(frame, name) eval(call("missing", as.name(name)), frame)

# The first argument, if it is a fit, whole and of this version. Inside another exported function that fit need not
# be looked at again.
admit_fit <- function(frame, first) {
  fit <- get(first, envir = frame, inherits = FALSE)
  if (!inherits(fit, "lmm_fit") || identical(fit, admitted$fit)) return(invisible())
  print <- object_fingerprint(fit)
  whole <- if (identical(print, admitted$print)) fit else whole_fit(fit, first)
  if (identical(whole$version, fit_version_text(fit))) admitted$print <- print
  else assign(first, whole, envir = frame)
  if (is.null(admitted$fit)) admitted$fit <- whole
}

# `fit`: the one that the outermost exported function has checked; `other`: that fit by the other criterion, see
# fit_by(); `print`: the fingerprint of the last fit.
admitted <- new.env(parent = emptyenv())

# Conditions of this package and ends of time limits pass; other errors become one of this package that holds them.
refuse_error <- function(e, frame, arguments) {
  text <- conditionMessage(e)
  if (inherits(e, "lmm_condition") || is_time_limit(text) ||
      startsWith(text, gettext("(converted from warning) ", domain = "R"))) stop(e)
  if (grepl("cannot allocate", text, fixed = TRUE)) abort_allocation(text)
  absent <- sprintf(gettext("argument \"%s\" is missing, with no default", domain = "R"), arguments) == text
  if (any(absent)) lmm_abort("input", paste0("`", arguments[absent], "` is missing."), what = arguments[absent],
                             value = e)
  fit <- if (length(arguments)) tryCatch(get(arguments[1L], envir = frame, inherits = FALSE), error = function(e) NULL)
  lmm_abort("internal",
            paste0(if (inherits(fit, "lmm_fit")) "the fit or an argument" else "an argument", " cannot be used: ",
                               one_line(text)), value = e, fix = "See the help page for what the arguments may be.")
}

abort_allocation <- function(text) {
  lmm_abort("numeric", paste0("not enough memory: ", one_line(text)),
            fix = "Use fewer fixed-effect or random-effect columns, or fewer rows at a time.")
}

# ---- which functions are guarded ----

# Names of the exported functions that are no generics, and of all methods for exported generics.
guarded_names <- function(home) {
  spec <- namespace_spec(home)
  if (is.null(spec)) return(character())
  inner <- c("$", "coef_covariance", "denominator_df", "length", "method_fit", "names", "needs_information",
             "prepare_method", "row_df", "set_options")
  table <- spec$S3methods[!spec$S3methods[, 1L] %in% inner, , drop = FALSE]
  methods <- paste(sub("^.*::", "", table[, 1L]), table[, 2L], sep = ".")
  names <- intersect(unique(c(spec$exports, methods)), ls(home, all.names = TRUE))
  Filter(function(name) is.function(home[[name]]) && !"UseMethod" %in% all.names(body(home[[name]])), names)
}

# What the file NAMESPACE says, which lies beside the code while the package is built; NULL where there is none.
namespace_spec <- function(home) {
  path <- home[[".__NAMESPACE__."]][["path"]]
  if (!is.null(path) && file.exists(file.path(path, "NAMESPACE"))) parseNamespaceFile(basename(path), dirname(path))
}

guard_exports <- function(home) {
  for (name in guarded_names(home)) {
    fn <- home[[name]]
    body(fn) <- call("guard", body(fn), argument_rules(name, fn))
    assign(name, fn, envir = home)
  }
}
