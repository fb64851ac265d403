# Large samples: normal and chi-square distributions.

#' @export
row_df.df_asymptotic <- function(method, info, hypothesis) rep(Inf, nrow(hypothesis$user))
