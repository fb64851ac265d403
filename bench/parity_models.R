# The models of parity.R: each a name and a function that fits it. Between them they reach every regime of the engine:
# one grouping factor, crossed factors with dense moments, with large moments and a dense or a sparse factor, unbounded
# variances in one and in several factors; and every way a fit can end.
# `profile`: are likelihood limits recorded? `again`: are refits?

new_model <- function(name, fit, profile = FALSE, again = FALSE) list(name = name, fit = fit, profile = profile,
                                                                      again = again)

from_package <- function(name, package) {
  place <- new.env()
  utils::data(list = name, package = package, envir = place)
  place[[name]]
}

# Without random numbers, so that no change of generator can move a reference.
irregular <- function(n, turn) {
  x <- sin(seq_len(n) * turn) * 1e4
  x - floor(x)
}

unbalanced_rows <- function(n = 120, g = 14, h = 6) {
  data <- data.frame(g = factor(1 + floor(irregular(n, 1.1) * g)), h = factor(1 + floor(irregular(n, 2.3) * h)),
                     k = factor(1 + floor(irregular(n, 3.7) * 5)), f = factor(1 + floor(irregular(n, 0.7) * 3)),
                     x = 4 * irregular(n, 5.1) - 1, w = 0.2 + 3 * irregular(n, 6.3))
  effect <- function(level, turn) (irregular(nlevels(level), turn) - 0.5)[level] * 4
  data$y <- 2 + 0.5 * data$x + effect(data$g, 7.7) + effect(data$g, 8.9) * data$x / 2 + effect(data$h, 9.1) +
    3 * (irregular(n, 4.3) - 0.5)
  data
}

# Groups that differ less than chance would have it.
alike_rows <- function() {
  data <- unbalanced_rows()
  data$y <- data$y - 0.9 * stats::ave(data$y, data$g)
  data
}

crossed_rows <- function(n, g, h, q = 1) {
  data <- data.frame(g = 1 + floor(irregular(n, 1.3) * g), h = 1 + floor(irregular(n, 2.9) * h), x = irregular(n, 5.3))
  data$y <- data$x + 2 * irregular(g, 3.1)[data$g] + irregular(h, 4.7)[data$h] +
    q * data$x * irregular(g, 6.1)[data$g] +
    irregular(n, 7.3)
  data
}

nist_rows <- function(constant) {
  center <- c(4, 3, 5, 3, 5, 3, 5, 3, 5)
  tenths <- unlist(lapply(center, function(m) m + c(0, rep_len(c(-1, 1), 20))))
  data.frame(treatment = factor(rep(1:9, each = 21)), y = (10 * constant + tenths) / 10)
}

exact_rows <- function() {
  data <- expand.grid(t = 1:4, g = factor(1:5))
  data$y <- c(1, 3, 2, 7, 5)[data$g] + data$t * c(2, 1, 4, 3, 6)[data$g]
  data
}

balanced_rows <- function() {
  data <- expand.grid(r = 1:4, g = factor(1:8))
  data$y <- irregular(8, 3.3)[data$g] * 3 + irregular(32, 8.7)
  data
}

small_models <- function() {
  d <- unbalanced_rows()
  alike <- alike_rows()
  list(
    new_model("penicillin", function() lmm(yield ~ treat + (1 | blend), henderson::penicillin), TRUE),
    new_model("pulp", function() lmm(bright ~ 1 + (1 | operator), henderson::pulp), TRUE),
    new_model("rats", function() lmm(y ~ t + (t | rat), henderson::rats), TRUE, TRUE),
    new_model("balanced", function() lmm(y ~ 1 + (1 | g), balanced_rows()), FALSE, TRUE),
    new_model("intercept", function() lmm(y ~ x + (1 | g), d), TRUE, TRUE),
    new_model("intercept_ml", function() lmm(y ~ x + (1 | g), d, REML = FALSE), TRUE),
    new_model("slope", function() lmm(y ~ x + (x | g), d), TRUE, TRUE),
    new_model("slope_ml", function() lmm(y ~ x + (x | g), d, REML = FALSE)),
    new_model("diagonal", function() lmm(y ~ x + (x || g), d), TRUE),
    new_model("factor", function() lmm(y ~ f + (0 + f | g), d)),
    new_model("factor_diagonal", function() lmm(y ~ f + (0 + f || g), d)),
    new_model("two_terms", function() lmm(y ~ x + (1 | g) + (0 + x | g), d), FALSE, TRUE),
    new_model("nested", function() lmm(y ~ x + (1 | g / k), d)),
    new_model("crossed", function() lmm(y ~ x + (1 | g) + (1 | h), d), TRUE, TRUE),
    new_model("crossed_slope", function() lmm(y ~ x + (x | g) + (1 | h), d)),
    new_model("crossed_three", function() lmm(y ~ f + x + (1 | g) + (1 | h) + (1 | k), d)),
    new_model("weighted", function() lmm(y ~ x + (x | g), d, weights = w)),
    new_model("weighted_crossed", function() lmm(y ~ x + (1 | g) + (1 | h), d, weights = w, REML = FALSE)),
    new_model("rank_deficient", function() lmm(y ~ x + I(2 * x) + f + (1 | g), d)),
    new_model("no_fixed", function() lmm(y ~ 0 + (1 | g), d)),
    new_model("singular", function() lmm(y ~ x + (1 | g), alike)),
    new_model("singular_slope", function() lmm(y ~ x + (x | g), alike), FALSE, TRUE),
    new_model("singular_crossed", function() lmm(y ~ x + (1 | g) + (1 | h), alike)),
    new_model("exact", function() lmm(y ~ t + (t | g), exact_rows())),
    new_model("far_origin", function() lmm(y ~ I(x + 1e6) + (I(x + 1e6) | g), d)),
    new_model("unbounded", function() lmm(y ~ x + (1 | g), alike, bounded = FALSE), FALSE, TRUE),
    new_model("unbounded_slope", function() lmm(y ~ x + (x | g), d, bounded = FALSE)),
    new_model("unbounded_crossed", function() lmm(y ~ x + (1 | g) + (1 | h), alike, bounded = FALSE)),
    new_model("unbounded_diagonal", function() lmm(y ~ x + (x || g) + (1 | h), d, bounded = FALSE)),
    new_model("held_sd", function() lmm(y ~ x + (1 | g) + (1 | h), d, fixed = c("sd_(Intercept)|g" = 1.2)), FALSE,
              TRUE),
    new_model("held_sigma", function() lmm(y ~ x + (x | g), d, fixed = c(sigma = 1))),
    new_model("held_correlation", function() lmm(y ~ x + (x | g), d, fixed = c("cor_x.(Intercept)|g" = 0.3))),
    new_model("held_zero", function() lmm(y ~ x + (x || g), d, fixed = c("sd_x|g" = 0))),
    new_model("nist_1", function() lmm(y ~ 1 + (1 | treatment), nist_rows(1))),
    new_model("nist_1e12", function() lmm(y ~ 1 + (1 | treatment), nist_rows(1e12)))
  )
}


large_models <- function() {
  list(
    new_model("large_dense", function() lmm(y ~ x + (1 | g) + (1 | h), crossed_rows(4000, 400, 80)), FALSE, TRUE),
    new_model("large_slope", function() lmm(y ~ x + (x | g) + (1 | h), crossed_rows(4000, 300, 60))),
    new_model("large_sparse", function() lmm(y ~ x + (1 | g) + (1 | h), crossed_rows(4000, 1500, 1200))),
    new_model("large_sparse_slope", function() lmm(y ~ x + (1 | h) + (x | g), crossed_rows(6000, 600, 1000))),
    new_model("insteval",
              function() lmm(y ~ service + (1 | s) + (1 | d) + (1 | dept), from_package("InstEval", "lme4")))
  )
}

parity_models <- function() c(small_models(), large_models())
