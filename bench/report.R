# What is printed.

seconds <- function(x) {
  if (is.na(x)) return("")
  if (x < 0.1) paste(format(signif(1000 * x, 3)), "ms") else paste(format(signif(x, 3)), "s")
}

gigabytes <- function(x) if (length(x) == 0 || is.na(x)) "" else sprintf("%.2f GB", x / 1e9)

ratio <- function(x) if (length(x) == 0 || is.na(x)) "" else format(signif(x, if (x < 10) 2 else 3), big.mark = "")

# Median of the ratios of the pairs.
time_ratio <- function(result, clock = "elapsed") {
  stats::median(result$times$peer[, clock] / result$times$ours[, clock])
}

memory_ratio <- function(result) {
  if (length(result$peaks) < 2) return(NA_real_)
  result$peaks$ours[["after"]] / result$peaks$peer[["after"]]
}

print_result <- function(result) {
  show <- function(side, name) {
    times <- result$times[[side]]
    cat(sprintf("  %-10s elapsed %s, processor %s  (%d runs, elapsed %s to %s)\n", name,
                seconds(stats::median(times[, "elapsed"])), seconds(stats::median(times[, "cpu"])), nrow(times),
                seconds(min(times[, "elapsed"])), seconds(max(times[, "elapsed"]))))
    peak <- result$peaks[[side]]
    if (length(peak)) cat(sprintf("  %-10s peak memory %s, of which data and code %s\n", "", gigabytes(peak[["after"]]),
                          gigabytes(peak[["before"]])))
  }
  show("ours", "henderson")
  if (is.null(result$case$peer)) return(invisible())
  if (!result$has_peer) return(cat("  peer missing: needs",
                                   paste(c(result$case$package, result$case$needs), collapse = " and "), "\n"))
  show("peer", result$case$package)
  cat("  ratio of times ", ratio(time_ratio(result)), " elapsed, ", ratio(time_ratio(result, "cpu")), " processor",
      if (length(result$peaks) > 1) paste0("; of peaks ", ratio(memory_ratio(result))),
      if (!is.na(result$times$differ)) paste0("; apart: ", distance(result$times$differ, 2)), "\n", sep = "")
}

# The name says in what the results differ.
distance <- function(x, digits) if (is.na(x)) "" else paste0(format(unname(x), digits = digits), " (", names(x), ")")

peer_cell <- function(result, cell) if (is.null(result$case$peer)) "none" else if (result$has_peer) cell() else
  "missing"

# A bar inside a cell would end the cell.
as_row <- function(cells) paste0("| ", paste(gsub("|", "\\|", cells, fixed = TRUE), collapse = " | "), " |")

time_row <- function(result) {
  as_row(c(result$case$title, seconds(stats::median(result$times$ours[, "elapsed"])),
           peer_cell(result, function() seconds(stats::median(result$times$peer[, "elapsed"]))),
           ratio(time_ratio(result)), ratio(time_ratio(result, "cpu")),
           distance(result$times$differ, 1)))
}

memory_row <- function(result) {
  peak <- function(x) paste0(gigabytes(x["after"]), " (", gigabytes(x["before"]), ")")
  as_row(c(result$case$title, peak(result$peaks$ours), peer_cell(result, function() peak(result$peaks$peer)),
           ratio(memory_ratio(result))))
}

markdown_tables <- function(results) {
  with_memory <- Filter(function(result) length(result$peaks) > 0, results)
  c(as_row(c("time", "henderson", "other package", "ratio", "ratio, CPU time", "difference")),
    paste0("|:--", strrep("|--:", 5), "|"), vapply(results, time_row, ""),
    if (length(with_memory)) {
      c("", as_row(c("peak memory (before the fit)", "henderson", "other package", "ratio")),
        paste0("|:--", strrep("|--:", 3), "|"), vapply(with_memory, memory_row, ""))
    })
}

# Processes that wanted a processor in the last minutes: more than there are cores, and elapsed times are too long.
load <- function() {
  if (!file.exists("/proc/loadavg")) return("")
  paste0(", load average ", strsplit(readLines("/proc/loadavg"), " ")[[1]][2])
}

peer_packages <- c("lme4", "lmerTest", "pbkrtest", "RLRsim")

machine_line <- function() {
  processor <- "unknown processor"
  if (file.exists("/proc/cpuinfo")) {
    line <- grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)
    if (length(line)) processor <- sub("^[^:]*: *", "", line[1])
  }
  version <- function(package) {
    if (requireNamespace(package, quietly = TRUE)) paste(package, utils::packageVersion(package)) else
      paste(package, "missing")
  }
  paste0(format(Sys.Date()), ", ", processor, ", ", parallel::detectCores(), " cores, ", R.version.string, ", ",
         paste(vapply(c("henderson", peer_packages, "Matrix"), version, ""), collapse = ", "), ", BLAS ",
         basename(extSoftVersion()[["BLAS"]]), load(), ".")
}

explanation <- function(words) {
  command <- paste(c("Rscript bench/run.R", setdiff(words, "--write")), collapse = " ")
  strwrap(paste0("Made by `", command,
                 "`. Times are medians of alternating runs in one process; each ratio is the median ",
                 paste("over the pairs of the other package's time divided by ours. Peak memory is that of a fresh",
                       "process that reads "),
                 paste("the data (for tests and intervals, the fit) from a file and makes one call; the value in",
                       "parentheses is the "),
                 paste("memory used by data and code alone. Difference: our -2 log L minus the other package's",
                       "(negative where our "),
                 paste("optimum is better), the relative difference of limits and degrees of freedom, or the",
                       "difference of two "),
                 "simulated p-values."), 100)
}

# Between the markers in the README of the package.
write_figures <- function(table, file = "README.md") {
  lines <- readLines(file)
  begin <- grep("<!-- figures: begin -->", lines, fixed = TRUE)
  end <- grep("<!-- figures: end -->", lines, fixed = TRUE)
  if (length(begin) != 1 || length(end) != 1) stop("no place for the figures in ", file, call. = FALSE)
  writeLines(c(lines[seq_len(begin)], table, lines[seq(end, length(lines))]), file)
}
