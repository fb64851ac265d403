# Columns of one variable in a coding, and products of columns.

# Interaction of two sets of columns; those of the first vary fastest.
row_products <- function(a, b) {
  if (is.null(dim(b))) return(a * b)
  do.call(cbind, lapply(seq_len(ncol(b)), function(j) a * b[, j]))
}

# The columns of one variable: a vector, or a matrix.
piece_columns <- function(piece, data, index, plan) {
  x <- data[[piece$label]]
  if (piece$kind == "numeric") {
    if (length(dim(x)) == 2L) {
      if (!is.null(index)) x <- unclass(x)[index, , drop = FALSE]
      return(if (ncol(x) == 1L) as.double(x) else unclass(x))
    }
    if (!is.null(index)) x <- .subset(x, index)
    return(if (is.object(x)) as.double(unclass(x)) else x)
  }
  codes <- predictor_codes(x, plan$xlevels[[piece$label]], index)
  coded <- if (piece$kind == "dummy") diag(length(plan$xlevels[[piece$label]])) else plan$contrasts[[piece$label]]
  if (ncol(coded) == 1L) coded[codes] else coded[codes, , drop = FALSE]
}

# .subset() of a factor gives its codes; `[` and unclass() would copy the whole.
predictor_codes <- function(x, levels, index = NULL) {
  part <- if (is.null(index)) x else .subset(x, index)
  if (!is.factor(x)) return(match(if (is.character(part)) part else level_text(part), levels))
  attributes(part) <- NULL
  if (identical(levels(x), levels)) part else match_names(levels(x), levels)[part]
}
