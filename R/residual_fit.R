# Fits with a residual structure: what the engine is given, and what it returns.

is_structured <- function(fit) !is.null(fit$frame$residual)

# Rows and design in one list, in place of cross-products: with a residual structure every evaluation reads the rows.
structured_blocks <- function(frame, rows, response = NULL) {
  residual <- residual_rows(frame$residual, rows$data, rows$n)
  check_positions_once(residual, frame$residual, row_labels(rows))
  design <- design(frame, rows)
  if (!is.null(response)) design$y <- as.double(response) - if (is.null(rows$offset)) 0 else rows$offset
  model <- list(layout = engine_layout(frame), design = design, residual = residual, reml = frame$spec$reml, sigma = 0,
                constants = list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant)))
  found <- engine_result(engine_structured_columns(model), frame)
  c(list(model = model), found)
}

structured_optimum <- function(frame, blocks, reml, start, control) {
  model <- structured_model(blocks, reml)
  options <- list(max_evaluations = control$max_evaluations, decrement = control$decrement, theta = NULL, psi = NULL)
  if (!is.null(start)) options$theta <- internal_start(start, frame, blocks)
  found <- engine_result(engine_structured_fit(model, options, control$progress), frame)
  check_structured(found$optimum, frame, blocks)
  found
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
  found <- engine_result(engine_structured_information(fit_structured_model(fit), at$theta, at$psi), fit$frame)
  random <- random_jacobian(fit, found$trace - found$quadratic)
  r <- length(at$psi)
  found$jacobian <- block_diagonal(list(random$jacobian, diag(r)))
  found$bent <- found$curvature
  found$curvature <- block_diagonal(list(random$curvature, matrix(0, r, r)))
  found[c("phi", "psi", "p", "q", "r", "t", "t_ml", "ai", "jacobian", "curvature", "bent")]
}

# d(entries of the random effects' covariance matrices) / d theta, and the score times second derivatives.
random_jacobian <- function(fit, score) {
  factors <- unstack_factors(fit, fit$optimum$theta)
  end <- 0L
  parts <- Map(function(term, L) {
    at <- term_entries(term)
    k <- nrow(at)
    own <- score[end + seq_len(k)]
    end <<- end + k
    unit <- lapply(seq_len(k), function(i) {
      E <- matrix(0, term$q, term$q)
      E[at[i, 1L], at[i, 2L]] <- 1
      E
    })
    J <- vapply(unit, function(E) (E %*% t(L) + L %*% t(E))[at], numeric(k))
    C <- outer(seq_len(k), seq_len(k), Vectorize(function(i, j) {
      sum(own * (unit[[i]] %*% t(unit[[j]]) + unit[[j]] %*% t(unit[[i]]))[at])
    }))
    list(J = matrix(J, k, k), C = matrix(C, k, k))
  }, fit_random(fit), factors)
  list(jacobian = block_diagonal(lapply(parts, `[[`, "J")), curvature = block_diagonal(lapply(parts, `[[`, "C")))
}

# What has no theory or no code yet for a residual structure is refused by name.
refuse_structured <- function(fit, what, fix = NULL) {
  check_fit(fit)
  if (!is_structured(fit)) return(invisible(fit))
  lmm_abort("input", paste0(what, " not available for a fit with a residual structure."), what = "residual", fix = fix)
}

# Degrees of freedom that are counted by random effects.
refuse_without_random <- function(fit, name) {
  if (length(fit_random(fit))) return(invisible())
  lmm_abort("input", paste0("the method \"", name, "\" counts random effects, and the fit has none."), what = "ddf", value = name,
            fix = "Use ddf = \"Satterthwaite\", \"Kenward-Roger\" or \"residual\".")
}
