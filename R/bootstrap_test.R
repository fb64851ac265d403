# Comparison of two nested models by the parametric bootstrap.

#' Parametric bootstrap test
#'
#' Compares the likelihood ratio of two nested models, fitted by maximum likelihood, with its distribution under the
#' smaller model.
#'
#' Responses are drawn from the smaller model, each from a stream of random numbers of its own (see [bootstrap()]), and
#' both models are fitted to each. The table has the rows of package 'pbkrtest':
#' \describe{
#'   \item{`LRT`}{chi-square with the difference in the number of parameters}
#'   \item{`PBtest`}{`(1 + number of simulated ratios at least as large) / (1 + nsim)`; Monte Carlo error in attribute
#'     `"mc.error"`. Ratios of zero count, as they must where a variance is tested; 'pbkrtest' leaves them out.}
#'   \item{`Bartlett`}{the ratio scaled to the mean of its chi-square}
#'   \item{`Gamma`}{gamma distribution with mean and variance of the simulated ratios}
#'   \item{`F`}{the ratio divided by its degrees of freedom `q`, as F with the denominator degrees of freedom that match
#'     the mean `E` of the simulated ratios, `2 (E / q) / (E / q - 1)`; 'pbkrtest' does not divide by `q` here}
#' }
#' The last three are meant for fixed effects.
#'
#' @param large,small fits made by [lmm()] to the same response and rows, the smaller nested in the larger.
#' @param nsim number of simulated responses.
#' @param seed,threads,progress see [bootstrap()].
#' @param x,digits see [print()].
#' @param ... not used.
#' @return An object of class `bootstrap_test`: list with `test` (the table), `reference` (the simulated ratios), `nsim`
#'   and `seed`.
#' @section Conditions:
#' `lmm_error_input`: fits to other rows, responses or weights, or a `large` without more parameters than `small`;
#' `lmm_error_unidentified` where the residual variance is zero; `lmm_warning_convergence` as for [bootstrap()],
#' `lmm_warning_precision` as for [anova][anova.lmm_fit].
#' @references Halekoh and Hojsgaard (2014) Journal of Statistical Software 59(9).
#' @seealso [bootstrap()] for intervals, [anova][anova.lmm_fit], [rlrt()] for exact tests of a variance.
#' @concept parametric bootstrap
#' @concept simulated p-value
#' @concept comparison of models
#' @examples
#' large <- lmm(yield ~ treat + (1 | blend), penicillin)
#' small <- lmm(yield ~ 1 + (1 | blend), penicillin)
#' bootstrap_test(large, small, nsim = 200, seed = 1)
#' @export
bootstrap_test <- function(large, small, nsim = 1000, seed = NULL, threads = 1,
                           progress = getOption("henderson.progress", interactive()), ...) {
  large <- check_fit(large, "large")
  small <- check_fit(small, "small")
  check_comparable(list(large, small))
  fits <- in_one_order(list(small, large))
  small <- fits[[1L]]
  large <- fits[[2L]]
  check_not_exact(large, "a likelihood ratio test")
  large <- if (fit_is_reml(large)) quiet_refit(large, FALSE) else large
  small <- if (fit_is_reml(small)) quiet_refit(small, FALSE) else small
  df <- attr(logLik(large), "df") - attr(logLik(small), "df")
  if (df <= 0) lmm_abort("input", "`large` must have more parameters than `small`.", what = "large", value = df)
  observed <- max(0, fit_criterion(small) - fit_criterion(large))
  seed <- own_seed(seed)
  reference <- simulated_ratios(large, small, nsim, seed, threads, progress)
  error <- ratio_errors(list(logLik(large)), list(logLik(small)))
  structure(list(test = ratio_table(observed, df, reference, error), reference = reference, nsim = nsim, seed = seed,
                 formulas = c(large = deparse_line(stats::formula(large)),
                              small = deparse_line(stats::formula(small)))),
            class = "bootstrap_test")
}

# `error`: Monte Carlo error of the observed ratio.
ratio_table <- function(observed, df, reference, error = 0) {
  mean <- mean(reference, na.rm = TRUE)
  variance <- stats::var(reference, na.rm = TRUE)
  scaled <- observed * df / mean
  ddf <- if (mean > df) 2 * (mean / df) / (mean / df - 1) else Inf
  tail <- function(ratio) {
    c(LRT = stats::pchisq(ratio, df, lower.tail = FALSE), PBtest = bootstrap_p(ratio, reference)[[1L]],
      Gamma = stats::pgamma(ratio, shape = mean^2 / variance, scale = variance / mean, lower.tail = FALSE),
      Bartlett = stats::pchisq(ratio * df / mean, df, lower.tail = FALSE),
      F = stats::pf(ratio / df, df, ddf, lower.tail = FALSE))
  }
  upper <- decided_p(tail(observed), observed, df, error, tail = tail)
  table <- data.frame(stat = c(observed, observed, observed, scaled, observed / df), df = c(df, NA, NA, df, df),
                      ddf = c(NA, NA, NA, NA, ddf), p.value = unname(upper), row.names = names(upper))
  structure(table, mc.error = bootstrap_p(observed, reference)[[2L]])
}

#' @rdname bootstrap_test
#' @export
print.bootstrap_test <- function(x, digits = max(3L, getOption("digits") - 2L), ...) {
  cat("Parametric bootstrap test; ", x$nsim, " simulated responses, ", sum(x$reference > 0), " positive ratios\n",
      sep = "")
  cat(wrapped(paste(c("large :", "small :"), x$formulas[c("large", "small")])), sep = "\n")
  stats::printCoefmat(x$test, digits = digits, P.values = TRUE, has.Pvalue = TRUE, cs.ind = NULL, tst.ind = 1L,
                      na.print = "")
  cat("Monte Carlo error of PBtest: ", format(attr(x$test, "mc.error"), digits = 2L), "\n", sep = "")
  invisible(x)
}
