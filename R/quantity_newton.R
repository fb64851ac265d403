# A profile limit of a quantity at once, without a walk along the profile (Venzon and Moolgavkar 1988): the extreme
# value of the quantity q where F = -2 log L has risen by z^2. There the gradients are parallel: q' = m F', F = lowest +
# z^2.

# NULL where Newton's method does not arrive at such a point, and where parameters are held.
direct_limit <- function(point, x0, lowest, side, z) {
  if (length(point$held(x0))) return(NULL)
  own <- point$value
  scale <- link_functions(range_link(point$range, own(x0)))       # where the quantity is closer to a plane
  point$value <- function(x) scale$to(own(x))
  start <- direct_start(point, x0, side, z)
  if (is.null(start)) return(NULL)
  here <- direct_state(point, start$x, start$m, lowest + z^2, start$from)
  for (iteration in seq_len(20L)) {
    if (is.null(here)) return(NULL)
    if (abs(here$gap) <= 1e-9 * z^2 && sum(here$slope^2) <= 1e-12 *
        sum(here$q$gradient^2)) return(direct_value(point, here, x0, side, scale$from))
    there <- direct_move(point, here, lowest + z^2, start$metric, z)
    if (is.null(there)) {                                          # with the Hessian itself
      here$q <- differences(point$value, here$x, here$value)
      there <- direct_move(point, here, lowest + z^2, start$metric, z)
    }
    here <- there
  }
  NULL
}

# Where the extreme would be if F were a parabola and q a plane.
direct_start <- function(point, x0, side, z) {
  H <- point$derivatives(x0, point$criterion(x0))$hessian
  q <- differences(point$value, x0, point$value(x0))
  g <- q$gradient
  root <- tryCatch(chol(H), error = function(e) NULL)
  if (is.null(root) || !all(is.finite(c(g, q$hessian)))) return(NULL)
  size <- sqrt(sum(backsolve(root, g, transpose = TRUE)^2))
  if (!is.finite(size) || size == 0) return(NULL)
  list(x = x0 + side * z * sqrt(2) * backsolve(root, backsolve(root, g, transpose = TRUE)) / size,
       m = side * size / (z * sqrt(2)), metric = root, from = list(x = x0, q = q))
}

# Both functions with their derivatives at x; NULL where one has none. `off`: how far the gradients are from parallel,
# `gap` how far F is from its level. `from`: a state nearby, whose Hessian of q is brought up to date.
direct_state <- function(point, x, m, level, from) {
  value <- point$criterion(x)
  at <- suppressWarnings(point$value(x))
  if (!is.finite(value) || !is.finite(at)) return(NULL)
  F <- point$derivatives(x, value)
  q <- next_slopes(point$value, x, from)
  if (!all(is.finite(c(F$gradient, F$hessian, q$gradient, q$hessian)))) return(NULL)
  slope <- q$gradient - m * F$gradient
  list(x = x, m = m, F = F, q = q, value = at, gap = value - level, slope = slope,
       off = sqrt(sum(slope^2) / sum(q$gradient^2)))
}

# The gradient at x, and the Hessian of `from` with the symmetric rank-one update that explains the change of the
# gradient (Nocedal and Wright 2006, section 6.2).
next_slopes <- function(f, x, from) {
  steps <- diag(3e-5, length(x))
  gradient <- (apply(x + steps, 2L, f) - apply(x - steps, 2L, f)) / 6e-5
  moved <- x - from$x
  rest <- gradient - from$q$gradient - drop(from$q$hessian %*% moved)
  H <- from$q$hessian
  if (isTRUE(abs(sum(rest * moved)) > 1e-8 * sqrt(sum(rest^2) * sum(moved^2)))) {
    H <- H + tcrossprod(rest) / sum(rest * moved)
  }
  list(gradient = gradient, hessian = H)
}

direct_step <- function(here) {
  n <- length(here$x)
  K <- rbind(cbind(here$q$hessian - here$m * here$F$hessian, -here$F$gradient), c(here$F$gradient, 0))
  size <- sqrt(apply(abs(K), 1L, max))
  if (!all(size > 0)) return(NULL)
  step <- tryCatch(solve(K / outer(size, size), -c(here$slope, here$gap) / size) / size, error = function(e) NULL)
  if (!is.null(step) && all(is.finite(step))) list(x = step[seq_len(n)], m = step[n + 1L])
}

# Not further than the whole way from the optimum to the level at a time, and shorter where that leads away.
direct_move <- function(point, here, level, metric, z) {
  step <- direct_step(here)
  if (is.null(step)) return(NULL)
  length <- min(1, z * sqrt(2) / sqrt(sum((metric %*% step$x)^2)))
  merit <- function(state) (state$gap / z^2)^2 + state$off^2
  for (attempt in 1:6) {
    there <- direct_state(point, here$x + length * step$x, here$m + length * step$m, level, here)
    if (!is.null(there) && merit(there) < merit(here)) return(there)
    length <- length / 2
  }
  NULL
}

# The value, if it is on the right side and an extreme along the level.
direct_value <- function(point, here, x0, side, from) {
  if (side * (here$value - point$value(x0)) <= 0 || side * here$m <= 0) return(NULL)
  if (length(here$x) == 1L) return(from(here$value))
  along <- qr.Q(qr(here$F$gradient), complete = TRUE)[, -1L, drop = FALSE]
  own <- differences(point$value, here$x, here$value)$hessian
  bend <- crossprod(along, (own - here$m * here$F$hessian) %*% along)
  if (all(side * eigen(bend, symmetric = TRUE, only.values = TRUE)$values < 0)) from(here$value)
}
