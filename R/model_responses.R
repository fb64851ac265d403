# Many responses in one model frame: set aside while rows are chosen, and read.

# A response of several columns and a matrix of weights are set aside. A vector without missing values stands for the
# former: a row in which one response is missing is a row of the others.
set_responses_aside <- function(columns) {
  Y <- columns$values[[columns$response]]
  weights <- columns$values[["(weights)"]]
  if (!is.numeric(Y) || is.object(Y) && !inherits(Y, "AsIs") || length(dim(Y)) != 2L || ncol(Y) < 2L ||
      nrow(Y) != columns$n) return(list(columns = columns))
  columns$values[[columns$response]] <- as.double(seq_len(nrow(Y)))
  if (length(dim(weights)) == 2L && ncol(weights) > 1L) {
    columns$values[["(weights)"]] <- columns$roles[["(weights)"]] <- columns$arguments[["(weights)"]] <- NULL
  } else {
    weights <- NULL
  }
  list(columns = columns, Y = unclass(Y), weights = weights)
}

many_rows <- function(many, keep) {
  if (is.null(many$Y)) return(NULL)
  take <- function(x) if (is.null(keep)) x else x[keep, , drop = FALSE]
  Y <- take(many$Y)
  Y <- matrix(as.double(Y), nrow(Y), dimnames = if (!is.null(colnames(Y))) list(NULL, colnames(Y)))
  weights <- if (!is.null(many$weights)) check_weight_columns(take(many$weights), dim(Y), list(n = nrow(Y)))
  list(Y = Y, weights = weights)
}

check_weight_columns <- function(weights, size, rows) {
  if (is.data.frame(weights)) weights <- as.matrix(weights)
  left_out <- attr(rows$data, "na.action")
  if (is.matrix(weights) && length(left_out) && nrow(weights) == rows$n +
      length(left_out)) weights <- weights[-as.integer(left_out), , drop = FALSE]
  if (is.null(size) || !is.numeric(weights) || !identical(dim(weights), as.integer(size))) {
    lmm_abort("input", "`weights` must be a matrix with the same dimensions as the responses.", what = "weights")
  }
  bad <- which(rowSums(weights < 0 | is.infinite(weights), na.rm = TRUE) > 0)
  if (length(bad)) {
    lmm_abort("data", paste0("`weights` has negative or infinite values (", row_text(bad), ")."), what = "weights",
              where = bad)
  }
  matrix(as.double(weights), nrow(weights))
}
