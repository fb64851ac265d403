# Plots of residuals by a formula, as in nlme and lme4: a trellis object of package 'lattice'.

formula_plot <- function(fit, form, id, labels, ...) {
  if (!requireNamespace("lattice", quietly = TRUE)) {
    lmm_abort("input", "a plot by a formula needs package 'lattice', which is not installed.", what = "form",
              fix = "install.packages(\"lattice\")")
  }
  parts <- formula_parts(form)
  rows <- fit_rows(fit, "plot()")
  data <- lapply(parts, formula_values, fit = without_padding(fit), rows = rows, env = environment(form))
  text <- vapply(parts, deparse_line, "")
  frame <- as.data.frame(data)
  bars <- if ("given" %in% names(parts)) quote(given)
  draw <- if (is.null(frame$y)) lattice::histogram else if (is.factor(frame$y) ||
                                                            is.factor(frame$x)) lattice::bwplot else lattice::xyplot
  model <- if (is.null(frame$y)) quote(~ x) else quote(y ~ x)
  if (!is.null(bars)) model[[length(model)]] <- call("|", quote(x), bars)
  own <- list(xlab = text[["x"]], ylab = if (is.null(frame$y)) "percent" else text[["y"]])
  if (identical(draw, lattice::xyplot)) own <- c(own, xy_panel(fit, rows, id, labels))
  do.call(trellis, c(list(draw, stats::as.formula(model, env = baseenv()), frame), own, list(given = list(...))))
}

# y, x and what follows the bar.
formula_parts <- function(form) {
  right <- form[[length(form)]]
  bar <- is.call(right) && identical(right[[1L]], as.name("|"))
  out <- list(x = if (bar) right[[2L]] else right)
  if (length(form) == 3L) out <- c(list(y = form[[2L]]), out)
  if (bar) out$given <- right[[3L]]
  out
}

# Values of one part, with `.` for the fit, for each row that was used.
formula_values <- function(expr, fit, rows, env) {
  names <- all.names(expr)
  scope <- c(as.list(model.frame.lmm_fit(fit)),
             list(. = fit, resid = stats::residuals, residuals = stats::residuals, fitted = stats::fitted,
                                                     rstudent = stats::rstudent, rstandard = stats::rstandard,
                                                     ranef = nlme::ranef))
  if (":" %in% names) scope[[":"]] <- function(a, b) interaction(a, b, sep = ":", drop = TRUE)
  value <- tryCatch(eval(expr, scope, env), error = function(e) {
    lmm_abort("input", paste0("`", deparse_line(expr), "` in the formula of a plot cannot be evaluated: ",
                              conditionMessage(e), "."), what = deparse_line(expr),
              fix = "Write `.` for the fit and use variables of the model, as in resid(.) ~ fitted(.) | g.")
  })
  if (is.character(value)) value <- factor(value)
  if (length(value) == rows$n) return(if (is.factor(value)) value else as.vector(value))
  lmm_abort("input", paste0("`", deparse_line(expr), "` in the formula of a plot has ",
                            count_of(length(value), "value"), ", the fit has ",
                            count_of(rows$n, "row"), "."), what = deparse_line(expr))
}

# A panel with a grid, a line at 0 and the names of residuals beyond the normal quantile of `id`.
xy_panel <- function(fit, rows, id, labels) {
  far <- if (is.null(id)) rep(FALSE, rows$n) else {
    check_level(id, "id")
    r <- abs(standard_residuals(without_padding(fit)))
    !is.na(r) & r > stats::qnorm(1 - id / 2)
  }
  names <- if (is.null(labels)) row_labels(rows) else as.character(labels)
  alpha <- min(1, max(0.15, 40 / sqrt(rows$n) / 2))
  list(alpha = alpha, panel = function(x, y, ..., subscripts) {
    lattice::panel.grid(-1, -1)
    lattice::panel.abline(h = 0, lty = 3)
    lattice::panel.xyplot(x, y, ...)
    own <- far[subscripts]
    if (any(own)) lattice::panel.text(x[own], y[own], names[subscripts][own], pos = 3, cex = 0.7)
  })
}
