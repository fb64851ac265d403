# How the tests of behaviour record what an expression does, and the reference values they compare with. The values
# are dense computations (QR of X, centred y, orthogonalised Z), checked by other packages where those work.

mk <- function(ng = 12, n = 8, seed = 1) behavior_data(ng, n, seed)

same <- function(a, b, tol = 1e-8) {
  expect_lt(abs(logLik(a) - logLik(b)), tol * (1 + abs(logLik(a))))
  expect_lt(max(abs(fitted(a) - fitted(b))), tol * sd(fitted(a)))
}

# The first error, all warnings and messages, and the value of an expression.
outcome <- function(expr) {
  seen <- list(error = NULL, warnings = list(), messages = list(), value = NULL)
  value <- withCallingHandlers(
    tryCatch(expr, error = function(e) {
      seen$error <<- e
      NULL
    }),
    warning = function(w) {
      seen$warnings[[length(seen$warnings) + 1L]] <<- w
      invokeRestart("muffleWarning")
    },
    message = function(m) {
      seen$messages[[length(seen$messages) + 1L]] <<- m
      invokeRestart("muffleMessage")
    }
  )
  if (!is.null(value)) seen$value <- value
  seen
}

first_classes <- function(conditions) {
  if (length(conditions)) sort(unique(vapply(conditions, function(x) class(x)[1L], ""))) else character()
}

# The expression stops with an error of this class whose text has all of `text` (as regular expressions).
refuses <- function(expr, class, text) {
  seen <- outcome(expr)
  if (is.null(seen$error)) return(testthat::fail(paste0("no error of class lmm_error_", class)))
  expect_identical(class(seen$error)[1L], paste0("lmm_error_", class))
  expect_s3_class(seen$error, "lmm_condition")
  for (pattern in text) expect_match(conditionMessage(seen$error), pattern)
  expect_length(seen$warnings, 0L)
  invisible(seen$error)
}

# The expression has a value and signals conditions of these classes and no others; returns the value.
# Those of a fit are `stored` in it.
accepts <- function(expr, warnings = character(), messages = character(), text = NULL, stored = TRUE) {
  seen <- outcome(expr)
  if (!is.null(seen$error)) {
    testthat::fail(paste("error:", conditionMessage(seen$error)))
    return(NULL)
  }
  prefixed <- function(kind, words) if (length(words)) sort(paste0("lmm_", kind, "_", words)) else character()
  expect_identical(first_classes(seen$warnings), prefixed("warning", warnings))
  expect_identical(first_classes(seen$messages), prefixed("message", messages))
  said <- paste(vapply(c(seen$warnings, seen$messages), conditionMessage, ""), collapse = "\n")
  for (pattern in text) expect_match(said, pattern)
  if (stored && inherits(seen$value, "lmm_fit")) expect_length(seen$value$conditions,
                                                               length(seen$warnings) + length(seen$messages))
  invisible(seen$value)
}

# Numbers of a fit, to a relative tolerance. `sd`: of all random columns; `cor`: of the first term.
has_numbers <- function(fit, logLik = NULL, beta = NULL, se = NULL, sigma = NULL, sd = NULL, cor = NULL, tol = 1e-6) {
  if (is.null(fit)) return(invisible())
  near <- function(value, expected, what, tolerance = tol) {
    expect_equal(unname(value), expected, tolerance = tolerance, label = what)
  }
  if (!is.null(logLik)) near(as.numeric(stats::logLik(fit)), logLik, "logLik")
  if (!is.null(beta)) near(fixef(fit), beta, "fixed effects")
  if (!is.null(se)) near(sqrt(diag(as.matrix(vcov(fit)))), se, "standard errors")
  if (!is.null(sigma)) near(sigma(fit), sigma, "sigma")
  if (!is.null(sd)) near(unlist(lapply(fit$estimates$covariance, function(S) sqrt(diag(S)))), sd, "standard deviations")
  if (!is.null(cor)) near(stats::cov2cor(fit$estimates$covariance[[1L]])[2L, 1L], cor, "correlation", max(tol, 3e-6))
}

is_reference_0 <- function(fit, tol = 1e-6) {
  has_numbers(fit, -131.6387323, c(1.82168445, 0.455758029), c(0.30116218, 0.095650484), 0.80461474, 1.0024846,
              tol = tol)
}

is_reference_1 <- function(fit, tol = 1e-6) {
  has_numbers(fit, -127.3053359, c(1.82476779, 0.45612493), c(0.29894689, 0.14541112), 0.7194356,
              c(1.0010244, 0.3940435), -0.274035, tol = tol)
}

# A function of no state run in a new R process with this package, killed after `timeout` seconds.
in_new_process <- function(fun, args = list(), timeout = 60, env = character()) {
  testthat::skip_if_not_installed("callr")
  callr::r(fun, c(list(paths = .libPaths()), args), timeout = timeout, libpath = .libPaths(),
           env = c(callr::rcmd_safe_env(), env))
}
