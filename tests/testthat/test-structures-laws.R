# Transformation laws of structures: the unit and the origin of y and of time, weights, the order of the rows and the
# labels of the subjects change nothing but what follows from them.

laws_data <- function() {
  set.seed(31)
  d <- expand.grid(t = 1:5, id = 1:24)
  d$time <- d$t + round(stats::runif(nrow(d), -0.3, 0.3), 2)
  d$x <- stats::rnorm(nrow(d))
  d$arm <- factor(ifelse(d$id %% 2, "a", "b"))
  d$f <- factor(sample(1:3, nrow(d), TRUE))
  e <- t(apply(matrix(stats::rnorm(120), 24), 1L, function(u) stats::filter(u, 0.6, "recursive")))
  d$y <- 2 + d$x + 1.2 * stats::rnorm(24)[d$id] + (1 + 0.15 * d$t) * e[cbind(d$id, d$t)] +
    0.8 * stats::rnorm(72)[(d$id - 1) * 3 + as.integer(d$f)] + 0.5 * stats::rnorm(nrow(d))
  d$w <- stats::runif(nrow(d), 0.5, 2)
  d$id <- paste0("s", d$id)
  d[-c(2, 9, 31, 57, 58, 90), ]
}

laws_fit <- function(model, d, ...) {
  call <- list(stats::as.formula(paste("y ~ x + arm", if (nzchar(model[1L])) paste("+", model[1L]))), d, ...)
  if (nzchar(model[2L])) call$residual <- stats::as.formula(paste("~", model[2L]))
  suppressMessages(do.call(lmm, call))
}

# What does not depend on how the data are written.
laws_numbers <- function(fit, d) {
  row <- match(rownames(d), rownames(stats::model.frame(fit)))
  list(likelihood = as.numeric(logLik(fit)), beta = unname(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit))))),
       df = unname(coef(summary(fit, ddf = "Kenward-Roger"))[, "df"]), fitted = unname(fitted(fit))[row],
       residual = sort(abs(unname(residuals(fit, type = "response"))[row])))
}

laws_models <- function() {
  words <- c("us", "diag", "cs", "csh", "toep", "toeph", "ad", "adh", "corr", "ar1", "ar1h", "arma")
  at_times <- c("exp", "gau", "ratio", "matern")
  c(lapply(words, function(word) c("", paste0(word, "(t | id)"))),
    lapply(at_times, function(word) c("", paste0(word, "(time | id", if (word == "matern") ", shape = 1.5", ")"))),
    lapply(c("ar(t | id, p = 2)", "ma(t | id, q = 1)", "ar1(t | arm/id)", "us(t | id, bands = 2)"),
           function(x) c("", x)),
    lapply(c("cs", "homcs", "homdiag", "toep", "homtoep", "hetar1"),
           function(word) c(paste0(word, "(0 + f | id)"), "")),
    list(c("fa(0 + f | id, 1)", ""), c("rr(0 + f | id, 1)", ""), c("(1 | id)", "ar1(t | id)"),
         c("(1 | f)", "exp(time | id)"), c("", "ar1(t):exp(x0) | id")))
}

test_that("structures obey the laws of units, origins, orders and labels", {
  d <- laws_data()
  d$x0 <- as.integer(d$f)
  for (model in laws_models()) {
    label <- paste(model, collapse = " ")
    plain <- laws_numbers(laws_fit(model, d), d)
    same <- function(changed, law, tolerance = 1e-8) {
      for (part in names(plain)) expect_equal(changed[[part]], plain[[part]], tolerance = tolerance,
                                              label = paste(label, law, part))
    }
    shuffled <- d[sample(nrow(d)), ]
    if (!grepl("1 |", model[2L], fixed = TRUE)) same(laws_numbers(laws_fit(model, shuffled), d), "order")
    relabelled <- transform(d, id = factor(id, levels = sample(unique(d$id))))
    levels(relabelled$id) <- paste("subject", seq_along(levels(relabelled$id)))
    rownames(relabelled) <- rownames(d)
    same(laws_numbers(laws_fit(model, relabelled), d), "labels")
    moved <- transform(d, t = t + 100L, time = 1000 + 24 * time)
    same(laws_numbers(laws_fit(model, moved), d), "time")
    scaled <- laws_numbers(laws_fit(model, transform(d, y = -7 + 1000 * y)), d)
    n <- nrow(d) - 3
    scaled <- list(likelihood = scaled$likelihood + n * log(1000), beta = (scaled$beta + c(7, 0, 0)) / 1000,
                   se = scaled$se / 1000, df = scaled$df, fitted = (scaled$fitted + 7) / 1000,
                   residual = scaled$residual / 1000)
    same(scaled, "unit of y")
  }
})

test_that("weights times a constant change sigma alone", {
  d <- laws_data()
  for (model in list(c("", "ar1(t | id)"), c("", "us(t | id)"), c("", "exp(time | id)"), c("cs(0 + f | id)", ""))) {
    plain <- laws_fit(model, d, weights = d$w)
    scaled <- laws_fit(model, d, weights = 9 * d$w)
    expect_equal(fixef(scaled), fixef(plain), tolerance = 1e-7, label = model[2L])
    expect_equal(as.matrix(vcov(scaled)), as.matrix(vcov(plain)), tolerance = 1e-6, label = model[2L])
    expect_equal(as.numeric(logLik(scaled)), as.numeric(logLik(plain)), tolerance = 1e-9, label = model[2L])
  }
})

test_that("structured random terms are as identified beside a residual structure as alone", {
  set.seed(21)
  d <- expand.grid(t = 1:3, f = factor(1:4), g = factor(1:40))
  b <- outer(rnorm(40), c(2, 1.5, 1, 1.2)) + matrix(rnorm(160), 40) %*% diag(c(0.5, 0.8, 1, 1.2))
  d$y <- b[cbind(d$g, d$f)] + rnorm(480)
  d$cell <- interaction(d$g, d$f)
  d$at <- as.integer(d$f)
  for (term in c("fa(0 + f | g, 1)", "rr(0 + f | g, 1)", "cs(0 + f | g)", "toep(0 + f | g)", "ar1(0 + f | g)",
                 "homdiag(0 + f | g)", "us(0 + f | g)")) {
    f <- as.formula(paste("y ~ 1 +", term))
    alone <- suppressMessages(lmm(f, d))
    beside <- suppressMessages(lmm(f, d, residual = ~ ar1(t | cell), fixed = c(rho = 0)))
    expect_equal(as.numeric(logLik(beside)), as.numeric(logLik(alone)), tolerance = 1e-7, info = term)
  }
  site <- data.frame(s = factor(1:30), u = runif(30, 0, 5), v = runif(30, 0, 5))
  S <- 4 * exp(-as.matrix(dist(site[2:3]))^2 / 4) + diag(1e-8, 30)
  field <- site[rep(1:30, each = 4), ]
  field$t <- rep(1:4, 30)
  field$y <- as.vector(t(chol(S)) %*% rnorm(30))[field$s] + rnorm(120)
  for (word in c("gau", "exp", "matern")) {
    f <- as.formula(paste0("y ~ 1 + ", word, "(u + v | s)"))
    alone <- suppressMessages(lmm(f, field))
    beside <- suppressMessages(lmm(f, field, residual = ~ ar1(t | s), fixed = c(rho = 0)))
    expect_equal(as.numeric(logLik(beside)), as.numeric(logLik(alone)), tolerance = 1e-7, info = word)
  }
})
