# tidy() for what is computed from a fit.

#' Tests, bootstraps and other results as data frames
#'
#' @param x a result of [contest()] or [predictable()], [quantity()], [bootstrap()], [rlrt()] or [lrt()],
#'   [bootstrap_test()] or [variance_components()], or [anova()][anova.lmm_fit] of several fits; for `augment()` random
#'   effects as [ranef()][ranef.lmm_fit()] gives them.
#' @param conf.int,conf.level add percentile limits of this level to a bootstrap?
#' @param ci.level level of the intervals of random effects.
#' @param ... not used.
#' @return A data frame, a tibble where that package is installed, with the columns of 'broom': `term`, `estimate`,
#'   `std.error`, `statistic`, `df` (or `num.df` and `den.df`), `p.value`, `conf.low`, `conf.high`, as far as the result
#'   has them; `bias` for a bootstrap. `augment()` of random effects: `grp`, `variable`, `level`, `estimate`, `qq`
#'   (normal quantile), `std.error`, and limits `lb` and `ub`.
#' @section Conditions:
#' `lmm_error_input`: a level outside 0 to 1.
#' @seealso [ems()] for analyses of variance.
#' @concept broom
#' @concept data frame of results
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' tidy(contest(fit, c(treatB = 1, treatC = -1), joint = FALSE))
#' tidy(quantity(fit, "icc"))
#' tidy(bootstrap(fit, nsim = 50, seed = 1))
#' @name tidy_results
NULL

broom_names <- c(Estimate = "estimate", `Std. Error` = "std.error", `t value` = "statistic", `F value` = "statistic",
                 `Pr(>|t|)` = "p.value",
                 `Pr(>F)` = "p.value", lower = "conf.low", upper = "conf.high", NumDF = "num.df", DenDF = "den.df",
                 se = "std.error",
                 Df = "df", `Sum Sq` = "sumsq", `Mean Sq` = "meansq", stat = "statistic", grp = "group", SS = "sumsq",
                 MS = "meansq")

# Columns of a table by the names of 'broom', its row names first.
renamed_table <- function(x, term = rownames(x)) {
  class(x) <- "data.frame"
  known <- names(x) %in% names(broom_names)
  names(x)[known] <- broom_names[names(x)[known]]
  as_tidy(cbind(term = as.character(term), x[!duplicated(names(x))], stringsAsFactors = FALSE))
}

#' @rdname tidy_results
#' @method tidy contest_table
#' @export
tidy.contest_table <- function(x, ...) {
  if (!"F value" %in% names(x)) return(renamed_table(x))
  renamed_table(x[c("F value", "NumDF", "DenDF", "Pr(>F)")], "joint")
}

#' @rdname tidy_results
#' @method tidy lmm_comparison
#' @export
tidy.lmm_comparison <- function(x, ...) {
  out <- renamed_table(x)
  broom <- c(`-2*log(L)` = "minus2logL", Chisq = "statistic", `Pr(>Chisq)` = "p.value", `Pr(boot)` = "p.value",
             `MC error` = "mc.error")
  known <- names(out) %in% names(broom)
  names(out)[known] <- broom[names(out)[known]]
  out
}

#' @rdname tidy_results
#' @method tidy quantity_table
#' @export
tidy.quantity_table <- function(x, ...) {
  renamed_table(x)
}

#' @rdname tidy_results
#' @method tidy lmm_bootstrap
#' @export
tidy.lmm_bootstrap <- function(x, conf.int = FALSE, conf.level = 0.95, ...) {
  out <- data.frame(term = names(x$t0), estimate = unname(x$t0), bias = unname(colMeans(x$t, na.rm = TRUE) - x$t0),
                    std.error = unname(apply(x$t, 2L, stats::sd, na.rm = TRUE)), stringsAsFactors = FALSE)
  if (check_flag(conf.int, "conf.int")) {
    limits <- stats::confint(x, level = conf.level)
    out[c("conf.low", "conf.high")] <- list(unname(limits[, 1L]), unname(limits[, 2L]))
  }
  as_tidy(out)
}

#' @rdname tidy_results
#' @method tidy rlrt
#' @export
tidy.rlrt <- function(x, ...) {
  as_tidy(data.frame(term = x$data.name, statistic = unname(x$statistic), p.value = x$p.value, mc.error = x$mc.error,
                     method = x$method,
                     stringsAsFactors = FALSE))
}

#' @rdname tidy_results
#' @method tidy bootstrap_test
#' @export
tidy.bootstrap_test <- function(x, ...) {
  out <- renamed_table(x$test)
  names(out)[names(out) == "ddf"] <- "den.df"
  out
}

#' @rdname tidy_results
#' @method tidy variance_components
#' @export
tidy.variance_components <- function(x, ...) {
  renamed_table(as.data.frame(x)[c("grp", "estimate", "se", "df")])
}

#' @rdname tidy_results
#' @method tidy gauge_rr
#' @export
tidy.gauge_rr <- function(x, ...) {
  out <- as.data.frame(x)
  names <- c(source = "term", variance = "estimate", lower = "conf.low", upper = "conf.high")
  at <- match(names(names), names(out))
  names(out)[at] <- names
  as_tidy(out)
}

#' @rdname tidy_results
#' @method augment ranef.lmm_fit
#' @export
augment.ranef.lmm_fit <- function(x, ci.level = 0.9, ...) {
  check_level(ci.level, "ci.level")
  modes <- as.data.frame(x)
  panel <- interaction(modes$grpvar, modes$term, drop = TRUE)
  quantile <- stats::ave(modes$condval, panel,
                         FUN = function(b) stats::qnorm(stats::ppoints(length(b)))[rank(b, ties.method = "first")])
  se <- if (is.null(modes$condsd)) NA_real_ else modes$condsd
  half <- stats::qnorm((1 + ci.level) / 2) * se
  as_tidy(data.frame(grp = as.character(modes$grpvar), variable = as.character(modes$term), level = modes$grp,
                     estimate = modes$condval,
                     qq = quantile, std.error = se, lb = modes$condval - half, ub = modes$condval + half,
                     stringsAsFactors = FALSE))
}
