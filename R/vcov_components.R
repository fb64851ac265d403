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
#' singular covariance matrix held, as if the parameter on the boundary had been left out of the model.
#'
#' @param fit a fit made by [lmm()].
#' @param scale `"variance"`: variances and covariances; `"sd"`: standard deviations and correlations.
#' @param information which information matrix to invert.
#' @return `vcov_components()` a matrix. `variance_components()` a data frame with columns `grp`, `var1`, `var2`,
#'   `estimate`, `se`, `df` (Satterthwaite's degrees of freedom `2 (estimate / se)^2` of a variance) and `reason`.
#' @references Searle, Casella and McCulloch (1992) *Variance Components*, chapter 6.
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' vcov_components(fit)
#' variance_components(fit, scale = "sd")
#' @export
vcov_components <- function(fit, scale = c("variance", "sd"), information = c("observed", "expected", "average")) {
  scale <- check_choice(scale[1L], c("variance", "sd"), "scale")
  information <- check_choice(information[1L], c("observed", "expected", "average"), "information")
  parameters <- variance_parameters(fit)
  C <- component_covariance(fit, information)
  C <- C[parameter_positions(fit, parameters), parameter_positions(fit, parameters), drop = FALSE]
  if (scale == "sd") {
    D <- sd_slopes(fit, parameters)
    C <- D %*% C %*% t(D)
  }
  reason <- boundary_reasons(fit, parameters, scale, diag(C))
  C[!is.na(reason), ] <- NA_real_
  C[, !is.na(reason)] <- NA_real_
  names <- parameter_names(parameters, old = FALSE, scale = scale)
  dimnames(C) <- list(names, names)
  if (!all(is.na(reason))) attr(C, "reason") <- stats::setNames(reason, names)[!is.na(reason)]
  C
}

#' @rdname vcov_components
#' @export
variance_components <- function(fit, scale = c("variance", "sd"), information = c("observed", "expected", "average")) {
  scale <- check_choice(scale[1L], c("variance", "sd"), "scale")
  parameters <- variance_parameters(fit)
  C <- vcov_components(fit, scale, information)
  estimate <- variance_estimates(fit, scale, parameters)
  se <- sqrt(diag(C))
  reason <- rep(NA_character_, nrow(parameters))
  reason[match(names(attr(C, "reason")), rownames(C))] <- attr(C, "reason")
  z <- estimate / se
  df <- ifelse(parameters$correlation, NA_real_, 2 * (if (scale == "sd") z / 2 else z)^2)
  structure(data.frame(parameters[c("grp", "var1", "var2")], estimate = estimate, se = unname(se), df = unname(df),
                       reason = reason, row.names = rownames(C)), class = c("variance_components", "data.frame"))
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

# Covariance matrix of the natural parameters (entries of each term's covariance matrix column by column, sigma^2) in
# the user's units.
component_covariance <- function(fit, information = "observed") {
  maps <- Map(vech_map, fit$cross_products$z_basis, fit_random(fit))
  k <- sum(vapply(maps, nrow, 0L)) + 1L
  if (fit_is_exact(fit)) return(matrix(NA_real_, k, k))
  info <- derivatives_at(fit)
  J <- tangent_directions(info$jacobian)
  M <- switch(information, expected = if (fit_is_reml(fit)) info$t else info$t_ml, average = info$ai,
              2 * info$ai - if (fit_is_reml(fit)) info$t else info$t_ml)
  full <- rbind(cbind(J$natural, 0), c(rep(0, ncol(J$natural)), 1))
  H <- crossprod(full, M %*% full)
  own <- seq_len(ncol(J$theta))
  if (information == "observed") H[own, own] <- H[own, own] + crossprod(J$theta, info$curvature %*% J$theta)
  relative <- full %*% (2 * scaled_inverse(H)) %*% t(full)
  A <- block_diagonal(c(maps, list(matrix(1))))
  A %*% relative %*% t(A) * fit_sigma(fit)^4
}

# Directions of theta in which the natural parameters move: all where no estimate is singular. Held are those that
# change them in second order only (a factor's zero column) or not at all (its rotations).
tangent_directions <- function(jacobian) {
  d <- svd(jacobian)
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
  entries <- c(unlist(Map(function(term, t) paste(t, term_entries(term)[, 1L], term_entries(term)[, 2L]),
                          fit_random(fit), seq_along(fit_random(fit)))), "0 1 1")
  match(paste(parameters$term, parameters$row, parameters$col), entries)
}

# d(standard deviations and correlations) / d(variances and covariances), in the order of the list.
sd_slopes <- function(fit, parameters) {
  value <- variance_estimates(fit, "variance", parameters)
  D <- diag(nrow(parameters))
  place <- function(t, i) which(parameters$term == t & parameters$row == i & parameters$col == i)
  for (k in seq_len(nrow(parameters))) {
    if (!parameters$correlation[k]) {
      D[k, k] <- 1 / (2 * sqrt(value[k]))
      next
    }
    at <- c(place(parameters$term[k], parameters$row[k]), place(parameters$term[k], parameters$col[k]))
    size <- sqrt(prod(value[at]))
    D[k, k] <- 1 / size
    D[k, at] <- -value[k] / size / (2 * value[at])
  }
  D[!is.finite(D)] <- 0
  D
}

# Why a parameter has no standard error; NA where it has one.
boundary_reasons <- function(fit, parameters, scale, variance) {
  sd <- variance_estimates(fit, "sd", parameters)
  reason <- ifelse(is.na(variance) | variance < 0, "the information matrix is not positive definite", NA_character_)
  if (fit_is_exact(fit)) reason[] <- "the residual variance is zero"
  singular <- c(fit_singular(fit), FALSE)[ifelse(parameters$term == 0L, length(fit_singular(fit)) + 1L, parameters$term)]
  zero <- parameters$term > 0L & !parameters$correlation & sd == 0
  of_zero <- parameters$correlation & vapply(seq_len(nrow(parameters)), function(k) {
    any(zero & parameters$term == parameters$term[k] & parameters$row %in% c(parameters$row[k], parameters$col[k]))
  }, NA)
  reason[zero] <- "the variance is estimated as 0, its boundary"
  reason[of_zero] <- "a variance is estimated as 0"
  one <- parameters$correlation & singular & !is.na(sd) & abs(sd) >= 1 - 1e-7
  if (scale == "sd") reason[one] <- "the correlation is on its boundary"
  reason
}
