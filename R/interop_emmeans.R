# Package 'emmeans': estimated marginal means of a fit. Its generics find these methods when it is loaded.

#' Estimated marginal means
#'
#' Fits work with package 'emmeans'. Degrees of freedom come from Satterthwaite's method, or from the one given as `ddf`
#' (or `lmer.df` or `mode`, as for other mixed models): `emmeans(fit, ~ treat, ddf = "Kenward-Roger")`.
#' `emmeans::emm_options(lmer.df = )` sets the method for a session. For fits of 'lme4' the default of 'emmeans' is
#' the Kenward-Roger method, which also adjusts the standard errors.
#'
#' @param object a fit made by [lmm()].
#' @param data data frame with the variables of the model, if they cannot be found otherwise.
#' @param trms,xlev,grid supplied by 'emmeans'.
#' @param ddf,lmer.df,mode method for the degrees of freedom, see [ddf_methods()]. As `mode`, `"link"` and `"response"`
#'   stand for the default method, since the link is the identity.
#' @param vcov. a covariance matrix, or a function of the fit that gives one, to be used instead of that of the method.
#' @param ... passed on; `cluster`, `information` and `subject` are options of the method, see [ddf_method()].
#' @return What 'emmeans' expects: a data frame of the variables, and a list with the matrix `X` of the grid, the
#'   coefficients `bhat`, their covariance matrix `V`, a basis `nbasis` of the non-estimable functions, and the function
#'   `dffun` for degrees of freedom.
#' @section Conditions:
#' `lmm_error_input`: an unknown method, a `vcov.` that does not fit the coefficients, a fit that does not keep its
#' rows, data that cannot be found if the fit has only functions of the variables, or no `data` for a fit to
#' `chunks()`, a database or [cross_products()] with an offset (the means include the mean of the offset).
#' `lmm_message_weights`: a fit to `chunks()`, a database or [cross_products()] has weights, and numeric variables are
#' set to their weighted means; with `data` they are set to the means of its rows, as for a fit to a data frame.
#' @seealso [contest()], [plot_effects()], [multcomp_support].
#' @concept least squares means
#' @concept LS means
#' @concept post hoc tests
#' @concept pairwise comparisons
#' @concept multiple comparisons
#' @concept marginal means
#' @examplesIf requireNamespace("emmeans", quietly = TRUE)
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' emmeans::emmeans(fit, ~ treat)
#' @name emmeans_support
NULL

#' @rdname emmeans_support
#' @exportS3Method emmeans::recover_data
recover_data.lmm_fit <- function(object, data = NULL, ...) {
  if (!is.null(data) && !is.data.frame(data)) {
    lmm_abort("input", paste0("`data` must be a data frame, not ", kind_of(data), "."), what = "data", value = data)
  }
  trms <- stats::delete.response(stats::terms(object))
  if (is_cells_fit(object)) return(tryCatch(recover_cells(object, trms, data, ...), lmm_error = conditionMessage))
  rows <- tryCatch(fit_rows(object, "emmeans"), lmm_error = conditionMessage)
  if (is.character(rows)) return(rows)                  # which 'emmeans' shows as its error
  if (is.null(data) && !all(all.vars(trms) %in% names(rows$data))) data <- raw_variables(object, trms, rows)
  environment(trms) <- environment(stats::formula(object))
  emmeans::recover_data(fit_call(object), trms, attr(rows$data, "na.action"), data = data, frame = rows$data, ...)
}

# The table of cells has the response without the offset, whose mean is taken from `data`.
recover_cells <- function(fit, trms, data, ...) {
  frame <- fit_frame(fit)
  if (!length(frame$offset)) {
    if (is.null(data)) data <- cells_grid_data(fit, trms)
    return(emmeans::recover_data(fit_call(fit), trms, NULL, data = data, ...))
  }
  if (is.null(data)) abort_unknown_offset("emmeans(fit, ..., data = )")
  source <- newdata_source(frame, data, unlist(lapply(Filter(is.language, frame$offset), variables_of)))
  offset <- as_newdata(new_offset(frame, source))
  used <- stats::complete.cases(data[intersect(all.vars(trms), names(data))]) & !is.na(offset)
  emmeans::recover_data(fit_call(fit), trms, NULL, data = data[used, , drop = FALSE],
                        frame = list("(offset)" = offset[used]), ...)
}

abort_unknown_offset <- function(call) {
  lmm_abort("input", "the cross-products contain the response minus its offset: the mean of the offset is not known.",
            what = "offset", fix = if (is.null(call)) "Use predict(fit, newdata = , re.form = NA)." else paste0(
              "Supply the data, which contain it: ", call, "."))
}

cells_grid_data <- function(fit, trms) {
  data <- grid_data(fit)
  absent <- setdiff(all.vars(trms), names(data))
  if (!length(absent)) return(data)
  lmm_abort("input", paste0("the cross-products contain functions of ", enumerate(quote_name(absent)),
                            ", but not the variable: its mean is not known."),
            what = absent, fix = "Give rows that have it: emmeans(fit, ..., data = ).")
}

# The variables themselves, where the model frame has only functions of them, for the rows that were used.
raw_variables <- function(fit, trms, rows) {
  data <- find_data(fit, fit_call(fit)$data, stats::formula(trms))
  if (is.null(data)) return(NULL)
  data[positions_in(row_labels(rows), data), , drop = FALSE]
}

#' @rdname emmeans_support
#' @exportS3Method emmeans::emm_basis
emm_basis.lmm_fit <- function(object, trms, xlev, grid, ddf = lmer.df, lmer.df = mode, mode = NULL, vcov. = NULL, ...) {
  if (is.null(ddf) || identical(ddf, "link") || identical(ddf, "response")) ddf <- default_emmeans_df(object)
  report_exact(object)
  frame <- fit_frame(object)
  X <- build_matrix(frame, grid_variables(frame, grid), n = nrow(grid))
  colnames(X) <- frame$x_names
  options <- list(...)
  options <- options[names(options) %in% c("cluster", "information", "subject")]
  inference <- suppressMessages(do.call(new_inference, c(list(object, ddf), options), quote = TRUE))
  info <- inference$info
  beta <- fit_beta(object)
  beta[info$kept] <- info$estimate
  V <- if (is.null(vcov.)) user_covariance(inference) else covariance_of(object, vcov., length(info$kept))
  # 'emmeans' moves dffun to another environment, hence the detour through its argument.
  dffun <- structure(function(k, dfargs) dfargs$df(k), mesg = tolower(inference$method$name))
  dfargs <- list(df = function(k) if (anyNA(info$phi)) NA_real_ else row_df(inference$method, info,
                                                                            new_hypothesis(info, matrix(k, 1L))))
  list(X = X, bhat = beta, nbasis = null_basis(object), V = V, dffun = dffun, dfargs = dfargs, misc = list())
}

# What emm_options(lmer.df = ) says, if it was called; the default of 'emmeans' for fits of 'lme4' is not ours.
default_emmeans_df <- function(fit) {
  given <- getOption("emmeans")$lmer.df
  if (is.null(given)) default_ddf(fit) else given
}

# The variables of the fixed effects on a grid, in which numbers stand for times and the like.
grid_variables <- function(frame, grid) {
  source <- newdata_source(frame, grid, needed_variables(frame, logical(length(frame$groups))), numbers = TRUE)
  values <- as_newdata(read_fixed(frame, source))
  signal_conditions(lapply(source$notes$conditions, reclass, "lmm_warning_newdata"))
  values
}

# Orthonormal basis of the vectors c with X c = 0; NA where there are none.
null_basis <- function(fit) {
  W <- alias_matrix(fit)
  dropped <- setdiff(seq_len(ncol(W)), fit_blocks(fit)$x$kept)
  if (!length(dropped)) return(matrix(NA_real_))
  N <- matrix(0, ncol(W), length(dropped))
  N[fit_blocks(fit)$x$kept, ] <- W[, dropped]
  N[cbind(dropped, seq_along(dropped))] <- -1
  qr.Q(qr(N))
}
