# Fits with effects that are correlated across levels: prediction errors, and what is printed.

# Var(b_hat - b) of the levels: a combination of the columns for each.
across_prediction_errors <- function(fit, k) {
  root <- fit_random(fit)[[k]]$root
  if (is.null(root)) root <- diag(length(across_levels(fit_random(fit)[[k]])))
  n <- nrow(root)
  design <- list(X = matrix(0, n, length(fit_beta(fit))),
                 Z = lapply(fit_random(fit), function(term) matrix(0, n, term$q)),
                 codes = lapply(fit_groups(fit), function(group) integer(n)))
  design$Z[[k]] <- unname(root)
  design$codes[[fit_term_groups(fit)[k]]] <- rep(1L, n)
  matrix(engine_prediction_variance(fit, design), ncol = 1L)
}

# What VarCorr() shows of such a term: its variance and, in words, the rest.
describe_across <- function(fit, t, scale) {
  term <- fit_random(fit)[[t]]
  natural <- fit_natural(fit)[[t]]
  range <- natural[term_table(term)$kind == "range"]
  out <- describe_covariance(matrix(natural[1L]), list(columns = "(Intercept)", structure = term$structure), scale)
  words <- if (length(range)) paste0(structure_label(term), ", range ", format(range, digits = 4L)) else
    paste("known relationship of", count_of(length(across_levels(term)), "level"))
  structure(out, structure = term$structure, text = paste0(written_terms(list(term)), ": ", words),
            listed = listed_parameters(fit, t, scale))
}

# Adds the relationship to what VarCorr() shows of a term.
related_text <- function(own, term, group) {
  if (!is_related(group)) return(own)
  text <- attr(own, "text")
  structure(own, text = paste0(if (is.null(text)) written_terms(list(term)) else text,
                               if (is.null(text)) ": " else ", ", "known relationship of ",
                               count_of(length(group$levels), "level")))
}
