# The rule of package 'nlme': a coefficient is tested at the innermost level of grouping within whose groups its
# column varies. Pinheiro and Bates (2000), section 2.4.2.

#' @export
prepare_method.df_inner_outer <- function(method, info) {
  fit <- with_cell_rows(info$fit)
  fixed <- fixed_design(fit)
  rows <- fit_rows(fit, "this method for degrees of freedom")
  codes <- nested_codes(fit, rows)
  varies <- matrix(vapply(codes, function(code) varies_within(fixed$columns, code, rows), logical(ncol(fixed$columns))),
                   ncol(fixed$columns))
  stratum <- apply(varies, 1L, function(v) max(which(v), 0L)) + 1L
  intercept <- fit_frame(fit)$x_assign[info$kept] == 0L
  levels <- c(vapply(codes, function(code) length(unique(code)), 0L), fit_nobs(fit))
  method$coefficient_df <- strata_df(stratum, intercept, levels)
  method$term_df <- strata_df(stats::ave(stratum, fixed$term, FUN = max), intercept, levels)
  method
}

# `stratum` of each column, `levels` of each stratum -> degrees of freedom of each column.
strata_df <- function(stratum, intercept, levels) {
  df <- diff(c(as.integer(any(intercept)), levels)) - tabulate(stratum[!intercept], length(levels))
  if (!any(intercept)) df[-1L] <- df[-1L] + 1L       # as 'nlme' counts without an intercept
  ifelse(intercept, max(df), df[stratum])
}

#' @export
row_df.df_inner_outer <- function(method, info, hypothesis) involved_df(method, info, hypothesis)

# Codes of the grouping factors, outer to inner; an error unless each is nested in the one before.
nested_codes <- function(fit, rows) {
  used <- used_rows(rows)
  codes <- lapply(rows$codes[order(ngrps(fit))], `[`, used)
  for (k in seq_along(codes)[-1L]) {
    if (!is_constant_within(codes[[k - 1L]], codes[[k]])) {
      names <- names(fit_groups(fit))[order(ngrps(fit))]
      lmm_abort("input",
        paste0("degrees of freedom by the rule of inner and outer levels need nested grouping factors; ",
                                quote_name(names[k]), " is not nested in ", quote_name(names[k - 1L]), "."),
                                what = names[k],
                fix = "Use another method, see ddf_methods().")
    }
  }
  codes
}
