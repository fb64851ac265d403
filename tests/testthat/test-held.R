# lmm(fixed = ): variance parameters that are known.

held_data <- function(seed) {
  set.seed(seed)
  n <- 80
  d <- data.frame(g = factor(sample(rep(1:12, length.out = n))), h = factor(sample(rep(1:5, length.out = n))),
                  x = rnorm(n), w = runif(n, 0.5, 2))
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

test_that(
  "the free parameters solve their estimating equations, and everything follows from them by the dense formulas", {
  for (seed in 1:4) for (case in held_cases) for (weighted in c(FALSE, TRUE)) for (reml in c(TRUE, FALSE)) {
    d <- held_data(seed)
    fit <- if (weighted) lmm(y ~ x + (1 | g) + (1 | h), d, reml, weights = w, fixed = case[[1]])
           else lmm(y ~ x + (1 | g) + (1 | h), d, reml, fixed = case[[1]])
    label <- paste(seed, paste(names(case[[1]]), collapse = ","), weighted, reml)
    model <- held_oracle(d, if (weighted) d$w)
    Sigma <- lapply(unclass(VarCorr(fit)), c)
    value <- ifelse(grepl("var_|\\^2", names(case[[1]])), sqrt(case[[1]]), case[[1]])
    expect_equal(c(sqrt(unlist(Sigma)),
                   sigma(fit))[setdiff(1:3, case[[2]])], unname(value), tolerance = 1e-10, ignore_attr = TRUE,
                     label = label)
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
    expect_equal(logLik(held, REML = FALSE)[1], logLik(held)[1] + logLik(fit, REML = FALSE)[1] - logLik(fit)[1],
                 tolerance = 1e-3)
  }
})

test_that("a correlation of 0 is the diagonal structure, a standard deviation of 0 the model without the column", {
  skip_if_not_installed("lme4")
  d <- lme4::sleepstudy
  zero <- lmm(Reaction ~ Days + (Days | Subject), d, fixed = c("cor_Days.(Intercept)|Subject" = 0))
  diagonal <- lmm(Reaction ~ Days + (Days || Subject), d)
  expect_equal(logLik(zero)[1], logLik(diagonal)[1], tolerance = 1e-10)
  expect_equal(summary(zero)$coefficients, summary(diagonal)$coefficients, tolerance = 1e-5)
  expect_equal(anova(zero, ddf = "Kenward-Roger"), anova(diagonal, ddf = "Kenward-Roger"), tolerance = 1e-4,
               ignore_attr = TRUE)
  none <- lmm(Reaction ~ Days + (Days || Subject), d, fixed = c("sd_Days|Subject" = 0))
  expect_equal(logLik(none)[1], logLik(lmm(Reaction ~ Days + (1 | Subject), d))[1], tolerance = 1e-10)
  expect_length(none$conditions, 0)
})

test_that("Satterthwaite's degrees of freedom allow for the curvature of a held correlation", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy, fixed = c("cor_Days.(Intercept)|Subject" = 0.5))
  model <- oracle_model(lme4::sleepstudy$Reaction, cbind(1, lme4::sleepstudy$Days),
                        list(cbind(1, lme4::sleepstudy$Days)), list(as.integer(lme4::sleepstudy$Subject)))
  at <- function(p) list(S = list(outer(p[1:2], p[1:2]) * matrix(c(1, 0.5, 0.5, 1), 2)), s2 = p[3]^2)
  criterion <- function(p) oracle_criterion(model, at(p)$S, at(p)$s2)
  slope_variance <- function(p) oracle_solution(model, at(p)$S, at(p)$s2)$vcov[2, 2]
  p <- c(attr(VarCorr(fit)$Subject, "stddev"), sigma(fit))
  g <- numeric_gradient(slope_variance, p, 0.05 * p)
  df <- 2 * slope_variance(p)^2 / c(g %*% (2 * solve(numeric_hessian(criterion, p, 0.05 * p))) %*% g)
  expect_equal(summary(fit)$coefficients["Days", "df"], df, tolerance = 1e-5)
})

test_that(
  "known sampling variances: shrinkage as in the textbook formula, the variance between as its likelihood has it", {
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
  expect_output(print(fit), "Fixed, not estimated: sigma")
  expect_output(print(summary(fit)), "Fixed, not estimated: sigma")
  expect_true(is.finite(rlrt(fit, nsim = 100, seed = 1)$p.value))
})

test_that("standard errors, profiles and quantities of terms with held parameters are those of the dense likelihood", {
  d <- held_data(3)
  set.seed(9)
  d$y <- d$y + 0.5 * rnorm(12)[d$g] * d$x
  model <- oracle_model(d$y, cbind(1, d$x), list(cbind(1, d$x), matrix(1, nrow(d), 1)),
                        list(as.integer(d$g), as.integer(d$h)))
  names <- c("sd_(Intercept)|g", "sd_x|g", "cor_x.(Intercept)|g", "sd_(Intercept)|h", "sigma")
  at <- function(q, reml) {
    if (any(q[c(1, 2, 4, 5)] <= 0) || abs(q[3]) >= 1) return(1e10)
    oracle_criterion(model, list(outer(q[1:2], q[1:2]) * matrix(c(1, q[3], q[3], 1), 2), matrix(q[4]^2)), q[5]^2, reml)
  }
  icc <- function(s) s$covariance[[1]][1] / (s$covariance[[1]][1] + s$covariance[[2]][1] + s$sigma^2)
  for (fixed in list(c("cor_x.(Intercept)|g" = 0.4), c("sd_x|g" = 0.5),
                     c("sd_(Intercept)|g" = 0.7, "cor_x.(Intercept)|g" = -0.3))) {
    fit <- lmm(y ~ x + (x | g) + (1 | h), d, REML = FALSE, fixed = fixed)
    q <- variance_components(fit, "sd")$estimate
    free <- which(!names %in% names(fixed))
    H <- numeric_hessian(function(p) at(replace(q, free, p), FALSE), q[free], 0.02 * abs(q[free]))
    expect_equal(variance_components(fit, "sd")$se[free], sqrt(diag(2 * solve(H))), tolerance = 1e-3)
    # the slope's standard deviation at its upper limit
    k <- if ("sd_x|g" %in% names(fixed)) 5 else 2
    limit <- confint(fit, c(".sig01", ".sig02", ".sig03", ".sig04", ".sigma")[k])[1, 2]
    rest <- setdiff(free, k)
    best <- nlminb(q[rest], function(p) at(replace(replace(q, k, limit), rest, p), FALSE))$objective
    expect_equal(best + 2 * logLik(fit)[1], qchisq(0.95, 1), tolerance = 1e-4)
    # a ratio at its limits; the standard deviation of the intercepts follows from it, or sigma where it is held
    found <- quantity(fit, icc, method = "profile")
    own <- if (1 %in% free) 1 else 5
    rest <- setdiff(free, own)
    for (limit in c(found$lower, found$upper)) {
      solved <- function(q) {
        square <- if (own == 1) limit / (1 - limit) * (q[4]^2 + q[5]^2) else q[1]^2 * (1 - limit) / limit - q[4]^2
        replace(q, own, sqrt(max(square, 0)))
      }
      f <- function(p) at(solved(replace(q, rest, p)), FALSE)
      starts <- list(q, replace(q, 4, 0.2), replace(q, 4, 0.8))      # not all of them can be
      best <- min(vapply(starts, function(from) nlminb(from[rest], f)$objective, 0))
      expect_equal(best + 2 * logLik(fit)[1], qchisq(0.95, 1), tolerance = 1e-4)
    }
  }
  known <- lmm(y ~ x + (x | g) + (1 | h), d, fixed = c(sigma = 1))
  expect_true(all(is.na(quantity(known, ~sigma2, method = "profile")[c("lower", "upper")])))
})

test_that("a covariance moves with a standard deviation although its correlation is held", {
  fit <- lmm(y ~ x + (x | g), held_data(3), fixed = c("cor_x.(Intercept)|g" = 0.3, "sd_x|g" = 0.5))
  C <- vcov_components(fit)
  # cov = 0.3 sd 0.5 sd: its standard error is 0.15 times that of the intercepts' standard deviation
  expect_equal(sqrt(C[3, 3]), 0.15 * variance_components(fit, "sd")$se[1], tolerance = 1e-6)
  none <- lmm(y ~ x + (x | g), held_data(3),
              fixed = c("cor_x.(Intercept)|g" = 0.3, "sd_x|g" = 0.5, "sd_(Intercept)|g" = 1))
  expect_true(is.na(vcov_components(none)[3, 3]))
})

test_that("a held correlation beside a variance of 0 leaves the model without the column", {
  set.seed(4)
  d <- data.frame(g = gl(12, 6), x = rnorm(72))
  d$y <- rnorm(12)[d$g] + rnorm(72)
  d$y <- d$y - 0.9 * d$x * ave(d$x * resid(lm(y ~ g, d)), d$g) / ave(d$x^2, d$g)      # slopes vary less than chance
  fit <- suppressMessages(lmm(y ~ x + (x | g), d, fixed = c("cor_x.(Intercept)|g" = 0)))
  expect_equal(c(VarCorr(fit)$g[2, 2]), 0)
  without <- lmm(y ~ x + (1 | g), d)
  expect_equal(summary(fit)$coefficients, summary(without)$coefficients, tolerance = 1e-5)
  expect_equal(variance_components(fit)$se[c(1, 4)], variance_components(without)$se, tolerance = 1e-5)
})

test_that("terms whose standard deviation is held have no p-value, and reductions let go of what is held", {
  d <- held_data(3)
  set.seed(6)
  d$y <- d$y + 0.8 * rnorm(12)[d$g] * d$x
  fit <- lmm(y ~ x + (1 | g) + (1 | h), d, fixed = c(g = 0.8))
  table <- ranova(fit, mixture = TRUE)
  expect_equal(table$Df[-1], c(0, 1))
  expect_true(is.na(table$`Pr(>Chisq)`[2]) && is.na(table$`Pr(mixture)`[2]))
  expect_equal(table$`Pr(>Chisq)`[3], pchisq(table$LRT[3], 1, lower.tail = FALSE))
  cor <- lmm(y ~ x + (x | g), d, fixed = c("cor_x.(Intercept)|g" = 0, sigma = 1.2))
  table <- ranova(cor, mixture = TRUE)
  expect_equal(table$Df[2], 1)
  expect_gt(table$LRT[2], 0.1)
  expect_equal(table$`Pr(mixture)`[2], pchisq(table$LRT[2], 1, lower.tail = FALSE) / 2, tolerance = 1e-10)
  smaller <- update(cor, . ~ . - (x | g) + (1 | g))
  expect_equal(smaller$call$fixed, quote(c(sigma = 1.2)))
  expect_equal(logLik(smaller)[1], logLik(lmm(y ~ x + (1 | g), d, fixed = c(sigma = 1.2)))[1])
  expect_null(update(fit, . ~ . - (1 | g))$call$fixed)
  expect_s3_class(backward(cor, alpha.random = 1e-12), "backward.lmm_fit")
  expect_error(update(fit, fixed = c(nonsense = 1)), "nonsense", class = "lmm_error_input")
})

test_that("values that no matrix has, or no computer, are refused", {
  d <- held_data(1)
  held <- function(fixed) lmm(y ~ x + (x + w | g), d, fixed = fixed)
  expect_error(held(c("cor_x.(Intercept)|g" = 0.9, "cor_w.(Intercept)|g" = 0.9, "cor_w.x|g" = -0.9)),
               "positive definite", class = "lmm_error_input")
  expect_error(held(c(sigma = 1e-300)), "double precision", class = "lmm_error_input")
  expect_error(held(c(sigma = 1e200)), "double precision", class = "lmm_error_input")
  expect_error(held(c("var_x|g" = -1)), "A variance is not negative", class = "lmm_error_input")
  expect_error(held(1), "without names", class = "lmm_error_input")
  expect_equal(sigma(lmm(y ~ x + (1 | g), d, fixed = list())), sigma(lmm(y ~ x + (1 | g), d)))
})

test_that("a known sigma beside structured random effects gives the estimates of the same model without a word", {
  set.seed(4)
  d <- expand.grid(outcome = factor(c("a", "b")), study = factor(1:12))
  d$v <- stats::runif(24, 0.2, 1.5)
  d$x <- stats::rnorm(24)
  d$y <- stats::rnorm(24, sd = sqrt(d$v)) + stats::rnorm(12)[d$study] + 0.6 * stats::rnorm(24)
  for (reml in c(TRUE, FALSE)) {
    us <- lmm(y ~ x + (0 + outcome | study), d, REML = reml, weights = 1 / v, fixed = c(sigma = 1))
    cs <- lmm(y ~ x + cs(0 + outcome | study), d, REML = reml, weights = 1 / v, fixed = c(sigma = 1))
    known <- lmm(y ~ x + cs(0 + outcome | study), d, REML = reml, residual = ~ known(diag(d$v)))
    for (fit in list(cs, known)) {
      expect_equal(logLik(fit), logLik(us), tolerance = 1e-8, ignore_attr = TRUE)
      expect_equal(fixef(fit), fixef(us), tolerance = 1e-6)
      expect_equal(as.matrix(vcov(fit)), as.matrix(vcov(us)), tolerance = 1e-6)
      expect_equal(VarCorr(fit)[[1]], VarCorr(us)[[1]], tolerance = 1e-5, ignore_attr = TRUE)
      expect_identical(sigma(fit), 1)
      expect_equal(coef(summary(fit))[, "df"], coef(summary(us))[, "df"], tolerance = 1e-4)
      expect_equal(anova(fit, ddf = "Kenward-Roger")$`F value`, anova(us, ddf = "Kenward-Roger")$`F value`,
                   tolerance = 1e-4)
      expect_equal(attr(logLik(fit), "df"), attr(logLik(us), "df"))
    }
  }
  expect_error(lmm(y ~ x + cs(0 + outcome | study), d, fixed = c(sigma = 1, cor_cs = 0.5)), "cor_cs",
               class = "lmm_error_input")
})

test_that("random effects of a structure with known sampling variances have the likelihood of dense formulas", {
  set.seed(9)
  d <- expand.grid(time = factor(1:4), study = factor(1:15))
  d$v <- stats::runif(60, 0.2, 1.5)
  e <- t(chol(0.6^abs(outer(1:4, 1:4, "-"))))
  d$y <- as.numeric(d$time) + as.vector(e %*% matrix(stats::rnorm(60), 4)) + stats::rnorm(60, sd = sqrt(d$v))
  d <- d[-c(3, 17, 40), ]
  fit <- lmm(y ~ time + ar1(0 + time | study), d, REML = FALSE, weights = 1 / v, fixed = c(sigma = 1))
  own <- variance_components(fit)$estimate
  likelihood <- function(par) {
    h <- abs(outer(as.integer(d$time), as.integer(d$time), "-"))
    V <- outer(d$study, d$study, "==") * par[1L] * par[2L]^h + diag(d$v)
    X <- stats::model.matrix(~ time, d)
    r <- d$y - X %*% solve(crossprod(X, solve(V, X)), crossprod(X, solve(V, d$y)))
    -0.5 * (nrow(d) * log(2 * pi) + as.numeric(determinant(V)$modulus) + sum(r * solve(V, r)))
  }
  expect_equal(as.numeric(logLik(fit)), likelihood(own[1:2]), tolerance = 1e-9)
  best <- stats::optim(own[1:2], likelihood, control = list(fnscale = -1, reltol = 1e-12))
  expect_lt(best$value - as.numeric(logLik(fit)), 1e-7)
})
