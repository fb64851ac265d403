# Pictures of bootstraps, tests by simulation, analyses of variance, gauge studies, power and quantities.

#' Plots of bootstraps, tests, variance components and power
#'
#' `plot()` of a [bootstrap()] shows a histogram of each statistic with its value in the fit (solid) and percentile
#' limits (dashed); of a test ([rlrt()], [lrt()], [bootstrap_test()]) the null distribution with the observed value and
#' the 95 percent quantile; of [ems()] the moment estimates of the components with modified large-sample limits; of
#' [gauge_rr()] the percentages of each source with limits; of a [power_study()] the curve of the power over the first
#' effect, one for each design, with limits; of [quantity()] each quantity with its limits; of [contest()] with
#' `joint = FALSE` each estimate with its limits; of [variance_components()] the variances with chi-square limits.
#'
#' @param x an object of these classes.
#' @param which names or numbers of the statistics shown.
#' @param level confidence level of the limits.
#' @param ... graphical parameters, passed on to [plot()].
#' @return Invisibly, what is shown: a list of vectors for a bootstrap, for a test the simulated values, otherwise a
#'   data frame.
#' @section Conditions:
#' `lmm_error_input`: a statistic that does not exist, a confidence level outside 0 to 1.
#' @seealso [plot.lmm_fit()], [autoplot()][autoplot.lmm_fit()] for ggplot2.
#' @concept histogram
#' @concept null distribution
#' @concept power curve
#' @examples
#' fit <- lmm(bright ~ 1 + (1 | operator), pulp)
#' plot(bootstrap(fit, nsim = 100, seed = 1))
#' plot(rlrt(fit))
#' plot(ems(fit))
#' @name plot_results
NULL

#' @rdname plot_results
#' @export
plot.lmm_bootstrap <- function(x, which = NULL, level = 0.95, ...) {
  names <- colnames(x$t)
  if (is.null(names)) names <- paste("statistic", seq_len(ncol(x$t)))
  at <- if (is.null(which)) seq_along(names) else if (is.character(which)) match(which, names) else which
  if (!is.numeric(at) || anyNA(at) || !all(at %in% seq_along(names))) {
    lmm_abort("input", "`which` must name statistics of the bootstrap.", what = "which", value = which,
              fix = paste0("There are ", enumerate(quote_name(names), 12L), "."))
  }
  at <- utils::head(at, 16L)
  given <- without_level(list(...))
  in_panels(length(at), function() for (k in at) {
    limits <- bootstrap_limits(x$t0[[k]], x$t[, k], level, "perc")
    draw_histogram(x$t[, k], x$t0[[k]], limits, given, if (is.null(x$labels)) names[k] else x$labels[k])
  }, mar = if (length(at) > 1L) c(4, 4, 1, 1))
  invisible(stats::setNames(lapply(at, function(k) x$t[, k]), names[at]))
}

#' @rdname plot_results
#' @rawNamespace S3method(graphics::hist, lmm_bootstrap)
hist.lmm_bootstrap <- function(x, ...) plot.lmm_bootstrap(x, ...)

#' @export
hist.rlrt <- function(x, ...) plot.rlrt(x, ...)

#' @export
hist.bootstrap_test <- function(x, ...) plot.bootstrap_test(x, ...)

#' @rdname plot_results
#' @export
plot.rlrt <- function(x, ...) draw_null(null_values(x), x$statistic[[1L]], names(x$statistic), list(...))

#' @rdname plot_results
#' @export
plot.bootstrap_test <- function(x, ...) draw_null(x$reference, x$test["LRT", "stat"], "LRT", list(...))

# Simulated values of the statistic, or quantiles of its distribution where this is known.
null_values <- function(x) {
  if (!is.null(x$draws)) return(x$draws)
  if (is.null(x$exact)) return(numeric())
  if (length(x$exact) == 1L) {
    w <- pmax(x$exact[["m"]], stats::qchisq(stats::ppoints(5000L), x$exact[["m"]]))
    return(w - x$exact[["m"]] - x$exact[["m"]] * log(w / x$exact[["m"]]))
  }
  F <- pmax(1, stats::qf(stats::ppoints(5000L), x$exact[["m"]], x$exact[["r"]]))
  one_eigenvalue_statistic(F, x$exact[["m"]], x$exact[["r"]])
}

draw_null <- function(values, observed, name, given) {
  values <- values[!is.na(values)]
  positive <- values[values > 0]
  if (!length(positive)) positive <- c(0, observed)
  share <- if (length(values)) mean(values == 0) else 1
  label <- if (share > 0) paste0(name, " (", round(100 * share), " percent of the null distribution at 0)") else name
  shown <- c(0, max(observed, stats::quantile(positive, 0.995, names = FALSE)) * 1.05)
  given <- utils::modifyList(list(main = "Null distribution and observed value", xlim = shown), given)
  top <- if (length(values)) stats::quantile(values, 0.95, names = FALSE)
  draw_histogram(positive, observed, top, given, label)
  legend_beside(c(observed, top), c("observed", "95 percent quantile"), lty = 1:2, lwd = 2:1, col = "firebrick",
                bty = "n")
  invisible(values)
}

#' @rdname plot_results
#' @export
plot.ems <- function(x, level = 0.95, ...) {
  limits <- stats::confint(x, level = level)
  rows <- data.frame(estimate = unname(x$components[, "moments"]), lower = limits[, 1L], upper = limits[, 2L],
                     row.names = rownames(x$components))
  draw_forest(rows, list(...), paste("variance component,", 100 * level, "percent limits"), zero = 0)
  invisible(rows)
}

#' @rdname plot_results
#' @export
plot.gauge_rr <- function(x, ...) {
  table <- x$table[rownames(x$table) != "Total variation", ]
  rows <- data.frame(estimate = table$study, lower = table$study.lower, upper = table$study.upper,
                     row.names = rownames(table))
  given <- utils::modifyList(list(xlim = c(0, 100)), list(...))
  draw_forest(rows, given, paste("percent of total variation,", 100 * x$level, "percent limits"))
  graphics::abline(v = c(10, 30), lty = 3)
  invisible(rows)
}

#' @rdname plot_results
#' @export
plot.quantity_table <- function(x, ...) {
  groups <- split(seq_len(nrow(x)), quantity_scale(x))
  in_panels(length(groups), function() for (own in groups) draw_forest(x[own, ], list(...), "estimate and limits"))
  invisible(x)
}

#' @rdname plot_results
#' @export
plot.contest_table <- function(x, ...) {
  if (is.null(x$lower)) {
    lmm_abort("input", "the joint test has no limits to plot.", what = "x",
              fix = "contest(fit, L, joint = FALSE) has an estimate with limits for each row.")
  }
  rows <- data.frame(estimate = x$Estimate, lower = x$lower, upper = x$upper, row.names = rownames(x))
  draw_forest(rows, list(...), "estimate and limits", zero = 0)
  invisible(rows)
}

#' @rdname plot_results
#' @export
plot.variance_components <- function(x, level = 0.95, ...) {
  check_level(level, "level")
  use <- which(x$estimate > 0 & is.finite(x$df) & (is.na(x$var2) | x$var1 == x$var2))
  if (!length(use)) lmm_abort("input", "no variance has a positive estimate and finite degrees of freedom.", what = "x")
  limits <- chisq_limits(x$estimate[use], x$se[use], level, x$df[use])
  rows <- data.frame(estimate = x$estimate[use], lower = limits[, 1L], upper = limits[, 2L],
                     row.names = rownames(x)[use])
  top <- max(rows$estimate) * 5                                     # limits of few degrees of freedom reach far
  shown <- utils::modifyList(list(xlim = c(0, min(top, max(rows$upper, na.rm = TRUE)))), list(...))
  draw_forest(rows, shown, paste("variance,", 100 * level, "percent chi-square limits"))
  invisible(rows)
}

#' @export
plot.summary.lmm_fit <- function(x, ...) {
  lmm_abort("input", "a summary has no plot.", what = "x",
            fix = "Use plot(fit) for residuals and random effects, plot_effects(fit) for fixed effects.")
}

# Quantities that can share an axis: shares, and values of about the same size.
quantity_scale <- function(x) {
  size <- pmax(abs(x$estimate), abs(x$lower), 0, na.rm = TRUE)
  share <- x$estimate >= 0 & x$estimate <= 1 & (is.na(x$upper) | x$upper <= 1) & (is.na(x$lower) | x$lower >= 0)
  ifelse(share %in% TRUE, -999, floor(log10(size) / 1.5))
}

#' @rdname plot_results
#' @export
plot.power_study <- function(x, ...) {
  curves <- power_curves(x)
  if (is.null(curves)) {
    rows <- data.frame(estimate = x$power, lower = x$lower, upper = x$upper,
                       row.names = make.unique(as.character(if (is.null(x$design)) "power" else x$design)))
    draw_forest(rows, utils::modifyList(list(xlim = 0:1), list(...)), "power")
    return(invisible(rows))
  }
  effect <- power_axis(x)
  at <- unlist(lapply(curves, `[[`, "x"))
  plot_frame(list(range(at), 0:1, type = "n", xlab = effect, ylab = "power", las = 1), list(...))
  graphics::abline(h = c(attr(x, "alpha"), 0.8), lty = 3)
  colors <- grDevices::hcl.colors(max(2L, length(curves)), "Dark 3")
  for (k in seq_along(curves)) {
    own <- curves[[k]]
    graphics::polygon(c(own$x, rev(own$x)), c(own$lower, rev(own$upper)), col = grDevices::adjustcolor(colors[k], 0.2),
                      border = NA)
    graphics::lines(own$x, own$power, col = colors[k], lwd = 2)
    graphics::points(own$x, own$power, col = colors[k], pch = 16)
  }
  if (length(curves) > 1L) graphics::legend(if (rises(curves)) "topleft" else "topright", names(curves),
                                            title = if (!is.null(x$design)) "design", lwd = 2, pch = 16,
                                            col = colors[seq_along(curves)], bty = "n")
  invisible(do.call(rbind, unname(curves)))
}

power_axis <- function(x) if (length(attr(x, "effects"))) attr(x, "effects")[1L] else "design"

# Is the power at the largest values above that at the smallest?
rises <- function(curves) {
  mean(vapply(curves, function(curve) curve$power[nrow(curve)] - curve$power[1L], 0)) >= 0
}

# Several designs whose names are numbers, such as sample sizes, and no effect: a curve over these numbers.
size_curve <- function(x) {
  size <- suppressWarnings(as.numeric(as.character(x$design)))
  if (length(size) < 2L || anyNA(size) || anyDuplicated(size)) return(NULL)
  list(all = data.frame(x = size, x[c("power", "lower", "upper")], curve = "all")[order(size), ])
}

# A data frame for each design and each value of the other effects; NULL where nothing varies by numbers.
power_curves <- function(x) {
  effects <- attr(x, "effects")
  if (!length(effects)) return(size_curve(x))
  if (is.null(x[[effects[1L]]])) return(NULL)
  others <- intersect(c("design", effects[-1L]), names(x))
  key <- if (length(others)) do.call(paste, c(Map(function(name, v) if (name == "design") as.character(v) else
    paste(name, "=", v), others, x[others]), sep = ", "))
         else rep("all", nrow(x))
  lapply(split(seq_len(nrow(x)), factor(key, unique(key))), function(own) {
    own <- own[order(x[[effects[1L]]][own])]
    data.frame(x = x[[effects[1L]]][own], power = x$power[own], lower = x$lower[own], upper = x$upper[own],
    curve = key[own])
  })
}
