# Questions about a fit that the engine answers: variances of effects and predictions, refits.

engine_point <- function(fit) {
  refuse_iterative(fit)
  sigma <- if (!is.null(fit_held(fit))) fit_sigma(fit)      # elsewhere it follows from theta
  list(engine_layout(fit_frame(fit), sigma), fit_blocks(fit), fit_optimum(fit)$theta, fit_spec(fit)$reml,
       fit_control(fit)$memory_limit)
}

# List per grouping factor: array q x q x levels of Var(b | y, beta, theta, sigma).
engine_conditional_variance <- function(fit) {
  if (is_structured(fit)) {
    at <- fit_optimum(fit)
    return(engine_result(engine_structured_conditional(fit_structured_model(fit), at$theta, at$psi),
                         fit_frame(fit)))
  }
  if (fit_is_iterative(fit)) return(iterative_conditional(fit, FALSE))
  out <- engine_result(do.call(engine_conditional, engine_point(fit)), fit_frame(fit))
  # effects that cannot be drawn have none
  if (fit_is_indefinite(fit)) lapply(out, replace, TRUE, NA_real_) else out
}

# List per grouping factor: matrix columns x levels of Var(b_hat - b), the variances of prediction errors.
engine_prediction_error <- function(fit) {
  if (fit_is_iterative(fit)) return(lapply(iterative_conditional(fit, TRUE), block_diagonals))
  if (is_structured(fit)) return(structured_prediction_errors(fit))
  if (fit_is_bounded(fit)) return(engine_result(do.call(engine_prediction_errors, engine_point(fit)), fit_frame(fit)))
  by_group(fit, engine_prediction_variance(fit, unit_design(fit)))
}

# A number for each effect, term by term and level by level, as a matrix columns x levels for each factor.
by_group <- function(fit, variance) {
  sizes <- vapply(fit_modes(fit), length, 0L)
  parts <- Map(function(b, end) matrix(variance[end - length(b) + seq_along(b)], ncol(b)), fit_modes(fit),
               cumsum(sizes))
  lapply(seq_along(fit_groups(fit)), function(g) do.call(rbind, parts[fit_term_groups(fit) == g]))
}

# Var(x'beta_hat + z'(b_hat - b)) for each row of a design; code 0 is a level without random effects.
engine_prediction_variance <- function(fit, design, random = TRUE,
                                       point = if (!fit_is_iterative(fit)) engine_point(fit)) {
  if (random) refuse_indefinite(fit)
  if (fit_is_iterative(fit)) return(iterative_prediction_variance(fit, design, random, point))
  if (is_structured(fit)) {
    return(structured_variances(fit, kept_design(fit, design), random))
  }
  engine_result(do.call(engine_variances, c(point, list(kept_design(fit, design), random, FALSE))), fit_frame(fit))
}

# The same with a residual structure; X has the estimable columns.
structured_variances <- function(fit, design, random = TRUE) {
  at <- fit_optimum(fit)
  engine_result(engine_structured_variances(fit_structured_model(fit), at$theta, at$psi, design,
                                            random), fit_frame(fit))
}

# Covariance of (b_hat - b, term by term with columns fastest; beta_hat).
engine_joint_covariance <- function(fit) {
  if (is_structured(fit)) return(structured_joint_covariance(fit))
  engine_result(do.call(engine_variances, c(engine_point(fit), list(unit_design(fit), TRUE, TRUE))), fit_frame(fit))
}

# Fits of many responses, the columns of Y.
engine_refit <- function(fit, Y) {
  if (is_structured(fit)) return(refits_in_turn(fit, Y))
  blocks <- summed_blocks(fit_frame(fit), fit_stored_rows(fit), fit_control(fit), Y)
  engine_refit_blocks(fit, blocks, fit_spec(fit)$reml)
}

# Fits to cross-products made from those of a fit, one for each of their responses.
engine_refit_blocks <- function(fit, blocks, reml) {
  if (is_structured(fit)) refuse_structured(fit, "refits of many responses at once are", special = FALSE)
  if (fit_is_iterative(fit)) return(iterative_refits(fit, blocks, reml))
  frame <- fit_frame(fit)
  engine_result(engine_refits(engine_layout(frame), blocks, engine_options(fit_control(fit), frame, reml)), frame)
}

kept_design <- function(fit, design) {
  design$X <- design$X[, fit_blocks(fit)$x$kept, drop = FALSE]
  design
}

# One row for each random effect and each estimable coefficient.
unit_design <- function(fit) {
  random <- fit_frame(fit)$random
  levels <- vapply(random, function(term) length(fit_frame(fit)$groups[[term$group]]$levels), 0L)
  sizes <- levels * vapply(random, function(term) term$q, 0L)
  p <- length(fit_blocks(fit)$x$kept)
  rows <- sum(sizes) + p
  start <- cumsum(c(0L, sizes))
  Z <- lapply(seq_along(random), function(t) {
    z <- matrix(0, rows, random[[t]]$q)
    z[start[t] + seq_len(sizes[t]), ] <- diag(random[[t]]$q)[rep(seq_len(random[[t]]$q), levels[t]), ]
    z
  })
  codes <- lapply(seq_along(fit_frame(fit)$groups), function(g) {
    code <- integer(rows)
    for (t in which(vapply(random, function(term) term$group == g, NA))) {
      code[start[t] + seq_len(sizes[t])] <- rep(seq_len(levels[t]), each = random[[t]]$q)
    }
    code
  })
  list(X = rbind(matrix(0, sum(sizes), p), diag(p)), Z = Z, codes = codes)
}
