# Generic functions of other packages whose methods for fits of 'lme4' access their internals: our methods pass on the
# result of as_lmer(). One method serves all, since it finds out which generic has called it.

lmer_generics <- list(
  insight = c("clean_parameters", "ellipsis_info", "find_formula", "find_parameters",
              "find_predictors",
              "find_random", "find_statistic", "find_terms", "find_transformation", "find_weights", "get_datagrid",
              "get_deviance",
              "get_intercept", "get_loglikelihood", "get_modelmatrix", "get_random", "get_statistic", "get_variance",
              "is_converged", "is_mixed_model", "model_info", "n_parameters", "null_model"),
  bayestestR = c("ci", "equivalence_test", "p_direction", "p_significance"),
  parameters = c("bootstrap_model", "bootstrap_parameters", "dof_satterthwaite", "format_parameters",
                 "model_parameters", "p_value",
                 "principal_components", "reduce_parameters", "se_satterthwaite", "select_parameters", "simulate_model",
                 "simulate_parameters", "standard_error", "standardize_parameters"),
  performance = c("check_autocorrelation", "check_collinearity", "check_convergence", "check_heteroscedasticity",
                  "check_homogeneity",
                  "check_model", "check_normality", "check_outliers", "check_overdispersion", "check_predictions",
                  "check_residuals",
                  "check_singularity", "model_performance", "performance_aic", "performance_aicc", "r2", "test_bf",
                  "test_likelihoodratio", "test_performance", "test_vuong", "test_wald"),
  effects = c("Effect", "allEffects", "predictorEffect", "predictorEffects"),
  clubSandwich = c("vcovCR", "coef_CS", "residuals_CS", "model_matrix", "targetVariance", "weightMatrix", "v_scale"),
  car = c("Confint", "S", "deltaMethod", "infIndexPlot", "influencePlot", "matchCoefs", "outlierTest", "powerTransform",
          "vif"),
  MuMIn = c("extractDIC", "r.squaredGLMM"),
  arm = c("display", "extractDIC", "se.coef", "sigma.hat", "sim"),
  merTools = c("draw", "fastdisp"),
  flextable = "as_flextable"
)

# 'lme4' fits the model again for each group that is left out.
refitting_generics <- list(stats = "influence")

# Those of 'lmerTest' want its own class; 'pbkrtest' ignores prior weights, so that its results for weighted fits are
# wrong.
lmertest_generics <- list(lmerTest = c("difflsmeans", "ls_means", "lsmeansLT"))
pbkrtest_generics <- list(pbkrtest = c("KRmodcomp", "PBmodcomp", "PBrefdist", "SATmodcomp", "getLRT", "get_Lb_ddf",
                                       "get_SigmaG",
                                       "model2restriction_matrix", "vcovAdj"))

# Methods of our own. A converted fit would not do: prior weights are lost, or the result should be one of lmm().
partner_methods <- list(
  insight = list(get_df = get_df_insight, get_parameters = get_parameters_insight,
                 get_predicted = get_predicted_insight, find_algorithm = find_algorithm_insight),
  parameters = list(p_value_kenward = p_value_kenward_parameters, se_kenward = se_kenward_parameters,
                    ci_kenward = ci_kenward_parameters, degrees_of_freedom = degrees_of_freedom_parameters),
  datawizard = list(standardize = standardize_datawizard),
  ggeffects = list(get_predictions = get_predictions_ggeffects),
  DHARMa = list(getSimulations = simulations_dharma, getFixedEffects = function(object, ...) fixef(object),
                getData = function(object, ...) getData.lmm_fit(object)),
  marginaleffects = list(get_coef = function(model, ...) fixef(model, add.dropped = FALSE),
                         set_coef = with_coefficients,
                         get_predict = predict_marginaleffects),
  sandwich = list(bread = no_sandwich, estfun = no_sandwich),
  MuMIn = list(coeffs = function(model) fixef(model), makeArgs = dredge_arguments)
)

# NAMESPACE has no place for these: it stops the session where a version of the package lacks one of the functions.
.onLoad <- function(libname, pkgname) {
  register_at_load(delegating(lmer_generics, through(as_lmer)))
  register_at_load(delegating(refitting_generics, through(as_refitted_lmer, check_left_out)))
  register_at_load(delegating(lmertest_generics, through(as_lmertest)))
  register_at_load(delegating(pbkrtest_generics, through(as_unweighted_lmer)))
  register_at_load(partner_methods)
  register_at_load(refused_generics)
}

# Packages -> names of generics becomes packages -> named methods.
delegating <- function(table, method) lapply(table, function(names) stats::setNames(rep(list(method), length(names)),
                                                                                    names))

register_at_load <- function(table) {
  for (package in names(table)) {
    local({
      name <- package
      setHook(packageEvent(name, "onLoad"), function(...) register_methods(name, table[[name]]))
    })
    if (isNamespaceLoaded(package)) register_methods(package, table[[package]])
  }
}

register_methods <- function(package, methods) {
  home <- asNamespace(package)
  there <- function(name) exists(name, envir = home, inherits = FALSE) || exists(name, envir = parent.env(home),
                                                                                 inherits = FALSE)
  for (name in Filter(there, names(methods))) registerS3method(name, "lmm_fit", methods[[name]], envir = home)
  if (package == "marginaleffects") {                          # its way to make a class known
    options(marginaleffects_model_classes = union(getOption("marginaleffects_model_classes"), "lmm_fit"))
  }
}

# Its formula brings the environment in which functions and weights are found, wherever the call is evaluated.
as_refitted_lmer <- function(fit) {
  out <- as_lmer(fit)
  out@call$formula <- stats::formula(out)
  if (is.null(out@call$subset)) out else on_rows_of_subset(out, fit)
}

# `subset` is taken by the groups that are left out: the data are those of the rows used.
on_rows_of_subset <- function(out, fit) {
  home <- environment(stats::formula(out))
  rows <- fit_stored_rows(fit)
  data <- tryCatch(eval(out@call$data, home), error = function(e) NULL)
  at <- if (is.data.frame(data)) positions_in(row_labels(rows), data) else NA
  if (anyNA(at)) {
    lmm_abort("input", "the data from which `subset` took the rows were not found.", what = "subset",
              fix = "Use group_influence(fit), or fit the rows themselves: lmm(formula, subset(data, ...)).")
  }
  data <- data[at, , drop = FALSE]
  for (name in c("weights", "offset")) {
    if (is.null(out@call[[name]])) next
    own <- paste0(".", name)
    data[[own]] <- rows$data[[paste0("(", name, ")")]]
    out@call[[name]] <- as.name(own)
  }
  assign(".data", data, envir = home)
  out@call$data <- quote(.data)
  out@call$subset <- NULL
  out
}

# The groups that are left out are values of variables of the data.
check_left_out <- function(fit, call, scope) {
  call <- match.call(function(model, groups, data, ...) NULL, call)
  if (is.null(call$groups)) return(invisible())
  groups <- force_argument(eval(call$groups, scope), "groups")
  data <- force_argument(eval(if (is.null(call$data)) fit@call$data else call$data, scope), "data")
  if (is.character(groups) && all(groups %in% names(data))) return(invisible())
  lmm_abort("input", paste0("`groups` must be names of variables of the data, not ", describe_value(groups), "."),
            what = "groups", value = groups,
            fix = paste0("Grouping factors in the data: ",
                         enumerate(quote_name(intersect(names(fit@flist), names(data)))), "."))
}

as_lmertest <- function(fit) lmerTest::as_lmerModLmerTest(as_lmer(fit))

as_unweighted_lmer <- function(fit) {
  check_unweighted(fit, "'pbkrtest'")
  as_lmer(fit)
}

# Kenward and Roger's method of other packages needs all prior weights to be 1.
check_unweighted <- function(fit, who) {
  if (all(row_weights(fit_rows(fit, "as_lmer()")) == 1)) return(invisible())
  lmm_abort("input", paste0("the Kenward-Roger method of ", who, " ignores prior weights."), what = "weights",
            fix = paste(
              "Use summary(fit, ddf = \"Kenward-Roger\"), anova(small, large, test = \"F\", ddf = \"Kenward-Roger\"),",
                        "vcov(fit, type = \"kenward-roger\") or bootstrap_test()."))
}

# Does a call ask for Kenward and Roger's method, by one of its words or by KR = TRUE?
asks_for_kenward <- function(call, scope) {
  parts <- as.list(call)[-1L]
  if (length(parts) && !is.null(names(parts)) && isTRUE(tryCatch(eval(parts$KR, scope),
                                                                 error = function(e) NULL))) return(TRUE)
  given <- Filter(function(part) is.character(part) || is.symbol(part) && nzchar(as.character(part)), parts)
  words <- lapply(given, function(part) if (is.symbol(part)) value_there(part, scope) else part)
  any(vapply(words, function(word) is.character(word) && any(grepl("^(kr|kenward([-_ ]?roger)?)$", tolower(word))), NA))
}

# A method that converts every fit in the call. It is called by UseMethod(), in a frame just above that of the generic.
# The call is made again as it was written, so that expressions and names in it keep their meaning; what a call makes is
# converted where it has no name and where the generic looks for its method, which must not find ours again. `check`
# sees each converted fit and the call.
through <- function(convert, check = function(fit, call, scope) NULL) {
  function(...) {
    generic <- sys.function(-1L)
    caller <- parent.frame()
    call <- spread_dots(sys.call(), caller)
    first <- dispatch_place(call, generic)
    given <- if (is.null(names(call))) character(length(call)) else names(call)
    scope <- new.env(parent = caller)
    fits <- list()
    in_place <- function(value) {
      if (!inherits(value, "lmm_fit")) return(value)
      fits <<- c(fits, list(value))
      if (length(fits) > 1L) check_comparable(fits)
      converted <- with_data_there(convert(value), scope)
      check(converted, call, scope)
      converted
    }
    for (i in seq_along(call)[-1L]) {
      part <- call[[i]]
      if (missing(part)) next
      value <- if (is.symbol(part) && !identical(part, quote(...))) value_there(part, caller) else part
      if (inherits(value, "lmm_fit")) {
        if (!is.symbol(part) || is_dots_element(part)) call[[i]] <- part <- name_for_fit(part, i, caller)
        assign(as.character(part), in_place(value), envir = scope)
      } else if (is.call(part) && (i == first || !nzchar(given[i]))) {
        call[[i]] <- as.call(list(in_place, part))
      }
    }
    if (asks_for_kenward(call, scope)) for (fit in fits) check_unweighted(fit, package_of(environment(generic)))
    call[[1L]] <- generic
    eval(call, scope)
  }
}

# Functions look for the data of a fit where its formula was written, or where they are called: `.data` is found in both
# places.
with_data_there <- function(fit, scope) {
  home <- environment(stats::formula(fit))
  look_up <- function(env) tryCatch(eval(fit@call$data, env), error = function(e) NULL)
  data <- look_up(home)
  if (!is.data.frame(data) || identical(look_up(scope), data)) return(fit)
  assign(".data", data, envir = home)
  assign(".data", data, envir = scope)
  fit@call$data <- quote(.data)
  fit
}

# Where in the call the argument is whose class chooses the method: the first one of the generic.
dispatch_place <- function(call, generic) {
  name <- names(formals(generic))[1L]
  given <- if (is.null(names(call))) character(length(call)) else names(call)
  places <- seq_along(call)[-1L]
  named <- places[given[-1L] == name]
  if (!length(named)) named <- places[nzchar(given[-1L]) & startsWith(name, given[-1L])]
  c(named, places[!nzchar(given[-1L])])[1L]
}

# The call with ..1, ..2 and so on in place of `...`, where one of these is a fit. Only what is a name there is looked
# at, and the first, which the generic may have looked at already: others may have no value of their own.
spread_dots <- function(call, caller) {
  at <- which(vapply(as.list(call), function(part) identical(part, quote(...)), NA))
  if (length(at) != 1L) return(call)
  written <- eval(quote(substitute(list(...))), place_of_dots(caller))[-1L]
  elements <- lapply(seq_along(written), function(k) as.name(paste0("..", k)))
  is_fit <- function(k) {
    looked_at <- !is.call(written[[k]]) || (k == 1L && at == 2L)
    looked_at && inherits(value_there(elements[[k]], caller), "lmm_fit")
  }
  if (!any(vapply(seq_along(written), is_fit, NA))) return(call)
  names(elements) <- names(written)
  as.call(c(as.list(call)[seq_len(at - 1L)], elements, as.list(call)[-seq_len(at)]))
}

# What the user called a fit that arrives in the dots of a function, unless the name means something else there.
name_for_fit <- function(part, place, caller) {
  if (is.symbol(part)) {
    written <- eval(quote(substitute(list(...))), place_of_dots(caller))[-1L]
    written <- written[[as.integer(sub("..", "", part, fixed = TRUE))]]
    if (is.symbol(written) && !is_dots_element(written) && !exists(as.character(written), envir = caller,
                                                                   inherits = FALSE)) return(written)
  }
  as.name(paste0("fit", if (place > 2L) place))
}

is_dots_element <- function(name) grepl("^[.][.][0-9]+$", name)

# NULL where a name has no value.
value_there <- function(name, env) suppressWarnings(tryCatch(eval(name, env), error = function(e) NULL))
