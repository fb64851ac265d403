# How the search ended: calls the engine, names what cannot be told apart, and builds the fit.

find_optimum <- function(frame, blocks, reml, start, control) {
  if (!is.null(frame$residual)) {
    second <- if (is.null(start) && may_cancel(frame)) independent_start(frame, blocks, reml, control)
    found <- structured_optimum(frame, blocks, reml, start, control, second)
    if (!found$optimum$identified) abort_confounded(found$optimum$confounded, frame, blocks)
    return(found)
  }
  layout <- engine_layout(frame)
  if (!is.null(start)) start <- internal_start(start, frame, blocks)
  solver <- chosen_solver(frame, blocks, control)
  found <- if (solver == "iterative") iterative_fit(frame, blocks, reml, start, control)
           else engine_result(engine_fit(layout, blocks, 1L, engine_options(control, frame, reml, start),
                                         control$progress), frame)
  found$optimum$solver <- solver
  if (!found$optimum$identified) {
    if (is_exact_fit(blocks)) check_held_values(found, blocks, frame)
    abort_confounded(found$optimum$confounded, frame, blocks)
  }
  if (is.null(frame$held) && !isTRUE(is.finite(found$optimum$value))) {
    outweighed <- outweighed_levels(frame$random, frame, blocks)
    lmm_abort("numeric",
              paste0("the criterion is not finite at the starting values",
                     if (!is.null(outweighed)) " in double precision", "."),
              what = if (!is.null(start)) "start", value = start,
              fix = if (!is.null(start)) "Leave out `start`, or give smaller numbers." else
                if (!is.null(outweighed)) outweighed
              else "Change the units of the variables.")
  }
  if (found$optimum$zero_residual &&
      length(frame$groups) > 1L) found <- limit_without_residual(found, layout, blocks, control, reml, frame)
  check_held_values(found, blocks, frame)
  found
}

# With crossed factors a residual of zero is lost in the rounding of what is subtracted, and the search in noise. A
# residual far below what the other estimates can see, but above the rounding, leads to their limits.
limit_without_residual <- function(found, layout, blocks, control, reml, frame) {
  if (is_exact_fit(blocks)) return(found)
  least <- 1e-9 * blocks$x$total
  blocks$w_yy <- blocks$w_yy + least
  if (length(blocks$rows)) blocks$rows <- with_residual_row(blocks$rows, least)
  again <- engine_result(engine_fit(layout, blocks, 1L, engine_options(control, frame, reml), control$progress), frame)
  again$optimum$zero_residual <- TRUE
  if (again$optimum$identified) again else found
}

# Do several columns of independent effects share a grouping factor? Those of an intercept and a covariate far from its
# origin nearly cancel within a level, and then the search has another optimum where their variances are small.
may_cancel <- function(frame) {
  groups <- vapply(frame$random, function(term) as.integer(term$group), 0L)
  sizes <- vapply(frame$random, function(term) as.integer(term$q), 0L)
  any(vapply(unique(groups), function(g) {
    own <- groups == g
    sum(sizes[own]) > 1L && (sum(own) > 1L || !is_triangle(frame$random[[which(own)]]))
  }, NA))
}

# Relative parameters of the random effects with independent residuals, whose search knows such columns; NULL where that
# model has no fit.
independent_start <- function(frame, blocks, reml, control) {
  frame$residual <- NULL
  tryCatch(without_boundary_messages({
    plain <- blocks_of_design(frame, blocks$model$design, blocks$model$constants)
    found <- find_optimum(frame, plain, reml, NULL, control)
    theta <- new_estimates(frame, plain, found$optimum, found$solution)$theta
    if (all(is.finite(theta))) internal_start(theta, frame, blocks)
  }), lmm_error = function(e) NULL)
}

# One row more, of which neither fixed nor random effects explain anything.
with_residual_row <- function(rows, square) {
  list(z = rbind(rows$z, 0), level = rbind(rows$level, 0L), x = rbind(rows$x, 0), y = rbind(rows$y, sqrt(square)))
}

abort_confounded <- function(terms, frame, blocks) {
  random <- frame$random[terms[terms >= 0L] + 1L]
  names <- vapply(random, function(term) paste0("(", term$label, ")"), "")
  groups <- unique(vapply(random, function(term) frame$groups[[term$group]]$name, ""))
  taken <- length(random) == 1L && random[[1L]]$q == 1L
  with <- if (-1L %in% terms) "the residual variance" else if (taken) "the fixed effects" else
    "the fixed effects or each other"
  outweighed <- outweighed_levels(random, frame, blocks)
  lmm_abort("unidentified",
            paste0(if (length(names) > 1L) "the variances of " else "the variance of ",
    enumerate(names), " cannot be distinguished from ", with, ": the information matrix is singular",
    if (!is.null(outweighed)) " to double precision", "."),
    what = groups, fix = if (!is.null(outweighed)) outweighed
    else if (taken && !(-1L %in% terms)) paste0("The fixed effects fit every level of ", quote_name(groups),
                                                ": remove some of them, or ", names, ".")
    else paste0("Each level may have too few observations, or a fixed effect may take one value for each level.",
                unseen_correlations(random),
                unstructured_hint(random, -1L %in% terms)))
}

# (0 + f | g) where each level of g has one level of f.
unseen_correlations <- function(random) {
  joint <- Filter(function(term) term$q > 1L && is_triangle(term) && length(term$xlevels), random)
  if (!length(joint)) return(NULL)
  label <- joint[[1L]]$label
  paste0(" If no level has observations of two columns of (", label, "), their correlations are unknown: write (",
         sub(" | ", " || ", label, fixed = TRUE), ").")
}

# (0 + visit | id) with one row for each visit is a covariance matrix of the residuals.
unstructured_hint <- function(random, residual) {
  joint <- Filter(function(term) term$q > 1L && is_triangle(term) && length(term$xlevels) == 1L &&
                    (!is.null(term$word) || !"(Intercept)" %in% term$columns), random)
  if (!residual || !length(joint)) return(NULL)
  label <- sub("^0 \\+ ", "", joint[[1L]]$label)
  paste0(" A covariance matrix of the residuals is written residual = ~ us(", label, "), without the random term.")
}

# Levels of the leading factor whose part of Z'Z, in double precision, leaves little of what the others say.
outweighed_levels <- function(random, frame, blocks) {
  leading <- which.max(vapply(frame$groups, function(group) length(group$levels), 0L))
  if (!leading %in% vapply(random, function(term) as.integer(term$group), 0L)) return(NULL)
  levels <- frame$groups[[leading]]$levels
  size <- sqrt(colSums(matrix(blocks$r^2, ncol = length(levels))))
  often <- stats::median(size)
  most <- which.max(size)
  if (!(size[most] > 1e6 * often)) return(NULL)
  paste0("Level ", quote_level(levels[most]), " of ",
         quote_name(frame$groups[[leading]]$name), " outweighs the others by a factor of ",
         signif(size[most] / often, 1L), ": look for a value or a weight that is far out.")
}

new_lmm_fit <- function(call, frame, rows, blocks, found, control, conditions) {
  optimum <- found$optimum
  solution <- found$solution
  estimates <- new_estimates(frame, blocks, optimum, solution)
  more <- c(outcome_conditions(frame, optimum, estimates, solution),
            if (!is.null(frame$residual)) list(structured_boundary(optimum, frame, blocks)))
  more <- Filter(Negate(is.null), more)
  if (!control$keep_rows) frame <- without_rows(frame)
  if (!is.null(blocks$model)) blocks$model$ready <- NULL
  cells <- rows$cells
  fit <- structure(list(call = call, spec = frame$spec, frame = frame,
                        rows = if (control$keep_rows && !are_cell_rows(rows)) rows,
                        cross_products = blocks, optimum = optimum, estimates = estimates, control = control,
                        conditions = c(conditions, more), version = package_version_text()), class = "lmm_fit")
  if (!is.null(cells)) fit$row_prints <- cell_prints(rows)
  else if (!control$keep_rows && !is.null(rows)) fit$row_prints <- row_prints(rows, frame$response)
  if (control$keep_rows) fit$cells <- cells
  signal_conditions(more)
  fit
}

package_version_text <- function() {
  if (is.null(made_once$version)) made_once$version <- unname(getNamespaceVersion("henderson"))
  made_once$version
}

new_estimates <- function(frame, blocks, optimum, solution) {
  kept <- blocks$x$kept
  names <- frame$x_names
  beta <- rep(NA_real_, length(names))
  beta[kept] <- solution$beta
  names(beta) <- names
  vcov <- solution$vcov
  dimnames(vcov) <- list(names[kept], names[kept])
  held <- held_columns(frame)
  covariance <- lapply(seq_along(frame$random), function(t) {
    clean_covariance(solution$covariance[[t]], frame$random[[t]], optimum$singular[t], blocks$z_basis[[t]], held[[t]])
  })
  sigma <- sqrt(solution$sigma2)
  natural <- relative_naturals(frame, optimum$theta, blocks$z_basis)
  estimates <- list(
    beta = beta, vcov = vcov, sigma = sigma, theta = relative_parameters(covariance, frame, solution$sigma2, natural),
    covariance = covariance,
    b = lapply(seq_along(frame$random), function(t) name_modes(solution$b[[t]], frame$random[[t]], frame$groups)),
    criterion = solution$value, n = blocks$n, rank = length(kept), log_det_x = solution$log_det_x)
  if (any(lengths(natural))) estimates$natural <- absolute_naturals(natural, frame, sigma)
  if (!holds_sigma(frame) &&
      (optimum$zero_residual || is_exact_fit(blocks))) estimates <- without_residual(estimates, blocks)
  estimates
}

# Named, symmetric, and free of rounding where the estimate is singular: zero variances exact, unless they are `held`.
clean_covariance <- function(S, term, singular, basis, held) {
  dimnames(S) <- list(term$columns, term$columns)
  S <- (S + t(S)) / 2
  if (!singular) return(S)
  scale <- rowSums(basis^2) * max(diag(S) / rowSums(basis^2))
  none <- diag(S) <= 1e-13 * scale & !seq_along(scale) %in% held
  S[none, ] <- 0
  S[, none] <- 0
  S
}

# Entries of the relative Cholesky factors; without bounds, of the relative covariance matrices themselves.
relative_parameters <- function(covariance, frame, sigma2, natural) {
  factored <- !isFALSE(frame$bounded)
  unlist(Map(function(S, term, own) {
    if (is_special(term)) return(own)
    S <- S / sigma2
    if (is_diagonal(term)) return(if (factored) sqrt(diag(S)) else diag(S))
    if (factored) S <- lower_factor(S)
    S[lower.tri(S, diag = TRUE)]
  }, covariance, frame$random, natural), use.names = FALSE)
}

name_modes <- function(b, term, groups) {
  dimnames(b) <- list(groups[[term$group]]$levels, term$columns)
  b
}

# y is an exact linear function of the fixed effects.
is_exact_fit <- function(blocks) blocks$x$total[1L] <= blocks$x$rounding[1L]

# The residual variance is zero: coefficients are exact, but nothing that divides by it has a value.
without_residual <- function(estimates, blocks) {
  estimates$sigma <- 0
  estimates$vcov[] <- NA_real_
  estimates$theta[] <- NA_real_
  estimates$criterion <- NA_real_
  if (is_exact_fit(blocks)) {
    estimates$covariance <- lapply(estimates$covariance, function(S) S * 0)
    estimates$b <- lapply(estimates$b, function(b) b * 0)
    estimates$beta[blocks$x$kept] <- blocks$x$response
  }
  estimates
}

outcome_conditions <- function(frame, optimum, estimates, solution) {
  if (estimates$sigma == 0) return(list(zero_residual_warning(frame, estimates)))
  c(if (any(optimum$singular)) list(boundary_message(frame, optimum, estimates)),
    if (isTRUE(optimum$zero_sigma) && optimum$status != "unbounded") list(no_residual_message()),
    iterative_conditions(optimum),
    optima_conditions(optimum), residual_optima_conditions(optimum, frame),
    if (optimum$status != "converged") list(if (isFALSE(frame$bounded)) no_optimum_warning(optimum) else
      convergence_warning(optimum, frame)))
}

# Where the likelihood has no maximum (a response without residual) the search may lose what it holds: no estimate then.
check_held_values <- function(found, blocks, frame) {
  held <- engine_held(frame)
  if (is.null(held)) return(invisible())
  parameters <- data.frame(held[c("term", "row", "col")])
  sd <- parameters$row == parameters$col
  parameters$kind <- ifelse(sd, "variance", "correlation")
  # sigma falls to 0, its ratio grows
  exact <- is_exact_fit(blocks) && !0L %in% held$term && any(held$value[sd] > 0)
  lost <- exact || !isTRUE(is.finite(found$optimum$value))
  if (!lost && found$optimum$identified) {
    covariance <- Map(clean_covariance, found$solution$covariance, frame$random, found$optimum$singular, blocks$z_basis,
                      held_columns(frame))
    value <- parameter_values(parameters, covariance, sqrt(found$solution$sigma2))
    lost <- any(abs(value - held$value) > 1e-7 * ifelse(sd, held$value, 1), na.rm = TRUE)
  }
  if (lost) {
    lmm_abort("numeric", "no estimates were found with the parameters in `fixed` at the given values.",
              what = "fixed", value = held$value,
      fix = paste("The response may have no residual variation, the given values may be inconsistent with the data, or",
                  "`max_evaluations` in lmm_control() may be too small."))
  }
}
