# The pictures of plot() with package 'ggplot2', from the same numbers.

#' Plots with ggplot2
#'
#' Methods for `ggplot2::autoplot()`. Each returns a `ggplot` object with the numbers of the corresponding method of
#' [plot()], to which layers, scales and themes can be added.
#'
#' @param object a fit made by [lmm()], its [random effects][ranef.lmm_fit()], a [profile][profile.lmm_fit()], a
#'   [bootstrap()], a test ([rlrt()], [lrt()], [bootstrap_test()]), [ems()], [gauge_rr()], a [power_study()],
#'   [quantity()] or [group_influence()].
#' @param type,level,which see the methods of [plot()]: [plot.lmm_fit()], [plot.ranef.lmm_fit()], [plot_results].
#' @param id how many extreme points to name.
#' @param ... not used.
#' @return An object of class `ggplot`.
#' @section Conditions:
#' `lmm_error_input` as for the methods of [plot()].
#' @seealso [plot.lmm_fit()].
#' @concept ggplot2
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' ggplot2::autoplot(fit)
#' ggplot2::autoplot(ranef(fit))
#' @rawNamespace S3method(ggplot2::autoplot, lmm_fit)
autoplot.lmm_fit <- function(object, type = c("residuals", "qq", "scale", "ranef"), id = 3, ...) {
  for (one in type) check_choice(one, names(residual_titles), "type")
  check_number(id, "id", lower = 0)
  rows <- fit_rows(object, "autoplot()")
  panels <- residual_panels(object, type, row_labels(rows))
  parts <- lapply(type, function(one) {
    points <- panels[[one]][c("x", "y", "size", "name")]
    far <- extremes(points$size, id)
    data.frame(points, panel = rep(residual_titles[[one]][3L],
               nrow(points)),
               shown = ifelse(seq_len(nrow(points)) %in% far, paste0("  ", points$name, "  "), NA))
  })
  data <- do.call(rbind, parts)
  data$panel <- factor(data$panel, unique(vapply(residual_titles[type], `[`, "", 3L)))
  g <- ggplot2::ggplot(data, gg_aes(x = "x", y = "y"))
  g <- g + if (nrow(data) > 40000L) ggplot2::geom_bin_2d(bins = 90) else
    ggplot2::geom_point(alpha = min(1, max(0.15, 20 / sqrt(rows$n))))
  curves <- data[data$panel %in% c("Residuals", "Scale-location"), ]
  if (nrow(curves)) g <- g + ggplot2::geom_line(data = gg_smoothers(curves), color = "firebrick")
  named <- data[!is.na(data$shown), ]
  g <- g + ggplot2::geom_text(gg_aes(label = "shown"), data = named, hjust = "inward", size = 3)
  reference <- gg_references(data)
  if (nrow(reference)) g <- g + ggplot2::geom_abline(gg_aes(slope = "slope", intercept = "intercept"), data = reference,
                                                     linetype = 3)
  labels <- panel_titles(object)[[type[1L]]]
  one <- length(type) == 1L
  g <- g + ggplot2::labs(x = if (one) labels[1L], y = if (one) labels[2L],
                         caption = if (!one && fit_is_iterative(object)) paste("Q-Q, scale:", standard_title(object)))
  if (one) g + ggplot2::ggtitle(labels[3L]) else g + ggplot2::facet_wrap("panel", scales = "free")
}

# aes() of columns given by name, without names that the package does not know.
gg_aes <- function(...) {
  do.call(ggplot2::aes, lapply(list(...), as.name))
}

# Lines of the panels: 0 for residuals, through the quartiles for quantiles, and the diagonal.
gg_references <- function(data) {
  qq <- data[data$panel == "Normal Q-Q", ]
  line <- if (nrow(qq)) quartile_line(qq) else c(0, 0)
  out <- data.frame(panel = c("Residuals", "Normal Q-Q", "Random effects"), intercept = c(0, line[1L], 0),
                    slope = c(0, line[2L], 1))
  out <- out[out$panel %in% data$panel & is.finite(out$slope), ]
  out$panel <- factor(out$panel, levels(data$panel))
  out
}

gg_smoothers <- function(data) {
  parts <- lapply(split(data, data$panel, drop = TRUE), function(own) {
    curve <- smoother(own$x, own$y)
    if (!is.null(curve)) data.frame(x = curve$x, y = curve$y, panel = own$panel[1L])
  })
  out <- do.call(rbind, unname(parts))
  if (is.null(out)) data[0L, c("x", "y", "panel")] else out
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, ranef.lmm_fit)
autoplot.ranef.lmm_fit <- function(object, level = 0.95, ...) {
  data <- mode_limits(object, level)
  data$panel <- paste(data$grpvar, data$term)
  data$row <- stats::reorder(factor(paste(data$panel, data$grp, sep = "\r")), data$condval)
  ggplot2::ggplot(data, gg_aes(x = "condval", y = "row")) + ggplot2::geom_vline(xintercept = 0, linetype = 3) +
    ggplot2::geom_segment(gg_aes(x = "lower", xend = "upper", yend = "row"), color = "grey50") + ggplot2::geom_point() +
    ggplot2::facet_wrap("panel", scales = "free") +
      ggplot2::scale_y_discrete(labels = function(x) sub("^[^\r]*\r", "", x)) +
    ggplot2::labs(x = paste("random effect,", 100 * level, "percent limits"), y = NULL)
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, lmm_profile)
autoplot.lmm_profile <- function(object, type = c("zeta", "density"), ...) {
  type <- check_choice(type[1L], c("zeta", "density"), "type")
  curves <- plot_data_profile(object, type)
  names(curves) <- shown_parameters(object)[names(curves)]
  data <- do.call(rbind, Map(function(curve, name) data.frame(value = curve[[1L]], y = curve[[2L]],
                  parameter = name), curves, names(curves)))
  data$parameter <- factor(data$parameter, names(curves))
  g <- ggplot2::ggplot(data, gg_aes(x = "value",
                                    y = "y")) + ggplot2::geom_line() +
                                      ggplot2::facet_wrap("parameter", scales = "free") +
    ggplot2::labs(x = NULL, y = if (type == "zeta") "signed root of the likelihood ratio" else "density")
  if (type == "zeta") g + ggplot2::geom_hline(yintercept = stats::qnorm(c(0.025, 0.5, 0.975)), linetype = 3) else g
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, lmm_bootstrap)
autoplot.lmm_bootstrap <- function(object, which = NULL, level = 0.95, ...) {
  names <- colnames(object$t)
  if (is.null(names)) names <- paste("statistic", seq_len(ncol(object$t)))
  at <- if (is.null(which)) seq_along(names) else if (is.character(which)) match(which, names) else which
  if (!is.null(object$labels)) names <- object$labels
  data <- data.frame(value = as.vector(object$t[, at]),
                     statistic = factor(rep(names[at], each = nrow(object$t)), names[at]))
  limits <- vapply(at, function(k) bootstrap_limits(object$t0[[k]], object$t[, k], level, "perc"), numeric(2L))
  lines <- data.frame(value = c(unname(object$t0[at]), limits[1L, ], limits[2L, ]),
                      statistic = factor(rep(names[at], 3L), names[at]),
                      kind = rep(c("estimate", "limit", "limit"), each = length(at)))
  gg_histogram(data[is.finite(data$value), ], lines) + ggplot2::facet_wrap("statistic", scales = "free")
}

gg_histogram <- function(data, lines) {
  ggplot2::ggplot(data, gg_aes(x = "value")) + ggplot2::geom_histogram(bins = 30, fill = "grey80", color = "white") +
    ggplot2::geom_vline(gg_aes(xintercept = "value", linetype = "kind"), data = lines,
                        color = "firebrick") + ggplot2::labs(x = NULL, linetype = NULL)
}

gg_null <- function(values, observed, name) {
  values <- values[!is.na(values)]
  lines <- data.frame(value = c(observed, if (length(values)) stats::quantile(values, 0.95, names = FALSE)),
                      kind = c("observed", if (length(values)) "95 percent quantile"))
  positive <- values[values > 0]
  gg_histogram(data.frame(value = if (length(positive)) positive else observed),
               lines) + ggplot2::labs(x = name, title = "Null distribution and observed value",
    subtitle = if (any(values == 0)) paste(round(100 * mean(values == 0)), "percent of it at 0"))
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, rlrt)
autoplot.rlrt <- function(object, ...) gg_null(null_values(object), object$statistic[[1L]], names(object$statistic))

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, bootstrap_test)
autoplot.bootstrap_test <- function(object, ...) gg_null(object$reference, object$test["LRT", "stat"], "LRT")

# Horizontal intervals in the order of the rows.
gg_forest <- function(rows, xlab) {
  rows <- data.frame(source = factor(trimws(rownames(rows)), rev(trimws(rownames(rows)))), estimate = rows$estimate,
                     lower = rows$lower, upper = rows$upper)
  ggplot2::ggplot(rows, gg_aes(x = "estimate",
                               y = "source")) + ggplot2::geom_segment(gg_aes(x = "lower", xend = "upper",
                                                                             yend = "source"), color = "grey50") +
    ggplot2::geom_point() + ggplot2::labs(x = xlab, y = NULL)
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, ems)
autoplot.ems <- function(object, level = 0.95, ...) {
  limits <- stats::confint(object, level = level)
  gg_forest(data.frame(estimate = unname(object$components[, "moments"]), lower = limits[, 1L], upper = limits[, 2L],
                       row.names = rownames(limits)),
            paste("variance component,", 100 * level, "percent limits"))
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, gauge_rr)
autoplot.gauge_rr <- function(object, ...) {
  table <- object$table[rownames(object$table) != "Total variation", ]
  gg_forest(data.frame(estimate = table$study, lower = table$study.lower, upper = table$study.upper,
                       row.names = rownames(table)),
            paste("percent of total variation,", 100 * object$level, "percent limits"))
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, quantity_table)
autoplot.quantity_table <- function(object, ...) {
  g <- gg_forest(object, "estimate and limits")
  g$data$scale <- quantity_scale(object)
  g + ggplot2::facet_wrap("scale", scales = "free", ncol = 1L) + ggplot2::theme(strip.text = ggplot2::element_blank())
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, power_study)
autoplot.power_study <- function(object, ...) {
  curves <- power_curves(object)
  if (is.null(curves)) {
    return(gg_forest(data.frame(estimate = object$power, lower = object$lower, upper = object$upper,
                                row.names = make.unique(as.character(if (is.null(object$design)) "power" else
                                  object$design))), "power"))
  }
  ggplot2::ggplot(do.call(rbind, unname(curves)), gg_aes(x = "x", y = "power", color = "curve", fill = "curve")) +
    ggplot2::geom_ribbon(gg_aes(ymin = "lower", ymax = "upper"), alpha = 0.2,
                         color = NA) + ggplot2::geom_line() + ggplot2::geom_point() +
    ggplot2::geom_hline(yintercept = c(attr(object, "alpha"), 0.8),
                        linetype = 3) + ggplot2::labs(x = power_axis(object), color = NULL, fill = NULL)
}

#' @rdname autoplot.lmm_fit
#' @rawNamespace S3method(ggplot2::autoplot, group_influence)
autoplot.group_influence <- function(object, ...) {
  data <- data.frame(group = factor(object$group, object$group[order(object$cook)]), cook = object$cook)
  ggplot2::ggplot(data, gg_aes(x = "cook", y = "group")) + ggplot2::geom_segment(gg_aes(xend = "cook", yend = "group"),
                                                                                 x = 0, color = "grey60") +
    ggplot2::geom_point() + ggplot2::labs(x = "Cook's distance", y = attr(object, "factor"))
}

#' @rdname autoplot.lmm_fit
#' @param model,data a fit for `ggplot2::ggplot(fit)`, and a data frame for [augment()][tidiers]; the default is that of
#'   the fit.
#' @rawNamespace S3method(ggplot2::fortify, lmm_fit)
fortify.lmm_fit <- function(model, data = NULL, ...) {
  as.data.frame(augment.lmm_fit(model, if (!is.null(data)) as.data.frame(data)))
}
