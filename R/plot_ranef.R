# Pictures of random effects.

#' Plots of random effects
#'
#' One panel for each column of each grouping factor: the conditional modes of its levels in ascending order, with
#' intervals.
#'
#' The intervals are `mode +- quantile * conditional standard deviation`. `lattice::dotplot()` and `lattice::qqmath()`
#' make trellis objects of the same picture, see [lattice_plots].
#'
#' The names of the levels are left out where there is no room for them.
#'
#' @param x random effects, as [ranef()][ranef.lmm_fit()] gives them.
#' @param type `"levels"`: a line for each level; `"qq"`: against normal quantiles.
#' @param level confidence level of the intervals; `conf.level` is another name for it.
#' @param ... passed on to [plot()].
#' @return Invisibly, the data frame that [as.data.frame()][ranef.lmm_fit()] gives, with columns `lower` and `upper`.
#' @section Conditions:
#' `lmm_error_input`: an unknown `type`, or a `level` outside 0 to 1.
#' @seealso [ranef][ranef.lmm_fit], [plot_shrinkage()], [lattice_plots], [autoplot][autoplot.lmm_fit].
#' @concept caterpillar plot
#' @concept BLUP
#' @concept QQ plot
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' plot(ranef(fit))
#' plot(ranef(fit), type = "qq")
#' @export
plot.ranef.lmm_fit <- function(x, type = c("levels", "qq"), level = 0.95, ...) {
  type <- match_word(type[1L], c("levels", "qq"), "type")
  data <- mode_limits(x, level)
  if (!any(data$lower < data$upper)) {
    lmm_inform("limits", "the random effects have no conditional standard deviations, so no intervals are drawn.",
               what = "x")
  }
  panels <- split(data, interaction(data$term, factor(data$grpvar, unique(data$grpvar)), drop = TRUE))
  given <- list(...)
  label <- if (any(data$lower < data$upper)) paste("random effect,", 100 * level, "percent limits") else "random effect"
  in_panels(length(panels), function() {
    for (panel in panels) (if (type == "qq") draw_mode_quantiles else draw_modes)(panel[order(panel$condval), ], label,
                                                                                  given)
  })
  invisible(data)
}

# The long form with limits; without conditional variances (or where they do not exist) these are the modes themselves.
mode_limits <- function(x, level) {
  check_level(level)
  data <- as.data.frame(x)
  half <- if (is.null(data$condsd)) 0 else stats::qnorm((1 + level) / 2) * data$condsd
  half[is.na(half)] <- 0
  data.frame(data, lower = data$condval - half, upper = data$condval + half)
}

mode_title <- function(modes) paste(modes$grpvar[1L], modes$term[1L])

draw_modes <- function(modes, label, given) {
  at <- seq_len(nrow(modes))
  size <- label_size(nrow(modes))
  if (size > 0) {
    width <- max(graphics::strwidth(as.character(modes$grp), "inches", cex = size))
    old <- graphics::par(mai = replace(graphics::par("mai"), 2L, width + 0.3))
    on.exit(graphics::par(old))
  }
  plot_frame(list(modes$condval, at, xlim = range(modes$lower, modes$upper), type = "n", yaxt = "n", xlab = label,
                  ylab = "", main = mode_title(modes)), given)
  graphics::abline(v = 0, lty = 3)
  graphics::segments(modes$lower, at, modes$upper, col = "grey50")
  graphics::points(modes$condval, at, pch = if (nrow(modes) > 100L) 20 else 16)
  if (size > 0) graphics::mtext(modes$grp, 2L, 0.5, at = at, las = 1, cex = size * graphics::par("cex"))
}

draw_mode_quantiles <- function(modes, label, given) {
  points <- data.frame(x = stats::qnorm(stats::ppoints(nrow(modes))), y = modes$condval)
  plot_frame(list(points$x, points$y, ylim = range(modes$lower, modes$upper), type = "n", xlab = "normal quantile",
                  ylab = label, main = mode_title(modes)), given)
  draw_quartile_line(points)
  graphics::segments(points$x, modes$lower, points$x, modes$upper, col = "grey70")
  graphics::points(points, pch = if (nrow(modes) > 100L) 20 else 16)
}

# Size of letters for so many lines, at most 0.8; 0 where they would be too small to read.
label_size <- function(lines) {
  size <- min(0.8, graphics::par("pin")[2L] / lines / graphics::par("cin")[2L])
  if (size < 0.3) 0 else size
}
