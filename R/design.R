# Rows as numbers. A `plan` says how a terms object becomes columns; it is made once, from the data of the
# fit, and then turns any rows (all, a chunk, new data) into the same columns.

# list(X, Z, codes, y, weights) of the rows in `index`, a contiguous range c(from, to) or more than two row numbers; y
# is minus offset. Rows that stand for cells also have `constant`, and the number and log weights of the rows of data
# behind them.
design <- function(frame, rows, index = NULL) {
  if (length(index) == 2L) index <- index[1L]:index[2L]
  n <- if (is.null(index)) rows$n else length(index)
  part <- function(x) if (is.null(index) || is.null(x)) x else .subset(x, index)
  y <- part(rows$y)
  if (!is.null(y) && !is.null(rows$offset)) y <- y - part(rows$offset)
  Z <- lapply(frame$random, build_matrix, rows$data, index, n)
  for (k in which(lengths(rows$unrelated) > 0L)) Z[[k]] <- unrelated_rows(Z[[k]], part(rows$unrelated[[k]]))
  out <- list(X = build_matrix(frame, rows$data, index, n), Z = Z, codes = lapply(rows$codes, part), y = y,
              weights = part(rows$weights))
  if (is.null(rows$constant)) return(out)
  out$constant <- part(rows$constant)
  out$count <- sum(part(rows$observed))
  out$log_weight <- if (is.null(index) || 1L %in% index) rows$log_weight else 0
  out
}

# Rows of Z whose level is unrelated to those of the fit and has the variance of the term.
unrelated_rows <- function(Z, new) {
  Z[new, ] <- 0
  Z[new, 1L] <- 1
  Z
}

# Columns of a plan for the rows `index` of `data`. Like stats::model.matrix(), but without names for rows
# or columns, and with levels that do not depend on the rows at hand.
build_matrix <- function(plan, data, index = NULL, n) {
  if (!is.null(attr(data, "sums"))) return(cell_matrix(plan, data, index, n))
  coding <- plan$coding
  if (!length(coding$blocks)) return(matrix(1, n, as.integer(coding$intercept)))
  pieces <- lapply(coding$pieces, piece_columns, data, index, plan)
  blocks <- lapply(coding$blocks, function(block) Reduce(row_products, pieces[block]))
  if (coding$intercept) blocks <- c(list(rep(1, n)), blocks)
  columns <- do.call(cbind, blocks)
  if (!is.double(columns)) storage.mode(columns) <- "double"
  if (!is.null(dimnames(columns))) dimnames(columns) <- NULL
  columns
}

# The plan of a terms object, with the fields terms, xlevels, contrasts, coding, names, assign, constant, conditions.
matrix_plan <- function(terms, data, contrasts = NULL) {
  labels <- variable_labels(terms)
  use <- attr(terms, "factors")
  used <- which(if (length(use)) rowSums(use) > 0 else logical(length(labels)))
  plan <- list(terms = terms, xlevels = list(), contrasts = list(), conditions = NULL)
  for (label in labels[used]) plan <- add_factor(plan, .subset2(data, label), label, contrasts[[label]])
  plan$coding <- matrix_coding(terms, labels, use, names(plan$xlevels))
  names <- matrix_names(plan, data)
  sizes <- lengths(names)
  plan$columns <- unlist(names, use.names = FALSE)
  if (is.null(plan$columns)) plan$columns <- character()
  plan$assign <- rep(seq_along(names) - plan$coding$intercept, sizes)
  plan$constant <- constant_vector(plan)
  plan
}

# Levels and contrast matrix of a factor, character or logical variable; nothing to do for a numeric one.
add_factor <- function(plan, x, label, contrast) {
  if (is.logical(x) && is.null(dim(x))) {
    levels <- c("FALSE", "TRUE")
  } else if (is.character(x)) {
    levels <- in_order(unique(as.vector(x)))
  } else if (is.factor(x)) {
    levels <- levels(x)
    used <- tabulate(x, length(levels)) > 0L
    if (!all(used)) {
      plan$conditions <- c(plan$conditions, list(unused_message(levels[!used], label)))
      levels <- levels[used]
    }
  } else {
    return(plan)
  }
  if (length(levels) < 2L) abort_one_level(levels, label)
  if (is.null(contrast)) {
    contrast <- attr(x, "contrasts")
    if (is.matrix(contrast) && nrow(contrast) != length(levels)) {
      plan$conditions <- c(plan$conditions, list(dropped_contrasts_warning(label)))
      contrast <- NULL
    }
  }
  plan$xlevels[[label]] <- levels
  plan$contrasts[[label]] <- contrast_matrix(contrast, levels, is.ordered(x), label)
  plan
}

contrast_matrix <- function(contrast, levels, ordered, label) {
  if (is.null(contrast)) contrast <- getOption("contrasts")[[if (ordered) 2L else 1L]]
  if (identical(contrast, "contr.treatment")) return(stats::contr.treatment(levels))
  tryCatch({
    x <- factor(levels, levels)
    if (is.matrix(contrast)) stats::contrasts(x, ncol(contrast)) <- contrast else stats::contrasts(x) <- contrast
    stats::contrasts(x)
  }, error = function(e) {
    lmm_abort("input", paste0("contrasts of ", quote_name(label), ": ", conditionMessage(e), "."), what = label)
  })
}

# `pieces`: the variables in the coding they are needed in; `blocks`: for each term the numbers of its pieces.
# Without an intercept the first factor of the first term that has one is coded by all its levels.
matrix_coding <- function(terms, labels, use, factors) {
  is_factor <- labels %in% factors
  blocks <- list()
  pieces <- list()
  keys <- character()
  complete <- attr(terms, "intercept") == 0L
  for (j in seq_len(if (length(use)) ncol(use) else 0L)) {
    members <- which(use[, j] > 0L)
    kinds <- ifelse(!is_factor[members], "numeric", ifelse(use[members, j] == 2L, "dummy", "contrast"))
    if (complete && any(is_factor[members])) {
      kinds[which(is_factor[members])[1L]] <- "dummy"
      complete <- FALSE
    }
    key <- paste(kinds, labels[members])
    new <- which(!key %in% keys)
    keys <- c(keys, key[new])
    pieces <- c(pieces, lapply(new, function(i) list(label = labels[members[i]], kind = kinds[i],
                                                     shown = rownames(use)[members[i]])))
    blocks[[j]] <- match(key, keys)
  }
  list(intercept = attr(terms, "intercept") == 1L, pieces = pieces, blocks = blocks)
}

# Column names, as a list with an entry for the intercept (if any) and for each term.
matrix_names <- function(plan, data) {
  pieces <- lapply(plan$coding$pieces, function(piece) {
    paste0(piece$shown, switch(piece$kind,
      dummy = plan$xlevels[[piece$label]],
      contrast = column_suffix(plan$contrasts[[piece$label]], always = TRUE),
      column_suffix(.subset2(data, piece$label))))
  })
  join <- function(a, b) as.vector(outer(a, b, paste, sep = ":"))
  names <- lapply(plan$coding$blocks, function(block) Reduce(join, pieces[block]))
  if (plan$coding$intercept) c(list("(Intercept)"), names) else names
}

column_suffix <- function(x, always = FALSE) {
  if (length(dim(x)) != 2L) return("")
  if (!is.null(colnames(x))) return(colnames(x))
  if (ncol(x) > 1L || always) seq_len(ncol(x)) else ""
}

# c with (matrix) c = 1 in every row: the intercept, or the indicators of all levels of a factor.
constant_vector <- function(plan) {
  p <- length(plan$columns)
  if (plan$coding$intercept) return(c(1, rep(0, p - 1L)))
  for (j in seq_along(plan$coding$blocks)) {
    kinds <- vapply(plan$coding$pieces[plan$coding$blocks[[j]]], `[[`, "", "kind")
    if (all(kinds == "dummy")) return(as.double(plan$assign == j))
  }
  NULL
}

unused_message <- function(levels, label) {
  lmm_condition("message", "rank", paste0(
    "factor ", quote_name(label), ": ", count_of(length(levels), "unused level"), " dropped (",
    enumerate(quote_level(levels)), ")."), what = label, where = levels)
}

dropped_contrasts_warning <- function(label) {
  lmm_condition("warning", "data", paste0("contrasts of factor ", quote_name(label),
    " dropped, because some of its levels are not in the data."), what = label)
}

abort_one_level <- function(levels, label) {
  lmm_abort("data", paste0("factor ", quote_name(label), " has only ", count_of(length(levels), "level"), " (",
                           enumerate(quote_level(levels)), ")."),
            what = label, value = levels, fix = "Remove it from the formula.")
}
