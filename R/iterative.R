# Crossed factors of any size: which solver a fit gets, fits without a factorization, and what they say of their Monte
# Carlo error.

# "direct" or "iterative", from what was asked and what the patterns of the data allow.
chosen_solver <- function(frame, blocks, control) {
  asked <- control$solver
  if (is.null(asked) || asked == "direct") return("direct")
  if (asked == "auto" && (length(frame$groups) < 2L || other_columns(frame) <= 400)) return("direct")
  reason <- direct_only(frame)
  if (asked == "iterative") {
    refuse_direct_only(reason, control)
    return("iterative")
  }
  if (!is.null(reason)) return("direct")
  if (factor_is_out_of_reach(frame, blocks, control$memory_limit)) "iterative" else "direct"
}

# By the pattern of the data, in memory or in time.
factor_is_out_of_reach <- function(frame, blocks, memory_limit) {
  engine_result(engine_needs_iterations(engine_layout(frame), blocks, memory_limit), frame)
}

# Stops where the iterative solver was asked for and there is a reason why the model has none.
refuse_direct_only <- function(reason, control) {
  if (is.null(reason) || !identical(control$solver, "iterative")) return(invisible())
  lmm_abort("solver", paste0("the iterative solver is not available ", reason, "."), what = "solver",
            fix = "Use solver = \"direct\" in lmm_control().")
}

for_residual_structure <- "for a residual structure or variance function"

# Why a model has a direct solver alone; NULL where it has both.
direct_only <- function(frame) {
  if (!is.null(frame$residual)) for_residual_structure
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
