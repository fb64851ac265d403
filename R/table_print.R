# Data frames with a class of ours: tables of tests, quantities and influence, whose printing checks its arguments.

# What anova(), drop1() and others return. `class`: that of a table with methods of its own.
anova_table <- function(table, heading, class = NULL) {
  structure(table, heading = heading, class = c(class, "lmm_anova", "anova", "data.frame"))
}

#' @export
print.lmm_anova <- function(x, digits = max(getOption("digits") - 2L, 3L),
                            signif.stars = getOption("show.signif.stars"), ...) NextMethod()

#' @export
print.quantity_table <- function(x, digits = getOption("digits"), ...) NextMethod()

#' @export
print.responses_table <- function(x, digits = getOption("digits"), ...) NextMethod()

#' @export
print.group_influence <- function(x, digits = getOption("digits"), ...) NextMethod()

#' @export
print.lmm_acf <- function(x, digits = getOption("digits"), ...) NextMethod()

#' @export
print.lmm_variogram <- function(x, digits = getOption("digits"), ...) NextMethod()
