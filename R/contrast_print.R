# Print of tables of linear hypotheses and of combinations of effects.

#' @rdname contest
#' @param x what `contest()` returns.
#' @param digits significant digits shown.
#' @export
print.contest_table <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  p <- startsWith(names(x), "Pr(")
  shown <- lapply(seq_along(x), function(k) {
    if (p[k]) format.pval(x[[k]], digits = digits, eps = .Machine$double.eps) else format(zapsmall(x[[k]], digits + 3L),
    digits = digits)
  })
  cells <- matrix(unlist(shown), nrow(x), dimnames = list(rownames(x), names(x)))
  if (nrow(x)) print(cells, quote = FALSE, right = TRUE) else print(plain_table(x))
  if (!is.null(attr(x, "note"))) writeLines(attr(x, "note"))
  invisible(x)
}
