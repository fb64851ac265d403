# Two or three variance parameters: the log target at the nodes of a lattice, in coordinates in which the posterior is
# nearly normal, and independent draws from products of cubics between the nodes. What depends on the parameters is
# interpolated with it. Exact values at some draws tell how close the lattice is; where it is not, the draws are made by
# Metropolis.

# Between nodes, in standard deviations: two directions, three. The first is taken if the errors of its log densities
# have a standard deviation below `error`, else the next.
lattice_steps <- list(data.frame(step = 0.3, error = 0.02),
                      data.frame(step = c(0.5, 0.42, 0.35), error = c(0.005, 0.02, 0.02)))
lattice_least <- c(500, 20000)            # draws from which the lattice is worth its evaluations
lattice_checks <- 100L
coarse_step <- 1.5

# NULL where Metropolis is the better way.
lattice_draws <- function(plan, found, n, random) {
  d <- plan$d
  if (!d %in% 2:3 || n * thinning(found) < lattice_least[d - 1L]) return(NULL)
  unit <- tryCatch(mapped_t(found$pilot$x, truncated_weights(found$pilot$log_weight)), error = function(e) NULL)
  if (is.null(unit)) return(NULL)
  ends <- lattice_ends(plan, unit, d)
  if (is.null(ends)) ends <- lattice_ends(plan, unit, d, reach = 18)
  if (is.null(ends)) return(NULL)
  coefficients <- !random && length(plan$labels$fixed) <= 4L
  evaluations <- found$evaluations
  steps <- lattice_steps[[d - 1L]]
  for (k in seq_len(nrow(steps))) {
    lattice <- new_lattice(plan, unit, ends, steps$step[k], n * thinning(found), coefficients)
    if (is.null(lattice)) return(NULL)
    evaluations <- evaluations + lattice$nodes
    some <- lattice$draw(seq_len(min(lattice_checks, n)))
    error <- lattice_values(plan, unit, some$x, FALSE)$log - some$log - lattice$top
    if (isTRUE(stats::sd(error) < steps$error[k])) {
      return(c(if (coefficients) lattice["draw"] else lattice$draw(seq_len(n))[c("x", "sigma")],
               list(method = "lattice", check = effective_share(error), acceptance = 1, share = 1, shape = NA_real_,
                    thin = 1L, evidence = c(lattice$evidence, 0), evaluations = evaluations)))
    }
  }
  NULL
}

# A function that draws, the number of nodes, the largest log density and the log of the integral; NULL where the
# lattice takes more than `most` evaluations or, `widened` three times, still loses mass at its faces.
new_lattice <- function(plan, unit, ends, step, most, coefficients, widened = 0L) {
  axes <- lapply(seq_len(plan$d), function(j) {
    seq(ends[j, 1L], ends[j, 2L], length.out = max(8L, ceiling(diff(ends[j, ]) / step)))
  })
  size <- lengths(axes)
  if (prod(size) > most) return(NULL)
  nodes <- lattice_values(plan, unit, unit$from_unit(unname(as.matrix(expand.grid(axes)))), coefficients)
  nodes$used <- if (coefficients) nonzero_rows(nodes$spread)
  if (!is_enclosed(nodes$log, size)) {
    if (widened == 3L) return(NULL)
    wider <- ends + rep(c(-1, 1), each = plan$d)
    return(new_lattice(plan, unit, wider, step, most, coefficients, widened + 1L))
  }
  width <- vapply(axes, function(a) a[2L] - a[1L], 0)
  map <- c(unit$parts, list(origin = vapply(axes, `[`, 0, 1L), step = width))
  lattice <- engine_posterior_lattice(size, finite_rows(nodes), map, conditional_law(plan, nodes))
  top <- max(nodes$log)
  list(draw = lattice_drawer(engine_result(lattice, fit_frame(plan$fit)), floor(stats::runif(1L) * 2^52), plan),
       nodes = length(nodes$log), top = top, evidence = log(sum(exp(nodes$log - top))) + top + sum(log(width)))
}

# The law of sigma and the coefficients given the coordinates, as the engine draws from it.
conditional_law <- function(plan, nodes) {
  p <- if (is.null(nodes$beta)) 0L else nrow(nodes$beta)
  list(shape = if (length(nodes$rate)) nodes$shape, coordinate = if (plan$search_sigma) plan$d,
       sigma = if (!plan$free_sigma) plan$sigma, coefficients = p, root = arrayInd(as.integer(nodes$used), c(p, p)))
}

# A function of consecutive draws, the first of them 1 or one above a multiple of 1024: their coordinates, their log
# densities up to a constant, sigma and the coefficients.
lattice_drawer <- function(lattice, seed, plan) {
  function(rows) {
    drawn <- engine_lattice_draws(lattice, rows[1L] - 1, length(rows), seed, plan$threads)
    drawn <- engine_result(drawn, fit_frame(plan$fit))
    list(x = drawn$x, log = drawn$values[[1L]], sigma = drawn$values[[2L]], beta = drawn$values[-(1:2)])
  }
}

# In each direction, where a coarse lattice has all but a negligible part of the mass; NULL where its reach is too
# short.
lattice_ends <- function(plan, unit, d, reach = 10.5) {
  at <- seq(-reach, reach, by = coarse_step)
  z <- unname(as.matrix(expand.grid(rep(list(at), d))))
  log <- lattice_values(plan, unit, unit$from_unit(z), FALSE)$log
  w <- exp(log - max(log[is.finite(log)]))
  w[!is.finite(w)] <- 0
  out <- t(vapply(seq_len(d), function(j) {
    margin <- rowsum(w, z[, j])[, 1L] / sum(w)
    c(-margin_end(-rev(at), rev(margin)), margin_end(at, margin))
  }, numeric(2L)))
  if (all(is.finite(out))) out
}

# A little beyond the last place where the margin falls below `least`, on a chord of its logarithm.
margin_end <- function(at, margin, least = 1e-7, beyond = 0.4) {
  k <- max(which(margin > least))
  if (k == length(at)) return(Inf)
  fall <- log(margin[k]) - log(c(least, max(margin[k + 1L], 1e-30)))
  at[k] + coarse_step * fall[1L] / fall[2L] + beyond
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
  rows <- rbind(log, if (length(nodes$rate)) log(nodes$rate), nodes$beta, nodes$spread[nodes$used, ])
  rows[!is.finite(rows)] <- 0
  rows
}

# Rows that are not 0 at all nodes: the square roots of covariance matrices are triangular.
nonzero_rows <- function(spread) which(rowSums(spread != 0, na.rm = TRUE) > 0)

# Is next to nothing of the mass at the faces of the lattice?
is_enclosed <- function(log, size) {
  w <- exp(log - max(log[is.finite(log)]))
  w[!is.finite(w)] <- 0
  place <- arrayInd(seq_along(w), size)
  face <- rowSums(place == 1L | place == rep(size, each = length(w))) > 0
  sum(w[face]) < 1e-6 * sum(w)
}
