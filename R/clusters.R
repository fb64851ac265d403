# Which rows belong to one cluster, for cluster-robust covariances.

# A formula, or one value per row that was used or per row of the data -> integer codes of the rows used.
cluster_codes <- function(cluster, fit) {
  rows <- fit_rows(fit, "a cluster-robust covariance")
  if (inherits(cluster, "formula")) return(formula_clusters(cluster, fit, rows))
  if (length(cluster) != rows$n) cluster <- without_omitted(cluster, rows)
  if (length(cluster) != rows$n || anyNA(cluster)) {
    lmm_abort("input", paste0("`cluster` must be a formula, or have a value for each of the ", count_of(rows$n, "row"),
                              "."),
              what = "cluster", value = length(cluster))
  }
  match(cluster, unique(cluster))
}

without_omitted <- function(x, rows) {
  left_out <- attr(rows$data, "na.action")
  if (length(left_out) && length(x) == rows$n + length(left_out)) x[-as.integer(left_out)] else x
}

# Rows are in one cluster where all parts that ":" joins have the same value.
formula_clusters <- function(formula, fit, rows) {
  values <- cluster_variables(all.vars(formula), formula, fit, rows)
  parts <- lapply(cluster_parts(formula), function(part) {
    x <- force_argument(eval(part, values, environment(formula)), "cluster")
    if (is.atomic(x) && length(x) == rows$n && !anyNA(x)) return(as.character(x))
    abort_cluster(part, if (length(x) != rows$n) size_problem(x, rows) else if (!is.atomic(x)) "is not a vector" else
      missing_problem(x))
  })
  key <- do.call(paste, c(parts, sep = "\r"))
  match(key, unique(key))
}

cluster_parts <- function(formula) {
  parts <- if (length(formula) == 2L) group_parts(formula[[2L]])
  wrong <- Filter(function(part) is.call(part) && call_head(part) %in% c("+", "-", "*", "/", "|", "%in%", "^"), parts)
  if (length(parts) && !length(wrong)) return(parts)
  lmm_abort("input", paste0("`cluster = ", deparse_line(formula), "` must name one way to divide the rows."),
            what = "cluster",
            fix = paste("Write ~ a:b for clusters by the combinations of a and b; clusters in two directions are not",
                        "available."))
}

# The variables by name: of the model, of the data, or of where the formula was written.
cluster_variables <- function(names, formula, fit, rows) {
  if (are_cell_rows(rows)) return(lapply(stats::setNames(nm = names), cluster_of_cells, rows))
  elsewhere <- setdiff(names, names(rows$data))
  data <- if (length(elsewhere)) {
    find_data(fit, fit_call(fit)$data, formula, environment(formula))
  }
  found <- lapply(names, function(name) {
    if (!name %in% elsewhere) return(rows$data[[name]])
    x <- if (!is.null(data[[name]])) data[[name]][positions_in(row_labels(rows), data)]
         else get0(name, envir = environment(formula))
    if (is.null(x)) abort_cluster(as.name(name), "not found")
    if (!is.null(data[[name]]) && anyNA(x)) abort_cluster(as.name(name), missing_problem(x))
    x
  })
  stats::setNames(found, names)
}

# The value of a key in the cell that each row stands for.
cluster_of_cells <- function(name, rows) {
  if (name %in% names(rows$cells$keys)) return(key_column(rows$cells$keys[[name]])[rows$cell])
  lmm_abort("input", paste0("the cross-products are not summed within the levels of ", quote_name(name),
                            ", which `cluster` names."), what = c("cluster", name),
            fix = paste0("Give the rows again by data =, or make the table with (1 | ", name, ") in its formula."))
}

# The fit with a table of cells that also tells the clusters apart, from rows that are given again.
with_finer_cells <- function(fit, cluster, data) {
  if (!is_cells_fit(fit)) {
    lmm_abort("input", "`data` is for fits from cross-products; this fit has its rows.", what = "data",
              fix = "Leave `data` out.")
  }
  if (!inherits(cluster, "formula")) {
    lmm_abort("input", "with `data`, `cluster` must be a formula.", what = "cluster", fix = "Write cluster = ~ school.")
  }
  formula <- fit_spec(fit)$formula
  for (name in setdiff(all.vars(cluster), names(fit_cells(fit)$keys))) {
    formula[[3L]] <- call("+", formula[[3L]], call("(", call("|", 1, as.name(name))))
  }
  plan <- fit_cells(fit)$plan
  table <- read_cells(check_source(data), model_spec(formula, TRUE), plan$arguments, environment(cluster),
                      plan$na_rule)
  if (sum(table$n) != sum(fit_cells(fit)$n)) {
    abort_other_rows(paste0("`data` has ", count_of(sum(table$n), "complete row"), ", but the fit used ",
                            sum(fit_cells(fit)$n), "."), sum(table$n))
  }
  finer <- fit
  finer$cells <- table
  finer["rows"] <- list(NULL)
  check_same_sums(with_cell_rows(finer), fit)
  finer
}

# Rows with the same sums have the same criterion.
check_same_sums <- function(finer, fit) {
  blocks <- summed_blocks(finer$frame, finer$rows, finer$control)
  finer$cross_products <- blocks
  value <- function(fit) criterion_at(fit, fit_optimum(fit)$theta, point = free_point(fit))$value
  gap <- value(finer) - value(fit)
  if (isTRUE(abs(gap) <= 1e-6 * (1 + abs(value(fit))))) return(invisible())
  abort_other_rows("`data` does not contain the rows of the fit: their cross-products differ.", gap)
}

abort_other_rows <- function(problem, value) {
  lmm_abort("data", problem, what = "data", value = value, fix = "Give the rows of the fit, each with its cluster.")
}

missing_problem <- function(x) paste0("has missing values (", row_text(which(is.na(x))), ")")

size_problem <- function(x, rows) paste0("has length ", length(x), ", the fit has ", rows$n, " rows")

abort_cluster <- function(part, problem) {
  name <- deparse_line(part)
  lmm_abort("input", paste0(if (is.symbol(part)) "variable ", quote_name(name), " of `cluster` ", problem, "."),
            what = name)
}
