# The plan of the residual structure of a model frame: positions, subjects, variance, what is held.

# What does not depend on the rows at hand: levels of visits, groups and covariates. Part of the frame.
plan_residual <- function(spec, data, all, held = NULL, known_scale = FALSE, counted = TRUE) {
  if (is.null(spec)) return(NULL)
  for (part in residual_groups(spec)) check_group_column(data[[variable_label(part)]], variable_label(part))
  if (!is.null(spec$subject)) spec$all_subjects <- count_subjects(spec$subject, all, counted)
  spec$parts <- lapply(spec$parts, plan_positions, data, spec)
  spec$parts <- lapply(spec$parts, plan_known, spec$subject, data, all)
  if (!is.null(spec$by)) spec$by_levels <- group_of(spec$by, data)$levels
  plan <- plan_variance(spec, data)
  plan_held(with_variance_origin(plan, data, known_scale), held)
}

# Rows of the model, those without a response included: SAS counts their subjects. Rows that `subset` leaves out, rows
# without weight or with another missing value are none.
counted_rows <- function(columns, chosen) {
  rows <- if (is.null(chosen$keep)) seq_len(columns$n) else chosen$keep
  known <- chosen$missing$rows
  for (label in setdiff(names(columns$values), columns$response)) {
    if (length(known)) known <- known[!is_missing_row(columns$values[[label]])[known]]
  }
  rows <- c(rows, known)
  weights <- columns$values[["(weights)"]]
  if (is.null(weights)) rows else rows[plain_numeric(weights)[rows] > 0]
}

count_subjects <- function(expr, all, counted) {
  parts <- lapply(group_parts(expr), function(part) {
    x <- all[[variable_label(part)]][counted]
    if (is.factor(x)) as.integer(x) else as.vector(x)
  })
  if (length(parts) == 1L) return(sum(!is.na(unique(parts[[1L]]))))
  nrow(unique(stats::na.omit(as.data.frame(parts, fix.empty.names = FALSE))))
}
