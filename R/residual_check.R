# What the data cannot say about a residual structure, seen at the optimum.

# A parameter at the edge of its domain is reported; a direction in which the criterion is flat is an error that names
# the parameters involved.
check_structured <- function(optimum, frame, blocks) {
  H <- optimum$hessian
  if (!length(H) || !isTRUE(optimum$decrement < 1e-6)) return(invisible())
  edge <- structured_edges(optimum, blocks)
  unit <- c(rep(1, length(optimum$theta)), parameter_units(blocks))
  flat <- flat_directions(H * outer(unit, unit), c(rep(FALSE, length(optimum$theta)), edge))
  if (!length(flat)) return(invisible())
  names <- c(theta_labels(frame), structured_labels(frame))[flat]
  lmm_abort("unidentified", paste0(enumerate(quote_name(unique(names))), " cannot be distinguished",
    if (length(unique(names)) == 1L) " from the other parameters", ": the criterion does not depend on ",
    if (length(flat) == 1L) "it." else "a combination of them."), what = unique(names),
    fix = if (length(frame$residual$variance) && any(grepl(":", names, fixed = TRUE)))
      paste("Write interaction(a, b) in place of a:b or a * b in `variance`: it has a parameter for each combination",
            "in the data.")
    else "Leave out a random term or a nugget, or use a simpler residual structure.")
}

# More parameters than rows have no estimates: a measurement in continuous time taken for visits.
check_parameter_count <- function(found, frame, held) {
  count <- length(found$parameters$kind) - held
  if (count < found$n) return(invisible())
  visits <- part_visits(frame$residual$parts[[1L]])
  lmm_abort("unidentified",
            paste0("the residual covariance has ", count_of(count, "parameter"), if (visits) paste0(" for ", visits,
                   " visits"), ", and the data have ", count_of(found$n, "row"), ": they cannot be estimated."),
            what = "residual", value = c(count, found$n),
            fix = paste("Use a structure with few parameters, such as ar1(), or exp() for measurements at arbitrary",
                        "times, or round the times to visits."))
}

# Where R of a subject is formed, its size has a limit: the matrix, its factor and its derivatives are held at once.
check_subject_size <- function(found, frame, limit = 0.5 * available_memory()) {
  n <- found$dense
  k <- length(found$parameters$kind)
  bytes <- 8 * n^2 * (3 + 2 * k + k * (k + 1))
  if (n < 2000 || bytes <= limit) return(invisible())
  plan <- frame$residual
  separable <- length(plan$parts) > 1L && !isTRUE(plan$nugget) && !length(plan$variance)
  lmm_abort("numeric",
            paste0("a subject of `residual` has ", count_of(n, "row"),
                   ": its covariance matrix and derivatives need about ", gigabytes(bytes), " of memory; ",
                   gigabytes(limit), " may be used."), what = "residual", value = n,
            fix = if (separable) paste("More than half of the grid of positions is missing: name blocks, as in",
                                       "~ ar1(col):ar1(row) | trial.")
            else paste("For subjects with many rows use ar1() or ou() along a line, or a separable product such as",
                       "ar1(col):ar1(row), without a nugget or a variance function."))
}

# Sizes of the residual parameters that have units in the search: coefficients of the variance function, one over the
# standard deviation of their columns.
parameter_units <- function(blocks) {
  out <- rep(1, length(blocks$parameters$kind))
  for (k in which(blocks$parameters$kind == "log_ratio")) {
    size <- stats::sd(blocks$model$residual$w[, blocks$parameters$row[k]])
    if (isTRUE(size > 0)) out[k] <- 1 / size
  }
  out
}

# Numbers of the parameters in a direction along which the Hessian, in units of its diagonal, is zero.
flat_directions <- function(H, edge) {
  size <- sqrt(pmax(diag(H), 0))
  none <- which(size <= 1e-8 * max(size) & !edge)
  use <- which(size > 1e-8 * max(size) & !edge)
  if (length(none) && max(size) > 0) return(none)
  if (length(use) < 2L) return(integer())
  e <- eigen(H[use, use] / outer(size[use], size[use]), symmetric = TRUE)
  # The average information, with the curvature of a reduced rank, may have eigenvalues that are clearly negative.
  flat <- which(abs(e$values) <= ifelse(e$values < 0, 1e-6, 1e-9) * e$values[1L])
  if (!length(flat)) return(integer())
  use[abs(e$vectors[, max(flat)]) > 0.1]
}

# Ranges far below the shortest or above the longest distance, correlations of 1, shares of 0 and 1.
structured_edges <- function(optimum, blocks) {
  kind <- blocks$parameters$kind
  psi <- optimum$psi
  distances <- if (any(kind == "range")) position_distances(blocks$model$residual) else c(0, Inf)
  range <- kind == "range" & (psi < 0.05 * distances[1L] | psi > 1e3 * distances[2L])
  near <- sqrt(.Machine$double.eps)
  least <- least_power(blocks$model$residual, psi[kind == "power"])
  range | kind == "correlation" & abs(psi) > 1 - near | kind == "share" & pmin(psi, 1 - psi) < near |
    kind == "constant" & psi < 1e-4 * least | kind == "exponent" & psi > largest_shape
}

# The shape of a Matern function that is as good as infinite: kSmoothest of the engine's search.
largest_shape <- 1e3

# The smallest |x|^power of the rows beside a constant.
least_power <- function(residual, power) {
  x <- if (length(power)) residual$w[residual$w > 0]
  if (length(x)) min(outer(x, power, "^")) else 0
}

# Shortest and longest distance within subjects, from the first subjects.
position_distances <- function(residual) {
  at <- which(residual$subject <= 50L)
  parts <- split(at, residual$subject[at])
  d <- unlist(lapply(parts, function(own) stats::dist(residual$positions[utils::head(own, 200L), , drop = FALSE])))
  d <- d[d > 0]
  if (length(d)) range(d) else c(0, Inf)
}

theta_labels <- function(frame) unlist(lapply(frame$random,
                                              function(term) rep(paste0("(", term$label, ")"),
                                                                 nrow(term_entries(term)))))

structured_labels <- function(frame) free_parameters(frame$residual)$name

# One message for parameters at the edge of their domain.
structured_boundary <- function(optimum, frame, blocks) {
  edge <- structured_edges(optimum, blocks)
  if (!any(edge)) return(NULL)
  labels <- structured_labels(frame)[edge]
  value <- optimum$psi[edge]
  kind <- blocks$parameters$kind[edge]
  words <- ifelse(kind == "range",
                  ifelse(value < position_distances(blocks$model$residual)[1L], "0 (no correlation)", "infinite"),
                  ifelse(kind == "exponent", "infinite (the Gaussian limit: use gau())",
                         format(round(value), trim = TRUE)))
  lmm_condition("message", "boundary",
                paste0("boundary fit: ", enumerate(paste0("residual parameter ", quote_name(labels),
                " is estimated as ", words)), "."), what = labels)
}
