# Does the search of models with covariance structures find the optimum? Simulated data sets, each fitted by lmm() from
# its own starting values and by ten further searches from random ones.
#   Rscript bench/search_structures.R [--sets=500] [--starts=10] [--first=1] [--write]
# The number of a data set is its seed. A fit has missed the optimum if it is below the best random start by more than
# 10^-6 in log-likelihood; it is untold if no condition says that a parameter is at its boundary (an infinite range is a
# limit), that the estimates depend on the start, or that the search did not end at an optimum. `--write` renews
# inst/extdata/search_structures.csv.

suppressPackageStartupMessages(library(henderson))

script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L]))
source(file.path(dirname(script), "attempts.R"))

# Random effects (text added to the formula), residual structure and variance function of each model.
models <- list(
  ar1 = c("", "ar1(t | id)"), ou = c("", "ou(time | id)"), gau = c("", "gau(time | id)"), sph = c("", "sph(time | id)"),
  "exp + nugget" = c("", "exp(time | id, nugget = TRUE)"), matern = c("", "matern(time | id, shape = 1.5)"),
  "ar(2)" = c("", "ar(t | id, p = 2)"), "ma(1)" = c("", "ma(t | id, q = 1)"), "arma(1, 1)" = c("", "arma(t | id)"),
  us = c("", "us(t | id)"), corr = c("", "corr(t | id)"), cs = c("", "cs(t | id)"), csh = c("", "csh(t | id)"),
  toep = c("", "toep(t | id)"), toeph = c("", "toeph(t | id)"), ar1h = c("", "ar1h(t | id)"), ad = c("", "ad(t | id)"),
  adh = c("", "adh(t | id)"), "us by group" = c("", "us(t | arm/id)"), "ar1 by group" = c("", "ar1(t | arm/id)"),
  "ar1 and variance ~ arm" = c("", "ar1(t | id)", "arm"), "power variance" = c("(1 | id)", "", "power(time)"),
  "ar1 and intercept" = c("(1 | id)", "ar1(t | id)"), "ou and intercept" = c("(1 | id)", "ou(time | id)"),
  "ou and slope" = c("(time | id)", "ou(time | id)"), "us and site" = c("(1 | site)", "us(t | id)"),
  "crossed and ar1" = c("(1 | site) + (1 | item)", "ar1(t | id)"), "ar1 x ar1" = c("", "ar1(t):ar1(item) | site"),
  "cs(0 + f | id)" = c("cs(0 + f | id)", ""), "homcs(0 + f | id)" = c("homcs(0 + f | id)", ""),
  "ar1(0 + f | id)" = c("ar1(0 + f | id)", ""), "toep(0 + f | id)" = c("toep(0 + f | id)", ""),
  "fa(0 + f | id, 1)" = c("fa(0 + f | id, 1)", ""))

# Subjects with an intercept, an AR(1) process in time and noise, whose shares are random; visits are missing at random.
simulated <- function(seed, field) {
  set.seed(seed)
  if (field) return(simulated_field())
  m <- sample(c(10, 20, 40), 1)
  visits <- sample(4:7, 1)
  d <- expand.grid(t = seq_len(visits), id = seq_len(m), KEEP.OUT.ATTRS = FALSE)
  d$arm <- factor(ifelse(d$id %% 2, "a", "b"))
  d$site <- factor((d$id - 1) %/% 4)
  d$item <- factor((d$id + d$t) %% 5)
  d$f <- factor(sample(1:3, nrow(d), TRUE))
  d$time <- d$t + round(stats::runif(nrow(d), -0.4, 0.4), 2)
  d$x <- stats::rnorm(nrow(d))
  share <- stats::runif(3)^2
  r <- stats::runif(1, -0.2, 0.95)
  e <- matrix(stats::rnorm(nrow(d)), visits)
  for (k in seq_len(visits)[-1L]) e[k, ] <- r * e[k - 1L, ] + sqrt(1 - r^2) * e[k, ]
  ratio <- exp(stats::runif(1, 0, 1) * (d$t - 1) / visits) * ifelse(d$arm == "a", 1, exp(stats::runif(1, -0.5, 0.5)))
  d$y <- d$x + sqrt(share[1L]) * stats::rnorm(m)[d$id] + ratio * sqrt(share[2L]) * as.vector(e) +
    sqrt(share[3L] + 0.05) * stats::rnorm(nrow(d)) + 0.5 * stats::rnorm(nlevels(d$site))[d$site] +
    0.5 * stats::rnorm(m * 3)[(d$id - 1) * 3 + as.integer(d$f)]
  d[stats::runif(nrow(d)) > 0.15, ]
}

simulated_field <- function() {
  d <- expand.grid(t = 1:8, item = 1:6, site = factor(1:2), KEEP.OUT.ATTRS = FALSE)
  r <- stats::runif(2, -0.1, 0.9)
  root <- function(n, r) t(chol(r^abs(outer(seq_len(n), seq_len(n), "-"))))
  d$x <- stats::rnorm(nrow(d))
  d$arm <- factor(sample(c("a", "b"), nrow(d), TRUE))
  d$y <- d$x + as.vector(vapply(1:2, function(s) {
    as.vector(root(8, r[1L]) %*% matrix(stats::rnorm(48), 8) %*% t(root(6, r[2L])))
  }, numeric(48))) + stats::runif(1) * stats::rnorm(nrow(d))
  d[stats::runif(nrow(d)) > 0.1, ]
}

model_call <- function(model, d, ...) {
  call <- list(stats::as.formula(paste("y ~ x + arm", if (nzchar(model[1L])) paste("+", model[1L]))), d, ...)
  if (nzchar(model[2L])) call$residual <- stats::as.formula(paste("~", model[2L]))
  if (length(model) > 2L) call$variance <- stats::as.formula(paste("~", model[3L]))
  call
}

# Random natural parameters: correlations and shares over their whole range, variances and ranges over decades.
# Covariances shrink by one factor and follow the variances, so that matrices stay positive definite.
random_psi <- function(parameters, psi) {
  ratio <- 10^stats::runif(1, -1, 1) * 10^stats::runif(length(psi), -0.5, 0.5)
  shrink <- stats::runif(1)
  several <- sum(parameters$kind == "correlation") > 2
  variance <- parameters$kind == "variance"
  ratio_at <- function(visit, group) {
    at <- which(variance & parameters$row == visit & parameters$group == group)
    if (length(at)) ratio[at[1L]] else 1
  }
  vapply(seq_along(psi), function(i) {
    u <- stats::runif(1)
    row <- parameters$row[i]
    col <- parameters$col[i]
    group <- parameters$group[i]
    switch(parameters$kind[i], variance = psi[i] * ratio[i], range = 10^(2.5 * u - 1), share = u,
           covariance = psi[i] * shrink * sqrt(ratio_at(row, group) * ratio_at(col, group)),
           exponent = exp(stats::rnorm(1)), correlation = if (several) psi[i] * shrink else 1.8 * u - 0.9,
           autoregression = , moving_average = 1.8 * u - 0.9, stats::rnorm(1))
  }, 0)
}

# Criterion of one search of the structured model from a random point; NA where 30 of them lead nowhere.
from_random_point <- function(fit, prepared) {
  size <- length(fit$optimum$theta)
  for (attempt in 1:30) {
    options <- list(max_evaluations = 200L, decrement = 1e-18, more = FALSE, theta = NULL, psi = NULL)
    if (size) options$theta <- stats::rnorm(size) * 10^stats::runif(1, -1, 1)
    if (length(fit$optimum$psi)) options$psi <- random_psi(fit$cross_products$parameters, fit$optimum$psi)
    found <- attempted(function() henderson:::structured_search(prepared, options, fit$frame))$value
    if (!is.null(found) && identical(found$optimum$status, "converged")) return(found$solution$value)
  }
  NA_real_
}

# The same for a model of structured random effects alone.
from_random_start <- function(model, d, theta) {
  for (attempt in 1:10) {
    start <- abs(theta) * 10^stats::runif(length(theta), -1.5, 1) + 1e-3
    found <- attempted(function() do.call(lmm, model_call(model, d, start = start)))$value
    if (inherits(found, "lmm_fit")) return(-2 * as.numeric(logLik(found)))
  }
  NA_real_
}

# By how much the best of the random starts is above the fit, in log-likelihood.
missed_by <- function(fit, model, d, starts) {
  if (is.null(fit$frame$residual)) {
    values <- replicate(starts, from_random_start(model, d, getME(fit, "theta")))
    own <- -2 * as.numeric(logLik(fit))
  } else {
    prepared <- henderson:::structured_model(fit$cross_products, TRUE)
    values <- replicate(starts, from_random_point(fit, prepared))
    own <- fit$optimum$value
  }
  if (all(is.na(values))) NA_real_ else max(0, own - min(values, na.rm = TRUE)) / 2
}

one_set <- function(k, starts) {
  model <- models[[(k - 1) %% length(models) + 1L]]
  name <- names(models)[(k - 1) %% length(models) + 1L]
  d <- simulated(k, grepl("x ar1", name, fixed = TRUE))
  own <- attempted(function() do.call(lmm, model_call(model, d)))
  row <- data.frame(set = k, model = name, rows = nrow(d), status = "refused", evaluations = NA_real_,
                    searches = NA_real_, missed = NA_real_, told = own$told)
  if (is.null(own$value)) {
    row$told <- substr(own$error, 1, 60)
    return(row)
  }
  fit <- own$value
  row$status <- fit$optimum$status
  row$evaluations <- fit$optimum$evaluations
  row$searches <- fit$optimum$starts
  row$missed <- missed_by(fit, model, d, starts)
  row
}

first <- argument("first", 1)
sets <- seq_len(argument("sets", 500)) + first - 1
found <- do.call(rbind, lapply(sets, function(k) {
  row <- one_set(k, argument("starts", 10))
  if (isTRUE(row$missed > 1e-6) || !row$status %in% c("converged", "refused")) print(row, row.names = FALSE)
  row
}))
own <- found[found$status != "refused", ]
missed <- function(rows) which(rows$missed > 1e-6)
untold <- function(rows) {
  told <- grepl("lmm_message_(boundary|optima)|lmm_warning_convergence", rows$told)
  which(rows$missed > 1e-6 & !told)
}
cat(sprintf("%d data sets, %d refused, %d not converged, %d missed, %d of them untold,", nrow(found),
            sum(found$status == "refused"), sum(own$status != "converged"), length(missed(own)), length(untold(own))),
    sum(is.na(own$missed)), "without a random start that converged\n")
cat("median evaluations:", stats::median(own$evaluations), "in all searches,",
    round(stats::median(own$evaluations / own$searches), 1), "in one\n")
groups <- split(found, factor(found$model, names(models)))
table <- do.call(rbind, lapply(names(groups), function(name) {
  g <- groups[[name]]
  ok <- g[g$status != "refused", ]
  data.frame(model = name, sets = nrow(g), refused = sum(g$status == "refused"),
             unbounded = sum(ok$status == "singular residual covariance"),
             unfinished = sum(!ok$status %in% c("converged", "singular residual covariance")),
             missed = length(missed(ok)), untold = length(untold(ok)),
             evaluations = stats::median(ok$evaluations), searches = stats::median(ok$searches))
}))
print(table, row.names = FALSE)
if ("--write" %in% commandArgs(TRUE)) {
  file <- file.path(dirname(script), "..", "inst", "extdata", "search_structures.csv")
  utils::write.csv(table, file, row.names = FALSE)
}
