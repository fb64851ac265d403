# Known matrices of the residuals' covariance: known(trial, V), a list of matrices by trial, or several with
# coefficients.

# Matrices cut into blocks, and for each row of the data its block and its row there.
plan_known <- function(part, subject, data) {
  if (part$word != "known") return(part)
  number <- data[[variable_label(part$positions[[1L]])]]
  group <- if (is.null(subject)) list(codes = rep(1L, length(number)), levels = "1") else group_of(subject, data)
  part$levels_known <- group$levels
  size <- tabulate(group$codes, length(group$levels))
  whole <- vapply(part$matrices, function(x) is.matrix(x) && nrow(x) >= max(number) && nrow(x) > max(size), NA)
  part$whole <- all(whole)
  part$blocks <- lapply(part$matrices, known_blocks, group$levels, size, part$whole)
  if (part$whole) check_block_diagonal(part$matrices, number, group$codes)
  part$matrices <- NULL
  part
}

# A list of matrices, one for each level, in the order of the levels.
known_blocks <- function(x, levels, size, whole) {
  if (whole) return(list(unname(x)))
  if (is.matrix(x)) x <- rep(list(x), length(levels))
  at <- if (is.null(names(x))) seq_along(levels) else match(levels, names(x))
  if (anyNA(at) || is.null(names(x)) && length(x) != length(levels)) {
    lmm_abort("input", paste0("known() needs a matrix for each of the ", count_of(length(levels), "subject"), ", not ",
                              length(x),
                              if (anyNA(at)) paste0("; ", quote_level(levels[is.na(at)][1L]), " has none"), "."),
                              what = "residual",
              value = length(x))
  }
  x <- lapply(unname(x[at]), unname)
  wrong <- which(vapply(x, nrow, 0L) != size)
  if (length(wrong)) {
    lmm_abort("input", paste0("the known matrix of ", quote_level(levels[wrong[1L]]), " has ", nrow(x[[wrong[1L]]]),
              " rows, the data have ",
                              size[wrong[1L]], "."), what = "residual", where = levels[wrong],
              fix = "Give one matrix for all rows of the data, which may have missing values.")
  }
  x
}

# A whole matrix must not connect rows of different subjects.
check_block_diagonal <- function(matrices, number, codes) {
  for (x in matrices) {
    own <- x[number, number, drop = FALSE]
    crossing <- which(own != 0 & outer(codes, codes, "!="), arr.ind = TRUE)
    if (!nrow(crossing)) next
    lmm_abort("input", paste0("the known matrix connects rows ", crossing[1L, 1L], " and ", crossing[1L, 2L],
                              " of different subjects."),
              what = "residual", where = crossing[1L, ], fix = "Leave the subject out: residual = ~ known(V).")
  }
}

# Block and row of each row, from 0.
known_positions <- function(part, data, subject) {
  number <- data[[variable_label(part$positions[[1L]])]]
  if (part$whole) return(cbind(0, number - 1))
  cbind(subject - 1, order_within(subject))
}
