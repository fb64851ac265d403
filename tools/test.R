# Runs the named steps in order and sums their counts: Rscript tools/test.R cpp check r
# Every step returns c(passed, failed, skipped) and prints what went wrong.

source("tools/build.R")

counts <- function(passed = 0, failed = 0, skipped = 0) c(passed = passed, failed = failed, skipped = skipped)

# ---- C++: the unit tests of the engine, one Catch summary per program ----

catch_counts <- function(lines) {
  all_passed <- grep("^All tests passed", lines, value = TRUE)
  mixed <- grep("^test cases:", lines, value = TRUE)
  number <- function(text, pattern) {
    found <- regmatches(text, regexpr(pattern, text))
    sum(as.numeric(gsub("[^0-9]", "", found)))
  }
  counts(number(all_passed, "[0-9]+ test case") + number(mixed, "[0-9]+ passed"), number(mixed, "[0-9]+ failed"))
}

step_cpp <- function() {
  script <- file.path("tests", "cpp", "run.sh")
  log <- tempfile()
  on.exit(unlink(log))
  pipeline <- paste("bash", script, "2>&1 | tee", log, "; exit ${PIPESTATUS[0]}")
  status <- run("bash", c("-c", shQuote(pipeline)))
  Sys.setenv(HENDERSON_CPP_TESTED = "true")     # so that test-engine.R does not do it again
  result <- catch_counts(readLines(log, warn = FALSE))
  if (status != 0 && result["failed"] == 0) result["failed"] <- 1
  if (sum(result) == 0) result["failed"] <- 1
  result
}

# ---- R: the suite in tests/testthat against the installed package ----

# Compiling takes minutes, so the suite uses the installation that R CMD check has just made, if it has.
use_installed_package <- function() {
  checked <- file.path(build_directory(), "henderson.Rcheck")
  if (!"check" %in% steps || !dir.exists(file.path(checked, "henderson"))) return(install_package())
  Sys.setenv(R_LIBS = paste(c(checked, .libPaths()), collapse = .Platform$path.sep))    # for processes that tests start
  .libPaths(c(checked, .libPaths()))
}

step_r <- function() {
  use_installed_package()
  Sys.setenv(NOT_CRAN = "true")     # run what skip_on_cran() spares CRAN's machines
  results <- testthat::test_dir(
    file.path("tests", "testthat"), package = "henderson", load_package = "installed",
    reporter = testthat::SummaryReporter$new(max_reports = 50), stop_on_failure = FALSE, stop_on_warning = FALSE
  )
  table <- as.data.frame(results)
  bad <- table$failed > 0 | table$error
  if (any(bad)) cat("Failed:", paste0("  ", table$file[bad], ": ", table$test[bad]), sep = "\n")
  if (sum(table$warning)) cat("Warnings in", sum(table$warning > 0), "tests\n")
  slow <- utils::head(table[order(-table$real), c("file", "test", "real")], 5)
  cat("Slowest:", sprintf("  %5.1f s  %s: %s", slow$real, slow$file, slow$test), sep = "\n")
  skipped <- table$skipped & !bad
  counts(sum(!bad & !skipped), sum(bad), sum(skipped))
}

# ---- check: R CMD check --as-cran without the network and without running the suite again ----

offline_check <- c("_R_CHECK_CRAN_INCOMING_=false", "_R_CHECK_SYSTEM_CLOCK_=false", "_R_CHECK_FORCE_SUGGESTS_=false")

# The check warns if 'qpdf' is missing, which it wants for PDF files; the package has none for it to look at.
without_qpdf <- function() if (!nzchar(Sys.which("qpdf"))) "R_QPDF=true"

can_build_vignettes <- function() {
  requireNamespace("knitr", quietly = TRUE) && requireNamespace("rmarkdown", quietly = TRUE) &&
    rmarkdown::pandoc_available()
}

# A note is accepted if the README explains it under the title that R CMD check gives it.
problems_of_check <- function(log) {
  lines <- readLines(log, warn = FALSE)
  verdict <- "^\\* (.*) \\.\\.\\..*(ERROR|WARNING|NOTE)$"
  found <- grep(verdict, lines, value = TRUE)
  title <- sub("^checking ", "", sub(verdict, "\\1", found))
  explained <- vapply(title, grepl, NA, x = paste(readLines("README.md"), collapse = "\n"), fixed = TRUE)
  # A verdict can stand on a line of its own, after output; the closing line counts those too.
  status <- grep("^Status:", lines, value = TRUE)
  total <- sum(as.numeric(unlist(regmatches(status, gregexpr("[0-9]+", status)))))
  c(found[!(grepl("NOTE$", found) & explained)],
    if (total > length(found)) "a verdict that stands on a line of its own: see above")
}

step_check <- function() {
  use_all_cores()
  without_debugging()
  vignettes <- can_build_vignettes()
  tarball <- build_tarball(if (!vignettes) "--no-build-vignettes")
  options <- c("--as-cran", "--no-manual", "--no-tests", if (!vignettes) "--ignore-vignettes")
  status <- r_command(c("check", options, "-o", shQuote(build_directory()), shQuote(tarball)),
                      env = c(offline_check, without_qpdf()))
  log <- file.path(build_directory(), "henderson.Rcheck", "00check.log")
  problems <- if (file.exists(log)) problems_of_check(log) else "R CMD check left no log"
  if (status != 0 && !length(problems)) problems <- "R CMD check ended with an error"
  if (length(problems)) cat("Not accepted:", problems, sep = "\n")
  counts(passed = !length(problems), failed = length(problems), skipped = !vignettes)
}

# A step that stops is a failure of that step; the others still run.
run_step <- function(name) {
  cat("\n==== ", name, " ====\n", sep = "")
  started <- proc.time()[["elapsed"]]
  step <- switch(name, cpp = step_cpp, check = step_check, r = step_r)
  result <- tryCatch(step(), error = function(e) {
    cat("Error:", conditionMessage(e), "\n")
    counts(failed = 1)
  })
  cat(sprintf("==== %s: %s in %.0f s\n", name, sentence(result), proc.time()[["elapsed"]] - started))
  result
}

sentence <- function(result) {
  sprintf("%d passed, %d failed, %d skipped", result[["passed"]], result[["failed"]], result[["skipped"]])
}

steps <- commandArgs(trailingOnly = TRUE)
results <- vapply(steps, run_step, counts())
total <- rowSums(results)
cat("\n", sprintf("%-8s %s\n", steps, apply(results, 2, sentence)), "\n", sep = "")
cat(sentence(total), "\n", sep = "")
quit(status = if (total[["failed"]] > 0) 1 else 0)
