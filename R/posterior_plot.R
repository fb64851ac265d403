# Plots of posterior draws.

#' Plot posterior draws
#'
#' @param x draws made by [posterior()].
#' @param type `"density"`: posterior densities, with priors as dashed lines (scaled to the height of the panel where
#'   they are improper); `"trace"`: the chains; `"intervals"`: medians with 50 percent and `level` limits; `"pairs"`:
#'   scatter plots of two parameters each; `"prior"`: the same as `"density"`.
#' @param which names of the parameters; by default all variance parameters and coefficients, for pairs the variance
#'   parameters.
#' @param level share of the posterior inside the outer limits.
#' @param ... passed on to plotting functions.
#' @return `x`, invisibly.
#' @section Conditions:
#' `lmm_error_input`: an unknown type or name.
#' @seealso [posterior()], [summary.lmm_posterior].
#' @concept trace plot
#' @concept posterior density
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' draws <- posterior(fit, 1000, prior_half_t(3, 10), seed = 1)
#' plot(draws, which = c("sd__(Intercept).blend", "sigma"))
#' plot(draws, "intervals")
#' @export
plot.lmm_posterior <- function(x, type = c("density", "trace", "intervals", "pairs", "prior"), which = NULL,
                               level = 0.95, ...) {
  type <- match_word(type[1L], c("density", "trace", "intervals", "pairs", "prior"), "type")
  about <- about_posterior(check_posterior(x, "x"))
  all <- c(drawn_parameters(about), about$labels$fixed)
  if (is.null(which)) which <- if (type == "pairs") drawn_parameters(about) else all
  for (name in which) check_choice(name, c(all, if (about$random) about$labels$random), "which")
  frame <- plain_table(x)
  given <- without_level(list(...))
  draw <- function(f, ...) do.call(f, c(list(...), given))
  switch(type, intervals = draw(plot_intervals, frame, which, level), pairs = draw(plot_draw_pairs, frame, which),
         trace = plot_panels(which, function(name) draw(plot_trace, frame[[name]], about, name)),
         plot_panels(which, function(name) draw(plot_density, frame[[name]], about, name)))
  invisible(x)
}

plot_panels <- function(which, draw) {
  n <- length(which)
  columns <- ceiling(sqrt(n))
  old <- graphics::par(mfrow = c(ceiling(n / columns), columns), mar = c(4, 3, 1, 1), mgp = c(2.2, 0.7, 0))
  on.exit(graphics::par(old))
  for (name in which) draw(name)
}

chain_colors <- function(n) grDevices::hcl.colors(max(2L, n), "viridis", alpha = 0.8)[seq_len(n)]

plot_trace <- function(x, about, name, ...) {
  X <- by_chain(x, about$chains)
  graphics::matplot(X, type = "l", lty = 1, lwd = 0.5, col = chain_colors(ncol(X)), xlab = "iteration", ylab = name,
                    ...)
}

# Without the outermost draws, which would squeeze the rest.
shown_range <- function(x, part = 0.995) unname(stats::quantile(x, c(1 - part, part)))

plot_density <- function(x, about, name, ...) {
  residual <- match(name, about$residual$names)
  positive <- if (isTRUE(residual > 0)) about$residual$table$kind[residual] %in% positive_kinds else
    name %in% about$labels$variances && !startsWith(name, "cor__")
  range <- shown_range(x)
  if (positive) range[1L] <- max(0, min(range[1L], 0.1 * range[2L]))
  if (positive && range[1L] < 0.1 * range[2L]) range[1L] <- 0
  d <- if (positive) reflected_density(x, range) else stats::density(x, from = range[1L], to = range[2L])
  prior <- prior_curve(about, name, d$x)
  top <- max(d$y) * 1.05
  graphics::plot(d$x, d$y, type = "l", xlab = name, ylab = "", ylim = c(0, top), yaxs = "i", bty = "l", lwd = 1.5, ...)
  if (is.null(prior)) return(invisible())
  y <- if (prior$proper) prior$y else prior$y / max(prior$y[is.finite(prior$y)]) * top * 0.5
  graphics::lines(d$x, pmin(y, top), lty = 2, col = "grey30")
}

reflected_density <- function(x, range) {
  d <- stats::density(c(x, -x), from = range[1L], to = range[2L], bw = stats::bw.nrd0(x))
  d$y <- 2 * d$y
  d
}

# The prior density of one parameter, where it has one of its own.
prior_curve <- function(about, name, x) {
  priors <- about$priors
  if (!is.null(priors$all) || !is.null(priors$icc)) return(NULL)
  if (name %in% about$residual$names) return(residual_curve(about, name, x))
  k <- match(name, about$labels$variances)
  if (is.na(k)) return(fixed_curve(about, name, x))
  parameter <- variance_parameters(about$fit)[k, ]
  t <- parameter$term
  if (t == 0L) return(sd_curve(priors$residual, x))
  q <- fit_random(about$fit)[[t]]$q
  if (parameter$kind == "range") return(list(y = exp(priors$range[[t]]$log(x)), proper = TRUE))
  if (parameter$kind == "rho") return(pair_curve(priors$cor[[t]]$eta, x))
  if (parameter$correlation) {
    if (priors$wishart[t]) return(NULL)
    b <- priors$cor[[t]]$eta + (q - 2) / 2
    return(list(y = stats::dbeta((x + 1) / 2, b, b) / 2, proper = TRUE))
  }
  if (!priors$wishart[t]) return(sd_curve(sd_prior(priors, t, parameter$row), x))
  prior <- priors$sd[[t]]
  V <- if (length(prior$V) == 1L) prior$V[1L] else prior$V[parameter$row, parameter$row]
  nu <- prior$nu - q + 1
  if (nu > 0) sd_curve(inverse_gamma_prior(V * prior$nu / nu, nu, ""), x)
}

# Of a residual parameter that has a prior of its own.
residual_curve <- function(about, name, x) {
  j <- match(name, about$residual$names)
  prior <- about$residual$prior[[j]]
  kind <- about$residual$table$kind[j]
  if (kind == "variance") return(sd_curve(prior, x))
  if (kind == "correlation") return(pair_curve(prior$eta, x))
  if (kind == "covariance" || kind %in% series_kinds) return(NULL)
  list(y = exp(prior$log(x)), proper = isTRUE(prior$proper))
}

pair_curve <- function(eta, x) {
  list(y = exp((eta - 1) * log(pmax(1 - x^2, 0)) - lkj_constant(eta, 2L)), proper = TRUE)
}

sd_curve <- function(prior, x) list(y = exp(prior$log(pmax(x, 1e-12 * max(x)))), proper = isTRUE(prior$proper))

fixed_curve <- function(about, name, x) {
  prior <- about$priors$fixed
  if (is.null(prior)) return(NULL)
  at <- match(name, about$labels$fixed)
  sd <- named_numbers(prior$sd, about$labels$fixed, Inf, "sd")[at]
  if (is.finite(sd)) list(y = stats::dnorm(x, named_numbers(prior$mean, about$labels$fixed, 0, "mean")[at], sd),
                          proper = TRUE)
}

plot_intervals <- function(frame, which, level, ...) {
  limits <- vapply(which, function(name) stats::quantile(frame[[name]],
                   c((1 - level) / 2, 0.25, 0.5, 0.75, (1 + level) / 2), names = FALSE), numeric(5L))
  at <- rev(seq_along(which))
  old <- graphics::par(mar = c(4, max(4, 0.55 * max(nchar(readable_text(which)))), 1, 1))
  on.exit(graphics::par(old))
  graphics::plot(range(limits), range(at) + c(-0.5, 0.5), type = "n", yaxt = "n", ylab = "",
                 xlab = paste0("median, 50% and ", format(100 * level), "% limits"), ...)
  graphics::axis(2, at, which, las = 1, tick = FALSE)
  graphics::abline(v = 0, col = "grey80")
  graphics::segments(limits[1L, ], at, limits[5L, ], at)
  graphics::segments(limits[2L, ], at, limits[4L, ], at, lwd = 4)
  graphics::points(limits[3L, ], at, pch = 19)
}

plot_draw_pairs <- function(frame, which, ...) {
  if (length(which) < 2L) lmm_abort("input", "pairs need two parameters or more.", what = "which")
  some <- unique(round(seq(1, nrow(frame), length.out = min(1000L, nrow(frame)))))
  values <- as.data.frame(lapply(frame[which], function(x) {
    range <- shown_range(x, 0.999)
    ifelse(x < range[1L] | x > range[2L], NA_real_, x)[some]
  }), optional = TRUE)
  graphics::pairs(values, labels = which, pch = 16, cex = 0.4, col = grDevices::adjustcolor("black", 0.3), ...)
}
