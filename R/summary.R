# Summary and the pieces of its printout, which print.lmm_fit() uses too.

#' Summary of a fit
#'
#' @param object a fit made by [lmm()].
#' @param ddf method for the degrees of freedom of the t tests, see [ddf_methods()]; `NULL` or `"lme4"` for a table
#'   without tests. The Kenward-Roger method also adjusts the standard errors.
#' @param x a summary.
#' @param digits significant digits.
#' @param correlation show the correlations of the fixed-effect estimates? By default up to 12 of them, or
#'   `getOption("lmm.summary.cor.max")`. Arguments of `print()` override those of `summary()`.
#' @param signif.stars show significance stars if there are p-values?
#' @param symbolic.cor show the correlations as symbols?
#' @param ... options of the method, see [ddf_method()]; for `print()` passed on to [stats::printCoefmat()].
#' @return A list of class `summary.lmm_fit`: `coefficients`, the table of fixed effects (`Estimate`, `Std. Error`,
#'   `df`, `t value`, `Pr(>|t|)`; also `coef(summary(fit))`), `vcov`, its covariance matrix, `varcor` and `sigma`, the
#'   variance parameters, `logLik` and `AICtab`, the criteria of the fit, quantiles of the scaled `residuals`, `nobs`,
#'   `ngrps`, `aliased` (coefficients that cannot be estimated) and the `conditions` of the fit.
#' @section Conditions:
#' `lmm_error_input`: an unknown method or option. With more than 20000 effects of crossed factors the information that
#' the Satterthwaite and Kenward-Roger methods need is too expensive: by default the tests are then asymptotic, with
#' a message of class `lmm_message_size`; requesting such a method is an error of class `lmm_error_numeric`.
#' `lmm_message_refit`: a refit by REML for Kenward-Roger. A fit by the iterative solver (see [lmm_control()]) uses
#' the average information in place of the observed and the expected information, as the heading shows.
#' @seealso [anova][anova.lmm_fit], [contest()], [ddf_methods()] for the degrees of freedom, [tidy()][tidiers]
#'   for the table as a data frame, [confint][confint.lmm_fit].
#' @concept t test
#' @concept standard error
#' @concept p-value
#' @concept regression table
#' @examples
#' summary(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
summary.lmm_fit <- function(object, ddf = "Satterthwaite", correlation = NULL, ...) {
  if (missing(ddf)) ddf <- default_ddf(object)
  if (!is.null(correlation)) check_flag(correlation, "correlation")
  tests <- coefficient_tests(object, ddf, ...)
  structure(list(
    method = paste0(fit_method(object), tests$phrase), call = fit_call(object), formula = fit_spec(object)$formula,
    logLik = stats::logLik(object), AICtab = criterion_table(object), residuals = scaled_residual_quantiles(object),
    varcor = VarCorr(object), residual = shown_residual(object, TRUE), held = held_names(object),
    sigma = fit_shown_sigma(object), ngrps = ngrps(object), nobs = fit_nobs(object),
    coefficients = tests$table, vcov = tests$vcov, aliased = !fit_estimable(object), correlation = correlation,
    conditions = fit_conditions(object), criterion_error = criterion_error(object)
  ), class = "summary.lmm_fit")
}

# No tests asked for, in the words of this package or of 'lmerTest'.
without_tests <- function(ddf) is.null(ddf) || identical(ddf, "lme4")

# Estimates with standard errors and, unless `ddf` is NULL, their t tests.
coefficient_tests <- function(fit, ddf, ...) {
  vcov <- fit_vcov(fit)
  if (without_tests(ddf)) {
    check_dots_empty(...)
    estimate <- fit_beta(fit)[fit_estimable(fit)]
    return(list(table = coefficient_table(estimate, sqrt(diag(vcov))), vcov = vcov, phrase = ""))
  }
  inference <- new_inference(fit, ddf, ...)
  info <- inference$info
  each <- diag(length(info$estimate))
  rownames(each) <- names(info$estimate)
  test <- row_tests(inference, new_hypothesis(info, each))
  list(table = coefficient_table(info$estimate, test$se, test$df), vcov = user_covariance(inference),
       phrase = paste0(". t-tests use ", method_phrase(inference$method)))
}

# The table of fixed effects. With degrees of freedom it has their column and a p-value.
coefficient_table <- function(estimate, se, df = NULL) {
  statistic <- per_error(estimate, se)
  if (is.null(df)) {
    out <- cbind(Estimate = estimate, `Std. Error` = se, `t value` = statistic)
  } else {
    out <- cbind(Estimate = estimate, `Std. Error` = se, df = df, `t value` = statistic,
                 `Pr(>|t|)` = 2 * stats::pt(abs(statistic), df, lower.tail = FALSE))
  }
  rownames(out) <- names(estimate)
  out
}

fit_method <- function(fit) {
  model <- if (length(fit_random(fit))) "Linear mixed model"
           else if (has_residual_title(fit)) "Generalized least squares" else "Linear model"
  paste(model, "fit by", if (fit_is_reml(fit)) "REML" else "maximum likelihood ")
}

#' @rdname summary.lmm_fit
#' @export
print.summary.lmm_fit <- function(x, digits = max(3L, getOption("digits") - 3L), correlation = x$correlation,
                                  signif.stars = getOption("show.signif.stars"), symbolic.cor = FALSE, ...) {
  print_title(x$method)
  print_call(x$call, x$formula)
  cat("\n")
  print_criterion(x$AICtab, digits = 1L)
  if (isTRUE(x$criterion_error > 0)) cat("Monte Carlo error of -2*log(L): ", format(signif(x$criterion_error, 1L)),
                                         "\n", sep = "")
  cat("\n")
  if (!is.null(x$residuals)) {
    cat("Scaled residuals: \n")
    print(round_largest(x$residuals, digits + 1L), digits = digits)
    cat("\n")
  }
  print_variances(x$varcor, digits, comp = c("Variance", "Std.Dev."))
  print_held(x$held)
  print_residual(x$residual$title, x$residual$table, digits)
  print_counts(x$nobs, x$ngrps)
  if (nrow(x$coefficients)) {
    print_coefficients(x, digits, signif.stars, ...)
    print_correlations(x, digits, correlation, symbolic.cor)
  }
  print_conditions(x$conditions)
  cat(if (length(x$conditions)) "\n")
  invisible(x)
}

print_coefficients <- function(x, digits, signif.stars, ...) {
  cat("\nFixed effects:")
  aliased <- sum(x$aliased)
  if (aliased) cat(" (", aliased, " not defined because of singularities)", sep = "")
  cat("\n")
  table <- x$coefficients
  has_p <- "Pr(>|t|)" %in% colnames(table)
  stats::printCoefmat(table, digits = digits, signif.stars = has_p && signif.stars, has.Pvalue = has_p,
                      cs.ind = seq_len(if (has_p) 3L else 2L), tst.ind = if (has_p) 4L else 3L, na.print = "NA", ...)
}

print_correlations <- function(x, digits, correlation, symbolic.cor) {
  p <- nrow(x$coefficients)
  most <- getOption("lmm.summary.cor.max", getOption("lme4.summary.cor.max", 12L))
  if (is.null(correlation)) {
    correlation <- p <= most
    if (!correlation) {
      cat("\nCorrelation matrix not shown by default, as p = ", p, " > ", most, ".\n",
          "Use print(summary(fit), correlation = TRUE) or cov2cor(vcov(fit)) if you need it.\n", sep = "")
    }
  }
  if (!correlation || p < 2L || anyNA(x$vcov)) return(invisible())
  R <- as_correlation(x$vcov)
  cat("\nCorrelation of Fixed Effects:\n")
  rownames(R) <- abbreviated(rownames(R), 11L)
  if (symbolic.cor) return(print(stats::symnum(R, abbr.colnames = 6L)))
  colnames(R) <- abbreviated(colnames(R), 6L)
  shown <- format(round(R, 3L), nsmall = 3L)
  shown[!lower.tri(shown)] <- ""
  print(shown[-1L, -p, drop = FALSE], quote = FALSE)
}

#' @export
coef.summary.lmm_fit <- function(object, ...) object$coefficients

#' @export
vcov.summary.lmm_fit <- function(object, ...) object$vcov

# ---- pieces ----

# Rounded to so many digits of the largest value. The published layout was made with zapsmall() of R before 4.4,
# which rounds this way.
round_largest <- function(x, digits) {
  largest <- max(abs(x))
  if (!is.finite(largest) || largest == 0) return(x)
  round(x, max(0, floor(digits - log10(largest) + 0.5)))
}

# Two spaces before the class after "maximum likelihood" are part of the known layout, and so are the lost quotes
# where the line is wrapped.
print_title <- function(method, class = "lmm_fit") {
  width <- getOption("width")
  if (nchar(method) + 5L + nchar(class) <= width) return(cat(method, " ['", class, "']\n", sep = ""))
  writeLines(strwrap(paste0(method, " [", class, "]"), width = width - 2L, exdent = 2L))
}

# abbreviate() warns of letters beyond ASCII, with which it does well.
abbreviated <- function(x, most) suppressWarnings(abbreviate(x, minlength = most))

print_call <- function(call, formula, most = Inf) {
  lines <- deparse(formula)
  if (length(lines) > most) {
    lines <- c(lines[seq_len(most)], paste("    ... and", length(lines) - most, "more lines; see formula()"))
  }
  cat(if (nchar(lines[1L]) + 9L > getOption("width")) "Formula: \n" else "Formula: ")
  writeLines(lines)
  print_argument("   Data: ", call$data)
  print_argument("Weights: ", call$weights)
  print_argument(" Offset: ", call$offset)
  print_argument(" Subset: ", call$subset)
}

# Arguments given by do.call() are values, possibly whole data sets: nothing to show.
print_argument <- function(label, argument) {
  if (!is.symbol(argument) && !is.call(argument)) return(invisible())
  text <- deparse(argument)
  if (sum(nchar(text)) > 500L || length(text) > 5L) text <- paste(substr(text[1L], 1L, 60L), "...")
  cat(label, paste(text, collapse = "\n"), "\n", sep = "")
}

print_criterion <- function(criterion, digits) {
  if (names(criterion)[1L] == "REML") {
    cat("REML criterion at convergence: ", round(criterion, digits), "\n", sep = "")
  } else {
    df <- length(criterion)
    print(c(format(round(criterion[-df], digits)), format(criterion[df])), quote = FALSE)
  }
}

print_counts <- function(nobs, ngrps) {
  cat("Number of obs: ", format(nobs, scientific = FALSE), if (length(ngrps)) ", groups:  ",
      paste(names(ngrps), ngrps, sep = ", ", collapse = "; "), "\n", sep = "")
}
