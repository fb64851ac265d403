# Writes what the installed henderson finds for the models of parity_models.R, to the last bit:
# Rscript bench/parity_record.R FILE.  A record is a named character vector: numbers as hexadecimal, the rest as words.

script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
source(file.path(dirname(script), "parity_models.R"))
suppressMessages(library(henderson))

as_words <- function(x) {
  if (is.numeric(x)) sprintf("%a", as.numeric(x)) else as.character(x)
}

# Every number and word in a nested list, under the path that leads to it.
flatten <- function(x, name) {
  if (is.null(x) || is.function(x) || is.environment(x) || is.language(x)) return(NULL)
  if (is.factor(x)) x <- as.character(x)
  if (isS4(x)) x <- as.matrix(x)
  if (is.list(x)) {
    x <- unclass(x)
    own <- if (is.null(names(x))) seq_along(x) else names(x)
    return(unlist(unname(Map(flatten, x, paste0(name, "/", own)))))
  }
  words <- as_words(x)
  stats::setNames(words, if (length(words) == 1L) rep(name, length(words)) else
    sprintf("%s[%d]", name, seq_along(words)))
}

# A refusal is a result too.
attempt <- function(expr) {
  tryCatch(suppressMessages(suppressWarnings(expr)), error = function(e) list(refused = class(e)[1L]))
}

# The criterion and all that inference takes from one theta. The gradient and the Hessian are those with which a search
# that may not move ends.
at_theta <- function(fit, theta) {
  point <- henderson:::engine_point(fit)
  point[[3L]] <- theta
  options <- list(reml = fit$spec$reml, max_evaluations = 1L, decrement = 0, restarts = 0L,
                  memory_limit = fit$control$memory_limit, start = theta, held = NULL)
  search <- attempt(henderson:::engine_fit(point[[1L]], point[[2L]], 1L, options, FALSE)$optimum)
  list(criterion = attempt(do.call(henderson:::engine_criterion, point)),
       information = if (length(fit$frame$random) < 3L || nobs(fit) < 1000)
         attempt(do.call(henderson:::engine_information, c(point, list(2000)))),
       gradient = search$gradient, hessian = search$hessian)
}

held_out <- function(fit) lapply(list(1.25, 0.5), function(scale) scale * fit$optimum$theta + 0.1 * scale)

tests_of <- function(fit) {
  methods <- setdiff(ddf_methods(), "cluster-robust")
  by <- lapply(methods, function(method) list(coef = attempt(coef(summary(fit, ddf = method))),
                                              anova = attempt(as.list(anova(fit, ddf = method)))))
  stats::setNames(by, methods)
}

predictions <- function(fit) {
  list(conditional = attempt(henderson:::engine_conditional_variance(fit)),
       joint = if (nobs(fit) < 1000) attempt(henderson:::engine_joint_covariance(fit)))
}

responses_of <- function(fit) {
  y <- stats::fitted(fit) + stats::residuals(fit)
  cbind(y, y + 0.5 * irregular(length(y), 11.3) * stats::sd(y), rev(y))
}

record <- function(model) {
  started <- proc.time()[["elapsed"]]
  fit <- attempt(model$fit())
  if (!inherits(fit, "lmm_fit")) return(flatten(fit, model$name))
  small <- nobs(fit) < 1000
  optimum <- fit$optimum[setdiff(names(fit$optimum), "trace")]
  parts <- list(
    optimum = optimum, trace = fit$optimum$trace, estimates = fit$estimates, conditions = lapply(fit$conditions, class),
    cross_products = if (small) fit$cross_products,
    points = lapply(held_out(fit), function(theta) at_theta(fit, theta)),
    vcov_components = if (small) attempt(vcov_components(fit)), tests = if (small) tests_of(fit),
    prediction = if (nobs(fit) < 5000) predictions(fit), profile = if (model$profile) attempt(confint(fit)),
    refits = if (model$again) attempt(refit(fit, responses_of(fit))), blocks = attempt(blocks(fit)))
  message(sprintf("%-20s %6.2f s", model$name, proc.time()[["elapsed"]] - started))
  flatten(parts, model$name)
}

file <- commandArgs(TRUE)[1L]
saveRDS(unlist(lapply(parity_models(), record)), file)
