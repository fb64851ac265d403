# New responses from the fitted model.

#' Simulate responses
#'
#' Draws responses from the model at its estimates. Prior weights are respected: the residual variance of a row is
#' `sigma^2 / weight`, and a row of weight zero, whose variance is infinite, gets `NA`.
#'
#' Random numbers are drawn in this order: spherical random effects of all simulations, term by term, level by level
#' and column by column (for a diagonal term column by column and level by level), then the residuals of all simulations.
#' This is the order of package 'lme4'.
#'
#' @param object a fit made by [lmm()].
#' @param nsim number of responses.
#' @param seed seed for the random numbers, as in [stats::simulate()].
#' @param use.u keep the random effects at their conditional modes? Short for `re.form = NULL`.
#' @param re.form random terms to keep at their conditional modes: `NA` or `~0` none, `NULL` all, or a formula with
#'   some of the model's terms. The effects of the others are drawn.
#' @param newdata,allow.new.levels simulate for these rows; see [predict.lmm_fit()]. Levels that are not in the fit are
#'   drawn even when their term is conditioned on.
#' @param ... not used.
#' @return A data frame with one column per response and the state of the random number generator as attribute
#'   `"seed"`.
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' head(simulate(fit, 3, seed = 1))
#' @export
simulate.lmm_fit <- function(object, nsim = 1, seed = NULL, use.u = FALSE, re.form = NA, newdata = NULL,
                             allow.new.levels = FALSE, ...) {
  check_dots_empty(...)
  check_number(nsim, "nsim", lower = 1, whole = TRUE)
  if (check_flag(use.u, "use.u")) re.form <- NULL
  keep <- wanted_columns(object, re.form)
  rows <- if (is.null(newdata)) fit_rows(object, "simulate() without `newdata`")
          else simulation_rows(object, newdata, allow.new.levels)
  state <- seed_state(seed)
  if (!is.null(seed)) on.exit(restore_seed(state$before))
  mean <- linear_predictor(object, rows, use = keep)
  if (!is.null(rows$offset)) mean <- mean + rows$offset
  value <- mean + draw_random_part(object, rows, nsim, lapply(keep, `!`)) + draw_residuals(object, rows, nsim)
  out <- as.data.frame(apply_padding(value, rows))
  names(out) <- paste0("sim_", seq_len(nsim))
  attr(out, "seed") <- state$seed
  out
}

# As stats::simulate(): without a seed the state before, with one the seed and the kind of generator.
seed_state <- function(seed) {
  if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE)) stats::runif(1)
  before <- get(".Random.seed", envir = globalenv())
  if (is.null(seed)) return(list(seed = before))
  set.seed(seed)
  list(before = before, seed = structure(seed, kind = as.list(RNGkind())))
}

restore_seed <- function(before) assign(".Random.seed", before, envir = globalenv())

apply_padding <- function(value, rows) {
  rownames(value) <- row_labels(rows)
  stats::naresid(attr(rows$data, "na.action"), value)
}

simulation_rows <- function(fit, newdata, allow.new.levels) {
  new_rows(fit$frame, newdata, NULL, allow.new.levels, stats::na.pass)
}

draw_residuals <- function(fit, rows, nsim) {
  e <- fit_sigma(fit) * matrix(stats::rnorm(rows$n * nsim), rows$n, nsim)
  if (is.null(rows$weights)) return(e)
  e / ifelse(rows$weights > 0, sqrt(rows$weights), NA_real_)
}

# Z b for new random effects b of the columns drawn, one column per simulation.
draw_random_part <- function(fit, rows, nsim, drawn) {
  group <- fit_term_groups(fit)
  codes <- simulation_codes(fit, rows)
  levels <- vapply(codes, function(code) as.integer(code$n), 0L)[group]
  q <- vapply(fit_random(fit), function(term) as.integer(term$q), 0L)
  use <- vapply(drawn, any, NA)
  size <- ifelse(use, levels * q, 0L)
  u <- matrix(stats::rnorm(sum(size) * nsim), sum(size), nsim)
  first <- cumsum(size) - size
  d <- mask_design(design(fit$frame, rows), drawn)
  factors <- fit_covariance_factors(fit)
  out <- matrix(0, rows$n, nsim)
  for (k in which(use)) {
    uk <- u[first[k] + seq_len(size[k]), , drop = FALSE]
    if (fit_random(fit)[[k]]$structure == "diagonal") uk <- uk[level_major(levels[k], q[k]), , drop = FALSE]
    A <- sparse_columns(d$Z[[k]] %*% factors[[k]], codes[[group[k]]]$code, levels[k])
    out <- out + as.matrix(A %*% uk)
  }
  out
}

# A diagonal term's numbers come column by column; their places in the order level by level.
level_major <- function(levels, q) as.vector(t(matrix(seq_len(levels * q), levels, q)))

# Codes of each grouping factor with levels that are not in the fit numbered after those that are.
simulation_codes <- function(fit, rows) {
  Map(function(group, code) {
    n <- length(group$levels)
    new <- which(code == 0L)
    if (length(new)) {
      parts <- lapply(group_parts(group$expr), function(part) as.character(rows$data[[variable_label(part)]])[new])
      label <- do.call(paste, c(parts, sep = ":"))
      code[new] <- n + match(label, unique(label))
    }
    list(code = code, n = max(n, code, na.rm = TRUE))
  }, fit_groups(fit), rows$codes)
}
