# Loadings in a posterior. Row r of the loadings and its specific standard deviation, divided by the standard deviation
# s_r of the column, are a point on a sphere: a priori uniform, so that neither the order of columns nor rotations of
# the factors matter. Coordinates: log s_r, and for each row those of the point.
#
# Rotations are fixed in the order of the pivots, the rows that differ most in the estimates: row p of them has loadings
# on the first p factors. If the rows Lambda of q x k independent points are L Q, L lower trapezoidal and Q orthogonal,
# then dLambda = prod_p |L_pp|^(k - p) dL dQ. Of the 2^k signs of the factors one is taken: that in which the loadings
# agree with the estimates, so that a loading near 0 may change its sign.

# What special_plan() keeps of loadings: rank, whether there are specific variances, signs, pivots, and where the
# coordinates of each row are. `unit`: standard deviations of typical size.
factor_plan <- function(table, natural, unit) {
  loading <- which(table$kind == "loading")
  q <- max(table$row)
  k <- max(table$col[loading])
  L <- matrix(0, q, k)
  at <- cbind(table$row, table$col)[loading, , drop = FALSE]
  L[at] <- natural[loading]
  specific <- which(table$kind == "variance")
  own <- list(q = q, k = k, loading = loading, specific = specific, at = at, estimate = L,
              psi = if (length(specific)) natural[specific], unit = unit)
  own$order <- pivot_rows(L / unit, k)
  place <- order(own$order)                               # of each row among the pivots
  own$size <- pmin(place, k)                              # loadings of each row that are not 0 by the rotation
  own$count <- own$size - if (length(specific)) 0L else 1L
  own$first <- cumsum(own$count) - own$count
  own$start <- pivot_loadings(own)
  own
}

# The rows in the order in which they differ most from those before.
pivot_rows <- function(L, k) {
  out <- integer()
  rest <- L
  for (p in seq_len(k)) {
    size <- rowSums(rest^2)
    size[out] <- -1
    out[p] <- which.max(size)
    e <- rest[out[p], ] / max(sqrt(sum(rest[out[p], ]^2)), .Machine$double.xmin)
    rest <- rest - tcrossprod(rest %*% e, e)
  }
  c(out, setdiff(seq_len(nrow(L)), out))
}

# list(natural, s, jacobian, prior), a row or an entry for each point; see decode_special().
decode_factors <- function(special, s, z, density) {
  own <- special$factors
  jacobian <- numeric(nrow(s))
  prior <- rep(factor_constant(own), nrow(s))
  rows <- lapply(seq_len(own$q), function(r) {
    x <- z[, own$first[r] + seq_len(own$count[r]), drop = FALSE]
    point <- if (length(own$specific)) stick_row(own, r, x) else plane_row(own, r, x, s[, r])
    if (!length(own$specific)) s[, r] <<- point$size
    jacobian <<- jacobian + point$jacobian
    m <- own$size[r]
    prior <<- prior + point$prior + if (own$k > m) (own$k - m) * log(abs(point$l[, m])) else 0
    point
  })
  L <- lapply(rows, function(row) row$l)                  # of each row a matrix points x factors
  L <- Map(function(l, r) l * s[, r], L, seq_len(own$q))
  agree <- Reduce(`+`, Map(function(l, r) l * rep(own$start[r, ], each = nrow(l)) / own$unit[r]^2, L, seq_len(own$q)))
  prior[rowSums(agree < 0) > 0] <- -Inf
  L <- engine_rotation(L, own)
  natural <- matrix(0, nrow(s), length(special$kind))
  for (j in seq_along(own$loading)) natural[, own$loading[j]] <- L[[own$at[j, 1L]]][, own$at[j, 2L]]
  for (j in seq_along(own$specific)) natural[, own$specific[j]] <- s[, j]^2 * rows[[j]]$rest
  c(list(s = s, natural = natural), if (density) list(jacobian = jacobian, prior = prior))
}

# Log of the constant of the prior of all points: one over the area of half a sphere for each row (of a whole sphere
# without specific variances), and the volume of the rotations.
factor_constant <- function(own) {
  k <- own$k
  row <- if (length(own$specific)) (k + 1) / 2 * log(pi) - lgamma((k + 1) / 2) else
    log(2) + k / 2 * log(pi) - lgamma(k / 2)
  rotations <- k * log(2) + k^2 / 2 * log(pi) - k * (k - 1) / 4 * log(pi) - sum(lgamma((k + 1 - seq_len(k)) / 2))
  rotations - own$q * row
}

# A point by sticks: tanh of a coordinate is a loading relative to what the loadings before leave.
stick_row <- function(own, r, x) {
  l <- matrix(0, nrow(x), own$k)
  left <- jacobian <- numeric(nrow(x))                    # logs
  for (c in seq_len(ncol(x))) {
    rest <- log_one_minus_square(x[, c])
    jacobian <- jacobian + left / 2 + rest
    l[, c] <- tanh(x[, c]) * exp(left / 2)
    left <- left + rest
  }
  list(l = l, rest = exp(left), jacobian = jacobian, prior = -left / 2)
}

# Without specific variance the loadings of a row are a vector v |v|^(m - 1) of m coordinates, in which the density of a
# uniform direction and a flat standard deviation is flat, and 0 is no edge. The last of them, along the estimate, is
# sinh(u / m), where `s` would be unit exp(u - 1).
plane_row <- function(own, r, x, s) {
  m <- own$size[r]
  u <- log(s) - log(own$unit[r]) + 1
  v <- cbind(x, sinh(u / m))
  radius <- sqrt(rowSums(v^2))
  l <- matrix(0, nrow(v), own$k)
  l[, seq_len(m)] <- (v / radius) %*% turn_to(own$start[r, seq_len(m)])
  l[radius == 0, ] <- 0
  list(l = l, size = own$unit[r] * radius^m, rest = 0, jacobian = log(own$unit[r]) + log_cosh(u / m) - log(s),
       prior = 0)
}

# An orthogonal and symmetric matrix that takes the last axis to the direction of `e`.
turn_to <- function(e) {
  last <- replace(numeric(length(e)), length(e), 1)
  v <- (if (sum(e^2) > 0) e / sqrt(sum(e^2)) else last) - last
  if (sum(v^2) < .Machine$double.eps) diag(length(e)) else diag(length(e)) - 2 * tcrossprod(v) / sum(v^2)
}

log_cosh <- function(x) abs(x) + log1p(exp(-2 * abs(x))) - log(2)

# Loadings without entries above the diagonal, in the order of the columns; each factor with the sign of its estimate.
engine_rotation <- function(L, own) {
  e <- list()
  for (i in seq_len(if (own$k > 1L) own$k else 0L)) {
    v <- L[[i]]
    for (b in e) v <- v - b * rowSums(v * b)
    e[[i]] <- v / sqrt(rowSums(v^2))
  }
  if (length(e)) L <- lapply(L, function(l) do.call(cbind, lapply(e, function(b) rowSums(l * b))))
  agree <- Reduce(`+`, Map(function(l, r) l * rep(own$estimate[r, ], each = nrow(l)), L, seq_len(own$q)))
  lapply(L, function(l) l * ifelse(agree < 0, -1, 1))
}

# The estimated loadings, rotated as the coordinates have them.
pivot_loadings <- function(own) {
  pivots <- own$estimate[own$order[seq_len(own$k)], , drop = FALSE]
  Q <- qr.Q(qr(t(pivots)))
  L <- own$estimate %*% Q
  sweep(L, 2L, ifelse(diag(L[own$order[seq_len(own$k)], , drop = FALSE]) < 0, -1, 1), `*`)
}

# Coordinates of the estimates: those of the points, row by row.
start_of_factors <- function(special) {
  own <- special$factors
  if (!length(own$specific)) return(numeric(sum(own$count)))
  unlist(lapply(seq_len(own$q), function(r) {
    size <- sum(own$start[r, ]^2) + own$psi[r]
    l <- own$start[r, ] / sqrt(if (size > 0) size else 1)
    left <- 1
    vapply(seq_len(own$count[r]), function(c) {
      t <- if (left > 0) l[c] / sqrt(left) else 0
      left <<- left - l[c]^2
      atanh(inside(t))
    }, 0)
  }))
}

# The coordinates of the standard deviations `sd` of the estimates.
factor_deviations <- function(special, sd) {
  own <- special$factors
  if (length(own$specific)) return(log(sd))
  size <- sqrt(rowSums(own$start^2)) / own$unit
  log(own$unit) + own$size * asinh(size^(1 / own$size)) - 1
}
