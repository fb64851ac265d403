# What the data said: cross-products of the design, summed chunk by chunk. Rows are not needed after this.

cross_products <- function(frame, rows, chunk_rows = 1e5) {
  chunks <- max(1, ceiling(rows$n / chunk_rows))
  read <- if (chunks == 1) {
    function(k) design(frame, rows)
  } else {
    function(k) design(frame, rows, c((k - 1) * chunk_rows + 1, min(k * chunk_rows, rows$n)))
  }
  constants <- list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant))
  engine_result(engine_cross_products(engine_layout(frame), constants, as.integer(chunks), read), frame)
}
