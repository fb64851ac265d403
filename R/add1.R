# Adding terms one at a time: stats::add1() updates the whole formula, of which only the fixed part has terms to add.

#' @importFrom stats add1
#' @export
add1.lmm_fit <- function(object, scope, test = c("none", "Chisq"), ...) {
  test <- match_word(test[1L], c("none", "Chisq"), "test")
  if (inherits(scope, "formula")) scope <- terms_to_add(object, scope)
  check_texts(scope, "scope")
  if (any(grepl("|", scope, fixed = TRUE))) abort_random_scope(scope)
  utils::getS3method("add1", "default")(object, scope, test = test, ...)
}

abort_random_scope <- function(scope) {
  lmm_abort("formula", paste0("`scope` has a random term: ", enumerate(scope), "."), what = "scope",
            fix = "Use anova() to compare the fit with update(fit, . ~ . + (1 | g)).")
}

terms_to_add <- function(fit, scope) {
  if (holds_bar(scope)) abort_random_scope(deparse_line(scope))
  fixed <- stats::formula(fit_frame(fit)$terms)
  wanted <- stats::update.formula(fixed, scope)
  larger <- stats::update.formula(fixed, stats::as.formula(call("~", call("+", quote(.), wanted[[length(wanted)]]))))
  found <- stats::add.scope(fixed, larger)
  if (length(found)) return(found)
  lmm_abort("input", "`scope` contains no term that is not already in the model.", what = "scope", value = scope)
}
