# Random terms with a covariance structure of their own in a posterior: standard deviations as in other terms, atanh of
# correlations, log of ranges.

# What plan_terms() keeps of such a term: kinds of its parameters that are not fixed (none where all are), which of them
# are standard deviations and of which columns, and what the engine's columns have for 1. NULL for other terms.
special_plan <- function(fit, t) {
  term <- fit_random(fit)[[t]]
  if (!is_special(term) || (has_one_parameter(term) && is.null(term[["held"]]))) return(NULL)
  table <- term_table(term)
  sd <- which(table$kind == "variance")
  out <- list(kind = table$kind, sd = sd, rows = table$row[sd], lower = table$lower,
              common = term[["held"]]$value[term[["held"]]$scale],
              scale = natural_scale(table, fit_blocks(fit)$z_basis[[t]]))
  if (!"loading" %in% table$kind) return(out)
  out$rows <- seq_len(term$q)
  natural <- fit_natural(fit)[[t]] / fit_sigma(fit)^(2 * table$scale)
  out$factors <- factor_plan(table, natural, column_units(fit, t, out$rows))
  out
}

# The other coordinates than standard deviations: rows for plan_coordinates().
special_coordinates <- function(special, t) {
  if (!is.null(special$factors)) {
    row <- seq_len(sum(special$factors$count))
    return(data.frame(kind = rep("direction", length(row)), term = rep(t, length(row)), row = row,
                      col = rep(0L, length(row))))
  }
  other <- setdiff(seq_along(special$kind), special$sd)
  data.frame(kind = ifelse(special$kind[other] == "range", "range", "rho"), term = rep(t, length(other)), row = other,
             col = rep(0L, length(other)))
}

# list(natural, jacobian, prior) for standard deviations `s` and the other coordinates `z`, a row for each point;
# `prior` without those of the standard deviations.
decode_special <- function(plan, t, s, z, density) {
  special <- plan$terms[[t]]$special
  if (!is.null(special$factors)) return(decode_factors(special, s, z, density))
  other <- setdiff(seq_along(special$kind), special$sd)
  natural <- matrix(0, nrow(s), length(special$kind))
  natural[, special$sd] <- s^2
  jacobian <- prior <- numeric(nrow(s))
  for (j in seq_along(other)) {
    kind <- special$kind[other[j]]
    if (kind == "range") {
      natural[, other[j]] <- exp(z[, j])
      if (!density) next
      jacobian <- jacobian + z[, j]
      prior <- prior + plan$priors$range[[t]]$log(exp(z[, j]))
      next
    }
    natural[, other[j]] <- tanh(z[, j]) * if (kind == "covariance") common_variance(special, s[, 1L]^2) else 1
    if (!density) next
    rest <- log_one_minus_square(z[, j])
    jacobian <- jacobian + rest
    prior <- prior + lkj_pair(plan$priors$cor[[t]]$eta, z[, j]) - rest
  }
  c(list(s = s, natural = natural), if (density) list(jacobian = jacobian, prior = prior))
}

# Natural parameters of the engine's columns.
special_points <- function(plan, t, natural) natural / rep(plan$terms[[t]]$special$scale, each = nrow(natural))

# Coordinates of the estimates other than standard deviations.
start_of_special <- function(plan, t) {
  special <- plan$terms[[t]]$special
  if (!is.null(special$factors)) return(start_of_factors(special))
  natural <- fit_natural(plan$fit)[[t]]
  other <- setdiff(seq_along(special$kind), special$sd)
  vapply(other, function(j) {
    if (special$kind[j] == "range") return(log(range_inside(plan$fit, t, natural[j])))
    r <- natural[j]
    if (special$kind[j] == "covariance") r <- r / common_variance(special, natural[special$sd[1L]], fit_sigma(plan$fit))
    atanh(if (is.finite(r)) max(inside(r), 0.97 * max(-1, special$lower[j])) else 0)
  }, 0)
}

range_inside <- function(fit, t, range) {
  positions <- as.matrix(fit_random(fit)[[t]]$positions)
  d <- position_distances(list(positions = positions, subject = rep(1L, nrow(positions))))
  max(d[1L] / 3, min(range, 2 * longest_distance(positions)))
}

# Priors of the ranges of random terms: the one of their name, else half-t with the longest distance as its scale.
range_priors <- function(fit, parameters) {
  lapply(seq_along(fit_random(fit)), function(t) {
    term <- fit_random(fit)[[t]]
    if (!is_special(term) || !"range" %in% term_kinds(term)) return(NULL)
    given <- parameters[[paste0("range.", fit_term_names(fit)[t])]]
    if (is.null(given)) prior_half_t(3, longest_distance(as.matrix(term$positions))) else given
  })
}

# Values of the parameters as they are shown, a list of vectors: standard deviations, correlations and ranges; loadings
# and specific standard deviations.
special_columns <- function(plan, t, own, sigma) {
  special <- plan$terms[[t]]$special
  natural <- own$natural
  if (!is.null(special$factors)) {
    return(lapply(seq_along(special$kind), function(j) {
      sigma * if (special$kind[j] == "variance") sqrt(natural[, j]) else natural[, j]
    }))
  }
  c(lapply(seq_len(ncol(own$s)), function(k) own$s[, k] * sigma),
    lapply(setdiff(seq_along(special$kind), special$sd), function(j) {
      if (special$kind[j] != "covariance") return(natural[, j])
      natural[, j] / common_variance(special, natural[, special$sd[1L]])
    }))
}

# Natural parameters of a term with the plan `special`, on the scale of the response, from the values shown of one draw.
drawn_natural <- function(fit, special, values) {
  if (!is.null(special$factors)) return(ifelse(special$kind == "variance", values^2, values))
  other <- setdiff(seq_along(special$kind), special$sd)
  out <- numeric(length(special$kind))
  out[special$sd] <- values[seq_along(special$sd)]^2
  out[other] <- values[length(special$sd) + seq_along(other)]
  scaled <- which(special$kind == "covariance")
  if (length(scaled)) out[scaled] <- out[scaled] * common_variance(special, values[1L]^2, fit_sigma(fit))
  out
}

# The variance that all columns share: the drawn one, or the fixed one, which is relative to sigma^2.
common_variance <- function(special, drawn, sigma = 1) if (length(special$sd)) drawn else special$common[1L] * sigma^2
