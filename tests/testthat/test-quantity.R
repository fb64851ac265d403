# Functions of the parameters.

test_that("the published intraclass correlations and the coefficient of variation", {
  expect_published(quantity(example_fit("pulp"), "icc")$estimate, "pulp", "icc")
  sires <- quantity(example_fit("sires"), "icc", "cv")
  expect_published(sires["icc", "estimate"], "sires", "icc")
  expect_published(sires["cv", "estimate"], "sires", "cv")
})

test_that("words of a formula", {
  data <- behavior_data()
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | f:t), data))
  S <- fit$estimates$covariance
  q <- quantity(fit, ~ var(g), ~ var(g, x), ~ sd(g, x), ~ cov(g, 1, x), ~ cor(g, 1, x), ~ var(f:t), ~ sigma, ~ sigma2,
                ~ total, ~ beta(x), h2 = ~ 4 * var(g) / total)
  g <- S[[match("g", vapply(fit$frame$random, `[[`, "", "name"))]]
  ft <- S[[match("f:t", vapply(fit$frame$random, `[[`, "", "name"))]]
  Z <- cbind(1, data$x)
  total <- mean(rowSums((Z %*% g) * Z)) + ft[1] + sigma(fit)^2
  expect_equal(q$estimate,
               c(g[1, 1], g[2, 2], sqrt(g[2, 2]), g[1, 2], cov2cor(g)[1, 2], ft[1], sigma(fit), sigma(fit)^2, total,
                             fixef(fit)[["x"]], 4 * g[1, 1] / total))
  expect_identical(rownames(q)[11], "h2")
  expect_error(quantity(fit, ~ var(nosuch)), class = "lmm_error_input")
  expect_error(quantity(fit, ~ c(1, 2)), class = "lmm_error_input")
  expect_error(quantity(fit), class = "lmm_error_input")
})

test_that("standard errors by the delta method", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  natural <- variance_components(fit)
  sd <- variance_components(fit, "sd")
  q <- quantity(fit, ~ var(g), ~ var(g, x), ~ cov(g, 1, x), ~ sigma2)
  expect_equal(q$se, natural$se, tolerance = 1e-8)
  q <- quantity(fit, ~ sd(g), ~ sd(g, x), ~ cor(g, 1, x), ~ sigma)
  expect_equal(q$se, sd$se, tolerance = 1e-8)
  expect_equal(quantity(fit, ~ beta(x))$se, sqrt(vcov(fit)["x", "x"]), tolerance = 1e-10)
  V <- vcov_components(fit)
  s <- natural$estimate[c(1, 4)]
  g <- c(s[2], -s[1]) / sum(s)^2
  icc <- quantity(fit, ~ var(g) / (var(g) + sigma2))
  expect_equal(icc$se, sqrt(drop(g %*% V[c(1, 4), c(1, 4)] %*% g)), tolerance = 1e-8)
  logit <- quantity(fit, ~ var(g) / (var(g) + sigma2), link = "logit")
  expect_equal(qlogis(logit$upper), qlogis(icc$estimate) + qnorm(0.975) * icc$se / (icc$estimate * (1 - icc$estimate)))
})

test_that("chi-square limits of variances and standard deviations, refused for ratios", {
  fit <- example_fit("sires")
  q <- quantity(fit, ~ var(sire), ~ sd(sire), ~ total, method = "chisq")
  limits <- confint(fit, 1, method = "chisq", scale = "variance")
  expect_equal(unlist(q[1, c("lower", "upper")]), limits[1, ], ignore_attr = TRUE, tolerance = 1e-8)
  expect_equal(unlist(q[2, c("lower", "upper")]), sqrt(limits[1, ]), ignore_attr = TRUE, tolerance = 1e-8)
  # balanced one-way layout: the total is a combination of the two mean squares
  ms <- c(1397.7875, 463.79286)
  weight <- c(1, 7) / 8
  expect_equal(q$df[3], sum(weight * ms)^2 / sum((weight * ms)^2 / c(4, 35)), tolerance = 1e-4)
  expect_error(quantity(fit, "icc", method = "chisq"), class = "lmm_error_input")
})

test_that("profile limits agree with those of confint() and satisfy the likelihood equation", {
  fit <- lmm(y ~ x + (x | g), behavior_data(), REML = FALSE)
  q <- quantity(fit, ~ sd(g, x), ~ cor(g, 1, x), ~ sigma, method = "profile")
  limits <- confint(fit, c(".sig02", ".sig03", ".sigma"))
  expect_equal(as.matrix(q[c("lower", "upper")]), limits, ignore_attr = TRUE, tolerance = 1e-5)
  pulp <- example_fit("pulp")
  share <- quantity(pulp, "icc", method = "profile")
  expect_identical(share$lower, 0)
  ratio <- share$upper / (1 - share$upper)
  model <- oracle_model(package_data("pulp")$bright, matrix(1, 20), list(matrix(1, 20)),
                        list(as.integer(package_data("pulp")$operator)))
  at <- oracle_profile(model, sqrt(ratio), TRUE)
  expect_equal(at$value - deviance(pulp), qchisq(0.95, 1), tolerance = 1e-6)
  expect_error(quantity(pulp, "cv", method = "profile"), class = "lmm_error_input")
})

test_that("bootstrap limits of a quantity", {
  fit <- example_fit("pulp")
  icc <- function(p) p$covariance$operator[1] / (p$covariance$operator[1] + p$sigma^2)
  draws <- bootstrap(fit, icc, nsim = 80, seed = 3)
  q <- quantity(fit, "icc", method = "boot", nsim = 80, seed = 3)
  expect_equal(unlist(q[c("lower", "upper")]), confint(draws)[1, ], ignore_attr = TRUE)
  y <- literal_draws(fit, 7, seed = 3)[[7]]
  again <- suppressMessages(refit(fit, y))
  expect_equal(draws$t[7], VarCorr(again)$operator[1] / (VarCorr(again)$operator[1] + sigma(again)^2), tolerance = 1e-7,
               ignore_attr = TRUE)
  expect_output(print(draws), "80 refits")
})

test_that("shares and totals with random slopes are means over the rows, whatever the origin or unit of a covariate", {
  data <- behavior_data()
  fit <- lmm(y ~ x + (x | g), data)
  Z <- cbind(1, data$x)
  part <- mean(rowSums((Z %*% VarCorr(fit)$g) * Z))
  total <- part + sigma(fit)^2
  q <- quantity(fit, "icc", "total", "total sd", "cv", method = "delta")
  expect_equal(q$estimate,
               c(part / total, total, sqrt(total), sqrt(total) / abs(mean(cbind(1, data$x) %*% fixef(fit)))),
               tolerance = 1e-10)
  for (formula in c(y ~ I(x - 9) + (I(x - 9) | g), y ~ I(x / 7 + 2000) + (I(x / 7 + 2000) | g))) {
    expect_equal(quantity(lmm(formula, data), "icc", "total", "total sd", "cv", ~ total),
                 quantity(fit, "icc", "total", "total sd", "cv", ~ total),
                 tolerance = 1e-6)
  }
  # weights of zero take a row out
  some <- lmm(y ~ x + (x | g), data, weights = rep(c(1, 1, 0), 32))
  expect_equal(quantity(some, "icc"), quantity(lmm(y ~ x + (x | g), data[rep(c(TRUE, TRUE, FALSE), 32), ]), "icc"),
               tolerance = 1e-6)
  pieces <- with_chunk_rows(7L, quantity(fit, "icc", "cv", method = "delta"))
  expect_equal(pieces, q[c(1, 4), ], tolerance = 1e-12)
  both <- quantity(suppressMessages(lmm(y ~ x + (x || g) + (1 | h), data)), "icc", method = "delta")
  expect_lt(sum(both$estimate), 1)
})

test_that("the intraclass correlation of sleepstudy that performance::icc() reports", {
  skip_if_not_installed("lme4")
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)
  expect_equal(quantity(fit, "icc", method = "delta")$estimate, 0.722, tolerance = 1e-3)
})

test_that("the words that VarCorr() and confint() print are words of a formula", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  S <- VarCorr(fit)$g
  q <- quantity(fit, ~ var(Residual), ~ sd(Residual), ~ var("Residual"), ~ cor(g), ~ cor(g, (Intercept), x),
                ~ cor(g, x), ~ cov(g, Intercept, x), ~ .sig02,
                ~ `sd_x|g`, ~ `var_x|g`, ~ `cor_x.(Intercept)|g`, ~ .sigma, ~ `sigma^2`, method = "delta")
  r <- S[1, 2] / sqrt(S[1, 1] * S[2, 2])
  expect_equal(q$estimate,
               c(sigma(fit)^2, sigma(fit), sigma(fit)^2, r, r, r, S[1, 2], sqrt(S[2, 2]), sqrt(S[2, 2]), S[2, 2], r,
                 sigma(fit), sigma(fit)^2))
  expect_error(quantity(fit, ~ var(nosuch)), "`g`, `Residual`", class = "lmm_error_input")
  expect_error(quantity(fit, ~ var(Residual, x)), "no columns", class = "lmm_error_input")
  expect_error(quantity(fit, ~ cor(g, z)), "`x`", class = "lmm_error_input")
  pulp <- example_fit("pulp")
  share <- quantity(pulp, ~ var(operator) / (var(operator) + var(Residual)))
  expect_equal(share, quantity(pulp, "icc"), ignore_attr = TRUE)
  expect_error(quantity(pulp, ~ cor(operator)), "two columns", class = "lmm_error_input")
})

test_that("limits stay inside the range of the quantity, by the profile or on the scale of the range", {
  pulp <- example_fit("pulp")
  fit <- lmm(y ~ x + (x | g), behavior_data())
  quantities <- list(~ var(g), ~ sd(g, x), ~ sigma2 / total, ~ 1 - sigma2 / total, ~ cor(g), ~ 4 * var(g) / total,
                     ~ sigma / sd(g))
  inside <- list(c(0, Inf), c(0, Inf), c(0, 1), c(0, 1), c(-1, 1), c(0, Inf), c(0, Inf))
  for (method in c("auto", "delta")) for (k in seq_along(quantities)) {
    q <- quantity(fit, quantities[[k]], method = method, level = 0.999)
    expect_true(q$lower >= inside[[k]][1] && q$lower < q$estimate && q$estimate < q$upper && q$upper <= inside[[k]][2],
    label = deparse(quantities[[k]]))
    expect_identical(q$method, if (method == "auto") "profile" else "delta")
  }
  z <- qnorm(0.975)
  by_hand <- function(q, to, from, slope) from(to(q$estimate) + c(-z, z) * q$se * slope(q$estimate))
  log_scale <- quantity(fit, ~ sd(g), method = "Wald")
  expect_equal(unlist(log_scale[c("lower", "upper")]), by_hand(log_scale, log, exp, function(x) 1 / x),
               ignore_attr = TRUE)
  share <- quantity(fit, ~ sigma2 / total, method = "delta")
  expect_equal(unlist(share[c("lower", "upper")]), by_hand(share, qlogis, plogis, function(x) 1 / (x * (1 - x))),
               ignore_attr = TRUE)
  fisher <- quantity(fit, ~ cor(g), method = "delta")
  expect_equal(unlist(fisher[c("lower", "upper")]), by_hand(fisher, atanh, tanh, function(x) 1 / (1 - x^2)),
               ignore_attr = TRUE)
  plain <- quantity(fit, ~ beta(x), ~ cov(g))
  expect_identical(plain$method, c("delta", "profile"))
  expect_equal(unlist(plain[1, c("lower", "upper")]), by_hand(plain[1, ], identity, identity, function(x) 1),
               ignore_attr = TRUE)
  expect_identical(quantity(pulp, "icc", link = "logit")$method, "delta")
  expect_identical(quantity(pulp, "icc")$lower, 0)
})

test_that("the default are profile limits: refits with the quantity held at its limits", {
  data <- package_data("irrigation")
  fit <- lmm(yield ~ irrigation + variety + (1 | field), data)
  X <- model.matrix(~ irrigation + variety, data)
  model <- oracle_model(data$yield, X, list(X[, 1, drop = FALSE]), list(as.integer(data$field)))
  # -2 log restricted likelihood, minimized over the other of (share, total) by dense matrices
  rise <- function(share_or_total, icc) {
    f <- function(other) {
      share <- if (icc) share_or_total else other
      total <- if (icc) exp(other) else share_or_total
      oracle_criterion(model, list(matrix(share * total)), (1 - share) * total, TRUE)
    }
    optimize(f, if (icc) c(0, 7) else c(0, 1 - 1e-8), tol = 1e-10)$objective - deviance(fit)
  }
  q <- quantity(fit, "icc", "total")
  expect_identical(q$method, c("profile", "profile"))
  for (limit in c(q$lower[1], q$upper[1])) expect_equal(rise(limit, TRUE), qchisq(0.95, 1), tolerance = 1e-5)
  for (limit in c(q$lower[2], q$upper[2])) expect_equal(rise(limit, FALSE), qchisq(0.95, 1), tolerance = 1e-5)
  expect_lt(q$upper[1], 1)
})

test_that("arguments: words, beginnings of words, both names of the level, what is not a quantity", {
  fit <- example_fit("pulp")
  expect_identical(quantity(fit, "icc", conf.level = 0.9), quantity(fit, "icc", level = 0.9))
  expect_identical(quantity(fit, "icc", method = "prof"), quantity(fit, "ICC", method = "profile"))
  expect_identical(quantity(fit, "icc", method = "bootstrap", nsim = 20, seed = 1),
                   quantity(fit, "icc", method = "boot", nsim = 20, seed = 1))
  expect_identical(quantity(fit, "icc", method = "Wald"), quantity(fit, "icc", method = "delta"))
  expect_error(quantity(fit, "icc", lvl = 0.9), "unknown argument `lvl`", class = "lmm_error_input")
  expect_error(quantity(fit, "icc", parm = 3), "unknown argument `parm`", class = "lmm_error_input")
  expect_error(quantity(fit, 3), "must be a one-sided formula", class = "lmm_error_input")
  expect_error(quantity(fit, "nosuch"), "\"icc\"", class = "lmm_error_input")
  negative <- suppressMessages(lmm(y ~ x + (1 | g), behavior_data(), bounded = FALSE))
  expect_identical(quantity(negative, "icc")$method, "delta")
  expect_error(quantity(negative, "icc", method = "profile"), "method = \"delta\"", class = "lmm_error_input")
})

test_that("repeatability and heritability are the proportion of each term", {
  fit <- example_fit("pulp")
  v <- VarCorr(fit)$operator[1]
  q <- quantity(fit, "Repeatability", "heritability", "ICC", method = "delta")
  expect_identical(rownames(q), c("repeatability", "heritability", "icc"))
  expect_equal(q$estimate, rep(v / (v + sigma(fit)^2), 3))
  two <- lmm(y ~ x + (1 | g) + (1 | h), behavior_data())
  expect_identical(rownames(quantity(two, "heritability", method = "delta")), c("heritability g", "heritability h"))
})

test_that("limits of a coefficient do not depend on its size", {
  fit <- lmm(yield ~ treat + (1 | blend), transform(penicillin, yield = yield / 1e5))
  whole <- lmm(yield ~ treat + (1 | blend), penicillin)
  small <- quantity(fit, b = ~ beta(treatB), r = ~ beta(treatB) / sigma)
  expect_equal(unlist(small["b", c("estimate", "lower", "upper")]) * 1e5,
               unlist(quantity(whole, b = ~ beta(treatB))[c("estimate", "lower", "upper")]), tolerance = 1e-6)
  expect_equal(small["b", "upper"] - small["b", "estimate"], small["b", "estimate"] - small["b", "lower"])
})

test_that("limits from mean squares are those of ems()", {
  fit <- lmm(bright ~ 1 + (1 | operator), pulp)
  found <- quantity(fit, ~ var(operator), ~ sigma2, method = "MLS")
  expect_equal(unname(as.matrix(found[c("lower", "upper")])), unname(confint(ems(fit))))
  expect_identical(unique(found$method), "MLS")
  expect_equal(quantity(ems(fit), ~ var(operator), ~ sigma2), found)
  # The residual variance: chi-square; the ratio: the exact F interval. Montgomery's formulas by hand.
  ms <- anova(lm(bright ~ operator, pulp))[["Mean Sq"]]
  expect_equal(c(found$lower[2], found$upper[2]), 16 * ms[2] / qchisq(c(0.975, 0.025), 16), tolerance = 1e-8)
  share <- quantity(fit, "icc", method = "generalized", nsim = 1e5, seed = 1)
  F <- ms[1] / ms[2] / qf(c(0.975, 0.025), 3, 16)
  expect_equal(c(share$lower, share$upper), pmax(0, (F - 1) / (F + 4)), tolerance = 0.02)
  expect_error(quantity(fit, method = "MLS"), class = "lmm_error_input")
  expect_error(quantity(ems(fit), "icc", method = "profile"), class = "lmm_error_input")
})

test_that("the root of a negative variance has no value, which one message says", {
  set.seed(7)
  d <- data.frame(g = gl(6, 4), y = rnorm(24))
  d$y <- d$y - 0.5 * ave(d$y, d$g)
  fit <- lmm(y ~ 1 + (1 | g), d, bounded = FALSE)
  expect_no_warning(expect_message(out <- quantity(fit, ~ sd(g), ~ var(g)),
                                   "not defined: a variance is estimated as negative", class = "lmm_message_limits"))
  expect_identical(is.na(out$estimate), c(TRUE, FALSE))
  expect_equal(out["var(g)", ], quantity(fit, ~ var(g)), ignore_attr = TRUE)
})

test_that("total counts the weights of the rows", {
  d <- behavior_data()
  d$w <- rep(c(0.5, 1, 4, 0), 24)
  plain <- quantity(lmm(y ~ x + (1 | g), d), "icc", "total")
  scaled <- quantity(lmm(y ~ x + (1 | g), d, weights = rep(25, 96)), "icc", "total")
  expect_equal(as.matrix(scaled[c("estimate", "lower", "upper")]), as.matrix(plain[c("estimate", "lower", "upper")]),
               tolerance = 1e-5)
  fit <- lmm(y ~ x + (1 | g), d, weights = w)
  total <- VarCorr(fit)$g[1L] + sigma(fit)^2 * mean(c(2, 1, 0.25))
  expect_equal(quantity(fit, "icc", "total", method = "delta")$estimate, c(VarCorr(fit)$g[1L] / total, total))
  structured <- lmm(y ~ x, d, residual = ~ ar1(t | g), variance = ~ x, weights = w)
  used <- d$w > 0
  ratio <- exp(2 * residual_parameters(structured)$estimate[2L] * d$x[used])
  expect_equal(quantity(structured, ~ var(Residual), "total", method = "delta")$estimate,
               rep(sigma(structured)^2 * mean(ratio / d$w[used]), 2L))
  table <- cross_products(y ~ x + (1 | g), d, weights = w)
  expect_message(quantity(lmm(y ~ x + (1 | g), table), "total", method = "delta"), "weights",
                 class = "lmm_message_weights")
})

test_that("an estimate of 0 has the lower profile limit 0 and no chi-square limits; a time limit is no wrong word", {
  d <- lme4::sleepstudy
  set.seed(2)
  d$h <- factor(sample(6, 180, TRUE))
  fit <- suppressMessages(lmm(Reaction ~ Days + (1 | Subject) + (1 | h), d))
  q <- quantity(fit, ~ var(h), ~ sd(h), "icc", ~ var(h) / var(Subject), method = "profile")
  expect_identical(q$lower[c(1, 2, 4, 5)], numeric(4))
  expect_equal(q$upper[1], q$upper[2]^2, tolerance = 1e-5)
  expect_equal(q$upper[2], confint(fit, "sd_(Intercept)|h", method = "profile", criterion = "REML")[[2]],
               tolerance = 1e-5)
  q <- quantity(fit, ~ var(h), ~ sigma2, method = "chisq")
  expect_identical(is.na(q$upper), c(TRUE, FALSE))
  slow <- function(state) stop("reached elapsed time limit")
  error <- tryCatch(quantity(fit, slow), error = identity)
  expect_false(inherits(error, "lmm_error_input"))
  expect_match(conditionMessage(error), "time limit")
})
