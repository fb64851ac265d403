# Parametric bootstrap: refits of responses that the model itself has drawn.

#' Parametric bootstrap
#'
#' Draws responses from a fitted model, fits the model to each, and keeps what is asked for.
#'
#' All random numbers are drawn from R's generator in one stream before and independently of the refits, in the order
#' of [simulate()][simulate.lmm_fit()], so that a seed gives the same numbers however the refits are computed. Prior
#' weights are respected. A refit at the boundary is an ordinary result.
#'
#' @param fit a fit made by [lmm()] that holds its rows.
#' @param statistic what to keep of each refit: `NULL` for all standard deviations, correlations and fixed effects, or a
#'   function of a list with elements `covariance` (list of covariance matrices by term), `sigma` and `beta` that
#'   returns numbers.
#' @param nsim number of responses.
#' @param seed seed for the random numbers; the state of the generator is put back afterwards.
#' @param progress print a line for every tenth of the work?
#' @param x,digits,... see [print()].
#' @return An object of class `lmm_bootstrap`: a list with `t0` (values of the fit), `t` (matrix, a row per refit),
#'   `nsim`, `seed` and `singular` (was the refit at the boundary?).
#' @references Davison and Hinkley (1997) *Bootstrap Methods and their Application*.
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' bootstrap(fit, nsim = 100, seed = 1)
#' icc <- function(p) c(icc = p$covariance$operator[1] / (p$covariance$operator[1] + p$sigma^2))
#' bootstrap(fit, icc, nsim = 100, seed = 1)
#' @export
bootstrap <- function(fit, statistic = NULL, nsim = 500, seed = NULL, progress = FALSE) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_flag(progress, "progress")
  if (!is.null(statistic) && !is.function(statistic)) {
    lmm_abort("input", paste0("`statistic` must be a function, not ", kind_of(statistic), "."), what = "statistic")
  }
  refits <- bootstrap_refits(fit, nsim, seed, progress)
  own <- list(covariance = stats::setNames(fit_covariance(fit), fit_term_names(fit)), sigma = fit_sigma(fit), beta = fit_beta(fit))
  if (is.null(statistic)) {
    t0 <- stats::setNames(all_estimates(fit), all_parameter_names(fit))
    t <- refit_parameters(fit, refits)
  } else {
    t0 <- unlist(statistic(own))
    t <- do.call(rbind, lapply(refit_states(fit, refits), function(state) unlist(statistic(state))))
  }
  colnames(t) <- names(t0)
  structure(list(t0 = t0, t = t, nsim = nsim, seed = seed, singular = refits$singular), class = "lmm_bootstrap")
}

# Refits of `nsim` responses drawn from `from`, by default the fit itself: the lists of engine_refit(), joined.
bootstrap_refits <- function(fit, nsim, seed = NULL, progress = FALSE, from = fit) {
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  rows <- fit_rows(from, "the bootstrap")
  most <- max(1, floor(2e7 / rows$n))
  parts <- list()
  done <- 0
  while (done < nsim) {
    size <- min(most, nsim - done)
    Y <- as.matrix(simulate_rows(from, rows, size))
    parts <- c(parts, refit_parts(fit, Y, progress, done, nsim))
    done <- done + size
  }
  join_refits(parts)
}

# As simulate() draws them, one column per response and a row for each row of the fit.
simulate_rows <- function(fit, rows, nsim) {
  keep <- wanted_columns(fit, NA)
  mean <- linear_predictor(fit, rows, use = keep)
  if (!is.null(rows$offset)) mean <- mean + rows$offset
  Y <- mean + draw_random_part(fit, rows, nsim, lapply(keep, `!`)) + draw_residuals(fit, rows, nsim)
  if (!is.null(rows$weights)) Y[rows$weights == 0, ] <- 0
  Y
}

refit_parts <- function(fit, Y, progress, done, total) {
  pieces <- split(seq_len(ncol(Y)), ceiling(seq_len(ncol(Y)) / max(1, ceiling(total / 10))))
  if (!progress) pieces <- list(seq_len(ncol(Y)))
  lapply(pieces, function(columns) {
    out <- engine_refit(fit, Y[, columns, drop = FALSE])
    if (progress) cat(sprintf("%d of %d refits\n", as.integer(done + max(columns)), as.integer(total)))
    out
  })
}

join_refits <- function(parts) {
  bind <- function(name) do.call(cbind, lapply(parts, `[[`, name))
  chain <- function(name) unlist(lapply(parts, `[[`, name), use.names = FALSE)
  list(theta = bind("theta"), beta = bind("beta"), covariance = bind("covariance"), sigma = chain("sigma"),
       criterion = chain("criterion"), converged = chain("converged"), singular = chain("singular"))
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
  random <- fit_random(fit)
  size <- vapply(random, function(term) term$q * (term$q + 1L) / 2L, 0)
  start <- cumsum(size) - size
  template <- fit_covariance(fit)
  lapply(seq_along(refits$sigma), function(k) {
    covariance <- lapply(seq_along(random), function(t) {
      S <- template[[t]]
      S[lower.tri(S, diag = TRUE)] <- refits$covariance[start[t] + seq_len(size[t]), k]
      S[upper.tri(S)] <- t(S)[upper.tri(S)]
      S
    })
    beta <- fit_beta(fit)
    beta[fit_estimable(fit)] <- refits$beta[, k]
    list(covariance = stats::setNames(covariance, fit_term_names(fit)), sigma = refits$sigma[k], beta = beta)
  })
}

#' @rdname bootstrap
#' @export
print.lmm_bootstrap <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("Parametric bootstrap with ", x$nsim, " refits (", sum(x$singular), " at the boundary)\n\n", sep = "")
  print(cbind(original = x$t0, bias = colMeans(x$t, na.rm = TRUE) - x$t0,
              `std. error` = apply(x$t, 2L, stats::sd, na.rm = TRUE)), digits = digits, ...)
  invisible(x)
}

#' @rdname bootstrap
#' @param object,parm,level,type a bootstrap, the statistics wanted, the confidence level, and `"perc"` or `"basic"` limits.
#' @export
confint.lmm_bootstrap <- function(object, parm, level = 0.95, type = c("perc", "basic"), ...) {
  check_dots_empty(...)
  check_number(level, "level", 0, 1)
  type <- check_choice(type[1L], c("perc", "basic"), "type")
  limits <- t(vapply(seq_along(object$t0), function(k) bootstrap_limits(object$t0[[k]], object$t[, k], level, type), numeric(2L)))
  dimnames(limits) <- list(names(object$t0), percent_names(level))
  if (missing(parm)) limits else limits[parm, , drop = FALSE]
}
