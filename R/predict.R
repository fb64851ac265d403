# Linear predictors: of the rows behind the fit and of new ones, by the same functions.

# ---- re.form ----
#
# Which columns of which random terms to use: a list of logical vectors, one per term.

wanted_columns <- function(fit, re.form) {
  asked <- asked_terms(re.form)
  use <- all_columns(fit, is.null(asked))
  for (term in asked) {
    found <- term_columns(fit_random(fit), fit_groups(fit), term)
    if (!any(unlist(found))) abort_unknown_term(fit_frame(fit), term)
    use <- Map(`|`, use, found)
  }
  use
}

# The model's columns that the random term `asked` names: by group and by the labels left of the bar.
term_columns <- function(terms, groups, asked) {
  labels <- column_labels(asked$lhs)
  found <- lapply(terms, function(term) {
    if (!identical(group_key(groups[[term$group]]$expr), group_key(asked$group))) return(character(0L))
    intersect(labels, terms_labels(term$terms))
  })
  if (!setequal(labels, unlist(found))) found <- lapply(found, function(x) character(0L))
  Map(function(term, hit) {
    own <- terms_labels(term$terms)
    if (length(own) == term$q) own %in% hit else if (setequal(own, hit)) rep(TRUE, term$q)
    else if (identical(hit, "1")) term$columns == "(Intercept)" else rep(FALSE, term$q)
  }, terms, found)
}

#' Predictions
#'
#' @param object a fit made by [lmm()].
#' @param newdata a data frame, [chunks()] or a table of a database ([sql_rows()]); the default are the rows of the fit.
#' @param re.form which random effects to condition on: `NULL` all, `NA` or `~0` none, or a formula with some of the
#'   model's random terms such as `~ (1 | g)`.
#' @param allow.new.levels accept levels of grouping factors that are not in the fit, or missing? Their random effects
#'   are predicted as 0, with the full variance of the random effects as uncertainty.
#' @param se.fit return standard errors too? They count the uncertainty of fixed and random effects, jointly, at the
#'   estimated variance parameters.
#' @param interval `"confidence"`: for the mean given the random effects asked for; `"prediction"`: for a new
#'   observation, adding the residual variance and the variance of the random effects not conditioned on.
#' @param level confidence level; `conf.level` is another name for it.
#' @param weights prior weights of the new observations of a prediction interval, and of the residuals that `kriging`
#'   adds: a number, or one per row. Those of the rows of the fit are known, those of other rows where `newdata` has the
#'   variables of the fit's `weights`; otherwise a message says that 1 is taken. For weight 0 the variance is
#'   infinite and the prediction interval is `NA`; the residual that `kriging` adds is then computed with weight 1.
#' @param ddf method for the degrees of freedom of intervals: `"Satterthwaite"`, `"Kenward-Roger"`, `"residual"` or
#'   `"asymptotic"`, see [ddf_methods()]; for confidence intervals of the mean (`re.form = NA`) any method.
#' @param random.only return only the contribution of the random effects, `z' b`, without fixed effects and offset? For
#'   the terms in `re.form`; with `se.fit` its standard error, but without intervals.
#' @param na.action what to do about missing values in `newdata`; by default their prediction is `NA`. Without
#'   `newdata`, `na.exclude` gives `NA` for the rows that the fit left out.
#' @param type for functions that work with any model; the scale of the response and that of the linear predictor are
#'   the same here.
#' @param write a function of a chunk of `newdata` and its predictions, called for each chunk in place of returning
#'   them: for data larger than memory.
#' @param kriging with a residual structure: whether to add the prediction of a new row's residual from the residuals
#'   of its subject. `NULL`, the default: with `re.form = NULL`, for rows of `newdata` at positions where their subject
#'   has no observation. `TRUE`: for all rows of known subjects, also at observed positions. `FALSE`: not at all;
#'   predictions are then those of package 'nlme'. See section "Residual structures".
#' @param ... `conf.level`; otherwise not used.
#' @return A vector; with `interval` a matrix with columns `fit`, `lwr`, `upr`; with `se.fit` a list of `fit` and
#'   `se.fit`.
#' @details For a row with fixed part `x` and random part `z` (of the terms conditioned on) the prediction is
#'   `x' beta + z' b` plus the offset. Its variance is that of `x' (beta^ - beta) + z' (b^ - b)`, from the joint
#'   covariance matrix `vcov(object, full = TRUE)`; a new level adds `z' Sigma z`. A prediction interval adds
#'   `sigma^2 / weight` and the variance of the terms that are not conditioned on. All numbers are in units of the
#'   response, after the transformation that the formula makes.
#' @section Intervals:
#' Limits are the prediction and the t quantile times the root of the variance, with degrees of freedom for each row. By
#' Satterthwaite's method these are `2 v^2 / Var(v)` for the whole variance `v` of the interval, the variances of new
#' levels and of the residual included, with `Var(v)` by the delta method from the observed information of the variance
#' parameters. An interval for a new level therefore has few degrees of freedom if there are few levels. To `v` is added
#' what the estimation of the variance parameters adds to the prediction error, and as much again for the bias of `v` at
#' their estimates (Prasad and Rao 1990; Harville and Jeske 1992): minus the trace of the product of the second
#' derivatives of `v` in the variances and covariances and the covariance matrix of their estimates. Without it
#' intervals for known levels are too narrow. `"Kenward-Roger"` takes both from the expected information, as
#' [predictable()] does. Means of the population (`re.form = NA`, `interval = "confidence"`) have the limits of
#' [contest()]. Other variances have one degree of freedom or more, and a prediction interval reaches at least as far as
#' the confidence interval of its row (with three degrees of freedom or more) and a normal distribution of the rest
#' together. The standard errors of `se.fit` are those at known variance parameters. How often the intervals cover is in
#' `vignette("degrees-of-freedom", "henderson")`.
#' @section Residual structures:
#' For a new row of a known subject the best linear unbiased prediction is `x' beta + z' b + r' R^-1 (y - X beta - Z
#' b)`, where `R` is the residual covariance matrix of the subject's rows and `r` their covariances with the residual of
#' the new row: a forecast of the next visit, a missing visit given those that were observed, or universal kriging where
#' all rows are one block, as with `residual = ~ exp(lon + lat)`. The standard error and the confidence interval are
#' those of this mean given the subject's residuals; a prediction interval is one for a new observation and adds the
#' rest of its residual variance, that of its visit, group, covariates of the variance function and weight. Without
#' random effects and without a nugget it is the interval of the kriging variance. Rows of other subjects, and rows for
#' which `newdata` lacks the subject or the position, have no such part; new rows are predicted one by one, each from
#' the rows of the fit.
#'
#' At a position where the subject was observed (with a weight above 0), the prediction is the fitted value, so that
#' `predict(fit, data)` is `fitted(fit)`. `kriging = TRUE` predicts the observation itself there if the structure has no
#' nugget, and the part without the nugget if it has one. Visits that are not in the fit have no covariances and are an
#' error.
#'
#' Standard errors and degrees of freedom are computed from the rows that the model connects (those of a subject, or of
#' a level of a grouping factor), as described in "Intervals". Second derivatives of the covariance matrix are left out,
#' as in the Kenward-Roger method of type `"linear"`.
#' @section Variables of new data:
#' An expression of the formula is evaluated again for new data. What its value takes from the rows of the fit is kept:
#' the constants of `scale()`, `poly()`, `ns()` and `bs()`, of parts such as `mean(x)` or `quantile(x)`, and of
#' functions that standardize one variable, whatever their name. Where that is not possible, as for `rank(x)` or
#' `cumsum(x)`, a warning names the expression: on some rows of the fit, on which it is evaluated again, it has other
#' values than among all. The weights and the offset are read in the same way.
#'
#' Variables have the class and units that they had in the fit. A time that is midnight in universal time is a date, and
#' a date such a time; differences of times are put in the units of the fit; levels are matched by name; 0 and 1 are
#' `FALSE` and `TRUE`. Other classes are refused.
#' @section Conditions:
#' `lmm_error_newdata`: a variable that `newdata` lacks or that has another type, a level that is not in the fit, a term
#' in `re.form` that is not in the model. `lmm_warning_newdata`: rows outside the space that a rank-deficient fit covers
#' (their prediction is `NA`), and expressions that depend on other rows, see section "Variables of new data".
#' `lmm_message_weights`: a prediction interval or a residual predicted for new rows of a fit with weights takes their
#' weights as 1.
#' `lmm_message_refit`: a refit by REML for Kenward-Roger. `lmm_error_solver`: for a fit by the iterative solver,
#' intervals of new observations and of means given random effects by the Kenward-Roger method, or by Satterthwaite's
#' method if the covariance matrix of a random term with several columns is singular.
#' @references Henderson (1975) Biometrics 31, 423-447. McLean, Sanders and Stroup (1991) The American Statistician 45,
#'   54-64. Prasad and Rao (1990) JASA 85, 163-171. Harville and Jeske (1992) JASA 87, 724-731. Goldberger (1962) JASA
#'   57, 369-375 (prediction of residuals). Cressie (1993) *Statistics for Spatial Data*, section 3.4.
#' @seealso [predict_mean()] for means of future observations, [predictable()], [tolerance_interval()],
#'   [plot_effects()].
#' @concept prediction interval
#' @concept confidence band
#' @concept prediction for a new group
#' @concept kriging
#' @concept forecast
#' @concept missing visit
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' predict(fit, data.frame(operator = c("a", "d")))
#' predict(fit, data.frame(operator = c("a", "new")), allow.new.levels = TRUE, interval = "prediction")
#' ar <- lmm(distance ~ age, nlme::Orthodont, residual = ~ ar1(1 | Subject))
#' predict(ar, data.frame(age = 16, Subject = "M01"), interval = "prediction")
#' @export
predict.lmm_fit <- function(object, newdata = NULL, re.form = NULL, allow.new.levels = FALSE, se.fit = FALSE,
                            interval = c("none", "confidence", "prediction"), level = 0.95, weights = NULL,
                             na.action = stats::na.pass, type = c("response", "link"), ddf = "Satterthwaite",
                             random.only = FALSE, write = NULL, kriging = NULL, ...) {
  match_word(type[1L], c("response", "link"), "type")
  interval <- match_word(interval[1L], c("none", "confidence", "prediction"), "interval")
  fixed <- !check_random_only(random.only, interval)
  newdata <- force_argument(newdata, "newdata")
  check_writer(write)
  if (inherits(newdata, c("lmm_chunks", "sql_rows", "tbl_lazy", "tbl_sql")) || !is.null(write)) {
    each <- function(chunk) stats::predict(object, chunk, re.form, allow.new.levels, se.fit, interval, level, weights,
                                           na.action, type[1L], ddf, kriging = kriging)
    return(stream_predictions(newdata, each, write))
  }
  if (missing(ddf) && interval != "none") ddf <- default_ddf(object)
  inference <- if (interval != "none") interval_inference(object, ddf)
  if (!is.null(inference)) object <- inference$info$fit
  if (check_flag(se.fit, "se.fit") || interval != "none") report_exact(object)
  use <- wanted_columns(object, re.form)
  if (check_flag(se.fit, "se.fit") || interval != "none") check_conditional(object, use)
  rows <- prediction_rows(object, newdata, re.form, allow.new.levels, na.action)
  near <- if (fixed) kriging_plan(object, rows, kriging, re.form, newdata, interval)
  share <- if (interval == "prediction" || any(near$wanted)) residual_shares(object, rows, weights, newdata)
  if (any(near$wanted)) near$share <- replace(share, which(is.infinite(share)), 1)
  share <- if (interval == "prediction") replace(share, which(is.infinite(share)), NA)
  fit <- mean_response(object, rows, use, fixed)
  if (any(near$wanted)) fit <- fit + kriged_residuals(object, near, near$share)
  if (!is.null(newdata) && fixed) fit[not_estimable(object, rows)] <- NA_real_
  fit[is.nan(fit)] <- NA_real_                                      # of values that are NaN, or Inf - Inf
  if (!se.fit && interval == "none") return(pad_rows(fit, rows))
  out <- list(fit = pad_rows(fit, rows),
              se.fit = pad_rows(prediction_errors(object, rows, use, fixed, near) + 0 * fit, rows))
  if (interval != "none") {
    target <- list(use = use, left_out = if (interval == "prediction") lapply(use, `!`), residual = share,
                   kriging = near)
    half <- prediction_reach(inference, rows, target, level)
    out$fit <- cbind(fit = out$fit, lwr = pad_rows(fit - half, rows), upr = pad_rows(fit + half, rows))
  }
  if (se.fit) c(out, list(residual.scale = fit_shown_sigma(object))) else out$fit
}

# Errors of random effects that are conditioned on.
check_conditional <- function(fit, use) {
  if (!any(unlist(use))) return(invisible())
  refuse_indefinite(fit, "Use re.form = NA for predictions of the population, or refit with bounded = TRUE.")
}

prediction_rows <- function(fit, newdata, re.form, allow.new.levels, na.action) {
  if (is.null(newdata)) return(padded_rows(fit_rows(fit, "predict() without `newdata`"), na.action))
  new_rows(fit_frame(fit), newdata, re.form, allow.new.levels, na.action, residual = is_structured(fit))
}

prediction_errors <- function(fit, rows, use, fixed, near) {
  if (any(near$wanted)) return(kriging_errors(fit, rows, list(use = use, kriging = near)))
  sqrt(prediction_variance(fit, rows, use, fixed = fixed))
}

# The rows of the fit; with na.exclude those that were left out for missing values are predicted as NA.
padded_rows <- function(rows, na.action) {
  if (check_na_action(na.action) == "na.exclude" && !is.null(attr(rows$data, "na.action"))) {
    class(attr(rows$data, "na.action")) <- "exclude"
  }
  rows
}

# Variance of x'beta_hat + z'(b_hat - b) over the terms conditioned on; a level that is not in the fit has the
# variance z'Sigma z of its random effects, which are independent of everything else. `at`: the variance parameters, see
# parameters_at().
prediction_variance <- function(fit, rows, use, at = parameters_at(fit), fixed = TRUE) {
  if (fit_is_exact(fit)) return(rep(NA_real_, rows$n))
  group <- fit_term_groups(fit)
  active <- which(vapply(use, any, NA))
  by_chunk(fit, rows, function(d) {
    d <- mask_design(if (fixed) d else without_fixed(d), use)
    known <- complete_rows(d, group[active])
    part <- design_subset(d, known)
    variance <- engine_prediction_variance(fit, part, random = length(active) > 0L, at$point)
    for (k in active) {
      new <- which(part$codes[[group[k]]] == 0L)
      variance[new] <- variance[new] + quadratic_form(part$Z[[k]][new, , drop = FALSE], at$covariance[[k]])
    }
    out <- rep(NA_real_, length(known))
    out[known] <- variance
    out
  })
}

quadratic_form <- function(Z, S) rowSums((Z %*% S) * Z)

complete_rows <- function(d, groups) {
  ok <- is.finite(rowSums(d$X))
  for (z in d$Z) ok <- ok & is.finite(rowSums(z))
  for (g in unique(groups)) ok <- ok & !is.na(d$codes[[g]])
  ok
}

design_subset <- function(d, keep) {
  if (all(keep)) return(d)
  d$X <- d$X[keep, , drop = FALSE]
  d$Z <- lapply(d$Z, function(z) z[keep, , drop = FALSE])
  d$codes <- lapply(d$codes, function(code) code[keep])
  d
}

# Variance of the random effects that a new observation has but the prediction does not condition on.
unconditioned_variance <- function(fit, rows, left_out, covariance = fit_covariance(fit)) {
  if (!any(unlist(left_out))) return(0)
  by_chunk(fit, rows, function(d) {
    d <- mask_design(d, left_out)
    codes <- d$codes[fit_term_groups(fit)]
    groups <- fit_groups(fit)[fit_term_groups(fit)]
    one <- function(Z, S, code, group) quadratic_form(Z, S) * row_level_variances(group, code)
    Reduce(`+`, Map(one, d$Z, covariance, codes, groups))
  })
}
