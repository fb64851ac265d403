test_that("prediction error variances and reliabilities are the dense formulas in designs of every kind", {
  for (seed in 1:56) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    truth <- oracle_solution(oracle, fit_covariance(fit)[term_positions(case, fit)], sigma(fit)^2)
    order <- stacked_order(case, fit, oracle)
    pev <- diag(truth$prediction_error)[order]
    b <- truth$b[order]
    prior <- diag(oracle_B(oracle, fit_covariance(fit)[term_positions(case, fit)]))[order]
    flat <- function(name) {
      found <- ranef(fit, pev = TRUE)
      group <- fit_term_groups(fit)
      unlist(lapply(seq_along(group), function(k) {
        at <- sum(lengths(lapply(fit$frame$random[seq_len(k - 1)][group[seq_len(k - 1)] == group[k]], `[[`,
                                 "columns"))) +
          seq_along(fit$frame$random[[k]]$columns)
        t(attr(found[[group[k]]], name)[, at, drop = FALSE])
      }))
    }
    expect_equal(flat("pev"), pev, tolerance = 1e-8, label = paste(seed, case$kind))
    use <- prior > 0
    expect_equal(flat("reliability")[use], (1 - pev / prior)[use], tolerance = 1e-7, label = paste(seed, case$kind))
    expect_true(all(is.na(flat("reliability")[!use])))
    clear <- use & 1 - pev / ifelse(use, prior, 1) > 1e-4
    expect_equal(flat("studentized")[clear], (b / sqrt(prior - pev))[clear], tolerance = 1e-6,
                 label = paste(seed, case$kind))
  }
})

test_that("Cullis' heritability is one less half the mean variance of a difference", {
  for (seed in c(1, 3, 5, 9, 12)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    found <- reliability(fit)
    joint <- vcov(fit, full = TRUE)
    at <- 0
    row <- 0
    for (k in seq_along(fit$estimates$b)) {
      b <- fit$estimates$b[[k]]
      for (j in seq_len(ncol(b))) {
        row <- row + 1
        own <- at + (seq_len(nrow(b)) - 1) * ncol(b) + j
        P <- joint[own, own]
        D <- outer(diag(P), diag(P), "+") - 2 * P
        variance <- found$variance[row]
        if (variance > 0) expect_equal(found$cullis[row], 1 - mean(D[upper.tri(D)]) / (2 * variance), tolerance = 1e-6,
                                       label = paste(seed, k))
        expect_equal(found$pev[row], mean(diag(P)), tolerance = 1e-8)
      }
      at <- at + length(b)
    }
  }
})

test_that("all effects are factored once for the table, and not for a fit without a factorization", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (x || g) + (1 | h), d)
  times <- 0
  count <- function(...) {
    times <<- times + 1
    marginal_parts(...)
  }
  with_locked <- new.env(parent = environment(sum_variances))
  with_locked$marginal_parts <- count
  counted <- sum_variances
  environment(counted) <- with_locked
  together <- counted(fit)
  values <- c(together(1L, 1L), together(2L, 1L), together(1L, 2L))
  expect_identical(times, 1)
  expect_true(all(is.finite(values)))
})

test_that("in a balanced trial reliability and Cullis' heritability are those of means over plots", {
  fit <- lmm(bw ~ 1 + (1 | sire), sires)
  v <- c(VarCorr(fit)$sire, sigma(fit)^2)
  h <- v[1] / (v[1] + v[2] / 8)
  expect_equal(reliability(fit)$cullis, h, tolerance = 1e-10)
  expect_equal(reliability(fit)$reliability, h * (1 - 1 / 5), tolerance = 1e-10)      # the mean costs a fifth
  long <- as.data.frame(ranef(fit, pev = TRUE))
  expect_equal(long$pev, rep(v[1] * (1 - h * 4 / 5), 5), tolerance = 1e-10)
  expect_equal(var(long$studentized), 5 / 4 * mean(long$condval^2) / (v[1] * h * 4 / 5), tolerance = 1e-8)
  expect_equal(as.data.frame(ranef(fit, pev = TRUE, drop = TRUE)), long)
  expect_identical(capture.output(print(ranef(fit, pev = TRUE))), capture.output(print(ranef(fit))))
})

test_that("there is no prediction error variance where there is no prediction, and no reliability of nothing", {
  d <- data.frame(g = gl(6, 4), y = rep(c(1, 2, 3, 4), 6) + rep(c(-.01, .01), 12))
  zero <- suppressMessages(lmm(y ~ 1 + (1 | g), d))
  expect_true(all(is.na(reliability(zero)$reliability)))
  expect_true(all(as.data.frame(ranef(zero, pev = TRUE))$pev == 0))
  d$y <- d$y + rep(c(-0.4, 0.4), each = 12)
  free <- lmm(y ~ 1 + (1 | g), d, bounded = FALSE)
  expect_lt(VarCorr(free)$g[1], 0)
  expect_true(all(is.na(as.data.frame(ranef(free, pev = TRUE))$pev)))
  positive <- lmm(bw ~ 1 + (1 | sire), sires, bounded = FALSE)
  expect_equal(reliability(positive), reliability(lmm(bw ~ 1 + (1 | sire), sires)), tolerance = 1e-6)
  expect_error(reliability(1), class = "lmm_error_input")
  expect_error(ranef(zero, pev = "yes"), class = "lmm_error_input")
})

# As many random effects as rows: the likelihood is computed by the rows of Z, not by elimination.
saturated <- function() {
  set.seed(2)
  d <- data.frame(a = factor(sample(1:8, 18, TRUE)), b = factor(sample(1:7, 18, TRUE)), x = rnorm(18))
  d$y <- rnorm(18) + rnorm(8)[d$a]
  d
}

test_that("prediction errors of as many effects as rows are the dense formulas", {
  d <- saturated()
  fit <- suppressMessages(lmm(y ~ 1 + (0 + x || a) + (1 | a) + (1 | b) + (0 + x || b), d))
  Z <- lapply(fit_random(fit), function(term) {
    g <- d[[fit_groups(fit)[[term$group]]$name]]
    model.matrix(~ 0 + g) * if (term$columns == "x") d$x else 1
  })
  G <- diag(rep(unlist(fit_covariance(fit)), vapply(Z, ncol, 0L)))
  Z <- do.call(cbind, Z)
  V <- Z %*% G %*% t(Z) + sigma(fit)^2 * diag(18)
  P <- solve(V) - solve(V, rep(1, 18)) %*% t(solve(V, rep(1, 18))) / sum(solve(V))
  expected <- diag(G - G %*% t(Z) %*% P %*% Z %*% G)
  found <- unlist(lapply(seq_along(fit_random(fit)), function(t) {
    own <- which(fit_term_groups(fit) == fit_term_groups(fit)[t])
    engine_prediction_error(fit)[[fit_term_groups(fit)[t]]][match(t, own), ]
  }))
  expect_equal(found, unname(expected), tolerance = 1e-7)
})
