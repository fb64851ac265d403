# Words of other packages and SAS are answered with what to write here, which is a model that can be fitted.

test_that("structures of the residuals are answered with the call here", {
  d <- plain_orthodont()
  here <- function(residual, call) {
    told <- tryCatch(lmm(distance ~ age, d, residual = residual), error = identity)
    expect_s3_class(told, "lmm_error_formula")
    expect_match(conditionMessage(told), paste0("Write ", call, "."), fixed = TRUE)
    residual_spec(stats::as.formula(paste("~", call)))       # is accepted
  }
  here(~ corAR1(form = ~ 1 | Subject), "ar1(1 | Subject)")
  here(~ corAR1(0.3, form = ~ visit | Subject), "ar1(visit | Subject)")
  here(~ corCAR1(form = ~ age | Subject), "car1(age | Subject)")
  here(~ corSymm(form = ~ 1 | Subject), "corr(1 | Subject)")
  here(~ corGaus(form = ~ age + visit), "gau(age + visit)")
  words <- c(arh1 = "ar1h", sp_exp = "exp", sp_pow = "exp", sp_gau = "gau", ante = "adh", vc = "iid", un = "us",
             UN = "us", CSH = "csh", AR1 = "ar1", corgh = "us", hetar1 = "ar1h")
  for (word in names(words)) {
    here(stats::as.formula(paste0("~ ", word, "(visit | Subject)")), paste0(words[[word]], "(visit | Subject)"))
  }
  expect_true(all(foreign_residual_words %in% names(residual_words)))
  expect_false(any(names(foreign_residual_words) %in% names(residual_words)))
})

test_that("structures of random effects are answered with the call here", {
  d <- plain_orthodont()
  d$f <- factor(d$age)
  expect_error(lmm(distance ~ age + ar1h(0 + f | Subject), d), "Write hetar1(0 + f | Subject).", fixed = TRUE,
               class = "lmm_error_formula")
  expect_error(lmm(distance ~ age + un(age | Subject), d), "Write us(age | Subject).", fixed = TRUE,
               class = "lmm_error_formula")
  expect_true(all(foreign_random_words %in% names(structure_words)))
  expect_false(any(names(foreign_random_words) %in% names(structure_words)))
})

test_that("variance functions are answered with the formula here", {
  d <- plain_orthodont()
  here <- function(variance, call) {
    told <- tryCatch(lmm(distance ~ age, d, variance = variance), error = identity)
    expect_s3_class(told, "lmm_error_formula")
    expect_match(conditionMessage(told), paste0("Write variance = ~ ", call, "."), fixed = TRUE)
    variance_spec(str2lang(call))                            # is accepted
  }
  here(~ varPower(form = ~ age), "power(age)")
  here(~ varPower(), "power(fitted)")
  here(~ varPower(0.5, form = ~ age | Sex), "power(age | Sex)")
  here(~ varIdent(form = ~ 1 | Sex), "Sex")
  here(~ varIdent(form = ~ 1 | Sex * f), "Sex:f")
  here(~ varExp(form = ~ age), "age")
  here(~ varExp(form = ~ age | Sex), "Sex:age")
  here(~ varConstPower(form = ~ age), "constpower(age)")
  here(~ varComb(varIdent(form = ~ 1 | Sex), varPower(form = ~ age)), "Sex + power(age)")
  expect_error(lmm(distance ~ age, d, variance = ~ varFixed(~ age)), "weights = 1 / x", class = "lmm_error_formula")
  # the same model as nlme's
  g <- nlme::gls(distance ~ age, d, weights = nlme::varPower(form = ~ age))
  expect_equal(c(logLik(lmm(distance ~ age, d, variance = ~ power(age)))), c(logLik(g)), tolerance = 1e-6)
})
