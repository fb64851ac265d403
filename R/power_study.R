# Power of a test over effect sizes and designs, by simulation.

#' Power by simulation
#'
#' How often a test rejects its hypothesis, for values of a parameter (effect sizes) and for designs (sets of rows).
#'
#' For each design and each combination of `effects` responses are drawn, the model is fitted to each and the test is
#' made. The random numbers of replicate k are the same for all effects and do not depend on the number of processes, so
#' that curves are smooth. Fits that fail count as no rejection and are listed in the column `failed`.
#'
#' @param object a formula with random terms, or a fit made by [lmm()].
#' @param data the rows of the design, or a named list of several designs. For a fit the default are its own rows. The
#'   model for other rows is that of the fit, with its residual structure, variance function, relationships and
#'   contrasts. Their weights are the fit's `weights`, evaluated in the design, as in [simulate.lmm_fit()]; if it lacks
#'   the variables, the weights are 1, with a message.
#' @param newparams values of the parameters, as for [simulate_lmm()] (all of them) or, for a fit, [simulate.lmm_fit()]
#'   (those that differ from the estimates).
#' @param test what to test: the name of a coefficient (t test), the label of a term (F test, type III), or a function
#'   of a fit that returns a p-value. The default is the first of `effects`.
#' @param effects named list of values of parameters (all combinations are taken), or a data frame with a row per
#'   combination.
#' @param nsim number of responses for each setting.
#' @param alpha level of the test.
#' @param ddf method for degrees of freedom, see [ddf_methods()].
#' @param REML fit by REML? For a formula.
#' @param level confidence level of the limits of the power.
#' @param seed,threads see [bootstrap()].
#' @return A data frame of class `power_study` with a row per setting: `design` (if several), the effects, `power`, its
#'   exact (Clopper-Pearson) limits `lower` and `upper`, `nsim` and `failed`. There are methods for [print()] and
#'   [plot()], which draws the power over the first effect or, without effects, over designs whose names are numbers.
#' @section Conditions:
#' `lmm_error_input`: a parameter or test that the model does not have, a design that is not a data frame or has
#' parameters (visits, levels) that the fit does not have; for a formula and data those of [lmm()].
#' `lmm_message_weights` where the weights of a design are taken as 1.
#' @references Clopper and Pearson (1934) Biometrika 26, 404-413. Green and MacLeod (2016) Methods in Ecology and
#'   Evolution 7, 493-498.
#' @seealso [simulate_lmm()], which draws the responses; [simulate][simulate.lmm_fit] for a fit.
#' @concept design of experiments
#' @concept simulation
#' @concept power
#' @concept sample size
#' @examples
#' design <- function(n) expand.grid(Days = 0:4, Subject = factor(seq_len(n)))
#' power_study(~ Days + (1 | Subject), list(`5` = design(5), `10` = design(10)),
#'   c("(Intercept)" = 250, Days = 5, Subject = 30, sigma = 25),
#'   effects = list(Days = c(5, 15)), nsim = 20, seed = 1)
#' @export
power_study <- function(object, data = NULL, newparams = NULL, test = NULL, effects = NULL, nsim = 500, alpha = 0.05,
                        ddf = "Satterthwaite", REML = TRUE, level = 0.95, seed = NULL, threads = 1, ...) {
  caller <- parent.frame()
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  check_draws(nsim, 128)
  check_level(alpha, "alpha")
  designs <- if (is.null(data) || is.data.frame(data)) list(data) else check_designs(data)
  settings <- effect_grid(effects)
  if (is.null(test) && length(settings)) test <- names(settings)[1L]
  seed <- own_seed(seed)
  results <- lapply(designs, function(design) {
    base <- power_model(object, design, newparams, settings, REML, caller)
    p_value <- power_test(base, test, ddf)
    do.call(rbind, lapply(seq_len(max(1L, nrow(settings))), function(k) {
      own <- with_parameters(base, if (length(settings)) unlist(settings[k, , drop = FALSE]))
      rejections(own, p_value, nsim, alpha, level, seed, threads)
    }))
  })
  out <- do.call(rbind, unname(results))
  if (length(settings)) out <- cbind(settings[rep(seq_len(nrow(settings)), length(designs)), , drop = FALSE], out)
  if (!is.null(names(designs))) out <- cbind(design = rep(names(designs), each = max(1L, nrow(settings))), out)
  row.names(out) <- NULL
  structure(out, class = c("power_study", "data.frame"), test = if (is.character(test)) test else "test", alpha = alpha,
            level = level,
            effects = names(settings), seed = seed)
}

check_designs <- function(data) {
  if (is.list(data) && length(data) && all(vapply(data, is.data.frame, NA))) {
    if (is.null(names(data))) names(data) <- as.character(seq_along(data))
    return(data)
  }
  lmm_abort("input", paste0("`data` must be a data frame or a list of data frames, not ", kind_of(data), "."),
            what = "data")
}

# A data frame with a row for each combination; without effects no columns.
effect_grid <- function(effects) {
  if (is.null(effects)) return(data.frame())
  ok <- is.list(effects) && length(effects) && !is.null(names(effects)) && all(nzchar(names(effects))) &&
    all(vapply(effects, function(x) is.numeric(x) && length(x) > 0L && all(is.finite(x)), NA))
  if (!ok) {
    lmm_abort("input", paste0("`effects` must be a named list of numbers, not ", describe_value(effects), "."),
              what = "effects",
              fix = "For example list(Days = c(5, 10)).")
  }
  if (is.data.frame(effects)) return(effects)
  expand.grid(effects, KEEP.OUT.ATTRS = FALSE)
}

# A fit with the parameters to draw from. Effects without a value in `newparams` get the first of theirs.
power_model <- function(object, data, newparams, settings, REML, caller) {
  if (inherits(object, "lmm_fit")) {
    fit_rows(object, "power_study()")
    if (is.null(data)) return(with_parameters(object, newparams))
    return(design_fit(with_parameters(object, newparams), data, caller))
  }
  given <- as.list(newparams)
  more <- setdiff(names(settings), c(names(given), names(given[["beta"]])))
  complete <- !is.null(given[["beta"]]) && is.null(names(given[["beta"]]))
  if (!complete) given[more] <- lapply(settings[more], `[`, 1L)
  template_fit(object, data, given, REML)
}

# The test as a function of a fit.
power_test <- function(fit, test, ddf) {
  if (is.function(test)) return(function(fit) as.numeric(test(fit))[1L])
  names <- names(fit_beta(fit))
  terms <- attr(fit_frame(fit)$terms, "term.labels")
  if (is.null(test)) {
    lmm_abort("input", "`test` is missing.", what = "test",
              fix = paste0("Name a coefficient or term: ", enumerate(quote_level(unique(c(names, terms))), 20L), "."))
  }
  if (is.character(test) && length(test) == 1L && test %in% names) {
    L <- as.numeric(names == test)
    return(function(fit) contest(fit, L, joint = FALSE, ddf = ddf)[["Pr(>|t|)"]])
  }
  check_choice(test, unique(c(names, terms)), "test")
  function(fit) stats::anova(fit, ddf = ddf)[test, "Pr(>F)"]
}

# One row of the table.
rejections <- function(fit, p_value, nsim, alpha, level, seed, threads) {
  rows <- fit_rows(fit, "power_study()")
  plan <- parametric_plan(fit, rows)
  streams <- random_streams(nsim, seed)
  blocks <- unname(split(seq_len(nsim), (seq_len(nsim) - 1L) %/% 20L))
  work <- function(columns) {
    Y <- plan$responses(stream_numbers(streams[, columns, drop = FALSE], plan$size, plan$numbers))
    list(vapply(seq_along(columns), function(k) {
      again <- tryCatch(suppressMessages(fit_again(fit, replace_response(fit_frame(fit), rows, Y[, k]))),
                        lmm_error = function(e) NULL)
      if (is.null(again)) NA_real_ else p_value(again)
    }, 0))
  }
  p <- unlist(run_blocks(blocks, work, threads, shows_progress()))
  hits <- sum(p < alpha, na.rm = TRUE)
  tail <- (1 - level) / 2
  data.frame(power = hits / nsim, lower = if (hits > 0) stats::qbeta(tail, hits, nsim - hits + 1) else 0,
             upper = if (hits < nsim) stats::qbeta(1 - tail, hits + 1, nsim - hits) else 1, nsim = nsim,
             failed = sum(is.na(p)))
}

#' @rdname power_study
#' @param x,digits,... see [print()]; for `plot()` graphical parameters.
#' @export
print.power_study <- function(x, digits = 3L, ...) {
  cat("Power of the test of ", attr(x, "test"), " at level ", attr(x, "alpha"), " with ", 100 * attr(x, "level"),
      " percent limits\n", sep = "")
  print(as.data.frame(x), digits = digits, row.names = FALSE, ...)
  invisible(x)
}

#' @export
as.data.frame.power_study <- function(x, ...) {
  class(x) <- "data.frame"
  for (name in c("test", "alpha", "level", "effects", "seed")) attr(x, name) <- NULL
  x
}
