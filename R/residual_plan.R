# The plan of the residual structure of a model frame: positions, subjects, variance, what is held.

# What does not depend on the rows at hand: levels of visits, groups and covariates. Part of the frame.
plan_residual <- function(spec, data, all, held = NULL, known_scale = FALSE) {
  if (is.null(spec)) return(NULL)
  for (part in residual_groups(spec)) check_group_column(data[[variable_label(part)]], variable_label(part))
  if (!is.null(spec$subject)) spec$all_subjects <- count_subjects(spec$subject, all)
  spec$parts <- lapply(spec$parts, plan_positions, data, spec)
  spec$parts <- lapply(spec$parts, plan_known, spec$subject, data, all)
  if (!is.null(spec$by)) spec$by_levels <- group_of(spec$by, data)$levels
  plan <- plan_variance(spec, data)
  plan_held(with_variance_origin(plan, data, known_scale), held)
}

# Subjects of all rows, those without a response included: what SAS counts.
count_subjects <- function(expr, all) {
  parts <- lapply(group_parts(expr), function(part) {
    x <- all[[variable_label(part)]]
    if (is.factor(x)) as.integer(x) else as.vector(x)
  })
  if (length(parts) == 1L) return(sum(!is.na(unique(parts[[1L]]))))
  nrow(unique(stats::na.omit(as.data.frame(parts, fix.empty.names = FALSE))))
}
