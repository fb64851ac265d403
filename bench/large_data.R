# Fits to databases beside the database's own GROUP BY, and to rows in memory beside lm(): Rscript bench/large_data.R
# [--rows=1000000] [--engines=memory,sqlite,postgres] [--runs=3]
#
# 10^5 groups (or rows / 10), y ~ x1 + x2 + (1 | g). "plain" is SELECT g, COUNT(*), nine SUMs GROUP BY g with all rows
# of the result fetched: the sums that the fit needs, without shifts. "fit" is the whole call of lmm(). Both alternate;
# the medians and the median ratio are printed, elapsed and, for SQLite, CPU (a server's CPU time is not R's). Memory:
# peak resident set of a fresh process that only fits. The server is started on loopback in a temporary directory, where
# PostgreSQL and package 'RPostgres' are installed. "memory": lmm() with one thread and with two, and lm() without the
# groups, on a data frame; the ratios are seconds of lm() over seconds of lmm(). The peaks are of fresh processes.

library(henderson)

arguments <- commandArgs(TRUE)
option <- function(name, default) c(sub(paste0("--", name, "="), "",
                                        grep(paste0("^--", name, "="), arguments, value = TRUE)), default)[1L]
n <- as.numeric(option("rows", 1e6))
runs <- as.integer(option("runs", 3L))
engines <- strsplit(option("engines", "memory,sqlite,postgres"), ",")[[1L]]
file <- option("file", file.path(tempdir(), "bench.sqlite"))
port <- option("port", "")

plain <- paste(paste("SELECT g, COUNT(*) AS n, SUM(x1) AS a1, SUM(x2) AS a2, SUM(y) AS a3, SUM(x1*x1) AS s1,",
                     "SUM(x1*x2) AS s2, SUM(x2*x2) AS s3,"),
               "SUM(x1*y) AS s4, SUM(x2*y) AS s5, SUM(y*y) AS s6 FROM t GROUP BY g")
formula <- y ~ x1 + x2 + (1 | g)

connect <- function(engine) {
  if (engine == "sqlite") return(DBI::dbConnect(RSQLite::SQLite(), file))
  DBI::dbConnect(RPostgres::Postgres(), host = "localhost", port = as.integer(port), user = "tester",
                 dbname = "postgres")
}

peak_megabytes <- function() {
  line <- grep("^VmHWM", tryCatch(readLines("/proc/self/status"), error = function(e) ""), value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NA_real_
}

# In blocks, so that the rows are never in R together.
fill <- function(con, n, block = 1e6) {
  groups <- max(10, min(1e5, n / 10))
  set.seed(1)
  u <- rnorm(groups)
  for (from in seq(1, n, by = block)) {
    m <- min(block, n - from + 1)
    d <- data.frame(g = sample.int(groups, m, TRUE), x1 = rnorm(m, 40, 10), x2 = rnorm(m))
    d$y <- 30 + 0.1 * d$x1 + d$x2 + u[d$g] + rnorm(m)
    DBI::dbWriteTable(con, "t", d, append = from > 1)
  }
}

rows_in_memory <- function(n) {
  set.seed(1)
  groups <- max(10, min(1e5, n / 10))
  d <- data.frame(g = sample.int(groups, n, TRUE), x1 = rnorm(n, 40, 10), x2 = rnorm(n))
  d$y <- 30 + 0.1 * d$x1 + d$x2 + rnorm(groups)[d$g] + rnorm(n)
  d
}

fits_in_memory <- list(
  "1 thread" = function(d) lmm(formula, d, control = lmm_control(threads = 1)),
  "2 threads" = function(d) lmm(formula, d, control = lmm_control(threads = 2)),
  lm = function(d) lm(y ~ x1 + x2, d))

compare_in_memory <- function() {
  d <- rows_in_memory(n)
  times <- lapply(seq_len(runs), function(run) lapply(fits_in_memory, function(fit) seconds(fit(d))))
  self <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  for (side in names(fits_in_memory)) {
    middle <- function(f) stats::median(vapply(times, f, 0))
    memory <- system2(file.path(R.home("bin"), "Rscript"),
                      c(shQuote(self), "--memory", "--engines=memory", paste0("--rows=", format(n, scientific = FALSE)),
                        shQuote(paste0("--side=", side))), stdout = TRUE)
    cat(sprintf("%-9s %8.0f rows  elapsed %6.2f s  ratio %4.2f  CPU %6.2f s  ratio %4.2f  %s\n", side, n,
                middle(function(t) t[[side]][[1L]]), middle(function(t) t$lm[[1L]] / t[[side]][[1L]]),
                middle(function(t) t[[side]][[2L]]), middle(function(t) t$lm[[2L]] / t[[side]][[2L]]),
                utils::tail(memory, 1L)))
  }
}

seconds <- function(expr) {
  time <- system.time(expr, gcFirst = TRUE)
  c(elapsed = time[["elapsed"]], cpu = time[["user.self"]] + time[["sys.self"]])
}

compare <- function(engine) {
  con <- connect(engine)
  on.exit(DBI::dbDisconnect(con))
  fill(con, n)
  if (engine == "postgres") DBI::dbExecute(con, "ANALYZE t")
  invisible(DBI::dbGetQuery(con, plain))
  times <- lapply(seq_len(runs), function(run) {
    list(plain = seconds(DBI::dbGetQuery(con, plain)), fit = seconds(lmm(formula, sql_rows(con, "t"))))
  })
  middle <- function(f) stats::median(vapply(times, f, 0))
  self <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  memory <- system2(file.path(R.home("bin"), "Rscript"),
                    c(shQuote(self), "--memory", paste0("--engines=", engine), paste0("--file=", file),
                      paste0("--port=", port)), stdout = TRUE)
  cat(sprintf("%-9s %8.0f rows  plain %6.2f s  fit %6.2f s  ratio %4.2f  ratio of CPU %s  %s\n", engine, n,
              middle(function(t) t$plain[[1L]]), middle(function(t) t$fit[[1L]]),
              middle(function(t) t$fit[[1L]] / t$plain[[1L]]),
                if (engine == "sqlite") sprintf("%4.2f", middle(function(t) t$fit[[2L]] / t$plain[[2L]])) else "-",
              utils::tail(memory, 1L)))
}

if ("--memory" %in% arguments) {
  if (engines == "memory") d <- rows_in_memory(n) else con <- connect(engines)
  invisible(gc())
  before <- peak_megabytes()
  fit <- if (engines == "memory") fits_in_memory[[option("side", "lm")]](d) else lmm(formula, sql_rows(con, "t"))
  cat(sprintf("peak %.0f MB (before the fit %.0f MB)\n", peak_megabytes(), before))
} else {
  servers <- NULL
  if ("postgres" %in% engines) {
    source("tests/testthat/helper-postgres.R")
    servers <- start_postgres(1L)
    if (is.null(servers)) engines <- setdiff(engines, "postgres") else port <- as.character(servers[[1L]]$port)
    if (is.null(servers)) cat("postgres: no server can be started here\n")
  }
  if ("memory" %in% engines) compare_in_memory()
  for (engine in setdiff(engines, "memory")) compare(engine)
  if (!is.null(servers)) stop_postgres(servers)
  unlink(file)
}
