# The fitter: a recipe, one call for each step.

#' Fit a linear mixed model
#'
#' Fits `y = X beta + Z b + e` with `b ~ N(0, G)` and `e ~ N(0, sigma^2 W^-1)`, or with correlated residuals, by
#' restricted (REML) or full maximum likelihood. With independent residuals the rows are reduced once to cross-products;
#' everything after that works with matrices whose size is that of the model.
#'
#' @section Random terms:
#' `(1 | g)` a random intercept, `(x | g)` intercept and slope with an unstructured covariance matrix, `(0 + x | g)`
#' a slope alone, `(x || g)` a diagonal covariance matrix (for factors too), `(1 | a/b)` nesting, `(1 | a:b)` an
#' interaction; several terms are added, on the same or on crossed factors.
#'
#' A keyword around the bar gives the covariance matrix of the columns a structure, as in `ar1(0 + time | g)` with a
#' factor `time`:
#'
#' | here | structure (natural parameters) | nlme | glmmTMB | SAS `TYPE=` | ASReml |
#' |:--|:--|:--|:--|:--|:--|
#' | `us(0 + f \| g)` | unstructured | `pdSymm` | `us` | `UN` | `us` |
#' | `diag` | a variance for each column | `pdDiag` | `diag` | `UN(1)` | `diag` |
#' | `homdiag` | one variance | `pdIdent` | `homdiag` | `VC` | `idv` |
#' | `cs`, `csh` | variances, one correlation | | `cs` | `CSH` | `coruh` |
#' | `homcs` | a variance, a covariance | `pdCompSymm` | `homcs` | `CS` | `coruv` |
#' | `ar1` | a variance, a correlation | | `ar1` | `AR(1)` | `ar1v` |
#' | `hetar1` | variances, a correlation | | `hetar1` | `ARH(1)` | `ar1h` |
#' | `toep` | variances, a correlation for each lag | | `toep` | `TOEPH` | `corbh` |
#' | `homtoep` | a variance, a covariance for each lag | | `homtoep` | `TOEP` | `corb` |
#' | `fa(0 + f \| g, k)` | loadings of k factors, specific variances | | | `FA(k)` | `facv` |
#' | `rr(0 + f \| g, k)` | loadings of k factors | | `rr` | `FA0(k)` | `rr` |
#' | `exp(x + y \| site)` | a variance, a range | | `exp` | `SP(EXP)` | `expv` |
#' | `gau` | a variance, a range | | `gau` | `SP(GAU)` | `gauv` |
#' | `matern(, nu = 1.5)` | a variance, a range | | `mat` | `SP(MATERN)` | `mtrnv` |
#'
#' The last three are effects of the levels of `site`, correlated by the distance `d` of their positions:
#' `exp(-d / range)`, `exp(-(d / range)^2)`, and Matern's function of `d / range` with smoothness `nu` 0.5, 1.5 (the
#' default) or 2.5, such as `(1 + d / range) exp(-d / range)`. A known covariance between levels is the argument
#' `relationship`.
#'
#' `hom = TRUE` and `hom = FALSE` switch between one variance and several: `cs(0 + f | g, hom = TRUE)` is `homcs`.
#' Loadings above the diagonal are zero. A correlation of 1 and a variance of 0 are inside all structures. Kenward-Roger
#' and Satterthwaite tests, standard errors, all limits of [confint()][confint.lmm_fit], profiles, the
#' bootstrap, prediction with intervals and likelihood ratio tests are available, also with residual structures;
#' `bounded = FALSE` is an error. Argument `fixed` can set correlations and ranges, and, if sigma is fixed too,
#' standard deviations.
#'
#' @section Residual covariance:
#' `residual = ~ word(position | subject)` gives the rows of each subject a covariance matrix; rows of different
#' subjects are independent. Over visits (a factor, or the sorted values of a variable): `us` unstructured, `diag` one
#' variance for each visit, `cs` compound symmetry, `toep` Toeplitz, `ad` antedependence, `corr` unstructured
#' correlation with one variance; with one variance for each visit `csh`, `toeph`, `ar1h`, `adh` (`hom = TRUE` and
#' `hom = FALSE` switch between the two). Over whole steps: `ar1`, `arma` (ARMA(1, 1) in the parameters of SAS),
#' `ar(p = )`, `ma(q = )` and `arma(p = , q = )` in the parameters of nlme. Over distances, in one or several
#' coordinates (`exp(lon + lat | site)`, or a matrix with a column for each): `exp` (also `ou`, `car1`), `gau`, `sph`,
#' `lin`, `ratio`, `matern` (its `shape` estimated, or given as `shape = 1.5`), each with `nugget = TRUE` for
#' measurement error and `metric = "manhattan"` or `"maximum"` for other distances. `1` on the left of the bar is the
#' order of the rows; without a bar all rows are one subject. `ar1` and separable products of these structures also
#' take `nugget = TRUE` (in one factor only); it replaces a random term with a level for each row. `bands = 4` keeps the
#' covariances up to lag 3. `~ ar1(col):ar1(row) | trial` is a separable product. `a/b` on the right of the bar, or
#' `by = a`, gives each level of `a` its own parameters.
#'
#' `~ known(trial, V)` takes the residual covariance matrix as given, with sigma fixed at 1: a list of matrices named by
#' the levels of `trial`, one matrix for each of them, or one matrix for all rows of the data. If the matrix and the
#' data both have row names, rows are matched by name; otherwise the matrix has a row for each row of the data, in the
#' same order, before or after `subset` and the removal of missing values. `scale = TRUE` estimates a factor;
#' `known(trial, V1, V2)` estimates a coefficient for each matrix.
#'
#' Names of the parameters are those that are printed; `fixed = c(rho = 0.5)` fixes them at known values.
#'
#' | here | nlme | mmrm | SAS `TYPE=` |
#' |:--|:--|:--|:--|
#' | `us(visit \| id)` | `corSymm` and `varIdent` | `us` | `UN` |
#' | `corr(visit \| id)` | `corSymm` | | |
#' | `cs`, `csh` | `corCompSymm` (and `varIdent`) | `cs`, `csh` | `CS`, `CSH` |
#' | `ar1`, `ar1h` | `corAR1` (and `varIdent`) | `ar1`, `ar1h` | `AR(1)`, `ARH(1)` |
#' | `toep`, `toeph` | | `toep`, `toeph` | `TOEP`, `TOEPH` |
#' | `ad`, `adh` | | `ad`, `adh` | `ANTE(1)` |
#' | `arma` | `corARMA(p = 1, q = 1)` | | `ARMA(1,1)` |
#' | `ar(, p = 2)`, `ma(, q = 2)`, `arma(, p = 2, q = 1)` | `corARMA` | | |
#' | `exp`, `gau`, `sph` | `corExp`, `corGaus`, `corSpher` | `sp_exp` | `SP(EXP)`, `SP(GAU)`, `SP(SPH)` |
#' | `lin`, `ratio` | `corLin`, `corRatio` | | `SP(LIN)` |
#' | `matern` | | | `SP(MATERN)` |
#' | `known` | | | `LIN(1)` with `LDATA=` |
#'
#' `variance = ~ arm + log(dose)` multiplies the residual standard deviation by `exp` of a linear predictor without
#' intercept: a factor gives each level its own variance (nlme's `varIdent`; coefficients are log ratios of standard
#' deviations), `power(x)` or `log(x)` is `varPower`, `x` is `varExp`; `power(x | g)` has a power for each level of `g`.
#' `constpower(x)` is `const + |x|^power` (`varConstPower`), `constprop(x)` is `sqrt(1 + (prop x)^2)`
#' (`varConstProp` up to a factor). `fitted` (or `fitted(.)`, if a column of the data has this name) stands for the
#' fitted values, as in `power(fitted)`: the fit is repeated with the variance function at the latest fitted values
#' until they no longer change, as nlme does. This is not maximum likelihood for the parameters of the mean.
#'
#' Without a random term the fit is generalized least squares, and without a residual structure least squares, by the
#' same criterion, so that nested models can be compared.
#'
#' @section Estimation:
#' The criterion is `-2 log L` with `beta` and `sigma^2` profiled out (Bates and DeBacker 2010; the constants are
#' those of SAS, nlme and lme4). It is minimized by Newton's method with the exact Hessian (average information for
#' large crossed designs; Gilmour, Thompson and Cullis 1995). A variance estimated as zero, the residual variance
#' included, or a correlation of one, is an ordinary result and is reported by one message of class
#' `lmm_message_boundary`. Fits at or near such a boundary, and diagonal terms with a covariate far from its origin, are
#' searched again from other starting values. If these searches end at different optima, the best one is returned, and a
#' message of class `lmm_message_optima` says that the estimates depend on the starting values. With few subjects
#' and missing visits, the likelihood of an unstructured residual covariance matrix can have several local maxima, some
#' at nearly singular matrices that depend on a few subjects. Such a maximum does not replace a regular one; a message
#' of the same class reports the other maxima. `lin()` with several coordinates is positive definite only for some
#' ranges, and its likelihood has many local maxima; a message of the same class reports this.
#'
#' @param formula a two-sided formula, or text that can be read as one; random terms are written with bars. A response
#'   of several columns (`cbind(a, b)`, a numeric matrix) is that many responses, each with its own fit: see
#'   [responses].
#' @param data a data frame, tibble or data.table; variables that it lacks are looked up where the formula was made.
#'   Data that are not in memory: [cross_products()], [chunks()], a table of a database ([sql_rows()], or a lazy table
#'   of 'dbplyr'); see `vignette("large-data", "henderson")`.
#' @param REML `TRUE` for restricted maximum likelihood, `FALSE` for maximum likelihood.
#' @param weights prior weights: the residual variance of row i is `sigma^2 / weights[i]`. A row of weight zero is
#'   left out of the fit, but can be predicted. For many responses also a matrix with a column for each.
#' @param offset a known part of the mean, added to `offset()` terms of the formula.
#' @param subset which rows to use.
#' @param na.action what to do with rows that have missing values; `na.omit` by default.
#' @param contrasts list of contrasts for the factors among the fixed effects, as in [stats::lm()].
#' @param start relative Cholesky parameters (as `getME(fit, "theta")`; with `bounded = FALSE` the entries of the
#'   relative covariance matrices) at which to start the search.
#' @param control settings made by [lmm_control()].
#' @param fixed variance parameters fixed at known values: numbers named `"sigma"`, `"sd_(Intercept)|g"`,
#'   `"cor_x.(Intercept)|g"` (as in [variance_components()] with `scale = "sd"`), `"sigma^2"`, `"var_(Intercept)|g"`, or
#'   for a term of one column by its name in [VarCorr()]. They are not estimated, have no standard error and are not
#'   counted as parameters; tests treat them as known. Parameters of the residual structure have the names that are
#'   printed, such as `"rho"`. Parameters of random effects with a structure have names such as `"cor_ar1|id"`,
#'   `"range|exp(site)"` and `"sd_ar1|id"`; their standard deviations, and with `residual` or `variance` those of
#'   all random effects, can be fixed only together with `"sigma"`. With sampling variances `v`
#'   known for each row use `weights = 1 / v, fixed = c(sigma = 1)`.
#' @param bounded `TRUE`: covariance matrices of random effects are positive semidefinite. `FALSE`: only the covariance
#'   matrix of the response has to be positive definite, so that a variance component may be negative, as analysis of
#'   variance estimates may (SAS: `NOBOUND`). A negative component is a negative correlation within the levels. Random
#'   effects then have no distribution: predictions with intervals are those of the population (`re.form = NA`), and
#'   simulations, leverages and tolerance intervals are errors.
#' @param residual covariance structure of the residuals: a one-sided formula such as `~ ar1(visit | subject)`, or the
#'   bare call `ar1(visit | subject)`. `NULL`: independent.
#'   Variables of `residual` and of `variance` that are not in the data are looked up where each formula was made.
#' @param variance variance function of the residuals: a one-sided formula such as `~ group` or `~ power(x)`. The
#'   residual standard deviation `sigma` is then that of rows for which the columns of the formula are 0 (for
#'   `power(x)`, where `x` is 1).
#' @param relationship known covariance between the levels of grouping factors: a list such as `list(animal = K)` of
#'   matrices, [precision()] or [pedigree()] objects.
#' @param ... not used; an argument that lmm() does not know is an error.
#' @return An object of class `lmm_fit`: plain R data that survives [saveRDS()]. See [summary.lmm_fit()],
#'   [ranef.lmm_fit()], [VarCorr.lmm_fit()], [predict.lmm_fit()] and the other methods.
#' @section Conditions:
#' Errors inherit from `lmm_error_input`, `lmm_error_formula`, `lmm_error_data`, `lmm_error_unidentified` or
#' `lmm_error_numeric` (too large for the memory or for a day; numbers that double precision cannot represent); any
#' other failure is an `lmm_error_internal`, which has the error of R as `value`. Warnings inherit from
#' `lmm_warning_precision`, `lmm_warning_convergence` or `lmm_warning_data`; messages from `lmm_message_na`,
#' `lmm_message_rank`, `lmm_message_boundary`, `lmm_message_optima`, `lmm_message_formula`, `lmm_message_size`,
#' `lmm_message_origin` (a covariate of `variance` that is far from 0 and should be centered) or `lmm_message_solver`.
#' What the iterative solver does not support is an error of class `lmm_error_solver`. All inherit from `lmm_condition`,
#' and those of the fit itself are kept in `fit$conditions`. A message of class `lmm_message_time` announces a fit that
#' will take minutes.
#' @references Jennrich and Schluchter (1986) Biometrics 42, 805-820. Pinheiro and Bates (2000) *Mixed-Effects Models in
#'   S and S-PLUS*, chapter 5. Henderson (1975) Biometrics 31, 423-447. Harville (1977) JASA 72, 320-338.
#'   Bates and DeBacker (2010) in: Data Analysis and Applications, 1-25.
#' @seealso [summary.lmm_fit], [anova][anova.lmm_fit], [confint][confint.lmm_fit], [predict][predict.lmm_fit],
#'   [plot][plot.lmm_fit] for what to do with a fit, [henderson-package] for all functions by question,
#'   [lmm_control()] for settings, [precision()] and [pedigree()] for known relationships,
#'   [subject_covariance()] for the covariance matrix of a subject.
#' @concept mixed model
#' @concept mixed-effects model
#' @concept multilevel model
#' @concept hierarchical linear model
#' @concept random effects
#' @concept random intercept
#' @concept random slope
#' @concept repeated measures
#' @concept longitudinal data
#' @concept split-plot design
#' @concept nested design
#' @concept crossed random effects
#' @concept REML
#' @concept meta-analysis
#' @concept missing values
#' @concept autocorrelation
#' @concept AR1, AR(1), first-order autoregression
#' @concept MMRM
#' @concept heteroscedasticity
#' @concept kriging
#' @concept spatial correlation
#' @concept pedigree
#' @concept animal model
#' @concept kinship
#' @concept genomic prediction
#' @concept factor analytic
#' @concept unstructured covariance
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' summary(fit)
#' # Random intercepts and slopes, correlated
#' lmm(distance ~ age + (age | Subject), as.data.frame(nlme::Orthodont))
#' # Residual standard deviation known to be 4
#' lmm(yield ~ treat + (1 | blend), penicillin, fixed = c(sigma = 4))
#' # Repeated measures: unstructured covariance over visits, Kenward-Roger tests
#' growth <- as.data.frame(nlme::Orthodont)
#' fit <- lmm(distance ~ Sex * age, growth, residual = ~ us(age | Subject))
#' anova(fit, ddf = "Kenward-Roger")
#' # Components that may be negative
#' VarCorr(lmm(yield ~ (1 | treat) + (1 | blend), penicillin, bounded = FALSE))
#' @export
lmm <- function(formula, data, REML = TRUE, weights, offset, subset, na.action, contrasts = NULL, start = NULL,
                control = lmm_control(), fixed = NULL, bounded = TRUE, ..., residual = NULL, variance = NULL,
                relationship = NULL) {
  check_arguments(given_names(sys.call(), parent.frame()), names(formals(lmm)))
  call <- match.call(expand.dots = TRUE)
  data <- check_source(data, cells = TRUE)
  if (missing(control)) control <- default_control()
  force_arguments(c("REML", if (!missing(na.action)) "na.action", "contrasts", "start", "control", "fixed", "bounded",
                    "relationship"))
  check_flag(REML, "REML")
  check_control(control)
  check_flag(bounded, "bounded")
  if (!bounded && length(fixed)) abort_held_unbounded()
  formula <- check_formula(formula, parent.frame())
  spec <- model_spec(formula, REML, residual_argument(call, parent.frame()), known_relationships(relationship))
  spec <- known_scale_spec(spec, fixed)
  refuse_with_residual(spec, bounded, control)
  framed <- framed_source(spec, data, call, if (missing(na.action)) NULL else na.action, contrasts, parent.frame(),
                          fixed, bounded, control)
  frame <- framed$frame
  control <- set_memory_limit(control, frame)
  written <- written_call(call, formula, parent.frame())
  origin <- new_origin(environment(formula), resolve_dots(call$data, parent.frame())$caller, control$keep_rows,
                       written_places(call, parent.frame()))
  if (!is.null(framed$many)) {
    first <- frame_blocks(frame, framed$rows, control)
    return(lmm_of_responses(written, framed, first$blocks, control, first$conditions, origin))
  }
  fit <- fit_model_frame(frame, framed$rows, REML, start, control, written)
  fit$origin <- origin
  if (is.null(fit$cells)) remember_data(fit, data) else fit
}

abort_held_unbounded <- function() {
  lmm_abort("input", "`fixed` and `bounded = FALSE` cannot be combined.", what = c("fixed", "bounded"),
            fix = "A parameter in `fixed` has its value whatever the bounds.")
}

# Asking the system takes longer than a small fit.
set_memory_limit <- function(control, frame) {
  control$chunk_rows <- rows_at_a_time(control$chunk_rows, length(frame$x_names))
  if (!is.null(control$memory_limit)) return(control)
  levels <- vapply(frame$groups, function(group) length(group$levels), 0L)
  many <- sum(levels) - max(levels, 0L) > 2000L || !is.null(frame$residual) && sum(levels) > 1000L
  control$memory_limit <- if (many) 0.5 * available_memory() else 1e300
  control
}
