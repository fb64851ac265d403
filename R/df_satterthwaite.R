# Satterthwaite: 2 v^2 / Var(v) for the variance v = l'Phi l, by the delta method in the variance parameters.
# Giesbrecht and Burns (1985); for several rows Fai and Cornelius (1996).

#' @export
set_options.df_satterthwaite <- function(method, options) {
  check_options(options, "information")
  method$information <- check_choice(c(options$information, "observed")[1L], c("observed", "expected", "average"),
                                     "information")
  method
}

# d(psi, sigma^2) / d(theta, sigma^2).
bordered_jacobian <- function(J) block_diagonal(list(J, matrix(1)))

#' @export
needs_information.df_satterthwaite <- function(method) TRUE

# Covariance matrix of psi, through theta, in which a variance of zero has no slope and drops out.
#' @export
prepare_method.df_satterthwaite <- function(method, info) {
  k <- ncol(info$jacobian)
  J <- bordered_jacobian(info$jacobian)
  expected <- method$information == "expected"
  if (expected && is.null(info$t)) abort_information_size(effects_of_crossed_factors(info$fit))
  H <- crossprod(J, (if (expected) info[[if (fit_is_reml(info$fit)) "t" else "t_ml"]] else
    if (method$information == "average") info$ai else observed_curvature(info)) %*% J)
  own <- seq_len(k)
  if (!expected) H[own, own] <- H[own, own] + info$curvature
  free <- free_directions(info, J)
  method$theta_covariance <- free %*% (2 * information_inverse(crossprod(free, H %*% free))) %*% t(free)
  method$psi_covariance <- J %*% method$theta_covariance %*% t(J)
  method
}

#' @export
row_df.df_satterthwaite <- function(method, info, hypothesis) satterthwaite_rows(method, info, hypothesis$inner)

satterthwaite_rows <- function(method, info, L) {
  if (!nrow(L)) return(numeric())
  L <- L / row_sizes(L)
  V <- L %*% info$phi
  variance <- rowSums(V * L)
  slope <- vapply(info$p, function(P) -rowSums((V %*% P) * V), numeric(nrow(L)))
  slope <- matrix(slope, nrow(L))
  known_df(2 * variance^2 / rowSums((slope %*% method$psi_covariance) * slope))
}

# A variance that does not depend on what was estimated is known: what rounding leaves of its variance counts as none.
known_df <- function(df) ifelse(is.na(df) | df < 1e12, df, Inf)

# The rows are turned so that they are uncorrelated. This depends on their scale: see invariant_rows().
#' @export
denominator_df.df_satterthwaite <- function(method, info, hypothesis) {
  L <- hypothesis$inner
  q <- nrow(L)
  if (q == 1L) return(list(df = satterthwaite_rows(method, info, L), scale = 1))
  e <- eigen(L %*% info$phi %*% t(L), symmetric = TRUE)
  df <- satterthwaite_rows(method, info, t(e$vectors) %*% L)
  list(df = combined_df(df, q), scale = 1)
}

# F is the mean of q independent squares of t(df): match its mean.
combined_df <- function(df, q) {
  if (any(df <= 2)) return(2)
  if (all(is.infinite(df)) || all(is.finite(df)) && diff(range(df)) <= 1e-8 * max(df)) return(mean(df))
  E <- sum(ifelse(is.infinite(df), 1, df / (df - 2)))
  2 * E / (E - q)
}
