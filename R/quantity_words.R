# What the words of a quantity's formula mean for given parameters.

# A function of the state and of the names in the formula: the values of these. `squares()`: see mean_squares().
quantity_words <- function(fit, squares) {
  if (needs_dense(fit)) return(structured_words(fit, squares))
  parameters <- variance_parameters(fit)
  share <- compute_once(function() mean_residual_share(fit))
  names <- lapply(list(old = c(TRUE, FALSE), new = c(FALSE, FALSE), natural = c(FALSE, TRUE)), function(style) {
    parameter_names(parameters, style[1L], if (style[2L]) "variance" else "sd")
  })
  function(state, used) {
    out <- list(sigma = state$sigma, sigma2 = state$sigma^2)
    if (any(c("var", "sd", "cov", "cor", "beta") %in% used)) out <- c(out, parameter_functions(state))
    if ("total" %in% used) out$total <- state$sigma^2 * share() + sum(term_share(squares(), state))
    scales <- c(old = "sd", new = "sd", natural = "variance")
    for (style in names(names)) if (any(names[[style]] %in% used)) {
      out <- c(out, stats::setNames(as.list(parameter_values(parameters, state$covariance, state$sigma,
                                                             scales[[style]])), names[[style]]))
    }
    out
  }
}

# The same with a residual structure or structured random effects.
structured_words <- function(fit, squares) {
  across <- vapply(fit_random(fit), function(term) if (is_across(term)) term$across else NA_character_, "")
  names(across) <- fit_term_names(fit)
  across <- across[!is.na(across)]
  entry <- function(state, columns) structured_residual_entry(fit, state, columns)
  by_name <- compute_once(function() parameter_word_values(fit))
  function(state, used) {
    sigma <- state$sigma * sigma_at_zero(fit, state$residual)
    out <- c(list(sigma = sigma, sigma2 = sigma^2), as.list(state$residual))
    if (any(c("var", "sd", "cov", "cor", "beta") %in% used)) {
      out <- c(out, parameter_functions(state, entry, across))
    }
    if ("total" %in% used) {
      out$total <- mean_residual_variance(fit, state) + sum(term_share(squares(), state))
    }
    c(out, if (any(grepl("[_|]", used))) by_name()(state))
  }
}

# var(), sd(), cov(), cor() and beta(), whose arguments are names.
# `across`: the factors of terms that are correlated across levels, which have one variance, by the names of the terms.
parameter_functions <- function(state, residual_entry = plain_residual_entry, across = character()) {
  entry <- function(g, x, z) {
    if (g == "Residual" && !"Residual" %in% names(state$covariance)) return(residual_entry(state, c(x, z)))
    if (!g %in% names(state$covariance) && sum(across == g) == 1L) g <- names(across)[across == g]
    S <- state$covariance[[find_word(names(state$covariance), g, "random term", "Residual")]]
    if (is.null(x)) x <- if (ncol(S) == 1L || g %in% names(across)) colnames(S)[1L] else "(Intercept)"
    if (is.null(z)) z <- x
    S[find_word(colnames(S), x, "column"), find_word(colnames(S), z, "column")]
  }
  both <- function(g, columns) {
    if (length(columns) == 2L) return(columns)
    if (g == "Residual" && !"Residual" %in% names(state$covariance)) residual_entry(state, "")
    own <- colnames(state$covariance[[find_word(names(state$covariance), g, "random term")]])
    if (!length(columns) && length(own) == 2L) return(own)
    if (length(columns) == 1L && "(Intercept)" %in% own) return(c("(Intercept)", columns))
    lmm_abort("input", paste0("a covariance or correlation of ", quote_name(g), " needs the names of two columns."),
              what = g,
              fix = there_are(own))
  }
  var <- function(g, x) entry(word_of(substitute(g)), if (!missing(x)) word_of(substitute(x)), NULL)
  cov <- function(g, ...) {
    g <- word_of(substitute(g))
    columns <- both(g, vapply(as.list(substitute(list(...)))[-1L], word_of, ""))
    entry(g, columns[1L], columns[2L])
  }
  cor <- function(g, ...) {
    g <- word_of(substitute(g))
    columns <- both(g, vapply(as.list(substitute(list(...)))[-1L], word_of, ""))
    entry(g, columns[1L], columns[2L]) / (sqrt(entry(g, columns[1L], NULL)) * sqrt(entry(g, columns[2L], NULL)))
  }
  sd <- function(g, x) sqrt(entry(word_of(substitute(g)), if (!missing(x)) word_of(substitute(x)), NULL))
  beta <- function(x) state$beta[[find_word(names(state$beta), word_of(substitute(x)), "fixed effect")]]
  list(var = var, cov = cov, cor = cor, sd = sd, beta = beta)
}

plain_residual_entry <- function(state, columns) {
  if (!length(columns)) return(state$sigma^2)
  lmm_abort("input", "the residual variance has no columns: write var(Residual) or sd(Residual).", what = columns)
}

# What was written for a name: a name, a string, 1 for the intercept, or an expression such as `a:b`.
word_of <- function(e) {
  if (is.character(e)) return(e)
  if (identical(e, 1) || identical(e, quote(Intercept))) return("(Intercept)")
  sub("^`(.*)`$", "\\1", deparse_line(e))
}

find_word <- function(names, wanted, kind, more = NULL) {
  at <- match(gsub("[ `]", "", wanted), gsub("[ `]", "", names))
  if (!is.na(at)) return(at)
  lmm_abort("input", paste0("the fit has no ", kind, " ", quote_name(wanted), "."), what = wanted,
            fix = there_are(c(names, more)))
}

there_are <- function(names) {
  paste0(if (length(names) == 1L) "There is " else "There are ", enumerate(quote_name(names), 12L), ".")
}

# ---- means over the rows ----

# The parameters of a fit, with the covariance matrices in the engine's coordinates, in which sums over rows do not
# cancel.
whole_state <- function(fit) {
  if (fit_is_exact(fit)) return(fit_state(fit))
  c(fit_state(fit), list(inner = lapply(covariance_at(fit, fit_optimum(fit)$theta, own = TRUE), `*`, fit_sigma(fit)^2)))
}

# For each term the mean over the rows of z' Sigma z.
term_share <- function(squares, state) {
  own <- !is.null(state$inner)
  S <- if (own) state$inner else state$covariance
  M <- if (own) squares$inner else squares$user
  vapply(seq_along(M), function(t) sum(M[[t]] * S[[t]]), 0)
}

# The mean over the rows that count of the variance of a residual, in units of sigma^2.
mean_residual_share <- function(fit) {
  weighted <- if (is.null(fit_cells(fit))) has_weights(fit) else isTRUE(fit_cells(fit)$weighted)
  if (!weighted) return(1)
  if (is.null(fit_cells(fit))) {
    rows <- fit_rows(fit, "`total` of a fit with weights")
    return(mean(1 / rows$weights[used_rows(rows)]))
  }
  lmm_inform("weights", "the fit has prior weights: in `total` those of the rows are taken as 1.", what = "weights",
             fix = "Cross-products do not keep the weights of rows; fit the model to the rows.")
  1
}

# For each term the mean of z z' over the rows that count, in the user's columns and in the engine's. An intercept needs
# no rows.
mean_squares <- function(fit) {
  random <- fit_random(fit)
  basis <- fit_blocks(fit)$z_basis
  constant <- vapply(random, function(term) identical(term$columns, "(Intercept)"), NA)
  if (all(constant)) return(list(user = lapply(random, function(term) matrix(1)),
                                 inner = lapply(basis, function(B) matrix(B^2))))
  rows <- fit_rows(fit, "`total` with random slopes")
  used <- used_rows(rows)
  pieces <- lapply(row_pieces(rows$n), function(range) {
    Z <- lapply(design(fit_frame(fit), rows, range)$Z,
                function(Z) Z[used[range[1L]:range[2L]], , drop = FALSE] / sqrt(sum(used)))
    list(user = lapply(Z, crossprod), inner = Map(function(Z, B) crossprod(Z %*% B), Z, basis))
  })
  Reduce(function(a, b) Map(function(a, b) Map(`+`, a, b), a, b), pieces)
}

# The mean row of X and the mean offset.
mean_row <- function(fit) {
  plain <- identical(names(fit_beta(fit)), "(Intercept)") && is.null(fit_stored_rows(fit)$offset)
  if (plain) return(list(x = 1, offset = 0))
  rows <- fit_rows(fit, "\"cv\"")
  used <- used_rows(rows)
  x <- Reduce(`+`, lapply(row_pieces(rows$n), function(range) {
    colSums(design(fit_frame(fit), rows, range)$X[used[range[1L]:range[2L]], , drop = FALSE]) / sum(used)
  }))
  list(x = x, offset = if (is.null(rows$offset)) 0 else mean(rows$offset[used]))
}
