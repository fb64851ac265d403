# Package 'lattice': its generics make trellis objects, which can be changed, arranged and printed later.

#' Lattice plots of random effects, profiles and residuals
#'
#' Methods for the generic functions of package 'lattice'. They return trellis objects, which are drawn when they are
#' printed. The same pictures in base graphics: [plot.ranef.lmm_fit()], [plot.lmm_profile()], [plot.lmm_fit()].
#'
#' @param x random effects from [ranef()][ranef.lmm_fit()], a profile from [profile()][profile.lmm_fit()], or a fit made
#'   by [lmm()].
#' @param data not used.
#' @param main write the name of the grouping factor above each plot?
#' @param transf function applied to the modes and their limits, such as `exp`.
#' @param level confidence level of the intervals.
#' @param levels confidence levels of the intervals or contours shown.
#' @param which parameters shown, by name or number; `NULL` for all.
#' @param ... passed on to the function of 'lattice', such as `scales =` or `layout =`.
#' @return For random effects a named list with a trellis object for each grouping factor; otherwise a trellis object.
#'   `dotplot()` shows the modes of all levels in ascending order of the first column with intervals, `qqmath()` the
#'   modes (or the scaled residuals of a fit) against normal quantiles, `xyplot()` the signed root of the profiled
#'   deviance with intervals, `densityplot()` the densities implied by it, `splom()` the profile traces and contours of
#'   each pair of parameters (below the diagonal as parameters, above it on the scale of the root).
#' @section Conditions:
#' `lmm_error_input`: a confidence level outside 0 to 1 or an unknown parameter.
#' @seealso [plot.ranef.lmm_fit()], [plot.lmm_profile()], [plot.lmm_fit()].
#' @concept caterpillar plot
#' @concept trellis
#' @examplesIf requireNamespace("lattice", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' lattice::dotplot(ranef(fit))
#' lattice::xyplot(profile(fit, "theta_"))
#' @name lattice_plots
NULL

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::dotplot, ranef.lmm_fit)
dotplot.ranef.lmm_fit <- function(x, data = NULL, main = TRUE, transf = identity, level = 0.95, ...) {
  lapply_groups(mode_intervals(x, level, transf), main, function(modes, title, ...) {
    first <- modes[modes$term == modes$term[1L], ]
    modes$grp <- factor(modes$grp, as.character(first$grp)[order(first$condval)])
    trellis(lattice::dotplot, grp ~ condval | term, modes, lower = modes$lower, upper = modes$upper,
            panel = panel_intervals,
            prepanel = prepanel_intervals, main = title, xlab = "", scales = list(x = list(relation = "free")),
            given = list(...))
  }, ...)
}

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::qqmath, ranef.lmm_fit)
qqmath.ranef.lmm_fit <- function(x, data = NULL, main = TRUE, level = 0.95, ...) {
  lapply_groups(mode_intervals(x, level, identity), main, function(modes, title, ...) {
    modes <- do.call(rbind, lapply(split(modes, modes$term), function(panel) {
      panel <- panel[order(panel$condval), ]
      panel$quantile <- stats::qnorm(stats::ppoints(nrow(panel)))
      panel
    }))
    trellis(lattice::xyplot, quantile ~ condval | term, modes, lower = modes$lower, upper = modes$upper,
            panel = panel_intervals,
            prepanel = prepanel_intervals, main = title, xlab = "random effect", ylab = "normal quantile",
            scales = list(x = list(relation = "free")), given = list(...))
  }, ...)
}

# A call of 'lattice', in which what the user gives goes before what is written here.
trellis <- function(draw, formula, data, ..., given) {
  out <- do.call(draw, c(list(formula, data), utils::modifyList(list(...), given, keep.null = TRUE)))
  out$call <- quote(update())
  out
}

# The long data frame of random effects with limits.
mode_intervals <- function(x, level, transf) {
  check_level(level)
  if (!is.function(transf)) lmm_abort("input", "`transf` must be a function.", what = "transf")
  modes <- as.data.frame(x)
  half <- if (is.null(modes$condsd)) 0 else stats::qnorm((1 + level) / 2) * modes$condsd
  half[is.na(half)] <- 0
  modes$lower <- transf(modes$condval - half)
  modes$upper <- transf(modes$condval + half)
  modes$condval <- transf(modes$condval)
  modes
}

lapply_groups <- function(modes, main, draw, ...) {
  check_flag(main, "main")
  groups <- unique(as.character(modes$grpvar))
  lapply(stats::setNames(groups, groups), function(group) {
    own <- modes[modes$grpvar == group, ]
    own$term <- factor(own$term, unique(as.character(own$term)))
    draw(own, if (main) group, ...)
  })
}

panel_intervals <- function(x, y, lower, upper, subscripts, ...) {
  lattice::panel.abline(v = 0, lty = 3)
  lattice::panel.segments(lower[subscripts], as.numeric(y), upper[subscripts], as.numeric(y), col = "grey50")
  lattice::panel.xyplot(x, as.numeric(y), pch = 16, ...)
}

prepanel_intervals <- function(x, y, lower, upper, subscripts, ...) {
  list(xlim = range(x, lower[subscripts], upper[subscripts], na.rm = TRUE))
}

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::qqmath, lmm_fit)
qqmath.lmm_fit <- function(x, data = NULL, ...) {
  r <- if (fit_is_iterative(x)) standard_residuals(x) else stats::rstandard(x)
  trellis(lattice::qqmath, ~r, data.frame(r = r), xlab = "normal quantile", ylab = standard_title(x),
          panel = function(x, ...) {
            lattice::panel.qqmathline(x, lty = 3)
            lattice::panel.qqmath(x, ...)
          }, given = list(...))
}

# ---- profiles ----

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::xyplot, lmm_profile)
xyplot.lmm_profile <- function(x, data = NULL, levels = c(0.5, 0.8, 0.9, 0.95, 0.99), which = NULL, ...) {
  for (one in levels) check_level(one, "levels")
  x <- profile_of(x, which)
  curves <- plot_data_profile(x, "pairs")
  long <- stack_curves(lapply(curves, function(curve) {
    value <- seq(min(curve$rows$value), max(curve$rows$value), length.out = 101L)
    data.frame(x = value, y = curve$forward(value))
  }))
  levels(long$parameter) <- shown_parameters(x)[levels(long$parameter)]
  trellis(lattice::xyplot, y ~ x | parameter, long, curves = curves, levels = levels, xlab = "", ylab = "zeta",
          scales = list(x = list(relation = "free")), panel = panel_zeta, given = list(...))
}

panel_zeta <- function(x, y, curves, levels, ...) {
  curve <- curves[[lattice::packet.number()]]
  z <- stats::qnorm((1 + levels) / 2)
  z <- c(-z, z)
  z <- z[z >= min(curve$rows$zeta) & z <= max(curve$rows$zeta)]
  lattice::panel.abline(h = 0, col = "grey")
  lattice::panel.segments(curve$back(z), 0, curve$back(z), z, col = "grey40")
  lattice::panel.lines(x, y)
}

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::densityplot, lmm_profile)
densityplot.lmm_profile <- function(x, data = NULL, which = NULL, ...) {
  curves <- plot_data_profile(profile_of(x, which), "density")
  long <- stack_curves(lapply(curves, function(curve) data.frame(x = curve$value, y = curve$density)))
  levels(long$parameter) <- shown_parameters(x)[levels(long$parameter)]
  trellis(lattice::xyplot, y ~ x | parameter, long, type = "l", xlab = "", ylab = "density",
          scales = list(relation = "free"),
          given = list(...))
}

stack_curves <- function(curves) {
  out <- do.call(rbind, Map(function(name, curve) data.frame(parameter = name, curve), names(curves), curves))
  out$parameter <- factor(out$parameter, names(curves))
  out
}

#' @rdname lattice_plots
#' @rawNamespace S3method(lattice::splom, lmm_profile)
splom.lmm_profile <- function(x, data = NULL, levels = c(0.5, 0.8, 0.9, 0.95, 0.99), which = NULL, ...) {
  for (one in levels) check_level(one, "levels")
  x <- profile_of(x, which)
  curves <- plot_data_profile(x, "pairs")
  values <- as.data.frame(lapply(curves, function(curve) range(curve$rows$value)), optional = TRUE)
  trellis(lattice::splom, ~values, list(values = values), lower.panel = panel_pair(x, curves, levels, zeta = FALSE),
          upper.panel = panel_pair(x, curves, levels, zeta = TRUE), xlab = "", pscales = 3,
          varnames = sub("|", "\n|", unname(shown_parameters(x)[names(curves)]), fixed = TRUE),
          varname.cex = 0.55, axis.text.cex = 0.45, given = list(...))
}

# In the panels above the diagonal, zeta is drawn on the axes of the parameters: the whole range of each fills the
# panel.
panel_pair <- function(profile, curves, levels, zeta) {
  function(x, y, i, j, ...) {
    names <- names(curves)
    pair <- pair_data(profile, curves, names[j], names[i], levels, zeta)
    place <- function(points) {
      if (!zeta) return(points)
      data.frame(x = onto_values(points$x, curves[[names[j]]]), y = onto_values(points$y, curves[[names[i]]]))
    }
    for (contour in pair$contours) do.call(lattice::panel.lines, c(unclass(place(contour)), col = "grey40"))
    for (trace in pair$traces) do.call(lattice::panel.lines, c(unclass(place(trace)), col = "steelblue"))
  }
}

onto_values <- function(zeta, curve) {
  from <- range(curve$rows$zeta)
  to <- range(curve$rows$value)
  to[1L] + (zeta - from[1L]) / diff(from) * diff(to)
}
