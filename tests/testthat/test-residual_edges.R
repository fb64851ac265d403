# Residual correlations at the edge: none, infinite ranges, sign of a correlation with even powers alone.

skip_if_not_installed("nlme")
teeth <- as.data.frame(nlme::Orthodont)
teeth$Subject <- factor(as.character(teeth$Subject))
teeth$visit <- teeth$age / 2
random_parts <- c("", "(1 | Subject)", "(I(age - 11) | Subject)", "(I(age - 11) || Subject)")
teeth_formula <- function(random) {
  stats::as.formula(paste("distance ~ Sex * I(age - 11)", if (nzchar(random)) paste("+", random)))
}

test_that("a model with a residual correlation is at least as likely as the one without", {
  for (random in random_parts) for (reml in c(TRUE, FALSE)) for (variance in list(NULL, ~age)) {
    smaller <- suppressMessages(lmm(teeth_formula(random), teeth, variance = variance, REML = reml))
    for (word in c("exp", "gau", "sph", "lin", "ratio")) for (nugget in c(FALSE, TRUE)) {
      residual <- stats::as.formula(sprintf("~ %s(age | Subject, nugget = %s)", word, nugget))
      larger <- tryCatch(suppressMessages(lmm(teeth_formula(random), teeth, residual = residual, variance = variance,
                                              REML = reml)),
                         lmm_error_unidentified = identity)
      if (nugget && nzchar(random) && inherits(larger, "error")) next   # may stand in for a random intercept
      expect_gte(c(logLik(larger)), c(logLik(smaller)) - 1e-8, label = paste(deparse(residual), random, reml))
    }
  }
})

test_that("a range that ends at 0 gives the fit without correlation and is told", {
  for (word in c("gau", "sph", "lin")) {
    residual <- stats::as.formula(sprintf("~ %s(age | Subject)", word))
    f <- teeth_formula("(I(age - 11) | Subject)")
    expect_message(fit <- lmm(f, teeth, residual = residual, REML = FALSE),
                   "`range` is estimated as 0 (no correlation)", fixed = TRUE, class = "lmm_message_boundary")
    plain <- lmm(f, teeth, REML = FALSE)
    expect_equal(c(logLik(fit)), c(logLik(plain)), tolerance = 1e-10)
    expect_equal(fixef(fit), fixef(plain), tolerance = 1e-6)
    expect_equal(vcov(fit), vcov(plain), tolerance = 1e-6)
    expect_equal(anova(fit)$`Pr(>F)`, anova(plain)$`Pr(>F)`, tolerance = 1e-4)
    table <- utils::capture.output(print(summary(fit)))
    expect_match(grep("^range", table, value = TRUE), "NA +NA +NA$")
  }
})

test_that("the other parameters are at their optimum where a range goes to infinity", {
  f <- distance ~ Sex * I(age - 11) + (I(age - 11) || Subject)
  fit <- suppressMessages(lmm(f, teeth, residual = ~ exp(age | Subject, nugget = TRUE), variance = ~age, REML = FALSE))
  peer <- nlme::lme(distance ~ Sex * I(age - 11), teeth, list(Subject = nlme::pdDiag(~ I(age - 11))),
                    nlme::corExp(form = ~ age | Subject, nugget = TRUE), nlme::varExp(form = ~age), method = "ML")
  expect_gte(c(logLik(fit)), c(logLik(peer)) - 1e-6)
})

test_that("a correlation that enters by even powers alone is positive", {
  fit <- lmm(distance ~ Sex * I(age - 11) + (1 | Subject), teeth, residual = ~ ar1(age | Subject), variance = ~Sex)
  visits <- lmm(distance ~ Sex * I(age - 11) + (1 | Subject), teeth, residual = ~ ar1(visit | Subject), variance = ~Sex)
  expect_equal(c(logLik(fit)), c(logLik(visits)), tolerance = 1e-9)
  rho <- function(fit) tidy(fit)$estimate[tidy(fit)$term == "rho"]
  expect_equal(rho(fit)^2, rho(visits), tolerance = 1e-5)
  expect_gt(rho(fit), 0)
  expect_equal(fit$optimum$gradient, 0 * fit$optimum$gradient, tolerance = 1e-5)
})

# Sums of four neighbors: correlations decrease linearly.
linear_decay <- function(seed, noise) {
  set.seed(seed)
  d <- expand.grid(t = 0:7, g = factor(1:12))
  d$y <- unlist(lapply(1:12, function(g) {
    smooth <- stats::filter(stats::rnorm(12), rep(1, 4))[3:10]
    0.7 * smooth + if (noise > 0) stats::rnorm(8, sd = noise) else 0
  }))
  d$f <- factor(ifelse(as.integer(d$g) %% 2L == 0L, "a", "b"))
  d
}

best_of_ranges <- function(ranges, fit_by) {
  max(vapply(ranges, function(range) tryCatch(c(logLik(fit_by(range))), lmm_error = function(e) -Inf), 0))
}

test_that("an optimum at a kink is found beside a nugget", {
  for (seed in c(1, 5, 6, 7, 8, 12)) {
    d <- linear_decay(seed, 1.2)
    fit_by <- function(range = NULL) suppressMessages(lmm(y ~ 1, d, residual = ~ lin(t | g, nugget = TRUE),
                                                          fixed = if (!is.null(range)) c(range = range)))
    expect_silent(fit <- fit_by())
    expect_gte(c(logLik(fit)), best_of_ranges(2:7, fit_by) - 1e-8, label = seed)
  }
})

test_that("parameters at known values stay there where a range is tried at distances", {
  for (seed in 1:6) {
    d <- linear_decay(seed, 0)
    d$y <- d$y * ifelse(d$f == "a", 1, 2)
    fit_by <- function(range = NULL) suppressMessages(lmm(y ~ 1, d, residual = ~ lin(t | g), variance = ~f,
                                                          fixed = c(fb = 0.4, range = range)))
    fit <- fit_by()
    expect_gte(c(logLik(fit)), best_of_ranges(c(1.5, 2:7, 8.5), fit_by) - 1e-8, label = seed)
    expect_equal(c(logLik(fit_by(fit$optimum$psi[1]))), c(logLik(fit)), tolerance = 1e-9)
    R <- lapply(c("1", "2"), function(g) subject_covariance(fit, g, "residual"))
    expect_equal(diag(R[[1]]), diag(R[[2]]) * exp(2 * 0.4), tolerance = 1e-10, ignore_attr = TRUE)
  }
})

test_that("other optima are found: no correlation, another range, another sign", {
  skip_if_not_installed("nlme")
  blood <- subset(as.data.frame(nlme::Phenobarb), !is.na(conc))
  blood$ApgarInd <- factor(as.character(blood$ApgarInd))
  blood$Subject <- factor(as.character(blood$Subject))
  none <- lmm(conc ~ time, blood, variance = ~ApgarInd)
  expect_message(fit <- lmm(conc ~ time, blood, residual = ~ ou(time | Subject), variance = ~ApgarInd),
                 "no correlation")
  expect_equal(c(logLik(fit)), c(logLik(none)), tolerance = 1e-10)

  rats <- as.data.frame(nlme::BodyWeight)
  rats$Rat <- factor(as.character(rats$Rat))
  rats$Diet <- factor(as.character(rats$Diet))
  fit <- lmm(weight ~ Time * Diet + (Time | Rat), rats, residual = ~ exp(Time | Rat, nugget = TRUE), variance = ~Time,
             REML = FALSE)
  peer <- nlme::lme(weight ~ Time * Diet, rats, ~ Time | Rat, nlme::corExp(form = ~ Time | Rat, nugget = TRUE),
                    nlme::varExp(form = ~Time), method = "ML")
  expect_gte(c(logLik(fit)), c(logLik(peer)) - 1e-6)

  pups <- as.data.frame(nlme::RatPupWeight)
  pups$Litter <- factor(as.character(pups$Litter))
  pups <- pups[order(pups$Litter), ]
  fit <- suppressMessages(lmm(weight ~ sex + Treatment + Lsize + (1 | Litter), pups, REML = FALSE,
                              residual = ~ arma(1 | Litter, p = 1, q = 1), variance = ~ power(Lsize)))
  peer <- nlme::lme(weight ~ sex + Treatment + Lsize, pups, ~ 1 | Litter,
                    nlme::corARMA(p = 1, q = 1, form = ~ 1 | Litter), nlme::varPower(form = ~Lsize), method = "ML")
  expect_gte(c(logLik(fit)), c(logLik(peer)) - 1e-6)

  milk <- subset(as.data.frame(nlme::Milk), as.integer(Cow) %% 3 == 0)
  milk$Cow <- factor(as.character(milk$Cow))
  fit_by <- function(...) suppressMessages(lmm(protein ~ Diet * Time + (Time | Cow), milk, REML = FALSE,
                                               residual = ~ sph(Time | Cow), variance = ~ power(Time), ...))
  fit <- fit_by()
  ranges <- c(1.5, 2.5, 3, 3.5, 4, 5, 5.5, 6, 6.5, 7, 9)
  at <- vapply(ranges, function(range) c(logLik(fit_by(fixed = c(range = range)))), 0)
  expect_gte(c(logLik(fit)), max(at) - 1e-8)
})

test_that("free correlations beside random effects reach what nlme reaches", {
  wells <- as.data.frame(nlme::Dialyzer)
  wells$Subject <- factor(as.character(wells$Subject))
  f <- rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB
  fit <- suppressWarnings(suppressMessages(lmm(stats::update(f, . ~ . + (pressure || Subject)), wells, REML = FALSE,
                                               residual = ~ us(index | Subject, hom = TRUE), variance = ~QB)))
  peer <- nlme::lme(f, wells, list(Subject = nlme::pdDiag(~pressure)), nlme::corSymm(form = ~ index | Subject),
                    nlme::varIdent(form = ~ 1 | QB), method = "ML",
                    control = nlme::lmeControl(msMaxIter = 200, maxIter = 200))
  expect_gte(c(logLik(fit)), c(logLik(peer)) - 0.01)   # a ridge without end, and the fit says so
})

test_that("groups with ranges of their own may end at different edges", {
  set.seed(4)
  d <- expand.grid(t = c(0, 1, 3, 4, 8), s = 1:24)
  d$by <- factor(ifelse(d$s <= 12, "walk", "white"))
  d$s <- factor(d$s)
  d$y <- stats::rnorm(nrow(d))
  for (s in levels(d$s)[1:12]) {
    own <- d$s == s
    d$y[own] <- 3 * cumsum(stats::rnorm(5) * sqrt(c(100, diff(d$t[own]))))
  }
  expect_message(fit <- lmm(y ~ 1, d, residual = ~ exp(t | by/s)), "range")
  expect_identical(fit$optimum$status, "converged")
  ranges <- fit$optimum$psi[fit$cross_products$parameters$kind == "range"]
  expect_gt(ranges[1], 8)      # beyond the longest distance
  expect_lt(ranges[2], 0.05)   # far below the shortest
  expect_lt(max(abs(fit$optimum$gradient)) / nrow(d), 1e-4)
})

test_that("separable structures take visits as the second factor", {
  set.seed(5)
  d <- expand.grid(v = factor(1:3), t = c(0, 10, 25, 90), s = factor(1:10))
  d$y <- stats::rnorm(nrow(d)) + stats::rnorm(10)[d$s]
  for (word in c("cs", "us", "ar1", "toep")) {
    first <- suppressMessages(lmm(y ~ v, d, residual = stats::as.formula(paste0("~ ", word, "(v):exp(t) | s"))))
    second <- suppressMessages(lmm(y ~ v, d, residual = stats::as.formula(paste0("~ exp(t):", word, "(v) | s"))))
    expect_equal(c(logLik(second)), c(logLik(first)), tolerance = 1e-8, label = word)
    days <- transform(d, t = t / 24)
    unit <- suppressMessages(lmm(y ~ v, days, residual = stats::as.formula(paste0("~ ", word, "(v):exp(t) | s"))))
    expect_equal(c(logLik(unit)), c(logLik(first)), tolerance = 1e-9, label = word)
  }
})

test_that("a likelihood that rises to a singular residual covariance matrix is told with its cause", {
  set.seed(19)
  d <- expand.grid(t = 1:5, id = 1:6)
  d$y <- stats::rnorm(30)
  d$x <- stats::rnorm(30)
  d <- d[-c(2, 9, 16, 23, 28, 30), ]
  expect_warning(lmm(y ~ x + factor(id %% 2), d, residual = ~ us(t | id)), "too few subjects for the 15",
                 class = "lmm_warning_convergence")
})

test_that("moving averages of order 2 reach the higher of their optima", {
  d <- as.data.frame(nlme::Dialyzer)
  mean <- rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB
  peer <- nlme::gls(mean, d, correlation = nlme::corARMA(form = ~ 1 | Subject, q = 2),
                    weights = nlme::varPower(form = ~ pressure))
  own <- lmm(mean, d, residual = ~ ma(1 | Subject, q = 2), variance = ~ power(pressure))
  expect_gt(as.numeric(logLik(own)) - as.numeric(logLik(peer)), -1e-6)
})

test_that("a range that vanishes is compared with short ranges beside a random effect", {
  set.seed(387)
  m <- sample(c(10, 20, 40), 1)
  visits <- sample(4:7, 1)
  d <- expand.grid(t = seq_len(visits), id = seq_len(m))
  f <- sample(1:3, nrow(d), TRUE)
  d$time <- d$t + round(stats::runif(nrow(d), -0.4, 0.4), 2)
  d$x <- stats::rnorm(nrow(d))
  d$arm <- d$id %% 2
  share <- stats::runif(3)^2
  r <- stats::runif(1, -0.2, 0.95)
  e <- matrix(stats::rnorm(nrow(d)), visits)
  for (k in seq_len(visits)[-1L]) e[k, ] <- r * e[k - 1L, ] + sqrt(1 - r^2) * e[k, ]
  ratio <- exp(stats::runif(1, 0, 1) * (d$t - 1) / visits) * ifelse(d$arm == 1, 1, exp(stats::runif(1, -0.5, 0.5)))
  d$y <- d$x + sqrt(share[1L]) * stats::rnorm(m)[d$id] + ratio * sqrt(share[2L]) * as.vector(e) +
    sqrt(share[3L] + 0.05) * stats::rnorm(nrow(d)) + 0.5 * stats::rnorm((m - 1) %/% 4 + 1)[(d$id - 1) %/% 4 + 1] +
    0.5 * stats::rnorm(m * 3)[(d$id - 1) * 3 + f]
  d <- d[stats::runif(nrow(d)) > 0.15, ]
  X <- stats::model.matrix(~ x + arm, d)
  same <- outer(d$id, d$id, "==")
  likelihood <- function(log_sd) {
    V <- same * (exp(-abs(outer(d$time, d$time, "-")) / 0.16) + exp(2 * log_sd))
    A <- crossprod(X, solve(V, X))
    res <- d$y - X %*% solve(A, crossprod(X, solve(V, d$y)))
    nu <- nrow(d) - 3
    -0.5 * (nu * log(2 * pi * sum(res * solve(V, res)) / nu) + nu + as.numeric(determinant(V)$modulus) +
              as.numeric(determinant(A)$modulus))
  }
  best <- stats::optimize(likelihood, c(-3, 2), maximum = TRUE)$objective
  fit <- suppressMessages(lmm(y ~ x + arm + (1 | id), d, residual = ~ ou(time | id)))
  expect_gt(as.numeric(logLik(fit)), best - 1e-6)
})

# Five of ten subjects have all four visits. The covariance matrix of the higher maximum is that of a search from
# negative correlations, rounded; its likelihood is computed here by the dense formula.
test_that("a higher maximum at a nearly singular matrix is told, and the regular one is kept", {
  d <- data.frame(
    id = rep(1:10, c(3, 3, 3, 4, 4, 4, 4, 3, 3, 4)),
    t = c(1:3, 1, 2, 4, 2:4, 1:4, 1:4, 1:4, 1:4, 1, 2, 4, 2:4, 1:4),
    y = c(0.20, -1.19, 2.53, 1.30, -0.01, 0.30, 0.73, -0.31, 1.33, 0.21, 1.17, 1.54, -0.17, -1.57, -4.13, -3.97, -0.25,
          -0.54, 0.84, 2.26, -0.68, 1.22, 0.56, -0.64, 0.49, -1.86, 0.21, -0.60, 1.79, 2.51, 1.32, 0.16, 1.71, 0.76,
          1.18))
  told <- tryCatch(lmm(y ~ 1, d, residual = ~ us(t | id)), lmm_message_optima = identity)
  fit <- suppressMessages(lmm(y ~ 1, d, residual = ~ us(t | id)))
  peer <- nlme::gls(y ~ 1, d, correlation = nlme::corSymm(form = ~ t | id), weights = nlme::varIdent(form = ~ 1 | t))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(peer)), tolerance = 1e-7)
  S <- matrix(0, 4, 4)
  S[lower.tri(S, TRUE)] <- c(1.60281080, 0.18295970, -0.67552962, -0.15071896, 2.75415920, 2.27178720, 1.01045780,
                             4.34006450, -0.83147983, 1.95324130)
  S <- S + t(S) - diag(diag(S))
  V <- outer(seq_len(35), seq_len(35), Vectorize(function(a, b) if (d$id[a] == d$id[b]) S[d$t[a], d$t[b]] else 0))
  one <- solve(V, rep(1, 35))
  r <- d$y - sum(one * d$y) / sum(one)
  singular <- -(34 * log(2 * pi) + as.numeric(determinant(V)$modulus) + log(sum(one)) + sum(r * solve(V, r))) / 2
  expect_gt(singular, as.numeric(logLik(fit)) + 9)
  expect_equal(told$value, singular - as.numeric(logLik(fit)), tolerance = 1e-4)
})

# From one order of the visits the search came to a maximum that is lower by 0.86 (correlations of the other sign).
test_that("the maximum of few subjects with missing visits does not depend on the order of the visits", {
  d <- data.frame(id = rep(1:11, c(2, 2, 3, 3, 2, 2, 3, 3, 1, 2, 3)),
                  v = factor(c(1, 2, 2, 3, 1:3, 1:3, 2, 3, 1, 3, 1:3, 1:3, 1, 2, 3, 1:3)),
                  y = c(0.53, 0.89, 1.81, 6.48, -2.20, -1.33, 0.03, -0.97, 0, 0.32, 0, 8.17, -0.64, -4.62, -1.01, -0.45,
                        0.02, -0.84, 4.07, 0.54, -0.36, -1.27, 0.13, -0.58, 0.64, -2.33))
  found <- vapply(list(1:3, c(1, 3, 2), c(2, 1, 3), c(2, 3, 1), c(3, 1, 2), 3:1), function(order) {
    d$v <- factor(d$v, order)
    as.numeric(logLik(suppressMessages(lmm(y ~ factor(v, 1:3), d, residual = ~ us(v | id)))))
  }, 0)
  expect_equal(found, rep(max(found), 6), tolerance = 1e-8)
})

# -2 log likelihood (REML where it says so) of y ~ N(X b, V), b estimated.
dense_deviance <- function(y, X, V, reml) {
  root <- chol(V)
  white <- backsolve(root, cbind(X, y), transpose = TRUE)
  p <- ncol(X)
  rest <- if (p) qr.resid(qr(white[, seq_len(p)]), white[, p + 1L]) else white[, 1L]
  out <- 2 * sum(log(diag(root))) + sum(rest^2) + (length(y) - if (reml) p else 0) * log(2 * pi)
  if (reml && p) out + as.numeric(determinant(crossprod(white[, seq_len(p), drop = FALSE]))$modulus) else out
}

test_that("fits without fixed effects have residual structures, variance functions and structured random effects", {
  d <- as.data.frame(nlme::Orthodont)
  d$y <- d$distance - 24
  same <- outer(as.character(d$Subject), as.character(d$Subject), "==")
  ar1 <- lmm(y ~ 0, d, residual = ~ ar1(age | Subject))
  V <- function(p) p[2]^2 * same * p[1]^abs(outer(d$age, d$age, "-"))
  best <- nlminb(c(0.5, 3), function(p) dense_deviance(d$y, matrix(0, nrow(d), 0L), V(p), FALSE),
                 lower = c(0, 0.1), upper = c(0.99, 20), control = list(rel.tol = 1e-13))
  expect_equal(as.numeric(logLik(ar1)), -best$objective / 2, tolerance = 1e-8)
  expect_equal(sigma(ar1), best$par[2], tolerance = 1e-5)
  expect_identical(logLik(lmm(y ~ 0, d, residual = ~ ar1(age | Subject), REML = FALSE))[1], logLik(ar1)[1])

  by_sex <- lmm(y ~ 0, d, variance = ~ Sex)
  spread <- tapply(d$y, d$Sex, function(y) mean(y^2))
  expect_equal(as.numeric(logLik(by_sex)), sum(dnorm(d$y, 0, sqrt(spread[d$Sex]), log = TRUE)), tolerance = 1e-8)
  special <- lmm(y ~ 0 + homcs(0 + Sex | age), d)
  expect_equal(nrow(confint(special)), 3L)
})

test_that("the only coefficient of a fit with a residual structure has a profile", {
  d <- as.data.frame(nlme::Orthodont)
  fit <- lmm(distance ~ 1, d, variance = ~ Sex, REML = FALSE)
  found <- confint(fit, "(Intercept)", method = "profile")
  part <- split(d$distance, d$Sex)
  at <- function(b) -2 * sum(vapply(part, function(y) sum(dnorm(y, b, sqrt(mean((y - b)^2)), log = TRUE)), 0))
  best <- optimize(at, c(20, 28), tol = 1e-10)
  edge <- function(low, high) {
    uniroot(function(b) at(b) - best$objective - qchisq(0.95, 1), c(low, high), tol = 1e-10)$root
  }
  expect_equal(as.vector(found), c(edge(20, best$minimum), edge(best$minimum, 28)), tolerance = 1e-6)
})

test_that("limits stand in the rows of their parameters where `fixed` holds others", {
  d <- as.data.frame(nlme::Orthodont)
  fit <- lmm(distance ~ age, d, residual = ~ ar1(age | Subject), fixed = c(rho = 0.6))
  X <- cbind(1, d$age)
  R <- outer(as.character(d$Subject), as.character(d$Subject), "==") * 0.6^abs(outer(d$age, d$age, "-"))
  W <- solve(R)
  C <- solve(t(X) %*% W %*% X)
  beta <- as.vector(C %*% t(X) %*% W %*% d$distance)
  r <- d$distance - X %*% beta
  n <- nrow(d) - 2L
  s2 <- sum(r * W %*% r) / n
  limits <- rbind(n * s2 / qchisq(c(0.975, 0.025), n),
                  beta[1] + qt(c(0.025, 0.975), n) * sqrt(s2 * C[1, 1]),
                  beta[2] + qt(c(0.025, 0.975), n) * sqrt(s2 * C[2, 2]))
  for (found in list(confint(fit, method = "Wald"), confint(fit, ddf = "Satterthwaite", method = "chisq"))) {
    expect_identical(rownames(found), c("sigma^2", "(Intercept)", "age"))
    expect_equal(unname(found), limits, tolerance = 1e-6)
  }
  expect_equal(unname(confint(fit, "age", method = "Wald")[1, ]), limits[3, ], tolerance = 1e-6)
  expect_equal(nlme::intervals(fit)$sigma[["est."]], sqrt(s2), tolerance = 1e-6)
  known <- lmm(distance ~ age, d, residual = ~ ar1(age | Subject), fixed = c(rho = 0.6, sigma = 2))
  z <- qnorm(c(0.025, 0.975)) * 2
  expect_equal(unname(suppressMessages(confint(known, method = "profile"))),
               rbind(NA, beta[1] + z * sqrt(C[1, 1]), beta[2] + z * sqrt(C[2, 2])), tolerance = 1e-6)
  expect_equal(quantity(known, ~ sigma)$estimate, 2)
})

test_that("a parameter of the residuals with the name of a fixed effect is told apart", {
  d <- as.data.frame(nlme::Orthodont)
  d$rho <- d$age - 11
  fit <- lmm(distance ~ rho + Sex, d, residual = ~ ar1(age | Subject), variance = ~ Sex)
  limits <- suppressMessages(confint(fit, method = "Wald"))
  expect_identical(rownames(limits),
                   c("residual:rho", "variance:SexFemale", "sigma^2", "(Intercept)", "rho", "SexFemale"))
  for (name in c("rho", "SexFemale")) {
    expect_equal(mean(confint(fit, name, method = "Wald")), fixef(fit)[[name]], tolerance = 1e-8)
  }
  expect_true(is.na(variance_components(fit)["variance:SexFemale", "df"]))
})

test_that("a Matern shape that goes to infinity ends at the Gaussian limit, which is told", {
  set.seed(1)
  d <- data.frame(z = as.vector(volcano), x = as.vector(row(volcano)), y = as.vector(col(volcano)))
  d$z <- d$z + rnorm(length(volcano), sd = 15)
  d <- d[sample(nrow(d), 80), ]
  expect_message(matern <- lmm(z ~ 1, d, REML = FALSE, residual = ~ matern(x + y, nugget = TRUE)),
                 "`shape` is estimated as infinite .*gau()", class = "lmm_message_boundary")
  gau <- lmm(z ~ 1, d, REML = FALSE, residual = ~ gau(x + y, nugget = TRUE))
  expect_equal(c(logLik(matern)), c(logLik(gau)), tolerance = 1e-6)
  expect_lt(matern$optimum$evaluations, 200)
  # Matern (u = h / range, shape nu) tends to exp(-h^2 / (4 nu range^2))
  psi <- residual_parameters(matern)$estimate
  expect_equal(2 * sqrt(psi[2]) * psi[1], residual_parameters(gau)$estimate[1], tolerance = 1e-2)
  expect_equal(psi[3], residual_parameters(gau)$estimate[2], tolerance = 1e-3)
  expect_equal(coef(summary(matern))[, "Std. Error"], coef(summary(gau))[, "Std. Error"], tolerance = 1e-3)
  expect_s3_class(variance_components(matern), "data.frame")
})
