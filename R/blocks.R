# How the engine divides a model into blocks, which determines computing time and memory.

#' Blocks of the factorization behind a fit
#'
#' The grouping factor with the most levels leads: it is eliminated level by level. The levels of all other factors form
#' the remainder, which is kept as a dense or as a sparse Cholesky factor, whichever needs less work and fits into
#' memory. The fixed effects and the response come last.
#'
#' @param fit a fit made by [lmm()].
#' @param ... not used.
#' @return An object of class `lmm_blocks`, a list with the data frame `factors` (factor, levels, columns per level,
#'   part) and the numbers `roots` (different designs among the leading levels; levels of one design are mixed into few
#'   for the search), `remainder_columns`, `remainder_kind` ("none", "dense" or "sparse"), `remainder_entries` of its
#'   Cholesky factor and `fixed_columns`.
#' @section Conditions:
#' Anything but a fit is an error of class `lmm_error_input`.
#' @seealso [lmm_control()].
#' @concept factorization
#' @concept memory
#' @examples
#' blocks(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
blocks <- function(fit, ...) {
  check_fit(fit)
  refuse_iterative(fit, "blocks() is")
  refuse_structured(fit, "blocks() is")
  found <- engine_result(engine_blocks(engine_layout(fit_frame(fit)), fit_blocks(fit), fit_control(fit)$memory_limit),
                         fit_frame(fit))
  found$order <- found$order[found$order <= length(fit_groups(fit))]   # without one that only takes a place
  groups <- fit_groups(fit)[found$order]
  q <- vapply(found$order, function(g) sum(vapply(fit_random(fit)[fit_term_groups(fit) == g], `[[`, 0L, "q")), 0L)
  factors <- data.frame(factor = vapply(groups, `[[`, "", "name"), levels = lengths(lapply(groups, `[[`, "levels")),
                        columns = q, row.names = NULL,
                        part = ifelse(vapply(groups, is_related, NA) | seq_along(groups) > 1L, "remainder", "leading"))
  factors <- factors[c("factor", "levels", "columns", "part")]
  structure(list(
    factors = factors, roots = found$roots, remainder_columns = found$rest_columns,
    remainder_kind = if (found$rest_columns == 0) "none" else if (found$rest_dense) "dense" else "sparse",
    remainder_entries = if (found$rest_columns == 0) 0 else found$rest_entries, fixed_columns = fit_rank(fit)
  ), class = "lmm_blocks")
}

#' @export
print.lmm_blocks <- function(x, ...) {
  number <- function(n) thousands(n, trim = TRUE, scientific = FALSE)
  lead <- x$factors[x$factors$part == "leading", ]
  if (nrow(lead)) cat("leading    ", lead$factor, ": ", number(lead$levels), " blocks of ", lead$columns, " x ",
                      lead$columns, ", ", number(x$roots), " of them different\n", sep = "")
  if (x$remainder_columns > 0) {
    rest <- x$factors[x$factors$part == "remainder", ]
    cat("remainder  ", paste0(rest$factor, " (", number(rest$levels), " x ", rest$columns, ")", collapse = ", "), ": ",
        x$remainder_kind, " factor with ", number(x$remainder_entries), " entries, ",
        format(structure(8 * x$remainder_entries, class = "object_size"), units = "auto"), "\n", sep = "")
  }
  cat("fixed      ", x$fixed_columns, " columns and the response: dense\n", sep = "")
  invisible(x)
}
