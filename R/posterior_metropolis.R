# Chains: independence Metropolis with one stock of proposals for each chain, or Hamiltonian moves between independent
# ones.

# Number of proposals behind each stored draw.
thinning <- function(found) max(1L, ceiling(0.5 / chain_share(found$pilot$log_weight)))

# Effective draws per proposal of an independence chain: a state of weight w stays for 1 / a(w) proposals on average,
# where a(w) is the mean of min(1, v / w) over the proposals' weights v (Liu 1996, section 2).
chain_share <- function(log_weight) {
  w <- sort(exp(log_weight - max(log_weight)))
  w <- w[w > 0]
  accepted <- (cumsum(w) / w + rev(seq_along(w)) - 1) / length(log_weight)
  sum(w) / sum(w * (2 / accepted - 1))
}

# `chains` chains of n draws: list with x (chain after chain), acceptance, and what the target gives with the log
# density (see proposal_sample()).
independence_chains <- function(target, found, n, chains) {
  thin <- thinning(found)
  each <- n * thin
  sample <- proposal_sample(target, found$proposal, each * chains)
  start <- pilot_states(found, chains)
  uniform <- log(stats::runif(each * chains))
  paths <- lapply(seq_len(chains), function(k) {
    rows <- (k - 1L) * each + seq_len(each)
    path <- accept_path(start$log_weight[k], sample$log_weight[rows], uniform[rows])
    list(at = ifelse(path == 0L, nrow(sample$x) + k, rows[1L] - 1L + path)[thin * seq_len(n)],
         accepted = sum(path == seq_along(path)))
  })
  at <- unlist(lapply(paths, `[[`, "at"))
  first <- if (is.list(sample$more) && any(at > nrow(sample$x))) target(start$x)
  list(x = rbind(sample$x, start$x)[at, , drop = FALSE], values = join_values(sample$more, first, at),
       acceptance = sum(vapply(paths, `[[`, 0L, "accepted")) / (each * chains), thin = thin,
       evaluations = each * chains, log_weight = sample$log_weight)
}

# Values of the target at the rows `at` of two lists of values, one after the other.
join_values <- function(one, two, at) {
  if (is.null(one)) return(NULL)
  pick <- function(name) {
    a <- one[[name]]
    if (is.matrix(a)) cbind(a, two[[name]])[, at, drop = FALSE] else if (length(a) > 1L) c(a, two[[name]])[at] else a
  }
  sapply(names(one), pick, simplify = FALSE)
}

# States of the pilot, drawn by weight: a chain starts in its stationary law, nearly.
pilot_states <- function(found, chains) {
  at <- sample.int(length(found$pilot$log_weight), chains, replace = TRUE,
                   prob = exp(found$pilot$log_weight - max(found$pilot$log_weight)))
  list(x = found$pilot$x[at, , drop = FALSE], log_weight = found$pilot$log_weight[at], value = found$pilot$value[at])
}

# Index of the proposal at which the chain stands after each step; 0 is the start.
accept_path <- function(start, log_weight, log_uniform) {
  path <- integer(length(log_weight))
  at <- 0L
  current <- start
  for (i in seq_along(log_weight)) {
    if (log_uniform[i] < log_weight[i] - current) {
      current <- log_weight[i]
      at <- i
    }
    path[i] <- at
  }
  path
}

# ---- Hamiltonian moves, all chains side by side ----

warmup_moves <- 200L

# A draw is an independent move and a Hamiltonian one of 5 to 8 steps, in coordinates whitened by the pilot's
# covariance. Gradients are differences; steps with any gradient leave the target unchanged.
hamiltonian_chains <- function(target, found, n, chains) {
  d <- length(found$mode$x)
  w <- truncated_weights(found$pilot$log_weight)
  root <- chol(stats::cov.wt(found$pilot$x, w / sum(w), method = "ML")$cov + diag(1e-8, d))
  state <- pilot_states(found, chains)
  step <- 0.6 / d^0.25
  out <- array(0, c(n, d, chains))
  accepted <- 0
  evaluations <- 0
  for (i in seq_len(warmup_moves + n)) {
    state <- independent_move(target, found$proposal, state)
    moved <- hamiltonian_move(target, state, root, step, sample(5:8, 1L))
    state <- moved$state
    evaluations <- evaluations + moved$evaluations + chains
    if (i <= warmup_moves) step <- step * exp((moved$acceptance - 0.8) / sqrt(i))
    else {
      out[i - warmup_moves, , ] <- t(state$x)
      accepted <- accepted + moved$acceptance
    }
  }
  x <- do.call(rbind, lapply(seq_len(chains), function(k) matrix(out[, , k], n)))
  list(x = x, acceptance = accepted / n, thin = 1L, evaluations = evaluations, step = step)
}

independent_move <- function(target, proposal, state) {
  new <- proposal_sample(target, proposal, nrow(state$x))
  log_weight <- state$value - proposal$log(state$x)
  take <- log(stats::runif(nrow(state$x))) < new$log_weight - log_weight
  state$x[take, ] <- new$x[take, ]
  state$value[take] <- new$value[take]
  state
}

hamiltonian_move <- function(target, state, root, step, steps) {
  chains <- nrow(state$x)
  d <- ncol(state$x)
  momentum <- matrix(stats::rnorm(chains * d), chains)
  before <- state$value - rowSums(momentum^2) / 2
  x <- state$x
  p <- momentum + step / 2 * white_gradient(target, x, root)
  for (l in seq_len(steps)) {
    x <- x + step * p %*% root
    p <- p + (if (l < steps) step else step / 2) * white_gradient(target, x, root)
  }
  value <- target(x)
  chance <- pmin(1, exp(value - rowSums(p^2) / 2 - before))
  chance[!is.finite(chance)] <- 0
  take <- stats::runif(chains) < chance
  state$x[take, ] <- x[take, ]
  state$value[take] <- value[take]
  list(state = state, acceptance = mean(chance), evaluations = chains * (1L + 2L * d * (steps + 1L)))
}

# Gradient in y for x = y root, at each row; 0 where it is not finite.
white_gradient <- function(target, x, root, h = difference_step) {
  chains <- nrow(x)
  d <- ncol(x)
  shifts <- rbind(h * root, -h * root)
  points <- x[rep(seq_len(chains), 2L * d), , drop = FALSE] + shifts[rep(seq_len(2L * d), each = chains), ,
                                                                     drop = FALSE]
  f <- matrix(target(points), chains)
  out <- (f[, seq_len(d), drop = FALSE] - f[, d + seq_len(d), drop = FALSE]) / (2 * h)
  out[!is.finite(out)] <- 0
  out
}
