# Residual degrees of freedom: n - rank X, for everything.

#' @export
row_df.df_residual <- function(method, info, hypothesis) {
  rep(fit_nobs(info$fit) - fit_rank(info$fit), nrow(hypothesis$user))
}
