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
  expect_error(lmm(y ~ x + (x | animal), s$d, relationship = list(animal = s$A)), "several columns",
               class = "lmm_error_formula")
  large <- structure(list(id = as.character(1:2001), parents = matrix(NA, 2001, 2)), class = "pedigree")
  expect_error(fit(list(animal = large)), "2001", class = "lmm_error_numeric")
})
