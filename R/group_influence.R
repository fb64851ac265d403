# What a whole group does to the estimates: each level left out in turn.

#' Influence of groups
#'
#' Leaves out the rows of each level of a grouping factor in turn and fits the model again.
#'
#' Cook's distance of a group is `(b - b_i)' Var(b)^-1 (b - b_i) / p`, with the coefficients `b` of all rows and `b_i`
#' without the group.
#'
#' @param fit a fit made by [lmm()] that keeps its rows.
#' @param group name of a grouping factor, or the subject of a residual structure; the default is the one with the
#'   fewest levels.
#' @param threads number of processes, see [bootstrap()].
#' @param x,... an object of this class; graphical parameters for [plot()].
#' @param id how many groups to name in the plot.
#' @return A data frame of class `group_influence` with a row per level and columns `group`, `rows`, `cook`, then the
#'   coefficients and variance parameters without it. What cannot be estimated without a group is `NA`. `plot()` shows
#'   Cook's distances and the changes of all parameters in units of their standard errors.
#' @section Conditions:
#' `lmm_error_input`: a name that is not that of a grouping factor, a fit that does not keep its rows.
#' @seealso [cooks.distance.lmm_fit()] for single rows, [plot.lmm_fit()].
#' @references Cook (1977) Technometrics 19, 15-18. Demidenko and Stukel (2005) Statistics in Medicine 24, 893-909.
#' @concept outlier
#' @concept case deletion
#' @concept jackknife
#' @concept leave one group out
#' @concept influence
#' @concept Cook's distance
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' group_influence(fit)
#' plot(group_influence(fit))
#' @export
group_influence <- function(fit, group = NULL, threads = 1, ...) {
  check_fit(fit)
  refuse_iterative(fit, "group_influence() is")
  check_number(threads, "threads", lower = 1, whole = TRUE)
  rows <- fit_rows(fit, "group_influence()")
  all <- left_out_groups(fit, rows)
  if (!length(all)) lmm_abort("input", "the fit has no groups to leave out.", what = "group")
  if (is.null(group)) group <- names(all)[which.min(vapply(all, function(own) length(own$levels), 0L))]
  check_choice(group, names(all), "group")
  code <- all[[group]]$codes
  levels <- all[[group]]$levels
  found <- in_processes(as.list(seq_along(levels)), function(level) {
    list(parameters_without(fit, which(code != level)))
  }, threads)
  estimates <- do.call(rbind, unlist(found, recursive = FALSE))
  colnames(estimates) <- all_parameter_names(fit, FALSE)
  out <- data.frame(group = levels, rows = tabulate(code, nrow(estimates)),
                    cook = group_distances(fit, estimates), estimates, check.names = FALSE)
  structure(out, class = c("group_influence", "data.frame"), factor = group,
            estimate = stats::setNames(all_estimates(fit), colnames(estimates)),
            se = parameter_errors(fit))
}

# The grouping factors by name, and the subjects of a residual structure: list(codes, levels) each.
left_out_groups <- function(fit, rows) {
  out <- Map(function(group, codes) list(codes = codes, levels = group$levels), fit_groups(fit), rows$codes)
  plan <- fit_frame(fit)$residual
  if (is.null(plan$subject) || is_independent(plan)) return(out)
  name <- deparse_line(plan$subject)
  if (!name %in% names(out)) out[[name]] <- group_of(plan$subject, rows$data)[c("codes", "levels")]
  out
}

# Standard errors of all parameters, standard deviations and correlations first; NA where there are none.
parameter_errors <- function(fit) {
  beta <- fit_beta(fit)
  beta[fit_estimable(fit)] <- sqrt(diag(fit_vcov(fit)))
  variance <- tryCatch(if (is_structured(fit)) free_components(fit, "sd", "observed")$se
                       else component_errors(fit, "sd")$se,
                       lmm_error = function(e) rep(NA_real_, variance_count(fit)))
  stats::setNames(c(variance, beta), all_parameter_names(fit, FALSE))
}

# All parameters of the fit to some of its rows; NA where they do not identify the model.
parameters_without <- function(fit, keep) {
  plan <- list(cluster = rep(1L, fit_stored_rows(fit)$n),
               chosen = function(u) list(row = keep, copy = rep(1L, length(keep))))
  new <- tryCatch(suppressMessages(suppressWarnings(resampled_fit(fit, plan, NULL))), lmm_error = function(e) NULL)
  if (is.null(new)) rep(NA_real_, length(all_estimates(fit))) else all_estimates(new)
}

group_distances <- function(fit, estimates) {
  kept <- which(fit_estimable(fit))
  if (!length(kept)) return(rep(NA_real_, nrow(estimates)))
  beta <- estimates[, names(fit_beta(fit))[kept], drop = FALSE]
  change <- t(beta) - fit_beta(fit)[kept]
  size <- sqrt(diag(fit_vcov(fit)))
  R <- chol(fit_vcov(fit) / outer(size, size))
  colSums(backsolve(R, change / size, transpose = TRUE)^2) / length(kept)
}

# Changes of the parameters in units of their standard errors, of those that have one.
influence_changes <- function(x) {
  estimate <- attr(x, "estimate")
  unit <- attr(x, "se")
  out <- t((t(as.matrix(as.data.frame(x)[names(estimate)])) - estimate) / unit)
  out[, is.finite(unit) & unit > 0, drop = FALSE]
}

#' @rdname group_influence
#' @export
plot.group_influence <- function(x, id = 3, ...) {
  check_number(id, "id", lower = 0)
  changes <- influence_changes(x)
  in_panels(2L, function() {
    draw_distances(x[order(x$cook, na.last = NA), ], attr(x, "factor"), id, list(...))
    draw_changes(changes, x$group, id, list(...))
  })
  invisible(x)
}

# A line for each group, all named beside the axis where there is room, otherwise the longest at their ends.
draw_distances <- function(x, factor, id, given) {
  at <- seq_len(nrow(x))
  size <- label_size(nrow(x))
  if (size > 0) {
    width <- max(graphics::strwidth(as.character(x$group), "inches", cex = size), 0)
    old <- graphics::par(mai = replace(graphics::par("mai"), 2L, width + 0.5))
    on.exit(graphics::par(old))
  }
  plot_frame(list(x$cook, at, pch = 16, yaxt = "n", xlab = "Cook's distance", ylab = if (size > 0) "" else factor,
                  main = if (size > 0) factor, xlim = c(0, max(x$cook, 0, na.rm = TRUE) * 1.05)), given)
  graphics::segments(0, at, x$cook, col = "grey60")
  if (size > 0) graphics::mtext(x$group, 2L, 0.5, at = at, las = 1, cex = size * graphics::par("cex"))
  top <- utils::tail(at, id)
  if (size == 0) draw_names(x$cook[top], top, x$group[top])
}

# A column of points for each parameter.
draw_changes <- function(changes, group, id, given) {
  p <- ncol(changes)
  size <- max(graphics::strwidth(colnames(changes), "inches", cex = 0.8))
  old <- graphics::par(mai = replace(graphics::par("mai"), 2L, min(size + 0.3, graphics::par("din")[1L] / 3)))
  on.exit(graphics::par(old))
  at <- rep(rev(seq_len(p)), each = nrow(changes))
  plot_frame(list(as.vector(changes), at, pch = 16, col = grDevices::adjustcolor("black", 0.4), yaxt = "n",
                  ylim = c(0.5, p + 0.5),
                  xlab = "change / standard error", ylab = ""), given)
  graphics::abline(v = 0, lty = 3)
  graphics::axis(2L, rev(seq_len(p)), colnames(changes), las = 1, tick = FALSE, cex.axis = 0.8)
  far <- extremes(as.vector(changes), id)
  draw_names(as.vector(changes)[far], at[far], rep(group, p)[far])
}
