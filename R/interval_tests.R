# Limits of fixed effects by their t tests, and where limits of other kinds disagree with these.

# Limits of all coefficients; NA where there is no estimate.
t_limits <- function(fit, ddf, level) {
  out <- matrix(NA_real_, length(fit_beta(fit)), 2L)
  kept <- fit_estimable(fit)
  if (!any(kept)) return(out)
  table <- coefficient_tests(fit, ddf)$table
  half <- stats::qt((1 + level) / 2, table[, "df"]) * table[, "Std. Error"]
  out[kept, ] <- table[, "Estimate"] + cbind(-half, half)
  out
}

# Limits disagree with tests where they are narrower by more than this share.
disagreement <- 0.05

# One message where limits without degrees of freedom are too narrow for few groups.
report_disagreement <- function(fit, wanted, asked) {
  if (asked$method == "boot" || fit_shown_sigma(fit) == 0) return(invisible())
  k <- nrow(variance_parameters(fit))
  few <- few_degrees(fit, wanted[wanted > k] - k, asked)
  biased <- if (asked$method == "profile" && asked$criterion == "ML") understated_deviations(fit, wanted[wanted <= k])
  if (!length(few) && !length(biased)) return(invisible())
  text <- c(if (length(few)) paste0("limits of ", enumerate(quote_name(names(few))),
                                    " ignore that the t tests of summary() have only ", df_range(few),
                                    " degrees of freedom, and can be too narrow"),
            if (length(biased)) paste0("maximum likelihood underestimates ", enumerate(quote_name(biased)),
                                       " here, with limits that are too low"))
  lmm_inform("limits", paste0(paste(text, collapse = "; "), "."), what = c(names(few), biased), value = few,
             fix = paste0("confint(", fit_word(), ", ",
                          if (asked$method != "profile") paste0("method = \"", asked$method, "\", "),
                          "ddf = \"Satterthwaite\") gives limits that agree with the tests."))
}

# "4", or "4 to 7.3".
df_range <- function(df) paste(unique(format(round(range(df), 1L), trim = TRUE, drop0trailing = TRUE)),
                               collapse = " to ")

# How the user called the fit.
fit_word <- function() {
  call <- user_call()
  word <- if (is.call(call) && length(call) > 1L) call[[2L]]
  if (is.symbol(word)) as.character(word) else "fit"
}

# The coefficients at these places whose t quantile is well above the normal one, with their degrees of freedom.
few_degrees <- function(fit, at, asked) {
  if (!length(at) || !information_is_cheap(fit, asked$method)) return(NULL)
  df <- tryCatch(coefficient_tests(fit, "Satterthwaite")$table[, "df"], lmm_error = function(e) NULL)
  if (is.null(df)) return(NULL)
  all <- rep(NA_real_, length(fit_beta(fit)))
  all[fit_estimable(fit)] <- df
  p <- (1 + asked$level) / 2
  few <- at[which(stats::qt(p, all[at]) > (1 + disagreement) * stats::qnorm(p))]
  stats::setNames(all[few], names(fit_beta(fit))[few])
}

# Many crossed effects: the information takes longer than Wald limits.
information_is_cheap <- function(fit, method) {
  method == "profile" || length(fit_groups(fit)) == 1L || sum(lengths(fit_modes(fit))) <= 1000L
}

# Names of the standard deviations at these places that maximum likelihood estimates well below REML.
understated_deviations <- function(fit, at) {
  parameters <- variance_parameters(fit)
  at <- at[!parameters$correlation[at]]
  if (!length(at) || !fit_is_reml(fit)) return(NULL)
  reml <- variance_estimates(fit, "sd", parameters)[at]
  ml <- variance_estimates(fit_by(fit, FALSE), "sd", parameters)[at]
  parameter_names(parameters, FALSE)[at[which(reml > (1 + disagreement) * ml)]]
}
