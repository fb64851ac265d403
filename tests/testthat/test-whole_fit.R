d <- mk()
d$w <- 1 + seq_len(nrow(d)) %% 3
fits <- suppressMessages(list(lmm(y ~ x + (1 | g), d), lmm(y ~ x + (x | g) + (1 | h), d, weights = w),
                              lmm(y ~ x + I(2 * x) + (x || g), d, REML = FALSE),
                              lmm(y ~ 0 + (1 | g), d),
                              lmm(y ~ x + (1 | g), d, control = lmm_control(keep_rows = FALSE)),
                              lmm(y ~ x + (1 | g), d, bounded = FALSE), lmm(y ~ x + (1 | g), d, fixed = c(sigma = 1))))
as_fit <- function(x) structure(x, class = "lmm_fit")

test_that("fits are whole, whatever made them", {
  for (fit in fits) expect_identical(whole_fit(fit), fit)
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), transform(d, y = 2 + 3 * x)))
  expect_identical(whole_fit(exact), exact)
  structured <- list(lmm(y ~ x, d, residual = ~ ar1(t | g)), lmm(y ~ x + (1 | h), d, residual = ~ cs(t | g)))
  for (fit in structured) expect_identical(whole_fit(fit), fit)
  m <- fits[[1L]]
  for (fit in list(refit(m, d$y + 1), update(m, . ~ . - x), update(m, REML = FALSE),
                   unserialize(serialize(m, NULL)))) expect_identical(whole_fit(fit), fit)
})

test_that("a fit without one of its parts is refused by name", {
  for (fit in fits) for (part in c("call", "spec", "frame", "cross_products", "optimum", "estimates", "control",
                                   "version")) {
    bad <- as_fit(unclass(fit)[setdiff(names(fit), part)])
    refuses(summary(bad), "input", "is not a whole fit")
  }
  m <- unclass(fits[[1L]])
  for (part in c("estimates", "cross_products", "frame", "control", "spec")) for (name in names(m[[part]])) {
    bad <- m
    bad[[part]][name] <- NULL
    seen <- outcome(logLik(as_fit(bad)))
    if (!is.null(seen$error)) expect_s3_class(seen$error, "lmm_error_input")
  }
  m$estimates$vcov <- m$estimates$vcov[1L, , drop = FALSE]
  refuses(vcov(as_fit(m)), "input", c("`object` is not a whole fit", "`estimates\\$vcov`"))
})

test_that("parts of a wrong type or size are found", {
  change <- function(...) {
    at <- c(...)
    function(value) {
      bad <- unclass(fits[[2L]])
      bad[[at]] <- value
      as_fit(bad)
    }
  }
  for (value in list("a", NULL, numeric(), c(1, 2), -1, NA_real_,
                     list(1))) refuses(sigma(change("estimates", "sigma")(value)), "input", "estimates\\$sigma")
  for (value in list("a", list(), 1:3, numeric(7))) {
    refuses(fixef(change("estimates", "beta")(value)), "input", "estimates\\$beta")
    refuses(ranef(change("estimates", "b")(value)), "input", "estimates\\$b")
    refuses(VarCorr(change("estimates", "covariance")(value)), "input", "estimates\\$covariance")
    refuses(fitted(change("rows", "y")(value)), "input", "rows\\$y")
    refuses(predict(change("frame", "random")(value)), "input", "frame\\$random")
    refuses(confint(change("cross_products", "z_basis")(value)), "input", "cross_products\\$z_basis")
  }
  refuses(logLik(as_fit(list())), "input", "has no version")
  refuses(logLik(as_fit(1:3)), "input", "has no version")
  refuses(print(as_fit(new.env())), "input", "has no version")
  refuses(anova(fits[[1L]], as_fit(list())), "input", "is not a whole fit")
})

test_that("the engine refuses cross-products that do not fit together", {
  for (name in c("r", "t_x", "t_y", "w_xx", "w_xy", "w_yy", "lead_rest", "rest", "rest_x", "rest_y")) {
    for (value in list(NULL, 1, numeric(), "a", matrix(0, 1, 1), list(), NA_real_)) {
      bad <- unclass(fits[[2L]])
      bad$cross_products[[name]] <- value
      seen <- outcome(profile(as_fit(bad)))
      if (!is.null(seen$error)) expect_s3_class(seen$error, "lmm_error")
    }
  }
})

test_that("a fit of a newer version is refused, one of an older version is brought up to date", {
  m <- unclass(fits[[1L]])
  refuses(summary(as_fit(replace(m, "version", "99.0"))), "input", c("made by version 99.0", "Update the package"))
  for (version in list(NULL, NA, 1, "x", c("1", "2"))) refuses(summary(as_fit(replace(m, "version", list(version)))),
                                                               "input", "has no version")
  old <- as_fit(replace(m, "version", "0.1.0"))
  expect_identical(coef(summary(old)), coef(summary(fits[[1L]])))
  expect_identical(check_fit(old), fits[[1L]])
})

test_that("fits that version 0.1.0 wrote to a file give what a new fit of the same data gives", {
  old <- readRDS(test_path("reference", "fits-0.1.0.rds"))
  set.seed(1)
  e <- data.frame(g = gl(6, 5), h = gl(5, 1, 30), x = sin(1:30), w = 1 + (1:30) %% 3)
  e$y <- e$x + rnorm(6)[e$g] * e$x + rnorm(5)[e$h] + rnorm(30)
  d <- e
  new <- suppressMessages(list(one = lmm(yield ~ treat + (1 | blend), penicillin),
                               ml = lmm(yield ~ irrigation * variety + (1 | field), irrigation, REML = FALSE),
                               crossed = lmm(y ~ x + (x | g) + (1 | h), d, weights = w)))
  for (name in names(old)) {
    expect_identical(old[[name]]$version, "0.1.0")
    for (f in list(logLik, fixef, vcov, sigma, fitted, residuals, function(x) coef(summary(x)),
                   function(x) as.data.frame(VarCorr(x)),
                   function(x) suppressMessages(confint(x, "theta_")), function(x) as.data.frame(ranef(x)),
                   function(x) predict(x, x$rows$data),
                   function(x) as.data.frame(anova(x)), function(x) as.data.frame(ranova(x)), tidy, glance)) {
      expect_equal(f(old[[name]]), f(new[[name]]), tolerance = 1e-6)
    }
    expect_output(print(old[[name]]), "Linear mixed model")
    expect_s3_class(suppressMessages(update(old[[name]], REML = TRUE)), "lmm_fit")
  }
})
