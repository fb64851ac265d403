# Dictionaries: the distinct values of each key, which grow while chunks come in.

# Codes of the values of one key, and the dictionary with what is new in them. `where`: the chunk, for messages;
# `sorted`: see key_order().
encode_key <- function(dictionary, x, label, where, sorted = "first", chains = NULL) {
  kind <- key_kind(x)
  if (is.null(dictionary)) dictionary <- list(kind = kind, values = NULL, like = x[0L], label = label, sorted = sorted)
  check_same_kind(dictionary$kind, kind, label, where)
  if (is.factor(x)) return(encode_factor(dictionary, x, where, chains))
  if (length(dim(x))) dim(x) <- NULL
  if (kind == "factor" || dictionary$kind == "factor") x <- as.character(x)
  if (is.character(x)) x <- utf8_text(x)
  codes <- match(x, dictionary$values)
  unknown <- which(is.na(codes))
  if (length(unknown)) {
    new <- unique(x[unknown])
    codes[unknown] <- length(dictionary$values) + match(x[unknown], new)
    dictionary$values <- if (is.null(dictionary$values)) new else c(dictionary$values, new)
  }
  list(dictionary = dictionary, codes = codes)
}

# `chains`: the orders in which levels were declared, if not as the factor has them.
encode_factor <- function(dictionary, x, where, chains = NULL) {
  if (dictionary$kind == "text") dictionary$kind <- "factor"
  levels <- utf8_text(levels(x))
  old <- dictionary$values
  if (is.null(chains)) chains <- list(levels)
  dictionary$values <- union(if (is.null(old)) character() else as.character(old), c(unlist(chains), levels))
  if (dictionary$sorted != "any") for (chain in chains) dictionary <- add_chain(dictionary, chain, where)
  codes <- match(levels, dictionary$values)[x]
  list(dictionary = dictionary, codes = codes)
}

# ---- the order of levels ----

# What decides between levels whose order no factor declares: "number" or "text" for factor(x), which sorts the values
# of its rows; "first" come for the levels of a column; "any" where levels are grouping variables only.
key_order <- function(call, roles, source) {
  if (all(roles == "group")) return("any")
  x <- evaluate_quietly(inside_factor(call), source$data, source$env)
  if (is.factor(x)) "first" else if (is.numeric(x)) "number" else "text"
}

inside_factor <- function(call, functions = c("factor", "as.factor", "ordered", "C", "relevel", "droplevels")) {
  if (is.call(call) && function_name(call) %in% functions) inside_factor(call[[2L]], functions) else call
}

# factor(f) drops levels that a chunk does not have; their order is that of `f`.
inner_chains <- function(call, source) {
  if (!is.call(call) || length(call) != 2L) return(NULL)
  x <- evaluate_quietly(inside_factor(call, c("factor", "as.factor", "ordered", "droplevels")), source$data, source$env)
  if (is.factor(x)) list(utf8_text(levels(x)))
}

# Keeps the order of the levels of a chunk, unless one that is kept has it.
add_chain <- function(dictionary, levels, where) {
  for (k in seq_along(dictionary$chains)) {
    at <- match(levels, dictionary$chains[[k]])
    if (is.unsorted(at, na.rm = TRUE)) abort_level_order(dictionary$label, levels[!is.na(at)], where)
    if (!anyNA(at)) return(dictionary)
    if (sum(!is.na(at)) == length(dictionary$chains[[k]])) {
      dictionary$chains[[k]] <- levels
      return(dictionary)
    }
  }
  dictionary$chains <- c(dictionary$chains, list(levels))
  dictionary
}

abort_level_order <- function(label, levels, where) {
  lmm_abort("data", paste0("factor ", quote_name(label), " has its levels in a different order in ", where, " (",
                           enumerate(quote_level(levels)), ") than before."), what = label, where = where,
            fix = "Give the factor the same levels in the same order in all chunks, or read it as text.")
}

# The levels in an order that contradicts no chain; what chains leave open is decided by key_order().
ordered_levels <- function(dictionary, where = "some chunk") {
  values <- dictionary$values
  rank <- order(order_of_values(values, dictionary$sorted))
  chains <- lapply(dictionary$chains, match, values)
  if (!any(vapply(chains, function(at) is.unsorted(rank[at]), NA))) return(order(rank))
  before <- unlist(lapply(chains, function(at) at[-length(at)]))
  after <- unlist(lapply(chains, `[`, -1L))
  out <- integer()
  waiting <- tabulate(after, length(values))
  for (k in seq_along(values)) {
    free <- which(waiting == 0L)
    if (!length(free)) abort_level_order(dictionary$label, values[waiting > 0L], where)
    out[k] <- free[which.min(rank[free])]
    waiting[out[k]] <- -1L
    follow <- tabulate(after[before == out[k]], length(values))
    waiting <- waiting - follow
  }
  out
}

# An ordered factor of a column: some chunk must say which of two neighbors comes first.
check_full_order <- function(dictionary, declared) {
  linked <- logical(length(declared) - 1L)
  for (chain in dictionary$chains) {
    at <- declared %in% chain
    linked <- linked | at[-1L] & at[-length(at)]
  }
  if (all(linked)) return(invisible())
  pair <- declared[which(!linked)[1L] + 0:1]
  lmm_abort("data", paste0("the order of the levels ", enumerate(quote_level(pair)), " of ordered factor ",
                           quote_name(dictionary$label), " is not known: no chunk has both."), what = dictionary$label,
            fix = "Give the factor all of its levels in all chunks.")
}

order_of_values <- function(values, sorted) {
  if (sorted %in% c("any", "first")) return(seq_along(values))
  number <- if (sorted == "number") suppressWarnings(as.numeric(enc2utf8(values)))
  if (is.null(number) || anyNA(number)) order(values) else order(number)
}

# ---- kinds ----

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

# The values of a key in their order (see ordered_levels(); what is no factor sorted), without what no cell has.
finished_key <- function(dictionary, codes, env) {
  is_factor <- dictionary$kind == "factor"
  order <- if (is_factor) ordered_levels(dictionary) else radix_order(dictionary$values)
  used <- order[tabulate(codes, length(order))[order] > 0L]
  declared <- if (is_factor) dictionary$values[order]
  if (is_factor && is.ordered(dictionary$like) && dictionary$sorted == "first") check_full_order(dictionary, declared)
  list(values = key_values(dictionary$values[used], dictionary, declared, env), codes = match(codes, used),
       declared = declared, chains = if (is_factor) kept_chains(dictionary, declared), sorted = dictionary$sorted)
}

# NULL stands for the one chain of all levels.
kept_chains <- function(dictionary, declared) {
  if (identical(dictionary$chains, list(declared))) NULL else as.list(dictionary$chains)
}

# Values as a vector of the type that they had.
key_values <- function(values, dictionary, declared, env) {
  if (dictionary$kind != "factor") return(values)
  like <- dictionary$like
  out <- factor(values, values, ordered = is.ordered(like))
  attr(out, "contrasts") <- key_contrasts(attr(like, "contrasts"), dictionary$label, declared, is.ordered(like), env)
  out
}

# C(f, contr.sum) of a chunk that had some of the levels is evaluated for all of them.
key_contrasts <- function(contrast, label, declared, ordered, env) {
  call <- if (is.matrix(contrast) && nrow(contrast) != length(declared)) str2lang(label)
  if (!is.call(call) || function_name(call) != "C") return(contrast)
  call[[2L]] <- factor(declared, declared, ordered = ordered)
  again <- evaluate_quietly(call, NULL, env)
  if (is.null(again)) contrast else attr(again, "contrasts")
}

as_dictionary_values <- function(values) if (is.factor(values)) as.character(values) else values

# The dictionary that a key of a table came from.
dictionary_of <- function(key, label) {
  values <- key$values
  list(kind = key_kind(values), values = if (is.factor(values)) union(key$declared, levels(values)) else values,
       like = values[0L], label = label, sorted = if (is.null(key$sorted)) "first" else key$sorted,
       chains = if (is.factor(values)) chains_of(key))
}

chains_of <- function(key) if (is.null(key$chains)) list(union(key$declared, levels(key$values))) else key$chains
