# Generic functions of other packages whose methods for fits of 'lme4' look inside them: ours hand over what as_lmer() makes.
# The table says which: one method serves all, since it finds out which generic has called it.

#' @rawNamespace S3method(insight::clean_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_formula, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_predictors, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_random, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_statistic, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_terms, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::find_transformation, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_datagrid, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_deviance, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_df, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_intercept, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_loglikelihood, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_predicted, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_random, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_statistic, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::get_variance, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::is_converged, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::is_mixed_model, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::model_info, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::n_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(insight::null_model, lmm_fit, through_lmer)
NULL

#' @rawNamespace S3method(bayestestR::ci, lmm_fit, through_lmer)
#' @rawNamespace S3method(bayestestR::equivalence_test, lmm_fit, through_lmer)
#' @rawNamespace S3method(bayestestR::p_direction, lmm_fit, through_lmer)
#' @rawNamespace S3method(bayestestR::p_significance, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::bootstrap_model, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::bootstrap_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::ci_kenward, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::format_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::model_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::p_value, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::se_kenward, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::se_satterthwaite, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::simulate_model, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::simulate_parameters, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::standard_error, lmm_fit, through_lmer)
#' @rawNamespace S3method(parameters::standardize_parameters, lmm_fit, through_lmer)
NULL

#' @rawNamespace S3method(performance::check_autocorrelation, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_collinearity, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_heteroscedasticity, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_homogeneity, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_model, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_normality, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_outliers, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_overdispersion, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_predictions, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_residuals, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::check_singularity, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::model_performance, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::performance_aic, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::performance_aicc, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::r2, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::test_likelihoodratio, lmm_fit, through_lmer)
#' @rawNamespace S3method(performance::test_performance, lmm_fit, through_lmer)
NULL

#' @importFrom stats influence
#' @rawNamespace S3method(influence, lmm_fit, through_lmer)
#' @rawNamespace S3method(effects::Effect, lmm_fit, through_lmer)
#' @rawNamespace S3method(effects::allEffects, lmm_fit, through_lmer)
#' @rawNamespace S3method(effects::predictorEffect, lmm_fit, through_lmer)
#' @rawNamespace S3method(effects::predictorEffects, lmm_fit, through_lmer)
#' @rawNamespace S3method(ggeffects::get_predictions, lmm_fit, through_lmer)
#' @rawNamespace S3method(MuMIn::r.squaredGLMM, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::Confint, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::S, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::confidenceEllipse, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::deltaMethod, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::infIndexPlot, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::influencePlot, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::outlierTest, lmm_fit, through_lmer)
#' @rawNamespace S3method(car::vif, lmm_fit, through_lmer)
NULL

# Called by UseMethod(), in a frame just above that of the generic. The call is made again as it was written, so that expressions
# and names in it keep their meaning; every fit in it arrives converted (what a call makes: where it is first or has no name).
through_lmer <- function(...) {
  call <- sys.call()
  given <- if (is.null(names(call))) character(length(call)) else names(call)
  scope <- new.env(parent = parent.frame())
  for (i in seq_along(call)[-1L]) {
    part <- call[[i]]
    if (missing(part)) next
    if (is.call(part) && (i == 2L || !nzchar(given[i]))) call[[i]] <- as.call(list(lmer_in_place, part))
    if (is.symbol(part) && !identical(part, quote(...))) bind_lmer(as.character(part), get0(as.character(part), parent.frame()), scope)
    if (inherits(part, "lmm_fit")) {
      bind_lmer("fit", part, scope)
      call[[i]] <- quote(fit)
    }
  }
  call[[1L]] <- sys.function(-1L)
  eval(call, scope)
}

bind_lmer <- function(name, value, scope) {
  if (inherits(value, "lmm_fit")) assign(name, as_lmer(value), envir = scope)
}

lmer_in_place <- function(value) if (inherits(value, "lmm_fit")) as_lmer(value) else value
