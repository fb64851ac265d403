# Diagnostics of chains: effective sizes, R-hat and Monte Carlo errors of Vehtari et al. (2021). A chain is a column.

autocovariance <- function(x) {
  # its product with the next is beyond R's integers for long chains
  n <- as.numeric(length(x))
  x <- x - mean(x)
  size <- stats::nextn(2 * n)
  transform <- stats::fft(c(x, numeric(size - n)))
  Re(stats::fft(Mod(transform)^2, inverse = TRUE))[seq_len(n)] / (size * n)
}

split_chains <- function(X) {
  half <- nrow(X) %/% 2L
  cbind(X[seq_len(half), , drop = FALSE], X[nrow(X) - half + seq_len(half), , drop = FALSE])
}

rank_normal <- function(X) {
  r <- rank(as.vector(X))
  matrix(stats::qnorm((r - 0.375) / (length(r) + 0.25)), nrow(X))
}

# Effective size: sums of autocorrelations by pairs, while these are positive and falling (Geyer 1992).
effective_size <- function(X) {
  n <- nrow(X)
  if (n < 4L || anyNA(X) || !all(is.finite(X)) || max(X) == min(X)) return(NA_real_)
  gamma <- matrix(apply(X, 2L, autocovariance), n)
  within <- mean(gamma[1L, ]) * n / (n - 1)
  total <- within * (n - 1) / n + if (ncol(X) > 1L) stats::var(colMeans(X)) else 0
  rho <- 1 - (within - rowMeans(gamma) * n / (n - 1)) / total
  rho[1L] <- 1
  pairs <- rho[2L * seq_len(n %/% 2L) - 1L] + rho[2L * seq_len(n %/% 2L)]
  last <- which(pairs < 0)[1L]
  if (!is.na(last)) pairs <- pairs[seq_len(max(1L, last - 1L))]
  tau <- -1 + 2 * sum(cummin(pairs))
  size <- length(X)
  size / max(tau, 1 / log10(size))
}

ess_bulk <- function(X) effective_size(rank_normal(split_chains(X)))

ess_tail <- function(X) {
  ends <- stats::quantile(X, c(0.05, 0.95), names = FALSE)
  min(vapply(ends, function(q) effective_size(split_chains((X <= q) + 0)), 0))
}

ess_mean <- function(X) effective_size(split_chains(X))

split_rhat <- function(X) {
  n <- nrow(X)
  within <- mean(apply(X, 2L, stats::var))
  if (!(within > 0)) return(NA_real_)
  between <- n * stats::var(colMeans(X))
  sqrt(((n - 1) / n * within + between / n) / within)
}

chain_rhat <- function(X) {
  if (nrow(X) < 4L || !all(is.finite(X)) || max(X) == min(X)) return(NA_real_)
  max(split_rhat(rank_normal(split_chains(X))), split_rhat(rank_normal(split_chains(abs(X - stats::median(X))))))
}

# Shortest interval that holds the share `level` of the draws.
hpd_limits <- function(x, level) {
  x <- sort(x)
  n <- length(x)
  inside <- max(1L, min(n - 1L, round(n * level)))
  from <- which.min(x[inside + seq_len(n - inside)] - x[seq_len(n - inside)])
  c(x[from], x[from + inside])
}

# 2 min(P(> 0), P(< 0)), at least 1 / n.
posterior_p <- function(x) 2 * max(0.5 / length(x), min(mean(x > 0), mean(x < 0)))

by_chain <- function(x, chains) matrix(x, ncol = chains)

warn_mixing <- function(out) {
  about <- attr(out, "about")
  if (about$method %in% c("grid", "lattice", "known")) return(invisible())
  columns <- drawn_parameters(about)
  rhat <- vapply(columns, function(name) chain_rhat(by_chain(out[[name]], about$chains)), 0)
  size <- vapply(columns, function(name) ess_bulk(by_chain(out[[name]], about$chains)), 0)
  enough <- min(100, 0.2 * about$each) * about$chains
  bad <- which(rhat > 1.05 | (rhat > 1.01 & size < enough) | size < enough / 2)
  if (!length(bad)) return(invisible())
  worst <- bad[which.min(size[bad])]
  lmm_warn("mixing",
           paste0("the chains have not mixed for ", enumerate(quote_name(columns[bad])), ": ",
                  quote_name(columns[worst]), " has ", format(round(size[worst])),
                            " effective draws of ", nrow(out), " and R-hat ", format(rhat[worst], digits = 4), "."),
                            what = columns[bad],
           value = c(rhat = rhat[[worst]],
           ess = size[[worst]]),
             fix = "Ask for more draws, give priors with more information, or simplify the random terms.")
}
