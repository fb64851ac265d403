# Loadings in a posterior. Row r of the loadings and its specific standard deviation, divided by the standard deviation
# s_r of the column, are a point on a sphere: a priori uniform, so that neither the order of columns nor rotations of
# the factors matter. Coordinates: log s_r, and for each row those of the point.
#
# Rotations are fixed in the order of the pivots, the rows that differ most in the estimates: row p of them has loadings
# on the first p factors, the last of them positive. If the rows Lambda of q x k independent points are L Q, L lower
# trapezoidal with a positive diagonal and Q orthogonal, then dLambda = prod_p L_pp^(k - p) dL dQ.

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
  size <- sqrt(rowSums(L^2) + if (length(specific)) own$psi else 0)
  own$order <- pivot_rows(L / ifelse(size > 0, size, 1), k)
  place <- order(own$order)                               # of each row among the pivots
  own$count <- if (length(specific)) pmin(place, k) else pmin(place - 1L, k - 1L)
  own$first <- cumsum(own$count) - own$count
  own$pivot <- place <= k
  own$signed <- !length(specific) & k == 1L & !own$pivot
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
    point <- if (own$signed[r]) signed_row(own, r, s[, r]) else
      if (length(own$specific) || own$pivot[r]) stick_row(own, r, x) else turned_row(own, r, x)
    if (own$signed[r]) s[, r] <<- point$size
    jacobian <<- jacobian + point$jacobian
    prior <<- prior + point$prior
    point
  })
  L <- lapply(rows, function(row) row$l)                  # of each row a matrix points x factors
  L <- Map(function(l, r) l * s[, r], L, seq_len(own$q))
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

# A point by sticks: tanh of a coordinate is a loading relative to what the loadings before leave. The last loading of a
# pivot is positive; without specific variances it is what is left.
stick_row <- function(own, r, x) {
  n <- nrow(x)
  m <- min(match(r, own$order), own$k)
  l <- matrix(0, n, own$k)
  left <- jacobian <- numeric(n)                          # logs
  for (c in seq_len(ncol(x))) {
    positive <- own$pivot[r] && length(own$specific) && c == m
    t <- if (positive) (1 + tanh(x[, c])) / 2 else tanh(x[, c])
    jacobian <- jacobian + left / 2 + log_one_minus_square(x[, c]) - if (positive) log(2) else 0
    l[, c] <- t * exp(left / 2)
    rest <- log_one_minus_square(x[, c])
    if (positive) rest <- log1p(t) - pmax(0, 2 * x[, c]) - log1p(exp(-2 * abs(x[, c])))
    left <- left + rest
  }
  if (ncol(x) < m) l[, m] <- exp(left / 2)
  prior <- -left / 2 + if (own$pivot[r] && own$k > m) (own$k - m) * log(l[, m]) else 0
  list(l = l, rest = exp(left), jacobian = jacobian, prior = prior)
}

# A point of a whole sphere by its projection from the point opposite to the estimate.
turned_row <- function(own, r, x) {
  square <- rowSums(x^2)
  u <- cbind(2 * x, 1 - square) / (1 + square)
  list(l = u %*% turn_of(own, r), rest = 0, jacobian = (own$k - 1) * (log(2) - log1p(square)), prior = 0)
}

# An orthogonal and symmetric matrix that takes the last axis to the estimate of a row, in the order of the pivots.
turn_of <- function(own, r) {
  e <- pivot_loadings(own)[r, ]
  e <- if (sum(e^2) > 0) e / sqrt(sum(e^2)) else replace(numeric(own$k), own$k, 1)
  v <- e - replace(numeric(own$k), own$k, 1)
  if (sum(v^2) < .Machine$double.eps) diag(own$k) else diag(own$k) - 2 * tcrossprod(v) / sum(v^2)
}

# One factor without specific variances: a loading of either sign, unit sinh(x), with x = log(s) for large ones.
signed_row <- function(own, r, s) {
  x <- log(s) - log(own$unit[r])
  list(l = matrix(sign(x)), size = own$unit[r] * abs(sinh(x)), rest = 0,
       jacobian = log(own$unit[r]) + log_cosh(x) - log(s), prior = 0)
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
  L <- pivot_loadings(own)
  unlist(lapply(seq_len(own$q), function(r) {
    if (!own$count[r]) return(numeric())
    if (!length(own$specific) && !own$pivot[r]) return(numeric(own$count[r]))
    size <- sum(L[r, ]^2) + if (length(own$specific)) own$psi[r] else 0
    l <- L[r, ] / sqrt(if (size > 0) size else 1)
    left <- 1
    vapply(seq_len(own$count[r]), function(c) {
      t <- if (left > 0) l[c] / sqrt(left) else 0
      left <<- left - l[c]^2
      positive <- own$pivot[r] && length(own$specific) && c == min(match(r, own$order), own$k)
      if (positive) atanh(2 * max(0.1, min(0.97, t)) - 1) else atanh(inside(t))
    }, 0)
  }))
}

# The coordinates of the standard deviations `sd` of the estimates.
factor_deviations <- function(special, sd) {
  own <- special$factors
  ifelse(own$signed, log(own$unit) + asinh(pivot_loadings(own)[, 1L] / own$unit), log(sd))
}
