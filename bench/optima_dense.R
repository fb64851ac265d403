# The criterion from the textbook, with dense matrices and in plain R: nothing of it comes from the package.
#
# Rows are multiplied by the roots of their weights. With K'X = 0, K orthonormal, K'y is normal with the covariance
# matrix sigma^2 (I + K'Z D Z'K). Only the part of K'y in the range of K'Z depends on D; of the rest the sum of squares
# is enough.

# `kept`: columns of X that the model has. Columns of Z have unit size; those of a correlated term are orthogonal, which
# maps one covariance matrix of all shapes into another.
dense_model <- function(design, kept) {
  data <- design$data
  root <- sqrt(data$w)
  X <- stats::model.matrix(stats::as.formula(paste("~", design$fixed)), data)[, kept, drop = FALSE]
  X <- qr(centered(X) * root, LAPACK = TRUE)
  terms <- lapply(design$random, dense_term, data = data, root = root)
  Z <- do.call(cbind, lapply(terms, `[[`, "Z"))
  p <- length(kept)
  turned <- qr.qty(X, cbind(data$y * root, Z))[-seq_len(p), , drop = FALSE]
  out <- list(terms = terms, n = nrow(data), p = p, reml = design$reml, q = vapply(terms, `[[`, 0L, "q"))
  out$half_log_x <- sum(log(abs(diag(qr.R(X)))))
  out$log_weight <- sum(log(data$w))
  out$contrasts <- reduced(turned[, 1L], turned[, -1L, drop = FALSE])
  if (!design$reml) out$whole <- reduced(numeric(nrow(data)), Z)
  out
}

# Shifted columns have the same span and determinant where there is an intercept.
centered <- function(X) {
  if (!"(Intercept)" %in% colnames(X)) return(X)
  other <- colnames(X) != "(Intercept)"
  X[, other] <- scale(X[, other, drop = FALSE], scale = FALSE)
  X
}

# Rows in the range of M, found by a singular value decomposition; what y has outside of it.
reduced <- function(y, M) {
  s <- svd(M, nv = 0L)
  U <- s$u[, s$d > 1e-13 * max(s$d, 1e-300), drop = FALSE]
  inner <- crossprod(U, y)
  list(M = crossprod(U, M), y = as.vector(inner), rest = sum((y - U %*% inner)^2))
}

dense_term <- function(term, data, root) {
  columns <- term_columns(term, data)
  q <- ncol(columns)
  basis <- diag(sqrt(colMeans((columns * root)^2)), q)
  if (term$correlated && q > 1L) {
    # about their means first, so that no digits of what varies are lost
    middle <- c(0, colMeans(columns[, -1L, drop = FALSE]))
    has_one <- all(columns[, 1L] == 1)
    shifted <- if (has_one) sweep(columns, 2, middle) else columns
    R <- qr.R(qr(shifted * root, LAPACK = FALSE)) / sqrt(nrow(data))
    basis <- if (has_one) R %*% (diag(q) + outer(c(1, rep(0, q - 1)), middle)) else R
    columns <- t(backsolve(R, t(shifted), transpose = TRUE))
  } else {
    columns <- sweep(columns, 2, diag(basis), "/")
  }
  code <- as.integer(data[[term$group]])
  levels <- nlevels(data[[term$group]])
  Z <- matrix(0, nrow(data), levels * q)
  for (i in seq_len(nrow(data))) Z[i, (code[i] - 1L) * q + seq_len(q)] <- columns[i, ] * root[i]
  free <- if (term$correlated) which(lower.tri(diag(q), diag = TRUE)) else which(diag(q) == 1)
  list(q = q, levels = levels, free = free, Z = Z, basis = basis)
}

factor_of <- function(term, theta) {
  L <- matrix(0, term$q, term$q)
  L[term$free] <- theta
  L
}

split_theta <- function(model, theta) split(theta, rep(seq_along(model$terms),
                                                       lengths(lapply(model$terms, `[[`, "free"))))

# First columns of each term's levels in Z.
level_starts <- function(model) {
  ends <- cumsum(vapply(model$terms, function(term) term$levels * term$q, 0))
  Map(function(term, end) end - term$levels * term$q + (seq_len(term$levels) - 1L) * term$q, model$terms, ends)
}

# M Lambda: the columns of each level by the term's L.
times_factor <- function(model, M, L) {
  out <- matrix(0, nrow(M), ncol(M))
  first <- level_starts(model)
  for (t in seq_along(model$terms)) {
    q <- model$terms[[t]]$q
    for (j in seq_len(q)) for (i in j:q) {
      if (L[[t]][i, j] != 0) out[, first[[t]] + j] <- out[, first[[t]] + j] + M[, first[[t]] + i] * L[[t]][i, j]
    }
  }
  out
}

# log|I + M D M'|, its slopes, and where y is there y'(I + MDM')^-1 y with slopes.
part_with_slopes <- function(part, model, L) {
  V <- tcrossprod(times_factor(model, part$M, L))
  diag(V) <- diag(V) + 1
  U <- tryCatch(chol(V), error = function(e) NULL)
  if (is.null(U)) return(NULL)
  half <- backsolve(U, cbind(part$y, part$M), transpose = TRUE)
  y <- half[, 1L]
  half <- half[, -1L, drop = FALSE]
  slopes <- factor_slopes(model, half, times_factor(model, half, L), y)
  list(log_det = 2 * sum(log(diag(U))), square = sum(y^2), d_log_det = slopes$log_det, d_square = slopes$square)
}

factor_slopes <- function(model, half, scaled, y) {
  first <- level_starts(model)
  u <- as.vector(crossprod(half, y))
  v <- as.vector(crossprod(scaled, y))
  log_det <- square <- numeric(0)
  for (t in seq_along(model$terms)) {
    q <- model$terms[[t]]$q
    for (k in model$terms[[t]]$free) {
      row <- first[[t]] + (k - 1L) %% q + 1L
      column <- first[[t]] + (k - 1L) %/% q + 1L
      log_det <- c(log_det, 2 * sum(half[, row] * scaled[, column]))
      square <- c(square, -2 * sum(u[row] * v[column]))
    }
  }
  list(log_det = log_det, square = square)
}

# -2 log (restricted) likelihood and its slopes.
dense_criterion <- function(model, theta) {
  L <- Map(factor_of, model$terms, split_theta(model, theta))
  own <- part_with_slopes(model$contrasts, model, L)
  nu <- if (model$reml) model$n - model$p else model$n
  none <- list(value = Inf, slope = rep(NA_real_, length(theta)))
  if (is.null(own)) return(none)
  determinant <- if (model$reml) own else part_with_slopes(model$whole, model, L)
  if (is.null(determinant)) return(none)
  r2 <- own$square + model$contrasts$rest
  if (!(r2 > 0)) return(none)
  value <- determinant$log_det + nu * (1 + log(2 * pi * r2 / nu)) - model$log_weight
  if (model$reml) value <- value + 2 * model$half_log_x
  list(value = value, slope = determinant$d_log_det + nu * own$d_square / r2)
}

# The same by singular values of M Lambda, which keeps the digits that I + MDM' loses where D is large. Slower.
accurate_value <- function(model, theta) {
  L <- Map(factor_of, model$terms, split_theta(model, theta))
  log_det <- function(part) sum(log1p(svd(times_factor(model, part$M, L), 0L, 0L)$d^2))
  own <- svd(times_factor(model, model$contrasts$M, L), nu = nrow(model$contrasts$M), nv = 0L)
  size <- c(own$d, rep(0, nrow(model$contrasts$M)))[seq_len(nrow(model$contrasts$M))]
  r2 <- sum(crossprod(own$u, model$contrasts$y)^2 / (1 + size^2)) + model$contrasts$rest
  total <- sum(model$contrasts$y^2) + model$contrasts$rest
  if (!(r2 > 1e-13 * total)) return(Inf)   # rounding error of y
  nu <- if (model$reml) model$n - model$p else model$n
  value <- log_det(if (model$reml) model$contrasts else
    model$whole) + nu * (1 + log(2 * pi * r2 / nu)) - model$log_weight
  if (model$reml) value + 2 * model$half_log_x else value
}

# The best of `starts` random starts.
dense_optimum <- function(model, starts = 10L) {
  best <- list(objective = Inf)
  for (k in seq_len(starts)) {
    found <- tryCatch(dense_search(model, random_start(model)), error = function(e) list(objective = Inf))
    best <- better(model, found, best)
  }
  if (is.null(best$par)) return(best)
  better(model, dense_search(model, best$par, 1e-14), best)
}

better <- function(model, found, best) {
  if (is.null(found$par) || !(found$objective < best$objective)) return(best)
  found$objective <- accurate_value(model, found$par)
  if (found$objective < best$objective) found else best
}

random_start <- function(model) {
  unlist(lapply(model$terms, function(term) {
    L <- diag(10^stats::runif(term$q, -2.5, 2), term$q)
    L[lower.tri(L)] <- stats::rnorm(term$q * (term$q - 1) / 2) * 10^stats::runif(1, -2.5, 1)
    L[term$free]
  }))
}

dense_search <- function(model, start, tolerance = 1e-9) {
  last <- list(theta = NULL)
  at <- function(theta) {
    if (!identical(theta, last$theta)) last <<- c(list(theta = theta), dense_criterion(model, theta))
    last
  }
  stats::nlminb(start, function(theta) at(theta)$value, function(theta) at(theta)$slope,
                control = list(eval.max = 400L, iter.max = 300L, rel.tol = tolerance, x.tol = 1e-10))
}

# theta of relative covariance matrices of the columns as the user has them.
dense_theta <- function(model, sigmas) {
  unlist(Map(function(term, S) {
    S <- term$basis %*% S %*% t(term$basis)
    if (length(term$free) == term$q) return(sqrt(pmax(0, diag(S))))
    e <- eigen((S + t(S)) / 2, symmetric = TRUE)
    root <- e$vectors %*% diag(sqrt(pmax(0, e$values)), term$q)
    L <- t(qr.R(qr(t(root))))
    (L %*% diag(ifelse(diag(L) < 0, -1, 1), term$q))[term$free]
  }, model$terms, sigmas))
}
