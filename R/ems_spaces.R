# The spaces of the effects for sums of squares of types 1 to 3.

# list(effects = list of matrices with orthonormal columns, df_residual, rss).
effect_spaces <- function(model, type) {
  blocks <- lapply(model$effects, `[[`, "Z")
  spaces <- switch(type, sequential_spaces(model, blocks), adjusted_spaces(model, blocks),
                   estimable_spaces(model, blocks))
  all <- orthonormal(do.call(cbind, c(list(model$intercept), blocks)))
  residual <- model$y - all %*% crossprod(all, model$y)
  list(effects = spaces, df_residual = model$n - ncol(all), rss = sum(residual^2))
}

sequential_spaces <- function(model, blocks) {
  before <- orthonormal(model$intercept)
  lapply(blocks, function(Z) {
    own <- beyond(Z, before)
    before <<- cbind(before, own)
    own
  })
}

adjusted_spaces <- function(model, blocks) {
  lapply(seq_along(blocks), function(k) {
    others <- setdiff(seq_along(blocks), c(k, containing(model$effects, k)))
    beyond(blocks[[k]], orthonormal(do.call(cbind, c(list(model$intercept), blocks[others]))))
  })
}

# Type 3: estimable functions of the effect and those that contain it, orthogonal (in the coefficients of the model with
# all indicators) to the estimable functions of those that contain it alone.
estimable_spaces <- function(model, blocks) {
  X <- do.call(cbind, c(list(model$intercept), blocks))
  owner <- rep(c(0L, seq_along(blocks)), c(ncol(model$intercept), vapply(blocks, ncol, 0L)))
  decomposed <- svd(X)
  V <- decomposed$v[, decomposed$d > 1e-9 * decomposed$d[1L], drop = FALSE]
  XV <- X %*% V
  inverse <- chol2inv(chol(crossprod(XV)))
  within <- function(effects) V %*% null_space(V[!owner %in% effects, , drop = FALSE])
  lapply(seq_along(blocks), function(k) {
    above <- containing(model$effects, k)
    L <- beyond(within(c(k, above)), orthonormal(within(above)))
    orthonormal(XV %*% (inverse %*% crossprod(V, L)))
  })
}

# Effects with the same covariates and more factors.
containing <- function(effects, k) {
  own <- effects[[k]]
  which(vapply(effects, function(other) {
    setequal(own$covariates, other$covariates) && all(own$factors %in% other$factors) &&
      length(other$factors) > length(own$factors)
  }, NA))
}

# Orthonormal basis of the columns of A.
orthonormal <- function(A, tol = 1e-9) {
  if (is.null(A) || !length(A)) return(matrix(0, NROW(A), 0L))
  size <- sqrt(colSums(A^2))
  A <- A[, size > 0, drop = FALSE] / rep(size[size > 0], each = nrow(A))
  decomposed <- qr(A, tol = tol)
  qr.Q(decomposed)[, seq_len(decomposed$rank), drop = FALSE]
}

# Orthonormal basis of what the columns of A add to the space of the orthonormal columns Q.
beyond <- function(A, Q, tol = 1e-9) {
  if (!ncol(A)) return(A)
  size <- sqrt(colSums(A^2))
  rest <- A - Q %*% crossprod(Q, A)
  rest <- rest - Q %*% crossprod(Q, rest)
  left <- sqrt(colSums(rest^2)) > tol * ifelse(size > 0, size, 1)
  orthonormal(rest[, left & size > 0, drop = FALSE])
}

# Basis of the coefficients c with A c = 0.
null_space <- function(A, tol = 1e-9) {
  if (!nrow(A)) return(diag(ncol(A)))
  decomposed <- svd(A, nu = 0L, nv = ncol(A))
  d <- c(decomposed$d, rep(0, ncol(A) - length(decomposed$d)))
  decomposed$v[, d <= tol, drop = FALSE]
}
