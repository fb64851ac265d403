# Linear hypotheses about the fixed effects.

#' Test linear hypotheses
#'
#' Tests `L beta = rhs`, jointly by F or row by row by t.
#'
#' `L` may be a matrix with one column per coefficient (those without estimate included), one row as a vector, or a
#' vector or matrix with the names of the coefficients that are involved. A row that is not estimable is an error, which
#' names the coefficients that are to blame. Rows that follow from others are dropped with a message.
#'
#' With several rows Satterthwaite's method turns them into uncorrelated ones, and the result depends on the scale of
#' the rows it starts from. Here these are made orthonormal in the metric of `(X'WX)^-1`, so that the result depends
#' neither on the rows chosen for a hypothesis nor on units.
#'
#' @param fit a fit made by [lmm()].
#' @param L the hypothesis: vector or matrix.
#' @param rhs value or values of `L beta` to be tested.
#' @param joint one F test of all rows? Otherwise a t test for each.
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()].
#' @param conf.level level of the confidence intervals of single rows.
#' @param ... options of the method, see [ddf_method()].
#' @return A data frame. For `joint = TRUE` one row with `Sum Sq`, `Mean Sq`, `NumDF`, `DenDF`, `F value`, `Pr(>F)` and the
#'   large-sample test `Chisq`, `Pr(>Chisq)`; otherwise `Estimate`, `Std. Error`, `df`, `t value`, `lower`, `upper` and
#'   `Pr(>|t|)` for each row. With `r` the rank of `L` and `C` the covariance matrix of the estimates (adjusted, for
#'   Kenward and Roger), F is `d' (L C L')^-1 d / r` for `d = L beta - rhs`, scaled for Kenward and Roger, and `Chisq` is the
#'   same without division by `r` at the unadjusted `C`.
#' @section Conditions:
#' `lmm_error_input`: an `L` of the wrong width, with unknown names or missing values, rows that contradict each other given
#' `rhs`, an unknown method or option. `lmm_error_unidentified`: a row that is not estimable. `lmm_message_rank`: rows were
#' dropped. `lmm_warning_precision`: there is no F test, since the covariance matrix of the estimates has no inverse in double
#' precision, or no p-value, since there are no denominator degrees of freedom (more rows than the clusters can tell).
#' @references Fai and Cornelius (1996) J. Statist. Comput. Simul. 54, 363-378. Kenward and Roger (1997) Biometrics 53,
#'   983-997.
#' @seealso [predictable()] for combinations of fixed and random effects, [anova_hypotheses()] for the `L` of a term.
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' contest(fit, c(treatB = 1, treatC = -1), joint = FALSE)
#' contest(fit, rbind(c(0, 1, 0, 0), c(0, 0, 1, 0)), ddf = "Kenward-Roger")
#' @export
contest <- function(fit, L, ...) UseMethod("contest")

#' @export
contest.default <- function(fit, L, ...) {
  if (inherits(fit, "merMod")) hand_over("contest", fit, L, ..., package = "lmerTest") else check_fit(fit)
}

#' @rdname contest
#' @export
#' @rawNamespace S3method(lmerTest::contest, lmm_fit)
contest.lmm_fit <- function(fit, L, rhs = 0, joint = TRUE, ddf = "Satterthwaite", conf.level = 0.95, ...) {
  check_flag(joint, "joint")
  check_level(conf.level, "conf.level")
  L <- estimable_rows(fit, hypothesis_matrix(fit, L))
  if (!length(L)) lmm_abort("input", if (length(fit_beta(fit))) "`L` is empty." else "the model has no fixed effects to test.", what = "L")
  rhs <- check_rhs(rhs, nrow(L))
  inference <- new_inference(fit, ddf, ...)
  hypothesis <- new_hypothesis(inference$info, L)
  zero <- if (!joint) which(rowSums(L != 0) == 0)
  if (length(zero)) lmm_abort("input", paste0(row_text(zero), " of `L` ", if (length(zero) == 1L) "is" else "are", " zero."), what = "L", where = zero)
  if (!joint) return(t_table(inference, hypothesis, rhs, conf.level))
  reduced <- independent_rows(hypothesis, rhs, inference$info)
  out <- f_table(inference, list(invariant_rows(reduced$hypothesis, reduced$rhs)))
  chisq <- wald_chisq(inference$info, reduced$hypothesis, reduced$rhs)
  data.frame(out, Chisq = chisq, `Pr(>Chisq)` = stats::pchisq(chisq, out$NumDF, lower.tail = FALSE), check.names = FALSE)
}

# `user`: rows over the estimable coefficients; `inner`: the same in the engine's coordinates.
new_hypothesis <- function(info, user = inner %*% info$inverse, inner = user %*% info$basis, rhs = 0, term = NULL) {
  list(user = user, inner = inner, rhs = rep_len(rhs, nrow(user)), term = term)
}

hypothesis_rows <- function(hypothesis, transform) {
  list(user = transform %*% hypothesis$user, inner = transform %*% hypothesis$inner,
       rhs = as.vector(transform %*% hypothesis$rhs), term = hypothesis$term)
}

# ---- arguments ----

# L as a numeric matrix over all coefficients.
hypothesis_matrix <- function(fit, L) {
  names <- names(fit_beta(fit))
  L <- force_argument(if (!missing(L)) L, "L")
  if (is.list(L) && !is.data.frame(L)) {
    if (length(unique(lengths(L))) > 1L) lmm_abort("input", "the rows of `L` have different lengths.", what = "L", value = lengths(L))
    L <- do.call(rbind, L)
  }
  if (is.data.frame(L)) L <- as.matrix(L)
  if (!is.numeric(L) || length(dim(L)) > 2L) {
    lmm_abort("input", paste0("`L` must be a numeric vector or matrix, not ", kind_of(L), "."), what = "L")
  }
  if (!all(is.finite(L))) lmm_abort("input", "`L` has missing or infinite values.", what = "L")
  if (is.null(dim(L))) L <- matrix(L, 1L, dimnames = list(NULL, names(L)))
  named <- colnames(L)
  if (!is.null(named) && all(nzchar(named)) && !identical(named, names)) return(match_columns(L, names))
  if (ncol(L) != length(names)) {
    lmm_abort("input", paste0("`L` has ", count_of(ncol(L), "column"), ", model has ", count_of(length(names), "coefficient"),
              "."), what = "L", value = ncol(L), fix = "Name the columns to give only those that are involved.")
  }
  structure(L, dimnames = list(rownames(L), names))
}

match_columns <- function(L, names) {
  at <- match(colnames(L), names)
  if (anyNA(at) && ncol(L) == length(names) && all(is.na(at))) at <- seq_along(names)
  if (anyNA(at)) {
    missing <- colnames(L)[is.na(at)]
    near <- nearest_name(missing[1L], names)
    lmm_abort("input", paste0("`L` names ", enumerate(quote_name(missing)), ", not a coefficient of the model."), what = "L",
              value = missing, fix = if (!is.null(near)) paste0("Did you mean ", quote_name(near), "?"))
  }
  out <- matrix(0, nrow(L), length(names), dimnames = list(rownames(L), names))
  out[, at] <- L
  out
}

check_rhs <- function(rhs, rows) {
  if (is.numeric(rhs) && length(rhs) %in% c(1L, rows) && all(is.finite(rhs))) return(rep_len(as.vector(rhs), rows))
  lmm_abort("input", paste0("`rhs` must be one number or one for each of the ", count_of(rows, "row"), " of `L`."), what = "rhs",
            value = rhs)
}

# Columns of `alias`: every column of X as a combination of those that were kept.
alias_matrix <- function(fit) {
  x <- fit$cross_products$x
  W <- matrix(x$alias, length(x$kept), length(fit_beta(fit)))
  W[, x$kept] <- diag(length(x$kept))
  W
}

# Root of the sum of squares of each column of X.
column_sizes <- function(fit) {
  x <- fit$cross_products$x
  p <- length(x$kept)
  if (!p) return(numeric(length(fit_beta(fit))))
  sqrt(colSums((inverse_basis(matrix(x$basis, p, p)) %*% alias_matrix(fit))^2))
}

# L over the kept coefficients. A row is estimable when it is a combination of the rows of X: then its entry for a
# dropped column follows from the others as the column does.
estimable_rows <- function(fit, L) {
  kept <- fit_estimable(fit)
  if (all(kept)) return(L)
  W <- alias_matrix(fit)
  off <- L[, !kept, drop = FALSE] - L[, kept, drop = FALSE] %*% W[, !kept, drop = FALSE]
  size <- column_sizes(fit)
  size[size == 0] <- 1
  reach <- apply(abs(L) / rep(size, each = nrow(L)), 1L, max)
  bad <- abs(off) / rep(size[!kept], each = nrow(L)) > 1e-7 * reach
  if (any(bad)) abort_not_estimable(fit, which(rowSums(bad) > 0), which(colSums(bad) > 0), W)
  L[, kept, drop = FALSE]
}

abort_not_estimable <- function(fit, rows, columns, W) {
  names <- names(fit_beta(fit))
  kept <- fit_estimable(fit)
  dropped <- which(!kept)[columns]
  words <- vapply(dropped, function(j) alias_words(names[j], names[kept][W[, j] != 0], W[W[, j] != 0, j]), "")
  lmm_abort("unidentified", paste0(row_text(rows), " of `L` cannot be estimated: the data do not tell ",
    if (length(words) > 1L) "these columns" else "this column", " from others (", enumerate(words), ")."), what = names[dropped],
    where = rows, fix = "A hypothesis can be estimated when it is a combination of rows of the model matrix.")
}

# ---- rows ----

# Drops rows that follow from others; their right-hand sides must follow too.
independent_rows <- function(hypothesis, rhs, info) {
  hypothesis$rhs <- rhs
  size <- sqrt(rowSums(hypothesis$inner^2))
  size[size == 0] <- 1
  scaled <- hypothesis_rows(hypothesis, diag(1 / size, length(size)))
  q <- qr(t(scaled$inner), tol = 1e-8)
  if (q$rank == nrow(scaled$inner)) return(list(hypothesis = hypothesis, rhs = rhs))
  use <- sort(q$pivot[seq_len(q$rank)])
  rest <- setdiff(seq_along(size), use)
  weight <- qr.coef(qr(t(scaled$inner[use, , drop = FALSE])), t(scaled$inner[rest, , drop = FALSE]))
  weight[is.na(weight)] <- 0
  off <- scaled$rhs[rest] - crossprod(weight, scaled$rhs[use])
  if (any(abs(off) > 1e-8 * max(abs(scaled$rhs), 0))) {
    lmm_abort("input", "the rows of `L` contradict each other: no coefficients have all values of `rhs`.", what = "rhs",
              value = rhs)
  }
  if (!q$rank) lmm_abort("input", "`L` has no row that is not zero.", what = "L")
  lmm_inform("rank", paste0("`L` has ", count_of(length(size), "row"), ", rank ", q$rank, ": ", row_text(rest),
                            " left out."), what = "L", where = rest)
  pick <- diag(length(size))[use, , drop = FALSE]
  list(hypothesis = hypothesis_rows(hypothesis, pick), rhs = rhs[use])
}

# The same hypothesis by rows that are orthonormal in the metric (X'WX)^-1, which has no units.
invariant_rows <- function(hypothesis, rhs = hypothesis$rhs) {
  hypothesis$rhs <- rhs
  size <- sqrt(rowSums(hypothesis$inner^2))
  scaled <- hypothesis_rows(hypothesis, diag(1 / size, length(size)))
  hypothesis_rows(scaled, solve(t(chol(tcrossprod(scaled$inner)))))
}

# ---- tests ----

t_table <- function(inference, hypothesis, rhs, conf.level) {
  estimate <- as.vector(hypothesis$user %*% inference$info$estimate)
  t_tests(estimate, row_tests(inference, hypothesis), rhs, conf.level, rownames(hypothesis$user))
}

# Tests and intervals of estimates; `test`: list(se, df).
t_tests <- function(estimate, test, rhs, conf.level, names = NULL) {
  statistic <- per_error(estimate - rhs, test$se)
  reach <- stats::qt((1 + conf.level) / 2, test$df) * test$se
  data.frame(Estimate = estimate, `Std. Error` = test$se, df = test$df, `t value` = statistic, lower = estimate - reach,
             upper = estimate + reach, `Pr(>|t|)` = 2 * stats::pt(abs(statistic), test$df, lower.tail = FALSE),
             check.names = FALSE, row.names = names)
}

# Standard error and degrees of freedom of each row.
row_tests <- function(inference, hypothesis) {
  info <- inference$info
  rows <- nrow(hypothesis$user)
  if (anyNA(info$phi) || !rows) return(list(se = rep(NA_real_, rows), df = rep(NA_real_, rows)))
  df <- row_df(inference$method, info, hypothesis)
  df[is.na(df) | df <= 0] <- NA_real_                     # NaN too
  size <- row_sizes(hypothesis$inner)
  variance <- row_variances(hypothesis$inner / size, inference$covariance)
  variance[!(variance >= 0)] <- NA_real_
  if (any(variance == 0, na.rm = TRUE)) warn_no_error(which(variance == 0), rownames(hypothesis$user))
  list(se = size * sqrt(variance) * sqrt(info$sigma2), df = df)
}

# l'Cl of each row; 0 where nothing but rounding is left of it.
row_variances <- function(L, C) {
  variance <- rowSums((L %*% C) * L)
  rounding <- 64 * .Machine$double.eps * rowSums((abs(L) %*% abs(C)) * abs(L))
  replace(variance, which(abs(variance) <= rounding), 0)
}

# An estimate that all clusters agree on exactly has a cluster-robust variance of zero, which is no measure of its error.
warn_no_error <- function(rows, names) {
  what <- if (is.null(names)) row_text(rows) else quote_name(names[rows])
  lmm_warn("precision", paste0("no t test of ", enumerate(what), ": the standard error is zero to working precision."),
           what = what, where = rows, fix = "All clusters have the same estimate. Use a test that goes by the model.")
}

per_error <- function(x, se) ifelse(se > 0, x / se, NA_real_)

# The largest entry of each row: what it is divided by before anything is squared.
row_sizes <- function(L) {
  if (!length(L)) return(rep(1, nrow(L)))
  size <- apply(abs(L), 1L, max)
  replace(size, size == 0, 1)
}

# F tests of hypotheses, a row for each.
f_table <- function(inference, hypotheses) {
  tests <- lapply(hypotheses, f_test, inference = inference)
  column <- function(name) vapply(tests, `[[`, 0, name, USE.NAMES = FALSE)
  rows <- vapply(tests, `[[`, 0L, "rows", USE.NAMES = FALSE)
  ms <- column("ms")
  if (!anyNA(inference$info$phi)) warn_untested(inference$method, tests, rows > 0L & is.na(ms), !is.na(ms) & is.na(column("df")))
  structure(list(`Sum Sq` = ms * rows, `Mean Sq` = ms, NumDF = rows, DenDF = column("df"), `F value` = column("f"),
                 `Pr(>F)` = column("p")),
            row.names = if (is.null(names(tests))) seq_along(tests) else names(tests), class = "data.frame")
}

# `singular`: the covariance matrix of the rows has no inverse; `spent`: no degrees of freedom are left.
warn_untested <- function(method, tests, singular, spent) {
  robust <- method$name == "cluster-robust"
  what <- function(which) if (is.null(names(tests))) "the rows of `L`" else enumerate(quote_name(names(tests)[which]))
  if (any(singular)) {
    lmm_warn("precision", paste0("no F test of ", what(singular), ": the covariance matrix of the estimates is not positive definite in double precision."),
             what = what(singular), where = which(singular),
             fix = if (robust) "There are too few clusters for so many rows, or all agree exactly. Use a test that goes by the model."
                   else "Test rows one by one, or shift the covariates towards their means.")
  }
  if (any(spent)) {
    lmm_warn("precision", paste0("no p-value for ", what(spent), ": there are no denominator degrees of freedom."),
             what = what(spent), where = which(spent),
             fix = if (robust) "There are too few clusters for so many rows. Test rows one by one, or use a test that goes by the model.")
  }
}

# The rows must be independent. The mean square goes with the F statistic before it is scaled.
f_test <- function(hypothesis, inference) {
  info <- inference$info
  q <- nrow(hypothesis$inner)
  raw <- if (q && !anyNA(info$phi)) wald_form(inference$covariance, hypothesis, info) / q else NA_real_
  if (is.na(raw)) return(list(rows = q, ms = NA_real_, df = NA_real_, f = NA_real_, p = NA_real_, scale = NA_real_))
  at <- denominator_df(inference$method, info, hypothesis)
  if (is.na(at$df) || at$df <= 0) at <- list(df = NA_real_, scale = 1)
  f <- at$scale * raw
  list(rows = q, ms = raw * info$sigma2, df = at$df, f = f, scale = at$scale,
       p = if (is.na(at$df)) NA_real_ else stats::pf(f, q, at$df, lower.tail = FALSE))
}

# delta'S^-1 delta; NA where S is not positive definite in double precision.
wald_form <- function(covariance, hypothesis, info) {
  delta <- hypothesis$user %*% info$estimate - hypothesis$rhs
  S <- hypothesis$inner %*% covariance %*% t(hypothesis$inner)
  sizes <- row_sizes(hypothesis$inner)
  if (!all(is.finite(S)) || !all(diag(S) > 0) || any(row_variances(hypothesis$inner / sizes, covariance) == 0)) return(NA_real_)
  size <- sqrt(diag(S))
  half <- tryCatch(solve(S / outer(size, size), delta / size), error = function(e) NA_real_)     # singular in double precision
  sum((delta / size) * half) / info$sigma2
}

# Large-sample chi-square, with the covariance matrix as estimated.
wald_chisq <- function(info, hypothesis, rhs) {
  if (anyNA(info$phi)) return(NA_real_)
  hypothesis$rhs <- rhs
  wald_form(info$phi, hypothesis, info)
}
