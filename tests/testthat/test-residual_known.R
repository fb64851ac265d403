# Known residual covariance matrices.

known_case <- function() {
  set.seed(8)
  d <- data.frame(trial = rep(1:10, each = 2), outcome = rep(c("a", "b"), 10))
  V <- lapply(1:10, function(i) crossprod(matrix(rnorm(8), 4)) / 4)
  names(V) <- 1:10
  d$y <- as.numeric(d$outcome == "a") + unlist(lapply(V, function(v) t(chol(v)) %*%
                                                      rnorm(2))) + rep(rnorm(10, sd = 0.5), each = 2)
  list(d = d, V = V, whole = as.matrix(Matrix::bdiag(V)))
}

test_that("known blocks are a model without a residual variance of its own", {
  case <- known_case()
  d <- case$d
  V <- case$V
  fit <- suppressMessages(lmm(y ~ outcome, d, residual = ~ known(trial, V)))
  X <- model.matrix(~ outcome, d)
  W <- solve(case$whole)
  expect_equal(unname(fixef(fit)), as.vector(solve(t(X) %*% W %*% X, t(X) %*% W %*% d$y)), tolerance = 1e-9)
  expect_equal(unname(as.matrix(vcov(fit))), unname(solve(t(X) %*% W %*% X)), tolerance = 1e-9)
  whole <- case$whole
  expect_equal(logLik(suppressMessages(lmm(y ~ outcome, d, residual = ~ known(trial, whole)))), logLik(fit),
               tolerance = 1e-10)
  shuffled <- V[10:1]
  expect_equal(logLik(suppressMessages(lmm(y ~ outcome, d, residual = ~ known(trial, shuffled)))), logLik(fit),
               tolerance = 1e-10)
})

test_that("a bivariate meta-analysis is that of dense formulas", {
  case <- known_case()
  d <- case$d
  V <- case$V
  fit <- suppressMessages(lmm(y ~ 0 + outcome + (0 + outcome | trial), d, residual = ~ known(trial, V)))
  G <- VarCorr(fit)$trial
  M <- kronecker(diag(10), matrix(G, 2)) + case$whole
  X <- model.matrix(~ 0 + outcome, d)
  W <- solve(M)
  beta <- solve(t(X) %*% W %*% X, t(X) %*% W %*% d$y)
  e <- d$y - X %*% beta
  criterion <- as.numeric(determinant(M)$modulus + determinant(t(X) %*% W %*% X)$modulus + t(e) %*% W %*% e + 18 *
                          log(2 * pi))
  expect_equal(deviance(fit), criterion, tolerance = 1e-8)
  expect_equal(unname(fixef(fit)), as.vector(beta), tolerance = 1e-8)
})

test_that("several known matrices have a coefficient each", {
  set.seed(2)
  d <- data.frame(id = rep(1:40, each = 3), t = rep(1:3, 40))
  A <- matrix(1, 3, 3)
  B <- diag(3)
  d$y <- rep(rnorm(40), each = 3) + rnorm(120, sd = 0.7)
  fit <- lmm(y ~ 1, d, residual = ~ known(id, A, B))
  own <- lmm(y ~ 1 + (1 | id), d)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(own)), tolerance = 1e-9)
  expect_equal(residual_parameters(fit)$estimate, c(VarCorr(own)$id[1L], sigma(own)^2), tolerance = 1e-5)
})

test_that("matrices that do not fit the data are named", {
  d <- known_case()$d
  bad <- function(V, text) expect_error(lmm(y ~ 1, d, residual = ~ known(trial, V)), text, class = "lmm_error_input")
  bad(diag(3), "3 rows")
  bad(matrix(1:4, 2), "not symmetric")
  bad(rep(list(diag(2)), 4), "a matrix for each")
})

# V is known up to sigma^2: F has its exact distribution, with n - p degrees of freedom, whatever the method.
test_that("with all residual parameters held every method gives the exact test of generalized least squares", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)[-c(3, 17, 40, 41, 77), ]
  d$visit <- factor(d$age)
  fit <- lmm(distance ~ age * Sex, d, residual = ~ ar1(visit | Subject), fixed = c(rho = 0.5))
  V <- outer(seq_len(nrow(d)), seq_len(nrow(d)), function(i, j) {
    (d$Subject[i] == d$Subject[j]) * 0.5^(abs(d$age[i] - d$age[j]) / 2)
  })
  X <- model.matrix(~ age * Sex, d)
  beta <- solve(t(X) %*% solve(V, X), t(X) %*% solve(V, d$distance))
  s2 <- sum((d$distance - X %*% beta) * solve(V, d$distance - X %*% beta)) / (nrow(d) - 4)
  t4 <- beta[4] / sqrt(s2 * solve(t(X) %*% solve(V, X))[4, 4])
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    table <- anova(fit, ddf = ddf)
    expect_equal(table["age:Sex", "DenDF"], nrow(d) - 4, tolerance = 1e-8, label = ddf)
    expect_equal(table["age:Sex", "F value"], t4^2, tolerance = 1e-8, label = ddf)
  }
})
