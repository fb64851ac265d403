# Each response against its own lmm(): estimates, tests, criterion.

response_data <- function(m = 12, seed = 1, groups = 16, size = 4) {
  set.seed(seed)
  n <- groups * size
  d <- data.frame(g = factor(rep(seq_len(groups), each = size)), b = factor(sample(5, n, TRUE)),
                  f = factor(sample(c("u", "v", "w"), n, TRUE)),
                  x = rnorm(n), z = rep(rnorm(groups), each = size))
  Y <- matrix(rnorm(n * m),
              n) + (matrix(rnorm(groups * m), groups) * rep(c(0, 0.4, 2),
                                                            length.out = m)[col(matrix(0, groups, m))])[d$g, ]
  colnames(Y) <- paste0("gene", seq_len(m))
  d$Y <- Y
  d
}

expect_same_numbers <- function(a, b, label, tolerance = 1e-8) {
  a <- as.matrix(as.data.frame(a))
  b <- as.matrix(as.data.frame(b))
  expect_identical(unname(is.na(a)), unname(is.na(b)), label = label)
  differ <- which(!is.na(a) & a != b)
  if (length(differ)) expect_lt(max(abs(a - b)[differ] / pmax(abs(a), abs(b), 1e-4)[differ]), tolerance, label = label)
}

# `rhs`: the right side of the formula, as text; `Y` has the responses and `W` their weights.
expect_own_fits <- function(fits, d, rhs, Y = d$Y, W = NULL, REML = TRUE, types = 3) {
  numbers <- c("estimate", "std.error", "statistic", "df", "p.value")
  anovas <- function(fit) stats::setNames(lapply(types, function(type) anova(fit, type = type)), paste("type", types))
  all <- c(list(tidy = as.data.frame(tidy(fits))), anovas(fits))
  if (REML) all$kr <- anova(fits, ddf = "Kenward-Roger")
  expect_identical(unique(all$tidy$response), colnames(Y))
  for (j in seq_len(ncol(Y))) {
    d$.y <- Y[, j]
    d$.w <- if (is.null(W)) 1 else W[, j]
    own <- suppressMessages(lmm(stats::as.formula(paste(".y ~", rhs)), d, REML = REML, weights = .w))
    name <- colnames(Y)[j]
    mine <- lapply(all, function(table) table[table$response == name, ])
    table <- as.data.frame(tidy(own))
    expect_identical(mine$tidy$term, table$term)
    expect_same_numbers(mine$tidy[numbers], table[numbers], name)
    tests <- anovas(own)
    if (REML) tests$kr <- anova(own, ddf = "Kenward-Roger")
    for (kind in names(tests)) {
      expect_identical(mine[[kind]]$term, rownames(tests[[kind]]))
      expect_same_numbers(mine[[kind]][-(1:2)], tests[[kind]], paste(name, kind))
    }
    expect_equal(fits$criterion[j], own$estimates$criterion, tolerance = 1e-10)
    expect_identical(fits$n[j], as.integer(nobs(own)))
    expect_identical(fits$singular[j], isSingular(own))
  }
}
