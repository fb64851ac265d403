# Variances of prediction errors with their slopes, and what the estimation of the parameters adds, by dense formulas.
#
# A target t = x'beta + (something with covariance c with the responses and variance c0) is predicted by l'y with
# V l = c + X(...), X'l = x. With a = V^-1 c, h = x - X'a and f = Phi h,
#   variance  v = c0 - c'a + h'f,     slope  v_i = l'V_i l - 2 l'c_i + c0_i,     l = a + V^-1 X f,
# and l changes with the parameter i by P w_i, w_i = c_i - V_i l, so that estimated parameters with covariance matrix C
# add sum C_ij w_i'P w_j to the variance, and as much again for the bias of v where V is linear in them (the second
# derivatives of V are left out, as in Kenward and Roger's method of type "linear"). l reaches all rows through f, but
# X'V^-1 V_i V^-1 X and the like are in the information, and a and c belong to the rows that V connects with t.

# `pieces`: for disjoint sets of connected rows list(X, e, solve, V, c, slopes, a), c with a column for each target;
# `x` targets x p in the coordinates of `info`; `own`: c0 and its slopes.
dense_variances <- function(model, pieces, x, own, slopes = TRUE) {
  phi <- matrix(model$info$phi, ncol(model$X))
  h <- t(x)
  for (piece in pieces) h <- h - crossprod(piece$X, piece$a)
  f <- phi %*% h
  v <- own$value + colSums(h * f)
  for (piece in pieces) v <- v - colSums(piece$c * piece$a)
  if (slopes) c(list(v = v), dense_slopes(model, pieces, f, own)) else list(v = v)
}

# list(slope, added): targets x parameters, and w_i'P w_j as a function of C.
dense_slopes <- function(model, pieces, f, own) {
  k <- model$size
  P <- model$info$p
  n <- ncol(f)
  phi <- matrix(model$info$phi, nrow(f))
  moved <- lapply(pieces, moved_piece, f, k)
  slope <- vapply(seq_len(k), function(i) {
    own$slopes[[i]] - colSums(f * (P[[i]] %*% f)) + Reduce(`+`, lapply(moved, function(m) m$slope[[i]]), numeric(n))
  }, numeric(n))
  x <- lapply(seq_len(k), function(i) Reduce(`+`, lapply(moved, function(m) m$x[[i]]), 0 * f))
  p <- nrow(f)
  added <- function(i, j, pairs) {
    Q <- pairs[(i - 1L) * p + seq_len(p), (j - 1L) * p + seq_len(p), drop = FALSE]
    near <- Reduce(`+`, lapply(moved, function(m) {
      colSums(m$u[[i]] * m$solved[[j]]) - colSums(m$solved[[i]] * m$far[[j]]) - colSums(m$solved[[j]] * m$far[[i]])
    }), numeric(n))
    near - colSums(x[[i]] * (phi %*% x[[j]])) - colSums(x[[i]] * (phi %*% (P[[j]] %*% f))) -
      colSums(x[[j]] * (phi %*% (P[[i]] %*% f))) + colSums(f * ((Q - P[[i]] %*% phi %*% P[[j]]) %*% f))
  }
  list(slope = matrix(slope, n), added = function(C) {
    out <- numeric(n)
    pairs <- information_pairs(model$info)
    for (i in seq_len(k)) for (j in seq_len(i)) {
      if (C[i, j] != 0) out <- out + (2 - (i == j)) * C[i, j] * added(i, j, pairs)
    }
    out
  })
}

# For each parameter: the part of the slope, u = c_i - V_i a, V^-1 u, X'V^-1 u, and V_i V^-1 X f.
moved_piece <- function(piece, f, k) {
  g <- piece$solve(piece$X %*% f)
  Va <- lapply(piece$V, `%*%`, piece$a)
  slope <- Map(function(Va, ci) colSums((piece$a + 2 * g) * Va) - 2 * colSums((piece$a + g) * ci), Va, piece$slopes)
  u <- Map(`-`, piece$slopes, Va)
  solved <- lapply(u, piece$solve)
  list(slope = slope, u = u, solved = solved, x = lapply(solved, function(s) crossprod(piece$X, s)),
       far = lapply(piece$V, `%*%`, g))
}

# Standard errors and degrees of freedom by the method of `inference`; `added`: count what the estimation of the
# parameters adds.
dense_tests <- function(inference, found, added = TRUE) {
  sigma2 <- inference$info$sigma2
  method <- inference$method
  fit <- inference$info$fit
  v <- found$v
  if (inherits(method, "df_asymptotic")) return(list(se = sqrt(v * sigma2), df = rep(Inf, length(v))))
  if (inherits(method, "df_residual")) {
    return(list(se = sqrt(v * sigma2), df = rep(fit_nobs(fit) - fit_rank(fit), length(v))))
  }
  if (!inherits(method, c("df_satterthwaite", "df_kenward_roger"))) {
    check_choice(method$name, c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic"), "ddf")
  }
  C <- method$psi_covariance
  df <- known_df(2 * v^2 / rowSums((found$slope %*% C) * found$slope))
  if (added) v <- v + 2 * pmax(found$added(C), 0)
  list(se = sqrt(v * sigma2), df = df)
}
