# Packages 'insight', 'parameters', 'datawizard' and 'ggeffects': methods for what a converted fit does not do, or does
# wrongly.

# An exported function of a package that may be absent.
partner <- function(package, name) getExportedValue(package, name)

# ---- degrees of freedom ----

df_method_words <- c(satterthwaite = "Satterthwaite", kenward = "Kenward-Roger", `kenward-roger` = "Kenward-Roger",
                     kr = "Kenward-Roger")

get_df_insight <- function(x, type = "residual", ...) {
  ddf <- if (is.character(type) && length(type) == 1L) df_method_words[tolower(type)] else NA
  if (!is.na(ddf) && !isTRUE(list(...)$df_per_obs)) return(coefficient_df(x, ddf))
  if (identical(unname(ddf), "Kenward-Roger")) check_unweighted(x, "'insight'")
  partner("insight", "get_df")(as_lmer(x), type = type, ...)
}

# The coefficients of the fit itself: 'marginaleffects' changes them to find derivatives.
get_parameters_insight <- function(x, effects = "fixed", ...) {
  if (!identical(effects, "fixed")) return(partner("insight", "get_parameters")(as_lmer(x), effects = effects, ...))
  beta <- fixef(x, add.dropped = FALSE)
  data.frame(Parameter = names(beta), Estimate = unname(beta), stringsAsFactors = FALSE)
}

find_algorithm_insight <- function(x, ...) list(algorithm = if (fit_is_reml(x)) "REML" else "ML", optimizer = "Newton")

coefficient_df <- function(fit, ddf) {
  table <- coef(summary(fit, ddf = ddf))
  out <- stats::setNames(table[, "df"], rownames(table))
  if (ddf == "Kenward-Roger") attr(out, "vcov") <- vcov(fit, type = "kenward-roger", complete = FALSE)
  attr(out, "se") <- unname(table[, "Std. Error"])
  out
}

kenward_table <- function(model) coef(summary(model, ddf = "Kenward-Roger"))

se_kenward_parameters <- function(model, ...) {
  table <- kenward_table(model)
  data.frame(Parameter = rownames(table), SE = unname(table[, "Std. Error"]))
}

p_value_kenward_parameters <- function(model, dof = NULL, ...) {
  table <- kenward_table(model)
  if (is.null(dof)) dof <- table[, "df"]
  data.frame(Parameter = rownames(table), p = unname(2 * stats::pt(abs(table[, "t value"]), dof, lower.tail = FALSE)))
}

ci_kenward_parameters <- function(model, ci = 0.95, ...) {
  for (level in ci) check_level(level, "ci")
  table <- kenward_table(model)
  limits <- lapply(ci, function(level) {
    half <- stats::qt((1 + level) / 2, table[, "df"]) * table[, "Std. Error"]
    data.frame(Parameter = rownames(table), CI = level, CI_low = unname(table[, "Estimate"] - half),
               CI_high = unname(table[, "Estimate"] + half))
  })
  do.call(rbind, limits)
}

degrees_of_freedom_parameters <- function(model, method = "analytical", ...) {
  ddf <- if (is.character(method) && length(method) == 1L) df_method_words[tolower(method)] else NA
  if (!is.na(ddf)) coefficient_df(model, ddf) else partner("parameters",
                                                           "degrees_of_freedom")(as_lmer(model), method = method, ...)
}

# Early versions of 'parameters' compute the method of Kenward and Roger themselves, from parts of the fit.
check_parts_for_kenward <- function(fit, name, caller) {
  home <- topenv(caller)
  if ("is_REML" %in% name && isNamespace(home) && exists(".get_SigmaG", home,
                                                         inherits = FALSE)) check_unweighted(fit, package_of(home))
}

# The quoted name of the package that an environment belongs to.
package_of <- function(env) {
  home <- topenv(env)
  if (isNamespace(home)) paste0("'", getNamespaceName(home), "'") else "this function"
}

# ---- predictions of 'ggeffects' ----

# Version 1 knows models by a list of classes and asks 'insight' for all others, for the first level of each grouping
# factor.
get_predicted_insight <- function(x, ...) {
  home <- topenv(parent.frame())
  if (package_of(home) == "'ggeffects'" && !exists("get_predictions", home, inherits = FALSE)) {
    lmm_abort("input",
      paste("this version of 'ggeffects' does not know fits of lmm(): it would predict for the first level of each",
                             "grouping factor in place of the population."), what = "ggeffects",
              fix = "Give it as_lmer(fit), install 'ggeffects' 2.0 or later, or use ggeffect() or emmeans::emmeans().")
  }
  partner("insight", "get_predicted")(as_lmer(x), ...)
}

# The grid has the first level of a grouping factor that is not asked for; for fits of 'lme4' it has 0 there, the
# population, and so have the notes below the printed result, which are made of the grid of the calling function.
get_predictions_ggeffects <- function(model, data_grid = NULL, terms = NULL, ...) {
  data_grid <- population_grid(model, data_grid, terms)
  caller <- parent.frame()
  if (is.data.frame(get0("data_grid", caller, inherits = FALSE))) assign("data_grid", data_grid, envir = caller)
  partner("ggeffects", "get_predictions")(as_lmer(model), data_grid = data_grid, terms = terms, ...)
}

population_grid <- function(fit, grid, terms) {
  grouping <- unique(unlist(lapply(fit_groups(fit), function(group) all.vars(group$expr))))
  asked <- c(sub("[[:space:]]*\\[.*$", "", terms), all.vars(stats::formula(fit, fixed.only = TRUE)))
  constant <- attr(grid, "constant.values")
  for (name in intersect(setdiff(grouping, asked), intersect(names(grid), names(constant)))) {
    grid[[name]] <- 0
    constant[[name]] <- "0 (population-level)"
  }
  attr(grid, "constant.values") <- constant
  grid
}

# ---- standardized models ----

# 'datawizard' standardizes the data and updates the model; the converted fit says how: by lmm().
standardize_datawizard <- function(x, ...) {
  converted <- as_lmer(x)
  converted@call[[1L]] <- quote(henderson::lmm)
  partner("datawizard", "standardize")(converted, ...)
}
