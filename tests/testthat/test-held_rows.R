repeated_teeth <- function() {
  d <- as.data.frame(nlme::Orthodont)
  d$visit <- factor(d$age)
  d$Subject <- factor(d$Subject, ordered = FALSE)
  d
}

test_that("tables have a row for what a structured term holds, between its parameters and the next term's", {
  skip_if_not_installed("nlme")
  fit <- suppressMessages(lmm(distance ~ age + ar1(0 + visit | Subject), repeated_teeth(),
                              fixed = c("cor_ar1|Subject" = 0.5)))
  rows <- as.data.frame(VarCorr(fit))
  expect_identical(paste(rows$grp, rows$var1, rows$var2), c("Subject ar1 NA", "Subject ar1 cor", "Residual NA NA"))
  expect_identical(c(rows$vcov[2], rows$sdcor[2]), c(0.5, 0.5))
  pars <- tidy(fit, "ran_pars", conf.int = TRUE)
  expect_identical(pars$term, c("sd__ar1", "cor__ar1", "sd__Observation"))
  expect_identical(pars$estimate[2], 0.5)
  expect_identical(is.na(pars$conf.low)[1:2], c(FALSE, TRUE))
  parts <- variance_components(fit)
  expect_identical(rownames(parts), c("var_ar1|Subject", "cor_ar1|Subject", "sigma^2"))
  expect_identical(parts$estimate[2], 0.5)
  expect_identical(c(is.na(parts$se[2]), parts$reason[2]), c("TRUE", "the parameter is fixed at a known value"))
})

test_that("a held standard deviation is shown on either scale, in the unit of the response", {
  skip_if_not_installed("nlme")
  fit <- suppressMessages(lmm(distance ~ age + cs(0 + visit | Subject), repeated_teeth(),
                              fixed = c("sd_visit8|Subject" = 2, sigma = 1.5)))
  rows <- as.data.frame(VarCorr(fit))
  held <- rows[which(rows$var1 == "visit8"), ]
  expect_equal(c(held$vcov, held$sdcor), c(4, 2), tolerance = 1e-12)
  expect_equal(variance_components(fit, scale = "sd")["sd_visit8|Subject", "estimate"], 2, tolerance = 1e-12)
  expect_equal(as.data.frame(VarCorr(fit, sigma = 10))$sdcor[which(rows$var1 == "visit8")], 20, tolerance = 1e-12)
})

test_that("tables have a row for what a residual structure holds", {
  skip_if_not_installed("nlme")
  fit <- suppressMessages(lmm(distance ~ age + (1 | Subject), repeated_teeth(), residual = ~ ar1(visit | Subject),
                              fixed = c(rho = 0.2)))
  free <- suppressMessages(lmm(distance ~ age + (1 | Subject), repeated_teeth(), residual = ~ ar1(visit | Subject)))
  for (columns in list(as.data.frame(VarCorr(fit))[c("grp", "var1")],
                       as.data.frame(variance_components(fit))[c("grp", "var1")])) {
    expect_true(any(columns$grp == "Residual" & columns$var1 %in% "rho"))
  }
  pars <- tidy(fit, "ran_pars", conf.int = TRUE)
  expect_setequal(pars$term, tidy(free, "ran_pars")$term)
  expect_identical(pars$estimate[pars$term == "rho"], 0.2)
  expect_identical(nrow(confint(fit, quiet = TRUE)), nrow(pars) - 1L + 2L)
})

test_that("names in `fixed` of residual parameters are taken once", {
  skip_if_not_installed("nlme")
  d <- repeated_teeth()
  for (fixed in list(c("sd(8)" = 2, "var(8)" = 9), c("sd(8)" = 2, "sd(8)" = 3), c("cov(10,8)" = 2, "cov(10,8)" = 3))) {
    expect_error(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = fixed), "twice",
                 class = "lmm_error_input")
  }
  expect_error(lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(rho = 0.1, rho = 0.6)),
               "`fixed` names `rho` twice", class = "lmm_error_input")
})

test_that("a held parameter has the name and the value of the scale", {
  skip_if_not_installed("nlme")
  d <- repeated_teeth()
  fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = c("sd(8)" = 2)))
  expect_identical(variance_components(fit, scale = "sd")["sd(8)", "estimate"], 2)
  expect_identical(variance_components(fit)["var(8)", "estimate"], 4)
  for (scales in c("sdcor", "vcov")) {
    terms <- tidy(fit, "ran_pars", scales = scales)$term
    expect_length(grep(if (scales == "vcov") "^var\\(" else "^sd\\(", terms), 4)
  }
  # The correlation of a covariance with a held variance, and that of a held covariance.
  rows <- as.data.frame(VarCorr(fit))
  value <- stats::setNames(rows$vcov, rows$var1)
  at <- match("cov(10,8)", rows$var1)
  expect_equal(rows$sdcor[at], value[["cov(10,8)"]] / sqrt(4 * value[["var(10)"]]), tolerance = 1e-12)
  held <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject), fixed = c("cov(10,8)" = 3)))
  rows <- as.data.frame(VarCorr(held))
  value <- stats::setNames(rows$vcov, rows$var1)
  expect_equal(rows$sdcor[match("cov(10,8)", rows$var1)], 3 / sqrt(value[["var(8)"]] * value[["var(10)"]]),
               tolerance = 1e-12)
  # Random effects
  same <- suppressMessages(lmm(distance ~ age + homdiag(0 + visit | Subject), d,
                               fixed = c("sd_homdiag|Subject" = 1.3, sigma = 1)))
  expect_equal(variance_components(same)["var_homdiag|Subject", "estimate"], 1.69, tolerance = 1e-12)
  expect_equal(variance_components(same, scale = "sd")["sd_homdiag|Subject", "estimate"], 1.3, tolerance = 1e-12)
})

test_that("parameters without a standard error have no degrees of freedom and a reason", {
  skip_if_not_installed("nlme")
  d <- repeated_teeth()
  d$flat <- factor(rep(1:9, 12))
  d$distance <- residuals(lm(distance ~ age * flat, d)) + d$age
  fit <- suppressMessages(lmm(distance ~ age + (1 | flat), d, residual = ~ ar1(visit | Subject)))
  zero <- variance_components(fit)["var_(Intercept)|flat", ]
  expect_identical(zero$estimate, 0)
  expect_true(is.na(zero$df) && !is.nan(zero$df))
  known <- suppressMessages(lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(sigma = 2)))
  known <- variance_components(known)["sigma^2", ]
  expect_identical(known$reason, "the parameter is fixed at a known value")
  expect_identical(is.na(c(known$se, known$df)), c(TRUE, TRUE))
})
