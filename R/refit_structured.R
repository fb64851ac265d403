# Refits of models with a residual structure or structured random effects, one response after the other.

# A list of fits, one for each column.
refit_each <- function(fit, newresp, weights) {
  if (!is.null(weights) || is.function(newresp)) {
    lmm_abort("input", paste("many responses of a model with structured random effects are a matrix or a data frame,",
                             "and have the weights of the fit."),
              what = if (is.null(weights)) "newresp" else "weights", fix = "Use update(fit, weights = ).")
  }
  Y <- response_matrix(newresp, fit_stored_rows(fit))
  fits <- lapply(seq_len(ncol(Y)), function(k) {
    fit <- with_response_name(fit, colnames(Y)[k])
    rows <- replace_response(fit_frame(fit), fit_stored_rows(fit), Y[, k])
    check_response_varies(rows, fit_frame(fit)$response)
    fit_again(fit, rows)
  })
  stats::setNames(fits, response_names(Y))
}

# What the engine returns for refits of models with independent residuals. A response that cannot be fitted is NA.
refits_in_turn <- function(fit, Y) {
  all <- lapply(seq_len(ncol(Y)), function(k) refit_or_none(fit, Y[, k]))
  columns <- function(of, size) vapply(all, function(new) if (is.null(new)) rep(NA_real_, size) else of(new),
                                       numeric(size))
  as_rows <- function(of, size) matrix(columns(of, size), size)
  triangles <- function(new) {
    as.double(unlist(lapply(fit_covariance(new), function(S) S[lower.tri(S, TRUE)]), use.names = FALSE))
  }
  list(theta = as_rows(function(new) new$optimum$theta, length(fit_optimum(fit)$theta)),
       beta = as_rows(function(new) unname(fit_beta(new)[fit_estimable(fit)]), sum(fit_estimable(fit))),
       covariance = as_rows(triangles, length(triangles(fit))), sigma = columns(fit_sigma, 1L),
       criterion = columns(fit_criterion, 1L),
       converged = vapply(all, function(new) !is.null(new) && new$optimum$status == "converged", NA),
       singular = vapply(all, function(new) if (is.null(new)) NA else any(fit_singular(new)), NA))
}

refit_or_none <- function(fit, y) {
  rows <- replace_response(fit_frame(fit), fit_stored_rows(fit), y)
  new <- tryCatch(suppressMessages(suppressWarnings(fit_again(fit, rows))), lmm_error = identity)
  if (inherits(new, "lmm_fit")) new
}
