# Hypotheses of types I, II and III about the terms of the fixed part, as rows over the estimable coefficients.
#
# X = X_k A, with X_k the kept columns and A their aliases. The overparametrized matrix with an indicator column for
# each level (or combination of levels) of each term is X_o = X D, where D follows from the contrasts alone. With W = A
# D a vector a stands for the estimable function a'beta, whose coefficients in the overparametrized model are a'W.

# list(terms, W, size, unit, term, own): for each term its factors and numeric variables; units of rows and terms, by
# which W is divided; the term of each column of W; and
# whether a column is one of the differences from the first level that treatment contrasts would keep.
term_space <- function(fit) {
  frame <- fit_frame(fit)
  terms <- coded_terms(frame)
  D <- lapply(seq_along(terms), function(j) overparametrized(terms, j, frame))
  W <- alias_matrix(fit) %*% do.call(cbind, c(list(matrix(0, length(frame$x_names), 0L)), D))
  size <- column_sizes(fit)
  kind <- vapply(terms, function(term) paste(sort(term$numeric), collapse = ":"), "")
  unit <- vapply(kind, function(k) max(size[frame$x_assign %in% unlist(lapply(terms[kind == k], `[[`, "assign"))], 0),
                 0)
  unit[unit == 0] <- 1
  column <- rep(seq_along(terms), vapply(D, ncol, 0L))
  W <- W * size[fit_blocks(fit)$x$kept] / rep(unit[column], each = nrow(W))
  list(terms = terms, W = W, size = size[fit_blocks(fit)$x$kept], unit = unit, term = column,
       own = unlist(lapply(terms, own_columns)))
}

# The intercept is a term without variables. A factor whose contrasts span less than its levels counts as numeric.
coded_terms <- function(frame) {
  labels <- attr(frame$terms, "term.labels")
  empty <- list(label = "(Intercept)", assign = 0L, pieces = list(), factors = character(), numeric = character())
  rest <- lapply(seq_along(frame$coding$blocks), function(j) {
    pieces <- lapply(frame$coding$pieces[frame$coding$blocks[[j]]], coded_piece, frame)
    is_factor <- vapply(pieces, function(piece) piece$kind != "numeric", NA)
    names <- vapply(pieces, `[[`, "", "label")
    list(label = labels[j], assign = j, pieces = pieces, factors = names[is_factor], numeric = names[!is_factor])
  })
  if (frame$coding$intercept) c(list(empty), rest) else rest
}

# `B`: indicators = 1 a' + contrasts B'. Columns are in the order of the levels; `order` is that of their names.
coded_piece <- function(piece, frame) {
  levels <- frame$xlevels[[piece$label]]
  if (is.null(levels)) return(c(piece[c("label", "kind")], list(columns = numeric_columns(piece, frame))))
  K <- unname(frame$contrasts[[piece$label]])
  full <- qr(cbind(1, K))$rank == length(levels)
  if (!full && piece$kind == "contrast") return(list(label = piece$label, kind = "numeric", columns = ncol(K)))
  out <- list(label = piece$label, kind = piece$kind, columns = length(levels), order = natural_order(levels))
  if (piece$kind == "contrast") {
    inverse <- solve(cbind(1, K))
    out$a <- inverse[1L, ]
    out$B <- inverse[-1L, , drop = FALSE]
  }
  out
}

numeric_columns <- function(piece, frame) {
  one <- which(vapply(frame$coding$blocks, function(b) length(b) == 1L, NA))
  at <- Filter(function(j) identical(frame$coding$pieces[[frame$coding$blocks[[j]]]]$label, piece$label), one)
  if (length(at)) return(sum(frame$x_assign == at[1L]))
  block <- Find(function(j) piece$label %in% block_labels(frame, j), seq_along(frame$coding$blocks))
  others <- Filter(function(p) p$label != piece$label, frame$coding$pieces[frame$coding$blocks[[block]]])
  sizes <- vapply(others, function(p) {
    if (p$kind == "numeric") return(1L)
    if (p$kind == "dummy") length(frame$xlevels[[p$label]]) else ncol(frame$contrasts[[p$label]])
  }, 0L)
  as.integer(sum(frame$x_assign == block) / prod(sizes))
}

block_labels <- function(frame, j) vapply(frame$coding$pieces[frame$coding$blocks[[j]]], `[[`, "", "label")

# Order of level names: as numbers where they are, otherwise by their characters; not by the locale, and not the
# order of the factor, on which no test may depend.
natural_order <- function(levels) {
  number <- suppressWarnings(as.numeric(enc2utf8(levels)))
  if (!anyNA(number)) order(number) else radix_order(levels)
}

# First index fastest, as in the columns of a term.
kronecker_all <- function(parts) if (length(parts)) Reduce(function(a, b) kronecker(b, a), parts) else matrix(1)

# Indicator columns of term j as combinations of the columns of X. An indicator of a factor in contrast coding is a
# constant plus contrasts; the constant part belongs to the term without the factor, which is in the model.
overparametrized <- function(terms, j, frame) {
  term <- terms[[j]]
  if (!length(term$pieces)) return(unit_columns(frame, 0L))
  pieces <- term$pieces
  out <- unit_columns(frame, term$assign) %*% kronecker_all(lapply(pieces, function(piece) {
    if (piece$kind == "contrast") piece$B else diag(piece$columns)
  }))
  coded <- which(vapply(pieces, function(piece) piece$kind == "contrast", NA))
  for (k in coded) {
    map <- kronecker_all(lapply(seq_along(pieces), function(i) {
      piece <- pieces[[i]]
      if (i == k) return(matrix(piece$a, 1L))
      one <- diag(piece$columns)
      if (i < k && piece$kind == "contrast") one - matrix(piece$a, piece$columns, piece$columns, byrow = TRUE) else one
    }))
    out <- out + without_factor(terms, term, k, frame) %*% map
  }
  out
}

without_factor <- function(terms, term, k, frame) {
  labels <- vapply(term$pieces[-k], `[[`, "", "label")
  at <- Position(function(other) setequal(vapply(other$pieces, `[[`, "", "label"), labels), terms)
  if (!is.na(at)) return(overparametrized(terms, at, frame))
  constant <- if (!length(labels)) frame$x_constant
  if (is.null(constant)) constant <- numeric(length(frame$x_names))
  matrix(constant, length(constant), prod(vapply(term$pieces[-k], `[[`, 0L, "columns")))
}

unit_columns <- function(frame, assign) {
  diag(length(frame$x_names))[, frame$x_assign == assign, drop = FALSE]
}

own_columns <- function(term) {
  if (!length(term$pieces)) return(TRUE)
  flags <- lapply(term$pieces, function(piece) {
    matrix(if (piece$kind == "contrast") seq_len(piece$columns) != piece$order[1L] else rep(TRUE, piece$columns), 1L)
  })
  as.vector(kronecker_all(flags)) > 0
}

# Term b contains term a: the same numeric variables, all factors of a and more.
contains_term <- function(b, a) {
  setequal(b$numeric, a$numeric) && all(a$factors %in% b$factors) && length(b$factors) > length(a$factors)
}

# ---- the three types ----

# List of hypotheses, one per term. `type` is 1, 2 or 3; for a single term all are type 1.
term_hypotheses <- function(info, type) {
  fit <- info$fit
  space <- term_space(fit)
  tested <- which(vapply(space$terms, function(term) term$assign > 0L, NA))
  if (!length(tested) || !length(info$kept)) return(list())
  if (length(tested) <= 1L) type <- 1L
  rows <- switch(type, sequential_rows(space, info), lapply(tested, function(j) type_2_rows(space, info, j)),
                 lapply(tested, function(j) type_3_rows(space, info, j)))
  names(rows) <- vapply(space$terms[tested], `[[`, "", "label")
  hypotheses <- Map(function(inner, j) new_hypothesis(info, inner = inner,
                                                      term = space$terms[[j]]$assign), rows, tested)
  Map(function(h, j) if (nrow(h$inner) && mixed_units(space$terms[[j]])) invariant_rows(h) else h, hypotheses, tested)
}

# Columns of a matrix-valued variable may have different units.
mixed_units <- function(term) {
  any(vapply(term$pieces, function(piece) piece$kind == "numeric" && piece$columns > 1L, NA))
}

# What a table of type III says of cells without observations, and of columns that are dropped for another reason.
gap_notes <- function(fit) {
  aliased <- which(!fit_estimable(fit))
  if (!length(aliased)) return(NULL)
  space <- term_space(fit)
  cells <- lapply(seq_along(space$terms), function(j) missing_cells(space, j, fit_frame(fit)))
  explained <- vapply(space$terms[lengths(cells) > 0L], `[[`, 0L, "assign")
  rest <- names(fit_beta(fit))[setdiff(aliased, which(fit_frame(fit)$x_assign %in% explained))]
  cells <- unlist(cells)
  wrapped(c(if (length(cells)) paste0("Missing cells: ", enumerate(cells, 20L),
                                      ". Type III hypotheses depend on which cells have observations."),
            if (length(rest)) paste0("Aliased coefficients: ", enumerate(rest, 20L),
                                     ". Effects confounded with them are not tested.")))
}

# The same for rows of types 1 and 2.
empty_note <- function(table, type) {
  empty <- rownames(table)[table[[if (is.null(table$NumDF)) "Df" else "NumDF"]] == 0L]
  if (!length(empty)) return(NULL)
  wrapped(paste0("Not tested: ", enumerate(empty, 20L), ", which add", if (length(empty) == 1L) "s", " nothing to the ",
                 if (type == 1L) "preceding terms." else "other terms."))
}

# Where one of the fits has no residual variance nothing is tested.
exact_note <- function(...) {
  if (!any(vapply(list(...), function(fit) inherits(fit, "lmm_fit") && fit_is_exact(fit), NA))) return(NULL)
  wrapped("The residual variance is zero to working precision: there are no standard errors and no tests.")
}

# Names of the combinations of levels of the factors of term j whose indicator is zero in all rows.
missing_cells <- function(space, j, frame) {
  term <- space$terms[[j]]
  if (length(term$factors) < 2L) return(character())
  size <- apply(abs(space$W[, space$term == j, drop = FALSE]), 2L, max)
  names <- lapply(term$pieces, function(piece) {
    if (piece$kind == "numeric") rep(piece$label, piece$columns) else paste0(piece$label, frame$xlevels[[piece$label]])
  })
  all <- as.vector(Reduce(function(a, b) outer(a, b, paste, sep = ":"), names))
  unique(all[size <= 1e-9 * max(abs(space$W))])
}

# Rows of the triangular factor of X'WX with a diagonal of one, treatment coding, columns in the order of `terms`.
sequential_rows <- function(space, info, terms = seq_along(space$terms), keep = NULL) {
  columns <- unlist(lapply(terms, function(j) ordered_own(space, j)))
  Z <- info$inverse %*% (space$W[, columns, drop = FALSE] / space$size)
  q <- qr(Z, tol = 1e-7)
  rank <- seq_len(q$rank)
  of <- space$term[columns[q$pivot[rank]]]
  rows <- t(qr.Q(q)[, rank, drop = FALSE]) / (diag(as.matrix(qr.R(q)))[rank] * space$unit[of])
  if (is.null(keep)) keep <- Filter(function(j) space$terms[[j]]$assign > 0L, seq_along(space$terms))
  lapply(keep, function(j) rows[of == j, , drop = FALSE])
}

ordered_own <- function(space, j) {
  at <- which(space$term == j)
  rank <- 0
  base <- 1
  for (piece in space$terms[[j]]$pieces) {      # the first varies fastest
    place <- if (is.null(piece$order)) seq_len(piece$columns) else order(piece$order)
    rank <- as.vector(outer(rank, base * place, "+"))
    base <- base * length(place)
  }
  at <- at[order(rank)]
  at[space$own[at]]
}

type_2_rows <- function(space, info, j) {
  containing <- which(vapply(space$terms, contains_term, NA, space$terms[[j]]))
  if (!length(containing)) return(type_3_rows(space, info, j))
  others <- setdiff(seq_along(space$terms), c(j, containing))
  sequential_rows(space, info, c(others, j, containing), keep = j)[[1L]]
}

# SAS: estimable functions in which only the term and those that contain it take part, orthogonal (as functions in the
# overparametrized model) to all that concern the containing terms.
type_3_rows <- function(space, info, j) {
  containing <- which(vapply(space$terms, contains_term, NA, space$terms[[j]]))
  A <- functions_of(space, c(j, containing))
  for (b in containing) {
    higher <- which(vapply(space$terms, contains_term, NA, space$terms[[b]]))
    A <- A %*% left_null(crossprod(A, space$W) %*% crossprod(space$W, functions_of(space, c(b, higher))),
                         sum(space$W^2))
  }
  differences <- crossprod(A, space$W[, ordered_own(space, j), drop = FALSE])
  size <- sqrt(colSums(differences^2))
  differences[, size <= 1e-9 * max(size, 0)] <- 0           # rounding, which qr() would count as a direction
  q <- qr(differences, tol = 1e-8)
  use <- q$pivot[seq_len(q$rank)]
  rows <- if (q$rank == ncol(A) && q$rank > 0L) solve(differences[, use, drop = FALSE], t(A)) else t(A)
  (rows * rep(space$size / space$unit[j], each = nrow(rows))) %*% info$basis
}

# Basis of the vectors a whose a'W is zero outside the columns of `terms`.
functions_of <- function(space, terms) left_null(space$W[, !space$term %in% terms, drop = FALSE], max(abs(space$W)))

# Orthonormal basis of the vectors a with a'M = 0; what is small beside `scale` is rounding.
left_null <- function(M, scale, tol = 1e-9) {
  if (!ncol(M) || !nrow(M)) return(diag(nrow(M)))
  s <- svd(M, nu = nrow(M), nv = 0L)
  s$u[, seq_len(nrow(M)) > sum(s$d > tol * scale), drop = FALSE]
}
