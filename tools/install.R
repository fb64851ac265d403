# Builds the package, installs it, and adds its vignettes: Rscript tools/install.R

source("tools/build.R")
source("tools/vignettes.R")
install_package()
install_vignettes(target_library())
