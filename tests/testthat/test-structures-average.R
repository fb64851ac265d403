# Residual structures with more random effects than the exact search takes: the average information in its place.

# Two traits of animals with a pedigree; `n` animals.
two_traits <- function(n, seed = 1) {
  set.seed(seed)
  parent <- function(i) if (i <= 20) NA else sample(max(1, i - 100):(i - 1), 1)
  p <- data.frame(id = seq_len(n), sire = vapply(seq_len(n), parent, 0), dam = vapply(seq_len(n), parent, 0))
  p$dam[which(p$dam == p$sire)] <- NA
  relatives <- pedigree(p$id, p$sire, p$dam)
  d <- expand.grid(animal = factor(seq_len(n)), trait = factor(1:2))
  A <- as.matrix(relationship_matrix(relatives))[as.character(seq_len(n)), as.character(seq_len(n))]
  g <- t(chol(A)) %*% matrix(rnorm(2 * n), n) %*% chol(matrix(c(1, 0.5, 0.5, 2), 2))
  e <- matrix(rnorm(2 * n), n) %*% chol(matrix(c(1, 0.3, 0.3, 1), 2))
  d$y <- c(g + e) + as.integer(d$trait)
  d$id <- d$animal
  list(d = d, relatives = relatives, A = A)
}

# Derivatives of -2 log restricted likelihood by formulas with n x n matrices: score and average information of the
# matrices V_i, relative to sigma^2 = 1.
dense_score <- function(y, X, V, slopes) {
  W <- solve(V)
  P <- W - W %*% X %*% solve(crossprod(X, W %*% X), crossprod(X, W))
  Py <- P %*% y
  list(gradient = vapply(slopes, function(S) sum(P * S) - sum(Py * (S %*% Py)), 0),
       ai = vapply(slopes, function(S) vapply(slopes, function(T) c(crossprod(S %*% Py, P %*% (T %*% Py))), 0),
                   numeric(length(slopes))))
}

test_that("the search ends at an optimum of the dense likelihood, and the average information is that of the formula", {
  own <- two_traits(200, 2)
  d <- own$d[-c(3, 77, 240), ]
  fit <- lmm(y ~ trait + us(0 + trait | animal), d, relationship = list(animal = own$relatives),
             residual = ~ us(trait | id))
  expect_identical(fit_optimum(fit)$status, "converged")
  expect_false(has_average_information(fit))              # tests are exact for so few
  Z <- model.matrix(~ 0 + animal, d)
  K <- Z %*% own$A %*% t(Z)
  same <- tcrossprod(Z)
  t1 <- as.numeric(d$trait == 1)
  t2 <- as.numeric(d$trait == 2)
  parts <- list(tcrossprod(t1), tcrossprod(t2), outer(t1, t2) + outer(t2, t1))
  slopes <- c(lapply(parts, `*`, K), lapply(parts[c(1, 3, 2)], `*`, same))
  v <- variance_components(fit)$estimate
  V <- Reduce(`+`, Map(`*`, slopes, v))
  dense <- dense_score(d$y, model.matrix(~ trait, d), V, slopes)
  expect_lt(max(abs(dense$gradient) * v) / 300, 1e-5)
  C <- vcov_components(fit, information = "average")
  expect_lt(max(abs(unname(C) - 2 * solve(dense$ai))), 1e-5)
})

test_that("terms of crossed factors, one of them without variance, and weights: the dense optimum", {
  set.seed(8)
  d <- expand.grid(visit = 1:3, id = factor(1:250))
  d$line <- factor(sample(260, 250, TRUE))[d$id]
  d$block <- factor(sample(150, 750, TRUE))
  d$w <- runif(750, 0.5, 2)
  d$y <- 0.8 * rnorm(260)[d$line] + as.vector(t(matrix(rnorm(750), 250) %*% chol(0.5^abs(outer(1:3, 1:3, "-")))))
  fit <- suppressMessages(lmm(y ~ visit + (1 | line) + (1 | block), d, residual = ~ ar1(visit | id), weights = w))
  expect_equal(VarCorr(fit)$block[1], 0)
  Zl <- model.matrix(~ 0 + line, d)
  minus2 <- function(theta) {
    R <- theta[3]^abs(outer(d$visit, d$visit, "-")) * outer(d$id, d$id, "==") / sqrt(outer(d$w, d$w))
    V <- exp(theta[1]) * (R + exp(theta[2]) * tcrossprod(Zl))
    -2 * dense_marginal(d$y, model.matrix(~ visit, d), V)
  }
  at <- c(2 * log(sigma(fit)), log(VarCorr(fit)$line[1] / sigma(fit)^2), fit_psi(fit))
  slope <- vapply(1:3, function(k) {
    h <- replace(numeric(3), k, 1e-4)
    (minus2(at + h) - minus2(at - h)) / 2e-4
  }, 0)
  expect_lt(max(abs(slope)), 1e-3)
})

test_that("where traces would take too much memory, tests have the average information and say so", {
  own <- two_traits(1200, 2)
  expect_message(fit <- lmm(y ~ trait + us(0 + trait | animal), own$d, relationship = list(animal = own$relatives),
                            residual = ~ us(trait | id)), NA)
  expect_true(has_average_information(fit))
  expect_message(summary(fit), "2,400 random effects of related levels", class = "lmm_message_size")
  expect_message(components <- variance_components(fit), class = "lmm_message_size")
  expect_error(variance_components(fit, information = "expected"), class = "lmm_error_numeric")
  expect_error(variance_components(fit, information = "observed"), "too expensive", class = "lmm_error_numeric")
  expect_error(quantity(fit, ~ var(animal, trait1), information = "observed", method = "delta"), "too expensive",
               class = "lmm_error_numeric")
  expect_message(limits <- confint(fit, "cov(2,1)", method = "Wald"), "average information")
  expect_equal(unname(rowMeans(limits)), components["cov(2,1)", "estimate"], tolerance = 1e-6)
  h2 <- suppressMessages(quantity(fit, h2 = ~ var(animal, trait1) / (var(animal, trait1) + var(Residual, "1")),
                                  method = "delta"))
  v <- components[c("var_trait1|animal", "var(1)"), "estimate"]
  expect_equal(h2$estimate, v[1] / sum(v), tolerance = 1e-6)
  C <- suppressMessages(vcov_components(fit))[c("var_trait1|animal", "var(1)"), c("var_trait1|animal", "var(1)")]
  slope <- c(v[2], -v[1]) / sum(v)^2
  expect_equal(h2$se, sqrt(c(slope %*% C %*% slope)), tolerance = 1e-6)
  kr <- suppressMessages(anova(fit, ddf = "Kenward-Roger"))
  satterthwaite <- suppressMessages(anova(fit))
  expect_match(attr(kr, "heading")[1], "average information")
  expect_lt(abs(kr$DenDF - satterthwaite$DenDF) / satterthwaite$DenDF, 0.1)
  # The same model with the residual covariances as a random effect of records, by the sparse engine without a residual
  # structure: its residual variance is fixed at a part of the smaller eigenvalue.
  rest <- lmm(y ~ trait + us(0 + trait | animal) + us(0 + trait | id), own$d,
              relationship = list(animal = own$relatives), fixed = c(sigma = 0.3))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(rest)), tolerance = 1e-9)
  expect_equal(unname(fixef(fit)), unname(fixef(rest)), tolerance = 1e-5)
  C <- suppressMessages(vcov_components(fit))
  P <- suppressMessages(vcov_components(rest, information = "average"))
  of <- function(group) paste0(c("var_trait1", "cov_trait2.trait1", "var_trait2"), "|", group)
  ours <- c(of("animal"), "var(1)", "cov(2,1)", "var(2)")
  theirs <- c(of("animal"), of("id"))
  expect_equal(unname(C[ours, ours]), unname(P[theirs, theirs]), tolerance = 1e-4)
})

test_that("a search with the average information that comes to no end goes on with the Hessian", {
  own <- two_traits(160, 4)
  d <- expand.grid(visit = 1:4, animal = factor(1:160))
  set.seed(5)
  G <- 0.4^abs(outer(1:4, 1:4, "-")) * outer(c(1, 2, 1, 2), c(1, 2, 1, 2))
  g <- t(chol(own$A)) %*% matrix(rnorm(640), 160) %*% chol(G)
  d$y <- as.vector(t(g)) + rnorm(640, sd = rep(c(1, 0.7, 1.2, 0.5), 160))
  d$id <- d$animal
  d <- d[-sample(640, 60), ]
  d$v <- factor(d$visit)
  fit <- suppressMessages(lmm(y ~ v + rr(0 + v | animal, 1), d, relationship = list(animal = own$relatives),
                              residual = ~ diag(visit | id)))
  expect_identical(fit_optimum(fit)$status, "converged")
  Z <- model.matrix(~ 0 + animal, d)
  K <- Z %*% own$A %*% t(Z)
  X <- model.matrix(~ v, d)
  minus2 <- function(x) {
    V <- K * tcrossprod(x[1:4][d$visit]) + diag(x[5:8][d$visit])
    -2 * dense_marginal(d$y, X, V)
  }
  x <- c(fit_natural(fit)[[1]], fit_psi(fit))
  slope <- vapply(seq_along(x), function(k) {
    h <- replace(numeric(8), k, 1e-4)
    (minus2(x + h) - minus2(x - h)) / 2e-4
  }, 0)
  expect_lt(max(abs(slope)), 2e-3)
})

test_that("parameters that cannot be told apart are refused with any number of connected effects", {
  for (n in c(150, 300)) {
    own <- two_traits(n, 2)
    d <- own$d
    d$visit <- as.integer(d$trait)
    d$y <- d$y + rnorm(n, sd = 2)[d$id]
    R <- list(animal = own$relatives)
    refused <- function(...) {
      expect_error(suppressMessages(lmm(..., data = d, relationship = R)), class = "lmm_error_unidentified")
    }
    refused(y ~ trait + (1 | animal) + (1 | id), residual = ~ cs(visit | id))     # (1 | id) is the common covariance
    refused(y ~ trait + (1 | animal), residual = ~ exp(visit | id, nugget = TRUE))   # one correlation, two parameters
  }
})
