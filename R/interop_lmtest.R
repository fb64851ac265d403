# Package 'lmtest'.

#' Tests with lmtest
#'
#' `lmtest::coeftest(fit)` gives the t tests of [summary()][summary.lmm_fit()], `lmtest::coefci(fit)` their intervals
#' and `lmtest::lrtest(fit, other)` the likelihood ratio test of [anova()][anova.lmm_fit()]: fits by REML are refitted
#' by maximum likelihood, since restricted likelihoods of models with different fixed effects cannot be compared.
#'
#' Formulas in `lrtest()`, and the model with only an intercept, offsets and the random effects, with which it
#' compares by default, are fitted to the rows of the fit they change, even if a variable with missing values is
#' removed.
#'
#' @param x,object a fit made by [lmm()].
#' @param parm names or numbers of coefficients; `NULL` for all.
#' @param level confidence level.
#' @param vcov. covariance matrix of the coefficients, or a function that gives one from the fit and the further
#'   arguments; `NULL` for that of the method.
#' @param df degrees of freedom, one number or one for each coefficient; 0 or `Inf` for the normal distribution. `NULL`:
#'   those of the method, or with a `vcov.` the normal distribution.
#' @param ddf method for the degrees of freedom, see [ddf_methods()].
#' @param ... for `lrtest()` further fits, or formulas that change the one before; for `coeftest()` and `coefci()`
#'   options of the method, or arguments of `vcov.`.
#' @return For `coeftest()` a matrix of class `coeftest`, for `coefci()` one with a row of limits for each coefficient;
#'   for `lrtest()` a data frame of class `anova`.
#' @section Conditions:
#' `lmm_error_input`: a covariance matrix or `df` that does not fit the coefficients, `ddf` together with `vcov.`, a
#' coefficient that does not exist, fits to other rows or responses.
#' `lmm_message_refit`: fits were refitted by maximum likelihood. `lmm_warning_precision` as for
#' [anova][anova.lmm_fit].
#' @seealso [vcov][coefficients], [anova][anova.lmm_fit].
#' @concept Wald test
#' @concept likelihood ratio test
#' @concept robust
#' @examplesIf requireNamespace("lmtest", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' lmtest::coeftest(fit)
#' lmtest::coeftest(fit, ddf = "cluster-robust", cluster = ~ blend)
#' lmtest::lrtest(fit, . ~ . - treat)
#' @name lmtest_support
NULL

#' @rdname lmtest_support
#' @exportS3Method lmtest::coeftest
coeftest.lmm_fit <- function(x, vcov. = NULL, df = NULL, ddf = "Satterthwaite", ...) {
  if (is.null(vcov.)) {
    if (missing(ddf)) ddf <- default_ddf(x)
    table <- coef(summary(x, ddf = ddf, ...))
    beta <- table[, "Estimate"]
    se <- table[, "Std. Error"]
    if (is.null(df)) df <- if ("df" %in% colnames(table)) table[, "df"] else Inf
  } else {
    if (!missing(ddf)) {
      lmm_abort("input", "`ddf` belongs to the covariance matrix of its method, and `vcov.` gives another.",
                what = c("ddf", "vcov."),
                fix = "Leave one of them out, or give the degrees of freedom: df = .")
    }
    if (is.function(vcov.)) vcov. <- vcov.(x, ...) else check_dots_empty(...)
    beta <- fixef(x, add.dropped = FALSE)
    se <- sqrt(diag(covariance_of(x, vcov., length(beta))))
    if (is.null(df)) df <- Inf
  }
  if (!is.numeric(df) || !length(df) %in% c(1L, length(beta)) || any(df < 0, na.rm = TRUE)) {
    lmm_abort("input", "`df` must be one number or one for each coefficient, none negative.", what = "df", value = df)
  }
  df[df %in% 0] <- Inf
  normal <- !anyNA(df) && all(is.infinite(df))
  statistic <- per_error(beta, se)
  out <- cbind(beta, se, statistic, 2 * stats::pt(abs(statistic), df, lower.tail = FALSE))
  letter <- if (normal) "z" else "t"
  dimnames(out) <- list(names(beta), c("Estimate", "Std. Error", paste(letter, "value"), paste0("Pr(>|", letter, "|)")))
  structure(out, method = paste(letter, "test of coefficients"), df = if (normal) 0 else df, nobs = fit_nobs(x),
            logLik = logLik(x), class = c("coeftest.lmm_fit", "coeftest"))
}

# That of 'lmtest' takes two of the degrees of freedom for those of all coefficients.
#' @export
confint.coeftest.lmm_fit <- function(object, parm = NULL, level = 0.95, ...) {
  df <- attr(object, "df")
  df[df %in% 0] <- Inf
  half <- stats::qt((1 + level) / 2, df) * object[, "Std. Error"]
  names <- rownames(object)
  out <- cbind(object[, "Estimate"] - half, object[, "Estimate"] + half)
  dimnames(out) <- list(names, percent_names(level))
  if (is.null(parm)) return(out)
  at <- if (is.character(parm)) match(parm, names) else match(parm, seq_along(names))
  if (anyNA(at)) {
    lmm_abort("input", paste0("no coefficient ", enumerate(quote_name(parm[is.na(at)])), "."), what = "parm",
              value = parm[is.na(at)],
              fix = paste0("The coefficients are ", enumerate(quote_name(names), 20L), "."))
  }
  out[at, , drop = FALSE]
}

# One number, or none.
#' @importFrom stats df.residual
#' @export
df.residual.coeftest.lmm_fit <- function(object, ...) {
  df <- unique(as.vector(attr(object, "df")))
  if (length(df) == 1L && df %in% df[df > 0]) df
}

#' @rdname lmtest_support
#' @exportS3Method lmtest::coefci
coefci.lmm_fit <- function(x, parm = NULL, level = 0.95, vcov. = NULL, df = NULL, ...) {
  stats::confint(do.call(coeftest.lmm_fit, c(list(x, vcov., df), without_level(list(...)))), parm, level)
}

#' @rdname lmtest_support
#' @exportS3Method lmtest::lrtest
lrtest.lmm_fit <- function(object, ...) {
  fits <- list(object)
  for (other in list(...)) {
    fits <- c(fits, list(if (inherits(other, "formula")) update_same_rows(fits[[length(fits)]], other) else other))
  }
  if (length(fits) < 2L) fits[[2L]] <- update_same_rows(object, stats::as.formula(paste(". ~", null_terms(object))))
  check_comparable(fits)
  reml <- vapply(fits, fit_is_reml, NA)
  if (any(reml)) {
    fits[reml] <- refits_by_ml(fits[reml])
  }
  lls <- lapply(fits, logLik)
  df <- vapply(lls, attr, 0, "df")
  ll <- vapply(lls, as.numeric, 0)
  chisq <- c(NA, 2 * abs(diff(ll)))
  change <- c(NA, diff(df))
  p <- ifelse(change == 0, NA, stats::pchisq(chisq, abs(change), lower.tail = FALSE))
  table <- data.frame(`#Df` = df, LogLik = ll, Df = change, Chisq = chisq,
                      `Pr(>Chisq)` = decided_p(p, chisq, abs(change), c(0, ratio_errors(lls[-1L], lls[-length(lls)]))),
                      row.names = as.character(seq_along(fits)), check.names = FALSE)
  anova_table(table, c("Likelihood ratio test, by maximum likelihood\n",
                       paste(wrapped(paste0("Model ", seq_along(fits), ": ",
                                            vapply(fits, function(fit) deparse_line(stats::formula(fit)), ""))),
                             collapse = "\n"), do.call(exact_note, fits)))
}

# The random terms of a fit, its offsets and a constant.
null_terms <- function(fit) {
  terms <- fit_frame(fit)$terms
  offsets <- as.list(attr(terms, "variables"))[attr(terms, "offset") + 1L]
  paste(vapply(c(1, offsets, split_bars(stats::formula(fit)[[3L]])$bars), deparse_line, ""), collapse = " + ")
}

# With another formula, for the rows of a fit: a variable that leaves takes its missing values with it.
update_same_rows <- function(fit, formula) {
  arguments <- list(quote(stats::update), fit, formula)
  if (length(attr(fit_stored_rows(fit)$data, "na.action"))) {
    old <- stats::formula(fit)
    data <- find_data(fit, fit_call(fit)$data, stats::update.formula(old, formula))
    at <- if (is.null(data)) NA else positions_in(row_labels(fit_stored_rows(fit)), data)
    if (!anyNA(at) && all(at <= nrow(data))) arguments$subset <- at
  }
  without_boundary_messages(eval(as.call(arguments)))
}
