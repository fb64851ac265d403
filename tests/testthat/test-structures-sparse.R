# Many random effects of which few meet in a subject, beside a residual structure: their equations are sparse.

sparse_pedigree <- function(n, founders = 20L) {
  set.seed(2)
  id <- sprintf("a%03d", seq_len(n))
  parent <- function(i) if (i > founders) id[sample.int(i - 1L, 1L)] else NA_character_
  pedigree(id, vapply(seq_len(n), parent, ""), vapply(seq_len(n), parent, ""))
}

# Records of some animals (others are parents only), in herds that cross them.
sparse_records <- function(p, visits = 2L, seed = 3) {
  K <- relationship_matrix(p)
  set.seed(seed)
  id <- sort(sample(rownames(K), 0.8 * nrow(K)))
  d <- expand.grid(visit = seq_len(visits), id = id, stringsAsFactors = FALSE)
  d <- d[-sample(nrow(d), nrow(d) / 8), ]
  d$animal <- d$id
  d$herd <- sample(6L, nrow(d), TRUE)
  d$x <- stats::rnorm(nrow(d))
  d$arm <- factor(ifelse(stats::runif(nrow(d)) < 0.5, "a", "b"))
  u <- drop(crossprod(chol(K), stats::rnorm(nrow(K))))
  d$y <- 1 + d$x + u[match(d$id, rownames(K))] + stats::rnorm(6L)[d$herd] + stats::rnorm(length(id))[match(d$id, id)] +
    stats::rnorm(nrow(d))
  d$weight <- 1
  d
}

equations_of <- function(fit) engine_result(engine_structured_size(fit_structured_model(fit)), fit_frame(fit))

expect_sparse <- function(fit) expect_gt(equations_of(fit)[["sparse"]], equations_of(fit)[["dense"]])

test_that("related animals beside residual structures agree with dense formulas", {
  p <- sparse_pedigree(300L)
  K <- list(animal = relationship_matrix(p))
  d <- sparse_records(p)
  one <- suppressMessages(lmm(y ~ x + arm + (1 | animal), d, relationship = list(animal = p),
                              residual = ~ ar1(visit | id)))
  expect_sparse(one)
  expect_oracle(one, d, oracle_function("ar1", d, d$visit - 1L, 2L), "ar1", K)
  crossed <- suppressMessages(lmm(y ~ x + arm + (1 | animal) + (1 | herd), d, relationship = list(animal = p),
                                  residual = ~ us(visit | id)))
  expect_sparse(crossed)
  expect_oracle(crossed, d, oracle_function("us", d, d$visit - 1L, 2L), "us, crossed", K)
  arms <- suppressMessages(lmm(y ~ x + arm + (1 | animal), d, relationship = list(animal = p), variance = ~ arm))
  expect_sparse(arms)
  d$level <- as.integer(d$arm) - 1
  expect_oracle(arms, d, function(psi) diag(exp(2 * psi[1L] * d$level)), "variance function", K)
})

test_that("crossed factors of many levels beside a variance function agree with dense formulas", {
  set.seed(4)
  d <- data.frame(line = sample(160L, 500L, TRUE), block = sample(12L, 500L, TRUE), x = stats::rnorm(500L))
  d$arm <- factor(ifelse(d$block %% 2 == 0, "a", "b"))
  d$y <- 2 + d$x + stats::rnorm(160L)[d$line] + stats::rnorm(12L)[d$block] + stats::rnorm(500L) * (1 + (d$x > 0))
  d$weight <- 1
  d$x <- d$x - mean(d$x)
  fit <- suppressMessages(lmm(y ~ x + arm + (1 | line) + (1 | block), d, variance = ~ x))
  expect_sparse(fit)
  expect_oracle(fit, d, function(psi) diag(exp(2 * psi[1L] * d$x)), "crossed")
  d$weight <- stats::runif(500L, 0.5, 2)
  arms <- suppressMessages(lmm(y ~ x + arm + (1 | line) + (1 | block), d, variance = ~ arm, weights = weight))
  expect_sparse(arms)
  level <- as.integer(d$arm) - 1
  expect_oracle(arms, d, function(psi) diag(exp(2 * psi[1L] * level) / d$weight), "crossed, weighted")
})

test_that("variances of many environments beside crossed factors are at the maximum of the weighted model", {
  set.seed(6)
  d <- expand.grid(line = factor(1:150), env = factor(1:12), rep = 1:2)
  d <- d[sample(nrow(d), 1200L), ]
  d$block <- factor(paste(d$env, d$rep))
  d$y <- stats::rnorm(150L)[d$line] + stats::rnorm(24L)[d$block] + stats::rnorm(1200L) * exp(0.1 * as.integer(d$env))
  fit <- suppressMessages(lmm(y ~ env + (1 | line) + (1 | block), d, variance = ~ env))
  expect_sparse(fit)
  expect_identical(fit$optimum$status, "converged")
  at <- function(psi) {                                   # weights in place of the variance function
    sd <- exp(c(0, psi))[d$env]
    held <- lmm(y ~ env + (1 | line) + (1 | block), d, weights = 1 / sd^2)
    as.numeric(logLik(held))
  }
  psi <- fit$optimum$psi
  expect_equal(as.numeric(logLik(fit)), at(psi), tolerance = 1e-10)
  for (k in c(1L, 6L, 11L)) {
    moved <- vapply(c(-1e-3, 1e-3), function(h) at(replace(psi, k, psi[k] + h)), 0)
    expect_lt(abs(diff(moved)) / 2e-3, 1e-4)
    expect_lt(max(moved), at(psi))
  }
})

test_that("several traits of related animals beside an unstructured residual equal the form with a record term", {
  p <- sparse_pedigree(150L)
  d <- sparse_records(p)
  d$trait <- factor(c("s", "t"))[d$visit]
  d$record <- paste(d$id, d$visit)
  fit <- suppressMessages(lmm(y ~ trait + x + us(0 + trait | animal), d, relationship = list(animal = p),
                              residual = ~ us(trait | id)))
  expect_sparse(fit)
  same <- suppressMessages(lmm(y ~ trait + x + us(0 + trait | animal) + us(0 + trait | id), d,
                               relationship = list(animal = p), fixed = c(sigma = 0.05)))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(same)), tolerance = 1e-8)
  expect_equal(coef(summary(fit)), coef(summary(same)), tolerance = 1e-4)
  kr <- function(fit) coef(summary(fit, ddf = "Kenward-Roger", information = "expected"))
  expect_equal(kr(fit), kr(same), tolerance = 1e-4)
  expect_equal(ranef(fit)$animal, ranef(same)$animal, tolerance = 1e-4)
  conditional <- function(fit) attr(ranef(fit, condVar = TRUE)$animal, "postVar")
  expect_equal(conditional(fit), conditional(same), tolerance = 1e-4)
  new <- d[1:4, ]
  expect_equal(predict(fit, new, se.fit = TRUE)$se.fit, predict(same, new, re.form = ~ us(0 + trait | animal),
                                                                se.fit = TRUE)$se.fit, tolerance = 1e-4)
})

test_that("a singular covariance matrix of related slopes keeps sparse equations", {
  p <- sparse_pedigree(150L)
  d <- sparse_records(p)
  d$y <- d$x + stats::rnorm(nrow(d)) + d$y * (1 + 0.2 * d$x) / 3        # one effect moves intercept and slope
  fit <- suppressMessages(lmm(y ~ x + (x | animal), d, relationship = list(animal = p), residual = ~ ar1(visit | id)))
  expect_true(isSingular(fit))
  expect_gt(sum(diag(VarCorr(fit)$animal)), 0.01)
  expect_sparse(fit)
  K <- relationship_matrix(p)[d$animal, d$animal]
  s2 <- sigma(fit)^2
  Z <- cbind(1, d$x)
  G <- VarCorr(fit)$animal[1:2, 1:2]
  R <- Re(oracle_function("ar1", d, d$visit - 1L, 2L)(fit$optimum$psi + 0i))
  X <- model.matrix(fit)
  o <- structure_information(K * (Z %*% G %*% t(Z)) / s2 + R, list(diag(nrow(d))), X, d$y, s2)
  expect_equal(deviance(fit), o$log_det + o$log_det_x + (nrow(d) - 2) * log(2 * pi * s2) + o$r2 / s2, tolerance = 1e-9)
})

test_that("draws of related effects with sparse equations have their mean and covariance matrix", {
  p <- sparse_pedigree(300L)
  d <- sparse_records(p)
  known <- suppressMessages(lmm(y ~ x + (1 | animal), d, relationship = list(animal = p), residual = ~ ar1(visit | id),
                                fixed = c(sigma = 1.2, animal = 1, rho = 0.2)))
  expect_sparse(known)
  draws <- as.data.frame(posterior(known, 20000, seed = 1, random = TRUE))
  K <- as.matrix(relationship_matrix(p))
  names <- paste0("r_animal[", rownames(K), ",(Intercept)]")
  b <- as.matrix(draws[names])
  R <- 1.2^2 * Re(oracle_function("ar1", d, d$visit - 1L, 2L)(0.2 + 0i))
  C <- K[, d$animal]
  W <- solve(C[d$animal, ] + R)
  X <- cbind(1, d$x)
  P <- W - W %*% X %*% solve(crossprod(X, W %*% X), crossprod(X, W))
  mean <- drop(C %*% P %*% d$y)
  V <- K - C %*% P %*% t(C)
  expect_lt(max(abs(colMeans(b) - mean) / sqrt(diag(V) / 20000)), 4.5)
  some <- seq(1, nrow(K), by = 7)
  z <- (stats::cov(b[, some]) - V[some, some]) / sqrt((outer(diag(V), diag(V)) + V^2)[some, some] / 20000)
  expect_lt(max(abs(z)), 5.5)
  expect_lt(abs(stats::sd(z[lower.tri(z)]) - 1), 0.15)
})

test_that("sparse units with the same design count as often as they occur", {
  set.seed(7)
  d <- expand.grid(visit = 1:2, student = 1:110, school = 1:30)
  base <- array(stats::rnorm(2 * 110 * 8), c(2, 110, 8)) + rep(stats::rnorm(110 * 8), each = 2)
  d$y <- as.vector(base[, , rep_len(1:8, 30)]) + rep(stats::rnorm(8), each = 220)[rep_len(seq_len(8 * 220), 30 * 220)]
  d$pupil <- factor(paste(d$school, d$student))
  d$school <- factor(d$school)
  d$late <- factor(d$visit > 1)
  fit <- suppressMessages(lmm(y ~ 1 + (1 | school) + (1 | pupil), d, variance = ~ late))
  expect_sparse(fit)
  expect_identical(fit$optimum$status, "converged")
  d$w <- ifelse(d$late == "TRUE", exp(-2 * fit$optimum$psi), 1)
  weighted <- suppressMessages(lmm(y ~ 1 + (1 | school) + (1 | pupil), d, weights = w))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(weighted)), tolerance = 1e-10)
  expect_equal(sigma(fit), sigma(weighted), tolerance = 1e-5)
})

test_that("inference of sparse units with the same design is that of units that differ in their last digits", {
  for (pupils in c(110, 300)) {                            # by the exact search, and by the average information
    set.seed(7)
    d <- expand.grid(visit = 1:2, student = seq_len(pupils), school = 1:12)
    base <- array(stats::rnorm(8 * pupils), c(2, pupils, 4)) + rep(stats::rnorm(4 * pupils), each = 2)
    d$y <- as.vector(base[, , rep_len(1:4, 12)]) + 0.1 * d$school + ifelse(d$visit > 1, 0.5, 0) * stats::rnorm(nrow(d))
    d$pupil <- factor(paste(d$school, d$student))
    d$school <- factor(d$school)
    d$late <- factor(d$visit > 1)
    d$w <- 1 + 1e-9 * seq_len(nrow(d)) / nrow(d)
    same <- suppressMessages(lmm(y ~ late + (1 | school) + (1 | pupil), d, variance = ~ late))
    apart <- suppressMessages(lmm(y ~ late + (1 | school) + (1 | pupil), d, variance = ~ late, weights = w))
    expect_sparse(same)
    expect_equal(as.numeric(logLik(same)), as.numeric(logLik(apart)), tolerance = 1e-9)
    expect_equal(variance_components(same)$se, variance_components(apart)$se, tolerance = 1e-5)
    expect_equal(variance_components(same, information = "expected")$se,
                 variance_components(apart, information = "expected")$se, tolerance = 1e-5)
    expect_equal(summary(same)$coefficients, summary(apart)$coefficients, tolerance = 1e-5)
    expect_equal(anova(same, ddf = "Kenward-Roger")$DenDF, anova(apart, ddf = "Kenward-Roger")$DenDF, tolerance = 1e-5)
  }
})

test_that("models without fixed effects beside residual structures have summaries", {
  d <- data.frame(g = factor(rep(1:10, each = 6)), t = 1:6, arm = factor(rep(1:2, 30)))
  d$y <- sin(seq_len(60)) + cos(rep(1:10, each = 6))
  same <- outer(d$g, d$g, "==")
  variance <- suppressMessages(lmm(y ~ 0 + (1 | g), d, variance = ~ arm))
  correlated <- suppressMessages(lmm(y ~ 0 + (1 | g), d, residual = ~ ar1(t | g)))
  R <- list(diag(exp(2 * fit_psi(variance) * (d$arm == "2"))), fit_psi(correlated)^abs(outer(d$t, d$t, "-")) * same)
  for (k in 1:2) {
    fit <- list(variance, correlated)[[k]]
    V <- sigma(fit)^2 * R[[k]] + VarCorr(fit)$g[1] * same
    expect_equal(-2 * as.numeric(logLik(fit)),
                 60 * log(2 * pi) + c(determinant(V)$modulus) + sum(d$y * solve(V, d$y)), tolerance = 1e-8)
    expect_output(suppressMessages(print(summary(fit))), "arm2|rho")
  }
})
