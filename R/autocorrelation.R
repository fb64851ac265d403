# Autocorrelation and semivariogram of residuals within groups.

#' Autocorrelation and semivariogram of residuals
#'
#' `ACF()` and `Variogram()` are the generic functions of package 'nlme'. For a fit, they describe how the residuals of
#' one subject (or one level of a grouping factor) are correlated: raw or Pearson residuals show what correlation a
#' residual structure has to describe, and normalized residuals show what it leaves.
#'
#' The autocorrelation at lag `l` is the mean product of residuals of the same group that are `l` rows apart, divided by
#' the mean square of all. The semivariogram is half the squared difference of two residuals of a group, averaged over
#' the pairs of a class of distances. By default the groups are the subjects of the residual structure, with rows in the
#' order of their positions and the distances of these; without a residual structure the levels of the last grouping
#' factor, with rows one apart.
#'
#' The fitted curve of the semivariogram is that of the residual structure, `1 - correlation` for Pearson residuals
#' (times `sigma^2` for `"response"`, 1 for normalized ones), as attribute `"modelVariog"`; structures whose correlation
#' is not a function of one distance (such as `us` and separable products) have none. The limits of the autocorrelation
#' are those of independent residuals, `z / sqrt(n)` for `n` pairs at that lag. Residuals are estimates, so that even
#' normalized residuals of a true model are not quite uncorrelated in small samples.
#'
#' @param object a fit made by [lmm()]; for `autoplot()` an autocorrelation or a semivariogram.
#' @param x an autocorrelation or a semivariogram of a fit.
#' @param maxLag largest lag, at most 1,000,000.
#' @param resType kind of residuals: `"pearson"`, `"response"`, or `"normalized"`, see [residuals][residuals.lmm_fit].
#'   Without a residual structure `"normalized"` is `"pearson"`.
#' @param form a one-sided formula whose variables give the position of rows, `~ time`, `~ lon + lat` or
#'   `~ time | group`; for `ACF()` only their order and the group.
#' @param distance distances of all pairs of rows within groups, group by group, each in the order of [stats::dist()];
#'   by default those of the positions.
#' @param nint number of classes of distances, by quantiles.
#' @param maxDist largest distance; by default all.
#' @param level confidence level of the limits.
#' @param ... for `plot()` passed on to [graphics::plot()]; otherwise not used.
#' @return `ACF()`: a data frame with columns `lag` and `ACF`, and the numbers of pairs as attribute `"n.used"`.
#'   `Variogram()`: a data frame with columns `variog`, `dist` (the median of the class) and `n.pairs`. Both have the
#'   classes of package 'nlme' too. `plot()` returns them invisibly, `autoplot()` a `ggplot` object.
#' @section Conditions:
#' `lmm_error_input`: an invalid argument, a fit that does not keep its rows, no two rows of a group within
#' `maxDist`.
#' @references Pinheiro and Bates (2000) *Mixed-Effects Models in S and S-PLUS*, section 5.3. Diggle, Heagerty, Liang
#'   and Zeger (2002) *Analysis of Longitudinal Data*, chapters 3 and 5.
#' @seealso [residuals.lmm_fit()], [subject_covariance()], `vignette("repeated-measures", "henderson")`.
#' @concept autocorrelation
#' @concept variogram
#' @concept correlogram
#' @concept repeated measures
#' @concept diagnostics
#' @examples
#' fit <- lmm(distance ~ age, nlme::Orthodont, residual = ~ ar1(1 | Subject))
#' ACF(fit, resType = "normalized")
#' plot(ACF(fit))
#' plot(Variogram(fit))
#' @name autocorrelation
NULL

#' @importFrom nlme ACF
#' @export
nlme::ACF

#' @importFrom nlme Variogram
#' @export
nlme::Variogram

#' @rdname autocorrelation
#' @export
ACF.lmm_fit <- function(object, maxLag = NULL, resType = c("pearson", "response", "normalized"), form = NULL, ...) {
  place <- form_values(object, form)
  kind <- residual_kind(resType)
  r <- plain_residuals(object, kind)
  order <- do.call(order, c(list(as.integer(place$group)), place$value))
  parts <- split(r[order], place$group[order])
  if (is.null(maxLag)) maxLag <- min(max(lengths(parts)) - 1, floor(10 * log10(length(unlist(parts)))))
  check_number(maxLag, "maxLag", lower = 0, upper = 1e6, whole = TRUE)
  products <- lapply(0:maxLag, function(lag) {
    unlist(lapply(parts, function(r) if (length(r) > lag) r[seq_len(length(r) - lag)] *
                  r[lag + seq_len(length(r) - lag)]))
  })
  acf <- vapply(products, function(p) if (length(p)) mean(p) else NA_real_, 0) / mean(products[[1L]])
  structure(data.frame(lag = 0:maxLag, ACF = acf), n.used = lengths(products), residuals = kind,
            class = c("lmm_acf", "ACF", "data.frame"))
}

#' @rdname autocorrelation
#' @export
Variogram.lmm_fit <- function(object, distance = NULL, form = NULL, resType = c("pearson", "response", "normalized"),
                              nint = 20, maxDist = Inf, ...) {
  check_number(nint, "nint", lower = 1, whole = TRUE)
  check_number(maxDist, "maxDist", lower = 0)
  place <- form_values(object, form)
  at <- do.call(cbind, place$value)
  kind <- residual_kind(resType)
  r <- plain_residuals(object, kind)
  pairs <- do.call(rbind, lapply(split(seq_along(r), place$group), function(rows) {
    data.frame(dist = as.vector(stats::dist(at[rows, , drop = FALSE])),
               variog = as.vector(stats::dist(r[rows]))^2 / 2)
  }))
  if (!is.null(distance)) pairs$dist <- given_distances(distance, nrow(pairs))
  pairs <- pairs[pairs$dist <= maxDist, ]
  if (!nrow(pairs)) lmm_abort("input", "no two rows of a group are within this distance.", what = "maxDist",
                              value = maxDist)
  distances <- sort(unique(pairs$dist))
  class <- if (length(distances) <= nint) factor(pairs$dist, distances)
           else cut(pairs$dist, unique(stats::quantile(pairs$dist, seq(0, 1, 1 / nint))), include.lowest = TRUE)
  out <- data.frame(variog = tapply(pairs$variog, class, mean), dist = tapply(pairs$dist, class, stats::median),
                    n.pairs = as.vector(table(class)))
  structure(out[out$n.pairs > 0L, ], row.names = seq_len(sum(out$n.pairs > 0L)), residuals = kind,
            modelVariog = if (is.null(form)) fitted_variogram(object, kind, max(out$dist, na.rm = TRUE)),
            class = c("lmm_variogram", "Variogram", "data.frame"))
}

given_distances <- function(distance, count) {
  if (is.numeric(distance) && length(distance) == count && !anyNA(distance) && all(distance >= 0))
    return(as.vector(distance))
  lmm_abort("input", paste0("`distance` must contain the distances of the ", count,
                            " pairs of rows within groups, not ", describe_value(distance), "."),
            what = "distance", value = distance, fix = "Leave it out, or give the positions: form = ~ time.")
}

# As in nlme, the first letters will do.
residual_kind <- function(resType) {
  kinds <- c("pearson", "response", "normalized")
  at <- if (is.character(resType)) pmatch(resType[1L], kinds) else NA
  if (is.na(at)) check_choice(resType[1L], kinds, "resType") else kinds[at]
}

# Residuals of the rows used.
plain_residuals <- function(fit, kind) {
  rows <- fit_rows(fit, "ACF() and Variogram()")
  r <- rows$y - mean_response(fit, rows)
  switch(kind, response = r, pearson = r / residual_sd(fit, rows),
         as.vector(if (is_structured(fit)) colored_rows(fit, rows, r, invert = TRUE) else r / residual_sd(fit, rows)))
}

# 1 - correlation at distances up to `longest`; NULL where it is not a function of the distance.
fitted_variogram <- function(fit, type, longest) {
  if (!is_structured(fit) || is_independent(fit_frame(fit)$residual)) return(NULL)
  plan <- fit_frame(fit)$residual
  part <- plan$parts[[1L]]
  if (has_known_residual(fit) || length(plan$parts) > 1L || length(plan$by_levels) > 1L) return(NULL)
  spatial <- part$word %in% spatial_words
  dist <- if (spatial) seq(longest / 200, longest, length.out = 200L) else seq_len(floor(longest * (1 + 1e-9)))
  d <- visit_count(plan)
  if (d) dist <- dist[dist < d]
  if (!length(dist)) return(NULL)
  correlation <- if (d) lag_correlations(fit, d)[dist] else distance_correlations(fit, dist)
  if (type == "normalized") return(data.frame(variog = 1, dist = dist))
  several <- several_visit_variances(fit) || length(variance_variables(plan))
  if (anyNA(correlation) || type == "response" && several) return(NULL)
  scale <- if (type == "response") mean_residual_variance(fit, fit_state(fit)) else 1
  data.frame(variog = scale * (1 - correlation), dist = dist)
}

# Correlations of a residual at 0 with those at these distances along the first coordinate.
distance_correlations <- function(fit, dist) {
  rows <- fit_blocks(fit)$model$residual
  positions <- matrix(0, length(dist) + 1L, ncol(rows$positions))
  positions[-1L, 1L] <- dist
  stats::cov2cor(first_row_matrix(fit, rows, positions))[1L, -1L]
}

# Correlations of visits by their distance, NA where they differ at one distance.
lag_correlations <- function(fit, d) {
  R <- stats::cov2cor(first_row_matrix(fit, fit_blocks(fit)$model$residual, matrix(seq_len(d) - 1)))
  lag <- abs(row(R) - col(R))
  vapply(seq_len(d - 1L), function(h) {
    own <- R[lag == h]
    if (diff(range(own)) < 1e-8 * max(1, abs(own))) own[1L] else NA_real_
  }, 0)
}

# R at these positions with the variance covariates of the first row.
first_row_matrix <- function(fit, rows, positions) {
  same <- rep(1L, nrow(positions))
  structure_at(rows, fit_psi(fit), positions, rows$w[same, , drop = FALSE], same)
}

# Group and position of each row used, from ~ x, ~ x | g or ~ 1 | g.
form_values <- function(fit, form) {
  own <- default_places(fit)
  group <- own$group
  value <- list(stats::ave(seq_along(group), group, FUN = seq_along))
  if (is.null(form)) return(own)
  if (!inherits(form, "formula") || length(form) != 2L) lmm_abort("input", "`form` must be a one-sided formula.",
                                                                  what = "form")
  rhs <- form[[2L]]
  data <- fit_rows(fit, "ACF() and Variogram()")$data
  raw <- without_wide(getData.lmm_fit(fit))
  if (nrow(raw) != nrow(data)) raw <- raw[positions_in(row_labels(fit_stored_rows(fit)), raw), , drop = FALSE]
  look_up <- function(e) tryCatch(eval(e, raw, environment(form)), error = function(err) {
    lmm_abort("input", paste0("`form` cannot be evaluated: ", conditionMessage(err), "."), what = "form")
  })
  if (is.call(rhs) && identical(rhs[[1L]], quote(`|`))) {
    group <- as.factor(look_up(rhs[[3L]]))
    rhs <- rhs[[2L]]
    value <- list(stats::ave(seq_along(group), group, FUN = seq_along))
  }
  if (!identical(rhs, 1)) value <- lapply(summands(rhs), function(e) as.numeric(look_up(e)))
  list(group = group, value = value)
}

# Subjects and positions of the residual structure, else the levels of the last grouping factor with rows one apart.
default_places <- function(fit) {
  if (is_structured(fit) && !is_independent(fit_frame(fit)$residual)) {
    own <- rows_residual(fit, fit_rows(fit, "ACF() and Variogram()"))
    return(list(group = factor(own$subject), value = lapply(seq_len(ncol(own$positions)),
                                                            function(j) own$positions[, j])))
  }
  flist <- getME(fit, "flist")
  group <- if (length(flist)) flist[[length(flist)]] else factor(rep(1L, fit_rows(fit, "ACF() and Variogram()")$n))
  list(group = group, value = list(stats::ave(seq_along(group), group, FUN = seq_along)))
}
