# Expressions of R as SQL: a white list, since a function of the same name may be another one in the database.

sql_operators <- c("+" = "+", "-" = "-", "*" = "*", "/" = "/")
sql_comparisons <- c("==" = "=", "!=" = "<>", "<" = "<", ">" = ">", "<=" = "<=", ">=" = ">=")

# SQL text of a call as a double, or NULL where a part of it is not on the list. `columns`: those of the query;
# `constants`: numbers by name.
sql_value <- function(call, source, columns, constants) {
  each <- function(e) sql_value(e, source, columns, constants)
  if (is.numeric(call)) return(if (length(call) == 1L && is.finite(call)) sql_double(source, sql_number(call)))
  if (is.symbol(call)) return(sql_symbol(as.character(call), source, columns, constants))
  if (!is.call(call)) return(NULL)
  head <- function_name(call)
  if (head %in% c("(", "I", "as.numeric", "as.double", "offset")) return(each(call[[2L]]))
  if (head == "ifelse") return(sql_case(call, source, columns, constants))
  if (head == "scale") return(sql_scale(call, each))
  arguments <- lapply(as.list(call)[-1L], each)
  if (any(vapply(arguments, is.null, NA)) || !length(arguments)) return(NULL)
  sql_call(head, unlist(arguments), call, source)
}

sql_symbol <- function(name, source, columns, constants) {
  if (name %in% columns) return(sql_double(source, sql_names(source, name)))
  value <- constants[[name]]
  if (is.numeric(value) && length(value) == 1L && is.finite(value)) sql_double(source, sql_number(value))
}

sql_call <- function(head, x, call, source) {
  if (head == "-" && length(x) == 1L) return(paste0("(- ", x, ")"))
  if (head == "+" && length(x) == 1L) return(x)
  if (head %in% names(sql_operators) && length(x) == 2L) return(paste0("(", x[1L], " ", head, " ", x[2L], ")"))
  if (head == "^" && length(x) == 2L) return(sql_power(x, call[[3L]], source))
  if (length(x) != 1L || length(names(call))) return(NULL)
  ln <- source$dialect$ln
  switch(head, abs = paste0("ABS(", x, ")"), sqrt = paste0("SQRT(", x, ")"), exp = paste0("EXP(", x, ")"),
         log = paste0(ln, "(", x, ")"),
         log10 = paste0("(", ln, "(", x, ") / ", sql_double(source, sql_number(log(10))), ")"),
         log2 = paste0("(", ln, "(", x, ") / ", sql_double(source, sql_number(log(2))), ")"), NULL)
}

# Small whole powers are products, which is what R makes of them.
sql_power <- function(x, exponent, source) {
  if (is.numeric(exponent) && exponent %in% 1:4) return(paste0("(", paste(rep(x[1L], exponent), collapse = " * "), ")"))
  paste0("POWER(", x[1L], ", ", x[2L], ")")
}

sql_case <- function(call, source, columns, constants) {
  if (length(call) != 4L) return(NULL)
  condition <- sql_condition(call[[2L]], source, columns, constants)
  values <- lapply(as.list(call)[3:4], sql_value, source, columns, constants)
  if (is.null(condition) || any(vapply(values, is.null, NA))) return(NULL)
  paste0("(CASE WHEN ", condition, " THEN ", values[[1L]], " WHEN NOT (", condition, ") THEN ", values[[2L]], " END)")
}

sql_scale <- function(call, each) {
  x <- each(call[[2L]])
  number <- function(name) if (is.numeric(call[[name]]) && length(call[[name]]) == 1L) as.numeric(call[[name]])
  center <- number("center")
  scale <- number("scale")
  if (is.null(x) || is.null(center) && !isFALSE(call$center) || is.null(scale) && !isFALSE(call$scale)) return(NULL)
  if (!is.null(center)) x <- paste0("(", x, " - ", sql_number(center), ")")
  if (!is.null(scale)) x <- paste0("(", x, " / ", sql_number(scale), ")")
  x
}

# Conditions, for `subset` and ifelse(). NULL is not TRUE, as in R.
sql_condition <- function(call, source, columns, constants) {
  each <- function(e) sql_condition(e, source, columns, constants)
  if (is.symbol(call)) return(NULL)
  if (isTRUE(call) || isFALSE(call)) return(if (call) "1 = 1" else "1 = 0")
  if (!is.call(call)) return(NULL)
  head <- call_head(call)
  if (head == "(") return(each(call[[2L]]))
  if (head == "is.na" &&
      is.symbol(call[[2L]]) &&
        as.character(call[[2L]]) %in% columns) return(paste(sql_names(source, as.character(call[[2L]])), "IS NULL"))
  inner <- if (head %in% c("&", "|", "!")) lapply(as.list(call)[-1L], each)
  if (length(inner)) {
    if (any(vapply(inner, is.null, NA))) return(NULL)
    if (head == "!") return(paste0("NOT (", inner[[1L]], ")"))
    return(paste0("(", inner[[1L]], if (head == "&") " AND " else " OR ", inner[[2L]], ")"))
  }
  if (head == "%in%") return(sql_in(call, source, columns, constants))
  if (head %in% names(sql_comparisons)) sql_comparison(call, sql_comparisons[[head]], source, columns, constants)
}

sql_comparison <- function(call, operator, source, columns, constants) {
  sides <- lapply(as.list(call)[-1L], sql_side, source, columns, constants,
                  text = is.character(call[[2L]]) || is.character(call[[3L]]))
  if (any(vapply(sides, is.null, NA))) NULL else paste(sides[[1L]], operator, sides[[2L]])
}

# Text is compared as text: values of the user's condition are quoted by the driver.
sql_side <- function(e, source, columns, constants, text) {
  if (!text) return(sql_value(e, source, columns, constants))
  if (is.character(e) && length(e) == 1L) return(as.character(DBI::dbQuoteString(source$con, e)))
  if (is.symbol(e) && as.character(e) %in% columns) sql_names(source, as.character(e))
}

sql_in <- function(call, source, columns, constants) {
  values <- tryCatch(eval(call[[3L]], constants, baseenv()), error = function(e) NULL)
  if (!length(values) || anyNA(values) || !(is.numeric(values) || is.character(values))) return(NULL)
  x <- sql_side(call[[2L]], source, columns, constants, is.character(values))
  if (is.null(x)) return(NULL)
  shown <- if (is.character(values)) as.character(DBI::dbQuoteString(source$con,
                                                                     values)) else
                                                                       sql_double(source, sql_number(values))
  paste0(x, " IN (", paste(shown, collapse = ", "), ")")
}

# The columns of poly(x, d, coefs = ), by the recursion of stats::predict.poly().
sql_poly <- function(call, source, columns, constants) {
  if (!is.call(call) || function_name(call) != "poly" || !is.list(call$coefs) && !is.call(call$coefs)) return(NULL)
  x <- sql_value(call[[2L]], source, columns, constants)
  coefs <- tryCatch(eval(call$coefs), error = function(e) NULL)
  if (is.null(x) || isTRUE(call$raw) || !is.numeric(coefs$alpha) || !is.numeric(coefs$norm2)) return(NULL)
  alpha <- coefs$alpha
  norm2 <- coefs$norm2
  p <- paste0("(", x, " - ", sql_number(alpha[1L]), ")")
  for (i in seq_along(alpha)[-1L]) {
    lower <- if (i > 2L) paste0(sql_number(norm2[i + 1L] / norm2[i]), " * ",
                                p[i - 2L]) else sql_number(norm2[i + 1L] / norm2[i])
    p[i] <- paste0("((", x, " - ", sql_number(alpha[i]), ") * ", p[i - 1L], " - ", lower, ")")
  }
  paste0("(", p, " / ", sql_number(sqrt(norm2[-(1:2)])), ")")
}
