# Variables of new data have the classes and units that they had in the fit, or are converted, or refused.

# What is kept of each variable of the formula: kind, class, units, time zone, the levels of a factor that stands in an
# expression, and `role`: is the variable itself a predictor, only part of expressions, or only a grouping variable?
variable_records <- function(columns, source) {
  calls <- columns$calls[names(columns$calls) != columns$response]
  calls <- c(calls, Filter(is.language, columns$arguments))
  names <- unique(unlist(lapply(calls, variables_of)))
  names <- names[!names %in% columns$constants]
  inside <- unlist(lapply(Filter(is.call, calls), variables_of))
  roles <- columns$roles
  lapply(stats::setNames(names, names), function(name) {
    x <- plain_column(find_value(name, list(source$data, source$env))$value)
    list(name = name, kind = variable_kind(x), class = class(x)[!class(x) %in% decorations], units = attr(x, "units"),
         tzone = attr(x, "tzone"), zone = if (inherits(x, "POSIXct")) time_zone(x),
         whole_days = inherits(x, "POSIXct") && is_whole_days(utils::head(x, 1000L)),
         basis = basis_of(x), levels = if (name %in% inside) levels(x), ordered = is.ordered(x),
         role = variable_role(name, roles, inside))
  })
}

variable_role <- function(name, roles, inside) {
  if (any(roles[[name]] %in% c("fixed", "slope"))) "predictor" else if (name %in% inside) "part" else "group"
}

# Constants that a column made by scale(), poly(), ns() or bs() carries.
basis_of <- function(x) {
  names <- c("scaled:center", "scaled:scale", "coefs", "knots", "Boundary.knots", "degree", "intercept")
  if (!any(names(attributes(x)) %in% names)) return(list())
  constants <- attributes(x)[names]
  Filter(length, lapply(constants, function(value) if (is.list(value)) unlist(value) else value))
}

# A column of new data that was standardized by its own mean, and not by that of the fit, is another variable.
other_basis <- function(x, name, known) {
  own <- basis_of(x)
  if (!length(own) || !length(known) || isTRUE(all.equal(unname(unlist(own)), unname(unlist(known))))) return(NULL)
  list(lmm_condition("warning", "data",
                     paste0(quote_name(name),
                            paste(" of `newdata` was made by scale(), poly() or a spline with other constants",
                                  "(center, scale, "),
    "knots) than in the fit: it is another variable."), what = name,
    fix = paste("Make it with those of the fit: scale(x, center = , scale = ), predict(basis, x), or write the call",
                "into the formula.")))
}

variable_kind <- function(x) {
  if (is.factor(x)) "factor"
  else if (inherits(x, c("Date", "POSIXct", "difftime"))) intersect(c("Date", "POSIXct", "difftime"), class(x))[1L]
  else if (is.logical(x) && !is.object(x)) "logical"
  else if (is.character(x)) "text"
  else if (is_plain_number(x)) "number"
  else "other"
}

# "" is the time zone of the session.
time_zone <- function(x) {
  zone <- attr(x, "tzone")[1L]
  if (length(zone)) zone else ""
}

is_whole_days <- function(x) all(unclass(x) %% 86400 == 0, na.rm = TRUE)

# Is midnight in this time zone midnight in universal time?
is_midnight_in <- function(dates, zone) {
  dates <- unique(dates[!is.na(dates)])
  all(as.double(as.POSIXct(format(dates, "%Y-%m-%d"), tz = zone)) == unclass(dates) * 86400)
}

# The columns of `data` as they were in the fit. `numbers`: do plain numbers stand for the values of a class, as in a
# grid?
as_in_fit <- function(data, frame, names, numbers = FALSE) {
  for (name in intersect(names, names(data))) {
    known <- frame$variables[[name]]
    if (is.null(known)) next
    x <- .subset2(data, name)
    converted <- convert_variable(if (inherits(x, "POSIXlt")) as.POSIXct(x) else x, name, known, numbers)
    if (identical(converted, x)) next
    data <- unclass(data)                     # a list that keeps its row names
    data[[match(name, names(data))]] <- converted
  }
  data
}

convert_variable <- function(x, name, known, numbers) {
  if (is.data.frame(x) || is.list(x) || length(dim(x)) > 1L) return(x)
  kind <- variable_kind(x)
  if (kind == "logical" &&
      all(is.na(x))) return(if (known$kind %in% names(time_numbers) ||
                                known$kind == "other") of_class(as.double(x), known) else x)
  if (known$kind %in% c("factor", "text") && kind %in% c("difftime", "other")) abort_class(x, name, known)
  if (known$role == "group" && (kind %in% c("factor", "text") || known$kind %in% c("factor", "text"))) return(x)
  if (numbers && kind == "number") return(if (known$kind %in% c(names(time_numbers),
                                                                "other")) of_class(as.double(x), known) else x)
  switch(known$kind,
    Date = , POSIXct = , difftime = to_time(x, name, kind, known),
    number = to_number(x, name, kind, known),
    logical = to_logical(x, name, kind, known),
    factor = , text = if (known$role == "part") to_levels(x, known) else x,
    to_class(x, name, known)
  )
}

of_class <- function(x, known) structure(x, class = known$class, units = known$units, tzone = known$tzone)

# ---- times ----

# Seconds in a unit of each class.
time_numbers <- c(Date = 86400, POSIXct = 1, difftime = NA)

to_time <- function(x, name, kind, known) {
  if (kind == "difftime" && known$kind == "difftime") {
    units(x) <- known$units
    return(of_class(as.double(unclass(x)), known))
  }
  if (kind == known$kind) return(of_class(as.double(unclass(x)), known))
  if (kind == "POSIXct" && known$kind == "Date") {
    if (!is_whole_days(x)) {
      abort_class(x, name, known, "with times of day",
                  paste0("Convert it to days: as.Date(", name, ", tz = ", quote_level(time_zone(x)), ")."))
    }
    return(of_class(as.double(unclass(x)) / 86400, known))
  }
  if (kind == "Date" && known$kind == "POSIXct") {
    if (!known$whole_days && !is_midnight_in(x, known$zone)) {
      abort_class(x, name, known, NULL,
                  paste0("Convert it: as.POSIXct(format(", name, "), tz = ", quote_level(known$zone), ")."))
    }
    return(of_class(as.double(unclass(x)) * 86400, known))
  }
  abort_class(x, name, known)
}

# ---- numbers, logical values, levels ----

# A number in quotation marks, or as the level of a factor, where the variable is only part of expressions.
to_number <- function(x, name, kind, known) {
  if (kind == "number") return(x)
  if (kind %in% c("factor", "text")) {
    if (known$role == "predictor") return(x)
    text <- as.character(x)
    value <- suppressWarnings(as.numeric(enc2utf8(text)))
    return(if (identical(is.na(value), is.na(text))) value else x)
  }
  if (known$role == "group" && kind == "logical") return(x)
  abort_class(x, name, known, NULL, if (kind == "logical") paste0("Convert it: as.numeric(", name, ")."))
}

to_logical <- function(x, name, kind, known) {
  if (kind == "number" && all(x %in% c(0, 1, NA))) return(as.vector(x) == 1)
  if (kind %in% c("factor",
                  "text") && all(as.character(x) %in% c("TRUE", "FALSE", NA))) return(as.logical(as.character(x)))
  if (kind %in% c("number", "Date", "POSIXct", "difftime", "other")) abort_class(x, name, known, NULL,
                                                                                 paste("TRUE and FALSE, or 1 and 0,",
                                                                                       "are needed."))
  x
}

# In an expression the codes of a factor count: its levels are those of the fit, others come after them.
to_levels <- function(x, known) {
  text <- if (is.factor(x)) as.character(x) else level_text(x)
  if (known$kind == "text") return(text)
  factor(text, c(known$levels, setdiff(unique(text), c(known$levels, NA))), ordered = known$ordered)
}

# ---- other classes ----

# Of the same class, and in the same units where there are any: those of 'units', which converts them by the generic
# function.
to_class <- function(x, name, known) {
  if (!setequal(setdiff(class(x), decorations), known$class)) abort_class(x, name, known)
  if (identical(attr(x, "units"), known$units)) return(x)
  same <- tryCatch({
    units(x) <- known$units
    x
  }, error = function(e) NULL)
  if (is.null(same) || !identical(attr(same, "units"), known$units)) abort_class(x, name, known, "in other units")
  same
}

abort_class <- function(x, name, known, detail = NULL, fix = NULL) {
  words <- c(number = "numeric", logical = "logical", text = "character")
  article <- function(class, kind) if (kind %in% names(words)) words[[kind]] else with_article(class[1L])
  lmm_abort("newdata",
            paste0("variable ", quote_name(name), " was ", article(known$class, known$kind), " in the fit, but is ",
    paste(c(article(class(x), variable_kind(x)), detail), collapse = " "), " in `newdata`."), what = name,
    value = class(x),
    fix = if (is.null(fix)) "Convert it to the class and units that it had in the fit." else fix)
}
