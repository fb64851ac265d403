# Linear hypotheses about the fixed effects.

#' Test linear hypotheses
#'
#' Tests `L beta = rhs`, jointly by F or row by row by t.
#'
#' `L` may be a matrix with one column per coefficient (including those that cannot be estimated), one row as a vector
#' or as a matrix of one column, or a vector or matrix with the names of the coefficients that are involved, or
#' equations as text, such as `"treatB - treatC = 0"`. A row that is not estimable is an error, which
#' names the coefficients involved. Redundant rows are dropped with a message.
#'
#' With several rows, Satterthwaite's method transforms them to uncorrelated ones, and the result depends on the scale
#' of the rows it starts from. Here these are made orthonormal in the metric of `(X'WX)^-1`, so that the result depends
#' neither on the rows chosen for a hypothesis nor on units.
#'
#' @param fit a fit made by [lmm()], or draws made by [posterior()].
#' @param L the hypothesis: vector, matrix, or equations as text.
#' @param rhs value or values of `L beta` to be tested.
#' @param joint should all rows be tested jointly by one F test? Otherwise each row is tested by a t test.
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()].
#' @param conf.level level of the confidence intervals of single rows; `level` is another name for it.
#' @param ... options of the method, see [ddf_method()].
#' @return A data frame. For `joint = TRUE` one row with `Sum Sq`, `Mean Sq`, `NumDF`, `DenDF`, `F value`, `Pr(>F)` and
#'   the large-sample test `Chisq`, `Pr(>Chisq)`; otherwise `Estimate`, `Std. Error`, `df`, `t value`, `lower`, `upper`
#'   and `Pr(>|t|)` for each row. With `r` the rank of `L` and `C` the covariance matrix of the estimates (adjusted, for
#'   Kenward-Roger), F is `d' (L C L')^-1 d / r` for `d = L beta - rhs`, scaled for Kenward-Roger, and `Chisq`
#'   is the same without division by `r` at the unadjusted `C`.
#'   Of posterior draws: a row for each row of `L` with the columns of [summary()][summary.lmm_posterior()], where
#'   `pMCMC` is twice the smaller posterior probability of values above and below `rhs`; attribute `"joint"`, with
#'   several rows, is the posterior probability of being further from the center than `rhs`, in the metric of the draws.
#' @section Conditions:
#' `lmm_error_input`: an `L` of the wrong width, with unknown names or missing values, rows that contradict each other
#' given `rhs`, an unknown method or option. `lmm_error_unidentified`: a row that is not estimable. `lmm_message_rank`:
#' rows were dropped. `lmm_warning_precision`: there is no F test, since the covariance matrix of the estimates has no
#' inverse in double precision, or no p-value, since there are no denominator degrees of freedom (too many rows for
#' the number of clusters).
#' @references Fai and Cornelius (1996) J. Statist. Comput. Simul. 54, 363-378. Kenward and Roger (1997) Biometrics 53,
#'   983-997.
#' @seealso [predictable()] for combinations of fixed and random effects, [anova_hypotheses()] for the `L` of a term.
#' @concept contrast
#' @concept linear hypothesis
#' @concept Wald test
#' @concept estimate statement
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' contest(fit, c(treatB = 1, treatC = -1), joint = FALSE)
#' contest(fit, "treatB - treatC = 0", joint = FALSE)
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
  if (missing(ddf)) ddf <- default_ddf(fit)
  check_flag(joint, "joint")
  if (!missing(L) && is.character(L)) {
    equations <- hypothesis_from_text(fit, L)
    rhs <- equation_sides(equations, if (!missing(rhs)) rhs)
    L <- equations$L
  }
  L <- estimable_rows(fit, hypothesis_matrix(fit, L))
  if (!length(L)) lmm_abort("input", if (length(fit_beta(fit))) "`L` is empty." else
    "the model has no fixed effects to test.", what = "L")
  rhs <- check_rhs(rhs, nrow(L))
  inference <- do.call(new_inference, c(list(fit, ddf), without_level(list(...))))
  hypothesis <- new_hypothesis(inference$info, L)
  zero <- if (!joint) which(rowSums(L != 0) == 0)
  if (length(zero)) lmm_abort("input", paste0(row_text(zero), " of `L` ", if (length(zero) == 1L) "is" else "are",
                                              " zero."), what = "L", where = zero)
  if (!joint) return(contest_table(t_table(inference, hypothesis, rhs, conf.level), fit))
  reduced <- independent_rows(hypothesis, rhs, inference$info)
  out <- f_table(inference, list(invariant_rows(reduced$hypothesis, reduced$rhs)))
  chisq <- wald_chisq(inference$info, reduced$hypothesis, reduced$rhs)
  contest_table(data.frame(out, Chisq = chisq, `Pr(>Chisq)` = stats::pchisq(chisq, out$NumDF, lower.tail = FALSE),
                           check.names = FALSE), fit)
}

# Attribute `note`: why nothing is tested.
contest_table <- function(table, fit) structure(as_table(table, "contest_table"), note = exact_note(fit))

# A data frame that tidy() knows.
as_table <- function(x, class) structure(x, class = c(class, "data.frame"))

plain_table <- function(x) structure(x, class = "data.frame")

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
    if (length(unique(lengths(L))) > 1L) lmm_abort("input", "the rows of `L` have different lengths.", what = "L",
                                                   value = lengths(L))
    L <- do.call(rbind, L)
  }
  if (is.data.frame(L)) L <- as.matrix(L)
  if (!is.numeric(L) || length(dim(L)) > 2L) {
    lmm_abort("input", paste0("`L` must be a numeric vector or matrix, not ", kind_of(L), "."), what = "L")
  }
  if (!all(is.finite(L))) lmm_abort("input", "`L` has missing or infinite values.", what = "L")
  if (is.null(dim(L))) L <- matrix(L, 1L, dimnames = list(NULL, names(L)))
  # one row, as a column
  if (ncol(L) == 1L && nrow(L) == length(names) && length(names) > 1L && is.null(colnames(L))) L <- t(L)
  named <- colnames(L)
  if (!is.null(named) && all(nzchar(named)) && !identical(named, names)) return(match_columns(L, names))
  if (ncol(L) != length(names)) {
    lmm_abort("input", paste0("`L` has ", count_of(ncol(L), "column"), ", model has ",
                              count_of(length(names), "coefficient"),
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
    lmm_abort("input", paste0("`L` names ", enumerate(quote_name(missing)), ", not a coefficient of the model."),
              what = "L",
              value = missing, fix = if (!is.null(near)) paste0("Did you mean ", quote_name(near), "?"))
  }
  out <- matrix(0, nrow(L), length(names), dimnames = list(rownames(L), names))
  out[, at] <- L
  out
}

check_rhs <- function(rhs, rows) {
  if (is.numeric(rhs) && length(rhs) %in% c(1L, rows) && all(is.finite(rhs))) return(rep_len(as.vector(rhs), rows))
  lmm_abort("input", paste0("`rhs` must be one number or one for each of the ", count_of(rows, "row"), " of `L`."),
            what = "rhs",
            value = rhs)
}

# Columns of `alias`: every column of X as a combination of those that were kept.
alias_matrix <- function(fit) {
  x <- fit_blocks(fit)$x
  W <- matrix(x$alias, length(x$kept), length(fit_beta(fit)))
  W[, x$kept] <- diag(length(x$kept))
  W
}

# Root of the sum of squares of each column of X.
column_sizes <- function(fit) {
  x <- fit_blocks(fit)$x
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
  lmm_abort("unidentified", paste0(row_text(rows), " of `L` cannot be estimated: ",
    if (length(words) > 1L) "these columns are" else "this column is", " aliased with others (", enumerate(words),
    ")."), what = names[dropped],
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
