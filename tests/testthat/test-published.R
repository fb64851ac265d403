# Every published number that follows from the estimates (origin: reference/README.md), to the last digit printed.

# What a quantity of reference/outputs.csv is of a fit; NULL for what is not a matter of the estimates.
published_quantity <- function(fit, quantity) {
  kind <- sub(":.*", "", quantity)
  rest <- sub("^[^:]*:?", "", quantity)
  quantiles <- c(min = 0, `1q` = 0.25, median = 0.5, `3q` = 0.75, max = 1)
  if (grepl("residual_", kind)) {
    q <- quantile(residuals(fit, "scaled"), quantiles[[sub(".*_", "", kind)]], names = FALSE)
    # 'lme4' rounds to five digits, then prints four: the exact -0.124346 is published as -0.1244
    return(if (startsWith(kind, "scaled")) round(q, 5) else q)
  }
  switch(kind,
    reml_criterion = REMLcrit(fit),
    varcomp = published_component(fit, rest)^2, sd = published_component(fit, rest),
    beta = fixef(fit)[[rest]], se = sqrt(vcov(fit)[rest, rest]), t = coef(summary(fit))[rest, "t value"],
    cor = published_correlation(fit, rest),
    coef = published_level(coef(fit), rest), ranef = published_level(ranef(fit), rest),
    predict = predict(fit, stats::setNames(data.frame(rest), names(ngrps(fit)))),
    nobs = nobs(fit), ngroups = ngrps(fit)[[rest]],
    icc = published_component(fit, paste0(names(ngrps(fit)), ":(Intercept)"))^2 / total_variance(fit),
    cv = sqrt(total_variance(fit)) / fixef(fit)[[1]],
    loglik_reml = logLik(fit), aic_nlme = AIC(fit, compat = "nlme"), bic_nlme = BIC(fit, compat = "nlme"),
    published_ml(fit, kind))
}

published_component <- function(fit, name) {
  parts <- as.data.frame(VarCorr(fit))
  parts$sdcor[match(name, ifelse(is.na(parts$var1), parts$grp, paste(parts$grp, parts$var1, sep = ":")))]
}

total_variance <- function(fit) sum(as.data.frame(VarCorr(fit))$vcov)

published_level <- function(levels, name) {
  group <- names(levels)[1]
  levels[[group]][sub(paste0("^", group, ":"), "", name), "(Intercept)"]
}

# Names hold ":" themselves, hence the pair is looked up among all pairs.
published_correlation <- function(fit, name) {
  R <- cov2cor(vcov(fit))
  pairs <- outer(rownames(R), colnames(R), paste, sep = ":")
  R[which(pairs == name)[1]]
}

# The comparison of models was made with fits by maximum likelihood.
published_ml <- function(fit, kind) {
  if (!kind %in% c("lrt_npar", "lrt_aic", "lrt_bic", "lrt_loglik", "lrt_deviance")) return(NULL)
  ml <- refit_ml(fit)
  switch(kind, lrt_npar = attr(logLik(ml), "df"), lrt_aic = AIC(ml), lrt_bic = BIC(ml), lrt_loglik = logLik(ml),
         lrt_deviance = deviance(ml))
}

inference <- "^(df|p|anova|lrt_chisq|lrt_df|lrt_p|exact|profile|posterior|kr|ci|chisq|satterthwaite|ems|icc_exact|df_containment|p_containment)"

for (model in c("irrigation_full", "irrigation_additive", "pulp", "penicillin", "rats", "wateruse_diag", "sires")) {
  test_that(paste("published numbers of", model, "are reached"), {
    fit <- example_fit(model)
    outputs <- reference_outputs(model)
    outputs <- outputs[outputs$digits != "mc", ]
    for (i in seq_len(nrow(outputs))) {
      quantity <- outputs$quantity[i]
      if (grepl(inference, quantity) && !startsWith(quantity, "predict")) next
      value <- published_quantity(fit, quantity)
      expect_false(is.null(value), label = quantity)
      if (!is.null(value)) expect_printed(value, outputs$value[i], outputs$digits[i], paste(model, quantity))
    }
  })
}

test_that("the two models of the split plot differ by the published chi-square", {
  small <- refit_ml(example_fit("irrigation_additive"))
  large <- refit_ml(example_fit("irrigation_full"))
  expect_printed(deviance(small) - deviance(large), "1.3503", 4, "chi-square")
})
