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
  if (inherits(data, "cross_products")) {
    check_kept_arguments(data, setdiff(changes, names(call)))
    call[setdiff(c("weights", "offset", "subset", "na.action"), changes)] <- NULL
  }
  out <- eval(call, caller)
  if (!"data" %in% changes) shown$data <- fit_call(fit)$data
  shown$formula <- out$call$formula
  out$call <- shown
  out
}

# `gone`: arguments that are NULL in update(). Cross-products keep what they were made with.
check_kept_arguments <- function(table, gone) {
  gone <- intersect(gone, c("weights", "offset", "subset"))
  kept <- Filter(function(name) !is.null(table$plan$arguments[[name]]), gone)
  if (!length(kept)) return(invisible())
  lmm_abort("input", paste0("`", kept[1L], " = NULL`: the cross-products were made with `", kept[1L],
                            "`, which cannot be removed."), what = kept[1L],
            fix = paste0("Fit the model to the original data, or to cross-products made without `", kept[1L], "`."))
}
