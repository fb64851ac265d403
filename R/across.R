# Effects that are correlated across levels: by the distance of their positions, or by a known relationship. Such a term
# is fitted as one level with a column for each level of its factor; a relationship turns the columns by a root of its
# matrix.

# exp(lon + lat | site): the columns are the levels of `site`, lon and lat their positions.
spatial_term <- function(bar, own, env) {
  text <- paste0(own$word, "(", deparse_line(bar), ")")
  positions <- Filter(is.language, summands(bar[[2L]]))
  if (!length(positions) || !is.symbol(bar[[3L]]) || call_head(bar) != "|") {
    lmm_abort("formula", paste0("`", text, "` needs coordinates left of the bar and one factor right of it."),
              what = text,
              fix = paste0("Write ", own$word, "(lon + lat | site)."))
  }
  c(list(label = deparse_line(bar), lhs = across_lhs(bar[[3L]], env), group = one_level(bar[[3L]]),
         group_name = paste0(own$word, "(",
                             deparse_line(bar[[3L]]), ")"), across = deparse_line(bar[[3L]]),
                               positions_calls = positions), own)
}

across_lhs <- function(group, env) structure(call("~", call("+", 0, call("factor", group))), class = "formula",
                                             .Environment = env)

# A grouping expression that has the same value in every row.
one_level <- function(group) call("==", group, group)

# (1 | animal) with relationship = list(animal = K).
related_terms <- function(random, relationship) {
  named <- vapply(random, `[[`, "", "group_name")
  absent <- setdiff(names(relationship), named)
  if (length(absent)) {
    lmm_abort("input", paste0("`relationship` names ", enumerate(quote_name(absent)),
                              ", which is not a grouping factor of the formula."),
              what = absent, fix = paste0("There are ", enumerate(quote_name(unique(named))), "."))
  }
  alone <- named %in% names(which(table(named) == 1L))
  Map(function(term, alone) {
    own <- relationship[[term$group_name]]
    if (is.null(own)) term else related_term(term, own, alone)
  }, random, alone)
}

# One variance for each of few levels is fitted by a root of the matrix, all else by its inverse.
related_term <- function(term, own, alone) {
  if (!is.symbol(term$group) || is_across(term)) {
    lmm_abort("formula", paste0("a relationship is available for the levels of one factor, not for ",
                                written_terms(list(term)), "."), what = term$label,
              fix = "Write (1 | g), or (x | g), with a variable g.")
  }
  single <- alone && is_intercept_only(term$lhs) && !is_special(term)
  few <- single && length(own$levels) <= rooted_limit
  precision <- if (!few) relationship_precision_of(own, term$group_name, single)
  if (is.null(precision)) return(rooted_term(term, relationship_root(own, term$group_name)))
  c(term, list(precision = precision))
}

rooted_term <- function(term, root) {
  across <- deparse_line(term$group)
  term[c("lhs", "structure")] <- list(across_lhs(term$group, environment(term$lhs)), structure_words$homdiag$structure)
  term$group <- one_level(term$group)
  c(term, list(across = across, root = root))
}

check_related_levels <- function(present, levels, name) {
  absent <- present[is.na(match_names(present, levels))]
  if (!length(absent)) return(invisible())
  shown <- if (length(absent) > 10L) c(quote_level(absent[1:10]), paste(length(absent) - 10L, "more")) else
    quote_level(absent)
  lmm_abort("data", paste0("the relationship has no ", if (length(absent) > 1L) "rows" else "row", " for ",
                           enumerate(shown), " of ", quote_name(name), "."), what = name, where = absent,
            fix = "Add them to the relationship, animals of unknown parents too, or leave their rows out.")
}

# A factor with a known precision has all its levels, in its order, whether they have rows or not.
related_group <- function(group, precision) {
  check_related_levels(group$levels, precision$levels, group$name)
  group$codes <- match(group$levels, precision$levels)[group$codes]
  group$levels <- group$parts[[1L]]$levels <- precision$levels
  group$precision <- precision[names(precision) != "levels"]
  group
}

# How many times its term's variance the effect of each row has; levels that are not in the fit are unrelated.
row_level_variances <- function(group, code) {
  if (!is_related(group)) return(1)
  known <- which(code > 0L)
  replace(rep(1, length(code)), known, level_variances(group$precision)[code[known]])
}

# Z of related levels in columns whose effects are independent: T of K = T T' for each of the q columns of a level.
independent_columns <- function(A, group, q) {
  if (!is_related(group)) return(A)
  n <- length(group$levels)
  if (n * q > related_columns) {
    lmm_abort("numeric", paste0("with ", count_of(n, "level"), " of known relationship this needs a dense matrix of ",
                                count_of(n * q, "column"), "; at most ", related_columns, " are possible."),
              what = group$name, value = n * q)
  }
  root <- related_effects(group$precision, diag(n))
  Matrix::Matrix(as.matrix(A %*% Matrix::kronecker(root, diag(q))), sparse = TRUE)
}

# Effects of related levels, a row each, from independent ones.
related_effects <- function(precision, z) engine_related(precision, z)

is_related <- function(group) !is.null(group$precision)

# Effects whose levels are related by a precision, not turned by a root.
has_related <- function(frame) any(vapply(frame$groups, is_related, NA))

# `what` with its verb.
refuse_related <- function(frame, what, fix = NULL) {
  related <- Filter(is_related, frame$groups)
  if (!length(related)) return(invisible())
  lmm_abort("input", paste0(what, " not available where the levels of ", quote_name(related[[1L]]$name),
                            " have a known relationship."), what = related[[1L]]$name, fix = fix)
}

# Modes of the levels themselves, a row each, from those of the columns.
across_modes <- function(term, b) {
  value <- if (is.null(term$root)) as.vector(b) else as.vector(term$root %*% as.vector(b))
  matrix(value, dimnames = list(across_levels(term), "(Intercept)"))
}

across_levels <- function(term) term$xlevels[[1L]]

# Their conditional variances: array 1 x 1 x levels.
across_variances <- function(term, array) {
  V <- array[, , 1L]
  value <- if (is.null(term$root)) diag(V) else rowSums((term$root %*% V) * term$root)
  array(value, c(1L, 1L, length(value)))
}

# Variances of the levels that the model gives them, from those of the columns.
across_prior <- function(term, variance) {
  if (is.null(term$root)) variance else variance[1L] * rowSums(term$root^2)
}

# Columns of random effects up to which the information of related levels, a matrix without zeros, is formed.
related_columns <- 3000
