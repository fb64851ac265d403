# Cluster-robust covariance of the estimates, CR0 to CR3, with Satterthwaite degrees of freedom (Bell and
# McCaffrey 2002; Pustejovsky and Tipton 2018).
#
# The score splits by clusters, X'V^-1 e = sum_c T_c'e_c with T = V^-1 X, whether or not the random effects are nested
# in the clusters. The covariance is M [sum_c T_c'A_c e_c e_c'A_c'T_c] M, M = (X'V^-1X)^-1, with A_c = 1 (CR0), or such
# that the middle is unbiased when errors have the covariance V_cc within clusters and none between (CR2), or the
# inverse of
# 1 - X_c M T_c' (CR3, about the jackknife). Everything is relative to sigma^2 and in the coordinates of `info`.

#' @export
set_options.df_cluster_robust <- function(method, options) {
  check_options(options, c("type", "cluster", "data"))
  method$type <- check_choice(toupper(c(options$type, "CR2")[1L]), paste0("CR", 0:3), "type")
  if (is.null(options$cluster)) {
    lmm_abort("input", "`cluster` is missing.", what = "cluster", fix = "Give a formula such as cluster = ~ school.")
  }
  method[c("cluster", "data")] <- options[c("cluster", "data")]
  method
}

#' @export
prepare_method.df_cluster_robust <- function(method, info) {
  refuse_iterative(info$fit, "the cluster-robust covariance matrix is")
  if (method$type == "CR2") refuse_weighted_cells(info$fit)
  if (!is.null(method$data)) info$fit <- with_finer_cells(info$fit, method$cluster, method$data)
  info$fit <- with_cell_rows(info$fit)
  parts <- marginal_parts(info)
  cluster <- cluster_codes(method$cluster, info$fit)[parts$used]
  check_whole_subjects(cluster, parts)
  cluster <- match(cluster, unique(cluster))
  m <- max(cluster)
  if (m < 2L) lmm_abort("data", "there must be at least 2 clusters.", what = "cluster", value = m)
  clusters <- cluster_rows(parts, cluster)
  method$working <- Reduce(`+`, lapply(clusters, function(own) crossprod(own$T, own$VT)))
  method$pieces <- lapply(clusters, cluster_piece, info$phi, method$working, method$type)
  scores <- vapply(method$pieces, `[[`, numeric(ncol(parts$X)), "score")
  scores <- matrix(scores, ncol(parts$X)) * if (method$type == "CR1") sqrt(m / (m - 1)) else 1
  method$covariance <- tcrossprod(info$phi %*% scores)
  method
}

# Its symmetric root depends on the weights of single rows.
refuse_weighted_cells <- function(fit) {
  if (!is_cells_fit(fit) || !fit_cells(fit)$weighted) return(invisible())
  lmm_abort("input", "type = \"CR2\" needs the weights of single rows, which cross-products do not contain.",
            what = "type", fix = "Use type = \"CR1\" or \"CR3\".")
}

#' @export
coef_covariance.df_cluster_robust <- function(method, info) method$covariance

# The quadratic form l'M [sum ...] M l in normal errors: twice its squared mean over its variance.
#' @export
row_df.df_cluster_robust <- function(method, info, hypothesis) {
  apply(hypothesis$inner / row_sizes(hypothesis$inner), 1L, function(l) {
    G <- part_covariances(method, info, matrix(l, 1L))
    G$trace(1L, 1L)^2 / G$product(1L, 1L, 1L, 1L)
  })
}

# Approximate Hotelling test: eta degrees of freedom of a Wishart matrix with the same total variance.
#' @export
denominator_df.df_cluster_robust <- function(method, info, hypothesis) {
  q <- nrow(hypothesis$inner)
  if (q == 1L) return(list(df = row_df(method, info, hypothesis), scale = 1))
  L <- hypothesis$inner / row_sizes(hypothesis$inner)
  G <- part_covariances(method, info, L)
  S <- outer(seq_len(q), seq_len(q), Vectorize(G$trace))
  turn <- tryCatch(solve(t(chol((S + t(S)) / 2))), error = function(e) NULL)     # singular in double precision
  if (is.null(turn)) return(list(df = NA_real_, scale = 1))
  G <- part_covariances(method, info, turn %*% L)
  variance <- sum(outer(seq_len(q), seq_len(q),
                        Vectorize(function(s, t) G$product(s, s, t, t) + G$product(s, t, t, s))))
  eta <- q * (q + 1) / variance
  df <- eta - q + 1
  if (df <= 0) list(df = NA_real_, scale = 1) else list(df = df, scale = df / eta)
}

# ---- pieces ----

# Rows with positive weight: X, T = V^-1 X, marginal residuals in units of sigma, A = Z Lambda, prior weights and the
# factor of A'WA + I; with a residual structure see structured_marginal_parts().
marginal_parts <- function(info, purpose = "a cluster-robust covariance") {
  fit <- info$fit
  if (is_structured(fit)) return(structured_marginal_parts(info))
  rows <- fit_rows(fit, purpose)
  check_factor_size(fit, purpose)
  used <- used_rows(rows)
  d <- design(fit_frame(fit), rows)
  X <- d$X[, info$kept, drop = FALSE]
  w <- row_weights(rows)[used]
  e <- (d$y - as.vector(X %*% info$estimate))[used] / fit_sigma(fit)
  A <- sparse_random_design(fit, rows)[used, , drop = FALSE]
  X <- X[used, , drop = FALSE] %*% info$basis
  if (are_cell_rows(rows)) {                  # in units in which their errors are alike, as those of rows are
    X <- X * sqrt(w)
    e <- e * sqrt(w)
    A <- A * sqrt(w)
    w <- w / w
  }
  inner <- Matrix::Cholesky(Matrix::forceSymmetric(Matrix::crossprod(A * sqrt(w)) + Matrix::Diagonal(ncol(A))))
  T <- w * X - w * as.matrix(A %*% Matrix::solve(inner, Matrix::crossprod(A, w * X)))
  list(used = which(used), X = X, T = T, e = e, A = A, w = w, inner = inner)
}

# Clusters with more rows are not worked with as dense matrices.
dense_cluster <- 300L

# For each cluster its rows of X, T, e and A, its V T, and V = A A' + R (R = 1/w without a structure) as a function of
# what it is multiplied by: V itself has the square of the cluster's size.
cluster_rows <- function(parts, cluster) {
  order <- order(cluster)
  A <- if (is.null(parts$A)) Matrix::sparseMatrix(integer(), integer(), x = numeric(), dims = c(1L, length(cluster)))
       else Matrix::t(parts$A)[, order, drop = FALSE]
  size <- tabulate(cluster)
  before <- cumsum(size) - size
  lapply(seq_along(size), function(c) {
    at <- before[c] + seq_len(size[c])
    rows <- order[at]
    own <- list(X = parts$X[rows, , drop = FALSE], T = parts$T[rows, , drop = FALSE], e = parts$e[rows],
                w = parts$w[rows])
    A <- used_levels(A, at)
    R <- if (!is.null(parts$R)) parts$R[rows, rows, drop = FALSE]
    own$times <- function(v) {
      (if (is.null(R)) v / own$w else as.matrix(R %*% v)) + as.matrix(A %*% Matrix::crossprod(A, v))
    }
    own$VT <- own$times(own$T)
    own
  })
}

# The transpose of some neighbouring columns, without its columns of zeros; an ordinary matrix where it is small.
used_levels <- function(A, columns) {
  first <- columns[1L]
  ends <- A@p[c(columns, first + length(columns))]
  at <- ends[1L] + seq_len(ends[length(ends)] - ends[1L])
  level <- unique(A@i[at])
  row <- rep(seq_along(columns), diff(ends))
  column <- match(A@i[at], level)
  if (length(columns) > dense_cluster) return(Matrix::sparseMatrix(row, column, x = A@x[at],
                                                                   dims = c(length(columns), length(level))))
  out <- matrix(0, length(columns), length(level))
  out[cbind(row, column)] <- A@x[at]
  out
}

# score = T_c'A_c e_c, and with g = A_c'T_c v for v = M l: g'V g = v'quadratic v, T_c'V g = cross v, X_c'g = fitted v.
cluster_piece <- function(own, M, K, type) {
  g <- switch(type, CR0 = , CR1 = own$T, CR2 = unbiased_scores(own, M, K), CR3 = jackknife_scores(own, M))
  Vg <- own$times(g)
  list(score = as.vector(crossprod(g, own$e)), quadratic = crossprod(g, Vg), cross = crossprod(own$T, Vg),
       fitted = crossprod(own$X, g))
}

# ---- the parts of an estimate ----

# l'beta is a sum over clusters. For two rows s, t of L the covariances of the parts of l_s'beta and l_t'beta, when
# errors have covariance V_cc within clusters and none between, are a matrix diag(own_st) + U_s'N U_t over pairs of
# clusters, whose trace and whose products with others, sum(G_st * G_uv), are formed without it.
part_covariances <- function(method, info, L) {
  M <- info$phi
  v <- M %*% t(L)
  q <- ncol(v)
  m <- length(method$pieces)
  own <- vapply(method$pieces, function(piece) crossprod(v, piece$quadratic %*% v), matrix(0, q, q))
  own <- array(own, c(q, q, m))
  at <- function(name) vapply(method$pieces, function(piece) piece[[name]] %*% v, matrix(0, nrow(M), q))
  cross <- array(at("cross"), c(nrow(M), q, m))
  fitted <- array(at("fitted"), c(nrow(M), q, m))
  U <- lapply(seq_len(q), function(s) rbind(matrix(cross[, s, ], ncol = m), matrix(fitted[, s, ], ncol = m)))
  N <- rbind(cbind(0 * M, -M), cbind(-M, M %*% method$working %*% M))
  low <- function(s, t) colSums(U[[s]] * (N %*% U[[t]]))         # diagonal of U_s'N U_t
  list(trace = function(s, t) sum(own[s, t, ]) + sum(low(s, t)),
       product = function(s, t, u, v) {
         sum(own[s, t, ] * own[u, v, ]) + sum(own[s, t, ] * low(u, v)) + sum(own[u, v, ] * low(s, t)) +
           sum((N %*% tcrossprod(U[[s]], U[[u]]) %*% N) * tcrossprod(U[[t]], U[[v]]))
       })
}
