# Natural parameters of structured random terms in the user's units: slopes and maps.

# Derivatives of the covariance matrix of a special term in its natural parameters, in the engine's columns.
special_slopes <- function(fit, t) {
  term <- fit_random(fit)[[t]]
  table <- term_table(term)
  psi <- fit_natural(fit)[[t]] / fit_sigma(fit)^(2 * table$scale) /
    natural_scale(table, fit_blocks(fit)$z_basis[[t]])
  covariance_at_natural(term, psi)$derivatives
}

# Derivatives of the parameters that are listed (see term_kinds()) in the engine's natural parameters, divided by
# sigma^2 where natural_errors() multiplies by it.
special_map <- function(fit, t) {
  term <- fit_random(fit)[[t]]
  table <- term_table(term)
  if (!nrow(table)) return(matrix(0, 0L, 0L))
  basis <- fit_blocks(fit)$z_basis[[t]]
  sigma <- fit_sigma(fit)
  b <- diag(as.matrix(basis))
  kind <- term_kinds(term)
  at <- covariance_at_natural(term, fit_natural(fit)[[t]] / sigma^(2 * table$scale) / natural_scale(table, basis))
  entry <- function(i, j) vapply(at$derivatives, function(D) D[i, j], 0)
  rows <- lapply(seq_len(nrow(table)), function(k) {
    i <- table$row[k]
    j <- table$col[k]
    unit <- as.numeric(seq_len(nrow(table)) == k)
    switch(kind[k], variance = b[i]^2 * entry(i, i), rho = rho_slope(at$sigma, entry, i, j) / sigma^2,
           specific = b[i]^2 * unit, loading = b[i] * unit / sigma, unit / sigma^2)
  })
  do.call(rbind, rows)
}
