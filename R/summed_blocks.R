# What the data said: cross-products of the design, summed chunk by chunk. Rows are not needed after this.

# Cells give the response less `origin`, which keeps its digits. `responses`: a matrix of other responses on the same
# rows, one per column, in place of the rows' own.
summed_blocks <- function(frame, rows, chunk_rows = 1e5, responses = NULL) {
  if (!is.null(frame$residual)) return(structured_blocks(frame, rows, responses))
  if (!is.null(responses) && !is.null(rows$offset)) responses <- responses - rows$offset
  chunks <- max(1, ceiling(rows$n / chunk_rows))
  bar <- progress_bar(chunks, "Rows")
  read <- function(k) {
    bar(k)
    index <- if (chunks > 1) c((k - 1) * chunk_rows + 1, min(k * chunk_rows, rows$n))
    chunk <- design(frame, rows, index)
    if (!is.null(rows$near) && is.null(responses)) {
      chunk[c("y", "origin")] <- list(if (is.null(index)) rows$near else rows$near[index[1L]:index[2L]], rows$origin)
    }
    if (!is.null(responses)) chunk$y <- if (chunks > 1) responses[index[1L]:index[2L], , drop = FALSE] else responses
    chunk
  }
  constants <- list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant))
  engine_result(engine_cross_products(engine_layout(frame), constants, as.integer(chunks), read), frame)
}
