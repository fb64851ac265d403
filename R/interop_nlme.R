# Package 'nlme': its generic functions for fits.

#' Functions of nlme
#'
#' `intervals()`, `getVarCov()`, `getGroups()`, `getResponse()` and `getData()` of package 'nlme' work on fits; `ACF()`
#' and `Variogram()` have their own page, [autocorrelation].
#'
#' @param object,obj a fit made by [lmm()].
#' @param level for `intervals()` the confidence level; for `getGroups()` name or number of the grouping factor, by
#'   default the last.
#' @param which `"all"`, `"fixed"` or `"var-cov"`.
#' @param ddf method for the degrees of freedom of the fixed effects, see [ddf_methods()]. `"inner-outer"` gives the
#'   limits of `nlme::lme()`.
#' @param type `"random.effects"`: covariance matrix of the random effects of a grouping factor; `"conditional"`,
#'   `"marginal"`: those of the response of individuals given the random effects, or not.
#' @param individuals names or numbers of levels of the grouping factor.
#' @param group name or number of the grouping factor, by default the first.
#' @param form a one-sided formula `~ 1 | group`. By default the levels of the last grouping factor.
#' @param ... not used.
#' @return `intervals()`: a list of class `intervals.lme` with limits and estimates: `fixed`, `reStruct` (one data frame
#'   for each grouping factor), `sigma`, and with a residual structure `corStruct` and `varStruct`, the parameters of
#'   the structure and of the variance function. `getVarCov()`: a matrix, or a list with a matrix for each individual,
#'   of class `VarCov`. `getGroups()`: a factor; `getResponse()`: a vector; one value for each row used.
#' @section Conditions:
#' `lmm_error_input`: an invalid argument, a fit that does not keep its rows.
#' @references Pinheiro and Bates (2000) *Mixed-Effects Models in S and S-PLUS*, sections 2.4, 5.3.
#' @seealso [subject_covariance()], [confint][confint.lmm_fit], [residuals][residuals.lmm_fit].
#' @concept nlme
#' @concept lme
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' nlme::intervals(fit)
#' nlme::getVarCov(fit)
#' @name nlme_support
NULL

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::intervals, lmm_fit)
intervals.lmm_fit <- function(object, level = 0.95, which = c("all", "var-cov", "fixed"), ddf = "Satterthwaite", ...) {
  if (missing(ddf)) ddf <- default_ddf(object)
  which <- check_choice(which[1L], c("all", "var-cov", "fixed"), "which")
  report_exact(object)
  out <- list()
  if (which != "var-cov" && length(fit_beta(object))) {
    table <- tidy_fixed(object, ddf, "default", level, FALSE)
    out$fixed <- structure(cbind(lower = table$conf.low, est. = table$estimate, upper = table$conf.high),
                           dimnames = list(table$term, c("lower", "est.", "upper")), label = "Fixed effects:")
  }
  if (which != "fixed" && is_structured(object)) out <- c(out, structured_intervals(object, level))
  else if (which != "fixed") {
    limits <- stats::confint(object, "theta_", level = level, method = "Wald", oldNames = FALSE,
                             quiet = TRUE)
    own <- variance_parameters(object)$term > 0L
    rows <- data.frame(lower = limits[, 1L], est. = variance_estimates(object, "sd"), upper = limits[, 2L])
    pars <- as.data.frame(VarCorr(object))[own, ]
    named <- data.frame(rows[own, ], row.names = make.unique(ifelse(is.na(pars$var2), paste0("sd(", pars$var1, ")"),
                                                                    paste0("cor(", pars$var1, ",", pars$var2, ")"))))
    group <- names(fit_groups(object))[fit_term_groups(object)[variance_parameters(object)$term[own]]]
    out$reStruct <- structure(split(named, factor(group, unique(group))), label = "Random Effects:")
    out$sigma <- structure(unlist(rows[!own, ]), label = "Within-group standard error:")
  }
  structure(out, level = level, class = "intervals.lme")
}

# Limits of the variance parameters beside a residual structure, as parts of an object of class intervals.lme: Wald
# limits on the scales of nlme, logarithms of standard deviations and ranges, Fisher's z of correlations, logits of
# nuggets.
structured_intervals <- function(fit, level) {
  found <- free_components(fit, "sd", "observed")
  kind <- interval_kinds(fit)
  at <- chart_of(kind, found$estimate, 1)
  half <- stats::qnorm((1 + level) / 2) * found$se / chart_inverse(kind, at, 1)$first
  limit <- function(x) chart_inverse(kind, x, 1)$psi
  rows <- data.frame(lower = limit(at - half), est. = found$estimate, upper = limit(at + half),
                     row.names = rownames(found))
  random <- seq_len(nrow(variance_parameters(fit)) - 1L)
  last <- if (!fit_blocks(fit)$owns_scale) nrow(rows)
  residual <- setdiff(seq_len(nrow(rows)), c(random, last))
  function_of <- residual[scaled_residual_parameters(fit, "sd")$kind %in% variance_kinds]
  group <- names(fit_groups(fit))[fit_term_groups(fit)[variance_parameters(fit)$term[random]]]
  part <- function(at, label) if (length(at)) structure(as.matrix(rows[at, ]), label = label)
  out <- list(reStruct = if (length(random)) structure(split(rows[random, ], factor(group, unique(group))),
                                                       label = "Random Effects:"),
              corStruct = part(setdiff(residual, function_of), "Residual structure:"),
              varStruct = part(function_of, "Variance function:"),
              sigma = if (length(last)) structure(unlist(rows[last, ]), label = "Within-group standard error:"))
  Filter(Negate(is.null), out)
}

# Kinds by which chart_of() finds the scales. An ARMA coefficient without others of its kind is a correlation.
interval_kinds <- function(fit) {
  kind <- profiled_parameters(fit)$kind
  kind[kind == "rho"] <- "correlation"
  kind[kind == "specific"] <- "variance"
  for (own in c("autoregression", "moving_average")) if (sum(kind == own) == 1L) kind[kind == own] <- "correlation"
  kind
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getVarCov, lmm_fit)
getVarCov.lmm_fit <- function(obj, individuals = 1, type = c("random.effects", "conditional", "marginal"), group = 1,
                              ...) {
  if (is_structured(obj) && (!length(fit_groups(obj)) || !missing(type) && type[1L] != "random.effects")) {
    return(subject_matrices(obj, individuals, if (missing(type)) "marginal" else type[1L]))
  }
  type <- check_choice(type[1L], c("random.effects", "conditional", "marginal"), "type")
  group <- group_position(obj, group)
  name <- names(fit_groups(obj))[group]
  if (type == "random.effects") {
    S <- block_diagonal(fit_covariance(obj)[fit_term_groups(obj) == group])
    columns <- unlist(lapply(fit_random(obj)[fit_term_groups(obj) == group], `[[`, "columns"))
    return(structure(S, dimnames = list(columns, columns), class = c(type, "VarCov"), group.levels = name))
  }
  levels <- fit_groups(obj)[[group]]$levels
  at <- vapply(seq_along(individuals), function(k) position_of_level(individuals[k], levels, "individuals"), 0L)
  rows <- lapply(levels[at], function(level) which(as.character(getME(obj, "flist")[[group]]) == level))
  structure(stats::setNames(lapply(rows, response_covariance, fit = obj, marginal = type == "marginal"), levels[at]),
            class = c(type, "VarCov"), group.levels = name)
}

# Those of subjects of a residual structure.
subject_matrices <- function(fit, individuals, type) {
  type <- check_choice(type, c("conditional", "marginal"), "type")
  found <- lapply(individuals, function(one) {
    S <- subject_covariance(fit, one, if (type == "marginal") "marginal" else "residual")
    structure(S, dimnames = list(seq_len(nrow(S)), seq_len(nrow(S))))
  })
  structure(stats::setNames(found, individuals), class = c(type, "VarCov"),
            group.levels = if (!is.null(fit_frame(fit)$residual$subject)) deparse_line(fit_frame(fit)$residual$subject))
}

# Covariance matrix of the responses of some rows.
response_covariance <- function(fit, rows, marginal) {
  sigma2 <- fit_shown_sigma(fit)^2
  V <- diag(sigma2 / row_weights(fit_rows(fit, "getVarCov()"))[rows], length(rows))
  if (marginal) {
    root <- model.matrix(fit, "random")[rows, , drop = FALSE] %*% Matrix::t(getME(fit, "Lambdat"))
    V <- V + sigma2 * as.matrix(Matrix::tcrossprod(root))
  }
  dimnames(V) <- list(seq_along(rows), seq_along(rows))
  V
}

group_position <- function(fit, group) {
  names <- names(fit_groups(fit))
  at <- if (is.character(group) &&
            length(group) == 1L) match(group, names) else if (is.numeric(group) &&
                                                              length(group) == 1L) match(group, seq_along(names)) else
                                                                NA
  if (is.na(at)) lmm_abort("input", paste0("there is no grouping factor ", describe_value(group), "."), what = "group",
                           value = group,
                           fix = paste0("There is ", enumerate(quote_name(names)), "."))
  at
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getGroups, lmm_fit)
getGroups.lmm_fit <- function(object, form = NULL, level = length(fit_groups(object)), ...) {
  if (!is.null(form) || !length(fit_groups(object))) return(form_values(object, form)$group)
  unname(getME(object, "flist")[[group_position(object, level)]])
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getResponse, lmm_fit)
getResponse.lmm_fit <- function(object, form = NULL, ...) {
  getME(object, "y")
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getData, lmm_fit)
getData.lmm_fit <- function(object) {
  formula <- stats::formula(object)
  found <- find_data(object, fit_call(object)$data, formula, parent.frame())
  if (is.null(found)) fit_rows(object, "getData()")$data else found
}
