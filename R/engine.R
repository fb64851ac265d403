# The door to the C++ engine: what it is told, and what its refusals become. No arithmetic here.

# Shapes of the random terms, as the engine wants them.
engine_layout <- function(frame, sigma = NULL) {
  terms <- lapply(frame$random, function(term) c(term[c("group", "q")], term_spec(term)))
  if (isFALSE(frame$bounded)) {
    refuse_special(frame, "`bounded = FALSE` is", "Use bounded = TRUE.")
    terms <- lapply(terms, function(term) replace(term, "structure", paste(term$structure, "unbounded")))
  }
  if (isFALSE(frame$bounded)) refuse_related(frame, "`bounded = FALSE` is", "Use bounded = TRUE.")
  list(levels = vapply(frame$groups, function(group) length(group$levels), 0L, USE.NAMES = FALSE), terms = terms,
       precisions = lapply(unname(frame$groups), `[[`, "precision"), sigma = sigma,
       lead = frame$lead)      # which group is eliminated level by level, NULL for the one with most levels
}

engine_options <- function(control, frame, reml, start = NULL) {
  list(reml = reml, max_evaluations = control$max_evaluations, decrement = control$decrement,
       restarts = control$restarts, no_constant = is.null(frame$x_constant), memory_limit = control$memory_limit,
       start = start, held = engine_held(frame))
}

# Returns the engine's list, or signals the condition it stands for. `frame` names what the engine numbers.
engine_result <- function(x, frame) {
  if (!is.list(x) || is.null(x$engine_error)) return(x)
  switch(x$engine_error,
    random_rank = abort_random_rank(x$message, frame),
    memory = abort_memory(x$message),
    bad_alloc = lmm_abort("numeric", "not enough memory for the factorization of this model.",
                          fix = "Use fewer levels in the crossed grouping factors."),
    overflow = lmm_abort("numeric", "sums of squares of the weighted data overflow double precision.",
                         fix = "Divide the weights, the response or the covariates by a constant."),
    unbounded_size = lmm_abort("numeric",
                               paste0("with `bounded = FALSE` and several grouping factors all random effects (",
                                 x$message, ") stand in one dense matrix, which holds at most 3000."),
                               value = as.numeric(x$message), fix = "Use bounded = TRUE."),
    iterative_passes = , iterative_ratio = , iterative_exact = abort_iterative(x$engine_error),
    not_finite = lmm_abort("numeric", "the criterion is not finite at these parameters."),
    lmm_abort("input", paste0(x$message, "."))
  )
}

abort_random_rank <- function(place, frame) {
  at <- as.integer(strsplit(place, ":", fixed = TRUE)[[1L]])
  term <- frame$random[[at[1L]]]
  column <- term$columns[at[2L]]
  lmm_abort("unidentified", paste0("in the random term (", term$label, ") column ", quote_name(column),
    " is zero or a combination of the term's other columns: its variance cannot be estimated."),
    what = column, fix = "Remove it from the random term.")
}

abort_memory <- function(text) {
  bytes <- as.numeric(strsplit(text, ":", fixed = TRUE)[[1L]])
  lmm_abort("numeric",
            paste0("the Cholesky factor of the random effects and its inverse need about ", gigabytes(bytes[1L]),
    " of memory; ", gigabytes(bytes[2L]), " may be used."), value = bytes,
    fix = paste("Crossed factors with many levels fill in. Use solver = \"iterative\" in lmm_control(), drop one, or",
                "raise `memory_limit`."))
}

# Memory that a fit may use: what the system says is free, or a guess where it does not say.
available_memory <- function(default = 8e9) {
  if (!file.exists("/proc/meminfo")) return(default)
  line <- grep("^MemAvailable:", readLines("/proc/meminfo"), value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else default
}

# Questions about a fit -----------------------------------------------------------------------------

engine_point <- function(fit) {
  refuse_iterative(fit)
  sigma <- if (!is.null(fit_held(fit))) fit_sigma(fit)      # elsewhere it follows from theta
  list(engine_layout(fit$frame, sigma), fit$cross_products, fit$optimum$theta, fit$spec$reml, fit$control$memory_limit)
}

# List per grouping factor: array q x q x levels of Var(b | y, beta, theta, sigma).
engine_conditional_variance <- function(fit) {
  if (is_structured(fit)) {
    return(engine_result(engine_structured_conditional(fit_structured_model(fit), fit$optimum$theta, fit$optimum$psi),
                         fit$frame))
  }
  if (fit_is_iterative(fit)) return(iterative_conditional(fit, FALSE))
  out <- engine_result(do.call(engine_conditional, engine_point(fit)), fit$frame)
  # effects that cannot be drawn have none
  if (fit_is_indefinite(fit)) lapply(out, replace, TRUE, NA_real_) else out
}

# List per grouping factor: matrix columns x levels of Var(b_hat - b), the variances of prediction errors.
engine_prediction_error <- function(fit) {
  if (fit_is_iterative(fit)) return(lapply(iterative_conditional(fit, TRUE), block_diagonals))
  if (is_structured(fit)) return(structured_prediction_errors(fit))
  if (fit_is_bounded(fit)) return(engine_result(do.call(engine_prediction_errors, engine_point(fit)), fit$frame))
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
engine_prediction_variance <- function(fit, design, random = TRUE, point = engine_point(fit)) {
  if (random) refuse_indefinite(fit)
  if (fit_is_iterative(fit)) return(iterative_prediction_variance(fit, design, random))
  if (is_structured(fit)) {
    return(structured_variances(fit, kept_design(fit, design), random))
  }
  engine_result(do.call(engine_variances, c(point, list(kept_design(fit, design), random, FALSE))), fit$frame)
}

# The same with a residual structure; X has the estimable columns.
structured_variances <- function(fit, design, random = TRUE) {
  engine_result(engine_structured_variances(fit_structured_model(fit), fit$optimum$theta, fit$optimum$psi, design,
                                            random), fit$frame)
}

# Covariance of (b_hat - b, term by term with columns fastest; beta_hat).
engine_joint_covariance <- function(fit) {
  refuse_iterative(fit, "the joint covariance matrix of all effects is")
  if (is_structured(fit)) return(structured_joint_covariance(fit))
  engine_result(do.call(engine_variances, c(engine_point(fit), list(unit_design(fit), TRUE, TRUE))), fit$frame)
}

# Fits of many responses, the columns of Y.
engine_refit <- function(fit, Y) {
  if (is_structured(fit)) return(refits_in_turn(fit, Y))
  blocks <- summed_blocks(fit$frame, fit$rows, fit$control, Y)
  engine_refit_blocks(fit, blocks, fit$spec$reml)
}

# Fits to cross-products made from those of a fit, one for each of their responses.
engine_refit_blocks <- function(fit, blocks, reml) {
  refuse_structured(fit, "refits of many responses at once are", special = FALSE)
  if (fit_is_iterative(fit)) return(iterative_refits(fit, blocks, reml))
  engine_result(engine_refits(engine_layout(fit$frame), blocks, engine_options(fit$control, fit$frame, reml)),
                fit$frame)
}

kept_design <- function(fit, design) {
  design$X <- design$X[, fit$cross_products$x$kept, drop = FALSE]
  design
}

# One row for each random effect and each estimable coefficient.
unit_design <- function(fit) {
  random <- fit$frame$random
  levels <- vapply(random, function(term) length(fit$frame$groups[[term$group]]$levels), 0L)
  sizes <- levels * vapply(random, function(term) term$q, 0L)
  p <- length(fit$cross_products$x$kept)
  rows <- sum(sizes) + p
  start <- cumsum(c(0L, sizes))
  Z <- lapply(seq_along(random), function(t) {
    z <- matrix(0, rows, random[[t]]$q)
    z[start[t] + seq_len(sizes[t]), ] <- diag(random[[t]]$q)[rep(seq_len(random[[t]]$q), levels[t]), ]
    z
  })
  codes <- lapply(seq_along(fit$frame$groups), function(g) {
    code <- integer(rows)
    for (t in which(vapply(random, function(term) term$group == g, NA))) {
      code[start[t] + seq_len(sizes[t])] <- rep(seq_len(levels[t]), each = random[[t]]$q)
    }
    code
  })
  list(X = rbind(matrix(0, sum(sizes), p), diag(p)), Z = Z, codes = codes)
}
