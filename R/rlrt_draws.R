# The spectral form of the null distribution, and draws from it.

# Eigenvalues of Z'(I - P_X)Z (value, count; positive ones) and of Z'Z (penalty) for a term with one column, in units of
# the largest. `without`: columns of X that the hypothesis leaves out; rss is the residual sum of squares under it.
term_spectrum <- function(fit, index, without = integer()) {
  rows <- fit$rows
  d <- design(fit$frame, rows)
  root <- if (is.null(d$weights)) rep(1, rows$n) else sqrt(d$weights)
  X <- d$X[, fit$cross_products$x$kept, drop = FALSE] * root
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
         else fit$cross_products$x$total[1L]
  list(value = found$value / unit, count = found$count, penalty = tally(size / unit), n = fit_nobs(fit), p = ncol(X),
       tested = length(without), rss = rss)
}

# Eigenvalues of diag(size) - A A'. Levels that are alike share an eigenvalue; what is left is a small matrix.
deflated_eigenvalues <- function(size, A, most = 6000L) {
  scale <- max(size)
  key <- do.call(paste, as.data.frame(signif(cbind(size / scale, round(A / sqrt(scale), 10L)), 10L)))
  group <- match(key, unique(key))
  first <- which(!duplicated(group))
  m <- tabulate(group)
  if (length(first) > most) {
    lmm_abort("numeric", paste0("the exact distribution needs the eigenvalues of a matrix with ", length(first), " rows."),
              value = length(first), fix = "With so many levels the p-value of ranova(mixture = TRUE) is accurate.")
  }
  B <- A[first, , drop = FALSE] * sqrt(m)
  inner <- eigen(diag(size[first], length(first)) - tcrossprod(B), symmetric = TRUE, only.values = TRUE)$values
  values <- c(inner, rep(size[first], m - 1L))
  tally(values[values > 1e-10 * scale])
}

# Distinct values and how often they occur.
tally <- function(values) {
  values <- sort(values, decreasing = TRUE)
  new <- c(TRUE, values[-1L] < values[-length(values)] * (1 - 1e-9))
  list(value = values[new], count = tabulate(cumsum(new)))
}

# p-value of an observed statistic, its Monte Carlo error, and the draws.
null_test <- function(observed, spectrum, nsim, seed) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  if (observed <= 0) return(list(p = 1, error = 0, draws = NULL))
  rest <- spectrum$n - spectrum$p - sum(spectrum$count)
  if (length(spectrum$value) == 1L && rest > 0 && is_restricted(spectrum)) {
    return(list(p = one_eigenvalue_p(observed, spectrum$count, rest), error = 0, draws = NULL))
  }
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  draws <- ratio_draws(spectrum, nsim)
  p <- mean(draws > observed)
  list(p = p, error = sqrt(p * (1 - p) / nsim), draws = draws)
}

is_restricted <- function(spectrum) spectrum$nu == spectrum$n - spectrum$p && !isTRUE(spectrum$tested > 0)

# One distinct eigenvalue of multiplicity m: the statistic is an increasing function of F = (w/m) / (v/r) above 1.
one_eigenvalue_p <- function(observed, m, r) {
  statistic <- function(F) (m + r) * log((m * F + r) / (m + r)) - m * log(F)
  upper <- 2
  while (statistic(upper) < observed && upper < 1e300) upper <- upper^2
  F <- stats::uniroot(function(F) statistic(F) - observed, c(1, upper), tol = 1e-12 * upper)$root
  stats::pf(F, m, r, lower.tail = FALSE)
}

# Draws of the maximum over lambda, `most` numbers at a time.
ratio_draws <- function(spectrum, nsim, most = 2e6) {
  K <- length(spectrum$value)
  rest <- spectrum$n - spectrum$p - sum(spectrum$count)
  log_lambda <- search_grid(spectrum, rest)
  size <- max(1, min(nsim, floor(most / max(K, length(log_lambda)))))
  out <- numeric(0)
  while (length(out) < nsim) {
    now <- min(size, nsim - length(out))
    W <- chisq_columns(now, spectrum$count)
    v <- if (rest > 0) stats::rchisq(now, rest) else numeric(now)
    total <- rowSums(W) + v
    value <- highest_ratio(W, v, total, spectrum, log_lambda)
    if (isTRUE(spectrum$tested > 0)) value <- value + spectrum$nu * log1p(stats::rchisq(now, spectrum$tested) / total)
    out <- c(out, value)
  }
  out
}

# Independent chi-squares, a column for each number of degrees of freedom.
chisq_columns <- function(n, df) {
  out <- matrix(0, n, length(df))
  one <- df == 1L
  out[, one] <- stats::rnorm(n * sum(one))^2
  out[, !one] <- stats::rchisq(n * sum(!one), rep(df[!one], each = n))
  out
}

# log(lambda) from where the statistic is still negligible, by its slope and curvature at 0, to where the estimate
# practically never comes. The criterion has no feature narrower than the logistic function, so that steps this long
# find every maximum.
search_grid <- function(spectrum, rest, step = 0.6) {
  low <- log(0.02 * sqrt(2 / sum(spectrum$count * spectrum$value^2)))
  tail <- if (rest > 0) log(stats::qf(1e-8, sum(spectrum$count), rest, lower.tail = FALSE)) else 30
  high <- max(low + 5, min(40, tail - log(min(spectrum$value))))
  seq(low, high, length.out = ceiling((high - low) / step) + 1L)
}

# The largest value of nu log(total / D) - sum log(1 + lambda xi), D = v + sum W / (1 + lambda mu), for each row.
highest_ratio <- function(W, v, total, spectrum, log_lambda) {
  lambda <- exp(log_lambda)
  D <- v + W %*% (1 / (1 + outer(spectrum$value, lambda)))
  penalty <- colSums(spectrum$penalty$count * log1p(outer(spectrum$penalty$value, lambda)))
  f <- spectrum$nu * log(total / D) - rep(penalty, each = nrow(W))
  at <- max.col(f, "first")
  best <- f[cbind(seq_along(at), at)]
  inner <- which(at > 1L & at < length(lambda) & best > -0.1)
  if (!length(inner)) return(pmax(0, best))
  near <- function(k) f[cbind(inner, at[inner] + k)]
  bend <- near(-1L) - 2 * near(0L) + near(1L)
  shift <- ifelse(bend < 0, (near(-1L) - near(1L)) / (2 * bend), 0)
  start <- log_lambda[at[inner]] + shift * diff(log_lambda)[1L]
  best[inner] <- pmax(best[inner], polish_ratio(W[inner, , drop = FALSE], v[inner], total[inner], spectrum, start))
  pmax(0, best)
}

# One Newton step in log(lambda), and the value there.
polish_ratio <- function(W, v, total, spectrum, s) {
  mu <- rep(spectrum$value, each = length(s))
  shrink <- 1 / (1 + exp(s) * mu)
  less <- W * shrink
  kept <- .rowSums(less, length(s), ncol(W))
  less <- less * shrink
  once <- .rowSums(less, length(s), ncol(W))
  twice <- .rowSums(less * shrink, length(s), ncol(W))
  D <- v + kept
  slope <- (kept - once) / D                                     # -d log D / ds
  curve <- (3 * once - kept - 2 * twice) / D + slope^2
  xi <- outer(exp(s), spectrum$penalty$value)
  part <- xi / (1 + xi)
  first <- spectrum$nu * slope - as.vector(part %*% spectrum$penalty$count)
  second <- spectrum$nu * curve - as.vector((part / (1 + xi)) %*% spectrum$penalty$count)
  s <- s + ifelse(second < 0, pmax(-0.3, pmin(0.3, -first / second)), 0)
  D <- v + .rowSums(W / (1 + exp(s) * mu), length(s), ncol(W))
  spectrum$nu * log(total / D) - as.vector(log1p(outer(exp(s), spectrum$penalty$value)) %*% spectrum$penalty$count)
}
