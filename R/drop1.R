# Deleting terms one at a time, and backward elimination.

#' Single term deletions
#'
#' Tests each term of the fixed part that no other term contains.
#'
#' @param object a fit made by [lmm()].
#' @param scope terms to test: a formula or their names. By default all that can be dropped without breaking the
#'   hierarchy of the model.
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()]; `NULL` or `"lme4"` for none, with AIC
#'   only.
#' @param test `"F"`, or `"Chisq"` for likelihood ratio tests by maximum likelihood, or `"none"` for AIC only; unique
#'   abbreviations are enough.
#' @param k penalty per parameter in AIC.
#' @param ... options of the method, see [ddf_method()].
#' @return A data frame of class `anova`, a row per term. `test = "F"`: the columns of [anova()][anova.lmm_fit()];
#'   `"Chisq"` and `"none"`: `npar` (coefficients lost), `AIC` of the model without the term and the likelihood ratio
#'   `LRT` with `Pr(Chi)`, all by maximum likelihood.
#' @details Models without a term keep the rows, the residual structure and the variance function of the fit. With
#'   `test = "Chisq"` or `"none"`, and in [stats::add1()], a variance function of the fitted values uses those of the
#'   original fit.
#' @section Conditions:
#' A `scope` with a name that is not a term of the model is an error of class `lmm_error_input`, and so is `ddf` with
#' `test = "Chisq"` or `"none"`, which use no denominator degrees of freedom; an error of class `lmm_error_data` says
#' that the number of rows in use would change with a term. `lmm_warning_precision` as for [anova][anova.lmm_fit].
#' @seealso [anova][anova.lmm_fit], [backward()] for several steps, [ranova()] for random terms.
#' @concept model selection
#' @concept test of fixed effects
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' drop1(fit)
#' drop1(fit, test = "Chisq")
#' @importFrom stats drop1
#' @export
drop1.lmm_fit <- function(object, scope, ddf = "Satterthwaite", test = c("F", "Chisq", "none"), k = 2, ...) {
  if (all(c("scale", "trace") %in% ...names())) {
    lmm_abort("input", "stats::step() compares models by an AIC of least squares.", what = "step",
              fix = "Use backward(fit).")
  }
  if (missing(test) && without_tests(ddf)) test <- "none"
  test <- match_word(test[1L], c("F", "Chisq", "none"), "test")
  check_number(k, "k")
  terms <- droppable_terms(object, if (missing(scope)) NULL else scope)
  check_ddf_of_test(test, !missing(ddf) && !without_tests(ddf))
  if (test != "F") {
    do.call(check_dots_empty, list(...)[setdiff(...names(), c("trace", "scale"))])
    return(drop1_by_likelihood(object, terms, k, test == "Chisq"))
  }
  if (missing(ddf)) ddf <- default_ddf(object)
  inference <- new_inference(object, ddf, ...)
  hypotheses <- term_hypotheses(inference$info, 3L)[terms]
  table <- f_table(inference, hypotheses)
  heading <- c(paste0("Single term deletions using ", method_phrase(inference$method), ":"), "\nModel:",
               wrapped(deparse_line(stats::formula(object))), gap_notes(object),
               exact_note(object))
  anova_table(table, heading)
}

droppable_terms <- function(fit, scope) {
  all <- stats::drop.scope(fit_frame(fit)$terms)
  if (is.null(scope)) return(all)
  if (!(is.character(scope) && !anyNA(scope)) && !inherits(scope, "formula")) {
    lmm_abort("input", paste0("`scope` must be a formula or names of terms, not ", kind_of(scope), "."), what = "scope")
  }
  wanted <- if (is.character(scope)) scope else
    attr(stats::terms(stats::update.formula(stats::formula(fit_frame(fit)$terms), scope)),
                                                     "term.labels")
  bad <- setdiff(wanted, all)
  if (!length(bad)) return(wanted)
  lmm_abort("input", paste0("`scope` names ", enumerate(quote_name(bad)),
                            ": not a term of the model that can be dropped alone."),
            what = bad, fix = paste0("Terms that can be dropped: ", enumerate(quote_name(all), 20L), "."))
}

drop1_by_likelihood <- function(fit, terms, k, chisq) {
  check_not_exact(fit, "a comparison by likelihood")
  full <- suppressMessages(refit_ml(fit))
  reduced <- lapply(terms, function(term) without_term(fit, term, FALSE))
  lls <- lapply(c(list(full), reduced), logLik)
  df <- vapply(lls, attr, 0, "df")
  ll <- vapply(lls, as.numeric, 0)
  table <- data.frame(npar = c(NA, df[1L] - df[-1L]), AIC = -2 * ll + k * df, row.names = c("<none>", terms),
                      check.names = FALSE)
  if (chisq) {
    table$LRT <- c(NA, pmax(0, 2 * (ll[1L] - ll[-1L])))
    p <- stats::pchisq(table$LRT, table$npar, lower.tail = FALSE)
    p[!(table$npar > 0)] <- NA_real_                            # a dependent term takes nothing away
    table$`Pr(Chi)` <- decided_p(p, table$LRT, table$npar, c(0, ratio_errors(lls[1L], lls[-1L])))
  }
  anova_table(table, c("Single term deletions", "\nModel:", wrapped(deparse_line(stats::formula(fit)))))
}

join_formula <- function(fit, fixed, random) {
  out <- fixed
  for (text in random) out[[3L]] <- call("+", out[[3L]], str2lang(text))
  structure(out, .Environment = environment(stats::formula(fit)))
}

# The model with another formula; it must use the same rows.
refit_formula <- function(fit, formula) {
  call <- fit_call(fit)
  changes <- c(list(fit, formula, REML = fit_spec(fit)$reml, start = NULL, control = fit_control(fit)),
               if (!is.null(fit_data(fit)) && !length(replaced_parts(fit))) list(data = fit_data(fit)))
  out <- suppressMessages(eval(as.call(c(quote(stats::update), changes))))
  call$formula <- out$call$formula
  if (!is.null(call$fixed)) call["fixed"] <- list(out$call$fixed)
  out$call <- call
  if (fit_nobs(out) != fit_nobs(fit)) {
    lmm_abort("data", paste0("the number of rows in use changes from ", fit_nobs(fit), " to ", fit_nobs(out),
                             " when a term is dropped."), fix = "Remove the rows with missing values first.")
  }
  out
}
