# The posterior of one variance parameter and sigma on a grid: densities, moments and quantiles by quadrature, draws by
# the inverse of the distribution function. sigma given the other has an inverse gamma law, or, with priors that are not
# relative to sigma, a grid of its own.

sigma_nodes <- 240L

# May this posterior be put on a grid? One free parameter at most, no dependence of the curve on sigma.
is_gridded <- function(plan) {
  held <- unlist(lapply(plan$terms, function(term) !is.na(term$held_sd) & term$held_sd > 0))
  residual_size(plan) == 0L && nrow(plan$coordinates) <= 1L && all(plan$coordinates$kind == "sd") &&
    is.null(plan$coefficients) && (!any(held) || !plan$free_sigma)
}

posterior_grid <- function(plan) {
  curve <- if (nrow(plan$coordinates)) response_curve(plan) else point_curve(plan)
  grid <- if (plan$search_sigma) sigma_grid(plan, curve) else relative_grid(plan, curve)
  grid$plan <- plan
  grid$growth <- curve$growth
  grid$rank <- curve$rank
  step <- if (length(grid$x) > 1L) grid$x[2L] - grid$x[1L] else 1
  top <- max(grid$log)
  density <- exp(grid$log - top)
  grid$weight <- density / sum(density)
  grid$evidence <- top + log(sum(density) * step)
  grid$cumulative <- if (length(density) > 1L) cell_cumulative(density) else c(0, 1)
  grid$density <- density
  if (!is.null(grid$within)) {
    grid$ends <- ends_restored(grid$within)
    grid$within_cumulative <- row_cumulative(grid$ends)
  }
  grid
}

curve_part <- function(curve, keep) {
  list(x = curve$x[keep], log_det = curve$log_det[keep], r2 = curve$r2[keep], beta = curve$beta[, keep, drop = FALSE],
       scale = curve$scale[, keep, drop = FALSE])
}

# Nodes that matter for probabilities and for moments up to the fourth of the standard deviation.
worth_keeping <- function(x, log) {
  mode <- which.max(log)
  keep <- range(which(log + 4 * pmax(0, x - x[mode]) > log[mode] - 42))
  seq(max(1L, keep[1L] - 2L), min(length(x), keep[2L] + 2L))
}

relative_grid <- function(plan, curve) {
  state <- decode_points(plan, if (plan$d) matrix(curve$x) else matrix(0, 1L, 0L))
  target <- target_of(plan, state, curve)
  if (!plan$free_sigma) target[c("shape", "rate")] <- NULL
  keep <- if (plan$d) worth_keeping(curve$x, target$log) else 1L
  c(curve_part(curve, keep),
    list(log = target$log[keep], shape = target$shape, rate = target$rate[keep],
         sigma = if (!plan$free_sigma) plan$sigma))
}

# A grid of log(sigma) for every second node of the curve.
sigma_grid <- function(plan, curve) {
  curve <- curve_part(curve, seq(1L, length(curve$x), by = 2L))
  center <- log(curve$r2 / plan$nu) / 2
  wide <- 2 + 45 / max(2, plan$nu - sum(plan$free_sd))
  at <- function(low, high, cells) low + outer(high - low, (seq_len(cells + 1L) - 1) / cells)
  coarse <- at(rep(min(center) - 4, length(center)), center + wide, sigma_nodes)
  bounds <- log_bounds(coarse, sigma_log(plan, curve, coarse), log(lowest_sd(plan)) - curve$x)
  u <- at(bounds$low, bounds$high, sigma_nodes)
  log <- sigma_log(plan, curve, u)
  highest <- apply(log, 1L, max)
  density <- exp(log - ifelse(is.finite(highest), highest, 0))
  density[, c(1L, ncol(u))] <- density[, c(1L, ncol(u))] / 2
  step <- (bounds$high - bounds$low) / sigma_nodes
  marginal <- highest + log(rowSums(density) * step)
  marginal[is.nan(marginal)] <- -Inf
  keep <- if (nrow(plan$coordinates)) worth_keeping(curve$x, marginal) else 1L
  keep <- keep[is.finite(marginal[keep])]
  density <- density[keep, , drop = FALSE] / rowSums(density[keep, , drop = FALSE])
  c(curve_part(curve, keep), list(log = marginal[keep], u = u[keep, , drop = FALSE], within = density))
}

lowest_sd <- function(plan) {
  if (!is.null(plan$priors$icc) || !is.null(plan$priors$all) || !nrow(plan$coordinates)) return(0)
  sd_prior(plan$priors, plan$coordinates$term[1L], plan$coordinates$row[1L])$lower
}

# Log density at log(sigma) = u, a row for each node of the curve.
sigma_log <- function(plan, curve, u) {
  x <- if (nrow(plan$coordinates)) rep(curve$x, ncol(u)) else numeric()
  state <- decode_points(plan, cbind(if (nrow(plan$coordinates)) x, as.vector(u)))
  values <- list(log_det = rep(curve$log_det, ncol(u)), r2 = rep(curve$r2, ncol(u)))
  matrix(target_of(plan, state, values)$log, nrow(u))
}

# Where each row is within exp(-42) of its largest value, and above the smallest value that the prior allows.
log_bounds <- function(u, log, lowest) {
  near <- log > apply(log, 1L, max) - 32
  near[!is.finite(log)] <- FALSE
  some <- rowSums(near) > 0
  first <- ifelse(some, max.col(near, "first"), 1L)
  last <- ifelse(some, max.col(near, "last"), ncol(u))
  row <- seq_len(nrow(u))
  low <- u[cbind(row, pmax(1L, first - 1L))]
  high <- u[cbind(row, pmin(ncol(u), last + 1L))]
  low <- pmax(low, ifelse(is.finite(lowest), lowest, -Inf))
  list(low = pmin(low, high), high = high)
}

# ---- cells of a grid with equal steps ----

# Integrals up to each node of each row, by cubics through four nodes; the whole is 1.
row_cumulative <- function(f) {
  n <- ncol(f)
  inner <- f[, -1L, drop = FALSE] + f[, -n, drop = FALSE]
  outer <- cbind(f[, 1L], f[, seq_len(n - 2L), drop = FALSE]) + cbind(f[, -(1:2), drop = FALSE], f[, n])
  cells <- pmax((13 * inner - outer) / 24, 0)
  out <- cbind(0, matrix(apply(cells, 1L, cumsum), nrow(f), byrow = TRUE))
  out / out[, n]
}

cell_cumulative <- function(density) as.vector(row_cumulative(matrix(density, 1L)))

# x with distribution function p.
grid_quantile <- function(grid, p) {
  if (length(grid$x) == 1L) return(rep(grid$x, length(p)))
  cell <- findInterval(p, grid$cumulative, rightmost.closed = TRUE, all.inside = TRUE)
  share <- (p - grid$cumulative[cell]) / (grid$cumulative[cell + 1L] - grid$cumulative[cell])
  grid$x[cell] + (grid$x[2L] - grid$x[1L]) * cell_share(share, grid$density[cell], grid$density[cell + 1L])
}

# Where in a cell with a density that is linear from f to g the given share of its mass is reached.
cell_share <- function(share, f, g) {
  v <- share * (f + g) / 2
  out <- 2 * v / (f + sqrt(pmax(0, f^2 + 2 * (g - f) * v)))
  ifelse(is.finite(out), pmin(1, out), share)
}

# Draws of x and sigma.
grid_draws <- function(grid, n) {
  x <- grid_quantile(grid, stats::runif(n))
  if (!is.null(grid$sigma)) return(list(x = x, sigma = rep(grid$sigma, n)))
  if (!is.null(grid$shape)) {
    rate <- if (length(grid$x) > 1L) exp(stats::spline(grid$x, log(grid$rate), xout = x,
                                                       method = "natural")$y) else grid$rate
    return(list(x = x, sigma = sqrt(rate / stats::rgamma(n, grid$shape))))
  }
  list(x = x, sigma = exp(sigma_draws(grid, x)))
}

# Given x one of the two nodes beside it is taken, the nearer with the larger probability: a linear interpolation of the
# two laws.
sigma_draws <- function(grid, x) {
  node <- rep(1L, length(x))
  if (length(grid$x) > 1L) {
    place <- (x - grid$x[1L]) / (grid$x[2L] - grid$x[1L])
    node <- pmin(length(grid$x), pmax(1L, 1L + floor(place) + (stats::runif(length(x)) < place - floor(place))))
  }
  cumulative <- grid$within_cumulative
  p <- stats::runif(length(x))
  cell <- integer(length(x))
  for (rows in split(seq_along(x), node)) {
    cell[rows] <- findInterval(p[rows], cumulative[node[rows[1L]], ], rightmost.closed = TRUE, all.inside = TRUE)
  }
  share <- (p - cumulative[cbind(node, cell)]) / (cumulative[cbind(node, cell + 1L)] - cumulative[cbind(node, cell)])
  step <- grid$u[cbind(node, 2L)] - grid$u[cbind(node, 1L)]
  ends <- grid$ends
  grid$u[cbind(node, cell)] + step * cell_share(share, ends[cbind(node, cell)], ends[cbind(node, cell + 1L)])
}

ends_restored <- function(within) {
  within[, c(1L, ncol(within))] <- 2 * within[, c(1L, ncol(within))]
  within
}
