# Variance parameters held at known values: argument `fixed` of lmm(), and what it leaves free.

# Data frame (term, row, col, value, name) of what `fixed` holds, standard deviations and correlations; NULL for
# nothing.
held_parameters <- function(fixed, frame) {
  if (!length(fixed)) return(NULL)
  value <- if (is.list(fixed)) unlist(fixed) else fixed
  names <- names(value)
  numbers <- is.numeric(value) && is.null(attr(value, "class")) && length(value) == length(fixed)
  if (!numbers || is.null(names) || !all(nzchar(names))) {
    lmm_abort("input",
      paste0("`fixed` must be a vector of numbers named by variance parameters, such as c(sigma = 1), not ",
                              kind_of(fixed), if (numbers) " without names", "."), what = "fixed")
  }
  if (!all(names %in% scale_names)) {
    refuse_special(frame, "holding parameters other than sigma (`fixed`) is",
                   "Use (x | g), (x || g) or fit without `fixed`.")
  }
  known <- known_parameters(frame)
  at <- match(names, known$name)
  if (anyNA(at)) {
    lmm_abort("input", paste0("`fixed` names ", enumerate(quote_name(names[is.na(at)])),
                              ", which is not a variance parameter of the model."),
              what = names[is.na(at)], fix = paste0("There are ", enumerate(quote_name(unique(known$shown))), "."))
  }
  held <- known[at, c("term", "row", "col", "kind", "correlation", "squared", "shown", "alone")]
  held$value <- held$asked <- unname(value)
  held$given <- names
  check_held(held, names)
  check_correlations(held, frame)
  held$value[held$squared] <- sqrt(held$value[held$squared])
  held
}

scale_names <- c("sigma", "sigma^2")

# Beside random terms with a structure a known sigma belongs to the residual structure, here of independent residuals.
known_scale_spec <- function(spec, fixed) {
  special <- any(vapply(spec$random, is_special, NA))
  if (special && is.null(spec$residual) && length(fixed) && all(names(fixed) %in% scale_names)) {
    spec$residual <- independent_residuals()
  }
  spec
}

# With a residual structure: what is held of the residuals' parameters, and what else. Known residual matrices without a
# coefficient hold sigma at 1.
split_held <- function(fixed, residual) {
  if (is.null(residual)) return(list(random = fixed))
  value <- if (is.list(fixed)) unlist(fixed) else fixed
  if (is_known_scale(residual) && !any(scale_names %in% names(value))) value <- c(value, sigma = 1)
  if (!length(value)) return(list())
  if (is.null(names(value)) || !is.numeric(value)) return(list(random = fixed))
  random <- grepl("^(sd|var|cor|cov)_", names(value))
  if (any(random)) {
    lmm_abort("input", paste0("`fixed` cannot hold ", quote_name(names(value)[random][1L]),
                              ", a parameter of random effects, beside a residual structure."),
                              what = names(value)[random])
  }
  bad <- !is.finite(value)
  if (any(bad)) {
    lmm_abort("input", paste0("`fixed` cannot hold ", quote_name(names(value)[bad][1L]), " at ", format(value[bad][1L]),
                              "."),
              what = names(value)[bad])
  }
  scale <- names(value) %in% scale_names
  list(random = if (any(scale)) value[scale], residual = if (any(!scale)) value[!scale])
}

# The names that a parameter goes by: on either scale; a term of one column also by its own name.
known_parameters <- function(frame) {
  parameters <- variance_parameters(list(frame = frame))
  sd <- parameter_names(parameters, old = FALSE)
  variance <- parameter_names(parameters, old = FALSE, scale = "variance")
  alone <- parameters$term > 0L
  alone[alone] <- vapply(frame$random[parameters$term[alone]], function(term) term$q == 1L || is_diagonal(term), NA)
  single <- parameters$term > 0L
  single[single] <- vapply(frame$random[parameters$term[single]], function(term) term$q == 1L, NA)
  one <- function(name, squared, use = TRUE) {
    data.frame(name = name, parameters, squared = squared, shown = sd, alone = alone)[use, ]
  }
  rbind(one(sd, FALSE), one(variance, TRUE, !parameters$correlation), one(parameters$grp, FALSE, single))
}

check_held <- function(held, names) {
  bad <- !is.finite(held$value) | !is.finite(held$value^2)
  bad <- bad | (!is.na(held$value) & ifelse(held$correlation, abs(held$value) >= 1, held$value < 0))
  bad <- bad | (!is.na(held$value) & !held$correlation & held$value == 0 & !held$alone)
  squares <- ifelse(held$squared, held$value, held$value^2)         # what the engine works with
  bad <- bad | (!is.na(squares) & !held$correlation & held$value > 0 & squares < .Machine$double.xmin)
  if (any(bad)) {
    k <- which(bad)[1L]
    lmm_abort("input", paste0("`fixed` cannot hold ", quote_name(names[k]), " at ", format(held$value[k]), "."),
              what = names[k],
              value = held$value[k], fix = if (held$correlation[k]) "A correlation lies between -1 and 1."
              else if (isTRUE(held$value[k] != 0) &&
                       isTRUE(held$value[k] >= 0)) paste("Its square leaves double precision; change the unit of the",
                                                         "response.")
              else if (held$term[k] == 0L) "The residual standard deviation is above 0."
              else if (isTRUE(held$value[k] == 0)) "Leave the column out of the random term instead."
              else paste("A", if (held$squared[k]) "variance" else "standard deviation", "is not negative."))
  }
  twice <- duplicated(held[c("term", "row", "col")])
  if (any(twice)) lmm_abort("input", paste0("`fixed` holds ", quote_name(names[twice][1L]), " twice."),
                            what = names[twice])
}

# Columns all of whose correlations are held must have a correlation matrix.
check_correlations <- function(held, frame) {
  for (t in unique(held$term[held$correlation])) {
    own <- held[held$term == t & held$correlation, ]
    R <- diag(frame$random[[t]]$q)
    R[R == 0] <- NA_real_
    R[cbind(own$row, own$col)] <- R[cbind(own$col, own$row)] <- own$value
    used <- unique(c(own$row, own$col))
    sets <- unlist(lapply(seq_along(used)[-(1:2)], function(size) utils::combn(used, size, simplify = FALSE)),
                   recursive = FALSE)
    for (set in Filter(function(set) !anyNA(R[set, set]), sets)) {
      if (min(eigen(R[set, set], symmetric = TRUE, only.values = TRUE)$values) > 0) next
      inside <- own$row %in% set & own$col %in% set
      lmm_abort("input", paste0("`fixed` holds ", enumerate(quote_name(own$given[inside])),
                                paste(" at values that no correlation matrix has together: it would not be positive",
                                      "definite.")),
                what = own$given[inside], value = own$value[inside])
    }
  }
}

# What the engine is told: the held parameters that this model has (a reduced model may have lost some).
engine_held <- function(frame) {
  held <- frame$held
  if (is.null(held)) return(NULL)
  at <- match(held$shown, parameter_names(parameters <- variance_parameters(list(frame = frame)), old = FALSE))
  if (all(is.na(at))) return(NULL)
  own <- parameters[at[!is.na(at)], ]
  list(term = own$term, row = own$row, col = own$col, value = held$value[!is.na(at)])
}

fit_held <- function(fit) engine_held(fit$frame)

print_held <- function(names) if (length(names)) cat("Held, not estimated: ", paste(names, collapse = ", "), "\n",
                                                     sep = "")

held_names <- function(fit) {
  parameters <- variance_parameters(fit)
  held <- fit_held(fit)
  at <- match(paste(held$term, held$row, held$col), paste(parameters$term, parameters$row, parameters$col))
  parameter_names(parameters, old = FALSE)[at]
}

# Where the likelihood has no maximum (a response without residual) the search may lose what it holds: no estimate then.
check_held_values <- function(found, blocks, frame) {
  held <- engine_held(frame)
  if (is.null(held)) return(invisible())
  parameters <- data.frame(held[c("term", "row", "col")])
  sd <- parameters$row == parameters$col
  parameters$kind <- ifelse(sd, "variance", "correlation")
  # sigma falls to 0, its ratio grows
  exact <- is_exact_fit(blocks) && !0L %in% held$term && any(held$value[sd] > 0)
  lost <- exact || !isTRUE(is.finite(found$optimum$value))
  if (!lost && found$optimum$identified) {
    covariance <- Map(clean_covariance, found$solution$covariance, frame$random, found$optimum$singular, blocks$z_basis,
                      held_columns(frame))
    value <- parameter_values(parameters, covariance, sqrt(found$solution$sigma2))
    lost <- any(abs(value - held$value) > 1e-7 * ifelse(sd, held$value, 1), na.rm = TRUE)
  }
  if (lost) {
    lmm_abort("numeric", "no estimates were found with the parameters in `fixed` at their values.", what = "fixed",
              value = held$value,
      fix = paste("The response may have no residual variation, the held values may be far from what the data say, or",
                  "`max_evaluations` in lmm_control() may be too few."))
  }
}

# For each random term the columns whose standard deviation is held above 0.
held_columns <- function(frame) {
  held <- engine_held(frame)
  lapply(seq_along(frame$random), function(t) held$row[held$term == t & held$row == held$col & held$value > 0])
}

# Is the residual standard deviation known?
holds_sigma <- function(frame) 0L %in% frame$held$term

# Free variance parameters, the residual's included.
n_variance_parameters <- function(fit) {
  scale <- if (isTRUE(fit$cross_products$owns_scale)) 0L else 1L
  length(fit_theta(fit)) + length(fit_psi(fit)) + scale - length(fit_held(fit)$value)
}

# ---- inference with held parameters ----

# Gradients of the held parameters in the natural ones (relative to sigma^2, the engine's coordinates), a column each;
# NULL where none is held.
held_gradients <- function(fit) {
  held <- fit_held(fit)
  if (is.null(held) || is_structured(fit)) return(NULL)      # the information has no row for a known sigma then
  map <- natural_map(fit)
  vapply(seq_along(held$value), function(k) {
    if (held$term[k] == 0L) return(as.numeric(seq_len(ncol(map)) == ncol(map)))
    drop(held_slope(fit, held, k) %*% map)
  }, numeric(ncol(map)))
}

# Natural parameters -> entries of the covariance matrices of the user's columns, sigma^2 last.
natural_map <- function(fit) {
  block_diagonal(c(Map(vech_map, fit$cross_products$z_basis, fit_random(fit)), list(matrix(1))))
}

entry_position <- function(fit, term, row, col) {
  parameter_positions(fit, data.frame(term = term, row = max(row, col), col = min(row, col),
                                      kind = if (row == col) "variance" else "correlation"))
}

# Slope of one held parameter in the entries: a variance is one of them, a correlation is a function of three.
held_slope <- function(fit, held, k) {
  map_rows <- length(unlist(lapply(fit_random(fit), term_entries))) / 2 + 1L
  out <- numeric(map_rows)
  at <- correlation_entries(fit, held, k)
  if (held$row[k] == held$col[k]) {
    out[at$both] <- 1
    return(out)
  }
  s <- at$values
  if (!has_correlation(s)) {         # beside a variance of 0 there is no covariance
    out[at$positions[2L]] <- 1
    return(out)
  }
  rho <- s[2L] / sqrt(s[1L] * s[3L])
  out[at$positions] <- c(-rho / (2 * s[1L]), 1 / sqrt(s[1L] * s[3L]), -rho / (2 * s[3L]))
  out
}

# Entries (i, i), (i, j), (j, j), relative to sigma^2.
correlation_entries <- function(fit, held, k) {
  t <- held$term[k]
  i <- held$row[k]
  j <- held$col[k]
  S <- fit_covariance(fit)[[t]] / fit_sigma(fit)^2
  place <- function(a, b) entry_position(fit, t, a, b)
  if (i == j) return(list(both = place(i, i)))
  list(positions = c(place(i, i), place(i, j), place(j, j)), values = c(S[i, i], S[i, j], S[j, j]))
}

has_correlation <- function(s) s[1L] > 0 && s[3L] > 0

# Positions in theta of the terms that have a held parameter.
held_theta <- function(fit) {
  size <- vapply(fit_random(fit), function(term) nrow(term_entries(term)), 0L)
  which(rep(seq_along(size), size) %in% fit_held(fit)$term)
}

# What the curvature of held correlations adds to the second derivatives of -2 log L in the natural parameters.
held_curvature <- function(fit, info, gradients) {
  held <- fit_held(fit)
  k <- ncol(natural_map(fit))
  out <- matrix(0, k, k)
  bent <- which(held$term > 0L & held$row != held$col)
  if (!length(bent)) return(out)
  expected <- if (fit_is_reml(fit)) info$t else info$t_ml
  multiplier <- -qr.coef(qr(gradients), drop((expected - info$ai) %*% info$psi))
  map <- natural_map(fit)
  for (c in bent) {
    at <- correlation_entries(fit, held, c)
    s <- at$values
    if (!has_correlation(s) || is.na(multiplier[c])) next
    root <- sqrt(s[1L] * s[3L])
    rho <- s[2L] / root
    H <- matrix(c(0.75 * rho / s[1L]^2, -0.5 / (s[1L] * root), 0.25 * rho / (s[1L] * s[3L]),
                  -0.5 / (s[1L] * root), 0, -0.5 / (s[3L] * root),
                  0.25 * rho / (s[1L] * s[3L]), -0.5 / (s[3L] * root), 0.75 * rho / s[3L]^2), 3L)
    own <- map[at$positions, , drop = FALSE]
    out <- out + multiplier[c] * crossprod(own, H %*% own)
  }
  out
}

# Directions (columns of `along`, natural parameters) that leave the held ones as they are; all if none is held.
free_directions <- function(info, along = diag(length(info$psi))) {
  if (is.null(info$held)) return(diag(ncol(along)))
  constraint <- crossprod(along, info$held)
  scale <- sqrt(colSums(constraint^2))
  constraint <- constraint[, scale > 0, drop = FALSE] / rep(scale[scale > 0], each = nrow(constraint))
  if (!ncol(constraint)) return(diag(ncol(along)))
  q <- qr(constraint)
  qr.Q(q, complete = TRUE)[, -seq_len(q$rank), drop = FALSE]
}
