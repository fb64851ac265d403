# What all pictures share: arguments of the user before ours, panels, points that do not become a blot.

# graphics::plot() with defaults that the user's arguments replace.
plot_frame <- function(defaults, given) {
  do.call(graphics::plot, utils::modifyList(defaults, without_level(given), keep.null = TRUE))
}

# Evaluates `draw` in a layout of `n` panels; where the user has set up several, in these. The device is left as it was.
in_panels <- function(n, draw, mar = NULL) {
  own <- if (n > 1L && all(graphics::par("mfrow") == 1L)) list(mfrow = panel_layout(n))
  own <- c(own, if (!is.null(mar)) list(mar = mar))
  if (length(own)) {
    old <- graphics::par(own)
    on.exit(graphics::par(old))
  }
  draw()
}

# Rows and columns; three panels would be narrow in one row.
panel_layout <- function(n) if (n == 3L) c(2L, 2L) else rev(grDevices::n2mfrow(n))

# Points: solid while few, transparent while they overlap, and counts in cells when there are more than `most`.
draw_cloud <- function(x, y, given = list(), most = 20000L) {
  n <- length(x)
  if (n > most) return(draw_cells(x, y))
  alpha <- min(1, max(0.15, 40 / sqrt(n) / 2))
  style <- list(pch = if (n > 300L) 20 else 16, col = grDevices::adjustcolor("black", alpha),
                cex = if (n > 3000L) 0.6 else 0.9)
  own <- given[intersect(names(given), c("pch", "col", "cex", "bg"))]
  do.call(graphics::points, c(list(x, y), utils::modifyList(style, own)))
}

draw_cells <- function(x, y, cells = c(120L, 90L)) {
  counts <- cell_counts(x, y, cells)
  shade <- grDevices::grey(0.85 - 0.85 * (log1p(counts$n) / log1p(max(counts$n))))
  graphics::rect(counts$x - counts$width[1L] / 2, counts$y - counts$width[2L] / 2, counts$x + counts$width[1L] / 2,
                 counts$y + counts$width[2L] / 2, col = shade, border = NA)
}

# Middles of the cells that are not empty, and how many points are in each.
cell_counts <- function(x, y, cells) {
  ok <- is.finite(x) & is.finite(y)
  width <- c(diff(range(x[ok])), diff(range(y[ok]))) / cells
  width[width == 0] <- 1
  i <- pmin(floor((x[ok] - min(x[ok])) / width[1L]), cells[1L] - 1)
  j <- pmin(floor((y[ok] - min(y[ok])) / width[2L]), cells[2L] - 1)
  n <- tabulate(1L + i + cells[1L] * j, prod(cells))
  at <- which(n > 0L) - 1L
  list(x = min(x[ok]) + (at %% cells[1L] + 0.5) * width[1L], y = min(y[ok]) + (at %/% cells[1L] + 0.5) * width[2L],
       n = n[n > 0L], width = width)
}

# A smooth curve through the points.
draw_smoother <- function(x, y) {
  curve <- smoother(x, y)
  if (!is.null(curve)) graphics::lines(curve, col = "firebrick", lwd = 2)
}

# lowess(); NULL where there is nothing to smooth.
smoother <- function(x, y) {
  ok <- is.finite(x) & is.finite(y)
  if (length(unique(x[ok])) < 5L) return(NULL)
  stats::lowess(x[ok], y[ok], iter = if (sum(ok) > 1e5) 0L else 3L)
}

# Names beside the points, on the side where there is room.
draw_names <- function(x, y, names) {
  if (!length(x)) return(invisible())
  right <- x > mean(graphics::par("usr")[1:2])
  graphics::text(x, spread_apart(x, y, 1.1 * graphics::strheight("0", cex = 0.75),
                                 3 * graphics::strwidth("000", cex = 0.75)), names,
                 pos = ifelse(right, 2L, 4L), cex = 0.75, offset = 0.3, xpd = NA)
}

# Heights at which names of this height and width do not overlap: each is raised above those below it, from the middle
# outwards.
spread_apart <- function(x, y, height, width) {
  middle <- mean(graphics::par("usr")[3:4])
  for (side in c(1, -1)) {
    own <- which(if (side > 0) y >= middle else y < middle)
    own <- own[order(-side * y[own])]
    for (k in seq_along(own)[-1L]) {
      before <- own[seq_len(k - 1L)]
      near <- before[abs(x[before] - x[own[k]]) < width]
      if (length(near)) y[own[k]] <- side * min(side * y[own[k]], side * y[near] - height)
    }
  }
  y
}

# Positions of the `id` largest absolute values.
extremes <- function(value, id) {
  if (!isTRUE(id > 0)) return(integer())
  utils::head(order(-abs(value), na.last = NA), id)
}

# Horizontal intervals with names, from top to bottom: estimate, lower, upper. Limits beyond the margin have an arrow.
draw_forest <- function(rows, given, xlab = "estimate", zero = NULL) {
  at <- rev(seq_len(nrow(rows)))
  finite <- c(rows$estimate, rows$lower[is.finite(rows$lower)], rows$upper[is.finite(rows$upper)], zero)
  size <- max(graphics::strwidth(rownames(rows), "inches", cex = 0.9))
  old <- graphics::par(mai = replace(graphics::par("mai"), 2L, min(size + 0.35, graphics::par("din")[1L] / 2.5)))
  on.exit(graphics::par(old))
  plot_frame(list(range(finite, na.rm = TRUE), c(0.5, nrow(rows) + 0.5), type = "n", yaxt = "n", xlab = xlab,
                  ylab = ""), given)
  if (!is.null(zero)) graphics::abline(v = zero, lty = 3)
  ends <- graphics::par("usr")[1:2]
  graphics::segments(pmax(rows$lower, ends[1L]), at, pmin(rows$upper, ends[2L]), lwd = 2, col = "grey50")
  draw_arrows(rows$estimate, at, rows$lower < ends[1L], ends[1L])
  draw_arrows(rows$estimate, at, rows$upper > ends[2L], ends[2L])
  graphics::points(rows$estimate, at, pch = 16)
  graphics::axis(2L, at, rownames(rows), las = 1, tick = FALSE, cex.axis = 0.9)
}

draw_arrows <- function(from, at, which, end) {
  which <- base::which(which & from != end)
  if (length(which)) graphics::arrows(from[which], at[which], end, at[which], length = 0.1, lwd = 2, col = "grey50")
}

# A legend at the top: on the right, or left of the vertical lines `at` that it would cover there.
legend_beside <- function(at, ...) {
  box <- graphics::legend("topright", ..., plot = FALSE)$rect
  right <- c(box$left + box$w, sort(at, decreasing = TRUE) - 0.01 * diff(graphics::par("usr")[1:2]))
  free <- vapply(right, function(end) !any(at > end - box$w & at < end), NA)
  graphics::legend(c(right[free], right)[1L] - box$w, box$top, ...)
}

# A histogram with lines at the estimate (solid) and at limits (dashed).
draw_histogram <- function(values, estimate, limits, given, xlab) {
  values <- values[is.finite(values)]
  cells <- graphics::hist(values, breaks = if (length(unique(values)) > 1L) "FD" else 1L, plot = FALSE)
  if (length(cells$breaks) > 60L) cells <- graphics::hist(values, breaks = 50L, plot = FALSE)
  defaults <- list(cells, freq = FALSE, col = "grey85", border = "white", main = "", xlab = xlab, ylab = "density",
                   xlim = range(cells$breaks, estimate, limits, finite = TRUE))
  do.call(graphics::plot, utils::modifyList(defaults, given))
  graphics::abline(v = estimate, lwd = 2, col = "firebrick")
  graphics::abline(v = limits, lty = 2, col = "firebrick")
}
