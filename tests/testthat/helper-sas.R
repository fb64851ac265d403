# Numbers printed in the SAS documentation, the NAG Library and 'agridat' (origin: reference/README.md), and the
# corresponding quantities of a fit.

sas_rows <- function(model) {
  rows <- read.csv(test_path("reference", "sas.csv"), colClasses = "character")
  rows[rows$model == model, ]
}

sas_fit <- function(model) {
  plan <- reference_models()[model, ]
  data <- if (plan$data == "Orthodont") as.data.frame(nlme::Orthodont) else package_data(plan$data)
  plain <- intersect(c("Subject", "Sex"), names(data))
  data[plain] <- lapply(data[plain], function(f) factor(as.character(f)))
  if (model == "stability_cells") data$age <- factor(data$month)
  suppressMessages(lmm(reference_formula(model), data = data, REML = plan$reml))
}

sas_ddf <- function(model) if (model == "growth_ml") "between-within" else "containment"

# SAS sets the last level of a factor to zero, R the first.
sas_solution <- list(
  heights = list(Intercept = c(1, 1), `Gender F` = c(0, -1)),
  stability = list(Intercept = c(1, 0), Month = c(0, 1)),
  growth_ml = list(Intercept = c(1, 1, 0, 0), `Gender F` = c(0, -1, 0, 0), Age = c(0, 0, 1, 1),
                   `Age*Gender F` = c(0, 0, 0, -1))
)

# Predictable functions of the split plot: mean of a level of `a`, or a1 - a2, in three spaces of inference.
splitplot_prediction <- function(fit, label) {
  own <- splitplot_weights(label)
  predictable(fit, own$L, own$random)
}

splitplot_weights <- function(label) {
  L <- list(a1 = c(1, 0, 0, 0.5, 0, 0), a2 = c(1, 1, 0, 0.5, 0.5, 0), a3 = c(1, 0, 1, 0.5, 0, 0.5))
  L$`a1-a2` <- L$a1 - L$a2
  mean_of <- function(levels) stats::setNames(rep(0.25, 4), levels)
  plots <- lapply(1:3, function(a) mean_of(paste0(a, ":", 1:4)))
  part <- strsplit(label, " ")[[1]]
  own <- switch(part[1], a1 = plots[[1]], a2 = plots[[2]], a3 = plots[[3]], c(plots[[1]], -plots[[2]]))
  random <- switch(part[2], broad = list(), intermediate = list(block = mean_of(1:4)),
                   narrow = c(list(`a:block` = own), if (part[1] != "a1-a2") list(block = mean_of(1:4))))
  list(L = L[[part[1]]], random = random)
}

sas_blup <- function(fit, parts) {
  column <- if (length(parts) == 4) parts[4] else "(Intercept)"
  columns <- colnames(ranef(fit)[[parts[2]]])
  m <- matrix(as.numeric(columns == column), 1, dimnames = list(parts[3], columns))
  predictable(fit, 0 * fixef(fit), stats::setNames(list(m), parts[2]))
}

# SAS's degrees of freedom of random effects: n - rank(X Z).
sas_random_df <- function(fit) nobs(fit) - joint_rank(fixed_design(fit)$X, lapply(random_effects(fit), `[[`, "Z"))

sas_component <- function(fit, parts) {
  table <- as.data.frame(variance_components(fit))
  column <- if (length(parts) == 3) parts[3] else "(Intercept)"
  use <- table$grp == parts[2] & is.na(table$var2) & (is.na(table$var1) | table$var1 == column)
  table[use, ]
}

component_place <- function(fit, group) match(group, variance_components(fit)$grp)
