test_that("residuals of all types are what they are said to be", {
  d <- behavior_data()
  d$w <- rep(c(1, 2, 4), 32)
  fit <- lmm(y ~ x + offset(t / 10) + (x | g), d, weights = w)
  r <- residuals(fit)
  expect_equal(r, d$y - fitted(fit), ignore_attr = TRUE)
  expect_identical(residuals(fit, "working"), r)
  expect_equal(residuals(fit, "pearson"), r * sqrt(d$w))
  expect_identical(residuals(fit, "deviance"), residuals(fit, "pearson"))
  expect_equal(residuals(fit, "scaled"), residuals(fit, "pearson") / sigma(fit))
  expect_equal(residuals(fit, "pearson", scaled = TRUE), residuals(fit, "scaled"))
  expect_equal(residuals(fit, "marginal"), d$y - predict(fit, re.form = NA), ignore_attr = TRUE)
  expect_error(residuals(fit, "partial"), class = "lmm_error_input")
  expect_identical(names(r), as.character(1:96))
})

test_that("marginal residuals are whitened by the symmetric root of their covariance matrix", {
  for (seed in 1:70) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    truth <- oracle_solution(oracle, fit_covariance(fit)[term_positions(case, fit)], sigma(fit)^2)
    w <- sqrt(oracle$w)
    whitened <- oracle_marginal_scaled(list(y = w * oracle$y), list(V = truth$V * outer(w, w), fixed = w * truth$fixed))
    expect_equal(unname(residuals(fit, "marginal_scaled"))[oracle$keep], whitened, tolerance = 1e-9,
                 label = paste(seed, case$kind))
  }
})

test_that("a large set of connected levels is whitened without a dense decomposition", {
  set.seed(3)
  M <- crossprod(matrix(rnorm(60 * 40), 60)) / 10
  a <- rnorm(40)
  e <- eigen(M)
  expected <- as.vector(e$vectors %*% (root_weight(e$values) * crossprod(e$vectors, a)))
  expect_equal(root_correction_krylov(Matrix::Matrix(M), a), expected, tolerance = 1e-10)
  expect_equal(root_correction_krylov(Matrix::Matrix(M) * 1e4, a),
               as.vector(e$vectors %*% (root_weight(e$values * 1e4) * crossprod(e$vectors, a))), tolerance = 1e-8)
  expect_identical(root_correction_krylov(Matrix::Matrix(M), numeric(40)), numeric(40))
})

test_that("connected sets are found", {
  expect_identical(connected_sets(c(1, 2, 4, 3, 5), c(2, 1, 5, 3, 4), 5), c(1L, 1L, 2L, 3L, 3L))
  chain <- 2:50
  expect_identical(connected_sets(c(chain, chain - 1), c(chain - 1, chain), 50), rep(1L, 50))
})

test_that("na.exclude gives a value for every row of the data", {
  d <- behavior_data()
  d$y[1:3] <- NA
  omitted <- suppressMessages(lmm(y ~ x + (1 | g), d))
  padded <- suppressMessages(lmm(y ~ x + (1 | g), d, na.action = na.exclude))
  expect_length(fitted(omitted), 93)
  expect_length(fitted(padded), 96)
  expect_identical(unname(which(is.na(residuals(padded)))), 1:3)
  expect_equal(fitted(padded)[-(1:3)], fitted(omitted))
  expect_length(predict(padded), 96)
  expect_identical(dim(simulate(padded, 2, seed = 1)), c(96L, 2L))
  expect_equal(refit(padded, simulate(padded, 1, seed = 1)[[1]])$estimates,
               refit(omitted, simulate(omitted, 1, seed = 1)[[1]])$estimates)
})

test_that("weights are those given, or ones", {
  d <- behavior_data()
  d$w <- rep(1:2, 48)
  expect_identical(weights(lmm(y ~ x + (1 | g), d)), rep(1, 96))
  expect_equal(weights(lmm(y ~ x + (1 | g), d, weights = w)), d$w)
})

test_that("standardized residuals of the trees have the published quantiles", {
  fit <- example_fit("wateruse_diag")
  outputs <- reference_outputs("wateruse_diag")
  published <- outputs[startsWith(outputs$quantity, "standardized_residual"), ]
  q <- unname(quantile(residuals(fit, "scaled")))
  for (i in 1:5) expect_printed(q[i], published$value[i], published$digits[i], published$quantity[i])
})

test_that("SAS's residuals are the dense formulas in designs of every kind", {
  for (seed in 1:42) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    truth <- oracle_solution(oracle, fit_covariance(fit)[term_positions(case, fit)], sigma(fit)^2)
    X <- oracle$X[, oracle$independent, drop = FALSE]
    Q <- X %*% truth$vcov %*% t(X)
    r <- oracle$y - truth$fixed
    same <- function(type, expected, tolerance = 1e-8) {
      expect_equal(unname(residuals(fit, type))[oracle$keep], expected, tolerance = tolerance,
                   label = paste(seed, case$kind, type))
    }
    same("marginal_pearson", r / sqrt(diag(truth$V)))
    left <- diag(truth$V - Q)
    clear <- left > 1e-6 * diag(truth$V)
    expect_equal(unname(residuals(fit, "marginal_studentized"))[oracle$keep][clear], (r / sqrt(left))[clear],
                 tolerance = 1e-6)
    same("marginal_cholesky", as.vector(forwardsolve(t(chol(truth$V)), r)))
    R <- diag(sigma(fit)^2 / oracle$w)
    K <- R %*% solve(truth$V)                                    # I - Z G Z' V^-1
    conditional <- oracle$y - truth$fitted
    own <- diag(K %*% (truth$V - Q) %*% t(K))
    clear <- own > 1e-6 * diag(R)
    expect_equal(unname(residuals(fit, "conditional_studentized"))[oracle$keep][clear],
                 (conditional / sqrt(own))[clear], tolerance = 1e-6)
    same("conditional_pearson", conditional / sqrt(diag(R)))
    expect_identical(residuals(fit, "conditional"), residuals(fit))
    expect_identical(residuals(fit, "normalized"), residuals(fit, "scaled"))
  }
})

test_that("the Cholesky factor by pieces is that of the whole matrix, with rows of a level apart", {
  set.seed(5)
  A <- matrix(rnorm(130 * 7), 130)
  r <- rnorm(130)
  expect_equal(whiten_block(A, r, 30L), as.vector(forwardsolve(t(chol(diag(130) + tcrossprod(A))), r)),
               tolerance = 1e-12)
  expect_error(check_block_size(1e5), class = "lmm_error_numeric")
  d <- behavior_data()
  fit <- lmm(y ~ x + (x | g), d)
  o <- order(d$g)
  expect_equal(residuals(lmm(y ~ x + (x | g), d[o, ]), "marginal_cholesky"), residuals(fit, "marginal_cholesky")[o],
               tolerance = 1e-7)
})

test_that("residuals in units of their standard deviation respect na.exclude, zero weights and fits without residual", {
  d <- behavior_data()
  d$y[1:3] <- NA
  d$w <- rep(c(0, 1, 2), 32)
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d, weights = w, na.action = na.exclude))
  for (type in c("marginal_pearson", "marginal_studentized", "marginal_cholesky", "conditional_studentized")) {
    r <- residuals(fit, type)
    expect_identical(names(r), as.character(1:96))
    expect_true(all(is.na(r[1:3])))
    expect_true(all(is.finite(r[d$w > 0][-(1:2)])))
  }
})

test_that("a row of weight zero changes no residual of the others, with and without a residual structure", {
  d <- as.data.frame(nlme::Orthodont)
  d$w <- rep(c(1, 2, 0.5, 1), 27)
  d$w[c(5, 40, 41)] <- 0
  used <- d$w > 0
  fits <- function(d) list(lmm(distance ~ age + (1 | Subject), d, weights = w),
                           lmm(distance ~ age + (1 | Sex), d, weights = w, residual = ~ ar1(age | Subject)),
                           lmm(distance ~ age + (1 | Subject), d, weights = w, variance = ~Sex))
  scaled <- c("pearson", "scaled", "deviance", "marginal_scaled", "marginal_cholesky", "conditional_studentized",
              "normalized")
  plain <- c("response", "marginal", "conditional")
  infinite <- c("marginal_pearson", "marginal_studentized")
  Map(function(whole, part) {
    for (type in c(plain, scaled, infinite)) {
      r <- unname(residuals(whole, type))
      expect_equal(r[used], unname(residuals(part, type)), tolerance = 1e-5, label = type)
      if (type %in% scaled) expect_identical(r[!used], numeric(3), label = type)
      if (type %in% infinite) expect_true(all(is.na(r[!used])), label = type)
    }
    expect_equal(unname(rstandard(whole))[used], unname(rstandard(part)), tolerance = 1e-5)
    y <- simulate(whole, 2, seed = 1)
    expect_true(all(is.finite(as.matrix(y)[used, ])))
    expect_true(all(is.na(as.matrix(y)[!used, ])))
  }, fits(d), fits(d[used, ]))
})
