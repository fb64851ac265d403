# The residual structure on new rows: whose subject each row is of, and where it stands among its rows.

# Values of the variables of the residual structure among `values`, as far as the new data have them.
read_residual <- function(frame, values, source) {
  plan <- frame$residual
  for (call in new_residual_calls(plan)) {
    label <- variable_label(call)
    if (!is.null(values[[label]]) || length(lacking(list(call), frame, source))) next
    if (!is.null(frame$readers[[label]])) call <- frame$readers[[label]]
    values[[label]] <- evaluate_variable(call, source, label)
    check_length(values[[label]], label, source$n)
    note_row_dependence(call, label, values[[label]], frame, source)
  }
  values
}

new_residual_calls <- function(plan) {
  if (is.null(plan)) return(list())
  plan$parts <- Filter(function(part) part$word != "known", plan$parts)
  residual_calls(plan)
}

# Rows beside those of the fit: list(subject, positions, w, group, known, same, old, model). Subjects that are not in
# the fit are numbered after those that are (`known`); `same`: has the subject an observation at this position? `old`
# are the rows of the fit, `model` the structure.
new_residual_rows <- function(fit, rows) {
  plan <- fit_frame(fit)$residual
  refuse_known_residual(plan)
  of_fit <- fit_rows(fit, "prediction of residuals")
  old <- residual_rows(plan, of_fit$data, of_fit$n)
  subject <- new_subjects(plan, fit, rows, max(old$subject))
  positions <- do.call(cbind, lapply(plan$parts, new_positions, rows, subject, old))
  missing <- !is.finite(rowSums(positions))
  lost <- missing & subject <= max(old$subject)
  subject[lost] <- max(old$subject, subject) + seq_len(sum(lost))
  group <- new_residual_groups(plan, fit, rows, subject, old)
  old_model <- old[setdiff(names(old), c("subject", "subject_group", "positions", "w"))]
  used <- used_rows(of_fit)
  list(subject = subject, positions = positions, w = new_variance_columns(plan, fit, rows), group = group,
       known = subject %in% old$subject[used], same = same_place(subject, positions, old, used), old = old,
       model = with_more_visits(old_model, plan, positions))
}

# The structure over the visits of the fit and further ones.
with_more_visits <- function(model, plan, positions) {
  if (isTRUE(residual_words[[plan$parts[[1L]]$word]]$exchangeable)) {
    model$parts[[1L]]$visits <- max(visit_count(plan), positions[, 1L] + 1, na.rm = TRUE)
  }
  model
}

refuse_known_residual <- function(plan) {
  if (!any(vapply(plan$parts, function(part) part$word == "known", NA))) return(invisible())
  lmm_abort("input", "a known residual covariance matrix says nothing about other rows than those of the fit.",
            what = "residual", fix = "Use kriging = FALSE and interval = \"confidence\".")
}

# Subjects of new rows by the numbers of the fit; others get numbers of their own, one for each new subject.
new_subjects <- function(plan, fit, rows, known) {
  if (is.null(plan$subject)) {
    return(if (is_independent(plan)) known + seq_len(rows$n) else rep(1L, rows$n))
  }
  labels <- vapply(group_parts(plan$subject), variable_label, "")
  if (!all(labels %in% names(rows$data))) return(known + seq_len(rows$n))
  code <- match_group(group_of(plan$subject, fit_stored_rows(fit)$data), unclass(rows$data)[labels])
  new <- which(code == 0L)
  names <- do.call(paste, c(lapply(unclass(rows$data)[labels], function(x) level_text(x)[new]), sep = "\r"))
  code[new] <- known + match(names, unique(names))
  alone <- which(is.na(code))
  code[alone] <- max(known, code, na.rm = TRUE) + seq_along(alone)
  as.integer(code)
}

# Positions of new rows as columns, NA where they are not known; without a variable the rows follow those of the
# subject.
new_positions <- function(part, rows, subject, old) {
  labels <- vapply(part$positions, variable_label, "")
  if (!length(labels)) return(matrix(tabulate(old$subject, max(subject))[subject] + order_within(subject), ncol = 1L))
  columns <- lapply(labels, function(label) {
    x <- rows$data[[label]]
    width <- if (is.null(part$widths)) 1L else part$widths[[label]]
    if (is.null(x)) return(matrix(NA_real_, rows$n, width))
    check_columns_as_in_fit(x, label, width)
    if (is.null(part$levels) && !is_position(x)) {
      lmm_abort("newdata", paste0("the position ", quote_name(label), " was a number in the fit, but is ", kind_of(x),
                                  " in `newdata`."), what = label)
    }
    place <- position_values(part, rows$data, label)
    unknown <- unique(level_text(x[is.na(place) & !is.na(x)]))
    if (length(unknown) && isTRUE(residual_words[[part$word]]$exchangeable)) {
      place[is.na(place)] <- part_visits(part) - 1 + match(level_text(x), unknown)[is.na(place)]
    } else if (length(unknown)) {
      lmm_abort("newdata", paste0(enumerate(quote_level(unknown)), " of ", quote_name(label),
                                  " was not a visit of the fit: its residual covariance is unknown."), what = label,
                where = unknown, fix = "Use kriging = FALSE, without a prediction interval.")
    }
    place
  })
  do.call(cbind, columns)
}

# Whose parameters: those of the known subject, else of the level of `by`.
new_residual_groups <- function(plan, fit, rows, subject, old) {
  group <- old$subject_group[subject]
  open <- is.na(group)
  if (!any(open)) return(group)
  if (is.null(plan$by)) return(replace(group, open, 1L))
  labels <- vapply(group_parts(plan$by), variable_label, "")
  if (!all(labels %in% names(rows$data))) return(group)
  by <- match_group(group_of(plan$by, fit_stored_rows(fit)$data), unclass(rows$data)[labels])
  replace(group, open, ifelse(by > 0L, by, NA_integer_)[open])
}

new_variance_columns <- function(plan, fit, rows) {
  linear <- max(0L, length(plan$variance_plan$columns) - 1L)
  size <- linear + NROW(nonlinear_labels(plan))
  if (!size) return(matrix(0, rows$n, 0L))
  data <- rows$data
  if (has_fitted_variance(plan)) {
    data <- with_fitted_columns(plan, data, mean_response(fit, rows, all_columns(fit, TRUE)))
  }
  labels <- vapply(variance_variables(plan), variable_label, "")
  if (!all(labels %in% names(data))) return(matrix(NA_real_, rows$n, size))
  do.call(cbind, c(list(linear_variance_columns(plan, data, rows$n)),
                   lapply(plan$variance_nonlinear, nonlinear_columns, data)))
}

# Has the subject an observation at this position in the fit, among the rows used?
same_place <- function(subject, positions, old, used) {
  key <- function(subject, positions) do.call(paste, c(list(subject), lapply(seq_len(ncol(positions)),
                                                                             function(j) positions[, j])))
  key(subject, positions) %in% key(old$subject[used], old$positions[used, , drop = FALSE])
}

# New rows as rows of their own, for residuals that are drawn: the structure without the rows of the fit.
drawn_residual_rows <- function(fit, rows) {
  plan <- fit_frame(fit)$residual
  positions <- unlist(lapply(plan$parts, `[[`, "positions"), recursive = FALSE)
  subject <- if (!is.null(plan$subject)) group_parts(plan$subject)
  check_has_residual(fit, rows, c(variance_calls(fit), if (!is_independent(plan)) c(positions, subject)))
  new <- new_residual_rows(fit, rows)
  bad <- which(!is.finite(rowSums(new$positions)) | !is.finite(rowSums(new$w)) | is.na(new$group))
  if (length(bad)) {
    lmm_abort("newdata", paste0("a variable of the residual structure is missing in ", row_text(bad),
                                " of `newdata`."), what = "newdata", where = bad)
  }
  if (all(vapply(plan$parts, function(part) !length(part$positions), NA))) {
    new$positions[] <- order_within(new$subject)
  }
  subject <- match(new$subject, unique(new$subject))
  out <- c(new$model, list(subject = subject, subject_group = new$group[match(seq_len(max(subject)), subject)],
                           positions = new$positions, w = new$w))
  check_positions_once(out, plan, row_labels(rows))
  out
}
