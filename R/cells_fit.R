# What follows a fit that holds cross-products in place of rows.
#
# Rows that stand for the cells have the cross-products of the data within each cell. What depends on the data through
# these alone is computed from them as from rows: ranks, tests, likelihood ratios, models with fewer terms, bootstrap.
# What is asked of single rows needs the rows again, see streaming.R.

# The fit with the rows of its cells in the place of rows; a fit that has rows, or neither, as it is.
with_cell_rows <- function(fit) {
  if (!is.null(fit_stored_rows(fit)) || is.null(fit_cells(fit))) return(fit)
  terms <- fixed_terms(fit_spec(fit), NULL)
  variables <- formula_variables(terms, fit_spec(fit))
  derived <- derived_keys(variables, fit_cells(fit))
  pieces <- asked_pieces(terms, fit_spec(fit), variables, fit_cells(fit), derived)
  rows <- cell_rows(fit_cells(fit), pieces, derived, variables)
  attr(rows$data, "terms") <- fit_frame(fit)$terms
  fit$rows <- rows_for(rows, fit)
  fit
}

# A column of X that changes within groups, of rows or of cells. Rounding in the column is no change.
varies_within <- function(X, group, rows) {
  if (!are_cell_rows(rows)) return(changes_within(X, group))
  first <- rows$constant == 1
  changes <- changes_within(X[first, , drop = FALSE], group[first])
  size <- apply(abs(X), 2L, max)
  changes | colSums(abs(X[!first, , drop = FALSE]) > 1e-10 * rep(size, each = sum(!first))) > 0
}

# Fits with the same rows in the place of their cells, however their variables differ.
in_shared_rows <- function(fits) {
  if (!all(vapply(fits, is_cells_fit, NA))) return(fits)
  shared <- shared_cell_rows(fits)
  lapply(fits, function(fit) {
    fit$rows <- rows_for(shared$rows, fit)
    fit
  })
}

# The rows of the cells in all variables of several fits, those of the first fit's table.
shared_cell_rows <- function(fits, response = TRUE) {
  table <- fit_cells(fits[[1L]])
  asked <- lapply(fits, function(fit) formula_variables(fixed_terms(fit_spec(fit), NULL), fit_spec(fit)))
  calls <- do.call(c, lapply(asked, `[[`, "calls"))
  variables <- list(calls = calls[!duplicated(names(calls))], offsets = unique(unlist(lapply(asked, `[[`, "offsets"))))
  derived <- derived_keys(variables, table)
  needed <- function(spec, own) asked_pieces(fixed_terms(spec, NULL), spec, own, table, derived)
  pieces <- unlist(Map(function(fit, own) needed(fit_spec(fit), own),
                       fits, asked), recursive = FALSE)
  names(pieces) <- vapply(pieces, product_name, "")
  keep <- !duplicated(names(pieces)) & (response | names(pieces) != names(variables$calls)[1L])
  list(rows = cell_rows(table, pieces[keep], derived, variables))
}

rows_for <- function(rows, fit) {
  rows$codes <- lapply(fit_groups(fit),
                       function(group) match_group(group, lapply(group$parts, function(part) rows$data[[part$label]])))
  rows
}

# ---- bootstrap ----

# The fits with rows in which responses can be drawn: those of the cells without the response, common to all fits, and
# one for all dimensions in which the model has nothing but residuals (`left`, their number).
with_drawing_rows <- function(fits) {
  shared <- shared_cell_rows(fits, response = FALSE)
  shared$rows <- with_left_over(shared$rows)
  lapply(fits, function(fit) {
    fit$rows <- rows_for(shared$rows, fit)
    fit$cells <- NULL
    fit
  })
}

with_left_over <- function(rows) {
  left <- sum(rows$observed) - rows$n
  rows$cells <- NULL
  if (left < 1) return(rows)
  at <- c(seq_len(rows$n), 1L)
  sums <- attr(rows$data, "sums")
  sums$constant <- c(sums$constant, 0)
  sums$values <- rbind(sums$values, numeric(ncol(sums$values)))
  rows$data <- structure(lapply(rows$data, take_rows, at), class = "data.frame", row.names = .set_row_names(length(at)),
                         sums = sums)
  rows[c("y", "weights", "constant", "observed")] <- list(c(rows$y, 0), c(rows$weights, 1), sums$constant,
                                                          c(rows$observed, 0))
  rows[c("near", "origin")] <- NULL
  rows$n <- length(at)
  rows$left <- left
  rows
}

# Normal numbers of the last row become a root of a chi-squared number with as many degrees of freedom as it stands for.
left_over_normals <- function(e, rows) {
  if (is.null(rows$left)) return(e)
  e[rows$n, ] <- sqrt(stats::qchisq(stats::pnorm(e[rows$n, ], log.p = TRUE), rows$left, log.p = TRUE))
  e
}

# ---- reference grids ----

# A data frame with the means of the covariates, the values of the factors, and the frequencies of the cells, as near as
# `most` rows allow.
grid_data <- function(fit, most = 1e5) {
  rows <- with_cell_rows(fit)$rows
  data <- rows$data[rows$constant == 1, , drop = FALSE]
  attr(data, "sums") <- NULL
  n <- rows$observed[rows$constant == 1]
  size <- if (isTRUE(fit_cells(fit)$weighted)) rows$weights[rows$constant == 1] else n
  times <- if (sum(n) <= most) n else pmax(1, round(n * most / sum(n)))
  out <- data[rep(seq_along(n), times), , drop = FALSE]
  for (name in setdiff(names(data)[vapply(data, is.numeric, NA)], names(fit_cells(fit)$keys))) {
    out[[name]] <- about_mean(out[[name]], colSums(as.matrix(data[[name]]) * size) / sum(size))
  }
  if (isTRUE(fit_cells(fit)$weighted)) inform_weighted_means(fit, names(out))
  row.names(out) <- NULL
  out
}

inform_weighted_means <- function(fit, names) {
  own <- intersect(setdiff(names, c(names(fit_cells(fit)$keys), fit_frame(fit)$response)),
                   unlist(lapply(plan_calls(fit_frame(fit)), variables_of)))
  if (!length(own)) return(invisible())
  lmm_inform("weights", paste0("the cross-products contain only weighted means: ", enumerate(quote_name(own)),
                               if (length(own) > 1L) " are" else " is", " set to the weighted mean."), what = own,
             fix = paste("For the mean over the rows, supply the data, emmeans(fit, ..., data = ), or the value,",
                         "at = list(...)."))
}

# Values moved to a mean. Where all are alike three of them are spread, since a grid has ranges too.
about_mean <- function(x, mean) {
  own <- as.matrix(x)
  own <- own + rep(mean - colMeans(own), each = nrow(own))
  flat <- which(apply(own, 2L, function(v) diff(range(v)) <= 1e-10 * max(abs(v), 0)))
  if (nrow(own) >= 3L) for (j in flat) own[1:3, j] <- mean[j] + c(-1, 0, 1) * max(abs(mean[j]), 1)
  if (is.matrix(x)) own else own[, 1L]
}
