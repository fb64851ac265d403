# What the tests ask of a fit at its estimates. Fixed effects are in the engine's coordinates, in which the columns of
# X are orthonormal, so that neither units nor origins are left; everything is relative to sigma^2 = 1.

# Above so many columns the matrix Z'PZ of crossed factors is not formed.
information_columns <- 2e4

information_limit <- function(fit) if (has_related(fit_frame(fit))) related_columns else information_columns

# Would the information of the variance parameters need that matrix?
information_is_expensive <- function(fit) {
  if (is_structured(fit)) return(has_average_information(fit))
  effects_of_crossed_factors(fit) > information_limit(fit)
}

# Did the engine find the traces of the information of a residual structure too expensive? The average information then
# stands for the observed and the expected one.
has_average_information <- function(fit) isTRUE(fit_optimum(fit)$average)

# 0 where there is one grouping factor, whose levels are independent, one dense matrix anyway (no bounds), or no matrix
# at all.
effects_of_crossed_factors <- function(fit) {
  alone <- length(fit_groups(fit)) < 2L && !has_related(fit_frame(fit))
  if (alone || !fit_is_bounded(fit) || fit_is_iterative(fit)) return(0)
  sizes <- term_sizes(fit)
  sum(as.numeric(sizes$levels) * sizes$columns)
}

# What is used where none was asked for: a message tells of another choice than the usual one.
default_ddf <- function(fit, usual = "Satterthwaite") {
  if (!inherits(fit, "lmm_fit") || !information_is_expensive(fit)) return(usual)
  if (is_structured(fit) || (has_related(fit_frame(fit)) && usual == "Satterthwaite")) {
    inform_expensive(fit, "degrees of freedom use the average information instead of the observed information.")
    return(usual)
  }
  inform_expensive(fit, paste0("tests and intervals of fixed effects are asymptotic, without ", usual,
                               "'s degrees of freedom."),
                   "Name a method as `ddf` to choose another, such as \"residual\".")
  "asymptotic"
}

default_information <- function(fit) {
  if (inherits(fit, "lmm_fit") && fit_is_iterative(fit)) return("average")
  if (!inherits(fit, "lmm_fit") || !information_is_expensive(fit)) return("observed")
  inform_expensive(fit,
    "standard errors of variance parameters use the average information instead of the observed information.")
  "average"
}

inform_expensive <- function(fit, text, fix = NULL) {
  effects <- effects_of_crossed_factors(fit)
  of <- if (has_related(fit_frame(fit))) " of related levels: " else " of crossed factors: "
  lmm_inform("size", paste0(count_of(effects, "random effect"), of, text), value = effects, fix = fix)
}

# list(fit, kept, basis, inverse, sigma2, estimate, phi) and, if `full`, the derivatives p, q, the information matrices
# t, t_ml, ai of the natural variance parameters psi, their jacobian and the curvature in theta.
fit_information <- function(fit, full = TRUE) {
  x <- fit_blocks(fit)$x
  p <- length(x$kept)
  basis <- matrix(x$basis, p, p)
  out <- list(fit = fit, kept = x$kept, basis = basis, inverse = inverse_basis(basis),
              estimate = fit_beta(fit)[x$kept], sigma2 = fit_sigma(fit)^2)
  if (fit_is_exact(fit) || !p) return(c(out, list(phi = matrix(NA_real_, p, p))))
  if (!full) return(c(out, list(phi = out$inverse %*% (fit_vcov(fit) / out$sigma2) %*% t(out$inverse))))
  c(out, derivatives_at(fit, has_related(fit_frame(fit))))
}

# Rows have the units of the coefficients.
inverse_basis <- function(basis) {
  if (!length(basis)) return(basis)
  size <- apply(abs(basis), 1L, max)
  solve(basis / size, diag(1 / size, length(size)))
}

# With `average` only psi, ai, jacobian and curvature, which cost no more than a step of the search.
derivatives_at <- function(fit, average = FALSE) {
  if (is_structured(fit)) return(structured_derivatives(fit))
  if (fit_is_iterative(fit)) return(iterative_derivatives(fit))
  average <- average && information_is_expensive(fit)
  found <- do.call(engine_information, c(engine_point(fit), list(information_limit(fit), average)))
  if (identical(found$engine_error, "information_size")) abort_information_size(found$message)
  whole <- engine_result(found, fit_frame(fit))
  found <- whole[c("phi", "psi", "p", if (!average) c("q", "t", "t_ml"), "ai", "jacobian", "curvature")]
  if (isTRUE(fit_optimum(fit)$zero_sigma)) found <- with_known(found, nrow(found$ai))
  if (has_special(fit)) return(with_bends(found, whole))
  gradients <- held_gradients(fit)
  if (is.null(gradients)) return(found)
  own <- held_theta(fit)       # where the score and the multipliers cancel
  found$curvature[own, ] <- found$curvature[, own] <- 0
  c(found, list(held = gradients, bent = if (!average) held_curvature(fit, found, gradients)))
}

# Natural parameters at their bounds, by number, are treated as known, as SAS does. (For a residual variance of 0 there
# would be what rounding leaves of its information.)
with_known <- function(info, known) {
  for (name in intersect(c("t", "t_ml", "ai", "bent"), names(info))) {
    info[[name]][known, ] <- info[[name]][, known] <- 0
  }
  info
}

# What second derivatives of V in the natural parameters add; sigma^2 has none.
with_bends <- function(found, whole) {
  found$bent <- block_diagonal(list(whole$natural_curvature, matrix(0)))
  c(found, list(r = whole$r))
}

abort_information_size <- function(columns) {
  lmm_abort("numeric",
            paste0("with ", count_of(as.numeric(columns), "random effect"), " of crossed factors the information ",
    "about the variance parameters is too expensive."), value = as.numeric(columns),
    fix = "Use ddf = \"asymptotic\" or \"residual\" for tests, information = \"average\" for variance parameters.")
}

# Hessian of -2 log (restricted) likelihood in psi: twice the observed information.
observed_curvature <- function(info, reml = fit_is_reml(info$fit)) {
  if (is.null(info$t)) return(info$ai)        # where the traces are too expensive
  H <- 2 * info$ai - if (reml) info$t else info$t_ml
  if (is.null(info$bent)) H else H + info$bent
}

# The matrix of all Q_ij = X'V^-1 V_i V^-1 V_j V^-1 X. With many parameters it is made only when needed.
information_pairs <- function(info) {
  if (!is.null(info$q)) return(info$q)
  at <- fit_optimum(info$fit)
  engine_result(structured_information(ready_model(info), at$theta, at$psi, TRUE), fit_frame(info$fit))$q
}

# sum W_ij Q_ij, in the engine without the single Q_ij where there are many.
weighted_pairs <- function(info, W) {
  if (all(W == 0)) return(0 * info$phi)      # all parameters are known
  at <- fit_optimum(info$fit)
  if (is.null(info$q)) {
    return(engine_result(engine_structured_weighted(ready_model(info), at$theta, at$psi, W), fit_frame(info$fit)))
  }
  p <- nrow(info$phi)
  k <- nrow(W)
  Q <- aperm(array(info$q, c(p, k, p, k)), c(1L, 3L, 2L, 4L))
  matrix(matrix(Q, p^2, k^2) %*% as.vector(W), p, p)
}

ready_model <- function(info) c(fit_structured_model(info$fit), list(ready = info$ready))

# Inverse of a square matrix, or of its part that is not singular (Moore and Penrose).
pseudo_inverse <- function(A, tol = 1e-10) {
  s <- svd(A)
  keep <- s$d > tol * max(s$d, 0)
  s$v[, keep, drop = FALSE] %*% (t(s$u[, keep, drop = FALSE]) / s$d[keep])
}

# Symmetric inverse; directions without information (relative to the size of their parameters) get none.
information_inverse <- function(H, tol = 1e-10) {
  size <- sqrt(pmax(diag(H), 0))
  use <- size > 0
  out <- matrix(0, nrow(H), ncol(H))
  if (!any(use)) return(out)
  scale <- outer(size[use], size[use])
  e <- eigen(H[use, use, drop = FALSE] / scale, symmetric = TRUE)
  keep <- e$values > tol * e$values[1L]
  U <- e$vectors[, keep, drop = FALSE]
  out[use, use] <- U %*% (t(U) / e$values[keep]) / scale
  out
}
