# Symmetric sparse matrices that fall into diagonal blocks when their columns are ordered.

# list(members, dense, sparse): the columns of each block, and functions of its number that give it.
diagonal_blocks <- function(M) {
  M <- methods::as(methods::as(M, "generalMatrix"), "TsparseMatrix")
  set <- connected_sets(M@i + 1L, M@j + 1L, ncol(M))
  members <- split(seq_len(ncol(M)), set)
  place <- integer(ncol(M))
  place[unlist(members)] <- sequence(lengths(members))     # position of a column within its block
  entries <- split(seq_along(M@x), factor(set[M@i + 1L], seq_along(members)))
  dense <- function(s) {
    at <- entries[[s]]
    out <- matrix(0, length(members[[s]]), length(members[[s]]))
    out[cbind(place[M@i[at] + 1L], place[M@j[at] + 1L])] <- M@x[at]
    out
  }
  sparse <- function(s) methods::as(M, "CsparseMatrix")[members[[s]], members[[s]]]
  list(members = unname(members), dense = dense, sparse = sparse)
}

# Numbers of the sets of columns that the pairs (from, to) connect.
connected_sets <- function(from, to, n) {
  label <- seq_len(n)
  repeat {
    before <- label
    low <- pmin.int(label[from], label[to])
    order <- order(low, decreasing = TRUE)        # the smallest label is written last, hence stays
    label[to[order]] <- low[order]
    label <- label[label]
    if (identical(label, before)) break
  }
  match(label, unique(label))
}
