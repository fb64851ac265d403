# Random terms: their columns, their grouping factors, their order.

# list(terms, groups, conditions), terms in their final order.
random_plans <- function(random, data, columns) {
  groups <- grouping_factors(random, data)
  plans <- lapply(random, random_plan, data, columns)
  sizes <- vapply(random, function(term) length(groups[[term$group_name]]$levels), 0L)
  order <- term_order(sizes)
  random <- random[order]
  names <- vapply(random, `[[`, "", "group_name")
  groups <- groups[unique(names)]
  index <- match(names, names(groups))
  shown <- make.unique(names)
  terms <- lapply(seq_along(random), function(i) {
    plan <- plans[[order[i]]]
    list(label = random[[i]]$label, name = shown[i], group = index[i], terms = plan$terms, xlevels = plan$xlevels,
         contrasts = plan$contrasts, coding = plan$coding, columns = plan$columns, q = length(plan$columns),
         structure = random[[i]]$structure, word = random[[i]]$word, rank = random[[i]]$rank, nu = random[[i]]$nu,
         across = random[[i]]$across, root = random[[i]]$root, positions = plan$positions, z_constant = plan$constant)
  })
  list(terms = terms, groups = groups, conditions = random_conditions(plans, groups))
}

# Decreasing number of levels. When the formula's order is not that, ties come out reversed, as lme4 does.
term_order <- function(sizes) {
  if (all(diff(sizes) <= 0L)) seq_along(sizes) else rev(order(sizes))
}

# Positions of a frame's terms in the order in which the formula names them; what it does not name comes last.
formula_order <- function(frame) {
  label <- function(terms) vapply(terms, `[[`, "", "label")
  order(match(label(frame$random), label(frame$spec$random)))
}

intercept_plan <- list(xlevels = list(), contrasts = list(), columns = "(Intercept)", constant = 1,
                       coding = list(intercept = TRUE, pieces = list(), blocks = list()), conditions = NULL)

random_plan <- function(term, data, columns) {
  if (is_intercept_only(term$lhs)) {
    plan <- intercept_plan
    plan$terms <- structure(intercept_terms, .Environment = columns$env)
    return(plan)
  }
  terms <- complete_terms(parse_terms(term$lhs), columns)
  plan <- matrix_plan(terms, data)
  if (is_across(term)) return(across_plan(plan, term, data))
  check_slopes(plan, data, term$label)
  check_special_columns(term, plan)
  plan
}

intercept_terms <- structure(~1, variables = quote(list()), offset = NULL, factors = integer(),
                             term.labels = character(), order = integer(), intercept = 1L, response = 0L,
                             class = c("terms", "formula"), .Environment = baseenv())

random_conditions <- function(plans, groups) {
  c(unlist(lapply(plans, `[[`, "conditions"), recursive = FALSE),
    unlist(lapply(groups, `[[`, "conditions"), recursive = FALSE))
}

# A slope without variation cannot be told from the intercept; one that is always 0 has no effect at all.
check_slopes <- function(plan, data, label) {
  for (piece in plan$coding$pieces) {
    x <- data[[piece$label]]
    if (piece$kind != "numeric") next
    for (j in seq_len(NCOL(x))) {
      column <- if (length(dim(x)) == 2L) x[, j] else x
      lowest <- as.double(min(column))
      if (lowest < as.double(max(column)) || (lowest != 0 && !plan$coding$intercept)) next
      lmm_abort("unidentified", paste0(
        "variable ", quote_name(piece$label), " of the random term (", label, ") is constant (", signif(lowest, 6L),
        "): its variance cannot be estimated."), what = piece$label, value = lowest,
        fix = "Remove it from the random term.")
    }
  }
}

# Identifiability that can be decided by counting; the rest is the engine's, by the rank of the information.
check_identifiable <- function(frame, rows) {
  used <- NULL
  if (!is.null(rows$weights) && min(rows$weights) == 0) used <- rows$weights > 0
  n <- if (!is.null(rows$observed)) sum(rows$observed) else if (is.null(used)) rows$n else sum(used)
  check_column_count(frame, rows, n)
  free <- seq_along(frame$random)
  free <- free[!free %in% frame$held$term]     # what is known need not be told apart
  for (k in unique(vapply(Filter(needs_levels, frame$random[free]), function(term) as.integer(term$group),
                          0L))) check_levels(frame$groups[[k]])
  check_same_groups(frame, free, rows)
  for (term in frame$random[free]) {
    group <- frame$groups[[term$group]]
    if (is.null(term$z_constant)) next
    if (is_related(group)) next
    if (term$q == 1L && !holds_sigma(frame)) check_replicates(term, group, rows, used, n, frame)
    for (label in names(frame$xlevels)) check_not_fixed(frame, label, group, rows$codes[[term$group]], rows$data)
  }
}

# A factor of one level says nothing of an intercept or of correlations; a variance of several columns, or of one that
# the fixed effects do not span, it does.
needs_levels <- function(term) !is_special(term) && (!is.null(term$z_constant) || is_triangle(term) && term$q > 1L)

# Two terms with an intercept, be it as the sum of indicators, for the same groups: (1 | a) + (1 | a:b) where `a` says
# what `b` is.
check_same_groups <- function(frame, free, rows) {
  whole <- Filter(function(t) {
    term <- frame$random[[t]]
    !is.null(term$z_constant) && (term$q == 1L || is_triangle(term))
  }, free)
  for (pair in if (length(whole) > 1L) utils::combn(whole, 2L, simplify = FALSE)) {
    terms <- frame$random[pair]
    if (any(vapply(frame$groups[vapply(terms, `[[`, 0L, "group")], is_related, NA))) next
    if (!same_groups(lapply(terms, function(term) rows$codes[[term$group]]))) next
    names <- vapply(terms, function(term) paste0("(", term$label, ")"), "")
    lmm_abort("unidentified",
              paste0(enumerate(names),
                     " both have an intercept for the same groups of rows: their variances cannot be distinguished."),
              what = names, value = length(frame$groups[[terms[[1L]]$group]]$levels), fix = "Keep it in one term only.")
  }
}

same_groups <- function(codes) {
  levels <- vapply(codes, max, 0L)
  if (levels[1L] != levels[2L]) return(FALSE)
  partner <- integer(levels[1L])
  partner[codes[[1L]]] <- codes[[2L]]
  all(partner[codes[[1L]]] == codes[[2L]])
}

# A factor among the fixed effects that has one level for each level of the grouping factor leaves nothing to it.
check_not_fixed <- function(frame, label, group, codes, data) {
  levels <- frame$xlevels[[label]]
  if (length(levels) != length(group$levels) || !has_main_effect(frame, label)) return(invisible())
  own <- predictor_codes(data[[label]], levels)
  partner <- integer(length(levels))
  partner[codes] <- own
  if (any(partner[codes] != own)) return(invisible())
  text <- if (label == group$name) paste0(quote_name(label), " is a fixed effect as well as a grouping factor")
          else paste0("each level of ", quote_name(label), " contains one level of ", quote_name(group$name))
  lmm_abort("unidentified", paste0(text, ": the variance of ", quote_name(group$name),
                                   " is not identified; no test of ", quote_name(label), " is possible."),
            what = c(group$name, label), where = group$levels,
            fix = paste0("Remove ", quote_name(label), " from the fixed effects or ", quote_name(group$name),
                         " from the random ones."))
}

# Is the factor a fixed effect by itself, coded so that all its levels have their own mean?
has_main_effect <- function(frame, label) {
  alone <- unlist(frame$coding$blocks[lengths(frame$coding$blocks) == 1L])
  for (piece in frame$coding$pieces[alone]) {
    if (piece$label == label && (piece$kind == "dummy" ||
                                 ncol(frame$contrasts[[label]]) == length(frame$xlevels[[label]]) - 1L)) return(TRUE)
  }
  FALSE
}

check_levels <- function(group) {
  if (length(group$levels) > 1L) return(invisible())
  lmm_abort("unidentified", paste0("grouping factor ", quote_name(group$name),
                                   " has 1 level; its variance cannot be estimated."),
            what = group$name, where = group$levels, fix = "Remove the term, or use lm().")
}

check_replicates <- function(term, group, rows, used, n, frame) {
  if (length(group$levels) < n || is_related(group)) return(invisible())
  codes <- rows$codes[[term$group]]
  if (!is.null(used)) codes <- codes[used]
  if (anyDuplicated(codes) || weights_differ(rows$weights, used)) return(invisible())
  if (takes_nugget(frame$residual)) {
    lmm_abort("unidentified", paste0(quote_name(group$name), " has one observation per level: beside the residual ",
      "structure (", term$label, ") is its nugget."), what = group$name, value = n,
      fix = "Write nugget = TRUE in the structure in place of the term, as in residual = ~ ar1(t | id, nugget = TRUE).")
  }
  lmm_abort("unidentified", paste0(quote_name(group$name),
    " has one observation per level: its variance is confounded with the residual."), what = group$name,
    value = n, fix = paste0("Remove the term (", term$label, ")."))
}

# Structures that have no nugget now, and can have one.
takes_nugget <- function(residual) {
  words <- vapply(residual$parts, `[[`, "", "word")
  length(words) > 0L && !isTRUE(residual$nugget) && all(words %in% c(spatial_words, "ar1"))
}

# With known, different weights a level effect and the residual can be told apart.
weights_differ <- function(weights, used) {
  if (is.null(weights)) return(FALSE)
  if (!is.null(used)) weights <- weights[used]
  min(weights) < max(weights)
}

# At least one residual degree of freedom. The rank is computed only when the columns outnumber the rows.
check_column_count <- function(frame, rows, n) {
  p <- length(frame$x_names)
  if (p < n) return(invisible())
  X <- build_matrix(frame, rows$data, NULL, rows$n)
  if (n < rows$n && is.null(rows$observed)) X <- X[rows$weights > 0, , drop = FALSE]
  if (qr(X)$rank < n) return(invisible())
  many <- names(which(lengths(frame$xlevels) > n / 2))
  lmm_abort("unidentified", paste0(count_of(p, "fixed-effect column"), ", ", count_of(n, "row"),
                                   ": nothing is left to estimate variances from."), what = frame$response,
            value = c(columns = p, rows = n), fix = if (!length(many)) "Use fewer fixed effects."
            else paste0(quote_name(many[1L]), " has ", length(frame$xlevels[[many[1L]]]),
                        " levels; is it meant to be numeric?"))
}
