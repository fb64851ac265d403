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
