# What the text of a formula alone decides is kept for the next call with the same formula, as in a loop over data sets:
# list(text, spec, variables) of the last formula whose meaning depends on nothing else.
last_formula <- new.env(parent = emptyenv())

# The specification of a formula that was read before, in its own environment; NULL for another formula.
remembered_spec <- function(formula, REML) {
  if (is.null(last_formula$text) || !identical(bare_formula(formula), last_formula$text)) return(NULL)
  spec <- in_environment(last_formula$spec, environment(formula))
  spec$reml <- REML
  spec
}

# Options of structures may be expressions, and `.` depends on the data.
remember_spec <- function(spec) {
  if (!depends_on_text(spec) || "." %in% all.names(spec$formula)) return(spec)
  last_formula$text <- bare_formula(spec$formula)
  last_formula$spec <- in_environment(spec, emptyenv())
  last_formula$variables <- NULL
  spec
}

depends_on_text <- function(spec) {
  plain <- function(term) !any(c("word", "root", "precision", "across") %in% names(term))
  is.null(spec$residual) && all(vapply(spec$random, plain, NA))
}

bare_formula <- function(formula) {
  attributes(formula) <- NULL
  formula
}

in_environment <- function(spec, env) {
  environment(spec$fixed) <- environment(spec$formula) <- env
  for (i in seq_along(spec$random)) environment(spec$random[[i]]$lhs) <- env
  spec
}
