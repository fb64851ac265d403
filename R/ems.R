# The ANOVA route to variance components: mean squares, their expectations, tests and moment estimates.

#' Expected mean squares
#'
#' Analysis of variance of a mixed model in which all effects, random ones too, are first treated as fixed: sums of
#' squares of type 1, 2 or 3, the expectations of the mean squares under the mixed model for any unbalanced design, F
#' tests with error terms made of mean squares, and estimates of variance components by the method of moments.
#'
#' With orthonormal basis `Q` of the space of an effect (`df` columns) its mean square is `|Q'y|^2 / df`, with
#' expectation `sigma^2 + sum_k sigma_k^2 |Q'Z_k|^2 / df` plus a quadratic form in the fixed effects, which is shown as
#' `Q(a, b)`. A grouping factor whose levels lie within those of other factors of the model contains these, however they
#' are named. Types 1 to 3 are those of SAS (Goodnight 1978): sequential, with fixed effects first and then random
#' effects from main effects to interactions; adjusted for all effects that do not contain the effect; and from
#' estimable functions that are orthogonal to those of the effects that contain it. Type 3 is defined for empty cells
#' too, but its hypotheses are then of little use.
#'
#' An F test needs an error term with the expectation that the mean square has under the hypothesis. It is found as a
#' combination of the mean squares of the other random effects and the residual; its degrees of freedom are
#' Satterthwaite's. Moment estimates equate mean squares and expectations and may be negative. MIVQUE0 (Hartley, Rao and
#' LaMotte 1978) equates the quadratic forms `y'MZ_kZ_k'My`, where `M` projects out the fixed effects.
#'
#' With one random effect the ratio of its variance to the residual variance has an exact confidence interval by
#' F quantiles (Wald 1940; Seely and El-Bassiouni 1983), and so has the intraclass correlation. Its lower limit may be
#' negative.
#'
#' @param object a fit made by [lmm()] that keeps its rows, or a formula as for [lmm()]. Random terms must be of the
#'   form `(1 | g)`.
#' @param data a data frame, if `object` is a formula.
#' @param type 1, 2 or 3, also `"I"`, `"II"`, `"III"`.
#' @param level confidence level of the exact interval; `conf.level` is another name for it.
#' @param x,digits see [print()].
#' @param ... not used.
#' @return An object of class `ems`: a list with
#'   \describe{
#'     \item{`table`}{data frame: source, degrees of freedom, sum of squares, mean square}
#'     \item{`ems`}{matrix of coefficients of the variance components, a row per source; attribute `"fixed"`: the fixed
#'       effects in each}
#'     \item{`tests`}{data frame: F, degrees of freedom, p-value, error term}
#'     \item{`components`}{matrix of moment estimates and MIVQUE0 estimates}
#'     \item{`icc`}{estimate and exact interval of the intraclass correlation, for one random effect}
#'     \item{`total`}{degrees of freedom and sum of squares about the mean}
#'     \item{`cv`}{coefficient of variation, the square root of the sum of the moment estimates divided by the mean; and
#'       the one that PROC GLM calls Coeff Var, root mean square error divided by the mean, in percent}
#'   }
#' @section Conditions:
#' `lmm_error_input`: random terms other than `(1 | g)`, an unknown `type`, a `level` outside 0 to 1, a fit that
#' does not keep its rows; for a formula also those of [lmm()]. `lmm_error_numeric`: so many levels that matrices of
#' that order do not fit in memory.
#' @references Goodnight (1978) SAS Technical Report R-105. Hartley (1967) Biometrics 23, 105-114. Searle, Casella and
#'   McCulloch (1992) *Variance Components*, chapters 4 and 5.
#' @seealso [quantity()] for modified large-sample and generalized intervals of functions of the components,
#'   [gauge_rr()].
#' @concept variance components
#' @concept method of moments
#' @concept nested analysis of variance
#' @concept MLS
#' @concept modified large-sample interval
#' @concept generalized confidence interval
#' @concept exact F test
#' @concept expected mean squares
#' @concept analysis of variance
#' @examples
#' ems(bw ~ 1 + (1 | sire), sires)
#' ems(yield ~ irrigation * variety + (1 | field), irrigation)
#' @export
ems <- function(object, data, type = 3, level = 0.95, ...) {
  type <- check_type(type)
  model <- fewer_rows(ems_model(object, if (missing(data)) NULL else data))
  spaces <- effect_spaces(model, type)
  analysis <- ems_analysis(model, spaces)
  components <- moment_estimates(analysis)
  out <- list(type = type, formula = model$formula, response = model$response, n = model$n, table = analysis$table,
              ems = analysis$ems, tests = synthesized_tests(analysis),
              components = cbind(moments = components, MIVQUE0 = mivque0(model, spaces)),
              icc = exact_icc(model, components, level), level = level, cv = variation(model, components, analysis),
              total = corrected_total(model))
  structure(out, class = "ems")
}

# Degrees of freedom and sum of squares about the mean (about 0 without an intercept).
corrected_total <- function(model) {
  mean <- orthonormal(model$intercept)
  c(Df = model$n - ncol(mean), `Sum Sq` = sum((model$y - mean %*% crossprod(mean, model$y))^2))
}

# Rows and effects, from a fit or a formula.
ems_model <- function(object, data) {
  if (inherits(object, "lmm_fit")) {
    refuse_iterative(object, "the moments of ems() are")
    refuse_structured(object, "expected mean squares are")
    frame <- object$frame
    rows <- fit_rows(with_cell_rows(object), "ems()")
  } else {
    framed <- model_frame(model_spec(object, TRUE), check_data(data), NULL, NULL, NULL, NULL, NULL, parent.frame(2L))
    frame <- framed$frame
    rows <- framed$rows
  }
  d <- design(frame, rows)
  used <- used_rows(rows)
  root <- sqrt(row_weights(rows)[used])
  effects <- c(ems_fixed_effects(frame, rows), ems_random_effects(frame, rows))
  effects <- lapply(effects, function(effect) {
    effect$Z <- effect$Z[used, , drop = FALSE] * root
    effect
  })
  one <- if (are_cell_rows(rows)) rows$constant[used] else 1
  intercept <- if (attr(frame$terms, "intercept")) matrix(root * one) else matrix(0, length(root), 0L)
  list(formula = frame$spec$formula, response = frame$response, y = d$y[used] * root,
       mean = sum(d$y[used] * root^2 * one) / sum(root^2 * one),
       n = observed_rows(rows), intercept = intercept, effects = effects, random = vapply(effects, `[[`, NA, "random"),
       labels = vapply(effects, `[[`, "", "label"))
}

# Each fixed term by the indicators of all its cells, times its covariates.
ems_fixed_effects <- function(frame, rows) {
  use <- attr(frame$terms, "factors")
  lapply(seq_along(attr(frame$terms, "term.labels")), function(k) {
    labels <- rownames(use)[use[, k] > 0]
    labels <- vapply(labels, function(label) variable_label(str2lang(label)), "", USE.NAMES = FALSE)
    factors <- intersect(labels, names(frame$xlevels))
    covariates <- setdiff(labels, factors)
    cells <- if (length(factors)) interaction(lapply(rows$data[factors], as.factor), drop = TRUE)
    Z <- if (length(factors)) indicators(as.integer(cells), nlevels(cells)) else indicators(rep(1L, rows$n), 1L)
    for (label in covariates) {
      x <- unclass(rows$data[[label]])
      x <- x / max(abs(x), .Machine$double.xmin)
      Z <- row_products(Z, if (length(dim(x)) == 1L) as.vector(x) else x)
    }
    if (are_cell_rows(rows)) Z <- ems_cell_columns(Z, rows, covariates, frame$terms)
    list(label = attr(frame$terms, "term.labels")[k], random = FALSE, factors = factors, covariates = covariates, Z = Z)
  })
}

# Of rows that stand for cells: indicators times the constant. A covariate has its values in them, a product of two has
# not.
ems_cell_columns <- function(Z, rows, covariates, terms) {
  free <- setdiff(covariates, attr(rows$data, "sums")$keys)
  if (length(free) > 1L) lmm_abort("input", "ems() takes products of covariates from rows only.", what = free,
                                   fix = "Fit a data frame.")
  if (length(free)) Z else Z * rows$constant
}

# From main effects to interactions, otherwise as in the formula.
ems_random_effects <- function(frame, rows) {
  effects <- lapply(frame$random[formula_order(frame)], function(term) {
    if (!identical(term$columns, "(Intercept)")) {
      lmm_abort("input", paste0("ems() takes random terms of the form (1 | g), not (", term$label, ")."),
                what = term$label)
    }
    group <- frame$groups[[term$group]]
    list(label = group$name, random = TRUE, factors = vapply(group_parts(group$expr), variable_label, ""),
         covariates = character(),
         Z = indicators(rows$codes[[term$group]],
         length(group$levels)) * (if (are_cell_rows(rows)) rows$constant else 1),
         code = rows$codes[[term$group]])
  })
  known <- unique(c(names(frame$xlevels), unlist(lapply(effects, `[[`, "factors"))))
  effects <- lapply(effects, function(effect) {
    outer <- vapply(known, function(label) is_constant_within(rows$data[[label]], effect$code), NA)
    effect$factors <- union(effect$factors, known[outer])
    effect
  })
  effects[order(vapply(effects, function(effect) length(effect$factors), 0L))]
}

indicators <- function(code, levels) sparse_columns(matrix(1, length(code), 1L), code, levels)

# The same model with as many rows as it has columns: by a rotation of the rows, which changes no sum of squares.
fewer_rows <- function(model) {
  parts <- c(list(model$intercept), lapply(model$effects, `[[`, "Z"), list(matrix(model$y)))
  width <- vapply(parts, ncol, 0L)
  columns <- sum(width)
  if (12 * 8 * columns^2 > available_memory()) {
    lmm_abort("numeric",
              paste0("the effects have ", columns - 1L,
                     " levels and columns together; their analysis of variance needs more memory than there is."),
              value = columns - 1L, fix = "Fit the model by lmm(), which needs no such matrix.")
  }
  all <- do.call(cbind, lapply(parts, methods::as, "CsparseMatrix"))
  if (model$n > columns) all <- Matrix::qrR(Matrix::qr(all), backPermute = TRUE, row.names = FALSE)
  at <- split(seq_len(columns), factor(rep(seq_along(parts), width), seq_along(parts)))
  part <- function(k) as.matrix(all[, at[[k]], drop = FALSE])
  model$intercept <- part(1L)
  for (k in seq_along(model$effects)) model$effects[[k]]$Z <- part(k + 1L)
  model$y <- as.vector(part(length(parts)))
  model
}

# Mean squares and coefficients of their expectations; the residual is the last row.
ems_analysis <- function(model, spaces) {
  random <- which(model$random)
  df <- c(vapply(spaces$effects, ncol, 0L), spaces$df_residual)
  ss <- c(vapply(spaces$effects, function(Q) sum(crossprod(Q, model$y)^2), 0), spaces$rss)
  ss[ss <= (64 * .Machine$double.eps)^2 * sum(model$y^2)] <- 0            # rounding of y
  share <- function(Q, k) if (ncol(Q)) sum(crossprod(Q, model$effects[[k]]$Z)^2) / ncol(Q) else NA_real_
  C <- vapply(random, function(k) vapply(spaces$effects, share, 0, k), numeric(length(spaces$effects)))
  C <- rbind(matrix(C, length(spaces$effects)), 0)
  C[abs(C) <= 1e-9 * max(C, na.rm = TRUE)] <- 0
  sources <- make.unique(c("Residual", model$labels))[c(seq_along(model$labels) + 1L, 1L)]
  C <- cbind(C, 1)
  dimnames(C) <- list(sources, sources[c(random, length(sources))])
  fixed <- c(lapply(spaces$effects, function(Q) {
    touched <- vapply(which(!model$random), function(k) {
      Z <- model$effects[[k]]$Z
      sum(crossprod(Q, Z)^2) > 1e-16 * sum(Z^2)
    }, NA)
    model$labels[!model$random][touched]
  }), list(character()))
  table <- data.frame(Df = df, `Sum Sq` = ss, `Mean Sq` = ss / ifelse(df > 0, df, NA), row.names = sources,
                      check.names = FALSE)
  list(table = table, ems = structure(C, fixed = stats::setNames(fixed, sources)), random = c(model$random, TRUE))
}

# The components that make the mean squares of the random effects equal to their expectations.
moment_estimates <- function(analysis) {
  use <- analysis$random & analysis$table$Df > 0
  C <- analysis$ems[use, , drop = FALSE]
  names <- colnames(analysis$ems)
  if (nrow(C) < ncol(C) || qr(C)$rank < ncol(C)) return(stats::setNames(rep(NA_real_, length(names)), names))
  stats::setNames(as.vector(qr.solve(C, analysis$table$`Mean Sq`[use])), names)
}

# Matrices of quadratic forms with V_k = Z_k Z_k' and the identity, fixed effects projected out.
mivque0 <- function(model, spaces) {
  own <- cbind(model$intercept, do.call(cbind, lapply(model$effects[!model$random], `[[`, "Z")))
  Q <- orthonormal(own)
  out <- function(A) A - Q %*% crossprod(Q, A)
  Z <- lapply(model$effects[model$random], function(effect) out(effect$Z))
  y <- out(matrix(model$y))
  K <- length(Z)
  S <- matrix(0, K + 1L, K + 1L)
  for (i in seq_len(K)) for (j in seq_len(i)) S[i, j] <- S[j, i] <- sum(crossprod(Z[[i]], Z[[j]])^2)
  S[K + 1L, seq_len(K)] <- S[seq_len(K), K + 1L] <- vapply(Z, function(z) sum(z^2), 0)
  S[K + 1L, K + 1L] <- model$n - ncol(Q)
  q <- c(vapply(Z, function(z) sum(crossprod(z, y)^2), 0), sum(y^2))
  scale <- sqrt(diag(S))
  as.vector(qr.solve(S / outer(scale, scale), q / scale)) / scale
}
