# Effects correlated across levels by the distance of their positions, against dense formulas.

spatial_data <- function(seed = 3, sites = 25) {
  set.seed(seed)
  d <- data.frame(site = factor(sprintf("s%02d", seq_len(sites))), lon = runif(sites, 0, 10), lat = runif(sites, 0, 10))
  S <- 2 * exp(-as.matrix(dist(d[c("lon", "lat")])) / 3)
  u <- drop(crossprod(chol(S), rnorm(sites)))
  d <- d[rep(seq_len(sites), seq_len(sites) %% 4 + 2), ]
  d$x <- rnorm(nrow(d))
  d$y <- 1 + d$x + u[as.integer(d$site)] + rnorm(nrow(d))
  rownames(d) <- NULL
  d
}

kernels <- list("exp(lon + lat | site)" = function(s) exp(-s), "gau(lon + lat | site)" = function(s) exp(-s^2),
                "matern(lon + lat | site)" = function(s) (1 + s) * exp(-s),
                "matern(lon + lat | site, nu = 2.5)" = function(s) (1 + s + s^2 / 3) * exp(-s))

for (term in names(kernels)) local({
  term <- term
  test_that(paste(term, "against the dense formulas"), {
    d <- spatial_data()
    fit <- lmm(stats::as.formula(paste("y ~ x +", term)), d)
    first <- !duplicated(d$site)
    D <- as.matrix(dist(d[first, c("lon", "lat")]))
    psi <- fit$estimates$natural[[1L]]
    o <- dense_oracle(d$y, model.matrix(~x, d), model.matrix(~ 0 + site, d), rep(1, nrow(d)),
                      function(psi) psi[1] * kernels[[term]](D / psi[2]),
                      psi, sigma(fit)^2)
    expect_equal(-2 * as.numeric(logLik(fit)), o$value, tolerance = 1e-10)
    expect_lt(drop(t(o$gradient) %*% solve(o$observed, o$gradient)), 1e-6)
    expect_equal(coef(summary(fit))[, "df"], c(dense_satterthwaite(o, c(1, 0)), dense_satterthwaite(o, c(0, 1))),
                 tolerance = 1e-5, ignore_attr = TRUE)
    for (type in c("linear", "full")) {
      table <- coef(summary(fit, ddf = ddf_method("Kenward-Roger", type = type)))
      expect_equal(table[, "Std. Error"], sqrt(diag(dense_adjusted(o, type == "full"))), tolerance = 1e-6,
                   ignore_attr = TRUE)
    }
    expect_equal(variance_components(fit)$se, sqrt(diag(2 * solve(o$observed))), tolerance = 1e-5)
    expect_equal(variance_components(fit)$estimate, c(psi, sigma(fit)^2))
    S <- psi[1] * kernels[[term]](D / psi[2])
    Z <- model.matrix(~ 0 + site, d)
    V <- Z %*% S %*% t(Z) + sigma(fit)^2 * diag(nrow(d))
    modes <- S %*% t(Z) %*% solve(V, d$y - cbind(1, d$x) %*% fixef(fit))
    b <- ranef(fit, condVar = TRUE)[[1L]]
    expect_equal(b[, 1L], drop(modes), tolerance = 1e-7, ignore_attr = TRUE)
    expect_equal(attr(b, "postVar")[1, 1, ], diag(S - S %*% t(Z) %*% solve(V, Z %*% S)), tolerance = 1e-7,
                 ignore_attr = TRUE)
    expect_equal(predict(fit, d[1:3, ]), fitted(fit)[1:3])
    expect_identical(unname(ngrps(fit)), 25L)
  })
})

test_that("units of the positions are those of the range and of nothing else", {
  d <- spatial_data()
  fit <- lmm(y ~ x + exp(lon + lat | site), d)
  far <- lmm(y ~ x + exp(lon + lat | site), transform(d, lon = 1000 * lon + 5, lat = 1000 * lat))
  expect_equal(logLik(far), logLik(fit), tolerance = 1e-10)
  expect_equal(variance_components(far)["range|exp(site)", "estimate"],
               1000 * variance_components(fit)["range|exp(site)", "estimate"], tolerance = 1e-5)
})

test_that("positions that are none, of no factor, or several for a level are refused", {
  d <- spatial_data()
  expect_error(lmm(y ~ x + exp(1 | site), d), class = "lmm_error_formula")
  expect_error(lmm(y ~ x + exp(lon + lat | site:x), d), class = "lmm_error_formula")
  expect_error(lmm(y ~ x + exp(lon + x | site), d), "several positions", class = "lmm_error_data")
  expect_error(lmm(y ~ x + exp(lon + site | site), d), "not a numeric", class = "lmm_error_data")
  expect_error(lmm(y ~ x + matern(lon | site, nu = 2), d), "smoothness", class = "lmm_error_formula")
})

test_that("columns of one level are identified where the fixed effects do not span them", {
  set.seed(5)
  d <- data.frame(x = seq(0, 1, length.out = 80), one = 1)
  d$B <- outer(d$x, 1:6 / 7, function(x, k) pmax(x - k, 0))
  d$y <- sin(8 * d$x) + rnorm(80, sd = 0.2)
  fit <- lmm(y ~ x + homdiag(0 + B | one), d)
  o <- dense_oracle(d$y, cbind(1, d$x), d$B, d$one, function(psi) psi * diag(6),
                    fit$estimates$natural[[1L]], sigma(fit)^2)
  expect_equal(-2 * as.numeric(logLik(fit)), o$value, tolerance = 1e-10)
  expect_lt(drop(t(o$gradient) %*% solve(o$observed, o$gradient)), 1e-6)
  expect_error(lmm(y ~ x + (1 | one), d), class = "lmm_error_unidentified")
})
