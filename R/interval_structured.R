# Limits of the parameters of fits with a residual structure.

# Matrix of limits. `asked`: the arguments of confint() but for the parameters and the method.
structured_confint <- function(fit, parm, method, asked) {
  method <- match_word(method, c("profile", "Wald", "chisq", "boot"), "method")
  asked$scale <- if (is.null(asked$scale)) { if (method %in% c("profile", "boot")) "sd" else "variance" } else
    match_word(asked$scale, c("sd", "variance"), "scale")
  check_limits(list(method = method, scale = asked$scale, ddf = asked$ddf))
  names <- c(structured_names(fit, asked$scale), names(fit_beta(fit)))
  at <- structured_positions(fit, parm, names)
  limits <- switch(method,
    boot = bootstrapped_structured(fit, at, asked),
    profile = profiled_structured(fit, at, asked),
    Wald = , chisq = structured_wald(fit, asked)[at, , drop = FALSE])
  dimnames(limits) <- list(names[at], percent_names(asked$level))
  limits
}

# Places among all parameters of those asked for, by name on either scale or by number.
structured_positions <- function(fit, parm, names) {
  k <- length(names) - length(fit_beta(fit))
  if (is.null(parm)) return(seq_along(names))
  if (identical(parm, "theta_")) return(seq_len(k))
  if (identical(parm, "beta_")) return(seq_along(names)[-seq_len(k)])
  at <- if (is.character(parm)) match(parm, names) else if (is.numeric(parm)) seq_along(names)[parm] else NA
  for (scale in c("sd", "variance")) {
    if (is.character(parm)) at <- ifelse(is.na(at), match(parm, structured_names(fit, scale)), at)
  }
  if (!anyNA(at) && length(at)) return(at)
  lmm_abort("input", paste0("`parm` must name parameters of the fit, not ", describe_value(parm), "."), what = "parm",
            value = parm, fix = paste0("There are ", enumerate(quote_name(names), 30L), "."))
}

# t limits for fixed effects, chi-square limits for variances and ranges, Wald limits for the others: SAS. Correlations
# of random effects have those of Fisher's z.
structured_wald <- function(fit, asked) {
  level <- asked$level
  information <- if (is.null(asked$information)) default_information(fit) else
    match_word(asked$information, c("observed", "expected", "average"), "information")
  check_information(fit, information)
  variances <- free_components(fit, "variance", information)
  own <- data.frame(estimate = variances$estimate, kind = ifelse(is.na(variances$df), "other", "variance"))
  kind <- profiled_parameters(fit)$kind
  own$kind <- ifelse(kind %in% c("range", "constant", "proportion"), kind, own$kind)
  if (!is.null(sigma_shift(fit_frame(fit)$residual))) own$kind[nrow(own)] <- "log"       # far outside the data
  limits <- residual_limits(own, variances$se, level)
  if (asked$scale == "sd") {
    sds <- free_components(fit, "sd", information)
    root <- !is.na(variances$df)
    limits[root, ] <- sqrt(limits[root, ])
    other <- own$kind == "other"
    z <- stats::qnorm((1 + level) / 2)
    limits[other, ] <- (sds$estimate + outer(sds$se, c(-z, z)))[other, ]
    parameters <- profiled_parameters(fit)
    random <- parameters$correlation & !is.na(parameters$term)           # as in fits with independent residuals
    limits[random, ] <- wald_sd(sds$estimate, sds$se, parameters$kind, z)[random, ]
  }
  rbind(limits, fixed_t_limits(fit, if (is.null(asked$ddf)) "Satterthwaite" else asked$ddf, level))
}

# One row for each coefficient, NA for those without an estimate.
fixed_t_limits <- function(fit, ddf, level) {
  test <- coefficient_tests(fit, ddf)$table
  out <- matrix(NA_real_, length(fit_beta(fit)), 2L)
  out[match(rownames(test), names(fit_beta(fit))), ] <-
    test[, "Estimate"] + test[, "Std. Error"] * outer(stats::qt((1 + level) / 2, test[, "df"]), c(-1, 1))
  out
}

bootstrapped_structured <- function(fit, at, asked) {
  type <- match_word(asked$boot.type, c("perc", "basic", "norm"), "boot.type")
  draws <- bootstrap(fit, function(new) stats::setNames(all_estimates(new, asked$scale), NULL), asked$nsim, asked$seed,
                     asked$threads, asked$progress)
  t(vapply(at, function(k) bootstrap_limits(draws$t0[[k]], draws$t[, k], asked$level, type), numeric(2L)))
}

# As confint() of other fits: by maximum likelihood, unless the criterion is REML or degrees of freedom are asked for.
profiled_structured <- function(fit, at, asked) {
  reml <- if (is.null(asked$criterion)) !is.null(asked$ddf) else
    match_word(asked$criterion, c("ML", "REML"), "criterion") == "REML"
  limits <- matrix(NA_real_, length(at), 2L)
  k <- variance_count(fit)
  fixed <- at > k
  if (any(!fixed)) limits[!fixed, ] <- interval_profile(fit, at[!fixed], asked$level, reml)
  if (any(fixed)) limits[fixed, ] <- if (is.null(asked$ddf)) interval_profile(fit, at[fixed], asked$level, FALSE)
                                     else fixed_t_limits(fit, asked$ddf, asked$level)[at[fixed] - k, ]
  limits
}
