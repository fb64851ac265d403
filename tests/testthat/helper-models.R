# Models for the tests: the published examples, each fitted once, and random designs of every kind.

example_store <- new.env(parent = emptyenv())

# The fit of a model of reference/models.csv.
example_fit <- function(name) {
  if (is.null(example_store[[name]])) assign(name, suppressMessages(reference_fit(name)), envir = example_store)
  example_store[[name]]
}

# The data that the tables of published behavior are written for.
behavior_data <- function(groups = 12, n = 8, seed = 1) {
  set.seed(seed)
  g <- factor(rep(sprintf("g%02d", seq_len(groups)), each = n))
  N <- groups * n
  x <- rnorm(N)
  f <- factor(rep(letters[1:4], length.out = N))
  t <- rep(seq_len(n), groups)
  b <- rnorm(groups)
  s <- 0.3 * rnorm(groups)
  y <- 2 + 0.5 * x + b[as.integer(g)] + s[as.integer(g)] * x + 0.7 * rnorm(N)
  data.frame(y, x, f, t, g, h = factor(rep(seq_len(n), groups)))
}

# ---- random designs ----

design_kinds <- c("balanced", "unbalanced", "slope", "slope_diagonal", "nested", "crossed", "crossed_slope",
                  "two_terms",
                  "factor", "factor_diagonal", "three_terms", "rank_deficient", "no_intercept", "no_fixed")

# Design number `seed`: the kind goes round, weights, offset, criterion and singularity change with it.
random_design <- function(seed) {
  set.seed(1000 + seed)
  kind <- design_kinds[(seed - 1) %% length(design_kinds) + 1]
  round <- (seed - 1) %/% length(design_kinds)
  data <- random_rows(kind)
  terms <- random_terms_of(kind)
  size <- if (round %% 4 == 3) 0 else 1            # a true variance of zero: often a singular fit
  data$y <- random_response(data, terms, size)
  data$w <- switch(round %% 3 + 1, rep(1, nrow(data)), runif(nrow(data), 0.2, 5),
                   sample(c(0, 1, 2), nrow(data), TRUE, c(0.1, 0.5, 0.4)))
  fixed <- switch(kind, balanced = "1", rank_deficient = "x + I(2 * x) + f", no_intercept = "0 + f + x", no_fixed = "0",
                  factor = , factor_diagonal = "f", "x")
  list(kind = kind, data = data, terms = terms, fixed = fixed, weighted = round %% 3 > 0, reml = round %% 2 == 0,
       formula = as.formula(paste("y ~", fixed, "+",
                                  paste0("(", vapply(terms, `[[`, "", "label"), ")", collapse = " + ")),
                            env = globalenv()))
}

random_rows <- function(kind) {
  groups <- sample(6:9, 1)
  if (kind == "balanced") {
    g <- rep(seq_len(groups), each = 5)
  } else {
    g <- c(rep(seq_len(groups), 4), sample(groups, sample(5:25, 1), TRUE))
  }
  n <- length(g)
  data.frame(g = factor(paste0("g", g)), h = factor(sample(rep_len(letters[1:4], n))),
             k = factor(sample(rep_len(LETTERS[1:5], n))), f = factor(sample(rep_len(c("u", "v", "w"), n))),
             x = rnorm(n, runif(1, -2, 2), exp(runif(1, -1, 1))))
}

# Each term: its label, the variables of its grouping factor, the formula of its columns, its structure.
random_terms_of <- function(kind) {
  term <- function(label, groups, columns = ~1, structure = "unstructured") {
    list(label = label, groups = groups, columns = columns, structure = structure)
  }
  switch(kind,
    slope = list(term("x | g", "g", ~x)),
    slope_diagonal = list(term("x || g", "g", ~x, "diagonal")),
    nested = list(term("1 | g:h", c("g", "h")), term("1 | g", "g")),
    crossed = list(term("1 | g", "g"), term("1 | h", "h")),
    crossed_slope = list(term("x | g", "g", ~x), term("1 | k", "k")),
    two_terms = list(term("1 | g", "g"), term("0 + x | g", "g", ~ 0 + x)),
    factor = list(term("0 + f | g", "g", ~ 0 + f)),
    factor_diagonal = list(term("0 + f || g", "g", ~ 0 + f, "diagonal")),
    three_terms = list(term("1 | g", "g"), term("1 | h", "h"), term("1 | k", "k")),
    list(term("1 | g", "g"))
  )
}

term_levels <- function(term, data) droplevels(interaction(data[term$groups], sep = ":", lex.order = TRUE))

random_response <- function(data, terms, size) {
  y <- 3 + data$x + as.integer(data$f) / 2 + rnorm(nrow(data))
  for (term in terms) {
    level <- term_levels(term, data)
    Z <- model.matrix(term$columns, data)
    L <- matrix(rnorm(ncol(Z)^2), ncol(Z)) * if (term$structure == "diagonal") diag(ncol(Z)) else 1
    b <- matrix(rnorm(nlevels(level) * ncol(Z)), ncol = ncol(Z)) %*% L
    y <- y + size * rowSums(Z * b[as.integer(level), , drop = FALSE])
  }
  y
}

fit_design <- function(case) {
  call <- list(quote(lmm), case$formula, data = quote(case$data), REML = case$reml)
  if (case$weighted) call$weights <- quote(w)
  suppressMessages(eval(as.call(call)))
}

# The oracle's model of a design; terms in the order of the formula.
oracle_of_design <- function(case) {
  oracle_model(case$data$y, model.matrix(as.formula(paste("~", case$fixed)), case$data),
               lapply(case$terms, function(term) model.matrix(term$columns, case$data)),
               lapply(case$terms, function(term) as.integer(term_levels(term, case$data))),
               vapply(case$terms, `[[`, "", "structure"), if (case$weighted) case$data$w)
}

# Positions of the design's terms among those of the fit, which are ordered by their number of levels.
term_positions <- function(case, fit) match(vapply(case$terms, `[[`, "", "label"),
                                            vapply(fit$frame$random, `[[`, "", "label"))

# Positions in the oracle's vector of random effects (formula order) of those of the fit (its own order).
stacked_order <- function(case, fit, oracle) {
  size <- vapply(oracle$terms, function(term) ncol(term$Z), 0L)
  last <- cumsum(size)
  position <- term_positions(case, fit)
  unlist(lapply(seq_along(position), function(k) {
    j <- match(k, position)
    last[j] - size[j] + seq_len(size[j])
  }))
}

# Conditional variances as ranef() stores them: by grouping factor, then column, then level.
conditional_of_oracle <- function(fit, truth, order) {
  variance <- diag(truth$conditional_variance)[order]
  group <- vapply(fit$frame$random, `[[`, 0L, "group")
  at <- 0L
  by_term <- lapply(fit$estimates$b, function(b) {
    out <- matrix(variance[at + seq_along(b)], nrow(b), byrow = TRUE)
    at <<- at + length(b)
    out
  })
  unlist(lapply(sort(unique(group)), function(g) unlist(by_term[group == g])), use.names = FALSE)
}

# Variances of an ML fit with sigma^2 at its best for REML, the relative ones unchanged.
reml_scale <- function(fit, variances) {
  factor <- if (getME(fit, "is_REML")) 1 else nobs(fit) / (nobs(fit) - getME(fit, "p"))
  if (is.list(variances)) lapply(variances, `*`, factor) else variances * factor
}

temporary_file <- function(envir = parent.frame()) {
  file <- tempfile(fileext = ".rds")
  do.call(on.exit, list(substitute(unlink(file), list(file = file)), add = TRUE), envir = envir)
  file
}

# Evaluates `expr` with predictions made in pieces of n rows.
with_chunk_rows <- function(n, expr) {
  with_constant("chunk_rows", n, expr)
}

# Evaluates `expr` with another value of a constant of the package.
with_constant <- function(name, value, expr) {
  space <- environment(by_chunk)
  old <- get(name, envir = space)
  set_locked(name, value, space)
  on.exit(set_locked(name, old, space))
  expr
}

set_locked <- function(name, value, space) {
  locked <- bindingIsLocked(name, space)
  if (locked) unlockBinding(name, space)
  assign(name, value, envir = space)
  if (locked) lockBinding(name, space)
}
