# Pictures of autocorrelations and semivariograms.

residual_type_titles <- c(pearson = "Pearson residuals", response = "residuals", normalized = "normalized residuals")

#' @rdname autocorrelation
#' @export
plot.lmm_acf <- function(x, level = 0.95, ...) {
  limit <- acf_limits(x, level)
  reach <- max(abs(x$ACF), limit[-1L], na.rm = TRUE)
  plot_frame(list(x$lag, x$ACF, type = "n", xaxp = lag_ticks(x$lag), xlab = "Lag", ylab = "Autocorrelation",
                  ylim = c(min(0, x$ACF, -limit[-1L], na.rm = TRUE), reach),
                  main = paste("Autocorrelation of", residual_type_titles[[attr(x, "residuals")]])), list(...))
  graphics::abline(h = 0, col = "grey50")
  graphics::segments(x$lag, 0, x$lag, x$ACF, lwd = 2)
  graphics::points(x$lag, x$ACF, pch = 16)
  graphics::lines(x$lag[-1L], limit[-1L], lty = 2, col = "firebrick")
  graphics::lines(x$lag[-1L], -limit[-1L], lty = 2, col = "firebrick")
  invisible(x)
}

# Whole numbers, as par("xaxp") wants them.
lag_ticks <- function(lag) {
  at <- unique(round(pretty(range(lag))))
  at <- at[at <= max(lag)]
  c(range(at), max(1L, length(at) - 1L))
}

# Of independent residuals.
acf_limits <- function(x, level) stats::qnorm((1 + level) / 2) / sqrt(attr(x, "n.used"))

#' @rdname autocorrelation
#' @export
plot.lmm_variogram <- function(x, ...) {
  curve <- attr(x, "modelVariog")
  plot_frame(list(x$dist, x$variog, type = "n", xlab = "Distance", ylab = "Semivariogram",
                  xlim = c(0, max(x$dist)), ylim = c(0, 1.05 * max(x$variog, curve$variog)),
                  main = paste("Semivariogram of", residual_type_titles[[attr(x, "residuals")]])), list(...))
  graphics::points(x$dist, x$variog, pch = 16, cex = point_sizes(x$n.pairs))
  if (!is.null(curve)) {
    graphics::lines(curve$dist, curve$variog, col = "firebrick", lwd = 2)
    graphics::legend("bottomright", c("mean of pairs", "fitted structure"), pch = c(16, NA), lty = c(NA, 1),
                     lwd = c(NA, 2), col = c("black", "firebrick"), bty = "n")
  }
  invisible(x)
}

# Points of many pairs are larger.
point_sizes <- function(n) 0.6 + 0.9 * sqrt(n / max(n))

#' @rdname autocorrelation
#' @rawNamespace S3method(ggplot2::autoplot, lmm_acf)
autoplot.lmm_acf <- function(object, level = 0.95, ...) {
  data <- data.frame(lag = object$lag, acf = object$ACF, limit = acf_limits(object, level))
  data$lower <- -data$limit
  limits <- data[-1L, ]
  ggplot2::ggplot(data, gg_aes(x = "lag", y = "acf")) + ggplot2::geom_hline(yintercept = 0, color = "grey50") +
    ggplot2::geom_segment(gg_aes(xend = "lag"), yend = 0) + ggplot2::geom_point() +
    ggplot2::geom_line(gg_aes(y = "limit"), data = limits, linetype = 2, color = "firebrick") +
    ggplot2::geom_line(gg_aes(y = "lower"), data = limits, linetype = 2, color = "firebrick") +
    ggplot2::labs(x = "Lag", y = "Autocorrelation",
                  title = paste("Autocorrelation of", residual_type_titles[[attr(object, "residuals")]]))
}

#' @rdname autocorrelation
#' @rawNamespace S3method(ggplot2::autoplot, lmm_variogram)
autoplot.lmm_variogram <- function(object, ...) {
  data <- data.frame(dist = object$dist, variog = object$variog, pairs = object$n.pairs)
  curve <- attr(object, "modelVariog")
  g <- ggplot2::ggplot(data, gg_aes(x = "dist", y = "variog")) + ggplot2::geom_point(gg_aes(size = "pairs")) +
    ggplot2::scale_size_area(max_size = 4) +
    ggplot2::expand_limits(x = 0, y = 0) +
    ggplot2::labs(x = "Distance", y = "Semivariogram", size = "Pairs",
                  title = paste("Semivariogram of", residual_type_titles[[attr(object, "residuals")]]))
  if (is.null(curve)) g else g + ggplot2::geom_line(data = curve, color = "firebrick")
}
