# The engine against the textbook, on random designs of every kind: balanced and not, nested, crossed, slopes, several
# terms on a factor, weights (zero among them), rank-deficient X, singular fits, REML and ML.

relative <- function(a, b) if (length(b)) max(abs(a - b)) / (1 + max(abs(b))) else 0

# Everything is fitted once; the cases are 15 rounds of 14 kinds.
cases <- lapply(seq_len(210), function(seed) {
  case <- random_design(seed)
  fit <- fit_design(case)
  oracle <- oracle_of_design(case)
  list(label = paste("design", seed, case$kind), case = case, fit = fit, oracle = oracle,
       reml = case$reml && oracle$p > 0, Sigma = fit$estimates$covariance[term_positions(case, fit)])
})

# Per term the slope of the criterion in Sigma, the sum over levels of the diagonal blocks of Z'(P - Py y'P)Z (for ML
# V^-1 in the place of P), and Sigma itself; both in units that make the diagonal of the first part of the slope one.
oracle_slopes <- function(oracle, Sigma, sigma2, reml) {
  P <- oracle_P(oracle, Sigma, sigma2)
  left <- if (reml) P else solve(oracle_V(oracle, Sigma, sigma2))
  Py <- P %*% oracle$y
  Map(function(term, S) {
    blocks <- function(M) Reduce(`+`, lapply(seq_len(term$levels), function(l) {
      i <- (l - 1) * term$q + seq_len(term$q)
      M[i, i, drop = FALSE]
    }))
    trace <- blocks(t(term$Z) %*% left %*% term$Z)
    out <- trace - blocks(tcrossprod(t(term$Z) %*% Py))
    if (term$structure == "diagonal") out <- diag(diag(out), term$q)
    unit <- sqrt(diag(trace))
    list(slope = out / outer(unit, unit), Sigma = S * outer(unit, unit))
  }, oracle$terms, Sigma)
}

test_that("the designs cover what they should", {
  singular <- vapply(cases, function(x) isSingular(x$fit), NA)
  expect_gte(length(cases), 200)
  expect_gte(sum(singular), 20)
  expect_gte(sum(!singular), 100)
  expect_gte(sum(vapply(cases, function(x) anyNA(fixef(x$fit)), NA)), 10)
  expect_gte(sum(vapply(cases, function(x) any(x$oracle$keep == FALSE), NA)), 10)
  expect_true(all(vapply(cases, function(x) x$fit$optimum$status == "converged", NA)))
})

test_that("a search takes few evaluations, and none ends in a warning", {
  evaluations <- vapply(cases, function(x) as.numeric(x$fit$optimum$evaluations), 0)
  expect_lte(median(evaluations[!vapply(cases, function(x) isSingular(x$fit), NA)]), 10)
  for (x in cases) expect_false(any(vapply(x$fit$conditions, inherits, NA, "lmm_warning_convergence")), label = x$label)
})

test_that("criterion, estimates and predictions at the optimum are those of the dense formulas", {
  for (x in cases) {
    fit <- x$fit
    truth <- oracle_solution(x$oracle, x$Sigma, sigma(fit)^2, reml = x$reml)
    b <- unlist(lapply(fit$estimates$b[term_positions(x$case, fit)], t), use.names = FALSE)
    expect_lte(relative(-2 * as.numeric(logLik(fit)), truth$criterion), 1e-8, label = paste(x$label, "criterion"))
    expect_identical(unname(is.na(fixef(fit))), is.na(truth$beta), label = x$label)
    if (x$oracle$p > 0) {
      expect_lte(relative(na.omit(unname(fixef(fit))), na.omit(truth$beta)), 1e-8, label = paste(x$label, "beta"))
      expect_lte(relative(unname(vcov(fit, complete = FALSE)), truth$vcov), 1e-8, label = paste(x$label, "vcov"))
    }
    expect_lte(relative(b, truth$b), 1e-8, label = paste(x$label, "b"))
    expect_lte(relative(unname(fitted(fit))[x$oracle$keep], truth$fitted), 1e-8, label = paste(x$label, "fitted"))
  }
})

test_that("sigma is the profiled one, and the stored theta is the factor of Sigma", {
  for (x in cases) {
    position <- term_positions(x$case, x$fit)
    sizes <- vapply(x$oracle$terms, oracle_n_theta, 0)[order(position)]
    theta <- split(unname(getME(x$fit, "theta")), rep(seq_along(sizes), sizes))
    at <- oracle_profile(x$oracle, unlist(theta[position], use.names = FALSE), x$reml)
    expect_lte(relative(sigma(x$fit)^2, at$sigma2), 1e-8, label = paste(x$label, "sigma"))
    expect_lte(relative(unlist(x$Sigma), unlist(lapply(at$Sigma, `*`, at$sigma2))), 1e-8,
               label = paste(x$label, "Sigma"))
  }
})

test_that("the estimating equations of the contrasts K'y hold", {
  for (x in cases) {
    x$fit$control$decrement <- 1e-18   # by default the search may stop one Newton step before the last digits
    x$fit <- suppressMessages(fit_again(x$fit, x$fit$rows))
    x$Sigma <- x$fit$estimates$covariance[term_positions(x$case, x$fit)]
    sigma2 <- sigma(x$fit)^2
    # Inside the parameter space the slope is zero; at its boundary it is zero along Sigma and nowhere negative.
    for (at in oracle_slopes(x$oracle, x$Sigma, sigma2, x$reml)) {
      size <- max(abs(at$Sigma), 1e-300)
      expect_lte(max(abs(at$slope %*% at$Sigma)) / size, 1e-7, label = paste(x$label, "slope along Sigma"))
      least <- min(eigen(at$slope, symmetric = TRUE, only.values = TRUE)$values)
      expect_gte(least, -1e-7, label = paste(x$label, "slope at the boundary"))
    }
    if (isSingular(x$fit)) next
    equations <- oracle_equations(x$oracle, x$Sigma, sigma2, x$reml)
    scale <- oracle_equation_scale(x$oracle, x$Sigma, sigma2, x$reml)
    expect_lte(max(abs(equations) / scale), 1e-8, label = paste(x$label, "estimating equations"))
  }
})

test_that("no other parameters are better", {
  for (x in cases) {
    best <- oracle_fit(x$oracle, x$reml, starts = c(1, 0.2))
    value <- -2 * as.numeric(logLik(x$fit))
    expect_lte(value - best$criterion, 1e-8 * (1 + abs(best$criterion)), label = paste(x$label, "criterion"))
  }
})

test_that("conditional and joint covariance matrices are those of the dense formulas", {
  for (x in cases[seq_len(84)]) {
    fit <- x$fit
    truth <- oracle_solution(x$oracle, x$Sigma, sigma(fit)^2)
    order <- stacked_order(x$case, fit, x$oracle)
    joint <- vcov(fit, full = TRUE)
    q <- length(truth$b)
    expect_lte(relative(unname(joint[seq_len(q), seq_len(q)]), truth$prediction_error[order, order]), 1e-8,
               label = x$label)
    if (x$oracle$p > 0) {
      expect_lte(relative(unname(joint[seq_len(q), -seq_len(q)]), truth$prediction_cross[order, ]), 1e-8,
                 label = x$label)
    }
    expect_lte(relative(unname(unlist(lapply(unclass(ranef(fit)), conditional_sd))^2),
                        conditional_of_oracle(fit, truth, order)), 1e-8, label = x$label)
  }
})

test_that("the contrasts K'y have the likelihood that REML maximizes", {
  for (x in cases[c(1, 3, 6, 12, 20, 33)]) {
    truth <- oracle_criterion_K(x$oracle, reml_scale(x$fit, x$Sigma), reml_scale(x$fit, sigma(x$fit)^2))
    expect_equal(as.numeric(REMLcrit(x$fit)), truth, tolerance = 1e-9)
  }
})
