# Package 'nlme': its generic functions for fits.

#' Functions of nlme
#'
#' `intervals()`, `getVarCov()`, `ACF()`, `Variogram()`, `getGroups()`, `getResponse()` and `getData()` of package
#' 'nlme' work on fits.
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
#' @param maxLag largest lag.
#' @param resType kind of residuals: `"pearson"`, `"response"`, or `"normalized"`, which is `"pearson"` where residuals
#'   are independent.
#' @param form a one-sided formula whose variable gives the distance of rows, optionally `~ time | group`; for `ACF()`
#'   only a group. By default the rows are one apart, within the levels of the last grouping factor.
#' @param nint number of classes of distances, by quantiles.
#' @param maxDist largest distance; by default all.
#' @param ... not used.
#' @return `intervals()`: a list of class `intervals.lme` with limits and estimates: `fixed`, `reStruct` (one data frame
#'   for each grouping factor), `sigma`. `getVarCov()`: a matrix, or a list with a matrix for each individual, of class
#'   `VarCov`. `ACF()`, `Variogram()`: data frames of these classes, for which 'nlme' has plots. `getGroups()`: a
#'   factor; `getResponse()`: a vector; one value for each row used.
#' @section Formulas:
#' The autocorrelation at lag `l` is the mean product of residuals of the same group that are `l` rows apart, divided by
#' the mean square of all. The semivariogram is half the squared difference of two residuals of a group, averaged over
#' the pairs of a class of distances.
#' @section Conditions:
#' `lmm_error_input`: an argument that is none of these, a fit that holds no rows.
#' @references Pinheiro and Bates (2000) *Mixed-Effects Models in S and S-PLUS*, sections 2.4, 5.3.
#' @seealso [subject_covariance()], [confint][confint.lmm_fit], [residuals][residuals.lmm_fit].
#' @concept autocorrelation
#' @concept variogram
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
  check_dots_empty(...)
  check_level(level)
  if (missing(ddf)) ddf <- default_ddf(object)
  which <- check_choice(which[1L], c("all", "var-cov", "fixed"), "which")
  out <- list()
  if (which != "var-cov" && length(fit_beta(object))) {
    table <- tidy_fixed(object, ddf, "default", level, FALSE)
    out$fixed <- structure(cbind(lower = table$conf.low, est. = table$estimate, upper = table$conf.high),
                           dimnames = list(table$term, c("lower", "est.", "upper")), label = "Fixed effects:")
  }
  if (which != "fixed") {
    limits <- stats::confint(object, "theta_", level = level, method = "Wald", oldNames = FALSE)
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

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getVarCov, lmm_fit)
getVarCov.lmm_fit <- function(obj, individuals = 1, type = c("random.effects", "conditional", "marginal"), group = 1,
                              ...) {
  check_dots_empty(...)
  type <- check_choice(type[1L], c("random.effects", "conditional", "marginal"), "type")
  group <- group_position(obj, group)
  name <- names(fit_groups(obj))[group]
  if (type == "random.effects") {
    S <- block_diagonal(fit_covariance(obj)[fit_term_groups(obj) == group])
    columns <- unlist(lapply(fit_random(obj)[fit_term_groups(obj) == group], `[[`, "columns"))
    return(structure(S, dimnames = list(columns, columns), class = c(type, "VarCov"), group.levels = name))
  }
  levels <- fit_groups(obj)[[group]]$levels
  at <- if (is.character(individuals)) match(individuals, levels) else match(individuals, seq_along(levels))
  if (anyNA(at)) lmm_abort("input", paste0("`individuals` must be levels of ", quote_name(name), " or their numbers."),
                           what = "individuals", value = individuals)
  rows <- lapply(levels[at], function(level) which(as.character(getME(obj, "flist")[[group]]) == level))
  structure(stats::setNames(lapply(rows, response_covariance, fit = obj, marginal = type == "marginal"), levels[at]),
            class = c(type, "VarCov"), group.levels = name)
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
  check_dots_empty(...)
  if (!is.null(form)) return(form_values(object, form)$group)
  unname(getME(object, "flist")[[group_position(object, level)]])
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getResponse, lmm_fit)
getResponse.lmm_fit <- function(object, form = NULL, ...) {
  check_dots_empty(...)
  getME(object, "y")
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::getData, lmm_fit)
getData.lmm_fit <- function(object) {
  formula <- stats::formula(object)
  found <- find_data(object, object$call$data, formula, parent.frame())
  if (is.null(found)) fit_rows(object, "getData()")$data else found
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::ACF, lmm_fit)
ACF.lmm_fit <- function(object, maxLag = NULL, resType = c("pearson", "response", "normalized"), form = NULL, ...) {
  check_dots_empty(...)
  parts <- split(plain_residuals(object, resType), form_values(object, form)$group)
  if (is.null(maxLag)) maxLag <- min(max(lengths(parts)) - 1, floor(10 * log10(length(unlist(parts)))))
  check_number(maxLag, "maxLag", lower = 0, whole = TRUE)
  products <- lapply(0:maxLag, function(lag) {
    unlist(lapply(parts, function(r) if (length(r) > lag) r[seq_len(length(r) - lag)] *
                  r[lag + seq_len(length(r) - lag)]))
  })
  acf <- vapply(products, function(p) if (length(p)) mean(p) else NA_real_, 0) / mean(products[[1L]])
  structure(data.frame(lag = 0:maxLag, ACF = acf), n.used = lengths(products), class = c("ACF", "data.frame"))
}

#' @rdname nlme_support
#' @rawNamespace S3method(nlme::Variogram, lmm_fit)
Variogram.lmm_fit <- function(object, form = NULL, resType = c("pearson", "response", "normalized"), nint = 20,
                              maxDist = Inf, ...) {
  check_dots_empty(...)
  check_number(nint, "nint", lower = 1, whole = TRUE)
  check_number(maxDist, "maxDist", lower = 0)
  place <- form_values(object, form)
  r <- plain_residuals(object, resType)
  pairs <- do.call(rbind, lapply(split(seq_along(r), place$group), function(rows) {
    data.frame(dist = as.vector(stats::dist(place$value[rows])), variog = as.vector(stats::dist(r[rows]))^2 / 2)
  }))
  pairs <- pairs[pairs$dist <= maxDist, ]
  if (!nrow(pairs)) lmm_abort("input", "no two rows of a group are within this distance.", what = "maxDist",
                              value = maxDist)
  distances <- sort(unique(pairs$dist))
  class <- if (length(distances) <= nint) factor(pairs$dist, distances)
           else cut(pairs$dist, unique(stats::quantile(pairs$dist, seq(0, 1, 1 / nint))), include.lowest = TRUE)
  out <- data.frame(variog = tapply(pairs$variog, class, mean), dist = tapply(pairs$dist, class, stats::median),
                    n.pairs = as.vector(table(class)))
  structure(out[out$n.pairs > 0L, ], row.names = seq_len(sum(out$n.pairs > 0L)), class = c("Variogram", "data.frame"))
}

# Residuals of the rows used.
plain_residuals <- function(fit, resType) {
  type <- check_choice(resType[1L], c("pearson", "response", "normalized"), "resType")
  rows <- fit_rows(fit, "nlme")
  r <- rows$y - mean_response(fit, rows)
  if (type == "response") r else r * sqrt(row_weights(rows)) / fit_shown_sigma(fit)
}

# Group and position of each row used, from ~ x, ~ x | g or ~ 1 | g.
form_values <- function(fit, form) {
  flist <- getME(fit, "flist")
  group <- flist[[length(flist)]]
  value <- stats::ave(seq_along(group), group, FUN = seq_along)
  if (is.null(form)) return(list(group = group, value = value))
  if (!inherits(form, "formula") || length(form) != 2L) lmm_abort("input", "`form` must be a one-sided formula.",
                                                                  what = "form")
  rhs <- form[[2L]]
  data <- fit_rows(fit, "nlme")$data
  raw <- getData.lmm_fit(fit)
  if (nrow(raw) != nrow(data)) raw <- raw[positions_in(row_labels(fit$rows), raw), , drop = FALSE]
  look_up <- function(e) tryCatch(eval(e, raw, environment(form)), error = function(err) {
    lmm_abort("input", paste0("`form` cannot be evaluated: ", conditionMessage(err), "."), what = "form")
  })
  if (is.call(rhs) && identical(rhs[[1L]], quote(`|`))) {
    group <- as.factor(look_up(rhs[[3L]]))
    rhs <- rhs[[2L]]
    value <- stats::ave(seq_along(group), group, FUN = seq_along)
  }
  if (!identical(rhs, 1)) value <- as.numeric(look_up(rhs))
  list(group = group, value = value)
}
