# New data read in the way the data of the fit were.

# The rows of `newdata`, as model_frame() gives them, with y = NULL. Grouping variables are needed only for the
# random terms in `re.form`; `codes` are 0 for a level that is not in the fit, and for a missing one where new levels
# are allowed, otherwise NA. Rows with missing values are kept (na.pass) or left out as `na.action` says.
new_rows <- function(frame, newdata, re.form = NULL, allow.new.levels = FALSE, na.action = stats::na.pass,
                     residual = FALSE) {
  newdata <- force_argument(newdata, "newdata")
  if (!is.data.frame(newdata)) {
    lmm_abort("newdata", paste0("`newdata` must be a data frame, not ", kind_of(newdata), "."), what = "newdata",
              value = class(newdata), fix = if (is.list(newdata)) "Convert it with as.data.frame().")
  }
  check_flag(allow.new.levels, "allow.new.levels")
  na_rule <- check_na_action(na.action)
  asked <- asked_groups(frame, re.form)
  frame$read_residual <- residual
  source <- newdata_source(frame, newdata, needed_variables(frame, asked))
  rows <- as_newdata(read_new_rows(frame, asked, allow.new.levels, source))
  signal_conditions(lapply(source$notes$conditions, reclass, "lmm_warning_newdata"))
  leave_out_missing(rows, na_rule, newdata)
}

# The variables `names` of `newdata` in the classes of the fit, and where to find constants and functions.
newdata_source <- function(frame, newdata, names, numbers = FALSE) {
  data <- as_in_fit(plain_columns(drop_dimensions(newdata), names), frame, names, numbers)
  source <- list(data = data, env = constants_environment(frame), n = .row_names_info(newdata, 2L), notes = new.env())
  for (name in intersect(names, names(newdata))) note(source, other_basis(.subset2(newdata, name), name,
                                                                          frame$variables[[name]]$basis))
  source
}

# Names of the variables of the fixed effects, the offset, and the random terms that are asked for.
needed_variables <- function(frame, asked) {
  terms <- Filter(function(term) asked[term$group], frame$random)
  calls <- c(unlist(lapply(c(list(frame), terms), plan_calls), recursive = FALSE), Filter(is.language, frame$offset),
             lapply(frame$groups[asked], `[[`, "expr"),
             if (isTRUE(frame$read_residual)) new_residual_calls(frame$residual))
  unique(unlist(lapply(calls, variables_of)))
}

read_new_rows <- function(frame, asked, allow.new.levels, source) {
  values <- read_slopes(frame, read_fixed(frame, source), asked, source)
  values <- read_groups(frame, values, asked, source)
  across <- read_across(frame, values, asked, allow.new.levels, source)
  values <- across$values
  if (isTRUE(frame$read_residual)) values <- read_residual(frame, values, source)
  codes <- Map(function(group, ask) {
    if (!ask) return(integer(source$n))
    explaining_dependence(group$parts[[1L]]$label, source, new_codes(group, values, allow.new.levels))
  }, frame$groups, asked)
  for (k in which(lengths(across$new) > 0L)) codes[[frame$random[[k]]$group]][across$new[[k]]] <- 0L
  list(data = structure(values, class = "data.frame", row.names = attr(source$data, "row.names")), y = NULL,
       offset = new_offset(frame, source), weights = NULL, codes = codes, n = source$n, unrelated = across$new,
       needed = needed_labels(frame, asked))
}

# One-column matrices (from scale()) as vectors: poly() takes a matrix for several variables.
drop_dimensions <- function(data) {
  for (j in which(vapply(data, function(x) length(dim(x)) == 2L && ncol(x) == 1L && !is.list(x), NA))) {
    data <- unclass(data)                     # a list that keeps its row names
    data[[j]] <- as.vector(data[[j]])
  }
  data
}

# The checks of the fit's data, made on new data.
as_newdata <- function(expr) {
  tryCatch(expr, lmm_error_data = function(e) {
    e <- reclass(e, "lmm_error_newdata")
    stop(e)
  })
}

reclass <- function(condition, class) {
  class(condition)[1L] <- class
  condition
}

# Which grouping factors `re.form` asks for: all (NULL), none (NA, ~0), or those of its terms.
asked_groups <- function(frame, re.form) {
  groups <- seq_along(frame$groups)
  terms <- asked_terms(re.form)
  if (is.null(terms)) return(groups > 0L)
  own <- lapply(frame$groups, function(group) group_key(group$expr))
  found <- lapply(terms, function(term) which(vapply(own, identical, NA, group_key(term$group))))
  unknown <- which(lengths(found) == 0L)
  if (length(unknown)) abort_unknown_term(frame, terms[[unknown[1L]]])
  groups %in% unlist(found)
}

# The random terms of `re.form`: NULL for all of the model, an empty list for none (NA, ~0).
asked_terms <- function(re.form) {
  if (is.null(re.form)) return(NULL)
  if (inherits(re.form, "formula")) {
    side <- re.form[[length(re.form)]]
    bars <- split_bars(if (is_bar(side)) call("(", side) else side)$bars
    return(as.list(unlist(lapply(bars, random_terms, environment(re.form)), recursive = FALSE)))
  }
  if (length(re.form) == 1L && is.atomic(re.form) && is.na(re.form)) return(list())
  lmm_abort("input", paste0("`re.form` must be NULL, NA or a formula, not ", kind_of(re.form), "."), what = "re.form")
}

abort_unknown_term <- function(frame, term) {
  lmm_abort("newdata", paste0("`re.form` term (", term$label, ") is not in the model."), what = term$label,
            fix = paste0("The model has ", enumerate(written_terms(frame$random)), "."))
}

# a:b and b:a are the same grouping factor.
group_key <- function(expr) in_order(vapply(group_parts(expr), deparse_line, ""))

read_fixed <- function(frame, source) {
  calls <- plan_calls(frame)
  check_present(calls, frame, source)
  Map(function(call, label) new_value(call, label, frame, frame, source), calls, names(calls))
}

# Slope variables of terms that are not asked for may be absent; they then count as missing.
read_slopes <- function(frame, values, asked, source) {
  for (term in frame$random) {
    if (is_across(term)) next
    calls <- plan_calls(term)
    absent <- !asked[term$group] && length(lacking(calls, frame, source))
    if (!absent) check_present(calls, frame, source)
    for (label in setdiff(names(calls), names(values))) {
      values[[label]] <- if (absent) rep(NA_real_, source$n) else new_value(calls[[label]], label, term, frame, source)
    }
  }
  values
}

read_groups <- function(frame, values, asked, source) {
  for (group in frame$groups[asked]) {
    calls <- group_parts(group$expr)
    check_present(calls, frame, source, group$name)
    for (call in calls) {
      label <- variable_label(call)
      if (!is.null(values[[label]])) next
      if (!is.null(frame$readers[[label]])) call <- frame$readers[[label]]
      values[[label]] <- evaluate_variable(call, source, label)
      check_group_column(values[[label]], label)
      check_length(values[[label]], label, source$n)
      note_row_dependence(call, label, values[[label]], frame, source)
    }
  }
  values
}

needed_labels <- function(frame, asked) {
  terms <- Filter(function(term) asked[term$group], frame$random)
  unique(unlist(lapply(c(list(frame), terms), function(plan) names(plan_calls(plan)))))
}

# Variables that have to be in new data, and are not.
lacking <- function(calls, frame, source) {
  setdiff(unlist(lapply(calls, variables_of)), c(names(source$data), frame$constants))
}

check_present <- function(calls, frame, source, group = NULL) {
  names <- lacking(calls, frame, source)
  if (!length(names)) return(invisible())
  near <- nearest_name(names[1L], names(source$data))
  lmm_abort("newdata", paste0("`newdata` lacks variable ", enumerate(quote_name(names)),
                              if (!is.null(group)) paste0(" of the grouping factor ", quote_name(group)), "."),
            what = names, fix = if (!is.null(group)) "Add it, or predict without random effects by re.form = NA."
                                else if (length(near)) paste0("Is it the column ", quote_name(near), "?"))
}

# A variable of the fit, of the type and with the levels it had there.
new_value <- function(call, label, plan, frame, source) {
  x <- evaluate_variable(call, source, label)
  check_predictor_column(x, label)
  check_length(x, label, source$n)
  note_row_dependence(call, label, x, frame, source)
  levels <- plan$xlevels[[label]]
  if (is.null(levels)) check_like_numeric(x, label, attr(plan$terms, "dataClasses")[[label]])
  else explaining_dependence(label, source, check_known_levels(x, label, levels))
  x
}

# That an unknown level comes from other rows and not from another value is said.
explaining_dependence <- function(label, source, expr) {
  noted <- Filter(function(condition) identical(condition$what, label), source$notes$conditions)
  if (!length(noted)) return(expr)
  tryCatch(expr, lmm_error_newdata = function(e) {
    e <- extend_condition(e, paste(quote_name(label), "depends on the other rows of the data."), noted[[1L]]$fix)
    stop(e)
  })
}

check_like_numeric <- function(x, label, class) {
  if (is.factor(x) || is.character(x)) {
    lmm_abort("newdata", paste0("variable ", quote_name(label), " was numeric in the fit, but is ",
                                if (is.factor(x)) "a factor" else "character", " in `newdata`."), what = label)
  }
  size <- if (startsWith(class, "nmatrix.")) as.integer(sub("nmatrix.", "", class, fixed = TRUE)) else 1L
  check_columns_as_in_fit(x, label, size)
}

check_columns_as_in_fit <- function(x, label, columns) {
  if (NCOL(x) == columns) return(invisible())
  lmm_abort("newdata", paste0("variable ", quote_name(label), " had ", count_of(columns, "column"),
                              " in the fit, but has ", NCOL(x), " in `newdata`."), what = label)
}

check_known_levels <- function(x, label, levels) {
  present <- if (is.factor(x)) levels(x)[unique(unclass(x))] else level_text(unique(x))
  unknown <- setdiff(present, c(levels, NA))
  if (!length(unknown)) return(invisible())
  lmm_abort("newdata", paste0(if (length(unknown) == 1L) "level " else "levels ", enumerate(quote_level(unknown)),
                              " of factor ", quote_name(label), if (length(unknown) == 1L) " was" else " were",
                              " not in the fit."), what = label, where = unknown,
            fix = paste0("The levels are ", enumerate(quote_level(levels), 10L), "."))
}

new_codes <- function(group, values, allow.new.levels) {
  labels <- vapply(group$parts, `[[`, "", "label")
  codes <- match_group(group, values[labels])
  if (allow.new.levels) codes[is.na(codes)] <- 0L       # a level that is not known is not one of the fit
  new <- which(codes == 0L)
  if (!length(new) || allow.new.levels) return(codes)
  names <- unique(do.call(paste, c(lapply(values[labels], function(x) level_text(x)[new]), sep = ":")))
  abort_new_levels(names, group$name)
}

abort_new_levels <- function(names, group) {
  lmm_abort("newdata", paste0(if (length(names) == 1L) "level " else "levels ", enumerate(quote_level(names)), " of ",
                              quote_name(group), if (length(names) == 1L) " was" else " were",
                              " not in the fit; use allow.new.levels=TRUE for the population value."),
            what = group, where = names)
}

# Offsets of the formula and of the argument offset=, both from `newdata`.
new_offset <- function(frame, source) {
  total <- NULL
  for (label in names(frame$offset)) {
    call <- frame$offset[[label]]
    shown <- if (label == "(offset)") "offset" else label
    if (!is.language(call) && length(call) != 1L) {
      lmm_abort("newdata", "`offset` was given to the fit as numbers, which says nothing about `newdata`.",
                what = "offset",
                fix = "Put the offset into the data and write offset = name, or offset(name) in the formula.")
    }
    check_present(list(call), frame, source)
    x <- if (is.language(call)) evaluate_variable(call, source) else call
    if (length(x) == 1L) x <- rep(x, source$n)
    check_numeric_column(x, shown)
    check_length(x, shown, source$n)
    note_row_dependence(call, label, x, frame, source)
    total <- plain_numeric(x) + if (is.null(total)) 0 else total
  }
  total
}

# na.pass and na.exclude keep every row; the others act on rows with a missing value among what is needed.
leave_out_missing <- function(rows, na_rule, newdata) {
  if (na_rule %in% c("na.pass", "na.exclude")) return(rows)
  known <- if (is.null(rows$offset)) rep(TRUE, rows$n) else !is.na(rows$offset)
  for (x in rows$needed) known <- known & !is_missing_row(rows$data[[x]])
  for (code in rows$codes) known <- known & !is.na(code)
  if (all(known)) return(rows)
  omitted <- which(!known)
  if (na_rule == "na.fail") {
    lmm_abort("newdata", paste0("na.action=na.fail and `newdata` has missing values (", row_text(omitted), ")."),
              what = "newdata", where = omitted)
  }
  keep <- which(known)
  rows$data <- structure(lapply(rows$data, take_rows, keep), class = "data.frame",
                         row.names = attr(newdata, "row.names")[keep],
                         na.action = structure(omitted, names = attr(newdata, "row.names")[omitted], class = "omit"))
  rows$offset <- rows$offset[keep]
  rows$codes <- lapply(rows$codes, `[`, keep)
  rows$unrelated <- lapply(rows$unrelated, `[`, keep)
  rows$n <- length(keep)
  rows
}
