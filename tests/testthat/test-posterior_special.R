test_that("the log target of structured random terms is that of the dense formula", {
  set.seed(1)
  d <- expand.grid(f = factor(1:4), g = factor(1:20), r = 1:3)
  b <- 2 * matrix(rnorm(80), 20) %*% chol(0.6^abs(outer(1:4, 1:4, "-")))
  d$y <- b[cbind(d$g, d$f)] + rnorm(nrow(d))
  Z <- model.matrix(~ 0 + f, d)
  same <- outer(d$g, d$g, "==")
  cell <- interaction(d$g, d$f)
  lag <- abs(outer(1:4, 1:4, "-"))
  for (word in c("cs", "homcs", "ar1", "hetar1", "toep", "homtoep", "homdiag")) for (correlated in c(FALSE, TRUE)) {
    fit <- suppressMessages(lmm(as.formula(paste0("y ~ 1 + ", word, "(0 + f | g)")), d,
                                residual = if (correlated) ~ ar1(r | g:f)))
    density <- function(v) {
      sd <- v[grep("^sd__", names(v))]
      cor <- unname(v[grep("^cor__", names(v))])
      C <- switch(word, cs = , homcs = cor + (1 - cor) * diag(4), ar1 = , hetar1 = cor^lag, homdiag = diag(4),
                  matrix(c(1, cor)[lag + 1], 4))
      D <- rep_len(sd, 4)
      R <- v[["sigma"]]^2 * if (correlated) outer(cell, cell, "==") * v[["rho"]]^abs(outer(d$r, d$r, "-"))
                            else diag(nrow(d))
      dense_marginal(d$y, matrix(1, nrow(d)), Z %*% (C * outer(D, D)) %*% t(Z) * same + R) +
        sum(log_half_t(c(sd, v[["sigma"]]), 4))
    }
    difference <- target_differences(fit, prior_half_t(3, 4), density, size = 0.03)
    expect_lt(diff(range(difference)), 1e-7, label = paste(word, correlated))
  }
})

test_that("the log target of spatial random terms is that of the dense formula, its range with a prior of its own", {
  set.seed(2)
  site <- data.frame(s = factor(1:16), lon = rep(1:4, 4), lat = rep(1:4, each = 4))
  D <- as.matrix(dist(site[2:3]))
  d <- site[rep(1:16, each = 3), ]
  d$y <- as.vector(t(chol(exp(-D / 2))) %*% rnorm(16))[d$s] + rnorm(48)
  fit <- lmm(y ~ 1 + exp(lon + lat | s), d)
  Z <- model.matrix(~ 0 + s, d)
  density <- function(v) {
    S <- v[["sd__(Intercept).exp(s)"]]^2 * exp(-D / v[["range.exp(s)"]])
    dense_marginal(d$y, matrix(1, 48), Z %*% S %*% t(Z) + diag(v[["sigma"]]^2, 48)) +
      sum(log_half_t(v[c("sd__(Intercept).exp(s)", "sigma")], 4)) + log_half_t(v[["range.exp(s)"]], 2, df = 7)
  }
  prior <- list(prior_half_t(3, 4), `range.exp(s)` = prior_half_t(7, 2))
  expect_lt(max(abs(target_differences(fit, prior, density))), 1e-6)
  draws <- posterior(fit, 1000, prior, seed = 1)
  expect_identical(tidy(draws)$term[tidy(draws)$effect == "ran_pars"], c("sd__(Intercept)", "range", "sd__Observation"))
  # Effects: means over the draws of their conditional means at each draw's parameters.
  effects <- as.matrix(as.data.frame(draws)[grep("^r_", names(draws))])
  given <- vapply(seq_len(200), function(i) {
    S <- draws[["sd__(Intercept).exp(s)"]][i]^2 * exp(-D / draws[["range.exp(s)"]][i])
    V <- Z %*% S %*% t(Z) + diag(draws$sigma[i]^2, 48)
    c(S %*% t(Z) %*% solve(V, d$y - draws[["(Intercept)"]][i]))
  }, numeric(16L))
  gap <- effects[1:200, ] - t(given)
  expect_lt(max(abs(colMeans(gap)) / apply(gap, 2, sd) * sqrt(200)), 4)
  expect_lt(max(apply(gap, 2, sd)), 0.7)
})

test_that("known relationships: dense log target, effects and simulations by level", {
  set.seed(3)
  for (n in c(8, 300)) {                                   # fitted by a root of the matrix, and by its inverse
    K <- 0.6^abs(outer(1:n, 1:n, "-"))
    dimnames(K) <- rep(list(paste0("g", 1:n)), 2)
    used <- if (n == 8) 1:8 else 1:40
    d <- data.frame(g = factor(rep(paste0("g", used), each = 3), levels = rownames(K)))
    d$x <- rnorm(nrow(d))
    d$y <- 1 + d$x + (2 * as.vector(t(chol(K)) %*% rnorm(n)))[d$g] + rnorm(nrow(d))
    fit <- lmm(y ~ x + (1 | g), d, relationship = list(g = K))
    Z <- model.matrix(~ 0 + g, d)
    density <- function(v) {
      V <- v[[1]]^2 * Z %*% K %*% t(Z) + diag(v[["sigma"]]^2, nrow(d))
      dense_marginal(d$y, cbind(1, d$x), V) + sum(log_half_t(v, 4))
    }
    expect_lt(max(abs(target_differences(fit, prior_half_t(3, 4), density))), 1e-6)
    fixed <- lmm(y ~ x + (1 | g), d, relationship = list(g = K), fixed = c(g = 2, sigma = 1))
    draws <- as.data.frame(posterior(fixed, 4000, seed = 1, random = TRUE))
    W <- cbind(1, d$x, Z)
    P <- crossprod(W)
    P[-(1:2), -(1:2)] <- P[-(1:2), -(1:2)] + solve(K) / 4
    C <- solve(P)
    own <- as.matrix(draws[c("(Intercept)", "x", grep("^r_", names(draws), value = TRUE))])
    z <- (colMeans(own) - C %*% crossprod(W, d$y)) / sqrt(diag(C) / nrow(own))
    expect_lt(max(abs(z)), 4.5)
    expect_lt(max(abs(cov(own)[1:6, 1:6] - C[1:6, 1:6]) / sqrt(outer(diag(C), diag(C)))[1:6, 1:6]), 0.08)
    y <- as.matrix(simulate(posterior(fixed, 20000, seed = 1, random = FALSE), 20000, seed = 2))[1:9, ]
    V <- 4 * Z %*% K %*% t(Z) + diag(nrow(d))
    X <- cbind(1, d$x)
    whole <- V + X %*% solve(crossprod(X, solve(V, X)), t(X))
    expect_lt(max(abs(cov(t(y)) - whole[1:9, 1:9])) / max(whole[1:9, 1:9]), 0.06)
  }
})

test_that("a relationship that is the identity changes nothing", {
  set.seed(4)
  d <- data.frame(g = gl(12, 4))
  d$y <- rnorm(12)[d$g] + rnorm(48)
  I <- diag(12)
  dimnames(I) <- rep(list(levels(d$g)), 2)
  plain <- posterior(lmm(y ~ 1 + (1 | g), d), 500, seed = 1)
  known <- posterior(lmm(y ~ 1 + (1 | g), d, relationship = list(g = I)), 500, seed = 1)
  expect_equal(plain[["sd__(Intercept).g"]], known[["sd__(Intercept).g"]], tolerance = 1e-4)
  expect_equal(plain$sigma, known$sigma, tolerance = 1e-4)
  new <- data.frame(g = c("1", "new"))
  limits <- lapply(list(plain, known), predict, new, interval = "prediction", allow.new.levels = TRUE, seed = 1)
  expect_equal(limits[[1]], limits[[2]], tolerance = 0.15)
})

test_that("random terms with fixed parameters: the log target is that of the dense formula", {
  set.seed(7)
  d <- expand.grid(f = factor(1:3), g = factor(1:20), r = 1:3)
  d$f <- factor(d$f, labels = c("a", "b", "c"))
  b <- matrix(rnorm(60), 20) %*% chol(0.6^abs(outer(1:3, 1:3, "-"))) %*% diag(c(1, 2, 3))
  d$y <- b[cbind(d$g, d$f)] + rnorm(nrow(d))
  d <- d[!(d$f == "b" & d$g %in% 1:4), ]                   # columns of unequal frequency
  Z <- model.matrix(~ 0 + f, d)
  same <- outer(d$g, d$g, "==")
  lag <- abs(outer(1:3, 1:3, "-"))
  # word, what is fixed, standard deviations and correlation of the term from what is drawn
  cases <- list(list("ar1", c(rho = 0.4), function(v) list(rep(v[[1]], 3), 0.4)),
                list("hetar1", c(rho = 0.4), function(v) list(v[1:3], 0.4)),
                list("hetar1", c(sd = 2, sigma = 1.2), function(v) list(c(v[1], 2, v[2]), v[[3]])),
                list("hetar1", c(sd = 2, rho = 0.4, sigma = 1.2), function(v) list(c(v[1], 2, v[2]), 0.4)),
                list("ar1", c(sd = 2, sigma = 1.2), function(v) list(rep(2, 3), v[[1]])))
  for (case in cases) {
    free <- suppressMessages(lmm(as.formula(paste0("y ~ 1 + ", case[[1]], "(0 + f | g)")), d))
    names <- parameter_names(variance_parameters(free), old = FALSE)
    fixed <- case[[2]]
    sd <- names[startsWith(names, "sd_")]
    words <- c(rho = names[startsWith(names, "cor_")], sd = sd[min(2, length(sd))], sigma = "sigma")
    names(fixed) <- words[names(fixed)]
    fit <- suppressMessages(lmm(formula(free), d, fixed = fixed))
    density <- function(v) {
      own <- case[[3]](v)
      S <- own[[2]]^lag * outer(own[[1]], own[[1]])
      sigma <- if ("sigma" %in% names(fixed)) 1.2 else v[["sigma"]]
      drawn <- c(v[grep("^sd__", names(v))], if (!"sigma" %in% names(fixed)) v["sigma"])
      dense_marginal(d$y, matrix(1, nrow(d)), Z %*% S %*% t(Z) * same + diag(sigma^2, nrow(d))) +
        sum(log_half_t(drawn, 4)) - if (any(grepl("^cor__", names(v)))) log(2) else 0
    }
    natural <- function(v) unname(if ("sigma" %in% names(fixed)) v[names(v) != "sigma"] else v)
    expect_lt(max(abs(target_differences(fit, prior_half_t(3, 4), density, natural, size = 0.03))), 1e-6,
              label = paste(case[[1]], paste(names(case[[2]]), collapse = " ")))
    draws <- posterior(fit, 400, prior_half_t(3, 4), seed = 1)
    expect_true(all(is.finite(as.matrix(as.data.frame(draws)))))
  }
})

test_that("spatial random terms with a fixed range: draws have the exact density of a dense grid", {
  set.seed(8)
  site <- data.frame(s = factor(1:16), lon = rep(1:4, 4), lat = rep(1:4, each = 4))
  D <- as.matrix(dist(site[2:3]))
  d <- site[rep(1:16, each = 2), ]
  d$y <- as.vector(t(chol(exp(-D / 2))) %*% rnorm(16))[d$s] + 0.5 * rnorm(32)
  fit <- suppressMessages(lmm(y ~ 1 + exp(lon + lat | s), d, fixed = c("range|exp(s)" = 2)))
  Z <- model.matrix(~ 0 + s, d)
  density <- function(v) {
    V <- v[["sd__(Intercept).exp(s)"]]^2 * Z %*% exp(-D / 2) %*% t(Z) + diag(v[["sigma"]]^2, 32)
    dense_marginal(d$y, matrix(1, 32), V) + sum(log_half_t(v[c("sd__(Intercept).exp(s)", "sigma")], 4))
  }
  draws <- posterior(fit, 4000, prior_half_t(3, 4), seed = 1)
  grid <- expand.grid(a = seq(-4, 2.5, length.out = 60), b = seq(-1.6, 0.6, length.out = 60))
  log <- apply(grid, 1, function(x) {
    density(c("sd__(Intercept).exp(s)" = exp(x[[1]]), sigma = exp(x[[2]]))) + sum(x)
  })
  w <- exp(log - max(log)) / sum(exp(log - max(log)))
  expect_lt(abs(mean(log(draws[["sd__(Intercept).exp(s)"]])) - sum(w * grid$a)) / sd(log(draws[[1]])), 0.08)
  expect_lt(abs(mean(log(draws$sigma)) - sum(w * grid$b)) / sd(log(draws$sigma)), 0.08)
})

test_that("a relationship of low rank has effects of all its levels", {
  set.seed(13)
  M <- matrix(rnorm(36), 12)
  K <- tcrossprod(M) / 3
  dimnames(K) <- rep(list(paste0("g", 1:12)), 2)
  d <- data.frame(g = factor(rep(rownames(K), each = 4), levels = rownames(K)))
  d$y <- (M %*% rnorm(3))[d$g] + rnorm(48)
  fit <- suppressMessages(lmm(y ~ 1 + (1 | g), d, relationship = list(g = K), fixed = c(g = 1.5, sigma = 1)))
  draws <- as.data.frame(posterior(fit, 10000, seed = 1, random = TRUE))
  own <- as.matrix(draws[grep("^r_", names(draws))])
  expect_identical(ncol(own), 12L)
  Z <- model.matrix(~ 0 + g, d)
  V <- 2.25 * Z %*% K %*% t(Z) + diag(48)
  W <- solve(V)
  P <- W - W %*% matrix(1, 48, 48) %*% W / sum(W)
  G <- 2.25 * K
  mean <- G %*% t(Z) %*% P %*% d$y
  C <- G - G %*% t(Z) %*% P %*% Z %*% G
  expect_lt(max(abs(colMeans(own) - mean) / sqrt(diag(C) / 10000)), 4.5)
  expect_lt(max(abs(cov(own) - C)) / max(C), 0.05)
})

test_that("animals with one record each have draws: more effects than rows", {
  set.seed(1)
  parents <- data.frame(id = 1:120, sire = c(rep(NA, 20), sample(1:10, 100, TRUE)),
                        dam = c(rep(NA, 20), sample(11:20, 100, TRUE)))
  relatives <- pedigree(parents$id, parents$sire, parents$dam)
  d <- data.frame(animal = factor(21:120))
  A <- relationship_matrix(relatives)[21:120, 21:120]
  d$y <- as.vector(t(chol(A)) %*% rnorm(100)) + rnorm(100)
  fit <- lmm(y ~ 1 + (1 | animal), d, relationship = list(animal = relatives))
  expect_lt(max(abs(target_differences(fit, prior_half_t(3, 4), function(v) {
    dense_marginal(d$y, matrix(1, 100), v[[1]]^2 * A + diag(v[["sigma"]]^2, 100)) + sum(log_half_t(v, 4))
  }))), 1e-6)
  draws <- posterior(fit, 2000, seed = 1)
  grid <- seq(-6, 16, by = 0.05)                        # log(sd / sigma); sigma^2 given it is inverse gamma
  parts <- vapply(grid, function(x) {
    V <- exp(2 * x) * A + diag(100)
    W <- solve(V)
    r <- d$y - sum(W %*% d$y) / sum(W)
    c(c(determinant(V)$modulus) + log(sum(W)), sum(r * (W %*% r)))
  }, numeric(2L))
  shape <- (99 - 2) / 2
  log <- -parts[1L, ] / 2 - shape * log(parts[2L, ]) + grid
  w <- exp(log - max(log)) / sum(exp(log - max(log)))
  sigma <- sqrt(parts[2L, ] / 2) * exp(lgamma(shape - 0.5) - lgamma(shape))
  exact <- summary(draws, exact = TRUE)
  expect_equal(exact["sigma", "mean"], sum(w * sigma), tolerance = 1e-3)
  expect_equal(exact["sd__(Intercept).animal", "mean"], sum(w * exp(grid) * sigma), tolerance = 1e-3)
})
