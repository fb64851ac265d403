# Parameters of random effects that the covariance structure of their term holds by itself: those of terms with a
# structure around the bar and, beside a residual structure, of terms with one column.

# `fixed` as given. list(random, fixed): the terms of the frame with what they hold, and what is left of `fixed`.
hold_in_terms <- function(frame, fixed, residual) {
  out <- list(random = frame$random, fixed = fixed)
  value <- if (is.list(fixed)) unlist(fixed) else fixed
  if (!length(value) || !is.numeric(value) || is.null(names(value))) return(out)
  if (!is.null(residual)) frame$random <- lapply(frame$random, with_one_variance)
  known <- known_parameters(frame)
  known <- known[known$term > 0L, ]
  at <- match(names(value), known$name)
  own <- which(!is.na(at))
  own <- own[vapply(frame$random[known$term[at[own]]], is_special, NA)]
  if (!length(own)) return(out)
  held <- cbind(known[at[own], ], value = unname(value[own]), given = names(value)[own])
  check_held_in_terms(held, frame)
  variance <- known_variance(value)
  if (is.na(variance) && any(is_scale(held))) abort_without_sigma(held$given[is_scale(held)])
  for (t in unique(held$term)) {
    out$random[[t]] <- frame$random[[t]]
    out$random[[t]]$held <- term_held(frame$random[[t]], held[held$term == t, ], variance)
  }
  out$fixed <- fixed[-own]
  out
}

# The residual variance that `fixed` holds; NA for none. What is no variance is refused later.
known_variance <- function(value) {
  sigma <- value[match(scale_names, names(value))]
  out <- if (is.na(sigma[1L])) sigma[[2L]] else sigma[[1L]]^2
  if (is.na(out) || (is.finite(out) && out > 0)) out else 1
}

# Variances of these terms are relative to the residual variance.
abort_without_sigma <- function(names) {
  lmm_abort("input", paste0(enumerate(quote_name(names)), " can be fixed only together with sigma: with a ",
                            "structure of this term or of the residuals, variances are relative to sigma^2."),
            what = names, fix = "Add sigma to `fixed`, or fix correlations and ranges only.")
}

is_scale <- function(held) held$kind == "variance"

# list(index, value, ...): numbers among the natural parameters and their values, variances relative to the known
# sigma^2 (`variance`); then the names of these parameters, what was asked under which name, and which are variances.
term_held <- function(term, held, variance) {
  natural <- held$value
  roots <- is_scale(held) & !held$squared
  natural[roots] <- natural[roots]^2
  natural[is_scale(held)] <- natural[is_scale(held)] / variance
  list(index = match(own_key(held), parameter_keys(term)), value = as.double(natural), name = held$shown,
       given = held$given, asked = held$value, scale = is_scale(held))
}

check_held_in_terms <- function(held, frame) {
  twice <- duplicated(held[c("term", "row", "col", "kind")])
  if (any(twice)) lmm_abort("input", paste0("`fixed` names ", quote_name(held$given[twice][1L]), " twice."),
                            what = held$given[twice])
  for (k in seq_len(nrow(held))) {
    term <- frame$random[[held$term[k]]]
    found <- term_table(term)
    index <- match(own_key(held[k, ]), parameter_keys(term))
    if (!found$holdable[index]) abort_not_holdable(held$given[k], term, held_words(frame, held$term[k], found$holdable))
    square <- if (held$squared[k]) held$value[k] else held$value[k]^2
    inside <- if (is_scale(held[k, ])) held$value[k] > 0 && is.finite(square) && square > .Machine$double.xmin else
      held$value[k] > found$lower[index] && held$value[k] < found$upper[index]
    if (is.finite(held$value[k]) && inside) next
    lmm_abort("input", paste0(quote_name(held$given[k]), " cannot be fixed at ", format(held$value[k]), "."),
              what = held$given[k], value = held$value[k], fix = held_range(held[k, ], found, index))
  }
}

held_range <- function(held, found, index) {
  if (is_scale(held) && isTRUE(held$value > 0)) {
    return("Its square is outside the range of double precision; change the unit of the response.")
  }
  if (is_scale(held)) return(paste("A", if (held$squared) "variance" else "standard deviation", "must be positive."))
  paste0("It must lie between ", format(found$lower[index], digits = 4L), " and ",
         format(found$upper[index], digits = 4L), ".")
}

# Names of the parameters of a term that can be held.
held_words <- function(frame, t, holdable) {
  parameters <- frame_parameters(frame)
  own <- parameters$term == t
  names <- parameter_names(parameters, old = FALSE)[own]
  names[holdable[match(own_key(parameters[own, ]), parameter_keys(frame$random[[t]]))]]
}

abort_not_holdable <- function(name, term, holdable) {
  lmm_abort("input", paste0(quote_name(name), " of ", term$word, "(", term$label, ") cannot be fixed."),
            what = name,
            fix = paste(c(if (length(holdable)) paste0("Of this term, ", enumerate(quote_name(holdable)),
                                                       " can be fixed."),
                          if (grepl("cs$", term$word))
                            "A known correlation matrix of levels is given by `relationship`."),
                        collapse = " "))
}

# Names of what the terms hold.
names_held_in_terms <- function(frame) unlist(lapply(frame$random, function(term) term[["held"]]$name))
