# NIST StRD one-way layouts (origin: reference/nist/README.md).

nist_names <- function() nist_table()$dataset

nist_table <- function() {
  read.csv(test_path("reference", "nist", "certified.csv"))
}

# The simulated sets Sm-Ls 1 to 9 follow one rule: treatment effects in tenths above a constant of
# 1, 1e6 or 1e12, and within a treatment one value at the center, then -0.1 and +0.1 in turn.
# Tenths are counted in integers and divided once, which gives the double nearest to the printed decimal.
nist_simulated <- function(number) {
  replicates <- c(21, 201, 2001)[(number - 1) %% 3 + 1]
  base <- c(1, 1e6, 1e12)[(number - 1) %/% 3 + 1]
  center <- c(4, 3, 5, 3, 5, 3, 5, 3, 5)
  tenths <- unlist(lapply(center, function(m) m + c(0, rep_len(c(-1, 1), replicates - 1))))
  data.frame(treatment = factor(rep(1:9, each = replicates)), y = (10 * base + tenths) / 10)
}

nist_printed <- function(name) {
  file <- test_path("reference", "nist", paste0(name, ".dat"))
  data <- read.table(file, skip = 60, col.names = c("treatment", "y"))
  data$treatment <- factor(data$treatment)
  data
}

nist_data <- function(name) {
  number <- suppressWarnings(as.integer(sub("^SmLs", "", name)))
  if (is.na(number)) nist_printed(name) else nist_simulated(number)
}

# What the printed decimals certify.
nist_certified <- function(name) {
  row <- nist_table()[nist_table()$dataset == name, ]
  c(between = (row$ms_between - row$ms_within) / row$replicates, within = row$ms_within)
}

# What the doubles nearest to the decimals say. One observation is subtracted first, which is exact
# because all values of a set are close to each other; what is left is a well-conditioned sum.
nist_stored <- function(data) {
  shifted <- data$y - data$y[1]
  replicates <- nrow(data) / nlevels(data$treatment)
  means <- ave(shifted, data$treatment)
  within <- sum((shifted - means)^2) / (nrow(data) - nlevels(data$treatment))
  between <- sum((means - mean(shifted))^2) / (nlevels(data$treatment) - 1)
  c(between = (between - within) / replicates, within = within)
}

# Number of correct digits, at most 15.
log_relative_error <- function(value, certified) {
  pmin(15, -log10(abs(value - certified) / abs(certified)))
}
