# Likelihood ratio tests of the random terms.

#' Tests of random terms
#'
#' Likelihood ratio tests that remove or reduce one random term at a time, by the criterion of the fit (REML or ML).
#'
#' A variance of zero is on the boundary of the parameter space, so the naive chi-square p-value is too large. Where the
#' asymptotic distribution is known (Self and Liang 1987; Stram and Lee 1994), `mixture = TRUE` adds the p-value
#' from it: the removal of one of `q` columns of an unstructured term, which sets a variance and `q - 1` covariances to
#' zero, gives the average of chi-squares with `q - 1` and `q` degrees of freedom; for other reductions it is `NA`, and
#' `anova(test = "bootstrap")` can be used. For one variance [rlrt()] gives the exact distribution.
#' Without bounds (`lmm(bounded = FALSE)`) a variance of zero is an interior point of the parameter space, and
#' `Pr(mixture)` is the p-value of the chi-square distribution.
#'
#' A residual structure stays in the model without the term; structured random effects are removed as a whole.
#'
#' Parameters fixed at known values (`lmm(fixed = )`) are not counted. A term whose standard deviation is fixed has no
#' p-value: the model without the term is not nested in the model with it.
#'
#' @param model a fit made by [lmm()] that keeps its rows.
#' @param reduce.terms `TRUE`: a term with several effects loses one of them at a time, as far as the rest does not
#'   change its columns (the intercept of `(f || g)` with a factor `f` stays); `FALSE`: it is removed.
#' @param mixture add a column with p-values from the mixture of chi-squares?
#' @param ... not used.
#' @return A data frame of class `anova` with columns `npar`, `logLik`, `AIC`, `LRT`, `Df`, `Pr(>Chisq)` as lmerTest
#'   prints it and, if asked for, `Pr(mixture)`; the first row is the fit itself, each other one the model without a
#'   term.
#' @section Conditions:
#' `lmm_error_input` for a fit that does not keep its rows. If the residual variance is zero, the likelihood ratio is
#' not defined: `NA`. `lmm_warning_precision`: for a fit by the iterative solver, the Monte Carlo error of the
#' log-likelihoods is too large to decide whether a p-value is below 0.05; the p-value is `NA`.
#' @references Self and Liang (1987) JASA 82, 605-610. Stram and Lee (1994) Biometrics 50, 1171-1177.
#' @seealso [rlrt()] and [lrt()] for exact tests, [bootstrap_test()], [anova][anova.lmm_fit] for two fits,
#'   [ems()] for F tests of variances.
#' @concept test of a variance component
#' @concept test of a random slope
#' @concept likelihood ratio test
#' @concept random effects
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' ranova(fit)
#' ranova(fit, mixture = TRUE)
#' @export
ranova <- function(model, ...) UseMethod("ranova")

#' @rdname ranova
#' @export
rand <- function(model, ...) ranova(model, ...)

#' @export
ranova.default <- function(model, ...) {
  if (inherits(model, "merMod")) hand_over("ranova", model, ..., package = "lmerTest") else check_fit(model, "model")
}

#' @rdname ranova
#' @export
ranova.lmm_fit <- function(model, reduce.terms = TRUE, mixture = FALSE, ...) {
  if (!length(fit_random(model))) {
    lmm_abort("input", "the fit has no random effects to test.", what = "model",
              fix = "Compare residual structures by anova(a, b, refit = FALSE).")
  }
  check_flag(reduce.terms, "reduce.terms")
  check_flag(mixture, "mixture")
  model <- with_cell_rows(model)
  fit_rows(model, "ranova()")
  ways <- reductions(model, reduce.terms)
  out <- reduction_table(model, ways)
  if (mixture) {
    single <- c(NA, vapply(ways, single_variance, NA, fit = model))
    by_mixture <- function(ratio) mapply(mixture_p, ratio, out$Df, single)
    out$`Pr(mixture)` <- if (!fit_is_bounded(model)) out$`Pr(>Chisq)` else
      decided_p(replace(by_mixture(out$LRT), attr(out, "undefined"), NA_real_), out$LRT, out$Df, attr(out, "error"),
                tail = by_mixture)
  }
  attr(out, "error") <- attr(out, "undefined") <- NULL
  heading <- c("ANOVA-like table for random-effects: Single term deletions", "\nModel:",
               wrapped(expanded_formula(model)), exact_note(model))
  anova_table(out, heading, if (mixture) "ranova")
}

# As print() of an anova table, which takes all but the last column of p-values for ordinary numbers and rounds them.
#' @export
print.ranova <- function(x, digits = max(getOption("digits") - 2L, 3L), signif.stars = getOption("show.signif.stars"),
                         ...) {
  writeLines(attr(x, "heading"))
  stats::printCoefmat(x, digits = digits, signif.stars = signif.stars, has.Pvalue = TRUE, P.values = TRUE,
                      cs.ind = NULL,
                      zap.ind = integer(), tst.ind = match("LRT", names(x)), na.print = "", ...)
  invisible(x)
}

# The fit, and its likelihood ratio to the fit after each of the reductions; as attributes the Monte Carlo errors of the
# ratios, and which of the rows have no p-value. `level`: the one at which p-values are used.
reduction_table <- function(fit, ways, level = 0.05) {
  lls <- lapply(ways, function(way) {
    smaller <- reduced_fit(fit, way$term, reduced_term(fit, fit_random(fit)[[way$term]], way$left))
    if (is.null(smaller)) loglik_without_random(fit) else logLik(smaller)
  })
  full <- likelihood_row(logLik(fit))
  table <- do.call(rbind, c(list(full), lapply(lls, likelihood_row)))
  unchanged <- c(FALSE, vapply(ways, loses_nothing, NA, fit = fit))
  lrt <- c(NA, pmax(0, 2 * (full$logLik - table$logLik[-1L])))
  lrt[unchanged] <- 0
  error <- replace(c(0, ratio_errors(list(logLik(fit)), lls)), unchanged, 0)
  df <- c(NA_integer_, full$npar - table$npar[-1L])
  not_nested <- !c(TRUE, vapply(ways, reaches_reduction, NA, fit = fit))
  p <- decided_p(replace(stats::pchisq(lrt, df, lower.tail = FALSE), not_nested, NA_real_), lrt, df, error, level)
  out <- data.frame(table[c("npar", "logLik", "AIC")], LRT = lrt, Df = df, `Pr(>Chisq)` = p,
                    check.names = FALSE, row.names = make.unique(c("<none>", vapply(ways, `[[`, "", "label"))))
  structure(out, error = error, undefined = not_nested | is.na(lrt))
}

# Variances estimated as 0 leave without a change of the likelihood, whatever rounding says: its ratio is exactly 0.
loses_nothing <- function(way, fit) {
  S <- fit_covariance(fit)[[way$term]]
  left <- if (!is.null(way$left)) reduced_term(fit, fit_random(fit)[[way$term]], way$left)$columns
  all(diag(S)[!colnames(S) %in% left] == 0)
}

# Held parameters of the columns that a reduction removes.
removed_held <- function(fit, way) {
  held <- fit_frame(fit)$held
  term <- fit_random(fit)[[way$term]]
  gone <- setdiff(term$columns, reduced_term(fit, term, way$left)$columns)
  held <- held[held$term == way$term, ]
  held[term$columns[held$row] %in% gone | term$columns[held$col] %in% gone, ]
}

# Is the reduced model a case of the fit? Not where a standard deviation that it lacks is held.
reaches_reduction <- function(fit, way) {
  if (any(fit_random(fit)[[way$term]][["held"]]$scale)) return(FALSE)
  if (is.null(fit_held(fit))) return(TRUE)
  all(removed_held(fit, way)$correlation)
}

likelihood_row <- function(ll) {
  npar <- as.integer(attr(ll, "df"))
  data.frame(npar = npar, logLik = as.numeric(ll), AIC = 2 * npar - 2 * as.numeric(ll))
}

# Log (restricted) likelihood of the model without random effects, from the cross-products.
loglik_without_random <- function(fit) {
  x <- fit_blocks(fit)$x
  n <- fit_nobs(fit)
  p <- length(x$kept)
  reml <- fit_is_reml(fit)
  nu <- n - if (reml) p else 0L
  known <- holds_sigma(fit_frame(fit))
  sigma2 <- if (known) fit_sigma(fit)^2 else x$total / nu
  d <- nu * log(2 * pi * sigma2) + x$total / sigma2 - fit_blocks(fit)$log_weight + if (reml) 2 * x$log_det_r else 0
  structure(-d / 2, df = p + !known)
}

# Does the reduction remove one variance, with its covariances?
single_variance <- function(way, fit) {
  term <- fit_random(fit)[[way$term]]
  smaller <- reduced_term(fit, term, way$left)
  if (term$q - (if (is.null(smaller)) 0L else smaller$q) != 1L) return(FALSE)
  held <- if (!is.null(fit_held(fit))) removed_held(fit, way)
  is.null(held) || !any(held$correlation & held$value != 0) || sum(held$correlation) == term$q - 1L
}

# The average of chi-squares with df - 1 and df degrees of freedom; chi-square with 0 is 0.
mixture_p <- function(lrt, df, single) {
  if (!isTRUE(single)) return(NA_real_)
  lower <- if (df > 1) stats::pchisq(lrt, df - 1, lower.tail = FALSE) else as.numeric(lrt <= 0)
  (lower + stats::pchisq(lrt, df, lower.tail = FALSE)) / 2
}

# The formula with nested and (x || g) terms written out, in the form that update() gives it.
expanded_formula <- function(fit) {
  random <- fit_random(fit)[formula_order(fit_frame(fit))]
  texts <- unlist(lapply(random, function(term) {
    effects <- attr(term$terms, "term.labels")
    if (!is_diagonal(term) || !length(effects)) return(written_terms(list(term)))
    own <- c(if (term$coding$intercept) "1", paste("0 +", effects))
    paste0("(", own, " | ", term_group_text(term), ")")
  }))
  fixed <- deparse_line(fit_spec(fit)$fixed[[3L]])
  deparse_line(stats::update.formula(stats::formula(fit), paste(". ~", paste(c(fixed, texts), collapse = " + "))))
}
