# Tests and intervals where variance parameters are held: slopes and curvature of what is held.

fit_held <- function(fit) engine_held(fit_frame(fit))

# What `fixed` was given, wherever it is held: data frame of the names as given and the values.
all_held <- function(fit) {
  frame <- fit_frame(fit)
  rbind(frame$held[c("given", "asked")],
        do.call(rbind, lapply(frame$random, function(term) as.data.frame(term[["held"]][c("given", "asked")]))),
        if (length(frame$residual$held)) data.frame(given = frame$residual$held$name,
                                                    asked = frame$residual$held$value))
}

print_held <- function(names) if (length(names)) cat("Fixed, not estimated: ", paste(names, collapse = ", "), "\n",
                                                     sep = "")

held_names <- function(fit) {
  held <- fit_held(fit)
  if (is.null(held)) return(names_held_in_terms(fit_frame(fit)))
  parameters <- variance_parameters(fit)
  at <- match(paste(held$term, held$row, held$col), paste(parameters$term, parameters$row, parameters$col))
  c(parameter_names(parameters, old = FALSE)[at], names_held_in_terms(fit_frame(fit)))
}

# Free variance parameters, the residual's included.
n_variance_parameters <- function(fit) {
  scale <- if (isTRUE(fit_blocks(fit)$owns_scale)) 0L else 1L
  length(fit_theta(fit)) + length(fit_psi(fit)) + scale - length(fit_held(fit)$value)
}

# Gradients of the held parameters in the natural ones (relative to sigma^2, the engine's coordinates), a column each;
# NULL where none is held.
held_gradients <- function(fit) {
  held <- fit_held(fit)
  if (is.null(held) || is_structured(fit)) return(NULL)      # the information has no row for a known sigma then
  map <- natural_map(fit)
  vapply(seq_along(held$value), function(k) {
    if (held$term[k] == 0L) return(as.numeric(seq_len(ncol(map)) == ncol(map)))
    drop(held_slope(fit, held, k) %*% map)
  }, numeric(ncol(map)))
}

# Natural parameters -> entries of the covariance matrices of the user's columns, sigma^2 last.
natural_map <- function(fit) {
  block_diagonal(c(Map(vech_map, fit_blocks(fit)$z_basis, fit_random(fit)), list(matrix(1))))
}

entry_position <- function(fit, term, row, col) {
  parameter_positions(fit, data.frame(term = term, row = max(row, col), col = min(row, col),
                                      kind = if (row == col) "variance" else "correlation"))
}

# Slope of one held parameter in the entries: a variance is one of them, a correlation is a function of three.
held_slope <- function(fit, held, k) {
  map_rows <- length(unlist(lapply(fit_random(fit), term_entries))) / 2 + 1L
  out <- numeric(map_rows)
  at <- correlation_entries(fit, held, k)
  if (held$row[k] == held$col[k]) {
    out[at$both] <- 1
    return(out)
  }
  s <- at$values
  if (!has_correlation(s)) {         # beside a variance of 0 there is no covariance
    out[at$positions[2L]] <- 1
    return(out)
  }
  rho <- s[2L] / sqrt(s[1L] * s[3L])
  out[at$positions] <- c(-rho / (2 * s[1L]), 1 / sqrt(s[1L] * s[3L]), -rho / (2 * s[3L]))
  out
}

# Entries (i, i), (i, j), (j, j), relative to sigma^2.
correlation_entries <- function(fit, held, k) {
  t <- held$term[k]
  i <- held$row[k]
  j <- held$col[k]
  S <- fit_covariance(fit)[[t]] / fit_sigma(fit)^2
  place <- function(a, b) entry_position(fit, t, a, b)
  if (i == j) return(list(both = place(i, i)))
  list(positions = c(place(i, i), place(i, j), place(j, j)), values = c(S[i, i], S[i, j], S[j, j]))
}

has_correlation <- function(s) s[1L] > 0 && s[3L] > 0

# Positions in theta of the terms that have a held parameter.
held_theta <- function(fit) {
  size <- vapply(fit_random(fit), function(term) nrow(term_entries(term)), 0L)
  which(rep(seq_along(size), size) %in% fit_held(fit)$term)
}

# What the curvature of held correlations adds to the second derivatives of -2 log L in the natural parameters.
held_curvature <- function(fit, info, gradients) {
  held <- fit_held(fit)
  k <- ncol(natural_map(fit))
  out <- matrix(0, k, k)
  bent <- which(held$term > 0L & held$row != held$col)
  if (!length(bent)) return(out)
  expected <- if (fit_is_reml(fit)) info$t else info$t_ml
  multiplier <- -qr.coef(qr(gradients), drop((expected - info$ai) %*% info$psi))
  map <- natural_map(fit)
  for (c in bent) {
    at <- correlation_entries(fit, held, c)
    s <- at$values
    if (!has_correlation(s) || is.na(multiplier[c])) next
    root <- sqrt(s[1L] * s[3L])
    rho <- s[2L] / root
    H <- matrix(c(0.75 * rho / s[1L]^2, -0.5 / (s[1L] * root), 0.25 * rho / (s[1L] * s[3L]),
                  -0.5 / (s[1L] * root), 0, -0.5 / (s[3L] * root),
                  0.25 * rho / (s[1L] * s[3L]), -0.5 / (s[3L] * root), 0.75 * rho / s[3L]^2), 3L)
    own <- map[at$positions, , drop = FALSE]
    out <- out + multiplier[c] * crossprod(own, H %*% own)
  }
  out
}

# Directions (columns of `along`, natural parameters) that leave the held ones as they are; all if none is held.
free_directions <- function(info, along = diag(length(info$psi))) {
  if (is.null(info$held)) return(diag(ncol(along)))
  constraint <- crossprod(along, info$held)
  scale <- sqrt(colSums(constraint^2))
  constraint <- constraint[, scale > 0, drop = FALSE] / rep(scale[scale > 0], each = nrow(constraint))
  if (!ncol(constraint)) return(diag(ncol(along)))
  q <- qr(constraint)
  qr.Q(q, complete = TRUE)[, -seq_len(q$rank), drop = FALSE]
}
