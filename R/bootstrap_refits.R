# Refits of responses that a model has drawn, block by block, on one or several processors.

# For each of `fits` the joined lists of engine_refit(), over the same `nsim` responses drawn from `from`.
#
# The numbers of a replicate come from its own stream, and the blocks depend on the model alone: neither the number of
# processors nor that of replicates changes a replicate.
bootstrap_refits <- function(fits, from, nsim, seed, threads = 1, progress = FALSE, plan = NULL) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_number(threads, "threads", lower = 1, whole = TRUE)
  check_flag(progress, "progress")
  check_draws(nsim, 8 * (12 + 3 * (length(fit_theta(from)) + length(fit_beta(from)))))
  if (is_cells_fit(from)) {
    drawing <- with_drawing_rows(c(list(from), fits))
    from <- drawing[[1L]]
    fits <- drawing[-1L]
    plan <- NULL
  }
  rows <- fit_rows(from, "the bootstrap")
  if (is.null(plan)) plan <- parametric_plan(from, rows)
  streams <- random_streams(nsim, seed)
  size <- max(1, min(50, floor(1e6 / rows$n)))
  blocks <- unname(split(seq_len(nsim), (seq_len(nsim) - 1L) %/% size))
  work <- function(columns) {
    Y <- plan$responses(stream_numbers(streams[, columns, drop = FALSE], plan$size, plan$numbers))
    if (!is.null(rows$weights)) Y[rows$weights == 0, ] <- 0
    lapply(fits, engine_refit, Y)
  }
  parts <- run_blocks(blocks, work, threads, progress)
  joined <- lapply(seq_along(fits), function(k) join_refits(lapply(parts, `[[`, k)))
  warn_not_converged(joined, nsim)
  joined
}

# `statistic` of complete fits, one for each stream: a list of its values, with attribute "singular". A refit that fails
# has none.
fitted_statistics <- function(fit, plan, statistic, nsim, seed, threads, progress) {
  if (is_cells_fit(fit)) {
    fit <- with_drawing_rows(list(fit))[[1L]]
    plan <- parametric_plan(fit, fit_stored_rows(fit))
  }
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_number(threads, "threads", lower = 1, whole = TRUE)
  check_flag(progress, "progress")
  check_draws(nsim, 512)
  streams <- random_streams(nsim, seed)
  again <- function(numbers) {
    if (!is.null(plan$chosen)) return(resampled_fit(fit, plan, numbers))
    fit_again(fit, replace_response(fit_frame(fit), fit_stored_rows(fit), plan$responses(matrix(numbers))[, 1L]))
  }
  work <- function(columns) {
    numbers <- stream_numbers(streams[, columns, drop = FALSE], plan$size, plan$numbers)
    lapply(seq_along(columns), function(k) {
      new <- tryCatch(suppressMessages(suppressWarnings(again(numbers[, k]))), lmm_error = identity)
      if (inherits(new, "lmm_error")) return(list(value = NULL, singular = NA))
      list(value = statistic(new), singular = any(fit_singular(new)))
    })
  }
  blocks <- unname(split(seq_len(nsim), (seq_len(nsim) - 1L) %/% 10L))
  out <- unlist(run_blocks(blocks, work, threads, progress), recursive = FALSE)
  structure(lapply(out, `[[`, "value"), singular = vapply(out, `[[`, NA, "singular"))
}

# The results of `work` on each block. With progress, a bar in interactive use, otherwise a line after each tenth of the
# work, if that is a block or more.
run_blocks <- function(blocks, work, threads, progress) {
  if (!progress) return(in_processes(blocks, work, threads))
  total <- sum(lengths(blocks))
  done <- cumsum(lengths(blocks))
  tell <- if (shows_progress()) progress_bar(total, "Refits") else
    function(done) cat(sprintf("%d of %d refits\n", done, total))
  parts <- list()
  for (round in split(seq_along(blocks), ceiling((if (shows_progress()) 50 else 10) * done / total))) {
    parts <- c(parts, in_processes(blocks[round], work, threads))
    tell(done[max(round)])
  }
  parts
}

# Forked processes share the data without a copy; Windows has none.
in_processes <- function(blocks, work, threads) {
  threads <- min(threads, length(blocks))
  if (threads == 1 || .Platform$OS.type == "windows") return(lapply(blocks, work))
  caught <- function(block) tryCatch(work(block), error = identity)
  parts <- suppressWarnings(parallel::mclapply(blocks, caught, mc.cores = threads, mc.set.seed = FALSE))
  failed <- Filter(function(part) inherits(part, "error"), parts)
  for (e in failed) stop(e)
  if (!all(vapply(parts, is.list, NA))) {
    lmm_abort("numeric", "a process of the bootstrap ended without a result.", what = "threads", value = threads,
              fix = "If memory ran out, use fewer `threads`.")
  }
  parts
}

join_refits <- function(parts) {
  bind <- function(name) do.call(cbind, lapply(parts, `[[`, name))
  chain <- function(name) unlist(lapply(parts, `[[`, name), use.names = FALSE)
  list(theta = bind("theta"), beta = bind("beta"), covariance = bind("covariance"), sigma = chain("sigma"),
       criterion = chain("criterion"), converged = chain("converged"), singular = chain("singular"))
}

warn_not_converged <- function(joined, nsim) {
  failed <- sum(!Reduce(`&`, lapply(joined, `[[`, "converged")))
  if (!failed) return(invisible())
  lmm_warn("convergence", paste0(failed, " of ", count_of(nsim, "refit"), " did not converge."), what = "nsim",
           value = failed,
           fix = "Raise `max_evaluations` in the lmm_control() of the fit.")
}

# Likelihood ratios of `nsim` responses drawn from the smaller of two fits by maximum likelihood.
simulated_ratios <- function(large, small, nsim, seed, threads, progress) {
  if (fit_is_exact(small)) {
    lmm_abort("input", "the smaller model fits the response exactly: it has no residual variance to draw from.",
              what = "small")
  }
  refits <- bootstrap_refits(list(small, large), small, nsim, seed, threads, progress)
  positive_ratio(refits[[1L]]$criterion - refits[[2L]]$criterion)
}

# A likelihood ratio has no unit; below 1e-9 it is the rounding of two equal likelihoods, as where a variance is zero.
positive_ratio <- function(ratio) ifelse(ratio < 1e-9, 0, ratio)

# p-value of an observed ratio, the share of ratios at least as large with the observed one counted, and its Monte Carlo
# standard error (Davison and Hinkley 1997, equation 4.11).
bootstrap_p <- function(observed, ratios) {
  ratios <- ratios[!is.na(ratios)]
  p <- (1 + sum(ratios >= positive_ratio(observed))) / (1 + length(ratios))
  c(p = p, error = sqrt(p * (1 - p) / length(ratios)))
}
