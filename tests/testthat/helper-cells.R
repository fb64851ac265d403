# Data and models for tables of cells: every kind of term, and the comparison with the fit to the rows.

cells_data <- function(n = 300, seed = 1) {
  set.seed(seed)
  d <- data.frame(g = factor(sample(15, n, TRUE)), h = sample(letters[1:5], n, TRUE), a = sample(5L, n, TRUE),
                  x = rnorm(n, 50, 10), z = runif(n),
                  w = runif(n, 0.5, 2), o = rnorm(n))
  d$level2 <- rnorm(15)[d$g]
  d$y <- 100 + 0.1 * d$x + d$z + rnorm(15)[d$g] + rnorm(15)[d$g] * (d$x - 50) / 20 + rnorm(5)[factor(d$h)] + rnorm(n)
  d[n + 1L, ] <- d[n, ]
  d$h[n + 1L] <- "only here"
  d
}

# Arguments of lmm() beside the data.
cells_models <- function() {
  m <- function(...) {
    out <- as.list(match.call())[-1L]
    out[[1L]] <- eval(out[[1L]], globalenv())
    out
  }
  list(m(y ~ x + (1 | g)), m(y ~ x + (x | g)), m(y ~ x + z + (x || g)), m(y ~ x * z + (1 | g/h)),
       m(y ~ x + h + (1 | g) + (1 | a)),
       m(y ~ x:h + level2 + (x | a) + (1 | g)), m(y ~ poly(x, 2) + scale(z) + (1 | g)),
       m(y ~ poly(x, 2):h + factor(a) * z + (1 | g)),
       m(log(y) ~ I(x^2) + offset(o / 100) + (h | g), weights = w),
       m(y ~ splines::ns(a, 3) + (1 | g), subset = z > 0.2),
       m(y ~ x + I(2 * x) + (1 | g:h)), m(y ~ 0 + h + x + (0 + z | g), offset = o), m(y ~ x + z + level2 + (1 | g)),
       m(y ~ a + log(a) + ifelse(z > 0.5, x, z) + (1 | g) + (1 | a)))
}

call_model <- function(what, model,
                       data) suppressMessages(eval(as.call(c(list(as.name(what), model[[1L]], quote(data)),
                                                           model[-1L]))))

call_lmm <- function(model, data) call_model("lmm", model, data)

# Criterion, estimates in standard errors, their covariance, variances and modes.
expect_same_fit <- function(new, old, tolerance = 1e-9) {
  label <- paste(deparse(formula(old)), collapse = " ")
  expect_identical(nobs(new), nobs(old), label = label)
  expect_equal(as.numeric(logLik(new)), as.numeric(logLik(old)), tolerance = tolerance, label = label)
  se <- sqrt(diag(vcov(old)))
  expect_identical(names(fixef(new)), names(fixef(old)), label = label)
  expect_identical(is.na(fixef(new)), is.na(fixef(old)), label = label)
  difference <- (fixef(new) - fixef(old))[names(se)]
  expect_lte(max(abs(difference / se), na.rm = TRUE), tolerance, label = label)
  expect_lte(max(abs(vcov(new) - vcov(old)) / outer(se, se), na.rm = TRUE), 10 * tolerance, label = label)
  expect_equal(as.data.frame(VarCorr(new))$vcov, as.data.frame(VarCorr(old))$vcov, tolerance = 10 * tolerance,
               label = label)
  modes <- lapply(list(new, old), function(fit) as.matrix(ranef(fit)[[1L]]))
  expect_equal(modes[[1L]][rownames(modes[[2L]]), ], modes[[2L]][, ], tolerance = 10 * tolerance, label = label)
}

# The value of `expr` with another function in the namespace.
replaced <- function(name, value, expr) {
  home <- environment(sql_fetch)
  old <- home[[name]]
  put <- function(value) {
    unlockBinding(name, home)
    assign(name, value, envir = home)
    lockBinding(name, home)
  }
  on.exit(put(old))
  put(value)
  force(expr)
}
