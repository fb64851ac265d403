# The model with less in its random part: on the level of the plan, so that nothing has to be looked up again.

# The ways in which the random part can be reduced by one effect: list(label, term, mixture, drop), in the order of the
# formula. `drop`: labels of effects that a term loses ("1" is the intercept), or NULL for the term as a whole.
reductions <- function(fit, reduce = TRUE) {
  order <- formula_order(fit)
  unlist(lapply(order, function(t) term_reductions(fit_random(fit)[[t]], t, reduce)), recursive = FALSE)
}

# Terms in the order in which the formula names them.
formula_order <- function(fit) {
  labels <- vapply(fit_random(fit), `[[`, "", "label")
  left <- seq_along(labels)
  asked <- vapply(fit$spec$random, `[[`, "", "label")
  out <- integer()
  for (label in asked) {
    found <- left[labels[left] == label][1L]
    out <- c(out, found)
    left <- setdiff(left, found)
  }
  c(out[!is.na(out)], left)
}

term_reductions <- function(term, index, reduce) {
  text <- paste0("(", term$label, ")")
  whole <- list(label = text, term = index, drop = NULL)
  effects <- attr(term$terms, "term.labels")
  if (!reduce || !length(effects)) return(list(whole))
  if (term$structure == "diagonal") return(diagonal_reductions(term, index, effects))
  last <- drop_scope(term$terms)
  lapply(last, function(effect) {
    alone <- length(effects) == 1L && !term$coding$intercept
    list(label = paste(effect, "in", text), term = index,
         drop = if (!alone) effect else if (is.null(term$z_constant)) NULL else "to intercept")
  })
}

# Package 'lme4' writes (x || g) as (1 | g) + (0 + x | g).
diagonal_reductions <- function(term, index, effects) {
  group <- sub(".*\\|\\| ", "", term$label)
  own <- lapply(effects, function(effect) {
    list(label = paste0(effect, " in (0 + ", effect, " | ", group, ")"), term = index, drop = effect)
  })
  if (term$coding$intercept) own <- c(list(list(label = paste0("(1 | ", group, ")"), term = index, drop = "1")), own)
  if (length(own) == 1L) own[[1L]]["drop"] <- list(NULL)
  own
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

# Columns of a term by effect, "1" for the intercept.
effect_columns <- function(fit, term) {
  sizes <- lengths(matrix_names(term, fit$rows$data))
  rep(c(if (term$coding$intercept) "1", attr(term$terms, "term.labels")), sizes)
}

# The term without an effect; NULL when nothing is left of it.
reduced_term <- function(fit, term, drop) {
  if (is.null(drop)) return(NULL)
  if (identical(drop, "to intercept")) {
    term[names(intercept_plan)] <- intercept_plan
    term$terms <- intercept_terms
    term$z_constant <- 1
    term$q <- 1L
    return(term)
  }
  gone <- effect_columns(fit, term) == drop
  if (drop == "1") term$coding$intercept <- FALSE
  else term$coding$blocks <- term$coding$blocks[attr(term$terms, "term.labels") != drop]
  constant <- term$z_constant
  term["z_constant"] <- list(if (!is.null(constant) && all(constant[gone] == 0)) constant[!gone])
  term$columns <- term$columns[!gone]
  term$q <- length(term$columns)
  term
}

# list(frame, rows) with one term replaced, or left out (new = NULL), and with it a grouping factor that no term needs.
replace_term <- function(fit, index, new) {
  frame <- fit$frame
  rows <- fit$rows
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

# A fit of the model with less; no message about its boundary. NULL when no random term is left.
reduced_fit <- function(fit, index, new, reml = fit$spec$reml) {
  if (is.null(new) && length(fit_random(fit)) == 1L) return(NULL)
  model <- replace_term(fit, index, new)
  model$frame$spec$reml <- reml
  blocks <- cross_products(model$frame, model$rows, fit$control$chunk_rows)
  found <- find_optimum(model$frame, blocks, reml, NULL, fit$control)
  withCallingHandlers(new_lmm_fit(fit$call, model$frame, model$rows, blocks, found, fit$control, NULL),
                      lmm_message_boundary = function(m) tryInvokeRestart("muffleMessage"))
}
