# Times henderson against its peers: Rscript bench/run.R [case ...] [--runs=N] [--no-memory] [--write]
# See bench/README.md.

script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
source(file.path(dirname(script), "cases.R"))
source(file.path(dirname(script), "cases_inference.R"))
source(file.path(dirname(script), "measure.R"))
source(file.path(dirname(script), "report.R"))

all_cases <- c(fitting_cases, inference_cases)
names(all_cases) <- vapply(all_cases, `[[`, "", "name")

# ---- command line ----

read_options <- function(words) {
  flags <- grep("^--", words, value = TRUE)
  names <- setdiff(words, flags)
  unknown <- c(setdiff(names, names(all_cases)), flags[!grepl("^--(runs=[1-9][0-9]*|no-memory|write)$", flags)])
  if (length(unknown)) {
    stop("not understood: ", paste(unknown, collapse = " "), "\nCases: ", paste(names(all_cases), collapse = " "),
         "\nOptions: --runs=N --no-memory --write", call. = FALSE)
  }
  runs <- sub("^--runs=", "", grep("^--runs=", flags, value = TRUE))
  list(cases = if (length(names)) all_cases[names] else all_cases, runs = if (length(runs)) as.integer(runs[1]),
       memory = !"--no-memory" %in% flags, write = "--write" %in% flags)
}

run_case <- function(case, options) {
  cat("\n", case$title, "\n", sep = "")
  has_peer <- !is.null(case$peer) && is_installed(c(case$package, case$needs))
  x <- tryCatch(case$data(), error = function(e) NULL, warning = function(w) NULL)
  if (is.null(x)) {
    cat("  left out: its data come with", case$package, "which is not installed\n")
    return(NULL)
  }
  times <- time_pairs(case, x, if (is.null(options$runs)) case$runs else options$runs, has_peer)
  peaks <- list()
  if (options$memory && case$memory) {
    peaks$ours <- peak_memory(case, x, "ours", script)
    if (has_peer) peaks$peer <- peak_memory(case, x, "peer", script)
  }
  result <- list(case = case, times = times, peaks = peaks, has_peer = has_peer)
  print_result(result)
  result
}

words <- commandArgs(TRUE)
if (length(words) == 4 && words[1] == "--child") {
  child(all_cases[[words[2]]], words[3], words[4])
} else {
  options <- read_options(words)
  cat(machine_line(), "\n", sep = "")
  results <- Filter(Negate(is.null), lapply(options$cases, run_case, options))
  table <- c(markdown_tables(results), "", machine_line(), "", explanation(words))
  cat("\n", paste0(table, "\n"), sep = "")
  if (options$write) write_figures(table)
}
