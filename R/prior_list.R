# Which prior belongs to which parameter of a model.

# A list with `sd` (for each term a prior, or a list of one per column), `residual`, `cor` (one per term), `fixed`,
# `icc`, `all`, `wishart` (which terms have an inverse Wishart matrix).
match_priors <- function(prior, fit) {
  given <- as_prior_list(prior)
  random <- fit_random(fit)
  names <- fit_term_names(fit)
  parameters <- named_parameters(fit)
  check_prior_names(given, names, parameters)
  single <- given[names(given) == ""]
  scope <- vapply(single, `[[`, "", "scope")
  if (anyDuplicated(scope)) {
    lmm_abort("input", "`prior` has two priors without a name for the same kind of parameter.", what = "prior",
              fix = paste0("Name them by ", enumerate(quote_name(c(names, "residual", "cor", "fixed"))), "."))
  }
  of_scope <- function(wanted) if (wanted %in% scope) single[[match(wanted, scope)]]
  default <- if (is.null(of_scope("sd"))) prior_flat() else of_scope("sd")
  cor <- if (!is.null(given$cor)) given$cor else if (!is.null(of_scope("cor"))) of_scope("cor") else prior_lkj(1)
  own <- lapply(names, function(name) if (is.null(given[[name]])) default else given[[name]])
  out <- list(sd = own, cor = rep(list(cor), length(random)),
              residual = if (is.null(given$residual)) one_column(default) else given$residual,
              fixed = if (!is.null(given$fixed)) given$fixed else of_scope("fixed"), icc = of_scope("icc"),
              all = of_scope("all"), residual_cor = cor, parameters = given[names(given) %in% parameters$name])
  out$range <- range_priors(fit, out$parameters)
  out$wishart <- vapply(seq_along(random), function(t) is_matrix_prior(own[[t]], random[[t]]), NA)
  check_matched_priors(out, fit)
  out
}

# Parameters that are neither standard deviations nor correlations of random effects: name and kind.
named_parameters <- function(fit) {
  own <- variance_parameters(fit)
  range <- own$grp[own$kind == "range"]
  random <- data.frame(name = paste0("range.", range, recycle0 = TRUE), kind = rep("range", length(range)))
  rbind(random, residual_prior_names(fit))
}

# Name and kind of the free parameters of a residual structure; NULL without any.
residual_prior_names <- function(fit) {
  table <- posterior_table(fit)
  if (!is.null(table)) data.frame(name = scaled_residual_parameters(fit, "sd")$name, kind = table$kind)
}

as_prior_list <- function(prior) {
  if (inherits(prior, "lmm_prior")) prior <- list(prior)
  bad <- !is.list(prior) || !length(prior) || !all(vapply(prior, inherits, NA, "lmm_prior"))
  if (bad) {
    lmm_abort("input", paste0("`prior` must be a prior or a list of priors, not ", kind_of(prior), "."), what = "prior",
              fix = paste("For example prior_half_t(3, scale = 10), or list(residual = prior_flat(), prior_half_t(3,",
                          "scale = 10))."))
  }
  if (is.null(names(prior))) names(prior) <- rep("", length(prior))
  prior
}

# `parameters`: those of a residual structure.
check_prior_names <- function(given, terms, parameters = NULL) {
  known <- c(terms, "residual", "cor", "fixed", parameters$name)
  named <- names(given)[nzchar(names(given))]
  stray <- setdiff(named, known)
  if (length(stray) || anyDuplicated(named)) {
    what <- if (length(stray)) stray else named[duplicated(named)]
    lmm_abort("input", paste0("`prior` has ", if (length(stray)) "an unknown name " else "two priors named ",
                              quote_name(what[1L]), "."), what = what,
              fix = paste0("The names are ", enumerate(quote_name(known), 12L), "."))
  }
  wanted <- c(stats::setNames(rep("sd", length(terms)), terms), residual = "sd", cor = "cor", fixed = "fixed",
              stats::setNames(vapply(parameters$kind, residual_prior_scope, ""), parameters$name))
  for (name in named) if (given[[name]]$scope != wanted[[name]]) {
    lmm_abort("input", paste0("the prior for ", quote_name(name), switch(wanted[[name]],
                              sd = " is not a prior of a standard deviation: ",
                              cor = " is not a prior of correlations: ", fixed = " is not a prior of coefficients: ",
                              none = " cannot be changed (a share always has a uniform prior): "),
                              given[[name]]$label, "."), what = name)
  }
}

is_wishart <- function(prior) identical(prior$kind, "inverse_wishart")

# An inverse Wishart prior of a term whose columns are correlated is one of the whole matrix.
is_matrix_prior <- function(prior, term) is_wishart(prior) && term$q > 1L && is_triangle(term)

# The prior of a single standard deviation.
one_column <- function(prior, k = 1L) {
  if (!is_wishart(prior) || length(prior$V) == 1L) return(prior)
  prior_inverse_wishart(prior$V[k, k], prior$nu, prior$lower^2)
}

check_matched_priors <- function(priors, fit) {
  random <- fit_random(fit)
  for (t in seq_along(random)) {
    prior <- priors$sd[[t]]
    if (!is_wishart(prior) || length(prior$V) == 1L) next
    if (nrow(prior$V) != random[[t]]$q) {
      lmm_abort("input", paste0("`V` of the prior of ", quote_name(fit_term_names(fit)[t]), " has ", nrow(prior$V),
                                " rows; the term has ",
                                count_of(random[[t]]$q, "column"), "."), what = "prior")
    }
  }
  if (!is_structured(fit) && is_wishart(priors$residual) && length(priors$residual$V) > 1L)
    abort_residual_matrix(priors, "one standard deviation")
  loadings <- vapply(random, function(term) "loading" %in% term_kinds(term), NA)
  if (!is.null(priors$all) && any(loadings)) {
    lmm_abort("unsupported", paste("prior_density() is not available with factor-analytic terms: the directions of",
                                   "their loadings have a uniform prior."), what = "prior",
              fix = "Use priors of standard deviations, such as prior_half_t().")
  }
  lower <- vapply(which(priors$wishart), function(t) priors$sd[[t]]$lower, 0)
  if (any(lower > 0)) lmm_abort("input", "`lower` of an inverse Wishart prior is for a single variance.",
                                what = "lower")
  one <- length(random) == 1L && random[[1L]]$q == 1L && !is_structured(fit)
  if (!is.null(priors$icc) && (!one || !is.null(fit_held(fit)))) {
    lmm_abort("input", "prior_icc() is for a model with one random intercept and no fixed variance parameters.",
              what = "prior",
              fix = "Use priors of standard deviations, such as prior_half_t().")
  }
}

# The prior of column k of term t.
sd_prior <- function(priors, t, k) one_column(priors$sd[[t]], k)

prior_table <- function(priors, fit) {
  if (!is.null(priors$all)) return(c(variances = priors$all$label, fixed_label(priors)))
  if (!is.null(priors$icc)) return(c(variances = priors$icc$label, fixed_label(priors)))
  correlated <- vapply(fit_random(fit), function(term) any(term_kinds(term) %in% c("correlation", "rho")), NA) &
    !priors$wishart
  loadings <- vapply(fit_random(fit), function(term) "loading" %in% term_kinds(term), NA)
  ranges <- which(!vapply(priors$range, is.null, NA))
  c(stats::setNames(vapply(priors$sd, `[[`, "", "label"), fit_term_names(fit)), residual = priors$residual$label,
    if (any(correlated)) c(cor = priors$cor[[which(correlated)[1L]]]$label),
    if (any(loadings)) c(loadings = "uniform over directions"),
    stats::setNames(vapply(priors$range[ranges], `[[`, "", "label"),
                    paste0("range.", fit_term_names(fit)[ranges], recycle0 = TRUE)),
    residual_labels(fit, priors), fixed_label(priors))
}

# Those of a residual structure's own parameters; `residual` is that of its standard deviations.
residual_labels <- function(fit, priors) {
  table <- residual_prior_names(fit)
  joint <- if (!is.null(table)) Filter(function(b) b$type == "matrix" && b$q > 2L,
                                       linked_parameters(posterior_table(fit), fit_frame(fit)$residual))
  shared <- unlist(lapply(joint, `[[`, "pair"))
  if (length(shared)) {                                  # one prior of a whole matrix
    label <- if (is_wishart(priors$residual) && any(vapply(joint, is_whole_matrix, NA))) NULL else
      c(`residual cor` = priors$residual_cor$label)
    return(c(label, single_labels(table, priors, fit, setdiff(seq_len(nrow(table)), shared))))
  }
  single_labels(table, priors, fit, seq_along(table$kind))
}

single_labels <- function(table, priors, fit, use) {
  own <- use[!table$kind[use] %in% "variance" | table$name[use] %in% names(priors$parameters)]
  out <- vapply(own, function(j) residual_prior(table$kind[j], table$name[j], fit, priors)$label, "")
  stats::setNames(out, table$name[own])
}

fixed_label <- function(priors) c(fixed = if (is.null(priors$fixed)) "flat" else priors$fixed$label)
