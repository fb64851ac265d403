# Two or three variance parameters: the log target at the nodes of a lattice, in coordinates in which the posterior is
# nearly normal, and independent draws from products of cubics between the nodes. What depends on the parameters is
# interpolated with it. Exact values at some draws tell how close the lattice is; where it is not, the draws are made by
# Metropolis.

lattice_steps <- c(0.3, 0.42)             # between nodes, in standard deviations: two directions, three
lattice_least <- c(500, 20000)            # draws from which the lattice is worth its evaluations
lattice_checks <- 100L
lattice_error <- 0.02                     # largest standard deviation of its errors

# NULL where Metropolis is the better way.
lattice_draws <- function(plan, found, n, random) {
  d <- plan$d
  if (!d %in% 2:3 || n * thinning(found) < lattice_least[d - 1L]) return(NULL)
  unit <- tryCatch(mapped_t(found$pilot$x, truncated_weights(found$pilot$log_weight)), error = function(e) NULL)
  if (is.null(unit)) return(NULL)
  ends <- lattice_ends(plan, unit, d)
  if (is.null(ends)) ends <- lattice_ends(plan, unit, d, reach = 18)
  if (is.null(ends)) return(NULL)
  axes <- lapply(seq_len(d),
                 function(j) seq(ends[j, 1L], ends[j, 2L],
                                 length.out = max(8L, ceiling(diff(ends[j, ]) / lattice_steps[d - 1L]))))
  size <- lengths(axes)
  if (prod(size) > n * thinning(found)) return(NULL)
  coefficients <- !random && length(plan$labels$fixed) <= 4L
  z <- unname(as.matrix(expand.grid(axes)))
  nodes <- lattice_values(plan, unit, unit$from_unit(z), coefficients)
  if (!is_enclosed(nodes$log, size)) return(NULL)
  step <- vapply(axes, function(a) a[2L] - a[1L], 0)
  map <- c(unit$parts, list(origin = vapply(axes, `[`, 0, 1L), step = step))
  lattice <- engine_result(engine_posterior_lattice(size, finite_rows(nodes), map), fit_frame(plan$fit))
  draw <- lattice_drawer(lattice, nodes, floor(stats::runif(1L) * 2^52), plan)
  some <- draw(seq_len(min(lattice_checks, n)))
  error <- lattice_values(plan, unit, some$x, FALSE)$log - some$log - max(nodes$log)
  if (!(stats::sd(error) < lattice_error)) return(NULL)
  c(if (coefficients) list(draw = draw) else draw(seq_len(n))[c("x", "values")],
    list(method = "lattice", check = effective_share(error), acceptance = 1, share = 1, shape = NA_real_, thin = 1L,
         evidence = c(log(sum(exp(nodes$log - max(nodes$log)))) + max(nodes$log) + sum(log(step)), 0),
         evaluations = found$evaluations + length(nodes$log)))
}

# A function of consecutive draws, the first of them 1 or one above a multiple of 1024: their coordinates, their log
# densities up to a constant, and what else the nodes have.
lattice_drawer <- function(lattice, nodes, seed, plan) {
  function(rows) {
    drawn <- engine_lattice_draws(lattice, rows[1L] - 1, length(rows), seed, plan$threads)
    drawn <- engine_result(drawn, fit_frame(plan$fit))
    list(x = drawn$x, log = drawn$values[[1L]], values = lattice_parts(drawn$values, nodes))
  }
}

# In each direction, where a coarse lattice has all but a negligible part of the mass; NULL where its reach is too
# short.
lattice_ends <- function(plan, unit, d, reach = 10) {
  at <- seq(-reach, reach)
  z <- unname(as.matrix(expand.grid(rep(list(at), d))))
  log <- lattice_values(plan, unit, unit$from_unit(z), FALSE)$log
  w <- exp(log - max(log[is.finite(log)]))
  w[!is.finite(w)] <- 0
  out <- t(vapply(seq_len(d), function(j) {
    margin <- rowsum(w, z[, j])[, 1L]
    range(at[margin > 1e-7 * sum(w)]) + c(-1, 1)
  }, numeric(2L)))
  if (all(abs(out) <= reach)) out
}

# At x, as a density of the lattice's coordinates.
lattice_values <- function(plan, unit, x, coefficients) {
  out <- log_target(plan, x, coefficients)
  out$log <- out$log + unit$unit_jacobian(x)
  out
}

# Functions x nodes for the engine. Where the density is as good as zero, no value need be exact.
finite_rows <- function(nodes) {
  log <- nodes$log - max(nodes$log)
  log <- pmax(ifelse(is.finite(log), log, -60), -60)
  rows <- rbind(log, if (length(nodes$rate)) log(nodes$rate), nodes$beta, nodes$spread)
  rows[!is.finite(rows)] <- 0
  rows
}

# Vectors with a value for each draw.
lattice_parts <- function(values, nodes) {
  at <- 1L
  take <- function(k) {
    out <- values[at + seq_len(k)]
    at <<- at + k
    out
  }
  out <- list()
  if (length(nodes$rate)) out <- list(shape = nodes$shape, rate = exp(take(1L)[[1L]]))
  if (is.null(nodes$beta)) return(out)
  out$beta <- take(nrow(nodes$beta))
  out$spread <- take(nrow(nodes$spread))
  out
}

# Is next to nothing of the mass at the faces of the lattice?
is_enclosed <- function(log, size) {
  w <- exp(log - max(log[is.finite(log)]))
  w[!is.finite(w)] <- 0
  place <- arrayInd(seq_along(w), size)
  face <- rowSums(place == 1L | place == rep(size, each = length(w))) > 0
  sum(w[face]) < 1e-6 * sum(w)
}
