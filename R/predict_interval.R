# Half widths of prediction and confidence intervals: t quantiles with the degrees of freedom of the whole variance of each.

# The fit made ready: degrees of freedom need derivatives, also where there are no fixed effects.
interval_inference <- function(fit, ddf) prediction_inference(fit, ddf_method(ddf))

# `target`: list(use, left_out, residual), the columns of random terms that are conditioned on, those that a new observation has
# beside these (NULL for a mean), and its residual variance as a multiple of sigma^2 (NULL for a mean).
prediction_reach <- function(inference, rows, target, level) {
  fit <- inference$info$fit
  if (fit_is_exact(fit)) return(rep(NA_real_, rows$n))
  test <- if (is_fixed_mean(target)) mean_tests(inference, rows) else prediction_tests(inference, rows, target)
  reach <- stats::qt((1 + level) / 2, test$df) * test$se
  if (is.null(target$residual)) return(reach)
  pmax(reach, prediction_reach(inference, rows, target["use"], level))      # with few degrees of freedom the mean may reach further
}

is_fixed_mean <- function(target) is.null(target$residual) && !any(unlist(target$use))

# Means x'beta, as contest() tests them.
mean_tests <- function(inference, rows) {
  fit <- inference$info$fit
  if (!length(inference$info$kept)) return(list(se = numeric(rows$n), df = rep(Inf, rows$n)))
  bound <- function(name) by_chunk(fit, rows, function(d) {
    X <- d$X[, inference$info$kept, drop = FALSE]
    known <- is.finite(rowSums(X))
    out <- rep(NA_real_, nrow(X))
    out[known] <- row_tests(inference, new_hypothesis(inference$info, X[known, , drop = FALSE]))[[name]]
    out
  })
  list(se = bound("se"), df = bound("df"))
}

prediction_tests <- function(inference, rows, target) {
  method <- inference$method
  fit <- inference$info$fit
  if (inherits(method, "df_kenward_roger")) return(adjusted_tests(inference, rows, target))
  variance <- whole_variance(fit, rows, target)
  if (inherits(method, "df_satterthwaite")) return(satterthwaite_predictions(inference, rows, target, variance))
  if (inherits(method, "df_asymptotic")) return(list(se = sqrt(variance), df = Inf))
  if (inherits(method, "df_residual")) return(list(se = sqrt(variance), df = fit_nobs(fit) - fit_rank(fit)))
  check_choice(method$name, c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic"), "ddf")
}

# ---- the whole variance as a function of the variance parameters ----

# What variances are computed from: the engine's point, the covariance matrices by term and sigma^2. `theta` moves away from the
# estimate while sigma stays.
parameters_at <- function(fit, theta = NULL) {
  sigma2 <- fit_sigma(fit)^2
  if (is.null(theta)) return(list(point = engine_point(fit), covariance = fit_covariance(fit), sigma2 = sigma2))
  point <- replace(engine_point(fit), c(1L, 3L), list(engine_layout(fit$frame, fit_sigma(fit)), theta))
  list(point = point, covariance = covariance_at(fit, theta), sigma2 = sigma2)
}

covariance_at <- function(fit, theta) {
  Map(function(L, B) {
    relative <- if (fit_is_bounded(fit)) tcrossprod(B %*% L) else B %*% (L + t(L) - diag(diag(L), nrow(L))) %*% t(B)
    fit_sigma(fit)^2 * relative
  }, unstack_factors(fit, theta), fit$cross_products$z_basis)
}

whole_variance <- function(fit, rows, target, at = parameters_at(fit)) {
  variance <- prediction_variance(fit, rows, target$use, at)
  if (is.null(target$residual)) return(variance)
  variance + unconditioned_variance(fit, rows, target$left_out, at$covariance) + target$residual * at$sigma2
}

# Slopes of the whole variance (divided by sigma^2) in theta and, as the last column, in sigma^2: fourth-order differences in
# theta. With Sigma = Sigma(theta) the variance is s N(theta / sqrt(s)) where the residual variance is s, and where theta holds
# Sigma itself (no bounds) s N(theta / s).
variance_slopes <- function(fit, rows, target, variance) {
  theta <- fit$optimum$theta
  step <- theta_steps(fit, theta)
  at <- function(k, by) whole_variance(fit, rows, target, parameters_at(fit, replace(theta, k, theta[k] + by * step[k])))
  slopes <- vapply(seq_along(theta), function(k) {
    (8 * (at(k, 1) - at(k, -1)) - (at(k, 2) - at(k, -2))) / (12 * step[k])
  }, variance)
  slopes <- matrix(slopes, length(variance)) / fit_sigma(fit)^2
  degree <- if (fit_is_bounded(fit)) 2 else 1
  cbind(slopes, variance / fit_sigma(fit)^2 - as.vector(slopes %*% theta) / degree)
}

# A thousandth of each entry, or of the largest of its term where that is 0.
theta_steps <- function(fit, theta) {
  own <- unstack_factors(fit, theta)
  largest <- stack_factors(fit, lapply(own, function(L) L * 0 + max(abs(L), 0)))
  1e-3 * ifelse(theta != 0, abs(theta), ifelse(largest > 0, largest, 1))
}

satterthwaite_predictions <- function(inference, rows, target, variance) {
  fit <- inference$info$fit
  slopes <- variance_slopes(fit, rows, target, variance)
  spread <- rowSums((slopes %*% inference$method$theta_covariance) * slopes)
  list(se = sqrt(variance), df = known_df(2 * (variance / fit_sigma(fit)^2)^2 / spread))
}

# ---- Kenward and Roger: row by row, see predictable() ----

adjusted_tests <- function(inference, rows, target) {
  fit <- inference$info$fit
  parts <- marginal_parts(inference$info)
  d <- design(fit$frame, rows)
  known <- complete_rows(d, fit_term_groups(fit))
  tests <- vapply(seq_len(rows$n), function(i) {
    if (!known[i]) return(c(NA_real_, NA_real_))
    x <- d$X[i, inference$info$kept, drop = FALSE]
    unlist(prediction_test(inference, x, row_effects(fit, d, i, target$use), row_extra(fit, d, i, target), parts))
  }, numeric(2L))
  list(se = tests[1L, ], df = tests[2L, ])
}

# Coefficients of the known random effects that row i is conditioned on: a matrix levels x columns for each term.
row_effects <- function(fit, d, i, use) {
  Map(function(modes, Z, group, use) {
    out <- modes * 0
    level <- d$codes[[group]][i]
    if (level > 0L) out[level, use] <- Z[i, use]
    out
  }, fit_modes(fit), d$Z, fit_term_groups(fit), use)
}

# What row i adds to the variance: new levels, effects that are not conditioned on, its residual; and the slopes of that.
row_extra <- function(fit, d, i, target) {
  new <- Map(function(group, use, left) (if (d$codes[[group]][i] == 0L) use else use & FALSE) | (if (is.null(left)) FALSE else left),
             fit_term_groups(fit), target$use, if (is.null(target$left_out)) vector("list", length(target$use)) else target$left_out)
  squares <- Map(function(Z, new, basis) crossprod((Z[i, ] * new) %*% basis), d$Z, new, fit$cross_products$z_basis)
  slopes <- Map(function(S, term) natural_slopes(S, term$structure == "diagonal"), squares, fit_random(fit))
  variance <- sum(mapply(function(Z, new, S) sum((Z[i, ] * new) %*% S * (Z[i, ] * new)), d$Z, new, fit_covariance(fit))) / fit_sigma(fit)^2
  residual <- if (is.null(target$residual)) 0 else rep_len(target$residual, nrow(d$X))[i]
  list(variance = variance + residual, slope = c(unlist(slopes), residual))
}
