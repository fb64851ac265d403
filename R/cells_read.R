# From rows to a table of cells, chunk by chunk.

# What is collected while chunks are read: the table of the engine, dictionaries, counts.
# `whole`: there is one chunk.
new_reading <- function(plan, shift, whole = FALSE) {
  out <- new.env(parent = emptyenv())
  out$plan <- plan
  out$shift <- shift
  out$whole <- whole
  out$table <- new_cells(length(plan$keys), length(plan$pieces))
  out$dictionaries <- stats::setNames(vector("list", length(plan$keys)), plan$keys)
  out$rows <- out$dropped <- out$log_weight <- out$chunk <- out$seen <- 0
  out$missing <- numeric()
  out$notes <- list()
  out
}

# Adds the rows of a chunk. `where` names the chunk in messages.
read_chunk <- function(reading, data, where, whole = FALSE) {
  plan <- reading$plan
  source <- cells_source(plan, data)
  columns <- cells_columns(plan, source, whole)
  check_chunk_types(plan, columns$values, where)
  keep <- kept_rows(reading, columns, source)
  reading$notes <- c(reading$notes, source$notes$conditions)
  n <- if (is.null(keep)) columns$n else length(keep)
  if (!n) return(invisible())
  values <- if (is.null(keep)) columns$values else lapply(columns$values, take_rows, keep)
  check_chunk_values(values, columns, keep, n)
  weights <- values[["(weights)"]]
  if (!is.null(weights)) {
    weights <- plain_numeric(weights)
    reading$log_weight <- reading$log_weight + sum(log(weights[weights > 0]))
  }
  add_rows(reading, encode_keys(reading, values, where, source), product_values(plan, values, n), weights, n)
}

add_rows <- function(reading, codes, products, weights, n) {
  if (is.null(reading$shift)) reading$shift <- first_shift(products)
  cells <- engine_result(engine_add_rows(reading$table, n, unname(codes), unname(products), reading$shift, weights),
                         NULL)
  check_cell_count(cells, reading$plan$max_cells, names(reading$plan$pieces))
  reading$rows <- reading$rows + n
}

# Short numbers near the means of the first rows: only rounding depends on them.
first_shift <- function(products) {
  unname(vapply(products, function(x) {
    mean <- mean(x[seq_len(min(length(x), 1000L))])
    if (is.finite(mean)) signif(mean, 4L) else 0
  }, 0))
}

check_cell_count <- function(cells, most, variables) {
  if (is.null(most) || cells <= most) return(invisible())
  bytes <- 8 * cells * (length(variables) + 1) * (length(variables) + 2) / 2
  lmm_abort("numeric",
            paste0("there are more than ", thousands(most, scientific = FALSE), " cells, which take ",
                   gigabytes(bytes), "."),
            what = "max_cells", value = cells,
            fix = "Use fewer or coarser grouping variables and factors, or raise `max_cells`.")
}

# Rows that `subset` and missing values leave, or NULL for all; what is missing is counted.
kept_rows <- function(reading, columns, source) {
  plan <- reading$plan
  keep <- evaluate_chunk_subset(plan$arguments$subset, source, reading)
  reading$seen <- reading$seen + source$n
  check_transformed(columns, source, keep)
  missing <- missing_rows(columns$values, keep, columns$calls)
  reading$chunk <- reading$chunk + 1
  if (!length(missing$rows)) return(keep)
  if (plan$na_rule %in% c("na.fail", "na.pass")) abort_missing(missing, plan$na_rule)
  for (name in names(missing$counts)) reading$missing[name] <- sum(reading$missing[name],
                                                                   missing$counts[[name]], na.rm = TRUE)
  reading$dropped <- reading$dropped + length(missing$rows)
  setdiff(if (is.null(keep)) seq_len(source$n) else keep, missing$rows)
}

# As lmm() does it, but a chunk may have no row that is chosen, and numbers of rows count those of all chunks.
evaluate_chunk_subset <- function(expr, source, reading) {
  value <- if (!is.null(expr) && !reading$whole) evaluate_argument(expr, "subset", source)
  if (is.numeric(value) && !is.object(value)) {
    check_row_numbers(expr, source)
    reading$numbers <- value[!is.na(value)]
    expr <- rows_of_chunk(reading$numbers, reading$seen, source$n)
  }
  tryCatch(evaluate_subset(expr, source), lmm_error_data = function(e) {
    if (grepl("selects no rows", conditionMessage(e), fixed = TRUE)) integer() else stop(e)
  })
}

check_row_numbers <- function(expr, source) {
  used <- intersect(variables_of(expr), names(source$data))
  if (!length(used)) return(invisible())
  lmm_abort("input", paste0("`subset` computes row numbers from ", enumerate(quote_name(used)),
                            ": they would differ from chunk to chunk."), what = "subset",
            fix = "Write a condition that is TRUE for the rows of interest.")
}

rows_of_chunk <- function(value, before, n) {
  own <- value[abs(value) > before & abs(value) <= before + n]
  if (length(own)) own - sign(own) * before else if (any(value < 0)) seq_len(n) else integer()
}

check_chunk_types <- function(plan, values, where) {
  for (label in setdiff(names(plan$kinds), plan$keys)) {
    x <- values[[label]]
    known <- plan$kinds[[label]]
    if (is_categorical(x) && !all(is.na(x)) && !is_categorical_kind(known)) {
      check_same_kind("number", key_kind(x), label, where)
    }
    if (!identical(known$columns, if (has_columns(x)) piece_names(x))) {
      lmm_abort("data", paste0(quote_name(label), " has other columns in ", where, "."), what = label)
    }
  }
}

is_categorical_kind <- function(kind) kind$kind %in% c("factor", "text", "logical")

check_chunk_values <- function(values, columns, keep, n) {
  rows <- if (is.null(keep)) seq_len(n) else keep
  for (label in names(values)) {
    x <- values[[label]]
    role <- columns$roles[[label]]
    if (!is.double(x) || identical(role, "group")) next
    limits <- range(unclass(x))
    if (any(is.infinite(limits))) abort_infinite(unclass(x), label, role, rows)
    check_magnitude(max(abs(limits)), label, role, NROW(x))
  }
  if (!is.null(values[["(weights)"]])) check_negative_weights(plain_numeric(values[["(weights)"]]), rows)
}

encode_keys <- function(reading, values, where, source = NULL) {
  lapply(stats::setNames(reading$plan$keys, reading$plan$keys), function(label) {
    sorted <- reading$plan$orders[[label]]
    found <- encode_key(reading$dictionaries[[label]], values[[label]], label, where,
                        if (is.null(sorted)) "first" else sorted,
                        inner_chains(reading$plan$variables$calls[[label]], source))
    reading$dictionaries[[label]] <- found$dictionary
    found$codes
  })
}

# The table of what has been read.
finish_reading <- function(reading) {
  plan <- reading$plan
  if (length(reading$numbers)) subset_rows(reading$numbers, reading$seen)
  if (!reading$rows) abort_nothing_read(reading)
  cells <- collected_cells(reading$table)
  if (!sum(cells$n)) lmm_abort("data", "`weights` are all 0: no row is left.", what = "weights")
  keys <- lapply(seq_along(plan$keys), function(k) finished_key(reading$dictionaries[[k]], cells$codes[k, ],
                                                              plan$env))
  names(keys) <- plan$keys
  table <- list(plan = kept_plan(plan), keys = keys, n = cells$n, w = cells$w, mean = cells$mean, square = cells$square,
                shift = reading$shift, stable = TRUE, weighted = !is.null(plan$arguments$weights),
                log_weight = reading$log_weight,
                dropped = reading$dropped, missing = reading$missing, notes = once(c(plan$notes, reading$notes)),
                version = package_version_text())
  in_cell_order(structure(table, class = "cross_products"))
}

abort_nothing_read <- function(reading) {
  if (reading$dropped) {
    counts <- reading$missing
    lmm_abort("data", paste0("no complete rows: missing values in ",
                             enumerate(paste0(quote_name(names(counts)), " (", counts, ")")), "."),
                             what = names(counts))
  }
  lmm_abort("data", if (is.null(reading$plan$arguments$subset)) "there are no rows." else "`subset` selects no rows.",
            what = "data", value = 0L)
}

# What a table keeps of the plan: nothing of any row.
kept_plan <- function(plan) {
  plan[c("spec", "terms", "variables", "arguments", "readers", "records", "constants", "constant_values", "env",
         "response", "offsets", "kinds",
         "pieces", "keys", "orders", "na_rule")]
}

# Cells by their codes: the order in which rows came has no influence but rounding.
in_cell_order <- function(table) {
  if (!length(table$keys)) return(table)
  order <- do.call(order, c(unname(lapply(table$keys, `[[`, "codes")), list(method = "radix")))
  if (!is.unsorted(order)) return(table)
  for (k in seq_along(table$keys)) table$keys[[k]]$codes <- table$keys[[k]]$codes[order]
  table[c("n", "w")] <- list(table$n[order], table$w[order])
  table$mean <- table$mean[, order, drop = FALSE]
  table$square <- table$square[, order, drop = FALSE]
  table
}

# ---- the table that the engine holds while rows are read ----

new_cells <- function(keys, variables) engine_new_cells(keys, variables)

# Adds cells and returns the number that there are now.
add_cells <- function(table, codes, n, w, mean,
                      square) engine_result(engine_add_cells(table, codes, n, w, mean, square), NULL)

collected_cells <- function(table) engine_result(engine_cells(table), NULL)
