# confint(): which parameters, by which method, as which table.

#' Confidence intervals for the parameters of a fit
#'
#' Limits for standard deviations, correlations, the residual standard deviation and fixed effects.
#'
#' Plain `confint(fit)` gives the limits of 'lme4': likelihood profiles by maximum likelihood, whose limits come from
#' the normal distribution (as the square root of a chi-square with one degree of freedom). With few groups they are too
#' narrow, and narrower than the t tests of [summary()][summary.lmm_fit()]. With `ddf`,
#' `confint(fit, ddf = "Satterthwaite")`, limits of fixed effects are those of the t test, `estimate +- t se` with the
#' standard error and the degrees of freedom of [contest()], and those of the variance parameters are profile limits of
#' the restricted likelihood (REML). A value lies inside these limits of a fixed effect exactly where the t test does
#' not reject it.
#'
#' Without `ddf` one message says where limits disagree with the tests: the t quantile of a fixed effect exceeds the
#' normal one by more than 5 percent (at the level 0.95: 25 degrees of freedom or fewer), or the REML estimate of a
#' standard deviation exceeds the maximum likelihood estimate, from which its profile starts, by more than 5 percent.
#' `quiet = TRUE` omits it.
#'
#' Fits with structured random effects have the default `method = "Wald"`, because profiles may take long.
#'
#' Fits with a residual structure have other defaults: `method = "Wald"`, with the limits of SAS (chi-square for
#' variances and ranges, normal for covariances, correlations and other parameters, t with Satterthwaite's degrees of
#' freedom for fixed effects) on the scale of variances, or with `scale = "sd"` on that of standard deviations.
#' `"profile"` and `"boot"` give limits of the parameters that [variance_components()] lists with `scale = "sd"`.
#'
#' \describe{
#'   \item{`"profile"`}{likelihood intervals: all values that a likelihood ratio test at this level does not reject.
#'     As in lme4 the likelihood is that of the model fitted by maximum likelihood, unless `criterion = "REML"`; fixed
#'     effects always use maximum likelihood, because restricted likelihoods for different fixed effects are not
#'     comparable. The limits are roots of the likelihood equation itself. If the profile of a standard deviation does
#'     not reach the level before 0, the lower limit is 0.}
#'   \item{`"Wald"`}{fixed effects: estimate and normal quantile, or with `ddf` that of t. Standard deviations are taken
#'     on the log scale and correlations on the scale of Fisher's z, as in nlme; variances (`scale = "variance"`) as
#'     they are, as in SAS with `CL=WALD`. (lme4 gives `NA` for all of these.)}
#'   \item{`"chisq"`}{Satterthwaite's limits of SAS, `df v / chisq(df)` with `df = 2 (v / se)^2`, for variances and
#'     standard deviations; covariances and correlations as for `"Wald"`, fixed effects too.}
#'   \item{`"boot"`}{parametric bootstrap: percentile or basic limits from refits of simulated responses.}
#' }
#'
#' @param object a fit made by [lmm()].
#' @param parm parameters wanted: names (old or new style), numbers, `"theta_"` for all variance parameters, `"beta_"`
#'   for all fixed effects; all by default.
#' @param level confidence level.
#' @param method how to find limits; unique abbreviations are enough.
#' @param oldNames,signames `TRUE`: `.sig01`, `.sigma`; `FALSE`: `sd_(Intercept)|Subject`, `sigma`. `signames` is the
#'   name of this argument in later versions of 'lme4'.
#' @param scale `"sd"`, or `"variance"` for variances and covariances (methods `"Wald"` and `"chisq"`), always with new
#'   names.
#' @param criterion for profiles of variance parameters: `"ML"` or `"REML"`; the default is `"REML"` with `ddf`,
#'   otherwise `"ML"`.
#' @param information for `"Wald"` and `"chisq"`: see [vcov_components()].
#' @param nsim,boot.type,seed,threads,progress for `"boot"`: number of simulated responses, `"perc"` or `"basic"`, seed
#'   of the random numbers, number of processes, print progress? See [bootstrap()]. `boot.type = "norm"` gives normal
#'   limits around the bias-corrected estimate.
#' @param ddf method for the degrees of freedom of fixed effects, see [ddf_methods()], for all methods but `"boot"`;
#'   `NULL` for none.
#' @param quiet omit the message about limits that disagree with the tests?
#' @param ... `conf.level`, another name for `level`; otherwise not used.
#' @return A matrix with a row per parameter and columns for the lower and upper limit: standard deviations in units of
#'   the response (of a slope: per unit of its covariate), correlations, fixed effects in units of their coefficients.
#'   `NA` where the method has no limit.
#' @section Conditions:
#' `lmm_message_limits`: limits without `ddf` disagree with the tests. `lmm_error_input`: a parameter, method or level
#' that does not exist, or `ddf` for the bootstrap. All limits are `NA` where the residual variance is zero, with a
#' message of class `lmm_message_limits`; `lmm_warning_convergence`, and `NA`, where the likelihood of a profile has no
#' upper bound.
#' @references Venzon and Moolgavkar (1988) Applied Statistics 37, 87-94. Satterthwaite (1946) Biometrics Bulletin 2,
#'   110-114. Davison and Hinkley (1997) *Bootstrap Methods and their Application*.
#' @seealso [quantity()] for functions of the parameters, [profile][profile.lmm_fit] to look at the likelihood,
#'   [contest()] for combinations of coefficients, [bootstrap()], [ems()] for exact and modified large-sample
#'   limits, [predict][predict.lmm_fit] for limits of predictions.
#' @concept confidence interval
#' @concept profile likelihood
#' @concept Wald interval
#' @concept Satterthwaite
#' @concept limits of a variance
#' @concept coverage
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' confint(fit)
#' confint(fit, ddf = "Satterthwaite")
#' confint(fit, method = "chisq", scale = "variance")
#' confint(fit, "theta_", method = "boot", nsim = 200, seed = 1, oldNames = FALSE)
#' @importFrom stats confint
#' @export
confint.lmm_fit <- function(object, parm, level = 0.95, method = c("profile", "Wald", "chisq", "boot"), oldNames = TRUE,
                            scale = c("sd", "variance"), criterion = NULL,
                            information = c("observed", "expected", "average"), nsim = 500,
                            boot.type = c("perc", "basic", "norm"), seed = NULL, threads = 1,
                            progress = getOption("henderson.progress", interactive()),
                            ddf = NULL,
                            quiet = FALSE, signames = oldNames, ...) {
  if (!check_flag(quiet, "quiet")) report_exact(object)
  if (missing(method) && fit_is_iterative(object)) method <- "Wald"
  if (is_structured(object)) {
    own <- list(level = level, ddf = ddf, nsim = nsim, boot.type = boot.type[1L], seed = seed, threads = threads,
                progress = progress, criterion = criterion,
                information = if (missing(information)) NULL else information[1L],
                scale = if (!missing(scale)) scale[1L])
    return(structured_confint(object, if (missing(parm)) NULL else parm, if (missing(method)) "Wald" else method[1L],
                              own))
  }
  if (missing(method) && has_special(object)) method <- "Wald"
  asked <- list(level = level, method = match_word(method[1L], c("profile", "Wald", "chisq", "boot"), "method"),
                scale = match_word(scale[1L], c("sd", "variance"), "scale"), ddf = if (!is.null(ddf)) ddf_method(ddf),
                boot.type = match_word(boot.type[1L], c("perc", "basic", "norm"), "boot.type"),
                information = information)
  asked$criterion <- if (is.null(criterion)) { if (is.null(ddf)) "ML" else "REML" } else
    match_word(criterion[1L], c("ML", "REML"), "criterion")
  check_limits(asked)
  old <- check_flag(signames, "signames") && check_flag(oldNames, "oldNames")
  wanted <- wanted_parameters(object, if (missing(parm)) NULL else parm)
  of_variances <- asked$method %in% c("Wald", "chisq") && any(wanted <= nrow(variance_parameters(object)))
  if (missing(information) && of_variances) asked$information <- default_information(object)
  limits <- matrix(NA_real_, length(wanted), 2L)
  free <- which(!all_parameter_names(object, FALSE)[wanted] %in% held_names(object))     # what is held has no limits
  if (!fit_is_exact(object) && length(free)) {
    limits[free, ] <- if (asked$method == "boot") interval_bootstrap(object, wanted[free], level, nsim, asked$boot.type,
                                                                     seed, threads, progress)
                      else parameter_limits(object, wanted[free], asked)
    if (!quiet && is.null(ddf)) report_disagreement(object, wanted[free], asked)
  }
  name_limits(object, limits, wanted, level, old, asked$scale)
}

# Combinations of arguments that have no meaning.
check_limits <- function(asked) {
  if (asked$scale == "variance" && asked$method %in% c("profile", "boot")) {
    lmm_abort("input", "limits on the scale of variances are available for the methods \"Wald\" and \"chisq\".",
              what = "scale", fix = "Limits of standard deviations can be squared.")
  }
  if (asked$method == "boot" && !is.null(asked$ddf)) {
    lmm_abort("input", "bootstrap limits have no degrees of freedom.", what = "ddf",
              fix = "Leave out `ddf`, or use another method.")
  }
}

# Limits by all methods but the bootstrap, fixed effects with degrees of freedom where these were asked for.
parameter_limits <- function(fit, wanted, asked) {
  by_method <- function(wanted) switch(asked$method,
    profile = interval_profile(fit, wanted, asked$level, asked$criterion == "REML"),
    Wald = interval_wald(fit, wanted, asked$level, asked$scale, asked$information),
    chisq = interval_chisq(fit, wanted, asked$level, asked$scale, asked$information))
  if (is.null(asked$ddf)) return(by_method(wanted))
  k <- nrow(variance_parameters(fit))
  limits <- matrix(NA_real_, length(wanted), 2L)
  if (any(wanted <= k)) limits[wanted <= k, ] <- by_method(wanted[wanted <= k])
  if (any(wanted > k)) limits[wanted > k, ] <- t_limits(fit, asked$ddf, asked$level)[wanted[wanted > k] - k, ]
  limits
}

# Number of variance parameters among all.
variance_count <- function(fit) {
  if (is_structured(fit)) length(structured_names(fit, "sd")) else nrow(variance_parameters(fit))
}

# Names of all parameters, variance parameters first.
all_parameter_names <- function(fit, old = TRUE, scale = "sd") {
  if (is_structured(fit)) return(c(structured_names(fit, scale), names(fit_beta(fit))))
  c(parameter_names(variance_parameters(fit), old, scale), names(fit_beta(fit)))
}

# Positions among all parameters of those asked for.
wanted_parameters <- function(fit, parm) {
  old <- all_parameter_names(fit)
  k <- length(old) - length(fit_beta(fit))
  if (is.null(parm)) return(seq_along(old))
  if (!is.character(parm) && (!is.numeric(parm) || is.object(parm))) {
    lmm_abort("input", paste0("`parm` must be names or numbers of parameters, not ", describe_value(parm), "."),
              what = "parm", value = parm)
  }
  if (is.numeric(parm)) {
    if (anyNA(parm) || any(parm != round(parm)) || any(abs(parm) > length(old)) || any(parm == 0) ||
        length(unique(sign(parm))) > 1L) {
      lmm_abort("input", paste0("`parm` must be numbers between 1 and ", length(old), "."), what = "parm", value = parm)
    }
    return(seq_along(old)[parm])
  }
  if (identical(parm, "theta_")) return(seq_len(k))
  if (identical(parm, "beta_")) return(k + seq_along(fit_beta(fit)))
  at <- match(parm, old)
  if (anyNA(at)) parm <- with_terms(fit, parm, at)
  at <- match(parm, old)
  for (scale in c("sd", "variance")) at <- ifelse(is.na(at), match(parm, all_parameter_names(fit, FALSE, scale)), at)
  if (anyNA(at)) {
    unknown <- parm[is.na(at)]
    lmm_abort("input", paste0("the fit has no parameter ", enumerate(quote_name(unknown)), "."), what = unknown,
              fix = paste0("The parameters are ", enumerate(quote_name(old), 12L), "."))
  }
  at
}

# The name of a random term stands for all its parameters.
with_terms <- function(fit, parm, at) {
  parameters <- variance_parameters(fit)
  names <- parameter_names(parameters, TRUE)
  terms <- fit_term_names(fit)
  own <- lapply(parm, function(name) names[parameters$term > 0L & parameters$term == match(name, terms, 0L)])
  unlist(Map(function(name, found, known) if (known || !length(found)) name else found, parm, own, !is.na(at)),
         use.names = FALSE)
}

name_limits <- function(fit, limits, wanted, level, old, scale) {
  dimnames(limits) <- list(all_parameter_names(fit, old, scale)[wanted], percent_names(level))
  limits
}

percent_names <- function(level) {
  percent <- 100 * c((1 - level) / 2, (1 + level) / 2)
  paste(with_usual_numbers(format(percent, trim = TRUE, scientific = FALSE, digits = 3)), "%")
}

# Estimates of all parameters in the order of confint(); NA for aliased coefficients.
all_estimates <- function(fit, scale = "sd") {
  c(if (is_structured(fit)) structured_estimates(fit, scale) else variance_estimates(fit, scale),
    unname(fit_beta(fit)))
}
