# From draws of the coordinates to the columns of a posterior object: variance parameters, coefficients, effects.

# All parameters and effects as a list of vectors.
columns_with_effects <- function(plan, found, n, random) {
  run <- rle_rows(found$x)
  state <- decode_points(plan, found$x[run$first, , drop = FALSE])
  sigma <- drawn_sigma(plan, found, state, run$of, n)
  effects <- effect_draws(plan, engine_points(plan, state), run$of, sigma, random)
  c(state_columns(plan, subset_state(state, run$of), sigma), matrix_columns(effects))
}

# Where coefficients and their covariance matrix come with each draw: in blocks, each written to its place, which keeps
# temporary vectors small.
columns_in_blocks <- function(plan, found, n, size = 8192L) {
  columns <- NULL
  for (rows in row_blocks(n, size)) {
    own <- if (is.null(found$draw)) part_of_draws(found, rows) else found$draw(rows)
    state <- decode_points(plan, own$x, density = FALSE)
    sigma <- drawn_sigma(plan, own, state, NULL, length(rows))
    beta <- if (is.null(own$beta)) coefficient_draws(plan, own$values, sigma) else own$beta
    names(beta) <- plan$labels$fixed
    part <- c(state_columns(plan, state, sigma), beta)
    if (is.null(columns)) columns <- lapply(part, function(x) numeric(n))
    for (k in seq_along(part)) columns[[k]][rows] <- part[[k]]
  }
  columns
}

part_of_draws <- function(found, rows) {
  list(x = found$x[rows, , drop = FALSE], sigma = found$sigma[rows], values = lapply(found$values, values_of, rows))
}

row_blocks <- function(n, size) {
  lapply(seq(1, n, by = size), function(first) first:min(n, first + size - 1))
}

# Values of some draws: of a matrix with a row for each function, a vector, or what all draws share.
values_of <- function(x, rows) {
  if (is.matrix(x)) x[, rows, drop = FALSE]
  else if (length(x) > 1L) x[rows]
  else x
}

# `of`: the row of the state that each draw has; NULL: one for each draw.
drawn_sigma <- function(plan, found, state, of, n) {
  if (!is.null(found$sigma)) return(found$sigma)
  of_draws <- function(v) if (is.null(of) || length(v) == 1L) v else v[of]
  if (!is.null(state$sigma)) return(of_draws(state$sigma))
  target <- found$values
  if (is.null(target)) target <- lapply(target_of(plan, state, engine_values(plan, engine_points(plan, state))),
                                        of_draws)
  sqrt(target$rate / stats::rgamma(n, target$shape))
}

# beta + sigma S e for standard normal e.
coefficient_draws <- function(plan, values, sigma) {
  beta <- value_columns(values$beta)
  S <- value_columns(values$spread)
  p <- length(beta)
  e <- lapply(beta, function(b) stats::rnorm(length(sigma)))
  lapply(seq_len(p), function(i) {
    beta[[i]] + sigma * Reduce(`+`, lapply(seq_len(p), function(j) S[[i + (j - 1L) * p]] * e[[j]]))
  })
}

matrix_columns <- function(x) {
  out <- lapply(seq_len(ncol(x)), function(j) x[, j])
  names(out) <- colnames(x)
  out
}

# Functions of draws as a list of vectors, from that or from a matrix with a row for each.
value_columns <- function(x) if (is.list(x)) x else lapply(seq_len(nrow(x)), function(i) x[i, ])

# Coefficients and, if wanted, random effects, in blocks that bound the memory for random numbers.
effect_draws <- function(plan, points, of, sigma, random) {
  p <- length(plan$labels$fixed)
  q <- if (random) sum(lengths(fit_modes(plan$fit))) else 0L            # of the engine's columns
  prior <- plan$coefficients[c("precision", "mean")]
  parts <- lapply(row_blocks(length(sigma), max(1, floor(1e7 / (p + q + 1)))), function(rows) {
    own <- of[rows] - of[rows[1L]] + 1L
    used <- seq(of[rows[1L]], of[rows[length(rows)]])
    beta <- matrix(stats::rnorm(p * length(rows)), p, length(rows))
    b <- matrix(stats::rnorm(q * length(rows)), q, length(rows))
    out <- engine_posterior_effects(plan$handle, points[, used, drop = FALSE], own, sigma[rows], beta, b,
                                    if (length(prior)) prior, plan$threads)
    out <- engine_result(out, fit_frame(plan$fit))
    t(rbind(out$beta, if (q) level_effects(plan$fit, out$b)))
  })
  out <- if (length(parts) == 1L) parts[[1L]] else do.call(rbind, parts)
  colnames(out) <- c(plan$labels$fixed, if (q) plan$labels$random)
  out
}

# Effects of the levels from those of the columns, for terms that are turned by the root of a relationship.
level_effects <- function(fit, b) {
  terms <- fit_random(fit)
  if (!any(vapply(terms, function(term) !is.null(term$root), NA))) return(b)
  end <- cumsum(lengths(fit_modes(fit)))
  parts <- lapply(seq_along(terms), function(t) {
    columns <- length(fit_modes(fit)[[t]])
    own <- b[end[t] - columns + seq_len(columns), , drop = FALSE]
    if (is.null(terms[[t]]$root)) own else terms[[t]]$root %*% own
  })
  do.call(rbind, parts)
}

# Rows that differ from the one before.
rle_rows <- function(x) {
  n <- nrow(x)
  if (!ncol(x)) return(list(first = 1L, of = rep(1L, n)))
  new <- c(TRUE, rowSums(x[-1L, , drop = FALSE] != x[-n, , drop = FALSE]) > 0)
  list(first = which(new), of = cumsum(new))
}

subset_state <- function(state, at) {
  state$terms <- lapply(state$terms, function(own) {
    own$s <- own$s[at, , drop = FALSE]
    if (!is.null(own$natural)) own$natural <- own$natural[at, , drop = FALSE]
    if (!is.null(own$L)) own$L <- lapply(own$L, lapply, `[`, at)
    own
  })
  state$x <- state$x[at, , drop = FALSE]
  if (!is.null(state$residual)) state$residual <- list(psi = state$residual$psi[at, , drop = FALSE])
  state
}
