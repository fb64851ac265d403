# Builds the package without its vignettes and installs it: Rscript tools/install.R

source("tools/build.R")
install_package()
