# Generic functions of our own. Package 'lme4' has functions of the same names, so that whichever package
# is attached later masks the other. Nothing breaks either way: our methods are registered for the generics
# of 'lme4' too (when it gets loaded), and our generics hand objects they do not know over to 'lme4'.

#' @rawNamespace S3method(lme4::getME, lmm_fit)
#' @rawNamespace S3method(lme4::ngrps, lmm_fit)
#' @rawNamespace S3method(generics::refit, lmm_fit)
#' @rawNamespace S3method(lme4::refit, lmm_fit)
#' @rawNamespace S3method(lme4::refitML, lmm_fit)
NULL

# The call is made from the global environment: made from here, the generic of the other package would find our default.
hand_over <- function(name, object, ..., package = "lme4") {
  if (isNamespaceLoaded(package) && name %in% getNamespaceExports(package) && knows_class(name, object, package)) {
    return(do.call(getExportedValue(package, name), list(object, ...), quote = TRUE, envir = globalenv()))
  }
  lmm_abort("input", paste0("`", name, "()` has no method for ", kind_of(object), " of class ",
                            quote_level(class(object)[1L]), "."),
            what = name, value = class(object))
}

# Has the generic of the other package a method for one of the classes of an object?
knows_class <- function(name, object, package) {
  if (!"UseMethod" %in% all.names(body(getExportedValue(package, name)))) return(isS4(object))
  classes <- unique(c(class(object), if (isS4(object)) methods::is(object)))
  home <- asNamespace(package)
  for (class in classes) if (!is.null(utils::getS3method(name, class, optional = TRUE, envir = home))) return(TRUE)
  FALSE
}

#' Is a fit singular?
#'
#' A fit is singular when the estimated covariance matrix of a random term has a smaller rank than its
#' structure allows: a variance of exactly 0, or a correlation of exactly 1 or -1.
#'
#' @param x a fit made by [lmm()], or [many responses][responses].
#' @param tol a nonnegative number: a fit is also singular if a relative standard deviation is below `tol`. These
#'   are the diagonal elements of the Cholesky factor of a term's covariance matrix divided by the residual variance:
#'   for each column of the term, the conditional standard deviation given the preceding columns, in residual
#'   standard deviations. For a term that is correlated across levels, they are the standard deviations of the levels.
#'   With `tol = 0`, the default, only the status found by the fit is reported; 'lme4' makes only the comparison, with
#'   `tol = 1e-4`.
#' @param ... passed on to methods.
#' @return `TRUE` or `FALSE`; for many responses, one value for each. For each term: `getME(fit, "singular")`.
#' @section Conditions:
#' `lmm_error_input`: an object that neither this package nor 'lme4' supports, or a `tol` that is not a
#' nonnegative number.
#' @seealso [rlrt()] and [ranova()] for tests of a variance, [VarCorr][VarCorr.lmm_fit].
#' @concept singular fit
#' @concept boundary
#' @concept zero variance
#' @examples
#' isSingular(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
isSingular <- function(x, ...) UseMethod("isSingular")

#' @export
isSingular.default <- function(x, ...) hand_over("isSingular", x, ...)

#' @rdname isSingular
#' @export
isSingular.lmm_fit <- function(x, tol = 0, ...) {
  near <- is_near_singular(fit_covariance(x), fit_shown_sigma(x), fit_random(x), tol)
  near || any(fit_singular(x))
}

# Has the Cholesky factor of a term's covariance matrix, in units of sigma, a diagonal element below `tol`? With a
# negative variance it has.
is_near_singular <- function(covariance, sigma, random, tol) {
  check_number(tol, "tol", 0)
  tol > 0 && any(unlist(Map(function(S, term) {
    of_levels <- is_across(term) || ncol(S) == 1L
    (if (of_levels) sqrt(pmax(diag(S), 0)) else diag(lower_factor(S))) < tol * sigma
  }, covariance, random)))
}

#' Number of levels of each grouping factor
#'
#' @param object a fit made by [lmm()].
#' @param ... passed on to methods.
#' @return A named integer vector.
#' @section Conditions:
#' An object that neither this package nor 'lme4' supports is an error of class `lmm_error_input`.
#' @seealso [lmm()], [summary.lmm_fit].
#' @concept number of groups
#' @concept sample size
#' @examples
#' ngrps(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
ngrps <- function(object, ...) UseMethod("ngrps")

#' @export
ngrps.default <- function(object, ...) hand_over("ngrps", object, ...)

#' @export
ngrps.lmm_fit <- function(object, ...) {
  out <- vapply(fit_groups(object), function(group) length(group$levels), 0L)
  for (term in Filter(is_across, fit_random(object))) out[term$group] <- length(across_levels(term))
  out
}

#' Restricted likelihood criterion
#'
#' @param object a fit made by [lmm()].
#' @param ... passed on to methods.
#' @return Minus twice the restricted log-likelihood at the estimates, whichever criterion was optimized: the number of
#'   `deviance(object, REML = TRUE)`, see [logLik.lmm_fit()].
#' @section Conditions:
#' An object that neither this package nor 'lme4' supports is an error of class `lmm_error_input`.
#' @references Patterson and Thompson (1971) Biometrika 58, 545-554.
#' @seealso [logLik][logLik.lmm_fit].
#' @concept restricted likelihood
#' @concept deviance
#' @examples
#' REMLcrit(lmm(yield ~ treat + (1 | blend), penicillin))
#' @export
REMLcrit <- function(object, ...) UseMethod("REMLcrit")

#' @export
REMLcrit.default <- function(object, ...) hand_over("REMLcrit", object, ...)

#' @export
REMLcrit.lmm_fit <- function(object, ...) criterion_at_optimum(object, REML = TRUE)

#' Fit the same model to other responses
#'
#' The new fit keeps its response, which is not in the data: [update()][update.lmm_fit()], [drop1()] and the
#' functions that work through [as_lmer()] use it. If the response has a name (such as that of a
#' column of a matrix), this name is in the
#' formula, unless the model has another variable of this name; otherwise the name of the old response is kept.
#'
#' @param object a fit made by [lmm()].
#' @param newresp a response: a vector, or what [simulate()][stats::simulate()] returned. Many responses: a matrix or a
#'   data frame with one response per column, or a function of a number `k` that returns the `k`-th block of columns,
#'   `NULL` after the last. One value per row that was used, or one per row of the data.
#' @param weights prior weights of many responses: a matrix like `newresp`, or a function of a block's number where
#'   `newresp` is one; `NULL` for those of the fit.
#' @param threads number of threads for many responses; `NULL` for that of the fit, see [lmm_control()]. The result does
#'   not depend on it.
#' @param progress print a line after each tenth of many responses?
#' @param ... passed on to methods.
#' @return For a vector, or a data frame with one column, a fit. For a matrix, a data frame with several columns or a
#'   function an object of class [`lmm_responses`][responses]; of a fit with structured random effects a list of
#'   fits, one for each column.
#' @section Conditions:
#' `lmm_error_input`: a response that is not numeric or has another number of rows; `lmm_error_data`: missing or
#' infinite values of a single response in rows in use. Of many responses missing values are left out, and those that
#' cannot be fitted are flagged.
#' @seealso [responses] for what a matrix gives, [update][update.lmm_fit] for another formula or other data,
#'   [bootstrap()].
#' @concept simulation
#' @concept many responses
#' @concept new response
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' refit(fit, log(penicillin$yield))
#' many <- refit(fit, simulate(fit, 100, seed = 1))
#' quantile(many$sigma)
#' @export
refit <- function(object, newresp, ...) UseMethod("refit")

#' @export
refit.default <- function(object, newresp, ...) {
  if (missing(newresp)) hand_over("refit", object, ...) else hand_over("refit", object, newresp, ...)
}

#' Parts of a fit
#'
#' @param object a fit made by [lmm()].
#' @param name name of the part, or several names for a list of parts. `"ALL"` gives the list of all.
#' @param ... passed on to methods.
#' @section Conditions:
#' `lmm_error_input` for a name that is not in the list.
#' @return Depends on the part:
#' \describe{
#'   \item{`X`, `Z`, `Zt`}{fixed-effect and (sparse) random-effect model matrices; the latter transposed}
#'   \item{`mmList`, `Ztlist`}{the columns of each random term before they are spread over levels; for each of these
#'     columns the sparse matrix levels x rows}
#'   \item{`y`, `mu`, `offset`, `weights`}{response, fitted values, offset, prior weights of the rows used}
#'   \item{`beta`, `fixef`, `b`, `u`}{fixed effects; random effects and their spherical version, level by level}
#'   \item{`theta`, `lower`}{relative Cholesky parameters of the random terms and their lower bounds}
#'   \item{`Lambda`}{list of relative covariance factors, one per term}
#'   \item{`Lambdat`}{the sparse matrix of all of them, transposed: `sigma^2 * crossprod(Lambdat)` is the covariance
#'     matrix of `b`}
#'   \item{`RX`}{upper triangular factor with `crossprod(RX)` equal to `sigma^2` times the inverse of `vcov(fit)`}
#'   \item{`Sigma`}{list of covariance matrices, one per term}
#'   \item{`sigma`}{the residual standard deviation that scales `theta`, the factors and `RX`: that of `sigma()`, except
#'     with a variance function whose columns are far from 0, where it is the one at the means of these columns}
#'   \item{`flist`, `cnms`}{grouping factors of the rows used; names of the columns of each term}
#'   \item{`N`, `n`, `p`, `q`, `n_rtrms`, `n_rfacs`}{rows, rows, rank of `X`, number of random effects, of random
#'     terms and of grouping factors}
#'   \item{`k`, `p_i`, `l_i`, `q_i`, `m_i`, `m`, `Gp`}{number of random terms; for each its columns, levels, their
#'     product and its number of parameters; their sum; where each starts in `b`, counted from 0}
#'   \item{`is_REML`, `REML`}{was the restricted likelihood maximized?}
#'   \item{`devcomp`}{components of the criterion: list of `cmp` and `dims`}
#'   \item{`singular`}{for each random term: is its covariance matrix singular?}
#'   \item{`conditions`}{messages and warnings given while the model was fitted}
#'   \item{`optimum`}{how the search for the optimum ended}
#' }
#' @seealso [VarCorr][VarCorr.lmm_fit], [model.matrix][model.matrix.lmm_fit], [subject_covariance()].
#' @concept components of a fit
#' @concept Z matrix
#' @concept theta
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' getME(fit, "theta")
#' str(getME(fit, c("p", "q")))
#' @export
getME <- function(object, name, ...) UseMethod("getME")

#' @export
getME.default <- function(object, name, ...) hand_over("getME", object, name, ...)

#' Corrected Akaike information criterion (AICc)
#'
#' `-2 logLik + 2 d n / (n - d - 1)`, with the number of parameters `d` and the number of observations `n` of
#' [logLik()][logLik.lmm_fit()].
#'
#' @param object a fit, or what `logLik()` gives.
#' @param compat which conventions to follow, see [logLik.lmm_fit()].
#' @param ... passed on to methods.
#' @return A number; `NA` where `n <= d + 1`, or where the fit has no likelihood.
#' @section Conditions:
#' An unknown `compat` is an error of class `lmm_error_input`.
#' @references Hurvich and Tsai (1989) Biometrika 76, 297-307.
#' @seealso [AIC][logLik.lmm_fit] and [BIC][logLik.lmm_fit].
#' @concept AICc
#' @concept corrected AIC
#' @concept model selection
#' @examples
#' AICC(lmm(yield ~ treat + (1 | blend), penicillin, REML = FALSE))
#' @export
AICC <- function(object, ...) UseMethod("AICC")
