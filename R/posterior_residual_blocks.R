# Parameters of a residual structure that are mapped together in a posterior, and their maps where some covariances or
# coefficients are missing or fixed.

# list(type, at, sd, pair, q, ...) for each block.
linked_parameters <- function(table, plan) {
  held <- fixed_residual_values(plan)
  key <- paste(table$part, table$group)
  linked <- table$kind %in% c("variance", "covariance", "correlation")
  groups <- split(which(linked), key[linked])
  joint <- Map(function(at, key) joint_block(at, table, plan, held[paste(held$part, held$group) == key, ]), groups,
               names(groups))
  joint <- joint[!vapply(joint, is.null, NA)]
  for (kind in c("autoregression", "moving_average")) for (group in unique(table$group)) {
    at <- which(table$kind == kind & table$group == group)
    fixed <- held[held$kind == kind & held$group == group, ]
    if (length(at)) joint <- c(joint, list(series_block(at, kind, table, fixed)))
  }
  used <- unlist(lapply(joint, `[[`, "at"))
  single <- lapply(setdiff(seq_len(nrow(table)), used), function(j) list(type = "single", at = j))
  c(unname(joint), single)
}

# The parameters that are fixed, with their values.
fixed_residual_values <- function(plan) {
  all <- plan_parameters(plan)
  cbind(all[plan$held$index, , drop = FALSE], value = as.double(plan$held$value))
}

# Matrices with all correlations, covariances beside their variances; NULL where each parameter stands alone.
joint_block <- function(at, table, plan, held) {
  kind <- table$kind[at]
  sd <- at[kind == "variance"]
  pair <- at[kind != "variance"]
  part <- plan$parts[[max(1L, table$part[at[1L]])]]
  if (isTRUE(residual_words[[part$word]]$exchangeable) && "covariance" %in% c(kind, held$kind))
    return(exchangeable_block(sd, pair, held))
  q <- part_visits(part)
  if (!nrow(held) && q > 1L && length(pair) == q * (q - 1L) / 2 && length(sd) %in% c(0L, q)) {
    order <- vine_order(q)
    row <- pmax(table$row[pair], table$col[pair])
    col <- pmin(table$row[pair], table$col[pair])
    place <- match(paste(order[, 1L], order[, 2L]), paste(row, col))
    if (!anyNA(place)) return(list(type = "matrix", at = c(sd, pair), sd = sd, pair = pair[place], q = q,
                                   scaled = all(table$kind[pair] == "covariance")))
  }
  if (all(kind != "covariance")) return(NULL)
  # Columns of the standard deviations of a covariance: the free ones, and behind them the fixed ones.
  visits <- c(table$row[sd], held$row[held$kind == "variance"])
  of <- function(visit) if (length(visits) > 1L) match(visit, visits) else rep(1L, length(visit))
  list(type = "pairs", at = c(sd, pair), sd = sd, pair = pair, fixed = sqrt(held$value[held$kind == "variance"]),
       scaled = length(visits) > 0L, first = of(table$row[pair]), second = of(table$col[pair]))
}

# var I + cov J. `base`: the variance relative to which the covariance is, where it is not free.
exchangeable_block <- function(sd, pair, held) {
  if (!length(pair) && length(sd)) return(list(type = "shifted", at = sd, sd = sd,
                                               covariance = held$value[held$kind == "covariance"]))
  base <- if (nrow(held)) held$value[held$kind == "variance"] else 1
  list(type = "common", at = c(sd, pair), sd = sd, pair = pair, base = if (length(base)) base else 1,
       relative = !length(sd) && !nrow(held))
}

series_block <- function(at, kind, table, held) {
  sign <- if (kind == "autoregression") 1 else -1
  if (!nrow(held)) return(list(type = "series", at = at, sign = sign))
  all <- rbind(data.frame(lag = table$row[at], value = NA), data.frame(lag = held$row, value = held$value))
  all <- all[order(all$lag), ]
  list(type = "held_series", at = at, sign = sign, value = all$value)
}

# ---- maps ----

# Covariances that are not all there are: each a correlation times its standard deviations (1: relative to sigma^2).
pairs_part <- function(plan, block, z, density) {
  s <- matrix(exp(z[, block$sd, drop = FALSE]), nrow(z))
  r <- tanh(z[, block$pair, drop = FALSE])
  if (block$scaled) {
    all <- cbind(s, matrix(block$fixed, nrow(z), length(block$fixed), byrow = TRUE))
    r <- r * all[, block$first, drop = FALSE] * all[, block$second, drop = FALSE]
  }
  psi <- cbind(s^2, r)
  if (!density) return(list(psi = psi))
  log <- lapply(block$pair, function(j) lkj_pair(plan$residual$prior[[j]]$eta, z[, j]))
  list(psi = psi, log = Reduce(`+`, log, 0) + rowSums(z[, block$sd, drop = FALSE]) + sd_priors(plan, block, s))
}

pairs_start <- function(block, psi, sd) {
  all <- c(sd, block$fixed)
  atanh(inside(psi[block$pair] / if (block$scaled) all[block$first] * all[block$second] else 1))
}

# The standard deviation of an observation and the correlation of two.
common_part <- function(plan, block, z, density) {
  r <- tanh(z[, block$pair])
  variance <- if (length(block$sd)) exp(2 * z[, block$sd])
  psi <- if (is.null(variance)) cbind(block$base * r / (1 - r)) else cbind(variance * (1 - r), variance * r)
  if (!density) return(list(psi = psi))
  log <- lkj_pair(plan$residual$prior[[block$pair]]$eta, z[, block$pair])
  if (!is.null(variance)) log <- log + z[, block$sd] + plan$residual$prior[[block$sd]]$log(sqrt(variance))
  list(psi = psi, log = log)
}

# var I + cov J with a fixed covariance: the prior is that of the standard deviation of an observation.
shifted_part <- function(plan, block, z, density) {
  psi <- exp(2 * z[, block$sd])
  if (!density) return(list(psi = cbind(psi)))
  total <- sqrt(pmax(psi + block$covariance, 0))
  list(psi = cbind(psi), log = plan$residual$prior[[block$sd]]$log(total) + 2 * z[, block$sd] - log(total))
}

# Coefficients of a series some of which are fixed: the density of all partial autocorrelations, as one of the
# coefficients that are free.
held_series_part <- function(plan, block, z, density) {
  phi <- matrix(block$value, nrow(z), length(block$value), byrow = TRUE)
  phi[, is.na(block$value)] <- z[, block$at]
  psi <- phi[, is.na(block$value), drop = FALSE]
  if (!density) return(list(psi = psi))
  phi <- block$sign * phi
  eta <- plan$residual$prior[[block$at[1L]]]$eta
  log <- 0
  for (k in rev(seq_len(ncol(phi)))) {
    r <- phi[, k]
    r[!(abs(r) < 1)] <- NaN
    log <- log + (eta - 1) * log1p(-r^2) - lkj_constant(eta, 2L) - ceiling((k - 1) / 2) * log1p(-r) -
      floor((k - 1) / 2) * log1p(r)
    before <- phi[, seq_len(k - 1L), drop = FALSE]
    phi <- (before + r * before[, rev(seq_len(k - 1L)), drop = FALSE]) / (1 - r^2)
  }
  list(psi = psi, log = ifelse(is.nan(log), -Inf, log))
}
