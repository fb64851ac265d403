# Published values of models with a residual structure, and values by dense formulas computed elsewhere.

# The parameter behind a name of the reference table.
structure_parameter <- function(fit, name) {
  parts <- strsplit(name, ":", fixed = TRUE)[[1L]]
  own <- rownames(variance_components(fit))
  if (parts[1L] == "us") return(if (parts[2L] == parts[3L]) visit_entry(fit, "var",
                                                                        parts[2L]) else
                                                                          visit_entry(fit, "cov", parts[2L], parts[3L]))
  if (name %in% c("sigma2")) return("sigma^2")
  if (parts[1L] == "sigma2") return(paste0("var|", parts[2L]))
  if (parts[1L] == "cov" && length(parts) > 1L) return(paste0("cov|", parts[2L]))
  if (grepl("^toep", name)) return(paste0("cov", as.integer(sub("toep", "", name)) - 1L))
  if (grepl("^var[0-9]", name)) return(paste0("var(", sub("var", "", name), ")"))
  if (parts[1L] == "var") return(grep(paste0("^var_.*",
                                             if (grepl("block", name)) paste0("\\|", sub("var:", "", name), "$") else
    paste0(gsub("([*()])", "\\\\\\1", sub("var:", "", name)), "\\|")), own, value = TRUE))
  if (name == "power") return("log(pressure)")
  name
}

visit_entry <- function(fit, word, i, j = NULL) {
  visits <- visit_names(fit$frame$residual)
  paste0(word, "(", visits[as.integer(i)], if (!is.null(j)) paste0(",", visits[as.integer(j)]), ")")
}

structure_value <- function(fit, quantity) {
  rest <- sub("^[^:]*:", "", quantity)
  coefficient <- function(rest) if (rest == "arm") grep("^arm", names(fixef(fit)),
                                                        value = TRUE)[1L] else if (rest == "group") "group2" else rest
  table <- function(...) coef(summary(fit, ...))[coefficient(rest), ]
  kr <- function(type, information = "observed") table(ddf = "Kenward-Roger", type = type, information = information)
  contrast <- if (grepl("Bridger|linear irrig", quantity)) linesource_contrast(fit, rest)
  row <- function() contest(fit, contrast, joint = FALSE)
  head <- sub(":.*", "", quantity)
  if (grepl(":(lower|upper)$", quantity)) {
    parameter <- structure_parameter(fit, sub(":(lower|upper)$", "", quantity))
    return(confint(fit, parameter, method = "Wald")[1L, if (grepl("lower", quantity)) 1L else 2L])
  }
  switch(head,
    minus2ll = -2 * as.numeric(logLik(fit)), loglik_reml = as.numeric(logLik(fit)),
    beta = fixef(fit)[[coefficient(rest)]],
    se = if (is.null(contrast)) sqrt(diag(as.matrix(vcov(fit))))[[coefficient(rest)]] else row()[["Std. Error"]],
    estimate = row()$Estimate,
    df_satterthwaite = if (is.null(contrast)) satterthwaite_value(fit, rest, table) else row()$df,
    df_satterthwaite_expected = , df_expected = table(ddf = "Satterthwaite", information = "expected")[["df"]],
    kr_se_full = kr("full")[["Std. Error"]], kr_se_linear = kr("linear")[["Std. Error"]],
    kr_se_full_expected = kr("full", "expected")[["Std. Error"]], df_kr = kr("linear")[["df"]],
    se_observed = , se_expected = variance_components(fit, information = sub("se_", "",
                                                                             head))[structure_parameter(fit, rest),
                                                                                    "se"],
    aic_sas = AIC(fit, compat = "SAS"), bic_sas = BIC(fit, compat = "SAS"), aicc_sas = AICC(fit, compat = "SAS"),
    F = term_f(fit, rest),
    variance_components(fit)[structure_parameter(fit, quantity), "estimate"])
}

# The effect of arm averaged over four visits is a contrast; everywhere else it is a coefficient.
averaged_arm <- function(fit) {
  l <- stats::setNames(numeric(length(fixef(fit))), names(fixef(fit)))
  l[grep("^arm[A-Z]+$", names(l))] <- 1
  l[grep("^arm.*:", names(l))] <- 1 / 4
  l
}

satterthwaite_value <- function(fit, rest, table) {
  if (rest == "arm" && length(fixef(fit)) > 2L) contest(fit, averaged_arm(fit), joint = FALSE)$df else table()[["df"]]
}

term_f <- function(fit, term) {
  if (term == "arm") return(contest(fit, averaged_arm(fit))[["F value"]])
  anova(fit)[term, "F value"]
}

test_that("published values of residual structures are reproduced to the digits given", {
  skip_if_not_installed("nlme")
  reference <- utils::read.csv(test_path("reference", "structures.csv"))
  for (name in unique(reference$model)) {
    fit <- structure_fit(name)
    rows <- reference[reference$model == name, ]
    for (k in seq_len(nrow(rows))) {
      value <- structure_value(fit, rows$quantity[k])
      expect_printed(value, rows$value[k], rows$digits[k], label = paste(name, rows$quantity[k]))
    }
  }
})
