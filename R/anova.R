# Tests of the terms of one fit; with several fits, their comparison (anova_models.R).

#' Analysis of variance
#'
#' With one fit: F tests of the terms of its fixed part. With several fits: their comparison.
#'
#' @section One fit:
#' \describe{
#'   \item{type 1}{each term after those before it in the formula}
#'   \item{type 2}{each term after all others that do not contain it}
#'   \item{type 3}{SAS: estimable functions that involve only the term and those that contain it, orthogonal to
#'     those of the containing terms. Where all cells are filled, unweighted means of cells.}
#' }
#' A term contains another when it has the same numeric variables and all of its factors and more. The hypotheses do not
#' depend on the contrasts. With empty cells type 3 tests what SAS tests, and the heading names the cells (or the
#' coefficients that are not estimable for another reason); a term of which nothing can be estimated has `NumDF` 0.
#' Types 1 and 2 use `X'WX`, with the prior weights. With a single term all types are the same.
#'
#' Satterthwaite's method for several rows depends on the scale of the rows. Those of type 3 are differences from the
#' first level, those of type 1 the rows of the triangular factor of `X'WX` with a diagonal of one, as in 'lmerTest';
#' "first" refers to the order of the level names, not of the factor, so that releveling changes nothing. Rows of a
#' matrix-valued variable are made orthonormal as in [contest()].
#'
#' `ddf = NULL` or `"lme4"` gives the table of package 'lme4': sums of squares of the terms in sequence in the metric of
#' the fitted covariance matrix, with F ratios but without denominator degrees of freedom and p-values.
#'
#' @section Several fits:
#' `test = "Chisq"`: likelihood ratio tests of each fit against the one before, in the order of the number of
#' parameters, after refitting by maximum likelihood (with a message) unless `refit = FALSE`. `test = "F"`, which is
#' also what `ddf = ` stands for: the fixed effects that the smaller model lacks are tested within the larger one.
#' `test = "bootstrap"`: likelihood ratio tests whose p-values come from `nsim` responses simulated from the smaller
#' fit, `(1 + number of larger statistics) / (1 + nsim)`, with their Monte Carlo standard errors; each row is what
#' [bootstrap_test()] gives for the same seed. Fits are compared only if each row has the same response, weight and
#' offset in all of them. Rows are matched by their names, or where these have been made anew by the values of the
#' variables that the models share; their order does not matter.
#'
#' @param object a fit made by [lmm()].
#' @param ... further fits; options of the method, see [ddf_method()].
#' @param type type of hypotheses: 1, 2, 3 or `"I"`, `"II"`, `"III"`.
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()]; `NULL` for none.
#' @param refit refit by maximum likelihood before fits are compared?
#' @param model.names names for the fits in the table.
#' @param test how to compare fits: `"Chisq"`, `"F"` or `"bootstrap"`; unique abbreviations are enough.
#' @param nsim,seed,threads,progress number of simulated responses, seed for them, number of processes, print progress?
#'   See [bootstrap()].
#' @return A data frame of class `anova`. One fit: a row per term with `Sum Sq` (`Mean Sq` times `NumDF`), `Mean Sq`
#'   (F before the Kenward-Roger scaling, times the residual variance; with a variance function whose columns are far
#'   from 0, the residual variance at the means of these columns), both in squared units of the response, `NumDF`,
#'   `DenDF`, `F value` and `Pr(>F)`. Several fits: a row per fit with `npar`, `AIC`, `BIC`, `logLik`,
#'   `-2*log(L)`, `Chisq`, `Df`, `Pr(>Chisq)`, or for `test = "F"` the F test with `NumDF`, `DenDF` and `F.scaling`.
#' @section Conditions:
#' Fits that cannot be compared, an unknown `type`, method or option are errors of class `lmm_error_input`, which say
#' what differs. `lmm_message_refit` reports a refit by maximum likelihood (or by REML, for Kenward-Roger);
#' `lmm_warning_data` warns when restricted likelihoods of different fixed effects are compared. For fits by the
#' iterative solver, a p-value is `NA`, with `lmm_warning_precision`, if the Monte Carlo error of the log-likelihoods is
#' too large to decide whether the p-value is below 0.05.
#' @references Goodnight (1980) Communications in Statistics A9, 167-180 (types of hypotheses). Kuznetsova, Brockhoff
#'   and Christensen (2017) Journal of Statistical Software 82(13). Halekoh and Hojsgaard (2014) Journal of Statistical
#'   Software 59(9).
#' @seealso [contest()] for other hypotheses, [drop1][drop1.lmm_fit], [ranova()] and [rlrt()] for variances,
#'   [bootstrap_test()], [anova_hypotheses()] for the matrices behind the tests, [ddf_methods()].
#' @concept F test
#' @concept likelihood ratio test
#' @concept type III tests
#' @concept type II tests
#' @concept Kenward-Roger
#' @concept Satterthwaite
#' @concept comparison of models
#' @concept test of fixed effects
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' anova(fit)
#' anova(fit, type = 1, ddf = "Kenward-Roger")
#' small <- update(fit, . ~ . - irrigation:variety)
#' anova(small, fit)
#' anova(small, fit, test = "F", ddf = "Kenward-Roger")
#' @export
anova.lmm_fit <- function(object, ..., type = 3, ddf = "Satterthwaite", refit = TRUE, model.names = NULL,
                          test = c("Chisq", "F", "bootstrap"), nsim = 1000, seed = NULL, threads = 1,
                          progress = getOption("henderson.progress", interactive())) {
  dots <- list(...)
  is_fit <- vapply(dots, inherits, NA, c("lmm_fit", "lm", "merMod", "lme", "gls"))
  dots[is_fit] <- lapply(dots[is_fit], function(x) if (inherits(x, "lmm_fit")) check_fit(x) else x)
  options <- dots[!is_fit]
  if (any(is_fit)) test <- comparison_test(if (!missing(test)) test, !missing(ddf) && !without_tests(ddf))
  if ((!any(is_fit) || test == "F") && missing(ddf)) ddf <- default_ddf(object)
  if (!any(is_fit) && without_tests(ddf) || any(is_fit) && test != "F") do.call(check_dots_empty, options)
  if (!any(is_fit)) {
    if (without_tests(ddf)) return(anova_without_tests(object))
    return(anova_of_terms(object, check_type(type), do.call(ddf_method, c(list(ddf), options))))
  }
  fits <- name_fits(c(list(object), dots[is_fit]), match.call(expand.dots = TRUE), c(TRUE, is_fit), model.names)
  check_comparable(fits)
  if (test != "Chisq") fits <- in_one_order(fits)
  switch(test, Chisq = compare_by_likelihood(fits, check_flag(refit, "refit")),
         F = compare_by_f(fits, do.call(ddf_method, c(list(ddf), options))),
         bootstrap = compare_by_bootstrap(fits, nsim, seed, threads, progress))
}

# Degrees of freedom that are asked for belong to an F test.
comparison_test <- function(test, df_wanted) {
  if (is.null(test)) return(if (df_wanted) "F" else "Chisq")
  test <- match_word(test[1L], c("Chisq", "F", "bootstrap"), "test")
  check_ddf_of_test(test, df_wanted)
}

check_ddf_of_test <- function(test, df_wanted) {
  if (test == "F" || !df_wanted) return(test)
  lmm_abort("input", paste0("`ddf` is for F tests, not for test = ", quote_level(test), "."), what = "ddf",
            fix = "Leave out one of them.")
}

check_type <- function(type) {
  at <- if (is.atomic(type)) match(toupper(level_text(type))[1L], c("1", "2", "3", "I", "II", "III"))
  if (length(type) == 1L && isFALSE(is.na(at))) return((at - 1L) %% 3L + 1L)
  lmm_abort("input", paste0("`type` must be 1, 2, 3, \"I\", \"II\" or \"III\", not ", describe_value(type), "."),
            what = "type",
            value = type)
}

anova_of_terms <- function(fit, type, method) {
  inference <- new_inference(fit, method)
  heading <- paste("Type", c("I", "II", "III")[type], "Analysis of Variance Table with",
                   method_phrase(inference$method))
  table <- f_table(inference, term_hypotheses(inference$info, type))
  anova_table(table, c(heading, if (type == 3L) gap_notes(fit) else empty_note(table, type),
                       exact_note(fit)))
}

# With R'R the inverse of the relative covariance matrix of the coefficients, the squares of R beta, summed by term.
anova_without_tests <- function(fit) {
  info <- fit_information(fit, full = FALSE)
  term <- fit_frame(fit)$x_assign[info$kept]
  square <- as.vector(relative_root(fit) %*% info$estimate)^2
  labels <- attr(fit_frame(fit)$terms, "term.labels")
  own <- factor(term[term > 0L], seq_along(labels))
  npar <- as.vector(table(own))
  ss <- vapply(split(square[term > 0L], own), sum, 0, USE.NAMES = FALSE)
  table <- data.frame(npar = npar, `Sum Sq` = ss, `Mean Sq` = ss / npar, `F value` = ss / npar / info$sigma2,
                      row.names = labels, check.names = FALSE)[npar > 0L, ]
  anova_table(table, c("Analysis of Variance Table", exact_note(fit)))
}

#' Hypotheses behind an analysis of variance
#'
#' @param fit a fit made by [lmm()].
#' @param type type of hypotheses, as for [anova()][anova.lmm_fit()].
#' @param ... not used.
#' @return A list with one matrix per term: the rows that are tested, with a column for each coefficient that can
#'   be estimated. A term of which nothing can be estimated has a matrix without rows. `contest(fit, L)` tests such a
#'   matrix if all coefficients can be estimated.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, or anything but a fit.
#' @references Goodnight (1980) Communications in Statistics A9, 167-180.
#' @seealso [anova][anova.lmm_fit], [contest()].
#' @concept contrast matrix
#' @concept estimable functions
#' @concept type III tests
#' @examples
#' anova_hypotheses(lmm(yield ~ irrigation * variety + (1 | field), irrigation))
#' @export
anova_hypotheses <- function(fit, type = 3, ...) {
  check_fit(fit)
  type <- check_type(type)
  info <- fit_information(fit, full = FALSE)
  lapply(term_hypotheses(info, type), function(hypothesis) {
    L <- hypothesis$user
    L[abs(L) < 1e-10 * max(abs(L), 0)] <- 0
    structure(L, dimnames = list(NULL, names(info$estimate)))
  })
}

#' @rdname anova_hypotheses
#' @param object a fit; tables of lmerTest are passed on to its `show_tests()`.
#' @param names keep the names of the coefficients?
#' @export
show_tests <- function(object, ...) UseMethod("show_tests")

#' @rdname anova_hypotheses
#' @export
show_tests.lmm_fit <- function(object, type = 3, names = TRUE, ...) {
  hypotheses <- anova_hypotheses(object, type)
  if (check_flag(names, "names")) hypotheses else lapply(hypotheses, unname)
}

#' @export
show_tests.default <- function(object, ...) {
  ours <- inherits(object, "anova") && is.null(attr(object, "hypotheses"))
  if (!ours) return(hand_over("show_tests", object, ..., package = "lmerTest"))
  lmm_abort("input", "a table of tests does not contain its hypotheses.", what = "object",
            fix = "Call show_tests(fit, type = ) with the fit.")
}

#' @rawNamespace S3method(lmerTest::show_tests, lmm_fit)
NULL
