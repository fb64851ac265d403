# Builds the documentation site from _pkgdown.yml into .build/site: Rscript tools/site.R

if (!requireNamespace("pkgdown", quietly = TRUE)) stop("install package 'pkgdown' first", call. = FALSE)
# Without asking CRAN and Bioconductor whether they have the package, so that it works without a network.
if (is.null(getOption("pkgdown.internet"))) options(pkgdown.internet = FALSE)
pkgdown::build_site(".", override = list(destination = file.path(".build", "site")), preview = FALSE,
                    new_process = FALSE,
                    install = FALSE)
