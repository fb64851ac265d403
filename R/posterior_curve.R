# One variance parameter beside sigma: what the data say about it, as a curve in x = log(sd / sigma).

curve_range <- 12         # the curve is evaluated this far on either side of the middle of its rise
curve_reach <- 32         # and followed so much further, where it is a straight line
curve_step <- 0.025
curve_work <- 6e6         # see evaluation_work(): from here on fewer evaluations are made

# At nodes x: log_det and r2, and for each coefficient its mean and its standard deviation divided by sigma.
response_curve <- function(plan) {
  scan <- seq(-14, 10) + log_unit(plan)
  first <- curve_values(plan, scan)
  sparse <- evaluation_work(plan$fit) > curve_work
  rise <- diff(first$log_det)
  middle <- scan[which.max(rise > max(rise) / 2)] + 0.5
  x <- seq(middle - curve_range, middle + curve_range, by = if (sparse) 10 * curve_step else curve_step)
  curve <- curve_values(plan, x)
  if (sparse) {
    fine <- seq(x[1L], x[length(x)], by = curve_step)
    smooth <- function(y) stats::spline(x, y, xout = fine)$y
    curve <- list(log_det = smooth(curve$log_det), r2 = smooth(curve$r2), beta = row_by_row(curve$beta, smooth),
                  scale = row_by_row(curve$scale, smooth))
    x <- fine
  }
  extend_curve(c(list(x = x), curve))
}

row_by_row <- function(M, f) if (nrow(M)) t(apply(M, 1L, f)) else M[, 0L, drop = FALSE]

# Unit of the relative standard deviation that is searched, in the engine's coordinates.
log_unit <- function(plan) {
  at <- plan$coordinates[1L, ]
  log(abs(diag(as.matrix(fit_blocks(plan$fit)$z_basis[[at$term]]))[at$row]))
}

# sigma is no coordinate of the curve.
curve_values <- function(plan, x) {
  state <- decode_points(plan, cbind(x, if (plan$search_sigma) 0))
  engine_values(plan, engine_points(plan, state), coefficients = TRUE)
}

# Straight on at both ends: at small x nothing changes, at large x log_det rises by twice the rank, some coefficients
# have a standard deviation proportional to that of the random effects, and r2 falls by its square where these fit every
# row.
extend_curve <- function(curve) {
  n <- length(curve$x)
  k <- round(curve_reach / curve_step)
  away <- seq_len(k) * curve_step
  slope <- function(y) if (is.matrix(y)) (y[, n] - y[, n - 40L]) / (40 * curve_step) else
    (y[n] - y[n - 40L]) / (40 * curve_step)
  rank <- round(slope(curve$log_det) / 2)
  growth <- if (nrow(curve$scale)) round(slope(log(curve$scale))) else numeric()
  fall <- round(slope(log(curve$r2)))
  hold <- function(M, at) M[, rep(at, k), drop = FALSE]
  list(x = c(curve$x[1L] - rev(away), curve$x, curve$x[n] + away),
       log_det = c(rep(curve$log_det[1L], k), curve$log_det, curve$log_det[n] + 2 * rank * away),
       r2 = c(rep(curve$r2[1L], k), curve$r2, curve$r2[n] * exp(fall * away)),
       beta = cbind(hold(curve$beta, 1L), curve$beta, hold(curve$beta, n)),
       scale = cbind(hold(curve$scale, 1L), curve$scale, hold(curve$scale, n) * exp(outer(growth, away))),
       rank = rank, growth = growth)
}

# Where all variance parameters but sigma are known: a curve of one point.
point_curve <- function(plan) {
  state <- decode_points(plan, matrix(0, 1L, plan$d))
  values <- engine_values(plan, engine_points(plan, state), coefficients = TRUE)
  c(list(x = 0), values, list(rank = NA, growth = rep(0, nrow(values$beta))))
}
