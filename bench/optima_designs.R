# Random designs that are harder than typical data: 6 to 291 rows, weights over six decades, dependent and nearly
# dependent columns, odd units, covariates far from their origins, crossed, nested and repeated factors. One design for
# each seed.

# 10^u, u uniform.
decades <- function(from, to) 10^stats::runif(1, from, to)
pick <- function(...) list(...)[[sample.int(...length(), 1L)]]
chance <- function(p) stats::runif(1) < p

random_design <- function(seed) {
  set.seed(seed)
  n <- round(exp(stats::runif(1, log(6), log(291))))
  data <- data.frame(g = random_factor(n), h = random_factor(n))
  data$k <- factor(paste(data$g, sample.int(2L, n, TRUE)))      # nested in g
  data$x <- random_covariate(n)
  data$z <- if (chance(0.3)) random_covariate(nlevels(data$g))[data$g] else random_covariate(n)
  data$f <- factor(sample(c("a", "b", "c"), n, TRUE))
  data$double <- 2 * data$x + 3
  data$near <- data$x + stats::sd(data$x) * decades(-6, -2) * stats::rnorm(n)
  random <- random_terms()
  fixed <- random_fixed(n)
  data$w <- random_weights(n)
  weighted <- chance(0.4)
  if (!weighted) data$w <- 1
  data$y <- random_response(data, random)
  list(seed = seed, data = data, fixed = fixed, random = random, reml = chance(0.7), weighted = weighted)
}

# Levels of equal or very unequal sizes; sometimes nearly as many as rows.
random_factor <- function(n) {
  levels <- max(2, min(n - 1, round(n * decades(-1.6, -0.1))))
  shares <- if (chance(0.5)) rep(1, levels) else stats::rexp(levels)^2
  code <- if (chance(0.4)) rep_len(seq_len(levels), n) else c(seq_len(levels),
                                                              sample.int(levels, n - levels, TRUE, shares))
  factor(code)
}

random_covariate <- function(n) {
  x <- pick(stats::rnorm(n), stats::rexp(n), rep_len(seq_len(max(2, n %/% 5)), n) / 3, stats::rt(n, 2))
  if (stats::sd(x) == 0) x[1L] <- x[1L] + 1
  origin <- if (chance(0.5)) stats::sd(x) * decades(0, 5.5) * sample(c(-1, 1), 1L) else 0
  (x + origin) * if (chance(0.5)) decades(-6, 6) else 1
}

random_weights <- function(n) {
  out <- 10^stats::runif(n, -1, 1)
  if (chance(0.7)) out <- 10^stats::runif(n, -3, 3)
  out
}

random_fixed <- function(n) {
  few <- n < 12
  pick("1", "1", "x", "x", if (few) "x" else "x + z", if (few) "x" else "f + x", if (few) "1" else "f * x",
       "x + double",
       if (few) "x" else "x + near", "0 + x", "0 + f")
}

# One to three terms, as a list of (columns, factor, correlated).
random_terms <- function() {
  columns <- function() pick("1", "1", "1 + x", "1 + x", "1 + x", "0 + x", "1 + x + z", "1 + z")
  term <- function(group) list(columns = columns(), group = group, correlated = chance(0.45))
  groups <- pick("g", "g", "g", c("g", "h"), c("g", "h"), c("g", "k"), c("g", "k", "h"))
  lapply(groups, term)
}

term_text <- function(term) paste0("(", term$columns, if (term$correlated) " | " else " || ", term$group, ")")
design_formula <- function(design) {
  stats::as.formula(paste("y ~", design$fixed, "+", paste(vapply(design$random, term_text, ""), collapse = " + ")))
}

term_columns <- function(term, data) unname(stats::model.matrix(stats::as.formula(paste("~", term$columns)), data))

# Effects about the middle of a covariate or about its origin; some variances 0, some huge, some residuals next to
# nothing.
random_response <- function(data, random) {
  n <- nrow(data)
  y <- stats::rnorm(n) / sqrt(data$w)
  size <- stats::sd(y)
  for (term in random) {
    Z <- term_columns(term, data)
    if (chance(0.6)) Z[, -1L] <- scale(Z[, -1L, drop = FALSE], scale = FALSE)
    Z <- sweep(Z, 2, sqrt(colMeans(Z^2)) + (colSums(Z^2) == 0), "/")
    for (j in seq_len(ncol(Z))) {
      ratio <- if (chance(0.3)) 0 else decades(-1.5, if (chance(0.2)) 3 else 1)
      y <- y + size * ratio * stats::rnorm(nlevels(data[[term$group]]))[data[[term$group]]] * Z[, j]
    }
  }
  y <- y + stats::sd(y) * pick(0, 1, 10) * as.vector(scale(data$x))
  if (chance(0.3)) y <- y + stats::sd(y) * decades(0, 6)
  y * if (chance(0.5)) decades(-6, 6) else 1
}
