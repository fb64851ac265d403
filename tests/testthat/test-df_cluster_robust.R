# The dense oracle: V^-1 of all rows, adjustment matrices by cluster, covariances of the parts of l'beta from n x n
# matrices.
oracle_robust <- function(model, Sigma, sigma2, cluster, type, l) {
  dense_robust(oracle_V(model, Sigma, sigma2), model$X[, model$independent, drop = FALSE], model$y, cluster, type, l)
}

dense_robust <- function(V, X, y, cluster, type, l) {
  n <- length(y)
  Vi <- solve(V)
  M <- solve(t(X) %*% Vi %*% X)
  H <- X %*% M %*% t(X) %*% Vi
  e <- y - H %*% y
  ids <- unique(cluster)
  Omega <- V * outer(cluster, cluster, `==`)
  R <- (diag(n) - H) %*% Omega %*% t(diag(n) - H)
  T <- Vi %*% X
  middle <- 0
  parts <- lapply(ids, function(id) {
    i <- cluster == id
    A <- switch(type, CR0 = , CR1 = diag(sum(i)), CR3 = {
      s <- svd(diag(sum(i)) - H[i, i])
      use <- s$d > 1e-10 * max(s$d)
      s$v[, use] %*% (t(s$u[, use]) / s$d[use])
    }, CR2 = {
      D <- chol(V[i, i])
      B <- D %*% R[i, i] %*% t(D)
      s <- eigen((B + t(B)) / 2)
      use <- s$values > 1e-10 * max(s$values)
      t(D) %*% s$vectors[, use] %*% (t(s$vectors[, use]) / sqrt(s$values[use])) %*% D
    })
    score <- t(T[i, , drop = FALSE]) %*% A %*% e[i]
    middle <<- middle + score %*% t(score)
    g <- numeric(n)
    g[i] <- t(A) %*% T[i, , drop = FALSE] %*% M %*% l
    t(diag(n) - H) %*% g
  })
  m <- length(ids)
  P <- do.call(cbind, parts)
  G <- t(P) %*% Omega %*% P
  list(vcov = M %*% middle %*% M * if (type == "CR1") m / (m - 1) else 1, df = sum(diag(G))^2 / sum(G^2))
}

test_that("covariance and degrees of freedom are those of the dense formulas, nested or not, with weights", {
  for (seed in c(2, 3, 6, 7, 20)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    model <- oracle_of_design(case)
    cluster <- as.integer(case$data$k)
    l <- c(rep(0, model$p - 1), 1)
    for (type in paste0("CR", 0:3)) {
      truth <- oracle_robust(model, design_covariance(case, fit), sigma(fit)^2, cluster[model$keep], type, l)
      expect_lt(relative_difference(unname(vcov(fit, type = type, cluster = cluster)), truth$vcov), 1e-7,
                label = paste("covariance", type, "of design", seed, case$kind))
      df <- contest(fit, l, joint = FALSE, ddf = "cluster-robust", type = type, cluster = ~k)$df
      expect_equal(df, truth$df, tolerance = 1e-6, label = paste("df", type, "of design", seed, case$kind))
    }
  }
})

test_that("covariances and tests are those of package 'clubSandwich'", {
  skip_if_not_installed("clubSandwich")
  skip_if_not_installed("lme4")
  d <- transform(lme4::sleepstudy, A = factor(as.integer(Subject) %% 3))
  d <- d[-seq(3, 180, 7), ]
  fit <- lmm(Reaction ~ Days * A + (1 | Subject), d)
  peer <- lme4::lmer(Reaction ~ Days * A + (1 | Subject), d, start = getME(fit, "theta"),
                     control = lme4::lmerControl(optimizer = NULL, calc.derivs = FALSE))
  for (type in paste0("CR", 0:3)) {
    expect_lt(relative_difference(vcov(fit, type = type, cluster = ~Subject),
                                  as.matrix(clubSandwich::vcovCR(peer, type = type))), 1e-7)
    theirs <- clubSandwich::coef_test(peer, vcov = type, test = "Satterthwaite")
    expect_equal(unname(coef(summary(fit, ddf = "cluster-robust", cluster = ~Subject, type = type))[, "df"]), theirs$df,
                 tolerance = 1e-7)
    joint <- clubSandwich::Wald_test(peer, clubSandwich::constrain_zero(3:4), vcov = type)
    mine <- contest(fit, diag(6)[3:4, ], ddf = "cluster-robust", cluster = ~Subject, type = type)
    expect_equal(c(mine$`F value`, mine$DenDF), c(joint$Fstat, joint$df_denom), tolerance = 1e-6)
  }
})

test_that("a joint test does not depend on its rows, nor on units", {
  d <- behavior_data()
  fit <- lmm(y ~ x + f + (1 | g), d)
  L <- diag(5)[3:5, ]
  base <- contest(fit, L, ddf = "cluster-robust", cluster = ~g)
  mixed <- contest(fit, matrix(c(1, 2, 3, -1, 0, 5, 2, 2, 9), 3) %*% L, ddf = "cluster-robust", cluster = ~g)
  expect_lt(relative_difference(unlist(mixed), unlist(base)), 1e-8)
  units <- contest(lmm(y ~ x + f + (1 | g), transform(d, y = 1e-7 * y, x = 1e5 * x)), L, ddf = "cluster-robust",
                   cluster = ~g)
  expect_lt(relative_difference(unlist(units[3:6]), unlist(base[3:6])), 1e-8)
})

test_that("clusters are found in the model, the data or the caller", {
  d <- transform(behavior_data(), school = rep(letters[1:8], 12))
  some <- d[-c(2, 50), ]
  expect_equal(vcov(lmm(y ~ x + (1 | g), some), type = "CR2", cluster = ~school),
               vcov(lmm(y ~ x + (1 | g), some), type = "CR2", cluster = some$school))
  d$y[5] <- NA
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d))
  V <- vcov(fit, type = "CR2", cluster = ~school)
  expect_equal(V, vcov(fit, type = "CR2", cluster = d$school))
  expect_equal(V, vcov(fit, type = "cr2", cluster = d$school[-5]))
  expect_equal(vcov(fit, type = "CR0", cluster = ~ school:g), vcov(fit, type = "CR0", cluster = paste(d$school, d$g)))
  expect_error(vcov(fit, type = "CR2", cluster = ~nowhere), "nowhere", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR2", cluster = 1:3), "cluster", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR2"), "cluster", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR2", cluster = rep(1, 95)), "2 clusters", class = "lmm_error_data")
})

test_that("an estimate that all clusters agree on has no error and no test, and does not disturb the others", {
  d <- expand.grid(trt = factor(letters[1:4]), plot = factor(1:6))
  d$block <- factor((as.integer(d$plot) + 1) %/% 2)
  noise <- c(0.3, -0.1, 0.2, 0.1, -0.4, -0.2, 0.1, 0.1, -0.3, 0.2, 0.2, -0.1)
  d$y <- 17 + c(0.13, -0.21, 0.4, 0.07, -0.33, 0.1)[d$plot] + c(0, -0.1, 0.3, 0.7)[d$trt] +
    ifelse(d$trt %in% c("c", "d"), rep(noise, each = 2), 0)
  fit <- lmm(y ~ trt + (1 | plot), d)
  model <- oracle_model(d$y, model.matrix(~ trt, d), list(matrix(1, 24)), list(d$plot))
  for (type in c("CR0", "CR1", "CR2", "CR3")) {
    truth <- oracle_robust(model, VarCorr(fit), sigma(fit)^2, as.integer(d$plot), type, c(0, 0, 1, 0))
    V <- vcov(fit, type = type, cluster = ~ plot)
    expect_identical(unname(V["trtb", ]), numeric(4))
    expect_lt(relative_difference(unname(V[-2, -2]), truth$vcov[-2, -2]), 1e-10)
    expect_warning(table <- coef(summary(fit, ddf = "cluster-robust", cluster = ~ plot, type = type)), "trtb",
                   class = "lmm_warning_precision")
    expect_identical(table["trtb", "Std. Error"], 0)
    expect_identical(unname(is.na(table[, "t value"])), c(FALSE, TRUE, FALSE, FALSE))
    expect_equal(table["trtc", "df"], truth$df)
  }
  expect_warning(one <- contest(fit, c(trtb = 1), joint = FALSE, ddf = "cluster-robust", cluster = ~ plot),
                 class = "lmm_warning_precision")
  expect_identical(is.na(one[["Pr(>|t|)"]]), TRUE)
  expect_warning(one <- contest(fit, c(trtb = 1), ddf = "cluster-robust", cluster = ~ plot), "all agree",
                 class = "lmm_warning_precision")
  expect_true(is.na(one[["F value"]]))
  expect_identical(unname(diag(vcov(fit, type = "CR2", cluster = ~ plot)) > 0), c(TRUE, FALSE, TRUE, TRUE))
})

test_that("a cluster may be a function of variables; what divides the rows in two directions is refused", {
  d <- transform(behavior_data(), id = seq_len(96))
  d$y[7] <- NA
  fit <- suppressMessages(lmm(y ~ x + (1 | g), d))
  tens <- d$id[-7] %/% 10
  truth <- vcov(fit, type = "CR1", cluster = tens)
  expect_equal(vcov(fit, type = "CR1", cluster = ~ floor(id / 10)), truth)
  width <- 10
  expect_equal(vcov(fit, type = "CR1", cluster = ~ (id %/% width)), truth)
  expect_equal(vcov(fit, type = "CR1", cluster = ~ substr(g, 1, 1):floor(id / 10)), truth)
  for (formula in list(~ g + h, ~ g * h, ~ g / h, y ~ g, ~ 1 | g)) {
    expect_error(vcov(fit, type = "CR1", cluster = formula), class = "lmm_error_input")
  }
  expect_error(vcov(fit, type = "CR1", cluster = ~ g + h), "a:b", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR1", cluster = ~ cut(id)), "cannot be evaluated", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR1", cluster = ~1), "length 1", class = "lmm_error_input")
  expect_error(vcov(fit, type = "CR1", cluster = ~ log(-1 * id)), "missing values",
               class = "lmm_error_input") |> suppressWarnings()
})

test_that("an F test of more rows than clusters, or without degrees of freedom, is left out with the reason", {
  d <- behavior_data()
  fit <- lmm(y ~ f + x + (1 | g), d)
  expect_left_out <- function(clusters, reason, type = "CR2") {
    method <- ddf_method("cluster-robust", type = type, cluster = as.integer(d$g) %% clusters)
    expect_warning(table <- anova(fit, ddf = method), paste0(reason, ".*too few clusters"),
                   class = "lmm_warning_precision")
    expect_identical(is.na(table[["Pr(>F)"]]), c(TRUE, FALSE))
    expect_warning(contest(fit, cbind(0, diag(3), 0), ddf = method), "rows of `L`.*too few clusters",
                   class = "lmm_warning_precision")
  }
  expect_left_out(2, "no F test of `f`")
  expect_left_out(3, "no F test of `f`", "CR0")
  expect_left_out(3, "no p-value for `f`")

  few <- transform(d, f = factor(as.integer(g) %% 4))[as.integer(d$g) <= 5, ]
  fit <- suppressMessages(lmm(y ~ f + (1 | g), few))
  expect_warning(table <- anova(fit, ddf = "cluster-robust", cluster = ~g), "`f`", class = "lmm_warning_precision")
  expect_true(is.na(table[["Pr(>F)"]]))
})

test_that(paste("clusters of hundreds of rows need no matrix of their square, also weighted, crossed, or with a",
                "column of their own"), {
  set.seed(12)
  d <- data.frame(g = sample(30, 800, TRUE), h = sample(12, 800, TRUE), x = rnorm(800), w = runif(800, 0.2, 5),
                  part = sample(2, 800, TRUE))
  d$own <- as.numeric(d$part == 2)
  d$y <- d$x + 2 * rnorm(30)[d$g] + rnorm(12)[d$h] + rnorm(800) / sqrt(d$w)
  for (weights in list(rep(1, 800), d$w)) {
    fit <- lmm(y ~ x + own + (1 | g) + (1 | h), d, weights = weights)
    one <- matrix(1, 800)
    model <- oracle_model(d$y, cbind(1, d$x, d$own), list(one, one), list(d$g, d$h), weights = weights)
    for (type in c("CR2", "CR3")) {
      truth <- oracle_robust(model, VarCorr(fit), sigma(fit)^2, d$part, type, c(0, 1, 0))
      V <- vcov(fit, type = type, cluster = ~part)
      expect_lt(relative_difference(unname(V), truth$vcov), 1e-7)
      df <- contest(fit, c(x = 1), joint = FALSE, ddf = "cluster-robust", type = type, cluster = ~part)$df
      expect_equal(df, truth$df, tolerance = 1e-6)
    }
  }
  info <- new_inference(fit, "asymptotic")$info
  clusters <- cluster_rows(marginal_parts(info), d$part)
  K <- Reduce(`+`, lapply(clusters, function(own) crossprod(own$T, own$VT)))
  for (own in clusters) {
    expect_lt(relative_difference(unbiased_scores(own, info$phi, K, dense = FALSE),
                                  unbiased_scores(own, info$phi, K, dense = TRUE)), 1e-9)
  }
})

test_that("residual structures, alone and beside nested or crossed random effects: dense formulas", {
  d <- plain_orthodont()[-c(2, 9, 30), ]
  d$pair <- factor(as.integer(d$Subject) %/% 2)
  d$item <- factor((d$age * 3 + as.integer(d$Subject)) %% 5)
  d$w <- rep(c(1, 2, 0.5), length.out = nrow(d))
  same <- outer(d$Subject, d$Subject, "==")
  h <- abs(outer(d$visit, d$visit, "-"))
  X <- model.matrix(~ Sex * age, d)
  l <- c(0, 0, 1, 1)
  fits <- list(lmm(distance ~ Sex * age, d, residual = ~ ar1(visit | Subject), weights = w),
               lmm(distance ~ Sex * age, d, residual = ~ us(visit | Subject)),
               suppressMessages(lmm(distance ~ Sex * age + (1 | pair) + (1 | item), d,
                                    residual = ~ ar1(visit | Subject))),
               lmm(distance ~ Sex * age + (1 | Subject), d, variance = ~ Sex))
  Vs <- lapply(fits, function(fit) {
    p <- stats::setNames(variance_components(fit)$estimate, rownames(variance_components(fit)))
    if (identical(fit, fits[[1]])) return(p["sigma^2"] * same * p["rho"]^h / sqrt(outer(d$w, d$w)))
    if (identical(fit, fits[[2]])) {
      at <- residual_parameters(fit)
      S <- matrix(0, 4, 4)
      S[cbind(at$row, at$col)] <- S[cbind(at$col, at$row)] <- at$estimate
      return(same * S[d$visit, d$visit])
    }
    if (identical(fit, fits[[3]])) {
      return(p["sigma^2"] * same * p["rho"]^h + p["var_(Intercept)|pair"] * outer(d$pair, d$pair, "==") +
               p["var_(Intercept)|item"] * outer(d$item, d$item, "=="))
    }
    p["var_(Intercept)|Subject"] * same + diag(p["sigma^2"] * exp(2 * p[2] * (d$Sex == "Female")))
  })
  for (k in seq_along(fits)) for (type in paste0("CR", 0:3)) for (cluster in c("Subject", "pair")) {
    truth <- dense_robust(Vs[[k]], X, d$distance, as.integer(d[[cluster]]), type, l)
    own <- vcov(fits[[k]], type = type, cluster = d[[cluster]])
    expect_lt(relative_difference(unname(own), truth$vcov), 1e-7, label = paste(k, type, cluster))
    df <- contest(fits[[k]], l, joint = FALSE, ddf = "cluster-robust", type = type, cluster = d[[cluster]])$df
    expect_equal(df, truth$df, tolerance = 1e-6, label = paste("df", k, type, cluster))
  }
  expect_error(vcov(fits[[1]], type = "CR2", cluster = ~age), "whole subjects", class = "lmm_error_input")
})

test_that("residual structures: package 'clubSandwich' with generalized least squares", {
  skip_if_not_installed("clubSandwich")
  d <- plain_orthodont()[-c(2, 9, 30), ]
  fit <- lmm(distance ~ Sex * age, d, residual = ~ ar1(visit | Subject))
  peer <- nlme::gls(distance ~ Sex * age, d, correlation = nlme::corAR1(form = ~ visit | Subject),
                    control = nlme::glsControl(tolerance = 1e-10, msTol = 1e-12))
  for (type in c("CR0", "CR2", "CR3")) {
    expect_equal(unname(vcov(fit, type = type, cluster = ~Subject)),
                 unname(as.matrix(clubSandwich::vcovCR(peer, type = type))), tolerance = 1e-4, ignore_attr = TRUE)
  }
})
