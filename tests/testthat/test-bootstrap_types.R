test_that("the statistic may be a function of a fit, and is then one of the refits", {
  fit <- example_fit("pulp")
  of_list <- bootstrap(fit, function(p) c(s = p$sigma), nsim = 5, seed = 4)
  of_fit <- bootstrap(fit, sigma, nsim = 5, seed = 4)
  expect_equal(unname(of_fit$t), unname(of_list$t), tolerance = 1e-6)
  expect_equal(unname(bootstrap(fit, fixef, nsim = 5, seed = 4)$t[, 1]),
               unname(bootstrap(fit, nsim = 5, seed = 4)$t[, "(Intercept)"]), tolerance = 1e-8)
  y <- simulate_first(fit, 4)
  expect_equal(bootstrap(fit, function(fit) ranef(fit)$operator[[1]], nsim = 2,
               seed = 4)$t[1, ], ranef(refit(fit, y))$operator[[1]], tolerance = 1e-8)
  expect_error(bootstrap(fit, function(fit) stop("no"), nsim = 2), "no", class = "lmm_error_input")
})

test_that("modes and residuals of the residual bootstrap have the covariance matrices of the fit", {
  fit <- suppressMessages(lmm(y ~ x + (x | g) + (1 | h), behavior_data()))
  for (k in 1:2) {
    b <- reflated_modes(fit$estimates$b[[k]], lower_factor(fit_covariance(fit)[[k]]))
    expect_equal(colMeans(b), rep(0, ncol(b)), ignore_attr = TRUE, tolerance = 1e-12)
    expect_equal(crossprod(b) / nrow(b), fit_covariance(fit)[[k]], ignore_attr = TRUE, tolerance = 1e-8)
  }
  expect_true(all(reflated_modes(matrix(0, 3, 2), diag(2)) == 0))
  plan <- residual_plan(fit, fit$rows)
  # the first mode for every level, the first residual for every row
  first <- plan$responses(matrix(1e-9, plan$size, 1))[, 1]
  b <- Map(function(b, S) reflated_modes(b, lower_factor(S))[1, ], fit$estimates$b, fit_covariance(fit))
  e <- residuals(fit)
  e <- (e - mean(e)) / sqrt(mean((e - mean(e))^2)) * sigma(fit)
  d <- behavior_data()
  expect_equal(first, unname(predict(fit, re.form = NA) + b[[1]][1] +
               b[[1]][2] * d$x + b[[2]] + e[1]), tolerance = 1e-8)
})

test_that("the wild bootstrap multiplies marginal residuals by one number for each cluster", {
  d <- behavior_data()
  fit <- lmm(y ~ x + (1 | g), d)
  plan <- wild_plan(fit, fit$rows, as.integer(d$g))
  X <- cbind(1, d$x)
  h <- diag(X %*% solve(crossprod(X), t(X)))
  r <- residuals(fit, "marginal") / sqrt(1 - h)
  golden <- (1 + sqrt(5)) / 2
  u <- rep(c(0.1, 0.9), length.out = 12)
  factor <- ifelse(u < 0.5, 1 - golden, golden)
  expect_equal(plan$responses(matrix(u))[, 1], unname(predict(fit, re.form = NA) + r * factor[d$g]), tolerance = 1e-8)
  share <- golden / sqrt(5)
  expect_equal(c(share * (1 - golden) + (1 - share) * golden, share * (1 - golden)^2 + (1 - share) * golden^2), c(0, 1))
})

test_that("a sample of clusters is fitted as the data that one would bind together", {
  d <- behavior_data()
  d$part <- ave(seq_len(96), d$g, FUN = seq_along) %% 4
  fit <- suppressMessages(lmm(y ~ x + (1 | g / part), d))
  plan <- bootstrap_plan(fit, "cases", NULL)
  groups <- levels(d$g)
  take <- c(3, 3, 1, 5, 8, 8, 8, 2, 10, 12, 6, 7)
  bound <- do.call(rbind, lapply(seq_along(take),
                                 function(k) transform(d[d$g == groups[take[k]], ], g = paste0("copy", k))))
  by_hand <- suppressMessages(lmm(y ~ x + (1 | g / part), bound))
  found <- suppressMessages(resampled_fit(fit, plan, (take - 0.5) / 12))
  expect_equal(logLik(found), logLik(by_hand), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(fixef(found), fixef(by_hand), tolerance = 1e-6)
  expect_identical(ngrps(found), ngrps(by_hand))
  same <- suppressMessages(resampled_fit(fit, plan, (1:12 - 0.5) / 12))
  expect_equal(logLik(same), logLik(fit), tolerance = 1e-9, ignore_attr = TRUE)
})

test_that("clusters are the outermost factor, or are named; crossed factors have none", {
  d <- behavior_data()
  crossed <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), d))
  expect_error(bootstrap(crossed, type = "cases", nsim = 2), "crossed", class = "lmm_error_input")
  b <- suppressWarnings(bootstrap(crossed, type = "cases", groups = "g", nsim = 6, seed = 1))
  expect_identical(dim(b$t), c(6L, 5L))
  expect_error(bootstrap(crossed, type = "wild", groups = "k", nsim = 2), class = "lmm_error_input")
  expect_error(bootstrap(crossed, groups = "g", nsim = 2), class = "lmm_error_input")
  expect_error(bootstrap(crossed, type = "jackknife", nsim = 2), class = "lmm_error_input")
  expect_output(print(b), "Cases bootstrap with 6 refits")
})

test_that("every type respects weights and its seed, whatever the number of processes", {
  d <- behavior_data()
  d$w <- rep(c(0, 1, 2), 32)
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d, weights = w))
  for (type in c("parametric", "residual", "wild", "cases")) {
    one <- suppressWarnings(bootstrap(fit, nsim = 12, seed = 7, type = type))
    expect_true(all(is.finite(one$t)), label = type)
    two <- suppressWarnings(bootstrap(fit, nsim = 12, seed = 7, type = type, threads = 2))
    expect_identical(one$t, two$t, label = type)
    expect_equal(one$t[1:3, ], suppressWarnings(bootstrap(fit, nsim = 3, seed = 7, type = type))$t, tolerance = 1e-10,
                 label = type)
  }
})
