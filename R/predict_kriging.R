# Residuals of new rows, predicted from those of their subject: R_new,old R_old^-1 (y - X beta - Z b).

# list(new, wanted): the rows beside those of the fit, and which residuals are predicted. NULL where the fit has no
# residual structure, or nothing is asked of it.
kriging_plan <- function(fit, rows, kriging, re.form, newdata, interval = "none") {
  asked <- isTRUE(check_flag_or_null(kriging, "kriging"))
  if (!is_structured(fit) || is.null(newdata) && interval != "prediction") return(NULL)
  if (!asked && interval != "prediction" && (isFALSE(kriging) || !is.null(re.form))) return(NULL)
  if (!asked && interval != "prediction" && (has_known_residual(fit) || is.null(fit_stored_rows(fit)))) return(NULL)
  new <- new_residual_rows(fit, rows)
  if (asked) check_has_residual(fit, rows, new_residual_calls(fit_frame(fit)$residual))
  if (interval == "prediction") check_has_residual(fit, rows, variance_calls(fit))
  beside <- !is.null(newdata) & !new$same                # the rows of the fit have their fitted values
  wanted <- new$known & (asked | is.null(kriging) & is.null(re.form) & beside)
  list(new = new, wanted = wanted)
}

has_known_residual <- function(fit) any(vapply(fit_frame(fit)$residual$parts, function(part) part$word == "known", NA))

# What the variance of a residual depends on.
variance_calls <- function(fit) {
  plan <- fit_frame(fit)$residual
  positions <- if (several_visit_variances(fit)) unlist(lapply(plan$parts, `[[`, "positions"), recursive = FALSE)
  c(positions, group_parts_of(plan$by), Filter(Negate(uses_fitted), variance_variables(plan)))
}

# Where the residuals are asked for, their variables must be there.
check_has_residual <- function(fit, rows, calls) {
  labels <- vapply(calls, variable_label, "")
  absent <- setdiff(labels, names(rows$data))
  if (!length(absent)) return(invisible())
  lmm_abort("newdata", paste0("`newdata` lacks variable ", enumerate(quote_name(absent)),
                              " of the residual structure."), what = absent)
}

# Predicted residuals of all rows, 0 where none is wanted. `share`: variance of each residual beside weight 1.
kriged_residuals <- function(fit, plan, share = 1) {
  new <- plan$new
  out <- numeric(length(new$subject))
  rows <- fit_rows(fit, "predict()")
  e <- rows$y - mean_response(fit, rows)
  root <- 1 / sqrt(row_weights(rows))
  e[!used_rows(rows)] <- NA_real_
  share <- rep_len(sqrt(share), length(out))
  members <- split(which(!is.na(e)), new$old$subject[!is.na(e)])
  for (own in split(which(plan$wanted), new$subject[plan$wanted])) {
    old <- members[[as.character(new$subject[own[1L]])]]
    check_dense_size(length(old), 2L)
    weight <- NULL
    for (at in split(own, (seq_along(own) - 1L) %/% 500L)) {
      R <- joint_structure(fit, new, old, at)
      before <- seq_along(old)
      if (is.null(weight)) weight <- solve(R[before, before] * outer(root[old], root[old]), e[old])
      out[at] <- share[at] * as.vector(crossprod(R[before, -before, drop = FALSE] * root[old], weight))
    }
  }
  out
}

# R(psi) of rows of the fit followed by new ones of the same subject.
joint_structure <- function(fit, new, old, at, psi = fit_psi(fit)) {
  join <- function(x, y) rbind(x[old, , drop = FALSE], y[at, , drop = FALSE])
  structure_at(new$model, psi, join(new$old$positions, new$positions), join(new$old$w, new$w),
               c(new$old$subject_group[new$old$subject[old]], new$group[at]))
}

# Rows that V connects are worked with as dense matrices.
check_dense_size <- function(n, matrices) {
  bytes <- 8 * as.numeric(n)^2 * matrices
  if (bytes <= available_memory()) return(invisible())
  lmm_abort("numeric", paste0(count_of(n, "row"), " that the model connects stand in dense matrices here, which need ",
                              gigabytes(bytes), " of memory."), value = n,
            fix = "Standard errors without kriging, and intervals with ddf = \"asymptotic\", need no such matrix.")
}
