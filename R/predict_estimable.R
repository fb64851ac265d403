# New rows that a rank-deficient fit cannot predict.

# New rows in which a column that the fit left out is not the combination of others that it was there. A warning
# names them.
not_estimable <- function(fit, rows) {
  if (!anyNA(fit_beta(fit))) return(integer())
  kept <- fit_estimable(fit)
  alias <- fit_aliases(fit)
  differs <- by_chunk(fit, rows, function(d) {
    X <- d$X[, kept, drop = FALSE]
    dropped <- d$X[, !kept, drop = FALSE]
    scale <- abs(dropped) + abs(X) %*% abs(alias)
    rowSums(abs(dropped - X %*% alias) > 1e-7 * scale)
  })
  where <- which(differs > 0)
  if (length(where)) {
    names <- names(fit_beta(fit))[!kept]
    lmm_warn("newdata", paste0("no prediction for ", row_text(where), " of `newdata`: in the fit ",
      enumerate(quote_name(names)), if (length(names) == 1L) " was a combination" else " were combinations",
      " of other columns, which is not the case there."), what = names, where = where)
  }
  where
}
