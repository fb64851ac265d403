# Random numbers: seeds, and a stream of its own for each replicate.

# A seed that fixes everything: the one given, or one drawn from the caller's generator.
own_seed <- function(seed) {
  if (is.null(seed)) return(sample.int(.Machine$integer.max, 1L))
  check_number(seed, "seed", -.Machine$integer.max, .Machine$integer.max, whole = TRUE)
}

# A column for each replicate: the state of the generator at the start of its stream. The streams of L'Ecuyer's
# generator (L'Ecuyer, Simard, Chen and Kelton 2002) are 2^127 numbers apart.
random_streams <- function(nsim, seed) {
  generator <- generator_state()
  on.exit(restore_generator(generator))
  set.seed(seed, kind = "L'Ecuyer-CMRG", normal.kind = "Inversion", sample.kind = "Rejection")
  state <- get(".Random.seed", envir = globalenv(), inherits = FALSE)
  streams <- matrix(0L, length(state), nsim)
  for (k in seq_len(nsim)) streams[, k] <- state <- parallel::nextRNGStream(state)
  streams
}

# `size` numbers from the start of each stream: normal ones, or drawn by another function.
stream_normals <- function(streams, size) stream_numbers(streams, size, stats::rnorm)

stream_numbers <- function(streams, size, draw) {
  generator <- generator_state()
  on.exit(restore_generator(generator))
  value <- matrix(0, size, ncol(streams))
  for (k in seq_len(ncol(streams))) {
    restore_seed(streams[, k])
    value[, k] <- draw(size)
  }
  value
}

# Kind and state; a session that has drawn nothing yet has no state.
generator_state <- function() {
  list(kind = RNGkind(), seed = get0(".Random.seed", envir = globalenv(), inherits = FALSE))
}

restore_generator <- function(generator) {
  if (!is.null(generator$seed)) return(restore_seed(generator$seed))
  suppressWarnings(do.call(RNGkind, as.list(generator$kind)))   # "Rounding" warns each time
  rm(".Random.seed", envir = globalenv())
}

# As stats::simulate(): without a seed the state before, with one the seed and the kind of generator.
seed_state <- function(seed) {
  if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE)) stats::runif(1)
  before <- get(".Random.seed", envir = globalenv())
  if (is.null(seed)) return(list(seed = before))
  set.seed(own_seed(seed))
  list(before = before, seed = structure(seed, kind = as.list(RNGkind())))
}

restore_seed <- function(before) assign(".Random.seed", before, envir = globalenv())
