# Makes data/*.rda from the CSV files beside this script: Rscript data-raw/datasets.R
# Where each file comes from is said in R/data.R.

read_source <- function(name, ...) {
  read.csv(file.path("data-raw", paste0(name, ".csv")), ...)
}

save_dataset <- function(name, data) {
  space <- list2env(setNames(list(data), name))
  file <- file.path("data", paste0(name, ".rda"))
  save(list = name, file = file, envir = space, version = 2, compress = "xz")
}

penicillin <- read_source("penicillin", stringsAsFactors = TRUE)
pulp       <- read_source("pulp", stringsAsFactors = TRUE)
irrigation <- read_source("irrigation", stringsAsFactors = TRUE)

rats <- read_source("rats", stringsAsFactors = TRUE)
rats$rat <- factor(rats$rat)
rats$t   <- log(1 + (rats$age - 45) / 10)

sires <- read_source("sires")
sires$sire <- factor(sires$sire)

wateruse <- read_source("wateruse", stringsAsFactors = TRUE)

with_factors <- function(data, names) {
  data[names] <- lapply(data[names], factor)
  data
}

splitplot <- with_factors(read_source("splitplot"), c("block", "a", "b"))
oven      <- with_factors(read_source("oven"), c("a", "b"))
heights   <- with_factors(read_source("heights"), c("family", "gender"))
stability <- with_factors(read_source("stability"), "batch")

save_dataset("penicillin", penicillin)
save_dataset("pulp", pulp)
save_dataset("irrigation", irrigation)
save_dataset("rats", rats)
save_dataset("sires", sires)
save_dataset("wateruse", wateruse)
save_dataset("splitplot", splitplot)
save_dataset("oven", oven)
save_dataset("heights", heights)
save_dataset("stability", stability)
