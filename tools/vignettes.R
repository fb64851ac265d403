# Adds the vignettes to an installed package, so that vignette() opens them. They are run by the installed package,
# which R CMD build would compile a second time, and kept in .build until a source of the package changes.
# Pages are made by 'rmarkdown' where there is pandoc, otherwise by 'knitr' and 'commonmark' alone, which are small.

page_maker <- function() {
  has <- function(package) requireNamespace(package, quietly = TRUE)
  if (!has("knitr")) return(NULL)
  if (has("rmarkdown") && rmarkdown::pandoc_available("1.14")) return(rich_page)
  if (has("commonmark")) light_page
}

rich_page <- function(file, folder) {
  rmarkdown::render(file, "rmarkdown::html_vignette", output_dir = folder, quiet = TRUE, envir = new.env())
}

# Formulas are kept from the Markdown parser, for MathJax; figures become part of the page.
light_page <- function(file, folder) {
  old <- setwd(folder)
  on.exit(setwd(old))
  file <- basename(file)
  knitr::opts_knit$set(upload.fun = knitr::image_uri)
  text <- readLines(knitr::knit(file, quiet = TRUE, envir = new.env()), warn = FALSE, encoding = "UTF-8")
  text <- paste(text[-seq_len(which(text == "---")[2L])], collapse = "\n")
  other <- "(?s)(?:```.*?\n```|`[^`\n]+`|data:image[^)]*)(*SKIP)(*FAIL)"
  formula <- paste0(other, "|\\$\\$.+?\\$\\$|\\$[^$\\s](?:[^$\n]*[^$\\s])?\\$")
  at <- gregexpr(formula, text, perl = TRUE)
  formulas <- regmatches(text, at)[[1L]]
  regmatches(text, at) <- list(sprintf("FORMULA%dEND", seq_along(formulas)))
  body <- commonmark::markdown_html(text, extensions = TRUE, smart = FALSE)
  for (k in seq_along(formulas)) body <- sub(sprintf("FORMULA%dEND", k), escape_html(formulas[k]), body, fixed = TRUE)
  body <- gsub("<h([1-3])>([^<\n]*) [{]#([^}]*)[}]</h", "<h\\1 id=\"\\3\">\\2</h", body)
  writeLines(enc2utf8(c(page_head(vignette_title(file)), body, "</body></html>")),
             sub("Rmd$", "html", file), useBytes = TRUE)
}

escape_html <- function(text) gsub(">", "&gt;", gsub("<", "&lt;", gsub("&", "&amp;", text, fixed = TRUE), fixed = TRUE),
                                   fixed = TRUE)

page_head <- function(title) {
  c("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">", paste0("<title>", title, "</title>"),
    "<script>MathJax = {tex: {inlineMath: [['$', '$']]}, options: {skipHtmlTags: ['script', 'style', 'pre', 'code']}};",
    "</script><script async src=\"https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-chtml.js\"></script><style>",
    "body {max-width: 46em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 Helvetica, Arial, sans-serif}",
    "h1, h2, h3 {line-height: 1.2; margin-top: 1.6em} a {color: #0b5394} img {max-width: 100%}",
    "pre {background: #f6f6f6; padding: .7em 1em; overflow-x: auto; font-size: 85%; line-height: 1.35}",
    "code {font-family: Menlo, Consolas, monospace; font-size: 90%} pre code {font-size: 100%}",
    "table {border-collapse: collapse; margin: 1em 0; font-size: 90%}",
    "th, td {padding: .25em .7em; border-bottom: 1px solid #ddd; vertical-align: top} th {border-bottom-color: #888}",
    "</style></head><body>", paste0("<h1>", title, "</h1>"))
}

vignette_title <- function(file) {
  line <- grep("VignetteIndexEntry", readLines(file, warn = FALSE, encoding = "UTF-8"), value = TRUE)[1L]
  sub(".*VignetteIndexEntry[{](.*)[}].*", "\\1", line)
}

vignette_code <- function(file) {
  lines <- readLines(file, warn = FALSE, encoding = "UTF-8")
  fence <- startsWith(lines, "```")
  open <- startsWith(lines, "```{r")
  chunk <- cumsum(fence)
  lines[!fence & chunk %in% chunk[open]]
}

# Pages, sources and code in `folder`; a vignette that fails is left out.
make_pages <- function(maker, folder) {
  files <- list.files(folder, "[.]Rmd$", full.names = TRUE)
  for (file in files) {
    done <- tryCatch({
      maker(file, folder)
      writeLines(vignette_code(file), sub("Rmd$", "R", file))
      TRUE
    }, error = function(e) {
      cat(basename(file), "is left out:", conditionMessage(e), "\n")
      NULL
    })
    if (is.null(done)) unlink(sub("Rmd$", "html", file))
  }
}

# The index that vignette() reads.
vignette_index <- function(folder) {
  pages <- list.files(folder, "[.]html$")
  pages <- pages[file.exists(file.path(folder, sub("html$", "Rmd", pages)))]
  sources <- sub("html$", "Rmd", pages)
  index <- data.frame(File = sources, Title = vapply(file.path(folder, sources), vignette_title, ""), PDF = pages,
                      R = sub("html$", "R", pages), row.names = NULL)
  index$Depends <- index$Keywords <- rep(list(character()), nrow(index))
  index[c("File", "Title", "PDF", "R", "Depends", "Keywords")]
}

# What the pages depend on.
pages_stamp <- function() {
  files <- list.files(c("vignettes", "R", "src", "inst"), recursive = TRUE, full.names = TRUE)
  unname(tools::md5sum(files[!grepl("[.](o|so|dll)$", files)]))
}

pages_of <- function(library_directory) {
  folder <- file.path(".build", "pages")
  stamp <- file.path(folder, "stamp.rds")
  sources <- pages_stamp()
  if (file.exists(stamp) && identical(readRDS(stamp), sources)) return(folder)
  unlink(folder, recursive = TRUE)
  dir.create(folder, recursive = TRUE)
  file.copy(list.files("vignettes", full.names = TRUE), folder)
  script <- sprintf("source('tools/vignettes.R'); make_pages(page_maker(), '%s')", folder)
  own <- paste(c(library_directory, .libPaths()), collapse = .Platform$path.sep)
  status <- system2(file.path(R.home("bin"), "Rscript"), c("-e", shQuote(script)),
                    env = paste0("R_LIBS=", shQuote(own)), stdin = "")
  if (status == 0) saveRDS(sources, stamp)
  folder
}

# HENDERSON_VIGNETTES=0 leaves them out.
install_vignettes <- function(library_directory) {
  if (Sys.getenv("HENDERSON_VIGNETTES") == "0") return(invisible())
  if (is.null(page_maker())) {
    cat("The vignettes are not installed: this needs package 'knitr', and 'rmarkdown' with pandoc, or 'commonmark'.\n")
    return(invisible())
  }
  cat("Vignettes are made, which takes about a minute.\n")
  folder <- pages_of(library_directory)
  index <- vignette_index(folder)
  target <- file.path(library_directory, "henderson")
  dir.create(file.path(target, "doc"), showWarnings = FALSE)
  file.copy(file.path(folder, c(index$File, index$PDF, index$R)), file.path(target, "doc"), overwrite = TRUE)
  saveRDS(index, file.path(target, "Meta", "vignette.rds"))
}
