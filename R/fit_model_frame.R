# From a model frame to a fit: cross-products, the search, and what they report.

# The fit of a model frame; again and again where the variance depends on the fitted values.
fit_model_frame <- function(frame, rows, REML, start, control, call) {
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
  read <- function(name) {
    written <- resolve_dots(call[[name]], caller)
    if (is.null(written$expr)) return(NULL)
    if (!is_bare_residual(written$expr)) return(list(value = eval(written$expr, written$caller), env = caller))
    list(value = written$expr, env = written$caller)
  }
  residual <- read("residual")
  variance <- read("variance")
  residual_spec(residual$value, variance$value, residual$env, variance$env)
}

# Is it the structure itself, and not an expression that has one as its value?
is_bare_residual <- function(e) is.call(e) && call_head(e) %in% c("~", "|", ":", names(residual_words))

refuse_with_residual <- function(spec, bounded, control) {
  if (is.null(spec$residual)) return(invisible())
  refuse_direct_only(for_residual_structure, control)
  if (bounded) return(invisible())
  lmm_abort("input", "`bounded = FALSE` is not available together with a residual structure.", what = "bounded",
            fix = "A negative covariance within subjects is residual = ~ cs(visit | subject).")
}

# Fits until the fitted values that the variance depends on are those of the fit, as nlme does; `fit_with(rows, start)`
# fits with the columns of these rows.
iterate_fitted <- function(frame, rows, fit_with, tolerance = 1e-8) {
  fitted <- least_squares_fitted(frame, rows)
  before <- NULL
  for (iteration in seq_len(60L)) {
    rows$data <- with_fitted_columns(frame$residual, rows$data, fitted)
    fit <- without_outcomes(fit_with(rows, before))
    now <- c(fit$optimum$theta, fit$optimum$psi)
    change <- if (is.null(before)) Inf else max(abs(as.vector(before) - now) / pmax(abs(now), 1e-3))
    if (change < tolerance) break
    before <- structure(now, engine = TRUE, more = change > 0.01)      # far away there may be a better optimum
    fitted <- mean_response(fit, rows, all_columns(fit, TRUE))
  }
  signal_conditions(Filter(function(own) inherits(own, search_outcomes), fit$conditions))
  if (!(change < tolerance)) {
    lmm_warn("convergence", "the fitted values in the variance function did not converge in 60 iterations.",
             what = "variance",
             fix = "Use a covariate of the data, or variance = ~ constpower(fitted).")
  }
  fit
}

# How a search ended is told of the last one only.
search_outcomes <- c("lmm_message_boundary", "lmm_message_optima", "lmm_warning_convergence", "lmm_warning_precision")

without_outcomes <- function(expr) {
  withCallingHandlers(expr, lmm_condition = function(own) {
    if (!inherits(own, search_outcomes)) return()
    tryInvokeRestart(if (inherits(own, "warning")) "muffleWarning" else "muffleMessage")
  })
}

least_squares_fitted <- function(frame, rows) {
  d <- design(frame, rows)
  offset <- if (is.null(rows$offset)) 0 else rows$offset
  as.vector(stats::lm.fit(as.matrix(d$X), as.vector(rows$y) - offset)$fitted.values + offset)
}
