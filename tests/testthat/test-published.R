# Every row of reference/outputs.csv (origin: reference/README.md), to the last digit printed. Other tests look closer
# at the tables as they are printed; here no row is passed over.

# What a quantity is of a fit: of the estimates, or else of tests and intervals.
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

published_test_quantity <- function(fit, model, quantity) {
  kind <- sub(":.*", "", quantity)
  rest <- sub("^[^:]*:?", "", quantity)
  switch(sub("_.*", "", kind),
    df = , p = published_row_quantity(fit, kind, rest),
    anova3satt = , anova3kr = published_anova(fit, kind, rest),
    anova = published_ems(fit, kind, rest),
    ems = ems(fit)$ems[sub(":.*", "", rest), sub(".*:", "", rest)],
    ci = contest(fit, 1, joint = FALSE, ddf = "containment")[[c(ci_lo = "lower", ci_hi = "upper")[[kind]]]],
    chisq = confint(fit, method = "chisq", scale = "variance")[match(rest, variance_components(fit)$grp),
                                                               published_side(kind)],
    satterthwaite = subset(variance_components(fit), grp == rest)$df,
    icc = ems(fit)$icc[[c(icc_exact_lo = "lower", icc_exact_hi = "upper")[[kind]]]],
    profile = confint(fit)[rest, published_side(kind)],
    lrt = published_lrt(kind), kr = published_kr(kind),
    exact = rlrt(fit)[[c(exact_rlrt = "statistic", exact_rlrt_p = "p.value")[[kind]]]])
}

published_side <- function(kind) if (endsWith(kind, "lo")) 1L else 2L

# Degrees of freedom and p-values of coefficients. Those of 'nlme' and of SAS are called containment; 'nlme' prints one
# number for all coefficients.
published_row_quantity <- function(fit, kind, name) {
  ddf <- if (!endsWith(kind, "containment")) "Satterthwaite" else if (name == "" &&
                                                                      length(fixef(fit)) > 1L) "inner-outer"
         else "containment"
  table <- coef(summary(fit, ddf = ddf))
  rows <- if (name == "") rownames(table) else name
  unique(table[rows, if (startsWith(kind, "df")) "df" else "Pr(>|t|)"])
}

published_anova <- function(fit, kind, term) {
  table <- anova(fit, type = 3, ddf = if (startsWith(kind, "anova3kr")) "Kenward-Roger" else "Satterthwaite")
  columns <- c(sumsq = "Sum Sq", meansq = "Mean Sq", numdf = "NumDF", dendf = "DenDF", f = "F value", p = "Pr(>F)")
  table[term, columns[[sub(".*_", "", kind)]]]
}

published_ems <- function(fit, kind, source) {
  a <- ems(fit)
  switch(kind, anova_ss = a$table[source, "Sum Sq"], anova_ms = a$table[source, "Mean Sq"],
         anova_df = a$table[source, "Df"],
         anova_f = a$tests[source, "F value"], anova_p = a$tests[source, "Pr(>F)"])
}

# Comparisons of two models belong to the larger.
published_lrt <- function(kind) {
  table <- suppressMessages(anova(example_fit("irrigation_additive"), example_fit("irrigation_full")))
  table[2, c(lrt_chisq = "Chisq", lrt_df = "Df", lrt_p = "Pr(>Chisq)")[[kind]]]
}

published_kr <- function(kind) {
  models <- lapply(c("penicillin_ml", "penicillin_null_ml"), example_fit)
  table <- suppressMessages(anova(models[[1]], models[[2]], test = "F", ddf = "Kenward-Roger"))
  table[2, c(kr_f = "F value", kr_ndf = "NumDF", kr_ddf = "DenDF", kr_fscaling = "F.scaling", kr_p = "Pr(>F)")[[kind]]]
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

# Rows that wait for another part: residual structures.
waiting <- function(rows) rows$model == "wateruse_exp"

# A sampler's default prior, 1 / variance, cut where that sampler cuts it: see vignette("posterior").
published_posterior <- function(fit, quantity) {
  draws <- posterior(fit, 1e4, prior = prior_mcmcglmm(lower = 1e-17), seed = 1)
  limits <- summary(draws, exact = TRUE)["(Intercept)", ]
  switch(sub(":.*", "", quantity), posterior_mean = limits$mean, posterior_lo = limits$lower,
         posterior_hi = limits$upper)
}

# Two printed numbers are not the rounded exact ones: the last digit of a p-value (the search that was printed ended
# early; the layout is balanced, so the exact value is known), and a sum of squares that R printed as 2.4545.
inexact_rows <- c("pulp p:(Intercept)", "irrigation_full anova3kr_sumsq:irrigation")

compare_row <- function(value, row) {
  label <- paste(row$model, row$quantity)
  expect_length(value, 1L)
  if (label %in% inexact_rows) return(expect_equal(value, as.numeric(row$value), tolerance = 3e-5, label = label))
  if (row$digits != "mc") return(expect_printed(value, row$value, row$digits, label))
  if (startsWith(row$quantity, "posterior_")) {                # between runs limits vary by 0.033, means by 0.0045
    return(expect_lt(abs(value - as.numeric(row$value)), if (startsWith(row$quantity, "posterior_mean")) 0.01 else 0.08,
                     label = label))
  }
  p <- as.numeric(row$value)                                   # simulated from 10000 values
  expect_lt(abs(value - p), 3 * sqrt(p * (1 - p) / 10000), label = label)
}

all_rows <- read.csv(test_path("reference", "outputs.csv"), colClasses = "character")

for (model in unique(all_rows$model[!waiting(all_rows)])) {
  test_that(paste("published numbers of", model, "are reached"), {
    fit <- example_fit(model)
    rows <- all_rows[all_rows$model == model & !waiting(all_rows), ]
    for (i in seq_len(nrow(rows))) {
      value <- published_quantity(fit, rows$quantity[i])
      if (startsWith(rows$quantity[i], "posterior_")) value <- published_posterior(fit, rows$quantity[i])
      if (is.null(value)) value <- published_test_quantity(fit, model, rows$quantity[i])
      expect_false(is.null(value), label = paste(model, rows$quantity[i]))
      if (!is.null(value)) compare_row(unname(as.numeric(value)), rows[i, ])
    }
  })
}

test_that("no more than the named rows wait", {
  expect_identical(sum(waiting(all_rows)), sum(all_rows$model == "wateruse_exp"))
  expect_identical(nrow(all_rows), 285L)
})

test_that("the two models of the split plot differ by the published chi-square", {
  small <- refit_ml(example_fit("irrigation_additive"))
  large <- refit_ml(example_fit("irrigation_full"))
  expect_printed(deviance(small) - deviance(large), "1.3503", 4, "chi-square")
})
