# Known matrices of the residuals' covariance: known(trial, V), a list of matrices by trial, or several with
# coefficients.

# Matrices cut into blocks of the rows used. `data` are these rows, `all` the columns before rows were left out.
plan_known <- function(part, subject, data, all) {
  if (part$word != "known") return(part)
  label <- variable_label(part$positions[[1L]])
  number <- data[[label]]
  group <- if (is.null(subject)) list(codes = rep(1L, length(number)), levels = "1") else group_of(subject, data)
  size <- tabulate(group$codes, length(group$levels))
  labels <- known_labels(data, number)
  places <- lapply(part$matrices, whole_places, labels, number, length(all[[label]]), attr(data, "na.action"), size)
  part$whole <- !any(vapply(places, is.null, NA))
  part$numbers <- number
  part$blocks <- if (part$whole) Map(function(x, at) list(unname(x[at, at, drop = FALSE])), part$matrices, places)
                 else lapply(part$matrices, known_blocks, group, size, labels, is.null(subject))
  if (part$whole) check_block_diagonal(part$blocks, number, group$codes)
  part$matrices <- NULL
  if (length(part$blocks) == 1L && !isTRUE(part$options$nugget)) check_known_definite(part, group, number)
  part
}

# A known covariance matrix has an inverse: random effects do not make up for what it lacks.
check_known_definite <- function(part, group, number) {
  for (level in seq_along(group$levels)) {
    rows <- which(group$codes == level)
    block <- if (part$whole) part$blocks[[1L]][[1L]][rows, rows, drop = FALSE] else part$blocks[[1L]][[level]]
    if (is_definite(block)) next
    size <- sqrt(pmax(diag(block), 0))
    least <- if (!all(size > 0)) 0 else
      min(eigen(block / outer(size, size), symmetric = TRUE, only.values = TRUE)$values)
    singular <- least > -1e-8
    lmm_abort("input", paste0("the known covariance matrix of ", row_text(number[rows]), " is ",
                              if (singular) "singular" else "not positive definite",
                              if (all(size > 0)) paste0(": the smallest eigenvalue of its correlation matrix is ",
                                                        format(zapsmall(c(1, least))[2L], digits = 2L)) else
                                                          ": a variance is 0", "."),
              what = "residual", where = number[rows], value = least,
              fix = if (singular) paste("A combination of these rows has zero error variance, for which random effects",
                                        "cannot compensate. Leave out one of the rows, or add 1e-6 times the variances",
                                        "to the diagonal.")
              else "A covariance matrix cannot have negative eigenvalues: check the correlations and variances.")
  }
}

is_definite <- function(block) {
  size <- sqrt(pmax(diag(block), 0))
  if (!all(size > 0)) return(FALSE)
  root <- tryCatch(chol(block / outer(size, size)), error = function(e) NULL)
  !is.null(root) && min(diag(root))^2 > 16 * nrow(block) * .Machine$double.eps
}

# Row names, where rows have names that are not their numbers in the data.
known_labels <- function(data, number) {
  labels <- as.character(attr(data, "row.names"))
  if (identical(labels, as.character(number))) NULL else labels
}

# Where the rows used are in a matrix for all rows: by name or, where one of both has no names, by their numbers in a
# matrix of as many rows as the data, as `subset` chose, or as are used. NULL for the matrix of one subject.
whole_places <- function(x, labels, number, n, omitted, size) {
  if (!is.matrix(x)) return(NULL)
  named <- named_places(x, labels)
  if (!is.null(named)) return(named)
  if (nrow(x) <= max(size)) return(NULL)
  if (nrow(x) == n) return(number)
  chosen <- seq_len(length(number) + length(omitted))
  if (nrow(x) == length(chosen)) return(setdiff(chosen, omitted))
  if (nrow(x) == length(number)) seq_along(number)
}

# Positions of rows by name; NULL where there are no names in common.
named_places <- function(x, labels) {
  if (is.null(labels) || is.null(rownames(x)) || anyDuplicated(rownames(x))) return(NULL)
  at <- match(labels, rownames(x))
  if (all(is.na(at))) return(NULL)
  if (!anyNA(at)) return(at)
  lmm_abort("input", paste0("the known matrix has no row named ", enumerate(quote_level(labels[is.na(at)])),
                            ", but the data do."), what = "residual", where = labels[is.na(at)],
            fix = "Use the row names of the data for the matrix, or no row names and the order of the data.")
}

# A list of matrices, one for each level, in the order of the levels.
known_blocks <- function(x, group, size, labels, alone) {
  levels <- group$levels
  if (is.matrix(x)) x <- rep(list(x), length(levels))
  at <- if (is.null(names(x))) seq_along(levels) else match(levels, names(x))
  if (anyNA(at) || is.null(names(x)) && length(x) != length(levels)) {
    lmm_abort("input", paste0("known() needs a matrix for each of the ", count_of(length(levels), "subject"), ", not ",
                              length(x),
                              if (anyNA(at)) paste0("; ", quote_level(levels[is.na(at)][1L]), " has none"), "."),
                              what = "residual",
              value = length(x))
  }
  x <- Map(function(own, k) {
    named <- named_places(own, labels[group$codes == k])
    unname(if (is.null(named)) own else own[named, named, drop = FALSE])
  }, unname(x[at]), seq_along(levels))
  wrong <- which(vapply(x, nrow, 0L) != size)
  if (!length(wrong)) return(x)
  lmm_abort("input", paste0("the known matrix", if (!alone) paste0(" of ", quote_level(levels[wrong[1L]])), " has ",
                            count_of(nrow(x[[wrong[1L]]]), "row"), ", but the data have ", size[wrong[1L]], "."),
            what = "residual", where = levels[wrong],
            fix = paste("Give a matrix with a row for each row of the data, before or after missing values are",
                        "removed, or one with the row names of the data."))
}

# A whole matrix must not connect rows of different subjects.
check_block_diagonal <- function(blocks, number, codes) {
  for (own in unlist(blocks, recursive = FALSE)) {
    crossing <- which(own != 0 & outer(codes, codes, "!="), arr.ind = TRUE)
    if (!nrow(crossing)) next
    rows <- number[crossing[1L, ]]
    lmm_abort("input", paste0("the known matrix connects rows ", rows[1L], " and ", rows[2L],
                              " of different subjects."),
              what = "residual", where = rows, fix = "Leave the subject out: residual = ~ known(V).")
  }
}

# Block and row of each row, from 0.
known_positions <- function(part, data, subject) {
  number <- data[[variable_label(part$positions[[1L]])]]
  if (part$whole) return(cbind(0, match(number, part$numbers) - 1))
  cbind(subject - 1, order_within(subject))
}
