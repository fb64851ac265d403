# What the data said: cross-products of the design, summed chunk by chunk. Rows are not needed after this.

# Cells give the response less `origin`, which keeps its digits. `responses`: a matrix of other responses on the same
# rows, one per column, in place of the rows' own.
summed_blocks <- function(frame, rows, control = lmm_control(), responses = NULL) {
  if (!is.null(frame$residual)) return(structured_blocks(frame, rows, responses))
  if (!is.null(responses) && !is.null(rows$offset)) responses <- responses - rows$offset
  constants <- list(x = frame$x_constant, z = lapply(frame$random, function(term) term$z_constant))
  columns <- engine_columns(frame, rows, responses)
  if (!is.null(columns)) {
    return(engine_result(engine_column_products(engine_layout(frame), constants, columns, control$chunk_rows,
                                                max(1L, control$threads)), frame))
  }
  chunk_rows <- control$chunk_rows
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
  engine_result(engine_cross_products(engine_layout(frame), constants, as.integer(chunks), read), frame)
}

# Cross-products of a design that is there already.
blocks_of_design <- function(frame, design, constants) {
  engine_result(engine_cross_products(engine_layout(frame), constants, 1L, function(k) design), frame)
}

# The columns of the design as the engine reads them from the variables themselves: nothing is copied but the codes of
# text, and no matrix is made of all rows. NULL for rows that stand for cells, which have matrices of their own.
engine_columns <- function(frame, rows, responses = NULL) {
  if (!is.null(attr(rows$data, "sums"))) return(NULL)
  known <- new.env(parent = emptyenv())
  plan <- function(plan) {
    list(intercept = plan$coding$intercept, blocks = plan$coding$blocks,
         pieces = lapply(plan$coding$pieces, engine_piece, rows$data, plan, known))
  }
  list(X = plan(frame), Z = lapply(unname(frame$random), plan), codes = unname(rows$codes),
       y = if (is.null(responses)) rows$y else responses, offset = if (is.null(responses)) rows$offset,
       weights = rows$weights)
}

# A variable in the coding that columns need: its values, or codes and a row of numbers for each of them.
engine_piece <- function(piece, data, plan, known) {
  x <- .subset2(data, piece$label)
  if (piece$kind == "numeric") return(list(values = if (is.numeric(unclass(x))) x else as.double(x)))
  levels <- plan$xlevels[[piece$label]]
  coding <- if (piece$kind == "dummy") diag(length(levels)) else plan$contrasts[[piece$label]]
  if (is.factor(x)) return(list(codes = x, coding = coding[match_names(levels(x), levels), , drop = FALSE]))
  if (is.null(known[[piece$label]])) known[[piece$label]] <- predictor_codes(x, levels)
  list(codes = known[[piece$label]], coding = coding)
}
