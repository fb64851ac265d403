# Levels of new rows for terms that are correlated across levels.

# list(values, new): the factors of these terms with the levels of the fit and, for each term, which rows have none of
# them (NULL for none). Those have a level of their own, unrelated to the others, where new levels are allowed or
# nothing is asked of the term; in the factor the first level stands in their place.
read_across <- function(frame, values, asked, allow.new.levels, source) {
  new <- vector("list", length(frame$random))
  for (k in which(vapply(frame$random, is_across, NA))) {
    term <- frame$random[[k]]
    calls <- plan_calls(term)
    label <- names(calls)
    used <- asked[term$group]
    levels <- term$xlevels[[label]]
    absent <- length(lacking(calls, frame, source)) > 0L
    if (used) check_present(calls, frame, source, term$across)
    x <- if (absent) rep(NA_character_, source$n) else evaluate_variable(calls[[1L]], source, label)
    code <- match_level(x, levels)
    if (used && !allow.new.levels) check_levels_across(x, code, term)
    else new[k] <- list(if (anyNA(code) || any(code == 0L)) is.na(code) | code == 0L)
    code[new[[k]]] <- 1L
    values[[label]] <- factor(levels[code], levels)
    own <- variable_label(frame$groups[[term$group]]$expr)
    if (used && !is.null(new[[k]])) values[[own]] <- ifelse(new[[k]], level_text(x), values[[own]])
  }
  list(values = values, new = new)
}

check_levels_across <- function(x, code, term) {
  unknown <- unique(level_text(x[which(code == 0L)]))
  if (length(unknown)) abort_new_levels(unknown, term$across)
}
