# The log posterior density in the coordinates of posterior_plan(), for many points at once.
#
# Priors of relative form are exp(level) sigma^-power exp(-rate / (2 sigma^2)): then sigma^2 is inverse gamma given the
# others, with shape a and rate c / 2, and integrated out. Elsewhere log(sigma) is a coordinate.

log_target <- function(plan, x, coefficients = FALSE) {
  state <- decode_points(plan, x)
  values <- engine_values(plan, engine_points(plan, state), state$sigma, coefficients)
  c(target_of(plan, state, values), if (coefficients) values[c("beta", "spread")])
}

# `values`: log_det and r2 of the points.
target_of <- function(plan, state, values) {
  K <- sum(plan$free_sd)
  common <- -values$log_det / 2 - plan$nu / 2 * log(2 * pi) + coordinate_jacobian(plan, state) +
    correlation_priors(plan, state)
  if (!is.null(plan$coefficients)) common <- common + plan$coefficients$constant
  if (!is.null(state$residual)) common <- common + state$residual$log
  if (is.null(state$sigma)) {
    prior <- relative_priors(plan, state)
    a <- (plan$nu + prior$power - K - 1) / 2
    rate <- (values$r2 + prior$rate) / 2
    log <- common + prior$level + lgamma(a) - log(2) - a * log(rate)
    return(list(log = valid_log(log, values), shape = a, rate = rate))
  }
  sigma <- state$sigma
  log <- common + absolute_priors(plan, state) - (plan$nu - K) * log(sigma) - values$r2 / (2 * sigma^2)
  if (plan$search_sigma) log <- log + log(sigma)
  list(log = valid_log(log, values))
}

valid_log <- function(log, values) {
  log[!is.finite(values$r2) | is.nan(log)] <- -Inf
  log
}

# Of log(sd) and of the correlations.
coordinate_jacobian <- function(plan, state) {
  rowSums(state$x[, which(plan$free_sd), drop = FALSE]) +
    Reduce(`+`, lapply(state$terms, function(own) if (is.null(own$jacobian)) 0 else own$jacobian), 0)
}

correlation_priors <- function(plan, state) {
  if (!is.null(plan$priors$all)) return(0)
  parts <- lapply(seq_along(plan$terms), function(t) {
    if (!is.null(plan$terms[[t]]$special)) return(state$terms[[t]]$prior)
    if (!plan$terms[[t]]$triangle || plan$priors$wishart[t]) return(0)
    eta <- plan$priors$cor[[t]]$eta
    (eta - 1) * state$terms[[t]]$log_det - lkj_constant(eta, plan$terms[[t]]$q)
  })
  Reduce(`+`, parts, 0)
}

# Log of the integral of |R|^(eta - 1).
lkj_constant <- function(eta, q) {
  j <- seq_len(q - 1L)
  b <- eta + (q - 1 - j) / 2
  sum((q - j) * ((2 * b - 1) * log(2) + lbeta(b, b)))
}

relative_priors <- function(plan, state) {
  priors <- plan$priors
  if (!is.null(priors$icc)) return(list(level = priors$icc$level(state$terms[[1L]]$s[, 1L]), rate = 0,
                                   power = priors$icc$power))
  level <- rate <- power <- 0
  for (t in seq_along(plan$terms)) {
    if (priors$wishart[t]) {
      part <- wishart_parts(priors$sd[[t]], state$terms[[t]])
      level <- level + part$level
      rate <- rate + part$rate
      power <- power + part$power
      next
    }
    for (k in which(is.na(plan$terms[[t]]$held_sd))) {
      prior <- sd_prior(priors, t, plan$terms[[t]]$rows[k])
      part <- prior$parts(state$terms[[t]]$s[, k])
      level <- level + part$level
      rate <- rate + part$rate
      power <- power + prior$power
    }
  }
  total <- residual_total(state)
  residual <- priors$residual$parts(total)
  list(level = level + residual$level + log(total), rate = rate + residual$rate, power = power + priors$residual$power)
}

absolute_priors <- function(plan, state) {
  priors <- plan$priors
  sigma <- state$sigma
  if (!is.null(priors$all)) return(density_values(plan, state))
  if (!is.null(priors$icc)) return(priors$icc$level(state$terms[[1L]]$s[, 1L]) - priors$icc$power * log(sigma))
  total <- residual_total(state)
  out <- if (plan$free_sigma) priors$residual$log(sigma * total) + log(total) else 0
  for (t in seq_along(plan$terms)) {
    if (priors$wishart[t]) {
      part <- wishart_parts(priors$sd[[t]], state$terms[[t]])
      out <- out + part$level - part$power * log(sigma) - part$rate / (2 * sigma^2)
      next
    }
    for (k in which(is.na(plan$terms[[t]]$held_sd)))
      out <- out + sd_prior(priors, t, plan$terms[[t]]$rows[k])$log(state$terms[[t]]$s[, k] * sigma)
  }
  out
}

# The standard deviation of a typical residual, relative to sigma.
residual_total <- function(state) if (is.null(state$residual$total)) 1 else state$residual$total

# A user's density, one point after the other.
density_values <- function(plan, state) {
  values <- state_values(plan, state, state$sigma)
  names <- colnames(values)
  sd <- startsWith(names, "sd__")
  cor <- startsWith(names, "cor__")
  vapply(seq_len(nrow(values)), function(i) {
    out <- plan$priors$all$density(list(sd = values[i, sd], cor = values[i, cor], sigma = values[[i, "sigma"]],
                                        residual = values[i, plan$labels$residual]))
    if (is.numeric(out) && length(out) == 1L && !is.na(out) && out < Inf) return(as.numeric(out))
    lmm_abort("input", paste0("the function of prior_density() must return one finite log density, not ",
                              describe_value(out), "."), what = "density",
              value = values[i, ])
  }, 0)
}

# Inverse Wishart of a whole matrix, as a density of standard deviations and correlations.
wishart_parts <- function(prior, own) {
  q <- ncol(own$s)
  nu <- prior$nu
  log_s <- rowSums(log(own$s))
  V <- if (length(prior$V) == 1L) diag(prior$V[1L], q) else prior$V
  list(level = q * log(2) + q * log_s - (nu + q + 1) / 2 * (2 * log_s + own$log_det) + wishart_constant(V, nu),
       rate = nu * inverse_trace(own, V), power = q * (nu + 1))
}

# Log of the constant of the density of the matrix, where it is proper.
wishart_constant <- function(V, nu) {
  q <- nrow(V)
  det <- determinant(nu * V)
  if (!(nu > q - 1) || !is.finite(det$modulus) || det$sign <= 0) return(0)
  nu / 2 * as.numeric(det$modulus) - nu * q / 2 * log(2) - q * (q - 1) / 4 * log(pi) - sum(lgamma((nu +
    1 - seq_len(q)) / 2))
}

# tr(V S^-1) for S = T T', T = diag(s) L: sum of V_ij (S^-1)_ij by the columns of T^-1.
inverse_trace <- function(own, V) {
  q <- ncol(own$s)
  inverse <- triangular_inverse(own, q)
  out <- 0
  for (i in seq_len(q)) for (j in seq_len(q)) if (V[i, j] != 0) {
    shared <- seq(max(i, j), q)
    out <- out + V[i, j] * Reduce(`+`, lapply(shared, function(k) inverse[[k]][[i]] * inverse[[k]][[j]]))
  }
  out
}

triangular_inverse <- function(own, q) {
  entry <- function(i, j) own$s[, i] * own$L[[i]][[j]]
  out <- rep(list(list()), q)
  for (j in seq_len(q)) for (i in seq(j, q)) {
    out[[i]][[j]] <- if (i == j) 1 / entry(i, i)
                     else -Reduce(`+`, lapply(seq(j, i - 1L), function(k) entry(i, k) * out[[k]][[j]])) / entry(i, i)
  }
  out
}
