# The grammar of `variance`: a linear predictor of the log standard deviation, and terms that are not linear.

# list(terms, nonlinear, fitted): `terms` is the linear predictor, or NULL; `nonlinear` holds list(kind, x, by).
variance_spec <- function(e) {
  parts <- lapply(summands(e), function(part) rewrite_variance(as_fitted(part)))
  special <- vapply(parts, function(part) is.call(part) && call_head(part) %in% c("constpower", "constprop"), NA)
  linear <- parts[!special]
  terms <- if (length(linear)) variance_terms(Reduce(function(a, b) call("+", a, b), linear))
  list(terms = terms, nonlinear = lapply(parts[special], nonlinear_term))
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

# `data` with the columns that are made of fitted values.
with_fitted_columns <- function(plan, data, fitted) {
  for (e in Filter(uses_fitted, variance_variables(plan))) {
    data[[variable_label(e)]] <- eval(e, list(.fitted = as.vector(fitted)), baseenv())
  }
  data
}

plan_variance <- function(spec, data) {
  if (is.null(spec$variance)) return(spec)
  if (!is.null(spec$variance_terms)) spec$variance_plan <- matrix_plan(with_data_terms(spec$variance_terms), data)
  spec$variance_nonlinear <- lapply(spec$variance_nonlinear, function(term) {
    if (!is.null(term$by)) term$levels <- group_of(term$by, data)$levels
    term
  })
  spec
}

with_data_terms <- function(terms) {
  attr(terms, "intercept") <- 1L
  terms
}

# Coefficients are those of the log standard deviation; the engine's are those of the log variance. Nonlinear terms
# follow, with -1 in rows that they leave alone.
variance_columns <- function(plan, data, n) {
  linear <- if (is.null(plan$variance_plan)) matrix(0, n, 0L)
            else 2 * build_matrix(plan$variance_plan, data, n = n)[, -1L, drop = FALSE]
  out <- do.call(cbind, c(list(linear), lapply(plan$variance_nonlinear, nonlinear_columns, data)))
  check_variance_columns(out, plan)
  out
}

nonlinear_columns <- function(term, data) {
  x <- abs(as.double(data[[variable_label(term$x)]]))
  if (is.null(term$by)) return(matrix(x, ncol = 1L))
  label <- group_labels(term$by, data)
  vapply(term$levels, function(level) ifelse(label == level, x, -1), x)
}

check_variance_columns <- function(w, plan) {
  bad <- which(rowSums(!is.finite(w)) > 0)
  if (!length(bad)) return(invisible())
  lmm_abort("data", paste0("a variable of `variance` is not finite in row ", bad[1L],
                           " (the logarithm of 0, for instance)."), what = deparse_line(plan$variance), where = bad,
            fix = "A power of x needs x other than 0; constpower(x) takes 0.")
}

# Kind and name of every nonlinear column: "constpower", c("const|F", "power|F"), ...
nonlinear_labels <- function(plan) {
  parts <- lapply(plan$variance_nonlinear, function(term) {
    data.frame(kind = term$kind, level = if (is.null(term$by)) "" else paste0("|", term$levels),
               stringsAsFactors = FALSE)
  })
  do.call(rbind, parts)
}

# The variance function's parameters by name, from the engine's table.
variance_names <- function(p, plan) {
  own <- nonlinear_labels(plan)
  word <- c(constant = "const", power = "power", proportion = "prop")[p$kind]
  out <- paste0(word, own$level[p$row])
  linear <- gsub("\\.fitted", "fitted",
                 gsub("log\\(abs\\(([^()]*)\\)\\)", "power(\\1)", plan$variance_plan$columns[-1L]))
  out[p$kind == "log_ratio"] <- linear[p$row[p$kind == "log_ratio"]]
  out
}

# ---- a variance that depends on the fitted values ----

# Fits until the fitted values that the variance depends on are those of the fit, as nlme does; `fit_with(rows, start)`
# fits with the columns of these rows.
iterate_fitted <- function(frame, rows, fit_with, tolerance = 1e-8) {
  fitted <- least_squares_fitted(frame, rows)
  before <- NULL
  for (iteration in seq_len(60L)) {
    rows$data <- with_fitted_columns(frame$residual, rows$data, fitted)
    fit <- suppressMessages(fit_with(rows, before), classes = "lmm_message_boundary")
    now <- c(fit$optimum$theta, fit$optimum$psi)
    change <- if (is.null(before)) Inf else max(abs(as.vector(before) - now) / pmax(abs(now), 1e-3))
    if (change < tolerance) break
    before <- structure(now, engine = TRUE, more = change > 0.01)      # far away there may be a better optimum
    fitted <- mean_response(fit, rows, all_columns(fit, TRUE))
  }
  signal_conditions(Filter(function(own) inherits(own, "lmm_message_boundary"), fit$conditions))
  if (!(change < tolerance)) {
    lmm_warn("convergence", "the variance function of the fitted values did not settle in 60 iterations.",
             what = "variance",
             fix = "Use a covariate of the data, or variance = ~ constpower(fitted).")
  }
  fit
}

least_squares_fitted <- function(frame, rows) {
  d <- design(frame, rows)
  offset <- if (is.null(rows$offset)) 0 else rows$offset
  as.vector(stats::lm.fit(as.matrix(d$X), as.vector(rows$y) - offset)$fitted.values + offset)
}
