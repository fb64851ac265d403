# Writes FILES.md, one line for each file: the first sentence of its first comment. Called by document.R. Functions
# only.

# Lines of the comment that a file begins with, without the comment sign; the title of a roxygen block counts.
leading_comment <- function(file) {
  lines <- readLines(file, warn = FALSE)
  sign <- "^(#'|#|//) ?"
  first <- which(grepl(sign, lines) & !grepl("^#!|^#include|^#ifndef|^#define", lines))[1L]
  if (is.na(first) || first > 3L) return("")
  comment <- lines[seq(first, length(lines))]
  end <- which(!grepl(sign, comment) | grepl("^#(include|ifndef)", comment) | grepl("^#'? *$", comment))[1L]
  paste(sub(sign, "", comment[seq_len(if (is.na(end)) length(comment) else end - 1L)]), collapse = " ")
}

first_sentence <- function(text) sub("[.] [A-Z].*$", "", sub("[.]$", "", text))

table_of <- function(title, files) {
  if (!length(files)) return(character())
  says <- vapply(files, function(file) first_sentence(leading_comment(file)), "")
  rows <- sprintf("| `%s` | %s |", basename(files), gsub("|", "\\|", sub("[.:;]$", "", says), fixed = TRUE))
  c("", paste("##", title), "", "| file | what it is for |", "|:--|:--|", rows)
}

write_files_page <- function(path = ".") {
  old <- setwd(path)
  on.exit(setwd(old))
  of <- function(folder, pattern) file.path(folder, list.files(folder, pattern))
  layers <- list.dirs("inst/include/henderson", recursive = FALSE)
  lines <- c("# What every file is for", "",
             "Made by `make document` from the first comment of each file; change it there.",
             table_of("R/", setdiff(of("R", "[.]R$"), "R/RcppExports.R")),
             unlist(lapply(layers, function(layer) table_of(paste0(layer, "/"), of(layer, "[.]hpp$")))),
             table_of("src/", setdiff(of("src", "[.](cpp|h)$"), "src/RcppExports.cpp")),
             table_of("tests/testthat/, helpers", of("tests/testthat", "^helper.*[.]R$")),
             table_of("bench/", of("bench", "[.]R$")), table_of("tools/", of("tools", "[.](R|mk)$")))
  writeLines(lines, "FILES.md")
}
