# The profile as an object: points along the profile of every parameter.

#' Likelihood profile
#'
#' For each parameter the likelihood is maximized over all others at a series of values of the parameter.
#'
#' The points are spaced evenly in `zeta`, the signed square root of the rise of `-2 log L`, up to the value that a
#' simultaneous region for all parameters of level `1 - alphamax` would need, as in lme4. Each point is an exact
#' constrained optimum, found by Newton steps with analytic derivatives. Parameters of residual structures and of
#' structured random effects (correlations, ranges, entries of an unstructured matrix, loadings) are profiled in the
#' same way.
#'
#' @param fitted a fit made by [lmm()].
#' @param which parameters to profile, as `parm` of [confint()][confint.lmm_fit()]; for a picture those to be shown, by
#'   name or by position among the profiled.
#' @param alphamax 1 minus the level up to which the profile is followed.
#' @param criterion `"ML"`, or `"REML"` for variance parameters.
#' @param oldNames,signames names of variance parameters, see [confint()][confint.lmm_fit()].
#' @param steps number of points on each side of the estimate.
#' @param ... not used, or passed on to plotting functions.
#' @return A data frame of class `lmm_profile` with columns `.zeta`, all parameters, and `.par`, the profiled one.
#'   Parameters are standard deviations, correlations and fixed effects, in the units of [confint()][confint.lmm_fit()].
#' @section Conditions:
#' `lmm_error_input` for a parameter that does not exist; `lmm_error_unidentified` where the residual variance is zero
#' or the likelihood has no upper bound.
#' @references Bates and Watts (1988) *Nonlinear Regression Analysis and its Applications*, chapter 6. Venzon and
#'   Moolgavkar (1988) Applied Statistics 37, 87-94.
#' @seealso [confint][confint.lmm_fit], which needs no profile.
#' @concept profile likelihood
#' @concept confidence interval
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' p <- profile(fit)
#' confint(p)
#' plot(p)
#' plot(p, type = "density")
#' @importFrom stats profile
#' @export
profile.lmm_fit <- function(fitted, which = NULL, alphamax = 0.01, criterion = c("ML", "REML"), oldNames = TRUE,
                            steps = 8L,
                            signames = oldNames, ...) {
  check_level(alphamax, "alphamax")
  check_number(steps, "steps", lower = 1, whole = TRUE)
  check_draws(steps, 64 * (variance_count(fitted) + length(fit_beta(fitted))), "steps", "points")
  reml <- match_word(criterion[1L], c("ML", "REML"), "criterion") == "REML"
  wanted <- unique(wanted_parameters(fitted, which))
  names <- all_parameter_names(fitted, check_flag(oldNames, "oldNames") && check_flag(signames, "signames"))
  check_not_exact(fitted, "a profile of the likelihood")
  own <- fit_by(fitted, reml)
  k <- variance_count(fitted)
  ml <- if (reml && any(wanted > k)) fit_by(fitted, FALSE) else own
  for (used in list(own, ml)[c(any(wanted <= k), any(wanted > k))]) {
    if (has_no_minimum(used)) lmm_abort("unidentified", no_minimum_text(used), what = "sigma", value = 0,
                                        fix = no_minimum_fix(used))
  }
  estimate <- all_estimates(own)
  cutoff <- sqrt(stats::qchisq(1 - alphamax, sum(!is.na(estimate))))
  wanted <- wanted[!is.na(estimate[wanted]) & !all_parameter_names(fitted, FALSE)[wanted] %in% held_names(fitted)]
  parts <- Map(function(points, index) {
    colnames(points) <- c(".zeta", names)
    data.frame(points, .par = names[index], check.names = FALSE)
  }, all_points(own, ml, wanted, cutoff, steps), wanted)
  out <- do.call(rbind, parts)
  out$.par <- factor(out$.par, names[wanted])
  structure(out, estimate = stats::setNames(estimate, names),
            fixed_estimate = stats::setNames(all_estimates(ml), names),
            criterion = if (fit_is_reml(own)) "REML" else "ML", fit = fitted, class = c("lmm_profile", "data.frame"))
}

# A list with the points of each parameter; `ml` is the fit for fixed effects.
all_points <- function(fit, ml, wanted, cutoff, steps) {
  k <- variance_count(fit)
  base <- if (any(wanted <= k)) profile_base(fit, wanted)
  c(lapply_with_bar(wanted[wanted <= k], function(index) profile_points(base, index, cutoff, steps), "Profiles"),
    if (any(wanted > k)) coefficient_points(ml, wanted[wanted > k] - k, cutoff, steps))[order(order(wanted > k))]
}

# Rows (zeta, all parameters) from low to high values of one parameter.
profile_points <- function(base, index, cutoff, steps) {
  centre <- rbind(c(0, base$estimate))
  side <- function(direction) {
    end <- profile_limit(base, index, direction, cutoff)
    if (is.na(end) || isTRUE(end == base$estimate[index])) return(NULL)
    bound <- parameter_bound(base, index, direction)
    if (isTRUE(end == bound)) end <- near_bound(base, index, bound)
    values <- even_values(base, index, end, steps)
    profile_rows(base, index, values, direction)
  }
  low <- side(-1)
  high <- side(1)
  rbind(if (!is.null(low)) low[rev(seq_len(nrow(low))), , drop = FALSE], centre, high)
}

# Values about evenly spaced in zeta: a first pass evenly spaced in the parameter, inverted by interpolation as far as
# zeta rises.
even_values <- function(base, index, end, steps) {
  even <- base$estimate[index] + (end - base$estimate[index]) * seq_len(steps) / steps
  zeta <- sqrt(pmax(0, profile_value(base, index, even)$value - base$value))
  if (!all(is.finite(zeta))) return(even)
  rising <- cumsum(diff(c(0, zeta)) <= 0) == 0
  if (sum(rising) < 2L) return(even)
  out <- stats::approx(c(0, zeta[rising]), c(base$estimate[index], even[rising]),
                       max(zeta[rising]) * seq_len(steps) / steps)$y
  c(out, if (!all(rising)) end)
}

profile_rows <- function(base, index, values, direction) {
  found <- profile_value(base, index, values)
  beta <- if (is.null(found$beta)) vapply(seq_along(values), function(i) beta_at(base, found$theta[, i]),
                                          fit_blocks(base$fit)$x$response[, 1L])
          else found$beta
  beta <- matrix(beta, ncol = length(values))
  rows <- lapply(seq_along(values), function(i) {
    all <- fit_beta(base$fit)
    all[fit_estimable(base$fit)] <- beta[, i]
    point <- c(variance_at(base, found$theta[, i], found$sigma[i]), unname(all))
    point[index] <- values[i]                              # also where the profile is flat
    c(direction * sqrt(pmax(0, found$value[i] - base$value)), point)
  })
  do.call(rbind, rows[found$converged])
}

variance_at <- function(base, theta, sigma) {
  if (!is.null(base$context)) return(state_parameters(base$fit, state_at(base$context, theta), base$parameters))
  covariance <- Map(function(L, B) tcrossprod(B %*% L) * sigma^2, unstack_factors(base$fit, theta),
                    fit_blocks(base$fit)$z_basis)
  parameter_values(base$parameters, covariance, sigma)
}

# Estimable coefficients at given variance parameters.
beta_at <- function(base, theta) {
  if (!is.null(base$context)) return(structured_beta(base$context, theta))
  at <- criterion_at(base$fit, theta, base$reml)
  x <- fit_blocks(base$fit)$x
  x$response[, 1L] + as.vector(x$basis %*% at$beta)
}

# The criterion, sigma profiled out (also where the fit holds it), and its parts at any theta (engine's coordinates).
criterion_at <- function(fit, theta, reml = fit_spec(fit)$reml, point = free_point(fit, reml)) {
  engine_result(do.call(engine_criterion, replace(point, 3L, list(theta))), fit_frame(fit))
}

# Rows (criterion, sigma^2) for the columns of `theta`, which are near each other.
criteria_at <- function(fit, theta, point = free_point(fit)) {
  engine_result(do.call(engine_criteria, replace(point, 3L, list(theta))), fit_frame(fit))
}

# Where sigma is profiled out, also of a fit that holds it.
free_point <- function(fit, reml = fit_spec(fit)$reml) replace(engine_point(fit), c(1L, 4L),
                                                          list(engine_layout(fit_frame(fit)), reml))

#' @rdname profile.lmm_fit
#' @param object,parm,level,method a profile, the parameters wanted, the confidence level, and `"profile"`. Limits come
#'   from the likelihood itself, not from interpolation between the points.
#' @export
confint.lmm_profile <- function(object, parm, level = 0.95, method = "profile", ...) {
  match_word(method, "profile", "method")
  fit <- attr(object, "fit")
  old <- identical(names(attr(object, "estimate")), all_parameter_names(fit, TRUE))
  wanted <- if (missing(parm)) levels(object$.par) else parm
  stats::confint(fit, wanted, level, method = "profile", oldNames = old, criterion = attr(object, "criterion"),
                 quiet = TRUE)
}

#' @export
print.lmm_profile <- function(x, ...) {
  cat("Profile of the likelihood (", attr(x, "criterion"), "), ", nrow(x), " points\n\n", sep = "")
  print(cbind(estimate = attr(x, "estimate")[levels(x$.par)], confint(x)), ...)
  invisible(x)
}

#' @export
`[.lmm_profile` <- function(x, ...) {
  class(x) <- setdiff(class(x), "lmm_profile")
  x[...]
}
