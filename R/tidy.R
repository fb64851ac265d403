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
#' Arguments, columns and labels are those of 'broom.mixed'. Results are tibbles where package 'tibble' is installed.
#'
#' @param x a fit made by [lmm()].
#' @param effects which estimates: `"fixed"`, `"ran_pars"` (standard deviations and correlations), `"ran_vals"`
#'   (conditional modes of the random effects), `"ran_coefs"` (coefficients of each level, see
#'   [coef()][coef.lmm_fit()]).
#' @param scales `"sdcor"` or `"vcov"`: scale of the parameters of the random effects.
#' @param exponentiate apply `exp()` to the fixed effects and their limits? For a response on the log scale.
#' @param conf.int,conf.level add limits of this level? `level` is another name for `conf.level`.
#' @param conf.method how to find the limits of fixed effects and parameters of the random effects. `NULL`: those of
#'   `confint(x, ddf = ddf)`, for fixed effects `estimate +- quantile * std.error` with the t quantile of the degrees of
#'   freedom that belong to `p.value` (normal where there are none), for standard deviations and correlations profile
#'   limits by REML; limits of variances are squares of these, limits of covariances those of [quantity()]. `"Wald"`:
#'   the same for fixed effects, Wald limits for the others. `"profile"`, `"boot"` and `"chisq"`: those of
#'   [confint()][confint.lmm_fit()] for all; `"boot"` takes `nsim`, `seed` and `threads` in `...`. Modes always have
#'   normal limits.
#' @param ddf,ddf.method method for the degrees of freedom, see [ddf_methods()]; `ddf = NULL` for none.
#' @param data,newdata rows to add to; by default those behind the fit.
#' @param ... for `tidy()` options of the method, see [ddf_method()]; otherwise not used.
#' @return `tidy()`: a row per estimate with columns `effect`, `group`, `level` (for modes and coefficients), `term`,
#'   `estimate`, `std.error`, `statistic`, `df`, `p.value` and limits, where they apply to the requested rows.
#'   Standard deviations come before correlations; parameters of a residual structure have their own names as `term`
#'   (`rho`, `range`, `sd(8)`, `cov(10,8)`), and by default the limits of [confint()][confint.lmm_fit()]; for a fit by
#'   the iterative solver, variance parameters have `mc.error`, twice the Monte Carlo error. `glance()`: one row, for
#'   the iterative solver with `mc.error` of `logLik`. `augment()`: the rows with `.fitted`, `.resid`, `.fixed`, and
#'   those of the fit also with `.hat`, `.cooksd`, `.std.resid`, and `.weights` and `.offset` where there are any (the
#'   iterative solver has no leverages: `NA`); row names as `.rownames`. Without `data` these are the rows used;
#'   `data` may also contain the rows that were left out for missing values, whose values are `NA`.
#' @section Conditions:
#' `lmm_error_input`: unknown `effects`, `scales` or method, or `data` with another number of rows than the fit; for
#' `newdata` those of [predict()][predict.lmm_fit()].
#' @seealso [tidy_results] for tests, bootstraps and other results.
#' @concept broom
#' @concept tibble
#' @concept data frame of results
#' @concept Wald interval
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' tidy(fit)
#' tidy(fit, conf.int = TRUE)
#' glance(fit)
#' head(augment(fit))
#' @name tidiers
NULL

#' @rdname tidiers
#' @method tidy lmm_fit
#' @export
tidy.lmm_fit <- function(x, effects = c("ran_pars", "fixed"), scales = c("sdcor", "vcov"), conf.int = FALSE,
                         conf.level = 0.95, ddf = "Satterthwaite", conf.method = NULL, ddf.method = ddf,
                         exponentiate = FALSE, ...) {
  effects <- vapply(effects, match_word, "", c("fixed", "ran_pars", "ran_vals", "ran_coefs"), "effects",
                    USE.NAMES = FALSE)
  scales <- match_word(scales[1L], c("sdcor", "vcov"), "scales")
  check_flag(exponentiate, "exponentiate")
  check_flag(conf.int, "conf.int")
  level <- conf.level
  if (missing(ddf) && "fixed" %in% effects) ddf <- default_ddf(x)
  if (conf.int) report_exact(x)
  given <- without_level(list(...))
  limits <- if (!conf.int) "none"
            else if (is.null(conf.method)) "default" else match_word(conf.method, c("Wald", "profile", "chisq", "boot"),
                                                                     "conf.method")
  drawing <- limits == "boot" & names(given) %in% c("nsim", "seed", "threads", "boot.type")
  attr(limits, "arguments") <- given[drawing]
  given <- given[!drawing]
  if (!"fixed" %in% effects) do.call(check_dots_empty, given)
  fixed <- function(...) tidy_fixed(x, ddf.method, limits, level, exponentiate, ...)
  parts <- list(if ("fixed" %in% effects) do.call(fixed, given),
                if ("ran_pars" %in% effects) tidy_parameters(x, scales, limits, level),
                if ("ran_vals" %in% effects) tidy_modes(x, limits, level),
                if ("ran_coefs" %in% effects) tidy_coefficients(x))
  as_tidy(bind_rows_by_name(parts[!vapply(parts, is.null, NA)]))
}

# A tibble where that package is installed.
as_tidy <- function(out) {
  rownames(out) <- NULL
  if (requireNamespace("tibble", quietly = TRUE)) tibble::as_tibble(out) else out
}

tidy_fixed <- function(fit, ddf, limits, level, exponentiate, ...) {
  table <- coef(summary(fit, ddf, ...))
  out <- data.frame(effect = rep("fixed", nrow(table)), term = as.character(rownames(table)),
                    estimate = table[, "Estimate"],
                    std.error = table[, "Std. Error"], statistic = table[, "t value"],
                    stringsAsFactors = FALSE, row.names = NULL)
  if ("df" %in% colnames(table)) out[c("df", "p.value")] <- list(table[, "df"], table[, "Pr(>|t|)"])
  if (limits %in% c("default", "Wald")) {
    out <- add_limits(out, if (is.null(out$df)) Inf else ifelse(is.na(out$df), Inf, out$df), level)
  } else if (limits != "none" && nrow(out)) {
    found <- do.call(stats::confint, c(list(fit, "beta_", level = level, method = c(limits), quiet = TRUE),
                                       attr(limits, "arguments")))
    out[c("conf.low", "conf.high")] <- list(found[out$term, 1L], found[out$term, 2L])
  }
  if (!exponentiate) return(out)
  shown <- intersect(c("estimate", "conf.low", "conf.high"), names(out))
  out[shown] <- lapply(out[shown], exp)
  out$std.error <- out$std.error * out$estimate
  out
}

# estimate +- quantile * std.error.
add_limits <- function(out, df, level) {
  half <- stats::qt((1 + level) / 2, df) * out$std.error
  out$conf.low <- out$estimate - half
  out$conf.high <- out$estimate + half
  out
}

tidy_parameters <- function(fit, scales, limits, level) {
  if (is_structured(fit)) return(tidy_structured(fit, scales, limits, level))
  varcorr <- VarCorr(fit)
  pars <- as.data.frame(varcorr)
  held <- held_rows(fit)
  estimated <- !paste(pars$grp, pars$var1, pars$var2) %in% paste(held$grp, held$var1, held$var2)
  kinds <- character(nrow(pars))
  kinds[estimated] <- row_kinds(fit)
  kinds[!estimated] <- held$kind
  out <- data.frame(effect = "ran_pars", group = pars$grp, term = tidy_terms(kinds, pars$var1, pars$var2, scales),
                    estimate = pars[[scales]], stringsAsFactors = FALSE)
  if (scales == "sdcor" && any(pars$vcov < 0 & is.na(pars$var2), na.rm = TRUE)) {
    lmm_inform("limits", "a negative variance has no standard deviation: its row is NA.", what = "scales",
               fix = "Use scales = \"vcov\".")
  }
  out$mc.error <- monte_carlo_of_rows(pars, attr(varcorr, "monte_carlo")$table, scales)
  if (limits == "none") return(out)
  found <- if (limits == "default") parameter_row_limits(fit, scales,
                                                         level) else row_limits_by(fit, scales, limits, level)
  out[c("conf.low", "conf.high")] <- NA_real_
  out[estimated, c("conf.low", "conf.high")] <- found
  out
}

# sd__x, cor__x.z, ...: by the kinds of term_kinds(). A correlation that is a parameter by itself is one on both scales.
tidy_terms <- function(kind, var1, var2, scales) {
  sd <- scales == "sdcor"
  word <- c(variance = if (sd) "sd__" else "var__", specific = if (sd) "sd__" else "var__",
            correlation = if (sd) "cor__" else "cov__", rho = "cor__")[kind]
  alone <- is.na(var2) | kind == "rho"
  place <- ifelse(is.na(var1), "Observation", ifelse(alone, var1, paste0(var1, ".", var2)))
  paste0(ifelse(is.na(word), "", word), place)
}

tidy_modes <- function(fit, limits, level) {
  modes <- as.data.frame(ranef(fit))
  out <- data.frame(effect = "ran_vals", group = modes$grpvar, level = as.character(modes$grp),
                    term = as.character(modes$term),
                    estimate = modes$condval, std.error = modes$condsd, stringsAsFactors = FALSE)
  if (limits == "none") out else add_limits(out, Inf, level)
}

tidy_coefficients <- function(fit) {
  parts <- coef(fit)
  do.call(rbind, Map(function(group, table) {
    data.frame(effect = "ran_coefs", group = group, level = rep(rownames(table), ncol(table)),
               term = rep(names(table), each = nrow(table)), estimate = unlist(table, use.names = FALSE),
               stringsAsFactors = FALSE)
  }, names(parts), unclass(parts)))
}

bind_rows_by_name <- function(parts) {
  wanted <- c("effect", "group", "level", "term", "estimate", "std.error", "mc.error", "statistic", "df", "p.value",
              "conf.low",
              "conf.high")
  columns <- intersect(wanted, unlist(lapply(parts, names)))
  do.call(rbind, lapply(unname(parts), function(part) {
    part[setdiff(columns, names(part))] <- rep(NA, nrow(part))
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
  out$mc.error <- attr(logLik(x), "mc.error")
  as_tidy(out)
}

#' @rdname tidiers
#' @method augment lmm_fit
#' @export
augment.lmm_fit <- function(x, data = NULL, newdata = NULL, ...) {
  if (!is.null(newdata)) {
    newdata$.fitted <- unname(predict(x, newdata, allow.new.levels = TRUE))
    # what is to be said has been said
    newdata$.fixed <- withCallingHandlers(unname(predict(x, newdata, re.form = NA)),
                                          lmm_warning_newdata = function(w) tryInvokeRestart("muffleWarning"))
    return(as_augmented(newdata))
  }
  rows <- fit_rows(x, "augment() without `newdata`")
  if (!is.null(data) && !is.data.frame(data)) {
    lmm_abort("input", paste0("`data` must be a data frame, not ", kind_of(data), "."), what = "data", value = data)
  }
  if (is.null(data)) data <- model.frame(x)[!names(model.frame(x)) %in% c("(weights)", "(offset)")]
  as_augmented(cbind(as.data.frame(data), rows_of_data(row_values(x, rows), rows, data)))
}

# Fitted values, residuals and influence of the rows used.
row_values <- function(fit, rows) {
  fitted <- mean_response(fit, rows)
  used <- function(value) {
    left_out <- attr(rows$data, "na.action")
    unname(if (length(value) > rows$n) value[-as.integer(left_out)] else value)
  }
  none <- fit_is_exact(fit) || fit_is_iterative(fit)
  out <- data.frame(.fitted = fitted, .resid = as.vector(rows$y) - fitted,
                    .hat = if (none) NA_real_ else used(stats::hatvalues(fit)),
                    .cooksd = if (none) NA_real_ else used(stats::cooks.distance(fit)),
                    .std.resid = if (none) NA_real_ else used(stats::rstandard(fit)),
                    .fixed = mean_response(fit, rows, all_columns(fit, FALSE)))
  if (!is.null(rows$weights)) out$.weights <- row_weights(rows)
  if (!is.null(rows$offset)) out$.offset <- as.vector(rows$offset)
  out
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

# Names of rows that say more than their number become a column.
as_augmented <- function(data) {
  if (!identical(rownames(data),
                 as.character(seq_len(nrow(data)))) && !".rownames" %in%
                 names(data)) data <- cbind(.rownames = rownames(data), data)
  as_tidy(data)
}
