# Columns of a variance function that lie far from 0 are taken from their means: at calendar year 0 the residual
# variance may be many orders of magnitude from that of any row, and the search and the information matrix would depend
# on the origin of the years. In the same way a factor constant + x^power is divided by its value at a typical x, so
# that they do not depend on the unit of x. The sigma of a fit is then that at these centers; a user is shown that at 0
# and without the division, as by nlme and SAS.

far_from_zero <- 2                # means, in standard deviations

# The plan with `variance_center`, the centers of the linear columns, and `variance_reference`, x of the factors that
# are not linear, 0 for none. Nothing where no column is far from 0, or where sigma is no free parameter.
with_variance_origin <- function(plan, data, known_scale) {
  if (is.null(plan$variance) || known_scale) return(plan)
  kind <- plan_parameters(plan)$kind
  if ("covariance" %in% kind && !"variance" %in% kind) note_far_origin(plan, data)
  if (any(kind %in% c("variance", "covariance"))) return(plan)
  plan$variance_reference <- variance_reference(plan, data)
  plan$variance_center <- variance_center(plan, data)
  plan
}

# Covariances of cs() and toep() are shown relative to the variance at 0, so that these columns are not moved.
note_far_origin <- function(plan, data, far = 20) {
  if (is.null(plan$variance_plan)) return(invisible())
  n <- NROW(data[[variable_label(variance_variables(plan)[[1L]])]])
  columns <- linear_variance_columns(plan, data, n)
  mean <- colMeans(columns)
  at <- which(is.finite(mean) & abs(mean) > far * apply(columns, 2L, stats::sd))
  if (!length(at)) return(invisible())
  names <- plan$variance_plan$columns[-1L][at]
  lmm_inform("origin", paste0(enumerate(quote_name(names)), " in `variance` ", if (length(at) > 1L) "are" else "is",
                              " far from 0: with cs() or toep(), the search may not find the optimum."),
             what = names, fix = "Subtract a constant, as in variance = ~ I(year - 2000).")
}

variance_center <- function(plan, data) {
  if (is.null(plan$variance_plan)) return(NULL)
  n <- NROW(data[[variable_label(variance_variables(plan)[[1L]])]])
  columns <- linear_variance_columns(plan, data, n)
  mean <- colMeans(columns)
  far <- is_far(mean, apply(columns, 2L, stats::sd))
  if (any(far)) ifelse(far, mean, 0)
}

is_far <- function(mean, size) is.finite(mean) & is.finite(size) & abs(mean) > far_from_zero * size

# The geometric mean of |x| for a factor of all rows, and for the first of several factors that share the rows.
variance_reference <- function(plan, data) {
  out <- unlist(lapply(plan$variance_nonlinear, function(term) {
    x <- abs(as.double(data[[variable_label(term$x)]]))
    x <- log(x[is.finite(x) & x > 0])
    far <- term$kind == "constpower" && length(x) > 1L && is_far(mean(x), stats::sd(x))
    c(if (far) exp(mean(x)) else 0, numeric(max(0L, length(term$levels) - 1L)))
  }))
  if (any(out > 0)) out
}

# How log sigma at 0 less log sigma at the centers depends on the parameters: `slope` of the linear columns, numbers of
# the constants and powers with the logarithms of x; `all`: the parameters with the held ones filled in, `free`: which
# are not held. NULL where the two are the same.
sigma_shift <- function(plan) {
  if (is.null(plan$variance_center) && is.null(plan$variance_reference)) return(NULL)
  table <- plan_parameters(plan)
  slope <- numeric(nrow(table))
  own <- which(table$kind == "log_ratio")
  if (!is.null(plan$variance_center)) slope[own] <- -plan$variance_center[table$row[own]] / 2
  constant <- which(table$kind == "constant")
  used <- constant[plan$variance_reference[table$row[constant]] > 0]
  all <- numeric(nrow(table))
  all[plan$held$index] <- plan$held$value
  list(slope = slope, constant = used, log_x = log(as.double(plan$variance_reference)[table$row[used]]), all = all,
       free = setdiff(seq_along(all), plan$held$index))
}

# Of constant + x^power = x^power (1 + constant x^-power), whatever the unit of x.
log_constant_power <- function(constant, power, log_x) power * log_x + log1p(constant * exp(-power * log_x))

# The power follows the constant among the parameters.
log_shift <- function(shift, psi) {
  if (is.null(shift)) return(0)
  all <- replace(shift$all, shift$free, unlist(psi))
  sum(shift$slope * all) - sum(log_constant_power(all[shift$constant], all[shift$constant + 1L], shift$log_x))
}

# Its derivatives in the free parameters.
shift_slope <- function(shift, psi) {
  all <- replace(shift$all, shift$free, unlist(psi))
  log_power <- all[shift$constant + 1L] * shift$log_x
  out <- shift$slope
  out[shift$constant] <- -1 / (all[shift$constant] + exp(log_power))
  out[shift$constant + 1L] <- -shift$log_x / (1 + all[shift$constant] * exp(-log_power))
  out[shift$free]
}
