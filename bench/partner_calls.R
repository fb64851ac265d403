# The calls of bench/partners.R. `m`: a fit, `s`: the same model without a fixed effect. Each call is made with fits of
# lmm() and of lmer(). Names of models: see partner_models(). A call without a model is made for "slope".

# `expected`: "same" numbers; "stops", ours must be a classed error of this package; "as_lmer", the package knows
# classes by a list, and the converted fit must give the same numbers; "differs", for a reason that the vignette names.
partner_call <- function(expr, model = "slope", expected = "same", tolerance = 2e-3) {
  list(expr = substitute(expr), model = model, expected = expected, tolerance = tolerance)
}

partner_calls <- list(
  emmeans = list(
    partner_call(emmeans(m, ~variety, lmer.df = "satterthwaite"), "nested"),
    partner_call(emmeans(m, ~variety, lmer.df = "kenward-roger"), "nested"),
    partner_call(emmeans(m, ~variety, lmer.df = "asymptotic"), "nested"),
    partner_call(pairs(emmeans(m, ~nitro | variety, lmer.df = "kenward-roger")), "nested"),
    partner_call(contrast(emmeans(m, ~nitro, lmer.df = "satterthwaite"), "poly"), "nested"),
    partner_call(emtrends(m, ~1, var = "Days", lmer.df = "satterthwaite")),
    partner_call(joint_tests(m, lmer.df = "satterthwaite"), "nested"),
    partner_call(ref_grid(m, at = list(Days = 3), lmer.df = "satterthwaite")),
    partner_call(emmeans(m, ~Days, mode = "link", df = Inf)),
    partner_call(predict(ref_grid(m, at = list(Days = 3)), interval = "prediction", sigma = 1, df = Inf)),
    partner_call(emmeans(m, ~sex, lmer.df = "satterthwaite"), "weighted")),
  multcomp = list(
    partner_call(summary(glht(m, mcp(nitro = "Tukey")))$test[c("coefficients", "sigma", "tstat")], "nested"),
    partner_call(coef(glht(m, "Days = 0"))),
    partner_call(cld(glht(m, mcp(nitro = "Tukey")))$mcletters$Letters, "nested")),
  car = list(
    partner_call(Anova(m), "nested"), partner_call(Anova(m, type = 3), "nested"),
    partner_call(Anova(m, test.statistic = "F"), "nested"), partner_call(linearHypothesis(m, "Days = 0")),
    partner_call(linearHypothesis(m, "Days = 10")), partner_call(vif(m), "nested"),
    partner_call(deltaMethod(m, "Days^2")),
    partner_call(outlierTest(m)$rstudent)),
  lmtest = list(partner_call(lrtest(m, s)[["LogLik"]], "ml"), partner_call(lrtest(m, s)[["Pr(>Chisq)"]], "ml")),
  clubSandwich = list(
    partner_call(vcovCR(m, type = "CR2")), partner_call(coef_test(m, vcov = "CR2")),
    partner_call(conf_int(m, vcov = "CR2")),
    partner_call(Wald_test(m, constrain_zero(2), vcov = "CR2"))),
  sandwich = list(partner_call(bread(m), expected = "stops"), partner_call(sandwich(m), expected = "stops")),
  pbkrtest = list(
    partner_call(KRmodcomp(m, s)$stats[c("Fstat", "ddf", "p.value")]), partner_call(vcovAdj(m)),
    partner_call(SATmodcomp(m, s)$test[c("statistic", "ddf", "p.value")]), partner_call(get_Lb_ddf(m, c(0, 1))),
    partner_call(vcovAdj(m), "weighted", "stops"), partner_call(KRmodcomp(m, s), "weighted", "stops")),
  lmerTest = list(
    partner_call(contest(m, c(0, 1))[c("F value", "DenDF", "Pr(>F)")]), partner_call(ls_means(m), "nested"),
    partner_call(difflsmeans(m), "nested"), partner_call(ls_means(m, ddf = "Kenward-Roger"), "nested"),
    partner_call(ls_means(m, ddf = "Kenward-Roger"), "weighted", "stops"), partner_call(contest1D(m, c(0, 1))),
    partner_call(contestMD(m, rbind(c(0, 1)))[c("F value", "DenDF", "Pr(>F)")])),
  lme4 = list(
    partner_call(fixef(m)), partner_call(as.data.frame(VarCorr(m))$sdcor, "nested"),
    partner_call(as.data.frame(ranef(m))$condval),
    partner_call(as.data.frame(ranef(m))$condsd), partner_call(getME(m, "theta")),
    partner_call(sigma(refit(m, simulate(s, 1, seed = 1)[[1]]))),
    partner_call(logLik(refitML(m))), partner_call(rePCA(m)[[1]]$sdev),
      partner_call(cooks.distance(influence(m, "Subject"))),
    partner_call(isSingular(m)), partner_call(ngrps(m), "nested"),
    partner_call(bootMer(m, fixef, 5, seed = 1)$t), partner_call(allFit(m), expected = "stops")),
  nlme = list(partner_call(fixed.effects(m)), partner_call(random.effects(m)[[1]]), partner_call(getData(m)$Reaction),
              partner_call(intervals(m)$fixed), partner_call(getVarCov(m)), partner_call(ACF(m)$ACF),
                partner_call(Variogram(m)$variog)),
  insight = list(
    partner_call(get_variance(m)), partner_call(get_df(m, "satterthwaite")), partner_call(get_df(m, "kenward")),
    partner_call(get_df(m)), partner_call(get_statistic(m)), partner_call(get_parameters(m)),
    partner_call(get_sigma(m)),
    partner_call(get_loglikelihood(m)), partner_call(get_predicted(m, include_random = FALSE)),
    partner_call(n_parameters(m)),
    partner_call(get_varcov(m)), partner_call(find_formula(m)), partner_call(get_response(m)),
    partner_call(get_modelmatrix(m)),
    partner_call(is_mixed_model(m)), partner_call(null_model(m)@devcomp$cmp[["REML"]])),
  parameters = list(
    partner_call(model_parameters(m)), partner_call(model_parameters(m, ci_method = "satterthwaite")),
    partner_call(model_parameters(m, ci_method = "kenward")),
    partner_call(model_parameters(m, ci_method = "kenward"), "weighted", "stops"),
    partner_call(model_parameters(m, effects = "fixed"), "weighted"),
    partner_call(model_parameters(m, standardize = "refit", effects = "fixed")),
    partner_call(p_value(m)), partner_call(ci(m)), partner_call(standard_error(m)), partner_call(se_kenward(m)$SE),
    partner_call(p_value_kenward(m)$p), partner_call(dof_kenward(m)),
    partner_call(ci_kenward(m)[c("CI_low", "CI_high")]),
    partner_call(dof_satterthwaite(m)), partner_call(nrow(compare_parameters(m, s)), expected = "as_lmer")),
  performance = list(
    partner_call(r2(m)), partner_call(icc(m)), partner_call(model_performance(m)), partner_call(check_singularity(m)),
    partner_call(check_collinearity(m), "nested"), partner_call(performance_rmse(m)),
    partner_call(check_heteroscedasticity(m)),
    partner_call(compare_performance(m, s)), partner_call(test_wald(s, m)), partner_call(test_likelihoodratio(s, m)),
    partner_call(test_bf(s, m)$log_BF), partner_call(check_convergence(m) + 0), partner_call(check_outliers(m) + 0)),
  datawizard = list(partner_call(fixef(standardize(m))["Days"]),
                    partner_call(fixef(standardize(m))["Days"], "weighted")),
  effectsize = list(partner_call(standardize_parameters(m, method = "refit")$Std_Coefficient[2]),
                    partner_call(eta_squared(m)$Eta2_partial, "nested")),
  ggeffects = list(
    partner_call(ggpredict(m, "Days")[c("predicted", "conf.low", "conf.high")]),
    partner_call(ggpredict(m, "Days", type = "random")$predicted),
    partner_call(ggpredict(m, c("nitro", "variety"))$predicted, "nested"),
    partner_call(ggemmeans(m, "Days", ci.lvl = 0.95)$predicted), partner_call(ggeffect(m, "Days")$predicted)),
  effects = list(partner_call(Effect("Days", m)[c("fit", "se")]), partner_call(Effect("Days", m, KR = TRUE)["se"]),
                 partner_call(Effect("Days", m, KR = TRUE), "weighted", "stops"), partner_call(allEffects(m)[[1]]$fit,
                 "nested"),
                 partner_call(predictorEffect("Days", m)$fit)),
  sjPlot = list(partner_call(plot_model(m)$data$estimate, "nested"),
                partner_call(plot_model(m, type = "std")$data$estimate, "nested"),
                partner_call(plot_model(m, type = "pred", terms = "Days")$data$predicted),
                partner_call(length(plot_model(m, type = "diag")), expected = "differs")),
  broom.mixed = list(
    partner_call(tidy(m, effects = "fixed",
                      conf.int = TRUE)[c("estimate", "std.error", "df", "p.value", "conf.low", "conf.high")]),
    partner_call(sort(tidy(m, effects = "ran_pars")$estimate)),
    partner_call(sort(tidy(m, effects = "ran_vals")$estimate)),
    partner_call(glance(m)[c("nobs", "sigma", "logLik", "AIC", "BIC", "REMLcrit", "df.residual")]),
    partner_call(augment(m)[c(".fitted", ".resid", ".fixed")])),
  MuMIn = list(
    partner_call(AICc(m)), partner_call(model.sel(m, s)[c("Days", "df", "logLik", "AICc", "weight")]),
    partner_call(dredge(m)[c("Days", "AICc", "weight")], "ml"), partner_call(r.squaredGLMM(m)),
    partner_call(coef(model.avg(m, s)), "ml"),
    partner_call(std.coef(m, FALSE))),
  DHARMa = list(
    partner_call(simulateResiduals(m, simulateREs = "conditional", seed = 1)$scaledResiduals),
    partner_call(simulateResiduals(m, simulateREs = "unconditional", seed = 1)$scaledResiduals)),
  marginaleffects = list(
    partner_call(predictions(m, re.form = NA)[c("estimate", "std.error")]),
    partner_call(avg_slopes(m, re.form = NA)[c("estimate", "std.error")]),
    partner_call(hypotheses(m, "Days = 0")[c("estimate", "std.error")]),
    partner_call(avg_comparisons(m, variables = "nitro", re.form = NA)[c("estimate", "std.error")], "nested")),
  modelsummary = list(partner_call(get_estimates(m)[c("estimate", "std.error")]),
                      partner_call(get_gof(m)[c("aic", "bic", "rmse")])),
  gtsummary = list(partner_call(tbl_regression(m)$table_body$estimate, "nested")),
  texreg = list(partner_call(extract(m)@coef[1:2])),
  stargazer = list(partner_call(length(stargazer(m, type = "text")) > 3)),
  arm = list(partner_call(se.fixef(m), expected = "as_lmer"), partner_call(se.ranef(m)[[1]])),
  merTools = list(partner_call(REextract(m)[["(Intercept)"]], expected = "as_lmer")),
  influence.ME = list(partner_call(influence(m, "Subject")$alt.fixed, expected = "as_lmer")),
  boot = list(partner_call(boot.ci(bootMer(m, fixef, 50, seed = 1), type = "perc")$percent[4:5])),
  afex = list(partner_call(nrow(afex_plot(m, "nitro", return = "data")$means), "nested")),
  cAIC4 = list(partner_call(cAIC(m)$caic, expected = "as_lmer")),
  flextable = list(partner_call(nrow(as_flextable(m)$body$dataset)))
)
