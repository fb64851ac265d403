# Package 'car': Wald tests of the terms and of linear hypotheses.

#' Wald tests with car
#'
#' `car::Anova()` and `car::linearHypothesis()` work on fits; `deltaMethod()`, `vif()`, `Confint()`, `S()` and the plots of influence
#' take a fit through [as_lmer()].
#'
#' `Anova()` has its own type II: a term is tested after all terms that do not contain it, in the metric of the covariance matrix of
#' the coefficients, and a covariate counts as contained in its interactions with factors. [anova()][anova.lmm_fit()] follows SAS,
#' as lmerTest does. Type III tests the coefficients of a term as they are coded: use contrasts that sum to zero.
#'
#' @param mod,model a fit made by [lmm()].
#' @param type `"II"`, `"III"`, `2` or `3`.
#' @param test.statistic,test `"Chisq"` or `"F"`.
#' @param vcov. covariance matrix of the coefficients for chi-square tests, or a function of the fit that gives one.
#' @param ddf method for the denominator degrees of freedom of F tests, see [ddf_methods()].
#' @param hypothesis.matrix a matrix with a column per coefficient, or equations such as `"treatB = treatC"`.
#' @param rhs right-hand side of the hypothesis, by default 0.
#' @param ... not used.
#' @return A data frame of class `anova`, with the columns of 'car'.
#' @section Conditions:
#' `lmm_error_input`: an unknown type or statistic, or `vcov.` with an F test; `lmm_error_unidentified`: type III where columns are
#' dropped, or a hypothesis that cannot be estimated.
#' @references Fox and Weisberg (2019) An R Companion to Applied Regression, 3rd edition, section 5.3.
#' @examplesIf requireNamespace("car", quietly = TRUE)
#' fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
#' car::Anova(fit)
#' car::Anova(fit, test.statistic = "F")
#' car::linearHypothesis(fit, "varietyv2 = 0")
#' @name car_support
NULL

#' @rdname car_support
#' @exportS3Method car::Anova
Anova.lmm_fit <- function(mod, type = c("II", "III", 2, 3), test.statistic = c("Chisq", "F"), vcov. = NULL, ddf = "Kenward-Roger", ...) {
  check_dots_empty(...)
  type <- check_choice(as.character(type[1L]), c("II", "III", "2", "3"), "type")
  type <- if (type %in% c("II", "2")) "II" else "III"
  by_f <- check_wald_statistic(test.statistic, vcov.) == "F"
  inference <- new_inference(mod, if (by_f) ddf else "asymptotic")
  V <- if (is.null(vcov.)) user_covariance(inference) else covariance_of(mod, vcov.)
  rows <- if (type == "II") wald_rows_2(inference$info, V) else wald_rows_3(inference$info)
  table <- if (by_f) {
    tests <- f_table(inference, lapply(rows, function(L) new_hypothesis(inference$info, L)))
    data.frame(F = tests$`F value`, Df = tests$NumDF, Df.res = tests$DenDF, `Pr(>F)` = tests$`Pr(>F)`, check.names = FALSE)
  } else {
    chisq <- vapply(rows, wald_by_matrix, 0, estimate = inference$info$estimate, V = V)
    df <- vapply(rows, nrow, 0L)
    data.frame(Chisq = chisq, Df = df, `Pr(>Chisq)` = stats::pchisq(chisq, df, lower.tail = FALSE), check.names = FALSE)
  }
  words <- if (by_f) paste0("F tests with ", method_phrase(inference$method)) else "chi-square tests"
  structure(table, row.names = names(rows), class = c("anova", "data.frame"),
            heading = c(paste0("Wald tests of type ", type, ": ", words, "\n"), paste("Response:", mod$frame$response)))
}

#' @rdname car_support
#' @exportS3Method car::linearHypothesis
linearHypothesis.lmm_fit <- function(model, hypothesis.matrix, rhs = NULL, test = c("Chisq", "F"), vcov. = NULL,
                                     ddf = "Kenward-Roger", ...) {
  check_dots_empty(...)
  by_f <- check_wald_statistic(test, vcov.) == "F"
  L <- hypothesis.matrix
  if (is.character(L)) {
    equations <- rbind(car::makeHypothesis(names(fit_beta(model)), L, rhs))
    L <- equations[, -ncol(equations), drop = FALSE]
    rhs <- equations[, ncol(equations)]
  }
  if (is.null(rhs)) rhs <- 0
  found <- contest(model, L, rhs, ddf = if (by_f) ddf else "asymptotic")
  df <- found$NumDF
  table <- if (by_f) {
    data.frame(Res.Df = found$DenDF + c(df, 0), Df = c(NA, df), F = c(NA, found$`F value`), `Pr(>F)` = c(NA, found$`Pr(>F)`), check.names = FALSE)
  } else {
    chisq <- found$Chisq
    if (!is.null(vcov.)) {
      kept <- estimable_rows(model, hypothesis_matrix(model, L))
      chisq <- wald_by_matrix(kept, fixef(model, add.dropped = FALSE), covariance_of(model, vcov.), rhs)
    }
    data.frame(Df = c(NA, df), Chisq = c(NA, chisq), `Pr(>Chisq)` = c(NA, stats::pchisq(chisq, df, lower.tail = FALSE)), check.names = FALSE)
  }
  structure(table, heading = c("Test of a linear hypothesis\n", paste("Model:", deparse_line(stats::formula(model)))),
            class = c("anova", "data.frame"))
}

check_wald_statistic <- function(test, vcov.) {
  test <- check_choice(test[1L], c("Chisq", "F"), "test.statistic")
  if (test == "Chisq" || is.null(vcov.)) return(test)
  lmm_abort("input", "an F test has the covariance matrix of its method: `vcov.` is for chi-square tests.", what = "vcov.",
            fix = "Choose it by ddf = \"Kenward-Roger\", or with contest(fit, L, ddf = \"cluster-robust\", cluster = ~ g).")
}

wald_by_matrix <- function(L, estimate, V, rhs = 0) {
  if (!nrow(L)) return(NA_real_)
  if (nrow(V) != length(estimate)) abort_covariance(nrow(V), length(estimate))
  delta <- L %*% estimate - rhs
  S <- L %*% V %*% t(L)
  size <- sqrt(diag(S))
  sum((delta / size) * solve(S / outer(size, size), delta / size))
}

# Rows over the estimable coefficients, for each term: its own ones and, in the metric V, nothing of the terms that contain it.
wald_rows_2 <- function(info, V) {
  frame <- info$fit$frame
  assign <- frame$x_assign[info$kept]
  within <- attr(frame$terms, "factors") > 0
  labels <- attr(frame$terms, "term.labels")
  one <- diag(length(assign))
  rows <- lapply(seq_along(labels), function(j) {
    larger <- setdiff(which(vapply(seq_along(labels), function(k) all(within[within[, j], k]), NA)), j)
    above <- one[assign %in% larger, , drop = FALSE]
    own <- one[assign == j, , drop = FALSE]
    if (!nrow(above) || !nrow(own)) return(own)
    own - t(solve(above %*% V %*% t(above), above %*% V %*% t(own))) %*% above
  })
  stats::setNames(rows, labels)
}

wald_rows_3 <- function(info) {
  frame <- info$fit$frame
  if (length(info$kept) < length(frame$x_names)) {
    lmm_abort("unidentified", "tests of type III of the coefficients need all of them, but columns of the model matrix are dropped.",
              what = frame$x_names[-info$kept], fix = "Use type = 2, or anova(fit, type = 3), which counts the cells that are there.")
  }
  terms <- c(if (attr(frame$terms, "intercept") == 1L) 0L, seq_along(attr(frame$terms, "term.labels")))
  one <- diag(length(frame$x_names))
  stats::setNames(lapply(terms, function(j) one[frame$x_assign == j, , drop = FALSE]),
                  c("(Intercept)", attr(frame$terms, "term.labels"))[terms + 1L])
}
