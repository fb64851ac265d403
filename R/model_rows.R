# Which rows are used: subset, missing values; then the columns as numbers.

# Row numbers chosen by subset=, or NULL for all rows.
evaluate_subset <- function(expr, source) {
  if (is.null(expr)) return(NULL)
  value <- evaluate_argument(expr, "subset", source)
  if (is.null(value)) return(NULL)
  if (is.logical(value)) {
    if (length(value) != source$n && length(value) != 1L) {
      lmm_abort("data", paste0("`subset` has length ", length(value), ", data has ", count_of(source$n, "row"), "."),
                what = "subset", value = length(value))
    }
    if (length(value) == 1L) value <- rep(value, source$n)
    keep <- which(value)
    left_out <- sum(is.na(value))
  } else if (is.numeric(value) && !is.object(value)) {
    left_out <- sum(is.na(value))
    keep <- subset_rows(value[!is.na(value)], source$n)
  } else {
    lmm_abort("input", paste0("`subset` must be logical or row numbers, not ", kind_of(value), "."), what = "subset")
  }
  if (left_out) {
    note(source, list(lmm_condition("message", "na", paste0(
      count_of(left_out, "row"), " left out: `subset` is missing."), what = "subset", value = left_out)))
  }
  if (!length(keep)) lmm_abort("data", "`subset` selects no rows.", what = "subset")
  keep
}

subset_rows <- function(value, n) {
  if (any(abs(value) > n) || (any(value < 0) && any(value > 0)) || any(value != trunc(value))) {
    lmm_abort("input", paste0("`subset` must be row numbers between 1 and ", n, "."), what = "subset",
              where = value[abs(value) > n])
  }
  seq_len(n)[value]
}

# Applies subset and na.action. Columns are copied only when rows are left out.
choose_rows <- function(columns, keep, na_rule, source) {
  values <- columns$values
  check_transformed(columns, source, keep)
  missing <- missing_rows(values, keep, columns$calls)
  omitted <- missing$rows
  if (length(omitted)) {
    if (na_rule %in% c("na.fail", "na.pass")) abort_missing(missing, na_rule)
    chosen <- if (is.null(keep)) source$n else length(keep)
    if (length(omitted) == chosen) abort_no_rows(missing, chosen)
    note(source, list(missing_message(missing)))
    names <- row_names_of(source$data, omitted)
    positions <- if (is.null(keep)) omitted else match(omitted, keep)
    keep <- if (is.null(keep)) seq_len(source$n)[-omitted] else keep[-positions]
    dropped <- structure(positions, names = names, class = sub("na.", "", na_rule, fixed = TRUE))
  }
  if (!is.null(keep)) values <- lapply(values, take_rows, keep)
  list(
    data = structure(values, class = "data.frame", na.action = if (length(omitted)) dropped,
                     row.names = chosen_row_names(source$data, keep, source$n)),
    n = if (is.null(keep)) source$n else length(keep), keep = keep,
    missing = if (length(omitted)) missing)
}

# An error about the rows that are left says which rows are not: what it complains about may be right in the data.
saying_what_was_left_out <- function(chosen, columns, n, expr) {
  if (is.null(chosen$keep)) return(expr)
  tryCatch(expr, lmm_error = function(e) {
    if (!is.numeric(e$where)) e <- extend_condition(e, left_out_text(chosen, n), lost_values_advice(e, chosen, columns))
    stop(e)
  })
}

left_out_text <- function(chosen, n) {
  selected <- chosen$n + length(attr(chosen$data, "na.action"))
  c(if (selected < n) paste0(selected, " of ", count_of(n, "row"), " selected by `subset`."),
    if (length(chosen$missing)) missing_text(chosen$missing))
}

# A variable that lost its other values with the rows is not to be removed. Only a group can get a value for rows to
# which it does not apply.
lost_values_advice <- function(e, chosen, columns) {
  x <- if (length(e$what) && length(chosen$missing)) columns$values[[e$what[1L]]]
  several <- function(x) length(unique(x[!is.na(x)])) > 1L
  if (is.null(x) || !several(x) || several(chosen$data[[e$what[1L]]])) return(e$fix)
  missing <- names(chosen$missing$counts)
  is_group <- vapply(missing, function(label) "group" %in% columns$roles[[label]], NA)
  labels <- function(which) enumerate(vapply(missing[which], shown_label, ""))
  paste0("Rows with missing values are left out",
         if (any(is_group)) paste0(": give ", labels(is_group),
                                   " a value there (for a group that does not apply, a level such as \"none\"),",
                                   " or leave it out of the model"),
         if (!all(is_group)) paste0(if (any(is_group)) "; " else ": ", "without values of ", labels(!is_group),
                                    " there, ", shown_label(e$what[1L]), " cannot be used"), ".")
}

# Names that say more than a row's position: text, or whole numbers with gaps as a selection of rows leaves them.
has_row_names <- function(data) !is.null(data) && .row_names_info(data) > 0L

row_names_of <- function(data, rows) {
  as.character(if (has_row_names(data)) attr(data, "row.names")[rows] else rows)
}

# Whole numbers stay numbers, so that long data need no text; a row that is taken again is told apart as stats::lm()
# does.
chosen_row_names <- function(data, keep, n) {
  names <- if (has_row_names(data)) attr(data, "row.names")
  if (is.null(keep)) return(if (is.null(names)) .set_row_names(n) else names)
  names <- if (is.null(names)) keep else names[keep]
  if (anyDuplicated(keep)) make.unique(as.character(names)) else names
}

# Where rows with these labels are in the data: by name where rows have names, otherwise labels are positions. A row
# taken again by subset = c(1, 1) has the label "1.1".
positions_in <- function(labels, data) {
  if (!has_row_names(data)) return(as.integer(labels))
  names <- as.character(attr(data, "row.names"))
  at <- match(labels, names)
  again <- is.na(at)
  at[again] <- match(sub("[.][0-9]+$", "", labels[again]), names)
  at
}

# Rows (numbers in the data) with a missing value, and how many each variable has, among the rows in `keep`.
missing_rows <- function(values, keep, calls) {
  counts <- integer()
  bad <- NULL
  for (label in names(values)) {
    x <- values[[label]]
    if (!anyNA(x)) next
    here <- is_missing_row(x)
    if (!is.null(keep)) here <- here[keep]
    if (!any(here)) next
    variable <- variables_of(calls[[label]])
    plain <- length(variable) == 1L && (is.symbol(calls[[label]]) || !all(here))     # mean(x) of a missing x
    counts[if (plain) variable else label] <- sum(here)
    bad <- if (is.null(bad)) here else bad | here
  }
  rows <- if (is.null(bad)) integer() else which(bad)
  list(rows = if (is.null(keep)) rows else keep[rows], counts = counts)
}

missing_message <- function(missing) {
  lmm_condition("message", "na", missing_text(missing), what = names(missing$counts), where = missing$rows,
                value = missing$counts)
}

missing_text <- function(missing) {
  labels <- vapply(names(missing$counts), shown_label, "")
  names <- if (length(labels) == 1L) labels else paste0(labels, " (", missing$counts, ")")
  paste0(count_of(length(missing$rows), "row"), " dropped: missing ", enumerate(names), ".")
}

abort_missing <- function(missing, na_rule) {
  label <- names(missing$counts)[1L]
  text <- if (na_rule == "na.pass") "na.action=na.pass leaves " else "na.action=na.fail, but there "
  if (na_rule == "na.fail") text <- paste0(text, if (missing$counts[1L] == 1L) "is " else "are ")
  lmm_abort("data", paste0(text, count_of(missing$counts[1L], "missing value"), " in ", shown_label(label), "."),
            what = label, where = missing$rows, value = missing$counts, fix = "Use na.action = na.omit or na.exclude.")
}

abort_no_rows <- function(missing, n) {
  whole <- names(missing$counts)[missing$counts == n]
  text <- if (length(whole)) paste0("all ", n, " values of ", enumerate(vapply(whole, shown_label, "")), " are missing")
          else paste0("missing values in ", enumerate(paste0(vapply(names(missing$counts), shown_label, ""), " (",
                                                             missing$counts, ")")))
  lmm_abort("data", paste0("no complete rows: ", text, "."), what = if (length(whole)) whole else names(missing$counts),
            value = missing$counts)
}

# log(-1), sqrt(-1): NaN that is not in the data would drop rows whose variables are all there.
check_transformed <- function(columns, source, keep) {
  for (label in names(columns$calls)) {
    call <- columns$calls[[label]]
    x <- columns$values[[label]]
    if (!is.call(call) || !is.double(x) || !anyNA(x)) next
    bad <- if (length(dim(x)) == 2L) rowSums(is.nan(x)) > 0 else is.nan(x)
    for (name in variables_of(call)) {
      z <- evaluate_variable(as.name(name), source)
      if (NROW(z) == length(bad) && is.atomic(z)) {
        bad <- bad & !(if (length(dim(z)) == 2L) rowSums(is.na(z)) > 0 else is.na(z))
      }
    }
    if (!is.null(keep)) bad <- bad & seq_along(bad) %in% keep
    if (any(bad)) abort_nan(x, label, which(bad))
  }
}

abort_nan <- function(x, label, where) {
  infinite <- which(is.infinite(x))
  lmm_abort("data", paste0(
    label, " is ", if (length(infinite)) paste0(x[infinite[1L]], " in row ", infinite[1L], " and "),
    "NaN in ", if (length(where) == 1L) row_text(where) else paste0(length(where), " rows (", row_text(where), ")"),
    ", where its variables are not missing."), what = label, where = where,
    fix = "Correct the transformation, or leave these rows out by subset.")
}

# Response, offset and weights as plain numeric vectors.
read_rows <- function(rows, columns) {
  data <- rows$data
  rows$y <- plain_numeric(data[[columns$response]])
  for (label in columns$offsets) {
    o <- plain_numeric(data[[label]])
    rows["offset"] <- list(if (is.null(rows$offset)) o else rows$offset + o)
  }
  if (!is.null(data[["(weights)"]])) rows$weights <- plain_numeric(data[["(weights)"]])
  rows
}

plain_numeric <- function(x) {
  if (is.double(x) && is.null(attributes(x))) return(x)
  as.double(unclass(x))
}

# Row names of the data behind `rows`; as.character() of an integer is not expanded until it is read.
row_labels <- function(rows) as.character(attr(rows$data, "row.names"))

# Prior weights, and which rows they leave in the fit.
row_weights <- function(rows) if (is.null(rows$weights)) rep(1, rows$n) else as.vector(rows$weights)

used_rows <- function(rows) if (is.null(rows$weights)) rep(TRUE, rows$n) else rows$weights > 0
