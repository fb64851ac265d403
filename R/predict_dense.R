# Standard errors and degrees of freedom of predictions in models with a residual structure or structured random
# effects, see dense_tests.R.

# Rows of each batch of new rows that are worked with together.
dense_batch <- 200L

# list(se, df) of each row. `target`: as in prediction_reach(), and the plan of kriging.
dense_predictions <- function(inference, rows, target) {
  model <- dense_model(inference)
  fit <- model$fit
  d <- design(fit_frame(fit), rows)
  known <- complete_rows(d, fit_term_groups(fit)[vapply(target$use, any, NA)])
  new <- new_parts(fit, d, rows, target)
  if (!is.null(target$residual)) known <- known & has_own_variance(new)
  key <- touched_units(model, new, target)
  out <- list(se = rep(NA_real_, rows$n), df = rep(NA_real_, rows$n))
  for (own in split(which(known), key$text[known])) {
    units <- key$units[[own[1L]]]
    solved <- lapply(units, unit_solver, model)
    for (at in split(own, (seq_along(own) - 1L) %/% dense_batch)) {
      found <- dense_tests(inference, batch_variances(model, solved, new, at, d, target, inference))
      out$se[at] <- found$se
      out$df[at] <- found$df
    }
  }
  out
}

# The same at known variance parameters, where no residual is predicted: from the engine's prediction errors.
plain_predictions <- function(inference, rows, target) {
  fit <- inference$info$fit
  v <- prediction_variance(fit, rows, target$use) / fit_sigma(fit)^2
  if (!is.null(target$residual)) {
    d <- design(fit_frame(fit), rows)
    new <- new_parts(fit, d, rows, target)
    model <- list(fit = fit, directions = lapply(fit_random(fit), function(term) list()))
    known <- has_own_variance(new)
    v[!known] <- NA_real_
    for (at in split(which(known), (seq_len(sum(known)) - 1L) %/% dense_batch)) {
      v[at] <- v[at] + rows_variances(model, parts_subset(new, at), target$left_out, TRUE)$value
    }
  }
  dense_tests(inference, list(v = v), added = FALSE)
}

# New rows as rows_covariance() wants them.
new_parts <- function(fit, d, rows, target) {
  share <- if (!is.null(target$residual)) target$residual else if (any(target$kriging$wanted)) target$kriging$share
  if (is.null(share)) share <- 1
  out <- dense_parts(fit, d, rep_len(1 / share, rows$n))
  if (is_structured(fit) && !is.null(target$kriging)) {
    out$residual <- target$kriging$new[c("subject", "positions", "w", "group", "model")]
    out$wanted <- target$kriging$wanted
  } else out$wanted <- logical(rows$n)
  if (is.null(out$residual)) return(out)
  absent <- is.na(out$residual$positions)
  if (!several_visit_variances(fit)) out$residual$positions[absent] <- 0
  out
}

# Does the variance of a residual depend on its visit?
several_visit_variances <- function(fit) {
  all <- plan_parameters(fit_frame(fit)$residual)
  sum(all$kind == "variance" & all$group <= 1L) > 1L
}

has_own_variance <- function(new) {
  r <- new$residual
  if (is.null(r)) return(is.finite(new$root))
  is.finite(rowSums(r$positions)) & is.finite(rowSums(r$w)) & !is.na(r$group) & is.finite(new$root)
}

# The sets of connected rows of the fit that each new row has a covariance with: list(units, text).
touched_units <- function(model, new, target) {
  of_level <- function(codes, own, use, K) {
    unit <- model$unit[match(own, codes)]
    if (!is.null(K)) unit <- ifelse(own > 0L, model$unit[1L], NA_integer_)
    if (any(use)) unit else rep(NA_integer_, new$n)
  }
  columns <- Map(of_level, model$parts$codes, new$codes, target$use, model$relation)
  if (any(new$wanted)) {
    columns <- c(columns, list(ifelse(new$wanted,
                                      model$unit[match(new$residual$subject, model$parts$residual$subject)], NA)))
  }
  table <- matrix(as.integer(unlist(columns)), new$n)
  units <- lapply(seq_len(new$n), function(i) sort(unique(table[i, ])))
  list(units = units, text = vapply(units, paste, "", collapse = " "))
}

unit_solver <- function(unit, model) {
  index <- which(model$unit == unit)
  check_dense_size(length(index), model$size + 4L)
  rows <- parts_subset(model$parts, index)
  V <- rows_covariance(model, rows)
  root <- chol(V$value)
  list(rows = rows, V = V, X = model$X[index, , drop = FALSE], e = model$e[index],
       solve = function(x) backsolve(root, backsolve(root, x, transpose = TRUE)))
}

batch_variances <- function(model, solved, new, at, d, target, inference) {
  own_rows <- parts_subset(new, at)
  wanted <- new$wanted[at]
  own <- rows_variances(model, own_rows, target$use, FALSE)
  if (!is.null(target$residual)) {
    own <- add_variances(own, rows_variances(model, own_rows, target$left_out, TRUE))
  }
  pieces <- lapply(solved, function(unit) {
    own <- rows_covariance(model, unit$rows, own_rows, target$use, wanted)
    c(unit[c("X", "e", "solve")], list(c = own$value, slopes = own$slopes, V = unit$V$slopes, a = unit$solve(own$value),
                                       residual = own$residual, R = unit$V$residual))
  })
  if (is.null(target$residual) && any(wanted)) {
    for (piece in pieces) own <- add_variances(own, kriged_part(piece, model))
  }
  x <- d$X[at, model$info$kept, drop = FALSE] %*% model$info$basis
  dense_variances(model, pieces, x, own, needs_information(inference$method))
}

add_variances <- function(a, b) list(value = a$value + b$value, slopes = Map(`+`, a$slopes, b$slopes))

# The variance of the predictable part of a residual, c'R^-1 c.
kriged_part <- function(piece, model) {
  w <- solve(piece$R, piece$residual)
  first <- sum(lengths(model$directions))
  slopes <- Map(function(c, R, k) if (k > first) 2 * colSums(w * c) - colSums(w * (R %*% w)) else numeric(ncol(w)),
                piece$slopes, piece$V, seq_along(piece$V))
  list(value = colSums(w * piece$residual), slopes = slopes)
}

# Standard errors at known parameters.
kriging_errors <- function(fit, rows, target) {
  inference <- list(info = fit_information(fit, FALSE), method = ddf_method("asymptotic"))
  dense_predictions(inference, rows, target)$se
}
