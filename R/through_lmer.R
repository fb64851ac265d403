# Generic functions of other packages whose methods for fits of 'lme4' look inside them: ours hand over what as_lmer() makes.
# One method serves all, since it finds out which generic has called it.

lmer_generics <- list(
  stats = "influence",
  insight = c("clean_parameters", "find_formula", "find_parameters", "find_predictors", "find_random", "find_statistic",
              "find_terms", "find_transformation", "get_datagrid", "get_deviance", "get_df", "get_intercept", "get_loglikelihood",
              "get_parameters", "get_predicted", "get_random", "get_statistic", "get_variance", "is_converged", "is_mixed_model",
              "model_info", "n_parameters", "null_model"),
  bayestestR = c("ci", "equivalence_test", "p_direction", "p_significance"),
  parameters = c("bootstrap_model", "bootstrap_parameters", "ci_kenward", "format_parameters", "model_parameters", "p_value",
                 "se_kenward", "se_satterthwaite", "simulate_model", "simulate_parameters", "standard_error", "standardize_parameters"),
  performance = c("check_autocorrelation", "check_collinearity", "check_heteroscedasticity", "check_homogeneity", "check_model",
                  "check_normality", "check_outliers", "check_overdispersion", "check_predictions", "check_residuals",
                  "check_singularity", "model_performance", "performance_aic", "performance_aicc", "r2", "test_likelihoodratio",
                  "test_performance"),
  effects = c("Effect", "allEffects", "predictorEffect", "predictorEffects"),
  ggeffects = c("get_predictions"),
  MuMIn = c("r.squaredGLMM"),
  car = c("Confint", "S", "confidenceEllipse", "deltaMethod", "infIndexPlot", "influencePlot", "outlierTest", "vif")
)

# NAMESPACE has no place for these: it stops the session where a version of the package lacks one of the functions.
.onLoad <- function(libname, pkgname) {
  for (package in names(lmer_generics)) {
    local({
      name <- package
      setHook(packageEvent(name, "onLoad"), function(...) register_through_lmer(name))
    })
    if (isNamespaceLoaded(package)) register_through_lmer(package)
  }
}

register_through_lmer <- function(package, generics = lmer_generics[[package]]) {
  home <- asNamespace(package)
  there <- function(name) exists(name, envir = home, inherits = FALSE) || exists(name, envir = parent.env(home), inherits = FALSE)
  for (name in Filter(there, generics)) registerS3method(name, "lmm_fit", through_lmer, envir = home)
}

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
