# tidy() of the parameters of a fit with a residual structure.

# Rows in the order of confint(): random effects, parameters of the structure by their own names, residual.
tidy_structured <- function(fit, scales, limits, level) {
  scale <- if (scales == "sdcor") "sd" else "variance"
  random <- variance_parameters(fit)
  last <- nrow(random)
  term <- tidy_terms(random$kind, random$var1, random$var2, scales)
  own <- scaled_residual_parameters(fit, scale)
  shared <- !fit_blocks(fit)$owns_scale
  out <- data.frame(effect = "ran_pars", group = c(random$grp[-last], rep("Residual", NROW(own) + shared)),
                    term = c(term[-last], own$name, if (shared) term[last]),
                    estimate = structured_estimates(fit, scale), stringsAsFactors = FALSE)
  if (limits != "none") {
    found <- row_limits_by(fit, scales, if (limits == "default") "Wald" else limits, level)
    out[c("conf.low", "conf.high")] <- list(found[, 1L], found[, 2L])
  }
  held <- held_rows(fit, scale)
  if (is.null(held)) return(out)
  own <- data.frame(effect = "ran_pars", group = held$grp, estimate = held[[scales]], stringsAsFactors = FALSE)
  own$term <- ifelse(held$kind == "residual", held$name, tidy_terms(held$kind, held$var1, held$var2, scales))
  out <- with_held_rows(out, own, "group")
  row.names(out) <- NULL
  out
}
