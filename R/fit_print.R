# The short print of a fit.

#' @export
print.lmm_fit <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print_title(fit_method(x))
  print_call(fit_call(x), stats::formula(x), most = 32L)
  print_criterion(criterion_table(x), digits = 4L)
  print_variances(VarCorr(x), digits)
  print_held(held_names(x))
  own <- shown_residual(x)
  print_residual(own$title, own$table, digits)
  print_counts(fit_nobs(x), ngrps(x))
  print_fixed(fit_beta(x), digits)
  print_conditions(fit_conditions(x))
  invisible(x)
}

# Under a heading of their own; nothing where the structure of the residuals holds all variances.
print_variances <- function(varcor, digits, ...) {
  if (length(varcor)) cat("Random effects:\n") else if (attr(varcor, "useSc")) cat("Residual variance:\n")
  print(varcor, digits = digits, ...)
}

# Hundreds of coefficients are no use in a short print: the first few and where to find the rest.
print_fixed <- function(beta, digits, most = 6L) {
  if (!length(beta)) {
    cat("No fixed effect coefficients\n")
    return(invisible())
  }
  cat("Fixed Effects:\n")
  shown <- format(beta, digits = digits)
  width <- max(nchar(readable_text(names(beta))), nchar(shown)) + 2L
  shown <- shown[seq_len(min(length(beta), most * max(1L, getOption("width") %/% width)))]
  print.default(shown, print.gap = 2L, quote = FALSE)
  rest <- length(beta) - length(shown)
  if (rest > 0L) cat("... and ", rest, " more; see fixef()\n", sep = "")
}
