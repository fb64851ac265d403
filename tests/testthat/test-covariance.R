# Structured random effects against dense formulas that share no code with the package.

cases <- list(
  homdiag = c(1.5), homcs = c(1.5, 0.6), cs = c(1, 2, 1.5, 0.8, 0.4), ar1 = c(1.5, 0.6),
  hetar1 = c(1, 2, 1.5, 0.8, 0.6),
  homtoep = c(1.5, 0.7, 0.5, 0.1), toep = c(1, 2, 1.5, 0.8, 0.5, 0.3, 0.1),
  fa = c(1, 0.8, -0.6, 0.5, 0.7, 0.6, 0.8, 0.5)
)

# A singular covariance matrix has data of its own.
case_data <- function(word) {
  if (word == "rr") word <- "fa"
  structured_data(dense_sigma[[word]], cases[[word]])
}

own_psi <- function(fit, t = 1L) fit$estimates$natural[[t]]

fit_case <- function(word, d, REML = TRUE, weights = NULL) {
  rank <- if (word == "rr") ", 1"
  formula <- stats::as.formula(paste0("y ~ x + ", word, "(0 + t | g", rank, ")"))
  if (is.null(weights)) lmm(formula, d, REML = REML) else lmm(formula, d, REML = REML, weights = w)
}

for (word in c(names(cases), "rr")) local({
  word <- word
  test_that(paste(word, "against the dense formulas: optimum, information, Kenward-Roger, Satterthwaite"), {
    d <- case_data(word)
    Z <- model.matrix(~ 0 + t, d)
    X <- model.matrix(~x, d)
    for (reml in c(TRUE, FALSE)) {
      fit <- fit_case(word, d, reml, weights = "w")
      psi <- own_psi(fit)
      f <- function(psi) dense_sigma[[word]](psi, 4)
      o <- dense_oracle(d$y, X, Z, d$g, f, psi, sigma(fit)^2, reml, d$w)
      expect_equal(unname(VarCorr(fit)[[1L]][, ]), unname(f(psi)), tolerance = 1e-10)
      expect_equal(-2 * as.numeric(logLik(fit)), o$value, tolerance = 1e-10)
      expect_equal(unname(fixef(fit)), unname(o$beta), tolerance = 1e-8)
      expect_lt(drop(t(o$gradient) %*% solve(o$observed, o$gradient)), 1e-6)
      expect_equal(attr(logLik(fit), "df"), length(psi) + 3)
      if (!reml) next
      expect_equal(vcov(fit), o$phi, tolerance = 1e-8, ignore_attr = TRUE)
      l <- c(0, 1)
      s <- coef(summary(fit, ddf = "Satterthwaite"))
      expect_equal(s[2, "df"], dense_satterthwaite(o, l), tolerance = 1e-6)
      for (type in c("linear", "full")) {
        k <- coef(summary(fit, ddf = ddf_method("Kenward-Roger", type = type)))
        expect_equal(k[2, "Std. Error"], sqrt(dense_adjusted(o, type == "full")[2, 2]), tolerance = 1e-7)
      }
      expect_equal(sqrt(diag(2 * solve(o$observed)))[length(psi) + 1], utils::tail(variance_components(fit)$se, 1),
                   tolerance = 1e-6)
    }
  })
})

test_that("structures of one variance are nlme's classes where it has them", {
  skip_if_not_installed("nlme")
  d <- structured_data(dense_sigma$homcs, c(1.5, 0.6))
  for (pair in list(list("homcs", nlme::pdCompSymm), list("homdiag", nlme::pdIdent))) {
    fit <- fit_case(pair[[1L]], d)
    theirs <- nlme::lme(y ~ x, d, random = list(g = pair[[2L]](~ 0 + t)))
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(theirs)), tolerance = 1e-6)
    expect_equal(unname(as.matrix(VarCorr(fit)$g)[, ]), unname(as.matrix(nlme::getVarCov(theirs))[, ]),
                 tolerance = 1e-2)
  }
})

test_that("structures beside crossed factors, several terms and a residual structure are the dense model", {
  d <- structured_data(dense_sigma$cs, c(1, 2, 1.5, 0.8, 0.4))
  d$h <- factor(rep_len(1:11, nrow(d)))
  d$y <- d$y + rnorm(11)[d$h]
  d$o <- stats::ave(seq_len(nrow(d)), d$g, FUN = seq_along)
  X <- model.matrix(~x, d)
  Z <- model.matrix(~ 0 + t, d)
  f <- function(psi) dense_sigma$cs(psi, 4)
  crossed <- lmm(y ~ x + cs(0 + t | g) + (1 | h), d)
  more <- VarCorr(crossed)$h[1L] * outer(d$h, d$h, "==")
  o <- dense_oracle(d$y, X, Z, d$g, f, crossed$estimates$natural[[1L]], sigma(crossed)^2, more = more)
  expect_equal(-2 * as.numeric(logLik(crossed)), o$value, tolerance = 1e-10)
  expect_lt(max(abs(o$gradient) / sqrt(diag(o$expected))), 1e-4)
  beside <- lmm(y ~ x + cs(0 + t | g), d, residual = ~ ar1(o | g))
  rho <- variance_components(beside)["rho", "estimate"]
  s2 <- sigma(beside)^2
  R <- s2 * rho^abs(outer(d$o, d$o, "-")) * outer(d$g, d$g, "==")
  o <- dense_oracle(d$y, X, Z, d$g, f, beside$estimates$natural[[1L]], s2, more = R - s2 * diag(nrow(d)))
  expect_equal(-2 * as.numeric(logLik(beside)), o$value, tolerance = 1e-10)
  expect_lt(max(abs(o$gradient[1:5]) / sqrt(diag(o$expected)[1:5])), 1e-4)
  expect_true(all(is.finite(coef(summary(beside, ddf = "Kenward-Roger"))[, "df"])))
})

test_that("a variance of zero and correlations at their bounds are found and told", {
  set.seed(8)
  d <- structured_data(dense_sigma$cs, c(1, 1, 1, 1, 0.2))
  d$y <- rnorm(nrow(d))
  d$y <- d$x + d$y - 0.9 * stats::ave(d$y, d$g, d$t)
  expect_message(fit <- lmm(y ~ x + homcs(0 + t | g), d), class = "lmm_message_boundary")
  flat <- lmm(y ~ x, d)
  expect_gte(as.numeric(logLik(fit)), as.numeric(logLik(flat)) - 1e-6)
  d$y <- 1 + d$x + rnorm(40)[d$g] + rnorm(nrow(d), sd = 0.5)
  one <- suppressMessages(lmm(y ~ x + ar1(0 + t | g), d))
  expect_gte(as.numeric(logLik(one)), as.numeric(logLik(lmm(y ~ x + (1 | g), d))) - 1e-6)
  rho <- variance_components(one)["cor_ar1|g", ]
  if (rho$estimate == 1) expect_match(rho$reason, "bound")
})

test_that("likelihood ratio tests of nested structures count the parameters that differ", {
  d <- structured_data(dense_sigma$cs, c(1, 2, 1.5, 0.8, 0.4))
  fits <- lapply(c("homdiag", "homcs", "cs", "us"),
                 function(word) lmm(stats::as.formula(paste0("y ~ x + ", word, "(0 + t | g)")), d))
  table <- anova(fits[[1L]], fits[[2L]], fits[[3L]], fits[[4L]], refit = FALSE)
  expect_equal(table$Df, c(NA, 1, 3, 5))
  expect_true(all(diff(vapply(fits, function(fit) as.numeric(logLik(fit)), 0)) > -1e-8))
})

test_that("refits, simulations and bootstraps of structured terms", {
  d <- structured_data(dense_sigma$ar1, c(1.5, 0.6))
  fit <- lmm(y ~ x + ar1(0 + t | g), d)
  y <- simulate(fit, 2, seed = 1)
  again <- refit(fit, y[[1L]])
  d$y <- y[[1L]]
  expect_equal(logLik(again), logLik(lmm(y ~ x + ar1(0 + t | g), d)), tolerance = 1e-8)
  expect_identical(dim(bootstrap(fit, NULL, 3, seed = 1)$t), c(3L, 5L))
  limits <- confint(fit, oldNames = FALSE)
  expect_true(all(limits[, 1L] < limits[, 2L]))
  expect_lt(abs(limits["cor_ar1|g", 2L]), 1)
  expect_equal(getME(lmm(y ~ x + ar1(0 + t | g), d, start = getME(again, "theta")), "theta"), getME(again, "theta"),
               tolerance = 1e-5)
})

test_that("units of the response change units only", {
  d <- structured_data(dense_sigma$toep, c(1, 2, 1.5, 0.8, 0.5, 0.3, 0.1))
  for (word in c("toep", "fa", "homcs")) {
    fit <- lmm(stats::as.formula(paste0("y ~ x + ", word, "(0 + t | g)")), d)
    big <- lmm(stats::as.formula(paste0("y ~ x + ", word, "(0 + t | g)")), transform(d, y = 1000 * y))
    expect_equal(VarCorr(big)$g[, ], 1e6 * VarCorr(fit)$g[, ], tolerance = 1e-5)
    expect_equal(coef(summary(big))[, "df"], coef(summary(fit))[, "df"], tolerance = 1e-5)
  }
})

test_that("what is not available is refused by name", {
  d <- structured_data(dense_sigma$homcs, c(1.5, 0.6), groups = 15)
  fit <- lmm(y ~ x + homcs(0 + t | g), d)
  table <- ranova(fit)
  without <- lmm(y ~ x, d)
  expect_equal(table$LRT[2], as.numeric(2 * (logLik(fit) - logLik(without))), tolerance = 1e-6)
  expect_identical(table$Df[2], 2L)
  expect_error(lmm(y ~ x + homcs(0 + t | g), d, fixed = c(sigma = 1, cov_homcs = 0.5)), class = "lmm_error_input")
  expect_error(lmm(y ~ x + homcs(0 + t | g), d, bounded = FALSE), class = "lmm_error_input")
  expect_error(lmm(y ~ ar1(x | g), d), "factor", class = "lmm_error_formula")
})

test_that("an AR(1) process with one row for each subject and time stands beside a residual error", {
  set.seed(4)
  d <- expand.grid(time = 1:6, id = factor(1:30))
  d$f <- factor(d$time)
  d$y <- as.vector(replicate(30, stats::arima.sim(list(ar = 0.6), 6))) + stats::rnorm(180, sd = 0.5)
  for (reml in c(TRUE, FALSE)) {
    random <- lmm(y ~ 1 + ar1(0 + f | id), d, REML = reml)
    nugget <- lmm(y ~ 1, d, REML = reml, residual = ~ ar1(time | id, nugget = TRUE))
    expect_equal(c(logLik(random)), c(logLik(nugget)), tolerance = 1e-9)
    for (ddf in if (reml) c("Satterthwaite", "Kenward-Roger") else "Satterthwaite") {
      expect_equal(coef(summary(random, ddf = ddf)), coef(summary(nugget, ddf = ddf)), tolerance = 1e-4)
    }
  }
  expect_error(lmm(y ~ 1 + ar1(0 + time | id), d), "levels of one factor", class = "lmm_error_formula")
  expect_error(lmm(y ~ 1 + toep(0 + time | id), d), "levels of one factor", class = "lmm_error_formula")
})

test_that("a residual variance or a nugget of 0 is treated as known in tests", {
  set.seed(1)
  d <- expand.grid(time = 1:6, id = factor(1:30))
  d$f <- factor(d$time)
  d$y <- as.vector(replicate(30, stats::arima.sim(list(ar = 0.6), 6)))
  plain <- lmm(y ~ 1, d, residual = ~ ar1(time | id))
  nugget <- lmm(y ~ 1, d, residual = ~ ar1(time | id, nugget = TRUE))
  random <- lmm(y ~ 1 + ar1(0 + f | id), d)
  expect_identical(sigma(random), 0)
  for (ddf in c("Satterthwaite", "Kenward-Roger")) for (fit in list(nugget, random)) {
    expect_equal(coef(summary(fit, ddf = ddf)), coef(summary(plain, ddf = ddf)), tolerance = 1e-5)
  }
  expected <- variance_components(plain)
  found <- variance_components(random)
  expect_equal(found$estimate[1:2], expected$estimate[2:1], tolerance = 1e-5)
  expect_equal(found$se[1:2], expected$se[2:1], tolerance = 1e-4)
  expect_equal(variance_components(nugget)$se[c(1, 3)], expected$se, tolerance = 1e-4)
})

test_that("a residual variance that vanishes on the way is no optimum where a higher one is inside", {
  set.seed(1)
  d <- expand.grid(time = 1:5, id = factor(1:300))
  d$f <- factor(d$time)
  d$x <- stats::rnorm(1500)
  d$y <- d$x + as.vector(replicate(300, as.vector(stats::arima.sim(list(ar = 0.7), 5)))) + stats::rnorm(1500)
  fit <- lmm(y ~ x + ar1(0 + f | id), d)
  nugget <- lmm(y ~ x, d, residual = ~ ar1(time | id, nugget = TRUE))
  expect_equal(c(logLik(fit)), c(logLik(nugget)), tolerance = 1e-9)
})
