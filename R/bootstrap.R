# Parametric bootstrap: refits of responses that the model itself has drawn.

#' Parametric bootstrap
#'
#' Draws responses from a fitted model, refits the model to each, and keeps the requested statistics.
#'
#' @section Random numbers:
#' Each response has a stream of random numbers of its own: the streams of L'Ecuyer's generator that follow `seed`, one
#' after the other, with normal numbers by inversion. Response `k` is what [simulate()][simulate.lmm_fit()] draws at the
#' start of stream `k`. A seed therefore gives the same results for any number of `threads`, whichever generator
#' is in use, and in [confint()][confint.lmm_fit()], [quantity()], [bootstrap_test()] and [anova()][anova.lmm_fit()];
#' and the first 100 of 1000 responses are those that `nsim = 100` gives. The caller's generator and its state are left
#' as they were, except that without a `seed` one number is drawn from it, which becomes the seed.
#'
#' With a residual structure the residual bootstrap draws residuals whose correlation within subjects has been taken out
#' by the Cholesky factor of `R`, and gives them that of the fit again; its parameters are among those that are kept.
#'
#' Prior weights are respected. A refit at the boundary is an ordinary result. A warning of class
#' `lmm_warning_convergence` says how many refits did not converge, if any. An interrupt ends the work and all
#' processes.
#'
#' @param fit a fit made by [lmm()] that keeps its rows.
#' @param statistic what to keep of each refit: `NULL` for all standard deviations, correlations and fixed effects; a
#'   function of a list with elements `covariance` (list of covariance matrices by term), `sigma` and `beta` that
#'   returns numbers; or a function of a fit, such as `fixef` or `function(fit) predict(fit, newdata)`, as for
#'   `lme4::bootMer()`. The last kind needs complete fits and takes longer.
#' @param nsim number of responses.
#' @param seed a whole number that fixes the random numbers, or `NULL`.
#' @param threads number of processes that share the work (forked, on Windows always 1). Worthwhile if a single refit
#'   takes milliseconds or more.
#' @param progress show a progress bar with the time left if the work takes more than two seconds? In batch jobs `TRUE`
#'   prints a line after each tenth of the refits, and at most one line per 50 refits. The default is the option
#'   `henderson.progress`, which shows (`TRUE`) or hides (`FALSE`) the progress bars of all functions, or
#'   [interactive()] if the option is not set.
#' @param type for `confint()` the kind of limits, `"perc"`, `"basic"` or `"norm"` (normal limits around the
#'   bias-corrected estimate); for `bootstrap()` how the new data are made:
#' \describe{
#'   \item{`"parametric"`}{responses are drawn from the model at its estimates}
#'   \item{`"residual"`}{conditional modes and residuals, centered and rescaled to the covariance matrices of the fit,
#'     are drawn with replacement (Carpenter, Goldstein and Rasbash 2003)}
#'   \item{`"cases"`}{whole clusters of rows are drawn with replacement}
#'   \item{`"wild"`}{the marginal residuals of a cluster, each divided by the root of 1 - leverage, are multiplied by
#'     one number with mean 0 and variance 1 (Mammen's two points; Modugno and Giannerini 2015). For the fixed effects
#'     when variances differ between clusters; the variance parameters of such refits have no interpretation as a
#'     sampling distribution under normality}
#' }
#' @param groups name of the grouping factor whose levels are the clusters of `"cases"` and `"wild"`; the default is the
#'   factor in whose levels all others are nested. With a residual structure its subjects count as one more factor.
#' @param x,digits see [print()].
#' @param ... not used; for `print()` passed on.
#' @return An object of classes `lmm_bootstrap` and `boot`: a list with `t0` (values of the fit), `t` (matrix, a row per
#'   refit), `nsim`, `seed` (the one given or drawn), `type` and `singular` (was the refit at the boundary?). Refits
#'   that fail, as a sample of clusters may, are rows of `NA`, and a warning of class `lmm_warning_convergence` gives
#'   their number. Functions of package 'boot', such as `boot::boot.ci(type = c("norm", "basic", "perc"))`, work on it.
#' @section Conditions:
#' `lmm_error_input`: a `statistic` that fails or does not return as many numbers each time, an `nsim`, `seed` or number
#' of `threads` that is not a whole number, a fit that does not keep its rows; `lmm_error_unidentified` where the
#' residual variance is zero; `lmm_error_numeric` where a process ends without a result.
#' @references Davison and Hinkley (1997) *Bootstrap Methods and their Application*. L'Ecuyer, Simard, Chen and Kelton
#'   (2002) Operations Research 50, 1073-1075. Carpenter, Goldstein and Rasbash (2003) Applied Statistics 52, 431-443.
#'   Modugno and Giannerini (2015) Communications in Statistics - Theory and Methods 44, 4812-4825.
#' @seealso [plot.lmm_bootstrap()], [bootstrap_test()], [simulate.lmm_fit()].
#' @concept parametric bootstrap
#' @concept bootstrap confidence interval
#' @concept wild bootstrap
#' @concept cases bootstrap
#' @concept bootMer
#' @concept resampling
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' bootstrap(fit, nsim = 100, seed = 1)
#' bootstrap(fit, function(fit) ranef(fit)$operator[["(Intercept)"]], nsim = 20, seed = 1)
#' bootstrap(fit, nsim = 20, seed = 1, type = "residual")
#' icc <- function(p) c(icc = p$covariance$operator[1] / (p$covariance$operator[1] + p$sigma^2))
#' bootstrap(fit, icc, nsim = 100, seed = 1)
#' @export
bootstrap <- function(fit, statistic = NULL, nsim = 500, seed = NULL, threads = 1,
                      progress = getOption("henderson.progress", interactive()),
                      type = c("parametric", "residual", "cases", "wild"), groups = NULL, ...) {
  if (!is.null(statistic) && !is.function(statistic)) {
    lmm_abort("input", paste0("`statistic` must be a function, not ", kind_of(statistic), "."), what = "statistic")
  }
  check_fit(fit)
  check_not_exact(fit, "the bootstrap")
  type <- check_choice(type[1L], c("parametric", "residual", "cases", "wild"), "type")
  if (type != "parametric") refuse_related(fit_frame(fit), paste0("the bootstrap with type = \"", type, "\" is"),
                                           "Use type = \"parametric\".")
  if (!type %in% c("cases", "wild")) {
    refuse_indefinite(fit, "Use bootstrap(type = \"cases\") or \"wild\", or refit with bounded = TRUE.")
  }
  plan <- bootstrap_plan(fit, type, groups)
  seed <- own_seed(seed)
  of_fit <- !is.null(statistic) && takes_fit(statistic, fit)
  t0 <- if (is.null(statistic)) stats::setNames(all_estimates(fit), all_parameter_names(fit))
        else check_statistic(statistic, if (of_fit) fit else shown_state(fit))
  found <- if (of_fit || type == "cases" || needs_dense(fit)) {
    value <- if (is.null(statistic)) all_estimates
             else function(new) check_statistic(statistic, if (of_fit) new else shown_state(new), length(t0))
    complete_fits(fitted_statistics(fit, plan, value, nsim, seed, threads, progress), length(t0))
  } else {
    refits <- bootstrap_refits(list(fit), fit, nsim, seed, threads, progress, plan)[[1L]]
    states <- if (!is.null(statistic)) refit_states(fit, refits)
    list(t = if (is.null(statistic)) refit_parameters(fit, refits)
             else do.call(rbind, lapply(states, function(state) check_statistic(statistic, state, length(t0)))),
         singular = refits$singular)
  }
  colnames(found$t) <- names(t0)
  structure(list(t0 = t0, t = found$t, nsim = nsim, seed = seed, singular = found$singular, type = type, R = nsim,
                 sim = type, data = NULL, statistic = statistic, call = quote(bootstrap()),
                 labels = if (is.null(statistic)) all_parameter_names(fit, FALSE)), class = c("lmm_bootstrap", "boot"))
}

# A matrix with a row for each refit, NA where it failed.
complete_fits <- function(values, size) {
  failed <- vapply(values, is.null, NA)
  if (any(failed)) {
    lmm_warn("convergence",
             paste0(sum(failed), " of ", count_of(length(failed), "refit"),
                    " failed: their samples do not identify the model."),
             what = "nsim", value = sum(failed))
  }
  values[failed] <- list(rep(NA_real_, size))
  list(t = do.call(rbind, values), singular = attr(values, "singular"))
}

# Is it a function of a fit rather than of the list of parameters? It is tried on the list first, which it may not
# understand.
takes_fit <- function(statistic, fit) {
  value <- function(x) {
    found <- tryCatch(suppressWarnings(unlist(statistic(x))), error = function(e) NULL)
    (is.numeric(found) || is.logical(found)) && length(found) > 0L
  }
  !value(fit_state(fit)) && value(fit)
}

# Numbers, always as many.
check_statistic <- function(statistic, state, size = NULL) {
  value <- tryCatch(unlist(statistic(state)), error = function(e) {
    lmm_abort("input", paste0("`statistic` cannot be evaluated: ", conditionMessage(e), "."), what = "statistic")
  })
  if ((is.numeric(value) || is.logical(value)) && length(value) &&
      (is.null(size) || length(value) == size)) return(value)
  lmm_abort("input", paste0("`statistic` must return ", if (is.null(size)) "numbers" else count_of(size, "number"),
                            ", not ",
                            describe_value(value), "."), what = "statistic", value = value)
}

# Matrix of all parameters, a row per refit, in the order of confint().
refit_parameters <- function(fit, refits) {
  parameters <- variance_parameters(fit)
  beta <- matrix(NA_real_, length(refits$sigma), length(fit_beta(fit)))
  beta[, fit_estimable(fit)] <- t(refits$beta)
  cbind(stacked_values(parameters, fit_random(fit), refits$covariance, refits$sigma), beta)
}

# For each refit list(covariance, sigma, beta).
refit_states <- function(fit, refits) {
  triangle <- stacked_triangles(fit_random(fit))
  lapply(seq_along(refits$sigma), function(k) {
    covariance <- Map(function(S, own) {
      S[lower.tri(S, diag = TRUE)] <- refits$covariance[own, k]
      S[upper.tri(S)] <- t(S)[upper.tri(S)]
      S
    }, fit_covariance(fit), triangle)
    beta <- fit_beta(fit)
    beta[fit_estimable(fit)] <- refits$beta[, k]
    list(covariance = stats::setNames(covariance, fit_term_names(fit)), sigma = refits$sigma[k], beta = beta)
  })
}

#' @rdname bootstrap
#' @export
print.lmm_bootstrap <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  type <- if (is.null(x$type)) "parametric" else x$type
  cat(toupper(substr(type, 1L, 1L)), substring(type, 2L), " bootstrap with ", count_of(x$nsim, "refit"), " (",
      sum(x$singular, na.rm = TRUE),
      " at the boundary)\n\n", sep = "")
  print(cbind(original = x$t0, bias = colMeans(x$t, na.rm = TRUE) - x$t0,
              `std. error` = apply(x$t, 2L, stats::sd, na.rm = TRUE)), digits = digits, ...)
  invisible(x)
}

#' @rdname bootstrap
#' @param row.names,optional see [as.data.frame()].
#' @export
as.data.frame.lmm_bootstrap <- function(x, row.names = NULL, optional = FALSE, ...) {
  as.data.frame(x$t, row.names = check_row_names(row.names, nrow(x$t)))
}

#' @rdname bootstrap
#' @param object,parm,level a bootstrap, the statistics wanted and the confidence level.
#' @export
confint.lmm_bootstrap <- function(object, parm, level = 0.95, type = c("perc", "basic", "norm"), ...) {
  type <- match_word(type[1L], c("perc", "basic", "norm"), "type")
  limits <- t(vapply(seq_along(object$t0), function(k) bootstrap_limits(object$t0[[k]], object$t[, k], level, type),
              numeric(2L)))
  dimnames(limits) <- list(names(object$t0), percent_names(level))
  if (missing(parm)) return(limits)
  at <- if (is.character(parm)) match(parm, names(object$t0)) else if (is.numeric(parm)) seq_along(object$t0)[parm] else
    NA
  if (!anyNA(at)) return(limits[at, , drop = FALSE])
  lmm_abort("input", paste0("`parm` must name statistics of the bootstrap, not ", describe_value(parm), "."),
            what = "parm", value = parm,
            fix = paste0("There are ", enumerate(quote_name(names(object$t0)), 12L), "."))
}
