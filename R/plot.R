# Pictures of a fit and of its random effects: the numbers first, then the drawing with base graphics.

#' Plots of a fit
#'
#' One call shows what an analyst looks at: residuals against fitted values, their normal quantiles, their spread, and
#' the normal quantiles of the random effects. A formula makes any other plot of residuals, as in nlme and lme4.
#'
#' More than 20000 points are shown as counts in cells, darker where there are more; fewer overlap transparently. The
#' red curve is [lowess()]. Where the device has several panels already ([par()]`(mfrow = )`), these are used.
#'
#' @param x a fit made by [lmm()] that keeps its rows.
#' @param form `NULL` for the panels, or a formula such as `resid(., type = "pearson") ~ fitted(.) | g`, in which `.` is
#'   the fit and other names are variables of the model frame. `y ~ x` makes a scatter plot, `g ~ x` with a factor box
#'   plots, `~ x` a histogram; what follows `|` makes panels. Needs package 'lattice'.
#' @param type one or several of
#' \describe{
#'   \item{`"residuals"`}{Pearson residuals against fitted values}
#'   \item{`"qq"`}{[standardized residuals][rstandard.lmm_fit()] against normal quantiles; for a fit by the iterative
#'     solver, which has no leverages, Pearson residuals divided by `sigma(fit)`, as the axis label says}
#'   \item{`"scale"`}{root of the absolute standardized residuals against fitted values: a trend is a variance that
#'     changes with the mean}
#'   \item{`"ranef"`}{conditional modes, each column divided by its root mean square, against normal quantiles}
#' }
#' @param which numbers of these types, for users of [plot.lm()].
#' @param id how many extreme points to name: rows by their standardized residuals, random effects by their size. For a
#'   formula a level: residuals beyond its normal quantile are named, as in nlme.
#' @param labels names of the rows; the default are the row names of the data.
#' @param smooth draw a smooth curve?
#' @param ... passed on to [plot()] (for a formula to the function of 'lattice'), such as `xlab`, `main`, `pch`, `col`.
#' @return Invisibly, a list with a data frame for each type, whose columns `x` and `y` are shown; for a formula an
#'   object of class `trellis`, which is drawn when it is printed.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, a fit that does not keep its rows, or a formula that cannot be evaluated.
#' @seealso [plot of random effects][plot.ranef.lmm_fit()], [plot of a profile][plot.lmm_profile()], [plot_effects()],
#'   [plot_shrinkage()], [group_influence()], [autoplot()][autoplot.lmm_fit()] for ggplot2.
#' @concept normal quantile plot
#' @concept QQ plot
#' @concept scale-location plot
#' @concept outlier
#' @concept residual plot
#' @concept diagnostics
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' plot(fit)
#' plot(fit, type = "scale", main = "Spread")
#' @export
plot.lmm_fit <- function(x, form = NULL, type = c("residuals", "qq", "scale", "ranef"), which = NULL, id = 3,
                         labels = NULL,
                         smooth = TRUE, ...) {
  if (inherits(form, "formula")) return(formula_plot(x, form, if (missing(id)) NULL else id, labels, ...))
  admit_dots(..., .allowed = graphical_parameters)
  if (missing(type) && !length(fit_random(x))) type <- setdiff(type, "ranef")
  if (!is.null(form)) type <- form
  known <- eval(formals()$type)
  if (!is.null(which)) {
    for (one in which) check_number(one, "which", 1, length(known), whole = TRUE)
    type <- known[which]
  }
  for (one in type) check_choice(one, known, "type")
  rows <- fit_rows(x, "plot()")
  check_number(id, "id", lower = 0)
  if (is.null(labels)) labels <- row_labels(rows)
  given <- list(...)
  data <- residual_panels(x, type, labels)
  titles <- panel_titles(x)
  in_panels(length(type), function() for (one in type) draw_residuals(data[[one]], one, id,
            check_flag(smooth, "smooth"), given, titles[[one]]),
            mar = if (length(type) > 1L) c(4.2, 4.2, 2.2, 1))
  invisible(lapply(data, function(points) points[c("x", "y")]))
}

# The points of each panel. Standardized residuals, which need the leverages, are computed once, where they are used.
residual_panels <- function(fit, types, labels, residuals = standard_residuals(without_padding(fit))) {
  lapply(stats::setNames(nm = types), function(type) plot_data_residuals(fit, type, labels, residuals))
}

# Points with names, and what decides which of them are extreme: `r`, the standardized residuals.
plot_data_residuals <- function(fit, type, labels, r) {
  if (type == "ranef") return(scaled_modes(fit))
  unpadded <- without_padding(fit)
  x <- unname(stats::fitted(unpadded))
  if (type == "residuals") return(data.frame(x = x, y = unname(stats::residuals(unpadded, "pearson")), size = r,
                                             name = labels))
  if (type == "scale") return(data.frame(x = x, y = sqrt(abs(r)), size = r, name = labels))
  order <- order(r, na.last = NA)
  data.frame(x = stats::qnorm(stats::ppoints(length(order))), y = r[order], size = r[order], name = labels[order])
}

# Standardized residuals; with a residual structure Pearson ones, in units of each row's own standard deviation. Without
# leverages those in units of sigma.
standard_residuals <- function(fit) {
  unname(if (is_structured(fit)) stats::residuals(fit, "pearson")
         else if (fit_is_iterative(fit)) stats::residuals(fit, "scaled")
         else stats::rstandard(fit))
}

standard_title <- function(fit) if (fit_is_iterative(fit)) "Pearson residual / sigma" else "standardized residual"

# The fit with a value for each row that was used, whatever its na.action.
without_padding <- function(fit) {
  attr(fit$rows$data, "na.action") <- NULL
  fit
}

# Modes of all columns in units of their root mean squares, in order, beside normal quantiles of each column.
scaled_modes <- function(fit) {
  none <- data.frame(x = numeric(), y = numeric(), size = numeric(), name = character(), column = character())
  if (!length(fit_random(fit))) return(none)
  long <- as.data.frame(ranef.lmm_fit(fit, condVar = FALSE))
  column <- paste(long$grpvar, long$term)
  parts <- lapply(split(seq_len(nrow(long)), factor(column, unique(column))), function(own) {
    size <- sqrt(mean(long$condval[own]^2))
    if (!isTRUE(size > 0)) return(NULL)
    own <- own[order(long$condval[own])]
    y <- long$condval[own] / size
    data.frame(x = stats::qnorm(stats::ppoints(length(own))), y = y, size = y, name = as.character(long$grp[own]),
               column = column[own])
  })
  out <- do.call(rbind, unname(parts))
  if (is.null(out)) none else out
}

residual_titles <- list(residuals = c("fitted value", "Pearson residual", "Residuals"),
                        qq = c("normal quantile", "standardized residual", "Normal Q-Q"),
                        scale = c("fitted value", "root of |standardized residual|", "Scale-location"),
                        ranef = c("normal quantile", "random effect / root mean square", "Random effects"))

panel_titles <- function(fit) {
  lapply(residual_titles, function(title) sub("standardized residual", standard_title(fit), title, fixed = TRUE))
}

draw_residuals <- function(points, type, id, smooth, given, title = residual_titles[[type]]) {
  empty <- list(0, 0, axes = FALSE, frame.plot = TRUE)
  range <- if (nrow(points)) list(points$x, points$y) else empty
  labels <- if (nrow(points)) title[1:2] else c("no random effects", "")
  plot_frame(c(range, list(type = "n", xlab = labels[1L], ylab = labels[2L], main = title[3L])), given)
  if (!nrow(points)) return(invisible())
  if (type == "residuals") graphics::abline(h = 0, lty = 3)
  if (type == "qq") draw_quartile_line(points)
  if (type == "ranef") draw_columns(points, given) else draw_cloud(points$x, points$y, given)
  if (smooth && type %in% c("residuals", "scale")) draw_smoother(points$x, points$y)
  at <- extremes(points$size, id)
  draw_names(points$x[at], points$y[at], points$name[at])
}

# A symbol for each column of random effects.
draw_columns <- function(points, given) {
  graphics::abline(0, 1, lty = 3)
  column <- factor(points$column, unique(points$column))
  if (nlevels(column) == 1L || nlevels(column) > 6L) return(draw_cloud(points$x, points$y, given))
  colors <- grDevices::hcl.colors(nlevels(column), "Dark 3")
  graphics::points(points$x, points$y, pch = 14 + as.integer(column), col = colors[column], cex = 0.9)
  graphics::legend("topleft", sub(" (Intercept)", "", levels(column), fixed = TRUE), pch = 14 + seq_along(colors),
                   col = colors, bty = "n", cex = 0.8)
}

# Through the quartiles of both.
draw_quartile_line <- function(points) {
  line <- quartile_line(points)
  if (is.finite(line[2L])) graphics::abline(line[1L], line[2L], lty = 3)
}

quartile_line <- function(points) {
  ends <- rbind(stats::qnorm(c(0.25, 0.75)), stats::quantile(points$y, c(0.25, 0.75), names = FALSE, na.rm = TRUE))
  slope <- diff(ends[2L, ]) / diff(ends[1L, ])
  c(mean(ends[2L, ]), slope)
}

#' @rdname plot.lmm_fit
#' @param y a fit: `qqnorm(fit)` is `plot(fit, type = "qq")`.
#' @rawNamespace S3method(stats::qqnorm, lmm_fit)
qqnorm.lmm_fit <- function(y, ...) plot.lmm_fit(y, type = "qq", ...)

#' @export
plot.VarCorr.lmm_fit <- function(x, ...) {
  lmm_abort("input", "there is no plot of VarCorr(fit).", what = "x",
            fix = paste("plot(profile(fit)) shows standard deviations and correlations with their limits,",
                        "plot(ranef(fit)) the random effects."))
}

#' @export
plot.coef.lmm_fit <- function(x, ...) {
  lmm_abort("input", "there is no plot of coef(fit).", what = "x",
            fix = "plot(ranef(fit)) shows the random effects of the levels with their intervals.")
}
