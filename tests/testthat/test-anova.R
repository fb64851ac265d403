# Printed in the chapter (see reference/README.md); blanks at the ends of lines are not compared.
test_that("printed tables are those of the chapter", {
  expect_identical(printed(anova(example_fit("irrigation_full"), ddf = "Kenward-Roger")), c(
    "Type III Analysis of Variance Table with Kenward-Roger's method",
    "                   Sum Sq Mean Sq NumDF DenDF F value Pr(>F)",
    "irrigation         2.4545 0.81818     3     4  0.3882 0.7685",
    "variety            2.2500 2.25000     1     4  1.0676 0.3599",
    "irrigation:variety 1.5500 0.51667     3     4  0.2452 0.8612"))
  expect_identical(printed(anova(example_fit("penicillin"))), c(
    "Type III Analysis of Variance Table with Satterthwaite's method",
    "      Sum Sq Mean Sq NumDF DenDF F value Pr(>F)",
    "treat     70  23.333     3    12  1.2389 0.3387"))
  expect_identical(printed(anova(example_fit("rats"))), c(
    "Type III Analysis of Variance Table with Satterthwaite's method",
    "            Sum Sq Mean Sq NumDF  DenDF F value    Pr(>F)",
    "t:Treatment 3181.9  1060.6     3 223.21  734.11 < 2.2e-16 ***",
    "---",
    "Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1"))
})

test_that("types of hypotheses are found by name and number", {
  fit <- example_fit("irrigation_full")
  for (k in 1:3) expect_identical(anova(fit, type = k), anova(fit, type = c("I", "II", "III")[k]))
  expect_identical(anova(fit), anova(fit, type = "iii"))
  expect_error(anova(fit, type = 4), "type", class = "lmm_error_input")
})

# ---- hypotheses against definitions ----

unbalanced_cells <- function(seed, rows = 120, drop = NULL) {
  set.seed(seed)
  d <- data.frame(a = factor(sample(3, rows, TRUE), labels = c("u", "v", "w")), b = factor(sample(4, rows, TRUE)),
                  x = rnorm(rows, 1), g = factor(sample(15, rows, TRUE)))
  d$y <- rnorm(rows) + rnorm(15)[d$g] + 0.5 * d$x
  if (is.null(drop)) d else d[!paste0(d$a, d$b) %in% drop, ]
}

test_that("type 3 is the test of the columns in sum-to-zero coding", {
  d <- unbalanced_cells(1)
  for (formula in c(y ~ a * b + (1 | g), y ~ a * b + x + (1 | g), y ~ a * x + b + (1 | g), y ~ a * b * x + (1 | g))) {
    table <- anova(lmm(formula, d), ddf = "Kenward-Roger")
    sums <- lmm(formula, d, contrasts = list(a = "contr.sum", b = "contr.sum"))
    for (j in seq_len(nrow(table))) {
      L <- diag(length(fixef(sums)))[sums$frame$x_assign == j, , drop = FALSE]
      test <- contest(sums, L, ddf = "Kenward-Roger")
      expect_equal(unlist(table[j, ]), unlist(test[1:6]), tolerance = 1e-8,
                   label = paste(deparse(formula), rownames(table)[j]))
    }
  }
})

test_that("types 1 and 2 are differences of sums of squares of regressions", {
  d <- unbalanced_cells(2)
  d$y <- residuals(lm(y ~ g, d)) + rnorm(nrow(d))           # no variance between groups: weights of one remain
  d$y <- d$y - ave(d$y, d$g) + mean(d$y)
  fit <- suppressMessages(lmm(y ~ a * b + x + (1 | g), d))
  expect_true(isSingular(fit))
  linear <- lm(y ~ a * b + x, d)
  first <- anova(linear)[rownames(anova(fit)), ]
  table <- anova(fit, type = 1)
  expect_equal(table$`Sum Sq`, first$`Sum Sq`, tolerance = 1e-8)
  expect_equal(table$`Pr(>F)`, first$`Pr(>F)`, tolerance = 1e-8)
  second <- anova(fit, type = 2)
  rss <- function(formula) deviance(lm(formula, d))
  expect_equal(second["a", "Sum Sq"], rss(y ~ b + x) - rss(y ~ a + b + x), tolerance = 1e-8)
  expect_equal(second["b", "Sum Sq"], rss(y ~ a + x) - rss(y ~ a + b + x), tolerance = 1e-8)
  expect_equal(second["x", "Sum Sq"], rss(y ~ a * b) - rss(y ~ a * b + x), tolerance = 1e-8)
})

# SAS's definition, from the rows of the data: estimable functions that concern only the term and those containing it,
# orthogonal to those of the containing terms.
sas_type_3_rows <- function(X, Xk, term, containing) {
  s <- svd(X)
  E <- s$v[, s$d > 1e-9 * s$d[1], drop = FALSE]
  space <- function(members) {
    outside <- svd(E[!colnames(X) %in% members, , drop = FALSE], nv = ncol(E))
    E %*% outside$v[, seq_len(ncol(E)) > sum(outside$d > 1e-9), drop = FALSE]
  }
  A <- space(c(term, containing))
  if (length(containing)) {
    B <- space(containing)
    rest <- svd(A - B %*% crossprod(B, A))
    A <- rest$u[, rest$d > 1e-9, drop = FALSE]
  }
  # a function l of the parameters is a combination c of the rows of X, hence c'Xk of the coefficients
  t(A) %*% (s$v[, seq_len(ncol(E))] %*% (t(s$u[, seq_len(ncol(E))]) / s$d[seq_len(ncol(E))])) %*% Xk
}

test_that("with empty cells type 3 is that of SAS", {
  for (drop in list("u2", c("u2", "v3"), c("u1", "u2", "v3", "w4"))) {
    d <- unbalanced_cells(3, drop = drop)
    fit <- suppressMessages(lmm(y ~ a * b + (1 | g), d))
    A <- model.matrix(~ 0 + a, d)
    B <- model.matrix(~ 0 + b, d)
    AB <- model.matrix(~ 0 + a:b, d)
    X <- cbind(1, A, B, AB)
    colnames(X) <- c("1", rep("a", 3), rep("b", 4), rep("ab", 12))
    kept <- !is.na(fixef(fit))
    Xk <- model.matrix(fit)[, kept]
    for (term in c("a", "b", "a:b")) {
      own <- sub(":", "", term)
      truth <- sas_type_3_rows(X, Xk, own, if (term == "a:b") character() else "ab")
      mine <- anova_hypotheses(fit)[[term]]
      expect_identical(nrow(mine), nrow(truth))
      expect_lt(max(abs(qr.resid(qr(t(truth)), t(mine)))), 1e-8, label = paste(term, paste(drop, collapse = " ")))
    }
  }
})

test_that("contrasts, order of levels and of terms, and units do not matter", {
  d <- unbalanced_cells(4)
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    base <- anova(lmm(y ~ a * b + a * x + (1 | g), d), ddf = ddf)
    same <- function(fit) {
      new <- anova(fit, ddf = ddf)[rownames(base), ]
      expect_lt(relative_difference(as.matrix(new[, 3:6]), as.matrix(base[, 3:6])), 1e-8)
    }
    for (code in c("contr.sum", "contr.helmert", "contr.poly", "contr.SAS")) {
      same(lmm(y ~ a * b + a * x + (1 | g), d, contrasts = list(a = code, b = code)))
    }
    same(lmm(y ~ a * b + a * x + (1 | g), transform(d, a = factor(a, c("w", "u", "v")), b = factor(b, 4:1))))
    same(lmm(y ~ a * b + a * x + (1 | g), transform(d, y = 1e-8 * y, x = 1e6 * x)))
    same(lmm(y ~ a * b + a * x + (1 | g), d[sample(nrow(d)), ]))
  }
  terms <- anova(lmm(y ~ x + b + a + a:x + b:a + (1 | g), d))
  expect_equal(terms["a", "F value"], anova(lmm(y ~ a * b + a * x + (1 | g), d))["a", "F value"], tolerance = 1e-8)
  poly <- function(unit) anova(lmm(y ~ cbind(z1, z2) + (1 | g), transform(d, z1 = x, z2 = unit * x^2)))
  expect_equal(poly(1)$DenDF, poly(1e5)$DenDF, tolerance = 1e-8)
})

test_that("a nested or partial coding tests the same hypothesis", {
  d <- unbalanced_cells(5)
  cell <- anova(suppressMessages(lmm(y ~ a:b + (1 | g), d)))          # the intercept is a sum of the cells
  expect_identical(cell$NumDF, 11L)
  nested <- anova(lmm(y ~ a / b + (1 | g), d), ddf = "Kenward-Roger")
  crossed <- anova(lmm(y ~ a * b + (1 | g), d), ddf = "Kenward-Roger")
  expect_equal(nested["a", "F value"], crossed["a", "F value"], tolerance = 1e-8)
  expect_identical(nested["a:b", "NumDF"], 9L)
  for (ddf in c("Satterthwaite", "residual")) {
    expect_equal(anova(lmm(y ~ 0 + x + a + (1 | g), d), ddf = ddf)[c("a", "x"), ],
                 anova(lmm(y ~ 0 + a + x + (1 | g), d), ddf = ddf),
                 tolerance = 1e-8)
  }
  none <- anova(lmm(y ~ 0 + a + x + (1 | g), d))
  expect_identical(none$NumDF, c(3L, 1L))
  expect_equal(none["x", ], anova(lmm(y ~ a + x + (1 | g), d))["x", ], tolerance = 1e-8)
})

test_that("aliased terms have no rows", {
  d <- transform(unbalanced_cells(6), x2 = 2 * x)
  fit <- suppressMessages(lmm(y ~ x + x2 + a + (1 | g), d))
  table <- anova(fit)
  expect_identical(table$NumDF, c(0L, 0L, 2L))
  expect_true(all(is.na(table$`F value`[1:2])))
  expect_equal(unlist(table["a", ]), unlist(anova(lmm(y ~ x + a + (1 | g), d))["a", ]), tolerance = 1e-8)
  expect_match(attr(table, "heading")[2], "Aliased coefficients: x2.", fixed = TRUE)
  expect_identical(anova(fit, type = 1)$NumDF, c(1L, 0L, 2L))
  expect_output(print(table))
})

test_that("a table of type 3 names the cells without observations, and only these", {
  set.seed(12)
  full <- expand.grid(a = factor(c("p", "q", "r")), b = factor(1:4), c = factor(c("u", "v")), g = factor(1:6))
  full$y <- rnorm(6)[full$g] + rnorm(nrow(full))
  cells <- function(d, ...) sort(do.call(paste, c(Map(paste0, c(...), d[c(...)]), sep = ":")))
  for (trial in 1:5) {
    gone <- sample(unique(cells(full, "a", "b")), 1 + trial %% 2)
    d <- full[!do.call(paste, c(Map(paste0, c("a", "b"), full[c("a", "b")]), sep = ":")) %in% gone, ]
    fit <- suppressMessages(lmm(y ~ a * b + c + (1 | g), d,
                                contrasts = list(b = if (trial > 2) "contr.sum" else "contr.treatment")))
    heading <- attr(anova(fit), "heading")
    named <- strsplit(sub("^Missing cells: (.*?)\\. .*", "\\1", gsub("\\s+", " ", heading[2])), ", ")[[1]]
    expect_setequal(named, gone)
    expect_identical(attr(drop1(fit), "heading")[4], heading[2])
    expect_length(attr(anova(fit, type = 2), "heading"), 1)
    expect_length(attr(anova(lmm(y ~ a + b + (1 | g), d)), "heading"), 1)
  }
  three <- suppressMessages(lmm(y ~ a * b * c + (1 | g), subset(full, !(a == "q" & b == "2" & c == "u"))))
  expect_match(attr(anova(three), "heading")[2], "Missing cells: aq:b2:cu.", fixed = TRUE)
  expect_length(attr(anova(lmm(y ~ a * b * c + (1 | g), full)), "heading"), 1)
})

test_that("tests are those of package 'lmerTest'", {
  skip_if_not_installed("lmerTest")
  space <- new.env()
  utils::data("ham", package = "lmerTest", envir = space)
  set.seed(1)
  d <- droplevels(space$ham[sample(nrow(space$ham), 500), ])
  formula <- Informed.liking ~ Gender * Information * Product + (1 | Consumer)
  fit <- lmm(formula, d)
  peer <- lmerTest::lmer(formula, d)
  for (type in 1:3) for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    expect_equal(as.matrix(anova(fit, type = type, ddf = ddf)), as.matrix(anova(peer, type = type, ddf = ddf)),
                 tolerance = 1e-5)
  }
  expect_equal(unname(coef(summary(fit))), unname(coef(summary(peer))), tolerance = 1e-5)
})

test_that("without a method the table has sequential sums of squares and no p-values", {
  d <- behavior_data()
  d$w <- rep(c(1, 2), 48)
  fit <- lmm(y ~ x * f + (1 | g), d, weights = w)
  # the same from the dense formulas: what each term takes from the generalized sum of squares
  X <- model.matrix(~ x * f, d)
  model <- oracle_model(d$y, X, list(matrix(1, 96, 1)), list(as.integer(d$g)), weights = d$w)
  Vinv <- solve(oracle_V(model, fit_covariance(fit), sigma(fit)^2))
  left <- vapply(0:3, function(last) {
    A <- X[, attr(X, "assign") <= last, drop = FALSE]
    r <- d$y - A %*% solve(t(A) %*% Vinv %*% A, t(A) %*% Vinv %*% d$y)
    sum(r * (Vinv %*% r)) * sigma(fit)^2
  }, 0)
  table <- anova(fit, ddf = NULL)
  expect_identical(names(table), c("npar", "Sum Sq", "Mean Sq", "F value"))
  expect_identical(rownames(table), c("x", "f", "x:f"))
  expect_equal(table$`Sum Sq`, -diff(left), tolerance = 1e-8)
  expect_equal(table$`F value`, table$`Sum Sq` / c(1, 3, 3) / sigma(fit)^2)
  expect_identical(anova(fit, ddf = "lme4"), table)
  shifted <- lmm(y ~ x * f + (1 | g), transform(d, y = y + 1e6), weights = w)
  expect_equal(anova(shifted, ddf = NULL)$`Sum Sq`, table$`Sum Sq`, tolerance = 1e-6)
  expect_identical(dim(anova(lmm(y ~ 0 + (1 | g), d), ddf = NULL)), c(0L, 4L))
  expect_error(anova(fit, ddf = NULL, information = "observed"), "information", class = "lmm_error_input")
  expect_error(anova(fit, lm(y ~ x, d)), "not one of class \"lm\".*rlrt", class = "lmm_error_input")
  skip_if_not_installed("lme4")
  peer <- lme4::lmer(y ~ x * f + (1 | g), d, weights = w)
  expect_equal(unname(as.matrix(table)), unname(as.matrix(anova(peer))), tolerance = 1e-5)
})

test_that("a row without a test has a sentence that says why", {
  d <- transform(behavior_data(), x2 = 2 * x)
  fit <- suppressMessages(lmm(y ~ x + x2 + f + (1 | g), d))
  note <- function(table) paste(gsub("\\s+", " ", attr(table, "heading")[-1L]), collapse = " ")
  expect_identical(note(anova(fit, type = 1)), "Not tested: x2, which adds nothing to the preceding terms.")
  expect_identical(note(anova(fit, type = 2)), "Not tested: x, x2, which add nothing to the other terms.")
  plain <- lmm(y ~ x + f + (1 | g), d)
  expect_identical(note(anova(plain, type = 1)), "")
  expect_equal(anova(fit, type = 1)[c("x", "f"), ], anova(plain, type = 1), ignore_attr = TRUE)
})

test_that("tables of a fit without residual variance say that there are no tests", {
  e <- data.frame(g = gl(4, 2), x = rep(0:1, 4), y = c(1, 3, 2, 4, 5, 7, 0, 2))
  fit <- suppressWarnings(lmm(y ~ x + (1 | g), e))
  small <- suppressWarnings(lmm(y ~ 1 + (1 | g), e))
  quietly <- function(x) suppressWarnings(suppressMessages(x))
  tables <- list(anova(fit), anova(fit, type = 1), anova(fit, ddf = NULL), drop1(fit), ranova(fit),
                 contest(fit, "x = 0"), contest(fit, "x = 0", joint = FALSE), predictable(fit, c(1, 1)),
                 anova(small, fit, test = "F"),
                 quietly(anova(small, fit)))
  for (table in tables) {
    printed <- gsub("\\s+", " ", paste(capture.output(print(table)), collapse = " "))
    expect_match(printed, "residual variance is zero to working precision: there are no standard errors and no tests",
                 fixed = TRUE)
  }
  expect_no_match(paste(capture.output(contest(small, c(1))), collapse = " "), "residual variance")
})
