# Fits with a residual structure: what the engine is given, and what it returns.

is_structured <- function(fit) !is.null(fit$frame$residual)

# Rows and design in one list, in place of cross-products: with a residual structure every evaluation reads the rows.
structured_blocks <- function(frame, rows, response = NULL) {
  residual <- residual_rows(frame$residual, rows$data, rows$n)
  check_positions_once(residual, frame$residual, row_labels(rows))
  design <- design(frame, rows)
  if (!is.null(response)) design$y <- as.double(response) - if (is.null(rows$offset)) 0 else rows$offset
  model <- list(layout = engine_layout(frame), design = design, residual = residual, reml = frame$spec$reml,
                sigma = held_sigma(frame),
                constants = list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant)))
  found <- engine_result(engine_structured_columns(model), frame)
  check_subject_size(found, frame)
  model$ready <- found$ready       # for this session; not part of a fit
  found$ready <- NULL
  c(list(model = model), found)
}

# The residual standard deviation where it is known, else 0.
held_sigma <- function(frame) if (holds_sigma(frame)) frame$held$value[match(0L, frame$held$term)] else 0

structured_optimum <- function(frame, blocks, reml, start, control) {
  model <- structured_model(blocks, reml)
  options <- list(max_evaluations = control$max_evaluations, decrement = control$decrement, theta = NULL, psi = NULL,
                  more = FALSE)
  options <- structured_start(options, start, frame, blocks)
  found <- structured_search(model, options, frame, control$progress)
  check_structured(found$optimum, frame, blocks)
  found$optimum$status <- status_of_residuals(found$optimum, blocks)
  found
}

# A search that ends at a singular residual covariance matrix has followed a likelihood without maximum.
status_of_residuals <- function(optimum, blocks) {
  if (optimum$status == "converged" || blocks$dense > 1000) return(optimum$status)
  residual <- blocks$model$residual
  rows <- split(seq_along(residual$subject), residual$subject)
  longest <- rows[utils::head(order(-lengths(rows)), 20L)]
  ratio <- min(vapply(longest, function(index) {
    C <- structure_matrix(residual, optimum$psi, index)
    size <- sqrt(diag(C))
    found <- eigen(C / outer(size, size), symmetric = TRUE, only.values = TRUE)$values
    min(found) / max(found)
  }, 0))
  if (isTRUE(ratio < 1e-8)) "singular residual covariance" else optimum$status
}

structured_search <- function(model, options, frame, progress = FALSE) {
  engine_result(engine_structured_fit(model, options, progress), frame)
}

# The engine's lists at any point, or its refusal.
structured_information <- function(model, theta, psi, pairs = FALSE) {
  engine_structured_information(model, theta, psi, pairs)
}

structured_solution <- function(model, theta, psi) engine_structured_solution(model, theta, psi)

# `start` holds the random effects' parameters of the user, or all of the engine's as an earlier search left them.
structured_start <- function(options, start, frame, blocks) {
  if (is.null(start)) return(options)
  r <- length(blocks$parameters$kind)
  u <- length(start) - r
  if (!is.null(attr(start, "engine"))) {
    options$theta <- start[seq_len(u)]
    options$psi <- start[u + seq_len(r)]
    options$more <- isTRUE(attr(start, "more"))
  } else {
    options$theta <- internal_start(start, frame, blocks)
  }
  options
}

# The model's list for a criterion; sigma is 1 where the structure holds the variances.
structured_model <- function(blocks, reml, fixed_scale = FALSE) {
  model <- blocks$model
  model$reml <- reml
  if (fixed_scale && blocks$owns_scale) model$sigma <- 1
  model
}

fit_structured_model <- function(fit) structured_model(fit$cross_products, fit$spec$reml, TRUE)

# Estimates of the residual parameters, in the engine's order.
fit_psi <- function(fit) fit$optimum$psi

# The same contents as derivatives_at() gives for independent residuals; `bent` is what the second derivatives of V
# add to the Hessian in natural parameters.
structured_derivatives <- function(fit) {
  at <- fit$optimum
  found <- engine_result(structured_information(fit_structured_model(fit), at$theta, at$psi), fit$frame)
  r <- length(at$psi)
  found$jacobian <- block_diagonal(list(found$jacobian, diag(r)))
  found$bent <- found$curvature
  found$curvature <- block_diagonal(list(found$theta_curvature, matrix(0, r, r)))
  found[c("phi", "psi", "p", "q", "r", "t", "t_ml", "ai", "jacobian", "curvature", "bent", "ready")]
}

# What has no theory or no code yet for a residual structure is refused by name.
# `special = FALSE`: structures of random effects are no reason.
refuse_structured <- function(fit, what, fix = NULL, special = TRUE) {
  check_fit(fit)
  if (special) refuse_special(fit$frame, what, fix)
  if (!is_structured(fit)) return(invisible(fit))
  lmm_abort("input", paste0(what, " not available for a fit with a residual structure."), what = "residual", fix = fix)
}

# The same for random terms whose covariance matrix has a structure.
refuse_special <- function(frame, what, fix = NULL) {
  special <- Filter(is_special, frame$random)
  if (!length(special)) return(invisible())
  term <- special[[1L]]
  lmm_abort("input", paste0(what, " not available for the covariance structure of ", written_terms(list(term)), "."),
            what = term$word, fix = fix)
}

# Degrees of freedom that are counted by random effects.
refuse_without_random <- function(fit, name) {
  if (length(fit_random(fit))) return(invisible())
  lmm_abort("input", paste0("the method \"", name, "\" counts random effects, and the fit has none."), what = "ddf",
            value = name,
            fix = "Use ddf = \"Satterthwaite\", \"Kenward-Roger\" or \"residual\".")
}
