# A model without data for its response: rows, formula and parameters, from which responses can be drawn.

#' Simulation from a formula
#'
#' Draws responses from a model that has not been fitted: a formula, the rows of a design, and values of all parameters.
#'
#' @param formula a formula with random terms, with or without a response, which need not exist.
#' @param data a data frame with the rows of the design.
#' @param newparams values of all parameters: a list with `beta` (fixed effects in the order of the model matrix, or
#'   with names), `theta` (relative Cholesky parameters, term by term) and `sigma`; or by name, as in
#'   [simulate.lmm_fit()]: coefficients, `"sd_(Intercept)|g"` (for a term of one column also by its name in [VarCorr()]:
#'   `g`), `"cor_x.(Intercept)|g"`, `sigma`. Correlations that are not given are 0.
#' @param nsim number of responses.
#' @param seed a whole number that fixes the random numbers, or `NULL`.
#' @param weights prior weights of the rows.
#' @param ... not used.
#' @return A data frame with one column per response and a row per row of `data`, as [simulate.lmm_fit()] gives.
#' @section Conditions:
#' `lmm_error_input`: a parameter without a value, or one that the model does not have; for the formula and the data
#' those of [lmm()].
#' @seealso [simulate.lmm_fit()] for a fit, [power_study()].
#' @concept sample size
#' @concept simulation
#' @concept power
#' @examples
#' design <- expand.grid(Days = 0:9, Subject = factor(1:20))
#' parameters <- c("(Intercept)" = 250, Days = 10, "sd_(Intercept)|Subject" = 25,
#'                 "sd_Days|Subject" = 6, sigma = 25)
#' y <- simulate_lmm(~ Days + (Days | Subject), design, parameters, nsim = 2, seed = 1)
#' head(y)
#' @export
simulate_lmm <- function(formula, data, newparams, nsim = 1, seed = NULL, weights = NULL, ...) {
  template <- template_fit(formula, data, newparams, weights = weights)
  stats::simulate(template, nsim, seed)
}

# A fit to random numbers, with the given parameters in place of the estimates.
template_fit <- function(formula, data, newparams, REML = TRUE, weights = NULL) {
  formula <- check_formula(formula)
  response <- drawn_response(formula)
  data <- check_data(data)
  if (is.null(data)) lmm_abort("input", "`data` is missing.", what = "data", fix = "Give the rows of the design.")
  formula <- stats::as.formula(call("~", response, formula[[length(formula)]]), env = environment(formula))
  data[[as.character(response)]] <- stream_normals(random_streams(1L, 1L), nrow(data))[, 1L]
  control <- lmm_control(restarts = 0)
  call <- list(quote(lmm), formula, data = data, REML = REML, control = control)
  if (!is.null(weights)) call$weights <- weights
  fit <- without_boundary_messages(eval(as.call(call), list(lmm = lmm)))
  set_all_parameters(fit, newparams)
}

drawn_response <- function(formula) {
  response <- if (length(formula) == 2L) as.name("response") else formula[[2L]]
  if (is.name(response)) return(response)
  lmm_abort("input", paste0("the response of a model for simulation must be a variable name, not `",
                            deparse_line(response), "`."), what = "formula",
            fix = "Simulate the transformed response, and transform it back.")
}

# The model of a fit for other rows: fitted to a response drawn for them, with the parameters of `fit`. The power does
# not depend on the offset, which is left out.
design_fit <- function(fit, data, caller) {
  formula <- stats::formula(fit)
  response <- as.character(drawn_response(formula))
  rows <- new_rows(fit_frame(fit), data, NULL, TRUE)
  weights <- asked_weights(fit, rows, NULL, data)
  if (!is.null(weights)) weights <- rep_len(weights, rows$n)
  y <- stats::simulate(fit, 1, 1L, newdata = data, allow.new.levels = TRUE, weights = weights)[[1L]]
  data[[response]] <- replace(y, is.na(y), 0)
  call <- fit_call(fit)
  call[c("offset", "subset", "start", "na.action")] <- NULL
  call <- located_arguments(fit, call, "control", caller)
  call[[1L]] <- lmm
  call$formula <- reachable_formula(formula, data, fit, caller)
  call$data <- data
  call$control <- lmm_control(restarts = 0)
  call["weights"] <- list(weights)
  moved_parameters(fit, without_boundary_messages(eval(call, caller)))
}

# `to` with the parameters of `from`, a fit of the same model to other rows.
moved_parameters <- function(from, to) {
  beta <- fit_beta(to)
  unknown <- setdiff(names(beta)[fit_estimable(to)], names(fit_beta(from))[fit_estimable(from)])
  residual <- if (is_structured(to)) lapply(list(from, to), function(fit) scaled_residual_parameters(fit, "sd")$name)
  if (length(residual)) unknown <- c(unknown, setdiff(residual[[2L]], residual[[1L]]))
  if (length(unknown)) {
    lmm_abort("input", paste0("the design has parameters that the fit does not have: ",
                              enumerate(quote_name(unknown)), "."), what = unknown,
              fix = "Use the levels and visits of the fit, or give a formula and all parameters.")
  }
  if (has_special(to) && !identical(lapply(fit_covariance(to), dimnames), lapply(fit_covariance(from), dimnames))) {
    refuse_special(fit_frame(from), "power for levels other than those of the fit is")
  }
  to$estimates$beta <- ifelse(fit_estimable(to), fit_beta(from)[names(beta)], NA_real_)
  names(to$estimates$beta) <- names(beta)
  to$estimates$covariance <- fit_covariance(from)
  to$estimates[c("theta", "natural")] <- from$estimates[c("theta", "natural")]
  to$optimum$zero_sigma <- FALSE
  if (length(residual)) to$optimum$psi <- fit_psi(from)[match(residual[[2L]], residual[[1L]])]
  # the same at 0: the variance functions of both may have different centers
  to$estimates$sigma <- fit_sigma(from) * exp(log_sigma_shift(from) - log_sigma_shift(to))
  to
}

# Every parameter has a value, or is a correlation.
set_all_parameters <- function(fit, newparams) {
  given <- parameter_list(newparams)
  parameters <- variance_parameters(fit)
  known <- known_parameters(fit_frame(fit))
  has <- known$shown[known$name %in% names(given)]
  sd <- parameter_names(parameters, old = FALSE)
  missing <- if (is.null(given$theta)) setdiff(sd[!parameters$correlation & parameters$term > 0L], has)
  if (!"sigma" %in% has) missing <- c(missing, "sigma")
  beta <- given[["beta"]]
  named <- names(fit_beta(fit))[fit_estimable(fit)]
  if (is.null(beta) || !is.null(names(beta))) missing <- c(missing, setdiff(named, c(names(given), names(beta))))
  if (length(missing)) {
    lmm_abort("input", paste0("`newparams` gives no value for ", enumerate(quote_name(missing), 20L), "."),
              what = missing,
              fix = "Without a fit every fixed effect and standard deviation needs a value.")
  }
  fit$estimates$covariance <- lapply(fit_covariance(fit), function(S) diag(nrow(S)))
  with_parameters(fit, given)
}
