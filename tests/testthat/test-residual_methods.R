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
  expect_error(anova(fit, ddf = "containment"), "from the random effects", class = "lmm_error_input")
})

test_that("balanced subjects, which are combined into classes, give what nlme gives row by row", {
  set.seed(21)
  d <- data.frame(id = factor(rep(1:150, each = 4)), t = rep(1:4, 150), arm = rep(0:1, each = 300))
  d$visit <- factor(d$t)
  d$x <- rnorm(600)
  e <- t(apply(matrix(rnorm(600), 150), 1L, function(e) as.vector(stats::filter(e, 0.6, "recursive"))))
  d$y <- d$arm + as.vector(t(e)) + rep(rnorm(150), each = 4)
  some <- d[-c(2, 7, 15, 130, 131, 400), ]
  for (data in list(d, some)) for (method in c("REML", "ML")) {
    for (formula in list(y ~ arm * visit, y ~ arm * t + x)) {
      ours <- lmm(formula, data, REML = method == "REML", residual = ~ ar1(t | id))
      peer <- nlme::gls(formula, data, correlation = nlme::corAR1(form = ~ t | id), method = method,
                        control = nlme::glsControl(tolerance = 1e-10, msTol = 1e-12))
      expect_equal(as.numeric(logLik(ours)), as.numeric(logLik(peer)), tolerance = 1e-9)
      expect_equal(fixef(ours), coef(peer), tolerance = 1e-5)
    }
    ours <- lmm(y ~ arm * visit + (1 | id), data, REML = method == "REML", residual = ~ ar1(t | id))
    peer <- nlme::lme(y ~ arm * visit, data, random = ~ 1 | id, correlation = nlme::corAR1(form = ~ t | id),
                      method = method)
    expect_equal(as.numeric(logLik(ours)), as.numeric(logLik(peer)), tolerance = 1e-7)
    expect_equal(ranef(ours)$id[levels(data$id), 1L], nlme::ranef(peer)[levels(data$id), 1L], tolerance = 1e-2)
  }
  us <- lmm(y ~ arm * visit, d, residual = ~ us(visit | id))
  expect_identical(us$cross_products$patterns, 1L)
  resid <- matrix(residuals(us), 4)                      # closed form: balanced and saturated in the means
  expect_equal(subject_covariance(us, "1", "residual"), tcrossprod(resid) / 148, tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("a covariance matrix that does not fit into memory is refused before the fit, with what would fit", {
  plan <- list(residual = list(parts = list(list(), list()), nugget = FALSE))
  found <- list(dense = 5000, parameters = list(kind = c("correlation", "correlation")))
  expect_silent(check_subject_size(found, plan, 1e10))
  expect_error(check_subject_size(found, plan, 1e8), "5,000 rows.*GB.*name blocks", class = "lmm_error_numeric")
  plan$residual$nugget <- TRUE
  expect_error(check_subject_size(found, plan, 1e8), "without a nugget", class = "lmm_error_numeric")
  expect_silent(check_subject_size(list(dense = 100, parameters = found$parameters), plan, 1e3))
})

test_that("normalized residuals follow the positions, whatever the order of the rows", {
  d <- plain_orthodont()[-c(2, 9, 30), ]
  fit <- lmm(distance ~ Sex * age, d, residual = ~ ar1(visit | Subject), variance = ~ Sex)
  set.seed(1)
  mixed <- sample(nrow(d))
  again <- lmm(distance ~ Sex * age, d[mixed, ], residual = ~ ar1(visit | Subject), variance = ~ Sex)
  expect_equal(residuals(again, "normalized"), residuals(fit, "normalized")[mixed], tolerance = 1e-6)
  expect_equal(nlme::ACF(again, resType = "normalized")$ACF, nlme::ACF(fit, resType = "normalized")$ACF,
               tolerance = 1e-6)
  own <- which(d$Subject == "M01")
  p <- residual_parameters(fit)$estimate
  scale <- sigma(fit) * exp(if (d$Sex[own[1L]] == levels(d$Sex)[1L]) 0 else p[2L])
  R <- scale^2 * p[1L]^abs(outer(as.integer(d$visit[own]), as.integer(d$visit[own]), "-"))
  by_hand <- forwardsolve(t(chol(R)), residuals(fit)[own])
  at <- match(rownames(d)[own], names(residuals(again)))
  expect_equal(unname(residuals(again, "normalized")[at]), by_hand, tolerance = 1e-6)
})

test_that("a column of the data named `fitted` is not taken for the fitted values", {
  d <- transform(behavior_data(), fitted = abs(x) + 1)
  expect_error(lmm(y ~ x, d, variance = ~ power(fitted)), "stands for the fitted values", class = "lmm_error_data")
  expect_error(lmm(y ~ x, d, variance = ~ fitted), "stands for the fitted values", class = "lmm_error_data")
  expect_equal(logLik(lmm(y ~ x, d, variance = ~ power(fitted(.)))),
               logLik(lmm(y ~ x, behavior_data(), variance = ~ power(fitted))))
})

test_that("what expressions of the residual structure took from the rows of the fit is kept for new data", {
  d <- transform(behavior_data(), w = abs(x) + 1)
  center <- mean(d$t)
  spread <- sd(d$t)
  basis <- poly(d$w, 2)
  d[c("place", "first", "second")] <- list((d$t - center) / spread, basis[, 1], basis[, 2])
  fit <- lmm(y ~ x, d, residual = ~ ou(scale(t) | g), variance = ~ poly(w, 2))
  plain <- lmm(y ~ x, d, residual = ~ ou(place | g), variance = ~ first + second)
  expect_equal(logLik(fit), logLik(plain), tolerance = 1e-8)
  new <- transform(d[c(2, 50), c("x", "t", "g", "w")], t = t + 0.4, w = w + 0.1)
  later <- predict(basis, new$w)
  full <- cbind(new, place = (new$t - center) / spread, first = later[, 1], second = later[, 2])
  expect_silent(found <- predict(fit, new, interval = "prediction"))
  expect_equal(found, predict(plain, full, interval = "prediction"), tolerance = 1e-6)
  expect_equal(predict(fit, new[1, ], interval = "prediction"), found[1, , drop = FALSE], tolerance = 1e-8)
  expect_equal(simulate(fit, 1, seed = 1, newdata = new)$sim_1, simulate(plain, 1, seed = 1, newdata = full)$sim_1,
               tolerance = 1e-6)
})

test_that("parameters that make no covariance matrix, and random terms in `variance`, are named", {
  d <- behavior_data()
  fit <- lmm(y ~ x, d, residual = ~ ar1(t | g))
  expect_error(simulate(fit, 1, seed = 1, newparams = list(rho = 5)), "not positive definite",
               class = "lmm_error_input")
  expect_error(lmm(y ~ x, d, variance = ~ x + (1 | g)), "random term", class = "lmm_error_formula")
})

test_that("a subject is named by its label or, where one subject has it, by the last part of its label", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)
  fit <- lmm(distance ~ Sex * age, d, residual = ~ us(age | Sex/Subject))
  own <- lmm(distance ~ age, d[d$Sex == "Female", ], residual = ~ us(age | Subject))
  expect_equal(unname(subject_covariance(fit, "F03")), unname(subject_covariance(own, "F03")), tolerance = 1e-4)
  expect_identical(subject_covariance(fit, "F03"), subject_covariance(fit, "Female:F03"))
  expect_identical(subject_covariance(fit, factor("F03")), subject_covariance(fit, "F03"))
  expect_equal(nlme::getVarCov(fit, individuals = "M02")[[1L]], nlme::getVarCov(fit, individuals = "Male:M02")[[1L]])
  expect_error(subject_covariance(fit, "M99"), "\"Male:.*a number from 1 to 27", class = "lmm_error_input")
  random <- lmm(distance ~ age + (1 | Sex/Subject), d)
  expect_identical(unname(nlme::getVarCov(random, "M02", type = "marginal", group = "Subject:Sex")[[1L]]),
                   unname(nlme::getVarCov(random, "M02:Male", type = "marginal", group = "Subject:Sex")[[1L]]))
  d$Subject <- factor(rep(rep(1:3, each = 4), 9))
  d$block <- gl(9, 12)
  twice <- lmm(distance ~ age, d, residual = ~ cs(age | block/Subject))
  expect_error(subject_covariance(twice, "2"), "several subjects: \"1:2\", \"2:1\"", class = "lmm_error_input")
})
