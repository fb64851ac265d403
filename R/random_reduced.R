# The model with less in its random part: on the level of the plan, so that nothing has to be looked up again.

# The ways in which the random part can be reduced by one effect, in the order of the formula: list(label, term, left).
# `left`: what stays of the term, list(intercept, effects), or NULL where it goes as a whole.
reductions <- function(fit, reduce = TRUE) {
  unlist(lapply(formula_order(fit_frame(fit)), function(t) term_reductions(fit, fit_random(fit)[[t]], t,
                reduce)), recursive = FALSE)
}

term_reductions <- function(fit, term, index, reduce) {
  text <- written_terms(list(term))
  effects <- attr(term$terms, "term.labels")
  if (!reduce || !length(effects) || is_special(term)) return(list(list(label = text, term = index, left = NULL)))
  if (is_diagonal(term)) return(diagonal_reductions(fit, term, index, effects))
  lapply(drop_scope(term$terms), function(effect) {
    # (0 + f | g) to (1 | g)
    intercept <- term$coding$intercept || (length(effects) == 1L && !is.null(term$z_constant))
    list(label = paste(effect, "in", text), term = index, left = what_is_left(intercept, setdiff(effects, effect)))
  })
}

# Package 'lme4' writes (x || g) as (1 | g) + (0 + x | g). Left out are effects without which the columns of others,
# which have variances of their own, would be coded differently, as the intercept beside a factor.
diagonal_reductions <- function(fit, term, index, effects) {
  group <- term_group_text(term)
  one <- function(label, intercept, effects) list(label = label, term = index, left = what_is_left(intercept, effects))
  ways <- lapply(effects, function(effect) {
    one(paste0(effect, " in (0 + ", effect, " | ", group, ")"), term$coding$intercept, setdiff(effects, effect))
  })
  if (term$coding$intercept) ways <- c(list(one(paste0("(1 | ", group, ")"), FALSE, effects)), ways)
  Filter(function(way) is.null(way$left) || all(reduced_term(fit, term, way$left)$columns %in% term$columns), ways)
}

what_is_left <- function(intercept, effects) if (intercept || length(effects)) list(intercept = intercept,
                                                                                    effects = effects)

term_group_text <- function(term) sub("^.*?\\|+ ", "", term$label, perl = TRUE)

# The random terms as they would be written after a reduction.
reduced_texts <- function(fit, way) {
  texts <- written_terms(fit_spec(fit)$random)
  at <- which(formula_order(fit_frame(fit)) == way$term)
  if (is.null(way$left)) return(texts[-at])
  term <- fit_random(fit)[[way$term]]
  bar <- if (is_diagonal(term) && length(way$left$effects)) " || " else " | "
  lhs <- c(if (way$left$intercept) "1" else "0", way$left$effects)
  texts[at] <- paste0("(", paste(lhs, collapse = " + "), bar, term_group_text(term), ")")
  texts
}

# Effects that no other contains.
drop_scope <- function(terms) {
  labels <- attr(terms, "term.labels")
  parts <- attr(terms, "factors") > 0
  contained <- vapply(seq_along(labels), function(k) {
    any(vapply(seq_along(labels)[-k], function(j) all(parts[parts[, k], j]) && any(parts[, j] != parts[, k]), NA))
  }, NA)
  labels[!contained]
}

# The term with what is left of it, planned anew from the variables in the fit; NULL when nothing is.
reduced_term <- function(fit, term, left) {
  if (is.null(left)) return(NULL)
  if (length(left$effects)) {
    terms <- parse_terms(stats::reformulate(left$effects, intercept = left$intercept))
    plan <- matrix_plan(terms, fit_rows(fit, "a model with fewer random effects")$data, term$contrasts)
  } else {
    plan <- c(intercept_plan, list(terms = intercept_terms))
  }
  part <- c("terms", "xlevels", "contrasts", "coding", "columns")
  term[part] <- plan[part]
  term["z_constant"] <- list(plan$constant)
  term$q <- length(plan$columns)
  term
}

# list(frame, rows) with one term replaced, or left out (new = NULL), and with it a grouping factor that no term needs.
replace_term <- function(fit, index, new) {
  frame <- fit_frame(fit)
  rows <- fit_stored_rows(fit)
  frame$random <- if (is.null(new)) frame$random[-index] else replace(frame$random, index, list(new))
  used <- sort(unique(vapply(frame$random, function(term) as.integer(term$group), 0L)))
  frame$groups <- frame$groups[used]
  rows$codes <- rows$codes[used]
  frame$random <- lapply(frame$random, function(term) {
    term$group <- match(term$group, used)
    term
  })
  list(frame = frame, rows = rows)
}

# Of one factor that is left, for instance, there is the direct solver alone.
reduced_control <- function(fit, frame) {
  control <- fit_control(fit)
  if (!is.null(direct_only(frame))) control$solver <- "direct"
  control
}

# A fit of the model with less; no message about its boundary. NULL when no random term is left.
reduced_fit <- function(fit, index, new, reml = fit_spec(fit)$reml) {
  if (is.null(new) && length(fit_random(fit)) == 1L && !is_structured(fit)) return(NULL)
  model <- replace_term(fit, index, new)
  model$frame$spec$reml <- reml
  control <- reduced_control(fit, model$frame)
  blocks <- summed_blocks(model$frame, model$rows, control)
  found <- find_optimum(model$frame, blocks, reml, NULL, control)
  without_boundary_messages(new_lmm_fit(fit_call(fit), model$frame, model$rows, blocks, found, control, NULL))
}
