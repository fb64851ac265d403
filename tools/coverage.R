# Share of lines that the R tests reach, by file, lowest first: Rscript tools/coverage.R
# The compiled code is left out: its own tests are in tests/cpp.

source("tools/packages.R")
if (!requireNamespace("covr", quietly = TRUE)) stop("install package 'covr' first", call. = FALSE)
Sys.setenv(NOT_CRAN = "true", HENDERSON_CPP_TESTED = "true")
use_all_cores()
coverage <- covr::package_coverage(".", type = "tests",
                                   line_exclusions = c("R/RcppExports.R", list.files("src", recursive = TRUE,
                                                                                                         full.names =
                                                                                                           TRUE)))
share <- sort(unlist(covr::coverage_to_list(coverage)$filecoverage))
cat(sprintf("%5.1f%%  %s\n", share, names(share)), sep = "")
cat(sprintf("%5.1f%%  all\n", covr::percent_coverage(coverage)))
