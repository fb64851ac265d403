fit <- lmm(yield ~ treat + (1 | blend), penicillin)
draws <- posterior(fit, 1000, seed = 1)
values_of <- function(x) as.list(unclass(x))[names(x)]

test_that("draws have names, chains and the right shape", {
  expect_identical(dim(draws), c(1000L, 14L))
  expect_identical(names(draws)[c(1, 2, 3, 7)],
                   c("sd__(Intercept).blend", "sigma", "(Intercept)", "r_blend[Blend1,(Intercept)]"))
  expect_identical(tail(names(draws), 3), c(".chain", ".iteration", ".draw"))
  expect_identical(as.vector(table(draws$.chain)), rep(250L, 4))
})

test_that("a seed fixes the draws, whatever the threads and the session's generator", {
  set.seed(8)
  state <- get(".Random.seed", globalenv())
  other <- posterior(fit, 1000, seed = 1, threads = 2)
  expect_identical(get(".Random.seed", globalenv()), state)
  expect_identical(values_of(other), values_of(draws))
  slopes <- lmm(y ~ 1 + t + (t | rat), transform(rats, t = log(1 + (age - 45) / 10)))
  expect_identical(values_of(posterior(slopes, 200, seed = 3, threads = 2)),
                   values_of(posterior(slopes, 200, seed = 3)))
  set.seed(1)
  first <- posterior(fit, 20)
  set.seed(1)
  expect_identical(values_of(posterior(fit, 20)), values_of(first))
})

test_that("units of the response scale the draws", {
  scaled <- posterior(lmm(I(1000 * yield) ~ treat + (1 | blend), penicillin), 1000, seed = 1)
  columns <- setdiff(names(draws), c(".chain", ".iteration", ".draw"))
  expect_equal(as.matrix(as.data.frame(scaled)[columns]), 1000 * as.matrix(as.data.frame(draws)[columns]),
               tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("the method of the fit does not matter", {
  ml <- posterior(lmm(yield ~ treat + (1 | blend), penicillin, REML = FALSE), 1000, seed = 1)
  expect_equal(ml$sigma, draws$sigma)
})

test_that("quantity() and contest() evaluate every draw", {
  share <- quantity(draws, icc = ~ var(blend) / total, "total sd")
  s2 <- draws[["sd__(Intercept).blend"]]^2
  expect_equal(attr(share, "draws")$icc, s2 / (s2 + draws$sigma^2))
  expect_equal(share["total sd", "median"], median(sqrt(s2 + draws$sigma^2)))
  expect_error(quantity(draws, ~ var(nothing)), class = "lmm_error_input")
  test <- contest(draws, rbind(BC = c(0, 1, -1, 0), D = c(0, 0, 0, 1)), rhs = c(0, 1))
  difference <- draws$treatB - draws$treatC
  expect_equal(test["BC", "median"], median(difference))
  expect_equal(test["BC", "pMCMC"], 2 * min(mean(difference > 0), mean(difference < 0)))
  expect_equal(test["D", "pMCMC"], 2 * min(mean(draws$treatD > 1), mean(draws$treatD < 1)))
  expect_true(attr(test, "joint") > 0 && attr(test, "joint") <= 1)
  expect_error(contest(draws, c(1, 2)), class = "lmm_error_input")
  expect_output(print(share), "icc")
})

test_that("tables name parameters as those of a fit", {
  table <- tidy(draws, conf.int = TRUE)
  own <- tidy(fit, c("fixed", "ran_pars"))
  expect_setequal(paste(table$effect, table$group, table$term), paste(own$effect, own$group, own$term))
  table <- summary(draws, interval = "hpd")
  expect_true(all(table$lower < table$median & table$median < table$upper))
  expect_identical(nrow(summary(draws, effects = "ran_vals")), 5L)
  expect_output(print(draws), "independent")
  expect_error(summary(draws, level = 95), class = "lmm_error_input")
})

test_that("posterior of a normal prior of coefficients follows its formula", {
  known <- suppressMessages(lmm(yield ~ treat + (1 | blend), penicillin, fixed = c(blend = 3, sigma = 4)))
  own <- posterior(known, 20000, list(fixed = prior_normal(c(80, 0, 0, 0), c(5, 2, 2, 2))), seed = 2, random = FALSE)
  X <- model.matrix(known)
  V <- diag(16, 20) + 9 * outer(as.integer(penicillin$blend), as.integer(penicillin$blend), `==`)
  Q <- diag(1 / c(25, 4, 4, 4))
  A <- solve(crossprod(X, solve(V, X)) + Q)
  center <- A %*% (crossprod(X, solve(V, penicillin$yield)) + Q %*% c(80, 0, 0, 0))
  beta <- as.matrix(as.data.frame(own)[colnames(X)])
  expect_lt(max(abs(colMeans(beta) - center) / sqrt(diag(A) / 20000)), 4.5)
  expect_equal(cov(beta), A, tolerance = 0.05, ignore_attr = TRUE)
})

test_that("contest() of draws takes equations as text", {
  draws <- posterior(lmm(yield ~ treat + (1 | blend), penicillin), 500, seed = 1)
  rows <- contest(draws, rbind(c(0, 1, -1, 0)), rhs = 1)
  expect_equal(contest(draws, "treatB - treatC = 1"), rows, ignore_attr = TRUE)
})
