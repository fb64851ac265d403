# Many responses of one design: read in blocks, fitted by the engine, those that are unusual by themselves.

# `base`: a fit in all but the response, list(call, spec, frame, rows, control, conditions, cross_products, origin).
# `responses`: a matrix, or a function of a block's number. `weights`: NULL, or the same of weights.
fit_responses <- function(base, responses, weights = NULL, threads = 1, progress = FALSE) {
  check_count(threads, "threads")
  refuse_special(base$frame, "fits of many responses at once are", "Fit one response, then use refit(fit, responses).")
  refuse_fitted_variance(base$frame$residual)
  reference <- response_reference(base)
  design <- design(base$frame, base$rows)
  parts <- list()
  read <- block_reader(responses, weights, base$rows)
  at <- 0
  while (!is.null(block <- read(length(parts) + 1L))) {
    parts[[length(parts) + 1L]] <- fit_block(base, design, block, reference, threads, progress, at)
    at <- at + ncol(block$Y)
  }
  if (!length(parts)) lmm_abort("input", "there are no responses.", what = "newresp")
  new_responses(base, join_blocks(parts), responses, weights, reference)
}

# The columns of fitted values are those of one response.
refuse_fitted_variance <- function(plan) {
  if (!has_fitted_variance(plan)) return(invisible())
  lmm_abort("input", "`variance` with fitted values is not available for many responses at once.", what = "variance",
            fix = "Fit the responses one at a time.")
}

# Coordinates of the fixed effects in which what tests need is kept, whichever rows a response has.
response_reference <- function(base) {
  x <- base$cross_products$x
  basis <- matrix(x$basis, length(x$kept))
  list(kept = x$kept, basis = basis, inverse = inverse_basis(basis), alias = x$alias)
}

# A function of a block's number that returns list(Y, names, weights), NULL after the last. A matrix is one block, a
# data frame is made a matrix piece by piece.
block_reader <- function(responses, weights, rows) {
  if (is.function(responses)) return(function(k) read_function_block(responses, weights, k, rows))
  size <- if (is.matrix(responses)) ncol(responses) else max(1, floor(2e6 / rows$n))
  function(k) {
    columns <- seq_len(ncol(responses))
    columns <- columns[columns > (k - 1) * size & columns <= k * size]
    if (!length(columns)) return(NULL)
    if (length(columns) == ncol(responses) && is.matrix(responses)) return(list(Y = responses,
                                                                                names = response_names(responses),
                                                                                weights = weights))
    list(Y = matrix(as.double(unlist(responses[columns], use.names = FALSE)), rows$n),
         names = names(responses)[columns],
         weights = if (!is.null(weights)) weights[, columns, drop = FALSE])
  }
}

read_function_block <- function(read, weights, k, rows) {
  block <- force_argument(read(k), "newresp")
  if (is.null(block) || NCOL(block) == 0L) return(NULL)
  Y <- response_columns(block, rows, missing = TRUE)
  own <- if (is.function(weights)) force_argument(weights(k), "weights")
  list(Y = Y, names = response_names(Y), weights = if (!is.null(own)) check_weight_columns(own, dim(Y), rows))
}

response_names <- function(Y) if (is.null(colnames(Y))) rep("", ncol(Y)) else colnames(Y)

fit_block <- function(base, design, block, reference, threads, progress, before) {
  Y <- block$Y
  if (!is.null(base$rows$offset)) Y <- Y - as.vector(base$rows$offset)
  weights <- if (is.null(block$weights)) base$rows$weights else block$weights
  if (!is.null(block$weights) && anyNA(weights)) {
    Y[is.na(weights)] <- NA_real_
    weights[is.na(weights)] <- 0
  }
  if (is.null(block$weights) && !is.null(weights) && min(weights) == 0) Y[weights == 0, ] <- 0
  design$y <- Y
  design["weights"] <- list(NULL)
  found <- if (engine_takes_many(base)) engine_many(base, design, weights, reference, threads, progress)
           else empty_answers(base, ncol(Y), reference)
  found$names <- block$names
  found
}

# Models for which the search of a single fit is not all that there is to it.
engine_takes_many <- function(base) {
  is.null(base$frame$residual) && is.null(base$frame$held) && length(base$frame$random) > 0L &&
    !isFALSE(base$frame$bounded)
}

engine_many <- function(base, design, weights, reference, threads, progress) {
  frame <- base$frame
  shared <- c("reml", "max_evaluations", "decrement", "restarts", "no_constant", "memory_limit")
  options <- c(engine_options(base$control, frame, base$spec$reml)[shared],
               list(tests = TRUE, threads = as.integer(threads)))
  constants <- list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant))
  engine_result(engine_responses(engine_layout(frame), constants, design, weights, options,
                                 reference[c("kept", "inverse")], progress), frame)
}

# The same without any answer: all responses are to be fitted by themselves.
empty_answers <- function(base, m, reference) {
  p <- length(reference$kept)
  none <- function(rows) matrix(NA_real_, rows, m)
  k <- natural_count(base$frame$random) + residual_count(base$frame$residual) + 1
  list(theta = none(0L), beta = none(length(base$frame$x_names)),
       covariance = none(sum(lengths(stacked_triangles(base$frame$random)))),
       sigma = rep(NA_real_, m), criterion = rep(NA_real_, m), n = integer(m), evaluations = integer(m),
       converged = integer(m),
       singular = matrix(0L, length(base$frame$random), m), outcome = rep(6L, m), pattern = rep(-1L, m),
       pattern_basis = matrix(0, p * p, 0L),
       phi = none(p * (p + 1) / 2), slopes = none(k * p * (p + 1) / 2), spread = none(k * (k + 1) / 2),
       spread_kr = none(k * (k + 1) / 2), adjusted = none(p * (p + 1) / 2))
}

# Free parameters of a residual structure and a variance function, sigma not counted.
residual_count <- function(plan) if (is.null(plan)) 0L else nrow(plan_parameters(plan)) - length(plan$held$index)

natural_count <- function(random) sum(vapply(random, term_size, 0))

# Patterns of rows are numbered through.
join_blocks <- function(parts) {
  before <- cumsum(c(0L, vapply(parts, function(part) ncol(part$pattern_basis), 0L)))
  for (k in seq_along(parts)) {
    parts[[k]]$pattern <- ifelse(parts[[k]]$pattern < 0L, NA_integer_, parts[[k]]$pattern + before[k] + 1L)
  }
  if (length(parts) == 1L) return(parts[[1L]])
  bind <- function(name) if (is.matrix(parts[[1L]][[name]])) do.call(cbind, lapply(parts, `[[`,
                                                                                   name)) else
                                                                                     unlist(lapply(parts, `[[`, name))
  stats::setNames(lapply(names(parts[[1L]]), bind), names(parts[[1L]]))
}
