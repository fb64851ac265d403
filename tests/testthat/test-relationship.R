# Known relationships, against dense formulas and hand-made matrices.

test_that("additive relationships are those of a published pedigree, with inbreeding", {
  # Mrode (2005), Linear Models for the Prediction of Animal Breeding Values, example 2.1
  p <- pedigree(1:6, sire = c(NA, NA, 1, 1, 4, 5), dam = c(NA, NA, 2, NA, 3, 2))
  A <- rbind(c(1, 0, 0.5, 0.5, 0.5, 0.25), c(0, 1, 0.5, 0, 0.25, 0.625), c(0.5, 0.5, 1, 0.25, 0.625, 0.5625),
             c(0.5, 0, 0.25, 1, 0.625, 0.3125), c(0.5, 0.25, 0.625, 0.625, 1.125, 0.6875),
             c(0.25, 0.625, 0.5625, 0.3125, 0.6875, 1.125))
  expect_equal(relationship_matrix(p), A, ignore_attr = TRUE)
  expect_equal(as.matrix(relationship_precision(p)), solve(A), ignore_attr = TRUE)
  # offspring first, founders unnamed
  mixed <- pedigree(c("f", "c", "e", "d"), sire = c("e", "a", "d", "a"), dam = c("b", "b", "c", NA))
  order <- c("a", "b", "c", "d", "e", "f")
  expect_equal(relationship_matrix(mixed)[order, order], A, ignore_attr = TRUE)
  expect_error(pedigree(1:2, c(2, NA), c(NA, 1)), "ancestors", class = "lmm_error_input")
  expect_error(pedigree(c(1, 1), c(NA, NA), c(NA, NA)), "once", class = "lmm_error_input")
})

animal_data <- function(n = 40) {
  set.seed(2)
  p <- pedigree(seq_len(n), sire = c(rep(NA, 8), sample(1:8, n - 8, TRUE)),
                dam = c(rep(NA, 8), vapply(9:n, function(i) sample(setdiff(seq_len(i - 1), 1:4), 1), 0)))
  A <- relationship_matrix(p)
  a <- drop(crossprod(chol(A), rnorm(n))) * 1.5
  d <- data.frame(animal = rep(p$id[6:n], each = 2))
  d$x <- rnorm(nrow(d))
  d$y <- 5 + a[match(d$animal, p$id)] + rnorm(nrow(d))
  list(p = p, A = A, d = d)
}

test_that(
  "a relationship as matrix, precision or pedigree is the same dense model, and levels without records are predicted", {
  s <- animal_data()
  fit <- lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p))
  for (same in list(s$A, precision(relationship_precision(s$p)), precision(solve(s$A)))) {
    expect_equal(logLik(lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = same))), logLik(fit),
                 tolerance = 1e-9)
  }
  Z <- outer(as.character(s$d$animal), rownames(s$A), "==") + 0
  psi <- fit$estimates$natural[[1L]]
  o <- dense_oracle(s$d$y, cbind(1, s$d$x), Z, rep(1, nrow(s$d)), function(psi) psi * s$A, psi, sigma(fit)^2)
  expect_equal(-2 * as.numeric(logLik(fit)), o$value, tolerance = 1e-10)
  expect_lt(drop(t(o$gradient) %*% solve(o$observed, o$gradient)), 1e-6)
  expect_equal(coef(summary(fit))[, "df"], c(dense_satterthwaite(o, c(1, 0)), dense_satterthwaite(o, c(0, 1))),
               tolerance = 1e-6, ignore_attr = TRUE)
  V <- sigma(fit)^2 * diag(nrow(s$d)) + psi * Z %*% s$A %*% t(Z)
  blup <- psi * s$A %*% t(Z) %*% solve(V, s$d$y - cbind(1, s$d$x) %*% fixef(fit))
  b <- ranef(fit, condVar = TRUE)$animal
  expect_equal(b[, 1L], drop(blup), tolerance = 1e-7, ignore_attr = TRUE)
  expect_identical(rownames(b), s$p$id)
  C <- psi * s$A
  expect_equal(attr(b, "postVar")[1, 1, ], diag(C - C %*% t(Z) %*% solve(V, Z %*% C)), tolerance = 1e-7,
               ignore_attr = TRUE)
  expect_equal(VarCorr(fit)$animal[1L], psi)
  expect_output(print(fit), "known relationship of 40 levels")
})

test_that("a relationship beside other terms, of deficient rank, and of unrelated levels", {
  s <- animal_data()
  s$d$pen <- factor(rep_len(1:7, nrow(s$d)))
  I <- diag(40)
  dimnames(I) <- list(s$p$id, s$p$id)
  plain <- lmm(y ~ x + (1 | animal) + (1 | pen), s$d)
  expect_equal(logLik(lmm(y ~ x + (1 | animal) + (1 | pen), s$d, relationship = list(animal = I))), logLik(plain),
               tolerance = 1e-9)
  half <- crossprod(matrix(rnorm(20 * 40), 20))
  dimnames(half) <- dimnames(I)
  fit <- lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = half))
  Z <- outer(as.character(s$d$animal), rownames(half), "==") + 0
  o <- dense_oracle(s$d$y, cbind(1, s$d$x), Z, rep(1, nrow(s$d)), function(psi) psi * half,
                    fit$estimates$natural[[1L]], sigma(fit)^2)
  expect_equal(-2 * as.numeric(logLik(fit)), o$value, tolerance = 1e-9)
})

test_that("relationships that are none are refused by name", {
  s <- animal_data()
  fit <- function(r) lmm(y ~ x + (1 | animal), s$d, relationship = r)
  expect_error(fit(s$A), "list named", class = "lmm_error_input")
  expect_error(fit(list(sire = s$A)), "sire", class = "lmm_error_input")
  expect_error(fit(list(animal = unname(s$A))), "names of levels", class = "lmm_error_input")
  expect_error(fit(list(animal = -s$A)), "semidefinite", class = "lmm_error_input")
  expect_error(fit(list(animal = s$A[1:20, 1:20])), "no rows", class = "lmm_error_data")
  lopsided <- s$A
  lopsided[2, 1] <- 0.3
  expect_error(fit(list(animal = lopsided)), "symmetric", class = "lmm_error_input")
  large <- diag(5001)
  dimnames(large) <- list(1:5001, 1:5001)
  expect_error(fit(list(animal = large)), "5001", class = "lmm_error_numeric")
  expect_error(fit(list(animal = s$p, animal = s$p)), "list named", class = "lmm_error_input")
})

# ---- sparse precision ----

# Evaluates `expr` with relationships of so many levels at most turned by a root.
rooted <- function(levels, expr) with_constant("rooted_limit", levels, expr)

test_that("the sparse equations give what the dense root of the relationship gives", {
  s <- animal_data()
  s$d$w <- rep_len(1:3, nrow(s$d))
  for (REML in c(TRUE, FALSE)) {
    call <- quote(lmm(y ~ x + (1 | animal), s$d, REML = REML, relationship = list(animal = s$p), weights = w))
    dense <- rooted(256L, eval(call))
    sparse <- rooted(0L, eval(call))
    expect_equal(logLik(sparse), logLik(dense), tolerance = 1e-10)
    expect_equal(coef(summary(sparse)), coef(summary(dense)), tolerance = 1e-7)
    expect_equal(variance_components(sparse), variance_components(dense), tolerance = 1e-6)
    expect_equal(as.matrix(ranef(sparse)$animal), as.matrix(ranef(dense)$animal), tolerance = 1e-6)
    for (name in prediction_attributes) {
      expect_equal(attr(ranef(dense, pev = TRUE)$animal, name), attr(ranef(sparse, pev = TRUE)$animal, name),
                   tolerance = 1e-6, ignore_attr = TRUE)
    }
    expect_equal(attr(ranef(sparse, condVar = TRUE)$animal, "postVar"),
                 attr(ranef(dense, condVar = TRUE)$animal, "postVar"), tolerance = 1e-7)
  }
  kr <- function(fit) coef(summary(fit, ddf = "Kenward-Roger"))
  expect_equal(kr(rooted(0L, lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p)))),
               kr(lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p))), tolerance = 1e-7)
})

# The covariance matrix of the rows, from the terms as the fit names them and dense matrices.
related_covariance <- function(fit, d, A) {
  groups <- fit$frame$groups[vapply(fit$frame$random, `[[`, 0L, "group")]
  Z <- design(fit$frame, fit$rows)$Z
  V <- diag(sigma(fit)^2, nrow(d))
  for (k in seq_along(Z)) {
    code <- match(as.character(d[[groups[[k]]$name]]), groups[[k]]$levels)
    K <- if (is.null(groups[[k]]$precision)) diag(max(code)) else A
    V <- V + (Z[[k]] %*% fit_covariance(fit)[[k]] %*% t(Z[[k]])) * K[code, code]
  }
  V
}

reml_value <- function(V, X, y) {
  W <- solve(V)
  XWX <- t(X) %*% W %*% X
  r <- y - X %*% solve(XWX, t(X) %*% W %*% y)
  c(determinant(V)$modulus + determinant(XWX)$modulus + t(r) %*% W %*% r + (nrow(X) - ncol(X)) * log(2 * pi))
}

trait_data <- function() {
  s <- animal_data(60)
  set.seed(4)
  U <- t(chol(s$A)) %*% matrix(rnorm(120), 60) %*% chol(matrix(c(2, 1, 1, 1.5), 2))
  d <- expand.grid(animal = s$p$id[6:60], trait = factor(c("a", "b")), record = 1:2)
  d$pe <- d$animal
  d$x <- rnorm(nrow(d))
  at <- match(d$animal, s$p$id)
  d$y <- d$x + U[cbind(at, d$trait)] + rnorm(nrow(d)) + rnorm(60, sd = 0.7)[at]
  list(p = s$p, A = s$A, d = d)
}

for (terms in c("us(0 + trait | animal)", "diag(0 + trait | animal)", "cs(0 + trait | animal)", "(x | animal)",
                "(1 | animal) + (1 | pe)", "(1 | animal) + (0 + x | animal)",
                "us(0 + trait | animal) + (1 | pe) + (1 | record)")) local({
  terms <- terms
  test_that(paste("Kronecker products with a relationship against dense formulas:", terms), {
    s <- trait_data()
    fit <- suppressMessages(rooted(0L, lmm(stats::as.formula(paste("y ~ trait + x +", terms)), s$d,
                                           relationship = list(animal = s$p))))
    X <- cbind(1, s$d$trait == "b", s$d$x)
    V <- related_covariance(fit, s$d, s$A)
    expect_equal(-2 * as.numeric(logLik(fit)), reml_value(V, X, s$d$y), tolerance = 1e-10)
    expect_equal(unname(vcov(fit)), solve(t(X) %*% solve(V, X)), tolerance = 1e-7)
    gradient <- fit$optimum$gradient
    expect_lt(abs(drop(gradient %*% pseudo_inverse(fit$optimum$hessian) %*% gradient)), 1e-8)
    for (factor in c(0.97, 1.03)) {                  # an optimum: scaled variances are worse
      S <- diag(sigma(fit)^2, nrow(s$d))
      expect_gt(reml_value(S + factor * (V - S), X, s$d$y), -2 * as.numeric(logLik(fit)) - 1e-6)
    }
  })
})

test_that("predictions, their errors and draws of related effects are those of the joint normal distribution", {
  s <- trait_data()
  fit <- lmm(y ~ trait + x + us(0 + trait | animal), s$d, relationship = list(animal = s$p))
  S <- fit_covariance(fit)[[1L]]
  G <- kronecker(s$A, S)
  Z <- matrix(0, nrow(s$d), 120)
  Z[cbind(seq_len(nrow(s$d)), 2 * (match(s$d$animal, s$p$id) - 1) + as.integer(s$d$trait))] <- 1
  X <- cbind(1, s$d$trait == "b", s$d$x)
  V <- related_covariance(fit, s$d, s$A)
  W <- solve(V)
  P <- W - W %*% X %*% solve(t(X) %*% W %*% X, t(X) %*% W)
  b <- matrix(G %*% t(Z) %*% P %*% s$d$y, ncol = 2, byrow = TRUE)
  found <- ranef(fit, pev = TRUE, condVar = TRUE)$animal
  expect_equal(unname(as.matrix(found)), b, tolerance = 1e-6)
  pev <- matrix(diag(G - G %*% t(Z) %*% P %*% Z %*% G), ncol = 2, byrow = TRUE)
  expect_equal(attr(found, "pev"), pev, tolerance = 1e-6, ignore_attr = TRUE)
  prior <- outer(diag(s$A), diag(S))
  expect_equal(attr(found, "reliability"), pmax(1 - pev / prior, 0), tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(predict(fit, data.frame(trait = "a", x = 0, animal = "3")), fixef(fit)[[1L]] + b[3, 1], tolerance = 1e-6,
               ignore_attr = TRUE)
  y <- as.matrix(simulate(fit, 4000, seed = 1))
  expect_lt(max(abs(cov(t(y)) - V)[1:40, 1:40]), 0.5)
  expect_lt(abs(sum((cov(t(y)) - V) * V)) / sum(V^2), 0.03)
  total <- predict(fit, s$d[1:3, ], re.form = NA, interval = "prediction", ddf = "asymptotic")
  variance <- diag(V)[1:3] + rowSums((X[1:3, ] %*% vcov(fit)) * X[1:3, ])
  expect_equal((total[, "upr"] - total[, "lwr"]) / 2, 1.959964 * sqrt(variance), tolerance = 1e-5, ignore_attr = TRUE)
})

test_that("names, order and units of animals do not matter", {
  s <- trait_data()
  one <- lmm(y ~ trait + us(0 + trait | animal), s$d, relationship = list(animal = s$p))
  names <- stats::setNames(paste0("cow", sample(60)), s$p$id)
  parent <- function(side) unname(names[s$p$id[s$p$parents[, side]]])
  mixed <- sample(60)
  p <- pedigree(unname(names[s$p$id])[mixed], parent(1)[mixed], parent(2)[mixed])
  d <- s$d[sample(nrow(s$d)), ]
  d$animal <- names[as.character(d$animal)]
  d$y <- 1000 * d$y
  two <- lmm(y ~ trait + us(0 + trait | animal), d, relationship = list(animal = p))
  expect_equal(VarCorr(two)$animal, 1e6 * VarCorr(one)$animal, tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(as.matrix(ranef(two)$animal)[names[s$p$id], ], 1000 * as.matrix(ranef(one)$animal), tolerance = 1e-6,
               ignore_attr = TRUE)
})

test_that("thousands of animals with average information agree with the exact dense fit of few", {
  s <- animal_data(300)
  dense <- rooted(400L, lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p)))
  sparse <- lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p))
  expect_equal(logLik(sparse), logLik(dense), tolerance = 1e-11)
  expect_equal(coef(summary(sparse)), coef(summary(dense)), tolerance = 1e-7)
  average <- ddf_method("Satterthwaite", information = "average")
  expect_equal(coef(summary(sparse, ddf = average)), coef(summary(dense, ddf = average)), tolerance = 1e-6)
  with_constant("related_columns", 100, {
    expect_message(large <- coef(summary(sparse)), "average information", class = "lmm_message_size")
    expect_equal(large, coef(summary(sparse, ddf = average)), tolerance = 1e-9)
    expect_error(summary(sparse, ddf = "Kenward-Roger"), "too expensive", class = "lmm_error_numeric")
    expect_equal(suppressMessages(variance_components(sparse))$se,
                 variance_components(dense, information = "average")$se, tolerance = 1e-6)
  })
})

test_that("inbreeding is that of the dense relationship matrix, for selfed animals too", {
  set.seed(9)
  n <- 200
  p <- pedigree(seq_len(n), c(rep(NA, 5), vapply(6:n, function(i) sample(i - 1, 1), 0)),
                c(rep(NA, 5), vapply(6:n, function(i) sample(c(NA, seq_len(i - 1)), 1), 0)))
  A <- relationship_matrix(p)
  expect_equal(inbreeding(p), diag(A) - 1)
  expect_equal(as.matrix(relationship_precision(p)), solve(A), tolerance = 1e-9)
})

test_that("singular precisions, cycles and missing levels are refused by name", {
  s <- trait_data()
  Q <- relationship_precision(s$p)
  Q[1, ] <- Q[, 1] <- 0
  fit <- function(r, term = "us(0 + trait | animal)") {
    lmm(stats::as.formula(paste("y ~ x +", term)), s$d, relationship = list(animal = r))
  }
  expect_error(fit(precision(Q)), "not positive definite", class = "lmm_error_input")
  half <- tcrossprod(matrix(rnorm(600), 60))
  dimnames(half) <- dimnames(s$A)
  expect_error(fit(half), "singular", class = "lmm_error_input")
  expect_error(fit(s$A[1:30, 1:30]), "no rows", class = "lmm_error_data")
  expect_error(pedigree(c("a", "b", "c", "d"), c("c", "a", "b", NA), c(NA, NA, "d", NA)), "`a`.*`b`|`b`.*`c`|a.*b",
               class = "lmm_error_input")
  I <- diag(60)
  dimnames(I) <- dimnames(s$A)
  once <- s$d[!duplicated(s$d$animal), ]
  expect_error(lmm(y ~ x + (1 | animal), once, relationship = list(animal = precision(I[6:60, 6:60]))),
               class = "lmm_error_unidentified")
  expect_error(rooted(0L, lmm(y ~ x + (1 | animal), once, relationship = list(animal = precision(I)))),
               class = "lmm_error_unidentified")
  one <- fit(s$p)
  expect_error(bootstrap(one, nsim = 2, type = "residual"), "relationship", class = "lmm_error_input")
  expect_error(lmm(y ~ x + us(0 + trait | animal), s$d, relationship = list(animal = s$p), bounded = FALSE),
               "relationship", class = "lmm_error_input")
  expect_error(getME(one, "Lambdat"), "relationship", class = "lmm_error_input")
})

test_that("relationships beside residual structures: a multi-trait animal model against dense formulas", {
  set.seed(8)
  n <- 30
  p <- pedigree(seq_len(n), sire = c(rep(NA, 6), sample(1:3, n - 6, TRUE)),
                dam = c(rep(NA, 6), sample(4:6, n - 6, TRUE)))
  A <- relationship_matrix(p)
  G <- matrix(c(2, 1, 1, 1.5), 2)
  U <- t(chol(A)) %*% matrix(rnorm(2 * n), n) %*% chol(G)
  d <- expand.grid(trait = factor(c("a", "b")), record = 1:2, animal = p$id[4:n])
  d$id <- paste(d$animal, d$record)
  E <- matrix(rnorm(nrow(d)), ncol = 2) %*% chol(matrix(c(1, -0.4, -0.4, 0.8), 2))
  d$y <- as.integer(d$trait) + U[cbind(match(d$animal, p$id), d$trait)] + as.vector(t(E))
  d <- d[-c(3, 10, 11), ]
  fit <- lmm(y ~ trait + us(0 + trait | animal), d, relationship = list(animal = p), residual = ~ us(trait | id))
  S <- fit_covariance(fit)[[1L]]
  R <- subject_covariance(fit, d$id[1L], "residual")
  at <- match(d$animal, p$id)
  trait <- as.integer(d$trait)
  covariance <- function(S, R) S[trait, trait] * A[at, at] + R[trait, trait] * outer(d$id, d$id, "==")
  X <- cbind(1, trait == 2)
  V <- covariance(S, R)
  expect_equal(-2 * as.numeric(logLik(fit)), reml_value(V, X, d$y), tolerance = 1e-10)
  expect_equal(unname(vcov(fit)), solve(t(X) %*% solve(V, X)), tolerance = 1e-7)
  value <- function(s) {                          # all six entries at once
    reml_value(covariance(S * exp(matrix(s[c(1, 2, 2, 3)], 2)), R * exp(matrix(s[c(4, 5, 5, 6)], 2))), X, d$y)
  }
  at_step <- function(k, h) value(replace(numeric(6), k, h))
  slope <- vapply(1:6, function(k) (at_step(k, 1e-4) - at_step(k, -1e-4)) / 2e-4, 0)
  expect_lt(max(abs(slope)), 1e-5)
  Z <- outer(at, seq_len(n), "==") + 0
  W <- solve(V)
  modes <- sapply(1:2, function(t) {
    C <- S[t, trait][col(matrix(0, n, nrow(d)))] * (A[, at])
    C %*% W %*% (d$y - X %*% fixef(fit))
  })
  b <- ranef(fit, condVar = TRUE)$animal
  expect_equal(unname(as.matrix(b)), modes, tolerance = 1e-6)
  one <- S[1, trait][col(matrix(0, n, nrow(d)))] * A[, at]
  expect_equal(attr(b, "postVar")[1, 1, ], diag(S[1, 1] * A - one %*% W %*% t(one)), tolerance = 1e-6,
               ignore_attr = TRUE)
  expect_error(lmm(y ~ trait + us(0 + trait | animal), d, relationship = list(animal = p), residual = ~ us(trait | id),
                   bounded = FALSE), class = "lmm_error_input")
})

test_that("related effects beside a residual structure are those of the rooted form, with all tests", {
  s <- animal_data()
  s$d$time <- stats::ave(s$d$x, s$d$animal, FUN = seq_along)
  call <- quote(lmm(y ~ x + (1 | animal), s$d, relationship = list(animal = s$p), residual = ~ ar1(time | animal)))
  dense <- suppressMessages(rooted(256L, eval(call)))
  sparse <- suppressMessages(rooted(0L, eval(call)))
  expect_equal(logLik(sparse), logLik(dense), tolerance = 1e-9)
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    expect_equal(coef(summary(sparse, ddf = ddf)), coef(summary(dense, ddf = ddf)), tolerance = 1e-5)
  }
  expect_equal(unname(as.matrix(ranef(sparse)$animal)), unname(as.matrix(ranef(dense)[[1L]])), tolerance = 1e-5)
})

test_that("a relationship of many levels beside another term takes little time where there are few rows", {
  set.seed(1)
  levels <- 60
  n <- 84
  d <- data.frame(sp = factor(c(seq_len(levels), sample(levels, n - levels, TRUE))), y = rnorm(n),
                  g = factor(rep(seq_len(n / 2), 2)))
  A <- 0.5 + 0.5 * 0.3^abs(outer(seq_len(levels), seq_len(levels), "-"))
  dimnames(A) <- list(seq_len(levels), seq_len(levels))
  d$y <- d$y + rnorm(n / 2)[d$g] + drop(crossprod(chol(A), rnorm(levels)))[d$sp]
  started <- sum(proc.time()[1:2])
  fit <- lmm(y ~ 1 + (1 | g) + (1 | sp), d, relationship = list(sp = A))
  expect_lt(sum(proc.time()[1:2]) - started, 10)
  Zg <- model.matrix(~ 0 + g, d)
  Zs <- model.matrix(~ 0 + sp, d)
  X <- matrix(1, n)
  criterion <- function(sd) {
    V <- sd[1L]^2 * tcrossprod(Zg) + sd[2L]^2 * Zs %*% A %*% t(Zs) + sd[3L]^2 * diag(n)
    W <- solve(V)
    XWX <- crossprod(X, W %*% X)
    r <- d$y - X %*% solve(XWX, crossprod(X, W %*% d$y))
    -0.5 * drop((n - 1) * log(2 * pi) + c(determinant(V)$modulus) + log(XWX) + crossprod(r, W %*% r))
  }
  sd <- as.data.frame(VarCorr(fit))
  at <- c(sd$sdcor[sd$grp == "g"], sd$sdcor[sd$grp == "sp"], sigma(fit))
  expect_equal(as.numeric(logLik(fit)), criterion(at), tolerance = 1e-10)
  for (j in 1:3) {
    step <- replace(numeric(3), j, 1e-4 * at[j])
    expect_lt(abs(criterion(at + step) - criterion(at - step)), 1e-6)
  }
})

# A level that is not in the fit is unrelated to the others: mean 0, the variance of the term.
test_that("levels that are missing or not in the fit have the population value, whatever the structure", {
  set.seed(4)
  A <- cov2cor(crossprod(matrix(rnorm(900), 30))) * rep(c(1, 1.2), each = 15)
  A <- sqrt(diag(A)) * cov2cor((A + t(A)) / 2 + diag(30)) * rep(sqrt(diag(A)), each = 30)
  dimnames(A) <- list(101:130, 101:130)
  d <- data.frame(id = rep(101:125, 4), x = rnorm(100))
  d[c("u", "v")] <- list(runif(25)[d$id - 100], runif(25)[d$id - 100])
  d$y <- 2 + d$x + drop(t(chol(A)) %*% rnorm(30))[d$id - 100] + rnorm(100) / 2
  x <- c(1, 1)
  for (fit in list(lmm(y ~ x + (1 | id), d, relationship = list(id = A)), lmm(y ~ x + exp(u + v | id), d))) {
    new <- data.frame(id = c(NA, "new", "103"), x = 1, u = 0.1, v = 0.2)
    found <- predict(fit, new, allow.new.levels = TRUE, se.fit = TRUE)
    variance <- as.data.frame(VarCorr(fit))$vcov[1L]
    mean <- drop(x %*% fixef(fit))
    expect_equal(unname(found$fit[1:2]), c(mean, mean), tolerance = 1e-8)
    expect_equal(unname(found$se.fit[1:2])^2, rep(variance + drop(x %*% as.matrix(vcov(fit)) %*% x), 2),
                 tolerance = 1e-6)
    expect_equal(found$fit[[3]], unname(predict(fit, data.frame(id = 103L, x = 1, u = 0.1, v = 0.2))))
    expect_equal(unname(predict(fit, new, re.form = NA)), rep(mean, 3))
    known <- new[c(3, 3), ]
    expect_equal(unname(predict(fit, known, re.form = NA)), rep(mean, 2))
    expect_equal(unname(predict(fit, known, allow.new.levels = TRUE)), rep(found$fit[[3]], 2))
    expect_equal(is.na(unname(predict(fit, new[c(1, 3), ]))), c(TRUE, FALSE))
    expect_error(predict(fit, new), "`id` was not in the fit; use allow.new.levels", class = "lmm_error_newdata")
    drawn <- t(as.matrix(simulate(fit, 4000, seed = 1, newdata = new[c(2, 2, 3), ], allow.new.levels = TRUE)))
    expect_equal(cov(drawn)[1, 2], variance, tolerance = 0.1)
    expect_lt(abs(cov(drawn)[1, 3]), 0.05)
  }
})

test_that("unstructured residuals of several traits are a random effect of the records with sigma fixed below them", {
  set.seed(7)
  n <- 30
  ped <- pedigree(1:n, sire = c(rep(NA, 6), sample(1:3, n - 6, TRUE)), dam = c(rep(NA, 6), sample(4:6, n - 6, TRUE)))
  genes <- t(chol(relationship_matrix(ped))) %*% matrix(rnorm(2 * n), n) %*% chol(matrix(c(1, 0.6, 0.6, 1), 2))
  two <- expand.grid(animal = 7:n, trait = factor(c("weight", "height")), record = 1:2)
  two$y <- genes[cbind(two$animal, two$trait)] + rnorm(nrow(two))
  two$id <- paste(two$animal, two$record)
  f <- y ~ trait + (0 + trait | animal)
  dense <- suppressMessages(lmm(f, two, relationship = list(animal = ped), residual = ~ us(trait | id)))
  sparse <- suppressMessages(lmm(update(f, . ~ . + (0 + trait | id)), two, relationship = list(animal = ped),
                                 fixed = c(sigma = 0.2)))
  expect_equal(as.numeric(logLik(sparse)), as.numeric(logLik(dense)), tolerance = 1e-8)
  expect_equal(anova(sparse)[c("DenDF", "F value")], anova(dense)[c("DenDF", "F value")], tolerance = 1e-5,
               ignore_attr = TRUE)
  expect_equal(VarCorr(sparse)$animal, VarCorr(dense)$animal, tolerance = 1e-4, ignore_attr = TRUE)
})

test_that("a determinant beyond the range of double precision is one like others", {
  set.seed(8)
  n <- 110
  K <- 0.5^abs(outer(1:n, 1:n, "-"))
  dimnames(K) <- rep(list(as.character(1:n)), 2)
  d <- data.frame(g = factor(rep(1:n, each = 3), levels = 1:n))
  d$y <- 5 + as.vector(t(chol(K)) %*% rnorm(n))[d$g] + 1e-3 * rnorm(3 * n)
  fit <- lmm(y ~ 1 + (1 | g), d, relationship = list(g = K))
  Z <- model.matrix(~ 0 + g, d)
  dense <- function(v) dense_marginal(d$y, matrix(1, 3 * n), v[1] * Z %*% K %*% t(Z) + diag(v[2], 3 * n))
  at <- c(as.numeric(VarCorr(fit)$g)[1], sigma(fit)^2)
  expect_equal(as.numeric(logLik(fit)), dense(at), tolerance = 1e-8)
  for (k in 1:2) for (step in c(0.97, 1.03)) expect_lt(dense(replace(at, k, at[k] * step)), dense(at))
})

test_that("numbers that name animals have all their digits, whatever the options for printing", {
  old <- options(scipen = -10, digits = 3)
  on.exit(options(old))
  p <- pedigree(c(1e5, 123456789, 3e5), sire = c(0, 1e5, 1e5), dam = c(0, NA, 123456789))
  expect_identical(rownames(relationship_matrix(p)), c("100000", "123456789", "300000"))
  d <- data.frame(animal = rep(c(1e5, 123456789, 3e5), 3), y = c(1, 3, 2, 1.5, 2.5, 2.2, 0.8, 3.3, 2.4))
  expect_identical(rownames(ranef(lmm(y ~ 1 + (1 | animal), d, relationship = list(animal = p)))$animal),
                   rownames(relationship_matrix(p)))
})
