# Every residual structure against dense formulas: criterion, estimates, information, and the matrices of Kenward and
# Roger.

oracle_data <- function(seed = 1, subjects = 14L, visits = 4L) {
  set.seed(seed)
  d <- expand.grid(visit = seq_len(visits), id = seq_len(subjects))
  d$site <- (d$id - 1L) %% 5L + 1L
  d$item <- (d$id + d$visit) %% 4L + 1L
  d$arm <- factor(ifelse(d$id %% 2, "a", "b"))
  d$time <- d$visit + round(stats::runif(nrow(d), -0.3, 0.3), 2)
  d$x <- stats::rnorm(nrow(d))
  e <- as.vector(vapply(seq_len(subjects), function(i) as.vector(stats::arima.sim(list(ar = 0.5), visits)),
                        numeric(visits)))
  d$y <- 3 + d$x + (d$arm == "b") + 0.7 * stats::rnorm(5)[d$site] + 0.5 * stats::rnorm(4)[d$item] +
    e * (1 + 0.2 * d$visit)
  d$w <- stats::runif(nrow(d), 0.5, 2)
  d[-c(3, 8, 17, 18, 30), ]
}

test_that("every structure over visits agrees with dense formulas, missing visits included", {
  d <- oracle_data()
  d$weight <- 1
  words <- c("ar1", "arma", "us", "diag", "cs", "corr", "toep", "ad", "csh", "toeph", "ar1h", "adh")
  for (word in words) {
    call <- as.call(list(as.name(word), quote(visit | id)))
    fit <- suppressMessages(do.call(lmm, list(y ~ x + arm, d, residual = call("~", call))))
    expect_oracle(fit, d, oracle_function(word, d, d$visit - 1L, 4L), word)
  }
})

test_that("structures of one variance beside a variance function agree with dense formulas", {
  d <- oracle_data()
  d$weight <- d$w
  d$c <- d$time - mean(d$time)
  columns <- list("~ arm" = function(v) exp(2 * v * (d$arm == "b")), "~ c" = function(v) exp(2 * v * d$c),
                  "~ power(time)" = function(v) exp(2 * v * log(d$time)))
  for (word in c("ar1", "arma", "cs", "corr", "toep", "ad")) for (variance in names(columns)) {
    call <- as.call(list(as.name(word), quote(visit | id)))
    inner <- oracle_function(word, d, d$visit - 1L, 4L)
    with_variance <- function(psi) {
      s <- sqrt(columns[[variance]](psi[length(psi)]))
      inner(psi[-length(psi)]) * outer(s, s)
    }
    for (f in list(y ~ x + arm, y ~ x + arm + (1 | site), y ~ x + arm + (1 | site) + (1 | item))) {
      fit <- suppressMessages(do.call(lmm, list(f, d, residual = call("~", call), weights = quote(w),
                                                variance = stats::as.formula(variance))))
      expect_oracle(fit, d, with_variance, paste(word, variance, deparse(f)))
    }
  }
})

test_that("structures over distances agree with dense formulas, also by recursion for long subjects", {
  d <- oracle_data()
  d$weight <- 1
  d$y <- d$y + 3 * stats::rnorm(14)[d$id]      # ranges beyond all distances, away from the kinks of `lin`
  for (word in c("exp", "gau", "sph", "lin", "ratio")) {
    call <- as.call(list(as.name(word), quote(time | id)))
    fit <- suppressMessages(do.call(lmm, list(y ~ x + arm, d, residual = call("~", call))))
    expect_oracle(fit, d, oracle_function(word, d, d$time, 4L), word)
  }
  long <- oracle_data(2, subjects = 4L, visits = 20L)
  long$weight <- 1
  for (word in c("ar1", "exp")) {
    call <- as.call(list(as.name(word), if (word == "ar1") quote(visit | id) else quote(time | id)))
    fit <- suppressMessages(do.call(lmm, list(y ~ x + arm, long, residual = call("~", call))))
    expect_oracle(fit, long, oracle_function(word, long, if (word == "ar1") long$visit - 1L else long$time, 20L),
                  paste("long", word))
  }
})

test_that("structures with parameters of their own in each group agree with dense formulas", {
  d <- oracle_data(subjects = 12L)
  d$weight <- 1
  for (word in c("arma", "cs", "toep", "ad", "ar1h")) {
    call <- as.call(list(as.name(word), quote(visit | arm/id)))
    fit <- suppressMessages(do.call(lmm, list(y ~ x + arm, d, residual = call("~", call))))
    own <- if (word %in% c("cs", "toep")) paste0(word, "_own") else word
    expect_oracle(fit, d, oracle_function(own, d, d$visit - 1L, 4L, d$arm), paste(word, "by arm"))
  }
  for (word in c("exp", "gau")) {
    call <- as.call(list(as.name(word), quote(time | arm/id)))
    fit <- suppressMessages(do.call(lmm, list(y ~ x + arm, d, residual = call("~", call))))
    expect_oracle(fit, d, oracle_function(word, d, d$time, 4L, d$arm), paste(word, "by arm"))
  }
})

test_that("a covariance of a Toeplitz structure can be held", {
  d <- oracle_data()
  d$weight <- 1
  free <- lmm(y ~ x + arm, d, residual = ~ toep(visit | id))
  at <- residual_parameters(free)
  held <- lmm(y ~ x + arm, d, residual = ~ toep(visit | id), fixed = c(cov1 = at$estimate[1L]))
  expect_equal(as.numeric(logLik(held)), as.numeric(logLik(free)), tolerance = 1e-9)
  own <- residual_parameters(held)
  expect_equal(own$estimate[own$name == "cov3"], at$estimate[at$name == "cov3"], tolerance = 1e-5)
  expect_equal(own$estimate[own$name == "var"], sigma(free)^2, tolerance = 1e-5)
  expect_oracle(held, d, function(psi) oracle_function("toep_own", d, d$visit - 1L, 4L)(
    c(psi[1L], at$estimate[1L], psi[-1L])), "held")
})

test_that("weights, groups, one factor and crossed factors agree with dense formulas", {
  d <- oracle_data()
  d$weight <- d$w
  fit <- lmm(y ~ x + arm, d, weights = w, residual = ~ ar1(visit | id))
  expect_equal(as.matrix(vcov(fit)), {
    R <- Re(oracle_function("ar1", d, d$visit - 1L, 4L)(fit$optimum$psi + 0i))
    sigma(fit)^2 * solve(crossprod(model.matrix(fit), solve(R, model.matrix(fit))))
  }, tolerance = 1e-8, ignore_attr = TRUE)
  d$weight <- 1
  expect_oracle(lmm(y ~ x + arm, d, residual = ~ ar1(visit | arm/id)), d,
                oracle_function("ar1", d, d$visit - 1L, 4L, d$arm), "by arm")
  expect_oracle(lmm(y ~ x + arm + (1 | site), d, residual = ~ ar1(visit | id)), d,
                oracle_function("ar1", d, d$visit - 1L, 4L), "site")
  expect_oracle(suppressMessages(lmm(y ~ x + arm + (1 | site) + (1 | item), d, residual = ~ exp(time | id))), d,
                oracle_function("exp", d, d$time, 4L), "crossed")
  expect_oracle(suppressMessages(lmm(y ~ x + arm + (1 | item), d, residual = ~ us(visit | id))), d,
                oracle_function("us", d, d$visit - 1L, 4L), "crossed us")
})

# Plots of a field with gaps; `trial` has more than one of them.
oracle_field <- function(cols = 7L, rows = 6L, trials = 1L, missing = integer()) {
  set.seed(5)
  d <- expand.grid(row = seq_len(rows), col = seq_len(cols), trial = seq_len(trials))
  d$x <- stats::rnorm(nrow(d))
  d$arm <- factor(ifelse(d$trial %% 2 + d$row %% 2 == 1, "a", "b"))
  d$item <- (d$row + 2L * d$col) %% 4L + 1L
  d$y <- 3 + d$x + stats::rnorm(nrow(d)) + 2 * sin(d$col) + cos(d$row / 2) * d$trial
  d$weight <- 1
  d[setdiff(sample(nrow(d)), missing), ]
}

# `own(psi, a, b)`: covariances of the rows a and b of one trial.
oracle_separable <- function(d, own, groups = rep(1L, nrow(d))) {
  function(psi) {
    k <- length(psi) / max(groups)
    out <- matrix(0 + 0i, nrow(d), nrow(d))
    for (s in unique(d$trial)) {
      at <- which(d$trial == s)
      out[at, at] <- own(psi[(groups[at[1L]] - 1L) * k + seq_len(k)], d[at, ])
    }
    out
  }
}

power_of <- function(r, h) ifelse(h == 0, 1 + 0i, r^h)

test_that("separable products over grids agree with dense formulas, missing plots and several trials included", {
  ar1 <- function(psi, d) power_of(psi[1L], oracle_lags(d$col)) * power_of(psi[2L], oracle_lags(d$row))
  d <- oracle_field()
  expect_oracle(lmm(y ~ x + arm, d, residual = ~ ar1(col):ar1(row)), d, oracle_separable(d, ar1), "field")
  d <- oracle_field(missing = c(1L, 2L, 9L, 23L, 42L))
  expect_oracle(lmm(y ~ x + arm, d, residual = ~ ar1(col):ar1(row)), d, oracle_separable(d, ar1), "gaps")
  expect_oracle(suppressMessages(lmm(y ~ x + arm + (1 | item), d, residual = ~ ar1(col):ar1(row))), d,
                oracle_separable(d, ar1), "gaps and a random effect")
  d <- oracle_field(trials = 3L, missing = c(1L, 8L, 9L, 50L, 84L + 11:40))
  expect_oracle(lmm(y ~ x + arm, d, residual = ~ ar1(col):ar1(row) | trial), d, oracle_separable(d, ar1), "trials")
  scaled <- function(psi, d) psi[3L] * ar1(psi, d)
  d$kind <- factor(ifelse(d$trial == 1L, "u", "v"))
  expect_oracle(lmm(y ~ x + arm, d, residual = ~ ar1(col):ar1(row) | kind/trial), d,
                oracle_separable(d, scaled, as.integer(d$kind)), "by kind")
  d <- oracle_field(3L, 12L, 2L, missing = c(5L, 17L, 30L))
  entries <- matrix(c(1, 2, 3, 2, 4, 5, 3, 5, 6), 3L)
  us <- function(psi, d) {
    matrix(psi[entries[d$col, d$col]], nrow(d)) * power_of(psi[7L], oracle_lags(d$row))
  }
  expect_oracle(suppressMessages(lmm(y ~ x + arm, d, residual = ~ us(col):ar1(row) | trial)), d,
                oracle_separable(d, us), "us x ar1")
})

test_that("products of structures over visits agree with dense formulas", {
  d <- oracle_field(3L, 5L, 4L, missing = c(5L, 17L, 30L))
  exchangeable <- function(r, h) ifelse(h == 0, 1 + 0i, r)
  by_lag <- function(r, h) matrix(c(1 + 0i, r)[h + 1L], nrow(h))
  entries <- matrix(c(1, 2, 3, 2, 4, 5, 3, 5, 6), 3L)
  us <- function(psi, d) matrix(psi[entries[d$col, d$col]], nrow(d))
  forms <- list(
    "us(col):cs(row) | trial" = function(psi, d) us(psi, d) * exchangeable(psi[7L], oracle_lags(d$row)),
    "cs(col):ar1(row) | trial" = function(psi, d) exchangeable(psi[1L], oracle_lags(d$col)) *
      power_of(psi[2L], oracle_lags(d$row)),
    "toep(col):ar1(row) | trial" = function(psi, d) by_lag(psi[1:2], oracle_lags(d$col)) *
      power_of(psi[3L], oracle_lags(d$row)),
    "ar1(row):exp(col) | trial" = function(psi, d) power_of(psi[1L], oracle_lags(d$row)) *
      exp(-oracle_lags(d$col) / psi[2L]),
    "diag(col):ar1(row) | trial" = function(psi, d) outer(d$col, d$col, "==") *
      matrix(psi[d$col], nrow(d), nrow(d)) * power_of(psi[4L], oracle_lags(d$row)))
  for (text in names(forms)) {
    fit <- suppressMessages(lmm(y ~ x + arm, d, residual = stats::as.formula(paste("~", text))))
    expect_oracle(fit, d, oracle_separable(d, forms[[text]]), text)
  }
})

test_that("a correlation of a field can be held", {
  d <- oracle_field(missing = c(1L, 2L, 9L))
  free <- lmm(y ~ x, d, residual = ~ ar1(col):ar1(row))
  names <- structured_labels(free$frame)
  held <- lmm(y ~ x, d, residual = ~ ar1(col):ar1(row), fixed = stats::setNames(0.4, names[1L]))
  V <- Re(oracle_separable(d, function(psi, d) {
    power_of(0.4, oracle_lags(d$col)) * power_of(psi, oracle_lags(d$row))
  })(held$optimum$psi + 0i))
  X <- stats::model.matrix(~ x, d)
  expect_equal(as.matrix(vcov(held)), sigma(held)^2 * solve(crossprod(X, solve(V, X))), tolerance = 1e-9,
               ignore_attr = TRUE)
  expect_length(held$optimum$psi, 1L)
})

test_that("a model without random effects and structure is least squares", {
  d <- oracle_data()
  fit <- lmm(y ~ x + arm, d)
  reference <- stats::lm(y ~ x + arm, d)
  expect_equal(fixef(fit), coef(reference), tolerance = 1e-10)
  expect_equal(sigma(fit), sigma(reference), tolerance = 1e-10)
  expect_equal(as.numeric(logLik(lmm(y ~ x + arm, d, REML = FALSE))), as.numeric(logLik(reference)), tolerance = 1e-10)
  expect_equal(unname(coef(summary(fit))[, "df"]), rep(df.residual(reference), 3), tolerance = 1e-8)
})
