# Many responses: the functions that fit them, and what the object prints.

#' One design, thousands of responses
#'
#' [lmm()] with several columns on the left of the formula, or [refit()] with a matrix, a data frame or a function, fits
#' one model to each of many responses. The result is one object that contains the estimates of all responses and what
#' their tests need.
#'
#' Each response is fitted as by [lmm()] from the rows in which it is not missing. What does not depend on the response
#' is computed once for all responses with the same rows and weights. Its memory does not grow with the number of rows,
#' except for the responses themselves, which `x[[i]]` needs. A response that cannot be fitted has its reason in
#' `x$reason` and estimates that are `NA`; it has no influence on the others. Neither the order of the
#' responses nor the number of threads affects the results.
#'
#' If the responses are in a file or a database and have many rows, give `refit()` a function that returns one block of
#' columns after the other: only one block is in memory at a time.
#'
#' Coefficients are those of the design of all rows. Where the rows of a response lack a level of a factor, its
#' coefficient is `NA`.
#'
#' @param x,object,fit an object of class `lmm_responses`.
#' @param effects,scales,conf.int,conf.level as for [tidy()][tidiers] of one fit. Variance parameters have no limits
#'   here: see [quantity()].
#' @param type type of hypotheses, see [anova()][anova.lmm_fit()].
#' @param ddf `"Satterthwaite"`, `"Kenward-Roger"`, `"residual"` or `"asymptotic"`.
#' @param adjust method by which p-values are adjusted over the responses, for each term by itself, see
#'   [stats::p.adjust()]; column `p.adjusted`.
#' @param L,rhs,joint the hypothesis, see [contest()].
#' @param parm names or numbers of coefficients; all by default.
#' @param level confidence level.
#' @param row.names,optional not used.
#' @param ... not used.
#' @return `x[[i]]` the ordinary fit of one response, by its number or name, `x[i]` the same object for some of them.
#'   `tidy()` has a column `response`, then those of `tidy()` of one fit; `anova()` and `contest()` a row for each
#'   response and term (or row of `L`) with the columns that they have for one fit. `as.data.frame()` and
#'   `summary()$responses` have a row per response: `response`, `nobs`, the coefficients, `sd_`, `cor_` and `sigma` as
#'   in [confint()][confint.lmm_fit()], `criterion` (`-2 log L`), `converged`, `singular` and `reason` (`NA` where there
#'   is nothing to report). `glance()` has a row per response, `confint()` one per response and coefficient, with t
#'   limits, and `VarCorr()` one per response and variance parameter. `fixef()` and `coef()` give a matrix responses x
#'   coefficients; `sigma()`, `nobs()`, `logLik()`, `AIC()` and `BIC()` a number per response, `isSingular()` a logical.
#'   Functions for a single fit, such as `ranef()` and `predict()`, stop with an error: use `x[[i]]`.
#' @section Conditions:
#' `lmm_error_input`: a response that does not exist or whose name is not unique; a method for degrees of freedom that
#' is not among those above.
#' @seealso [moderate_variance()]; [quantity()] for heritabilities and other functions of the parameters of each;
#'   [plot()][plot.lmm_responses]; `vignette("many-responses")`.
#' @concept many responses
#' @concept many traits
#' @concept gene expression
#' @concept heritability
#' @concept multiple testing
#' @concept false discovery rate
#' @examples
#' fits <- lmm(cbind(yield, log(yield), yield^2) ~ treat + (1 | blend), penicillin)
#' fits
#' tidy(fits)
#' anova(fits, adjust = "BH")
#' fits[[2]]
#' @name responses
#' @aliases lmm_responses
NULL

# From a model frame with many responses.
lmm_of_responses <- function(call, framed, blocks, control, conditions, origin) {
  base <- list(call = call, spec = framed$frame$spec, frame = framed$frame, rows = framed$rows, control = control,
               conditions = conditions,
               cross_products = blocks, origin = origin, own_call = TRUE)
  threads <- if (is.null(control$threads)) 1 else control$threads
  fit_responses(base, framed$many$Y, framed$many$weights, threads, control$progress)
}

# ---- accessors ----

#' @export
names.lmm_responses <- function(x) x$names

#' @export
length.lmm_responses <- function(x) length(x$names)

#' @export
fixef.lmm_responses <- function(object, ...) {
  out <- t(object$beta)
  rownames(out) <- shown_names(object)
  out
}

#' @export
sigma.lmm_responses <- function(object, ...) stats::setNames(object$sigma, shown_names(object))

#' @export
nobs.lmm_responses <- function(object, ...) stats::setNames(object$n, shown_names(object))

#' @export
isSingular.lmm_responses <- function(x, tol = 0, ...) {
  near <- vapply(seq_along(x$sigma), function(i) {
    is_near_singular(member_covariance(x, i), x$sigma[i], x$frame$random, tol)
  }, NA)
  stats::setNames(x$singular | near, shown_names(x))
}

#' @export
formula.lmm_responses <- function(x, ...) x$spec$formula

#' @rdname responses
#' @export
as.data.frame.lmm_responses <- function(x, row.names = NULL, optional = FALSE, ...) {
  values <- response_parameters(x)
  beta <- fixef(x)
  rownames(beta) <- NULL
  data.frame(response = shown_names(x), nobs = x$n, beta, values, criterion = x$criterion, converged = x$converged,
             singular = x$singular,
             reason = x$reason, check.names = FALSE, stringsAsFactors = FALSE)
}

# ---- print ----

#' @export
print.lmm_responses <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print_responses_head(x)
  values <- response_parameters(x)
  cat("Quartiles of the estimates:\n")
  print(quartile_table(cbind(t(x$beta), values)), digits = digits)
  print_conditions(x$conditions)
  invisible(x)
}

# Standard deviations and correlations, a row for each response.
response_parameters <- function(x) {
  if (!is.null(x$parameters)) {
    parts <- structured_parts(x, "sdcor")
    if (is.null(parts)) return(NULL)
    return(structure(t(parts$estimate), dimnames = list(NULL, paste(parts$group, parts$term))))
  }
  parameters <- frame_parameters(x$frame)
  structure(stacked_values(parameters, x$frame$random, x$covariance, x$sigma),
            dimnames = list(NULL, parameter_names(parameters, FALSE)))
}

print_responses_head <- function(x) {
  m <- length(x$names)
  print_title(paste0("Linear mixed model fit by ", if (isTRUE(x$spec$reml)) "REML" else "maximum likelihood ", " to ",
                     count_of(m, "response")), "lmm_responses")
  print_call(x$call, x$spec$formula, most = 32L)
  print_counts(x$rows$n, vapply(x$frame$groups, function(group) length(group$levels), 0L))
  fitted <- !is.na(x$criterion)
  cat(sum(fitted), " of ", count_of(m, "response"), " fitted",
      if (any(x$singular)) paste0(", ", sum(x$singular), " singular"),
      if (any(fitted & !x$converged)) paste0(", ", sum(fitted & !x$converged), " not converged"), "\n", sep = "")
  print_reasons(x)
  if (!is.null(x$prior)) {
    cat("Moderated residual variances: prior ", signif(x$prior$sigma2, 4L), " with ", signif(x$prior$df, 4L),
        " degrees of freedom\n", sep = "")
  }
}

# Each reason with how many responses it has, and the first of them.
print_reasons <- function(x) {
  for (reason in unique(x$reason[!is.na(x$reason)])) {
    at <- which(x$reason == reason & !is.na(x$reason))
    cat("  ", length(at), ": ", reason, " (", enumerate(quote_level(shown_names(x)[at]), 3L), ")\n", sep = "")
  }
}

quartile_table <- function(values) {
  out <- t(apply(values, 2L, stats::quantile, c(0.25, 0.5, 0.75), na.rm = TRUE, names = FALSE))
  dimnames(out) <- list(colnames(values), c("25%", "50%", "75%"))
  out
}

#' @rdname responses
#' @export
summary.lmm_responses <- function(object, ddf = "Satterthwaite", adjust = "BH", ...) {
  adjust <- check_adjust(adjust)
  table <- fixed_parts(object, ddf, FALSE, 0.95, adjust)
  found <- if (!is.null(table)) {
    p <- if (is.null(table$p.adjusted)) table$p.value else table$p.adjusted
    data.frame(`p <= 0.05` = rowSums(table$p.value <= 0.05, na.rm = TRUE), adjusted = rowSums(p <= 0.05, na.rm = TRUE),
               row.names = table$term, check.names = FALSE)
  }
  structure(list(object = object, responses = as.data.frame(object), found = found, adjust = adjust, ddf = ddf),
            class = "summary.lmm_responses")
}

#' @export
print.summary.lmm_responses <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print(x$object, digits = digits)
  if (is.null(x$found)) return(invisible(x))
  cat("\nResponses with p <= 0.05, and after adjustment by \"", x$adjust, "\" (", x$ddf, "):\n", sep = "")
  print(x$found)
  invisible(x)
}
