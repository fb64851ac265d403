# Covariance matrices of rows and their derivatives, for rows that V connects, by dense formulas. Everything is relative
# to sigma^2; derivatives are in the parameters of the information matrices: natural parameters of the random effects,
# psi, sigma^2 with the random effects held.

# What the matrices are made of: rows of positive weight of the fit.
dense_model <- function(inference) {
  info <- inference$info
  fit <- info$fit
  rows <- fit_rows(fit, "predict()")
  used <- used_rows(rows)
  d <- design_subset(design(fit_frame(fit), rows), used)
  X <- d$X[, info$kept, drop = FALSE] %*% info$basis
  model <- list(fit = fit, info = info, X = X, parts = dense_parts(fit, d, row_weights(rows)[used]),
                e = d$y[used] - as.vector(d$X[, info$kept, drop = FALSE] %*% info$estimate),
                directions = natural_directions(fit), size = length(info$p),
                relation = level_relations(fit)[fit_term_groups(fit)])
  if (is_structured(fit)) {
    model$parts$residual <- residual_part(residual_rows(fit_frame(fit)$residual, rows$data, rows$n), used)
  }
  model$unit <- connected_parts(model$parts, model$relation)
  model
}

# Rows as the covariance functions want them.
dense_parts <- function(fit, d, weight) {
  list(n = nrow(d$X), Z = d$Z, codes = d$codes[fit_term_groups(fit)], root = 1 / sqrt(weight))
}

residual_part <- function(model, index) {
  take <- function(x) x[index, , drop = FALSE]
  list(subject = model$subject[index], positions = take(model$positions), w = take(model$w),
       group = model$subject_group[model$subject[index]],
       model = model[setdiff(names(model), c("subject", "subject_group", "positions", "w"))])
}

parts_subset <- function(parts, index) {
  r <- parts$residual
  if (!is.null(r)) {
    parts$residual <- list(subject = r$subject[index], positions = r$positions[index, , drop = FALSE],
                           w = r$w[index, , drop = FALSE], group = r$group[index], model = r$model)
  }
  parts$n <- length(index)
  parts$Z <- lapply(parts$Z, function(Z) Z[index, , drop = FALSE])
  parts$codes <- lapply(parts$codes, `[`, index)
  parts$root <- parts$root[index]
  parts
}

# Number of the set of rows, joined by a subject or by a level of a grouping factor, that each row is in.
connected_parts <- function(parts, relation) {
  codes <- Map(function(code, K) if (is.null(K)) code else rep(1L, length(code)), parts$codes, relation)
  codes <- c(if (!is.null(parts$residual)) list(parts$residual$subject), codes)
  part <- seq_len(parts$n)
  repeat {
    before <- part
    for (code in codes) part <- stats::ave(part, code, FUN = min)
    if (identical(part, before)) return(match(part, unique(part)))
  }
}

# For each grouping factor the known relationship of its levels as a matrix, NULL where they are independent.
level_relations <- function(fit) {
  lapply(fit_groups(fit), function(group) {
    if (!is_related(group)) return(NULL)
    n <- length(group$levels)
    check_dense_size(n, 3L)
    tcrossprod(related_effects(group$precision, diag(n)))
  })
}

# Covariances of the effects of levels, relative to their variance: of one level with itself, or by the relationship.
level_mask <- function(a, b, K) {
  same <- outer(a, b, "==") & rep(b > 0L, each = length(a))
  if (is.null(K)) return(same)
  of_a <- which(a > 0L & a <= nrow(K))
  of_b <- which(b > 0L & b <= nrow(K))
  out <- same + 0
  out[of_a, of_b] <- K[a[of_a], b[of_b]]
  out
}

# For each random term the derivatives of its covariance matrix (in the user's columns) in the natural parameters.
natural_directions <- function(fit) {
  Map(function(term, t, basis) {
    turned <- function(E) basis %*% E %*% t(basis)
    if (is_special(term)) return(lapply(special_slopes(fit, t), turned))
    entries <- natural_entries(term$q, is_diagonal(term))
    lapply(seq_len(nrow(entries)), function(k) {
      E <- matrix(0, term$q, term$q)
      E[entries[k, 1L], entries[k, 2L]] <- E[entries[k, 2L], entries[k, 1L]] <- 1
      turned(E)
    })
  }, fit_random(fit), seq_along(fit_random(fit)), fit_blocks(fit)$z_basis)
}

# list(value, residual, slopes): the covariance of the rows of `a` with those of `b` (the same: NULL), and the part of
# the residuals. `use` chooses the columns of random terms, `residual` (one for each row of `b`) whether residuals are
# counted.
rows_covariance <- function(model, a, b = NULL, use = NULL, residual = TRUE) {
  other <- if (is.null(b)) a else b
  random <- unlist(Map(function(A, B, ca, cb, D, S, use, K) {
    if (!is.null(use)) B[, !use] <- 0
    same <- level_mask(ca, cb, K)
    lapply(c(list(S), D), function(E) (A %*% E %*% t(B)) * same)
  }, a$Z, other$Z, a$codes, other$codes, model$directions,
     lapply(fit_covariance(model$fit), `/`, fit_sigma(model$fit)^2),
     if (is.null(use)) vector("list", length(a$Z)) else use, model$relation), recursive = FALSE)
  first <- cumsum(c(1L, lengths(model$directions) + 1L))[seq_along(model$directions)]
  R <- residual_covariances(model, a, b, residual)
  joined_covariance(random, first, R)
}

joined_covariance <- function(random, first, R) {
  whole <- R[[length(R)]]
  list(value = Reduce(`+`, random[first], whole), residual = whole,
       slopes = c(if (length(first)) random[-first], R[-length(R)]))
}

# dR / dpsi_k of each k, what is left for sigma^2 (covariances are parameters in units of the response), and R.
residual_covariances <- function(model, a, b, wanted) {
  other <- if (is.null(b)) a else b
  none <- matrix(0, a$n, other$n)
  if (!is_structured(model$fit)) {
    return(rep(list(if (any(wanted) && is.null(b)) diag(a$root^2, a$n) else none), 2L))
  }
  psi <- fit_psi(model$fit)
  if (!any(wanted)) return(rep(list(none), length(psi) + 2L))
  r <- a$residual
  s <- other$residual
  join <- function(x, y) if (is.null(b)) x else rbind(x, y)
  found <- structure_at(if (is.null(b)) r$model else s$model, psi, join(r$positions, s$positions), join(r$w, s$w),
                        c(r$group, if (!is.null(b)) s$group), TRUE)
  at <- if (is.null(b)) seq_len(a$n) else a$n + seq_len(b$n)
  mask <- outer(r$subject, s$subject, "==") * outer(a$root, other$root) * rep(wanted, each = a$n,
                                                                               length.out = a$n * other$n)
  found <- lapply(found, function(R) R[seq_len(a$n), at, drop = FALSE] * mask)
  scale <- fit_blocks(model$fit)$parameters$kind %in% c("covariance", "variance")
  left <- Reduce(`-`, Map(`*`, found[-1L][scale], psi[scale]), found[[1L]])
  c(found[-1L], list(left), found[1L])
}

# Own variances of rows (the diagonal alone) in the same form: of the random columns `use`, and of the residuals.
rows_variances <- function(model, a, use, residual) {
  random <- unlist(Map(function(Z, D, S, use, code, group) {
    Z[, !use] <- 0
    own <- row_level_variances(group, code)
    lapply(c(list(S), D), function(E) own * quadratic_form(Z, E))
  }, a$Z, model$directions, lapply(fit_covariance(model$fit), `/`, fit_sigma(model$fit)^2), use, a$codes,
     fit_groups(model$fit)[fit_term_groups(model$fit)]), recursive = FALSE)
  first <- cumsum(c(1L, lengths(model$directions) + 1L))[seq_along(model$directions)]
  joined_covariance(random, first, lapply(residual_covariances(model, a, NULL, residual), diag))
}
