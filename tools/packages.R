# Shared by the scripts of this folder: what is needed, what is there, where to install.

description <- function(field) {
  text <- read.dcf("DESCRIPTION", fields = field)[1, 1]
  if (is.na(text)) return(data.frame(name = character(), version = character()))
  entries <- trimws(strsplit(text, ",")[[1]])
  version <- sub(".*>=\\s*([0-9.-]+).*|.*", "\\1", entries)
  data.frame(name = sub("[ (].*", "", gsub("\n", " ", entries)), version = ifelse(nzchar(version), version, "0.0"))
}

# A package may stand in two fields with different versions; both are kept and both must hold.
needs <- function(fields) do.call(rbind, lapply(fields, description))

installed_version <- function(name) {
  tryCatch(as.character(utils::packageVersion(name)), error = function(e) NA_character_)
}

is_enough <- function(have, want) {
  recent <- function(h, w) !is.na(h) && utils::compareVersion(h, w) >= 0
  as.logical(mapply(recent, have, want))
}

missing_packages <- function(wanted) {
  have <- vapply(wanted$name, installed_version, "")
  wanted[!is_enough(have, wanted$version), , drop = FALSE]
}

# The first library that can be written to; a user's own is made if need be.
target_library <- function() {
  writable <- .libPaths()[file.access(.libPaths(), 2) == 0]
  if (length(writable)) return(writable[1])
  own <- strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep)[[1]][1]
  own <- path.expand(own)
  dir.create(own, recursive = TRUE, showWarnings = FALSE)
  .libPaths(c(own, .libPaths()))
  own
}

use_all_cores <- function() {
  cores <- parallel::detectCores()
  Sys.setenv(MAKEFLAGS = paste0("-j", if (is.na(cores)) 1 else cores))
}

run <- function(command, args, ...) {
  cat("$", command, paste(args, collapse = " "), "\n")
  system2(command, args, ..., stdin = "")
}
