# The null distribution of the restricted likelihood ratio of a variance where the residual variance is known: with the
# positive eigenvalues mu_s of Z'(I - P_X)Z, which occur m_s times, and independent chi-squares w_s with m_s degrees of
#   freedom max over r >= 0 of sum_s [ w_s r mu_s / (1 + r mu_s) - m_s log(1 + r mu_s) ].

known_variance_test <- function(observed, spectrum, nsim, seed) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  if (observed <= 0) return(list(p = 1, error = 0, draws = NULL))
  m <- spectrum$count
  if (length(m) == 1L) return(list(p = one_known_p(observed, m), error = 0, draws = NULL, known = m))
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  w <- matrix(stats::rchisq(nsim * length(m), rep(m, each = nsim)), nsim)
  draws <- known_maxima(w, spectrum$value, m)
  p <- mean(draws > observed)
  list(p = p, error = sqrt(p * (1 - p) / nsim), draws = draws)
}

# With one eigenvalue the maximum is w - m - m log(w / m) where w > m, and 0 elsewhere.
one_known_p <- function(observed, m) {
  gap <- function(w) w - m - m * log(w / m) - observed
  upper <- 2 * m
  while (gap(upper) < 0) upper <- 2 * upper
  stats::pchisq(stats::uniroot(gap, c(m, upper), tol = 1e-12 * upper)$root, m, lower.tail = FALSE)
}

# The largest value for each row of w: on a grid of ratios, then by golden sections between the neighbors of the best
# point.
known_maxima <- function(w, mu, m, points = 161L) {
  at <- c(0, exp(seq(log(1e-6), log(1e6), length.out = points)) / max(mu))
  share <- outer(mu, at) / (1 + outer(mu, at))
  value <- w %*% share - rep(as.vector(crossprod(log1p(outer(mu, at)), m)), each = nrow(w))
  best <- max.col(value, "first")
  f <- function(s) rowSums(w * (outer(s, mu) / (1 + outer(s, mu)))) - as.vector(log1p(outer(s, mu)) %*% m)
  low <- at[pmax(best - 1L, 1L)]
  high <- at[pmin(best + 1L, length(at))]
  golden <- (sqrt(5) - 1) / 2
  for (step in seq_len(45L)) {
    a <- high - golden * (high - low)
    b <- low + golden * (high - low)
    left <- f(a) > f(b)
    high[left] <- b[left]
    low[!left] <- a[!left]
  }
  pmax(0, value[cbind(seq_along(best), best)], f((low + high) / 2))
}
