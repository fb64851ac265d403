# The queries for a table of cells, and how many of them.

# SELECT keys, n, sums FROM (shifted values of complete rows) GROUP BY keys. `number`: leave out rows with NaN.
sql_group_by <- function(plan, source, number = FALSE) {
  sql <- plan$sql
  k <- length(sql$values)
  v <- paste0("lmm_v", seq_len(k))
  w <- if (!is.null(sql$weight)) "lmm_w"
  g <- paste0("lmm_g", seq_along(sql$keys))[seq_along(sql$keys)]
  inner <- paste0("SELECT ",
                  paste(c(paste(sql$keys, "AS", g, recycle0 = TRUE), if (!is.null(w)) paste(sql$weight, "AS", w),
                          paste(sql$values, "AS", v)), collapse = ", "),
                  " FROM (", source$query, ") q", sql_where(plan, source, number))
  times <- if (is.null(w)) "" else paste0(w, " * ")
  at <- which(upper.tri(diag(k), diag = TRUE), arr.ind = TRUE)
  sums <- c(paste0(sql_double(source, "COUNT(*)"), " AS lmm_n"),
            if (!is.null(w)) c("SUM(lmm_w) AS lmm_w", paste0("SUM(", source$dialect$ln, "(lmm_w)) AS lmm_lw")),
            paste0("SUM(", times, v, ") AS lmm_a", seq_len(k)),
            paste0("SUM(", times, v[at[, 1L]], " * ", v[at[, 2L]], ") AS lmm_s", seq_len(nrow(at))))
  paste0("SELECT ", paste(c(g, sums), collapse = ", "), " FROM (", inner, ") t",
         if (!is.null(w)) " WHERE lmm_w > 0", if (length(g)) paste(" GROUP BY", paste(g, collapse = ", ")))
}

sql_where <- function(plan, source, number) {
  sql <- plan$sql
  conditions <- c(sql$chosen, paste(sql$needed, "IS NOT NULL"),
                  if (number) paste(sql_number_columns(plan, source), "<>", sql_double(source, "'NaN'"),
                                    recycle0 = TRUE))
  paste(" WHERE", paste(conditions, collapse = " AND "))
}

sql_number_columns <- function(plan, source) {
  names <- setdiff(unlist(lapply(plan$variables$calls, variables_of)), c(plan$keys, plan$constants))
  sql_names(source, Filter(function(name) is.null(plan$records[[name]]) ||
            plan$records[[name]]$kind == "number", unique(names)))
}

# About the means of the cells: the same sums of values less the mean of their cell, which a subquery computes.
sql_about_means <- function(plan, source, number = FALSE) {
  sql <- plan$sql
  k <- length(sql$values)
  g <- paste0("lmm_g", seq_along(sql$keys))[seq_along(sql$keys)]
  v <- paste0("lmm_v", seq_len(k))
  weighted <- !is.null(sql$weight)
  rows <- paste0("SELECT ",
                 paste(c(paste(sql$keys, "AS", g, recycle0 = TRUE), if (weighted) paste(sql$weight, "AS lmm_w"),
                         paste(sql$values, "AS", v)), collapse = ", "),
                 " FROM (", source$query, ") q", sql_where(plan, source, number))
  means <- paste0("SELECT ", paste(c(g, if (weighted) paste0("SUM(lmm_w * ", v, ") / SUM(lmm_w) AS lmm_m", seq_len(k))
                                     else paste0("AVG(", v, ") AS lmm_m", seq_len(k))), collapse = ", "),
                  " FROM (", rows, ") r", if (weighted) " WHERE lmm_w > 0",
                  if (length(g)) paste(" GROUP BY", paste(g, collapse = ", ")))
  joined <- paste0("SELECT ",
                   paste(c(paste0("t.", g, recycle0 = TRUE), if (weighted) "t.lmm_w", paste0("lmm_m", seq_len(k)),
                                      paste0("t.", v, " - m.lmm_m", seq_len(k), " AS ", v)), collapse = ", "),
                   " FROM (", rows, ") t ", if (length(g)) "JOIN" else "CROSS JOIN", " (", means, ") m",
                   if (length(g)) paste(" ON", paste0("t.", g, " = m.", g, collapse = " AND ")),
                   if (weighted) " WHERE t.lmm_w > 0")
  times <- if (weighted) "lmm_w * " else ""
  at <- which(upper.tri(diag(k), diag = TRUE), arr.ind = TRUE)
  sums <- c(paste0(sql_double(source, "COUNT(*)"), " AS lmm_n"),
            if (weighted) c("SUM(lmm_w) AS lmm_w", paste0("SUM(", source$dialect$ln, "(lmm_w)) AS lmm_lw")),
            paste0("SUM(", times, v, ") AS lmm_a", seq_len(k)),
            paste0("SUM(", times, v[at[, 1L]], " * ", v[at[, 2L]], ") AS lmm_s", seq_len(nrow(at))),
            paste0("MIN(lmm_m", seq_len(k), ") AS lmm_m", seq_len(k)))
  paste0("SELECT ", paste(c(g, sums), collapse = ", "), " FROM (", joined, ") u",
         if (length(g)) paste(" GROUP BY", paste(g, collapse = ", ")))
}

# One query; another one where the sums have lost digits, and a count of what is missing.
sql_two_passes <- function(plan, source, options) {
  check_sql_weights(plan, source)
  table <- sql_read(plan, source, sql_group_by(plan, source), options)
  number <- is.null(table)
  if (number) table <- sql_read(plan, source, sql_group_by(plan, source, TRUE), options, last = TRUE)
  table <- settle_constants(table, plan, source, number)
  loss <- lost_digits(table)
  if (any(loss$misplaced)) {
    plan$shift <- ifelse(loss$misplaced, loss$mean, plan$shift)
    plan$sql <- sql_texts(plan, source, sql_columns(source))
    table <- settle_constants(sql_read(plan, source, sql_group_by(plan, source, number), options, table, last = TRUE),
                              plan, source, number)
    loss <- lost_digits(table)
  }
  if (any(loss$lost)) table <- sql_read(plan, source, sql_about_means(plan, source, number), options, table,
                                        last = TRUE, centered = TRUE)
  sql_missing(table, plan, source)
}

# Per variable: the part of the sums that lies between the origin and the means of the cells, over what is within cells.
# `misplaced`: it is the origin that is far; `lost`: the means themselves are far from each other. A variable that cells
# determine has nothing within, and is no loss.
lost_digits <- function(table, most = 1e6) {
  k <- length(table$shift)
  diagonal <- table$square[cumsum(seq_len(k)), , drop = FALSE]
  w <- rep(table$w, each = k)
  about_shift <- rowSums(w * table$mean^2)
  mean <- rowSums(w * table$mean) / sum(table$w)
  between <- rowSums(w * (table$mean - mean)^2)
  within <- pmax(rowSums(diagonal), 0)
  far <- !table$stable & about_shift > most * within & !table$constant
  list(misplaced = far & between <= most * within & about_shift > 4 * between, lost = far & between > most * within,
       mean = signif(table$shift + mean, 6L))
}

# A variable that has one value in each cell has sums within cells that are nothing but rounding. Where they are so
# small, the database is asked.
settle_constants <- function(table, plan, source, number) {
  k <- length(table$shift)
  diagonal <- cumsum(seq_len(k))
  size <- rowSums(rep(table$w, each = k) * table$mean^2)
  suspect <- which(rowSums(abs(table$square[diagonal, , drop = FALSE])) <= 1e-9 * size)
  table$constant <- logical(k)
  table$constant[suspect] <- !vapply(suspect, function(j) sql_varies(plan, source, j, number), NA)
  at <- which(upper.tri(diag(k), diag = TRUE), arr.ind = TRUE)
  table$square[table$constant[at[, 1L]] | table$constant[at[, 2L]], ] <- 0
  table
}

# Has a variable several values in a cell?
sql_varies <- function(plan, source, j, number) {
  g <- paste0("lmm_g", seq_along(plan$sql$keys))[seq_along(plan$sql$keys)]
  rows <- paste0("SELECT ",
                 paste(c(paste(plan$sql$keys, "AS", g, recycle0 = TRUE), paste(plan$sql$values[j], "AS lmm_v")),
                       collapse = ", "),
                 " FROM (", source$query, ") q", sql_where(plan, source, number))
  cells <- paste0("SELECT 1 AS lmm_one FROM (", rows, ") t",
                  if (length(g)) paste(" GROUP BY", paste(g, collapse = ", ")), " HAVING MIN(lmm_v) < MAX(lmm_v)")
  as.numeric(sql_get(source, paste0("SELECT ", sql_double(source, "COUNT(*)"), " AS lmm_n FROM (", cells,
                                    ") u"))[[1L]]) > 0
}

check_sql_weights <- function(plan, source) {
  if (is.null(plan$sql$weight)) return(invisible())
  lowest <- sql_get(source, paste0("SELECT MIN(", plan$sql$weight, ") AS lmm_w FROM (", source$query, ") q",
                                   sql_where(plan, source, FALSE)))[[1L]]
  if (!isTRUE(lowest < 0)) return(invisible())
  lmm_abort("data", "`weights` has negative values.", what = "weights", value = lowest,
            fix = "Weights are proportional to 1 / variance; 0 leaves a row out.")
}

# A table from the result of a query; NULL where a sum is NaN, which in some databases is a value. `before`: the table
# of an earlier pass.
sql_read <- function(plan, source, sql, options, before = NULL, last = FALSE, centered = FALSE) {
  reading <- new_reading(plan, plan$shift)
  poisoned <- FALSE
  sql_fetch(source, sql, function(block) {
    if (!poisoned) poisoned <<- !sql_add(reading, block, plan, last, centered)
  }, options$progress)
  if (poisoned) return(NULL)
  if (!reading$rows) abort_nothing_read(reading)
  if (!is.null(before)) check_unchanged(sum(before$n), reading$rows, "query")
  table <- finish_reading(reading)
  table$stable <- centered
  table
}

# Adds a block of cells; FALSE where a sum is NaN.
sql_add <- function(reading, block, plan, last, centered) {
  keys <- length(plan$keys)
  k <- length(plan$pieces)
  numbers <- lapply(block[-seq_len(keys)], as.numeric)
  if (!keys) numbers <- lapply(block, as.numeric)
  names(numbers) <- tolower(names(numbers))
  if (identical(numbers$lmm_n, 0)) return(TRUE)
  a <- do.call(rbind, numbers[paste0("lmm_a", seq_len(k))])
  s <- do.call(rbind, numbers[paste0("lmm_s", seq_len(k * (k + 1) / 2))])
  if (any(is.nan(a)) || any(is.nan(s))) {
    if (!last && reading$plan$nan_is_value) return(FALSE)
  }
  check_sql_finite(a, s, plan)
  w <- if (is.null(numbers$lmm_w)) numbers$lmm_n else numbers$lmm_w
  mean <- a / rep(w, each = k)
  at <- which(upper.tri(diag(k), diag = TRUE), arr.ind = TRUE)
  square <- s - a[at[, 1L], , drop = FALSE] * mean[at[, 2L], , drop = FALSE]
  if (centered) mean <- mean + do.call(rbind, numbers[paste0("lmm_m", seq_len(k))])
  codes <- encode_keys(reading, stats::setNames(lapply(block[seq_len(keys)], plain_column), plan$keys), "the database")
  codes <- if (keys) do.call(rbind, unname(codes)) else matrix(0L, 0L, length(w))
  cells <- add_cells(reading$table, codes, numbers$lmm_n, w, unname(mean), unname(square))
  check_cell_count(cells, plan$max_cells, names(plan$pieces))
  reading$rows <- reading$rows + sum(numbers$lmm_n)
  if (!is.null(numbers$lmm_lw)) reading$log_weight <- reading$log_weight + sum(numbers$lmm_lw)
  TRUE
}

check_sql_finite <- function(a, s, plan) {
  k <- nrow(a)
  bad <- which(rowSums(!is.finite(a)) > 0 | rowSums(!is.finite(s[cumsum(seq_len(k)), , drop = FALSE])) > 0)
  if (!length(bad)) return(invisible())
  lmm_abort("data", paste0("variable ", enumerate(quote_name(names(plan$pieces)[bad])),
                           " has infinite values, or none that the database could compute."),
            what = names(plan$pieces)[bad], fix = "Leave these rows out by `subset` or in the query.")
}

# How many rows were left out, per column: a scan without grouping.
sql_missing <- function(table, plan, source) {
  sql <- plan$sql
  counts <- paste0(sql_double(source, paste0("COUNT(", sql$needed, ")")), " AS lmm_c", seq_along(sql$needed))
  found <- sql_get(source, paste0("SELECT ",
                                  paste(c(paste0(sql_double(source, "COUNT(*)"), " AS lmm_n"), counts),
                                        collapse = ", "), " FROM (", source$query, ") q",
                                  if (!is.null(sql$chosen)) paste(" WHERE", sql$chosen)))
  found <- vapply(found, as.numeric, 0)
  missing <- stats::setNames(found[1L] - found[-1L], names(sql$needed))
  check_sql_values(plan, source)
  table$constant <- NULL
  table$missing <- missing[missing > 0]
  table$dropped <- if (is.null(sql$weight)) found[[1L]] - sum(table$n) else
    if (length(table$missing)) max(table$missing) else 0
  if (table$dropped < 0) lmm_abort("data", "the rows changed while they were read: there are fewer than were summed.",
                                   what = "data",
                                   fix = "Read them inside one transaction, or from a copy.")
  if (table$dropped > 0 && plan$na_rule %in% c("na.fail", "na.pass")) {
    lmm_abort("data", paste0("na.action=", plan$na_rule, ", but ", count_of(table$dropped, "row has", "rows have"),
                             " missing values."), what = names(table$missing), value = table$missing)
  }
  table
}

# A function that has no value where its variables have one: some databases make that NULL, and leave the row out
# silently.
check_sql_values <- function(plan, source) {
  calls <- Filter(function(call) any(c("log", "log2", "log10", "sqrt", "/",
                                       "^") %in% all.names(call)) && !any(c("ifelse", "is.na") %in% all.names(call)),
                                       plan$variables$calls)
  calls <- calls[!names(calls) %in% c(plan$derived, plan$keys)]
  for (label in names(calls)) {
    text <- sql_columns_of(label, plan, source, variables_of(calls[[label]]))[1L]
    if (!length(text)) next
    names <- setdiff(variables_of(calls[[label]]), plan$constants)
    conditions <- c(plan$sql$chosen, paste(sql_names(source, names), "IS NOT NULL"), paste(text, "IS NULL"))
    bad <- as.numeric(sql_get(source, paste0("SELECT ", sql_double(source, "COUNT(*)"), " AS lmm_n FROM (",
                                             source$query, ") q WHERE ", paste(conditions, collapse = " AND ")))[[1L]])
    if (bad > 0) lmm_abort("data", paste0(quote_name(label), " is missing in ", count_of(bad, "row"),
                                          " where its variables are not missing."), what = label, value = bad,
                           fix = "Correct the transformation, or leave these rows out by `subset`.")
  }
}
