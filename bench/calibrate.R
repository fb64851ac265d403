# Rejection rates of true hypotheses and coverage of intervals: Rscript bench/calibrate.R [design ...]
# [--part=tests|intervals|quantities] [--replicates=N] [--bootstrap=N] [--draws=N] [--cores=N] [--keep=DIR]
# [--write]. See bench/README.md.

library(henderson)
script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
source(file.path(dirname(script), "designs.R"))
source(file.path(dirname(script), "rates.R"))
source(file.path(dirname(script), "coverage.R"))

# ---- command line ----

read_options <- function(words) {
  flags <- grep("^--", words, value = TRUE)
  names <- setdiff(words, flags)
  numbers <- "^--(replicates|bootstrap|draws|cores)=[1-9][0-9]*$"
  parts <- c("--part=tests", "--part=intervals", "--part=quantities")
  keep <- grep("^--keep=.", flags, value = TRUE)
  unknown <- c(setdiff(names, names(all_designs)),
               flags[!grepl(numbers, flags) & !flags %in% c("--write", parts, keep)])
  if (length(unknown)) {
    stop("not understood: ", paste(unknown, collapse = " "), "\nDesigns: ", paste(names(all_designs), collapse = " "),
         "\nOptions: --part=tests --part=intervals --part=quantities --replicates=N --bootstrap=N --draws=N --cores=N ",
         "--keep=DIR --write",
         call. = FALSE)
  }
  out <- list(replicates = 2000L, bootstrap = 199L, draws = 100000L, cores = default_cores())
  for (flag in grep(numbers, flags, value = TRUE)) {
    out[[sub("^--(.*)=.*", "\\1", flag)]] <- as.integer(sub(".*=", "", flag))
  }
  out$write <- "--write" %in% flags
  out$keep <- sub("--keep=", "", keep)
  out$parts <- if (any(parts %in% flags)) sub("--part=", "", intersect(parts, flags)) else c("tests", "intervals")
  if (out$write && length(names)) stop("--write is for all designs together.", call. = FALSE)
  out$designs <- if (length(names)) all_designs[names] else all_designs
  out
}

default_cores <- function() {
  found <- if (.Platform$OS.type == "unix") parallel::detectCores() else 1L
  if (is.na(found)) 1L else found
}

# One task per question, and one per design for intervals. Its seed depends on nothing but its place among all designs.
all_tasks <- function(designs, parts) {
  unlist(lapply(designs, function(design) {
    place <- 100L * match(design$name, names(all_designs))
    fixed <- Map(function(question, k) list(part = "fixed", design = design, question = question, seed = place + k),
                 design$fixed, seq_along(design$fixed))
    tests <- c(fixed, list(list(part = "variance", design = design, question = design$variance, seed = place + 50L)))
    c(if ("tests" %in% parts && !isTRUE(design$intervals_only)) tests,
      lapply(intersect(c("intervals", "quantities"), parts),
             function(part) list(part = part, design = design, seed = place + 70L)))
  }), recursive = FALSE, use.names = FALSE)
}

run_task <- function(task, options) if (task$part %in% c("intervals", "quantities")) coverage_rates(task, options) else
  calibrate(task, options)

# As run_task(), or the result that an earlier run with the same numbers kept.
kept_task <- function(task, options) {
  if (!length(options$keep)) return(run_task(task, options))
  dir.create(options$keep, showWarnings = FALSE, recursive = TRUE)
  numbers <- unlist(options[c("replicates", "bootstrap", "draws")])
  path <- file.path(options$keep, paste0(paste(c(task$part, task$seed, numbers), collapse = "-"), ".rds"))
  if (file.exists(path)) return(readRDS(path))
  out <- run_task(task, options)
  saveRDS(out, path)
  out
}

# ---- print-out ----

# Methods as columns, percentages.
wide_table <- function(result, column) {
  result$row <- paste(result$name, result$question, sep = ": ")
  methods <- unique(result$method)
  rows <- unique(result$row)
  percent <- matrix("", length(rows), length(methods), dimnames = list(rows, methods))
  percent[cbind(result$row, result$method)] <- sprintf("%.1f", 100 * result[[column]])
  percent
}

print_tables <- function(result) {
  old <- options(width = 160)
  on.exit(options(old))
  for (part in unique(result$part)) {
    own <- result[result$part == part, ]
    for (level in levels_wanted) {
      cat("\n", if (part == "fixed") "Fixed effects" else "Variances",
          ": type I error rates in percent at the nominal level of ", 100 * level,
          " percent\n", sep = "")
      print(noquote(wide_table(own, sprintf("rate_%02.0f", 100 * level))), right = TRUE)
    }
  }
  cat("\n", result$replicates[1], " responses for each hypothesis; standard error of a rate of 5 percent ",
      sprintf("%.2f", 100 * sqrt(0.05 * 0.95 / result$replicates[1])), ", of 1 percent ",
      sprintf("%.2f", 100 * sqrt(0.01 * 0.99 / result$replicates[1])), "\n", sep = "")
}

# Percentages of intervals that hold the truth; of several parameters the lowest and the highest.
print_coverage <- function(result) {
  old <- options(width = 160)
  on.exit(options(old))
  result$interval <- sub("^coefficient .*", "fixed effects", result$interval)
  for (interval in unique(result$interval)) {
    own <- result[result$interval == interval, ]
    cell <- tapply(own$coverage, list(own$name, own$method),
                   function(x) paste(unique(sprintf("%.1f", 100 * range(x))), collapse = " to "))
    cell[is.na(cell)] <- ""
    cat("\n", interval, ": percent of 95 percent intervals that hold the truth\n", sep = "")
    print(noquote(cell[unique(own$name), unique(own$method), drop = FALSE]), right = TRUE)
  }
}

# The part "quantities" takes the place of its rows in the file.
write_coverage <- function(result, part) {
  path <- file.path(dirname(dirname(script)), "inst", "extdata", "coverage.csv")
  about <- character()
  if (part == "quantities") {
    about <- grep("^#.*part=intervals", readLines(path), value = TRUE)
    known <- utils::read.csv(path, comment.char = "#")
    key <- function(x) {
      row <- paste(x$name, x$interval, x$method)
      paste(row, stats::ave(seq_along(row), row, FUN = seq_along))
    }
    known[match(key(result), key(known)), ] <- result
    result <- known
  }
  writeLines(c(about, sprintf("# Rscript bench/calibrate.R --part=%s --write: %s, henderson %s, %s", part, Sys.Date(),
                              utils::packageVersion("henderson"), R.version.string)), path)
  result$se <- signif(result$se, 3)
  suppressWarnings(utils::write.table(result, path, append = TRUE, sep = ",", row.names = FALSE))
  cat("written: inst/extdata/coverage.csv\n")
}

write_result <- function(result, options) {
  path <- file.path(dirname(dirname(script)), "inst", "extdata", "calibration.csv")
  about <- sprintf(
    "# Rscript bench/calibrate.R --write: %s, henderson %s, %s; bootstrap of %d, %d draws for exact tests",
                   Sys.Date(), utils::packageVersion("henderson"), R.version.string, options$bootstrap, options$draws)
  writeLines(about, path)
  result[c("se_05", "se_01")] <- signif(result[c("se_05", "se_01")], 3)
  suppressWarnings(utils::write.table(result, path, append = TRUE, sep = ",", row.names = FALSE))
  cat("written: inst/extdata/calibration.csv\n")
}

wanted <- read_options(commandArgs(TRUE))
started <- proc.time()[["elapsed"]]
tasks <- all_tasks(wanted$designs, wanted$parts)
cat(length(tasks), "questions,", wanted$replicates, "responses each, on", wanted$cores, "cores\n")
found <- parallel::mclapply(tasks, kept_task, wanted, mc.cores = wanted$cores, mc.preschedule = FALSE)
failed <- Filter(Negate(is.data.frame), found)
if (length(failed)) stop("a question failed: ", format(failed[[1]]), call. = FALSE)
of_intervals <- vapply(tasks, function(task) task$part %in% c("intervals", "quantities"), NA)
if (!all(of_intervals)) {
  result <- do.call(rbind, found[!of_intervals])
  result <- result[order(result$part), ]
  print_tables(result)
}
if (any(of_intervals)) print_coverage(do.call(rbind, found[of_intervals]))
cat(sprintf("%.0f s\n", proc.time()[["elapsed"]] - started))
if (wanted$write && !all(of_intervals)) write_result(result, wanted)
for (part in if (wanted$write) intersect(wanted$parts, c("intervals", "quantities"))) {
  write_coverage(do.call(rbind, found[vapply(tasks, function(task) task$part == part, NA)]), part)
}
