# From a model frame to a fit: cross-products, the search, and what they report.

# The fit of a model frame; again and again where the variance depends on the fitted values.
fit_frame <- function(frame, rows, REML, start, control, call) {
  if (has_fitted_variance(frame$residual)) {
    return(iterate_fitted(frame, rows, function(rows, before) {
      once_fitted(frame, rows, REML, if (is.null(before)) start else before, control, call, is.null(before))
    }))
  }
  once_fitted(frame, rows, REML, start, control, call)
}

once_fitted <- function(frame, rows, REML, start, control, call, first = TRUE) {
  read <- frame_blocks(frame, rows, control, first)
  found <- find_optimum(frame, read$blocks, REML, start, control)
  new_lmm_fit(call, frame, rows, read$blocks, found, control, read$conditions)
}

# Cross-products of the rows, and what they say about the design.
frame_blocks <- function(frame, rows, control, signal = TRUE) {
  blocks <- summed_blocks(frame, rows, control)
  conditions <- c(frame$conditions, rank_conditions(frame, blocks))
  if (signal) signal_conditions(conditions)
  list(blocks = blocks, conditions = conditions)
}

# `residual` and `variance` may be formulas, variables that hold one, or bare calls such as us(visit | subject).
residual_argument <- function(call, caller) {
  read <- function(e) {
    bare <- is.call(e) && (call_head(e) %in% c("~", "|", ":", names(residual_words)))
    if (is.null(e) || bare) e else eval(e, caller)
  }
  residual_spec(read(call$residual), read(call$variance), caller)
}

refuse_with_residual <- function(spec, bounded) {
  if (!is.null(spec$residual)) for (term in spec$random) check_related_size(term)
  if (is.null(spec$residual) || bounded) return(invisible())
  lmm_abort("input", "`bounded = FALSE` is not available together with a residual structure.", what = "bounded",
            fix = "A negative covariance within subjects is residual = ~ cs(visit | subject).")
}
