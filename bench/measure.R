# How it is measured: time in pairs in this process, peak memory in a fresh process for each fit.

# Seconds of one call: elapsed, and of the processor.
time_call <- function(f, x, repeats) {
  gc(FALSE)
  before <- proc.time()
  for (k in seq_len(repeats)) f(x)
  spent <- proc.time() - before
  c(elapsed = spent[["elapsed"]], cpu = sum(spent[c("user.self", "sys.self")])) / repeats
}

# Pairs of timings, first one side, then the other. The first call of each side is not timed: it loads code, and its
# results are compared.
time_pairs <- function(case, x, runs, has_peer) {
  ours_result <- case$ours(x)
  peer_result <- if (has_peer) case$peer(x)
  ours <- peer <- matrix(NA_real_, runs, 2, dimnames = list(NULL, c("elapsed", "cpu")))
  for (run in seq_len(runs)) {
    ours[run, ] <- time_call(case$ours, x, case$repeats[1])
    if (has_peer) peer[run, ] <- case$scale * time_call(case$peer, x, case$repeats[2])
  }
  differ <- if (has_peer && !is.null(case$differ)) case$differ(ours_result, peer_result) else NA
  list(ours = ours, peer = peer, differ = differ)
}

# ---- memory ----

# Largest resident set of this process so far, in bytes; NA where the system does not tell.
resident_peak <- function() {
  if (!file.exists("/proc/self/status")) return(NA_real_)
  line <- grep("^VmHWM:", readLines("/proc/self/status"), value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else NA_real_
}

# R's own maximum since the last reset, in bytes. Does not see what C++ allocates.
heap_peak <- function() {
  table <- gc()
  2^20 * sum(table[, ncol(table)])
}

# In the child: peak before and after one call.
child <- function(case, side, file) {
  if (side == "ours") loadNamespace("henderson") else loadNamespace(case$package)
  x <- readRDS(file)
  known <- !is.na(resident_peak())
  gc(reset = TRUE)
  before <- if (known) resident_peak() else heap_peak()
  if (side == "ours") case$ours(x) else case$peer(x)
  after <- if (known) resident_peak() else heap_peak()
  cat("\npeak:", format(c(before, after), digits = 15), if (known) "VmHWM" else "gc", "\n")
}

# Both sides get the same file and the same treatment.
peak_memory <- function(case, x, side, script) {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(x, file, compress = FALSE)
  rscript <- file.path(R.home("bin"), "Rscript")
  out <- system2(rscript, shQuote(c(script, "--child", case$name, side, file)), stdout = TRUE)
  line <- grep("^peak:", out, value = TRUE)
  if (!length(line)) return(c(before = NA_real_, after = NA_real_))
  numbers <- as.numeric(strsplit(trimws(line), " +")[[1]][2:3])
  c(before = numbers[1], after = numbers[2])
}
