test_that("cubics are exact between the nodes, and draws have the density", {
  at <- seq(-5, 5, length.out = 41)
  grid <- expand.grid(a = at, b = at)
  log <- -(grid$a^2 - grid$a * grid$b + grid$b^2) / 1.5                    # correlation 0.5, variances 1
  cubic <- grid$a^3 - 2 * grid$a * grid$b^2 + grid$b
  lattice <- engine_posterior_lattice(c(41L, 41L), rbind(log, cubic), NULL, NULL)
  draw <- function(threads) engine_lattice_draws(lattice, 0, 40000, 12345, threads)
  out <- draw(1L)
  expect_identical(draw(2L), out)
  part <- engine_lattice_draws(lattice, 2048, 100, 12345, 1L)
  expect_identical(part$x, out$x[2049:2148, ])
  expect_identical(part$values, lapply(out$values, `[`, 2049:2148))
  x <- -5 + 0.25 * out$x
  expect_equal(out$values[[1]], -(x[, 1]^2 - x[, 1] * x[, 2] + x[, 2]^2) / 1.5, tolerance = 1e-10)
  expect_equal(out$values[[2]], x[, 1]^3 - 2 * x[, 1] * x[, 2]^2 + x[, 2], tolerance = 1e-10)
  for (u in list(pnorm(x[, 1]), pnorm(x[, 2]),
                 pnorm((x[, 2] - x[, 1] / 2) / sqrt(0.75)))) expect_gt(ks.test(u, "punif")$p.value, 1e-4)
  expect_lt(abs(cor(x[-1, 1], x[-40000, 1])), 4 / sqrt(40000))
  few <- engine_posterior_lattice(c(3L, 4L), rbind(numeric(12)), NULL, NULL)
  expect_error(engine_result(few, list()), "four nodes")
})

test_that("draws beside a cliff of the density come as fast as others", {
  at <- seq(-6, 6, length.out = 25)
  grid <- expand.grid(a = at, b = at, c = at)
  log <- ifelse(pmax(grid$a, grid$b, grid$c) > 1, -60, -(grid$a^2 + grid$b^2 + grid$c^2) / 2)
  lattice <- engine_posterior_lattice(rep(25L, 3), rbind(log), NULL, NULL)
  time <- system.time(out <- engine_lattice_draws(lattice, 0, 2000, 1, 1L))[["elapsed"]]
  expect_lt(time, 5)
  expect_lt(max(out$x), 15)                                     # the first nodes beyond the cliff are at 1.5
})

test_that("places of a lattice are mapped as by from_unit(), whose Jacobian is that of differences", {
  set.seed(4)
  unit <- mapped_t(cbind(exp(rnorm(500) / 3), rnorm(500), rt(500, 8)), rep(1, 500))
  at <- seq(-4, 4, length.out = 20)
  z <- as.matrix(expand.grid(at, at, at))
  functions <- rbind(-rowSums(z^2) / 2, t(z))                # the places themselves are among the functions
  map <- c(unit$parts, list(origin = rep(-4, 3), step = rep(at[2] - at[1], 3)))
  out <- engine_lattice_draws(engine_posterior_lattice(rep(20L, 3), functions, map, NULL), 0, 2000, 1, 1L)
  drawn <- do.call(cbind, out$values[2:4])
  expect_equal(out$x, unit$from_unit(drawn), tolerance = 1e-10)
  slopes <- lapply(1:3, function(j) {
    h <- 1e-5 * (seq_len(3) == j)
    (unit$from_unit(drawn[1:5, ] + rep(h, each = 5)) - unit$from_unit(drawn[1:5, ] - rep(h, each = 5))) / 2e-5
  })
  volume <- vapply(1:5, function(i) log(abs(det(vapply(slopes, function(s) s[i, ], numeric(3))))), 0)
  expect_equal(unit$unit_jacobian(out$x[1:5, ]), volume, tolerance = 1e-6)
  wrong <- replace(map, "tail", list(1))
  expect_error(engine_result(engine_posterior_lattice(rep(20L, 3), functions, wrong, NULL), list()), "map")
})

test_that("sigma and coefficients are drawn at the places of a lattice", {
  at <- seq(-5, 5, length.out = 30)
  grid <- expand.grid(a = at, b = at)
  log <- -(grid$a^2 + grid$b^2) / 2
  functions <- rbind(log, 1 + grid$a / 2, grid$a, 3 - grid$b, 1 + grid$b / 10, grid$a / 3, 2)
  map <- list(origin = c(-5, -5), step = rep(at[2] - at[1], 2), center = c(0, 0), root = diag(2), location = c(0, 0),
              scale = c(1, 1), skew = c(0, 0), tail = c(1, 1))
  given <- list(shape = 2.5, coordinate = NULL, sigma = NULL, coefficients = 2L,
                root = cbind(c(1L, 1L, 2L), c(1L, 2L, 2L)))
  draws <- function(functions, given, n = 40000) {
    lattice <- engine_result(engine_posterior_lattice(c(30L, 30L), functions, map, given), list())
    out <- engine_result(engine_lattice_draws(lattice, 0, n, 77, 1L), list())
    list(x = out$x, sigma = out$values[[2]], beta = do.call(cbind, out$values[-(1:2)]))
  }
  out <- draws(functions, given)
  a <- out$x[, 1]
  b <- out$x[, 2]
  gamma <- exp(1 + a / 2) / out$sigma^2
  e2 <- (out$beta[, 2] - (3 - b)) / out$sigma / 2
  e1 <- ((out$beta[, 1] - a) / out$sigma - a / 3 * e2) / (1 + b / 10)
  for (u in list(pnorm(a), pgamma(gamma, 2.5), pnorm(e1), pnorm(e2))) expect_gt(ks.test(u, "punif")$p.value, 1e-4)
  expect_lt(max(abs(cor(cbind(a, b, gamma, e1, e2))[upper.tri(diag(5))])), 4.5 / sqrt(40000))

  of_coordinate <- draws(functions[-2, ], list(shape = NULL, coordinate = 2L, sigma = NULL, coefficients = 2L,
                                                root = given$root), 100)
  expect_equal(of_coordinate$x, out$x[1:100, ])
  expect_equal(of_coordinate$sigma, exp(of_coordinate$x[, 2]))
  known <- draws(functions[-2, ], list(shape = NULL, coordinate = NULL, sigma = 3, coefficients = 2L,
                                       root = given$root), 100)
  expect_equal(known$sigma, rep(3, 100))
  expect_equal((known$beta[, 2] - (3 - known$x[, 2])) / 6, e2[1:100])
  expect_error(draws(functions[-2, ], given, 10), "functions of the lattice")
})

crossed <- function() {
  set.seed(2)
  d <- expand.grid(g = factor(1:12), h = factor(1:6))
  d$y <- 2 * rnorm(12)[d$g] + rnorm(6)[d$h] + rnorm(72)
  lmm(y ~ 1 + (1 | g) + (1 | h), d)
}

test_that("two variances are drawn from a lattice, as by Metropolis", {
  fit <- crossed()
  prior <- prior_inverse_wishart(1, 1)
  draws <- posterior(fit, 40000, prior, seed = 1, random = FALSE)
  exact <- posterior(fit, 40000, prior, seed = 2, random = FALSE, exact = TRUE)
  about <- attr(draws, "about")
  expect_identical(about$method, "lattice")
  expect_gt(about$check, 0.999)
  expect_identical(attr(exact, "about")$method, "metropolis")
  sizes <- summary(exact)
  for (name in c("sd__(Intercept).g", "sd__(Intercept).h", "sigma", "(Intercept)")) {
    x <- log(abs(draws[[name]]))
    y <- log(abs(exact[[name]]))
    n <- sizes[name, "ess_bulk"]
    for (p in c(0.05, 0.5, 0.95)) {
      expect_lt(abs(mean(y <= quantile(x, p)) - p), 4.5 * sqrt(p * (1 - p) * (1 / n + 1 / 40000)),
                label = paste(name, p))
    }
  }
  expect_lt(abs(about$evidence[1] - attr(exact, "about")$evidence[1]), 5 * attr(exact, "about")$evidence[2] + 1e-4)
  expect_identical(posterior(fit, 4000, prior, seed = 1, random = FALSE, threads = 2),
                   posterior(fit, 4000, prior, seed = 1, random = FALSE), ignore_attr = TRUE)
  expect_output(print(draws), "lattice")
})

test_that("random effects and many coefficients are drawn exactly beside a lattice", {
  fit <- crossed()
  with_random <- posterior(fit, 4000, prior_inverse_wishart(1, 1), seed = 1)
  without <- posterior(fit, 4000, prior_inverse_wishart(1, 1), seed = 1, random = FALSE)
  expect_identical(attr(with_random, "about")$method, "lattice")
  expect_equal(with_random[["sd__(Intercept).g"]], without[["sd__(Intercept).g"]])
  expect_equal(mean(with_random[["(Intercept)"]]), mean(without[["(Intercept)"]]), tolerance = 0.2)
  expect_equal(sd(with_random[["(Intercept)"]]), sd(without[["(Intercept)"]]), tolerance = 0.1)
})

test_that("the share that weights leave of an independence chain is that of its draws", {
  expect_equal(chain_share(numeric(100)), 1 / (2 / 1 - 1))
  set.seed(6)
  x <- rt(2e5, 6)
  log_weight <- dnorm(x, log = TRUE) - dt(x, 6, log = TRUE)
  path <- accept_path(log_weight[1], log_weight[-1], log(runif(2e5 - 1))) + 1L
  expect_equal(ess_bulk(matrix(x[path])) / 2e5, chain_share(log_weight), tolerance = 0.15)
})

test_that("three parameters are drawn from a lattice where there are many draws", {
  set.seed(3)
  d <- data.frame(g = gl(15, 6), x = rep_len(c(-1, 0.5, 1, 0), 90))
  d$y <- rnorm(15)[d$g] + 0.7 * rnorm(15)[d$g] * d$x + rnorm(90)
  fit <- lmm(y ~ x + (x | g), d)
  prior <- list(prior_inverse_wishart(diag(2), 4), residual = prior_inverse_wishart(1, 1))
  few <- posterior(fit, 2000, prior, seed = 1, random = FALSE)
  expect_identical(attr(few, "about")$method, "metropolis")
  draws <- posterior(fit, 1e5, prior, seed = 1, random = FALSE)
  expect_identical(attr(draws, "about")$method, "lattice")
  expect_lt(abs(attr(draws, "about")$evidence[1] - attr(few, "about")$evidence[1]), 5 * attr(few, "about")$evidence[2])
  for (name in names(draws)[1:6]) {
    n <- summary(few)[name, "ess_bulk"]
    expect_lt(abs(mean(few[[name]] <= median(draws[[name]])) - 0.5), 4.5 * 0.5 / sqrt(n), label = name)
  }
})

test_that("a lattice reaches further where the tails of a posterior are long", {
  data(sleepstudy, package = "lme4", envir = environment())
  fit <- lmm(Reaction ~ Days + (Days | Subject), sleepstudy)
  prior <- list(prior_inverse_wishart(diag(2), 3), residual = prior_inverse_wishart(1, 0.002))
  for (seed in 2:4) {
    draws <- posterior(fit, 1e5, prior, chains = 1, random = FALSE, seed = seed)
    expect_identical(attr(draws, "about")$method, "lattice")
    expect_gt(attr(draws, "about")$check, 0.999)
  }
})
