# Residual parameters that are fixed at known values.

test_that("a fixed correlation is that of the fit, and its maximum the estimate", {
  d <- plain_orthodont()
  free <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  rho <- residual_parameters(free)$estimate
  at <- function(value) lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(rho = value))
  held <- at(rho)
  expect_equal(as.numeric(logLik(held)), as.numeric(logLik(free)), tolerance = 1e-10)
  expect_identical(attr(logLik(held), "df"), attr(logLik(free), "df") - 1L)
  expect_lt(logLik(at(rho - 0.1)), logLik(free))
  expect_output(print(held), "fixed at known values: rho = ")
  R <- subject_covariance(at(0.5), 1)
  expect_equal(unname(R[1, ] / R[1, 1]), 0.5^(0:3), tolerance = 1e-12)
  expect_error(lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(roh = 0.5)), "rho",
               class = "lmm_error_input")
})

test_that("sigma may be fixed beside a correlation", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject), fixed = c(sigma = 2, rho = 0.3))
  V <- kronecker(diag(27), 4 * 0.3^abs(outer(1:4, 1:4, "-")))
  o <- order(d$Subject, d$visit)
  X <- cbind(1, d$age)[o, ]
  expect_equal(unname(as.matrix(vcov(fit))), unname(solve(t(X) %*% solve(V, X))), tolerance = 1e-9)
})

test_that("a covariance of compound symmetry is held in the units of the response", {
  d <- as.data.frame(nlme::Orthodont)
  X <- stats::model.matrix(~ age, d)
  same <- outer(d$Subject, d$Subject, "==") * 1
  criterion <- function(variance, covariance) {
    V <- variance * diag(nrow(d)) + covariance * same
    A <- crossprod(X, solve(V, X))
    r <- d$distance - X %*% solve(A, crossprod(X, solve(V, d$distance)))
    as.numeric(determinant(V)$modulus + determinant(A)$modulus + crossprod(r, solve(V, r))) +
      (nrow(d) - ncol(X)) * log(2 * pi)
  }
  for (held in c(-0.3, 0, 0.5, 2)) {
    fit <- lmm(distance ~ age, d, residual = ~ cs(age | Subject), fixed = c(cov = held))
    found <- stats::optimize(function(x) criterion(exp(x), held), log(c(max(0.5, -4.2 * held), 30)), tol = 1e-9)
    expect_equal(deviance(fit), found$objective, tolerance = 1e-9)
    expect_equal(residual_parameters(fit)$estimate, exp(found$minimum), tolerance = 1e-5)
  }
})

test_that("parameters of a product have the names of their parts, in whatever order and group they are", {
  set.seed(1)
  d <- expand.grid(col = 1:6, row = 1:8, f = c("A", "B", "C"))
  ar <- function(r, n) r^abs(outer(1:n, 1:n, "-"))
  V <- kronecker(ar(0.1, 8), ar(0.8, 6))
  d$y <- unlist(lapply(1:3, function(i) drop(crossprod(chol(V), rnorm(48)))))
  values <- function(fit) {
    table <- variance_components(fit)
    stats::setNames(table$estimate, rownames(table))
  }
  all <- values(lmm(y ~ f, d, residual = ~ ar1(col):ar1(row) | f/f))
  other <- values(lmm(y ~ f, d, residual = ~ ar1(row):ar1(col) | f/f))
  expect_equal(other[names(all)], all, tolerance = 1e-4)
  for (level in levels(d$f)) {
    one <- values(lmm(y ~ 1, d[d$f == level, ], residual = ~ ar1(col):ar1(row)))
    expect_equal(unname(all[paste0(c("rho(col)|", "rho(row)|"), level)]), unname(one[c("rho(col)", "rho(row)")]),
                 tolerance = 1e-4, label = level)
    expect_gt(one[["rho(col)"]], one[["rho(row)"]])
  }
  held <- lmm(y ~ f, d, residual = ~ ar1(col):ar1(row) | f/f, REML = FALSE,
              fixed = c("rho(col)|A" = 0.8, "rho(row)|A" = 0.1, "rho(col)|B" = 0.8, "rho(row)|B" = 0.1,
                        "rho(col)|C" = 0.8, "rho(row)|C" = 0.1, "var|A" = 1, "var|B" = 1, "var|C" = 1))
  log_density <- vapply(split(d$y, d$f), function(y) {
    r <- y - sum(solve(V, y)) / sum(solve(V, rep(1, 48)))
    -(48 * log(2 * pi) + as.numeric(determinant(V)$modulus) + sum(r * solve(V, r))) / 2
  }, 0)
  expect_equal(as.numeric(logLik(held)), sum(log_density), tolerance = 1e-9)
})

test_that("parts with several parameters keep their own names in a product", {
  set.seed(2)
  d <- expand.grid(tr = c("a", "b", "c"), v = 1:4, id = 1:40)
  d$y <- rnorm(nrow(d)) + rep(rnorm(480 / 3, sd = 1.5), each = 3) * c(1, 2, -1)
  names_of <- function(structure) {
    fit <- suppressMessages(lmm(y ~ tr, d, residual = structure))
    table <- variance_components(fit)
    stats::setNames(table$estimate, rownames(table))
  }
  traits <- c("var(a)", "cov(b,a)", "cov(c,a)", "var(b)", "cov(c,b)", "var(c)")
  first <- names_of(~ us(tr):ar1(v) | id)
  expect_identical(names(first), c(traits, "rho(v)"))
  expect_equal(names_of(~ ar1(v):us(tr) | id)[names(first)], first, tolerance = 1e-4)
  expect_true(all(c("cor(b,a)", "cor(c,a)", "cor(c,b)", "rho(v)") %in% names(names_of(~ corr(tr):ar1(v) | id))))
  expect_true(all(c("rho1(v)", "rho2(v)", "rho3(v)", "rho(tr)") %in% names(names_of(~ toep(v):cs(tr) | id))))
  spread <- names_of(~ csh(tr):ar1(v) | id)
  expect_equal(names_of(~ ar1(v):csh(tr) | id)[names(spread)], spread, tolerance = 1e-4)
  expect_equal(spread[["rho(v)"]], first[["rho(v)"]], tolerance = 0.3)
})
