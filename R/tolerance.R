# Tolerance intervals: limits that hold a given part of all future observations, with confidence.

#' Tolerance intervals
#'
#' Limits between which (or above, or below which) at least the proportion `content` of future observations lies, with
#' confidence `level`. Future observations are of new levels of all grouping factors: their variance is the total
#' variance.
#'
#' With mean `m`, total variance `v` with Satterthwaite's degrees of freedom `f = 2 (v / se(v))^2`, and effective number
#' of observations `n = v / Var(m)`, one-sided limits are `m +- t sqrt(v / n)`, where `t` is the quantile of the
#' noncentral t distribution with noncentrality `z sqrt(n)`; two-sided limits are `m +- k sqrt(v)` with the `k` for
#' which the probability of containing `content`, integrated over the distributions of `m` and `v`, is `level` (Odeh and
#' Owen 1980). For independent observations both are exact.
#'
#' @param fit a fit made by [lmm()].
#' @param newdata a data frame with the variables of the fixed effects and the columns of random terms; levels of
#'   grouping factors are not needed. The default, for models whose fixed effects are an intercept only, is that mean.
#' @param content proportion of observations that the interval contains.
#' @param level confidence level.
#' @param side `"two"`, `"lower"` or `"upper"`.
#' @param weights prior weights of the future observations: a number, or one per row. By default the fit's
#'   `weights` are evaluated in `newdata`; if it lacks their variables, the weights are 1, with a message.
#' @param ... not used.
#' @return A data frame with a row per row of `newdata` and columns `fit`, `sd` (root of the total variance), `df`,
#'   `lower`, `upper`, in the unit of the response.
#' @section Conditions:
#' `lmm_message_size`: with more than 20,000 crossed random effects, degrees of freedom are based on the average
#' information. `lmm_error_input`: no `newdata` for a model with covariates; `lmm_error_newdata` as for
#' [predict()][predict.lmm_fit()]; `lmm_message_weights` where the weights of future observations are taken as 1.
#' @references Odeh and Owen (1980) *Tables for Normal Tolerance Limits, Sampling Plans, and Screening*. Howe (1969)
#'   JASA 64, 610-620. Krishnamoorthy and Mathew (2009) *Statistical Tolerance Regions*, chapters 2 and 5. Hoffman and
#'   Kringle (2005) Journal of Biopharmaceutical Statistics 15, 283-293.
#' @seealso [predict.lmm_fit()] for prediction intervals, [gauge_rr()].
#' @concept tolerance
#' @concept tolerance limit
#' @concept quality control
#' @concept quantile
#' @concept tolerance interval
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' tolerance_interval(fit)
#' tolerance_interval(fit, content = 0.99, side = "upper")
#' @export
tolerance_interval <- function(fit, newdata = NULL, content = 0.95, level = 0.95, side = c("two", "lower", "upper"),
                               weights = NULL, ...) {
  check_fit(fit)
  if (!is_least_squares(fit)) refuse_structured(fit, "tolerance intervals are")
  check_level(content, "content")
  side <- check_choice(side[1L], c("two", "lower", "upper"), "side")
  refuse_indefinite(fit)
  report_exact(fit)
  if (is_least_squares(fit) && !fit_is_reml(fit)) fit <- fit_again(fit, fit_stored_rows(fit), reml = TRUE)
  rows <- tolerance_rows(fit, newdata)
  none <- all_columns(fit, FALSE)
  mean <- mean_response(fit, rows, none)
  share <- residual_shares(fit, rows, weights, if (is.null(newdata)) rows$data else newdata)
  share[is.infinite(share)] <- NA
  total <- share * fit_sigma(fit)^2 + unconditioned_variance(fit, rows, all_columns(fit))
  df <- total_df(fit, rows, total, share)
  factor <- tolerance_factor(total / prediction_variance(fit, rows, none), df, content, level, side)
  half <- factor * sqrt(total)
  data.frame(fit = mean, sd = sqrt(total), df = df, lower = if (side == "upper") -Inf else mean - half,
             upper = if (side == "lower") Inf else mean + half, row.names = row_labels(rows))
}

# New rows, or one without covariates.
tolerance_rows <- function(fit, newdata) {
  if (is.null(newdata)) {
    simple <- !length(attr(fit_frame(fit)$terms, "term.labels")) && all(vapply(fit_random(fit),
                                                                          function(t) identical(t$columns,
                                                                            "(Intercept)"), NA))
    if (!simple) {
      lmm_abort("input", "`newdata` is missing: the mean depends on covariates.", what = "newdata",
                fix = "Give a data frame with the values of the covariates.")
    }
    newdata <- data.frame(row.names = 1L)
  }
  new_rows(fit_frame(fit), newdata, stats::as.formula("~0"), TRUE, stats::na.pass)
}

# Satterthwaite's degrees of freedom of z'Sigma z + share sigma^2 for each row; a parameter on its boundary counts as
# known.
total_df <- function(fit, rows, total, share) {
  if (is_least_squares(fit)) {
    known <- holds_sigma(fit_frame(fit))
    return(rep(if (known) Inf else fit_nobs(fit) - fit_rank(fit), rows$n))
  }
  found <- component_errors(fit, "variance", default_information(fit))
  parameters <- found$parameters
  se <- ifelse(is.na(found$se), 0, found$se)
  correlation <- found$correlation
  correlation[is.na(correlation)] <- 0
  Z <- design(fit_frame(fit), rows)$Z
  slope <- vapply(seq_len(nrow(parameters)), function(k) {
    t <- parameters$term[k]
    if (t == 0L) return(rep_len(share, rows$n))
    ifelse(parameters$correlation[k], 2, 1) * Z[[t]][, parameters$row[k]] * Z[[t]][, parameters$col[k]]
  }, numeric(rows$n))
  scaled <- matrix(slope, rows$n) * rep(se, each = rows$n) / total
  2 / rowSums((scaled %*% correlation) * scaled)
}

# The multiple of the standard deviation, for n effective observations of the mean and df of the variance.
tolerance_factor <- function(n, df, content, level, side) {
  if (side == "two") return(mapply(two_sided_factor, n, df, content, level))
  suppressWarnings(stats::qt(level, df, stats::qnorm(content) * sqrt(n))) / sqrt(n)
}

# Where the mean is off by u standard errors, limits m -+ k s hold the proportion `content` if k s is at least the
# radius whose square is a quantile of the noncentral chi-square distribution with one degree of freedom. The
# probability of that, over u and s, is `level`.
two_sided_factor <- function(n, df, content, level) {
  if (!is.finite(n + df) && (is.nan(n) || is.nan(df))) return(NA_real_)
  n <- min(n, 1e12)
  df <- min(df, 1e7)
  confidence <- function(k) {
    holds <- function(u) stats::pchisq(df * stats::qchisq(content, 1, u^2 / n) / k^2, df,
                                       lower.tail = FALSE) * stats::dnorm(u)
    2 * stats::integrate(holds, 0, 8.5, rel.tol = 1e-10)$value
  }
  howe <- stats::qnorm((1 + content) / 2) * sqrt((1 + 1 / n) * df / stats::qchisq(1 - level, df))
  stats::uniroot(function(k) confidence(k) - level, howe * c(0.8, 1.25), extendInt = "upX", tol = 1e-9 * howe)$root
}
