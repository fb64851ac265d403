# The formula of an update: what is added by stats::update.formula(), and what is taken away, parts of diagonal terms
# included.

updated_formula <- function(fit, change, caller) {
  change <- check_change(force_argument(change, "formula."), caller)
  old <- stats::formula(fit)
  side <- length(change)
  if (!"." %in% all.vars(change[[side]])) return(stats::update.formula(old, change))
  added <- added_summands(change[[side]])
  taken <- Filter(function(e) !any(vapply(added, identical, NA, e)), taken_summands(change[[side]]))
  own <- vapply(taken, is_own_summand, NA)
  report_absent_terms(old, taken[!own])
  if (!any(own)) return(stats::update.formula(old, change))
  old[[3L]] <- without_summands(old, taken[own])
  change[[side]] <- drop_taken(change[[side]])
  stats::update.formula(old, change)
}

# What stats::update.formula() does not take away, or only where it is written in the same way.
is_own_summand <- function(e) is.call(e) && (call_head(e) == "offset" || holds_bar(e))

check_change <- function(change, caller) {
  if (is.character(change)) change <- formula_of_text(change, caller, "formula.")
  if (inherits(change, "formula")) return(change)
  lmm_abort("input", paste0("`formula.` must be a formula, not ", kind_of(change), "."), what = "formula.",
            value = class(change),
            fix = "Write update(fit, . ~ . + x).")
}

# What stands behind a minus among the summands of a right-hand side, each by itself.
taken_summands <- function(e) {
  if (!is.call(e)) return(NULL)
  if (call_head(e) == "(" && !is_bar(e[[2L]])) return(taken_summands(e[[2L]]))
  if (!call_head(e) %in% c("+", "-")) return(NULL)
  last <- e[[length(e)]]
  c(if (length(e) == 3L) taken_summands(e[[2L]]), if (call_head(e) == "-") summands(last) else taken_summands(last))
}

# The summands that are not behind a minus.
added_summands <- function(e) {
  if (is.call(e) && call_head(e) == "(" && !is_bar(e[[2L]])) return(added_summands(e[[2L]]))
  if (is_sum(e)) return(c(added_summands(e[[2L]]), if (call_head(e) == "+") added_summands(e[[3L]])))
  list(e)
}

# A right-hand side without the bars and offsets behind a minus.
drop_taken <- function(e) {
  if (!is.call(e)) return(e)
  if (call_head(e) == "(" && !is_bar(e[[2L]])) e[[2L]] <- drop_taken(e[[2L]])
  if (!call_head(e) %in% c("+", "-")) return(e)
  last <- length(e)
  if (last == 3L) e[[2L]] <- drop_taken(e[[2L]])
  if (call_head(e) == "+") {
    e[[last]] <- drop_taken(e[[last]])
    return(e)
  }
  rest <- Filter(function(one) !is_own_summand(one), summands(e[[last]]))
  if (!length(rest)) return(if (last == 3L) e[[2L]] else 0)
  e[[last]] <- Reduce(function(a, b) call("+", a, b), rest)
  if (length(rest) > 1L) e[[last]] <- call("(", e[[last]])
  e
}

# Right-hand side of a formula without these random terms and offsets.
without_summands <- function(formula, taken) {
  split <- split_bars(formula[[3L]])
  is_offset <- vapply(taken, function(e) call_head(e) == "offset", NA)
  left <- remaining_bars(split$bars, taken[!is_offset], environment(formula))
  fixed <- if (is.null(split$fixed)) list(1) else summands(split$fixed)
  gone <- vapply(taken[is_offset], deparse_line, "")
  absent <- setdiff(gone, vapply(fixed, deparse_line, ""))
  if (length(absent)) inform_absent(absent)
  fixed <- Filter(function(e) !deparse_line(e) %in% gone, fixed)
  Reduce(function(a, b) call("+", a, b), c(if (length(fixed)) fixed else list(1), left))
}

# ---- random terms ----

# The parts of a random term: its columns one by one where it is diagonal, else all of them, each with its group.
term_parts <- function(term) {
  columns <- sort(column_labels(term$lhs), method = "radix")
  if (is_diagonal(term)) columns <- as.list(columns) else columns <- list(columns)
  lapply(columns, function(labels) list(labels = labels, group = group_key(term$group)))
}

# The bars of a formula without what other bars name.
remaining_bars <- function(bars, taken, env) {
  parts <- function(terms) unlist(lapply(terms, term_parts), recursive = FALSE)
  taken <- unlist(lapply(taken, function(e) split_bars(e)$bars), recursive = FALSE)
  gone <- parts(unlist(lapply(taken, random_terms, env), recursive = FALSE))
  terms <- lapply(bars, random_terms, env)
  check_parts(gone, unlist(terms, recursive = FALSE))
  unlist(Map(bar_without, bars, terms, MoreArgs = list(gone = gone)), recursive = FALSE)
}

# A part that the formula does not have is reported; one that belongs to a term with correlations cannot be taken from
# it.
check_parts <- function(gone, terms) {
  for (part in gone) {
    within <- Filter(function(term) identical(group_key(term$group),
                                              part$group) && all(part$labels %in% column_labels(term$lhs)), terms)
    if (any(vapply(within, function(term) list(part) %in% term_parts(term), NA))) next
    text <- paste0("(", part_text(part$labels), " | ", paste(part$group, collapse = ":"), ")")
    joined <- Filter(function(term) !is_diagonal(term), within)
    if (length(joined)) abort_correlated_part(text, joined[[1L]])
    inform_absent(text, written_terms(terms))
  }
}

abort_correlated_part <- function(text, term) {
  whole <- written_terms(list(term))
  lmm_abort("formula",
            paste0("`", text, "` is a part of `", whole,
                   "`, which has correlations: it cannot be taken away by itself."),
            what = c(text, whole),
            fix = paste0("Take the whole term away and add what is to stay: . ~ . - ", whole, " + (...)."))
}

inform_absent <- function(text, there = NULL) {
  lmm_inform("formula", paste0("the formula has no term ", enumerate(quote_name(text)), " to take away",
                               if (length(there)) paste0("; it has ", enumerate(quote_name(there), 12L)), "."),
                               what = text)
}

# "1", or "0 + x": how the labels are written left of a bar.
part_text <- function(labels) {
  if (identical(labels, "1")) return("1")
  rest <- setdiff(labels, "1")
  paste(c(if (!"1" %in% labels) "0", rest), collapse = " + ")
}

# List of bars that are left of one: the bar itself, or a term for each of its groups with the columns that stay.
bar_without <- function(bar, terms, gone) {
  stays <- lapply(terms, function(term) Filter(function(part) !list(part) %in% gone, term_parts(term)))
  if (identical(lengths(stays), vapply(terms, function(term) length(term_parts(term)), 0L))) return(list(bar))
  kept <- Map(function(parts, term) {
    if (!length(parts)) return(NULL)
    labels <- unlist(lapply(parts, `[[`, "labels"))
    own <- column_labels(term$lhs)
    text <- part_text(own[own %in% labels])
    call("(", call(if (length(parts) > 1L) "||" else "|", str2lang(text), term$group))
  }, stays, terms)
  unname(kept[lengths(kept) > 0L])
}

# ---- fixed terms ----

# Terms behind a minus that the fixed part does not have.
report_absent_terms <- function(old, taken) {
  if (!length(taken)) return(invisible())
  side <- split_bars(old[[3L]])$fixed
  have <- term_keys(if (is.null(side)) 1 else side)
  want <- unlist(lapply(taken, function(e) if (identical(e, 1)) c(`1` = "1") else term_keys(call("+", 0, e))))
  absent <- names(want)[!want %in% have]
  if (length(absent)) inform_absent(absent)
}

# The terms of a right-hand side, as their variables in a fixed order; named by their labels.
term_keys <- function(side) {
  terms <- parse_terms(structure(call("~", side), class = "formula"), data.frame(. = 0, check.names = FALSE))
  use <- attr(terms, "factors")
  keys <- vapply(seq_along(attr(terms, "term.labels")), function(j) {
    paste(sort(rownames(use)[use[, j] > 0], method = "radix"), collapse = ":")
  }, "")
  c(if (attr(terms, "intercept") == 1L) c(`1` = "1"), stats::setNames(keys, attr(terms, "term.labels")))
}
