# Marginal residuals in units of their standard deviations, as SAS gives them.

standardized_marginal <- function(fit, rows, type) {
  r <- rows$y - mean_response(fit, rows, all_columns(fit, FALSE))
  if (fit_is_exact(fit)) return(rep(NA_real_, rows$n))
  if (type == "marginal_cholesky") return(whiten_in_order(fit, rows, r / fit_sigma(fit)))
  total <- residual_row_variances(fit, rows) + unconditioned_variance(fit, rows, all_columns(fit))
  if (type == "marginal_pearson") return(r / sqrt(total))
  left <- total - prediction_variance(fit, rows, all_columns(fit, FALSE))
  left[!is.na(left) & left <= 10 * .Machine$double.eps * total] <- NA_real_        # the row determines its own mean
  r / sqrt(left)
}

# Residual variances of the rows; a row of weight zero has none.
residual_row_variances <- function(fit, rows) fit_sigma(fit)^2 / ifelse(row_weights(rows) > 0, row_weights(rows),
                                                                        NA_real_)

# L^-1 W^1/2 r for L L' = I + A A', A = W^1/2 Z Lambda, with rows in the order of the data and in pieces: given the rows
# before it, a piece has the covariance matrix I + A (I + M)^-1 A' and the mean A (I + M)^-1 a, with M and a the sums of
# A'A and A'r so far. Done separately for each set of columns that no row connects with another set.
whiten_in_order <- function(fit, rows, r) {
  root <- sqrt(row_weights(rows))
  r <- r * root
  A <- sparse_random_design(fit, rows, root)
  blocks <- diagonal_blocks(Matrix::crossprod(A))
  check_block_size(max(lengths(blocks$members)))
  pieces <- dense_pieces(Matrix::t(A), blocks$members)
  for (s in seq_along(pieces$rows)) {
    own <- pieces$rows[[s]]
    r[own] <- whiten_block(pieces$dense(s), r[own])
  }
  r
}

# list(rows, dense): for each set of columns of A the rows that have entries there, in their order, and a function of
# its number that gives that part of A. `transposed` is A'.
dense_pieces <- function(transposed, members) {
  owner <- integer(nrow(transposed))
  owner[unlist(members)] <- rep(seq_along(members), lengths(members))
  row <- rep(seq_len(ncol(transposed)), diff(transposed@p))
  set <- rep(NA_integer_, ncol(transposed))
  set[row] <- owner[transposed@i + 1L]
  rows <- split(seq_along(set), factor(set, seq_along(members)))
  sorted <- transposed[unlist(members), unlist(rows), drop = FALSE]
  first <- cumsum(lengths(rows)) - lengths(rows)
  before <- cumsum(lengths(members)) - lengths(members)
  dense <- function(s) {
    ends <- sorted@p[first[s] + seq_len(length(rows[[s]]) + 1L)]
    at <- ends[1L] + seq_len(ends[length(ends)] - ends[1L])
    out <- matrix(0, length(rows[[s]]), length(members[[s]]))
    out[cbind(rep(seq_along(rows[[s]]), diff(ends)), sorted@i[at] + 1L - before[s])] <- sorted@x[at]
    out
  }
  list(rows = unname(rows), dense = dense)
}

whiten_block <- function(A, r, size = 500L) {
  M <- diag(ncol(A))
  a <- numeric(ncol(A))
  for (piece in split(seq_along(r), (seq_along(r) - 1L) %/% size)) {
    own <- A[piece, , drop = FALSE]
    U <- chol(M)
    G <- backsolve(U, t(own), transpose = TRUE)
    given <- r[piece] - as.vector(crossprod(G, backsolve(U, a, transpose = TRUE)))
    a <- a + as.vector(crossprod(own, r[piece]))
    M <- M + crossprod(own)
    r[piece] <- backsolve(chol(diag(length(piece)) + crossprod(G)), given, transpose = TRUE)
  }
  r
}

# Dense matrices with the square of so many connected random effects are too large.
check_block_size <- function(columns, most = 5000L) {
  if (columns <= most) return(invisible())
  lmm_abort("numeric",
            paste0("the Cholesky factor of the rows that ", count_of(columns, "random effect"),
                   " of crossed factors connect is too large."),
            value = columns, fix = "Use type = \"marginal_scaled\", the symmetric root.")
}
