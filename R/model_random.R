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
         structure = random[[i]]$structure, z_constant = plan$constant)
  })
  list(terms = terms, groups = groups, conditions = random_conditions(plans, groups))
}

# Decreasing number of levels. When the formula's order is not that, ties come out reversed, as lme4 does.
term_order <- function(sizes) {
  if (all(diff(sizes) <= 0L)) seq_along(sizes) else rev(order(sizes))
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
  check_slopes(plan, data, term$label)
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
  n <- if (is.null(used)) rows$n else sum(used)
  check_column_count(frame, rows, n)
  for (k in seq_along(frame$groups)) check_levels(frame$groups[[k]])
  for (term in frame$random) {
    if (term$q == 1L && !is.null(term$z_constant)) check_replicates(term, frame$groups[[term$group]], rows, used, n)
  }
}

check_levels <- function(group) {
  if (length(group$levels) > 1L) return(invisible())
  lmm_abort("unidentified", paste0("grouping factor ", quote_name(group$name),
                                   " has 1 level; its variance cannot be estimated."),
            what = group$name, where = group$levels, fix = "Remove the term, or use lm().")
}

check_replicates <- function(term, group, rows, used, n) {
  if (length(group$levels) < n) return(invisible())
  codes <- rows$codes[[term$group]]
  if (!is.null(used)) codes <- codes[used]
  if (anyDuplicated(codes) || weights_differ(rows$weights, used)) return(invisible())
  lmm_abort("unidentified", paste0(quote_name(group$name),
    " has one observation per level: its variance is confounded with the residual."), what = group$name,
    value = n, fix = paste0("Remove the term (", term$label, ")."))
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
  if (n < rows$n) X <- X[rows$weights > 0, , drop = FALSE]
  if (qr(X)$rank < n) return(invisible())
  many <- names(which(lengths(frame$xlevels) > n / 2))
  lmm_abort("unidentified", paste0(count_of(p, "fixed-effect column"), ", ", count_of(n, "row"),
                                   ": nothing is left to estimate variances from."), what = frame$response,
            value = c(columns = p, rows = n), fix = if (!length(many)) "Use fewer fixed effects."
            else paste0(quote_name(many[1L]), " has ", length(frame$xlevels[[many[1L]]]),
                        " levels; is it meant to be numeric?"))
}
