# Effects of fixed terms with confidence bands, and shrinkage of random effects.

#' Plot of effects
#'
#' Estimated means over the values of one variable, for the levels of up to two others, with confidence limits. Numeric
#' variables that are not named are at their means; over the levels of factors that are not named the means are averaged
#' with equal weights. The means include the mean of the offset over the rows of the fit. If the offset depends on a
#' named variable, it is evaluated in these rows with that variable set to the value shown.
#'
#' @param fit a fit made by [lmm()] whose data can be found again.
#' @param variables one to three names of variables of the fixed effects: the axis, then a factor (or a variable with
#'   few values) for colors, then one for panels.
#' @param ddf method for degrees of freedom, see [ddf_methods()].
#' @param level confidence level.
#' @param points number of values of a numeric variable, at most 100,000. Dates, times and time differences keep
#'   their class and units.
#' @param rug show the observed responses, in grey?
#' @param ... graphical parameters, passed on to [plot()].
#' @return Invisibly, a data frame with the values of the variables and columns `estimate`, `se`, `df`, `lower` and
#'   `upper`, in units of the response.
#' @section Conditions:
#' `lmm_error_input`: a name that is not a variable of the fixed effects; means that are not estimable; a fit to
#' [cross_products()], `chunks()` or a database whose offset depends on variables that are not named: its mean is not
#' known. `lmm_message_weights`: in a weighted fit to one of these, numeric variables are set to their weighted means.
#' @seealso [contest()], [predict.lmm_fit()]; `emmeans::emmip()` for more.
#' @concept effect plot
#' @concept confidence band
#' @concept marginal means
#' @concept least squares means
#' @concept interaction plot
#' @examples
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' plot_effects(fit, c("irrigation", "variety"))
#' @export
plot_effects <- function(fit, variables, ddf = "Satterthwaite", level = 0.95, points = 50, rug = FALSE, ...) {
  check_fit(fit)
  if (missing(ddf)) ddf <- default_ddf(fit)
  check_number(points, "points", lower = 2, upper = 100000L, whole = TRUE)
  check_flag(rug, "rug")
  if (rug) fit_rows(fit, "plot_effects(rug = TRUE)")
  report_exact(fit)
  data <- effect_data(fit, variables)
  shown <- effect_means(fit, effect_rows(data, variables, points), variables, ddf, level)
  given <- list(...)
  range <- range(shown$lower, shown$upper, shown$estimate, if (rug) fit_stored_rows(fit)$y, finite = TRUE)
  panels <- if (length(variables) == 3L) split(shown, shown[[variables[3L]]]) else list(shown)
  in_panels(length(panels), function() for (k in seq_along(panels)) {
    own <- if (length(panels) > 1L) list(main = paste(variables[3L], "=", names(panels)[k])) else list()
    draw_effect(panels[[k]], variables, utils::modifyList(own, given), range,
                if (rug) list(data, fit_stored_rows(fit)$y), fit_frame(fit)$response)
  })
  invisible(shown)
}

# The variables of the fixed effects in the data of the fit.
effect_data <- function(fit, variables) {
  all <- unique(unlist(lapply(plan_calls(fit_frame(fit)), variables_of)))
  if (!is.character(variables) || !length(variables) || length(variables) > 3L || !all(variables %in% all)) {
    lmm_abort("input", "`variables` must name one to three variables of the fixed effects.", what = "variables",
              value = variables,
              fix = paste0("They are ", enumerate(quote_name(all), 20L), "."))
  }
  data <- as.list(if (is_cells_fit(fit)) grid_data(fit) else fitted_data(fit))
  for (name in setdiff(all, names(data))) data[[name]] <- get0(name, environment(stats::formula(fit)))
  rows <- vapply(data[all], NROW, 0L)
  data <- as.data.frame(without_wide(data[all[rows == max(rows)]]), check.names = FALSE, stringsAsFactors = TRUE)
  data[] <- lapply(stats::setNames(names(data), names(data)), function(name) {
    x <- data[[name]]
    known <- fit_frame(fit)$xlevels[[name]]
    if (is.logical(x)) factor(x) else if (!is.factor(x)) x
    else droplevels(if (is.null(known)) x else factor(x, known, ordered = is.ordered(x)))
  })
  data
}

# The data of the rows that are in the fit, where it holds its rows.
fitted_data <- function(fit) {
  data <- nlme::getData(fit)
  rows <- fit_stored_rows(fit)
  if (is.null(rows) || nrow(data) == rows$n) data else data[positions_in(row_labels(rows), data), , drop = FALSE]
}

# All combinations of the values of the named variables and the levels of other factors.
effect_rows <- function(data, variables, points) {
  check_draws(points, 200 * prod(vapply(Filter(is.factor, data), nlevels, 0L)), "points", "points")
  values <- lapply(stats::setNames(names(data), names(data)), function(name) {
    x <- data[[name]]
    if (is.factor(x)) return(factor(levels(x), levels(x)))
    own <- as.double(unclass(x))
    shown <- sort(unique(own))
    if (!name %in% variables) shown <- mean(own, na.rm = TRUE)
    else if (name == variables[1L]) shown <- seq(shown[1L], shown[length(shown)], length.out = points)
    else if (length(shown) > 4L) shown <- stats::quantile(own, c(0.1, 0.5, 0.9), names = FALSE, na.rm = TRUE)
    if (is_plain_number(x)) shown else of_class(shown, list(class = oldClass(x), units = attr(x, "units"),
                                                            tzone = attr(x, "tzone")))
  })
  check_grid(lengths(values))
  expand.grid(values[c(variables, setdiff(names(values), variables))], KEEP.OUT.ATTRS = FALSE)
}

# Columns of numbers for all combinations must fit into memory.
check_grid <- function(lengths) {
  rows <- prod(lengths)
  bytes <- 100 * rows * length(lengths)
  if (bytes <= 1e8 || bytes <= 0.5 * available_memory()) return(invisible())
  lmm_abort("numeric", paste0("not enough memory for ", count_of(rows, "combination"), " of ",
                              enumerate(quote_name(names(lengths))), "."), what = names(lengths), value = rows,
            fix = "Use `contest()` or `predict()` to compute only the means that you need.")
}

# Means over the rows that agree in the named variables.
effect_means <- function(fit, rows, variables, ddf, level) {
  new <- rows
  logical <- vapply(fit_stored_rows(fit)$data[intersect(names(new), names(fit_stored_rows(fit)$data))], is.logical, NA)
  for (name in names(logical)[logical]) new[[name]] <- new[[name]] == "TRUE"
  frame <- fit_frame(fit)
  frame$offset <- list()
  X <- design(frame, new_rows(frame, new, stats::as.formula("~0"), TRUE, stats::na.pass))$X
  key <- interaction(lapply(rows[variables], function(v) match(v, unique(v))), drop = TRUE, lex.order = TRUE)
  first <- match(levels(key), key)
  L <- rowsum(X, key, reorder = TRUE) / as.vector(table(key))
  L <- L[match(levels(key), rownames(L)), , drop = FALSE]
  table <- contest(fit, L, joint = FALSE, ddf = ddf, conf.level = level)
  shift <- effect_offset(fit, new[first, variables, drop = FALSE])
  data.frame(rows[first, variables, drop = FALSE], estimate = table$Estimate + shift, se = table$`Std. Error`,
             df = table$df, lower = table$lower + shift, upper = table$upper + shift, row.names = NULL,
             check.names = FALSE)
}

# The mean of the offset over the rows of the fit, in which the variables that are shown have the values of each row of
# `shown`.
effect_offset <- function(fit, shown) {
  frame <- fit_frame(fit)
  if (!length(frame$offset)) return(0)
  used <- unlist(lapply(Filter(is.language, frame$offset), variables_of))
  value <- function(data) as_newdata(new_offset(frame, newdata_source(frame, data, used)))
  if (length(used) && all(used %in% names(shown))) return(value(shown))
  if (is_cells_fit(fit)) abort_unknown_offset(NULL)
  rows <- fit_rows(fit, "plot_effects() of a fit with an offset")
  if (!any(used %in% names(shown))) return(mean(rows$offset))
  data <- fitted_data(fit)
  vapply(seq_len(nrow(shown)), function(i) {
    for (name in intersect(names(shown), used)) data[[name]] <- rep(shown[[name]][i], nrow(data))
    mean(value(data))
  }, 0)
}

draw_effect <- function(shown, variables, given, range, observed, response) {
  x <- shown[[variables[1L]]]
  discrete <- is.factor(x)
  at <- if (discrete) as.integer(x) else x
  by <- if (length(variables) > 1L) factor(shown[[variables[2L]]]) else factor(rep("", nrow(shown)))
  limits <- if (discrete) c(0.6, nlevels(x) + 0.4) else range(at)
  plot_frame(list(limits, range, type = "n", xlab = variables[1L], ylab = response, xaxt = if (discrete) "n" else "s"),
             given)
  if (discrete) graphics::axis(1L, seq_len(nlevels(x)), levels(x))
  if (!is.null(observed)) {
    own <- observed[[1L]][[variables[1L]]]
    if (length(own) == length(observed[[2L]])) graphics::points(if (is.factor(own)) jitter(as.integer(own)) else own,
                                                                observed[[2L]], pch = 20, col = "grey70")
  }
  colors <- if (nlevels(by) > 1L) grDevices::hcl.colors(nlevels(by), "Dark 3") else "black"
  shift <- (seq_len(nlevels(by)) - (nlevels(by) + 1) / 2) * 0.15 / max(1, nlevels(by) / 4)
  for (k in seq_len(nlevels(by))) {
    own <- by == levels(by)[k]
    if (discrete) draw_bars(at[own] + shift[k], shown[own, ], colors[k],
                            14L + k) else draw_band(at[own], shown[own, ], colors[k])
  }
  if (nlevels(by) > 1L) graphics::legend("topleft", levels(by), col = colors, lwd = 2,
                                         pch = if (discrete) 14L + seq_along(colors), title = variables[2L], bty = "n",
                                         cex = 0.9)
}

draw_band <- function(x, rows, color) {
  graphics::polygon(c(x, rev(x)), c(rows$lower, rev(rows$upper)), col = grDevices::adjustcolor(color, 0.15),
                    border = NA)
  graphics::lines(x, rows$estimate, col = color, lwd = 2)
}

draw_bars <- function(x, rows, color, pch) {
  graphics::segments(x, rows$lower, x, rows$upper, col = color, lwd = 2)
  graphics::points(x, rows$estimate, col = color, pch = pch, cex = 1.1)
}

#' Plot of shrinkage
#'
#' For each level of a grouping factor the estimate from its own rows alone (open) and the one of the model (solid),
#' joined by an arrow: how far the random effects are drawn towards the mean of the population.
#'
#' @param fit a fit made by [lmm()] that keeps its rows.
#' @param term number or name (as in [VarCorr()]) of a random term. Its first two columns are shown, one against the
#'   other; with one column the levels are shown in order.
#' @param id how many levels to name: those that move most.
#' @param ... graphical parameters, passed on to [plot()].
#' @return Invisibly, a data frame with a row per level: own estimates and those of the model, as deviations from the
#'   fixed effects. Own estimates are `NA` for levels with fewer rows than columns.
#' @section Conditions:
#' `lmm_error_input`: a term that does not exist, a fit that does not keep its rows.
#' @seealso [plot.ranef.lmm_fit()].
#' @concept partial pooling
#' @concept shrinkage
#' @concept BLUP
#' @examples
#' plot_shrinkage(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
plot_shrinkage <- function(fit, term = 1, id = 3, ...) {
  check_fit(fit)
  check_number(id, "id", lower = 0)
  fit_rows(fit, "plot_shrinkage()")
  names <- fit_term_names(fit)
  at <- if (is.numeric(term)) match(term, seq_along(names)) else match(term, names)
  if (length(at) != 1L || is.na(at)) {
    lmm_abort("input", paste0("the fit has no random term ", describe_value(term), "."), what = "term", value = term,
              fix = paste0("The terms are ", enumerate(quote_level(names)), "."))
  }
  own <- own_estimates(fit, at)
  model <- fit_modes(fit)[[at]]
  if (ncol(model) == 1L) draw_shrinkage_line(own[, 1L], model[, 1L], rownames(model), names[at], id, list(...))
  else draw_shrinkage_plane(own, model, names[at], id, list(...))
  colnames(own) <- paste0("own.", colnames(model))
  invisible(data.frame(level = rownames(model), own, model, check.names = FALSE, row.names = NULL))
}

# Least squares in the rows of each level, of what the fixed effects and the other terms leave.
own_estimates <- function(fit, k) {
  rows <- fit_stored_rows(fit)
  use <- all_columns(fit)
  use[[k]][] <- FALSE
  w <- row_weights(rows)
  r <- rows$y - mean_response(fit, rows, use)
  d <- design(fit_frame(fit), rows)
  Z <- d$Z[[k]]
  own <- split(seq_len(rows$n), factor(d$codes[[fit_term_groups(fit)[k]]], seq_len(nrow(fit_modes(fit)[[k]]))))
  out <- t(vapply(own, function(i) {
    found <- qr(Z[i, , drop = FALSE] * sqrt(w[i]))
    if (found$rank < ncol(Z)) rep(NA_real_, ncol(Z)) else qr.coef(found, r[i] * sqrt(w[i]))
  }, numeric(ncol(Z))))
  matrix(out, length(own))
}

draw_shrinkage_line <- function(own, model, names, title, id, given) {
  order <- order(own)
  at <- seq_along(order)
  size <- label_size(length(at))
  if (size > 0) {
    width <- max(graphics::strwidth(names, "inches", cex = size))
    old <- graphics::par(mai = replace(graphics::par("mai"), 2L, width + 0.3))
    on.exit(graphics::par(old))
  }
  plot_frame(list(range(own, model, na.rm = TRUE), range(at), type = "n", xlab = "deviation from the fixed effects",
                  ylab = if (size > 0) "" else "level",
                  yaxt = "n", main = title), given)
  graphics::abline(v = 0, lty = 3)
  graphics::segments(own[order], at, model[order], col = "grey60")
  graphics::points(own[order], at, pch = 1)
  graphics::points(model[order], at, pch = 16)
  far <- if (size == 0) extremes((own - model)[order], id)
  draw_names(own[order][far], at[far], names[order][far])
  if (size > 0) graphics::mtext(names[order], 2L, 0.5, at = at, las = 1, cex = size * graphics::par("cex"))
  graphics::legend("topleft", c("own rows", "model"), pch = c(1, 16), bty = "n")
}

draw_shrinkage_plane <- function(own, model, title, id, given) {
  columns <- colnames(model)
  plot_frame(list(range(own[, 1L], model[, 1L], na.rm = TRUE), range(own[, 2L], model[, 2L], na.rm = TRUE), type = "n",
                  xlab = columns[1L],
                  ylab = columns[2L], main = title), given)
  graphics::abline(h = 0, v = 0, lty = 3)
  moved <- rowSums(abs(own[, 1:2] - model[, 1:2])) > 0
  suppressWarnings(graphics::arrows(own[moved, 1L], own[moved, 2L], model[moved, 1L], model[moved, 2L], length = 0.06,
                                    col = "grey60"))   # of length 0
  graphics::points(own[, 1:2, drop = FALSE], pch = 1)
  graphics::points(model[, 1:2, drop = FALSE], pch = 16)
  size <- sqrt(rowSums(scale(own[, 1:2] - model[, 1:2], center = FALSE)^2))
  far <- extremes(size, id)
  draw_names(own[far, 1L], own[far, 2L], rownames(model)[far])
  graphics::legend("topleft", c("own rows", "model"), pch = c(1, 16), bty = "n")
}
