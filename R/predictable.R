# Combinations of fixed and random effects, k'beta + m'b: narrow, intermediate and broad inference.
#
# With C the matrix of Henderson's equations and a = C^-1 (m, k), the variance of the prediction error is (m, k)'a. Its
# slope in an entry of Sigma is h'(I x E)h with h = m - Z'W(X a_k + Z a_m), which is G^-1 a_m wherever G has an inverse;
# in sigma^2 it is |X a_k + Z a_m|^2 in the metric W. Everything is relative to sigma^2.

#' Combinations of fixed and random effects
#'
#' Estimates `k'beta + m'b`, with the standard error of its prediction error, a t test and a confidence interval.
#'
#' With `m = 0` the effects are those of the whole population of levels (broad inference), with all random effects
#' averaged over the levels at hand those of these levels (narrow inference). McLean, Sanders and Stroup (1991).
#'
#' @param fit a fit made by [lmm()].
#' @param L coefficients of the fixed effects: one row, as for [contest()].
#' @param random named list, with the names of terms in [VarCorr()]: coefficients of their random effects, as a vector with names
#'   of levels (for the first column of the term), or a matrix with levels as rows and columns of the term as columns.
#'   Levels that are not named count as 0.
#' @param rhs value to be tested.
#' @param ddf `"Satterthwaite"`, `"residual"` or `"asymptotic"`, see [ddf_methods()].
#' @param conf.level level of the confidence interval.
#' @return A data frame with one row, as `contest(joint = FALSE)` gives.
#' @references McLean, Sanders and Stroup (1991) The American Statistician 45, 54-64.
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' predictable(fit, 1)                                                # broad
#' predictable(fit, 1, list(operator = c(a = 1)))                     # operator a
#' predictable(fit, 1, list(operator = c(a = 1, b = 1, c = 1, d = 1) / 4))  # narrow
#' @export
predictable <- function(fit, L, random = list(), rhs = 0, ddf = "Satterthwaite", conf.level = 0.95) {
  if (!inherits(fit, "lmm_fit")) {
    lmm_abort("input", paste0("`fit` must be a fit made by lmm(), not ", kind_of(fit), "."), what = "fit")
  }
  method <- ddf_method(ddf)
  if (!inherits(method, c("df_satterthwaite", "df_residual", "df_asymptotic"))) {
    check_choice(method$name, c("Satterthwaite", "residual", "asymptotic"), "ddf")
  }
  L <- estimable_rows(fit, hypothesis_matrix(fit, L))
  if (nrow(L) != 1L) lmm_abort("input", "`L` must have one row.", what = "L", value = nrow(L))
  rhs <- check_rhs(rhs, 1L)
  check_number(conf.level, "conf.level", lower = 0, upper = 1)
  m <- random_coefficients(fit, random)
  inference <- new_inference(fit, method)
  estimate <- sum(L * inference$info$estimate) + sum(unlist(Map(`*`, m, fit_modes(fit))))
  test <- prediction_test(inference, L, m)
  statistic <- (estimate - rhs) / test$se
  reach <- stats::qt((1 + conf.level) / 2, test$df) * test$se
  data.frame(Estimate = estimate, `Std. Error` = test$se, df = test$df, `t value` = statistic, lower = estimate - reach,
             upper = estimate + reach, `Pr(>|t|)` = 2 * stats::pt(abs(statistic), test$df, lower.tail = FALSE), check.names = FALSE)
}

# List per random term: coefficients as a matrix levels x columns.
random_coefficients <- function(fit, random) {
  names <- fit_term_names(fit)
  unknown <- setdiff(names(random), names)
  if (length(random) && (is.null(names(random)) || length(unknown) || anyDuplicated(names(random)))) {
    lmm_abort("input", paste0("`random` must be a list named by random terms (", enumerate(quote_name(names)), ")."), what = unknown)
  }
  Map(function(b, name) {
    out <- b * 0
    given <- random[[name]]
    if (is.null(given)) return(out)
    if (is.null(dim(given))) given <- matrix(given, ncol = 1L, dimnames = list(names(given), colnames(b)[1L]))
    rows <- match_levels(rownames(given), rownames(b), name)
    columns <- match_levels(colnames(given), colnames(b), name)
    out[rows, columns] <- given
    out
  }, fit_modes(fit), names)
}

match_levels <- function(given, known, name) {
  at <- match(given, known)
  if (length(given) && !anyNA(at) && !anyDuplicated(at)) return(at)
  lmm_abort("input", paste0("the coefficients of ", quote_name(name), " must be named by its levels, and its columns where it has several",
                            if (anyNA(at)) paste0("; unknown: ", enumerate(quote_level(given[is.na(at)]))), "."), what = name)
}

prediction_test <- function(inference, L, m) {
  info <- inference$info
  if (anyNA(info$phi)) return(list(se = NA_real_, df = NA_real_))
  parts <- marginal_parts(info)
  flat <- unlist(Map(function(m, factor) t(m %*% factor), m, fit_factors(info$fit)))       # Lambda'm, level by level
  inner <- parts$inner
  k <- as.vector(L %*% info$basis)
  solve_inner <- function(v) as.vector(Matrix::solve(inner, v))
  fixed <- as.vector(info$phi %*% (k - crossprod(parts$T, as.vector(parts$A %*% flat))))
  u <- solve_inner(flat) - solve_inner(as.vector(Matrix::crossprod(parts$A, parts$w * as.vector(parts$X %*% fixed))))
  variance <- sum(flat * u) + sum(k * fixed)
  mean <- as.vector(parts$X %*% fixed + parts$A %*% u)
  df <- switch(class(inference$method)[1L], df_asymptotic = Inf, df_residual = fit_nobs(info$fit) - fit_rank(info$fit),
               prediction_df(inference, parts, m, mean, variance))
  list(se = sqrt(variance * info$sigma2), df = df)
}

prediction_df <- function(inference, parts, m, mean, variance) {
  fit <- inference$info$fit
  d <- design(fit$frame, fit_rows(fit, "predictable()"))
  group <- fit_term_groups(fit)
  weighted <- parts$w * mean
  slope <- unlist(Map(function(term, Z, m, group, basis) {
    Z <- sparse_columns(Z[parts$used, , drop = FALSE], d$codes[[group]][parts$used], nrow(m))
    h <- m - matrix(as.vector(Matrix::crossprod(Z, weighted)), nrow(m), byrow = TRUE)
    S <- crossprod(h %*% basis)
    if (term$structure == "diagonal") return(diag(S))
    S <- 2 * S - diag(diag(S), nrow(S))
    S[lower.tri(S, diag = TRUE)]
  }, fit_random(fit), d$Z, m, group, fit$cross_products$z_basis))
  slope <- c(slope, sum(weighted * mean))
  2 * variance^2 / as.numeric(slope %*% inference$method$psi_covariance %*% slope)
}
