# Exact tests of one variance: the finite-sample null distribution of the (restricted) likelihood ratio.

#' Exact restricted likelihood ratio test of a variance
#'
#' Tests that the variance of a random term is zero. Under the hypothesis the distribution of the restricted likelihood
#' ratio depends only on the eigenvalues of `Z'(I - P_X)Z`, and is found by simulation from these
#' (Crainiceanu and Ruppert 2004).
#'
#' With `mu` the positive eigenvalues, `w` independent chi-squares with one degree of freedom each and `v` one with the
#' `n - p - K` that are left, the statistic has the distribution of the maximum over `lambda >= 0` of
#' `(n - p) log((sum w + v) / (sum w / (1 + lambda mu) + v)) - sum log(1 + lambda mu)`. The maximum is sought on the
#' whole half-line, by Newton's method at each local maximum; it is not assumed that there is only one. When all
#' eigenvalues are equal, as in balanced designs, the statistic is a function of an F ratio and the p-value is computed
#' without simulation. The scale of the columns of Z does not matter. Prior weights are respected.
#'
#' Where the residual standard deviation is fixed at a known value (`lmm(fixed = c(sigma = ))`), `rlrt()` uses the
#' distribution that the ratio then has: the maximum over `lambda` of
#' `sum (w lambda mu / (1 + lambda mu) - log(1 + lambda mu))`.
#'
#' In a model with other random terms their effects are treated as known, which leaves a model with the one term
#' (Greven, Crainiceanu, Kuechenhoff and Peters 2008); the p-value is then approximate.
#'
#' `lrt()` is the likelihood ratio test, by maximum likelihood, of the variance of the only random term of a model,
#' jointly with coefficients of fixed terms if `fixed` is given.
#'
#' @param fit a fit made by [lmm()] that keeps its rows.
#' @param term the random term to test: its number, label (`"1 | g"`) or the name of its grouping factor. Not needed if
#'   there is only one. It must have one column.
#' @param nsim number of draws from the null distribution.
#' @param seed seed for R's random number generator; with a seed, the state of the random number generator is restored
#'   afterwards. Without a seed the draws continue from the current state, see [set.seed()].
#' @param fixed labels of fixed terms, or names of coefficients, that are zero under the hypothesis too.
#' @param x,digits see [print()].
#' @param ... not used.
#' @return An object of classes `rlrt` and `htest`: a list with `statistic`, `p.value`, `mc.error` (Monte Carlo standard
#'   error of the p-value, 0 when it was computed exactly), `nsim` and `draws`, the simulated values of the statistic.
#' @section Conditions:
#' `lmm_error_input`: a term that does not exist, is not named although there are several, or has more than one column;
#' variance parameters fixed at known values, `bounded = FALSE`, a fit that does not keep its rows; for `lrt()` a second
#' random term. `lmm_error_unidentified`: a residual variance of zero. `lmm_error_numeric`: more draws than fit in
#' memory.
#' @references Crainiceanu and Ruppert (2004) JRSS B 66, 165-185. Greven, Crainiceanu, Kuechenhoff and Peters (2008)
#'   Journal of Computational and Graphical Statistics 17, 870-891.
#' @seealso [ranova()] for asymptotic tests of all terms, [bootstrap_test()], [ems()] for F tests of variances.
#' @concept exact test
#' @concept test of a variance component
#' @concept test of a random slope
#' @concept zero variance
#' @concept boundary
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' rlrt(fit, seed = 1)
#' lrt(fit, fixed = "irrigation:variety", seed = 1)
#' @export
rlrt <- function(fit, term = NULL, nsim = 10000, seed = NULL, ...) {
  refuse_structured(fit, "exact restricted likelihood ratio tests are",
                    "Compare two fits by anova(a, b, refit = FALSE).")
  refuse_iterative(fit, "exact restricted likelihood ratio tests are")
  check_exact_test(fit, "rlrt()", holds_sigma(fit_frame(fit)) && length(fit_held(fit)$value) == 1L)
  index <- tested_term(fit, term)
  fit <- with_cell_rows(fit)
  base <- if (fit_is_reml(fit)) fit else quiet_refit(fit, TRUE)
  smaller <- reduced_fit(base, index, NULL, TRUE)
  null <- if (is.null(smaller)) loglik_without_random(base) else logLik(smaller)
  observed <- if (all(fit_covariance(base)[[index]] == 0)) 0 else max(0, 2 * (as.numeric(logLik(base)) -
                                                                              as.numeric(null)))
  spectrum <- term_spectrum(fit, index)
  spectrum$penalty <- spectrum[c("value", "count")]
  spectrum$nu <- spectrum$n - spectrum$p
  test <- (if (holds_sigma(fit_frame(fit))) known_variance_test else null_test)(observed, spectrum, nsim, seed)
  several <- length(fit_random(fit)) > 1L
  new_rlrt(test, c(RLRT = observed), nsim, fit, index,
           paste0("Restricted likelihood ratio test of a variance, ",
                  if (several) "other random effects treated as known"
                  else "exact null distribution"))
}

#' @rdname rlrt
#' @export
lrt <- function(fit, term = NULL, fixed = NULL, nsim = 10000, seed = NULL, ...) {
  refuse_structured(fit, "exact likelihood ratio tests are", "Compare two fits by anova(a, b).")
  refuse_iterative(fit, "exact likelihood ratio tests are")
  check_exact_test(fit, "lrt()")
  index <- tested_term(fit, term)
  fit <- with_cell_rows(fit)
  if (length(fit_random(fit)) > 1L) {
    lmm_abort("input", "lrt() needs a model with one random term.", what = fit_term_names(fit),
              fix = "With several, use rlrt() for a variance or anova(test = \"bootstrap\").")
  }
  base <- if (fit_is_reml(fit)) quiet_refit(fit, FALSE) else fit
  tested <- tested_columns(fit, fixed)
  spectrum <- term_spectrum(fit, index, tested)
  n <- spectrum$n
  null <- n * (1 + log(2 * pi * spectrum$rss / n)) - fit_blocks(fit)$log_weight
  none <- !length(tested) && all(fit_covariance(base)[[index]] == 0)
  observed <- if (none) 0 else max(0, null - fit_criterion(base))
  spectrum$nu <- n
  test <- null_test(observed, spectrum, nsim, seed)
  new_rlrt(test, c(LRT = observed), nsim, fit, index,
           paste0("Likelihood ratio test of a variance",
                  if (length(tested)) paste0(" and ", count_of(length(tested), "coefficient")),
                  ", exact null distribution"))
}

# Their null distribution is that of estimates with a bound at zero and nothing held.
check_exact_test <- function(fit, what, sigma_alone = FALSE) {
  check_fit(fit)
  refuse_unbounded(fit, paste(what, "is"), "Refit with bounded = TRUE, or use ems() for an F test.")
  if (is.null(fit_held(fit)) || sigma_alone) return(invisible())
  lmm_abort("input", paste0(what, " is not available if variance parameters are fixed (",
                            enumerate(quote_name(held_names(fit))), ")."),
            what = held_names(fit), fix = "Use bootstrap_test() or ranova().")
}

# Position of the random term to test, which must have one variance and nothing else.
tested_term <- function(fit, term) {
  fit_rows(with_cell_rows(fit), "an exact test")
  check_not_exact(fit, "a likelihood ratio test")
  random <- fit_random(fit)
  if (is.null(term) && length(random) > 1L) {
    lmm_abort("input", "the fit has several random terms.", what = fit_term_names(fit),
              fix = paste0("Name one of ", enumerate(quote_level(fit_term_names(fit))), " in `term`."))
  }
  at <- if (is.null(term)) 1L else if (is.numeric(term)) match(term, seq_along(random)) else {
    keys <- gsub("[() ]", "", c(fit_term_names(fit), vapply(random, `[[`, "", "label")))
    (match(gsub("[() ]", "", term), keys) - 1L) %% length(random) + 1L
  }
  if (length(at) != 1L || is.na(at)) {
    lmm_abort("input", paste0("the fit has no random term ", describe_value(term), "."), what = "term", value = term,
              fix = paste0("The terms are ", enumerate(quote_level(fit_term_names(fit))), "."))
  }
  if (random[[at]]$q > 1L) {
    lmm_abort("input", paste0("the term (", random[[at]]$label,
              ") has more than one variance parameter."), what = random[[at]]$label,
              fix = "Write it as a sum of terms with one column each, or use ranova() or anova(test = \"bootstrap\").")
  }
  at
}

# Positions among the estimable columns of X of the coefficients that are tested.
tested_columns <- function(fit, fixed) {
  if (is.null(fixed)) return(integer())
  names <- fit_frame(fit)$x_names
  labels <- attr(fit_frame(fit)$terms, "term.labels")
  unknown <- setdiff(fixed, c(names, labels))
  if (!is.character(fixed) || length(unknown)) {
    lmm_abort("input", paste0("the fit has no fixed term or coefficient ", enumerate(quote_name(unknown)), "."),
              what = unknown)
  }
  which((names %in% fixed | fit_frame(fit)$x_assign %in% match(fixed, labels,
                                                          0L) & fit_frame(fit)$x_assign > 0L)[fit_blocks(fit)$x$kept])
}

new_rlrt <- function(test, statistic, nsim, fit, index, method) {
  structure(list(statistic = statistic, p.value = test$p, mc.error = test$error, nsim = nsim, draws = test$draws,
                 exact = c(test$exact, m = test$known), method = method,
                 data.name = paste0("(", fit_random(fit)[[index]]$label, ") in ", deparse_line(stats::formula(fit))),
                 alternative = "greater"), class = c("rlrt", "htest"))
}

#' @rdname rlrt
#' @export
print.rlrt <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("\n\t", x$method, "\n\n", sep = "")
  cat(wrapped(paste0("term:  ", x$data.name)), "\n", sep = "")
  cat(names(x$statistic), " = ", format(x$statistic, digits = digits), ", p-value ", sep = "")
  none <- x$p.value == 0 && !is.null(x$draws)
  p <- if (none) paste("<", format(1 / x$nsim)) else format.pval(x$p.value, digits = digits)
  cat(if (startsWith(p, "<")) p else paste("=", p))
  if (none) cat(" (none of ", x$nsim, " draws)", sep = "")
  else if (x$mc.error > 0) cat(" (Monte Carlo error ", format(signif(x$mc.error, 2L)), ", ", x$nsim, " draws)",
                               sep = "")
  else if (is.null(x$draws) && !grepl("treated as known", x$method, fixed = TRUE)) cat(" (exact)")
  cat("\n\n")
  invisible(x)
}
