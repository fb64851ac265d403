# Types of columns: what is read as a plain vector, whatever container it came in.

# The columns `names` of `data` with arrays of one dimension as vectors and 64-bit integers as numbers.
plain_columns <- function(data, names) {
  for (name in unique(names(data)[names(data) %in% names])) {
    x <- .subset2(data, name)
    plain <- plain_column(x)
    if (identical(class(plain), class(x)) && identical(dim(plain), dim(x))) next
    data <- unclass(data)                     # a list that keeps its row names
    data[[match(name, names(data))]] <- plain
  }
  data
}

# A variable that stands by itself; expressions may look at the class.
plain_value <- function(x) {
  x <- plain_column(x)
  classes <- oldClass(x)
  if (!length(classes) || inherits(x, "AsIs") || !all(classes %in% c(decorations,
                                                                     "character")) || !is.atomic(x)) return(x)
  if (length(dim(x)) == 2L) unclass(x) else as.vector(unclass(x))
}

plain_column <- function(x) {
  if (length(dim(x)) == 1L && is.atomic(x)) x <- drop_dimension(x)
  if (inherits(x, "integer64") && is.double(x)) number_of_wide(x) else x
}

# An array of one dimension, as tapply() gives; a table of one dimension are its counts.
drop_dimension <- function(x) {
  dim(x) <- NULL
  if (inherits(x, "table")) unclass(x) else x
}

# ---- 64-bit integers ----
#
# Package 'bit64' keeps them in the bits of doubles. They are read from these bits, since the package need not be there.

# A vector, or those in a data frame or a plain list.
without_wide <- function(x) {
  if (inherits(x, "integer64")) return(plain_column(x))
  if (!is.data.frame(x) && (!is.list(x) || is.object(x))) return(x)
  classes <- oldClass(x)
  for (k in seq_along(x)) {
    plain <- without_wide(.subset2(x, k))
    if (identical(plain, .subset2(x, k))) next
    x <- unclass(x)
    x[[k]] <- plain
  }
  if (!identical(oldClass(x), classes)) oldClass(x) <- classes
  x
}

# As numbers, where double precision holds each of them; otherwise as a factor, which serves as a grouping variable. In
# pieces, which stay in the processor's memory.
number_of_wide <- function(x, piece = 1e5) {
  value <- numeric(length(x))
  attributes(value) <- attributes(x)[intersect(names(attributes(x)), c("names", "dim", "dimnames"))]
  for (first in seq.int(1, by = piece, length.out = ceiling(length(x) / piece))) {
    at <- seq.int(first, min(first + piece - 1, length(x)))
    half <- wide_halves(.subset(x, at))
    whole <- half$high * 2^32 + half$low
    whole[half$missing] <- NA_real_
    if (any(abs(whole) >= 2^53, na.rm = TRUE)) return(factor_of_wide(x))
    value[at] <- whole
  }
  value
}

# value = high * 2^32 + low with 0 <= low < 2^32; the smallest integer stands for a missing value.
wide_halves <- function(x) {
  bytes <- writeBin(as.vector(unclass(x)), raw(), endian = "little")
  words <- as.double(readBin(bytes, "integer", 2 * length(x), endian = "little"))
  words[is.na(words)] <- -2^31                # R's own missing integer
  low <- words[c(TRUE, FALSE)]
  high <- words[c(FALSE, TRUE)]
  low[low < 0] <- low[low < 0] + 2^32
  list(high = high, low = low, missing = high == -2^31 & low == 0)
}

# A factor whose levels are the numbers, in increasing order.
factor_of_wide <- function(x) {
  half <- wide_halves(x)
  key <- complex(real = half$high, imaginary = half$low)
  key[half$missing] <- NA
  levels <- unique(key[!half$missing])
  levels <- levels[order(Re(levels), Im(levels))]
  structure(match(key, levels), levels = wide_text(Re(levels), Im(levels)), class = c("wide_integer", "factor"))
}

# Decimal digits, in two parts of which each is exact in double precision.
wide_text <- function(high, low) {
  negative <- high < 0
  high[negative] <- -high[negative] - (low[negative] > 0)
  low[negative & low > 0] <- 2^32 - low[negative & low > 0]
  upper <- high %/% 2^16                      # value = upper 2^48 + lower 2^32 + low, 2^48 = 281474 10^9 + 976710656
  lower <- high %% 2^16
  rest <- upper * 976710656 + lower * 294967296 + low
  billions <- upper * 281474 + lower * 4 + rest %/% 1e9
  text <- ifelse(billions > 0, sprintf("%.0f%09.0f", billions, rest %% 1e9), sprintf("%.0f", rest))
  paste0(ifelse(negative, "-", ""), text, recycle0 = TRUE)
}

take_rows <- function(x, keep) {
  if (length(dim(x)) == 2L) unclass(x)[keep, , drop = FALSE] else x[keep]
}

is_missing_row <- function(x) if (length(dim(x)) == 2L) rowSums(is.na(x)) > 0 else is.na(x)
