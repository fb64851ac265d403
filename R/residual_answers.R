# What fits with a residual structure answer, and what they refuse.

# The same contents as derivatives_at() gives for independent residuals; `bent` is what the second derivatives of V
# add to the Hessian in natural parameters. `known`: parameters at their bounds are known, see with_known().
structured_derivatives <- function(fit, known = TRUE) {
  at <- fit_optimum(fit)
  found <- engine_result(structured_information(fit_structured_model(fit), at$theta, at$psi), fit_frame(fit))
  r <- length(at$psi)
  found$jacobian <- block_diagonal(list(found$jacobian, diag(r)))
  found$bent <- found$curvature
  found$curvature <- block_diagonal(list(found$theta_curvature, matrix(0, r, r)))
  found <- found[c("phi", "psi", "p", "q", "r", "t", "t_ml", "ai", "jacobian", "curvature", "bent", "ready")]
  if (r == 0L || !known) return(found)
  with_known(found, nrow(found$jacobian) - r + which(structured_edges(at, fit_blocks(fit))))
}

# What has no theory or no code yet for a residual structure is refused by name.
# `special = FALSE`: structures of random effects are no reason.
refuse_structured <- function(fit, what, fix = NULL, special = TRUE) {
  check_fit(fit)
  if (special) refuse_special(fit_frame(fit), what, fix)
  if (!is_structured(fit)) return(invisible(fit))
  lmm_abort("input", paste0(what, " not available for a fit ", if (is_least_squares(fit)) "without random terms."
                            else "with a residual structure or a variance function."), what = "residual", fix = fix)
}

# No random terms, and residuals that are independent with one variance: also a fit of the structured engine.
is_least_squares <- function(fit) is_structured(fit) && !has_residual_title(fit)

# Degrees of freedom that are counted by random effects.
refuse_without_random <- function(fit, name) {
  if (length(fit_random(fit))) return(invisible())
  lmm_abort("input", paste0("the method \"", name, "\" derives degrees of freedom from the random effects, ",
                            "and the fit has none."), what = "ddf", value = name,
            fix = "Use ddf = \"Satterthwaite\", \"Kenward-Roger\", \"between-within\" or \"residual\".")
}
