# Empirical Bayes estimates of the residual variances of many responses (Smyth 2004).

#' Moderated residual variances of many responses
#'
#' The residual variances of thousands of responses show how such residual variances are distributed. With
#' `1 / sigma^2 ~ chisq(d0) / (d0 s0^2)`, the posterior value of a residual variance is `(d0 s0^2 + d s^2) / (d0 + d)`,
#' where `d` is the degrees of freedom of its estimate `s^2`. Tests of the object that is returned use these.
#'
#' `d0` and `s0^2` are found from the mean and the variance of `log s^2` (Smyth 2004, section 6.2). `d` is
#' Satterthwaite's, `2 s^4 / Var(s^2)`. In a linear model without random effects the tests are Smyth's moderated t
#' tests, with `d0 + d` degrees of freedom. With random effects the variance `v` of a contrast depends on `sigma^2` only
#' in part: with `a = d log v / d log sigma^2` along the regression of `v` on `s^2`, `log v` moves by `a` times the
#' change of `log sigma^2`, and its variance `2 / df` falls by `a^2 {2 / d - 2 / (d + d0)}`. A contrast between groups,
#' whose variance in a balanced design comes from the means of groups alone (`a = 0`), has the same test as before.
#'
#' @param x an object of class [`lmm_responses`][responses].
#' @param ... not used.
#' @return The same object, with `prior`: a list of `df` (`d0`, infinite where the variances differ by no more than
#'   chance), `sigma2` (`s0^2`, in squared units of the response), `moderated` (posterior variances), `d` and
#'   `log_ratio`, the logarithm of posterior value by estimate. `sigma(x)` and the variance components stay the
#'   estimates. Tests are by Satterthwaite's method.
#' @section Conditions:
#' `lmm_error_input`: an object of another class; a model with `residual` or `variance`; fewer than
#' three responses whose residual variance has been estimated.
#' @references Smyth (2004) Statistical Applications in Genetics and Molecular Biology 3(1), article 3.
#' @seealso [responses].
#' @concept empirical Bayes
#' @concept limma
#' @concept shrinkage of variances
#' @concept gene expression
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' many <- refit(fit, simulate(fit, 50, seed = 1))
#' moderate_variance(many)$prior[c("df", "sigma2")]
#' @export
moderate_variance <- function(x, ...) {
  if (!inherits(x, "lmm_responses")) {
    lmm_abort("input", paste0("`x` must be many responses fitted by lmm() or refit(), not ", kind_of(x), "."),
              what = "x", value = class(x))
  }
  if (!is.null(x$frame$residual)) {
    lmm_abort("input", "moderated residual variances require a model without `residual` and `variance`.", what = "x")
  }
  spread <- x$tests$spread
  d <- 2 / spread[nrow(spread), ]
  s2 <- x$sigma^2
  use <- is.finite(d) & d > 0 & is.finite(s2) & s2 > 0
  if (sum(use) < 3L) lmm_abort("input", "fewer than three responses have an estimated residual variance.", what = "x",
                               value = sum(use))
  prior <- variance_prior(s2[use], d[use])
  moderated <- if (is.finite(prior$df)) (prior$df * prior$sigma2 + d * s2) / (prior$df +
                                                                              d) else rep(prior$sigma2, length(s2))
  moderated[!use] <- NA_real_
  x$prior <- c(prior, list(moderated = moderated, d = d, log_ratio = ifelse(use, log(moderated / s2), 0)))
  x
}

# Degrees of freedom and scale of the prior from the moments of log s^2.
variance_prior <- function(s2, d) {
  e <- log(s2) - digamma(d / 2) + log(d / 2)
  G <- length(e)
  excess <- mean((e - mean(e))^2 * G / (G - 1) - trigamma(d / 2))
  if (!(excess > 0)) return(list(df = Inf, sigma2 = exp(mean(e))))
  df <- 2 * inverse_trigamma(excess)
  list(df = df, sigma2 = exp(mean(e) + digamma(df / 2) - log(df / 2)))
}

# Newton's method for 1 / trigamma(y) = 1 / x, which is nearly linear and convex: from 0.5 + 1 / x it rises to the
# solution (Smyth 2004, appendix).
inverse_trigamma <- function(x) {
  if (x > 1e7) return(1 / sqrt(x))
  y <- 0.5 + 1 / x
  for (k in 1:50) {
    step <- trigamma(y) * (1 - trigamma(y) / x) / psigamma(y, 2L)
    y <- y + step
    ratio <- abs(step) / y
    if (ratio < 1e-12) break
  }
  y
}
