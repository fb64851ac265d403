# Functions of the parameters: intraclass correlation, total variance, coefficient of variation, ratios, heritability.

#' Estimates and intervals of functions of the parameters
#'
#' Any function of the variance parameters and the fixed effects, with a standard error and a confidence interval.
#'
#' A quantity is a one-sided formula in which these stand for parameters of the fit: `sigma`, the residual standard
#' deviation, and `sigma2`, its square; `var(g)`, `sd(g)` for the grouping factor `g` of a random term with one column;
#' `var(g, x)`, `sd(g, x)`, `cov(g, x, z)`, `cor(g, x, z)` for columns `x` and `z` of a term (`(Intercept)` may be
#' written `1`); `beta(x)` for a fixed effect; `total`, the sum of `sigma2` and the variances of all terms with one
#' column, and of the intercepts of the others. Instead of a formula, a function of a list with elements
#' `covariance` (list of covariance matrices by term), `sigma` and `beta`. The words `"icc"` (shares of all terms in `total`),
#' `"total sd"` and `"cv"` (`sqrt(total)` by the absolute intercept) stand for themselves.
#'
#' \describe{
#'   \item{`"delta"`}{normal limits, the standard error by the delta method from [vcov_components()] and the covariance
#'     matrix of the fixed effects; on the scale of `link`.}
#'   \item{`"chisq"`}{Satterthwaite: a variance is taken to be distributed as a multiple of a chi-square with
#'     `df = 2 (estimate / se)^2`. For quantities proportional to a variance or to a standard deviation.}
#'   \item{`"boot"`}{percentile limits of the parametric bootstrap, see [bootstrap()].}
#'   \item{`"profile"`}{all values that a likelihood ratio test of the quantity does not reject, by the criterion of the
#'     fit. For functions of the variance parameters.}
#' }
#'
#' @param fit a fit made by [lmm()].
#' @param ... quantities, named or not.
#' @param method how to find limits.
#' @param level confidence level.
#' @param link scale of `"delta"` limits: `"identity"`, `"log"`, `"logit"`.
#' @param information see [vcov_components()].
#' @param nsim,seed,threads for `"boot"`: number of simulated responses, seed and number of processes.
#' @return A data frame with a row per quantity and columns `estimate`, `se`, `df` (for `"chisq"`), `lower`, `upper`, in the unit
#'   of the quantity. Limits are `NA` where the method has none.
#' @section Conditions:
#' `lmm_error_input`: a quantity that cannot be evaluated, is not one number or names a parameter the fit does not have, or a
#' method that is not available for it (the message names those that are).
#' @references Satterthwaite (1946) Biometrics Bulletin 2, 110-114. Burdick and Graybill (1992) *Confidence Intervals on
#'   Variance Components*. Davison and Hinkley (1997) *Bootstrap Methods and their Application*.
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' quantity(fit, "icc", "total sd", "cv")
#' quantity(fit, icc = ~ var(operator) / (var(operator) + sigma2), link = "logit")
#' quantity(fit, ~ total, method = "chisq")
#' quantity(fit, "icc", method = "profile")
#' @export
quantity <- function(fit, ..., method = c("delta", "chisq", "boot", "profile"), level = 0.95,
                     link = c("identity", "log", "logit"), information = c("observed", "expected", "average"), nsim = 1000,
                     seed = NULL, threads = 1) {
  check_fit(fit)
  refuse_structured(fit, "functions of variance parameters are", "Use variance_components().")
  if (missing(information)) information <- default_information(fit)
  method <- check_choice(method[1L], c("delta", "chisq", "boot", "profile"), "method")
  link <- check_choice(link[1L], c("identity", "log", "logit"), "link")
  check_level(level)
  functions <- lapply(quantity_functions(fit, list(...)), reporting_errors, names(fit_groups(fit))[1L])
  own <- fit_state(fit)
  estimate <- vapply(functions, function(f) check_value(f(own)), 0)
  se <- quantity_errors(fit, functions, own, information)
  limits <- if (fit_is_exact(fit)) structure(matrix(NA_real_, length(estimate), 2L), df = NA_real_) else switch(method,
    delta = delta_limits(estimate, se, level, link),
    chisq = chisq_quantities(fit, functions, own, estimate, se, level),
    boot = boot_quantities(fit, functions, estimate, level, nsim, seed, threads),
    profile = t(vapply(functions, profile_quantity, numeric(2L), fit = fit, level = level)))
  data.frame(estimate = estimate, se = se, df = if (method == "chisq") attr(limits, "df") else NA_real_, lower = limits[, 1L],
             upper = limits[, 2L], row.names = make.unique(names(functions)))
}

# A quantity that cannot be evaluated is the user's mistake.
reporting_errors <- function(f, group) {
  force(f)
  function(state) {
    tryCatch(f(state), error = function(e) {
      if (inherits(e, "lmm_condition")) stop(e)
      lmm_abort("input", paste0("a quantity cannot be evaluated: ", conditionMessage(e), "."), what = "...",
                fix = paste0("Words for parameters are sigma, sigma2, total, var(", group, "), sd(", group, "), cov(), cor() and beta()."))
    })
  }
}

check_value <- function(value) {
  if (is.numeric(value) && length(value) == 1L) return(if (is.nan(value)) NA_real_ else as.numeric(value))
  lmm_abort("input", paste0("a quantity must be one number, not ", describe_value(value), "."), what = "...")
}

quantity_functions <- function(fit, asked) {
  if (!length(asked)) lmm_abort("input", "no quantity is given.", what = "...", fix = "For example \"icc\" or ~ var(g) / total.")
  names <- names(asked)
  if (is.null(names)) names <- character(length(asked))
  parts <- Map(one_quantity, asked, names, MoreArgs = list(fit = fit))
  unlist(unname(parts), recursive = FALSE)
}

# A named list of functions of list(covariance, sigma, beta).
one_quantity <- function(asked, name, fit) {
  if (is.character(asked) && length(asked) == 1L) return(known_quantity(asked, name, fit))
  if (is.function(asked)) return(stats::setNames(list(asked), if (nzchar(name)) name else "quantity"))
  if (!inherits(asked, "formula") || length(asked) != 2L) {
    lmm_abort("input", paste0("a quantity must be a one-sided formula, a function or a word, not ", kind_of(asked), "."), what = "...")
  }
  words <- quantity_words(fit)
  f <- function(state) eval(asked[[2L]], words(state), environment(asked))
  stats::setNames(list(f), if (nzchar(name)) name else deparse_line(asked[[2L]]))
}

known_quantity <- function(word, name, fit) {
  check_choice(word, c("icc", "total sd", "cv"), "quantity")
  words <- quantity_words(fit)
  if (word == "icc") {
    terms <- seq_along(fit_random(fit))
    f <- lapply(terms, function(t) function(state) intercept_variance(state$covariance[[t]]) / words(state)$total)
    label <- if (nzchar(name)) name else "icc"
    return(stats::setNames(f, if (length(terms) == 1L) label else paste0(label, " ", fit_term_names(fit))))
  }
  if (word == "cv" && !"(Intercept)" %in% names(fit_beta(fit))) {
    lmm_abort("input", "the coefficient of variation needs an intercept, and the model has none.", what = "cv",
              fix = "Write it as a formula with beta(x) in place of the intercept.")
  }
  f <- if (word == "cv") function(state) sqrt(words(state)$total) / abs(state$beta[["(Intercept)"]])
       else function(state) sqrt(words(state)$total)
  stats::setNames(list(f), if (nzchar(name)) name else word)
}

# What the words of a formula mean for given parameters.
quantity_words <- function(fit) {
  text <- function(e) if (is.character(e)) e else if (identical(e, 1)) "(Intercept)" else sub("^`(.*)`$", "\\1", deparse_line(e))
  find <- function(names, wanted, kind) {
    at <- match(gsub(" ", "", wanted), gsub(" ", "", names))
    if (is.na(at)) lmm_abort("input", paste0("the fit has no ", kind, " ", quote_name(wanted), "."), what = wanted,
                             fix = paste0("There is ", enumerate(quote_name(names)), "."))
    at
  }
  function(state) {
    entry <- function(g, x, z) {
      S <- state$covariance[[find(names(state$covariance), g, "random term")]]
      if (is.null(x)) x <- if (ncol(S) == 1L) colnames(S) else "(Intercept)"
      if (is.null(z)) z <- x
      S[find(colnames(S), x, "column"), find(colnames(S), z, "column")]
    }
    var <- function(g, x) entry(text(substitute(g)), if (!missing(x)) text(substitute(x)), NULL)
    cov <- function(g, x, z) entry(text(substitute(g)), text(substitute(x)), text(substitute(z)))
    cor <- function(g, x, z) {
      g <- text(substitute(g)); x <- text(substitute(x)); z <- text(substitute(z))
      entry(g, x, z) / (sqrt(entry(g, x, NULL)) * sqrt(entry(g, z, NULL)))
    }
    sd <- function(g, x) sqrt(entry(text(substitute(g)), if (!missing(x)) text(substitute(x)), NULL))
    beta <- function(x) state$beta[[find(names(state$beta), text(substitute(x)), "fixed effect")]]
    list(sigma = state$sigma, sigma2 = state$sigma^2, var = var, cov = cov, cor = cor, sd = sd, beta = beta,
         total = state$sigma^2 + sum(vapply(state$covariance, intercept_variance, 0)))
  }
}

intercept_variance <- function(S) if (ncol(S) == 1L) S[1L] else if ("(Intercept)" %in% colnames(S)) S["(Intercept)", "(Intercept)"] else 0
