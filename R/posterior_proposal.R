# Proposals for several variance parameters: a split t about the mode, and a t behind a sinh-arcsinh map fitted to a
# pilot sample. Both are lists with draw(n) and log(x).

split_df <- 6
map_df <- 8

# Principal axes of the inverse Hessian, with a scale of its own on each half axis: where the log density has fallen
# by 2, two scales out.
split_t <- function(target, mode) {
  inverse <- positive_inverse(mode$hessian)
  d <- length(mode$x)
  axes <- inverse$vectors %*% diag(inverse$sd, d)
  scales <- half_axis_scales(target, mode, axes)
  total <- scales[, 1L] + scales[, 2L]
  log_det <- sum(log(abs(inverse$sd)))
  constant <- multivariate_t_constant(d, split_df) + sum(log(2 / total)) - log_det
  back <- solve(axes)
  list(
    draw = function(n) {
      u <- abs(matrix(stats::rnorm(n * d), n) / sqrt(stats::rchisq(n, split_df) / split_df))
      up <- matrix(stats::runif(n * d), n) < rep(scales[, 2L] / total, each = n)
      y <- ifelse(up, u * rep(scales[, 2L], each = n), -u * rep(scales[, 1L], each = n))
      rep(mode$x, each = n) + y %*% t(axes)
    },
    log = function(x) {
      y <- (x - rep(mode$x, each = nrow(x))) %*% t(back)
      u2 <- rowSums((y / ifelse(y > 0, rep(scales[, 2L], each = nrow(x)), rep(scales[, 1L], each = nrow(x))))^2)
      constant - (split_df + d) / 2 * log1p(u2 / split_df)
    })
}

multivariate_t_constant <- function(d, df) lgamma((df + d) / 2) - lgamma(df / 2) - d / 2 * log(df * pi)

# Rows: axes; columns: below and above. Distances up to 7 scales are tried.
half_axis_scales <- function(target, mode, axes) {
  d <- ncol(axes)
  distance <- c(0.25, 0.5, seq(1, 14, by = 0.5))
  points <- do.call(rbind, lapply(seq_len(d),
                                  function(j) rbind(outer(-distance, axes[, j]), outer(distance, axes[, j]))))
  fall <- mode$value - target(points + rep(mode$x, each = nrow(points)))
  fall <- matrix(ifelse(is.finite(fall), fall, 1e3), length(distance))
  reach <- apply(fall, 2L, function(f) {
    beyond <- which(f >= 2)[1L]
    if (is.na(beyond)) return(14)
    before <- if (beyond == 1L) c(0, 0) else c(distance[beyond - 1L], max(0, f[beyond - 1L]))
    before[1L] + (distance[beyond] - before[1L]) * (2 - before[2L]) / (f[beyond] - before[2L])
  })
  matrix(pmax(0.05, reach / 2), d, 2L, byrow = TRUE)
}

# One coordinate: x = location + scale * sinh((asinh(z) + skew) / tail), fitted to quantiles of the normal distribution.
fit_map <- function(x, weight) {
  p <- c(0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.995)
  order <- order(x)
  wanted <- stats::approx(cumsum(weight[order]) / sum(weight), x[order], p, rule = 2, ties = "ordered")$y
  z <- stats::qnorm(p)
  importance <- pmin(p, 1 - p)^0.5
  linear <- function(par) {
    v <- sinh((asinh(z) + par[1L]) / exp(par[2L]))
    scale <- sum(importance * (v - stats::weighted.mean(v, importance)) *
                 wanted) / sum(importance * (v - stats::weighted.mean(v, importance))^2)
    list(v = v, scale = scale, location = stats::weighted.mean(wanted - scale * v, importance))
  }
  loss <- function(par) {
    if (abs(par[1L]) > 3 || abs(par[2L]) > 1) return(1e10)
    own <- linear(par)
    if (!is.finite(own$scale) || own$scale <= 0) 1e10 else sum(importance *
                                                               (wanted - own$location - own$scale * own$v)^2)
  }
  par <- stats::optim(c(0, 0), loss, control = list(maxit = 200, reltol = 1e-6))$par
  own <- linear(par)
  list(location = own$location, scale = own$scale, skew = par[1L], tail = exp(par[2L]))
}

map_forward <- function(map, z) map$location + map$scale * sinh((asinh(z) + map$skew) / map$tail)

map_back <- function(map, x) sinh(map$tail * asinh((x - map$location) / map$scale) - map$skew)

# log dz/dx.
map_slope <- function(map, x) {
  y <- (x - map$location) / map$scale
  log(map$tail) + log(cosh(map$tail * asinh(y) - map$skew)) - log1p(y^2) / 2 - log(map$scale)
}

# A t in mapped coordinates, from weighted points.
mapped_t <- function(x, weight) {
  d <- ncol(x)
  maps <- lapply(seq_len(d), function(j) fit_map(x[, j], weight))
  z <- vapply(seq_len(d), function(j) map_back(maps[[j]], x[, j]), numeric(nrow(x)))
  z <- matrix(z, nrow(x))
  moments <- stats::cov.wt(z, weight / sum(weight), method = "ML")
  root <- chol(1.05 * moments$cov + diag(1e-10 * mean(diag(moments$cov)), d))
  center <- moments$center
  constant <- multivariate_t_constant(d, map_df) - sum(log(diag(root)))
  list(
    # x at z, in which the points have mean 0 and variance 1.
    from_unit = function(z) {
      y <- z %*% root + rep(center, each = nrow(z))
      matrix(vapply(seq_len(d), function(j) map_forward(maps[[j]], y[, j]), numeric(nrow(z))), nrow(z))
    },
    # Log of the Jacobian of from_unit() at x.
    unit_jacobian = function(x) {
      sum(log(diag(root))) - Reduce(`+`, lapply(seq_len(d), function(j) map_slope(maps[[j]], x[, j])))
    },
    parts = c(list(root = root, center = center), sapply(c("location", "scale", "skew", "tail"), function(name) {
      vapply(maps, `[[`, 0, name)
    }, simplify = FALSE)),
    draw = function(n) {
      y <- (matrix(stats::rnorm(n * d), n) / sqrt(stats::rchisq(n, map_df) / map_df)) %*% root + rep(center, each = n)
      matrix(vapply(seq_len(d), function(j) map_forward(maps[[j]], y[, j]), numeric(n)), n)
    },
    log = function(x) {
      y <- matrix(vapply(seq_len(d), function(j) map_back(maps[[j]], x[, j]), numeric(nrow(x))), nrow(x))
      slope <- Reduce(`+`, lapply(seq_len(d), function(j) map_slope(maps[[j]], x[, j])))
      u <- backsolve(root, t(y) - center, transpose = TRUE)
      constant - (map_df + d) / 2 * log1p(colSums(u^2) / map_df) + slope
    })
}

# Mostly the first, with a defensive part that keeps weights bounded.
mixture_proposal <- function(main, defense, share = 0.85) {
  list(
    draw = function(n) {
      first <- stats::runif(n) < share
      out <- main$draw(n)
      if (any(!first)) out[!first, ] <- defense$draw(sum(!first))
      out
    },
    log = function(x) {
      a <- log(share) + main$log(x)
      b <- log1p(-share) + defense$log(x)
      top <- pmax(a, b)
      top + log(exp(a - top) + exp(b - top))
    })
}

# ---- weights ----

# `target` gives the log density, or a list with it as `log` and with more that is kept.
proposal_sample <- function(target, proposal, n) {
  x <- proposal$draw(n)
  value <- target(x)
  more <- if (is.list(value)) value
  if (is.list(value)) value <- value$log
  log_weight <- value - proposal$log(x)
  log_weight[is.nan(log_weight)] <- -Inf
  list(x = x, value = value, log_weight = log_weight, more = more)
}

effective_share <- function(log_weight) {
  w <- exp(log_weight - max(log_weight))
  sum(w)^2 / sum(w^2) / length(w)
}

# Weights whose largest part is cut to its smallest member.
truncated_weights <- function(log_weight, part = 0.01) {
  w <- exp(log_weight - max(log_weight))
  pmin(w, stats::quantile(w, 1 - part, names = FALSE))
}

# Shape of the tail of the weights: Zhang and Stephens (2009) for a generalized Pareto distribution, as in Vehtari et
# al. (2024).
pareto_shape <- function(log_weight) {
  n <- length(log_weight)
  m <- min(ceiling(0.2 * n), ceiling(3 * sqrt(n)))
  w <- sort(exp(log_weight - max(log_weight)), decreasing = TRUE)
  excess <- sort(w[seq_len(m)] - w[m + 1L])
  excess <- excess[excess > 0]
  if (length(excess) < 5L) return(-Inf)
  m <- length(excess)
  candidates <- 30L + floor(sqrt(m))
  b <- 1 / excess[m] + (1 - sqrt(candidates / (seq_len(candidates) - 0.5))) / 3 / excess[floor(m / 4 + 0.5)]
  shape <- vapply(b, function(b) mean(log1p(-b * excess)), 0)
  fit <- m * (log(-b / shape) - shape - 1)
  weight <- 1 / vapply(seq_along(b), function(j) sum(exp(fit - fit[j])), 0)
  mean(log1p(-sum(b * weight) * excess))
}

# The proposal of a posterior: its mode, a split t, and up to two rounds of refinement.
fit_proposal <- function(target, start) {
  mode <- posterior_mode(target, start)
  d <- length(mode$x)
  size <- max(1000L, 200L * d)
  split <- split_t(target, mode)
  pilot <- proposal_sample(target, split, size)
  proposal <- split
  share <- effective_share(pilot$log_weight)
  for (round in 1:2) {
    if (round == 2L && share > 0.8) break
    refined <- tryCatch(mixture_proposal(mapped_t(pilot$x, truncated_weights(pilot$log_weight)), split),
                        error = function(e) NULL)
    if (is.null(refined)) break
    again <- proposal_sample(target, refined, size)
    better <- effective_share(again$log_weight)
    if (!(better > share)) break
    proposal <- refined
    pilot <- again
    share <- better
  }
  list(proposal = proposal, pilot = pilot, mode = mode, share = share, shape = pareto_shape(pilot$log_weight),
       evaluations = 2L * size)
}
