# Tests, intervals and print of the analysis of variance.

# For each effect the combination of other mean squares that has its expectation under the hypothesis.
synthesized_tests <- function(analysis) {
  sources <- rownames(analysis$table)
  effects <- seq_len(length(sources) - 1L)
  rows <- lapply(effects, function(h) {
    weights <- error_weights(analysis, h)
    ms <- analysis$table$`Mean Sq`
    df <- analysis$table$Df
    if (is.null(weights) || !isTRUE(df[h] > 0)) {
      return(data.frame(`F value` = NA_real_, NumDF = df[h], DenDF = NA_real_, `Pr(>F)` = NA_real_, error = "none",
                        check.names = FALSE))
    }
    used <- which(weights != 0)
    parts <- weights[used] * ms[used]
    error <- sum(parts)
    unit <- max(abs(parts), .Machine$double.xmin)
    den <- (error / unit)^2 / sum((parts / unit)^2 / df[used])
    F <- if (error > 0) ms[h] / error else NA_real_
    data.frame(`F value` = F, NumDF = df[h], DenDF = if (error > 0) den else NA_real_,
               `Pr(>F)` = if (error > 0) stats::pf(F, df[h], den, lower.tail = FALSE) else NA_real_,
               error = combination_text(weights[used], sources[used]), check.names = FALSE)
  })
  structure(do.call(rbind, rows), row.names = sources[effects])
}

# Weights of all mean squares in the error term of effect h; NULL when no combination has the right expectation.
error_weights <- function(analysis, h) {
  C <- analysis$ems
  target <- C[h, ]
  if (anyNA(target)) return(NULL)
  if (analysis$random[h]) target[rownames(C)[h]] <- 0
  use <- setdiff(which(analysis$random & analysis$table$Df > 0), h)
  found <- qr(t(C[use, , drop = FALSE]), tol = 1e-9)
  weights <- qr.coef(found, target)
  weights[is.na(weights)] <- 0
  if (max(abs(crossprod(C[use, , drop = FALSE], weights) - target)) > 1e-7 * max(abs(target))) return(NULL)
  weights[abs(weights) <= 1e-9 * max(abs(weights))] <- 0
  replace(numeric(nrow(C)), use, weights)
}

combination_text <- function(weights, sources) {
  parts <- ifelse(abs(weights - 1) < 1e-9 * length(weights), paste0("MS(", sources, ")"),
                  paste0(format_coefficients(weights), " MS(", sources, ")"))
  gsub("+ -", "- ", paste(parts, collapse = " + "), fixed = TRUE)
}

format_coefficients <- function(x) vapply(x, function(value) format(signif(value, 5L), digits = 5L), "")

# Exact interval of the intraclass correlation in a model with one random effect.
exact_icc <- function(model, components, level) {
  if (sum(model$random) != 1L) return(NULL)
  estimate <- if (isTRUE(any(components != 0))) unname(components[1L] / sum(components)) else NA_real_
  fixed <- orthonormal(cbind(model$intercept, do.call(cbind, lapply(model$effects[!model$random], `[[`, "Z"))))
  Z <- model$effects[[which(model$random)]]$Z
  d <- svd(Z - fixed %*% crossprod(fixed, Z), nv = 0L)
  keep <- d$d > 1e-9 * d$d[1L]
  mu <- d$d[keep]^2
  t2 <- as.vector(crossprod(d$u[, keep, drop = FALSE], model$y))^2
  rest <- model$y - fixed %*% crossprod(fixed, model$y)
  rest <- rest - d$u[, keep, drop = FALSE] %*% crossprod(d$u[, keep, drop = FALSE], rest)
  rss <- sum(rest^2)
  df <- c(length(mu), model$n - ncol(fixed) - length(mu))
  none <- rss <= (64 * .Machine$double.eps)^2 * sum(model$y^2)
  if (df[2L] < 1L || none) return(c(estimate = estimate, lower = NA_real_, upper = NA_real_))
  tail <- (1 - level) / 2
  ratio <- vapply(stats::qf(c(1 - tail, tail), df[1L], df[2L]), function(quantile) {
    variance_ratio(quantile, mu, t2, rss / df[2L], df[1L])
  }, 0)
  c(estimate = estimate, lower = ratio[1L] / (1 + ratio[1L]), upper = ratio[2L] / (1 + ratio[2L]))
}

# The ratio at which the F statistic of the rest of the effect equals the quantile. As a function of s = log(ratio +
# 1 / max(mu)) the statistic falls, in the end by 1 on the log scale; if it starts below the quantile, so does the
# ratio.
variance_ratio <- function(quantile, mu, t2, mse, df) {
  share <- mu / max(mu)
  share[share > 1 - 1e-12] <- 1
  log_f <- function(s) log(sum(t2 / (exp(s) * mu + (1 - share))) / df) - log(mse)
  gap <- function(s) log_f(s) - log(quantile)
  lowest <- -1 / max(mu)
  highest <- sum((t2 / (1 - share))[t2 > 0]) / df
  if (highest <= quantile * mse) return(lowest)
  # F lies between what the largest eigenvalue alone and all with `share` 1 would give; beside rounding
  ends <- log(c(sum((t2 / mu)[share == 1]), sum(t2 / mu)) / df) - log(mse * quantile) + c(-1e-3, 1e-3)
  if (ends[1L] == -Inf) ends[1L] <- min(-700, ends[2L] - 1)
  root <- stats::uniroot(gap, ends, tol = 1e-13)$root
  exp(root) + lowest
}

variation <- function(model, components, analysis) {
  total <- sum(components)
  residual <- analysis$table["Residual", "Mean Sq"]
  c(cv = if (isTRUE(total >= 0)) sqrt(total) / abs(model$mean) else NA_real_,
    `Coeff Var` = 100 * sqrt(residual) / abs(model$mean))
}

# "Var(Residual) + 8 Var(sire) + Q(a)"
ems_text <- function(C, fixed) {
  vapply(seq_len(nrow(C)), function(i) {
    k <- ncol(C)
    order <- c(k, rev(seq_len(k - 1L)))
    order <- order[!is.na(C[i, order]) & C[i, order] != 0]
    coefficient <- ifelse(abs(C[i, order] - 1) < 1e-9 * k, "", paste0(format_coefficients(C[i, order]), " "))
    parts <- paste0(coefficient, "Var(", colnames(C)[order], ")")
    if (length(fixed[[i]])) parts <- c(parts, paste0("Q(", paste(fixed[[i]], collapse = ", "), ")"))
    paste(parts, collapse = " + ")
  }, "")
}
