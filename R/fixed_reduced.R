# The model with fewer fixed terms: on the level of the plan, so that it has the same rows and nothing is looked up
# again.

# The fit without one fixed term, by restricted or full maximum likelihood; without messages.
without_term <- function(fit, term, reml = fit_spec(fit)$reml) {
  fit <- with_cell_rows(fit)
  change <- stats::as.formula(call("~", quote(.), call("-", quote(.), str2lang(term))))
  fixed <- stats::update.formula(stats::formula(fit_frame(fit)$terms), change)
  formula <- stats::update.formula(fit_spec(fit)$formula, join_formula(fit, fixed, written_terms(fit_spec(fit)$random)))
  if (is.null(fit_stored_rows(fit))) {
    out <- refit_formula(fit, formula)
    return(if (isTRUE(reml)) out else refit_ml(out))
  }
  model <- with_fixed_terms(fit, fewer_terms(fixed, fit_frame(fit)$terms), formula, reml)
  blocks <- summed_blocks(model$frame, model$rows, fit_control(fit))
  found <- find_optimum(model$frame, blocks, reml, NULL, fit_control(fit))
  call <- fit_call(fit)
  call$formula[] <- formula
  conditions <- c(Filter(function(condition) inherits(condition, "lmm_message_na"), fit_conditions(fit)),
                  rank_conditions(model$frame, blocks))
  suppressMessages(new_lmm_fit(call, model$frame, model$rows, blocks, found, fit_control(fit), conditions))
}

# The terms of a formula all of whose variables are among those of `old`.
fewer_terms <- function(formula, old) {
  terms <- parse_terms(formula)
  at <- match(variable_labels(terms), variable_labels(old))
  attr(terms, "predvars") <- attr(old, "predvars")[c(1L, at + 1L)]
  attr(terms, "dataClasses") <- attr(old, "dataClasses")[at]
  attr(terms, ".Environment") <- attr(old, ".Environment")
  terms
}

# list(frame, rows) with other fixed terms; variables that nothing needs any more leave the rows.
with_fixed_terms <- function(fit, terms, formula, reml) {
  frame <- fit_frame(fit)
  rows <- fit_stored_rows(fit)
  plan <- matrix_plan(terms, rows$data, frame$contrasts)
  needed <- c(variable_labels(terms), names(formula_variables(terms, frame$spec)$calls),
              vapply(variance_variables(frame$spec$residual), variable_label, ""))
  gone <- setdiff(variable_labels(frame$terms), needed)
  frame[c("terms", "xlevels", "contrasts", "coding", "x_names", "x_assign", "x_constant")] <-
    list(terms, plan$xlevels, plan$contrasts, plan$coding, plan$columns, plan$assign, plan$constant)
  frame$spec[c("formula", "fixed", "reml")] <- list(formula, structure(stats::formula(terms),
                                                                       .Environment = environment(formula)), reml)
  kept <- attributes(rows$data)
  rows$data <- unclass(rows$data)[setdiff(kept$names, gone)]
  kept[c("names", "terms")] <- list(names(rows$data), terms)
  attributes(rows$data) <- kept
  list(frame = frame, rows = rows)
}
