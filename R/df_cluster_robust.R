# Cluster-robust covariance of the estimates, CR0 to CR3, with Satterthwaite degrees of freedom (Bell and McCaffrey 2002;
# Pustejovsky and Tipton 2018).
#
# The score splits by clusters, X'V^-1 e = sum_c T_c'e_c with T = V^-1 X, whether or not the random effects are nested in
# the clusters. The covariance is M [sum_c T_c'A_c e_c e_c'A_c'T_c] M, M = (X'V^-1X)^-1, with A_c = 1 (CR0), or such that
# the middle is unbiased when errors have the covariance V_cc within clusters and none between (CR2), or the inverse of
# 1 - X_c M T_c' (CR3, about the jackknife). Everything is relative to sigma^2 and in the coordinates of `info`.

#' @export
set_options.df_cluster_robust <- function(method, options) {
  check_options(options, c("type", "cluster"))
  method$type <- check_choice(toupper(c(options$type, "CR2")[1L]), paste0("CR", 0:3), "type")
  if (is.null(options$cluster)) {
    lmm_abort("input", "`cluster` is missing.", what = "cluster", fix = "Give a formula such as cluster = ~ school.")
  }
  method$cluster <- options$cluster
  method
}

#' @export
prepare_method.df_cluster_robust <- function(method, info) {
  parts <- marginal_parts(info)
  cluster <- cluster_codes(method$cluster, info$fit)[parts$used]
  members <- split(seq_along(cluster), cluster)
  if (length(members) < 2L) lmm_abort("data", "there must be at least 2 clusters.", what = "cluster", value = length(members))
  model <- lapply(members, function(rows) cluster_covariance(parts, rows))
  K <- Reduce(`+`, Map(function(rows, V) crossprod(parts$T[rows, , drop = FALSE], V %*% parts$T[rows, , drop = FALSE]), members, model))
  pieces <- Map(function(rows, V) cluster_piece(parts, rows, V, info$phi, K, method$type), members, model)
  m <- length(members)
  scores <- vapply(pieces, `[[`, numeric(ncol(parts$X)), "score")
  scores <- matrix(scores, ncol(parts$X)) * if (method$type == "CR1") sqrt(m / (m - 1)) else 1
  method$covariance <- tcrossprod(info$phi %*% scores)
  method$pieces <- pieces
  method$working <- K
  method
}

#' @export
coef_covariance.df_cluster_robust <- function(method, info) method$covariance

# The quadratic form l'M [sum ...] M l in normal errors: twice its squared mean over its variance.
#' @export
row_df.df_cluster_robust <- function(method, info, hypothesis) {
  apply(hypothesis$inner / row_sizes(hypothesis$inner), 1L, function(l) {
    G <- cluster_products(method, info, list(as.vector(info$phi %*% l)))[[1L]][[1L]]
    sum(diag(G))^2 / sum(G^2)
  })
}

# Approximate Hotelling test: eta degrees of freedom of a Wishart matrix with the same total variance.
#' @export
denominator_df.df_cluster_robust <- function(method, info, hypothesis) {
  q <- nrow(hypothesis$inner)
  if (q == 1L) return(list(df = row_df(method, info, hypothesis), scale = 1))
  hypothesis <- hypothesis_rows(hypothesis, diag(1 / row_sizes(hypothesis$inner), q))
  rows <- split(hypothesis$inner, row(hypothesis$inner))
  G <- cluster_products(method, info, lapply(rows, function(l) as.vector(info$phi %*% l)))
  S <- vapply(G, function(g) vapply(g, function(x) sum(diag(x)), 0), numeric(q))
  turn <- tryCatch(solve(t(chol((S + t(S)) / 2))), error = function(e) NULL)     # singular in double precision
  if (is.null(turn)) return(list(df = NA_real_, scale = 1))
  turned <- split(turn %*% hypothesis$inner, row(hypothesis$inner))
  G <- cluster_products(method, info, lapply(turned, function(l) as.vector(info$phi %*% l)))
  variance <- sum(vapply(seq_len(q), function(s) sum(vapply(seq_len(q), function(t) {
    sum(G[[s]][[s]] * G[[t]][[t]]) + sum(G[[s]][[t]] * G[[t]][[s]])
  }, 0)), 0))
  eta <- q * (q + 1) / variance
  df <- eta - q + 1
  if (df <= 0) list(df = NA_real_, scale = 1) else list(df = df, scale = df / eta)
}

# ---- pieces ----

# Rows with positive weight: X, T = V^-1 X, marginal residuals in units of sigma, A = Z Lambda, prior weights and the factor
# of A'WA + I.
marginal_parts <- function(info) {
  fit <- info$fit
  rows <- fit_rows(fit, "a cluster-robust covariance")
  used <- used_rows(rows)
  d <- design(fit$frame, rows)
  X <- d$X[, info$kept, drop = FALSE]
  w <- row_weights(rows)[used]
  e <- (d$y - as.vector(X %*% info$estimate))[used] / fit_sigma(fit)
  A <- sparse_random_design(fit, rows)[used, , drop = FALSE]
  X <- X[used, , drop = FALSE] %*% info$basis
  inner <- Matrix::Cholesky(Matrix::forceSymmetric(Matrix::crossprod(A * sqrt(w)) + Matrix::Diagonal(ncol(A))))
  T <- w * X - w * as.matrix(A %*% Matrix::solve(inner, Matrix::crossprod(A, w * X)))
  list(used = which(used), X = X, T = T, e = e, A = A, w = w, inner = inner)
}

cluster_covariance <- function(parts, rows) {
  A <- parts$A[rows, , drop = FALSE]
  as.matrix(Matrix::tcrossprod(A)) + diag(1 / parts$w[rows], length(rows))
}

# A column that only this cluster determines makes 1 - H singular (CR3): that direction has no residual.
# score = T_c'A_c e_c, and with g = A_c'T_c v for v = M l: g'V g = v'quadratic v, T_c'V g = cross v, X_c'g = fitted v.
cluster_piece <- function(parts, rows, V, M, K, type) {
  X <- parts$X[rows, , drop = FALSE]
  T <- parts$T[rows, , drop = FALSE]
  H <- X %*% M %*% t(T)
  one <- diag(length(rows))
  A <- switch(type, CR0 = , CR1 = one, CR2 = unbiasing(V, V - H %*% V - V %*% t(H) + X %*% M %*% K %*% M %*% t(X)),
              CR3 = pseudo_inverse(one - H))
  g <- crossprod(A, T)
  list(score = as.vector(crossprod(g, parts$e[rows])), quadratic = crossprod(g, V %*% g), cross = crossprod(T, V %*% g),
       fitted = crossprod(X, g))
}

# A with A R A' = V for the covariance R of the residuals: D'(D R D')^(-1/2) D with V = D'D.
unbiasing <- function(V, R) {
  D <- tryCatch(chol(V), error = function(e) {
    lmm_abort("numeric", "the covariance matrix within a cluster is singular in double precision: the variance of a random effect is too large beside that of the residual.",
              what = "cluster", fix = "Use type = \"CR1\" or \"CR3\".")
  })
  B <- D %*% R %*% t(D)
  e <- eigen((B + t(B)) / 2, symmetric = TRUE)
  keep <- e$values > 1e-10 * max(e$values)
  U <- e$vectors[, keep, drop = FALSE]
  t(D) %*% (U %*% (t(U) / sqrt(e$values[keep]))) %*% D
}

# For vectors v_s = M l_s the matrices (over pairs of clusters) of covariances of the parts of l_s'beta and l_t'beta,
# when errors have covariance V_cc within clusters and none between.
cluster_products <- function(method, info, vectors) {
  M <- info$phi
  p <- nrow(M)
  at <- function(name, v) matrix(vapply(method$pieces, function(piece) as.vector(piece[[name]] %*% v), numeric(p)), p)
  fitted <- lapply(vectors, function(v) at("fitted", v))
  cross <- lapply(vectors, function(v) at("cross", v))
  middle <- M %*% method$working %*% M
  lapply(seq_along(vectors), function(s) lapply(seq_along(vectors), function(t) {
    own <- vapply(method$pieces, function(piece) sum(vectors[[s]] * (piece$quadratic %*% vectors[[t]])), 0)
    diag(own, length(own)) - crossprod(cross[[s]], M %*% fitted[[t]]) - crossprod(fitted[[s]], M %*% cross[[t]]) +
      crossprod(fitted[[s]], middle %*% fitted[[t]])
  }))
}

# ---- clusters ----

# A formula, or one value per row that was used or per row of the data -> integer codes of the rows used.
cluster_codes <- function(cluster, fit) {
  rows <- fit_rows(fit, "a cluster-robust covariance")
  if (inherits(cluster, "formula")) return(formula_clusters(cluster, fit, rows))
  if (length(cluster) != rows$n) cluster <- without_omitted(cluster, rows)
  if (length(cluster) != rows$n || anyNA(cluster)) {
    lmm_abort("input", paste0("`cluster` must be a formula, or have a value for each of the ", count_of(rows$n, "row"), "."),
              what = "cluster", value = length(cluster))
  }
  match(cluster, unique(cluster))
}

without_omitted <- function(x, rows) {
  left_out <- attr(rows$data, "na.action")
  if (length(left_out) && length(x) == rows$n + length(left_out)) x[-as.integer(left_out)] else x
}

# Rows are in one cluster where all parts that ":" joins have the same value.
formula_clusters <- function(formula, fit, rows) {
  values <- cluster_variables(all.vars(formula), formula, fit, rows)
  parts <- lapply(cluster_parts(formula), function(part) {
    x <- force_argument(eval(part, values, environment(formula)), "cluster")
    if (is.atomic(x) && length(x) == rows$n && !anyNA(x)) return(as.character(x))
    abort_cluster(part, if (length(x) != rows$n) size_problem(x, rows) else if (!is.atomic(x)) "is not a vector" else missing_problem(x))
  })
  key <- do.call(paste, c(parts, sep = "\r"))
  match(key, unique(key))
}

cluster_parts <- function(formula) {
  parts <- if (length(formula) == 2L) group_parts(formula[[2L]])
  wrong <- Filter(function(part) is.call(part) && call_head(part) %in% c("+", "-", "*", "/", "|", "%in%", "^"), parts)
  if (length(parts) && !length(wrong)) return(parts)
  lmm_abort("input", paste0("`cluster = ", deparse_line(formula), "` must name one way to divide the rows."), what = "cluster",
            fix = "Write ~ a:b for clusters by the combinations of a and b; clusters in two directions are not available.")
}

# The variables by name: of the model, of the data, or of where the formula was written.
cluster_variables <- function(names, formula, fit, rows) {
  elsewhere <- setdiff(names, names(rows$data))
  data <- if (length(elsewhere)) {
    find_data(fit, fit$call$data, formula, list(environment(stats::formula(fit)), environment(formula)))
  }
  found <- lapply(names, function(name) {
    if (!name %in% elsewhere) return(rows$data[[name]])
    x <- if (!is.null(data[[name]])) data[[name]][positions_in(row_labels(rows), data)]
         else get0(name, envir = environment(formula))
    if (is.null(x)) abort_cluster(as.name(name), "not found")
    if (!is.null(data[[name]]) && anyNA(x)) abort_cluster(as.name(name), missing_problem(x))
    x
  })
  stats::setNames(found, names)
}

missing_problem <- function(x) paste0("has missing values (", row_text(which(is.na(x))), ")")

size_problem <- function(x, rows) paste0("has length ", length(x), ", the fit has ", rows$n, " rows")

abort_cluster <- function(part, problem) {
  name <- deparse_line(part)
  lmm_abort("input", paste0(if (is.symbol(part)) "variable ", quote_name(name), " of `cluster` ", problem, "."), what = name)
}
