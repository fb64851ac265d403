# Grouping factors: levels, and the level each row belongs to. Nothing here depends on the locale.

# One entry for each distinct grouping expression, in order of appearance:
# list(name, expr, levels, parts, cells, codes, n_levels, conditions).
grouping_factors <- function(random, data) {
  names <- vapply(random, `[[`, "", "group_name")
  first <- which(!duplicated(names))
  parts <- new.env()
  groups <- lapply(random[first], function(term) {
    group <- grouping_factor(term$group, term$group_name, data, parts)
    if (is.null(term$precision)) group else related_group(group, term$precision)
  })
  names(groups) <- names[first]
  groups
}

# `known` keeps the parts already read, as a, b:a and c:b:a share them.
grouping_factor <- function(expr, name, data, known) {
  labels <- vapply(group_parts(expr), variable_label, "")
  parts <- lapply(labels, function(label) {
    if (is.null(known[[label]])) known[[label]] <- read_group(.subset2(data, label), label)
    known[[label]]
  })
  group <- if (length(parts) == 1L) parts[[1L]] else cross_groups(parts)
  list(
    name = name, expr = expr, levels = shown_levels(group$levels), cells = group$cells,
    parts = lapply(seq_along(parts), function(i) list(label = labels[i], levels = parts[[i]]$levels)),
    precision = NULL, codes = group$codes, conditions = unlist(lapply(parts, `[[`, "conditions"), recursive = FALSE)
  )
}

# Levels in use and codes of one variable. Factor levels keep their order, all else is sorted.
read_group <- function(x, label) {
  if (is.factor(x)) return(read_factor(x))
  if (length(dim(x))) dim(x) <- NULL
  conditions <- NULL
  if (is.integer(x) && !is.object(x)) {
    small <- read_small_integers(x)
    if (!is.null(small)) return(small)
  }
  values <- in_order(unique(x))
  codes <- match(x, values)
  levels <- level_text(values)
  if (is.double(x) && !is.object(x) && any(values != trunc(values))) {
    conditions <- list(lmm_condition("warning", "data", paste0(
      "non-integer numeric grouping variable ", quote_name(label), " (", length(values), " distinct values)."),
      what = label, value = length(values), fix = "Is it a covariate? If not, make it a factor."))
  }
  if (anyDuplicated(levels)) {
    codes <- match(levels, unique(levels))[codes]
    levels <- unique(levels)
  }
  list(levels = levels, codes = codes, conditions = conditions)
}

read_factor <- function(x) {
  levels <- levels(x)
  used <- tabulate(x, length(levels)) > 0L
  attributes(x) <- NULL
  if (all(used)) return(list(levels = levels, codes = x))
  list(levels = levels[used], codes = cumsum(used)[x])
}

# Tabulating is many times faster than hashing when the range is not much wider than the data are long.
read_small_integers <- function(x) {
  lowest <- min(x)
  width <- as.double(max(x)) - lowest + 1
  if (width > max(1e5, 2 * length(x)) || lowest <= 1L - .Machine$integer.max) return(NULL)
  shifted <- if (lowest == 1L) x else x - (lowest - 1L)
  used <- tabulate(shifted, width) > 0L
  if (length(attributes(shifted))) attributes(shifted) <- NULL
  list(levels = level_text(which(used) + (lowest - 1L)), codes = if (all(used)) shifted else cumsum(used)[shifted])
}

# Interaction: the first variable varies slowest, empty cells make no level. `cells` are the numbers of the
# cells in use, by which new rows are matched (level names may hold a ":" themselves).
cross_groups <- function(parts) {
  cell <- cell_numbers(lapply(parts, `[[`, "codes"), parts)
  total <- prod(vapply(parts, function(part) length(part$levels), 0))
  if (total <= max(1e5, 2 * length(cell))) {
    used <- tabulate(cell, total) > 0L
    cells <- which(used)
    codes <- cumsum(used)[cell]
  } else {
    cells <- in_order(unique(cell))
    codes <- match(cell, cells)
  }
  list(levels = cell_names(cells, parts), codes = codes, cells = as.double(cells))
}

cell_numbers <- function(codes, parts) {
  cell <- as.double(codes[[1L]])
  for (i in seq_along(parts)[-1L]) cell <- (cell - 1) * length(parts[[i]]$levels) + codes[[i]]
  cell
}

cell_names <- function(cells, parts) {
  rest <- cells - 1
  names <- NULL
  for (part in rev(parts)) {
    size <- length(part$levels)
    here <- shown_levels(part$levels)[rest %% size + 1]
    names <- if (is.null(names)) here else paste(here, names, sep = ":")
    rest <- rest %/% size
  }
  names
}

# Does a variable take one value in each level? Of a grouping factor: are the levels nested in its own?
is_constant_within <- function(x, code) {
  x <- match(x, unique(x))
  all(x == x[match(code, code)])
}

# A missing value that is a level (addNA) needs a name.
shown_levels <- function(levels) {
  if (anyNA(levels)) levels[is.na(levels)] <- "<NA>"
  if (anyDuplicated(levels)) make.unique(levels) else levels
}

# Codes of new rows: NA where a variable is missing, 0 where the level was not in the fit.
match_group <- function(group, values) {
  codes <- Map(function(part, x) match_level(x, part$levels), group$parts, values)
  missing <- Reduce(`|`, lapply(codes, is.na))
  unknown <- Reduce(`|`, lapply(codes, function(code) code == 0L))
  if (is.null(group$cells)) return(codes[[1L]])
  found <- match(cell_numbers(codes, group$parts), group$cells, nomatch = 0L)
  found[unknown] <- 0L
  found[missing] <- NA_integer_
  found
}

match_level <- function(x, levels) {
  if (length(dim(x))) dim(x) <- NULL
  if (is.factor(x)) {
    code <- match_names(levels(x), levels, 0L)[x]
    code[is.na(x)] <- if (anyNA(levels)) match(NA, levels) else NA_integer_
    return(code)
  }
  values <- unique(x)
  code <- match(level_text(values), levels, nomatch = 0L)
  code[is.na(values) & code == 0L] <- NA_integer_
  code[match(x, values)]
}
