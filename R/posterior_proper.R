# Is the posterior proper, and which moments does it have? Decided by exponents before anything is drawn.
#
# Let the prior of a standard deviation k be ~ sd^e_k at 0 and ~ sd^-w_k at infinity, and r_A the rank of the random
# effects of a set A after the fixed effects. Proper: e_k > -1; r_A + sum of w over A > |A| for every set A; nu + sum of
# all w > K + 1 with the residual one.

most_subsets <- 12L

# The exponents of the free standard deviations, and of sigma.
prior_exponents <- function(plan) {
  free <- plan$coordinates[plan$free_sd, ]
  priors <- plan$priors
  K <- nrow(free)
  if (!is.null(priors$all)) return(list(zero = rep(priors$all$zero, K), infinity = rep(priors$all$infinity, K),
                                        residual_zero = 0, residual_infinity = 0))
  if (!is.null(priors$icc)) {
    return(list(zero = priors$icc$zero, infinity = priors$icc$infinity, residual_zero = 2 * priors$icc$b - 1,
                residual_infinity = 2 - priors$icc$infinity))
  }
  own <- Map(function(t, k) if (priors$wishart[t]) matrix_exponents(priors$sd[[t]],
             plan$terms[[t]]$q) else sd_prior(priors, t, k), free$term, free$row)
  list(zero = vapply(own, `[[`, 0, "zero"), infinity = vapply(own, `[[`, 0, "infinity"),
       residual_zero = priors$residual$zero,
       residual_infinity = priors$residual$infinity)
}

# By column: an inverse Wishart matrix of full rank keeps all directions away from 0.
matrix_exponents <- function(prior, q) {
  V <- prior$V
  full <- prior$nu > 0 && min(eigen(V, symmetric = TRUE, only.values = TRUE)$values) > 0
  list(zero = if (full) Inf else -(prior$nu + 1), infinity = prior$nu + 1)
}

# Sets of free standard deviations: all up to `most_subsets`, else singles, pairs, terms and the whole.
parameter_sets <- function(plan) {
  K <- sum(plan$free_sd)
  if (K == 0L) return(list())
  if (K <= most_subsets) return(lapply(seq_len(2^K - 1), function(code) which(bitwAnd(code, 2^(seq_len(K) - 1)) > 0)))
  term <- plan$coordinates$term[plan$free_sd]
  unique(c(as.list(seq_len(K)), utils::combn(K, 2L, simplify = FALSE), unname(split(seq_len(K), term)),
           list(seq_len(K))))
}

# Ranks by the criterion itself: log |V| + log |X'V^-1 X| rises by twice the rank with the log of the standard
# deviations.
set_ranks <- function(plan, sets) {
  if (!length(sets)) return(numeric())
  unit <- lapply(seq_along(plan$terms), function(t) term_units(plan, t))
  free <- plan$coordinates[plan$free_sd, ]
  base <- mapply(function(t, k) log(unit[[t]][k]), free$term, free$row)
  steps <- c(9, 10)
  x <- do.call(rbind, lapply(sets, function(set) {
    rows <- base_points(plan, 2L)
    rows[, which(plan$free_sd)] <- rep(base, each = 2L)
    rows[, which(plan$free_sd)[set]] <- outer(steps, base[set], `+`)
    rows
  }))
  state <- decode_points(plan, x)
  value <- matrix(engine_values(plan, engine_points(plan, state), rep(1e6 * fit_unit(plan), nrow(x)))$log_det, 2L)
  slope <- (value[2L, ] - value[1L, ]) / 2
  ifelse(abs(slope - round(slope)) < 0.1, round(slope), slope)
}

fit_unit <- function(plan) if (isTRUE(fit_sigma(plan$fit) > 0)) fit_sigma(plan$fit) else 1

propriety <- function(plan) {
  sets <- parameter_sets(plan)
  list(exponents = prior_exponents(plan), sets = sets, ranks = set_ranks(plan, sets),
       names = plan$labels$variances[coordinate_rows(plan)][plan$free_sd])
}

check_proper <- function(plan) {
  rules <- plan$proper
  e <- rules$exponents
  if (!is.null(plan$priors$sd)) check_wishart_matrices(plan)
  at_zero <- which(!(e$zero > -1))
  if (length(at_zero)) abort_zero(plan, rules$names[at_zero[1L]], e$zero[at_zero[1L]])
  for (k in seq_along(rules$sets)) {
    set <- rules$sets[[k]]
    if (!(rules$ranks[k] + sum(e$infinity[set]) > length(set) *
          (1 + 1e-9))) abort_infinity(rules$names[set], rules$ranks[k], e$infinity[set])
  }
  K <- sum(plan$free_sd)
  if (!plan$free_sigma) return(invisible(plan))
  if (!(plan$nu + sum(e$infinity) + e$residual_infinity > K + 1)) abort_all(plan)
  whole <- length(rules$sets) && rules$ranks[length(rules$ranks)] >= plan$nu - 1e-6
  if ((whole || is_exact_fit(fit_blocks(plan$fit))) &&
      !(e$residual_zero > -1 && !is_exact_fit(fit_blocks(plan$fit)) || e$residual_zero == Inf)) {
    abort_improper("the residual standard deviation goes to 0: the random effects fit the data exactly.", "sigma",
                   "Give the residual a prior without mass at 0, such as prior_inverse_wishart(V, nu = 1).")
  }
  invisible(plan)
}

check_wishart_matrices <- function(plan) {
  for (t in which(plan$priors$wishart)) {
    prior <- plan$priors$sd[[t]]
    if (prior$nu > 0) next
    abort_improper(paste0("an inverse Wishart prior with nu = ", format(prior$nu),
                          " gives infinite mass to singular covariance matrices of ",
                          quote_name(fit_term_names(plan$fit)[t]), "."), fit_term_names(plan$fit)[t],
                          "Use nu > 0 with a positive definite V, or prior_flat() with prior_lkj().")
  }
}

abort_improper <- function(reason, what, fix) {
  lmm_abort("improper", paste0("the posterior is improper: ", reason), what = what, fix = fix)
}

abort_zero <- function(plan, name, zero) {
  mcmc <- isTRUE(zero == -1)
  abort_improper(paste0("the prior density of ", quote_name(name), " rises like sd^", format(zero),
                        " at 0, where the likelihood is positive, so that all mass lies at 0.",
                        if (mcmc) paste(" (This is the default prior of 'MCMCglmm', nu = 0, whose results depend on a",
                                        "cut inside its sampler.)")),
                 name, paste("Use prior_flat(), prior_half_t(), or an inverse Wishart prior with nu > 0; or cut it:",
                             "prior_inverse_wishart(V = 1, nu = 0, lower = 1e-17)."))
}

abort_infinity <- function(names, rank, w) {
  needed <- floor(length(w) - sum(w) + 1e-9) + 1
  abort_improper(paste0("the data do not bound ", enumerate(quote_name(names)),
                        " from above. The random effects have rank ", format(rank),
                        " beside the fixed effects, and with this prior at least ", needed, " is needed",
                        if (length(w) == 1L && w == 0) ": with an intercept, 3 levels", "."),
                 names, paste("Use a prior with a lighter tail, such as prior_half_t(3, scale) or prior_pc(upper,",
                              "prob), or leave the term out."))
}

abort_all <- function(plan) {
  abort_improper(paste0("there are ", plan$nu, " degrees of freedom beside the fixed effects, too few for ",
                        count_of(sum(plan$free_sd) + 1L, "variance parameter"),
                        " with this prior."), "sigma",
                        "Use proper priors, such as prior_half_t(3, scale) for all standard deviations.")
}

# Does E(|parameter|^k) exist? For the free standard deviations, sigma and the coefficients.
parameter_exists <- function(plan, k) {
  rules <- plan$proper
  e <- rules$exponents
  all <- plan$nu + sum(e$infinity) + e$residual_infinity > sum(plan$free_sd) + 1 + k
  sigma <- !plan$free_sigma || all
  sd <- vapply(seq_along(rules$names), function(j) {
    with <- vapply(rules$sets, function(set) j %in% set, NA)
    sigma && all(mapply(function(set, rank) rank + sum(e$infinity[set]) > length(set) + k, rules$sets[with],
                        rules$ranks[with]))
  }, NA)
  fixed <- vapply(seq_along(plan$labels$fixed), function(j) {
    if (!is.null(plan$coefficients) && is.finite(plan$coefficients$sd[j])) return(TRUE)
    sigma && all(sd[plan$growing[[j]]])
  }, NA)
  list(sd = sd, sigma = sigma, fixed = fixed)
}

# For each coefficient the free standard deviations with which its own standard deviation grows without end.
growing_coefficients <- function(plan) {
  K <- sum(plan$free_sd)
  p <- length(plan$labels$fixed)
  if (!K || !p || !is.null(plan$coefficients)) return(rep(list(integer()), p))
  free <- plan$coordinates[plan$free_sd, ]
  base <- mapply(function(t, k) log(term_units(plan, t)[k]), free$term, free$row)
  x <- base_points(plan, 2L * K)
  x[, which(plan$free_sd)] <- rep(base, each = 2L * K)
  for (j in seq_len(K)) x[2L * j - 1:0, which(plan$free_sd)[j]] <- base[j] + c(9, 10)
  state <- decode_points(plan, x)
  scale <- log(engine_values(plan, engine_points(plan, state), rep(1, 2L * K), coefficients = TRUE)$scale)
  rises <- scale[, 2L * seq_len(K), drop = FALSE] - scale[, 2L * seq_len(K) - 1L, drop = FALSE] > 0.5
  lapply(seq_len(p), function(i) which(rises[i, ]))
}
