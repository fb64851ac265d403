# Methods for fits without a factorization, and their Monte Carlo errors.

fit_is_iterative <- function(fit) identical(fit_optimum(fit)$solver, "iterative")

# `what` with its verb: "profiles are". `instead`: another way, if there is one.
refuse_iterative <- function(fit, what = "this is", instead = NULL) {
  if (!fit_is_iterative(fit)) return(invisible())
  refit <- "efit with control = lmm_control(solver = \"direct\"), if its memory allows."
  lmm_abort("solver", paste0(what, " not available for a fit by the iterative solver, which has no factorization."),
            what = "solver", fix = if (is.null(instead)) paste0("R", refit) else paste0(instead, ", or r", refit))
}

# The factor of all random effects together, which package 'Matrix' makes in one step that nothing can stop: what memory
# cannot hold is refused, what takes minutes is announced. A pattern that does not fill up has a small factor.
check_factor_size <- function(fit, purpose, seconds_each = 1.2e-9) {
  q <- other_columns(fit_frame(fit))
  if (length(fit_groups(fit)) < 2L || seconds_each * q^3 / 3 <= 60) return(invisible())
  if (!factor_is_out_of_reach(fit_frame(fit), fit_blocks(fit), q^2)) return(invisible())
  bytes <- 12 * q^2
  limit <- fit_control(fit)$memory_limit
  if (is.null(limit)) limit <- 0.5 * available_memory()
  if (bytes > limit) {
    lmm_abort("numeric", paste0(purpose, " requires factoring a matrix of ", count_of(q, "random effect"),
                                ", which needs about ", gigabytes(bytes), " of memory; ", gigabytes(limit),
                                " may be used."),
              what = "memory_limit", value = bytes)
  }
  tell_time(seconds_each * q^3 / 3, purpose, FALSE)
}

# Twice the estimated Monte Carlo errors of the listed variance parameters, whose distribution has heavy tails; NULL for
# a direct fit.
monte_carlo_errors <- function(fit, scale = "sd", parameters = variance_parameters(fit)) {
  if (!fit_is_iterative(fit)) return(NULL)
  maps <- Map(vech_map, fit_blocks(fit)$z_basis, fit_random(fit))
  found <- transformed_errors(block_diagonal(c(maps, list(matrix(1)))), fit_optimum(fit)$monte_carlo$covariance)
  at <- parameter_positions(fit, parameters)
  se <- found$se[at] * fit_sigma(fit)^2
  if (scale == "sd") se <- transformed_errors(sd_slopes(fit, parameters) * rep(se, each = length(at)),
                                              found$correlation[at, at, drop = FALSE])$se
  2 * se
}

# Twice the Monte Carlo error of -2 log L; 0 for a direct fit.
criterion_error <- function(fit) if (fit_is_iterative(fit)) 2 * fit_optimum(fit)$monte_carlo$criterion else 0

# For each random term the errors of its standard deviations, then that of sigma: the rows of the printed VarCorr().
monte_carlo_by_term <- function(fit) {
  error <- monte_carlo_errors(fit)
  if (is.null(error)) return(NULL)
  parameters <- variance_parameters(fit)
  list(terms = lapply(seq_along(fit_random(fit)), function(t) error[parameters$term == t & !parameters$correlation]),
       sigma = error[parameters$term == 0L], table = monte_carlo_table(fit, parameters, error))
}

# Errors in the order of as.data.frame(VarCorr()): sdcor and vcov.
monte_carlo_table <- function(fit, parameters, sdcor) {
  data.frame(parameters[c("grp", "var1", "var2")], vcov = monte_carlo_errors(fit, "variance", parameters),
             sdcor = sdcor)
}

# p-values that the Monte Carlo error of the criteria leaves undecided at `level` become NA, with a warning. `tail`: the
# p-values of likelihood ratios, from the ratios.
decided_p <- function(p, chisq, df, errors, level = 0.05,
                      tail = function(ratio) stats::pchisq(ratio, df, lower.tail = FALSE)) {
  if (!any(errors > 0)) return(p)
  below <- function(shift) tail(pmax(0, chisq + shift)) < level
  open <- !is.na(p) & errors > 0 & below(-errors) != below(errors)
  if (!any(open)) return(p)
  ratios <- unique(paste(format(rep_len(chisq, length(p))[open], digits = 3L), "+-",
                         format(rep_len(errors, length(p))[open], digits = 2L)))
  lmm_warn("precision",
           paste0("the Monte Carlo error of the log-likelihoods is too large to decide whether a p-value is below ",
                  level, ": likelihood ratio statistic ", enumerate(ratios), "."),
           what = "p", value = rep_len(errors, length(p))[open],
           fix = "Use more `probes` in lmm_control(), or solver = \"direct\".")
  replace(p, open, NA_real_)
}

# Errors of -2 times the differences of log-likelihoods, each of which has its own.
ratio_errors <- function(a, b) {
  own <- function(lls) vapply(lls, function(ll) 2 * max(attr(ll, "mc.error"), 0), 0)
  sqrt(own(a)^2 + own(b)^2)
}

iterative_point <- function(fit) {
  list(engine_layout(fit_frame(fit)), fit_blocks(fit), fit_optimum(fit)$theta, fit_spec(fit)$reml,
       engine_threads(fit_control(fit)))
}

# The average information stands for the observed and the expected one.
iterative_derivatives <- function(fit) {
  found <- engine_result(do.call(engine_iterative_information, iterative_point(fit)), fit_frame(fit))
  found$t <- found$t_ml <- found$ai
  found[c("phi", "psi", "p", "q", "t", "t_ml", "ai", "jacobian", "curvature")]
}

# `at`: NULL for the estimates, or what iterative_point_at() makes.
iterative_prediction_variance <- function(fit, design, random, at = NULL) {
  if (is.null(at)) at <- list(point = iterative_point(fit), scale = 1)
  at$scale * engine_result(do.call(engine_iterative_variances, c(at$point, list(kept_design(fit, design), random))),
                           fit_frame(fit))
}

# Other variance parameters: theta, and sigma^2, for which the engine has its estimate given theta.
iterative_point_at <- function(fit, theta, sigma2) {
  point <- replace(iterative_point(fit), 3L, list(theta))
  list(point = point, scale = sigma2 / engine_result(do.call(engine_iterative_information, point),
                                                     fit_frame(fit))$sigma2)
}

# List per grouping factor: array q x q x levels, approximate.
iterative_conditional <- function(fit, errors) {
  engine_result(do.call(engine_iterative_conditional, c(iterative_point(fit), list(errors))), fit_frame(fit))
}

# Variances of effects that say what they are.
labeled_approximate <- function(x, fit) {
  if (fit_is_iterative(fit)) attr(x, "approximate") <- TRUE
  x
}

say_approximate <- function(fit, what) {
  if (!fit_is_iterative(fit)) return(invisible())
  lmm_inform("approximate",
             paste0(what,
               " approximate for a fit by the iterative solver: they ignore the dependence between levels of the ",
                                   "factors that are not eliminated."), what = "solver",
             fix = "Use predict(se.fit = TRUE) for the levels that matter, or solver = \"direct\" in lmm_control().")
}

# The list that engine_refits() returns, from one fit after another, each from the estimates of `fit`.
iterative_refits <- function(fit, blocks, reml) {
  lower <- function(S) S[lower.tri(S, diag = TRUE)]
  each <- lapply(seq_along(blocks$x$total), function(j) {
    iterative_fit(fit_frame(fit), blocks, reml, fit_optimum(fit)$theta, replace(fit_control(fit), "progress", FALSE), j)
  })
  columns <- function(part) do.call(cbind, lapply(each, part))
  values <- function(part) unlist(lapply(each, part))
  list(theta = columns(function(x) x$optimum$theta), beta = columns(function(x) x$solution$beta),
       covariance = columns(function(x) unlist(lapply(x$solution$covariance, lower))),
       sigma = sqrt(values(function(x) x$solution$sigma2)),
       criterion = values(function(x) x$solution$value), evaluations = values(function(x) x$optimum$evaluations),
       converged = values(function(x) x$optimum$status == "converged"),
       singular = values(function(x) any(x$optimum$singular)))
}

# Diagonals of the blocks of an array q x q x levels: q x levels.
block_diagonals <- function(blocks) {
  q <- dim(blocks)[1L]
  matrix(matrix(blocks, q * q)[(seq_len(q) - 1L) * q + seq_len(q), ], q)
}
