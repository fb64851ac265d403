# Types and lengths of variables, by the role they play; then their values.

# Stops at the first variable that cannot be used.
check_columns <- function(columns, source) {
  for (label in names(columns$values)) {
    x <- columns$values[[label]]
    for (role in columns$roles[[label]]) {
      switch(role,
        response = note(source, check_response_column(x, label)),
        group = check_group_column(x, label),
        offset = , argument = check_numeric_column(x, label),
        check_predictor_column(x, label)
      )
    }
    check_length(x, label, columns$n)
  }
}

# How a column is called in messages: (weights) is the argument `weights`.
shown_label <- function(label) {
  if (label %in% c("(weights)", "(offset)")) label <- substr(label, 2L, nchar(label) - 1L)
  quote_name(label)
}

check_length <- function(x, label, n) {
  size <- if (is.atomic(x) || is.list(x)) NROW(x) else length(x)
  if (size == n) return(invisible())
  lmm_abort("data", paste0(shown_label(label), " has length ", size, ", data has ", count_of(n, "row"), "."),
            what = label, value = size)
}

check_response_column <- function(x, label) {
  name <- quote_name(label)
  if (inherits(x, "POSIXlt")) abort_broken_down_time(paste("response", name), label)
  if (is.list(x)) {
    lmm_abort("data", paste0("response ", name, " is a ", if (is.data.frame(x)) "data frame" else "list", " column."),
              what = label, fix = "A numeric vector is needed.")
  }
  if (is.logical(x) && NCOL(x) == 1L && !all(is.na(x))) {
    return(list(lmm_condition("warning", "data", paste0(
      "logical response ", name, " treated as 0/1; a Gaussian model may not be intended."), what = label)))
  }
  if (inherits(x, "wide_integer")) abort_wide_integer(paste("response", name), label)
  if (inherits(x, c("Date", "POSIXt", "difftime"))) {
    lmm_abort("data", paste0("response ", name, " is ", with_article(class(x)[1L]), "; use as.numeric(", label, ")."),
              what = label)
  }
  if (!is.numeric(x) && !(is.logical(x) && all(is.na(x)))) {
    type <- if (is.factor(x)) "a factor" else if (is.character(x)) "character" else typeof(x)
    lmm_abort("data", paste0("response ", name, " is ", type, "; a numeric vector is needed."), what = label)
  }
  if (length(dim(x)) > 2L) {
    lmm_abort("data", paste0("response ", name, " is an array; a numeric vector is needed."), what = label)
  }
  if (NCOL(x) != 1L) {
    lmm_abort("data", paste0("response ", name, " has ", NCOL(x), " columns that are not numeric."), what = label,
              fix = "A numeric vector is needed, or a numeric matrix with one response per column.")
  }
  NULL
}

# A list of years, months, ...: the other class of date-times is a vector.
abort_broken_down_time <- function(shown, label) {
  lmm_abort("data", paste0(shown, " is a list of years, months, days, ... (POSIXlt)."), what = label,
            fix = paste0("Convert it with as.POSIXct(", label, ")."))
}

check_group_column <- function(x, label) {
  if (inherits(x, "POSIXlt")) abort_broken_down_time(paste("grouping variable", quote_name(label)), label)
  problem <-
    if (is.data.frame(x)) "is a data frame"
    else if (is.list(x)) "is a list"
    else if (!is.atomic(x) || is.null(x)) paste("is", kind_of(x))
    else if (length(dim(x)) > 1L && NCOL(x) > 1L) "is a matrix"
    else if (is.complex(x) || is.raw(x)) paste("has the unsupported type", typeof(x))
    else if (is.double(x) && any(is.infinite(x))) "has infinite values"
  if (is.null(problem)) return(invisible())
  lmm_abort("data", paste0("grouping variable ", quote_name(label), " ", problem, "."), what = label,
            fix = if (identical(problem,
              "is a matrix")) paste("A term has one grouping variable. Random effects of several levels in",
                                                               "one row (multiple membership):",
                                                               paste0("homdiag(0 + ", label, " | one)"),
                                                               "with a factor `one` of one level.")
                  else "Use a factor, a character or an integer vector.")
}

# 64-bit integers that double precision does not hold.
abort_wide_integer <- function(shown, label) {
  lmm_abort("data", paste0(shown, " has 64-bit integers beyond 2^53, which a number in R cannot represent."),
            what = label,
            fix = "Such integers are grouping variables only; subtract a constant, or convert with as.numeric().")
}

check_numeric_column <- function(x, label) {
  if (inherits(x, "wide_integer")) abort_wide_integer(shown_label(label), label)
  if (is.numeric(x) && NCOL(x) == 1L && !inherits(x, c("Date", "POSIXt", "difftime"))) {
    return(invisible())
  }
  if (is.logical(x) && all(is.na(x))) return(invisible())
  lmm_abort("data", paste0(shown_label(label), " must be a numeric vector, not ",
                           if (is.factor(x)) "a factor" else kind_of(x), "."), what = label, value = class(x))
}

check_predictor_column <- function(x, label) {
  if (inherits(x, "POSIXlt")) abort_broken_down_time(paste("variable", quote_name(label)), label)
  if (inherits(x, "wide_integer")) abort_wide_integer(paste("variable", quote_name(label)), label)
  problem <-
    if (is.data.frame(x)) "is a data frame"
    else if (is.list(x)) "is a list column"
    else if (!is.atomic(x) || is.null(x)) paste("is", kind_of(x))
    else if (is.complex(x) || is.raw(x)) paste("has the unsupported type", typeof(x))
    else if (length(dim(x)) > 2L) "is an array"
    else if (is.character(x) && NCOL(x) > 1L) "is a character matrix"
  if (is.null(problem)) return(invisible())
  lmm_abort("data", paste0("variable ", quote_name(label), " ", problem, "."), what = label,
            fix = "A numeric vector or matrix, a factor, a character or a logical vector is needed.")
}

# Values --------------------------------------------------------------------------------------------

# Infinite values, and magnitudes whose squares leave the range of double precision.
check_values <- function(rows, columns) {
  row_numbers <- if (is.null(rows$keep)) seq_len(rows$n) else rows$keep
  for (label in names(rows$data)) {
    x <- .subset2(rows$data, label)
    role <- columns$roles[[label]]
    if (!is.double(x) || identical(role, "group")) next
    x <- unclass(x)
    limits <- c(min(x), max(x))
    if (any(is.infinite(limits))) abort_infinite(x, label, role, row_numbers)
    check_magnitude(max(abs(limits)), label, role, NROW(x))
  }
  check_weights(rows$weights, row_numbers)
  check_response_varies(rows, columns$response)
}

abort_infinite <- function(x, label, role, row_numbers) {
  bad <- which(is.infinite(x), arr.ind = length(dim(x)) == 2L)
  places <- row_numbers[if (is.matrix(bad)) sort(unique(bad[, 1L])) else bad]
  first <- if (is.matrix(bad)) x[bad[1L, , drop = FALSE]] else x[bad[1L]]
  is_call <- !make.names(label) == label && grepl("(", label, fixed = TRUE) && !startsWith(label, "(")
  word <- if ("response" %in% role) "response " else if ("slope" %in% role || "fixed" %in% role) "variable " else ""
  text <- if (is_call && length(places) == 1L) paste0(label, " is ", first, " in row ", places, ".")
          else if (is_call) paste0(label, " is infinite in ", length(places), " rows (", row_text(places), ").")
          else paste0(word, shown_label(label), " has ", count_of(length(places), "infinite value"), " (",
                      row_text(places), ").")
  lmm_abort("data", text, what = label, where = places, value = first,
            fix = "Remove these rows (subset) or set the values to NA.")
}

check_magnitude <- function(largest, label, role, n) {
  over <- sqrt(.Machine$double.xmax / max(n, 1))
  under <- sqrt(.Machine$double.xmin / .Machine$double.eps)
  if (largest == 0 || (largest < over && largest > under)) return(invisible())
  over <- largest >= over
  lmm_abort("data", paste0(
    if ("response" %in% role) "variance of " else "sum of squares of ", shown_label(label),
    if (over) " overflows" else " underflows", " double precision (max abs value ", signif(largest, 3L),
    if (largest < .Machine$double.xmin) ", a denormal number", "); ", if (over) "divide " else "multiply ",
    shown_label(label), " by a constant."), what = label, value = largest)
}

check_weights <- function(weights, row_numbers) {
  if (is.null(weights)) return(invisible())
  check_negative_weights(weights, row_numbers)
  if (max(weights) == 0) lmm_abort("data", "`weights` are all 0: no row is left.", what = "weights")
}

check_negative_weights <- function(weights, row_numbers) {
  if (min(weights) < 0) {
    bad <- row_numbers[which(weights < 0)]
    lmm_abort("data", paste0("`weights` has ", count_of(length(bad), "negative value"), " (", row_text(bad), ")."),
              what = "weights", where = bad, fix = "Weights are proportional to 1 / variance; 0 leaves a row out.")
  }
}

# The response must vary, otherwise no variance can be estimated.
check_response_varies <- function(rows, label) {
  y <- if (is.null(rows$offset)) rows$y else rows$y - rows$offset
  if (!is.null(rows$weights) && min(rows$weights) == 0) y <- y[rows$weights > 0]
  if (length(y) == 1L) {
    lmm_abort("unidentified", "1 observation: no variance can be estimated.", what = label, value = 1L)
  }
  lowest <- min(y)
  if (lowest < max(y)) return(invisible())
  lmm_abort("data", paste0("response ", quote_name(label), if (length(rows$offset)) " minus offset",
                           " is constant (", signif(lowest, 6L), "): there is no variance to estimate."),
            what = label, value = lowest)
}
