test_that("fits agree with those of nlme, random effects included", {
  skip_if_not_installed("nlme")
  d <- plain_orthodont()
  pairs <- list(
    list(lmm(distance ~ Sex * age, d, residual = ~ csh(age | Subject)),
         nlme::gls(distance ~ Sex * age, d, correlation = nlme::corCompSymm(form = ~ 1 | Subject),
                   weights = nlme::varIdent(form = ~ 1 | age))),
    list(lmm(distance ~ Sex * age + (1 | Subject), d, variance = ~ Sex),
         nlme::lme(distance ~ Sex * age, d, random = ~ 1 | Subject, weights = nlme::varIdent(form = ~ 1 | Sex))),
    list(lmm(distance ~ Sex * age + (1 | Subject), d, residual = ~ ar1(1 | Subject), variance = ~ age),
         nlme::lme(distance ~ Sex * age, d, random = ~ 1 | Subject, correlation = nlme::corAR1(),
                   weights = nlme::varExp(form = ~ age))))
  for (pair in pairs) {
    expect_equal(as.numeric(logLik(pair[[1]])), as.numeric(logLik(pair[[2]])), tolerance = 1e-8)
    expect_equal(fixef(pair[[1]]),
    if (inherits(pair[[2]], "gls")) coef(pair[[2]]) else nlme::fixef(pair[[2]]), tolerance = 1e-5)
    # whatever the root of R that takes the correlation out
    square <- function(r) as.vector(tapply(r^2, d$Subject, sum))
    expect_equal(square(residuals(pair[[1]], "normalized")), square(residuals(pair[[2]],
                                                                    type = "normalized")), tolerance = 1e-4)
    expect_equal(unname(residuals(pair[[1]], "pearson")), as.vector(residuals(pair[[2]],
                                                                    type = "pearson")), tolerance = 1e-4)
  }
})

test_that("results do not depend on the order of rows, the labels of subjects, or units", {
  d <- plain_orthodont()[-c(2, 9, 30), ]
  fit <- lmm(distance ~ Sex * age + (1 | Subject), d, residual = ~ exp(age | Subject))
  set.seed(1)
  other <- d[sample(nrow(d)), ]
  other$Subject <- factor(rev(levels(d$Subject))[as.integer(other$Subject)])
  other$distance <- 1e3 * other$distance
  other$when <- 12 * other$age + 7
  moved <- lmm(distance ~ Sex * age + (1 | Subject), other, residual = ~ exp(when | Subject))
  expect_equal(coef(summary(moved))[, 3:5], coef(summary(fit))[, 3:5], tolerance = 1e-6)
  expect_equal(residual_parameters(moved)$estimate, 12 * residual_parameters(fit)$estimate, tolerance = 1e-6)
})

test_that("the covariance matrix of a subject, simulated responses and predictions agree with each other", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ Sex * age + (1 | Subject), d, residual = ~ ar1(visit | Subject))
  rho <- residual_parameters(fit)$estimate
  R <- sigma(fit)^2 * rho^abs(outer(1:4, 1:4, "-"))
  expect_equal(unname(subject_covariance(fit, "M02")), R, tolerance = 1e-12)
  expect_equal(unname(subject_covariance(fit, "M02", "marginal")), R + VarCorr(fit)$Subject[1L], tolerance = 1e-12)
  y <- as.matrix(simulate(fit, 4000, seed = 1))
  V <- stats::cov(t(y[d$Subject == "M02", ]))
  expect_equal(V, unname(subject_covariance(fit, "M02", "marginal")), tolerance = 0.1, ignore_attr = TRUE)
  expect_equal(predict(fit, d), fitted(fit), tolerance = 1e-12, ignore_attr = TRUE)
  # BLUP and its conditional variance by dense formulas
  X <- model.matrix(fit)
  Z <- outer(as.integer(d$Subject), 1:27, "==") * 1
  V <- kronecker(diag(27), R + VarCorr(fit)$Subject[1L])
  order <- order(as.integer(d$Subject), d$age)
  W <- solve(V)
  e <- (d$distance - X %*% fixef(fit))[order]
  b <- VarCorr(fit)$Subject[1L] * t(Z[order, ]) %*% W %*% e
  expect_equal(unname(unlist(ranef(fit, condVar = FALSE)$Subject)), as.vector(b), tolerance = 1e-8)
  conditional <- VarCorr(fit)$Subject[1L] - VarCorr(fit)$Subject[1L]^2 * diag(t(Z[order, ]) %*% W %*% Z[order, ])
  expect_equal(as.vector(attr(ranef(fit)$Subject, "postVar")), conditional, tolerance = 1e-8)
})

test_that("nested structures are compared by likelihood, the restricted one included", {
  d <- plain_orthodont()
  us <- lmm(distance ~ Sex * age, d, residual = ~ us(age | Subject))
  cs <- lmm(distance ~ Sex * age, d, residual = ~ cs(age | Subject))
  table <- anova(cs, us, refit = FALSE)
  expect_identical(table$Df[2L], 8)
  expect_equal(table$Chisq[2L], deviance(cs) - deviance(us), tolerance = 1e-10)
})

test_that("what a residual structure has no theory or code for is refused by name", {
  fit <- lmm(distance ~ age, plain_orthodont(), residual = ~ cs(age | Subject))
  for (call in expression(rlrt(fit), ems(fit),
                          as_lmer(fit), lrt(fit))) {
    expect_error(eval(call), "residual structure", class = "lmm_error_input", label = deparse(call))
  }
  expect_error(anova(fit, ddf = "containment"), "counts random effects", class = "lmm_error_input")
})
