# Predictions of the random effects alone.

check_random_only <- function(random.only, interval) {
  if (check_flag(random.only, "random.only") && interval != "none") {
    lmm_abort("input", "`random.only` and `interval` cannot be combined.", what = "random.only",
              fix = "Use `se.fit = TRUE`, or predictable() for combinations of random effects with intervals.")
  }
  random.only
}

# A design without the columns that are not used.
mask_design <- function(d, use) {
  for (k in seq_along(use)) if (!all(use[[k]])) d$Z[[k]][, !use[[k]]] <- 0
  d
}
