# Responses of a parametric bootstrap as its documentation says: number k is what simulate() draws at the start of the
# k-th stream after the seed.
literal_draws <- function(fit, nsim, seed) {
  kind <- RNGkind()
  on.exit(do.call(RNGkind, as.list(kind)))
  set.seed(seed, kind = "L'Ecuyer-CMRG", normal.kind = "Inversion", sample.kind = "Rejection")
  stream <- get(".Random.seed", globalenv())
  lapply(seq_len(nsim), function(k) {
    stream <<- parallel::nextRNGStream(stream)
    assign(".Random.seed", stream, globalenv())
    simulate(fit)[[1]]
  })
}

# The first response that bootstrap() draws with a seed.
simulate_first <- function(fit, seed) {
  plan <- parametric_plan(fit, fit$rows)
  plan$responses(stream_normals(random_streams(1, seed), plan$size))[, 1]
}
