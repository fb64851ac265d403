# Variance functions: powers with a constant, of the fitted values, by group.

test_that("variance functions agree with nlme's", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Dialyzer)
  f <- rate ~ (pressure + I(pressure^2)) * QB
  pairs <- list(
    list(quote(~ power(pressure)), nlme::varPower(form = ~ pressure)),
    list(quote(~ pressure), nlme::varExp(form = ~ pressure)),
    list(quote(~ power(pressure | QB)), nlme::varPower(form = ~ pressure | QB)),
    list(quote(~ QB + power(pressure)),
         nlme::varComb(nlme::varIdent(form = ~ 1 | QB), nlme::varPower(form = ~ pressure))),
    list(quote(~ power(fitted)), nlme::varPower()))
  for (pair in pairs) {
    fit <- lmm(f, d, variance = eval(pair[[1]]))
    expect_equal(as.numeric(logLik(fit)),
                 as.numeric(logLik(nlme::gls(f, d, weights = pair[[2]]))), tolerance = 1e-7, info = deparse(pair[[1]]))
  }
})

test_that("a constant and a power are those of the dense criterion", {
  set.seed(3)
  d <- data.frame(x = runif(200, 0, 5), g = rep(c("a", "b"), 100))
  d$y <- d$x + (1 + d$x^1.5) * rnorm(200)
  own <- function(s, const, power) {
    v <- (s * (const + d$x^power))^2
    fit <- stats::lm.wfit(cbind(1, d$x), d$y, 1 / v)
    sum(log(v)) + sum(fit$residuals^2 / v) + 2 * sum(log(abs(diag(qr.R(fit$qr))))) + 198 * log(2 * pi)
  }
  fit <- lmm(y ~ x, d, variance = ~ constpower(x))
  psi <- residual_parameters(fit)
  at <- c(sigma(fit), psi$estimate)
  expect_equal(deviance(fit), do.call(own, as.list(at)), tolerance = 1e-9)
  for (k in 1:3) for (step in c(0.99, 1.01)) expect_gt(do.call(own, as.list(replace(at, k, at[k] * step))),
                                                       deviance(fit))
})

test_that("powers of the fitted values settle where nlme does, also beside random effects and a range", {
  skip_if_not_installed("nlme")
  b <- as.data.frame(nlme::BodyWeight)
  power <- lmm(weight ~ Time * Diet + (Time | Rat), b, variance = ~ power(fitted))
  both <- lmm(weight ~ Time * Diet + (Time | Rat), b, variance = ~ power(fitted), residual = ~ exp(Time | Rat))
  reference <- nlme::lme(weight ~ Time * Diet, b, random = ~ Time | Rat, weights = nlme::varPower())
  expect_equal(as.numeric(logLik(power)), as.numeric(logLik(reference)), tolerance = 1e-6)
  reference <- nlme::lme(weight ~ Time * Diet, b, random = ~ Time | Rat, weights = nlme::varPower(),
                         correlation = nlme::corExp(form = ~ Time))
  expect_equal(as.numeric(logLik(both)), as.numeric(logLik(reference)), tolerance = 1e-6)
  expect_equal(residual_parameters(both)$estimate, c(4.886387, 0.5943424), tolerance = 1e-3)
  expect_identical(residual_parameters(both)$name, c("range", "power(fitted)"))
})

test_that("a constant of the variance function that vanishes is at its boundary", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Dialyzer)
  f <- rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB
  expect_message(fit <- lmm(f, d, variance = ~ constpower(pressure)), "`const` is estimated as 0",
                 class = "lmm_message_boundary")
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(lmm(f, d, variance = ~ power(pressure)))), tolerance = 1e-6)
})

test_that("a criterion with kinks is searched from several ranges", {
  skip_if_not_installed("nlme")
  b <- as.data.frame(nlme::BodyWeight)
  fit <- suppressMessages(lmm(weight ~ Time * Diet + (Time | Rat), b, residual = ~ lin(Time | Rat),
                              variance = ~ power(fitted)))
  expect_gt(as.numeric(logLik(fit)), -563.3945)      # nlme's
})

test_that("the origin of a covariate of the variance function changes nothing but what sigma means", {
  set.seed(3)
  d <- expand.grid(year = 0:9, g = factor(1:20))
  d$y <- 2 * rnorm(20)[d$g] + exp(0.05 * d$year) * rnorm(200)
  d$calendar <- d$year + 1990
  near <- lmm(y ~ year + (1 | g), d, variance = ~ year)
  far <- expect_silent(lmm(y ~ year + (1 | g), d, variance = ~ calendar))
  peer <- nlme::lme(y ~ year, d, ~ 1 | g, weights = nlme::varExp(form = ~ year))
  expect_equal(as.numeric(logLik(far)), as.numeric(logLik(peer)), tolerance = 1e-7)
  expect_equal(logLik(far), logLik(near), tolerance = 1e-10)
  expect_equal(summary(far)$coefficients, summary(near)$coefficients, tolerance = 1e-6)
  for (name in c("F value", "DenDF")) {
    expect_equal(anova(far, ddf = "Kenward-Roger")[[name]], anova(near, ddf = "Kenward-Roger")[[name]],
                 tolerance = 1e-6)
  }
  expect_equal(residuals(far, type = "normalized"), residuals(near, type = "normalized"), tolerance = 1e-6)
  expect_equal(simulate(far, 1, seed = 1), simulate(near, 1, seed = 1), tolerance = 1e-6)
  new <- transform(d[1:3, ], year = 12, calendar = 2002)
  expect_equal(predict(far, new, interval = "prediction"), predict(near, new, interval = "prediction"),
               tolerance = 1e-6)
  for (method in c("profile", "Wald")) {
    expect_equal(suppressMessages(unname(confint(far, c("calendar", "(Intercept)", "year"), method = method))),
                 suppressMessages(unname(confint(near, c("variance:year", "(Intercept)", "year"), method = method))),
                 tolerance = 1e-5)
  }
  # sigma is exp(-1990 w) times that at the year 0 of the data, its standard error by the delta method
  w <- variance_components(near)["variance:year", "estimate"]
  expect_equal(log(sigma(far)), log(sigma(near)) - 1990 * w, tolerance = 1e-6)
  expect_equal(quantity(far, ~ log(sigma), method = "delta")$estimate, log(sigma(far)), tolerance = 1e-8)
  C <- vcov_components(near)[c("variance:year", "sigma^2"), c("variance:year", "sigma^2")]
  slope <- c(-2 * 1990, 1 / sigma(near)^2)
  own <- variance_components(far)
  expect_equal(own[nrow(own), "se"] / own[nrow(own), "estimate"], sqrt(drop(slope %*% C %*% slope)), tolerance = 1e-4)
  L <- getME(far, "Lambdat")
  expect_equal(unname(diag(as.matrix(getME(far, "sigma")^2 * Matrix::crossprod(L)))),
               rep(as.data.frame(VarCorr(far))$vcov[1], 20), tolerance = 1e-8)
  expect_equal(logLik(update(far, start = getME(far, "theta"))), logLik(far), tolerance = 1e-8)
  parts <- list(sigma = sigma(far) * 2)
  doubled <- simulate(far, 1, seed = 1, newparams = parts)
  expect_equal(doubled, simulate(near, 1, seed = 1, newparams = list(sigma = sigma(near) * 2)), tolerance = 1e-6)
})

test_that("units of a covariate whose power is the variance change nothing but what sigma means", {
  d <- as.data.frame(nlme::Orthodont)
  d$months <- 1000 * d$age
  for (structure in list(NULL, ~ ar1(age | Subject))) {
    one <- lmm(distance ~ age + (1 | Subject), d, residual = structure, variance = ~ power(age))
    other <- lmm(distance ~ age + (1 | Subject), d, residual = structure, variance = ~ power(months))
    expect_equal(logLik(one), logLik(other), tolerance = 1e-9)
    power <- variance_components(one)["power(age)", "estimate"]
    expect_equal(variance_components(other)["power(months)", "estimate"], power, tolerance = 1e-5)
    expect_equal(log(sigma(other)), log(sigma(one)) - power * log(1000), tolerance = 1e-5)
    expect_equal(suppressMessages(confint(one, "power(age)", method = "profile"))[1, ],
                 suppressMessages(confint(other, "power(months)", method = "profile"))[1, ], tolerance = 1e-4)
  }
})

test_that("crossed terms beside a variance function are counted against the memory limit", {
  set.seed(1)
  d <- expand.grid(a = factor(1:30), b = factor(1:20))
  d$env <- factor(rep_len(1:4, nrow(d)))
  d$y <- rnorm(30)[d$a] + rnorm(20)[d$b] + rnorm(nrow(d)) * as.integer(d$env)
  fit <- function(limit = NULL) {
    lmm(y ~ 1 + (1 | a) + (1 | b), d, variance = ~env, control = lmm_control(memory_limit = limit))
  }
  expect_error(fit(1e4), "a square matrix over all random effects", class = "lmm_error_numeric")
  whole <- fit()
  Z <- list(model.matrix(~ 0 + a, d), model.matrix(~ 0 + b, d))
  criterion <- function(log_sd) {
    if (any(abs(log_sd) > 4)) return(-1e6)
    s <- exp(log_sd)
    V <- s[1L]^2 * tcrossprod(Z[[1L]]) + s[2L]^2 * tcrossprod(Z[[2L]]) + diag(s[2L + as.integer(d$env)]^2)
    W <- solve(V)
    r <- d$y - sum(W %*% d$y) / sum(W)
    -0.5 * drop((nrow(d) - 1) * log(2 * pi) + c(determinant(V)$modulus) + log(sum(W)) + crossprod(r, W %*% r))
  }
  best <- optim(log(c(1, 1, 1:4)), criterion, method = "BFGS", control = list(fnscale = -1, reltol = 1e-13))
  expect_equal(as.numeric(logLik(whole)), best$value, tolerance = 1e-9)
})

test_that("functions of the parameters see the sigma that is shown, whatever origin and unit", {
  set.seed(3)
  d <- expand.grid(year = 0:9, g = factor(1:20))
  d$y <- 2 * rnorm(20)[d$g] + exp(0.05 * d$year) * rnorm(200)
  d$calendar <- d$year + 1990
  d$seconds <- (d$year + 50) * 3.15e7
  fit <- lmm(y ~ year + (1 | g), d, variance = ~ calendar)
  one <- bootstrap(fit, function(p) c(sigma = p$sigma), nsim = 3, seed = 1)
  expect_equal(one$t0[["sigma"]], sigma(fit), tolerance = 1e-8)
  expect_equal(unname(one$t[, 1]), unname(bootstrap(fit, nsim = 3, seed = 1)$t[, "sigma"]), tolerance = 1e-6)
  limits <- suppressMessages(confint(fit, "sigma^2", method = "Wald"))
  own <- variance_components(fit)
  last <- nrow(own)
  expect_equal(log(limits[1, ]), log(sigma(fit)^2) + c(-1, 1) * qnorm(0.975) * own$se[last] / own$estimate[last],
               tolerance = 1e-6, ignore_attr = TRUE)
  near <- lmm(y ~ year + (1 | g), d, variance = ~ year)
  far <- suppressMessages(lmm(y ~ year + (1 | g), d, variance = ~ seconds))
  expect_equal(logLik(far), logLik(near), tolerance = 1e-8)
  expect_equal(simulate(far, 1, seed = 1, newparams = c(year = 2)),
               simulate(near, 1, seed = 1, newparams = c(year = 2)), tolerance = 1e-6)
  expect_equal(variance_components(far)[1, "se"], variance_components(near)[1, "se"], tolerance = 1e-5)
  expect_equal(getME(far, "sigma") * unname(getME(far, "theta")), as.data.frame(VarCorr(near))$sdcor[1],
               tolerance = 1e-6)
})

test_that("the unit of the variable of constpower() changes constants and sigma as it must and nothing else", {
  set.seed(8)
  d <- expand.grid(k = 1:8, g = factor(1:20))
  d$arm <- factor(ifelse(d$k %% 2 == 0, "a", "b"))
  d$x <- runif(160, 3, 6)
  d$y <- rnorm(20)[d$g] + d$x + 0.05 * (6 + d$x^1.6) * rnorm(160)
  f <- y ~ x + (1 | g)
  for (v in list(~ constpower(x), ~ constpower(x) + arm)) for (unit in c(1e-3, 1e4))
    for (held in list(NULL, c(power = 2))) {
    large <- transform(d, x = unit * x)
    one <- suppressMessages(lmm(f, d, variance = v, fixed = held))
    two <- suppressMessages(lmm(f, large, variance = v, fixed = held))
    expect_equal(as.numeric(logLik(two)) + log(unit), as.numeric(logLik(one)), tolerance = 1e-8)
    expect_equal(anova(two)$`F value`, anova(one)$`F value`, tolerance = 1e-6)
    expect_equal(anova(two)$DenDF, anova(one)$DenDF, tolerance = 1e-5)
    expect_equal(VarCorr(two)$g, VarCorr(one)$g, tolerance = 1e-5, ignore_attr = TRUE)
    power <- if (length(held)) 2 else residual_parameters(one)$estimate[residual_parameters(one)$name == "power"]
    expect_equal(sigma(two) * unit^power, sigma(one), tolerance = 1e-4)
  }
})

test_that("standard errors of constant, power and sigma are those of the dense criterion in any unit", {
  set.seed(3)
  for (unit in c(1, 200)) {
    d <- data.frame(x = unit * seq(0.5, 12, length.out = 300))
    d$y <- d$x + (2 * unit^1.5 + d$x^1.5) / unit^1.5 * rnorm(300)
    fit <- lmm(y ~ x, d, variance = ~ constpower(x))
    deviance_at <- function(p) {             # log const, power, log sigma
      v <- (exp(p[3]) * (exp(p[1]) + d$x^p[2]))^2
      own <- stats::lm.wfit(cbind(1, d$x), d$y, 1 / v)
      sum(log(v)) + sum(own$residuals^2 / v) + 2 * sum(log(abs(diag(qr.R(own$qr)))))
    }
    psi <- residual_parameters(fit)$estimate
    at <- c(log(psi[1]), psi[2], log(sigma(fit)))
    se <- sqrt(diag(solve(numDeriv_hessian(deviance_at, at) / 2)))
    expect_equal(variance_components(fit)$se, se * c(psi[1], 1, 2 * sigma(fit)^2), tolerance = 1e-3)
    limits <- confint(fit, "const", method = "Wald")
    expect_equal(as.vector(limits), psi[1] * exp(c(-1, 1) * qnorm(0.975) * se[1]), tolerance = 1e-3)
  }
})

test_that("what ended the searches of a variance function of the fitted values is told once", {
  d <- plain_orthodont()
  told <- list()
  note <- function(condition) {
    told <<- c(told, list(class(condition)[1L]))
    tryInvokeRestart(if (inherits(condition, "warning")) "muffleWarning" else "muffleMessage")
  }
  withCallingHandlers(lmm(distance ~ age + (age | Subject), d, variance = ~ power(fitted),
                          control = lmm_control(max_evaluations = 3)), lmm_warning = note, lmm_message = note)
  expect_identical(sum(told == "lmm_warning_convergence"), 1L)
})

test_that("a covariate far from 0 beside a structure with covariances relative to sigma^2 is pointed out", {
  set.seed(6)
  d <- expand.grid(t = 1:4, id = factor(1:40))
  d$y <- rnorm(40)[d$id] + rnorm(160) * d$t^0.3
  d$year <- d$t + 2000
  far <- function(...) tryCatch(lmm(y ~ t, d, ...), lmm_message_origin = function(m) m$what)
  for (residual in list(~ cs(1 | id), ~ toep(t | id))) {
    expect_identical(far(residual = residual, variance = ~year), "year")
    expect_s3_class(far(residual = residual, variance = ~ I(year - 2000)), "lmm_fit")
  }
  expect_s3_class(far(residual = ~ ar1(t | id), variance = ~year), "lmm_fit")
})
