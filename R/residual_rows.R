# The residual structure on rows: subjects, positions and variance covariates as the engine wants them.

# Visits are the sorted values of one variable; other positions are numbers.
plan_positions <- function(part, data, spec) {
  word <- residual_words[[part$word]]
  labels <- vapply(part$positions, variable_label, "")
  if (part$word == "known") return(part)
  if (isTRUE(word$visits) || word$name %in% c("ar1", "arma", "series")) {
    if (length(labels) > 1L) abort_positions(part, "takes one variable", labels)
    if (length(labels) && NCOL(data[[labels]]) > 1L) abort_positions(part, "takes one variable of one column", labels)
    if (length(labels)) part <- c(part, visit_levels(data[[labels]], labels, isTRUE(word$visits), part$word))
    else if (isTRUE(word$visits)) part <- c(part, visits_by_order(spec, data))
  } else {
    for (label in labels) if (!is_position(data[[label]])) abort_positions(part, "takes numbers", label)
    part$widths <- vapply(labels, function(label) NCOL(data[[label]]), 0L)
  }
  part
}

# Without a position the visits are the first, second, ... row of each subject.
visits_by_order <- function(spec, data) {
  n <- NROW(data[[1L]])
  values <- as.double(seq_len(max(0L, tabulate(subject_codes(spec, data, n)))))
  list(values = values, used = seq_along(values))
}

is_position <- function(x) is.numeric(x) || inherits(x, c("Date", "POSIXct", "difftime"))

abort_positions <- function(part, what, labels) {
  lmm_abort("data", paste0("structure `", part$word, "()` ", what, ", not ", enumerate(quote_name(labels)), "."),
            what = labels)
}

# Factors count by their levels, text by its sorted values, whole numbers by themselves.
visit_levels <- function(x, label, visits, word) {
  if (is.factor(x)) {
    all <- seq_along(levels(x))
    return(list(levels = levels(x), used = if (visits) all[tabulate(x, length(all)) > 0L] else all))
  }
  if (is.character(x)) return(list(levels = in_order(unique(x)), used = seq_along(unique(x))))
  if (!is.numeric(x)) {
    lmm_abort("data", paste0("the position ", quote_name(label), " must be a factor or a number, not ", kind_of(x),
                             "."), what = label)
  }
  if (!visits && any(x != round(x))) {
    lmm_abort("data", paste0("`", word, "()` counts whole steps, but ", quote_name(label), " is not whole."),
              what = label, fix = "Use ou() for positions at any distance.")
  }
  if (!visits) return(list())
  values <- sort(unique(as.double(x)))
  list(values = values, used = seq_along(values))
}

# Codes 0, 1, ... of the visits in use, or the numbers themselves; a matrix has a coordinate in each column.
position_values <- function(part, data, label) {
  x <- data[[label]]
  if (!is.null(part$levels)) return(match(match(as.character(x), part$levels), part$used) - 1)
  if (!is.null(part$values)) return(match(as.double(x), part$values) - 1)
  if (NCOL(x) > 1L) matrix(as.double(x), nrow(x)) else as.double(unclass(x))
}

# The engine's list for rows with `data`; `order` numbers rows within subjects where no position is given.
residual_rows <- function(plan, data, n) {
  labels <- vapply(c(structure_calls(plan), variance_variables(plan)), variable_label, "")
  missing <- setdiff(labels, names(data))
  if (length(missing)) lmm_abort("internal", paste0("the rows have no variable ", enumerate(quote_name(missing)),
                                                    ", which the residual structure uses."), what = missing)
  subject <- subject_codes(plan, data, n)
  columns <- lapply(plan$parts, position_columns, data, subject)
  by <- if (is.null(plan$by)) rep(1L, n) else match(group_labels(plan$by, data), plan$by_levels)
  group <- integer(max(subject))
  group[subject] <- by
  check_one_group(subject, by, group, plan)
  c(engine_structure(plan), list(visits = visit_count(plan), subject = subject, subject_group = pmax(group, 1L),
                                 positions = do.call(cbind, columns), w = variance_columns(plan, data, n)))
}

subject_codes <- function(plan, data, n) {
  if (!is.null(plan$subject)) return(group_of(plan$subject, data)$codes)
  if (is_independent(plan)) seq_len(n) else rep(1L, n)
}

position_columns <- function(part, data, subject) {
  if (part$word == "known") return(known_positions(part, data, subject))
  labels <- vapply(part$positions, variable_label, "")
  if (!length(labels)) return(matrix(order_within(subject), ncol = 1L))
  do.call(cbind, lapply(labels, position_values, part = part, data = data))
}

is_independent <- function(plan) plan$parts[[1L]]$word %in% c("iid", "homdiag") && length(plan$parts) == 1L

part_visits <- function(part) if (isTRUE(residual_words[[part$word]]$visits)) length(part$used) else 0L

visit_count <- function(plan) part_visits(plan$parts[[1L]])

# What the engine has to know of the structure, without rows.
engine_structure <- function(plan) {
  terms <- nonlinear_labels(plan)$kind
  list(parts = lapply(plan$parts, engine_part), nugget = plan$nugget, groups = max(1L, length(plan$by_levels)),
       variance_terms = if (is.null(terms)) character() else terms,
       variance_references = if (is.null(plan$variance_reference)) numeric(length(terms)) else plan$variance_reference,
       held = as.integer(plan$held$index), held_values = as.double(plan$held$value),
       own_scale = isTRUE(plan$own_scale))
}

engine_part <- function(part) {
  visits <- part_visits(part)
  given <- function(name, default) if (is.null(part[[name]])) default else part[[name]]
  name <- if (isTRUE(part$series)) "series" else residual_words[[part$word]]$name
  list(name = name, visits = visits, bands = as.integer(given("bands", visits)) - 1L, columns = part_columns(part),
       p = as.integer(given("p", 1L)), q = as.integer(given("q", 1L)), shape = given("shape", 0),
       metric = given("metric", "euclidean"), blocks = given("blocks", list()), estimated = isTRUE(part$estimated))
}

part_columns <- function(part) {
  if (part$word == "known") 2L else max(1L, if (is.null(part$widths)) length(part$positions) else sum(part$widths))
}

check_one_group <- function(subject, by, group, plan) {
  if (is.null(plan$by) || all(group[subject] == by)) return(invisible())
  at <- which(group[subject] != by)[1L]
  lmm_abort("data", paste0("a subject of `residual` is in several groups of ", quote_name(deparse_line(plan$by)),
                           " (row ", at, ")."), what = deparse_line(plan$by), where = at)
}

# Rows by subject, with positions on a line that increase. Rounding can only make equal what differs.
are_in_order <- function(residual) {
  if (ncol(residual$positions) != 1L || length(residual$subject) < 2L) return(FALSE)
  at <- residual$positions[, 1L]
  span <- max(at) - min(at)
  isFALSE(is.unsorted(residual$subject * (2 * span + 1) + at, strictly = TRUE))
}

# Two rows of a subject at one position would be the same measurement.
check_positions_once <- function(residual, plan, labels) {
  if (is_independent(plan) || isTRUE(plan$nugget)) return(invisible())
  if (are_in_order(residual)) return(invisible())
  key <- unname(as.list(as.data.frame(cbind(residual$subject, residual$positions))))
  order <- do.call(order, c(key, method = "radix"))
  same <- Reduce(`&`, lapply(key, function(x) diff(x[order]) == 0), rep(TRUE, max(length(order) - 1L, 0L)))
  if (!any(same)) return(invisible())
  twice <- sort(order[-1L][same])
  first <- which(Reduce(`&`, lapply(key, function(x) x == x[twice[1L]])))[1L]
  positions <- unlist(lapply(plan$parts, function(part) vapply(part$positions, deparse_line, "")))
  lmm_abort("data", paste0("rows ", labels[first], " and ", labels[twice[1L]], " are of one subject",
    if (!is.null(plan$subject)) paste0(" (", deparse_line(plan$subject), ")"), " at one position",
    if (length(positions)) paste0(" (", paste(positions, collapse = ", "), ")"),
    ": `residual` cannot distinguish them."), what = positions, where = c(first, twice[1L]), value = length(twice),
    fix = if (is.null(plan$subject)) paste0("Name the subjects: ~ ", plan$parts[[1L]]$word, "(visit | subject).")
          else "Average them, or add what separates them to the subject.")
}

# The engine's R(psi) of these rows as if they were one subject, in units of sigma^2.
structure_matrix <- function(model, psi, index) {
  part <- function(x) x[index, , drop = FALSE]
  structure_at(model, psi, part(model$positions), part(model$w), model$subject_group[model$subject[index]])
}

# The same for rows by their positions, variance covariates and groups; with `slopes` a list, R and its derivatives.
structure_at <- function(model, psi, positions, w, group, slopes = FALSE) {
  engine_result(engine_residual_matrix(model, psi, positions, w, group, slopes))
}
