# Adding terms one at a time: stats::add1() updates the whole formula, of which only the fixed part has terms to add.

#' @importFrom stats add1
#' @export
add1.lmm_fit <- function(object, scope, ...) {
  if (inherits(scope, "formula")) scope <- terms_to_add(object, scope)
  check_texts(scope, "scope")
  utils::getS3method("add1", "default")(object, scope, ...)
}

terms_to_add <- function(fit, scope) {
  if (holds_bar(scope)) {
    lmm_abort("formula", paste0("`scope` has a random term: ", deparse_line(scope), "."), what = "scope",
              fix = "Compare the fit with update(fit, . ~ . + (1 | g)) by anova().")
  }
  fixed <- stats::formula(fit_frame(fit)$terms)
  wanted <- stats::update.formula(fixed, scope)
  larger <- stats::update.formula(fixed, stats::as.formula(call("~", call("+", quote(.), wanted[[length(wanted)]]))))
  found <- stats::add.scope(fixed, larger)
  if (length(found)) return(found)
  lmm_abort("input", "`scope` has no term that the model does not have.", what = "scope", value = scope)
}
