# Does the working tree find what a commit finds, to the last bit?   Rscript bench/parity.R [BASE] [--library=PATH]
#
# Both are built (BASE is HEAD unless named; the working tree is taken from PATH where it is installed already), both
# fit the models of parity_models.R, and their records are compared. A difference fails unless parity_gates.csv allows
# for it. Bits depend on the compiler, on Eigen and on the processor, so the record of a commit is kept in .build/parity
# under the fingerprint of the machine that made it.

script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
here <- dirname(script)
source(file.path(dirname(here), "tools", "packages.R"))     # run()
source(file.path(here, "parity_compare.R"))

git <- function(...) system2("git", c("-C", shQuote(dirname(here)), ...), stdout = TRUE)

# Compiler and flags, R, Eigen, processor, and the scripts that make a record.
fingerprint <- function() {
  config <- function(what) system2(file.path(R.home("bin"), "R"), c("CMD", "config", what), stdout = TRUE)
  compiler <- system2(strsplit(config("CXX17"), " ")[[1L]], "--version", stdout = TRUE)[1L]
  cpu <- if (file.exists("/proc/cpuinfo")) unique(grep("^(model name|flags)", readLines("/proc/cpuinfo"), value = TRUE))
  scripts <- tools::md5sum(file.path(here, c("parity_models.R", "parity_record.R")))
  text <- c(compiler, config("CXX17FLAGS"), R.version.string, as.character(utils::packageVersion("RcppEigen")), cpu,
            unname(scripts))
  file <- tempfile()
  on.exit(unlink(file))
  writeLines(text, file)
  substr(unname(tools::md5sum(file)), 1L, 12L)
}

stopped <- function(...) stop(..., call. = FALSE)

install_from <- function(source, library) {
  dir.create(library, recursive = TRUE, showWarnings = FALSE)
  log <- paste0(library, ".log")
  options <- c("CMD", "INSTALL", "--preclean", "--no-docs", "--no-test-load", "--no-lock", "-l", shQuote(library),
               shQuote(source))
  Sys.setenv(MAKEFLAGS = paste0("-j", max(1L, parallel::detectCores(), na.rm = TRUE)))
  if (run(file.path(R.home("bin"), "R"), options, stdout = log, stderr = log) != 0) stopped("not installed: see ", log)
  library
}

# The files that git would take from the working tree, so that nothing built in place is copied.
working_copy <- function(to) {
  unlink(to, recursive = TRUE)
  files <- git("ls-files", "--cached", "--others", "--exclude-standard")
  files <- files[file.exists(file.path(dirname(here), files))]
  for (folder in unique(dirname(file.path(to, files)))) dir.create(folder, recursive = TRUE, showWarnings = FALSE)
  file.copy(file.path(dirname(here), files), file.path(to, files), copy.date = TRUE)
  to
}

commit_copy <- function(commit, to) {
  unlink(to, recursive = TRUE)
  dir.create(to, recursive = TRUE)
  archive <- paste0(to, ".tar")
  git("archive", "--format=tar", "-o", shQuote(archive), commit)
  utils::untar(archive, exdir = to)
  unlink(archive)
  to
}

record_with <- function(library, file) {
  old <- Sys.getenv("R_LIBS")
  on.exit(Sys.setenv(R_LIBS = old))
  Sys.setenv(R_LIBS = paste(c(library, .libPaths()), collapse = .Platform$path.sep))
  status <- run(file.path(R.home("bin"), "Rscript"), c(shQuote(file.path(here, "parity_record.R")), shQuote(file)))
  if (status != 0) stopped("the models could not be recorded with ", library)
  readRDS(file)
}

record_of_commit <- function(commit, place) {
  file <- file.path(place, paste0(commit, "-", fingerprint(), ".rds"))
  if (file.exists(file)) return(readRDS(file))
  source <- commit_copy(commit, file.path(place, "base"))
  record_with(install_from(source, file.path(place, "base-library")), file)
}

record_of_tree <- function(place, library) {
  if (is.null(library)) library <- install_from(working_copy(file.path(place, "tree")),
                                                file.path(place, "tree-library"))
  record_with(library, file.path(place, "tree.rds"))
}

words <- commandArgs(TRUE)
library <- sub("^--library=", "", grep("^--library=", words, value = TRUE))
base <- c(grep("^--", words, value = TRUE, invert = TRUE), "HEAD")[1L]
commit <- git("rev-parse", "--verify", shQuote(paste0(base, "^{commit}")))
if (!length(commit)) stopped("there is no commit `", base, "`")
place <- file.path(dirname(here), ".build", "parity")
dir.create(place, recursive = TRUE, showWarnings = FALSE)
differences <- compare_records(record_of_commit(commit, place), record_of_tree(place, if (length(library)) library))
quit(status = report(differences, read_gates(file.path(here, "parity_gates.csv")), commit))
