# The variance parameters of a posterior: coordinates in which they are searched, and the way from these to the engine.
#
# Coordinates of a free standard deviation: log(sd / sigma); of a free correlation: atanh of a partial correlation, in
# the order of a vine (Lewandowski, Kurowicka and Joe 2009); log(sigma) last, where it cannot be integrated exactly.

posterior_plan <- function(fit, priors, threads = 1L) {
  plan <- list(fit = fit, terms = plan_terms(fit), priors = priors, threads = threads,
               nu = fit_blocks(fit)$n - length(fit_blocks(fit)$x$kept), labels = posterior_names(fit))
  held <- fit_held(fit)
  plan$sigma <- if (any(held$term == 0L)) held$value[held$term == 0L] else if (isTRUE(fit_blocks(fit)$owns_scale)) 1
                else NA_real_
  plan$coordinates <- plan_coordinates(plan$terms)
  plan$residual <- residual_coordinates(fit, priors)
  plan$free_sd <- plan$coordinates$kind == "sd"
  fixed <- any(unlist(lapply(plan$terms, function(term) !is.na(term$held_sd) & term$held_sd > 0)))
  plan$free_sigma <- is.na(plan$sigma)
  plan$search_sigma <- plan$free_sigma && (fixed || !is_homogeneous(plan))
  plan$d <- nrow(plan$coordinates) + residual_size(plan) + plan$search_sigma
  plan$coefficients <- coefficient_prior(priors$fixed, fit)
  plan$handle <- engine_result(open_posterior(fit), fit_frame(fit))
  plan
}

open_posterior <- function(fit) {
  if (is_structured(fit)) return(engine_posterior_open_structured(fit_structured_model(fit)))
  engine_posterior_open(engine_layout(fit_frame(fit)), fit_blocks(fit), fit_control(fit)$memory_limit)
}

residual_size <- function(plan) if (is.null(plan$residual)) 0L else plan$residual$size

# For each term: which standard deviations (NA: free) and correlations are held.
plan_terms <- function(fit) {
  held <- fit_held(fit)
  lapply(seq_along(fit_random(fit)), function(t) {
    term <- fit_random(fit)[[t]]
    special <- special_plan(fit, t)
    if (!is.null(special)) return(list(q = length(special$rows), rows = special$rows, triangle = FALSE,
                                       special = special, held_sd = rep(NA_real_, length(special$rows))))
    own <- if (is.null(held)) data.frame(row = 0L, col = 0L,
                                         value = 0)[0L, ] else as.data.frame(held[c("row", "col",
                                                                                    "value")])[held$term == t, ]
    shared <- has_one_parameter(term)                     # of all columns
    sd <- rep(NA_real_, if (shared) 1L else term$q)
    diagonal <- own$row == own$col
    sd[own$row[diagonal]] <- own$value[diagonal]
    cor <- matrix(NA_real_, term$q, term$q)
    off <- own[!diagonal, ]
    cor[cbind(pmax(off$row, off$col), pmin(off$row, off$col))] <- off$value
    list(q = length(sd), rows = seq_along(sd), triangle = term$q > 1L && is_triangle(term), held_sd = sd,
         held_cor = cor)
  })
}

plan_coordinates <- function(terms) {
  parts <- lapply(seq_along(terms), function(t) {
    term <- terms[[t]]
    sd <- which(is.na(term$held_sd))
    at <- if (term$triangle) vine_order(term$q) else matrix(0L, 0L, 2L)
    at <- at[is.na(term$held_cor[at]), , drop = FALSE]
    rbind(data.frame(kind = rep(c("sd", "cor"), c(length(sd), nrow(at))), term = rep(t, length(sd) + nrow(at)),
                     row = c(sd, at[, 1L]), col = c(sd, at[, 2L])),
          if (!is.null(term$special)) special_coordinates(term$special, t))
  })
  if (length(parts)) return(do.call(rbind, parts))
  data.frame(kind = character(), term = integer(), row = integer(), col = integer())
}

# Rows (i, j) with i > j, row by row.
vine_order <- function(q) {
  i <- rep(seq_len(q), seq_len(q) - 1L)
  cbind(i, sequence(seq_len(q) - 1L))
}

# Can sigma be integrated exactly?
is_homogeneous <- function(plan) {
  priors <- plan$priors
  if (!is.null(priors$all) || (!is.null(priors$fixed) && any(is.finite(priors$fixed$sd)))) return(FALSE)
  if (!is.null(priors$icc)) return(TRUE)
  single <- unlist(lapply(seq_along(plan$terms), function(t) {
    if (priors$wishart[t]) return(TRUE)
    rows <- plan$terms[[t]]$rows[is.na(plan$terms[[t]]$held_sd)]
    vapply(rows, function(k) !is.null(sd_prior(priors, t, k)$parts), NA)
  }))
  all(single) && !is.null(priors$residual$parts)
}

# Coefficients of the orthogonal columns: NULL (flat), or precision and mean.
coefficient_prior <- function(prior, fit) {
  if (is.null(prior)) return(NULL)
  kept <- names(fit_beta(fit))[fit_blocks(fit)$x$kept]
  spread <- named_numbers(prior$sd, kept, Inf, "sd")
  mean <- named_numbers(prior$mean, kept, 0, "mean")
  if (all(is.infinite(spread))) return(NULL)
  x <- fit_blocks(fit)$x
  basis <- as.matrix(x$basis)
  list(precision = crossprod(basis / spread), mean = as.vector(solve(basis, mean - as.vector(x$response[, 1L]))),
       sd = spread, center = mean,
       constant = sum(-log(spread[is.finite(spread)]) - log(2 * pi) / 2))
}

named_numbers <- function(x, names, other, what) {
  if (is.null(names(x))) {
    if (length(x) %in% c(1L, length(names))) return(rep_len(as.numeric(x), length(names)))
    lmm_abort("input", paste0("`", what, "` of prior_normal() has ", length(x),
                              " numbers without names; the model has ",
                              count_of(length(names), "coefficient"), "."), what = what)
  }
  stray <- setdiff(names(x), names)
  if (length(stray)) {
    lmm_abort("input", paste0("prior_normal() names ", quote_name(stray[1L]), ", not an estimable coefficient."),
              what = stray, fix = there_are(names))
  }
  out <- rep(other, length(names))
  out[match(names(x), names)] <- x
  out
}

# Names of what is drawn: those of tidy(), with the group after the term.
posterior_names <- function(fit) {
  parameters <- variance_parameters(fit)
  word <- ifelse(parameters$correlation, paste0("cor__", parameters$var1, ".", parameters$var2),
                 ifelse(parameters$kind == "range", "range",
                        paste0(c(variance = "sd__", rho = "cor__", specific = "sd__specific ",
                                 loading = "loading__")[parameters$kind], parameters$var1,
                               ifelse(parameters$kind == "loading", paste0(".", parameters$var2), ""))))
  out <- paste0(word, ".", parameters$grp)
  out[parameters$term == 0L] <- "sigma"
  list(variances = out, fixed = names(fit_beta(fit))[fit_blocks(fit)$x$kept], random = random_names(fit),
       residual = if (is_structured(fit)) scaled_residual_parameters(fit, "sd")$name)
}

random_names <- function(fit) {
  groups <- fit_term_names(fit)
  unlist(lapply(seq_along(groups), function(t) {
    b <- shown_modes(fit, t)
    paste0("r_", groups[t], "[", rep(rownames(b), ncol(b)), ",", rep(colnames(b), each = nrow(b)), "]")
  }), use.names = FALSE)
}

# Conditional modes by level, for terms whose levels are columns too.
shown_modes <- function(fit, t) {
  term <- fit_random(fit)[[t]]
  if (is_across(term)) across_modes(term, fit_modes(fit)[[t]]) else fit_modes(fit)[[t]]
}

# ---- from coordinates to parameters, all points at once ----

# For each term the standard deviations relative to sigma (matrix points x columns), the lower factor of the correlation
# matrix (list of lists of vectors), log |R| and the log of the Jacobian of the correlations. Without `density` only
# what the correlations are made of.
decode_points <- function(plan, x, density = TRUE) {
  n <- nrow(x)
  sigma <- if (plan$search_sigma) exp(x[, plan$d]) else if (plan$free_sigma) NULL else rep(plan$sigma, n)
  terms <- lapply(seq_along(plan$terms), function(t) {
    term <- plan$terms[[t]]
    own <- plan$coordinates$term == t
    at <- which(own & plan$coordinates$kind == "sd")
    s <- matrix(0, n, term$q)
    s[, plan$coordinates$row[at]] <- exp(x[, at])
    for (k in which(!is.na(term$held_sd) & term$held_sd > 0)) s[, k] <- term$held_sd[k] / sigma
    if (!is.null(term$special))
      return(decode_special(plan, t, s, x[, which(own & plan$coordinates$kind != "sd"), drop = FALSE], density))
    at <- own & plan$coordinates$kind == "cor"
    c(list(s = s), if (term$triangle) correlation_factor(term, x[, at, drop = FALSE], density))
  })
  own <- if (!is.null(plan$residual))
    decode_residual(plan, x[, nrow(plan$coordinates) + seq_len(plan$residual$size), drop = FALSE], density)
  list(terms = terms, sigma = sigma, x = x, residual = own)
}

log_one_minus_square <- function(z) log(4) - 2 * abs(z) - 2 * log1p(exp(-2 * abs(z)))

correlation_factor <- function(term, z, density = TRUE) {
  n <- nrow(z)
  L <- rep(list(list()), term$q)
  left <- rep(list(numeric(n)), term$q)                # log of what the row of L has left for its diagonal, squared
  jacobian <- numeric(n)
  used <- 0L
  for (i in seq_len(term$q)) {
    for (j in seq_len(i - 1L)) {
      if (is.na(term$held_cor[i, j])) {
        used <- used + 1L
        part <- tanh(z[, used])
        if (!density && i == term$q && j == i - 1L) {
          L[[i]][[j]] <- part * exp(left[[i]] / 2)
          break
        }
        rest <- log_one_minus_square(z[, used])
        jacobian <- jacobian + left[[i]] / 2 + left[[j]] / 2 + rest
      } else {
        before <- Reduce(`+`, lapply(seq_len(j - 1L), function(m) L[[i]][[m]] * L[[j]][[m]]), numeric(n))
        part <- (term$held_cor[i, j] - before) * exp(-(left[[i]] + left[[j]]) / 2)
        outside <- !(abs(part) < 1)
        jacobian[outside] <- -Inf
        part[outside] <- 0
        rest <- log1p(-part^2)
      }
      L[[i]][[j]] <- part * exp(left[[i]] / 2)
      left[[i]] <- left[[i]] + rest
    }
    if (density || i < term$q) L[[i]][[i]] <- exp(left[[i]] / 2)
  }
  if (!density) return(list(L = L))
  list(L = L, log_det = Reduce(`+`, left), jacobian = jacobian)
}

# Points for the engine, one per column.
engine_points <- function(plan, state) {
  rows <- lapply(seq_along(plan$terms), function(t) {
    term <- plan$terms[[t]]
    own <- state$terms[[t]]
    if (!is.null(term$special)) return(special_points(plan, t, own$natural))
    if (!term$triangle) return(own$s)
    entries <- which(lower.tri(diag(term$q), diag = TRUE), arr.ind = TRUE)
    matrix(unlist(lapply(seq_len(nrow(entries)),
                         function(k) own$s[, entries[k, 1L]] * own$L[[entries[k, 1L]]][[entries[k, 2L]]])), nrow(own$s))
  })
  t(do.call(cbind, c(rows, if (!is.null(state$residual)) list(state$residual$psi),
                     if (!length(rows) && is.null(state$residual)) list(matrix(0, nrow(state$x), 0L)))))
}

engine_values <- function(plan, points, sigma = NULL, coefficients = FALSE) {
  prior <- plan$coefficients[c("precision", "mean")]
  out <- engine_posterior_target(plan$handle, points, if (is.null(sigma)) numeric() else sigma,
                                 if (length(prior)) prior, coefficients, plan$threads)
  out <- engine_result(out, fit_frame(plan$fit))
  if (coefficients) out$scale <- spread_sizes(out$spread, nrow(out$beta))
  out
}

# Standard deviations of coefficients from stacked square matrices S, covariance S S'.
spread_sizes <- function(spread, p) {
  sqrt(Reduce(`+`, lapply(seq_len(p), function(j) spread[(j - 1L) * p + seq_len(p), , drop = FALSE]^2),
              matrix(0, p, ncol(spread))))
}

# Correlations of a term, a vector for each, in the order of variance_parameters().
state_correlations <- function(plan, state, t) {
  own <- state$terms[[t]]
  q <- plan$terms[[t]]$q
  at <- which(lower.tri(diag(q)), arr.ind = TRUE)
  lapply(seq_len(nrow(at)), function(k) {
    i <- at[k, 1L]
    j <- at[k, 2L]
    Reduce(`+`, lapply(seq_len(j), function(m) own$L[[i]][[m]] * own$L[[j]][[m]]))
  })
}

# Values of all variance parameters, in the order of their names: a list of vectors.
state_columns <- function(plan, state, sigma) {
  parts <- lapply(seq_along(plan$terms), function(t) {
    if (!is.null(plan$terms[[t]]$special)) return(special_columns(plan, t, state$terms[[t]], sigma))
    s <- state$terms[[t]]$s
    c(lapply(seq_len(ncol(s)), function(k) s[, k] * sigma),
      if (plan$terms[[t]]$triangle) state_correlations(plan, state, t))
  })
  shown <- if (is_structured(plan$fit)) shown_draws(plan, residual_psi(state), sigma) else sigma
  out <- c(unlist(parts, recursive = FALSE), list(shown))
  names(out) <- plan$labels$variances
  c(out, if (!is.null(state$residual)) residual_columns(plan, state$residual$psi, sigma))
}

# Of all points; without columns where there are no free residual parameters.
residual_psi <- function(state) if (is.null(state$residual)) matrix(0, nrow(state$x), 0L) else state$residual$psi

state_values <- function(plan, state, sigma) do.call(cbind, state_columns(plan, state, sigma))
