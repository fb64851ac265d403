# lmm(fixed = ): variance parameters that are known.

held_data <- function(seed) {
  set.seed(seed)
  n <- 80
  d <- data.frame(g = factor(sample(rep(1:12, length.out = n))), h = factor(sample(rep(1:5, length.out = n))), x = rnorm(n), w = runif(n, 0.5, 2))
  d$y <- 3 + 0.5 * d$x + rnorm(12)[d$g] + 0.7 * rnorm(5)[d$h] + rnorm(n)
  d
}

held_oracle <- function(d, weights = NULL) {
  one <- matrix(1, nrow(d), 1)
  oracle_model(d$y, cbind(1, d$x), list(one, one), list(as.integer(d$g), as.integer(d$h)), weights = weights)
}

# Which of (g, h, sigma^2) each `fixed` leaves free.
held_cases <- list(
  list(c(sigma = 1.2), c(1, 2)),
  list(c(g = 0.6), c(2, 3)),
  list(c("sd_(Intercept)|h" = 1.5, sigma = 0.8), 1),
  list(c("var_(Intercept)|g" = 2, "sigma^2" = 1.44), 2),
  list(c(g = 0.9, h = 0.4), 3),
  list(c(g = 0.9, h = 0.4, sigma = 1.1), integer())
)

test_that("the free parameters solve their estimating equations, and everything follows from them by the dense formulas", {
  for (seed in 1:4) for (case in held_cases) for (weighted in c(FALSE, TRUE)) for (reml in c(TRUE, FALSE)) {
    d <- held_data(seed)
    fit <- if (weighted) lmm(y ~ x + (1 | g) + (1 | h), d, reml, weights = w, fixed = case[[1]])
           else lmm(y ~ x + (1 | g) + (1 | h), d, reml, fixed = case[[1]])
    label <- paste(seed, paste(names(case[[1]]), collapse = ","), weighted, reml)
    model <- held_oracle(d, if (weighted) d$w)
    Sigma <- lapply(unclass(VarCorr(fit)), c)
    value <- ifelse(grepl("var_|\\^2", names(case[[1]])), sqrt(case[[1]]), case[[1]])
    expect_equal(c(sqrt(unlist(Sigma)), sigma(fit))[setdiff(1:3, case[[2]])], unname(value), tolerance = 1e-10, ignore_attr = TRUE, label = label)
    off <- oracle_equations(model, Sigma, sigma(fit)^2, reml) / oracle_equation_scale(model, Sigma, sigma(fit)^2, reml)
    inner <- setdiff(case[[2]], which(fit_singular(fit)))
    expect_true(all(abs(off[inner]) < 1e-6), label = label)
    truth <- oracle_solution(model, Sigma, sigma(fit)^2, reml)
    expect_equal(-2 * as.numeric(logLik(fit)), truth$criterion, tolerance = 1e-9, label = label)
    expect_equal(attr(logLik(fit), "df"), 2 + length(case[[2]]))
    expect_equal(unname(fixef(fit)), truth$beta, tolerance = 1e-8, label = label)
    expect_equal(unname(vcov(fit)), truth$vcov, tolerance = 1e-8, label = label)
    expect_equal(unname(unlist(lapply(fit$estimates$b, t))), truth$b, tolerance = 1e-7, label = label)
  }
})

test_that("tests treat held parameters as known", {
  for (seed in 1:3) for (case in held_cases) {
    d <- held_data(seed)
    fit <- lmm(y ~ x + (1 | g) + (1 | h), d, fixed = case[[1]])
    if (any(fit_singular(fit))) next
    Sigma <- lapply(unclass(VarCorr(fit)), c)
    at <- oracle_information(held_oracle(d), Sigma, sigma(fit)^2)
    free <- case[[2]]
    W <- A <- matrix(0, 3, 3)
    if (length(free)) {
      W[free, free] <- 2 * solve(at$T[free, free])
      A[free, free] <- 2 * solve((2 * at$AI - at$T)[free, free])
    }
    middle <- 0
    for (i in 1:3) for (j in 1:3) middle <- middle + W[i, j] * (at$Q[[i]][[j]] - at$P[[i]] %*% at$Phi %*% at$P[[j]])
    adjusted <- at$Phi + 2 * at$Phi %*% middle %*% at$Phi
    expect_equal(unname(vcov(fit, type = "kenward-roger")), unname(adjusted), tolerance = 1e-7)
    slope <- vapply(at$P, function(P) -(at$Phi %*% P %*% at$Phi)[2, 2], 0)
    df <- 2 * at$Phi[2, 2]^2 / c(slope %*% A %*% slope)
    expect_equal(summary(fit)$coefficients["x", "df"], if (length(free)) df else Inf, tolerance = 1e-5)
    C <- vcov_components(fit)
    expect_equal(unname(C[free, free, drop = FALSE]), A[free, free, drop = FALSE], tolerance = 1e-5)
    expect_true(all(is.na(diag(C)[setdiff(1:3, free)])))
  }
})

test_that("a parameter held at its estimate changes nothing but what is known", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)
  v <- as.data.frame(VarCorr(fit))$sdcor
  names <- c("sd_(Intercept)|Subject", "sd_Days|Subject", "cor_Days.(Intercept)|Subject", "sigma")
  for (k in list(1, 2, 3, 4, c(1, 3), c(2, 3, 4), 1:4)) {
    held <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy, fixed = stats::setNames(v[k], names[k]))
    expect_equal(as.numeric(logLik(held)), as.numeric(logLik(fit)), tolerance = 1e-10)
    expect_equal(as.data.frame(VarCorr(held))$sdcor, v, tolerance = 1e-5)
    expect_equal(attr(logLik(held), "df"), 6 - length(k))
    expect_equal(logLik(held, REML = FALSE)[1], logLik(held)[1] + logLik(fit, REML = FALSE)[1] - logLik(fit)[1], tolerance = 1e-3)
  }
})

test_that("a correlation of 0 is the diagonal structure, a standard deviation of 0 the model without the column", {
  skip_if_not_installed("lme4")
  d <- lme4::sleepstudy
  zero <- lmm(Reaction ~ Days + (Days | Subject), d, fixed = c("cor_Days.(Intercept)|Subject" = 0))
  diagonal <- lmm(Reaction ~ Days + (Days || Subject), d)
  expect_equal(logLik(zero)[1], logLik(diagonal)[1], tolerance = 1e-10)
  expect_equal(summary(zero)$coefficients, summary(diagonal)$coefficients, tolerance = 1e-5)
  expect_equal(anova(zero, ddf = "Kenward-Roger"), anova(diagonal, ddf = "Kenward-Roger"), tolerance = 1e-4, ignore_attr = TRUE)
  none <- lmm(Reaction ~ Days + (Days || Subject), d, fixed = c("sd_Days|Subject" = 0))
  expect_equal(logLik(none)[1], logLik(lmm(Reaction ~ Days + (1 | Subject), d))[1], tolerance = 1e-10)
  expect_length(none$conditions, 0)
})

test_that("Satterthwaite's degrees of freedom allow for the curvature of a held correlation", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy, fixed = c("cor_Days.(Intercept)|Subject" = 0.5))
  model <- oracle_model(lme4::sleepstudy$Reaction, cbind(1, lme4::sleepstudy$Days), list(cbind(1, lme4::sleepstudy$Days)), list(as.integer(lme4::sleepstudy$Subject)))
  at <- function(p) list(S = list(outer(p[1:2], p[1:2]) * matrix(c(1, 0.5, 0.5, 1), 2)), s2 = p[3]^2)
  criterion <- function(p) oracle_criterion(model, at(p)$S, at(p)$s2)
  slope_variance <- function(p) oracle_solution(model, at(p)$S, at(p)$s2)$vcov[2, 2]
  p <- c(attr(VarCorr(fit)$Subject, "stddev"), sigma(fit))
  g <- numeric_gradient(slope_variance, p, 0.05 * p)
  df <- 2 * slope_variance(p)^2 / c(g %*% (2 * solve(numeric_hessian(criterion, p, 0.05 * p))) %*% g)
  expect_equal(summary(fit)$coefficients["Days", "df"], df, tolerance = 1e-5)
})

test_that("known sampling variances: shrinkage as in the textbook formula, the variance between as its likelihood has it", {
  set.seed(1)
  d <- data.frame(unit = factor(1:10), v = runif(10, 0.5, 4))
  d$y <- 2 + rnorm(10, 0, 1.5) + rnorm(10, 0, sqrt(d$v))
  known <- lmm(y ~ 1 + (1 | unit), d, weights = 1 / v, fixed = c(sigma = 1, unit = 1.5))
  w <- 1 / (d$v + 1.5^2)
  mu <- sum(w * d$y) / sum(w)
  expect_equal(unname(fixef(known)), mu, tolerance = 1e-12)
  expect_equal(ranef(known)$unit[, 1], 1.5^2 / (1.5^2 + d$v) * (d$y - mu), tolerance = 1e-12)
  expect_equal(unname(vcov(known)), matrix(1 / sum(w)), tolerance = 1e-12)
  # -2 log restricted likelihood of tau^2, the sampling variances known
  restricted <- function(tau2) {
    w <- 1 / (d$v + tau2)
    mu <- sum(w * d$y) / sum(w)
    -sum(log(w)) + sum(w * (d$y - mu)^2) + log(sum(w)) + 9 * log(2 * pi)
  }
  best <- optimize(restricted, c(0, 20), tol = 1e-12)
  fit <- lmm(y ~ 1 + (1 | unit), d, weights = 1 / v, fixed = c(sigma = 1))
  expect_equal(c(VarCorr(fit)$unit), best$minimum, tolerance = 1e-5)
  expect_equal(-2 * logLik(fit)[1], best$objective, tolerance = 1e-10)
})

test_that("units change nothing but units", {
  d <- held_data(1)
  fit <- lmm(y ~ x + (1 | g) + (1 | h), d, fixed = c(g = 0.6))
  small <- lmm(y ~ x + (1 | g) + (1 | h), transform(d, y = y * 1e-9), fixed = c(g = 0.6e-9))
  expect_equal(summary(small)$coefficients[, 3:5], summary(fit)$coefficients[, 3:5], tolerance = 1e-7)
  expect_equal(sigma(small) * 1e9, sigma(fit), tolerance = 1e-8)
})

test_that("refits, updates, profiles and simulations keep what is held", {
  d <- held_data(2)
  fit <- lmm(y ~ x + (1 | g) + (1 | h), d, fixed = c(sigma = 1.1))
  again <- refit(fit, d$y)
  expect_equal(logLik(again), logLik(fit))
  expect_equal(sigma(update(fit, . ~ . - x)), 1.1)
  expect_equal(sigma(update(fit, REML = FALSE)), 1.1)
  draws <- bootstrap(fit, function(state) state$sigma, nsim = 3, seed = 1)
  expect_equal(unname(draws$t[, 1]), rep(1.1, 3))
  limits <- confint(fit)
  expect_true(all(is.na(limits[".sigma", ])) && !anyNA(limits[c(".sig01", "x"), ]))
  # limits solve the likelihood equation
  ml <- update(fit, REML = FALSE)
  at <- lmm(y ~ x + (1 | g) + (1 | h), d, REML = FALSE, fixed = c(sigma = 1.1, g = limits[".sig01", 2]))
  expect_equal(2 * (logLik(ml)[1] - logLik(at)[1]), qchisq(0.95, 1), tolerance = 1e-5)
  table <- ranova(fit)
  expect_equal(table$Df[-1], c(1, 1))
  without <- lmm(y ~ x + (1 | h), d, fixed = c(sigma = 1.1))
  expect_equal(table$logLik[2], logLik(without)[1], tolerance = 1e-9)
})

test_that("what is held needs no data to identify it, what is not does", {
  d <- data.frame(y = c(1.2, 0.3, 2.5, 3.1, 0.8, 1.9), g = factor(1:6))
  expect_error(lmm(y ~ 1 + (1 | g), d), "one observation per level", class = "lmm_error_unidentified")
  expect_s3_class(lmm(y ~ 1 + (1 | g), d, fixed = c(sigma = 0.5)), "lmm_fit")
  expect_equal(sigma(lmm(y ~ 1 + (1 | g), d, fixed = c(g = 0.5)))^2 + 0.25, var(d$y), tolerance = 1e-8)
  d$h <- d$g
  expect_error(lmm(y ~ 1 + (1 | g) + (1 | h), d, fixed = c(sigma = 0.5)), class = "lmm_error_unidentified")
  expect_error(lmm(y ~ 0 + h + (1 | g), rbind(d, d), fixed = c(sigma = 0.5)), class = "lmm_error_unidentified")
})

test_that("what cannot be held is an error that says what can", {
  held <- function(fixed) lmm(yield ~ treat + (1 | blend), penicillin, fixed = fixed)
  expect_error(held(3), "named by variance parameters", class = "lmm_error_input")
  expect_error(held(c(nonsense = 3)), "nonsense.*sd_\\(Intercept\\)\\|blend", class = "lmm_error_input")
  expect_error(held(c(sigma = 0)), "above 0", class = "lmm_error_input")
  expect_error(held(c(sigma = -1)), "above 0", class = "lmm_error_input")
  expect_error(held(c(blend = -1)), "not negative", class = "lmm_error_input")
  expect_error(held(c(sigma = NA_real_)), class = "lmm_error_input")
  expect_error(held(c(sigma = Inf)), class = "lmm_error_input")
  expect_error(held(list(sigma = "a")), class = "lmm_error_input")
  expect_error(held(c(sigma = 2, "sigma^2" = 4)), "twice", class = "lmm_error_input")
  fit <- held(c(sigma = 4))
  expect_output(print(fit), "Held, not estimated: sigma")
  expect_output(print(summary(fit)), "Held, not estimated: sigma")
  expect_error(rlrt(fit), "held", class = "lmm_error_input")
})
