additive_fit <- function() example_fit("irrigation_additive")

test_that("the likelihood ratio test prints as the chapter does", {
  sp_model <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  sp_model_additive <- lmm(yield ~ irrigation + variety + (1 | field), irrigation)
  expect_message(table <- anova(sp_model_additive, sp_model),
                 "refitting model(s) with ML (instead of REML)", fixed = TRUE, class = "lmm_message_refit")
  old <- options(width = 80, digits = 7)
  shown <- sub("[[:space:]]+$", "", capture.output(print(table)))
  options(old)
  # The column that was called deviance carries its present name.
  expect_identical(shown, c(
    "Data: irrigation", "Models:",
    "sp_model_additive: yield ~ irrigation + variety + (1 | field)",
    "sp_model: yield ~ irrigation * variety + (1 | field)",
    "                  npar    AIC    BIC  logLik -2*log(L)  Chisq Df Pr(>Chisq)",
    "sp_model_additive    7 83.959 89.368 -34.980    69.959",
    "sp_model            10 88.609 96.335 -34.305    68.609 1.3503  3     0.7172"))
})

test_that("an F test compares any nested models", {
  d <- transform(behavior_data(), w = rep(1:4, 24))
  large <- lmm(y ~ x * f + (1 | g), d, weights = w)
  small <- lmm(y ~ x + I(f == "a") + (1 | g), d, weights = w)
  table <- anova(small, large, test = "F")
  L <- rbind(c(0, 0, 1, -1, 0, 0, 0, 0), c(0, 0, 1, 0, -1, 0, 0, 0), cbind(matrix(0, 3, 5), diag(3)))
  test <- contest(large, L)
  expect_equal(unlist(table[2, c("NumDF", "DenDF", "F value", "Pr(>F)")]),
               unlist(test[c("NumDF", "DenDF", "F value", "Pr(>F)")]),
               tolerance = 1e-8)
  other <- lmm(y ~ t + (1 | g), d, weights = w)
  expect_error(anova(other, large, test = "F"), "not nested", class = "lmm_error_input")
  expect_error(anova(lmm(y ~ x + (x | g), d, weights = w), large, test = "F"), "random", class = "lmm_error_input")
})

test_that("refit = FALSE keeps restricted likelihoods", {
  d <- behavior_data()
  small <- lmm(y ~ x + (1 | g), d)
  large <- lmm(y ~ x + (x | g), d)
  expect_silent(table <- anova(small, large, refit = FALSE))
  expect_equal(table$Chisq[2], 2 * as.numeric(logLik(large) - logLik(small)))
  expect_identical(table$Df[2], 2)
  expect_warning(anova(lmm(y ~ 1 + (1 | g), d), large, refit = FALSE), class = "lmm_warning_data")
  expect_error(anova(lmm(y ~ x + (1 | g), d, REML = FALSE), large, refit = FALSE), class = "lmm_error_input")
})

test_that("fits to other rows or responses are refused", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d)
  expect_error(anova(fit, lmm(y ~ 1 + (1 | g), d[-1, ])), "n = 96 and n = 95", class = "lmm_error_input")
  expect_error(anova(fit, lmm(log(y + 10) ~ 1 + (1 | g), d)), "different responses", class = "lmm_error_input")
  expect_error(anova(fit, lmm(y ~ 1 + (1 | g), transform(d, y = y + x))), "different values", class = "lmm_error_input")
  expect_error(anova(fit, lmm(y ~ 1 + (1 | g), d, weights = t)), "weights", class = "lmm_error_input")
  expect_error(anova(fit, lm(y ~ 1, d)), "lmm", class = "lmm_error_input")
  expect_silent(suppressMessages(anova(fit, lmm(y ~ 1 + (1 | g), d[96:1, ]))))
})

test_that("names of models are those of the arguments, or given", {
  d <- behavior_data()
  a <- lmm(y ~ x + (1 | g), d, REML = FALSE)
  b <- lmm(y ~ 1 + (1 | g), d, REML = FALSE)
  expect_identical(rownames(anova(a, b)), c("b", "a"))
  expect_identical(rownames(anova(a, b, model.names = c("large", "small"))), c("small", "large"))
  expect_identical(rownames(do.call(anova, list(a, b))), c("MODEL2", "MODEL1"))
})

test_that("the parametric bootstrap is reproducible and agrees with the test it imitates", {
  fit <- example_fit("penicillin_ml")
  null <- example_fit("penicillin_null_ml")
  a <- anova(null, fit, test = "bootstrap", nsim = 400, seed = 1)
  set.seed(99)
  before <- .Random.seed
  b <- anova(null, fit, test = "bootstrap", nsim = 400, seed = 1)
  expect_identical(a, b)
  expect_identical(names(a), c("npar", "AIC", "BIC", "logLik", "-2*log(L)", "Chisq", "Df", "MC error", "Pr(boot)"))
  expect_identical(.Random.seed, before)
  p <- a$`Pr(boot)`[2]
  expect_lt(abs(p - 0.3387), 4 * a$`MC error`[2])             # the exact F test
  expect_equal(p * 401, round(p * 401))
  expect_output(anova(null, fit, test = "bootstrap", nsim = 20, seed = 1, progress = TRUE), "20 of 20")
})

test_that("fits that hold no rows are compared by their cross-products", {
  d <- transform(behavior_data(), w = rep(1:2, 48))
  bare <- lmm_control(keep_rows = FALSE)
  small <- lmm(y ~ 1 + (1 | g), d, REML = FALSE, control = bare)
  large <- lmm(y ~ x + (1 | g), d, REML = FALSE, control = bare)
  expect_equal(anova(small, large)$Chisq[2], 2 * (logLik(large)[1] - logLik(small)[1]))
  expect_error(anova(small, lmm(y ~ x + (1 | g), transform(d, y = 2 * y), REML = FALSE, control = bare)),
               "different values",
               class = "lmm_error_input")
  expect_error(anova(small, lmm(y ~ x + (1 | g), d, REML = FALSE, weights = w, control = bare)), "weights",
               class = "lmm_error_input")
})

test_that("degrees of freedom that are asked for mean an F test", {
  large <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  small <- lmm(yield ~ irrigation + variety + (1 | field), irrigation)
  for (ddf in c("Kenward-Roger", "KR", "Satterthwaite", "residual")) {
    expect_identical(anova(small, large, ddf = ddf), anova(small, large, test = "F", ddf = ddf))
  }
  expect_identical(rownames(anova(small, large, ddf = "KR")), c("small", "large"))
  chisq <- suppressMessages(anova(small, large))
  expect_identical(suppressMessages(anova(small, large, ddf = "lme4")), chisq)
  expect_identical(suppressMessages(anova(small, large, ddf = NULL)), chisq)
  expect_identical(suppressMessages(anova(small, large, test = "Chi")), chisq)
  expect_error(anova(small, large, test = "Chisq", ddf = "KR"), "`ddf` is for F tests", class = "lmm_error_input")
  expect_error(anova(small, large, wrong = 1), "unknown argument `wrong`", class = "lmm_error_input")
})

test_that("fits that differ in other arguments than the formula are told apart", {
  d <- plain_orthodont()
  plain <- lmm(distance ~ age, d)
  ar1 <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  residual <- ~ us(visit | Subject)
  us <- lmm(distance ~ age, d, residual = residual)
  both <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), variance = ~ Sex)
  heading <- function(table) attr(table, "heading")
  lines <- c("plain: distance ~ age", "ar1: distance ~ age, residual = ~ ar1(visit | Subject)",
             "us: distance ~ age, residual = ~ us(visit | Subject)")
  expect_identical(tail(heading(anova(plain, ar1, us, refit = FALSE)), 3L), lines)
  expect_identical(tail(heading(anova(ar1, both, refit = FALSE)), 2L),
                   c("ar1: distance ~ age", "both: distance ~ age, variance = ~ Sex"))
  half <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(rho = 0.5))
  expect_match(heading(anova(ar1, half, refit = FALSE)), "half: distance ~ age, fixed = c(rho = 0.5)",
               fixed = TRUE, all = FALSE)
  random <- lmm(distance ~ age + (1 | Subject), d)
  A <- diag(27)
  dimnames(A) <- list(levels(factor(d$Subject)), levels(factor(d$Subject)))
  A <- 0.5 * A + 0.5
  related <- suppressMessages(lmm(distance ~ age + (1 | Subject), d, relationship = list(Subject = A)))
  expect_match(heading(anova(random, related, refit = FALSE)), "related: .*, relationship = list\\(Subject = A\\)",
               all = FALSE)
})
