# Profiles of fixed effects, by maximum likelihood: `fit` is a fit by it.

# Limits of the coefficients at positions `which` among all, one row for each; NA where there is no estimate. A limit
# that the direct search does not find is looked for along the profile.
coefficient_limits <- function(fit, which, z) {
  out <- matrix(NA_real_, length(which), 2L)
  kept <- match(which, fit_blocks(fit)$x$kept)
  known <- which(!is.na(kept))
  if (!length(known)) return(out)
  out[known, ] <- matrix(coefficient_search(fit, kept[known], z)$value, ncol = 2L, byrow = TRUE)
  left <- which(is.na(out) & !is.na(kept), arr.ind = TRUE)
  if (!nrow(left)) return(out)
  base <- profile_base(fit)
  out[left] <- unlist(lapply_with_bar(seq_len(nrow(left)), function(i) {
    profile_limit(base, nrow(base$parameters) + which[left[i, 1L]], c(-1, 1)[left[i, 2L]], z)
  }, "Limits"))
  out
}

# Where zeta has each of these values (ascending), below and then above the estimate of each of the kept coefficients:
# one column for each point, coefficient by coefficient. NA where the search does not get there.
coefficient_search <- function(fit, kept, zeta) {
  refuse_iterative(fit, "profiles are")
  held <- fit_held(fit)
  if (is_structured(fit) || any(held$term > 0L)) return(list(value = rep(NA_real_, 2L * length(kept) * length(zeta))))
  layout <- engine_layout(fit_frame(fit), if (!is.null(held)) fit_sigma(fit))
  out <- engine_result(engine_coefficient_limits(layout, fit_blocks(fit), fit_optimum(fit)$theta,
                                                 fit_control(fit)$memory_limit, kept, zeta^2),
                       fit_frame(fit))
  out$value[!out$converged] <- NA_real_
  out
}

# Rows (zeta, all parameters) of the profile of the coefficients at positions `which`, in a list.
coefficient_points <- function(fit, which, cutoff, steps) {
  kept <- match(which, fit_blocks(fit)$x$kept)
  zeta <- cutoff * seq_len(steps) / steps
  found <- coefficient_search(fit, kept, zeta)
  base <- list(fit = fit, parameters = variance_parameters(fit))
  signed <- c(-zeta, zeta)
  lapply(seq_along(which), function(i) {
    own <- 2L * steps * (i - 1L) + seq_len(2L * steps)
    if (anyNA(found$value[own])) return(profile_points(profile_base(fit), variance_count(fit) + which[i], cutoff,
                                                       steps))
    rows <- vapply(own, function(k) {
      beta <- fit_beta(fit)
      beta[fit_estimable(fit)] <- found$beta[, k]
      beta[which[i]] <- found$value[k]
      c(variance_at(base, found$theta[, k], found$sigma[k]), beta)
    }, all_estimates(fit))
    rows <- rbind(cbind(signed, t(rows)), c(0, all_estimates(fit)))
    unname(rows[order(rows[, 1L]), , drop = FALSE])
  })
}

# The kept coefficient j held, as a function of its values: the model without its column, for the response less the
# column times each value. In coordinates with orthonormal columns of X both are changes of the cross-products.
held_coefficient <- function(fit, j) {
  if (is_structured(fit)) return(structured_coefficient(fit, j))
  x <- fit_blocks(fit)$x
  direction <- x$basis[j, ]
  rest <- qr.Q(qr(matrix(direction)), complete = TRUE)[, -1L, drop = FALSE]
  model <- model_without(fit_blocks(fit), rest)
  function(values) {
    shift <- outer(direction / sum(direction^2), values - x$response[j, 1L])
    found <- engine_refit_blocks(fit, shifted_response(model, fit_blocks(fit), shift), FALSE)
    list(value = found$criterion, theta = found$theta, sigma = found$sigma, converged = found$converged,
         beta = x$response[, 1L] + x$basis %*% (rest %*% found$beta + shift))
  }
}

# Cross-products of the model whose coefficients (of orthonormal columns of X) are combinations of the columns of
# `rest`.
model_without <- function(blocks, rest) {
  p <- ncol(rest)
  within <- qr(blocks$w_xx %*% rest)
  out <- blocks
  out$x <- list(kept = seq_len(p), novelty = rep(1, p), alias = matrix(0, p, p), basis = diag(p), log_det_r = 0)
  out$t_x <- blocks$t_x %*% rest
  out$w_xx <- matrix(0, p, p)
  if (p) out$w_xx[, within$pivot] <- qr.R(within)
  out$rest_x <- blocks$rest_x %*% rest
  if (length(blocks$rows)) out$rows$x <- blocks$rows$x %*% rest
  list(blocks = out, within = within, p = p)
}

# The same for the response less X times each column of `shift`.
shifted_response <- function(model, blocks, shift) {
  out <- model$blocks
  p <- model$p
  m <- ncol(shift)
  less <- function(y, X) as.vector(y) - X %*% shift
  turned <- less(blocks$w_xy, blocks$w_xx)
  rotated <- if (p) qr.qty(model$within, turned) else turned
  out$x$response <- matrix(0, p, m)
  out$x$total <- blocks$x$total[1L] + colSums(shift^2)
  out$x$square <- rep(blocks$x$square[1L], m)
  out$x$rounding <- rep(blocks$x$rounding[1L], m)
  out$t_y <- less(blocks$t_y, blocks$t_x)
  out$w_xy <- rotated[seq_len(p), , drop = FALSE]
  out$w_yy <- blocks$w_yy[1L] + rotated[p + 1L, ]^2
  out$rest_y <- less(blocks$rest_y, blocks$rest_x)
  if (length(blocks$rows)) out$rows$y <- less(blocks$rows$y, blocks$rows$x)
  out
}
