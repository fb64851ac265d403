# Expensive criteria: the log target as a polynomial of degree four about its mode, fitted to exact values, sampled in
# place of the target, and checked against exact values at a random part of the draws.

surrogate_work <- 1.5e7
surrogate_checks <- 60L
surrogate_share <- 0.95

# The work of one evaluation, about 3e-10 seconds each, as work_of() in src/engine/search/starts.cpp: the leading factor
# is eliminated level by level, into matrices of the columns of the others; levels that are columns of one level are
# eliminated together. By the sizes alone, since draws must not depend on how busy the machine is.
evaluation_work <- function(fit) {
  columns <- tapply(lengths(fit_modes(fit)), fit_term_groups(fit), sum)
  across <- vapply(fit_random(fit), is_across, NA)
  if (any(across)) return(10 * sum(lengths(fit_modes(fit))[across]^3))
  sum(columns) * (sum(columns) - max(columns) + fit_rank(fit) + 4)^2
}

# Related levels with as many effects as rows: their variance can account for all of the response, and a polynomial does
# not follow the residuals to 0.
fits_every_row <- function(plan) {
  related <- has_related(fit_frame(plan$fit)) || any(vapply(fit_random(plan$fit), is_across, NA))
  related && sum(lengths(fit_modes(plan$fit))) >= plan$nu
}

# Exponents of all monomials up to degree four, a row each.
monomials <- function(d) {
  grid <- as.matrix(expand.grid(rep(list(0:4), d)))
  unname(grid[rowSums(grid) <= 4, , drop = FALSE])
}

monomial_values <- function(y, exponents) {
  powers <- lapply(seq_len(ncol(y)), function(j) outer(y[, j], 0:4, `^`))
  out <- matrix(1, nrow(y), nrow(exponents))
  for (j in seq_len(ncol(y))) out <- out * powers[[j]][, exponents[, j] + 1L]
  out
}

# Polynomials in whitened coordinates for the log target and for all else that is known at the points; points near the
# top count most. Beyond the cloud of points a polynomial is no guide: there the log density falls like the t that the
# points came from, and the rest stays.
fit_surrogate <- function(mode, points, values, tail) {
  inverse <- positive_inverse(mode$hessian)
  white <- function(x) t(t(inverse$vectors) %*% (t(x) - mode$x) / inverse$sd)
  exponents <- monomials(length(mode$x))
  top <- max(values$log)
  keep <- values$log > top - 20
  y <- white(points[keep, , drop = FALSE])
  w <- sqrt(exp(pmax(values$log[keep] - top, -8)) + 1e-3)
  responses <- cbind(values$log + rowSums(white(points)^2) / 2, if (length(values$rate)) log(values$rate),
                     t(values$beta), t(values$spread))[keep, , drop = FALSE]
  coefficients <- qr.coef(qr(w * monomial_values(y, exponents), LAPACK = TRUE), w * responses)
  reach <- 1.1 * max(sqrt(rowSums(y^2)))
  p <- nrow(values$beta)
  function(x) {
    y <- white(x)
    size <- sqrt(rowSums(y^2))
    far <- size > reach
    inner <- y * pmin(1, reach / size)
    out <- monomial_values(inner, exponents) %*% coefficients
    log <- out[, 1L] - rowSums(inner^2) / 2
    if (any(far)) log[far] <- log[far] +
      tail$log(x[far, , drop = FALSE]) - tail$log(from_white(inner[far, , drop = FALSE], inverse, mode$x))
    rest <- if (length(values$rate)) 1L else 0L
    list(log = log, rate = if (rest) exp(out[, 2L]), shape = values$shape,
         beta = t(out[, 1L + rest + seq_len(p), drop = FALSE]),
         spread = t(out[, 1L + rest + p + seq_len(p^2), drop = FALSE]))
  }
}

from_white <- function(y, inverse, center) {
  if (!nrow(y)) return(y)
  t(inverse$vectors %*% (t(y) * inverse$sd) + center)
}

# Exact values at the mode and about it, a surrogate from these, draws from it, and exact values at some of them: if
# these give unequal weights, the surrogate is fitted again with them.
surrogate_draws <- function(plan, start, each, chains, say) {
  full <- function(x) log_target(plan, x, TRUE)
  mode <- posterior_mode(function(x) log_target(plan, x)$log, start, most = 12L)
  tail <- laplace_t(mode)
  points <- tail$draw(max(100L, 3L * nrow(monomials(length(mode$x)))))
  values <- full(points)
  for (round in 1:3) {
    surrogate <- fit_surrogate(mode, points, values, tail)
    found <- fit_proposal(function(x) surrogate(x)$log, mode$x)
    sampled <- independence_chains(surrogate, found, each, chains)
    at <- sort(sample.int(nrow(sampled$x), min(surrogate_checks, nrow(sampled$x))))
    checked <- sampled$x[at, , drop = FALSE]
    exact <- full(checked)
    log_weight <- exact$log - sampled$values$log[at]
    share <- effective_share(log_weight)
    say("surrogate of ", nrow(points), " values: effective share of exact weights ", format(share, digits = 3))
    points <- rbind(points, checked)
    values <- bind_values(values, exact)
    if (share >= surrogate_share) break
  }
  if (share < 0.8) warn_surrogate(share)
  ratio <- weight_evidence(log_weight)
  evidence <- weight_evidence(sampled$log_weight)
  list(x = sampled$x, values = sampled$values[c("rate", "shape", "beta", "spread")], method = "surrogate",
       check = share,
       shift = weight_shift(checked, log_weight),
       evidence = c(evidence[1L] + ratio[1L], sqrt(evidence[2L]^2 + ratio[2L]^2)),
       acceptance = sampled$acceptance, share = found$share, shape = found$shape, thin = sampled$thin,
       evaluations = length(values$log))
}

bind_values <- function(a, b) {
  sapply(names(a),
         function(name) if (is.matrix(a[[name]])) cbind(a[[name]], b[[name]]) else if (name == "shape") a$shape else
           c(a[[name]], b[[name]]),
         simplify = FALSE)
}

# Largest shift of a mean that the weights imply, in standard deviations.
weight_shift <- function(x, log_weight) {
  w <- exp(log_weight - max(log_weight))
  max(abs(colSums(x * w) / sum(w) - colMeans(x)) / apply(x, 2L, stats::sd))
}

warn_surrogate <- function(share) {
  lmm_warn("mixing",
           paste0(paste("the polynomial that stands for the log density is not close to it: exact values at some",
                        "draws leave an effective share of "),
                            format(share, digits = 2), "."), what = "exact", value = share, fix = "Use exact = TRUE.")
}

# A t about the mode with the inverse Hessian.
laplace_t <- function(mode) {
  inverse <- positive_inverse(mode$hessian)
  d <- length(mode$x)
  constant <- multivariate_t_constant(d, map_df) - sum(log(inverse$sd))
  list(draw = function(n) from_white(matrix(stats::rnorm(n * d), n) / sqrt(stats::rchisq(n, map_df) / map_df), inverse,
                                     mode$x),
       log = function(x) {
         y <- t(inverse$vectors) %*% (t(x) - mode$x) / inverse$sd
         constant - (map_df + d) / 2 * log1p(colSums(y^2) / map_df)
       })
}
