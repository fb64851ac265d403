test_that("the adjusted covariance and the tests are those of the dense formulas, with weights too", {
  for (seed in c(1:13, 15:25, 28:32)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    if (!fit$estimates$rank) next
    if (!case$reml) fit <- suppressMessages(update(fit, REML = TRUE, data = case$data, weights = if (case$weighted) w))
    model <- oracle_of_design(case)
    kr <- oracle_kr(model, design_covariance(case, fit), sigma(fit)^2)
    expect_lt(relative_difference(unname(vcov(fit, complete = FALSE, type = "kenward-roger")), kr$adjusted), 1e-8,
              label = paste("adjusted covariance of design", seed, case$kind))
    L <- diag(nrow(kr$Phi))[-1, , drop = FALSE]
    if (!nrow(L)) next
    full <- matrix(0, nrow(L), length(fixef(fit)))
    full[, !is.na(fixef(fit))] <- L
    estimable <- all(is.na(fixef(fit)) == FALSE)
    if (!estimable) next
    truth <- oracle_kr_test(kr, L)
    test <- contest(fit, full, ddf = "Kenward-Roger")
    expect_equal(c(test$DenDF, test$`F value`), c(truth$df, truth$f), tolerance = 1e-7,
                 label = paste("test of design", seed))
  }
})

test_that("observed information is an option", {
  case <- random_design(3)
  fit <- fit_design(case)
  model <- oracle_of_design(case)
  kr <- oracle_kr(model, design_covariance(case, fit), sigma(fit)^2, "observed")
  expect_lt(relative_difference(unname(vcov(fit, type = "kenward-roger", information = "observed")), kr$adjusted), 1e-8)
  expect_equal(vcov(fit, type = "kenward-roger"), user_covariance(new_inference(fit, "Kenward-Roger", type = "linear")))
})

test_that("the adjusted covariance is that of package 'pbkrtest' on unweighted models", {
  skip_if_not_installed("pbkrtest")
  skip_if_not_installed("lme4")
  models <- list(list(Reaction ~ Days + (Days | Subject), lme4::sleepstudy),
                 list(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin),
                 list(yield ~ treat + (1 | blend), penicillin),
                 list(yield ~ irrigation * variety + (1 | field), irrigation))
  for (m in models) {
    fit <- lmm(m[[1]], m[[2]])
    peer <- suppressMessages(lme4::lmer(m[[1]], m[[2]]))
    # at our estimates: theirs are those of a search that stops earlier
    peer <- lme4::lmer(m[[1]], m[[2]], start = getME(fit, "theta"),
                       control = lme4::lmerControl(optimizer = NULL, calc.derivs = FALSE))
    theirs <- as.matrix(pbkrtest::vcovAdj(peer))
    expect_lt(relative_difference(unname(vcov(fit, type = "kenward-roger")), unname(theirs)), 1e-8,
              label = paste(deparse(m[[1]])))
  }
})

test_that("balanced designs give the exact degrees of freedom and F", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  exact <- summary(aov(yield ~ treat + Error(blend), penicillin))[[2]][[1]]
  table <- anova(fit, ddf = "Kenward-Roger")
  expect_equal(table$DenDF, exact$Df[2], tolerance = 1e-10)
  expect_equal(table$`F value`, exact$`F value`[1], tolerance = 1e-10)
  expect_equal(table$`Pr(>F)`, exact$`Pr(>F)`[1], tolerance = 1e-10)

  fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  exact <- summary(aov(yield ~ irrigation * variety + Error(field), irrigation))
  table <- anova(fit, ddf = "Kenward-Roger")
  whole <- exact[[1]][[1]]
  split <- exact[[2]][[1]]
  expect_equal(table$DenDF, c(whole$Df[2], split$Df[3], split$Df[3]), tolerance = 1e-10)
  expect_equal(table$`F value`, c(whole$`F value`[1], split$`F value`[1:2]), tolerance = 1e-10)
  expect_equal(table$`Pr(>F)`, c(whole$`Pr(>F)`[1], split$`Pr(>F)`[1:2]), tolerance = 1e-10)
})

test_that("a paired comparison keeps its exact standard error", {
  set.seed(4)
  d <- data.frame(y = rnorm(20), side = gl(2, 1, 20), pair = gl(10, 2))
  d$y <- d$y + rep(rnorm(10), each = 2)
  fit <- lmm(y ~ side + (1 | pair), d)
  exact <- t.test(d$y[d$side == 2], d$y[d$side == 1], paired = TRUE)
  row <- coef(summary(fit, ddf = "Kenward-Roger"))[2, ]
  expect_equal(row[["t value"]], exact$statistic[["t"]], tolerance = 1e-9)
  expect_equal(row[["df"]], exact$parameter[["df"]], tolerance = 1e-9)
})

test_that("published tests of a random slope are reproduced", {
  row <- contest(lmm(y ~ x + (x | g), behavior_data()), c(0, 1), joint = FALSE, ddf = "Kenward-Roger")
  expect_equal(c(row$df, row$`t value`, row$`Pr(>|t|)`), c(10.61371, 3.109134, 0.01034815), tolerance = 1e-6)
})

test_that("fits by maximum likelihood are refitted, which is said", {
  fit <- lmm(yield ~ treat + (1 | blend), penicillin, REML = FALSE)
  expect_message(table <- anova(fit, ddf = "Kenward-Roger"), class = "lmm_message_refit")
  expect_equal(table, anova(lmm(yield ~ treat + (1 | blend), penicillin), ddf = "Kenward-Roger"))
})

test_that("at and near a variance of zero degrees of freedom are finite and continuous", {
  set.seed(3)
  d <- transform(behavior_data(), y = rnorm(96))
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d))
  expect_true(isSingular(fit))
  zero <- contest(fit, c(0, 1), ddf = "Kenward-Roger")$DenDF
  expect_true(is.finite(zero) && zero > 0)
  residual <- residuals(lm(y ~ x, d))
  means <- ave(residual, d$g)
  within <- function(size) {
    e <- d
    e$y <- d$y + size * means
    suppressMessages(contest(lmm(y ~ x + (1 | g), e), c(0, 1), ddf = "Kenward-Roger")$DenDF)
  }
  sizes <- seq(0, 0.6, 0.02)
  df <- vapply(sizes, within, 0)
  expect_lt(max(abs(diff(df))), 3)
})

test_that("many rows and groups need no n x n matrix", {
  d <- behavior_data(2000, 10)
  fit <- lmm(y ~ x + (1 | g), d)
  time <- system.time(test <- contest(fit, c(0, 1), ddf = "Kenward-Roger"))
  expect_lt(time[["elapsed"]], 5)
  expect_gt(test$DenDF, 1e4)
})

test_that("after maximum likelihood the degrees of freedom are those of REML, in balanced data the classical ones", {
  fit <- lmm(distance ~ age * Sex + (1 | Subject), as.data.frame(nlme::Orthodont), REML = FALSE)
  # 27 children, 2 sexes
  between <- suppressMessages(contest(fit, c(0, 0, 1, 11), joint = FALSE, ddf = "Kenward-Roger"))
  expect_equal(between$df, 25)
})
