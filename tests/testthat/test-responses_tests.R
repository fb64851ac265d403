d <- response_data(8)
fits <- lmm(Y ~ f + x + (1 | g), d)

test_that("tidy has the response first, then the columns of one fit", {
  table <- tidy(fits)
  expect_identical(names(table), c("response", names(tidy(fits[[1]]))))
  expect_identical(names(tidy(fits, effects = "ran_pars")), c("response", names(tidy(fits[[1]], effects = "ran_pars"))))
  expect_identical(names(tidy(fits, effects = "fixed", conf.int = TRUE)),
                   c("response", names(tidy(fits[[1]], effects = "fixed", conf.int = TRUE))))
  variances <- as.data.frame(tidy(fits, "ran_pars", scales = "vcov"))
  expect_equal(variances$estimate[variances$response == "gene3"], tidy(fits[[3]], "ran_pars",
               scales = "vcov")$estimate, tolerance = 1e-9)
  limits <- as.data.frame(tidy(fits, "fixed", conf.int = TRUE, conf.level = 0.9))
  own <- as.data.frame(tidy(fits[[3]], "fixed", conf.int = TRUE, conf.level = 0.9))
  expect_equal(limits$conf.low[limits$response == "gene3"], own$conf.low, tolerance = 1e-9)
})

test_that("p-values are adjusted for each term over the responses", {
  table <- as.data.frame(tidy(fits, "fixed", adjust = "BH"))
  at <- table$term == "x"
  expect_equal(table$p.adjusted[at], p.adjust(table$p.value[at], "BH"))
  terms <- anova(fits, adjust = "holm")
  expect_equal(terms$p.adjusted[terms$term == "f"], p.adjust(terms[["Pr(>F)"]][terms$term == "f"], "holm"))
  expect_error(anova(fits, adjust = "many"), class = "lmm_error_input")
})

test_that("any hypothesis is tested as in one fit", {
  L <- rbind(ab = c(0, 1, -1, 0), x = c(0, 0, 0, 1))
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic")) {
    joint <- contest(fits, L, rhs = c(0.1, 0.2), ddf = ddf)
    rows <- contest(fits, L, rhs = c(0.1, 0.2), joint = FALSE, ddf = ddf)
    for (j in c(1, 2, 3)) {
      own <- contest(fits[[j]], L, rhs = c(0.1, 0.2), ddf = ddf)
      expect_same_numbers(joint[j, -1], own[setdiff(names(own), c("Chisq", "Pr(>Chisq)"))], ddf)
      each <- contest(fits[[j]], L, rhs = c(0.1, 0.2), joint = FALSE, ddf = ddf)
      expect_same_numbers(rows[rows$response == names(fits)[j], -(1:2)], each, ddf)
    }
  }
  expect_identical(rows$term[1:2], c("ab", "x"))
  expect_equal(contest(fits, c(x = 1))[["F value"]], anova(fits)[["F value"]][2 * 1:8], tolerance = 1e-10)
  expect_error(contest(fits, c(nothing = 1)), class = "lmm_error_input")
  expect_error(contest(fits, c(x = 1), ddf = "containment"), "Satterthwaite", class = "lmm_error_input")
})

test_that("the method of Kenward and Roger needs REML", {
  expect_error(anova(lmm(Y ~ x + (1 | g), d, REML = FALSE), ddf = "Kenward-Roger"), "REML", class = "lmm_error_input")
})

test_that("a model without fixed effects has tables of its variances", {
  none <- lmm(Y ~ 0 + (1 | g), d)
  expect_identical(unique(tidy(none)$effect), "ran_pars")
  expect_null(summary(none)$found)
})

test_that("hypotheses of many responses may be equations", {
  set.seed(1)
  d <- data.frame(g = gl(8, 5), x = rnorm(40), z = rnorm(40), a = rnorm(40), b = 3 + rnorm(8)[gl(8, 5)] + rnorm(40))
  fits <- suppressMessages(lmm(cbind(a, b) ~ x + z + (1 | g), d))
  expect_identical(contest(fits, "x - z = 0.5"), contest(fits, rbind("x - z" = c(0, 1, -1)), rhs = 0.5))
  expect_identical(contest(fits, c("x = 1", "z = 2"))$`F value`, contest(fits, rbind(c(0, 1, 0), c(0, 0, 1)),
                                                                         rhs = 1:2)$`F value`)
  expect_error(contest(fits, "x = 1", rhs = 1), "right-hand sides", class = "lmm_error_input")
  expect_error(contest(fits, "x"), "without \"=\"", class = "lmm_error_input")
})
