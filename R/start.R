# Start values of the user: argument `start` of lmm() in the coordinates of the engine.

# Relative Cholesky parameters of the user's columns -> those of the engine's coordinates.
internal_start <- function(start, frame, blocks) {
  sizes <- vapply(frame$random, term_size, 0)
  if (!is.numeric(start) || length(start) != sum(sizes) || !all(is.finite(start))) {
    lmm_abort("input", paste0("`start` must be ", count_of(sum(sizes), "finite number"), " for ",
      paste(vapply(frame$random, function(term) paste0("(", term$label, ")"), ""), collapse = " + "), ", not ",
      describe_value(start), "."), what = "start", value = start,
    fix = "See getME(fit, \"theta\") of a fit of this model.")
  }
  ends <- cumsum(sizes)
  unlist(lapply(seq_along(frame$random), function(t) {
    own <- start[(ends[t] - sizes[t] + 1):ends[t]]
    basis <- blocks$z_basis[[t]]
    bounded <- !isFALSE(frame$bounded)
    if (is_special(frame$random[[t]])) return(special_start(frame$random[[t]], own, basis))
    if (is_diagonal(frame$random[[t]])) return(own / diag(basis)^(if (bounded) 1 else 2))
    L <- matrix(0, nrow(basis), nrow(basis))
    L[lower.tri(L, diag = TRUE)] <- own
    if (!bounded) L[upper.tri(L)] <- t(L)[upper.tri(L)]      # the covariance matrix itself
    inner <- solve(basis, L)
    if (!bounded) return(t(solve(basis, t(inner)))[lower.tri(L, diag = TRUE)])
    lower_factor(tcrossprod(inner))[lower.tri(L, diag = TRUE)]
  }))
}

# Lower Cholesky factor of a positive semidefinite matrix; a pivot lost in rounding gives a zero column.
lower_factor <- function(S) {
  q <- nrow(S)
  if (q == 1L) return(sqrt(S))
  L <- matrix(0, q, q)
  for (j in seq_len(q)) {
    before <- seq_len(j - 1L)
    pivot <- S[j, j] - sum(L[j, before]^2)
    if (!(pivot > 1e-14 * S[j, j])) next
    L[j, j] <- sqrt(pivot)
    for (i in seq_len(q - j) + j) L[i, j] <- (S[i, j] - sum(L[i, before] * L[j, before])) / L[j, j]
  }
  L
}
