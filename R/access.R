# What a fit is made of, by name: model frame, model matrices, parts.

#' Formula, model frame and model matrices
#'
#' @param object,formula,x a fit made by [lmm()].
#' @param fixed.only,random.only the formula without the random terms, or with nothing else; the model frame without the
#'   variables that the fixed effects do not need.
#' @param type `"fixed"`: the fixed-effect matrix; `"random"`: the sparse matrix of all random effects, in the order
#'   of `vcov(fit, full = TRUE)`; `"random_list"`: a list with the dense matrix of each random term, one column per
#'   effect of a level.
#' @param ... not used.
#' @return `formula()` the formula as written, with only one kind of terms if asked for. `model.frame()` a data frame of
#'   the rows used, in which factors have the levels of the fit and text is a factor, as in 'lme4'; `model.matrix()` a
#'   matrix with a row per row used (`"random"`: sparse, of package 'Matrix', a column for each effect, named by its
#'   level), or a list of matrices.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, `fixed.only` and `random.only` both `TRUE`, or a fit that does not keep its
#' rows (`lmm_control(keep_rows = FALSE)`).
#' @seealso [getME()] for other parts of a fit.
#' @concept design matrix
#' @concept model frame
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' head(model.matrix(fit))
#' dim(model.matrix(fit, "random"))
#' formula(fit, fixed.only = TRUE)
#' @name model.matrix.lmm_fit
NULL

#' @rdname model.matrix.lmm_fit
#' @importFrom stats formula
#' @export
formula.lmm_fit <- function(x, fixed.only = FALSE, random.only = FALSE, ...) {
  out <- fit_spec(x)$formula
  environment(out) <- fit_places(x)$formula
  check_flag(fixed.only, "fixed.only")
  check_flag(random.only, "random.only")
  if (fixed.only && random.only) {
    lmm_abort("input", "`fixed.only` and `random.only` are both TRUE.", what = c("fixed.only", "random.only"))
  }
  if (fixed.only) out[[3L]] <- stats::formula(fit_frame(x)$terms)[[3L]]
  if (random.only) out[[3L]] <- str2lang(paste(written_terms(fit_spec(x)$random), collapse = " + "))
  out
}

#' @importFrom stats terms
#' @export
terms.lmm_fit <- function(x, ...) fit_frame(x)$terms

#' @rdname model.matrix.lmm_fit
#' @importFrom stats model.frame
#' @export
model.frame.lmm_fit <- function(formula, fixed.only = FALSE, ...) {
  data <- fit_rows(formula, "model.frame()")$data
  data[] <- lapply(data, as_used_factor)
  if (!check_flag(fixed.only, "fixed.only")) return(data)
  data[names(data) %in% c(variable_labels(fit_frame(formula)$terms), "(weights)", "(offset)")]
}

# Text as a factor with the order of levels of a fit, and a factor without the levels that do not occur.
as_used_factor <- function(x) {
  if (is.character(x) && is.null(dim(x))) return(factor(x, in_order(unique(x))))
  if (is.factor(x) && !all(tabulate(x, nlevels(x)) > 0L)) droplevels(x) else x
}

#' @rdname model.matrix.lmm_fit
#' @importFrom stats model.matrix
#' @export
model.matrix.lmm_fit <- function(object, type = c("fixed", "random", "random_list"), ...) {
  type <- check_choice(type[1L], c("fixed", "random", "random_list"), "type")
  rows <- fit_rows(object, "model.matrix()")
  if (type == "random") {
    Z <- sparse_random_design(object, rows, factors = lapply(fit_random(object), function(term) diag(term$q)),
                              related = FALSE)
    levels <- Map(function(b) rep(rownames(b), each = ncol(b)), fit_modes(object))
    Z@Dimnames <- list(row_labels(rows), unlist(levels, use.names = FALSE))
    return(Z)
  }
  d <- design(fit_frame(object), rows)
  if (type == "random_list") {
    return(stats::setNames(Map(name_matrix, d$Z, list(rows), lapply(fit_random(object), `[[`, "columns")),
                           fit_term_names(object)))
  }
  structure(name_matrix(d$X, rows, fit_frame(object)$x_names), assign = fit_frame(object)$x_assign,
            contrasts = fit_frame(object)$contrasts)
}

name_matrix <- function(X, rows, columns) {
  dimnames(X) <- list(row_labels(rows), columns)
  X
}

#' @rdname getME
#' @export
getME.lmm_fit <- function(object, name, ...) {
  if (identical(name, "ALL")) name <- names(fit_parts)
  for (one in check_texts(name, "name")) check_choice(one, names(fit_parts), "name")
  check_parts_for_kenward(object, name, parent.frame())
  out <- lapply(name, function(one) fit_parts[[one]](object))
  if (length(name) == 1L) out[[1L]] else stats::setNames(out, name)
}

fit_parts <- list(
  X = function(fit) model.matrix(fit),
  Z = function(fit) model.matrix(fit, "random"),
  Zt = function(fit) Matrix::t(model.matrix(fit, "random")),
  Ztlist = function(fit) term_blocks(fit),
  mmList = function(fit) model.matrix(fit, "random_list"),
  y = function(fit) fit_rows(fit, "getME()")$y,
  mu = function(fit) mean_response(fit, fit_rows(fit, "getME()")),
  offset = function(fit) {
    rows <- fit_rows(fit, "getME()")
    if (is.null(rows$offset)) numeric(rows$n) else as.vector(rows$offset)
  },
  weights = function(fit) row_weights(fit_rows(fit, "getME()")),
  beta = function(fit) unname(fit_beta(fit)),
  fixef = function(fit) fit_beta(fit),
  b = function(fit) unlist(lapply(fit_modes(fit), t), use.names = FALSE),
  u = function(fit) {
    refuse_related(fit_frame(fit), "getME(fit, \"u\") is")
    spherical(fit)
  },
  theta = function(fit) stats::setNames(fit_theta(fit), theta_names(fit)),
  lower = function(fit) stats::setNames(ifelse(theta_on_diagonal(fit), 0, -Inf), theta_names(fit)),
  Lambda = function(fit) stats::setNames(fit_factors(fit), fit_term_names(fit)),
  Lambdat = function(fit) {
    refuse_related(fit_frame(fit), "getME(fit, \"Lambdat\") is")
    transposed_factor(fit)
  },
  RX = function(fit) relative_root(fit),
  Sigma = function(fit) fit_covariance(fit),
  sigma = function(fit) fit_limit_sigma(fit),
  flist = function(fit) grouping_data(fit),
  cnms = function(fit) stats::setNames(lapply(fit_random(fit), `[[`, "columns"),
                                       names(fit_groups(fit))[fit_term_groups(fit)]),
  N = function(fit) fit_nobs(fit),
  n = function(fit) fit_nobs(fit),
  p = function(fit) fit_rank(fit),
  q = function(fit) sum(lengths(fit_modes(fit))),
  Gp = function(fit) unname(c(0L, cumsum(term_sizes(fit)$levels * term_sizes(fit)$columns))),
  p_i = function(fit) term_sizes(fit)$columns,
  l_i = function(fit) term_sizes(fit)$levels,
  q_i = function(fit) term_sizes(fit)$columns * term_sizes(fit)$levels,
  m_i = function(fit) term_sizes(fit)$parameters,
  m = function(fit) n_theta(fit),
  k = function(fit) length(fit_random(fit)),
  n_rtrms = function(fit) length(fit_random(fit)),
  n_rfacs = function(fit) length(fit_groups(fit)),
  is_REML = function(fit) fit_is_reml(fit),
  REML = function(fit) if (fit_is_reml(fit)) fit_rank(fit) else 0L,
  devcomp = function(fit) criterion_parts(fit),
  singular = function(fit) stats::setNames(fit_singular(fit), fit_term_names(fit)),
  conditions = function(fit) fit_conditions(fit),
  optimum = function(fit) fit_optimum(fit)
)

# Columns, levels and parameters of each random term.
term_sizes <- function(fit) {
  random <- fit_random(fit)
  columns <- vapply(random, function(term) as.integer(term$q), 0L)
  parameters <- vapply(random, function(term) nrow(term_entries(term)), 0L)
  lapply(list(columns = columns, levels = vapply(fit_modes(fit), nrow, 0L), parameters = parameters), stats::setNames,
         fit_term_names(fit))
}

# For each column of each random term the sparse matrix levels x rows.
term_blocks <- function(fit) {
  d <- design(fit_frame(fit), fit_rows(fit, "getME()"))
  out <- Map(function(Z, term) {
    levels <- length(fit_group_levels(fit, term$group))
    columns <- lapply(seq_len(term$q),
                      function(j) Matrix::t(sparse_columns(Z[, j, drop = FALSE], d$codes[[term$group]], levels)))
    stats::setNames(columns, paste(names(fit_groups(fit))[term$group], term$columns, sep = "."))
  }, d$Z, fit_random(fit))
  unlist(unname(out), recursive = FALSE)
}

# Upper triangular R with R'R = sigma^2 vcov^-1; its diagonal is positive.
relative_root <- function(fit) {
  info <- fit_information(fit, full = FALSE)
  R <- if (anyNA(info$phi) || !length(info$phi)) info$phi else qr.R(qr(solve(t(chol(info$phi)), info$inverse)))
  structure(R * ifelse(diag(R) < 0, -1, 1), dimnames = list(names(info$estimate), names(info$estimate)))
}

spherical <- function(fit) {
  if (fit_is_exact(fit)) return(NA_real_)
  unlist(Map(spherical_modes, fit_modes(fit), fit_factors(fit)), use.names = FALSE)
}

transposed_factor <- function(fit) {
  Matrix::t(Matrix::bdiag(Map(function(L, n) Matrix::kronecker(Matrix::Diagonal(n), L), fit_factors(fit),
                              term_sizes(fit)$levels)))
}

# u with b = Lambda u of smallest length, a column for each level; a column of Lambda that is zero has u = 0.
spherical_modes <- function(b, L) tcrossprod(pseudo_inverse(L), b)

theta_on_diagonal <- function(fit) {
  unlist(lapply(fit_random(fit), function(term) term_entries(term)[, 1L] == term_entries(term)[, 2L]))
}

theta_names <- function(fit) {
  unlist(lapply(fit_random(fit), function(term) {
    group <- names(fit_groups(fit))[term$group]
    at <- term_entries(term)
    if (!nrow(at)) return(NULL)
    paste0(group, ".", term$columns[at[, 1L]],
           ifelse(at[, 1L] == at[, 2L], "", paste0(".", term$columns[at[, 2L]])))
  }))
}

# Grouping factors of the rows used, as a data frame of factors.
grouping_data <- function(fit) {
  rows <- fit_rows(fit, "getME()")
  out <- Map(function(code, group) structure(as.integer(code), levels = group$levels, class = "factor"),
             unname(rows$codes), unname(fit_groups(fit)))
  structure(stats::setNames(out, names(fit_groups(fit))), class = "data.frame",
            row.names = attr(rows$data, "row.names"),
            assign = fit_term_groups(fit))
}

# The pieces of the criterion, under the names that 'lme4' gives them.
criterion_parts <- function(fit) {
  n <- fit_nobs(fit)
  p <- fit_rank(fit)
  reml <- fit_is_reml(fit)
  exact <- fit_is_exact(fit)
  pwrss <- fit_sigma(fit)^2 * (n - if (reml) p else 0L)
  ussq <- sum(getME(fit, "u")^2)
  ldRX2 <- if (exact) NA_real_ else if (p > 0L) fit_log_det_x(fit) else 0
  w <- fit_stored_rows(fit)$weights
  ldW <- if (is.null(w)) 0 else sum(log(w[w > 0]))
  ldL2 <- criterion_at_optimum(fit, REML = FALSE) + ldW - n * (1 + log(2 * pi * pwrss / n))
  list(
    cmp = c(ldL2 = ldL2, ldRX2 = ldRX2, ldW = ldW, wrss = pwrss - ussq, ussq = ussq, pwrss = pwrss,
            REML = if (reml) fit_criterion(fit) else NA_real_, dev = if (reml) NA_real_ else fit_criterion(fit),
            sigmaML = sqrt(pwrss / n), sigmaREML = sqrt(pwrss / (n - p))),
    dims = c(n = n, p = p, nmp = n - p, q = sum(lengths(fit_modes(fit))), nth = length(fit_theta(fit)),
             REML = if (reml) p else 0L)
  )
}

#' @exportS3Method lme4::isREML
isREML.lmm_fit <- function(x, ...) fit_is_reml(x)

#' @exportS3Method lme4::isLMM
isLMM.lmm_fit <- function(x, ...) TRUE
