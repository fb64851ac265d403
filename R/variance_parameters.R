# The variance parameters as a list of entries: what each is, what it is called, what its estimate is.

# One row per parameter in lme4's order (of version 2): for each term its standard deviations, then its correlations;
# the residual standard deviation last. term 0 is the residual; row and col are entries of the term's covariance matrix.
variance_parameters <- function(fit) {
  random <- fit_random(fit)
  at <- lapply(random, function(term) {
    entries <- term_entries(term)
    entries[order(entries[, 1L] != entries[, 2L]), , drop = FALSE]
  })
  count <- vapply(at, nrow, 0L)
  column <- function(k) unlist(lapply(at, function(entries) entries[, k]))
  word <- function(k) unlist(Map(function(term, entries) term$columns[entries[, k]], random, at), use.names = FALSE)
  out <- list(term = c(rep(seq_along(random), count), 0L), row = c(column(1L), 1L), col = c(column(2L), 1L),
              grp = c(rep(fit_term_names(fit), count), "Residual"), var1 = c(word(2L), NA), var2 = c(word(1L), NA))
  out$correlation <- out$row != out$col
  out$var2[!out$correlation] <- NA
  structure(out, row.names = seq_along(out$term), class = "data.frame")
}

# Free entries of a term's covariance matrix, column by column.
term_entries <- function(term) {
  at <- which(lower.tri(diag(term$q), diag = TRUE), arr.ind = TRUE)
  if (term$structure == "diagonal") at <- at[at[, 1L] == at[, 2L], , drop = FALSE]
  unname(at)
}

# ".sig01", ..., ".sigma" or "sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "sigma".
parameter_names <- function(parameters, old = TRUE, scale = "sd") {
  if (old && scale == "sd") return(c(sprintf(".sig%02d", seq_len(nrow(parameters) - 1L)), ".sigma"))
  words <- if (scale == "sd") c("sd_", "cor_") else c("var_", "cov_")
  columns <- ifelse(parameters$correlation, paste0(parameters$var2, ".", parameters$var1), parameters$var1)
  out <- paste0(ifelse(parameters$correlation, words[2L], words[1L]), columns, "|", parameters$grp)
  out[parameters$term == 0L] <- if (scale == "sd") "sigma" else "sigma^2"
  out
}

# Estimates of the listed parameters, from covariance matrices and the residual standard deviation.
parameter_values <- function(parameters, covariance, sigma, scale = "sd") {
  vapply(seq_len(nrow(parameters)), function(k) {
    i <- parameters$row[k]
    j <- parameters$col[k]
    if (parameters$term[k] == 0L) return(if (scale == "sd") sigma else sigma^2)
    S <- covariance[[parameters$term[k]]]
    if (scale != "sd") return(S[i, j])
    if (i == j) return(real_root(S[i, i]))
    size <- real_root(S[i, i]) * real_root(S[j, j])
    if (isTRUE(size > 0)) max(-1, min(1, S[i, j] / size)) else NA_real_
  }, 0)
}

variance_estimates <- function(fit, scale = "sd", parameters = variance_parameters(fit)) {
  parameter_values(parameters, fit_covariance(fit), fit_sigma(fit), scale)
}

# Rows of each term's lower triangle, diagonal included, where they are stacked.
stacked_triangles <- function(random) {
  size <- vapply(random, function(term) term$q * (term$q + 1L) / 2L, 0)
  Map(function(size, end) end - size + seq_len(size), size, cumsum(size))
}

# The columns of a matrix whose rows are stacked lower triangles, as the refits of many responses give them: for each
# column the values of the parameters.
stacked_values <- function(parameters, random, stacked, sigma) {
  triangle <- stacked_triangles(random)
  entry <- function(t, i, j) stacked[triangle[[t]][(j - 1L) * random[[t]]$q - (j - 1L) * (j - 2L) / 2L + i - j + 1L], ]
  out <- vapply(seq_len(nrow(parameters)), function(k) {
    t <- parameters$term[k]
    i <- parameters$row[k]
    j <- parameters$col[k]
    if (t == 0L) return(sigma)
    if (i == j) return(sqrt(pmax(0, entry(t, i, i))))
    scale <- sqrt(pmax(0, entry(t, i, i)) * pmax(0, entry(t, j, j)))
    ifelse(scale > 0, pmax(-1, pmin(1, entry(t, i, j) / scale)), NA_real_)
  }, numeric(length(sigma)))
  matrix(out, length(sigma))
}
