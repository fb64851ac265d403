# The door to the C++ engine: what it is told, and what its refusals become. No arithmetic here.

# Shapes of the random terms, as the engine wants them.
engine_layout <- function(frame) {
  list(levels = vapply(frame$groups, function(group) length(group$levels), 0L, USE.NAMES = FALSE),
       terms = lapply(frame$random, function(term) term[c("group", "q", "structure")]))
}

engine_options <- function(fit_or_control, reml, start = NULL) {
  control <- if (inherits(fit_or_control, "lmm_fit")) fit_or_control$control else fit_or_control
  list(reml = reml, max_evaluations = control$max_evaluations, decrement = control$decrement,
       restarts = control$restarts, memory_limit = control$memory_limit, start = start)
}

# Returns the engine's list, or signals the condition it stands for. `frame` names what the engine numbers.
engine_result <- function(x, frame) {
  if (is.null(x$engine_error)) return(x)
  switch(x$engine_error,
    random_rank = abort_random_rank(x$message, frame),
    memory = abort_memory(x$message),
    bad_alloc = lmm_abort("numeric", "not enough memory for the factorization of this model.",
                          fix = "Use fewer levels in the crossed grouping factors."),
    not_finite = lmm_abort("numeric", "the criterion is not finite at these parameters."),
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
  gigabytes <- function(x) paste(format(signif(x / 1e9, 2L)), "GB")
  lmm_abort("numeric", paste0("the Cholesky factor of the random effects needs about ", gigabytes(bytes[1L]),
    " of memory; ", gigabytes(bytes[2L]), " may be used."), value = bytes,
    fix = "Crossed factors with many levels fill in. Drop one, or raise `memory_limit` in lmm_control().")
}

# Memory that a fit may use: what the system says is free, or a guess where it does not say.
available_memory <- function(default = 8e9) {
  if (!file.exists("/proc/meminfo")) return(default)
  line <- grep("^MemAvailable:", readLines("/proc/meminfo"), value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else default
}
