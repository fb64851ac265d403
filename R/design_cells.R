# The columns of a plan for rows that stand for cells: products of variables of the table times the coding of keys.

# The columns of a plan, as build_matrix() makes them of rows: a product of variables of the table times the coding of
# keys, or the constant times it.
cell_matrix <- function(plan, data, index = NULL, n) {
  sums <- attr(data, "sums")
  part <- function(x) if (is.null(index)) x else x[index]
  constant <- part(sums$constant)
  blocks <- lapply(plan$coding$blocks,
                   function(block) cell_block(plan$coding$pieces[block], plan, data, index, sums, constant))
  if (plan$coding$intercept) blocks <- c(list(constant), blocks)
  if (!length(blocks)) return(matrix(0, n, 0L))
  unname(do.call(cbind, blocks))
}

cell_block <- function(pieces, plan, data, index, sums, constant) {
  labels <- vapply(pieces, `[[`, "", "label")
  free <- !labels %in% sums$keys
  coded <- lapply(pieces[!free], piece_columns, data, index, plan)
  if (!any(free)) return(row_products(constant, Reduce(row_products, coded)))
  widths <- vapply(labels[free], function(label) NCOL(data[[label]]), 0L)
  value <- function(columns) {
    names <- ifelse(columns > 0L, paste0(labels[free], "[", columns, "]"), labels[free])
    x <- sums$values[, match(paste(in_order(names), collapse = ":"), sums$names)]
    if (is.null(index)) x else x[index]
  }
  is_vector <- vapply(labels[free], function(label) length(dim(data[[label]])) != 2L, NA)
  if (all(is_vector)) {
    x <- value(integer(sum(free)))
    return(if (length(coded)) row_products(x, Reduce(row_products, coded)) else x)
  }
  ordered_block(free, coded, widths, is_vector, value)
}

# Columns in the order in which products of the pieces have them: the first piece varies fastest.
ordered_block <- function(free, coded, widths, is_vector, value) {
  sizes <- integer(length(free))
  sizes[free] <- widths
  sizes[!free] <- vapply(coded, NCOL, 0L)
  grid <- as.matrix(do.call(expand.grid, lapply(sizes, seq_len)))
  one <- function(at) {
    own <- Map(function(x, j) if (length(dim(x)) == 2L) x[, j] else x, coded, at[!free])
    Reduce(`*`, c(own, list(value(ifelse(is_vector, 0L, at[free])))))
  }
  do.call(cbind, lapply(seq_len(nrow(grid)), function(i) one(grid[i, ])))
}
