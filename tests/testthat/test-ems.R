# Analysis of variance with expected mean squares.

test_that("the published analysis of the sires", {
  a <- ems(example_fit("sires"))
  expect_published(a$table["sire", "Sum Sq"], "sires", "anova_ss:sire")
  expect_published(a$table["sire", "Df"], "sires", "anova_df:sire")
  expect_published(a$table["sire", "Mean Sq"], "sires", "anova_ms:sire")
  expect_published(a$tests["sire", "F value"], "sires", "anova_f:sire")
  expect_published(a$tests["sire", "Pr(>F)"], "sires", "anova_p:sire")
  expect_published(a$table["Residual", "Sum Sq"], "sires", "anova_ss:Residual")
  expect_published(a$table["Residual", "Mean Sq"], "sires", "anova_ms:Residual")
  expect_published(a$ems["sire", "Residual"], "sires", "ems:sire:Residual")
  expect_published(a$ems["sire", "sire"], "sires", "ems:sire:sire")
  expect_published(a$cv[["cv"]], "sires", "cv")
  expect_published(a$icc[["estimate"]], "sires", "icc")
  expect_published(a$icc[["lower"]], "sires", "icc_exact_lo")
  expect_published(a$icc[["upper"]], "sires", "icc_exact_hi")
  ms <- as.numeric(published("sires", "anova_ms:Residual")$value)
  expect_equal(a$cv[["Coeff Var"]], 100 * sqrt(ms) / mean(sires$bw), tolerance = 1e-6)
})

test_that("Hemmerle and Hartley's data as in the examples of PROC VARCOMP", {
  a <- ems(y ~ a + (1 | b) + (1 | a:b), oven, type = 1)
  expect_identical(a$table$Df, c(2L, 1L, 2L, 10L))
  expect_equal(a$table$`Mean Sq`, c(5868.218750, 11448, 149.520513, 78.633333), tolerance = 2e-5)
  expect_equal(round(unname(a$ems[, "b"]), 4), c(0.1, 7.8, 0, 0))
  expect_equal(round(unname(a$ems[, "a:b"]), 4), c(2.725, 2.6308, 2.5846, 0))
  expect_identical(attr(a$ems, "fixed")$a, "a")
  expect_equal(unname(a$components[, "moments"]), c(1448.4, 27.42659, 78.63333), tolerance = 2e-5)
  # MIVQUE0 by its definition: tr(M V_i M V_j) psi_j = y'M V_i M y, M = I - X (X'X)^-1 X'
  d <- oven
  X <- stats::model.matrix(~a, d)
  M <- diag(nrow(d)) - X %*% solve(crossprod(X), t(X))
  V <- list(outer(d$b, d$b, "=="), outer(paste(d$a, d$b), paste(d$a, d$b), "=="), diag(nrow(d)))
  S <- outer(1:3, 1:3, Vectorize(function(i, j) sum((M %*% V[[i]] %*% M) * V[[j]])))
  q <- vapply(V, function(v) sum(M %*% d$y * (v %*% (M %*% d$y))), 0)
  expect_equal(unname(a$components[, "MIVQUE0"]), solve(S, q), tolerance = 1e-8)
  fit <- lmm(y ~ a + (1 | b) + (1 | a:b), oven)
  expect_equal(ems(fit, type = 1)$table, a$table)
})

test_that("expected mean squares are expectations", {
  set.seed(1)
  data <- data.frame(a = factor(sample(3, 40, TRUE)), b = factor(sample(4, 40, TRUE)), x = rnorm(40),
                     w = runif(40, 0.5, 2))
  data$y <- rnorm(40)
  Zb <- model.matrix(~ 0 + b, data)
  Zab <- model.matrix(~ 0 + a:b, data)
  for (type in 1:3) {
    model <- ems_model(y ~ a + x + (1 | b) + (1 | a:b), data)
    for (k in 1:4) model$effects[[k]]$Z <- as.matrix(model$effects[[k]]$Z)
    spaces <- effect_spaces(model, type)
    analysis <- ems_analysis(model, spaces)
    for (k in 1:4) {
      P <- tcrossprod(spaces$effects[[k]])
      df <- sum(diag(P))
      expect_equal(unname(analysis$ems[k, ]), c(sum(P * tcrossprod(Zb)), sum(P * tcrossprod(Zab)), df) / df,
                   tolerance = 1e-8)
    }
  }
})

test_that("sums of squares of types 1 to 3 are those of linear models", {
  set.seed(2)
  data <- data.frame(a = factor(sample(3, 60, TRUE)), b = factor(sample(4, 60, TRUE)), g = factor(sample(5, 60, TRUE)),
                     x = rnorm(60))
  data$y <- rnorm(60) + as.integer(data$a)
  formula <- y ~ a * b + x + (1 | g)
  sums <- function(type) setNames(ems(formula, data, type)$table$`Sum Sq`, rownames(ems(formula, data, type)$table))
  one <- anova(lm(terms(y ~ a + b + x + a:b + g, keep.order = TRUE), data))
  expect_equal(sums(1)[c("a", "b", "x", "a:b", "g", "Residual")],
               setNames(one[c("a", "b", "x", "a:b", "g", "Residuals"), 2], c("a", "b", "x", "a:b", "g", "Residual")))
  three <- drop1(lm(y ~ a * b + x + g, data, contrasts = list(a = "contr.sum", b = "contr.sum")), ~.)
  expect_equal(sums(3)[c("a", "b", "x", "a:b", "g")],
               setNames(three[c("a", "b", "x", "a:b", "g"), 2], c("a", "b", "x", "a:b", "g")))
  rss <- function(formula) deviance(lm(formula, data))
  expect_equal(sums(2)[["a"]], rss(y ~ b + x + g) - rss(y ~ a + b + x + g))
  expect_equal(sums("II")[["a:b"]], sums(3)[["a:b"]])
  # recoding factors changes nothing
  recoded <- transform(data, a = factor(a, levels = c("3", "1", "2")))
  expect_equal(ems(formula, recoded)$table, ems(formula, data)$table)
})

test_that("nested factors are recognized by their levels, and tests have the right error terms", {
  a <- ems(yield ~ irrigation * variety + (1 | field), irrigation)
  expect_identical(a$tests$error, c("MS(field)", "MS(Residual)", "MS(Residual)", "MS(Residual)"))
  expect_published(a$tests["irrigation", "F value"], "irrigation_full", "anova3kr_f:irrigation")
  expect_published(a$tests["irrigation", "Pr(>F)"], "irrigation_full", "anova3kr_p:irrigation")
  expect_published(a$tests["variety", "F value"], "irrigation_full", "anova3kr_f:variety")
  data <- oven
  data$cell <- factor(paste(data$a, data$b))
  expect_equal(ems(y ~ a + (1 | b) + (1 | cell), data)$table, ems(y ~ a + (1 | b) + (1 | a:b), data)$table,
               ignore_attr = TRUE)
})

test_that("a synthesized error term has the expectation under the hypothesis", {
  a <- ems(y ~ a + (1 | b) + (1 | a:b), oven)
  analysis <- list(table = a$table, ems = a$ems, random = c(FALSE, TRUE, TRUE, TRUE))
  for (h in 1:3) {
    target <- a$ems[h, ]
    if (h > 1) target[rownames(a$ems)[h]] <- 0
    weights <- error_weights(analysis, h)
    expect_equal(colSums(weights * a$ems), target, ignore_attr = TRUE)
    parts <- weights * a$table$`Mean Sq`
    expect_equal(a$tests$DenDF[h], sum(parts)^2 / sum((parts^2 / a$table$Df)[weights != 0]))
  }
})

test_that("MIVQUE0 solves its equations", {
  set.seed(3)
  data <- data.frame(g = factor(sample(6, 40, TRUE)), h = factor(sample(4, 40, TRUE)), x = rnorm(40), y = rnorm(40))
  M <- diag(40) - tcrossprod(qr.Q(qr(model.matrix(~x, data))))
  V <- list(tcrossprod(model.matrix(~ 0 + g, data)), tcrossprod(model.matrix(~ 0 + h, data)), diag(40))
  S <- outer(1:3, 1:3, Vectorize(function(i, j) sum((M %*% V[[i]]) * t(M %*% V[[j]]))))
  q <- vapply(V, function(Vi) sum((M %*% data$y) * (Vi %*% M %*% data$y)), 0)
  expect_equal(unname(ems(y ~ x + (1 | g) + (1 | h), data)$components[, "MIVQUE0"]), solve(S, q), tolerance = 1e-8)
})

test_that("the exact interval of an unbalanced layout inverts the F test", {
  data <- sires[-c(1:5, 10), ]
  a <- ems(bw ~ 1 + (1 | sire), data)
  n <- as.vector(table(data$sire))
  means <- tapply(data$bw, data$sire, mean)
  F <- function(ratio) {
    w <- n / (1 + n * ratio)
    (sum(w * (means - sum(w * means) / sum(w))^2) / 4) / a$table["Residual", "Mean Sq"]
  }
  ratio <- a$icc[c("lower", "upper")] / (1 - a$icc[c("lower", "upper")])
  expect_equal(unname(vapply(ratio, F, 0)), qf(c(0.975, 0.025), 4, nrow(data) - 5), tolerance = 1e-6)
})

test_that("print shows the table of expected mean squares; slopes are refused", {
  expect_output(print(ems(bw ~ 1 + (1 | sire), sires)), "Var(Residual) + 8 Var(sire)", fixed = TRUE)
  expect_error(ems(y ~ x + (x | g), behavior_data()), class = "lmm_error_input")
  expect_error(ems(bw ~ 1 + (1 | sire), sires, type = 4), class = "lmm_error_input")
})

test_that("mean squares and tests do not depend on units, however large", {
  d <- behavior_data()
  reference <- ems(y ~ f * x + (1 | g), d)
  for (unit in list(c(1e100, 1), c(1e-100, 1), c(1, 1e-9), c(1, 1e9))) {
    other <- ems(y ~ f * x + (1 | g), transform(d, y = y * unit[1L], x = x * unit[2L]))
    expect_equal(other$tests, reference$tests, tolerance = 1e-8)
    expect_equal(other$components / unit[1L]^2, reference$components, tolerance = 1e-8)
    expect_equal(other$icc, reference$icc, tolerance = 1e-8)
  }
})

test_that("rows are rotated away: sums of squares, expectations and components stay those of the rows", {
  set.seed(5)
  d <- data.frame(g = sample(25, 300, TRUE), h = sample(6, 300, TRUE), f = factor(sample(3, 300, TRUE)), x = rnorm(300),
                  w = runif(300, 0.5, 2))
  d$y <- rnorm(25)[d$g] + rnorm(300)
  for (type in 1:3) for (weights in list(rep(1, 300), d$w)) {
    model <- ems_model(lmm(y ~ f + x + (1 | g) + (1 | h), d, weights = weights), NULL)
    small <- fewer_rows(model)
    for (k in 1:4) model$effects[[k]]$Z <- as.matrix(model$effects[[k]]$Z)
    expect_lt(length(small$y), 40)
    for (what in list(ems_analysis, function(model, spaces) mivque0(model, spaces))) {
      expect_equal(what(small, effect_spaces(small, type)), what(model, effect_spaces(model, type)), tolerance = 1e-9)
    }
  }
})

test_that("more levels than memory holds are refused", {
  n <- 4e5
  d <- data.frame(g = seq_len(n), y = rep(c(1, 2, 4, 3), n / 4))
  expect_error(ems(y ~ 1 + (1 | g), rbind(d, d)), "memory", class = "lmm_error_numeric")
})

test_that("analyses of variance and gauge studies answer the common questions", {
  table <- ems(lmm(yield ~ treat + (1 | blend), penicillin))
  expect_identical(summary(table), table)
  expect_equal(coef(table), table$components[, "moments"])
  expect_equal(VarCorr(table)$sdcor^2, unname(coef(table)))
  set.seed(1)
  d <- expand.grid(part = gl(8, 1), operator = gl(3, 1), r = 1:2)
  d$y <- rnorm(8)[d$part] + rnorm(3)[d$operator] + rnorm(48) / 2
  study <- gauge_rr(lmm(y ~ 1 + (1 | part) + (1 | operator) + (1 | part:operator), d), "part")
  expect_equal(tidy(study)$estimate, study$table$variance)
  expect_equal(unname(confint(study)), unname(as.matrix(study$table[c("lower", "upper")])))
  expect_error(confint(study, level = 0.9), "gauge_rr", class = "lmm_error_input")
})
