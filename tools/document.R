# Regenerates RcppExports, NAMESPACE, man/ and FILES.md: Rscript tools/document.R
# Reads the R code and the data without compiling anything; roxygen's own way takes minutes here. Attaching what
# is imported, as roxygen's load_source() does, would let S4 generics of 'Matrix' hide S3 generics such as print().

read_code_and_data <- function(path) {
  generics <- new.env(parent = globalenv())
  for (name in c("generics", "nlme")) list2env(as.list(asNamespace(name)), generics)
  code <- new.env(parent = generics)
  methods::setPackageName("henderson", code)
  for (file in list.files(file.path(path, "R"), "\\.R$", full.names = TRUE)) sys.source(file, code, keep.source = TRUE)
  for (file in list.files(file.path(path, "data"), "\\.rda$", full.names = TRUE)) load(file, code)
  code
}

Rcpp::compileAttributes()
roxygen2::roxygenise(load_code = read_code_and_data)
source("tools/files.R")
write_files_page()
