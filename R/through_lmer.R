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
  clubSandwich = c("vcovCR", "coef_CS", "residuals_CS", "model_matrix", "targetVariance", "weightMatrix", "v_scale"),
  car = c("Confint", "S", "confidenceEllipse", "deltaMethod", "infIndexPlot", "influencePlot", "outlierTest", "vif")
)

# Those of 'lmerTest' want its own class; 'pbkrtest' leaves prior weights out of account, so that its results for weighted fits are wrong.
lmertest_generics <- list(lmerTest = c("difflsmeans", "ls_means", "lsmeansLT"))
pbkrtest_generics <- list(pbkrtest = c("KRmodcomp", "PBmodcomp", "PBrefdist", "SATmodcomp", "getLRT", "get_Lb_ddf", "get_SigmaG",
                                       "model2restriction_matrix", "vcovAdj"))

# NAMESPACE has no place for these: it stops the session where a version of the package lacks one of the functions.
.onLoad <- function(libname, pkgname) {
  register_at_load(lmer_generics, through(as_lmer))
  register_at_load(lmertest_generics, through(as_lmertest))
  register_at_load(pbkrtest_generics, through(as_unweighted_lmer))
}

register_at_load <- function(table, method) {
  for (package in names(table)) {
    local({
      name <- package
      setHook(packageEvent(name, "onLoad"), function(...) register_methods(name, table[[name]], method))
    })
    if (isNamespaceLoaded(package)) register_methods(package, table[[package]], method)
  }
}

register_methods <- function(package, generics, method) {
  home <- asNamespace(package)
  there <- function(name) exists(name, envir = home, inherits = FALSE) || exists(name, envir = parent.env(home), inherits = FALSE)
  for (name in Filter(there, generics)) registerS3method(name, "lmm_fit", method, envir = home)
}

as_lmertest <- function(fit) lmerTest::as_lmerModLmerTest(as_lmer(fit))

as_unweighted_lmer <- function(fit) {
  weights <- row_weights(fit_rows(fit, "as_lmer()"))
  if (any(weights != 1)) {
    lmm_abort("input", "'pbkrtest' leaves prior weights out of account.", what = "weights",
              fix = "Use anova(small, large, test = \"F\", ddf = \"Kenward-Roger\"), bootstrap_test(), or vcov(type = \"kenward-roger\").")
  }
  as_lmer(fit)
}

# A method that converts every fit in the call. It is called by UseMethod(), in a frame just above that of the generic. The call is
# made again as it was written, so that expressions and names in it keep their meaning; what a call makes is converted where it is
# first or has no name.
through <- function(convert) {
  in_place <- function(value) if (inherits(value, "lmm_fit")) convert(value) else value
  function(...) {
    call <- sys.call()
    given <- if (is.null(names(call))) character(length(call)) else names(call)
    caller <- parent.frame()
    scope <- new.env(parent = caller)
    for (i in seq_along(call)[-1L]) {
      part <- call[[i]]
      if (missing(part)) next
      value <- if (is.symbol(part) && !identical(part, quote(...))) get0(as.character(part), caller) else part
      if (inherits(value, "lmm_fit")) {
        if (!is.symbol(part)) call[[i]] <- part <- quote(fit)
        assign(as.character(part), convert(value), envir = scope)
      } else if (is.call(part) && (i == 2L || !nzchar(given[i]))) {
        call[[i]] <- as.call(list(in_place, part))
      }
    }
    call[[1L]] <- sys.function(-1L)
    eval(call, scope)
  }
}
