# Package 'car': Wald tests of the terms and of linear hypotheses.

#' Wald tests with car
#'
#' `car::Anova()` and `car::linearHypothesis()` work on fits; `deltaMethod()`, `vif()`, `Confint()`, `S()` and the plots
#' of influence take a fit through [as_lmer()].
#'
#' `Anova()` has its own type II: a term is tested after all terms that do not contain it, in the metric of the
#' covariance matrix of the coefficients, and a covariate counts as contained in its interactions with factors.
#' [anova()][anova.lmm_fit()] follows SAS, as lmerTest does. Type III tests the coefficients of a term as they are
#' coded: use contrasts that sum to zero.
#'
#' @param mod,model a fit made by [lmm()].
#' @param type `"II"`, `"III"`, `2` or `3`.
#' @param test.statistic,test `"Chisq"` or `"F"`.
#' @param vcov. covariance matrix of the coefficients for chi-square tests, or a function of the fit that gives one.
#' @param ddf method for the denominator degrees of freedom of F tests, see [ddf_methods()].
#' @param hypothesis.matrix a matrix with a column per coefficient, or equations such as `"treatB = treatC"`.
#' @param rhs right-hand side of the hypothesis, by default 0: one number, or one for each row or equation.
#' @param ... options of the method for F tests, see [ddf_method()].
#' @return A data frame of class `anova`, with the columns of 'car'.
#' @section Conditions:
#' `lmm_error_input`: an unknown type, statistic or coefficient, `vcov.` with an F test, `ddf` or its options with a
#' chi-square test; `lmm_error_unidentified`: type III where columns are dropped, or a hypothesis that cannot be
#' estimated. `lmm_warning_precision`: no test where the covariance matrix does not have full rank, as a cluster-robust
#' one with few clusters.
#' @references Fox and Weisberg (2019) An R Companion to Applied Regression, 3rd edition, section 5.3.
#' @seealso [anova][anova.lmm_fit], [contest()].
#' @concept Anova
#' @concept type II tests
#' @concept linear hypothesis
#' @examplesIf requireNamespace("car", quietly = TRUE)
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' car::Anova(fit)
#' car::Anova(fit, test.statistic = "F")
#' car::linearHypothesis(fit, "varietyv2 = 0")
#' @name car_support
NULL

#' @rdname car_support
#' @exportS3Method car::Anova
Anova.lmm_fit <- function(mod, type = c("II", "III", 2, 3), test.statistic = c("Chisq", "F"), vcov. = NULL,
                          ddf = "Kenward-Roger", ...) {
  type <- check_choice(if (is.atomic(type)) level_text(type[1L]) else type, c("II", "III", "2", "3"), "type")
  type <- if (type %in% c("II", "2")) "II" else "III"
  by_f <- check_wald_statistic(test.statistic, "test.statistic", vcov., !missing(ddf), ...) == "F"
  if (by_f && missing(ddf)) ddf <- default_ddf(mod, ddf)
  inference <- if (by_f) new_inference(mod, ddf, ...) else new_inference(mod, "asymptotic")
  info <- inference$info
  V <- if (is.null(vcov.)) user_covariance(inference) else covariance_of(mod, vcov., length(info$estimate))
  hypotheses <- lapply(if (type == "II") wald_rows_2(info, V) else wald_rows_3(info),
                       function(L) new_hypothesis(info, L))
  table <- if (by_f) {
    tests <- f_table(inference, hypotheses)
    data.frame(F = tests$`F value`, Df = tests$NumDF, Df.res = tests$DenDF, `Pr(>F)` = tests$`Pr(>F)`,
               check.names = FALSE)
  } else {
    chisq <- wald_tests(info, hypotheses, if (!is.null(vcov.)) V)
    df <- vapply(hypotheses, function(h) nrow(h$user), 0L)
    data.frame(Chisq = chisq, Df = df, `Pr(>Chisq)` = stats::pchisq(chisq, df, lower.tail = FALSE), check.names = FALSE)
  }
  words <- if (by_f) paste0("F tests with ", method_phrase(inference$method)) else "chi-square tests"
  rownames(table) <- names(hypotheses)
  anova_table(table, c(paste0("Wald tests of type ", type, ": ", words, "\n"),
                       paste("Response:", fit_frame(mod)$response), empty_note(table, 2L), exact_note(mod)))
}

#' @rdname car_support
#' @exportS3Method car::linearHypothesis
linearHypothesis.lmm_fit <- function(model, hypothesis.matrix, rhs = NULL, test = c("Chisq", "F"), vcov. = NULL,
                                     ddf = "Kenward-Roger", ...) {
  by_f <- check_wald_statistic(test, "test", vcov., !missing(ddf), ...) == "F"
  if (by_f && missing(ddf)) ddf <- default_ddf(model, ddf)
  given <- hypothesis_equations(model, if (!missing(hypothesis.matrix)) hypothesis.matrix, rhs)
  table <- if (by_f) {
    found <- contest(model, given$L, given$rhs, ddf = ddf, ...)
    df <- found$NumDF
    data.frame(Res.Df = found$DenDF + c(df, 0), Df = c(NA, df), F = c(NA, found$`F value`),
               `Pr(>F)` = c(NA, found$`Pr(>F)`), check.names = FALSE)
  } else {
    info <- new_inference(model, "asymptotic")$info
    reduced <- independent_rows(new_hypothesis(info, estimable_rows(model, given$L)), given$rhs, info)
    df <- nrow(reduced$hypothesis$user)
    chisq <- wald_tests(info, list(reduced$hypothesis),
                        if (!is.null(vcov.)) covariance_of(model, vcov., length(info$estimate)))
    data.frame(Df = c(NA, df), Chisq = c(NA, chisq), `Pr(>Chisq)` = c(NA, stats::pchisq(chisq, df, lower.tail = FALSE)),
               check.names = FALSE)
  }
  equations <- car::printHypothesis(given$L, given$rhs, names(fit_beta(model)))
  anova_table(table, c("Test of a linear hypothesis\n\nHypothesis:", equations, "",
                       wrapped(paste("Model:", deparse_line(stats::formula(model)))), exact_note(model)))
}

# list(L, rhs) of a matrix or of equations; a right-hand side that is given is added to what an equation has on the
# left.
hypothesis_equations <- function(fit, given, rhs) {
  L <- force_argument(given, "hypothesis.matrix")
  if (!length(L)) {
    lmm_abort("input", "`hypothesis.matrix` is empty.", what = "hypothesis.matrix",
              fix = "Give equations, such as \"x = 0\", or a matrix.")
  }
  constant <- 0
  if (is.character(L)) {
    names <- names(fit_beta(fit))
    equations <- tryCatch(suppressWarnings(rbind(car::makeHypothesis(names, L, if (!is.null(rhs)) 0))),
                          error = function(e) {
      lmm_abort("input", conditionMessage(e), what = "hypothesis.matrix", value = L,
                fix = paste0("The coefficients are ", enumerate(quote_name(names), 20L), "."))
    })
    L <- equations[, -ncol(equations), drop = FALSE]
    constant <- unname(equations[, ncol(equations)])
  }
  L <- hypothesis_matrix(fit, L)
  list(L = L, rhs = check_rhs(if (is.null(rhs)) 0 else rhs, nrow(L)) + constant)
}

# The statistic, if the other arguments go with it.
check_wald_statistic <- function(test, name, vcov., ddf_given, ...) {
  test <- check_choice(test[1L], c("Chisq", "F"), name)
  if (test == "F" && !is.null(vcov.)) {
    lmm_abort("input", "an F test has the covariance matrix of its method: `vcov.` is for chi-square tests.",
              what = "vcov.",
              fix = "Choose it by ddf = \"Kenward-Roger\", or by ddf = \"cluster-robust\", cluster = ~ g.")
  }
  if (test == "Chisq" && ddf_given) {
    lmm_abort("input", "`ddf` is for F tests.", what = "ddf", fix = paste0("Give ", name, " = \"F\" too."))
  }
  if (test == "Chisq") check_dots_empty(...)
  test
}

# Chi-squares of hypotheses, by the covariance matrix of the model or by V. NA with a warning where V does not have full
# rank.
wald_tests <- function(info, hypotheses, V = NULL) {
  if (is.null(V)) return(vapply(hypotheses, function(h) if (nrow(h$user)) wald_chisq(info, h, h$rhs) else NA_real_, 0))
  out <- vapply(hypotheses, wald_by_matrix, 0, estimate = info$estimate, V = V)
  warn_without_rank(out, hypotheses, V)
  out
}

warn_without_rank <- function(statistic, hypotheses, V) {
  lost <- which(is.na(statistic) & vapply(hypotheses, function(h) nrow(h$user) > 0L, NA))
  if (!length(lost) || anyNA(V)) return(invisible())
  names <- names(hypotheses)[lost]
  lmm_warn("precision", paste0("no test", if (length(names)) " of ", enumerate(quote_name(names)),
                               ": the covariance matrix of what is tested does not have full rank."), what = names,
                               where = lost,
           fix = "A cluster-robust matrix has at most the rank of the number of clusters: test less at once.")
}

wald_by_matrix <- function(hypothesis, estimate, V) {
  L <- hypothesis$user
  if (!nrow(L)) return(NA_real_)
  delta <- L %*% estimate - hypothesis$rhs
  sum(delta * solve_scaled(L %*% V %*% t(L), delta, tol = 1e-14))
}

# Rows over the estimable coefficients, for each term: its own ones and, in the metric V, nothing of the terms that
# contain it.
wald_rows_2 <- function(info, V) {
  frame <- fit_frame(info$fit)
  assign <- frame$x_assign[info$kept]
  within <- attr(frame$terms, "factors") > 0
  labels <- attr(frame$terms, "term.labels")
  one <- diag(length(assign))
  rows <- lapply(seq_along(labels), function(j) {
    larger <- setdiff(which(vapply(seq_along(labels), function(k) all(within[within[, j], k]), NA)), j)
    above <- one[assign %in% larger, , drop = FALSE]
    own <- one[assign == j, , drop = FALSE]
    if (!nrow(above) || !nrow(own)) return(own)
    own - t(solve_scaled(above %*% V %*% t(above), above %*% V %*% t(own), tol = 1e-14)) %*% above
  })
  stats::setNames(rows, labels)
}

wald_rows_3 <- function(info) {
  frame <- fit_frame(info$fit)
  if (length(info$kept) < length(frame$x_names)) {
    lmm_abort("unidentified",
              "tests of type III of the coefficients need all of them, but columns of the model matrix are dropped.",
              what = frame$x_names[-info$kept],
              fix = "Use type = 2, or anova(fit, type = 3), which counts only the cells with data.")
  }
  terms <- c(if (attr(frame$terms, "intercept") == 1L) 0L, seq_along(attr(frame$terms, "term.labels")))
  one <- diag(length(frame$x_names))
  stats::setNames(lapply(terms, function(j) one[frame$x_assign == j, , drop = FALSE]),
                  c("(Intercept)", attr(frame$terms, "term.labels"))[terms + 1L])
}
