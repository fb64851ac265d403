# Conditional modes (empirical BLUPs) of the random effects and their conditional variances.

#' Random effects of a fit
#'
#' The conditional modes of the random effects given the data and the estimated parameters, known as
#' (empirical) best linear unbiased predictors.
#'
#' The conditional variances are those given the data *and* the parameters, fixed effects included, as in
#' package 'lme4'. The prediction error variances (`pev = TRUE`) count the uncertainty of the fixed effects too; the
#' joint covariance matrix of all prediction errors is `vcov(fit, full = TRUE)`.
#'
#' @param object a fit made by [lmm()].
#' @param condVar compute the conditional variances, as attribute `"postVar"` of each data frame: an array
#'   columns x columns x levels, or a list of them if several terms share the grouping factor.
#' @param drop return vectors instead of data frames of one column?
#' @param whichel names or indices of the grouping factors wanted.
#' @param pev compute prediction error variances, reliabilities `1 - PEV / variance` and studentized effects (each
#'   divided by the standard deviation of its predictor, the root of `variance - PEV`)? They become attributes of the
#'   data frames, matrices levels x columns, and columns of `as.data.frame()`.
#' @param x,row.names,optional,... see [as.data.frame()].
#' @return A list of data frames, one per grouping factor: levels in rows. `as.data.frame()` gives the long form
#'   with columns `grpvar`, `term`, `grp`, `condval` and `condsd`, with `pev = TRUE` also `pev`, `reliability` and
#'   `studentized`. Modes and their standard deviations are in units of the response divided by those of the column;
#'   variances (`"postVar"`) in the squares of these.
#' @section Conditions:
#' A name in `whichel` that is not that of a grouping factor is an error of class `lmm_error_input`.
#' @section Formulas:
#' With `G` the covariance matrix of all random effects and `R = sigma^2 W^-1`, the modes are `G Z' V^-1 (y - X beta)`,
#' and their conditional covariance matrix `(Z' R^-1 Z + G^-1)^-1`, computed so that a singular `G` does no harm.
#' @references Henderson (1975) Biometrics 31, 423-447.
#' @seealso [reliability()] for means over the levels and Cullis' heritability, [plot.ranef.lmm_fit()].
#' @concept EBLUP
#' @concept conditional modes
#' @concept best linear unbiased prediction
#' @concept breeding values
#' @concept BLUP
#' @concept prediction error variance
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' ranef(fit)
#' as.data.frame(ranef(fit, pev = TRUE))
#' @method ranef lmm_fit
#' @export
ranef.lmm_fit <- function(object, condVar = TRUE, drop = FALSE, whichel = names(fit_groups(object)), pev = FALSE, ...) {
  modes <- group_modes(object)
  out <- lapply(modes, function(b) as.data.frame(b, optional = TRUE))
  whichel <- check_whichel(whichel, names(modes))
  if (condVar) {
    variances <- group_variances(object)
    for (g in seq_along(out)) attr(out[[g]], "postVar") <- variances[[g]]
  }
  if (check_flag(pev, "pev")) report_exact(object)
  if (pev) out <- with_prediction_errors(out, object)
  if (condVar || pev) out <- lapply(out, labeled_approximate, object)
  out <- out[whichel]
  if (drop) out <- lapply(out, drop_column)
  structure(out, class = "ranef.lmm_fit")
}

#' @importFrom nlme ranef
#' @export
nlme::ranef

# Names or positions of grouping factors.
check_whichel <- function(whichel, names) {
  if (is.character(whichel)) for (name in whichel) check_choice(name, names, "whichel")
  else if (!is.numeric(whichel) || is.object(whichel) || !all(whichel %in% c(seq_along(names),
                                                                             -seq_along(names))) ||
                                                                             length(unique(sign(whichel))) > 1L) {
    lmm_abort("input", paste0("`whichel` must name grouping factors or give their positions among ", length(names),
                              ", not ",
                              describe_value(whichel), "."), what = "whichel", value = whichel)
  }
  whichel
}

# List per grouping factor: matrix of modes, the columns of its terms side by side.
group_modes <- function(fit) {
  modes <- fit_modes(fit)
  group <- fit_term_groups(fit)
  out <- lapply(seq_along(fit_groups(fit)), function(g) {
    own <- which(group == g)
    if (is_across(fit_random(fit)[[own[1L]]])) return(across_modes(fit_random(fit)[[own[1L]]], modes[[own[1L]]]))
    do.call(cbind, unname(modes[own]))
  })
  stats::setNames(out, names(fit_groups(fit)))
}

# List per grouping factor: array of conditional covariances, or one array per term if there are several.
group_variances <- function(fit) {
  arrays <- engine_conditional_variance(fit)
  group <- fit_term_groups(fit)
  lapply(seq_along(arrays), function(g) {
    terms <- fit_random(fit)[group == g]
    if (is_across(terms[[1L]])) return(across_variances(terms[[1L]], unname(arrays[[g]])))
    if (length(terms) == 1L) return(unname(arrays[[g]]))
    q <- vapply(terms, function(term) as.integer(term$q), 0L)
    last <- cumsum(q)
    parts <- Map(function(from, to) unname(arrays[[g]][from:to, from:to, , drop = FALSE]), last - q + 1L, last)
    stats::setNames(parts, vapply(terms, `[[`, "", "name"))
  })
}

# Matrix levels x columns of conditional standard deviations, or NULL.
conditional_sd <- function(frame) {
  variance <- attr(frame, "postVar")
  if (is.null(variance)) return(NULL)
  if (!is.list(variance)) variance <- list(variance)
  sd <- lapply(variance, function(array) {
    matrix(sqrt(vapply(seq_len(dim(array)[1L]), function(j) array[j, j, ], numeric(dim(array)[3L]))), dim(array)[3L])
  })
  do.call(cbind, unname(sd))
}

drop_column <- function(frame) {
  if (ncol(frame) > 1L) return(frame)
  out <- stats::setNames(frame[[1L]], row.names(frame))
  for (name in c("postVar", prediction_attributes)) {
    if (!is.null(attr(frame, name))) attr(out, name) <- as.vector(attr(frame, name))
  }
  out
}

# The data frame that drop_column() made a vector of.
undropped_column <- function(modes) {
  variance <- attr(modes, "postVar")
  out <- data.frame(`(Intercept)` = as.vector(modes), row.names = names(modes), check.names = FALSE)
  if (!is.null(variance)) attr(out, "postVar") <- array(variance, c(1L, 1L, length(variance)))
  for (name in prediction_attributes) attr(out, name) <- attr(modes, name)
  out
}

#' @export
print.ranef.lmm_fit <- function(x, ...) {
  has_variance <- vapply(x, function(b) !is.null(attr(b, "postVar")), NA)
  print(lapply(unclass(x), without_variances), ...)
  if (any(has_variance)) cat("with conditional variances for", dQuote(names(x)[has_variance]), "\n")
  invisible(x)
}

#' @rdname ranef.lmm_fit
#' @export
as.data.frame.ranef.lmm_fit <- function(x, row.names = NULL, optional = FALSE, ...) {
  parts <- Map(long_modes, unclass(x), names(x))
  level_order <- unique(unlist(lapply(parts, function(part) levels(part$grp))))
  term_order <- unique(unlist(lapply(parts, function(part) levels(part$term))))
  out <- do.call(rbind, unname(lapply(parts, function(part) {
    part$grp <- as.character(part$grp)
    part$term <- as.character(part$term)
    part
  })))
  out$grp <- factor(out$grp, levels = level_order)
  out$term <- factor(out$term, levels = term_order)
  if (!is.null(check_row_names(row.names, nrow(out)))) row.names(out) <- row.names
  out
}

# One grouping factor in long form. Levels are ordered by their first mode, as a dot plot wants them.
long_modes <- function(b, name) {
  if (!is.data.frame(b)) b <- undropped_column(b)
  level <- row.names(b)
  out <- data.frame(
    grpvar = name,
    term = factor(rep(names(b), each = nrow(b)), levels = unique(names(b))),
    grp = factor(rep(level, length(b)), levels = level[order(b[[1L]])]),
    condval = unlist(b, use.names = FALSE),
    stringsAsFactors = FALSE
  )
  sd <- conditional_sd(b)
  if (!is.null(sd)) out$condsd <- as.vector(sd)
  for (name in prediction_attributes) if (!is.null(attr(b, name))) out[[name]] <- as.vector(attr(b, name))
  out
}
