# New responses from the fitted model.

#' Simulate responses
#'
#' Draws responses from the model at its estimates. Prior weights are respected: the residual variance of a row is
#' `sigma^2 / weight`, and a row of weight zero, whose variance is infinite, gets `NA`.
#'
#' Random numbers are drawn in this order: spherical random effects of all simulations, term by term, level by level
#' and column by column (for a diagonal term column by column and level by level), then the residuals of all
#' simulations. This is the order of package 'lme4'. With `newdata`, effects are drawn only for the levels in it, unless
#' a relationship among levels is known; levels that are not in the fit come last. If the order of the terms by
#' number of levels differs between the fit and `newdata`, 'lme4' uses the variances of the wrong terms, and the draws
#' differ.
#'
#' @param object a fit made by [lmm()].
#' @param nsim number of responses.
#' @param seed seed for the random numbers, as in [stats::simulate()].
#' @param use.u keep the random effects at their conditional modes? Short for `re.form = NULL`.
#' @param re.form random terms to keep at their conditional modes: `NA` or `~0` none, `NULL` all, or a formula with
#'   some of the model's terms. The effects of the others are drawn.
#' @param newdata,allow.new.levels simulate for these rows; see [predict.lmm_fit()]. Levels that are not in the fit are
#'   drawn even when their term is conditioned on. With a residual structure the residuals of rows of one subject are
#'   correlated with each other; they are new ones, not given those of the fit.
#' @param weights prior weights of the rows of `newdata`: a number, or one per row. By default they are what the fit's
#'   `weights` say about these rows; where `newdata` lacks the variables, 1 with a message.
#' @param newparams other values of parameters than the estimates: a list with some of `beta` (all coefficients in their
#'   order, or some with names), `theta` (relative Cholesky parameters in the order of `getME(object, "theta")`) and
#'   `sigma`, as in lme4; or numbers by name: coefficients, `"sd_(Intercept)|g"` or `"cor_x.(Intercept)|g"` as in
#'   [variance_components()] with `scale = "sd"`, their variances `"var_(Intercept)|g"`, and `sigma`. `theta` is
#'   relative to `sigma`: standard deviations that are not named are multiplied when only `sigma` changes, as in lme4.
#'   Parameters of a residual structure have the names that [variance_components()] shows, on either scale.
#'   Conditional modes that are kept stay those of the fit.
#' @param offset known part of the mean of the rows of `newdata`: a number, or one per row, added to `offset()` terms of
#'   the formula.
#' @param na.action `na.exclude` for `NA` in the rows that were left out for missing values, `na.omit` for the rows
#'   used; by default as in the fit.
#' @param ... not used.
#' @return A data frame with one column per response and the state of the random number generator as attribute
#'   `"seed"`; a row per row used, or per row of `newdata`, in units of the response.
#' @section Conditions:
#' `lmm_error_input` for an `nsim` that is not a whole number; those of [predict()][predict.lmm_fit()] for `newdata` and
#' `re.form`.
#' @concept parametric bootstrap
#' @concept power
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' head(simulate(fit, 3, seed = 1))
#' head(simulate(fit, 1, seed = 1, newparams = c(treatB = 10, sigma = 2)))
#' @seealso [simulate_lmm()] for a formula without a fit, [power_study()], [bootstrap()].
#' @concept simulation
#' @export
simulate.lmm_fit <- function(object, nsim = 1, seed = NULL, use.u = FALSE, re.form = NA, newdata = NULL,
                             allow.new.levels = FALSE, newparams = NULL, weights = NULL, offset = NULL,
                             na.action = NULL, ...) {
  object <- with_parameters(object, newparams)
  exclude <- if (is.null(na.action)) NULL else check_na_action(na.action) == "na.exclude"
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  if (check_flag(use.u, "use.u")) re.form <- NULL
  keep <- wanted_columns(object, re.form)
  newdata <- force_argument(newdata, "newdata")
  rows <- if (is.null(newdata)) fit_rows(object, "simulate() without `newdata`")
          else simulation_rows(object, newdata, allow.new.levels, weights)
  check_draws(nsim, 24 * rows$n)
  if (!is.null(weights) && is.null(newdata)) simulation_numbers(weights, "weights", rows, newdata, 0)
  if (!is.null(offset)) rows$offset <- (if (is.null(rows$offset)) 0 else
    rows$offset) + simulation_numbers(offset, "offset", rows, newdata, -Inf)
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  plan <- drawing_plan(object, rows, keep)
  u <- matrix(stats::rnorm(plan$size * nsim), plan$size, nsim)
  e <- matrix(stats::rnorm(rows$n * nsim), rows$n, nsim)
  value <- drawn_responses(plan, u, e)
  out <- as.data.frame(apply_padding(value, rows, exclude))
  names(out) <- paste0("sim_", seq_len(nsim))
  attr(out, "seed") <- state$seed
  out
}

# With NA for rows left out: as the fit does it, unless `exclude` says so.
apply_padding <- function(value, rows, exclude = NULL) {
  rownames(value) <- row_labels(rows)
  left_out <- attr(rows$data, "na.action")
  if (!is.null(exclude) && !is.null(left_out)) class(left_out) <- if (exclude) "exclude" else "omit"
  stats::naresid(left_out, value)
}

simulation_rows <- function(fit, newdata, allow.new.levels, weights) {
  rows <- new_rows(fit_frame(fit), newdata, NULL, allow.new.levels, stats::na.pass, residual = is_structured(fit))
  weights <- asked_weights(fit, rows, weights, newdata)
  if (!is.null(weights)) rows$weights <- rep_len(weights, rows$n)
  if (is_structured(fit)) rows$residual <- drawn_residual_rows(fit, rows)
  rows
}

# A number for each row of `newdata`. For the rows of the fit its own weights and offset hold.
simulation_numbers <- function(x, name, rows, newdata, lower) {
  if (is.null(newdata)) {
    lmm_abort("input", paste0("`", name, "` is for `newdata`; the rows of the fit have their own."), what = name,
              fix = "Give `newdata` too.")
  }
  if (is.numeric(x) && length(x) %in% c(1L, rows$n) && !anyNA(x) &&
      all(x >= lower)) return(rep_len(as.numeric(x), rows$n))
  lmm_abort("input", paste0("`", name, "` must be a number or ", rows$n, " numbers",
                            if (lower == 0) ", none of them negative", ", not ",
                            describe_value(x), "."), what = name)
}

# What a response is made of: its mean, the matrix A with Z b = A u for spherical u in the order of the draws (`size`
# numbers), and the standard deviation of each residual.
drawing_plan <- function(fit, rows, keep = wanted_columns(fit, NA)) {
  mean <- mean_response(fit, rows, keep)
  for (k in which(!vapply(keep, all, NA))) mean[is.na(rows$codes[[fit_term_groups(fit)[k]]])] <- NA_real_
  A <- drawn_columns(fit, rows, lapply(keep, `!`))
  scale <- fit_sigma(fit)
  if (!is.null(rows$weights)) scale <- scale / ifelse(rows$weights > 0, sqrt(rows$weights), NA_real_)
  if (!is.null(A) && length(A) <= 1e4) A <- as.matrix(A)                   # products of small sparse matrices cost more
  list(mean = mean, A = A, size = if (is.null(A)) 0L else ncol(A), scale = scale, n = rows$n,
       related = related_draws(fit, rows, lapply(keep, `!`)),
       color = if (is_structured(fit)) function(e) colored_rows(fit, rows, e))
}

# Responses from spherical numbers, a column for each.
drawn_responses <- function(plan, u, e) {
  value <- plan$mean + if (is.null(plan$color)) plan$scale * e else plan$color(e)
  for (own in plan$related) {
    u[own$rows, ] <- related_effects(own$precision, matrix(u[own$rows, , drop = FALSE], own$levels))
  }
  if (plan$size) value <- value + as.matrix(plan$A %*% u)
  if (anyNA(plan$mean)) value[is.na(plan$mean), ] <- NA_real_
  value
}

# NULL where no random effect is drawn.
drawn_columns <- function(fit, rows, drawn) {
  group <- fit_term_groups(fit)
  codes <- drawn_codes(fit, rows)
  d <- mask_design(design(fit_frame(fit), rows), drawn)
  factors <- fit_covariance_factors(fit)
  parts <- lapply(which(vapply(drawn, any, NA)), function(k) {
    code <- codes[[group[k]]]
    A <- sparse_columns(d$Z[[k]] %*% factors[[k]], code$code, code$n)
    term <- fit_random(fit)[[k]]
    if (is_diagonal(term)) A[, order(level_major(code$n, term$q)), drop = FALSE] else A
  })
  do.call(cbind, parts)
}

# Where the numbers of levels with a known relationship stand among the draws: a row for each level, a column for each
# of the term's columns.
related_draws <- function(fit, rows, drawn) {
  if (!has_related(fit_frame(fit))) return(NULL)
  codes <- drawn_codes(fit, rows)
  group <- fit_term_groups(fit)
  end <- 0L
  out <- lapply(which(vapply(drawn, any, NA)), function(k) {
    term <- fit_random(fit)[[k]]
    own <- fit_groups(fit)[[group[k]]]
    n <- codes[[group[k]]]$n
    numbers <- end + seq_len(n * term$q)
    end <<- end + n * term$q
    if (!is_related(own)) return(NULL)
    place <- if (is_diagonal(term)) matrix(numbers, n) else matrix(numbers, n, byrow = TRUE)
    list(rows = as.vector(place[seq_along(own$levels), ]), levels = length(own$levels), precision = own$precision)
  })
  Filter(Negate(is.null), out)
}

# A diagonal term's numbers come column by column; their places in the order level by level.
level_major <- function(levels, q) as.vector(t(matrix(seq_len(levels * q), levels, q)))

# Codes of the levels that the rows have, in the order of the fit; levels with a known relationship are drawn together.
drawn_codes <- function(fit, rows) {
  Map(function(group, found) {
    used <- unique(found$code[!is.na(found$code)])
    if (is_related(group) || length(used) == length(group$levels) && found$n == length(used)) return(found)
    used <- used[order_of_levels(group, found$code, match(used, found$code), rows$data)]
    list(code = match(found$code, used), n = length(used))
  }, fit_groups(fit), simulation_codes(fit, rows))
}

# Of combinations the first variable varies slowest, and new values of one come after those in the fit.
order_of_levels <- function(group, code, rows, data) {
  if (length(group$parts) == 1L) return(order(code[rows]))
  do.call(order, unname(lapply(group$parts, function(part) {
    x <- data[[part$label]]
    own <- match_level(x, part$levels)
    new <- which(own == 0L)
    text <- level_text(x)[new]
    own[new] <- length(part$levels) + match(text, unique(text))
    own[rows]
  })))
}

# Codes of each grouping factor with levels that are not in the fit numbered after those that are.
simulation_codes <- function(fit, rows) {
  Map(function(group, code) {
    n <- length(group$levels)
    new <- which(code == 0L)
    if (length(new)) {
      parts <- lapply(group_parts(group$expr), function(part) level_text(rows$data[[variable_label(part)]])[new])
      label <- do.call(paste, c(parts, sep = ":"))
      code[new] <- n + match(label, unique(label))
    }
    list(code = code, n = max(n, code, na.rm = TRUE))
  }, fit_groups(fit), rows$codes)
}
