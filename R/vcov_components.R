# Standard errors of variance parameters, from the information matrices of the natural parameters.

#' Standard errors and covariance matrix of variance parameters
#'
#' The inverse of the information about the variance parameters of all random terms and the residual.
#'
#' The natural parameters are the variances and covariances; `scale = "sd"` follows by the delta method. The information
#' is `"observed"` (the Hessian of the criterion that was optimized), `"expected"` (Fisher) or `"average"` (the mean of
#' the two for REML; Gilmour, Thompson and Cullis 1995), all in closed form.
#'
#' A parameter on its boundary has no standard error: a variance estimated as 0 and all covariances with it, and a
#' correlation of 1 or -1, are `NA`, and attribute `"reason"` says why. The others are computed with the rank of the
#' singular covariance matrix fixed, as if the parameter on the boundary had been left out of the model.
#'
#' @param fit a fit made by [lmm()].
#' @param scale `"variance"`: variances and covariances; `"sd"`: standard deviations and correlations.
#' @param information which information matrix to invert.
#' @param ... not used.
#' @return `vcov_components()` a symmetric matrix with a row per parameter, in the order of `variance_components()`, the
#'   residual last; units are products of those of the parameters. `variance_components()` a data frame with columns
#'   `grp`, `var1`, `var2`, `estimate`, `se`, `df` (Satterthwaite's degrees of freedom `2 (estimate / se)^2` of a
#'   variance) and `reason`; for a fit by the iterative solver also `mc.error`, twice the Monte Carlo error.
#' @section Conditions:
#' `lmm_error_input`: an unknown `scale` or `information`, or anything but a fit; `lmm_error_numeric`: more than 20000
#' effects of crossed factors. `lmm_error_solver`: a fit by the iterative solver has the average information alone.
#' @references Searle, Casella and McCulloch (1992) *Variance Components*, chapter 6. Gilmour, Thompson and Cullis
#'   (1995) Biometrics 51, 1440-1450.
#' @seealso [VarCorr][VarCorr.lmm_fit], [confint][confint.lmm_fit], [quantity()].
#' @concept standard error of a variance
#' @concept variance components
#' @concept information matrix
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' vcov_components(fit)
#' variance_components(fit, scale = "sd")
#' @export
vcov_components <- function(fit, scale = c("variance", "sd"), information = c("observed", "expected", "average"), ...) {
  check_fit(fit)
  if (missing(information)) information <- default_information(fit)
  check_information(fit, information)
  if (is_structured(fit)) return(structured_component_covariance(fit, scale[1L], information[1L]))
  found <- component_errors(fit, scale, information)
  C <- outer(found$se, found$se) * found$correlation
  lost <- is.na(found$reason) & (!is.finite(diag(C)) | diag(C) == 0)
  found$reason[lost] <-
    paste("the square of its standard error is outside the range of double precision;",
          "change the unit of the response or covariate")
  C[!is.na(found$reason), ] <- NA_real_
  C[, !is.na(found$reason)] <- NA_real_
  names <- parameter_names(found$parameters, old = FALSE, scale = found$scale)
  dimnames(C) <- list(names, names)
  if (!all(is.na(found$reason))) attr(C, "reason") <- stats::setNames(found$reason, names)[!is.na(found$reason)]
  C
}

#' @rdname vcov_components
#' @export
variance_components <- function(fit, scale = c("variance", "sd"), information = c("observed", "expected", "average"),
                                ...) {
  check_fit(fit)
  if (missing(information)) information <- default_information(fit)
  check_information(fit, information)
  if (is_structured(fit)) {
    return(structured_components(fit, check_choice(scale[1L], c("variance", "sd"), "scale"),
                                 check_choice(information[1L], c("observed", "expected", "average"), "information")))
  }
  found <- component_errors(fit, scale, information)
  parameters <- found$parameters
  estimate <- variance_estimates(fit, found$scale, parameters)
  estimate[parameters$term == 0L] <- fit_shown_sigma(fit)^(if (found$scale == "sd") 1 else 2)
  z <- estimate / found$se
  df <- ifelse(!parameters$kind %in% c("variance", "specific") | (!is.na(estimate) & estimate < 0), NA_real_,
               2 * (if (found$scale == "sd") z / 2 else z)^2)
  out <- data.frame(parameters[c("grp", "var1", "var2")], estimate = estimate, se = found$se, df = df,
                    reason = found$reason,
                    row.names = parameter_names(parameters, old = FALSE, scale = found$scale))
  out$mc.error <- monte_carlo_errors(fit, found$scale, parameters)
  structure(with_held_components(out, fit, found$scale), class = c("variance_components", "data.frame"))
}

#' @export
print.variance_components <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  shown <- as.data.frame(x)
  class(shown) <- "data.frame"
  reason <- shown$reason
  shown <- shown[names(shown) != "reason"]
  numbers <- vapply(shown, is.numeric, NA)
  shown[!numbers] <- lapply(shown[!numbers], function(text) ifelse(is.na(text), "", text))
  print(shown, digits = digits, row.names = FALSE, ...)
  for (text in unique(reason[!is.na(reason)])) cat("NA: ", text, "\n", sep = "")
  invisible(x)
}

# Without a factorization, and where traces are too expensive, there is the average information alone.
check_information <- function(fit, information) {
  if (has_average_information(fit) && !identical(information[1L], "average")) {
    lmm_abort("numeric", paste0("with ", count_of(effects_of_crossed_factors(fit), "random effect"), ", information = ",
                                quote_level(information[1L]), " is too expensive."), what = "information",
              value = information[1L], fix = "Use information = \"average\".")
  }
  if (!identical(information[1L], "average")) refuse_iterative(fit, paste0("information = ",
                                                                           quote_level(information[1L]), " is"))
}

# Standard errors of the variance parameters, their correlations, and reasons where there are none. Covariances are left
# to the caller: a product of two standard errors has the fourth power of the response's unit.
component_errors <- function(fit, scale = "variance", information = "observed") {
  scale <- match_word(scale[1L], c("variance", "sd"), "scale")
  information <- match_word(information[1L], c("observed", "expected", "average"), "information")
  if (fit_is_iterative(fit)) information <- "average"
  parameters <- variance_parameters(fit)
  at <- parameter_positions(fit, parameters)
  found <- natural_errors(fit, information)
  found <- list(se = found$se[at], correlation = found$correlation[at, at, drop = FALSE])
  known <- parameter_names(parameters, old = FALSE) %in% held_names(fit) & !parameters$correlation
  found$se[known] <- found$correlation[known, ] <- found$correlation[, known] <- 0         # but for rounding
  if (scale == "sd") {
    found <- transformed_errors(sd_slopes(fit, parameters) * rep(found$se, each = length(at)), found$correlation)
  }
  reason <- boundary_reasons(fit, parameters, scale, found$se)
  found$se[!is.na(reason)] <- NA_real_
  c(found, list(parameters = parameters, scale = scale, reason = reason))
}

# The same for the natural parameters: entries of each term's covariance matrix column by column, then sigma^2, in the
# user's units.
natural_errors <- function(fit, information) {
  maps <- natural_maps(fit)
  k <- sum(vapply(maps, nrow, 0L)) + 1L
  if (fit_is_exact(fit)) return(list(se = rep(NA_real_, k), correlation = matrix(NA_real_, k, k)))
  out <- transformed_errors(block_diagonal(c(maps, list(matrix(1)))), natural_covariance(fit, information))
  out$se <- out$se * fit_sigma(fit)^2
  out
}

# Covariance matrix of the natural parameters in the engine's coordinates, relative to sigma^2.
natural_covariance <- function(fit, information, info = derivatives_at(fit, information == "average")) {
  J <- tangent_directions(info$jacobian)
  M <- switch(information, expected = if (fit_is_reml(fit)) info$t else info$t_ml, average = info$ai,
              observed_curvature(info, fit_is_reml(fit)))
  full <- rbind(cbind(J$natural, 0), c(rep(0, ncol(J$natural)), 1))
  if (isTRUE(fit_optimum(fit)$zero_sigma)) full <- full[, -ncol(full), drop = FALSE]
  H <- crossprod(full, M %*% full)
  own <- seq_len(ncol(J$theta))
  if (information == "observed") H[own, own] <- H[own, own] + crossprod(J$theta, info$curvature %*% J$theta)
  free <- free_directions(info, full)
  full <- full %*% free
  full %*% (2 * scaled_inverse(crossprod(free, H %*% free))) %*% t(full)
}

# Standard errors and correlations of A x for x with covariance matrix C; the rows of A may have any unit.
transformed_errors <- function(A, C) {
  size <- row_sizes(A)
  out <- (A / size) %*% C %*% t(A / size)
  variance <- diag(out)
  variance[is.na(variance) | variance < 0] <- NA_real_
  correlation <- out / outer(sqrt(variance), sqrt(variance))
  correlation[is.nan(correlation)] <- 0
  list(se = size * sqrt(variance), correlation = correlation)
}

# Directions of theta in which the natural parameters move: all where no estimate is singular. Held are those that
# change them in second order only (a factor's zero column) or not at all (its rotations).
tangent_directions <- function(jacobian) {
  d <- svd(jacobian / pmax(1, sqrt(rowSums(jacobian^2))))       # large variances beside correlations
  use <- d$d > 1e-6 * max(d$d, 1)
  list(theta = d$v[, use, drop = FALSE], natural = jacobian %*% d$v[, use, drop = FALSE])
}

# Inverse of a positive definite matrix; NA where it is not.
scaled_inverse <- function(H) {
  size <- sqrt(pmax(diag(H), 0))
  root <- if (all(size > 0)) tryCatch(chol(H / outer(size, size)), error = function(e) NULL)
  if (is.null(root)) return(matrix(NA_real_, nrow(H), ncol(H)))
  chol2inv(root) / outer(size, size)
}

# For each term the map from the engine's natural parameters to those that are listed, times sigma^2 in the user's
# units.
natural_maps <- function(fit) {
  Map(function(t, term, basis) if (is_special(term)) special_map(fit, t) else vech_map(basis, term),
      seq_along(fit_random(fit)),
      fit_random(fit), fit_blocks(fit)$z_basis)
}

# Lower triangle of S -> lower triangle of B S B', column by column; the diagonal only for a diagonal structure.
vech_map <- function(B, term) {
  B <- as.matrix(B)
  at <- term_entries(term)
  out <- matrix(0, nrow(at), nrow(at))
  for (k in seq_len(nrow(at))) {
    E <- matrix(0, term$q, term$q)
    E[at[k, 1L], at[k, 2L]] <- E[at[k, 2L], at[k, 1L]] <- 1
    out[, k] <- (B %*% E %*% t(B))[at]
  }
  out
}

block_diagonal <- function(blocks) {
  size <- vapply(blocks, nrow, 0L)
  out <- matrix(0, sum(size), sum(size))
  end <- cumsum(size)
  for (k in seq_along(blocks)) {
    i <- end[k] - size[k] + seq_len(size[k])
    out[i, i] <- blocks[[k]]
  }
  out
}

# Place of each listed parameter among the natural ones.
parameter_positions <- function(fit, parameters) {
  own <- function(term, t) if (length(keys <- parameter_keys(term))) paste(t, keys)     # none where all are held
  entries <- c(unlist(Map(own, fit_random(fit), seq_along(fit_random(fit)))), "0 1 1 variance")
  match(paste(parameters$term, own_key(parameters)), entries)
}

# d(standard deviations and correlations) / d(variances and covariances), in the order of the list.
sd_slopes <- function(fit, parameters) {
  value <- variance_estimates(fit, "variance", parameters)
  D <- diag(nrow(parameters))
  place <- function(t, i) which(parameters$term == t & parameters$row == i & parameters$col == i)
  for (k in seq_len(nrow(parameters))) {
    if (!parameters$correlation[k]) {
      D[k, k] <- if (parameters$kind[k] %in% c("variance", "specific")) 1 / (2 * real_root(value[k])) else 1
      next
    }
    at <- c(place(parameters$term[k], parameters$row[k]), place(parameters$term[k], parameters$col[k]))
    size <- prod(real_root(value[at]))
    D[k, k] <- 1 / size
    D[k, at] <- -value[k] / size / (2 * value[at])
  }
  D[!is.finite(D)] <- 0
  D
}

# Why a parameter has no standard error; NA where it has one.
boundary_reasons <- function(fit, parameters, scale, se) {
  sd <- variance_estimates(fit, "sd", parameters)
  reason <- ifelse(is.na(se), "the information matrix is not positive definite", NA_character_)
  if (fit_is_exact(fit)) reason[] <- "the residual variance is zero"
  singular <- c(fit_singular(fit),
                FALSE)[ifelse(parameters$term == 0L, length(fit_singular(fit)) + 1L, parameters$term)]
  zero <- parameters$term > 0L & parameters$kind %in% c("variance", "specific") & !is.na(sd) & sd == 0
  of_zero <- parameters$correlation & vapply(seq_len(nrow(parameters)), function(k) {
    any(zero & parameters$term == parameters$term[k] & parameters$row %in% c(parameters$row[k], parameters$col[k]))
  }, NA)
  reason[zero] <- "the variance is estimated as 0, its boundary"
  if (fit_shown_sigma(fit) == 0 &&
      !fit_is_exact(fit)) reason[parameters$term == 0L] <- "the residual variance is estimated as 0, its boundary"
  reason[of_zero] <- "a variance is estimated as 0"
  one <- parameters$correlation & singular & !is.na(sd) & abs(sd) >= 1 - 1e-7
  reason[special_bounds(fit, parameters)] <- "the parameter is estimated at its bound"
  if (scale == "sd") {
    reason[one] <- "the correlation is on its boundary"
    reason[is.na(sd) & !parameters$correlation] <- "the variance is negative and has no standard deviation"
  }
  known <- parameter_names(parameters, old = FALSE) %in% held_names(fit)
  if (scale == "variance") known <- known & !moving_covariance(parameters, known)
  reason[known] <- "the parameter is fixed at a known value"
  reason
}

# Listed parameters of special terms that are at a bound.
special_bounds <- function(fit, parameters) {
  parameters$term > 0L & parameters$kind %in% c("rho", "range") & vapply(seq_len(nrow(parameters)), function(k) {
    if (parameters$term[k] == 0L) return(FALSE)
    term <- fit_random(fit)[[parameters$term[k]]]
    if (!is_special(term)) return(FALSE)
    at_bound(term, fit_natural(fit)[[parameters$term[k]]])[parameter_keys(term) == own_key(parameters[k, ])]
  }, NA)
}

# Covariances whose correlation is held while a standard deviation is not.
moving_covariance <- function(parameters, known) {
  parameters$correlation & vapply(seq_len(nrow(parameters)), function(k) {
    ends <- parameters$term == parameters$term[k] & !parameters$correlation &
      parameters$row %in% c(parameters$row[k], parameters$col[k])
    !all(known[ends])
  }, NA)
}
