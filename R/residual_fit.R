# Fits with a residual structure: what the engine is given, and what it returns.

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
  check_parameter_count(found, frame, length(residual$held))
  check_subject_size(found, frame)
  model$ready <- found$ready       # for this session; not part of a fit
  found$ready <- NULL
  c(list(model = model), found)
}

# Beside a residual structure the effects of crossed factors or related levels stand in one matrix of equations: about
# twenty evaluations, each with products of such matrices for every parameter.
check_connected_time <- function(model, frame, parameters) {
  if (!length(frame$random)) return(invisible())
  related <- has_related(frame)
  columns <- engine_result(engine_structured_size(model), frame)
  if (related && columns[["dense"]] > related_columns) abort_related_size(frame, columns[["dense"]])
  count <- 3 + parameters + sum(vapply(frame$random, function(term) length(term_kinds(term)), 0L))
  seconds <- 20 * max(count * 2 * columns[["dense"]]^3 / 5e9, sparse_seconds(columns, count))
  if (seconds < 60) return(invisible())
  what <- if (columns[["dense"]] > columns[["sparse"]]) "requires dense matrices for" else "connects"
  effects <- count_of(max(columns[c("dense", "sparse")]), "random effect")
  tell_time(seconds, paste0("the residual structure ", what, " ", effects, ": the fit"))
}

# Of an evaluation: up to some hundred effects with the inverse of the equations, above with its pattern alone.
sparse_seconds <- function(columns, count) {
  if (columns[["sparse"]] > 256) return(1.2e-9 * columns[["operations"]])
  count * 3e-8 * columns[["sparse"]]^2
}

abort_related_size <- function(frame, columns) {
  group <- Filter(is_related, frame$groups)[[1L]]
  lmm_abort("numeric", paste0("the relationship of ", quote_name(group$name), " has ",
                              count_of(length(group$levels), "level"), "; with this residual structure ",
                              count_of(columns, "random effect"), " need a dense matrix, which is limited to ",
                              related_columns, " columns."), what = group$name, value = columns,
            fix = paste("Give the relationship of only the levels with rows and their nearest ancestors,",
                        "or a sparse precision matrix."))
}

# The residual standard deviation where it is known, else 0.
held_sigma <- function(frame) if (holds_sigma(frame)) frame$held$value[match(0L, frame$held$term)] else 0

# `second`: relative parameters of the random effects from which to search again, or NULL.
structured_optimum <- function(frame, blocks, reml, start, control, second = NULL) {
  model <- structured_model(blocks, reml)
  check_connected_time(model, frame, length(blocks$parameters$kind))
  options <- list(max_evaluations = control$max_evaluations, memory_limit = control$memory_limit,
                  decrement = control$decrement, theta = NULL, psi = NULL, more = FALSE)
  options <- structured_start(options, start, frame, blocks)
  found <- structured_search(model, options, frame, control$progress)
  if (!found$optimum$identified) return(found)
  found <- searched_again(found, second, model, options, frame, control)
  check_structured(found$optimum, frame, blocks)
  found$optimum$status <- status_of_residuals(found$optimum, blocks)
  found
}

# The better of two searches.
searched_again <- function(found, theta, model, options, frame, control) {
  if (is.null(theta) || !any(theta != 0)) return(found)
  options$theta <- theta
  again <- tryCatch(structured_search(model, options, frame, control$progress), lmm_error = function(e) NULL)
  value <- function(x) if (is.null(x) || !isTRUE(is.finite(x$optimum$value))) Inf else x$optimum$value
  better <- value(again) < value(found) - 1e-9 * (1 + abs(value(found)))
  evaluations <- sum(found$optimum$evaluations, again$optimum$evaluations)
  out <- if (better) again else found
  out$optimum$evaluations <- as.integer(evaluations)
  out
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
