# The fit: its accessors. Other files read a fit through these functions only; those that make or mend one
# (fit_model_frame.R, optimum.R, lmm.R, whole_fit.R) know its slots.

fit_call <- function(fit) fit$call

# What was asked, see model_spec(), and how rows are read, see model_frame().
fit_spec <- function(fit) fit$spec
fit_frame <- function(fit) fit$frame

# Rows, or NULL where they were not kept (fit_rows() is for those who need them); what a fit without rows keeps of them.
fit_stored_rows <- function(fit) fit$rows
fit_row_prints <- function(fit) fit$row_prints

# The table of cells that a fit was made from, and data that cannot be found otherwise.
fit_cells <- function(fit) fit$cells
fit_data <- function(fit) fit$data
fit_origin <- function(fit) fit$origin

# Cross-products, how the search ended and the estimates, as the engine gave them: in its coordinates but for the last.
fit_blocks <- function(fit) fit$cross_products
fit_optimum <- function(fit) fit$optimum

fit_control <- function(fit) fit$control
fit_conditions <- function(fit) fit$conditions
fit_version_text <- function(fit) fit$version

# Fixed-effect estimates; NA for coefficients that other columns determine.
fit_beta <- function(fit) fit$estimates$beta

fit_estimable <- function(fit) !is.na(fit$estimates$beta)

# Matrix (estimable columns x columns without estimate): the latter as combinations of the former.
fit_aliases <- function(fit) fit$cross_products$x$alias[, !fit_estimable(fit), drop = FALSE]

# Covariance matrix of the estimable coefficients.
fit_vcov <- function(fit) fit$estimates$vcov

fit_sigma <- function(fit) fit$estimates$sigma

# log of what the sigma of the fit is multiplied by for users, see residual_origin.R.
log_sigma_shift <- function(fit, psi = fit_psi(fit)) log_shift(sigma_shift(fit_frame(fit)$residual), psi)

sigma_at_zero <- function(fit, psi = fit_psi(fit)) exp(log_sigma_shift(fit, psi))

# 0 where the search let the residual variance vanish (fit_sigma() is then as far as it went).
fit_limit_sigma <- function(fit) if (isTRUE(fit$optimum$zero_sigma)) 0 else fit_sigma(fit)

# What a user is shown.
fit_shown_sigma <- function(fit) fit_limit_sigma(fit) * sigma_at_zero(fit)

# Relative Cholesky parameters, term by term.
fit_theta <- function(fit) fit$estimates$theta

# List per random term: covariance matrix of its columns, on the scale of the response.
fit_covariance <- function(fit) fit$estimates$covariance

# List per random term: natural parameters of structures that are not a triangle or a diagonal, in the user's units;
# else NULL.
fit_natural <- function(fit) {
  if (is.null(fit$estimates$natural)) vector("list", length(fit_random(fit))) else fit$estimates$natural
}

# List per random term: conditional modes, levels x columns.
fit_modes <- function(fit) fit$estimates$b

# -2 log (restricted) likelihood at the optimum.
fit_criterion <- function(fit) fit$estimates$criterion

# log|X'V^-1X| of the estimable columns, with sigma^2 = 1.
fit_log_det_x <- function(fit) fit$estimates$log_det_x

fit_nobs <- function(fit) fit$estimates$n

fit_rank <- function(fit) fit$estimates$rank

# Without fixed effects there is nothing to restrict: REML and ML are the same criterion.
fit_is_reml <- function(fit) isTRUE(fit$spec$reml) && fit_rank(fit) > 0L

# Terms and grouping factors in the order of the parameters.
fit_random <- function(fit) fit$frame$random
fit_groups <- function(fit) fit$frame$groups

fit_term_names <- function(fit) term_names(fit_random(fit))

# The variance parameters as a table, see frame_parameters().
variance_parameters <- function(fit) frame_parameters(fit$frame)

# Index of the grouping factor of each term.
fit_term_groups <- function(fit) vapply(fit_random(fit), function(term) as.integer(term$group), 0L)

fit_group_levels <- function(fit, group) fit_groups(fit)[[group]]$levels

# Logical per random term: does its covariance matrix have a smaller rank than its structure allows?
fit_singular <- function(fit) as.logical(fit$optimum$singular)

# The rows behind the fit, or an error that says who needs them.
fit_rows <- function(fit, purpose) {
  if (is.null(fit$rows) && !is.null(fit$cells)) {
    lmm_abort("input", paste0(purpose, " needs the rows of the data, but the fit was made from cross-products."),
              what = "rows",
              fix = paste("residuals(), fitted(), hatvalues(), rstandard(), cooks.distance() and vcov(cluster = )",
                          "accept the rows again: residuals(fit, data = ); predict() takes them as newdata =.",
                          "For anything else, refit the model to a data frame."))
  }
  if (is.null(fit$rows)) {
    lmm_abort("input", paste0(purpose, " needs the rows of the data, but the fit does not keep them."),
              what = "rows", fix = "Fit with lmm_control(keep_rows = TRUE).")
  }
  fit$rows
}

# May covariance matrices of the random terms be indefinite?
fit_is_bounded <- function(fit) !isFALSE(fit$frame$bounded)

# Has any of them a negative variance, or a correlation beyond 1?
fit_is_indefinite <- function(fit) {
  !fit_is_bounded(fit) && any(vapply(fit_covariance(fit), function(S) {
    size <- sqrt(abs(diag(S)))
    size[size == 0] <- 1
    any(diag(S) < 0) || min(eigen(S / outer(size, size), symmetric = TRUE, only.values = TRUE)$values) < -1e-10
  }, NA))
}

# What has no meaning when a variance is negative is refused. `fix`: what the caller has in its place.
refuse_indefinite <- function(fit, fix = "Refit with bounded = TRUE.") {
  if (!fit_is_indefinite(fit)) return(invisible())
  lmm_abort("input", paste("this fit has a covariance matrix of random effects that is not positive semidefinite",
                           "(bounded = FALSE): there is no distribution of the random effects to condition on or",
                           "to draw from."), what = "bounded", fix = fix)
}

# Methods whose theory has a bound at zero; `what` with its verb.
refuse_unbounded <- function(fit, what, fix = "Use method = \"Wald\", or refit with bounded = TRUE.") {
  if (fit_is_bounded(fit)) return(invisible())
  lmm_abort("input", paste0(what, " not available for a fit with bounded = FALSE."), what = "bounded", fix = fix)
}

# List per random term: lower triangular factor L with covariance sigma^2 L L'.
fit_factors <- function(fit) {
  if (!fit_is_bounded(fit)) return(lapply(fit_covariance_factors(fit), `/`, fit_sigma(fit)))
  unstack_factors(fit, fit_theta(fit))
}

# theta, of the user or of the engine, <-> list of lower triangular factors of the terms.
unstack_factors <- function(fit, theta) {
  end <- 0L
  lapply(fit_random(fit), function(term) {
    if (is_special(term)) {
      end <<- end + term_size(term)
      return(lower_factor(special_sigma(term, theta[end - term_size(term) + seq_len(term_size(term))])))
    }
    L <- matrix(0, term$q, term$q)
    place <- if (is_diagonal(term)) diag(term$q) == 1 else lower.tri(L, diag = TRUE)
    L[place] <- theta[end + seq_len(sum(place))]
    end <<- end + sum(place)
    L
  })
}

stack_factors <- function(fit, factors) {
  unlist(Map(function(L, term) if (is_diagonal(term)) diag(L) else L[lower.tri(L, diag = TRUE)], factors,
             fit_random(fit)), use.names = FALSE)
}

# List per random term: lower triangular factor of its covariance matrix. Exists even where sigma is zero.
fit_covariance_factors <- function(fit) {
  refuse_indefinite(fit)
  lapply(fit_covariance(fit), lower_factor)
}

# With a residual variance of zero the fit is exact, and nothing can be put in units of sigma.
fit_is_exact <- function(fit) !isTRUE(fit_sigma(fit) > 0)

# Stops where there is nothing to compare: "a profile", "a likelihood ratio test", "the bootstrap", ...
check_not_exact <- function(fit, purpose) {
  if (!fit_is_exact(fit)) return(invisible())
  lmm_abort("unidentified", paste0("the residual variance is zero: ", purpose, " has no meaning."),
            what = fit$frame$response, value = 0)
}

# Why limits and standard errors are NA.
report_exact <- function(fit) {
  if (!fit_is_exact(fit)) return(invisible())
  lmm_inform("limits", paste("the residual variance is zero to working precision: there are no standard",
                             "errors and no limits."),
             what = fit_frame(fit)$response, value = 0)
}

# A value per row that was used -> a value per row of the data, where na.action asks for that.
pad_rows <- function(value, rows, names = TRUE) {
  if (names) names(value) <- row_labels(rows)
  stats::naresid(attr(rows$data, "na.action"), value)
}

print_conditions <- function(conditions) {
  if (!length(conditions)) return(invisible())
  text <- unique(vapply(conditions, conditionMessage, ""))
  rank <- vapply(conditions, inherits, NA, "lmm_message_rank")[!duplicated(vapply(conditions, conditionMessage, ""))]
  if (any(rank)) cat("fit warnings:\n")
  writeLines(trimws(c(text[rank], text[!rank]), "right"))
}

#' @export
format.lmm_fit <- function(x, ...) {
  paste0("<lmm_fit: ", deparse_line(stats::formula(x)), ">")
}

#' @export
str.lmm_fit <- function(object, ...) {
  cat(format(object), "\n", sep = "")
  utils::str(unclass(object), max.level = 1L, give.attr = FALSE)
  invisible()
}

is_structured <- function(fit) !is.null(fit$frame$residual)

fit_structured_model <- function(fit) structured_model(fit$cross_products, fit$spec$reml, TRUE)

# Estimates of the residual parameters, in the engine's order.
fit_psi <- function(fit) fit$optimum$psi

variance_estimates <- function(fit, scale = "sd", parameters = variance_parameters(fit)) {
  out <- parameter_values(parameters, fit_covariance(fit), fit_sigma(fit) * sigma_at_zero(fit), scale)
  for (k in which(parameters$kind %in% c("range", "loading", "specific"))) {
    term <- fit_random(fit)[[parameters$term[k]]]
    own <- fit_natural(fit)[[parameters$term[k]]][parameter_keys(term) == own_key(parameters[k, ])]
    out[k] <- if (parameters$kind[k] == "specific" && scale == "sd") sqrt(own) else own
  }
  out
}

has_special <- function(fit) any(vapply(fit_frame(fit)$random, is_special, NA))
