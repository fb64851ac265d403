# Simulation for new rows, refits and the bootstrap of models with a residual structure or structured random effects.

test_that("new rows have the covariances of the model, within subjects old and new", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age + (1 | Subject), d, residual = ~ exp(age | Subject), variance = ~ Sex,
             fixed = c(range = 3))
  new <- data.frame(age = c(9, 10, 13, 9, 10), Sex = c("Male", "Male", "Male", "Female", "Female"),
                    Subject = c("M01", "M01", "M01", "new", "new"))
  y <- as.matrix(simulate(fit, 4000, seed = 1, newdata = new, allow.new.levels = TRUE))
  p <- variance_components(fit)$estimate
  s <- exp(p[2] * (new$Sex == "Female"))
  V <- outer(new$Subject, new$Subject, "==") *
    (p[1] + p[3] * outer(s, s) * exp(-abs(outer(new$age, new$age, "-")) / 3))
  expect_lt(max(abs(cov(t(y)) - V) / sqrt(outer(diag(V), diag(V)) + V^2)), 4.5 / sqrt(4000))
  expect_equal(rowMeans(y), predict(fit, new, re.form = NA), tolerance = 0.02, ignore_attr = TRUE)
  expect_error(simulate(fit, newdata = new[-2], allow.new.levels = TRUE), "lacks variable .Sex",
               class = "lmm_error_newdata")
  expect_error(simulate(fit, newdata = new[c(1, 1), ]), "at one position", class = "lmm_error_data")
})

test_that("simulate() takes other values of the parameters of a residual structure", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex)
  y <- as.matrix(simulate(fit, 3000, seed = 1, newparams = c(sigma = 2, SexFemale = log(0.5), age = 0,
                                                             `sd_(Intercept)|Subject` = 1)))
  V <- cov(t(y[d$Subject == "F01", ]))
  expect_equal(unname(V), 1 + diag(4), tolerance = 0.1)
  expect_equal(unname(cov(t(y[d$Subject == "M01", ]))), 1 + 4 * diag(4), tolerance = 0.1)
  expect_equal(mean(y), fixef(fit)[[1]], tolerance = 0.01)
  us <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  y <- as.matrix(simulate(us, 3000, seed = 1, newparams = c(`sd(8)` = 3, `cov(10,8)` = 0)))
  V <- cov(t(y[d$Subject == "F01", ]))
  expect_equal(V[1, 1], 9, tolerance = 0.1)
  expect_lt(abs(V[1, 2]), 0.5)
  expect_error(simulate(us, newparams = c(rho = 1)), "not a parameter", class = "lmm_error_input")
})

test_that("forecasts by order of rows are those of the next rows", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(1 | Subject))
  by_visit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  new <- data.frame(age = c(16, 18), visit = 5:6, Subject = "M01")
  expect_equal(predict(fit, new, interval = "prediction"), predict(by_visit, new, interval = "prediction"),
               tolerance = 1e-6)
  expect_equal(simulate(fit, 3, seed = 2, newdata = new), simulate(by_visit, 3, seed = 2, newdata = new),
               tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("the parametric bootstrap refits what simulate() draws", {
  d <- plain_orthodont()
  ar <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  us <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  mixed <- lmm(distance ~ Sex + (1 | Subject), d, variance = ~ Sex)
  for (fit in list(ar, us, mixed)) {
    b <- bootstrap(fit, nsim = 3, seed = 4)
    y <- literal_draws(fit, 3, 4)
    refits <- suppressMessages(lapply(y, function(y) refit(fit, y)))
    values <- function(fit) c(variance_components(fit, "sd")$estimate, fixef(fit))
    expect_equal(unname(b$t0), unname(values(fit)), tolerance = 1e-8)
    expect_equal(unname(b$t), unname(t(vapply(refits, values, values(fit)))), tolerance = 1e-6)
    expect_identical(names(b$t0), c(rownames(variance_components(fit, "sd")), names(fixef(fit))))
    many <- suppressMessages(refit(fit, as.data.frame(y, col.names = c("a", "b", "c"))))
    expect_equal(deviance(many[["b"]]), deviance(refits[[2]]), tolerance = 1e-8)
  }
  by_function <- bootstrap(ar, function(fit) predict(fit, data.frame(age = 16, visit = 5, Subject = "M01")), nsim = 3,
                           seed = 4)
  expect_length(by_function$t, 3L)
  plain <- lmm(distance ~ age + (1 | Subject), d)
  special <- lmm(distance ~ age + homdiag(1 | Subject), d)
  many <- refit(special, cbind(a = d$distance, b = rev(d$distance)))
  expect_named(many, c("a", "b"))
  expect_equal(deviance(many$b), deviance(refit(plain, rev(d$distance))), tolerance = 1e-8)
  expect_equal(bootstrap(special, nsim = 3, seed = 4)$t, bootstrap(plain, nsim = 3, seed = 4)$t, tolerance = 1e-6,
               ignore_attr = TRUE)
})

test_that("other types of bootstrap, and comparisons of two models", {
  d <- plain_orthodont()
  fit <- suppressMessages(lmm(distance ~ age + (1 | Subject), d, residual = ~ exp(age | Subject)))
  ar <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), REML = FALSE)
  for (model in list(fit, ar)) for (type in c("residual", "cases", "wild")) {
    b <- suppressMessages(bootstrap(model, nsim = 10, seed = 1, type = type))
    expect_true(all(is.finite(b$t)), label = type)
    expect_lt(abs(mean(b$t[, "age"]) - fixef(model)[["age"]]), 4 * sd(b$t[, "age"]))
  }
  # residuals are resampled without their correlation and given it again
  plan <- residual_plan(ar, ar$rows)
  set.seed(1)
  y <- plan$responses(matrix(runif(plan$size * 2000), plan$size))
  R <- subject_covariance(ar, "M01")
  own <- d$Subject == "M01"
  expect_equal(unname(cov(t(y[own, ]))), unname(R), tolerance = 0.15)
  one <- suppressMessages(lmm(distance ~ age, d, residual = ~ exp(visit), REML = FALSE, subset = Subject == "M01"))
  expect_error(bootstrap(one, nsim = 2, type = "cases"), class = "lmm_error_input")
  small <- lmm(distance ~ 1, d, residual = ~ ar1(visit | Subject), REML = FALSE)
  test <- bootstrap_test(ar, small, nsim = 19, seed = 1)
  expect_lt(test$test["PBtest", "p.value"], 0.06)
})
