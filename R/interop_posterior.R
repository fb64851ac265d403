# Posterior draws for packages 'posterior' and 'coda', and for those that go through them.

#' @rawNamespace S3method(posterior::as_draws, lmm_posterior)
#' @rawNamespace S3method(posterior::as_draws_df, lmm_posterior)
#' @rawNamespace S3method(posterior::as_draws_matrix, lmm_posterior)
#' @rawNamespace S3method(posterior::as_draws_array, lmm_posterior)
#' @rawNamespace S3method(posterior::as_draws_list, lmm_posterior)
#' @rawNamespace S3method(posterior::as_draws_rvars, lmm_posterior)
#' @rawNamespace S3method(coda::as.mcmc, lmm_posterior)
#' @rawNamespace S3method(coda::as.mcmc.list, lmm_posterior)
NULL

posterior_form <- function(x, name, ...) {
  frame <- plain_draws(x)
  if (name == "as_draws_df") return(frame)
  getExportedValue("posterior", name)(frame, ...)
}

as_draws.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_df")

as_draws_df.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_df")

as_draws_matrix.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_matrix", ...)

as_draws_array.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_array", ...)

as_draws_list.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_list", ...)

as_draws_rvars.lmm_posterior <- function(x, ...) posterior_form(x, "as_draws_rvars", ...)

as.mcmc.list.lmm_posterior <- function(x, ...) {
  frame <- plain_table(x)
  values <- as.matrix(frame[setdiff(names(frame), c(".chain", ".iteration", ".draw"))])
  rownames(values) <- NULL
  parts <- lapply(split(seq_len(nrow(frame)), frame$.chain), function(rows) coda::mcmc(values[rows, , drop = FALSE]))
  coda::mcmc.list(unname(parts))
}

# All chains one after the other.
as.mcmc.lmm_posterior <- function(x, ...) coda::mcmc(as.matrix(as.mcmc.list.lmm_posterior(x)))
