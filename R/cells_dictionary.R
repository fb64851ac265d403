# Dictionaries: the distinct values of each key, which grow while chunks come in.

# Codes of the values of one key, and the dictionary with what is new in them. `where`: the chunk, for messages.
encode_key <- function(dictionary, x, label, where) {
  kind <- key_kind(x)
  if (is.null(dictionary)) dictionary <- list(kind = kind, values = NULL, like = x[0L])
  check_same_kind(dictionary$kind, kind, label, where)
  if (is.factor(x)) return(encode_factor(dictionary, x))
  if (length(dim(x))) dim(x) <- NULL
  if (kind == "factor" || dictionary$kind == "factor") x <- as.character(x)
  if (is.character(x)) x <- enc2utf8(x)
  codes <- match(x, dictionary$values)
  unknown <- which(is.na(codes))
  if (length(unknown)) {
    new <- unique(x[unknown])
    codes[unknown] <- length(dictionary$values) + match(x[unknown], new)
    dictionary$values <- if (is.null(dictionary$values)) new else c(dictionary$values, new)
  }
  list(dictionary = dictionary, codes = codes)
}

encode_factor <- function(dictionary, x) {
  if (dictionary$kind == "text") dictionary$kind <- "factor"
  levels <- enc2utf8(levels(x))
  old <- dictionary$values
  dictionary$values <- union(if (is.null(old)) character() else as.character(old), levels)
  codes <- match(levels, dictionary$values)[x]
  list(dictionary = dictionary, codes = codes)
}

key_kind <- function(x) {
  if (is.factor(x)) "factor" else if (is.character(x)) "text" else if (is.logical(x)) "logical"
  else if (inherits(x, c("Date", "POSIXt", "difftime"))) class(x)[1L] else if (is.numeric(x)) "number" else typeof(x)
}

check_same_kind <- function(known, own, label, where) {
  texts <- c("factor", "text")
  if (known == own || known %in% texts && own %in% texts) return(invisible())
  lmm_abort("data", paste0(quote_name(label), " is ", kind_words(own), " in ", where, ", but ", kind_words(known),
                           " before."), what = label, where = where,
            fix = "Read this column in one type in all chunks.")
}

kind_words <- function(kind) if (kind == "factor") "a factor" else if (kind == "number") "a number" else
  if (kind == "text") "text" else kind

# The values of a key in their order (levels of a factor as they came, all else sorted), without what no cell has.
finished_key <- function(dictionary, codes) {
  used <- seq_along(dictionary$values)[tabulate(codes, length(dictionary$values)) > 0L]
  values <- dictionary$values[used]
  if (dictionary$kind != "factor") {
    order <- order(values, method = "radix")
    used <- used[order]
    values <- values[order]
  }
  list(values = key_values(values, dictionary), codes = match(codes, used),
       declared = if (dictionary$kind == "factor") dictionary$values)
}

# Values as a vector of the type that they had.
key_values <- function(values, dictionary) {
  if (dictionary$kind != "factor") return(values)
  like <- dictionary$like
  out <- factor(values, values, ordered = is.ordered(like))
  attr(out, "contrasts") <- attr(like, "contrasts")
  out
}

as_dictionary_values <- function(values) if (is.factor(values)) as.character(values) else values

# The dictionary that a key of a table came from.
dictionary_of <- function(key) {
  values <- key$values
  list(kind = key_kind(values), values = if (is.factor(values)) union(key$declared, levels(values)) else values,
       like = values[0L])
}
