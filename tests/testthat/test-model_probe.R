# Expressions whose value for a row depends on the other rows: in each place of a formula they are right, or told.

set.seed(7)
d <- data.frame(g = gl(12, 9), x = rnorm(108, 50, 10), k = sample(3, 108, TRUE), u = runif(108, 1, 3))
d$h <- factor(sample(c("p", "q", "r", "s"), 108, TRUE, c(4, 3, 2, 1)))
d$y <- d$x / 10 + rnorm(12)[d$g] + rnorm(108)
part <- which(d$x > 50)[c(7, 2, 11, 5, 3, 20, 1)]

z <- function(v) (v - mean(v)) / sd(v)
to_unit <- function(v) (v - min(v)) / diff(range(v))
two_sd <- function(v) scale(v, scale = 2 * sd(v))
spline <- function(v) splines::ns(v, 3)[, 2]
previous <- function(v) c(v[1], v[-length(v)])
quarters <- function(v, n = 4) ceiling(rank(v) * n / length(v))
shifted <- function(v) v + 5
standing <- function(f) ave(seq_along(f), f, FUN = length)

# Of the rows, these are functions of each row, or can be made so: right without a word.
own_values <- c("log(x)", "x^2", "I(x^2)", "sqrt(abs(x - 50))", "pmin(x, 55)", "ifelse(x > 50, x, 0)", "shifted(x)",
                "x %/% 7", "round(x, -1)",
                "as.numeric(x > 50)", "scale(x)", "base::scale(x)", "as.numeric(scale(x))", "scale(x)[, 1]",
                "poly(x, 2)[, 2]",
                "log(scale(x) + 9)", "z(x)", "two_sd(x)", "to_unit(x)", "I(x - mean(x))", "I((x - mean(x)) / sd(x))",
                "I(x / max(x))",
                "I(x - median(x))", "tapply(x, h, mean)[h]", "I(x > quantile(x, 0.4))", "I(x - x[1])", "as.numeric(h)",
                "as.integer(factor(k))",
                "rowMeans(cbind(x, k))", "exp(z(x) / 2)", "I(z(x) * u)", "poly(z(x), 2)[, 1]", "z(z(x))",
                "match(h, c('q', 'p', 's', 'r'))", "sapply(x, function(v) v / 2)", "I(x * c0)")
c0 <- 3

# These are not.
row_values <- c("rank(x)", "order(x)", "cumsum(x)", "rev(x)", "sort(x)", "seq_along(x)", "ave(x, h)",
                "ave(x, g, FUN = max)", "I(x - ave(x, g))",
                "c(0, diff(x))", "previous(x)", "c(x[-1], x[1])", "cummax(x)", "quarters(x)", "spline(x)",
                "standing(h)",
                "fitted(lm(x ~ h))", "resid(lm(x ~ u + k))", "as.numeric(cut(x, 3))",
                "findInterval(x, sort(x)[c(1, 30, 60)] + seq_along(x)[1])",
                "as.numeric(x == max(x[x < 60]))", "as.integer(reorder(h, x))", "z(x + u)", "to_unit(x * u)",
                "z(z(x)^2)", "prod(dim(cbind(x))) * x",
                "ecdf(x)(x)", "as.numeric(duplicated(h))", "jitter(x)", "lowess(x, order(u))$y",
                "convolve(x, c(1, 1), type = 'o')[-1]",
                "stats::filter(x, c(1, 1), circular = TRUE)", "Reduce(`+`, x, accumulate = TRUE)", "mean(x) + rank(x)")

quiet <- function(expr) {
  told <- FALSE
  value <- tryCatch(withCallingHandlers(suppressMessages(expr),
    lmm_warning_newdata = function(w) { told <<- TRUE; invokeRestart("muffleWarning") }),
    lmm_error_newdata = function(e) { told <<- TRUE; NULL })
  list(value = value, told = told)
}

# Values of the rows `part` read as new data and as rows of the fit, for an expression in a place.
places <- list(
  fixed = function(e) paste("y ~ x:h +", e, "+ (1 | g)"), interaction = function(e) paste0("y ~ h:(", e, ") + (1 | g)"),
  slope = function(e) paste0("y ~ x + (", e, " | g)"), diagonal = function(e) paste0("y ~ x + (", e, " || h)"),
  offset = function(e) paste0("y ~ x + offset(0 + as.vector(", e, ")) + (1 | g)"),
  group = function(e) paste0("y ~ x + (1 | round(", e, "))")
)

read_in_place <- function(e, place) {
  read <- suppressMessages(read_frame(stats::as.formula(places[[place]](e), globalenv_of_test), d))
  whole <- design(read$frame, read$rows)
  seen <- quiet(new_rows(read$frame, d[part, ]))
  if (is.null(seen$value)) return(list(told = TRUE, same = NA))
  new <- design(read$frame, seen$value)
  same <- isTRUE(all.equal(new$X, whole$X[part, , drop = FALSE])) && isTRUE(all.equal(new$Z[[1L]],
                                                                            whole$Z[[1L]][part, , drop = FALSE])) &&
    isTRUE(all.equal(unlist(new$codes), unlist(lapply(whole$codes, `[`, part)), check.attributes = FALSE)) &&
    isTRUE(all.equal(seen$value$offset, read$rows$offset[part]))
  list(told = seen$told, same = same, whole_told = place == "fixed" && quiet(new_rows(read$frame, d))$told)
}

globalenv_of_test <- environment()

# Among the fixed effects and in two other places, which take turns; in all places where the environment asks for it.
some_places <- function(e) {
  if (nzchar(Sys.getenv("HENDERSON_ALL_PLACES"))) return(names(places))
  turn <- match(e, c(own_values, row_values))
  c("fixed", names(places)[2L + c(turn, turn + 2L) %% 5L])
}

test_that("expressions of each row alone, and what keeps its constants, are right and silent in every place", {
  for (e in own_values) for (place in some_places(e)) {
    # groups of one or two levels
    if (place == "group" && grepl("poly|to_unit|quantile|as.numeric|log|max", e)) next
    read <- read_in_place(if (startsWith(e, "x")) paste0("I(", e, ")") else e, place)
    expect_true(read$same, label = paste(e, "is right,", place))
    expect_false(read$told, label = paste(e, "has a warning,", place))
  }
})

test_that("expressions that need the other rows are told in every place, unless the rows are all there", {
  for (e in row_values) for (place in some_places(e)) {
    if (place == "group" && e %in% c("spline(x)", "as.numeric(x == max(x[x < 60]))", "to_unit(x * u)",
                                     "ecdf(x)(x)")) next
    set.seed(1)
    read <- tryCatch(read_in_place(paste0("I(", e, ")"), place), lmm_error = function(e) NULL)
    if (is.null(read)) next                                    # such groups or slopes are refused by the fit
    expect_true(read$told || isTRUE(read$same), label = paste(e, "is told,", place))
    if (e != "jitter(x)" && place == "fixed") expect_false(isTRUE(read$whole_told),
                                                           label = paste(e, "with all rows,", place))
  }
})

test_that("factors: fixed breaks and levels are silent, others are told", {
  silent <- c("factor(k)", "cut(x, c(-Inf, 40, 60, Inf))", "interaction(h, k)", "relevel(h, 'q')",
              "factor(k, labels = c('a', 'b', 'c'))",
              "cut(x, quantile(x, 0:3 / 3), include.lowest = TRUE)", "as.factor(k)", "ordered(k)", "paste(h)",
              "I(x > 50)", "reorder(h, x)",
              "C(h, contr.sum)", "factor(ifelse(x > mean(x), 'up', 'down'))")
  for (e in silent) {
    read <- read_in_place(e, "fixed")
    expect_true(read$same && !read$told, label = e)
    read <- read_in_place(e, "diagonal")
    expect_true(read$same && !read$told, label = e)
  }
  for (e in c("cut(x, 3)", "factor(rank(x) > 50)", "droplevels(factor(quarters(x)))",
              "factor(h, labels = rev(names(sort(table(h)))))")) {
    read <- read_in_place(e, "fixed")
    expect_true(read$told || isTRUE(read$same), label = e)
  }
  frame <- read_frame(y ~ cut(x, 3) + (1 | g), d)$frame
  e <- tryCatch(new_rows(frame, d[part, ]), error = identity)
  expect_match(conditionMessage(e), "depends on the other rows of the data")
  frame <- read_frame(y ~ x + (1 | cut(x, 3)), d)$frame
  expect_match(conditionMessage(tryCatch(new_rows(frame, d[part, ]), error = identity)),
               "depends on the other rows of the data")
  expect_warning(new_rows(frame, d[part, ], allow.new.levels = TRUE), class = "lmm_warning_newdata")
})

test_that("weights are read from new data, or told", {
  weights_in <- function(call) {
    read <- read_frame(y ~ x + (1 | g), d, weights = call)
    seen <- quiet(new_weights(list(frame = read$frame), list(n = length(part)), d[part, ]))
    list(same = isTRUE(all.equal(seen$value, read$rows$weights[part])), told = seen$told)
  }
  for (call in list(quote(u), quote(1 / u^2), quote(u / mean(u)), quote(to_unit(u) + 1), quote(shifted(u)))) {
    expect_identical(weights_in(call), list(same = TRUE, told = FALSE), label = deparse(call))
  }
  for (call in list(quote(rank(u)), quote(u / ave(u, g)), quote(cumsum(u)), quote(exp(z(u + k))))) {
    expect_true(weights_in(call)$told, label = deparse(call))
  }
  read <- read_frame(y ~ x + (1 | g), d, weights = quote(u))
  expect_message(expect_identical(new_weights(list(frame = read$frame), list(n = 3L), d[1:3, c("x", "g")]), 1),
                 class = "lmm_message_weights")
})

test_that("functions and random numbers that are others than in the fit are told, and the generator is left alone", {
  lasting <- structure(new.env(), name = "an environment that stays")
  lasting$change <- function(v) v / 2
  fit <- lmm(structure(y ~ change(x) + (1 | g), .Environment = lasting), d)
  expect_equal(predict(fit, d[part, ]), fitted(fit)[part])
  lasting$change <- function(v) v / 3
  expect_warning(predict(fit, d[part, ]), "has changed since the fit")
  set.seed(1)
  before <- .Random.seed
  fit <- lmm(y ~ jitter(x) + (1 | g), transform(d, x = x + 0))
  set.seed(1)
  jitter(d$x)
  expect_identical(.Random.seed, { after <- .Random.seed; set.seed(1); lmm(y ~ jitter(x) + (1 | g), d); .Random.seed })
  expect_warning(predict(fit, d[part, ]), "`jitter\\(x\\)` depends on the other rows")
  rm(".Random.seed", envir = globalenv())
  fit <- lmm(y ~ log(x) + (1 | g), d)
  predict(fit, d[part, ])
  expect_false(exists(".Random.seed", envir = globalenv(), inherits = FALSE))
})

test_that("missing values, subsets and variables of the environment are no matter", {
  e <- transform(d, x = replace(x, c(4, 50), NA), y = replace(y, 9, NA))
  outside <- e$u
  for (formula in list(y ~ z0(x) + (1 | g), y ~ I(x - mean(x, na.rm = TRUE)) + log(outside) + (poly(x, 2) || g))) {
    environment(formula) <- list2env(list(z0 = function(v) (v - mean(v, na.rm = TRUE)) / 10, outside = outside),
                                     parent = environment())
    fit <- suppressMessages(lmm(formula, e, subset = u > 1.2))
    new <- transform(e, outside = outside)[names(fitted(fit))[c(5, 40, 3)], ]
    expect_equal(suppressMessages(predict(fit, new)), fitted(fit)[c(5, 40, 3)])
  }
})

test_that("emmeans, augment(), simulate() and as_lmer() read new data in the same way", {
  right <- lmm(y ~ x + (1 | g), d)
  by_z <- lmm(y ~ z(x) + (1 | g), d)
  by_rank <- lmm(y ~ rank(x) + (1 | g), d)
  expect_equal(augment(by_z, newdata = d[part, ]), augment(right, newdata = d[part, ]))
  expect_equal(simulate(by_z, newdata = d[part, ], seed = 1), simulate(right, newdata = d[part, ], seed = 1))
  expect_warning(simulate(by_rank, newdata = d[part, ]), class = "lmm_warning_newdata")
  expect_warning(augment(by_rank, newdata = d[part, ]), class = "lmm_warning_newdata")
  skip_if_not_installed("emmeans")
  means <- function(fit) as.data.frame(emmeans::emmeans(fit, ~ x, at = list(x = c(40, 60))))
  expect_equal(means(by_z), means(right), ignore_attr = TRUE)
  expect_warning(means(by_rank), class = "lmm_warning_newdata")
  skip_if_not_installed("lme4")
  expect_equal(stats::predict(as_lmer(by_z), d[part, ]), stats::predict(right, d[part, ]), tolerance = 1e-6)
  expect_warning(as_lmer(by_rank), "`rank\\(x\\)` depends on the other rows")
})

test_that("the probe is small whatever the number of rows", {
  big <- data.frame(x = seq_len(1e5) / 7, g = factor(rep(1:100, 1000)))
  big$y <- sin(big$x)
  read <- read_frame(y ~ log(x + 1) + z(x) + (1 | g), big)
  expect_lt(as.numeric(object.size(read$frame$probe)), 2e4)
  for (n in 1:200) {
    at <- spread_positions(n)
    expect_true(length(at) >= 1L && !is.unsorted(at) && at[length(at)] <= n && (n < 3L || length(at) < n))
  }
})

test_that("a fit that keeps no rows keeps none for this either, but knows", {
  fit <- lmm(y ~ rank(x) + log(x) + z(u) + (1 | g), d, control = lmm_control(keep_rows = FALSE))
  expect_identical(fit$frame$probe, list(dependent = "rank(x)"))
  expect_warning(predict(fit, d[part, ]), "`rank\\(x\\)` depends")
})
