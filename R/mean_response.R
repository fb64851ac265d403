# The mean of the response at given coefficients, chunk by chunk.

all_columns <- function(fit, value = TRUE) lapply(fit_random(fit), function(term) rep(value, term$q))

# X beta + Z b over the columns of the random terms in `use`, and the offset. Without `fixed`: Z b.
mean_response <- function(fit, rows, use = all_columns(fit), fixed = TRUE) {
  eta <- by_chunk(fit, rows, function(d) linear_predictor(fit, if (fixed) d else without_fixed(d), use))
  if (is.null(rows$offset) || !fixed) eta else eta + rows$offset
}

# Calls work(design of the piece) piece by piece and binds the results.
by_chunk <- function(fit, rows, work) {
  size <- as.integer(rows_at_a_time(chunk_rows, length(fit_beta(fit))))
  if (rows$n <= size) return(work(design(fit_frame(fit), rows)))
  out <- numeric(rows$n)
  for (piece in row_pieces(rows$n, size)) out[piece[1L]:piece[2L]] <- work(design(fit_frame(fit), rows, piece))
  out
}

# The mean response of the rows of a design, without the offset.
linear_predictor <- function(fit, d, use = all_columns(fit)) {
  beta <- fit_beta(fit)
  beta[is.na(beta)] <- 0
  group <- fit_term_groups(fit)
  modes <- fit_modes(fit)
  eta <- if (length(beta)) as.vector(d$X %*% beta) else numeric(nrow(d$X))
  for (k in seq_along(modes)) eta <- eta + random_part(d$Z[[k]], d$codes[[group[k]]], modes[[k]], which(use[[k]]))
  eta
}

# First and last row of each piece.
row_pieces <- function(n, size = chunk_rows) {
  from <- seq.int(1L, n, by = size)
  Map(c, from, pmin(from + size - 1L, n))
}

# Rows are worked through in pieces, so that the model matrices of a large data set never exist as a whole.
chunk_rows <- 200000L

# A design whose rows have no fixed part.
without_fixed <- function(d) {
  d$X[] <- 0
  d
}

# z'b of each row over some columns; a level that is not in the fit (code 0) contributes nothing.
random_part <- function(Z, code, modes, columns) {
  if (!length(columns)) return(numeric(length(code)))
  if (any(code == 0L, na.rm = TRUE)) {
    modes <- rbind(modes, 0)
    code[which(code == 0L)] <- nrow(modes)
  }
  Reduce(`+`, lapply(columns, function(j) Z[, j] * modes[, j][code]))
}
