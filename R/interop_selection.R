# Packages 'MuMIn' and 'DHARMa': their methods for fits of 'lme4' know the class, or leave prior weights out of account.

# The formula of a submodel, with the random terms.
dredge_arguments <- function(obj, termNames, opt, ...) {
  out <- NextMethod()
  if (!is.null(opt$random)) out$formula <- stats::update.formula(out$formula, opt$random)
  out
}

# A matrix with a column per response (type "normal"), or the data frame of simulate().
simulations_dharma <- function(object, nsim = 1, simulateREs = c("conditional", "unconditional", "user-specified"),
                               type = c("normal", "refit"), ...) {
  which <- check_choice(simulateREs[1L], c("conditional", "unconditional", "user-specified"), "simulateREs")
  type <- check_choice(type[1L], c("normal", "refit"), "type")
  arguments <- list(object, nsim = nsim, ...)
  if (which != "user-specified") {
    if ("re.form" %in% names(arguments)) {
      lmm_abort("input", "`re.form` needs `simulateREs = \"user-specified\"`.", what = "re.form")
    }
    arguments["re.form"] <- list(if (which == "unconditional") NA)
  }
  out <- do.call(stats::simulate, arguments)
  left_out <- attr(fit_rows(object, "DHARMa")$data, "na.action")
  if (nrow(out) > fit_nobs(object) && length(left_out)) out <- out[-left_out, , drop = FALSE]
  if (type == "normal") data.matrix(out) else out
}

# ---- 'marginaleffects' ----

# The fit with other fixed effects, its random effects unchanged.
with_coefficients <- function(model, coefs, ...) {
  model$estimates$beta[names(coefs)] <- as.vector(coefs)
  model
}

predict_marginaleffects <- function(model, newdata = NULL, type = "response", re.form = NULL, allow.new.levels = FALSE,
                                    ...) {
  estimate <- unname(stats::predict(model, newdata, re.form = re.form, allow.new.levels = allow.new.levels))
  rowid <- if (is.null(newdata$rowid)) seq_along(estimate) else newdata$rowid
  data.frame(rowid = rowid, estimate = as.vector(estimate))
}

# ---- 'sandwich' ----

no_sandwich <- function(x, ...) {
  lmm_abort("input", "'sandwich' has no estimating functions for mixed models.", what = "sandwich",
            fix = paste("Use vcov(fit, type = \"CR2\", cluster = ~ g), summary(fit, ddf = \"cluster-robust\", cluster",
                        "= ~ g), or clubSandwich::vcovCR(fit)."))
}
