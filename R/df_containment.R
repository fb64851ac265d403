# Containment, the default of SAS PROC MIXED: an effect is tested against the random effects that contain it by name.

#' @export
prepare_method.df_containment <- function(method, info) {
  refuse_without_random(info$fit, method$name)
  fit <- with_cell_rows(info$fit)
  random <- random_effects(fit)
  fixed <- fixed_design(fit)
  Z <- lapply(random, `[[`, "Z")
  ranks <- vapply(0:length(Z), function(k) joint_rank(fixed$X, Z[seq_len(k)]), 0)
  added <- diff(ranks)
  rest <- fit_nobs(fit) - ranks[length(ranks)]
  names <- common_names(fit)
  method$coefficient_df <- vapply(fixed$variables, function(own) {
    containing <- vapply(random, function(effect) all(names[own] %in% names[effect$variables]), NA)
    if (any(containing)) min(added[containing]) else rest
  }, 0)[fixed$term]
  method
}

#' @export
row_df.df_containment <- function(method, info, hypothesis) involved_df(method, info, hypothesis)

# Rows with positive weight, kept columns of X: their orthonormal form, the position of their terms, and the variables
# of each term (none for the intercept).
fixed_design <- function(fit) {
  rows <- fit_rows(fit, "this method for degrees of freedom")
  frame <- fit_frame(fit)
  kept <- fit_blocks(fit)$x$kept
  columns <- build_matrix(frame, rows$data, n = rows$n)[used_rows(rows), kept, drop = FALSE]
  terms <- unique(frame$x_assign)
  variables <- lapply(terms, function(j) if (j > 0L) block_labels(frame, j) else character())
  list(X = columns %*% matrix(fit_blocks(fit)$x$basis, length(kept)), columns = columns,
       term = match(frame$x_assign[kept], terms), variables = variables, assign = terms)
}

# Each variable's name for this purpose: recodings of one variable, as factor(a) is of a, have one. They are made of the
# same columns and sort the rows into the same classes; two covariates are also on one line, as x / 10 and x are but x^2
# is not.
common_names <- function(fit) {
  frame <- fit_frame(fit)
  data <- fit_rows(fit, "this method for degrees of freedom")$data
  groups <- unlist(lapply(fit_groups(fit), function(group) group_parts(group$expr)), recursive = FALSE)
  names(groups) <- vapply(groups, variable_label, "")
  calls <- c(plan_calls(frame), unlist(unname(lapply(fit_random(fit), plan_calls)), recursive = FALSE), groups)
  calls <- calls[!duplicated(names(calls))]
  columns <- lapply(calls, function(call) sort(setdiff(variables_of(call), frame$constants)))
  classes <- function(label) match(data[[label]], unique(data[[label]]))
  same <- function(a, b) {
    a == b || identical(columns[[a]], columns[[b]]) && NCOL(data[[a]]) == 1L && NCOL(data[[b]]) == 1L &&
      identical(classes(a),
                classes(b)) && (!is.numeric(data[[a]]) || !is.numeric(data[[b]]) || on_a_line(data[[a]], data[[b]]))
  }
  vapply(names(calls), function(label) Find(function(other) same(other, label), names(calls)), "")
}

on_a_line <- function(x, y) {
  x <- as.vector(x) - mean(x)
  y <- as.vector(y) - mean(y)
  x <- x / max(abs(x), .Machine$double.xmin)
  y <- y / max(abs(y), .Machine$double.xmin)
  sum(x^2) * sum(y^2) - sum(x * y)^2 <= 1e-10 * sum(x^2) * sum(y^2)
}

# Each random term split into the effects that SAS would name: list(variables, Z sparse), fewer variables first.
random_effects <- function(fit) {
  rows <- fit_rows(fit, "this method for degrees of freedom")
  used <- used_rows(rows)
  d <- design(fit_frame(fit), rows)
  effects <- unlist(lapply(formula_order(fit_frame(fit)), function(t) {
    term <- fit_random(fit)[[t]]
    parts <- vapply(fit_groups(fit)[[term$group]]$parts, `[[`, "", "label")
    code <- d$codes[[term$group]][used]
    members <- column_effects(term, rows$data)
    lapply(unique(members$effect), function(k) {
      z <- d$Z[[t]][used, members$effect == k, drop = FALSE]
      list(variables = c(parts, members$variables[[k + 1L]]),
      Z = sparse_columns(z, code, length(fit_group_levels(fit, term$group))))
    })
  }), recursive = FALSE)
  effects[order(vapply(effects, function(effect) length(effect$variables), 0L))]
}

# For each column of a random term the number of its effect (0: the intercept), and the variables of each effect.
column_effects <- function(term, data) {
  coding <- term$coding
  size <- vapply(coding$pieces, function(piece) {
    switch(piece$kind, numeric = NCOL(data[[piece$label]]), dummy = length(term$xlevels[[piece$label]]),
           ncol(term$contrasts[[piece$label]]))
  }, 0L)
  blocks <- coding$blocks
  columns <- vapply(blocks, function(block) as.integer(prod(size[block])), 0L)
  list(effect = c(if (coding$intercept) 0L, rep(seq_along(blocks), columns)),
       variables = c(list(character()),
                     lapply(blocks, function(block) vapply(coding$pieces[block], `[[`, "", "label"))))
}

# Rank of [X Z_1 Z_2 ...], from cross-products. The widest matrix whose columns are orthogonal, as indicators are, is
# projected out first, then the others by the diagonal blocks of what remains of their cross-products, and X is left.
joint_rank <- function(X, Z) {
  own <- crossprod(X)
  if (!length(Z)) return(pivoted_root(own, diag(own))$rank)
  B <- do.call(cbind, Z)
  gram <- Matrix::crossprod(B)
  left <- list(rank = 0L, size = Matrix::diag(gram), gram = gram, cross = as.matrix(Matrix::crossprod(B, X)), own = own)
  left <- project_out(left, orthogonal_columns(gram, vapply(Z, ncol, 0L)))
  blocks <- diagonal_blocks(left$gram)
  for (s in seq_along(blocks$members)) {
    at <- blocks$members[[s]]
    root <- pivoted_root(blocks$dense(s), left$size[at])
    left$rank <- left$rank + root$rank
    left$own <- left$own - crossprod(root$solve(left$cross[at, , drop = FALSE]))
  }
  left$rank + pivoted_root(left$own, diag(own))$rank
}

# Positions of the columns of the widest matrix, if any, whose columns are orthogonal.
orthogonal_columns <- function(gram, width) {
  own <- split(seq_len(sum(width)), rep(seq_along(width), width))
  simple <- vapply(own, function(at) Matrix::isDiagonal(gram[at, at, drop = FALSE]), NA)
  unlist(own[simple][which.max(lengths(own)[simple])], use.names = FALSE)
}

project_out <- function(left, lead) {
  if (!length(lead)) return(left)
  used <- lead[left$size[lead] > 0]
  shared <- left$gram[used, -lead, drop = FALSE] / sqrt(left$size[used])
  shared_x <- left$cross[used, , drop = FALSE] / sqrt(left$size[used])
  list(rank = left$rank + length(used), size = left$size[-lead],
       gram = left$gram[-lead, -lead, drop = FALSE] - Matrix::crossprod(shared),
       cross = left$cross[-lead, , drop = FALSE] - as.matrix(Matrix::crossprod(shared, shared_x)),
       own = left$own - crossprod(shared_x))
}

# Cholesky's factor with pivots: list(rank, solve), where solve(B) is its transposed inverse times B. Columns whose
# square is below `tol` of what it was, `size`, count as zero.
pivoted_root <- function(gram, size, tol = 1e-9) {
  scale <- sqrt(replace(size, size <= 0, 1))
  scaled <- gram / outer(scale, scale)
  rank <- 0L
  if (length(gram) && max(diag(scaled)) >= tol * ncol(gram)) {
    R <- suppressWarnings(chol(scaled, pivot = TRUE, tol = tol))
    rank <- attr(R, "rank")
  }
  keep <- seq_len(rank)
  list(rank = rank, solve = function(B) {
    if (!rank) return(B[0L, , drop = FALSE])
    at <- attr(R, "pivot")[keep]
    backsolve(R[keep, keep, drop = FALSE], (B / scale)[at, , drop = FALSE], transpose = TRUE)
  })
}
