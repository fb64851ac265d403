#' henderson: linear mixed models from cross-products
#'
#' [lmm()] fits a linear mixed model by restricted or full maximum likelihood.
#' The data enter only through cross-products of the random-effects columns,
#' the fixed-effects columns and the response, so the size of a fit depends on
#' the model, not on the number of rows. The fit is plain R data: it survives
#' `saveRDS()` and needs neither the original data nor an environment later.
#'
#' Start with `vignette("introduction", "henderson")`; `vignette("cheat-sheet", "henderson")` is one page of calls.
#' Users of lme4, lmerTest, pbkrtest, nlme or SAS find the equivalent calls in
#' `vignette("for-lme4-users", "henderson")`. `make install` and `remotes::install_local(".", build_vignettes = TRUE)`
#' install the vignettes; a plain installation from source does not include them.
#'
#' @section Fit a model:
#' * nested, crossed, multilevel models; random slopes: [lmm()]
#' * repeated measures, correlated residuals (unstructured, AR(1), spatial): `residual =` of [lmm()],
#'   [subject_covariance()]
#' * unequal residual variances: `variance =` of [lmm()]; known variances or correlations: `fixed =`; negative
#'   components: `bounded = FALSE`
#' * pedigrees, kinship, genomic prediction: `relationship =` of [lmm()], [pedigree()], [precision()]
#' * kriging, effects correlated by distance: `exp(x + y | site)` in [lmm()]
#' * large crossed designs, limits of time and memory: [lmm_control()], [blocks()]
#' * data larger than memory, files, databases, data of several sites: [cross_products()], [chunks()], [sql_rows()] and
#'   `vignette("large-data", "henderson")`
#' * the same model for other responses, one or thousands: [refit()], [responses]; for other data or another formula:
#'   [update()][update.lmm_fit]
#'
#' @section Read a fit:
#' * coefficients, standard errors and tests: [summary()][summary.lmm_fit], [fixef()][coefficients],
#'   [vcov()][coefficients]
#' * variances, standard deviations, correlations: [VarCorr()][VarCorr.lmm_fit], [variance_components()] with standard
#'   errors
#' * random effects (BLUPs), their prediction error variance and reliability: [ranef()][ranef.lmm_fit], [reliability()]
#' * log-likelihood, AIC, BIC, AICc: [logLik()][logLik.lmm_fit], [AICC()]
#' * data frames of results: [tidy(), glance(), augment()][tidiers], [tidy_results]
#' * formula, model matrices, numbers of levels, other parts: [model.matrix()][model.matrix.lmm_fit], [ngrps()],
#'   [getME()]
#'
#' @section Test:
#' * terms of the fixed effects, two nested fits: [anova()][anova.lmm_fit], [drop1()][drop1.lmm_fit], [backward()]
#' * contrasts and other linear hypotheses: [contest()]; marginal means and their comparison: [emmeans_support]
#' * degrees of freedom, Kenward-Roger, Satterthwaite, cluster-robust tests: [ddf_methods()]
#' * is a variance zero, is a random slope needed: [ranova()], [rlrt()] and [lrt()] (exact)
#' * parametric bootstrap: [bootstrap_test()]
#'
#' @section Confidence intervals:
#' * coefficients, variances, correlations: [confint()][confint.lmm_fit], [profile()][profile.lmm_fit]
#' * intraclass correlation (ICC), heritability, repeatability, any function of the parameters: [quantity()]
#' * sums, differences and ratios of variance components from mean squares: [ems()] and `confint()` of it
#' * by simulation, of any statistic: [bootstrap()]
#'
#' @section Predict and simulate:
#' * predictions, confidence and prediction intervals, new groups: [predict()][predict.lmm_fit]; mean of several future
#'   observations: [predict_mean()]
#' * combinations of fixed and random effects (narrow and broad inference): [predictable()]
#' * tolerance intervals: [tolerance_interval()]
#' * new responses from a fit: [simulate()][simulate.lmm_fit]; from a formula and parameters: [simulate_lmm()]; power
#'   and sample size: [power_study()]
#'
#' @section Variance components and measurement systems:
#' * expected mean squares, ANOVA and MIVQUE0 estimates: [ems()]; gauge R&R: [gauge_rr()]
#'
#' @section Check a fit:
#' * residuals, raw, Pearson, studentized, marginal or conditional: [residuals()][residuals.lmm_fit]
#' * leverage, Cook's distance: [cooks.distance()][influence]; influence of groups: [group_influence()]
#' * plots: [plot()][plot.lmm_fit], [plot_effects()], [plot_shrinkage()], [plots of random effects][plot.ranef.lmm_fit],
#'   [plots of results][plot_results], [ggplot2 plots][autoplot.lmm_fit], [lattice plots][lattice_plots]
#' * is the fit singular: [isSingular()]
#'
#' @section Bayesian inference:
#' * posterior draws, credible intervals, predictions, Bayes factors: [posterior()], [priors], [bayes_factor()]
#'
#' @section Other packages:
#' * emmeans, multcomp, car, lmtest, nlme: [emmeans_support], [multcomp_support], [car_support], [lmtest_support],
#'   [nlme_support]
#' * a fit as an object of lme4, for packages that know only those: [as_lmer()]
#'
#' @useDynLib henderson, .registration = TRUE
#' @importFrom Rcpp evalCpp
#' @importFrom stats AIC anova BIC coef confint deviance df.residual extractAIC family fitted formula logLik
#' @importFrom stats model.frame model.matrix nobs predict residuals sigma simulate terms update vcov weights
#' @importFrom utils str
#' @concept mixed model
#' @concept overview of functions
"_PACKAGE"
