# Linear predictors and new responses from posterior draws.

#' Predictions and new responses from posterior draws
#'
#' @param object draws made by [posterior()].
#' @param newdata a data frame; the default are the rows of the fit.
#' @param re.form random terms to condition on: `NULL` all, `NA` or `~0` none, or a formula with some of them; see
#'   [predict.lmm_fit()]. For these the draws must include the random effects (`posterior(random = TRUE)`). For
#'   `simulate()` the effects of the others are drawn anew.
#' @param allow.new.levels accept levels that are not in the fit? Their effects are drawn from their distribution.
#' @param interval `"confidence"`: limits of the linear predictor; `"prediction"`: of a new observation, whose random
#'   effects not conditioned on and residual are drawn; `"none"`.
#' @param level share of the posterior inside the limits.
#' @param weights prior weights of new observations and of the residuals that `kriging` adds: a number, or one per row;
#'   see [predict.lmm_fit()] for rows without them. For weight 0, the limits of a prediction interval and its draws are
#'   `NA`.
#' @param kriging with a residual structure: whether to add the prediction of a new row's residual from the residuals of
#'   its subject in the fit, which also makes prediction intervals narrower. See [predict.lmm_fit()] for `NULL`, the
#'   default, `TRUE` and `FALSE`.
#' @param draws return the draws instead, a matrix with a row per draw and a column per row of data?
#' @param nsim number of responses to simulate, each from another draw.
#' @param seed seed for new random numbers.
#' @param ... not used.
#' @return `predict()`: the medians of the posterior, with an interval a matrix with columns `fit`, `lwr` and `upr`, in
#'   the unit of the response. `simulate()`: a data frame with a column per response, for posterior predictive checks.
#' @section Conditions:
#' `lmm_error_newdata` as for [predict.lmm_fit()]; `lmm_error_input`: random effects that were not drawn.
#' @seealso [posterior()], [predict.lmm_fit].
#' @concept posterior predictive check
#' @concept credible interval
#' @concept prediction interval
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' draws <- posterior(fit, 1000, seed = 1)
#' new <- data.frame(treat = "A", blend = c("Blend1", "new"))
#' predict(draws, new, allow.new.levels = TRUE, interval = "prediction", seed = 2)
#' new <- simulate(draws, 20, seed = 3)
#' mean(apply(new, 2, max) > max(penicillin$yield))
#' @export
predict.lmm_posterior <- function(object, newdata = NULL, re.form = NULL, allow.new.levels = FALSE,
                                  interval = c("none", "confidence", "prediction"),
                                  level = 0.95, weights = NULL, draws = FALSE, seed = NULL, kriging = NULL, ...) {
  interval <- match_word(interval[1L], c("none", "confidence", "prediction"), "interval")
  fit <- about_posterior(object)$fit
  rows <- prediction_rows(fit, newdata, re.form, allow.new.levels, stats::na.pass)
  prediction <- interval == "prediction"
  if (prediction && is_structured(fit) && !is.null(newdata)) rows$residual <- drawn_residual_rows(fit, rows)
  use <- wanted_columns(fit, re.form)
  near <- kriging_plan(fit, rows, kriging, re.form, newdata, interval)
  if (prediction || any(near$wanted)) rows <- weighted_rows(fit, rows, weights, newdata)
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  known <- known_effects(object, use)
  if (any(near$wanted)) near$drawn <- drawn_kriging(object, near, row_weights(rows))
  summarize <- function(piece) {
    mean <- drawn_predictor(object, rows, piece, use, known, if (prediction) lapply(use, `!`))
    if (!is.null(near$drawn)) mean <- mean + near$drawn$value[, piece, drop = FALSE]
    value <- if (prediction) mean + drawn_noise(object, rows, piece, near) else mean
    if (draws) value else drawn_limits(value, mean, level)
  }
  pieces <- row_pieces(rows$n, max(1L, floor(4e6 / nrow(object))))
  parts <- lapply(pieces, function(range) summarize(range[1L]:range[2L]))
  if (check_flag(draws, "draws")) return(do.call(cbind, parts))
  out <- do.call(rbind, parts)
  if (!is.null(newdata)) out[not_estimable(fit, rows), ] <- NA_real_
  if (interval == "none") return(pad_rows(out[, 1L], rows))
  cbind(fit = pad_rows(out[, 1L], rows), lwr = pad_rows(out[, 2L], rows), upr = pad_rows(out[, 3L], rows))
}

# Median and limits of each column. New observations of weight 0, whose variance is infinite, have the median of their
# means.
drawn_limits <- function(value, mean, level) {
  out <- t(apply(value, 2L, draw_quantiles, c(0.5, (1 - level) / 2, (1 + level) / 2)))
  lost <- is.na(out[, 1L])
  out[lost, 1L] <- apply(mean[, lost, drop = FALSE], 2L, draw_quantiles, 0.5)
  out
}

# NA where a variable of the row is missing.
draw_quantiles <- function(x, at) if (anyNA(x)) at * NA_real_ else stats::quantile(x, at, names = FALSE)

weighted_rows <- function(fit, rows, weights, newdata) {
  weights <- asked_weights(fit, rows, weights, newdata)
  if (!is.null(weights)) rows$weights <- rep_len(weights, rows$n)
  rows
}

#' @rdname predict.lmm_posterior
#' @export
simulate.lmm_posterior <- function(object, nsim = 1, seed = NULL, re.form = NA, newdata = NULL,
                                   allow.new.levels = FALSE, weights = NULL, ...) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  fit <- about_posterior(object)$fit
  rows <- if (is.null(newdata)) fit_rows(fit, "simulate() without `newdata`") else
    simulation_rows(fit, newdata, allow.new.levels, weights)
  check_draws(nsim, 24 * rows$n)
  use <- wanted_columns(fit, re.form)
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  at <- sample.int(nrow(object), nsim, replace = nsim > nrow(object))
  known <- known_effects(object, use, at)
  piece <- seq_len(rows$n)
  value <- drawn_predictor(object, rows, piece, use, known, lapply(use, `!`),
                           at) + residual_responses(object, rows, at)
  out <- as.data.frame(apply_padding(t(value), rows))
  names(out) <- paste0("sim_", seq_len(nsim))
  attr(out, "seed") <- state$seed
  out
}

# For each term a list of its columns' effects, draws x levels; NULL where no column is used.
known_effects <- function(object, use, at = seq_len(nrow(object))) {
  about <- about_posterior(object)
  if (!any(unlist(use))) return(vector("list", length(use)))
  if (!about$random) {
    lmm_abort("input", "these draws do not include random effects.", what = "re.form",
              fix = "Draw them by posterior(random = TRUE), or predict with re.form = NA.")
  }
  modes <- lapply(seq_along(use), function(t) shown_modes(about$fit, t))
  end <- cumsum(lengths(modes))
  Map(function(b, end, use) {
    if (!any(use)) return(NULL)
    first <- end - length(b)
    lapply(seq_len(ncol(b)),
           function(k) as.matrix(plain_table(object)[at, about$labels$random[first + (k - 1L) * nrow(b) +
                                                                             seq_len(nrow(b))], drop = FALSE]))
  }, modes, end, use)
}

# Draws x rows: x'beta + z'b + offset. Levels that are not in the fit, and the columns in `anew`, get new effects.
drawn_predictor <- function(object, rows, piece, use, known, anew = NULL, at = seq_len(nrow(object))) {
  about <- about_posterior(object)
  fit <- about$fit
  d <- design(fit_frame(fit), rows, range(piece))
  eta <- as.matrix(plain_table(object)[at, about$labels$fixed,
                                       drop = FALSE]) %*% t(d$X[, fit_blocks(fit)$x$kept, drop = FALSE])
  codes <- simulation_codes(fit, rows)
  group <- fit_term_groups(fit)
  for (t in seq_along(use)) {
    across <- is_across(fit_random(fit)[[t]])
    code <- if (across) across_codes(fit_random(fit)[[t]], rows, codes[[group[t]]]) else codes[[group[t]]]
    n <- nrow(shown_modes(fit, t))
    fresh <- if (code$n > n || any(unlist(anew[t]))) new_effects(object, t, code$n, at)
    for (k in if (across) 1L else seq_along(use[[t]])) {
      effects <- if (use[[t]][k]) known[[t]][[k]] else if (isTRUE(anew[[t]][k])) fresh[[k]][, seq_len(n), drop = FALSE]
      if (is.null(effects)) next
      if (code$n > n) effects <- cbind(effects, fresh[[k]][, n + seq_len(code$n - n), drop = FALSE])
      z <- if (across) 1 else rep(d$Z[[t]][, k], each = length(at))
      eta <- eta + effects[, code$code[piece], drop = FALSE] * z
    }
  }
  if (!is.null(rows$offset)) eta <- eta + rep(as.vector(rows$offset)[piece], each = length(at))
  eta
}

# New effects of a term: for each column a matrix draws x levels.
new_effects <- function(object, t, levels, at) {
  about <- about_posterior(object)
  parameters <- variance_parameters(about$fit)
  own <- parameters$term == t
  values <- as.matrix(plain_table(object)[at, about$labels$variances[own], drop = FALSE])
  term <- fit_random(about$fit)[[t]]
  normals <- function(k) related_normals(about$fit, t, matrix(stats::rnorm(length(at) * levels), length(at)))
  if (has_one_parameter(term) || !is.null(term$root)) {
    sd <- if (ncol(values)) values[, 1L] else sqrt(fit_covariance(about$fit)[[t]][1L])            # drawn or fixed
    return(lapply(seq_len(if (is_across(term)) 1L else term$q), function(k) sd * normals(k)))
  }
  special <- special_plan(about$fit, t)
  if (!is.null(special)) return(new_special_effects(about$fit, t, special, values, levels))
  own <- parameters[own, ]
  sd <- values[, !own$correlation, drop = FALSE]
  q <- ncol(sd)
  L <- drawn_roots(values, own, q)
  z <- lapply(seq_len(q), normals)
  lapply(seq_len(q), function(i) sd[, i] * Reduce(`+`, lapply(seq_len(i), function(j) L[[i]][[j]] * z[[j]])))
}

# The same for a term with a structure of its own: one covariance matrix for each draw. Levels that are columns have
# one effect each.
new_special_effects <- function(fit, t, special, values, levels) {
  term <- fit_random(fit)[[t]]
  basis <- fit_blocks(fit)$z_basis[[t]]
  across <- is_across(term)
  out <- rep(list(matrix(0, nrow(values), levels)), if (across) 1L else term$q)
  for (i in seq_len(nrow(values))) {
    L <- lower_factor(if (ncol(values)) special_covariance(term, drawn_natural(fit, special, values[i, ]), basis)
                      else fit_covariance(fit)[[t]])
    z <- matrix(stats::rnorm(levels * length(out)), length(out))
    if (!across) z <- L %*% z
    else z[] <- c(L %*% z[seq_len(term$q)], L[1L, 1L] * z[-seq_len(term$q)])
    for (k in seq_along(out)) out[[k]][i, ] <- z[k, ]
  }
  if (across) out else lapply(out, related_normals, fit = fit, t = t)
}

# Independent normal numbers, draws x levels, as effects of levels with their known relationship; levels that are not in
# the fit stay independent.
related_normals <- function(fit, t, z) {
  term <- fit_random(fit)[[t]]
  group <- fit_groups(fit)[[term$group]]
  if (!is.null(term$root)) {
    n <- nrow(term$root)
    z[, seq_len(n)] <- z[, seq_len(ncol(term$root)), drop = FALSE] %*% t(term$root)
  } else if (is_related(group)) {
    n <- length(group$levels)
    z[, seq_len(n)] <- t(related_effects(group$precision, t(z[, seq_len(n), drop = FALSE])))
  }
  z
}

# list(code, n) of the levels of a term whose levels are columns; those that are not in the fit, which `codes` numbers
# after the only level of the term's group, come after the others.
across_codes <- function(term, rows, codes) {
  n <- length(across_levels(term))
  code <- match_names(level_text(rows$data[[names(term$xlevels)]]), across_levels(term))
  new <- which(codes$code > 1L)
  code[new] <- n + codes$code[new] - 1L
  list(code = code, n = max(n, code, na.rm = TRUE))
}

# Lower factors of the correlation matrices, entry by entry.
drawn_roots <- function(values, own, q) {
  cor <- function(i, j) {
    at <- which(own$row == i & own$col == j)
    if (length(at)) values[, at] else numeric(nrow(values))
  }
  L <- rep(list(list()), q)
  for (i in seq_len(q)) {
    for (j in seq_len(i - 1L)) {
      before <- Reduce(`+`, lapply(seq_len(j - 1L), function(m) L[[i]][[m]] * L[[j]][[m]]), numeric(nrow(values)))
      part <- (cor(i, j) - before) / L[[j]][[j]]
      L[[i]][[j]] <- ifelse(is.finite(part), part, 0)
    }
    L[[i]][[i]] <- sqrt(pmax(0, 1 - Reduce(`+`, lapply(seq_len(i - 1L), function(m) L[[i]][[m]]^2),
                        numeric(nrow(values)))))
  }
  L
}

# Residuals of new observations, given those of their subjects where `near` has their prediction.
drawn_noise <- function(object, rows, piece, near) {
  noise <- residual_noise(object, rows, piece)
  if (is.null(near$drawn)) noise else noise * near$drawn$ratio[, piece, drop = FALSE]
}

# Residuals of new observations, draws x rows: with a residual structure of each row alone.
residual_noise <- function(object, rows, piece, at = seq_len(nrow(object))) {
  w <- if (is.null(rows$weights)) 1 else ifelse(rows$weights[piece] > 0, rows$weights[piece], NA_real_)
  sd <- if (is_structured(about_posterior(object)$fit)) residual_sds(object, rows, piece, at) else object$sigma[at]
  noise <- matrix(stats::rnorm(length(at) * length(piece)), length(at)) * sd
  if (is.null(rows$weights)) noise else noise / rep(sqrt(w), each = length(at))
}

# Standard deviations of the residuals of rows, draws x rows.
residual_sds <- function(object, rows, piece, at) {
  fit <- about_posterior(object)$fit
  own <- rows_residual(fit, rows)
  points <- residual_points(object, at)
  rows <- cbind(own$positions, own$w, own$subject_group[own$subject])[piece, , drop = FALSE]
  key <- do.call(paste, as.data.frame(rows))
  first <- piece[!duplicated(key)]                       # rows with equal positions have equal variances
  R <- position_variances(fit, own, t(points$psi), first)[match(key, unique(key)), , drop = FALSE]
  t(sqrt(R)) * points$sigma
}

# list(psi, sigma) as the engine has them, a row for each draw.
residual_points <- function(object, at) {
  about <- about_posterior(object)
  own <- about$residual
  shown <- object$sigma[at]
  if (is.null(own)) return(list(psi = matrix(0, length(at), 0L), sigma = shown / sigma_at_zero(about$fit)))
  psi <- as.matrix(plain_table(object)[at, own$names, drop = FALSE])
  psi[, own$root] <- psi[, own$root]^2
  shift <- sigma_shift(fit_frame(about$fit)$residual)
  sigma <- if (is.null(shift)) shown else shown / exp(apply(psi, 1L, function(x) log_shift(shift, x)))
  absolute <- absolute_kinds(own$table$kind, about$fit)
  psi[, absolute] <- psi[, absolute] / sigma^2
  list(psi = unname(psi), sigma = sigma)
}

# Residuals of whole responses: correlated within subjects.
residual_responses <- function(object, rows, at) {
  fit <- about_posterior(object)$fit
  if (!is_structured(fit)) return(residual_noise(object, rows, seq_len(rows$n), at))
  points <- residual_points(object, at)
  t(vapply(seq_along(at), function(i) {
    fit$optimum$psi <- points$psi[i, ]
    fit$estimates$sigma <- points$sigma[i]
    as.vector(colored_rows(fit, rows, matrix(stats::rnorm(rows$n))))
  }, numeric(rows$n)))
}
