test_that("lmerTest's names for contrasts find ours", {
  skip_if_not_installed("lmerTest")
  d <- behavior_data()
  fit <- lmm(y ~ x + f + (1 | g), d)
  peer <- lmerTest::lmer(y ~ x + f + (1 | g), d)
  l <- c(0, 1, 0, -1, 0)
  expect_equal(lmerTest::contest1D(fit, l), lmerTest::contest1D(peer, l), tolerance = 1e-4)
  expect_equal(lmerTest::contest1D(fit, l, rhs = 0.2, confint = TRUE, level = 0.9),
               lmerTest::contest1D(peer, l, rhs = 0.2, confint = TRUE, level = 0.9), tolerance = 1e-4)
  L <- diag(5)[3:5, ]
  expect_equal(lmerTest::contestMD(fit, L), lmerTest::contestMD(peer, L), tolerance = 1e-4)
})

test_that("lme4's principal components of random effects find ours", {
  skip_if_not_installed("lme4")
  d <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (0 + t | g), d))
  peer <- suppressWarnings(suppressMessages(lme4::lmer(y ~ x + (x | g) + (0 + t | g), d)))
  ours <- lme4::rePCA(fit)
  expect_identical(names(ours), "g")
  expect_identical(class(ours), class(lme4::rePCA(peer)))
  expect_identical(unclass(ours$g)[c("center", "scale")], unclass(lme4::rePCA(peer)$g)[c("center", "scale")])
  expect_equal(ours$g$sdev, lme4::rePCA(peer)$g$sdev, tolerance = 1e-2)
  expect_equal(sort(ours$g$sdev^2),
               sort(eigen(Matrix::bdiag(VarCorr(fit)[[1]], VarCorr(fit)[[2]]) / sigma(fit)^2)$values))
  expect_output(print(summary(ours)), "Standard deviation")
})

test_that("which functions work with either package attached last", {
  skip_if_not_installed("lmerTest")
  fit <- example_fit("penicillin")
  expect_identical(lme4::getME(fit, "theta"), getME(fit, "theta"))
  expect_identical(lme4::ngrps(fit), ngrps(fit))
  expect_identical(lme4::isSingular(fit), FALSE)
  expect_true(lme4::isREML(fit))
  expect_equal(fixef(lme4::refit(fit, penicillin$yield)), fixef(fit))
  expect_identical(lmerTest::contest(fit, c(0, 1, 0, 0)), contest(fit, c(0, 1, 0, 0)))
})

test_that("our contest() and ranova() know the fits of lmerTest, whichever package is attached last", {
  skip_if_not_installed("lmerTest")
  d <- behavior_data()
  # ranova() of lmerTest looks for the data in the call
  peer <- do.call(lmerTest::lmer, list(y ~ x + f + (1 | g), d))
  l <- c(0, 1, 0, -1, 0)
  expect_identical(contest(peer, l, joint = FALSE), lmerTest::contest(peer, l, joint = FALSE))
  expect_identical(contest(peer, diag(5)[3:5, ], rhs = 0.1, ddf = "Kenward-Roger"),
                   lmerTest::contest(peer, diag(5)[3:5, ], rhs = 0.1, ddf = "Kenward-Roger"))
  expect_identical(ranova(peer), lmerTest::ranova(peer))
  expect_error(contest(lm(y ~ x, d), c(0, 1)), class = "lmm_error_input")
  expect_error(ranova(lm(y ~ x, d)), class = "lmm_error_input")
})

test_that("estimates of means and tests of pbkrtest find ours", {
  skip_if_not_installed("lmerTest")
  skip_if_not_installed("pbkrtest")
  d <- behavior_data()
  fit <- lmm(y ~ x + f + (1 | g), d)
  peer <- lmerTest::lmer(y ~ x + f + (1 | g), d)
  expect_equal(as.data.frame(lmerTest::ls_means(fit)), as.data.frame(lmerTest::ls_means(peer)), tolerance = 1e-4,
               ignore_attr = TRUE)
  expect_equal(pbkrtest::vcovAdj(fit), pbkrtest::vcovAdj(peer), tolerance = 1e-4, ignore_attr = TRUE)
  expect_equal(as.matrix(pbkrtest::vcovAdj(fit)), vcov(fit, type = "kenward-roger"), tolerance = 1e-5,
               ignore_attr = TRUE)
  small <- update(fit, . ~ . - f)
  expect_equal(pbkrtest::KRmodcomp(fit, small)$test$p.value[1],
               anova(fit, small, test = "F", ddf = "Kenward-Roger")$`Pr(>F)`[2],
               tolerance = 1e-5)
  weighted <- lmm(y ~ x + f + (1 | g), d, weights = rep(1:2, 48))
  expect_error(pbkrtest::vcovAdj(weighted), "weights", class = "lmm_error_input")
})

test_that("what kind of model it is and its data are told", {
  skip_if_not_installed("lme4")
  fit <- example_fit("penicillin")
  expect_false(lme4::isGLMM(fit))
  expect_false(lme4::isNLMM(fit))
  d <- subset(penicillin, blend != "Blend1")
  expect_identical(nlme::getData(lmm(yield ~ treat + (1 | blend), d)), d)
})

test_that("bootMer() bootstraps a fit", {
  skip_if_not_installed("lme4")
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d)
  b <- lme4::bootMer(fit, fixef, 5, seed = 1)
  set.seed(1)
  draws <- simulate(fit, 5)
  expect_equal(b$t, t(vapply(draws, function(y) fixef(refit(fit, y)), numeric(2))), ignore_attr = TRUE)
  d$y[3] <- NA
  some <- suppressMessages(lmm(y ~ x + (1 | g), d))
  expect_false(anyNA(lme4::bootMer(some, sigma, 2)$t))
  expect_identical(is.na(simulate(some, 1, na.action = na.exclude)[[1]])[1:4], c(FALSE, FALSE, TRUE, FALSE))
})

# Without 'dfoptim' and 'optimx' lme4's allFit() stops in its own table of optimizers before it calls a fit.
test_that("allFit() says what to call", {
  skip_if_not_installed("lme4")
  skip_if_not(any(nzchar(system.file(package = "dfoptim")), nzchar(system.file(package = "optimx"))))
  fit <- lmm(y ~ x + (1 | g), behavior_data())
  capture.output(error <- expect_error(suppressMessages(lme4::allFit(fit)), class = "lmm_error_input"))
  expect_match(conditionMessage(error), "as_lmer")
})

test_that("rand() is ranova(), and show_tests() shows the hypotheses of a fit, with lmerTest too", {
  fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  expect_identical(rand(fit), ranova(fit))
  for (type in 1:3) expect_identical(show_tests(fit, type = type), anova_hypotheses(fit, type))
  expect_identical(show_tests(fit, names = FALSE)$variety, unname(anova_hypotheses(fit)$variety))
  expect_error(show_tests(anova(fit)), "Call show_tests\\(fit", class = "lmm_error_input")
  expect_error(show_tests(1), class = "lmm_error_input")
  skip_if_not_installed("lmerTest")
  peer <- lmerTest::lmer(yield ~ irrigation * variety + (1 | field), irrigation)
  expect_equal(lmerTest::show_tests(fit), show_tests(fit))
  theirs <- lmerTest::show_tests(anova(peer))
  for (term in names(theirs)) expect_equal(unname(show_tests(fit)[[term]]), unname(theirs[[term]]))
  expect_equal(show_tests(anova(peer)), theirs)
  expect_equal(as.data.frame(rand(peer)), as.data.frame(lmerTest::ranova(peer)))
})
