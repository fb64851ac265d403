# A formula that was read before is not read again: nothing of the earlier call may be left in the later one.

test_that("a formula with the text of the last one is read in its own environment", {
  d <- data.frame(y = c(3, 1, 4, 1, 5, 9, 2, 6), x = c(1, 2, 4, 8, 3, 7, 5, 6), g = rep(c("a", "b", "c", "d"), 2))
  fit_with <- function(power) lmm(y ~ I(x^power) + (1 + I(x / power) | g), d)
  fixed_with <- function(power) lmm(y ~ I(x^power) + (1 | g), d)
  for (power in 1:2) {
    own <- power
    expect_equal(unname(model.matrix(fixed_with(power))[, 2]), d$x^own)
    expect_equal(sort(Matrix::rowSums(model.matrix(fit_with(power), type = "random"))), sort(1 + d$x / own),
                 ignore_attr = TRUE)
  }
  fits <- lapply(c(2, 3), fixed_with)
  expect_equal(predict(fits[[1L]], d[1:2, ]), fitted(fits[[1L]])[1:2], ignore_attr = TRUE)
  expect_identical(environment(formula(fits[[1L]]))$power, 2)
})

test_that("the same text with other data, another criterion, a relationship or a residual structure is another model", {
  d <- data.frame(y = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3), x = rep(c("u", "v"), 5), g = rep(letters[1:5], each = 2),
                  t = 1:2)
  model <- y ~ x + (1 | g)
  first <- lmm(model, d)
  expect_length(fixef(lmm(model, transform(d, x = rep(1:5, 2)))), 2L)
  expect_length(fixef(lmm(model, transform(d, x = rep(c("u", "v", "w"), length.out = 10)))), 3L)
  expect_false(isTRUE(all.equal(c(logLik(lmm(model, d, REML = FALSE))), c(logLik(first)))))
  expect_equal(logLik(lmm(model, d)), logLik(first))
  K <- diag(5) + 0.3
  dimnames(K) <- list(letters[1:5], letters[1:5])
  related <- lmm(model, d, relationship = list(g = K))
  serial <- suppressMessages(lmm(model, d, residual = ~ diag(t | g)))
  expect_equal(lmm(model, d)[c("spec", "estimates")], first[c("spec", "estimates")])
  expect_equal(logLik(lmm(model, d, relationship = list(g = K))), logLik(related))
  expect_false(isTRUE(all.equal(c(logLik(first)), c(logLik(serial)))))
  expect_length(fixef(lmm(y ~ . - t + (1 | g), d)), 2L)
  expect_length(fixef(lmm(y ~ . - t + (1 | g), transform(d, z = (1:10)^2))), 3L)
})

test_that("what is remembered holds no environment of the user", {
  local({
    large <- numeric(1e6)
    lmm(y ~ x + (1 | g), data.frame(y = c(3, 1, 4, 1, 5, 9), x = c(1, 2, 4, 8, 3, 7), g = rep(1:3, 2)))
  })
  memory <- getFromNamespace("last_formula", "henderson")
  expect_lt(length(serialize(as.list(memory), NULL)), 1e5)
  expect_identical(environment(memory$spec$formula), emptyenv())
  expect_identical(environment(memory$spec$random[[1L]]$lhs), emptyenv())
})
