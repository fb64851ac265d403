# Standard errors and limits of functions of the parameters.

# By the delta method: slopes in the entries of the covariance matrices and in the fixed effects, both in the engine's
# coordinates, where the columns of a term and those of X are orthogonal and neither origins nor units are left.
quantity_errors <- function(fit, functions, own, information) {
  if (fit_is_exact(fit)) return(rep(NA_real_, length(functions)))
  information <- match_word(information[1L], c("observed", "expected", "average"), "information")
  info <- derivatives_at(fit, information == "average")
  delta_errors(fit, functions, own, natural_steps(fit, natural_covariance(fit, information, info)), info$phi)
}

# `entries`: see natural_steps(); `phi`: the covariance matrix of the fixed effects in the engine's coordinates,
# relative to sigma^2.
delta_errors <- function(fit, functions, own, entries, phi) {
  kept <- fit_estimable(fit)
  basis <- matrix(fit_blocks(fit)$x$basis, sum(kept))
  of_beta <- transformed_errors(diag(fit_sigma(fit), sum(kept)), matrix(phi, sum(kept), sum(kept)))
  vapply(functions, function(f) {
    g <- vapply(entries$free, function(k) {
      slope_at(function(step) f(entries$move(own, k, step)), entries$se[k], entries$value[k],
               !is.na(entries$value[k])) * entries$se[k]
    }, 0)
    h <- vapply(seq_len(sum(kept)), function(j) slope_at(function(step) {
      own$beta[kept] <- own$beta[kept] + basis[, j] * step
      f(own)
    }, of_beta$se[j], 0, FALSE) * of_beta$se[j], 0)
    size <- max(abs(c(g, h)), 0)                                    # changes by a standard error of each parameter
    variance <- sum(g / size * (entries$correlation %*% (g / size))) + sum(h / size *
                                                                           (of_beta$correlation %*% (h / size)))
    if (isTRUE(variance > 0)) size * sqrt(variance) else NA_real_
  }, 0)
}

# The natural parameters of the engine's coordinates: list(value, NA for covariances; se; free, the places of those that
# are not at their bounds or held; correlation of these; move(state, place, step)).
natural_steps <- function(fit, C) {
  sigma2 <- fit_sigma(fit)^2
  random <- fit_random(fit)
  at <- do.call(rbind, Map(function(term, t) cbind(t, natural_entries(term$q, is_diagonal(term))), random,
                           seq_along(random)))
  relative <- covariance_at(fit, fit_optimum(fit)$theta, own = TRUE)
  value <- c(vapply(seq_len(NROW(at)),
                    function(k) if (at[k, 2L] == at[k, 3L]) relative[[at[k, 1L]]][at[k, 2L], at[k, 3L]] else NA_real_,
                    0), 1)
  se <- sqrt(pmax(diag(C), 0))
  if (fit_shown_sigma(fit) == 0) se[length(se)] <- 0
  free <- which(is.na(se) | se > 1e-7 * max(se, 0, na.rm = TRUE))
  move <- function(state, k, step) {
    step <- step * sigma2
    if (k > NROW(at)) return(replace(state, "sigma", sqrt(state$sigma^2 + step)))
    t <- at[k, 1L]
    E <- matrix(0, random[[t]]$q, random[[t]]$q)
    E[at[k, 2L], at[k, 3L]] <- E[at[k, 3L], at[k, 2L]] <- step
    B <- fit_blocks(fit)$z_basis[[t]]
    state$covariance[[t]][] <- state$covariance[[t]] + B %*% E %*% t(B)
    state$inner[[t]] <- state$inner[[t]] + E
    state
  }
  list(value = value, se = se, free = free, correlation = (C / outer(se, se))[free, free, drop = FALSE], move = move)
}

# Slope by five points a hundredth of the standard error apart, closer where a variance would change too much.
slope_at <- function(f, se, value, is_variance) {
  h <- se / 100
  if (is_variance) h <- min(h, value / 100)
  (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
}

# Limits that respect the range of each quantity: rows (lower, upper), with the method of each as an attribute.
range_quantities <- function(parameters, fit, functions, estimate, se, level, method, link) {
  wanted <- lapply(seq_along(functions), function(k) {
    f <- functions[[k]]
    range <- parameters$range(f)
    own <- if (method != "auto") method else if (parameters$cheap && is_free_of_beta(f, fit)) "profile" else "delta"
    limits <- if (own == "profile") parameters$profile(f, level, range) else c(NA_real_, NA_real_)
    if (own == "delta" || method == "auto" && anyNA(limits)) {
      by_delta <- delta_limits(estimate[[k]], se[[k]], level,
                               if (link == "auto") range_link(range, estimate[[k]]) else link)
      limits[is.na(limits)] <- by_delta[is.na(limits)]
    }
    list(limits = limits, method = own)
  })
  structure(do.call(rbind, lapply(wanted, `[[`, "limits")), method = vapply(wanted, `[[`, "", "method"))
}

delta_limits <- function(estimate, se, level, link) {
  z <- stats::qnorm((1 + level) / 2) * c(-1, 1)
  switch(link,
    identity = estimate + z * se,
    log = estimate * exp(z * se / estimate),
    logit = stats::plogis(stats::qlogis(estimate) + z * se / (estimate * (1 - estimate))),
    fisher = tanh(atanh(estimate) + z * se / (1 - estimate^2)))
}

# The scale on which limits stay in the range; an estimate at its end has none.
range_link <- function(range, estimate) {
  if (is.na(estimate) || estimate <= range[1L] || estimate >= range[2L]) return("identity")
  if (range[1L] == 0) return(if (range[2L] == 1) "logit" else "log")
  if (range[1L] == -1 && range[2L] == 1) "fisher" else "identity"
}

link_functions <- function(link) {
  switch(link, identity = list(to = identity, from = identity), log = list(to = log, from = exp),
         logit = list(to = stats::qlogis, from = stats::plogis), fisher = list(to = atanh, from = tanh))
}

# The range of a quantity: c(0, Inf), c(0, 1), c(-1, 1) or no bounds, by its values at parameters that differ by powers
# of ten, with correlations of both signs, in two units of the response. Where variances may be negative, shares and
# correlations have the same range, and what a small negative variance makes negative has none.
quantity_range <- function(f, fit) {
  states <- distant_states(fit)
  ranges <- vapply(list(states, lapply(states, in_other_unit)), function(states) {
    values_range(vapply(states, function(state) suppressWarnings(f(state))[1L], 0))
  }, numeric(2L))
  out <- c(min(ranges[1L, ]), max(ranges[2L, ]))
  if (is.infinite(out[2L]) && !fit_is_bounded(fit)) {
    below <- vapply(lapply(states, with_negative), function(state) suppressWarnings(f(state))[1L], 0)
    if (any(below < 0, na.rm = TRUE)) out[1L] <- -Inf
  }
  if (out[1L] < 0 && is.infinite(out[2L])) c(-Inf, Inf) else out
}

# Random effects with negative variances that are small beside the residual variance.
with_negative <- function(state) {
  state$covariance <- lapply(state$covariance, function(S) -1e-6 * state$sigma^2 / max(diag(S)) * S)
  state
}

values_range <- function(values) {
  values <- values[is.finite(values)]
  if (!length(values)) return(c(-Inf, Inf))
  rounding <- 1e-9 * (1 + 1e-9)
  if (min(values) >= -rounding * max(abs(values))) return(if (max(values) <= 1 + rounding) c(0, 1) else c(0, Inf))
  if (max(abs(values)) <= 1 + rounding) c(-1, 1) else c(-Inf, Inf)
}

# What is between -1 and 1 in one unit of the response only, as a small coefficient, is not bounded.
in_other_unit <- function(state, unit = 1e6) {
  list(covariance = lapply(state$covariance, `*`, unit^2), sigma = state$sigma * unit, beta = state$beta * unit)
}

# Parameters far from each other: each standard deviation 100 times as large as in the fit or a hundredth, each
# correlation 0.9 or -0.9, each fixed effect of either sign.
distant_states <- function(fit, count = 40L) {
  own <- fit_state(fit)
  scale <- if (fit_sigma(fit) > 0) fit_sigma(fit) else 1
  # mixed bits, no random numbers
  side <- function(draw, place) 2 * ((draw * (2L * place + 1L) * 40503L) %/% 4096L %% 2L) - 1
  lapply(seq_len(count), function(draw) {
    place <- 0L
    covariance <- lapply(own$covariance, function(S) {
      q <- ncol(S)
      sign <- vapply(seq_len(q), function(j) side(draw, place + j), 0)
      size <- ifelse(diag(S) > 0, sqrt(abs(diag(S))), scale) * 100^vapply(seq_len(q),
                                                                          function(j) side(draw, place + q + j), 0)
      place <<- place + 2L * q
      S[] <- outer(size, size) * (0.9 * outer(sign, sign) + 0.1 * diag(q))
      S
    })
    sign <- vapply(seq_along(own$beta), function(j) side(draw, place + j), 0)
    list(covariance = covariance, sigma = scale * 100^side(draw, 0L), beta = own$beta * sign * 100^rev(sign))
  })
}

# Chi-square limits; a quantity that doubles when all variances are multiplied by four is a standard deviation.
chisq_quantities <- function(fit, functions, own, estimate, se, level) {
  scaled <- if (needs_dense(fit)) replace(structured_unit(own, fit, 2), "beta", list(own$beta)) else own
  scaled$covariance <- lapply(own$covariance, `*`, 4)
  if (!is.null(own$inner)) scaled$inner <- lapply(own$inner, `*`, 4)
  if (!isTRUE(fit_blocks(fit)$owns_scale)) scaled$sigma <- 2 * own$sigma
  degree <- vapply(functions, function(f) f(scaled), 0) / estimate
  degree[estimate == 0] <- 4                                           # without limits, whatever it is
  bad <- !(abs(degree - 4) < 1e-6 * 4 | abs(degree - 2) < 1e-6 * 2)
  if (any(bad)) {
    lmm_abort("input", paste0(enumerate(quote_name(names(functions)[bad])),
                              " is neither a variance nor a standard deviation: ",
                              "it has no chi-square limits."), what = names(functions)[bad],
                              fix = "Use another method.")
  }
  power <- ifelse(abs(degree - 2) < 1e-6 * 2, 1, 2)
  df <- 2 * (estimate / se / ifelse(power == 1, 2, 1))^2
  limits <- chisq_limits(ifelse(power == 1, estimate^2, estimate), level = level, df = df)
  limits[power == 1, ] <- sqrt(limits[power == 1, , drop = FALSE])
  structure(limits, df = df)
}

boot_quantities <- function(fit, functions, estimate, level, nsim, seed, threads) {
  refuse_indefinite(fit, "Use method = \"delta\", or refit with bounded = TRUE.")
  draws <- bootstrap(fit, function(state) vapply(functions, function(f) check_value(f(state)), 0), nsim, seed,
                     threads)$t
  t(vapply(seq_along(functions), function(k) bootstrap_limits(estimate[[k]], draws[, k], level, "perc"), numeric(2L)))
}
