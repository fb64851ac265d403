# Builds the documentation site from _pkgdown.yml into .build/site: Rscript tools/site.R

if (!requireNamespace("pkgdown", quietly = TRUE)) stop("install package 'pkgdown' first", call. = FALSE)
pkgdown::build_site(".", override = list(destination = file.path(".build", "site")), preview = FALSE,
                    new_process = FALSE,
                    install = FALSE)
