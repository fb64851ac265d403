in_seconds <- function(expr, limit) expect_lt(system.time(expr)[["elapsed"]], limit)

set.seed(1)
n <- 60000
d <- data.frame(y = rnorm(n), x = rnorm(n), id = factor(sample(3e4, n, TRUE)), a = factor(sample(3000, n, TRUE)),
                b = factor(sample(3000, n, TRUE)),
                g = gl(20, n / 20), v = factor(rep(1:150, length.out = n)))
limited <- lmm_control(memory_limit = 2e9)

test_that("columns are counted as the model matrix has them", {
  e <- data.frame(f = gl(3, 4), h = gl(2, 2, 12), x = 1:12 + 0.5, k = rep(c("u", "v", "w"), 4),
                  l = rep(c(TRUE, FALSE), 6))
  e$m <- cbind(e$x, e$x^2)
  for (formula in list(~ f, ~ f * h, ~ 0 + f, ~ 0 + f:h, ~ f:h, ~ x + f:x, ~ k * l, ~ m, ~ m:f, ~ poly(x, 3), ~ f / h,
                       ~ 1, ~ x)) {
    terms <- terms(formula)
    frame <- model.frame(formula, e)
    names(frame) <- variable_labels(terms)
    counted <- sum(column_counts(terms, frame))
    exact <- ncol(model.matrix(formula, e))
    expect_gte(counted, exact - 1L)                 # without an intercept the first factor has one more
    expect_lte(counted, exact + 1L)
  }
})

test_that("many fixed columns are refused at once, with a remedy that fits", {
  in_seconds(refuses(lmm(y ~ id + (1 | g), d), "numeric",
                     c("fixed effects have 25,[0-9]+ columns", "of `id`", "GB of memory",
                       "Make it a random effect: \\(1 \\| id\\)")), 5)
  in_seconds(refuses(lmm(y ~ a:b + (1 | g), d), "numeric", c("9,000,001 columns", "`a:b`", "\\(1 \\| a:b\\)")), 5)
  refuses(lmm(y ~ x * a * b + (1 | g), d), "numeric", c("`a:b`", "\\(1 \\| a:b\\)"))
  refuses(lmm(y ~ id + (1 | id), d, control = limited), "numeric", "`id` is a grouping factor already")
  refuses(lmm(y ~ as.character(id) + (1 | g), d, control = limited), "numeric", "fixed effects")
  d$t <- as.character(round(d$x, 4))
  refuses(lmm(y ~ t + (1 | g), d, control = limited), "numeric", c("`t` is text", "as.numeric"))
  refuses(lmm(y ~ a + (1 | g), d, control = lmm_control(memory_limit = 1e8)), "numeric", "0.1 GB may be used")
  refuses(ems(y ~ a:b + (1 | g), d), "numeric", "9,000,001 columns")
  expect_identical(outcome(lmm(y ~ id + (1 | g), d))$error$what, "id")
})

test_that("many random columns and variance parameters are refused at once", {
  in_seconds(refuses(lmm(y ~ x + (id | g), d), "numeric",
                     c("\\(id \\| g\\)", "variance parameters", "\\(1 \\| g:id\\)")), 5)
  refuses(lmm(y ~ x + (a:b | g), d), "numeric", c("9,000,001 columns", "variance parameters"))
  refuses(lmm(y ~ x + (id || g), d, control = limited), "numeric", "columns for each level")
  refuses(lmm(y ~ x + (v | g), d, control = lmm_control(memory_limit = 1e12)), "numeric",
          c("11,325 variance parameters", "would take about [0-9]+ days"))
})

test_that("a fit that takes minutes says so before it begins", {
  begun <- tryCatch(lmm(y ~ a + (1 | g), d), lmm_message_time = identity)
  expect_s3_class(begun, "lmm_message_time")
  expect_match(conditionMessage(begun), "may take about [0-9]+ minutes")
  expect_silent(tell <- column_counts(terms(~ x), d))
})

test_that("draws that memory does not hold are refused at once", {
  m <- suppressMessages(lmm(y ~ x + (1 | g), mk()))
  for (f in list(function(n) lrt(m, nsim = n), function(n) rlrt(m, nsim = n), function(n) bootstrap(m, nsim = n),
                 function(n) simulate(m, nsim = n),
                 function(n) confint(m, method = "boot", nsim = n))) {
    in_seconds(refuses(f(1e12), "numeric", "not enough memory for 1,000,000,000,000 draws"), 5)
  }
  expect_error(check_draws(.Machine$integer.max, 0.5 * available_memory()), class = "lmm_error_numeric")
})

test_that("other counts that memory does not hold are refused at once", {
  data <- mk()
  m <- suppressMessages(lmm(y ~ x + (1 | g), data))
  steps <- suppressMessages(lmm(y ~ x, data, residual = ~ cs(1 | g)))
  draws <- posterior(m, draws = 20, seed = 1)
  counted <- list(nsim = function(n) power_study(m, test = "x", nsim = n),
                  nsim = function(n) bootstrap(steps, nsim = n),
                  nsim = function(n) bootstrap(m, function(fit) sigma(fit), nsim = n),
                  nsim = function(n) quantity(m, "icc", method = "generalized", nsim = n),
                  nsim = function(n) simulate(draws, nsim = n),
                  nsim = function(n) simulate(m, nsim = n, newdata = data[1:2, ]),
                  steps = function(n) profile(m, steps = n))
  for (k in seq_along(counted)) for (n in c(1e10, 2e9)) {
    found <- NULL
    expect_no_warning(in_seconds(found <- tryCatch(counted[[k]](n), error = identity), 5))
    expect_s3_class(found, "lmm_error_numeric")
    expect_identical(found$what, names(counted)[k])
    expect_match(conditionMessage(found), "not enough memory for [0-9,]*000 (draws|points), which need about")
  }
  expect_error(posterior(m, draws = 2e9), class = "lmm_error_numeric", "Use a smaller `draws`")
  expect_error(ACF(m, maxLag = 1e10), class = "lmm_error_input", "`maxLag`")
})

test_that("rows are turned into numbers in smaller pieces where there are many columns", {
  expect_identical(rows_at_a_time(1e5, 10), 1e5)
  expect_identical(rows_at_a_time(1e5, 5000), 1e4)
  expect_identical(rows_at_a_time(500, 5000), 500)
})
