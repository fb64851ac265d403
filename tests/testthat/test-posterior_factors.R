# Loadings: rows of (loadings, specific standard deviation) are a priori s times a uniform point of half a sphere.

factor_data <- function(q = 5, seed = 1) {
  set.seed(seed)
  d <- expand.grid(f = factor(1:q), g = factor(1:25), r = 1:2)
  first <- outer(rnorm(25), c(0.5, 2, -1, 2, 1)[1:q])
  second <- outer(rnorm(25), c(1, -1, 1.5, 0, 1)[1:q])
  d$y <- (first + second)[cbind(d$g, d$f)] + 0.7 * rnorm(25 * q)[interaction(d$f, d$g)] + rnorm(nrow(d))
  d
}

# Log prior of loadings (a matrix with zeros above the diagonal) and specific standard deviations, from the areas of
# spheres and the volume of the orthogonal group written out.
factor_prior <- function(L, specific, log_sd) {
  k <- ncol(L)
  s <- sqrt(rowSums(L^2) + if (length(specific)) specific^2 else 0)
  area <- if (length(specific)) c(pi, 2 * pi)[k] else c(2, 2 * pi)[k]
  power <- if (length(specific)) k else k - 1
  sum(log_sd(s) - power * log(s) - log(area)) + log(c(2, 4 * pi)[k]) + if (k == 2) log(abs(L[1, 1])) else 0
}

test_that("the log target of factor-analytic terms is that of the dense formula, in any order of columns", {
  d <- factor_data()
  Z <- model.matrix(~ 0 + f, d)
  same <- outer(d$g, d$g, "==")
  cell <- interaction(d$g, d$f)
  for (word in c("fa", "rr")) for (k in 1:2) for (correlated in c(FALSE, TRUE)) {
    fit <- suppressMessages(lmm(as.formula(paste0("y ~ 1 + ", word, "(0 + f | g, ", k, ")")), d,
                                residual = if (correlated) ~ ar1(r | g:f)))
    at <- which(lower.tri(matrix(0, 5, k), diag = TRUE))
    density <- function(v) {
      L <- matrix(0, 5, k)
      L[at] <- v[grep("^loading", names(v))]
      specific <- v[grep("specific", names(v))]
      G <- tcrossprod(L) + if (word == "fa") diag(specific^2) else 0
      R <- v[["sigma"]]^2 * if (correlated) outer(cell, cell, "==") * v[["rho"]]^abs(outer(d$r, d$r, "-"))
                            else diag(nrow(d))
      dense_marginal(d$y, matrix(1, nrow(d)), Z %*% G %*% t(Z) * same + R) + log_half_t(v[["sigma"]], 4) +
        factor_prior(L, specific, function(s) log_half_t(s, 4)) + if (correlated) -log(2) else 0
    }
    difference <- target_differences(fit, prior_half_t(3, 4), density, size = 0.05)
    expect_lt(max(abs(difference)), 1e-5, label = paste(word, k, correlated))
  }
})

test_that("directions of loadings are uniform: their density integrates to one and has the moments of random points", {
  lower <- function(k) which(lower.tri(matrix(0, 3, k), diag = TRUE), arr.ind = TRUE)
  for (word in c("fa1", "fa2", "rr2")) {
    k <- as.numeric(substr(word, 3, 3))
    table <- data.frame(kind = "loading", row = lower(k)[, 1], col = lower(k)[, 2])
    if (word != "rr2") table <- rbind(table, data.frame(kind = "variance", row = 1:3, col = 1:3))
    special <- list(kind = table$kind)
    natural <- c(c(0.3, -0.8, 0.5, 0.6, -0.7)[seq_len(nrow(lower(k)))], rep(0.4, 3))[seq_len(nrow(table))]
    special$factors <- factor_plan(table, natural, rep(1, 3))
    set.seed(2)
    n <- 2e5
    z <- matrix(rt(n * sum(special$factors$count), 2), n)  # heavier tails than those of the density
    # Without specific variances the coordinates are those of whole rows of loadings: with a density of their sizes.
    free <- word == "rr2"
    y <- if (free) matrix(rt(n * 3, 5), n) else matrix(0, n, 3)
    own <- decode_factors(special, exp(y), z, TRUE)
    w <- own$jacobian + own$prior - rowSums(dt(z, 2, log = TRUE))
    if (free) w <- w + rowSums(y) + rowSums(log_half_t(own$s, 1)) - rowSums(dt(y, 5, log = TRUE))
    w <- exp(w)
    expect_lt(abs(mean(w) - 1) / (sd(w) / sqrt(n)), 4)
    expect_lt(abs(mean(w) - 1), 0.05)
    natural <- own$natural[1:2000, ]
    w <- w[1:2000]
    correlation <- apply(natural, 1L, function(v) {
      L <- matrix(0, 3, k)
      L[lower(k)] <- v[special$kind == "loading"]
      size <- sqrt(rowSums(L^2) + if (word != "rr2") v[special$kind == "variance"] else 0)
      sum(L[1, ] * L[2, ]) / (size[1] * size[2])
    })
    correlation[!is.finite(correlation)] <- 0              # where the weight is 0, too
    columns <- k + (word != "rr2")
    points <- matrix(rnorm(2e5 * columns), ncol = columns)
    points <- points / sqrt(rowSums(points^2))
    other <- matrix(rnorm(2e5 * columns), ncol = columns)
    other <- other / sqrt(rowSums(other^2))
    expected <- mean(rowSums((points * other)[, seq_len(k), drop = FALSE])^2)
    found <- weighted.mean(correlation^2, w)
    error <- sd(w * (correlation^2 - found)) / mean(w) / sqrt(length(w))
    expect_lt(abs(found - expected) / error, 4)
  }
})

test_that("draws of a factor-analytic term agree with those of long random walks on the dense density", {
  d <- factor_data(3, seed = 3)
  fit <- suppressMessages(lmm(y ~ 1 + fa(0 + f | g, 1), d))
  draws <- posterior(fit, 4000, prior_half_t(3, 4), seed = 1)
  table <- as.data.frame(draws)
  L <- as.matrix(table[grep("^loading", names(table))])
  specific <- as.matrix(table[grep("specific", names(table))])
  # The same model with an unstructured term is a reparametrisation of one factor of three columns where the specific
  # variances are positive: covariances by importance weights of the Wishart-free density.
  Z <- model.matrix(~ 0 + f, d)
  same <- outer(d$g, d$g, "==")
  y <- tapply(d$y, list(d$g, d$f), mean)
  within <- sum((d$y - y[cbind(d$g, d$f)])^2)
  log_density <- function(v) {                             # loadings, logs of specific standard deviations and sigma
    specific <- exp(v[4:6])
    sigma <- exp(v[7])
    V <- tcrossprod(v[1:3]) + diag(specific^2) + diag(sigma^2 / 2, 3)
    W <- solve(V)
    one <- rep(1, 3)
    mean <- sum(y %*% W) / (25 * sum(W))
    r <- y - mean
    -0.5 * (25 * c(determinant(V)$modulus) + log(25 * sum(W)) + sum((r %*% W) * r)) - 75 * v[7] -
      within / (2 * sigma^2) + log_half_t(sigma, 4) + sum(v[4:7]) +
      factor_prior(cbind(v[1:3]), specific, function(s) log_half_t(s, 4))
  }
  set.seed(5)
  at <- c(colMeans(L), log(colMeans(specific)), log(mean(table$sigma)))
  step <- t(chol(cov(cbind(L, log(specific), log(table$sigma))))) * 0.9
  value <- log_density(at)
  walk <- matrix(0, 40000, 7)
  for (i in seq_len(nrow(walk))) {
    new <- at + as.vector(step %*% rnorm(7))
    own <- log_density(new)
    if (log(runif(1)) < own - value) {
      at <- new
      value <- own
    }
    walk[i, ] <- at
  }
  parts <- function(l, s) cbind(l[, 1] * l[, 2], l[, 1] * l[, 3], l[, 2] * l[, 3], l^2 + s^2)
  ours <- parts(L, specific)
  theirs <- parts(walk[, 1:3], exp(walk[, 4:6]))[-(1:2000), ]
  batches <- apply(theirs, 2, function(x) sd(colMeans(matrix(x[1:38000], 1000)))) / sqrt(38)
  error <- sqrt(batches^2 + apply(ours, 2, var) / (0.3 * nrow(ours)))
  expect_lt(max(abs(colMeans(ours) - colMeans(theirs)) / error), 4)
})

test_that("functions of draws have the covariances of a factor-analytic term", {
  d <- factor_data()
  fit <- suppressMessages(lmm(y ~ 1 + fa(0 + f | g, 1), d))
  draws <- suppressWarnings(posterior(fit, 1000, prior_half_t(3, 4), seed = 1, random = TRUE))
  table <- as.data.frame(draws)
  L <- as.matrix(table[grep("^loading", names(table))])
  expect_identical(sum(grepl("^r_g", names(table))), 125L)
  shown <- quantity(draws, ~ var(g, f2))
  specific <- table[["sd__specific f2.g"]]
  expect_equal(attr(shown, "draws")[["var(g, f2)"]], unname(L[, 2]^2 + specific^2), tolerance = 1e-10)
  expect_error(posterior(fit, 100, prior_density(function(x) 0)), "loadings", class = "lmm_error_unsupported")
})

test_that("drawn effects of a factor-analytic term have their conditional mean and covariance matrix", {
  d <- factor_data()
  fit <- suppressMessages(lmm(y ~ 1 + fa(0 + f | g, 1), d))
  p <- as.data.frame(posterior(fit, 2000, prior_half_t(3, 4), seed = 1, random = TRUE))
  L <- as.matrix(p[grep("^loading", names(p))])
  S <- as.matrix(p[grep("specific", names(p))])
  b <- as.matrix(p[grep("^r_g", names(p))])
  y <- tapply(d$y, list(d$g, d$f), mean)
  z <- vapply(seq_len(nrow(p)), function(i) {
    G <- tcrossprod(L[i, ]) + diag(S[i, ]^2)
    W <- solve(G + diag(p$sigma[i]^2 / 2, 5))
    e <- (matrix(b[i, ], 25) - (y - p[["(Intercept)"]][i]) %*% W %*% G) %*% solve(chol(G - G %*% W %*% G))
    c(mean(e), mean(e^2))
  }, numeric(2))
  n <- 125 * nrow(p)
  expect_lt(abs(mean(z[1, ])) * sqrt(n), 4)
  expect_lt(abs(mean(z[2, ]) - 1) * sqrt(n / 2), 4)
})

test_that("loadings of draws keep the signs of the estimates of each factor", {
  set.seed(4)
  d <- expand.grid(f = factor(1:5), g = factor(1:60), r = 1:2)
  Lambda <- cbind(c(0.8, -2.5, 1, -2, -1), c(0, 0.5, -2, 1.2, -1.5))
  d$y <- rowSums(matrix(rnorm(120), 60)[d$g, ] * Lambda[d$f, ]) + 0.7 * rnorm(300)[interaction(d$f, d$g)] + rnorm(600)
  for (word in c("fa", "rr")) for (k in 1:2) {
    fit <- suppressMessages(lmm(as.formula(paste0("y ~ 1 + ", word, "(0 + f | g, ", k, ")")), d))
    draws <- as.data.frame(suppressWarnings(posterior(fit, 200, prior_half_t(3, 4), seed = 1)))
    at <- which(lower.tri(matrix(0, 5, k), diag = TRUE))
    L <- as.matrix(draws[grep("^loading", names(draws))])
    estimate <- fit_natural(fit)[[1]][seq_along(at)]
    factor <- col(matrix(0, 5, k))[at]
    for (j in seq_len(k)) {
      own <- factor == j
      expect_true(all(L[, own, drop = FALSE] %*% estimate[own] > 0), label = paste(word, k, j))
    }
  }
})

test_that("loadings near 0 change their sign in the draws, whatever the order of the columns", {
  set.seed(11)
  d <- expand.grid(v = factor(letters[1:4]), g = factor(1:40), r = 1:2)
  lambda <- list(a = c(0, 0), b = c(1, 0.3), c = c(1.2, -0.8), d = c(0.8, 0.9))
  u <- matrix(rnorm(80), 40)
  d$y <- rowSums(u[d$g, ] * do.call(rbind, lambda)[d$v, ]) + rnorm(320)
  d$w <- factor(d$v, c("c", "a", "d", "b"))
  for (k in 1:2) {
    shares <- vapply(c("v", "w"), function(name) {
      fit <- suppressMessages(lmm(as.formula(paste0("y ~ v + rr(0 + ", name, " | g, ", k, ")")), d))
      draws <- posterior(fit, 4000, prior_half_t(3, 2), seed = 1)
      f <- as.formula(paste0("~ cov(g, ", name, "a, ", name, "b)"))
      mean(attr(quantity(draws, f), "draws")[[1]] > 0)
    }, 0)
    expect_gt(min(shares), 0.02)
    expect_lt(max(shares), 0.98)
    expect_lt(abs(diff(shares)), 0.06)
  }
})

test_that("structures whose common variance is fixed have draws", {
  set.seed(12)
  d <- expand.grid(f = factor(1:3), g = factor(1:20), r = 1:2)
  d$y <- rnorm(20)[d$g] + rnorm(60)[interaction(d$f, d$g)] + rnorm(120)
  Z <- model.matrix(~ 0 + f, d)
  same <- outer(d$g, d$g, "==")
  for (word in c("homcs", "homtoep")) {
    fit <- suppressMessages(lmm(as.formula(paste0("y ~ 1 + ", word, "(0 + f | g)")), d,
                                fixed = stats::setNames(c(1.3, 1), c(paste0("sd_", word, "|g"), "sigma"))))
    cors <- function(v) unname(v[grep("^cor__", names(v))])
    density <- function(v) {
      C <- matrix(c(1, rep_len(cors(v), 2))[abs(outer(1:3, 1:3, "-")) + 1], 3)
      dense_marginal(d$y, matrix(1, 120), 1.69 * Z %*% C %*% t(Z) * same + diag(120)) - length(cors(v)) * log(2)
    }
    expect_lt(max(abs(target_differences(fit, prior_flat(), density, cors, size = 0.02))), 1e-6, label = word)
    expect_true(all(is.finite(as.matrix(as.data.frame(posterior(fit, 200, seed = 1))))))
  }
})
