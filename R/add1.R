# Adding terms one at a time: stats::add1() updates the whole formula, of which only the fixed part has terms to add.

#' @importFrom stats add1
#' @export
add1.lmm_fit <- function(object, scope, test = c("none", "Chisq"), k = 2, ...) {
  test <- match_word(test[1L], c("none", "Chisq"), "test")
  if (inherits(scope, "formula")) scope <- terms_to_add(object, scope)
  check_texts(scope, "scope")
  if (any(grepl("|", scope, fixed = TRUE))) abort_random_scope(scope)
  check_number(k, "k")
  fits <- solver_told_once(lapply(c(list(object), lapply(scope, with_added_term, fit = object)), refit_ml))
  criterion <- lapply(fits, stats::extractAIC, k = k)
  df <- vapply(criterion, `[`, 0, 1L)
  aic <- vapply(criterion, `[`, 0, 2L)
  out <- data.frame(Df = c(NA, df[-1L] - df[1L]), AIC = aic, row.names = c("<none>", scope))
  if (test == "Chisq") {
    lost <- aic - k * df
    out$LRT <- c(NA, lost[1L] - lost[-1L])
    lls <- lapply(fits, logLik)
    out[["Pr(>Chi)"]] <- decided_p(stats::pchisq(pmax(0, out$LRT), out$Df, lower.tail = FALSE), out$LRT, out$Df,
                                   c(0, ratio_errors(lls[1L], lls[-1L])))
  }
  structure(out, heading = c("Single term additions", paste0("\nModel:\n", deparse_line(stats::formula(object)))),
            class = c("anova", "data.frame"))
}

# With the response, the rows and the fitted values in a variance function of the fit; other rows are an error.
with_added_term <- function(term, fit) {
  out <- stats::update(fit, stats::as.formula(paste("~ . +", term)))
  if (stats::nobs(out) == stats::nobs(fit)) return(with_fitted_of(out, fit))
  lmm_abort("data", paste0("adding ", quote_name(term), " would change the number of rows from ", stats::nobs(fit),
                           " to ", stats::nobs(out), "."), what = term,
            fix = "Fit both models to the rows without missing values.")
}

# By maximum likelihood, as drop1() compares models: the variance function is that of `fit` in both.
with_fitted_of <- function(larger, fit) {
  plan <- fit_frame(fit)$residual
  if (!has_fitted_variance(plan)) return(larger)
  rows <- fit_rows(larger, "add1() with a variance function of the fitted values")
  columns <- vapply(Filter(uses_fitted, variance_variables(plan)), variable_label, "")
  rows$data[columns] <- fit_rows(fit, "add1() with a variance function of the fitted values")$data[columns]
  suppressMessages(fit_again(larger, rows, reml = FALSE))
}

abort_random_scope <- function(scope) {
  lmm_abort("formula", paste0("`scope` has a random term: ", enumerate(scope), "."), what = "scope",
            fix = "Use anova() to compare the fit with update(fit, . ~ . + (1 | g)).")
}

terms_to_add <- function(fit, scope) {
  if (holds_bar(scope)) abort_random_scope(deparse_line(scope))
  fixed <- stats::formula(fit_frame(fit)$terms)
  wanted <- stats::update.formula(fixed, scope)
  larger <- stats::update.formula(fixed, stats::as.formula(call("~", call("+", quote(.), wanted[[length(wanted)]]))))
  found <- stats::add.scope(fixed, larger)
  if (length(found)) return(found)
  lmm_abort("input", "`scope` contains no term that is not already in the model.", what = "scope", value = scope)
}
