# Fitted values and residuals of the rows behind the fit.

#' Fitted values and residuals
#'
#' @param object a fit made by [lmm()].
#' @param type one of
#' \describe{
#'   \item{`"response"`, `"working"`}{observed minus fitted value, given the random effects}
#'   \item{`"pearson"`, `"deviance"`}{the same times the root of the prior weight}
#'   \item{`"scaled"`}{Pearson residual divided by the residual standard deviation}
#'   \item{`"marginal"`}{observed value minus fixed part, `y - X beta`}
#'   \item{`"marginal_scaled"`}{marginal residuals multiplied by the inverse of the symmetric square root of their
#'     covariance matrix (for prior weights, of that of `sqrt(weights) * y`): uncorrelated with variance about 1
#'     if the model is correct}
#'   \item{`"marginal_cholesky"`}{the same by the lower Cholesky factor, with rows in the order of the data: each row's
#'     residual given the rows before it (scaled residuals of SAS, option `VCIRY`)}
#'   \item{`"marginal_pearson"`}{marginal residual divided by the root of the variance of the response, `V_ii`}
#'   \item{`"marginal_studentized"`}{marginal residual divided by its own standard deviation, the root of
#'     `(V - X Var(beta) X')_ii`}
#'   \item{`"conditional"`, `"conditional_pearson"`, `"conditional_studentized"`}{SAS's residuals given the random
#'     effects: those of `"response"`, of `"scaled"`, and divided by their standard deviation, as
#'     [rstandard()][rstandard.lmm_fit()] gives them}
#'   \item{`"normalized"`}{residuals multiplied by the inverse Cholesky factor of the residual covariance matrix of
#'     their subject, whose rows are taken in the order of their positions: uncorrelated with variance about 1. Without
#'     a residual structure the same as `"scaled"`}
#' }
#' With `residual =` or `variance =`, types `"pearson"` and `"deviance"` are divided by the standard deviation of the
#' residual of each row, as in nlme, and are the same as `"scaled"`; `"marginal_scaled"` uses the covariance matrix of
#' the response, also with prior weights. A row of weight zero has residuals of type `"response"`, `"marginal"` and
#' `"conditional"`; residuals that are multiplied by the square root of the weight, or standardized, are 0, except that
#' `"marginal_pearson"` and `"marginal_studentized"` are `NA`, because the variance of the row is infinite.
#' The model's residual plots by [plot()][plot.lmm_fit()].
#' @param scaled divide by the residual standard deviation? For types up to `"deviance"`.
#' @param data the rows again, if the fit does not keep them, or other rows with a response: a data frame,
#'   [chunks()] or a table of a database. They are worked through chunk by chunk.
#' @param write a function of a chunk and its values, called for each chunk in place of returning the values: for data
#'   larger than memory.
#' @param ... not used.
#' @return With `write` the number of rows, invisibly. Else a vector, one element per row used; per row of the data if
#'   the fit was made with `na.action = na.exclude`. Its names are the row names of the data (none for rows in chunks).
#'   In units of the response; the scaled types have none.
#' @section Conditions:
#' `lmm_error_input` for a fit that does not keep its rows (`lmm_control(keep_rows = FALSE)`, [cross_products()]) where
#' no `data` are given, or for a type that needs all rows at once. `lmm_error_newdata` for `data` that lack a variable;
#' `lmm_error_data` where a chunk cannot be read or `write` fails.
#' @references Santos Nobre and da Motta Singer (2007) Biometrical Journal 49, 863-875. Houseman, Ryan and Coull (2004)
#'   JASA 99, 383-394 (marginal residuals, there by the Cholesky factor).
#' @seealso [plot][plot.lmm_fit] for plots of residuals, [rstudent][influence] and [rstandard][influence],
#'   [augment()][tidiers].
#' @concept studentized residuals
#' @concept Pearson residuals
#' @concept marginal residuals
#' @concept conditional residuals
#' @concept diagnostics
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' head(residuals(fit))
#' shapiro.test(residuals(fit, "marginal_scaled"))
#' @export
residuals.lmm_fit <- function(object, type = c("response", "pearson", "scaled", "working", "deviance", "marginal",
    "marginal_scaled", "marginal_cholesky", "marginal_pearson", "marginal_studentized", "conditional",
    "conditional_pearson",
    "conditional_studentized", "normalized"), scaled = FALSE, data = NULL, write = NULL, ...) {
  type <- check_choice(type[1L], eval(formals()$type), "type")
  if (!is.null(data)) return(streamed_residuals(object, if (check_flag(scaled, "scaled")) "scaled" else type, data,
                                                write))
  if (is_structured(object)) return(structured_residuals(object, type, check_flag(scaled, "scaled")))
  rows <- fit_rows(object, "residuals()")
  if (type == "conditional_studentized") return(stats::rstandard(object))
  if (type %in% c("marginal_cholesky", "marginal_pearson", "marginal_studentized")) {
    return(pad_rows(standardized_marginal(object, rows, type), rows))
  }
  type <- switch(type, conditional = "response", conditional_pearson = , normalized = "scaled", type)
  marginal <- type %in% c("marginal", "marginal_scaled")
  r <- rows$y - mean_response(object, rows, all_columns(object, !marginal))
  if (type %in% c("pearson", "deviance", "scaled") && !is.null(rows$weights)) r <- r * sqrt(rows$weights)
  in_units <- type %in% c("scaled", "marginal_scaled") || (check_flag(scaled, "scaled") && !marginal)
  if (in_units) r <- if (fit_is_exact(object)) rep(NA_real_, rows$n) else r / fit_sigma(object)
  if (type == "marginal_scaled" && !fit_is_exact(object)) r <- whiten(object, rows, r)
  pad_rows(r, rows)
}

#' @rdname residuals.lmm_fit
#' @export
fitted.lmm_fit <- function(object, data = NULL, write = NULL, ...) {
  if (!is.null(data)) return(stream_rows(object, data, function(rows) mean_response(object, rows), write,
                                         response = FALSE))
  rows <- fit_rows(object, "fitted()")
  pad_rows(mean_response(object, rows), rows)
}

#' @rdname residuals.lmm_fit
#' @export
weights.lmm_fit <- function(object, ...) {
  rows <- fit_rows(object, "weights()")
  pad_rows(row_weights(rows), rows, names = FALSE)
}

# ---- marginal residuals in units of their covariance ----
#
# sqrt(w) y / sigma has covariance I + A A', A = W^1/2 Z Lambda sparse. With A'A = U D U',
#   (I + A A')^-1/2 r = r - A U diag((1 - 1 / sqrt(1 + d)) / d) U' A'r,
# done separately for each set of columns that no row connects with another set.

whiten <- function(fit, rows, r) {
  root <- sqrt(row_weights(rows))
  r <- r * root
  A <- sparse_random_design(fit, rows, root)
  a <- as.vector(Matrix::crossprod(A, r))
  r - as.vector(A %*% root_correction(Matrix::crossprod(A), a))
}

# The n x q matrix diag(weight) Z Lambda; columns of related levels are those of independent effects.
sparse_random_design <- function(fit, rows, weight = NULL, factors = fit_factors(fit), related = TRUE) {
  d <- design(fit_frame(fit), rows)
  group <- fit_term_groups(fit)
  parts <- lapply(seq_along(d$Z), function(k) {
    Z <- d$Z[[k]] %*% factors[[k]]
    if (!is.null(weight)) Z <- Z * weight
    A <- sparse_columns(Z, d$codes[[group[k]]], length(fit_group_levels(fit, group[k])))
    if (related) independent_columns(A, fit_groups(fit)[[group[k]]], ncol(Z)) else A
  })
  do.call(cbind, parts)
}

# Row i of Z goes to the columns of level code[i]; code 0 goes nowhere.
sparse_columns <- function(Z, code, levels) {
  q <- ncol(Z)
  row <- which(code > 0L)
  Matrix::sparseMatrix(i = rep(row, q), j = as.vector(outer((code[row] - 1L) * q, seq_len(q), `+`)),
                       x = as.vector(Z[row, , drop = FALSE]), dims = c(nrow(Z), q * levels))
}

# U diag((1 - 1 / sqrt(1 + d)) / d) U'a.
root_correction <- function(M, a) {
  blocks <- diagonal_blocks(M)
  size <- lengths(blocks$members)
  out <- root_weight(Matrix::diag(M)) * a
  for (s in which(size > 1L)) {
    own <- blocks$members[[s]]
    out[own] <- if (size[s] > 3000L) root_correction_krylov(blocks$sparse(s),
                                                            a[own]) else root_correction_dense(blocks$dense(s), a[own])
  }
  out
}

root_correction_dense <- function(M, a) {
  e <- eigen(M, symmetric = TRUE)
  as.vector(e$vectors %*% (root_weight(e$values) * crossprod(e$vectors, a)))
}

root_correction_krylov <- function(M, a) lanczos(a, identity, function(v) M %*% v, root_weight, min(400L, length(a)))

root_weight <- function(d) {
  d <- pmax(d, 0)
  s <- sqrt(1 + d)
  1 / (s * (1 + s))              # = (1 - 1/s) / d without cancellation
}
