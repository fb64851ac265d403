# Marginal likelihoods and Bayes factors.

#' Marginal likelihood and Bayes factor
#'
#' The log of the density of the data, all parameters integrated out: by quadrature where the posterior is on a grid,
#' otherwise the mean of the importance weights of the proposals, with its standard error. Coefficients with a flat
#' prior are integrated over their whole space, so that only models with the same fixed effects can be compared;
#' constants of improper priors cancel where both models have the same prior of the same parameter.
#'
#' @param object,null draws made by [posterior()], from fits to the same data with the same fixed effects.
#' @param ... not used.
#' @return `marginal_likelihood()`: a list with `log`, its standard error `se`, and `proper`: are all priors of variance
#'   parameters proper? `bayes_factor()`: a data frame with one row: `log_bf` in favor of `object`, its standard error
#'   `se`, `bf`, and `probability` of `object` for prior odds of 1.
#' @section Conditions:
#' `lmm_error_input`: other data, other fixed effects, or a parameter that only one of the models has, or for which they
#' have different priors, with an improper prior: its constant is arbitrary, and so would be the Bayes factor.
#' @seealso [posterior()], [priors], [rlrt()] for exact tests of a variance.
#' @concept Bayes factor
#' @concept marginal likelihood
#' @concept evidence
#' @concept comparison of models
#' @examples
#' small <- lmm(yield ~ treat + (1 | blend), penicillin, fixed = c(blend = 0))
#' large <- lmm(yield ~ treat + (1 | blend), penicillin)
#' prior <- list(blend = prior_half_t(3, 5), residual = prior_jeffreys())
#' bayes_factor(posterior(large, 1000, prior, seed = 1), posterior(small, 1000, prior, seed = 1))
#' @export
bayes_factor <- function(object, null, ...) {
  a <- about_posterior(check_posterior(object, "object"))
  b <- about_posterior(check_posterior(null, "null"))
  check_same_data(a, b)
  check_cancelling(a, b)
  log <- a$evidence[1L] - b$evidence[1L]
  data.frame(log_bf = log, se = sqrt(a$evidence[2L]^2 + b$evidence[2L]^2), bf = exp(log),
             probability = stats::plogis(log))
}

#' @rdname bayes_factor
#' @export
marginal_likelihood <- function(object, ...) {
  about <- about_posterior(check_posterior(object, "object"))
  list(log = about$evidence[1L], se = about$evidence[2L],
       proper = all(vapply(parameter_priors(about), `[[`, NA, "proper")))
}

check_posterior <- function(x, name) {
  if (inherits(x, "lmm_posterior") && !is.null(about_posterior(x))) return(x)
  lmm_abort("input", paste0("`", name, "` must be draws made by posterior(), not ", kind_of(x), "."), what = name,
            value = class(x))
}

check_same_data <- function(a, b) {
  x <- fit_blocks(a$fit)
  y <- fit_blocks(b$fit)
  same <- x$n == y$n && isTRUE(all.equal(x$x$square,
                                         y$x$square)) && isTRUE(all.equal(x$x$total,
                                                                          y$x$total)) &&
                                                                            identical(a$labels$fixed, b$labels$fixed)
  if (!same) lmm_abort("input", paste("the fits have different data or different fixed effects: their marginal",
                                      "likelihoods cannot be compared."), what = c("object", "null"))
}

# The priors of the free variance parameters, by name: label, and whether proper.
parameter_priors <- function(about) {
  priors <- about$priors
  if (!is.null(priors$all)) return(list(all = priors$all[c("label", "proper")]))
  if (!is.null(priors$icc)) return(list(icc = priors$icc[c("label", "proper")]))
  parameters <- variance_parameters(about$fit)
  free <- about$free
  own <- lapply(free, function(k) {
    t <- parameters$term[k]
    if (t == 0L) return(priors$residual)
    if (priors$wishart[t]) return(list(label = priors$sd[[t]]$label,
                                  proper = priors$sd[[t]]$nu > nrow(priors$sd[[t]]$V) - 1))
    if (parameters$correlation[k]) return(priors$cor[[t]])
    if (parameters$kind[k] == "rho") {
      alone <- sum(parameters$term == t & parameters$kind == "rho") == 1L
      return(list(label = priors$cor[[t]]$label, proper = alone))
    }
    if (parameters$kind[k] == "range") return(priors$range[[t]])
    sd_prior(priors, t, parameters$row[k])
  })
  names(own) <- about$labels$variances[free]
  own <- c(own, stats::setNames(about$residual$prior, about$residual$names))
  if (!is.null(priors$fixed)) own$fixed <- list(label = paste(priors$fixed$label,
                                                              deparse_line(priors$fixed[c("mean", "sd")])),
                                                              proper = TRUE)
  lapply(own, function(prior) list(label = prior$label, proper = isTRUE(prior$proper)))
}

check_cancelling <- function(a, b) {
  one <- parameter_priors(a)
  two <- parameter_priors(b)
  both <- intersect(names(one), names(two))
  shared <- both[vapply(both, function(name) identical(one[[name]]$label, two[[name]]$label), NA)]
  left <- c(one[setdiff(names(one), shared)], two[setdiff(names(two), shared)])
  improper <- names(left)[!vapply(left, `[[`, NA, "proper")]
  if (!length(improper)) return(invisible())
  lmm_abort("input", paste0("the models differ in ", enumerate(quote_name(improper)),
                            ", whose prior is improper: its constant is arbitrary, and so would be the Bayes factor."),
            what = improper,
            fix = "Give what differs a proper prior, such as prior_half_t(3, scale) or prior_half_normal(scale).")
}
