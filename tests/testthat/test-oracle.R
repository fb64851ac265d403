# The engine against the textbook, on random designs of every kind.

relative <- function(a, b) max(abs(a - b)) / (1 + max(abs(b)))

designs <- lapply(seq_len(210), random_design)

test_that("criterion, estimates and predictions at the optimum are those of the dense formulas", {
  for (seed in seq_along(designs)) {
    case <- designs[[seed]]
    label <- paste("design", seed, case$kind)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    position <- term_positions(case, fit)
    Sigma <- fit$estimates$covariance[position]
    truth <- oracle_solution(oracle, Sigma, sigma(fit)^2, reml = case$reml && oracle$p > 0)
    b <- unlist(lapply(fit$estimates$b[position], t), use.names = FALSE)
    expect_lte(relative(-2 * as.numeric(logLik(fit)), truth$criterion), 1e-8, label = paste(label, "criterion"))
    expect_identical(unname(is.na(fixef(fit))), is.na(truth$beta), label = label)
    if (oracle$p > 0) {
      expect_lte(relative(na.omit(unname(fixef(fit))), na.omit(truth$beta)), 1e-8, label = paste(label, "beta"))
      expect_lte(relative(unname(vcov(fit, complete = FALSE)), truth$vcov), 1e-8, label = paste(label, "vcov"))
    }
    expect_lte(relative(b, truth$b), 1e-8, label = paste(label, "b"))
    expect_lte(relative(unname(fitted(fit))[oracle$keep], truth$fitted), 1e-8, label = paste(label, "fitted"))
  }
})

test_that("no other parameters are better, and the estimating equations hold", {
  for (seed in seq_along(designs)) {
    case <- designs[[seed]]
    label <- paste("design", seed, case$kind)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    reml <- case$reml && oracle$p > 0
    best <- oracle_fit(oracle, reml, starts = c(1, 0.2))
    value <- -2 * as.numeric(logLik(fit))
    expect_lte(value - best$criterion, 1e-8 * (1 + abs(best$criterion)), label = paste(label, "criterion"))
    Sigma <- fit$estimates$covariance[term_positions(case, fit)]
    if (isSingular(fit)) next
    equations <- oracle_equations(oracle, Sigma, sigma(fit)^2, reml)
    scale <- oracle_equation_scale(oracle, Sigma, sigma(fit)^2, reml)
    expect_lte(max(abs(equations) / scale), 1e-5, label = paste(label, "estimating equations"))
  }
})

test_that("conditional and joint covariance matrices are those of the dense formulas", {
  for (seed in seq(1, 84)) {
    case <- designs[[seed]]
    label <- paste("design", seed, case$kind)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    position <- term_positions(case, fit)
    truth <- oracle_solution(oracle, fit$estimates$covariance[position], sigma(fit)^2)
    order <- stacked_order(case, fit, oracle)
    joint <- vcov(fit, full = TRUE)
    q <- length(truth$b)
    expect_lte(relative(unname(joint[seq_len(q), seq_len(q)]), truth$prediction_error[order, order]), 1e-8, label = label)
    if (oracle$p > 0) {
      expect_lte(relative(unname(joint[seq_len(q), -seq_len(q)]), truth$prediction_cross[order, ]), 1e-8, label = label)
    }
    expect_lte(relative(unname(unlist(lapply(unclass(ranef(fit)), conditional_sd))^2),
                        conditional_of_oracle(fit, truth, order)), 1e-8, label = label)
  }
})

test_that("the contrasts K'y have the likelihood that REML maximizes", {
  for (seed in c(1, 3, 6, 12, 20, 33)) {
    case <- designs[[seed]]
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    Sigma <- fit$estimates$covariance[term_positions(case, fit)]
    expect_equal(as.numeric(REMLcrit(fit)), oracle_criterion_K(oracle, reml_scale(fit, Sigma), reml_scale(fit, sigma(fit)^2)),
                 tolerance = 1e-9)
  }
})
