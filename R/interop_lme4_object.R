# The same fit as an object of 'lme4', for packages that know only those.

#' A fit as an object of lme4
#'
#' Many packages access the components of [lme4::lmer()] objects. `as_lmer()` converts a fit to such an object: 'lme4'
#' sets up the model from the same data and evaluates it at the estimates of the fit, without a search. Whatever works
#' on a fit by `lmer()` works on it.
#'
#' Data and other variables are found as [update()][update.lmm_fit()] finds them. The criterion that 'lme4' has at the
#' estimates is compared with that of the fit, so that data that have changed since, or a formula that 'lme4' reads
#' differently, are detected. The response of a fit made by [refit()] is passed on. Text becomes factors with the levels
#' of the fit, in the order of the fit.
#'
#' @param fit a fit made by [lmm()].
#' @param ... not used.
#' @return An object of class `lmerMod`, with the estimates of `fit`. `lmerTest::as_lmerModLmerTest()` adds what that
#'   package needs.
#' @section Conditions:
#' `lmm_error_input`: package 'lme4' is not installed; the data are gone, or are not those of the fit;
#' `options(contrasts = )` have changed since; the model has no counterpart in 'lme4' (fixed variance parameters,
#' negative variances, weights of zero, a diagonal term whose columns 'lme4' does not keep apart).
#' `lmm_error_unidentified`: the residual variance is zero. `lmm_error_solver`: a fit by the iterative solver, since
#' 'lme4' always computes a factorization.
#' @seealso [emmeans_support], [car_support], [multcomp_support], [lmtest_support], [nlme_support];
#'   `vignette("for-lme4-users", "henderson")` lists the packages.
#' @concept lme4
#' @concept lmer
#' @concept conversion
#' @examplesIf requireNamespace("lme4", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' as_lmer(fit)
#' @export
as_lmer <- function(fit, ...) {
  check_fit(fit)
  refuse_iterative(fit, "an object of 'lme4', which always computes a factorization, is")
  refuse_structured(fit, "an object of 'lme4' is")
  check_convertible(fit)
  prepared <- lmer_call(fit, parent.frame())
  parts <- tryCatch(suppressMessages(eval(prepared$setup, prepared$scope)), error = function(e) {
    if (inherits(e, "lmm_error")) stop(e)
    lmm_abort("input", paste0("'lme4' does not accept the model: ", conditionMessage(e)), what = "fit")
  })
  theta <- lmer_theta(fit, parts$reTrms)
  criterion <- do.call(lme4::mkLmerDevfun, parts[c("fr", "X", "reTrms", "REML")])
  value <- criterion(theta)
  if (!isTRUE(abs(value - fit_criterion(fit)) <= 1e-7 * fit_nobs(fit))) abort_other_model(value, fit_criterion(fit))
  found <- structure(list(par = theta, fval = value, feval = 1L, conv = 0L, message = "estimates of lmm()"),
                     optimizer = "nloptwrap", control = list(),
                     derivs = criterion_slopes(criterion, theta, fit_nobs(fit)))
  out <- lme4::mkMerMod(environment(criterion), found, parts$reTrms, fr = parts$fr, mc = prepared$shown)
  check_same_coding(fit, lme4::fixef(out))
  with_readers(out, fit_frame(fit))
}

# 'lme4' reads new data by calls kept in the model frame; ours say what expressions took from the rows of the fit. What
# still depends on the rows, or groups them, is told.
with_readers <- function(out, frame) {
  kept <- c(fixed = list(stats::formula(out, fixed.only = TRUE)),
            random = list(reformulas::subbars(stats::formula(out, random.only = TRUE))))
  readers <- do.call(c, lapply(c(list(frame), frame$random), plan_calls))
  terms <- attr(out@frame, "terms")
  for (part in names(kept)) {
    labels <- variable_labels(stats::terms(kept[[part]]))
    calls <- as.list(attr(terms, paste0("predvars.", part)))[-1L]
    if (length(calls) != length(labels)) next
    ours <- match(labels, names(readers), nomatch = 0L)
    calls[ours > 0L] <- readers[ours]
    attr(terms, paste0("predvars.", part)) <- as.call(c(quote(list), calls))
  }
  attr(out@frame, "terms") <- terms
  warn_row_dependent(frame)
  out
}

warn_row_dependent <- function(frame) {
  env <- constants_environment(frame)
  groups <- unlist(lapply(frame$groups, function(group) group_parts(group$expr)))
  calls <- expression_readers(frame)
  written <- stats::setNames(groups, vapply(groups, variable_label, ""))           # 'lme4' has no other call for these
  calls[intersect(names(calls), names(written))] <- written[intersect(names(calls), names(written))]
  for (label in names(calls)) {
    if (!depends_on_rows(calls[[label]], label, frame, env)) next
    lmm_warn("data", paste0(quote_name(label),
                            paste(" depends on the other rows of the data: when 'lme4' evaluates it for new data, it",
                                  "has different values than in the fit.")),
             what = label, fix = "Compute the variable in the data.")
  }
}

# The criterion of maximum likelihood does not notice another coding of a factor, nor a restricted one the choice of the
# first level.
check_same_coding <- function(fit, theirs) {
  ours <- fixef(fit, add.dropped = FALSE)
  if (length(ours) < length(fit_beta(fit)) || !length(ours)) return(invisible())
  if (setequal(names(ours), names(theirs))) {
    error <- sqrt(diag(vcov(fit)))
    if (all(abs(theirs[names(ours)] - ours) <= 1e-4 * error)) return(invisible())
  }
  lmm_abort("input", paste("with 'lme4' the fixed effects are coded in another way: contrasts or the order of levels",
                           "are not those of the fit."),
            what = "contrasts", fix = "Fit with contrasts = list( = ), and with factors in place of text.")
}

# What 'lme4' keeps of the end of its searches, for fits of a size for which it does so. The criterion is left at theta.
criterion_slopes <- function(criterion, theta, n, most = 10000L) {
  if (n > most) return(NULL)
  step <- 1e-4 * pmax(abs(theta), 0.01)
  gradient <- vapply(seq_along(theta), function(j) {
    (criterion(replace(theta, j, theta[j] + step[j])) - criterion(replace(theta, j,
                                                                          theta[j] - step[j]))) / (2 * step[j])
  }, 0)
  hessian <- stats::optimHess(theta, criterion, control = list(ndeps = step * 10))
  criterion(theta)
  list(gradient = gradient, Hessian = hessian)
}

check_convertible <- function(fit) {
  if (!requireNamespace("lme4", quietly = TRUE)) {
    lmm_abort("input", "package 'lme4' is not installed.", what = "lme4",
              fix = "Install it: install.packages(\"lme4\").")
  }
  check_not_exact(fit, "an object of 'lme4'")
  rows <- fit_rows(fit, "as_lmer()")
  why <- if (length(fit_frame(fit)$held)) "fixed variance parameters"
         else if (any(!used_rows(rows))) "rows of weight zero"
  if (is.null(why)) return(invisible())
  lmm_abort("input", paste0("'lme4' has no fits with ", why, "."), what = "fit",
            fix = if (any(!used_rows(rows))) "Leave these rows out: subset = weight > 0.")
}

abort_other_model <- function(theirs, ours) {
  lmm_abort("input", paste0("with 'lme4' the criterion at the estimates is ", format(theirs, digits = 8L),
                            ", in the fit it is ",
                            format(ours, digits = 8L),
                            ": the data have changed since, or 'lme4' reads the formula differently."),
            what = "fit", value = c(theirs, ours), fix = "Fit the model again, or write its terms out.")
}

# The call that sets the model up, where to evaluate it, and the call to be shown, which can be evaluated where the
# formula lives.
lmer_call <- function(fit, caller) {
  formula <- stats::formula(fit)
  environment(formula) <- new.env(parent = environment(formula))
  call <- fit_call(fit)
  call$REML <- fit_is_reml(fit)
  call[c("control", "start", "bounded", "fixed")] <- NULL
  prepared <- prepare_update(fit, call, formula, "REML", caller)
  home <- environment(prepared$formula)
  for (name in c("weights", "offset", "subset")) {
    value <- prepared$call[[name]]
    if (is.null(value)) next
    if (is.language(value)) {
      own <- intersect(all.vars(value), ls(prepared$scope, all.names = TRUE))
      for (one in own) assign(one, without_wide(prepared$scope[[one]]), envir = home)
      next
    }
    assign(paste0(".", name), without_wide(value), envir = home)      # found again by what is written into the call
    prepared$call[[name]] <- as.name(paste0(".", name))
  }
  setup <- shown <- prepared$call
  data <- prepared$scope$.data <- with_factors(fit, without_wide(prepared$scope$.data))
  again <- if (!is.null(fit_call(fit)$data)) tryCatch(eval(fit_call(fit)$data, home), error = function(e) NULL)
  if (is.null(data) || identical(again, data)) shown["data"] <- fit_call(fit)["data"] else home$.data <- data
  shown$formula <- call("~", prepared$formula[[2L]], prepared$formula[[3L]])
  shown[[1L]] <- quote(lme4::lmer)
  setup[[1L]] <- quote(lme4::lFormula)
  setup$formula <- prepared$formula
  setup$control <- no_lmer_checks()
  list(setup = setup, shown = shown, scope = prepared$scope)
}

# The data with factors in place of text, since 'lme4' orders the levels of text as the language of the session does.
with_factors <- function(fit, data) {
  levels <- c(fit_frame(fit)$xlevels, do.call(c, lapply(fit_frame(fit)$random, `[[`, "xlevels")))
  for (name in intersect(names(levels), names(data))) {
    if (is.character(data[[name]])) data[[name]] <- factor(data[[name]], levels[[name]])
  }
  data
}

# The model has been checked by us.
no_lmer_checks <- function() {
  lme4::lmerControl(check.nobs.vs.rankZ = "ignore", check.nobs.vs.nlev = "ignore", check.nlev.gtreq.5 = "ignore",
                    check.nlev.gtr.1 = "ignore", check.nobs.vs.nRE = "ignore", check.scaleX = "ignore",
                    check.rankX = "silent.drop.cols")
}

# Relative Cholesky factors in the order of the terms of 'lme4', which has a term for each part of a diagonal one.
lmer_theta <- function(fit, re_terms) {
  groups <- names(re_terms$flist)[attr(re_terms$flist, "assign")]
  ours <- names(fit_groups(fit))[fit_term_groups(fit)]
  columns <- lapply(fit_random(fit), `[[`, "columns")
  factors <- fit_factors(fit)
  free <- columns
  theta <- Map(function(group, wanted) {
    at <- which(ours == group & vapply(free, function(have) all(wanted %in% have), NA))
    if (!length(at)) abort_no_term(group, wanted)
    L <- factors[[at[1L]]]
    used <- match(wanted, columns[[at[1L]]])
    free[[at[1L]]] <<- setdiff(free[[at[1L]]], wanted)
    L <- L[used, used, drop = FALSE]
    L[lower.tri(L, diag = TRUE)]
  }, groups, unname(re_terms$cnms))
  theta <- unlist(theta, use.names = FALSE)
  if (any(lengths(free)) || length(theta) != length(re_terms$theta)) abort_no_term(names(fit_groups(fit)),
                                                                                   unlist(columns))
  theta
}

abort_no_term <- function(group, columns) {
  lmm_abort("input", paste0("the terms of 'lme4' are not those of the fit, at ", enumerate(quote_name(unique(columns))),
                            " within ",
                            enumerate(quote_name(group)), "."), what = group,
            fix = "Write the terms out: (1 | g) + (0 + x | g) for (x || g).")
}
