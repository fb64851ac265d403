# Generic functions of 'lme4' and 'lmerTest' that have other names here, or none. Found when those packages are loaded.

#' @rawNamespace S3method(lmerTest::contest1D, lmm_fit)
contest1D.lmm_fit <- function(model, L, rhs = 0, ddf = "Satterthwaite", confint = FALSE, level = 0.95, ...) {
  if (missing(ddf)) ddf <- default_ddf(model)
  out <- do.call(contest, c(list(model, L, rhs, joint = FALSE, ddf = ddf, conf.level = level),
                            without_level(list(...))))
  plain_table(if (confint) out else out[!names(out) %in% c("lower", "upper")])
}

#' @rawNamespace S3method(lmerTest::contestMD, lmm_fit)
contestMD.lmm_fit <- function(model, L, rhs = 0, ddf = "Satterthwaite", ...) {
  if (missing(ddf)) ddf <- default_ddf(model)
  out <- contest(model, L, rhs, joint = TRUE, ddf = ddf, ...)
  plain_table(out[!names(out) %in% c("Chisq", "Pr(>Chisq)")])
}

# Principal components of the relative covariance matrix of all terms of a grouping factor.
#' @rawNamespace S3method(lme4::rePCA, lmm_fit)
rePCA.lmm_fit <- function(x) {
  factors <- split(fit_factors(x), factor(fit_term_groups(x), seq_along(fit_groups(x))))
  parts <- lapply(factors, function(L) {
    axes <- svd(block_diagonal(L), nv = 0L)
    structure(list(sdev = axes$d, rotation = axes$u, center = FALSE, scale = FALSE), class = "prcomp")
  })
  structure(stats::setNames(parts, names(fit_groups(x))), class = "prcomplist")
}

#' @exportS3Method lme4::isGLMM
isGLMM.lmm_fit <- function(x, ...) {
  caller <- parent.frame()
  if (package_of(caller) == "'lme4'" && exists("meth.tab", caller)) {            # allFit()
    lmm_abort("input", "allFit() tries the optimizers of 'lme4', which lmm() does not use.", what = "allFit",
              fix = "Call allFit(as_lmer(fit)). How the search of lmm() ended is in fit$optimum.")
  }
  FALSE
}

#' @exportS3Method lme4::isNLMM
isNLMM.lmm_fit <- function(x, ...) FALSE

# bootMer() of 'lme4' hands its own `control` to refit().
check_refit_dots <- function(...) {
  dots <- list(...)
  do.call(check_dots_empty, dots[!names(dots) %in% "control"])
}
