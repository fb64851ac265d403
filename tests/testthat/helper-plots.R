# Drawing without a screen.

on_paper <- function(expr) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  force(expr)
}

# The drawing itself, as the text of a page.
page_of <- function(expr) {
  file <- tempfile(fileext = ".pdf")
  on.exit(unlink(file))
  grDevices::pdf(file, compress = FALSE, useKerning = FALSE)
  expr
  grDevices::dev.off()
  iconv(readLines(file, warn = FALSE), "latin1", "ASCII", sub = "?")
}
