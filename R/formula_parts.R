# Formulas taken apart: heads of calls, sums, bars, grouping variables, text.

formula_operators <- c("+", "-", "*", "/", ":", "^", "%in%", "(", "~", "|", "||")

call_head <- function(e) if (is.symbol(e[[1L]])) as.character(e[[1L]]) else ""

is_sum <- function(e) is.call(e) && length(e) == 3L && call_head(e) %in% c("+", "-")

is_bar <- function(e) is.call(e) && is.symbol(e[[1L]]) && as.character(e[[1L]]) %in% c("|", "||")

# a, b and (1 | g) of a + (b + (1 | g)); a difference stays one.
summands <- function(e) {
  if (is.call(e) && call_head(e) == "(" && !is_bar(e[[2L]])) return(summands(e[[2L]]))
  if (is_sum(e) && call_head(e) == "+") return(c(summands(e[[2L]]), summands(e[[3L]])))
  list(e)
}

is_intercept_only <- function(lhs) identical(lhs[[2L]], 1)

# Names as users know them: without backticks when the whole expression is one variable.
group_name <- function(group) if (is.symbol(group)) as.character(group) else deparse_line(group)

# The variables joined by ":" in a grouping expression.
group_parts <- function(group) {
  if (is.call(group) && call_head(group) == ":") {
    return(c(group_parts(group[[2L]]), group_parts(group[[3L]])))
  }
  if (is.call(group) && call_head(group) == "(") return(group_parts(group[[2L]]))
  list(group)
}

# Formulas can be long: deparse() in one line, whatever its length.
deparse_line <- function(e) {
  if (is.symbol(e)) return(enc2utf8(deparse(e, backtick = TRUE)))
  text <- enc2utf8(with_usual_numbers(deparse(e, width.cutoff = 500L)))
  if (length(text) > 1L) paste(trimws(text, "left"), collapse = " ") else text
}

# Sorted in a way that does not depend on the locale, which for text needs a known encoding.
in_order <- function(x) {
  if (!is.character(x)) return(sort(x, method = "radix"))
  utf8_text(x)[radix_order(x, na.last = NA)]
}

radix_order <- function(..., na.last = TRUE) {
  columns <- lapply(list(...), function(x) if (is.character(x)) enc2utf8(x) else x)
  do.call(order, c(columns, list(na.last = na.last, method = "radix")))
}

# Text as UTF-8. Bytes that the encoding of the session does not have stay: escaped, they would match nothing.
utf8_text <- function(x) {
  text <- enc2utf8(x)
  changed <- which(nchar(text, "bytes") != nchar(x, "bytes") & Encoding(x) == "unknown")
  lost <- changed[is.na(iconv(x[changed], "", "UTF-8"))]
  text[lost] <- x[lost]
  text
}

# Labels and levels are compared with those of other days: I(x * 1e+05) must not be I(x * 100000) under other options,
# nor the level 0.5 of factor(x) be 0,5.
with_usual_numbers <- function(expr) {
  if (isTRUE(getOption("scipen") == 0) && isTRUE(getOption("OutDec") == ".") && isTRUE(getOption("digits") == 7L) &&
      is.null(getOption("digits.secs"))) return(expr)
  old <- options(scipen = 0L, OutDec = ".", digits = 7L, digits.secs = NULL)
  on.exit(options(old))
  expr
}

parse_terms <- function(formula, data = NULL) {
  tryCatch(with_usual_numbers(stats::terms(formula, data = data)), error = function(e) {
    lmm_abort("formula", paste0("cannot read the formula `", deparse_line(formula), "`: ", conditionMessage(e), "."),
              what = deparse_line(formula))
  })
}
