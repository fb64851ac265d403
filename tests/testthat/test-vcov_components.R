# Covariance matrix of the variance parameters.

# -2 log L's information matrices with dense matrices, parameters in the order of oracle_dV().
dense_information <- function(model, Sigma, sigma2, reml) {
  V <- oracle_V(model, Sigma, sigma2)
  P <- oracle_P(model, Sigma, sigma2)
  W <- if (reml) P else solve(V)
  dV <- oracle_dV(model)
  Py <- P %*% model$y
  k <- length(dV)
  trace <- average <- matrix(0, k, k)
  for (i in seq_len(k)) for (j in seq_len(k)) {
    trace[i, j] <- sum((W %*% dV[[i]]) * t(W %*% dV[[j]]))
    average[i, j] <- t(Py) %*% dV[[i]] %*% P %*% dV[[j]] %*% Py
  }
  list(expected = 2 * solve(trace), average = 2 * solve(average), observed = 2 * solve(2 * average - trace))
}

# Positions of the listed parameters among those of oracle_dV(), whose terms are in the order of the formula.
oracle_places <- function(case, fit, parameters) {
  position <- term_positions(case, fit)
  keys <- unlist(lapply(seq_along(case$terms), function(k) {
    term <- fit$frame$random[[position[k]]]
    at <- which(lower.tri(diag(term$q), diag = TRUE), arr.ind = TRUE)
    if (term$structure == "diagonal") at <- at[at[, 1] == at[, 2], , drop = FALSE]
    paste(position[k], at[, 1], at[, 2])
  }))
  match(paste(parameters$term, parameters$row, parameters$col), c(keys, "0 1 1"))
}

test_that("the three information matrices equal the dense formulas", {
  checked <- 0
  for (seed in 1:42) {
    case <- random_design(seed)
    fit <- fit_design(case)
    if (isSingular(fit)) next
    model <- oracle_of_design(case)
    Sigma <- fit$estimates$covariance[term_positions(case, fit)]
    reml <- case$reml && getME(fit, "p") > 0
    truth <- dense_information(model, Sigma, sigma(fit)^2, reml)
    places <- oracle_places(case, fit, variance_parameters(fit))
    for (kind in names(truth)) {
      expect_equal(unname(vcov_components(fit, "variance", kind)), truth[[kind]][places, places], tolerance = 1e-6,
                   label = paste(kind, "information of design", seed, case$kind))
    }
    checked <- checked + 1
  }
  expect_gt(checked, 12)
})

test_that("the observed information is the curvature of the criterion", {
  data <- behavior_data()
  fit <- lmm(y ~ x + (x | g), data)
  model <- oracle_model(data$y, model.matrix(~x, data), list(model.matrix(~x, data)), list(as.integer(data$g)))
  at <- c(fit$estimates$covariance[[1]][c(1, 4, 2)], sigma(fit)^2)
  criterion <- function(p) oracle_criterion(model, list(matrix(p[c(1, 3, 3, 2)], 2)), p[4])
  H <- numDeriv_hessian(criterion, at)
  expect_equal(unname(vcov_components(fit)), 2 * solve(H), tolerance = 1e-4)
  sd_criterion <- function(p) criterion(c(p[1]^2, p[2]^2, p[3] * p[1] * p[2], p[4]^2))
  sd_at <- c(sqrt(at[1:2]), at[3] / sqrt(at[1] * at[2]), sqrt(at[4]))
  expect_equal(unname(vcov_components(fit, "sd")), 2 * solve(numDeriv_hessian(sd_criterion, sd_at)), tolerance = 1e-4)
})

test_that("units of the response and the covariates do not matter", {
  data <- behavior_data()
  fit <- lmm(y ~ x + (x | g), data)
  scaled <- lmm(y2 ~ x2 + (x2 | g), transform(data, y2 = 1e-6 * y, x2 = 1e4 * x))
  factor <- c(1e-6, 1e-10, 1, 1e-6)
  expect_equal(unname(vcov_components(scaled, "sd")), unname(vcov_components(fit, "sd")) * outer(factor, factor),
               tolerance = 1e-7)
  moved <- lmm(y ~ x2 + (x2 | g), transform(data, x2 = x + 100))
  expect_equal(variance_components(moved)[c(2, 4), "se"], variance_components(fit)[c(2, 4), "se"], tolerance = 1e-6)
})

test_that("a parameter on its boundary has no standard error and the others are those of the model without it", {
  data <- behavior_data()
  data$y <- 0.5 * data$y - 0.49 * ave(data$y, data$g) + as.integer(data$h)      # next to nothing between the groups
  fit <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), data))
  less <- lmm(y ~ x + (1 | h), data)
  table <- variance_components(fit)
  expect_identical(is.na(table$se), c(TRUE, FALSE, FALSE))
  expect_match(table$reason[1], "boundary")
  expect_equal(table$se[2:3], variance_components(less)$se, tolerance = 1e-7)
  one <- suppressMessages(lmm(y ~ x + (x | g), behavior_data()[behavior_data()$t <= 2, ]))
  expect_identical(is.na(variance_components(one, "sd")$se), c(FALSE, FALSE, TRUE, FALSE))
  expect_output(print(variance_components(fit)), "NA: the variance is estimated as 0")
})

test_that("Hemmerle and Hartley's data have the REML covariance matrix of the dense formulas", {
  d <- oven
  fit <- lmm(y ~ a + (1 | b) + (1 | a:b), d)
  X <- stats::model.matrix(~a, d)
  groups <- list(`a:b` = paste(d$a, d$b), b = d$b)[names(fit$frame$groups)]
  parts <- c(lapply(groups, function(g) outer(g, g, "==") + 0), list(diag(nrow(d))))
  psi <- c(unlist(fit$estimates$covariance), sigma(fit)^2)
  inverse <- solve(Reduce(`+`, Map(`*`, psi, parts)))
  P <- inverse - inverse %*% X %*% solve(t(X) %*% inverse %*% X, t(X) %*% inverse)
  Py <- P %*% d$y
  information <- outer(1:3, 1:3, Vectorize(function(i, j) {
    sum(Py * (parts[[i]] %*% P %*% parts[[j]] %*% Py)) - sum((P %*% parts[[i]]) * t(P %*% parts[[j]])) / 2
  }))
  expect_equal(unname(vcov_components(fit)), solve(information), tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("where the residual variance is estimated as 0, standard errors are those of a known small one", {
  script <- test_path("..", "..", "bench", "optima_designs.R")
  skip_if(!file.exists(script), "needs the source tree")
  designs <- new.env()
  sys.source(script, designs)
  for (seed in c(41, 121)) {
    design <- designs$random_design(seed)
    w <- design$data$w
    fitted_by <- function(...) suppressMessages(lmm(designs$design_formula(design), design$data, REML = design$reml,
                                                    weights = w, ...))
    fit <- fitted_by()
    expect_true(fit$optimum$zero_sigma)
    found <- variance_components(fit)
    known <- variance_components(fitted_by(fixed = c(sigma = 1e-3 * sqrt(min(found$estimate[found$estimate > 1e-9])))))
    at <- found$estimate > 0
    expect_gt(sum(at), 1)
    expect_equal(found$se[at], known$se[at], tolerance = 1e-3)
  }
})
