# Quantiles of the scaled residuals of many rows, without a vector of all residuals.

# Minimum, quartiles and maximum as stats::quantile() has them; NULL where there are none.
scaled_residual_quantiles <- function(fit) {
  if (is.null(fit_stored_rows(fit)) || fit_is_exact(fit)) return(NULL)
  n <- fit_stored_rows(fit)$n
  five <- if (n > 2 * chunk_rows && !is_structured(fit)) streamed_quantiles(fit, n)
  if (is.null(five)) {
    r <- stats::residuals(fit, type = "scaled")
    if (!any(is.finite(r))) return(NULL)
    five <- stats::quantile(r, na.rm = TRUE, names = FALSE)
  }
  stats::setNames(five, c("Min", "1Q", "Median", "3Q", "Max"))
}

# Of the rows in `index`, or of all.
scaled_residuals_at <- function(fit, index = NULL) {
  d <- design(fit_frame(fit), fit_stored_rows(fit), index)
  r <- d$y - linear_predictor(fit, d)
  (if (is.null(d$weights)) r else r * sqrt(d$weights)) / fit_sigma(fit)
}

# Exact, in one pass: a sample of the rows says within which bounds the quartiles lie, and only the residuals between
# these are kept and sorted; the others are counted. NULL where a quartile is not within its bounds, or too many
# residuals are.
streamed_quantiles <- function(fit, n, sample = 5e4) {
  bounds <- quartile_bounds(scaled_residuals_at(fit, scattered_rows(n, sample)))
  if (is.null(bounds)) return(NULL)
  parts <- lapply(seq.int(1, n, by = chunk_rows), function(from) {
    divide_values(scaled_residuals_at(fit, c(from, min(from + chunk_rows - 1, n))), bounds)
  })
  if (any(vapply(parts, is.null, NA))) return(NULL)
  count <- Reduce(`+`, lapply(parts, `[[`, "count"))
  kept <- sort(unlist(lapply(parts, `[[`, "inside")))
  range <- range(unlist(lapply(parts, `[[`, "range")))
  inside <- seq(2L, length(count), by = 2L)
  at <- 1 + (n - 1) * c(0.25, 0.5, 0.75)
  low <- ranked_value(floor(at), count, kept, inside)
  high <- ranked_value(ceiling(at), count, kept, inside)
  if (anyNA(c(low, high))) return(NULL)
  c(range[1L], ifelse(high == low, low, (1 - (at - floor(at))) * low + (at - floor(at)) * high), range[2L])
}

# Row numbers spread over all rows without a period.
scattered_rows <- function(n, size) sort(unique(1 + floor(n * ((seq_len(size) * (sqrt(5) - 1) / 2) %% 1))))

# Lower and upper bound of each quartile, six standard errors of a sample quantile away; NULL where they are not in
# order.
quartile_bounds <- function(r) {
  if (!all(is.finite(r))) return(NULL)
  p <- c(0.25, 0.5, 0.75)
  reach <- 6 * sqrt(p * (1 - p) / length(r))
  bounds <- as.vector(rbind(stats::quantile(r, p - reach, names = FALSE), stats::quantile(r, p + reach, names = FALSE)))
  if (all(diff(bounds) > 0)) bounds
}

# The residual of each rank, from the counts of the cells between the bounds and the sorted residuals of the cells in
# `inside`.
ranked_value <- function(rank, count, kept, inside) {
  end <- cumsum(count)
  cell <- findInterval(rank - 1, end) + 1L
  before <- cumsum(ifelse(seq_along(count) %in% inside, 0, count))       # residuals below that were not kept
  ifelse(cell %in% inside, kept[pmax(1, rank - before[cell])], NA_real_)
}
