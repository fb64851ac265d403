# Columns of a variance function that lie far from 0 are taken from their means: at calendar year 0 the residual
# variance may be many orders of magnitude from that of any row, and the search and the information matrix would depend
# on the origin of the years. The sigma of a fit is then that at the means; a user is shown that at 0, as by nlme and
# SAS.

far_from_zero <- 2                # means, in standard deviations

# Centers of the linear columns; NULL where no column is far from 0, or where sigma is no free parameter.
variance_center <- function(plan, data, known_scale) {
  if (is.null(plan$variance_plan) || known_scale) return(NULL)
  if (any(plan_parameters(plan)$kind %in% c("variance", "covariance"))) return(NULL)
  n <- NROW(data[[variable_label(variance_variables(plan)[[1L]])]])
  columns <- linear_variance_columns(plan, data, n)
  mean <- colMeans(columns)
  size <- apply(columns, 2L, stats::sd)
  far <- is.finite(mean) & is.finite(size) & size > 0 & abs(mean) > far_from_zero * size
  if (any(far)) ifelse(far, mean, 0)
}

# log sigma at 0 less log sigma at the centers: `constant` plus the product of `slope` and the free parameters.
sigma_shift <- function(plan) {
  if (is.null(plan$variance_center)) return(NULL)
  all <- plan_parameters(plan)
  slope <- numeric(nrow(all))
  own <- which(all$kind == "log_ratio")
  slope[own] <- -plan$variance_center[all$row[own]] / 2
  held <- plan$held$index
  if (!length(held)) return(list(constant = 0, slope = slope))
  list(constant = sum(slope[held] * plan$held$value), slope = slope[-held])
}

log_shift <- function(shift, psi) if (is.null(shift)) 0 else shift$constant + sum(shift$slope * psi)
