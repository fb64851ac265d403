# Gauge repeatability and reproducibility: the table of a measurement system analysis.

#' Gauge repeatability and reproducibility
#'
#' How much of the variation of measurements comes from the parts, and how much from the measurement system:
#' repeatability (the residual) and reproducibility (all random terms except the parts).
#'
#' Estimates are those of the fit; for an object of class `ems` they are moment estimates, negative ones as 0. Limits
#' come from mean squares (see [quantity()] with `method = "MLS"`), and are exact or close to it in balanced studies.
#' The number of distinct categories is `sqrt(2)` times the ratio of the standard deviations of the parts and of the
#' gauge, rounded down.
#'
#' @param object a fit made by [lmm()] that keeps its rows, or an object made by [ems()]. Random terms must be of the
#'   form `(1 | g)`.
#' @param part name of the random term of the parts (or names, if parts are nested in batches).
#' @param tolerance width of the specification (upper minus lower limit), for the percentages of tolerance; `NULL` for
#'   none.
#' @param k multiple of the standard deviation that defines the variation, 6 or 5.15.
#' @param method `"MLS"` or `"generalized"` limits.
#' @param level confidence level.
#' @param seed for `"generalized"`.
#' @return An object of class `gauge_rr`: a list with `table`, a data frame with a row for each source and columns
#'   `variance`, `lower`, `upper` (limits of the variance), `contribution` (percent of the total variance), `sd`,
#'   `variation` (`k * sd`), `study` (percent of the total variation), `study.lower`, `study.upper` and `tolerance`
#'   (percent), and `ndc`, the number of distinct categories with its limits. There are methods for [print()],
#'   [as.data.frame()] and [plot()].
#' @section Conditions:
#' `lmm_error_input`: a `part` that is not a random term, no other random term, or terms other than `(1 | g)`.
#' @references Burdick, Borror and Montgomery (2005) *Design and Analysis of Gauge R&R Studies*. Automotive Industry
#'   Action Group (2010) *Measurement Systems Analysis*, 4th edition.
#' @seealso [ems()], [quantity()], [tolerance_interval()].
#' @concept repeatability
#' @concept MSA
#' @concept gauge
#' @concept measurement system analysis
#' @concept reproducibility
#' @examples
#' # Four operators measure three parts
#' study <- data.frame(y = c(27, 23, 26, 27, 23, 26, 25, 21, 24, 26, 23, 25),
#'                     operator = gl(4, 3), part = gl(3, 1, 12))
#' fit <- lmm(y ~ 1 + (1 | part) + (1 | operator), study)
#' gauge_rr(fit, part = "part", tolerance = 20)
#' @export
gauge_rr <- function(object, part, tolerance = NULL, k = 6, method = c("MLS", "generalized"), level = 0.95, seed = NULL,
                     ...) {
  method <- check_choice(method[1L], c("MLS", "generalized"), "method")
  check_number(k, "k", lower = 0)
  if (!is.null(tolerance)) check_number(tolerance, "tolerance", lower = 0)
  analysis <- if (inherits(object, "ems")) object else ems(check_fit(object, "object"))
  sources <- gauge_sources(analysis, part)
  variance <- gauge_variances(object, analysis)
  parts <- lapply(sources, function(own) function(p) sum(unlist(p$covariance[setdiff(own, "Residual")]),
                                                         if ("Residual" %in% own) p$sigma^2))
  shares <- lapply(parts, function(f) function(p) sqrt(max(f(p), 0)) / sqrt(parts[["Total variation"]](p)))
  limits <- ems_quantity(analysis, parts, method, level, seed = seed)
  study <- ems_quantity(analysis, utils::head(shares, -1L), method, level, seed = seed)
  total <- sum(variance)
  own <- vapply(sources, function(s) sum(variance[s]), 0)
  table <- data.frame(variance = own, lower = limits$lower, upper = limits$upper, contribution = 100 * own / total,
                      sd = sqrt(own),
                      variation = k * sqrt(own), study = 100 * sqrt(own / total), study.lower = 100 * c(study$lower, 1),
                      study.upper = 100 * c(study$upper, 1), row.names = names(sources))
  if (!is.null(tolerance)) table$tolerance <- 100 * table$variation / tolerance
  ndc <- function(share) sqrt(2 * (1 - share^2)) / share             # share: gauge in total variation
  categories <- ndc(c(table$study[1L], table$study.upper[1L], table$study.lower[1L]) / 100)
  structure(list(table = table, ndc = stats::setNames(pmax(floor(categories), 1), c("estimate", "lower", "upper")),
                 k = k, level = level,
                 method = method, width = tolerance), class = "gauge_rr")
}

# A named list of the components in each row of the table.
gauge_sources <- function(analysis, part) {
  terms <- setdiff(colnames(analysis$ems), "Residual")
  if (missing(part) || !is.character(part) || !length(part) || !all(part %in% terms)) {
    lmm_abort("input", "`part` must name the random terms of the parts.", what = "part",
              fix = paste0("The terms are ", enumerate(quote_level(terms)), "."))
  }
  others <- setdiff(terms, part)
  if (!length(others)) {
    lmm_abort("input", "there is no random term beside the parts: nothing to call reproducibility.", what = terms,
              fix = "Add a term for operators, instruments or days.")
  }
  each <- stats::setNames(as.list(others), paste0("    ", others))
  c(list(`Gauge R&R` = c(others, "Residual"), `  Repeatability` = "Residual", `  Reproducibility` = others),
    if (length(others) > 1L) each,
    list(`Part-to-part` = part, `Total variation` = c(terms, "Residual")))
}

gauge_variances <- function(object, analysis) {
  names <- colnames(analysis$ems)
  if (inherits(object, "ems")) return(stats::setNames(pmax(analysis$components[, "moments"], 0), names))
  variance <- c(vapply(fit_covariance(object), `[`, 0, 1L), fit_shown_sigma(object)^2)
  names(variance) <- c(fit_term_names(object), "Residual")
  variance[names]
}

#' @rdname gauge_rr
#' @param x,digits,... see [print()].
#' @export
print.gauge_rr <- function(x, digits = 4L, ...) {
  cat("Gauge R&R; variation is ", format(x$k), " standard deviations; ", x$method, " limits, level ", x$level, "\n\n",
      sep = "")
  shown <- x$table
  percent <- intersect(c("contribution", "study", "study.lower", "study.upper", "tolerance"), names(shown))
  shown[percent] <- lapply(shown[percent], function(v) formatC(v, digits = 2L, format = "f"))
  rest <- setdiff(names(shown), percent)
  shown[rest] <- lapply(shown[rest],
                        function(v) sub("[.]$", "", formatC(v, digits = digits, format = "fg", flag = "#")))
  first <- c("variance", "lower", "upper", "contribution")
  names <- c(variance = "Variance", lower = "lower", upper = "upper", contribution = "% Contr.", sd = "Std.Dev.",
             variation = "Variation",
             study = "% Study", study.lower = "lower", study.upper = "upper", tolerance = "% Tolerance")
  one <- function(columns) {
    m <- as.matrix(shown[columns])
    colnames(m) <- names[columns]
    rownames(m) <- format(rownames(shown))
    print(m, quote = FALSE, right = TRUE)
  }
  one(first)
  cat("\n")
  one(setdiff(names(shown), first))
  cat("\nNumber of distinct categories: ",
      x$ndc[["estimate"]], " (", x$ndc[["lower"]], ", ", x$ndc[["upper"]], ")\n", sep = "")
  invisible(x)
}

#' @rdname gauge_rr
#' @param row.names,optional see [as.data.frame()].
#' @export
as.data.frame.gauge_rr <- function(x, row.names = NULL, optional = FALSE, ...) {
  out <- data.frame(source = trimws(rownames(x$table)), x$table, row.names = NULL)
  if (!is.null(check_row_names(row.names, nrow(out)))) row.names(out) <- row.names
  out
}

#' @export
summary.gauge_rr <- function(object, ...) object

#' @export
confint.gauge_rr <- function(object, parm, level = 0.95, ...) {
  if (!isTRUE(all.equal(level, object$level))) {
    lmm_abort("input", paste0("the limits of this study have level ", object$level, "."), what = "level",
              value = level, fix = "Set `level` in gauge_rr().")
  }
  out <- as.matrix(object$table[c("lower", "upper")])
  dimnames(out) <- list(trimws(rownames(object$table)), percent_names(object$level))
  if (missing(parm)) out else out[parm, , drop = FALSE]
}
