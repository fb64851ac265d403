# Updating a fit that was made from cross-products: with another formula inside them, or with more data.

is_cells_fit <- function(fit) !is.null(fit_cells(fit))

# `call` is that of the new fit. Its data are the table that the fit holds, or what is given.
update_cells_fit <- function(fit, call, formula, changes, caller) {
  data <- if ("data" %in% changes) eval(call$data, caller) else fit_cells(fit)
  shown <- call
  call <- located_arguments(fit, call, changes, caller)
  call[[1L]] <- lmm
  call$data <- data
  call$formula <- structure(formula, .Environment = environment(fit_spec(fit)$formula))
  dropped <- if (inherits(data, "cross_products")) setdiff(c("weights", "offset", "subset", "na.action"), changes)
  call[dropped] <- NULL
  out <- eval(call, caller)
  if (!"data" %in% changes) shown$data <- fit_call(fit)$data
  shown$formula <- out$call$formula
  out$call <- shown
  out
}
