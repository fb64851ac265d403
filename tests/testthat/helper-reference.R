# The published numbers in reference/ (origin: reference/README.md) and how they are compared.

reference_models <- function() {
  models <- read.csv(test_path("reference", "models.csv"))
  rownames(models) <- models$model
  models
}

# Numbers stay text: "0.000" says more than 0.
reference_outputs <- function(model) {
  outputs <- read.csv(test_path("reference", "outputs.csv"), colClasses = "character")
  outputs[outputs$model == model, ]
}

package_data <- function(name) {
  space <- new.env()
  utils::data(list = name, package = "henderson", envir = space)
  space[[name]]
}

# The data of a model as its source prepared them.
reference_data <- function(model) {
  data <- package_data(reference_models()[model, "data"])
  if (!startsWith(model, "wateruse")) return(data)
  data <- droplevels(subset(data, age == "A2" & species == "S2" & day != 268))
  transform(data, ti = day / 100, ti2 = (day / 100)^2)
}

reference_formula <- function(model) stats::as.formula(reference_models()[model, "formula"], env = globalenv())

reference_fit <- function(model) {
  lmm(reference_formula(model), data = reference_data(model), REML = reference_models()[model, "reml"])
}

# Within half a unit of the last printed digit. The slack covers numbers that end in 5 exactly.
expect_printed <- function(value, printed, digits, label = NULL) {
  unit <- 10^-as.numeric(digits)
  error <- abs(as.numeric(value) - as.numeric(printed)) / unit
  ok <- !is.na(error) && error <= 0.5 * (1 + 1e-6)
  testthat::expect(ok, sprintf("%s is %.10g, published is %s", label, value, printed))
  invisible(value)
}

# What is printed, in the settings of the chapter; blanks at the ends of lines are not compared.
printed <- function(x) {
  old <- options(width = 80, digits = 7, useFancyQuotes = FALSE, scipen = 0, show.signif.stars = TRUE)
  on.exit(options(old))
  sub("[[:space:]]+$", "", gsub("[\u2018\u2019]", "'", capture.output(print(x))))
}
