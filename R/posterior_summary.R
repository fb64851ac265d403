# What is printed of posterior draws.

about_posterior <- function(x) attr(x, "about")

#' Describe posterior draws
#'
#' @param object,x draws made by [posterior()].
#' @param level share of the posterior inside the limits.
#' @param interval `"quantile"`: limits with equal shares outside; `"hpd"`: the shortest interval.
#' @param effects which parameters: `"fixed"`, `"ran_pars"` (standard deviations and correlations), `"ran_vals"` (random
#'   effects), as in [tidy()].
#' @param exact for models with one variance in addition to the residual variance: moments and quantiles by
#'   quadrature on the grid instead of from draws?
#' @param digits significant digits to print.
#' @param ... not used.
#' @return A data frame with class `summary_lmm_posterior`, a row per parameter: `median`, limits `lower` and `upper`,
#'   `mean`, `sd`, `mcse` (Monte Carlo error of the mean), `ess_bulk`, `ess_tail`, `rhat` and, for coefficients,
#'   `pMCMC`: twice the smaller of the posterior probabilities of values above and below 0, at least 1 / draws. A mean
#'   or sd that does not exist is `Inf`, and printed so: no number of draws would settle it. Variance parameters
#'   fixed at known values have no row.
#' @section Conditions:
#' `lmm_error_input`: an unknown option, or `exact = TRUE` where there is no grid.
#' @seealso [posterior()], [plot.lmm_posterior], [quantity()].
#' @concept credible interval
#' @concept effective sample size
#' @concept R-hat
#' @concept Bayesian inference
#' @examples
#' draws <- posterior(lmm(yield ~ treat + (1 | blend), penicillin), 1000, seed = 1)
#' summary(draws, interval = "hpd")
#' summary(draws, exact = TRUE)
#' @export
summary.lmm_posterior <- function(object, level = 0.95, interval = c("quantile", "hpd"),
                                  effects = c("ran_pars", "fixed"), exact = FALSE, ...) {
  prob <- check_level(level)
  interval <- match_word(interval[1L], c("quantile", "hpd"), "interval")
  about <- about_posterior(object)
  names <- posterior_columns(about, effects)
  rows <- lapply(names, function(name) summarize_draws(object[[name]], about$chains, prob, interval))
  out <- as.data.frame(do.call(rbind, rows))
  rownames(out) <- names
  known <- intersect(names, rownames(about$exists))
  out[known, "mean"][!about$exists[known, "mean"]] <- Inf
  out[known, "sd"][!about$exists[known, "sd"]] <- Inf
  out[known, "mcse"][!about$exists[known, "sd"]] <- NA_real_
  if (check_flag(exact, "exact")) out <- with_quadrature(out, about, prob)
  out$pMCMC <- NA_real_
  fixed <- intersect(names, about$labels$fixed)
  out[fixed, "pMCMC"] <- vapply(fixed, function(name) posterior_p(object[[name]]), 0)
  structure(out, prob = prob, interval = interval,
            about = about[c("prior", "method", "acceptance", "share", "shape", "thin", "chains", "each", "check",
                            "shift")],
            zero = near_zero(object), call = fit_call(about$fit), class = c("summary_lmm_posterior", "data.frame"))
}

posterior_columns <- function(about, effects = c("ran_pars", "fixed")) {
  effects <- vapply(effects, match_word, "", c("fixed", "ran_pars", "ran_vals"), "effects", USE.NAMES = FALSE)
  if ("ran_vals" %in% effects && !about$random) {
    lmm_abort("input", "the random effects were not drawn.", what = "effects",
              fix = "Call posterior() with random = TRUE.")
  }
  c(if ("fixed" %in% effects) about$labels$fixed, if ("ran_pars" %in% effects) drawn_parameters(about),
    if ("ran_vals" %in% effects) about$labels$random)
}

# Names of the variance parameters that are not fixed.
drawn_parameters <- function(about) c(about$labels$variances[about$free], about$residual$names)

summarize_draws <- function(x, chains, prob, interval) {
  X <- by_chain(x, chains)
  limits <- if (interval == "hpd") hpd_limits(x, prob) else stats::quantile(x, c(1 - prob, 1 + prob) / 2, names = FALSE)
  c(median = stats::median(x), lower = limits[1L], upper = limits[2L], mean = mean(x), sd = stats::sd(x),
    mcse = stats::sd(x) / sqrt(ess_mean(X)),
    ess_bulk = ess_bulk(X), ess_tail = ess_tail(X), rhat = chain_rhat(X))
}

with_quadrature <- function(out, about, prob) {
  if (is.null(about$grid)) {
    lmm_abort("input", paste("`exact = TRUE` is for models with one variance beside the residual, whose posterior is",
                             "on a grid."), what = "exact")
  }
  table <- grid_table(about$grid, c(0.5, (1 - prob) / 2, (1 + prob) / 2))
  table[is.nan(table)] <- Inf
  common <- intersect(rownames(out), rownames(table))
  out[common, c("mean", "sd", "median", "lower", "upper")] <- table[common, ]
  out[common, "mcse"] <- 0
  out
}

# Share of the draws in which a relative standard deviation is practically zero, where correlations follow their prior.
near_zero <- function(x) {
  about <- about_posterior(x)
  names <- grep("^sd__", about$labels$variances[about$free], value = TRUE)
  share <- vapply(names, function(name) mean(x[[name]] < 1e-3 * x$sigma), 0)
  share[share > 0.01]
}

#' @rdname summary.lmm_posterior
#' @export
print.summary_lmm_posterior <- function(x, digits = 4, ...) {
  about <- attr(x, "about")
  prob <- format(100 * attr(x, "prob"))
  cat("Posterior of ", wrapped(deparse_line(attr(x, "call"))), "\n", sep = "")
  cat(method_text(about), "\n", sep = "")
  cat(wrapped(paste0("Prior: ", paste0(names(about$prior), ": ", about$prior, collapse = "; "))), "\n\n", sep = "")
  shown <- as.data.frame(unclass(x)[names(x)], row.names = rownames(x), optional = TRUE)
  format_column <- function(v) ifelse(is.infinite(v), "does not exist",
                                      ifelse(is.na(v), "", formatC(v, digits = digits, format = "g", flag = "#")))
  for (name in c("median", "lower", "upper", "mean", "sd")) shown[[name]] <- sub("\\.$", "", format_column(x[[name]]))
  shown$mcse <- ifelse(is.na(x$mcse), "", formatC(x$mcse, digits = 2, format = "g"))
  for (name in c("ess_bulk", "ess_tail")) shown[[name]] <- ifelse(is.na(x[[name]]), "", format(round(x[[name]])))
  shown$rhat <- ifelse(is.na(x$rhat), "", formatC(x$rhat, digits = 3, format = "f"))
  shown$pMCMC <- ifelse(is.na(x$pMCMC), "", format.pval(x$pMCMC, digits = 2, eps = 1e-6))
  names(shown)[names(shown) %in% c("lower", "upper")] <- paste0(c("lower ", "upper "), prob, "%")
  print(as.matrix(shown), quote = FALSE, right = TRUE)
  if (any(is.infinite(c(x$mean, x$sd)))) cat("\n",
    wrapped("Moments that do not exist: the tail of the posterior is too heavy. Its quantiles exist."), "\n", sep = "")
  zero <- attr(x, "zero")
  if (length(zero)) cat("\n", wrapped(
    paste0("Share of draws with a standard deviation practically 0 (its correlations then follow their prior): ",
                                            paste0(names(zero), " ", formatC(zero, digits = 2, format = "g"),
                                                   collapse = ", "), ".")), "\n", sep = "")
  invisible(x)
}

method_text <- function(about) {
  size <- paste0(thousands(about$chains * about$each), " draws in ", count_of(about$chains, "chain"))
  switch(about$method,
    known = paste0(size, ", independent (all variance parameters are fixed)"),
    grid = paste0(size, ", independent (one variance parameter, on a grid)"),
    lattice = paste0(size, ", independent (on a lattice; exact values leave an effective share of ",
                     format(about$check, digits = 4), ")"),
    metropolis = paste0(size, " by independence Metropolis: acceptance ", format(about$acceptance, digits = 2),
                        ", effective share of weights ",
                        format(about$share, digits = 2), if (about$thin > 1L) paste0(", every ", about$thin, ". kept")),
    hamiltonian = paste0(size, " by Hamiltonian and independent moves: acceptance ",
                         format(about$acceptance, digits = 2)),
    surrogate = paste0(size, paste(" from a polynomial surrogate of the log density;\nexact values leave an effective",
                                   "share of "), format(about$check, digits = 3),
                       " and shift no mean by more than ", format(about$shift, digits = 2), " sd"))
}

#' @rdname summary.lmm_posterior
#' @export
print.lmm_posterior <- function(x, digits = 4, ...) {
  if (is.null(about_posterior(x))) return(print(plain_draws(x), ...))
  print(summary(x), digits = digits)
  about <- about_posterior(x)
  if (about$random) cat("\nwith ", count_of(length(about$labels$random), "random effect"),
                        "; see summary(, effects = \"ran_vals\").\n", sep = "")
  invisible(x)
}

# The draws as a data frame that other packages know.
plain_draws <- function(x) {
  attr(x, "about") <- NULL
  class(x) <- c("draws_df", "draws", if (requireNamespace("tibble", quietly = TRUE)) c("tbl_df", "tbl"), "data.frame")
  x
}

# A part is no posterior of the model any more, but still draws.
#' @export
`[.lmm_posterior` <- function(x, ...) plain_draws(x)[...]

#' @export
`[.summary_lmm_posterior` <- function(x, ...) as.data.frame(unclass(x)[names(x)], row.names = rownames(x),
                                                            optional = TRUE)[...]
