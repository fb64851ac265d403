# Formulas and arguments: where variables are found, what they may be called, what is not a model.

d <- mk()
intercepts <- y ~ x + (1 | g)

test_that("few or no fixed effects", {
  m <- accepts(lmm(y ~ 0 + (1 | g), d))
  has_numbers(m, -149.22809, sd = 2.1113265)
  expect_identical(dim(vcov(m)), c(0L, 0L))
  expect_identical(length(fixef(m)), 0L)
  expect_output(print(m), "No fixed effect")
  expect_output(print(summary(m)), "REML|likelihood")
  expect_equal(unname(predict(m, d)), unname(fitted(m)))
  expect_silent(capture.output(print(anova(m))))
  has_numbers(accepts(lmm(y ~ (1 | g), d)), -140.35301)
  same(lmm(y ~ -1 + f + (1 | g), d), lmm(y ~ 0 + f + (1 | g), d))
})

test_that("variables without data, formulas from text, with()", {
  local({
    y <- d$y
    x <- d$x
    g <- d$g
    is_reference_0(accepts(lmm(y ~ x + (1 | g))))
    is_reference_0(accepts(lmm(y ~ x + (1 | g), NULL)))
  })
  text <- paste("y ~ x", "+ (1 | g)")
  m <- accepts(lmm(as.formula(text), d))
  is_reference_0(m)
  expect_identical(names(fixef(update(m, . ~ . + t))), c("(Intercept)", "x", "t"))
  is_reference_0(accepts(update(lmm(as.formula(text), d), . ~ . + t - t)))
  m <- accepts(with(d, lmm(y ~ x + (1 | g))))
  is_reference_0(m)
  # with() is where the formula was written
  expect_identical(names(fixef(update(m, . ~ . + t))), c("(Intercept)", "x", "t"))
  m <- unserialize(serialize(m, NULL))
  refuses(update(m, . ~ . + t), "input", c("data of the fit cannot be found", "no variable `t`", "data = "))
  is_reference_0(accepts(lmm(d$y ~ d$x + (1 | d$g))))
  fits <- lapply(list(y ~ x + (1 | g), y ~ 1 + (1 | g)), lmm, data = d)
  is_reference_0(fits[[1L]])
  expect_length(fixef(update(fits[[1L]], . ~ . + t)), 3L)
})

test_that("what is no response", {
  refuses(lmm(~ x + (1 | g), d), "formula", "formula has no response")
  refuses(lmm(y ~ nosuch + (1 | g), d), "formula", "variable `nosuch` not found in `data` \\(columns: y, x, f")
  refuses(lmm(nosuch ~ x + (1 | g), d), "formula", "variable `nosuch` \\(response\\) not found")
  refuses(lmm(5 ~ x + (1 | g), d), "formula", "response `5` is a constant")
  refuses(lmm(1:96 ~ x + (1 | g), d), "formula", "response `1:96` is a constant")
  refuses(lmm(y ~ x + Error(g) + (1 | g), d), "formula", "Error\\(\\) is aov syntax")
  expect_s3_class(lmm(cbind(y, x) ~ t + (1 | g), d), "lmm_responses")
  refuses(lmm(y ~ y + (1 | g), d), "formula", "response `y` is also on the right")
  refuses(lmm(y ~ x + foo(x) + (1 | g), d), "formula", "could not find function \"foo\"")
  m <- accepts(lmm(I(y^2) ~ x + (1 | g), d))
  expect_equal(unname(predict(m, d[1:3, ])), unname(fitted(m)[1:3]))
  expect_identical(formula(update(m, . ~ . + t))[[2L]], quote(I(y^2)))
  expect_gt(mean(simulate(m, seed = 1)$sim_1), 2)
})

test_that("names that are no names, long formulas", {
  odd <- setNames(d, c("my y", "a-b (x)", "f", "t", "g", "h"))
  odd[["gr p"]] <- d$g
  m <- accepts(lmm(`my y` ~ `a-b (x)` + (1 | `gr p`), odd))
  is_reference_0(m)
  expect_match(names(fixef(m))[2L], "a-b (x)", fixed = TRUE)
  expect_identical(names(ranef(m)), "gr p")
  expect_equal(unname(predict(m, odd[1:2, ])), unname(fitted(m)[1:2]))
  expect_length(fixef(update(m, . ~ . + t)), 3L)
  expect_silent(capture.output(print(m), print(summary(m)), print(anova(m))))
  set.seed(2)
  names <- sprintf("a_quite_long_variable_name_number_%03d", 1:60)
  wide <- cbind(d, setNames(as.data.frame(matrix(rnorm(96 * 60), 96)), names))
  m <- accepts(lmm(reformulate(c(names, "(1 | g)"), "y"), wide))
  expect_identical(names(fixef(m)), c("(Intercept)", names))
  expect_true(all(c(names, "g") %in% all.vars(formula(m))))
  printed <- capture.output(print(m))
  expect_lt(length(printed), 60L)
  expect_true(all(vapply(names, function(name) any(grepl(name, printed, fixed = TRUE)), NA)))
  expect_equal(unname(predict(m, wide)), unname(fitted(m)))
  expect_length(fixef(update(m, . ~ . + x)), 62L)
})

test_that("names outside ASCII", {
  skip_if_not(l10n_info()$`UTF-8`, "R cannot have such names outside UTF-8")
  unicode <- setNames(d, c("y", "\u00e4\u00f6 \u4e2d", "f", "t", "\u00fcber", "h"))
  m <- accepts(lmm(as.formula("y ~ `\u00e4\u00f6 \u4e2d` + (1 | `\u00fcber`)"), unicode))
  is_reference_0(m)
  expect_equal(unname(predict(m, unicode[1:2, ])), unname(fitted(m)[1:2]))
})

test_that("transformations without a value", {
  refuses(lmm(log(y) ~ x + (1 | g), transform(d, y = replace(y - 2, 1, 0))), "data", "log\\(y\\) is -Inf in row 1")
  refuses(lmm(log(y) ~ x + (1 | g), transform(d, y = replace(abs(y), 1, 0))), "data", "log\\(y\\) is -Inf in row 1")
  refuses(lmm(y ~ log(x) + (1 | g), d), "data", "log\\(x\\) is NaN in 42 rows")
  refuses(lmm(y ~ poly(x, 200) + (1 | g), d), "data", "`poly\\(x, 200\\)` cannot be evaluated")
})

test_that("bases, matrices and contrasts mean the same for new data", {
  same_for_new <- function(formula, data = d) {
    m <- suppressMessages(lmm(formula, data))
    expect_equal(unname(predict(m, data[1:5, ])), unname(predict(m)[1:5]), label = deparse1(formula))
    invisible(m)
  }
  for (formula in list(y ~ x + (poly(x, 2) | g), y ~ splines::ns(x, 3) + (splines::ns(x, 2) | g),
                       y ~ scale(x) + (1 | g),
                       y ~ base::scale(x) + (1 | g), y ~ poly(x, 2) * f + (1 | g), y ~ log(scale(x) + 5) + (1 | g),
                       y ~ I(poly(x, 2)^2) + (1 | g), y ~ poly(scale(x), 2) + (1 | g), y ~ factor(t) + (1 | g),
                       y ~ poly(x, t, degree = 2) + (1 | g), y ~ scale(x) + (scale(x) | g),
                       log(y + 10) ~ x + (1 | factor(g)))) {
    same_for_new(formula)
  }
  matrix_column <- d
  matrix_column$z <- as.matrix(data.frame(a = d$x, b = d$t))
  expect_identical(names(fixef(same_for_new(y ~ z + (1 | g), matrix_column))), c("(Intercept)", "za", "zb"))
  scaled <- d
  scaled$x <- scale(d$x)
  m <- accepts(lmm(intercepts, scaled))
  expect_equal(unname(predict(m, data.frame(x = 1, g = "g01"))), 1.375156, tolerance = 1e-6)
  m <- same_for_new(y ~ poly(x, 2) + (1 | g), scaled)
  expect_equal(unname(predict(m, data.frame(x = scaled$x[1:2, ], g = "g01"))), unname(fitted(m)[1:2]))
  treatment <- lmm(y ~ f + (1 | g), d)
  sum <- accepts(lmm(y ~ f + (1 | g), d, contrasts = list(f = "contr.sum")))
  expect_equal(fitted(sum), fitted(treatment))
  expect_equal(as.numeric(logLik(sum) - logLik(treatment)), -log(4))
  refuses(lmm(y ~ f + (1 | g), d, contrasts = list(k = "contr.sum")), "input", "`k`")
})

test_that("columns called as arguments or functions", {
  named <- transform(d, c = x, T = t, weights = 9, data = 1, offset = 9, subset = FALSE)
  m <- accepts(lmm(y ~ c + T + (1 | g), named))
  same(m, lmm(y ~ x + t + (1 | g), d))
  expect_null(m$rows$weights)
})

test_that("data and subset", {
  refuses(lmm(intercepts, as.matrix(d[, c("y", "x")])), "input", "`data` must be a data frame, not a matrix")
  refuses(lmm(intercepts, list2env(d)), "input", "`data` must be a data frame, not an environment")
  refuses(lmm(intercepts, as.list(d)), "input", "`data` must be a data frame, not a list")
  refuses(lmm(d, intercepts), "input", "`data` must be a data frame")
  refuses(lmm(intercepts, nonexistent_data), "input", "`data` .*nonexistent_data")
  expect_equal(nobs(accepts(lmm(intercepts, d, subset = t > 2))), 72)
  m <- accepts(lmm(intercepts, transform(d, s = replace(t > 2, 3:5, NA)), subset = s), messages = "na",
               text = "`subset`")
  expect_equal(nobs(m), 69)
  refuses(lmm(intercepts, d, subset = t > 200), "data", "subset` selects no rows")
  refuses(lmm(intercepts, d, subset = rep(TRUE, 100)), "data", "`subset` has length 100")
  same(lmm(intercepts, d, subset = -(1:5)), lmm(intercepts, d[-(1:5), ]))
  refuses(lmm(y ~ x + k + (1 | g), transform(d, k = factor("a"))), "data", "factor `k` has only 1 level \\(\"a\"\\)")
  is_reference_0(accepts(lmm(y ~ x + x + (1 | g), d)))
  for (kind in c("tibble", "data.table")) {
    if (!requireNamespace(kind, quietly = TRUE)) next
    other <- if (kind == "tibble") tibble::as_tibble(d) else data.table::as.data.table(d)
    is_reference_0(accepts(lmm(intercepts, other)))
  }
})

test_that("arguments that do not exist or are no values", {
  refuses(lmm(intercepts, d, nonsense = 1), "input", "`nonsense`")
  refuses(lmm(intercepts, d, contro = lmm_control()), "input", c("`contro`", "Did you mean `control`"))
  refuses(lmm(intercepts, d, weight = t), "input", "`weight`")
  refuses(lmm(intercepts, d, family = binomial), "input", "`family`")
  refuses(lmm(intercepts, d, REML = NA), "input", "`REML` must be TRUE or FALSE, not NA")
  refuses(lmm(intercepts, d, REML = "ML"), "input", "`REML`")
  refuses(lmm(intercepts, d, control = list()), "input", "`control` must be made by lmm_control")
  refuses(lmm(intercepts, d, start = c(1, 2)), "input", "`start` must be 1 finite number")
  refuses(lmm("y ~ x + (1 | g", d), "formula", "cannot be read as a formula")
  refuses(lmm(intercepts, d, TRUE, NULL, NULL, NULL, na.omit, NULL, NULL, lmm_control(), NULL, TRUE, 5), "input",
          "\\(unnamed\\)")
  refuses(lmm(data = d), "input", "`formula` is missing")
})

test_that("`.` in formulas", {
  small <- d[c("y", "x", "t", "g")]
  same(accepts(lmm(y ~ . - g + (1 | g), small)), lmm(y ~ x + t + (1 | g), d))
  same(accepts(lmm(y ~ .^2 + (1 | g), small)), lmm(y ~ x * t + (1 | g), d))
  same(accepts(lmm(y ~ x:. + (1 | g), small)), lmm(y ~ x + x:t + (1 | g), d))
  refuses(lmm(y ~ log(.) + (1 | g), small), "formula", c("`.` inside a function", "log\\(.\\)"))
  names(small)[2L] <- "."
  refuses(lmm(y ~ . + (1 | g), small), "data", "column named `.`")
})

test_that("constants among the terms", {
  refuses(lmm(y ~ "x" + (1 | g), d), "formula", c("constant `\"x\"`", "Without quotation marks"))
  refuses(lmm(y ~ x + NA + (1 | g), d), "formula", "constant `NA`")
  refuses(lmm(y ~ 1 + 2 + (1 | g), d), "formula", "constant `2`")
  refuses(lmm(y ~ x * 2 + (1 | g), d), "formula", "constant `2`")
  same(accepts(lmm(y ~ x + TRUE + NULL + (1 | g), d)), lmm(y ~ x + (1 | g), d))
})

test_that("arguments that cannot be evaluated, and starts that cannot be used", {
  f <- y ~ x + (1 | g)
  refuses(lmm(f, d, REML = nosuch), "input", "`REML` cannot be evaluated")
  refuses(lmm(f, d, start = nosuch), "input", "`start` cannot be evaluated")
  refuses(lmm(f, d, contrasts = nosuch), "input", "`contrasts` cannot be evaluated")
  refuses(lmm(f, d, control = nosuch()), "input", "`control` cannot be evaluated")
  refuses(lmm(f, d, na.action = nosuch), "input", "`na.action` cannot be evaluated")
  refuses(lmm(f, d, REML = NULL), "input", "not NULL\\.")
  refuses(lmm(d, f), "input", "formula comes first")
  for (start in list(c(1, 2), "a", NA, Inf, list(1))) {
    refuses(lmm(f, d, start = start), "input", "`start` must be 1 finite number for \\(1 \\| g\\)")
  }
  refuses(lmm(f, d, start = 1e300), "numeric", "not finite at the starting values")
  for (start in c(-1, 0, 1e10)) same(accepts(lmm(f, d, start = start)), lmm(f, d))
  refuses(lmm_control(foo = 1), "input", "`foo`")
  refuses(lmm_control(restarts = 1.5), "input", "`restarts` must be one whole number")
  refuses(lmm_control(max_evaluations = 1e10), "input", "`max_evaluations`")
})

test_that("names that model frames and tables use for something else", {
  names(d)[2L] <- "(weights)"
  refuses(lmm(y ~ `(weights)` + (1 | g), d), "data", "name `\\(weights\\)` stands for the argument")
  d <- mk()
  d$Residual <- d$g
  table <- accepts(ems(lmm(y ~ x + (1 | Residual), d)))
  expect_equal(unname(table$components), unname(ems(lmm(y ~ x + (1 | g), d))$components))
})

test_that("contrasts and starts of a fit do not stand in the way of smaller models", {
  m <- lmm(y ~ f + x + (1 | g), d, contrasts = list(f = contr.helmert(4)), start = 1)
  expect_equal(accepts(drop1(m, test = "Chisq"))["f", "AIC"], AIC(lmm(y ~ x + (1 | g), d, REML = FALSE)))
  expect_equal(formula(accepts(backward(m))$model), y ~ x + (1 | g), ignore_formula_env = TRUE)
  expect_null(accepts(update(m, . ~ . - f))$call$contrasts)
  same(accepts(update(m, . ~ . + (1 | h)), messages = "boundary"),
       suppressMessages(lmm(y ~ f + x + (1 | g) + (1 | h), d,
       contrasts = list(f = contr.helmert(4)))))
  refuses(lmm(y ~ x + (1 | g), d, contrasts = list(f = contr.helmert(4))), "input", "`f`, which is not in the formula")
})
