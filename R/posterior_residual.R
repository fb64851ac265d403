# The parameters of a residual structure in a posterior: coordinates without bounds, priors, typical sizes.
#
# Coordinates, a column for each free parameter in the engine's order: log of standard deviations, ranges and other
# positive parameters; atanh of correlations, of partial correlations where a matrix of them is unrestricted, and of the
# partial autocorrelations of AR(p) and MA(q); logit of shares; all others in units of their own. A common
# covariance, var I + cov J, has the log of the standard deviation and atanh of the correlation of two observations.

# The free parameters of the structure, NULL without any. Coefficients of known matrices count as variances.
posterior_table <- function(fit) {
  plan <- if (is_structured(fit)) fit_frame(fit)$residual
  table <- free_parameters(plan)
  if (is.null(table)) return(NULL)
  known <- vapply(pmax(1L, table$part), function(part) plan$parts[[min(part, length(plan$parts))]]$word == "known", NA)
  table$kind[known & table$kind == "covariance"] <- "variance"
  table
}

# What posterior_plan() keeps of the structure; NULL without free parameters.
residual_coordinates <- function(fit, priors) {
  table <- posterior_table(fit)
  if (is.null(table)) return(NULL)
  shown <- scaled_residual_parameters(fit, "sd")
  blocks <- linked_parameters(table, fit_frame(fit)$residual)
  own <- list(table = table, blocks = blocks, names = shown$name, root = shown$root, size = nrow(table),
              unit = parameter_units(fit_blocks(fit)), origin = typical_rows(fit, table))
  own$prior <- lapply(seq_len(nrow(table)), function(j) {
    residual_prior(table$kind[j], shown$name[j], fit, priors, table$row[j])
  })
  own$matrix <- is_wishart(priors$residual) && any(vapply(blocks, is_whole_matrix, NA))
  check_residual_priors(own, priors)
  own
}

# ---- priors ----

series_kinds <- c("autoregression", "moving_average")
positive_kinds <- c("variance", "range", "exponent", "constant", "proportion")
bounded_kinds <- c("correlation", "covariance", "share", series_kinds)

# list(log, label, proper) for one parameter: that of its name, else the default of its kind.
residual_prior <- function(kind, name, fit, priors, row = 1L) {
  if (!is.null(priors$all)) return(list(label = "", proper = FALSE, eta = 1, log = function(x) 0 * x))
  given <- priors$parameters[[name]]
  if (kind == "variance") return(if (is.null(given)) one_column(priors$residual, row) else given)
  if (kind %in% c("correlation", "covariance", series_kinds)) {
    cor <- if (!is.null(given)) given else priors$residual_cor
    return(list(label = cor$label, proper = TRUE, eta = cor$eta))
  }
  if (!is.null(given)) return(if (given$scope == "fixed") normal_prior(given, name) else given)
  if (kind == "range") return(prior_half_t(3, range_scale(fit)))
  if (kind == "share") return(list(label = "flat on (0, 1)", proper = TRUE, log = function(x) 0 * x))
  if (kind %in% c("exponent", "constant", "proportion")) abort_needs_prior(name, "prior_half_t(3, scale)")
  if (kind == "power" && any(free_parameters(fit_frame(fit)$residual)$kind == "constant"))
    abort_needs_prior(name, "prior_normal(mean, sd)")
  list(label = "flat", proper = FALSE, log = function(x) 0 * x)
}

normal_prior <- function(prior, name) {
  if (length(prior$mean) != 1L || length(prior$sd) != 1L) {
    lmm_abort("input", paste0("prior_normal() of ", quote_name(name), " must have one mean and one sd."),
              what = "prior")
  }
  if (is.infinite(prior$sd)) return(list(label = "flat", proper = FALSE, log = function(x) 0 * x))
  list(label = paste0("normal, mean = ", format(prior$mean[1L]), ", sd = ", format(prior$sd[1L])),
       proper = prior$proper, log = function(x) stats::dnorm(x, prior$mean[1L], prior$sd[1L], log = TRUE))
}

# The longest distance within a subject.
range_scale <- function(fit) {
  residual <- fit_blocks(fit)$model$residual
  longest <- longest_distance(residual$positions, residual$subject)
  if (longest > 0) longest else 1
}

# The longest distance between two rows of one group. With three or more coordinates and many rows the diagonal of the
# box around them is taken in its place.
longest_distance <- function(positions, group = rep(1L, nrow(positions))) {
  if (ncol(positions) == 1L) return(max(tapply(positions[, 1L], group, function(x) diff(range(x)))))
  max(vapply(split(seq_len(nrow(positions)), group), function(own) {
    x <- unique(positions[own, , drop = FALSE])
    if (nrow(x) < 2L) return(0)
    if (ncol(x) == 2L) x <- x[grDevices::chull(x), , drop = FALSE]
    if (nrow(x) > 3000L) return(sqrt(sum(apply(x, 2L, function(v) diff(range(v)))^2)))
    if (nrow(x) < 2L) 0 else max(stats::dist(x))
  }, 0))
}

abort_needs_prior <- function(name, example) {
  abort_improper(paste0("with a flat prior of ", quote_name(name), ", the likelihood does not decrease as the ",
                        "parameter increases."),
                 name, paste0("Give it a proper prior on the scale of your variable: prior = list(", name, " = ",
                              example, ")."))
}

# Scopes of the priors that a residual parameter takes.
residual_prior_scope <- function(kind) {
  if (kind %in% positive_kinds) "sd" else if (kind %in% c("correlation", "covariance", series_kinds)) "cor"
  else if (kind == "share") "none" else "fixed"
}

check_residual_priors <- function(own, priors) {
  for (block in own$blocks) {
    shared <- c(if (block$type == "matrix" && block$q > 2L) block$pair, if (own$matrix) c(block$sd, block$pair))
    stray <- intersect(own$names[shared], names(priors$parameters))
    whole <- if (own$matrix) "inverse Wishart prior of `residual`" else "prior `cor`"
    if (length(stray)) lmm_abort("input", paste0(quote_name(stray[1L]), " cannot have its own prior: the ", whole,
                                                 " applies to the whole matrix."), what = stray)
  }
  if (!is_wishart(priors$residual) || length(priors$residual$V) == 1L) return(invisible())
  sd <- own$table$kind == "variance"
  visits <- table(paste(own$table$part, own$table$group)[sd])
  if (!length(visits)) abort_residual_matrix(priors, "one standard deviation")
  if (any(visits != nrow(priors$residual$V))) abort_residual_matrix(priors, count_of(max(visits), "visit"))
}

abort_residual_matrix <- function(priors, size) {
  lmm_abort("input", paste0("`V` of the prior of `residual` has ", nrow(priors$residual$V),
                            " rows, but the residuals have ", size, "."), what = "prior")
}

# ---- from coordinates to parameters ----

# list(psi, log, total): the engine's parameters, a row for each point; log of prior density and Jacobian; the standard
# deviation of a typical residual, relative to sigma.
decode_residual <- function(plan, z, density = TRUE) {
  own <- plan$residual
  psi <- z
  log <- 0
  for (block in own$blocks) {
    map <- switch(block$type, single = single_part, matrix = matrix_part, pairs = pairs_part, series = series_part,
                  common = common_part, shifted = shifted_part, held_series = held_series_part)
    part <- map(plan, block, z, density)
    psi[, block$at] <- part$psi
    if (density) log <- log + part$log
  }
  list(psi = psi, log = log, total = if (density && plan$free_sigma) typical_size(own, psi))
}

single_part <- function(plan, block, z, density) {
  own <- plan$residual
  j <- block$at
  kind <- own$table$kind[j]
  prior <- own$prior[[j]]
  x <- z[, j]
  if (kind == "variance") return(list(psi = exp(2 * x), log = if (density) prior$log(exp(x)) + x))
  chart <- chart_inverse(rep(kind, length(x)), x, own$unit[j])
  if (!density) return(list(psi = chart$psi))
  if (kind == "correlation") {
    mirrored <- j %in% own$mirrored                      # rho and -rho are the same: rho > 0 has all of the prior
    return(list(psi = chart$psi, log = lkj_pair(prior$eta, x) + if (mirrored) ifelse(x < 0, -Inf, log(2)) else 0))
  }
  list(psi = chart$psi, log = prior$log(chart$psi) + log(chart$first))
}

# LKJ density of a correlation, with the Jacobian of atanh.
lkj_pair <- function(eta, x) eta * log_one_minus_square(x) - lkj_constant(eta, 2L)

# Coefficients of a stationary or invertible series from its partial autocorrelations (Durbin and Levinson), which have
# the prior.
series_part <- function(plan, block, z, density) {
  x <- z[, block$at, drop = FALSE]
  r <- tanh(x)
  psi <- r
  for (k in seq_len(ncol(r))[-1L]) {
    before <- psi[, seq_len(k - 1L), drop = FALSE]
    psi[, seq_len(k - 1L)] <- before - r[, k] * before[, rev(seq_len(k - 1L)), drop = FALSE]
  }
  psi <- block$sign * psi
  if (!density) return(list(psi = psi))
  log <- lapply(seq_along(block$at), function(k) lkj_pair(plan$residual$prior[[block$at[k]]]$eta, x[, k]))
  list(psi = psi, log = Reduce(`+`, log))
}

matrix_part <- function(plan, block, z, density) {
  q <- block$q
  root <- correlation_factor(list(q = q, held_cor = matrix(NA_real_, q, q)), z[, block$pair, drop = FALSE])
  s <- matrix(exp(z[, block$sd, drop = FALSE]), nrow(z))
  order <- vine_order(q)
  pair <- vapply(seq_len(nrow(order)), function(k) {
    i <- order[k, 1L]
    j <- order[k, 2L]
    r <- Reduce(`+`, lapply(seq_len(j), function(m) root$L[[i]][[m]] * root$L[[j]][[m]]))
    if (block$scaled && length(block$sd)) r * s[, i] * s[, j] else r
  }, numeric(nrow(z)))
  psi <- cbind(s^2, matrix(pair, nrow(z)))
  psi <- psi[, match(block$at, c(block$sd, block$pair)), drop = FALSE]
  if (!density) return(list(psi = psi))
  log <- root$jacobian + rowSums(z[, block$sd, drop = FALSE])
  if (plan$residual$matrix && is_whole_matrix(block)) {
    part <- wishart_parts(plan$priors$residual, list(s = s, L = root$L, log_det = root$log_det))
    return(list(psi = psi, log = log + part$level - part$rate / 2))
  }
  eta <- plan$residual$prior[[block$pair[1L]]]$eta
  list(psi = psi, log = log + (eta - 1) * root$log_det - lkj_constant(eta, q) + sd_priors(plan, block, s))
}

# Variances and all covariances, which an inverse Wishart prior is one of.
is_whole_matrix <- function(block) block$type == "matrix" && length(block$sd) > 1L && block$scaled

sd_priors <- function(plan, block, s) {
  parts <- lapply(seq_along(block$sd), function(k) plan$residual$prior[[block$sd[k]]]$log(s[, k]))
  Reduce(`+`, parts, numeric(nrow(s)))
}
