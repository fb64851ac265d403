repeated <- function() {
  set.seed(1)
  d <- expand.grid(s = factor(1:12), A = factor(1:2), B = factor(1:3))
  d$g <- factor(rep(1:3, 4))[d$s]
  d$x <- rnorm(72)
  d$z <- rnorm(12)[d$s]
  d$y <- rnorm(72) + rnorm(12)[d$s]
  d
}

bw <- function(fit, ...) setNames(anova(fit, ddf = "between-within", ...)$DenDF, rownames(anova(fit)))

test_that("effects between subjects and within get their parts", {
  d <- repeated()
  fit <- lmm(y ~ g + z + A + x + (1 | s), d)
  # 72 rows, rank 6, 12 subjects of which the intercept, g and z take 4
  expect_identical(bw(fit), c(g = 8, z = 8, A = 58, x = 58))
  expect_identical(unname(coef(summary(fit, ddf = "between-within"))[1, "df"]), 8)
})

test_that("several factors within subjects split their part as analysis of variance does", {
  d <- repeated()
  fit <- suppressMessages(lmm(y ~ g * A * B + (1 | s), d))
  exact <- summary(aov(y ~ g * A * B + Error(s / (A * B)), d))
  residual <- vapply(exact, function(stratum) stratum[[1]]["Residuals", "Df"], 0)
  expect_identical(unname(bw(fit)), unname(residual[c(1, 2, 3, 2, 3, 4, 4)]))
})

test_that("a part of one degree of freedom is a part", {
  set.seed(2)
  d <- expand.grid(s = factor(1:2), A = factor(1:2), B = factor(1:3))
  d$y <- rnorm(12) + c(0, 3)[d$s]
  strata <- summary(aov(y ~ A * B + Error(s / (A * B)), d))
  residual <- vapply(strata[-1], function(stratum) stratum[[1]]["Residuals", "Df"], 0)
  expect_identical(unname(bw(suppressMessages(lmm(y ~ A * B + (1 | s), d)))), unname(residual))
})

test_that("the subject is the outermost factor, or the one named", {
  fit <- lmm(yield ~ N * Variety + (1 | Block / Variety), transform(as.data.frame(nlme::Oats), N = factor(nitro),
                                                                     Block = factor(as.character(Block))))
  expect_identical(unname(bw(fit)), c(15, 10, 30))
  expect_identical(bw(fit, subject = "Variety:Block")[["Variety"]], 15)
  expect_error(anova(fit, ddf = "between-within", subject = "Plot"), "Block", class = "lmm_error_input")
})

test_that("without random effects the subjects are those of the residual structure", {
  d <- repeated()
  d$visit <- factor(paste(d$A, d$B))
  random <- lmm(y ~ g + z + A + x + (1 | s), d)
  same <- lmm(y ~ g + z + A + x, d, residual = ~ cs(visit | s))
  expect_equal(anova(same, ddf = "between-within"), anova(random, ddf = "between-within"), tolerance = 1e-5,
               ignore_attr = TRUE)
  expect_equal(coef(summary(same, ddf = "between-within")), coef(summary(random, ddf = "between-within")),
               tolerance = 1e-5)
  o <- as.data.frame(nlme::Orthodont)
  # mmrm's method: 27 subjects less the intercept and Sex; 108 rows less 27 subjects less age and age:Sex
  for (residual in list(~ us(age | Subject), ~ ar1(1 | Subject), ~ us(age | Sex/Subject))) {
    fit <- lmm(distance ~ Sex * age, o, residual = residual)
    expect_identical(bw(fit), c(Sex = 25, age = 79, `Sex:age` = 79))
  }
  o$Plot <- factor(rep(1:9, each = 12))
  both <- suppressMessages(lmm(distance ~ Sex * age + (1 | Plot), o, residual = ~ ar1(1 | Subject)))
  expect_identical(bw(both, subject = "Subject"), c(Sex = 25, age = 79, `Sex:age` = 79))
  expect_error(bw(both, subject = "Sex"), "Plot", class = "lmm_error_input")
  for (fit in list(lmm(distance ~ age, o, variance = ~ Sex), lmm(distance ~ age, o, residual = ~ ar1(1))))
    expect_error(summary(fit, ddf = "between-within"), "subjects", class = "lmm_error_input")
})
