# Backward elimination of random and fixed terms.

#' Backward elimination
#'
#' Removes random terms, then fixed terms, one at a time while the largest p-value is above a limit.
#'
#' Random terms are compared by likelihood ratio tests of the criterion of the fit, as [ranova()] does (for a variance
#' at its boundary the p-values are conservative); a term with several effects loses one at a time. The last random term
#' stays in the model. Fixed terms are tested by F as in [drop1()][drop1.lmm_fit()]. Package 'lmerTest' calls this
#' `step()`; its generic finds our method too, as does its `get_model()`.
#'
#' @param object a fit made by [lmm()].
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()].
#' @param alpha.random,alpha.fixed terms with larger p-values are removed.
#' @param reduce.fixed,reduce.random remove fixed terms, random terms?
#' @param keep names of fixed terms to be kept.
#' @param alpha one value for both `alpha.random` and `alpha.fixed`.
#' @param x result of `backward()`.
#' @param ... options of the method; for `print()` passed on.
#' @return A list of class `backward.lmm_fit`: `random` and `fixed`, data frames with a row per term and in column
#'   `Eliminated` the step at which it went (0: it stayed), and `model`, the fit that is left.
#' @section Conditions:
#' Removing a term whose variable has missing values would change the rows in use: an error of class `lmm_error_data`.
#' `lmm_warning_precision`: for a fit by the iterative solver, the Monte Carlo error of the log-likelihoods is too
#' large to decide whether the p-value of a random term is above `alpha.random`; the term stays.
#' @references Kuznetsova, Brockhoff and Christensen (2017) Journal of Statistical Software 82(13).
#' @seealso [drop1][drop1.lmm_fit], [ranova()], [logLik][logLik.lmm_fit] for information criteria.
#' @concept stepwise regression
#' @concept model selection
#' @concept variable selection
#' @examples
#' backward(lmm(yield ~ irrigation * variety + (1 | field), irrigation))
#' @export
backward <- function(object, ddf = "Satterthwaite", alpha.random = 0.1, alpha.fixed = 0.05, reduce.fixed = TRUE,
                     reduce.random = TRUE, keep = character(), alpha = NULL, ...) {
  check_fit(object, "object")
  if (!is.null(alpha) && !(missing(alpha.random) && missing(alpha.fixed))) {
    lmm_abort("input", "`alpha` sets both limits: give it alone, or `alpha.random` and `alpha.fixed`.", what = "alpha")
  }
  if (!is.null(alpha)) alpha.random <- alpha.fixed <- check_number(alpha, "alpha", 0, 1)
  if (missing(ddf)) ddf <- default_ddf(object)
  method <- ddf_method(ddf, ...)
  check_not_exact(object, "a test")
  check_number(alpha.random, "alpha.random", 0, 1)
  check_number(alpha.fixed, "alpha.fixed", 0, 1)
  for (term in keep) check_choice(term, attr(object$frame$terms, "term.labels"), "keep")
  random <- eliminate_random(object, if (check_flag(reduce.random, "reduce.random")) alpha.random else 1)
  fixed <- eliminate_fixed(random$fit, method, if (check_flag(reduce.fixed, "reduce.fixed")) alpha.fixed else 1, keep)
  structure(list(random = random$table, fixed = fixed$table, model = fixed$fit), class = "backward.lmm_fit")
}

#' @rawNamespace S3method(lmerTest::step, lmm_fit)
step.lmm_fit <- function(object, ...) backward(object, ...)

#' @rawNamespace S3method(lmerTest::get_model, backward.lmm_fit)
get_model.backward.lmm_fit <- function(x, ...) x$model

#' @rdname backward
#' @export
print.backward.lmm_fit <- function(x, ...) {
  print(x$random, ...)
  cat("\n")
  print(x$fixed, ...)
  cat("\nModel found:", wrapped(deparse_line(stats::formula(x$model))), sep = "\n")
  invisible(x)
}

eliminate_random <- function(fit, alpha) {
  gone <- NULL
  repeat {
    ways <- reductions(with_cell_rows(fit))
    table <- reduction_table(with_cell_rows(fit), ways, if (alpha < 1) alpha else 0.05)
    if (is.null(gone)) gone <- cbind(Eliminated = NA_real_, table[1L, ])
    p <- table$`Pr(>Chisq)`[-1L]
    worst <- which.max(p)
    left <- if (length(worst)) reduced_texts(fit, ways[[worst]])
    if (alpha >= 1 || !length(left) || p[worst] <= alpha) break
    gone <- rbind(gone, cbind(Eliminated = nrow(gone), table[worst + 1L, ]))
    model <- with_cell_rows(fit)
    reduced <- reduced_term(model, fit_random(fit)[[ways[[worst]]$term]], ways[[worst]]$left)
    fit$control <- reduced_control(fit, replace_term(model, ways[[worst]]$term, reduced)$frame)
    fit <- refit_formula(fit, join_formula(fit, stats::formula(fit_frame(fit)$terms), left))
  }
  out <- rbind(gone, cbind(Eliminated = rep(0, length(ways)), table[-1L, ]))
  list(fit = fit, table = anova_table(out, "Backward reduced random-effect table:\n"))
}

eliminate_fixed <- function(fit, method, alpha, keep) {
  gone <- NULL
  repeat {
    table <- suppressMessages(drop1(fit, ddf = method))
    free <- which(!rownames(table) %in% keep & !is.na(table$`Pr(>F)`))
    p <- table$`Pr(>F)`[free]
    if (!length(free) || alpha >= 1 || max(p) <= alpha) break
    worst <- free[which.max(p)]
    gone <- rbind(gone, cbind(Eliminated = NROW(gone) + 1, as.data.frame(table)[worst, ]))
    fit <- without_term(fit, rownames(table)[worst])
  }
  out <- rbind(gone, cbind(Eliminated = rep(0, nrow(table)), as.data.frame(table)))
  heading <- c("Backward reduced fixed-effect table:", paste("Degrees of freedom method:", method$name, "\n"))
  list(fit = fit, table = anova_table(out, heading))
}
