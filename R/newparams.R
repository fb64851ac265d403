# Parameters other than the estimates, by position as in lme4 or by name: what simulate(newparams = ) draws from.

# The fit with other values of fixed effects and variance parameters; its conditional modes stay as they are.
with_parameters <- function(fit, newparams) {
  if (is.null(newparams)) return(fit)
  refuse_iterative(fit, "`newparams` is")
  if (is_structured(fit)) return(with_structured_parameters(fit, newparams))
  refuse_special(fit_frame(fit), "`newparams` is")
  given <- parameter_list(newparams)
  names <- names(fit_beta(fit))
  known <- known_parameters(fit_frame(fit))
  unknown <- setdiff(names(given), c("beta", "theta", "sigma", names, known$name))
  if (length(unknown)) abort_unknown_parameter(unknown, c("beta", "theta", "sigma", names, unique(known$shown)))
  fit$estimates$beta <- new_coefficients(fit_beta(fit), given)
  sigma <- c(given[["sigma"]], if (!is.null(given[["sigma^2"]])) sqrt(given[["sigma^2"]]), fit_sigma(fit))[1L]
  relative <- if (is.null(given$theta)) fit_theta(fit) else new_theta(fit, given$theta)
  covariance <- lapply(unstack_factors(fit, relative), function(L) tcrossprod(L) * sigma^2)
  # also those of a fit without residual
  if (is.null(given$theta) && identical(sigma, fit_sigma(fit))) covariance <- fit_covariance(fit)
  rows <- known[match(names(given), known$name), ]
  rows$value <- vapply(given, `[`, 0, 1L)
  rows <- rows[!is.na(rows$name) & rows$term > 0L, ]
  for (t in unique(rows$term)) {
    covariance[[t]] <- named_covariance(fit_covariance(fit)[[t]], rows[rows$term == t, ], fit_random(fit)[[t]]$label)
  }
  fit$estimates$sigma <- sigma
  fit$estimates$covariance <- covariance
  fit$estimates$theta <- stack_factors(fit, lapply(covariance, function(S) lower_factor(S) / sigma))
  fit$optimum$zero_sigma <- FALSE
  fit
}

# The same with a residual structure, whose parameters go by their names; there is no `theta`.
with_structured_parameters <- function(fit, newparams) {
  refuse_special(fit_frame(fit), "`newparams` is")
  given <- parameter_list(newparams)
  known <- known_parameters(fit_frame(fit))
  own <- lapply(c(sd = "sd", variance = "variance"), function(scale) scaled_residual_parameters(fit, scale))
  names <- c("beta", names(fit_beta(fit)), known$name, own$sd$name, own$variance$name)
  unknown <- setdiff(names(given), names)
  if (length(unknown)) abort_unknown_parameter(unknown, unique(names))
  fit$estimates$beta <- new_coefficients(fit_beta(fit), given)
  asked <- c(given[["sigma"]], if (!is.null(given[["sigma^2"]])) sqrt(given[["sigma^2"]]))[1L]
  ratio <- if (is.null(asked) || isTRUE(fit_blocks(fit)$owns_scale)) 1
           else exp(log(asked) - log(fit_sigma(fit)) - log_sigma_shift(fit))
  psi <- own$variance$estimate
  for (scale in names(own)) for (k in which(own[[scale]]$name %in% names(given))) {
    psi[k] <- given[[own[[scale]]$name[k]]]^(if (own[[scale]]$root[k]) 2 else 1)
  }
  rows <- known[match(names(given), known$name), ]
  rows$value <- vapply(given, `[`, 0, 1L)
  rows <- rows[!is.na(rows$name) & rows$term > 0L, ]
  covariance <- lapply(fit_covariance(fit), `*`, ratio^2)
  for (t in unique(rows$term)) {
    covariance[[t]] <- named_covariance(fit_covariance(fit)[[t]], rows[rows$term == t, ], fit_random(fit)[[t]]$label)
  }
  fit$estimates$covariance <- covariance
  # sigma at the centers of the variance function follows its coefficients
  fit$estimates$sigma <- fit_sigma(fit) * ratio * exp(log_sigma_shift(fit) - log_sigma_shift(fit, psi))
  fit$optimum$psi <- psi / ifelse(absolute_kinds(own$variance$kind, fit), fit_sigma(fit)^2, 1)
  fit
}

# A named list of numbers, from a list or a vector.
parameter_list <- function(newparams) {
  given <- as.list(newparams)
  numbers <- vapply(given, function(x) is.numeric(x) && length(x) && all(is.finite(x)), NA)
  if (length(given) && !is.null(names(given)) && all(nzchar(names(given))) && !anyDuplicated(names(given)) &&
      all(numbers)) {
    long <- lengths(given) > 1L & !names(given) %in% c("beta", "theta")
    if (!any(long)) return(check_scales(given))
    lmm_abort("input", paste0("`newparams` gives more than one number for ", enumerate(quote_name(names(given)[long])),
                              "."), what = names(given)[long])
  }
  lmm_abort("input", paste0("`newparams` must be a list or vector of finite numbers with different names, not ",
                            describe_value(newparams), "."),
            what = "newparams", fix = "For example list(beta = c(250, 10), theta = 1, sigma = 25), or c(Days = 5).")
}

check_scales <- function(given) {
  scale <- grepl("^(sd_|var_|sigma)", names(given))
  bad <- scale & vapply(given, function(x) x[1L] < 0, NA)
  if (any(bad)) lmm_abort("input", paste0(quote_name(names(given)[bad][1L]), " must not be negative."),
                          what = names(given)[bad])
  given
}

abort_unknown_parameter <- function(unknown, known) {
  near <- nearest_name(unknown[1L], known)
  lmm_abort("input", paste0("`newparams` names ", enumerate(quote_name(unknown)),
                            ", which is not a parameter of the model."), what = unknown,
            fix = if (is.null(near)) paste0("There are ", enumerate(quote_name(known), 20L),
                                            ".") else paste0("Did you mean ", quote_name(near), "?"))
}

# `beta` without names is all of them (or all estimable ones) in order; with names, and single coefficients, some of
# them.
new_coefficients <- function(beta, given) {
  all <- given[["beta"]]
  if (!is.null(all) && is.null(names(all))) {
    at <- if (length(all) == length(beta)) seq_along(beta) else which(!is.na(beta))
    if (length(all) != length(at)) {
      lmm_abort("input", paste0("`beta` in `newparams` must have ", count_of(length(beta), "number"), ", not ",
                                length(all), "."), what = "beta",
                value = length(all),
                fix = paste0("The fixed effects are ", enumerate(quote_name(names(beta)), 20L), "."))
    }
    beta[at] <- all
  } else if (!is.null(all)) {
    unknown <- setdiff(names(all), names(beta))
    if (length(unknown)) abort_unknown_parameter(unknown, names(beta))
    beta[names(all)] <- all
  }
  for (name in setdiff(intersect(names(given), names(beta)), c("beta", "theta", "sigma"))) beta[[name]] <- given[[name]]
  beta
}

new_theta <- function(fit, theta) {
  size <- length(fit_theta(fit))
  if (length(theta) != size) {
    lmm_abort("input", paste0("`theta` in `newparams` must have ", count_of(size, "number"), ", not ", length(theta),
                              "."), what = "theta",
              value = length(theta), fix = paste0("They are ", enumerate(quote_name(theta_names(fit)), 20L), "."))
  }
  unname(theta)
}

# One term's covariance matrix with some standard deviations, variances and correlations replaced.
named_covariance <- function(S, rows, label) {
  sd <- sqrt(diag(S))
  R <- as_correlation(S)
  R[is.na(R)] <- 0
  own <- !rows$correlation
  sd[rows$row[own]] <- ifelse(rows$squared, sqrt(rows$value), rows$value)[own]
  at <- cbind(rows$row, rows$col)[!own, , drop = FALSE]
  R[at] <- R[at[, 2:1, drop = FALSE]] <- rows$value[!own]
  least <- min(eigen(R, symmetric = TRUE, only.values = TRUE)$values)
  if (anyNA(sd) || any(abs(R) > 1) || least < -1e-10 * nrow(R)) {
    lmm_abort("input", paste0("the values in `newparams` make no covariance matrix of (", label, ")."), what = label,
              fix = "Standard deviations are not negative, and correlations together must be possible.")
  }
  R * outer(sd, sd)
}
