# Pictures of a fit and of its random effects: the numbers first, then the drawing with base graphics.

#' Plots of residuals
#'
#' @param x a fit made by [lmm()] that holds its rows.
#' @param type one or several of
#' \describe{
#'   \item{`"residuals"`}{Pearson residuals against fitted values}
#'   \item{`"scale"`}{root of the absolute [standardized residuals][rstandard.lmm_fit()] against fitted values: a trend is a
#'     variance that changes with the mean}
#'   \item{`"qq"`}{standardized residuals against normal quantiles}
#' }
#' @param ... passed on to [plot()].
#' @return Invisibly, a list with a data frame for each type, whose columns `x` and `y` are shown.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, or a fit that holds no rows.
#' @seealso [plot of random effects][plot.ranef.lmm_fit()], [plot of a profile][plot.lmm_profile()].
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' plot(fit)
#' plot(fit, type = c("scale", "qq"))
#' @export
plot.lmm_fit <- function(x, type = "residuals", ...) {
  for (one in type) check_choice(one, c("residuals", "scale", "qq"), "type")
  data <- stats::setNames(lapply(type, function(one) plot_data_residuals(x, one)), type)
  if (length(type) > 1L) {
    old <- graphics::par(mfrow = rev(grDevices::n2mfrow(length(type))))
    on.exit(graphics::par(old))
  }
  label <- c(residuals = "residual", scale = "root of |standardized residual|", qq = "standardized residual")
  for (one in type) {
    draw_points(data[[one]], xlab = if (one == "qq") "normal quantile" else "fitted value", ylab = label[[one]], ...)
    if (one == "residuals") graphics::abline(h = 0, lty = 3)
    if (one == "qq") draw_quartile_line(data[[one]])
  }
  invisible(data)
}

plot_data_residuals <- function(fit, type) {
  if (type == "residuals") return(data.frame(x = unname(stats::fitted(fit)), y = unname(stats::residuals(fit, "pearson"))))
  r <- unname(stats::rstandard(fit))
  if (type == "scale") return(data.frame(x = unname(stats::fitted(fit)), y = sqrt(abs(r))))
  r <- sort(r)
  data.frame(x = stats::qnorm(stats::ppoints(length(r))), y = r)
}

draw_points <- function(points, ..., pch = if (nrow(points) > 5000L) "." else 16) {
  graphics::plot(points$x, points$y, ..., pch = pch)
}

# Through the quartiles of both.
draw_quartile_line <- function(points) {
  ends <- rbind(stats::qnorm(c(0.25, 0.75)), stats::quantile(points$y, c(0.25, 0.75), names = FALSE, na.rm = TRUE))
  slope <- diff(ends[2L, ]) / diff(ends[1L, ])
  if (is.finite(slope)) graphics::abline(mean(ends[2L, ]), slope, lty = 3)
}

#' Plots of random effects
#'
#' One panel for each column of each grouping factor: the conditional modes of its levels in ascending order, with intervals.
#'
#' The intervals are `mode +- quantile * conditional standard deviation`. `lattice::dotplot()` and `lattice::qqmath()` make trellis objects
#' of the same picture, see [lattice_plots].
#'
#' @param x random effects, as [ranef()][ranef.lmm_fit()] gives them.
#' @param type `"levels"`: a line for each level; `"qq"`: against normal quantiles.
#' @param level confidence level of the intervals.
#' @param ... passed on to [plot()].
#' @return Invisibly, the data frame that [as.data.frame()][ranef.lmm_fit()] gives, with columns `lower` and `upper`.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, or a `level` outside 0 to 1.
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' plot(ranef(fit))
#' plot(ranef(fit), type = "qq")
#' @export
plot.ranef.lmm_fit <- function(x, type = c("levels", "qq"), level = 0.95, ...) {
  type <- check_choice(type[1L], c("levels", "qq"), "type")
  check_level(level)
  data <- as.data.frame(x)
  half <- if (is.null(data$condsd)) 0 else stats::qnorm((1 + level) / 2) * data$condsd
  half[is.na(half)] <- 0
  data <- data.frame(data, lower = data$condval - half, upper = data$condval + half)
  panels <- split(data, interaction(data$term, factor(data$grpvar, unique(data$grpvar)), drop = TRUE))
  if (length(panels) > 1L) {
    old <- graphics::par(mfrow = rev(grDevices::n2mfrow(length(panels))))
    on.exit(graphics::par(old))
  }
  for (panel in panels) draw_modes(panel[order(panel$condval), ], type, ...)
  invisible(data)
}

draw_modes <- function(modes, type, ..., xlab = "random effect", main = paste(modes$grpvar[1L], modes$term[1L])) {
  at <- if (type == "levels") seq_len(nrow(modes)) else stats::qnorm(stats::ppoints(nrow(modes)))
  size <- if (type == "levels") label_size(nrow(modes)) else 0
  if (size > 0) {
    width <- max(graphics::strwidth(as.character(modes$grp), "inches", cex = size))
    old <- graphics::par(mai = replace(graphics::par("mai"), 2L, width + 0.3))
    on.exit(graphics::par(old))
  }
  graphics::plot(modes$condval, at, xlim = range(modes$lower, modes$upper), type = "n", yaxt = if (type == "levels") "n" else "s",
                 xlab = xlab, ylab = if (type == "qq") "normal quantile" else "", main = main, ...)
  graphics::abline(v = 0, lty = 3)
  graphics::segments(modes$lower, at, modes$upper, col = "grey50")
  graphics::points(modes$condval, at, pch = if (nrow(modes) > 100L) 20 else 16)
  if (size > 0) graphics::mtext(modes$grp, 2L, 0.5, at = at, las = 1, cex = size * graphics::par("cex"))
}

# Size of letters for so many lines, at most 0.8; 0 where they would be too small to read.
label_size <- function(lines) {
  size <- min(0.8, graphics::par("pin")[2L] / lines / graphics::par("cin")[2L])
  if (size < 0.3) 0 else size
}
