# Between-within degrees of freedom, as in SAS PROC MIXED: n - rank X is split into a part between subjects and a part
# within. Schluchter and Elashoff (1990) J. Statist. Comput. Simul. 37, 69-87.

#' @export
set_options.df_between_within <- function(method, options) {
  check_options(options, "subject")
  method$subject <- options$subject
  method
}

#' @export
prepare_method.df_between_within <- function(method, info) {
  fit <- with_cell_rows(info$fit)
  fixed <- fixed_design(fit)
  rows <- fit_rows(fit, "this method for degrees of freedom")
  subject <- codes_of_subjects(fit, rows, method)[used_rows(rows)]
  changes <- varies_within(fixed$columns, subject, rows)
  effect_changes <- as.vector(tapply(changes, factor(fixed$term, seq_along(fixed$variables)), any))
  effect_changes[is.na(effect_changes)] <- FALSE
  between <- length(unique(subject)) - sum(!effect_changes[fixed$term])
  within <- fit_nobs(fit) - ncol(fixed$X) - between
  df <- ifelse(effect_changes, within, between)
  sets <- within_sets(fit, fixed, rows, subject, effect_changes)
  split <- split_within(sets, rows, subject, tabulate(fixed$term, length(sets)))
  df[!is.na(split)] <- split[!is.na(split)]
  method$coefficient_df <- df[fixed$term]
  method
}

#' @export
row_df.df_between_within <- function(method, info, hypothesis) involved_df(method, info, hypothesis)

# The codes of the subjects: of the grouping factor named, else of the one that holds all others, else of those of
# `residual`.
codes_of_subjects <- function(fit, rows, method) {
  codes <- stats::setNames(rows$codes, names(fit_groups(fit)))
  codes <- c(codes, if (is_structured(fit)) residual_subjects(fit, rows))
  if (!length(codes)) {
    lmm_abort("input", paste0("the method \"", method$name, "\" splits the degrees of freedom into parts between ",
                              "and within subjects, but the fit has neither random effects nor subjects of ",
                              "`residual`."),
              what = "ddf", value = method$name,
              fix = "Use ddf = \"Satterthwaite\", \"Kenward-Roger\" or \"residual\".")
  }
  if (!is.null(method$subject)) return(codes[[check_choice(method$subject, unique(names(codes)), "subject")]])
  codes[[if (length(fit_groups(fit))) subject_group(fit) else 1L]]
}

# Does a column change within a group? Rounding in the column is not a change.
changes_within <- function(X, group) {
  first <- match(group, group)
  apply(X, 2L, function(x) any(abs(x - x[first]) > 1e-10 * max(abs(x))))
}

# For each effect that changes within subjects and has no numeric variable that does: the factors that do.
within_sets <- function(fit, fixed, rows, subject, effect_changes) {
  labels <- unique(unlist(fixed$variables))
  used <- used_rows(rows)
  changes <- vapply(labels, function(label) {
    x <- rows$data[[label]][used]
    is.numeric(x) || !is_constant_within(x, subject)
  }, NA)
  numeric <- vapply(labels, function(label) is.null(fit_frame(fit)$xlevels[[label]]), NA)
  Map(function(variables, use) {
    inner <- sort(variables[changes[variables]])
    if (!use || any(numeric[variables])) character() else inner
  }, fixed$variables, effect_changes)
}

# The part of the within degrees of freedom that belongs to each set of factors, NA where it is not split: rank that
# the interaction of subject and set adds to those of smaller sets, less the columns of X that lie in it.
split_within <- function(sets, rows, subject, columns) {
  out <- rep(NA_real_, length(sets))
  keys <- vapply(sets, paste, "", collapse = ":")
  distinct <- unique(sets[nzchar(keys)])
  if (length(distinct) < 2L) return(out)
  distinct <- distinct[order(lengths(distinct))]
  used <- used_rows(rows)
  Z <- lapply(c(list(character()), distinct), function(set) {
    cell <- do.call(paste, c(list(subject), lapply(set, function(label) as.character(rows$data[[label]])[used]),
                    sep = "\r"))
    code <- match(cell, unique(cell))
    sparse_columns(matrix(1, length(code), 1L), code, max(code))
  })
  none <- matrix(0, length(subject), 0L)
  added <- diff(vapply(seq_along(Z), function(k) joint_rank(none, Z[seq_len(k)]), 0))
  for (s in seq_along(distinct)) {
    own <- keys == paste(distinct[[s]], collapse = ":")
    df <- added[s] - sum(columns[own])
    if (df > 0) out[own] <- df
  }
  out
}
