# Prior distributions: small objects that posterior() reads. Every density is that of a standard deviation, of a
# correlation matrix, of the coefficients, or of all variance parameters together.
#
# A prior of a standard deviation (scope "sd") has
#   log(sd)     its log density, with its constant where it is proper
#   zero        e in density ~ sd^e at 0 (Inf: no mass there)
#   infinity    w in density ~ sd^-w at infinity (Inf: all moments)
#   parts(s)    where the density of s * sigma is exp(level) sigma^-power exp(-rate / (2 sigma^2)): level and rate; else
#   NULL lower       where its support begins
#   draw(n)     random numbers, where it is proper

new_prior <- function(scope, label, ...) structure(list(scope = scope, label = label, ...), class = "lmm_prior")

#' Prior distributions
#'
#' Each function makes a prior for [posterior()]. Standard deviations are in units of the response divided by those of
#' the column that the random effects belong to, and not relative to the residual standard deviation.
#'
#' @param scale for `prior_flat()` the scale on which the density is constant: `"sd"`, `"variance"` or `"log"` (density
#'   `1 / sd`); for the half-t, half-Cauchy and half-normal priors the scale of the distribution.
#' @param V,nu scale matrix and degrees of freedom of an inverse Wishart distribution with density proportional to
#'   `|S|^(-(nu + q + 1) / 2) exp(-tr(nu V S^-1) / 2)` for a q x q covariance matrix S: the parametrization of package
#'   'MCMCglmm'. A number `V` stands for `V` times the identity matrix. For one column the variance has an inverse gamma
#'   distribution with shape `nu / 2` and rate `nu V / 2`.
#' @param lower smallest variance that the prior allows; with `nu = 0` the posterior of a random term has no finite mass
#'   unless it is above 0, and then depends on it.
#' @param df degrees of freedom of a half-t distribution.
#' @param upper,prob a standard deviation and the prior probability that it is exceeded.
#' @param eta parameter of the LKJ distribution, density `|R|^(eta - 1)`: 1 is uniform on correlation matrices, larger
#'   values favor small correlations.
#' @param a,b parameters of the beta distribution of the share of a random intercept in the total variance; the total
#'   variance has density `1 / total`.
#' @param mean,sd means and standard deviations of independent normal distributions of the coefficients: one number for
#'   all, or numbers named by coefficients. Coefficients without a number have flat priors; `sd = Inf` is flat too.
#' @param density a function of a list with named numeric vectors `sd` and `cor`, the number `sigma` and, with a
#'   residual structure, the named vector `residual` (the columns of the draws). It returns the log density of standard
#'   deviations and correlations (residual ones included) up to a constant. If `residual` contains covariances or
#'   coefficients of `ar()` or `ma()`, the density is still with respect to standard deviations (of an observation, for
#'   `cs()`) and correlations or partial autocorrelations.
#' @param proper does the density have a finite integral? Its constant must then be right if marginal likelihoods are
#'   wanted.
#' @param zero,infinity for `prior_density()`: how the density behaves in each random standard deviation: as `sd^zero`
#'   at 0 and as `sd^-infinity` at infinity. The rules for proper posteriors use them.
#' @param ... not used.
#' @details
#' `prior_pc()` is the penalized complexity prior of Simpson et al. (2017): an exponential distribution with
#' `P(sd > upper) = prob`. `prior_jeffreys()` is `prior_flat("log")`.
#'
#' An inverse Wishart prior is not free of scale: with `V = 1` it says that standard deviations are near 1 in the units
#' of the data, and with several columns it ties correlations to standard deviations. Plot prior against posterior,
#' [plot()][plot.lmm_posterior()].
#'
#' `prior_mcmcglmm()` is what package 'MCMCglmm' takes without a `prior`: inverse Wishart with `nu = 0`, density
#' `1 / variance`. The posterior of every model with a random term is then improper, and [posterior()] refuses it. With
#' `lower` it is cut: 'MCMCglmm' 2.36 has a cut inside its sampler, the smallest variance seen is 1.8e-17.
#' @return An object of class `lmm_prior`.
#' @section Conditions:
#' `lmm_error_input`: a parameter outside its range.
#' @references Gelman (2006) Bayesian Analysis 1, 515-534. Lewandowski, Kurowicka and Joe (2009) Journal of Multivariate
#'   Analysis 100, 1989-2001. Simpson et al. (2017) Statistical Science 32, 1-28.
#' @seealso [posterior()].
#' @concept prior distribution
#' @concept inverse Wishart
#' @concept half-Cauchy
#' @concept LKJ
#' @examples
#' prior_half_t(3, scale = 10)
#' prior_pc(upper = 10, prob = 0.05)
#' prior_inverse_wishart(V = 1, nu = 0.002)
#' @concept Bayesian inference
#' @name priors
NULL

#' @rdname priors
#' @export
prior_flat <- function(scale = c("sd", "variance", "log"), ...) {
  scale <- match_word(scale[1L], c("sd", "variance", "log"), "scale")
  power <- switch(scale, sd = 0, variance = -1, log = 1)
  label <- switch(scale, sd = "flat on the standard deviation", variance = "flat on the variance", log = "1 / sd")
  power_prior(power, label)
}

#' @rdname priors
#' @export
prior_jeffreys <- function(...) prior_flat("log")

# Density sd^-power, above `lower` (of the variance).
power_prior <- function(power, label, lower = 0, class = NULL) {
  level <- function(s) -power * log(s)
  out <- new_prior("sd", label, log = function(sd) ifelse(sd^2 >= lower, -power * log(sd), -Inf),
                   zero = if (lower > 0) Inf else -power,
                   infinity = power, proper = FALSE, lower = sqrt(lower), power = power,
                   parts = if (lower == 0) function(s) list(level = level(s), rate = 0))
  out$kind <- class
  out
}

#' @rdname priors
#' @export
prior_inverse_wishart <- function(V = 1, nu, lower = 0, ...) {
  if (missing(nu)) lmm_abort("input", "`nu`, the degrees of freedom, is missing.", what = "nu",
                             fix = "For one column nu = 0.002 is often seen.")
  check_number(nu, "nu", -1e6, 1e6)
  check_number(lower, "lower", 0)
  V <- check_scale_matrix(V, nu)
  label <- paste0("inverse Wishart, V = ",
                  if (length(V) == 1L) format(V[1L], digits = 4) else paste(nrow(V), "x", nrow(V)), ", nu = ",
                  format(nu),
                  if (lower > 0) paste0(", variance above ", format(lower)))
  out <- if (nu > 0) inverse_gamma_prior(V[1L], nu, label, lower) else power_prior(nu + 1, label, lower,
                                                                                   "inverse_wishart")
  out$kind <- "inverse_wishart"
  out$V <- V
  out$nu <- nu
  if (nu <= 0 && any(V != 0) && nu != 0) out$zero <- if (lower > 0) Inf else -(nu + 1)
  out
}

check_scale_matrix <- function(V, nu) {
  ok <- is.numeric(V) && length(V) >= 1L && all(is.finite(V)) && (length(V) == 1L || is.matrix(V) &&
                                                                  nrow(V) == ncol(V) && isSymmetric(unname(V)))
  if (ok) ok <- min(eigen(as.matrix(V), symmetric = TRUE, only.values = TRUE)$values) >= 0
  if (ok) return(as.matrix(V))
  lmm_abort("input", paste0("`V` must be a positive number or a positive semidefinite matrix, not ", describe_value(V),
                            "."), what = "V")
}

# The standard deviation of a variance that is inverse gamma: shape nu / 2, rate nu V / 2.
inverse_gamma_prior <- function(V, nu, label, lower = 0) {
  rate <- nu * V
  constant <- log(2) + nu / 2 * log(rate / 2) - lgamma(nu / 2)
  if (lower > 0) constant <- constant - stats::pgamma(1 / lower, nu / 2, rate / 2, log.p = TRUE)
  if (!is.finite(constant)) constant <- 0
  log <- function(sd) ifelse(sd^2 >= lower, constant - (nu + 1) * base::log(sd) - rate / (2 * sd^2), -Inf)
  draw <- function(n) {
    top <- if (lower > 0) stats::pgamma(1 / lower, nu / 2, rate / 2) else 1
    1 / sqrt(stats::qgamma(stats::runif(n) * top, nu / 2, rate / 2))
  }
  new_prior("sd", label, log = log, zero = if (rate > 0 || lower > 0) Inf else -(nu + 1), infinity = nu + 1,
            proper = rate > 0, lower = sqrt(lower),
            power = nu + 1,
            parts = if (lower == 0) function(s) list(level = constant - (nu + 1) * base::log(s), rate = rate / s^2),
            draw = draw)
}

#' @rdname priors
#' @export
prior_mcmcglmm <- function(lower = 0, ...) {
  out <- prior_inverse_wishart(1, 0, lower)
  out$label <- paste0("MCMCglmm's default, 1 / variance", if (lower > 0) paste0(" above ", format(lower)))
  out
}

#' @rdname priors
#' @export
prior_half_t <- function(df = 3, scale, ...) {
  check_positive(df, "df")
  check_positive(scale, "scale")
  new_prior("sd", paste0("half-t, df = ", format(df), ", scale = ", format(scale)), zero = 0, infinity = df + 1,
            proper = TRUE, lower = 0,
            log = function(sd) log(2) + stats::dt(sd / scale, df, log = TRUE) - log(scale),
            draw = function(n) scale * abs(stats::rt(n, df)))
}

#' @rdname priors
#' @export
prior_half_cauchy <- function(scale, ...) {
  out <- prior_half_t(1, scale)
  out$label <- paste0("half-Cauchy, scale = ", format(scale))
  out
}

#' @rdname priors
#' @export
prior_half_normal <- function(scale, ...) {
  check_positive(scale, "scale")
  new_prior("sd", paste0("half-normal, scale = ", format(scale)), zero = 0, infinity = Inf, proper = TRUE, lower = 0,
            log = function(sd) log(2) + stats::dnorm(sd, 0, scale, log = TRUE),
            draw = function(n) scale * abs(stats::rnorm(n)))
}

#' @rdname priors
#' @export
prior_pc <- function(upper, prob = 0.05, ...) {
  check_positive(upper, "upper")
  check_level(prob, "prob")
  rate <- -log(prob) / upper
  new_prior("sd", paste0("penalized complexity, P(sd > ", format(upper), ") = ", format(prob)), zero = 0,
            infinity = Inf, proper = TRUE, lower = 0,
            log = function(sd) log(rate) - rate * sd, draw = function(n) stats::rexp(n, rate))
}

#' @rdname priors
#' @export
prior_lkj <- function(eta = 1, ...) {
  check_positive(eta, "eta")
  new_prior("cor", paste0("LKJ(", format(eta), ")"), eta = eta, proper = TRUE)
}

#' @rdname priors
#' @export
prior_icc <- function(a = 1, b = 1, ...) {
  check_positive(a, "a")
  check_positive(b, "b")
  new_prior("icc", paste0("beta(", format(a), ", ", format(b),
                          ") on the share of the total variance, 1 / total on the total"), a = a, b = b,
            zero = 2 * a - 1, infinity = 2 * b + 1, proper = FALSE, power = 2,
            level = function(s) {
              h <- 1 / (1 + 1 / s^2)
              log(4) + (2 * a - 1) * log(s) - (a + b) * log1p(s^2) - lbeta(a, b) + 0 * h
            })
}

#' @rdname priors
#' @export
prior_normal <- function(mean = 0, sd, ...) {
  ok <- is.numeric(mean) && is.numeric(sd) && length(mean) && length(sd) && all(is.finite(mean)) && !anyNA(sd) &&
    all(sd > 0)
  if (!ok) lmm_abort("input", "`mean` must be finite numbers and `sd` positive ones.", what = c("mean", "sd"),
                     value = list(mean, sd))
  new_prior("fixed", "normal", mean = mean, sd = sd, proper = all(is.finite(sd)))
}

#' @rdname priors
#' @export
prior_density <- function(density, proper = FALSE, zero = 0, infinity = 0, ...) {
  if (!is.function(density)) lmm_abort("input", paste0("`density` must be a function, not ", kind_of(density), "."),
                                       what = "density")
  check_flag(proper, "proper")
  check_number(zero, "zero")
  check_number(infinity, "infinity")
  new_prior("all", "a function of all variance parameters", density = density, proper = proper, zero = zero,
            infinity = infinity)
}

check_positive <- function(x, name) {
  if (missing(x)) lmm_abort("input", paste0("`", name, "` is missing."), what = name)
  if (is.numeric(x) && length(x) == 1L && is.finite(x) && x > 0) return(x)
  lmm_abort("input", paste0("`", name, "` must be one positive number, not ", describe_value(x), "."), what = name,
            value = x)
}

#' @export
print.lmm_prior <- function(x, ...) {
  cat("Prior: ", x$label, if (!isTRUE(x$proper)) " (improper)", "\n", sep = "")
  invisible(x)
}
