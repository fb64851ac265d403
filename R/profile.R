# The profile of the likelihood: -2 log L minimized over everything but one parameter.

# What a profile of the variance parameters starts from: the fit by its criterion, its estimates and their standard
# errors. `wanted`: the parameters to be profiled.
profile_base <- function(base, wanted = integer()) {
  refuse_iterative(base, "profiles are")
  if (needs_dense(base)) return(structured_profile_base(base, wanted))
  reml <- fit_is_reml(base)
  parameters <- variance_parameters(base)
  out <- list(fit = base, reml = reml, parameters = parameters, estimate = all_estimates(base),
              se = c(step_sizes(base, parameters), fixed_errors(base)), value = fit_criterion(base))
  out$layout <- engine_layout(base$frame)
  out$diagonal <- which(stack_factors(base, lapply(fit_random(base), function(term) diag(term$q))) == 1)
  out$ceiling <- correlation_ceilings(out, wanted)
  out
}

# The fit by one of the criteria. Fixed effects are profiled by maximum likelihood, whatever the criterion asked for:
# restricted likelihoods for different fixed effects are not comparable.
fit_by <- function(fit, reml) {
  refuse_unbounded(fit, "profiles are")
  reml <- reml && fit_rank(fit) > 0L
  if (reml == fit_is_reml(fit)) return(fit)
  own <- identical(fit, admitted$fit)
  if (own && !is.null(admitted$other)) return(admitted$other)
  other <- withCallingHandlers(quiet_refit(fit, reml, nearby_start(fit)),
                               lmm_warning_convergence = function(w) if (identical(w$what,
                                 "sigma")) tryInvokeRestart("muffleWarning"))
  if (own) admitted$other <- other
  other
}

# -2 log L goes to minus infinity with the residual variance: it is lowest nowhere, and rises from nowhere.
has_no_minimum <- function(fit) fit_optimum(fit)$status == "unbounded"

no_minimum_text <- function(fit) {
  paste0("the ", if (fit_is_reml(fit)) "restricted ",
         "likelihood has no upper bound as the residual variance goes to 0: fixed and ",
         "random effects can fit these data exactly, and there are no profile limits.")
}

no_minimum_fix <- function(fit) {
  paste0("Use ", if (!fit_is_reml(fit)) "criterion = \"REML\" for variance parameters if that likelihood is bounded, ",
         "fewer random columns, or give the residual standard deviation: fixed = c(sigma = ).")
}

# A correlation with a variable whose variance is zero may be anything: no profile of a correlation rises above the
# criterion of the model in which one of the two variances vanishes.
correlation_ceilings <- function(base, wanted) {
  out <- rep(Inf, nrow(base$parameters))
  at <- function(k, side) which(base$parameters$term == base$parameters$term[k] & !base$parameters$correlation &
                                  base$parameters$row == base$parameters[[side]][k])
  for (k in intersect(wanted, which(base$parameters$correlation & !is.na(base$se[seq_along(out)])))) {
    ends <- vapply(c(at(k, "row"), at(k, "col")), function(index) {
      if (is.na(base$se[index])) return(Inf)         # held
      path <- path_to_bound(base, index, 0)
      found <- profile_value(base, index, path)
      # a point that has not converged is as good a ceiling, if it is where it should be
      own <- variance_at(base, found$theta[, 5L], found$sigma[5L])[index]
      if (isTRUE(found$converged[5L] || abs(own - path[5L]) <= 0.01 * path[5L])) found$value[5L] else Inf
    }, 0)
    out[k] <- min(ends)
  }
  out
}

# The same model by the other criterion, without repeating its messages.
quiet_refit <- function(fit, reml, start = NULL) {
  without_boundary_messages(fit_again(fit, fit_stored_rows(fit), reml = reml, blocks = fit_blocks(fit), start = start))
}

# With many crossed random effects the criteria differ little: the other optimum is sought from this one, which has been
# compared with others.
nearby_start <- function(fit) {
  columns <- sum(lengths(lapply(fit_modes(fit), as.vector)))
  if (length(fit_groups(fit)) < 2L || columns <= 256L || !is.null(fit_held(fit)) || anyNA(fit_theta(fit))) return(NULL)
  fit_theta(fit)
}

# Standard errors for the first steps; a guess will do where they are not to be had or cost much.
step_sizes <- function(fit, parameters) {
  sd <- variance_estimates(fit, "sd", parameters)
  large <- length(fit_groups(fit)) > 1L && sum(lengths(fit_modes(fit))) > 1000L
  se <- if (large) rep(NA_real_, length(sd)) else component_errors(fit, "sd", "average")$se
  few <- vapply(fit_modes(fit), nrow, 0L)[pmax(1L, parameters$term)]
  few[parameters$term == 0L] <- fit_nobs(fit)
  guess <- ifelse(parameters$correlation, 0.3, ifelse(sd > 0, sd / sqrt(2 * few), fit_sigma(fit) / 4))
  out <- unname(ifelse(is.na(se) | se == 0, guess, se))
  out[parameter_names(parameters, old = FALSE) %in% held_names(fit)] <- NA_real_
  out
}

# -2 log L with parameter `index` (as in all_estimates()) held at each of `values`: list(value, theta, sigma), theta in
# the engine's coordinates with one column per value. `from`: a point on the profile nearby.
profile_value <- function(base, index, values, from = NULL) {
  fit <- base$fit
  k <- nrow(base$parameters)
  if (index > k) return(held_coefficient(fit, match(index - k, fit_blocks(fit)$x$kept))(values))
  if (!is.null(base$context)) return(structured_profile_value(base, index, values, from))
  held <- lapply(base$parameters, `[`, index)
  if (is.null(from)) from <- list(theta = fit_optimum(fit)$theta, sigma = fit_sigma(fit))
  along <- function(theta, sigma, values) {
    engine_result(engine_profile(base$layout, fit_blocks(fit), theta, sigma, base$reml,
                                 fit_control(fit)$memory_limit, also_held(fit, held), values), fit_frame(fit))
  }
  best <- Reduce(better_points, lapply(profile_starts(base, held, values[1L], from), along, from$sigma, values))
  for (k in if (held$term == 0L) which(!best$converged)) {           # the covariance matrices stay, sigma moves
    again <- lapply(profile_starts(base, held, values[k],
                                   list(theta = from$theta * from$sigma / values[k], sigma = values[k])),
                    along, values[k], values[k])
    best <- better_points(best, Reduce(better_points, again), k)
  }
  flat_profile(base, index, best[c("value", "theta", "sigma", "converged")])
}

# Where the profile of a correlation is flat, see correlation_ceilings().
flat_profile <- function(base, index, best) {
  if (!base$parameters$correlation[index]) return(best)
  flat <- !(best$value <= base$ceiling[index]) | (!best$converged & is.finite(base$ceiling[index]))
  best$value[flat] <- base$ceiling[index]
  best$converged <- best$converged | flat
  best
}

# At each value the lower of two results; one that has not converged may lie below the profile and counts only where
# there is no other. The results of `b` are those `at` of `a`.
better_points <- function(a, b, at = seq_along(a$value)) {
  use <- which((b$converged & !a$converged[at]) | (b$converged == a$converged[at] & b$value < a$value[at]))
  for (name in c("value", "sigma", "converged")) a[[name]][at[use]] <- b[[name]][use]
  a$theta[, at[use]] <- b$theta[, use]
  a
}

# The parameter that is profiled, after those that the model holds.
also_held <- function(fit, parameter) {
  held <- fit_held(fit)
  list(term = c(held$term, parameter$term), row = c(held$row, parameter$row), col = c(held$col, parameter$col),
       value = c(held$value, if (parameter$correlation) 0 else 1))
}

# Starting points off the flat places: where a factor has a zero column the criterion is even in it and a search that
# starts there stays there; where the held standard deviation is zero its slope has no direction.
profile_starts <- function(base, held, value, from) {
  theta <- from$theta
  if (min(abs(theta[base$diagonal])) > 1e-3 * max(abs(theta), 1)) return(list(theta))
  fit <- base$fit
  factors <- unstack_factors(fit, theta)
  size <- vapply(factors, function(L) max(abs(L)), 0)
  weak <- vapply(factors, function(L) min(colSums(L^2)), 0) <= 1e-8 * pmax(size, 1e-3)^2
  if (!any(weak)) return(list(theta))
  lift <- lapply(seq_along(factors), function(t) {
    L <- factors[[t]]
    if (!weak[t]) return(L)
    up <- if (t == held$term &&
              held$row == held$col) value / from$sigma / sqrt(sum(fit_blocks(fit)$z_basis[[t]][held$row, ]^2))
          else max(0.1 * size[t], 0.05)
    L + diag(up, nrow(L))
  })
  lifted <- stack_factors(fit, lift)
  own_row <- if (held$term > 0L) sum((fit_blocks(fit)$z_basis[[held$term]] %*%
                                     factors[[held$term]])[held$row, ]^2) else 1
  if (own_row <= 1e-14 * max(size, 1)^2) return(list(lifted))
  list(theta, lifted)
}
