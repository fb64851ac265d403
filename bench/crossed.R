# Large crossed designs: time, memory and precision of the iterative solver.
#   Rscript bench/crossed.R large [case ...]    time and memory, each case in a process of its own
#   Rscript bench/crossed.R precision [seeds]   error against the direct solver over seeds of the probes
#   Rscript bench/crossed.R ratings             MovieLens 100k (package dslabs), whichever factor leads
#   Rscript bench/crossed.R direct              against the direct solver at 5000 remaining columns, one process
#   Rscript bench/crossed.R peer                beside GPBoost, where it is installed
library(henderson)

# Users with counts between 5 and some hundreds, items by a power law.
ratings <- function(n, users, items, slope = 0, seed = 1) {
  set.seed(seed)
  weight <- exp(rnorm(users))
  u <- sample(c(seq_len(users), sample(users, n - users, TRUE, weight)))
  m <- sample(c(seq_len(items), sample(items, n - items, TRUE, (seq_len(items) + 10)^-0.9)))
  x <- rnorm(n)
  y <- 3.5 + 0.2 * x + rnorm(users, sd = 0.4)[u] + rnorm(items, sd = 0.5)[m] + rnorm(n, sd = 0.85)
  if (slope > 0) y <- y + rnorm(users, sd = slope)[u] * x
  data.frame(u = structure(u, levels = as.character(seq_len(users)), class = "factor"),
             m = structure(m, levels = as.character(seq_len(items)), class = "factor"), x = x, y = y)
}

four_factors <- function(n = 2e6) {
  d <- ratings(n, 1e5, 2e4)
  d$brand <- factor(as.integer(d$m) %% 200)
  d$shop <- factor(sample(2000, n, TRUE))
  d$y <- d$y + rnorm(200, sd = 0.3)[d$brand] + rnorm(2000, sd = 0.2)[d$shop]
  d
}

large_cases <- list(
  small = list(data = function() ratings(1e6, 1e5, 1e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 3, gigabytes = 0.4),
  middle = list(data = function() ratings(5e6, 1e5, 3e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 15, gigabytes = 1),
  large = list(data = function() ratings(2.5e7, 1.6e5, 5.9e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 120, gigabytes = 4),
  slopes = list(data = function() ratings(2.5e7, 1.6e5, 5.9e4, 0.1), formula = y ~ x + (x | u) + (1 | m), seconds = 300, gigabytes = NA),
  four = list(data = four_factors, formula = y ~ x + (1 | u) + (1 | m) + (1 | brand) + (1 | shop), seconds = 60, gigabytes = NA))

peak <- function() {
  status <- "/proc/self/status"
  if (!file.exists(status)) return(NA_real_)
  1024 * as.numeric(gsub("[^0-9]", "", grep("^VmHWM", readLines(status), value = TRUE))) / 1e9
}

run_large <- function(name) {
  case <- large_cases[[name]]
  d <- case$data()
  invisible(gc())
  time <- system.time(fit <- suppressMessages(lmm(case$formula, d, control = lmm_control(solver = "iterative", keep_rows = FALSE))))
  told <- fit$optimum$monte_carlo
  cat(sprintf("%-7s %6.1f s (processor %.1f; at most %g)  %.2f GB (at most %g)  %d evaluations, %d passes, error %.2f percent\n", name, time[["elapsed"]],
              time[["user.self"]] + time[["sys.self"]], case$seconds, peak(), case$gigabytes, fit$optimum$evaluations, told$passes, 100 * told$share))
}

errors <- function(formula, d, seeds, probes = 16) {
  direct <- suppressMessages(lmm(formula, d, control = lmm_control(solver = "direct")))
  truth <- suppressMessages(variance_components(direct, information = "average"))
  found <- vapply(seq_len(seeds), function(seed) {
    fit <- suppressMessages(lmm(formula, d, control = lmm_control(solver = "iterative", probes = probes, probe_seed = seed)))
    own <- variance_components(fit)
    gap <- own$estimate - truth$estimate
    c(gap / truth$se, gap / own$mc.error)
  }, numeric(2 * nrow(truth)))
  k <- nrow(truth)
  rms <- function(x) sqrt(rowMeans(x^2))
  data.frame(parameter = row.names(truth), rms_percent = 100 * rms(found[1:k, , drop = FALSE]), rms_z = rms(found[k + 1:k, , drop = FALSE]),
             largest_z = apply(abs(found[k + 1:k, , drop = FALSE]), 1L, max))
}

run_precision <- function(seeds) {
  insteval <- if (requireNamespace("lme4", quietly = TRUE)) lme4::InstEval
  cases <- list(
    insteval = if (!is.null(insteval)) function() errors(y ~ service + (1 | s) + (1 | d), insteval, seeds),
    departments = if (!is.null(insteval)) function() errors(y ~ service + (1 | s) + (1 | d) + (1 | dept), insteval, seeds),
    `power law` = function() errors(y ~ x + (1 | u) + (1 | m), ratings(2e5, 8000, 2934), seeds),
    slopes = function() errors(y ~ x + (x | u) + (1 | m), ratings(1e5, 4000, 1500, 0.2), seeds))
  for (name in names(cases)) {
    if (is.null(cases[[name]])) next
    cat("\n", name, ", ", seeds, " seeds\n", sep = "")
    print(cases[[name]](), digits = 2, row.names = FALSE)
  }
}

run_ratings <- function() {
  if (!requireNamespace("dslabs", quietly = TRUE)) stop("needs package 'dslabs'", call. = FALSE)
  d <- dslabs::movielens
  d$user <- factor(d$userId)
  d$movie <- factor(d$movieId)
  formula <- rating ~ 1 + (1 | user) + (1 | movie)
  print(errors(formula, d, 5), digits = 2)
}

run_direct <- function() {
  d <- ratings(4e5, 16e3, 5000)
  fit <- function(solver) system.time(suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), d, control = lmm_control(solver = solver))))[["elapsed"]]
  times <- c(iterative = fit("iterative"), direct = fit("direct"))
  print(c(times, ratio = times[["direct"]] / times[["iterative"]]), digits = 3)
}

run_peer <- function() {
  if (!requireNamespace("gpboost", quietly = TRUE)) stop("needs package 'gpboost'", call. = FALSE)
  d <- ratings(1e6, 1e5, 1e4)
  ours <- system.time(suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), d, REML = FALSE, control = lmm_control(solver = "iterative"))))
  theirs <- system.time(gpboost::fitGPModel(group_data = cbind(as.integer(d$u), as.integer(d$m)), y = d$y, X = cbind(1, d$x),
                                            likelihood = "gaussian", matrix_inversion_method = "iterative"))
  print(rbind(henderson = ours, gpboost = theirs)[, 1:3])
}

words <- commandArgs(TRUE)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L])
switch(words[1L],
  large = for (name in if (length(words) > 1L) words[-1L] else names(large_cases)) system2(file.path(R.home("bin"), "Rscript"), c(script, "one", name)),
  one = run_large(words[2L]),
  precision = run_precision(if (length(words) > 1L) as.integer(words[2L]) else 20L),
  ratings = run_ratings(), direct = run_direct(), peer = run_peer(),
  stop("large, precision, ratings, direct or peer", call. = FALSE))
