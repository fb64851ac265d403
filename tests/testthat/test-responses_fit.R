d <- response_data()
holes <- d$Y
holes[cbind(rep(1:12, 3), rep(1:12, each = 3))] <- NA
holes[1:4, 5] <- NA                      # a whole level
d$H <- holes

test_that("each response has the numbers of its own fit", {
  expect_own_fits(lmm(Y ~ f + z + (1 | g), d), d, "f + z + (1 | g)", types = 1:3)
  expect_own_fits(lmm(Y[, 1:3] ~ f + z + (1 | g), d, REML = FALSE), d, "f + z + (1 | g)", d$Y[, 1:3], REML = FALSE)
})

test_that("each response has its own missing values and weights", {
  expect_own_fits(lmm(H[, 1:6] ~ f * x + (1 | g), d), d, "f * x + (1 | g)", holes[, 1:6], types = 1:3)
  expect_own_fits(lmm(H[, 1:6] ~ f + (1 | g) + (1 | b), d), d, "f + (1 | g) + (1 | b)", holes[, 1:6])
  set.seed(3)
  W <- matrix(runif(6 * nrow(holes), 0.5, 2), nrow(holes))
  expect_own_fits(lmm(H[, 1:6] ~ f + x + (1 | g), d, weights = W), d, "f + x + (1 | g)", holes[, 1:6], W)
})

test_that("slopes, nested and crossed factors, balanced and unbalanced", {
  few <- d$Y[, 1:6]
  expect_own_fits(lmm(Y[, 1:6] ~ x + (x | g), d), d, "x + (x | g)", few)
  expect_own_fits(lmm(Y[, 1:6] ~ x + (x || g) + (1 | b), d), d, "x + (x || g) + (1 | b)", few)
  expect_own_fits(lmm(Y[, 1:6] ~ x + (1 | g / f), d), d, "x + (1 | g / f)", few)
})

test_that("models that the engine fits one by one are fitted too", {
  e <- response_data(3)
  held <- lmm(Y ~ x + (1 | g), e, fixed = c(sigma = 1))
  for (j in 1:3) {
    own <- lmm(e$Y[, j] ~ x + (1 | g), e, fixed = c(sigma = 1))
    expect_equal(held$beta[, j], fixef(own), tolerance = 1e-8)
    expect_same_numbers(anova(held)[j, -(1:2)], anova(own), "held")
  }
  free <- lmm(Y ~ x + (1 | g), e, bounded = FALSE)
  correlated <- lmm(Y ~ x, e, residual = ~ ar1(1 | g))
  for (j in 1:3) {
    expect_equal(free$covariance[1, j], VarCorr(lmm(e$Y[, j] ~ x + (1 | g), e, bounded = FALSE))$g[1], tolerance = 1e-8)
    expect_equal(correlated$criterion[j], REMLcrit(lmm(e$Y[, j] ~ x, e, residual = ~ ar1(1 | g))), tolerance = 1e-8)
  }
})

test_that("neither order nor threads change a bit", {
  last <- 12:1
  rows <- lmm(d$z + d$x ~ f + (1 | g) + (1 | b), d)
  a <- refit(rows, holes)
  b <- refit(rows, holes[, last])
  two <- refit(rows, holes, threads = 2)
  for (part in c("beta", "covariance", "theta")) {
    expect_identical(b[[part]][, last], a[[part]])
    expect_identical(two[[part]], a[[part]])
  }
  for (part in names(a$tests)) {
    expect_identical(b$tests[[part]][, last], a$tests[[part]])
    expect_identical(two$tests[[part]], a$tests[[part]])
  }
  expect_identical(b$sigma[last], a$sigma)
  set.seed(5)
  many <- matrix(rnorm(nrow(d) * 150), nrow(d))
  order <- sample(150)
  expect_identical(refit(rows, many[, order])$beta, refit(rows, many)$beta[, order])
})

test_that("responses are read from a matrix, a data frame or block by block", {
  rows <- lmm(d$z + d$x ~ f + (1 | g), d)
  whole <- refit(rows, holes)
  expect_identical(tidy(refit(rows, as.data.frame(holes))), tidy(whole))
  blocks <- function(k) if (k <= 3) holes[, 4 * k - 3:0]
  pieces <- refit(rows, blocks)
  expect_equal(as.data.frame(tidy(pieces)), as.data.frame(tidy(whole)), tolerance = 1e-10)
  expect_equal(anova(pieces, type = 1), anova(whole, type = 1), tolerance = 1e-10)
  expect_equal(fixef(pieces[[7]]), fixef(whole[[7]]))
  expect_error(refit(rows, function(k) NULL), "no responses", class = "lmm_error_input")
  expect_error(refit(rows, function(k) stop("gone")), "gone", class = "lmm_error_input")
  expect_error(refit(rows, function(k) matrix(0, 3, 2)), "3 values", class = "lmm_error_input")
})

test_that("what is wrong with one response is its reason, and the others are right", {
  Y <- d$Y
  Y[, 2] <- 3
  Y[, 3] <- 2 * d$z - 1
  Y[, 4] <- NA
  Y[5, 5] <- Inf
  Y[, 6] <- 1e200 * Y[, 6]
  Y[, 7] <- c(1, 2, rep(NA, nrow(Y) - 2))
  colnames(Y)[8:9] <- "twin"
  d$Y <- Y
  fits <- lmm(Y ~ z + (1 | g), d)
  expect_match(fits$reason[2:7], "constant|exact linear|missing|infinite|range|", all = TRUE)
  expect_match(fits$reason[2], "constant")
  expect_match(fits$reason[3], "exact linear function")
  expect_match(fits$reason[4], "all values are missing")
  expect_match(fits$reason[5], "infinite")
  expect_match(fits$reason[6], "range")
  expect_false(is.na(fits$reason[7]))
  expect_match(fits$reason[8:9], "several responses", all = TRUE)
  expect_identical(is.na(fits$criterion), rep(c(FALSE, TRUE, FALSE), c(1, 6, 5)))
  expect_equal(fits$beta[, 3], c(`(Intercept)` = -1, z = 2), tolerance = 1e-12)
  right <- c(1, 8:12)
  alone <- lmm(Y ~ z + (1 | g), transform(d, Y = I(Y[, right])))
  expect_identical(unname(fits$beta[, right]), unname(alone$beta))
  expect_identical(anova(fits)[["Pr(>F)"]][right], anova(alone)[["Pr(>F)"]])
  expect_error(fits[["twin"]], "several responses", class = "lmm_error_input")
  expect_error(fits[[2]], "constant", class = "lmm_error_data")
})

test_that("rows are chosen by subset and by missing predictors, and an offset is subtracted", {
  e <- d
  e$x[3] <- NA
  e$o <- rnorm(nrow(e))
  fits <- suppressMessages(lmm(H ~ x + offset(o) + (1 | g), e, subset = z > -2))
  own <- suppressMessages(lmm(H[, 2] ~ x + offset(o) + (1 | g), e, subset = z > -2))
  expect_equal(fits$beta[, 2], fixef(own), tolerance = 1e-10)
  expect_equal(fits$n[2], nobs(own))
  expect_equal(fixef(fits[[2]]), fixef(own), tolerance = 1e-10)
})

test_that("responses without a level of a factor have no estimate of it", {
  e <- d
  lost <- e$Y[, 1:2]
  lost[e$f == "w", 2] <- NA
  e$Y <- lost
  fits <- lmm(Y ~ f + x + (1 | g), e)
  own <- lmm(lost[, 2] ~ f + x + (1 | g), e)
  expect_identical(unname(is.na(fits$beta[, 2])), c(FALSE, FALSE, TRUE, FALSE))
  expect_equal(fits$beta[c(1, 2, 4), 2], fixef(own), tolerance = 1e-9)
  table <- as.data.frame(tidy(fits))
  expect_equal(table$p.value[table$response == "gene2" & table$term == "x"], coef(summary(own))["x", "Pr(>|t|)"],
               tolerance = 1e-8)
  expect_equal(anova(fits)[["Pr(>F)"]][4], anova(own)["x", "Pr(>F)"], tolerance = 1e-8)
  expect_equal(contest(fits, c(x = 1))[["Pr(>F)"]][2], contest(own, c(x = 1))[["Pr(>F)"]], tolerance = 1e-8)
})

test_that("weights are read by blocks too", {
  set.seed(3)
  W <- matrix(runif(12 * nrow(holes), 0.5, 2), nrow(holes))
  W[7, 3] <- NA
  rows <- lmm(d$z + d$x ~ f + (1 | g), d)
  whole <- refit(rows, holes, weights = W)
  take <- function(M) function(k) if (k <= 3) M[, 4 * k - 3:0]
  pieces <- refit(rows, take(holes), weights = take(W))
  order <- unlist(lapply(1:3, function(k) 4 * k - 3:0))
  expect_equal(unname(pieces$beta), unname(whole$beta[, order]), tolerance = 1e-10)
  expect_equal(fixef(pieces[[7]]), fixef(whole[[order[7]]]), tolerance = 1e-10)
  part <- pieces[c(2, 7)]
  expect_equal(fixef(part[[2]]), fixef(pieces[[7]]), tolerance = 1e-10)
  expect_error(refit(rows, take(holes), weights = W), "function", class = "lmm_error_input")
  expect_error(refit(rows, take(holes), weights = function(k) 1), "same dimensions", class = "lmm_error_input")
})

test_that("weights must fit", {
  rows <- lmm(d$z + d$x ~ f + (1 | g), d)
  expect_error(refit(rows, holes, weights = rep(1, nrow(d))), "same dimensions", class = "lmm_error_input")
  expect_error(refit(rows, holes, weights = holes * 0 - 1), "negative", class = "lmm_error_data")
  expect_error(lmm(H ~ f + (1 | g), d, weights = cbind(x, z)), "same dimensions", class = "lmm_error_input")
})
