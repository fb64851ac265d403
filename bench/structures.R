# Models with covariance structures and known relationships: processor seconds, memory, and the ratio to a peer.
#   Rscript bench/structures.R [case ...] [--write]
# Each case runs in a process of its own; the time is the median of the runs, in which ours and the peer alternate.
# `--write` puts the table into inst/extdata/structures.csv. Peers that are not installed are left out.

series <- function(m, n, seed = 1, effect = 1) {
  set.seed(seed)
  e <- matrix(rnorm(m * n), n)
  for (i in seq_len(n)[-1L]) e[i, ] <- 0.6 * e[i - 1L, ] + 0.8 * e[i, ]
  data.frame(id = structure(rep(seq_len(m), each = n), levels = as.character(seq_len(m)), class = "factor"),
             t = rep(seq_len(n), m), x = rnorm(m * n), y = as.vector(e) + effect * rep(rnorm(m), each = n))
}

irregular <- function() {
  d <- series(1e4, 10, 2, 0)
  gap <- matrix(rexp(1e5), 10)
  d$t <- as.vector(apply(gap, 2L, cumsum))
  r <- exp(-gap / 2)
  e <- matrix(rnorm(1e5), 10)
  for (i in 2:10) e[i, ] <- r[i, ] * e[i - 1L, ] + sqrt(1 - r[i, ]^2) * e[i, ]
  d$y <- as.vector(e)
  d
}

# A trial of 1000 subjects and 10 visits with dropout, 23 coefficients.
trial <- function(m = 1000, visits = 10, seed = 3) {
  d <- series(m, visits, seed)
  d$visit <- factor(d$t)
  d$arm <- factor(rep(c("control", "active"), each = visits, length.out = nrow(d)))
  d$sex <- factor(rep(sample(2, m, TRUE), each = visits))
  d$base <- rep(rnorm(m), each = visits)
  d$y <- d$y + 0.3 * d$base
  last <- rep(ifelse(runif(m) < 0.3, sample(2:visits, m, TRUE), visits), each = visits)
  d[d$t <= last & runif(nrow(d)) > 0.02, ]
}

animals <- function(n = 1e5, generations = 20, seed = 5) {
  set.seed(seed)
  size <- n / (generations + 1)
  born <- pmin(floor((seq_len(n) - 1) / size), generations)
  sire <- dam <- rep(NA_integer_, n)
  for (g in seq_len(generations)) {
    before <- which(born == g - 1)
    own <- which(born == g)
    sires <- sample(before, 100)
    dams <- sample(setdiff(before, sires), 1000)
    mate <- sample(sires, 1000, TRUE)
    k <- sample(1000, length(own), TRUE)
    dam[own] <- dams[k]
    sire[own] <- mate[k]
  }
  p <- henderson::pedigree(seq_len(n), sire, dam)
  u <- numeric(n)                                  # animals come after their parents
  d <- 1 - 0.5 * (!is.na(sire))
  for (i in seq_len(n)) u[i] <- (if (is.na(sire[i])) 0 else (u[sire[i]] + u[dam[i]]) / 2) + sqrt(d[i]) * rnorm(1)
  list(p = p, d = data.frame(animal = seq_len(n), x = rnorm(n), y = u + rnorm(n)))
}

field <- function(rows = 100, cols = 100, seed = 6) {
  set.seed(seed)
  root <- function(n, r) t(chol(r^abs(outer(seq_len(n), seq_len(n), "-"))))
  e <- root(rows, 0.7) %*% matrix(rnorm(rows * cols), rows) %*% t(root(cols, 0.4))
  data.frame(row = as.vector(row(e)), col = as.vector(col(e)), variety = factor(sample(50, rows * cols, TRUE)),
             y = as.vector(e))
}

mmrm_fit <- function(d, ...) mmrm::mmrm(y ~ arm * visit + sex + base + us(visit | id), d, ...)

cases <- list(
  ar1 = list(title = "AR(1) and random intercept, 1000 x 10", target = "30 x nlme", runs = 11,
             data = function() series(1000, 10),
             ours = function(d) lmm(y ~ x + (1 | id), d, residual = ~ ar1(t | id)), package = "nlme",
             peer = function(d) nlme::lme(y ~ x, d, random = ~ 1 | id, correlation = nlme::corAR1(form = ~ t | id))),
  ar1_long = list(title = "AR(1), 10^6 rows", target = "2 s", runs = 3, data = function() series(1e5, 10),
                  ours = function(d) lmm(y ~ x, d, residual = ~ ar1(t | id))),
  ou = list(title = "OU, irregular times, 10^5 rows", target = "0.5 s", runs = 3, data = irregular,
            ours = function(d) lmm(y ~ x, d, residual = ~ ou(t | id))),
  us_fit = list(title = "unstructured over 10 visits, fit", target = "5 x mmrm", runs = 3, data = trial,
                ours = function(d) lmm(y ~ arm * visit + sex + base, d, residual = ~ us(visit | id)), package = "mmrm",
                peer = function(d) mmrm_fit(d)),
  us_kr = list(title = "the same with Kenward-Roger tests", target = "100 x mmrm", runs = 5, data = trial,
               ours = function(d) {
                 anova(lmm(y ~ arm * visit + sex + base, d, residual = ~ us(visit | id)), ddf = "Kenward-Roger")
               }, package = "mmrm",
               peer = function(d) mmrm_fit(d, method = "Kenward-Roger", vcov = "Kenward-Roger-Linear")),
  us_anova = list(title = "Kenward-Roger anova, 200 x 4, unstructured", target = "0.01 s", runs = 21,
                  data = function() {
                    d <- trial(200, 4)
                    lmm(y ~ arm * visit, d, residual = ~ us(visit | id))
                  }, ours = function(fit) anova(fit, ddf = "Kenward-Roger")),
  pedigree = list(title = "10^5 animals with one record each", target = "30 s, 2 GB", runs = 1, data = animals,
                  ours = function(x) lmm(y ~ x + (1 | animal), x$d, relationship = list(animal = x$p))),
  field = list(title = "AR1 x AR1 field of 100 x 100 plots, 50 varieties", target = "5 s", runs = 3,
               data = function() field(100, 100),
               ours = function(d) lmm(y ~ variety, d, residual = ~ ar1(col):ar1(row))),
  field_gaps = list(title = "the same with 300 plots missing", target = "", runs = 1,
                    data = function() field(100, 100)[-sample(1e4, 300), ],
                    ours = function(d) lmm(y ~ variety, d, residual = ~ ar1(col):ar1(row)))
)

processor <- function(f, x) {
  gc()
  sum(system.time(suppressMessages(f(x)))[c("user.self", "sys.self")])
}

peak_gigabytes <- function() {
  if (!file.exists("/proc/self/status")) return(NA_real_)
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024^2
}

run_one <- function(name) {
  suppressPackageStartupMessages(library(henderson))
  case <- cases[[name]]
  x <- case$data()
  has_peer <- !is.null(case$peer) && requireNamespace(case$package, quietly = TRUE)
  ours <- processor(case$ours, x)                  # the first one also loads code
  peak <- peak_gigabytes()
  if (case$runs > 1 || ours < 5) ours <- NULL
  if (has_peer && case$runs > 1) processor(case$peer, x)
  peer <- NULL
  for (k in seq_len(case$runs)) {
    if (length(ours) < case$runs) ours <- c(ours, processor(case$ours, x))
    if (has_peer) peer <- c(peer, processor(case$peer, x))
  }
  cat(sep = "", "RESULT,", name, ",", signif(stats::median(ours), 3), ",",
      if (has_peer) signif(stats::median(peer), 3) else NA, ",", signif(peak, 2), "\n")
}

words <- commandArgs(TRUE)
if (length(words) == 2L && words[1L] == "--one") {
  run_one(words[2L])
} else {
  script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L]))
  names <- setdiff(words, "--write")
  if (!length(names)) names <- names(cases)
  rows <- lapply(names, function(name) {
    out <- system2(file.path(R.home("bin"), "Rscript"), c(shQuote(script), "--one", name), stdout = TRUE)
    out <- grep("^RESULT", out, value = TRUE)
    own <- strsplit(out, ",")[[1L]]
    case <- cases[[name]]
    row <- data.frame(model = case$title, target = case$target, seconds = as.numeric(own[3L]),
                      peer = if (is.null(case$package)) "" else case$package,
                      peer_seconds = suppressWarnings(as.numeric(own[4L])), gigabytes = as.numeric(own[5L]))
    row$ratio <- signif(row$peer_seconds / row$seconds, 2)
    print(row, row.names = FALSE)
    row
  })
  table <- do.call(rbind, rows)
  if ("--write" %in% words) {
    utils::write.csv(table, file.path(dirname(script), "..", "inst", "extdata", "structures.csv"), row.names = FALSE)
  }
}
