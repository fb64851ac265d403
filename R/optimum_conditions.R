# What is told of how a search ended: residual variance 0, other optima, no convergence, no optimum.

zero_residual_warning <- function(frame, estimates) {
  exact <- all(unlist(estimates$covariance) == 0)
  lmm_condition("warning", "precision", paste0("residual variance is zero to working precision: ",
    quote_name(frame$response), " is an exact linear function of the fixed effects",
    if (!exact) " and the random effects", "."), what = frame$response, value = 0,
    fix = "Standard errors, tests and the likelihood are not defined.")
}

no_residual_message <- function() {
  lmm_condition("message", "boundary", "boundary (singular) fit: the residual variance is estimated as 0.",
                what = "sigma",
                value = 0, fix = "The other estimates, standard errors and tests are their limits.")
}

# Searches from other starts that came to another optimum: how many, and how far the next one is. Searches that end at
# one optimum differ by little more than the rounding error of the criterion.
optima_conditions <- function(optimum) {
  gap <- optimum$others - optimum$value
  gap <- gap[gap > 1e6 * optimum$rounding]
  if (!length(gap) && !isTRUE(optimum$unbounded)) return(NULL)
  more <- if (length(gap)) paste0(count_of(length(gap), "search", "searches"),
                                  " from other starting values ended at a lower one, by ",
                                  format(min(gap) / 2, digits = 2L), if (length(gap) > 1L) " or more")
  infinite <- if (isTRUE(optimum$unbounded)) "the likelihood has no upper bound as the residual variance goes to 0"
  list(lmm_condition("message", "optima",
                     paste0("the estimates depend on the starting values: the likelihood has more than one maximum. ",
    "This is the highest that was found; ", paste(c(more, infinite), collapse = "; "), "."), what = "start",
    value = min(gap, Inf) / 2,
    fix = "Compare fits with other values of lmm(start = ), or with fewer variance parameters."))
}

# Other maxima of a residual covariance matrix: lower ones, and higher ones that depend on a few subjects.
residual_optima_conditions <- function(optimum, frame) {
  rough <- any(vapply(frame$residual$parts, is_rough, NA)) && "range" %in% free_parameters(frame$residual)$kind
  if (rough && optimum$status == "converged") return(list(rough_message()))
  if (!length(optimum$other_maxima) && !length(optimum$accidental)) return(NULL)
  gaps <- sort(optimum$other_maxima / 2)
  higher <- c(optimum$accidental, 0)[1L] / 2
  say <- function(text, value) {
    lmm_condition("message", "optima", paste("the likelihood has more than one local maximum:", text),
                  what = "residual", value = value,
                  fix = "Use a structure with fewer parameters, such as ar1(), cs() or csh().")
  }
  list(if (length(gaps)) say(lower_maxima(gaps, 1e-9 * (1 + abs(optimum$value))), gaps[1L]),
       if (higher > 0) say(paste0("one with a log-likelihood higher by ", format(higher, digits = 2L), " has a nearly ",
                                  "singular residual covariance matrix. It depends on a few subjects and may be an ",
                                  "artifact of their residuals. The estimates are from a regular one."), higher))
}

# lin() of several coordinates: pmax(1 - h / range, 0) is a correlation function on a line only.
is_rough <- function(part) part$word == "lin" && length(part$positions) > 1L

rough_message <- function() {
  lmm_condition("message", "optima",
                paste("the estimates depend on the starting values: with several coordinates, lin() is positive",
                      "definite only for some ranges, and its likelihood has many local maxima; this is one of them."),
                what = "residual",
                fix = "Use sph(), which is positive definite in up to three coordinates, or exp().")
}

# `rounding`: a smaller difference is none.
lower_maxima <- function(gaps, rounding) {
  size <- if (gaps[1L] < rounding) "equally high" else paste("lower by", format(gaps[1L], digits = 2L))
  more <- if (length(gaps) > 1L) paste0(", and ", count_of(length(gaps) - 1L, "other"))
  paste0("the search also found one that is ", size, more, ".")
}

convergence_warning <- function(optimum, frame) {
  if (optimum$status == "unbounded") {
    return(lmm_condition("warning", "convergence",
                         paste("the criterion falls without bound as the residual variance goes to 0:",
      "fixed and random effects can fit these data exactly, and there are no estimates."), what = "sigma", value = 0,
      fix = "Use fewer random columns, or give the residual standard deviation: fixed = c(sigma = )."))
  }
  if (optimum$status == "singular residual covariance") return(singular_residual_warning(optimum, frame$residual))
  lmm_condition("warning", "convergence", paste0("the search ended without reaching the optimum (", optimum$status,
    "): one more Newton step would lower the criterion by ", format(optimum$decrement, digits = 3L), "."),
    value = optimum$decrement, fix = "See lmm_control().")
}

singular_residual_warning <- function(optimum, plan) {
  reason <- singular_reason(optimum, plan)
  lmm_condition("warning", "convergence",
                paste("the likelihood has no maximum: it increases toward the boundary where the residual",
    "covariance matrix of a subject is singular.", reason$why), what = "residual", value = length(optimum$psi),
    fix = reason$fix)
}

# Why the search went to a singular matrix, and what to do: visits of few subjects, a function that is no correlation
# function in the plane, a correlation that goes to 1, or rows at short distances that are correlated perfectly.
singular_reason <- function(optimum, plan) {
  if (any(vapply(plan$parts, part_visits, 0L) > 0L)) {
    return(list(why = paste("There are too few subjects for the", length(optimum$psi),
                            "residual covariance parameters."),
                fix = "Use a structure with fewer parameters, such as ar1(), cs() or csh()."))
  }
  if (any(vapply(plan$parts, is_rough, NA))) {
    return(list(why = "With several coordinates, lin() is positive definite only for some ranges.",
                fix = "Use sph(), which is positive definite in up to three coordinates, or exp()."))
  }
  parameters <- free_parameters(plan)
  unit <- parameters$kind == "correlation" & abs(optimum$psi) > 0.999
  if (any(unit)) {
    names <- parameters$name[unit]
    sign <- if (optimum$psi[unit][1L] > 0) "" else "-"
    return(list(why = paste0(enumerate(quote_name(names)), if (length(names) > 1L) " approach " else " approaches ",
                             sign, "1",
                             ": the residuals have a trend, or differences between neighbors are independent."),
                fix = paste0("Add the trend to the formula, leave out ", if (isTRUE(plan$nugget)) "the nugget or ",
                             "this part of the structure, or fix the parameter: fixed = c(",
                             deparse_line(as.name(names[1L])), " = ", sign, "0.99).")))
  }
  list(why = "At these parameters, rows at short distances are perfectly correlated.",
       fix = if (isTRUE(plan$nugget)) "Add a trend in the positions to the formula, or leave out the nugget."
       else "Use nugget = TRUE or a rougher function, such as exp(), or add a trend in the positions to the formula.")
}

no_optimum_warning <- function(optimum) {
  lmm_condition("warning", "convergence",
                paste("the criterion falls to the edge of the parameters at which the covariance matrix of",
    "the response is positive definite: with `bounded = FALSE` it has no optimum."), value = optimum$decrement,
    fix = "Use bounded = TRUE, or ems() for moment estimates.")
}

boundary_message <- function(frame, optimum, estimates) {
  told <- unlist(Map(function(S, term, singular) if (singular) boundary_words(S, term), estimates$covariance,
                     frame$random, optimum$singular))
  lmm_condition("message", "boundary", paste0("boundary (singular) fit: ", paste(told, collapse = "; "), "."),
                what = vapply(frame$random[optimum$singular], `[[`, "", "name"))
}

boundary_words <- function(S, term) {
  if (is_special(term)) {
    what <- if (all(S == 0)) "the variances" else "a parameter"
    return(paste0(what, " of ", written_terms(list(term)), " ",
                  if (all(S == 0)) "are estimated as 0" else "is estimated at its bound"))
  }
  zero <- term$columns[diag(S) == 0]
  if (length(zero)) {
    return(paste0("variance of ", enumerate(quote_name(zero)), " for ", quote_name(term$name), " is estimated as 0"))
  }
  if (nrow(S) == 2L) {
    return(paste0("correlation of ", enumerate(quote_name(term$columns)), " for ", quote_name(term$name),
                  " is estimated as ", if (S[1L, 2L] > 0) "1" else "-1"))
  }
  paste0("covariance matrix of ", quote_name(term$name), " is estimated as singular")
}

# The share of a column's variation that earlier columns must leave, lest its coefficient be noted as imprecise.
nearly_collinear <- 10^-4

# Columns of X that earlier ones determine, and columns that come close to it.
rank_conditions <- function(frame, blocks) {
  columns <- seq_along(frame$x_names)
  dropped <- columns[!columns %in% blocks$x$kept]
  near <- which(blocks$x$novelty > 0 & blocks$x$novelty < nearly_collinear)
  c(if (length(dropped)) list(rank_message(frame, blocks, dropped)),
    if (length(near)) list(collinear_message(frame, blocks, near)))
}

rank_message <- function(frame, blocks, dropped) {
  kept <- frame$x_names[blocks$x$kept]
  words <- vapply(seq_along(dropped), function(k) {
    weight <- blocks$x$alias[, dropped[k]]
    alias_words(frame$x_names[dropped[k]], kept[weight != 0], weight[weight != 0])
  }, "")
  lmm_condition("message", "rank", paste0("fixed-effect model matrix is rank deficient, so ",
    count_of(length(dropped), "column is", "columns are"), " dropped: ", enumerate(words), "."),
    what = frame$x_names[dropped])
}

alias_words <- function(name, of, weight) {
  if (!length(of)) return(paste0(quote_name(name), " is zero"))
  if (identical(of, "(Intercept)")) return(paste0(quote_name(name), " is constant and duplicates the intercept"))
  if (length(of) == 1L && isTRUE(all.equal(weight, 1))) return(paste0(quote_name(name), " = ", quote_name(of)))
  paste0(quote_name(name), " is a combination of ", enumerate(quote_name(of)))
}

collinear_message <- function(frame, blocks, near) {
  kept <- frame$x_names[blocks$x$kept]
  related <- lapply(near, function(j) setdiff(kept[blocks$x$alias[, j] != 0], "(Intercept)"))
  words <- unlist(Map(function(j, of) paste(quote_name(c(of, frame$x_names[j])), collapse = " and "), near, related))
  lmm_condition("message", "precision", paste0("nearly collinear fixed effects: ", enumerate(words),
    "; their separate coefficients depend on the last digits of the data."), what = frame$x_names[near])
}
