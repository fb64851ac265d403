# Degrees of freedom of prediction and confidence intervals.

# Derivatives by central differences, errors of fourth order.
slopes_of <- function(f, x, h = 1e-3 * x) {
  vapply(seq_along(x), function(k) {
    at <- function(by) f(replace(x, k, x[k] + by * h[k]))
    (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h[k])
  }, 0)
}

# By dense matrices, for a variance v of the two variances whose estimates have twice the inverse Hessian of -2 log
# restricted likelihood as covariance matrix C: degrees of freedom 2 v^2 / Var(v), and v less the trace of C times the
# second derivatives of v.
dense_interval <- function(model, psi, v) {
  criterion <- function(psi) oracle_criterion(model, list(matrix(psi[1])), psi[2], TRUE)
  second <- function(f) vapply(1:2, function(k) slopes_of(function(psi) slopes_of(f, psi)[k], psi), numeric(2))
  C <- solve(second(criterion) / 2)
  g <- slopes_of(v, psi)
  list(df = 2 * v(psi)^2 / sum(g * (C %*% g)), variance = v(psi) - sum(C * second(v)))
}

test_that("limits have the degrees of freedom and the variance of dense matrices", {
  data <- behavior_data()[-c(1:7, 30:33), ]
  fit <- lmm(y ~ x + (1 | g), data)
  X <- model.matrix(~x, data)
  model <- oracle_model(data$y, X, list(X[, 1, drop = FALSE]), list(as.integer(droplevels(factor(data$g)))))
  psi <- c(VarCorr(fit)$g[1], sigma(fit)^2)
  x <- c(1, 2)
  level <- as.character(data$g[40])
  known <- match(level, rownames(ranef(fit)$g))
  error <- function(psi, random) {           # Var(x'(beta_hat - beta) + z'(b_hat - b))
    at <- oracle_solution(model, list(matrix(psi[1])), psi[2])
    z <- replace(numeric(nrow(at$prediction_error)), known, random)
    sum(x * (at$vcov %*% x)) + sum(z * (at$prediction_error %*% z)) + 2 * sum(z * (at$prediction_cross %*% x))
  }
  new <- data.frame(x = 2, g = c(level, "new"))
  variances <- list(confidence = list(function(psi) error(psi, 1), function(psi) error(psi, 0) + psi[1]),
                    prediction = list(function(psi) error(psi, 1) + psi[2] / 3,
                                      function(psi) error(psi, 0) + psi[1] + psi[2] / 3))
  for (interval in names(variances)) {
    limits <- predict(fit, new, allow.new.levels = TRUE, interval = interval, weights = 3, level = 0.9)
    for (row in 1:2) {
      dense <- dense_interval(model, psi, variances[[interval]][[row]])
      reach <- qt(0.95, dense$df) * sqrt(dense$variance)
      if (interval == "prediction") {
        mean <- dense_interval(model, psi, variances$confidence[[row]])
        reach <- max(reach, sqrt(qt(0.95, max(mean$df, 3))^2 * mean$variance + qnorm(0.95)^2 *
                                 (dense$variance - mean$variance)))
      }
      expect_equal(unname(limits[row, "upr"] - limits[row, "fit"]), reach, tolerance = 1e-5,
                   label = paste(interval, row))
    }
  }
})

test_that("means and known levels are those of contest() and predictable()", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  new <- data.frame(x = c(0, 2), g = c("g02", "g05"))
  L <- cbind(1, new$x)
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic", "containment")) {
    expect_equal(unname(predict(fit, new, re.form = NA, interval = "confidence", ddf = ddf)[, -1]),
                 as.matrix(contest(fit, L, joint = FALSE, ddf = ddf)[c("lower", "upper")]), ignore_attr = TRUE,
                 tolerance = 1e-10)
  }
  for (ddf in c("Kenward-Roger", "residual", "asymptotic")) {
    one <- function(k) {
      random <- matrix(L[k, ], 1, dimnames = list(new$g[k], c("(Intercept)", "x")))
      unlist(predictable(fit, L[k, ], list(g = random), ddf = ddf)[c("Estimate", "lower", "upper")])
    }
    expect_equal(predict(fit, new, interval = "confidence", ddf = ddf), rbind(one(1), one(2)), ignore_attr = TRUE,
                 tolerance = 1e-8)
  }
  expect_error(predict(fit, new, interval = "confidence", ddf = "containment"), "`ddf` must be one of",
               class = "lmm_error_input")
})

test_that("differences along straight lines of the variances agree with the closed form of each row", {
  data <- transform(behavior_data(), h = gl(8, 1, 96))
  set.seed(99)
  data$noise <- rnorm(96)
  fits <- list(suppressMessages(lmm(y ~ x + (x || g) + (1 | h), data)), lmm(y ~ x + (x | g), data),
               lmm(y ~ x + (x | g), data, fixed = c(sigma = 1.1)),
               lmm(y ~ x + (x | g), data, bounded = FALSE), suppressMessages(lmm(noise ~ x + (x | g), data)))
  new <- data.frame(x = c(1, 2), g = c("g02", "new"), h = c("new", "3"))
  for (fit in fits) {
    target <- list(use = lapply(fit$frame$random, function(term) rep(TRUE, term$q)),
                   left_out = lapply(fit$frame$random, function(term) rep(FALSE, term$q)), residual = c(1, 2))
    inference <- interval_inference(fit, "Satterthwaite")
    rows <- new_rows(fit$frame, new, NULL, TRUE, na.pass)
    # the same covariance matrix of the parameters
    same <- inference
    class(same$method) <- c("df_kenward_roger", "df_method")
    expect_equal(prediction_tests(inference, rows, target), adjusted_tests(same, rows, target), tolerance = 1e-6)
  }
})

test_that("an interval for a new level of few has few degrees of freedom", {
  fit <- example_fit("pulp")
  limits <- predict(fit, data.frame(operator = "new"), allow.new.levels = TRUE, interval = "prediction")
  asymptotic <- predict(fit, data.frame(operator = "new"), allow.new.levels = TRUE, interval = "prediction",
                        ddf = "asymptotic")
  expect_gt(diff(limits[1, -1]), 1.1 * diff(asymptotic[1, -1]))
})

test_that("a prediction interval is wider than the confidence interval of the row", {
  fit <- lmm(yield ~ irrigation + variety + (1 | field), package_data("irrigation"))
  grid <- expand.grid(irrigation = paste0("i", 1:4), variety = c("v1", "v2"), field = c(paste0("f", 1:8), "new"))
  for (re.form in list(NULL, NA)) {
    width <- function(interval) diff(t(predict(fit, grid, re.form, allow.new.levels = TRUE, interval = interval)[, -1]))
    expect_true(all(width("prediction") > width("confidence")))
  }
})

test_that("intervals do not depend on units or origins, and follow rows, missing values and held parameters", {
  data <- behavior_data()
  fit <- lmm(y ~ x + (x | g), data)
  moved <- lmm(y ~ x + (x | g), transform(data, y = 1000 * y, x = (x + 50) / 7))
  new <- data.frame(x = c(0, 3, NA), g = c("g03", "new", "g03"))
  for (interval in c("confidence", "prediction")) {
    limits <- predict(fit, new, allow.new.levels = TRUE, interval = interval)
    expect_true(all(is.na(limits[3, ])))
    expect_equal(predict(moved, transform(new, x = (x + 50) / 7), allow.new.levels = TRUE, interval = interval),
                 1000 * limits, tolerance = 1e-6)
  }
  expect_equal(with_chunk_rows(7L, predict(fit, interval = "confidence", re.form = NA)),
               predict(fit, interval = "confidence", re.form = NA))
  free <- lmm(y ~ x + (1 | g), data)
  held <- lmm(y ~ x + (1 | g), data, fixed = c(sigma = sigma(free), `sd_(Intercept)|g` = sqrt(VarCorr(free)$g[1])))
  expect_equal(predict(held, interval = "prediction"), predict(free, interval = "prediction", ddf = "asymptotic"),
               tolerance = 1e-6)
  negative <- lmm(y ~ x + (1 | g), data, bounded = FALSE)
  expect_equal(predict(negative, interval = "prediction"), predict(free, interval = "prediction"), tolerance = 1e-7)
  none <- lmm(y ~ 0 + (1 | g), data)
  expect_equal(unname(predict(none, interval = "confidence", re.form = NA)), matrix(0, 96, 3))
})

test_that("weights of new rows are given, read from new data, or reported as 1", {
  data <- transform(behavior_data(), w = rep(c(1, 4, 9), 32))
  fit <- lmm(y ~ x + (1 | g), data, weights = w)
  new <- data[1:3, c("x", "g")]
  expect_message(one <- predict(fit, new, interval = "prediction"), "weights", class = "lmm_message_weights")
  expect_silent(read <- predict(fit, data[1:3, ], interval = "prediction"))
  expect_silent(known <- predict(fit, data[1:3, ], interval = "prediction", weights = c(1, 4, 9)))
  expect_silent(own <- predict(fit, interval = "prediction"))
  expect_equal(known, own[1:3, ])
  expect_equal(read, own[1:3, ])
  expect_equal(one, predict(fit, data[1:3, ], interval = "prediction", weights = 1))
  expect_silent(predict(fit, data[1:3, ], interval = "confidence"))
})

test_that("Kenward-Roger intervals of a fit by maximum likelihood are those of the refit by REML", {
  data <- behavior_data()
  expect_message(ml <- predict(lmm(y ~ x + (1 | g), data, REML = FALSE), interval = "prediction", ddf = "KR"),
                 class = "lmm_message_refit")
  expect_equal(ml, predict(lmm(y ~ x + (1 | g), data), interval = "prediction", ddf = "KR"), tolerance = 1e-8)
})

test_that("limits of a singular fit do not depend on the number of rows, nor on how the fit was made", {
  set.seed(1)
  d <- data.frame(g = sample(letters[1:12], 150, TRUE), h = sample(letters[1:9], 150, TRUE),
                  f = sample(c("a", "b", "c"), 150, TRUE), x = rnorm(150))
  d$y <- 1 + rnorm(12)[factor(d$g)] + rnorm(9)[factor(d$h)] + rnorm(150)
  for (f in list(y ~ f + (0 + f | g), y ~ f + x + (f | g) + (1 | h))) {
    fit <- suppressMessages(lmm(f, d))
    expect_true(isSingular(fit))
    # by dense matrices: a variance function without effect
    dense <- suppressMessages(lmm(f, d, variance = ~x, fixed = c(x = 0)))
    others <- suppressMessages(list(lmm(f, d, control = lmm_control(keep_rows = FALSE)), lmm(f, chunks(list(d)))))
    new <- replace(d[1:3, ], "g", c("a", "b", "new"))
    for (interval in c("confidence", "prediction")) {
      p <- function(fit, rows = new) suppressMessages(predict(fit, rows, interval = interval, allow.new.levels = TRUE))
      own <- p(fit)
      expect_equal(own, p(dense), tolerance = 1e-3, label = interval)
      expect_equal(p(fit, new[rep(1:3, 400), ])[1:3, ], own, tolerance = 1e-8, ignore_attr = TRUE)
      for (other in others) expect_equal(p(other), own, tolerance = 1e-5)
    }
  }
})

# With K = 0.6 I + 0.4 J the fixed effects take the part that all levels share: tests at known levels are those without.
test_that("tests of slopes whose levels are related use the relationship", {
  set.seed(1)
  d <- data.frame(g = sample(letters[1:12], 150, TRUE), f = sample(c("a", "b", "c"), 150, TRUE), x = rnorm(150))
  d$y <- 1 + rnorm(12)[factor(d$g)] + rnorm(12)[factor(d$g)] * d$x + rnorm(150)
  K <- matrix(0.4, 12, 12, dimnames = list(letters[1:12], letters[1:12])) + diag(0.6, 12)
  m <- list(g = rbind(a = c("(Intercept)" = 1, x = 2), b = c(-1, -2)))
  for (f in list(y ~ f + x + (x | g), y ~ f + (0 + f | g))) {
    related <- suppressMessages(lmm(f, d, relationship = list(g = K)))
    plain <- suppressMessages(lmm(f, d))
    for (ddf in c("Satterthwaite", "Kenward-Roger", "residual")) {
      both <- function(of) suppressMessages(expect_equal(of(related), of(plain), tolerance = 1e-4, label = ddf))
      both(function(fit) predict(fit, d[1:3, ], interval = "prediction", ddf = ddf))
      both(function(fit) predict(fit, d[1:3, ], interval = "confidence", ddf = ddf))
      both(function(fit) predict_mean(fit, d[1:3, ], ddf = ddf))
      if ("x" %in% all.vars(f)) both(function(fit) predictable(fit, c(0, 1, 0, 0), m, ddf = ddf))
    }
  }
})
