# The fit: its accessors and its short print. Code outside the fitter reads a fit through these
# functions only, never fit$estimates or fit$optimum.

# Fixed-effect estimates; NA for coefficients that other columns determine.
fit_beta <- function(fit) fit$estimates$beta

fit_estimable <- function(fit) !is.na(fit$estimates$beta)

# Matrix (estimable columns x columns without estimate): the latter as combinations of the former.
fit_aliases <- function(fit) fit$cross_products$x$alias[, !fit_estimable(fit), drop = FALSE]

# Covariance matrix of the estimable coefficients.
fit_vcov <- function(fit) fit$estimates$vcov

fit_sigma <- function(fit) fit$estimates$sigma

# What a user is shown: 0 where the search let the residual variance vanish (fit_sigma() is then as far as it went).
fit_shown_sigma <- function(fit) if (isTRUE(fit$optimum$zero_sigma)) 0 else fit_sigma(fit)

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

# What a function of the parameters is given: list(covariance by term, sigma, beta); with structures of random effects
# also `natural`, with a residual structure `residual`, its parameters by name.
fit_state <- function(fit) {
  out <- list(covariance = stats::setNames(fit_covariance(fit), fit_term_names(fit)), sigma = fit_shown_sigma(fit),
              beta = fit_beta(fit))
  if (has_special(fit)) out$natural <- fit_natural(fit)
  if (is_structured(fit)) {
    own <- residual_parameters(fit)
    out$residual <- stats::setNames(own$estimate, own$name)
  }
  out
}

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

fit_term_names <- function(fit) vapply(fit_random(fit), `[[`, "", "name")

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
                          "For anything else, fit a data frame."))
  }
  if (is.null(fit$rows)) {
    lmm_abort("input", paste0(purpose, " needs the rows of the data, but the fit does not hold them."),
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

# What has no meaning when a variance is negative is refused.
refuse_indefinite <- function(fit) {
  if (!fit_is_indefinite(fit)) return(invisible())
  lmm_abort("input", paste("this fit has a covariance matrix of random effects that is not positive semidefinite",
                           "(bounded = FALSE): such effects cannot be drawn or factored."), what = "bounded",
            fix = "Refit with bounded = TRUE.")
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

# Prior weights, and which rows they leave in the fit.
row_weights <- function(rows) if (is.null(rows$weights)) rep(1, rows$n) else as.vector(rows$weights)

used_rows <- function(rows) if (is.null(rows$weights)) rep(TRUE, rows$n) else rows$weights > 0

# Row names of the data behind `rows`; as.character() of an integer is not expanded until it is read.
row_labels <- function(rows) as.character(attr(rows$data, "row.names"))

# A value per row that was used -> a value per row of the data, where na.action asks for that.
pad_rows <- function(value, rows, names = TRUE) {
  if (names) names(value) <- row_labels(rows)
  stats::naresid(attr(rows$data, "na.action"), value)
}

# ---- print ----

#' @export
print.lmm_fit <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print_title(fit_method(x))
  print_call(x$call, stats::formula(x), most = 32L)
  print_criterion(criterion_table(x), digits = 4L)
  print_variances(VarCorr(x), digits)
  print_held(held_names(x))
  own <- shown_residual(x)
  print_residual(own$title, own$table, digits)
  print_counts(fit_nobs(x), ngrps(x))
  print_fixed(fit_beta(x), digits)
  print_conditions(x$conditions)
  invisible(x)
}

# Under a heading of their own; nothing where the structure of the residuals holds all variances.
print_variances <- function(varcor, digits, ...) {
  if (length(varcor)) cat("Random effects:\n") else if (attr(varcor, "useSc")) cat("Residual variance:\n")
  print(varcor, digits = digits, ...)
}

# Hundreds of coefficients are no use in a short print: the first few and where to find the rest.
print_fixed <- function(beta, digits, most = 6L) {
  if (!length(beta)) {
    cat("No fixed effect coefficients\n")
    return(invisible())
  }
  cat("Fixed Effects:\n")
  shown <- format(beta, digits = digits)
  width <- max(nchar(names(beta)), nchar(shown)) + 2L
  shown <- shown[seq_len(min(length(beta), most * max(1L, getOption("width") %/% width)))]
  print.default(shown, print.gap = 2L, quote = FALSE)
  rest <- length(beta) - length(shown)
  if (rest > 0L) cat("... and ", rest, " more; see fixef()\n", sep = "")
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
