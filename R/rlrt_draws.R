# The spectral form of the null distribution, and what follows from draws from it.

# Eigenvalues of Z'(I - P_X)Z (value, count; positive ones) and of Z'Z (penalty) for a term with one column, in units of
# the largest. `without`: columns of X that the hypothesis leaves out; rss is the residual sum of squares under it.
term_spectrum <- function(fit, index, without = integer()) {
  rows <- with_cell_rows(fit)$rows
  d <- design(fit_frame(fit), rows)
  root <- sqrt(row_weights(rows))
  X <- d$X[, fit_blocks(fit)$x$kept, drop = FALSE] * root
  z <- as.vector(d$Z[[index]]) * root
  code <- d$codes[[fit_term_groups(fit)[index]]]
  Q <- if (ncol(X)) qr.Q(qr(X)) else X
  size <- as.vector(rowsum(z^2, code))
  A <- rowsum(z * Q, code)
  found <- deflated_eigenvalues(size, A)
  unit <- max(found$value)
  kept <- setdiff(seq_len(ncol(X)), without)
  y <- d$y * root
  rss <- if (length(without)) sum((if (length(kept)) qr.resid(qr(X[, kept, drop = FALSE]), y) else y)^2)
         else fit_blocks(fit)$x$total[1L]
  list(value = found$value / unit, count = found$count, penalty = tally(size / unit), n = fit_nobs(fit), p = ncol(X),
       tested = length(without), rss = rss)
}

# Eigenvalues of diag(size) - A A', the positive ones. Levels that are alike share an eigenvalue; what is left is a
# small matrix, or one whose eigenvalues are counted.
deflated_eigenvalues <- function(size, A, small = 300L) {
  scale <- max(size)
  alike <- levels_alike(size / scale, A / sqrt(scale))
  first <- alike$first
  m <- alike$count
  size <- size[first] / scale
  B <- A[first, , drop = FALSE] * sqrt(m / scale)
  least <- 1e-10
  inner <- if (length(first) <= small) {
    eigen(diag(size, length(first)) - tcrossprod(B), symmetric = TRUE, only.values = TRUE)$values
  } else {
    engine_result(engine_deflated_eigenvalues(size, B, least), NULL)
  }
  values <- c(inner, rep(size, m - 1L))
  tally(scale * values[values > least])
}

# The first of each kind of levels and how many there are. With few levels it does not pay to look.
levels_alike <- function(size, A, few = 50L) {
  if (length(size) <= few) return(list(first = seq_along(size), count = rep(1L, length(size))))
  key <- do.call(paste, as.data.frame(signif(cbind(size, round(A, 10L)), 10L)))
  list(first = which(!duplicated(key)), count = tabulate(match(key, unique(key))))
}

# Distinct values and how often they occur.
tally <- function(values) {
  values <- values[order(values, decreasing = TRUE)]
  new <- c(TRUE, values[-1L] < values[-length(values)] * (1 - 1e-9))
  list(value = values[new], count = tabulate(cumsum(new)))
}

# p-value of an observed statistic, its Monte Carlo error, and the draws.
null_test <- function(observed, spectrum, nsim, seed) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_draws(nsim, 16)
  if (observed <= 0) return(list(p = 1, error = 0, draws = NULL))
  rest <- spectrum$n - spectrum$p - sum(spectrum$count)
  if (length(spectrum$value) == 1L && rest > 0 && is_restricted(spectrum)) {
    return(list(p = one_eigenvalue_p(observed, spectrum$count, rest), error = 0, draws = NULL,
                exact = c(m = spectrum$count, r = rest)))
  }
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  spectrum$rest <- rest
  draws <- engine_ratio_draws(spectrum, nsim)
  if (is.list(draws) && identical(draws$engine_error, "bad_alloc")) abort_draws(nsim, 16 * nsim)
  draws <- engine_result(draws, NULL)
  p <- mean(draws > observed)
  list(p = p, error = sqrt(p * (1 - p) / nsim), draws = draws)
}

is_restricted <- function(spectrum) spectrum$nu == spectrum$n - spectrum$p && !isTRUE(spectrum$tested > 0)

one_eigenvalue_statistic <- function(F, m, r) (m + r) * log((m * F + r) / (m + r)) - m * log(F)

# One distinct eigenvalue of multiplicity m: the statistic is an increasing function of F = (w/m) / (v/r) above 1.
one_eigenvalue_p <- function(observed, m, r) {
  statistic <- function(F) one_eigenvalue_statistic(F, m, r)
  upper <- 2
  while (statistic(upper) < observed && upper < 1e300) upper <- upper^2
  F <- stats::uniroot(function(F) statistic(F) - observed, c(1, upper), tol = 1e-12 * upper)$root
  stats::pf(F, m, r, lower.tail = FALSE)
}
