# Variances, standard deviations and correlations of the random effects.

#' Variance components of a fit
#'
#' @param x a fit made by [lmm()], or for the other methods what `VarCorr()` returned.
#' @param sigma factor by which to multiply the standard deviations.
#' @param digits significant digits; correlations are shown with `max(2, digits - 2)` decimals.
#' @param comp what to show: `"Std.Dev."`, `"Variance"` or both (the default where variances may be negative).
#' @param order `"cov.last"`: variances of a term first, then its covariances; `"lower.tri"`: lower triangle by columns.
#' @param row.names,optional,... see [as.data.frame()].
#' @return A list of covariance matrices, one per random term, with attributes `"stddev"` and `"correlation"`;
#'   the residual standard deviation is its attribute `"sc"`. `as.data.frame()` has columns `grp`, `var1`, `var2`,
#'   `vcov` and `sdcor`, the last with standard deviations and correlations. The covariances of a diagonal
#'   term are zero by definition and not listed. A fit by the iterative solver has one more column, `mc.error`, printed
#'   as `MC error`: twice the Monte Carlo error of `sdcor`. Standard deviations are in units of the response by those of
#'   the column, variances and covariances in their products.
#' @section Conditions:
#' A `sigma` that is not a number, or below 0, is an error of class `lmm_error_input`.
#' @seealso [variance_components()] for standard errors, [confint][confint.lmm_fit] for limits, [quantity()]
#'   for the intraclass correlation and other functions of the variances, [ems()] for estimates from mean
#'   squares.
#' @concept variance components
#' @concept standard deviation of random effects
#' @concept correlation of random effects
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' VarCorr(fit)
#' print(VarCorr(fit), comp = "Variance")
#' as.data.frame(VarCorr(fit))
#' @method VarCorr lmm_fit
#' @export
VarCorr.lmm_fit <- function(x, sigma = 1, ...) {
  check_number(sigma, "sigma", lower = 0)
  terms <- Map(describe_covariance, fit_covariance(x), fit_random(x), sigma)
  terms <- Map(function(own, t, term) {
    if (is_across(term)) return(describe_across(x, t, sigma))
    if (is_special(term)) own <- structure(own, listed = listed_parameters(x, t, sigma))
    related_text(own, term, fit_groups(x)[[term$group]])
  }, terms, seq_along(terms), fit_random(x))
  structure(stats::setNames(terms, fit_term_names(x)), bounded = fit_is_bounded(x), sc = fit_shown_sigma(x) * sigma,
            useSc = !isTRUE(fit_blocks(x)$owns_scale),
            residual = if (is_structured(x)) rbind(residual_parameters(x), held_residual_parameters(x)),
            monte_carlo = if (sigma == 1) monte_carlo_by_term(x), class = "VarCorr.lmm_fit")
}

#' @importFrom nlme VarCorr
#' @export
nlme::VarCorr

describe_covariance <- function(covariance, term, scale) {
  covariance <- covariance * scale^2
  dimnames(covariance) <- list(term$columns, term$columns)
  sd <- real_root(diag(covariance))
  out <- structure(covariance, stddev = stats::setNames(sd, term$columns), correlation = as_correlation(covariance))
  if (!is_triangle(term)) attr(out, "structure") <- term$structure
  if (is_special(term) && !is.null(term$label)) attr(out, "text") <- paste0(term$word, "(", term$label, "): ",
                                                                            structure_label(term))
  out
}

# The parameters of a special term, in the columns of as.data.frame().
listed_parameters <- function(fit, t, scale) {
  parameters <- variance_parameters(fit)
  own <- parameters$term == t
  power <- c(variance = 1, specific = 1, loading = 0.5, rho = 0, range = 0)[parameters$kind[own]]
  root <- ifelse(parameters$kind[own] %in% c("variance", "specific"), 0.5, 1) * power
  place <- ifelse(parameters$kind[own] == "specific", paste("specific", parameters$var1[own]), parameters$var1[own])
  out <- data.frame(var1 = place, var2 = ifelse(parameters$kind[own] == "rho", "cor", parameters$var2[own]),
                    vcov = variance_estimates(fit, "variance")[own] * scale^(2 * power),
                    sdcor = variance_estimates(fit, "sd")[own] * scale^(2 * root), stringsAsFactors = FALSE)
  rbind(out, held_term_rows(fit, t, scale)[names(out)])
}

# A correlation with a variable that does not vary is not defined: NA, never NaN.
as_correlation <- function(covariance) {
  sd <- real_root(diag(covariance))
  R <- covariance / outer(sd, sd)
  R[!is.finite(R)] <- NA_real_
  R[] <- pmin(pmax(R, -1), 1)
  diag(R) <- 1
  R
}

has_correlations <- function(term) ncol(term) > 1L && !any(has_no_correlations(attr(term, "structure")))

#' @rdname VarCorr.lmm_fit
#' @export
as.data.frame.VarCorr.lmm_fit <- function(x, row.names = NULL, optional = FALSE,
                                          order = c("cov.last", "lower.tri"), ...) {
  order <- check_choice(order[1L], c("cov.last", "lower.tri"), "order")
  parts <- Map(long_covariance, unclass(x)[seq_along(x)], names(x), order)
  residual <- data.frame(grp = "Residual", var1 = NA_character_, var2 = NA_character_,
                         vcov = attr(x, "sc")^2, sdcor = attr(x, "sc"), stringsAsFactors = FALSE)
  out <- do.call(rbind, c(unname(parts), list(residual_rows_of(attr(x, "residual")),
                                         if (attr(x, "useSc")) residual)))
  out$mc.error <- monte_carlo_of_rows(out, attr(x, "monte_carlo")$table)
  row.names(out) <- check_row_names(row.names, nrow(out))
  out
}

# Errors of one column, row by row; NULL for a direct fit.
monte_carlo_of_rows <- function(rows, table, scale = "sdcor") {
  if (is.null(table)) return(NULL)
  key <- function(x) paste(x$grp, x$var1, x$var2)
  table[[scale]][match(key(rows), key(table))]
}

# Parameters of a residual structure: variances with their roots, covariances with the correlations, and all else in
# both columns.
residual_rows_of <- function(own) {
  if (is.null(own)) return(NULL)
  root <- ifelse(own$kind == "variance", sqrt(abs(own$estimate)),
                 ifelse(own$kind == "covariance", covariance_correlations(own), own$estimate))
  data.frame(grp = "Residual", var1 = own$name, var2 = NA_character_, vcov = own$estimate, sdcor = root,
             stringsAsFactors = FALSE)
}

# Correlations that belong to the covariances of two visits; NA where the structure has no variance of them.
covariance_correlations <- function(own) {
  variances <- own[own$kind == "variance", ]
  at <- function(visit) variances$estimate[match(paste(own$group, visit), paste(variances$group, variances$row))]
  own$estimate / sqrt(at(own$row) * at(own$col))
}

long_covariance <- function(term, name, order) {
  if (!is.null(attr(term, "listed"))) {
    listed <- attr(term, "listed")
    return(data.frame(grp = rep(name, nrow(listed)), listed, stringsAsFactors = FALSE))
  }
  q <- ncol(term)
  at <- which(lower.tri(diag(q), diag = TRUE), arr.ind = TRUE)
  if (!has_correlations(term)) at <- at[at[, 1L] == at[, 2L], , drop = FALSE]
  variance <- at[, 1L] == at[, 2L]
  if (order == "cov.last") at <- rbind(at[variance, , drop = FALSE], at[!variance, , drop = FALSE])
  variance <- at[, 1L] == at[, 2L]
  label <- colnames(term)
  sdcor <- attr(term, "correlation")[at]
  sdcor[variance] <- attr(term, "stddev")
  data.frame(grp = name, var1 = label[at[, 2L]], var2 = ifelse(variance, NA_character_, label[at[, 1L]]),
             vcov = term[at], sdcor = unname(sdcor), stringsAsFactors = FALSE)
}

#' @rdname VarCorr.lmm_fit
#' @export
print.VarCorr.lmm_fit <- function(x, digits = max(3L, getOption("digits") - 2L), comp = default_comp(x), ...) {
  shown <- format(x, digits = digits, comp = comp)
  if (nrow(shown)) print(shown, quote = FALSE, ...)
  for (term in unclass(x)[seq_along(x)]) if (!is.null(attr(term, "text"))) cat(attr(term, "text"), "\n", sep = "")
  invisible(x)
}

#' @rdname VarCorr.lmm_fit
#' @export
# Rounded to 13 digits first: the last bits must not decide a tie (2.1075 prints as 2.107 or 2.108).
format.VarCorr.lmm_fit <- function(x, digits = max(3L, getOption("digits") - 2L), comp = default_comp(x), ...) {
  for (one in check_texts(comp, "comp")) check_choice(one, c("Variance", "Std.Dev."), "comp")
  terms <- unclass(x)[seq_along(x)]
  size <- vapply(terms, ncol, 0L)
  first <- as.logical(unlist(lapply(size, function(q) seq_len(q) == 1L), use.names = FALSE))
  sd <- c(unlist(lapply(terms, attr, "stddev"), use.names = FALSE), attr(x, "sc"))
  variance <- sd^2
  negative <- is.na(sd)
  variance[negative] <- unlist(lapply(terms, diag), use.names = FALSE)[negative[-length(sd)]]
  out <- cbind(
    Groups = c(ifelse(first, rep(names(terms), size), ""), "Residual"),
    Name = c(unlist(lapply(terms, colnames), use.names = FALSE), ""),
    if ("Variance" %in% comp) cbind(Variance = format(signif(variance, 13L), digits = digits)),
    if ("Std.Dev." %in% comp) cbind(Std.Dev. = format(signif(sd, 13L), digits = digits)),
    format_monte_carlo(attr(x, "monte_carlo")),
    format_correlations(terms, max(2L, digits - 2L))
  )
  rownames(out) <- rep("", nrow(out))
  if (attr(x, "useSc")) out else out[-nrow(out), , drop = FALSE]
}

# Twice the Monte Carlo errors of the standard deviations.
format_monte_carlo <- function(errors) {
  if (is.null(errors)) return(NULL)
  cbind(`MC error` = format(c(unlist(errors$terms), errors$sigma), digits = 1L))
}

default_comp <- function(x) if (isFALSE(attr(x, "bounded"))) c("Variance", "Std.Dev.") else "Std.Dev."

# Lower triangles of the correlation matrices, stacked; NULL when no term has any.
format_correlations <- function(terms, decimals) {
  width <- max(c(0L, vapply(terms, function(term) if (has_correlations(term)) ncol(term) - 1L else 0L, 0L)))
  if (width == 0L) return(NULL)
  blocks <- lapply(terms, function(term) {
    out <- matrix("", ncol(term), width)
    if (has_correlations(term)) {
      R <- attr(term, "correlation")
      low <- lower.tri(R)
      shown <- matrix("", nrow(R), ncol(R))
      shown[low] <- format(round(R[low], decimals), nsmall = decimals)
      out[, seq_len(ncol(R) - 1L)] <- shown[, -ncol(R)]
    }
    out
  })
  out <- rbind(do.call(rbind, unname(blocks)), "")
  colnames(out) <- c("Corr", rep("", width - 1L))
  out
}
