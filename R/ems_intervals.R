# Intervals of functions of variance components from mean squares: modified large-sample, generalized and
# Satterthwaite's.
#
# With independent mean squares M_i, df_i M_i / E(M_i) chi-square, a combination g = sum k_j sigma_j^2 of the components
# is sum c_i E(M_i). Exact where designs are balanced; for other designs mean squares are treated in the same way.

ems_methods <- c("MLS", "generalized", "Satterthwaite")

# The table of quantity() for an object of class `ems`.
ems_quantity <- function(object, asked, method, level, nsim = 10000, seed = NULL) {
  basis <- mean_square_basis(object)
  functions <- lapply(quantity_functions(ems_as_fit(object), asked), ems_function, object = object)
  values <- function(components) vapply(functions, function(f) f(components), 0)
  estimate <- values(object$components[, "moments"])
  if (method == "generalized") {
    limits <- generalized_limits(functions, basis, level, nsim, own_seed(seed))
    se <- df <- rep(NA_real_, length(functions))
  } else {
    forms <- Map(quantity_form, functions, names(functions),
                 MoreArgs = list(scale = component_scale(object), method = method))
    rows <- lapply(forms, form_row, basis = basis, level = level, method = method)
    limits <- do.call(rbind, lapply(rows, `[[`, "limits"))
    se <- vapply(rows, `[[`, 0, "se")
    df <- vapply(rows, `[[`, 0, "df")
  }
  data.frame(estimate = unname(estimate), se = se, df = df, lower = limits[, 1L], upper = limits[, 2L],
             row.names = make.unique(names(functions)))
}

# The same as quantity() returns it. Estimates are those of the method of moments.
mean_square_quantities <- function(object, asked, method, level, nsim, seed) {
  if (!length(asked)) lmm_abort("input", "no quantity is given.", what = "...",
                                fix = "For example \"icc\" or ~ var(g) / total.")
  out <- ems_quantity(object, asked, method, level, check_number(nsim, "nsim", 1, whole = TRUE), seed)
  as_table(cbind(out, method = method), "quantity_table")
}

# Mean squares of the random effects and the residual, and the matrix that makes components of them.
mean_square_basis <- function(object) {
  components <- colnames(object$ems)
  own <- rownames(object$ems) %in% components & object$table$Df > 0
  C <- object$ems[own, , drop = FALSE]
  if (nrow(C) != ncol(C) || qr(C)$rank < ncol(C)) {
    lmm_abort("unidentified", "the mean squares do not determine all variance components.", what = components,
              fix = "Use another method of quantity() for a fit.")
  }
  list(ms = object$table$`Mean Sq`[own], df = object$table$Df[own], inverse = solve(C))
}

# What the words of a quantity need to know of a fit.
ems_as_fit <- function(object) {
  names <- setdiff(colnames(object$ems), "Residual")
  random <- lapply(names, function(name) list(name = name, q = 1L, columns = "(Intercept)", structure = "unstructured",
                                              group = 1L))
  structure(list(frame = list(random = random), estimates = list(beta = c(`(Intercept)` = NA_real_))),
            class = "lmm_fit")
}

# A function of the vector of components.
ems_function <- function(f, object) {
  force(f)
  names <- colnames(object$ems)
  function(components) {
    covariance <- lapply(components[names != "Residual"],
                         function(v) matrix(v, 1L, 1L, dimnames = rep(list("(Intercept)"), 2L)))
    names(covariance) <- names[names != "Residual"]
    residual <- components[names == "Residual"]
    state <- list(covariance = covariance, sigma = sqrt(structure(max(residual, 0), names = NULL)),
                  beta = c(`(Intercept)` = NA_real_))
    check_value(suppressWarnings(f(state)))
  }
}

component_scale <- function(object) {
  size <- abs(object$components[, "moments"])
  pmax(size, max(size) / 100, na.rm = TRUE)
}

# What kind of function it is: list(numerator, denominator or NULL, root). Linear forms and ratios of two in the
# components, and roots of these, are found from values at some points.
quantity_form <- function(f, name, scale, method) {
  K <- length(scale)
  points <- t(vapply(seq_len(4L * K + 6L),
                     function(i) scale * (0.5 + (i * sqrt(c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29)[seq_len(K)])) %% 1),
                     numeric(K)))
  value <- apply(points, 1L, f)
  if (all(is.finite(value))) for (root in c(FALSE, TRUE)) {
    v <- if (root) value^2 else value
    linear <- qr.coef(qr(points / rep(scale, each = nrow(points))), v) / scale
    if (max(abs(points %*% linear - v)) <= 1e-9 * max(abs(v))) return(list(numerator = clean_form(linear, scale),
                                                                           root = root))
    s <- svd(cbind(points, -v / max(abs(v)) * points) / rep(c(scale, scale), each = nrow(points)))
    if (s$d[2L * K] <= 1e-10 * s$d[1L] && s$d[2L * K - 1L] > 1e-8 * s$d[1L] && method == "MLS") {
      own <- s$v[, 2L * K] / c(scale, scale)
      own <- own * sign(sum(own[K + seq_len(K)] * scale))
      return(list(numerator = clean_form(own[seq_len(K)] * max(abs(v)), scale),
                  denominator = clean_form(own[K + seq_len(K)], scale), root = root))
    }
  }
  lmm_abort("input", paste0(quote_name(name), " has no ", method, " limits: it is not ",
                            if (method == "MLS") "a linear combination of variances, a ratio of two, or the root of one"
    else "a linear combination of variances, or the root of one", "."), what = name,
    fix = "Use method = \"generalized\", or another method of quantity() for a fit.")
}

clean_form <- function(form, scale) {
  form[abs(form) * scale <= 1e-8 * max(abs(form) * scale)] <- 0
  form
}

# Limits of one quantity, cut off where no value can be: at 0 for sums of variances, at 0 and 1 for shares.
form_row <- function(form, basis, level, method) {
  numerator <- as.vector(form$numerator %*% basis$inverse)
  ratio <- !is.null(form$denominator)
  estimate <- sum(numerator * basis$ms)
  se <- if (ratio) NA_real_ else sqrt(sum(2 * (numerator * basis$ms)^2 / basis$df))
  df <- if (ratio || estimate <= 0) NA_real_ else 2 * (estimate / se)^2
  limits <- if (ratio) ratio_limits(numerator, as.vector(form$denominator %*% basis$inverse), basis, level)
    else if (method == "MLS") mls_limits(numerator, basis, level)
    else if (is.na(df)) c(NA_real_, NA_real_) else as.vector(chisq_limits(estimate, level = level, df = df))
  if (all(form$numerator >= 0) && (!ratio || all(form$denominator >= 0))) limits <- pmax(limits, 0)
  unit <- if (ratio) max(abs(form$denominator)) else 0
  if (ratio && all(form$denominator - form$numerator >= -1e-8 * unit)) limits <- pmin(limits, 1)
  if (form$root) {
    se <- if (estimate > 0) se / (2 * sqrt(estimate)) else NA_real_
    limits <- sqrt(pmax(limits, 0))
  }
  list(limits = limits, se = se, df = df)
}

mls_limits <- function(coefficient, basis, level) {
  c(mls_lower(coefficient, basis, level), -mls_lower(-coefficient, basis, level))
}

# Lower limit of sum c_i E(M_i) with positive and negative c_i (Graybill and Wang 1980; Ting, Burdick, Graybill,
# Jeyaratnam and Lu
# 1990), one-sided confidence (1 + level) / 2.
mls_lower <- function(coefficient, basis, level) {
  use <- coefficient != 0
  part <- coefficient[use] * basis$ms[use]
  n <- basis$df[use]
  alpha <- (1 - level) / 2
  G <- 1 - n / stats::qchisq(alpha, n, lower.tail = FALSE)
  H <- n / stats::qchisq(alpha, n) - 1
  up <- which(part > 0)
  down <- which(part <= 0)
  size <- abs(part)
  variance <- sum((G[up] * size[up])^2) + sum((H[down] * size[down])^2)
  for (q in up) for (r in down) {
    F <- stats::qf(alpha, n[q], n[r], lower.tail = FALSE)
    variance <- variance + ((F - 1)^2 - (G[q] * F)^2 - H[r]^2) / F * size[q] * size[r]
  }
  if (length(down) && length(up) > 1L) for (q in up) for (t in up[up > q]) {
    m <- n[q] + n[t]
    star <- (1 - m / stats::qchisq(alpha, m,
                                   lower.tail = FALSE))^2 * m^2 / (n[q] * n[t]) - G[q]^2 * n[q] / n[t] -
                                     G[t]^2 * n[t] / n[q]
    variance <- variance + star / (length(up) - 1L) * size[q] * size[t]
  }
  sum(part) - sqrt(max(variance, 0))
}

# Values r at which the limits of numerator - r denominator are 0; exact for a ratio of two mean squares.
ratio_limits <- function(numerator, denominator, basis, level) {
  bottom <- sum(denominator * basis$ms)
  if (bottom <= 0) return(c(NA_real_, NA_real_))
  estimate <- sum(numerator * basis$ms) / bottom
  size <- sum(abs(numerator) * basis$ms) / bottom
  side <- function(direction) {
    gap <- function(r) mls_lower(direction * (r * denominator - numerator), basis, level)
    step <- size * 2^(-10:40)
    at <- which(vapply(estimate + direction * step, gap, 0) > 0)
    if (!length(at)) return(direction * Inf)
    ends <- c(if (at[1L] == 1L) 0 else step[at[1L] - 1L], step[at[1L]])
    estimate + direction * stats::uniroot(function(s) gap(estimate + direction * s), ends, tol = 1e-12 * size)$root
  }
  c(side(-1), side(1))
}

# Quantiles of the quantity at df M / chi-square in place of E(M) (Tsui and Weerahandi 1989), components below 0 as 0.
generalized_limits <- function(functions, basis, level, nsim, seed) {
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_draws(nsim, 40 * length(basis$df))
  streams <- random_streams(1L, seed)
  chi <- stream_numbers(streams, nsim * length(basis$df),
                        function(n) stats::rchisq(n, rep(basis$df, n / length(basis$df))))
  components <- pmax(basis$inverse %*% (basis$df * basis$ms / matrix(chi, length(basis$df))), 0)
  t(vapply(functions,
           function(f) stats::quantile(apply(components, 2L, f), c(1 - level, 1 + level) / 2, names = FALSE,
                                       na.rm = TRUE), numeric(2L)))
}
