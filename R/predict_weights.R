# Prior weights of predicted rows: those given, those of the fit, or 1 with a message

# Residual variances of new observations, divided by sigma^2; that of an observation of weight 0 is infinite.
residual_shares <- function(fit, rows, weights, newdata) {
  weights <- asked_weights(fit, rows, weights, newdata)
  if (is.null(weights)) 1 else 1 / weights
}

# Prior weights of the rows: those given, else those of the fit.
asked_weights <- function(fit, rows, weights, newdata) {
  if (is.null(weights)) return(if (is.null(newdata)) rows$weights else new_weights(fit, rows, newdata))
  if (!is.numeric(weights) || !length(weights) %in% c(1L, rows$n) || anyNA(weights) || any(weights < 0)) {
    lmm_abort("input", paste0("`weights` must be a number or ", rows$n, " numbers, none of them negative or missing."),
              what = "weights")
  }
  weights
}

# What the fit says about the weights of new rows: the value of its expression for weights, where `newdata` has the
# variables. Otherwise they are 1, which a message tells. NULL for a fit without weights.
new_weights <- function(fit, rows, newdata) {
  if (!has_weights(fit)) return(NULL)
  given <- fit_frame(fit)$weights
  source <- newdata_source(fit_frame(fit), newdata, if (is.language(given)) variables_of(given))
  if (is.language(given) && length(variables_of(given)) && !length(lacking(list(given), fit_frame(fit), source))) {
    value <- as_newdata(evaluate_variable(given, source, "weights"))
    as_newdata(check_numeric_column(value, "(weights)"))
    as_newdata(check_length(value, "(weights)", source$n))
    note_row_dependence(given, "(weights)", value, fit_frame(fit), source)
    signal_conditions(lapply(source$notes$conditions, reclass, "lmm_warning_newdata"))
    left_out <- attr(rows$data, "na.action")
    return(plain_numeric(if (rows$n < source$n) value[-as.integer(left_out)] else value))
  }
  lmm_inform("weights", "the fit has prior weights: those of the rows of `newdata` are taken as 1.", what = "weights",
             fix = "Give them as `weights`, a number or one for each row.")
  1
}

has_weights <- function(fit) {
  !is.null(fit_frame(fit)$weights) || !is.null(fit_stored_rows(fit)$weights) || !is.null(fit_call(fit)$weights)
}
