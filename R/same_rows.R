# May fits be compared? Each row must have the same response, weight and offset in all of them, whatever the order of
# the rows.

check_comparable <- function(fits) {
  first <- fits[[1L]]
  for (other in fits[-1L]) {
    if (!inherits(other, "lmm_fit")) {
      lmm_abort("input", paste0("only fits made by lmm() can be compared, not one of class ",
                                quote_level(class(other)[1L]),
                                "."), what = class(other)[1L],
                fix = paste("For the model without random effects: rlrt() or lrt() tests one variance exactly,",
                            "ranova() each."))
    }
    check_same_rows(first, other)
  }
}

check_same_rows <- function(a, b) {
  if (fit_nobs(a) != fit_nobs(b)) {
    lmm_abort("input", paste0("the fits use different rows: n = ", fit_nobs(a), " and n = ", fit_nobs(b), "."),
              value = c(fit_nobs(a), fit_nobs(b)), fix = "Fit all models to the same complete rows.")
  }
  if (have_same_rows(a, b)) return(invisible())
  response <- c(fit_frame(a)$response, fit_frame(b)$response)
  if (response[1L] != response[2L]) {
    lmm_abort("input", paste0("the fits have different responses: ", quote_name(response[1L]), " and ",
                              quote_name(response[2L]), "."),
              what = response)
  }
  lmm_abort("input", paste0("the fits have different values of the response ", quote_name(response[1L]),
                            ", weights or offset, in one row at least."), what = response[1L],
            fix = paste("Fit all models to the same rows of the same data. Rows in another order are found by their",
                        "names, or by variables that the models share."))
}

# Row names tell rows apart wherever both fits have them and agree on what they have in common. Where row names have
# been made anew, rows are known by their variables: all those of one model at least must be known of both fits, from
# model frames or data. (The likelihood of that model is the same for all ways to match rows that agree in them.)
have_same_rows <- function(a, b) {
  if (!is.null(fit_cells(a)) || !is.null(fit_cells(b))) return(identical(moment_prints(a), moment_prints(b)))
  if (is.null(fit_stored_rows(a)) || is.null(fit_stored_rows(b))) return(same_prints(own_prints(a), own_prints(b)))
  same <- function(part) identical(fit_stored_rows(a)[[part]], fit_stored_rows(b)[[part]])
  if (same("y") && same("weights") && same("offset") &&
      identical(attr(fit_stored_rows(a)$data, "row.names"), attr(fit_stored_rows(b)$data, "row.names"))) return(TRUE)
  x <- only_used(fit_stored_rows(a))
  y <- only_used(fit_stored_rows(b))
  by_name <- compared_by_name(x, y)
  if (!is.na(by_name)) return(by_name)
  shared <- shared_variables(a, b, x, y)
  shared$enough && same_contents(x$values, y$values, shared$a, shared$b)
}

# list(a, b, enough): the variables that are known of the used rows of both fits, and whether these are all those of one
# model at least.
shared_variables <- function(a, b, x, y) {
  known <- list(known_columns(a, x, model_names(b)[[1L]]), known_columns(b, y, model_names(a)[[1L]]))
  shared <- intersect(names(known[[1L]]), names(known[[2L]]))
  models <- c(model_names(a), model_names(b))
  enough <- any(vapply(models, function(names) length(names) && all(names %in% shared), NA))
  shared <- intersect(shared, unlist(models))
  list(a = known[[1L]][shared], b = known[[2L]][shared], enough = enough)
}

# What else than the response a model is made of: the columns of its model frame, or the variables in them.
model_names <- function(fit) {
  list(setdiff(names(fit_stored_rows(fit)$data), c(fit_frame(fit)$response, "(weights)", "(offset)")),
       setdiff(all.vars(fit_spec(fit)$formula), all.vars(fit_spec(fit)$formula[[2L]])))
}

# Those of the model frame and, where the data can be found, of these, with the columns of another model frame made from
# them.
known_columns <- function(fit, used, labels) {
  data <- data_of_rows(fit, used)
  own <- used$variables
  out <- c(own, data[setdiff(names(data), names(own))])
  for (label in if (!is.null(data)) setdiff(labels, names(out))) {
    value <- quietly(with_usual_numbers(eval(str2lang(label), data, fit_places(fit)$formula)))
    if (NROW(value) == length(used$ids)) out[[label]] <- value
  }
  out
}

are_nested <- function(a, b) all(a %in% b) || all(b %in% a)

# TRUE or FALSE, NA where the names do not tell: they have none in common, or mean other rows.
compared_by_name <- function(x, y) {
  if (identical(x$ids, y$ids)) return(if (identical(x$values, y$values)) TRUE else NA)
  at <- if (is.integer(x$ids) && is.integer(y$ids)) match(x$ids, y$ids) else match(as.character(x$ids),
                                                                                   as.character(y$ids))
  known <- which(!is.na(at))
  if (!length(known)) return(NA)
  agree <- identical(lapply(x$values, `[`, known), lapply(y$values, `[`, at[known]))
  if (agree) length(known) == length(at) else NA
}

# Do the same combinations of values and variables occur, equally often?
same_contents <- function(values_a, values_b, a, b) identical(content_print(values_a, a), content_print(values_b, b))

# The data behind the used rows of a fit, if they can still be found and have the response of the fit.
data_of_rows <- function(fit, used) {
  data <- quietly(find_data(fit, fit_call(fit)$data, fit_spec(fit)$formula))
  if (is.null(data)) return(NULL)
  at <- quietly(positions_in(row_labels(fit_stored_rows(fit)), data))
  if (is.null(at) || anyNA(at) || any(at > .row_names_info(data, 2L))) return(NULL)
  y <- quietly(plain_numeric(eval(fit_spec(fit)$formula[[2L]], data, fit_places(fit)$formula)))
  at <- at[used$keep]
  if (identical(y[at], used$values[[1L]])) lapply(as.list(data), take_rows, at)
}

# NULL where an expression has no value.
quietly <- function(expr) tryCatch(suppressWarnings(suppressMessages(expr)), error = function(e) NULL)

# ---- rows in one order ----

# Fits that may be compared, with their rows in the order of those of the first fit and without those of weight 0: for
# computations that go through the rows of several fits at once.
in_one_order <- function(fits) {
  if (any(vapply(fits, function(fit) is.null(fit_stored_rows(fit)), NA))) return(fits)
  first <- fits[[1L]]
  ids <- lapply(fits, function(fit) attr(fit_stored_rows(fit)$data, "row.names"))
  weighted <- vapply(fits, function(fit) !all(used_rows(fit_stored_rows(fit))), NA)
  if (!any(weighted) && all(vapply(ids, identical, NA, ids[[1L]])) &&
      all(vapply(fits, function(fit) identical(fit_stored_rows(fit)$y, fit_stored_rows(first)$y), NA))) return(fits)
  at <- lapply(fits, function(fit) which(used_rows(fit_stored_rows(fit)))[matching_rows(first, fit)])
  Map(with_rows, fits, at)
}

# For each used row of `a` the place of the same row among those of `b`.
matching_rows <- function(a, b) {
  x <- only_used(fit_stored_rows(a))
  y <- only_used(fit_stored_rows(b))
  if (isTRUE(compared_by_name(x, y))) return(match(as.character(x$ids), as.character(y$ids)))
  shared <- shared_variables(a, b, x, y)
  sorted <- function(values, variables) {
    columns <- lapply(c(values, comparable_columns(variables)), function(x) if (is.factor(x)) as.character(x) else x)
    do.call(radix_order, unname(columns))
  }
  out <- integer(length(x$ids))
  out[sorted(x$values, shared$a)] <- sorted(y$values, shared$b)
  out
}

# A fit with these of its rows, in this order. What has been computed from all rows stays.
with_rows <- function(fit, at) {
  rows <- fit_stored_rows(fit)
  part <- function(x) if (is.null(x)) NULL else take_rows(x, at)
  data <- structure(lapply(rows$data, take_rows, at), class = "data.frame", row.names = seq_along(at),
                    terms = attr(rows$data, "terms"))
  fit$rows <- list(data = data, y = part(rows$y), offset = part(rows$offset), weights = part(rows$weights),
                   codes = lapply(rows$codes, part), n = length(at))
  fit
}

# ---- fits without rows ----

# Of a fit from cross-products, or of one with rows.
moment_prints <- function(fit) {
  if (is.null(fit_cells(fit))) cell_prints(fit_rows(fit, "this comparison")) else fit_row_prints(fit)
}

same_prints <- function(a, b) {
  if (!is.null(a$by_name) && identical(a$by_name, b$by_name)) return(TRUE)
  variables <- lapply(list(a, b), function(prints) setdiff(names(prints$by_variable), c("(weights)", "(offset)")))
  shared <- intersect(variables[[1L]], variables[[2L]])
  length(shared) > 0L && are_nested(variables[[1L]], variables[[2L]]) && identical(a$by_variable[shared],
                                                                                   b$by_variable[shared])
}

own_prints <- function(fit) {
  rows <- fit_stored_rows(fit)
  if (is.null(rows)) fit_row_prints(fit) else row_prints(rows, fit_frame(fit)$response)
}
