# t, F and chi-square tests of linear hypotheses, see contrast.R.

t_table <- function(inference, hypothesis, rhs, conf.level) {
  estimate <- as.vector(hypothesis$user %*% inference$info$estimate)
  t_tests(estimate, row_tests(inference, hypothesis), rhs, conf.level, rownames(hypothesis$user))
}

# Tests and intervals of estimates; `test`: list(se, df).
t_tests <- function(estimate, test, rhs, conf.level, names = NULL) {
  statistic <- per_error(estimate - rhs, test$se)
  reach <- stats::qt((1 + conf.level) / 2, test$df) * test$se
  data.frame(Estimate = estimate, `Std. Error` = test$se, df = test$df, `t value` = statistic, lower = estimate - reach,
             upper = estimate + reach, `Pr(>|t|)` = 2 * stats::pt(abs(statistic), test$df, lower.tail = FALSE),
             check.names = FALSE, row.names = names)
}

# Standard error and degrees of freedom of each row.
row_tests <- function(inference, hypothesis) {
  info <- inference$info
  rows <- nrow(hypothesis$user)
  if (anyNA(info$phi) || !rows) return(list(se = rep(NA_real_, rows), df = rep(NA_real_, rows)))
  df <- row_df(inference$method, info, hypothesis)
  df[is.na(df) | df <= 0] <- NA_real_                     # NaN too
  size <- row_sizes(hypothesis$inner)
  variance <- row_variances(hypothesis$inner / size, inference$covariance, info$phi)
  variance[!(variance >= 0)] <- NA_real_
  exact <- vapply(seq_len(rows), function(i) lacks_error(info, hypothesis$inner[i, , drop = FALSE]), NA)
  if (any(exact)) warn_exact_rows(which(exact), rownames(hypothesis$user))
  variance[exact] <- 0
  df[exact] <- NA_real_
  if (any(variance == 0 & !exact, na.rm = TRUE)) warn_no_error(which(variance == 0 & !exact), rownames(hypothesis$user))
  list(se = size * sqrt(variance) * sqrt(info$sigma2), df = df)
}

# l'Cl of each row; 0 where nothing but rounding is left of it, of the sum or of the residuals that C was made of: these
# are rounded relative to their size by the model, of which `phi` is the covariance matrix.
row_variances <- function(L, C, phi = C) {
  variance <- rowSums((L %*% C) * L)
  epsilon <- 64 * .Machine$double.eps
  rounding <- pmax(epsilon * rowSums((abs(L) %*% abs(C)) * abs(L)), epsilon^2 * rowSums((L %*% phi) * L))
  replace(variance, which(abs(variance) <= rounding), 0)
}

# An estimate that all clusters agree on exactly has a cluster-robust variance of zero, which is no measure of its
# error.
warn_no_error <- function(rows, names) {
  what <- if (is.null(names)) row_text(rows) else quote_name(names[rows])
  lmm_warn("precision", paste0("no t test of ", enumerate(what), ": the standard error is zero to working precision."),
           what = what, where = rows, fix = "All clusters have the same estimate. Use a model-based test.")
}

# Where the residual variance is estimated as 0: is there a combination of these rows that no random effect takes part
# in? Its variance is that of the residuals. In the engine's coordinates, relative to sigma^2, it is at least 1, and not
# much more.
lacks_error <- function(info, L) {
  if (!isTRUE(fit_optimum(info$fit)$zero_sigma) || !nrow(L)) return(FALSE)
  rows <- qr.Q(qr(t(L)))
  min(eigen(t(rows) %*% info$phi %*% rows, symmetric = TRUE, only.values = TRUE)$values) < 1e3
}

warn_exact_rows <- function(rows, names) {
  what <- if (is.null(names)) row_text(rows) else quote_name(names[rows])
  lmm_warn("precision",
           paste0("no t test of ", enumerate(what), ": no random effect takes part in the estimate, and the ",
    "residual variance is estimated as 0."), what = what, where = rows,
    fix = "These rows have no error to be tested against.")
}

per_error <- function(x, se) ifelse(se > 0, x / se, NA_real_)

# The largest entry of each row: what it is divided by before anything is squared.
row_sizes <- function(L) {
  if (!length(L)) return(rep(1, nrow(L)))
  size <- apply(abs(L), 1L, max)
  replace(size, size == 0, 1)
}

# F tests of hypotheses, a row for each.
f_table <- function(inference, hypotheses) {
  tests <- lapply(hypotheses, f_test, inference = inference)
  column <- function(name) vapply(tests, `[[`, 0, name, USE.NAMES = FALSE)
  rows <- vapply(tests, `[[`, 0L, "rows", USE.NAMES = FALSE)
  ms <- column("ms")
  if (!anyNA(inference$info$phi)) warn_untested(inference$method, tests, rows > 0L & is.na(ms),
                                                !is.na(ms) & is.na(column("df")))
  structure(list(`Sum Sq` = ms * rows, `Mean Sq` = ms, NumDF = rows, DenDF = column("df"), `F value` = column("f"),
                 `Pr(>F)` = column("p")),
            row.names = if (is.null(names(tests))) seq_along(tests) else names(tests), class = "data.frame")
}

# `singular`: the covariance matrix of the rows has no inverse; `spent`: no degrees of freedom are left.
warn_untested <- function(method, tests, singular, spent) {
  robust <- method$name == "cluster-robust"
  what <- function(which) if (is.null(names(tests))) "the rows of `L`" else enumerate(quote_name(names(tests)[which]))
  if (any(singular)) {
    lmm_warn("precision",
             paste0("no F test of ", what(singular),
                    ": the covariance matrix of the estimates is not positive definite in double precision."),
             what = what(singular), where = which(singular),
             fix = if (robust) paste("There are too few clusters for so many rows, or all agree exactly. Use a",
                                     "model-based test.")
                   else "Test rows one by one, or shift the covariates towards their means.")
  }
  if (any(spent)) {
    lmm_warn("precision", paste0("no p-value for ", what(spent), ": there are no denominator degrees of freedom."),
             what = what(spent), where = which(spent),
             fix = if (robust) paste("There are too few clusters for so many rows. Test rows one by one, or use a",
                                     "model-based test."))
  }
}

# The rows must be independent. The mean square goes with the F statistic before it is scaled.
f_test <- function(hypothesis, inference) {
  info <- inference$info
  q <- nrow(hypothesis$inner)
  raw <- if (q && !anyNA(info$phi)) wald_form(inference$covariance, hypothesis, info) / q else NA_real_
  if (is.na(raw)) return(list(rows = q, ms = NA_real_, df = NA_real_, f = NA_real_, p = NA_real_, scale = NA_real_))
  at <- denominator_df(inference$method, info, hypothesis)
  if (is.na(at$df) || at$df <= 0) at <- list(df = NA_real_, scale = 1)
  f <- at$scale * raw
  list(rows = q, ms = raw * info$sigma2, df = at$df, f = f, scale = at$scale,
       p = if (is.na(at$df)) NA_real_ else stats::pf(f, q, at$df, lower.tail = FALSE))
}

# delta'S^-1 delta; NA where S is not positive definite in double precision.
wald_form <- function(covariance, hypothesis, info) {
  delta <- hypothesis$user %*% info$estimate - hypothesis$rhs
  S <- hypothesis$inner %*% covariance %*% t(hypothesis$inner)
  sizes <- row_sizes(hypothesis$inner)
  if (lacks_error(info, hypothesis$inner) || !all(is.finite(S)) || !all(diag(S) > 0) ||
      any(row_variances(hypothesis$inner / sizes, covariance, info$phi) == 0)) return(NA_real_)
  sum(delta * solve_scaled(S, delta)) / info$sigma2
}

# S^-1 B by the correlations of S; NA where these are singular in double precision.
solve_scaled <- function(S, B, tol = .Machine$double.eps) {
  size <- sqrt(diag(S))
  tryCatch(solve(S / outer(size, size), B / size, tol = tol) / size, error = function(e) array(NA_real_, dim(B)))
}

# Large-sample chi-square, with the covariance matrix as estimated.
wald_chisq <- function(info, hypothesis, rhs) {
  if (anyNA(info$phi)) return(NA_real_)
  hypothesis$rhs <- rhs
  wald_form(info$phi, hypothesis, info)
}
