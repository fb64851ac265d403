# Pictures of a profile: the numbers first, then the drawing.

# list of data frames by parameter, for the three kinds of picture.
plot_data_profile <- function(profile, type = c("zeta", "density", "pairs"), points = 101L) {
  parameters <- levels(profile$.par)
  curves <- lapply(stats::setNames(parameters, parameters), function(name) profile_curve(profile, name))
  curves <- drawable_curves(curves)
  switch(type,
    zeta = lapply(curves, function(curve) curve$rows[c("value", "zeta")]),
    density = lapply(curves, density_points, points),
    pairs = curves)
}

# A parameter whose profile has one point (a correlation that may be anything) has no curve.
drawable_curves <- function(curves) {
  drawn <- vapply(curves, function(curve) nrow(curve$rows) > 1L, NA)
  if (all(drawn)) return(curves)
  names <- names(curves)[!drawn]
  text <- paste0("the likelihood of ", enumerate(quote_name(names)),
                 " has no profile to draw: it does not depend on the value, ",
                 "or the estimate is at its boundary.")
  if (!any(drawn)) lmm_abort("input", text, what = names)
  lmm_inform("boundary", text, what = names)
  curves[drawn]
}

# The points of one parameter and the spline through them, zeta as a function of the parameter and back.
profile_curve <- function(profile, name) {
  rows <- profile[profile$.par == name, ]
  rows <- data.frame(value = rows[[name]], zeta = rows$.zeta)
  rows <- rows[rows$zeta > cummax(c(-Inf, rows$zeta[-nrow(rows)])), ]      # a profile may end flat
  if (nrow(rows) < 2L) return(list(rows = rows))
  list(rows = rows, forward = rising_spline(rows$value, rows$zeta), back = rising_spline(rows$zeta, rows$value))
}

# Smooth where a cubic spline rises everywhere, else through the same points with less curvature.
rising_spline <- function(x, y) {
  if (length(x) > 2L) {
    f <- stats::splinefun(x, y, method = "natural")
    if (all(f(seq(x[1L], x[length(x)], length.out = 20L * length(x)), deriv = 1L) > 0)) return(f)
  }
  f <- stats::splinefun(x, y, method = "monoH.FC")         # which refuses missing values
  function(x, deriv = 0L) {
    out <- rep(NA_real_, length(x))
    out[!is.na(x)] <- f(x[!is.na(x)], deriv = deriv)
    out
  }
}

# The density that zeta ~ N(0, 1) gives the parameter.
density_points <- function(curve, points) {
  value <- seq(min(curve$rows$value), max(curve$rows$value), length.out = points)
  data.frame(value = value, density = stats::dnorm(curve$forward(value)) * curve$forward(value, deriv = 1L))
}

#' @rdname profile.lmm_fit
#' @param x a profile.
#' @param type `"zeta"`: the signed root of the rise of `-2 log L` against the parameter, a straight line where the
#'   normal approximation is good, with intervals; `"density"`: the density that a normal `zeta` implies; `"pairs"`: for
#'   each pair of parameters how one moves when the other is profiled (profile traces), with approximate contours. A
#'   parameter on which the likelihood does not depend, as a correlation with a variance of zero, is not shown.
#' @param levels confidence levels of the intervals or contours shown; the numbers beside the lines are percentages.
#' @export
plot.lmm_profile <- function(x, type = c("zeta", "density", "pairs"), levels = c(0.5, 0.8, 0.9, 0.95, 0.99),
                             which = NULL, ...) {
  type <- check_choice(type[1L], c("zeta", "density", "pairs"), "type")
  x <- profile_of(x, which)
  data <- plot_data_profile(x, type)
  labels <- shown_parameters(x)
  if (type == "pairs") return(invisible(draw_pairs(x, data, levels, labels, ...)))
  given <- list(...)
  in_panels(length(data), function() for (name in names(data)) {
    plot_frame(list(data[[name]], type = "l",
               xlab = labels[[name]], ylab = if (type == "zeta") "signed root of the likelihood ratio" else "density"),
               given)
    curve <- profile_curve(x, name)
    if (type == "zeta") draw_intervals(curve, levels) else draw_density_marks(curve)
  }, mar = c(4, 4, 1, 1))
  invisible(data)
}

# Names that say what a parameter is, whatever the names in the profile.
shown_parameters <- function(profile) {
  stats::setNames(all_parameter_names(attr(profile, "fit"), FALSE), names(attr(profile, "estimate")))
}

# The estimate and the 95 percent limits.
draw_density_marks <- function(curve) {
  at <- curve$back(c(-1, 0, 1) * stats::qnorm(0.975))
  graphics::abline(v = at, lty = c(2, 1, 2), col = "grey50")
}

# The profiles of some of the parameters, by name or number.
profile_of <- function(profile, which) {
  if (is.null(which)) return(profile)
  names <- levels(profile$.par)
  if (is.character(which)) for (name in which) check_choice(name, names, "which")
  at <- if (is.character(which)) match(which, names) else which
  if (!is.numeric(at) || !length(at) || anyNA(at) || !all(at %in% seq_along(names))) {
    lmm_abort("input", paste0("`which` must name profiled parameters or give their positions among ", length(names),
                              "."), what = "which", value = which)
  }
  profile <- profile[profile$.par %in% names[at], , drop = FALSE]
  profile$.par <- factor(profile$.par, names[unique(at)])
  profile
}

draw_intervals <- function(curve, levels) {
  graphics::points(curve$rows, pch = 20, cex = 0.6)
  graphics::abline(h = 0, col = "grey")
  z <- stats::qnorm((1 + levels) / 2)
  for (at in c(-z, z)) {
    if (at < min(curve$rows$zeta) || at > max(curve$rows$zeta)) next
    graphics::segments(curve$back(at), 0, curve$back(at), at, col = "grey40")
  }
  shown <- curve$back(z)
  fits <- z <= max(curve$rows$zeta)
  if (any(fits)) graphics::text(shown[fits], z[fits], paste0(100 * levels[fits]), pos = 2L, cex = 0.65, offset = 0.25)
}

#' @rdname profile.lmm_fit
#' @importFrom graphics pairs
#' @export
pairs.lmm_profile <- function(x, levels = c(0.5, 0.8, 0.9, 0.95, 0.99), which = NULL, ...) {
  plot(x, type = "pairs", levels = levels, which = which, ...)
}

# Below the diagonal the parameters themselves, above it on the scale of zeta.
draw_pairs <- function(profile, curves, levels, labels, ...) {
  names <- names(curves)
  k <- length(names)
  old <- graphics::par(mfrow = c(k, k), mar = c(2, 2, 0.5, 0.5))
  on.exit(graphics::par(old))
  for (i in seq_len(k)) for (j in seq_len(k)) {
    if (i == j) {
      graphics::plot.new()
      graphics::text(0.5, 0.5, labels[[names[i]]], cex = min(1, 0.95 / graphics::strwidth(labels[[names[i]]])))
    } else {
      draw_pair(pair_data(profile, curves, names[j], names[i], levels, zeta = j > i), ...)
    }
  }
  curves
}

# Traces and contours of two parameters, as parameters or as zeta.
pair_data <- function(profile, curves, a, b, levels, zeta) {
  trace <- function(own) {
    # no correlation where a variance is 0
    rows <- profile[profile$.par == own & !is.na(profile[[a]]) & !is.na(profile[[b]]), ]
    zeta_of <- function(name) {                      # where the other parameter leaves its own profile, the end of that
      ends <- range(curves[[name]]$rows$value)
      curves[[name]]$forward(pmin(pmax(rows[[name]], ends[1L]), ends[2L]))
    }
    data.frame(x = zeta_of(a), y = zeta_of(b))
  }
  traces <- list(trace(a), trace(b))
  radius <- if (all(vapply(traces, nrow, 0L) > 1L)) sqrt(stats::qchisq(levels, 2))
  contours <- lapply(radius, trace_contour, traces = traces)
  if (!zeta) {
    back <- function(points) data.frame(x = curves[[a]]$back(points$x), y = curves[[b]]$back(points$y))
    range <- lapply(curves[c(a, b)], function(curve) range(curve$rows$zeta))
    inside <- function(points) {                                              # NA interrupts the line
      points[points$x < range[[1L]][1L] | points$x > range[[1L]][2L] | points$y < range[[2L]][1L] |
        points$y > range[[2L]][2L], ] <- NA
      points
    }
    traces <- lapply(lapply(traces, inside), back)
    contours <- lapply(lapply(contours, inside), back)
  }
  list(traces = traces, contours = contours)
}

# Closed curve through the points where the traces cross the contour: x = r cos(t + d / 2), y = r cos(t - d / 2), with
# the phase d a periodic spline in t (Bates and Watts 1988, appendix 6).
trace_contour <- function(radius, traces) {
  angle <- function(points, own, other) {
    f <- stats::approxfun(points[[own]], points[[other]] / ifelse(points[[own]] == 0, 1, points[[own]]), rule = 2,
      ties = mean)
    acos(pmax(-1, pmin(1, f(c(radius, -radius)))))
  }
  on_a <- angle(traces[[1L]], "x", "y")
  on_b <- angle(traces[[2L]], "y", "x")
  t <- c(on_a[1L] / 2, pi + on_a[2L] / 2, -on_b[1L] / 2, pi - on_b[2L] / 2)
  d <- c(-on_a[1L], -on_a[2L], -on_b[1L], -on_b[2L])
  t <- t %% (2 * pi)
  order <- order(t)
  t <- t[order]
  phase <- stats::splinefun(c(t, t[1L] + 2 * pi), c(d[order], d[order][1L]), method = "periodic")
  at <- seq(0, 2 * pi, length.out = 121L)
  data.frame(x = radius * cos(at + phase(at) / 2), y = radius * cos(at - phase(at) / 2))
}

draw_pair <- function(pair, ...) {
  all <- do.call(rbind, c(pair$contours, pair$traces))
  plot_frame(list(all, type = "n", xlab = "", ylab = ""), list(...))
  for (contour in pair$contours) graphics::lines(contour, col = "grey40")
  for (trace in pair$traces) graphics::lines(trace, col = "steelblue")
}
