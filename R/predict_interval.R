# Half widths of prediction and confidence intervals: t quantiles with the degrees of freedom of the whole variance of
# each.

# The fit made ready: degrees of freedom need derivatives, also where there are no fixed effects.
interval_inference <- function(fit, ddf) prediction_inference(fit, ddf_method(ddf))

# `target`: list(use, left_out, residual), the columns of random terms that are conditioned on, those that a new
# observation has beside these (NULL for a mean), and its residual variance as a multiple of sigma^2 (NULL for a mean).
prediction_reach <- function(inference, rows, target, level) {
  fit <- inference$info$fit
  if (fit_is_exact(fit)) return(rep(NA_real_, rows$n))
  if (is_fixed_mean(target)) {
    test <- mean_tests(inference, rows)
    return(stats::qt((1 + level) / 2, test$df) * test$se)
  }
  test <- prediction_tests(inference, rows, target)
  reach <- stats::qt((1 + level) / 2, pmax(test$df, 1)) * test$se
  if (is.null(target$residual)) return(reach)
  pmax(reach, reach_beyond_mean(inference, rows, target[c("use", "kriging")], test$se, level))
}

# How far a new observation reaches at least: as its mean (of three degrees of freedom or more), and normally beyond.
# `se`: that of the observation. With few degrees of freedom Satterthwaite's approximation of the sum alone may stay
# below its larger part.
reach_beyond_mean <- function(inference, rows, target, se, level) {
  p <- (1 + level) / 2
  mean <- if (is_fixed_mean(target)) mean_tests(inference, rows) else prediction_tests(inference, rows, target)
  sqrt((stats::qt(p, pmax(mean$df, 3)) * mean$se)^2 + stats::qnorm(p)^2 * pmax(se^2 - mean$se^2, 0))
}

is_fixed_mean <- function(target) is.null(target$residual) && !any(unlist(target$use)) && !any(target$kriging$wanted)

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
  if (needs_dense(fit)) {
    known <- inherits(method, c("df_asymptotic", "df_residual")) && !any(target$kriging$wanted)
    return((if (known) plain_predictions else dense_predictions)(inference, rows, target))
  }
  if (inherits(method, "df_kenward_roger")) {
    refuse_indefinite(fit, "Use ddf = \"Satterthwaite\", or refit with bounded = TRUE.")
    refuse_iterative(fit, "Kenward-Roger intervals of new observations and of means given random effects are",
                     "Use ddf = \"Satterthwaite\"")
    return((if (needs_relation(fit)) dense_predictions else adjusted_tests)(inference, rows, target))
  }
  variance <- whole_variance(fit, rows, target)
  if (inherits(method, "df_satterthwaite")) {
    if (has_thin_term(fit)) {
      refuse_iterative(fit, "intervals by Satterthwaite's method with a singular covariance matrix of a term are",
                       "Use ddf = \"asymptotic\"")
      if (needs_relation(fit)) return(dense_predictions(inference, rows, target))
      inference <- in_entries(inference)
    }
    return(satterthwaite_predictions(inference, rows, target, variance))
  }
  if (inherits(method, "df_asymptotic")) return(list(se = sqrt(variance), df = Inf))
  if (inherits(method, "df_residual")) return(list(se = sqrt(variance), df = fit_nobs(fit) - fit_rank(fit)))
  check_choice(method$name, c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic"), "ddf")
}

# ---- the whole variance as a function of the variance parameters ----

# What variances are computed from: the engine's point, the covariance matrices by term and sigma^2; at the estimate, or
# at another theta and multiple `s` of the residual variance, where theta says Sigma relative to the estimated one.
parameters_at <- function(fit, theta = NULL, s = 1) {
  sigma2 <- fit_sigma(fit)^2
  if (is.null(theta)) return(list(point = if (!fit_is_iterative(fit)) engine_point(fit),
                                  covariance = fit_covariance(fit), sigma2 = sigma2))
  relative <- theta / (if (fit_is_bounded(fit)) sqrt(s) else s)
  point <- if (fit_is_iterative(fit)) iterative_point_at(fit, relative, s * sigma2) else
    replace(engine_point(fit), c(1L, 3L), list(engine_layout(fit_frame(fit), sqrt(s * sigma2)), relative))
  list(point = point, covariance = lapply(covariance_at(fit, theta), `*`, sigma2), sigma2 = s * sigma2)
}

# Sigma of each term in the user's columns, or in the engine's `own`, relative to the estimated sigma^2.
covariance_at <- function(fit, theta, own = FALSE) {
  Map(function(L, B) {
    if (own) B <- diag(nrow(L))
    if (fit_is_bounded(fit)) tcrossprod(B %*% L) else B %*% (L + t(L) - diag(diag(L), nrow(L))) %*% t(B)
  }, unstack_factors(fit, theta), fit_blocks(fit)$z_basis)
}

whole_variance <- function(fit, rows, target, at = parameters_at(fit)) {
  variance <- prediction_variance(fit, rows, target$use, at)
  if (is.null(target$residual)) return(variance)
  variance + unconditioned_variance(fit, rows, target$left_out, at$covariance) + target$residual * at$sigma2
}

# By Satterthwaite's method, for the variance with what the estimation of its parameters psi adds to it and takes from
# its estimate: with v the variance at known parameters, minus the trace of its second derivatives in psi and of the
# covariance matrix of psi (the derivatives are minus twice the covariances of the slopes of the prediction, see
# predictable()).
satterthwaite_predictions <- function(inference, rows, target, variance) {
  spread <- added <- numeric(length(variance))
  for (way in parameter_ways(inference)) {
    found <- derivatives_along(inference$info$fit, rows, target, variance, way)
    spread <- spread + found$first^2
    added <- added - found$second
  }
  list(se = sqrt(variance + pmax(added, 0)), df = known_df(2 * variance^2 / spread))
}

# Steps of one standard error in directions that are uncorrelated: list(first, second), (theta, sigma^2 relative to the
# estimate) move along a curve `first` t + `second` t^2 / 2 on which variances and covariances move along a straight
# line. A variance of 0 stays.
parameter_ways <- function(inference) {
  info <- inference$info
  if (!fit_is_bounded(info$fit)) return(straight_ways(inference$method$psi_covariance))
  k <- ncol(info$jacobian)
  J <- info$jacobian
  inverse <- pseudo_inverse(J, 1e-6)
  moving <- rbind(cbind(inverse %*% J, 0), c(numeric(k), 1))
  e <- eigen(moving %*% inference$method$theta_covariance %*% moving, symmetric = TRUE)
  lapply(which(e$values > 1e-14 * max(e$values, 0)), function(m) {
    first <- e$vectors[, m] * sqrt(e$values[m])
    list(first = first, second = c(-as.vector(inverse %*% natural_bend(info$fit, first[-(k + 1L)])), 0))
  })
}

straight_ways <- function(C) {
  e <- eigen(C, symmetric = TRUE)
  lapply(which(e$values > 1e-14 * max(e$values, 0)),
         function(m) list(first = e$vectors[, m] * sqrt(e$values[m]), second = numeric(nrow(C))))
}

# Second derivative of the natural parameters as theta moves along `way`.
natural_bend <- function(fit, way) {
  unlist(Map(function(T, term) 2 * tcrossprod(T)[natural_entries(term$q, is_diagonal(term))], unstack_factors(fit, way),
             fit_random(fit)))
}

# First and second derivative of the whole variance along a way, by differences of fourth order.
derivatives_along <- function(fit, rows, target, variance, way) {
  theta <- fit_optimum(fit)$theta
  k <- length(theta)
  moved <- abs(way$first[seq_len(k)])
  ratio <- (abs(theta) / moved)[moved > 0 & theta != 0]
  h <- 0.01 * max(min(ratio, 1), 0.01)
  at <- function(by) {
    step <- way$first * by * h + way$second * (by * h)^2 / 2
    whole_variance(fit, rows, target, parameters_at(fit, theta + step[seq_len(k)], 1 + step[k + 1L]))
  }
  values <- lapply(c(-2, -1, 1, 2), at)
  list(first = (8 * (values[[3L]] - values[[2L]]) - (values[[4L]] - values[[1L]])) / (12 * h),
       second = (16 * (values[[2L]] + values[[3L]]) - 30 * variance - values[[1L]] - values[[4L]]) / (12 * h^2))
}

# Is a covariance matrix of several columns singular, without being zero? No curve in theta leads away from it in all
# directions of its entries.
has_thin_term <- function(fit) {
  fit_is_bounded(fit) && any(mapply(function(S, singular) singular && ncol(S) > 1L && any(S != 0), fit_covariance(fit),
                                    fit_singular(fit)))
}

# The same fit with the entries of the covariance matrices for theta, which may leave the positive semidefinite ones.
in_entries <- function(inference) {
  fit <- inference$info$fit
  entries <- Map(function(S, term) S[natural_entries(term$q, is_diagonal(term))],
                 covariance_at(fit, fit_optimum(fit)$theta, own = TRUE), fit_random(fit))
  inference$info$fit$frame$bounded <- FALSE
  inference$info$fit$optimum$theta <- unlist(entries)
  inference
}

# ---- row by row, see predictable(): Kenward and Roger ----

adjusted_tests <- function(inference, rows, target) {
  fit <- inference$info$fit
  parts <- marginal_parts(inference$info, "an interval by the Kenward-Roger method")
  d <- design(fit_frame(fit), rows)
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

# What row i adds to the variance: new levels, effects that are not conditioned on, its residual; and the slopes of
# that.
row_extra <- function(fit, d, i, target) {
  new <- Map(function(group, use,
                      left) (if (d$codes[[group]][i] == 0L) use else use &
                      FALSE) | (if (is.null(left)) FALSE else left),
             fit_term_groups(fit), target$use, if (is.null(target$left_out)) vector("list", length(target$use)) else
               target$left_out)
  squares <- Map(function(Z, new, basis) crossprod((Z[i, ] * new) %*% basis), d$Z, new, fit_blocks(fit)$z_basis)
  slopes <- Map(function(S, term) natural_slopes(S, is_diagonal(term)), squares, fit_random(fit))
  variance <- sum(mapply(function(Z, new, S) sum((Z[i, ] * new) %*% S * (Z[i, ] * new)), d$Z, new,
                         fit_covariance(fit))) / fit_sigma(fit)^2
  residual <- if (is.null(target$residual)) 0 else rep_len(target$residual, nrow(d$X))[i]
  list(variance = variance + residual, slope = c(unlist(slopes), residual))
}
