# Arguments of the engine's exported functions, right and wrong.

# Those that the package itself gives for a fit.
engine_arguments <- function(fit) {
  point <- stats::setNames(engine_point(fit), c("layout", "cross_products", "theta", "reml", "memory_limit"))
  options <- engine_options(fit$control, fit$frame, TRUE)
  constants <- list(x = fit$frame$x_constant, z = lapply(fit$frame$random, function(term) term$z_constant))
  chunk <- design(fit$frame, fit$rows)
  read <- function(k) chunk
  environment(read) <- list2env(list(chunk = chunk), parent = baseenv())
  list(
    engine_cross_products = list(point$layout, constants, 1L, read = read),
    engine_fit = list(point$layout, point$cross_products, 1L, options, FALSE),
    engine_refits = list(point$layout, point$cross_products, options),
    engine_blocks = list(point$layout, point$cross_products, point$memory_limit),
    engine_variances = c(point, list(unit_design(fit), TRUE, FALSE)),
    engine_conditional = point,
    engine_information = c(point, list(2e4)),
    engine_criterion = point,
    engine_profile = c(point[1:3],
                       list(1, TRUE, point$memory_limit, list(term = 1L, row = 1L, col = 1L, value = 1), c(0.5, 1))),
    engine_coefficient_limits = c(point[c("layout", "cross_products", "theta", "memory_limit")],
                                  list(c(1L, 2L), c(1, 3.84))),
    engine_ratio_draws = list(list(value = c(1, 2), count = c(3, 1), penalty = list(value = 1, count = 2), nu = 20,
                                   rest = 15, tested = 1), 5))
}

# Something of another type, length or value in one place of nested lists. Stands alone: it is sent to another process.
broken <- function(x) {
  if (is.list(x) && length(x) && stats::runif(1) < 0.85) {
    k <- sample(length(x), 1)
    if (stats::runif(1) < 0.1) return(x[-k])
    x[k] <- list(Recall(x[[k]]))
    return(x)
  }
  if (is.numeric(x) && length(x) && stats::runif(1) < 0.5) {
    at <- sample(length(x), 1)
    return(switch(sample(5, 1), x[-1], c(x, x), -x, replace(x, at, sample(c(-1e5, 1e5, 0, NaN, Inf, NA), 1)),
                  matrix(x, 1)))
  }
  wrong <- list(NULL, NA, NA_integer_, NaN, Inf, -Inf, -1L, 0L, -1.5, 1e300, 3L, 7.5, "a", character(), numeric(),
                integer(), list(),
                list(1, "a"), TRUE, matrix(0, 0, 3), matrix(1, 2, 2), quote(x), function(...) NULL, 1i, as.raw(1),
                factor("a"))
  wrong[[sample(length(wrong), 1)]]
}
