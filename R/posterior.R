# Posterior draws of a fitted model from its exact criterion.

#' Posterior draws without a sampler to tune
#'
#' Draws all parameters of a linear mixed model from their posterior distribution. Coefficients and random effects are
#' integrated out exactly; only the variance parameters have to be sampled, by evaluating the criterion that the fit has
#' minimized. With one variance in addition to the residual variance, the posterior density is computed on a grid and
#' the draws are independent. With two variance parameters, and with three for 20,000 draws or more, it is computed on a
#' lattice and checked by exact values at some of the draws. With more, a proposal is fitted to the posterior and
#' corrected by independence Metropolis, with Hamiltonian moves in between if the chains do not mix. The residual
#' standard deviation, the coefficients and the random effects are then drawn exactly.
#'
#' The posterior does not depend on how the model was fitted: by REML or maximum likelihood, with a singular estimate or
#' not.
#'
#' Models with residual structures, variance functions, known relationships of levels and structured random terms are
#' supported, even if some of their parameters are fixed.
#'
#' @param fit a fit made by [lmm()].
#' @param draws number of draws, of all chains together.
#' @param prior a prior of all standard deviations, or a list of priors: by the names of the random terms (those of
#'   [VarCorr()]), `residual`, `cor` and `fixed`, or without names for all parameters of a kind. See [priors]. By
#'   default, densities are flat for every standard deviation, including the residual standard deviation, for
#'   correlation matrices (LKJ(1)) and for coefficients. Priors of parameters of a residual structure and of ranges of
#'   random terms are given by the names of these parameters; see section "Residual structures".
#' @param chains number of chains.
#' @param random draw the random effects, too? `NULL`: where draws times effects are at most 5 million.
#' @param seed seed for the random numbers; with `NULL` one is drawn from the session's generator. The result is the
#'   same for any number of threads.
#' @param threads number of threads that evaluate the criterion; `NULL` for that of the fit, see [lmm_control()].
#' @param exact how the log density of the variance parameters is evaluated where the posterior is not on a grid.
#'   `NULL` (default): if an evaluation of the criterion is expensive (some milliseconds, as with hundreds of levels of
#'   a second crossed factor) and there are at most 6 variance parameters, a polynomial of degree 4 approximates the log
#'   density and is checked against exact values at a random subset of the draws; the summary reports this. `TRUE`:
#'   neither this approximation nor the lattice is used. `FALSE`: the approximation is always used if there are at most
#'   6 variance parameters. With the approximation, random effects are drawn only on request.
#' @param progress print what is being done?
#' @param ... not used.
#' @return An object of class `lmm_posterior`: a data frame with a row per draw and columns named as
#'   [tidy()][tidy.lmm_fit()] names estimates, group after term: `sd__(Intercept).g` and `cor__(Intercept).x.g`,
#'   `sigma`, coefficients, random effects `r_g[level,(Intercept)]`; and `.chain`, `.iteration`, `.draw`. Standard
#'   deviations are in units of the response (by unit of the column). It is a `draws_df` of package 'posterior':
#'   packages 'posterior', 'bayesplot', 'bayestestR' and 'coda' take it as it is. Coefficients that are not estimable
#'   have no column. [summary()][summary.lmm_posterior()] and [plot()][plot.lmm_posterior()] describe it.
#' @section Residual structures:
#' `prior = list(residual = )` is the prior of each residual standard deviation: that of each visit if there are
#' several, otherwise that of an observation (with a variance function, of a typical observation, at the mean log
#' variance of the rows). With `us()`, an inverse Wishart prior of `residual` is the prior of the whole matrix, as in
#' package 'MCMCglmm'. Correlations have the prior `cor`, by default uniform on (-1, 1) (on (0, 1) if the gaps between
#' visits do not identify the sign), or uniform on correlation matrices if all correlations are free. For `cs()`, `cor`
#' is the prior of the correlation between two observations; for `ar(p = )` and `ma(q = )`, of the partial
#' autocorrelations. For `known(V1, V2)`, `residual` is the prior of the square root of each coefficient, and the
#' coefficients are not negative. If `fixed` sets some entries of a covariance matrix, the correlation of each other
#' covariance has the prior of a single correlation. Ranges have a half-t prior with 3 degrees of freedom whose scale is
#' the longest distance within a subject (for random terms, between levels); the share of a nugget always has a uniform
#' prior; coefficients of a variance function have flat priors. Other priors are given by the names of the columns of
#' the draws: `prior_lkj()` for a correlation or for the covariance that replaces it, priors of standard deviations for
#' positive parameters, `prior_normal()` for coefficients of a variance function. `const`, `prop`, the power used with
#' `const`, and an estimated `shape` have no default prior and need one.
#'
#' The columns of these parameters follow `sigma`. They have the names that `variance_components(fit, scale = "sd")`
#' shows (`sd(8)`, `cov(10,8)`, `rho`, `range`); for ranges of random terms the name is `range.` followed by the name of
#' the term. A variance function of the fitted values uses those of the fit in all draws.
#' [predict()][predict.lmm_posterior()] predicts residuals of new rows from those of the same subject, as
#' [predict()][predict.lmm_fit()] of the fit does; [simulate()][simulate.lmm_posterior()] draws new residuals from their
#' unconditional distribution.
#' @section Factor-analytic terms:
#' For `fa()` and `rr()`, the prior of the term is that of the standard deviation of each column, the square root of a
#' diagonal entry of the covariance matrix. Given this standard deviation, the loadings of a column and its specific
#' standard deviation are a uniformly distributed point on a sphere, so that neither the order of the columns nor a
#' rotation of the factors matters. The draws have the loadings (`loading__f1.x.g`: factor 1, column `x`, term `g`) with
#' the signs of the estimates, and the specific standard deviations.
#' @section Proper posteriors:
#' A flat prior of a standard deviation has a proper posterior if the random effects have rank 2 or more in addition
#' to the fixed effects: at least 3 levels where the model has an intercept. `1 / sd` never has. What is
#' improper is refused before anything is drawn. Moments need more: with 4 levels and the flat prior the standard
#' deviation of the group standard deviation is infinite. [summary()][summary.lmm_posterior()] reports this. For
#' residual structures and ranges, the rate at which the density decreases far from the estimates is checked, for each
#' parameter and for the common scale of all residuals; a density that decreases too slowly is refused too.
#' @section Conditions:
#' `lmm_error_improper`: the posterior is improper; the message gives the parameter, the reason and possible remedies.
#' `lmm_error_input`: an unknown prior. `lmm_error_unsupported`: variances that may be negative, or
#' `prior_density()` with a factor-analytic term. `lmm_warning_mixing`: the chains have not mixed.
#' @references Gelman (2006) Bayesian Analysis 1, 515-534. Tierney (1994) Annals of Statistics 22, 1701-1762. Vehtari et
#'   al. (2021) Bayesian Analysis 16, 667-718.
#' @seealso [priors], [predict()][predict.lmm_posterior()], [bayes_factor()], [quantity()] and [contest()], which take
#'   draws too; `vignette("posterior")`.
#' @concept MCMC
#' @concept credible interval
#' @concept posterior distribution
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' draws <- posterior(fit, seed = 1)
#' draws
#' summary(draws)
#' posterior(fit, 1000, prior = list(blend = prior_half_t(3, 10), residual = prior_flat()), seed = 1)
#' @concept Bayesian inference
#' @export
posterior <- function(fit, draws = 4000, prior = prior_flat(), chains = 4, random = NULL, seed = NULL, threads = NULL,
                      exact = NULL, progress = FALSE, ...) {
  check_fit(fit)
  check_count(draws, "draws")
  check_count(chains, "chains")
  if (is.null(threads)) threads <- engine_threads(fit_control(fit))
  check_count(threads, "threads")
  if (draws < 2 * chains) lmm_abort("input", "each chain needs two draws or more.", what = "draws", value = draws)
  check_draws(draws, 24 * (n_variance_parameters(fit) + length(fit_beta(fit))), "draws")
  check_flag_or_null(random, "random")
  check_flag_or_null(exact, "exact")
  check_flag(progress, "progress")
  refuse_posterior(fit)
  plan <- posterior_plan(fit, match_priors(prior, fit), as.integer(threads))
  plan$proper <- propriety(plan)
  check_proper(plan)
  plan$growing <- growing_coefficients(plan)
  seed <- own_seed(seed)
  generator <- generator_state()
  on.exit(restore_generator(generator))
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  each <- as.integer(ceiling(draws / chains))
  plan$random <- random
  plan <- with_tails(plan)
  found <- variance_draws(plan, each, as.integer(chains), exact, progress)
  out <- new_posterior(plan, found, each, as.integer(chains), seed)
  warn_mixing(out)
  out
}

refuse_posterior <- function(fit) {
  refuse_iterative(fit, "posterior draws are")
  if (!fit_is_bounded(fit)) {
    lmm_abort("unsupported", "priors are for standard deviations, and this fit has variances that may be negative.",
              what = "fit",
              fix = "Fit the model with bounded = TRUE.")
  }
}

# x, sigma (where it is not a coordinate), and how they were found.
variance_draws <- function(plan, each, chains, exact, progress) {
  say <- function(...) if (progress) cat(..., "\n", sep = "")
  if (is_gridded(plan)) return(gridded_draws(plan, each * chains, say))
  if (plan$d == 0L) return(known_variances(plan, each * chains))
  target <- function(x) log_target(plan, x)$log
  start <- fit_coordinates(plan)
  expensive <- if (is.null(exact)) !is_structured(plan$fit) && evaluation_work(plan$fit) > surrogate_work else !exact
  if (expensive && plan$d <= 6L && !fits_every_row(plan)) return(surrogate_draws(plan, start, each, chains, say))
  found <- fit_proposal(target, start)
  say("proposal: effective share of the weights ", format(found$share, digits = 2), ", Pareto shape ",
      format(found$shape, digits = 2))
  if (is.null(exact)) {
    n <- each * chains
    onlattice <- lattice_draws(plan, found, n, keeps_random(plan, n, "lattice"))
    if (!is.null(onlattice)) {
      say("lattice: effective share of exact weights ", format(onlattice$check, digits = 5))
      return(onlattice)
    }
  }
  hamiltonian <- plan$d > 20L || found$share < 0.15 || found$shape > 0.7
  keep <- !keeps_random(plan, each * chains, "metropolis") && length(plan$labels$fixed) <= 8L
  sampled <- if (hamiltonian) hamiltonian_chains(target, found, each, chains)
             else independence_chains(function(x) log_target(plan, x, keep), found, each, chains)
  say(if (hamiltonian) "Hamiltonian and independent moves: acceptance " else "independence Metropolis: acceptance ",
      format(sampled$acceptance, digits = 2))
  log_weight <- if (is.null(sampled$log_weight)) found$pilot$log_weight else sampled$log_weight
  list(x = sampled$x, values = sampled$values, method = if (hamiltonian) "hamiltonian" else "metropolis",
       evidence = weight_evidence(log_weight),
       acceptance = sampled$acceptance, share = found$share, shape = found$shape, thin = sampled$thin,
       evaluations = found$evaluations + sampled$evaluations)
}

# Nothing to search: all variance parameters are held.
known_variances <- function(plan, n) {
  evidence <- log_target(plan, matrix(0, 1L, 0L))$log
  list(x = matrix(0, n, 0L), sigma = rep(plan$sigma, n), method = "known", evidence = c(evidence, 0), acceptance = 1,
       share = 1, shape = NA_real_, thin = 1L,
       evaluations = 1L)
}

gridded_draws <- function(plan, n, say) {
  say("one variance parameter: a grid")
  grid <- posterior_grid(plan)
  out <- grid_draws(grid, n)
  x <- cbind(if (nrow(plan$coordinates)) out$x, if (plan$search_sigma) log(out$sigma))
  list(x = if (is.null(x)) matrix(0, n, 0L) else x, sigma = out$sigma, method = "grid", grid = grid,
       evidence = c(grid$evidence, 0), acceptance = 1,
       share = 1, shape = NA_real_, thin = 1L, evaluations = length(grid$x))
}

# Log of the mean weight and its standard error.
weight_evidence <- function(log_weight) {
  top <- max(log_weight)
  w <- exp(log_weight - top)
  c(top + log(mean(w)), stats::sd(w) / mean(w) / sqrt(length(w)))
}

new_posterior <- function(plan, found, each, chains, seed) {
  n <- each * chains
  random <- keeps_random(plan, n, found$method)
  in_blocks <- !random && (!is.null(found$draw) || !is.null(found$values$spread))
  columns <- if (in_blocks) columns_in_blocks(plan, found, n) else columns_with_effects(plan, found, n, random)
  frame <- structure(columns, class = "data.frame", row.names = .set_row_names(n))
  frame$.chain <- rep(seq_len(chains), each = each)
  frame$.iteration <- rep(seq_len(each), chains)
  frame$.draw <- seq_len(n)
  structure(frame, about = posterior_record(plan, found, each, chains, seed, random),
            class = c("lmm_posterior", "draws_df", "draws", "data.frame"))
}

posterior_record <- function(plan, found, each, chains, seed, random) {
  free <- c(unlist(shown_rows(plan)), if (plan$free_sigma) length(plan$labels$variances))
  c(list(fit = plan$fit, priors = plan$priors, prior = prior_table(plan$priors, plan$fit), seed = seed, chains = chains,
         each = each, labels = plan$labels,
         free = free, residual = if (!is.null(plan$residual)) plan$residual[c("names", "prior", "table", "root")],
         proper = plan$proper, exists = exists_table(plan),
         grid = if (!is.null(found$grid)) portable_grid(found$grid, plan), random = random,
         version = package_version_text()),
    found[intersect(names(found),
                    c("method", "acceptance", "share", "shape", "thin", "evaluations", "evidence", "check", "shift"))])
}

# Are random effects drawn? By default where they take little memory and no expensive evaluations.
keeps_random <- function(plan, n, method) {
  if (!is.null(plan$random)) return(plan$random)
  method != "surrogate" && n * length(plan$labels$random) <= 5e6
}

# The handle of the engine belongs to this session.
portable_grid <- function(grid, plan) {
  plan[c("handle", "threads")] <- NULL
  grid$plan <- plan
  grid
}

# Which moments exist: rows for variance parameters and coefficients, columns for the first two moments.
exists_table <- function(plan) {
  both <- lapply(1:2, function(k) parameter_exists(plan, k))
  sd <- rep(TRUE, length(plan$labels$variances))
  names(sd) <- plan$labels$variances
  one <- function(e) {
    out <- sd
    rows <- shown_rows(plan)[plan$free_sd]
    for (k in seq_along(rows)) out[rows[[k]]] <- e$sd[k]
    out["sigma"] <- e$sigma
    c(out, stats::setNames(e$fixed, plan$labels$fixed))
  }
  out <- cbind(mean = one(both[[1L]]), sd = one(both[[2L]]))
  own <- plan$tails[names(plan$tails) != "residual"]
  far <- cbind(mean = own < -1.01, sd = own < -2.01)
  shared <- intersect(rownames(far), rownames(out))
  out[shared, ] <- far[shared, ]
  rbind(out, far[setdiff(rownames(far), shared), , drop = FALSE])
}
