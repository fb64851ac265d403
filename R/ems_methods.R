# An analysis of variance as a table: print, data frames, intervals of the components.

# "Var(Residual) + 8 Var(sire) + Q(a)" of each source.
ems_expectations <- function(object) ems_text(object$ems, attr(object$ems, "fixed"))

#' @rdname ems
#' @export
print.ems <- function(x, digits = max(5L, getOption("digits") - 2L), ...) {
  writeLines(strwrap(paste0("Type ", x$type, " analysis of variance of ", deparse_line(x$formula)), exdent = 2L))
  cat("\n")
  print_aligned(anova_cells(x, digits))
  cat("\nExpected mean squares\n")
  print_labelled(rownames(x$table), ems_expectations(x))
  cat("\nError terms\n")
  print_labelled(rownames(x$tests), x$tests$error)
  cat("\nVariance components\n")
  shown <- apply(x$components, 2L, function(v) format(signif(v, digits), digits = digits))
  print_aligned(matrix(shown, nrow(x$components), dimnames = dimnames(x$components)))
  cat("\n")
  if (!is.null(x$icc)) {
    cat("Intraclass correlation ", format(x$icc[["estimate"]],
        digits = 4L), ", exact ", 100 * x$level, " percent interval (",
        paste(format_coefficients(signif(x$icc[c("lower", "upper")], 4L)), collapse = ", "), ")\n", sep = "")
  }
  cat("R-square ", format(1 - x$table["Residual", "Sum Sq"] / x$total[["Sum Sq"]], digits = 4L), ", root MSE ",
      format(sqrt(x$table["Residual", "Mean Sq"]),
             digits = 4L), ", ", format(x$cv[["Coeff Var"]], digits = 4L), " percent of the mean\n", sep = "")
  if (!is.na(x$cv[["cv"]])) cat("Coefficient of variation (total) ", format(100 * x$cv[["cv"]],
                                digits = 4L), " percent\n", sep = "")
  invisible(x)
}

# The table with its tests as text, a row per source and one for the total.
anova_cells <- function(x, digits) {
  text <- function(v) ifelse(is.na(v), "", format(signif(v, digits), digits = digits, nsmall = 0L))
  column <- function(name) c(x$tests[[name]], NA)[seq_len(nrow(x$table))]
  p <- ifelse(is.na(column("Pr(>F)")), "", format.pval(column("Pr(>F)"), digits = 4L))
  out <- cbind(Df = c(x$table$Df, x$total[["Df"]]), `Sum Sq` = text(c(x$table$`Sum Sq`, x$total[["Sum Sq"]])),
               `Mean Sq` = c(text(x$table$`Mean Sq`), ""), `F value` = c(text(round(column("F value"), 4L)), ""),
               DenDF = c(text(round(column("DenDF"), 2L)), ""), `Pr(>F)` = c(p, ""))
  rownames(out) <- c(rownames(x$table), if (x$total[["Df"]] < x$n) "Total (corrected)" else "Total")
  out
}

print_aligned <- function(cells) {
  rownames(cells) <- format(rownames(cells))
  print(cells, quote = FALSE, right = TRUE)
}

# "label  text" with the text wrapped in a column of its own.
print_labelled <- function(labels, texts) {
  width <- max(nchar(readable_text(labels), "width"))
  for (k in seq_along(labels)) {
    first <- paste0(formatC(labels[k], width = -width), "  ")
    writeLines(strwrap(texts[k], width = getOption("width"), initial = first, prefix = strrep(" ", width + 2L)))
  }
}

#' @rdname ems
#' @param row.names,optional see [as.data.frame()].
#' @export
as.data.frame.ems <- function(x, row.names = NULL, optional = FALSE, ...) {
  n <- nrow(x$table)
  column <- function(name, none) c(x$tests[[name]], none)[seq_len(n)]
  out <- data.frame(source = rownames(x$table), df = x$table$Df, sumsq = x$table$`Sum Sq`, meansq = x$table$`Mean Sq`,
                    expected = ems_expectations(x), statistic = column("F value", NA_real_),
                    den.df = column("DenDF", NA_real_),
                    p.value = column("Pr(>F)", NA_real_), error = column("error", NA_character_),
                    stringsAsFactors = FALSE)
  if (!is.null(check_row_names(row.names, nrow(out)))) row.names(out) <- row.names
  out
}

#' @rdname ems
#' @param effects for `tidy()`: `"table"`, the rows of the analysis of variance, or `"ran_pars"`, the moment estimates
#'   of the components with limits.
#' @param conf.level,method level and method (`"MLS"`, `"generalized"` or `"Satterthwaite"`, see [quantity()]) of these
#'   limits.
#' @method tidy ems
#' @export
tidy.ems <- function(x, effects = c("table", "ran_pars"), conf.level = 0.95, method = "MLS", ...) {
  effects <- check_choice(effects[1L], c("table", "ran_pars"), "effects")
  if (effects == "ran_pars") {
    limits <- stats::confint(x, level = conf.level, method = method)
    return(as_tidy(data.frame(effect = "ran_pars", group = rownames(limits), term = "var__(Intercept)",
                              estimate = unname(x$components[, "moments"]),
                              conf.low = limits[, 1L], conf.high = limits[, 2L])))
  }
  out <- as.data.frame(x)
  names(out)[1L] <- "term"
  as_tidy(out)
}

# What a user of other classes asks of an analysis of variance.

#' @export
summary.ems <- function(object, ...) object

#' @export
coef.ems <- function(object, ...) object$components[, "moments"]

#' @export
VarCorr.ems <- function(x, sigma = 1, ...) {
  variances <- x$components[, "moments"]
  data.frame(grp = names(variances), vcov = unname(variances), sdcor = unname(real_root(variances)),
             stringsAsFactors = FALSE)
}

#' @rdname ems
#' @export
anova.ems <- function(object, ...) {
  table <- as.data.frame(object)
  out <- data.frame(Df = table$df, `Sum Sq` = table$sumsq, `Mean Sq` = table$meansq, `F value` = table$statistic,
                    DenDF = table$den.df,
                    `Pr(>F)` = table$p.value, row.names = table$source, check.names = FALSE)
  anova_table(out, wrapped(paste0("Type ", object$type, " analysis of variance of ", deparse_line(object$formula))))
}

#' @rdname ems
#' @param parm names or numbers of variance components.
#' @export
confint.ems <- function(object, parm, level = 0.95, method = "MLS", ...) {
  method <- check_choice(method[1L], ems_methods, "method")
  names <- colnames(object$ems)
  parts <- lapply(stats::setNames(names, names), function(name) {
    force(name)
    function(p) if (name == "Residual") p$sigma^2 else p$covariance[[name]][1L]
  })
  limits <- as.matrix(ems_quantity(object, parts, method, level)[c("lower", "upper")])
  dimnames(limits) <- list(names, percent_names(level))
  if (missing(parm)) return(limits)
  if (is.character(parm)) for (name in parm) check_choice(name, names, "parm")
  limits[parm, , drop = FALSE]
}
