# The grammar of `variance`: a linear predictor of the log standard deviation, and terms that are not linear.

# list(terms, nonlinear, fitted): `terms` is the linear predictor, or NULL; `nonlinear` holds list(kind, x, by).
variance_spec <- function(e) {
  in_brackets <- function(e) is.call(e) && call_head(e) == "(" && is_bar(e[[2L]])
  random <- Filter(function(e) is_bar(e) || in_brackets(e), summands(e))
  if (length(random)) {
    lmm_abort("formula", paste0("`variance` has a random term, ", quote_name(deparse_line(random[[1L]])),
                                ", but takes fixed coefficients only."), what = "variance",
              fix = "Random terms belong in the formula; write power(x | g) for a power in each level of g.")
  }
  lapply(summands(e), refuse_foreign_variance)
  parts <- lapply(summands(e), function(part) rewrite_variance(as_fitted(part)))
  special <- vapply(parts, function(part) is.call(part) && call_head(part) %in% c("constpower", "constprop"), NA)
  linear <- parts[!special]
  terms <- if (length(linear)) variance_terms(Reduce(function(a, b) call("+", a, b), linear))
  list(terms = terms, nonlinear = lapply(parts[special], nonlinear_term))
}

# A variance function of package 'nlme'.
refuse_foreign_variance <- function(e) {
  head <- if (is.call(e)) call_head(e) else ""
  if (!head %in% foreign_variance_words) return(invisible())
  here <- variance_here(e)
  lmm_abort("formula", paste0("`variance` has no function ", head, "(), which belongs to package 'nlme'."),
            what = deparse_line(e),
            fix = if (!is.null(here)) paste0("Write variance = ~ ", here, ".")
            else if (head == "varFixed") "For a variance proportional to x, use weights = 1 / x."
            else "Combine functions with `+`: variance = ~ g + power(x).")
}

# fitted(.) and fitted stand for the fitted values; `.fitted` is the name of their column.
as_fitted <- function(e) {
  if (identical(e, quote(fitted)) || is.call(e) && identical(e[[1L]], quote(fitted))) return(quote(.fitted))
  if (is.call(e)) e[-1L] <- lapply(as.list(e)[-1L], as_fitted)
  e
}

# power(x) is log(abs(x)), and power(x | g) has an own power in each level of g.
rewrite_variance <- function(e) {
  if (!is.call(e) || !call_head(e) %in% c("power", "constpower", "constprop")) return(e)
  inner <- if (length(e) == 1L) quote(.fitted) else e[[2L]]
  if (call_head(e) != "power") return(as.call(list(e[[1L]], inner)))
  log_of <- function(x) call("log", call("abs", x))
  if (is_bar(inner)) call(":", inner[[3L]], log_of(inner[[2L]])) else log_of(inner)
}

nonlinear_term <- function(e) {
  inner <- e[[2L]]
  by <- if (is_bar(inner)) inner[[3L]]
  list(kind = call_head(e), x = if (is_bar(inner)) inner[[2L]] else inner, by = by)
}

variance_terms <- function(e) {
  formula <- structure(call("~", e), class = "formula", .Environment = baseenv())
  terms <- parse_terms(formula)
  if (!length(attr(terms, "term.labels"))) {
    lmm_abort("formula", "`variance` names no variable.", what = "variance",
              fix = "Write variance = ~ group, or variance = ~ log(x).")
  }
  terms
}

# Every variable of the variance function, those of the fitted values included.
variance_variables <- function(spec) {
  linear <- if (!is.null(spec$variance_terms)) as.list(attr(spec$variance_terms, "variables"))[-1L]
  nonlinear <- unlist(lapply(spec$variance_nonlinear, function(term) c(list(term$x), group_parts_of(term$by))),
                      recursive = FALSE)
  c(linear, nonlinear)
}

group_parts_of <- function(expr) if (is.null(expr)) list() else group_parts(expr)

uses_fitted <- function(e) ".fitted" %in% all.vars(e)

has_fitted_variance <- function(plan) !is.null(plan) && any(vapply(variance_variables(plan), uses_fitted, NA))
