test_fit <- function(...) lmm(y ~ x + f + (1 | g), behavior_data(), ...)

test_that("a row is tested by t, and jointly by its square", {
  fit <- test_fit()
  row <- contest(fit, c(0, 1, 0, 0, 0), joint = FALSE)
  table <- coef(summary(fit))
  expect_equal(unlist(row[c("Estimate", "Std. Error", "df", "t value", "Pr(>|t|)")], use.names = FALSE),
               unname(table["x", ]))
  expect_equal(c(row$lower, row$upper), table["x", 1] + c(-1, 1) * qt(0.975, table["x", 3]) * table["x", 2])
  joint <- contest(fit, c(0, 1, 0, 0, 0))
  expect_equal(joint$`F value`, row$`t value`^2)
  expect_equal(joint$`Pr(>F)`, row$`Pr(>|t|)`)
  expect_equal(joint$Chisq, row$`t value`^2)
  expect_equal(contest(fit, c(x = 1), joint = FALSE), row)
})

test_that("a right-hand side is subtracted", {
  fit <- test_fit()
  row <- contest(fit, c(x = 1), rhs = 0.5, joint = FALSE)
  expect_equal(row$`t value`, (row$Estimate - 0.5) / row$`Std. Error`)
  L <- cbind(x = c(1, 0), fb = c(0, 1))
  at <- fixef(fit)[c("x", "fb")]
  expect_equal(contest(fit, L, rhs = unname(at))$`F value`, 0)
  difference <- at - c(0.3, 0.1)
  expect_equal(contest(fit, L, rhs = c(0.3, 0.1))$Chisq,
               as.numeric(difference %*% solve(vcov(fit)[c("x", "fb"), c("x", "fb")], difference)))
})

test_that("large-sample chi-square and asymptotic F agree", {
  fit <- test_fit()
  test <- contest(fit, cbind(fb = c(1, 0, 0), fc = c(0, 1, 0), fd = c(0, 0, 1)), ddf = "asymptotic")
  expect_equal(test$`Pr(>F)`, test$`Pr(>Chisq)`)
  expect_equal(test$`F value` * 3, test$Chisq)
})

test_that("the basis of a hypothesis does not matter", {
  set.seed(5)
  d <- behavior_data()[-sample(96, 30), ]
  fit <- lmm(y ~ x * f + (x | g), d)
  L <- diag(8)[5:8, ]
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    base <- contest(fit, L, ddf = ddf)
    for (i in 1:3) {
      mixed <- matrix(rnorm(16, 0, 10^runif(16, -2, 2)), 4) %*% L
      expect_lt(relative_difference(unlist(contest(fit, mixed, ddf = ddf)), unlist(base)), 1e-8)
    }
  }
})

test_that("rows that follow from others are dropped, which is said", {
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  expect_message(test <- contest(fit, rbind(c(0, 1), c(0, 2))), "2 rows, rank 1", class = "lmm_message_rank")
  expect_equal(test, contest(fit, c(0, 1)), tolerance = 1e-10)
  expect_error(contest(fit, rbind(c(0, 1), c(0, 2)), rhs = c(1, 3)), "contradict", class = "lmm_error_input")
  expect_error(contest(fit, c(0, 0)), "not zero", class = "lmm_error_input")
})

test_that("bad hypotheses are refused", {
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  expect_error(contest(fit, c(1, 0, 0)), "`L` has 3 columns, model has 2 coefficients", class = "lmm_error_input")
  expect_error(contest(fit, c(z = 1)), "`z`", class = "lmm_error_input")
  expect_error(contest(fit, "x"), "must be a numeric", class = "lmm_error_input")
  expect_error(contest(fit, c(0, NA)), "missing", class = "lmm_error_input")
  expect_error(contest(fit, c(0, 1), rhs = 1:3), "rhs", class = "lmm_error_input")
  expect_error(contest(fit, c(0, 1), ddf = "nonsense"), "Satterthwaite.*Kenward-Roger.*containment",
               class = "lmm_error_input")
  expect_error(contest(fit, c(0, 1), ddf = "residual", information = "observed"), "information",
               class = "lmm_error_input")
})

test_that("what cannot be estimated is refused and explained", {
  d <- transform(behavior_data(), x2 = x)
  fit <- suppressMessages(lmm(y ~ x + x2 + (1 | g), d))
  expect_error(contest(fit, c(0, 1, 0)), "`x2` = `x`", class = "lmm_error_unidentified")
  sum <- contest(fit, c(0, 1, 1), joint = FALSE)
  alone <- contest(lmm(y ~ x + (1 | g), d), c(0, 1), joint = FALSE)
  expect_equal(sum, alone, tolerance = 1e-10)
  tiny <- suppressMessages(lmm(y ~ x + x2 + (1 | g), transform(d, x = x * 1e-8, x2 = x2 * 1e-8)))
  expect_error(contest(tiny, c(0, 1, 0)), class = "lmm_error_unidentified")
  expect_equal(contest(tiny, c(0, 1, 1), joint = FALSE)$df, sum$df)
})

test_that("an exact fit has tests without a value", {
  d <- transform(behavior_data(), y = 2 + 3 * x)
  fit <- suppressWarnings(lmm(y ~ x + (1 | g), d))
  expect_true(is.na(contest(fit, c(0, 1))$`F value`))
  expect_true(all(is.na(coef(summary(fit))[, -1])))
  expect_true(is.na(anova(fit)$`F value`))
})

test_that("a hypothesis may be a matrix of one column", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  L <- c(0, 1, -1, 0)
  expect_identical(contest(fit, cbind(L, deparse.level = 0)), contest(fit, L))
  expect_identical(contest(fit, matrix(L, dimnames = list(names(fixef(fit)), NULL)), joint = FALSE)$Estimate,
                   contest(fit, L, joint = FALSE)$Estimate)
  expect_error(contest(fit, cbind(L[1:3])), "1 column, model has 4", class = "lmm_error_input")
  one <- lmm(yield ~ 1 + (1 | blend), penicillin)
  expect_identical(contest(one, cbind(1)), contest(one, 1))
})
