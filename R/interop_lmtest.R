# Package 'lmtest'.

#' Tests with lmtest
#'
#' `lmtest::coeftest(fit)` gives the t tests of [summary()][summary.lmm_fit()] and `lmtest::lrtest(fit, other)` the likelihood ratio test
#' of [anova()][anova.lmm_fit()]: fits by REML are refitted by maximum likelihood, since restricted likelihoods of models with different
#' fixed effects cannot be compared.
#'
#' @param x,object a fit made by [lmm()].
#' @param vcov. covariance matrix of the coefficients, or a function of the fit that gives one; `NULL` for that of the method.
#' @param df degrees of freedom, one number or one for each coefficient; 0 or `Inf` for the normal distribution. `NULL`: those of the method, or
#'   with a `vcov.` the normal distribution.
#' @param ddf method for the degrees of freedom, see [ddf_methods()].
#' @param ... for `lrtest()` further fits, or formulas that change the one before; for `coeftest()` options of the method.
#' @return For `coeftest()` a matrix of class `coeftest`; for `lrtest()` a data frame of class `anova`.
#' @section Conditions:
#' `lmm_error_input`: a covariance matrix or `df` that does not fit the coefficients, fits to other rows or responses.
#' `lmm_message_refit`: fits were refitted by maximum likelihood.
#' @examplesIf requireNamespace("lmtest", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' lmtest::coeftest(fit)
#' lmtest::lrtest(fit, . ~ . - treat)
#' @name lmtest_support
NULL

#' @rdname lmtest_support
#' @exportS3Method lmtest::coeftest
coeftest.lmm_fit <- function(x, vcov. = NULL, df = NULL, ddf = "Satterthwaite", ...) {
  if (is.null(vcov.)) {
    table <- coef(summary(x, ddf = ddf, ...))
    beta <- table[, "Estimate"]
    se <- table[, "Std. Error"]
    if (is.null(df)) df <- if ("df" %in% colnames(table)) table[, "df"] else Inf
  } else {
    beta <- fixef(x, add.dropped = FALSE)
    V <- covariance_of(x, vcov., length(beta))
    se <- sqrt(diag(V))
    if (is.null(df)) df <- Inf
  }
  if (!is.numeric(df) || !length(df) %in% c(1L, length(beta)) || any(df < 0, na.rm = TRUE)) {
    lmm_abort("input", "`df` must be one number or one for each coefficient, none negative.", what = "df", value = df)
  }
  df[df %in% 0] <- Inf
  normal <- all(is.infinite(df))
  statistic <- beta / se
  out <- cbind(beta, se, statistic, 2 * stats::pt(abs(statistic), df, lower.tail = FALSE))
  letter <- if (normal) "z" else "t"
  dimnames(out) <- list(names(beta), c("Estimate", "Std. Error", paste(letter, "value"), paste0("Pr(>|", letter, "|)")))
  structure(out, method = paste(letter, "test of coefficients"), df = if (normal) 0 else df, nobs = fit_nobs(x),
            logLik = logLik(x), class = "coeftest")
}

#' @rdname lmtest_support
#' @exportS3Method lmtest::lrtest
lrtest.lmm_fit <- function(object, ...) {
  fits <- list(object)
  for (other in list(...)) {
    fits <- c(fits, list(if (inherits(other, "formula")) stats::update(fits[[length(fits)]], other) else other))
  }
  if (length(fits) < 2L) fits[[2L]] <- stats::update(object, stats::as.formula(paste(". ~", null_terms(object))))
  check_comparable(fits)
  reml <- vapply(fits, fit_is_reml, NA)
  if (any(reml)) {
    lmm_inform("refit", "refitting model(s) with ML (instead of REML)")
    fits[reml] <- lapply(fits[reml], refit_ml)
  }
  lls <- lapply(fits, logLik)
  df <- vapply(lls, attr, 0, "df")
  ll <- vapply(lls, as.numeric, 0)
  chisq <- c(NA, 2 * abs(diff(ll)))
  change <- c(NA, diff(df))
  structure(list(`#Df` = df, LogLik = ll, Df = change, Chisq = chisq,
                 `Pr(>Chisq)` = ifelse(change == 0, NA, stats::pchisq(chisq, abs(change), lower.tail = FALSE))),
            row.names = as.character(seq_along(fits)), class = c("anova", "data.frame"),
            heading = c("Likelihood ratio test, by maximum likelihood\n",
                        paste0("Model ", seq_along(fits), ": ", vapply(fits, function(fit) deparse_line(stats::formula(fit)), ""), collapse = "\n")))
}

# The random terms of a fit and a constant.
null_terms <- function(fit) {
  paste(c("1", vapply(split_bars(stats::formula(fit)[[3L]])$bars, deparse_line, "")), collapse = " + ")
}
