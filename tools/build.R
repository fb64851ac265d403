# Shared by install.R and test.R: build a tarball, install it. Functions only.
# Always by way of a tarball: R's rules for make do not see the engine's headers, so installing over old objects would
# keep the old engine. develop.R has rules that do.

source("tools/packages.R")

r_command <- function(args, ...) run(file.path(R.home("bin"), "R"), c("CMD", args), ...)

build_directory <- function() {
  dir.create(".build", showWarnings = FALSE)
  normalizePath(".build")
}

tarball_name <- function() {
  fields <- read.dcf("DESCRIPTION", fields = c("Package", "Version"))
  paste0(fields[1, "Package"], "_", fields[1, "Version"], ".tar.gz")
}

# Path of the tarball just built; stops if there is none.
build_tarball <- function(options = character()) {
  source_directory <- getwd()
  tarball <- file.path(build_directory(), tarball_name())
  unlink(tarball)
  setwd(build_directory())
  on.exit(setwd(source_directory))
  status <- r_command(c("build", options, shQuote(source_directory)))
  if (status != 0 || !file.exists(tarball)) stop("R CMD build failed", call. = FALSE)
  tarball
}

# An installation that was killed leaves its lock behind, which stops every later one. One that is half an hour old is
# taken for such.
remove_stale_lock <- function(library_directory) {
  lock <- file.path(library_directory, paste0("00LOCK-", read.dcf("DESCRIPTION", fields = "Package")[1L]))
  files <- c(lock, list.files(lock, recursive = TRUE, full.names = TRUE, include.dirs = TRUE))
  last <- suppressWarnings(max(file.mtime(files), na.rm = TRUE))
  if (!is.finite(last) || difftime(Sys.time(), last, units = "mins") < 30) return(invisible())
  message("Removing ", lock, ", which an interrupted installation left behind.")
  unlink(lock, recursive = TRUE)
}

# Debugging information is half of the time and most of the size of a build; HENDERSON_DEBUG=1 keeps it. make(1) reads
# no variable with spaces from the environment, so the user's own Makevars is copied and the flags are set after it.
without_debugging <- function() {
  if (nzchar(Sys.getenv("HENDERSON_DEBUG"))) return(invisible())
  config <- function(name) paste(system2(file.path(R.home("bin"), "R"), c("CMD", "config", name), stdout = TRUE),
                                 collapse = " ")
  flags <- gsub("(^| )-g[0-9]?(?= |$)", "", config("CXX17FLAGS"), perl = TRUE)
  own <- Filter(file.exists, c(Sys.getenv("R_MAKEVARS_USER"), path.expand("~/.R/Makevars")))
  makevars <- file.path(build_directory(), "Makevars")
  writeLines(c(if (length(own)) readLines(own[1L]), paste("CXX17FLAGS =", flags)), makevars)
  Sys.setenv(R_MAKEVARS_USER = makevars)
}

# The compiler's remarks on Eigen's templates fill screens; they are shown only if the installation fails.
install_package <- function() {
  use_all_cores()
  without_debugging()
  library_directory <- target_library()
  remove_stale_lock(library_directory)
  tarball <- build_tarball("--no-build-vignettes")
  log <- file.path(build_directory(), "install.log")
  args <- c("INSTALL", "--preclean", "--no-test-load", "-l", shQuote(library_directory), shQuote(tarball))
  status <- r_command(args, stdout = log, stderr = log)
  if (status != 0) {
    cat(readLines(log, warn = FALSE), sep = "\n")
    stop("R CMD INSTALL failed", call. = FALSE)
  }
}
