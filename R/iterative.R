# Crossed factors of any size: which solver a fit gets, fits without a factorization, and what they say of their Monte
# Carlo error.

fit_is_iterative <- function(fit) identical(fit$optimum$solver, "iterative")

# "direct" or "iterative", from what was asked and what the patterns of the data allow.
chosen_solver <- function(frame, blocks, control) {
  asked <- control$solver
  if (is.null(asked) || asked == "direct") return("direct")
  reason <- direct_only(frame)
  if (asked == "iterative") {
    if (!is.null(reason)) {
      lmm_abort("solver", paste0("the iterative solver is not available ", reason, "."), what = "solver",
                fix = "Use solver = \"direct\" in lmm_control().")
    }
    return("iterative")
  }
  if (!is.null(reason) || other_columns(frame) <= 400) return("direct")
  needed <- engine_result(engine_needs_iterations(engine_layout(frame), blocks, control$memory_limit), frame)
  if (needed) "iterative" else "direct"
}

# Why a model has a direct solver alone; NULL where it has both.
direct_only <- function(frame) {
  if (!is.null(frame$residual)) "for a residual structure"
  else if (has_related(frame)) "for levels with a known relationship"
  else if (length(frame$groups) < 2L) "for one grouping factor, whose levels need no solver"
  else if (any(vapply(frame$random, is_special, NA))) "for covariance structures of random effects"
  else if (isFALSE(frame$bounded)) "with `bounded = FALSE`"
  else if (!is.null(frame$held)) "with `fixed`"
}

# Random-effect columns of all grouping factors but the one with most levels.
other_columns <- function(frame) {
  levels <- vapply(frame$groups, function(group) length(group$levels), 0L)
  q <- vapply(seq_along(levels),
              function(g) sum(vapply(frame$random, function(term) if (term$group == g) as.numeric(term$q) else 0, 0)),
              0)
  sum((levels * q)[-which.max(levels)])
}

iterative_options <- function(control, reml, start) {
  list(reml = reml, max_evaluations = control$max_evaluations, decrement = control$decrement, start = start,
       probes = control$probes, probe_seed = control$probe_seed, threads = engine_threads(control))
}

# Fits of older versions have no number of threads.
engine_threads <- function(control) if (is.null(control$threads)) 1L else control$threads

# What engine_fit() returns, by the iterative solver.
iterative_fit <- function(frame, blocks, reml, start, control, response = 1L) {
  found <- engine_iterative_fit(engine_layout(frame), blocks, as.integer(response),
                                iterative_options(control, reml, start), control$progress)
  found <- engine_result(found, frame)
  found$optimum$monte_carlo <- found$monte_carlo
  found
}

# Refusals of the iterative solver, in the words of a condition.
abort_iterative <- function(kind) {
  why <- switch(kind,
    iterative_passes = "the conjugate gradients did not converge in 1000 passes over the pairs of levels",
    iterative_ratio =
      "a variance is so large against the residual one that the differences it works with lose all digits",
    iterative_exact =
      "fixed and random effects fit the response to the last digits, and nothing is left for the residual variance")
  lmm_abort("solver", paste0("the iterative solver cannot fit this model: ", why, "."), what = "solver", value = kind,
            fix = "Use solver = \"direct\" in lmm_control(), if its memory allows.")
}

# `what` with its verb: "profiles are".
refuse_iterative <- function(fit, what = "this is") {
  if (!fit_is_iterative(fit)) return(invisible())
  lmm_abort("solver", paste0(what, " not available for a fit by the iterative solver, which has no factorization."),
            what = "solver",
            fix = "Refit with control = lmm_control(solver = \"direct\"), if its memory allows.")
}

# Conditions that a fit by the iterative solver leaves: what was done, and what it is worth.
iterative_conditions <- function(optimum) {
  if (!identical(optimum$solver, "iterative")) return(NULL)
  told <- optimum$monte_carlo
  share <- format(signif(100 * told$share, 2L), scientific = FALSE)
  said <- lmm_condition("message", "solver",
                        paste0("iterative solver: ", told$probes,
                               " probes, Monte Carlo error of the variance parameters at most ",
    share, paste(" percent of their standard errors. Profiles, exact tests and joint covariance matrices of all",
                 "effects need solver = \"direct\".")),
    what = "solver", value = told$share)
  worse <- if (isTRUE(told$share > 0.02)) {
    lmm_condition("warning", "precision",
                  paste0("the Monte Carlo error of a variance parameter is ", share,
                         " percent of its standard error, with ",
      told$probes, " probes."), what = "probes", value = told$share, fix = "Use more `probes` in lmm_control().")
  }
  Filter(Negate(is.null), list(said, worse))
}

# ---- Monte Carlo errors ----

# Twice the estimated Monte Carlo errors of the listed variance parameters, whose distribution has heavy tails; NULL for
# a direct fit.
monte_carlo_errors <- function(fit, scale = "sd", parameters = variance_parameters(fit)) {
  if (!fit_is_iterative(fit)) return(NULL)
  maps <- Map(vech_map, fit$cross_products$z_basis, fit_random(fit))
  found <- transformed_errors(block_diagonal(c(maps, list(matrix(1)))), fit$optimum$monte_carlo$covariance)
  at <- parameter_positions(fit, parameters)
  se <- found$se[at] * fit_sigma(fit)^2
  if (scale == "sd") se <- transformed_errors(sd_slopes(fit, parameters) * rep(se, each = length(at)),
                                              found$correlation[at, at, drop = FALSE])$se
  2 * se
}

# Twice the Monte Carlo error of -2 log L; 0 for a direct fit.
criterion_error <- function(fit) if (fit_is_iterative(fit)) 2 * fit$optimum$monte_carlo$criterion else 0

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

# p-values that the Monte Carlo error of the criteria leaves undecided at 5 percent become NA, with a warning.
decided_p <- function(p, chisq, df, errors) {
  ranges <- function(shift) stats::pchisq(pmax(0, chisq + shift), df, lower.tail = FALSE)
  open <- !is.na(p) & errors > 0 & (ranges(-errors) < 0.05) != (ranges(errors) < 0.05)
  if (!any(open)) return(p)
  lmm_warn("precision",
           paste0("the Monte Carlo error of the log likelihoods leaves open whether a p-value is below 0.05: ",
                               "Chisq ",
                               enumerate(paste(format(chisq[open], digits = 3L), "+-",
                                               format(errors[open], digits = 2L))), "."),
           what = "Pr(>Chisq)", value = errors[open],
           fix = "Use more `probes` in lmm_control(), or solver = \"direct\".")
  replace(p, open, NA_real_)
}

# ---- questions about a fit ----

iterative_point <- function(fit) {
  list(engine_layout(fit$frame), fit$cross_products, fit$optimum$theta, fit$spec$reml, engine_threads(fit$control))
}

# The average information stands for the observed and the expected one.
iterative_derivatives <- function(fit) {
  found <- engine_result(do.call(engine_iterative_information, iterative_point(fit)), fit$frame)
  found$t <- found$t_ml <- found$ai
  found[c("phi", "psi", "p", "q", "t", "t_ml", "ai", "jacobian", "curvature")]
}

iterative_prediction_variance <- function(fit, design, random) {
  engine_result(do.call(engine_iterative_variances, c(iterative_point(fit), list(kept_design(fit, design), random))),
                fit$frame)
}

# List per grouping factor: array q x q x levels, approximate.
iterative_conditional <- function(fit, errors) {
  engine_result(do.call(engine_iterative_conditional, c(iterative_point(fit), list(errors))), fit$frame)
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
               " approximate for a fit by the iterative solver: the couplings between the levels of the factors that ",
                                   "are not eliminated are left out."), what = "solver",
             fix = "Use predict(se.fit = TRUE) for the levels that matter, or solver = \"direct\" in lmm_control().")
}

# The list that engine_refits() returns, from one fit after another, each from the estimates of `fit`.
iterative_refits <- function(fit, blocks, reml) {
  lower <- function(S) S[lower.tri(S, diag = TRUE)]
  each <- lapply(seq_along(blocks$x$total), function(j) {
    iterative_fit(fit$frame, blocks, reml, fit$optimum$theta, replace(fit$control, "progress", FALSE), j)
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
