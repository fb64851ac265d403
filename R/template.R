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
  response <- if (length(formula) == 2L) as.name("response") else formula[[2L]]
  if (!is.name(response)) {
    lmm_abort("input", paste0("the response of a model to draw from must be a name, not `", deparse_line(response),
                              "`."), what = "formula",
              fix = "Draw the transformed response, and transform it back.")
  }
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
