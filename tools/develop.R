# Installs the working tree for those who work on it: R code by R, C++ by develop.mk, which compiles only what changed.
# Rscript tools/develop.R [LIBRARY]

source("tools/packages.R")

includes <- vapply(c("Rcpp", "RcppEigen"), function(name) system.file("include", package = name, mustWork = TRUE), "")
library_directory <- if (length(commandArgs(TRUE))) commandArgs(TRUE)[1L] else target_library()
dir.create(library_directory, recursive = TRUE, showWarnings = FALSE)
build <- file.path(".build", "develop")
make <- c("-s", paste0("-j", max(1L, parallel::detectCores(), na.rm = TRUE)), "-f", "tools/develop.mk",
          paste0("BUILD=", build),
          paste0("PACKAGES='", paste(includes, collapse = " "), "'"),
          paste0("RCMD='", file.path(R.home("bin"), "R"), " CMD'"))
if (run("make", make) != 0) stop("not compiled", call. = FALSE)
install <- c("CMD", "INSTALL", "--no-libs", "--no-docs", "--no-test-load", "-l", shQuote(library_directory), ".")
if (run(file.path(R.home("bin"), "R"), install) != 0) stop("not installed", call. = FALSE)
libs <- file.path(library_directory, "henderson", "libs")
dir.create(libs, showWarnings = FALSE)
invisible(file.copy(file.path(build, "henderson.so"), libs, overwrite = TRUE))
