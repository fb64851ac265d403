# Residuals of new rows in predictions from posterior draws: given those of the same subject, with the coefficients, the
# effects and the parameters of each draw. See predict_kriging.R.

# list(value, ratio), draws x rows: predicted residuals (0 where none is wanted), and by how much the standard deviation
# of the residual is smaller given the others. Residuals of weight 0 are predicted as those of weight 1.
drawn_kriging <- function(object, near, weights) {
  fit <- about_posterior(object)$fit
  rows <- fit_rows(fit, "predict()")
  new <- near$new
  n <- length(new$subject)
  out <- list(value = matrix(0, nrow(object), n), ratio = matrix(1, nrow(object), n))
  points <- residual_points(object, seq_len(nrow(object)))
  use <- lapply(fit_random(fit), function(term) rep(TRUE, term$q))
  known <- known_effects(object, use)
  root <- 1 / sqrt(row_weights(rows))
  members <- split(which(used_rows(rows)), new$old$subject[used_rows(rows)])
  share <- ifelse(weights > 0, 1 / sqrt(weights), 1)
  subjects <- split(which(near$wanted), new$subject[near$wanted])
  bar <- progress_bar(length(subjects), "Kriging")
  for (k in seq_along(subjects)) {
    at <- subjects[[k]]
    old <- members[[as.character(new$subject[at[1L]])]]
    check_dense_size(length(old) + length(at), 2L)
    e <- drawn_residuals(object, rows, old, use, known)
    for (i in seq_len(nrow(object))) {
      given <- given_residuals(joint_structure(fit, new, old, at, points$psi[i, ]), e[i, ], root[old])
      out$value[i, at] <- share[at] * given$value
      out$ratio[i, at] <- given$ratio
    }
    bar(k)
  }
  out
}

# y - X beta - Z b of rows of the fit, draws x rows.
drawn_residuals <- function(object, rows, at, use, known) {
  first <- min(at)
  eta <- drawn_predictor(object, rows, first:max(at), use, known)
  rep(as.vector(rows$y)[at], each = nrow(object)) - eta[, at - first + 1L, drop = FALSE]
}

# The normal law of new residuals given `e`, R being that of both; `root` has the standard deviations by the weights.
given_residuals <- function(R, e, root) {
  before <- seq_along(e)
  C <- R[before, -before, drop = FALSE] * root
  U <- chol(R[before, before] * outer(root, root))
  half <- backsolve(U, C, transpose = TRUE)
  list(value = as.vector(crossprod(half, backsolve(U, e, transpose = TRUE))),
       ratio = sqrt(pmax(0, 1 - colSums(half^2) / diag(R)[-before])))
}
