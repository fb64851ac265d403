# The designs of calibrate.R. A design has
#   name, title   the word for the command line, the words for the tables
#   data          one row per observation; a column `weight` holds prior weights
#   random        how responses are drawn: a list of terms (group, columns, covariance); the residual variance is 1
#   fixed         questions about fixed effects: lists with `question` (words), the formulas `large` and `small`, and
#                 perhaps `cluster`, for a cluster-robust test
#   variance      a question about a variance: `question`, the formula `large`, the label `term`, `small` without it (or
#                 `fixed`, where no random term is left), and `zero`, the number of the term of `random` that is absent
#                 under the hypothesis
#   intervals_only TRUE where no test is calibrated
# Fixed effects are zero in all responses: no test depends on those that it does not test.

new_term <- function(group, covariance, columns = ~ 1) {
  list(group = group, columns = columns, covariance = as.matrix(covariance))
}

# V of a response, divided by the residual variance; without the random term number `zero`.
response_covariance <- function(design, zero = NULL) {
  w <- design$data$weight
  V <- diag(if (is.null(w)) rep(1, nrow(design$data)) else 1 / w)
  for (k in setdiff(seq_along(design$random), zero)) {
    term <- design$random[[k]]
    group <- design$data[[term$group]]
    Z <- stats::model.matrix(term$columns, design$data)
    V <- V + outer(group, group, `==`) * (Z %*% term$covariance %*% t(Z))
  }
  V
}

# Responses as columns.
draw_responses <- function(design, count, zero = NULL) {
  n <- nrow(design$data)
  crossprod(chol(response_covariance(design, zero)), matrix(stats::rnorm(n * count), n))
}

# In a model with treatments and one random term.
one_variance <- function(group) {
  list(question = paste("variance between", paste0(group, "s")),
       large = stats::reformulate(c("treat", paste0("(1 | ", group, ")")), "y"),
       term = paste("1 |", group), fixed = ~ treat, zero = 1L)
}

# ---- balanced ----

blocks <- list(
  name = "blocks", title = "randomized blocks, 4 treatments in 4 blocks",
  data = expand.grid(treat = factor(1:4), block = factor(1:4)),
  random = list(new_term("block", 1)),
  fixed = list(list(question = "treatments", large = y ~ treat + (1 | block), small = y ~ 1 + (1 | block))),
  variance = one_variance("block"))

split_plot <- local({
  data <- expand.grid(b = factor(1:4), a = factor(1:3), block = factor(1:4))
  data$plot <- interaction(data$a, data$block)
  list(
    name = "split", title = "split plot, 3 x 4 in 4 blocks", data = data,
    random = list(new_term("plot", 0.5), new_term("block", 1)),
    fixed = list(
      list(question = "whole-plot factor", large = y ~ a + b + (1 | block) + (1 | plot),
           small = y ~ b + (1 | block) + (1 | plot)),
      list(question = "interaction", large = y ~ a * b + (1 | block) + (1 | plot),
           small = y ~ a + b + (1 | block) + (1 | plot))),
    variance = list(question = "variance between whole plots", large = y ~ a * b + (1 | plot) + (1 | block),
                    term = "1 | plot",
                    small = y ~ a * b + (1 | block), zero = 1L))
})

# Seven treatments in seven blocks of three: every pair of treatments meets once.
incomplete <- list(
  name = "incomplete", title = "incomplete blocks, 7 treatments in 7 blocks of 3",
  data = data.frame(block = factor(rep(1:7, each = 3)),
                    treat = factor(c(1, 2, 4, 2, 3, 5, 3, 4, 6, 4, 5, 7, 5, 6, 1, 6, 7, 2, 7, 1, 3))),
  random = list(new_term("block", 0.5)),
  fixed = list(list(question = "treatments", large = y ~ treat + (1 | block), small = y ~ 1 + (1 | block))),
  variance = one_variance("block"))

# ---- unbalanced ----

# Groups of the given sizes; every other group is treated.
grouped_rows <- function(sizes) {
  group <- rep(seq_along(sizes), sizes)
  data.frame(group = factor(group), treat = factor(group %% 2))
}

between_question <- function() {
  list(question = "treatment", large = y ~ treat + (1 | group), small = y ~ 1 + (1 | group), cluster = ~ group)
}

between <- list(
  name = "between", title = "8 groups of 2 to 12, treatment between groups",
  data = grouped_rows(c(2, 12, 3, 9, 4, 2, 6, 3)),
  random = list(new_term("group", 0.5)),
  fixed = list(between_question()), variance = one_variance("group"))

near_zero <- list(
  name = "nearzero", title = "6 groups of 4 to 6, treatment between groups, variance 0.02",
  data = grouped_rows(c(5, 4, 6, 5, 4, 6)),
  random = list(new_term("group", 0.02)),
  fixed = list(between_question()), variance = one_variance("group"))

# Two groups of four subjects, up to six times; a third of the rows is missing.
coefficients <- local({
  data <- expand.grid(time = 0:5, subject = factor(1:8))
  data$group <- factor(as.integer(data$subject) %% 2)
  data <- data[-c(5, 6, 9, 12, 16, 17, 18, 20, 29, 30, 31, 36, 40, 41, 42, 46), ]
  list(
    name = "slopes", title = "random coefficients, 8 subjects, 32 of 48 rows", data = data,
    random = list(new_term("subject", matrix(c(1, 0.1, 0.1, 0.1), 2), ~ time)),
    fixed = list(list(question = "difference of slopes", large = y ~ group * time + (time | subject),
                      small = y ~ group + time + (time | subject), cluster = ~ subject)),
    variance = list(question = "variance of slopes", large = y ~ group * time + (1 | subject) + (0 + time | subject),
                    term = "0 + time | subject", small = y ~ group * time + (1 | subject), zero = 2L))
})

# Its slopes may be absent while the intercepts stay.
separate_slopes <- function(design) {
  design$random <- list(new_term("subject", 1), new_term("subject", 0.1, ~ 0 + time))
  design
}

crossed <- local({
  data <- expand.grid(item = factor(1:8), person = factor(1:6))
  data$kind <- factor(as.integer(data$item) %% 2)
  data <- data[-c(1, 4, 10, 11, 16, 17, 22, 27, 31, 34, 36, 37, 42, 48), ]
  list(
    name = "crossed", title = "6 persons x 8 items, 14 of 48 cells empty, kinds of items", data = data,
    random = list(new_term("person", 0.5), new_term("item", 0.5)),
    fixed = list(list(question = "kinds of items", large = y ~ kind + (1 | person) + (1 | item),
                      small = y ~ 1 + (1 | person) + (1 | item))),
    variance = list(question = "variance between persons", large = y ~ kind + (1 | person) + (1 | item),
                    term = "1 | person",
                    small = y ~ kind + (1 | item), zero = 1L))
})

weighted <- local({
  data <- grouped_rows(c(3, 5, 4, 3, 5, 4, 3, 5))[1]
  data$treat <- factor(rep_len(c(1, 2, 3, 1, 1, 2, 3), nrow(data)))
  data$weight <- rep_len(c(1, 20, 5, 2, 10), nrow(data))
  list(
    name = "weighted", title = "8 groups of 3 to 5, weights 1 to 20, 3 treatments", data = data,
    random = list(new_term("group", 0.2)),
    fixed = list(list(question = "treatments", large = y ~ treat + (1 | group), small = y ~ 1 + (1 | group))),
    variance = one_variance("group"))
})

# Not small: what all methods come to.
many <- list(
  name = "many", title = "40 groups of 1 to 7, treatment between groups",
  data = grouped_rows(rep_len(c(4, 2, 7, 1, 6, 3, 5), 40)),
  random = list(new_term("group", 0.5)),
  fixed = list(between_question()), variance = one_variance("group"))

# ---- for intervals only: no tests are calibrated on these ----

# The first example of README.md, with the variances estimated there.
readme <- list(
  name = "irrigation", title = "8 fields of 2 plots, 4 methods of irrigation between fields",
  data = henderson::irrigation[c("field", "irrigation", "variety")],
  random = list(new_term("field", 16.541 / 1.426)),
  fixed = list(list(question = "irrigation", large = y ~ irrigation + variety + (1 | field))), intervals_only = TRUE)

# Six clusters from 2 to 40 rows.
unequal <- list(
  name = "unequal", title = "6 groups of 2 to 40, treatment between groups", data = grouped_rows(c(2, 3, 4, 8, 20, 40)),
  random = list(new_term("group", 0.5)), fixed = list(between_question()), intervals_only = TRUE)

all_designs <- list(blocks, split_plot, incomplete, between, near_zero, coefficients, crossed, weighted, many, readme,
                    unequal)
names(all_designs) <- vapply(all_designs, `[[`, "", "name")
