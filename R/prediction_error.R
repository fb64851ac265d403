# Prediction error variances of random effects, and what breeders and SAS make of them.

# List per grouping factor: matrix levels x columns of Var(b_hat - b).
group_prediction_errors <- function(fit) {
  sizes <- vapply(group_modes(fit), dim, integer(2L))
  if (fit_is_exact(fit) || fit_is_indefinite(fit)) return(lapply(seq_len(ncol(sizes)),
                                                                 function(g) matrix(NA_real_, sizes[1L, g],
                                                                                    sizes[2L, g])))
  out <- lapply(engine_prediction_error(fit), t)
  for (k in which(vapply(fit_random(fit), is_across, NA))) {
    out[[fit_term_groups(fit)[k]]] <- across_prediction_errors(fit, k)
  }
  out
}

# List per grouping factor: matrix levels x columns of the variances that the model gives the effects.
group_prior_variances <- function(fit) {
  group <- fit_term_groups(fit)
  variance <- lapply(fit_covariance(fit), diag)
  across <- vapply(fit_random(fit), is_across, NA)
  Map(function(modes, g, own) {
    k <- which(group == g)
    if (across[k[1L]]) return(matrix(across_prior(fit_random(fit)[[k]], variance[[k]]), ncol = 1L))
    each <- if (is_related(own)) level_variances(own$precision) else 1
    each * matrix(unlist(variance[group == g]), nrow(modes), ncol(modes), byrow = TRUE)
  }, group_modes(fit), seq_along(fit_groups(fit)), fit_groups(fit))
}

# 1 - PEV / variance; rounding below 0 is 0. Without a variance there is nothing to rely on.
reliability_of <- function(pev, variance) {
  out <- pmin(pmax(1 - pev / variance, 0), 1)
  out[!is.na(variance) & variance == 0] <- NA_real_
  out
}

# Adds the attributes "pev", "reliability" and "studentized" to the data frames of ranef().
with_prediction_errors <- function(out, fit) {
  across <- vapply(fit_random(fit), is_across, NA)
  if (any(across)) refuse_structured(fit, "prediction error variances of these effects are", special = FALSE)
  say_approximate(fit, "prediction error variances are")
  pev <- group_prediction_errors(fit)
  variance <- group_prior_variances(fit)
  for (g in seq_along(out)) {
    share <- reliability_of(pev[[g]], variance[[g]])
    attr(out[[g]], "pev") <- pev[[g]]
    attr(out[[g]], "reliability") <- share
    attr(out[[g]], "studentized") <- studentized(as.matrix(out[[g]]), variance[[g]] * share)
  }
  out
}

# A number in units of its standard deviation, which is NA where the number cannot vary.
studentized <- function(value, variance) {
  out <- value / sqrt(variance)
  out[!is.finite(out)] <- NA_real_
  out
}

prediction_attributes <- c("pev", "reliability", "studentized")

without_variances <- function(b) {
  for (name in c("postVar", prediction_attributes)) attr(b, name) <- NULL
  b
}

#' Reliability of random effects
#'
#' How well the levels of each random term are predicted: prediction error variances, their mean, the mean reliability,
#' and the heritability of Cullis, Smith and Coombes (2006), which is made of the variances of differences between
#' levels.
#'
#' The prediction error variance (PEV) of an effect is `Var(b^ - b)`. It counts the uncertainty of the fixed effects,
#' which the conditional variance of [ranef()][ranef.lmm_fit()] does not. The reliability is `1 - PEV / variance`, the
#' squared correlation of a predicted and a true effect, and its square root the accuracy. The values of all levels are
#' columns of `as.data.frame(ranef(fit, pev = TRUE))`. Cullis' heritability is `1 - v / (2 variance)`, where `v` is the
#' mean variance of the difference of two predicted effects; in balanced trials it is the heritability of a mean over
#' plots.
#'
#' Variance parameters are taken as known. No matrix with the square of the number of levels is formed.
#'
#' @param fit a fit made by [lmm()]. Cullis' heritability needs its rows.
#' @param ... not used.
#' @return A data frame with a row for each column of each random term: `grpvar`, `term`, `levels`, `variance`, mean
#'   `pev` (both in squared units of the response divided by those of the column), mean `reliability`, mean `accuracy`
#'   and `cullis`. All are `NA` for a variance estimated as 0. For a fit by the iterative solver it has the attribute
#'   `approximate`, `TRUE`, and `cullis`, which needs a factorization, is `NA`.
#' @section Conditions:
#' `lmm_message_approximate`, `lmm_message_solver`: the fit is by the iterative solver, whose prediction error variances
#' are approximate, and for which Cullis' heritability is not computed. `lmm_message_time`: the matrix of all random
#' effects is so large that its factorization takes minutes; `lmm_error_numeric`: its factor does not fit in
#' memory.
#' `lmm_error_input`: anything but a fit, or a fit that does not keep its rows.
#' @seealso [ranef.lmm_fit()], [quantity()] for heritabilities as ratios of variances.
#' @references Henderson (1975) Biometrics 31, 423-447. Cullis, Smith and Coombes (2006) Journal of Agricultural,
#'   Biological and Environmental Statistics 11, 381-393.
#' @concept reliability
#' @concept accuracy of breeding values
#' @concept Cullis heritability
#' @concept heritability
#' @concept BLUP
#' @concept prediction error variance
#' @examples
#' fit <- lmm(bw ~ 1 + (1 | sire), sires)
#' reliability(fit)
#' as.data.frame(ranef(fit, pev = TRUE))
#' @export
reliability <- function(fit, ...) {
  check_fit(fit)
  if (any(vapply(fit_random(fit), is_across, NA))) {
    refuse_special(fit_frame(fit), "reliability() is", "ranef(fit, pev = TRUE) has the reliability of each level.")
  }
  fit_rows(fit, "reliability()")
  effects <- ranef.lmm_fit(fit, pev = TRUE)
  together <- sum_variances(fit)
  group <- fit_term_groups(fit)
  tables <- Map(function(term, modes, covariance, g, k) {
    own <- effects[[g]]
    at <- sum(vapply(fit_random(fit)[seq_len(k - 1L)][group[seq_len(k - 1L)] == g], function(t) as.integer(t$q),
                     0L)) + seq_len(term$q)
    pev <- attr(own, "pev")[, at, drop = FALSE]
    share <- attr(own, "reliability")[, at, drop = FALSE]
    data.frame(grpvar = names(fit_groups(fit))[g], term = term$columns, levels = nrow(modes),
               variance = diag(covariance),
               pev = colMeans(pev), reliability = colMeans(share), accuracy = colMeans(sqrt(share)),
               cullis = cullis_heritability(together, k, nrow(modes), colSums(pev), diag(covariance)))
  }, fit_random(fit), fit_modes(fit), fit_covariance(fit), group, seq_along(group))
  out <- do.call(rbind, unname(tables))
  row.names(out) <- NULL
  labeled_approximate(out, fit)
}

# 1 - v / (2 variance), the mean variance of a difference v = 2 (trace(P) - 1'P1 / n) / (n - 1).
cullis_heritability <- function(together, k, n, trace, variance) {
  if (n < 2L || anyNA(trace)) return(rep(NA_real_, length(variance)))
  sums <- vapply(seq_along(variance), together, 0, k = k)
  out <- 1 - (trace - sums / n) / (n - 1) / variance
  out[variance == 0] <- NA_real_
  out
}

# A function of a term and its column, 1'P1. The factorization that it needs is made once, when it is called first.
sum_variances <- function(fit) {
  if (fit_is_iterative(fit)) {
    lmm_inform("solver", paste("Cullis' heritability needs a factorization, which a fit by the iterative solver does",
                               "not have: `cullis` is NA."), what = "solver")
    return(function(j, k) NA_real_)
  }
  inference <- compute_once(function() prediction_inference(fit, ddf_method("asymptotic")))
  parts <- compute_once(function() marginal_parts(inference()$info, "reliability()"))
  function(j, k) {
    m <- lapply(fit_modes(fit), `*`, 0)
    m[[k]][, j] <- 1
    L <- matrix(0, 1L, length(inference()$info$estimate))
    prediction_test(inference(), L, m, parts = parts())$se^2
  }
}
