# Large crossed designs: time, memory and precision of the iterative solver.
#   Rscript bench/crossed.R large [case ...]    time and memory, each case in a process of its own
#   Rscript bench/crossed.R precision [seeds]   error against the direct solver over seeds of the probes
#   Rscript bench/crossed.R ratings             MovieLens 100k (package dslabs), whichever factor leads
#   Rscript bench/crossed.R designs             bands, workers and firms, near nesting, variance zero, large ratios
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
  small = list(data = function() ratings(1e6, 1e5, 1e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 3,
               gigabytes = 0.4),
  middle = list(data = function() ratings(5e6, 1e5, 3e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 15,
                gigabytes = 1),
  large = list(data = function() ratings(2.5e7, 1.6e5, 5.9e4), formula = y ~ x + (1 | u) + (1 | m), seconds = 120,
               gigabytes = 4, threads = 2),
  slopes = list(data = function() ratings(2.5e7, 1.6e5, 5.9e4, 0.1), formula = y ~ x + (x | u) + (1 | m), seconds = 300,
                gigabytes = NA, threads = 2),
  four = list(data = four_factors, formula = y ~ x + (1 | u) + (1 | m) + (1 | brand) + (1 | shop), seconds = 60,
              gigabytes = NA, threads = 2))

peak <- function() {
  status <- "/proc/self/status"
  if (!file.exists(status)) return(NA_real_)
  1024 * as.numeric(gsub("[^0-9]", "", grep("^VmHWM", readLines(status), value = TRUE))) / 1e9
}

run_large <- function(name) {
  case <- large_cases[[name]]
  d <- case$data()
  invisible(gc())
  control <- lmm_control(solver = "iterative", keep_rows = FALSE,
                         threads = if (is.null(case$threads)) 1 else case$threads)
  time <- system.time(fit <- suppressMessages(lmm(case$formula, d, control = control)))
  told <- fit$optimum$monte_carlo
  cat(sprintf(paste("%-7s %6.1f s (processor %.1f; at most %g)  %.2f GB (at most %g)  %d evaluations, %d passes,",
                    "error %.2f percent\n"), name, time[["elapsed"]],
              time[["user.self"]] + time[["sys.self"]], case$seconds, peak(), case$gigabytes, fit$optimum$evaluations,
                told$passes, 100 * told$share))
}

errors <- function(formula, d, seeds, probes = 16) {
  direct <- suppressMessages(lmm(formula, d, control = lmm_control(solver = "direct")))
  truth <- suppressMessages(variance_components(direct, information = "average"))
  found <- vapply(seq_len(seeds), function(seed) {
    fit <- suppressMessages(lmm(formula, d,
                                control = lmm_control(solver = "iterative", probes = probes, probe_seed = seed)))
    own <- variance_components(fit)
    gap <- own$estimate - truth$estimate
    c(gap / truth$se, gap / own$mc.error)
  }, numeric(2 * nrow(truth)))
  k <- nrow(truth)
  rms <- function(x) sqrt(rowMeans(x^2))
  data.frame(parameter = row.names(truth), bias_percent = 100 * rowMeans(found[1:k, , drop = FALSE]),
             rms_percent = 100 * rms(found[1:k, , drop = FALSE]), rms_z = rms(found[k + 1:k, , drop = FALSE]),
             largest_z = apply(abs(found[k + 1:k, , drop = FALSE]), 1L, max))
}

run_precision <- function(seeds) {
  insteval <- if (requireNamespace("lme4", quietly = TRUE)) lme4::InstEval
  cases <- list(
    insteval = if (!is.null(insteval)) function() errors(y ~ service + (1 | s) + (1 | d), insteval, seeds),
    departments = if (!is.null(insteval)) function() errors(y ~ service + (1 | s) + (1 | d) + (1 | dept), insteval,
                                                            seeds),
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
  whole <- get("engine_layout", asNamespace("henderson"))
  for (leads in 1:2) {
    replaced <- function(frame, sigma = NULL) c(whole(frame, sigma)[c("levels", "terms", "sigma")], lead = leads)
    utils::assignInNamespace("engine_layout", replaced, "henderson")
    cat("\n", c("user", "movie")[leads], " leads\n", sep = "")
    print(errors(formula, d, 5), digits = 2, row.names = FALSE)
  }
}

# Designs that are hard for conjugate gradients or for a search, by what "auto" takes and by the iterative solver alone.
hard_designs <- function(n = 1e5, u = 6000, m = 1500) {
  set.seed(1)
  at <- sample(u, n, TRUE)
  m_of <- function(x) pmin(m, pmax(1, x))
  part <- sample(100, n, TRUE)
  worker <- rep(seq_len(n / 5), each = 5)
  list(independent = list(u = at, m = sample(m, n, TRUE)),
       communities = list(u = at, m = ifelse(runif(n) < 0.02, sample(m, n, TRUE), at %% 50 * 30 + sample(30, n, TRUE))),
       disconnected = list(u = part * 1000 + sample(200, n, TRUE), m = part * 100 + sample(50, n, TRUE)),
       `near nesting` = list(u = at, m = ifelse(runif(n) < 0.002, sample(m, n, TRUE), at %% m + 1)),
       `workers and firms` = list(u = worker, m = ifelse(runif(n) < 0.03, sample(m, n, TRUE), worker %% m + 1)),
       band = list(u = at, m = m_of(round(at * m / u) + sample(-50:50, n, TRUE))),
       `narrow band` = list(u = at, m = m_of(round(at * m / u) + sample(-5:5, n, TRUE))))
}

said <- function(expr) {
  warned <- character(0)
  value <- withCallingHandlers(tryCatch(expr, error = identity),
                               message = function(x) tryInvokeRestart("muffleMessage"),
                               warning = function(w) {
                                 warned <<- c(warned, class(w)[1L])
                                 tryInvokeRestart("muffleWarning")
                               })
  list(value = value, told = if (inherits(value, "error")) class(value)[1L] else paste(warned, collapse = " "))
}

run_designs <- function() {
  sds <- list(c(0.4, 0.5), c(0.4, 0), c(0, 0.5), c(10, 10), c(300, 1), c(1, 300))
  designs <- hard_designs()
  far <- character()
  for (name in names(designs)) for (sd in sds) {
    d <- lapply(designs[[name]], factor)
    d$y <- rnorm(nlevels(d$u), sd = sd[1L])[d$u] + rnorm(nlevels(d$m), sd = sd[2L])[d$m] + rnorm(length(d$u))
    fit <- function(solver) said(lmm(y ~ 1 + (1 | u) + (1 | m), as.data.frame(d),
                                     control = lmm_control(solver = solver)))
    times <- system.time(auto <- fit("auto"))[[3L]]
    times[2L] <- system.time(own <- fit("iterative"))[[3L]]
    gap <- NA
    if (!inherits(auto$value, "error") && !inherits(own$value, "error")) {
      truth <- suppressMessages(variance_components(auto$value, information = "average"))
      gap <- max(abs(variance_components(own$value)$estimate - truth$estimate) / truth$se, na.rm = TRUE)
    }
    solver <- if (inherits(auto$value, "error")) "-" else auto$value$optimum$solver
    passes <- if (inherits(own$value, "error")) NA else own$value$optimum$monte_carlo$passes
    cat(sprintf(paste("%-18s sd %5g %5g  auto: %-9s %6.1f s %s  iterative: %6.1f s, %4d passes, %.2f percent of a",
                      "standard error away %s\n"), name,
                sd[1L], sd[2L], if (is.null(solver)) "direct" else solver, times[1L], auto$told, times[2L], passes,
                100 * gap, own$told))
    if (isTRUE(gap > 0.05)) far <- c(far, paste(name, toString(sd)))
  }
  if (length(far)) stop("more than 5 percent of a standard error away: ", paste(far, collapse = "; "), call. = FALSE)
}

run_direct <- function() {
  d <- ratings(4e5, 16e3, 5000)
  fit <- function(solver) system.time(suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), d,
                                                           control = lmm_control(solver = solver))))[["elapsed"]]
  times <- c(iterative = fit("iterative"), direct = fit("direct"))
  print(c(times, ratio = times[["direct"]] / times[["iterative"]]), digits = 3)
}

run_peer <- function() {
  if (!requireNamespace("gpboost", quietly = TRUE)) stop("needs package 'gpboost'", call. = FALSE)
  d <- ratings(1e6, 1e5, 1e4)
  ours <- system.time(suppressMessages(lmm(y ~ x + (1 | u) + (1 | m), d, REML = FALSE,
                                           control = lmm_control(solver = "iterative"))))
  theirs <- system.time(gpboost::fitGPModel(group_data = cbind(as.integer(d$u), as.integer(d$m)), y = d$y,
                                            X = cbind(1, d$x),
                                            likelihood = "gaussian", matrix_inversion_method = "iterative"))
  print(rbind(henderson = ours, gpboost = theirs)[, 1:3])
}

words <- commandArgs(TRUE)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L])
switch(words[1L],
  large = for (name in if (length(words) > 1L) words[-1L] else
    names(large_cases)) system2(file.path(R.home("bin"), "Rscript"), c(script, "one", name)),
  one = run_large(words[2L]),
  precision = run_precision(if (length(words) > 1L) as.integer(words[2L]) else 20L),
  ratings = run_ratings(), designs = run_designs(), direct = run_direct(), peer = run_peer(),
  stop("large, precision, ratings, designs, direct or peer", call. = FALSE))
