# Methods for the generics of package 'generics', with the columns that users of 'broom.mixed' know.

#' @importFrom generics tidy
#' @export
generics::tidy

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics augment
#' @export
generics::augment

#' A fit as data frames
#'
#' @param x a fit made by [lmm()].
#' @param effects which estimates: `"fixed"`, `"ran_pars"` (standard deviations and correlations), `"ran_vals"`
#'   (conditional modes of the random effects).
#' @param scales `"sdcor"` or `"vcov"`: scale of the parameters of the random effects.
#' @param conf.int,conf.level add limits of this level? They are those of `confint(x, ddf = ddf)`: for fixed effects
#'   `estimate +- quantile * std.error` with the t quantile of the degrees of freedom that belong to `p.value` (normal where there
#'   are none), for standard deviations and correlations profile limits by REML. Limits of variances are squares of these, limits
#'   of covariances those of [quantity()]. Modes have normal limits. `level` is another name for `conf.level`.
#' @param ddf method for the degrees of freedom, see [ddf_methods()]; `NULL` for none.
#' @param data,newdata rows to add to; by default those behind the fit.
#' @param ... for `tidy()` options of the method, see [ddf_method()]; otherwise not used.
#' @return `tidy()`: a row per estimate with columns `effect`, `group`, `level` (for modes), `term`, `estimate`,
#'   `std.error`, `statistic` and limits. `glance()`: one row. `augment()`: the rows with `.fitted`, `.resid`,
#'   `.fixed`. Without `data` these are the rows used; `data` may also hold the rows that were left out for missing values, whose
#'   values are `NA`.
#' @section Conditions:
#' `lmm_error_input`: unknown `effects`, `scales` or method, or `data` with another number of rows than the fit; for `newdata` those of
#' [predict()][predict.lmm_fit()].
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' tidy(fit)
#' glance(fit)
#' head(augment(fit))
#' @name tidiers
NULL

#' @rdname tidiers
#' @method tidy lmm_fit
#' @export
tidy.lmm_fit <- function(x, effects = c("ran_pars", "fixed"), scales = c("sdcor", "vcov"), conf.int = FALSE,
                         conf.level = 0.95, ddf = "Satterthwaite", ...) {
  effects <- vapply(effects, match_word, "", c("fixed", "ran_pars", "ran_vals"), "effects", USE.NAMES = FALSE)
  scales <- match_word(scales[1L], c("sdcor", "vcov"), "scales")
  level <- level_argument(conf.level, "conf.level", !missing(conf.level), list(...))
  if (missing(ddf) && "fixed" %in% effects) ddf <- default_ddf(x)
  fixed <- function(...) tidy_fixed(x, ddf, ...)
  parts <- list(if ("fixed" %in% effects) do.call(fixed, without_level(list(...))), if ("ran_pars" %in% effects) tidy_parameters(x, scales),
                if ("ran_vals" %in% effects) tidy_modes(x))
  out <- bind_rows_by_name(parts[!vapply(parts, is.null, NA)])
  if (!check_flag(conf.int, "conf.int")) return(out)
  df <- if (is.null(out$df)) Inf else ifelse(is.na(out$df), Inf, out$df)
  half <- stats::qt((1 + level) / 2, df) * out$std.error
  limits <- out$estimate + cbind(-half, half)
  if ("ran_pars" %in% effects) limits[out$effect == "ran_pars", ] <- parameter_row_limits(x, scales, level)
  out$conf.low <- limits[, 1L]
  out$conf.high <- limits[, 2L]
  out
}

# Limits of the rows of tidy_parameters(); a component that may be negative has none by the profile.
parameter_row_limits <- function(fit, scales, level) {
  parameters <- variance_parameters(fit)
  if (!fit_is_bounded(fit)) {
    limits <- stats::confint(fit, "theta_", level, "Wald", scale = if (scales == "sdcor") "sd" else "variance", quiet = TRUE)
    return(unname(limits))
  }
  limits <- unname(stats::confint(fit, "theta_", level, criterion = "REML", quiet = TRUE))
  if (scales == "sdcor") return(limits)
  limits <- limits^2
  limits[parameters$correlation, ] <- covariance_limits(fit, parameters[parameters$correlation, ], level)
  limits
}

# Limits of covariances, as quantity() finds them.
covariance_limits <- function(fit, parameters, level) {
  if (!nrow(parameters)) return(matrix(NA_real_, 0L, 2L))
  entries <- lapply(seq_len(nrow(parameters)), function(k) {
    force(k)
    function(state) state$covariance[[parameters$term[k]]][parameters$row[k], parameters$col[k]]
  })
  as.matrix(do.call(quantity, c(list(fit), entries, list(level = level)))[c("lower", "upper")])
}

tidy_fixed <- function(fit, ddf, ...) {
  table <- coef(summary(fit, ddf, ...))
  out <- data.frame(effect = rep("fixed", nrow(table)), group = rep(NA_character_, nrow(table)),
                    term = as.character(rownames(table)), estimate = table[, "Estimate"],
                    std.error = table[, "Std. Error"], statistic = table[, "t value"],
                    stringsAsFactors = FALSE, row.names = NULL)
  if ("df" %in% colnames(table)) out[c("df", "p.value")] <- list(table[, "df"], table[, "Pr(>|t|)"])
  out
}

tidy_parameters <- function(fit, scales) {
  pars <- as.data.frame(VarCorr(fit))
  name <- if (scales == "sdcor") c("sd__", "cor__") else c("var__", "cov__")
  term <- ifelse(is.na(pars$var1), "Observation", ifelse(is.na(pars$var2), pars$var1, paste0(pars$var1, ".", pars$var2)))
  data.frame(effect = "ran_pars", group = pars$grp, term = paste0(name[1L + !is.na(pars$var2)], term),
             estimate = pars[[scales]], std.error = NA_real_, statistic = NA_real_, stringsAsFactors = FALSE)
}

tidy_modes <- function(fit) {
  modes <- as.data.frame(ranef(fit))
  data.frame(effect = "ran_vals", group = modes$grpvar, level = as.character(modes$grp), term = as.character(modes$term),
             estimate = modes$condval, std.error = modes$condsd, statistic = NA_real_, stringsAsFactors = FALSE)
}

bind_rows_by_name <- function(parts) {
  wanted <- c("effect", "group", "level", "term", "estimate", "std.error", "statistic", "df", "p.value")
  columns <- intersect(wanted, unlist(lapply(parts, names)))
  do.call(rbind, lapply(parts, function(part) {
    part[setdiff(columns, names(part))] <- NA
    part[columns]
  }))
}

#' @rdname tidiers
#' @method glance lmm_fit
#' @export
glance.lmm_fit <- function(x, ...) {
  out <- data.frame(nobs = nobs(x), sigma = sigma(x), logLik = as.numeric(logLik(x)), AIC = AIC(x), BIC = BIC(x),
                    REMLcrit = NA_real_, deviance = deviance(x, REML = FALSE), df.residual = df.residual(x))
  if (fit_is_reml(x)) out$REMLcrit <- deviance(x)
  out
}

#' @rdname tidiers
#' @method augment lmm_fit
#' @export
augment.lmm_fit <- function(x, data = NULL, newdata = NULL, ...) {
  if (!is.null(newdata)) {
    newdata$.fitted <- unname(predict(x, newdata, allow.new.levels = TRUE))
    newdata$.fixed <- withCallingHandlers(unname(predict(x, newdata, re.form = NA)),      # what is to be said has been said
                                          lmm_warning_newdata = function(w) tryInvokeRestart("muffleWarning"))
    return(newdata)
  }
  if (is.null(data)) data <- model.frame(x)
  rows <- fit_rows(x, "augment() without `newdata`")
  fitted <- mean_response(x, rows)
  values <- data.frame(.fitted = fitted, .resid = as.vector(rows$y) - fitted, .fixed = mean_response(x, rows, all_columns(x, FALSE)))
  cbind(as.data.frame(data), rows_of_data(values, rows, data))
}

# Values of the rows used, for data that hold these rows, or also those that were left out for missing values (NA).
rows_of_data <- function(values, rows, data) {
  left_out <- attr(rows$data, "na.action")
  if (nrow(data) == rows$n) return(values)
  if (nrow(data) == rows$n + length(left_out)) {
    at <- rep(NA_integer_, nrow(data))
    at[-as.integer(left_out)] <- seq_len(rows$n)
    return(as.data.frame(lapply(values, `[`, at)))
  }
  lmm_abort("input", paste0("`data` has ", count_of(nrow(data), "row"), ", the fit has ", rows$n, "."), what = "data",
            fix = "Give the rows as `newdata`.")
}
