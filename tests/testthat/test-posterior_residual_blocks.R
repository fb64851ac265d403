# Residual structures with fixed parameters and known matrices with coefficients in a posterior.

block_data <- function() {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  d$visit <- match(d$age, c(8, 10, 12, 14))
  d[order(d$Subject, d$visit), ]
}

# The log target less likelihood and prior, for R of one subject by `R_of(shown)` and the standard deviations and
# correlations that have the prior, `natural(shown)`.
block_difference <- function(fit, d, R_of, sds, natural, prior = 0, density = prior_half_t(3, 4)) {
  X <- model.matrix(~ age, d)
  same <- outer(d$Subject, d$Subject, "==")
  log_density <- function(v) {
    V <- matrix(0, nrow(d), nrow(d))
    for (s in levels(d$Subject)) {
      at <- which(d$Subject == s)
      V[at, at] <- R_of(v, d$Sex[at[1]])[d$visit[at], d$visit[at]]
    }
    dense_marginal(d$distance, X, V) + sum(log_half_t(sds(v), 4)) + if (is.function(prior)) prior(v) else prior
  }
  target_differences(fit, density, log_density, natural)
}

test_that("an unstructured matrix with fixed entries", {
  d <- block_data()
  at <- which(lower.tri(diag(4), diag = TRUE))
  matrix_of <- function(v, fixed) {
    out <- matrix(0, 4, 4)
    names <- outer(c(8, 10, 12, 14), c(8, 10, 12, 14), function(i, j) ifelse(i == j, paste0("sd(", i, ")"),
                                                                            paste0("cov(", i, ",", j, ")")))
    variance <- startsWith(names(fixed), "var")
    all <- c(v, stats::setNames(ifelse(variance, sqrt(fixed), fixed), sub("^var", "sd", names(fixed))))
    out[at] <- all[names[at]]
    diag(out) <- diag(out)^2
    out[upper.tri(out)] <- t(out)[upper.tri(out)]
    out
  }
  for (fixed in list(c("cov(10,8)" = 3), c("var(10)" = 4), c("var(10)" = 4, "cov(12,10)" = 2.5))) {
    fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = fixed))
    R_of <- function(v, sex) matrix_of(v, fixed)
    sds <- function(v) v[grep("^sd", names(v))]
    cors <- function(v) {
      C <- cov2cor(R_of(v))
      names <- outer(c(8, 10, 12, 14), c(8, 10, 12, 14), function(i, j) paste0("cov(", i, ",", j, ")"))
      C[names %in% names(v)]
    }
    natural <- function(v) unname(c(sds(v), cors(v)))
    free <- sum(grepl("^cov", residual_prior_names(fit)$name))
    expect_lt(max(abs(block_difference(fit, d, R_of, sds, natural, -free * log(2)))), 1e-6,
              label = paste(names(fixed), collapse = " "))
    draws <- as.data.frame(suppressWarnings(posterior(fit, 400, prior_half_t(3, 4), seed = 1)))
    least <- apply(draws, 1, function(v) min(eigen(matrix_of(v, fixed), TRUE, TRUE)$values))
    expect_gt(min(least), 0)
  }
  by_sd <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = c("sd(10)" = 2)))
  by_variance <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = c("var(10)" = 4)))
  expect_identical(logLik(by_sd), logLik(by_variance))
  expect_error(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = c("sd(10)" = -2)), "must be positive",
               class = "lmm_error_input")
})

test_that("common covariances by group, fixed in one of them", {
  d <- block_data()
  free <- suppressMessages(lmm(distance ~ age, d, residual = ~ cs(age | Sex/Subject)))
  names <- residual_prior_names(free)$name
  sd <- grep("^sd", names, value = TRUE)
  cov <- grep("^cov", names, value = TRUE)
  for (case in 1:2) {
    fixed <- stats::setNames(if (case == 1) 2 else 3.2, if (case == 1) cov[1] else sub("^sd", "var", sd[1]))
    fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ cs(age | Sex/Subject), fixed = fixed))
    R_of <- function(v, sex) {
      own <- c(v, if (case == 1) fixed else stats::setNames(sqrt(fixed), sd[1]))
      k <- match(paste0("sd|", sex), sd)
      diag(own[[sd[k]]]^2, 4) + own[[cov[k]]]
    }
    sex <- sub("sd|", "", sd, fixed = TRUE)
    parts <- function(v) lapply(sex, function(s) R_of(v, s))
    sds <- function(v) vapply(parts(v), function(R) sqrt(R[1, 1]), 0)[if (case == 1) 1:2 else 2]
    cors <- function(v) vapply(parts(v), function(R) R[1, 2] / R[1, 1], 0)[if (case == 1) 2 else 1:2]
    natural <- function(v) c(sds(v), cors(v))
    expect_lt(max(abs(block_difference(fit, d, R_of, sds, natural, if (case == 1) -log(2) else -2 * log(2)))), 1e-6)
  }
})

test_that("draws of common covariances, one of them fixed, have the moments of the dense density", {
  d <- block_data()
  fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ cs(age | Sex/Subject), fixed = c("cov|Male" = 2)))
  draws <- as.data.frame(posterior(fit, 4000, prior_half_t(3, 4), seed = 1))
  s <- sqrt(draws[["sd|Female"]]^2 + draws[["cov|Female"]])
  own <- cbind(2 * log(draws[["sd|Male"]]), log(s), atanh(draws[["cov|Female"]] / s^2))
  X <- cbind(1, c(8, 10, 12, 14))
  Y <- matrix(d$distance, 4)
  male <- d$Sex[4 * seq_len(27)] == "Male"
  log_density <- function(x) {
    total <- c(sqrt(exp(x[1]) + 2), exp(x[2]))
    rho <- tanh(x[3])
    if (rho <= -1 / 3) return(-Inf)
    R <- list(diag(exp(x[1]), 4) + 2, total[2]^2 * (diag(1 - rho, 4) + rho))
    W <- lapply(R, solve)
    n <- c(sum(male), sum(!male))
    A <- n[1] * t(X) %*% W[[1]] %*% X + n[2] * t(X) %*% W[[2]] %*% X
    b <- solve(A, t(X) %*% (W[[1]] %*% rowSums(Y[, male]) + W[[2]] %*% rowSums(Y[, !male])))
    r <- Y - drop(X %*% b)
    0.5 * sum(n * vapply(W, function(w) c(determinant(w)$modulus), 0)) - 0.5 * c(determinant(A)$modulus) -
      0.5 * sum(r[, male] * (W[[1]] %*% r[, male])) - 0.5 * sum(r[, !male] * (W[[2]] %*% r[, !male])) +
      sum(log_half_t(total, 4)) + x[1] - log(total[1]) + x[2] + log(1 - rho^2)
  }
  set.seed(1)
  n <- 20000
  z <- matrix(rnorm(3 * n), n) / sqrt(rchisq(n, 6) / 6)
  x <- sweep(z %*% chol(1.5 * cov(own)), 2, colMeans(own), `+`)
  w <- apply(x, 1, log_density) + 4.5 * log1p(rowSums(z^2) / 6)
  w <- exp(w - max(w)) / sum(exp(w - max(w)))
  mean <- colSums(w * x)
  expect_lt(max(abs(colMeans(own) - mean) / apply(own, 2, sd)), 0.08)
  expect_lt(max(abs(apply(own, 2, sd) / sqrt(colSums(w * sweep(x, 2, mean)^2)) - 1)), 0.08)
})

test_that("series with a fixed coefficient have the density of the partial autocorrelations", {
  d <- block_data()
  lag <- abs(outer(1:4, 1:4, "-"))
  for (word in c("ar", "ma")) {
    name <- if (word == "ar") "phi1" else "theta1"
    fixed <- stats::setNames(0.3, name)
    text <- paste0("~ ", word, "(visit | Subject, ", if (word == "ar") "p" else "q", " = 2)")
    fit <- suppressMessages(lmm(distance ~ age, d, residual = as.formula(text), fixed = fixed))
    second <- setdiff(residual_prior_names(fit)$name, name)
    R_of <- function(v, sex) {
      own <- if (word == "ar") stats::ARMAacf(ar = c(0.3, v[[second]]), lag.max = 3) else
        stats::ARMAacf(ma = c(0.3, v[[second]]), lag.max = 3)
      v[["sigma"]]^2 * matrix(own[lag + 1], 4)
    }
    sds <- function(v) v["sigma"]
    # The density of (r1, r2), uniform on the square, as one of the coefficients: 1 / |d phi / d r|.
    log_jacobian <- function(v) {
      phi <- if (word == "ar") c(0.3, v[[second]]) else -c(0.3, v[[second]])
      r <- c(phi[1] / (1 - phi[2]), phi[2])
      map <- function(r) c(r[1] - r[2] * r[1], r[2])
      -log(abs(det(numeric_jacobian(map, r)))) - 2 * log(2)
    }
    natural <- function(v) c(v[["sigma"]], v[[second]])
    expect_lt(max(abs(block_difference(fit, d, R_of, sds, natural, log_jacobian))), 1e-5, label = word)
  }
})

test_that("series with a fixed coefficient have any density of the partial autocorrelations", {
  d <- block_data()
  lag <- abs(outer(1:4, 1:4, "-"))
  fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ ar(visit | Subject, p = 2), fixed = c(phi1 = 0.3)))
  second <- setdiff(residual_prior_names(fit)$name, "phi1")
  R_of <- function(v, sex) v[["sigma"]]^2 * matrix(stats::ARMAacf(ar = c(0.3, v[[second]]), lag.max = 3)[lag + 1], 4)
  # Partial autocorrelations r with density (1 - r^2)^(eta - 1) / (2^(2 eta - 1) beta(eta, eta))
  own <- function(v) {
    r <- c(0.3 / (1 - v[[second]]), v[[second]])
    sum((2 - 1) * log1p(-r^2)) - 2 * log(2^3 * beta(2, 2)) - log(1 - v[[second]])
  }
  prior <- stats::setNames(list(prior_half_t(3, 4), prior_lkj(2)), c("", second))
  natural <- function(v) c(v[["sigma"]], v[[second]])
  expect_lt(max(abs(block_difference(fit, d, R_of, function(v) v["sigma"], natural, own, prior))), 1e-5)
  draws <- posterior(fit, 1000, prior_half_t(3, 4), seed = 1)
  expect_lt(max(draws[[second]]), 0.7)                     # stationary: phi1 + phi2 < 1
})

test_that("known matrices with coefficients: the square root of a coefficient has the prior of a standard deviation", {
  d <- block_data()
  d <- d[d$visit < 4, ]
  R1 <- kronecker(diag(27), diag(c(1, 2, 3)))
  R2 <- kronecker(diag(27), 0.5^abs(outer(1:3, 1:3, "-")))
  d$all <- factor(1)
  fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ known(all, R1, R2)))
  R_of <- function(v, sex) v[["coef1"]] * diag(c(1, 2, 3)) + v[["coef2"]] * 0.5^abs(outer(1:3, 1:3, "-"))
  sds <- function(v) sqrt(v[c("coef1", "coef2")])
  natural <- function(v) unname(sds(v))
  expect_lt(max(abs(block_difference(fit, d, R_of, sds, natural))), 1e-6)
  draws <- posterior(fit, 4000, prior_half_t(3, 4), seed = 1)
  X <- model.matrix(~ age, d)
  grid <- expand.grid(a = seq(-5, 1.3, length.out = 60), b = seq(-1, 1.8, length.out = 60))
  log <- apply(grid, 1, function(x) {
    dense_marginal(d$distance, X, exp(2 * x[[1]]) * R1 + exp(2 * x[[2]]) * R2) + sum(log_half_t(exp(x), 4)) + sum(x)
  })
  w <- exp(log - max(log)) / sum(exp(log - max(log)))
  for (k in 1:2) {
    own <- log(draws[[paste0("coef", k)]]) / 2
    expect_lt(abs(mean(own) - sum(w * grid[[k]])) / sd(own), 0.1)
  }
  prior <- list(prior_half_t(3, 4), coef2 = prior_half_normal(1))
  own <- function(v) stats::dnorm(sqrt(v[["coef2"]]), 0, 1, log = TRUE) + log(2) - log_half_t(sqrt(v[["coef2"]]), 4)
  expect_lt(max(abs(block_difference(fit, d, R_of, sds, natural, own, prior))), 1e-6)
})
