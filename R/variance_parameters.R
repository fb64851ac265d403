# The variance parameters as a list of entries: what each is, what it is called, what its estimate is.

# One row per parameter in lme4's order (of version 2): for each term its standard deviations, then its correlations;
# the residual standard deviation last. term 0 is the residual; row and col are entries of the term's covariance matrix.
frame_parameters <- function(frame) {
  random <- frame$random
  kinds <- lapply(random, term_kinds)
  first <- lapply(kinds, function(kind) order(!kind %in% c("variance", "loading"), kind == "specific"))
  at <- Map(function(term, order) term_entries(term)[order, , drop = FALSE], random, first)
  kinds <- Map(`[`, kinds, first)
  count <- vapply(at, nrow, 0L)
  column <- function(k) unlist(lapply(at, function(entries) entries[, k]))
  word <- function(k) unlist(Map(function(term, entries, kind) parameter_places(term, entries, kind, k), random, at,
                                 kinds), use.names = FALSE)
  out <- list(term = c(rep(seq_along(random), count), 0L), row = c(column(1L), 1L), col = c(column(2L), 1L),
              grp = c(rep(term_names(random), count), "Residual"), var1 = c(word(2L), NA), var2 = c(word(1L), NA))
  out$kind <- c(unlist(kinds), "variance")
  out$correlation <- out$kind == "correlation"
  out$var2[!out$correlation & out$kind != "loading"] <- NA
  structure(out, row.names = seq_along(out$term), class = "data.frame")
}

# ".sig01", ..., ".sigma" or "sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "sigma".
parameter_names <- function(parameters, old = TRUE, scale = "sd") {
  if (old && scale == "sd") return(c(sprintf(".sig%02d", seq_len(nrow(parameters) - 1L)), ".sigma"))
  words <- if (scale == "sd") c(variance = "sd_", correlation = "cor_", specific = "specific_sd_") else
    c(variance = "var_", correlation = "cov_", specific = "specific_var_")
  words <- c(words, rho = "cor_", range = "", loading = "loading_")
  columns <- ifelse(parameters$correlation, paste0(parameters$var2, ".", parameters$var1), parameters$var1)
  columns[parameters$kind == "loading"] <- paste0(parameters$var1, ".", parameters$var2)[parameters$kind == "loading"]
  out <- paste0(words[parameters$kind], columns, "|", parameters$grp)
  out[parameters$term == 0L] <- if (scale == "sd") "sigma" else "sigma^2"
  out
}

# Estimates of the listed parameters, from covariance matrices and the residual standard deviation.
parameter_values <- function(parameters, covariance, sigma, scale = "sd") {
  if (is.null(parameters$kind)) parameters$kind <- ifelse(parameters$row == parameters$col, "variance", "correlation")
  vapply(seq_len(nrow(parameters)), function(k) {
    i <- parameters$row[k]
    j <- parameters$col[k]
    if (parameters$term[k] == 0L) return(if (scale == "sd") sigma else sigma^2)
    S <- covariance[[parameters$term[k]]]
    if (!parameters$kind[k] %in% c("variance", "correlation", "rho")) return(NA_real_)     # not an entry of the matrix
    if (scale != "sd" && parameters$kind[k] != "rho") return(S[i, j])
    if (i == j) return(real_root(S[i, i]))
    size <- real_root(S[i, i]) * real_root(S[j, j])
    if (isTRUE(size > 0)) max(-1, min(1, S[i, j] / size)) else NA_real_
  }, 0)
}

# What tells the natural parameters of a term apart.
parameter_keys <- function(term) paste(term_entries(term)[, 1L], term_entries(term)[, 2L], term_kinds(term))

own_key <- function(parameters) paste(parameters$row, parameters$col, parameters$kind)

# How the places of a term's parameters are called: its columns, or the structure's word where one parameter stands for
# many.
parameter_places <- function(term, entries, kind, k) {
  out <- term$columns[entries[, k]]
  if (!is_special(term)) return(out)
  word <- if (is.null(term$word)) "(Intercept)" else term$word
  out[kind == "rho"] <- word
  out[kind == "range"] <- "range"
  lag <- kind == "rho" & sum(kind == "rho") > 1L
  out[lag] <- paste0(word, entries[lag, 1L] - 1L)
  if (has_one_variance(term)) out[kind == "variance"] <- if (is_across(term)) "(Intercept)" else word
  if (k == 2L) out[kind == "loading"] <- paste0("f", entries[kind == "loading", 2L])
  if (k == 1L) out[kind == "loading"] <- term$columns[entries[kind == "loading", 1L]]
  out
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

# A negative variance has no standard deviation: NA, never NaN.
real_root <- function(x) sqrt(ifelse(x < 0, NA_real_, x))

term_names <- function(random) vapply(random, `[[`, "", "name")
