# What users of other packages type, and the answers.

fit <- lmm(yield ~ treat + (1 | blend), penicillin)
ordinary <- lmm(bright ~ 1 + (1 | operator), pulp)
refused <- function(expr, words) expect_error(expr, words, class = "lmm_error_input")

test_that("plots by other names", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  b <- bootstrap(fit, nsim = 20, seed = 1)
  expect_identical(hist(b, which = 1), plot(b, which = 1))
  expect_equal(stats::qqnorm(fit), plot(fit, type = "qq"))
  refused(plot(VarCorr(fit)), "no plot")
  drawn <- quantity(ordinary, "icc", ~ sigma)
  expect_identical(withVisible(plot(drawn))$value, drawn)
})

test_that("the data of a plot with ggplot2 are those of augment()", {
  skip_if_not_installed("ggplot2")
  expect_equal(ggplot2::fortify(fit), as.data.frame(augment(fit)))
  expect_s3_class(ggplot2::autoplot(quantity(ordinary, "icc")), "ggplot")
  expect_s3_class(ggplot2::ggplot(fit, ggplot2::aes(.fitted, .resid)), "ggplot")
})

test_that("confint() takes the name of a random term", {
  both <- lmm(y ~ t + (t | rat), rats)
  expect_equal(confint(both, "rat", method = "Wald", quiet = TRUE), confint(both, 1:3, method = "Wald", quiet = TRUE))
  expect_equal(confint(both, c("rat", "t"), method = "Wald", quiet = TRUE),
               confint(both, c(1:3, 6), method = "Wald", quiet = TRUE))
  expect_equal(confint(both, c("t", ".sigma"), method = "Wald", quiet = TRUE),
               confint(both, c(6, 4), method = "Wald", quiet = TRUE))
  refused(confint(both, "rot"), "no parameter")
})

test_that("words of quantity()", {
  icc <- quantity(ordinary, "icc")$estimate
  for (word in c("H2", "h2", "heritability", "ICC", "VPC", "repeat")) expect_equal(quantity(ordinary, word)$estimate,
                                                                                   icc)
})

test_that("an analysis of variance of mean squares is a table", {
  table <- anova(ems(ordinary))
  expect_s3_class(table, "anova")
  expect_equal(table[["F value"]][1], anova(lm(bright ~ operator, pulp))[["F value"]][1])
  expect_output(print(table), "Type 3 analysis of variance")
})

test_that("a comparison of models as a data frame", {
  small <- update(fit, . ~ . - treat)
  table <- suppressMessages(anova(small, fit))
  out <- expect_no_warning(tidy(table))
  expect_identical(out$term, c("small", "fit"))
  expect_equal(out$p.value[2], table[["Pr(>Chisq)"]][2])
  expect_equal(out$minus2logL, -2 * table$logLik)
})

test_that("long calls do not become the names of rows", {
  table <- suppressMessages(anova(lmm(yield ~ 1 + (1 | blend), data = penicillin, REML = FALSE),
                                  lmm(yield ~ treat + (1 | blend), data = penicillin, REML = FALSE)))
  expect_identical(rownames(table), c("MODEL1", "MODEL2"))
})

test_that("arguments of other packages are answered with what to call", {
  refused(predict(fit, newparams = list(beta = 1)), "newparams")
  expect_match(tryCatch(predict(fit, newparams = 1), error = conditionMessage), "simulate_lmm", fixed = TRUE)
  expect_match(tryCatch(confint(fit, method = "boot", FUN = fixef), error = conditionMessage), "bootstrap(fit, FUN)",
               fixed = TRUE)
  expect_match(tryCatch(profile(fit, prof.scale = "varcov"), error = conditionMessage), "quantity", fixed = TRUE)
  expect_match(tryCatch(lmm(yield ~ treat + (1 | blend), penicillin, family = "poisson"), error = conditionMessage),
               "normal", fixed = TRUE)
})

test_that("negative variances are not lost without a word", {
  expect_message(negative <- lmm(bw ~ 1 + (1 | sire), subset(sires, sire %in% c(177, 202, 203)), bounded = FALSE), NA)
  expect_message(tidy(negative, effects = "ran_pars"), class = "lmm_message_limits", "scales")
  expect_no_message(out <- tidy(negative, effects = "ran_pars", scales = "vcov"))
  expect_lt(out$estimate[1], 0)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_message(plot(ranef(negative)), class = "lmm_message_limits")
})

test_that("generic functions of other packages that have no meaning here say what to call", {
  for (call in list(c("car", "avPlots"), c("car", "residualPlots"), c("lmtest", "waldtest"), c("nlme", "augPred"))) {
    if (!requireNamespace(call[1L], quietly = TRUE)) next
    refused(getExportedValue(call[1L], call[2L])(fit), call[1L])
  }
})

test_that("wrong data and wrong random coefficients are named", {
  refused(augment(fit, data = FALSE), "`data`")
  refused(predictable(fit, c(1, 0, 0, 0), random = numeric(0)), "list")
  refused(predictable(fit, c(1, 0, 0, 0), random = list(blend = "a")), "numbers")
})

test_that("a random term that is the residual covariance is answered with the residual structure", {
  d <- expand.grid(visit = factor(1:3), id = factor(1:12))
  set.seed(1)
  d$y <- rnorm(36)
  expect_error(lmm(y ~ visit + (0 + visit | id), d), "residual = ~ us(visit | id)", class = "lmm_error_unidentified",
               fixed = TRUE)
  expect_s3_class(lmm(y ~ visit, d, residual = ~ us(visit | id)), "lmm_fit")
})

test_that("several levels in one row: the way that is named fits the model", {
  d <- expand.grid(rep = 1:2, m = 1:6, f = 1:6)
  d$y <- cos(seq_len(72)) + d$m / 3 + d$f / 3
  d$X1 <- 0.5 * (outer(d$m, 1:6, "==") + outer(d$f, 1:6, "=="))
  d$one <- factor(1)
  expect_error(lmm(y ~ 1 + (1 | X1), d), "homdiag(0 + X1 | one)", class = "lmm_error_data", fixed = TRUE)
  found <- lmm(y ~ 1 + homdiag(0 + X1 | one), d, REML = FALSE)
  V <- VarCorr(found)$one[1] * tcrossprod(d$X1) + sigma(found)^2 * diag(72)
  e <- d$y - sum(solve(V, d$y)) / sum(solve(V))
  dense <- -0.5 * (72 * log(2 * pi) + as.numeric(determinant(V)$modulus) + sum(e * solve(V, e)))
  expect_equal(as.numeric(logLik(found)), dense, tolerance = 1e-8)
})
