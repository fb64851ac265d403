# Combinations of fixed and random effects, k'beta + m'b: narrow, intermediate and broad inference.
#
# With C the matrix of Henderson's equations and a = C^-1 (m, k), the variance of the prediction error is (m, k)'a. Its
# slope in an entry of Sigma is h'(I x E)h with h = m - Z'W(X a_k + Z a_m), which is G^-1 a_m wherever G has an inverse;
# in sigma^2 it is |X a_k + Z a_m|^2 in the metric W. Everything is relative to sigma^2.
#
# The predictor is l'y with V l = Z G m + X(...), X'l = k: it minimizes a variance that is linear in the parameters psi,
# under a condition that does not contain them. Hence l changes with psi_i by P v_i, where v_i = Z (I x E_i) h for an
# entry of Sigma and v_i = -W^-1 l for sigma^2; estimated parameters add sum C_ij v_i'P v_j to the variance (C their
# covariance matrix), and the second derivatives of the variance are -2 v_i'P v_j, so that the estimated variance is too
# small by as much again.

#' Combinations of fixed and random effects
#'
#' Estimates `k'beta + m'b`, with the standard error of its prediction error, a t test and a confidence interval.
#'
#' With `m = 0` the inference is to the whole population of levels (broad inference); with all random effects averaged
#' over the observed levels it is to these levels (narrow inference). See McLean, Sanders and Stroup (1991).
#'
#' The standard error takes the variance parameters as known, except with `ddf = "Kenward-Roger"`. This adds to the
#' variance what their estimation adds to the prediction error (Kackar and Harville 1984) and the bias of the variance
#' at estimated parameters, together `2 sum C_ij Cov(d_i, d_j)`, where `d_i` is the derivative of the prediction in
#' parameter i and `C` the covariance matrix of the parameters (Harville and Jeske 1992), as does SAS with `DDFM=KR`;
#' the degrees of freedom are those of the Kenward-Roger method for one row. Without random effects this is the
#' Kenward-Roger adjustment: the result is that of [contest()].
#'
#' @param fit a fit made by [lmm()].
#' @param L coefficients of the fixed effects: one row, as for [contest()].
#' @param random named list, with the names of terms in [VarCorr()]: coefficients of their random effects, as a vector
#'   with names of levels (for the first column of the term), or a matrix with levels as rows and columns of the term as
#'   columns. Levels that are not named count as 0.
#' @param rhs value to be tested.
#' @param ddf `"Satterthwaite"`, `"Kenward-Roger"`, `"residual"` or `"asymptotic"`, see [ddf_methods()].
#' @param conf.level level of the confidence interval; `level` is another name for it.
#' @param ... not used, except for `level`.
#' @return A data frame with one row, as `contest(joint = FALSE)` gives.
#' @section Conditions:
#' `lmm_error_input`: an `L` of more than one row or of the wrong width, terms, levels or columns in `random` that the
#' fit does not have, a method that is not listed; `lmm_error_unidentified`: an `L` that is not estimable.
#' `lmm_error_solver`: random effects of a fit by the iterative solver. `lmm_message_refit` reports a refit by REML for
#' Kenward-Roger.
#' @references McLean, Sanders and Stroup (1991) The American Statistician 45, 54-64. Kackar and Harville (1984)
#'   JASA 79, 853-862. Harville and Jeske (1992) JASA 87, 724-731. Kenward and Roger (1997) Biometrics 53, 983-997.
#' @seealso [contest()] for fixed effects alone, [predict][predict.lmm_fit], [ranef][ranef.lmm_fit].
#' @concept BLUP
#' @concept narrow inference
#' @concept broad inference
#' @concept estimate statement
#' @concept linear combination
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' predictable(fit, 1)                                                # broad
#' predictable(fit, 1, list(operator = c(a = 1)))                     # operator a
#' predictable(fit, 1, list(operator = c(a = 1)), ddf = "Kenward-Roger")
#' predictable(fit, 1, list(operator = c(a = 1, b = 1, c = 1, d = 1) / 4))  # narrow
#' @export
predictable <- function(fit, L, random = list(), rhs = 0, ddf = "Satterthwaite", conf.level = 0.95, ...) {
  check_fit(fit)
  if (missing(ddf)) ddf <- default_ddf(fit)
  method <- ddf_method(ddf)
  if (!inherits(method, c("df_satterthwaite", "df_kenward_roger", "df_residual", "df_asymptotic"))) {
    check_choice(method$name, c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic"), "ddf")
  }
  L <- estimable_rows(fit, hypothesis_matrix(fit, L))
  if (nrow(L) != 1L) lmm_abort("input", "`L` must have one row.", what = "L", value = nrow(L))
  rhs <- check_rhs(rhs, 1L)
  m <- random_coefficients(fit, random)
  if (length(random)) refuse_iterative(fit, "combinations with random effects are")
  if (length(random)) refuse_indefinite(fit, "Use contest() for fixed effects alone, or refit with bounded = TRUE.")
  if (fit_is_iterative(fit) || fit_is_indefinite(fit)) return(contest(fit, L, rhs, FALSE, method, conf.level))
  inference <- prediction_inference(fit, method)
  estimate <- sum(L * inference$info$estimate) + sum(unlist(Map(`*`, m, fit_modes(inference$info$fit))))
  test <- if (fit_is_exact(inference$info$fit)) list(se = NA_real_, df = NA_real_) else prediction_test(inference, L, m)
  contest_table(t_tests(estimate, test, rhs, conf.level), fit)
}

# Without fixed effects there is nothing to test in new_inference(), but still something to predict.
prediction_inference <- function(fit, method) {
  inference <- new_inference(fit, method)
  fit <- inference$info$fit
  if (length(inference$info$phi) || !needs_information(method) || fit_is_exact(fit)) return(inference)
  found <- derivatives_at(fit)
  inference$info[names(found)] <- found
  inference$method <- prepare_method(inference$method, inference$info)
  inference
}

# List per random term: coefficients as a matrix levels x columns. Of a term that is correlated across levels, which is
# fitted as one level, the coefficients of its columns, which a root of the relationship makes of those of the levels.
random_coefficients <- function(fit, random) {
  names <- fit_term_names(fit)
  unknown <- setdiff(names(random), names)
  if (!is.list(random)) {
    lmm_abort("input", paste0("`random` must be a list, not ", describe_value(random), "."), what = "random",
              value = random,
              fix = paste0("The random terms are ", enumerate(quote_name(names)), "."))
  }
  if (length(random) && (is.null(names(random)) || length(unknown) || anyDuplicated(names(random)))) {
    lmm_abort("input", paste0("`random` must be a list named by random terms (", enumerate(quote_name(names)), ")."),
              what = unknown)
  }
  Map(function(b, name, term) {
    given <- random[[name]]
    if (is.null(given)) return(b * 0)
    out <- if (is_across(term)) matrix(0, length(across_levels(term)), 1L,
                                       dimnames = list(across_levels(term), "(Intercept)")) else b * 0
    if (!is.numeric(given) || !length(given) || !all(is.finite(given))) {
      lmm_abort("input", paste0("`random` must contain numbers for ", quote_name(name), ", not ", describe_value(given),
                                "."), what = "random", value = given)
    }
    if (is.null(dim(given))) given <- matrix(given, ncol = 1L, dimnames = list(names(given), colnames(out)[1L]))
    rows <- match_levels(rownames(given), rownames(out), name)
    columns <- match_levels(colnames(given), colnames(out), name)
    out[rows, columns] <- given
    if (!is_across(term)) return(out)
    b[] <- if (is.null(term$root)) out else crossprod(term$root, out)
    b
  }, fit_modes(fit), names, fit_random(fit))
}

match_levels <- function(given, known, name) {
  at <- match(given, known)
  if (length(given) && !anyNA(at) && !anyDuplicated(at)) return(at)
  lmm_abort("input", paste0("the coefficients of ", quote_name(name),
                            " must be named by its levels, and its columns where it has several",
                            if (anyNA(at)) paste0("; unknown: ", enumerate(quote_level(given[is.na(at)]))), "."),
                            what = name)
}

# `extra`: a variance that is added to that of the prediction error, relative to sigma^2, and its slopes in psi.
prediction_test <- function(inference, L, m, extra = list(variance = 0, slope = 0),
                            parts = marginal_parts(inference$info, "predictable()")) {
  info <- inference$info
  if (needs_dense(info$fit) || needs_relation(info$fit)) return(dense_combination(inference, L, m))
  flat <- unlist(Map(function(m, factor) t(m %*% factor), m, fit_factors(info$fit)))       # Lambda'm, level by level
  inner <- parts$inner
  k <- as.vector(L %*% info$basis)
  solve_inner <- function(v) as.vector(Matrix::solve(inner, v))
  fixed <- as.vector(info$phi %*% (k - crossprod(parts$T, as.vector(parts$A %*% flat))))
  u <- solve_inner(flat) - solve_inner(as.vector(Matrix::crossprod(parts$A, parts$w * as.vector(parts$X %*% fixed))))
  variance <- sum(flat * u) + sum(k * fixed) + extra$variance
  mean <- as.vector(parts$X %*% fixed + parts$A %*% u)
  method <- inference$method
  result <- function(variance, df) list(se = sqrt(variance * info$sigma2), df = df)
  if (inherits(method, "df_asymptotic")) return(result(variance, Inf))
  if (inherits(method, "df_residual")) return(result(variance, fit_nobs(info$fit) - fit_rank(info$fit)))
  change <- prediction_change(info$fit, parts, m, parts$w * mean)
  slope <- c(change$slope, sum(parts$w * mean^2)) + extra$slope
  df <- 2 * variance^2 / as.numeric(slope %*% method$psi_covariance %*% slope)
  if (inherits(method, "df_kenward_roger")) variance <- variance +
    2 * estimation_variance(inference, parts, change, mean)
  result(variance, df)
}

# For each natural parameter of the random terms: the slope of the variance, and (a column each) the vector v_i, for the
# predictor with the coefficients l of y.
prediction_change <- function(fit, parts, m, l) {
  d <- design(fit_frame(fit), fit_rows(fit, "predictable()"))
  group <- fit_term_groups(fit)
  terms <- Map(function(term, Z, m, group, basis) {
    Z <- Z[parts$used, , drop = FALSE]
    code <- d$codes[[group]][parts$used]
    h <- m - matrix(as.vector(Matrix::crossprod(sparse_columns(Z, code, nrow(m)), l)), nrow(m), byrow = TRUE)
    natural_products(Z %*% basis, h %*% basis, code, is_diagonal(term))
  }, fit_random(fit), d$Z, m, group, fit_blocks(fit)$z_basis)
  list(slope = unlist(lapply(terms, `[[`, "slope")), v = do.call(cbind, lapply(terms, `[[`, "v")))
}

# h'(I x E)h and Z (I x E) h for the matrices E of the entries of Sigma, column by column of its lower triangle.
natural_products <- function(Z, h, code, diagonal) {
  own <- h[code, , drop = FALSE]
  entries <- natural_entries(ncol(h), diagonal)
  i <- entries[, 1L]
  j <- entries[, 2L]
  once <- rep(ifelse(i == j, 0.5, 1), each = nrow(Z))
  list(slope = natural_slopes(crossprod(h), diagonal),
       v = once * (Z[, i, drop = FALSE] * own[, j, drop = FALSE] + Z[, j, drop = FALSE] * own[, i, drop = FALSE]))
}

natural_entries <- function(q, diagonal) which(if (diagonal) diag(q) == 1 else lower.tri(diag(q), diag = TRUE),
                                               arr.ind = TRUE)

# Slopes of the trace of S Sigma in the entries of Sigma.
natural_slopes <- function(S, diagonal) {
  entries <- natural_entries(ncol(S), diagonal)
  S[entries] * ifelse(entries[, 1L] == entries[, 2L], 1, 2)
}

# sum C_ij v_i'P v_j
estimation_variance <- function(inference, parts, change, mean) {
  v <- cbind(change$v, -mean)
  wv <- parts$w * v
  solved <- Matrix::solve(parts$inner, Matrix::crossprod(parts$A, wv))
  cross <- crossprod(parts$T, v)
  Pv <- wv - parts$w * as.matrix(parts$A %*% solved) - parts$T %*% (inference$info$phi %*% cross)
  sum(inference$method$psi_covariance * crossprod(v, Pv))
}
