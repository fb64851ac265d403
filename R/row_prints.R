# Fingerprints of the rows, used to compare a fit without rows with other fits.

# Do the rows stand for cells?
are_cell_rows <- function(rows) !is.null(rows$constant)

# Rows of data behind `rows` that have a positive weight.
observed_rows <- function(rows) if (are_cell_rows(rows)) sum(rows$observed) else sum(used_rows(rows))

# What is compared to find out whether two fits have the same rows: their number, weights, and moments of the response,
# to nine digits.
cell_prints <- function(rows) {
  y <- if (is.null(rows$offset)) rows$y else rows$y - rows$offset
  w <- row_weights(rows)
  used <- w > 0
  y <- y[used]
  w <- w[used]
  one <- if (are_cell_rows(rows)) rows$constant[used] else 1
  log_weight <- if (are_cell_rows(rows)) rows$log_weight else sum(log(w))
  total <- sum(w * one^2)
  mean <- sum(w * one * y) / total
  square <- sum(w * (y - mean * one)^2)
  list(moments = signif(c(observed_rows(rows), total, log_weight + total, mean, square), 9L))
}

# What a fit that holds no rows keeps of them: a fingerprint by name, and one for each variable together with the
# values.
row_prints <- function(rows, response) {
  used <- only_used(rows)
  n <- length(used$ids)
  columns <- lapply(used$variables[names(used$variables) != response],
                    function(x) comparable_columns(list(x)))
  columns <- unlist(columns, recursive = FALSE)
  list(by_name = row_fingerprints(used$values, list(used$ids), n),
       by_variable = stats::setNames(row_fingerprints(used$values, columns, n), names(columns)))
}

# What tells whether the same combinations of values and variables occur equally often, in any order.
content_print <- function(values, variables) {
  columns <- c(values, comparable_columns(variables))
  row_fingerprints(columns[-1L], columns[1L], length(columns[[1L]]))
}

# Variables as vectors without a class, a matrix as its columns; lists cannot be compared.
comparable_columns <- function(variables) {
  out <- lapply(variables, function(x) {
    if (length(dim(x)) == 2L) return(lapply(seq_len(ncol(x)), function(j) as.vector(x[, j])))
    if (is.list(x)) return(NULL)
    list(if (is.factor(x) || is.null(attributes(x))) x else as.vector(unclass(x)))
  })
  unlist(unname(out), recursive = FALSE, use.names = FALSE)
}

# The rows whose weight is not 0: names, values (response, weight, offset), variables, and their places among
# all rows.
only_used <- function(rows) {
  ids <- attr(rows$data, "row.names")
  values <- list(rows$y, if (is.null(rows$weights)) 1 else as.vector(rows$weights),
                 if (is.null(rows$offset)) 0 else as.vector(rows$offset))
  values <- lapply(values, rep_len, rows$n)
  keep <- values[[2L]] > 0
  variables <- as.list(rows$data)
  if (all(keep)) return(list(ids = ids, values = values, variables = variables, keep = TRUE))
  list(ids = ids[keep], values = lapply(values, `[`, keep), variables = lapply(variables, take_rows, which(keep)),
       keep = keep)
}
