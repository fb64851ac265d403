orthodont <- function() {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)
  set.seed(1)
  d[sort(sample(nrow(d), 90)), ]
}

ages <- c(8, 10, 12, 14)

# R of four visits from the parameters as they are shown.
visit_covariance <- function(word, v) {
  sd <- v[grep("^sd\\(", names(v))]
  D <- if (length(sd)) sd else rep(v[["sigma"]], 4)
  lag <- abs(outer(1:4, 1:4, "-"))
  pairs <- function(name) {
    m <- diag(4)
    for (i in 1:3) for (j in (i + 1):4) m[i, j] <- m[j, i] <- v[[paste0(name, "(", ages[j], ",", ages[i], ")")]]
    m
  }
  if (word == "us") return(pairs("cov") - diag(4) + diag(sd^2))
  if (word == "cs") return(diag(v[["sigma"]]^2, 4) + v[["cov"]])
  if (word == "toep") return(matrix(c(v[["sigma"]]^2, v[grep("^cov", names(v))])[lag + 1], 4))
  adjacent <- unname(v[grep("^cor\\(", names(v))])
  C <- switch(word, ar1 = v[["rho"]]^(2 * lag), ar1h = v[["rho"]]^lag, ou = exp(-2 * lag / v[["range"]]),
              csh = v[["rho"]] + (1 - v[["rho"]]) * diag(4),
              toeph = matrix(c(1, v[grep("^rho", names(v))])[lag + 1], 4),
              corr = pairs("cor"), diag = diag(4), ad = , adh = outer(1:4, 1:4, Vectorize(function(i, j) {
                if (i == j) 1 else prod(adjacent[min(i, j):(max(i, j) - 1)])
              })))
  C * outer(D, D)
}

# Standard deviations and correlations, which the default priors are flat in.
visit_natural <- function(word, v) {
  R <- visit_covariance(word, v)
  C <- cov2cor(R)
  sd <- sqrt(diag(R))
  adjacent <- C[cbind(1:3, 2:4)]
  unname(switch(word, ar1 = c(v[["rho"]], sd[1]), ou = c(v[["range"]], sd[1]), cs = c(C[1, 2], sd[1]),
                toep = c(C[1, 2:4], sd[1]), csh = c(sd, C[1, 2]), toeph = c(sd, C[1, 2:4]), ad = c(adjacent, sd[1]),
                adh = c(sd, adjacent), ar1h = c(sd, v[["rho"]]), corr = c(C[lower.tri(C)], sd[1]),
                us = c(sd, C[lower.tri(C)]), diag = sd))
}

test_that("the log target of every residual structure is that of the dense formula, with and without a random effect", {
  d <- orthodont()
  X <- model.matrix(~ age * Sex, d)
  visit <- match(d$age, ages)
  same <- outer(d$Subject, d$Subject, "==")
  for (word in c("ar1", "ou", "cs", "us", "csh", "toep", "toeph", "ad", "adh", "ar1h", "corr", "diag")) {
    for (random in c(FALSE, TRUE)[seq_len(1 + word %in% c("ar1", "ar1h", "diag"))]) {
      f <- if (random) distance ~ age * Sex + (1 | Subject) else distance ~ age * Sex
      fit <- suppressMessages(lmm(f, d, residual = eval(parse(text = paste0("~", word, "(age | Subject)")))))
      group <- function(v) if (random) v[["sd__(Intercept).Subject"]]
      density <- function(v) {
        R <- visit_covariance(word, v)
        sd <- if (word %in% c("us", "csh", "toeph", "adh", "ar1h", "diag")) sqrt(diag(R)) else sqrt(R[1, 1])
        V <- R[visit, visit] * same + if (random) group(v)^2 * same else 0
        dense_marginal(d$distance, X, V) + sum(log_half_t(c(sd, group(v)), 4)) +
          if (word == "ou") log_half_t(v[["range"]], 6) else 0
      }
      natural <- function(v) c(group(v), visit_natural(word, v))
      difference <- target_differences(fit, prior_half_t(3, 4), density, natural)
      expect_lt(diff(range(difference)), 1e-7, label = paste(word, random))
      # A flat density on (-1, 1) has the constant 1 / 2, one on correlation matrices of four visits that of their
      # volume 32 pi^2 / 27 (Rousseeuw and Molenberghs 1994).
      constant <- switch(word, ou = , diag = 0, us = , corr = -log(32 * pi^2 / 27), toep = , toeph = , ad = ,
                         adh = -3 * log(2), -log(2))
      expect_equal(mean(difference), constant, tolerance = 1e-6, info = word)
    }
  }
})

test_that("the log target of variance functions, nuggets, groups and products is that of the dense formula", {
  set.seed(4)
  d <- expand.grid(k = 1:4, col = 1:3, g = factor(1:12))
  d$arm <- factor(ifelse(as.integer(d$g) %% 2 == 0, "a", "b"))
  d$x <- runif(nrow(d), 100, 120)
  d$y <- rnorm(nrow(d)) * ifelse(d$arm == "a", 1, 2) + rnorm(12)[d$g]
  X <- cbind(1, d$x)
  same <- outer(d$g, d$g, "==")
  far <- as.matrix(dist(cbind(d$k, d$col)))
  check <- function(fit, covariance, natural, prior = prior_half_t(3, 4), own = function(v) 0) {
    density <- function(v) {
      total <- natural(v)[1L]                             # the standard deviation of a typical residual comes first
      dense_marginal(d$y, X, covariance(v)) + log_half_t(total, 4) + own(v)
    }
    expect_lt(diff(range(target_differences(fit, prior, density, natural))), 1e-6)
  }
  check(lmm(y ~ x, d, variance = ~ arm + x), function(v) {
    diag(v[["sigma"]]^2 * exp(2 * v[["armb"]] * (d$arm == "b") + 2 * v[["variance:x"]] * d$x))
  }, function(v) c(v[["sigma"]] * exp(mean(v[["armb"]] * (d$arm == "b") + v[["variance:x"]] * d$x)), v[["armb"]],
                   v[["variance:x"]]))
  check(lmm(y ~ x, d, variance = ~ power(x)), function(v) diag(v[["sigma"]]^2 * d$x^(2 * v[["power(x)"]])),
        function(v) c(v[["sigma"]] * exp(mean(log(d$x)) * v[["power(x)"]]), v[["power(x)"]]))
  check(lmm(y ~ x, d, residual = ~ exp(k + col | g, nugget = TRUE)), function(v) {
    v[["sigma"]]^2 * same * ((1 - v[["nugget"]]) * exp(-far / v[["range"]]) + v[["nugget"]] * diag(nrow(d)))
  }, function(v) c(v[["sigma"]], v[["range"]], v[["nugget"]]),
    own = function(v) log_half_t(v[["range"]], sqrt(13)))
  check(lmm(y ~ x, d, residual = ~ ar1(k):ar1(col) | g), function(v) {
    v[["sigma"]]^2 * same * v[["rho(k)"]]^abs(outer(d$k, d$k, "-")) * v[["rho(col)"]]^abs(outer(d$col, d$col, "-"))
  }, function(v) c(v[["sigma"]], v[["rho(k)"]], v[["rho(col)"]]))
  fit <- suppressMessages(lmm(y ~ x, d, residual = ~ ar(1 | g, p = 2)))
  order <- ave(d$k, d$g, FUN = seq_along)
  check(fit, function(v) {
    phi <- c(v[["phi1"]], v[["phi2"]])
    rho <- ARMAacf(phi, lag.max = 12)
    v[["sigma"]]^2 * same * matrix(rho[abs(outer(order, order, "-")) + 1], nrow(d))
  }, function(v) c(v[["sigma"]], v[["phi1"]] / (1 - v[["phi2"]]), v[["phi2"]]))
})

test_that("groups with parameters of their own: each with its standard deviation and correlation", {
  set.seed(5)
  d <- expand.grid(k = 1:3, g = factor(1:20))
  d$arm <- factor(ifelse(as.integer(d$g) %% 2 == 0, "a", "b"))
  d$y <- rnorm(60) + rnorm(20)[d$g] * ifelse(d$arm == "a", 1, 2)
  same <- outer(d$g, d$g, "==")
  fit <- lmm(y ~ arm, d, residual = ~ cs(k | arm / g))
  natural <- function(v) unlist(lapply(c("a", "b"), function(arm) {
    total <- v[[paste0("sd|", arm)]]^2 + v[[paste0("cov|", arm)]]
    c(sqrt(total), v[[paste0("cov|", arm)]] / total)
  }))
  density <- function(v) {
    own <- d$arm == "a"
    pick <- function(name) ifelse(own, v[[paste0(name, "|a")]], v[[paste0(name, "|b")]])
    V <- diag(pick("sd")^2) + same * pick("cov")
    dense_marginal(d$y, model.matrix(~ arm, d), V) + sum(log_half_t(natural(v)[c(1, 3)], 2))
  }
  expect_lt(diff(range(target_differences(fit, prior_half_t(3, 2), density, natural))), 1e-7)
})

test_that("an inverse Wishart prior of all residual standard deviations is one of the matrix, as in MCMCglmm", {
  d <- orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  V <- diag(4) + 1
  visit <- match(d$age, ages)
  natural <- function(v) visit_covariance("us", v)[lower.tri(diag(4), diag = TRUE)]
  density <- function(v) {
    S <- visit_covariance("us", v)
    nu <- 6
    wishart <- nu / 2 * log(det(nu * V)) - nu * 2 * log(2) - 3 * log(pi) - sum(lgamma((nu + 1 - 1:4) / 2)) -
      (nu + 5) / 2 * log(det(S)) - sum(diag(nu * V %*% solve(S))) / 2
    dense_marginal(d$distance, cbind(1, d$age), S[visit, visit] * outer(d$Subject, d$Subject, "==")) + wishart
  }
  difference <- target_differences(fit, list(residual = prior_inverse_wishart(V, 6)), density, natural)
  expect_lt(max(abs(difference)), 1e-6)
})

test_that("draws with all variance parameters fixed have the dense mean and covariance matrix of effects", {
  set.seed(6)
  d <- expand.grid(k = 1:4, g = factor(1:5), h = factor(1:3))
  d$y <- rnorm(60) + rnorm(5)[d$g]
  fixed <- c(g = 1.2, h = 0.7, sigma = 0.9, rho = 0.4)
  fit <- lmm(y ~ k + (1 | g) + (1 | h), d, residual = ~ ar1(k | g:h), fixed = fixed)
  draws <- as.data.frame(posterior(fit, 20000, seed = 1, random = TRUE))
  X <- cbind(1, d$k)
  Z <- cbind(model.matrix(~ 0 + g, d), model.matrix(~ 0 + h, d))
  subject <- interaction(d$g, d$h)
  R <- 0.81 * outer(subject, subject, "==") * 0.4^abs(outer(d$k, d$k, "-"))
  W <- cbind(X, Z)
  C <- solve(crossprod(W, solve(R, W)) + diag(c(0, 0, rep(1 / 1.44, 5), rep(1 / 0.49, 3))))
  mean <- C %*% crossprod(W, solve(R, d$y))
  names <- c("(Intercept)", "k", grep("^r_g", names(draws), value = TRUE), grep("^r_h", names(draws), value = TRUE))
  own <- as.matrix(draws[names])
  z <- (colMeans(own) - mean) / sqrt(diag(C) / nrow(own))
  expect_lt(max(abs(z)), 4)
  expect_lt(max(abs(cov(own) - C) / sqrt(outer(diag(C), diag(C)))), 0.04)
})

test_that("draws of an AR(1) follow the quadrature of the dense density", {
  set.seed(7)
  d <- expand.grid(t = 1:6, g = factor(1:8))
  d$y <- as.vector(replicate(8, arima.sim(list(ar = 0.5), 6)))
  fit <- lmm(y ~ t, d, residual = ~ ar1(t | g))
  draws <- posterior(fit, 20000, list(residual = prior_half_t(3, 2), rho = prior_lkj(2)), seed = 2)
  X <- cbind(1, d$t)
  same <- outer(d$g, d$g, "==")
  lag <- abs(outer(d$t, d$t, "-"))
  grid <- expand.grid(rho = seq(-0.5, 0.98, length.out = 75), sigma = exp(seq(log(0.5), log(3), length.out = 60)))
  log <- mapply(function(rho, sigma) {
    dense_marginal(d$y, X, sigma^2 * same * rho^lag) + log_half_t(sigma, 2) + log(1 - rho^2) - log(4 / 3) +
      log(sigma)                                          # the integral of 1 - rho^2 is 4 / 3
  }, grid$rho, grid$sigma)
  cell <- diff(grid$rho[1:2]) * diff(log(unique(grid$sigma))[1:2])
  w <- exp(log - max(log))
  for (name in c("rho", "sigma")) {
    mean <- sum(w * grid[[name]]) / sum(w)
    sd <- sqrt(sum(w * (grid[[name]] - mean)^2) / sum(w))
    expect_lt(abs(mean(draws[[name]]) - mean), 0.04 * sd, label = name)
    expect_equal(sd(draws[[name]]), sd, tolerance = 0.03, info = name)
  }
  evidence <- marginal_likelihood(draws)
  expect_lt(abs(evidence$log - max(log) - log(sum(w) * cell)), 0.02)
})

test_that("priors of residual parameters: by name, of the right kind, and told where one is needed", {
  d <- orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ exp(age | Subject))
  narrow <- posterior(fit, 8000, list(range = prior_half_normal(0.5)), seed = 1)
  same <- outer(d$Subject, d$Subject, "==")
  far <- abs(outer(d$age, d$age, "-"))
  grid <- seq(0.05, 4, by = 0.02)
  log <- vapply(grid, function(range) {                   # sigma integrated: a flat density of sigma
    C <- same * exp(-far / range)
    W <- solve(C)
    X <- cbind(1, d$age)
    A <- crossprod(X, W %*% X)
    r <- d$distance - X %*% solve(A, crossprod(X, W %*% d$distance))
    -0.5 * (c(determinant(C)$modulus) + c(determinant(A)$modulus)) - (nrow(d) - 3) / 2 * log(sum(r * (W %*% r))) -
      range^2 / (2 * 0.25)
  }, 0)
  w <- cumsum(exp(log - max(log))) / sum(exp(log - max(log)))
  quantiles <- vapply(c(0.1, 0.5, 0.9), function(p) grid[which(w >= p)[1L]], 0)
  expect_equal(unname(quantile(narrow$range, c(0.1, 0.5, 0.9))), quantiles, tolerance = 0.04)
  expect_match(attr(summary(narrow), "about")$prior[["range"]], "half-normal, scale = 0.5")
  expect_error(posterior(fit, prior = list(range = prior_lkj(1))), "not a prior of a standard deviation",
               class = "lmm_error_input")
  expect_error(posterior(fit, prior = list(rang = prior_half_normal(1))), "range", class = "lmm_error_input")
  power <- suppressMessages(lmm(distance ~ age, d, variance = ~ constpower(age)))
  expect_error(posterior(power), "const", class = "lmm_error_improper")
  few <- data.frame(y = rnorm(12), arm = factor(rep(c("a", "b"), c(11, 1))))
  alone <- lmm(y ~ 0 + arm, few, variance = ~ arm)
  expect_error(posterior(alone, 100), class = "lmm_error_improper")
})

test_that("predictions, simulations and functions of draws know the residual structure", {
  d <- orthodont()
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex)
  draws <- posterior(fit, 4000, seed = 1)
  known <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex,
               fixed = c(sigma = 1.5, Subject = 2, SexFemale = -0.5))
  at_known <- posterior(known, 20000, seed = 1)
  new <- data.frame(age = 10, Sex = c("Male", "Female"), Subject = "new")
  made <- predict(at_known, new, interval = "prediction", allow.new.levels = TRUE, weights = c(1, 4), draws = TRUE,
                  seed = 1)
  residual <- 2.25 * ifelse(d$Sex == "Female", exp(-1), 1)
  V <- 4 * outer(d$Subject, d$Subject, "==") + diag(residual)
  X <- cbind(1, d$age)
  fixed <- c(1, 10) %*% solve(crossprod(X, solve(V, X)), c(1, 10))
  expect_equal(apply(made, 2, var), c(fixed) + 4 + 2.25 * c(1, exp(-1) / 4), tolerance = 0.04, ignore_attr = TRUE)
  odd <- lmm(distance ~ age, d, residual = ~ ar1(age | Subject))
  of_ar <- posterior(odd, 1000, seed = 1)
  expect_equal(quantity(of_ar, ~ rho^2)$median, median(of_ar$rho^2), tolerance = 1e-8)
  ar <- lmm(distance ~ age, d, residual = ~ ar1(age | Subject), fixed = c(rho = 0.9, sigma = 1))
  full <- expand.grid(age = ages, Subject = unique(d$Subject))
  y <- as.matrix(simulate(posterior(ar, 4000, seed = 1), 2000, newdata = full, seed = 1))
  r <- residuals(lm(y ~ full$age))
  adjacent <- which(full$age < 14)
  expect_equal(mean(r[adjacent, ] * r[adjacent + 1, ]) / mean(r^2), 0.9^2, tolerance = 0.05)
  same <- posterior(ar, 100, seed = 3, threads = 1)
  expect_identical(as.data.frame(same), as.data.frame(posterior(ar, 100, seed = 3, threads = 2)))
})

test_that("one prior of a whole matrix is not overruled for an entry, and other entries obey theirs", {
  d <- orthodont()
  us <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  expect_error(posterior(us, prior = list("cov(14,12)" = prior_lkj(20))), "whole matrix", class = "lmm_error_input")
  wishart <- prior_inverse_wishart(diag(4), 5)
  expect_error(posterior(us, prior = list(residual = wishart, "sd(8)" = prior_half_normal(1))), "whole matrix",
               class = "lmm_error_input")
  draws <- suppressWarnings(posterior(us, 100, seed = 1))
  expect_identical(names(attr(draws, "about")$prior), c("residual", "residual cor", "fixed"))
  toep <- lmm(distance ~ age, d, residual = ~ toep(age | Subject))
  plain <- posterior(toep, 2000, seed = 1)
  narrow <- posterior(toep, 2000, list(cov3 = prior_lkj(200)), seed = 1)
  expect_lt(sd(narrow$cov3 / narrow$sigma^2), 0.6 * sd(plain$cov3 / plain$sigma^2))
  grouped <- posterior(lmm(distance ~ age * Sex, d, residual = ~ toep(age | Sex / Subject)), 500, seed = 1)
  expect_true(all(c("sd|Male", "cov1|Female") %in% names(grouped)))
})

test_that("a correlation whose sign the gaps do not tell is positive, with all of the prior", {
  skip_if_not_installed("nlme")
  d <- as.data.frame(nlme::Orthodont)
  fit <- lmm(distance ~ age, d, residual = ~ ar1(age | Subject))          # every second year
  draws <- posterior(fit, 4000, prior_half_t(3, 4), seed = 1)
  expect_true(all(draws$rho > 0))
  X <- cbind(1, d$age)
  same <- outer(d$Subject, d$Subject, "==")
  lag <- abs(outer(d$age, d$age, "-"))
  grid <- expand.grid(rho = seq(0.4, 0.99, length.out = 40), sigma = exp(seq(log(1.3), log(5.5), length.out = 30)))
  log <- mapply(function(rho, sigma) {
    dense_marginal(d$distance, X, sigma^2 * same * rho^lag) + log_half_t(sigma, 4) + log(sigma)
  }, grid$rho, grid$sigma)
  cell <- diff(grid$rho[1:2]) * diff(log(unique(grid$sigma))[1:2])
  both <- max(log) + log(sum(exp(log - max(log))) * cell)                 # density 1 / 2 on either side
  expect_lt(abs(marginal_likelihood(draws)$log - both), 0.03)
})

test_that("densities that hardly fall are refused, moments that do not exist are told", {
  set.seed(9)
  few <- data.frame(y = rnorm(12), arm = factor(rep(c("a", "b"), c(11, 1))))
  fit <- lmm(y ~ 1, few, variance = ~ arm)
  expect_error(posterior(fit, 100), "armb", class = "lmm_error_improper")
  d <- orthodont()
  d$age <- d$age * 1e-6
  short <- posterior(lmm(distance ~ Sex, d, residual = ~ gau(age | Subject)), 1000, seed = 1)
  d$age <- d$age * 1e6
  long <- posterior(lmm(distance ~ Sex, d, residual = ~ gau(age | Subject)), 1000, seed = 1)
  expect_equal(quantile(short$sigma, c(0.1, 0.5, 0.9)), quantile(long$sigma, c(0.1, 0.5, 0.9)), tolerance = 0.03)
  expect_equal(1e6 * quantile(short$range, c(0.1, 0.5, 0.9)), quantile(long$range, c(0.1, 0.5, 0.9)),
               tolerance = 0.03)
  range <- posterior(lmm(distance ~ age, d, residual = ~ exp(age | Subject, nugget = TRUE)), 500,
                     list(range = prior_half_cauchy(1e-6)), seed = 1)
  expect_identical(summary(range)["range", "mean"], Inf)
  series <- posterior(lmm(distance ~ 1, orthodont(), residual = ~ ar(1 | Subject, p = 2)), 200, seed = 1)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  plot(series)
  expect_null(prior_curve(attr(series, "about"), "phi1", 0.5))        # its prior is that of partial autocorrelations
  sex <- lmm(distance ~ age, orthodont(), variance = ~ Sex)
  flat <- posterior(sex, 300, seed = 1)
  same <- posterior(sex, 300, list(SexFemale = prior_normal(0, Inf)), seed = 1)
  name <- grep("Female", names(flat), value = TRUE)
  expect_equal(flat[[name]], same[[name]], tolerance = 1e-8)
})

test_that("a matrix V of residuals without correlations has an entry for each visit, or is refused", {
  set.seed(11)
  d <- expand.grid(t = factor(1:3), g = factor(1:15))
  d$x <- rnorm(45)
  d$y <- d$x + rnorm(45) * as.integer(d$t)
  V <- diag(c(1, 4, 9))
  nu <- 40
  fit <- lmm(y ~ x, d, residual = ~ diag(t | g))
  density <- function(v) {                                # of each variance: inverse gamma(nu / 2, nu V / 2)
    sd <- v[grep("^sd", names(v))]
    rate <- nu * diag(V) / 2
    dense_marginal(d$y, cbind(1, d$x), diag(sd[d$t]^2)) +
      sum(log(2 * sd) + nu / 2 * log(rate) - lgamma(nu / 2) - (nu / 2 + 1) * log(sd^2) - rate / sd^2)
  }
  difference <- target_differences(fit, list(residual = prior_inverse_wishart(V, nu)), density,
                                   function(v) unname(v[grep("^sd", names(v))]))
  expect_lt(max(abs(difference)), 1e-6)
  wide <- list(residual = prior_inverse_wishart(diag(4), 5))
  for (f in list(fit, lmm(y ~ x, d, residual = ~ ar1(1 | g)), lmm(y ~ x + (1 | g), d))) {
    expect_error(posterior(suppressMessages(f), 100, wide), "`V` of the prior of `residual` has 4 rows",
                 class = "lmm_error_input")
  }
})

test_that("the default prior of a range has the longest distance of a subject as its scale, in any order of rows", {
  set.seed(12)
  d <- rbind(expand.grid(t = c(0, 1), g = 1:60), expand.grid(t = seq(0, 30, 10), g = 61:70))
  d$y <- rnorm(nrow(d)) + 2 * rnorm(70)[d$g]
  for (order in list(seq_len(nrow(d)), rev(seq_len(nrow(d))))) {
    own <- d[order, ]
    own$g <- factor(own$g, levels = unique(own$g))
    expect_identical(range_scale(lmm(y ~ 1, own, residual = ~ exp(t | g))), 30)
  }
  field <- data.frame(u = runif(400), v = runif(400))
  expect_equal(longest_distance(as.matrix(field)), max(dist(field)))
  box <- cbind(as.matrix(field), runif(400))
  half <- rep(1:2, 200)
  expect_equal(longest_distance(box, half), max(dist(box[half == 1, ]), dist(box[half == 2, ])))
})
