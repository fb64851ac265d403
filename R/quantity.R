# Functions of the parameters: intraclass correlation, total variance, coefficient of variation, ratios, heritability.

#' Estimates and intervals of functions of the parameters
#'
#' Any function of the variance parameters and the fixed effects, with a standard error and a confidence interval.
#'
#' A quantity is a one-sided formula in which these stand for parameters of the fit: `sigma`, the residual standard
#' deviation, and `sigma2`, its square, also as `sd(Residual)` and `var(Residual)`; `var(g)`, `sd(g)` for the term that
#' [VarCorr()] prints as `g`, if it has one column (or an intercept, which is then meant); `var(g, x)`, `sd(g, x)`,
#' `cov(g, x, z)`, `cor(g, x, z)` for columns `x` and `z` of a term (`(Intercept)` may be written `1`), and `cov(g)`,
#' `cor(g)` where it has two; `beta(x)` for a fixed effect; the names in [confint()][confint.lmm_fit()], such as
#' `.sig01` or, in backticks, `` `sd_(Intercept)|g` ``; `total`, the variance of a response that random effects and
#' residual make: `sigma2` (with prior weights, multiplied by the mean of `1 / weight` over the rows of the fit) and
#' for each term the mean over the rows of `z' Sigma z`, where `z` is the row's random part. Where random terms have
#' intercepts only this is the sum of their variances; with random slopes it does not depend on the origins and units of
#' covariates. With a residual structure its parameters are referred to by name (`rho`, `range`, `nugget`, `cov`, or in
#' backticks; `cov(g, x)` is a call of the function even if there is a parameter `cov`), and `var(Residual)` is the
#' residual variance of each row, given its weight, averaged over the rows; for visits `var(Residual, "8")`,
#' `cov(Residual, "8", "10")` and `cor(Residual, "8", "10")` are entries of the residual covariance matrix. Instead of a
#' formula, a function of a list with elements `covariance` (list of covariance matrices by term), `sigma`, `beta` and
#' `residual` (parameters of a residual structure by name). The words `"icc"` (the intraclass correlation coefficient:
#' the proportion of each term in `total`), `"repeatability"` and `"heritability"` (other names of the same proportion),
#' `"total"`, `"total sd"` and `"cv"` (`sqrt(total)` divided by the absolute mean of the fixed part over the rows) are
#' shorthands.
#'
#' `"heritability"` is the broad-sense heritability of a single observation if the levels of the term are genotypes.
#' Other heritabilities are formulas: `~ 4 * var(sire) / total` for half sibs, `~ var(gen) / (var(gen) + sigma2 / 3)`
#' for the mean of three replicates. For Cullis' heritability of unbalanced trials see [reliability()].
#'
#' \describe{
#'   \item{`"auto"`}{the profile for functions of the variance parameters where it is cheap (up to ten of them and, with
#'     crossed factors, up to 1000 random effects), otherwise the delta method. Column `method` of the result says which
#'     was used.}
#'   \item{`"profile"`}{all values that a likelihood ratio test of the quantity does not reject, by the criterion of the
#'     fit. For functions of the variance parameters. If the profile does not reach the level before the end of
#'     the quantity's range, the limit is there.}
#'   \item{`"delta"`, `"Wald"`}{normal limits, the standard error by the delta method from [vcov_components()] and the
#'     covariance matrix of the fixed effects; on the scale of `link`.}
#'   \item{`"chisq"`}{Satterthwaite: a variance is taken to be distributed as a multiple of a chi-square with
#'     `df = 2 (estimate / se)^2`. For quantities proportional to a variance or to a standard deviation.}
#'   \item{`"MLS"`, `"generalized"`}{modified large-sample and generalized limits from the mean squares of [ems()],
#'     whose moment estimates are those of the table; for functions of the variances, exact or nearly so in balanced
#'     designs.}
#'   \item{`"boot"`}{percentile limits of the parametric bootstrap, see [bootstrap()].}
#' }
#'
#' @param fit a fit made by [lmm()], [many responses][responses], draws made by [posterior()], or an analysis of
#'   variance made by [ems()].
#' @param ... quantities, named or not.
#' @param method how to find limits; unique abbreviations are enough.
#' @param level confidence level; `conf.level` is another name for it.
#' @param link scale of `"delta"` limits: `"identity"`, `"log"`, `"logit"`, `"fisher"` (Fisher's z), or `"auto"`: by the
#'   range of the quantity, log where it is never negative, logit between 0 and 1, Fisher's z between -1 and 1. Limits
#'   are then inside this range. With a link but no method the method is `"delta"`.
#' @param information information matrix for standard errors, see [vcov_components()].
#' @param nsim,seed,threads for `"boot"` (and `"generalized"`): number of simulated responses (values), seed and number
#'   of processes.
#' @return A data frame with a row per quantity and columns `estimate`, `se`, `df` (for `"chisq"`), `lower`, `upper`, in
#'   the unit of the quantity, and `method`. Limits are `NA` where the method has none. Of [many responses][responses] a
#'   row for each response and quantity, with columns `response` and `quantity` first; there `"auto"` is `"delta"`,
#'   which takes about three milliseconds for each, and other methods fit each response again. Of posterior draws the
#'   columns of [summary()][summary.lmm_posterior()], with the values of each draw as attribute `"draws"`.
#' @section Conditions:
#' `lmm_error_input`: a quantity that cannot be evaluated, is not one number or names a parameter the fit does not have,
#' or a method that is not available for it (the message names those that are); `total` of a fit with random slopes that
#' does not keep its rows. `lmm_error_numeric`: an `information` that is too expensive to compute for the fit.
#' @references Satterthwaite (1946) Biometrics Bulletin 2, 110-114. Burdick and Graybill (1992) *Confidence Intervals on
#'   Variance Components*. Davison and Hinkley (1997) *Bootstrap Methods and their Application*. Johnson (2014) Methods
#'   in Ecology and Evolution 5, 944-946 (mean variance of random slopes).
#' @seealso [confint][confint.lmm_fit] for the parameters themselves, [ems()] for intervals from mean squares,
#'   [reliability()] for the reliability of random effects and Cullis' heritability, [gauge_rr()].
#' @concept ICC
#' @concept intraclass correlation
#' @concept heritability
#' @concept repeatability
#' @concept variance partition coefficient
#' @concept coefficient of variation
#' @concept delta method
#' @concept signal-to-noise ratio
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' quantity(fit, "icc", "total sd", "cv")
#' quantity(fit, icc = ~ var(operator) / (var(operator) + var(Residual)), method = "delta")
#' quantity(fit, ~ total, method = "chisq")
#' @export
quantity <- function(fit, ..., method = c("auto", "profile", "delta", "chisq", "boot", "MLS", "generalized"),
                     level = 0.95,
                     link = c("auto", "identity", "log", "logit", "fisher"),
                     information = c("observed", "expected", "average"), nsim = 1000, seed = NULL, threads = 1) {
  if (inherits(fit, "lmm_posterior")) {
    return(quantity_draws(check_posterior(fit, "fit"), without_level(list(...)), level))
  }
  many <- inherits(fit, "lmm_responses")
  if (inherits(fit, "ems")) {
    method <- if (missing(method)) "MLS" else match_word(method[1L], ems_methods, "method")
    return(mean_square_quantities(fit, without_level(list(...)), method, level, nsim, seed))
  }
  if (!many) {
    check_fit(fit)
    refuse_iterative(fit, "quantity(), with its profiles, is")
  }
  if (missing(information)) information <- if (many) "observed" else default_information(fit)
  asked <- without_level(list(...))
  link <- match_word(link[1L], c("auto", "identity", "log", "logit", "fisher"), "link")
  method <- match_word(method[1L], c("auto", "profile", "delta", "chisq", "boot", "MLS", "generalized"), "method",
                       c(Wald = "delta"))
  if (method == "auto" && link != "auto") method <- "delta"
  if (!many && method %in% ems_methods) return(mean_square_quantities(ems(fit), asked, method, level, nsim, seed))
  if (many) {
    return(quantity_responses(fit, asked, method,
                              list(level = level, link = link, information = information, nsim = nsim, seed = seed,
                                   threads = threads)))
  }
  information <- match_word(information[1L], c("observed", "expected", "average"), "information")
  check_information(fit, information)
  parameters <- if (needs_dense(fit)) structured_space(fit, information) else theta_space(fit, information)
  quantity_rows(fit, parameters, asked, method, level, link, nsim, seed, threads)
}

# The table of the quantities asked for.
quantity_rows <- function(fit, parameters, asked, method, level, link, nsim, seed, threads) {
  functions <- lapply(quantity_functions(fit, asked), reporting_errors, parameters$group)
  # the root of a negative variance is NaN, with a warning
  estimate <- suppressWarnings(vapply(functions, function(f) check_value(f(parameters$state)), 0))
  none <- is.na(estimate)
  report_exact(fit)
  if (any(none) && fit_is_indefinite(fit)) report_no_value(names(functions)[none])
  out <- data.frame(estimate = estimate, se = NA_real_, df = NA_real_, lower = NA_real_, upper = NA_real_,
                    method = method, row.names = make.unique(names(functions)))
  if (!all(none)) {
    out[!none, ] <- quantity_limits(fit, parameters, functions[!none], estimate[!none], method, level, link, nsim, seed,
                                    threads)
  }
  as_table(out, "quantity_table")
}

report_no_value <- function(names) {
  lmm_inform("limits", paste0(enumerate(quote_name(names)), if (length(names) > 1L) " are" else " is",
                              " not defined: a variance is estimated as negative."), what = names)
}

quantity_limits <- function(fit, parameters, functions, estimate, method, level, link, nsim, seed, threads) {
  se <- parameters$errors(functions)
  out <- data.frame(estimate = estimate, se = se, df = NA_real_, lower = NA_real_, upper = NA_real_, method = method,
                    row.names = make.unique(names(functions)))
  if (fit_is_exact(fit)) return(out)
  limits <- switch(method,
    chisq = chisq_quantities(fit, functions, parameters$state, estimate, se, level),
    boot = boot_quantities(fit, functions, estimate, level, nsim, seed, threads),
    range_quantities(parameters, fit, functions, estimate, se, level, method, link))
  out[c("lower", "upper")] <- limits
  if (method == "chisq") out$df <- attr(limits, "df")
  if (method == "auto") out$method <- attr(limits, "method")
  out
}

# The space of the variance parameters in which quantities vary: the state at the estimates; a group for errors to
# name; standard errors, the range and the profile limits of functions of a state; and are profiles cheap?
theta_space <- function(fit, information) {
  own <- whole_state(fit)
  list(state = own, group = names(fit_groups(fit))[1L], cheap = profile_is_cheap(fit),
       errors = function(functions) quantity_errors(fit, functions, own, information),
       range = function(f) quantity_range(f, fit),
       profile = function(f, level, range) profile_quantity(f, fit, level, range))
}

# A quantity that cannot be evaluated is the user's mistake. Attribute `plain`: the function itself, for who evaluates
# it often.
reporting_errors <- function(f, group) {
  force(f)
  force(group)
  structure(function(state) report_errors(f(state), group), plain = f, group = group)
}

report_errors <- function(value, group) {
  tryCatch(value, error = function(e) {
    if (inherits(e, "lmm_condition") || is_time_limit(conditionMessage(e))) stop(e)
    lmm_abort("input", paste0("a quantity cannot be evaluated: ", conditionMessage(e), "."), what = "...",
              fix = paste0("Words for parameters are sigma, sigma2, total, ", if (!is.na(group)) paste0("var(", group,
                           "), sd(", group, "), "), "cov(), cor() and beta()."))
  })
}

check_value <- function(value) {
  if (is.numeric(value) && length(value) == 1L) return(if (is.nan(value)) NA_real_ else as.numeric(value))
  lmm_abort("input", paste0("a quantity must be one number, not ", describe_value(value), "."), what = "...")
}

quantity_functions <- function(fit, asked) {
  if (!length(asked)) lmm_abort("input", "no quantity is given.", what = "...",
                                fix = "For example \"icc\" or ~ var(g) / total.")
  names <- names(asked)
  if (is.null(names)) names <- character(length(asked))
  stray <- nzchar(names) & !vapply(asked, is_quantity, NA)
  if (any(stray)) check_arguments(names[stray], names(formals(quantity)))
  squares <- compute_once(function() mean_squares(fit))
  parts <- Map(one_quantity, asked, names,
               MoreArgs = list(fit = fit, words = quantity_words(fit, squares), squares = squares))
  unlist(unname(parts), recursive = FALSE)
}

# A function that computes its value when it is called first.
compute_once <- function(compute) {
  value <- NULL
  function() {
    if (is.null(value)) value <<- compute()
    value
  }
}

is_quantity <- function(x) is.function(x) || inherits(x, "formula") || (is.character(x) && length(x) == 1L)

# A named list of functions of list(covariance, sigma, beta).
one_quantity <- function(asked, name, fit, words, squares) {
  if (is.character(asked) && length(asked) == 1L) return(known_quantity(asked, name, fit, words, squares))
  if (is.function(asked)) {
    f <- function(state) asked(shown_state(fit, state))
    return(stats::setNames(list(f), if (nzchar(name)) name else "quantity"))
  }
  if (!inherits(asked, "formula") || length(asked) != 2L) {
    stray <- if (nzchar(name)) meant_argument(name, setdiff(user_arguments(), "fit"))
    if (length(stray)) abort_unknown(name, user_arguments())
    lmm_abort("input", paste0("a quantity must be a one-sided formula, a function or a word, not ", kind_of(asked),
                              "."), what = "...")
  }
  used <- all.names(asked)
  f <- function(state) with_words(asked[[2L]], words(state, used), environment(asked))
  stats::setNames(list(f), if (nzchar(name)) name else deparse_line(asked[[2L]]))
}

# A word may be a number and a function (`cov` of compound symmetry). Of names twice in one list R finds only the first;
# functions are therefore in a scope of their own, where calls find them before those of `env`.
with_words <- function(e, words, env) {
  callable <- vapply(words, is.function, NA)
  eval(e, words[!callable], list2env(words[callable], parent = env))
}

known_quantity <- function(word, name, fit, words, squares) {
  shares <- c("icc", "repeatability", "heritability")
  known <- c(shares, "total", "total sd", "cv")
  word <- match_word(word, known, "quantity", c(h2 = "heritability", vpc = "icc", intraclass = "icc"))
  total <- function(state) words(state, "total")$total
  label <- if (nzchar(name)) name else word
  if (word %in% shares && !length(fit_random(fit))) {
    lmm_abort("input", paste0("\"", word, "\" is a share of random effects, and the fit has none."), what = word,
              fix = "Write a formula, such as ~ cov / (cov + sigma2) for compound symmetry.")
  }
  if (word %in% shares) {
    f <- lapply(seq_along(fit_random(fit)), function(t) function(state) term_share(squares(), state)[t] / total(state))
    return(stats::setNames(f, if (length(f) == 1L) label else paste0(label, " ", fit_term_names(fit))))
  }
  if (word == "cv" && !length(fit_beta(fit))) {
    lmm_abort("input", "the coefficient of variation needs a mean, and the model has no fixed effects.", what = "cv")
  }
  row <- if (word == "cv") mean_row(fit)
  f <- switch(word, total = total, `total sd` = function(state) sqrt(total(state)),
              cv = function(state) sqrt(total(state)) / abs(sum(row$x * state$beta, na.rm = TRUE) + row$offset))
  stats::setNames(list(f), label)
}

# The same with the sigma that users are shown.
shown_state <- function(fit, state = fit_state(fit)) {
  replace(state, "sigma", state$sigma * sigma_at_zero(fit, state$residual))
}

# What a function of the parameters is given: list(covariance by term, sigma, beta); with structures of random effects
# also `natural`, with a residual structure `residual`, its parameters by name.
fit_state <- function(fit) {
  out <- list(covariance = stats::setNames(fit_covariance(fit), fit_term_names(fit)),
              sigma = fit_limit_sigma(fit), beta = fit_beta(fit))
  if (has_special(fit)) out$natural <- fit_natural(fit)
  if (is_structured(fit)) {
    own <- residual_parameters(fit)
    out$residual <- stats::setNames(own$estimate, own$name)
  }
  out
}
