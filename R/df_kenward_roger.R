# Kenward and Roger (1997): adjusted covariance of the estimates and a scaled F statistic. Without a residual structure
# V is linear in its natural parameters, and the second derivatives R_ij vanish.

#' @export
set_options.df_kenward_roger <- function(method, options) {
  check_options(options, c("information", "type"))
  method$information <- check_choice(c(options$information, "expected")[1L], c("expected", "observed"), "information")
  method$type <- check_choice(c(options$type, "linear")[1L], c("full", "linear"), "type")
  method
}

#' @export
needs_information.df_kenward_roger <- function(method) TRUE

# The adjustment is derived for REML estimates.
#' @export
method_fit.df_kenward_roger <- function(method, fit) {
  if (fit_is_reml(fit) || fit_rank(fit) == 0L || fit_is_exact(fit)) return(fit)
  lmm_inform("refit", "refitting model with REML (instead of ML) for the Kenward-Roger method")
  refit_reml(fit)
}

refit_reml <- function(fit) {
  out <- fit_again(fit, fit_stored_rows(fit), reml = TRUE, blocks = fit_blocks(fit))
  out$call$REML <- TRUE
  out
}

# W: covariance matrix of psi. The adjusted covariance: Phi + 2 Phi [sum W_ij (Q_ij - P_i Phi P_j)] Phi.
#' @export
prepare_method.df_kenward_roger <- function(method, info) {
  if (is.null(info$t)) abort_information_size(effects_of_crossed_factors(info$fit))
  H <- if (method$information == "expected") info$t else observed_curvature(info, reml = TRUE)
  free <- free_directions(info)
  W <- free %*% (2 * information_inverse(crossprod(free, H %*% free))) %*% t(free)
  p <- nrow(info$phi)
  k <- nrow(W)
  P <- matrix(as.numeric(unlist(info$p)), p^2, k)
  weighted <- array(info$phi %*% matrix(P %*% W, p, p * k), c(p, p, k))      # Phi sum_j W_ij P_j
  middle <- weighted_pairs(info, W) - matrix(P, p, p * k) %*% matrix(aperm(weighted, c(1L, 3L, 2L)), p * k, p)
  if (method$type == "full" && !is.null(info$r)) middle <- middle - second_derivative_part(info, W) / 4
  method$psi_covariance <- W
  method$covariance <- info$phi + info$phi %*% (middle + t(middle)) %*% info$phi
  method
}

# sum W_ij R_ij, R_ij = X'V^-1 V_ij V^-1 X: zero where V is linear in the parameters.
second_derivative_part <- function(info, W) {
  p <- nrow(info$phi)
  out <- matrix(0, p, p)
  for (i in seq_len(nrow(W))) for (j in seq_len(i)) {
    R <- info$r[[i * (i - 1L) / 2L + j]]
    if (length(R)) out <- out + (if (i == j) 1 else 2) * W[i, j] * R
  }
  out
}

#' @export
coef_covariance.df_kenward_roger <- function(method, info) method$covariance

#' @export
row_df.df_kenward_roger <- function(method, info, hypothesis) satterthwaite_rows(method, info, hypothesis$inner)

#' @export
denominator_df.df_kenward_roger <- function(method, info, hypothesis) {
  L <- hypothesis$inner
  q <- nrow(L)
  if (q == 1L) return(list(df = satterthwaite_rows(method, info, L), scale = 1))
  root <- chol(L %*% info$phi %*% t(L))
  M <- backsolve(root, L %*% info$phi, transpose = TRUE)
  G <- lapply(info$p, function(P) M %*% P %*% t(M))
  traces <- vapply(G, function(g) sum(diag(g)), 0)
  flat <- vapply(G, as.vector, numeric(q^2))
  W <- method$psi_covariance
  scaled_f(A1 = sum(W * tcrossprod(traces)), A2 = sum(W * crossprod(flat)), q)
}

# Degrees of freedom and scale that match mean and variance of F, and are exact in two known cases.
scaled_f <- function(A1, A2, q) {
  if (A2 <= 1e-12 * q) return(list(df = Inf, scale = 1))
  B <- (A1 + 6 * A2) / (2 * q)
  g <- ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
  D <- 3 * q + 2 * (1 - g)
  V0 <- 1 + g / D * B
  V1 <- 1 - (q - g) / D * B
  V2 <- 1 - (q + 2 - g) / D * B
  mean <- 1 - A2 / q
  none <- 1e-12 * q                                  # 0 / 0 is 1: F with 2 degrees of freedom has no mean
  ratio <- if (abs(mean) + abs(V1) < none) 1 else mean / V1
  df <- 4 + (q + 2) / (ratio^2 * V0 / V2 - 1)
  list(df = df, scale = if (abs(df - 2) < 0.01) 1 else df * mean / (df - 2))
}
