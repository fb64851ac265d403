# Functions of the parameters of residual structures and structured random effects.

test_that("compound symmetry has the intraclass correlation of a random intercept", {
  d <- plain_orthodont()
  cs <- lmm(distance ~ Sex * age, d, residual = ~ cs(age | Subject))
  mixed <- lmm(distance ~ Sex * age + (1 | Subject), d)
  homdiag <- lmm(distance ~ Sex * age + homdiag(1 | Subject), d)
  for (method in c("profile", "delta")) {
    truth <- quantity(mixed, "icc", "total", "cv", ~ sigma, method = if (method == "profile") "auto" else "delta")
    own <- quantity(cs, icc = ~ cov / (cov + sigma2), total = ~ var(Residual), "cv", ~ sigma,
                    method = if (method == "profile") "auto" else "delta")
    expect_equal(as.data.frame(own)[-3, -6], as.data.frame(truth)[-3, -6], tolerance = 1e-5)
    expect_equal(own$se, truth$se, tolerance = 1e-5)
    both <- quantity(homdiag, "icc", "total", "cv", ~ sigma, method = if (method == "profile") "auto" else "delta")
    expect_equal(as.data.frame(both)[-6], as.data.frame(truth)[-6], tolerance = 1e-5)
  }
  expect_equal(as.data.frame(quantity(cs, ~ var(Residual), method = "chisq"))[-6],
               as.data.frame(quantity(mixed, ~ total, method = "chisq"))[-6], tolerance = 1e-5, ignore_attr = TRUE)
})

test_that("parameters have the limits and standard errors of confint() and variance_components()", {
  d <- plain_orthodont()
  ar <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  q <- quantity(ar, ~ rho, ~ sigma)
  limits <- confint(ar, c("rho", "sigma"), method = "profile", criterion = "REML")
  expect_equal(as.matrix(q[c("lower", "upper")]), limits, tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(q$se, variance_components(ar, "sd")$se, tolerance = 1e-6)
  us <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  R <- subject_covariance(us, "M01")
  q <- quantity(us, ~ var(Residual, "8"), ~ cov(Residual, "8", "12"), ~ cor(Residual, "8", "12"), ~ sd(Residual, "8"),
                ~ var(Residual), ~ `cov(12,8)`, method = "delta")
  expect_equal(q$estimate, c(R[1, 1], R[1, 3], cov2cor(R)[1, 3], sqrt(R[1, 1]), mean(diag(R)), R[1, 3]),
               tolerance = 1e-10)
  own <- variance_components(us)
  expect_equal(q$se[c(1, 6)], own[c("var(8)", "cov(12,8)"), "se"], tolerance = 1e-6)
  C <- unclass(vcov_components(us))
  at <- c("var(8)", "var(10)", "var(12)", "var(14)")
  expect_equal(q$se[5], sqrt(sum(C[at, at]) / 16), tolerance = 1e-6)
})

test_that("the total variance counts the variance function, and limits stay in the range of a quantity", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex)
  p <- variance_components(fit)$estimate
  residual <- p[3] * mean(exp(2 * p[2] * (d$Sex == "Female")))
  q <- quantity(fit, "total", "icc", ~ exp(SexFemale), ~ `var_(Intercept)|Subject`)
  expect_equal(q$estimate, c(p[1] + residual, p[1] / (p[1] + residual), exp(p[2]), p[1]), tolerance = 1e-10)
  expect_true(all(q$lower > 0 & q$lower < q$estimate & q$estimate < q$upper))
  limits <- confint(fit, "SexFemale", method = "profile", criterion = "REML")
  expect_equal(unlist(q[3, c("lower", "upper")]), exp(limits[1, ]), tolerance = 1e-6, ignore_attr = TRUE)
  expect_error(quantity(fit, ~ var(Residual, "8")), "visits", class = "lmm_error_input")
  expect_error(quantity(fit, ~ tau), "cannot be evaluated", class = "lmm_error_input")
  boot <- quantity(fit, "icc", method = "boot", nsim = 20, seed = 1)
  expect_true(boot$lower < q$estimate[2] && boot$upper > q$lower[2])
})

test_that("var(g) is the variance of a term with a relationship or with positions", {
  set.seed(4)
  A <- 0.5^abs(outer(1:20, 1:20, "-"))
  dimnames(A) <- list(1:20, 1:20)
  d <- data.frame(id = rep(1:20, 4), x = rnorm(80))
  d[c("u", "v")] <- list(runif(20)[d$id], runif(20)[d$id])
  d$y <- drop(t(chol(A)) %*% rnorm(20))[d$id] + rnorm(80)
  for (fit in list(lmm(y ~ x + (1 | id), d, relationship = list(id = A)), lmm(y ~ x + exp(u + v | id), d))) {
    variance <- as.data.frame(VarCorr(fit))$vcov[1L]
    found <- quantity(fit, ~ var(id) / (var(id) + var(Residual)), ~ sd(id), method = "delta")
    expect_equal(found$estimate, c(variance / (variance + sigma(fit)^2), sqrt(variance)), tolerance = 1e-8)
  }
})

test_that("a variance of 0 beside a variance function has profile limits from 0, as without it", {
  d <- lme4::sleepstudy
  set.seed(2)
  d$h <- factor(sample(6, 180, TRUE))
  d$f <- rep(c("a", "b"), 90)
  f <- Reaction ~ Days + (1 | Subject) + (1 | h)
  fit <- suppressMessages(lmm(f, d, variance = ~f))
  same <- suppressMessages(lmm(f, d, variance = ~f, fixed = c(fb = 0)))
  plain <- suppressMessages(lmm(f, d))
  asked <- list(~ var(h), ~ sd(h), ~ var(h) / (var(h) + sigma2), ~ var(h) / var(Subject))
  limits <- function(fit) {
    q <- do.call(quantity, c(list(fit), asked, list(method = "profile")))
    as.matrix(q[c("lower", "upper")])
  }
  expect_equal(limits(same), limits(plain), tolerance = 1e-4, ignore_attr = TRUE)
  q <- limits(fit)
  expect_identical(unname(q[, 1]), numeric(4))
  expect_equal(q[1, 2], q[2, 2]^2, tolerance = 1e-4, ignore_attr = TRUE)
  expect_equal(q[[2, 2]], confint(fit, "sd_(Intercept)|h", method = "profile", criterion = "REML")[[2]],
               tolerance = 1e-4)
})

test_that("chi-square limits of totals beside a variance function are those of the total variance", {
  d <- lme4::sleepstudy
  d$f <- rep(c("a", "b"), 90)
  f <- Reaction ~ Days + (1 | Subject)
  same <- lmm(f, d, variance = ~f, fixed = c(fb = 0))
  own <- quantity(same, "total", "total sd", ~ var(Residual), method = "chisq")
  expected <- quantity(lmm(f, d), "total", "total sd", ~ sigma2, method = "chisq")
  expect_equal(as.data.frame(own)[1:5], as.data.frame(expected)[1:5], tolerance = 1e-4, ignore_attr = TRUE)
  expect_error(quantity(same, "icc", method = "chisq"), "neither a variance", class = "lmm_error_input")
})

test_that("a word may be the name of a parameter and a function", {
  d <- plain_orthodont()
  d$id <- d$Subject
  d$x <- d$age - 11
  d$half <- factor(d$age > 10)
  fit <- suppressMessages(lmm(distance ~ x + us(1 + x | id), d, residual = ~ cs(visit | half:id)))
  id <- c(1, 2, 3)
  x <- c(2, 4, 9)                                          # stats::cov(id, x) is 3.5
  v <- variance_components(fit)
  own <- v["cov_x.(Intercept)|id", "estimate"]
  found <- quantity(fit, ~ cov(id, x), ~ cov(id, x) + cov, ~ stats::cov(id, x), method = "delta")$estimate
  expect_equal(found, c(own, own + v["cov", "estimate"], 3.5), tolerance = 1e-6)
  draws <- suppressWarnings(posterior(fit, 50, prior_half_t(3, 4), seed = 1))
  table <- as.data.frame(draws)
  own <- table[["cor__(Intercept).x.id"]] * table[["sd__(Intercept).id"]] * table[["sd__x.id"]]
  expect_equal(attr(quantity(draws, ~ cov(id, x) + cov), "draws")[[1]], own + table$cov, tolerance = 1e-10)
  # The same of a variance function of variables with such names.
  for (name in c("sd", "beta")) {
    d[[name]] <- d$half
    fit <- lmm(distance ~ x + (1 | id), d, variance = as.formula(paste("~", name)))
    v <- variance_components(fit)$estimate
    asked <- as.formula(paste0("~ sd(id) + beta(x) + `", name, "TRUE`"))
    expect_equal(quantity(fit, asked, method = "delta")$estimate, sqrt(v[1]) + fixef(fit)[["x"]] + v[2],
                 tolerance = 1e-6)
    d[[name]] <- as.numeric(d$half)
    fit <- lmm(distance ~ x + (1 | id), d, variance = as.formula(paste("~", name)))
    v <- variance_components(fit)$estimate
    asked <- as.formula(paste("~ sd(id) + beta(x) +", name))
    expect_equal(quantity(fit, asked, method = "delta")$estimate, sqrt(v[1]) + fixef(fit)[["x"]] + v[2],
                 tolerance = 1e-6)
  }
})

test_that("standard errors are from the information that is asked for", {
  d <- plain_orthodont()[-c(3, 50, 77), ]
  fit <- lmm(distance ~ age + (1 | Subject), d, variance = ~ Sex)
  v <- variance_components(fit)$estimate
  Z <- tcrossprod(model.matrix(~ 0 + Subject, d))
  D <- exp(2 * v[2] * (d$Sex == "Female"))
  slopes <- list(Z, diag(2 * v[3] * D * (d$Sex == "Female")), diag(D))
  W <- solve(v[1] * Z + v[3] * diag(D))
  X <- model.matrix(~ age, d)
  P <- W - W %*% X %*% solve(crossprod(X, W %*% X), crossprod(X, W))
  Py <- drop(P %*% d$distance)
  pairs <- function(f) outer(1:3, 1:3, Vectorize(function(i, j) f(slopes[[i]], slopes[[j]]))) / 2
  information <- list(expected = pairs(function(A, B) sum((P %*% A) * t(P %*% B))),
                      average = pairs(function(A, B) sum((A %*% Py) * (P %*% (B %*% Py)))))
  for (name in names(information)) {
    se <- sqrt(diag(solve(information[[name]])))
    found <- quantity(fit, ~ sd(Subject), ~ SexFemale, ~ sigma2, method = "delta", information = name)$se
    expect_equal(found, se / c(2 * sqrt(v[1]), 1, 1), tolerance = 1e-5, label = name)
  }
  expect_error(quantity(fit, ~ sigma, information = "rubbish"), "information", class = "lmm_error_input")
})

test_that("standard errors are those of variance_components() for all structures, also at their bounds", {
  d <- plain_orthodont()
  set.seed(12)
  e <- expand.grid(f = factor(1:3), g = factor(1:20), r = 1:2)
  e$y <- rnorm(20)[e$g] + rnorm(60)[interaction(e$f, e$g)] + rnorm(120)
  e$z <- sin(1:120) + rep(cos(1:20), each = 3) + rep(sin(7 * (1:20)), each = 3)
  fits <- suppressMessages(list(
    lmm(distance ~ age, d, residual = ~ csh(visit | Subject)),
    lmm(distance ~ age + (1 | Subject), d, residual = ~ ar1(visit | Subject), REML = FALSE),
    lmm(y ~ 1 + cs(0 + f | g), e, residual = ~ ar1(r | g:f)), lmm(y ~ 1 + fa(0 + f | g, 1), e),
    lmm(z ~ f + cs(0 + f | g), e), lmm(y ~ 1 + homcs(0 + f | g), e, fixed = c(sigma = 1))))
  for (fit in fits) for (name in c("expected", "average")) {
    own <- variance_components(fit, information = name)
    own <- own[is.na(own$reason), ]
    own <- own[c(1, nrow(own)), ]
    words <- lapply(rownames(own), function(word) {
      as.formula(if (word == "sigma^2") ~ sigma2 else paste0("~ `", word, "`"))
    })
    found <- do.call(quantity, c(list(fit), words, list(link = "identity", information = name)))
    expect_equal(found$se, own$se, tolerance = 1e-5, label = paste(deparse(formula(fit)), name))
  }
})
