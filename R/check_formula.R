# Misuse of the formula, said before any data are looked at.

check_response <- function(formula) {
  if (length(formula) < 3L) {
    lmm_abort("formula", "formula has no response.", what = deparse_line(formula),
              fix = "Write response ~ x + (1 | group).")
  }
  response <- formula[[2L]]
  if (is.null(response) || !is.language(response)) {
    lmm_abort("formula", paste0("response ", quote_name(deparse_line(response)), " is a constant."),
              what = deparse_line(response), fix = "Put the name of a variable on the left of `~`.")
  }
  if (is.call(response) && (holds_bar(response) || call_head(response) == "~")) {
    lmm_abort("formula", paste0("response ", quote_name(deparse_line(response)), " is not a variable."),
              what = deparse_line(response), fix = "Random terms stand on the right of `~`.")
  }
  if (identical(response, quote(.))) {
    lmm_abort("formula", "`.` cannot be the response.", what = ".")
  }
  if (!length(all.vars(response))) {
    lmm_abort("formula", paste0("response ", quote_name(deparse_line(response)), " is a constant."),
              what = deparse_line(response))
  }
}

# A bar takes all that stands before it. Where that holds a random term already, only the last summand can be meant.
abort_bare_bar <- function(e) {
  text <- deparse_line(e[[3L]])
  before <- e[[2L]]
  inner <- any(c("|", "||") %in%
               all.names(before)) && is.call(before) && length(before) == 3L && call_head(before) == "+"
  lmm_abort("formula", paste0("unparenthesised `", call_head(e), "`: ", deparse_line(e), "."),
            what = deparse_line(e),
            fix = paste0("Write y ~ ... + (", deparse_line(if (inner) before[[3L]] else before), " ", call_head(e), " ",
            text, ")."))
}

abort_bar_not_added <- function(e) {
  lmm_abort("formula", paste0("random terms may only be added, but the formula has `", deparse_line(e), "`."),
            what = deparse_line(e),
            fix = "Write y ~ fixed terms + (x | g) + (1 | h); for a slope put the variable left of the bar.")
}

# Functions that mean something elsewhere but not here.
check_fixed_calls <- function(e) {
  while (is_sum(e)) {                        # sums nest to the left, as deep as there are terms
    if (is.call(e[[3L]])) check_fixed_calls(e[[3L]])
    e <- e[[2L]]
  }
  if (!is.call(e)) return(invisible())
  head <- call_head(e)
  if (head == "Error") {
    lmm_abort("formula", "Error() is aov syntax.", what = deparse_line(e),
              fix = "Write a random term such as (1 | block) for each error stratum.")
  }
  if (head == "~") {
    lmm_abort("formula", "formula has more than one `~`.", what = deparse_line(e))
  }
  if (is_bar(e) && is.numeric(e[[2L]])) {
    text <- deparse_line(e)
    lmm_abort("formula", paste0("random term (", text, ") inside a function; random terms may only be added."),
              what = text, fix = "Write y ~ fixed terms + (1 | g).")
  }
  for (i in seq_along(e)[-1L]) if (is.call(e[[i]])) check_fixed_calls(e[[i]])
}

# Numbers but 0 and 1, words and NA are no terms.
check_fixed_constants <- function(e) {
  while (is_sum(e)) {
    check_fixed_constants(e[[3L]])
    e <- e[[2L]]
  }
  if (is.call(e) && call_head(e) %in% c("+", "-", "*", "/", ":", "%in%", "(")) {
    for (i in seq_along(e)[-1L]) check_fixed_constants(e[[i]])
  }
  if (is.language(e) || is.null(e) || is.logical(e) && !is.na(e) || is.numeric(e) && e %in% 0:1) return(invisible())
  lmm_abort("formula", paste0("the formula has the constant `", deparse_line(e), "` for a variable."),
            what = deparse_line(e),
            fix = if (is.character(e)) paste0("Without quotation marks it is the variable: ", e, ".")
                  else if (is.numeric(e)) "A constant part of the mean is offset(); a computed variable is I().")
}

check_bar <- function(bar) {
  for (side in 2:3) {
    if (holds_bar(bar[[side]])) {
      lmm_abort("formula", paste0("two `|` in one term: (", deparse_line(bar), ")."), what = deparse_line(bar),
                fix = "Write one term for each grouping factor, such as (1 | g) + (1 | h).")
    }
  }
  if (!is.language(bar[[3L]])) {
    lmm_abort("formula", paste0("grouping expression ", quote_name(deparse_line(bar[[3L]])), " of (",
                                deparse_line(bar), ") is a constant."),
              what = deparse_line(bar[[3L]]), fix = "Put a grouping variable on the right of the bar.")
  }
  if ("." %in% c(all.vars(bar[[2L]]), all.vars(bar[[3L]]))) {
    lmm_abort("formula", paste0("`.` cannot be used in the random term (", deparse_line(bar), ")."),
              what = deparse_line(bar), fix = "Write the names of the variables.")
  }
}

check_group_operators <- function(group) {
  if (!is.call(group)) return(invisible())
  head <- call_head(group)
  if (!head %in% formula_operators) return(invisible())
  if (!head %in% c("+", "*", "/", ":", "(") || length(group) == 2L && head != "(") {
    lmm_abort("formula", paste0("`", head, "` has no meaning in the grouping expression ",
                                quote_name(deparse_line(group)), "."), what = deparse_line(group),
              fix = "Use `:` for an interaction, `/` for nesting; protect arithmetic by I().")
  }
  for (i in seq_along(group)[-1L]) {
    if (is.call(group[[i]])) check_group_operators(group[[i]])
    else if (!is.symbol(group[[i]])) abort_constant_group(group[[i]], group)
  }
}

abort_constant_group <- function(part, group) {
  lmm_abort("formula", paste0("grouping expression ", quote_name(deparse_line(group)), " has the constant `",
                              deparse_line(part), "`."), what = deparse_line(group))
}

check_random_terms <- function(random) {
  key <- vapply(random, function(term) {
    labels <- column_labels(term$lhs)
    paste(if (length(labels) > 1L) in_order(labels) else labels, collapse = "+")
  }, "")
  empty <- which(key == "")
  if (length(empty)) {
    term <- random[[empty[1L]]]
    lmm_abort("formula", paste0("random term (", term$label, ") has no columns."), what = term$label,
              fix = "Write (1 | g) for an intercept or (0 + x | g) for a slope.")
  }
  if (length(random) == 1L) return(invisible())
  groups <- vapply(random, function(term) paste(in_order(vapply(group_parts(term$group), deparse_line, "")),
                                                collapse = ":"), "")
  twice <- which(duplicated(paste(key, "|", groups)))
  if (length(twice)) {
    term <- random[[twice[1L]]]
    lmm_abort("formula", paste0("term (", term$label, ") appears twice."), what = term$label,
              fix = "Remove one of them.")
  }
  check_shared_columns(random, groups)
}

# (1 | g) + (x | g): the intercept's variance would be split between two terms, arbitrarily.
check_shared_columns <- function(random, groups) {
  for (g in unique(groups[duplicated(groups)])) {
    labels <- unlist(lapply(random[groups == g], function(term) column_labels(term$lhs)))
    shared <- labels[duplicated(labels)]
    if (length(shared)) {
      lmm_abort("unidentified", paste0(
        "`", if (shared[1L] == "1") "(Intercept)" else shared[1L], "` has two random effects for `", g, "`, in ",
        enumerate(written_terms(random[groups == g])),
        ": their variances cannot be distinguished."), what = c(g, shared[1L]), fix = "Keep it in one term only.")
    }
  }
}

# The labels of what stands left of a bar, the intercept as "1".
column_labels <- function(lhs) if (is_intercept_only(lhs)) "1" else terms_labels(parse_terms(lhs))

terms_labels <- function(terms) c(if (attr(terms, "intercept") == 1L) "1", attr(terms, "term.labels"))

# Is there a bar in `e`, not counting the arguments of functions?
holds_bar <- function(e) {
  if (!is.call(e)) return(FALSE)
  if (is_bar(e) || is_structure_call(e)) return(TRUE)
  if (!call_head(e) %in% formula_operators) return(FALSE)
  for (i in seq_along(e)[-1L]) if (holds_bar(e[[i]])) return(TRUE)
  FALSE
}

is_structure_call <- function(e) {
  head <- call_head(e)
  other <- word_for(head, foreign_random_words)
  known <- head %in% c(names(structure_words), foreign_structures) || !is.null(other)
  if (!known || length(e) < 2L || !is_bar(e[[2L]])) return(FALSE)
  if (head %in% names(structure_words)) return(TRUE)
  lmm_abort("formula", paste0("covariance structure `", head, "()` is not available."), what = deparse_line(e),
            fix = if (!is.null(other)) paste0("Write ", written_here(e, other), ".")
            else paste0("Available are (x | g), (x || g) and ", enumerate(paste0(names(structure_words), "(x | g)")),
                         "."))
}
