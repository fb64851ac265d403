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

test_that("a known matrix without an inverse is refused by its rows, beside random effects too", {
  set.seed(1)
  d <- data.frame(g = gl(10, 3), e = 1:30, y = rnorm(30))
  V <- kronecker(diag(10), diag(0.5, 3) + 0.5)
  refused <- function(V, text, formula = y ~ 1 + (1 | e)) {
    expect_error(lmm(formula, d, residual = ~ known(g, V)), text, class = "lmm_error_input")
  }
  one <- V
  one[4:6, 4:6] <- 1
  refused(one, "rows 4-6 is singular.*Leave out one of the rows")
  refused(one, "rows 4-6 is singular", y ~ 1)
  refused(lapply(1:10, function(k) if (k == 2) matrix(1, 3, 3) else diag(3)), "rows 4-6 is singular")
  one[5, 6] <- one[6, 5] <- -0.9
  refused(one, "rows 4-6 is not positive definite.*negative eigenvalues")
  one[4:6, 4:6] <- diag(c(1, 0, 1))
  refused(one, "a variance is 0")
  # with the advice, the density of the sum
  one[4:6, 4:6] <- 1 + 1e-6 * diag(3)
  fit <- lmm(y ~ 1 + (1 | e), d, residual = ~ known(g, one), REML = FALSE)
  total <- one + diag(VarCorr(fit)$e[1L], 30)
  z <- backsolve(chol(total), d$y - fixef(fit), transpose = TRUE)
  expect_equal(c(logLik(fit)), -(30 * log(2 * pi) + c(determinant(total)$modulus) + sum(z^2)) / 2, tolerance = 1e-8)
  # singular matrices with coefficients may add up to one that is not
  expect_s3_class(lmm(y ~ 1, d, residual = ~ known(g, matrix(1, 3, 3), diag(3))), "lmm_fit")
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

# V[s, s] is the covariance matrix of the rows s, however they are chosen.
test_that("a whole matrix belongs to the rows by name, or has one row for each of them", {
  case <- known_case()
  d <- case$d
  V <- case$whole + 0.1
  kept <- c(1:7, 9:14, 16:20)
  small <- d[kept, ]
  small_V <- V[kept, kept]
  loglik <- function(...) as.numeric(logLik(suppressMessages(lmm(y ~ outcome, ...))))
  right <- loglik(structure(small, row.names = 1:18), residual = ~ known(small_V))
  X <- model.matrix(~ outcome, small)
  W <- solve(small_V)
  e <- small$y - X %*% solve(t(X) %*% W %*% X, t(X) %*% W %*% small$y)
  dense <- -0.5 * (-determinant(W)$modulus + determinant(t(X) %*% W %*% X)$modulus + t(e) %*% W %*% e +
                     16 * log(2 * pi))
  expect_equal(right, as.numeric(dense), tolerance = 1e-9)
  expect_error(loglik(small, residual = ~ known(V)), "has 20 rows, but the data have 18", class = "lmm_error_input")
  named <- structure(V, dimnames = list(1:20, 1:20))[20:1, 20:1]
  expect_equal(loglik(small, residual = ~ known(named)), right, tolerance = 1e-9)
  expect_equal(loglik(d, residual = ~ known(V), subset = kept), right, tolerance = 1e-9)
  expect_equal(loglik(d, residual = ~ known(small_V), subset = kept), right, tolerance = 1e-9)
  gaps <- transform(d, y = replace(y, c(8, 15), NA))
  expect_equal(loglik(gaps, residual = ~ known(V)), right, tolerance = 1e-9)
  expect_equal(loglik(gaps, residual = ~ known(small_V)), right, tolerance = 1e-9)
  last <- rbind(small, transform(d[1:2, ], y = NA))
  longer <- V[c(kept, 1:2), c(kept, 1:2)]
  expect_equal(loglik(structure(last, row.names = 1:20), residual = ~ known(longer)), right, tolerance = 1e-9)
  text <- structure(d, row.names = paste0("r", 1:20))
  named <- structure(V, dimnames = list(rownames(text), rownames(text)))
  expect_equal(loglik(text[rev(kept), ], residual = ~ known(named)), right, tolerance = 1e-9)
  rownames(named)[3] <- colnames(named)[3] <- "other"
  expect_error(loglik(text, residual = ~ known(named)), "no row named \"r3\"", class = "lmm_error_input")
  rownames(named) <- rev(rownames(named))
  expect_error(loglik(text, residual = ~ known(named)), "different names", class = "lmm_error_input")
})

test_that("the matrix of a subject belongs to its rows by name", {
  case <- known_case()
  d <- structure(case$d, row.names = paste0("r", 1:20))
  V <- Map(function(v, k) structure(v, dimnames = rep(list(paste0("r", 2 * k - 1:0)), 2)), case$V, 1:10)
  fit <- suppressMessages(lmm(y ~ outcome, d, residual = ~ known(trial, V)))
  expect_equal(logLik(suppressMessages(lmm(y ~ outcome, d[20:1, ], residual = ~ known(trial, V)))), logLik(fit))
  small <- suppressMessages(lmm(y ~ outcome, d[-3, ], residual = ~ known(trial, V)))
  whole <- case$whole[-3, -3]
  expect_equal(logLik(small), logLik(suppressMessages(lmm(y ~ outcome, d[-3, ], residual = ~ known(whole)))))
})

test_that("missing values in known matrices are named, and known(1, V) is one subject", {
  set.seed(1)
  d <- data.frame(x = rnorm(30), y = rnorm(30))
  V <- 0.5^abs(outer(1:30, 1:30, "-"))
  expect_equal(logLik(lmm(y ~ x, d, residual = ~known(1, V))), logLik(lmm(y ~ x, d, residual = ~known(V))))
  d$y[4] <- NA
  W <- V
  W[4, ] <- W[, 4] <- NA
  expect_error(lmm(y ~ x, d, residual = ~known(W)), "missing values .*row 4", class = "lmm_error_input")
  W[4, ] <- W[, 4] <- 0
  W[4, 4] <- 1
  expect_equal(suppressMessages(logLik(lmm(y ~ x, d, residual = ~known(W)))),
               suppressMessages(logLik(lmm(y ~ x, d, residual = ~known(V)))))
})
