# Likelihood ratio tests of random terms.

test_that("each row is the fit of the smaller model", {
  data <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | f:t), data))
  table <- ranova(fit)
  expect_identical(rownames(table), c("<none>", "x in (x | g)", "(1 | f:t)"))
  smaller <- suppressMessages(list(lmm(y ~ x + (1 | g) + (1 | f:t), data), lmm(y ~ x + (x | g), data)))
  expect_equal(table$logLik[-1], vapply(smaller, function(s) as.numeric(logLik(s)), 0), tolerance = 1e-9)
  expect_equal(table$npar, c(7, 5, 6))
  expect_equal(table$AIC, 2 * table$npar - 2 * table$logLik)
  expect_equal(table$LRT[-1], 2 * (table$logLik[1] - table$logLik[-1]))
  expect_equal(table$`Pr(>Chisq)`[-1], pchisq(table$LRT[-1], table$Df[-1], lower.tail = FALSE))
  whole <- ranova(fit, reduce.terms = FALSE)
  expect_identical(rownames(whole), c("<none>", "(x | g)", "(1 | f:t)"))
  expect_equal(whole$logLik[2], as.numeric(logLik(suppressMessages(lmm(y ~ x + (1 | f:t), data)))), tolerance = 1e-9)
})

test_that("without random terms it is the linear model, weighted or not, by REML and ML", {
  data <- transform(behavior_data(), w = rep(c(1, 2, 5), 32))
  for (reml in c(TRUE, FALSE)) {
    fit <- lmm(y ~ x + (1 | g), data, weights = w, REML = reml)
    expect_equal(ranova(fit)$logLik[2], as.numeric(logLik(lm(y ~ x, data, weights = w), REML = reml)), tolerance = 1e-9)
  }
})

test_that("reductions of factors, interactions and diagonal terms", {
  data <- behavior_data()
  rows <- function(formula) rownames(ranova(suppressMessages(lmm(formula, data))))[-1]
  expect_identical(rows(y ~ x + (x + t | g)), c("x in (x + t | g)", "t in (x + t | g)"))
  expect_identical(rows(y ~ x + (x * t | g)), "x:t in (x * t | g)")
  expect_identical(rows(y ~ x + (0 + x | g)), "x in (0 + x | g)")
  expect_identical(rows(y ~ x + (x || g)), c("(1 | g)", "x in (0 + x | g)"))
  diagonal <- ranova(lmm(y ~ x + (x || g), data))
  apart <- ranova(lmm(y ~ x + (1 | g) + (0 + x | g), data))
  expect_equal(diagonal$logLik, apart$logLik, tolerance = 1e-9)
  same <- suppressMessages(list(lmm(y ~ x + (0 + f | g), data), lmm(y ~ x + (1 | g), data)))
  expect_equal(ranova(same[[1]])$logLik[2], as.numeric(logLik(same[[2]])), tolerance = 1e-9)
})

test_that("the mixture of chi-squares", {
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | f:t), behavior_data()))
  table <- ranova(fit, mixture = TRUE)
  lrt <- table$LRT
  expect_equal(table$`Pr(mixture)`[2], mean(pchisq(lrt[2], 1:2, lower.tail = FALSE)))
  zero <- if (lrt[3] > 0) 0 else 1
  expect_equal(table$`Pr(mixture)`[3], (zero + pchisq(lrt[3], 1, lower.tail = FALSE)) / 2)
  table$`Pr(>Chisq)`[2] <- 6.0763e-11
  expect_output(print(table), "6.076", fixed = TRUE)
  expect_true(is.na(ranova(fit, reduce.terms = FALSE, mixture = TRUE)$`Pr(mixture)`[2]))
})

test_that("the printed table is lmerTest's", {
  skip_if_not_installed("lmerTest")
  data <- behavior_data()
  for (formula in list(y ~ x + (x | g), y ~ x + (1 | g) + (1 | h), y ~ x + (x || g), y ~ x + (0 + x | g) + (1 | g),
                       y ~ x + (1 | g / f), y ~ x * f + (1 | g))) {
    ours <- capture.output(print(henderson::ranova(suppressMessages(lmm(formula, data)))))
    theirs <- suppressMessages(capture.output(print(lmerTest::ranova(lmerTest::lmer(formula, data)))))
    expect_identical(ours, theirs)
  }
})

test_that("the ratio for a variance estimated as 0 is exactly 0, in any unit", {
  d <- behavior_data()
  d$k <- factor(as.integer(d$g) %% 4)
  for (unit in c(1, 1e-9, 1e6)) {
    fit <- suppressMessages(lmm(y ~ x + (1 | k / g), transform(d, y = y * unit)))
    table <- ranova(fit, mixture = TRUE)
    expect_identical(table["(1 | k)", "LRT"], 0)
    expect_identical(table["(1 | k)", "Pr(mixture)"], 1)
    expect_identical(rlrt(fit, "k", nsim = 50, seed = 1)$p.value, 1)
  }
})

test_that("a mixture with chi-square 0 halves every p-value above it", {
  for (lrt in c(0.01, 0.5, 0.99, 4)) expect_equal(mixture_p(lrt, 1, TRUE), pchisq(lrt, 1, lower.tail = FALSE) / 2)
  expect_identical(mixture_p(0, 1, TRUE), 1)
  expect_identical(mixture_p(2, 2, FALSE), NA_real_)
})

test_that("a term of a fit by the iterative solver can leave one grouping factor", {
  set.seed(3)
  d <- data.frame(g = factor(sample(30, 400, TRUE)), h = factor(sample(20, 400, TRUE)), x = rnorm(400))
  d$y <- d$x + rnorm(30)[d$g] + rnorm(20)[d$h] + rnorm(400)
  f <- y ~ x + (1 | g) + (1 | h)
  iterative <- suppressMessages(lmm(f, d, control = lmm_control(solver = "iterative", probes = 256)))
  table <- ranova(iterative)
  expected <- ranova(lmm(f, d))
  expect_equal(table$logLik[-1], expected$logLik[-1], tolerance = 1e-6)
  expect_equal(table$logLik[1], expected$logLik[1], tolerance = 1e-2)
})
