# bounded = FALSE: components may be negative as long as the covariance matrix of the response is positive definite.

# Rows of an unbalanced design whose levels of g differ less than chance would have it.
too_alike <- function(seed, n = 96) {
  set.seed(seed)
  d <- data.frame(g = factor(sample(rep(1:12, length.out = n))), h = factor(sample(rep(1:5, length.out = n))),
                  x = rnorm(n), w = runif(n, 0.5, 2))
  d$y <- 3 + 0.5 * d$x + rnorm(5)[d$h] + rnorm(n)
  d$y <- d$y - 0.4 * ave(d$y, d$g)
  d
}

unbounded_cases <- list(
  list(y ~ x + (1 | g), ~1, "g"),
  list(y ~ x + (1 | g) + (1 | h), list(~1, ~1), c("g", "h")),
  list(y ~ x + (x | g), ~x, "g"),
  list(y ~ x + (x || g) + (1 | h), list(~x, ~1), c("g", "h")),
  list(y ~ 1 + (1 | h / g), list(~1, ~1), c("h:g", "h"))
)

unbounded_oracle <- function(case, d, weights = NULL) {
  columns <- if (is.list(case[[2]])) case[[2]] else list(case[[2]])
  groups <- lapply(case[[3]], function(name) if (name == "h:g") droplevels(interaction(d$g, d$h, lex.order = TRUE)) else
    d[[name]])
  structure <- ifelse(grepl("||", deparse(case[[1]]),
                      fixed = TRUE) & lengths(lapply(columns, all.vars)) > 0L, "diagonal", "unstructured")
  oracle_model(d$y, model.matrix(lme4::nobars(case[[1]]), d), lapply(columns, model.matrix,
                                                                     d), lapply(groups, as.integer), structure, weights)
}

test_that("estimates solve the estimating equations; criterion, effects and tests are those of the dense formulas", {
  skip_if_not_installed("lme4")
  negative <- inside <- 0
  for (seed in 1:6) for (case in unbounded_cases) for (weighted in c(FALSE, TRUE)) {
    d <- too_alike(seed)
    fit <- suppressWarnings(if (weighted) lmm(case[[1]], d, bounded = FALSE,
                            weights = w) else lmm(case[[1]], d, bounded = FALSE),
                            classes = "lmm_warning_convergence")
    if (length(fit$conditions)) {         # no optimum: the warning says so, and it is true
      expect_match(conditionMessage(fit$conditions[[1]]), "no optimum")
      next
    }
    inside <- inside + 1
    label <- paste(seed, deparse(case[[1]]), weighted)
    model <- unbounded_oracle(case, d, if (weighted) d$w)
    Sigma <- lapply(unclass(VarCorr(fit)), function(S) matrix(S, nrow(S)))
    negative <- negative + any(vapply(Sigma, function(S) any(diag(S) < 0), NA))
    off <- oracle_equations(model, Sigma, sigma(fit)^2) / oracle_equation_scale(model, Sigma, sigma(fit)^2)
    expect_lt(max(abs(off)), 1e-8, label = label)
    truth <- oracle_solution(model, Sigma, sigma(fit)^2)
    expect_equal(-2 * as.numeric(logLik(fit)), truth$criterion, tolerance = 1e-9, label = label)
    expect_equal(unname(fixef(fit)), truth$beta, tolerance = 1e-8, label = label)
    expect_equal(unname(vcov(fit)), truth$vcov, tolerance = 1e-8, label = label)
    modes <- unlist(lapply(fit$estimates$b, t))
    expect_equal(unname(modes), truth$b, tolerance = 1e-7, label = label)
    kr <- oracle_kr(model, Sigma, sigma(fit)^2)
    expect_equal(unname(vcov(fit, type = "kenward-roger")), unname(kr$adjusted), tolerance = 1e-7, label = label)
  }
  expect_gt(inside, 40)
  expect_gt(negative, 25)
})

test_that("Satterthwaite's degrees of freedom are those of the dense formulas", {
  skip_if_not_installed("lme4")
  d <- too_alike(2)
  case <- unbounded_cases[[2]]
  fit <- lmm(case[[1]], d, bounded = FALSE)
  Sigma <- lapply(unclass(VarCorr(fit)), function(S) matrix(S, nrow(S)))
  expect_lt(Sigma[[1]][1], 0)
  model <- unbounded_oracle(case, d)
  psi <- oracle_psi(model, Sigma, sigma(fit)^2)
  criterion <- function(psi) oracle_criterion(model, oracle_from_psi(model, psi)$Sigma, psi[3])
  variance <- function(psi) oracle_solution(model, oracle_from_psi(model, psi)$Sigma, psi[3])$vcov[2, 2]
  step <- 0.02 * abs(psi)
  g <- numeric_gradient(variance, psi, step)
  df <- 2 * variance(psi)^2 / c(g %*% (2 * solve(numeric_hessian(criterion, psi, step))) %*% g)
  expect_equal(summary(fit)$coefficients["x", "df"], df, tolerance = 1e-5)
})

test_that("balanced data give the analysis of variance estimates, negative or not", {
  for (seed in 1:8) {
    set.seed(seed)
    d <- data.frame(g = gl(8, 5), y = rnorm(40))
    ms <- anova(lm(y ~ g, d))$`Mean Sq`
    fit <- lmm(y ~ 1 + (1 | g), d, bounded = FALSE)
    expect_equal(c(VarCorr(fit)$g), (ms[1] - ms[2]) / 5, tolerance = 1e-8)
    expect_equal(sigma(fit)^2, ms[2], tolerance = 1e-8)
    expect_equal(summary(fit)$coefficients[, "df"], 7, tolerance = 1e-6)
  }
})

test_that("a model without negative components is the one with bounds", {
  for (m in list(list(yield ~ treat + (1 | blend), penicillin), list(bright ~ 1 + (1 | operator), pulp))) {
    free <- lmm(m[[1]], m[[2]], bounded = FALSE)
    fit <- lmm(m[[1]], m[[2]])
    expect_equal(logLik(free), logLik(fit), tolerance = 1e-10)
    expect_equal(vcov(free), vcov(fit), tolerance = 1e-7)
    expect_equal(unname(as.matrix(as.data.frame(VarCorr(free))[4:5])),
                 unname(as.matrix(as.data.frame(VarCorr(fit))[4:5])), tolerance = 1e-7)
    expect_equal(as.data.frame(ranef(free)), as.data.frame(ranef(fit)), tolerance = 1e-6)
    expect_equal(vcov_components(free), vcov_components(fit), tolerance = 1e-6)
    expect_equal(anova(free, ddf = "Kenward-Roger"), anova(fit, ddf = "Kenward-Roger"), tolerance = 1e-6)
    expect_equal(predict(free, se.fit = TRUE), predict(fit, se.fit = TRUE), tolerance = 1e-6)
  }
})

test_that("the unit of y does not matter, and refits and updates keep the bounds off", {
  d <- too_alike(1)
  fit <- lmm(y ~ x + (1 | g) + (1 | h), d, bounded = FALSE)
  small <- lmm(y ~ x + (1 | g) + (1 | h), transform(d, y = y * 1e-7), bounded = FALSE)
  expect_equal(as.data.frame(VarCorr(small))$vcov * 1e14, as.data.frame(VarCorr(fit))$vcov, tolerance = 1e-8)
  expect_equal(summary(small)$coefficients[, 3:5], summary(fit)$coefficients[, 3:5], tolerance = 1e-7)
  expect_equal(VarCorr(refit(fit, d$y)), VarCorr(fit), tolerance = 1e-8)
  expect_lt(VarCorr(update(fit, . ~ . - x))$g[1], 0)
})

test_that("what has no meaning with a negative variance is refused or missing, with a reason", {
  fit <- lmm(y ~ x + (1 | g), too_alike(1), bounded = FALSE)
  expect_output(print(fit), "g +\\(Intercept\\) -0.1[0-9]+ +NA")
  expect_error(simulate(fit), "positive semidefinite", class = "lmm_error_input")
  expect_error(predict(fit, se.fit = TRUE), "positive semidefinite", class = "lmm_error_input")
  expect_error(confint(fit), "bounded = FALSE", class = "lmm_error_input")
  expect_error(rlrt(fit), "bounded = FALSE", class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), too_alike(1), bounded = FALSE, fixed = c(sigma = 1)), "combined",
               class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), too_alike(1), bounded = NA), "bounded", class = "lmm_error_input")
  expect_silent(sd <- variance_components(fit, "sd"))
  expect_match(sd$reason[1], "negative")
  expect_silent(limits <- confint(fit, method = "Wald", quiet = TRUE))
  expect_true(is.na(limits[1, 1]) && !anyNA(limits[-1, ]))
  expect_silent(limits <- confint(fit, method = "Wald", scale = "variance", quiet = TRUE))
  expect_false(anyNA(limits))
  expect_true(all(is.na(confint(fit, 1:2, method = "chisq")[1, ])))
  expect_identical(is.na(variance_components(fit)$df), c(TRUE, FALSE))
  expect_true(all(is.na(as.data.frame(ranef(fit))$condsd)))
  expect_false(anyNA(predict(fit, re.form = NA, se.fit = TRUE)$se.fit))
})

test_that("what needs a distribution of the random effects is refused with what works in its place", {
  d <- too_alike(1)
  fit <- lmm(y ~ 1 + (1 | g), d, bounded = FALSE)
  new <- d[1:2, ]
  refused <- function(expr, fix) expect_error(expr, fix, fixed = TRUE, class = "lmm_error_input")
  refused(predict(fit, new, interval = "prediction"), "Use re.form = NA")
  refused(predict(fit, new, se.fit = TRUE), "Use re.form = NA")
  expect_equal(unname(predict(fit, new, re.form = NA, interval = "prediction")[, "fit"]), rep(unname(fixef(fit)), 2))
  refused(predict(fit, new, re.form = NA, interval = "prediction", ddf = "KR"), "Use ddf = \"Satterthwaite\"")
  refused(predict_mean(fit, new, re.form = NA), "Use predict(re.form = NA, interval = \"prediction\")")
  refused(bootstrap(fit, nsim = 2), "Use bootstrap(type = \"cases\") or \"wild\"")
  for (type in c("cases", "wild")) expect_identical(bootstrap(fit, nsim = 2, seed = 1, type = type)$nsim, 2)
  refused(confint(fit, method = "boot", nsim = 2), "Use method = \"Wald\"")
  refused(quantity(fit, "total", method = "boot"), "Use method = \"delta\"")
  for (call in list(quote(simulate(fit, 1)), quote(tolerance_interval(fit)), quote(getME(fit, "Lambda")))) {
    message <- tryCatch(eval(call), error = conditionMessage)
    expect_match(message, "Refit with bounded = TRUE.", fixed = TRUE)
    expect_no_match(message, "re.form")
  }
  expect_equal(predictable(fit, 1), contest(fit, 1, joint = FALSE))
  refused(predictable(fit, 1, list(g = stats::setNames(1, d$g[1]))), "Use contest()")
})

test_that("limits of quantities stay in the ranges that remain where variances may be negative", {
  free <- quantity(lmm(yield ~ irrigation + variety + (1 | field), irrigation, bounded = FALSE), "icc", "total", "cv",
                   ~ sigma2, ~ var(field))
  bounded <- quantity(lmm(yield ~ irrigation + variety + (1 | field), irrigation), "icc", "total", "cv", ~ sigma2,
                      ~ var(field), method = "delta")
  expect_equal(free[1:4, ], bounded[1:4, ], tolerance = 1e-5)
  expect_equal(free$upper[5], free$estimate[5] + qnorm(0.975) * free$se[5])       # this one may be negative
  negative <- quantity(lmm(y ~ 1 + (1 | g), too_alike(1), bounded = FALSE), "icc")
  expect_equal(negative$upper, negative$estimate + qnorm(0.975) * negative$se)
  expect_lt(negative$estimate, 0)
})

test_that("without bounds a variance of 0 is an inner point: mixtures, counts, starts and plots", {
  d <- too_alike(1)
  fit <- lmm(y ~ x + (1 | g) + (1 | h), d, bounded = FALSE)
  table <- ranova(fit, mixture = TRUE)
  expect_equal(table$`Pr(mixture)`, table$`Pr(>Chisq)`)
  expect_equal(AIC(fit, compat = "SAS"), -2 * logLik(fit)[1] + 2 * 3)
  again <- lmm(y ~ x + (1 | g) + (1 | h), d, bounded = FALSE, start = getME(fit, "theta"))
  expect_lte(again$optimum$evaluations, 2)
  slopes <- lmm(y ~ x + (x | g), too_alike(2), bounded = FALSE)
  again <- lmm(y ~ x + (x | g), too_alike(2), bounded = FALSE, start = getME(slopes, "theta"))
  expect_lte(again$optimum$evaluations, 2)
  expect_error(quantity(fit, "icc", method = "profile"), "profiles are not available", class = "lmm_error_input")
  expect_error(rlrt(fit), "rlrt\\(\\) is not available", class = "lmm_error_input")
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_message(plot(ranef(fit)), "no conditional standard deviations", class = "lmm_message_limits")
})
