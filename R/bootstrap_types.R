# How each type of bootstrap makes new data: a plan is the size of the numbers that a replicate needs, their
# distribution, and either the responses made of them (a column each) or the clusters chosen by them.

bootstrap_plan <- function(fit, type, groups) {
  if (is_cells_fit(fit) && type == "parametric" && is.null(groups)) return(NULL)      # made when it is drawn
  rows <- fit_rows(fit, "the bootstrap")
  if (!is.null(groups) && type %in% c("parametric", "residual")) {
    lmm_abort("input", paste0("`groups` has no effect on the ", type, " bootstrap."), what = "groups",
              fix = "Use it with type = \"cases\" or \"wild\".")
  }
  switch(type, parametric = parametric_plan(fit, rows), residual = residual_plan(fit, rows),
         wild = wild_plan(fit, rows, cluster_codes_of(fit, rows, groups)),
         cases = cases_plan(rows, cluster_codes_of(fit, rows, groups)))
}

# Responses drawn from the model at its estimates.
parametric_plan <- function(fit, rows) {
  plan <- drawing_plan(fit, rows)
  first <- seq_len(plan$size)
  list(size = plan$size + plan$n, numbers = stats::rnorm, responses = function(numbers) {
    drawn_responses(plan, numbers[first, , drop = FALSE],
                    left_over_normals(numbers[plan$size + seq_len(plan$n), , drop = FALSE], rows))
  })
}

# Conditional modes and residuals, centered and given the covariance matrices of the fit, drawn with replacement
# (Carpenter, Goldstein and Rasbash 2003).
residual_plan <- function(fit, rows) {
  modes <- Map(reflated_modes, fit_modes(fit), fit_covariance_factors(fit))
  used <- used_rows(rows)
  if (is_structured(fit) && !all(used)) refuse_weight_zero()
  root <- sqrt(row_weights(rows))
  e <- rows$y - mean_response(fit, rows)
  e <- if (is_structured(fit)) as.vector(colored_rows(fit, rows, e, invert = TRUE)) else (root * e)[used]
  e <- (e - mean(e)) / sqrt(mean((e - mean(e))^2)) * if (is_structured(fit)) 1 else fit_sigma(fit)
  spread <- function(e) if (is_structured(fit)) as.vector(colored_rows(fit, rows, e)) else ifelse(used, e / root, 0)
  mean <- mean_response(fit, rows, all_columns(fit, FALSE))
  d <- design(fit_frame(fit), rows)
  group <- fit_term_groups(fit)
  levels <- vapply(modes, nrow, 0L)
  end <- cumsum(levels)
  one <- function(u) {
    y <- mean + spread(e[1L + floor(u[sum(levels) + seq_len(rows$n)] * length(e))])
    for (k in seq_along(modes)) {
      chosen <- 1L + floor(u[end[k] - levels[k] + seq_len(levels[k])] * levels[k])
      y <- y + random_part(d$Z[[k]], d$codes[[group[k]]], modes[[k]][chosen, , drop = FALSE], seq_len(ncol(modes[[k]])))
    }
    y
  }
  list(size = sum(levels) + rows$n, numbers = stats::runif,
       responses = function(numbers) matrix(apply(numbers, 2L, one), rows$n))
}

refuse_weight_zero <- function() {
  lmm_abort("input", "the residual bootstrap of a residual structure is not available with rows of weight zero.",
            what = "type", fix = "Use type = \"parametric\".")
}

# b with mean 0 and mean of squares L L'. Directions in which the modes do not vary stay 0.
reflated_modes <- function(b, L) {
  b <- b - rep(colMeans(b), each = nrow(b))
  S <- crossprod(b) / nrow(b)
  size <- sqrt(diag(S))
  use <- size > 0
  out <- b * 0
  if (!any(use)) return(out)
  e <- eigen(S[use, use, drop = FALSE] / outer(size[use], size[use]), symmetric = TRUE)
  keep <- e$values > 1e-10 * e$values[1L]
  U <- e$vectors[, keep, drop = FALSE]
  out[, use] <- b[, use, drop = FALSE] %*% ((U / size[use]) %*% (t(U) / sqrt(e$values[keep])))
  out %*% t(L)
}

# Marginal residuals of a cluster, each divided by the root of 1 - leverage, times one number with mean 0 and variance 1
# (Mammen 1993; Modugno and Giannerini 2015).
wild_plan <- function(fit, rows, cluster) {
  mean <- mean_response(fit, rows, all_columns(fit, FALSE))
  x <- fit_blocks(fit)$x
  X <- design(fit_frame(fit), rows)$X[, x$kept, drop = FALSE] %*% matrix(x$basis, length(x$kept))
  leverage <- rowSums(X^2) * row_weights(rows)
  r <- rows$y - mean
  r <- ifelse(leverage < 1 - 1e-9 * ncol(X), r / sqrt(pmax(1 - leverage, .Machine$double.eps)), 0)
  r[!used_rows(rows)] <- 0
  golden <- (sqrt(5) + 1) / 2
  list(size = max(cluster), numbers = stats::runif, responses = function(numbers) {
    factor <- ifelse(numbers < golden / sqrt(5), 1 - golden, golden)
    mean + r * factor[cluster, , drop = FALSE]
  })
}

# Whole clusters drawn with replacement.
cases_plan <- function(rows, cluster) {
  members <- split(seq_len(rows$n), cluster)
  list(size = length(members), numbers = stats::runif, cluster = cluster, chosen = function(u) {
    copies <- members[1L + floor(u * length(members))]
    list(row = unlist(copies, use.names = FALSE), copy = rep(seq_along(copies), lengths(copies)))
  })
}

# The data of a sample of clusters, with subjects of a residual structure that are new ones in each copy.
resampled_data <- function(fit, plan, chosen) {
  data <- lapply(fit_stored_rows(fit)$data, take_rows, chosen$row)
  subject <- fit_frame(fit)$residual$subject
  if (is_structured(fit) && !is_independent(fit_frame(fit)$residual) && max(chosen$copy) > 1L) {
    labels <- if (!is.null(subject)) vapply(group_parts(subject), variable_label, "")
    if (is.null(labels) || !is_constant_within(plan$cluster, rows_residual(fit, fit_stored_rows(fit))$subject)) {
      lmm_abort("input", "the clusters of type = \"cases\" must contain whole subjects of the residual structure.",
                what = "groups")
    }
    label <- labels[length(labels)]
    data[[label]] <- paste(chosen$copy, level_text(data[[label]]))
  }
  structure(data, class = "data.frame", row.names = seq_along(chosen$row))
}

# Rows and levels of a sample of clusters: levels within a cluster are new ones in each of its copies, others stay.
resampled_fit <- function(fit, plan, u) {
  rows <- fit_stored_rows(fit)
  chosen <- plan$chosen(u)
  nested <- vapply(rows$codes, function(code) is_constant_within(plan$cluster, code), NA)
  codes <- Map(function(code, nested) {
    key <- if (nested) paste(chosen$copy, code[chosen$row]) else code[chosen$row]
    match(key, unique(key))
  }, rows$codes, nested)
  groups <- Map(function(group, code, old) {
    first <- !duplicated(code)
    group$levels <- make.unique(group$levels[old[chosen$row]][first][order(code[first])])
    group
  }, fit_groups(fit), codes, rows$codes)
  fit$frame$groups <- groups
  new <- list(data = resampled_data(fit, plan, chosen), y = rows$y[chosen$row], offset = rows$offset[chosen$row],
              weights = rows$weights[chosen$row],
              codes = codes,
              n = length(chosen$row))
  fit_again(fit, Filter(Negate(is.null), new))
}

# Cluster of each row: the grouping factor `groups`, or the one within whose levels all others lie.
cluster_codes_of <- function(fit, rows, groups) {
  if (is_structured(fit)) rows$codes <- c(rows$codes, residual_subjects(fit, rows))
  names <- if (is_structured(fit)) names(rows$codes) else names(fit_groups(fit))
  if (is.null(groups)) {
    holds <- vapply(rows$codes, function(top) all(vapply(rows$codes, function(code) is_constant_within(top, code), NA)),
                    NA)
    if (!any(holds)) {
      lmm_abort("input", "the grouping factors are crossed: none contains all others.", what = names,
                fix = paste0("Name the clusters in `groups`: ", enumerate(quote_level(names)), "."))
    }
    groups <- names[which(holds)[1L]]
  }
  check_choice(groups, names, "groups")
  code <- rows$codes[[match(groups, names)]]
  match(code, sort(unique(code)))
}

# The subjects of the residual structure as one more grouping factor, unless each row is one or all are.
residual_subjects <- function(fit, rows) {
  plan <- fit_frame(fit)$residual
  if (is.null(plan$subject) || is_independent(plan)) return(NULL)
  stats::setNames(list(group_of(plan$subject, rows$data)$codes), deparse_line(plan$subject))
}
