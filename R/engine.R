# The interface to the C++ engine: the arguments passed to it and the conditions made from its errors. No arithmetic.

# Shapes of the random terms, as the engine wants them.
engine_layout <- function(frame, sigma = NULL) {
  terms <- lapply(frame$random, function(term) c(term[c("group", "q")], term_spec(term)))
  if (isFALSE(frame$bounded)) {
    refuse_special(frame, "`bounded = FALSE` is", "Use bounded = TRUE.")
    terms <- lapply(terms, function(term) replace(term, "structure", paste(term$structure, "unbounded")))
  }
  if (isFALSE(frame$bounded)) refuse_related(frame, "`bounded = FALSE` is", "Use bounded = TRUE.")
  list(levels = vapply(frame$groups, function(group) length(group$levels), 0L, USE.NAMES = FALSE), terms = terms,
       precisions = lapply(unname(frame$groups), `[[`, "precision"), sigma = sigma,
       lead = frame$lead)      # which group is eliminated level by level, NULL for the one with most levels
}

engine_options <- function(control, frame, reml, start = NULL) {
  list(reml = reml, max_evaluations = control$max_evaluations, decrement = control$decrement,
       restarts = control$restarts, no_constant = is.null(frame$x_constant), memory_limit = control$memory_limit,
       start = start, held = engine_held(frame))
}

# Returns the engine's list, or signals the condition it stands for. `frame` names what the engine numbers.
engine_result <- function(x, frame) {
  if (!is.list(x) || is.null(x$engine_error)) return(x)
  switch(x$engine_error,
    random_rank = abort_random_rank(x$message, frame),
    memory = abort_memory(x$message),
    structured_memory = abort_structured_memory(x$message),
    bad_alloc = lmm_abort("numeric", "not enough memory for the factorization of this model.",
                          fix = "Use fewer levels in the crossed grouping factors."),
    overflow = lmm_abort("numeric", "sums of squares of the weighted data overflow double precision.",
                         fix = "Divide the weights, the response or the covariates by a constant."),
    unbounded_size = lmm_abort("numeric",
                               paste0("with `bounded = FALSE` and several grouping factors all random effects (",
                                 x$message, ") form one dense matrix, which is limited to 3000."),
                               value = as.numeric(x$message), fix = "Use bounded = TRUE."),
    iterative_passes = , iterative_ratio = , iterative_exact = abort_iterative(x$engine_error),
    not_finite = lmm_abort("numeric", "the criterion is not finite at these parameters.",
                           fix = paste("The data may not identify all variance parameters of the model: leave out",
                                       "a random term, or use a simpler structure.")),
    lmm_abort("input", paste0(x$message, "."))
  )
}

abort_random_rank <- function(place, frame) {
  at <- as.integer(strsplit(place, ":", fixed = TRUE)[[1L]])
  term <- frame$random[[at[1L]]]
  column <- term$columns[at[2L]]
  lmm_abort("unidentified", paste0("in the random term (", term$label, ") column ", quote_name(column),
    " is zero or a combination of the term's other columns: its variance cannot be estimated."),
    what = column, fix = "Remove it from the random term.")
}

abort_memory <- function(text) {
  bytes <- as.numeric(strsplit(text, ":", fixed = TRUE)[[1L]])
  lmm_abort("numeric",
            paste0("the Cholesky factor of the random effects and its inverse need about ", gigabytes(bytes[1L]),
    " of memory; ", gigabytes(bytes[2L]), " may be used."), value = bytes,
    fix = paste("Crossed factors with many levels fill in. Use solver = \"iterative\" in lmm_control(), drop one, or",
                "raise `memory_limit`."))
}

abort_structured_memory <- function(text) {
  bytes <- as.numeric(strsplit(text, ":", fixed = TRUE)[[1L]])
  lmm_abort("numeric",
            paste0("crossed random terms beside `residual` or `variance` need about ", gigabytes(bytes[1L]),
    " of memory (a square matrix over all random effects for each residual parameter); ", gigabytes(bytes[2L]),
    " may be used."), what = c("residual", "variance"), value = bytes,
    fix = paste("Use fewer residual parameters (groups of similar variance), drop a random term with many levels, or",
                "raise `memory_limit` in lmm_control()."))
}

# Refusals of the iterative solver, in the words of a condition.
abort_iterative <- function(kind) {
  why <- switch(kind,
    iterative_passes = "the conjugate gradients did not converge in 1000 passes over the pairs of levels",
    iterative_ratio =
      paste("a variance component is so large relative to the residual variance that the solver's computations lose",
            "all significant digits"),
    iterative_exact =
      "the fixed and random effects fit the response to machine precision, which leaves no residual variance")
  lmm_abort("solver", paste0("the iterative solver cannot fit this model: ", why, "."), what = "solver", value = kind,
            fix = "Use solver = \"direct\" in lmm_control(), if its memory allows.")
}
