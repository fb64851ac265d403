# Combinations of fixed and random effects, and means of new observations, in models with a residual structure or
# structured random effects: one target, see dense_tests.R.

needs_dense <- function(fit) is_structured(fit) || has_special(fit)

# Are there levels with a known relationship, whose slopes are those of dense matrices? Too many are refused.
needs_relation <- function(fit, most = 5000L) {
  if (!has_related(fit_frame(fit))) return(FALSE)
  related <- Filter(is_related, fit_groups(fit))
  size <- max(fit_nobs(fit), vapply(related, function(group) length(group$levels), 0L))
  if (size <= most) return(TRUE)
  lmm_abort("numeric", paste0("with the known relationship of ", quote_name(related[[1L]]$name), ", dense matrices ",
                              "with ", thousands(size), " rows are needed."), what = related[[1L]]$name, value = size,
            fix = "If the fit is not singular, predict(interval = , ddf = \"Satterthwaite\") needs no dense matrices.")
}

# list(se, df) of L beta + sum m'b; `m` as random_coefficients() gives it.
dense_combination <- function(inference, L, m) {
  model <- dense_model(inference)
  parts <- model$parts
  related <- Map(function(m, K) if (is.null(K)) m else K %*% m, m, model$relation)
  touched <- Reduce(`|`, Map(function(code, m) code > 0L & rowSums(m != 0)[pmax(code, 1L)] > 0, parts$codes, related),
                    logical(parts$n))
  pieces <- lapply(unique(model$unit[touched]), function(unit) {
    solved <- unit_solver(unit, model)
    own <- effects_covariance(model, solved$rows, related)
    list(X = solved$X, e = solved$e, solve = solved$solve, V = solved$V$slopes, c = own$value, slopes = own$slopes,
         a = solved$solve(own$value))
  })
  x <- L %*% inference$info$basis
  found <- dense_variances(model, pieces, x, effects_variance(model, m, related), needs_information(inference$method))
  dense_tests(inference, found, inherits(inference$method, "df_kenward_roger"))
}

# Covariance of rows with sum m'b, one column.
effects_covariance <- function(model, rows, m) {
  with_matrices(model, function(t, E) {
    Z <- rows$Z[[t]]
    matrix(rowSums((Z %*% E) * m[[t]][rows$codes[[t]], , drop = FALSE]))
  }, matrix(0, rows$n, 1L))
}

effects_variance <- function(model, m, related) {
  with_matrices(model, function(t, E) sum((m[[t]] %*% E) * related[[t]]), 0)
}

# list(value, slopes) of a sum over the random terms that is linear in their covariance matrices; `none`: what the
# parameters of the residuals add.
with_matrices <- function(model, of, none) {
  terms <- seq_along(model$directions)
  S <- lapply(fit_covariance(model$fit), `/`, fit_sigma(model$fit)^2)
  slopes <- unlist(lapply(terms, function(t) lapply(model$directions[[t]], function(E) of(t, E))), recursive = FALSE)
  list(value = Reduce(`+`, lapply(terms, function(t) of(t, S[[t]])), none),
       slopes = c(slopes, rep(list(none), model$size - length(slopes))))
}

# list(fit, se, df): the mean of new observations in these rows, those of one new level or subject with the same effect.
dense_mean <- function(inference, rows, d, known, weights, re.form) {
  model <- dense_model(inference)
  fit <- model$fit
  near <- kriging_plan(fit, rows, NULL, re.form, rows$data, "prediction")
  target <- list(use = known, residual = 1 / weights, kriging = near)
  new <- new_parts(fit, d, rows, target)
  if (!all(has_own_variance(new))) {
    lmm_abort("input", "`newdata` must have the variables of the residual structure, without missing values.",
              what = "newdata")
  }
  pieces <- lapply(unique(unlist(touched_units(model, new, target)$units)), function(unit) {
    solved <- unit_solver(unit, model)
    own <- rows_covariance(model, solved$rows, new, known, new$wanted)
    c <- matrix(rowMeans(own$value))
    list(X = solved$X, e = solved$e, solve = solved$solve, V = solved$V$slopes, c = c, a = solved$solve(c),
         slopes = lapply(own$slopes, function(s) matrix(rowMeans(s))))
  })
  new$codes <- lapply(simulation_codes(fit, rows)[fit_term_groups(fit)], `[[`, "code")
  own <- rows_covariance(model, new)
  x <- matrix(colMeans(d$X[, inference$info$kept, drop = FALSE]), 1L) %*% inference$info$basis
  own <- list(value = mean(own$value), slopes = lapply(own$slopes, mean))
  found <- dense_variances(model, pieces, x, own, needs_information(inference$method))
  value <- mean_response(fit, rows, known)
  if (any(near$wanted)) value <- value + kriged_residuals(fit, near, 1 / weights)
  c(list(fit = mean(value)), dense_tests(inference, found, inherits(inference$method, "df_kenward_roger")))
}
