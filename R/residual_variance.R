# The variance function of the residuals on rows: its columns, its labels, fitted values as a variable.

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
    check_one_column(data[[variable_label(term$x)]], variable_label(term$x), term$kind)
    if (!is.null(term$by)) term$levels <- group_of(term$by, data)$levels
    term
  })
  spec
}

# The word `fitted` could be meant for a column of the data.
check_fitted_word <- function(spec, columns) {
  if (!"fitted" %in% columns || !"fitted" %in% all.vars(spec$variance)) return(invisible())
  lmm_abort("data", paste("`fitted` in `variance` stands for the fitted values, and the data have a column of this",
                          "name."), what = c("variance", "fitted"),
            fix = "Rename the column; for the fitted values write fitted(.), as in power(fitted(.)).")
}

check_one_column <- function(x, label, word) {
  if (NCOL(x) == 1L) return(invisible())
  lmm_abort("data", paste0("`", word, "()` takes one variable of one column, not ", quote_name(label), "."),
            what = label)
}

with_data_terms <- function(terms) {
  attr(terms, "intercept") <- 1L
  terms
}

# Coefficients are those of the log standard deviation; the engine's are those of the log variance. Nonlinear terms
# follow, with -1 in rows that they leave alone.
variance_columns <- function(plan, data, n) {
  linear <- linear_variance_columns(plan, data, n)
  out <- do.call(cbind, c(list(linear), lapply(plan$variance_nonlinear, nonlinear_columns, data)))
  check_variance_columns(out, plan)
  out
}

linear_variance_columns <- function(plan, data, n) {
  if (is.null(plan$variance_plan)) return(matrix(0, n, 0L))
  out <- 2 * build_matrix(plan$variance_plan, data, n = n)[, -1L, drop = FALSE]
  if (is.null(plan$variance_center)) out else out - rep(plan$variance_center, each = n)
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
