# Installs what is missing: Rscript tools/setup.R demo|test
# Order for each package: what is installed in a sufficient version, the system's prebuilt package, CRAN's source.

source("tools/packages.R")

# Prebuilt packages help only the system's own R, and only root can install them.
has_system_packages <- function() {
  nzchar(Sys.which("apt-get")) && nzchar(Sys.which("dpkg-query")) &&
    identical(unname(Sys.info()["effective_user"]), "root") &&
    system2("dpkg-query", c("-S", file.path(R.home("bin"), "R")), stdout = FALSE, stderr = FALSE) == 0
}

apt_environment <- "DEBIAN_FRONTEND=noninteractive"
apt_options <- c("-q", "-o", "DPkg::Lock::Timeout=300")

apt_version <- function(package) {
  lines <- suppressWarnings(system2("apt-cache", c("policy", package), stdout = TRUE, stderr = FALSE))
  candidate <- sub("^ *Candidate: *", "", grep("Candidate:", lines, value = TRUE))
  if (!length(candidate) || candidate == "(none)") return(NA_character_)
  upstream <- sub("-[^-]*$", "", sub("^[0-9]+:", "", candidate))     # 2:1.5-3-1 is 1.5-3
  sub("[+~].*", "", upstream)
}

apt_install <- function(packages) {
  if (!length(packages)) return(invisible())
  args <- c("install", "-y", "--no-install-recommends", apt_options, packages)
  run("apt-get", args, env = apt_environment)
}

from_system <- function(wanted) {
  if (!nrow(wanted)) return(invisible())
  names <- paste0("r-cran-", tolower(wanted$name))
  candidates <- vapply(names, apt_version, "")
  apt_install(unique(names[is_enough(candidates, wanted$version)]))
}

from_cran <- function(wanted) {
  repositories <- getOption("repos")
  if (is.null(repositories) || any(repositories == "@CRAN@")) utils::chooseCRANmirror(graphics = FALSE, ind = 1)
  offered <- utils::available.packages()[, "Version"]
  wanted <- wanted[is_enough(offered[wanted$name], wanted$version), , drop = FALSE]
  Sys.setenv(USE_BUNDLED_LIBUV = "1")     # 'fs', which testthat needs, otherwise wants a system library
  if (nrow(wanted)) utils::install.packages(unique(wanted$name), lib = target_library(), dependencies = NA)
}

# Programs rather than R packages: a C++ compiler for the package; pandoc for the vignettes and qpdf for R CMD check, a
# PostgreSQL server for the tests of databases, with the library that 'RPostgres' is compiled against. All but the
# compiler are optional.
missing_programs <- function(purpose) {
  compiler <- strsplit(system2(file.path(R.home("bin"), "R"), c("CMD", "config", "CXX17"), stdout = TRUE), " ")[[1]][1]
  c(if (!nzchar(Sys.which(compiler))) "g++", if (!nzchar(Sys.which("make"))) "make",
    if (purpose == "test") c(Filter(function(p) !nzchar(Sys.which(p)), c("pandoc", "qpdf")), missing_server()))
}

missing_server <- function() {
  has_server <- nzchar(Sys.which("initdb")) || length(Sys.glob("/usr/lib/postgresql/*/bin/initdb"))
  c(if (!has_server) "postgresql",
    if (is.na(installed_version("RPostgres")) && !nzchar(Sys.which("pg_config"))) "libpq-dev")
}

# What tools/vignettes.R needs, if it is not there in another form.
for_pages <- function() {
  rich <- !is.na(installed_version("rmarkdown")) && nzchar(Sys.which("pandoc"))
  names <- c("knitr", if (!rich) "commonmark")
  data.frame(name = names, version = rep("0.0", length(names)))
}

obtain <- function(wanted, programs) {
  if (has_system_packages()) {
    run("apt-get", c("update", apt_options), env = apt_environment)
    apt_install(programs)
    from_system(wanted)
  }
  left <- missing_packages(wanted)
  if (nrow(left)) from_cran(left)
  missing_packages(wanted)
}

purpose <- c(commandArgs(trailingOnly = TRUE), "demo")[1]
use_all_cores()
invisible(target_library())

required <- needs(c("Imports", "LinkingTo"))
wanted <- rbind(needs(c("Imports", "LinkingTo", if (purpose == "test") "Suggests")), for_pages())
lacking <- missing_packages(wanted)
programs <- missing_programs(purpose)
if (nrow(lacking) || length(programs)) {
  cat("To be installed:", unique(lacking$name), programs, "\n")
  lacking <- obtain(lacking, programs)
}

required <- c(required$name, if (purpose == "test") "testthat")
if (any(lacking$name %in% required)) {
  stop("could not be installed: ", paste(intersect(lacking$name, required), collapse = ", "), call. = FALSE)
}
if (nrow(lacking)) cat("Not obtainable here, and what needs them is left out:", lacking$name, "\n")
cat("Set up for", purpose, "\n")
