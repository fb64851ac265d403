# Moments and quantiles of a posterior on a grid, without draws.

# A row for each parameter: mean, sd and quantiles.
grid_table <- function(grid, probs) {
  rows <- lapply(grid_margins(grid), function(margin) {
    mean <- margin$moment(1)
    spread <- sqrt(margin$moment(2) - mean^2)
    c(mean = mean, sd = if (is.finite(mean)) spread else NaN, margin_quantiles(margin, probs))
  })
  do.call(rbind, rows)
}

# For each parameter its moments and distribution function.
grid_margins <- function(grid) {
  plan <- grid$plan
  moments <- function(k) parameter_exists(plan, k)
  names <- plan$labels$variances
  values <- lapply(seq_len(nrow(plan$coordinates)), function(j) sd_margin(grid, moments))
  names(values) <- names[coordinate_rows(plan)]
  if (plan$free_sigma) values$sigma <- sigma_margin(grid, moments)
  betas <- lapply(seq_along(plan$labels$fixed), function(j) beta_margin(grid, j, moments))
  c(values, stats::setNames(betas, plan$labels$fixed))
}

# The nodes without those of practically no probability, which matter for moments only.
core_grid <- function(grid) {
  keep <- which(grid$weight > 1e-12 * max(grid$weight))
  for (name in intersect(c("x", "weight", "rate"),
                         names(grid))) if (length(grid[[name]]) > 1L) grid[[name]] <- grid[[name]][keep]
  for (name in intersect(c("u", "ends", "within", "within_cumulative"),
                         names(grid))) grid[[name]] <- grid[[name]][keep, , drop = FALSE]
  grid$beta <- grid$beta[, keep, drop = FALSE]
  grid$scale <- grid$scale[, keep, drop = FALSE]
  grid
}

# Which row of the variance parameters each coordinate is; the first of those that the standard deviation of a row of
# loadings is a part of, NA for the direction of loadings.
coordinate_rows <- function(plan) vapply(shown_rows(plan), `[`, 0L, 1L)

# For each coordinate the rows of the variance parameters that grow with it.
shown_rows <- function(plan) {
  parameters <- variance_parameters(plan$fit)
  key <- paste(parameters$term, parameters$row, parameters$col)
  own <- plan$coordinates
  lapply(seq_len(nrow(own)), function(j) {
    special <- plan$terms[[own$term[j]]]$special
    inside <- which(parameters$term == own$term[j])
    if (is.null(special)) return(match(paste(own$term[j], own$row[j], own$col[j]), key))
    if (own$kind[j] == "direction") return(integer())
    if (!is.null(special$factors)) return(inside[parameters$row[inside] == own$row[j]])
    if (own$kind[j] == "sd") inside[parameters$kind[inside] == "variance"][own$row[j]] else inside[own$row[j]]
  })
}

sd_margin <- function(grid, exists) {
  core <- core_grid(grid)
  list(cdf = function(q) sum(core$weight * sigma_cdf(core, q / exp(core$x))),
       moment = function(k) if (exists(k)$sd[1L]) sum(grid$weight * exp(k * grid$x) * sigma_moment(grid, k)) else Inf,
       range = exp(range(grid$x) + sigma_range(grid)))
}

sigma_margin <- function(grid, exists) {
  core <- core_grid(grid)
  list(cdf = function(q) sum(core$weight * sigma_cdf(core, rep(q, length(core$x)))),
       moment = function(k) if (exists(k)$sigma) sum(grid$weight * sigma_moment(grid, k)) else Inf,
       range = exp(sigma_range(grid)))
}

share_margin <- function(grid) {
  h <- 1 / (1 + exp(-2 * grid$x))
  list(quantile = function(p) 1 / (1 + exp(-2 * grid_quantile(grid, p))), moment = function(k) sum(grid$weight * h^k))
}

beta_margin <- function(grid, j, exists) {
  center <- grid$beta[j, ]
  scale <- grid$scale[j, ]
  middle <- sum(grid$weight * center)
  core <- core_grid(grid)
  list(cdf = function(q) sum(core$weight * scaled_cdf(core, (q - core$beta[j, ]) / core$scale[j, ])),
       moment = function(k) {
         if (!exists(k)$fixed[j]) return(Inf)
         if (k == 1) middle else sum(grid$weight * (center^2 + scale^2 * sigma_moment(grid, 2)))
       },
       range = middle + c(-1, 1) * 1e6 * sum(grid$weight * pmin(scale, 1e6 * min(scale))) * exp(sigma_range(grid)[2L]))
}

margin_quantiles <- function(margin, probs) {
  if (!is.null(margin$quantile)) return(margin$quantile(probs))
  vapply(probs, function(p) {
    positive <- margin$range[1L] > 0
    to <- if (positive) log else asinh
    from <- if (positive) exp else sinh
    center <- if (positive) 0 else mean(margin$range)
    unit <- if (positive) 1 else diff(margin$range) * 1e-7
    f <- function(z) margin$cdf(center + unit * from(z)) - p
    ends <- to((margin$range - center) / unit)
    center + unit * from(stats::uniroot(f, ends, extendInt = "upX", tol = 1e-9 * diff(ends), maxiter = 500L)$root)
  }, 0)
}

# ---- sigma given a node ----

sigma_cdf <- function(grid, q) {
  if (!is.null(grid$sigma)) return(as.numeric(q >= grid$sigma))
  if (!is.null(grid$shape)) return(stats::pgamma(grid$rate / q^2, grid$shape, lower.tail = FALSE))
  cumulative <- grid$within_cumulative
  f <- grid$ends
  step <- grid$u[, 2L] - grid$u[, 1L]
  place <- (log(q) - grid$u[, 1L]) / step
  cell <- pmin(ncol(f) - 1L, pmax(1L, floor(place) + 1L))
  t <- pmin(1, pmax(0, place - (cell - 1L)))
  row <- seq_along(q)
  low <- f[cbind(row, cell)]
  high <- f[cbind(row, cell + 1L)]
  inside <- (low * t + (high - low) * t^2 / 2) / ((low + high) / 2)
  inside[!is.finite(inside)] <- 0
  cumulative[cbind(row, cell)] + inside * (cumulative[cbind(row, cell + 1L)] - cumulative[cbind(row, cell)])
}

sigma_moment <- function(grid, k) {
  if (!is.null(grid$sigma)) return(rep(grid$sigma^k, length(grid$x)))
  if (!is.null(grid$shape)) return(grid$rate^(k / 2) * exp(lgamma(grid$shape - k / 2) - lgamma(grid$shape)))
  rowSums(grid$within * exp(k * grid$u))
}

# Logs of values between which sigma lies.
sigma_range <- function(grid) {
  if (!is.null(grid$sigma)) return(log(grid$sigma) + c(-1, 1))
  if (is.null(grid$shape)) return(range(grid$u))
  log(range(grid$rate) / stats::qgamma(c(1 - 1e-12, 1e-12), grid$shape)) / 2
}

# Distribution function of a coefficient's deviation in units of its scale: a mixture of normals over sigma.
scaled_cdf <- function(grid, z) {
  if (!is.null(grid$sigma)) return(stats::pnorm(z / grid$sigma))
  if (!is.null(grid$shape)) return(stats::pt(z / sqrt(grid$rate / grid$shape), 2 * grid$shape))
  rowSums(grid$within * stats::pnorm(z / exp(grid$u)))
}
