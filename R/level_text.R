# Names of levels made from numbers and times.

# Classes that say nothing about the meaning of a number.
decorations <- c("AsIs", "array", "double", "haven_labelled", "haven_labelled_spss", "integer", "labelled", "matrix",
                 "noquote",
                 "numeric", "pseries", "table", "vctrs_vctr")

is_plain_number <- function(x) (is.double(x) || is.integer(x)) && all(oldClass(x) %in% decorations)

# Names of levels, which no option for printing changes and no other row: 100000 and not 1e+05, 0.5 and not 0,5, all
# digits of whole numbers and 15 of others.
level_text <- function(x) {
  if (inherits(x, "POSIXct")) return(time_text(x))
  if (!is_plain_number(x) && !inherits(x, "difftime")) return(as.character(x))
  x <- as.vector(unclass(x)) + 0
  whole <- which(x == trunc(x) & abs(x) < 2^53)
  text <- character(length(x))
  text[whole] <- sprintf("%.0f", x[whole])
  broken <- if (length(whole)) seq_along(x)[-whole] else seq_along(x)
  text[broken] <- sub(",", ".", sprintf("%.15g", x[broken]), fixed = TRUE)
  text[is.na(x)] <- NA_character_
  text
}

# Positions of names; factor() writes the number 100000 as "1e+05", which is found as "100000".
match_names <- function(names, table, nomatch = NA_integer_) {
  at <- match(names, table)
  left <- which(is.na(at) & grepl("^-?[0-9.]+e[+][0-9]+$", names))
  if (length(left)) at[left] <- match(level_text(as.numeric(names[left])), table)
  replace(at, is.na(at), nomatch)
}

# The date alone at midnight, fractions of a second as far as they are not 0.
time_text <- function(x) {
  text <- sub(" 00:00:00$", "", format(x, "%Y-%m-%d %H:%M:%S"))
  part <- unclass(x) - floor(unclass(x))
  broken <- which(part > 0)
  text[broken] <- paste0(format(x[broken], "%Y-%m-%d %H:%M:%S"),
                         sub("0+$", "", substring(sprintf("%.6f", pmin(part[broken], 0.999999)), 2L)))
  text
}
