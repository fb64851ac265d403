# Parameters that `fixed` holds in terms with a structure and in residual structures, as rows of tables. They are not
# among the parameters that are estimated, but VarCorr(), tidy() and variance_components() show them, as they show the
# held ones of other terms.

# Data frame (grp, var1, var2, kind, name, vcov, sdcor) of the held parameters of the terms and the residual structure,
# or NULL if there are none. Names are those of `scale`.
held_rows <- function(fit, scale = "sd") {
  random <- lapply(seq_along(fit_random(fit)), function(t) held_term_rows(fit, t))
  out <- do.call(rbind, random)
  if (scale != "sd" && !is.null(out)) out$name <- sub("^(specific_)?sd_", "\\1var_", out$name)
  rbind(out, held_residual_rows(fit, scale))
}

# `scale` multiplies standard deviations.
held_term_rows <- function(fit, t, scale = 1) {
  term <- fit_random(fit)[[t]]
  held <- term[["held"]]
  if (is.null(held)) return(NULL)
  term$held <- NULL
  kind <- term_kinds(term)[held$index]
  at <- term_entries(term)[held$index, , drop = FALSE]
  value <- unname(held$value) * ifelse(held$scale, (fit_sigma(fit) * scale)^2, 1)
  data.frame(grp = fit_term_names(fit)[t], var1 = parameter_places(term, at, kind, 2L),
             var2 = ifelse(kind == "rho", "cor", NA_character_), kind = kind, name = unname(held$name), vcov = value,
             sdcor = unname(ifelse(held$scale, real_root(value), value)), stringsAsFactors = FALSE)
}

# As residual_parameters() has those that are estimated.
held_residual_parameters <- function(fit) {
  held <- fit_frame(fit)$residual$held
  if (is.null(held) || !length(held$name)) return(NULL)
  out <- plan_parameters(fit_frame(fit)$residual)[held$index, , drop = FALSE]
  out$estimate <- held$value
  out
}

held_residual_rows <- function(fit, scale) {
  own <- held_residual_parameters(fit)
  if (is.null(own)) return(NULL)
  root <- own$kind == "variance" & own$estimate >= 0
  name <- residual_names(own, fit, scale)
  data.frame(grp = "Residual", var1 = name, var2 = NA_character_, kind = "residual", name = name,
             vcov = own$estimate, sdcor = ifelse(root, sqrt(abs(own$estimate)), own$estimate),
             stringsAsFactors = FALSE)
}

# The rows of `table` and `held` combined; rows of `held` follow the rows of `table` with the same value in column `by`.
with_held_rows <- function(table, held, by) {
  if (is.null(held)) return(table)
  held[setdiff(names(table), names(held))] <- NA
  out <- rbind(table, held[names(table)])
  groups <- c(unique(table[[by]]), unique(held[[by]]))
  out[order(match(out[[by]], groups)), , drop = FALSE]
}

with_held_components <- function(table, fit, scale) {
  held <- held_rows(fit, scale)
  if (is.null(held)) return(table)
  value <- held[[if (scale == "sd") "sdcor" else "vcov"]]
  own <- data.frame(held[c("grp", "var1")], var2 = NA_character_, estimate = value,
                    reason = "the parameter is fixed at a known value", row.names = held$name)
  with_held_rows(table, own, "grp")
}
