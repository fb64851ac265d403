# Generic functions of other packages that have no meaning for mixed models, or another name here: they say what to
# call.

refused_by <- function(why, fix) {
  force(why)
  force(fix)
  function(...) lmm_abort("input", why, what = "fit", fix = fix)
}

refusing <- function(names, why, fix) stats::setNames(rep(list(refused_by(why, fix)), length(names)), names)

refused_generics <- list(
  car = refusing(c("avPlot", "avPlots", "ceresPlots", "crPlots", "dfbetaPlots", "leveragePlots", "marginalModelPlots",
                   "mmps", "ncvTest", "residualPlot",
                   "residualPlots", "spreadLevelPlot", "durbinWatsonTest", "boxCox", "Boot"),
                 "this function of 'car' is for linear models without random effects.",
                 "Use plot(fit), plot(fit, resid(.) ~ x), plot_effects(fit), group_influence(fit) or bootstrap(fit)."),
  lmtest = refusing("waldtest", "waldtest() of 'lmtest' is for models without random effects.",
                    "Use anova(small, large, test = \"F\"), or contest(fit, L)."),
  afex = refusing("nice", "nice() of 'afex' is for its own models.", "Use anova(fit) or tidy(anova(fit))."),
  nlme = refusing(c("augPred", "comparePred"), "this function of 'nlme' is for its own fits.",
                  "Use predict(fit, newdata), plot_effects(fit) or plot_shrinkage(fit).")
)
